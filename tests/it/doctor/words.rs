//! The words that stand in the sources of what `doctor` says, and whether they were heard.

use std::collections::BTreeSet;
use std::path::Path;

/// Where its sentences are, and what is asked and found.
const SOURCES: [&str; 12] = [
    "diagnosis/sentence.rs",
    "diagnosis/mod.rs",
    "checks/health/examination.rs",
    "checks/job_log/examination.rs",
    "channels/email/examination.rs",
    "channels/telegram/examination.rs",
    "channels/notion_board/examination.rs",
    "cli/doctor/database.rs",
    "cli/doctor/heartbeat.rs",
    "cli/doctor/host.rs",
    "cli/doctor/settings.rs",
    "cli/findings.rs",
];

/// The texts in the sources of which no line of `heard` holds all that is fixed, in its order.
pub fn unheard(heard: &BTreeSet<String>) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let texts: Vec<String> =
        SOURCES.iter().flat_map(|file| texts(&std::fs::read_to_string(root.join(file)).unwrap())).collect();
    assert!(texts.len() > 100, "they are still found: {texts:#?}");
    let is_said = |text: &String| heard.iter().any(|line| holds(line, &pieces(text)));
    texts.into_iter().filter(|text| !is_said(text)).collect()
}

/// The texts of a source that are more than a name, as the program has them; its tests do not count.
fn texts(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line });
    let code = lines.collect::<Vec<_>>().join("\n");
    let mut rest = code.chars().peekable();
    let mut texts = vec![];
    while rest.any(|letter| letter == '"') {
        let mut text = String::new();
        while let Some(letter) = rest.next().filter(|letter| *letter != '"') {
            match (letter, rest.peek()) {
                // A line that goes on.
                ('\\', Some('\n')) => while rest.next_if(|letter| letter.is_whitespace()).is_some() {},
                ('\\', Some(_)) => text.extend(rest.next()),
                _ => text.push(letter),
            }
        }
        texts.push(text);
    }
    texts.retain(|text| text.trim().contains(' ') && text.contains(|letter: char| letter.is_lowercase()));
    texts
}

/// What of a text is always the same.
fn pieces(text: &str) -> Vec<String> {
    let parts = text.split('{').enumerate();
    let fixed = parts.map(|(place, part)| if place == 0 { part } else { part.split_once('}').map_or("", |it| it.1) });
    fixed.map(str::to_owned).filter(|piece| !piece.is_empty()).collect()
}

fn holds(line: &str, pieces: &[String]) -> bool {
    let mut rest = line;
    pieces.iter().all(|piece| match rest.split_once(piece.as_str()) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

#[test]
fn a_text_that_was_not_said_is_noticed() {
    let source = r#"write!(f, "add {} to the \
                    list: \"{name}\"")  // as "this one here"
        // "not this one"
        let other = "a_name";"#;
    assert_eq!(texts(source), ["add {} to the list: \"{name}\"", "this one here"]);
    let pieces = pieces(&texts(source)[0]);
    assert!(holds("Do this: add Dropped to the list: \"x\"", &pieces));
    assert!(!holds("Do this: add Dropped to your list: \"x\"", &pieces));
}

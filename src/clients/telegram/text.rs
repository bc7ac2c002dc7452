//! Fits a text into one Telegram message. Pure; the order is clean, cut, escape: a text that is cut after escaping may
//! end within an entity, which Telegram refuses.

use std::borrow::Cow;

/// The most UTF-16 units of a message, counted after entities were parsed, which is to say before we escape.
pub const LIMIT: usize = 4096;

/// What marks that something is missing; one UTF-16 unit.
const ELLIPSIS: char = '…';

/// The least room, in UTF-16 units, that is worth the beginning of an over-long line.
const LEAST_ROOM: usize = 16;

/// What a message says.
#[derive(Debug, Clone, Copy)]
pub enum Text<'a> {
    /// As it is.
    Plain(&'a str),
    /// Line by line, some of which end in a link.
    Lines(&'a [Line]),
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self::Plain(text)
    }
}

/// A line, perhaps with words of somebody else at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What stands before them.
    pub text: String,
    /// These words, and where they lead, if anywhere. What looks like an address among them leads nowhere else.
    pub link: Option<(String, Option<String>)>,
}

/// A text that fits into a message, in both ways in which it can be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fitted {
    /// As HTML.
    pub html: String,
    /// What one sees of that.
    pub plain: String,
}

impl Text<'_> {
    /// As much of it as `limit` UTF-16 units hold.
    pub fn fitted(&self, limit: usize) -> Fitted {
        match self {
            Self::Plain(text) => Fitted::plain(&clean(text), limit),
            Self::Lines(lines) => {
                let shown: Vec<String> = lines.iter().map(Line::shown).collect();
                let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
                let whole = units(&shown.join("\n")) <= limit;
                let kept = if whole { lines.len() } else { fitting(&shown, limit) };
                if kept == 0 {
                    // There is no room for as much as one line: then its link has none either.
                    return Fitted::plain(&shown.join("\n"), limit);
                }
                let ending = ending(lines.len() - kept);
                let html: Vec<String> = lines[..kept].iter().map(Line::html).collect();
                Fitted { html: html.join("\n") + &ending, plain: shown[..kept].join("\n") + &ending }
            }
        }
    }
}

impl Fitted {
    fn plain(text: &str, limit: usize) -> Self {
        let plain = cut(text, limit).into_owned();
        Self { html: escape(&plain), plain }
    }
}

impl Line {
    /// What one sees of it.
    fn shown(&self) -> String {
        let text = clean(&self.text).replace('\n', " ");
        match &self.link {
            Some((shown, _)) => text + &clean(shown).replace('\n', " "),
            None => text,
        }
    }

    fn html(&self) -> String {
        let text = escape(&clean(&self.text).replace('\n', " "));
        match &self.link {
            Some((shown, to)) => {
                let shown = escape(&clean(shown).replace('\n', " "));
                match to {
                    Some(to) => {
                        let to = escape(&clean(to)).replace('"', "&quot;");
                        format!("{text}<a href=\"{to}\">{shown}</a>")
                    }
                    // Telegram makes no links of what is code.
                    None => format!("{text}<code>{shown}</code>"),
                }
            }
            None => text,
        }
    }
}

/// `text` with one kind of line end and no other control character but the tab.
pub fn clean(text: &str) -> String {
    text.replace("\r\n", "\n")
        .chars()
        .map(|c| if c == '\r' { '\n' } else { c })
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .collect()
}

/// `text`, or as many of its first lines as `limit` UTF-16 units hold together with a last line that says how many are
/// missing. A line that does not fit and would not even as the only one is cut at a character.
pub fn cut(text: &str, limit: usize) -> Cow<'_, str> {
    if units(text) <= limit {
        return Cow::Borrowed(text);
    }
    let lines: Vec<&str> = text.split('\n').collect();
    let mut kept = fitting(&lines, limit);
    let mut out = lines[..kept].join("\n");
    let begun = lines.get(kept).filter(|line| units(line) > limit.saturating_sub(units(&note(lines.len() - 1)) + 1));
    if let Some(line) = begun {
        let before = if kept == 0 { 0 } else { units(&out) + 1 };
        let after = ending(lines.len() - kept - 1);
        let room = limit.saturating_sub(before + units(&after));
        if kept == 0 || room >= LEAST_ROOM {
            if kept > 0 {
                out.push('\n');
            }
            out.push_str(beginning(line, room.saturating_sub(1)));
            out.push(ELLIPSIS);
            kept += 1;
        }
    }
    out.push_str(&ending(lines.len() - kept));
    Cow::Owned(out)
}

/// How many of the first lines fit together with the note about the others.
fn fitting(lines: &[&str], limit: usize) -> usize {
    let mut length = 0;
    let mut fitting = 0;
    for (before, line) in lines.iter().enumerate() {
        length += units(line) + usize::from(before > 0);
        if length > limit {
            break;
        }
        if length + units(&ending(lines.len() - before - 1)) <= limit {
            fitting = before + 1;
        }
    }
    fitting
}

/// The line end and the note about the missing lines; nothing if none is missing.
fn ending(missing: usize) -> String {
    if missing == 0 { String::new() } else { format!("\n{}", note(missing)) }
}

fn note(missing: usize) -> String {
    format!("{ELLIPSIS} and {missing} more line{}", if missing == 1 { "" } else { "s" })
}

/// The longest beginning of `line` that has at most `room` UTF-16 units.
fn beginning(line: &str, room: usize) -> &str {
    let mut length = 0;
    for (at, c) in line.char_indices() {
        length += c.len_utf16();
        if length > room {
            return &line[..at];
        }
    }
    line
}

/// The length of `text` as Telegram counts it.
pub fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// `text` so that Telegram's HTML mode shows it as it is.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_is_cut_by_whole_lines() {
        let table: &[(&str, usize, &str)] = &[
            ("one\ntwo", 7, "one\ntwo"),
            ("", 30, ""),
            ("1234567890\n1234567890\n1234567890\n1234567890\n12", 42, "1234567890\n1234567890\n… and 3 more lines"),
            ("1234567890\n1234567890\n1234567890\n123", 33, "1234567890\n… and 3 more lines"),
            ("a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\nm", 24, "a\nb\n… and 11 more lines"),
            ("1234567890123456789012345678901234567890\nlast", 40, "123456789012345678901…\n… and 1 more line"),
            ("title\n1234567890123456789012345678901234567890\nlast", 40, "title\n123456789012345…\n… and 1 more line"),
            ("1234567890123456789012345678901234567890", 20, "1234567890123456789…"),
            ("🚨🚨🚨🚨🚨🚨", 10, "🚨🚨🚨🚨…"),
            ("🚨🚨🚨🚨🚨🚨", 12, "🚨🚨🚨🚨🚨🚨"),
        ];
        for (text, limit, expected) in table {
            assert_eq!(cut(text, *limit), *expected, "for {text:?} in {limit}");
        }
    }

    #[test]
    fn a_link_leads_where_it_is_to_lead_whatever_it_shows() {
        let line = |text: &str, link: Option<(&str, &str)>| Line {
            text: text.into(),
            link: link.map(|(shown, to)| (shown.into(), Some(to.into()))),
        };
        let lines = [
            line("a < b: ", Some(("</a><script>\n&", "https://n.so/x?a=1&b=\"<"))),
            line("plain", None),
            line("last: ", Some(("longer than that", "https://n.so/y"))),
        ];
        let all = Text::Lines(&lines).fitted(LIMIT);
        assert_eq!(
            all.html,
            "a &lt; b: <a href=\"https://n.so/x?a=1&amp;b=&quot;&lt;\">&lt;/a&gt;&lt;script&gt; &amp;</a>\nplain\nlast: \
             <a href=\"https://n.so/y\">longer than that</a>"
        );
        assert_eq!(all.plain, "a < b: </a><script> &\nplain\nlast: longer than that");
        let nowhere = [Line { text: "a: ".into(), link: Some(("<evil.example>".into(), None)) }];
        assert_eq!(Text::Lines(&nowhere).fitted(LIMIT).html, "a: <code>&lt;evil.example&gt;</code>");
        let fewer = Text::Lines(&lines).fitted(40);
        assert_eq!(fewer.plain, "a < b: </a><script> &\n… and 2 more lines");
        assert!(fewer.html.ends_with("</a>\n… and 2 more lines"), "{}", fewer.html);
        assert_eq!(Text::Lines(&lines).fitted(20).html, "…\n… and 2 more lines", "no room for a link");
    }

    #[test]
    fn a_text_is_escaped_and_cleaned() {
        assert_eq!(escape("<b>R&D</b> \"x\""), "&lt;b&gt;R&amp;D&lt;/b&gt; \"x\"");
        assert_eq!(clean("a\r\nb\rc\0\u{1b}[31m\td\u{85}"), "a\nb\nc[31m\td");
    }

    proptest! {
        #[test]
        fn what_was_cut_fits_and_begins_as_the_text_does(text in "[a-z🚨ü\n]{0,400}", limit in 40usize..200) {
            let out = cut(&text, limit);
            prop_assert!(units(&out) <= limit, "{} units in {}: {}", units(&out), limit, out);
            if units(&text) <= limit {
                prop_assert_eq!(&*out, &text);
            } else {
                let whole = out.rsplit_once("\n… and ").map_or(&*out, |(whole, _)| whole);
                let begun = whole.strip_suffix('…').unwrap_or(whole);
                prop_assert!(text.starts_with(begun), "{begun:?} is not how {text:?} begins");
                let missing = out.rsplit_once("\n… and ")
                    .map_or(0, |(_, note)| note.split(' ').next().unwrap().parse::<usize>().unwrap());
                prop_assert_eq!(whole.split('\n').count() + missing, text.split('\n').count());
            }
        }
    }
}

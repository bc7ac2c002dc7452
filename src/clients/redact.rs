//! Makes a text that came from outside fit to be shown: no secret, no address beyond its host, one line, not long.
//!
//! Parties do echo keys in their errors, and proxies echo whole URLs, Telegram's with the token in it.

use crate::secret::masked;

/// The most characters that a detail keeps.
pub const DETAIL_LIMIT: usize = 300;

/// What stands where a secret stood.
const MASK: &str = "[secret]";

/// As much of a text as is looked at, in bytes: far more than is shown, far less than a body may be.
const WINDOW: usize = 4096;

/// Beginnings of keys that we deal with, and how many characters must follow for it to be one.
const KEY_BEGINNINGS: [(&str, usize); 3] = [("sk-", 6), ("ntn_", 6), ("secret_", 20)];

/// The shortest second half of a Telegram bot token that is taken for one.
const BOT_TOKEN_TAIL: usize = 30;

/// `text` without the `known` secrets, without anything that looks like one, without paths and queries of URLs and
/// without control characters; blanks are folded, and what is longer than [`DETAIL_LIMIT`] ends in `…`.
pub fn clean(text: &str, known: &[&str]) -> String {
    let mut text = window(text).to_owned();
    for secret in known.iter().filter(|secret| !secret.is_empty()) {
        if text.contains(secret) {
            text = masked(&text, secret, MASK);
        }
    }
    let words: Vec<String> = text
        .split(|c: char| c.is_whitespace() || is_invisible(c))
        .filter(|word| !word.is_empty())
        .map(clean_word)
        .collect();
    shorten(&words.join(" "))
}

/// The beginning of `text`; a word that would be cut is left out, since half a secret could not be told any more.
fn window(text: &str) -> &str {
    if text.len() <= WINDOW {
        return text;
    }
    let head = &text[..text.floor_char_boundary(WINDOW)];
    head.trim_end_matches(|c: char| !c.is_whitespace())
}

/// Control characters, and those that turn or hide the text around them.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn clean_word(word: &str) -> String {
    match word.split_once("://") {
        Some((before, after)) => {
            let end = after.find(['/', '?', '#', '"', '\'', ')', '>', ',']).unwrap_or(after.len());
            let authority = &after[..end];
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            let scheme = before.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '+');
            format!("{}{host}", mask_keys(scheme))
        }
        None => mask_keys(word),
    }
}

/// `word` with each run of key characters that looks like a key masked.
fn mask_keys(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(start) = rest.find(is_key_char) {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let run = &rest[..rest.find(|c| !is_key_char(c)).unwrap_or(rest.len())];
        let taken = match bot_token(rest, run) {
            Some(length) => length,
            None if looks_like_key(run) => run.len(),
            None => {
                out.push_str(run);
                rest = &rest[run.len()..];
                continue;
            }
        };
        out.push_str(MASK);
        rest = &rest[taken..];
    }
    out.push_str(rest);
    out
}

fn is_key_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '*')
}

fn looks_like_key(run: &str) -> bool {
    KEY_BEGINNINGS.iter().any(|(beginning, more)| run.strip_prefix(beginning).is_some_and(|tail| tail.len() >= *more))
}

/// The length of the bot token (`digits:tail`) that `text` begins with, if it does; `run` is its part up to the colon.
fn bot_token(text: &str, run: &str) -> Option<usize> {
    let tail = text[run.len()..].strip_prefix(':')?;
    let tail = tail.find(|c| !is_key_char(c)).unwrap_or(tail.len());
    (run.ends_with(|c: char| c.is_ascii_digit()) && tail >= BOT_TOKEN_TAIL).then_some(run.len() + 1 + tail)
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(DETAIL_LIMIT) {
        None => text.to_owned(),
        Some(_) => text.chars().take(DETAIL_LIMIT - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_addresses_are_taken_out() {
        let bot = format!("123456:AA{}", "h".repeat(33));
        let table: &[(&str, &str)] = &[
            (
                "Incorrect API key provided: sk-proj-****abcd. Try again",
                "Incorrect API key provided: [secret]. Try again",
            ),
            ("key=\"ntn_123456789\", ok", "key=\"[secret]\", ok"),
            ("token secret_abcdefghijklmnopqrstuvwxyz0123", "token [secret]"),
            ("the secret_key is a parameter, so is a task-force", "the secret_key is a parameter, so is a task-force"),
            (&format!("POST /bot{bot}/sendMessage failed"), "POST /[secret]/sendMessage failed"),
            (&format!("https://api.telegram.org/bot{bot}/getMe?x=1 failed"), "api.telegram.org failed"),
            ("(see https://user:pw@example.com:8443/a/b#c) now", "(see example.com:8443 now"),
            ("at 12:30 on 10.0.0.1:8080", "at 12:30 on 10.0.0.1:8080"),
            ("one\r\ntwo\0 \u{202e}three\u{7}", "one two three"),
            ("", ""),
        ];
        for (text, expected) in table {
            assert_eq!(clean(text, &[]), *expected, "for {text:?}");
        }
    }

    #[test]
    fn a_known_secret_is_taken_out_whatever_it_looks_like() {
        assert_eq!(clean("no such user: hunter2 at hunter2", &["hunter2", ""]), "no such user: [secret] at [secret]");
        assert_eq!(clean("failed to lookup, key p", &["p"]), "failed to lookup, key [secret]");
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        let cut = clean(&"ü".repeat(5000), &[]);
        assert!(cut.is_empty(), "a single word beyond the window is dropped, not cut");
        let cut = clean(&"ü ".repeat(5000), &[]);
        assert_eq!(cut.chars().count(), DETAIL_LIMIT);
        assert!(cut.ends_with('…'));
    }

    #[test]
    fn a_secret_at_the_edge_of_the_window_is_not_shown_in_half() {
        let text = format!("{} hunter2hunter2", "sk-aaaaaaaaaa ".repeat(293));
        assert!(!clean(&text, &["hunter2hunter2"]).contains("hunter"));
    }
}

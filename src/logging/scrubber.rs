//! Takes known secrets out of texts, whoever wrote them: at `RUST_LOG=trace` libraries talk about URLs, headers and
//! SMTP commands.
//!
//! A secret is found as it is, with any of its bytes percent-encoded (`%3A`), escaped (`\"`, `\xC3`) as debug output
//! has them, and within base64, at whatever offset: SMTP sends `base64("\0user\0password")`. What is not found is a
//! secret cut in pieces or written as a list of numbers.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::secret::{Secret, is_meant};

/// What stands where a secret was.
const REPLACEMENT: &str = "***";

/// Shorter secrets are not looked for: they would be found in every other line, even as words of their own.
const SHORTEST: usize = 4;

/// Fewer characters of base64 than this are found by chance.
const SHORTEST_BASE64: usize = 6;

/// So many secrets are remembered that came up while the service ran; the oldest is forgotten first.
const MAX_LEARNED: usize = 64;

/// The known secrets. Clones share what is learned.
#[derive(Clone)]
pub struct Scrubber {
    known: Arc<[Needle]>,
    learned: Arc<RwLock<VecDeque<Needle>>>,
}

/// One secret in the forms that are looked for.
#[derive(Clone, PartialEq, Eq)]
struct Needle {
    plain: Vec<u8>,
    base64: Vec<Vec<u8>>,
}

impl Scrubber {
    /// Knows these secrets.
    pub fn new(secrets: &[Secret]) -> Self {
        let mut known: Vec<Needle> = secrets.iter().filter_map(Needle::new).collect();
        // A URL before the password in it, so that what is left of the URL is not shown.
        known.sort_by_key(|needle| std::cmp::Reverse(needle.plain.len()));
        Self { known: known.into(), learned: Arc::default() }
    }

    /// From now on knows `secret` too: a token that was handed out while the service ran.
    pub fn learn(&self, secret: &Secret) {
        let Some(needle) = Needle::new(secret) else { return };
        let mut learned = self.learned.write().unwrap_or_else(PoisonError::into_inner);
        if !learned.contains(&needle) {
            learned.push_back(needle);
            if learned.len() > MAX_LEARNED {
                learned.pop_front();
            }
        }
    }

    /// `text` with `***` in the place of every known secret.
    pub fn scrub(&self, text: &str) -> String {
        let learned = self.learned.read().unwrap_or_else(PoisonError::into_inner);
        let mut clean = text.to_owned();
        for needle in self.known.iter().chain(learned.iter()) {
            clean = needle.taken_out_of(clean);
        }
        clean
    }
}

impl Needle {
    fn new(secret: &Secret) -> Option<Self> {
        let plain = secret.expose().as_bytes();
        let base64 = (0..3).map(|offset| base64_core(plain, offset)).filter(|core| core.len() >= SHORTEST_BASE64);
        (plain.len() >= SHORTEST).then(|| Self { plain: plain.to_vec(), base64: base64.collect() })
    }

    fn taken_out_of(&self, text: String) -> String {
        let bytes = text.as_bytes();
        let mut clean = String::new();
        let (mut kept, mut at) = (0, 0);
        while at < bytes.len() {
            match self.found_at(bytes, at) {
                // A start within what was taken out already only makes that piece longer.
                Some((start, end)) if text.is_char_boundary(end) => {
                    let start = start.max(kept);
                    clean.push_str(&text[kept..start]);
                    clean.push_str(REPLACEMENT);
                    (kept, at) = (end, end);
                }
                _ => at += 1,
            }
        }
        if kept == 0 {
            return text;
        }
        clean.push_str(&text[kept..]);
        clean
    }

    /// Where the secret begins and ends, if one of its forms stands at `at`.
    fn found_at(&self, text: &[u8], at: usize) -> Option<(usize, usize)> {
        if let Some(end) = match_end(&self.plain, text, at).filter(|end| is_meant(&self.plain, text, at, *end)) {
            return Some((at, end));
        }
        let end = self.base64.iter().find_map(|core| match_end(core, text, at))?;
        // The characters around the core hold the rest of the secret's first and last byte, and the user's name.
        let start = text[..at].iter().rposition(|byte| !is_base64(*byte)).map_or(0, |before| before + 1);
        let end = text[end..].iter().position(|byte| !is_base64(*byte)).map_or(text.len(), |after| end + after);
        Some((start, end))
    }
}

/// Where `needle` ends in `text` if it begins at `at`, each of its bytes as it is or escaped.
fn match_end(needle: &[u8], text: &[u8], mut at: usize) -> Option<usize> {
    for &byte in needle {
        at += width_of(byte, text.get(at..)?)?;
    }
    Some(at)
}

/// How many bytes at the start of `text` stand for `byte`.
fn width_of(byte: u8, text: &[u8]) -> Option<usize> {
    match text {
        [b'%', high, low, ..] if is_hex_of(byte, *high, *low) => Some(3),
        [b'\\', b'x', high, low, ..] if is_hex_of(byte, *high, *low) => Some(4),
        [b'\\', escaped, ..] if *escaped == byte && !byte.is_ascii_alphanumeric() => Some(2),
        [same, ..] if *same == byte => Some(1),
        // base64 for URLs.
        [b'-', ..] if byte == b'+' => Some(1),
        [b'_', ..] if byte == b'/' => Some(1),
        _ => None,
    }
}

fn is_hex_of(byte: u8, high: u8, low: u8) -> bool {
    let digit = |letter: u8| char::from(letter).to_digit(16);
    matches!((digit(high), digit(low)), (Some(high), Some(low)) if high * 16 + low == u32::from(byte))
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=')
}

/// Those characters of base64 that are the same whatever stands before and after `plain`, if it begins `offset` bytes
/// into a group of three.
fn base64_core(plain: &[u8], offset: usize) -> Vec<u8> {
    let shifted = [&[0, 0][..offset], plain].concat();
    let mut core = STANDARD_NO_PAD.encode(&shifted).into_bytes();
    if !shifted.len().is_multiple_of(3) {
        core.pop();
    }
    // 8 bits before us reach into 2 characters, 16 bits into 3.
    core.drain(..[0, 2, 3][offset].min(core.len()));
    core
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    use super::*;

    fn scrubber(secrets: &[&str]) -> Scrubber {
        Scrubber::new(&secrets.iter().map(|secret| Secret::new(*secret)).collect::<Vec<_>>())
    }

    #[test]
    fn a_secret_is_taken_out_in_every_form_that_a_library_might_write() {
        let scrubber = scrubber(&["12:AbC-d_9", "p@ss\"wörd", "hunter2"]);
        let table = [
            ("nothing here", "nothing here"),
            ("POST /bot12:AbC-d_9/getMe", "POST /bot***/getMe"),
            ("POST /bot12%3AAbC-d_9/getMe", "POST /bot***/getMe"),
            ("POST /bot12%3aAbC%2Dd%5F9/getMe", "POST /bot***/getMe"),
            ("hunter2hunter2, hunter22", "******, ***2"),
            ("hunter3 ünter2 hunter", "hunter3 ünter2 hunter"),
            ("pass p@ss\"wörd!", "pass ***!"),
            (r#"pass "p@ss\"wörd""#, r#"pass "***""#),
            (r#"b"p@ss\"w\xc3\xb6rd""#, r#"b"***""#),
            ("smtps://u:p%40ss%22w%C3%B6rd@h", "smtps://u:***@h"),
        ];
        for (text, expected) in table {
            assert_eq!(scrubber.scrub(text), expected, "{text}");
        }
    }

    #[test]
    fn a_secret_is_found_in_base64_whatever_stands_around_it() {
        let secrets = ["hunter2", "p@ss\"wörd??>>", "correct-horse-battery-staple"];
        for secret in secrets {
            let scrubber = scrubber(&[secret]);
            for before in ["", "u", "us", "use", "\0user@example.com\0"] {
                for after in ["", "x", "xy", "xyz"] {
                    let around = format!("{before}{secret}{after}");
                    for encoded in [STANDARD.encode(&around), URL_SAFE.encode(&around)] {
                        assert_eq!(
                            scrubber.scrub(&format!("AUTH PLAIN {encoded}\r\n")),
                            "AUTH PLAIN ***\r\n",
                            "{around:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_url_goes_as_a_whole_with_the_password_in_it() {
        let scrubber = scrubber(&["hunter2", "smtps://user:hunter2@host"]);
        assert_eq!(scrubber.scrub("connecting to smtps://user:hunter2@host now"), "connecting to *** now");
    }

    #[test]
    fn very_short_secrets_do_not_make_the_log_unreadable() {
        assert_eq!(scrubber(&["", "a", "abc"]).scrub("abacus abc"), "abacus abc");
    }

    #[test]
    fn a_short_secret_is_taken_out_as_a_word_and_leaves_other_words_whole() {
        let scrubber = scrubber(&["pass"]);
        for (text, expected) in [
            ("a passenger with the pass", "a passenger with the ***"),
            (
                r#"AUTH LOGIN pass\r\n, b"\0user\0pass", smtp://u:p%61ss@h"#,
                r#"AUTH LOGIN ***\r\n, b"\0user\0***", smtp://u:***@h"#,
            ),
        ] {
            assert_eq!(scrubber.scrub(text), expected);
        }
    }

    #[test]
    fn what_is_learned_is_known_to_every_clone_and_bounded() {
        let scrubber = scrubber(&[]);
        let clone = scrubber.clone();
        for number in 0..=MAX_LEARNED {
            clone.learn(&Secret::new(format!("token-{number:03}")));
        }
        assert_eq!(scrubber.scrub("token-000 token-001 token-064"), "token-000 *** ***");
    }
}

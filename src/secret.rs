//! A value that must never be seen: a token, a key, a URL with a password in it.
//!
//! There is deliberately no `Debug`, `Display` or `Serialize`: a struct that holds a [`Secret`] cannot derive them
//! either, so the compiler finds the place where somebody would print one. [`Secret::expose`] is the only way out, and
//! it is used only where a request is built, and where texts are cleaned of it.

/// A secret text.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes hold of `value`.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the one place that puts it on the wire.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// A shorter secret counts only as a word of its own: within words of ordinary text it stands by chance, and a message with
/// holes in its words helps nobody (`lookup` without its `p`). One as long as this hardly stands anywhere by chance, and may
/// be glued to anything: Telegram's URLs begin `/botTOKEN`.
const NO_CHANCE: usize = 6;

/// Whether what stands at `start..end` of `text` is `secret`, and no piece of a word that happens to be spelt like it.
pub fn is_meant(secret: &[u8], text: &[u8], start: usize, end: usize) -> bool {
    let at_edge = |edge: Option<&u8>| edge.copied().is_some_and(is_of_word);
    let begins = || !at_edge(secret.first()) || begins_word(&text[..start]);
    let ends = || !at_edge(secret.last()) || !text.get(end).copied().is_some_and(is_of_word);
    secret.len() >= NO_CHANCE || (begins() && ends())
}

/// `text` with `mask` in the place of `secret`.
pub fn masked(text: &str, secret: &str, mask: &str) -> String {
    let Some(first) = secret.chars().next() else { return text.to_owned() };
    let (mut clean, mut kept, mut at) = (String::new(), 0, 0);
    while let Some(start) = text[at..].find(secret).map(|found| at + found) {
        let end = start + secret.len();
        if is_meant(secret.as_bytes(), text.as_bytes(), start, end) {
            clean.push_str(&text[kept..start]);
            clean.push_str(mask);
            (kept, at) = (end, end);
        } else {
            // The next one may begin within this.
            at = start + first.len_utf8();
        }
    }
    clean.push_str(&text[kept..]);
    clean
}

/// Whether a word may begin behind `before`. What is escaped at its end is no letter, although it looks like one: `\0`,
/// `\x00`, `%40`.
fn begins_word(before: &[u8]) -> bool {
    match before {
        [.., b'\\', _] | [.., b'\\', b'x', _, _] => true,
        [.., b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => true,
        _ => !before.last().copied().is_some_and(is_of_word),
    }
}

/// A letter, a digit, or a piece of a letter that is not ASCII.
fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_secret_is_masked_wherever_it_stands_and_a_short_one_as_a_word_of_its_own() {
        for (text, secret, expected) in [
            ("xsecretx secretsecret bot12345678", "secret", "x***x ****** bot12345678"),
            ("/bot12:AbC/getMe, 12:AbC", "12:AbC", "/bot***/getMe, ***"),
            ("failed to lookup address p, smtp://u:p@h", "p", "failed to lookup address ***, smtp://u:***@h"),
            ("the pass, a passenger, a bypass, pass", "pass", "the ***, a passenger, a bypass, ***"),
            ("\\0user\\0pass\\r \\x00pass %3Apass%40 key_pass", "pass", "\\0user\\0***\\r \\x00*** %3A***%40 key_***"),
            ("a§b x§y", "§", "a§b x§y"),
            ("so!what", "!", "so***what"),
            ("ünder nder", "nder", "ünder ***"),
            ("ba!a!a", "a!a", "ba!***"),
            ("", "pass", ""),
            ("text", "", "text"),
        ] {
            assert_eq!(masked(text, secret, "***"), expected, "{secret} in {text}");
        }
    }
}

//! Text from elsewhere, made safe to show or to put into a header: one line, bounded, without secrets.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::url::Login;
use crate::secret::{Secret, masked};

/// As much of a server's words as is kept, in characters.
const WORDS_MAX: usize = 300;

/// `text` on one line of at most `max` characters: control characters and runs of white space become one space, and
/// marks that turn the direction of writing are dropped.
pub(super) fn one_line(text: &str, max: usize) -> String {
    let mut line = String::with_capacity(text.len().min(max * 4));
    let mut gap = false;
    let mut left = max;
    for c in text.chars().filter(|c| !turns_direction(*c)) {
        if c.is_whitespace() || c.is_control() {
            gap = !line.is_empty();
            continue;
        }
        for c in std::mem::take(&mut gap).then_some(' ').into_iter().chain([c]) {
            if left == 0 {
                line.push('…');
                return line;
            }
            line.push(c);
            left -= 1;
        }
    }
    line
}

fn turns_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Knows in which forms a login may come back in a server's words, and takes them out.
#[derive(Clone)]
pub(super) struct Scrubber {
    forms: Vec<Secret>,
}

impl Scrubber {
    pub(super) fn new(login: Option<&Login>) -> Self {
        let mut forms = Vec::new();
        if let Some(Login { user, password }) = login {
            let password = password.expose();
            let sasl_plain = format!("\0{user}\0{password}");
            forms = vec![
                STANDARD.encode(&sasl_plain),
                STANDARD_NO_PAD.encode(&sasl_plain),
                STANDARD_NO_PAD.encode(password),
                STANDARD.encode(password),
                utf8_percent_encode(password, NON_ALPHANUMERIC).to_string(),
                password.to_owned(),
            ];
            forms.retain(|form| !form.is_empty());
            // The longest first, or a short one would leave the rest of a long one standing.
            forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        }
        Self { forms: forms.into_iter().map(Secret::new).collect() }
    }

    /// A server's words, fit to be shown.
    pub(super) fn words(&self, words: &str) -> String {
        let mut words = words.to_owned();
        for form in &self.forms {
            words = masked(&words, form.expose(), "[secret]");
        }
        one_line(&words, WORDS_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_becomes_one_bounded_line() {
        for (text, line) in [
            ("plain", "plain"),
            ("  a\r\nBc: b\t c\0d ", "a Bc: b c d"),
            ("nel\u{85}line\u{2028}x", "nel line x"),
            ("gnp\u{202e}.exe", "gnp.exe"),
            ("a \u{200e}\0 b", "a b"),
            ("0123456789a", "0123456789a"),
            ("0123456789ab", "0123456789a…"),
            ("0123456789 a", "0123456789 …"),
            ("🚨🚨🚨🚨🚨🚨🚨🚨🚨🚨🚨🚨", "🚨🚨🚨🚨🚨🚨🚨🚨🚨🚨🚨…"),
            ("\n", ""),
        ] {
            assert_eq!(one_line(text, 11), line, "{text:?}");
        }
    }

    #[test]
    fn a_password_is_taken_out_in_every_form() {
        let login = Login { user: "bob".to_owned(), password: Secret::new("p@ss w") };
        let scrubber = Scrubber::new(Some(&login));
        // base64 of the password, and of the whole PLAIN response.
        let words = scrubber.words("no p@ss w, no cEBzcyB3, no p%40ss%20w, no AGJvYgBwQHNzIHc=; bob");
        assert_eq!(words, "no [secret], no [secret], no [secret], no [secret]; bob");
        assert_eq!(Scrubber::new(None).words("a\nb"), "a b");
    }

    #[test]
    fn a_password_of_a_letter_leaves_the_words_whole() {
        let scrubber = Scrubber::new(Some(&Login { user: "u".to_owned(), password: Secret::new("p") }));
        // Its base64 is `cA`.
        assert_eq!(
            scrubber.words("failed to lookup address for u:p, typicAl, cA=="),
            "failed to lookup address for u:[secret], typicAl, [secret]"
        );
    }
}

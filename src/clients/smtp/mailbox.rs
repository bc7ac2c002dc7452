//! A mail address with an optional name in front of it, and lists of them as people write them into `ALERT_TO`.

use std::fmt;
use std::str::FromStr;

use lettre::Address;

use super::text::one_line;

/// The longest display name in characters; more is cut.
const NAME_MAX: usize = 100;
/// As many receivers as one mail may have.
const RECEIVERS_MAX: usize = 50;

/// Somebody who sends or receives mail: `Ops team <ops@example.org>`, or the bare address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    pub(super) name: Option<String>,
    pub(super) address: Address,
}

impl Mailbox {
    /// The same address under another name. Line breaks and other controls in `name` become spaces.
    pub fn named(&self, name: &str) -> Self {
        let name = one_line(name, NAME_MAX);
        Self { name: (!name.is_empty()).then_some(name), address: self.address.clone() }
    }

    /// The bare address, `ops@example.org`.
    pub fn address(&self) -> &str {
        self.address.as_ref()
    }

    /// What follows the @.
    pub fn domain(&self) -> &str {
        self.address.domain()
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} <{}>", self.address),
            None => write!(f, "{}", self.address),
        }
    }
}

impl FromStr for Mailbox {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let wrong = || format!("\"{}\" is not a mail address", one_line(text, 60));
        let (name, address) = match text.strip_suffix('>') {
            Some(rest) => rest.rsplit_once('<').ok_or_else(wrong)?,
            None => ("", text),
        };
        let address = address.trim();
        // A quoted local part may hold nearly anything; what would end the address on the wire is not worth it.
        if address.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | ',')) {
            return Err(wrong());
        }
        let address = address.parse().map_err(|_| wrong())?;
        Ok(Self { name: None, address }.named(&unquoted(name.trim())))
    }
}

/// Takes the quotes off a quoted name.
fn unquoted(name: &str) -> String {
    let Some(inner) = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) else { return name.to_owned() };
    let mut plain = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        plain.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    plain
}

/// Understands a list of addresses separated by commas, each with or without a name. An address that occurs twice is
/// taken once. The error names the entry that is wrong.
pub fn parse_mailboxes(list: &str) -> Result<Vec<Mailbox>, String> {
    let mut mailboxes: Vec<Mailbox> = Vec::new();
    for entry in entries(list).into_iter().filter(|entry| !entry.trim().is_empty()) {
        let mailbox: Mailbox = entry.parse().map_err(|wrong: String| {
            format!("{wrong}: write ops@example.org or Ops team <ops@example.org>, several separated by commas")
        })?;
        if !mailboxes.iter().any(|known| known.address().eq_ignore_ascii_case(mailbox.address())) {
            mailboxes.push(mailbox);
        }
    }
    match mailboxes.len() {
        0 => Err("names nobody: write at least one mail address".to_owned()),
        1..=RECEIVERS_MAX => Ok(mailboxes),
        n => Err(format!("names {n} receivers, more than {RECEIVERS_MAX}: use a mailing list")),
    }
}

/// Splits at the commas that are neither in quotes nor in angle brackets.
fn entries(list: &str) -> Vec<&str> {
    let (mut entries, mut start, mut quoted, mut escaped, mut bracketed) = (Vec::new(), 0, false, false, false);
    for (at, c) in list.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' if !quoted => bracketed = true,
            '>' if !quoted => bracketed = false,
            ',' if !quoted && !bracketed => {
                entries.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    entries.push(&list[start..]);
    entries
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_as_people_write_it() {
        for (list, read) in [
            ("a@x.org", vec!["a@x.org"]),
            (" a@x.org , b@y.org,", vec!["a@x.org", "b@y.org"]),
            ("Ops team <a@x.org>,b@localhost", vec!["Ops team <a@x.org>", "b@localhost"]),
            (r#""Doe, \"J\" (ops)" <a@x.org>, <b@y.org>"#, vec![r#"Doe, "J" (ops) <a@x.org>"#, "b@y.org"]),
            ("Zoë 🚨 <zoe@x.org>", vec!["Zoë 🚨 <zoe@x.org>"]),
            ("a@x.org,A@X.org", vec!["a@x.org"]),
            ("o'hara+alerts@x.org", vec!["o'hara+alerts@x.org"]),
        ] {
            let mailboxes = parse_mailboxes(list).unwrap_or_else(|error| panic!("{list}: {error}"));
            assert_eq!(mailboxes.iter().map(Mailbox::to_string).collect::<Vec<_>>(), read, "{list}");
        }
    }

    #[test]
    fn a_wrong_entry_is_named() {
        for (list, says) in [
            ("", "nobody"),
            (" , ", "nobody"),
            ("a@x.org, bob", "\"bob\" is not"),
            ("a@x.org b@y.org", "\"a@x.org b@y.org\" is not"),
            ("bob@", "\"bob@\" is not"),
            ("Bob <bob@x.org", "is not"),
            ("bob@x.org>", "is not"),
            ("a@x.org>\r\nRCPT TO:<b@y.org", "is not"),
            ("Bob <a@x.org\r\nBcc: c@z.org>", "is not"),
            ("\"a b\"@x.org", "is not"),
        ] {
            let error = parse_mailboxes(list).expect_err(list);
            assert!(error.contains(says), "{list}: {error}");
            assert!(!error.contains(['\r', '\n']), "{list}: {error}");
        }
        let many = (0..51).map(|n| format!("a{n}@x.org,")).collect::<String>();
        assert!(parse_mailboxes(&many).expect_err("too many").contains("51"));
    }
}

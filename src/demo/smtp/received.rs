//! A mail as the server got it, and what a mail reader would make of it.

use chrono::{DateTime, Utc};
use mail_parser::MessageParser;

/// A mail that the server has accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedMail {
    /// The sender on the envelope.
    pub from: String,
    /// The receivers on the envelope, in the order in which they were named.
    pub to: Vec<String>,
    /// The mail as it was sent, without the dots that SMTP adds.
    pub raw: Vec<u8>,
    /// The headers in their order, unfolded but not decoded.
    pub headers: Vec<(String, String)>,
    /// The subject, decoded.
    pub subject: String,
    /// The text, decoded, with `\n` at the ends of its lines.
    pub body: String,
    /// When it was accepted.
    pub at: DateTime<Utc>,
}

impl ReceivedMail {
    pub(super) fn new(from: String, to: Vec<String>, raw: Vec<u8>) -> Self {
        let (mut headers, mut subject, mut body) = (Vec::new(), String::new(), String::new());
        if let Some(message) = MessageParser::default().parse(&raw) {
            let unfold = |text: &str| text.replace(['\r', '\n'], "").trim().to_owned();
            headers = message.headers_raw().map(|(name, text)| (name.to_owned(), unfold(text))).collect();
            subject = message.subject().unwrap_or_default().to_owned();
            body = message.body_text(0).unwrap_or_default().replace("\r\n", "\n");
        }
        Self { from, to, raw, headers, subject, body, at: Utc::now() }
    }

    /// The first header of that name, in any case of its letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        found.next().map(|(_, text)| text.as_str())
    }
}

//! One mail, and how it is written down for the wire.

use lettre::Message;
use lettre::message::header::{ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0};
use lettre::message::{Mailbox as Address, MessageBuilder};

use super::Mailbox;
use super::text::one_line;
use crate::clients::error::{ClientError, ErrorKind};

/// The longest subject in characters; more is cut.
const SUBJECT_MAX: usize = 250;
/// The longest body in bytes; a body beyond it is a mistake of ours.
const BODY_MAX: usize = 1 << 20;
/// The longest Message-ID that is kept; RFC 5322 allows lines of 998.
const ID_MAX: usize = 200;
/// As many mails as one can refer back to.
const REFERENCES_MAX: usize = 20;

/// A text mail. Subject, names and ids may hold anything: what could end a header is taken out here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Who it is from, in the header and on the envelope.
    pub from: Mailbox,
    /// Who is to receive it: in the header of each copy.
    pub to: Vec<Mailbox>,
    /// The subject, in plain Unicode.
    pub subject: String,
    /// The text, in plain Unicode; lines of any length, ended by `\n` or `\r\n`.
    pub body: String,
    /// Its own id, `unique@host` with or without the angle brackets. The same mail sent again must have the same id.
    pub message_id: String,
    /// The ids of the mails that it belongs to, oldest first; mail readers show them as one thread.
    pub references: Vec<String>,
}

impl Mail {
    /// The mail as lettre sends it. The date is now; text that is not ASCII is encoded.
    pub(super) fn message(&self) -> Result<Message, ClientError> {
        let unfit = |what: &str| ClientError::new(ErrorKind::BadRequest, format!("this mail cannot be sent: {what}"));
        if self.to.is_empty() {
            return Err(unfit("it has no receiver"));
        }
        if self.body.len() > BODY_MAX {
            return Err(unfit("its text is too long"));
        }
        let to = |builder: MessageBuilder, mailbox: &Mailbox| builder.to(address(mailbox));
        let mut builder = Message::builder().from(address(&self.from));
        builder = self.to.iter().fold(builder, to).subject(one_line(&self.subject, SUBJECT_MAX)).date_now();
        // Without an id of its own lettre makes one up.
        builder = builder.message_id(message_id(&self.message_id));
        let references: Vec<String> =
            self.references.iter().rev().take(REFERENCES_MAX).rev().filter_map(|id| message_id(id)).collect();
        if let Some(last) = references.last() {
            builder = builder.in_reply_to(last.clone()).references(references.join(" "));
        }
        builder
            // RFC 3834 and Outlook's own: no out-of-office note is to come back.
            .raw_header(header(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated"))
            .raw_header(header(HeaderName::new_from_ascii_str("X-Auto-Response-Suppress"), "All"))
            .header(MIME_VERSION_1_0)
            .header(ContentType::TEXT_PLAIN)
            .body(body(&self.body))
            .map_err(|error| unfit(&error.to_string()))
    }
}

fn address(mailbox: &Mailbox) -> Address {
    Address::new(mailbox.name.clone(), mailbox.address.clone())
}

fn header(name: HeaderName, value: &str) -> HeaderValue {
    HeaderValue::new(name, value.to_owned())
}

/// `<id>`, of visible ASCII only; nothing if nothing is left of it.
fn message_id(id: &str) -> Option<String> {
    let id: String = id.chars().filter(|c| c.is_ascii_graphic() && !matches!(c, '<' | '>')).take(ID_MAX).collect();
    (!id.is_empty()).then(|| format!("<{id}>"))
}

/// The text without control characters: a lone carriage return means different things to different servers, and a NUL
/// is refused by many.
fn body(text: &str) -> String {
    text.replace("\r\n", "\n").chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use mail_parser::MessageParser;
    use proptest::prelude::*;

    use super::*;

    fn mail() -> Mail {
        Mail {
            from: "Auto-Operator <ops@example.org>".parse().expect("an address"),
            to: vec!["bob@example.org".parse().expect("an address")],
            subject: "All is well".to_owned(),
            body: "Nothing to do.".to_owned(),
            message_id: "1@example.org".to_owned(),
            references: Vec::new(),
        }
    }

    /// The header as it is on the wire, unfolded, and in any case one header.
    fn header_of(mail: &Mail, name: &str) -> Option<String> {
        let raw = mail.message().expect("a mail").formatted();
        let head = String::from_utf8(raw).expect("ASCII").split("\r\n\r\n").next().expect("a head").to_owned();
        let head = head.replace("\r\n ", " ");
        let found: Vec<_> =
            head.lines().filter_map(|line| line.strip_prefix(&format!("{name}: ")).map(str::to_owned)).collect();
        assert!(found.len() <= 1, "{name}: {found:?}");
        found.into_iter().next()
    }

    #[test]
    fn a_mail_says_that_a_machine_wrote_it() {
        assert_eq!(header_of(&mail(), "Auto-Submitted").as_deref(), Some("auto-generated"));
        assert_eq!(header_of(&mail(), "X-Auto-Response-Suppress").as_deref(), Some("All"));
        assert_eq!(header_of(&mail(), "Content-Type").as_deref(), Some("text/plain; charset=utf-8"));
        assert!(header_of(&mail(), "Date").is_some_and(|date| date.ends_with("+0000")));
    }

    #[test]
    fn a_thread_names_all_its_mails_and_answers_the_last() {
        let mut mail = mail();
        assert_eq!(header_of(&mail, "References"), None);
        assert_eq!(header_of(&mail, "In-Reply-To"), None);
        mail.references = (0..25).map(|n| format!("<{n}-{}@example.org>", "x".repeat(80))).collect();
        let references = header_of(&mail, "References").expect("references");
        let ids: Vec<&str> = references.split_whitespace().collect();
        assert_eq!(ids.len(), 20);
        assert!(ids[0].starts_with("<5-") && ids[19].starts_with("<24-"), "{references}");
        assert_eq!(header_of(&mail, "In-Reply-To").as_deref(), Some(ids[19]));
    }

    #[test]
    fn an_id_cannot_end_its_header() {
        let mut mail = mail();
        mail.message_id = "<1\r\nBcc: eve@example.org>".to_owned();
        mail.references = vec!["a\r\n\r\nb c".to_owned(), "\r\n".to_owned()];
        assert_eq!(header_of(&mail, "Message-ID").as_deref(), Some("<1Bcc:eve@example.org>"));
        assert_eq!(header_of(&mail, "References").as_deref(), Some("<abc>"));
        assert_eq!(header_of(&mail, "Bcc"), None);
    }

    #[test]
    fn a_mail_without_receiver_or_beyond_all_bounds_is_refused() {
        let error = Mail { to: Vec::new(), ..mail() }.message().expect_err("no receiver");
        assert_eq!(error.kind, ErrorKind::BadRequest);
        let error = Mail { body: "x".repeat(BODY_MAX + 1), ..mail() }.message().expect_err("too long");
        assert!(error.is_permanent());
    }

    /// Any characters, with line breaks and other controls among them (a plain `String` of proptest has none).
    fn anything() -> impl Strategy<Value = String> {
        let char =
            prop_oneof![any::<char>(), "[ -~]".prop_map(|s| s.chars().next().unwrap_or(' ')), Just('\n'), Just('\r')];
        proptest::collection::vec(char, 0..120).prop_map(String::from_iter)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_is_put_in_comes_out_as_one_mail(subject in anything(), name in anything(),
                                                    body in anything(), id in anything()) {
            let mut mail = mail();
            mail.subject = subject;
            mail.from = mail.from.named(&name);
            mail.to[0] = mail.to[0].named(&name);
            mail.body = body;
            mail.references = vec![id];
            let raw = mail.message().expect("a mail").formatted();
            prop_assert!(raw.is_ascii());
            prop_assert!(raw.split(|b| *b == b'\n').all(|line| line.len() < 999));
            let read = MessageParser::default().parse(&raw).expect("a mail");
            let known = ["from", "to", "subject", "date", "message-id", "in-reply-to", "references", "auto-submitted",
                         "x-auto-response-suppress", "content-type", "content-transfer-encoding", "mime-version"];
            for (name, _) in read.headers_raw() {
                prop_assert!(known.contains(&&*name.to_lowercase()), "{name}");
            }
            let said = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            prop_assert_eq!(said(read.subject().unwrap_or_default()), said(&one_line(&mail.subject, SUBJECT_MAX)));
            let text = read.body_text(0).unwrap_or_default().replace("\r\n", "\n");
            let sent = super::body(&mail.body);
            prop_assert_eq!(text.trim_end_matches('\n'), sent.trim_end_matches('\n'));
            prop_assert_eq!(read.from().and_then(|from| from.first()).and_then(|from| from.address()),
                            Some("ops@example.org"));
        }
    }
}

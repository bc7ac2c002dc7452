//! E-mail: who gets it, who sends it, through which server.

use percent_encoding::percent_decode_str;
use url::Url;

use super::problem::Fault;
use super::reader::Reader;
use super::variables::{ALERT_FROM, ALERT_TO, SMTP_URL};
use crate::clients::smtp::{Mailbox, SmtpUrl, parse_mailboxes};
use crate::secret::Secret;

/// How alerts go out by e-mail.
pub struct Email {
    /// The receivers, at least one.
    pub to: Vec<Mailbox>,
    /// The sender.
    pub from: Mailbox,
    /// The server, with user and password.
    pub server: SmtpUrl,
    /// The URL of the server and the password in it, as it stands there and as it goes over the wire.
    pub(super) secrets: Vec<Secret>,
}

impl Email {
    /// Reads all variables of e-mail; `None` if it is off or something is faulty.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let to = reader.given(ALERT_TO, mailboxes);
        let from = reader.given(ALERT_FROM, mailbox);
        let server = reader.given(SMTP_URL, server);
        let is_complete = reader.is_complete("e-mail", &[ALERT_TO, SMTP_URL], &[ALERT_FROM]);
        let (url, server) = server?;
        reader.show(SMTP_URL, without_user(&url));
        for warning in server.warnings() {
            reader.warn(format!("{}: {warning}", SMTP_URL.name));
        }
        let from = match from {
            Some(from) => from,
            None if reader.is_set(ALERT_FROM) || !is_complete => return None,
            None => sender_of(reader, &server)?,
        };
        Some(Self { to: to?, from, server, secrets: secrets(url) })
    }
}

/// The sender where none is given: the server's user, if that is a mail address.
fn sender_of(reader: &mut Reader<'_>, server: &SmtpUrl) -> Option<Mailbox> {
    let sender = server.default_sender();
    match &sender {
        Some(sender) => reader.show(ALERT_FROM, sender.address()),
        None => {
            let wrong = format!("is missing, and the user of {} is not a mail address", SMTP_URL.name);
            reader.problem(ALERT_FROM, wrong, "the sender's address, such as watch@example.com");
        }
    }
    sender
}

fn mailboxes(text: &str) -> Result<Vec<Mailbox>, Fault> {
    parse_mailboxes(text).map_err(|sentence| fault(&sentence))
}

fn mailbox(text: &str) -> Result<Mailbox, Fault> {
    text.parse().map_err(|_| Fault::new("is not a mail address", "ops@example.com, or Ops team <ops@example.com>"))
}

/// The server, and its URL as it was.
fn server(text: &str) -> Result<(Secret, SmtpUrl), Fault> {
    let url = Secret::new(text);
    SmtpUrl::parse(&url).map(|server| (url, server)).map_err(|sentence| fault(&sentence))
}

/// The client's sentence says what is wrong, then what to write instead.
fn fault(sentence: &str) -> Fault {
    let parts = sentence.split_once(": ").or_else(|| sentence.split_once("; "));
    let (wrong, right) = parts.unwrap_or((sentence, "see the README"));
    Fault::new(wrong, right.trim())
}

fn secrets(url: Secret) -> Vec<Secret> {
    let parsed = Url::parse(url.expose()).ok();
    let password = parsed.as_ref().and_then(Url::password).map(|encoded| {
        let decoded = percent_decode_str(encoded).decode_utf8_lossy();
        [Secret::new(encoded), Secret::new(decoded)]
    });
    std::iter::once(url).chain(password.into_iter().flatten()).collect()
}

/// The part of a server's URL that everybody may see.
fn without_user(url: &Secret) -> String {
    let Ok(url) = Url::parse(url.expose()) else { return super::reader::MASK.into() };
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn mail_addresses_are_clean() {
        let addresses = mailboxes("ops@example.com, On call <on.call+night@example.org>").unwrap();
        assert_eq!(
            addresses.iter().map(Mailbox::address).collect::<Vec<_>>(),
            ["ops@example.com", "on.call+night@example.org"]
        );
        for text in ["ops", "@example.com", "ops@", "a@b.c\r\nBcc: d@e.f", "a b@example.com"] {
            assert!(mailboxes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_url_of_a_server_has_a_scheme_and_a_host() {
        for text in ["smtps://u%40h:p@smtp.example.com", "smtp://localhost:1025", "smtp://u:p@h:587?tls=required"] {
            assert!(server(text).is_ok(), "{text}");
        }
        for text in ["smtp.example.com", "https://hunter2@h", "smtp://", "smtps://u:hunter2@", "smtps://u:hunter2#x@h"]
        {
            let fault = server(text).err().unwrap();
            assert!(!format!("{fault:?}").contains("hunter2"), "{fault:?}");
        }
    }

    #[test]
    fn everybody_may_see_the_server_but_nothing_else() {
        assert_eq!(
            without_user(&Secret::new("smtps://u:hunter2@smtp.example.com/ehlo?tls=required")),
            "smtps://smtp.example.com"
        );
        assert_eq!(without_user(&Secret::new("smtp://hunter2@[::1]:1025")), "smtp://[::1]:1025");
    }

    #[test]
    fn the_password_is_known_encoded_and_decoded() {
        let secrets: Vec<_> =
            secrets(Secret::new("smtps://u:p%40ss%23word@h")).iter().map(|secret| secret.expose().to_owned()).collect();
        assert_eq!(secrets, ["smtps://u:p%40ss%23word@h", "p%40ss%23word", "p@ss#word"]);
    }
}

//! E-mail: who gets it, who sends it, through which server.
//!
//! `SMTP_URL` is only looked at here (its scheme, its host, its user); what its parts mean for the connection is the
//! SMTP client's to say.

use percent_encoding::percent_decode_str;
use url::Url;

use super::problem::Fault;
use super::reader::Reader;
use super::values;
use super::variables::{ALERT_FROM, ALERT_TO, SMTP_URL};
use crate::secret::Secret;

/// How alerts go out by e-mail.
pub struct Email {
    /// The receivers, at least one.
    pub to: Vec<String>,
    /// The sender.
    pub from: String,
    /// The server, with user and password: `smtp://…` or `smtps://…`.
    pub smtp_url: Secret,
}

impl Email {
    /// Reads all variables of e-mail; `None` if it is off or something is faulty.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let to = reader.given(ALERT_TO, mail_addresses);
        let from = reader.given(ALERT_FROM, mail_address);
        let url = reader.given(SMTP_URL, smtp_url);
        let is_complete = reader.is_complete("e-mail", &[ALERT_TO, SMTP_URL], &[ALERT_FROM]);
        let url = url?;
        reader.show(SMTP_URL, without_user(&url));
        let from = match from {
            Some(from) => from,
            None if reader.is_set(ALERT_FROM) || !is_complete => return None,
            None => sender_of(reader, &url)?,
        };
        Some(Self { to: to?, from, smtp_url: Secret::new(url) })
    }

    /// The password in the URL of the server, as it stands there and as it goes over the wire.
    pub(super) fn passwords(&self) -> Vec<Secret> {
        let url = Url::parse(self.smtp_url.expose()).ok();
        let Some(encoded) = url.as_ref().and_then(Url::password) else { return Vec::new() };
        let decoded = percent_decode_str(encoded).decode_utf8_lossy();
        vec![Secret::new(encoded), Secret::new(decoded)]
    }
}

/// The sender where none is given: the server's user, if that is a mail address.
fn sender_of(reader: &mut Reader<'_>, url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let user = percent_decode_str(url.username()).decode_utf8_lossy();
    match mail_address(&user) {
        Ok(from) => {
            reader.show(ALERT_FROM, from.as_str());
            Some(from)
        }
        Err(_) => {
            let wrong = format!("is missing, and the user of {} is not a mail address", SMTP_URL.name);
            reader.problem(ALERT_FROM, wrong, "the sender's address, such as watch@example.com");
            None
        }
    }
}

fn mail_addresses(text: &str) -> Result<Vec<String>, Fault> {
    values::list(text)?.iter().map(|address| mail_address(address)).collect()
}

/// A bare address. A display name is not taken: it would have to be quoted, encoded and cleaned.
fn mail_address(text: &str) -> Result<String, Fault> {
    let address: Result<lettre::Address, _> = text.parse();
    address
        .map(|address| address.to_string())
        .map_err(|_| Fault::new("is not a mail address", "a bare address such as ops@example.com"))
}

/// Checks the URL of a server and gives it back as it was. Nothing of it is ever shown in a fault.
fn smtp_url(text: &str) -> Result<String, Fault> {
    let fault = |wrong| {
        let right = "smtps://user:password@host, or smtp://user:password@host?tls=required, with user and password \
                     percent-encoded (%40 for @, %23 for #, %2F for /)";
        Fault::new(wrong, right)
    };
    let url = Url::parse(text).map_err(|_| fault("is not a URL"))?;
    if !matches!(url.scheme(), "smtp" | "smtps") {
        return Err(fault("begins with neither smtp:// nor smtps://"));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(fault("names no host"));
    }
    Ok(text.to_owned())
}

/// The part of a server's URL that everybody may see.
fn without_user(url: &str) -> String {
    let Ok(url) = Url::parse(url) else { return super::reader::MASK.into() };
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn mail_addresses_are_bare_and_clean() {
        assert_eq!(
            mail_addresses("ops@example.com, on.call+night@example.org"),
            Ok(vec!["ops@example.com".into(), "on.call+night@example.org".into()])
        );
        for text in ["ops", "@example.com", "ops@", "Ops <ops@example.com>", "a@b.c\r\nBcc: d@e.f", "a b@example.com"] {
            assert!(mail_addresses(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_url_of_a_server_has_a_scheme_and_a_host() {
        for text in ["smtps://u%40h:p@smtp.example.com", "smtp://localhost:1025", "smtp://u:p@h:587?tls=required"] {
            assert_eq!(smtp_url(text).as_deref(), Ok(text));
        }
        for text in ["smtp.example.com", "https://hunter2@h", "smtp://", "smtps://u:hunter2@", "smtps://u:hunter2#x@h"]
        {
            let fault = smtp_url(text).unwrap_err();
            assert!(!format!("{fault:?}").contains("hunter2"), "{fault:?}");
        }
    }

    #[test]
    fn everybody_may_see_the_server_but_nothing_else() {
        assert_eq!(without_user("smtps://u:hunter2@smtp.example.com/ehlo?tls=required"), "smtps://smtp.example.com");
        assert_eq!(without_user("smtp://hunter2@[::1]:1025"), "smtp://[::1]:1025");
    }

    #[test]
    fn the_password_is_known_encoded_and_decoded() {
        let smtp_url = Secret::new("smtps://u:p%40ss%23word@h");
        let email = Email { to: Vec::new(), from: String::new(), smtp_url };
        let passwords: Vec<_> = email.passwords().iter().map(|secret| secret.expose().to_owned()).collect();
        assert_eq!(passwords, ["p%40ss%23word", "p@ss#word"]);
    }
}

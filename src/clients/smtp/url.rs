//! `SMTP_URL`, understood: where the mail server is, how it is to be spoken to, and who we are to it.
//!
//! | URL | meaning |
//! |---|---|
//! | `smtps://user:password@host` | TLS from the start, port 465 |
//! | `smtp://user:password@host?tls=required` | STARTTLS or nothing, port 587 |
//! | `smtp://user:password@host?tls=opportunistic` | STARTTLS if offered, port 587; whoever sits in between can prevent it |
//! | `smtp://user:password@host` | no encryption, port 25: towards loopback only |
//! | `smtp://user:password@host?tls=none` | **unsafe**: no encryption, port 25, wherever the host is |
//!
//! A path is the name that we greet the server with. No sentence made here repeats any part of the URL, since a URL
//! that cannot be read may hold its password anywhere.

use std::net::IpAddr;

use percent_encoding::percent_decode_str;
use url::{Host, Url};

use super::Mailbox;
use crate::secret::Secret;

/// How the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encryption {
    /// Not at all.
    None,
    /// By STARTTLS if the server offers it.
    Opportunistic,
    /// By STARTTLS, or no mail is sent.
    Required,
    /// From the first byte.
    Implicit,
}

/// User and password of the mail account.
#[derive(Clone)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) password: Secret,
}

/// A mail server's address, checked.
#[derive(Clone)]
pub struct SmtpUrl {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) encryption: Encryption,
    pub(super) login: Option<Login>,
    /// The name for EHLO; the machine's own name if there is none.
    pub(super) greeting_name: Option<String>,
}

const FORMS: &str = "write smtps://user:password@host (TLS, port 465) or smtp://user:password@host?tls=required \
                     (STARTTLS, port 587)";
const ENCODE: &str = "in user and password, write %40 for @, %3A for :, %2F for /, %3F for ?, %23 for # and %25 for %";

impl SmtpUrl {
    /// Understands `url`. The error is a sentence that says what to write instead.
    pub fn parse(url: &Secret) -> Result<Self, String> {
        let url = Url::parse(url.expose().trim()).map_err(|_| format!("is not a URL: {FORMS}; {ENCODE}"))?;
        if url.fragment().is_some() {
            return Err(format!("holds a # that is not part of a URL of this kind; {ENCODE}"));
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| format!("names no host: {FORMS}"))?;
        // In a scheme that the URL standard does not know, it leaves the host as it was written.
        let (host, loopback) = match Host::parse(host).map_err(|_| format!("has no valid host name: {FORMS}"))? {
            Host::Domain(name) => (name.clone(), name == "localhost" || name.ends_with(".localhost")),
            Host::Ipv4(ip) => (ip.to_string(), ip.is_loopback()),
            Host::Ipv6(ip) => (ip.to_string(), IpAddr::V6(ip).to_canonical().is_loopback()),
        };
        let encryption = encryption(&url, loopback)?;
        let port = url.port().unwrap_or(match encryption {
            Encryption::None => 25,
            Encryption::Opportunistic | Encryption::Required => 587,
            Encryption::Implicit => 465,
        });
        if port == 0 {
            return Err("has the port 0, which nobody listens on".to_owned());
        }
        let login = login(&url, &host)?;
        Ok(Self { host, port, encryption, login, greeting_name: greeting_name(&url)? })
    }

    /// The user, as it was meant (percent-decoded).
    pub fn user(&self) -> Option<&str> {
        self.login.as_ref().map(|login| login.user.as_str())
    }

    /// Host and port, which anybody may see.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        format!("{host}:{}", self.port)
    }

    /// The host.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The sender to use where none is configured: the user, if it is a mail address. Otherwise `ALERT_FROM` is needed.
    pub fn default_sender(&self) -> Option<Mailbox> {
        self.user().and_then(|user| user.parse().ok())
    }

    /// What works but deserves a second thought, in whole sentences.
    pub fn warnings(&self) -> Vec<&'static str> {
        let mut warnings = Vec::new();
        match self.encryption {
            Encryption::Opportunistic => warnings.push(
                "tls=opportunistic can be downgraded to plain text by anybody on the way, who then reads the password \
                 and the mail: use tls=required.",
            ),
            Encryption::None if !self.is_loopback() => {
                warnings.push("tls=none sends the password and the mail in plain text over the network.");
            }
            Encryption::Required if self.port == 465 => {
                warnings.push("Port 465 usually wants TLS from the start, which is written smtps://.");
            }
            Encryption::Implicit if self.port == 587 || self.port == 25 => {
                warnings.push("Ports 587 and 25 usually want STARTTLS, which is written smtp://…?tls=required.");
            }
            _ => {}
        }
        warnings
    }

    fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self.host.ends_with(".localhost")
            || self.host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
    }
}

fn encryption(url: &Url, loopback: bool) -> Result<Encryption, String> {
    let mut tls = None;
    for (name, value) in url.query_pairs() {
        if name != "tls" || tls.is_some() {
            return Err("has something other than one tls=… behind the question mark".to_owned());
        }
        tls = Some(value.into_owned());
    }
    match (url.scheme(), tls.as_deref()) {
        ("smtps", None | Some("required")) => Ok(Encryption::Implicit),
        ("smtps", Some(_)) => Err("says smtps:// and yet another tls=…: smtps:// alone is always TLS".to_owned()),
        ("smtp", Some("required")) => Ok(Encryption::Required),
        ("smtp", Some("opportunistic")) => Ok(Encryption::Opportunistic),
        ("smtp", Some("none")) => Ok(Encryption::None),
        ("smtp", Some(_)) => Err("has an unknown tls=…: it is required, opportunistic or none".to_owned()),
        ("smtp", None) if loopback => Ok(Encryption::None),
        ("smtp", None) => {
            Err(format!("would send the password and the mail in plain text: {FORMS}; if it must be, append ?tls=none"))
        }
        _ => Err(format!("begins with neither smtps:// nor smtp://: {FORMS}")),
    }
}

fn login(url: &Url, host: &str) -> Result<Option<Login>, String> {
    let decode = |text: &str| {
        let text = percent_decode_str(text).decode_utf8().map_err(|_| "has a user or password that is not UTF-8")?;
        // A NUL separates user and password on the wire; the others cannot be meant.
        if text.chars().any(char::is_control) {
            return Err("has a control character in its user or password");
        }
        Ok(text.into_owned())
    };
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        ("", Some(_)) => Err(format!("has a password but no user: {FORMS}")),
        (_, None) => {
            Err(format!("has a user but no password: {FORMS}; leave both out for a server that asks for neither"))
        }
        (user, Some(password)) => {
            let user = decode(user)?;
            let mut password = decode(password)?;
            if host == "smtp.gmail.com" {
                // Google shows app passwords in four groups; the gaps do not belong to them.
                password.retain(|c| !c.is_whitespace());
            }
            Ok(Some(Login { user, password: Secret::new(password) }))
        }
    }
}

fn greeting_name(url: &Url) -> Result<Option<String>, String> {
    let name = url.path().trim_matches('/');
    if name.is_empty() {
        return Ok(None);
    }
    if name.len() > 255 || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-') {
        return Err(format!("has a path that is no host name (it is what we greet the server with); {ENCODE}"));
    }
    Ok(Some(name.to_owned()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<SmtpUrl, String> {
        SmtpUrl::parse(&Secret::new(url))
    }

    fn parsed(url: &str) -> SmtpUrl {
        parse(url).unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    #[test]
    fn each_form_has_its_encryption_and_port() {
        use Encryption::{Implicit, None, Opportunistic, Required};
        for (url, host, port, encryption) in [
            ("smtps://u:p@mail.example.org", "mail.example.org", 465, Implicit),
            ("smtps://u:p@mail.example.org?tls=required", "mail.example.org", 465, Implicit),
            ("smtps://mail.example.org:2465", "mail.example.org", 2465, Implicit),
            ("smtp://u:p@mail.example.org?tls=required", "mail.example.org", 587, Required),
            ("smtp://u:p@mail.example.org/?tls=opportunistic", "mail.example.org", 587, Opportunistic),
            ("smtp://u:p@mail.example.org?tls=none", "mail.example.org", 25, None),
            ("smtp://127.0.0.1", "127.0.0.1", 25, None),
            ("smtp://127.9.9.9:1025", "127.9.9.9", 1025, None),
            ("smtp://[::1]:1025", "::1", 1025, None),
            ("smtp://LOCALHOST:1025", "localhost", 1025, None),
            ("  smtps://bücher.example\n", "xn--bcher-kva.example", 465, Implicit),
            ("smtps://[2001:db8::5]", "2001:db8::5", 465, Implicit),
        ] {
            let parsed = parsed(url);
            assert_eq!((&*parsed.host, parsed.port, parsed.encryption), (host, port, encryption), "{url}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_repeating_any_of_it() {
        for (url, says) in [
            ("hunter2", "not a URL"),
            ("smtp://bob:hunter2@mail.example.org", "?tls=none"),
            ("smtp://bob:hunter2@127.0.0.1.example.org", "?tls=none"),
            ("smtp://bob:hunter2@0.0.0.0", "?tls=none"),
            ("smtp://bob:hunter2@mail.example.org?tls=hunter2", "unknown tls"),
            ("smtp://bob:hunter2@mail.example.org?hunter2=1", "question mark"),
            ("smtp://bob:hunter2@mail.example.org?tls=none&tls=required", "question mark"),
            ("smtps://bob:hunter2@mail.example.org?tls=none", "always TLS"),
            ("https://bob:hunter2@mail.example.org", "neither smtps:// nor smtp://"),
            ("smtps://bob:hun#ter2@mail.example.org", "%23"),
            ("smtps://bob:hunter2@mail.example.org#hunter2", "%23"),
            ("smtps://bob:hun/ter2@mail.example.org", "%2F"),
            ("smtps://bob@mail.example.org", "no password"),
            ("smtps://:hunter2@mail.example.org", "no user"),
            ("smtps://bob:hunter2@", "not a URL"),
            ("smtps:bob:hunter2", "names no host"),
            ("smtps://bob:hunter2@mail.example.org:99999", "not a URL"),
            ("smtps://bob:hunter2@mail.example.org:0", "port 0"),
            ("smtps://bob:hunter2@mail.example.org/hunter2%0d%0aRSET", "path"),
            ("smtps://bob:hunter2%00x@mail.example.org", "control character"),
            ("smtps://bob:hunter2%ff@mail.example.org", "UTF-8"),
        ] {
            let error = parse(url).err().unwrap_or_else(|| panic!("{url} was taken"));
            assert!(error.contains(says), "{url}: {error}");
            for secret in ["hunter2", "bob", "mail.example", "ter2"] {
                assert!(!error.contains(secret), "{url}: {error}");
            }
        }
    }

    #[test]
    fn user_and_password_are_percent_decoded() {
        for (url, user, password) in [
            ("smtps://me%40example.org:p%40ss%3Aw%2Fo%25rd@h.example", "me@example.org", "p@ss:w/o%rd"),
            ("smtps://me@example.org:pw@h.example", "me@example.org", "pw"),
            ("smtps://u:gr%C3%BCn@h.example", "u", "grün"),
            ("smtps://u:ab cd@h.example", "u", "ab cd"),
            ("smtps://u:abcd efgh%C2%A0ijkl mnop@smtp.gmail.com", "u", "abcdefghijklmnop"),
            ("smtps://u:abcd%20efgh@SMTP.gmail.com", "u", "abcdefgh"),
        ] {
            let login = parsed(url).login.expect("a login");
            assert_eq!((&*login.user, login.password.expose()), (user, password), "{url}");
        }
        assert!(parsed("smtps://h.example").login.is_none());
    }

    #[test]
    fn the_user_is_the_sender_if_it_is_a_mail_address() {
        let sender = |url: &str| parsed(url).default_sender().map(|mailbox| mailbox.to_string());
        assert_eq!(sender("smtps://me%40example.org:p@h.example").as_deref(), Some("me@example.org"));
        assert_eq!(sender("smtps://apikey:p@h.example"), None);
        assert_eq!(sender("smtps://h.example"), None);
        assert_eq!(parsed("smtps://apikey:p@h.example").user(), Some("apikey"));
    }

    #[test]
    fn a_path_is_the_name_that_we_greet_with() {
        assert_eq!(parsed("smtps://h.example/watch.example.org").greeting_name.as_deref(), Some("watch.example.org"));
        assert_eq!(parsed("smtps://h.example/").greeting_name, None);
    }

    #[test]
    fn what_deserves_a_second_thought_is_warned_about() {
        for (url, says) in [
            ("smtp://h.example?tls=opportunistic", Some("downgraded")),
            ("smtp://h.example?tls=none", Some("plain text")),
            ("smtp://h.example:465?tls=required", Some("smtps://")),
            ("smtps://h.example:587", Some("STARTTLS")),
            ("smtp://localhost", None),
            ("smtp://[::1]?tls=none", None),
            ("smtp://h.example?tls=required", None),
            ("smtps://h.example", None),
        ] {
            let warnings = parsed(url).warnings();
            assert_eq!(warnings.len(), usize::from(says.is_some()), "{url}: {warnings:?}");
            assert!(says.is_none_or(|says| warnings[0].contains(says)), "{url}: {warnings:?}");
        }
    }
}

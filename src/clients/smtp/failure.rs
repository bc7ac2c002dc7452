//! From what lettre, the operating system and the mail server say to a [`ClientError`].

use std::error::Error;
use std::io;

use lettre::transport::smtp::Error as SmtpError;

use super::text::Scrubber;
use crate::clients::error::{ClientError, ErrorKind};

/// What a refusal with `code` means. `words` begin with the enhanced code of RFC 3463, if the server gives one.
fn refusal(code: u16, words: &str) -> ErrorKind {
    match code {
        // Gmail's daily limit comes as a permanent 550 and is over the next day.
        _ if words.starts_with("5.4.5") => ErrorKind::RateLimited,
        400..=499 => ErrorKind::ServerFault,
        530 | 534 | 535 | 538 => ErrorKind::Unauthorized,
        // 521 and 556 never take mail; 5.7.x is policy: this sender, this address, this content is not wanted.
        521 | 556 => ErrorKind::Forbidden,
        _ if words.starts_with("5.7.") => ErrorKind::Forbidden,
        _ => ErrorKind::BadRequest,
    }
}

/// What `error` means, having happened while we were at `step` ("greeting").
pub(super) fn from_smtp(step: &str, error: &SmtpError, scrub: &Scrubber) -> ClientError {
    if let Some(code) = error.status() {
        let words = error.source().map(|words| scrub.words(&words.to_string())).unwrap_or_default();
        let code = u16::from(code);
        let kind = refusal(code, &words);
        return ClientError { status: Some(code), ..ClientError::new(kind, format!("{step}: {words}")) };
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return from_io(step, error, scrub);
        }
        cause = error.source();
    }
    let kind = if error.is_tls() { ErrorKind::Tls } else { ErrorKind::Garbage };
    ClientError::new(kind, format!("{step}: {}", scrub.words(&error.to_string())))
}

/// What a failure of the connection means.
pub(super) fn from_io(step: &str, error: &io::Error, scrub: &Scrubber) -> ClientError {
    let kind = match error.kind() {
        _ if error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => ErrorKind::Tls,
        io::ErrorKind::TimedOut => ErrorKind::Timeout,
        io::ErrorKind::InvalidData => ErrorKind::Garbage,
        _ => ErrorKind::Connection,
    };
    // A certificate's names, which may be in there, are the server's words as well.
    ClientError::new(kind, format!("{step}: {}", scrub.words(&error.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_code_tells_whether_asking_again_can_help() {
        for (code, words, kind) in [
            (421, "4.7.0 try again later", ErrorKind::ServerFault),
            (450, "greylisted", ErrorKind::ServerFault),
            (454, "4.7.0 temporary authentication failure", ErrorKind::ServerFault),
            (535, "5.7.8 bad credentials", ErrorKind::Unauthorized),
            (534, "5.7.9 application-specific password required", ErrorKind::Unauthorized),
            (530, "5.7.0 must issue a STARTTLS command first", ErrorKind::Unauthorized),
            (550, "5.1.1 no such user", ErrorKind::BadRequest),
            (550, "5.7.1 not allowed to send as this", ErrorKind::Forbidden),
            (550, "5.4.5 daily user sending limit exceeded", ErrorKind::RateLimited),
            (521, "no mail here", ErrorKind::Forbidden),
            (552, "5.3.4 message too big", ErrorKind::BadRequest),
            (554, "transaction failed", ErrorKind::BadRequest),
        ] {
            assert_eq!(refusal(code, words), kind, "{code} {words}");
        }
    }

    #[test]
    fn an_untrusted_certificate_is_told_apart_from_a_broken_connection() {
        let rustls = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let scrub = Scrubber::new(None);
        let error = from_io("TLS", &io::Error::new(io::ErrorKind::InvalidData, rustls), &scrub);
        assert_eq!((error.kind, &*error.detail), (ErrorKind::Tls, "TLS: invalid peer certificate: UnknownIssuer"));
        assert_eq!(from_io("x", &io::ErrorKind::ConnectionReset.into(), &scrub).kind, ErrorKind::Connection);
        assert_eq!(from_io("x", &io::ErrorKind::InvalidData.into(), &scrub).kind, ErrorKind::Garbage);
    }
}

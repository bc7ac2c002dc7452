//! Whether the mail server would take a mail: its greeting, TLS and the login, and good-bye.

use std::time::{Duration, Instant};

use crate::clients::error::{ClientError, ErrorKind};
use crate::clients::smtp::{SmtpClient, SmtpUrl};
use crate::diagnosis::{Asked, Finding, Party, Question, Remedy};

const MAIL_SERVER: Party = Party { name: "the mail server", address: "SMTP_URL", status_page: None };

/// What a port is for mail that hosts do not let their guests send.
const BETWEEN_SERVERS: u16 = 25;

pub(super) async fn examine(
    client: &Result<SmtpClient, ClientError>,
    server: &SmtpUrl,
    deadline: Instant,
) -> Vec<Asked> {
    let question = Question::put("email", format!("greeting, TLS and login at {}", server.authority()));
    let limit = deadline.saturating_duration_since(Instant::now());
    let verified = match client {
        Ok(client) => client.verify(limit).await,
        Err(error) => Err(error.clone()),
    };
    let finding = match verified {
        Ok(found) => Finding::ok(found),
        Err(error) => Finding::fail(said(&error, limit), remedy(&error, server.host(), server.port())),
    };
    vec![question.found(finding)]
}

/// What was waited for, and for how long: a dialogue has as much time as the service gives a mail, several times that of one
/// request, since servers are slow to greet on purpose.
fn said(error: &ClientError, limit: Duration) -> String {
    match error.kind {
        ErrorKind::Timeout => {
            let limit = Duration::from_millis((limit.as_millis() as u64).next_multiple_of(100));
            format!("{error} ({limit:?} for all of it, as much as a mail has by REQUEST_TIMEOUT)")
        }
        _ => error.to_string(),
    }
}

fn remedy(error: &ClientError, host: &str, port: u16) -> Remedy {
    let says = error.detail.to_ascii_lowercase();
    let is_of = |names: &[&str]| names.iter().any(|name| says.contains(name) || host.ends_with(name));
    match error.kind {
        ErrorKind::Connection | ErrorKind::Timeout if port == BETWEEN_SERVERS => Remedy::Port25,
        // The client itself has found no login, or no STARTTLS.
        ErrorKind::Unauthorized if error.status.is_none() => Remedy::NoMailLogin,
        ErrorKind::Unauthorized if is_of(&["gsmtp", "google.com", "gmail.com", "googlemail.com"]) => {
            Remedy::GmailPassword
        }
        ErrorKind::Unauthorized if is_of(&["outlook.com", "office365.com"]) => Remedy::MicrosoftPassword,
        ErrorKind::Unauthorized => Remedy::MailLogin,
        ErrorKind::Tls if says.contains("certificate") => Remedy::MailCertificate,
        ErrorKind::Tls => Remedy::MailEncryption,
        ErrorKind::Forbidden | ErrorKind::BadRequest => Remedy::MailTurnedAway,
        _ => MAIL_SERVER.remedy(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_waited_for_is_said_with_how_long() {
        let late = ClientError::new(ErrorKind::Timeout, "greeting: no complete answer in time");
        let limit = Duration::from_micros(8_999_990);
        assert_eq!(
            said(&late, limit),
            "timeout: greeting: no complete answer in time (9s for all of it, as much as a mail has by REQUEST_TIMEOUT)"
        );
        assert_eq!(said(&ClientError::new(ErrorKind::Connection, "refused"), limit), "connection: refused");
    }

    #[test]
    fn the_reason_and_whose_server_it_is_decide_what_to_do() {
        let error = |kind, status, says: &str| ClientError { status, ..ClientError::new(kind, says) };
        for (error, host, port, expected) in [
            (error(ErrorKind::Timeout, None, "connection"), "h.example", 25, Remedy::Port25),
            (error(ErrorKind::Connection, None, "connection: refused"), "h.example", 25, Remedy::Port25),
            (error(ErrorKind::Timeout, None, "connection"), "h.example", 587, Remedy::Slow(MAIL_SERVER)),
            (error(ErrorKind::Unauthorized, Some(535), "5.7.8 no"), "smtp.gmail.com", 465, Remedy::GmailPassword),
            (error(ErrorKind::Unauthorized, Some(534), "5.7.9 x - gsmtp"), "10.0.0.1", 465, Remedy::GmailPassword),
            (error(ErrorKind::Unauthorized, Some(535), "no"), "smtp.office365.com", 587, Remedy::MicrosoftPassword),
            (error(ErrorKind::Unauthorized, Some(535), "no"), "h.example", 587, Remedy::MailLogin),
            (error(ErrorKind::Unauthorized, None, "offers no login"), "smtp.gmail.com", 587, Remedy::NoMailLogin),
            (error(ErrorKind::Tls, None, "TLS: corrupt message"), "h.example", 587, Remedy::MailEncryption),
            (error(ErrorKind::Tls, None, "TLS: invalid peer certificate"), "h", 465, Remedy::MailCertificate),
            (error(ErrorKind::Forbidden, Some(554), "5.7.1 no"), "h.example", 465, Remedy::MailTurnedAway),
            (error(ErrorKind::ServerFault, Some(421), "later"), "h.example", 465, Remedy::TheirTrouble(MAIL_SERVER)),
        ] {
            assert_eq!(remedy(&error, host, port), expected, "{error} at {host}:{port}");
        }
    }
}

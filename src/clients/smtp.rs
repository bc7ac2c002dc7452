//! E-mail over SMTP.
//!
//! Every mail has a connection of its own, opened, used and closed within the deadline of the call. Lettre's pool is
//! deliberately not used: alerts are rare, a kept connection would mostly be found dead, it belongs to the runtime
//! that opened it, and dropping the pool outside a runtime panics. An [`SmtpClient`] is plain data: it may be cloned,
//! sent anywhere and dropped anywhere.
//!
//! Lettre knows the language; the dialogue is ours, step by step, since lettre's own has no deadline, waits for the
//! answer to a QUIT before it tells of an error, and drops a mail for all if one receiver is refused.

mod failure;
mod mail;
mod mailbox;
#[cfg(test)]
mod tests;
mod text;
mod tls;
mod url;
mod wire;

use std::time::Duration;

use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::Response;
use tokio::time::{Instant, timeout_at};

pub use self::mail::Mail;
pub use self::mailbox::{Mailbox, parse_mailboxes};
pub use self::url::SmtpUrl;

use self::text::Scrubber;
use self::tls::Tls;
use self::wire::Wire;
use super::error::{ClientError, ErrorKind};

/// How long the server may take over our good-bye, once the mail is accepted.
const QUIT_MAX: Duration = Duration::from_secs(2);

/// What a server said that has accepted a mail.
#[derive(Debug, Clone, PartialEq)]
pub struct Accepted {
    /// Its answer.
    pub answer: String,
    /// The receivers that it has not accepted the mail for, and why.
    pub refused: Vec<(Mailbox, ClientError)>,
}

/// A mail server and our account there.
#[derive(Clone)]
pub struct SmtpClient {
    url: SmtpUrl,
    connect_timeout: Duration,
    tls: Tls,
    scrub: Scrubber,
}

impl SmtpClient {
    /// A client of the server at `url`; no single address of it may take longer than `connect_timeout` to connect to.
    /// Connects to nobody yet, but reads the machine's root certificates. It fails only if TLS cannot be set up.
    pub fn new(url: &SmtpUrl, connect_timeout: Duration) -> Result<Self, ClientError> {
        Ok(Self { tls: Tls::new(url)?, scrub: Scrubber::new(url.login.as_ref()), url: url.clone(), connect_timeout })
    }

    /// Sends `mail` to `receivers`, some of its own or all of them: the server has accepted it then, which is not yet to
    /// say delivered.
    ///
    /// It takes at most `deadline` from the first packet to the last. After [`ErrorKind::Timeout`] and
    /// [`ErrorKind::Connection`] the mail may have been accepted all the same. If some receivers are refused, the mail
    /// goes to the others; if all are, it is an error: one after which the mail is worth another try, if there is any.
    pub async fn send(&self, mail: &Mail, receivers: &[Mailbox], deadline: Duration) -> Result<Accepted, ClientError> {
        let message = mail.message()?.formatted();
        let mut dialogue = self.sign_in(Instant::now() + deadline).await?;
        let accepted = dialogue.deliver(mail, receivers, &message).await?;
        dialogue.quit().await;
        Ok(accepted)
    }

    /// Connects, greets, encrypts and signs in, and returns what was found in a few words. Sends nothing.
    pub async fn verify(&self, deadline: Duration) -> Result<String, ClientError> {
        let dialogue = self.sign_in(Instant::now() + deadline).await?;
        let encrypted = if dialogue.connection.is_encrypted() || matches!(self.tls, Tls::Implicit { .. }) {
            "TLS"
        } else {
            "no TLS"
        };
        let signed_in = if self.url.login.is_some() { "signed in" } else { "no login" };
        let found = format!("{}, {encrypted}, {signed_in}", self.scrub.words(dialogue.connection.server_info().name()));
        dialogue.quit().await;
        Ok(found)
    }

    /// A dialogue that has come as far as mails may be sent.
    async fn sign_in(&self, until: Instant) -> Result<Dialogue<'_>, ClientError> {
        let name = self.url.greeting_name.clone().map_or_else(ClientId::default, ClientId::Domain);
        let scrub = &self.scrub;
        let mut connection = self.open(&name, until).await?;
        if let Tls::Upgrade { required, parameters } = &self.tls {
            if connection.can_starttls() {
                step("STARTTLS", until, scrub, connection.starttls(parameters.clone(), &name)).await?;
            } else if *required {
                return Err(ClientError::new(
                    ErrorKind::Tls,
                    "the server offers no STARTTLS, which tls=required wants",
                ));
            }
        }
        if let Some(login) = &self.url.login {
            if connection.server_info().get_auth_mechanism(DEFAULT_MECHANISMS).is_none() {
                let detail = "the server offers no login that we know (PLAIN or LOGIN), perhaps not without TLS";
                return Err(ClientError::new(ErrorKind::Unauthorized, detail));
            }
            let credentials = Credentials::new(login.user.clone(), login.password.expose().to_owned());
            step("login", until, scrub, connection.auth(DEFAULT_MECHANISMS, &credentials)).await?;
        }
        Ok(Dialogue { connection, until, scrub })
    }

    /// Connects and exchanges greetings.
    async fn open(&self, name: &ClientId, until: Instant) -> Result<AsyncSmtpConnection, ClientError> {
        let connecting = wire::connect(&self.url.host, self.url.port, self.connect_timeout, until);
        let stream = within("connection", until, connecting)
            .await?
            .map_err(|error| failure::from_io("connection", &error, &self.scrub))?;
        let peer = stream.peer_addr().map_err(|error| failure::from_io("connection", &error, &self.scrub))?;
        if let Tls::Implicit { connector, name: host } = &self.tls {
            let stream = within("TLS", until, connector.connect(host.clone(), stream))
                .await?
                .map_err(|error| failure::from_io("TLS", &error, &self.scrub))?;
            let wire = Box::new(Wire::new(stream, peer));
            step("greeting", until, &self.scrub, AsyncSmtpConnection::connect_with_transport(wire, name)).await
        } else {
            let wire = Box::new(Wire::new(stream, peer));
            step("greeting", until, &self.scrub, AsyncSmtpConnection::connect_with_transport(wire, name)).await
        }
    }
}

/// A conversation with the server, from the login on.
struct Dialogue<'a> {
    connection: AsyncSmtpConnection,
    until: Instant,
    scrub: &'a Scrubber,
}

impl Dialogue<'_> {
    async fn deliver(&mut self, mail: &Mail, receivers: &[Mailbox], message: &[u8]) -> Result<Accepted, ClientError> {
        let mut parameters = Vec::new();
        if mail.to.iter().chain([&mail.from]).any(|mailbox| !mailbox.address().is_ascii()) {
            if !self.connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                let detail = "an address is not ASCII, and the server does not know such addresses (SMTPUTF8)";
                return Err(ClientError::new(ErrorKind::BadRequest, detail));
            }
            // The address is in the header too, as it is. Whoever knows SMTPUTF8 knows 8BITMIME (RFC 6531, 3.1).
            parameters.push(MailParameter::SmtpUtfEight);
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        self.command("sender", MailFrom::new(Some(mail.from.address.clone()), parameters)).await?;

        let mut refused = Vec::new();
        for receiver in receivers {
            match self.command("receiver", Rcpt::new(receiver.address.clone(), Vec::new())).await {
                Ok(_) => {}
                Err(error) if error.status.is_some_and(|status| status != 421) => {
                    refused.push((receiver.clone(), error));
                }
                Err(error) => return Err(error),
            }
        }
        if refused.len() == receivers.len() {
            return Err(worth_most(refused.into_iter().map(|(_, error)| error).collect()));
        }

        self.command("text", Data).await?;
        // Lettre ends the last line itself, also one that has its end.
        let message = message.strip_suffix(b"\r\n").unwrap_or(message);
        let accepted = step("text", self.until, self.scrub, self.connection.message(message)).await?;
        let answer = self.scrub.words(&format!("{} {}", accepted.code(), joined(&accepted)));
        Ok(Accepted { answer, refused })
    }

    async fn command(&mut self, name: &str, command: impl std::fmt::Display) -> Result<Response, ClientError> {
        step(name, self.until, self.scrub, self.connection.command(command)).await
    }

    /// Says good-bye. What comes of it does not matter: the mail is accepted or not by now.
    async fn quit(mut self) {
        let until = self.until.min(Instant::now() + QUIT_MAX);
        let _ = timeout_at(until, self.connection.quit()).await;
    }
}

fn joined(response: &Response) -> String {
    response.message().collect::<Vec<_>>().join(" ")
}

/// Of the errors of all receivers, one after which the mail is tried again, if there is any.
fn worth_most(errors: Vec<ClientError>) -> ClientError {
    let nobody = || ClientError::new(ErrorKind::BadRequest, "this mail cannot be sent: it has no receiver");
    let better = |best: ClientError, error: ClientError| match best.is_permanent() && !error.is_permanent() {
        true => error,
        false => best,
    };
    errors.into_iter().reduce(better).unwrap_or_else(nobody)
}

/// One step of the dialogue, with the deadline of the whole.
async fn step<T>(
    name: &str,
    until: Instant,
    scrub: &Scrubber,
    exchange: impl Future<Output = Result<T, SmtpError>>,
) -> Result<T, ClientError> {
    within(name, until, exchange).await?.map_err(|error| failure::from_smtp(name, &error, scrub))
}

async fn within<T>(name: &str, until: Instant, work: impl Future<Output = T>) -> Result<T, ClientError> {
    timeout_at(until, work)
        .await
        .map_err(|_| ClientError::new(ErrorKind::Timeout, format!("{name}: no complete answer in time")))
}

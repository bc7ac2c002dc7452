//! The one way out over HTTP: awc with our deadline, size limit and trust, its failures told in our kinds.
//!
//! Deliberately absent: redirects (a key would travel with them), retries (that is the caller's business; see
//! [`Request`] for the one exception), and awc's own timeouts, which know nothing of the body and would cut a longer
//! deadline short. Not within our power: awc reads an HTTP/1.1 answer that has neither a length nor chunks as empty,
//! and a chunked one that ends early as complete; whoever reads the JSON finds out.

use std::io;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use actix_web::error::ParseError;
use awc::error::{ConnectError, PayloadError, SendRequestError};
use awc::http::header;

use super::error::{ClientError, ErrorKind};
use super::reply::{self, Reply};
use super::request::Request;
use super::tls;

/// The largest body that is read, after decompression: a page of 100 Notion rows with all their properties is one.
pub const BODY_LIMIT: usize = 8 * 1024 * 1024;

/// Longer than any deadline, for the timeouts of awc that cannot be turned off.
const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

/// An HTTP client; one per thread, since its connections belong to the thread that opened them. Clones share them.
#[derive(Clone)]
pub struct Http {
    /// Keeps connections, for what may be repeated if one of them has died unnoticed.
    pooled: Rc<awc::Client>,
    /// Opens a connection for each request, for what must go out once only, and for the repetition.
    fresh: Rc<awc::Client>,
}

impl Http {
    /// A client without any connection yet. The first one in a process reads the machine's certificates.
    pub fn new() -> Self {
        Self { pooled: Rc::new(client()), fresh: Rc::new(client()) }
    }

    /// Sends `request` and reads the whole answer, all within `deadline`; any status is an answer.
    ///
    /// An error has no status: there was no complete answer. After a timeout the connection is dropped.
    pub async fn send(&self, request: Request<'_>, deadline: Duration) -> Result<Reply, ClientError> {
        let host = request.host()?;
        let exchange = async {
            match self.exchange(&request, !request.idempotent).await {
                Err(Failure { broke_off: true, .. }) if request.idempotent => self.exchange(&request, true).await,
                result => result,
            }
        };
        match tokio::time::timeout(deadline, exchange).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(failure)) => Err(ClientError::new(failure.kind, format!("{host}: {}", failure.detail))),
            Err(_) => Err(ClientError::new(
                ErrorKind::Timeout,
                format!("{host}: no complete answer within {}", in_words(deadline)),
            )),
        }
    }

    async fn exchange(&self, request: &Request<'_>, fresh: bool) -> Result<Reply, Failure> {
        let outgoing = if fresh { request.to_awc(&self.fresh).force_close() } else { request.to_awc(&self.pooled) };
        let mut incoming = match &request.body {
            Some(body) => outgoing.send_body(body.clone()).await,
            None => outgoing.send().await,
        }
        .map_err(Failure::of_sending)?;

        let headers = incoming.headers();
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let content_type = text(header::CONTENT_TYPE).and_then(|value| value.split(';').next()).unwrap_or_default();
        let content_type = content_type.trim().to_ascii_lowercase();
        let retry_after = text(header::RETRY_AFTER).and_then(|value| reply::retry_after(value, SystemTime::now()));
        // A body that ends early reads as complete to awc, so its length is compared, unless it was packed.
        let promised = match text(header::CONTENT_ENCODING) {
            None => text(header::CONTENT_LENGTH).and_then(|value| value.parse::<usize>().ok()),
            Some(_) => None,
        };
        let status = incoming.status().as_u16();
        let body = incoming.body().limit(BODY_LIMIT).await.map_err(|error| Failure::of_reading(&error))?;
        if promised.is_some_and(|length| length != body.len()) {
            return Err(Failure::new(ErrorKind::Connection, "the answer broke off"));
        }
        Ok(Reply { status, retry_after, content_type, body, secrets: request.secrets.clone() })
    }
}

impl Default for Http {
    fn default() -> Self {
        Self::new()
    }
}

fn client() -> awc::Client {
    let connector = awc::Connector::new().rustls_0_23(tls::client_config()).timeout(NEVER).handshake_timeout(NEVER);
    awc::Client::builder()
        .connector(connector)
        .disable_timeout()
        .disable_redirects()
        .add_default_header((header::USER_AGENT, concat!("auto-operator/", env!("CARGO_PKG_VERSION"))))
        .finish()
}

/// A wait in words, to a tenth of a second where it is longer than one: `10 s`, `2.5 s`, `250 ms`.
fn in_words(wait: Duration) -> String {
    if wait < Duration::from_secs(1) {
        return format!("{} ms", wait.as_millis());
    }
    format!("{} s", (wait.as_secs_f64() * 10.0).round() / 10.0)
}

const NOT_UNPACKED: &str = "the answer could not be decompressed";

/// Why there was no complete answer.
struct Failure {
    kind: ErrorKind,
    detail: String,
    /// The connection ended before the head of an answer, as one does that the party has closed while it was idle.
    broke_off: bool,
}

impl Failure {
    fn new(kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), broke_off: false }
    }

    fn broke_off(detail: impl Into<String>) -> Self {
        Self { broke_off: true, ..Self::new(ErrorKind::Connection, detail) }
    }

    /// Nothing of its own words is passed on that could hold the URL.
    fn of_sending(error: SendRequestError) -> Self {
        match error {
            SendRequestError::Connect(ConnectError::Disconnected) => Self::broke_off("closed without an answer"),
            SendRequestError::Connect(ConnectError::Io(error)) => Self::of_connecting(&error),
            SendRequestError::Connect(ConnectError::Resolver(_) | ConnectError::NoRecords) => {
                Self::new(ErrorKind::Connection, "no such host, or no answer from the name server")
            }
            SendRequestError::Connect(ConnectError::Timeout) | SendRequestError::Timeout => {
                Self::new(ErrorKind::Timeout, "no connection")
            }
            SendRequestError::Connect(_) => Self::new(ErrorKind::Connection, "no connection"),
            SendRequestError::Send(error) | SendRequestError::Response(ParseError::Io(error)) => match error.kind() {
                // Bytes were left over at the end: the head of an answer had begun.
                io::ErrorKind::Other => Self::new(ErrorKind::Connection, "the answer broke off"),
                kind => Self::broke_off(kind.to_string()),
            },
            SendRequestError::Response(_) | SendRequestError::H2(_) => {
                Self::new(ErrorKind::Garbage, "answered with something that is not HTTP")
            }
            SendRequestError::Url(_) | SendRequestError::Http(_) => {
                Self::new(ErrorKind::BadRequest, "the request could not be written")
            }
            _ => Self::new(ErrorKind::Connection, "the request could not be sent"),
        }
    }

    fn of_connecting(error: &io::Error) -> Self {
        let inner = error.get_ref();
        if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Self::new(ErrorKind::Tls, error.to_string());
        }
        match error.kind() {
            // What tokio-rustls says when the other side hangs up instead of shaking hands.
            io::ErrorKind::UnexpectedEof => Self::new(ErrorKind::Tls, "hung up during the TLS handshake"),
            kind => Self::new(ErrorKind::Connection, kind.to_string()),
        }
    }

    fn of_reading(error: &PayloadError) -> Self {
        match error {
            PayloadError::Overflow => Self::new(ErrorKind::Garbage, "answer larger than 8 MiB"),
            PayloadError::UnknownLength => Self::new(ErrorKind::Garbage, "the answer's length is no number"),
            PayloadError::EncodingCorrupted => Self::new(ErrorKind::Garbage, NOT_UNPACKED),
            PayloadError::Io(error) | PayloadError::Incomplete(Some(error))
                if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) =>
            {
                Self::new(ErrorKind::Garbage, NOT_UNPACKED)
            }
            _ => Self::new(ErrorKind::Connection, "the answer broke off"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;

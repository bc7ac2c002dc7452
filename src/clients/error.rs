//! What can go wrong between us and a party outside: a small closed set of kinds.
//!
//! A detail is cleaned when an error is made: no URL, nothing that looks like a secret, no control character, and at
//! most [`super::redact::DETAIL_LIMIT`] characters.

use std::fmt;
use std::time::Duration;

use super::redact;

/// What went wrong, as far as it matters for what to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The party does not know our key (401).
    Unauthorized,
    /// The party knows us and refuses (403).
    Forbidden,
    /// What we asked for is not there, or not shared with us (404).
    NotFound,
    /// Too many requests for now (429).
    RateLimited,
    /// The account has run out of money or of a paid limit (402, or 429 with words that say so).
    QuotaExhausted,
    /// The party does not understand or accept the request (other 4xx), or it could not even be written.
    BadRequest,
    /// The party has trouble of its own (5xx).
    ServerFault,
    /// No complete answer within the deadline (or the party itself says so: 408).
    Timeout,
    /// Nobody there, or the connection broke off.
    Connection,
    /// Somebody there, but no trustworthy encrypted connection to them.
    Tls,
    /// An answer that is not in the party's language: HTML, a redirect, half a JSON, too large.
    Garbage,
    /// The party's data are not laid out as our settings say: a property is missing or of another type.
    Schema,
    /// The party could or would not give all of it, and a part would pass for the whole.
    Incomplete,
}

impl ErrorKind {
    /// The kind in a word or two, as it stands in reports.
    pub fn words(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not found",
            Self::RateLimited => "rate limited",
            Self::QuotaExhausted => "quota exhausted",
            Self::BadRequest => "bad request",
            Self::ServerFault => "server fault",
            Self::Timeout => "timeout",
            Self::Connection => "connection",
            Self::Tls => "TLS",
            Self::Garbage => "garbage",
            Self::Schema => "schema",
            Self::Incomplete => "incomplete",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// A failed exchange with a party.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{kind}{}{}", Status(*.status), Detail(.detail))]
pub struct ClientError {
    /// What went wrong.
    pub kind: ErrorKind,
    /// The HTTP status, where there was one.
    pub status: Option<u16>,
    /// How long the party asked us to wait, at most a day.
    pub retry_after: Option<Duration>,
    /// More about it, for people who hold a token; may be empty.
    pub detail: String,
}

impl ClientError {
    /// Whether nobody was asked, since our own pace did not allow it: that says nothing about the party.
    pub fn is_unasked(&self) -> bool {
        self.kind == ErrorKind::RateLimited && self.status.is_none()
    }

    /// An error without a status; `detail` is cleaned.
    pub fn new(kind: ErrorKind, detail: impl AsRef<str>) -> Self {
        Self { kind, status: None, retry_after: None, detail: redact::clean(detail.as_ref(), &[]) }
    }

    /// Whether asking again cannot help before somebody does something: a new key, a share, money, a setting.
    pub fn is_permanent(&self) -> bool {
        match self.kind {
            ErrorKind::Unauthorized
            | ErrorKind::Forbidden
            | ErrorKind::NotFound
            | ErrorKind::QuotaExhausted
            | ErrorKind::BadRequest
            | ErrorKind::Schema => true,
            ErrorKind::RateLimited
            | ErrorKind::ServerFault
            | ErrorKind::Timeout
            | ErrorKind::Connection
            | ErrorKind::Tls
            | ErrorKind::Garbage
            | ErrorKind::Incomplete => false,
        }
    }
}

struct Status(Option<u16>);

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |status| write!(f, " ({status})"))
    }
}

struct Detail<'a>(&'a str);

impl fmt::Display for Detail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, ": {}", self.0) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn an_error_reads_as_kind_status_and_detail() {
        let mut error = ClientError::new(ErrorKind::Unauthorized, "API token is invalid.");
        assert_eq!(error.to_string(), "unauthorized: API token is invalid.");
        error.status = Some(401);
        assert_eq!(error.to_string(), "unauthorized (401): API token is invalid.");
        error.detail.clear();
        assert_eq!(error.to_string(), "unauthorized (401)");
    }

    #[test]
    fn a_detail_is_cleaned_when_the_error_is_made() {
        let error =
            ClientError::new(ErrorKind::Garbage, "see https://example.com/a?key=1\nfor sk-proj-0123456789abcdef");
        assert_eq!(error.detail, "see example.com for [secret]");
    }
}

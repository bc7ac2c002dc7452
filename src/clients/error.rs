//! What can go wrong with an outside party: a small closed set of kinds, the same for every client.
//!
//! An error never holds a URL or a secret. Whether to ask again is the caller's decision; the kind says whether it can
//! help ([`ClientError::is_permanent`]) and `retry_after` when the party wants to be asked.

use std::fmt;
use std::time::Duration;

/// The kinds of failure that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The party does not know us: a wrong, missing or revoked credential.
    Unauthorized,
    /// The party knows us and says no.
    Forbidden,
    /// What was asked for is not there, or not shared with us.
    NotFound,
    /// Too many requests for now.
    RateLimited,
    /// The account has run out of money or of its allowance.
    QuotaExhausted,
    /// The party does not accept what we sent.
    BadRequest,
    /// The party has a fault of its own that may pass.
    ServerFault,
    /// No complete answer before the deadline.
    Timeout,
    /// The connection could not be made, or broke.
    Connection,
    /// No trustworthy encryption could be agreed on.
    Tls,
    /// An answer that is not in the party's language.
    Garbage,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not found",
            Self::RateLimited => "rate limited",
            Self::QuotaExhausted => "quota exhausted",
            Self::BadRequest => "bad request",
            Self::ServerFault => "server fault",
            Self::Timeout => "timeout",
            Self::Connection => "connection failed",
            Self::Tls => "TLS failed",
            Self::Garbage => "garbage",
        })
    }
}

/// A failed exchange with an outside party.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}{}{}", .status.map_or_else(String::new, |status| format!(" ({status})")),
    if .detail.is_empty() { String::new() } else { format!(": {detail}") })]
pub struct ClientError {
    /// What kind of failure it was.
    pub kind: ErrorKind,
    /// The party's own number: an HTTP status or an SMTP reply code.
    pub status: Option<u16>,
    /// How long the party asked us to wait.
    pub retry_after: Option<Duration>,
    /// What happened, for people; free of secrets and URLs, and bounded.
    pub detail: String,
}

impl ClientError {
    /// An error without a status.
    pub fn new(kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, status: None, retry_after: None, detail: detail.into() }
    }

    /// Whether asking again can never help without somebody doing something.
    pub fn is_permanent(&self) -> bool {
        use ErrorKind::{BadRequest, Forbidden, NotFound, QuotaExhausted, Unauthorized};
        matches!(self.kind, Unauthorized | Forbidden | NotFound | QuotaExhausted | BadRequest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_reads_as_kind_status_and_detail() {
        let mut error = ClientError::new(ErrorKind::Unauthorized, "wrong password");
        assert_eq!(error.to_string(), "unauthorized: wrong password");
        error.status = Some(535);
        assert_eq!(error.to_string(), "unauthorized (535): wrong password");
        error.detail.clear();
        assert_eq!(error.to_string(), "unauthorized (535)");
    }

    #[test]
    fn only_what_needs_somebody_is_permanent() {
        let permanent = |kind| ClientError::new(kind, "").is_permanent();
        assert!(permanent(ErrorKind::Unauthorized) && permanent(ErrorKind::BadRequest));
        assert!(!permanent(ErrorKind::Tls) && !permanent(ErrorKind::RateLimited) && !permanent(ErrorKind::Garbage));
    }
}

//! Why a look failed: a small closed set of kinds, the same in the report, the alert, the log and the metrics.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What went wrong, as far as somebody has to act on it differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The credential was refused.
    Unauthorized,
    /// The credential is good, but not for this.
    Forbidden,
    /// The thing asked for is not there, or not shown to us.
    NotFound,
    /// Too many requests; waiting helps.
    RateLimited,
    /// The account is out of money or over its limit; waiting does not help.
    QuotaExhausted,
    /// The party did not understand what we asked.
    BadRequest,
    /// The party failed on its side.
    ServerFault,
    /// No whole answer came in time.
    Timeout,
    /// No connection, or it broke.
    Connection,
    /// The other side could not prove who it is.
    Tls,
    /// An answer came that makes no sense.
    Garbage,
    /// The database lacks a property that is needed, or it is of another type, or the choice is not clear.
    Schema,
    /// There is more than can be read, so that a count would be short.
    Incomplete,
    /// Our own code failed.
    Panic,
    /// There is nothing to look at.
    NotConfigured,
}

impl FaultKind {
    /// Every kind there is.
    pub const ALL: [Self; 15] = [
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::RateLimited,
        Self::QuotaExhausted,
        Self::BadRequest,
        Self::ServerFault,
        Self::Timeout,
        Self::Connection,
        Self::Tls,
        Self::Garbage,
        Self::Schema,
        Self::Incomplete,
        Self::Panic,
        Self::NotConfigured,
    ];

    /// The name in the report and in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::RateLimited => "rate_limited",
            Self::QuotaExhausted => "quota_exhausted",
            Self::BadRequest => "bad_request",
            Self::ServerFault => "server_fault",
            Self::Timeout => "timeout",
            Self::Connection => "connection",
            Self::Tls => "tls",
            Self::Garbage => "garbage",
            Self::Schema => "schema",
            Self::Incomplete => "incomplete",
            Self::Panic => "panic",
            Self::NotConfigured => "not_configured",
        }
    }

    /// The words in a sentence, after the party's name: `Notion unauthorized`.
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
            Self::Connection => "connection failed",
            Self::Tls => "TLS failed",
            Self::Garbage => "garbage answer",
            Self::Schema => "schema mismatch",
            Self::Incomplete => "incomplete answer",
            Self::Panic => "panicked",
            Self::NotConfigured => "not configured",
        }
    }
}

/// Whose fault it is, as far as we can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// OpenAI, or what answers in its place.
    OpenAi,
    /// Notion.
    Notion,
    /// The check itself: it panicked, took too long, or has nothing to look at.
    Check,
}

impl Party {
    /// The name in a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "OpenAI",
            Self::Notion => "Notion",
            Self::Check => "check",
        }
    }
}

/// One failure to look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Whom we asked.
    pub party: Party,
    /// What went wrong.
    pub kind: FaultKind,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// What the party said, or what to do; for holders of a token and for alerts only. Empty if there is nothing to add.
    pub detail: String,
}

impl Fault {
    /// A fault without a status.
    pub fn new(party: Party, kind: FaultKind, detail: impl Into<String>) -> Self {
        Self { party, kind, status: None, detail: detail.into() }
    }
}

/// `Notion unauthorized (401)`: what everybody may read.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.party.name(), self.kind.words())?;
        self.status.map_or(Ok(()), |status| write!(f, " ({status})"))
    }
}

//! What is the same with every party: it cannot be reached, it is slow, it has trouble of its own.

use super::Remedy;
use crate::clients::error::{ClientError, ErrorKind};

/// A party as people know it, with what they can change about how it is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Party {
    /// Its name within a sentence.
    pub name: &'static str,
    /// The variable that says where it is.
    pub address: &'static str,
    /// Where it says itself whether it is well.
    pub status_page: Option<&'static str>,
}

impl Party {
    /// Notion.
    pub const NOTION: Self =
        Self { name: "Notion", address: "NOTION_BASE_URL", status_page: Some("https://status.notion.so") };

    /// Whoever waits for our pings.
    pub const HEARTBEAT: Self = Self { name: "the dead man's switch", address: "HEARTBEAT_URL", status_page: None };

    /// What to do about an error that has nothing to do with what was asked. What is left is taken for an answer of
    /// somebody else: a party that we speak to as it is documented does not refuse to understand.
    pub fn remedy(self, error: &ClientError) -> Remedy {
        match error.kind {
            ErrorKind::Connection => Remedy::Unreachable(self),
            ErrorKind::Timeout => Remedy::Slow(self),
            ErrorKind::Tls => Remedy::Encryption(self),
            ErrorKind::ServerFault => Remedy::TheirTrouble(self),
            ErrorKind::RateLimited => Remedy::TooMany { wait: error.retry_after },
            ErrorKind::Unauthorized
            | ErrorKind::Forbidden
            | ErrorKind::NotFound
            | ErrorKind::QuotaExhausted
            | ErrorKind::BadRequest
            | ErrorKind::Garbage
            | ErrorKind::Schema
            | ErrorKind::Incomplete => Remedy::Misaddressed(self),
        }
    }
}

/// What to do about an error of Notion's when the database of this `variable` was asked for.
pub fn notion_remedy(error: &ClientError, variable: &'static str, token_from_replit: bool) -> Remedy {
    match error.kind {
        ErrorKind::Unauthorized if token_from_replit => Remedy::NotionConnector,
        ErrorKind::Unauthorized => Remedy::NotionToken,
        ErrorKind::Forbidden => Remedy::NotionCapability { capability: "Read" },
        ErrorKind::NotFound => Remedy::NotShared { variable },
        ErrorKind::Schema => Remedy::DataSource { variable },
        _ => Party::NOTION.remedy(error),
    }
}

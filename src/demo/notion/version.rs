//! The versions of the API that the stand-in speaks, and what differs between them.

use super::error::{Answer, Refusal};

/// A version, as in the header `Notion-Version`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Version {
    /// 2022-06-28: a database is its only data source.
    V2022,
    /// 2025-09-03: databases have data sources.
    V2025,
    /// 2026-03-11: `archived` is gone.
    V2026,
}

impl Version {
    pub(super) fn parse(header: Option<&str>) -> Answer<Self> {
        match header {
            Some("2022-06-28") => Ok(Self::V2022),
            Some("2025-09-03") => Ok(Self::V2025),
            Some("2026-03-11") => Ok(Self::V2026),
            None | Some("") => Err(Refusal::new(
                400,
                "missing_version",
                "Notion-Version header failed validation: Notion-Version header should be defined, instead was \
                 `undefined`.",
            )),
            Some(other) => Err(Refusal::invalid(format!(
                "Notion-Version header failed validation: Notion-Version header should be `\"2026-03-11\"`, \
                 `\"2025-09-03\"`, or `\"2022-06-28\"`, instead was `\"{other}\"`."
            ))),
        }
    }

    /// Whether databases have data sources, which are what is queried.
    pub(super) fn has_data_sources(self) -> bool {
        self >= Self::V2025
    }

    /// Whether objects and bodies have `archived` beside `in_trash`.
    pub(super) fn says_archived(self) -> bool {
        self < Self::V2026
    }

    /// The `type` of a list of rows, also the name of an empty object in it.
    pub(super) fn list_type(self) -> &'static str {
        if self.has_data_sources() { "page_or_data_source" } else { "page_or_database" }
    }
}

//! Ids: what the outside holds of databases, data sources and pages, and how Notion reads them in a path.

use std::fmt;

use serde_json::Value;
use uuid::Uuid;

use super::error::{Answer, Refusal};

/// The name of the integration that the token belongs to.
pub(super) const INTEGRATION_NAME: &str = "Auto-Operator";
/// The id of the integration.
pub(super) const INTEGRATION: Uuid = Uuid::from_u128(0x5f1d_4e0c_9b7a_4c5e_8a34_7d2c_0b6e_91f2);
/// The id of its bot user, who has created and edited everything here.
pub(super) const BOT: Uuid = Uuid::from_u128(0x7775_f3a3_893f_43fa_b625_460c_6109_4c78);
/// The workspace's id.
pub(super) const WORKSPACE: Uuid = Uuid::from_u128(0x1c9e_6a0d_22f4_4b1d_9d51_c3a7_5e80_4f6b);
/// The page that all databases are on.
pub(super) const ROOT_PAGE: Uuid = Uuid::from_u128(0x0a4b_7c1e_5d2f_4e3a_b6c8_9f10_2d3e_4c5b);

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $name(pub(super) Uuid);

        impl fmt::Display for $name {
            /// With hyphens, as Notion writes ids.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    /// The id of a database: what its URL shows.
    DatabaseId
    /// The id of one data source of a database; never the same as the database's.
    DataSourceId
    /// The id of a page, a row of a data source.
    PageId
}

/// A fresh random id.
pub(super) fn random() -> Uuid {
    uuid::Builder::from_random_bytes(fastrand::u128(..).to_be_bytes()).into_uuid()
}

/// Reads an id out of a path, with or without hyphens; `parameter` names it in the refusal.
pub(super) fn in_path(parameter: &str, text: &str) -> Answer<Uuid> {
    parse(text).ok_or_else(|| {
        let instead = Value::from(text);
        Refusal::invalid(format!(
            "path failed validation: path.{parameter} should be a valid uuid, instead was `{instead}`."
        ))
    })
}

/// An id with all of its hyphens or none.
pub(super) fn parse(text: &str) -> Option<Uuid> {
    matches!(text.len(), 32 | 36).then(|| Uuid::try_parse(text).ok())?
}

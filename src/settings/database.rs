//! Where incidents are kept.

use std::path::PathBuf;

use super::problem::Fault;
use super::reader::Reader;
use super::variables::DATABASE_URL;
use crate::secret::Secret;

/// Where incidents are kept.
pub enum Database {
    /// In this file.
    SqliteFile(PathBuf),
    /// Nowhere for long.
    SqliteMemory,
    /// In PostgreSQL, at this URL. Recognised, but refused by the reader in this version.
    Postgres(Secret),
}

impl Database {
    /// Reads it; `None` if it is faulty, or cannot be had in this version.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let database = reader.value(DATABASE_URL, Self::parse)?;
        match &database {
            Self::SqliteFile(path) => reader.show(DATABASE_URL, format!("sqlite://{}", path.display())),
            Self::SqliteMemory => reader.show(DATABASE_URL, "sqlite::memory:"),
            Self::Postgres(_) => reader.problem(
                DATABASE_URL,
                "names a PostgreSQL server, which this version cannot use yet",
                "sqlite://auto-operator.db, or another file",
            ),
        }
        Some(database)
    }

    /// Nothing of the text is shown in a fault: there may be a password in it.
    fn parse(text: &str) -> Result<Self, Fault> {
        let fault =
            |wrong| Fault::new(wrong, "sqlite://auto-operator.db, sqlite:///var/lib/name.db or sqlite::memory:");
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(Secret::new(text)));
        }
        let path = text.strip_prefix("sqlite:").ok_or_else(|| fault("is not the URL of a database"))?;
        match path.strip_prefix("//").unwrap_or(path) {
            ":memory:" => Ok(Self::SqliteMemory),
            "" => Err(fault("names no file")),
            path if path.contains(['?', '#']) || path.chars().any(char::is_control) => {
                Err(fault("has options or control characters in its path"))
            }
            path => Ok(Self::SqliteFile(path.into())),
        }
    }
}

//! Columns to values of the domain, and back.

use chrono::{DateTime, Utc};
use log::warn;
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

use super::StoreError;

/// A row of either database.
pub(super) enum Row {
    /// Of SQLite.
    Sqlite(SqliteRow),
    /// Of PostgreSQL.
    Postgres(PgRow),
}

impl Row {
    /// The text in `column`, if there is one.
    pub(super) fn optional_text(&self, column: &str) -> Result<Option<String>, StoreError> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    /// The number in `column`, if there is one.
    pub(super) fn optional_number(&self, column: &str) -> Result<Option<i64>, StoreError> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    /// The text in `column`.
    pub(super) fn text(&self, column: &str) -> Result<String, StoreError> {
        self.optional_text(column)?.ok_or_else(|| empty(column))
    }

    /// The number in `column`.
    pub(super) fn number(&self, column: &str) -> Result<i64, StoreError> {
        self.optional_number(column)?.ok_or_else(|| empty(column))
    }

    /// The number of things in `column`.
    pub(super) fn count(&self, column: &str) -> Result<u32, StoreError> {
        let stored = self.number(column)?;
        u32::try_from(stored).map_err(|_| StoreError::nonsense(format!("{stored} in {column} is no count")))
    }

    /// The moment in `column`.
    pub(super) fn moment(&self, column: &str) -> Result<DateTime<Utc>, StoreError> {
        from_millis(self.number(column)?, column)
    }

    /// The moment in `column`, if there is one.
    pub(super) fn optional_moment(&self, column: &str) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.optional_number(column)?.map(|stored| from_millis(stored, column)).transpose()
    }
}

/// What can be read of `rows`, and is of use. A row that makes no sense is left out with a warning: of a history, the rest
/// is better than nothing.
pub(super) fn readable<T>(rows: &[Row], read: impl Fn(&Row) -> Result<Option<T>, StoreError>) -> Vec<T> {
    rows.iter()
        .filter_map(|row| {
            read(row).unwrap_or_else(|error| {
                warn!("a row is left out: {error}");
                None
            })
        })
        .collect()
}

/// A count as the databases have it; none comes near the end of their numbers.
pub(super) fn counted(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A moment as it is stored; what is finer than a millisecond is lost.
pub(super) fn millis(moment: DateTime<Utc>) -> i64 {
    moment.timestamp_millis()
}

fn from_millis(stored: i64, column: &str) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp_millis(stored)
        .ok_or_else(|| StoreError::nonsense(format!("{stored} in {column} is no moment")))
}

fn empty(column: &str) -> StoreError {
    StoreError::nonsense(format!("there is nothing in {column}"))
}

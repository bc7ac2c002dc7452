//! Columns to values of the domain, and back.

use chrono::{DateTime, Utc};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::StoreError;

/// A moment as it is stored; what is finer than a millisecond is lost.
pub(super) fn millis(moment: DateTime<Utc>) -> i64 {
    moment.timestamp_millis()
}

/// The moment in `column`.
pub(super) fn moment(row: &SqliteRow, column: &str) -> Result<DateTime<Utc>, StoreError> {
    from_millis(row.try_get(column)?, column)
}

/// The moment in `column`, if there is one.
pub(super) fn optional_moment(row: &SqliteRow, column: &str) -> Result<Option<DateTime<Utc>>, StoreError> {
    let stored: Option<i64> = row.try_get(column)?;
    stored.map(|stored| from_millis(stored, column)).transpose()
}

fn from_millis(stored: i64, column: &str) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp_millis(stored)
        .ok_or_else(|| StoreError::nonsense(format!("{stored} in {column} is no moment")))
}

/// The number in `column`.
pub(super) fn count(row: &SqliteRow, column: &str) -> Result<u32, StoreError> {
    let stored: i64 = row.try_get(column)?;
    u32::try_from(stored).map_err(|_| StoreError::nonsense(format!("{stored} in {column} is no count")))
}

//! The reports of the last days: those who do not lead show the newest one.

use chrono::{DateTime, Utc};

use super::StoreError;
use super::database::Transaction;
use super::row::millis;
use super::statement::Statement;

/// A report, as JSON in words of whoever writes and reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredReport {
    /// The moment to which it refers.
    pub at: DateTime<Utc>,
    /// The report.
    pub body: String,
}

/// Writes a report behind those that are there.
pub(super) async fn write(transaction: &mut Transaction, report: &StoredReport) -> Result<(), StoreError> {
    Statement::new("INSERT INTO reports (at, body) VALUES ($1, $2)")
        .bind(millis(report.at))
        .bind(&report.body)
        .execute(transaction)
        .await?;
    Ok(())
}

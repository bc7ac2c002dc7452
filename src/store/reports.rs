//! The reports of the last days: those who do not lead show the newest one.

use chrono::{DateTime, TimeDelta, Utc};

use super::database::Transaction;
use super::row::{Row, millis};
use super::statement::Statement;
use super::{Store, StoreError};

/// A report, as JSON in words of whoever writes and reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredReport {
    /// The moment to which it refers.
    pub at: DateTime<Utc>,
    /// The report.
    pub body: String,
}

/// By how much the clocks of two machines may differ.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(1);

impl Store {
    /// The newest report at `now`, if there is one; not one that a clock which was far ahead has left: it would be the
    /// newest for as long.
    pub async fn newest_report(&self, now: DateTime<Utc>) -> Result<Option<StoredReport>, StoreError> {
        self.report_at(now + CLOCKS_DIFFER).await
    }

    /// The report that was the newest one at `at`, if it is still kept.
    pub async fn report_at(&self, at: DateTime<Utc>) -> Result<Option<StoredReport>, StoreError> {
        let database = self.database.clone();
        self.run(async move {
            // Not by their order: what was kept in memory for a while is written behind what others wrote meanwhile.
            let row = Statement::new("SELECT at, body FROM reports WHERE at <= $1 ORDER BY at DESC, seq DESC LIMIT 1")
                .bind(millis(at))
                .optional(&mut database.session().await?)
                .await?;
            row.as_ref().map(report).transpose()
        })
        .await
    }
}

fn report(row: &Row) -> Result<StoredReport, StoreError> {
    Ok(StoredReport { at: row.moment("at")?, body: row.text("body")? })
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

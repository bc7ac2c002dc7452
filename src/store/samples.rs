//! What each cycle measured, and when nobody looked.

use chrono::{DateTime, Utc};

use super::database::Transaction;
use super::row::{Row, counted, millis, readable};
use super::statement::Statement;
use super::{Store, StoreError};
pub use crate::domain::report::Gap;

/// The figures of one cycle; what was not known is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The moment to which they refer.
    pub at: DateTime<Utc>,
    /// Whether all was well.
    pub ok: bool,
    /// Whether OpenAI answered.
    pub openai: Option<bool>,
    /// Whether Notion answered.
    pub notion: Option<bool>,
    /// How many jobs there were in the window.
    pub jobs: Option<u64>,
    /// How many of them were done.
    pub done: Option<u64>,
    /// How many of them had a low score.
    pub low_qa: Option<u64>,
    /// Their average score, in tenths.
    pub avg_qa_tenths: Option<u64>,
    /// How many jobs were stuck.
    pub stuck: Option<u64>,
    /// How long the check of the parties took, in milliseconds.
    pub health_ms: Option<u64>,
    /// How long OpenAI took to answer, in milliseconds.
    pub openai_ms: Option<u64>,
    /// How long Notion did.
    pub notion_ms: Option<u64>,
}

/// How many samples or gaps are looked at, from their beginning: 30 days of one every half minute.
const MOST: i64 = 100_000;

impl Store {
    /// The samples from `since` until before `until`, the oldest first. Those that are older than a month are only known
    /// by day, see [`Store::sample_days`].
    pub async fn samples(&self, since: DateTime<Utc>, until: DateTime<Utc>) -> Result<Vec<Sample>, StoreError> {
        let database = self.database.clone();
        self.run(async move {
            let rows = Statement::new(
                "SELECT at, ok, openai, notion, jobs, done, low_qa, avg_qa_tenths, stuck, health_ms, openai_ms,
                        notion_ms
                 FROM samples
                 WHERE at >= $1 AND at < $2 ORDER BY at LIMIT $3",
            )
            .bind(millis(since))
            .bind(millis(until))
            .bind(MOST)
            .all(&mut database.session().await?)
            .await?;
            Ok(readable(&rows, |row| sample(row).map(Some)))
        })
        .await
    }

    /// The gaps that were not over at `since`, the oldest first.
    pub async fn gaps(&self, since: DateTime<Utc>) -> Result<Vec<Gap>, StoreError> {
        let database = self.database.clone();
        self.run(async move {
            let rows = Statement::new("SELECT since, until FROM gaps WHERE until > $1 ORDER BY since LIMIT $2")
                .bind(millis(since))
                .bind(MOST)
                .all(&mut database.session().await?)
                .await?;
            Ok(readable(&rows, |row| Ok(Some(Gap { since: row.moment("since")?, until: row.moment("until")? }))))
        })
        .await
    }
}

/// The sample of a row. A figure that makes no sense is none.
pub(super) fn sample(row: &Row) -> Result<Sample, StoreError> {
    let answer = |column| Ok::<_, StoreError>(row.optional_number(column)?.map(|answer| answer != 0));
    let figure = |column| Ok::<_, StoreError>(row.optional_number(column)?.and_then(|stored| stored.try_into().ok()));
    Ok(Sample {
        at: row.moment("at")?,
        ok: row.number("ok")? != 0,
        openai: answer("openai")?,
        notion: answer("notion")?,
        jobs: figure("jobs")?,
        done: figure("done")?,
        low_qa: figure("low_qa")?,
        avg_qa_tenths: figure("avg_qa_tenths")?,
        stuck: figure("stuck")?,
        health_ms: figure("health_ms")?,
        openai_ms: figure("openai_ms")?,
        notion_ms: figure("notion_ms")?,
    })
}

/// Writes down what a cycle measured; of each moment there is one sample, the first.
pub(super) async fn write(transaction: &mut Transaction, sample: &Sample) -> Result<(), StoreError> {
    Statement::new(
        "INSERT INTO samples (at, ok, openai, notion, jobs, done, low_qa, avg_qa_tenths, stuck, health_ms, openai_ms,
                              notion_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         ON CONFLICT (at) DO NOTHING",
    )
    .bind(millis(sample.at))
    .bind(i64::from(sample.ok))
    .bind(sample.openai.map(i64::from))
    .bind(sample.notion.map(i64::from))
    .bind(sample.jobs.map(counted))
    .bind(sample.done.map(counted))
    .bind(sample.low_qa.map(counted))
    .bind(sample.avg_qa_tenths.map(counted))
    .bind(sample.stuck.map(counted))
    .bind(sample.health_ms.map(counted))
    .bind(sample.openai_ms.map(counted))
    .bind(sample.notion_ms.map(counted))
    .execute(transaction)
    .await?;
    Ok(())
}

/// Writes down when nobody looked; a gap that is known already may have grown.
pub(super) async fn write_gap(transaction: &mut Transaction, gap: Gap) -> Result<(), StoreError> {
    Statement::new(
        "INSERT INTO gaps (since, until) VALUES ($1, $2) ON CONFLICT (since) DO UPDATE SET until = excluded.until",
    )
    .bind(millis(gap.since))
    .bind(millis(gap.until))
    .execute(transaction)
    .await?;
    Ok(())
}

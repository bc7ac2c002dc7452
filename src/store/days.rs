//! The samples of a day as one row: what is left of them when they are too old to be kept one by one.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::database::Transaction;
use super::prune::{BATCH, DAYS_KEPT};
use super::row::{Row, counted, millis};
use super::samples::{self, Sample};
use super::statement::Statement;
use super::{Store, StoreError};

/// For how long each sample is kept: what lies further back is only looked at by day.
pub(super) const SAMPLES_KEPT: TimeDelta = TimeDelta::days(30);

const DAY_MILLIS: i64 = 86_400_000;

/// How many samples said so, and how many said not; the others did not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct YesNo {
    /// So many said so.
    pub yes: u64,
    /// So many said not.
    pub no: u64,
}

/// What those samples that knew a figure say together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// So many knew it.
    pub known: u64,
    /// What theirs make together.
    pub sum: u64,
}

/// The samples of a day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SampleDay {
    /// When it began, by UTC.
    pub day: DateTime<Utc>,
    /// How many there were.
    pub samples: u64,
    /// How many of them found all well.
    pub ok: u64,
    /// Whether OpenAI answered.
    pub openai: YesNo,
    /// Whether Notion answered.
    pub notion: YesNo,
    /// How many jobs there were in the window.
    pub jobs: Total,
    /// How many of those were done, all samples together.
    pub done_sum: u64,
    /// How many of those had a low score, all samples together.
    pub low_qa_sum: u64,
    /// The average score, in tenths.
    pub avg_qa_tenths: Total,
    /// How many jobs were stuck.
    pub stuck: Total,
    /// How many were at most.
    pub stuck_max: u64,
    /// How long the check of the parties took, in milliseconds.
    pub health_ms: Total,
}

impl YesNo {
    fn add(&mut self, answer: Option<bool>) {
        match answer {
            Some(true) => self.yes += 1,
            Some(false) => self.no += 1,
            None => {}
        }
    }
}

impl Total {
    fn add(&mut self, figure: Option<u64>) {
        let Some(figure) = figure else { return };
        self.known += 1;
        self.sum = self.sum.saturating_add(figure);
    }
}

impl SampleDay {
    /// The day of a sample, in days since 1970.
    fn number(at: DateTime<Utc>) -> i64 {
        millis(at).div_euclid(DAY_MILLIS)
    }

    /// Takes a sample of this day in.
    pub fn add(&mut self, sample: &Sample) {
        self.samples += 1;
        self.ok += u64::from(sample.ok);
        self.openai.add(sample.openai);
        self.notion.add(sample.notion);
        self.jobs.add(sample.jobs);
        self.done_sum = self.done_sum.saturating_add(sample.done.unwrap_or_default());
        self.low_qa_sum = self.low_qa_sum.saturating_add(sample.low_qa.unwrap_or_default());
        self.avg_qa_tenths.add(sample.avg_qa_tenths);
        self.stuck.add(sample.stuck);
        self.stuck_max = self.stuck_max.max(sample.stuck.unwrap_or_default());
        self.health_ms.add(sample.health_ms);
    }
}

impl Store {
    /// The days, since the one of `since`, whose samples are no longer kept one by one; the oldest first.
    pub async fn sample_days(&self, since: DateTime<Utc>) -> Result<Vec<SampleDay>, StoreError> {
        let database = self.database.clone();
        self.run(async move {
            let rows = Statement::new(
                "SELECT day, samples, ok, openai_yes, openai_no, notion_yes, notion_no, jobs_known, jobs_sum, done_sum,
                        low_qa_sum, avg_qa_known, avg_qa_tenths_sum, stuck_known, stuck_sum, stuck_max, health_known,
                        health_ms_sum
                 FROM sample_days WHERE day >= $1 ORDER BY day LIMIT $2",
            )
            .bind(SampleDay::number(since))
            .bind(DAYS_KEPT.num_days() * 2)
            .all(&mut database.session().await?)
            .await?;
            rows.iter().map(day).collect()
        })
        .await
    }

    /// The days, since the one of `since`, whose samples are still kept one by one; the oldest first.
    pub async fn recent_days(&self, since: DateTime<Utc>) -> Result<Vec<SampleDay>, StoreError> {
        let database = self.database.clone();
        self.run(async move {
            let rows = Statement::new(RECENT)
                .bind(SampleDay::number(since) * DAY_MILLIS)
                .bind(DAYS_KEPT.num_days() * 2)
                .all(&mut database.session().await?)
                .await?;
            rows.iter().map(day).collect()
        })
        .await
    }

    /// Takes the samples that are too old at `now` into those of their days. Returns how many.
    pub(super) async fn roll_up(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        // Whole days, so that of none there are both: its samples and what they make together.
        let before = SampleDay::number(now - SAMPLES_KEPT) * DAY_MILLIS;
        let mut rolled = 0;
        loop {
            let batch = self.roll_up_batch(before).await?;
            rolled += batch;
            if batch < BATCH {
                return Ok(rolled);
            }
        }
    }

    /// The oldest of the samples before that moment go and are added to their days, in one transaction: whatever happens
    /// in between, none is lost and none counts twice.
    pub(super) async fn roll_up_batch(&self, before: i64) -> Result<u64, StoreError> {
        let store = self.clone();
        self.run(async move {
            let mut transaction = store.begin().await?;
            let rows = Statement::new(
                "DELETE FROM samples WHERE at IN (SELECT at FROM samples WHERE at < $1 ORDER BY at LIMIT $2)
                 RETURNING at, ok, openai, notion, jobs, done, low_qa, avg_qa_tenths, stuck, health_ms,
                     openai_ms, notion_ms",
            )
            .bind(before)
            .bind(BATCH.cast_signed())
            .all(&mut transaction)
            .await?;
            let mut days = BTreeMap::<i64, SampleDay>::new();
            for row in &rows {
                let sample = samples::sample(row)?;
                days.entry(SampleDay::number(sample.at)).or_default().add(&sample);
            }
            for (number, day) in &days {
                add(&mut transaction, *number, day).await?;
            }
            transaction.commit().await?;
            Ok(rows.len() as u64)
        })
        .await
    }
}

/// What the samples of each day make together. No sample is from before 1970, where this division would round up.
const RECENT: &str = "SELECT at / 86400000 AS day, COUNT(*) AS samples, CAST(SUM(ok) AS BIGINT) AS ok,
         CAST(SUM(CASE WHEN openai = 1 THEN 1 ELSE 0 END) AS BIGINT) AS openai_yes,
         CAST(SUM(CASE WHEN openai = 0 THEN 1 ELSE 0 END) AS BIGINT) AS openai_no,
         CAST(SUM(CASE WHEN notion = 1 THEN 1 ELSE 0 END) AS BIGINT) AS notion_yes,
         CAST(SUM(CASE WHEN notion = 0 THEN 1 ELSE 0 END) AS BIGINT) AS notion_no,
         COUNT(jobs) AS jobs_known, CAST(COALESCE(SUM(jobs), 0) AS BIGINT) AS jobs_sum,
         CAST(COALESCE(SUM(done), 0) AS BIGINT) AS done_sum, CAST(COALESCE(SUM(low_qa), 0) AS BIGINT) AS low_qa_sum,
         COUNT(avg_qa_tenths) AS avg_qa_known, CAST(COALESCE(SUM(avg_qa_tenths), 0) AS BIGINT) AS avg_qa_tenths_sum,
         COUNT(stuck) AS stuck_known, CAST(COALESCE(SUM(stuck), 0) AS BIGINT) AS stuck_sum,
         COALESCE(MAX(stuck), 0) AS stuck_max,
         COUNT(health_ms) AS health_known, CAST(COALESCE(SUM(health_ms), 0) AS BIGINT) AS health_ms_sum
     FROM samples WHERE at >= $1 GROUP BY at / 86400000 ORDER BY at / 86400000 LIMIT $2";

/// Adds to what is known of the day `number`.
async fn add(transaction: &mut Transaction, number: i64, day: &SampleDay) -> Result<(), StoreError> {
    Statement::new(
        "INSERT INTO sample_days
             (day, samples, ok, openai_yes, openai_no, notion_yes, notion_no, jobs_known, jobs_sum, done_sum, low_qa_sum,
              avg_qa_known, avg_qa_tenths_sum, stuck_known, stuck_sum, stuck_max, health_known, health_ms_sum)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
         ON CONFLICT (day) DO UPDATE SET
             samples = sample_days.samples + excluded.samples, ok = sample_days.ok + excluded.ok,
             openai_yes = sample_days.openai_yes + excluded.openai_yes,
             openai_no = sample_days.openai_no + excluded.openai_no,
             notion_yes = sample_days.notion_yes + excluded.notion_yes,
             notion_no = sample_days.notion_no + excluded.notion_no,
             jobs_known = sample_days.jobs_known + excluded.jobs_known,
             jobs_sum = sample_days.jobs_sum + excluded.jobs_sum,
             done_sum = sample_days.done_sum + excluded.done_sum,
             low_qa_sum = sample_days.low_qa_sum + excluded.low_qa_sum,
             avg_qa_known = sample_days.avg_qa_known + excluded.avg_qa_known,
             avg_qa_tenths_sum = sample_days.avg_qa_tenths_sum + excluded.avg_qa_tenths_sum,
             stuck_known = sample_days.stuck_known + excluded.stuck_known,
             stuck_sum = sample_days.stuck_sum + excluded.stuck_sum,
             stuck_max = CASE WHEN sample_days.stuck_max > excluded.stuck_max
                              THEN sample_days.stuck_max ELSE excluded.stuck_max END,
             health_known = sample_days.health_known + excluded.health_known,
             health_ms_sum = sample_days.health_ms_sum + excluded.health_ms_sum",
    )
    .bind(number)
    .bind(counted(day.samples))
    .bind(counted(day.ok))
    .bind(counted(day.openai.yes))
    .bind(counted(day.openai.no))
    .bind(counted(day.notion.yes))
    .bind(counted(day.notion.no))
    .bind(counted(day.jobs.known))
    .bind(counted(day.jobs.sum))
    .bind(counted(day.done_sum))
    .bind(counted(day.low_qa_sum))
    .bind(counted(day.avg_qa_tenths.known))
    .bind(counted(day.avg_qa_tenths.sum))
    .bind(counted(day.stuck.known))
    .bind(counted(day.stuck.sum))
    .bind(counted(day.stuck_max))
    .bind(counted(day.health_ms.known))
    .bind(counted(day.health_ms.sum))
    .execute(transaction)
    .await?;
    Ok(())
}

fn day(row: &Row) -> Result<SampleDay, StoreError> {
    let number = |column| row.number(column).map(i64::cast_unsigned);
    let yes_no = |yes, no| Ok::<_, StoreError>(YesNo { yes: number(yes)?, no: number(no)? });
    let total = |known, sum| Ok::<_, StoreError>(Total { known: number(known)?, sum: number(sum)? });
    let day = row.number("day")?;
    let began = day.checked_mul(DAY_MILLIS).and_then(DateTime::from_timestamp_millis);
    Ok(SampleDay {
        day: began.ok_or_else(|| StoreError::nonsense(format!("{day} is no day")))?,
        samples: number("samples")?,
        ok: number("ok")?,
        openai: yes_no("openai_yes", "openai_no")?,
        notion: yes_no("notion_yes", "notion_no")?,
        jobs: total("jobs_known", "jobs_sum")?,
        done_sum: number("done_sum")?,
        low_qa_sum: number("low_qa_sum")?,
        avg_qa_tenths: total("avg_qa_known", "avg_qa_tenths_sum")?,
        stuck: total("stuck_known", "stuck_sum")?,
        stuck_max: number("stuck_max")?,
        health_ms: total("health_known", "health_ms_sum")?,
    })
}

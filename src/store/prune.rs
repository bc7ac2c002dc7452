//! What is over is kept for a while and then deleted, a little at a time.
//!
//! Never what is pending, nor what belongs to an incident that is not over, however old it is.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

use super::row::millis;
use super::statement::Statement;
use super::{Store, StoreError};

/// How many rows are deleted in one transaction at most.
pub(super) const BATCH: u64 = 200;

/// A transaction that kept the writer for longer than this is followed by smaller ones, until they are short again: on a
/// slow disk, too, nobody shall wait for it for more than 50 ms.
const SHORT: Duration = Duration::from_millis(20);

/// After so many transactions the write-ahead log is taken into the file, beside whoever writes. SQLite would do it by
/// itself when the log is long, and keep the writer meanwhile.
const BETWEEN_CHECKPOINTS: u32 = 20;

/// What is deleted some time after it was over, the oldest first.
pub(super) struct Sweep {
    /// How long it is kept.
    pub(super) kept: TimeDelta,
    /// What depends on the oldest ones and may be much. It goes first: as a cascade it would go all at once.
    pub(super) dependents: Option<&'static str>,
    /// The things themselves.
    pub(super) rows: &'static str,
}

/// Finished notices, and incidents that are over of which nobody is still to be told, may be asked for that long after:
/// those of the last month, and the history of a year.
const NOTICES_KEPT: TimeDelta = TimeDelta::days(30);
const INCIDENTS_KEPT: TimeDelta = TimeDelta::days(365);

/// The newest report is what counts; those of a few days tell what went wrong at the weekend.
const REPORTS_KEPT: TimeDelta = TimeDelta::days(3);

/// A year and a month by day: enough to compare a month with the same one of the year before.
pub(super) const DAYS_KEPT: TimeDelta = TimeDelta::days(400);

/// Silences that are over explain why nothing was told: as long as the notices that were.
const SILENCES_KEPT: TimeDelta = NOTICES_KEPT;

/// The finished notices that are too old. The one that told of an incident which is not over is kept: by it is known who
/// is to be reminded and who is to hear the all-clear.
macro_rules! old_notices {
    () => {
        "FROM notices AS notice
         WHERE notice.state <> 'pending' AND notice.created < $1
           AND NOT EXISTS (
               SELECT 1 FROM notice_incidents AS link
               JOIN incidents AS incident ON incident.id = link.incident_id AND incident.phase <> 'resolved'
               WHERE link.notice_id = notice.id)
         ORDER BY notice.created LIMIT $2"
    };
}

/// The incidents that are over for too long, and of which nobody is still to be told.
macro_rules! old_incidents {
    () => {
        "FROM incidents AS incident
         WHERE incident.phase = 'resolved' AND incident.resolved_at < $1
           AND NOT EXISTS (
               SELECT 1 FROM notice_incidents AS link
               JOIN notices AS notice ON notice.id = link.notice_id AND notice.state = 'pending'
               WHERE link.incident_id = incident.id)
         ORDER BY incident.resolved_at LIMIT $2"
    };
}

/// Everything that goes with time.
pub(super) const SWEEPS: [Sweep; 6] = [
    Sweep {
        kept: NOTICES_KEPT,
        dependents: Some(concat!(
            "DELETE FROM deliveries WHERE seq IN (SELECT seq FROM deliveries
                 WHERE notice_id IN (SELECT notice.id ",
            old_notices!(),
            ") LIMIT $2)"
        )),
        rows: concat!("DELETE FROM notices WHERE seq IN (SELECT notice.seq ", old_notices!(), ")"),
    },
    Sweep {
        kept: INCIDENTS_KEPT,
        dependents: Some(concat!(
            "DELETE FROM incident_changes WHERE seq IN (SELECT seq FROM incident_changes
                 WHERE incident_id IN (SELECT incident.id ",
            old_incidents!(),
            ") LIMIT $2)"
        )),
        rows: concat!("DELETE FROM incidents WHERE id IN (SELECT incident.id ", old_incidents!(), ")"),
    },
    Sweep {
        kept: REPORTS_KEPT,
        dependents: None,
        // The newest one stays, however old: it is what is known.
        rows: "DELETE FROM reports WHERE seq IN (SELECT seq FROM reports
                   WHERE at < $1 AND at < (SELECT MAX(at) FROM reports) ORDER BY at LIMIT $2)",
    },
    Sweep {
        kept: SILENCES_KEPT,
        dependents: None,
        rows: "DELETE FROM silences WHERE id IN (SELECT id FROM silences WHERE until < $1 ORDER BY until LIMIT $2)",
    },
    Sweep {
        kept: DAYS_KEPT,
        dependents: None,
        rows: "DELETE FROM gaps WHERE since IN (SELECT since FROM gaps WHERE until < $1 ORDER BY since LIMIT $2)",
    },
    Sweep {
        kept: DAYS_KEPT,
        dependents: None,
        rows: "DELETE FROM sample_days WHERE day IN (SELECT day FROM sample_days
                   WHERE day < CAST($1 AS BIGINT) / 86400000 ORDER BY day LIMIT $2)",
    },
];

impl Store {
    /// Deletes what has been kept long enough at `now`, and takes the samples that are too old to be kept one by one
    /// into those of their days. Returns how many rows went, what depended on them not counted.
    pub async fn prune(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut pruned = self.roll_up(now).await?;
        for sweep in &SWEEPS {
            pruned += self.sweep(sweep, now - sweep.kept).await?;
        }
        Ok(pruned)
    }

    async fn sweep(&self, sweep: &Sweep, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let (mut pace, mut swept) = (Pace::default(), 0);
        loop {
            while let Some(dependents) = sweep.dependents {
                if self.delete(dependents, before, &mut pace).await?.was_the_last {
                    break;
                }
            }
            let deleted = self.delete(sweep.rows, before, &mut pace).await?;
            swept += deleted.rows;
            if deleted.was_the_last {
                return Ok(swept);
            }
        }
    }

    async fn delete(
        &self,
        statement: &'static str,
        before: DateTime<Utc>,
        pace: &mut Pace,
    ) -> Result<Deleted, StoreError> {
        let batch = pace.batch;
        let (rows, kept) = self.delete_batch(statement, before, batch).await?;
        if pace.after(kept) {
            self.checkpoint().await?;
        }
        Ok(Deleted { rows, was_the_last: rows < batch })
    }

    /// Deletes up to `batch` rows in one transaction. Returns how many, and for how long it kept the writer.
    pub(super) async fn delete_batch(
        &self,
        statement: &'static str,
        before: DateTime<Utc>,
        batch: u64,
    ) -> Result<(u64, Duration), StoreError> {
        let store = self.clone();
        self.run(async move {
            let mut transaction = store.begin().await?;
            // Not from before: waiting for others is no reason to do less.
            let began = Instant::now();
            let statement = Statement::new(statement).bind(millis(before)).bind(batch.cast_signed());
            let deleted = statement.execute(&mut transaction).await?;
            transaction.commit().await?;
            Ok((deleted, began.elapsed()))
        })
        .await
    }
}

/// What one transaction deleted.
struct Deleted {
    rows: u64,
    was_the_last: bool,
}

/// How much is deleted at once, by how long that took lately.
struct Pace {
    batch: u64,
    since_checkpoint: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { batch: BATCH, since_checkpoint: 0 }
    }
}

impl Pace {
    /// A transaction kept the writer for so long. Says whether it is time for a checkpoint.
    fn after(&mut self, kept: Duration) -> bool {
        if kept > SHORT {
            self.batch = (self.batch / 2).max(1);
        } else if kept < SHORT / 4 {
            self.batch = (self.batch * 2).min(BATCH);
        }
        self.since_checkpoint = (self.since_checkpoint + 1) % BETWEEN_CHECKPOINTS;
        self.since_checkpoint == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_is_slow_for_a_while_is_given_less_at_once_for_that_while() {
        let mut pace = Pace::default();
        let mut after = |millis| {
            pace.after(Duration::from_millis(millis));
            pace.batch
        };
        assert_eq!([21, 500, 20, 6, 4, 4, 4].map(&mut after), [100, 50, 50, 50, 100, 200, 200]);
        assert_eq!([100; 9].map(after), [100, 50, 25, 12, 6, 3, 1, 1, 1]);
        let checkpoints = (0..200).filter(|_| pace.after(SHORT)).count();
        assert_eq!(checkpoints, 10);
    }
}

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

/// A batch that took longer than this is followed by smaller ones: on a slow disk, too, nobody shall wait for the writer
/// for more than 50 ms.
const SHORT: Duration = Duration::from_millis(20);

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
        let (mut batch, mut swept) = (BATCH, 0);
        loop {
            while let Some(dependents) = sweep.dependents {
                if self.delete(dependents, before, &mut batch).await?.was_the_last {
                    break;
                }
            }
            let deleted = self.delete(sweep.rows, before, &mut batch).await?;
            swept += deleted.rows;
            if deleted.was_the_last {
                return Ok(swept);
            }
        }
    }

    /// Deletes up to `batch` rows; makes the next batch smaller if that took long.
    async fn delete(
        &self,
        statement: &'static str,
        before: DateTime<Utc>,
        batch: &mut u64,
    ) -> Result<Deleted, StoreError> {
        let began = Instant::now();
        let rows = self.delete_batch(statement, before, *batch).await?;
        let was_the_last = rows < *batch;
        if began.elapsed() > SHORT {
            *batch = (*batch / 2).max(1);
        }
        Ok(Deleted { rows, was_the_last })
    }

    pub(super) async fn delete_batch(
        &self,
        statement: &'static str,
        before: DateTime<Utc>,
        batch: u64,
    ) -> Result<u64, StoreError> {
        let store = self.clone();
        self.run(async move {
            let mut transaction = store.begin().await?;
            let statement = Statement::new(statement).bind(millis(before)).bind(batch.cast_signed());
            let deleted = statement.execute(&mut transaction).await?;
            transaction.commit().await?;
            Ok(deleted)
        })
        .await
    }
}

/// What one transaction deleted.
struct Deleted {
    rows: u64,
    was_the_last: bool,
}

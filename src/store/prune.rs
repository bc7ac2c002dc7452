//! What is over is kept for a while and then deleted, a little at a time.

use chrono::{DateTime, Utc};

use super::row::millis;
use super::statement::Statement;
use super::{Store, StoreError};

/// How many rows are deleted in one transaction, their links not counted: few enough that nobody waits for the writer.
pub(super) const BATCH: u64 = 200;

/// Notices that are done with. The one that told of an incident which is not over is kept however old it is: by it is
/// known who is to be reminded and who is to hear the all-clear.
pub(super) const NOTICES: &str = "DELETE FROM notices WHERE seq IN (
     SELECT seq FROM notices AS notice
     WHERE notice.state <> 'pending' AND notice.created < $1
       AND NOT EXISTS (
           SELECT 1 FROM notice_incidents AS link
           JOIN incidents AS incident ON incident.id = link.incident_id AND incident.phase <> 'resolved'
           WHERE link.notice_id = notice.id)
     ORDER BY notice.created LIMIT $2)";

/// Incidents that are over, and of which nobody is still to be told.
pub(super) const INCIDENTS: &str = "DELETE FROM incidents WHERE id IN (
     SELECT id FROM incidents AS incident
     WHERE incident.phase = 'resolved' AND incident.resolved_at < $1
       AND NOT EXISTS (
           SELECT 1 FROM notice_incidents AS link
           JOIN notices AS notice ON notice.id = link.notice_id AND notice.state = 'pending'
           WHERE link.incident_id = incident.id)
     ORDER BY incident.resolved_at LIMIT $2)";

impl Store {
    /// Deletes the finished notices that were posted before `before` and the incidents that were over before then;
    /// never what is pending, nor what belongs to it. Returns how many rows went.
    pub async fn prune(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut deleted = 0;
        for statement in [NOTICES, INCIDENTS] {
            loop {
                let batch = self.delete_batch(statement, before).await?;
                deleted += batch;
                if batch < BATCH {
                    break;
                }
            }
        }
        Ok(deleted)
    }

    pub(super) async fn delete_batch(&self, statement: &'static str, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let store = self.clone();
        self.run(async move {
            let mut transaction = store.begin().await?;
            let statement = Statement::new(statement).bind(millis(before)).bind(BATCH.cast_signed());
            let deleted = statement.execute(&mut transaction).await?;
            transaction.commit().await?;
            Ok(deleted)
        })
        .await
    }
}

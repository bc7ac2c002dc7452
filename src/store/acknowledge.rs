//! Somebody takes an incident on.

use chrono::{DateTime, Utc};

use super::changes::{self, Recorded};
use super::incidents;
use super::row::millis;
use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::history::What;
use crate::domain::incident::Incident;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acknowledged {
    /// It is acknowledged now.
    Done(Incident),
    /// Somebody was faster; it stays theirs.
    Already(Incident),
    /// It is over, or only suspected.
    NotOpen,
    /// There is none of that id.
    Unknown,
}

impl Store {
    /// Writes down that `by` has taken on the incident `id` at `at`, and adds it to its story. A cycle that is being
    /// settled is waited for, and the next one knows.
    pub async fn acknowledge(&self, id: &str, by: &str, at: DateTime<Utc>) -> Result<Acknowledged, StoreError> {
        let (database, id, by) = (self.database.clone(), id.to_owned(), by.to_owned());
        self.run(async move {
            let mut transaction = database.begin().await?;
            let taken_on = Statement::new(
                "UPDATE incidents SET acknowledged_by = $1, acknowledged_at = $2
                 WHERE id = $3 AND phase IN ('open', 'recovering') AND acknowledged_by IS NULL",
            )
            .bind(&by)
            .bind(millis(at))
            .bind(&id)
            .execute(&mut transaction)
            .await?;
            let Some(incident) = incidents::of(&mut transaction, &id).await? else {
                return Ok(Acknowledged::Unknown);
            };
            if taken_on == 0 {
                return Ok(if incident.is_live() { Acknowledged::Already(incident) } else { Acknowledged::NotOpen });
            }
            let text = incident.text.clone();
            let entry = Recorded { incident_id: id, at, what: What::Acknowledged, text, by: Some(by) };
            changes::write(&mut transaction, &[entry]).await?;
            transaction.commit().await?;
            Ok(Acknowledged::Done(incident))
        })
        .await
    }
}

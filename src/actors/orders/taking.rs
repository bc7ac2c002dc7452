//! Incidents that somebody takes on in the chat.

use chrono::Utc;

use super::Orders;
use crate::domain::deed::{Deed, Hindrance, Taken};
use crate::domain::incident::Incident;
use crate::store::{Acknowledged, StoreError};

impl Orders<'_> {
    /// Takes on `incidents`, one after the other; what came of each. Once the database has failed, it is not asked about the
    /// others: each would have whoever waits wait as long.
    pub(super) async fn acknowledge(&self, incidents: impl IntoIterator<Item = &Incident>, by: &str) -> Vec<Taken> {
        let (mut all, mut has_failed) = (vec![], false);
        for incident in incidents {
            if has_failed {
                all.push(Taken::Failed(incident.clone(), Deed::NotDone(Hindrance::Database)));
                continue;
            }
            all.push(match self.office.ledger.store().acknowledge(&incident.id, by, Utc::now()).await {
                Ok(Acknowledged::Done(incident)) => {
                    log::info!("incident={} {} is acknowledged by {by}", incident.id, incident.issue);
                    self.note(&incident);
                    Taken::Now(incident)
                }
                Ok(Acknowledged::Already(incident)) => {
                    self.note(&incident);
                    Taken::Already(incident)
                }
                Ok(Acknowledged::NotOpen | Acknowledged::Unknown) => Taken::Over(incident.clone()),
                Err(error) => {
                    has_failed = true;
                    log::warn!("incident={} {} is not acknowledged: {error}", incident.id, incident.issue);
                    Taken::Failed(incident.clone(), failed(&error))
                }
            });
        }
        all
    }

    fn note(&self, incident: &Incident) {
        let newest = self.office.overview.borrow().clone();
        self.office.acknowledgements.note(incident, newest.as_deref());
    }
}

/// What became of something that was to be written when the database failed.
pub(super) fn failed(error: &StoreError) -> Deed {
    if error.may_be_written() { Deed::Unknown } else { Deed::NotDone(Hindrance::Database) }
}

//! What was acknowledged since the newest cycle, so that everybody sees it at once.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::domain::incident::{Acknowledgement, Incident};
use crate::domain::report::Overview;

/// The incidents that were acknowledged through this process, over the web or in a chat, as long as no cycle has looked at
/// them since. Clones see the same.
///
/// Incidents that are there are few, and each can be acknowledged once: it stays small.
#[derive(Clone, Default)]
pub struct Acknowledgements(Arc<ArcSwap<Vec<(String, Acknowledgement)>>>);

/// Acknowledgements at one moment. What is the same one has not changed.
#[derive(Clone)]
pub struct Acknowledged(Arc<Vec<(String, Acknowledgement)>>);

impl Acknowledgements {
    /// Notes that `incident` is acknowledged; `newest` is the overview that is shown and may not know it yet.
    pub fn note(&self, incident: &Incident, newest: Option<&Overview>) {
        let Some(acknowledgement) = &incident.acknowledged else { return };
        self.0.rcu(|before| {
            let others = before
                .iter()
                .filter(|(id, earlier)| *id != incident.id && newest.is_none_or(|newest| is_news(earlier, newest)));
            let mut after: Vec<_> = others.cloned().collect();
            after.push((incident.id.clone(), acknowledgement.clone()));
            after
        });
    }

    /// What is noted now.
    pub fn now(&self) -> Acknowledged {
        Acknowledged(self.0.load_full())
    }
}

impl Acknowledged {
    /// Whether it is what `earlier` was.
    pub fn is(&self, earlier: &Self) -> bool {
        Arc::ptr_eq(&self.0, &earlier.0)
    }

    /// The overview with what it does not know yet.
    pub fn on(&self, overview: &Arc<Overview>) -> Arc<Overview> {
        let news = |incident: &Incident| {
            let noted =
                self.0.iter().find(|(id, acknowledgement)| *id == incident.id && is_news(acknowledgement, overview));
            noted.filter(|_| incident.acknowledged.is_none()).map(|(_, acknowledgement)| acknowledgement.clone())
        };
        if !overview.incidents.iter().any(|incident| news(incident).is_some()) {
            return Arc::clone(overview);
        }
        let mut overview = Overview::clone(overview);
        for incident in &mut overview.incidents {
            if let Some(acknowledgement) = news(incident) {
                incident.acknowledged = Some(acknowledgement);
            }
        }
        Arc::new(overview)
    }
}

/// Whether it came after the cycle of `overview` had begun. A later cycle has read it in the store, and knows better: it
/// may have been taken back since, because the incident got worse.
fn is_news(acknowledgement: &Acknowledgement, overview: &Overview) -> bool {
    acknowledgement.at >= overview.report.timestamp
}

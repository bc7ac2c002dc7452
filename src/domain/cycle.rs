//! One cycle of all incidents: what the report says, taken into the life of each.

use std::time::Duration;

use super::cause::cause_of;
use super::flapping::{self, Past};
use super::incident::{self, Change, Circumstances, Incident, Observation, Patience};
use super::issue::IssueId;
use super::report::Report;

/// What a cycle goes by, beside its report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conditions {
    /// How many cycles it takes to open and to resolve.
    pub patience: Patience,
    /// The incidents of late that are over.
    pub past: Vec<Past>,
    /// How far back an opening counts towards an unstable incident, see [`flapping::window`].
    pub flapping_window: Duration,
    /// Whether nobody looked for some time before this cycle. A host that slept let the jobs lie as well: that they were
    /// untouched meanwhile says nothing, so that no incident of stuck jobs opens before they are looked at again.
    pub woke: bool,
}

/// Takes every incident through the cycle that `report` tells of, and opens those that are new.
///
/// Causes stand before what they explain in [`IssueId::ALL`], so that an incident meets its cause as this cycle left it.
pub fn advance(
    mut incidents: Vec<Incident>,
    report: &Report,
    conditions: &Conditions,
    mut new_id: impl FnMut() -> String,
) -> Vec<(Incident, Change)> {
    let mut active: Vec<IssueId> = vec![];
    let mut stepped = vec![];
    for id in IssueId::ALL {
        let known =
            incidents.iter().position(|incident| incident.issue == id).map(|place| incidents.swap_remove(place));
        let observation = report.observe(id);
        let cause = match observation {
            Observation::Present(issue) => cause_of(&active, issue),
            Observation::Absent | Observation::Unseen => None,
        };
        let circumstances = Circumstances {
            now: report.timestamp,
            patience: conditions.patience,
            cause,
            unstable: flapping::is_unstable(&conditions.past, id, report.timestamp, conditions.flapping_window),
            woke: conditions.woke && id == IssueId::StuckJobs,
        };
        let next = incident::step(known, observation, &circumstances, &mut new_id);
        if matches!(observation, Observation::Present(_)) || next.as_ref().is_some_and(|(next, _)| next.is_live()) {
            active.push(id);
        }
        stepped.extend(next);
    }
    stepped
}

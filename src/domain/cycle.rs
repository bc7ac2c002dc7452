//! One cycle of all incidents: what the report says, taken into the life of each.

use chrono::{DateTime, Utc};

use super::cause::cause_of;
use super::incident::{self, Change, Incident, Observation, Patience};
use super::issue::IssueId;
use super::report::Report;

/// Takes every incident through the cycle that `report` tells of, and opens those that are new.
///
/// Causes stand before what they explain in [`IssueId::ALL`], so that an incident meets its cause as this cycle left it.
pub fn advance(
    mut incidents: Vec<Incident>,
    report: &Report,
    patience: Patience,
    mut new_id: impl FnMut() -> String,
) -> Vec<(Incident, Change)> {
    let now: DateTime<Utc> = report.timestamp;
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
        let next = incident::step(known, observation, cause, now, patience, &mut new_id);
        if matches!(observation, Observation::Present(_)) || next.as_ref().is_some_and(|(next, _)| next.is_live()) {
            active.push(id);
        }
        stepped.extend(next);
    }
    stepped
}

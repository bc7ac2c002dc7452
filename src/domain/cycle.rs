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
        let explains = match observation {
            Observation::Present(_) => true,
            Observation::Unseen => next.as_ref().is_some_and(|(next, _)| next.is_live()),
            // One that comes and goes is not over for long, but what is still there without it has outlived it.
            Observation::Absent => {
                next.as_ref().is_some_and(|(next, _)| next.is_live() && next.streak < conditions.patience.resolve_after)
            }
        };
        if explains {
            active.push(id);
        }
        stepped.extend(next);
    }
    stepped
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};

    use super::*;
    use crate::domain::incident::Phase;
    use crate::domain::issue::Issue;

    const STUCK: IssueId = IssueId::StuckJobs;
    const LOW: IssueId = IssueId::LowCompletion;

    fn conditions(past: Vec<Past>, woke: bool) -> Conditions {
        let patience = Patience { open_after: 1, resolve_after: 1 };
        Conditions { patience, past, flapping_window: flapping::WINDOW, woke }
    }

    fn report(now: DateTime<Utc>, present: &[IssueId]) -> Report {
        let present = present.iter().map(|id| Issue::new(*id, id.to_string()));
        Report::assemble(1, now, vec![]).with(present)
    }

    #[test]
    fn after_a_time_in_which_nobody_looked_only_stuck_jobs_must_be_seen_twice() {
        let report = report(DateTime::UNIX_EPOCH, &[STUCK, LOW]);
        let stepped = advance(vec![], &report, &conditions(vec![], true), || "id".into());
        let phases: Vec<_> = stepped.iter().map(|(incident, _)| (incident.issue, incident.phase)).collect();
        assert_eq!(phases, [(STUCK, Phase::Suspected), (LOW, Phase::Open)]);
        let incidents = stepped.into_iter().map(|(incident, _)| incident).collect();
        let stepped = advance(incidents, &report, &conditions(vec![], false), || "id".into());
        assert_eq!(stepped[0].1, Change::Opened);
    }

    #[test]
    fn what_comes_and_goes_each_cycle_opens_four_times_and_then_stays() {
        let (mut incidents, mut past, mut opened, mut resolved) = (vec![], vec![], vec![], 0);
        for cycle in 0..40 {
            let now = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::minutes(cycle);
            let present = if cycle % 2 == 0 { &[STUCK][..] } else { &[] };
            let stepped = advance(incidents, &report(now, present), &conditions(past.clone(), false), || "id".into());
            incidents = vec![];
            for (incident, change) in stepped {
                if change == Change::Opened {
                    opened.push(incident.unstable);
                }
                if let Some(resolved_at) = incident.resolved_at {
                    resolved += 1;
                    past.push(Past { issue: incident.issue, since: incident.since, resolved_at });
                } else {
                    incidents.push(incident);
                }
            }
        }
        assert_eq!((opened, resolved), (vec![false, false, false, true], 3));
    }
}

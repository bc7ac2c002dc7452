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
        // One that is only suspected may be forgotten, and nobody would hear of what it held back. One that comes and goes
        // is not over for long, but what is still there without it has outlived it.
        let explains = |it: &Incident| it.is_live() && it.streak < conditions.patience.resolve_after;
        if next.as_ref().is_some_and(|(next, _)| explains(next)) {
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
    const OPENAI: IssueId = IssueId::OpenaiOffline;

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

    /// Plays cycles that see so much, with an `OPEN_AFTER` of that; says of each which incidents are open, and which of
    /// these are held back.
    fn told(open_after: u32, cycles: &[&[IssueId]]) -> Vec<(Vec<IssueId>, Vec<IssueId>)> {
        let patience = Patience { open_after, resolve_after: 2 };
        let (mut incidents, mut story) = (vec![], vec![]);
        for (cycle, present) in (0..).zip(cycles) {
            let now = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::minutes(cycle);
            let conditions = Conditions { patience, ..conditions(vec![], false) };
            let stepped = advance(incidents, &report(now, present), &conditions, || "id".into());
            let open = stepped.iter().filter(|(incident, _)| incident.phase == Phase::Open);
            let (tellable, held): (Vec<_>, Vec<_>) =
                open.map(|(incident, _)| incident).partition(|incident| incident.is_tellable());
            let issues = |incidents: Vec<&Incident>| incidents.iter().map(|incident| incident.issue).collect();
            story.push((issues(tellable), issues(held)));
            let is_kept = |change, phase| change != Change::Forgotten && phase != Phase::Resolved;
            let kept = stepped.into_iter().filter(|(incident, change)| is_kept(*change, incident.phase));
            incidents = kept.map(|(incident, _)| incident).collect();
        }
        story
    }

    #[test]
    fn a_cause_that_is_never_more_than_suspected_keeps_nothing_from_being_told() {
        let (with, without): (&[_], &[_]) = (&[OPENAI, STUCK], &[STUCK]);
        let story = told(2, &[with, without, with, without]);
        let stuck = (vec![STUCK], vec![]);
        assert_eq!(story, [(vec![], vec![]), stuck.clone(), stuck.clone(), stuck]);
    }

    #[test]
    fn what_opens_together_with_its_cause_is_held_back_however_long_that_takes() {
        let held = (vec![OPENAI], vec![STUCK]);
        assert_eq!(told(1, &[&[OPENAI, STUCK], &[OPENAI, STUCK]]), [held.clone(), held.clone()]);
        let before = (vec![], vec![]);
        assert_eq!(told(2, &[&[OPENAI, STUCK], &[OPENAI, STUCK]]), [before.clone(), held.clone()]);
        assert_eq!(told(2, &[&[OPENAI], &[OPENAI, STUCK], &[OPENAI, STUCK]]), [before, (vec![OPENAI], vec![]), held]);
    }
}

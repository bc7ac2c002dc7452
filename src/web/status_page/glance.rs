//! What is to be seen at a glance: whether it is well, since when, and what is wrong.

use chrono::{DateTime, Utc};

use super::super::auth::Access;
use super::super::standing::{Present, Standing};
use super::detail;
use super::past::Read;
use super::words::{When, span};
use crate::domain::incident::Phase;
use crate::domain::issue::Issue;
use crate::domain::report::Overview;

/// When somebody last looked.
pub(super) struct Looked {
    pub(super) when: When,
    pub(super) age: String,
}

/// Something that is wrong.
pub(super) struct Line {
    pub(super) line: String,
    pub(super) detail: Option<String>,
}

/// How it is in a line.
pub(super) fn headline(service: &str, present: &Present) -> String {
    let count = present.issues().len();
    match (present.standing(), count) {
        (Standing::Up, _) => format!("{service} is well"),
        (Standing::Issues, 1) => format!("{service} has 1 issue"),
        (Standing::Issues, count) => format!("{service} has {count} issues"),
        (Standing::Unknown, _) => format!("Nobody knows how {service} is"),
    }
}

/// What is wrong; and what was when somebody last looked, if that is too long ago to go on with.
pub(super) fn issues(present: &Present, access: Access) -> (Vec<Line>, Vec<Line>) {
    let line = |issue: &Issue| Line { line: issue.line(), detail: detail(&issue.detail, access) };
    let reported = present.overview.iter().flat_map(|overview| overview.report.issues());
    if present.is_stale() {
        (present.since.iter().map(line).collect(), reported.map(line).collect())
    } else {
        (present.issues().into_iter().map(line).collect(), vec![])
    }
}

/// Since when it is so, as markup.
pub(super) fn since(
    standing: Standing,
    overview: Option<&Overview>,
    read: Option<&Read>,
    now: DateTime<Utc>,
) -> String {
    let incidents = overview.map(|overview| overview.incidents.as_slice()).unwrap_or_default();
    match standing {
        Standing::Issues => {
            let open = incidents.iter().filter(|incident| incident.phase == Phase::Open);
            let oldest = open.map(|incident| incident.since).min();
            oldest.map_or_else(|| "Seen in the newest cycle.".into(), |since| format!("Since {}.", ago(since, now)))
        }
        Standing::Up => well_since(overview, read, now),
        Standing::Unknown => "What is unknown is not taken for well.".into(),
    }
}

/// Since when it is well. A time in which nobody looked, or nobody could see, is no good one.
fn well_since(overview: Option<&Overview>, read: Option<&Read>, now: DateTime<Utc>) -> String {
    let live = overview.map(|overview| overview.incidents.len()).unwrap_or_default();
    let gap = overview.and_then(|overview| overview.gaps.iter().map(|gap| gap.until).max());
    let look = read.and_then(|read| read.well_since);
    let over = read.and_then(|read| read.resolved.iter().filter_map(|incident| incident.resolved_at).max());
    let first = read.and_then(|read| read.first);
    if live > 0 {
        let incidents = if live == 1 { "one incident is".into() } else { format!("{live} incidents are") };
        let seen =
            gap.max(look).map_or_else(|| "in the newest cycle".into(), |since| format!("since {}", ago(since, now)));
        return format!("Nothing wrong was seen {seen}, but {incidents} not yet over: it may come back.");
    }
    match (gap.max(look).max(over), first) {
        (Some(since), _) => format!("Since {}.", ago(since, now)),
        (None, Some(first)) => format!("No incident is on record; watched at least since {}.", When(first)),
        (None, None) => "Nothing is wrong in the newest cycle.".into(),
    }
}

fn ago(since: DateTime<Utc>, now: DateTime<Utc>) -> String {
    format!("{} ({})", When(since), span(since, now))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::domain::incident::Incident;
    use crate::domain::report::Gap;
    use crate::web::tests::sample;

    fn at(minutes: i64) -> DateTime<Utc> {
        sample::moment() + TimeDelta::minutes(minutes)
    }

    fn read(first: Option<i64>, well_since: Option<i64>, over: Option<i64>) -> Read {
        let incident = |over| {
            let Some(incident) = sample::ill().incidents.pop() else { panic!("the sample has incidents") };
            Incident { phase: Phase::Resolved, resolved_at: Some(at(over)), ..incident }
        };
        Read {
            drawn: vec![],
            resolved: over.map(incident).into_iter().collect(),
            older: None,
            silences: vec![],
            first: first.map(at),
            well_since: well_since.map(at),
        }
    }

    fn said(overview: &Overview, read: &Read) -> String {
        since(Standing::Up, Some(overview), Some(read), at(600))
    }

    #[test]
    fn a_time_in_which_nobody_saw_is_not_taken_for_a_good_one() {
        let well = sample::well();
        let gap = |until| Gap { since: at(until - 30), until: at(until) };
        let asleep = Overview { gaps: vec![gap(200), gap(400)], ..well.clone() };
        for (overview, read, expected) in [
            (&well, read(None, None, None), "Nothing is wrong in the newest cycle."),
            (&well, read(Some(0), None, None), "No incident is on record; watched at least since <time"),
            (&well, read(Some(0), None, Some(300)), "(5 h)"),
            (&asleep, read(Some(0), None, Some(300)), "(3 h 20 min)"),
            (&asleep, read(Some(0), None, None), "(3 h 20 min)"),
            (&asleep, read(Some(0), Some(540), Some(300)), "(1 h)"),
        ] {
            let said = said(overview, &read);
            assert!(said.contains(expected), "{said:?} does not say {expected:?}");
        }
    }

    #[test]
    fn what_is_not_yet_over_is_not_passed_over() {
        let mut overview = Overview { incidents: sample::ill().incidents, ..sample::well() };
        overview.incidents.iter_mut().for_each(|incident| incident.phase = Phase::Recovering);
        let of_two = said(&overview, &read(Some(0), Some(540), None));
        assert!(of_two.contains("(1 h), but 2 incidents are not yet over"), "{of_two}");
        overview.incidents.truncate(1);
        let of_one = said(&overview, &read(None, None, Some(300)));
        assert!(of_one.contains("seen in the newest cycle, but one incident is not yet over"), "{of_one}");
    }
}

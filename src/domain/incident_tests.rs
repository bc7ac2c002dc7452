//! Stories of one incident, cycle by cycle. `!` is present, `.` absent, `?` unseen.

use super::*;

const STUCK: IssueId = IssueId::StuckJobs;

fn circumstances(now: DateTime<Utc>, patience: Patience) -> Circumstances {
    Circumstances { now, patience, cause: None, unstable: false, woke: false }
}

/// Plays `cycles` and writes down what each step did: `-` nothing there, `s` suspected, `O` opened, `o` open,
/// `r` recovering, `R` resolved, `f` forgotten.
fn story(cycles: &str, patience: Patience) -> String {
    let start = DateTime::<Utc>::UNIX_EPOCH;
    let mut incident: Option<Incident> = None;
    let issue = Issue::new(STUCK, "7 job(s) stuck >30 minutes");
    let told = cycles.chars().enumerate().map(|(cycle, sign)| {
        let observation = match sign {
            '!' => Observation::Present(&issue),
            '.' => Observation::Absent,
            _ => Observation::Unseen,
        };
        let now = start + chrono::TimeDelta::minutes(5 * cycle as i64);
        let stepped = step(incident.take(), observation, &circumstances(now, patience), || format!("incident-{cycle}"));
        let Some((next, change)) = stepped else { return '-' };
        let sign = match (change, next.phase) {
            (Change::Opened, _) => 'O',
            (Change::Worsened, _) => 'W',
            (Change::Resolved, _) => 'R',
            (Change::Forgotten, _) => 'f',
            (Change::None, Phase::Suspected) => 's',
            (Change::None, Phase::Open) => 'o',
            (Change::None, Phase::Recovering) => 'r',
            (Change::None, Phase::Resolved) => 'x',
        };
        if next.phase != Phase::Resolved && change != Change::Forgotten {
            incident = Some(next);
        }
        sign
    });
    told.collect()
}

#[test]
fn an_incident_opens_once_and_is_resolved_once() {
    for (open_after, resolve_after, cycles, expected) in [
        (1, 1, ".!!!..", "-OooR-"),
        (1, 2, ".!!!...", "-OoorR-"),
        (1, 2, "!.!.!..", "OrororR"),
        (2, 2, "!.!!..", "sfsOrR"),
        (3, 1, "!!!.", "ssOR"),
        (1, 2, "!???..", "OooorR"),
        (2, 2, "!?!.?.", "ssOrrR"),
        (1, 2, "???", "---"),
        (1, 1, "!.!.", "OROR"),
    ] {
        assert_eq!(story(cycles, Patience { open_after, resolve_after }), expected, "{cycles}");
    }
}

#[test]
fn the_text_follows_the_figures_and_the_beginning_stays() {
    let start = DateTime::<Utc>::UNIX_EPOCH;
    let patience = Patience { open_after: 1, resolve_after: 2 };
    let play = |incident, text: &str, minutes| {
        let issue = Issue::new(STUCK, text);
        let now = start + chrono::TimeDelta::minutes(minutes);
        step(incident, Observation::Present(&issue), &circumstances(now, patience), || "one".into())
            .map(|(next, _)| next)
    };
    let first = play(None, "7 job(s)", 0);
    let second = play(first, "9 job(s)", 5).expect("an incident that is there stays");
    assert_eq!((second.text.as_str(), second.since, second.id.as_str()), ("9 job(s)", start, "one"));
}

#[test]
fn what_is_explained_is_held_back_until_it_has_outlived_its_cause_by_a_cycle() {
    let patience = Patience { open_after: 1, resolve_after: 2 };
    let issue = Issue::new(STUCK, "7 job(s)");
    let mut incident = None;
    let mut held = vec![];
    for cause in [Some(IssueId::OpenaiOffline), Some(IssueId::OpenaiOffline), None, None, None] {
        let now = DateTime::<Utc>::UNIX_EPOCH;
        let circumstances = Circumstances { cause, ..circumstances(now, patience) };
        let (next, _) = step(incident.take(), Observation::Present(&issue), &circumstances, || "one".into())
            .expect("a present issue always has an incident");
        held.push(next.held.cause().is_some());
        incident = Some(next);
    }
    assert_eq!(held, [true, true, true, false, false]);
}

/// An open incident of 50 jobs that was told.
fn told() -> Incident {
    let issue = stuck(50);
    let patience = Patience { open_after: 1, resolve_after: 2 };
    let now = DateTime::<Utc>::UNIX_EPOCH;
    let (incident, _) = step(None, Observation::Present(&issue), &circumstances(now, patience), || "one".into())
        .expect("a present issue always has an incident");
    let acknowledged = Some(Acknowledgement { by: "ada".into(), at: now });
    Incident { told: Some(Telling { at: now, text: issue.text, magnitude: Some(50) }), acknowledged, ..incident }
}

fn stuck(jobs: u64) -> Issue {
    Issue { magnitude: Some(jobs), ..Issue::new(STUCK, format!("{jobs} job(s) stuck")) }
}

/// The change of each cycle that sees so many jobs, `None` if it sees none.
fn changes(incident: Incident, cycles: &[(Option<u64>, Option<IssueId>)]) -> (Incident, Vec<Change>) {
    let patience = Patience { open_after: 1, resolve_after: 9 };
    let (mut incident, mut changes) = (incident, vec![]);
    for (jobs, cause) in cycles {
        let issue = jobs.map(stuck);
        let observation = issue.as_ref().map_or(Observation::Absent, Observation::Present);
        let circumstances = Circumstances { cause: *cause, ..circumstances(DateTime::UNIX_EPOCH, patience) };
        let (next, change) = step(Some(incident), observation, &circumstances, || "another".into()).expect("it stays");
        incident = next;
        changes.push(change);
    }
    (incident, changes)
}

#[test]
fn twice_as_much_as_was_told_is_worse_once_and_whoever_took_it_on_is_asked_again() {
    let (incident, changes) =
        changes(told(), &[(Some(99), None), (Some(100), None), (Some(120), None), (None, None), (Some(130), None)]);
    assert_eq!(changes, [Change::None, Change::Worsened, Change::None, Change::None, Change::None]);
    assert_eq!(incident.acknowledged, None);
    assert!(incident.is_worse_than_told(), "for as long as nobody was told");
}

#[test]
fn what_was_taken_on_after_it_worsened_stays_so() {
    let (incident, _) = changes(told(), &[(Some(100), None)]);
    let acknowledged = Some(Acknowledgement { by: "grace".into(), at: DateTime::UNIX_EPOCH });
    let (incident, changes) =
        changes(Incident { acknowledged: acknowledged.clone(), ..incident }, &[(Some(110), None)]);
    assert_eq!((incident.acknowledged, changes), (acknowledged, vec![Change::None]));
}

#[test]
fn it_takes_a_measure_that_was_told_and_enough_of_it_to_be_worse() {
    let telling = |magnitude| Incident {
        told: Some(Telling { at: DateTime::UNIX_EPOCH, text: String::new(), magnitude }),
        magnitude: None,
        ..told()
    };
    for (incident, jobs, worse) in [
        (telling(Some(5)), 10, true),
        (telling(Some(4)), 9, false),
        (telling(Some(1)), 10, true),
        (telling(Some(u64::MAX)), 100, false),
        (telling(None), 100, false),
        (Incident { told: None, ..told() }, 100, false),
    ] {
        let (incident, changes) = changes(incident, &[(Some(jobs), None)]);
        assert_eq!((incident.is_worse_than_told(), changes == [Change::Worsened]), (worse, worse), "{incident:?}");
    }
}

#[test]
fn what_is_explained_is_not_worse_before_it_has_outlived_its_cause() {
    let cause = Some(IssueId::OpenaiOffline);
    let seen = [(Some(200), cause), (Some(200), cause), (Some(200), None), (Some(200), None), (Some(200), None)];
    let (_, changes) = changes(told(), &seen);
    assert_eq!(changes, [Change::None, Change::None, Change::None, Change::Worsened, Change::None]);
}

#[test]
fn an_unstable_incident_takes_four_times_as_long_to_be_over() {
    let patience = Patience { open_after: 1, resolve_after: 2 };
    let circumstances = Circumstances { unstable: true, ..circumstances(DateTime::UNIX_EPOCH, patience) };
    let opened = step(None, Observation::Present(&stuck(1)), &circumstances, || "one".into());
    let (mut incident, _) = opened.expect("a present issue always has an incident");
    assert!(incident.unstable);
    // That it would not be unstable if it opened now changes nothing.
    let circumstances = Circumstances { unstable: false, ..circumstances };
    let mut cycles = 0;
    while incident.phase != Phase::Resolved {
        let stepped = step(Some(incident), Observation::Absent, &circumstances, || "another".into());
        (incident, cycles) = (stepped.expect("it stays").0, cycles + 1);
    }
    assert_eq!((cycles, incident.unstable), (8, true));
}

/// Takes an incident of so many jobs, or the place where one could be, through cycles an hour apart, each of them on waking
/// or not; says when it opened.
fn opened_after(open_after: u32, cycles: &[bool]) -> Option<usize> {
    let patience = Patience { open_after, resolve_after: 2 };
    let mut incident = None;
    for (cycle, woke) in cycles.iter().enumerate() {
        let now = DateTime::<Utc>::UNIX_EPOCH + chrono::TimeDelta::hours(cycle as i64);
        let circumstances = Circumstances { woke: *woke, ..circumstances(now, patience) };
        let stepped = step(incident, Observation::Present(&stuck(1)), &circumstances, || "one".into());
        let (next, change) = stepped.expect("a present issue always has an incident");
        if change == Change::Opened {
            return Some(cycle + 1);
        }
        incident = Some(next);
    }
    None
}

#[test]
fn what_is_seen_on_waking_opens_when_it_is_seen_again() {
    for (open_after, cycles, opened) in [
        (1, &[true][..], None),
        (1, &[true, false], Some(2)),
        (2, &[true, false], Some(2)),
        (2, &[false, true], None),
        (2, &[false, true, false], Some(3)),
        (3, &[false, false, true], None),
        (3, &[false, false, true, false], Some(4)),
        // A host that sleeps between all cycles.
        (1, &[true, true], Some(2)),
        (2, &[true, true, true], Some(3)),
    ] {
        assert_eq!(opened_after(open_after, cycles), opened, "{open_after} {cycles:?}");
    }
}

#[test]
fn what_is_live_stays_on_waking_as_it_was_and_gets_worse_when_it_is_seen_again() {
    let patience = Patience { open_after: 1, resolve_after: 9 };
    let play = |incident, jobs, woke| {
        let circumstances = Circumstances { woke, ..circumstances(DateTime::UNIX_EPOCH, patience) };
        step(Some(incident), Observation::Present(&stuck(jobs)), &circumstances, || "another".into())
            .expect("a present issue always has an incident")
    };
    let (incident, change) = play(told(), 250, true);
    assert_eq!((&incident, change), (&told(), Change::None));
    let (recovering, _) = changes(told(), &[(None, None)]);
    assert_eq!(play(recovering, 250, true).0, told(), "it is there again");
    let (worse, change) = play(incident.clone(), 250, false);
    assert_eq!((worse.magnitude, worse.text.as_str(), change), (Some(250), "250 job(s) stuck", Change::Worsened));
    assert_eq!(play(incident, 50, false), (told(), Change::None), "it was the trace of the sleep");
}

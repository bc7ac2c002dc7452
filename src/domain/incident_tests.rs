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

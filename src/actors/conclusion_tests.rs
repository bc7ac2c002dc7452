//! What is decided beside the life of incidents: gaps, starts, a database that fails.

use super::*;
use crate::domain::job::{StuckJob, StuckJobs};
use crate::domain::notice::NoticeKind;
use crate::domain::report::{Figures, Section, Sight};

const INTERVAL: Duration = Duration::from_secs(300);

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::from_secs(86_400 * 365)
}

fn ago(minutes: u64) -> DateTime<Utc> {
    now() - Duration::from_secs(60 * minutes)
}

fn policy() -> Policy {
    Policy {
        checks: vec![],
        gather_timeout: INTERVAL,
        cadence: Cadence { interval: INTERVAL, check_timeout: Duration::from_secs(60), ticks: true },
        patience: Patience { open_after: 1, resolve_after: 2 },
        reminder: None,
        maintenance: Windows::default(),
        announces_start: Some("1.2.3"),
        wording: Wording { service: "EchoPilot".into(), public_url: None, window: INTERVAL },
        told: vec!["email", "telegram"],
        shown: vec!["notion"],
        degraded: Arc::new(Vec::new),
        dry_run: false,
    }
}

/// A cycle that saw a stuck job.
fn gathered(turn: Turn, gaps: Vec<Gap>) -> Gathered {
    let mut stuck = StuckJobs::default();
    stuck.add(StuckJob { name: "a".into(), status: None, last_edited: ago(90), url: String::new() });
    let issues = vec![Issue { magnitude: Some(1), ..Issue::new(IssueId::StuckJobs, "1 job(s) stuck >30 minutes") }];
    let sight = Sight::Seen { figures: Figures::StuckJobs(stuck), issues };
    let section = Section { check: CheckName::StuckJobs, took: Duration::ZERO, sight };
    Gathered { report: Report::assemble(1, now(), vec![section]), gaps, last_cycle: None, turn }
}

fn known(last_cycle: Option<DateTime<Utc>>) -> Known {
    Known { last_cycle, ..Known::default() }
}

/// The kinds of what is posted, by channel.
fn posted(decision: &Decision) -> Vec<(&str, &str)> {
    decision.notices.iter().map(|notice| (notice.channel.as_str(), notice.kind.name())).collect()
}

#[test]
fn a_gap_is_told_and_kept_and_lets_no_stuck_job_be_believed() {
    for (last, ticks, expected) in [
        (None, true, None),
        (Some(ago(11)), true, None),
        (Some(ago(12)), true, Some(ago(12))),
        (Some(ago(12)), false, None),
    ] {
        let policy = Policy { cadence: Cadence { ticks, ..policy().cadence }, ..policy() };
        let (settled, decision) = conclude(&policy, gathered(Turn::Later, vec![]), known(last));
        let gap = expected.map(|since| Gap { since, until: now() });
        assert_eq!((decision.gap, settled.overview.gaps), (gap, gap.into_iter().collect()), "{last:?} {ticks}");
        assert_eq!(settled.overview.incidents.is_empty(), gap.is_some(), "{last:?} {ticks}");
    }
}

#[test]
fn a_gap_is_seen_although_a_clock_that_was_ahead_has_left_a_cycle_of_the_future() {
    let ahead = Some(now() + Duration::from_secs(3_600));
    for (known_of, expected) in [(None, None), (Some(ago(5)), None), (Some(ago(60)), Some(ago(60))), (ahead, None)] {
        let gathered = Gathered { last_cycle: known_of, ..gathered(Turn::Later, vec![]) };
        let (_, decision) = conclude(&policy(), gathered, known(ahead));
        assert_eq!(decision.gap.map(|gap| gap.since), expected, "{known_of:?}");
    }
    let gathered = Gathered { last_cycle: Some(ago(60)), ..gathered(Turn::Later, vec![]) };
    let (_, decision) = conclude(&policy(), gathered, known(Some(ago(5))));
    assert_eq!(decision.gap, None, "another one has looked since");
}

#[test]
fn a_report_tells_of_the_gaps_of_a_day() {
    let day = 24 * 60;
    let gaps = vec![
        Gap { since: ago(day + 60), until: ago(day) },
        Gap { since: ago(day + 60), until: ago(day - 1) },
        Gap { since: ago(60), until: ago(30) },
    ];
    let (settled, decision) = conclude(&policy(), gathered(Turn::Later, gaps.clone()), known(Some(ago(5))));
    assert_eq!((settled.overview.gaps, decision.gap), (gaps[1..].to_vec(), None));
}

#[test]
fn a_start_is_told_once_in_a_process_and_waits_for_the_end_of_a_maintenance() {
    let kinds = |policy: &Policy, turn| {
        let (_, decision) = conclude(policy, gathered(turn, vec![]), known(None));
        posted(&decision).into_iter().filter(|(_, kind)| *kind == "lifecycle").count()
    };
    assert_eq!(kinds(&policy(), Turn::First), 2, "to each channel that is told things");
    assert_eq!([kinds(&policy(), Turn::Fresh), kinds(&policy(), Turn::Later)], [0, 0]);
    assert_eq!(kinds(&Policy { announces_start: None, ..policy() }, Turn::First), 0);
    let maintenance = Windows::parse("daily 23:00-01:00").unwrap();
    let policy = Policy { maintenance, ..policy() };
    let (_, decision) = conclude(&policy, gathered(Turn::First, vec![]), known(None));
    let told: Vec<_> = decision.notices.iter().filter(|notice| notice.channel != "notion").collect();
    let end = Some(now() + Duration::from_secs(3_600));
    assert_eq!(told.iter().map(|notice| notice.not_before).collect::<Vec<_>>(), [end, end]);
    assert!(told.iter().all(|notice| notice.kind == NoticeKind::Lifecycle));
}

#[test]
fn who_takes_over_after_a_long_time_has_not_started() {
    let (_, decision) = conclude(&policy(), gathered(Turn::TookOver, vec![]), known(None));
    let subjects: Vec<_> = decision.notices.iter().map(|notice| notice.subject.as_str()).collect();
    let took_over = "▶️ EchoPilot Auto-Operator Took Over";
    assert_eq!(subjects.iter().filter(|subject| **subject == took_over).count(), 2, "{subjects:?}");

    let (ours, before) = (Footing::Epoch(7), Footing::Epoch(6));
    let (soon, late) = (STARTING + INTERVAL, STARTING + INTERVAL + Duration::from_millis(1));
    for (last, long, turn) in [
        (None, soon, Turn::First),
        (None, late, Turn::TookOver),
        (Some(before), late, Turn::Fresh),
        (Some(ours), late, Turn::Later),
    ] {
        assert_eq!(Turn::of(ours, last, long, INTERVAL), turn);
    }
}

#[test]
fn a_database_that_fails_is_an_issue_of_its_own_that_is_told() {
    let failing = Known { from_memory: Some(StoreError::Full), ..known(None) };
    let (settled, decision) = conclude(&policy(), gathered(Turn::Later, vec![]), failing);
    let lines: Vec<String> = settled.overview.report.issues().map(Issue::line).collect();
    let full = "⚠️ Database cannot be written: there is no space left for the database";
    assert_eq!(lines, ["⚠️ 1 job(s) stuck >30 minutes", full]);
    assert_eq!(posted(&decision), [("email", "alert"), ("telegram", "alert"), ("notion", "status")]);
    assert!(decision.notices[0].body.contains(full), "{}", decision.notices[0].body);

    let (settled, _) = conclude(&policy(), gathered(Turn::Later, vec![]), known(None));
    assert_eq!(settled.ailment, None);
    let settled = settled.in_memory(&StoreError::Full);
    assert_eq!(settled.ailment.as_deref(), Some("the incidents are kept in memory"));
    assert!(settled.overview.report.issues().any(|issue| issue.line() == full), "it failed over what was decided");
}

#[test]
fn what_is_written_down_is_what_is_shown() {
    let (settled, decision) = conclude(&policy(), gathered(Turn::Later, vec![]), known(None));
    let stored = decision.report.unwrap();
    assert_eq!((stored.at, Overview::from_json(&stored.body)), (now(), Some(settled.overview)));
    let sample = decision.sample.unwrap();
    assert_eq!((sample.at, sample.ok, sample.stuck, sample.jobs), (now(), false, Some(1), None));
    assert_eq!(decision.entries.iter().map(|entry| entry.what.name()).collect::<Vec<_>>(), ["opened"]);
}

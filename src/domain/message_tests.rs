//! The texts, to the letter.

use super::*;
use crate::domain::fault::{Fault, FaultKind};
use crate::domain::incident::{Acknowledgement, Held, Incident, Phase, Telling};
use crate::domain::issue::IssueId;
use crate::domain::job::{Metrics, StuckJobs};
use crate::domain::notice::Announcement;
use crate::domain::report::{CheckName, Figures, Section, Sight};

fn now() -> DateTime<Utc> {
    "2025-10-17T13:58:48Z".parse().expect("a valid time")
}

fn wording() -> Wording {
    Wording { service: "EchoPilot".into(), public_url: None, window: Duration::from_secs(86_400) }
}

/// The guide's sample: 68 jobs, 4 done, an average of 82.3, 50 stuck.
fn sample() -> Report {
    let mut metrics = Metrics::default();
    for number in 0..68 {
        metrics.add(number < 4, (number == 0).then_some(82.3), 80.0);
    }
    let seen = |check, figures| Section { check, took: Duration::ZERO, sight: Sight::Seen { figures, issues: vec![] } };
    let stuck = StuckJobs { count: 50, oldest: vec![] };
    let sections = vec![
        seen(CheckName::Metrics, Figures::Metrics(metrics)),
        seen(CheckName::StuckJobs, Figures::StuckJobs(stuck)),
    ];
    Report::assemble(7, now(), sections)
}

fn incident(issue: IssueId, text: &str, minutes: i64) -> Incident {
    Incident {
        id: "one".into(),
        issue,
        text: text.into(),
        detail: String::new(),
        since: now() - chrono::TimeDelta::minutes(minutes),
        phase: Phase::Open,
        streak: 0,
        held: Held::No,
        magnitude: None,
        unstable: false,
        told: None,
        acknowledged: None,
        resolved_at: None,
    }
}

/// The text of an announcement that was merged with nothing.
fn announcement(announcement: &Announcement, report: &Report, wording: &Wording) -> Message {
    bulletin(&Bulletin::of(announcement, report, wording), wording)
}

fn plain(kind: NoticeKind) -> Announcement {
    Announcement {
        channel: "email".into(),
        kind,
        opened: vec![],
        resolved: vec![],
        still_open: vec![],
        thread: None,
        worsened: vec![],
        not_before: None,
    }
}

#[test]
fn the_alert_is_the_one_of_the_guide() {
    let opened = vec![
        incident(IssueId::StuckJobs, "50 job(s) stuck >30 minutes", 0),
        incident(IssueId::LowCompletion, "Low completion rate: 5.9%", 0),
    ];
    let message = announcement(&Announcement { opened, ..plain(NoticeKind::Alert) }, &sample(), &wording());
    assert_eq!(message.subject, "🚨 EchoPilot Auto-Operator Alert");
    assert_eq!(
        message.body,
        "Timestamp: 2025-10-17T13:58:48Z\n\
         \n\
         ISSUES DETECTED:\n  \
           • ⚠️ 50 job(s) stuck >30 minutes\n  \
           • ⚠️ Low completion rate: 5.9%\n\
         \n\
         Metrics:\n  \
           • Total jobs (24h): 68\n  \
           • Done jobs: 4\n  \
           • Avg QA: 82.3%\n  \
           • Stuck jobs: 50"
    );
}

#[test]
fn an_all_clear_says_for_how_long_and_what_is_still_open() {
    let message = announcement(
        &Announcement {
            resolved: vec![incident(IssueId::StuckJobs, "50 job(s) stuck >30 minutes", 130)],
            still_open: vec![incident(IssueId::LowCompletion, "Low completion rate: 5.9%", 5)],
            ..plain(NoticeKind::Resolved)
        },
        &Report::assemble(1, now(), vec![]),
        &Wording { public_url: Some("https://ops.example.org/".into()), ..wording() },
    );
    assert_eq!(message.subject, "✅ EchoPilot Auto-Operator Resolved");
    assert_eq!(
        message.body,
        "Timestamp: 2025-10-17T13:58:48Z\n\
         \n\
         RESOLVED:\n  \
           • ⚠️ 50 job(s) stuck >30 minutes (after 2h 10m)\n\
         \n\
         STILL OPEN:\n  \
           • ⚠️ Low completion rate: 5.9% (for 5m)\n\
         \n\
         Metrics:\n  \
           • Total jobs (24h): unknown\n  \
           • Done jobs: unknown\n  \
           • Avg QA: unknown\n  \
           • Stuck jobs: unknown\n\
         \n\
         Report: https://ops.example.org/ops-report"
    );
}

#[test]
fn a_reminder_says_the_age_and_an_alert_says_what_the_party_answered() {
    let still_open = vec![incident(IssueId::OpenaiOffline, "OpenAI integration offline", 245)];
    let reminder = announcement(&Announcement { still_open, ..plain(NoticeKind::Reminder) }, &sample(), &wording());
    assert_eq!(reminder.subject, "⏰ EchoPilot Auto-Operator Reminder");
    assert!(reminder.body.contains("  • ❌ OpenAI integration offline (for 4h 5m)\n"), "{}", reminder.body);

    let mut offline = incident(IssueId::OpenaiOffline, "OpenAI integration offline", 0);
    offline.detail = "OpenAI unauthorized (401): Incorrect API key provided".into();
    let alert =
        announcement(&Announcement { opened: vec![offline], ..plain(NoticeKind::Alert) }, &sample(), &wording());
    assert!(
        alert.body.contains(
            "  • ❌ OpenAI integration offline\n      OpenAI unauthorized (401): Incorrect API key provided\n"
        ),
        "{}",
        alert.body
    );
}

#[test]
fn what_is_worse_unstable_or_taken_on_says_so() {
    let told = Some(Telling { at: now(), text: "50 job(s) stuck >30 minutes".into(), magnitude: Some(50) });
    let worse = Incident {
        told: told.clone(),
        detail: "the oldest: Blog outline".into(),
        ..incident(IssueId::StuckJobs, "120 job(s) stuck >30 minutes", 245)
    };
    let unstable = Incident { unstable: true, ..incident(IssueId::OpenaiOffline, "OpenAI integration offline", 0) };
    let acknowledged = Some(Acknowledgement { by: "ada".into(), at: now() });
    let low = incident(IssueId::LowCompletion, "Low completion rate: 5.9%", 5);
    let announcement = Announcement {
        opened: vec![unstable.clone()],
        worsened: vec![worse],
        still_open: vec![Incident { acknowledged, told, ..low }],
        resolved: vec![unstable],
        ..plain(NoticeKind::Alert)
    };
    let message = bulletin(&Bulletin::of(&announcement, &sample(), &wording()), &wording());
    let expected = "\n\nISSUES DETECTED:\n  \
          • ❌ OpenAI integration offline (unstable: it comes and goes)\n\
        \n\
        GETTING WORSE:\n  \
          • ⚠️ 120 job(s) stuck >30 minutes (for 4h 5m; was: 50 job(s) stuck >30 minutes)\n      \
              the oldest: Blog outline\n\
        \n\
        RESOLVED:\n  \
          • ❌ OpenAI integration offline (after 0s; unstable: it comes and goes)\n\
        \n\
        STILL OPEN:\n  \
          • ⚠️ Low completion rate: 5.9% (for 5m; was: 50 job(s) stuck >30 minutes; acknowledged by ada)\n\
        \n\
        Metrics:\n";
    assert!(message.body.contains(expected), "{}", message.body);
}

#[test]
fn the_notes_of_the_board_say_unknown_for_what_is_not_known() {
    let fault = Fault::new(Party::Notion, FaultKind::Timeout, "no answer within 10 s");
    let section = Section { check: CheckName::Metrics, took: Duration::ZERO, sight: Sight::Blind(fault) };
    let report = Report::assemble(1, now(), vec![section]);
    assert_eq!(
        notes(&report),
        "OpenAI: unknown or not configured\nNotion: unknown or not configured\nStuck jobs: unknown\n\
         ⚪ Job metrics unknown: Notion timeout\n      no answer within 10 s"
    );
    let entry = StatusEntry::of(&report);
    assert_eq!(
        (entry.issues.as_str(), entry.ok, entry.jobs, entry.avg_qa),
        ("check_blind:metrics", Some(false), None, None)
    );
    assert_eq!(serde_json::from_str::<StatusEntry>(&entry.to_json()).expect("an entry reads itself"), entry);
}

#[test]
fn durations_are_written_as_the_settings_write_them() {
    for (seconds, expected) in [
        (0, "0s"),
        (45, "45s"),
        (60, "1m"),
        (90, "1m 30s"),
        (1_800, "30m"),
        (9_000, "2h 30m"),
        (86_400, "24h"),
        (172_799, "47h 59m"),
        (273_600, "3d 4h"),
    ] {
        assert_eq!(duration(Duration::from_secs(seconds)), expected);
    }
}

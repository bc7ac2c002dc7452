use std::time::Duration;

use super::*;
use crate::domain::fault::{Fault, FaultKind};
use crate::domain::incident::{Acknowledgement, Held};
use crate::domain::job::{Metrics, StuckJobs};
use crate::domain::report::{Latency, Section};

fn at(minutes: i64) -> DateTime<Utc> {
    "2026-11-27T12:00:00Z".parse::<DateTime<Utc>>().expect("a moment") + chrono::TimeDelta::minutes(minutes)
}

fn wording() -> Wording {
    Wording { service: "EchoPilot".into(), public_url: None, window: Duration::from_secs(86_400) }
}

fn job(name: &str, url: &str, minutes: i64) -> StuckJob {
    StuckJob { name: name.into(), status: Some("Processing".into()), last_edited: at(-minutes), url: url.into() }
}

fn section(check: CheckName, figures: Figures) -> Section {
    Section { check, took: Duration::ZERO, sight: Sight::Seen { figures, issues: vec![] } }
}

fn overview(sections: Vec<Section>) -> Overview {
    Overview { report: Report::assemble(1, at(0), sections), incidents: vec![], gaps: vec![] }
}

fn with_jobs(count: u64, oldest: Vec<StuckJob>) -> Overview {
    overview(vec![section(CheckName::StuckJobs, Figures::StuckJobs(StuckJobs { count, oldest }))])
}

fn incident(issue: IssueId, minutes: i64) -> Incident {
    Incident {
        id: format!("i-{issue}"),
        issue,
        text: "3 job(s) stuck >30 minutes".into(),
        detail: String::new(),
        magnitude: None,
        since: at(-minutes),
        phase: Phase::Open,
        streak: 0,
        held: Held::No,
        unstable: false,
        told: None,
        acknowledged: None,
        resolved_at: None,
    }
}

fn by(name: &str) -> Option<Acknowledgement> {
    Some(Acknowledgement { by: name.into(), at: at(-5) })
}

fn silence(issue: Option<IssueId>) -> Silence {
    Silence { id: "s".into(), issue, created: at(-1), until: at(59), by: "Bob".into(), reason: String::new() }
}

fn text(answer: &Answer) -> String {
    let line = |line: &Line| line.text.clone() + line.link.as_ref().map_or("", |link| &link.shown);
    answer.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn fresh(overview: &Overview, minutes: i64) -> Looked<'_> {
    Looked { overview, is_stale: false, now: at(minutes) }
}

fn stale(overview: &Overview, minutes: i64) -> Looked<'_> {
    Looked { is_stale: true, ..fresh(overview, minutes) }
}

fn with_incidents(incidents: Vec<Incident>) -> Overview {
    Overview { incidents, ..overview(vec![]) }
}

fn said(looked: Looked<'_>, since: &[Issue], silences: Option<&[Silence]>) -> String {
    text(&status(&Known { looked, since, deliveries: &[], silences }, &wording()))
}

#[test]
fn the_status_says_how_it_is_how_old_that_is_and_unknown_where_nobody_knows() {
    let mut metrics = Metrics::default();
    metrics.add(true, Some(82.0), 80.0);
    let well = overview(vec![
        section(
            CheckName::Health,
            Figures::Health {
                openai: PartyAnswer::Yes,
                notion: PartyAnswer::NotConfigured,
                latency: Latency::default(),
            },
        ),
        section(CheckName::Metrics, Figures::Metrics(metrics)),
    ]);
    assert_eq!(
        said(fresh(&well, 2), &[], Some(&[silence(Some(IssueId::StuckJobs))])),
        "✅ All is well: EchoPilot\nAs of 2026-11-27T12:00:00Z, 2m ago\n\nOpenAI: answers\nTotal jobs (24h): 1\n\
         Done jobs: 1\nAvg QA: 82.0%\nStuck jobs: unknown\n🔕 Silence of stuck_jobs until 12:59 UTC, by Bob"
    );
    let long_ago = Issue::new(IssueId::ReportStale, "Last check was 26 minutes ago");
    let old = said(stale(&well, 26), std::slice::from_ref(&long_ago), Some(&[]));
    let head = "🚨 Not all is well: EchoPilot\nAs of 2026-11-27T12:00:00Z, 26m ago: not current\n\nIssues:\n  • ⚪ Last check was 26 ";
    assert!(old.starts_with(head), "{old}");
    let unread = said(fresh(&well, 2), &[], None);
    assert!(unread.ends_with("\n⚪ What is silent is unknown: the database cannot be read"), "{unread}");

    let fault = Fault::new(Party::Notion, FaultKind::Timeout, "");
    let blind = |check| Section { check, took: Duration::ZERO, sight: Sight::Blind(fault.clone()) };
    let blind = overview(vec![blind(CheckName::Health), blind(CheckName::StuckJobs)]);
    let unknown = said(fresh(&blind, 2), &[], Some(&[]));
    assert!(unknown.contains("OpenAI: unknown\nNotion: unknown\nTotal jobs (24h): unknown"), "{unknown}");
    assert!(unknown.starts_with("🚨 Not all is well"), "{unknown}");
    let stuck = text(&stuck(&fresh(&blind, 2)));
    assert!(stuck.starts_with("⚪ It is unknown whether jobs are stuck: Notion timeout (as of "), "{stuck}");
}

#[test]
fn the_oldest_stuck_jobs_are_links_and_nothing_else_is() {
    let jobs = (0..12).map(|number| job(&format!("job {number}"), "https://n.so/x", 60 - number)).collect();
    let answer = stuck(&fresh(&with_jobs(137, jobs), 1));
    let (first, last) = (&answer[1], answer.last().expect("lines"));
    assert_eq!(answer[0].text, "⚠️ 137 job(s) stuck (as of 2026-11-27T12:00:00Z, 1m ago), untouched for longest:");
    assert_eq!(first.text, "  • 1h, Processing: ");
    assert_eq!(first.link, Some(Link { shown: "job 0".into(), url: Some("https://n.so/x".into()) }));
    assert_eq!((answer.len(), last.text.as_str(), &last.link), (12, "  … and 127 more", &None));
    assert!(text(&stuck(&fresh(&with_jobs(0, vec![]), 1))).starts_with("✅ No job is stuck (as of "));
}

#[test]
fn what_was_seen_long_ago_is_not_said_as_if_it_were_so_now() {
    let as_of = "(as of 2026-11-27T12:00:00Z, 5h ago)";
    let (none, some) = (with_jobs(0, vec![]), with_jobs(3, vec![job("a", "https://n.so/x", 60)]));
    assert_eq!(text(&stuck(&stale(&none, 300))), format!("⚪ Not current: no job was stuck {as_of}"));
    let jobs = text(&stuck(&stale(&some, 300)));
    let head = format!("⚪ Not current: 3 job(s) were stuck {as_of}, untouched for longest:\n  • 1h, ");
    assert!(jobs.starts_with(&head), "{jobs}");
    assert_eq!(text(&incidents(&stale(&none, 300))), format!("⚪ Not current: no incident was open {as_of}"));
    let open = with_incidents(vec![incident(IssueId::StuckJobs, 3)]);
    let open = text(&incidents(&stale(&open, 300)));
    assert!(open.starts_with(&format!("⚪ Not current: 1 incident(s) were open {as_of}:\n• ")), "{open}");
    assert!(open.contains("stuck_jobs, for 3m, "), "up to when it was seen: {open}");
    let shown = text(&shown(&[incident(IssueId::StuckJobs, 3)], Some(&stale(&some, 300)), at(300)));
    assert!(shown.starts_with("⚪ Not current: as of 2026-11-27T12:00:00Z, 5h ago\n• "), "{shown}");
    assert!(shown.contains("for 3m, ") && shown.contains("\n\n⚪ Not current: 3 job(s) were stuck"), "{shown}");
}

#[test]
fn hostile_names_stay_a_short_line_and_a_hostile_address_is_no_link() {
    let names = ["<script>alert(1)</script>", "\u{202e}live\nnext\u{2066}", "", &"x".repeat(10_000)];
    for name in names {
        let answer = stuck(&fresh(&with_jobs(1, vec![job(name, "https://n.so/x", 60)]), 0));
        let shown = &answer[1].link.as_ref().expect("a link").shown;
        assert!((1..=80).contains(&shown.chars().count()), "{shown}");
        assert!(!shown.contains(['\n', '\u{202e}', '\u{2066}']), "{shown:?}");
    }
    for url in ["", "javascript:alert(1)", "tg://user?id=1", &format!("https://{}", "x".repeat(10_000))] {
        let answer = stuck(&fresh(&with_jobs(1, vec![job("a job", url, 60)]), 0));
        assert_eq!(answer[1].link, Some(Link { shown: "a job".into(), url: None }), "{url}");
    }
}

#[test]
fn an_answer_is_bounded_whatever_is_open() {
    let long = "x".repeat(100_000);
    let all: Vec<Incident> = IssueId::ALL
        .into_iter()
        .map(|issue| Incident {
            text: long.clone(),
            detail: long.clone(),
            acknowledged: by(&long),
            ..incident(issue, 1)
        })
        .collect();
    assert!(text(&incidents(&fresh(&with_incidents(all), 0))).chars().count() < 22 * 900);
}

#[test]
fn an_incident_is_told_with_its_age_its_cause_and_who_took_it_on() {
    let open = vec![
        Incident { detail: "look there".into(), acknowledged: by("Ada"), ..incident(IssueId::StuckJobs, 125) },
        Incident { held: Held::By(IssueId::OpenaiOffline), ..incident(IssueId::LowCompletion, 3) },
        Incident { phase: Phase::Recovering, unstable: true, ..incident(IssueId::OpenaiOffline, 4) },
    ];
    assert_eq!(
        text(&incidents(&fresh(&with_incidents(open), 0))),
        "🚨 3 incident(s) open (as of 2026-11-27T12:00:00Z, 0s ago):\n\
         • ⚠️ 3 job(s) stuck >30 minutes\n   stuck_jobs, for 2h 5m, acknowledged by Ada\n   look there\n\
         • ⚠️ 3 job(s) stuck >30 minutes\n   low_completion, for 3m, explained by openai_offline, acknowledged by nobody\n\
         • ❌ 3 job(s) stuck >30 minutes\n   openai_offline, for 4m, unstable, perhaps over, acknowledged by nobody"
    );
    let none = text(&incidents(&fresh(&with_incidents(vec![]), 2)));
    assert_eq!(none, "✅ No incident is open (as of 2026-11-27T12:00:00Z, 2m ago)");
}

#[test]
fn an_alert_says_afterwards_who_did_what() {
    let stuck = Incident { acknowledged: by("Ada"), ..incident(IssueId::StuckJobs, 60) };
    let low = incident(IssueId::LowCompletion, 60);
    assert_eq!(aftermath(std::slice::from_ref(&low), &[], at(0)), "");
    assert_eq!(aftermath(std::slice::from_ref(&stuck), &[], at(0)), "✔️ acknowledged by Ada at 11:55 UTC");
    let silences = [silence(Some(IssueId::LowCompletion)), silence(Some(IssueId::OpenaiOffline)), silence(None)];
    assert_eq!(
        aftermath(&[stuck, low.clone()], &silences, at(0)),
        "✔️ stuck_jobs: acknowledged by Ada at 11:55 UTC\n🔕 Silence of low_completion until 12:59 UTC, by Bob\n\
         🔕 Silence of everything until 12:59 UTC, by Bob"
    );
    let over = Incident { phase: Phase::Resolved, resolved_at: Some(at(-1)), ..low };
    assert_eq!(aftermath(&[over], &silences, at(0)), "", "what is over needs no silence");
}

#[test]
fn the_help_names_every_command() {
    let help = text(&help());
    COMMANDS.iter().for_each(|(name, does)| assert!(help.contains(&format!("/{name} – {does}")), "{help}"));
}

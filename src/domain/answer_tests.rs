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

fn said(overview: &Overview, since: &[Issue], silences: &[Silence]) -> String {
    let known = Known { overview, since, deliveries: &[], silences, now: at(2) };
    text(&status(&known, &wording()))
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
        said(&well, &[], &[silence(Some(IssueId::StuckJobs))]),
        "✅ All is well: EchoPilot\nAs of 2026-11-27T12:00:00Z, 2m ago\n\nOpenAI: answers\nTotal jobs (24h): 1\n\
         Done jobs: 1\nAvg QA: 82.0%\nStuck jobs: unknown\n🔕 Silence of stuck_jobs until 12:59 UTC, by Bob"
    );
    let stale = Issue::new(IssueId::ReportStale, "Last check was 26 minutes ago");
    let old = said(&well, std::slice::from_ref(&stale), &[]);
    assert!(old.starts_with("🚨 Not all is well") && old.contains("Issues:\n  • ⚪ Last check was 26 "), "{old}");

    let fault = Fault::new(Party::Notion, FaultKind::Timeout, "");
    let blind = |check| Section { check, took: Duration::ZERO, sight: Sight::Blind(fault.clone()) };
    let blind = overview(vec![blind(CheckName::Health), blind(CheckName::StuckJobs)]);
    let unknown = said(&blind, &[], &[]);
    assert!(unknown.contains("OpenAI: unknown\nNotion: unknown\nTotal jobs (24h): unknown"), "{unknown}");
    assert!(unknown.starts_with("🚨 Not all is well"), "{unknown}");
    let stuck = text(&stuck(&blind, at(2)));
    assert!(stuck.starts_with("⚪ It is unknown whether jobs are stuck: Notion timeout (as of "), "{stuck}");
}

#[test]
fn the_oldest_stuck_jobs_are_links_and_nothing_else_is() {
    let jobs = (0..12).map(|number| job(&format!("job {number}"), "https://n.so/x", 60 - number)).collect();
    let answer = stuck(&with_jobs(137, jobs), at(1));
    let (first, last) = (&answer[1], answer.last().expect("lines"));
    assert_eq!(answer[0].text, "⚠️ 137 job(s) stuck (as of 2026-11-27T12:00:00Z, 1m ago), untouched for longest:");
    assert_eq!(first.text, "  • 1h, Processing: ");
    assert_eq!(first.link, Some(Link { shown: "job 0".into(), url: Some("https://n.so/x".into()) }));
    assert_eq!((answer.len(), last.text.as_str(), &last.link), (12, "  … and 127 more", &None));
    assert!(text(&stuck(&with_jobs(0, vec![]), at(1))).starts_with("✅ No job is stuck"));
}

#[test]
fn hostile_names_stay_a_short_line_and_a_hostile_address_is_no_link() {
    let names = ["<script>alert(1)</script>", "\u{202e}live\nnext\u{2066}", "", &"x".repeat(10_000)];
    for name in names {
        let answer = stuck(&with_jobs(1, vec![job(name, "https://n.so/x", 60)]), at(0));
        let shown = &answer[1].link.as_ref().expect("a link").shown;
        assert!((1..=80).contains(&shown.chars().count()), "{shown}");
        assert!(!shown.contains(['\n', '\u{202e}', '\u{2066}']), "{shown:?}");
    }
    for url in ["", "javascript:alert(1)", "tg://user?id=1", &format!("https://{}", "x".repeat(10_000))] {
        let answer = stuck(&with_jobs(1, vec![job("a job", url, 60)]), at(0));
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
    assert!(text(&incidents(&all, at(0))).chars().count() < 22 * 900);
}

#[test]
fn an_incident_is_told_with_its_age_its_cause_and_who_took_it_on() {
    let open = [
        Incident { detail: "look there".into(), acknowledged: by("Ada"), ..incident(IssueId::StuckJobs, 125) },
        Incident { held: Held::By(IssueId::OpenaiOffline), ..incident(IssueId::LowCompletion, 3) },
        Incident { phase: Phase::Recovering, unstable: true, ..incident(IssueId::OpenaiOffline, 4) },
    ];
    assert_eq!(
        text(&incidents(&open, at(0))),
        "• ⚠️ 3 job(s) stuck >30 minutes\n   stuck_jobs, for 2h 5m, acknowledged by Ada\n   look there\n\
         • ⚠️ 3 job(s) stuck >30 minutes\n   low_completion, for 3m, explained by openai_offline, acknowledged by nobody\n\
         • ❌ 3 job(s) stuck >30 minutes\n   openai_offline, for 4m, unstable, perhaps over, acknowledged by nobody"
    );
    assert_eq!(text(&incidents(&[], at(0))), "✅ No incident is open");
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
fn who_acknowledges_hears_what_came_of_it() {
    let ours = Incident { acknowledged: by("Ada"), ..incident(IssueId::StuckJobs, 1) };
    let theirs = Incident { acknowledged: by("Bob"), ..incident(IssueId::LowCompletion, 1) };
    let over = incident(IssueId::OpenaiOffline, 1);
    let all = [Taken::Now(ours), Taken::Already(theirs), Taken::Over(over)];
    assert_eq!(
        text(&taken(&all)),
        "✔️ Acknowledged by Ada: ⚠️ 3 job(s) stuck >30 minutes\nAcknowledged by Bob already: ⚠️ 3 job(s) stuck >30 \
         minutes\nOver by now: ❌ 3 job(s) stuck >30 minutes"
    );
    assert!(taken_briefly(&all).starts_with("Acknowledged. "));
    assert_eq!(taken_briefly(&all[1..]), "Acknowledged by Bob already.");
    assert_eq!(taken_briefly(&all[2..]), "It is over by now.");
    assert!(text(&taken(&[])).starts_with("Nothing is open"));
}

#[test]
fn the_help_names_every_command() {
    let help = text(&help());
    COMMANDS.iter().for_each(|(name, does)| assert!(help.contains(&format!("/{name} – {does}")), "{help}"));
}

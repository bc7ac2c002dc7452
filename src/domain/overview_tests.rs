//! What is known after a cycle, as it is kept for those who did not make it.

use super::*;
use crate::domain::fault::FaultKind;
use crate::domain::incident::{Acknowledgement, Held, Phase, Telling};
use crate::domain::job::StuckJob;

#[test]
fn what_is_known_can_be_read_by_those_who_did_not_see_it() {
    let fault =
        Fault { party: Party::OpenAi, kind: FaultKind::QuotaExhausted, status: Some(429), detail: "€".into() };
    let mut metrics = Metrics::default();
    metrics.add(true, Some(82.5), 80.0);
    let mut stuck = StuckJobs::default();
    let job = StuckJob { name: "a \"b\"".into(), status: None, last_edited: DateTime::UNIX_EPOCH, url: "u".into() };
    stuck.add(job);
    let seen = |check, figures| {
        let issues = vec![Issue { magnitude: Some(3), ..Issue::new(IssueId::StuckJobs, "text") }];
        Section { check, took: Duration::from_micros(1_234_567), sight: Sight::Seen { figures, issues } }
    };
    let latency = Latency { openai: None, notion: Some(Duration::from_micros(1_234_567)) };
    let answers = Figures::Health { openai: Answer::No(fault.clone()), notion: Answer::Yes, latency };
    let sections = vec![
        seen(CheckName::Health, answers),
        seen(CheckName::Metrics, Figures::Metrics(metrics)),
        seen(CheckName::StuckJobs, Figures::StuckJobs(stuck)),
        Section { check: CheckName::Metrics, took: Duration::ZERO, sight: Sight::Blind(fault) },
    ];
    let everything = IssueId::ALL.map(|id| Issue::new(id, id.to_string()));
    let report = Report::assemble(7, DateTime::UNIX_EPOCH + Duration::from_millis(1_500), sections).with(everything);
    let telling = Telling { at: DateTime::UNIX_EPOCH, text: "told".into(), magnitude: None };
    let acknowledged = Acknowledgement { by: "ada".into(), at: DateTime::UNIX_EPOCH };
    let incidents =
        [Held::No, Held::By(IssueId::NotionOffline), Held::Released(IssueId::OpenaiOffline)].map(|held| Incident {
            id: "1".into(),
            issue: IssueId::ActorDegraded("notifier:email"),
            text: "text".into(),
            detail: String::new(),
            magnitude: None,
            since: DateTime::UNIX_EPOCH,
            phase: Phase::Recovering,
            streak: 1,
            held,
            unstable: true,
            told: Some(telling.clone()),
            acknowledged: Some(acknowledged.clone()),
            resolved_at: None,
        });
    let gaps = vec![Gap { since: DateTime::UNIX_EPOCH, until: DateTime::UNIX_EPOCH + Duration::from_secs(9) }];
    let overview = Overview { report, incidents: incidents.into(), gaps };
    assert_eq!(Overview::from_json(&overview.to_json()), Some(overview.clone()));

    let latency = r#","latency":{"openai":null,"notion":{"secs":1,"nanos":234567000}}"#;
    let older = overview.to_json().replace(latency, "");
    assert_ne!(older, overview.to_json());
    let read = Overview::from_json(&older).map(|overview| overview.report.latency());
    assert_eq!(read, Some(Latency::default()), "one that did not write it down");

    let newer = overview.to_json().replace("notifier:email", "notifier:pigeon");
    assert_eq!(Overview::from_json(&newer), None, "a name that this version does not know");
}

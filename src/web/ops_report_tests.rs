use std::time::Duration;

use super::*;
use crate::domain::delivery::DeliveryState;
use crate::domain::fault::FaultKind;
use crate::domain::incident::Held;
use crate::domain::report::{Answer, CheckName, Figures, Gap, Latency, Sight};
use crate::web::tests::sample;

/// One channel that waits, and one that is well.
fn channels() -> [ChannelDelivery; 2] {
    let channel = |name: &str, state| ChannelDelivery {
        channel: name.into(),
        state,
        pending: 0,
        waiting_since: None,
        last_delivered: None,
        last_error: None,
    };
    let waits = channel("email", DeliveryState::Retrying);
    let waits = ChannelDelivery { pending: 2, last_error: Some("rate limited (429): slow down".into()), ..waits };
    let last_delivered = Some(sample::moment() - Duration::from_secs(8));
    [waits, ChannelDelivery { last_delivered, ..channel("telegram", DeliveryState::Ok) }]
}

fn pretty(overview: &Overview, details: bool) -> String {
    let [email, telegram] = channels();
    let known = [("email", Some(&email)), ("telegram", Some(&telegram))];
    serde_json::to_string_pretty(&document(overview, &[], &[], &known, "EchoPilot", details)).unwrap()
}

fn value(overview: &Overview, since: &[Issue], details: bool) -> serde_json::Value {
    let [email, telegram] = channels();
    let known = [("email", Some(&email)), ("telegram", Some(&telegram))];
    serde_json::to_value(document(overview, since, &[], &known, "EchoPilot", details)).unwrap()
}

#[test]
fn a_channel_that_nobody_has_asked_about_is_neither_well_nor_without_notices() {
    let overview = sample::well();
    let told = document(&overview, &[], &[], &[("email", None)], "EchoPilot", true);
    let unknown = serde_json::json!({"channel": "email", "state": null, "pending": null, "last_delivered": null,
                                     "last_error": null});
    assert_eq!(serde_json::to_value(told).unwrap()["delivery"], serde_json::json!([unknown]));
}

#[test]
fn the_sample_of_the_guide_is_told_to_the_byte() {
    insta::assert_snapshot!(pretty(&sample::ill(), true), @r#"
    {
      "timestamp": "2025-10-17T13:58:48Z",
      "health": {
        "openai": true,
        "notion": true
      },
      "metrics": {
        "total_24h": 68,
        "done_24h": 4,
        "low_qa_count": 3,
        "avg_qa_24h": 82.3,
        "warnings": [
          "Low completion rate: 5.9%"
        ]
      },
      "stuck_jobs_count": 137,
      "overall_ok": false,
      "issues": [
        "⚠️ 137 job(s) stuck >30 minutes",
        "⚠️ Low completion rate: 5.9%"
      ],
      "service": "EchoPilot",
      "checks": [
        {
          "name": "health",
          "state": "ok",
          "took_ms": 231,
          "error": null
        },
        {
          "name": "metrics",
          "state": "failing",
          "took_ms": 398,
          "error": null
        },
        {
          "name": "stuck_jobs",
          "state": "failing",
          "took_ms": 412,
          "error": null
        }
      ],
      "incidents": [
        {
          "id": "i-1",
          "issue": "stuck_jobs",
          "severity": "warning",
          "since": "2025-10-17T13:48:48Z",
          "acknowledged_by": null,
          "held_back_by": null
        },
        {
          "id": "i-2",
          "issue": "low_completion",
          "severity": "warning",
          "since": "2025-10-17T13:48:48Z",
          "acknowledged_by": null,
          "held_back_by": null
        }
      ],
      "supervision": [],
      "delivery": [
        {
          "channel": "email",
          "state": "retrying",
          "pending": 2,
          "last_delivered": null,
          "last_error": "rate limited (429): slow down"
        },
        {
          "channel": "telegram",
          "state": "ok",
          "pending": 0,
          "last_delivered": "2025-10-17T13:58:40Z",
          "last_error": null
        }
      ],
      "stuck_jobs": [
        {
          "name": "Summarise the interview",
          "status": "Processing",
          "last_edited": "2025-10-17T13:17:48Z",
          "url": "https://www.notion.so/0123456789abcdef0123456789abcdef"
        },
        {
          "name": "",
          "status": null,
          "last_edited": "2025-10-17T13:18:48Z",
          "url": "https://www.notion.so/00000000000000000000000000000000"
        }
      ],
      "gaps": []
    }
    "#);
}

#[test]
fn without_a_token_no_job_is_named() {
    let document = value(&sample::ill(), &[], false);
    assert_eq!(document["stuck_jobs"], serde_json::json!([]));
    assert_eq!(document["stuck_jobs_count"], 137);
}

#[test]
fn without_a_token_the_error_of_a_channel_is_its_kind() {
    assert_eq!(value(&sample::ill(), &[], true)["delivery"][0]["last_error"], "rate limited (429): slow down");
    assert_eq!(value(&sample::ill(), &[], false)["delivery"][0]["last_error"], "rate_limited");
}

#[test]
fn when_nobody_looked_is_told() {
    let gap = Gap { since: sample::moment() - Duration::from_secs(3_600), until: sample::moment() };
    let overview = Overview { gaps: vec![gap], ..sample::well() };
    let expected = serde_json::json!([{"from": "2025-10-17T12:58:48Z", "to": "2025-10-17T13:58:48Z"}]);
    assert_eq!(value(&overview, &[], false)["gaps"], expected);
}

#[test]
fn the_report_is_one_line_with_its_keys_in_order() {
    let body = serde_json::to_string(&document(&sample::well(), &[], &[], &[], "EchoPilot", false)).unwrap();
    insta::assert_snapshot!(body, @r#"{"timestamp":"2025-10-17T13:58:48Z","health":{"openai":true,"notion":true},"metrics":{"total_24h":1,"done_24h":1,"low_qa_count":0,"avg_qa_24h":91.0,"warnings":[]},"stuck_jobs_count":0,"overall_ok":true,"issues":[],"service":"EchoPilot","checks":[{"name":"health","state":"ok","took_ms":231,"error":null},{"name":"metrics","state":"ok","took_ms":398,"error":null},{"name":"stuck_jobs","state":"ok","took_ms":412,"error":null}],"incidents":[],"supervision":[],"delivery":[],"stuck_jobs":[],"gaps":[]}"#);
}

#[test]
fn what_is_not_known_is_null() {
    let fault = Fault {
        party: Party::Notion,
        kind: FaultKind::Unauthorized,
        status: Some(401),
        detail: "API token is invalid.".into(),
    };
    let blind = |check| Section { check, took: Duration::from_millis(7), sight: Sight::Blind(fault.clone()) };
    let sections = vec![blind(CheckName::Health), blind(CheckName::Metrics), blind(CheckName::StuckJobs)];
    let overview =
        Overview { report: Report::assemble(1, sample::moment(), sections), incidents: vec![], gaps: vec![] };
    insta::assert_snapshot!(pretty(&overview, true), @r#"
    {
      "timestamp": "2025-10-17T13:58:48Z",
      "health": {
        "openai": null,
        "notion": null
      },
      "metrics": {
        "total_24h": null,
        "done_24h": null,
        "low_qa_count": null,
        "avg_qa_24h": null,
        "warnings": []
      },
      "stuck_jobs_count": null,
      "overall_ok": false,
      "issues": [
        "⚪ Health unknown: Notion unauthorized (401)",
        "⚪ Job metrics unknown: Notion unauthorized (401)",
        "⚪ Stuck jobs unknown: Notion unauthorized (401)"
      ],
      "service": "EchoPilot",
      "checks": [
        {
          "name": "health",
          "state": "unknown",
          "took_ms": 7,
          "error": "Notion unauthorized (401): API token is invalid."
        },
        {
          "name": "metrics",
          "state": "unknown",
          "took_ms": 7,
          "error": "Notion unauthorized (401): API token is invalid."
        },
        {
          "name": "stuck_jobs",
          "state": "unknown",
          "took_ms": 7,
          "error": "Notion unauthorized (401): API token is invalid."
        }
      ],
      "incidents": [],
      "supervision": [],
      "delivery": [
        {
          "channel": "email",
          "state": "retrying",
          "pending": 2,
          "last_delivered": null,
          "last_error": "rate limited (429): slow down"
        },
        {
          "channel": "telegram",
          "state": "ok",
          "pending": 0,
          "last_delivered": "2025-10-17T13:58:40Z",
          "last_error": null
        }
      ],
      "stuck_jobs": [],
      "gaps": []
    }
    "#);
    assert_eq!(value(&overview, &[], false)["checks"][1]["error"], "unauthorized");
}

#[test]
fn a_party_that_is_not_configured_is_neither_up_nor_down_and_two_faults_are_both_told() {
    let timeout = Fault::new(Party::OpenAi, FaultKind::Timeout, "");
    let refused = Fault::new(Party::Notion, FaultKind::Connection, "connection refused");
    for (openai, notion, health, error, in_full) in [
        (Answer::NotConfigured, Answer::Yes, [None, Some(true)], None, None),
        (
            Answer::No(timeout),
            Answer::No(refused),
            [Some(false), Some(false)],
            Some("timeout; connection"),
            Some("OpenAI timeout; Notion connection failed: connection refused"),
        ),
    ] {
        let sight =
            Sight::Seen { figures: Figures::Health { openai, notion, latency: Latency::default() }, issues: vec![] };
        let section = Section { check: CheckName::Health, took: Duration::ZERO, sight };
        let overview =
            Overview { report: Report::assemble(1, sample::moment(), vec![section]), incidents: vec![], gaps: vec![] };
        let (public, detailed) = (value(&overview, &[], false), value(&overview, &[], true));
        let [openai, notion] = health;
        assert_eq!(public["health"], serde_json::json!({"openai": openai, "notion": notion}));
        assert_eq!(public["checks"][0]["error"].as_str(), error);
        assert_eq!(detailed["checks"][0]["error"].as_str(), in_full);
    }
}

#[test]
fn an_average_has_one_decimal_and_is_null_without_a_score() {
    for (scores, expected) in [
        (&[][..], serde_json::Value::Null),
        (&[82.34], 82.3.into()),
        (&[82.3, 82.3, 82.300_000_01], 82.3.into()),
        (&[80.0, 90.0], 85.0.into()),
        (&[0.0], 0.0.into()),
    ] {
        let overview = sample::of_scores(scores);
        assert_eq!(value(&overview, &[], false)["metrics"]["avg_qa_24h"], expected, "{scores:?}");
    }
}

#[test]
fn the_warnings_are_the_issues_of_the_metrics_without_a_sign() {
    let document = value(&sample::of_scores(&[60.0; 10]), &[], false);
    let warnings = [
        "No completed jobs in last 24h despite activity",
        "Quality dropping: avg 60.0% (threshold 75%)",
        "Low completion rate: 0.0%",
    ];
    assert_eq!(document["metrics"]["warnings"], serde_json::json!(warnings));
}

#[test]
fn a_stale_report_says_so_last_and_is_not_ok() {
    let stale = [Issue::new(IssueId::ReportStale, "Last check was 26 minutes ago")];
    let document = value(&sample::well(), &stale, false);
    assert_eq!(document["overall_ok"], false);
    assert_eq!(document["issues"], serde_json::json!(["⚪ Last check was 26 minutes ago"]));
    let document = value(&sample::ill(), &stale, false);
    assert_eq!(document["issues"][2], "⚪ Last check was 26 minutes ago");
}

#[test]
fn an_incident_names_what_holds_it_back() {
    let mut overview = sample::ill();
    overview.incidents[0].held = Held::By(IssueId::OpenaiOffline);
    assert_eq!(value(&overview, &[], false)["incidents"][0]["held_back_by"], "openai_offline");
}

//! What is remembered, page by page: incidents and their stories, deliveries and what came of them.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::report::assert_problem;
use super::sample::moment;
use super::support::{Choice, Web};
use crate::domain::history::What;
use crate::domain::incident::{Change, Held, Incident, Phase};
use crate::domain::issue::IssueId;
use crate::domain::notice::{NoticeKind, Step};
use crate::store::{Decision, Notice, Recorded, Store};

/// An incident that began ten minutes before [`moment`].
pub(super) fn incident(id: &str, issue: IssueId, phase: Phase) -> Incident {
    Incident {
        id: id.into(),
        issue,
        text: "3 job(s) stuck >30 minutes".into(),
        detail: String::new(),
        magnitude: None,
        since: moment() - TimeDelta::minutes(10),
        phase,
        streak: 0,
        held: Held::No,
        unstable: false,
        told: None,
        acknowledged: None,
        resolved_at: None,
    }
}

/// Writes incidents down.
pub(super) async fn remember(store: &Store, incidents: Vec<Incident>) {
    let stepped = incidents.into_iter().map(|incident| (incident, Change::None)).collect();
    settle(store, Decision { stepped, ..Decision::default() }).await;
}

async fn settle(store: &Store, decision: Decision) {
    store.settle(|_| decision).await.unwrap();
}

fn resolved(id: &str, issue: IssueId) -> Incident {
    Incident { resolved_at: Some(moment()), ..incident(id, issue, Phase::Resolved) }
}

fn notice(id: &str, channel: &str, created: DateTime<Utc>, incidents: &[(&str, Step)]) -> Notice {
    Notice {
        id: id.into(),
        channel: channel.into(),
        kind: NoticeKind::Alert,
        subject: "🚨 EchoPilot Auto-Operator Alert".into(),
        body: "ISSUES DETECTED".into(),
        thread: None,
        created,
        incidents: incidents.iter().map(|(id, step)| ((*id).to_owned(), *step)).collect(),
        content: None,
        not_before: None,
    }
}

fn web() -> Web {
    Web::start(Choice { ops_token: Some("ops"), ..Choice::default() })
}

fn ids(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap()).collect()
}

#[actix_web::test]
async fn an_incident_is_shown_with_all_that_is_known_and_null_for_what_is_not() {
    let web = web();
    let held = Incident {
        held: Held::By(IssueId::OpenaiOffline),
        detail: "OpenAI said <script>".into(),
        unstable: true,
        ..incident("i-1", IssueId::StuckJobs, Phase::Recovering)
    };
    remember(&web.store, vec![held]).await;
    let shown = json!({"incidents": [{
        "id": "i-1", "issue": "stuck_jobs", "severity": "warning", "text": "3 job(s) stuck >30 minutes",
        "state": "recovering", "since": "2025-10-17T13:48:48Z", "resolved_at": null, "acknowledged_by": null,
        "acknowledged_at": null, "held_back_by": "openai_offline", "unstable": true, "detail": "OpenAI said <script>",
    }], "next": null});
    assert_eq!(web.get_with("ops", "/api/incidents").await.json(), shown);
    let told = web.get("/api/incidents").await;
    assert_eq!((told.status.as_u16(), told.header("content-type")), (200, Some("application/json")));
    assert_eq!(told.json()["incidents"][0]["detail"], Value::Null, "for holders of a token");
    let keys =
        "id issue severity text state since resolved_at acknowledged_by acknowledged_at held_back_by unstable detail";
    let at: Vec<_> = keys.split(' ').map(|key| told.body.find(&format!("\"{key}\":")).unwrap()).collect();
    assert!(at.is_sorted(), "{}", told.body);
}

#[actix_web::test]
async fn incidents_are_found_by_state_and_issue() {
    let web = web();
    let incidents = vec![
        incident("i-1", IssueId::StuckJobs, Phase::Open),
        incident("i-2", IssueId::NotionOffline, Phase::Recovering),
        resolved("i-3", IssueId::StuckJobs),
        incident("i-4", IssueId::LowCompletion, Phase::Suspected),
        resolved("i-5", IssueId::CheckBlind(crate::domain::report::CheckName::Health)),
    ];
    remember(&web.store, incidents).await;
    for (query, expected) in [
        ("", &["i-5", "i-3", "i-2", "i-1"][..]),
        ("?state=open", &["i-2", "i-1"]),
        ("?state=resolved", &["i-5", "i-3"]),
        ("?issue=stuck_jobs", &["i-3", "i-1"]),
        ("?issue=stuck_jobs&state=resolved", &["i-3"]),
        ("?issue=check_blind%3Ahealth", &["i-5"]),
        ("?issue=check_blind:health&limit=1", &["i-5"]),
        ("?issue=report_stale", &[]),
    ] {
        let told = web.get(&format!("/api/incidents{query}")).await.json();
        assert_eq!((ids(&told["incidents"]), &told["next"]), (expected.to_vec(), &Value::Null), "{query}");
    }
}

#[actix_web::test]
async fn parameters_that_make_no_sense_are_refused_with_what_would() {
    let web = web();
    for (query, detail) in [
        ("incidents?state=recovering", "state is to be open or resolved."),
        ("incidents?state=", "state is to be open or resolved."),
        ("incidents?limit=0", "limit is to be a number from 1 to 200."),
        ("incidents?stat=open", "There is no parameter `stat` here, only state, issue, limit, cursor."),
        ("incidents?limit=1&limit=2", "limit is given more than once."),
        ("deliveries?channel=fax", "channel is to be email or telegram or notion."),
        ("deliveries?limit=many", "limit is to be a number from 1 to 200."),
        ("deliveries?state=open", "There is no parameter `state` here, only channel, limit, cursor."),
    ] {
        assert_problem(&web.get(&format!("/api/{query}")).await, 400, detail);
    }
    let told = web.get("/api/incidents?issue=stuck").await;
    assert!(
        told.status == 400 && told.body.contains("There is no issue `stuck`; there are openai_offline"),
        "{}",
        told.body
    );
    let wrong = "cursor is to be what `next` said on the page before.";
    for list in ["incidents", "deliveries"] {
        // The last one is written as ours are, but holds a zero.
        for cursor in ["", "x", "%00", "..%2F..", "MTIzOmFiYw%3D%3D", &"A".repeat(10_000), "MToA"] {
            let told = web.get(&format!("/api/{list}?cursor={cursor}")).await;
            assert_problem(&told, 400, wrong);
        }
    }
}

#[actix_web::test]
async fn pages_hold_everything_once_while_new_things_come() {
    let web = web();
    let old: Vec<Incident> = (0..25)
        .map(|number| {
            // Several begin in the same moment.
            let since = moment() + TimeDelta::milliseconds(number / 4);
            Incident { since, ..resolved(&format!("i-{number:02}"), IssueId::StuckJobs) }
        })
        .collect();
    remember(&web.store, old).await;
    let notices = (0..25).map(|number| notice(&format!("n-{number:02}"), "email", moment(), &[])).collect();
    settle(&web.store, Decision { notices, ..Decision::default() }).await;
    for list in ["incidents", "deliveries"] {
        let whole = web.get(&format!("/api/{list}?limit=200")).await.json();
        let expected = ids(&whole[list]);
        assert_eq!(expected.iter().collect::<BTreeSet<_>>().len(), expected.len());
        let (mut walked, mut next, mut pages) = (vec![], String::new(), 0);
        loop {
            let page = web.get(&format!("/api/{list}?limit=4{next}")).await.json();
            walked.extend(ids(&page[list]).into_iter().map(str::to_owned));
            pages += 1;
            // It comes before everything that is there.
            let since = moment() + TimeDelta::hours(pages);
            let newer = Incident { since, ..resolved(&format!("{list}-{pages}"), IssueId::StuckJobs) };
            let notices = vec![notice(&format!("{list}-{pages}"), "email", since, &[])];
            let decision = Decision { stepped: vec![(newer, Change::None)], notices, ..Decision::default() };
            settle(&web.store, decision).await;
            let Some(cursor) = page["next"].as_str() else { break };
            assert!(cursor.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{cursor}");
            next = format!("&cursor={cursor}");
        }
        assert_eq!(walked, expected, "{list}");
    }
}

#[actix_web::test]
async fn an_incident_has_its_story_and_its_notices() {
    let web = web();
    let at = |minutes| moment() + TimeDelta::minutes(minutes);
    let entry = |minutes, what, text: &str, by: Option<&str>| Recorded {
        incident_id: "i-1".into(),
        at: at(minutes),
        what,
        text: text.into(),
        by: by.map(str::to_owned),
    };
    let decision = Decision {
        stepped: vec![(resolved("i-1", IssueId::StuckJobs), Change::None)],
        entries: vec![
            entry(0, What::Opened, "3 job(s) stuck >30 minutes", None),
            entry(2, What::Acknowledged, "3 job(s) stuck >30 minutes", Some("ada")),
            entry(9, What::Resolved, "3 job(s) stuck >30 minutes", None),
        ],
        notices: vec![
            notice("n-1", "telegram", at(0), &[("i-1", Step::Opened)]),
            notice("n-2", "email", at(0), &[]),
            notice("n-3", "telegram", at(9), &[("i-1", Step::Resolved)]),
        ],
        ..Decision::default()
    };
    settle(&web.store, decision).await;
    web.store.delivered("n-1", at(1), "message 7").await.unwrap();
    let story = web.get_with("ops", "/api/incidents/i-1").await.json();
    assert_eq!((&story["id"], &story["state"]), (&json!("i-1"), &json!("resolved")));
    assert_eq!(
        story["changes"],
        json!([
            {"at": "2025-10-17T13:58:48Z", "what": "opened", "text": "3 job(s) stuck >30 minutes", "by": null},
            {"at": "2025-10-17T14:00:48Z", "what": "acknowledged", "text": "3 job(s) stuck >30 minutes", "by": "ada"},
            {"at": "2025-10-17T14:07:48Z", "what": "resolved", "text": "3 job(s) stuck >30 minutes", "by": null},
        ])
    );
    assert_eq!(ids(&story["notices"]), ["n-1", "n-3"]);
    assert_eq!(story["notices"][0]["answer"], "message 7");
    let public = web.get("/api/incidents/i-1").await.json();
    assert_eq!((&public["notices"][0]["state"], &public["notices"][0]["answer"]), (&json!("delivered"), &Value::Null));
}

#[actix_web::test]
async fn the_ledger_says_what_became_of_each_notice() {
    let web = web();
    let at = |minutes| moment() + TimeDelta::minutes(minutes);
    let notices = vec![
        notice("n-1", "telegram", at(0), &[("i-1", Step::Opened)]),
        notice("n-2", "email", at(0), &[("i-1", Step::Opened)]),
        notice("n-3", "telegram", at(1), &[]),
    ];
    let stepped = vec![(incident("i-1", IssueId::StuckJobs, Phase::Open), Change::Opened)];
    settle(&web.store, Decision { stepped, notices, ..Decision::default() }).await;
    web.store.failed("n-1", at(1), "rate limited (429): slow down", Some(at(2))).await.unwrap();
    web.store.delivered("n-1", at(3), "message 7").await.unwrap();
    web.store.failed("n-2", at(1), "554 no", None).await.unwrap();

    let all = web.get_with("ops", "/api/deliveries").await.json();
    assert_eq!(ids(&all["deliveries"]), ["n-3", "n-2", "n-1"]);
    let pending = &all["deliveries"][0];
    assert_eq!((&pending["state"], &pending["next_try"]), (&json!("pending"), &json!("2025-10-17T13:59:48Z")));
    assert_eq!((&pending["tries"], &pending["incidents"]), (&json!([]), &json!([])));
    let refused = &all["deliveries"][1];
    assert_eq!((&refused["state"], &refused["last_error"]), (&json!("undelivered"), &json!("554 no")));
    assert_eq!(refused["next_try"], Value::Null);
    let taken = &all["deliveries"][2];
    let expected = json!({
        "id": "n-1", "channel": "telegram", "kind": "alert", "state": "delivered",
        "subject": "🚨 EchoPilot Auto-Operator Alert", "created": "2025-10-17T13:58:48Z", "attempts": taken["attempts"],
        "next_try": null, "delivered_at": "2025-10-17T14:01:48Z", "answer": "message 7",
        "last_error": "rate limited (429): slow down", "merged_into": null,
        "incidents": [{"id": "i-1", "step": "opened"}],
        "tries": [{"at": "2025-10-17T13:59:48Z", "outcome": "later", "answer": "rate limited (429): slow down"},
                  {"at": "2025-10-17T14:01:48Z", "outcome": "delivered", "answer": "message 7"}],
    });
    assert_eq!(*taken, expected);
    let telegram = web.get("/api/deliveries?channel=telegram").await;
    for said in ["slow down", "message 7"] {
        assert!(!telegram.body.contains(said), "for holders of a token: {}", telegram.body);
    }
    let telegram = telegram.json();
    assert_eq!(ids(&telegram["deliveries"]), ["n-3", "n-1"]);
    let taken = &telegram["deliveries"][1];
    assert_eq!((&taken["answer"], &taken["last_error"]), (&Value::Null, &json!("rate_limited")));
    assert_eq!((&taken["tries"][0]["answer"], &taken["tries"][1]["answer"]), (&json!("rate_limited"), &Value::Null));
}

#[actix_web::test]
async fn hostile_texts_pass_through_as_they_are() {
    let web = web();
    let long = "x".repeat(10_000);
    let texts = ["<script>alert(1)</script>", "\u{202e}txet\u{202c} עברית", "🦀👩‍👩‍👧", "\"\\\u{7}\u{2028}", &long];
    for (number, text) in texts.into_iter().enumerate() {
        let id = format!("i-{number}");
        let (text, detail) = (text.to_owned(), text.to_owned());
        let hostile = Incident { text, detail, ..resolved(&id, IssueId::StuckJobs) };
        remember(&web.store, vec![hostile]).await;
        let shown = web.get_with("ops", &format!("/api/incidents/{id}")).await;
        assert_eq!((shown.status.as_u16(), shown.header("content-type")), (200, Some("application/json")));
        let shown = shown.json();
        assert_eq!((shown["text"].as_str(), shown["detail"].as_str()), (Some(texts[number]), Some(texts[number])));
    }
    assert_eq!(web.get("/api/incidents").await.json()["incidents"].as_array().map(Vec::len), Some(texts.len()));
}

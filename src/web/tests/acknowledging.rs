//! `POST /api/incidents/{id}/ack`: who has taken an incident on, and that everybody sees it at once.

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use super::history::{incident, remember};
use super::report::assert_problem;
use super::sample;
use super::support::{Choice, Told, Web};
use crate::domain::incident::{Acknowledgement, Incident, Phase};
use crate::domain::issue::IssueId;
use crate::domain::report::Overview;

/// A web that shows what its store holds: stuck jobs.
async fn web() -> (Web, Overview) {
    let web = Web::start(Choice { ops_token: Some("ops"), ..Choice::default() });
    let stuck = incident("i-1", IssueId::StuckJobs, Phase::Open);
    remember(&web.store, vec![stuck.clone()]).await;
    let mut overview = sample::well_at(Utc::now() - TimeDelta::seconds(30));
    overview.incidents = vec![stuck];
    web.publish(overview.clone());
    (web, overview)
}

async fn ack(web: &Web, id: &str, body: &str) -> Told {
    web.order("POST", &format!("/api/incidents/{id}/ack"), body).await
}

/// Who has acknowledged the incident that the report shows, as anybody and as the owner sees it.
async fn shown(web: &Web) -> [Value; 2] {
    let seen = |told: &Told| told.json()["incidents"][0]["acknowledged_by"].clone();
    [seen(&web.get("/ops-report").await), seen(&web.get_with("ops", "/ops-report").await)]
}

#[actix_web::test]
async fn whoever_takes_an_incident_on_is_seen_at_once_and_stays_the_one() {
    let (web, _) = web().await;
    assert_eq!(shown(&web).await, [Value::Null, Value::Null]);
    let told = ack(&web, "i-1", r#"{"by": "ada"}"#).await;
    assert_eq!((told.status.as_u16(), told.header("content-type")), (200, Some("application/json")));
    let acknowledged = told.json();
    assert_eq!((&acknowledged["id"], &acknowledged["acknowledged_by"]), (&json!("i-1"), &json!("ada")));
    assert!(acknowledged["acknowledged_at"].is_string());
    assert_eq!(shown(&web).await, ["ada", "ada"]);

    let told = ack(&web, "i-1", r#"{"by": "bob"}"#).await;
    assert_eq!((told.status.as_u16(), told.json()), (200, acknowledged));
    assert_eq!(shown(&web).await, ["ada", "ada"]);
    let listed = web.get("/api/incidents").await.json();
    assert_eq!(listed["incidents"][0]["acknowledged_by"], "ada");
}

#[actix_web::test]
async fn a_cycle_that_came_later_knows_better() {
    let (web, overview) = web().await;
    ack(&web, "i-1", r#"{"by": "ada"}"#).await;
    // One that had begun before has perhaps not read it.
    web.publish(overview.clone());
    assert_eq!(shown(&web).await, ["ada", "ada"]);
    let at = Utc::now() + TimeDelta::seconds(1);
    let cycle = |acknowledged| {
        let mut later = Overview { report: sample::well_at(at).report, ..overview.clone() };
        later.incidents[0].acknowledged = acknowledged;
        later
    };
    // It got worse, and the acknowledgement was taken back.
    web.publish(cycle(None));
    assert_eq!(shown(&web).await, [Value::Null, Value::Null]);
    web.publish(cycle(Some(Acknowledgement { by: "bob".into(), at })));
    assert_eq!(shown(&web).await, ["bob", "bob"]);
}

#[actix_web::test]
async fn nobody_has_to_say_who_they_are() {
    for body in ["", "{}", r#"{"by": null}"#] {
        let (web, _) = web().await;
        assert_eq!(ack(&web, "i-1", body).await.json()["acknowledged_by"], "operator", "{body}");
    }
    let (web, _) = web().await;
    let told = web.post("/api/incidents/i-1/ack", Some("ops")).await;
    assert_eq!(told.json()["acknowledged_by"], "operator", "no body and no type of one");
}

#[actix_web::test]
async fn only_what_is_there_can_be_taken_on() {
    let (web, _) = web().await;
    let over = Incident { resolved_at: Some(Utc::now()), ..incident("i-2", IssueId::NotionOffline, Phase::Resolved) };
    let recovering = incident("i-3", IssueId::OpenaiOffline, Phase::Recovering);
    remember(&web.store, vec![over, recovering]).await;
    assert_eq!(ack(&web, "i-3", "").await.json()["state"], "recovering");
    let told = ack(&web, "i-2", "").await;
    assert_problem(&told, 409, "This incident is not open: there is nothing to acknowledge.");
    let unknown = "There is no incident of this id; GET /api/incidents lists those there are.";
    for id in ["i-4", "%00", "i-1%00", "..%2Fi-1", "%F0%9F%A6%80", "%ff", "i-1'--", &"x".repeat(10_000)] {
        assert_problem(&ack(&web, id, "").await, 404, unknown);
        assert_problem(&web.get(&format!("/api/incidents/{id}")).await, 404, unknown);
    }
    assert_eq!(shown(&web).await, [Value::Null, Value::Null]);
}

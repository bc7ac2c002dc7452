//! What the report says of our own actors, and what people may do to them.

use actix_web::http::StatusCode;

use super::report::assert_problem;
use super::sample;
use super::support::{Choice, Web};
use crate::supervision::{self, ChildSpec, Event};

/// An actor that does nothing.
struct Idle;

impl actix::Actor for Idle {
    type Context = supervision::Context<Self>;
}

#[actix_web::test]
async fn an_actor_that_failed_is_in_the_report_with_its_reason_for_holders_of_a_token() {
    supervision::install_panic_hook();
    let choice = Choice { ops_token: Some("the-owner"), chaos: true, ..Choice::default() };
    let web = Web::showing(sample::well(), choice);
    let mut events = web.supervisor.events();
    web.supervisor.add(ChildSpec::new("notifier:telegram"), |_| Idle).unwrap();
    web.supervisor.add(ChildSpec::new("scheduler"), |_| Idle).unwrap();
    let mut until = async |wanted: fn(&Event) -> bool| while !wanted(&events.recv().await.unwrap()) {};
    until(|event| matches!(event, Event::Started { id, .. } if **id == *"scheduler")).await;

    let told = web.get("/ops-report").await.json();
    assert_eq!(
        told["supervision"][0],
        serde_json::json!({"actor": "scheduler", "state": "running", "restarts": 0, "last_failure": null,
                           "last_restart": null})
    );
    let harmed = web.post("/demo/actors/notifier:telegram/panic", None).await;
    assert_eq!((harmed.status, harmed.body.as_str()), (StatusCode::ACCEPTED, r#"{"status":"accepted"}"#));
    until(|event| matches!(event, Event::Started { generation: 2, .. })).await;
    let told = web.get("/ops-report").await.json();
    let actor = &told["supervision"][1];
    assert_eq!(
        (&actor["actor"], &actor["restarts"], &actor["last_failure"]),
        (&"notifier:telegram".into(), &1.into(), &"panic".into())
    );
    assert!(actor["last_restart"].is_string());
    let told = web.get_with("the-owner", "/ops-report").await.json();
    let reason = told["supervision"][1]["last_failure"].as_str().unwrap();
    assert!(reason.starts_with("panic at src/") && reason.ends_with("chaos"), "{reason}");
}

#[actix_web::test]
async fn an_actor_is_restarted_by_the_owner_and_harmed_in_the_demo_only() {
    let web = Web::showing(sample::well(), Choice { ops_token: Some("the-owner"), ..Choice::default() });
    web.supervisor.add(ChildSpec::new("health"), |_| Idle).unwrap();
    let restart = "/api/actors/health/restart";
    assert_eq!(web.post(restart, None).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(web.post(restart, Some("the-owner")).await.status, StatusCode::ACCEPTED);
    let nobody = web.post("/api/actors/nobody/restart", Some("the-owner")).await;
    assert_problem(&nobody, 404, "There is no such actor; the report lists those there are.");
    assert_problem(&web.post("/demo/actors/health/panic", None).await, 404, "There is nothing at this path.");
    let asked = web.get(restart).await;
    assert_problem(&asked, 405, "This path takes orders: POST.");
    assert_eq!(asked.header("allow"), Some("POST"));

    let demo = Web::showing(sample::well(), Choice { chaos: true, ..Choice::default() });
    demo.supervisor.add(ChildSpec::new("health"), |_| Idle).unwrap();
    let told = demo.post("/demo/actors/health/nuke", None).await;
    assert_problem(&told, 404, "The ways are panic, stop, hang and block.");
    assert_eq!(demo.post("/demo/actors/nobody/stop", None).await.status, StatusCode::NOT_FOUND);
    assert_eq!(demo.post("/api/actors/health/restart", None).await.status, StatusCode::FORBIDDEN);
}

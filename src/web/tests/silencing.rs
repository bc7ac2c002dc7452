//! Silences, from wish to end.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::report::assert_problem;
use super::support::{Choice, Web};

fn web() -> Web {
    Web::start(Choice { ops_token: Some("ops"), ..Choice::default() })
}

#[actix_web::test]
async fn a_silence_is_made_listed_and_ended() {
    let web = web();
    let before = Utc::now();
    let wish = r#"{"issue": "stuck_jobs", "for": "2h", "by": "ada", "reason": "backfill <b>🦀</b>"}"#;
    let told = web.order("POST", "/api/silences", wish).await;
    let silence = told.json();
    assert_eq!(told.status, 201, "{silence}");
    let id = silence["id"].as_str().unwrap();
    let location = format!("/api/silences/{id}");
    assert_eq!(told.header("location"), Some(location.as_str()));
    assert_eq!(
        (&silence["issue"], &silence["by"], &silence["reason"]),
        (&json!("stuck_jobs"), &json!("ada"), &json!("backfill <b>🦀</b>"))
    );
    let until: DateTime<Utc> = silence["until"].as_str().unwrap().parse().unwrap();
    assert!((until - before - TimeDelta::hours(2)).abs() < TimeDelta::minutes(1), "{until}");

    assert_eq!(web.get_with("ops", "/api/silences").await.json(), json!({"silences": [silence]}));
    assert_eq!(web.get_with("ops", &location).await.json(), silence);
    let public = web.get("/api/silences").await.json();
    assert_eq!(public["silences"][0]["reason"], Value::Null, "for holders of a token");
    assert_eq!(public["silences"][0]["by"], "ada");

    let ended = web.order("DELETE", &location, "").await;
    assert_eq!((ended.status.as_u16(), ended.body.as_str(), ended.header("content-type")), (204, "", None));
    assert_eq!(ended.header("cache-control"), Some("no-store"));
    assert_eq!(web.get("/api/silences").await.json(), json!({"silences": []}));
    let unknown = "There is no silence of this id, or it is over; GET /api/silences lists those there are.";
    assert_problem(&web.order("DELETE", &location, "").await, 404, unknown);
    assert_problem(&web.get(&location).await, 404, unknown);
    for id in ["%00", "..%2Fx", &"x".repeat(10_000)] {
        assert_problem(&web.order("DELETE", &format!("/api/silences/{id}"), "").await, 404, unknown);
        assert_problem(&web.get(&format!("/api/silences/{id}")).await, 404, unknown);
    }
}

#[actix_web::test]
async fn one_that_says_nothing_of_the_issue_is_for_all_of_them_and_one_that_has_run_out_is_gone() {
    let web = web();
    let told = web.order("POST", "/api/silences", r#"{"for": "1ms"}"#).await;
    assert_eq!((told.status.as_u16(), &told.json()["issue"]), (201, &Value::Null));
    assert_eq!((&told.json()["by"], &told.json()["reason"]), (&json!("operator"), &Value::Null));
    let until: DateTime<Utc> = told.json()["until"].as_str().unwrap().parse().unwrap();
    tokio::time::sleep((until - Utc::now()).to_std().unwrap_or_default()).await;
    assert_eq!(web.get("/api/silences").await.json(), json!({"silences": []}));
}

#[actix_web::test]
async fn there_is_a_bound_to_silences() {
    let web = web();
    for _ in 0..100 {
        assert_eq!(web.order("POST", "/api/silences", r#"{"for": "1h"}"#).await.status, 201);
    }
    let told = web.order("POST", "/api/silences", r#"{"for": "1h"}"#).await;
    assert_problem(&told, 409, "There are 100 silences already: end some of them first.");
    assert_eq!(web.get("/api/silences").await.json()["silences"].as_array().map(Vec::len), Some(100));
}

#[actix_web::test]
async fn an_empty_wish_and_one_for_an_issue_that_is_none_are_told_what_to_say() {
    let web = web();
    let how_long = r#"Say for how long: {"for": "2h"}, or {"until": "2025-10-17T16:00:00Z"}."#;
    for wish in ["", "{}", r#"{"issue": "stuck_jobs"}"#] {
        assert_problem(&web.order("POST", "/api/silences", wish).await, 400, how_long);
    }
    let told = web.order("POST", "/api/silences", r#"{"for": "2h", "issue": "<script>"}"#).await;
    let detail = told.json()["detail"].as_str().unwrap().to_owned();
    assert_eq!(told.status, 400);
    assert!(detail.starts_with("There is no issue `<script>`; there are openai_offline, notion_offline, stuck_jobs"));
    assert!(detail.ends_with("undelivered:email, undelivered:telegram, undelivered:notion."), "{detail}");
    assert_eq!(web.get("/api/silences").await.json(), json!({"silences": []}));
}

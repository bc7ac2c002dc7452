//! The web as its callers see it: the report, its details for holders of a token, no side effects.

use std::time::{Duration, Instant};

use auto_operator::demo::Fault;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::channels::{mails, telegrams};
use crate::support::service::{Answer, bearer};
use crate::support::{Home, OPS_TOKEN, Service, now, section};

/// What every answer has.
fn is_guarded(answer: &Answer) {
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ] {
        assert_eq!(answer.header(name), value, "{name} of {:?}", answer.headers);
    }
}

/// The answer is a problem with this status.
fn is_problem(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{:?}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let problem = answer.json();
    assert_eq!(problem["status"], status, "{problem}");
    assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
    is_guarded(answer);
}

#[actix_rt::test]
async fn the_report_is_200_when_all_is_well_and_503_when_not() {
    let home = Home::well();
    let service = home.serve().await;
    service.cycle().await;
    let well = service.get("/ops-report").await;
    assert_eq!((well.status.as_u16(), &well.json()["overall_ok"]), (200, &json!(true)));
    assert_eq!(well.header("content-type"), "application/json");
    is_guarded(&well);
    home.world.jobs_get_stuck(3, now());
    service.cycle().await;
    let stuck = service.get("/ops-report").await;
    assert_eq!((stuck.status.as_u16(), &stuck.json()["overall_ok"]), (503, &json!(false)));
    is_guarded(&stuck);
    let head = service.ask("HEAD", "/ops-report", &[]).await;
    assert_eq!((head.status.as_u16(), head.body.len()), (503, 0));
}

#[actix_rt::test]
async fn the_report_has_the_keys_of_the_contract_in_their_order() {
    let home = Home::well();
    home.world.jobs_get_stuck(1, now());
    let service = home.serve().await;
    service.cycle().await;
    let answer = service.ask("GET", "/ops-report", &[("authorization", &bearer(OPS_TOKEN))]).await;
    let text = String::from_utf8(answer.body.clone()).unwrap();
    let keys = [
        "timestamp",
        "health",
        "openai",
        "notion",
        "metrics",
        "total_24h",
        "done_24h",
        "low_qa_count",
        "avg_qa_24h",
        "warnings",
        "stuck_jobs_count",
        "overall_ok",
        "issues",
        "service",
        "checks",
        "incidents",
        "stuck_jobs",
    ];
    let mut from = 0;
    for key in keys {
        let at = text[from..].find(&format!("\"{key}\":")).unwrap_or_else(|| panic!("no {key} after {from} in {text}"));
        from += at + key.len();
    }
    let report = answer.json();
    let job = &report["stuck_jobs"][0];
    assert_eq!((&job["name"], &job["status"]), (&json!("Blog outline 1000"), &json!("Processing")));
    assert!(job["url"].as_str().unwrap().starts_with("https://"), "{job}");
    assert!(job["last_edited"].as_str().unwrap().ends_with(":00Z"), "{job}");
    let incident = &report["incidents"][0];
    assert_eq!((&incident["severity"], &incident["acknowledged_by"]), (&json!("warning"), &Value::Null));
    assert_eq!(incident["since"].as_str().map(str::len), Some("2025-10-17T13:58:48Z".len()));
    let names: Vec<_> = report["checks"].as_array().unwrap().iter().map(|check| check["name"].clone()).collect();
    assert_eq!(names, ["health", "metrics", "stuck_jobs"]);
    assert!(section(&report, "health")["took_ms"].is_u64() && section(&report, "health")["error"].is_null());
}

#[actix_rt::test]
async fn names_links_and_error_texts_are_for_holders_of_a_token() {
    let home = Home::well();
    home.world.jobs_get_stuck(3, now());
    home.world.openai.revoke_key();
    let service = home.serve().await;
    let owner = service.cycle().await;
    assert_eq!(owner["stuck_jobs"].as_array().map(Vec::len), Some(3));
    assert!(section(&owner, "health")["error"].as_str().unwrap().starts_with("OpenAI unauthorized (401): "));
    let public = service.get("/ops-report").await;
    assert_eq!(public.json()["stuck_jobs"], json!([]));
    assert_eq!(section(&public.json(), "health")["error"], "unauthorized");
    let text = String::from_utf8(public.body).unwrap();
    assert!(!text.contains("Blog outline") && !text.contains("https://") && !text.contains("API key"), "{text}");
}

#[actix_rt::test]
async fn before_the_first_cycle_is_complete_the_report_waits_for_it() {
    let mut home = Home::well();
    home.set("REQUEST_TIMEOUT", "4s");
    home.world.openai.set_fault(Some(Fault::Delay(Duration::from_secs(1))));
    let service = home.serve().await;
    is_problem(&service.get("/readyz").await, 503);
    assert_eq!(service.get("/healthz").await.status, 200, "alive, and not ready yet");
    let waiting = join_all((0..5).map(|_| service.get("/ops-report"))).await;
    assert!(waiting.iter().all(|answer| answer.status == 200));
    assert_eq!(service.get("/readyz").await.status, 200);
    assert_eq!(home.world.openai.requests().count(), 1, "they all had the same one");
}

#[actix_rt::test]
async fn two_hundred_questions_change_nothing_and_ask_nobody_outside() {
    let mut home = Home::well();
    home.world.jobs_get_stuck(3, now());
    home.unset(&["NOTION_STATUS_DB_ID"]);
    let service = home.serve().await;
    service.cycle().await;
    let world = &home.world;
    telegrams(world, 1).await;
    mails(world, 1).await;
    service.delivered().await;
    let asked =
        || [world.notion.requests().count(), world.openai.requests().count(), world.telegram.requests().count()];
    let (before, first) = (asked(), service.report().await);
    for _ in 0..10 {
        let answers =
            join_all((0..20).map(|number| service.get(["/ops-report", "/readyz", "/healthz"][number % 3]))).await;
        assert!(answers.iter().all(|answer| answer.status == 503 || answer.status == 200));
    }
    assert_eq!((asked(), service.report().await), (before, first));
    let cycles = service.log.all().iter().filter(|line| line.contains(" ms: ")).count();
    assert_eq!((cycles, home.world.smtp.mails().count()), (2, 1));
}

#[actix_rt::test]
async fn a_refresh_needs_the_owner_and_whoever_comes_meanwhile_shares_it() {
    let mut home = Home::well();
    home.set("OPS_READ_TOKEN", "somebody-who-reads");
    home.set("REQUEST_TIMEOUT", "4s");
    home.without("NOTION");
    let service = home.serve().await;
    service.ask("GET", "/ops-report", &[("authorization", "Bearer somebody-who-reads")]).await;
    let before = home.world.openai.requests().count();
    for (token, status) in [(None, 401), (Some("somebody-who-reads"), 403), (Some("a wrong one"), 401)] {
        let header = token.map(bearer);
        let headers: Vec<_> = header.iter().map(|value| ("authorization", value.as_str())).collect();
        let answer = service.ask("GET", "/ops-report?refresh=1", &headers).await;
        is_problem(&answer, status);
        assert_eq!(answer.header("www-authenticate").starts_with("Bearer"), status == 401);
    }
    is_problem(&service.get("/ops-report").await, 401);
    is_problem(&refresh(&service, "/ops-report?refresh=yes").await, 400);
    assert_eq!(home.world.openai.requests().count(), before, "nobody of them had anything done");

    home.world.openai.set_fault(Some(Fault::Delay(Duration::from_millis(800))));
    let begun = Instant::now();
    let answers = join_all((0..10).map(|_| refresh(&service, "/ops-report?refresh=1"))).await;
    assert!(begun.elapsed() < Duration::from_millis(2_400), "{:?}", begun.elapsed());
    assert_eq!(home.world.openai.requests().count(), before + 1);
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.body == answers[0].body));
}

async fn refresh(service: &Service, path: &str) -> Answer {
    service.ask("GET", path, &[("authorization", &bearer(OPS_TOKEN))]).await
}

#[actix_rt::test]
async fn without_an_ops_token_nothing_can_be_changed() {
    let mut home = Home::well();
    home.unset(&["OPS_TOKEN"]);
    let service = home.serve().await;
    assert_eq!(service.get("/ops-report").await.status, 200);
    is_problem(&service.get("/ops-report?refresh=1").await, 403);
    is_problem(&refresh(&service, "/ops-report?refresh=1").await, 403);
}

#[actix_rt::test]
async fn too_many_wrong_tokens_from_one_address_are_refused_for_a_while() {
    let home = Home::well();
    let service = home.serve().await;
    for _ in 0..10 {
        is_problem(&service.ask("GET", "/ops-report", &[("authorization", "Bearer guess")]).await, 401);
    }
    let refused = service.ask("GET", "/ops-report", &[("authorization", "Bearer guess")]).await;
    is_problem(&refused, 429);
    assert!(!refused.header("retry-after").is_empty());
    assert_eq!(service.get("/ops-report").await.status, 200, "what needs no token is served");
}

#[actix_rt::test]
async fn whatever_else_is_asked_is_a_problem() {
    let home = Home::well();
    let service = home.serve().await;
    for (method, path, status) in [
        ("GET", "/nothing", 404),
        ("GET", "/ops-report/", 404),
        ("GET", "/../etc/passwd", 404),
        ("POST", "/ops-report", 405),
        ("DELETE", "/ops-report?refresh=1", 405),
        ("PUT", "/healthz", 405),
        ("POST", "/demo/actors/health/panic", 404),
    ] {
        is_problem(&service.ask(method, path, &[("authorization", &bearer(OPS_TOKEN))]).await, status);
    }
}

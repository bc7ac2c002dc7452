//! What is served: the report, and whether we are alive and ready.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::http::StatusCode;
use chrono::Utc;

use super::sample;
use super::support::{Choice, Cycle, Told, Web};
use crate::domain::notice::NoticeKind;
use crate::store::{Ledger, Notice};
use crate::web::Ping;

pub(super) fn assert_problem(told: &Told, status: u16, detail: &str) {
    assert_eq!(told.status.as_u16(), status, "{}", told.body);
    assert_eq!(told.header("content-type"), Some("application/problem+json"));
    let problem = told.json();
    assert_eq!((&problem["type"], &problem["status"]), (&"about:blank".into(), &status.into()));
    assert_eq!(problem["title"].as_str(), told.status.canonical_reason());
    assert_eq!(problem["detail"], detail);
}

#[actix_web::test]
async fn the_report_is_200_when_all_is_well_and_503_when_not() {
    let web = Web::showing(sample::well_at(Utc::now()), Choice::default());
    let told = web.get("/ops-report").await;
    assert_eq!((told.status, told.header("content-type")), (StatusCode::OK, Some("application/json")));
    assert_eq!(told.header("cache-control"), Some("no-store"));
    assert_eq!(told.json()["overall_ok"], true);

    let mut ill = sample::ill();
    ill.report.timestamp = Utc::now();
    web.publish(ill);
    let told = web.get("/ops-report").await;
    assert_eq!((told.status, told.header("content-type")), (StatusCode::SERVICE_UNAVAILABLE, Some("application/json")));
    assert_eq!(told.json()["stuck_jobs_count"], 137);
    assert_eq!(web.cycles_asked.load(Ordering::SeqCst), 0, "looking starts no cycle");
}

#[actix_web::test]
async fn a_report_grows_stale_while_nobody_looks() {
    let web = Web::showing(sample::well_at(Utc::now() - Duration::from_secs(26 * 60 + 5)), Choice::default());
    let told = web.get("/ops-report").await;
    assert_eq!(told.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(told.json()["issues"], serde_json::json!(["⚪ Last check was 26 minutes ago"]));
    assert_eq!(told.json()["overall_ok"], false);
    let figures = ["jobs", "qa_average_ratio", "party_up", "incidents_open{"];
    let scrape = async || web.get("/metrics").await.body;
    let has = |scraped: &str, name: &str| scraped.contains(&format!("\nauto_operator_{name}"));
    let stale = scrape().await;
    assert_eq!(figures.map(|name| has(&stale, name)), [false; 4], "nobody knows them any more: {stale}");
    assert!(has(&stale, "last_cycle_age_seconds 156") && has(&stale, "well 0"), "{stale}");

    web.publish(sample::well_at(Utc::now()));
    assert_eq!(web.get("/ops-report").await.status, StatusCode::OK);
    let fresh = scrape().await;
    assert_eq!(figures.map(|name| has(&fresh, name)), [true; 4], "{fresh}");
    assert!(has(&fresh, "well 1"), "{fresh}");
}

#[actix_web::test]
async fn what_waits_for_a_channel_is_shown_as_it_is_now_and_not_as_of_the_last_cycle() {
    let web = Web::showing(sample::well_at(Utc::now()), Choice::default());
    assert_eq!(web.get("/ops-report").await.json()["delivery"][0]["state"], serde_json::Value::Null);
    assert!(!web.get("/metrics").await.body.contains("channel=\"email\",state="), "nothing is known yet");
    assert!(web.get("/").await.body.contains("not known yet"));

    let ledger = Ledger::new(web.store.clone());
    web.deliveries.refresh(&ledger).await;
    let told = web.get("/ops-report").await;
    let email = serde_json::json!({"channel": "email", "state": "ok", "pending": 0, "last_delivered": null,
                                   "last_error": null});
    assert_eq!(told.json()["delivery"], serde_json::json!([email]));
    let notice = Notice {
        id: "n1".into(),
        channel: "email".into(),
        kind: NoticeKind::Alert,
        subject: String::new(),
        body: String::new(),
        thread: None,
        created: Utc::now(),
        incidents: vec![],
        content: None,
        not_before: None,
    };
    ledger.post(vec![notice]).await.unwrap();
    web.deliveries.refresh(&ledger).await;
    assert_eq!(web.get("/ops-report").await.json()["delivery"][0]["pending"], 1);
}

#[actix_web::test]
async fn the_first_report_is_waited_for() {
    let web = Web::start(Choice::default());
    let publish = async {
        // The request is known to wait once it holds a receiver of its own.
        while web.reports.receiver_count() < 2 {
            tokio::task::yield_now().await;
        }
        web.publish(sample::well_at(Utc::now()));
    };
    let (told, ()) = tokio::join!(web.get("/ops-report"), publish);
    assert_eq!(told.status, StatusCode::OK);
}

#[actix_web::test]
async fn without_a_first_report_the_wait_ends_with_a_problem() {
    let web = Web::start(Choice { patience: Duration::from_millis(50), ..Choice::default() });
    let told = web.get("/ops-report").await;
    assert_problem(&told, 503, "No cycle is complete yet.");
    assert_eq!(told.header("retry-after"), Some("5"));
}

#[actix_web::test]
async fn whoever_may_can_have_a_cycle_run() {
    let fresh = Arc::new(sample::well_at(Utc::now()));
    let cycle = Cycle::Gives(Some(fresh));
    let web = Web::showing(sample::ill(), Choice { ops_token: Some("ops"), cycle, ..Choice::default() });
    let told = web.get_with("ops", "/ops-report?refresh=1").await;
    assert_eq!(told.status, StatusCode::OK, "{}", told.body);
    assert_eq!(web.cycles_asked.load(Ordering::SeqCst), 1);
}

#[actix_web::test]
async fn a_cycle_that_fails_or_takes_too_long_is_a_problem() {
    let still_running = "The cycle is still running after 0s; ask again without refresh.";
    for (cycle, detail) in [(Cycle::Gives(None), "The cycle could not be completed."), (Cycle::Hangs, still_running)] {
        let patience = Duration::from_millis(50);
        let choice = Choice { ops_token: Some("ops"), cycle, patience, ..Choice::default() };
        let told = Web::start(choice).get_with("ops", "/ops-report?refresh=1").await;
        assert_problem(&told, 503, detail);
        assert_eq!(told.header("retry-after"), Some("5"));
    }
}

#[actix_web::test]
async fn head_is_get_without_the_body() {
    let web = Web::showing(sample::well_at(Utc::now()), Choice::default());
    for path in ["/ops-report", "/healthz", "/readyz", "/nothing"] {
        let (head, get) = (web.ask("HEAD", path, &[]).await, web.get(path).await);
        assert_eq!((head.status, head.body.as_str()), (get.status, ""), "{path}");
        assert_eq!(head.header("content-length"), get.header("content-length"), "{path}");
    }
}

#[actix_web::test]
async fn every_answer_has_its_headers_and_none_says_what_we_are_built_with() {
    let web = Web::showing(sample::ill(), Choice { ops_token: Some("ops"), ..Choice::default() });
    for (method, path) in [
        ("GET", "/ops-report"),
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/nothing"),
        ("POST", "/ops-report"),
        ("GET", "/ops-report?refresh=1"),
    ] {
        let told = web.ask(method, path, &[]).await;
        for (name, value) in [
            ("cache-control", "no-store"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(told.header(name), Some(value), "{method} {path}");
        }
        assert_eq!(told.header("server"), None);
    }
}

#[actix_web::test]
async fn what_is_not_there_is_404_and_what_cannot_be_done_is_405() {
    let web = Web::showing(sample::well_at(Utc::now()), Choice::default());
    for path in
        ["/nothing", "/ops-report/", "/OPS-REPORT", "/metrics/", "/%00", "//ops-report", "/ops-report/../healthz"]
    {
        for method in ["GET", "POST"] {
            assert_problem(&web.ask(method, path, &[]).await, 404, "There is nothing at this path.");
        }
    }
    for path in ["/ops-report", "/ops-report?refresh=1", "/healthz", "/readyz"] {
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"] {
            let told = web.ask(method, path, &[]).await;
            assert_problem(&told, 405, "This path can only be read: GET or HEAD.");
            assert_eq!(told.header("allow"), Some("GET, HEAD"));
        }
    }
    assert_problem(&web.get("/ops-report?refresh=yes").await, 400, "refresh is either left out or 1.");
}

#[actix_web::test]
async fn we_are_healthy_as_long_as_the_watch_lives() {
    let web = Web::start(Choice::default());
    let told = web.get("/healthz").await;
    assert_eq!((told.status, told.body.as_str()), (StatusCode::OK, r#"{"status":"ok"}"#));
    web.supervisor.stop_all(Duration::from_secs(5)).await;
    assert_problem(&web.get("/healthz").await, 503, "The supervisor of the actors does not live.");
}

#[actix_web::test]
async fn we_are_ready_once_a_cycle_is_complete_and_the_database_answers() {
    let broken = || -> Ping { Arc::new(|| Box::pin(async { Err("no such file: /secret/place".into()) })) };
    let silent: Ping = Arc::new(|| Box::pin(std::future::pending()));
    let both = "No cycle is complete yet, and the database does not answer.";
    for (seen, ping, detail, missing) in [
        (false, None, "No cycle is complete yet.", &["cycle"][..]),
        (true, Some(broken()), "The database does not answer.", &["database"]),
        (true, Some(silent), "The database does not answer.", &["database"]),
        (false, Some(broken()), both, &["cycle", "database"]),
    ] {
        let web = Web::start(Choice { ping: ping.unwrap_or(Choice::default().ping), ..Choice::default() });
        if seen {
            web.publish(sample::ill());
        }
        let told = web.get("/readyz").await;
        assert_problem(&told, 503, detail);
        assert_eq!(told.json()["missing"], serde_json::json!(missing));
    }
    let ready = Web::showing(sample::ill(), Choice::default()).get("/readyz").await;
    assert_eq!((ready.status, ready.body.as_str()), (StatusCode::OK, r#"{"status":"ok"}"#));
}

#[actix_web::test]
async fn a_crowd_that_asks_whether_we_are_ready_asks_the_database_once() {
    let asked = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let count = Arc::clone(&asked);
    let ping: Ping = Arc::new(move || {
        count.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(()) })
    });
    let web = Web::showing(sample::ill(), Choice { ping, ..Choice::default() });
    let crowd = (0..20).map(|_| web.get("/readyz"));
    for told in futures_util::future::join_all(crowd).await {
        assert_eq!(told.status, StatusCode::OK);
    }
    assert!(asked.load(Ordering::SeqCst) <= 2, "{asked:?}");
}

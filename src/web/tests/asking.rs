//! Who may ask for what.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::report::assert_problem;
use super::sample;
use super::support::{Choice, Cycle, Web};
use crate::actors::leadership::Standing;

fn web(ops_token: Option<&'static str>, read_token: Option<&'static str>) -> Web {
    let cycle = Cycle::Gives(Some(Arc::new(sample::ill())));
    Web::showing(sample::ill(), Choice { ops_token, read_token, cycle, ..Choice::default() })
}

/// What came of a request: the status, and whether the jobs are named.
async fn outcome(web: &Web, path: &str, authorization: Option<&str>) -> (u16, bool) {
    let headers: Vec<_> = authorization.map(|value| ("Authorization", value)).into_iter().collect();
    let told = web.ask("GET", path, &headers).await;
    let challenge = told.header("www-authenticate");
    let expected = (told.status.as_u16() == 401).then_some("Bearer realm=\"auto-operator\"");
    assert_eq!(challenge, expected, "{path} {authorization:?}");
    let named = told.body.contains("Summarise the interview");
    if !matches!(told.status.as_u16(), 200 | 503) {
        assert_eq!(told.header("content-type"), Some("application/problem+json"));
    }
    (told.status.as_u16(), named)
}

#[actix_web::test]
async fn each_token_opens_what_it_is_for() {
    let (plain, refresh) = ("/ops-report", "/ops-report?refresh=1");
    // The sample is ill, so that a report is a 503.
    let (open, named) = ((503, false), (503, true));
    let (unauthorized, forbidden) = ((401, false), (403, false));
    for (ops, read, path, authorization, expected) in [
        (None, None, plain, None, open),
        (None, None, plain, Some("Bearer any"), unauthorized),
        (None, None, refresh, None, forbidden),
        (None, None, refresh, Some("Bearer any"), forbidden),
        (Some("ops"), None, plain, None, open),
        (Some("ops"), None, plain, Some("Bearer ops"), named),
        (Some("ops"), None, plain, Some("bearer ops"), named),
        (Some("ops"), None, plain, Some("Bearer opss"), unauthorized),
        (Some("ops"), None, plain, Some("ops"), unauthorized),
        (Some("ops"), None, plain, Some("Basic dXNlcjpwYXNz"), open),
        (Some("ops"), None, refresh, None, unauthorized),
        (Some("ops"), None, refresh, Some("Bearer no"), unauthorized),
        (Some("ops"), None, refresh, Some("Bearer ops"), named),
        (None, Some("read"), plain, None, unauthorized),
        (None, Some("read"), plain, Some("Bearer read"), named),
        (None, Some("read"), refresh, Some("Bearer read"), forbidden),
        (Some("ops"), Some("read"), plain, None, unauthorized),
        (Some("ops"), Some("read"), plain, Some("Bearer ops"), named),
        (Some("ops"), Some("read"), plain, Some("Basic dXNlcjpwYXNz"), unauthorized),
        (Some("ops"), Some("read"), refresh, Some("Bearer read"), forbidden),
        (Some("ops"), Some("read"), refresh, Some("Bearer ops"), named),
    ] {
        let web = web(ops, read);
        let came = outcome(&web, path, authorization).await;
        assert_eq!(came, expected, "{ops:?} {read:?} {path} {authorization:?}");
        let cycles = u32::from(path == refresh && expected == named);
        assert_eq!(web.cycles_asked.load(Ordering::SeqCst), cycles, "{ops:?} {read:?} {path} {authorization:?}");
    }
}

#[actix_web::test]
async fn without_a_configured_token_it_is_said_which_one_to_set() {
    let told = web(None, None).get("/ops-report?refresh=1").await;
    assert!(told.json()["detail"].as_str().unwrap().contains("set OPS_TOKEN"), "{}", told.body);
}

#[actix_web::test]
async fn details_are_never_served_to_the_next_who_asks_without_a_token() {
    let web = web(Some("ops"), None);
    for (authorization, expected) in
        [(Some("Bearer ops"), true), (None, false), (Some("Bearer ops"), true), (None, false)]
    {
        assert_eq!(outcome(&web, "/ops-report", authorization).await, (503, expected));
    }
}

#[actix_web::test]
async fn whoever_guesses_is_slowed_down_and_nobody_else_is() {
    let web = web(Some("ops"), None);
    let from = |address: &'static str, authorization: &'static str| {
        let headers = [("X-Forwarded-For", address), ("Authorization", authorization)];
        let web = &web;
        async move { web.ask("GET", "/ops-report", &headers).await }
    };
    for _ in 0..10 {
        assert_eq!(from("192.0.2.1", "Bearer guess").await.status, 401);
    }
    for (address, authorization) in
        [("192.0.2.1", "Bearer guess"), ("192.0.2.1", "Bearer ops"), ("203.0.113.9, 192.0.2.1", "Bearer ops")]
    {
        let told = from(address, authorization).await;
        assert_eq!(told.status, 429, "{address} {authorization}");
        let wait: u64 = told.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
        assert_eq!(told.header("content-type"), Some("application/problem+json"));
    }
    assert_eq!(from("192.0.2.2", "Bearer ops").await.status, 503, "another address");
    assert_eq!(web.ask("GET", "/ops-report", &[("X-Forwarded-For", "192.0.2.1")]).await.status, 503, "no token");
}

#[actix_web::test]
async fn health_and_readiness_are_open_whatever_is_shown() {
    let web = web(Some("ops"), Some("read"));
    for _ in 0..12 {
        for path in ["/healthz", "/readyz"] {
            assert_eq!(web.get_with("wrong", path).await.status, 200);
        }
    }
    assert_eq!(web.get_with("ops", "/ops-report").await.status, 503, "none of it was counted");
}

#[actix_web::test]
async fn who_stands_by_shows_the_report_and_runs_no_cycle() {
    let standing = Standing::Following { leader: Some("web.1-4-0a1b2c3d".into()) };
    let choice = Choice { ops_token: Some("ops"), standing, ..Choice::default() };
    let web = Web::showing(sample::well_at(chrono::Utc::now()), choice);
    assert_eq!(web.get("/ops-report").await.status, 200);
    let refused = web.get_with("ops", "/ops-report?refresh=1").await;
    let detail = "This instance stands by, and cycles are run by the one that leads: web.1-4-0a1b2c3d.";
    assert_problem(&refused, 503, detail);
    assert!(refused.header("retry-after").is_some());
    assert_eq!(web.cycles_asked.load(Ordering::SeqCst), 0);
}

//! `/metrics`: what Prometheus reads, against what is so in the world; the sample rules and the dashboard against it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use auto_operator::demo::Fault;
use serde_json::Value;

use crate::support::channels::{mails, telegrams};
use crate::support::service::{Service, bearer};
use crate::support::{Home, OPS_TOKEN, now};

/// The samples of a scrape, by name and labels as they are written.
type Samples = BTreeMap<String, f64>;

/// What is scraped, once promtool has nothing to say about it.
async fn scrape(service: &Service) -> Samples {
    let answer = service.get("/metrics").await;
    assert_eq!(answer.status, 200, "{:?}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    promtool(&["check", "metrics"], &answer.body);
    samples(&String::from_utf8(answer.body).unwrap())
}

fn samples(text: &str) -> Samples {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.replace("auto_operator_", ""), value.parse().unwrap())
        })
        .collect()
}

/// Lets promtool, of Debian's package prometheus, look at `input`: it finds nothing.
fn promtool(arguments: &[&str], input: &[u8]) {
    let mut command = Command::new("promtool");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut promtool = command.spawn().expect(
        "promtool is not installed, and what Prometheus reads has to be tested with it: it is in Debian's package \
         prometheus (tests/run takes it from there)",
    );
    promtool.stdin.take().unwrap().write_all(input).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.trim().is_empty(), "{said}\n{}", String::from_utf8_lossy(input));
}

fn document(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)).unwrap()
}

/// The names of metrics, as queries in `text` use them.
fn queried(text: &str) -> BTreeSet<String> {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let words = text.split(|letter| !is_name(letter)).filter(|word| word.starts_with("auto_operator_"));
    words.map(str::to_owned).collect()
}

#[actix_rt::test]
async fn figures_are_those_of_the_world_and_pass_promtool() {
    let mut home = Home::on_demand();
    home.world.has_the_sample_jobs(now());
    home.set("GIT_COMMIT", "2fcff5b");
    let service = home.serve().await;
    service.cycle().await;
    mails(&home.world, 1).await;
    telegrams(&home.world, 1).await;
    let report = service.delivered().await;
    let found = scrape(&service).await;
    let figure = |name: &str| report["metrics"][name].as_f64().unwrap();
    let average = figure("avg_qa_24h") / 100.0;
    assert!((found["qa_average_ratio"] - average).abs() < 0.000_5 + f64::EPSILON, "{found:#?}");
    let version = env!("CARGO_PKG_VERSION");
    for (name, expected) in [
        ("jobs", figure("total_24h")),
        ("jobs_done", figure("done_24h")),
        ("jobs_low_qa", figure("low_qa_count")),
        ("jobs_stuck", report["stuck_jobs_count"].as_f64().unwrap()),
        (r#"party_up{party="openai"}"#, 1.0),
        (r#"party_up{party="notion"}"#, 1.0),
        ("well", 0.0),
        ("leading", 1.0),
        (r#"incidents_open{issue="stuck_jobs",severity="warning"}"#, 1.0),
        (r#"incidents_open{issue="openai_offline",severity="critical"}"#, 0.0),
        (r#"incidents_opened_total{issue="stuck_jobs",severity="warning"}"#, 1.0),
        (r#"notices_total{channel="telegram",outcome="delivered"}"#, 1.0),
        (r#"notices_total{channel="email",outcome="undelivered"}"#, 0.0),
        (r#"delivery_lag_seconds_count{channel="email"}"#, 1.0),
        (r#"notices_pending{channel="email"}"#, 0.0),
        (r#"channel_state{channel="email",state="ok"}"#, 1.0),
        (r#"actor_state{actor="scheduler",state="running"}"#, 1.0),
        (r#"actor_restarts_total{actor="scheduler",reason="panic"}"#, 0.0),
        (&format!(r#"build_info{{commit="2fcff5b",version="{version}"}}"#), 1.0),
    ] {
        assert_eq!(found.get(name), Some(&expected), "{name} in {found:#?}");
    }
    let looks = found[r#"check_duration_seconds_count{check="health"}"#];
    for party in ["openai", "notion"] {
        assert_eq!(found[&format!(r#"probe_duration_seconds_count{{party="{party}"}}"#)], looks, "{party}");
    }
    for age in ["last_cycle_age_seconds", "last_complete_cycle_age_seconds"] {
        assert!((0.0..600.0).contains(&found[age]), "{age}");
    }
    let age = now().timestamp_millis() as f64 / 1_000.0 - found["process_start_time_seconds"];
    assert!((0.0..600.0).contains(&age), "{age}");
}

#[actix_rt::test]
async fn what_is_unknown_is_absent_and_never_0() {
    let mut home = Home::well();
    home.without("OPENAI");
    home.set("REQUEST_TIMEOUT", "4s");
    home.world.notion.set_fault(Some(Fault::Hang));
    let service = home.serve().await;
    let before = scrape(&service).await;
    let of_reports = ["jobs", "well", "party_up", "last_c", "qa_", "incidents_open{", "notices_pending", "channel_"];
    let known: Vec<_> = before.keys().filter(|name| of_reports.iter().any(|prefix| name.starts_with(prefix))).collect();
    assert!(known.is_empty(), "before the first cycle: {known:?}");
    home.world.notion.set_fault(Some(Fault::Reset));
    service.cycle().await;
    let blind = scrape(&service).await;
    assert_eq!(blind.get(r#"party_up{party="notion"}"#), Some(&0.0));
    let known: Vec<_> = blind.keys().filter(|name| name.starts_with("jobs") || name.starts_with("qa_")).collect();
    assert!(known.is_empty() && !blind.contains_key(r#"party_up{party="openai"}"#), "{blind:#?}");
    assert!(blind[r#"checks_total{check="metrics",outcome="unknown"}"#] >= 1.0);
    assert!(!blind.keys().any(|name| name.starts_with("probe_duration")), "nobody has answered: {blind:#?}");
    // Those that could not look have done what they could.
    assert!(blind[r#"cycles_total{outcome="complete"}"#] >= 1.0, "{blind:#?}");
    home.world.notion.set_fault(None);
    service.cycle().await;
    let seen = scrape(&service).await;
    assert_eq!((seen["jobs"], seen["jobs_stuck"]), (20.0, 0.0), "what is 0 is said to be 0");
}

#[actix_rt::test]
async fn a_party_that_is_slow_does_not_make_the_other_one_look_slow() {
    let home = Home::well();
    home.world.notion.set_fault_on("/v1/users/me", Some(Fault::Delay(Duration::from_millis(600))));
    let service = home.serve().await;
    service.cycle().await;
    let found = scrape(&service).await;
    let quick = |party| found[&format!(r#"probe_duration_seconds_bucket{{party="{party}",le="0.5"}}"#)];
    assert_eq!(quick("notion"), 0.0, "{found:#?}");
    assert!(quick("openai") >= 1.0, "{found:#?}");
}

#[actix_rt::test]
async fn counters_go_on_from_cycle_to_cycle_and_paths_are_patterns() {
    let home = Home::well();
    let service = home.serve().await;
    service.cycle().await;
    let before = scrape(&service).await;
    service.cycles(2).await;
    for path in ["/api/incidents/no-such", "/api/incidents/neither", "/nothing/here", "/wp-login.php"] {
        assert_eq!(service.get(path).await.status, 404);
    }
    let restarted = service.order("POST", "/api/actors/health/restart", &Value::Null).await;
    assert_eq!(restarted.status, 202);
    service
        .report_with(|report| report["supervision"].as_array().unwrap().iter().any(|actor| actor["restarts"] == 1))
        .await;
    let after = scrape(&service).await;
    let grown = |name: &str| after[name] - before.get(name).copied().unwrap_or_default();
    for (name, by) in [
        (r#"cycles_total{outcome="complete"}"#, 2.0),
        (r#"checks_total{check="health",outcome="ok"}"#, 2.0),
        (r#"checks_total{check="health",outcome="failing"}"#, 0.0),
        (r#"check_duration_seconds_count{check="stuck_jobs"}"#, 2.0),
        (r#"http_requests_total{handler="/api/incidents/{id}",status="4xx"}"#, 2.0),
        (r#"http_requests_total{handler="none",status="4xx"}"#, 2.0),
        (r#"http_requests_total{handler="/metrics",status="2xx"}"#, 1.0),
        (r#"actor_restarts_total{actor="health",reason="manual"}"#, 1.0),
    ] {
        assert_eq!(grown(name), by, "{name} in {after:#?}");
    }
    assert!(!after.keys().any(|name| name.contains("wp-login") || name.contains("no-such")), "{after:#?}");
}

#[actix_rt::test]
async fn a_channel_that_refuses_is_counted_as_that() {
    let mut home = Home::well();
    home.without("SMTP");
    home.unset(&["NOTION_STATUS_DB_ID"]);
    home.world.jobs_get_stuck(3, now());
    home.world.telegram.fault_next(1, Fault::Status { code: 400, retry_after: None, body: None });
    // Its first cycle tells; a second one would try the channel anew.
    let service = home.serve().await;
    service.report_with(|report| report["delivery"][0]["state"] == "failing").await;
    let found = scrape(&service).await;
    for (name, expected) in [
        (r#"notices_total{channel="telegram",outcome="undelivered"}"#, 1.0),
        (r#"notices_total{channel="telegram",outcome="delivered"}"#, 0.0),
        (r#"channel_state{channel="telegram",state="failing"}"#, 1.0),
    ] {
        assert_eq!(found.get(name), Some(&expected), "{name} in {found:#?}");
    }
    // Who does not hear of what was seen makes the watch incomplete.
    service.cycle().await;
    let later = scrape(&service).await;
    assert_eq!(later[r#"cycles_total{outcome="incomplete"}"#] - found[r#"cycles_total{outcome="incomplete"}"#], 1.0);
    assert!(later["last_complete_cycle_age_seconds"] >= later["last_cycle_age_seconds"], "{later:#?}");
    assert!(
        !found.keys().any(|name| name.contains("channel=\"email")),
        "a channel that is off has no series: {found:#?}"
    );
}

#[actix_rt::test]
async fn a_scrape_needs_the_reading_token_if_there_is_one_and_asks_nobody_outside() {
    let mut home = Home::well();
    home.set("OPS_READ_TOKEN", "only-for-reading");
    let service = home.serve().await;
    service.cycle().await;
    let asked = || (home.world.notion.requests().count(), home.world.openai.requests().count());
    service.delivered().await;
    let before = asked();
    assert_eq!(service.get("/metrics").await.status, 401);
    for token in ["only-for-reading", OPS_TOKEN] {
        let answer = service.ask("GET", "/metrics", &[("authorization", &bearer(token))]).await;
        assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-store"));
        let text = String::from_utf8(answer.body).unwrap();
        assert!(!text.contains(OPS_TOKEN) && !text.contains("only-for-reading"));
    }
    assert_eq!(asked(), before);
}

#[actix_rt::test]
async fn rules_and_dashboard_ask_for_nothing_that_is_not_there() {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/prometheus/alerts.yml");
    promtool(&["check", "rules", rules.to_str().unwrap()], b"");
    let dashboard: Value = serde_json::from_str(&document("grafana/auto-operator.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    assert!(panels.iter().all(|panel| panel["targets"][0]["expr"].is_string()), "a panel without a query");

    let home = Home::well();
    home.world.jobs_get_stuck(1, now());
    let service = home.serve().await;
    service.cycle().await;
    telegrams(&home.world, 1).await;
    service.delivered().await;
    let found = scrape(&service).await;
    let there: BTreeSet<String> =
        found.keys().map(|name| format!("auto_operator_{}", name.split('{').next().unwrap())).collect();
    let asked = queried(&format!("{dashboard}\n{}", document("prometheus/alerts.yml")));
    assert!(asked.len() > 15, "{asked:?}");
    assert_eq!(asked.difference(&there).collect::<Vec<_>>(), Vec::<&String>::new(), "nothing has these names");
}

//! What is watched misbehaves in every way: the report says so, in time and by name; people are told; the service lives on.

use std::time::Duration;

use auto_operator::demo::Fault;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::channels::{ALERT, RESOLVED, telegrams};
use crate::support::{Home, Service, issues, section};

/// The limits of these tests: whatever never ends is seen after the first, and a check is over after the second.
const REQUEST_TIMEOUT: Duration = Duration::from_millis(700);
const CHECK_TIMEOUT: Duration = Duration::from_secs(3);

/// What the contract allows for a report.
const REPORT_LIMIT: Duration = Duration::from_secs(3 + 5);

/// However large an answer, the process does not grow by more.
const GROWTH_MIB: u64 = 48;

/// A fault, and the kinds that name it.
type Named = (Fault, &'static [&'static str]);

/// Each way to misbehave, and how the report may call it.
fn every_fault() -> Vec<Named> {
    let status = |code, retry_after| Fault::Status { code, retry_after, body: None };
    vec![
        (Fault::status(401), &["unauthorized"]),
        (Fault::status(403), &["forbidden"]),
        (Fault::status(404), &["not_found"]),
        (status(429, Some(1)), &["rate_limited"]),
        (status(429, Some(3_600)), &["rate_limited"]),
        (status(429, None), &["rate_limited"]),
        (Fault::status(500), &["server_fault"]),
        (Fault::status(529), &["server_fault"]),
        (Fault::Html { code: 200 }, &["garbage"]),
        (Fault::Html { code: 502 }, &["server_fault", "garbage"]),
        (Fault::HalfJson, &["garbage"]),
        (Fault::HugeBody { bytes: 50 << 20 }, &["garbage", "timeout"]),
        (Fault::Drip { every: Duration::from_secs(1) }, &["timeout"]),
        (Fault::Reset, &["connection"]),
        (Fault::Hang, &["timeout"]),
        (Fault::WrongContentType, &["garbage"]),
        (Fault::Redirect { to: "https://example.org/".into() }, &["garbage"]),
    ]
}

/// Shares the faults out to several services: the requests of a minute to Notion are limited, and so is our time.
async fn shared_out<F: Future<Output = ()>>(meets_all: impl Fn(Vec<Named>) -> F) {
    const SERVICES: usize = 8;
    let share = |service| every_fault().into_iter().skip(service).step_by(SERVICES).collect();
    join_all((0..SERVICES).map(share).map(meets_all)).await;
}

/// A home in which one good look is enough to be well again.
fn home() -> Home {
    let mut home = Home::well();
    home.set("RESOLVE_AFTER", "1");
    home.set("CHECK_TIMEOUT", &format!("{}s", CHECK_TIMEOUT.as_secs()));
    home.set("REQUEST_TIMEOUT", &format!("{}ms", REQUEST_TIMEOUT.as_millis()));
    home.without("SMTP");
    home.unset(&["NOTION_STATUS_DB_ID"]);
    home
}

/// A cycle that meets `fault` in the check `check`; its report, which came in time and names the fault.
async fn meets(service: &Service, check: &str, state: &str, (fault, kinds): &Named) -> Value {
    let (report, took) = service.cycle_took().await;
    assert!(took < REPORT_LIMIT, "{fault:?} held up the report for {took:?}");
    let section = section(&report, check);
    assert_eq!(section["state"], state, "{fault:?}: {report:#}");
    assert_eq!(report["overall_ok"], false, "{fault:?}");
    // Without a token an error is reduced to its kind.
    let public = service.get("/ops-report").await.json();
    let kind = crate::support::section(&public, check)["error"].as_str().unwrap_or_default().to_owned();
    assert!(kinds.contains(&kind.as_str()), "{fault:?} is called {kind:?}, and in full {}", section["error"]);
    report
}

/// The alert of the outage `round` has come: what is over before it was sent would be one message with its all-clear.
async fn alerted(home: &Home, round: usize) {
    telegrams(&home.world, 2 * round + 1).await;
}

/// The two messages of one outage, the `round`th from 0 on.
async fn told(home: &Home, round: usize, line: &str) {
    let messages = telegrams(&home.world, 2 * round + 2).await;
    let [.., alert, resolved] = messages.as_slice() else { panic!("two messages") };
    assert!(alert.text.starts_with(ALERT) && alert.text.contains(line), "{}", alert.text);
    assert!(resolved.text.starts_with(RESOLVED) && resolved.text.contains(line), "{}", resolved.text);
}

fn is_well(report: &Value, after: &Fault) {
    assert_eq!((&report["overall_ok"], &report["issues"]), (&json!(true), &json!([])), "after {after:?}: {report:#}");
}

#[actix_rt::test]
async fn whatever_openai_does_it_is_offline_by_name_and_comes_back() {
    shared_out(openai_is_offline).await;
}

async fn openai_is_offline(faults: Vec<Named>) {
    let mut home = home();
    home.without("NOTION");
    let service = home.serve().await;
    is_well(&service.cycle().await, &Fault::Hang);
    let memory = service.peak_mib();
    for (round, named) in faults.into_iter().enumerate() {
        home.world.openai.set_fault(Some(named.0.clone()));
        let report = meets(&service, "health", "failing", &named).await;
        assert_eq!(issues(&report), ["❌ OpenAI integration offline"], "{named:?}");
        assert_eq!(report["health"], json!({"openai": false, "notion": null}), "{named:?}");
        alerted(&home, round).await;
        home.world.openai.set_fault(None);
        is_well(&service.cycle().await, &named.0);
        told(&home, round, "❌ OpenAI integration offline").await;
    }
    let grown = service.peak_mib().saturating_sub(memory);
    assert!(grown < GROWTH_MIB, "grown by {grown} MiB");
}

#[actix_rt::test]
async fn whatever_notion_does_it_is_offline_by_name_and_comes_back() {
    shared_out(notion_is_offline).await;
}

async fn notion_is_offline(faults: Vec<Named>) {
    let mut home = home();
    home.without("OPENAI");
    let service = home.serve().await;
    is_well(&service.cycle().await, &Fault::Hang);
    let memory = service.peak_mib();
    for (round, named) in faults.into_iter().enumerate() {
        home.world.notion.set_fault(Some(named.0.clone()));
        let report = meets(&service, "health", "failing", &named).await;
        assert_eq!(issues(&report), ["❌ Notion integration offline"], "{named:?}: {report:#}");
        assert_eq!(report["health"], json!({"openai": null, "notion": false}), "{named:?}");
        nothing_is_known(&report, &["metrics", "stuck_jobs"], &named.0);
        alerted(&home, round).await;
        home.world.notion.set_fault(None);
        is_well(&service.cycle().await, &named.0);
        told(&home, round, "❌ Notion integration offline").await;
    }
    let grown = service.peak_mib().saturating_sub(memory);
    assert!(grown < GROWTH_MIB, "grown by {grown} MiB");
}

/// The figures of `checks` are unknown: not zero, not those of before.
fn nothing_is_known(report: &Value, checks: &[&str], fault: &Fault) {
    for check in checks {
        assert_eq!(section(report, check)["state"], "unknown", "{fault:?}: {report:#}");
    }
    let metrics = &report["metrics"];
    for figure in ["total_24h", "done_24h", "low_qa_count", "avg_qa_24h"] {
        assert_eq!(metrics[figure], Value::Null, "{figure} with {fault:?}");
    }
    assert_eq!(metrics["warnings"], json!([]), "{fault:?}");
    assert_eq!((&report["stuck_jobs_count"], &report["stuck_jobs"]), (&Value::Null, &json!([])), "{fault:?}");
}

#[actix_rt::test]
async fn when_the_queries_alone_fail_their_figures_are_unknown() {
    shared_out(the_queries_are_blind).await;
}

/// Only the queries fail: the token is good, and nothing may pass for "no jobs".
async fn the_queries_are_blind(faults: Vec<Named>) {
    let mut home = home();
    home.without("OPENAI");
    let service = home.serve().await;
    is_well(&service.cycle().await, &Fault::Hang);
    let memory = service.peak_mib();
    for (round, named) in faults.into_iter().enumerate() {
        home.world.notion.set_fault_on("/query", Some(named.0.clone()));
        let report = meets(&service, "metrics", "unknown", &named).await;
        is_named(&report, "stuck_jobs", &named);
        nothing_is_known(&report, &["metrics", "stuck_jobs"], &named.0);
        let lines = issues(&report);
        let expected = ["⚪ Job metrics unknown: Notion ", "⚪ Stuck jobs unknown: Notion "];
        let fits = lines.iter().zip(expected).all(|(line, start)| line.starts_with(start));
        assert!(lines.len() == 2 && fits, "{named:?}: {lines:?}");
        alerted(&home, round).await;
        home.world.notion.set_fault_on("/query", None);
        is_well(&service.cycle().await, &named.0);
        told(&home, round, "⚪ Job metrics unknown: Notion ").await;
    }
    let grown = service.peak_mib().saturating_sub(memory);
    assert!(grown < GROWTH_MIB, "grown by {grown} MiB");
}

/// The section calls the fault by its name, in the words for holders of a token.
fn is_named(report: &Value, check: &str, (fault, kinds): &Named) {
    let error = section(report, check)["error"].as_str().unwrap_or_default();
    let words = kinds.iter().map(|kind| kind.replace('_', " "));
    assert!(words.clone().any(|words| error.contains(&words)), "{fault:?} is called {error:?}");
}

#[actix_rt::test]
async fn a_blip_is_no_outage() {
    join_all([Fault::status(500), Fault::Reset, Fault::Hang, Fault::Html { code: 502 }].map(blips)).await;
}

async fn blips(fault: Fault) {
    let mut home = home();
    home.without("NOTION");
    let service = home.serve().await;
    service.cycle().await;
    home.world.openai.fault_next(1, fault.clone());
    is_well(&service.cycle().await, &fault);
    home.world.openai.set_fault(Some(fault.clone()));
    assert_eq!(issues(&service.cycle().await), ["❌ OpenAI integration offline"], "{fault:?}");
    telegrams(&home.world, 1).await;
}

#[actix_rt::test]
async fn an_empty_account_is_seen_by_the_chat_probe_and_called_so() {
    let mut home = home();
    home.set("OPENAI_PROBE", "chat");
    home.without("NOTION");
    let service = home.serve().await;
    is_well(&service.cycle().await, &Fault::Hang);
    home.world.openai.quota_exhausted();
    let named: Named = (Fault::status(429), &["quota_exhausted"]);
    meets(&service, "health", "failing", &named).await;
    home.world.openai.comes_back();
    is_well(&service.cycle().await, &named.0);
}

#[actix_rt::test]
async fn of_an_answer_without_end_only_the_beginning_is_kept() {
    let mut home = home();
    home.set("REQUEST_TIMEOUT", "3s");
    home.without("NOTION");
    let service = home.serve().await;
    service.cycle().await;
    let memory = service.peak_mib();
    // There is time enough to read all of it.
    let named: Named = (Fault::HugeBody { bytes: 150 << 20 }, &["garbage"]);
    home.world.openai.set_fault(Some(named.0.clone()));
    meets(&service, "health", "failing", &named).await;
    let grown = service.peak_mib().saturating_sub(memory);
    assert!(grown < GROWTH_MIB, "grown by {grown} MiB");
}

#[actix_rt::test]
async fn a_cycle_takes_as_long_as_its_slowest_check_and_not_the_sum() {
    let mut home = home();
    home.set("REQUEST_TIMEOUT", "3s");
    let service = home.serve().await;
    service.cycle().await;
    let slow = Fault::Delay(Duration::from_millis(1_000));
    home.world.openai.set_fault(Some(slow.clone()));
    home.world.notion.set_fault(Some(slow.clone()));
    let (report, took) = service.cycle_took().await;
    is_well(&report, &slow);
    // Health asks both parties, the metrics and the stuck jobs once each: one after the other it would be four seconds.
    assert!(took < Duration::from_millis(2_500), "{took:?}");
}

#[actix_rt::test]
async fn with_the_world_gone_everything_is_unknown_and_nothing_is_zero() {
    let mut home = home();
    home.set("NOTION_BASE_URL", "http://127.0.0.1:1");
    home.set("OPENAI_BASE_URL", "http://127.0.0.1:1/v1");
    let service = home.serve().await;
    let report = service.cycle().await;
    assert_eq!(issues(&report), ["❌ OpenAI integration offline", "❌ Notion integration offline"]);
    nothing_is_known(&report, &["metrics", "stuck_jobs"], &Fault::Reset);
    let alert = &telegrams(&home.world, 1).await[0].text;
    for line in ["Total jobs (24h): unknown", "Done jobs: unknown", "Avg QA: unknown", "Stuck jobs: unknown"] {
        assert!(alert.contains(line), "{alert}");
    }
}

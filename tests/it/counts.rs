//! Counts are complete or they are unknown, however many jobs there are and however their databases are laid out.

use std::time::Duration;

use auto_operator::demo::notion::{JobRow, PropertyKind, Schema, job_log_schema};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::{Ended, Home, issues, now, section};

/// A home in which `check` has the time that it needs, and nobody is told.
fn home() -> Home {
    let mut home = Home::on_demand();
    home.set("CHECK_TIMEOUT", "20s");
    home.set("REQUEST_TIMEOUT", "10s");
    for party in ["OPENAI", "SMTP", "TELEGRAM"] {
        home.without(party);
    }
    home.unset(&["NOTION_STATUS_DB_ID"]);
    home
}

/// One look at everything.
async fn look(home: &Home) -> Value {
    home.run(&["check", "--dry-run"]).await.json()
}

/// A job that nobody has touched for so many minutes.
fn job(name: &str, status: Option<&str>, qa: Option<f64>, idle: i64) -> JobRow {
    let last_edited = now() - TimeDelta::minutes(idle);
    let (name, status) = (name.to_owned(), status.map(str::to_owned));
    JobRow { name, status, qa, created: last_edited - TimeDelta::minutes(1), last_edited }
}

/// The Job Log with another property for the status.
fn schema_with_status(kind: &PropertyKind) -> Schema {
    let mut schema = job_log_schema();
    schema.iter_mut().filter(|(name, _)| name == "Status").for_each(|(_, old)| *old = kind.clone());
    schema
}

#[actix_rt::test]
async fn a_hundred_and_twenty_stuck_jobs_are_a_hundred_and_twenty_in_every_version() {
    for version in ["2022-06-28", "2025-09-03", "2026-03-11"] {
        let mut home = home();
        home.set("NOTION_VERSION", version);
        home.world.has_good_jobs(230, now());
        home.world.jobs_get_stuck(120, now());
        // Pages that are shorter than what was asked for are no end.
        home.world.notion.short_pages(Some(37));
        let report = look(&home).await;
        assert_eq!(report["stuck_jobs_count"], 120, "{version}: {report:#}");
        assert_eq!(report["stuck_jobs"].as_array().map(Vec::len), Some(120), "{version}");
        assert_eq!((&report["metrics"]["total_24h"], &report["metrics"]["done_24h"]), (&json!(350), &json!(207)));
    }
}

#[actix_rt::test]
async fn ten_thousand_jobs_are_ten_thousand() {
    let home = home();
    home.world.has_good_jobs(10_000, now());
    let report = look(&home).await;
    assert_eq!((&report["metrics"]["total_24h"], &report["metrics"]["done_24h"]), (&json!(10_000), &json!(9_000)));
    assert_eq!((&report["stuck_jobs_count"], &report["overall_ok"]), (&json!(0), &json!(true)));
}

#[actix_rt::test]
async fn more_jobs_than_can_be_read_in_time_are_unknown_and_not_a_short_count() {
    let home = home();
    home.world.has_good_jobs(12_500, now());
    let report = look(&home).await;
    assert_eq!(section(&report, "metrics")["state"], "unknown", "{report:#}");
    assert_eq!((&report["metrics"]["total_24h"], &report["overall_ok"]), (&Value::Null, &json!(false)));
    assert!(issues(&report)[0].starts_with("⚪ Job metrics unknown: Notion "), "{:?}", issues(&report));
}

#[actix_rt::test]
async fn rows_without_their_contents_make_the_figures_unknown() {
    let home = home();
    home.world.has_good_jobs(20, now());
    home.world.jobs_get_stuck(20, now());
    home.world.notion.partial_pages(Some(7));
    let report = look(&home).await;
    assert_eq!((&report["metrics"]["total_24h"], &report["stuck_jobs_count"]), (&Value::Null, &Value::Null));
    assert_eq!(section(&report, "metrics")["state"], "unknown");
}

#[actix_rt::test]
async fn stuck_jobs_are_looked_for_in_both_databases() {
    let mut home = home();
    let queue = vec![
        ("Task Name".to_owned(), PropertyKind::Title),
        ("Status".to_owned(), PropertyKind::status(&["Queued"], &["Processing"], &["Done", "Failed"])),
    ];
    let queue = home.world.notion.create_database("Automation Queue", queue);
    home.set("AUTOMATION_QUEUE_DB_ID", &queue.to_string());
    home.world.jobs_get_stuck(3, now());
    let tasks = [("a", "Queued", 40), ("b", "Processing", 50), ("c", "Done", 60), ("d", "Queued", 5)];
    home.world.notion.add_jobs(queue, tasks.map(|(name, status, idle)| job(name, Some(status), None, idle)));
    let report = look(&home).await;
    assert_eq!((&report["stuck_jobs_count"], &report["metrics"]["total_24h"]), (&json!(5), &json!(3)));

    // Where one of the two cannot be read, the sum is not known.
    home.world.notion.unshare(queue);
    let report = look(&home).await;
    assert_eq!((&report["stuck_jobs_count"], &report["metrics"]["total_24h"]), (&Value::Null, &json!(3)));
    assert_eq!(issues(&report)[0], "⚪ Stuck jobs unknown: Notion not found (404)");
}

#[actix_rt::test]
async fn one_database_under_two_names_counts_each_job_once() {
    let mut home = home();
    let id = home.world.job_log.to_string();
    home.set("AUTOMATION_QUEUE_DB_ID", &format!("https://www.notion.so/team/Job-Log-{}?v=1", id.replace('-', "")));
    home.world.jobs_get_stuck(3, now());
    assert_eq!(look(&home).await["stuck_jobs_count"], 3);
    // The data source of a database is yet another name of the same rows.
    let source = home.world.notion.data_sources(home.world.job_log)[0];
    home.set("AUTOMATION_QUEUE_DB_ID", &source.to_string());
    assert_eq!(look(&home).await["stuck_jobs_count"], 3);
}

#[actix_rt::test]
async fn the_status_may_be_a_status_property_and_scores_and_names_anything() {
    let mut home = home();
    let kind = PropertyKind::status(&["Queued"], &["Processing"], &["Done", "Failed"]);
    let database = home.world.notion.create_database("Job Log", schema_with_status(&kind));
    home.set("JOB_LOG_DB_ID", &database.to_string());
    let jobs = [
        job("done", Some("Done"), Some(90.0), 45),
        job("failed", Some("Failed"), Some(0.0), 45),
        job("", None, None, 45),
        job("<b>&amp; \u{202e}\u{1f6a8}", Some("Processing"), None, 45),
        job("fresh", Some("Processing"), None, 29),
    ];
    home.world.notion.add_jobs(database, jobs);
    let report = look(&home).await;
    assert_eq!(report["stuck_jobs_count"], 2, "one without a status is as stuck as any: {report:#}");
    assert_eq!((&report["metrics"]["total_24h"], &report["metrics"]["done_24h"]), (&json!(5), &json!(1)));
    assert_eq!((&report["metrics"]["avg_qa_24h"], &report["metrics"]["low_qa_count"]), (&json!(45.0), &json!(1)));
}

#[actix_rt::test]
async fn without_a_job_or_a_score_an_average_is_unknown_and_not_zero() {
    let home = home();
    let report = look(&home).await;
    assert_eq!((&report["metrics"]["total_24h"], &report["metrics"]["avg_qa_24h"]), (&json!(0), &Value::Null));
    assert_eq!((&report["overall_ok"], &report["stuck_jobs_count"]), (&json!(true), &json!(0)));
    assert_eq!(report["health"], json!({"openai": null, "notion": true}));
}

#[actix_rt::test]
async fn the_names_of_done_and_of_the_end_can_be_chosen() {
    let mut home = home();
    home.set("STATUS_DONE", "Shipped, Published");
    home.set("STATUS_TERMINAL", "Dropped");
    let statuses = ["Shipped", "Published", "Dropped", "Done", "Failed"];
    home.world.notion.add_jobs(home.world.job_log, statuses.map(|status| job(status, Some(status), None, 45)));
    let report = look(&home).await;
    assert_eq!((&report["metrics"]["done_24h"], &report["stuck_jobs_count"]), (&json!(2), &json!(2)));
}

/// The check could not look because of the database's layout, and says by name what it misses.
fn misses(report: &Value, check: &str, words: &[&str]) {
    let section = section(report, check);
    assert_eq!(section["state"], "unknown", "{report:#}");
    let error = section["error"].as_str().unwrap_or_default();
    assert!(error.starts_with("Notion schema mismatch"), "{error}");
    words.iter().for_each(|word| assert!(error.contains(word), "no {word} in: {error}"));
}

#[actix_rt::test]
async fn a_property_that_is_missing_or_of_another_type_is_said_by_name() {
    let mut home = home();
    home.world.has_good_jobs(20, now());
    home.set("JOB_QA_PROPERTY", "Quality");
    let report = look(&home).await;
    misses(&report, "metrics", &["no property \"Quality\"", "\"QA Score\""]);
    assert_eq!(report["stuck_jobs_count"], 0, "which needs no score");
    home.set("JOB_QA_PROPERTY", "Notes");
    misses(&look(&home).await, "metrics", &["property \"Notes\" is of type rich_text", "number"]);
    home.set("JOB_STATUS_PROPERTY", "Zustand");
    let report = look(&home).await;
    misses(&report, "metrics", &["no property \"Zustand\"", "\"Status\""]);
    misses(&report, "stuck_jobs", &["no property \"Zustand\""]);
    assert_eq!(
        issues(&report),
        ["⚪ Job metrics unknown: Notion schema mismatch", "⚪ Stuck jobs unknown: Notion schema mismatch"]
    );
}

#[actix_rt::test]
async fn a_property_that_is_renamed_under_a_running_service_is_missed_by_name_and_found_again() {
    let home = home();
    home.world.has_good_jobs(20, now());
    home.world.jobs_get_stuck(2, now());
    let service = home.serve().await;
    assert_eq!(service.cycle().await["stuck_jobs_count"], 2);
    let (notion, log) = (&home.world.notion, home.world.job_log);
    notion.rename_property(log, "Status", "State");
    let report = service.cycle().await;
    misses(&report, "metrics", &["no property \"Status\"", "\"State\""]);
    misses(&report, "stuck_jobs", &["no property \"Status\"", "\"State\""]);
    notion.rename_property(log, "State", "Status");
    assert_eq!(service.cycle().await["metrics"]["done_24h"], 18);
    notion.remove_property(log, "QA Score");
    misses(&service.cycle().await, "metrics", &["no property \"QA Score\""]);
}

#[actix_rt::test]
async fn of_several_data_sources_the_choices_are_named() {
    let mut home = home();
    home.world.has_good_jobs(20, now());
    let second = home.world.notion.add_data_source(home.world.job_log, "Old jobs", job_log_schema());
    let first = home.world.notion.data_sources(home.world.job_log)[0];
    let choices = [first.to_string(), second.to_string()];
    let report = look(&home).await;
    misses(&report, "metrics", &["several data sources", &choices[0], &choices[1], "\"Old jobs\""]);
    home.set("NOTION_VERSION", "2022-06-28");
    misses(&look(&home).await, "metrics", &["several data sources", &choices[0], &choices[1], "newer version"]);
    home.set("NOTION_VERSION", "2025-09-03");
    home.set("JOB_LOG_DB_ID", &choices[0]);
    assert_eq!(look(&home).await["metrics"]["total_24h"], 20);
}

#[actix_rt::test]
async fn a_database_that_is_not_shared_is_not_empty() {
    let home = home();
    home.world.notion.unshare(home.world.job_log);
    let ended: Ended = home.run(&["check", "--dry-run"]).await;
    let report = ended.json();
    assert_eq!((ended.code, &report["health"]["notion"]), (Some(1), &json!(true)));
    assert_eq!((&report["metrics"]["total_24h"], &report["stuck_jobs_count"]), (&Value::Null, &Value::Null));
    assert_eq!(section(&report, "metrics")["state"], "unknown");
    assert_eq!(issues(&report)[0], "⚪ Job metrics unknown: Notion not found (404)");
}

#[actix_rt::test]
async fn a_reading_that_is_refused_half_way_is_no_count() {
    let home = home();
    home.world.has_good_jobs(350, now());
    let service = home.serve().await;
    assert_eq!(service.cycle().await["metrics"]["total_24h"], 350);
    // Four pages are needed, and there are three for everybody.
    home.world.notion.limit_per(3, Duration::from_secs(3_600));
    let report = service.cycle().await;
    assert_eq!((&report["metrics"]["total_24h"], &report["overall_ok"]), (&Value::Null, &json!(false)), "{report:#}");
    home.world.notion.lift_limit();
    assert_eq!(service.cycle().await["metrics"]["total_24h"], 350);
}

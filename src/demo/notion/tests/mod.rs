//! The stand-in of Notion, over real HTTP: what it refuses is as important as what it answers.

mod querying;
mod versions;
mod writing;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::super::test_client::{Seen, call};
use super::*;

const V2022: &str = "2022-06-28";
const V2025: &str = "2025-09-03";
const V2026: &str = "2026-03-11";

fn noon() -> DateTime<Utc> {
    "2026-11-24T12:00:42Z".parse().unwrap()
}

fn job(number: usize, status: Option<&str>, qa: Option<f64>) -> JobRow {
    let created = noon() - TimeDelta::minutes(number as i64);
    JobRow { name: format!("Job {number}"), status: status.map(str::to_owned), qa, created, last_edited: created }
}

async fn ask(notion: &Notion, version: &str, method: &str, path: &str, body: &Value) -> Seen {
    let token = format!("Bearer {}", notion.token());
    let headers = [("Authorization", token.as_str()), ("Notion-Version", version)];
    call(method, &format!("{}/v1/{path}", notion.url()), &headers, body).await
}

/// A Job Log and the path of its query.
fn job_log(notion: &Notion) -> (DatabaseId, String) {
    let database = notion.create_database("Job Log", job_log_schema());
    let path = format!("data_sources/{}/query", notion.data_sources(database)[0]);
    (database, path)
}

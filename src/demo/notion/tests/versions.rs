//! Versions, ids, tokens and the rate limit.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::super::test_client::call;
use super::super::*;
use super::{V2022, V2025, V2026, ask, job};

#[actix_web::test]
async fn each_version_has_its_own_endpoints_and_ids() {
    let notion = Notion::start().unwrap();
    let database = notion.create_database("Job Log", job_log_schema());
    let source = notion.data_sources(database)[0];
    notion.add_job(database, job(0, Some("Done"), None));
    let plain = database.to_string().replace('-', "");
    let none = Value::Null;
    let empty = json!({});
    for (version, method, path, body, status, code) in [
        (V2022, "GET", format!("databases/{plain}"), &none, 200, ""),
        (V2022, "POST", format!("databases/{database}/query"), &empty, 200, ""),
        (V2022, "GET", format!("data_sources/{source}"), &none, 400, "invalid_request_url"),
        (V2022, "POST", format!("data_sources/{source}/query"), &empty, 400, "invalid_request_url"),
        (V2025, "GET", format!("data_sources/{source}"), &none, 200, ""),
        (V2025, "POST", format!("databases/{database}/query"), &empty, 400, "invalid_request_url"),
        (V2025, "POST", format!("data_sources/{database}/query"), &empty, 404, "object_not_found"),
        (V2026, "POST", format!("data_sources/{source}/query"), &empty, 200, ""),
        (V2026, "GET", format!("databases/{source}"), &none, 404, "object_not_found"),
        (V2026, "GET", "databases/job-log".to_owned(), &none, 400, "validation_error"),
        ("2024-01-01", "GET", "users/me".to_owned(), &none, 400, "validation_error"),
        ("", "GET", "users/me".to_owned(), &none, 400, "missing_version"),
        (V2026, "GET", "users/me".to_owned(), &none, 200, ""),
        (V2026, "DELETE", "users/me".to_owned(), &none, 400, "invalid_request_url"),
    ] {
        let seen = ask(&notion, version, method, &path, body).await;
        assert_eq!((seen.status, seen.body["code"].as_str().unwrap_or_default()), (status, code), "{version} {path}");
        assert_eq!(seen.body["request_id"].as_str(), Some(seen.header("x-notion-request-id")));
    }

    let old = ask(&notion, V2022, "GET", &format!("databases/{database}"), &none).await.body;
    let new = ask(&notion, V2025, "GET", &format!("databases/{database}"), &none).await.body;
    assert_eq!((&old["properties"]["Status"]["type"], &old["data_sources"]), (&json!("select"), &none));
    assert_eq!((&new["data_sources"][0]["id"], &new["properties"]), (&json!(source.to_string()), &none));
    let row = |list: &Value| list["results"][0].clone();
    let old = ask(&notion, V2022, "POST", &format!("databases/{database}/query"), &empty).await.body;
    let new = ask(&notion, V2026, "POST", &format!("data_sources/{source}/query"), &empty).await.body;
    assert_eq!((&old["type"], &new["type"]), (&json!("page_or_database"), &json!("page_or_data_source")));
    assert_eq!(row(&old)["parent"], json!({"type": "database_id", "database_id": database.to_string()}));
    assert_eq!(row(&new)["parent"]["data_source_id"], json!(source.to_string()));
    assert_eq!((row(&old)["archived"].as_bool(), row(&new)["archived"].as_bool()), (Some(false), None));

    let second = notion.add_data_source(database, "Archive", job_log_schema());
    for (method, path) in [("GET", format!("databases/{database}")), ("POST", format!("databases/{database}/query"))] {
        let body = if method == "GET" { &none } else { &empty };
        let seen = ask(&notion, V2022, method, &path, body).await.body;
        assert_eq!(seen["additional_data"]["error_type"], "multiple_data_sources_for_database");
        assert_eq!(seen["additional_data"]["child_data_source_ids"], json!([source.to_string(), second.to_string()]));
    }

    notion.unshare(database);
    for path in [format!("databases/{database}"), format!("data_sources/{source}")] {
        assert_eq!(ask(&notion, V2025, "GET", &path, &none).await.body["code"], "object_not_found");
    }
    notion.accept_token("ntn_other");
    let wrong =
        call("GET", &format!("{}/v1/users/me", notion.url()), &[("Authorization", "Bearer ntn_x")], &none).await;
    assert_eq!((wrong.status, wrong.body["code"].as_str()), (401, Some("unauthorized")));
}

#[actix_web::test]
async fn more_requests_than_the_limit_are_told_how_long_to_wait() {
    let notion = Notion::start().unwrap();
    notion.limit_per(2, Duration::from_secs(600));
    let none = Value::Null;
    for _ in 0..2 {
        assert_eq!(ask(&notion, V2025, "GET", "users/me", &none).await.status, 200);
    }
    let seen = ask(&notion, V2025, "GET", "users/me", &none).await;
    let wait: u64 = seen.header("retry-after").parse().unwrap();
    assert_eq!((seen.status, seen.body["code"].as_str()), (429, Some("rate_limited")));
    assert_eq!(seen.body["additional_data"]["retry_after"], wait.to_string());
    assert!((500..=600).contains(&wait));
    notion.lift_limit();
    assert_eq!(ask(&notion, V2025, "GET", "users/me", &none).await.status, 200);
}

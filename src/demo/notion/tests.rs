//! The stand-in of Notion, over real HTTP: what it refuses is as important as what it answers.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

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

/// Follows the cursors to the end; every page that came, as its results and whether it said that it is incomplete.
async fn all_pages(notion: &Notion, path: &str, body: &Value) -> Vec<(Vec<Value>, bool)> {
    let mut pages = Vec::new();
    let mut body = body.clone();
    loop {
        let page = ask(notion, V2025, "POST", path, &body).await.body;
        let incomplete = page["request_status"]["incomplete_reason"] == "query_result_limit_reached";
        pages.push((page["results"].as_array().unwrap().clone(), incomplete));
        assert_eq!(page["has_more"].as_bool(), Some(page["next_cursor"].is_string()));
        if page["has_more"] != true {
            return pages;
        }
        body["start_cursor"] = page["next_cursor"].clone();
    }
}

#[actix_web::test]
async fn filters_are_read_strictly() {
    let notion = Notion::start().unwrap();
    let mut schema = job_log_schema();
    schema.push(("Stage".to_owned(), PropertyKind::status(&["Waiting"], &["Running"], &["Finished", "Dropped"])));
    schema.push(("OK".to_owned(), PropertyKind::Checkbox));
    let database = notion.create_database("Job Log", schema);
    let path = format!("data_sources/{}/query", notion.data_sources(database)[0]);
    notion.add_jobs(
        database,
        [job(0, Some("Done"), Some(90.0)), job(50, Some("Failed"), Some(0.0)), job(90, None, None)],
    );

    let since = "2026-11-24T11:10:00Z";
    for (filter, rows) in [
        (json!({"property": "Status", "select": {"equals": "Done"}}), 1),
        (json!({"property": "Status", "select": {"does_not_equal": "Done"}}), 2),
        (json!({"property": "Status", "select": {"equals": ["Done", "Failed"]}}), 2),
        (json!({"property": "Status", "type": "select", "select": {"is_empty": true}}), 1),
        (json!({"property": "Stage", "status": {"does_not_equal": "Complete"}}), 3),
        (json!({"property": "QA Score", "number": {"less_than": 80}}), 1),
        (json!({"property": "QA Score", "number": {"is_not_empty": true}}), 2),
        (json!({"property": "OK", "checkbox": {"equals": false}}), 3),
        (json!({"property": "title", "title": {"starts_with": "job"}}), 3),
        (json!({"property": "Notes", "rich_text": {"contains": "REVIEWER"}}), 3),
        (json!({"property": "Timestamp", "date": {"equals": "2026-11-24"}}), 3),
        (json!({"timestamp": "created_time", "created_time": {"on_or_after": since}}), 2),
        // Times are those that are shown: rounded down to the minute, so not after the 42nd second.
        (json!({"timestamp": "last_edited_time", "last_edited_time": {"after": "2026-11-24T12:00:00Z"}}), 0),
        (
            json!({"and": [{"or": [{"property": "Status", "select": {"equals": "Done"}},
                                {"property": "Status", "select": {"is_empty": true}}]},
                        {"property": "QA Score", "number": {"greater_than": 1}}]}),
            1,
        ),
    ] {
        let seen = ask(&notion, V2025, "POST", &path, &json!({"filter": filter})).await;
        assert_eq!(seen.body["results"].as_array().map(Vec::len), Some(rows), "{filter}: {}", seen.body);
    }

    let nested = json!({"and": [{"or": [{"and": [{"property": "OK", "checkbox": {"equals": true}}]}]}]});
    for (filter, message) in [
        (json!({"property": "Status", "status": {"equals": "Done"}}), "property select does not match filter status"),
        (json!({"property": "Stage", "select": {"equals": "Running"}}), "property status does not match filter select"),
        (json!({"property": "Status", "select": {"equals": "done"}}), "select option \"done\" not found"),
        (json!({"property": "Stage", "status": {"equals": "Done"}}), "status option \"Done\" not found"),
        (json!({"property": "State", "select": {"equals": "Done"}}), "Could not find property with name or id: State"),
        (json!({"property": "QA Score", "number": {"less_than": "80"}}), "number.less_than should be a number"),
        (json!({"property": "QA Score", "number": {"below": 80}}), "number.below should be not present"),
        (json!({"property": "QA Score", "number": {"less_than": 80, "greater_than": 1}}), "exactly 1 condition"),
        (json!({"property": "Status", "select": {"is_empty": false}}), "is_empty should be `true`"),
        (
            json!({"property": "Status", "timestamp": "created_time", "created_time": {"after": since}}),
            "filter.or should be",
        ),
        (
            json!({"timestamp": "created_time", "last_edited_time": {"after": since}}),
            "last_edited_time should be not present",
        ),
        (json!({"timestamp": "created_time", "created_time": {"after": "24.11.2026"}}), "valid ISO 8601 date string"),
        (json!({"and": []}), "filter.and should have at least 1 item"),
        (json!({"or": []}), "filter.or should have at least 1 item"),
        (nested, "filters nest 2 levels deep"),
        (json!({}), "filter.or should be defined"),
        (Value::Null, "filter should be an object"),
    ] {
        let seen = ask(&notion, V2025, "POST", &path, &json!({"filter": filter})).await;
        assert_eq!((seen.status, seen.body["code"].as_str()), (400, Some("validation_error")), "{filter}");
        assert!(seen.body["message"].as_str().unwrap().contains(message), "{filter}: {}", seen.body["message"]);
    }
}

#[actix_web::test]
async fn a_query_pages_to_its_end_but_never_beyond_ten_thousand_rows() {
    let notion = Notion::start().unwrap();
    let (database, path) = job_log(&notion);
    notion.add_jobs(database, (0..10_000).map(|number| job(number, Some("Queued"), None)));
    let ascending = json!({"sorts": [{"timestamp": "created_time", "direction": "ascending"}]});
    let ids = |pages: &[(Vec<Value>, bool)]| {
        let rows = pages.iter().flat_map(|(rows, _)| rows);
        rows.map(|row| row["id"].as_str().unwrap().to_owned()).collect::<HashSet<_>>().len()
    };

    // Rows come small, so that the test spends its time on paging.
    let path = format!("{path}?filter_properties=title");
    let whole = all_pages(&notion, &path, &ascending).await;
    assert_eq!((whole.len(), ids(&whole)), (100, 10_000));
    assert!(whole.iter().all(|(_, incomplete)| !incomplete));
    let times: Vec<_> = whole.iter().flat_map(|(rows, _)| rows).map(|row| row["created_time"].to_string()).collect();
    assert!(times.is_sorted());

    notion.add_jobs(database, (0..7).map(|number| job(number, Some("Queued"), None)));
    let cut = all_pages(&notion, &path, &ascending).await;
    assert_eq!((cut.len(), ids(&cut)), (100, 10_000));
    assert!(cut.iter().all(|(_, incomplete)| *incomplete));

    notion.short_pages(Some(40));
    let filter = json!({"filter": {"timestamp": "created_time", "created_time": {"after": "2026-11-24T11:00:00Z"}}});
    let short = all_pages(&notion, &path, &filter).await;
    assert_eq!((short.len(), ids(&short)), (2, 67));
}

#[actix_web::test]
async fn cursors_and_page_sizes_are_not_to_be_made_up() {
    let notion = Notion::start().unwrap();
    let (database, path) = job_log(&notion);
    notion.add_jobs(database, (0..150).map(|number| job(number, Some("Queued"), None)));
    let first = ask(&notion, V2025, "POST", &path, &json!({"page_size": 100})).await.body;
    let cursor = &first["next_cursor"];
    let again = ask(&notion, V2025, "POST", &path, &json!({"start_cursor": cursor})).await.body;
    assert_eq!(again["results"].as_array().map(Vec::len), Some(50));
    for body in [
        json!({"page_size": 101}),
        json!({"page_size": 0}),
        json!({"page_size": "10"}),
        json!({"start_cursor": null}),
        json!({"start_cursor": "393abc1e-edcd-81f5-ae94-ec2d55fe98ed"}),
        json!({"start_cursor": cursor, "filter": {"property": "Status", "select": {"equals": "Queued"}}}),
        json!({"limit": 10}),
        json!({"sorts": [{"timestamp": "created_time"}]}),
        json!({"sorts": [{"property": "Nothing", "direction": "ascending"}]}),
    ] {
        assert_eq!(ask(&notion, V2025, "POST", &path, &body).await.status, 400, "{body}");
    }
    let in_query = format!("{path}?start_cursor={}", cursor.as_str().unwrap());
    assert_eq!(ask(&notion, V2025, "POST", &in_query, &json!({})).await.status, 400);
    notion.clear_jobs(database);
    assert_eq!(ask(&notion, V2025, "POST", &path, &json!({"start_cursor": cursor})).await.status, 400);
}

#[actix_web::test]
async fn rows_that_move_while_somebody_pages_are_where_they_moved_to() {
    let notion = Notion::start().unwrap();
    let (database, path) = job_log(&notion);
    let pages = notion.add_jobs(database, (0..4).map(|number| job(number, Some("Queued"), None)));
    let by_edit = json!({"page_size": 2, "sorts": [{"timestamp": "last_edited_time", "direction": "ascending"}]});
    let first = ask(&notion, V2025, "POST", &path, &by_edit).await.body;
    // The oldest, which was on the first page, becomes the newest: it comes a second time, and nothing is lost.
    notion.edit_job(pages[3], Some("Done"), noon() + TimeDelta::hours(1));
    let mut body = by_edit;
    body["start_cursor"] = first["next_cursor"].clone();
    body["page_size"] = json!(100);
    let rest = ask(&notion, V2025, "POST", &path, &body).await.body;
    let ids: Vec<_> = rest["results"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [pages[1], pages[0], pages[3]].map(|page| page.to_string()));
}

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
async fn filter_properties_takes_ids_decoded_once() {
    let notion = Notion::start().unwrap();
    let (database, path) = job_log(&notion);
    notion.add_job(database, job(0, Some("Done"), Some(87.5)));
    let schema = ask(&notion, V2025, "GET", path.trim_end_matches("/query"), &Value::Null).await.body;
    let id = |name: &str| schema["properties"][name]["id"].as_str().unwrap().to_owned();
    let (status, qa) = (id("Status"), id("QA Score"));
    assert!(status.contains('%'), "an id that needs no encoding proves nothing");

    let whole = ask(&notion, V2025, "POST", &path, &json!({})).await;
    assert!((2_700..3_500).contains(&whole.bytes), "{}", whole.bytes);
    for query in [
        format!("filter_properties={status}&filter_properties={qa}"),
        format!("filter_properties[]={status}&filter_properties%5B%5D={qa}"),
    ] {
        let seen = ask(&notion, V2025, "POST", &format!("{path}?{query}"), &json!({})).await;
        let row = &seen.body["results"][0]["properties"];
        assert_eq!(row["Status"]["select"]["name"], "Done", "{}", seen.body);
        assert_eq!(row["QA Score"]["number"], 87.5);
        assert_eq!(row.as_object().map(serde_json::Map::len), Some(2));
        assert!(seen.bytes < 1_300, "{}", seen.bytes);
    }
    for wrong in [status.replace('%', "%25"), "Status".to_owned(), "nope".to_owned()] {
        let seen = ask(&notion, V2025, "POST", &format!("{path}?filter_properties={wrong}"), &json!({})).await;
        assert_eq!(seen.status, 400, "{wrong}");
    }

    notion.rename_property(database, "Status", "State");
    let seen = ask(&notion, V2025, "POST", &format!("{path}?filter_properties={status}"), &json!({})).await;
    assert_eq!(seen.body["results"][0]["properties"]["State"]["select"]["name"], "Done");
    notion.remove_property(database, "State");
    let seen = ask(&notion, V2025, "POST", &format!("{path}?filter_properties={status}"), &json!({})).await;
    assert_eq!(seen.status, 400);
}

#[actix_web::test]
async fn pages_are_written_strictly_and_can_be_read_back() {
    let notion = Notion::start().unwrap();
    let mut schema = status_board_schema();
    schema.push(("Kind".to_owned(), PropertyKind::select(["a"])));
    schema.push(("Stage".to_owned(), PropertyKind::status(&["Open"], &[], &["Closed"])));
    schema.push(("Age".to_owned(), PropertyKind::Formula));
    let database = notion.create_database("Status Board", schema);
    let source = notion.data_sources(database)[0].to_string();
    let text = |text: &str| json!([{"text": {"content": text}}]);
    let parent = json!({"type": "data_source_id", "data_source_id": source});
    let properties = json!({
        "Name": {"title": text("Auto-Operator")}, "When": {"date": {"start": "2026-11-24T02:00:00Z"}},
        "OK": {"checkbox": true}, "Jobs (24h)": {"number": 3}, "Notes": {"rich_text": text("fine \"so\" far\n✓")},
        "Kind": {"select": {"name": "b"}}, "Stage": {"status": {"name": "Open"}},
    });
    let body = json!({"parent": parent, "properties": properties});
    let created = ask(&notion, V2025, "POST", "pages", &body).await;
    assert_eq!((created.status, &created.body["object"]), (200, &json!("page")), "{}", created.body);
    let page = format!("pages/{}", created.body["id"].as_str().unwrap());
    let update = json!({"properties": {"Jobs (24h)": {"number": null}, "OK": {"checkbox": false}}});
    assert_eq!(ask(&notion, V2025, "PATCH", &page, &update).await.status, 200);
    let board = notion.pages(database);
    assert_eq!(board[0].text("Name").as_deref(), Some("Auto-Operator"));
    assert_eq!(board[0].text("Notes").as_deref(), Some("fine \"so\" far\n✓"));
    assert_eq!(board[0].date("When").as_deref(), Some("2026-11-24T02:00:00.000+00:00"));
    assert_eq!((board[0].checkbox("OK"), board[0].number("Jobs (24h)")), (Some(false), None));
    assert_eq!((board[0].option("Kind").as_deref(), board[0].option("Stage").as_deref()), (Some("b"), Some("Open")));

    let long = "x".repeat(2_001);
    for (properties, message) in [
        (json!({"Nam": {"title": text("x")}}), "Nam is not a property that exists."),
        (json!({"Jobs (24h)": {"rich_text": text("3")}}), "Jobs (24h) is expected to be number."),
        (json!({"Jobs (24h)": {"number": "3"}}), "should be a number"),
        (json!({"OK": {"checkbox": null}}), "should be a boolean"),
        (json!({"Notes": {"rich_text": text(&long)}}), "length should be ≤ `2000`, instead was `2001`"),
        (json!({"Notes": {"rich_text": vec![json!({"text": {"content": "x"}}); 101]}}), "length should be ≤ `100`"),
        (json!({"When": {"date": {"start": "today"}}}), "valid ISO 8601"),
        (json!({"Stage": {"status": {"name": "New"}}}), "does not exist"),
        (json!({"Kind": {"select": {"name": "a,b"}}}), "commas not allowed"),
        (json!({"Age": {"formula": {"number": 1}}}), "cannot be updated"),
    ] {
        let seen = ask(&notion, V2025, "POST", "pages", &json!({"parent": parent, "properties": properties})).await;
        assert_eq!(seen.status, 400, "{properties}");
        assert!(seen.body["message"].as_str().unwrap().contains(message), "{}", seen.body["message"]);
    }
    assert_eq!(notion.pages(database).len(), 1);

    let by_database = json!({"parent": {"database_id": database.to_string()}, "properties": {}});
    let by_source = json!({"parent": parent, "properties": {}});
    for (version, body, status) in [
        (V2022, &by_database, 200),
        (V2022, &by_source, 400),
        (V2025, &by_database, 200),
        (V2026, &by_source, 200),
        (V2026, &json!({"properties": {}}), 400),
    ] {
        assert_eq!(ask(&notion, version, "POST", "pages", body).await.status, status, "{version} {body}");
    }
    notion.add_data_source(database, "Second", status_board_schema());
    assert_eq!(ask(&notion, V2026, "POST", "pages", &by_database).await.status, 400);
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

//! Queries: filters, pages, cursors, and which properties come.

use std::collections::HashSet;

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::super::*;
use super::{V2025, ask, job, job_log, noon};

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

//! Pages that are created and updated.

use serde_json::{Value, json};

use super::super::*;
use super::{V2022, V2025, V2026, ask};

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
async fn properties_are_added_once_and_only_by_who_may_write() {
    let notion = Notion::start().unwrap();
    let database = notion.create_database("Status Board", vec![]);
    let source = format!("data_sources/{}", notion.data_sources(database)[0]);
    let wanted = json!({"properties": {"OK": {"checkbox": {}}, "Jobs (24h)": {"number": {}}}});
    for (version, path, body, status) in [
        (V2025, &source, &wanted, 200),
        (V2022, &format!("databases/{database}"), &wanted, 200),
        (V2026, &source, &json!({"properties": {"OK": {"number": {}}}}), 400),
        (V2026, &source, &json!({"properties": {"Notes": {}}}), 400),
        (V2026, &source, &json!({"properties": {"Notes": {"rich_text": {}, "number": {}}}}), 400),
        (V2022, &source, &wanted, 400),
    ] {
        let seen = ask(&notion, version, "PATCH", path, body).await;
        assert_eq!(seen.status, status, "{version} {body}: {}", seen.body);
    }
    let seen = ask(&notion, V2025, "GET", &source, &Value::Null).await;
    let names: Vec<_> = seen.body["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["Jobs (24h)", "Name", "OK"]);
    notion.only_reads(true);
    assert_eq!(ask(&notion, V2025, "PATCH", &source, &wanted).await.body["code"], "restricted_resource");
    let query = format!("{source}/query");
    assert_eq!(ask(&notion, V2025, "POST", &query, &json!({})).await.status, 200);
}

//! The client against answers over real sockets, given in turn: what it asks, and what it makes of them.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::pace::Pace;
use super::version::Version;
use super::*;
use crate::clients::error::ErrorKind;
use crate::clients::raw_server::{RawServer, answer, json as json_answer};
use crate::clients::replit::{Connector, Identity};
use crate::secret::Secret;

const PATIENCE: Duration = Duration::from_secs(30);
const WANTED: Wanted<'_> = Wanted { status: "Status", score: Some("QA Score"), title: true };

fn soon() -> Instant {
    Instant::now() + PATIENCE
}

fn client(server: &RawServer, version: Version) -> Notion {
    client_with(server, version, TokenSource::Given(Secret::new("ntn_abcdefgh")))
}

fn client_with(server: &RawServer, version: Version, token: TokenSource) -> Notion {
    let pace = Arc::new(Pace::new());
    let base_url = server.url("/");
    Notion::new(Http::new(), Config { base_url, version, token, pace, request_timeout: PATIENCE })
}

/// A server that gives these answers in turn, and a client of the default version.
async fn ask(answers: impl IntoIterator<Item = Vec<u8>>) -> (RawServer, Notion) {
    let server = RawServer::answering(answers).await;
    let notion = client(&server, Version::V2025_09_03);
    (server, notion)
}

/// Reads all jobs since ever; what was handed over, as `title=status/score`.
async fn jobs(notion: &Notion, database: &str) -> Result<(Vec<String>, Read), ClientError> {
    let mut seen = Vec::new();
    let all = Selection::CreatedSince(DateTime::UNIX_EPOCH);
    let read = notion
        .jobs(database, &WANTED, &all, soon(), &mut |row| {
            let (status, score) = (row.status.as_deref().unwrap_or("-"), row.score.unwrap_or(-1.0));
            seen.push(format!("{}={status}/{score}", row.title));
        })
        .await?;
    Ok((seen, read))
}

fn ok(body: &Value) -> Vec<u8> {
    json_answer(200, &body.to_string())
}

fn refusal(status: u16, code: &str, message: &str) -> Vec<u8> {
    json_answer(status, &json!({"object": "error", "status": status, "code": code, "message": message}).to_string())
}

fn no_such_thing() -> Vec<u8> {
    refusal(404, "object_not_found", "Could not find database with ID: x. Make sure it is shared.")
}

fn database(sources: &[(&str, &str)]) -> Vec<u8> {
    let sources: Vec<Value> = sources.iter().map(|(id, name)| json!({"id": id, "name": name})).collect();
    ok(&json!({"object": "database", "id": "db", "data_sources": sources}))
}

fn schema(status: &str) -> Vec<u8> {
    ok(&json!({"object": "data_source", "properties": {
        "Job Name": {"id": "title", "type": "title", "title": {}},
        status: {"id": "%3AUPp", "type": "select", "select": {"options": [{"name": "Done"}]}},
        "QA Score": {"id": "fNH%7C", "type": "number", "number": {}},
    }}))
}

/// A row with this number as its id, created in that minute of the day.
fn row(number: u32, status: &str) -> Value {
    let created = DateTime::<Utc>::UNIX_EPOCH + chrono::TimeDelta::minutes(i64::from(number));
    json!({
        "object": "page", "id": format!("00000000-0000-0000-0000-{number:012}"),
        "created_time": timestamp::write(created), "last_edited_time": timestamp::write(created), "url": "u",
        "properties": {
            "Job Name": {"id": "title", "type": "title", "title": [{"plain_text": format!("Job {number}")}]},
            status: {"id": "%3AUPp", "type": "select", "select": {"name": "Done"}},
            "QA Score": {"id": "fNH%7C", "type": "number", "number": number},
        },
    })
}

fn list(rows: &[Value], cursor: Option<&str>) -> Vec<u8> {
    ok(&json!({"object": "list", "results": rows, "has_more": cursor.is_some(), "next_cursor": cursor}))
}

/// Method and path of each request so far.
fn lines(server: &RawServer) -> Vec<String> {
    let line = |request: &String| request.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
    server.requests().iter().map(line).collect()
}

const QUERY: &str = "/query?filter_properties=%3AUPp&filter_properties=fNH%7C&filter_properties=title";

#[actix_rt::test]
async fn jobs_are_read_through_data_sources_where_there_are_any() {
    for version in [Version::V2025_09_03, Version::V2026_03_11] {
        let answers = [database(&[("ds", "Jobs")]), schema("Status"), list(&[row(1, "Status")], None)];
        let server = RawServer::answering(answers).await;
        let (seen, read) = jobs(&client(&server, version), "db").await.unwrap();
        assert_eq!((seen, read), (vec!["Job 1=Done/1".to_owned()], Read { rows: 1, unreadable: 0 }));
        let query = format!("POST /v1/data_sources/ds{QUERY}");
        assert_eq!(lines(&server), ["GET /v1/databases/db", "GET /v1/data_sources/ds", &query]);
        for request in server.requests() {
            assert!(request.contains("\r\nauthorization: Bearer ntn_abcdefgh\r\n"), "{request}");
            assert!(request.contains(&format!("\r\nnotion-version: {version}\r\n")), "{request}");
        }
        assert_eq!(
            server.sent(2),
            json!({
                "filter": {"timestamp": "created_time", "created_time": {"on_or_after": "1970-01-01T00:00:00.000Z"}},
                "sorts": [{"timestamp": "created_time", "direction": "ascending"}],
                "page_size": 100,
            })
        );
    }
}

#[actix_rt::test]
async fn jobs_are_read_from_the_database_itself_in_the_old_version() {
    let server = RawServer::answering([schema("Status"), list(&[row(1, "Status")], None)]).await;
    let (seen, _) = jobs(&client(&server, Version::V2022_06_28), "db").await.unwrap();
    assert_eq!(seen, ["Job 1=Done/1"]);
    assert_eq!(lines(&server), ["GET /v1/databases/db", &format!("POST /v1/databases/db{QUERY}")]);
}

#[actix_rt::test]
async fn all_pages_are_followed_and_every_row_counts_once() {
    let partial = json!({"object": "page", "id": "00000000-0000-0000-0000-000000000077"});
    let source = json!({"object": "data_source", "id": "00000000-0000-0000-0000-000000000078", "properties": {}});
    let (server, notion) = ask([
        database(&[("ds", "Jobs")]),
        schema("Status"),
        list(&[row(1, "Status"), row(2, "Status"), partial.clone()], Some("next")),
        list(&[row(2, "Status"), partial, source, row(3, "Status")], None),
    ])
    .await;
    let (seen, read) = jobs(&notion, "db").await.unwrap();
    assert_eq!(seen, ["Job 1=Done/1", "Job 2=Done/2", "Job 3=Done/3"]);
    assert_eq!(read, Read { rows: 3, unreadable: 1 });
    assert_eq!((server.sent(2).get("start_cursor"), &server.sent(3)["start_cursor"]), (None, &json!("next")));
}

#[actix_rt::test]
async fn a_schema_is_looked_up_once_and_again_when_notion_contradicts_it() {
    let (server, notion) = ask([
        database(&[("ds", "Jobs")]),
        schema("Status"),
        list(&[row(1, "Status")], None),
        list(&[row(1, "Status")], None),
        no_such_thing(),
        database(&[("moved", "Jobs")]),
        schema("Status"),
        list(&[row(2, "Status")], None),
    ])
    .await;
    for expected in ["Job 1=Done/1", "Job 1=Done/1", "Job 2=Done/2"] {
        assert_eq!(jobs(&notion, "db").await.unwrap().0, [expected]);
    }
    assert_eq!(lines(&server).last().unwrap(), &format!("POST /v1/data_sources/moved{QUERY}"));
    assert_eq!(server.requests().len(), 8);
}

#[actix_rt::test]
async fn a_refusal_that_stays_is_told_and_not_asked_for_ever() {
    let refused = || refusal(400, "validation_error", "Could not find property with name or id: Status");
    let discovered = || [database(&[("ds", "Jobs")]), schema("Status")];
    let [first, second] = discovered();
    let [third, fourth] = discovered();
    let (server, notion) = ask([first, second, list(&[], None), refused(), third, fourth, refused()]).await;
    assert_eq!(jobs(&notion, "db").await.unwrap().1, Read::default());
    let error = jobs(&notion, "db").await.unwrap_err();
    assert_eq!((error.kind, error.status), (ErrorKind::BadRequest, Some(400)));
    assert_eq!(error.detail, "Could not find property with name or id: Status");
    assert_eq!(server.requests().len(), 7);
}

#[actix_rt::test]
async fn a_property_renamed_under_way_is_noticed_by_its_rows_and_needs_no_restart_when_mended() {
    let (server, notion) = ask([
        database(&[("ds", "Jobs")]),
        schema("Status"),
        list(&[row(1, "Status")], None),
        list(&[row(1, "State"), row(2, "State")], None),
        database(&[("ds", "Jobs")]),
        schema("State"),
        database(&[("ds", "Jobs")]),
        schema("Status"),
        list(&[row(1, "Status"), row(2, "Status")], None),
    ])
    .await;
    assert_eq!(jobs(&notion, "db").await.unwrap().1.rows, 1);
    let error = jobs(&notion, "db").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Schema);
    assert!(
        error.detail.starts_with("no property \"Status\"; of type select or status there are: \"State\""),
        "{error}"
    );
    assert_eq!(jobs(&notion, "db").await.unwrap().1.rows, 2);
    assert_eq!(server.requests().len(), 9);
}

#[actix_rt::test]
async fn rows_that_contradict_even_a_fresh_schema_are_unreadable_and_not_empty() {
    let (_server, notion) =
        ask([database(&[("ds", "Jobs")]), schema("Status"), list(&[row(1, "State"), row(2, "Status")], None)]).await;
    assert_eq!(jobs(&notion, "db").await.unwrap().1, Read { rows: 1, unreadable: 1 });
}

#[actix_rt::test]
async fn several_data_sources_are_named_and_each_can_be_chosen_by_its_id() {
    let (server, notion) = ask([
        database(&[("1d2c", "Jobs"), ("3f4e", "Archive \u{1F4E6}")]),
        no_such_thing(),
        schema("Status"),
        list(&[row(1, "Status")], None),
    ])
    .await;
    let error = jobs(&notion, "db").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Schema);
    assert_eq!(
        error.detail,
        "several data sources; use the id of one of them: \"Jobs\" = 1d2c, \"Archive \u{1F4E6}\" = 3f4e"
    );
    assert_eq!(jobs(&notion, "1d2c").await.unwrap().0, ["Job 1=Done/1"]);
    let query = format!("POST /v1/data_sources/1d2c{QUERY}");
    assert_eq!(lines(&server)[1..], ["GET /v1/databases/1d2c", "GET /v1/data_sources/1d2c", &query]);
}

#[actix_rt::test]
async fn an_id_that_is_nothing_at_all_is_told_in_notions_words_about_databases() {
    let other = refusal(404, "object_not_found", "Could not find data_source with ID: x.");
    let (_server, notion) = ask([no_such_thing(), other]).await;
    let error = jobs(&notion, "x").await.unwrap_err();
    assert_eq!((error.kind, error.status), (ErrorKind::NotFound, Some(404)));
    assert!(error.detail.starts_with("Could not find database"), "{error}");
}

#[actix_rt::test]
async fn several_data_sources_are_told_in_the_old_version_too() {
    let refused = json!({
        "object": "error", "status": 400, "code": "validation_error",
        "message": "Databases with multiple data sources are not supported in this API version.",
        "additional_data": {"error_type": "multiple_data_sources_for_database", "child_data_source_ids": ["1d2c", "3f4e"]},
    });
    let server = RawServer::answering([json_answer(400, &refused.to_string())]).await;
    let error = jobs(&client(&server, Version::V2022_06_28), "db").await.unwrap_err();
    assert_eq!((error.kind, error.status), (ErrorKind::Schema, Some(400)));
    assert!(error.detail.ends_with("use a newer version and the id of one of them: 1d2c, 3f4e"), "{error}");
}

fn me() -> Vec<u8> {
    ok(&json!({"object": "user", "id": "u", "type": "bot"}))
}

fn rest(status: u16, seconds: u32) -> Vec<u8> {
    let headers = format!("content-type: application/json\r\nretry-after: {seconds}\r\n");
    answer(status, &headers, br#"{"object":"error","code":"rate_limited","message":"You have been rate limited."}"#)
}

#[actix_rt::test]
async fn a_rest_is_kept_within_the_deadline_and_told_beyond_it() {
    for status in [429, 529] {
        let (server, notion) = ask([rest(status, 0), rest(status, 0), me(), rest(status, 35)]).await;
        assert_eq!(notion.me(soon()).await, Ok(()));
        let asked = Instant::now();
        let error = notion.me(soon()).await.unwrap_err();
        assert!(asked.elapsed() < PATIENCE, "it does not wait for what comes too late");
        assert_eq!((error.status, error.retry_after), (Some(status), Some(Duration::from_secs(35))));
        assert_eq!(server.requests().len(), 4);
    }
}

#[actix_rt::test]
async fn a_blocked_connection_is_not_asked_again() {
    let blocked = json!({
        "object": "error", "status": 429, "code": "rate_limited", "message": "Blocked.",
        "additional_data": {"rate_limit_reason": "public_api_request_blocked", "retry_after": "0"},
    });
    let (server, notion) = ask([json_answer(429, &blocked.to_string()), me()]).await;
    let error = notion.me(soon()).await.unwrap_err();
    assert_eq!((error.kind, error.detail.as_str(), server.requests().len()), (ErrorKind::Forbidden, "Blocked.", 1));
}

#[actix_rt::test]
async fn a_read_survives_one_server_fault_and_a_probe_none() {
    let fault = || refusal(503, "service_unavailable", "Try again.");
    let list = || list(&[row(1, "Status")], None);
    let (server, notion) =
        ask([database(&[("ds", "Jobs")]), schema("Status"), fault(), list(), fault(), fault(), fault()]).await;
    assert_eq!(jobs(&notion, "db").await.unwrap().1.rows, 1);
    assert_eq!(jobs(&notion, "db").await.unwrap_err().kind, ErrorKind::ServerFault);
    assert_eq!(server.requests().len(), 6);
    assert_eq!(notion.me(soon()).await.unwrap_err().to_string(), "server fault (503): Try again.");
    assert_eq!(server.requests().len(), 7);
}

#[actix_rt::test]
async fn what_is_not_notions_language_is_garbage_and_never_a_short_count() {
    let html = || answer(200, "content-type: text/html\r\n", b"<html>");
    let full = list(&[row(1, "Status"), row(2, "Status")], None);
    let half = String::from_utf8(full).unwrap().split_once("\r\n\r\n").unwrap().1.to_owned();
    for answer in [
        html(),
        json_answer(200, &half[..half.len() - 40]),
        json_answer(200, &half[..half.len() / 2]),
        json_answer(200, "null"),
        json_answer(200, r#"{"object":"list"}"#),
        list(&[], Some("next")),
    ] {
        let (_server, notion) = ask([database(&[("ds", "Jobs")]), schema("Status"), answer]).await;
        assert_eq!(jobs(&notion, "db").await.unwrap_err().kind, ErrorKind::Garbage);
    }
    for answer in [html(), json_answer(200, "{"), json_answer(200, "[]"), json_answer(200, r#"{"object":"bot"}"#)] {
        let (_server, notion) = ask([answer]).await;
        assert_eq!(notion.me(soon()).await.unwrap_err().kind, ErrorKind::Garbage);
    }
}

#[actix_rt::test]
async fn nothing_is_asked_when_no_time_is_left() {
    let (server, notion) = ask([me()]).await;
    assert_eq!(notion.me(Instant::now()).await.unwrap_err().kind, ErrorKind::Timeout);
    assert!(server.requests().is_empty());
}

#[actix_rt::test]
async fn a_token_of_replit_that_is_refused_is_renewed_once() {
    let token = |token: &str| {
        ok(&json!({"items": [{"settings": {"access_token": token, "expires_at": "2999-01-01T00:00:00Z"}}]}))
    };
    let replit = RawServer::answering([token("old"), token("new"), token("newer")]).await;
    let refused = || refusal(401, "unauthorized", "API token is invalid.");
    let server = RawServer::answering([refused(), me(), refused(), refused(), me()]).await;
    let connector = Connector::new(&replit.url(""), Identity::Workspace(Secret::new("me")), |_| {});
    let notion = client_with(&server, Version::V2025_09_03, TokenSource::Replit(connector));
    assert_eq!(notion.me(soon()).await, Ok(()));
    assert!(server.requests()[1].contains("\r\nauthorization: Bearer new\r\n"));
    assert_eq!(notion.me(soon()).await.unwrap_err().kind, ErrorKind::Unauthorized);
    assert_eq!((server.requests().len(), replit.requests().len()), (4, 3));
}

fn properties() -> Map<String, Value> {
    Map::from_iter([("OK".to_owned(), json!({"checkbox": true}))])
}

#[actix_rt::test]
async fn a_page_is_created_where_the_rows_are() {
    let created = || ok(&json!({"object": "page", "id": "new"}));
    let (server, notion) = ask([database(&[("ds", "Board")]), schema("Status"), created()]).await;
    assert_eq!(notion.create_page("db", &properties(), soon()).await.as_deref(), Ok("new"));
    let parent = json!({"type": "data_source_id", "data_source_id": "ds"});
    assert_eq!(server.sent(2), json!({"parent": parent, "properties": {"OK": {"checkbox": true}}}));
    assert_eq!(lines(&server)[2], "POST /v1/pages");

    let server = RawServer::answering([schema("Status"), created()]).await;
    let notion = client(&server, Version::V2022_06_28);
    assert_eq!(notion.create_page("db", &properties(), soon()).await.as_deref(), Ok("new"));
    assert_eq!(server.sent(1)["parent"], json!({"database_id": "db"}));
}

#[actix_rt::test]
async fn a_page_is_written_once_unless_notion_says_that_nothing_was() {
    let board = || [database(&[("ds", "Board")]), schema("Status")];
    let created = || ok(&json!({"object": "page", "id": "new"}));
    let stored = json!({"object": "error", "message": "x", "additional_data": {"committed_resource_id": "stored"}});
    let moved = [no_such_thing(), database(&[("moved", "Board")]), schema("Status"), created()];
    let refused = [no_such_thing(), database(&[("ds", "Board")]), schema("Status"), created()];
    for (answers, expected, requests) in [
        (vec![json_answer(503, "{}"), created()], Err(ErrorKind::ServerFault), 3),
        (vec![json_answer(503, &stored.to_string()), created()], Ok("stored"), 3),
        (vec![rest(429, 0), created()], Ok("new"), 4),
        (moved.to_vec(), Ok("new"), 6),
        (refused.to_vec(), Err(ErrorKind::NotFound), 5),
        (vec![vec![], created()], Err(ErrorKind::Connection), 3),
    ] {
        let (server, notion) = ask(board().into_iter().chain(answers)).await;
        let result = notion.create_page("db", &properties(), soon()).await;
        assert_eq!(result.as_deref().map_err(|error| error.kind), expected);
        assert_eq!(server.requests().len(), requests);
    }
}

#[actix_rt::test]
async fn a_page_is_updated_by_its_id() {
    let (server, notion) = ask([ok(&json!({"object": "page", "id": "p"})), no_such_thing()]).await;
    assert_eq!(notion.update_page("p/../q", &properties(), soon()).await, Ok(()));
    assert_eq!(lines(&server), ["PATCH /v1/pages/p%2F..%2Fq"]);
    assert_eq!(server.sent(0), json!({"properties": {"OK": {"checkbox": true}}}));
    assert_eq!(notion.update_page("p", &properties(), soon()).await.unwrap_err().kind, ErrorKind::NotFound);
}

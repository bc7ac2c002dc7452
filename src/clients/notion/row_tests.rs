#![allow(clippy::unwrap_used)]

use super::*;

const ALL: Columns<'_> = Columns { status: "Status", score: Some("QA Score"), title: Some("Job Name") };

/// The row of Notion's own answers, with `properties` in place of its.
fn page(properties: &str) -> String {
    r#"{"object":"page","id":"393abc1e-edcd-81f5-ae94-ec2d55fe98ed","created_time":"2026-11-23T22:14:00.000Z",
        "last_edited_time":"2026-11-23T22:41:00.000Z","created_by":{"object":"user","id":"7775f3a3-893f-43fa-b625-460c61094c78"},
        "cover":null,"icon":{"type":"emoji","emoji":"🔥"},"in_trash":false,
        "parent":{"type":"data_source_id","data_source_id":"b71e1213-3d03-46cb-b9c2-db9856a9f42d"},
        "properties":{PROPERTIES},"url":"https://app.notion.com/p/Blog-outline-393abc1eedcd81f5ae94ec2d55fe98ed","archived":false}"#
        .replace("PROPERTIES", properties)
}

fn cell(name: &str, kind: &str, value: &str) -> String {
    format!(r#""{name}":{{"id":"%3AUPp","type":"{kind}","{kind}":{value}}}"#)
}

fn title(value: &str) -> String {
    cell("Job Name", "title", value)
}

fn entry<'a>(json: &'a str, columns: Columns<'_>) -> Entry<'a> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let entry = EntrySeed(columns).deserialize(&mut deserializer).unwrap();
    deserializer.end().unwrap();
    entry
}

/// Title, status and score of the row with these properties.
fn cells(properties: &[String]) -> (String, Option<String>, Option<f64>) {
    match entry(&page(&properties.join(",")), ALL) {
        Entry::Row(row) => (row.title.into_owned(), row.status.map(Cow::into_owned), row.score),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_row_is_read_among_properties_of_every_type() {
    let properties = [
        title(
            r#"[{"type":"text","text":{"content":"Blog outline","link":null},"annotations":{"bold":false,"color":"default"},"plain_text":"Blog outline","href":null}]"#,
        ),
        cell("Status", "select", r#"{"id":"4b5c2f1e","name":"Done","color":"green"}"#),
        cell("Stage", "status", r#"{"id":"6f1e3ce8","name":"In progress","color":"blue"}"#),
        cell("QA Score", "number", "87.5"),
        cell("Notes", "rich_text", "[]"),
        cell("Timestamp", "date", r#"{"start":"2026-11-23T22:14:05.000+00:00","end":null,"time_zone":null}"#),
        cell("Trigger", "checkbox", "true"),
        cell("Age", "formula", r#"{"type":"number","number":27}"#),
        cell(
            "Total",
            "rollup",
            r#"{"type":"array","array":[{"type":"number","number":3}],"function":"show_original"}"#,
        ),
        cell("Owner", "people", r#"[{"object":"user","id":"c2f20311-9e54-4d11-8c79-7398424ae41e"}]"#),
        cell("Next year's type", "hologram", r#"{"depth":[[[{}]]],"number":1e999}"#),
    ];
    let json = page(&properties.join(","));
    let Entry::Row(row) = entry(&json, ALL) else { panic!("no row") };
    assert_eq!(row.id.to_string(), "393abc1e-edcd-81f5-ae94-ec2d55fe98ed");
    assert_eq!(timestamp::write(row.created), "2026-11-23T22:14:00.000Z");
    assert_eq!(timestamp::write(row.edited), "2026-11-23T22:41:00.000Z");
    assert_eq!((row.title.as_ref(), row.status.as_deref(), row.score), ("Blog outline", Some("Done"), Some(87.5)));
    assert!(matches!(
        (&row.title, &row.status, &row.url),
        (Cow::Borrowed(_), Some(Cow::Borrowed(_)), Cow::Borrowed(_))
    ));
    assert!(row.url.starts_with("https://app.notion.com/p/"));
}

#[test]
fn only_what_was_asked_for_is_looked_into() {
    let json = page(&[title("[]"), cell("Stage", "status", r#"{"name":"In progress"}"#)].join(","));
    let Entry::Row(row) = entry(&json, Columns { status: "Stage", score: None, title: None }) else { panic!("no row") };
    assert_eq!((row.title.as_ref(), row.status.as_deref(), row.score), ("", Some("In progress"), None));
}

#[test]
fn empty_cells_are_no_status_no_score_and_no_title() {
    let empty = [title("[]"), cell("Status", "status", "null"), cell("QA Score", "number", "null")];
    assert_eq!(cells(&empty), (String::new(), None, None));
}

#[test]
fn a_score_that_is_no_number_does_not_count_and_zero_does() {
    for (json, expected) in [
        ("0", Some(0.0)),
        ("-1.5e1", Some(-15.0)),
        ("100", Some(100.0)),
        ("18446744073709551616", Some(18_446_744_073_709_552_000.0)),
        ("1e999", None),
        ("\"87\"", None),
        ("\"NaN\"", None),
        ("[87]", None),
        ("{}", None),
        ("true", None),
    ] {
        let row = [title("[]"), cell("Status", "select", "null"), cell("QA Score", "number", json)];
        assert_eq!(cells(&row).2, expected, "{json}");
    }
}

#[test]
fn texts_come_as_people_wrote_them() {
    for (json, expected) in [
        (r#""plain""#, "plain"),
        (r#""\"quoted\" \\ \/ \u00e9\n""#, "\"quoted\" \\ / é\n"),
        (r#""🚀 naïve""#, "🚀 naïve"),
        (r#""\ud83d\ude80""#, "🚀"),
        (r#""cut \ud83d""#, "cut \u{fffd}\u{fffd}\u{fffd}"),
        (r#""\u0000""#, "\0"),
    ] {
        let status = format!(r#"{{"id":"x","name":{json},"color":"red"}}"#);
        let parts = format!(r#"[{{"plain_text":{json}}},{{"type":"mention","plain_text":"!"}},{{"plain_text":null}}]"#);
        let row = [title(&parts), cell("Status", "select", &status), cell("QA Score", "number", "1")];
        assert_eq!(cells(&row), (format!("{expected}!"), Some(expected.to_owned()), Some(1.0)), "{json}");
    }
}

#[test]
fn a_property_is_found_under_an_escaped_name() {
    let json = page(r#""St\u00e4tus":{"id":"a","status":{"name":"Done"},"type":"status"},"cut \ud83d":{}"#);
    let Entry::Row(row) = entry(&json, Columns { status: "Stätus", score: None, title: None }) else {
        panic!("no row")
    };
    assert_eq!(row.status.as_deref(), Some("Done"));
}

#[test]
fn a_row_without_a_wanted_property_or_with_another_type_is_stale() {
    let whole = [title("[]"), cell("Status", "select", "null"), cell("QA Score", "number", "1")];
    for (position, changed) in [
        (0, String::from(r#""Renamed":{}"#)),
        (1, cell("status", "select", "null")),
        (1, cell("Status", "multi_select", "[]")),
        (2, cell("QA Score", "formula", r#"{"type":"number","number":87}"#)),
        (2, cell("QA Score", "rich_text", "[]")),
    ] {
        let mut row = whole.clone();
        row[position].clone_from(&changed);
        assert!(matches!(entry(&page(&row.join(",")), ALL), Entry::Stale(_)), "{changed}");
    }
}

#[test]
fn what_cannot_be_looked_into_is_counted_and_what_is_no_page_is_not() {
    let id = Uuid::try_parse("393abc1e-edcd-81f5-ae94-ec2d55fe98ed").unwrap();
    let partial = format!(r#"{{"object":"page","id":"{id}"}}"#);
    assert_eq!(entry(&partial, ALL), Entry::Unreadable(Some(id)));
    assert_eq!(entry(&partial.replace('-', ""), ALL), Entry::Unreadable(Some(id)));
    assert_eq!(entry(r#"{"object":"page","id":"x","properties":{}}"#, ALL), Entry::Unreadable(None));
    let no_time = page("").replace("2026-11-23T22:14:00.000Z", "today");
    assert_eq!(entry(&no_time, ALL), Entry::Unreadable(Some(id)));
    assert_eq!(entry(r#"{"object":"data_source","id":"x","properties":{"Status":{"select":{}}}}"#, ALL), Entry::Other);
}

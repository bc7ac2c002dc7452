#![allow(clippy::unwrap_used)]

use super::*;

const JOBS: &str = r#"{"object":"data_source","id":"b71e1213","title":[],"parent":{"type":"database_id"},"properties":{
    "Job Name":{"id":"title","name":"Job Name","type":"title","title":{}},
    "Status":{"id":"%3AUPp","name":"Status","type":"select","select":{"options":[{"id":"a","name":"Done","color":"green"},{"id":"b","name":"Fail\u00e9d"}]}},
    "Stage":{"id":"Wq%5Dz","name":"Stage","type":"status","status":{"options":[{"id":"c","name":"In progress"},{"id":"d","name":"Shipped"}],"groups":[{"name":"To-do","option_ids":[]},{"name":"Complete","option_ids":["d"]}]}},
    "QA Score":{"id":"fNH%7C","name":"QA Score","type":"number","number":{"format":"percent"}},
    "Cut \ud83d":{"id":"x","type":"hologram","hologram":[1]}}}"#;

fn jobs() -> Schema {
    Schema::read(JOBS.as_bytes(), Source::DataSource("b71e1213".to_owned())).unwrap()
}

#[test]
fn a_schema_is_read_with_names_ids_types_and_options() {
    let schema = jobs();
    assert_eq!(schema.properties.len(), 5);
    let status = schema.property("Status").unwrap();
    assert_eq!((status.id.as_str(), status.kind.as_str()), ("%3AUPp", "select"));
    assert_eq!(status.options, ["Done", "Failéd"]);
    let stage = schema.property("Stage").unwrap();
    assert_eq!(
        (stage.options.as_slice(), stage.complete.as_slice()),
        (&["In progress", "Shipped"].map(str::to_owned)[..], &["Shipped".to_owned()][..])
    );
    assert_eq!(schema.title().unwrap().name, "Job Name");
    assert!(Schema::read(br#"{"object":"database"}"#, Source::Database(String::new())).is_err());
}

#[test]
fn the_wanted_properties_are_asked_for_by_ids_encoded_once() {
    let schema = jobs();
    let found = schema.find(&Wanted { status: "Status", score: Some("QA Score"), title: true }).unwrap();
    assert_eq!(found.filter_properties(), "filter_properties=%3AUPp&filter_properties=fNH%7C&filter_properties=title");
    let only = schema.find(&Wanted { status: "Stage", score: None, title: false }).unwrap();
    assert_eq!(only.filter_properties(), "filter_properties=Wq%5Dz");
    assert_eq!(
        (encoded_once("a:b&c"), encoded_once("100%"), encoded_once("~-_.")),
        ("a%3Ab%26c".into(), "100%25".into(), "~-_.".into())
    );
}

#[test]
fn a_property_that_is_missing_or_of_another_type_is_said_by_name_with_those_that_are_there() {
    let fault = |status, score| {
        let schema = jobs();
        let error = schema.find(&Wanted { status, score, title: false }).err().unwrap();
        assert_eq!(error.kind, ErrorKind::Schema);
        error.detail
    };
    assert_eq!(
        fault("status", None),
        "no property \"status\"; of type select or status there are: \"Stage\", \"Status\"; \
         others: \"Cut \u{fffd}\u{fffd}\u{fffd}\", \"Job Name\", \"QA Score\""
    );
    assert!(fault("QA Score", None).starts_with("property \"QA Score\" is of type number, not select or status; "));
    assert!(
        fault("Status", Some("Stage"))
            .starts_with("property \"Stage\" is of type status, not number; of type number there are: \"QA Score\"; ")
    );
    let bare = Schema { properties: vec![], ..jobs() };
    let error = bare.find(&Wanted { status: "Status", score: None, title: false }).err().unwrap();
    assert_eq!(error.detail, "no property \"Status\"; there is none of type select or status");
}

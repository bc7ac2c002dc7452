//! `/api/openapi.json`: real answers are as it describes them, and everything that it describes is asked for.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::channels::telegrams;
use crate::support::service::{Answer, Service, bearer};
use crate::support::{Home, OPS_TOKEN, now};

/// The description, and what of it has been asked for.
struct Description {
    document: Value,
    asked: BTreeSet<String>,
}

impl Description {
    async fn of(service: &Service) -> Self {
        let answer = service.get("/api/openapi.json").await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
        Self { document: answer.json(), asked: BTreeSet::new() }
    }

    /// What the answer to `method` at `pattern` has to be like; nothing if it has no body.
    fn schema(&self, method: &str, pattern: &str, answer: &Answer) -> Option<Value> {
        let responses = &self.document["paths"][pattern][method.to_lowercase()]["responses"];
        let status = answer.status.as_u16().to_string();
        let response = responses.get(&status).or(responses.get("default"));
        let response = response.unwrap_or_else(|| panic!("{method} {pattern} does not answer {status}"));
        let kind = answer.header("content-type").split(';').next().unwrap_or_default();
        let Some(content) = response.get("content").filter(|_| !kind.is_empty()) else {
            assert!(answer.body.is_empty(), "{method} {pattern} has a body");
            return None;
        };
        let schema = &content[kind]["schema"];
        assert!(schema.is_object(), "{method} {pattern} does not answer {status} with {kind}: {response:#}");
        let mut schema = json!({"allOf": [schema], "components": self.document["components"]});
        closed(&mut schema);
        if schema["allOf"][0].get("$ref").is_none() {
            // A text, or anything.
            schema["unevaluatedProperties"] = true.into();
        }
        Some(schema)
    }

    /// The answer is as it is described.
    fn fits(&mut self, method: &str, pattern: &str, answer: &Answer) {
        self.asked.insert(format!("{method} {pattern}"));
        let Some(schema) = self.schema(method, pattern, answer) else { return };
        let is_json = answer.header("content-type").contains("json");
        let body = if is_json { answer.json() } else { String::from_utf8(answer.body.clone()).unwrap().into() };
        let faults = faults(&schema, &body);
        assert!(faults.is_empty(), "{method} {pattern}: {faults:#?} in {body:#}");
    }

    /// Each operation that is described.
    fn operations(&self) -> BTreeSet<String> {
        let paths = self.document["paths"].as_object().unwrap();
        let each = |(path, item): (&String, &Value)| -> Vec<String> {
            item.as_object().unwrap().keys().map(|method| format!("{} {path}", method.to_uppercase())).collect()
        };
        paths.iter().flat_map(each).collect()
    }
}

/// Wherever a schema refers to another, that one is all there is: what is not described is a fault.
fn closed(schema: &mut Value) {
    if let Value::Object(fields) = schema
        && (fields.contains_key("$ref") || fields.contains_key("allOf"))
    {
        fields.insert("unevaluatedProperties".into(), false.into());
    }
    closed_within(schema);
}

/// What is put together of several parts is closed as a whole: each part for itself stays open, not so what is in it.
fn closed_within(schema: &mut Value) {
    match schema {
        Value::Object(fields) => fields.iter_mut().for_each(|(name, field)| match field {
            Value::Array(parts) if name == "allOf" => parts.iter_mut().for_each(closed_within),
            field => closed(field),
        }),
        Value::Array(items) => items.iter_mut().for_each(closed),
        _ => {}
    }
}

fn faults(schema: &Value, body: &Value) -> Vec<String> {
    let validator = jsonschema::validator_for(schema).expect("a schema");
    validator.iter_errors(body).map(|fault| format!("{}: {fault}", fault.instance_path())).collect()
}

#[actix_rt::test]
async fn every_answer_is_as_it_is_described() {
    let home = Home::well();
    home.world.jobs_get_stuck(2, now());
    let service = home.serve().await;
    let report = service.cycle().await;
    telegrams(&home.world, 1).await;
    service.delivered().await;
    let mut description = Description::of(&service).await;
    assert_eq!(description.document["openapi"].as_str().map(|version| &version[..3]), Some("3.1"));
    assert_eq!(description.document["info"]["version"], env!("CARGO_PKG_VERSION"));

    let authorization = bearer(OPS_TOKEN);
    let owner = [("authorization", authorization.as_str())];
    let incident = format!("/api/incidents/{}", report["incidents"][0]["id"].as_str().unwrap());
    let silence = service.order("POST", "/api/silences", &json!({"issue": "stuck_jobs", "for": "2h"})).await;
    description.fits("POST", "/api/silences", &silence);
    let silence = silence.header("location").to_owned();
    let ack = format!("{incident}/ack");
    for (method, pattern, path) in [
        ("POST", "/api/incidents/{id}/ack", &*ack),
        ("GET", "/ops-report", "/ops-report"),
        ("GET", "/ops-report", "/ops-report?refresh=1"),
        ("GET", "/ops-report", "/ops-report?refresh=2"),
        ("GET", "/healthz", "/healthz"),
        ("GET", "/readyz", "/readyz"),
        ("GET", "/metrics", "/metrics"),
        ("GET", "/", "/"),
        ("GET", "/badge.svg", "/badge.svg"),
        ("GET", "/badge/{part}.svg", "/badge/jobs.svg"),
        ("GET", "/badge/{part}.svg", "/badge/weather.svg"),
        ("GET", "/feed.xml", "/feed.xml"),
        ("GET", "/api/incidents", "/api/incidents"),
        ("GET", "/api/incidents", "/api/incidents?limit=0"),
        ("GET", "/api/incidents/{id}", &*incident),
        ("GET", "/api/incidents/{id}", "/api/incidents/no-such"),
        ("GET", "/api/deliveries", "/api/deliveries"),
        ("GET", "/api/silences", "/api/silences"),
        ("GET", "/api/silences/{id}", &*silence),
        ("DELETE", "/api/silences/{id}", &*silence),
        ("DELETE", "/api/silences/{id}", "/api/silences/no-such"),
        ("GET", "/api/openapi.json", "/api/openapi.json"),
        ("POST", "/api/actors/{actor}/restart", "/api/actors/metrics/restart"),
        ("POST", "/demo/actors/{actor}/{way}", "/demo/actors/metrics/panic"),
    ] {
        // As anybody, and as the owner: what is left out is `null`, and never missing.
        let anybody = service.ask(method, path, &[]).await;
        description.fits(method, pattern, &anybody);
        description.fits(method, pattern, &service.ask(method, path, &owner).await);
    }
    // The lists in these answers were not empty.
    let story = service.get_all(&incident).await;
    assert!(story["changes"][0].is_object() && story["notices"][0]["tries"][0].is_object(), "{story:#}");
    assert_eq!(description.asked, description.operations(), "everything that is described was asked for");
}

#[actix_rt::test]
async fn who_may_not_read_is_answered_as_it_is_described_too() {
    let mut home = Home::well();
    home.set("OPS_READ_TOKEN", "only-for-reading");
    let service = home.serve().await;
    let (right, wrong) = (bearer("only-for-reading"), bearer("something-else"));
    let described = service.ask("GET", "/api/openapi.json", &[("authorization", &right)]).await;
    let mut description = Description { document: described.json(), asked: BTreeSet::new() };
    for (path, kind) in [("/", "text/html"), ("/ops-report", "application/problem+json")] {
        let answer = service.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type").split(';').next()), (401, Some(kind)));
        description.fits("GET", path, &answer);
        let answer = service.ask("GET", path, &[("authorization", &wrong)]).await;
        assert_eq!(answer.status, 401);
        description.fits("GET", path, &answer);
    }
    let about = description.document["info"]["description"].as_str().unwrap();
    assert!(about.contains("The forms of the status page"), "{about}");
}

#[actix_rt::test]
async fn an_answer_that_is_not_as_described_is_noticed() {
    let home = Home::well();
    home.world.jobs_get_stuck(1, now());
    let service = home.serve().await;
    let report = service.cycle().await;
    let description = Description::of(&service).await;
    let incident = format!("/api/incidents/{}", report["incidents"][0]["id"].as_str().unwrap());
    for (pattern, path, pointer) in
        [("/ops-report", "/ops-report", "/incidents/0/since"), ("/api/incidents/{id}", &*incident, "/changes/0/by")]
    {
        let answer = service.get(path).await;
        let schema = description.schema("GET", pattern, &answer).unwrap();
        assert_eq!(faults(&schema, &answer.json()), Vec::<String>::new());
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        for harm in ["less", "more", "other"] {
            let mut body = answer.json();
            let object = body.pointer_mut(parent).and_then(Value::as_object_mut).unwrap();
            match harm {
                "less" => drop(object.remove(field).unwrap()),
                "more" => drop(object.insert("extra".into(), Value::Null)),
                _ => drop(object.insert(field.into(), json!(7))),
            }
            assert!(!faults(&schema, &body).is_empty(), "{harm} at {pointer}");
        }
        let mut body = answer.json();
        body["extra"] = Value::Null;
        assert!(!faults(&schema, &body).is_empty(), "more at the top of {path}");
    }
}

//! `GET /api/openapi.json`: the description of everything here, made from the handlers and the structs of the wire.

use std::sync::LazyLock;

use actix_web::http::StatusCode;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{Object, Schema, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi as _};

use super::WebState;
use super::answer::{JSON, answer};
use super::problem::{self, Problem};
use super::{
    actor_orders, badge, deliveries, feed, health, incidents, metrics, report_handler, session, silences, status_page,
};

/// The bodies of requests: there, what may be `null` may be left out as well.
const BODIES: [&str; 2] = ["Acknowledge", "BeSilent"];

/// What everybody sees of the service.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "auto-operator",
        description = "Three states everywhere: yes, no and `null`, which is not known. What is read by GET can be asked for by \
                       HEAD, too. Fields may be added; those there are stay. The forms of the status page, by which people \
                       sign in and act, are no part of this: they change with the page, and each has its like here. Whoever has \
                       signed in there also reads here what names `session` beside `token`; orders take the token only."
    ),
    paths(
        report_handler::ops_report,
        health::healthz,
        health::readyz,
        metrics::metrics,
        status_page::page,
        badge::whole,
        badge::part,
        feed::feed,
        incidents::list,
        incidents::one,
        incidents::acknowledge,
        silences::list,
        silences::one,
        silences::create,
        silences::end,
        deliveries::list,
        actor_orders::restart,
        actor_orders::harm,
        openapi
    ),
    components(schemas(problem::Body)),
    modifiers(&Everywhere)
)]
struct Description;

/// What is the same for all of them.
struct Everywhere;

impl Modify for Everywhere {
    fn modify(&self, document: &mut OpenApi) {
        for item in document.paths.paths.values_mut() {
            let operations = [&mut item.get, &mut item.post, &mut item.delete];
            operations.into_iter().flatten().for_each(may_fail);
        }
        if let Some(page) = document.paths.paths.get_mut("/").and_then(|item| item.get.as_mut()) {
            may_ask_to_sign_in(page);
        }
        let Some(components) = &mut document.components else { return };
        for (name, schema) in &mut components.schemas {
            if !BODIES.contains(&name.as_str())
                && let RefOr::T(schema) = schema
            {
                is_complete(schema);
            }
        }
        let token = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("OPS_TOKEN; for reading also OPS_READ_TOKEN. With one of them, details are shown."))
            .build();
        components.add_security_scheme("token", SecurityScheme::Http(token));
        let about =
            "Of whoever has signed in on the status page: shows them what the token would that they signed in with.";
        let session = ApiKey::Cookie(ApiKeyValue::with_description(session::NAME, about));
        components.add_security_scheme("session", SecurityScheme::ApiKey(session));
    }
}

/// Every request may be answered by a problem instead.
fn may_fail(operation: &mut Operation) {
    let body = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let problem = ResponseBuilder::new().description("What went wrong.").content("application/problem+json", body);
    operation.responses.responses.insert("default".into(), RefOr::T(problem.build()));
}

/// Where reading needs a token, people who show none are shown a page on which to sign in; whoever shows a wrong one, a
/// problem.
fn may_ask_to_sign_in(page: &mut Operation) {
    let text = || Schema::from(Object::with_type(Type::String));
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let answer = ResponseBuilder::new()
        .description("Reading needs a token: a form to sign in with it, or what is wrong with the one that was shown.")
        .content("text/html", ContentBuilder::new().schema(Some(text())).build())
        .content("application/problem+json", problem);
    page.responses.responses.insert("401".into(), RefOr::T(answer.build()));
}

/// In an answer no field is left out: what is not known is `null`.
fn is_complete(schema: &mut Schema) {
    let all = |object: &mut Object| {
        let optional = ["missing"];
        object.required = object.properties.keys().filter(|name| !optional.contains(&name.as_str())).cloned().collect();
    };
    match schema {
        Schema::Object(object) => all(object),
        Schema::AllOf(parts) => {
            for part in &mut parts.items {
                if let RefOr::T(Schema::Object(object)) = part {
                    all(object);
                }
            }
        }
        _ => {}
    }
}

/// The description of all this.
#[utoipa::path(
    get,
    path = "/api/openapi.json",
    operation_id = "getDescription",
    responses((status = 200, description = "What you are reading.", body = serde_json::Value)),
    security((), ("token" = [])),
)]
pub(super) async fn openapi(request: HttpRequest, state: web::Data<WebState>) -> Result<HttpResponse, Problem> {
    static WRITTEN: LazyLock<serde_json::Result<Bytes>> =
        LazyLock::new(|| serde_json::to_vec(&Description::openapi()).map(Bytes::from));
    state.door.to_read(&request)?;
    match &*WRITTEN {
        Ok(body) => Ok(answer(StatusCode::OK, &JSON, body.clone())),
        Err(error) => {
            log::error!("the description of the API cannot be written: {error}");
            Err(Problem::internal())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Map, Value};

    use super::*;

    #[test]
    fn every_route_is_described() {
        let source = include_str!("mod.rs");
        let (from, to) = (source.find("pub fn routes(").unwrap(), source.find("fn readable(").unwrap());
        let routes = source[from..to].split('"').filter(|text| text.starts_with('/'));
        // The status page is described as a whole; its icons, forms and the like are its own.
        let routes: BTreeSet<&str> = routes.filter(|path| !path.starts_with("/icon/")).chain(["/"]).collect();
        let document = Description::openapi();
        let described: BTreeSet<&str> = document.paths.paths.keys().map(String::as_str).collect();
        assert_eq!(described, routes);
    }

    /// Each object of a document.
    fn objects(value: &Value) -> Vec<&Map<String, Value>> {
        match value {
            Value::Object(fields) => std::iter::once(fields).chain(fields.values().flat_map(objects)).collect(),
            Value::Array(items) => items.iter().flat_map(objects).collect(),
            _ => vec![],
        }
    }

    #[test]
    fn programs_can_be_made_from_it_each_operation_has_a_name_of_its_own_and_each_reference_leads_somewhere() {
        let document = serde_json::to_value(Description::openapi()).unwrap();
        let items = document["paths"].as_object().unwrap().values();
        let operations: Vec<&Value> = items.flat_map(|item| item.as_object().unwrap().values()).collect();
        let names: Vec<&str> = operations.iter().map(|operation| operation["operationId"].as_str().unwrap()).collect();
        let distinct: BTreeSet<&str> = names.iter().copied().collect();
        assert!(names.len() > 15 && distinct.len() == names.len(), "{names:?}");
        // A verb and what it is about: `list` alone says nothing among the methods of one client.
        let is_telling = |name: &&str| name.contains(|letter: char| letter.is_ascii_uppercase());
        assert!(distinct.iter().all(is_telling), "{distinct:?}");

        let references: Vec<&str> =
            objects(&document).iter().filter_map(|fields| fields.get("$ref")?.as_str()).collect();
        assert!(references.len() > 15, "they are still found: {references:?}");
        for reference in references {
            let leads_to = reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
            assert!(leads_to.is_some_and(Value::is_object), "{reference}");
        }
        let schemes = document["components"]["securitySchemes"].as_object().unwrap();
        for operation in operations {
            let ways = operation.get("security").and_then(Value::as_array).into_iter().flatten();
            let named: Vec<&String> = ways.flat_map(|way| way.as_object().unwrap().keys()).collect();
            assert!(named.iter().all(|name| schemes.contains_key(*name)), "{named:?}");
        }
    }
}

//! Notion's refusals: statuses, codes and the wording that people search for.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::super::wire::Reply;
use super::ids;

/// A refusal, before it has a request id.
#[derive(Debug, PartialEq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) additional: Option<Value>,
    pub(super) retry_after: Option<u64>,
}

/// What every route returns: the JSON text of an object, or a refusal.
pub(super) type Answer<T = String> = Result<T, Refusal>;

impl Refusal {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), additional: None, retry_after: None }
    }

    /// 400 `validation_error`.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "validation_error", message)
    }

    /// 400 for a body of the wrong shape: `path` as `page_size`, `rule` as ``should be ≤ `100` ``.
    pub(super) fn body(path: &str, rule: &str, instead: Option<&Value>) -> Self {
        let instead = instead.map_or("undefined".to_owned(), Value::to_string);
        Self::invalid(format!("body failed validation: body.{path} {rule}, instead was `{instead}`."))
    }

    /// 400 for a property that the schema does not have.
    pub(super) fn no_such_property(name: &str) -> Self {
        Self::invalid(format!("Could not find property with name or id: {name}"))
    }

    /// 404: absent, or not shared with the integration; Notion does not say which.
    pub(super) fn not_found(what: &str, id: Uuid) -> Self {
        let mut refusal = Self::new(
            404,
            "object_not_found",
            format!(
                "Could not find {what} with ID: {id}. Make sure the relevant pages and databases are shared with your \
                 integration \"{}\".",
                ids::INTEGRATION_NAME
            ),
        );
        refusal.additional = Some(json!({"integration_id": ids::INTEGRATION.to_string()}));
        refusal
    }

    /// 400: no such endpoint, or not in this version.
    pub(super) fn no_such_endpoint() -> Self {
        Self::new(400, "invalid_request_url", "Invalid request URL.")
    }

    /// 429 with the wait, of a fixed window of requests.
    pub(super) fn rate_limited(seconds: u64) -> Self {
        let mut refusal = Self::of_status(429, Some(seconds));
        let reason = "public_api_request_rate_limit";
        refusal.additional = Some(json!({"rate_limit_reason": reason, "retry_after": seconds.to_string()}));
        refusal
    }

    /// The refusal that goes with an HTTP status, for faults.
    pub(super) fn of_status(status: u16, retry_after: Option<u64>) -> Self {
        let (code, message) = match status {
            400 => ("validation_error", "body failed validation."),
            401 => ("unauthorized", "API token is invalid."),
            403 => ("restricted_resource", "Insufficient permissions for this endpoint."),
            404 => ("object_not_found", "Could not find the object."),
            409 => ("conflict_error", "Conflict occurred while saving. Please try again."),
            413 => ("validation_error", "body failed validation: body.length should be ≤ `512000`."),
            429 => ("rate_limited", "You have been rate limited. Please try again in a few minutes."),
            502 => ("bad_gateway", "Notion is unavailable, please try again later."),
            503 => ("service_unavailable", "Notion is unavailable, please try again later."),
            504 => ("gateway_timeout", "Notion timed out while attempting to complete this request."),
            529 => ("service_overload", "Notion is overloaded, please try again later."),
            _ => ("internal_server_error", "Unexpected error occurred."),
        };
        // Notion has no 413: a body that is too long fails its validation.
        let status = if status == 413 { 400 } else { status };
        Self { retry_after, ..Self::new(status, code, message) }
    }

    /// The answer on the wire.
    pub(super) fn reply(self) -> Reply {
        let request_id = ids::random();
        let mut body = Map::new();
        body.insert("object".into(), "error".into());
        body.insert("status".into(), self.status.into());
        body.insert("code".into(), self.code.into());
        body.insert("message".into(), self.message.into());
        if let Some(additional) = self.additional {
            body.insert("additional_data".into(), additional);
        }
        body.insert("request_id".into(), request_id.to_string().into());
        let reply = Reply::new(self.status, &Value::Object(body)).with("x-notion-request-id", &request_id);
        match self.retry_after {
            Some(seconds) => reply.with("Retry-After", &seconds),
            None => reply,
        }
    }
}

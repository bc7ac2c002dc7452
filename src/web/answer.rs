//! An answer of ours: a body that is ready, and the headers that every answer has.
//!
//! Deliberately absent: compression. The bodies are small, and a secret beside a reflected text is not to be measured.

use actix_web::HttpResponse;
use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::Problem;

/// Plain JSON.
pub(super) static JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What every answer says. Nothing of ours is to be kept by a cache, framed, sniffed or run.
static HEADERS: [(HeaderName, HeaderValue); 5] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
];

/// The answer that carries `body`.
pub(super) fn answer(status: StatusCode, content_type: &HeaderValue, body: impl Into<Bytes>) -> HttpResponse {
    let mut answer = bare(status, BoxBody::new(body.into()));
    answer.headers_mut().insert(header::CONTENT_TYPE, content_type.clone());
    answer
}

/// The answer that carries `document`.
pub(super) fn json(status: StatusCode, document: &impl Serialize) -> Result<HttpResponse, Problem> {
    let body = serde_json::to_vec(document).map_err(|error| {
        log::error!("an answer cannot be written as JSON: {error}");
        Problem::internal()
    })?;
    Ok(answer(status, &JSON, body))
}

/// A word on how it is.
#[derive(Serialize, ToSchema)]
pub(super) struct Word {
    /// `ok`; or `accepted`: it is done soon after the answer.
    status: &'static str,
}

/// The answer that says `word`.
pub(super) fn word(status: StatusCode, word: &'static str) -> Result<HttpResponse, Problem> {
    json(status, &Word { status: word })
}

/// The answer to what was done and needs no more words.
pub(super) fn no_content() -> HttpResponse {
    bare(StatusCode::NO_CONTENT, BoxBody::new(()))
}

fn bare(status: StatusCode, body: BoxBody) -> HttpResponse {
    let mut answer = HttpResponse::with_body(status, body);
    let headers = answer.headers_mut();
    for (name, value) in &HEADERS {
        headers.insert(name.clone(), value.clone());
    }
    answer
}

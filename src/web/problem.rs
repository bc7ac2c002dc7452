//! What went wrong, as `application/problem+json` (RFC 9457).

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::answer;
use crate::store::StoreError;

static PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// When it is worth asking again after the store has failed.
const AFTER_STORE_FAULT: Duration = Duration::from_secs(5);

/// An error that the asker is told of. Everybody may read it: nothing that a party said belongs in here.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    detail: Cow<'static, str>,
    missing: &'static [&'static str],
    header: Option<(HeaderName, HeaderValue)>,
}

/// What went wrong (RFC 9457). The kind of problem is its status, so that the type is the one that says so.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct Body<'a> {
    /// Always `about:blank`.
    r#type: &'static str,
    /// The words for the status.
    title: &'static str,
    status: u16,
    /// What is wrong, and what would be right.
    detail: &'a str,
    /// What it takes to be ready and is not there; only where that is the problem.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    missing: &'static [&'static str],
}

impl Problem {
    fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, detail: detail.into(), missing: &[], header: None }
    }

    /// 400.
    pub(super) fn bad_request(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 401: a token is needed, or the one that was shown is not ours.
    pub(super) fn unauthorized(detail: &'static str) -> Self {
        let challenge = HeaderValue::from_static("Bearer realm=\"auto-operator\"");
        Self { header: Some((header::WWW_AUTHENTICATE, challenge)), ..Self::new(StatusCode::UNAUTHORIZED, detail) }
    }

    /// 403.
    pub(super) fn forbidden(detail: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// 404: something named in the path is not there.
    pub(super) fn unknown(detail: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// 405: what is at this path takes other methods, those of `allow`.
    pub(super) fn not_allowed(allow: &'static str, detail: &'static str) -> Self {
        let allow = (header::ALLOW, HeaderValue::from_static(allow));
        Self { header: Some(allow), ..Self::new(StatusCode::METHOD_NOT_ALLOWED, detail) }
    }

    /// 408: what was to come with the request did not come in time.
    pub(super) fn too_slow(detail: &'static str) -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, detail)
    }

    /// 409: as things are, it makes no sense.
    pub(super) fn conflict(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// 413.
    pub(super) fn too_large(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    }

    /// 415.
    pub(super) fn unsupported(detail: &'static str) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
    }

    /// 429: not before `wait` is over.
    pub(super) fn too_many_requests(detail: &'static str, wait: Duration) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, detail).retry_after(wait)
    }

    /// 500: our own fault.
    pub(super) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Something in auto-operator failed; its log says what.")
    }

    /// 503.
    pub(super) fn unavailable(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    /// What is said of it.
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    /// With the names of what is missing.
    pub(super) fn missing(self, missing: &'static [&'static str]) -> Self {
        Self { missing, ..self }
    }

    /// With the time after which it is worth asking again, in whole seconds, rounded up.
    pub(super) fn retry_after(self, wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Self { header: Some((header::RETRY_AFTER, HeaderValue::from(seconds))), ..self }
    }
}

/// What the store says stands in the log, for those who can do something about it.
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::WrongCursor) {
            return Self::bad_request("cursor is to be what `next` said on the page before.");
        }
        log::warn!("a request could not be answered from the database: {error}");
        let detail = "The database cannot be used at the moment; ask again in a few seconds.";
        Self::unavailable(detail).retry_after(AFTER_STORE_FAULT)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status, self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let body = Body {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            missing: self.missing,
        };
        let mut answer = answer(self.status, &PROBLEM_JSON, serde_json::to_vec(&body).unwrap_or_default());
        if let Some((name, value)) = &self.header {
            answer.headers_mut().insert(name.clone(), value.clone());
        }
        answer
    }
}

/// The answer to a path that is not there.
pub(super) async fn not_found() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "There is nothing at this path.")
}

/// A name that somebody gave us, to be shown to them.
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", shortened(name, 60))
}

/// `text` without its end where it is longer than `limit` characters.
pub(super) fn shortened(text: &str, limit: usize) -> Cow<'_, str> {
    match text.char_indices().nth(limit) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

impl actix_web::Responder for Problem {
    type Body = BoxBody;

    fn respond_to(self, _: &actix_web::HttpRequest) -> HttpResponse<BoxBody> {
        self.error_response()
    }
}

//! A complete answer of a party, and what its status and headers mean before anybody reads the body.

use std::time::{Duration, SystemTime};

use actix_web::web::Bytes;
use serde::de::IgnoredAny;

use super::error::{ClientError, ErrorKind};
use super::redact;
use crate::secret::Secret;

/// The longest wait that we let a party ask for.
pub const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// How the detail of an error ends whose answer does not even say that it is JSON: somebody else may have given it.
pub const NOT_JSON: &str = ", not JSON";

/// An answer, read to its end.
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// How long the party asked us to wait, at most [`LONGEST_WAIT`].
    pub retry_after: Option<Duration>,
    /// The media type without its parameters, in lower case; empty where none was given.
    pub content_type: String,
    /// The body, decompressed.
    pub body: Bytes,
    pub(super) secrets: Vec<Secret>,
}

impl Reply {
    /// Whether the status is a 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether the body says that it is JSON.
    pub fn is_json(&self) -> bool {
        self.content_type == "application/json" || self.content_type.ends_with("+json")
    }

    /// The body of a successful answer in JSON; anything else is an error ([`Reply::error`]).
    pub fn json(&self) -> Result<&[u8], ClientError> {
        if self.is_success() && self.is_json() { Ok(&self.body) } else { Err(self.error("")) }
    }

    /// The error that this answer is, by its status; `detail` is what the party said about it, if it said something.
    ///
    /// A success that ends up here is garbage: it was not in the language that its reader expected.
    pub fn error(&self, detail: impl AsRef<str>) -> ClientError {
        self.error_as(self.kind(), detail)
    }

    /// The same where the reader knows the kind better than the status tells.
    pub fn error_as(&self, kind: ErrorKind, detail: impl AsRef<str>) -> ClientError {
        let known: Vec<&str> = self.secrets.iter().map(Secret::expose).collect();
        let detail = match redact::clean(detail.as_ref(), &known) {
            empty if empty.is_empty() => redact::clean(&self.default_detail(), &known),
            detail => detail,
        };
        ClientError { kind, status: Some(self.status), retry_after: self.retry_after, detail }
    }

    /// The error that a successful answer is which says that it is JSON and cannot be read: a page to sign in to some
    /// network may say so, too.
    pub fn of_another_shape(&self) -> ClientError {
        let is_json = serde_json::from_slice::<IgnoredAny>(&self.body).is_ok();
        self.error(match self.body.trim_ascii_start().first() {
            _ if is_json => "answered with JSON of another shape",
            None => "answered with nothing, though it says that it is JSON",
            Some(b'<') => "answered with HTML, though it says that it is JSON",
            Some(_) => "answered with what is no JSON, though it says so",
        })
    }

    fn kind(&self) -> ErrorKind {
        match self.status {
            401 => ErrorKind::Unauthorized,
            402 => ErrorKind::QuotaExhausted,
            403 => ErrorKind::Forbidden,
            404 => ErrorKind::NotFound,
            408 => ErrorKind::Timeout,
            429 => ErrorKind::RateLimited,
            400..500 => ErrorKind::BadRequest,
            500..600 => ErrorKind::ServerFault,
            _ => ErrorKind::Garbage,
        }
    }

    fn default_detail(&self) -> String {
        match self.status {
            300..400 => "redirected".to_owned(),
            _ if self.is_json() => String::new(),
            _ if self.content_type.contains("html") => format!("answered with HTML{NOT_JSON}"),
            _ if self.content_type.is_empty() => "answered with nothing that says it is JSON".to_owned(),
            _ => format!("answered with {}{NOT_JSON}", self.content_type),
        }
    }
}

/// Reads a `Retry-After`: seconds (a fraction is tolerated) or an HTTP date, seen from `now`.
pub(super) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    let wait = if value.starts_with(|c: char| c.is_ascii_digit()) {
        let seconds: f64 = value.parse().ok()?;
        Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST_WAIT)
    } else {
        httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or(Duration::ZERO)
    };
    Some(wait.min(LONGEST_WAIT))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    fn reply(status: u16, content_type: &str) -> Reply {
        Reply { status, retry_after: None, content_type: content_type.to_owned(), body: Bytes::new(), secrets: vec![] }
    }

    #[test]
    fn a_status_means_a_kind() {
        let table = [
            (200, ErrorKind::Garbage),
            (302, ErrorKind::Garbage),
            (400, ErrorKind::BadRequest),
            (401, ErrorKind::Unauthorized),
            (402, ErrorKind::QuotaExhausted),
            (403, ErrorKind::Forbidden),
            (404, ErrorKind::NotFound),
            (408, ErrorKind::Timeout),
            (409, ErrorKind::BadRequest),
            (429, ErrorKind::RateLimited),
            (500, ErrorKind::ServerFault),
            (529, ErrorKind::ServerFault),
            (999, ErrorKind::Garbage),
        ];
        for (status, kind) in table {
            assert_eq!(reply(status, "application/json").error("").kind, kind, "for {status}");
        }
    }

    #[test]
    fn an_answer_that_is_no_json_says_so() {
        let table = [
            (503, "text/html", ErrorKind::ServerFault, "answered with HTML, not JSON"),
            (200, "text/html", ErrorKind::Garbage, "answered with HTML, not JSON"),
            (200, "text/plain", ErrorKind::Garbage, "answered with text/plain, not JSON"),
            (200, "", ErrorKind::Garbage, "answered with nothing that says it is JSON"),
            (307, "text/html", ErrorKind::Garbage, "redirected"),
            (500, "application/problem+json", ErrorKind::ServerFault, ""),
        ];
        for (status, content_type, kind, detail) in table {
            let error = reply(status, content_type).json().unwrap_err();
            assert_eq!((error.kind, error.detail.as_str()), (kind, detail), "for {status} {content_type}");
        }
    }

    #[test]
    fn an_answer_that_only_says_that_it_is_json_is_not_called_so() {
        for (body, detail) in [
            (r#"{"a":1}"#, "answered with JSON of another shape"),
            ("[]", "answered with JSON of another shape"),
            ("\n<!DOCTYPE html><html>Sign in", "answered with HTML, though it says that it is JSON"),
            (r#"{"a":"#, "answered with what is no JSON, though it says so"),
            ("hello", "answered with what is no JSON, though it says so"),
            (" ", "answered with nothing, though it says that it is JSON"),
        ] {
            let reply = Reply { body: Bytes::from(body), ..reply(200, "application/json") };
            let error = reply.of_another_shape();
            assert_eq!((error.kind, error.detail.as_str()), (ErrorKind::Garbage, detail), "{body}");
        }
    }

    #[test]
    fn a_detail_does_not_tell_the_secrets_of_the_request() {
        let reply = Reply { secrets: vec![Secret::new("hunter2")], ..reply(401, "application/json") };
        assert_eq!(reply.error("bad key hunter2").detail, "bad key [secret]");
    }

    #[test]
    fn a_wait_is_read_in_seconds_or_as_a_date_and_is_at_most_a_day() {
        let now = httpdate::parse_http_date("Fri, 17 Oct 2025 13:58:48 GMT").unwrap();
        let table = [
            ("35", Some(35)),
            (" 0 ", Some(0)),
            ("99999999999999999999", Some(86_400)),
            ("Fri, 17 Oct 2025 14:00:00 GMT", Some(72)),
            ("Fri, 17 Oct 2025 13:00:00 GMT", Some(0)),
            ("Wed, 17 Oct 2035 13:00:00 GMT", Some(86_400)),
            ("soon", None),
            ("-3", None),
            ("1 minute", None),
            ("", None),
        ];
        for (value, seconds) in table {
            assert_eq!(retry_after(value, now), seconds.map(Duration::from_secs), "for {value:?}");
        }
        assert_eq!(retry_after("1.5", now), Some(Duration::from_millis(1500)));
    }
}

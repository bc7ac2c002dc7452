#![allow(clippy::unwrap_used)]

use super::*;
use actix_web::web::Bytes;

fn fault(status: u16, content_type: &str, body: &str) -> Fault {
    let body = Bytes::copy_from_slice(body.as_bytes());
    Fault::of(&Reply { status, retry_after: None, content_type: content_type.into(), body, secrets: vec![] })
}

fn told(status: u16, code: &str, additional: &str) -> Fault {
    let body = format!(
        r#"{{"object":"error","status":{status},"code":"{code}","message":"Said so.","additional_data":{additional},"request_id":"r"}}"#
    );
    fault(status, "application/json", &body)
}

#[test]
fn what_notion_says_decides_the_kind_and_what_to_do_next() {
    let shared = || Cause::Rest { shared: true };
    for (fault, kind, cause) in [
        (told(400, "validation_error", "null"), ErrorKind::BadRequest, Cause::Other),
        (
            told(
                400,
                "validation_error",
                r#"{"error_type":"multiple_data_sources_for_database","child_data_source_ids":["a","b"]}"#,
            ),
            ErrorKind::BadRequest,
            Cause::SeveralDataSources(vec!["a".into(), "b".into()]),
        ),
        (told(401, "unauthorized", "null"), ErrorKind::Unauthorized, Cause::Token),
        (told(403, "restricted_resource", "null"), ErrorKind::Forbidden, Cause::Other),
        (
            told(403, "restricted_resource", r#"{"block_limit":"block_creation"}"#),
            ErrorKind::QuotaExhausted,
            Cause::Other,
        ),
        (told(404, "object_not_found", r#"{"integration_id":"i"}"#), ErrorKind::NotFound, Cause::Other),
        (told(409, "conflict_error", "null"), ErrorKind::ServerFault, Cause::Other),
        (told(429, "rate_limited", "null"), ErrorKind::RateLimited, shared()),
        (
            told(429, "rate_limited", r#"{"rate_limit_reason":"public_api_space_request_rate_limit"}"#),
            ErrorKind::RateLimited,
            shared(),
        ),
        (
            told(429, "rate_limited", r#"{"rate_limit_reason":"public_api_endpoint_rate_limit"}"#),
            ErrorKind::RateLimited,
            Cause::Rest { shared: false },
        ),
        (
            told(429, "rate_limited", r#"{"rate_limit_reason":"public_api_request_blocked"}"#),
            ErrorKind::Forbidden,
            Cause::Other,
        ),
        (told(500, "internal_server_error", "null"), ErrorKind::ServerFault, Cause::Passing),
        (told(503, "service_unavailable", r#"{"retry_guidance":["wait"]}"#), ErrorKind::ServerFault, Cause::Passing),
        (
            told(503, "service_unavailable", r#"{"committed_resource_id":"p"}"#),
            ErrorKind::ServerFault,
            Cause::Stored("p".into()),
        ),
        (told(529, "service_overload", "null"), ErrorKind::ServerFault, shared()),
    ] {
        assert_eq!((fault.error.kind, &fault.cause), (kind, &cause));
        assert_eq!(fault.error.detail, "Said so.");
    }
}

#[test]
fn the_edge_may_say_anything_at_all() {
    for (fault, kind, detail) in [
        (fault(503, "text/html", "<html>oops</html>"), ErrorKind::ServerFault, "answered with HTML, not JSON"),
        (fault(403, "text/html; charset=utf-8", "<html>"), ErrorKind::Forbidden, "answered with HTML, not JSON"),
        (fault(200, "text/html", "<html>"), ErrorKind::Garbage, "answered with HTML, not JSON"),
        (fault(502, "text/plain", "bad gateway"), ErrorKind::ServerFault, "answered with text/plain, not JSON"),
        (fault(500, "application/json", r#"{"message":7}"#), ErrorKind::ServerFault, ""),
        (fault(500, "application/json", r#"["#), ErrorKind::ServerFault, ""),
        (
            fault(400, "application/json", r#"{"message":"cut \ud83d"}"#),
            ErrorKind::BadRequest,
            "cut \u{fffd}\u{fffd}\u{fffd}",
        ),
    ] {
        assert_eq!((fault.error.kind, fault.error.detail.as_str()), (kind, detail));
    }
}

#[test]
fn the_wait_may_stand_in_the_body() {
    for (json, expected) in
        [(r#""35""#, Some(35)), ("35", Some(35)), (r#""soon""#, None), ("-1", None), ("1e300", None)]
    {
        let fault = told(429, "rate_limited", &format!(r#"{{"retry_after":{json}}}"#));
        assert_eq!(fault.error.retry_after, expected.map(Duration::from_secs), "{json}");
    }
}

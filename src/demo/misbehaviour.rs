//! The answers that no party would give: how a [`Fault`](super::fault::Fault) looks on the wire.
//!
//! Bodies without end are streamed: what is not read is not made.

use std::time::Duration;

use actix_web::web::Bytes;
use actix_web::{Error, HttpResponse};
use futures_util::{StreamExt, stream};

use super::server::{Busy, status};

/// One chunk of a huge body: the inside of a JSON string.
static CHUNK: [u8; 16 * 1024] = [b'x'; 16 * 1024];

pub(super) fn html(code: u16) -> HttpResponse {
    let page = format!(
        "<!DOCTYPE html>\n<html><head><title>{code}: the edge</title></head>\
         <body><h1>Error {code}</h1><p>The origin could not be reached.</p></body></html>\n"
    );
    HttpResponse::build(status(code)).content_type("text/html; charset=utf-8").body(page)
}

pub(super) fn half_json() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(r#"{"object":"list","ok":true,"results":[{"object":"pa"#)
}

pub(super) fn wrong_content_type() -> HttpResponse {
    // A client that does not look at the type reads from it that there is nothing, and that this is well.
    let nothing = r#"{"object":"list","ok":true,"result":{},"results":[],"has_more":false,"next_cursor":null,
        "data":[],"choices":[{"index":0,"message":{"role":"assistant","content":"pong"}}],"items":[],"properties":{}}"#;
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(nothing)
}

pub(super) fn redirect(to: &str) -> HttpResponse {
    HttpResponse::TemporaryRedirect().insert_header(("Location", to)).finish()
}

pub(super) fn huge_body(bytes: u64, busy: Busy) -> HttpResponse {
    let chunks = usize::try_from(bytes / CHUNK.len() as u64).unwrap_or(usize::MAX);
    let inside = std::iter::repeat_n(Bytes::from_static(&CHUNK), chunks);
    let whole =
        std::iter::once(Bytes::from_static(b"{\"object\":\"")).chain(inside).chain([Bytes::from_static(b"\"}")]);
    json_stream(stream::iter(whole), busy)
}

pub(super) fn drip(every: Duration, busy: Busy) -> HttpResponse {
    let start = stream::once(async { Bytes::from_static(b"{") });
    let rest = stream::unfold((), move |()| async move {
        tokio::time::sleep(every).await;
        Some((Bytes::from_static(b" "), ()))
    });
    json_stream(start.chain(rest), busy)
}

/// Sends `chunks`; `busy` ends with them.
fn json_stream(chunks: impl stream::Stream<Item = Bytes> + 'static, busy: Busy) -> HttpResponse {
    let body = chunks.map(move |chunk| {
        let _ = &busy;
        Ok::<_, Error>(chunk)
    });
    HttpResponse::Ok().content_type("application/json").streaming(Box::pin(body))
}

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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::{self, Read, Write};
    use std::net::TcpStream;

    use super::super::OpenAi;
    use super::super::fault::Fault;
    use super::super::test_client::call;
    use super::*;

    /// Sends a request for the models and gives the connection back.
    fn request(openai: &OpenAi, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(openai.authority()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let key = openai.key();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\r\n")
            .unwrap();
        stream
    }

    fn read_all(mut stream: TcpStream) -> io::Result<String> {
        let mut text = String::new();
        stream.read_to_string(&mut text).map(|_| text)
    }

    #[test]
    fn each_fault_looks_on_the_wire_as_it_is_described() {
        let openai = OpenAi::start().unwrap();
        let refusal = |code, retry_after| Fault::Status { code, retry_after, body: None };
        let own = Fault::Status { code: 418, retry_after: None, body: Some("{\"tea\":1}".into()) };
        for (fault, parts) in [
            (refusal(503, Some(9)), ["HTTP/1.1 503 ", "retry-after: 9\r\n", "server_is_overloaded"]),
            (own, ["HTTP/1.1 418 ", "application/json", "\r\n\r\n{\"tea\":1}"]),
            (Fault::Html { code: 403 }, ["HTTP/1.1 403 ", "text/html", "<h1>Error 403</h1>"]),
            (Fault::HalfJson, ["HTTP/1.1 200 ", "content-length: 51\r\n", "{\"object\":\"pa"]),
            (Fault::WrongContentType, ["HTTP/1.1 200 ", "content-type: text/plain", "\"results\":[]"]),
            (Fault::Redirect { to: "http://e/".into() }, ["HTTP/1.1 307 ", "location: http://e/\r\n", "\r\n\r\n"]),
            (Fault::Delay(Duration::from_millis(20)), ["HTTP/1.1 200 ", "application/json", "gpt-4o-mini"]),
        ] {
            openai.fault_next(1, fault.clone());
            let seen = read_all(request(&openai, "/v1/models")).unwrap();
            parts.iter().for_each(|part| assert!(seen.contains(part), "{fault:?}: {seen}"));
        }
        assert!(read_all(request(&openai, "/v1/models")).unwrap().starts_with("HTTP/1.1 200 "));
    }

    #[test]
    fn a_reset_comes_before_any_byte_and_hurts_nobody_else() {
        let openai = OpenAi::start().unwrap();
        openai.set_fault_on("/models", Some(Fault::Reset));
        let error = read_all(request(&openai, "/v1/models")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert!(read_all(request(&openai, "/v1/else")).unwrap().starts_with("HTTP/1.1 404 "));
        assert_eq!(openai.requests().count(), 2);
    }

    #[actix_web::test]
    async fn what_never_ends_is_let_go_when_the_caller_leaves() {
        let openai = OpenAi::start().unwrap();
        let second = Duration::from_secs(1);
        let mut arrived = 0;
        for fault in [Fault::Hang, Fault::Drip { every: Duration::from_millis(1) }, Fault::HugeBody { bytes: 1 << 40 }]
        {
            openai.fault_next(1, fault.clone());
            let stream = request(&openai, "/v1/models");
            arrived += 1;
            assert!(openai.requests().wait_for_count(arrived, 20 * second).await);
            assert!(!openai.wait_until_idle(Duration::from_millis(50)).await, "{fault:?}");
            drop(stream);
            assert!(openai.wait_until_idle(20 * second).await, "{fault:?}");
        }
    }

    #[test]
    fn a_drip_is_one_byte_at_a_time_and_ends_with_the_stand_in() {
        let openai = OpenAi::start().unwrap();
        openai.set_fault(Some(Fault::Drip { every: Duration::from_millis(1) }));
        let mut stream = request(&openai, "/v1/models");
        let mut seen = String::new();
        let mut byte = [0];
        while !seen.contains("1\r\n{\r\n1\r\n \r\n1\r\n \r\n") {
            stream.read_exact(&mut byte).unwrap();
            seen.push(char::from(byte[0]));
        }
        let address = openai.authority();
        drop(openai);
        // It breaks off, whether with an error or not.
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(!rest.ends_with(b"0\r\n\r\n"));
        assert!(TcpStream::connect(address).is_err());
    }

    #[actix_web::test]
    async fn a_huge_body_has_the_bytes_it_was_asked_for() {
        let openai = OpenAi::start().unwrap();
        openai.set_fault(Some(Fault::HugeBody { bytes: 3 << 20 }));
        let seen = call("GET", &format!("{}/models", openai.url()), &[], &serde_json::Value::Null).await;
        assert_eq!((seen.status, seen.body["object"].as_str().map(str::len)), (200, Some(3 << 20)));
    }
}

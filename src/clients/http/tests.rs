use std::time::Instant;

use super::*;
use crate::clients::raw_server::{Conversation, RawServer, answer, json};
use crate::secret::Secret;

/// Long enough for a loaded machine, short enough to notice that a deadline was ignored.
const PATIENCE: Duration = Duration::from_secs(20);
/// For servers that never come to an end.
const SOON: Duration = Duration::from_millis(300);

async fn get(server: &RawServer) -> Result<Reply, ClientError> {
    Http::new().send(Request::get(&server.url("/v1/things?q=1")), PATIENCE).await
}

async fn kind_of(answer: Vec<u8>) -> (ErrorKind, String) {
    // Twice, for the repetition where the first one breaks off.
    let server = RawServer::answering([answer.clone(), answer]).await;
    let error = get(&server).await.and_then(|reply| reply.json().map(drop)).unwrap_err();
    (error.kind, error.detail)
}

/// The error of a request to a server that never finishes, which must come at its deadline and close the connection.
async fn at_the_deadline<F, Fut>(serve: F) -> ClientError
where
    F: Fn(Conversation) -> Fut + 'static,
    Fut: Future<Output = Conversation> + 'static,
{
    let (hung_up, mut was_hung_up) = tokio::sync::mpsc::unbounded_channel();
    let server = RawServer::start(move |_, conversation| {
        let (serving, hung_up) = (serve(conversation), hung_up.clone());
        async move {
            serving.await.until_hung_up().await;
            hung_up.send(()).unwrap();
        }
    })
    .await;
    let start = Instant::now();
    let error = Http::new().send(Request::get(&server.url("/")), SOON).await.err().unwrap();
    assert!(start.elapsed() < SOON + Duration::from_secs(3), "the deadline was ignored: {:?}", start.elapsed());
    tokio::time::timeout(PATIENCE, was_hung_up.recv()).await.expect("the connection was kept after the deadline");
    error
}

#[actix_rt::test]
async fn a_good_answer_comes_whole_with_what_was_asked() {
    let server = RawServer::answering([json(200, r#"{"a":1}"#)]).await;
    let (url, key) = (server.url("/v1/query"), Secret::new("key-1"));
    let request = Request::post(&url).bearer(&key).header("notion-version", "2025-09-03").json(&[1, 2]);
    let reply = Http::new().send(request, PATIENCE).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(reply.json().unwrap(), br#"{"a":1}"#);
    assert_eq!(reply.content_type, "application/json");

    let heard = server.requests().remove(0);
    assert!(heard.starts_with("POST /v1/query HTTP/1.1\r\n"), "{heard}");
    for line in [
        "authorization: Bearer key-1",
        "notion-version: 2025-09-03",
        "content-type: application/json",
        concat!("user-agent: auto-operator/", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(heard.contains(&format!("{line}\r\n")), "{line} is missing in {heard}");
    }
    assert!(heard.ends_with("\r\n\r\n[1,2]"), "{heard}");
}

#[actix_rt::test]
async fn whatever_comes_instead_of_json_has_a_kind() {
    let html = |status| answer(status, "content-type: text/html; charset=UTF-8\r\n", b"<html>");
    let table = [
        (html(200), ErrorKind::Garbage, "answered with HTML, not JSON"),
        (html(503), ErrorKind::ServerFault, "answered with HTML, not JSON"),
        (html(403), ErrorKind::Forbidden, "answered with HTML, not JSON"),
        (answer(302, "location: http://127.0.0.1:1/\r\n", b""), ErrorKind::Garbage, "redirected"),
        (answer(200, "content-type: text/plain\r\n", b"{}"), ErrorKind::Garbage, "answered with text/plain, not JSON"),
        (json(529, "{}"), ErrorKind::ServerFault, ""),
        (
            b"SSH-2.0-OpenSSH_9.6\r\n\r\n".to_vec(),
            ErrorKind::Garbage,
            "127.0.0.1: answered with something that is not HTTP",
        ),
        (b"HTTP/1.1 200 OK\r\ncontent-le".to_vec(), ErrorKind::Connection, "127.0.0.1: the answer broke off"),
        (b"".to_vec(), ErrorKind::Connection, "127.0.0.1: closed without an answer"),
        (
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{\"a\":".to_vec(),
            ErrorKind::Connection,
            "127.0.0.1: the answer broke off",
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 20\r\n\r\nthis is no gzip data".to_vec(),
            ErrorKind::Garbage,
            "127.0.0.1: the answer could not be decompressed",
        ),
    ];
    for (bytes, kind, detail) in table {
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        assert_eq!(kind_of(bytes).await, (kind, detail.to_owned()), "for {shown:?}");
    }
}

#[actix_rt::test]
async fn the_wait_that_the_party_asked_for_is_in_the_error() {
    let header = "content-type: application/json\r\nretry-after: 35\r\n";
    let server = RawServer::answering([answer(429, header, b"{}"), json(429, "{}")]).await;
    let error = get(&server).await.ok().unwrap().json().unwrap_err();
    assert_eq!((error.kind, error.status), (ErrorKind::RateLimited, Some(429)));
    assert_eq!(error.retry_after, Some(Duration::from_secs(35)));
    assert_eq!(get(&server).await.ok().unwrap().json().unwrap_err().retry_after, None);
}

#[actix_rt::test]
async fn a_server_that_hangs_before_its_answer_is_left_at_the_deadline() {
    let error = at_the_deadline(|conversation| async { conversation }).await;
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert_eq!(error.detail, "127.0.0.1: no complete answer within 300 ms");
}

#[actix_rt::test]
async fn a_server_that_hangs_within_its_body_is_left_at_the_deadline() {
    let error = at_the_deadline(|mut conversation| async {
        conversation.hear().await;
        conversation.say(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345").await;
        conversation
    })
    .await;
    assert_eq!(error.kind, ErrorKind::Timeout);
}

#[actix_rt::test]
async fn a_server_that_drips_is_left_at_the_deadline() {
    let error = at_the_deadline(|mut conversation| async {
        conversation.hear().await;
        conversation.say(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n").await;
        let mut beat = tokio::time::interval(Duration::from_millis(20));
        while conversation.say(b"x").await {
            beat.tick().await;
        }
        conversation
    })
    .await;
    assert_eq!(error.kind, ErrorKind::Timeout);
}

#[actix_rt::test]
async fn a_reset_is_a_lost_connection() {
    let server = RawServer::start(|_, mut conversation| async move {
        conversation.hear().await;
        socket2::SockRef::from(&conversation.stream).set_linger(Some(Duration::ZERO)).unwrap();
    })
    .await;
    let error = get(&server).await.err().unwrap();
    assert_eq!((error.kind, error.detail.as_str()), (ErrorKind::Connection, "127.0.0.1: connection reset"));
    assert_eq!(server.requests().len(), 2, "a GET is repeated once");
}

#[actix_rt::test]
async fn nobody_there_is_a_lost_connection() {
    let server = RawServer::answering([]).await;
    let url = server.url("/");
    drop(server);
    actix_rt::task::yield_now().await;
    let error = Http::new().send(Request::get(&url), PATIENCE).await.err().unwrap();
    assert_eq!((error.kind, error.detail.as_str()), (ErrorKind::Connection, "127.0.0.1: connection refused"));
}

/// How much a server could write of 50 MB that follow `head`, and what the client said.
async fn fifty_megabytes(head: &'static str) -> (usize, ClientError) {
    let (told, mut written) = tokio::sync::mpsc::unbounded_channel();
    let server = RawServer::start(move |_, mut conversation| {
        let told = told.clone();
        async move {
            conversation.hear().await;
            conversation.say(head.as_bytes()).await;
            let (chunk, mut count) = (vec![b' '; 100_000], 0);
            while count < 50_000_000 && conversation.say(&chunk).await {
                count += chunk.len();
            }
            told.send(count).unwrap();
        }
    })
    .await;
    let error = get(&server).await.err().unwrap();
    (written.recv().await.unwrap(), error)
}

#[actix_rt::test]
async fn a_body_that_is_too_large_is_not_read_on() {
    for head in [
        "HTTP/1.1 200 OK\r\ncontent-length: 50000000\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2FAF080\r\n",
    ] {
        let (written, error) = fifty_megabytes(head).await;
        assert_eq!((error.kind, error.detail.as_str()), (ErrorKind::Garbage, "127.0.0.1: answer larger than 8 MiB"));
        assert!(written < 30_000_000, "{written} bytes were taken after {head:?}");
    }
}

/// `repeats` times 258 zero bytes in gzip, in 13 bits each: a block of fixed codes that says "the last byte, 258 times".
fn gzip_bomb(repeats: usize) -> Vec<u8> {
    let mut bits: Vec<bool> = vec![true, true, false];
    let code = |value: u32, length: u32| (0..length).rev().map(move |bit| value >> bit & 1 == 1);
    bits.extend(code(0b0011_0000, 8));
    for _ in 0..repeats {
        bits.extend(code(0b1100_0101, 8));
        bits.extend(code(0, 5));
    }
    bits.extend(code(0, 7));
    let packed =
        bits.chunks(8).map(|byte| byte.iter().enumerate().fold(0, |sum, (at, bit)| sum | u8::from(*bit) << at));
    [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255].into_iter().chain(packed).collect()
}

#[actix_rt::test]
async fn the_limit_counts_what_comes_out_of_a_packed_answer() {
    let bomb = gzip_bomb(400_000);
    assert!(bomb.len() < 700_000, "100 MB in {} bytes", bomb.len());
    let (kind, detail) =
        kind_of(answer(200, "content-type: application/json\r\ncontent-encoding: gzip\r\n", &bomb)).await;
    assert_eq!((kind, detail.as_str()), (ErrorKind::Garbage, "127.0.0.1: answer larger than 8 MiB"));
}

/// Answers the first request on each connection and hangs up at the second, as a server does that closes an idle
/// connection just as the next request is on its way.
async fn server_that_forgets() -> RawServer {
    RawServer::start(|_, mut conversation| async move {
        if conversation.hear().await.is_some() {
            conversation.say(&json(200, "{}")).await;
            conversation.hear().await;
        }
    })
    .await
}

#[actix_rt::test]
async fn a_kept_connection_that_has_died_costs_one_repetition() {
    let server = server_that_forgets().await;
    let (http, url) = (Http::new(), server.url("/"));
    for _ in 0..2 {
        assert!(http.send(Request::get(&url), PATIENCE).await.is_ok());
    }
    assert_eq!(server.requests().len(), 3, "the second request went out on the kept connection and then on a new one");
}

#[actix_rt::test]
async fn what_must_go_out_once_gets_a_connection_of_its_own() {
    let server = server_that_forgets().await;
    let (http, url) = (Http::new(), server.url("/"));
    assert!(http.send(Request::get(&url), PATIENCE).await.is_ok());
    for _ in 0..2 {
        assert!(http.send(Request::post(&url).json("x"), PATIENCE).await.is_ok());
    }
    assert_eq!(server.requests().len(), 3);
}

#[actix_rt::test]
async fn what_must_go_out_once_is_not_repeated() {
    let server = RawServer::answering([]).await;
    let error = Http::new().send(Request::post(&server.url("/")).json("x"), PATIENCE).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::Connection);
    assert_eq!(server.requests().len(), 1);
}

#[actix_rt::test]
async fn a_server_without_tls_is_told_apart_from_none() {
    for words in ["HTTP/1.1 400 Bad Request\r\n\r\n", ""] {
        let server = RawServer::start(move |_, mut conversation| async move {
            // The greeting is read first: bytes left unread would make of the end a reset.
            conversation.stream.readable().await.unwrap();
            conversation.stream.try_read(&mut [0; 4096]).unwrap();
            conversation.say(words.as_bytes()).await;
        })
        .await;
        let url = format!("https://{}/", server.address);
        let error = Http::new().send(Request::get(&url), PATIENCE).await.err().unwrap();
        assert_eq!(error.kind, ErrorKind::Tls, "{error}");
    }
}

#[actix_rt::test]
async fn a_request_that_cannot_be_written_fails_without_showing_what_is_in_it() {
    let http = Http::new();
    let key = Secret::new("hunter2\nhunter2");
    let requests = [
        Request::get("not a URL hunter2"),
        Request::get("ftp://hunter2@example.com/"),
        Request::get("http://127.0.0.1:1/").bearer(&key),
    ];
    for request in requests {
        let error = http.send(request, PATIENCE).await.err().unwrap();
        assert_eq!(error.kind, ErrorKind::BadRequest);
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[test]
fn a_wait_is_told_without_false_precision() {
    let table = [(10_000, "10 s"), (9_999, "10 s"), (2_500, "2.5 s"), (1_000, "1 s"), (250, "250 ms"), (0, "0 ms")];
    for (millis, words) in table {
        assert_eq!(in_words(Duration::from_millis(millis)), words);
    }
}

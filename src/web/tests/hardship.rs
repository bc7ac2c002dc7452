//! What is not a well-meant request, and what goes wrong in ourselves.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use tokio::io::AsyncWriteExt;

use super::sample;
use super::support::{Choice, LONG, Web, hear_out, hear_until};
use crate::web::Ping;

fn well() -> Web {
    Web::showing(sample::well_at(Utc::now()), Choice::default())
}

async fn assert_serves(web: &Web) {
    assert_eq!(web.get("/ops-report").await.status, 200);
}

#[actix_web::test]
async fn a_panic_is_answered_and_the_server_lives_on() {
    let panics: Ping = Arc::new(|| panic!("a bug, put here by a test"));
    let panics_later: Ping = Arc::new(|| Box::pin(async { panic!("a bug, put here by a test") }));
    for ping in [panics, panics_later] {
        let web = Web::showing(sample::well_at(Utc::now()), Choice { ping, ..Choice::default() });
        for _ in 0..3 {
            let told = web.get("/readyz").await;
            assert_eq!((told.status.as_u16(), told.header("content-type")), (500, Some("application/problem+json")));
            assert_eq!(told.header("x-content-type-options"), Some("nosniff"));
            assert!(!told.body.contains("bug"), "{}", told.body);
            assert_serves(&web).await;
        }
    }
}

#[actix_web::test]
async fn garbage_is_refused_and_cut() {
    let web = well();
    let large = format!("GET /ops-report HTTP/1.1\r\nHost: x\r\nX-Large: {}\r\n\r\n", "x".repeat(200_000));
    let many = format!("GET /ops-report HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-Many: x\r\n".repeat(1_000));
    for (said, status) in [
        (&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], "400"),
        (b"\0\0\0\0\r\n\r\n", "400"),
        (b"GET /ops-report\r\n\r\n", "400"),
        (b"GET /ops-report HTTP/9.9\r\n\r\n", "400"),
        (b"GET /ops-report HTTP/1.1\r\nHost x\r\n\r\n", "400"),
        (b"GET /ops-report HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "400"),
        (b"GET /ops-report HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", "400"),
        (large.as_bytes(), "431"),
        (many.as_bytes(), "431"),
    ] {
        let heard = hear_out(&mut web.say(said).await).await;
        let expected = format!("HTTP/1.1 {status} ");
        // The reset after a refusal may overtake it.
        let start = String::from_utf8_lossy(&said[..said.len().min(80)]);
        assert!(heard.starts_with(&expected) || heard.is_empty(), "{start:?} was answered by {heard:?}");
    }
    assert_serves(&web).await;
}

#[actix_web::test]
async fn a_large_header_is_no_reason_to_fail() {
    let web = well();
    let token = "x".repeat(100_000);
    assert_eq!(web.get_with(&token, "/ops-report").await.status, 401);
    assert_eq!(web.ask("GET", "/ops-report", &[("X-Large", &token)]).await.status, 200);
    assert_serves(&web).await;
}

#[actix_web::test]
async fn a_body_that_nobody_asked_for_is_not_waited_for() {
    let web = well();
    let request = "POST /ops-report HTTP/1.1\r\nHost: x\r\nContent-Length: 50000000\r\n\r\nx";
    let heard = hear_out(&mut web.say(request.as_bytes()).await).await;
    assert!(heard.starts_with("HTTP/1.1 405 "), "{heard}");
    assert_serves(&web).await;
}

#[actix_web::test]
async fn a_body_that_is_asked_for_and_does_not_come_is_given_up() {
    let web = Web::start(Choice { ops_token: Some("ops"), ..Choice::default() });
    let head = "POST /api/silences HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ops\r\nContent-Length: 9\r\n\r\n{";
    let heard = hear_out(&mut web.say(head.as_bytes()).await).await;
    assert!(heard.starts_with("HTTP/1.1 408 ") && heard.contains("The body did not come in time."), "{heard}");
    assert_eq!(web.get("/api/silences").await.status, 200);
}

#[actix_web::test]
async fn a_head_that_drips_is_cut() {
    let web = well();
    let mut stream = web.say(b"GET /ops-report HTTP/1.1\r\nHost: x\r\nX-Slow: ").await;
    let (mut reading, mut writing) = stream.split();
    let drip = async {
        let mut beat = tokio::time::interval(Duration::from_millis(200));
        while writing.write_all(b"x").await.is_ok() {
            beat.tick().await;
        }
    };
    let mut heard = vec![];
    let heard_out = tokio::io::AsyncReadExt::read_to_end(&mut reading, &mut heard);
    tokio::select! {
        () = drip => {}
        _ = heard_out => {}
        () = tokio::time::sleep(LONG) => panic!("it is still listened to"),
    }
    assert_serves(&web).await;
}

#[actix_web::test]
async fn requests_in_a_row_are_answered_in_their_order_on_one_connection() {
    let web = well();
    let request = |path: &str, more: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n{more}\r\n");
    let said = request("/healthz", "") + &request("/nothing", "") + &request("/healthz", "Connection: close\r\n");
    let heard = hear_out(&mut web.say(said.as_bytes()).await).await;
    let statuses: Vec<_> = heard.match_indices("HTTP/1.1 ").map(|(at, _)| &heard[at + 9..at + 12]).collect();
    assert_eq!(statuses, ["200", "404", "200"]);
}

#[actix_web::test]
async fn a_panic_does_not_cost_the_connection() {
    let ping: Ping = Arc::new(|| panic!("a bug, put here by a test"));
    let web = Web::showing(sample::well_at(Utc::now()), Choice { ping, ..Choice::default() });
    let mut stream = web.say(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(hear_until(&mut stream, "}").await.starts_with("HTTP/1.1 500 "));
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(hear_until(&mut stream, "}").await.starts_with("HTTP/1.1 200 "));
}

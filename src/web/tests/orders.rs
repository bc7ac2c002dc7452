//! What goes for every request of the API: who may, what a body may be, which methods there are.

use futures_util::future::join_all;

use super::report::assert_problem;
use super::support::{Choice, Told, Web, hear_until};

const WRITES: [(&str, &str, &str); 3] = [
    ("POST", "/api/incidents/i-1/ack", r#"{"by": "ada"}"#),
    ("POST", "/api/silences", r#"{"for": "2h"}"#),
    ("DELETE", "/api/silences/s-1", ""),
];

const READS: [&str; 5] =
    ["/api/incidents", "/api/incidents/i-1", "/api/silences", "/api/silences/s-1", "/api/deliveries"];

/// The bodies that are taken.
const TAKERS: [&str; 2] = ["/api/incidents/i-1/ack", "/api/silences"];

fn web(ops_token: Option<&'static str>, read_token: Option<&'static str>) -> Web {
    Web::start(Choice { ops_token, read_token, ..Choice::default() })
}

async fn write(web: &Web, (method, path, body): (&str, &str, &str), authorization: Option<&str>) -> Told {
    let mut headers = vec![("Content-Type", "application/json")];
    headers.extend(authorization.map(|value| ("Authorization", value)));
    web.send(method, path, &headers, body).await
}

#[actix_web::test]
async fn whoever_changes_something_is_the_operator() {
    for order in WRITES {
        for (ops, read, authorization, status) in [
            (None, None, None, 403),
            (None, None, Some("Bearer ops"), 403),
            (None, Some("read"), Some("Bearer read"), 403),
            (Some("ops"), None, None, 401),
            (Some("ops"), None, Some("Bearer wrong"), 401),
            (Some("ops"), None, Some("Basic b3BzOm9wcw=="), 401),
            (Some("ops"), Some("read"), Some("Bearer read"), 403),
        ] {
            let web = web(ops, read);
            let told = write(&web, order, authorization).await;
            assert_eq!(told.status, status, "{order:?} {ops:?} {read:?} {authorization:?}: {}", told.body);
            assert_eq!(told.header("content-type"), Some("application/problem+json"));
            let challenge = (status == 401).then_some("Bearer realm=\"auto-operator\"");
            assert_eq!(told.header("www-authenticate"), challenge);
        }
        let web = web(Some("ops"), None);
        for _ in 0..10 {
            assert_eq!(write(&web, order, Some("Bearer guess")).await.status, 401);
        }
        let told = write(&web, order, Some("Bearer ops")).await;
        assert_eq!(told.status, 429);
        assert!(told.header("retry-after").is_some());
    }
}

#[actix_web::test]
async fn whoever_reads_the_report_reads_the_history() {
    for path in READS {
        let found = if path.ends_with("-1") { 404 } else { 200 };
        assert_eq!(web(None, None).get(path).await.status, found, "{path}");
        assert_eq!(web(Some("ops"), Some("read")).get(path).await.status, 401, "{path}");
        assert_eq!(web(Some("ops"), Some("read")).get_with("read", path).await.status, found, "{path}");
        assert_eq!(web(Some("ops"), Some("read")).get_with("wrong", path).await.status, 401, "{path}");
        let web = web(None, None);
        let (head, get) = (web.ask("HEAD", path, &[]).await, web.get(path).await);
        assert_eq!((head.status, head.body.as_str()), (get.status, ""), "{path}");
        assert_eq!(head.header("content-length"), get.header("content-length"), "{path}");
        for told in [head, get] {
            assert_eq!(
                (told.header("cache-control"), told.header("x-content-type-options")),
                (Some("no-store"), Some("nosniff"))
            );
        }
    }
}

#[actix_web::test]
async fn other_methods_are_told_which_there_are() {
    let web = web(Some("ops"), None);
    let (read, take) = ("This path can only be read: GET or HEAD.", "This path takes orders: POST.");
    let (add, end) = (
        "This path can be read and added to: GET, HEAD or POST.",
        "This path can be read and ended: GET, HEAD or DELETE.",
    );
    for (path, allow, detail) in [
        ("/api/incidents", "GET, HEAD", read),
        ("/api/incidents/i-1", "GET, HEAD", read),
        ("/api/incidents/i-1/ack", "POST", take),
        ("/api/silences", "GET, HEAD, POST", add),
        ("/api/silences/s-1", "GET, HEAD, DELETE", end),
        ("/api/deliveries", "GET, HEAD", read),
    ] {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"] {
            if allow.split(", ").any(|allowed| allowed == method) {
                continue;
            }
            let told = web.ask(method, path, &[("Authorization", "Bearer ops")]).await;
            assert_eq!((told.status.as_u16(), told.header("allow")), (405, Some(allow)), "{method} {path}");
            if method != "HEAD" {
                assert_problem(&told, 405, detail);
            }
        }
    }
    for path in ["/api", "/api/", "/api/incidents/", "/api/incidents/i-1/", "/api/incidents/i-1/ack/", "/api/silence"] {
        assert_problem(&web.get(path).await, 404, "There is nothing at this path.");
    }
}

#[actix_web::test]
async fn a_body_is_json_of_a_bounded_size_with_nothing_in_it_that_nobody_reads() {
    let web = web(Some("ops"), None);
    let not_json = "The body is to be JSON: send it uncompressed with Content-Type: application/json.";
    for path in TAKERS {
        for (name, value) in [
            ("X-Nothing", "x"),
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Content-Type", "text/plain; application/json"),
            ("Content-Type", "application/jsonp"),
            ("Content-Encoding", "gzip"),
        ] {
            let mut headers = vec![("Authorization", "Bearer ops"), (name, value)];
            if name == "Content-Encoding" {
                headers.push(("Content-Type", "application/json"));
            }
            assert_problem(&web.send("POST", path, &headers, r#"{"for": "2h"}"#).await, 415, not_json);
        }
        let large = format!(r#"{{"by": "{}"}}"#, "x".repeat(16 << 10));
        assert_problem(&web.order("POST", path, &large).await, 413, "The body is larger than 16 KiB.");
        for body in ["[]", "null", "\"x\"", "2", "  "] {
            assert_problem(&web.order("POST", path, body).await, 400, "The body is to be a JSON object.");
        }
        for body in [r#"{"by": "ada", "whom": "x"}"#, r#"{"by": "ada""#, r#"{"by": 1}"#, r#"{"by": "a"} {}"#] {
            let told = web.order("POST", path, body).await;
            let detail = told.json()["detail"].as_str().unwrap().to_owned();
            assert!(told.status == 400 && detail.starts_with("The body cannot be read: "), "{path} {body}: {detail}");
            assert!(!body.contains("whom") || detail.contains("unknown field `whom`"), "{detail}");
        }
    }
    for (path, rest) in TAKERS.into_iter().zip(["", r#", "for": "2h""#]) {
        for by in ["ä".repeat(101).as_str(), "", " ", "ada\\nbob", "\\u0000"] {
            let told = web.order("POST", path, &format!(r#"{{"by": "{by}"{rest}}}"#)).await;
            assert_problem(&told, 400, "by is to be one line of 1 to 100 characters.");
        }
    }
    let typed = [("Authorization", "Bearer ops"), ("Content-Type", "Application/JSON; charset=utf-8")];
    assert_eq!(web.send("POST", "/api/silences", &typed, r#"{"for": "2h"}"#).await.status, 201);
    assert_eq!(web.get("/api/silences").await.json()["silences"].as_array().map(Vec::len), Some(1));
}

#[actix_web::test]
async fn the_rest_of_a_body_that_is_too_large_is_not_waited_for() {
    let web = web(Some("ops"), None);
    let head =
        "POST /api/silences HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ops\r\nContent-Type: application/json\r\n";
    for rest in [
        "Content-Length: 50000000\r\n\r\n{",
        &format!("Transfer-Encoding: chunked\r\n\r\n5000\r\n{}", " ".repeat(0x5000)),
    ] {
        let heard = hear_until(&mut web.say(format!("{head}{rest}").as_bytes()).await, "}").await;
        assert!(heard.starts_with("HTTP/1.1 413 "), "{heard}");
    }
    assert_eq!(web.get("/api/silences").await.status, 200);
}

#[actix_web::test]
async fn parameters_that_nobody_reads_are_refused() {
    let web = web(Some("ops"), None);
    for path in READS {
        let told = web.get(&format!("{path}?nothing=1")).await;
        assert_eq!(told.status, 400, "{path}: {}", told.body);
    }
    let told = web.order("POST", "/api/silences?for=2h", r#"{"for": "2h"}"#).await;
    assert_problem(&told, 400, "There are no parameters here, and `for` is given.");
}

#[actix_web::test]
async fn a_crowd_takes_turns_and_everybody_is_answered() {
    let web = web(Some("ops"), None);
    let reads = (0..100).map(|number| web.get(READS[number % READS.len()]));
    let writes = (0..20).map(|_| web.order("POST", "/api/silences", r#"{"for": "2h"}"#));
    let (reads, writes) = tokio::join!(join_all(reads), join_all(writes));
    assert!(reads.iter().all(|told| told.status == 200 || told.status == 404));
    assert!(writes.iter().all(|told| told.status == 201));
}

#[actix_web::test]
async fn while_the_database_is_away_whoever_asks_is_told_to_come_again() {
    let web = web(Some("ops"), None);
    web.store.close().await.unwrap();
    let detail = "The database cannot be used at the moment; ask again in a few seconds.";
    for path in READS {
        let told = web.get(path).await;
        assert_problem(&told, 503, detail);
        assert_eq!(told.header("retry-after"), Some("5"), "{path}");
    }
    for (method, path, body) in WRITES {
        let told = web.order(method, path, body).await;
        assert_problem(&told, 503, detail);
        assert_eq!(told.header("retry-after"), Some("5"), "{path}");
    }
}

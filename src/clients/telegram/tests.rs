use super::*;
use crate::clients::raw_server::{RawServer, answer, json};

const PATIENCE: Duration = Duration::from_secs(20);
const TOKEN: &str = "123456:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw";

fn telegram(server: &RawServer) -> Telegram {
    Telegram::new(Http::new(), server.url("/"), Secret::new(TOKEN))
}

fn to(chat: i64, text: &str) -> SendMessage<'_> {
    SendMessage {
        chat: ChatId::Id(chat),
        thread_id: None,
        reply_to: None,
        text: text.into(),
        buttons: &[],
        silent: false,
    }
}

fn sent(message_id: i64, chat_id: i64) -> Vec<u8> {
    let chat = format!(r#"{{"id":{chat_id},"type":"private"}}"#);
    json(200, &format!(r#"{{"ok":true,"result":{{"message_id":{message_id},"date":1,"chat":{chat},"text":"x"}}}}"#))
}

fn refused(status: u16, description: &str, parameters: &str) -> Vec<u8> {
    let rest = format!(r#""description":"{description}","parameters":{parameters}"#);
    json(status, &format!(r#"{{"ok":false,"error_code":{status},{rest}}}"#))
}

#[actix_rt::test]
async fn a_message_goes_out_as_escaped_html() {
    let server = RawServer::answering([sent(7, 42), sent(8, -100)]).await;
    let telegram = telegram(&server);
    let done = telegram.send_message(&to(42, "a < b & c\0"), PATIENCE).await;
    assert_eq!(done, Ok(Sent { message_id: 7, chat_id: 42 }));
    let head = format!("POST /bot{TOKEN}/sendMessage HTTP/1.1\r\n");
    assert!(server.requests()[0].starts_with(&head), "{}", server.requests()[0]);
    assert_eq!(
        server.sent(0),
        serde_json::json!({
            "chat_id": 42,
            "text": "a &lt; b &amp; c",
            "parse_mode": "HTML",
            "link_preview_options": {"is_disabled": true},
            "disable_notification": false,
        })
    );

    let chat = "@channel".parse().unwrap();
    let message =
        SendMessage { chat, thread_id: Some(3), reply_to: Some(7), text: "x".into(), buttons: &[], silent: true };
    assert_eq!(telegram.send_message(&message, PATIENCE).await, Ok(Sent { message_id: 8, chat_id: -100 }));
    let body = server.sent(1);
    assert_eq!((&body["chat_id"], &body["message_thread_id"]), (&"@channel".into(), &3.into()));
    assert_eq!(body["disable_notification"], true);
    assert_eq!(body["reply_parameters"], serde_json::json!({"message_id": 7, "allow_sending_without_reply": true}));
}

#[actix_rt::test]
async fn a_long_message_is_cut_before_it_is_escaped() {
    let server = RawServer::answering([sent(1, 42)]).await;
    let text = "12 <&>\n".repeat(1000);
    telegram(&server).send_message(&to(42, &text), PATIENCE).await.unwrap();
    let body = server.sent(0);
    let shown = body["text"].as_str().unwrap().replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    assert!((4080..=4096).contains(&shown.encode_utf16().count()), "{}", shown.encode_utf16().count());
    assert!(shown.ends_with("12 <&>\n… and 419 more lines"), "{}", &shown[shown.len() - 60..]);
}

#[actix_rt::test]
async fn what_telegram_cannot_parse_goes_out_as_plain_text() {
    let no = refused(400, "Bad Request: can't parse entities: Unsupported start tag", "{}");
    let server = RawServer::answering([no, sent(7, 42)]).await;
    telegram(&server).send_message(&to(42, "a < b"), PATIENCE).await.unwrap();
    let second = server.sent(1);
    assert_eq!((second["text"].as_str(), second.get("parse_mode")), (Some("a < b"), None));
}

#[actix_rt::test]
async fn a_group_that_became_a_supergroup_is_followed_and_told() {
    let words = "Bad Request: group chat was upgraded to a supergroup chat";
    let moved = refused(400, words, r#"{"migrate_to_chat_id":-100123}"#);
    let server = RawServer::answering([moved.clone(), sent(7, -100_123), moved.clone(), moved]).await;
    let telegram = telegram(&server);
    let done = telegram.send_message(&SendMessage { reply_to: Some(3), ..to(-5, "x") }, PATIENCE).await;
    assert_eq!(done, Ok(Sent { message_id: 7, chat_id: -100_123 }));
    assert_eq!(
        (&server.sent(0)["reply_parameters"]["message_id"], &server.sent(1)["chat_id"]),
        (&3.into(), &(-100_123).into())
    );
    assert_eq!(server.sent(1).get("reply_parameters"), None, "the numbers of messages are others there");

    let error = telegram.send_message(&to(-5, "x"), PATIENCE).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::BadRequest, "it is followed once only");
    assert_eq!(server.requests().len(), 4);
}

#[actix_rt::test]
async fn each_refusal_has_its_kind() {
    use ErrorKind::{BadRequest, Forbidden, Garbage, NotFound, RateLimited, ServerFault, Unauthorized};
    let no = |status, description| refused(status, description, "{}");
    let table = [
        (no(401, "Unauthorized"), Unauthorized, "does not know this bot token"),
        (no(404, "Not Found"), Unauthorized, "does not know this bot token"),
        (no(403, "Forbidden: bot was blocked by the user"), Forbidden, "bot was blocked by the user"),
        (no(400, "Bad Request: chat not found"), NotFound, "write to the bot once"),
        (no(400, "Bad Request: message thread not found"), NotFound, "the topic"),
        (no(400, "Bad Request: message text is empty"), BadRequest, "message text is empty"),
        (no(429, "Too Many Requests: retry after 35"), RateLimited, "retry after 35"),
        (no(500, "Internal Server Error"), ServerFault, "Internal Server Error"),
        (answer(403, "content-type: text/html\r\n", b"<html>"), Garbage, "answered with HTML"),
        (answer(404, "content-type: text/html\r\n", b"<html>"), Garbage, "answered with HTML"),
        (answer(502, "content-type: text/html\r\n", b"<html>"), ServerFault, "answered with HTML"),
        (json(200, r#"{"ok":true,"result":{"mess"#), Garbage, "no JSON"),
        (json(200, r#"{"ok":true,"result":true}"#), Garbage, "another shape"),
        (json(200, r#"{"ok":true}"#), Garbage, ""),
        (json(200, r#"{"ok":false,"error_code":403,"description":"no"}"#), Forbidden, "no"),
    ];
    for (answer, kind, words) in table {
        let shown = String::from_utf8_lossy(&answer).into_owned();
        let server = RawServer::answering([answer]).await;
        let error = telegram(&server).send_message(&to(42, "x"), PATIENCE).await.unwrap_err();
        assert_eq!(error.kind, kind, "for {shown}");
        assert!(error.detail.contains(words), "{:?} for {shown}", error.detail);
        assert_eq!(server.requests().len(), 1, "for {shown}");
    }
}

#[actix_rt::test]
async fn the_wait_of_a_rate_limit_is_in_the_body_or_in_the_header() {
    let in_body = refused(429, "Too Many Requests: retry after 35", r#"{"retry_after":35}"#);
    let header = "content-type: application/json\r\nretry-after: 20\r\n";
    let in_header = answer(429, header, br#"{"ok":false,"error_code":429,"description":"Too Many Requests"}"#);
    let server = RawServer::answering([in_body, in_header]).await;
    let telegram = telegram(&server);
    for seconds in [35, 20] {
        let error = telegram.send_message(&to(42, "x"), PATIENCE).await.unwrap_err();
        assert_eq!(error.retry_after, Some(Duration::from_secs(seconds)));
    }
}

#[actix_rt::test]
async fn no_error_shows_the_token_whatever_it_looks_like() {
    for token in [TOKEN, "made-up"] {
        let echo = refused(400, &format!("Bad Request: /bot{token}/sendMessage and {token}"), "{}");
        let server = RawServer::answering([echo]).await;
        // The second time, the server only hangs up.
        for url in [server.url(""), server.url(""), "no URL".to_owned(), "http://127.0.0.1:1".to_owned()] {
            let telegram = Telegram::new(Http::new(), url, Secret::new(token));
            let error = telegram.send_message(&to(42, "x"), PATIENCE).await.unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("AAHdq") && !shown.contains("made-up"), "{shown}");
        }
    }
}

#[actix_rt::test]
async fn the_bot_can_be_asked_who_it_is_and_what_it_sees() {
    let server = RawServer::answering([
        json(200, r#"{"ok":true,"result":{"id":123456,"is_bot":true,"first_name":"B","username":"b_bot"}}"#),
        json(200, r#"{"ok":true,"result":{"id":-100,"type":"supergroup","title":"Ops","is_forum":true}}"#),
        refused(400, "Bad Request: group chat was upgraded to a supergroup chat", r#"{"migrate_to_chat_id":-100123}"#),
        json(200, r#"{"ok":true,"result":{"user":{"id":5},"status":"restricted","can_send_messages":false}}"#),
    ])
    .await;
    let telegram = telegram(&server);
    assert_eq!(telegram.get_me(PATIENCE).await, Ok(Me { id: 123_456, username: "b_bot".to_owned() }));
    let chat = Chat { id: -100, kind: "supergroup".to_owned(), title: Some("Ops".to_owned()), is_forum: true };
    assert_eq!(telegram.get_chat(&ChatId::Id(-100), PATIENCE).await, Ok(Whereabouts::Here(chat)));
    assert_eq!(server.sent(1)["chat_id"], -100);
    assert_eq!(telegram.get_chat(&ChatId::Id(-5), PATIENCE).await, Ok(Whereabouts::MovedTo(-100_123)));
    let member = telegram.get_chat_member(-100, 5, PATIENCE).await.unwrap();
    assert_eq!((member.status.as_str(), member.can_send_messages), ("restricted", false));
    assert_eq!((&server.sent(3)["chat_id"], &server.sent(3)["user_id"]), (&(-100).into(), &5.into()));
}

#[test]
fn a_chat_is_a_number_or_a_name() {
    assert_eq!("-1001234567890".parse(), Ok(ChatId::Id(-1_001_234_567_890)));
    assert_eq!(" @ops ".parse(), Ok(ChatId::Name("@ops".to_owned())));
    for wrong in ["", "@", "ops", "1.5", "99999999999999999999"] {
        assert!(wrong.parse::<ChatId>().is_err(), "{wrong:?}");
    }
}

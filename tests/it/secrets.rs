//! No secret is seen anywhere, whatever happens and however much the libraries talk.

use auto_operator::demo::Fault;
use auto_operator::demo::smtp::SmtpFault;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures_util::future::join_all;

use crate::support::channels::{mails, telegrams};
use crate::support::service::bearer;
use crate::support::{Home, SOON, now};

// Nothing in their shape gives them away.
const NOTION_TOKEN: &str = "planted-notion-Kx7/+q==%41";
const OPENAI_KEY: &str = "planted-openai-9d3e1f";
const OPS_TOKEN: &str = "planted-owner-51c0ffee";
const READ_TOKEN: &str = "planted-reader-b0bacafe";

/// Each secret in the forms in which it could be written.
fn forms(home: &Home) -> Vec<String> {
    let world = &home.world;
    let mut forms: Vec<String> =
        [NOTION_TOKEN, OPS_TOKEN, READ_TOKEN, OPENAI_KEY, world.telegram.bot_token(), "p@ss: word%", "p%40ss%3A"]
            .map(str::to_owned)
            .to_vec();
    // The distinctive parts, so that a secret cut in two is found too.
    let parts =
        ["planted-notion", "Kx7/", "owner-51c0", "reader-b0ba", "planted-openai", "AAF4demo", "Zk3vW9qT1x", "ss: word"];
    forms.extend(parts.map(str::to_owned));
    let login = BASE64_STANDARD.encode("\0alerts@echopilot.example\0p@ss: word%");
    forms.extend([login, BASE64_STANDARD.encode("p@ss: word%"), BASE64_STANDARD.encode(OPS_TOKEN)]);
    forms
}

/// A home full of planted secrets, at the most talkative level.
fn home() -> Home {
    let mut home = Home::well();
    home.world.notion.accept_token(NOTION_TOKEN);
    home.set("NOTION_TOKEN", NOTION_TOKEN);
    // The proxy takes any key.
    home.set("OPENAI_BASE_URL", &home.world.openai.proxy_url());
    home.set("OPENAI_PROBE", "chat");
    home.set("OPENAI_API_KEY", OPENAI_KEY);
    home.set("OPS_TOKEN", OPS_TOKEN);
    home.set("OPS_READ_TOKEN", READ_TOKEN);
    home.set("RUST_LOG", "trace,actix_http=trace");
    home.set("REQUEST_TIMEOUT", "400ms");
    home.set("CHECK_TIMEOUT", "2s");
    home.set("RESOLVE_AFTER", "1");
    home.set("TELEGRAM_ALLOWED_USER_IDS", "42");
    home
}

/// An error document that repeats what it was sent.
fn echo(code: u16, secrets: &[&str]) -> Fault {
    let message = format!("you sent {}", secrets.join(" and "));
    let body = serde_json::json!({
        "object": "error", "status": code, "code": "unauthorized", "message": message,
        "error": {"message": message, "code": null}, "ok": false, "error_code": code, "description": message,
    });
    Fault::Status { code, retry_after: None, body: Some(body.to_string()) }
}

#[actix_rt::test]
async fn no_secret_is_seen_anywhere_whatever_happens() {
    join_all(["text", "json"].map(no_secret_is_seen)).await;
}

async fn no_secret_is_seen(format: &str) {
    let mut home = home();
    home.set("LOG_FORMAT", format);
    let world = &home.world;
    world.jobs_get_stuck(2, now());
    world.smtp.fault_next(1, SmtpFault::EchoLogin);
    let bot = world.telegram.bot_token();
    for method in ["sendMessage", "getMe", "setMyCommands", "getUpdates"] {
        world.telegram.fault_next_on(method, 1, echo(500, &[bot, &format!("/bot{bot}/{method}")]));
    }
    for order in ["/status", "/check", "/ack"] {
        world.telegram.push_message(42, world.telegram.chat_id(), order);
    }
    let service = home.serve().await;
    let answered = world.telegram.messages();
    assert!(answered.wait_for(|message| message.reply_to.is_some(), SOON * 2).await.is_some(), "orders are obeyed");
    let mut answers = vec![];
    // Each party repeats what it was sent itself.
    let faults = |secret: &'static str| {
        [
            None,
            Some(echo(401, &[secret, &bearer(secret)])),
            Some(Fault::Reset),
            Some(Fault::Hang),
            Some(Fault::Redirect { to: format!("http://127.0.0.1:1/?key={secret}") }),
        ]
    };
    for (openai, notion) in faults(OPENAI_KEY).into_iter().zip(faults(NOTION_TOKEN)) {
        world.openai.set_fault(openai);
        world.notion.set_fault(notion);
        for (path, token) in [
            ("/ops-report?refresh=1", Some(OPS_TOKEN)),
            ("/ops-report", Some(READ_TOKEN)),
            ("/ops-report", None),
            ("/ops-report", Some("a wrong token")),
            ("/readyz", None),
            ("/metrics", Some(READ_TOKEN)),
            ("/api/openapi.json", Some(READ_TOKEN)),
            ("/nothing", Some(OPS_TOKEN)),
        ] {
            let header = token.map(|token| ("authorization", bearer(token)));
            let headers: Vec<_> = header.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let answer = service.ask("GET", path, &headers).await;
            answers.push(format!("{:?} {}", answer.headers, String::from_utf8_lossy(&answer.body)));
        }
    }
    let told: Vec<String> = world.telegram.messages().all().into_iter().map(|message| message.raw).collect();
    let (_, log) = service.signal("TERM").await;
    let checked = home.run(&["check"]).await;
    let shown = home.run(&["config"]).await;
    let mails = world.smtp.mails().all();
    let board = format!("{:?}", world.notion.pages(world.status_board));
    let files = home.left_behind().into_iter().map(|(_, bytes)| String::from_utf8_lossy(&bytes).into_owned());

    assert!(log.contains("TRACE") && log.contains("actix_http") && log.contains("actix_codec"), "libraries do talk");
    let places = [("the log", log), ("check", checked.said()), ("config", shown.said()), ("the board", board)];
    let everywhere = places
        .into_iter()
        .chain(answers.into_iter().map(|text| ("an answer", text)))
        .chain(told.into_iter().map(|text| ("telegram", text)))
        .chain(mails.iter().map(|mail| ("a mail", String::from_utf8_lossy(&mail.raw).into_owned())))
        .chain(files.map(|text| ("the database", text)));
    let forms = forms(&home);
    for (place, text) in everywhere {
        for form in &forms {
            if let Some(at) = text.find(form.as_str()) {
                let before = text[..at].char_indices().rev().nth(200).map_or(0, |(at, _)| at);
                panic!("{form:?} is seen in {place}: {}", &text[before..at + form.len()]);
            }
        }
    }
}

#[actix_rt::test]
async fn an_alert_shows_what_a_party_said_but_not_what_it_was_sent() {
    let home = home();
    let world = &home.world;
    world.openai.set_fault(Some(echo(401, &[OPENAI_KEY])));
    let _service = home.serve().await;
    let (text, mail) = (&telegrams(world, 1).await[0].text, &mails(world, 1).await[0].body);
    for text in [text, mail] {
        assert!(text.contains("you sent [secret]") && !text.contains("planted"), "{text}");
    }
}

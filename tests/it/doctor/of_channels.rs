//! Telegram and the mail server.

use std::net::TcpListener;
use std::sync::Arc;

use auto_operator::demo::Fault;
use auto_operator::demo::smtp::{MailServer, MailServerRules, SmtpFault};
use auto_operator::demo::telegram::Role;
use auto_operator::diagnosis::{Party, Remedy};

use super::sentences::{Cases, Heard};
use crate::support::Home;

pub fn of_telegram(heard: &Heard) -> Cases<'_> {
    let bot = || "auto_operator_demo_bot".to_owned();
    let chat = |id: &'static str| move |home: &mut Home| home.set("TELEGRAM_CHAT_ID", id);
    let role = |role| move |home: &mut Home| home.world.telegram.set_role(home.world.telegram.chat_id(), role);
    vec![
        heard.of("fail  telegram  ", Remedy::BotToken, |home| {
            home.set("TELEGRAM_BOT_TOKEN", "7204316955:AAF4demo-Zk3vW9qT1xY8pL5sR2nB6cD0eX");
        }),
        heard.of("fail  telegram  ", Remedy::BotToken, |home| home.set("TELEGRAM_BOT_TOKEN", "half-a-token")),
        heard.of("fail  telegram:chat  ", Remedy::WriteToBot { bot: bot() }, chat("42")),
        heard.of("fail  telegram:chat  ", Remedy::AddBot { bot: bot() }, chat("-1009")),
        heard.of("fail  telegram:chat  ", Remedy::LetBotIn { bot: bot() }, |home| home.world.telegram.blocked()),
        heard.of("fail  telegram:chat  ", Remedy::LetBotIn { bot: bot() }, role(Role::Kicked)),
        heard.of("fail  telegram:chat  ", Remedy::LetBotSpeak { bot: bot() }, role(Role::Silent)),
        heard.of("fail  telegram:chat  ", Remedy::MakeAdmin { bot: bot() }, |home| {
            home.world.telegram.add_channel(-1_002_002);
            home.set("TELEGRAM_CHAT_ID", "-1002002");
        }),
        heard.of("warn  telegram:chat  ", Remedy::NewChat { id: -1_003_003 }, |home| {
            home.world.telegram.upgrade_chat_to(-1_003_003);
        }),
        heard.of("fail  telegram:commands  ", Remedy::DeleteWebhook, |home| {
            home.set("TELEGRAM_ALLOWED_USER_IDS", "42");
            home.world.telegram.set_webhook(Some("https://example.org/hook"));
        }),
        heard.of("fail  telegram:chat  ", Remedy::NoTopics, |home| home.set("TELEGRAM_THREAD_ID", "3")),
        heard.of("fail  telegram:chat  ", Remedy::GeneralTopic, |home| {
            home.world.telegram.add_topic(7);
            home.set("TELEGRAM_THREAD_ID", "1");
        }),
        heard.in_order("; whether the topic 8 is there only `test-alert` shows (", |home| {
            home.world.telegram.add_topic(7);
            home.set("TELEGRAM_THREAD_ID", "8");
        }),
        heard.of_command(&["test-alert"], vec![("fail  telegram  ", Remedy::UnknownTopic)], |home| {
            home.world.telegram.add_topic(7);
            home.set("TELEGRAM_THREAD_ID", "8");
        }),
        heard.in_order("getChat 42 → a private chat (", |home| {
            home.world.telegram.add_chat(42);
            home.set("TELEGRAM_CHAT_ID", "42");
        }),
        heard.in_order("getWebhookInfo → one person may give orders (", |home| {
            home.set("TELEGRAM_ALLOWED_USER_IDS", "42");
        }),
        heard.in_order("getWebhookInfo → 2 people may give orders (", |home| {
            home.set("TELEGRAM_ALLOWED_USER_IDS", "42,43");
        }),
        heard.of("warn  telegram:commands  ", Remedy::NoOrdersFromChannel, |home| {
            home.world.telegram.add_channel(-1_002_002);
            home.world.telegram.set_role(-1_002_002, Role::Administrator);
            home.set("TELEGRAM_CHAT_ID", "-1002002");
            home.set("TELEGRAM_ALLOWED_USER_IDS", "42");
        }),
    ]
}

pub fn of_email(heard: &Heard) -> Cases<'_> {
    const GMAIL: &str = "535-5.7.8 Username and Password not accepted. For more information, go to\n535 5.7.8  \
                         https://support.google.com/mail/?p=BadCredentials a1-20020ad45 - gsmtp";
    const OUTLOOK: &str = "535 5.7.139 Authentication unsuccessful, basic authentication is disabled. \
                           [AM0PR02CA0001.eurprd02.prod.outlook.com]";
    let login = |answer: &'static str| {
        move |home: &mut Home| home.world.smtp.set_fault(Some(SmtpFault::RefuseLoginWith(answer.to_owned())))
    };
    let url = |change: fn(String) -> String| {
        move |home: &mut Home| {
            let url = change(home.world.smtp.url());
            home.set("SMTP_URL", &url);
        }
    };
    let mail = Party { name: "the mail server", address: "SMTP_URL", status_page: None };
    let line = "fail  email  ";
    vec![
        heard.of(line, Remedy::GmailPassword, login(GMAIL)),
        heard.of(line, Remedy::MicrosoftPassword, login(OUTLOOK)),
        heard.of(line, Remedy::MailLogin, |home| home.world.smtp.set_fault(Some(SmtpFault::RefuseLogin))),
        heard.of(line, Remedy::NoMailLogin, |home| {
            let server = MailServer::start_with(MailServerRules { login: None, ..MailServerRules::default() }).unwrap();
            home.set("SMTP_URL", &server.url().replace("://", "://bob:hunter2@"));
            server
        }),
        heard.of(line, Remedy::MailEncryption, url(|url| url + "?tls=required")),
        heard.of(line, Remedy::MailEncryption, url(|url| url.replace("smtp://", "smtps://"))),
        heard.of(line, Remedy::MailCertificate, |home| {
            let port = certified_by_nobody();
            home.set("SMTP_URL", &format!("smtps://127.0.0.1:{port}"));
        }),
        heard.of(line, Remedy::Port25, |home| home.set("SMTP_URL", "smtp://127.0.0.25")),
        heard.of(line, Remedy::MailTurnedAway, |home| {
            home.world.smtp.set_fault(Some(SmtpFault::TurnAway("5.7.1 Your address is on a list".to_owned())));
        }),
        heard.of(line, Remedy::TheirTrouble(mail), |home| {
            home.world.smtp.set_fault(Some(SmtpFault::RefuseGreeting));
        }),
        heard.of(line, Remedy::Misaddressed(mail), |home| {
            home.world.smtp.set_fault(Some(SmtpFault::GarbageGreeting));
        }),
        heard.of(line, Remedy::Slow(mail), |home| {
            home.set("REQUEST_TIMEOUT", "400ms");
            home.world.smtp.set_fault(Some(SmtpFault::HangAtGreeting));
        }),
        heard.of_command(&["test-alert"], vec![(line, Remedy::MailAddresses)], |home| {
            home.world.smtp.set_fault(Some(SmtpFault::RefuseReceivers(550)));
        }),
        heard.of_command(&["test-alert"], vec![("fail  notion  ", Remedy::TestAgain { channel: "notion" })], |home| {
            home.world.notion.set_fault_on("/v1/pages", Some(Fault::status(500)));
        }),
        heard.of(line, Remedy::Unreachable(mail), |home| home.world.smtp.set_fault(Some(SmtpFault::Reset))),
    ]
}

/// A port where somebody shows a certificate that nobody has signed, for one connection.
fn certified_by_nobody() -> u16 {
    let certified = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = certified.signing_key.serialize_der().try_into().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certified.cert.der().clone()], key).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut connection = rustls::ServerConnection::new(Arc::new(config)).unwrap();
        // The caller hangs up on it.
        while connection.is_handshaking() && connection.complete_io(&mut stream).is_ok() {}
    });
    port
}

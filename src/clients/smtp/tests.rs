//! The client against the stand-in, over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Instant;

use super::*;
use crate::demo::smtp::{MailServer, MailServerRules, ReceivedMail, SmtpFault};
use crate::secret::Secret;

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(300);

fn client_of(url: &str) -> SmtpClient {
    let url = SmtpUrl::parse(&Secret::new(url)).expect("a URL");
    SmtpClient::new(&url, LONG).expect("a client")
}

fn mail() -> Mail {
    Mail {
        from: "alerts@echopilot.example".parse().expect("an address"),
        to: vec!["ops@example.org".parse().expect("an address")],
        subject: "🚨 EchoPilot Auto-Operator Alert".to_owned(),
        body: "ISSUES DETECTED:\n  • ⚠️ 50 job(s) stuck >30 minutes\n".to_owned(),
        message_id: "incident-1@echopilot.example".to_owned(),
        references: Vec::new(),
    }
}

impl SmtpClient {
    /// Sends `mail` to all its receivers.
    async fn send_all(&self, mail: &Mail, deadline: Duration) -> Result<Accepted, ClientError> {
        self.send(mail, &mail.to, deadline).await
    }
}

/// Sends `mail` to a server that is well, and returns what arrived.
async fn arrived(mail: &Mail) -> ReceivedMail {
    let server = MailServer::start().expect("a server");
    let accepted = client_of(&server.url()).send_all(mail, LONG).await.expect("accepted");
    assert_eq!(accepted, Accepted { answer: "250 2.0.0 OK, kept as number 1".to_owned(), refused: vec![] });
    let mails = server.mails().all();
    assert_eq!(mails.len(), 1);
    mails.into_iter().next().expect("a mail")
}

#[tokio::test]
async fn an_alert_arrives_as_it_was_written() {
    let mail = mail();
    let received = arrived(&mail).await;
    assert_eq!(received.from, "alerts@echopilot.example");
    assert_eq!(received.to, ["ops@example.org"]);
    assert_eq!(received.subject, mail.subject);
    assert_eq!(received.body, mail.body);
    for (name, text) in [
        ("From", "alerts@echopilot.example"),
        ("To", "ops@example.org"),
        ("Message-ID", "<incident-1@echopilot.example>"),
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
    ] {
        assert_eq!(received.header(name), Some(text), "{name}");
    }
    assert!(received.header("Date").is_some());
    assert_eq!(received.header("References"), None);
}

#[tokio::test]
async fn text_of_every_shape_arrives_intact() {
    for body in [
        "",
        "ends without a line break",
        ".\n..\n. a dot\nin the middle\n.",
        "\n\n.\nQUIT\nRCPT TO:<eve@example.org>\n",
        &"a long line of plain words ".repeat(200),
        &"日本語のとても長い行🚨".repeat(500),
        "tabs\tand = signs =3D and trailing blanks  \nFrom the start of a line\n",
    ] {
        let received = arrived(&Mail { body: body.to_owned(), ..mail() }).await;
        assert_eq!(received.body.trim_end_matches('\n'), body.trim_end_matches('\n'), "{body:?}");
        assert_eq!(received.to, ["ops@example.org"]);
    }
    let received = arrived(&Mail { body: "one\r\ntwo\rthree\0\u{1b}[2J\n".to_owned(), ..mail() }).await;
    assert_eq!(received.body, "one\ntwothree[2J\n");
}

#[tokio::test]
async fn nothing_in_a_mail_can_add_a_header_or_a_receiver() {
    let evil = "x\r\nBcc: eve@example.org\r\n\r\n.\r\nRCPT TO:<eve@example.org>\r\n";
    let mut mail = mail();
    mail.subject = evil.to_owned();
    mail.from = mail.from.named(evil);
    mail.to = vec![mail.to[0].named("new\nline \"quoted\" Zoë")];
    mail.message_id = evil.to_owned();
    mail.references = vec![evil.to_owned()];
    let received = arrived(&mail).await;
    assert_eq!(received.to, ["ops@example.org"]);
    assert_eq!(received.header("Bcc"), None);
    assert_eq!(received.subject, "x Bcc: eve@example.org . RCPT TO:<eve@example.org>");
    assert_eq!(received.body, mail.body);
    assert_eq!(received.headers.len(), 12, "{:?}", received.headers);
}

#[tokio::test]
async fn the_mails_of_an_incident_form_a_thread() {
    let first = "incident-1@echopilot.example".to_owned();
    let reminder = Mail { message_id: "2@echopilot.example".to_owned(), references: vec![first], ..mail() };
    let received = arrived(&reminder).await;
    assert_eq!(received.header("In-Reply-To"), Some("<incident-1@echopilot.example>"));
    assert_eq!(received.header("References"), Some("<incident-1@echopilot.example>"));
    assert_eq!(received.header("Message-ID"), Some("<2@echopilot.example>"));
}

#[tokio::test]
async fn several_receivers_get_one_mail() {
    let to =
        parse_mailboxes("Ops <ops@example.org>, \"Doe, J\" <doe@example.org>, jürgen@example.org").expect("a list");
    let received = arrived(&Mail { to, ..mail() }).await;
    assert_eq!(received.to, ["ops@example.org", "doe@example.org", "jürgen@example.org"]);
    let header = received.header("To").expect("receivers");
    assert!(header.contains("Ops <ops@example.org>") && header.contains("<doe@example.org>"), "{header}");
}

#[tokio::test]
async fn a_refused_receiver_does_not_keep_the_mail_from_the_others() {
    let server = MailServer::start().expect("a server");
    let client = client_of(&server.url());
    let mail = Mail { to: parse_mailboxes("gone@example.org, ops@example.org").expect("a list"), ..mail() };
    server.fault_next(1, SmtpFault::RefuseReceiver("gone@example.org".to_owned(), 550));
    let accepted = client.send_all(&mail, LONG).await.expect("accepted for one");
    let refused: Vec<_> = accepted.refused.iter().map(|(receiver, error)| (receiver.address(), error.status)).collect();
    assert_eq!(refused, [("gone@example.org", Some(550))]);
    assert_eq!(server.mails().all()[0].to, ["ops@example.org"]);

    // For some of them only, it is the same mail.
    client.send(&mail, &mail.to[..1], LONG).await.expect("accepted");
    let mails = server.mails().all();
    assert_eq!(mails[1].to, ["gone@example.org"]);
    assert_eq!(
        (mails[1].header("To"), mails[1].header("Message-ID")),
        (mails[0].header("To"), mails[0].header("Message-ID"))
    );

    server.fault_next(1, SmtpFault::RefuseReceivers(450));
    let error = client.send_all(&mail, LONG).await.expect_err("refused for all");
    assert_eq!((error.kind, error.status), (ErrorKind::ServerFault, Some(450)));
    server.fault_next(1, SmtpFault::RefuseReceivers(550));
    server.fault_next(1, SmtpFault::RefuseReceiver("gone@example.org".to_owned(), 451));
    assert!(client.send_all(&mail, LONG).await.expect_err("refused for all").is_permanent());
    let gone = client.send(&mail, &mail.to[..1], LONG).await.expect_err("refused");
    assert!(!gone.is_permanent());
    assert_eq!(server.mails().count(), 2);
    assert!(client.send(&mail, &[], LONG).await.expect_err("nobody").is_permanent());
}

#[test]
fn of_several_refusals_the_one_that_leaves_hope_counts() {
    let never = || ClientError::new(ErrorKind::BadRequest, "never");
    let later = ClientError::new(ErrorKind::ServerFault, "later");
    assert_eq!(worth_most(vec![never(), later.clone(), never()]), later);
    assert_eq!(worth_most(vec![never()]), never());
}

#[tokio::test]
async fn every_fault_has_its_kind_within_its_deadline() {
    use ErrorKind::{BadRequest, Connection, Garbage, ServerFault, Timeout, Unauthorized};
    const FLOOD: u64 = 50 * 1024 * 1024;
    let second = Duration::from_secs(1);
    for (fault, kind, status, says, deadline) in [
        (SmtpFault::RefuseGreeting, ServerFault, Some(421), "greeting: 4.3.2 demo", LONG),
        (SmtpFault::RefuseLogin, Unauthorized, Some(535), "login: 5.7.8 Username", LONG),
        (SmtpFault::RefuseReceivers(450), ServerFault, Some(450), "receiver: 4.2.0", LONG),
        (SmtpFault::RefuseReceivers(550), BadRequest, Some(550), "receiver: 5.1.1", LONG),
        (SmtpFault::RefuseMail(451), ServerFault, Some(451), "text: 4.3.0", LONG),
        (SmtpFault::RefuseMail(554), BadRequest, Some(554), "text: 5.6.0", LONG),
        (SmtpFault::GarbageGreeting, Garbage, None, "greeting: ", LONG),
        (SmtpFault::Reset, Connection, None, "greeting: ", LONG),
        (SmtpFault::Close, Connection, None, "closed the connection", LONG),
        (SmtpFault::FloodOfLines(FLOOD), Garbage, None, "greeting: ", LONG),
        (SmtpFault::FloodInOneLine(FLOOD), Garbage, None, "greeting: ", LONG),
        (SmtpFault::Drip(second), Timeout, None, "greeting: ", SHORT),
        (SmtpFault::HangAtGreeting, Timeout, None, "greeting: ", SHORT),
        (SmtpFault::HangAfterMail { accepted: true }, Timeout, None, "text: ", SHORT),
        (SmtpFault::HangAfterMail { accepted: false }, Timeout, None, "text: ", SHORT),
        (SmtpFault::Slow(SHORT / 3), Timeout, None, "no complete answer in time", SHORT),
    ] {
        let server = MailServer::start().expect("a server");
        let client = client_of(&server.url());
        server.set_fault(Some(fault.clone()));
        let began = Instant::now();
        let error = client.send_all(&mail(), deadline).await.expect_err(&format!("{fault:?}"));
        assert_eq!((error.kind, error.status), (kind, status), "{fault:?}: {error}");
        assert!(error.detail.contains(says), "{fault:?}: {error}");
        assert!(error.detail.chars().count() < 330 && !error.detail.contains(char::is_control), "{fault:?}: {error}");
        assert!(began.elapsed() < Duration::from_secs(10), "{fault:?} took {:?}", began.elapsed());
        let kept = u64::from(fault == SmtpFault::HangAfterMail { accepted: true });
        assert_eq!(server.mails().count(), kept, "{fault:?}");

        server.set_fault(None);
        client.send_all(&mail(), LONG).await.unwrap_or_else(|error| panic!("after {fault:?}: {error}"));
    }
}

#[tokio::test]
async fn a_server_that_never_says_good_bye_has_still_accepted_the_mail() {
    let server = MailServer::start().expect("a server");
    server.set_fault(Some(SmtpFault::HangAtQuit));
    client_of(&server.url()).send_all(&mail(), SHORT).await.expect("accepted");
    assert_eq!(server.mails().count(), 1);
}

#[tokio::test]
async fn a_login_that_comes_back_in_the_servers_words_is_not_passed_on() {
    let server = MailServer::start().expect("a server");
    server.set_fault(Some(SmtpFault::EchoLogin));
    let error = client_of(&server.url()).send_all(&mail(), LONG).await.expect_err("refused");
    assert_eq!(error.to_string(), "unauthorized (535): login: 5.7.8 Wrong: [secret] or [secret] or [secret]");
}

#[tokio::test]
async fn verify_tells_what_it_found_and_sends_nothing() {
    let server = MailServer::start().expect("a server");
    let found = client_of(&server.url()).verify(LONG).await.expect("well");
    assert_eq!(found, "demo.example, no TLS, signed in");
    let wrong = server.url().replace("echopilot", "echopilots");
    assert_eq!(client_of(&wrong).verify(LONG).await.expect_err("refused").kind, ErrorKind::Unauthorized);
    let anonymous = format!("smtp://127.0.0.1:{}", server.port());
    assert_eq!(client_of(&anonymous).verify(LONG).await.expect("well"), "demo.example, no TLS, no login");
    let error = client_of(&anonymous).send_all(&mail(), LONG).await.expect_err("refused");
    assert_eq!((error.kind, error.status), (ErrorKind::Unauthorized, Some(530)));
    assert_eq!(server.mails().count(), 0);
}

#[tokio::test]
async fn a_login_is_not_sent_to_a_server_that_asks_for_none() {
    let server = MailServer::start_with(MailServerRules { login: None, ..Default::default() }).expect("a server");
    client_of(&server.url()).send_all(&mail(), LONG).await.expect("accepted");
    let error = client_of(&server.url().replace("://", "://bob:hunter2@")).verify(LONG).await.expect_err("no AUTH");
    assert_eq!((error.kind, error.status), (ErrorKind::Unauthorized, None));
}

#[tokio::test]
async fn no_mail_and_no_password_goes_out_without_the_tls_that_was_asked_for() {
    let server = MailServer::start().expect("a server");
    for (from, to) in [("smtp://", "smtps://"), ("", "?tls=required")] {
        let url = if from.is_empty() { server.url() + to } else { server.url().replace(from, to) };
        // The stand-in reads the TLS hello as a line that does not end.
        let error = client_of(&url).send_all(&mail(), LONG).await.expect_err("no TLS there");
        assert_eq!(error.kind, ErrorKind::Tls, "{to}: {error}");
    }
    let opportunistic = client_of(&(server.url() + "?tls=opportunistic"));
    opportunistic.send_all(&mail(), LONG).await.expect("accepted in plain text");
    assert_eq!(server.mails().count(), 1);
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_a_failed_connection() {
    let server = MailServer::start().expect("a server");
    let client = client_of(&server.url());
    drop(server);
    let error = client.send_all(&mail(), LONG).await.expect_err("nobody there");
    assert_eq!(error.kind, ErrorKind::Connection);
    let error = client_of("smtp://nowhere.localhost:1").send_all(&mail(), LONG).await.expect_err("nobody there");
    assert!(!error.is_permanent(), "{error}");
}

#[test]
fn a_client_may_be_dropped_anywhere_and_sends_on_any_runtime() {
    let server = MailServer::start().expect("a server");
    let client = client_of(&server.url());
    for _ in 0..2 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let client = client.clone();
        runtime.block_on(async move { client.send_all(&mail(), LONG).await }).expect("accepted");
    }
    server.set_fault(Some(SmtpFault::HangAtGreeting));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let hanging = client.clone();
    // The runtime ends with the mail half sent.
    runtime.spawn(async move { hanging.send_all(&mail(), LONG).await });
    runtime.shutdown_background();
    std::thread::spawn(move || drop(client)).join().expect("no panic");
    assert_eq!(server.mails().count(), 2);
}

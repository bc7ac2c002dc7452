//! The channel against the stand-in of a mail server.

use super::*;
use crate::channels::Retry;
use crate::clients::smtp::parse_mailboxes;
use crate::demo::smtp::{MailServer, ReceivedMail, SmtpFault};
use crate::domain::message::Message;
use crate::domain::notice::NoticeKind;
use crate::secret::Secret;

const LONG: Duration = Duration::from_secs(20);
const BOB: &str = "bob@example.org";
const EVE: &str = "eve@example.org";

fn email(server: &MailServer, to: &str) -> Email {
    Email::new(Config {
        server: SmtpUrl::parse(&Secret::new(server.url())).unwrap(),
        from: "ops@example.org".parse().unwrap(),
        to: parse_mailboxes(to).unwrap(),
        connect_timeout: LONG,
    })
}

fn letter<'a>(id: &'a str, body: &'a str, part: Option<&'a str>) -> Letter<'a> {
    Letter { part, ..Letter::new(id, NoticeKind::Alert, "Alert", body) }
}

/// Who got which text.
fn got(server: &MailServer) -> Vec<(String, String)> {
    let to = |mail: ReceivedMail| (mail.to.join(" "), mail.body.trim_end().to_owned());
    server.mails().all().into_iter().map(to).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(to, body)| ((*to).to_owned(), (*body).to_owned())).collect()
}

#[tokio::test]
async fn who_was_put_off_gets_the_same_mail_later_and_who_has_it_does_not() {
    let server = MailServer::start().unwrap();
    let email = email(&server, &format!("{BOB}, {EVE}"));
    server.fault_next(2, SmtpFault::RefuseReceiver(EVE.into(), 450));
    let refusal = email.send(letter("n1", "down", None), LONG).await.unwrap_err();
    assert_eq!(refusal.retry, Retry::Later(None));
    assert!(refusal.text.starts_with("server fault (450): ") && refusal.text.ends_with(" (to eve@example.org)"));
    let part = refusal.part.unwrap();
    assert_eq!(part.answer, "250 2.0.0 OK, kept as number 1");

    let still = email.send(letter("n1", "down", Some(&part.memory)), LONG).await.unwrap_err();
    assert_eq!(still.part, Some(part.clone()), "nobody is added to those who have it");
    let receipt = email.send(letter("n1", "down", Some(&part.memory)), LONG).await.unwrap();
    assert_eq!(receipt.answer, "250 2.0.0 OK, kept as number 1; 250 2.0.0 OK, kept as number 2");
    assert_eq!(got(&server), pairs(&[(BOB, "down"), (EVE, "down")]));
    let mails = server.mails().all();
    assert_eq!(
        (mails[0].header("Message-ID"), mails[0].header("To")),
        (mails[1].header("Message-ID"), mails[1].header("To"))
    );
}

#[tokio::test]
async fn who_is_gone_is_named_and_keeps_nobody_waiting() {
    let server = MailServer::start().unwrap();
    let email = email(&server, &format!("{BOB}, {EVE}"));
    server.fault_next(1, SmtpFault::RefuseReceiver(BOB.into(), 550));
    let receipt = email.send(letter("n1", "down", None), LONG).await.unwrap();
    assert!(
        receipt.answer.contains("kept as number 1; but not to bob@example.org: bad request (550)"),
        "{}",
        receipt.answer
    );

    server.fault_next(1, SmtpFault::RefuseReceivers(550));
    let refusal = email.send(letter("n2", "down", None), LONG).await.unwrap_err();
    assert_eq!((refusal.retry, refusal.part), (Retry::Never, None));

    // Who was put off at first is gone later: the others have it all the same.
    server.fault_next(1, SmtpFault::RefuseReceiver(EVE.into(), 450));
    let part = email.send(letter("n3", "down", None), LONG).await.unwrap_err().part.unwrap();
    server.fault_next(1, SmtpFault::RefuseReceivers(550));
    let receipt = email.send(letter("n3", "down", Some(&part.memory)), LONG).await.unwrap();
    assert!(receipt.answer.contains("but not to eve@example.org: bad request (550)"), "{}", receipt.answer);
    server.fault_next(1, SmtpFault::RefuseLogin);
    let receipt = email.send(letter("n3", "down", Some(&part.memory)), LONG).await.unwrap();
    assert!(receipt.answer.contains("but not to eve@example.org: unauthorized (535)"), "{}", receipt.answer);
}

#[tokio::test]
async fn what_has_come_up_since_goes_to_those_who_know_the_rest() {
    let server = MailServer::start().unwrap();
    let email = email(&server, &format!("{BOB}, {EVE}"));
    server.fault_next(1, SmtpFault::RefuseReceiver(EVE.into(), 450));
    let part = email.send(letter("n1", "down", None), LONG).await.unwrap_err().part.unwrap();
    let news = Message { subject: "Resolved".into(), body: "up again".into() };
    let merged = Letter { news: Some(&news), ..letter("n2", "was down", Some(&part.memory)) };
    // Eve's is still full.
    server.fault_next(2, SmtpFault::RefuseReceiver(EVE.into(), 450));
    let part = email.send(merged, LONG).await.unwrap_err().part.unwrap();
    assert_eq!(got(&server), pairs(&[(BOB, "down"), (BOB, "up again")]));

    email.send(letter("n2", "was down", Some(&part.memory)), LONG).await.unwrap();
    assert_eq!(got(&server)[2..], pairs(&[(EVE, "was down")]));
    // The list of receivers has changed: whoever does not have it gets it.
    let other = self::email(&server, &format!("{BOB}, zoe@example.org"));
    other.send(letter("n2", "was down", Some(&part.memory)), LONG).await.unwrap();
    assert_eq!(got(&server)[3..], pairs(&[("zoe@example.org", "was down")]));
}

#[tokio::test]
async fn to_one_receiver_it_is_all_or_nothing() {
    let server = MailServer::start().unwrap();
    let email = email(&server, BOB);
    for (fault, retry) in [
        (SmtpFault::RefuseReceivers(450), Retry::Later(None)),
        (SmtpFault::RefuseReceivers(550), Retry::Never),
        (SmtpFault::RefuseMail(451), Retry::Later(None)),
        (SmtpFault::RefuseGreeting, Retry::Later(None)),
    ] {
        server.fault_next(1, fault.clone());
        let refusal = email.send(letter("n1", "down", None), LONG).await.unwrap_err();
        assert_eq!((refusal.retry, refusal.part), (retry, None), "{fault:?}");
        assert!(!refusal.text.contains(BOB), "{}", refusal.text);
    }
    let receipt = email.send(letter("n1", "down", None), LONG).await.unwrap();
    assert_eq!(receipt, Receipt { answer: "250 2.0.0 OK, kept as number 1".into(), memory: None });
}

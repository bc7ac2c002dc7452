//! Channels misbehave in every way: nobody waits for them, and they get their notices once they are well again.

use std::time::Duration;

use auto_operator::demo::Fault;
use auto_operator::demo::smtp::SmtpFault;
use auto_operator::demo::world::RECEIVER;
use futures_util::future::{join, join_all};

use crate::support::channels::{ALERT, RESOLVED, mails, subjects, telegrams};
use crate::support::{Home, SOON, Service, now};

/// A cycle that a channel held up would take longer.
const UNDISTURBED: Duration = Duration::from_millis(1_500);

/// A home with stuck jobs, of which telegram and e-mail are told.
fn home() -> Home {
    let mut home = Home::well();
    home.set("REQUEST_TIMEOUT", "400ms");
    home.set("RESOLVE_AFTER", "1");
    home.without("OPENAI");
    home.unset(&["NOTION_STATUS_DB_ID"]);
    home.world.jobs_get_stuck(3, now());
    home
}

fn status(code: u16, retry_after: Option<u64>) -> Fault {
    Fault::Status { code, retry_after, body: None }
}

/// A cycle is not held up, whatever its channels do.
async fn looks_undisturbed(service: &Service, fault: &dyn std::fmt::Debug) {
    let (report, took) = service.cycle_took().await;
    assert!(took < UNDISTURBED, "{fault:?} held up the cycle for {took:?}");
    assert_eq!(report["stuck_jobs_count"], 3, "{fault:?}: {report:#}");
}

#[actix_rt::test]
async fn telegram_gets_its_alert_once_it_is_well_again_and_nobody_waits_for_it() {
    let faults = [
        status(429, Some(1)),
        status(429, None),
        Fault::status(500),
        Fault::status(529),
        Fault::Html { code: 200 },
        Fault::Html { code: 403 },
        Fault::Html { code: 404 },
        Fault::Html { code: 502 },
        Fault::HalfJson,
        Fault::HugeBody { bytes: 50 << 20 },
        Fault::Drip { every: Duration::from_secs(1) },
        Fault::Reset,
        Fault::Hang,
        Fault::WrongContentType,
    ];
    join_all(faults.map(telegram_recovers_from)).await;
}

async fn telegram_recovers_from(fault: Fault) {
    let home = home();
    let world = &home.world;
    world.telegram.set_fault(Some(fault.clone()));
    let service = home.serve().await;
    assert_eq!(mails(world, 1).await[0].subject, ALERT, "{fault:?}");
    looks_undisturbed(&service, &fault).await;
    let line = service.line("telegram: alert ").await;
    assert!(line.contains("tried again in "), "{fault:?}: {line}");
    world.telegram.set_fault(None);
    assert_eq!(subjects(&telegrams(world, 1).await), [ALERT], "{fault:?}");
    world.all_is_well_again(20, now());
    service.cycle().await;
    assert_eq!(subjects(&telegrams(world, 2).await), [ALERT, RESOLVED], "{fault:?}");
}

#[actix_rt::test]
async fn what_telegram_refuses_for_good_is_said_and_does_not_stand_in_the_way_of_what_follows() {
    join_all([401, 403, 404, 400].map(telegram_refuses_with)).await;
}

async fn telegram_refuses_with(code: u16) {
    let home = home();
    let world = &home.world;
    world.telegram.set_fault(Some(Fault::status(code)));
    let service = home.serve().await;
    let line = service.line("telegram: alert ").await;
    assert!(line.contains("not tried again: somebody has to do something"), "{code}: {line}");
    mails(world, 1).await;
    world.telegram.set_fault(None);
    world.notion.revoke_token();
    service.cycle().await;
    let messages = telegrams(world, 1).await;
    assert!(messages[0].text.contains("Notion integration offline"), "{code}: {}", messages[0].text);
}

#[actix_rt::test]
async fn the_mail_server_gets_its_alert_once_it_is_well_again_and_nobody_waits_for_it() {
    let faults = [
        SmtpFault::RefuseGreeting,
        SmtpFault::RefuseReceivers(450),
        SmtpFault::RefuseMail(451),
        SmtpFault::GarbageGreeting,
        SmtpFault::Drip(Duration::from_secs(1)),
        SmtpFault::Reset,
        SmtpFault::Close,
        SmtpFault::HangAtGreeting,
        SmtpFault::HangAfterMail { accepted: false },
        SmtpFault::FloodOfLines(50 << 20),
        SmtpFault::FloodInOneLine(50 << 20),
        SmtpFault::Slow(Duration::from_millis(500)),
    ];
    join(join_all(faults.map(mail_server_recovers_from)), mail_server_gets_a_repeat()).await;
}

async fn mail_server_recovers_from(fault: SmtpFault) {
    let home = home();
    let world = &home.world;
    world.smtp.set_fault(Some(fault.clone()));
    let service = home.serve().await;
    let memory = service.resident_mib();
    assert_eq!(subjects(&telegrams(world, 1).await), [ALERT], "{fault:?}");
    looks_undisturbed(&service, &fault).await;
    let line = service.line("email: alert ").await;
    assert!(line.contains("tried again in "), "{fault:?}: {line}");
    world.smtp.set_fault(None);
    assert_eq!(mails(world, 1).await[0].subject, ALERT, "{fault:?}");
    let grown = service.resident_mib().saturating_sub(memory);
    assert!(grown < 48, "{fault:?}: grown by {grown} MiB");
}

#[actix_rt::test]
async fn a_mail_server_that_takes_the_mail_but_not_the_good_bye_has_taken_it() {
    let mut home = home();
    // The whole time for a mail is over before the time for the good-bye is.
    home.set("REQUEST_TIMEOUT", "250ms");
    let world = &home.world;
    world.smtp.set_fault(Some(SmtpFault::HangAtQuit));
    let service = home.serve().await;
    mails(world, 1).await;
    let line = service.line("email: ").await;
    assert!(line.contains("email: delivered alert "), "{line}");
    world.all_is_well_again(20, now());
    service.cycle().await;
    assert_eq!(mails(world, 2).await[1].subject, RESOLVED);
}

/// Whether it has the mail cannot be known: it is sent again, and the repeat can be recognised.
async fn mail_server_gets_a_repeat() {
    let home = home();
    let world = &home.world;
    world.smtp.fault_next(1, SmtpFault::HangAfterMail { accepted: true });
    let _service = home.serve().await;
    let mails = mails(world, 2).await;
    assert_eq!(mails[0].header("Message-ID"), mails[1].header("Message-ID"));
    assert_eq!(mails[0].body, mails[1].body);
}

#[actix_rt::test]
async fn one_receiver_that_is_gone_does_not_cost_the_others_their_mail() {
    let mut home = home();
    home.set("ALERT_TO", &format!("gone@example.org, {RECEIVER}"));
    home.world.smtp.set_fault(Some(SmtpFault::RefuseReceiver("gone@example.org".into(), 550)));
    let service = home.serve().await;
    let line = service.line("email: ").await;
    let mails = home.world.smtp.mails().all();
    assert_eq!(mails.iter().map(|mail| mail.to.as_slice()).collect::<Vec<_>>(), [[RECEIVER]], "{line}");
}

#[actix_rt::test]
async fn a_mail_server_that_repeats_the_login_does_not_bring_it_into_the_log() {
    let mut home = home();
    home.set("RUST_LOG", "debug");
    home.world.smtp.set_fault(Some(SmtpFault::EchoLogin));
    let service = home.serve().await;
    service.line("email: alert ").await;
    let (_, log) = service.signal("TERM").await;
    for form in ["p@ss: word%", "p%40ss", "cEBzczogd29yZCU"] {
        assert!(!log.contains(form), "{log}");
    }
}

#[actix_rt::test]
async fn a_status_board_that_misbehaves_holds_up_nobody_and_is_filled_later() {
    let faults = [
        status(429, Some(1)),
        status(429, Some(3_600)),
        Fault::status(500),
        Fault::status(403),
        Fault::HalfJson,
        Fault::HugeBody { bytes: 50 << 20 },
        Fault::Drip { every: Duration::from_secs(1) },
        Fault::Reset,
        Fault::Hang,
        Fault::WrongContentType,
    ];
    join_all(faults.map(board_recovers_from)).await;
}

async fn board_recovers_from(fault: Fault) {
    let mut home = home();
    let board = home.world.status_board;
    home.set("NOTION_STATUS_DB_ID", &board.to_string());
    let world = &home.world;
    world.notion.set_fault_on("/v1/pages", Some(fault.clone()));
    let service = home.serve().await;
    telegrams(world, 1).await;
    mails(world, 1).await;
    let line = service.line("notion: status ").await;
    looks_undisturbed(&service, &fault).await;
    world.notion.set_fault_on("/v1/pages", None);
    if fault == status(429, Some(3_600)) {
        assert!(line.contains("tried again in 1h"), "{line}");
        return;
    }
    service.cycle().await;
    let written = |line: &String| line.contains("notion: delivered status ");
    let delivered = service.log.wait_for(written, SOON).await;
    assert!(delivered.is_some(), "{fault:?}: {}", service.log.all().join("\n"));
    let pages = world.notion.pages(board);
    assert!(pages.iter().all(|page| page.checkbox("OK") == Some(false)), "{fault:?}");
    assert_eq!(pages.len(), 1, "{fault:?}");
}

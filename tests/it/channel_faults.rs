//! Channels misbehave in every way: nobody waits for them, and they get their notices once they are well again.

use std::time::Duration;

use auto_operator::demo::Fault;
use auto_operator::demo::smtp::SmtpFault;
use auto_operator::demo::world::RECEIVER;
use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use crate::support::channels::{ALERT, RESOLVED, mails, subjects, telegrams};
use crate::support::{Home, SOON, Service, issues, now};

/// Whoever waited for a channel that is ill would wait for as long as it is, which is until the cycle is over.
const UNDISTURBED: Duration = Duration::from_secs(10);

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
async fn who_was_told_of_an_incident_hears_of_its_end_although_that_was_refused_for_good() {
    let home = home();
    let world = &home.world;
    let service = home.serve().await;
    telegrams(world, 1).await;
    world.telegram.blocked();
    world.all_is_well_again(20, now());
    service.cycle().await;
    service.line("not tried again").await;
    world.telegram.unblocked();
    service.cycle().await;
    let next = &telegrams(world, 2).await[1].text;
    assert!(next.starts_with(ALERT) && next.contains("telegram does not get its notices"), "{next}");
    assert!(next.contains("RESOLVED:\n  • ⚠️ 3 job(s) stuck >30 minutes (after "), "{next}");
}

#[actix_rt::test]
async fn a_channel_that_refuses_for_good_costs_one_incident_and_no_more() {
    let home = home();
    let world = &home.world;
    world.telegram.blocked();
    let service = home.serve().await;
    service.line("telegram: alert ").await;
    let report = service.cycle().await;
    let said = "⚠️ telegram does not get its notices: forbidden (403)";
    assert!(issues(&report).contains(&said), "{report:#}");
    assert!(mails(world, 2).await[1].body.contains(said));
    service.delivered().await;
    let asked = world.telegram.requests().count();
    assert_eq!(asked, 2, "it was tried with what there was to tell");
    let report = service.cycles(5).await;
    assert_eq!((report["incidents"].as_array().map(Vec::len), world.telegram.requests().count()), (Some(2), asked));
    mails(world, 2).await;

    // Somebody has let it in again: it hears what it has missed with what there is to tell next.
    world.telegram.unblocked();
    world.notion.revoke_token();
    service.cycle().await;
    let first = &telegrams(world, 1).await[0].text;
    assert!(
        first.contains("Notion integration offline") && !first.contains("3 job(s) stuck"),
        "nobody sees them: {first}"
    );
    service.delivered().await;
    service.cycle().await;
    let over = format!("RESOLVED:\n  • {said} (after ");
    assert!(mails(world, 4).await[3].body.contains(&over));
    assert!(telegrams(world, 2).await[1].text.contains(&over));
    world.notion.accept_token(&world.notion.token());
    service.cycles(3).await;
    let missed = world.telegram.messages().wait_for(|message| message.text.contains("3 job(s) stuck"), SOON).await;
    assert!(missed.is_some(), "{:#?}", world.telegram.messages().all());
}

#[actix_rt::test]
async fn what_waited_for_a_channel_is_one_message_when_it_comes_back() {
    let home = home();
    let world = &home.world;
    world.telegram.set_fault(Some(Fault::status(500)));
    let service = home.serve().await;
    service.line("telegram: alert ").await;
    world.all_is_well_again(20, now());
    service.cycle().await;
    mails(world, 2).await;
    world.telegram.set_fault(None);
    let messages = telegrams(world, 1).await;
    assert_eq!(subjects(&messages), [RESOLVED]);
    let line = "MEANWHILE:\n  • ⚠️ 3 job(s) stuck >30 minutes: was down ";
    assert!(messages[0].text.contains(line) && messages[0].text.contains("Stuck jobs: 0"), "{}", messages[0].text);

    // It knows how things are: what comes next is told as ever.
    world.jobs_get_stuck(2, now());
    service.cycle().await;
    assert_eq!(subjects(&telegrams(world, 2).await), [RESOLVED, ALERT]);
}

#[actix_rt::test]
async fn a_message_about_an_incident_replies_to_its_alert_and_none_comes_sooner_than_a_second_after_another() {
    let home = home();
    let world = &home.world;
    let service = home.serve().await;
    let alert = telegrams(world, 1).await[0].message_id;
    world.all_is_well_again(20, now());
    service.cycle().await;
    let messages = telegrams(world, 2).await;
    assert_eq!((messages[0].reply_to, messages[1].reply_to), (None, Some(alert)));
    let asked: Vec<_> = world.telegram.requests().all().iter().map(|request| request.at).collect();
    let apart = asked[1] - asked[0];
    assert!(apart >= chrono::TimeDelta::milliseconds(990), "{apart}");
}

#[actix_rt::test]
async fn the_report_shows_live_what_waits_for_a_channel() {
    let home = home();
    let world = &home.world;
    world.telegram.set_fault(Some(status(429, Some(1))));
    let service = home.serve().await;
    let report = service.report_with(|report| report["delivery"][1]["state"] == "retrying").await;
    let row = &report["delivery"][1];
    assert_eq!(
        (&row["channel"], &row["pending"], &row["last_delivered"]),
        (&json!("telegram"), &json!(1), &Value::Null)
    );
    let error = row["last_error"].as_str().unwrap_or_default();
    assert!(error.starts_with("rate limited (429): "), "{row}");
    assert_eq!(service.get("/ops-report").await.json()["delivery"][1]["last_error"], "rate_limited");
    assert_eq!(report["delivery"].as_array().map(Vec::len), Some(2), "the board is not configured: {report:#}");
    world.telegram.set_fault(None);
    let row = service.delivered().await["delivery"][1].clone();
    assert_eq!((&row["state"], &row["last_error"]), (&json!("ok"), &Value::Null));
    assert!(row["last_delivered"].is_string(), "{row}");
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
    let memory = service.peak_mib();
    assert_eq!(subjects(&telegrams(world, 1).await), [ALERT], "{fault:?}");
    looks_undisturbed(&service, &fault).await;
    let line = service.line("email: alert ").await;
    assert!(line.contains("tried again in "), "{fault:?}: {line}");
    world.smtp.set_fault(None);
    assert_eq!(mails(world, 1).await[0].subject, ALERT, "{fault:?}");
    let grown = service.peak_mib().saturating_sub(memory);
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
    service.line("email: delivered alert ").await;
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
    let line = service.line("email: delivered alert ").await;
    let mails = home.world.smtp.mails().all();
    assert_eq!(mails.iter().map(|mail| mail.to.as_slice()).collect::<Vec<_>>(), [[RECEIVER]], "{line}");
}

#[actix_rt::test]
async fn who_is_put_off_by_the_mail_server_gets_the_mail_later_and_keeps_nobody_waiting() {
    join(the_same_mail_comes_later(), and_what_has_come_up_since_comes_with_it()).await;
}

/// A home with two receivers of mail, of whom the server puts one off.
fn home_of_two() -> Home {
    let mut home = home();
    home.set("ALERT_TO", &format!("full@example.org, {RECEIVER}"));
    home.world.smtp.set_fault(Some(SmtpFault::RefuseReceiver("full@example.org".into(), 450)));
    home
}

async fn the_same_mail_comes_later() {
    let home = home_of_two();
    let world = &home.world;
    let service = home.serve().await;
    let line = service.line("email: alert ").await;
    assert!(line.contains("tried again in ") && line.contains("(to full@example.org)"), "{line}");
    world.smtp.set_fault(None);
    let mails = mails(world, 2).await;
    assert_eq!([&mails[0].to[..], &mails[1].to[..]], [[RECEIVER], ["full@example.org"]]);
    assert_eq!(mails[0].header("Message-ID"), mails[1].header("Message-ID"));
    assert_eq!(mails[0].body, mails[1].body);
    service.delivered().await;
}

async fn and_what_has_come_up_since_comes_with_it() {
    let home = home_of_two();
    let world = &home.world;
    let service = home.serve().await;
    service.line("email: alert ").await;
    world.all_is_well_again(20, now());
    service.cycle().await;
    let two = mails(world, 2).await;
    assert_eq!((&two[1].to[..], two[1].subject.as_str()), (&[RECEIVER.to_owned()][..], RESOLVED));
    assert!(two[1].body.contains("RESOLVED:\n  • ⚠️ 3 job(s) stuck"), "{}", two[1].body);
    world.smtp.set_fault(None);
    let three = mails(world, 3).await;
    assert_eq!((&three[2].to[..], three[2].subject.as_str()), (&["full@example.org".to_owned()][..], RESOLVED));
    assert!(three[2].body.contains("MEANWHILE:\n  • ⚠️ 3 job(s) stuck >30 minutes: was down "), "{}", three[2].body);
}

#[actix_rt::test]
async fn a_mail_that_is_put_off_and_then_refused_is_said_to_be_undelivered_and_told_when_the_server_is_well() {
    let home = home();
    let world = &home.world;
    world.smtp.fault_next(1, SmtpFault::RefuseReceivers(450));
    world.smtp.set_fault(Some(SmtpFault::RefuseReceivers(550)));
    let service = home.serve().await;
    let line = service.line("email: alert ").await;
    assert!(line.contains("(attempt 1), tried again in "), "{line}");
    let line = service.line("(attempt 2)").await;
    assert!(line.contains("not tried again: somebody has to do something: bad request (550)"), "{line}");
    let report = service.report_with(|report| report["delivery"][0]["state"] == "failing").await;
    let error = report["delivery"][0]["last_error"].as_str().unwrap_or_default();
    assert!(error.starts_with("bad request (550): receiver: "), "{report:#}");

    world.smtp.set_fault(None);
    let said = "⚠️ email does not get its notices: bad request (550)";
    assert!(issues(&service.cycle().await).contains(&said));
    let mail = &mails(world, 1).await[0].body;
    assert!(mail.contains(said) && mail.contains("3 job(s) stuck"), "what was missed comes with it: {mail}");
    let telegram = &telegrams(world, 2).await[1].text;
    assert!(telegram.contains(said) && telegram.contains("STILL OPEN:\n  • ⚠️ 3 job(s) stuck"), "{telegram}");
    service.delivered().await;
    assert!(!issues(&service.cycle().await).contains(&said));
    assert_eq!(mails(world, 2).await[1].subject, RESOLVED);
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
    if fault == Fault::status(403) {
        // Refused for good in each cycle: what is still on its way of the second one would make an entry of its own, of
        // other issues than the next.
        let mut refused = 0;
        let both = |line: &String| {
            refused += usize::from(line.contains("notion: status ") && line.contains("was not delivered"));
            refused == 2
        };
        assert!(service.log.wait_for(both, SOON).await.is_some(), "{}", service.log.all().join("\n"));
    }
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

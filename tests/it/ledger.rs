//! Channels refuse for a while, for good, or too late: what `GET /api/deliveries` says of each notice is what they have got.

use std::time::Duration;

use auto_operator::demo::Fault;
use auto_operator::demo::smtp::SmtpFault;
use auto_operator::demo::wire::Received;
use serde_json::Value;
use tokio::time::timeout;

use crate::support::account::{self, Record, all_is_told};
use crate::support::channels::{ALERT, RESOLVED, mails, subjects, telegrams};
use crate::support::{Home, SOON, Service, issues, now};

fn home() -> Home {
    let mut home = Home::well();
    home.set("RESOLVE_AFTER", "1");
    home.set("REQUEST_TIMEOUT", "1s");
    home
}

/// The records of a channel, oldest first.
async fn records(service: &Service, channel: &str) -> Vec<Record> {
    let all = account::of_service(service).await;
    all.into_iter().filter(|record| record.channel == channel).collect()
}

/// What has become of each.
fn states(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| record.state.as_str()).collect()
}

/// What came of each attempt.
fn outcomes(record: &Record) -> Vec<&str> {
    record.tries.iter().map(|(outcome, _)| outcome.as_str()).collect()
}

/// The requests to a path that have come in so far.
fn requests(home: &Home, path: &str) -> usize {
    let world = &home.world;
    let all = [world.telegram.requests().all(), world.notion.requests().all()].concat();
    all.iter().filter(|request| request.path.contains(path)).count()
}

/// How it is with a channel, in the report.
fn delivery<'r>(report: &'r Value, channel: &str) -> &'r Value {
    let channels = report["delivery"].as_array().unwrap_or_else(|| panic!("no delivery in {report:#}"));
    channels.iter().find(|row| row["channel"] == channel).unwrap_or_else(|| panic!("no {channel} in {report:#}"))
}

#[actix_rt::test]
async fn while_telegram_is_busy_its_notices_wait_and_become_one() {
    let home = home();
    let world = &home.world;
    world.telegram.rate_limited(1);
    world.jobs_get_stuck(3, now());
    let service = home.serve().await;
    mails(world, 1).await;
    let sends = |request: &Received| request.path.ends_with("/sendMessage");
    assert!(world.telegram.requests().wait_for(sends, SOON).await.is_some());
    service.line("telegram: alert ").await;
    let waiting = records(&service, "telegram").await;
    assert_eq!((states(&waiting), outcomes(&waiting[0])), (vec!["pending"], vec!["later"]), "{waiting:#?}");
    let report = service.report().await;
    assert_eq!(
        (&delivery(&report, "telegram")["state"], &delivery(&report, "email")["state"]),
        (&"retrying".into(), &"ok".into())
    );
    world.all_is_well_again(20, now());
    service.cycle().await;
    assert_eq!(mails(world, 2).await[1].subject, RESOLVED, "nobody waits for Telegram");
    // Once more, after a wait.
    let mut seen = 0;
    let second = |request: &Received| {
        seen += usize::from(sends(request));
        seen == 2
    };
    assert!(world.telegram.requests().wait_for(second, SOON).await.is_some());
    world.telegram.set_fault(None);

    let messages = telegrams(world, 1).await;
    let text = &messages[0].text;
    assert_eq!(subjects(&messages), [RESOLVED]);
    assert!(text.contains("\n\nMEANWHILE:\n  • ⚠️ 3 job(s) stuck >30 minutes: was down "), "{text}");
    let span = text.split("was down ").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap_or_default();
    let is_clock = |clock: &str| clock.len() == 5 && clock.as_bytes()[2] == b':';
    assert!(span.split('–').all(is_clock) && span.contains('–'), "{span:?} in {text}");

    let account = timeout(SOON, all_is_told(&service, world)).await.expect("something waits to be told");
    account.nothing_is_lost();
    account.nothing_is_repeated();
    assert_eq!(account.each_incident_is_told_and_ended_once(), 1);
    let records = records(&service, "telegram").await;
    assert_eq!(states(&records), ["merged", "delivered"], "{records:#?}");
    let [merged, delivered] = &records[..] else { unreachable!() };
    assert_eq!(merged.merged_into.as_ref(), Some(&delivered.id));
    let answers: Vec<_> = merged.tries.iter().chain(&delivered.tries).collect();
    let (last, refused) = answers.split_last().expect("several tries");
    assert!(
        refused.len() >= 2 && refused.iter().all(|(outcome, said)| outcome == "later" && said.contains("429")),
        "{answers:#?}"
    );
    let number = format!("message {} ", messages[0].message_id);
    assert!(last.0 == "delivered" && last.1.starts_with(&number), "{last:?}");
    assert_eq!(delivered.answer.as_ref(), Some(&last.1));
    // Nothing was asked of Telegram that is not in the ledger.
    assert_eq!(answers.len(), requests(&home, "/sendMessage"));
    assert_eq!(delivered.attempts as usize, answers.len());
}

#[actix_rt::test]
async fn a_mail_server_that_refuses_for_a_time_and_then_for_good_is_an_issue_until_it_takes_something() {
    let home = home();
    let world = &home.world;
    world.smtp.fault_next(1, SmtpFault::RefuseReceivers(450));
    world.smtp.set_fault(Some(SmtpFault::RefuseReceivers(550)));
    world.jobs_get_stuck(3, now());
    let service = home.serve().await;
    telegrams(world, 1).await;
    service.line("not tried again").await;
    let refused = records(&service, "email").await;
    assert_eq!(
        (states(&refused), outcomes(&refused[0])),
        (vec!["undelivered"], vec!["later", "never"]),
        "{refused:#?}"
    );
    assert!(refused[0].tries[0].1.contains("450") && refused[0].tries[1].1.contains("550"), "{refused:#?}");
    assert_eq!((refused[0].attempts, &refused[0].answer), (2, &None));

    let report = service.cycle().await;
    assert_eq!(delivery(&report, "email")["state"], "failing", "{report:#}");
    assert!(issues(&report).iter().any(|issue| issue.starts_with("⚠️ email does not get its notices: ")), "{report:#}");
    let messages = telegrams(world, 2).await;
    assert!(messages[1].text.contains("email does not get its notices"), "{}", messages[1].text);

    world.smtp.set_fault(None);
    world.openai.goes_down();
    service.cycle().await;
    assert_eq!(mails(world, 1).await[0].subject, ALERT);
    world.all_is_well_again(20, now());
    let report = service.cycles(3).await;
    assert_eq!(
        (&report["overall_ok"], &delivery(&report, "email")["state"]),
        (&true.into(), &"ok".into()),
        "{report:#}"
    );
    timeout(SOON, all_is_told(&service, world)).await.expect("something waits to be told");
    let records = records(&service, "email").await;
    let got: Vec<_> =
        world.smtp.mails().all().iter().filter_map(|mail| mail.header("Message-ID").map(str::to_owned)).collect();
    let delivered = records.iter().filter(|record| record.state == "delivered");
    let said: Vec<_> = delivered.map(|record| format!("<{}@example.org>", record.id)).collect();
    assert_eq!(got, said, "{records:#?}");
    for (number, record) in records.iter().filter(|record| record.state == "delivered").enumerate() {
        let answer = format!("kept as number {}", number + 1);
        assert!(record.answer.as_ref().is_some_and(|said| said.contains(&answer)), "{record:#?}");
    }
}

#[actix_rt::test]
async fn a_slow_notion_holds_up_nobody_and_the_ledger_knows_each_try() {
    let mut home = home();
    // Only the first cycle, and what an order brings: a state that waits is replaced by the next one.
    home.set("REQUEST_TIMEOUT", "500ms");
    let world = &home.world;
    let board = world.status_board;
    world.notion.set_fault_on("/v1/pages", Some(Fault::Delay(Duration::from_secs(30))));
    world.jobs_get_stuck(3, now());
    let service = home.serve().await;
    telegrams(world, 1).await;
    mails(world, 1).await;
    service.line("notion: status ").await;
    let waiting = records(&service, "notion").await;
    assert_eq!((states(&waiting), outcomes(&waiting[0])), (vec!["pending"], vec!["later"]), "{waiting:#?}");
    assert_eq!(delivery(&service.report().await, "notion")["state"], "retrying");
    world.notion.set_fault_on("/v1/pages", None);
    service.line("notion: delivered status ").await;
    let records = records(&service, "notion").await;
    assert_eq!(
        (states(&records), outcomes(&records[0])),
        (vec!["delivered"], vec!["later", "delivered"]),
        "{records:#?}"
    );
    // What was too slow was done all the same: each try is an entry, and the last one is the one that is known.
    let pages = world.notion.pages(board);
    assert_eq!((pages.len(), requests(&home, "/v1/pages")), (2, 2));
    let newest = pages.last().expect("an entry").id.to_string().replace('-', "");
    let answer = records[0].answer.clone().unwrap_or_default().replace('-', "");
    assert!(answer.contains(&newest), "{answer} {newest}");
}

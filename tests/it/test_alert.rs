//! `test-alert`: what arrives, what it says, and its exit code.

use auto_operator::demo::Fault;
use auto_operator::demo::smtp::SmtpFault;
use auto_operator::demo::wire::Received;

use crate::support::channels::{mails, telegrams};
use crate::support::{Home, SOON, issues, now};

const SUBJECT: &str = "🧪 EchoPilot Auto-Operator Test";

#[actix_rt::test]
async fn each_channel_gets_one_message_that_says_that_it_is_a_test() {
    let home = Home::well();
    let ended = home.run(&["test-alert"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.said());
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert!(lines[0].starts_with("ok    email                a test message → 250 2.0.0 OK"), "{}", ended.stdout);
    assert!(lines[1].starts_with("ok    telegram             a test message → message 101"), "{}", ended.stdout);
    assert!(lines[2].starts_with("ok    notion               a test message → created "), "{}", ended.stdout);
    assert_eq!(lines[3..], ["3 of 3 took it."]);

    let message = &telegrams(&home.world, 1).await[0].text;
    let mail = &mails(&home.world, 1).await[0];
    assert_eq!((message.lines().next(), mail.subject.as_str()), (Some(SUBJECT), SUBJECT));
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    for text in [message, &mail.body] {
        for part in ["Timestamp: 2", "This is a test, nothing is wrong", "• Service: EchoPilot", host.trim()] {
            assert!(text.contains(part), "no {part:?} in {text}");
        }
    }
    let board = home.world.notion.pages(home.world.status_board);
    assert_eq!((board.len(), board[0].text("Name").as_deref()), (1, Some("Auto-Operator")));
    assert!(board[0].text("Notes").unwrap().starts_with("Test, nothing was looked at: "));
    // Nothing was looked at: nothing is said to be well, or not. Notion shows a box that nobody has set without a tick.
    let requests = home.world.notion.requests().all();
    let entry = requests.iter().find(|request| request.path == "/v1/pages").and_then(Received::json).unwrap();
    assert_eq!((entry["properties"].get("OK"), board[0].number("Jobs (24h)")), (None, None), "{entry:#}");
    assert!(entry["properties"].get("When").is_some(), "{entry:#}");
    assert_eq!(home.left_behind(), [], "it needs no database");
}

#[actix_rt::test]
async fn one_channel_can_be_named_and_one_that_is_not_there_is_a_mistake() {
    let mut home = Home::well();
    let ended = home.run(&["test-alert", "--channel", "telegram"]).await;
    assert_eq!((ended.code, ended.stdout.lines().count()), (Some(0), 2), "{}", ended.said());
    assert!(ended.stdout.ends_with("\n1 of 1 took it.\n"), "{}", ended.stdout);
    telegrams(&home.world, 1).await;
    assert_eq!(home.world.smtp.mails().count(), 0);
    assert_eq!(home.world.notion.requests().count(), 0);

    home.without("SMTP");
    for unknown in ["pager", "email", ""] {
        let ended = home.run(&["test-alert", "--channel", unknown]).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{unknown:?}");
        let sentence = format!("no channel {unknown:?} is configured; configured are: telegram, notion\n");
        assert!(ended.stderr.ends_with(&sentence), "{}", ended.stderr);
    }
    home.without("TELEGRAM");
    home.unset(&["NOTION_STATUS_DB_ID"]);
    let ended = home.run(&["test-alert", "--channel", "telegram"]).await;
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.ends_with("configured are: none\n"), "{}", ended.stderr);
    let ended = home.run(&["test-alert"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.contains("no channel is configured. Do this: set TELEGRAM_BOT_TOKEN"), "{}", ended.stderr);
}

#[actix_rt::test]
async fn a_channel_that_refuses_says_why_and_what_to_do_and_keeps_the_others_from_nothing() {
    let mut home = Home::well();
    home.set("REQUEST_TIMEOUT", "500ms");
    home.set("TELEGRAM_CHAT_ID", "42");
    home.world.smtp.set_fault(Some(SmtpFault::RefuseReceivers(550)));
    let ended = home.run(&["test-alert"]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.said());
    let lines: Vec<_> = ended.stdout.lines().collect();
    // The server itself is well: it is about the receiver.
    assert!(lines[0].starts_with("fail  email                a test message → bad request (550)"), "{}", ended.stdout);
    assert!(lines[1].starts_with("      Do this: correct ALERT_TO, or ALERT_FROM, "), "{}", ended.stdout);
    assert!(lines[2].starts_with("fail  telegram             a test message → not found (400)"), "{}", ended.stdout);
    assert!(lines[3].starts_with("      Do this: open https://t.me/auto_operator_demo_bot "), "{}", ended.stdout);
    assert!(lines[4].starts_with("ok    notion "), "{}", ended.stdout);
    assert_eq!(lines[5..], ["2 of 3 did not take it, or not for everybody."]);

    // Who is left out is not well served by the mail that the other one gets.
    home.world.smtp.set_fault(Some(SmtpFault::RefuseReceiver("gone@example.org".into(), 550)));
    home.set("ALERT_TO", "ops@example.org, gone@example.org");
    let ended = home.run(&["test-alert", "--channel", "email"]).await;
    assert_eq!(
        (ended.code, mails(&home.world, 1).await[0].to.as_slice()),
        (Some(1), &["ops@example.org".to_owned()][..])
    );
    assert!(ended.stdout.starts_with("fail  email ") && ended.stdout.contains("but not to gone@"), "{}", ended.stdout);
    assert!(ended.stdout.contains("\n      Do this: correct ALERT_TO, "), "{}", ended.stdout);

    home.world.notion.set_fault(Some(Fault::Hang));
    let ended = home.run(&["test-alert", "--channel", "notion"]).await;
    assert!(ended.code == Some(1) && ended.stdout.contains("→ timeout: "), "{}", ended.said());
    assert!(ended.stdout.contains("\n      Do this: ask again; if Notion is always so slow"), "{}", ended.stdout);

    // A board that is well by all that can be asked.
    home.world.notion.set_fault(None);
    home.world.notion.set_fault_on("/v1/pages", Some(Fault::status(500)));
    let ended = home.run(&["test-alert", "--channel", "notion"]).await;
    let advice = "\n      Do this: see what it says, and send it again: `auto-operator test-alert --channel notion`\n";
    assert!(ended.code == Some(1) && ended.stdout.contains(advice), "{}", ended.said());
}

#[actix_rt::test]
async fn while_the_service_runs_it_opens_no_incident_and_changes_nothing_that_is_remembered() {
    let home = Home::well();
    let service = home.serve().await;
    service.cycle().await;
    let is_entry = |request: &Received| request.method == "POST" && request.path == "/v1/pages";
    assert!(home.world.notion.requests().wait_for(is_entry, SOON).await.is_some(), "its own entry");
    assert_eq!(home.run(&["test-alert"]).await.code, Some(0));
    let report = service.cycles(2).await;
    assert_eq!((issues(&report).len(), report["incidents"].as_array().map(Vec::len)), (0, Some(0)), "{report:#}");
    telegrams(&home.world, 1).await;
    mails(&home.world, 1).await;
    // The service goes on with its own entry.
    let board = home.world.notion.pages(home.world.status_board);
    assert_eq!(board.len(), 2, "its own and that of the test");
    home.world.jobs_get_stuck(3, now());
    service.cycle().await;
    telegrams(&home.world, 2).await;
}

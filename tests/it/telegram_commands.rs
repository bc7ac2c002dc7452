//! What people order in the chat: who is obeyed, what comes of it, and what does not.

use std::time::Duration;

use auto_operator::demo::Fault;
use auto_operator::demo::notion::JobRow;
use auto_operator::demo::telegram::{Answered, Delivered};
use auto_operator::demo::wire::Received;
use auto_operator::demo::world::World;
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::postgres;
use crate::support::channels::{ALERT, telegrams, texts};
use crate::support::pair::{Pair, TAKEN_OVER};
use crate::support::server::{own_server, starts_again, stops};
use crate::support::{Home, SOON, Service, issues, now};

const ADA: i64 = 4_711;
const BOB: i64 = 4_712;
const STRANGER: i64 = 666;

const LISTENING: &str = "telegram: listening for commands as @auto_operator_demo_bot";

/// A home where three jobs are stuck, and Ada and Bob may give orders.
fn home() -> Home {
    let mut home = Home::well();
    home.world.jobs_get_stuck(3, now());
    home.set("TELEGRAM_ALLOWED_USER_IDS", &format!("{ADA}, {BOB}"));
    home.without("SMTP");
    home.unset(&["NOTION_STATUS_DB_ID"]);
    home
}

/// A service that listens, and the alert that it has sent.
async fn serve(home: &Home) -> (Service, Delivered) {
    let service = home.serve().await;
    service.line(LISTENING).await;
    let alert = telegrams(&home.world, 1).await.remove(0);
    (service, alert)
}

/// Somebody writes in the chat that gets the alerts.
fn say(world: &World, who: i64, text: &str) -> i64 {
    world.telegram.push_message(who, world.telegram.chat_id(), text)
}

/// What is answered to the message.
async fn answer_to(world: &World, message: i64) -> Delivered {
    let journal = world.telegram.messages();
    let answer = journal.wait_for(|delivered| delivered.reply_to == Some(message) && !delivered.edited, SOON).await;
    answer.unwrap_or_else(|| panic!("no answer to {message}: {:#?}", texts(&journal.all())))
}

/// Somebody orders something in the chat, and gets this answer.
async fn order(world: &World, who: i64, text: &str) -> String {
    answer_to(world, say(world, who, text)).await.text
}

/// What the button of this label says.
fn data(message: &Delivered, label: &str) -> String {
    let markup = message.reply_markup.clone().unwrap_or_default();
    let rows = markup["inline_keyboard"].as_array().cloned().unwrap_or_default();
    let mut all = rows.iter().filter_map(Value::as_array).flatten();
    let button = all.find(|button| button["text"] == label);
    let button = button.unwrap_or_else(|| panic!("no button {label} in {markup:#}"));
    button["callback_data"].as_str().expect("a text").to_owned()
}

/// The labels of the buttons below a message.
fn labels(message: &Delivered) -> Vec<String> {
    let markup = message.reply_markup.clone().unwrap_or_default();
    let rows = markup["inline_keyboard"].as_array().cloned().unwrap_or_default();
    let all = rows.iter().filter_map(Value::as_array).flatten();
    all.map(|button| button["text"].as_str().expect("a text").to_owned()).collect()
}

/// Somebody presses the button of this label below the message; what they are shown.
async fn press(world: &World, who: i64, message: &Delivered, label: &str) -> Option<String> {
    let query =
        world.telegram.press_button(who, message.message_id, &data(message, label)).expect("the message is there");
    answered(world, &query).await.text
}

async fn answered(world: &World, query: &str) -> Answered {
    let answers = world.telegram.answers();
    answers.wait_for(|answer| answer.query_id == query, SOON).await.expect("a button that was pressed is answered")
}

/// What the message says by now, once that is as it should be.
async fn edited(world: &World, message: &Delivered, is_right: impl Fn(&Delivered) -> bool) -> Delivered {
    let journal = world.telegram.messages();
    let is_it = |other: &Delivered| other.message_id == message.message_id && other.edited && is_right(other);
    journal.wait_for(is_it, SOON).await.unwrap_or_else(|| panic!("it is not edited so: {:#?}", texts(&journal.all())))
}

/// Waits until the `count`-th poll has begun: what happens from then on is heard by it.
async fn is_polled(world: &World, count: usize) {
    let mut seen = 0;
    let enough = |request: &Received| {
        seen += usize::from(request.path.ends_with("/getUpdates"));
        seen >= count
    };
    assert!(world.telegram.requests().wait_for(enough, SOON * 2).await.is_some(), "there is no poll {count}");
}

/// How many times a poll has been asked for.
fn polls(world: &World) -> usize {
    world.telegram.requests().all().iter().filter(|request| request.path.ends_with("/getUpdates")).count()
}

async fn silences(service: &Service) -> Vec<Value> {
    service.get_all("/api/silences").await["silences"].as_array().expect("a list").clone()
}

#[actix_rt::test]
async fn who_is_allowed_is_answered() {
    let home = home();
    let world = &home.world;
    let (service, alert) = serve(&home).await;

    let status = order(world, ADA, "/status").await;
    assert!(status.starts_with("🚨 Not all is well: EchoPilot\nAs of "), "{status}");
    assert!(status.contains("• ⚠️ 3 job(s) stuck >30 minutes") && status.contains("OpenAI: answers"), "{status}");

    let stuck = answer_to(world, say(world, BOB, "/stuck@Auto_Operator_Demo_Bot")).await;
    assert!(stuck.text.starts_with("⚠️ 3 job(s) stuck (as of "), "{}", stuck.text);
    assert_eq!(stuck.raw.matches("<a href=\"https://app.notion.com/p/").count(), 3, "{}", stuck.raw);

    let incidents = order(world, ADA, "/incidents").await;
    assert!(incidents.starts_with("• ⚠️ 3 job(s) stuck >30 minutes\n   stuck_jobs, for "), "{incidents}");
    assert!(incidents.ends_with("acknowledged by nobody"), "{incidents}");

    let help = order(world, ADA, "/help").await;
    assert!(help.contains("/silence – "), "{help}");
    let wrong = order(world, ADA, "/silence").await;
    assert!(wrong.contains("/silence stuck_jobs 2h"), "{wrong}");

    let taken = order(world, ADA, "/ack").await;
    assert_eq!(taken, format!("✔️ Acknowledged by User {ADA}: ⚠️ 3 job(s) stuck >30 minutes"));
    let again = order(world, BOB, "/ack stuck_jobs").await;
    assert_eq!(again, format!("Acknowledged by User {ADA} already: ⚠️ 3 job(s) stuck >30 minutes"));
    let by = format!("User {ADA}");
    let report = service.report().await;
    assert_eq!(report["incidents"][0]["acknowledged_by"], by.as_str(), "the report knows it at once: {report:#}");
    assert!(order(world, ADA, "/incidents").await.ends_with(&format!("acknowledged by {by}")));
    assert_eq!(service.history("incidents").await[0]["acknowledged_by"], by.as_str());

    let silence = order(world, ADA, "/silence stuck_jobs 2h").await;
    assert!(silence.starts_with("🔕 Silence of stuck_jobs until ") && silence.ends_with(&by), "{silence}");
    let there = silences(&service).await;
    assert_eq!((there.len(), &there[0]["issue"], &there[0]["by"]), (1, &json!("stuck_jobs"), &json!(by)));
    let all = order(world, ADA, "/silence 1h").await;
    let ended = order(world, ADA, "/silence stuck_jobs off").await;
    assert_eq!(ended, format!("🔔 No more silence of stuck_jobs.\n{all}"), "what holds still is told");
    assert_eq!(silences(&service).await.len(), 1);
    assert_eq!(order(world, BOB, "/silence off").await, "🔔 No more silence of everything.");
    assert_eq!(order(world, BOB, "/silence off").await, "🔔 There was no such silence.");
    assert!(silences(&service).await.is_empty());

    world.all_is_well_again(20, now());
    let ticks = service.ticks();
    let looked = order(world, ADA, "/check").await;
    assert!(looked.starts_with("✅ All is well: EchoPilot\n"), "{looked}");
    assert_eq!(service.ticks(), ticks + 1);

    // The all-clear is about the incident: it replies to the alert.
    service.cycle().await;
    let over = answer_to(world, alert.message_id).await;
    assert!(over.text.starts_with("✅ EchoPilot Auto-Operator Resolved"), "{}", over.text);
    assert!(labels(&over).is_empty(), "there is nothing to be done about it");

    let names: Vec<Value> =
        world.telegram.commands().as_array().unwrap().iter().map(|it| it["command"].clone()).collect();
    assert_eq!(names, ["status", "stuck", "incidents", "ack", "silence", "check", "help"]);
    assert_eq!(world.telegram.command_scope(), json!({"type": "chat", "chat_id": world.telegram.chat_id()}));
}

#[actix_rt::test]
async fn everybody_else_gets_silence_wherever_and_however_they_write() {
    let mut home = home();
    home.set("RUST_LOG", "debug");
    let world = &home.world;
    let (service, alert) = serve(&home).await;
    let chat = world.telegram.chat_id();
    let elsewhere = -1_009;
    world.telegram.add_chat(elsewhere);
    world.telegram.add_chat(ADA);
    let (ack, quiet) = (data(&alert, "Acknowledge"), data(&alert, "Silence 4 h"));

    let mut met: Vec<i64> = ["/status", "/ack", "/silence 2h", "/silence", "/unknown@auto_operator_demo_bot"]
        .into_iter()
        .flat_map(|text| {
            [world.telegram.push_message(STRANGER, chat, text), world.telegram.push_message(ADA, elsewhere, text)]
        })
        .collect();
    met.push(world.telegram.push_message(ADA, ADA, "/ack"));
    let bot = json!({"from": {"id": ADA, "is_bot": true, "first_name": "Group", "username": "GroupAnonymousBot"}});
    let passed_on = json!({"forward_origin": {"type": "hidden_user", "date": 0, "sender_user_name": "x"}});
    let of_nobody = json!({"from": null, "sender_chat": {"id": chat, "type": "supergroup"}});
    for fields in [bot, passed_on, of_nobody, json!({"via_bot": {"id": 1, "is_bot": true}}), json!({"text": null})] {
        met.push(world.telegram.push_message_with(ADA, chat, "/ack", fields));
    }
    met.push(say(world, ADA, "/ack@some_other_bot"));
    met.push(say(world, ADA, "acknowledge that, please"));
    world.telegram.push_update(
        "edited_message",
        json!({"message_id": 1, "from": {"id": ADA}, "chat": {"id": chat}, "text": "/ack"}),
    );
    world.telegram.push_update("message", json!({"message_id": "garbage"}));
    let presses: Vec<String> = [&ack, &quiet]
        .map(|data| world.telegram.press_button(STRANGER, alert.message_id, data).expect("it is there"))
        .into();

    // What comes later is answered: all that came before has been heard.
    order(world, ADA, "/help").await;
    let messages = world.telegram.messages().all();
    assert_eq!(messages.len(), 2, "the alert and the help: {:#?}", texts(&messages));
    assert!(!messages.iter().any(|message| message.reply_to.is_some_and(|to| met.contains(&to))));
    assert!(world.telegram.answers().all().iter().all(|answer| !presses.contains(&answer.query_id)));
    assert_eq!(service.history("incidents").await[0]["acknowledged_by"], Value::Null);
    assert!(silences(&service).await.is_empty());
    let (_, log) = service.signal("TERM").await;
    assert!(log.contains("nobody of this id may give orders: Some(666)"), "{log}");
    assert!(!log.contains("AAF4demo"), "the token is not in the log");
}

#[actix_rt::test]
async fn what_was_ordered_while_nobody_listened_is_not_obeyed() {
    let home = home();
    let world = &home.world;
    let (service, alert) = serve(&home).await;
    service.kill().await;

    let at = now() - TimeDelta::minutes(10);
    let old = world.telegram.push_message_at(at, ADA, world.telegram.chat_id(), "/ack");
    let query = world.telegram.press_button(ADA, alert.message_id, &data(&alert, "Silence 4 h")).expect("it is there");
    let fresh = say(world, ADA, "/incidents");
    let service = home.serve().await;
    let answer = answer_to(world, fresh).await;
    assert!(answer.text.ends_with("acknowledged by nobody"), "{}", answer.text);
    assert!(!world.telegram.messages().all().iter().any(|message| message.reply_to == Some(old)));
    service.line("telegram: not obeyed, since it was written 10m").await;

    // When a button was pressed nobody knows: whoever still waits is told.
    let shown = answered(world, &query).await.text.unwrap_or_default();
    assert!(shown.contains("Press it again"), "{shown}");
    assert!(silences(&service).await.is_empty());
    assert!(press(world, ADA, &alert, "Silence 4 h").await.unwrap_or_default().starts_with("Silence until "));
    assert_eq!(silences(&service).await.len(), 1);
}

#[actix_rt::test]
async fn after_a_press_the_alert_says_who_did_what() {
    let mut home = home();
    // Two incidents in one alert.
    home.set("COMPLETION_MIN_PERCENT", "99");
    let world = &home.world;
    let (service, alert) = serve(&home).await;
    assert_eq!(labels(&alert), ["Acknowledge", "Silence 1 h", "Silence 4 h", "Show"]);
    assert!(alert.text.contains("3 job(s) stuck") && alert.text.contains("Low completion rate"), "{}", alert.text);

    let shown = press(world, ADA, &alert, "Acknowledge").await;
    assert_eq!(shown.as_deref(), Some("Acknowledged. There are no more reminders."));
    let after = edited(world, &alert, |message| message.text.contains("acknowledged by")).await;
    assert!(after.text.starts_with(&alert.text), "{}", after.text);
    for issue in ["stuck_jobs", "low_completion"] {
        assert!(after.text.contains(&format!("✔️ {issue}: acknowledged by User {ADA} at ")), "{}", after.text);
    }
    assert_eq!(labels(&after), ["Silence 1 h", "Silence 4 h", "Show"]);
    let report = service.report().await;
    for incident in report["incidents"].as_array().unwrap() {
        assert_eq!(incident["acknowledged_by"], format!("User {ADA}"), "{report:#}");
    }

    let shown = press(world, BOB, &alert, "Acknowledge").await;
    assert_eq!(shown, Some(format!("Acknowledged by User {ADA} already.")));
    assert!(press(world, BOB, &alert, "Silence 1 h").await.unwrap_or_default().starts_with("Silence until "));
    let silent = edited(world, &alert, |message| message.text.contains("🔕")).await;
    assert!(silent.text.contains("acknowledged by"), "what was done before is still there: {}", silent.text);
    for issue in ["stuck_jobs", "low_completion"] {
        assert!(silent.text.contains(&format!("🔕 Silence of {issue} until ")), "{}", silent.text);
    }
    assert!(silent.text.contains(&format!("UTC, by User {BOB}")), "{}", silent.text);
    press(world, ADA, &alert, "Silence 1 h").await;
    assert_eq!(silences(&service).await.len(), 2, "a second time makes no difference");

    press(world, ADA, &alert, "Show").await;
    let shown = answer_to(world, alert.message_id).await;
    assert!(
        shown.text.contains("stuck_jobs, for ") && shown.raw.contains("<a href=\"https://app.notion.com/p/"),
        "{}",
        shown.raw
    );

    // When it is over, no button makes sense any more.
    world.all_is_well_again(20, now());
    world.notion.clear_jobs(world.job_log);
    service.cycles(2).await;
    let shown = press(world, BOB, &alert, "Acknowledge").await;
    assert_eq!(shown.as_deref(), Some("It is over by now."));
    let after = edited(world, &alert, |message| labels(message).is_empty()).await;
    assert!(after.text.contains("acknowledged by") && !after.text.contains("🔕"), "{}", after.text);
}

#[actix_rt::test]
async fn an_alert_that_is_gone_is_answered_with_a_message_and_a_press_that_is_too_old_does_no_harm() {
    let home = home();
    let world = &home.world;
    let (service, alert) = serve(&home).await;
    let press = |label| world.telegram.press_button(ADA, alert.message_id, &data(&alert, label)).expect("it is there");
    world.telegram.set_fault_on("/getUpdates", Some(Fault::Delay(Duration::from_millis(300))));
    press("Acknowledge");
    world.telegram.presses_are_too_old();
    world.telegram.delete_message(alert.message_id);
    let said = world.telegram.messages().wait_for(|message| message.text.contains("acknowledged by"), SOON).await;
    let said = said.expect("it is said in a message of its own");
    assert!(said.text.starts_with("✔️ acknowledged by User ") && !said.edited, "{}", said.text);
    assert_eq!(service.report().await["incidents"][0]["acknowledged_by"], format!("User {ADA}"));
    world.telegram.set_fault_on("/getUpdates", None);
    order(world, ADA, "/help").await;
}

#[actix_rt::test]
async fn whoever_is_killed_while_it_obeys_does_not_obey_again() {
    let home = home();
    let world = &home.world;
    let (service, _) = serve(&home).await;
    // The poll that waits, the second one, brings the order; the next one, which would confirm it, does not arrive.
    is_polled(world, 2).await;
    world.telegram.set_fault_on("/getUpdates", Some(Fault::Hang));
    let once = say(world, ADA, "/silence 2h");
    answer_to(world, once).await;
    service.kill().await;
    assert_eq!(world.telegram.unconfirmed(), 1);
    world.telegram.set_fault_on("/getUpdates", None);
    let service = home.serve().await;
    order(world, ADA, "/help").await;
    assert_eq!(silences(&service).await.len(), 1);
    let answers = world.telegram.messages().all().iter().filter(|message| message.reply_to == Some(once)).count();
    assert_eq!(answers, 1);
}

#[actix_rt::test]
async fn another_poller_is_waited_out_and_no_order_is_obeyed_twice() {
    let home = home();
    let world = &home.world;
    let (service, _) = serve(&home).await;
    // As an old process does during a deploy, it polls again whenever it is thrown out, and obeys nothing.
    let url = format!("{}/bot{}/getUpdates", world.telegram.url(), world.telegram.bot_token());
    let poll = async |seconds: u64| {
        let client = awc::Client::builder().timeout(SOON).finish();
        let asked = client.post(&url).send_json(&json!({"timeout": seconds})).await;
        asked.expect("an answer").status().as_u16()
    };
    for _ in 0..2 {
        let asked = polls(world);
        assert!(poll(1).await == 200, "nobody disturbs it meanwhile: the service waits");
        assert!(polls(world) - asked <= 2, "it is left alone");
    }
    service.line("another process listens for the same bot").await;
    let answer = order(world, ADA, "/ack").await;
    assert!(answer.starts_with("✔️ Acknowledged by "), "{answer}");
    service.line("telegram: commands arrive again").await;
    assert_eq!(world.telegram.messages().all().len(), 2, "an alert and one answer");
    let told = service.log.all().iter().filter(|line| line.contains("another process listens")).count();
    assert!(told <= 2, "{:#?}", service.log.all());
}

#[actix_rt::test]
async fn only_the_leader_listens_and_whoever_takes_over_goes_on() {
    let database = postgres::shared().database();
    let mut home = home();
    home.shares(&database);
    let world = &home.world;
    let mut pair = Pair::start(&home).await;
    pair.is_followed().await;
    pair.leader.line(LISTENING).await;
    is_polled(world, 2).await;
    order(world, ADA, "/silence stuck_jobs 2h").await;
    is_polled(world, 3).await;
    let heard = |service: &Service| service.log.all().iter().any(|line| line.contains("telegram: listening"));
    assert!(!heard(&pair.follower), "{:#?}", pair.follower.log.all());

    // The order reaches the leader, which is killed before that is confirmed.
    world.telegram.set_fault_on("/getUpdates", Some(Fault::Hang));
    order(world, ADA, "/silence low_completion 2h").await;
    let former = std::mem::replace(&mut pair.leader, pair.follower);
    former.kill().await;
    world.telegram.set_fault_on("/getUpdates", None);
    assert!(pair.leader.log.wait_for(|line| line.contains(LISTENING), TAKEN_OVER).await.is_some());
    let taken = order(world, BOB, "/ack").await;
    assert!(taken.contains(&format!("User {BOB}")), "{taken}");
    assert_eq!(silences(&pair.leader).await.len(), 2);
}

#[actix_rt::test]
async fn a_leader_that_was_paused_with_an_order_in_its_hands_does_not_obey_it_when_it_wakes() {
    let database = postgres::shared().database();
    let mut home = home();
    home.shares(&database);
    let world = &home.world;
    let mut pair = Pair::start(&home).await;
    pair.is_followed().await;
    is_polled(world, 2).await;
    pair.leader.freeze().await;
    // The poll that waits brings it to whoever does not run.
    let once = say(world, ADA, "/silence 2h");
    pair.is_taken_over(TAKEN_OVER).await;
    answer_to(world, once).await;
    pair.follower.thaw().await;
    pair.is_followed().await;
    let answer = order(world, BOB, "/help").await;
    assert!(answer.contains("/silence – "), "{answer}");
    assert_eq!(silences(&pair.leader).await.len(), 1);
    let answers = world.telegram.messages().all().iter().filter(|message| message.reply_to == Some(once)).count();
    assert_eq!(answers, 1);
    assert!(
        !pair.follower.log.all().iter().any(|line| line.contains("telegram: User ")),
        "{:#?}",
        pair.follower.log.all()
    );
}

#[actix_rt::test]
async fn while_the_database_is_away_what_is_known_is_said_and_what_needs_it_is_not_done() {
    let server = own_server().await;
    let database = server.database();
    let mut home = home();
    home.shares(&database);
    let world = &home.world;
    let (service, alert) = serve(&home).await;
    service.delivered().await;
    stops(server).await;
    let report = service.report_with(|report| issues(report).iter().any(|issue| issue.contains("Database"))).await;
    let said = issues(&report).into_iter().find(|issue| issue.contains("Database")).expect("it is there").to_owned();
    let status = order(world, ADA, "/status").await;
    assert!(status.contains(&said), "{status}");
    assert!(order(world, ADA, "/stuck").await.starts_with("⚠️ 3 job(s) stuck "));
    for text in ["/ack", "/silence 2h"] {
        assert_eq!(order(world, ADA, text).await, "The database does not answer: nothing was done. Try again later.");
    }
    let shown = press(world, ADA, &alert, "Acknowledge").await.unwrap_or_default();
    assert!(shown.starts_with("The database does not answer"), "{shown}");

    starts_again(server).await;
    service.report_with(|report| !issues(report).iter().any(|issue| issue.contains("Database"))).await;
    let taken = order(world, ADA, "/ack stuck_jobs").await;
    assert!(taken.starts_with("✔️ Acknowledged by "), "{taken}");
}

#[actix_rt::test]
async fn if_nobody_may_give_orders_nobody_is_listened_to() {
    let mut home = home();
    home.unset(&["TELEGRAM_ALLOWED_USER_IDS"]);
    let world = &home.world;
    say(world, ADA, "/ack");
    let service = home.serve().await;
    let alert = telegrams(world, 1).await.remove(0);
    assert!(alert.text.starts_with(ALERT) && alert.reply_markup.is_none(), "{alert:#?}");
    service.cycles(2).await;
    let asked: Vec<String> = world.telegram.requests().all().into_iter().map(|request| request.path).collect();
    assert!(asked.iter().all(|path| path.ends_with("/sendMessage")), "{asked:?}");
}

#[actix_rt::test]
async fn the_service_ends_in_order_in_the_middle_of_a_poll() {
    let home = home();
    let (service, _) = serve(&home).await;
    order(&home.world, ADA, "/help").await;
    let (status, log) = service.signal("TERM").await;
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(!log.contains("is not done") && !log.contains("took too long"), "{log}");
    assert!(home.world.telegram.wait_until_idle(SOON).await, "the poll is over with it");
}

#[actix_rt::test]
async fn what_keeps_orders_from_arriving_is_said_once_and_passes() {
    let home = home();
    let world = &home.world;
    world.telegram.set_webhook(Some("https://example.org/hook"));
    let service = home.serve().await;
    let line = service.line("a webhook is set for the bot").await;
    assert!(line.contains("deleteWebhook"), "{line}");
    telegrams(world, 1).await;
    world.telegram.set_webhook(None);
    for fault in [Fault::status(500), Fault::HalfJson] {
        let asked = polls(world);
        world.telegram.fault_next_on("/getUpdates", 1, fault);
        // The poll that waits is ended by something that is no order.
        say(world, ADA, "hello");
        is_polled(world, asked + 2).await;
    }
    order(world, ADA, "/help").await;
    let told = service.log.all().iter().filter(|line| line.contains("a webhook is set")).count();
    assert_eq!(told, 1);
}

#[actix_rt::test]
async fn hostile_names_of_jobs_do_no_harm_to_an_answer() {
    let home = home();
    let world = &home.world;
    world.notion.clear_jobs(world.job_log);
    let names = [
        "<script>alert(1)</script>",
        "\u{202e}moc.live//:sptth",
        "https://evil.example/",
        &"x".repeat(2_000),
        "&<>\"'",
        "",
    ];
    let edited = now() - TimeDelta::minutes(45);
    let jobs = names.map(|name| JobRow {
        name: name.to_owned(),
        status: Some("Processing".to_owned()),
        qa: None,
        created: edited,
        last_edited: edited,
    });
    world.notion.add_jobs(world.job_log, jobs);
    let (_service, _) = serve(&home).await;
    let stuck = answer_to(world, say(world, ADA, "/stuck")).await;
    assert_eq!(stuck.parse_mode.as_deref(), Some("HTML"), "{}", stuck.raw);
    assert_eq!(stuck.text.lines().count(), 7, "{}", stuck.text);
    assert!(stuck.text.contains("<script>") && !stuck.text.contains('\u{202e}'), "{}", stuck.text);
    // The longest one has an address that is too long to be shown.
    assert_eq!(stuck.raw.matches("<a href=\"").count(), 5, "{}", stuck.raw);
    assert_eq!(stuck.raw.matches("<a href=\"https://app.notion.com/p/").count(), 5, "{}", stuck.raw);
    assert_eq!(stuck.raw.matches("<code>xxxx").count(), 1, "{}", stuck.raw);
    assert!(stuck.text.encode_utf16().count() < 1_000);
}

#[actix_rt::test]
async fn a_group_that_has_become_a_supergroup_is_followed() {
    let home = home();
    let world = &home.world;
    let moved_to = -1_003_003;
    world.telegram.upgrade_chat_to(moved_to);
    let (service, alert) = serve(&home).await;
    // By then it is remembered where the chat is.
    service.delivered().await;
    assert_eq!(alert.chat_id, moved_to);
    assert_eq!(world.telegram.command_scope()["chat_id"], moved_to);
    let taken = answer_to(world, world.telegram.push_message(ADA, moved_to, "/ack")).await;
    assert_eq!((taken.chat_id, taken.text.starts_with("✔️ Acknowledged by ")), (moved_to, true), "{}", taken.text);
}

#[actix_rt::test]
async fn an_answer_that_is_not_taken_is_tried_again_a_few_times() {
    let home = home();
    let world = &home.world;
    let (service, _) = serve(&home).await;
    service.delivered().await;
    let patience = Fault::Status { code: 429, retry_after: Some(1), body: None };
    world.telegram.fault_next_on("/sendMessage", 1, patience);
    world.telegram.fault_next_on("/sendMessage", 1, Fault::status(500));
    assert!(order(world, ADA, "/help").await.contains("/silence"));
    let endless = Fault::Status { code: 429, retry_after: Some(3_600), body: None };
    world.telegram.fault_next_on("/sendMessage", 1, endless);
    say(world, ADA, "/status");
    service.line("telegram: an answer does not arrive: rate limited (429)").await;
    assert!(order(world, ADA, "/help").await.contains("/silence"), "nobody waits for that");
}

#[actix_rt::test]
async fn answers_keep_the_pace_of_the_chat_and_hold_up_no_alert() {
    let home = home();
    let world = &home.world;
    let (service, _) = serve(&home).await;
    let questions: Vec<i64> = (0..8).map(|_| say(world, ADA, "/help")).collect();
    answer_to(world, questions[0]).await;
    world.all_is_well_again(20, now());
    service.cycles(2).await;
    let sent = world.telegram.messages().all().len();
    for question in questions {
        answer_to(world, question).await;
    }
    let messages = world.telegram.messages().all();
    let times: Vec<_> = messages.iter().map(|message| message.date).collect();
    for pair in times.windows(2) {
        assert!(pair[1] - pair[0] >= TimeDelta::milliseconds(990), "{times:?}");
    }
    let is_over = |message: &Delivered| message.text.starts_with("✅ EchoPilot Auto-Operator Resolved");
    let place = messages.iter().position(is_over).expect("the all-clear is sent");
    // What was being sent at that moment goes first.
    assert!(place <= sent + 2, "it went before the answers that waited: {place}, {sent}: {:#?}", texts(&messages));
}

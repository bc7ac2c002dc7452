//! How orders are heard: by the leader, once, whatever happens to it, to its database and to Telegram.

use auto_operator::demo::Fault;
use chrono::TimeDelta;
use serde_json::json;

use crate::postgres;
use crate::support::channels::{ALERT, telegrams, texts};
use crate::support::chat::{
    ADA, BOB, LISTENING, answer_to, answered, data, home, is_polled, order, polls, press, say, serve, silences,
};
use crate::support::pair::{Pair, TAKEN_OVER};
use crate::support::server::{own_server, starts_again, stops};
use crate::support::{SOON, Service, issues, now};

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
    let messages = world.telegram.messages().all();
    let written = messages.iter().filter(|message| !message.edited).count();
    assert_eq!(written, 2, "an alert and one answer: {:#?}", texts(&messages));
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
    assert!(status.ends_with("⚪ What is silent is unknown: the database cannot be read"), "{status}");
    for text in ["/ack", "/silence 2h", "/silence off"] {
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
async fn an_order_in_the_middle_of_which_the_database_returns_is_obeyed_once() {
    let server = own_server().await;
    let database = server.database();
    let mut home = home();
    home.set("DATABASE_URL", &database.url());
    // A cycle that hangs takes longer than anybody waits for it.
    home.set("CHECK_TIMEOUT", "60s");
    home.set("REQUEST_TIMEOUT", "60s");
    let world = &home.world;
    stops(server).await;
    let (service, _) = serve(&home).await;
    is_polled(world, 2).await;
    world.notion.set_fault(Some(Fault::Hang));
    let once = say(world, ADA, "/check");
    service.line("orders /check").await;
    starts_again(server).await;
    service.line("leading (epoch 1)").await;
    let answers = || world.telegram.messages().all().iter().filter(|message| message.reply_to == Some(once)).count();
    let answer = answer_to(world, once).await;
    assert!(answer.text.starts_with("The cycle is still running"), "{}", answer.text);
    // What comes later is answered: the former order has not come again in between.
    assert!(order(world, BOB, "/help").await.contains("/silence"));
    assert_eq!(answers(), 1);
    let orders = service.log.all().iter().filter(|line| line.contains("orders /check")).count();
    assert_eq!(orders, 1, "{:#?}", service.log.all());
    assert_eq!(service.log.all().iter().filter(|line| line.contains(LISTENING)).count(), 2, "it has begun anew");
}

#[actix_rt::test]
async fn whoever_may_not_obey_by_the_word_of_the_database_does_not_ask_for_the_order_without_end() {
    let database = postgres::shared().database();
    let mut home = home();
    home.set("DATABASE_URL", &database.url());
    let world = &home.world;
    let (service, _) = serve(&home).await;
    service.delivered().await;
    is_polled(world, 2).await;
    // Another one leads, which we will hear of in a few seconds.
    assert!(database.says("UPDATE lease SET epoch = epoch + 1, holder = 'another', until = 9999999999999"));
    let asked = polls(world);
    say(world, ADA, "/silence 2h");
    service.line("standing by").await;
    let times = polls(world) - asked;
    assert!((1..=30).contains(&times), "it asks {times} times");
    assert!(silences(&service).await.is_empty());
}

#[actix_rt::test]
async fn commands_that_telegram_has_not_taken_are_offered_again() {
    let home = home();
    let world = &home.world;
    world.telegram.fault_next_on("/setMyCommands", 1, Fault::status(500));
    let (service, _) = serve(&home).await;
    service.line("telegram: the commands are not offered in the chat: server fault (500)").await;
    let offered = async {
        // Each order ends a poll.
        while world.telegram.commands().is_null() {
            order(world, ADA, "/help").await;
        }
    };
    tokio::time::timeout(SOON, offered).await.expect("they are offered after all");
    service.line("telegram: the commands are offered in the chat now").await;
    order(world, ADA, "/help").await;
    let tries = world.telegram.requests().all();
    assert_eq!(tries.iter().filter(|request| request.path.ends_with("/setMyCommands")).count(), 2);
}

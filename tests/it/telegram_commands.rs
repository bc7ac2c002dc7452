//! What people order in the chat: who is obeyed, and what is said to that.

use std::time::Duration;

use auto_operator::demo::Fault;
use auto_operator::demo::notion::JobRow;
use auto_operator::demo::telegram::Delivered;
use auto_operator::supervision::Limits;
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::postgres;
use crate::support::channels::texts;
use crate::support::chat::{
    ADA, BOB, STRANGER, answer_to, data, edited, home, labels, order, press, say, serve, silences,
};
use crate::support::inside::{inside, quick};
use crate::support::{Inside, SOON, issues, now};

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
    assert!(incidents.starts_with("🚨 1 incident(s) open (as of "), "{incidents}");
    assert!(incidents.contains(" ago):\n• ⚠️ 3 job(s) stuck >30 minutes\n   stuck_jobs, for "), "{incidents}");
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

#[actix_rt::test]
async fn a_written_order_has_the_alert_say_who_did_what_as_well() {
    let home = home();
    let world = &home.world;
    let (service, alert) = serve(&home).await;
    service.delivered().await;
    let after = async |text: &str, edits: usize| {
        order(world, ADA, text).await;
        let mut seen = 0;
        let enough = |other: &Delivered| {
            seen += usize::from(other.message_id == alert.message_id && other.edited);
            seen >= edits
        };
        world.telegram.messages().wait_for(enough, SOON).await.unwrap_or_else(|| panic!("no edit {edits} after {text}"))
    };
    let taken = after("/ack", 1).await;
    assert!(taken.text.starts_with(&alert.text), "{}", taken.text);
    assert!(taken.text.contains(&format!("✔️ acknowledged by User {ADA} at ")), "{}", taken.text);
    assert_eq!(labels(&taken), ["Silence 1 h", "Silence 4 h", "Show"]);
    let silent = after("/silence stuck_jobs 2h", 2).await;
    assert!(
        silent.text.contains("acknowledged by") && silent.text.contains("🔕 Silence of stuck_jobs"),
        "{}",
        silent.text
    );
    let loud = after("/silence off", 3).await;
    assert!(loud.text.contains("acknowledged by") && !loud.text.contains("🔕"), "{}", loud.text);

    // What is not to be found is not said in place of it: whoever wrote has an answer.
    world.telegram.delete_message(alert.message_id);
    order(world, ADA, "/silence 2h").await;
    order(world, ADA, "/help").await;
    let messages = world.telegram.messages().all();
    let written: Vec<&Delivered> = messages.iter().filter(|message| !message.edited).collect();
    assert_eq!(written.len(), 6, "the alert and an answer to each order: {:#?}", texts(&messages));
}

#[actix_rt::test]
async fn what_was_done_before_the_database_failed_stands_and_is_told() {
    let database = postgres::shared().database();
    let mut home = home();
    home.set("DATABASE_URL", &database.url());
    // Two incidents in one alert.
    home.set("COMPLETION_MIN_PERCENT", "99");
    let world = &home.world;
    let (service, alert) = serve(&home).await;
    service.delivered().await;
    let fails = |event: &str, when: &str, code: &str| {
        let statement = format!(
            "CREATE OR REPLACE FUNCTION fails_{code}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 IF {when} THEN RAISE EXCEPTION USING MESSAGE = 'no more', ERRCODE = '{code}'; END IF; RETURN NEW;
             END $$; CREATE TRIGGER fails BEFORE {event} FOR EACH ROW EXECUTE FUNCTION fails_{code}()"
        );
        assert!(database.says(&statement), "{statement}");
    };
    let again = "The database does not answer: try again later.";

    let second = "OLD.acknowledged_by IS NULL AND NEW.acknowledged_by IS NOT NULL
                  AND EXISTS (SELECT 1 FROM incidents WHERE acknowledged_by IS NOT NULL)";
    fails("UPDATE ON incidents", second, "P0001");
    let taken = order(world, ADA, "/ack").await;
    let [done, not, why] = taken.lines().collect::<Vec<_>>()[..] else { panic!("{taken}") };
    assert!(done.starts_with(&format!("✔️ Acknowledged by User {ADA}: ⚠️ ")), "{taken}");
    assert!(not.starts_with("❌ Not acknowledged: ⚠️ ") && why == again, "{taken}");
    let after = edited(world, &alert, |message| message.text.contains("acknowledged by")).await;
    assert_eq!(after.text.matches("acknowledged by").count(), 1, "{}", after.text);
    assert_eq!(labels(&after)[0], "Acknowledge", "one of them is nobody's yet");
    let shown = press(world, BOB, &alert, "Acknowledge").await.unwrap_or_default();
    assert!(shown.starts_with("Acknowledged: ") && shown.contains(" Not: ") && shown.ends_with(again), "{shown}");

    fails("INSERT ON silences", "EXISTS (SELECT 1 FROM silences)", "P0001");
    let shown = press(world, BOB, &alert, "Silence 1 h").await.unwrap_or_default();
    assert!(shown.starts_with("Silence until ") && shown.contains(" Not: ") && shown.ends_with(again), "{shown}");
    assert_eq!(silences(&service).await.len(), 1);
    // As if the answer had not come in time: it may have been done.
    assert!(database.says("DROP TRIGGER fails ON silences"));
    fails("UPDATE ON silences", "true", "57014");
    let ended = order(world, ADA, "/silence off").await;
    assert!(ended.starts_with("❔ Perhaps ended: 🔕 Silence of ") && ended.ends_with("to be sure."), "{ended}");
    assert!(database.says("DROP TRIGGER fails ON silences; DROP TRIGGER fails ON incidents"));
    assert!(order(world, ADA, "/silence off").await.starts_with("🔔 No more silence of "));
    assert!(order(world, ADA, "/ack").await.starts_with("✔️ Acknowledged by "));
}

#[test]
fn what_nobody_has_looked_at_for_long_is_not_said_as_if_it_were_so_now() {
    inside(async {
        let mut home = home();
        home.world.all_is_well_again(20, now());
        home.set("CHECK_INTERVAL", "1s");
        let world = &home.world;
        // Nobody notices that the Scheduler hangs.
        let service = Inside::start(&home, Limits { stuck_after: SOON * 10, ..quick() }).await;
        let now_is = order(world, ADA, "/incidents").await;
        assert!(now_is.starts_with("✅ No incident is open (as of "), "{now_is}");
        let request = awc::Client::new().post(format!("{}/demo/actors/scheduler/hang", service.url));
        assert_eq!(request.send().await.expect("an answer").status(), 202);
        let old = async {
            while !issues(&service.report().await).iter().any(|issue| issue.contains("Last check was ")) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(SOON, old).await.expect("it becomes too old");
        let was = order(world, ADA, "/incidents").await;
        assert!(was.starts_with("⚪ Not current: no incident was open (as of "), "{was}");
        let was = order(world, ADA, "/stuck").await;
        assert!(was.starts_with("⚪ Not current: no job was stuck (as of "), "{was}");
        let was = order(world, ADA, "/status").await;
        assert!(was.starts_with("🚨 Not all is well") && was.contains(" ago: not current\n"), "{was}");
        service.stop().await;
    });
}

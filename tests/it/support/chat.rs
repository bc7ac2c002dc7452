//! A chat in which people give orders: what they write and press, and what they see.

use auto_operator::demo::telegram::{Answered, Delivered};
use auto_operator::demo::wire::Received;
use auto_operator::demo::world::World;
use serde_json::Value;

use super::channels::{telegrams, texts};
use super::{Home, SOON, Service, now};

/// Who may give orders, and who may not.
pub const ADA: i64 = 4_711;
pub const BOB: i64 = 4_712;
pub const STRANGER: i64 = 666;

/// The line of the log that says that orders are heard.
pub const LISTENING: &str = "telegram: listening for commands as @auto_operator_demo_bot";

/// A home where three jobs are stuck, and Ada and Bob may give orders.
pub fn home() -> Home {
    let mut home = Home::well();
    home.world.jobs_get_stuck(3, now());
    home.set("TELEGRAM_ALLOWED_USER_IDS", &format!("{ADA}, {BOB}"));
    home.without("SMTP");
    home.unset(&["NOTION_STATUS_DB_ID"]);
    home
}

/// A service that listens, and the alert that it has sent.
pub async fn serve(home: &Home) -> (Service, Delivered) {
    let service = home.serve().await;
    service.line(LISTENING).await;
    let alert = telegrams(&home.world, 1).await.remove(0);
    (service, alert)
}

/// Somebody writes in the chat that gets the alerts.
pub fn say(world: &World, who: i64, text: &str) -> i64 {
    world.telegram.push_message(who, world.telegram.chat_id(), text)
}

/// What is answered to the message.
pub async fn answer_to(world: &World, message: i64) -> Delivered {
    let journal = world.telegram.messages();
    let answer = journal.wait_for(|delivered| delivered.reply_to == Some(message) && !delivered.edited, SOON).await;
    answer.unwrap_or_else(|| panic!("no answer to {message}: {:#?}", texts(&journal.all())))
}

/// Somebody orders something in the chat, and gets this answer.
pub async fn order(world: &World, who: i64, text: &str) -> String {
    answer_to(world, say(world, who, text)).await.text
}

/// What the button of this label says.
pub fn data(message: &Delivered, label: &str) -> String {
    let markup = message.reply_markup.clone().unwrap_or_default();
    let rows = markup["inline_keyboard"].as_array().cloned().unwrap_or_default();
    let mut all = rows.iter().filter_map(Value::as_array).flatten();
    let button = all.find(|button| button["text"] == label);
    let button = button.unwrap_or_else(|| panic!("no button {label} in {markup:#}"));
    button["callback_data"].as_str().expect("a text").to_owned()
}

/// The labels of the buttons below a message.
pub fn labels(message: &Delivered) -> Vec<String> {
    let markup = message.reply_markup.clone().unwrap_or_default();
    let rows = markup["inline_keyboard"].as_array().cloned().unwrap_or_default();
    let all = rows.iter().filter_map(Value::as_array).flatten();
    all.map(|button| button["text"].as_str().expect("a text").to_owned()).collect()
}

/// Somebody presses the button of this label below the message; what they are shown.
pub async fn press(world: &World, who: i64, message: &Delivered, label: &str) -> Option<String> {
    let query =
        world.telegram.press_button(who, message.message_id, &data(message, label)).expect("the message is there");
    answered(world, &query).await.text
}

/// What is shown to whoever pressed a button.
pub async fn answered(world: &World, query: &str) -> Answered {
    let answers = world.telegram.answers();
    answers.wait_for(|answer| answer.query_id == query, SOON).await.expect("a button that was pressed is answered")
}

/// What the message says by now, once that is as it should be.
pub async fn edited(world: &World, message: &Delivered, is_right: impl Fn(&Delivered) -> bool) -> Delivered {
    let journal = world.telegram.messages();
    let is_it = |other: &Delivered| other.message_id == message.message_id && other.edited && is_right(other);
    journal.wait_for(is_it, SOON).await.unwrap_or_else(|| panic!("it is not edited so: {:#?}", texts(&journal.all())))
}

/// Waits until the `count`-th poll has begun: what happens from then on is heard by it.
pub async fn is_polled(world: &World, count: usize) {
    let mut seen = 0;
    let enough = |request: &Received| {
        seen += usize::from(request.path.ends_with("/getUpdates"));
        seen >= count
    };
    assert!(world.telegram.requests().wait_for(enough, SOON * 2).await.is_some(), "there is no poll {count}");
}

/// How many times a poll has been asked for.
pub fn polls(world: &World) -> usize {
    world.telegram.requests().all().iter().filter(|request| request.path.ends_with("/getUpdates")).count()
}

/// The silences that are there.
pub async fn silences(service: &Service) -> Vec<Value> {
    service.get_all("/api/silences").await["silences"].as_array().expect("a list").clone()
}

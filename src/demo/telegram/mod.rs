//! Telegram: a bot, its chats, and the updates that it can fetch.
//!
//! ```text
//! api        which token and which method       parameters   how they come: query, form, JSON
//! messages   sending and editing                html         what may be in a text
//! updates    what people do, and the long poll  chats        who can be written to, what was delivered
//! ```
//! Deliberately absent: the delivery to webhooks, media, Markdown.

mod api;
mod chats;
mod html;
mod messages;
mod parameters;
#[cfg(test)]
mod tests;
mod updates;

use std::io;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::fault::Fault;
use super::journal::Journal;
use super::stand_in::StandIn;

pub use api::BotApi;
pub use chats::{Answered, Delivered, Role};

/// A running stand-in of Telegram.
pub type Telegram = StandIn<BotApi>;

/// The token of the bot.
const TOKEN: &str = "7204316955:AAF4demo-Zk3vW9qT1xY8pL5sR2nB6cD0eU";
/// The chat that the bot is in at first, a supergroup.
const CHAT: i64 = -1_002_147_483_001;

impl StandIn<BotApi> {
    /// Starts with one bot that is in one supergroup.
    ///
    /// # Errors
    /// No port of loopback or no thread could be had.
    pub fn start() -> io::Result<Self> {
        Self::open(BotApi::new(TOKEN, CHAT))
    }

    /// The base URL, without `/bot…`.
    pub fn url(&self) -> String {
        format!("http://{}", self.authority())
    }

    /// The bot's token.
    pub fn bot_token(&self) -> &'static str {
        TOKEN
    }

    /// The chat of the beginning; after [`Self::upgrade_chat_to`] it is still the old one.
    pub fn chat_id(&self) -> i64 {
        CHAT
    }

    /// The bot's name.
    pub fn username(&self) -> &'static str {
        api::USERNAME
    }

    /// Lets the bot write to another chat: a positive id is a person's, a negative one a group's.
    pub fn add_chat(&self, chat: i64) {
        self.party().chats().known.insert(chat);
    }

    /// Adds a channel in which the bot is a member and no administrator, so that it may not post.
    pub fn add_channel(&self, chat: i64) {
        let mut chats = self.party().chats();
        chats.known.insert(chat);
        chats.channels.insert(chat);
    }

    /// Makes the bot something else in a group or channel.
    pub fn set_role(&self, chat: i64, role: Role) {
        self.party().chats().roles.insert(chat, role);
    }

    /// Adds a topic to the chats.
    pub fn add_topic(&self, thread: i64) {
        self.party().chats().topics.insert(thread);
    }

    /// Makes the chat a supergroup of another id: writing to the old one is refused with the new one.
    pub fn upgrade_chat_to(&self, new_id: i64) {
        let mut chats = self.party().chats();
        chats.known.insert(new_id);
        chats.upgraded.insert(CHAT, new_id);
    }

    /// The receiver has blocked the bot.
    pub fn blocked(&self) {
        self.party().chats().blocked = true;
    }

    /// The receiver has unblocked it.
    pub fn unblocked(&self) {
        self.party().chats().blocked = false;
    }

    /// Refuses everything with a 429 that asks for this wait, in seconds, until [`Self::set_fault`] ends it.
    pub fn rate_limited(&self, retry_after: u64) {
        self.set_fault(Some(Fault::Status { code: 429, retry_after: Some(retry_after), body: None }));
    }

    /// What was delivered, and what delivered messages were edited to.
    pub fn messages(&self) -> Journal<Delivered> {
        self.party().delivered.clone()
    }

    /// The answers to pressed buttons.
    pub fn answers(&self) -> Journal<Answered> {
        self.party().answered.clone()
    }

    /// The commands that the bot has set, as it set them.
    pub fn commands(&self) -> Value {
        self.party().chats().commands.clone()
    }

    /// Where these commands are offered.
    pub fn command_scope(&self) -> Value {
        self.party().chats().command_scope.clone()
    }

    /// Somebody writes to a chat where the bot is. Returns the id of the message.
    pub fn push_message(&self, from_id: i64, chat_id: i64, text: &str) -> i64 {
        self.push_message_at(Utc::now(), from_id, chat_id, text)
    }

    /// The same at another moment.
    pub fn push_message_at(&self, at: DateTime<Utc>, from_id: i64, chat_id: i64, text: &str) -> i64 {
        self.party().receive_message(from_id, chat_id, text, at, Value::Null)
    }

    /// The same, with more fields of the Message object, or others in the place of those it would have.
    pub fn push_message_with(&self, from_id: i64, chat_id: i64, text: &str, fields: Value) -> i64 {
        self.party().receive_message(from_id, chat_id, text, Utc::now(), fields)
    }

    /// Something else happens that the bot may hear of, if it wants this kind of updates.
    pub fn push_update(&self, kind: &str, content: Value) {
        self.party().updates.push(kind, content);
    }

    /// How many updates wait that the bot has not confirmed.
    pub fn unconfirmed(&self) -> usize {
        self.party().updates.unconfirmed()
    }

    /// Has updates be sent to a webhook, so that polls are refused; `None` takes it away.
    pub fn set_webhook(&self, url: Option<&str>) {
        self.party().updates.set_webhook(url);
    }

    /// Time passes: buttons that were pressed so far cannot be answered any more.
    pub fn presses_are_too_old(&self) {
        self.party().updates.forget_queries();
    }

    /// Somebody deletes a message that was delivered.
    pub fn delete_message(&self, id: i64) {
        self.party().chats().forget(id);
    }

    /// Somebody presses a button of a delivered message. Returns the id of the query that has to be answered; `None` if
    /// there is no such message.
    pub fn press_button(&self, from_id: i64, message_id: i64, data: &str) -> Option<String> {
        self.party().receive_press(from_id, message_id, data)
    }
}

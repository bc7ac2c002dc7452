//! The chats that the bot can write to, and what was delivered there.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::api::{BOT_ID, Refusal, USERNAME};

/// The newest so many messages can be edited and replied to.
const MESSAGES_KEPT: usize = 1_000;

/// A message as it reached a chat.
#[derive(Clone, Debug)]
pub struct Delivered {
    /// The message's id.
    pub message_id: i64,
    /// The chat.
    pub chat_id: i64,
    /// What a reader sees: the text without its tags.
    pub text: String,
    /// What was sent.
    pub raw: String,
    /// How it was to be parsed, if at all.
    pub parse_mode: Option<String>,
    /// When it was sent, and not when it was edited.
    pub date: DateTime<Utc>,
    /// The topic.
    pub thread: Option<i64>,
    /// The buttons.
    pub reply_markup: Option<Value>,
    /// The message that it replies to.
    pub reply_to: Option<i64>,
    /// Whether it shows what a message that was delivered before has been edited to.
    pub edited: bool,
}

/// The answer to a pressed button.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The query's id.
    pub query_id: String,
    /// What the person who pressed it is shown.
    pub text: Option<String>,
}

/// All of it.
pub(super) struct Chats {
    pub(super) known: HashSet<i64>,
    pub(super) topics: HashSet<i64>,
    /// Old ids of chats, and their new ones.
    pub(super) upgraded: HashMap<i64, i64>,
    pub(super) blocked: bool,
    pub(super) commands: Value,
    messages: BTreeMap<i64, Delivered>,
    last_message: i64,
}

impl Chats {
    pub(super) fn new(chat: i64) -> Self {
        Self {
            known: HashSet::from([chat]),
            topics: HashSet::new(),
            upgraded: HashMap::new(),
            blocked: false,
            commands: json!([]),
            messages: BTreeMap::new(),
            last_message: 100,
        }
    }

    /// The chat `id`, if the bot can write there.
    pub(super) fn writable(&self, id: i64) -> Result<i64, Refusal> {
        if let Some(new_id) = self.upgraded.get(&id) {
            return Err(Refusal::upgraded(*new_id));
        }
        if !self.known.contains(&id) {
            return Err(Refusal::bad("chat not found"));
        }
        if self.blocked {
            return Err(Refusal::new(403, "Forbidden: bot was blocked by the user"));
        }
        Ok(id)
    }

    /// An id for the next message of anybody.
    pub(super) fn next_message(&mut self) -> i64 {
        self.last_message += 1;
        self.last_message
    }

    /// The delivered message `id`.
    pub(super) fn message(&self, id: i64) -> Option<&Delivered> {
        self.messages.get(&id)
    }

    /// Keeps a message, new or edited.
    pub(super) fn keep(&mut self, message: Delivered) {
        self.messages.insert(message.message_id, message);
        if self.messages.len() > MESSAGES_KEPT {
            self.messages.pop_first();
        }
    }
}

impl Delivered {
    /// The Message object.
    pub(super) fn object(&self) -> Value {
        let mut object = json!({
            "message_id": self.message_id, "from": bot_user(), "chat": chat(self.chat_id),
            "date": self.date.timestamp(), "text": self.text,
        });
        if let Some(thread) = self.thread {
            object["message_thread_id"] = json!(thread);
            object["is_topic_message"] = json!(true);
        }
        if let Some(markup) = &self.reply_markup {
            object["reply_markup"] = markup.clone();
        }
        if self.edited {
            object["edit_date"] = json!(Utc::now().timestamp());
        }
        object
    }
}

/// The User object of the bot.
pub(super) fn bot_user() -> Value {
    json!({"id": BOT_ID, "is_bot": true, "first_name": "Auto-Operator", "username": USERNAME})
}

/// The Chat object of `id`.
pub(super) fn chat(id: i64) -> Value {
    if id > 0 {
        json!({"id": id, "type": "private", "first_name": format!("User {id}")})
    } else {
        json!({"id": id, "type": "supergroup", "title": "Operations"})
    }
}

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

/// What the bot is in a group or channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// An ordinary member; in a channel it reads and no more.
    #[default]
    Member,
    /// A member who may not send anything.
    Silent,
    /// It was put out.
    Kicked,
    /// An administrator, who in a channel may post.
    Administrator,
}

/// All of it.
pub(super) struct Chats {
    pub(super) known: HashSet<i64>,
    pub(super) topics: HashSet<i64>,
    /// Old ids of chats, and their new ones.
    pub(super) upgraded: HashMap<i64, i64>,
    pub(super) blocked: bool,
    pub(super) channels: HashSet<i64>,
    /// What the bot is, where that is something else than a member.
    pub(super) roles: HashMap<i64, Role>,
    pub(super) commands: Value,
    pub(super) command_scope: Value,
    messages: BTreeMap<i64, Delivered>,
    /// The chats of what people have written.
    written: BTreeMap<i64, i64>,
    last_message: i64,
}

impl Chats {
    pub(super) fn new(chat: i64) -> Self {
        Self {
            known: HashSet::from([chat]),
            topics: HashSet::new(),
            upgraded: HashMap::new(),
            blocked: false,
            channels: HashSet::new(),
            roles: HashMap::new(),
            commands: json!([]),
            command_scope: Value::Null,
            messages: BTreeMap::new(),
            written: BTreeMap::new(),
            last_message: 100,
        }
    }

    /// The chat `id`, if the bot can write there.
    pub(super) fn writable(&self, id: i64) -> Result<i64, Refusal> {
        let id = self.visible(id)?;
        match self.role(id) {
            Role::Kicked => Err(Refusal::new(403, "Forbidden: bot was kicked from the supergroup chat")),
            Role::Silent => Err(Refusal::bad("not enough rights to send text messages to the chat")),
            Role::Member if self.channels.contains(&id) => {
                Err(Refusal::bad("need administrator rights in the channel chat"))
            }
            Role::Member | Role::Administrator => Ok(id),
        }
    }

    /// What the bot is in the chat `id`.
    pub(super) fn role(&self, id: i64) -> Role {
        self.roles.get(&id).copied().unwrap_or_default()
    }

    /// The ChatMember object of the bot.
    pub(super) fn member(&self, id: i64) -> Value {
        let mut member = json!({"user": bot_user()});
        let role = self.role(id);
        member["status"] = match role {
            Role::Member => json!("member"),
            Role::Silent => json!("restricted"),
            Role::Kicked => json!("kicked"),
            Role::Administrator => json!("administrator"),
        };
        if role == Role::Silent {
            member["is_member"] = json!(true);
            member["can_send_messages"] = json!(false);
        }
        if role == Role::Administrator && self.channels.contains(&id) {
            member["can_post_messages"] = json!(true);
        }
        member
    }

    /// The Chat object of `id`, as those see it who ask for it.
    pub(super) fn described(&self, id: i64) -> Value {
        let mut object = chat(id);
        if self.channels.contains(&id) {
            object["type"] = json!("channel");
        } else if id < 0 && !self.topics.is_empty() {
            object["is_forum"] = json!(true);
        }
        object
    }

    /// The chat `id`, if the bot can see it.
    pub(super) fn visible(&self, id: i64) -> Result<i64, Refusal> {
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

    /// An id for what somebody writes in the chat.
    pub(super) fn next_written(&mut self, chat: i64) -> i64 {
        let id = self.next_message();
        self.written.insert(id, chat);
        if self.written.len() > MESSAGES_KEPT {
            self.written.pop_first();
        }
        id
    }

    /// Whether the message `id`, whoever wrote it, is in the chat.
    pub(super) fn is_in(&self, id: i64, chat: i64) -> bool {
        let delivered = self.messages.get(&id).map(|message| message.chat_id);
        delivered.or(self.written.get(&id).copied()) == Some(chat)
    }

    /// The delivered message `id`.
    pub(super) fn message(&self, id: i64) -> Option<&Delivered> {
        self.messages.get(&id)
    }

    /// The delivered message `id` is no more.
    pub(super) fn forget(&mut self, id: i64) {
        self.messages.remove(&id);
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

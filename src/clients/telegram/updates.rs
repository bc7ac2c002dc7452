//! What people write to the bot and press, brought by the long poll.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::error::ClientError;
use super::super::request::Request;
use super::Telegram;

/// How much longer than the poll itself its answer may take: the way there and back.
const MARGIN: Duration = Duration::from_secs(10);

/// So many updates come at once at most.
const LIMIT: u32 = 50;

/// The kinds of updates that we want. Telegram remembers what it was last told, so that it is told each time.
const KINDS: [&str; 2] = ["message", "callback_query"];

/// Something that happened in a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// Its number; the next poll confirms it with the number after that.
    pub id: i64,
    /// What it is; none if it is nothing that we know how to read.
    pub content: Option<Content>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Somebody has written.
    Message(Box<Message>),
    /// Somebody has pressed a button.
    CallbackQuery(Box<Press>),
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Message {
    /// Its number in the chat.
    pub message_id: i64,
    /// When it was sent, in seconds since 1970; 0 if the bot cannot see it any more.
    #[serde(default)]
    pub date: i64,
    /// Where.
    pub chat: Place,
    /// Who; nobody in a channel.
    pub from: Option<User>,
    /// What it says, if it is a text.
    pub text: Option<String>,
    /// The topic.
    pub message_thread_id: Option<i64>,
    /// Whether that is a topic of a forum, and not only a thread of replies.
    #[serde(default)]
    pub is_topic_message: bool,
    /// There if it is the words of somebody else.
    pub forward_origin: Option<Value>,
    /// There if a bot has written it for somebody.
    pub via_bot: Option<Value>,
    /// There if it was sent in the name of a chat.
    pub sender_chat: Option<Value>,
}

/// Where a message is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Place {
    /// The chat.
    pub id: i64,
    /// `private`, `group`, `supergroup` or `channel`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// Its public name, without the `@`.
    pub username: Option<String>,
}

/// Somebody.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct User {
    /// The number that stays, whatever they call themselves.
    pub id: i64,
    /// Whether it is a bot.
    #[serde(default)]
    pub is_bot: bool,
    /// What they call themselves.
    #[serde(default)]
    pub first_name: String,
    /// Their public name, without the `@`.
    pub username: Option<String>,
}

/// A button was pressed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Press {
    /// By this it is answered.
    pub id: String,
    /// Who pressed it.
    pub from: User,
    /// The message below which it is.
    pub message: Option<Message>,
    /// What the button was given to say.
    #[serde(default)]
    pub data: String,
}

#[derive(Serialize)]
struct Poll {
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<i64>,
    limit: u32,
    /// Seconds.
    timeout: u64,
    allowed_updates: [&'static str; 2],
}

impl Telegram {
    /// Waits for what happens next, for `wait` at most; what was before the update `offset` is confirmed and does not come
    /// again. What cannot be read comes without its content, so that it can be confirmed, too.
    pub async fn get_updates(&self, offset: Option<i64>, wait: Duration) -> Result<Vec<Update>, ClientError> {
        let poll = Poll { offset, limit: LIMIT, timeout: wait.as_secs(), allowed_updates: KINDS };
        let url = format!("{}/bot{}/getUpdates", self.api_url, self.token.expose());
        let request = Request::post(&url).hide(&self.token).json(&poll).idempotent();
        let updates: Vec<Value> = self.exchange(request, wait + MARGIN).await?.map_err(|refusal| refusal.error)?;
        Ok(updates.into_iter().filter_map(Update::of).collect())
    }
}

impl Update {
    fn of(value: Value) -> Option<Self> {
        let id = value.get("update_id")?.as_i64()?;
        let Value::Object(fields) = value else { return None };
        let known = fields.into_iter().find(|(kind, _)| KINDS.contains(&kind.as_str()));
        let content = known.and_then(|(kind, content)| {
            let tagged = Value::Object([(kind, content)].into_iter().collect());
            serde_json::from_value(tagged).ok()
        });
        Some(Self { id, content })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whatever_an_update_is_its_number_is_known() {
        let press = json!({"update_id": 7, "callback_query": {"id": "q", "from": {"id": 1}, "data": "ack:x",
            "message": {"message_id": 3, "date": 0, "chat": {"id": -1, "type": "supergroup"}}}});
        let Some(Content::CallbackQuery(press)) = Update::of(press).unwrap().content else { panic!("a press") };
        assert_eq!((press.id.as_str(), press.from.id, press.message.unwrap().message_id), ("q", 1, 3));
        for strange in [
            json!({"update_id": 7}),
            json!({"update_id": 7, "message": null}),
            json!({"update_id": 7, "message": {"message_id": "three"}}),
            json!({"update_id": 7, "edited_message": {"message_id": 3, "chat": {"id": 1}, "text": "/check"}}),
            json!({"update_id": 7, "callback_query": []}),
        ] {
            assert_eq!(Update::of(strange.clone()), Some(Update { id: 7, content: None }), "{strange}");
        }
        assert_eq!(Update::of(json!([1])), None);
        assert_eq!(Update::of(json!({"update_id": "x"})), None);
    }
}

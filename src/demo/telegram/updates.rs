//! What people do in the chats, and the long poll that brings it to the bot.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use super::api::{BotApi, Refusal};
use super::chats::chat;
use super::parameters::Parameters;

/// What an earlier poll is told when a later one comes.
pub(super) const CONFLICT: &str =
    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running";
/// What a poll is told while a webhook is set.
const WEBHOOK: &str =
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first";
/// So many updates wait; the oldest is lost first.
const UPDATES_KEPT: usize = 1_000;
/// Telegram itself waits no longer.
const LONGEST_POLL: u64 = 50;

/// The queue of updates.
pub(super) struct Updates {
    queue: Mutex<Queue>,
    /// Changes whenever there is something new: an update, or another poll.
    news: watch::Sender<u64>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<(i64, Value)>,
    last_id: i64,
    /// The number of the newest poll: only that one may wait.
    poll: u64,
    /// The kinds that the bot wants; lasts until it says otherwise. `None` is all.
    allowed: Option<Vec<String>>,
    /// Pressed buttons that nobody has answered.
    queries: HashSet<String>,
    /// Where updates are sent instead of being polled for.
    webhook: Option<String>,
}

impl Default for Updates {
    fn default() -> Self {
        Self { queue: Mutex::default(), news: watch::Sender::new(0) }
    }
}

impl Updates {
    /// `getUpdates`: at once if something is there, else when it comes or the time is over.
    pub(super) async fn poll(&self, parameters: &Parameters) -> Result<Value, Refusal> {
        let mut news = self.news.subscribe();
        let allowed = parameters.json("allowed_updates")?;
        let seconds = parameters.integer("timeout").map_or(0, |seconds| seconds.unsigned_abs().min(LONGEST_POLL));
        let deadline = Instant::now() + Duration::from_secs(seconds);
        let limit = parameters.integer("limit").and_then(|limit| usize::try_from(limit).ok());
        let limit = limit.filter(|limit| (1..=100).contains(limit)).unwrap_or(100);
        let mine = {
            let mut queue = self.queue();
            if queue.webhook.is_some() {
                return Err(Refusal::new(409, WEBHOOK));
            }
            queue.confirm(parameters.integer("offset").unwrap_or(0));
            if let Some(Value::Array(kinds)) = allowed {
                let kinds: Vec<_> = kinds.iter().filter_map(Value::as_str).map(str::to_owned).collect();
                queue.allowed = (!kinds.is_empty()).then_some(kinds);
            }
            queue.poll += 1;
            queue.poll
        };
        self.news.send_modify(|news| *news += 1);
        loop {
            news.mark_unchanged();
            {
                let queue = self.queue();
                if queue.poll != mine {
                    return Err(Refusal::new(409, CONFLICT));
                }
                if !queue.waiting.is_empty() || Instant::now() >= deadline {
                    return Ok(queue.waiting.iter().take(limit).map(|(_, update)| update.clone()).collect());
                }
            }
            // Whether there are news or the time is over, the queue tells.
            let _ = tokio::time::timeout_at(deadline, news.changed()).await;
        }
    }

    /// Has updates be sent to a webhook, or no longer.
    pub(super) fn set_webhook(&self, url: Option<&str>) {
        self.queue().webhook = url.map(str::to_owned);
    }

    /// The WebhookInfo object.
    pub(super) fn webhook(&self) -> Value {
        let queue = self.queue();
        json!({"url": queue.webhook.clone().unwrap_or_default(), "has_custom_certificate": false,
            "pending_update_count": queue.waiting.len()})
    }

    /// Nobody can answer the queries any more that wait for it.
    pub(super) fn forget_queries(&self) {
        self.queue().queries.clear();
    }

    /// How many updates nobody has confirmed yet.
    pub(super) fn unconfirmed(&self) -> usize {
        self.queue().waiting.len()
    }

    /// Whether the query waits for its answer; it does so only once.
    pub(super) fn take_query(&self, id: &str) -> bool {
        self.queue().queries.remove(id)
    }

    pub(super) fn push(&self, kind: &str, content: Value) {
        self.queue().push(kind, content);
        self.news.send_modify(|news| *news += 1);
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Forgets what was received: all before `offset`, or all but the last `-offset`.
    fn confirm(&mut self, offset: i64) {
        if offset < 0 {
            let keep = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
            self.waiting.drain(..self.waiting.len().saturating_sub(keep));
        } else {
            self.waiting.retain(|(id, _)| *id >= offset);
        }
    }

    fn push(&mut self, kind: &str, content: Value) {
        self.last_id += 1;
        if self.allowed.as_ref().is_some_and(|allowed| !allowed.iter().any(|wanted| wanted == kind)) {
            return;
        }
        if self.waiting.len() == UPDATES_KEPT {
            self.waiting.pop_front();
        }
        let id = 500_000 + self.last_id;
        let update = [("update_id".to_owned(), json!(id)), (kind.to_owned(), content)].into_iter().collect();
        self.waiting.push_back((id, update));
    }
}

impl BotApi {
    /// A person writes; returns the message's id.
    pub(super) fn receive_message(
        &self,
        from_id: i64,
        chat_id: i64,
        text: &str,
        at: DateTime<Utc>,
        rest: Value,
    ) -> i64 {
        let message_id = self.chats().next_written(chat_id);
        let mut message = json!({
            "message_id": message_id, "from": person(from_id), "chat": chat(chat_id), "date": at.timestamp(),
            "text": text,
        });
        if let (Value::Object(message), Value::Object(rest)) = (&mut message, rest) {
            message.extend(rest);
        }
        let command = text
            .split_whitespace()
            .next()
            .filter(|word| word.len() > 1 && text.starts_with('/') && word.starts_with('/'));
        if let Some(command) = command {
            let length = command.encode_utf16().count();
            message["entities"] = json!([{"type": "bot_command", "offset": 0, "length": length}]);
        }
        self.updates.push("message", message);
        message_id
    }

    /// A person presses a button; returns the query's id.
    pub(super) fn receive_press(&self, from_id: i64, message_id: i64, data: &str) -> Option<String> {
        let message = self.chats().message(message_id)?.object();
        let id = fastrand::u64(..).to_string();
        self.updates.queue().queries.insert(id.clone());
        let query =
            json!({"id": id, "from": person(from_id), "message": message, "chat_instance": "4711", "data": data});
        self.updates.push("callback_query", query);
        Some(id)
    }
}

/// The User object of a person.
fn person(id: i64) -> Value {
    json!({"id": id, "is_bot": false, "first_name": format!("User {id}"), "username": format!("user_{id}")})
}

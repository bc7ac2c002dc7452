//! Telegram: the subject is the first line, and below an alert are buttons, if anybody may press them. A group that became
//! a supergroup is followed to its new id.
//!
//! The answer that is kept of a message says where it is, so that what goes on with it can reply to it.

pub mod console;
mod examination;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use super::{Channel, Letter, Receipt, Refusal};
use crate::clients::http::Http;
use crate::clients::telegram::{self, Button, ChatId, SendMessage};
use crate::diagnosis::{Asked, Remedy};
use crate::domain::command::{self, Press};
use crate::domain::notice::NoticeKind;
use crate::secret::Secret;

/// The least time between two messages to a chat: Telegram allows one a second or so.
pub const PACE: Duration = Duration::from_secs(1);

/// Which bot writes where.
#[derive(Clone)]
pub struct Config {
    /// Telegram's address.
    pub api_url: String,
    /// The bot's token.
    pub token: Secret,
    /// The chat.
    pub chat: ChatId,
    /// The topic in the chat.
    pub thread_id: Option<i64>,
    /// Who may command the bot, by their ids; if nobody may, there are no buttons.
    pub allowed: Arc<[i64]>,
    /// The deadline of one request.
    pub request_timeout: Duration,
}

/// The channel.
pub struct Telegram {
    client: telegram::Telegram,
    config: Config,
}

impl Telegram {
    /// Writes as `config` says.
    pub fn new(config: Config) -> Self {
        let client = telegram::Telegram::new(Http::new(), config.api_url.as_str(), config.token.clone());
        Self { client, config }
    }

    /// Whether there is something to be done about a message, and somebody who may.
    fn has_buttons(&self, kind: NoticeKind) -> bool {
        !self.config.allowed.is_empty() && matches!(kind, NoticeKind::Alert | NoticeKind::Reminder)
    }
}

/// The buttons below the message that carries the notice `id`, as far as they make sense.
fn buttons(id: &str, makes_sense: impl Fn(Press) -> bool) -> Vec<Vec<Button>> {
    let rows = command::buttons(id, makes_sense).into_iter();
    let button = |button: command::Button| Button { text: button.label.into(), callback_data: button.data };
    rows.map(|row| row.into_iter().map(button).collect()).collect()
}

impl Channel for Telegram {
    fn send<'a>(&'a self, letter: Letter<'a>, deadline: Duration) -> LocalBoxFuture<'a, Result<Receipt, Refusal>> {
        async move {
            let configured = &self.config.chat;
            let moved = letter.memory.and_then(|memory| new_home(memory, configured));
            let chat = moved.unwrap_or_else(|| configured.clone());
            let text = format!("{}\n\n{}", letter.subject, letter.body);
            let first = letter.thread_answer.and_then(|answer| answer.parse::<Posted>().ok());
            let reply_to = first.filter(|first| chat == ChatId::Id(first.chat)).map(|first| first.message);
            let buttons = if self.has_buttons(letter.kind) { buttons(letter.id, |_| true) } else { vec![] };
            let message = SendMessage {
                chat,
                thread_id: self.config.thread_id,
                reply_to,
                text: text.as_str().into(),
                buttons: &buttons,
                silent: false,
            };
            let sent = self.client.send_message(&message, deadline.min(self.config.request_timeout)).await?;
            let memory = has_moved(&message.chat, sent.chat_id).then(|| memory(configured, sent.chat_id));
            let posted = Posted { message: sent.message_id, chat: sent.chat_id };
            Ok(Receipt { answer: posted.to_string(), memory })
        }
        .boxed_local()
    }

    fn examine(&self, deadline: Instant) -> LocalBoxFuture<'_, Vec<Asked>> {
        examination::examine(&self.client, &self.config, deadline).boxed_local()
    }

    fn advice(&self, answer: &str) -> Option<Remedy> {
        answer.contains("message thread not found").then_some(Remedy::UnknownTopic)
    }
}

/// Where a message is: what is kept as the answer to a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Posted {
    message: i64,
    chat: i64,
}

impl fmt::Display for Posted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "message {} in {}", self.message, self.chat)
    }
}

impl FromStr for Posted {
    type Err = ();

    fn from_str(answer: &str) -> Result<Self, ()> {
        let (message, chat) = answer.strip_prefix("message ").and_then(|rest| rest.split_once(" in ")).ok_or(())?;
        Ok(Self { message: message.parse().map_err(|_| ())?, chat: chat.parse().map_err(|_| ())? })
    }
}

/// Whether a message to `asked` has arrived somewhere else. A name has no number of its own to compare with.
fn has_moved(asked: &ChatId, arrived: i64) -> bool {
    matches!(asked, ChatId::Id(id) if *id != arrived)
}

/// What to remember of the move of the chat that is configured.
fn memory(configured: &ChatId, arrived: i64) -> String {
    format!("{configured} → {arrived}")
}

/// Where the configured chat has moved to, by what we remember; what was remembered of another chat does not count.
fn new_home(memory: &str, configured: &ChatId) -> Option<ChatId> {
    let (old, new) = memory.split_once(" → ")?;
    (old == configured.to_string()).then(|| new.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chat_is_followed_only_as_long_as_it_is_the_configured_one() {
        let (old, other) = (ChatId::Id(-100), ChatId::Id(-300));
        assert!(has_moved(&old, -200) && !has_moved(&old, -100));
        let memory = memory(&old, -200);
        assert_eq!(new_home(&memory, &old), Some(ChatId::Id(-200)));
        assert_eq!(new_home(&memory, &other), None);
        assert_eq!(new_home("nonsense", &old), None);
    }

    #[test]
    fn the_answer_that_is_kept_says_where_the_message_is() {
        let posted = Posted { message: 42, chat: -100_123 };
        assert_eq!(posted.to_string(), "message 42 in -100123");
        assert_eq!("message 42 in -100123".parse(), Ok(posted));
        for other in ["", "message 42", "message x in 5", "250 OK, kept as message 4 in 5"] {
            assert_eq!(other.parse::<Posted>(), Err(()), "{other:?}");
        }
    }
}

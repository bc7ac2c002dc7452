//! Telegram: the subject is the first line. A group that became a supergroup is followed to its new id.

mod examination;

use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use super::{Channel, Letter, Receipt, Refusal};
use crate::clients::http::Http;
use crate::clients::telegram::{self, ChatId, SendMessage};
use crate::diagnosis::Asked;
use crate::secret::Secret;

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
}

impl Channel for Telegram {
    fn send<'a>(&'a self, letter: Letter<'a>, deadline: Duration) -> LocalBoxFuture<'a, Result<Receipt, Refusal>> {
        async move {
            let configured = &self.config.chat;
            let moved = letter.memory.and_then(|memory| new_home(memory, configured));
            let chat = moved.unwrap_or_else(|| configured.clone());
            let text = format!("{}\n\n{}", letter.subject, letter.body);
            let message = SendMessage { chat, thread_id: self.config.thread_id, text: &text, silent: false };
            let sent = self.client.send_message(&message, deadline.min(self.config.request_timeout)).await?;
            let memory = has_moved(&message.chat, sent.chat_id).then(|| memory(configured, sent.chat_id));
            Ok(Receipt { answer: format!("message {}", sent.message_id), memory })
        }
        .boxed_local()
    }

    fn examine(&self, deadline: Instant) -> LocalBoxFuture<'_, Vec<Asked>> {
        examination::examine(&self.client, &self.config, deadline).boxed_local()
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
}

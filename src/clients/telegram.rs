//! Telegram's Bot API, as far as one needs it to tell people something, and to hear what they say to that.
//!
//! The token is a part of every URL, so a URL is built where it is used, is shown nowhere, and every request hides the
//! token. Deliberately absent: waiting for a rate limit to pass, which is the business of whoever delivers.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::{ClientError, ErrorKind};
use super::http::Http;
use super::reply::{LONGEST_WAIT, Reply};
use super::request::Request;
use crate::secret::Secret;

pub mod answering;
pub mod text;
pub mod updates;

use text::Text;

/// A chat: a number, or the public name of a channel or a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ChatId {
    /// Groups have negative ones.
    Id(i64),
    /// Begins with `@`.
    Name(String),
}

impl fmt::Display for ChatId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "{id}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl FromStr for ChatId {
    type Err = ClientError;

    fn from_str(text: &str) -> Result<Self, ClientError> {
        let text = text.trim();
        if text.len() > 1 && text.starts_with('@') {
            return Ok(Self::Name(text.to_owned()));
        }
        text.parse().map(Self::Id).map_err(|_| {
            ClientError::new(ErrorKind::BadRequest, "a chat is a whole number, or a name that begins with @")
        })
    }
}

/// What to say to whom.
#[derive(Debug, Clone)]
pub struct SendMessage<'a> {
    /// Where.
    pub chat: ChatId,
    /// The topic, in a group that has topics.
    pub thread_id: Option<i64>,
    /// The message in the same chat to which it replies; it goes out also if that one is gone.
    pub reply_to: Option<i64>,
    /// Of any length; it is cut to what a message holds ([`text::cut`]).
    pub text: Text<'a>,
    /// The buttons below it, row by row.
    pub buttons: &'a [Vec<Button>],
    /// Whether it comes without a sound.
    pub silent: bool,
}

/// A button below a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Button {
    /// What stands on it.
    pub text: String,
    /// What we are told when somebody presses it: 1 to 64 bytes.
    pub callback_data: String,
}

/// A message that Telegram has taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Its number within the chat.
    pub message_id: i64,
    /// The chat's number. Where it is not the one that was given, the group has become a supergroup, and this is the
    /// one to use from now on.
    pub chat_id: i64,
}

/// The bot, as it sees itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Me {
    /// Its number.
    pub id: i64,
    /// Its name, without the `@`.
    #[serde(default)]
    pub username: String,
}

/// A chat, as the bot sees it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Chat {
    /// Its number.
    pub id: i64,
    /// `private`, `group`, `supergroup` or `channel`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its title; a private chat has none.
    pub title: Option<String>,
    /// Whether it is a group that has topics.
    #[serde(default)]
    pub is_forum: bool,
}

/// Where a chat is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whereabouts {
    /// Where it was said to be.
    Here(Chat),
    /// It has become a supergroup with this id.
    MovedTo(i64),
}

/// What somebody is in a chat.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Member {
    /// `creator`, `administrator`, `member`, `restricted`, `left` or `kicked`.
    pub status: String,
    /// Whether an administrator of a channel may post there.
    #[serde(default)]
    pub can_post_messages: bool,
    /// Whether somebody who is restricted may send messages.
    #[serde(default)]
    pub can_send_messages: bool,
}

/// A bot.
pub struct Telegram {
    http: Http,
    api_url: String,
    token: Secret,
}

impl Telegram {
    /// `api_url` is `https://api.telegram.org`, or a Bot API server of one's own.
    pub fn new(http: Http, api_url: impl Into<String>, token: Secret) -> Self {
        let api_url = api_url.into().trim_end_matches('/').to_owned();
        Self { http, api_url, token }
    }

    /// Says something, all within `deadline`: to the supergroup that the chat has become, and without any markup if
    /// Telegram does not take ours.
    pub async fn send_message(&self, message: &SendMessage<'_>, deadline: Duration) -> Result<Sent, ClientError> {
        let start = Instant::now();
        let text = message.text.fitted(text::LIMIT);
        let mut chat = message.chat.clone();
        let mut html = true;
        // In the supergroup that the chat has become, the number would be that of another message.
        let reply_to = |chat: &ChatId| message.reply_to.filter(|_| *chat == message.chat);
        loop {
            let body = Body {
                chat_id: &chat,
                message_thread_id: message.thread_id,
                reply_parameters: reply_to(&chat)
                    .map(|message_id| ReplyTo { message_id, allow_sending_without_reply: true }),
                text: if html { &text.html } else { &text.plain },
                parse_mode: html.then_some("HTML"),
                link_preview_options: LinkPreview { is_disabled: true },
                disable_notification: message.silent,
                reply_markup: (!message.buttons.is_empty()).then_some(Markup { inline_keyboard: message.buttons }),
            };
            let left = deadline.saturating_sub(start.elapsed());
            let refusal = match self.call::<Message, _>("sendMessage", &body, left).await? {
                Ok(sent) => return Ok(Sent { message_id: sent.message_id, chat_id: sent.chat.id }),
                Err(refusal) => refusal,
            };
            // Each of the two can happen once, so this comes to an end.
            match refusal.parameters.migrate_to_chat_id.map(ChatId::Id) {
                Some(new) if chat == message.chat && new != chat => chat = new,
                _ if html && refusal.says("can't parse entities") => html = false,
                _ => return Err(refusal.error),
            }
        }
    }

    /// Who the bot is: shows whether the token is good.
    pub async fn get_me(&self, deadline: Duration) -> Result<Me, ClientError> {
        self.call("getMe", &serde_json::json!({}), deadline).await?.map_err(|refusal| refusal.error)
    }

    /// What the bot sees of a chat: shows whether it may write there at all.
    pub async fn get_chat(&self, chat: &ChatId, deadline: Duration) -> Result<Whereabouts, ClientError> {
        let question = serde_json::json!({ "chat_id": chat });
        match self.call("getChat", &question, deadline).await? {
            Ok(chat) => Ok(Whereabouts::Here(chat)),
            Err(refusal) => refusal.parameters.migrate_to_chat_id.map(Whereabouts::MovedTo).ok_or(refusal.error),
        }
    }

    /// What `user` is in the chat of this number.
    pub async fn get_chat_member(&self, chat: i64, user: i64, deadline: Duration) -> Result<Member, ClientError> {
        let question = serde_json::json!({ "chat_id": chat, "user_id": user });
        self.call("getChatMember", &question, deadline).await?.map_err(|refusal| refusal.error)
    }

    /// The result of a method, or Telegram's refusal; the outer error is for an exchange that was none.
    async fn call<T: DeserializeOwned, B: Serialize>(
        &self,
        method: &str,
        body: &B,
        deadline: Duration,
    ) -> Result<Result<T, Refusal>, ClientError> {
        let url = format!("{}/bot{}/{method}", self.api_url, self.token.expose());
        self.exchange(Request::post(&url).hide(&self.token).json(body), deadline).await
    }

    async fn exchange<T: DeserializeOwned>(
        &self,
        request: Request<'_>,
        deadline: Duration,
    ) -> Result<Result<T, Refusal>, ClientError> {
        let reply = self.http.send(request, deadline).await?;
        if !reply.is_json() {
            // A refusal that is not in Telegram's language is not Telegram's: a proxy in between is no reason to give
            // up what is to be said.
            let refused = (400..500).contains(&reply.status) && !matches!(reply.status, 408 | 429);
            return Err(if refused { reply.error_as(ErrorKind::Garbage, "") } else { reply.error("") });
        }
        let answer: Answer<T> = serde_json::from_slice(&reply.body).map_err(|_| match reply.is_success() {
            true => reply.of_another_shape(),
            false => reply.error(""),
        })?;
        Ok(match answer.result {
            Some(result) if answer.ok && reply.is_success() => Ok(result),
            _ => Err(Refusal::new(reply, answer.error_code, answer.description, answer.parameters)),
        })
    }
}

#[derive(Serialize)]
struct Body<'a> {
    chat_id: &'a ChatId,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_thread_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_parameters: Option<ReplyTo>,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parse_mode: Option<&'static str>,
    link_preview_options: LinkPreview,
    disable_notification: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_markup: Option<Markup<'a>>,
}

#[derive(Serialize)]
struct Markup<'a> {
    inline_keyboard: &'a [Vec<Button>],
}

#[derive(Serialize)]
struct ReplyTo {
    message_id: i64,
    allow_sending_without_reply: bool,
}

#[derive(Serialize)]
struct LinkPreview {
    is_disabled: bool,
}

#[derive(Deserialize)]
struct Answer<T> {
    ok: bool,
    result: Option<T>,
    error_code: Option<u16>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Deserialize, Default)]
struct Parameters {
    /// Seconds.
    retry_after: Option<u64>,
    migrate_to_chat_id: Option<i64>,
}

#[derive(Deserialize)]
struct Message {
    message_id: i64,
    chat: MessageChat,
}

#[derive(Deserialize)]
struct MessageChat {
    id: i64,
}

/// A no from Telegram itself.
struct Refusal {
    description: String,
    parameters: Parameters,
    error: ClientError,
}

impl Refusal {
    fn new(mut reply: Reply, code: Option<u16>, description: String, parameters: Parameters) -> Self {
        // The two are the same; a server of one's own behind a proxy may know only the second.
        if let (true, Some(code)) = (reply.is_success(), code) {
            reply.status = code;
        }
        if let Some(seconds) = parameters.retry_after {
            reply.retry_after = Some(Duration::from_secs(seconds).min(LONGEST_WAIT));
        }
        let error = explain(&reply, &description);
        Self { description, parameters, error }
    }

    fn says(&self, words: &str) -> bool {
        says(&self.description, words)
    }
}

fn says(description: &str, words: &str) -> bool {
    description.to_ascii_lowercase().contains(words)
}

/// The error that a refusal is, with what to do about it where its reader could not know.
fn explain(reply: &Reply, description: &str) -> ClientError {
    match reply.status {
        // A token that is not even well-formed is "not found" to Telegram, since it is a part of the path.
        401 | 404 => reply.error_as(ErrorKind::Unauthorized, "Telegram does not know this bot token"),
        400 if says(description, "chat not found") => reply.error_as(
            ErrorKind::NotFound,
            "chat not found: check the chat id, and write to the bot once or add it to the group",
        ),
        400 if says(description, "message thread not found") => {
            reply.error_as(ErrorKind::NotFound, "message thread not found: check the id of the topic")
        }
        _ => reply.error(description),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;

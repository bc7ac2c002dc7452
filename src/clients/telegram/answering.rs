//! What a bot does about what people say, beside sending messages: it answers a pressed button, edits what it has said,
//! and says which commands it knows.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::error::{ClientError, ErrorKind};
use super::text::{self, Text};
use super::{Button, ChatId, LinkPreview, Markup, Telegram};

/// What a message is to say from now on.
#[derive(Debug, Clone)]
pub struct EditMessage<'a> {
    /// Where.
    pub chat: ChatId,
    /// Which.
    pub message_id: i64,
    /// What.
    pub text: Text<'a>,
    /// The buttons below it from now on.
    pub buttons: &'a [Vec<Button>],
}

/// What came of an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edited {
    /// It says so now, or did already.
    Done,
    /// It is gone, or too old to be edited.
    Gone,
}

#[derive(Serialize)]
struct Body<'a> {
    chat_id: &'a ChatId,
    message_id: i64,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parse_mode: Option<&'static str>,
    link_preview_options: LinkPreview,
    reply_markup: Markup<'a>,
}

#[derive(Deserialize)]
struct WebhookInfo {
    #[serde(default)]
    url: String,
}

impl Telegram {
    /// Has a message of ours say something else; without any markup if Telegram does not take ours. Setting it to the
    /// same twice is no error.
    pub async fn edit_message(&self, edit: &EditMessage<'_>, deadline: Duration) -> Result<Edited, ClientError> {
        let text = edit.text.fitted(text::LIMIT);
        let mut html = true;
        loop {
            let body = Body {
                chat_id: &edit.chat,
                message_id: edit.message_id,
                text: if html { &text.html } else { &text.plain },
                parse_mode: html.then_some("HTML"),
                link_preview_options: LinkPreview { is_disabled: true },
                reply_markup: Markup { inline_keyboard: edit.buttons },
            };
            match self.call::<Value, _>("editMessageText", &body, deadline).await? {
                Ok(_) => return Ok(Edited::Done),
                Err(refusal) if refusal.says("message is not modified") => return Ok(Edited::Done),
                Err(refusal)
                    if refusal.says("message to edit not found") || refusal.says("message can't be edited") =>
                {
                    return Ok(Edited::Gone);
                }
                // It can happen once, so this comes to an end.
                Err(refusal) if html && refusal.says("can't parse entities") => html = false,
                Err(refusal) => return Err(refusal.error),
            }
        }
    }

    /// Shows `text`, of 200 characters at most, to whoever has pressed a button; says whether they were still waiting.
    pub async fn answer_press(&self, query: &str, text: &str, deadline: Duration) -> Result<bool, ClientError> {
        let body = json!({ "callback_query_id": query, "text": text });
        match self.call::<Value, _>("answerCallbackQuery", &body, deadline).await? {
            Ok(_) => Ok(true),
            Err(refusal) if refusal.says("query is too old") => Ok(false),
            Err(refusal) => Err(refusal.error),
        }
    }

    /// Has Telegram offer these commands (name and what it does) in `chat`, or in the supergroup that it has become; each
    /// request has `deadline`.
    pub async fn set_commands(
        &self,
        commands: &[(&str, &str)],
        chat: &ChatId,
        deadline: Duration,
    ) -> Result<(), ClientError> {
        let commands: Vec<Value> =
            commands.iter().map(|(name, does)| json!({ "command": name, "description": does })).collect();
        let set = async |chat: &ChatId| {
            let body = json!({ "commands": commands, "scope": { "type": "chat", "chat_id": chat } });
            self.call::<Value, _>("setMyCommands", &body, deadline).await
        };
        let refusal = match set(chat).await? {
            Ok(_) => return Ok(()),
            Err(refusal) => refusal,
        };
        match refusal.parameters.migrate_to_chat_id.map(ChatId::Id) {
            Some(moved) => set(&moved).await?.map(drop).map_err(|refusal| refusal.error),
            None => Err(refusal.error),
        }
    }

    /// Whether updates are sent somewhere, so that nobody can poll for them.
    pub async fn has_webhook(&self, deadline: Duration) -> Result<bool, ClientError> {
        let info: WebhookInfo =
            self.call("getWebhookInfo", &json!({}), deadline).await?.map_err(|refusal| refusal.error)?;
        Ok(!info.url.is_empty())
    }
}

/// Why nobody can poll, if an error says that somebody else gets what happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    /// Another process polls.
    OtherPoller,
    /// A webhook is set.
    Webhook,
}

impl Conflict {
    /// The conflict that `error` tells of.
    pub fn of(error: &ClientError) -> Option<Self> {
        let is_conflict = error.status == Some(409) && error.kind == ErrorKind::BadRequest;
        is_conflict.then(|| if super::says(&error.detail, "webhook") { Self::Webhook } else { Self::OtherPoller })
    }
}

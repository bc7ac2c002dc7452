//! The Bot API: tokens, methods, and how answers look.

use std::sync::{Mutex, MutexGuard, PoisonError};

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::super::journal::Journal;
use super::super::stand_in::Party;
use super::super::wire::{Received, Reply};
use super::chats::{Answered, Chats, Delivered, bot_user};
use super::parameters::Parameters;
use super::updates::Updates;

/// The bot's user id, the first part of its token.
pub(super) const BOT_ID: i64 = 7_204_316_955;
/// The bot's name.
pub(super) const USERNAME: &str = "auto_operator_demo_bot";

/// The Bot API, as seen from the server thread.
pub struct BotApi {
    token: &'static str,
    chats: Mutex<Chats>,
    pub(super) updates: Updates,
    pub(super) delivered: Journal<Delivered>,
    pub(super) answered: Journal<Answered>,
}

/// Why a call was refused.
#[derive(Debug, PartialEq)]
pub(super) struct Refusal {
    status: u16,
    description: String,
    migrate_to: Option<i64>,
    retry_after: Option<u64>,
}

impl Refusal {
    pub(super) fn new(status: u16, description: impl Into<String>) -> Self {
        Self { status, description: description.into(), migrate_to: None, retry_after: None }
    }

    /// 400.
    pub(super) fn bad(description: &str) -> Self {
        Self::new(400, format!("Bad Request: {description}"))
    }

    /// 400 with the new id of the chat.
    pub(super) fn upgraded(new_id: i64) -> Self {
        Self { migrate_to: Some(new_id), ..Self::bad("group chat was upgraded to a supergroup chat") }
    }

    fn of_status(status: u16, retry_after: Option<u64>) -> Self {
        let description = match status {
            400 => "Bad Request".to_owned(),
            401 => "Unauthorized".to_owned(),
            403 => "Forbidden: bot was kicked from the supergroup chat".to_owned(),
            404 => "Not Found".to_owned(),
            409 => super::updates::CONFLICT.to_owned(),
            413 => "Request Entity Too Large".to_owned(),
            429 => format!("Too Many Requests: retry after {}", retry_after.unwrap_or(1)),
            502 => "Bad Gateway".to_owned(),
            _ => "Internal Server Error".to_owned(),
        };
        Self { retry_after, ..Self::new(status, description) }
    }

    fn reply(&self) -> Reply {
        let mut body = json!({"ok": false, "error_code": self.status, "description": self.description});
        if let Some(new_id) = self.migrate_to {
            body["parameters"] = json!({"migrate_to_chat_id": new_id});
        }
        let Some(seconds) = self.retry_after else { return Reply::new(self.status, &body) };
        body["parameters"] = json!({"retry_after": seconds});
        Reply::new(self.status, &body).with("Retry-After", &seconds)
    }
}

impl BotApi {
    pub(super) fn new(token: &'static str, chat: i64) -> Self {
        Self {
            token,
            chats: Mutex::new(Chats::new(chat)),
            updates: Updates::default(),
            delivered: Journal::default(),
            answered: Journal::default(),
        }
    }

    pub(super) fn chats(&self) -> MutexGuard<'_, Chats> {
        self.chats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn call(&self, request: &Received) -> Result<Value, Refusal> {
        let path = percent_decode_str(&request.path).decode_utf8_lossy();
        let call = path.strip_prefix("/bot").and_then(|call| call.split_once('/'));
        let (token, method) =
            call.filter(|(token, _)| well_formed(token)).ok_or_else(|| Refusal::of_status(404, None))?;
        if token != self.token {
            return Err(Refusal::of_status(401, None));
        }
        if !matches!(request.method.as_str(), "GET" | "POST") {
            return Err(Refusal::of_status(404, None));
        }
        let parameters = Parameters::read(request)?;
        // Method names are not case-sensitive.
        match method.to_ascii_lowercase().as_str() {
            "getme" => Ok(me()),
            "getchat" => {
                let id = parameters.integer("chat_id").ok_or_else(|| Refusal::bad("chat_id is empty"))?;
                let chats = self.chats();
                let mut object = chats.described(chats.visible(id)?);
                object["accent_color_id"] = json!(0);
                object["max_reaction_count"] = json!(11);
                object["accepted_gift_types"] = json!({"unlimited_gifts": false, "limited_gifts": false,
                    "unique_gifts": false, "premium_subscription": false, "gifts_from_channels": false});
                Ok(object)
            }
            "getchatmember" => {
                let id = parameters.integer("chat_id").ok_or_else(|| Refusal::bad("chat_id is empty"))?;
                let chats = self.chats();
                let id = chats.visible(id)?;
                match parameters.integer("user_id") {
                    Some(BOT_ID) => Ok(chats.member(id)),
                    _ => Err(Refusal::bad("PARTICIPANT_ID_INVALID")),
                }
            }
            "setmycommands" => self.set_commands(&parameters),
            "sendmessage" => self.send_message(&parameters, request.at),
            "editmessagetext" => self.edit_message(&parameters),
            "answercallbackquery" => self.answer_press(&parameters),
            "getupdates" => self.updates.poll(&parameters).await,
            "getwebhookinfo" => Ok(self.updates.webhook()),
            "deletewebhook" => {
                self.updates.set_webhook(None);
                Ok(json!(true))
            }
            _ => Err(Refusal::of_status(404, None)),
        }
    }

    fn set_commands(&self, parameters: &Parameters) -> Result<Value, Refusal> {
        let commands = parameters.json("commands")?.unwrap_or_default();
        let list = commands.as_array().ok_or_else(|| Refusal::bad("can't parse commands"))?;
        for command in list {
            let name = command["command"].as_str().unwrap_or_default();
            let allowed = |letter: char| matches!(letter, 'a'..='z' | '0'..='9' | '_');
            if !(1..=32).contains(&name.len()) || !name.chars().all(allowed) {
                return Err(Refusal::bad("BOT_COMMAND_INVALID"));
            }
            let description = command["description"].as_str().unwrap_or_default();
            if !(1..=256).contains(&description.chars().count()) {
                return Err(Refusal::bad("BOT_COMMAND_DESCRIPTION_INVALID"));
            }
        }
        let scope = parameters.json("scope")?.unwrap_or_else(|| json!({"type": "default"}));
        let mut chats = self.chats();
        match scope["type"].as_str() {
            Some("chat") => {
                let id = scope["chat_id"].as_i64().ok_or_else(|| Refusal::bad("chat_id is empty"))?;
                chats.visible(id)?;
            }
            Some("default" | "all_private_chats" | "all_group_chats" | "all_chat_administrators") => {}
            _ => return Err(Refusal::bad("can't parse BotCommandScope")),
        }
        chats.commands = commands;
        chats.command_scope = scope;
        Ok(json!(true))
    }
}

impl Party for BotApi {
    const NAME: &'static str = "telegram";

    async fn answer(&self, request: &Received) -> Reply {
        match self.call(request).await {
            Ok(result) => Reply::new(200, &json!({"ok": true, "result": result})),
            Err(refusal) => refusal.reply(),
        }
    }

    fn refusal(&self, status: u16, retry_after: Option<u64>) -> Reply {
        Refusal::of_status(status, retry_after).reply()
    }
}

/// Whether a text looks like a token: digits, a colon, at least 30 letters.
fn well_formed(token: &str) -> bool {
    let letters = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    token.split_once(':').is_some_and(|(id, secret)| {
        !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) && secret.len() >= 30 && letters(secret)
    })
}

fn me() -> Value {
    let mut me = bot_user();
    me["can_join_groups"] = json!(true);
    me["can_read_all_group_messages"] = json!(false);
    me["supports_inline_queries"] = json!(false);
    me["can_connect_to_business"] = json!(false);
    me["has_main_web_app"] = json!(false);
    me
}

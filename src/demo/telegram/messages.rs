//! Sending and editing messages, and answering buttons.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::api::{BotApi, Refusal};
use super::chats::{Answered, Delivered};
use super::html;
use super::parameters::Parameters;

/// A text has at most so many UTF-16 units, counted after its tags are gone.
const TEXT_LIMIT: usize = 4_096;

/// A text that can be shown.
struct Text {
    plain: String,
    raw: String,
    parse_mode: Option<String>,
}

impl BotApi {
    pub(super) fn send_message(&self, parameters: &Parameters, at: DateTime<Utc>) -> Result<Value, Refusal> {
        let chat_id = parameters.integer("chat_id").ok_or_else(|| Refusal::bad("chat_id is empty"))?;
        let text = text(parameters)?;
        let reply_markup = buttons(parameters)?;
        let mut chats = self.chats();
        chats.writable(chat_id)?;
        let thread = parameters.integer("message_thread_id").filter(|thread| *thread != 0);
        if thread.is_some_and(|thread| !chats.topics.contains(&thread)) {
            return Err(Refusal::bad("message thread not found"));
        }
        let mut reply_to = None;
        if let Some(reply) = parameters.json("reply_parameters")? {
            let found = reply["message_id"].as_i64().filter(|id| chats.is_in(*id, chat_id));
            if found.is_none() && reply["allow_sending_without_reply"] != json!(true) {
                return Err(Refusal::bad("message to be replied not found"));
            }
            reply_to = found;
        }
        let message = Delivered {
            message_id: chats.next_message(),
            chat_id,
            text: text.plain,
            raw: text.raw,
            parse_mode: text.parse_mode,
            date: at,
            thread,
            reply_markup,
            reply_to,
            edited: false,
        };
        let mut object = message.object();
        if let Some(original) = reply_to.and_then(|id| chats.message(id)) {
            object["reply_to_message"] = original.object();
        }
        chats.keep(message.clone());
        drop(chats);
        self.delivered.record(message);
        Ok(object)
    }

    pub(super) fn edit_message(&self, parameters: &Parameters) -> Result<Value, Refusal> {
        let chat_id = parameters.integer("chat_id").ok_or_else(|| Refusal::bad("chat_id is empty"))?;
        let id = parameters.integer("message_id").ok_or_else(|| Refusal::bad("message identifier is not specified"))?;
        let text = text(parameters)?;
        let reply_markup = buttons(parameters)?;
        let mut chats = self.chats();
        chats.writable(chat_id)?;
        let old = chats.message(id).filter(|message| message.chat_id == chat_id);
        let old = old.ok_or_else(|| Refusal::bad("message to edit not found"))?;
        if old.text == text.plain && old.reply_markup == reply_markup {
            return Err(Refusal::bad(
                "message is not modified: specified new message content and reply markup are exactly the same as a \
                 current content and reply markup of the message",
            ));
        }
        let Text { plain, raw, parse_mode } = text;
        let message = Delivered { text: plain, raw, parse_mode, reply_markup, edited: true, ..old.clone() };
        chats.keep(message.clone());
        drop(chats);
        let object = message.object();
        self.delivered.record(message);
        Ok(object)
    }

    pub(super) fn answer_press(&self, parameters: &Parameters) -> Result<Value, Refusal> {
        let query_id = parameters.text("callback_query_id").unwrap_or_default();
        let text = parameters.text("text").filter(|text| !text.is_empty());
        if text.as_ref().is_some_and(|text| text.encode_utf16().count() > 200) {
            return Err(Refusal::bad("MESSAGE_TOO_LONG"));
        }
        if !self.updates.take_query(&query_id) {
            return Err(Refusal::bad("query is too old and response timeout expired or query id is invalid"));
        }
        self.answered.record(Answered { query_id, text });
        Ok(json!(true))
    }
}

fn text(parameters: &Parameters) -> Result<Text, Refusal> {
    let raw = parameters.text("text").unwrap_or_default();
    let parse_mode = parameters.text("parse_mode").filter(|mode| !mode.is_empty());
    let plain = match parse_mode.as_deref() {
        None => raw.clone(),
        Some(mode) if mode.eq_ignore_ascii_case("html") => {
            html::plain_text(&raw).map_err(|reason| Refusal::bad(&reason))?
        }
        // Telegram has Markdown too; this world does not.
        Some(_) => return Err(Refusal::bad("unsupported parse_mode")),
    };
    let plain = plain.trim().to_owned();
    if plain.is_empty() {
        return Err(Refusal::bad("message text is empty"));
    }
    if plain.encode_utf16().count() > TEXT_LIMIT {
        return Err(Refusal::bad("message is too long"));
    }
    Ok(Text { plain, raw, parse_mode })
}

/// The `reply_markup`, if it is an inline keyboard in order.
fn buttons(parameters: &Parameters) -> Result<Option<Value>, Refusal> {
    let Some(markup) = parameters.json("reply_markup")? else { return Ok(None) };
    let rows = markup["inline_keyboard"].as_array().ok_or_else(|| Refusal::bad("object expected as reply markup"))?;
    for row in rows {
        let row = row.as_array().ok_or_else(|| Refusal::bad("can't parse inline keyboard: array expected"))?;
        for button in row {
            if button["text"].as_str().is_none_or(str::is_empty) {
                return Err(Refusal::bad("text buttons are unallowed in the inline keyboard"));
            }
            let data = button["callback_data"].as_str().map(str::len);
            if data.is_none() && !button["url"].is_string() || data.is_some_and(|bytes| !(1..=64).contains(&bytes)) {
                return Err(Refusal::bad("BUTTON_DATA_INVALID"));
            }
        }
    }
    Ok(Some(markup))
}

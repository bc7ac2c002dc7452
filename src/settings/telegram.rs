//! Telegram: a bot and the chat that it writes to.

use super::problem::Fault;
use super::reader::Reader;
use super::values::{is_readable_on_the_way, list, web_address, whole};
use super::variables::{
    TELEGRAM_ALLOWED_USER_IDS, TELEGRAM_API_URL, TELEGRAM_BOT_TOKEN, TELEGRAM_CHAT_ID, TELEGRAM_THREAD_ID,
};
use crate::clients::telegram::ChatId;
use crate::secret::Secret;

/// Telegram's ids have at most 52 significant bits.
const MAX_ID: i64 = (1 << 52) - 1;

/// How alerts go out by Telegram.
pub struct Telegram {
    /// The bot's token, which becomes a part of URLs: digits, a colon, and letters, digits, `_` and `-`.
    pub token: Secret,
    /// The chat: a number, or `@name`.
    pub chat_id: ChatId,
    /// The topic of a forum group.
    pub thread_id: Option<i64>,
    /// Who may command the bot, by their ids.
    pub allowed: Vec<i64>,
    /// The Bot API's address, without a slash at its end.
    pub api_url: String,
}

impl Telegram {
    /// Reads all variables of Telegram; `None` if it is off or something is faulty.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let token = reader.given(TELEGRAM_BOT_TOKEN, bot_token);
        let chat_id = reader.given(TELEGRAM_CHAT_ID, chat_id);
        let thread_id = reader.given(TELEGRAM_THREAD_ID, whole(1..=MAX_ID));
        let is_commanded = reader.is_set(TELEGRAM_ALLOWED_USER_IDS);
        let allowed = reader.given(TELEGRAM_ALLOWED_USER_IDS, user_ids);
        let api_url = reader.value(TELEGRAM_API_URL, web_address);
        let is_complete = reader.is_complete(
            "Telegram",
            &[TELEGRAM_BOT_TOKEN, TELEGRAM_CHAT_ID],
            &[TELEGRAM_THREAD_ID, TELEGRAM_ALLOWED_USER_IDS, TELEGRAM_API_URL],
        );
        if !is_complete {
            return None;
        }
        let api_url = api_url?;
        if is_readable_on_the_way(&api_url) {
            let name = TELEGRAM_API_URL.name;
            reader.warn(format!(
                "{name} is plain http to another machine: the bot's token can be read on the way ({api_url})"
            ));
        }
        // One that is faulty leaves nobody in.
        let allowed = if is_commanded { allowed? } else { vec![] };
        Some(Self { token: token?, chat_id: chat_id?, thread_id, allowed, api_url })
    }
}

/// The token becomes a part of URLs, so nothing in it may change the path. That it is made of digits, a colon and a key
/// is what Telegram does today; a stand-in of it may do otherwise.
fn bot_token(text: &str) -> Result<Secret, Fault> {
    let is_safe_in_a_path = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b':' | b'.' | b'~');
    if text.bytes().all(is_safe_in_a_path) {
        Ok(Secret::new(text))
    } else {
        Err(Fault::new("is not the token of a bot", "the bot's number, a colon and its key, as @BotFather shows them"))
    }
}

fn chat_id(text: &str) -> Result<ChatId, Fault> {
    let fault = || Fault::new("is not a chat", "a number such as -1001234567890, or @name of a public channel");
    let chat: ChatId = text.parse().map_err(|_| fault())?;
    let is_chat = match &chat {
        ChatId::Id(id) => *id != 0 && (-MAX_ID..=MAX_ID).contains(id),
        ChatId::Name(name) => {
            let name = name.trim_start_matches('@');
            (4..=32).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        }
    };
    if is_chat { Ok(chat) } else { Err(fault()) }
}

fn user_ids(text: &str) -> Result<Vec<i64>, Fault> {
    list(text)?.iter().map(|id| whole(1..=MAX_ID)(id)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_would_change_the_path_is_refused() {
        assert!(bot_token("123456:AAF-x_9").is_ok());
        for text in ["123:a/b", "123:a?b", "123:a#b", "123:a b", "123:a%2Fb", "123:ä"] {
            assert!(bot_token(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_chat_is_a_number_or_a_name() {
        for text in ["42", "-1001234567890", "@our_alerts"] {
            assert!(chat_id(text).is_ok(), "{text}");
        }
        for text in ["0", "our_alerts", "@a", "@with space", "9007199254740993", "https://t.me/x"] {
            assert!(chat_id(text).is_err(), "{text}");
        }
    }

    #[test]
    fn users_are_numbers() {
        assert_eq!(user_ids("1, 2"), Ok(vec![1, 2]));
        assert!(user_ids("@somebody").is_err());
    }
}

//! The other direction: what people order in the chat, and what is said to that.
//!
//! Nothing in here decides: it turns Telegram's words into those of the domain, and back.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;

use super::super::Refusal;
use super::{Config, Posted, buttons, new_home};
use crate::clients::error::{ClientError, ErrorKind};
use crate::clients::http::Http;
use crate::clients::telegram::answering::{Conflict, EditMessage, Edited};
use crate::clients::telegram::text::{self, Text};
use crate::clients::telegram::updates::{self, Message};
use crate::clients::telegram::{self, ChatId, SendMessage};
use crate::domain::answer::Answer;
use crate::domain::command::{COMMANDS, Press};
use crate::domain::update::{Content, Person, Place, Update};

/// How much a message holds, and how much of that what was done may take below an alert.
const ROOM: usize = text::LIMIT;
const ROOM_BELOW: usize = ROOM / 2;

/// The longest text for whoever presses a button, in UTF-16 units.
const LONGEST_TOAST: usize = 200;

/// The bot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bot {
    /// Its number.
    pub id: i64,
    /// Its name, without the `@`.
    pub name: String,
}

/// Why nothing is heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Another process polls for the same bot.
    OtherPoller,
    /// What happens is sent to a webhook.
    Webhook,
    /// Telegram does not know the token.
    Unauthorized,
    /// Something else.
    Other {
        /// How long Telegram asks us to wait.
        wait: Option<Duration>,
        /// What it said.
        text: String,
    },
}

impl From<ClientError> for Trouble {
    fn from(error: ClientError) -> Self {
        match Conflict::of(&error) {
            Some(Conflict::OtherPoller) => Self::OtherPoller,
            Some(Conflict::Webhook) => Self::Webhook,
            None if error.kind == ErrorKind::Unauthorized => Self::Unauthorized,
            None => Self::Other { wait: error.retry_after, text: error.to_string() },
        }
    }
}

/// What was heard.
pub struct Heard(Vec<updates::Update>);

impl Heard {
    /// Whether it is nothing.
    pub fn is_nothing(&self) -> bool {
        self.0.is_empty()
    }
}

/// An alert, and what became of it.
#[derive(Clone, Copy, Debug)]
pub struct Amended<'a> {
    /// The id of the notice that it carries.
    pub notice: &'a str,
    /// Its first line.
    pub subject: &'a str,
    /// The rest.
    pub body: &'a str,
    /// Who did what.
    pub aftermath: &'a str,
}

/// The bot's ear and mouth in the chat; for one thread, as every client of HTTP.
pub struct Console {
    client: telegram::Telegram,
    config: Config,
    /// Where the chat is by now.
    home: RefCell<ChatId>,
}

impl Console {
    /// Of the bot and the chat of `config`.
    pub fn new(config: Config) -> Self {
        let client = telegram::Telegram::new(Http::new(), config.api_url.as_str(), config.token.clone());
        let home = RefCell::new(config.chat.clone());
        Self { client, config, home }
    }

    /// Who may give orders.
    pub fn allowed(&self) -> &Arc<[i64]> {
        &self.config.allowed
    }

    /// Follows the chat to where it has moved, by what the channel remembers.
    pub fn follow(&self, memory: Option<&str>) {
        let home = memory.and_then(|memory| new_home(memory, &self.config.chat));
        *self.home.borrow_mut() = home.unwrap_or_else(|| self.config.chat.clone());
    }

    /// Who the bot is.
    pub async fn who(&self) -> Result<Bot, Trouble> {
        let me = self.client.get_me(self.config.request_timeout).await?;
        Ok(Bot { id: me.id, name: me.username })
    }

    /// Has Telegram offer the commands in the chat.
    pub async fn offer(&self) -> Result<(), Refusal> {
        let home = self.home.borrow().clone();
        Ok(self.client.set_commands(&COMMANDS, &home, self.config.request_timeout).await?)
    }

    /// Waits until something happens, for `wait` at most. What was before the update `first` does not come again.
    pub async fn hear(&self, first: Option<i64>, wait: Duration) -> Result<Heard, Trouble> {
        Ok(Heard(self.client.get_updates(first, wait).await?))
    }

    /// What was heard, as seen from where the chat is by now.
    pub fn understand(&self, heard: Heard) -> Vec<Update> {
        heard.0.into_iter().map(|update| self.understood(update)).collect()
    }

    /// Answers what was written at `place`.
    pub async fn say(&self, answer: &Answer, place: Place) -> Result<(), Refusal> {
        let lines: Vec<text::Line> = answer
            .iter()
            .map(|line| text::Line {
                text: line.text.clone(),
                link: line.link.as_ref().map(|link| (link.shown.clone(), link.url.clone())),
            })
            .collect();
        let message = SendMessage {
            chat: ChatId::Id(place.chat),
            thread_id: place.thread,
            reply_to: place.message,
            text: Text::Lines(&lines),
            buttons: &[],
            silent: false,
        };
        self.client.send_message(&message, self.config.request_timeout).await?;
        Ok(())
    }

    /// Shows `text` for a moment to whoever pressed a button.
    pub async fn toast(&self, query: &str, text: &str) -> Result<(), Refusal> {
        let text = text::cut(text, LONGEST_TOAST);
        self.client.answer_press(query, &text, self.config.request_timeout).await?;
        Ok(())
    }

    /// Has the alert at `place` say what became of it, with the buttons that make sense; says whether it is still there.
    pub async fn amend(
        &self,
        place: Place,
        alert: Amended<'_>,
        makes_sense: impl Fn(Press) -> bool,
    ) -> Result<bool, Refusal> {
        let Some(message_id) = place.message else { return Ok(false) };
        let text = amended(&alert);
        let buttons = buttons(alert.notice, makes_sense);
        let chat = ChatId::Id(place.chat);
        let edit = EditMessage { chat, message_id, text: text.as_str().into(), buttons: &buttons };
        Ok(self.client.edit_message(&edit, self.config.request_timeout).await? == Edited::Done)
    }

    /// Where the message is that was taken with this answer; none if it was another one's answer.
    pub fn place_of(&self, receipt: &str) -> Option<Place> {
        let Posted { message, chat } = receipt.parse().ok()?;
        Some(Place { chat, message: Some(message), thread: None })
    }

    fn understood(&self, update: updates::Update) -> Update {
        let (from, message, content) = match update.content {
            Some(updates::Content::Message(message)) => {
                let is_own =
                    message.forward_origin.is_none() && message.via_bot.is_none() && message.sender_chat.is_none();
                let content = match &message.text {
                    Some(text) => Content::Text {
                        text: text.clone(),
                        at: DateTime::from_timestamp(message.date, 0).unwrap_or_default(),
                        is_own,
                        is_private: message.chat.kind == "private",
                    },
                    None => Content::Other,
                };
                (message.from.clone(), Some(*message), content)
            }
            Some(updates::Content::CallbackQuery(press)) => {
                (Some(press.from), press.message, Content::Press { query: press.id, data: press.data })
            }
            None => (None, None, Content::Other),
        };
        Update {
            id: update.id,
            from: from.map(|user| Person {
                id: user.id,
                first_name: user.first_name,
                username: user.username,
                is_bot: user.is_bot,
            }),
            is_here: message.as_ref().is_some_and(|message| is_at(&self.home.borrow(), message)),
            place: message.as_ref().map(place).unwrap_or_default(),
            content,
        }
    }
}

fn place(message: &Message) -> Place {
    let thread = message.message_thread_id.filter(|_| message.is_topic_message);
    Place { chat: message.chat.id, message: Some(message.message_id), thread }
}

fn is_at(home: &ChatId, message: &Message) -> bool {
    match home {
        ChatId::Id(id) => message.chat.id == *id,
        ChatId::Name(name) => {
            let public = message.chat.username.as_deref();
            public.is_some_and(|public| name.trim_start_matches('@').eq_ignore_ascii_case(public))
        }
    }
}

/// What became of an alert stands below it, however long that is.
fn amended(alert: &Amended<'_>) -> String {
    let whole = text::clean(&format!("{}\n\n{}", alert.subject, alert.body));
    if alert.aftermath.is_empty() {
        return whole;
    }
    let below = text::clean(alert.aftermath);
    let below = text::cut(&below, ROOM_BELOW);
    let room = ROOM.saturating_sub(text::units(&below) + 2);
    format!("{}\n\n{below}", text::cut(&whole, room))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::telegram::updates::{Message, Place as Chat};
    use crate::secret::Secret;

    fn console(chat: ChatId) -> Console {
        Console::new(Config {
            api_url: "http://127.0.0.1:1".into(),
            token: Secret::new("1:a"),
            chat,
            thread_id: None,
            allowed: [7].into(),
            request_timeout: Duration::from_secs(1),
        })
    }

    fn message(chat: i64, username: Option<&str>) -> Message {
        Message {
            message_id: 3,
            date: 60,
            chat: Chat { id: chat, kind: "supergroup".into(), username: username.map(Into::into) },
            from: None,
            text: Some("/status".into()),
            message_thread_id: Some(5),
            is_topic_message: true,
            forward_origin: None,
            via_bot: None,
            sender_chat: None,
        }
    }

    fn heard(console: &Console, message: Message) -> Update {
        console.understood(updates::Update { id: 1, content: Some(updates::Content::Message(Box::new(message))) })
    }

    #[test]
    fn the_chat_is_known_by_its_number_or_its_name_and_followed_when_it_moves() {
        let by_id = console(ChatId::Id(-5));
        assert!(heard(&by_id, message(-5, None)).is_here && !heard(&by_id, message(-6, Some("ops"))).is_here);
        by_id.follow(Some("-5 → -100"));
        assert!(heard(&by_id, message(-100, None)).is_here && !heard(&by_id, message(-5, None)).is_here);
        by_id.follow(Some("-7 → -100"));
        assert!(heard(&by_id, message(-5, None)).is_here, "that was another chat");
        let by_name = console(ChatId::Name("@Ops".into()));
        assert!(heard(&by_name, message(-6, Some("ops"))).is_here && !heard(&by_name, message(-6, None)).is_here);
    }

    #[test]
    fn an_answer_belongs_where_it_was_asked_for_and_only_ones_own_words_count() {
        let console = console(ChatId::Id(-5));
        let update = heard(&console, message(-5, None));
        assert_eq!(update.place, Place { chat: -5, message: Some(3), thread: Some(5) });
        let thread_of_replies = Message { is_topic_message: false, ..message(-5, None) };
        assert_eq!(heard(&console, thread_of_replies).place.thread, None);
        let is_own = |message| matches!(heard(&console, message).content, Content::Text { is_own: true, .. });
        let strange = || Some(serde_json::json!({}));
        assert!(is_own(message(-5, None)));
        assert!(!is_own(Message { forward_origin: strange(), ..message(-5, None) }));
        assert!(!is_own(Message { via_bot: strange(), ..message(-5, None) }));
        assert!(!is_own(Message { sender_chat: strange(), ..message(-5, None) }));
        assert_eq!(heard(&console, Message { text: None, ..message(-5, None) }).content, Content::Other);
    }

    #[test]
    fn what_became_of_an_alert_stands_below_it_however_long_both_are() {
        let long = "1234567\n".repeat(2_000);
        for (body, aftermath) in [("body", "done"), (&*long, "done"), ("body", &*long), (&long, &long)] {
            let text = amended(&Amended { notice: "n", subject: "Alert", body, aftermath });
            assert!(text::units(&text) <= text::LIMIT, "{}", text::units(&text));
            assert!(text.starts_with("Alert\n\n"), "{}", &text[..40]);
            assert!(text.contains(&format!("\n\n{}", &aftermath[..4])), "{text}");
        }
        assert_eq!(amended(&Amended { notice: "n", subject: "Alert", body: "body", aftermath: "" }), "Alert\n\nbody");
    }
}

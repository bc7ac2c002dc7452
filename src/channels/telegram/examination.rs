//! Whether the bot may write to the chat, without a word to it: who it is, what it sees of the chat, what it is there.

use std::time::{Duration, Instant};

use super::Config;
use crate::clients::error::{ClientError, ErrorKind};
use crate::clients::telegram::{Chat, ChatId, Me, Member, Telegram, Whereabouts};
use crate::diagnosis::{Asked, Finding, Party, Question, Remedy};

const TELEGRAM: Party = Party { name: "Telegram", address: "TELEGRAM_API_URL", status_page: None };

/// Telegram's word for a chat in which only the channel itself speaks.
const CHANNEL: &str = "channel";

/// The number of the topic that each forum has.
const GENERAL: i64 = 1;

/// Asks one after the other: each question is about what the one before has found.
pub(super) async fn examine(telegram: &Telegram, config: &Config, deadline: Instant) -> Vec<Asked> {
    let limit = || config.request_timeout.min(deadline.saturating_duration_since(Instant::now()));
    let question = Question::put("telegram", "getMe");
    let bot = telegram.get_me(limit()).await;
    let mut asked = vec![question.found(of_bot(&bot))];
    if let Ok(bot) = bot {
        let question = Question::put("telegram:chat", format!("getChat {}", config.chat));
        let chat = telegram.get_chat(&config.chat, limit()).await;
        let is_channel = matches!(&chat, Ok(Whereabouts::Here(chat)) if chat.kind == CHANNEL);
        asked.push(question.found(of_chat(telegram, &bot, chat, config, &limit).await));
        if !config.allowed.is_empty() {
            let question = Question::put("telegram:commands", "getWebhookInfo");
            let has_webhook = telegram.has_webhook(limit()).await;
            asked.push(question.found(of_commands(has_webhook, config.allowed.len(), is_channel)));
        }
    }
    asked
}

fn of_bot(bot: &Result<Me, ClientError>) -> Finding {
    match bot {
        Ok(bot) => Finding::ok(format!("@{}", bot.username)),
        Err(error) if error.kind == ErrorKind::Unauthorized => Finding::fail(error.to_string(), Remedy::BotToken),
        Err(error) => Finding::fail(error.to_string(), TELEGRAM.remedy(error)),
    }
}

/// Whether orders arrive.
fn of_commands(has_webhook: Result<bool, ClientError>, allowed: usize, is_channel: bool) -> Finding {
    let people = if allowed == 1 { "one person".to_owned() } else { format!("{allowed} people") };
    match has_webhook {
        Ok(false) if is_channel => Finding::warn(
            format!("{people} may press buttons; what is written in a channel does not arrive"),
            Remedy::NoOrdersFromChannel,
        ),
        Ok(false) => Finding::ok(format!("{people} may give orders")),
        Ok(true) => Finding::fail("a webhook is set, so that no order arrives", Remedy::DeleteWebhook),
        Err(error) => Finding::fail(error.to_string(), TELEGRAM.remedy(&error)),
    }
}

async fn of_chat(
    telegram: &Telegram,
    bot: &Me,
    chat: Result<Whereabouts, ClientError>,
    config: &Config,
    limit: impl Fn() -> Duration,
) -> Finding {
    let name = || bot.username.clone();
    let chat = match chat {
        Ok(Whereabouts::Here(chat)) => chat,
        Ok(Whereabouts::MovedTo(id)) => {
            return Finding::warn(format!("the group has become the supergroup {id}"), Remedy::NewChat { id });
        }
        Err(error) => return Finding::fail(error.to_string(), without_chat(&error, &config.chat, name())),
    };
    // A person who has written to the bot can be written to; there is nothing to be a member of.
    if chat.kind == "private" {
        return Finding::ok(with_topic("a private chat".to_owned(), config.thread_id));
    }
    match telegram.get_chat_member(chat.id, bot.id, limit()).await {
        Ok(member) => of_member(&chat, &member, config.thread_id, name()),
        Err(error) => Finding::fail(error.to_string(), without_chat(&error, &config.chat, name())),
    }
}

fn without_chat(error: &ClientError, chat: &ChatId, bot: String) -> Remedy {
    match (error.kind, chat) {
        (ErrorKind::NotFound, ChatId::Id(1..)) => Remedy::WriteToBot { bot },
        (ErrorKind::NotFound, _) => Remedy::AddBot { bot },
        (ErrorKind::Forbidden, _) => Remedy::LetBotIn { bot },
        _ => TELEGRAM.remedy(error),
    }
}

fn of_member(chat: &Chat, member: &Member, thread: Option<i64>, bot: String) -> Finding {
    let place = match &chat.title {
        Some(title) => format!("the {} \"{title}\"", chat.kind),
        None => format!("a {}", chat.kind),
    };
    let says = format!("{place}, where the bot is {}", member.status);
    match member.status.as_str() {
        "left" | "kicked" if chat.kind == CHANNEL => Finding::fail(says, Remedy::MakeAdmin { bot }),
        "left" | "kicked" => Finding::fail(says, Remedy::LetBotIn { bot }),
        "restricted" if !member.can_send_messages => Finding::fail(says + " to be silent", Remedy::LetBotSpeak { bot }),
        status if chat.kind == CHANNEL && status != "creator" && !member.can_post_messages => {
            Finding::fail(says + " and may not post", Remedy::MakeAdmin { bot })
        }
        _ if thread.is_some() && !chat.is_forum => Finding::fail(format!("{place} has no topics"), Remedy::NoTopics),
        // Telegram refuses whatever is sent there by this number.
        _ if thread == Some(GENERAL) => {
            Finding::fail(format!("{place}, whose topic {GENERAL} is General"), Remedy::GeneralTopic)
        }
        _ => Finding::ok(with_topic(says, thread)),
    }
}

/// Telegram says of no topic whether it is there before something is sent to it.
fn with_topic(says: String, thread: Option<i64>) -> String {
    match thread {
        Some(thread) => format!("{says}; whether the topic {thread} is there only `test-alert` shows"),
        None => says,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_bot_is_in_a_chat_decides_whether_it_may_write_there() {
        let bot = || "b".to_owned();
        for (kind, status, post, send, forum, thread, remedy) in [
            ("group", "member", false, false, false, None, None),
            ("supergroup", "administrator", false, false, false, None, None),
            ("supergroup", "creator", false, false, false, None, None),
            ("supergroup", "restricted", false, true, false, None, None),
            ("supergroup", "restricted", false, false, false, None, Some(Remedy::LetBotSpeak { bot: bot() })),
            ("supergroup", "left", false, false, false, None, Some(Remedy::LetBotIn { bot: bot() })),
            ("supergroup", "kicked", false, false, true, Some(3), Some(Remedy::LetBotIn { bot: bot() })),
            ("supergroup", "member", false, false, true, Some(3), None),
            ("supergroup", "member", false, false, false, Some(3), Some(Remedy::NoTopics)),
            ("supergroup", "creator", false, false, false, Some(3), Some(Remedy::NoTopics)),
            ("supergroup", "member", false, false, true, Some(1), Some(Remedy::GeneralTopic)),
            ("channel", "administrator", true, false, false, None, None),
            ("channel", "administrator", false, false, false, None, Some(Remedy::MakeAdmin { bot: bot() })),
            ("channel", "member", false, false, false, None, Some(Remedy::MakeAdmin { bot: bot() })),
            ("channel", "kicked", false, false, false, None, Some(Remedy::MakeAdmin { bot: bot() })),
        ] {
            let chat = Chat { id: -1, kind: kind.to_owned(), title: None, is_forum: forum };
            let member = Member { status: status.to_owned(), can_post_messages: post, can_send_messages: send };
            assert_eq!(of_member(&chat, &member, thread, bot()).remedy, remedy, "{kind} {status}");
        }
    }
}

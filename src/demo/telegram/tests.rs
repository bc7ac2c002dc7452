//! The stand-in of Telegram, over real HTTP.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::test_client::{Seen, call};
use super::*;

const SECONDS: Duration = Duration::from_secs(20);

async fn ask(telegram: &Telegram, method: &str, body: &Value) -> Seen {
    call("POST", &format!("{}/bot{}/{method}", telegram.url(), telegram.bot_token()), &[], body).await
}

#[actix_web::test]
async fn a_message_is_delivered_only_if_a_reader_could_see_it() {
    let telegram = Telegram::start().unwrap();
    telegram.add_topic(7);
    let chat = telegram.chat_id();
    let with = |more: Value| {
        let mut body = json!({"chat_id": chat, "text": "x", "parse_mode": "HTML"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let button = |data: &str| json!({"inline_keyboard": [[{"text": "Ack", "callback_data": data}]]});
    // 4,096 units after the entities: the tags and the five letters of each `&amp;` do not count.
    let longest = format!("<b>{}</b>", "&amp;".repeat(4_096));
    for (body, status, description) in [
        (with(json!({"text": "<b>a</b> &lt; b", "message_thread_id": 7, "reply_markup": button("ack:1")})), 200, ""),
        (with(json!({"chat_id": chat.to_string(), "text": longest})), 200, ""),
        (with(json!({"text": "a < b", "parse_mode": null})), 200, ""),
        (
            with(json!({"text": "a < b"})),
            400,
            "Bad Request: can't parse entities: Unsupported start tag \"\" at byte offset 2",
        ),
        (with(json!({"text": "x".repeat(4_097)})), 400, "Bad Request: message is too long"),
        (with(json!({"text": "😀".repeat(2_049)})), 400, "Bad Request: message is too long"),
        (with(json!({"text": "<b> </b>"})), 400, "Bad Request: message text is empty"),
        (with(json!({"chat_id": 5})), 400, "Bad Request: chat not found"),
        (with(json!({"message_thread_id": 8})), 400, "Bad Request: message thread not found"),
        (with(json!({"reply_parameters": {"message_id": 1}})), 400, "Bad Request: message to be replied not found"),
        (with(json!({"reply_parameters": {"message_id": 1, "allow_sending_without_reply": true}})), 200, ""),
        (with(json!({"reply_markup": button(&"é".repeat(33))})), 400, "Bad Request: BUTTON_DATA_INVALID"),
    ] {
        let seen = ask(&telegram, "sendMessage", &body).await;
        let refused = seen.body["description"].as_str().unwrap_or_default();
        assert_eq!((seen.status, refused), (status, description), "{}", body["text"]);
        assert_eq!(
            (seen.body["ok"].as_bool(), seen.body["error_code"].as_u64().unwrap_or(200)),
            (Some(status == 200), status.into())
        );
    }
    let delivered = telegram.messages().all();
    assert_eq!((delivered.len(), delivered[0].text.as_str(), delivered[0].thread), (4, "a < b", Some(7)));
    assert_eq!(delivered[0].raw, "<b>a</b> &lt; b");

    let edit = with(json!({"message_id": delivered[0].message_id, "text": "done"}));
    assert_eq!(ask(&telegram, "editMessageText", &edit).await.body["result"]["text"], "done");
    let again = ask(&telegram, "editMessageText", &edit).await;
    assert!(again.body["description"].as_str().unwrap().starts_with("Bad Request: message is not modified"));
    assert!(telegram.messages().last().is_some_and(|message| message.edited && message.text == "done"));
}

#[actix_web::test]
async fn tokens_chats_and_rates_are_refused_as_by_telegram() {
    let telegram = Telegram::start().unwrap();
    let message = json!({"chat_id": telegram.chat_id(), "text": "x"});
    let none = Value::Null;
    let other = format!("{}/bot{}/getMe", telegram.url(), telegram.bot_token().replace('A', "B"));
    assert_eq!(call("GET", &other, &[], &none).await.body["description"], "Unauthorized");
    assert_eq!(call("GET", &format!("{}/bot123/getMe", telegram.url()), &[], &none).await.status, 404);
    assert_eq!(ask(&telegram, "getMe", &none).await.body["result"]["username"], telegram.username());
    assert_eq!(ask(&telegram, "sendPigeon", &none).await.status, 404);

    telegram.rate_limited(35);
    let seen = ask(&telegram, "sendMessage", &message).await;
    assert_eq!((seen.status, &seen.body["parameters"]["retry_after"]), (429, &json!(35)));
    telegram.set_fault(None);
    telegram.blocked();
    let seen = ask(&telegram, "sendMessage", &message).await;
    assert_eq!((seen.status, seen.body["description"].as_str()), (403, Some("Forbidden: bot was blocked by the user")));
    telegram.unblocked();
    telegram.upgrade_chat_to(-100_999);
    let seen = ask(&telegram, "sendMessage", &message).await;
    assert_eq!((seen.status, &seen.body["parameters"]["migrate_to_chat_id"]), (400, &json!(-100_999)));
    let moved = ask(&telegram, "sendMessage", &json!({"chat_id": -100_999, "text": "x"})).await;
    assert_eq!(moved.status, 200);

    let commands = json!({"commands": [{"command": "status", "description": "How things are"}]});
    assert_eq!(ask(&telegram, "setMyCommands", &commands).await.body["result"], true);
    assert_eq!(telegram.commands(), commands["commands"]);
    let bad = json!({"commands": [{"command": "Status", "description": "x"}]});
    assert_eq!(ask(&telegram, "setMyCommands", &bad).await.status, 400);
}

#[actix_web::test]
async fn a_long_poll_waits_and_only_the_newest_one_does() {
    let telegram = Telegram::start().unwrap();
    let chat = telegram.chat_id();
    let at_once = ask(&telegram, "getUpdates", &json!({})).await;
    assert_eq!(at_once.body["result"], json!([]));

    let poll = |body: Value| {
        let telegram = telegram.clone();
        actix_web::rt::spawn(async move { ask(&telegram, "getUpdates", &body).await })
    };
    let older = poll(json!({"timeout": 50, "allowed_updates": ["message", "callback_query"]}));
    assert!(telegram.requests().wait_for_count(2, SECONDS).await);
    let newer = poll(json!({"timeout": 50}));
    let older = older.await.unwrap();
    assert_eq!(
        (older.status, older.body["description"].as_str().unwrap().starts_with("Conflict: terminated")),
        (409, true)
    );
    telegram.push_message(42, chat, "/status@bot now");
    let seen = newer.await.unwrap();
    let update = &seen.body["result"][0];
    assert_eq!(update["message"]["from"]["id"], 42);
    assert_eq!(update["message"]["entities"], json!([{"type": "bot_command", "offset": 0, "length": 11}]));

    // What is not confirmed comes again; what is, does not.
    let sent = ask(&telegram, "sendMessage", &json!({"chat_id": chat, "text": "x"})).await;
    let query = telegram.press_button(42, sent.body["result"]["message_id"].as_i64().unwrap(), "ack:1").unwrap();
    let id = update["update_id"].as_i64().unwrap();
    for (offset, kinds) in [(id, vec!["message", "callback_query"]), (id + 1, vec!["callback_query"]), (id + 2, vec![])]
    {
        let seen = ask(&telegram, "getUpdates", &json!({"offset": offset})).await;
        let updates = seen.body["result"].as_array().unwrap();
        assert_eq!(updates.len(), kinds.len());
        assert!(updates.iter().zip(kinds).all(|(update, kind)| update[kind].is_object()));
    }
    let answer = json!({"callback_query_id": query, "text": "thanks"});
    assert_eq!(ask(&telegram, "answerCallbackQuery", &answer).await.status, 200);
    assert_eq!(ask(&telegram, "answerCallbackQuery", &answer).await.status, 400);
    assert_eq!(telegram.answers().last().unwrap().text.as_deref(), Some("thanks"));
    // The kinds that were allowed last, until others are.
    ask(&telegram, "getUpdates", &json!({"allowed_updates": ["callback_query"]})).await;
    telegram.push_message(42, chat, "unheard");
    assert_eq!(ask(&telegram, "getUpdates", &json!({})).await.body["result"], json!([]));
}

#[actix_web::test]
async fn what_the_bot_is_in_a_chat_can_be_asked_and_decides_whether_it_may_write() {
    let telegram = Telegram::start().unwrap();
    let (group, channel) = (telegram.chat_id(), -1_002_000);
    telegram.add_channel(channel);
    for (chat, role, status, sent) in [
        (group, Role::Member, "member", 200),
        (group, Role::Silent, "restricted", 400),
        (group, Role::Kicked, "kicked", 403),
        (channel, Role::Member, "member", 400),
        (channel, Role::Administrator, "administrator", 200),
    ] {
        telegram.set_role(chat, role);
        let question = json!({"chat_id": chat, "user_id": api::BOT_ID});
        let member = ask(&telegram, "getChatMember", &question).await.body;
        assert_eq!(member["result"]["status"], status);
        let seen = ask(&telegram, "sendMessage", &json!({"chat_id": chat, "text": "x"})).await;
        assert_eq!(seen.status, sent, "{role:?}: {}", seen.body);
    }
    assert_eq!(ask(&telegram, "getChat", &json!({"chat_id": channel})).await.body["result"]["type"], "channel");
    assert_eq!(ask(&telegram, "getChat", &json!({"chat_id": group})).await.body["result"]["is_forum"], Value::Null);
    telegram.add_topic(3);
    assert_eq!(ask(&telegram, "getChat", &json!({"chat_id": group})).await.body["result"]["is_forum"], true);
}

#[actix_web::test]
async fn while_a_webhook_is_set_nobody_can_poll_and_commands_are_offered_where_the_bot_is() {
    let telegram = Telegram::start().unwrap();
    let url = || async { ask(&telegram, "getWebhookInfo", &json!({})).await.body["result"]["url"].clone() };
    assert_eq!(url().await, "");
    telegram.set_webhook(Some("https://example.org/hook"));
    assert_eq!(url().await, "https://example.org/hook");
    let refused = ask(&telegram, "getUpdates", &json!({})).await;
    assert_eq!(refused.status, 409);
    assert!(refused.body["description"].as_str().unwrap().contains("while webhook is active"), "{}", refused.body);
    assert_eq!(ask(&telegram, "deleteWebhook", &json!({})).await.status, 200);
    assert_eq!(ask(&telegram, "getUpdates", &json!({})).await.status, 200);

    let commands = json!([{"command": "status", "description": "How it is"}]);
    for (scope, status) in [
        (json!({"type": "chat", "chat_id": telegram.chat_id()}), 200),
        (json!({"type": "default"}), 200),
        (json!({"type": "chat", "chat_id": 5}), 400),
        (json!({"type": "chat"}), 400),
        (json!({"type": "galaxy"}), 400),
    ] {
        let set = ask(&telegram, "setMyCommands", &json!({"commands": commands, "scope": scope})).await;
        assert_eq!(set.status, status, "{scope}: {}", set.body);
    }
    assert_eq!((telegram.commands(), telegram.command_scope()), (commands, json!({"type": "default"})));
}

#[actix_web::test]
async fn what_is_deleted_cannot_be_edited_and_what_is_too_old_cannot_be_answered() {
    let telegram = Telegram::start().unwrap();
    let chat = telegram.chat_id();
    let sent = ask(&telegram, "sendMessage", &json!({"chat_id": chat, "text": "x"})).await;
    let id = sent.body["result"]["message_id"].as_i64().unwrap();
    let query = telegram.press_button(42, id, "ack:1").unwrap();
    let edit = json!({"chat_id": chat, "message_id": id, "text": "y"});
    assert_eq!(ask(&telegram, "editMessageText", &edit).await.status, 200);
    telegram.delete_message(id);
    telegram.presses_are_too_old();
    let gone = ask(&telegram, "editMessageText", &edit).await;
    assert_eq!(gone.body["description"], "Bad Request: message to edit not found");
    let old = ask(&telegram, "answerCallbackQuery", &json!({"callback_query_id": query})).await;
    assert!(old.body["description"].as_str().unwrap().contains("query is too old"), "{}", old.body);
}

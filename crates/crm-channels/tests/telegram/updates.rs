//! What the updates of the bot's webhook tell, and who may say it.

use chrono::DateTime;
use crm_channels::{Telegram, TelegramConfig};
use crm_core::ErrorKind;
use crm_core::port::callback::{Callback, News};
use crm_core::port::channel::Channel;
use serde_json::{Value, json as value};

use super::{SECRET, TOKEN, make};

fn update(secret: &str, body: &str) -> Callback {
    Callback {
        url: "https://crm.example.test/hooks/telegram".to_owned(),
        headers: vec![
            ("Content-Type".to_owned(), "application/json".to_owned()),
            (
                "X-Telegram-Bot-Api-Secret-Token".to_owned(),
                secret.to_owned(),
            ),
        ],
        body: body.as_bytes().to_vec(),
    }
}

async fn read(body: &Value) -> Vec<News> {
    let channel = make("http://127.0.0.1:1");
    let callback = update(SECRET, &body.to_string());
    let news = channel.read(&callback).await.unwrap();
    assert_eq!(channel.read(&callback).await.unwrap(), news, "read twice");
    news
}

fn out(address: &str, reason: &str) -> Vec<News> {
    vec![News::OptOut {
        address: address.to_owned(),
        reason: reason.to_owned(),
    }]
}

fn back(address: &str) -> Vec<News> {
    let address = address.to_owned();
    vec![News::OptIn { address }]
}

#[tokio::test]
async fn only_updates_with_the_secret_are_read() {
    let channel = make("http://127.0.0.1:1");
    let stop =
        r#"{"update_id":1,"message":{"chat":{"id":5,"type":"private"},"from":{},"text":"/stop"}}"#;
    let mut bare = update(SECRET, stop);
    bare.headers.clear();
    let mut first = update("wrong", stop);
    first.headers.extend(update(SECRET, stop).headers);
    for callback in [
        bare,
        first,
        update("", stop),
        update("Webhook-Secret_2", stop),
        update("webhook-secret_1", stop),
        update("Webhook-Secret_", stop),
        update("Webhook-Secret_11", stop),
    ] {
        let error = channel.read(&callback).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden);
    }
    assert_eq!(
        channel.read(&update(SECRET, stop)).await.unwrap(),
        out("5", "reply")
    );
    let error = channel.read(&update(SECRET, "{")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);

    let deaf = Telegram::new(TelegramConfig::new(TOKEN.into())).unwrap();
    assert!(channel.capabilities().receipts && !deaf.capabilities().receipts);
    let error = deaf.read(&update("", stop)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn blocks_and_their_end_are_read() {
    let member = |old: &str, new: &str| {
        value!({"update_id": 1, "my_chat_member": {
            "chat": {"id": 5, "type": "private"}, "from": {"id": 5, "is_bot": false}, "date": 1767225600,
            "old_chat_member": {"status": old}, "new_chat_member": {"status": new}}})
    };
    assert_eq!(read(&member("member", "kicked")).await, out("5", "blocked"));
    assert_eq!(read(&member("kicked", "member")).await, back("5"));
    assert_eq!(read(&member("left", "member")).await, back("5"));
    // Losing a right in a group lifts nothing that its people asked for.
    for (old, new) in [
        ("administrator", "member"),
        ("member", "administrator"),
        ("member", "left"),
    ] {
        assert_eq!(read(&member(old, new)).await, [], "{old} {new}");
    }
}

#[tokio::test]
async fn texts_are_read() {
    let text = |kind: &str, id: i64, text: &str| {
        value!({"update_id": 1, "message": {"message_id": 3, "date": 1767225600, "text": text,
            "chat": {"id": id, "type": kind}, "from": {"id": 5, "is_bot": false}}})
    };
    let inbound = |id: &str| {
        vec![News::Inbound {
            address: id.to_owned(),
            at: DateTime::from_timestamp(1_767_225_600, 0),
        }]
    };
    for word in [
        "/stop",
        "/STOP",
        "/stop please",
        "/stop@crm_bot",
        "STOP",
        "Стоп!",
        "bekor",
        "toʻxtating",
    ] {
        assert_eq!(
            read(&text("private", 5, word)).await,
            out("5", "reply"),
            "{word}"
        );
    }
    for word in ["/start", "/start Abc_-9", "START", "Старт"] {
        assert_eq!(read(&text("private", 5, word)).await, back("5"), "{word}");
    }
    for other in [
        "salom",
        "/starting",
        "/stopping",
        "stop by tomorrow",
        "/",
        "/@",
        "\u{202e}pots",
    ] {
        assert_eq!(
            read(&text("private", 5, other)).await,
            inbound("5"),
            "{other}"
        );
    }
    // In a group a command is meant for the bot; a word is talk.
    let group = |word| text("supergroup", -1001, word);
    assert_eq!(read(&group("/stop")).await, out("-1001", "reply"));
    assert_eq!(read(&group("/start")).await, back("-1001"));
    for talk in ["stop", "start", "/start@other_bot"] {
        assert_eq!(read(&group(talk)).await, inbound("-1001"), "{talk}");
    }
    let mut photo = text("private", 5, "");
    photo["message"].as_object_mut().unwrap().remove("text");
    assert_eq!(read(&photo).await, inbound("5"));
    let mut bot = text("private", 5, "/stop");
    bot["message"]["from"]["is_bot"] = value!(true);
    assert_eq!(read(&bot).await, []);
}

#[tokio::test]
async fn what_is_not_understood_is_left_out() {
    for body in [
        "{}",
        "[]",
        "null",
        "7",
        r#"{"update_id":1}"#,
        r#"{"message":{"text":"/stop"}}"#,
        r#"{"message":{"chat":{"id":"5"},"from":{},"text":"/stop"}}"#,
        r#"{"my_chat_member":{"chat":{"id":5}}}"#,
        r#"{"edited_message":{"chat":{"id":5,"type":"private"},"from":{},"text":"/stop"}}"#,
        r#"{"poll":{"id":"1"}}"#,
    ] {
        assert_eq!(
            read(&serde_json::from_str(body).unwrap()).await,
            [],
            "{body}"
        );
    }
}

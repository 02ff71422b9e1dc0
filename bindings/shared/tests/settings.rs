//! Channels from settings: what opens, and what is told about what does not, without a value.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::sync::Arc;

use common::{ACCEPTED, DRAFT, Scripted, call};
use crm_bindings::{Failure, Handle};
use serde_json::{Value, json};

fn open(folder: &std::path::Path, more: &Value) -> Result<Handle, Failure> {
    let mut options = json!({
        "path": folder.join("crm.db"), "actor": "anna", "role": "admin", "undo_window_s": 0,
    });
    let given = more.as_object().unwrap().clone();
    options.as_object_mut().unwrap().extend(given);
    let plugins = Arc::new(Scripted {
        sms: ACCEPTED,
        llm: DRAFT,
    });
    Handle::open(&options.to_string(), plugins)
}

fn refused(more: &Value) -> Failure {
    let folder = tempfile::tempdir().unwrap();
    match open(folder.path(), more) {
        Ok(_) => panic!("accepted: {more}"),
        Err(failure) => failure,
    }
}

const TWILIO: &str = "AC00000000000000000000000000000001";

#[test]
fn every_type_opens() {
    let folder = tempfile::tempdir().unwrap();
    let telegram = json!({"type": "telegram", "token": "1:hunter2", "webhook_secret": "s"});
    let twilio = json!({
        "type": "twilio", "account_sid": TWILIO, "auth_token": "t", "from": "+14155552345",
    });
    let eskiz = json!({"type": "eskiz", "email": "e@x.example", "password": "p"});
    let webhook = json!({
        "type": "webhook", "url": "https://x.example/hook", "address": "phone",
        "secrets": ["whsec_aHVudGVyMmh1bnRlcjJodW50ZXIyaHVu"],
    });
    let settings = json!({
        "telegram": telegram,
        "sms": {
            "providers": [eskiz, twilio, {"type": "plugin", "address": "phone", "methods": []}],
            "rest": 5, "most": 60, "rate": {"units": 10, "per": 1},
        },
        "till": webhook,
        "whatsapp": {"type": "whatsapp", "phone_number_id": "1", "access_token": "t"},
        "email": {"type": "smtp", "host": "mail.example", "from": "a@b.example"},
        "news": "smtp://127.0.0.1:25?tls=none&from=a@b.example",
        "archive": {"type": "outbox", "directory": folder.path().join("archive")},
    });
    let handle = open(folder.path(), &json!({"settings": settings})).unwrap();
    let said = call(&handle, "hear", json!({"channel": "x", "news": []})).unwrap_err();
    let known = "archive, email, news, sms, telegram, till, whatsapp";
    assert!(said["message"].as_str().unwrap().ends_with(known), "{said}");
}

#[test]
fn what_is_wrong_is_told_with_its_field_and_without_the_value() {
    let bot = |more: Value| {
        let mut bot = json!({"type": "telegram", "token": "1:hunter2"});
        let more = more.as_object().unwrap().clone();
        bot.as_object_mut().unwrap().extend(more);
        bot
    };
    for (settings, field, message) in [
        (json!(5), "", "give a channel of your own, settings"),
        (json!({}), ".type", "say one of eskiz, outbox, smtp,"),
        (json!({"type": "hunter2"}), ".type", "there is no such type"),
        (json!({"type": 5}), ".type", "use a string"),
        // Only a package may say so, and only in a list.
        (json!({"type": "plugin"}), ".type", "there is no such type"),
        (json!({"type": "telegram"}), ".token", "is missing"),
        (
            bot(json!({"tokn": "hunter2"})),
            ".tokn",
            "there is no such field",
        ),
        (bot(json!({"token": 5})), ".token", "use a string"),
        (
            bot(json!({"http": {"bse": "x"}})),
            ".http.bse",
            "there is no such field",
        ),
        (
            bot(json!({"http": {"timeout": 0}})),
            ".http.timeout",
            "use whole seconds, 1 to 86400",
        ),
        (
            bot(json!({"silent": "hunter2"})),
            ".silent",
            "use a boolean",
        ),
        (
            bot(json!({"rest": 0})),
            ".rest",
            "use whole seconds, 1 to 86400",
        ),
        (
            bot(json!({"rate": {"units": 1}})),
            ".rate.per",
            "is missing",
        ),
        (bot(json!({"bounces": "/x"})), ".bounces", "hear_bounce"),
        (
            json!({"type": "smtp", "host": "h", "from": "hunter2"}),
            ".from",
            "expected a mailbox",
        ),
        (
            json!({"type": "smtp", "host": "h", "from": "a@b.example", "tls": "hunter2"}),
            ".tls",
            "use one of `none`, `starttls`, `implicit`",
        ),
        (json!({"providers": 5}), ".providers", "give a list"),
        (json!({"providers": [5]}), ".providers[0]", "give a list"),
        (
            json!({"providers": [], "type": "smtp"}),
            ".type",
            "beside providers there may be rest, most and rate alone",
        ),
        (
            json!({"providers": [bot(json!({})), {"type": "telegram", "token": 5}]}),
            ".providers[1].token",
            "use a string",
        ),
    ] {
        let failure = refused(&json!({"settings": {"t": settings}}));
        assert_eq!(failure.code, "invalid", "{settings}: {failure:?}");
        let told = &failure.fields[0];
        assert_eq!(told.field, format!("channels.t{field}"), "{settings}");
        assert!(told.message.contains(message), "{settings}: {told:?}");
        assert!(!format!("{failure:?}").contains("hunter2"), "{failure:?}");
    }
}

#[test]
fn what_an_adapter_refuses_is_told_with_its_channel() {
    let bot = json!({"type": "telegram", "token": "1:hunter2"});
    let out = |address: &str, name: &str| json!({"type": "outbox", "directory": "/tmp", "address": address, "name": name});
    for (settings, wanted) in [
        (
            json!({"type": "telegram", "token": "hunter2"}),
            "channels.t: the Telegram token must be",
        ),
        (
            json!({"providers": [bot, bot]}),
            "channels.t: two providers of a channel have the same name",
        ),
        (
            json!({"providers": [out("email", "a"), out("phone", "b")]}),
            "channels.t: providers of one channel use different kinds of addresses",
        ),
        (
            json!({"providers": []}),
            "channels.t: a channel needs a provider",
        ),
        (
            json!({"type": "outbox"}),
            "channels.t: an outbox needs a directory",
        ),
        (json!("smtp://hunter2"), "channels.t: "),
        (
            json!({"type": "telegram", "token": "1:hunter2", "rate": {"units": 0, "per": 1}}),
            "channels.t: a rate is at least 1 unit",
        ),
    ] {
        let failure = refused(&json!({"settings": {"t": settings}}));
        assert_eq!(failure.code, "configuration", "{settings}: {failure:?}");
        assert!(failure.message.starts_with(wanted), "{failure:?}");
        assert!(!format!("{failure:?}").contains("hunter2"), "{failure:?}");
    }
    for (options, code) in [
        (
            json!({"unsubscribe_keys": ["short hunter2"]}),
            "configuration",
        ),
        (
            json!({"unsubscribe_url": "https://hunter2.example/u/"}),
            "invalid",
        ),
        (
            json!({"unsubscribe_url": "http://hunter2.example/u/", "unsubscribe_keys": ["0123456789abcdef0123456789abcdef"]}),
            "configuration",
        ),
        (
            json!({"outbox": "/tmp", "settings": {"email": {"type": "outbox"}}}),
            "configuration",
        ),
        (
            json!({"settings": {"s m s": {"type": "outbox"}}}),
            "invalid",
        ),
    ] {
        let failure = refused(&options);
        assert_eq!(failure.code, code, "{failure:?}");
        assert!(!format!("{failure:?}").contains("hunter2"), "{failure:?}");
    }
}

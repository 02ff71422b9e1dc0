//! What an update of the bot's webhook tells about a chat.

use chrono::{DateTime, Utc};
use crm_core::port::callback::News;
use serde_json::Value;

use crate::words::{is_start, is_stop};

/// None or one thing. Updates of other kinds, and of bots, tell nothing.
pub(super) fn read(update: &Value) -> Vec<News> {
    let member = update.get("my_chat_member").and_then(membership);
    let news = member.or_else(|| update.get("message").and_then(message));
    news.into_iter().collect()
}

/// The bot's own place in a chat changed. Only who had shut it out lets it back in: other changes, such as a
/// loss of rights in a group, must not lift what somebody asked for.
fn membership(change: &Value) -> Option<News> {
    let address = chat(change)?;
    let status = |name: &str| change.get(name)?.get("status")?.as_str();
    match status("new_chat_member")? {
        "kicked" => Some(News::OptOut {
            address,
            reason: "blocked".to_owned(),
        }),
        "member" if matches!(status("old_chat_member"), Some("kicked" | "left")) => {
            Some(News::OptIn { address })
        }
        _ => None,
    }
}

fn message(message: &Value) -> Option<News> {
    let address = chat(message)?;
    let from = message.get("from")?;
    if from.get("is_bot").and_then(Value::as_bool) == Some(true) {
        return None;
    }
    // In a group, one person's word is not everybody's; a command is meant for the bot.
    let kind = message.get("chat")?.get("type").and_then(Value::as_str);
    let alone = kind == Some("private");
    let text = message.get("text").and_then(Value::as_str);
    let text = text.unwrap_or_default();
    let (command, whom) = command(text).unwrap_or_default();
    if command.eq_ignore_ascii_case("stop") || (alone && is_stop(text)) {
        return Some(News::OptOut {
            address,
            reason: "reply".to_owned(),
        });
    }
    // `/start@somebody` may be meant for another bot of the group.
    if (command.eq_ignore_ascii_case("start") && whom.is_none()) || (alone && is_start(text)) {
        return Some(News::OptIn { address });
    }
    Some(News::Inbound {
        address,
        at: at(message),
    })
}

/// `/start payload` and `/start@bot payload`: the command, and whom it names.
fn command(text: &str) -> Option<(&str, Option<&str>)> {
    let word = text.strip_prefix('/')?.split_whitespace().next()?;
    Some(match word.split_once('@') {
        Some((command, whom)) => (command, Some(whom)),
        None => (word, None),
    })
}

/// The chat's id as contacts hold it.
fn chat(of: &Value) -> Option<String> {
    let id = of.get("chat")?.get("id")?.as_i64()?;
    Some(id.to_string())
}

fn at(message: &Value) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(message.get("date")?.as_i64()?, 0)
}

//! What a POST of the webhook tells: receipts, people who wrote, people who left or came back.

use chrono::{DateTime, Utc};
use crm_core::id::AttemptId;
use crm_core::port::callback::{About, Fate, News, Receipt};
use serde_json::Value;
use uuid::Uuid;

use super::classify;
use crate::words::{is_start, is_stop};

/// Everything about our number, in the order in which it stands there. One POST holds many entries and
/// changes, also of other numbers of the same app.
pub(super) fn read(payload: &Value, number: &str) -> Vec<News> {
    let mut news = Vec::new();
    for entry in list(payload, "entry") {
        for change in list(entry, "changes") {
            let Some(value) = change.get("value") else {
                continue;
            };
            let whose = value
                .get("metadata")
                .and_then(|of| text(of, "phone_number_id"));
            if whose != Some(number) {
                continue;
            }
            news.extend(list(value, "statuses").iter().filter_map(status));
            news.extend(list(value, "messages").iter().flat_map(message));
            news.extend(
                list(value, "user_preferences")
                    .iter()
                    .filter_map(preference),
            );
        }
    }
    news
}

fn status(status: &Value) -> Option<News> {
    let fate = match text(status, "status")? {
        "sent" => Fate::Accepted,
        "delivered" => Fate::Delivered,
        "read" | "played" => Fate::Read,
        "failed" => {
            let error = list(status, "errors").first();
            classify::failed(error.and_then(|error| error.get("code")?.as_u64()))
        }
        _ => return None,
    };
    // Our attempt also settles a doubt, when we never learnt WhatsApp's id.
    let ours = text(status, "biz_opaque_callback_data").and_then(|id| Uuid::try_parse(id).ok());
    let about = match ours {
        Some(id) => About::Attempt(AttemptId(id)),
        None => About::ProviderId(text(status, "id")?.to_owned()),
    };
    Some(News::Receipt(Receipt {
        about,
        fate,
        at: at(status),
    }))
}

fn message(message: &Value) -> Vec<News> {
    // Nobody wrote these: a number changed, a setting changed.
    let written = text(message, "type") != Some("system");
    let from = text(message, "from").filter(|_| written);
    let Some(address) = from.and_then(address) else {
        return Vec::new();
    };
    let said = |path: &str| message.pointer(path).and_then(Value::as_str);
    // The buttons of a template are words, too: Meta's own opt-out button is one.
    let words = said("/text/body")
        .or_else(|| said("/button/text"))
        .or_else(|| said("/interactive/button_reply/title"))
        .unwrap_or_default();
    if is_stop(words) {
        let reason = "reply".to_owned();
        return vec![News::OptOut { address, reason }];
    }
    // Whoever comes back has written, too, and may be answered.
    let back = is_start(words).then(|| News::OptIn {
        address: address.clone(),
    });
    let at = at(message);
    let wrote = News::Inbound { address, at };
    back.into_iter().chain([wrote]).collect()
}

/// The person used WhatsApp's own switch for our offers.
fn preference(change: &Value) -> Option<News> {
    let address = address(text(change, "wa_id")?)?;
    match (text(change, "category")?, text(change, "value")?) {
        ("marketing_messages", "stop") => Some(News::OptOut {
            address,
            reason: "blocked".to_owned(),
        }),
        ("marketing_messages", "resume") => Some(News::OptIn { address }),
        _ => None,
    }
}

/// The number in E.164; WhatsApp leaves the plus out.
fn address(number: &str) -> Option<String> {
    let address = format!("+{number}");
    super::digits(&address)?;
    Some(address)
}

/// `timestamp`: unix seconds, as a text in most places and as a number in some.
fn at(of: &Value) -> Option<DateTime<Utc>> {
    let timestamp = of.get("timestamp")?;
    let seconds = match timestamp.as_str() {
        Some(text) => text.parse().ok()?,
        None => timestamp.as_i64()?,
    };
    DateTime::from_timestamp(seconds, 0)
}

fn list<'a>(of: &'a Value, name: &str) -> &'a [Value] {
    of.get(name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn text<'a>(of: &'a Value, name: &str) -> Option<&'a str> {
    of.get(name).and_then(Value::as_str)
}

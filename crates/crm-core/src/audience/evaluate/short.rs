//! Reads audiences from JSON: the short form of one flat object, or the full expression.

use serde_json::{Map, Value};

use super::refuse;
use crate::audience::Audience;
use crate::error::Result;

pub(super) fn read(value: &Value, month: Option<u32>) -> Result<Audience> {
    let Value::Object(keys) = value else {
        return Err(refuse("use an object, for example {\"segment\": \"VIP\"}"));
    };
    let operator = |key: &String| {
        matches!(
            key.as_str(),
            "and"
                | "or"
                | "not"
                | "custom_field"
                | "consent"
                | "last_interaction_before"
                | "has"
                | "in_campaign"
                | "message"
                | "contact"
                | "saved"
        )
    };
    let audience = if keys.keys().any(operator) {
        serde_json::from_value(value.clone()).map_err(|_| {
            refuse("an expression is one of and, or, not and a condition, and nothing beside it")
        })?
    } else {
        short(keys, month)?
    };
    audience.validate()?;
    Ok(audience)
}

fn short(keys: &Map<String, Value>, month: Option<u32>) -> Result<Audience> {
    let mut all = Vec::new();
    for (key, value) in keys {
        match key.as_str() {
            "segment" => all.push(Audience::Segment(text(key, value)?)),
            "segments" => all.push(any(texts(key, value)?, Audience::Segment)),
            "language" => all.push(Audience::Language(text(key, value)?)),
            "languages" => all.push(any(texts(key, value)?, Audience::Language)),
            "tag" => all.push(Audience::Tag(text(key, value)?)),
            "tags" => all.extend(texts(key, value)?.into_iter().map(Audience::Tag)),
            "birthday_within" => all.push(Audience::BirthdayWithin(number(key, value)?)),
            "birthday_month" => all.push(Audience::BirthdayMonth(number(key, value)?)),
            "has_birthday_this_month" => {
                let month = month.ok_or_else(|| {
                    refuse("has_birthday_this_month is not offered here; use birthday_month")
                })?;
                let born = Audience::BirthdayMonth(month);
                match value {
                    Value::Bool(true) => all.push(born),
                    Value::Bool(false) => all.push(Audience::Not(Box::new(born))),
                    _ => return Err(refuse("has_birthday_this_month is true or false")),
                }
            }
            "custom_fields" => {
                let fields = value.as_object().filter(|fields| !fields.is_empty());
                let fields = fields.ok_or_else(|| refuse("custom_fields is a filled object"))?;
                let field = |(name, equals): (&String, &Value)| {
                    Audience::custom_field(name.as_str(), equals.clone())
                };
                all.extend(fields.iter().map(field));
            }
            _ => return Err(refuse("it holds a key that is not known")),
        }
    }
    match (all.pop(), all.is_empty()) {
        (Some(only), true) => Ok(only),
        (last, _) => {
            all.extend(last);
            Ok(Audience::And(all))
        }
    }
}

fn text(key: &str, value: &Value) -> Result<String> {
    value
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| refuse(&format!("{key} is a text")))
}

fn texts(key: &str, value: &Value) -> Result<Vec<String>> {
    let list = value.as_array().filter(|list| !list.is_empty());
    let list = list.ok_or_else(|| refuse(&format!("{key} is a list with at least one text")))?;
    list.iter().map(|value| text(key, value)).collect()
}

fn number(key: &str, value: &Value) -> Result<u32> {
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    number.ok_or_else(|| refuse(&format!("{key} is a whole number")))
}

fn any(mut texts: Vec<String>, condition: fn(String) -> Audience) -> Audience {
    match (texts.pop(), texts.is_empty()) {
        (Some(only), true) => condition(only),
        (last, _) => {
            texts.extend(last);
            Audience::Or(texts.into_iter().map(condition).collect())
        }
    }
}

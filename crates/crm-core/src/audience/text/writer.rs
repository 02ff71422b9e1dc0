//! Writes an audience so that it is read back the same: brackets where two operators meet, short forms where they
//! mean exactly this expression.

use serde_json::Value;

use super::lexer::in_word;
use super::literal::{Plain, plain};
use super::words;
use crate::audience::Audience;
use crate::audience::condition::{Before, FieldTest, STATUSES, TOPICS, name_of};

pub(super) fn write(audience: &Audience) -> String {
    let mut text = String::new();
    expression(audience, &mut text);
    text
}

/// As the whole text, or in brackets.
fn expression(audience: &Audience, text: &mut String) {
    match audience {
        Audience::And(parts) if parts.len() > 1 => joined(parts, " and ", text),
        Audience::Or(parts) if parts.len() > 1 && list_of(parts).is_none() => {
            joined(parts, " or ", text);
        }
        _ => part(audience, text),
    }
}

fn joined(parts: &[Audience], operator: &str, text: &mut String) {
    for (index, each) in parts.iter().enumerate() {
        if index > 0 {
            text.push_str(operator);
        }
        part(each, text);
    }
}

/// As one part of a longer text.
fn part(audience: &Audience, text: &mut String) {
    match audience {
        Audience::And(parts) if parts.is_empty() => text.push_str("everybody"),
        Audience::Or(parts) if parts.is_empty() => text.push_str("nobody"),
        Audience::And(parts) if parts.len() == 1 => single("all of (", parts, text),
        Audience::Or(parts) if parts.len() == 1 => single("any of (", parts, text),
        Audience::Or(parts) if list_of(parts).is_some() => list(parts, " in (", text),
        Audience::And(_) | Audience::Or(_) => {
            text.push('(');
            expression(audience, text);
            text.push(')');
        }
        Audience::Not(inner) => not(inner, text),
        condition => compared(condition, " = ", text),
    }
}

/// A list of one, which only this spelling keeps apart from the one alone.
fn single(begin: &str, parts: &[Audience], text: &mut String) {
    text.push_str(begin);
    for each in parts {
        expression(each, text);
    }
    text.push(')');
}

fn not(inner: &Audience, text: &mut String) {
    match inner {
        Audience::Or(parts) if list_of(parts).is_some() => list(parts, " not in (", text),
        condition if equality(condition).is_some() || matches!(condition, Audience::Consent(_)) => {
            compared(condition, " != ", text);
        }
        _ => {
            text.push_str("not ");
            part(inner, text);
        }
    }
}

/// What is asked for equality, and with what.
fn equality(condition: &Audience) -> Option<(String, String)> {
    Some(match condition {
        Audience::Segment(name) => ("segment".to_owned(), quoted(name)),
        Audience::Tag(name) => ("tag".to_owned(), quoted(name)),
        Audience::Language(name) => ("language".to_owned(), quoted(name)),
        Audience::Contact(id) => ("contact".to_owned(), id.0.to_string()),
        Audience::CustomField(wanted) => match &wanted.test {
            FieldTest::Equals(value) => (field(&wanted.name), literal(value)),
            _ => return None,
        },
        _ => return None,
    })
}

/// What all of these ask for equality, when they are at least two and ask the same.
fn list_of(parts: &[Audience]) -> Option<String> {
    let (first, rest) = parts.split_first().filter(|(_, rest)| !rest.is_empty())?;
    let (subject, _) = equality(first)?;
    let same = |each| equality(each).is_some_and(|(other, _)| other == subject);
    rest.iter().all(same).then_some(subject)
}

fn list(parts: &[Audience], begin: &str, text: &mut String) {
    let pairs: Vec<(String, String)> = parts.iter().filter_map(equality).collect();
    for (index, (subject, value)) in pairs.iter().enumerate() {
        if index == 0 {
            text.push_str(subject);
            text.push_str(begin);
        } else {
            text.push_str(", ");
        }
        text.push_str(value);
    }
    text.push(')');
}

/// A condition; `equals` is how equality is written.
fn compared(condition: &Audience, equals: &str, text: &mut String) {
    if let Some((subject, value)) = equality(condition) {
        text.push_str(&subject);
        text.push_str(equals);
        text.push_str(&value);
        return;
    }
    match condition {
        Audience::BirthdayWithin(days) => text.push_str(&format!("birthday within {days}d")),
        Audience::BirthdayMonth(month) => text.push_str(&format!("birthday in month {month}")),
        Audience::LastInteractionBefore(Before::Days(days)) => {
            text.push_str(&format!("last interaction before {days}d"));
        }
        Audience::LastInteractionBefore(Before::Date(date)) => {
            text.push_str(&format!(
                "last interaction before {}",
                date.format("%Y-%m-%d")
            ));
        }
        Audience::Has(field) => text.push_str(&format!("has {}", field.as_str())),
        Audience::Consent(wanted) => text.push_str(&format!(
            "consent {} {}{equals}{}",
            quoted(&wanted.channel),
            name_of(&TOPICS, wanted.topic),
            name_of(&STATUSES, wanted.status),
        )),
        Audience::Saved(name) => text.push_str(&format!("saved {}", quoted(name))),
        Audience::InCampaign(id) => text.push_str(&format!("in campaign {}", id.0)),
        Audience::Message(wanted) => {
            text.push_str(&format!("message {}", wanted.state.as_str()));
            if let Some(id) = wanted.campaign {
                text.push_str(&format!(" in campaign {}", id.0));
            }
            if let Some(days) = wanted.within_days {
                text.push_str(&format!(" within {days}d"));
            }
        }
        Audience::CustomField(wanted) => {
            let field = field(&wanted.name);
            match &wanted.test {
                FieldTest::LessThan(value) => {
                    text.push_str(&format!("{field} < {}", literal(value)))
                }
                FieldTest::AtMost(value) => {
                    text.push_str(&format!("{field} <= {}", literal(value)))
                }
                FieldTest::GreaterThan(value) => {
                    text.push_str(&format!("{field} > {}", literal(value)));
                }
                FieldTest::AtLeast(value) => {
                    text.push_str(&format!("{field} >= {}", literal(value)))
                }
                FieldTest::Exists => text.push_str(&format!("has {field}")),
                FieldTest::Equals(_) => {}
            }
        }
        // Operators are written elsewhere, and the rest is equality.
        Audience::And(_)
        | Audience::Or(_)
        | Audience::Not(_)
        | Audience::Segment(_)
        | Audience::Tag(_)
        | Audience::Language(_)
        | Audience::Contact(_) => {}
    }
}

fn field(name: &str) -> String {
    if !name.is_empty() && name.chars().all(in_word) {
        format!("field.{name}")
    } else {
        format!("field.{}", in_quotes(name))
    }
}

/// A text, in quotes unless it is read as that word without them.
fn quoted(text: &str) -> String {
    let word = !text.is_empty() && text.chars().all(in_word) && !words::reserved(text);
    if word {
        text.to_owned()
    } else {
        in_quotes(text)
    }
}

/// The value of a field.
fn literal(value: &Value) -> String {
    match value {
        Value::String(text) if !matches!(plain(text), Plain::Text) => in_quotes(text),
        Value::String(text) => quoted(text),
        // Numbers, true and false are words; nothing else is valid.
        other => other.to_string(),
    }
}

fn in_quotes(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

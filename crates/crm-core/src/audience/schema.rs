//! The JSON form as a JSON Schema, for forms, editors and generated types. Written by hand beside the enum; a test
//! holds both to the same.

use serde_json::{Map, Value, json};

use super::compare::{date_pattern, instant_pattern};
use super::condition::{ContactField, STATUSES, TOPICS};
use super::evaluate::{BIRTHDAY_DAYS, DAYS_BACK, LONGEST};
use super::messages::MessageState;
use crate::contact::definition::{DefinitionFields, Definitions, FieldType};

/// The four forms of a UUID that are read.
const UUID: &str = "^(?:(?:[uU][rR][nN]:[uU][uU][iI][dD]:)?[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|\
    \\{[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\\}|[0-9a-fA-F]{32})$";

/// The JSON Schema (draft 2020-12) of an [`Audience`](super::Audience).
///
/// What it accepts is read and valid, and nothing else is, but for what a schema cannot say: that an audience is
/// nested at most 32 deep and has at most 1,000 parts.
#[must_use]
pub fn schema() -> Value {
    schema_of(&Definitions::default())
}

/// The [`schema`] of audiences in a workspace with these custom fields: each field that is defined with its label and
/// the values that it may be asked for, all others as ever.
///
/// What it accepts follows the [types](super::Audience::typed), too. The case of a choice is that of its option here;
/// what is read may have any.
#[must_use]
pub fn schema_of(definitions: &Definitions) -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Audience",
        "description": "Which contacts. One key: an operator or a condition. Everybody is {\"and\": []}. \
            Nested at most 32 deep, at most 1,000 operators and conditions.",
        "$ref": "#/$defs/audience",
        "$defs": {
            "audience": one_of_these(parts(definitions)),
            "list": {"type": "array", "items": {"$ref": "#/$defs/audience"}},
            "text": {"type": "string", "minLength": 1, "maxLength": LONGEST, "pattern": "^[^\\u0000]*$"},
            "date": {"type": "string", "pattern": date_pattern()},
            "id": {"type": "string", "pattern": UUID},
            "instant": {"type": "string", "pattern": instant_pattern()},
            "ordered": {
                "description": "A number, a date or an instant.",
                "anyOf": [
                    {"type": "number"},
                    {"$ref": "#/$defs/date"},
                    {"$ref": "#/$defs/instant"},
                ],
            },
        },
    })
}

fn parts(definitions: &Definitions) -> Value {
    json!({
        "and": described("list", "All of them hold; of none, everybody."),
        "or": described("list", "One of them holds; of none, nobody."),
        "not": described("audience", "It does not hold."),
        "segment": described("text", "The segment is this one."),
        "tag": described("text", "Has this tag."),
        "language": described("text", "The language is this one or a variant of it: uz is also uz-Cyrl."),
        "birthday_within": {
            "description": "The birthday is at most this many days ahead; 0 is today.",
            "type": "integer", "minimum": 0, "maximum": BIRTHDAY_DAYS,
        },
        "birthday_month": {
            "description": "The birthday is in this month.",
            "type": "integer", "minimum": 1, "maximum": 12,
        },
        "custom_field": custom_field(definitions),
        "consent": consent(),
        "last_interaction_before": last_interaction_before(),
        "has": {
            "description": "This field is filled.",
            "enum": ContactField::ALL.map(ContactField::as_str),
        },
        "in_campaign": described(
            "id",
            "The plan of the campaign with this id has a line for the contact that is not excluded.",
        ),
        "message": message(),
        "contact": described("id", "The contact with this id."),
        "saved": described("text", "Belongs to the audience that is saved under this name, in any case, or with this id."),
    })
}

fn custom_field(definitions: &Definitions) -> Value {
    let description = "A custom field passes one test. A field that is missing passes none.";
    if definitions.is_empty() {
        return with(any_field(json!({"$ref": "#/$defs/text"})), description);
    }
    let names: Vec<&str> = definitions.iter().map(|(name, _)| name).collect();
    let defined = definitions.iter().map(|(name, field)| of_type(name, field));
    let other = any_field(json!({"$ref": "#/$defs/text", "not": {"enum": names}}));
    let all: Vec<Value> = defined.chain([other]).collect();
    with(json!({"anyOf": all}), description)
}

/// A question to a field that is defined.
fn of_type(name: &str, field: &DefinitionFields) -> Value {
    let date = || json!({"$ref": "#/$defs/date"});
    let (equals, compared) = match field.kind {
        FieldType::Text => (
            json!({"type": "string", "maxLength": LONGEST, "pattern": "^[^\\u0000]*$"}),
            None,
        ),
        FieldType::Number => (json!({"type": "number"}), Some(json!({"type": "number"}))),
        FieldType::Boolean => (json!({"type": "boolean"}), None),
        FieldType::Date => (date(), Some(date())),
        FieldType::Choice => (json!({"enum": field.options}), None),
    };
    let mut tests = Map::new();
    tests.insert("name".to_owned(), json!({"const": name}));
    tests.insert("equals".to_owned(), equals);
    for test in ["less_than", "at_most", "greater_than", "at_least"] {
        if let Some(value) = &compared {
            tests.insert(test.to_owned(), value.clone());
        }
    }
    tests.insert("exists".to_owned(), json!({"const": true}));
    json!({
        "title": field.label.as_deref().unwrap_or(name),
        "type": "object",
        "properties": tests,
        "required": ["name"],
        "minProperties": 2,
        "maxProperties": 2,
        "additionalProperties": false,
    })
}

/// A question to a field that may hold anything.
fn any_field(name: Value) -> Value {
    json!({
        "type": "object",
        "properties": {
            "name": name,
            "equals": {
                "type": ["string", "number", "boolean"],
                "maxLength": LONGEST, "pattern": "^[^\\u0000]*$",
            },
            "less_than": {"$ref": "#/$defs/ordered"},
            "at_most": {"$ref": "#/$defs/ordered"},
            "greater_than": {"$ref": "#/$defs/ordered"},
            "at_least": {"$ref": "#/$defs/ordered"},
            "exists": {"const": true},
        },
        "required": ["name"],
        "minProperties": 2,
        "maxProperties": 2,
        "additionalProperties": false,
    })
}

fn consent() -> Value {
    json!({
        "description": "The person's word on messages of the topic over the channel comes to this.",
        "type": "object",
        "properties": {
            "channel": described("text", "The channel's name."),
            "topic": {"enum": TOPICS.map(|(name, _)| name)},
            "status": {"enum": STATUSES.map(|(name, _)| name)},
        },
        "required": ["channel", "topic", "status"],
        "additionalProperties": false,
    })
}

fn message() -> Value {
    json!({
        "description": "There is such a message to the contact.",
        "type": "object",
        "properties": {
            "state": {"enum": MessageState::ALL.map(MessageState::as_str)},
            "campaign": described("id", "Of the campaign with this id."),
            "within_days": {
                "description": "At most this many days ago.",
                "type": "integer", "minimum": 0, "maximum": DAYS_BACK,
            },
        },
        "required": ["state"],
        "additionalProperties": false,
    })
}

fn last_interaction_before() -> Value {
    let before = one_of_these(json!({
        "days": {"type": "integer", "minimum": 0, "maximum": DAYS_BACK},
        "date": {"$ref": "#/$defs/date"},
    }));
    with(
        before,
        "The last interaction was before this date, or more than so many days ago. Never is not before anything.",
    )
}

/// An object with exactly one of the properties.
fn one_of_these(properties: Value) -> Value {
    json!({
        "type": "object",
        "properties": properties,
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": false,
    })
}

fn described(definition: &str, description: &str) -> Value {
    let mut map = Map::new();
    map.insert(
        "$ref".to_owned(),
        Value::from(format!("#/$defs/{definition}")),
    );
    with(Value::Object(map), description)
}

fn with(mut schema: Value, description: &str) -> Value {
    if let Value::Object(map) = &mut schema {
        map.insert("description".to_owned(), Value::from(description));
    }
    schema
}

#[cfg(test)]
mod tests;

//! Whether a value is one of its field, and the one form it is kept in.

use serde_json::Value;

use super::decimal::decimal;
use super::{DefinitionFields, FieldType};
use crate::audience::compare;

/// Most options that a refusal names.
const NAMED: usize = 10;

impl DefinitionFields {
    /// The value as it is kept; none for a blank text where texts are not what is kept. Reading what was read changes
    /// nothing.
    ///
    /// # Errors
    /// What to write instead; the value is not repeated.
    pub fn read(&self, value: &Value) -> Result<Option<Value>, String> {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(yes) => yes.to_string(),
            Value::Null => return Ok(None),
            Value::Array(_) | Value::Object(_) => return Err(self.refusal()),
        };
        if self.kind == FieldType::Text {
            return Ok(Some(Value::String(text)));
        }
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let is_text = value.is_string();
        let read = match self.kind {
            FieldType::Text => None,
            FieldType::Number if is_text || value.is_number() => decimal(text).map(Value::Number),
            FieldType::Boolean if is_text || value.is_boolean() => boolean(text).map(Value::Bool),
            FieldType::Date if is_text => compare::date(text).map(|_| Value::from(text)),
            FieldType::Choice => self.option(text).map(Value::from),
            FieldType::Number | FieldType::Boolean | FieldType::Date => None,
        };
        read.map(Some).ok_or_else(|| self.refusal())
    }

    /// The option that is written so in any case.
    #[must_use]
    pub(crate) fn option(&self, text: &str) -> Option<&str> {
        let wanted = folded(text);
        let mut options = self.options.iter();
        options
            .find(|option| folded(option) == wanted)
            .map(String::as_str)
    }

    /// What to write instead of what was refused.
    pub(crate) fn refusal(&self) -> String {
        match self.kind {
            FieldType::Text => "use a text".to_owned(),
            FieldType::Number => {
                "use a number of at most 15 digits, such as 12.5, or a whole one below 2^64"
                    .to_owned()
            }
            FieldType::Boolean => "use true or false".to_owned(),
            FieldType::Date => "use a real date as YYYY-MM-DD".to_owned(),
            FieldType::Choice => format!("use one of: {}", self.some_options()),
        }
    }

    fn some_options(&self) -> String {
        let shown: Vec<&str> = self
            .options
            .iter()
            .map(String::as_str)
            .take(NAMED)
            .collect();
        let more = self.options.len().saturating_sub(NAMED);
        match more {
            0 => shown.join(", "),
            more => format!("{}, and {more} more", shown.join(", ")),
        }
    }
}

/// The form in which options are the same: without case, and with single spaces.
pub(super) fn folded(text: &str) -> String {
    let lower = text.to_lowercase();
    lower.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn boolean(text: &str) -> Option<bool> {
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    is("true").then_some(true).or(is("false").then_some(false))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(definition: &DefinitionFields, value: Value) -> Value {
        match definition.read(&value) {
            Ok(Some(value)) => value,
            Ok(None) => json!("none"),
            Err(_) => json!("refused"),
        }
    }

    #[test]
    fn each_type_keeps_one_form_of_its_values() {
        let level = DefinitionFields::choice(["Gold", "Серебро", "42"]);
        for (definition, value, wanted) in [
            (
                DefinitionFields::of(FieldType::Text),
                json!(" a "),
                json!(" a "),
            ),
            (DefinitionFields::of(FieldType::Text), json!(""), json!("")),
            (DefinitionFields::of(FieldType::Text), json!(7), json!("7")),
            (
                DefinitionFields::of(FieldType::Text),
                json!(true),
                json!("true"),
            ),
            (
                DefinitionFields::of(FieldType::Text),
                json!([1]),
                json!("refused"),
            ),
            (
                DefinitionFields::of(FieldType::Number),
                json!(1.0),
                json!(1),
            ),
            (
                DefinitionFields::of(FieldType::Number),
                json!(" 12.50 "),
                json!(12.5),
            ),
            (
                DefinitionFields::of(FieldType::Number),
                json!("  "),
                json!("none"),
            ),
            (
                DefinitionFields::of(FieldType::Number),
                json!("1,5"),
                json!("refused"),
            ),
            (
                DefinitionFields::of(FieldType::Number),
                json!(true),
                json!("refused"),
            ),
            (
                DefinitionFields::of(FieldType::Number),
                json!(0.1 + 0.2),
                json!("refused"),
            ),
            (
                DefinitionFields::of(FieldType::Boolean),
                json!("TRUE"),
                json!(true),
            ),
            (
                DefinitionFields::of(FieldType::Boolean),
                json!(false),
                json!(false),
            ),
            (
                DefinitionFields::of(FieldType::Boolean),
                json!("yes"),
                json!("refused"),
            ),
            (
                DefinitionFields::of(FieldType::Boolean),
                json!(1),
                json!("refused"),
            ),
            (
                DefinitionFields::of(FieldType::Date),
                json!(" 2024-02-29"),
                json!("2024-02-29"),
            ),
            (
                DefinitionFields::of(FieldType::Date),
                json!("2023-02-29"),
                json!("refused"),
            ),
            (
                DefinitionFields::of(FieldType::Date),
                json!("29.02.2024"),
                json!("refused"),
            ),
            (
                DefinitionFields::of(FieldType::Date),
                json!(20240229),
                json!("refused"),
            ),
            (level.clone(), json!("gOLD"), json!("Gold")),
            (level.clone(), json!(" СЕРЕБРО "), json!("Серебро")),
            (level.clone(), json!(42), json!("42")),
            (level.clone(), json!("bronze"), json!("refused")),
            (level.clone(), json!(null), json!("none")),
        ] {
            assert_eq!(read(&definition, value.clone()), wanted, "{value}");
        }
    }

    #[test]
    fn a_refusal_says_what_to_write() {
        let level = DefinitionFields::choice(["gold", "silver"]);
        assert_eq!(
            level.read(&json!("x")).unwrap_err(),
            "use one of: gold, silver"
        );
        let many = DefinitionFields::choice((0..12).map(|number| number.to_string()));
        assert!(
            many.refusal().ends_with("8, 9, and 2 more"),
            "{}",
            many.refusal()
        );
    }
}

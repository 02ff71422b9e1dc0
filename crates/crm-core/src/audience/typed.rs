//! Questions to custom fields that are defined: asked as the type of the field allows, with values in the form that is
//! kept.

use serde_json::Value;

use super::condition::{FieldCondition, FieldTest};
use super::{Audience, compare};
use crate::contact::definition::{DefinitionFields, Definitions, FieldType};
use crate::error::{Error, Result};

impl Audience {
    /// The expression with the values of its questions as the definitions have them: the option that a choice is written
    /// as in another case. Fields that are not defined may be asked anything. Expects a
    /// [valid](Self::validate) expression, which it stays.
    ///
    /// # Errors
    /// `Invalid` about the field `audience` where the type of a field does not allow the question: a number asked of a
    /// text, a text of a number, an order of what has none, an option that a choice has not.
    pub fn typed(self, definitions: &Definitions) -> Result<Self> {
        if definitions.is_empty() {
            return Ok(self);
        }
        let all = |parts: Vec<Self>| -> Result<Vec<Self>> {
            parts
                .into_iter()
                .map(|part| part.typed(definitions))
                .collect()
        };
        Ok(match self {
            Self::And(parts) => Self::And(all(parts)?),
            Self::Or(parts) => Self::Or(all(parts)?),
            Self::Not(part) => Self::Not(Box::new(part.typed(definitions)?)),
            Self::CustomField(FieldCondition { name, test }) => {
                let test = match definitions.get(&name) {
                    Some(definition) => typed(&name, definition, test)?,
                    None => test,
                };
                Self::CustomField(FieldCondition { name, test })
            }
            other => other,
        })
    }
}

fn typed(name: &str, definition: &DefinitionFields, test: FieldTest) -> Result<FieldTest> {
    let refuse = |what: &str| Err(Error::field("audience", format!("field.{name} {what}")));
    let (value, compares) = match &test {
        FieldTest::Exists => return Ok(test),
        FieldTest::Equals(value) => (value, false),
        FieldTest::LessThan(value)
        | FieldTest::AtMost(value)
        | FieldTest::GreaterThan(value)
        | FieldTest::AtLeast(value) => (value, true),
    };
    match (definition.kind, value) {
        (FieldType::Text, _) if compares => {
            refuse("holds texts, which have no order; ask with = or !=")
        }
        (FieldType::Choice, _) if compares => {
            refuse("holds one of a few texts, which have no order; ask with = or !=")
        }
        (FieldType::Boolean, _) if compares => refuse("holds true or false; ask with = or !="),
        (FieldType::Text, Value::String(_))
        | (FieldType::Number, Value::Number(_))
        | (FieldType::Boolean, Value::Bool(_)) => Ok(test),
        (FieldType::Text, _) => refuse("holds texts; write the value in quotes, such as \"5\""),
        (FieldType::Number, _) => refuse("holds numbers; write one without quotes, such as 12.5"),
        (FieldType::Boolean, _) => refuse("holds true or false; write one of them without quotes"),
        (FieldType::Date, Value::String(text)) if compare::date(text).is_some() => Ok(test),
        (FieldType::Date, _) => refuse("holds dates; write one as YYYY-MM-DD"),
        (FieldType::Choice, value) => match definition.read(value) {
            Ok(Some(option)) => Ok(FieldTest::Equals(option)),
            _ => refuse(&format!("is a choice; {}", definition.refusal())),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definitions() -> Definitions {
        let of = DefinitionFields::of;
        let all = [
            ("code", of(FieldType::Text)),
            ("size", of(FieldType::Number)),
            ("paid", of(FieldType::Boolean)),
            ("since", of(FieldType::Date)),
            ("level", DefinitionFields::choice(["Gold", "42"])),
        ];
        let named = all.map(|(name, fields)| (name.to_owned(), fields));
        named.into_iter().collect()
    }

    fn typed(text: &str) -> Result<String> {
        let audience = Audience::from_text(text)?.typed(&definitions())?;
        audience.validate()?;
        Ok(audience.to_text())
    }

    #[test]
    fn questions_follow_the_type() {
        for (text, wanted) in [
            (r#"field.code = "5""#, r#"field.code = "5""#),
            ("field.size >= 12.5", "field.size >= 12.5"),
            ("field.paid = true", "field.paid = true"),
            ("field.since < 2026-01-31", "field.since < 2026-01-31"),
            ("field.since = 2026-01-31", "field.since = 2026-01-31"),
            ("field.level = gOLD", "field.level = Gold"),
            ("field.level = 42", r#"field.level = "42""#),
            (
                "field.level in (GOLD, 42)",
                r#"field.level in (Gold, "42")"#,
            ),
            (
                "not (has field.size or field.other < 5)",
                "not (has field.size or field.other < 5)",
            ),
            (
                "field.other = 5 and field.level != gold",
                "field.other = 5 and field.level != Gold",
            ),
        ] {
            assert_eq!(typed(text).unwrap(), wanted, "{text}");
        }
    }

    #[test]
    fn what_the_type_does_not_allow_is_told() {
        for (text, wanted) in [
            ("field.code = 5", "field.code holds texts; write"),
            (
                "field.code < 5",
                "field.code holds texts, which have no order",
            ),
            (
                "not field.code > 2026-01-31",
                "holds texts, which have no order",
            ),
            (r#"field.size = "5""#, "field.size holds numbers"),
            ("field.size < 2026-01-31", "field.size holds numbers"),
            ("field.paid = yes", "field.paid holds true or false"),
            ("field.paid > 0", "field.paid holds true or false"),
            ("field.since > 5", "field.since holds dates"),
            (
                "field.since > 2026-01-31T00:00:00Z",
                "field.since holds dates",
            ),
            ("field.since = soon", "field.since holds dates"),
            (
                "field.level = silver",
                "field.level is a choice; use one of: Gold, 42",
            ),
            ("field.level > 5", "have no order"),
            (
                "tag = a or (tag = b and field.level in (gold, tin))",
                "use one of",
            ),
        ] {
            let error = typed(text).unwrap_err();
            assert_eq!(error.fields()[0].field, "audience", "{text}");
            assert!(error.to_string().contains(wanted), "{text}: {error}");
        }
        assert!(
            Audience::from_text("field.code = 5")
                .unwrap()
                .typed(&Definitions::default())
                .is_ok()
        );
    }
}

//! An audience as callers give it: the JSON form, or the text form in one string.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::Audience;

/// Reads either form, for `#[serde(deserialize_with = "..")]`. Only the whole audience may be a text, no part of the JSON
/// form.
///
/// # Errors
/// What the deserializer says of wrong JSON; for a text its place and what was expected, as
/// [`from_text`](Audience::from_text).
pub fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Audience, D::Error> {
    deserializer.deserialize_any(Written)
}

struct Written;

impl<'de> Visitor<'de> for Written {
    type Value = Audience;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an audience: an object, or a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Audience, E> {
        Audience::from_text(text).map_err(|error| {
            let messages = error.fields().iter().map(|field| field.message.as_str());
            let messages: Vec<&str> = messages.collect();
            // What begins so is shown to callers; see `input` of the bindings.
            E::custom(format!(
                "expected an audience that can be read: {}",
                messages.join("; ")
            ))
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Audience, A::Error> {
        Audience::deserialize(MapAccessDeserializer::new(map))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Given {
        #[serde(deserialize_with = "read")]
        audience: Audience,
    }

    #[test]
    fn both_forms_are_read_from_text_and_from_values() {
        let wanted = Given {
            audience: Audience::Not(Box::new(Audience::Tag("a".to_owned()))),
        };
        for value in [
            json!({"audience": {"not": {"tag": "a"}}}),
            json!({"audience": "tag != a"}),
        ] {
            assert_eq!(
                serde_json::from_value::<Given>(value.clone()).unwrap(),
                wanted
            );
            assert_eq!(
                serde_json::from_str::<Given>(&value.to_string()).unwrap(),
                wanted
            );
        }
    }

    #[test]
    fn what_is_neither_is_refused() {
        for (value, told) in [
            (
                json!({"audience": "tag"}),
                "expected an audience that can be read: at character 4",
            ),
            (json!({"audience": 5}), "an audience: an object, or a text"),
            (
                json!({"audience": null}),
                "an audience: an object, or a text",
            ),
            (json!({"audience": {"not": "tag = a"}}), "expected"),
            (json!({"audience": {"tag": "a", "segment": "b"}}), ""),
            (json!({"audience": {}}), ""),
        ] {
            let error = serde_json::from_value::<Given>(value.clone()).unwrap_err();
            assert!(error.to_string().contains(told), "{value}: {error}");
            assert!(
                serde_json::from_str::<Given>(&value.to_string()).is_err(),
                "{value}"
            );
        }
    }
}

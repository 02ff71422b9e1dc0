//! Reading what a caller gave. An error names the field and what was expected there, never the value.

use crm_core::{Error, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_path_to_error::Track;

/// A deserializer of a value, with its place.
type Tracked<'a, 'b> = serde_path_to_error::Deserializer<'a, 'b, Value>;

/// Reads `text` as a `T`.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T> {
    // A list would be taken for the values of a struct in order.
    if !text.trim_start().starts_with('{') {
        return Err(Error::field("input", "use an object of named values"));
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        refuse(&path, error.inner())
    })?;
    json.end().map_err(|error| refuse("", &error))?;
    Ok(value)
}

/// Reads the value of the field `within` as a `T`.
pub(crate) fn read_value<T: DeserializeOwned>(within: &str, value: Value) -> Result<T> {
    read_with(within, value, |value| T::deserialize(value))
}

/// The same by a function, which gets a deserializer that keeps track of the place.
pub(crate) fn read_with<T>(
    within: &str,
    value: Value,
    read: impl FnOnce(Tracked<'_, '_>) -> serde_json::Result<T>,
) -> Result<T> {
    let mut track = Track::new();
    read(Tracked::new(value, &mut track)).map_err(|error| {
        let path = match track.path().to_string() {
            path if path == "." => within.to_owned(),
            path => format!("{within}.{path}"),
        };
        refuse(&path, &error)
    })
}

/// What to look for, if anything: as long as the host's own lists take it.
pub(crate) fn search(field: &str, text: Option<String>) -> Result<Option<String>> {
    if text.as_ref().is_some_and(|text| text.chars().count() > 200) {
        return Err(Error::field(field, "use at most 200 characters"));
    }
    Ok(text)
}

fn refuse(path: &str, error: &serde_json::Error) -> Error {
    let path = if path == "." { "" } else { path };
    let text = error.to_string();
    for (start, message) in [
        ("missing field `", "is missing"),
        ("unknown field `", "there is no such field"),
        ("duplicate field `", "is given twice"),
    ] {
        if let Some(name) = text
            .strip_prefix(start)
            .and_then(|rest| rest.split('`').next())
        {
            let parent = path.strip_suffix(name).unwrap_or(path);
            let parent = parent.trim_end_matches('.');
            let dot = if parent.is_empty() { "" } else { "." };
            return Error::field(short(&format!("{parent}{dot}{name}")), message);
        }
    }
    let field = if path.is_empty() { "input" } else { path };
    if !error.is_data() {
        return Error::field(
            short(field),
            "holds text that is no valid Unicode or number",
        );
    }
    // "invalid type: string \"...\", expected u64": only what follows is safe to show.
    let typed = text.starts_with("invalid type") || text.starts_with("invalid value");
    let known = text.starts_with("unknown variant");
    let expected = text.rsplit_once(", expected ").map(|(_, rest)| rest);
    let expected = expected.filter(|_| typed || known);
    // "expected whole seconds, 1 to 86400": said by a check of ours.
    let message = match expected.or(text.strip_prefix("expected ")) {
        Some(expected) => format!(
            "use {}",
            expected.split(" at line ").next().unwrap_or(expected)
        ),
        None => "has no usable value".to_owned(),
    };
    Error::field(short(field), message)
}

/// Field names come from the caller too.
fn short(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(100).collect()
}

/// Tells a field that is absent from one that is null.
pub(crate) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> std::result::Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[allow(dead_code)]
        count: u64,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[allow(dead_code)]
        fields: Inner,
        #[allow(dead_code)]
        id: Option<crm_core::id::ContactId>,
    }

    #[test]
    fn an_error_names_the_field_and_hides_the_value() {
        for (text, field) in [
            (r#"{"fields":{"count":"SECRET"}}"#, "fields.count"),
            (r#"{"fields":{"count":1e30}}"#, "fields.count"),
            (r#"{"fields":{"count":-1}}"#, "fields.count"),
            (r#"{"fields":{}}"#, "fields.count"),
            (r#"{"fields":{"count":1,"x":"SECRET"}}"#, "fields.x"),
            (r#"{"fields":{"count":1},"id":"SECRET"}"#, "id"),
            (r#"{"fields":null}"#, "fields"),
            ("{}", "fields"),
            (r#"{"id":"\ud800"}"#, "id"),
        ] {
            let error = read::<Outer>(text).unwrap_err();
            assert_eq!(error.fields()[0].field, field, "{text}: {error:?}");
            assert!(!format!("{error:?}").contains("SECRET"), "{error:?}");
        }
        assert!(read::<Outer>(r#"{"fields":{"count":1}} x"#).is_err());
        assert!(read::<Outer>(r#"[{"count":1},null]"#).is_err());
        assert!(read::<Outer>(r#"{"fields":{"count":1}}"#).is_ok());
    }
}

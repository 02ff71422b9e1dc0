//! Reading a payload field by field: all faults together, and never a value in what is said about it.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::error::{Error, FieldError, Result};

/// The fields that were not asked for yet, and what is wrong so far.
pub(super) struct Reader {
    /// Put before field names: `metadata.` inside of one.
    prefix: &'static str,
    rest: Map<String, Value>,
    problems: Vec<FieldError>,
}

impl Reader {
    pub(super) fn new(payload: &Value) -> Result<Self> {
        match payload {
            Value::Object(map) => Ok(Self::inside("", map.clone())),
            _ => Err(Error::field("payload", "give a JSON object")),
        }
    }

    const fn inside(prefix: &'static str, rest: Map<String, Value>) -> Self {
        Self {
            prefix,
            rest,
            problems: Vec::new(),
        }
    }

    pub(super) fn problem(&mut self, field: &str, message: &str) {
        self.problems.push(FieldError {
            field: format!("{}{field}", self.prefix),
            message: message.to_owned(),
        });
    }

    /// The value read by `read`; `None` and a problem when it cannot be. `null` is as good as absent.
    pub(super) fn optional<T>(
        &mut self,
        field: &str,
        wanted: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.rest.remove(field)?;
        if value.is_null() {
            return None;
        }
        let read = read(&value);
        if read.is_none() {
            self.problem(field, wanted);
        }
        read
    }

    /// As [`optional`](Self::optional), and absence is a problem.
    pub(super) fn required<T>(
        &mut self,
        field: &str,
        wanted: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        if self.rest.get(field).is_none_or(Value::is_null) {
            self.rest.remove(field);
            self.problem(field, "is missing");
            return None;
        }
        self.optional(field, wanted, read)
    }

    /// An object inside, read by `read`.
    pub(super) fn object<T>(
        &mut self,
        field: &'static str,
        prefix: &'static str,
        read: impl FnOnce(&mut Self) -> T,
    ) -> Option<T> {
        let map = self.optional(field, "give a JSON object", |value| {
            value.as_object().cloned()
        })?;
        let mut inner = Self::inside(prefix, map);
        let read = read(&mut inner);
        inner.refuse_rest();
        self.problems.append(&mut inner.problems);
        Some(read)
    }

    /// What is left when all known fields were asked for.
    pub(super) fn take_rest(&mut self) -> Map<String, Value> {
        std::mem::take(&mut self.rest)
    }

    fn refuse_rest(&mut self) {
        for (name, _) in self.take_rest() {
            self.unknown(&name);
        }
    }

    /// Refuses a field nobody knows.
    pub(super) fn unknown(&mut self, name: &str) {
        // A name that is none may be data that slipped into its place.
        let plain = name.len() <= 40
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        self.problem(if plain { name } else { "payload" }, "is an unknown field");
    }

    /// The end: what was read, unless something was wrong or unknown.
    pub(super) fn finish<T>(mut self, read: Option<T>) -> Result<T> {
        self.refuse_rest();
        match read {
            Some(read) if self.problems.is_empty() => Ok(read),
            _ => Err(Error::fields_invalid(self.problems)),
        }
    }
}

/// Any text.
pub(super) fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// A text of 1 to `longest` characters on one line, without blanks around it.
pub(super) fn line(longest: usize) -> impl FnOnce(&Value) -> Option<String> {
    move |value| {
        let text = value.as_str()?;
        let fits = (1..=longest).contains(&text.chars().count());
        let plain = text.trim() == text && !text.chars().any(char::is_control);
        (fits && plain).then(|| text.to_owned())
    }
}

/// An instant with its offset from UTC, to the microsecond.
pub(super) fn instant(value: &Value) -> Option<DateTime<Utc>> {
    let at = DateTime::parse_from_rfc3339(value.as_str()?).ok()?;
    DateTime::from_timestamp_micros(at.timestamp_micros())
}

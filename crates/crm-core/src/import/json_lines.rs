//! JSON lines (<https://jsonlines.org>): one object for each contact, with the names of the contact's fields or of columns
//! as keys.

use std::io::Read;

use serde_json::{Map, Value};

use super::records::first_line;
use super::text::Text;
use crate::error::Result;
use crate::export::list;

/// Longest line in bytes.
const LONGEST: usize = 256 * 1024;

/// The lines of a text.
pub(super) struct JsonLines<R> {
    text: Text<R>,
    line: u64,
    /// The values of the last line that are no texts, and empty texts.
    pub(super) typed: Vec<(String, Value)>,
}

/// What a line holds.
pub(super) enum Line {
    /// Its keys and values as texts; keys of `custom_fields` are `custom_fields.NAME`.
    Object(Vec<(String, String)>),
    /// It is no object; the line, or what it begins with.
    Unreadable(String),
}

impl<R: Read> JsonLines<R> {
    pub(super) const fn new(text: Text<R>) -> Self {
        Self {
            text,
            line: 1,
            typed: Vec::new(),
        }
    }

    /// The next line that is not empty, and its number.
    ///
    /// # Errors
    /// `Unavailable` when the file cannot be read.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Line)>> {
        loop {
            let mut known = 0;
            while !self.text.has_ended() && self.text.rest().len() < LONGEST {
                let rest = self.text.rest();
                let end = rest
                    .get(known..)
                    .and_then(|rest| rest.find(['\n', '\r']))
                    .map(|end| known + end);
                if end.is_some_and(|end| end + 1 < rest.len()) {
                    break;
                }
                known = end.unwrap_or(rest.len());
                self.text.more()?;
            }
            let rest = self.text.rest();
            if rest.is_empty() {
                return Ok(None);
            }
            let (line, taken) = first_line(rest);
            if taken == line.len() && !self.text.has_ended() {
                let head: String = line.chars().take(200).collect();
                let number = self.line;
                self.skip_line()?;
                return Ok(Some((number, Line::Unreadable(head))));
            }
            let read = match serde_json::from_str::<Map<String, Value>>(line) {
                _ if line.len() > LONGEST => {
                    Some(Line::Unreadable(line.chars().take(200).collect()))
                }
                Ok(object) => {
                    let (cells, typed) = cells(object);
                    self.typed = typed;
                    Some(Line::Object(cells))
                }
                Err(_) if line.trim().is_empty() => None,
                Err(_) => Some(Line::Unreadable(line.to_owned())),
            };
            let number = self.line;
            self.text.leave(taken);
            self.line += 1;
            if let Some(read) = read {
                return Ok(Some((number, read)));
            }
        }
    }

    fn skip_line(&mut self) -> Result<()> {
        self.line += 1;
        loop {
            self.text.at_least(2)?;
            let (line, taken) = first_line(self.text.rest());
            let whole = taken > line.len() || taken == 0;
            self.text.leave(taken);
            if whole {
                return Ok(());
            }
        }
    }
}

type Named<T> = Vec<(String, T)>;

/// The cells of an object, and the values that are more than their text says.
fn cells(object: Map<String, Value>) -> (Named<String>, Named<Value>) {
    let mut values = Vec::with_capacity(object.len());
    for (key, value) in object {
        match value {
            Value::Object(fields) if key == "custom_fields" => {
                let fields = fields.into_iter();
                values.extend(fields.map(|(name, value)| (format!("{key}.{name}"), value)));
            }
            other => values.push((key, other)),
        }
    }
    let cells = values.iter().map(|(key, value)| (key.clone(), text(value)));
    let cells = cells.collect();
    values.retain(|(_, value)| match value {
        Value::Number(_) | Value::Bool(_) => true,
        Value::String(text) => text.is_empty(),
        _ => false,
    });
    (cells, values)
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(all) => list::array(all),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::encoding::Encoding;

    #[test]
    fn a_line_is_a_contact_and_a_bad_one_leaves_the_others_alone() {
        let long = "x".repeat(LONGEST + 10);
        let file = format!(
            "{{\"name\":\"Анна\",\"tags\":[\"a\",\"b\"],\"custom_fields\":{{\"level\":7,\"vip\":true}},\"email\":null}}\r\n\n\
            [1]\n{{\"name\":\"{long}\"}}\n{{\"name\":\"Eve\""
        );
        let text = Text::new(file.as_bytes(), Encoding::named("utf-8").unwrap());
        let mut lines = JsonLines::new(text);
        let mut shown = Vec::new();
        while let Some((number, line)) = lines.next().unwrap() {
            shown.push(match line {
                Line::Object(cells) => format!("{number} {cells:?}"),
                Line::Unreadable(line) => format!("{number}! {}", line.len()),
            });
        }
        let anna = r#"1 [("custom_fields.level", "7"), ("custom_fields.vip", "true"), ("email", ""), ("name", "Анна"), ("tags", "a;b")]"#;
        let anna_ordered = r#"1 [("name", "Анна"), ("tags", "a;b"), ("custom_fields.level", "7"), ("custom_fields.vip", "true"), ("email", "")]"#;
        assert!(shown[0] == anna || shown[0] == anna_ordered, "{}", shown[0]);
        assert_eq!(shown[1..], ["3! 3", "4! 200", "5! 13"]);
    }
}

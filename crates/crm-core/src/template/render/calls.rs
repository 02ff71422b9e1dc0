//! Calls of helpers in a text: which there are, and what each is given.

use super::grammar::variable;
use crate::template::dates::Style;
use crate::template::plural::Forms;

/// Most characters of a text in quotes.
const LONGEST_TEXT: usize = 200;

/// Checks `helper argument...`.
pub(super) fn check(call: &str, language: &str) -> Result<(), String> {
    let (helper, rest) = call.split_once(char::is_whitespace).unwrap_or((call, ""));
    let name_and_texts = |usage: &str| {
        let read = read(rest);
        read.ok_or_else(|| format!("{helper} is not used as {usage}"))
    };
    match helper {
        "date" => {
            let usage = "{{date custom.field \"long\"}}, with long, short or day";
            let (name, texts) = name_and_texts(usage)?;
            variable(name)?;
            if !name.starts_with("custom.") {
                return Err(
                    "date is for custom.<field>; birthday is written out already".to_owned(),
                );
            }
            match texts.as_slice() {
                [] => Ok(()),
                [style] if Style::parse(style).is_some() => Ok(()),
                _ => Err(format!("date is not used as {usage}")),
            }
        }
        "plural" => {
            let forms = Forms::of(language);
            let wanted = forms.wanted();
            let usage = "{{plural custom.field \"...\" ...}}";
            let (name, texts) = name_and_texts(usage)?;
            variable(name)?;
            if !name.starts_with("custom.") && !matches!(name, "age" | "turns") {
                return Err("plural counts custom.<field>, age or turns".to_owned());
            }
            if texts.iter().any(|text| text.trim().is_empty()) {
                return Err("a form of plural is empty".to_owned());
            }
            if forms.takes(texts.len()) {
                Ok(())
            } else {
                Err(format!("plural needs {wanted} in the language {language}"))
            }
        }
        "default" => {
            let usage = "{{default variable \"text\"}}";
            let (name, texts) = name_and_texts(usage)?;
            variable(name)?;
            match texts.as_slice() {
                [text] if !text.trim().is_empty() => Ok(()),
                _ => Err(format!("default is not used as {usage}")),
            }
        }
        other => {
            let plain = other.len() <= 40 && other.chars().all(|c| c.is_alphanumeric() || c == '_');
            Err(if plain {
                format!("there is no helper {other}; use date, plural or default")
            } else {
                "a tag is not understood; a helper is date, plural or default".to_owned()
            })
        }
    }
}

/// A name, and texts in quotes behind it.
fn read(arguments: &str) -> Option<(&str, Vec<&str>)> {
    let arguments = arguments.trim();
    let (name, mut rest) = arguments
        .split_once(char::is_whitespace)
        .unwrap_or((arguments, ""));
    let mut texts = Vec::new();
    loop {
        rest = rest.trim_start();
        let Some(quote) = rest.chars().next() else {
            return Some((name, texts));
        };
        if !matches!(quote, '"' | '\'') {
            return None;
        }
        let (text, behind) = rest.strip_prefix(quote)?.split_once(quote)?;
        let odd = |c: char| matches!(c, '\\' | '{' | '}') || c.is_control();
        let apart = behind.is_empty() || behind.starts_with(char::is_whitespace);
        if text.contains(odd) || text.chars().count() > LONGEST_TEXT || !apart {
            return None;
        }
        texts.push(text);
        rest = behind;
    }
}

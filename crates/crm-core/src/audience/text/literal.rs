//! What a word without quotes is as the value of a field: a number, `true`, `false` or a text.

use serde_json::Number;

use super::words;

/// What a word without quotes is as the value of a field.
pub(super) enum Plain {
    Text,
    Bool(bool),
    Number(Number),
    /// Written like a number that cannot be kept.
    TooLarge,
}

pub(super) fn plain(word: &str) -> Plain {
    for (name, value) in [("true", true), ("false", false)] {
        if words::is(word, name) {
            return Plain::Bool(value);
        }
    }
    let Some(whole) = like_json(word) else {
        return Plain::Text;
    };
    let exact = word.parse::<i64>().map(Number::from);
    let exact = exact.or_else(|_| word.parse::<u64>().map(Number::from));
    match (whole, exact) {
        (true, Ok(number)) => Plain::Number(number),
        (true, Err(_)) => Plain::TooLarge,
        (false, _) => {
            let real = word.parse().ok().and_then(Number::from_f64);
            real.map_or(Plain::TooLarge, Plain::Number)
        }
    }
}

/// Whether the word is written as JSON writes a number, and whether that is a whole one.
fn like_json(word: &str) -> Option<bool> {
    let rest = word.strip_prefix('-').unwrap_or(word);
    let (whole, rest) = run(rest)?;
    (whole == "0" || !whole.starts_with('0')).then_some(())?;
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => run(rest).map(|(_, rest)| (true, rest))?,
        None => (false, rest),
    };
    let (exponent, rest) = match rest.strip_prefix(['e', 'E']) {
        Some(rest) => {
            run(rest.strip_prefix(['+', '-']).unwrap_or(rest)).map(|(_, rest)| (true, rest))?
        }
        None => (false, rest),
    };
    rest.is_empty().then_some(!fraction && !exponent)
}

/// The digits it begins with, at least one, and the rest.
fn run(text: &str) -> Option<(&str, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

//! What was to be filled in and was not.

use std::ops::Range;

use super::text::Text;

/// Longest text inside brackets that is taken for a placeholder, in Unicode scalar values.
const LONGEST: usize = 40;

/// `{{name}}`, `[Имя]`, `<name>`, `${name}`, `%NAME%`, `___`, `Dear ,`, TODO, XXX, lorem ipsum.
#[must_use]
pub fn has_placeholder(text: &str) -> bool {
    !find(&Text::new(text)).is_empty()
}

/// Where they are.
pub(super) fn find(text: &Text) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(c) = text.at(at) {
        let end = match c {
            '{' => bracket(text, at, '}'),
            '[' => bracket(text, at, ']'),
            '<' => bracket(text, at, '>'),
            '%' => percent(text, at),
            '_' => blank(text, at),
            _ => None,
        };
        match end {
            Some(end) => {
                found.push(at..end);
                at = end;
            }
            None => at += 1,
        }
    }
    found.extend(greetings_of_nobody(text));
    found.extend(marks(text));
    found
}

/// The end of a bracket that holds a short text with a letter. Quotes or colons inside make it data of
/// another kind (JSON, a link), which other guardrails look at.
fn bracket(text: &Text, at: usize, close: char) -> Option<usize> {
    let from = at + 1;
    let inside = text.slice(from..text.chars.len());
    let length = inside
        .iter()
        .take(LONGEST + 1)
        .position(|&c| c == close)
        .filter(|&length| length > 0)?;
    let inside = inside.get(..length)?;
    let named = inside.iter().any(|c| c.is_alphabetic());
    let data = inside.iter().any(|c| matches!(c, '"' | '@' | '\n')) || has_scheme(inside);
    if !named || data {
        return None;
    }
    let mut end = from + length + 1;
    while text.at(end) == Some(close) {
        end += 1;
    }
    Some(end)
}

fn has_scheme(inside: &[char]) -> bool {
    inside.windows(3).any(|three| three == [':', '/', '/'])
}

/// `%NAME%`: capitals, digits and low lines between two signs of percent.
fn percent(text: &Text, at: usize) -> Option<usize> {
    let inside = text.slice(at + 1..text.chars.len());
    let length = inside.iter().take(LONGEST + 1).position(|&c| c == '%')?;
    let inside = inside.get(..length)?;
    let named = inside.iter().filter(|c| c.is_alphabetic()).count() >= 2
        && inside
            .iter()
            .all(|&c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
    named.then_some(at + length + 2)
}

/// Three low lines or more.
fn blank(text: &Text, at: usize) -> Option<usize> {
    let mut end = at;
    while text.at(end) == Some('_') {
        end += 1;
    }
    (end >= at + 3).then_some(end)
}

/// Words that want a name behind them.
const ADDRESSES: &[&str] = &[
    "dear",
    "уважаемый",
    "уважаемая",
    "дорогой",
    "дорогая",
    "hurmatli",
    "ҳурматли",
    "қадрли",
    "qadrli",
];
/// Words that may stand alone, and want a name only when a comma and another sign follow.
const GREETINGS: &[&str] = &[
    "hello",
    "hi",
    "здравствуйте",
    "привет",
    "salom",
    "салом",
    "alaykum",
    "алайкум",
];

/// `Dear ,`, `Уважаемый !`, `Здравствуйте, !`.
fn greetings_of_nobody(text: &Text) -> Vec<Range<usize>> {
    let is_end = |c: char| matches!(c, ',' | '!' | '.' | ':' | '\n');
    let mut found = Vec::new();
    for word in &text.words {
        let end = word.span.end;
        let signs: Vec<char> = text
            .slice(end..text.chars.len())
            .iter()
            .take(8)
            .copied()
            .take_while(|&c| c == ' ' || is_end(c))
            .collect();
        let marks: Vec<char> = signs.iter().copied().filter(|&c| is_end(c)).collect();
        let blank_before = signs.first() == Some(&' ') && marks.first().is_some_and(|&c| c != '\n');
        let nobody = if ADDRESSES.contains(&word.text.as_str()) {
            // Two blanks: the name between them is missing. `Dear,` too, but not `my dear.` in a sentence.
            blank_before || signs == [' ', ' '] || word.first && word.capital && !marks.is_empty()
        } else if GREETINGS.contains(&word.text.as_str()) {
            blank_before || matches!(marks.as_slice(), [',', ',' | '!' | '.' | '\n', ..])
        } else {
            false
        };
        if nobody {
            found.push(word.span.start..(end + signs.len()).min(text.chars.len()));
        }
    }
    // A line that begins with the sign behind a name that is missing.
    let mut start = true;
    for (at, &c) in text.chars.iter().enumerate() {
        if start && matches!(c, ',' | '!') && text.at(at + 1) == Some(' ') {
            found.push(at..at + 1);
        }
        start = c == '\n' || start && c == ' ';
    }
    found
}

/// TODO, FIXME, XXX, lorem ipsum.
fn marks(text: &Text) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut words = text.words.iter().peekable();
    while let Some(word) = words.next() {
        let mark = word.shouted
            && (matches!(word.text.as_str(), "todo" | "fixme" | "tbd" | "tba")
                || (word.text.len() >= 3 && word.text.chars().all(|c| matches!(c, 'x' | 'х'))));
        if mark {
            found.push(word.span.clone());
        } else if word.text == "lorem"
            && let Some(next) = words.peek()
            && next.text == "ipsum"
        {
            found.push(word.span.start..next.span.end);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_found_and_ordinary_text_is_not() {
        for text in [
            "Dear {{name}}",
            "Здравствуйте, [Имя]!",
            "Hi <first name>",
            "Привет, ${user.name}",
            "%FIRST_NAME%, hello",
            "карта ____",
            "Dear ,",
            "Уважаемая  Петровна!",
            "Уважаемый !",
            "Здравствуйте, !",
            "TODO: text",
            "Цена ХХХ сум",
            "Lorem ipsum",
            ", с праздником!",
        ] {
            assert!(has_placeholder(text), "{text}");
        }
        for text in [
            "Анна, с днём рождения!",
            "2 < 3",
            "скидка [10]",
            "Oʻtkir aka",
            "от 10% до 20% на всё",
            "Hello! How are you?",
            "Здравствуйте! Ждём вас.",
            "Привет, дорогая.",
            "see <https://shop.uz/a>",
            "размер XXL",
        ] {
            assert!(!has_placeholder(text), "{text}");
        }
    }
}

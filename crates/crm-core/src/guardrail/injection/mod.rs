//! Fields of a contact that read like instructions to a model. The prompt keeps data apart from rules
//! anyway; this tells a person where somebody tries.

mod alphabets;
mod lists;

use std::ops::Range;

use self::lists::{HEADINGS, MARKS, ORDERS, ROLES};
use super::finding::{Finding, Part, Rule, Severity};
use super::instructions::phrases;
use super::text::Text;

/// What looks like an instruction in a field of a contact; the gravest sign is told. The severity is a
/// warning, as by default.
#[must_use]
pub fn looks_like_instruction(field: &str) -> Option<Finding> {
    let text = Text::new(field);
    let (span, message) = hidden(&text)
        .map(|span| (span, "signs that are not seen"))
        .or_else(|| order(&text))
        .or_else(|| {
            let other = alphabets::each_alone(field)?;
            other.iter().find_map(|field| order(&Text::new(field)))
        })
        .or_else(|| folded(&text).map(|span| (span, ORDER)))?;
    Some(Finding {
        rule: Rule::Injection,
        severity: Severity::Warning,
        part: Part::Field,
        span: Some(span),
        message: message.to_owned(),
    })
}

const ORDER: &str = "words of an order to a model";

/// A mark of a role, an order, or a heading of orders.
fn order(text: &Text) -> Option<(Range<usize>, &'static str)> {
    let mark = marks(text).map(|span| (span, "a mark of a role or of the end of a block"));
    mark.or_else(|| {
        let order = phrases(text, ORDERS).into_iter().next();
        let heading = || {
            let ends = |span: &Range<usize>| text.after(span.end) == Some(':');
            phrases(text, HEADINGS).into_iter().find(ends)
        };
        order.or_else(heading).map(|span| (span, ORDER))
    })
}

/// The first sign that is not seen: bidi controls, tags and zero-width signs. Joiners are a part of emoji and of Persian, and a mark of order
/// at the very beginning is left by programs: both are no sign.
pub(super) fn hidden(text: &Text) -> Option<Range<usize>> {
    for (at, &c) in text.chars.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| text.at(at));
        let between_letters = before.is_some_and(|c| c.is_alphanumeric() && !c.is_ascii_digit())
            && text.at(at + 1).is_some_and(char::is_alphanumeric);
        let hides = match c {
            '\u{feff}' => at > 0,
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{e0000}'..='\u{e007f}' => true,
            '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{3164}' | '\u{115f}' | '\u{1160}' => true,
            '\u{200c}' | '\u{200d}' => between_letters && before.is_some_and(is_joinless),
            '\u{ad}' => between_letters && at > 0,
            _ => false,
        };
        if hides {
            return Some(at..at + 1);
        }
    }
    None
}

/// Scripts that need no joiners.
fn is_joinless(c: char) -> bool {
    c.is_ascii_alphabetic() || ('\u{400}'..='\u{52f}').contains(&c)
}

fn marks(text: &Text) -> Option<Range<usize>> {
    // The signs without blanks, and where each stood.
    let mut squeezed = String::new();
    let mut places = Vec::new();
    for (at, &c) in text.chars.iter().enumerate() {
        if matches!(c, ' ' | '\t' | '\u{a0}') {
            continue;
        }
        for small in c.to_lowercase() {
            let small = if super::text::apostrophe(small) {
                '\''
            } else {
                small
            };
            places.extend(std::iter::repeat_n(at, small.len_utf8()));
            squeezed.push(small);
        }
    }
    for mark in MARKS {
        if let Some(from) = squeezed.find(mark)
            && let (Some(first), Some(last)) = (places.get(from), places.get(from + mark.len() - 1))
        {
            return Some(*first..last + 1);
        }
    }
    // `System: ...` at the beginning of the field or of a line.
    for word in &text.words {
        let role = ROLES.contains(&word.text.as_str());
        let begins = text
            .slice(0..word.span.start)
            .iter()
            .rev()
            .take(16)
            .find(|c| !matches!(c, ' ' | '*' | '#' | '[' | '>' | '-'));
        let begins = begins.is_none_or(|&c| c == '\n');
        if role && begins && text.after(word.span.end) == Some(':') {
            return Some(word.span.clone());
        }
    }
    None
}

/// The same orders in look-alike letters, or with figures for letters or dots between them.
fn folded(text: &Text) -> Option<Range<usize>> {
    let letters: String = text
        .chars
        .iter()
        .filter(|c| !matches!(c, '.' | '-' | '_' | '*' | ' ' | '·'))
        .flat_map(|c| c.to_lowercase())
        .map(|c| match c {
            '0' => 'o',
            '1' => 'i',
            '3' => 'e',
            '4' => 'a',
            '5' => 's',
            c => c,
        })
        .collect();
    let [look, _] = super::fold::look(&letters);
    let has = |phrase: &str| {
        let [phrase, _] = super::fold::look(phrase);
        look.contains(&phrase)
    };
    [
        "ignoreprevious",
        "ignoreall",
        "previousinstructions",
        "systemprompt",
        "предыдущиеинструкции",
        "игнорируйвсе",
    ]
    .into_iter()
    .any(has)
    .then_some(0..text.chars.len())
}

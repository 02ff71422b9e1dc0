//! A text cut into words, with places counted in Unicode scalar values.

use std::ops::Range;

use unicode_normalization::char::is_combining_mark;

pub(super) use crate::spelling::{apostrophe, invisible, plain};

/// A word: letters, digits and apostrophes between letters. Signs that show nothing are inside its span
/// but not in its text, so that they cannot hide it.
pub(super) struct Word {
    pub(super) span: Range<usize>,
    /// NFKC, lower case, all apostrophes `'`.
    pub(super) text: String,
    /// Whether it begins with a capital letter.
    pub(super) capital: bool,
    /// Whether it is all capitals, two or more.
    pub(super) shouted: bool,
    /// Whether a sentence or a line begins with it.
    pub(super) first: bool,
}

/// The text under check.
pub(super) struct Text {
    pub(super) chars: Vec<char>,
    pub(super) words: Vec<Word>,
}

#[cfg(test)]
thread_local! {
    /// How many texts this thread has cut into words: what checking costs, told without a clock.
    pub(super) static CUT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

impl Text {
    pub(super) fn new(text: &str) -> Self {
        #[cfg(test)]
        CUT.set(CUT.get() + 1);
        let chars: Vec<char> = text.chars().collect();
        let words = words(&chars);
        Self { chars, words }
    }

    pub(super) fn at(&self, at: usize) -> Option<char> {
        self.chars.get(at).copied()
    }

    /// The piece of the text, as far as it goes.
    pub(super) fn slice(&self, span: Range<usize>) -> &[char] {
        let end = span.end.min(self.chars.len());
        self.chars.get(span.start..end).unwrap_or_default()
    }

    /// The sign before `at`, blanks apart.
    pub(super) fn before(&self, at: usize) -> Option<char> {
        self.slice(0..at)
            .iter()
            .rev()
            .take(16)
            .copied()
            .find(|&c| !(c == ' ' || c == '\u{a0}' || invisible(c)))
    }

    /// The sign at or behind `at`, blanks apart.
    pub(super) fn after(&self, at: usize) -> Option<char> {
        self.slice(at..self.chars.len())
            .iter()
            .take(16)
            .copied()
            .find(|&c| !(c == ' ' || c == '\u{a0}' || invisible(c)))
    }

    /// Has `read` look at each place outside `taken` that no letter or digit stands before, and goes on where it says,
    /// behind the place at least. What is taken is in order and does not overlap.
    pub(super) fn starts(
        &self,
        taken: &[Range<usize>],
        mut read: impl FnMut(usize, char) -> Option<usize>,
    ) {
        let mut taken = taken.iter().peekable();
        let mut at = 0;
        while let Some(c) = self.at(at) {
            while taken.next_if(|span| span.end <= at).is_some() {}
            if let Some(span) = taken.peek()
                && span.contains(&at)
            {
                at = span.end;
                continue;
            }
            let inside = at > 0 && self.at(at - 1).is_some_and(char::is_alphanumeric);
            let next = if inside { None } else { read(at, c) };
            at = next.unwrap_or_default().max(at + 1);
        }
    }

    /// The pieces between blanks.
    pub(super) fn tokens(&self) -> Vec<Range<usize>> {
        let mut tokens = Vec::new();
        let mut start = None;
        for (at, c) in self.chars.iter().enumerate() {
            match (c.is_whitespace(), start) {
                (false, None) => start = Some(at),
                (true, Some(from)) => {
                    tokens.push(from..at);
                    start = None;
                }
                _ => {}
            }
        }
        if let Some(from) = start {
            tokens.push(from..self.chars.len());
        }
        tokens
    }
}

fn words(chars: &[char]) -> Vec<Word> {
    let mut words = Vec::new();
    let mut at = 0;
    let mut first = true;
    while let Some(&c) = chars.get(at) {
        if !c.is_alphanumeric() {
            // Quotes, brackets and blanks do not end the beginning of a sentence.
            if matches!(c, '.' | '!' | '?' | '…' | '\n' | '•' | ':') {
                first = true;
            }
            at += 1;
            continue;
        }
        let start = at;
        let mut end = at + 1;
        let mut next = end;
        while let Some(&c) = chars.get(next) {
            if c.is_alphanumeric() || is_combining_mark(c) {
                next += 1;
                end = next;
            } else if apostrophe(c) || invisible(c) {
                next += 1;
                // The letter behind oʻ and gʻ may be the end of the word.
                if c == '\u{2bb}' {
                    end = next;
                }
            } else {
                break;
            }
        }
        let raw: String = chars.get(start..end).unwrap_or_default().iter().collect();
        let letters = raw.chars().filter(|c| c.is_alphabetic()).count();
        let upper = raw.chars().filter(|c| c.is_uppercase()).count();
        words.push(Word {
            span: start..end,
            text: plain(&raw),
            capital: raw.chars().next().is_some_and(char::is_uppercase),
            shouted: letters > 1 && upper == letters,
            first,
        });
        first = false;
        // Apostrophes that ended the word are passed over, not read again.
        at = next;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_know_where_they_are_and_how_they_begin() {
        let text = Text::new("Oʻtkir aka, ‘Siz’ ka\u{200b}zino. Goʻzal toʻ\nhm");
        let seen: Vec<(String, bool, bool)> = text
            .words
            .iter()
            .map(|w| (w.text.clone(), w.capital, w.first))
            .collect();
        let plain = |t: &str, c, f| (t.to_owned(), c, f);
        assert_eq!(
            seen,
            [
                plain("o'tkir", true, true),
                plain("aka", false, false),
                plain("siz", true, false),
                plain("kazino", false, false),
                plain("go'zal", true, true),
                plain("to'", false, false),
                plain("hm", false, true),
            ]
        );
        assert_eq!(text.slice(text.words[3].span.clone()).len(), 7);
    }
}

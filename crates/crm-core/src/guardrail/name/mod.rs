//! People and companies that nobody named: capitals in the middle of a sentence, quotes, legal forms,
//! surnames and first names. What is meant by a capital differs by language, so it is a guess.

pub(super) mod lists;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use self::lists::{CAPITALS, FIRST, FORMS, TITLES, WORDS};
use super::fold::{latin, same_name};
use super::rulebook::Grounds;
use super::text::{Text, Word};

/// The words of the sources, by their first two letters in Latin.
pub(super) struct KnownNames(BTreeMap<String, BTreeSet<String>>);

fn begin(word: &str) -> String {
    word.chars().take(2).collect()
}

impl KnownNames {
    pub(super) const NONE: Self = Self(BTreeMap::new());

    /// The words of these texts.
    pub(super) fn of<'t>(texts: impl IntoIterator<Item = &'t Text>) -> Self {
        let mut by_begin: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for text in texts {
            for word in &text.words {
                let word = latin(&word.text);
                by_begin.entry(begin(&word)).or_default().insert(word);
            }
        }
        Self(by_begin)
    }

    /// Whether the word, in its Latin form, is one of them or of the same name.
    fn has(&self, latin: &str) -> bool {
        self.0
            .get(&begin(latin))
            .is_some_and(|known| known.iter().any(|known| same_name(known, latin)))
    }
}

impl Grounds<'_, KnownNames> {
    pub(super) fn has(&self, word: &str) -> bool {
        let word = latin(word);
        self.any(|known| known.has(&word))
    }
}

/// Whether a capital is usual for this word.
fn usual(word: &str) -> bool {
    CAPITALS.iter().any(|usual| match usual.strip_suffix('!') {
        Some(whole) => word == whole,
        None => word.starts_with(usual),
    }) || FORMS.contains(&word)
}

/// A first name of the list that is no word besides.
fn is_first_name(word: &str) -> bool {
    let word = latin(word);
    let long = word.chars().count() >= 4;
    long && !WORDS.contains(&word.as_str()) && FIRST.iter().any(|(name, _)| *name == word)
}

/// A surname with a suffix of Uzbek. Other surnames are seen by their capital where no sentence begins.
fn is_surname(word: &str) -> bool {
    const SUFFIXES: &[&str] = &[
        "ga", "ni", "ning", "dan", "da", "га", "ни", "нинг", "дан", "да",
    ];
    // Nouns that end like surnames: payment, question, trial, election, somebody, fire.
    const NOUNS: &[&str] = &[
        "to'lov",
        "so'rov",
        "sinov",
        "saylov",
        "birov",
        "olov",
        "тўлов",
        "сўров",
        "синов",
        "сайлов",
        "биров",
        "олов",
    ];
    SUFFIXES.iter().any(|suffix| {
        word.strip_suffix(suffix).is_some_and(|stem| {
            let surname = ["ov", "ova", "ev", "eva", "ов", "ова", "ев", "ева"];
            stem.chars().count() >= 5
                && surname.iter().any(|ending| stem.ends_with(ending))
                && !NOUNS.contains(&stem)
        })
    })
}

/// Names that no source knows, outside `taken` (links, addresses, the greeting). `title` says that the text
/// is a subject, where English writes every word with a capital.
pub(super) fn find(
    text: &Text,
    taken: &[Range<usize>],
    known: &Grounds<'_, KnownNames>,
    title: bool,
) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let quoted = quotes(text);
    let mut quotes = quoted.iter().peekable();
    let mut taken = taken.iter().peekable();
    let capitals = text.words.iter().filter(|word| word.capital).count();
    let shouting = text.words.len() > 3
        && text.words.iter().filter(|word| word.shouted).count() * 2 > text.words.len();
    let title = title && capitals * 2 > text.words.len() || shouting;
    for (at, word) in text.words.iter().enumerate() {
        while taken.next_if(|span| span.end <= word.span.start).is_some() {}
        while quotes.next_if(|span| span.end <= word.span.start).is_some() {}
        if taken
            .peek()
            .is_some_and(|span| span.contains(&word.span.start))
        {
            continue;
        }
        let in_quotes = quotes
            .peek()
            .is_some_and(|span| span.start <= word.span.start);
        let before = at.checked_sub(1).and_then(|at| text.words.get(at));
        let next = text.words.get(at + 1);
        let next = next.filter(|next| !known.has(&next.text));
        if !is_candidate(text, word, before, next, in_quotes, title)
            || usual(&word.text)
            || known.has(&word.text)
        {
            continue;
        }
        // A name of several words is one finding.
        match found.last_mut() {
            Some(last)
                if text
                    .slice(last.end..word.span.start)
                    .iter()
                    .all(|c| matches!(c, ' ' | '-' | '\u{a0}')) =>
            {
                last.end = word.span.end;
            }
            _ => found.push(word.span.clone()),
        }
    }
    found
}

fn is_candidate(
    text: &Text,
    word: &Word,
    before: Option<&Word>,
    next: Option<&Word>,
    in_quotes: bool,
    title: bool,
) -> bool {
    let length = word.text.chars().count();
    if !word.capital || length < 2 || word.text.chars().any(char::is_numeric) {
        return false;
    }
    let titled = before
        .is_some_and(|before| TITLES.contains(&before.text.as_str()) && near(text, before, word));
    let formed = [before, next]
        .into_iter()
        .flatten()
        .any(|form| form.shouted && FORMS.contains(&form.text.as_str()) && near(text, form, word));
    // Capitals alone are abbreviations or shouting; companies have quotes or a legal form.
    if word.shouted && !in_quotes && !titled && !formed {
        return false;
    }
    if titled || formed || is_surname(&word.text) || is_first_name(&word.text) {
        return true;
    }
    if title {
        return false;
    }
    if word.first {
        // Two capitals in a row at the beginning: a full name, unless the second is usual or known.
        return next.is_some_and(|next| {
            !word.shouted
                && next.capital
                && !next.first
                && near(text, word, next)
                && !usual(&next.text)
                && length > 2
                && text.slice(word.span.end..next.span.start) == [' ']
                && !starts_sentences(&word.text)
        });
    }
    true
}

/// Words that often begin a sentence and are followed by a name.
fn starts_sentences(word: &str) -> bool {
    const WORDS: &[&str] = &[
        "the",
        "our",
        "your",
        "we",
        "this",
        "these",
        "those",
        "in",
        "on",
        "at",
        "from",
        "with",
        "and",
        "but",
        "if",
        "as",
        "for",
        "to",
        "please",
        "dear",
        "hello",
        "hi",
        "hey",
        "thank",
        "thanks",
        "happy",
        "until",
        "have",
        "has",
        "had",
        "may",
        "are",
        "is",
        "was",
        "when",
        "while",
        "after",
        "before",
        "since",
        "did",
        "do",
        "does",
        "can",
        "will",
        "уважаемый",
        "уважаемая",
        "уважаемые",
        "дорогой",
        "дорогая",
        "дорогие",
        "здравствуйте",
        "привет",
        "для",
        "если",
        "наш",
        "наша",
        "ваш",
        "ваша",
        "вас",
        "вам",
        "это",
        "этот",
        "эта",
        "под",
        "при",
        "над",
        "что",
        "как",
        "когда",
        "пусть",
        "спасибо",
        "желаем",
        "поздравляем",
        "от",
        "компания",
        "hurmatli",
        "ҳурматли",
        "qadrli",
        "қадрли",
        "salom",
        "салом",
        "biz",
        "биз",
        "bizning",
        "бизнинг",
        "agar",
        "агар",
        "bu",
        "бу",
        "sizni",
        "сизни",
        "sizga",
        "сизга",
    ];
    WORDS.contains(&word)
}

fn near(text: &Text, a: &Word, b: &Word) -> bool {
    let (from, to) = (a.span.end.min(b.span.end), a.span.start.max(b.span.start));
    text.slice(from..to)
        .iter()
        .all(|c| matches!(c, ' ' | '.' | '«' | '"' | '“' | '\u{a0}' | '»' | '”'))
}

/// What stands in quotes and is short enough for a name.
fn quotes(text: &Text) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut open: Option<(usize, char)> = None;
    for (at, &c) in text.chars.iter().enumerate() {
        match (c, open) {
            (_, Some((from, close))) if c == close => {
                if at - from <= 40 {
                    found.push(from..at);
                }
                open = None;
            }
            ('«', _) => open = Some((at, '»')),
            ('“', _) => open = Some((at, '”')),
            ('"', _) => open = Some((at, '"')),
            ('\n', _) => open = None,
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_nobody_gave_are_found_and_usual_capitals_are_not() {
        let known = Grounds {
            own: KnownNames::of(&[Text::new("Анна Иванова Вектор")]),
            house: &KnownNames::of(&[Text::new("Оқ Булут")]),
        };
        let found = |content: &str| -> Vec<String> {
            let text = Text::new(content);
            find(&text, &[], &known, false)
                .into_iter()
                .map(|span| text.slice(span).iter().collect())
                .collect()
        };
        assert_eq!(
            found("Вас ждёт Виктор Степанов из ООО «Ромашка»."),
            ["Виктор Степанов", "Ромашка"]
        );
        assert_eq!(
            found("Олег Петров позвонит. Ask Mr Tarasov."),
            ["Олег Петров", "Tarasov"]
        );
        for text in [
            "Анна, пишем Вам из «Вектора», с Новым годом! Ваш Оқ Булут",
            "Сегодня в Ташкенте тепло. Приходите! Happy New Year",
            "Our CRM and I wish Anna a merry Christmas",
        ] {
            assert!(found(text).is_empty(), "{:?}", found(text));
        }
    }
}

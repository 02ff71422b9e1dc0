//! What a full name says: the word to address somebody by, the patronymic, and at times the gender.
//!
//! A name is one text, in whatever order it was typed: "Анна Петровна Иванова", "Иванова Анна Петровна", "Anna
//! Ivanova". A patronymic gives the order away, for it stands behind the given name. Without one the first word is
//! taken, which is the surname where somebody typed "Иванова Анна".

use std::ops::Range;

/// The endings of patronymics, in lower case.
const HIS: [&str; 6] = ["ович", "евич", "ьич", "ovich", "evich", "yich"];
const HERS: [&str; 8] = [
    "овна",
    "евна",
    "ична",
    "инична",
    "ovna",
    "evna",
    "ichna",
    "inichna",
];
/// Turkic patronymics are two words, the father's name and one of these.
const HIS_WORD: [&str; 8] = [
    "oʻgʻli",
    "o'g'li",
    "o‘g‘li",
    "ogli",
    "ўғли",
    "угли",
    "оглы",
    "ogly",
];
const HER_WORD: [&str; 4] = ["qizi", "қизи", "кизи", "кызы"];

/// What the form of a patronymic says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gender {
    /// His.
    He,
    /// Hers.
    She,
}

/// A name, taken apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name<'a> {
    /// The given name; empty for a blank name.
    pub(crate) first: &'a str,
    /// "Петровна"; one word that an address may use.
    pub(crate) patronymic: Option<&'a str>,
    /// Only where a patronymic leaves no doubt.
    pub(crate) gender: Option<Gender>,
}

impl<'a> Name<'a> {
    /// Takes a full name apart.
    pub(crate) fn of(full: &'a str) -> Self {
        let words: Vec<&str> = full.split_whitespace().collect();
        let word = |index: usize| words.get(index).copied().unwrap_or_default();
        let plain = Self {
            first: word(0),
            patronymic: None,
            gender: None,
        };
        // The last one: a surname before it may look like one, "Абрамович Роман Аркадьевич".
        for index in (1..words.len()).rev() {
            if let Some(gender) = single(word(index)) {
                let (first, patronymic) = (word(index - 1), word(index));
                // Two words may be a name and a surname that ends like a patronymic of men, "Анна Абрамович".
                let sure = match gender {
                    Gender::She => true,
                    Gender::He => words.len() > 2 && !ends_like_hers(first),
                };
                return Self {
                    first,
                    patronymic: Some(patronymic),
                    gender: sure.then_some(gender),
                };
            }
            if let (Some(gender), true) = (double(word(index)), index >= 2) {
                return Self {
                    first: word(index - 2),
                    gender: Some(gender),
                    ..plain
                };
            }
        }
        plain
    }

    /// The polite address: given name and patronymic, or the given name alone.
    pub(crate) fn polite(&self) -> String {
        match self.patronymic {
            Some(patronymic) => format!("{} {patronymic}", self.first),
            None => self.first.to_owned(),
        }
    }
}

/// Which words of a name are its patronymic, and whether they can be nothing else: a surname of men may end alike.
pub(crate) fn patronymic(words: &[&str]) -> Option<(Range<usize>, bool)> {
    let word = |index: usize| words.get(index).copied().unwrap_or_default();
    (1..words.len()).rev().find_map(|index| {
        let one = single(word(index)).map(|gender| (index..index + 1, gender == Gender::She));
        let two = || double(word(index)).filter(|_| index >= 2);
        one.or_else(|| two().map(|_| (index - 1..index + 1, true)))
    })
}

fn single(word: &str) -> Option<Gender> {
    let word = word.to_lowercase();
    let ends = |endings: &[&str]| {
        let mut endings = endings.iter();
        // "Ович" alone is no name.
        endings.any(|ending| word.ends_with(ending) && word.len() > ending.len())
    };
    if ends(&HERS) {
        Some(Gender::She)
    } else if ends(&HIS) {
        Some(Gender::He)
    } else {
        None
    }
}

fn double(word: &str) -> Option<Gender> {
    let word = word.to_lowercase();
    if HIS_WORD.contains(&word.as_str()) {
        Some(Gender::He)
    } else if HER_WORD.contains(&word.as_str()) {
        Some(Gender::She)
    } else {
        None
    }
}

/// "Мария", but also "Никита": nothing is said about the gender then.
fn ends_like_hers(first: &str) -> bool {
    first.to_lowercase().ends_with(['а', 'я', 'a'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(full: &str) -> (&str, Option<&str>, Option<Gender>) {
        let name = Name::of(full);
        (name.first, name.patronymic, name.gender)
    }

    #[test]
    fn a_patronymic_gives_the_order_away() {
        use Gender::{He, She};
        let anna = ("Анна", Some("Петровна"), Some(She));
        assert_eq!(read("Анна Петровна Иванова"), anna);
        assert_eq!(read("Иванова Анна Петровна"), anna);
        assert_eq!(read(" Анна  Петровна "), anna);
        let roman = ("Роман", Some("Аркадьевич"), Some(He));
        assert_eq!(read("Абрамович Роман Аркадьевич"), roman);
        assert_eq!(read("Роман Аркадьевич Абрамов"), roman);
        let ilya = ("Пётр", Some("Ильич"), Some(He));
        assert_eq!(read("Чайковский Пётр Ильич"), ilya);
        let alisher = ("Alisher", Some("Bahodirovich"), Some(He));
        assert_eq!(read("Karimov Alisher Bahodirovich"), alisher);
    }

    #[test]
    fn two_words_for_the_father_are_no_address() {
        use Gender::{He, She};
        let alisher = ("Alisher", None, Some(He));
        assert_eq!(read("Karimov Alisher Bahodir oʻgʻli"), alisher);
        assert_eq!(read("Alisher Bahodir o'g'li Karimov"), alisher);
        assert_eq!(
            read("Каримова Дилноза Баҳодир қизи"),
            ("Дилноза", None, Some(She))
        );
    }

    #[test]
    fn what_is_not_sure_is_not_said() {
        for (full, first, patronymic) in [
            ("Анна Абрамович", "Анна", Some("Абрамович")),
            ("Иван Петрович", "Иван", Some("Петрович")),
            ("Анна Мария Абрамович", "Мария", Some("Абрамович")),
            ("Никита Сергеевич Иванов", "Никита", Some("Сергеевич")),
            ("Анна Иванова", "Анна", None),
            ("Петровна", "Петровна", None),
            ("Қизи", "Қизи", None),
            ("Дилноза қизи", "Дилноза", None),
            ("", "", None),
            (" \n", "", None),
        ] {
            assert_eq!(read(full), (first, patronymic, None), "{full}");
        }
    }

    #[test]
    fn an_address_is_two_words_at_most() {
        assert_eq!(Name::of("Иванова Анна Петровна").polite(), "Анна Петровна");
        assert_eq!(Name::of("Anna Ivanova").polite(), "Anna");
    }
}

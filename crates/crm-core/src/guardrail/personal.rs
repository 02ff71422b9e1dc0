//! Data of others: addresses and numbers that are neither the contact's nor the house's, and what the
//! caller knows to be another contact's.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use sha2::{Digest, Sha256};

use super::fold::latin;
use super::link::{Email, read as read_links};
use super::rulebook::Grounds;
use super::text::Text;
use super::{Context, Sources};

/// E-mail addresses, telephone numbers and full names of other contacts, kept as fingerprints so that
/// they can be handed around without being read.
#[derive(Clone, Default)]
pub struct Others(BTreeSet<[u8; 32]>);

impl fmt::Debug for Others {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Others({})", self.0.len())
    }
}

impl Others {
    /// Adds an address, a number or a name. A name of one word is looked for nowhere: too many people bear it.
    pub fn insert(&mut self, value: &str) {
        self.0.insert(fingerprint(value));
    }

    /// Adds what [`fingerprint`] made elsewhere.
    pub fn insert_fingerprint(&mut self, fingerprint: [u8; 32]) {
        self.0.insert(fingerprint);
    }

    fn has(&self, value: &str) -> bool {
        !self.0.is_empty() && self.0.contains(&fingerprint(value))
    }
}

impl<S: AsRef<str>> FromIterator<S> for Others {
    fn from_iter<I: IntoIterator<Item = S>>(values: I) -> Self {
        let mut others = Self::default();
        for value in values {
            others.insert(value.as_ref());
        }
        others
    }
}

/// SHA-256 of the value in the form it is compared in: an e-mail address in lower case, the last nine
/// digits of a telephone number, a name by its sound in Latin letters. It hides a value from a passing eye,
/// not from whoever tries all numbers.
#[must_use]
pub fn fingerprint(value: &str) -> [u8; 32] {
    let value = value.trim();
    let digits = digits(value);
    let form = if value.contains('@') {
        value.to_lowercase()
    } else if digits.len() >= 7 && !value.chars().any(char::is_alphabetic) {
        national(&digits).to_owned()
    } else {
        let text = Text::new(value);
        let words: Vec<String> = text.words.iter().map(|word| latin(&word.text)).collect();
        words.join(" ")
    };
    Sha256::digest(form.as_bytes()).into()
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// The last nine digits: with or without the country's code it is one number.
fn national(digits: &str) -> &str {
    digits
        .split_at_checked(digits.len().saturating_sub(9))
        .map_or(digits, |(_, tail)| tail)
}

/// A telephone number in a text.
pub(super) struct Phone {
    pub(super) span: Range<usize>,
    digits: String,
}

/// Telephone numbers outside `taken`.
pub(super) fn phones(text: &Text, taken: &[Range<usize>]) -> Vec<Phone> {
    let mut found = Vec::new();
    text.starts(taken, |at, c| {
        if c != '+' && c != '(' && !c.is_ascii_digit() {
            return None;
        }
        let (end, digits, groups) = run(text, at);
        if is_phone(text, at, &digits, &groups) {
            found.push(Phone {
                span: at..end,
                digits,
            });
            return Some(end);
        }
        // Not one: go on behind these digits.
        let digits = |place: &usize| text.at(*place).is_some_and(|c| c.is_ascii_digit());
        Some(at + (at..).take_while(digits).count())
    });
    found
}

/// Digits and the signs between them, at most 40: the end, the digits, the length of each group.
fn run(text: &Text, from: usize) -> (usize, String, Vec<usize>) {
    let (mut end, mut digits, mut groups, mut gap) = (from, String::new(), Vec::new(), 3);
    for at in from..from + 40 {
        match text.at(at) {
            Some(c) if c.is_ascii_digit() => {
                if gap > 0 {
                    groups.push(0);
                }
                gap = 0;
                if let Some(last) = groups.last_mut() {
                    *last += 1;
                }
                digits.push(c);
                end = at + 1;
            }
            Some('+') if at == from => {}
            Some(' ' | '\u{a0}' | '-' | '–' | '\u{2011}' | '(' | ')') if gap < 3 || at == from => {
                gap += 1
            }
            Some('(' | ' ') if at == from + 1 => gap += 1,
            _ => break,
        }
    }
    (end, digits, groups)
}

fn is_phone(text: &Text, at: usize, digits: &str, groups: &[usize]) -> bool {
    let count = digits.len();
    if !(7..=15).contains(&count) {
        return false;
    }
    if text.at(at) == Some('+') {
        return true;
    }
    let money = groups.iter().skip(1).all(|&size| size == 3) && groups.len() > 1;
    let date = matches!(groups, [4, 2, 2, ..] | [2, 2, 4, ..]);
    let pairs = matches!(groups, [.., 3, 2, 2] | [.., 2, 2, 2]);
    let country =
        count == 12 && digits.starts_with("998") || count == 11 && digits.starts_with(['7', '8']);
    let bracket = text.slice(at..at + 8).contains(&'(') && groups.len() > 1;
    !money && !date && (pairs || country || bracket && count >= 9)
}

/// What is the contact's own, the house's, or was given with the task.
pub(super) struct KnownAddresses {
    emails: BTreeSet<String>,
    phones: BTreeSet<String>,
}

impl KnownAddresses {
    pub(super) const NONE: Self = Self {
        emails: BTreeSet::new(),
        phones: BTreeSet::new(),
    };

    /// Those of the task and the contact's own.
    pub(super) fn new(sources: &Sources, context: &Context<'_>) -> Self {
        let mut known = Self::of(&sources.given);
        let contact = context.contact;
        for phone in [&contact.phone, &contact.whatsapp].into_iter().flatten() {
            known.phones.insert(national(&digits(phone)).to_owned());
        }
        known
            .emails
            .extend(contact.email.iter().map(|email| email.to_lowercase()));
        known
    }

    /// Those that these texts name.
    pub(super) fn of(texts: &[Text]) -> Self {
        let mut known = Self::NONE;
        for text in texts {
            let (_, emails) = read_links(text);
            known
                .emails
                .extend(emails.into_iter().map(|email| email.address));
            for phone in phones(text, &[]) {
                known.phones.insert(national(&phone.digits).to_owned());
            }
        }
        known
    }
}

/// Addresses and numbers of others, and names the caller knows.
pub(super) fn find(
    text: &Text,
    emails: &[Email],
    phones: &[Phone],
    known: &Grounds<'_, KnownAddresses>,
    context: &Context<'_>,
) -> Vec<(Range<usize>, &'static str)> {
    const OTHER: &str = "data of another contact";
    let mut found = Vec::new();
    for email in emails {
        if context.others.has(&email.address) {
            found.push((email.span.clone(), OTHER));
        } else if !known.any(|known| known.emails.contains(&email.address)) {
            found.push((
                email.span.clone(),
                "an e-mail address that is neither the contact's nor the house's",
            ));
        }
    }
    for phone in phones {
        let number = national(&phone.digits);
        let own = known.any(|known| known.phones.contains(number));
        if context.others.has(&phone.digits) && !own {
            found.push((phone.span.clone(), OTHER));
        } else if !own {
            found.push((
                phone.span.clone(),
                "a telephone number that is neither the contact's nor the house's",
            ));
        }
    }
    if !context.others.0.is_empty() {
        for length in [2, 3] {
            for words in text.words.windows(length) {
                let (Some(first), Some(last)) = (words.first(), words.last()) else {
                    continue;
                };
                if !words.iter().all(|word| word.capital) {
                    continue;
                }
                let name: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
                let name = name.join(" ");
                if context.others.has(&name) && latin(&name) != latin(&context.contact.name) {
                    found.push((first.span.start..last.span.end, OTHER));
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telephone_numbers_are_told_from_sums_dates_and_orders() {
        let seen = |text: &str| {
            phones(&Text::new(text), &[])
                .into_iter()
                .map(|p| p.digits)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            seen("+998 90 123 45 67, (495) 765-43-21 и 998901234567; 765-43-21"),
            ["998901234567", "4957654321", "998901234567", "7654321"]
        );
        for text in [
            "1 250 000 000 сум",
            "2027-08-07 10:30",
            "31.12.2026",
            "заказ 88412345",
            "10-12",
            "(2026)",
        ] {
            assert!(seen(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_value_of_another_is_known_in_each_of_its_forms() {
        let others: Others = ["+998901234567", "Kamron@mail.example", "Камрон Жалолов"]
            .into_iter()
            .collect();
        assert!(
            others.has("90 123-45-67")
                && others.has("kamron@MAIL.example")
                && others.has("Kamron Jalolov")
        );
        assert!(!others.has("Kamron") && !others.has("90 123-45-68"));
        assert_eq!(format!("{others:?}"), "Others(3)");
    }
}

//! Search of contacts that forgives: what of a contact is looked into, what a query asks for, and what matches.
//!
//! Both are cut into words and each word is written in one to three *forms*, so that what people spell in several
//! ways meets. What matches, precisely:
//!
//! - **Words of a contact** are those of its name and company (runs of letters and digits), its e-mail as a whole and
//!   what stands before its `@`, and the digits of its phone and of its WhatsApp number. Runs of digits that follow
//!   each other in a text are also one word together.
//! - **Forms of a word**: the plain one (NFKC, lower case, without accents and apostrophes, ё as е), and the one in
//!   rough Latin letters, in which Хасанов, Xasanov, Hasanov and Khasanov are one; with ё, also that of the word
//!   with е. An e-mail has the plain one, and what stands before its `@` the one in rough Latin letters.
//! - **Words of a query** are cut at blanks and then at signs, but what holds an `@` stays whole, and runs of
//!   digits that follow each other are one number when they have three digits together (`90 123 45 67`). A number of
//!   ten digits or more is also looked for without the `0`s or the `8` that it begins with.
//! - A contact is found when **each** word of the query is. A word is found when one of its forms
//!     - of one or two letters begins a form of a word of the contact;
//!     - of three letters or more is part of one;
//!     - with one typo is all of one of the name or the company: a letter too many, too few, another one, or two
//!       neighbours swapped. One of the two has four letters then, both have at most [`LONGEST_FORGIVEN`], and the
//!       query's has two signs that are no digits: a number and an e-mail are found as they are written or not at all.
//! - An empty query finds all contacts, one of nothing but signs none.
//!
//! [`search_key`] is what a store keeps of a contact, [`Query::finds`] the exact answer, and [`marks`] are what an
//! index narrows down with: no contact that a query finds lacks the marks that [`Word::wanted`] asks for.

mod fold;
mod marks;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

pub use marks::{Wanted, marks};

use super::ContactFields;
use fold::{forms, named, plain_form, runs};

/// Longest form of a word, in characters, in which a typo is forgiven.
pub const LONGEST_FORGIVEN: usize = 32;
/// Most words of a query that are looked at; each further one is left out.
pub const MOST_WORDS: usize = 16;
/// How many contacts that an index finds a store compares one by one. With more, a list is walked in its own order
/// until a page is full. Both cost as much in a million contacts at about this number.
pub const FEW: u16 = 4_000;
/// Longest form of a word in characters; longer ones are cut there, in contacts and in queries.
const LONGEST_FORM: usize = 256;
/// From how many digits on, runs of them are one number.
const NUMBER: usize = 3;
/// From how many digits on a number may begin with a prefix that is dialled only inside its country.
const WHOLE_NUMBER: usize = 10;

/// All forms of all words of a contact, one a line, with a line break before the first and behind the last. Empty
/// when there is none. What stores keep in the column `search_key`.
#[must_use]
pub fn search_key(fields: &ContactFields) -> String {
    let mut all = BTreeSet::new();
    let texts = [
        Some(&fields.name),
        fields.company.as_ref(),
        fields.email.as_ref(),
    ];
    for text in texts.into_iter().flatten() {
        for piece in pieces(text) {
            match piece {
                Piece::Word(word) => all.extend(forms(&word)),
                Piece::Number(groups) => {
                    all.insert(groups.concat());
                    all.extend(groups);
                }
                Piece::Address(whole) => {
                    all.insert(named(&whole));
                    all.insert(whole);
                }
            }
        }
    }
    for phone in [&fields.phone, &fields.whatsapp].into_iter().flatten() {
        all.insert(phone.chars().filter(char::is_ascii_digit).collect());
    }
    let mut key = String::new();
    for form in &all {
        let end = form.char_indices().nth(LONGEST_FORM).map(|(end, _)| end);
        let form = end.and_then(|end| form.get(..end)).unwrap_or(form);
        if !form.is_empty() {
            key.push_str(if key.is_empty() { "\n" } else { "" });
            key.push_str(form);
            key.push('\n');
        }
    }
    key
}

/// Whether the query finds a contact with these fields: the definition that every store reproduces.
#[must_use]
pub fn matches(fields: &ContactFields, query: &Query) -> bool {
    query.finds(&search_key(fields))
}

/// What is searched for.
#[derive(Clone, PartialEq, Eq)]
pub struct Query {
    words: Vec<Word>,
    /// It holds nothing that could be found.
    signs: bool,
}

/// One word of a query, in all its forms.
#[derive(Clone, PartialEq, Eq)]
pub struct Word {
    forms: Vec<String>,
}

// What people search for is personal data.
impl std::fmt::Debug for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Query({} words)", self.words.len())
    }
}

impl std::fmt::Debug for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Word(..)")
    }
}

impl Query {
    /// Reads what somebody typed. Every text is a query.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut words = Vec::new();
        for piece in pieces(text) {
            match piece {
                Piece::Word(word) => words.push(Word::of(forms(&word))),
                Piece::Number(groups) => words.extend(numbers(groups)),
                Piece::Address(whole) => words.push(Word::of(vec![whole])),
            }
        }
        words.retain(|word| !word.forms.is_empty());
        words.truncate(MOST_WORDS);
        let signs = words.is_empty() && !text.trim().is_empty();
        Self { words, signs }
    }

    /// The words, each of which must be found.
    #[must_use]
    pub fn words(&self) -> &[Word] {
        &self.words
    }

    /// Whether it finds no contact, whatever there is.
    #[must_use]
    pub const fn finds_none(&self) -> bool {
        self.signs
    }

    /// Whether a contact with this [`search_key`] is found.
    #[must_use]
    pub fn finds(&self, key: &str) -> bool {
        !self.signs && self.words.iter().all(|word| word.found_in(key))
    }
}

impl Word {
    fn of(forms: Vec<String>) -> Self {
        let cut = |form: String| form.chars().take(LONGEST_FORM).collect();
        let forms: BTreeSet<String> = forms.into_iter().map(cut).collect();
        Self {
            forms: forms.into_iter().filter(|form| !form.is_empty()).collect(),
        }
    }

    /// Its forms, one or more, each of 1 to 256 characters without blanks.
    #[must_use]
    pub fn forms(&self) -> &[String] {
        &self.forms
    }

    /// What a contact must have to be found by this word, as marks of the workspace with this key.
    #[must_use]
    pub fn wanted(&self, workspace: i64) -> Wanted {
        marks::wanted(workspace, &self.forms)
    }

    fn found_in(&self, key: &str) -> bool {
        self.forms.iter().any(|form| {
            let length = form.chars().count();
            let part = if length <= 2 {
                key.split('\n').any(|line| line.starts_with(form.as_str()))
            } else {
                key.contains(form.as_str())
            };
            part || (may_err(form) && {
                let form: Vec<char> = form.chars().collect();
                key.split('\n').any(|line| nearly(&form, line))
            })
        })
    }
}

/// Whether a query's word in this form may have a typo.
#[must_use]
pub fn may_err(form: &str) -> bool {
    let length = form.chars().count();
    let others = form.chars().filter(|c| !c.is_ascii_digit()).count();
    (3..=LONGEST_FORGIVEN).contains(&length) && others >= 2 && !form.contains('@')
}

/// Whether `line` is `form` with one typo.
fn nearly(form: &[char], line: &str) -> bool {
    let length = line.chars().count();
    if line.contains('@')
        || length.abs_diff(form.len()) > 1
        || length.max(form.len()) < 4
        || !(3..=LONGEST_FORGIVEN).contains(&length)
    {
        return false;
    }
    let line: Vec<char> = line.chars().collect();
    let equal = |a: &[char], b: &[char]| a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let front = equal(form, &line);
    let (form, line) = (
        form.get(front..).unwrap_or_default(),
        line.get(front..).unwrap_or_default(),
    );
    // Behind the first letter that differs, the rest must be the same.
    match (form, line) {
        ([], []) => true,
        ([_, rest @ ..], []) | ([], [_, rest @ ..]) => rest.is_empty(),
        ([a, form_rest @ ..], [b, line_rest @ ..]) => {
            let swapped = match (form_rest, line_rest) {
                ([c, form_end @ ..], [d, line_end @ ..]) => {
                    a == d && b == c && form_end == line_end
                }
                _ => false,
            };
            form_rest == line_rest || form_rest == line || form == line_rest || swapped
        }
    }
}

/// What a text is cut into.
enum Piece {
    /// A run of letters and digits, with ё.
    Word(String),
    /// Groups of digits that follow each other.
    Number(Vec<String>),
    /// An e-mail, or part of one with its `@`.
    Address(String),
}

fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for part in text.split_whitespace() {
        if part.contains('@') {
            let whole: String = plain_form(part)
                .chars()
                .filter(|c| !c.is_whitespace() && !c.is_control())
                .collect();
            // A sign alone is no address.
            if whole.chars().any(char::is_alphanumeric) {
                pieces.push(Piece::Address(whole));
            }
            continue;
        }
        for run in runs(part) {
            match pieces.last_mut() {
                Some(Piece::Number(groups)) if all_digits(&run) => groups.push(run),
                _ if all_digits(&run) => pieces.push(Piece::Number(vec![run])),
                _ => pieces.push(Piece::Word(run)),
            }
        }
    }
    pieces
}

fn all_digits(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit())
}

/// The words of groups of digits: one, unless it is very short.
fn numbers(groups: Vec<String>) -> Vec<Word> {
    let whole = groups.concat();
    if whole.len() < NUMBER {
        return groups.into_iter().map(|one| Word::of(vec![one])).collect();
    }
    let mut forms = vec![whole.clone()];
    if whole.len() >= WHOLE_NUMBER {
        let inside = whole.strip_prefix('8').unwrap_or(&whole);
        forms.push(inside.trim_start_matches('0').to_owned());
    }
    vec![Word::of(forms)]
}

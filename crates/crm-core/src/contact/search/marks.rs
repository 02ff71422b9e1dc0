//! Marks: small numbers by which an index finds the few contacts that a query may find.
//!
//! A contact has a mark for every three characters that follow each other in a form (with two line breaks before its
//! first letter, so that beginnings have marks of their own), which finds parts; and for every form that a typo is
//! forgiven in one for the form and one for each that it is with a letter left out. Those are half of all marks, so
//! numbers and addresses, whose parts are found anyway, have none. Two words that are one typo apart
//! have one of those in common: leave out the letter that is too many, or the one that differs, or one of the two that
//! are swapped. So a misspelt name is looked up like a right one, and common endings cost nothing.
//!
//! Made here and not by a database, so that all of them find the same without an extension of any. The workspace is
//! part of a mark: nobody's contacts stand in another one's way. Two texts may share a mark; what is found is compared.

use super::{LONGEST_FORGIVEN, may_err};

/// Most marks that a part is looked for by: with so many it is found, and no statement becomes too long.
const ENOUGH: usize = 24;

/// What a contact has when it may be found: all marks of one of `all`, or one of `any`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Sets of marks, of which one is there as a whole. None of them is empty.
    pub all: Vec<Vec<u32>>,
    /// Marks of which one is enough.
    pub any: Vec<u32>,
}

// Marks tell what was searched for to who tries words.
impl std::fmt::Debug for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wanted(..)")
    }
}

/// The marks of a contact of the workspace with this key, by its [`search_key`](super::search_key), in ascending order.
#[must_use]
pub fn marks(workspace: i64, key: &str) -> Vec<u32> {
    let kinds = Kinds::of(workspace);
    // A contact has about a hundred.
    let mut marks = Vec::with_capacity(128);
    let mut padded = Vec::with_capacity(32);
    for form in key.split('\n').filter(|form| !form.is_empty()) {
        padded.clear();
        padded.extend(['\n', '\n']);
        padded.extend(form.chars());
        triples(kinds, &padded, &mut marks);
        if form.chars().any(|c| !c.is_ascii_digit()) && !form.contains('@') {
            shortened(kinds, padded.get(2..).unwrap_or_default(), &mut marks);
        }
    }
    in_order(marks)
}

/// What a word with these forms asks for.
pub(super) fn wanted(workspace: i64, forms: &[String]) -> Wanted {
    let kinds = Kinds::of(workspace);
    let mut wanted = Wanted::default();
    for form in forms {
        let chars: Vec<char> = form.chars().collect();
        let mut part = Vec::new();
        match *chars {
            [a] => triples(kinds, &['\n', '\n', a], &mut part),
            [a, b] => triples(kinds, &['\n', a, b], &mut part),
            _ => triples(kinds, &chars, &mut part),
        }
        let mut part = in_order(part);
        part.truncate(ENOUGH);
        wanted.all.push(part);
        if may_err(form) {
            shortened(kinds, &chars, &mut wanted.any);
        }
    }
    wanted.any = in_order(wanted.any);
    wanted
}

/// In ascending order, each once.
fn in_order(mut marks: Vec<u32>) -> Vec<u32> {
    marks.sort_unstable();
    marks.dedup();
    marks
}

fn triples(kinds: Kinds, chars: &[char], marks: &mut Vec<u32>) {
    let three = chars.windows(3);
    marks.extend(three.map(|three| kinds.part.letters(three).mark()));
}

/// The form, and each that it is without one letter.
fn shortened(kinds: Kinds, form: &[char], marks: &mut Vec<u32>) {
    if !(3..=LONGEST_FORGIVEN).contains(&form.len()) {
        return;
    }
    marks.push(kinds.typo.letters(form).mark());
    // Of three letters, a typo makes four or takes one of four: the three as they are suffice.
    if form.len() > 3 {
        let (mut front, mut rest) = (kinds.typo, form);
        while let [left, behind @ ..] = rest {
            marks.push(front.letters(behind).mark());
            (front, rest) = (front.letter(*left), behind);
        }
    }
}

/// The beginnings of marks of a workspace.
#[derive(Clone, Copy)]
struct Kinds {
    part: Fnv,
    typo: Fnv,
}

impl Kinds {
    fn of(workspace: i64) -> Self {
        let bytes = workspace.to_le_bytes().into_iter();
        let workspace = bytes.fold(Fnv(0xcbf2_9ce4_8422_2325), Fnv::byte);
        Self {
            part: workspace.byte(b'p'),
            typo: workspace.byte(b't'),
        }
    }
}

/// FNV-1a of 64 bits, folded to 32: it is stored, so it must never change.
#[derive(Clone, Copy)]
struct Fnv(u64);

impl Fnv {
    const PRIME: u64 = 0x0100_0000_01b3;

    const fn byte(self, byte: u8) -> Self {
        Self((self.0 ^ byte as u64).wrapping_mul(Self::PRIME))
    }

    /// The four bytes of a letter.
    const fn letter(self, c: char) -> Self {
        let [one, two, three, four] = (c as u32).to_le_bytes();
        let half = self.byte(one).byte(two);
        if three == 0 && four == 0 {
            // Of nearly all letters, where two bytes of nothing are one multiplication.
            return Self(half.0.wrapping_mul(Self::PRIME.wrapping_mul(Self::PRIME)));
        }
        half.byte(three).byte(four)
    }

    fn letters(self, chars: &[char]) -> Self {
        chars.iter().fold(self, |hash, c| hash.letter(*c))
    }

    const fn mark(self) -> u32 {
        let bytes = (self.0 ^ (self.0 >> 32)).to_le_bytes();
        u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    }
}

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

use std::collections::BTreeSet;

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
    let mut marks = BTreeSet::new();
    for form in key.split('\n').filter(|form| !form.is_empty()) {
        let mut padded = vec!['\n', '\n'];
        padded.extend(form.chars());
        marks.extend(triples(workspace, &padded));
        if form.chars().any(|c| !c.is_ascii_digit()) && !form.contains('@') {
            marks.extend(shortened(workspace, form));
        }
    }
    marks.into_iter().collect()
}

/// What a word with these forms asks for.
pub(super) fn wanted(workspace: i64, forms: &[String]) -> Wanted {
    let mut wanted = Wanted::default();
    let mut any = BTreeSet::new();
    for form in forms {
        let chars: Vec<char> = form.chars().collect();
        let part = match *chars {
            [a] => triples(workspace, &['\n', '\n', a]),
            [a, b] => triples(workspace, &['\n', a, b]),
            _ => triples(workspace, &chars),
        };
        wanted.all.push(part.into_iter().take(ENOUGH).collect());
        if may_err(form) {
            any.extend(shortened(workspace, form));
        }
    }
    wanted.any = any.into_iter().collect();
    wanted
}

fn triples(workspace: i64, chars: &[char]) -> BTreeSet<u32> {
    let three = chars.windows(3);
    three
        .map(|three| mark(workspace, b'p', three.iter().copied()))
        .collect()
}

/// The form, and each that it is without one letter.
fn shortened(workspace: i64, form: &str) -> BTreeSet<u32> {
    let chars: Vec<char> = form.chars().collect();
    let mut marks = BTreeSet::new();
    if !(3..=LONGEST_FORGIVEN).contains(&chars.len()) {
        return marks;
    }
    marks.insert(mark(workspace, b't', chars.iter().copied()));
    // Of three letters, a typo makes four or takes one of four: the three as they are suffice.
    if chars.len() > 3 {
        for left in 0..chars.len() {
            let rest = chars.iter().enumerate().filter(|(at, _)| *at != left);
            marks.insert(mark(workspace, b't', rest.map(|(_, c)| *c)));
        }
    }
    marks
}

/// FNV-1a of 64 bits, folded to 32: it is stored, so it must never change.
fn mark(workspace: i64, kind: u8, text: impl Iterator<Item = char>) -> u32 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut eat = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    workspace.to_le_bytes().into_iter().for_each(&mut eat);
    eat(kind);
    for c in text {
        u32::from(c).to_le_bytes().into_iter().for_each(&mut eat);
    }
    let bytes = (hash ^ (hash >> 32)).to_le_bytes();
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

//! The words of the grammar, and which of them somebody may have meant.

use crate::audience::condition::ContactField;

/// Words that join; as values they are quoted.
pub(super) const RESERVED: [&str; 4] = ["and", "or", "not", "in"];

/// Words that a condition begins with.
pub(super) const CONDITIONS: [&str; 15] = [
    "segment",
    "tag",
    "language",
    "birthday",
    "field.name",
    "consent",
    "last",
    "has",
    "in campaign",
    "message",
    "contact",
    "saved",
    "everybody",
    "nobody",
    "not",
];

/// Words that only stand inside conditions.
const INNER: [&str; 12] = [
    "and",
    "or",
    "in",
    "all",
    "any",
    "of",
    "within",
    "campaign",
    "month",
    "interaction",
    "before",
    "days",
];

/// Whether both are the same word, in whatever case.
pub(super) fn is(word: &str, known: &str) -> bool {
    word.eq_ignore_ascii_case(known)
}

pub(super) fn reserved(word: &str) -> bool {
    RESERVED.iter().any(|known| is(word, known))
}

/// The word of the grammar that this one is. Others may be somebody's name and are not repeated in an error.
pub(super) fn known(word: &str) -> Option<&'static str> {
    let all = CONDITIONS.into_iter().chain(INNER).chain(fields());
    all.into_iter().find(|known| is(word, known))
}

/// Names of fields that may be empty.
pub(super) fn fields() -> impl Iterator<Item = &'static str> {
    ContactField::ALL.into_iter().map(ContactField::as_str)
}

/// `a, b or c`.
pub(super) fn listed(choices: &[&'static str]) -> String {
    match choices.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => choices.join(""),
    }
}

/// What to say when none of `choices` was written.
pub(super) fn hint(word: &str, choices: &[&'static str]) -> String {
    match nearest(word, choices) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("known are {}", choices.join(", ")),
    }
}

/// The choice that is at most two slips away: a letter missing, added, wrong, or two changed over.
pub(super) fn nearest(word: &str, choices: &[&'static str]) -> Option<&'static str> {
    // A name of a field is no slip.
    let word: Vec<char> = match word.split_once('.') {
        Some((head, _)) => head.chars().take(24).collect(),
        None => word.chars().take(24).collect(),
    };
    let word: Vec<char> = word.iter().flat_map(|c| c.to_lowercase()).collect();
    let of = |choice: &'static str| {
        let plain = choice.strip_suffix(".name").unwrap_or(choice);
        let letters: Vec<char> = plain.chars().collect();
        (slips(&word, &letters), choice)
    };
    let ranked = choices.iter().map(|choice| of(choice));
    let best = ranked.filter(|(slips, choice)| *slips <= 2 && *slips * 2 < choice.len());
    best.min_by_key(|(slips, _)| *slips)
        .map(|(_, choice)| choice)
}

/// The optimal string alignment distance, by rows.
fn slips(left: &[char], right: &[char]) -> usize {
    let mut above: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, r) in right.iter().enumerate() {
            let at =
                |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX / 2);
            let wrong = at(&row, j) + usize::from(l != r);
            let mut least = wrong.min(at(&row, j + 1) + 1).min(at(&next, j) + 1);
            let turned =
                i > 0 && j > 0 && left.get(i - 1) == Some(r) && right.get(j - 1) == Some(l);
            if turned {
                least = least.min(at(&above, j - 1) + 1);
            }
            next.push(least);
        }
        above = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or(usize::MAX)
}

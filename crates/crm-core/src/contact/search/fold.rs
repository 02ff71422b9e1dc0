//! The forms of a word.

use unicode_normalization::UnicodeNormalization;

use crate::spelling::{apostrophe, invisible, latin, replaced, settled};

/// The text in lower case without accents, apostrophes and signs that are not seen; ё stays.
fn bare(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    if text.chars().all(settled) {
        let seen = text.chars().filter(|&c| !silent(c));
        out.extend(seen.flat_map(char::to_lowercase));
        return out;
    }
    // Before as well, for some of them become a blank with an accent.
    let spoken = text.chars().filter(|&c| !silent(c));
    let seen = spoken.nfkc().filter(|&c| !invisible(c) && !silent(c));
    for c in seen.flat_map(char::to_lowercase) {
        match c {
            // Letters of their own, though they can be taken apart.
            '\u{400}'..='\u{52f}' => out.push(c),
            'ß' => out.push_str("ss"),
            'ς' => out.push('σ'),
            'ı' => out.push('i'),
            _ => out.extend(std::iter::once(c).nfd().filter(|&c| !accent(c))),
        }
    }
    // Taking letters apart leaves some that are one in Unicode's eyes, as those of Korean.
    out.nfc().collect()
}

/// Apostrophes and what people type for them.
const fn silent(c: char) -> bool {
    apostrophe(c)
        || matches!(
            c,
            '\u{2b9}' | '\u{2bd}' | '\u{2be}' | '\u{2bf}' | '\u{2c8}' | '\u{2032}' | '\u{201b}'
        )
}

const fn accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

/// The plain form.
pub(super) fn plain_form(text: &str) -> String {
    bare(text).replace('ё', "е")
}

/// The runs of letters and digits, with ё.
pub(super) fn runs(text: &str) -> Vec<String> {
    let bare = bare(text);
    let runs = bare.split(|c: char| !c.is_alphanumeric());
    runs.filter(|run| !run.is_empty())
        .map(str::to_owned)
        .collect()
}

/// All forms of a run.
pub(super) fn forms(run: &str) -> Vec<String> {
    let mut forms = vec![sound(run)];
    if run.contains('ё') {
        let plain = run.replace('ё', "е");
        forms.extend([sound(&plain), plain]);
    } else {
        forms.push(run.to_owned());
    }
    forms.sort_unstable();
    forms.dedup();
    forms.retain(|form| !form.is_empty());
    forms
}

/// What stands before the `@` of an address, which often is a name, in rough Latin letters, and the `@`.
pub(super) fn named(address: &str) -> String {
    let name = address.split_once('@').map_or(address, |(name, _)| name);
    sound(name) + "@"
}

/// The form in rough Latin letters.
fn sound(word: &str) -> String {
    replaced(latin(word), &[("shch", "sch"), ("dj", "j"), ("gh", "g")])
}

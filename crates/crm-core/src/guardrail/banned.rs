//! Terms a house does not use, in whatever letters they are written.

use std::collections::BTreeMap;
use std::ops::Range;

use super::fold::look;
use super::text::Text;

/// Most words of one term that are looked at.
const MOST_WORDS: usize = 12;

/// The terms by their first word, with look-alike letters made equal.
pub(super) struct Terms(BTreeMap<String, Vec<Vec<String>>>);

impl Terms {
    pub(super) const NONE: Self = Self(BTreeMap::new());

    pub(super) fn new(terms: &[String]) -> Self {
        let mut by_first: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
        for term in terms {
            for form in 0..2 {
                let words: Vec<String> = Text::new(term)
                    .words
                    .iter()
                    .take(MOST_WORDS)
                    .filter_map(|word| look(&word.text).into_iter().nth(form))
                    .collect();
                if let Some((first, rest)) = words.split_first() {
                    by_first
                        .entry(first.clone())
                        .or_default()
                        .push(rest.to_vec());
                }
            }
        }
        Self(by_first)
    }
}

/// Where a term stands. Whole words: inflected forms have to be terms of their own.
pub(super) fn find(text: &Text, terms: &Terms) -> Vec<Range<usize>> {
    if terms.0.is_empty() {
        return Vec::new();
    }
    let looks: Vec<[String; 2]> = text.words.iter().map(|word| look(&word.text)).collect();
    let mut found = Vec::new();
    for (at, (word, forms)) in text.words.iter().zip(&looks).enumerate() {
        let end = forms
            .iter()
            .filter_map(|form| terms.0.get(form))
            .flatten()
            .filter_map(|rest| {
                let behind = looks.get(at + 1..at + 1 + rest.len())?;
                rest.iter()
                    .zip(behind)
                    .all(|(want, forms)| forms.contains(want))
                    .then_some(at + rest.len())
            })
            .max();
        if let Some(last) = end.and_then(|end| text.words.get(end)) {
            found.push(word.span.start..last.span.end);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_found_in_any_case_and_in_look_alike_letters_as_whole_words() {
        let terms = Terms::new(&["казино".into(), "free money".into(), "gʻirrom".into()]);
        let found = |text: &str| find(&Text::new(text), &terms).len();
        for text in [
            "КАЗИНО!",
            "в кaзинo",
            "ка\u{200b}зи\u{ad}но",
            "Frее\u{a0}MONEY",
            "G'irrom oʻyin",
            "ｆｒｅｅ money",
        ] {
            assert_eq!(found(text), 1, "{text}");
        }
        for text in ["казинозал", "free the money", "money free", ""] {
            assert_eq!(found(text), 0, "{text}");
        }
    }
}

//! How well the guardrails find what they are for: precision and recall over labelled drafts of our own
//! writing. The held-out ones were written before any rule was, the unseen
//! ones after; `docs/guardrails.md` says what was changed after a look at either.
//!
//! The table in `docs/guardrails.md` is compared with what is measured here.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[path = "guardrails/fields.rs"]
mod fields;
#[path = "guardrails/measure.rs"]
mod measure;
#[path = "guardrails/properties.rs"]
mod properties;

use crm_core::guardrail::Rule;
use measure::{cases, measure, table};

/// Rules that have to be good enough on the drafts they were tuned on and on all together.
const HELD_TO: [Rule; 6] = [
    Rule::Length,
    Rule::Placeholder,
    Rule::Language,
    Rule::Number,
    Rule::Name,
    Rule::Link,
];

#[test]
fn the_corpus_is_large_and_varied() {
    let (tuned, mut held_out) = (cases("drafts"), cases("held_out"));
    held_out.extend(cases("unseen"));
    let all: Vec<_> = tuned.iter().chain(&held_out).collect();
    assert!(all.len() >= 300, "{}", all.len());
    assert!(held_out.len() * 3 >= all.len());
    let good = |case: &&&measure::Case| case.labels.is_empty() && case.max_length.is_none();
    let mut texts: Vec<&str> = all
        .iter()
        .filter(good)
        .map(|case| case.content.as_str())
        .collect();
    texts.sort_unstable();
    texts.dedup();
    assert!(texts.len() >= 60, "{}", texts.len());
    for language in ["ru", "en", "uz", "uz-Cyrl"] {
        assert!(
            all.iter().filter(|case| case.language == language).count() >= 70,
            "{language}"
        );
    }
}

#[test]
fn precision_and_recall_are_what_the_docs_say() {
    let sets = [
        ("tuned on", "drafts"),
        ("held out", "held_out"),
        ("unseen", "unseen"),
    ];
    let measured: Vec<_> = sets
        .iter()
        .map(|(name, file)| (*name, measure(&cases(file))))
        .collect();
    let table = table(&measured);
    println!("{table}");
    let everything: Vec<_> = sets.iter().flat_map(|(_, file)| cases(file)).collect();
    let tuned = &measured[0].1;
    for scores in [tuned, &measure(&everything)] {
        for rule in HELD_TO {
            let score = &scores[&rule];
            assert!(
                score.recall() >= 0.95 && score.precision() >= 0.9,
                "{}: {score:?}",
                rule.as_str()
            );
        }
    }
    let docs = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/guardrails.md"
    ))
    .unwrap();
    assert!(
        docs.contains(&table),
        "docs/guardrails.md has another table than:\n{table}"
    );
}

#[test]
fn no_finding_repeats_the_text() {
    for case in ["drafts", "held_out", "unseen"].into_iter().flat_map(cases) {
        for finding in measure::findings(&case) {
            let said = format!("{finding:?}").to_lowercase();
            let words = case.content.split(|c: char| !c.is_alphanumeric());
            let name = case
                .contact
                .name
                .split(' ')
                .chain(words.filter(|word| word.chars().any(|c| c as u32 > 0x3ff)));
            for word in name {
                assert!(
                    !said.contains(&word.to_lowercase()) || word.is_empty(),
                    "{word} in {said}"
                );
            }
        }
    }
}

//! How well the guardrails find what they are for: precision and recall over labelled drafts of our own
//! writing. The held-out ones were written before any rule was, and no rule was tuned to them.
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

/// Rules that have to be good enough on the texts they were tuned on and on those they were not.
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
    let (tuned, held_out) = (cases("drafts"), cases("held_out"));
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
    for (set, scores) in &measured {
        for rule in HELD_TO {
            let score = &scores[&rule];
            assert!(
                score.recall() >= 0.95 && score.precision() >= 0.9,
                "{set}, {}: {score:?}",
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

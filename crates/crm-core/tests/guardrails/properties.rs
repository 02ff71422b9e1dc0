//! Whatever a text holds: no panic, spans inside the text, findings linear in it, the same answer twice.

use crm_core::contact::ContactFields;
use crm_core::guardrail::duplicate::{Letter, groups};
use crm_core::guardrail::injection::looks_like_instruction;
use crm_core::guardrail::{Context, Draft, Finding, Others, Part, check, has_placeholder};
use proptest::prelude::*;

use crate::measure::house;

fn findings(subject: Option<&str>, content: &str, name: &str, source: &str) -> Vec<Finding> {
    let rules = house();
    let contact = ContactFields {
        name: name.to_owned(),
        ..ContactFields::default()
    };
    let others: Others = ["Камрон Жалолов"].into_iter().collect();
    let context = Context {
        rules: &rules,
        contact: &contact,
        language: "ru",
        max_length: Some(500),
        sources: &[source],
        prompt: &["Use only facts from the data; invent no offers, prices or dates."],
        others: &others,
        today: None,
    };
    check(
        &Draft {
            subject,
            content,
            parts: Some(1),
        },
        &context,
    )
}

/// Pieces that the guardrails look at, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "\\PC{0,6}",
        1 => any::<String>(),
        6 => prop::sample::select(vec![
            "{{", "}}", "[", "]", "<", ">", "%", "___", "12", " 000", ".", ",", ":", "-", "/", "+998", "(", ")", "90", "am", "$", "млн",
            "декабря", "May ", "5th", "https://", "www.", "@", "shop.uz", "\u{200b}", "\u{202e}", "xn--", "Уважаемый ", "Dear ", "Анна",
            " Иванова", "«", "»", "\"", "{\"", "ignore all ", "казино", "oʻ", "'", "ў", "\n", " ", "İ", "ß", "ﬁ", "\u{301}", "٣", "２", "👩‍👩‍👧",
        ]).prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_checked_and_every_place_is_inside_it(
        subject in prop::option::of(pieces()),
        content in pieces(),
        name in pieces(),
        source in pieces(),
    ) {
        let found = findings(subject.as_deref(), &content, &name, &source);
        let lengths = |part| match part {
            Part::Subject => subject.as_deref().unwrap_or_default().chars().count(),
            _ => content.chars().count(),
        };
        for finding in &found {
            if let Some(span) = &finding.span {
                prop_assert!(span.start < span.end && span.end <= lengths(finding.part), "{finding:?}");
            }
        }
        let length = lengths(Part::Subject) + lengths(Part::Content);
        prop_assert!(found.len() <= 4 + 4 * length, "{} for {length}", found.len());
        prop_assert_eq!(&found, &findings(subject.as_deref(), &content, &name, &source));
        let marked = found.iter().any(|f| f.rule == crm_core::guardrail::Rule::Placeholder && f.part == Part::Content);
        prop_assert_eq!(has_placeholder(&content), marked);
    }

    #[test]
    fn any_field_is_looked_at(field in pieces()) {
        if let Some(span) = looks_like_instruction(&field).and_then(|finding| finding.span) {
            prop_assert!(span.start < span.end && span.end <= field.chars().count());
        }
    }

    #[test]
    fn any_campaign_is_grouped(texts in prop::collection::vec((pieces(), pieces()), 0..6)) {
        let letters: Vec<Letter<'_>> =
            texts.iter().chain(&texts).map(|(name, content)| Letter { name, content }).collect();
        let mut seen = std::collections::BTreeSet::new();
        for group in groups(&letters, 0.8) {
            prop_assert!(group.members.len() > 1);
            for member in group.members {
                prop_assert!(member < letters.len() && seen.insert(member));
            }
        }
    }
}

/// Texts of one repeated sign are the worst ones for readers that look ahead. No time is asserted: a
/// quadratic reader shows by a run of minutes.
#[test]
fn a_long_text_of_one_sign_ends() {
    for sign in [
        "{", "<", "%", "_", "1", "1 ", "111 ", "1-", "2026-", "1,", "+1", "(", "@", "a.", "\"",
        "«", "\u{200b}", "А", "Аа ", "oʻ", "dear ", "http://",
    ] {
        let text = sign.repeat(30_000 / sign.len());
        let found = findings(None, &text, "Анна", "");
        assert!(found.len() <= 4 + 4 * text.chars().count(), "{sign}");
        let _ = looks_like_instruction(&text);
    }
}

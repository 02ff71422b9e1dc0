//! The guardrails together.

use super::*;
use crate::consent::Topic;
use crate::contact::normalise::tests::contact;
use crate::message::Occasion;
use crate::template::{fallback, question};

/// Texts that somebody else wrote for sending: nothing may be found in them.
#[test]
fn the_built_in_texts_pass() {
    let others = Others::default();
    let names = [
        "Анна Иванова",
        "Пётр Ли",
        "Gulnora Azimova",
        "John Smith",
        "Ўткир Қодиров",
    ];
    for (language, name) in ["ru", "en", "uz", "uz-Cyrl"]
        .iter()
        .flat_map(|l| names.map(|n| (*l, n)))
    {
        let mut contact = contact(name);
        contact.fields.language = language.to_owned();
        let link = "https://crm.example/o/ab";
        let until = "2026-12-04T20:00:00Z".parse().unwrap();
        let texts = Occasion::ALL
            .into_iter()
            .map(|occasion| fallback::greeting(occasion, &contact))
            .chain(
                [Topic::Marketing, Topic::Relationship]
                    .map(|topic| question::opt_in(&contact, topic, link, until)),
            );
        for rendered in texts {
            let draft = Draft {
                subject: rendered.subject.as_deref(),
                content: &rendered.content,
                parts: None,
            };
            let context = Context {
                rules: &STANDARD,
                contact: &contact.fields,
                language,
                max_length: None,
                sources: &[link, "4 December 2026"],
                prompt: &[],
                others: &others,
                today: None,
            };
            assert_eq!(check(&draft, &context), [], "{}", rendered.content);
        }
    }
}

#[test]
fn a_guardrail_that_is_off_finds_nothing_and_a_level_is_the_severity() {
    let mut rules = Rules::default();
    let (contact, others) = (contact("Анна"), Others::default());
    let found = |rules: &Rules| {
        let draft = Draft {
            subject: Some("%NAME%"),
            content: "Скидка 30% [тут]",
            parts: Some(9),
        };
        let context = Context {
            rules: &Rulebook::new(rules.clone()),
            contact: &contact.fields,
            language: "ru",
            max_length: None,
            sources: &[],
            prompt: &[],
            others: &others,
            today: None,
        };
        check(&draft, &context)
            .into_iter()
            .map(|f| (f.rule, f.severity, f.part, f.span))
            .collect::<Vec<_>>()
    };
    let placeholder = (
        Rule::Placeholder,
        Severity::Blocking,
        Part::Subject,
        Some(0..6),
    );
    let number = |severity| (Rule::Number, severity, Part::Content, Some(7..9));
    let parts = (Rule::Parts, Severity::Warning, Part::Content, None);
    let second = (
        Rule::Placeholder,
        Severity::Blocking,
        Part::Content,
        Some(11..16),
    );
    assert_eq!(
        found(&rules),
        [
            placeholder.clone(),
            parts.clone(),
            number(Severity::Warning),
            second.clone()
        ]
    );
    rules.levels.insert(Rule::Placeholder, Level::Off);
    rules.levels.insert(Rule::Number, Level::Notice);
    assert_eq!(found(&rules), [parts, number(Severity::Notice)]);
}

/// Whatever a house sets is read when its rules are, and not for each text: neither before one leaves nor when one
/// is written.
#[test]
fn rules_are_read_once_and_not_for_each_text() {
    let list = |what: &str| (0..50).map(|n| format!("{what} {n}")).collect();
    let cut_by = |work: &dyn Fn() -> Vec<Finding>| {
        let before = text::CUT.get();
        let found = work();
        (text::CUT.get() - before, found)
    };
    let before = text::CUT.get();
    let rules = Rulebook::new(Rules {
        banned_terms: list("лотерея номер"),
        allowed_hosts: vec!["www.Shop.uz".to_owned()],
        facts: list("Склад на улице Навои, дом"),
        ..Rules::default()
    });
    assert!(text::CUT.get() - before >= 100, "all of it is read here");

    let (contact, others) = (contact("Анна"), Others::default());
    let context = Context {
        rules: &rules,
        contact: &contact.fields,
        language: "ru",
        max_length: None,
        sources: &["Приходите."],
        prompt: &[],
        others: &others,
        today: None,
    };
    let draft = Draft {
        subject: None,
        content: "Анна, ждём вас: Навои, дом 7, shop.uz. Лотерея номер 49!",
        parts: None,
    };
    // The text alone: nothing that the contact or the sources say changes what is banned.
    let leaving = |rule| matches!(rule, Rule::BannedTerm | Rule::Length | Rule::Parts);
    let (cut, found) = cut_by(&|| check_by(&draft, &context, leaving));
    assert_eq!((cut, found.len()), (1, 1), "{found:?}");
    // The text, its source, the contact's name and segment; the name once more for the greeting.
    let (cut, found) = cut_by(&|| check(&draft, &context));
    let rules: Vec<Rule> = found.iter().map(|finding| finding.rule).collect();
    assert_eq!((cut, rules), (5, vec![Rule::BannedTerm]));
}

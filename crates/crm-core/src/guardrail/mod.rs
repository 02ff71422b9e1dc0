//! Guardrails: what is wrong, or may be, with a text before a person decides about it. Pure.
//!
//! [`check`] reads one text against what is known (the contact, the task, the house's rules) and answers
//! findings with a severity and a place; [`duplicate::groups`] looks across a campaign, and
//! [`injection::looks_like_instruction`] at a field of a contact. Each guardrail takes time linear in the text;
//! none changes it. `docs/guardrails.md` says what each finds, what it cannot, and how well.

mod banned;
pub mod duplicate;
mod finding;
mod fold;
mod greeting;
pub mod html;
pub mod injection;
mod instructions;
mod language;
mod length;
mod link;
mod name;
mod number;
mod personal;
mod placeholder;
mod rulebook;
mod rules;
#[cfg(test)]
mod tests;
mod text;

use std::fmt;
use std::ops::Range;

use chrono::NaiveDate;
use serde_json::Value;

pub(crate) use self::finding::sort;
pub use self::finding::{Finding, Part, Rule, Severity, risk};
pub use self::personal::{Others, fingerprint};
pub use self::placeholder::has_placeholder;
use self::rulebook::Grounds;
pub use self::rulebook::{Rulebook, STANDARD};
pub use self::rules::{Level, Rules};
use self::text::Text;
use crate::contact::ContactFields;

/// The text under check.
#[derive(Clone, Copy)]
pub struct Draft<'a> {
    /// Subject, when the channel has one.
    pub subject: Option<&'a str>,
    /// The content as the contact would read it, markup apart.
    pub content: &'a str,
    /// Parts of a text message, as the channel counts them; `None` where it counts messages.
    pub parts: Option<u32>,
}

impl fmt::Debug for Draft<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Draft(..)")
    }
}

/// What the text is checked against.
#[derive(Clone)]
pub struct Context<'a> {
    /// The house's settings, read.
    pub rules: &'a Rulebook,
    /// The contact. Its fields ground names and numbers; links, addresses and telephone numbers in its free
    /// fields ground nothing, for a stranger may have written them.
    pub contact: &'a ContactFields,
    /// The language the text is to be in, BCP 47; the contact's, unless a template says otherwise.
    pub language: &'a str,
    /// The channel's limit in Unicode scalar values.
    pub max_length: Option<usize>,
    /// Texts by the house: the template, the context, the instruction. What stands in them may be said.
    pub sources: &'a [&'a str],
    /// The rules the model was given. Seven of their words in a row are a leak.
    pub prompt: &'a [&'a str],
    /// Data of other contacts.
    pub others: &'a Others,
    /// The day it is where the contact lives. With it this year and the next may be named, and the age.
    pub today: Option<NaiveDate>,
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Context(..)")
    }
}

/// A finding before its severity is known.
struct Raw {
    rule: Rule,
    part: Part,
    span: Option<Range<usize>>,
    message: &'static str,
}

impl Raw {
    fn at(rule: Rule, part: Part, span: Range<usize>, message: &'static str) -> Self {
        Self {
            rule,
            part,
            span: Some(span),
            message,
        }
    }

    fn whole(rule: Rule, part: Part, message: &'static str) -> Self {
        Self {
            rule,
            part,
            span: None,
            message,
        }
    }
}

/// The texts that ground what this one draft says; the house's facts are in its [`Rulebook`].
struct Sources {
    /// By the house.
    given: Vec<Text>,
    /// The contact's fields.
    contact: Vec<Text>,
}

impl Sources {
    fn new(context: &Context<'_>) -> Self {
        let given = context.sources.iter().copied().map(Text::new).collect();
        let contact = context.contact;
        let mut fields = vec![Text::new(&contact.name), Text::new(&contact.segment)];
        let own = [&contact.company, &contact.position, &contact.external_id];
        fields.extend(own.into_iter().flatten().map(|text| Text::new(text)));
        fields.extend(contact.tags.iter().map(|tag| Text::new(tag)));
        for value in contact.custom_fields.values() {
            match value {
                Value::String(text) => fields.push(Text::new(text)),
                value => fields.push(Text::new(&value.to_string())),
            }
        }
        Self {
            given,
            contact: fields,
        }
    }
}

/// What the rules find in the text, by place: the subject first. A guardrail that is off finds nothing.
#[must_use]
pub fn check(draft: &Draft<'_>, context: &Context<'_>) -> Vec<Finding> {
    check_by(draft, context, |_| true)
}

/// As [`check`], by the guardrails that are `wanted` alone. The others are not looked for and cost little.
#[must_use]
pub fn check_by(
    draft: &Draft<'_>,
    context: &Context<'_>,
    wanted: impl Fn(Rule) -> bool,
) -> Vec<Finding> {
    let severity = |rule: Rule| context.rules.severity(rule).filter(|_| wanted(rule));
    let wants = |rule: Rule| severity(rule).is_some();
    let mut raw = length::find(draft, context);
    let counted = |rule: Rule| matches!(rule, Rule::Length | Rule::Parts);
    if Rule::ALL
        .into_iter()
        .any(|rule| wants(rule) && !counted(rule))
    {
        let known = Knowledge::new(context, wants);
        let mut look = |text: &str, at: Part| {
            part(&Text::new(text), at, &known, context, wants, &mut raw);
        };
        if let Some(subject) = draft.subject {
            look(subject, Part::Subject);
        }
        look(draft.content, Part::Content);
    }
    let mut findings: Vec<Finding> = raw
        .into_iter()
        .filter_map(|raw| {
            Some(Finding {
                rule: raw.rule,
                severity: severity(raw.rule)?,
                part: raw.part,
                span: raw.span,
                message: raw.message.to_owned(),
            })
        })
        .collect();
    sort(&mut findings);
    findings
}

/// What is read once for both parts: nothing that no wanted guardrail asks for.
struct Knowledge<'a> {
    rules: &'a Rulebook,
    links: Option<Grounds<'a, link::KnownLinks>>,
    addresses: Option<Grounds<'a, personal::KnownAddresses>>,
    numbers: Option<Grounds<'a, number::KnownNumbers>>,
    /// Words that are names are no foreign words.
    names: Option<Grounds<'a, name::KnownNames>>,
    prompt: Option<instructions::Prompt>,
}

impl<'a> Knowledge<'a> {
    fn new(context: &Context<'a>, wants: impl Fn(Rule) -> bool) -> Self {
        let any = |rules: &[Rule]| rules.iter().any(|rule| wants(*rule));
        let named = any(&[Rule::Greeting, Rule::Language, Rule::Name]);
        let grounded = named || any(&[Rule::Link, Rule::PersonalData, Rule::Number]);
        let sources = grounded.then(|| Sources::new(context));
        let sources = |wanted: bool| sources.as_ref().filter(|_| wanted);
        let facts = &context.rules.facts;
        Self {
            rules: context.rules,
            links: sources(wants(Rule::Link)).map(|sources| Grounds {
                own: link::KnownLinks::of(&sources.given),
                house: &facts.links,
            }),
            addresses: sources(wants(Rule::PersonalData)).map(|sources| Grounds {
                own: personal::KnownAddresses::new(sources, context),
                house: &facts.addresses,
            }),
            numbers: sources(wants(Rule::Number)).map(|sources| Grounds {
                own: number::KnownNumbers::new(sources, context),
                house: &facts.numbers,
            }),
            names: sources(named).map(|sources| Grounds {
                own: name::KnownNames::of(sources.given.iter().chain(&sources.contact)),
                house: &facts.names,
            }),
            prompt: wants(Rule::Instructions).then(|| instructions::Prompt::new(context.prompt)),
        }
    }
}

/// Places that later guardrails pass over, with what is found there.
#[derive(Default)]
struct Pieces {
    placeholders: Vec<Range<usize>>,
    links: Vec<link::Link>,
    emails: Vec<link::Email>,
    phones: Vec<personal::Phone>,
    /// All of them, in order.
    taken: Vec<Range<usize>>,
}

impl Pieces {
    fn read(text: &Text) -> Self {
        let placeholders = placeholder::find(text);
        let (links, emails) = link::read(text);
        let mut taken: Vec<Range<usize>> = links.iter().map(|link| link.span.clone()).collect();
        taken.extend(emails.iter().map(|email| email.span.clone()));
        taken.sort_by_key(|span| span.start);
        let phones = personal::phones(text, &taken);
        taken.extend(phones.iter().map(|phone| phone.span.clone()));
        taken.extend(placeholders.iter().cloned());
        taken.sort_by_key(|span| span.start);
        Self {
            placeholders,
            links,
            emails,
            phones,
            taken,
        }
    }
}

fn part(
    text: &Text,
    part: Part,
    known: &Knowledge<'_>,
    context: &Context<'_>,
    wants: impl Fn(Rule) -> bool,
    found: &mut Vec<Raw>,
) {
    let title = part == Part::Subject;
    let mut tell = |rule: Rule, span: Range<usize>, message: &'static str| {
        found.push(Raw::at(rule, part, span, message));
    };
    let passing = [Rule::Number, Rule::Language, Rule::Name];
    let pieces = [Rule::Placeholder, Rule::Link, Rule::PersonalData];
    let Pieces {
        placeholders,
        links,
        emails,
        phones,
        mut taken,
    } = if passing.into_iter().chain(pieces).any(&wants) {
        Pieces::read(text)
    } else {
        Pieces::default()
    };
    for span in placeholders {
        tell(Rule::Placeholder, span, "something was to be filled in");
    }
    if let Some(known_links) = &known.links {
        for (span, message) in link::find(&links, known_links, &known.rules.hosts) {
            tell(Rule::Link, span, message);
        }
    }
    if let Some(addresses) = &known.addresses {
        for (span, message) in personal::find(text, &emails, &phones, addresses, context) {
            tell(Rule::PersonalData, span, message);
        }
    }
    if let Some(numbers) = &known.numbers {
        for span in number::find(text, &taken, numbers) {
            let message = "a number, price, date or time that nobody gave";
            tell(Rule::Number, span, message);
        }
    }
    // Also where they are no finding: they are words of the house's, and no foreign ones.
    if [Rule::BannedTerm, Rule::Language, Rule::Name]
        .into_iter()
        .any(&wants)
    {
        let banned = banned::find(text, &known.rules.terms);
        taken.extend(banned.iter().cloned());
        for span in banned {
            tell(Rule::BannedTerm, span, "a term the house does not use");
        }
    }
    if let Some(prompt) = &known.prompt {
        for (span, message) in instructions::find(text, prompt) {
            tell(Rule::Instructions, span, message);
        }
    }
    if let Some(span) = injection::hidden(text).filter(|_| wants(Rule::Injection)) {
        tell(Rule::Injection, span, "signs that are not seen");
    }
    let Some(names) = &known.names else { return };
    if wants(Rule::Greeting) {
        for (span, message) in greeting::find(text, names, context) {
            tell(Rule::Greeting, span, message);
        }
    }
    taken.sort_by_key(|span| span.start);
    if wants(Rule::Language) {
        for (span, message) in language::find(text, &taken, names, context.language, title) {
            tell(Rule::Language, span, message);
        }
    }
    if wants(Rule::Name) {
        taken.extend(greeting::spans(text));
        taken.sort_by_key(|span| span.start);
        for span in name::find(text, &taken, names, title) {
            tell(Rule::Name, span, "a person or company that nobody named");
        }
    }
}

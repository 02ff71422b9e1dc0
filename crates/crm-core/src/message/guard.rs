//! What today's guardrails say of a text that was approved. Pure.
//!
//! What a person approved grounds what they saw: numbers, names and links of the approved text need no other
//! source. So only what changed since can stop it: the house's rules, the channel's limit, the contact.

use std::borrow::Cow;

use super::{Format, Message};
use crate::contact::ContactFields;
use crate::guardrail::{self, Context, Draft, Finding, Others, Rule, Rulebook, Rules, Severity};

/// What a text is checked by before it leaves.
#[derive(Debug, Clone, Copy)]
pub struct House<'a> {
    /// The house's rules, read once for all texts.
    pub rules: &'a Rulebook,
    /// The channel's limit in Unicode scalar values.
    pub max_length: Option<usize>,
    /// The parts of a text message it takes; `None` where nobody counts or needs them.
    pub parts: Option<u32>,
}

/// The blocking findings that nobody saw who approved it: those of today that are not among the message's own,
/// by guardrail and place.
#[must_use]
pub fn objections(message: &Message, contact: &ContactFields, house: House<'_>) -> Vec<Finding> {
    let revision = &message.revision;
    let content = seen(&revision.content, revision.format);
    let sources: Vec<&str> = revision
        .subject
        .as_deref()
        .into_iter()
        .chain([&*content])
        .collect();
    let draft = Draft {
        subject: revision.subject.as_deref(),
        content: &content,
        parts: house.parts,
    };
    let context = Context {
        rules: house.rules,
        contact,
        language: &contact.language,
        max_length: house.max_length,
        sources: &sources,
        prompt: &[],
        others: &Others::default(),
        today: None,
    };
    let rules = house.rules;
    let mut found = guardrail::check_by(&draft, &context, |rule| changes(rules, rule));
    found.retain(|new| !message.findings.iter().any(|known| known.is_at(new)));
    found
}

/// Whether this guardrail may say something else of an approved text than when it was written, and stop it: that
/// depends on what the house sets, and costs nothing where it sets nothing.
fn changes(rules: &Rules, rule: Rule) -> bool {
    let set = rules.levels.contains_key(&rule);
    rules.severity(rule) == Some(Severity::Blocking)
        && match rule {
            Rule::Length | Rule::Parts => true,
            Rule::BannedTerm => !rules.banned_terms.is_empty(),
            Rule::Link => set || !rules.allowed_hosts.is_empty(),
            Rule::Placeholder | Rule::Language | Rule::Instructions | Rule::Greeting => set,
            // The approved text grounds itself, and these are not looked for in one text.
            Rule::Number | Rule::Name | Rule::PersonalData | Rule::Duplicate | Rule::Injection => {
                false
            }
        }
}

/// The text as its reader sees it.
#[must_use]
pub fn seen(content: &str, format: Format) -> Cow<'_, str> {
    match format {
        Format::Text => Cow::Borrowed(content),
        Format::Html => Cow::Owned(guardrail::html::seen(content)),
    }
}

//! Length and cost, by the channel's limit and the house's.

use super::finding::Rule;
use super::{Context, Draft, Part, Raw};

/// Blank and too long texts; the parts are counted by the channel and only compared here.
pub(super) fn find(draft: &Draft<'_>, context: &Context<'_>) -> Vec<Raw> {
    let mut found = Vec::new();
    let limit = [context.max_length, context.rules.max_length]
        .into_iter()
        .flatten()
        .min();
    let length = draft.content.chars().count();
    if draft.content.trim().is_empty() {
        found.push(Raw::whole(Rule::Length, Part::Content, "the text is blank"));
    }
    if let Some(limit) = limit.filter(|&limit| length > limit) {
        found.push(Raw::at(
            Rule::Length,
            Part::Content,
            limit..length,
            "the text is longer than the channel or the house allows",
        ));
    }
    if draft
        .parts
        .is_some_and(|parts| parts > context.rules.max_parts)
    {
        found.push(Raw::whole(
            Rule::Parts,
            Part::Content,
            "the text needs more parts of a text message than the house allows",
        ));
    }
    found
}

//! What a guardrail says about a text, in words that may be stored and shown.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// The guardrails, in the order in which their findings are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Longer than the channel or the house allows, or blank.
    Length,
    /// More parts of a text message than the house pays for.
    Parts,
    /// Something that was to be filled in.
    Placeholder,
    /// Another language or script than the contact's.
    Language,
    /// A number, price, percentage, date or time that nobody gave.
    Number,
    /// A person or company that nobody named.
    Name,
    /// A link to a host that is not allowed, or a disguised one.
    Link,
    /// A term the house does not use.
    BannedTerm,
    /// An address, number or name of somebody else.
    PersonalData,
    /// The model's instructions, its format or its talk about itself.
    Instructions,
    /// The wrong name, or the wrong gender of the form of address.
    Greeting,
    /// The text of several contacts is the same.
    Duplicate,
    /// A contact's field that reads like an instruction to a model, or signs in a text that nobody sees.
    Injection,
}

impl Rule {
    /// All guardrails.
    pub const ALL: [Self; 13] = [
        Self::Length,
        Self::Parts,
        Self::Placeholder,
        Self::Language,
        Self::Number,
        Self::Name,
        Self::Link,
        Self::BannedTerm,
        Self::PersonalData,
        Self::Instructions,
        Self::Greeting,
        Self::Duplicate,
        Self::Injection,
    ];

    /// The name used in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Length => "length",
            Self::Parts => "parts",
            Self::Placeholder => "placeholder",
            Self::Language => "language",
            Self::Number => "number",
            Self::Name => "name",
            Self::Link => "link",
            Self::BannedTerm => "banned_term",
            Self::PersonalData => "personal_data",
            Self::Instructions => "instructions",
            Self::Greeting => "greeting",
            Self::Duplicate => "duplicate",
            Self::Injection => "injection",
        }
    }
}

/// How much a finding weighs. Ordered: the last is the gravest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth a look.
    Notice,
    /// The approver should see it before deciding.
    Warning,
    /// Not to be approved as it stands.
    Blocking,
}

/// Where a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// In the subject.
    Subject,
    /// In the content.
    Content,
    /// In the contact's field that was looked at.
    Field,
}

/// One thing that is wrong, or may be. Never holds a piece of the text: `span` says where to look, so that
/// neither a log nor a `Debug` repeats personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which guardrail.
    pub rule: Rule,
    /// How much it weighs.
    pub severity: Severity,
    /// The text that `span` counts in.
    pub part: Part,
    /// From and to (exclusive) in Unicode scalar values; `None` when it is the text as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<Range<usize>>,
    /// What is wrong, in English and always the same for the same problem.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_json_in_the_words_of_the_design_and_comes_back() {
        let finding = Finding {
            rule: Rule::BannedTerm,
            severity: Severity::Blocking,
            part: Part::Subject,
            span: Some(2..5),
            message: "a term".to_owned(),
        };
        let json = serde_json::to_value(&finding).unwrap();
        let wanted = serde_json::json!({
            "rule": "banned_term", "severity": "blocking", "part": "subject",
            "span": {"start": 2, "end": 5}, "message": "a term",
        });
        assert_eq!(json, wanted);
        assert_eq!(serde_json::from_value::<Finding>(json).unwrap(), finding);
        for rule in Rule::ALL {
            assert_eq!(serde_json::to_value(rule).unwrap(), rule.as_str());
        }
        assert!(Severity::Notice < Severity::Warning && Severity::Warning < Severity::Blocking);
    }
}

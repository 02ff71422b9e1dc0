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

impl Severity {
    /// All of them, the lightest first.
    pub const ALL: [Self; 3] = [Self::Notice, Self::Warning, Self::Blocking];

    /// The name used in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Blocking => "blocking",
        }
    }

    /// The severity of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|severity| severity.as_str() == name)
    }

    /// The number that lists are ordered by: 1, 2, 3.
    #[must_use]
    pub const fn risk(self) -> u8 {
        match self {
            Self::Notice => 1,
            Self::Warning => 2,
            Self::Blocking => 3,
        }
    }
}

/// The [`risk`](Severity::risk) of the gravest finding; 0 when there is none.
#[must_use]
pub fn risk(findings: &[Finding]) -> u8 {
    let risks = findings.iter().map(|finding| finding.severity.risk());
    risks.max().unwrap_or(0)
}

/// Orders findings by place: the subject first.
pub(crate) fn sort(findings: &mut [Finding]) {
    let place = |finding: &Finding| finding.span.as_ref().map(|span| (span.start, span.end));
    findings.sort_by_key(|finding| (finding.part, place(finding), finding.rule));
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

impl Finding {
    /// Whether it is the same guardrail at the same place of the same text.
    #[must_use]
    pub fn is_at(&self, other: &Self) -> bool {
        (self.rule, self.part, &self.span) == (other.rule, other.part, &other.span)
    }
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
        for severity in Severity::ALL {
            let name = serde_json::to_value(severity).unwrap();
            assert_eq!(name, severity.as_str());
            assert_eq!(Severity::parse(severity.as_str()), Some(severity));
        }
    }

    #[test]
    fn the_risk_of_a_text_is_that_of_its_gravest_finding() {
        let finding = |severity| Finding {
            rule: Rule::Link,
            severity,
            part: Part::Content,
            span: None,
            message: String::new(),
        };
        assert_eq!(risk(&[]), 0);
        assert_eq!(risk(&[finding(Severity::Notice)]), 1);
        let both = [finding(Severity::Blocking), finding(Severity::Warning)];
        assert_eq!(risk(&both), 3);
    }
}

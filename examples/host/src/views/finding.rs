//! What guardrails found.

use crm_core::engine::BulkFinding;
use crm_core::guardrail::{Finding, Part, Rule, Severity};
use serde::Serialize;
use utoipa::ToSchema;

use crate::names::{RuleName, SeverityName};

/// One thing that is wrong with a text, or may be.
#[derive(Serialize, ToSchema)]
#[schema(as = Finding)]
pub(crate) struct FindingView {
    #[schema(value_type = RuleName)]
    rule: Rule,
    #[schema(value_type = SeverityName)]
    severity: Severity,
    /// `subject`, `content` (as its reader sees it, without markup), or `field`, one of the contact's.
    #[schema(value_type = String, example = "content")]
    part: Part,
    /// Where; null when it is the whole.
    span: Option<Span>,
    /// What is wrong, in English; it never repeats the text.
    message: String,
}

/// From `start` to before `end`, in Unicode scalar values (characters).
#[derive(Serialize, ToSchema)]
struct Span {
    start: usize,
    end: usize,
}

impl FindingView {
    pub(crate) fn all(findings: &[Finding]) -> Vec<Self> {
        findings
            .iter()
            .map(|finding| Self {
                rule: finding.rule,
                severity: finding.severity,
                part: finding.part,
                span: finding.span.as_ref().map(|span| Span {
                    start: span.start,
                    end: span.end,
                }),
                message: finding.message.clone(),
            })
            .collect()
    }
}

/// What a guardrail found among many messages.
#[derive(Serialize, ToSchema)]
#[schema(as = BulkFinding)]
pub(crate) struct CountedFinding {
    #[schema(value_type = RuleName)]
    rule: Rule,
    #[schema(value_type = SeverityName)]
    severity: Severity,
    /// How many messages have such a finding.
    messages: u64,
}

impl CountedFinding {
    pub(crate) fn all(found: Vec<BulkFinding>) -> Vec<Self> {
        found
            .into_iter()
            .map(|found| Self {
                rule: found.rule,
                severity: found.severity,
                messages: found.messages,
            })
            .collect()
    }
}

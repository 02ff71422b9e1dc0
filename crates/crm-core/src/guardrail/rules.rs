//! What a house sets: its terms, its hosts, its facts, its limits and how much each guardrail weighs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::finding::{Rule, Severity};

/// How a guardrail is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// It is not looked at.
    Off,
    /// Its findings are notices.
    Notice,
    /// Its findings are warnings.
    Warning,
    /// Its findings are blocking.
    Blocking,
}

/// The settings of one house. The default is strict about what is surely wrong (placeholders, length,
/// foreign links, data of others) and warns of what needs a person's eye.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// How much a guardrail weighs, where it differs from the default.
    pub levels: BTreeMap<Rule, Level>,
    /// Longest content in Unicode scalar values on channels that set no limit or a wider one.
    pub max_length: Option<usize>,
    /// Most parts of a text message.
    pub max_parts: u32,
    /// Terms that may not be used: whole words, in any case and script, look-alike letters included.
    pub banned_terms: Vec<String>,
    /// Hosts that links may lead to, subdomains included. When empty, a link has to stand in the template,
    /// the context or the facts.
    pub allowed_hosts: Vec<String>,
    /// What may always be said: the house's names, addresses, telephone numbers, opening hours, prices.
    pub facts: Vec<String>,
}

impl Default for Rules {
    fn default() -> Self {
        STANDARD.clone()
    }
}

/// Those of a house that sets nothing.
pub static STANDARD: Rules = Rules {
    levels: BTreeMap::new(),
    max_length: Some(2_000),
    max_parts: 6,
    banned_terms: Vec::new(),
    allowed_hosts: Vec::new(),
    facts: Vec::new(),
};

impl Rules {
    /// What a finding of this guardrail weighs; `None` when it is off.
    #[must_use]
    pub fn severity(&self, rule: Rule) -> Option<Severity> {
        match self.levels.get(&rule) {
            Some(Level::Off) => None,
            Some(Level::Notice) => Some(Severity::Notice),
            Some(Level::Warning) => Some(Severity::Warning),
            Some(Level::Blocking) => Some(Severity::Blocking),
            None => Some(standard(rule)),
        }
    }
}

/// Surely wrong is blocking; what rests on guesses about language is a warning.
const fn standard(rule: Rule) -> Severity {
    match rule {
        Rule::Length
        | Rule::Placeholder
        | Rule::Link
        | Rule::BannedTerm
        | Rule::PersonalData
        | Rule::Instructions => Severity::Blocking,
        Rule::Parts
        | Rule::Language
        | Rule::Number
        | Rule::Name
        | Rule::Greeting
        | Rule::Injection => Severity::Warning,
        Rule::Duplicate => Severity::Notice,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_house_sets_levels_in_json_and_the_rest_stays_as_it_is() {
        let rules: Rules =
            serde_json::from_str(r#"{"levels":{"name":"off","parts":"blocking"},"max_parts":2}"#)
                .unwrap();
        assert_eq!(rules.severity(Rule::Name), None);
        assert_eq!(rules.severity(Rule::Parts), Some(Severity::Blocking));
        assert_eq!(rules.severity(Rule::Number), Some(Severity::Warning));
        assert_eq!((rules.max_parts, rules.max_length), (2, Some(2_000)));
        assert!(serde_json::from_str::<Rules>(r#"{"level":{}}"#).is_err());
    }
}

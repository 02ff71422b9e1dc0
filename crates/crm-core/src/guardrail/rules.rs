//! What a house sets: its terms, its hosts, its facts, its limits and how much each guardrail weighs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::finding::{Rule, Severity};
use crate::error::{Error, Result};

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
        Self::STANDARD
    }
}

impl Rules {
    /// Those of a house that sets nothing.
    pub const STANDARD: Self = Self {
        levels: BTreeMap::new(),
        max_length: Some(2_000),
        max_parts: 6,
        banned_terms: Vec::new(),
        allowed_hosts: Vec::new(),
        facts: Vec::new(),
    };

    /// Refuses settings that would do something else than they seem to: blank terms, addresses of pages among the
    /// hosts, lists without end, no parts at all.
    ///
    /// # Errors
    /// `Invalid` with the setting.
    pub fn check(&self) -> Result<()> {
        let lists = [
            ("banned_terms", &self.banned_terms),
            ("allowed_hosts", &self.allowed_hosts),
            ("facts", &self.facts),
        ];
        for (name, list) in lists {
            let good = |text: &String| (1..=2_000).contains(&text.trim().chars().count());
            if list.len() > 1_000 || !list.iter().all(good) {
                let detail = "use up to 1,000 texts of 1 to 2,000 characters";
                return Err(Error::field(name, detail));
            }
        }
        let host = |text: &String| {
            let sign = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-');
            text.contains('.') && text.chars().all(sign)
        };
        if !self.allowed_hosts.iter().all(host) {
            let detail = "use names of hosts alone, for example shop.example";
            return Err(Error::field("allowed_hosts", detail));
        }
        if self.max_parts == 0 || self.max_length == Some(0) {
            let name = if self.max_parts == 0 {
                "max_parts"
            } else {
                "max_length"
            };
            return Err(Error::field(name, "use 1 or more"));
        }
        Ok(())
    }

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

    #[test]
    fn settings_that_would_do_something_else_are_refused() {
        let read = |json: &str| serde_json::from_str::<Rules>(json).unwrap();
        let good = r#"{"allowed_hosts":["shop.uz","m.дом.рф"],"banned_terms":["a b"],"facts":["+998 90"]}"#;
        assert!(read(good).check().is_ok() && Rules::default().check().is_ok());
        for (json, field) in [
            (r#"{"allowed_hosts":["https://shop.uz"]}"#, "allowed_hosts"),
            (r#"{"allowed_hosts":["shop.uz/a"]}"#, "allowed_hosts"),
            (r#"{"banned_terms":[" "]}"#, "banned_terms"),
            (r#"{"max_parts":0}"#, "max_parts"),
            (r#"{"max_length":0}"#, "max_length"),
        ] {
            let error = read(json).check().unwrap_err();
            assert!(error.to_string().contains(field), "{json}: {error}");
        }
    }
}

//! A house's rules, read: what depends on them alone is worked out once and not for each text.

use std::fmt;
use std::ops::Deref;

use super::banned::Terms;
use super::link::KnownLinks;
use super::name::KnownNames;
use super::number::KnownNumbers;
use super::personal::KnownAddresses;
use super::rules::Rules;
use super::text::Text;

/// The rules of one house in the form that texts are checked by. Made once, when an engine is; other rules are
/// another book. It reads as the [`Rules`] it was made of.
pub struct Rulebook {
    rules: Rules,
    pub(super) terms: Terms,
    /// `allowed_hosts` in the form they are compared in.
    pub(super) hosts: Vec<String>,
    pub(super) facts: Facts,
}

/// What the house's facts say.
pub(super) struct Facts {
    pub(super) links: KnownLinks,
    pub(super) addresses: KnownAddresses,
    pub(super) numbers: KnownNumbers,
    pub(super) names: KnownNames,
}

/// What may be said because of this one text, its sources and its contact, or because of the house's facts.
pub(super) struct Grounds<'a, T> {
    pub(super) own: T,
    pub(super) house: &'a T,
}

impl<T> Grounds<'_, T> {
    pub(super) fn any(&self, holds: impl Fn(&T) -> bool) -> bool {
        holds(&self.own) || holds(self.house)
    }
}

/// Of a house that sets nothing.
pub static STANDARD: Rulebook = Rulebook {
    rules: Rules::STANDARD,
    terms: Terms::NONE,
    hosts: Vec::new(),
    facts: Facts {
        links: KnownLinks::NONE,
        addresses: KnownAddresses::NONE,
        numbers: KnownNumbers::NONE,
        names: KnownNames::NONE,
    },
};

impl Rulebook {
    /// Reads the rules. Takes time linear in them, which for long lists is many times what a text takes.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        let facts: Vec<Text> = rules.facts.iter().map(|fact| Text::new(fact)).collect();
        let hosts = rules.allowed_hosts.iter();
        Self {
            terms: Terms::new(&rules.banned_terms),
            hosts: hosts
                .map(|host| host.trim_start_matches("www.").to_lowercase())
                .collect(),
            facts: Facts {
                links: KnownLinks::of(&facts),
                addresses: KnownAddresses::of(&facts),
                numbers: KnownNumbers::of(&facts),
                names: KnownNames::of(&facts),
            },
            rules,
        }
    }
}

impl Deref for Rulebook {
    type Target = Rules;

    fn deref(&self) -> &Rules {
        &self.rules
    }
}

impl From<Rules> for Rulebook {
    fn from(rules: Rules) -> Self {
        Self::new(rules)
    }
}

impl fmt::Debug for Rulebook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rules.fmt(f)
    }
}

//! Who gets which variant of a campaign, and who gets none of them so that the rest can be compared with somebody.
//!
//! A hash of the campaign and the contact decides, and nothing is stored for it: planning in pages, after a crash or
//! on another machine, gives the same answer, for ever. The hash of another campaign is independent of it, so that
//! nobody is always in the holdout.
//!
//! The holdout is drawn from other bits than the arm. So a holdout that grows takes contacts out of all arms evenly
//! and moves nobody between arms. **Arms that change do move people**: when a weight, the number or the order of
//! arms changes, contacts of any arm may come into another one. Change them before a campaign runs, or keep what a
//! plan already says.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::id::{ContactId, TemplateId};
use crate::message::digest::Encoder;

/// The most arms.
pub const ARMS: usize = 26;

/// What the holdout is called where an arm's name would stand; no arm may be called so.
pub const HOLDOUT: &str = "holdout";

/// One variant. What it leaves out is as the campaign has it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arm {
    /// Name, 1 to 20 characters.
    pub name: String,
    /// Its share among the weights of all arms, 1 to 1,000.
    pub weight: u16,
    /// Template to use instead of the model.
    #[serde(default)]
    pub template_id: Option<TemplateId>,
    /// Tone for the model.
    #[serde(default)]
    pub tone: Option<String>,
    /// What the message is about, for the model; at most 500 characters.
    #[serde(default)]
    pub custom_context: Option<String>,
}

impl Arm {
    /// One that differs from the others in nothing yet.
    #[must_use]
    pub fn new(name: &str, weight: u16) -> Self {
        Self {
            name: name.to_owned(),
            weight,
            template_id: None,
            tone: None,
            custom_context: None,
        }
    }
}

// The words of a campaign are shown nowhere else either.
impl fmt::Debug for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arm({}, {})", self.name, self.weight)
    }
}

/// The variants of a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variants {
    /// The arms, 1 to 26; the first one is what the others are compared with.
    pub arms: Vec<Arm>,
    /// How many of a thousand contacts get nothing, 0 to 999.
    #[serde(default)]
    pub holdout_permille: u16,
}

/// Where a contact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Assignment {
    /// Gets nothing of this campaign.
    Holdout,
    /// Gets the arm of that index.
    Arm(usize),
}

impl Variants {
    /// Checks the arms and the holdout.
    ///
    /// # Errors
    /// `Invalid` for no arm or too many, names that are bad or alike (upper and lower case are the same), weights
    /// and a holdout out of range.
    pub fn validate(&self) -> Result<()> {
        if !(1..=ARMS).contains(&self.arms.len()) {
            return Err(Error::field("arms", "use 1 to 26 arms"));
        }
        let mut names: Vec<String> = Vec::with_capacity(self.arms.len());
        for arm in &self.arms {
            let name = arm.name.to_lowercase();
            let length = arm.name.chars().count();
            let shown = arm.name.trim() == arm.name && !arm.name.chars().any(char::is_control);
            if !(1..=20).contains(&length) || !shown || name == HOLDOUT || names.contains(&name) {
                return Err(Error::field(
                    "arms",
                    "give each arm a name of its own, 1 to 20 characters, other than holdout",
                ));
            }
            if !(1..=1_000).contains(&arm.weight) {
                return Err(Error::field("arms", "use weights from 1 to 1,000"));
            }
            names.push(name);
        }
        if self.holdout_permille > 999 {
            return Err(Error::field(
                "holdout_permille",
                "hold back 0 to 999 of a thousand",
            ));
        }
        Ok(())
    }

    /// Where `contact` is in the campaign whose id's bytes are `salt`. Variants that do not
    /// [validate](Self::validate) may put everybody into the holdout.
    #[must_use]
    pub fn assign(&self, salt: &[u8], contact: ContactId) -> Assignment {
        let mut encoder = Encoder::new("crm/split/v1");
        encoder.bytes(salt).bytes(contact.0.as_bytes());
        let hash = encoder.finish().0;
        let (first, rest) = hash.split_first_chunk().unwrap_or((&[0; 8], &[]));
        let second = rest.first_chunk().copied().unwrap_or_default();
        if below(u64::from_be_bytes(*first), 1_000) < u64::from(self.holdout_permille) {
            return Assignment::Holdout;
        }
        let total = self.arms.iter().map(|arm| u64::from(arm.weight)).sum();
        let mut left = below(u64::from_be_bytes(second), total);
        for (index, arm) in self.arms.iter().enumerate() {
            match left.checked_sub(u64::from(arm.weight)) {
                Some(behind) => left = behind,
                None => return Assignment::Arm(index),
            }
        }
        Assignment::Holdout
    }

    /// The name of where a contact is: an arm's, or [`HOLDOUT`].
    #[must_use]
    pub fn name(&self, assignment: Assignment) -> &str {
        match assignment {
            Assignment::Holdout => HOLDOUT,
            Assignment::Arm(index) => self.arms.get(index).map_or(HOLDOUT, |arm| &arm.name),
        }
    }
}

/// A number below `limit` from 64 random bits, each as likely as the others to within 2^-40.
fn below(bits: u64, limit: u64) -> u64 {
    u64::try_from((u128::from(bits) * u128::from(limit)) >> 64).unwrap_or_default()
}

#[cfg(test)]
mod tests;

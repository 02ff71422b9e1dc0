//! The usage ledger: one entry for each call of a model, opened before it and closed after it.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::Account;
use crate::actor::Workspace;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{CampaignId, LedgerId};
use crate::port::llm::Usage;

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryState {
    /// It is under way: what it can cost at most is reserved.
    Reserved,
    /// It ended, and its cost is known.
    Settled,
    /// It cost nothing.
    Released,
    /// Its end is not known, because the program died or the answer was lost: it counts as much as was
    /// reserved, until somebody learns more.
    Assumed,
}

impl EntryState {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Reserved, Self::Settled, Self::Released, Self::Assumed];

    /// The name used in JSON and in columns.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Settled => "settled",
            Self::Released => "released",
            Self::Assumed => "assumed",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// One call of a model: what it was for, what was reserved, what it cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// Tenant.
    pub workspace: Workspace,
    /// Id.
    pub id: LedgerId,
    /// When it was reserved.
    pub at: DateTime<Utc>,
    /// The day it counts for, in the workspace's zone, whenever it ends.
    pub day: NaiveDate,
    /// Who wanted it.
    pub actor: String,
    /// The campaign it was for.
    pub campaign_id: Option<CampaignId>,
    /// The model that was asked; empty when it has no name.
    pub model: String,
    /// What exactly it was for. While it is [`held`](Self::held), no other entry has this key.
    pub key: Option<String>,
    /// Whether it holds its key: while it is open, and after a draft until `expires_at`, so that the draft
    /// can be saved before anybody drafts the same again.
    pub held: bool,
    /// The most that it can cost in 10^-12 US dollars; `None` when the price is not known.
    pub reserved_picodollars: Option<u64>,
    /// What became of it.
    pub state: EntryState,
    /// What it cost, or is assumed to have cost, in 10^-12 US dollars.
    pub cost_picodollars: u64,
    /// What it used.
    pub usage: Usage,
    /// Whether it is a request of a batch.
    pub batch: bool,
    /// The model that answered.
    pub answered: Option<String>,
    /// The provider's request id.
    pub request_id: Option<String>,
    /// Code of the failure, when there was no draft.
    pub failure: Option<String>,
    /// When it is taken for lost if it is still open, and no longer holds its key.
    pub expires_at: DateTime<Utc>,
    /// When it was closed.
    pub closed_at: Option<DateTime<Utc>>,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Its cost is known.
    Settled {
        /// What it cost in 10^-12 US dollars.
        cost_picodollars: u64,
        /// What it used.
        usage: Usage,
        /// The model that answered.
        answered: Option<String>,
        /// The provider's request id.
        request_id: Option<String>,
        /// Code of the failure, when there was no draft.
        failure: Option<String>,
    },
    /// It cost nothing, because nothing was done.
    Released {
        /// Code.
        failure: String,
    },
    /// What it cost is not known.
    Assumed {
        /// Code.
        failure: String,
    },
}

impl LedgerEntry {
    /// The entry as it ended at `now`. A draft keeps holding its key until the entry expires; without one the
    /// key is free at once.
    #[must_use]
    pub fn end(&self, outcome: Outcome, now: DateTime<Utc>) -> Self {
        let ended = Self {
            held: false,
            closed_at: Some(now),
            ..self.clone()
        };
        match outcome {
            Outcome::Settled {
                cost_picodollars,
                usage,
                answered,
                request_id,
                failure,
            } => Self {
                state: EntryState::Settled,
                held: failure.is_none() && self.key.is_some() && now < self.expires_at,
                cost_picodollars,
                usage,
                answered,
                request_id,
                failure,
                ..ended
            },
            Outcome::Released { failure } => Self {
                state: EntryState::Released,
                cost_picodollars: 0,
                failure: Some(failure),
                ..ended
            },
            Outcome::Assumed { failure } => Self {
                state: EntryState::Assumed,
                cost_picodollars: self.reserved_picodollars.unwrap_or(0),
                failure: Some(failure),
                ..ended
            },
        }
    }

    /// The entry once its time is up: an open one is assumed, a closed one no longer holds its key.
    #[must_use]
    pub fn expire(&self, now: DateTime<Utc>) -> Self {
        if self.state == EntryState::Reserved {
            let failure = "answer_lost".to_owned();
            return self.end(Outcome::Assumed { failure }, now);
        }
        Self {
            held: false,
            ..self.clone()
        }
    }

    /// Whether it cost more than was reserved for it.
    #[must_use]
    pub fn exceeds(&self) -> bool {
        self.reserved_picodollars
            .is_some_and(|reserved| self.cost_picodollars > reserved)
    }
}

/// The row that a store writes when it has `stored` and is told `new`: an entry is closed once, an assumed
/// one again when more is known, and what it was for and what was reserved never change.
///
/// # Errors
/// [`Conflict`](ErrorKind::Conflict) when it is closed already; `Invalid` when the new one counts in other
/// accounts than the stored one.
pub fn closed(stored: &LedgerEntry, new: &LedgerEntry) -> Result<LedgerEntry> {
    use EntryState::{Assumed, Released, Reserved, Settled};
    if Account::of(stored) != Account::of(new) {
        return Err(Error::new(
            ErrorKind::Invalid,
            "an entry of the ledger keeps its day and its campaign",
        ));
    }
    let row = match (stored.state, new.state) {
        (Reserved, Settled | Released | Assumed) | (Assumed, Settled | Released) => LedgerEntry {
            held: new.held && new.key.is_some() && stored.held,
            state: new.state,
            cost_picodollars: new.cost_picodollars,
            usage: new.usage,
            answered: new.answered.clone(),
            request_id: new.request_id.clone(),
            failure: new.failure.clone(),
            closed_at: new.closed_at,
            ..stored.clone()
        },
        // It no longer holds its key, and nothing else changes.
        (Settled, Settled) if stored.held && !new.held => LedgerEntry {
            held: false,
            ..stored.clone()
        },
        _ => {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("entry {} of the ledger is closed already", stored.id),
            ));
        }
    };
    Ok(row)
}

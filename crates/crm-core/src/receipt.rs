//! Receipts: what providers say about deliveries, kept and worked off.
//!
//! A provider says things twice, in any order, and sometimes before our own record of the call is written. So a
//! receipt is kept first and decided on afterwards, as often as it takes: [`settle`](crate::message::receipts)
//! says what it does to the message. One whose delivery nobody knows is looked at again for three days and
//! then kept as it is.

use std::fmt;

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use crate::actor::Workspace;
use crate::id::MessageId;
use crate::port::callback::{About, Fate, Receipt};

/// Where a receipt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptState {
    /// To be looked at, for the first time or again.
    Waiting,
    /// Its delivery was found, and what it says is in the history, or was known.
    Settled,
    /// Its delivery was not found for so long that nobody looks any more.
    Unmatched,
}

impl ReceiptState {
    /// All states.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Settled, Self::Unmatched];

    /// The name used in JSON and in columns.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Settled => "settled",
            Self::Unmatched => "unmatched",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// A receipt as stored. Channel, delivery and kind of fate together are its key: the same said twice is one
/// receipt.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptReceipt {
    /// Tenant.
    pub workspace: Workspace,
    /// Channel name.
    pub channel: String,
    /// What the provider said.
    pub receipt: Receipt,
    /// When it came, by our clock.
    pub received_at: DateTime<Utc>,
    /// Where it stands.
    pub state: ReceiptState,
    /// The message it is about, once that is found.
    pub message_id: Option<MessageId>,
    /// How often it was looked at; each change adds one.
    pub tries: u32,
    /// When a waiting one is looked at next; when another one was settled.
    pub due_at: DateTime<Utc>,
}

/// Shows no provider's id: some hold an address.
impl fmt::Debug for KeptReceipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "KeptReceipt({} {:?} {:?})",
            self.channel, self.receipt.fate, self.state
        )
    }
}

impl KeptReceipt {
    /// One that just came.
    #[must_use]
    pub const fn new(
        workspace: Workspace,
        channel: String,
        receipt: Receipt,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            workspace,
            channel,
            receipt,
            received_at: now,
            state: ReceiptState::Waiting,
            message_id: None,
            tries: 0,
            due_at: now,
        }
    }

    /// The provider's id of the delivery, if the receipt names that.
    #[must_use]
    pub fn provider_id(&self) -> Option<&str> {
        match &self.receipt.about {
            About::ProviderId(id) => Some(id),
            About::Attempt(_) => None,
        }
    }

    /// The same, settled.
    #[must_use]
    pub fn settled(&self, message: MessageId, now: DateTime<Utc>) -> Self {
        Self {
            state: ReceiptState::Settled,
            message_id: Some(message),
            tries: self.tries + 1,
            due_at: now,
            ..self.clone()
        }
    }

    /// The same, looked at in vain: it waits for 1 s, then 5 s, 25 s and so on up to six hours, and after three
    /// days nobody looks again.
    #[must_use]
    pub fn postponed(&self, now: DateTime<Utc>) -> Self {
        const LONGEST: i64 = 6 * 60 * 60;
        let wait = 5_i64.saturating_pow(self.tries.min(16)).min(LONGEST);
        let over = now - self.received_at > Duration::days(3);
        Self {
            state: if over {
                ReceiptState::Unmatched
            } else {
                ReceiptState::Waiting
            },
            tries: self.tries.saturating_add(1),
            due_at: if over {
                now
            } else {
                now + Duration::seconds(wait)
            },
            ..self.clone()
        }
    }
}

/// Longest name of a delivery and longest code of a reason that is kept, in characters. A provider's own are
/// far shorter.
pub const LONGEST: usize = 200;

/// A receipt whose texts fit: its reason is cut; `None` when its delivery's name is empty, too long, or not on one
/// line: we were given none like that.
#[must_use]
pub fn fitting(mut receipt: Receipt) -> Option<Receipt> {
    if let About::ProviderId(id) = &receipt.about
        && (!(1..=LONGEST).contains(&id.chars().count()) || id.chars().any(char::is_control))
    {
        return None;
    }
    if let Fate::Failed { reason, .. } = &mut receipt.fate {
        *reason = reason
            .chars()
            .filter(|c| !c.is_control())
            .take(LONGEST)
            .collect();
    }
    Some(receipt)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt() -> Receipt {
        Receipt {
            about: About::ProviderId("SM1".to_owned()),
            fate: Fate::Delivered,
            at: None,
        }
    }

    #[test]
    fn waits_longer_each_time_and_not_for_ever() {
        let start = DateTime::UNIX_EPOCH;
        let workspace = Workspace::default();
        let mut kept = KeptReceipt::new(workspace, "sms".to_owned(), receipt(), start);
        let mut now = start;
        let mut waits = Vec::new();
        while kept.state == ReceiptState::Waiting {
            let next = kept.postponed(now);
            assert_eq!(next.tries, kept.tries + 1);
            waits.push((next.due_at - now).num_seconds());
            kept = next;
            now = kept.due_at;
        }
        assert_eq!(waits[..7], [1, 5, 25, 125, 625, 3_125, 15_625]);
        assert!(waits[7..waits.len() - 1].iter().all(|wait| *wait == 21_600));
        assert_eq!(kept.state, ReceiptState::Unmatched);
        let days = (now - start).num_hours();
        assert!((72..=78).contains(&days), "{days} hours");
    }

    #[test]
    fn what_does_not_fit_is_cut_or_left_out() {
        let long = "x".repeat(LONGEST + 1);
        let of = |id: &str| Receipt {
            about: About::ProviderId(id.to_owned()),
            ..receipt()
        };
        assert_eq!(fitting(of("")), None);
        assert_eq!(fitting(of(&long)), None);
        assert_eq!(fitting(of("SM\0")), None);
        assert_eq!(fitting(of("SM1")), Some(of("SM1")));
        let failed = Receipt {
            fate: Fate::Failed {
                reason: format!("a\nb{long}"),
                dead: false,
            },
            ..receipt()
        };
        let cut = fitting(failed).map(|receipt| receipt.fate);
        let reason = format!("ab{}", "x".repeat(LONGEST - 2));
        assert_eq!(
            cut,
            Some(Fate::Failed {
                reason,
                dead: false
            })
        );
    }
}

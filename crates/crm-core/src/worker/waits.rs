//! Who may not be written to for a while: a provider refused for now, and not for this message alone.
//!
//! In memory, like the channels that rest. A worker that starts anew, or another one, learns it from the
//! provider again, which costs an attempt and no message.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};

use crate::message::Message;

/// Recipients remembered at most. Those who wait the shortest are forgotten first.
const MOST: usize = 10_000;

/// Until when, by channel and address. `Debug` shows how many: addresses are personal data.
#[derive(Default)]
pub(super) struct Waits(BTreeMap<(String, String), DateTime<Utc>>);

impl fmt::Debug for Waits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Waits({})", self.0.len())
    }
}

impl Waits {
    /// Nothing more to this recipient on this channel until then. What is over is forgotten.
    pub(super) fn insert(
        &mut self,
        channel: &str,
        recipient: &str,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) {
        let known = self
            .0
            .entry((channel.to_owned(), recipient.to_owned()))
            .or_insert(until);
        *known = until.max(*known);
        if self.0.len() > MOST {
            self.0.retain(|_, until| *until > now);
        }
        while self.0.len() > MOST {
            let first = self.0.iter().min_by_key(|(_, until)| **until);
            let Some(first) = first.map(|(who, _)| who.clone()) else {
                return;
            };
            self.0.remove(&first);
        }
    }

    /// Until when this message has to wait for its recipient's sake; `None` when it need not.
    pub(super) fn until(&mut self, message: &Message, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if self.0.is_empty() {
            return None;
        }
        let who = (message.channel.clone(), message.recipient.clone());
        let until = *self.0.get(&who)?;
        if until <= now {
            self.0.remove(&who);
            return None;
        }
        Some(until)
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;
    use crate::testing::fixtures::{message, noon};

    #[test]
    fn a_recipient_waits_on_one_channel_until_the_latest_time_named() {
        let mut waits = Waits::default();
        let (one, mut other) = (message(1), message(1));
        let minute = |n| noon() + Duration::minutes(n);
        waits.insert(&one.channel, &one.recipient, minute(5), noon());
        waits.insert(&one.channel, &one.recipient, minute(2), noon());
        assert_eq!(waits.until(&one, minute(4)), Some(minute(5)));
        other.channel = "sms".to_owned();
        assert_eq!(waits.until(&other, noon()), None);
        assert_eq!(waits.until(&message(2), noon()), None);
        assert_eq!(waits.until(&one, minute(5)), None);
        assert!(waits.0.is_empty(), "what is over is forgotten");
    }

    #[test]
    fn only_so_many_are_remembered_and_the_longest_waits_stay() {
        let mut waits = Waits::default();
        let count = i64::try_from(MOST).unwrap_or_default();
        for second in 1..=count + 10 {
            let until = noon() + Duration::seconds(second);
            waits.insert("sms", &second.to_string(), until, noon());
        }
        assert_eq!(waits.0.len(), MOST);
        let kept = |second: i64| {
            waits
                .0
                .contains_key(&("sms".to_owned(), second.to_string()))
        };
        assert!(!kept(10) && kept(11) && kept(count + 10));
        // What is over goes before what still lasts.
        let later = noon() + Duration::seconds(count);
        waits.insert("sms", "new", later + Duration::seconds(1), later);
        assert_eq!(waits.0.len(), 11);
    }
}

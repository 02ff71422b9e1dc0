//! The system's clock and randomness, for hosts that bring none of their own.

use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};
use uuid::{ContextV7, Timestamp, Uuid};

use crate::port::clock::Clock;
use crate::port::ids::Ids;

/// The system's clock, in whole microseconds: what every store keeps.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let micros = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
        DateTime::from_timestamp_micros(micros).unwrap_or_default()
    }
}

/// UUIDs of version 7, each ordered after all earlier ones of this value, and salts from the system's
/// randomness. Use one value for the whole process.
#[derive(Debug)]
pub struct RandomIds {
    context: Mutex<Counter>,
}

#[derive(Debug)]
struct Counter {
    context: ContextV7,
    last: Uuid,
}

impl Default for RandomIds {
    fn default() -> Self {
        Self {
            context: Mutex::new(Counter {
                context: ContextV7::new(),
                last: Uuid::nil(),
            }),
        }
    }
}

impl Ids for RandomIds {
    fn next(&self) -> Uuid {
        let mut counter = self.context.lock().unwrap_or_else(PoisonError::into_inner);
        let mut id = Uuid::new_v7(Timestamp::now(&counter.context));
        if id <= counter.last {
            // The clock stepped back: count on from the last one.
            id = Uuid::from_u128(counter.last.as_u128().wrapping_add(1));
        }
        counter.last = id;
        id
    }

    fn salt(&self) -> [u8; 16] {
        // Two version 4 values hold 122 random bits each; hashing both fills all 128 bits.
        let bytes = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
        let hash = crate::message::Digest::of(&bytes).0;
        let mut salt = [0_u8; 16];
        salt.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        salt
    }
}

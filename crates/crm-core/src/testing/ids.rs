//! Identifiers and salts that are the same in every run.

use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

use crate::message::Digest;
use crate::port::ids::Ids;

/// Counts. The ids have the form of version 7 and grow; the salts are hashes of a counter.
#[derive(Debug, Default)]
pub struct SequentialIds {
    next: AtomicU64,
    salts: AtomicU64,
}

impl SequentialIds {
    /// Ids that begin behind the first `start` ones.
    #[must_use]
    pub const fn starting_at(start: u64) -> Self {
        Self {
            next: AtomicU64::new(start),
            salts: AtomicU64::new(start),
        }
    }
}

/// The `number`-th id: its time is 2025-01-01T00:00:00Z plus as many milliseconds.
#[must_use]
pub fn nth(number: u64) -> Uuid {
    const START_MS: u64 = 1_735_689_600_000;
    let millis = u128::from(START_MS.saturating_add(number) & 0xFFFF_FFFF_FFFF);
    // 48 bits of time, version 7, variant 10; the counter again in the random part.
    Uuid::from_u128(millis << 80 | 0x7 << 76 | 0b10 << 62 | u128::from(number & 0xFFFF_FFFF))
}

impl Ids for SequentialIds {
    fn next(&self) -> Uuid {
        nth(self.next.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn salt(&self) -> [u8; 16] {
        let number = self.salts.fetch_add(1, Ordering::Relaxed);
        let hash = Digest::of(&number.to_be_bytes()).0;
        let mut salt = [0_u8; 16];
        salt.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        salt
    }
}

//! Dice that fall the same for the same seed, and a house clock that follows the runtime's paused one.

use std::sync::Mutex;
use std::time::Duration;

use chrono::{DateTime, Utc};
use crm_core::port::clock::Clock;
use crm_core::testing::fixtures::noon;
use tokio::time::Instant;

/// `SplitMix64`: small, and the same everywhere.
#[derive(Debug)]
pub(crate) struct Dice(Mutex<u64>);

impl Dice {
    /// Those of one part of a life; parts do not disturb each other.
    pub(crate) fn new(seed: u64, part: u64) -> Self {
        let dice = Self(Mutex::new(seed ^ part.wrapping_mul(0xA076_1D64_78BD_642F)));
        dice.roll();
        dice
    }

    pub(crate) fn roll(&self) -> u64 {
        let mut state = self.0.lock().unwrap();
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// 0 to `end - 1`.
    pub(crate) fn below(&self, end: u64) -> u64 {
        self.roll() % end.max(1)
    }

    /// True so many times in a hundred.
    pub(crate) fn percent(&self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// Up to so many milliseconds.
    pub(crate) fn millis(&self, most: u64) -> Duration {
        Duration::from_millis(self.below(most + 1))
    }

    /// One of them.
    pub(crate) fn pick<'a, T>(&self, from: &'a [T]) -> Option<&'a T> {
        let index = self.below(from.len() as u64);
        from.get(usize::try_from(index).unwrap())
    }
}

/// Time passes as the runtime says; the clock may be wrong by an offset that is set again and again.
#[derive(Debug)]
pub(crate) struct LeapingClock {
    start: Instant,
    offset: Mutex<chrono::Duration>,
}

impl LeapingClock {
    pub(crate) fn new(start: Instant) -> Self {
        Self {
            start,
            offset: Mutex::new(chrono::Duration::zero()),
        }
    }

    pub(crate) fn leap(&self, by: chrono::Duration) {
        *self.offset.lock().unwrap() += by;
    }
}

impl Clock for LeapingClock {
    fn now(&self) -> DateTime<Utc> {
        let passed = chrono::Duration::from_std(self.start.elapsed()).unwrap();
        noon() + passed + *self.offset.lock().unwrap()
    }
}

/// The clock of one machine: the house's, and always so much ahead or behind.
#[derive(Debug)]
pub(crate) struct Skewed {
    pub(crate) house: std::sync::Arc<LeapingClock>,
    pub(crate) ahead: chrono::Duration,
}

impl Clock for Skewed {
    fn now(&self) -> DateTime<Utc> {
        self.house.now() + self.ahead
    }
}

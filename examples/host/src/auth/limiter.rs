//! How often somebody may try to sign in, per account and per address, and a count in memory.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::Problem;

/// More keys than this are not remembered.
const MOST: usize = 20_000;

#[derive(Default)]
pub(crate) struct Limiter(Mutex<HashMap<String, (u32, Instant)>>);

/// How many failures within how long.
#[derive(Clone, Copy)]
pub(crate) struct Limit {
    pub(crate) failures: u32,
    pub(crate) window: Duration,
}

pub(crate) const PER_ACCOUNT: Limit = Limit {
    failures: 10,
    window: Duration::from_secs(300),
};
pub(crate) const PER_ADDRESS: Limit = Limit {
    failures: 100,
    window: Duration::from_secs(300),
};

impl Limiter {
    /// Counts an attempt, or refuses it when there were too many.
    pub(crate) fn attempt(&self, key: &str, limit: Limit) -> Result<(), Problem> {
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if map.len() >= MOST && !map.contains_key(key) {
            map.retain(|_, (_, since)| since.elapsed() < limit.window);
            // Still full: many addresses guess at once. Then nobody new may.
            if map.len() >= MOST {
                return Err(Problem::too_many(limit.window.as_secs()));
            }
        }
        let entry = map
            .entry(key.to_owned())
            .or_insert_with(|| (0, Instant::now()));
        if entry.1.elapsed() >= limit.window {
            *entry = (0, Instant::now());
        }
        if entry.0 >= limit.failures {
            let left = limit.window.saturating_sub(entry.1.elapsed());
            return Err(Problem::too_many(left.as_secs() + 1));
        }
        entry.0 += 1;
        Ok(())
    }

    /// The attempt was none to count.
    pub(crate) fn take_back(&self, key: &str) {
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((count, _)) = map.get_mut(key) {
            *count = count.saturating_sub(1);
        }
    }

    /// Forgets what was counted under the key.
    pub(crate) fn forget(&self, key: &str) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_after_the_limit_and_forgets_on_success() {
        let limiter = Limiter::default();
        for _ in 0..PER_ACCOUNT.failures {
            assert!(limiter.attempt("a", PER_ACCOUNT).is_ok());
        }
        assert!(limiter.attempt("a", PER_ACCOUNT).is_err());
        assert!(limiter.attempt("b", PER_ACCOUNT).is_ok());
        limiter.take_back("a");
        assert!(limiter.attempt("a", PER_ACCOUNT).is_ok());
        assert!(limiter.attempt("a", PER_ACCOUNT).is_err());
        limiter.forget("a");
        assert!(limiter.attempt("a", PER_ACCOUNT).is_ok());
    }
}

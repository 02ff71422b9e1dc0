//! Counts failed logins per account and per address, in memory.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::Problem;

/// More keys than this are not remembered; the oldest windows go first.
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
    pub(crate) fn check(&self, key: &str, limit: Limit) -> Result<(), Problem> {
        let map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match map.get(key) {
            Some((count, since)) if *count >= limit.failures => {
                let left = limit.window.saturating_sub(since.elapsed());
                if left.is_zero() {
                    Ok(())
                } else {
                    Err(Problem::too_many(left.as_secs() + 1))
                }
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn failed(&self, key: &str, limit: Limit) {
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if map.len() >= MOST {
            map.retain(|_, (_, since)| since.elapsed() < limit.window);
        }
        if map.len() >= MOST {
            return;
        }
        let entry = map
            .entry(key.to_owned())
            .or_insert_with(|| (0, Instant::now()));
        if entry.1.elapsed() >= limit.window {
            *entry = (0, Instant::now());
        }
        entry.0 += 1;
    }

    pub(crate) fn succeeded(&self, key: &str) {
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
            assert!(limiter.check("a", PER_ACCOUNT).is_ok());
            limiter.failed("a", PER_ACCOUNT);
        }
        assert!(limiter.check("a", PER_ACCOUNT).is_err());
        assert!(limiter.check("b", PER_ACCOUNT).is_ok());
        limiter.succeeded("a");
        assert!(limiter.check("a", PER_ACCOUNT).is_ok());
    }
}

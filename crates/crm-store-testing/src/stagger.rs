//! Random head starts. Two that leave the line together mostly meet at the same point, round for round; one
//! that waits a moment meets the other anywhere between its first step and its last.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crm_core::port::ids::Ids as _;
use crm_core::system::RandomIds;

/// Random numbers that a seed repeats, in the span of how long the runners took so far.
#[derive(Debug)]
pub(crate) struct Stagger {
    state: AtomicU64,
    /// How long a runner takes, in microseconds, on average.
    usual: AtomicU64,
}

impl Stagger {
    /// By `CRM_RACE_SEED`, or by a seed of its own; it is printed.
    pub(crate) fn new() -> Self {
        let given = std::env::var("CRM_RACE_SEED").ok();
        let seed = given.map_or_else(
            || RandomIds::default().next().as_u64_pair().1,
            |text| text.parse().unwrap(),
        );
        println!("CRM_RACE_SEED={seed}");
        Self {
            state: AtomicU64::new(seed),
            usual: AtomicU64::new(500),
        }
    }

    /// How long each of two waits behind the start line: one of them not at all, the other up to twice as
    /// long as a runner takes.
    pub(crate) fn head_start(&self) -> (Duration, Duration) {
        let random = self.random();
        let longest = 2 * self.usual.load(Ordering::Relaxed);
        let wait = Duration::from_micros((random >> 1) % (longest + 1));
        match random & 1 {
            0 => (wait, Duration::ZERO),
            _ => (Duration::ZERO, wait),
        }
    }

    /// Notes how long a runner took.
    pub(crate) fn took(&self, time: Duration) {
        let time = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let usual = self.usual.load(Ordering::Relaxed);
        // No single slow round counts for much.
        let next = (usual * 7 + time.min(usual * 4)) / 8;
        self.usual.store(next.max(20), Ordering::Relaxed);
    }

    /// SplitMix64.
    fn random(&self) -> u64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut z = self.state.fetch_add(STEP, Ordering::Relaxed);
        z = z.wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

/// Lets others run for so long. A timer would round to milliseconds, in which a whole race is over.
pub(crate) async fn wait(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        tokio::task::yield_now().await;
    }
}

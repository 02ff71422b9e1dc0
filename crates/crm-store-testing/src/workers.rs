//! Workers in processes of their own over one database: killed and frozen at named points. `failpoint`
//! names the points, `sink` is the receiving side, `proof` what must be true in the end.
//!
//! The processes are the test's own program, started again: a test target that starts any has a module
//! `process` with the test [`A_WORKER`], which hands over to [`process::work_if_told`].

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};
use crm_core::Result;
use crm_core::port::store::Store;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use uuid::Uuid;

pub mod failpoint;
pub mod failpoints;
pub mod process;
pub mod proof;
pub mod scene;
pub mod sink;

/// The test that is a worker when it is started with a job.
pub const A_WORKER: &str = "process::a_worker_is_a_process";

/// Deliveries of a worker under way at once: all that one kill may leave in doubt.
pub const PLACES: usize = 8;

/// Where the database of a test is: how its processes come to its store, and what is read and done there
/// that the port has no call for.
#[allow(async_fn_in_trait)]
pub trait Place: Clone + std::fmt::Debug + Serialize + DeserializeOwned {
    /// What it is kept by.
    type Store: Store + 'static;

    /// A place nobody else uses, and its folder, which goes with the test.
    fn fresh() -> (Self, Option<TempDir>);

    /// For processes of which many are there at once.
    #[must_use]
    fn crowded(self) -> Self {
        self
    }

    /// Opens the store as workers do, and makes it if there is none.
    ///
    /// # Errors
    /// As the store; after `Unavailable` the process tries again.
    async fn open(&self) -> Result<Self::Store>;

    /// Opens the store as the test's own process does.
    async fn look(&self) -> Self::Store;

    /// All attempts, each message's in their order.
    async fn attempts(&self) -> Vec<Row>;

    /// Ends all leases, as time does. For when their owners are dead.
    async fn end_leases(&self);

    /// Removes what [`fresh`](Self::fresh) made and its folder does not hold.
    async fn clear(&self);
}

/// A row of the table of attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Whose.
    pub message: Uuid,
    /// Its own.
    pub id: Uuid,
    /// Who began it.
    pub worker: String,
    /// What was to leave.
    pub digest: Vec<u8>,
    /// How it ended, once it has.
    pub outcome: Option<String>,
    /// Why so.
    pub reason: Option<String>,
    /// When.
    pub finished: Option<DateTime<Utc>>,
}

/// A number from the environment.
///
/// # Panics
/// It is none.
#[must_use]
pub fn setting(name: &str, standard: usize) -> usize {
    std::env::var(name).map_or(standard, |text| text.parse().unwrap())
}

/// Seconds since 1970: another seed for each run.
///
/// # Panics
/// Never, after 1970.
#[must_use]
pub fn seconds_now() -> usize {
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    clock.as_secs().try_into().unwrap()
}

/// Numbers of a fixed sequence (a linear congruential generator).
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    /// The same seed gives the same numbers.
    ///
    /// # Panics
    /// Never, where addresses have 64 bits at most.
    #[must_use]
    pub fn new(seed: usize) -> Self {
        Self(seed.try_into().unwrap())
    }

    /// From 0 to `highest`.
    ///
    /// # Panics
    /// Never, where addresses have 32 bits at least.
    pub fn upto(&mut self, highest: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % (highest + 1)
    }
}

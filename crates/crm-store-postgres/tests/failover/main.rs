//! What happens to the server while workers deliver: it crashes, a standby takes over, a backup comes back,
//! a newer program changes the tables.
//!
//! The long run: `CRM_RESTARTS=200 CRM_FAILOVER_ROUNDS=20 cargo test -p crm-store-postgres --test failover
//! -- --nocapture`; each test prints its figures. Half as many lagging standbys are promoted as synchronous
//! ones. `CRM_PG_CLIENT` names a folder with `pg_dump` and `psql`: then a dump is restored, too.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use crm_store_testing::workers::{proof, sink};

mod backups;
mod cluster;
mod faults;
mod front;
mod held;
mod loss;
mod migration;
#[path = "../common/place.rs"]
mod place;
#[path = "../workers/process.rs"]
mod process;
mod promotions;
mod restarts;
#[allow(dead_code)]
#[path = "../workers/scene.rs"]
mod scene;
mod stale;
mod team;
mod versions;
#[path = "../common/wire.rs"]
mod wire;

//! Workers in processes of their own over one database: killed, frozen, woken, and with the server
//! restarted under them. [`failpoint`] names the points at which they are struck.
//!
//! The long run:
//! `CRM_FAULT_MESSAGES=20000 CRM_FAULT_KILLS=100 CRM_FAULT_RESTARTS=5 cargo test -p crm-store-postgres
//! --test workers faults -- --nocapture`. `CRM_FAULT_SEED` repeats a run's moments as far as the machine
//! allows; it is printed when the test fails.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use crm_store_testing::workers::{failpoint, proof, sink};

mod failpoints;
mod faults;
mod freezes;
mod frozen;
mod opening;
#[path = "../common/place.rs"]
mod place;
mod process;
mod scene;
mod wake;
#[path = "../common/wire.rs"]
mod wire;

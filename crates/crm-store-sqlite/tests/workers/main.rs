//! Workers in processes of their own over one file: killed and frozen at named points. One delivers at a
//! time; the others wait for its end.
//!
//! The long run: `CRM_FAILPOINT_ROUNDS=25 CRM_FREEZES=500 cargo test -p crm-store-sqlite --test workers --
//! --nocapture`.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod case;
mod failpoints;
mod file;
mod freezes;
mod hosts;
mod opening;
mod process;
mod turn;

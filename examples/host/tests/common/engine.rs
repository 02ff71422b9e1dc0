//! The engine itself over the files of a host that was stopped.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;

use crm_core::engine::{Engine, Session};
use crm_core::system::{RandomIds, SystemClock};
use crm_core::{Actor, Role, Workspace};
use crm_store_sqlite::{SqliteOptions, SqliteStore};

/// An engine without channels.
pub fn open(directory: &Path) -> Engine {
    let store = SqliteStore::open(directory.join("crm.db"), SqliteOptions::default()).unwrap();
    let ids = Arc::new(RandomIds::default());
    Engine::builder(Arc::new(store), Arc::new(SystemClock), ids).build()
}

/// Does something as a manager.
pub fn run(directory: &Path, what: impl AsyncFnOnce(Engine, Session)) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let engine = open(directory);
        let manager = Actor::new(Workspace::default(), "manager", Role::Manager);
        let session = engine.act_as(manager);
        what(engine, session).await;
    });
}

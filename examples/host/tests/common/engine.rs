//! The engine itself over what a host that was stopped left.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::sync::Arc;

use crm_core::engine::{Engine, Session};
use crm_core::port::store::Store;
use crm_core::system::{RandomIds, SystemClock};
use crm_core::{Actor, Role, Workspace};
use crm_store_postgres::{PgOptions, PgStore};
use crm_store_sqlite::{SqliteOptions, SqliteStore};

use crate::common::place::Place;

/// An engine without channels.
pub async fn open(place: &Place) -> Engine {
    let store: Arc<dyn Store> = match &place.postgres {
        None => {
            let file = place.path().join("crm.db");
            Arc::new(SqliteStore::open(file, SqliteOptions::default()).unwrap())
        }
        Some(database) => {
            let opened = PgStore::connect(&database.url, PgOptions::default());
            Arc::new(opened.await.unwrap())
        }
    };
    let ids = Arc::new(RandomIds::default());
    Engine::builder(store, Arc::new(SystemClock), ids).build()
}

/// Does something as a manager.
pub fn run(place: &Place, what: impl AsyncFnOnce(Engine, Session)) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let engine = open(place).await;
        let manager = Actor::new(Workspace::default(), "manager", Role::Manager);
        let session = engine.act_as(manager);
        what(engine, session).await;
    });
}

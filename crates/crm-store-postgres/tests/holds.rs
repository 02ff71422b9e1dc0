//! A database that is not where it was sends nothing: the cases of every store, and databases that are
//! really copied. (Promoted standbys: `failover.rs`.)
#![allow(clippy::unwrap_used)]

#[path = "common/place.rs"]
mod place;

use std::sync::Arc;

use async_trait::async_trait;
use crm_core::hold::{Acknowledgement, HoldReason};
use crm_core::port::store::Store;
use crm_core::testing::store_suite::{self, HoldHarness};
use crm_core::{Actor, ErrorKind, Role, Workspace};
use crm_postgres_testing::{Server, ServerOptions};
use crm_store_postgres::{PgOptions, PgStore};
use crm_store_testing::hold::Office;
use place::Place;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

struct Movable {
    store: Arc<PgStore>,
    schema: String,
}

#[async_trait]
impl HoldHarness for Movable {
    fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    async fn lose_place(&self) {
        let sql = format!("UPDATE \"{}\".place SET tables = tables - 1", self.schema);
        run(Place::url(), &sql).await;
    }
}

async fn run(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_the_hold() {
    let place = Place::default();
    let report = store_suite::run_holds(|| async {
        let options = place.options();
        let schema = options.schema.clone();
        let store = PgStore::connect(Place::url(), options).await.unwrap();
        let store = Arc::new(store);
        Arc::new(Movable { store, schema }) as Arc<dyn HoldHarness>
    })
    .await;
    place.clear().await;
    assert!(report.is_ok(), "{report}");
}

/// A server on which `app`, who has no rights but to its own database, keeps `crm`.
async fn server() -> Server {
    let server = Server::start(ServerOptions {
        fsync: false,
        ..ServerOptions::default()
    })
    .unwrap();
    let root = server.url("postgres");
    run(&root, "CREATE ROLE app LOGIN").await;
    run(&root, "CREATE DATABASE crm OWNER app").await;
    server
}

/// The address of a database for `app`.
fn as_app(server: &Server, database: &str) -> String {
    let url = server.url(database);
    let (_, behind) = url.split_once('@').unwrap();
    format!("postgres://app@{behind}")
}

async fn open(server: &Server, database: &str) -> PgStore {
    let options = PgOptions {
        // A template must have no connections; the listening one ends a moment after the store.
        listen: false,
        ..PgOptions::default()
    };
    PgStore::connect(&as_app(server, database), options)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_copied_database_does_not_know_of_is_not_sent_from_it() {
    let server = server().await;
    let store = open(&server, "crm").await;
    Office::over(Arc::new(store.clone())).approve().await;
    store.close().await;
    let copy = "CREATE DATABASE copy TEMPLATE crm OWNER app STRATEGY file_copy";
    run(&server.url("postgres"), copy).await;

    let store = open(&server, "crm").await;
    let office = Office::over(Arc::new(store.clone()));
    office.deliver().await.unwrap();
    assert_eq!((office.delivered(), office.held().await), (3, None));
    store.close().await;

    // The copy takes the original's name, as after a restored backup.
    run(&server.url("postgres"), "ALTER DATABASE crm RENAME TO lost").await;
    run(&server.url("postgres"), "ALTER DATABASE copy RENAME TO crm").await;
    let store = open(&server, "crm").await;
    let office = Office::over(Arc::new(store.clone()));
    office.nothing_leaves_again(HoldReason::Restored).await;
    store.close().await;
    let store = open(&server, "crm").await;
    assert_eq!(Office::over(Arc::new(store)).held().await, None);
}

/// What a restored dump is: the rows in tables that were made anew.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_restored_dump_does_not_know_of_is_not_sent_from_it() {
    let server = server().await;
    let store = open(&server, "crm").await;
    Office::over(Arc::new(store.clone())).approve().await;
    store.close().await;
    let url = as_app(&server, "crm");
    // Each table, made anew with its rows, under its old name.
    run(&url, "CREATE TABLE public.dump AS TABLE crm.place").await;
    run(
        &url,
        "DROP TABLE crm.place;
         CREATE TABLE crm.place (one boolean PRIMARY KEY DEFAULT true CHECK (one), system text NOT NULL, \
             timeline text NOT NULL, database bigint NOT NULL, tables bigint NOT NULL);
         INSERT INTO crm.place SELECT * FROM public.dump",
    )
    .await;
    let store = open(&server, "crm").await;
    let office = Office::over(Arc::new(store));
    office.nothing_leaves_again(HoldReason::Restored).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_server_or_timeline_is_told_and_one_acknowledgement_is_enough() {
    let server = server().await;
    let url = as_app(&server, "crm");
    let store = Arc::new(open(&server, "crm").await);
    let office = Office::over(store.clone());
    office.approve().await;
    for (sql, reason) in [
        (
            "UPDATE crm.place SET timeline = '0000000F'",
            HoldReason::FailedOver,
        ),
        ("UPDATE crm.place SET system = '1'", HoldReason::Moved),
        ("DELETE FROM crm.place", HoldReason::Restored),
    ] {
        run(&url, sql).await;
        assert_eq!(office.held().await, Some(reason), "{sql}");
        let error = office.deliver().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OnHold, "{sql}");
        let hold = store.hold().await.unwrap().unwrap();
        let engine = crm_store_testing::tamper::engine(store.clone());
        let admin = engine.act_as(Actor::new(Workspace::default(), "op", Role::Admin));
        let go_on = Acknowledgement::Continue;
        let ended = admin.acknowledge_hold(&hold, go_on, "synchronous standby");
        assert_eq!(ended.await.unwrap(), 0);
        assert_eq!(office.held().await, None, "{sql}");
        office.deliver().await.unwrap();
        assert_eq!(office.delivered(), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_operators_who_end_the_same_hold_end_it_once() {
    let server = server().await;
    let store = Arc::new(open(&server, "crm").await);
    run(&as_app(&server, "crm"), "UPDATE crm.place SET system = '1'").await;
    let hold = store.hold().await.unwrap().unwrap();
    // Whoever gets that far waits for the row; the others must not have looked by then.
    let url = server.url("crm");
    let mut other = PgConnection::connect(&url).await.unwrap();
    let mut held = other.begin().await.unwrap();
    sqlx::raw_sql("SELECT 1 FROM crm.place FOR UPDATE")
        .execute(&mut *held)
        .await
        .unwrap();
    let ends = (0..8).map(|_| store.lift_hold(&hold, Vec::new()));
    let all_wait = async {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
        let mut watching = PgConnection::connect(&url).await.unwrap();
        while sqlx::query_scalar::<_, i64>(waiting)
            .fetch_one(&mut watching)
            .await
            .unwrap()
            < 8
        {
            tokio::task::yield_now().await;
        }
        held.rollback().await.unwrap();
    };
    let (ended, ()) =
        futures_util::future::join(futures_util::future::join_all(ends), all_wait).await;
    let kinds: Vec<_> = ended
        .iter()
        .filter_map(|end| end.as_ref().err().map(crm_core::Error::kind))
        .collect();
    assert_eq!(kinds, [ErrorKind::Conflict; 7]);
    assert_eq!(store.hold().await.unwrap(), None);
}

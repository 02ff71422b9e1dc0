//! Somebody with the database in hand changes sealed history; and what the database itself refuses.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[path = "common/place.rs"]
mod place;

use std::cell::RefCell;
use std::sync::Arc;

use crm_core::Workspace;
use crm_core::contact::ContactFields;
use crm_core::port::store::{EventQuery, Store};
use crm_store_postgres::{PgOptions, PgStore};
use crm_store_testing::tamper::{self, Attack, COLUMNS};
use place::Place;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// A store in a schema of its own, and a superuser's connection that finds its tables.
struct Scene {
    place: Place,
    store: PgStore,
    intruder: PgConnection,
}

impl Scene {
    async fn open() -> Self {
        Self::with_partitions(0).await
    }

    async fn with_partitions(partitions: u32) -> Self {
        let place = Place::default();
        let options = PgOptions {
            partitions,
            ..place.options()
        };
        let store = PgStore::connect(Place::url(), options.clone())
            .await
            .unwrap();
        let mut intruder = PgConnection::connect(Place::url()).await.unwrap();
        let sql = format!("SET search_path = \"{}\"", options.schema);
        run(&mut intruder, &sql).await.unwrap();
        Self {
            place,
            store,
            intruder,
        }
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.store.clone())
    }

    async fn close(self) {
        self.store.close().await;
        self.place.clear().await;
    }
}

/// How many rows it met.
async fn run(connection: &mut PgConnection, sql: &str) -> sqlx::Result<u64> {
    let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
    Ok(done.execute(connection).await?.rows_affected())
}

/// Our triggers are silent from here on.
const UNLOCKED: &str = "SET session_replication_role = replica";

/// The value of `column` with one bit changed; `None` when nothing readable is left.
fn flipped(column: &str, bit: usize) -> String {
    let of_bytes = |read: &str, write: &str| {
        format!(
            "(SELECT {write} FROM (SELECT {read} AS b) AS s WHERE length(b) > 0)",
            write = write.replace(
                "$",
                &format!(
                    "set_bit(b, {bit} % (length(b) * 8), 1 - get_bit(b, {bit} % (length(b) * 8)))"
                )
            )
        )
    };
    match column {
        "at" => format!(
            "at + make_interval(secs => (1::bigint << {}) / 1e6)",
            bit % 40
        ),
        "version" => format!("version # (1::bigint << {})", bit % 62),
        "revision" => format!("coalesce(revision # (1 << {}), 1)", bit % 30),
        "id" | "subject_id" => of_bytes(&format!("uuid_send({column})"), "encode($, 'hex')::uuid"),
        "digest" | "prev_hash" | "hash" => {
            format!("coalesce({}, '\\x01')", of_bytes(column, "$"))
        }
        text => format!(
            "coalesce({}, '1')",
            of_bytes(
                &format!("convert_to({text}, 'UTF8')"),
                "convert_from($, 'UTF8')"
            )
        ),
    }
}

/// The position at which it has to be found; `None` when the schema refuses it or it changes nothing.
async fn attack(intruder: &mut PgConnection, attack: &Attack) -> Option<u64> {
    match *attack {
        Attack::Flip {
            position,
            column,
            bit,
        } => {
            let (column, bit) = (COLUMNS[column], bit % 4_096);
            let value = flipped(column, bit);
            let sql = format!(
                "UPDATE events SET {column} = {value} \
                 WHERE position = {position} AND {value} IS DISTINCT FROM {column}"
            );
            // Some values are refused by the types.
            let met = run(intruder, &sql).await.ok()?;
            (met == 1).then_some(position)
        }
        Attack::Drop { position } => {
            let sql = format!("DELETE FROM events WHERE position = {position}");
            assert_eq!(run(intruder, &sql).await.unwrap(), 1);
            Some(position)
        }
        Attack::Swap { one, two } if one == two => None,
        Attack::Swap { one, two } => {
            for (from, to) in [(one, 0), (two, one), (0, two)] {
                let sql = format!("UPDATE events SET position = {to} WHERE position = {from}");
                assert_eq!(run(intruder, &sql).await.unwrap(), 1);
            }
            Some(one.min(two))
        }
        Attack::Truncate { position } => {
            let sql = format!("DELETE FROM events WHERE position >= {position}");
            run(intruder, &sql).await.unwrap();
            Some(position)
        }
        Attack::Forget { position, column } => {
            let column = COLUMNS[column];
            let sql = format!(
                "UPDATE events SET {column} = NULL WHERE position = {position} AND {column} IS NOT NULL"
            );
            let met = run(intruder, &sql).await.ok()?;
            (met == 1).then_some(position)
        }
    }
}

fn every_change_is_found(partitions: u32) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut scene = runtime.block_on(Scene::with_partitions(partitions));
    let intact = "CREATE TEMPORARY TABLE intact AS SELECT * FROM events";
    runtime.block_on(async {
        tamper::history(scene.store()).await;
        run(&mut scene.intruder, UNLOCKED).await.unwrap();
        run(&mut scene.intruder, intact).await.unwrap();
    });
    let store = scene.store();
    let intruder = RefCell::new(&mut scene.intruder);
    tamper::every_change_is_found(&runtime, |change| {
        let mut intruder = intruder.borrow_mut();
        runtime.block_on(async {
            let restore = "DELETE FROM events; INSERT INTO events SELECT * FROM intact";
            run(&mut intruder, restore).await.unwrap();
            let position = attack(&mut intruder, change).await?;
            Some((store.clone(), position))
        })
    });
    runtime.block_on(scene.close());
}

#[test]
fn every_change_of_sealed_history_is_found_at_its_position() {
    every_change_is_found(0);
}

#[test]
fn every_change_is_found_in_a_history_that_is_split_too() {
    every_change_is_found(3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_was_cut_with_its_checkpoint_needs_one_kept_elsewhere() {
    let mut scene = Scene::open().await;
    let kept = tamper::history(scene.store()).await;
    run(&mut scene.intruder, UNLOCKED).await.unwrap();
    let cut = "DELETE FROM events WHERE position > 20; \
        UPDATE checkpoints SET position = 20, hash = (SELECT hash FROM events WHERE position = 20)";
    run(&mut scene.intruder, cut).await.unwrap();
    tamper::cut_history_is_found_by(kept, scene.store()).await;
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn history_and_approvals_are_kept_by_the_database() {
    for partitions in [0, 3] {
        let mut scene = Scene::with_partitions(partitions).await;
        tamper::history(scene.store()).await;
        for sql in [
            "UPDATE events SET actor = 'bob' WHERE position = 3",
            "UPDATE events SET position = 1000 WHERE position = 3",
            "UPDATE events SET position = NULL, prev_hash = NULL, hash = NULL WHERE position = 3",
            "DELETE FROM events WHERE position = 3",
            "TRUNCATE events",
            "UPDATE approvals SET approver = 'bob'",
            "DELETE FROM approvals",
            "TRUNCATE approvals",
        ] {
            // By the superuser, whom no right stops.
            let refused = run(&mut scene.intruder, sql).await.expect_err(sql);
            let code = refused.as_database_error().and_then(|error| error.code());
            assert_eq!(code.as_deref(), Some("CRM01"), "{sql}");
        }
        let ann = tamper::auditor(&tamper::engine(scene.store()));
        assert!(ann.audit().verify(None).await.unwrap().valid);
        scene.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_waits_for_its_seal_is_kept_too() {
    let mut scene = Scene::open().await;
    let ann = tamper::auditor(&tamper::engine(scene.store()));
    ann.contacts().create(person("Дилноза")).await.unwrap();
    for sql in [
        "UPDATE events SET actor = 'bob'",
        "UPDATE events SET at = at + interval '1 second'",
        "UPDATE events SET seq = seq + 100",
        "DELETE FROM events",
    ] {
        assert!(run(&mut scene.intruder, sql).await.is_err(), "{sql}");
    }
    let sealed = scene.store.seal(&Workspace::default(), 10).await.unwrap();
    assert_eq!(sealed, 1);
    assert!(ann.audit().verify(None).await.unwrap().valid);
    scene.close().await;
}

fn person(name: &str) -> ContactFields {
    ContactFields {
        name: name.to_owned(),
        ..ContactFields::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_committed_late_is_sealed_later_and_not_lost() {
    let mut scene = Scene::open().await;
    let engine = tamper::engine(scene.store());
    let ann = tamper::auditor(&engine);
    let workspace = Workspace::default();
    // Its number is given before that of the others, and its transaction ends after they are sealed.
    run(
        &mut scene.intruder,
        "INSERT INTO workspaces (name) VALUES ('default')",
    )
    .await
    .unwrap();
    run(
        &mut scene.intruder,
        "BEGIN; INSERT INTO events (workspace, id, at, actor, role, subject, subject_id, action, version) \
         SELECT key, 'aaaaaaaa-0000-7000-8000-000000000001', now(), 'late', 'manager', 'contact', \
             'bbbbbbbb-0000-7000-8000-000000000001', 'created', 1 FROM workspaces",
    )
    .await
    .unwrap();
    ann.contacts().create(person("Раньше")).await.unwrap();
    assert_eq!(engine.store().seal(&workspace, 10).await.unwrap(), 1);
    run(&mut scene.intruder, "COMMIT").await.unwrap();
    assert_eq!(engine.store().seal(&workspace, 10).await.unwrap(), 1);
    assert_eq!(engine.store().seal(&workspace, 10).await.unwrap(), 0);

    let query = EventQuery {
        sealed_after: Some(0),
        ..EventQuery::default()
    };
    let events = engine.store().events(&workspace, query).await.unwrap();
    let order: Vec<(&str, u64)> = events
        .iter()
        .map(|stored| (stored.event.actor.as_str(), stored.seal.unwrap().position))
        .collect();
    assert_eq!(order, [("ann", 1), ("late", 2)]);
    let proof = ann.audit().verify(None).await.unwrap();
    assert!(proof.valid && proof.sealed == 2, "{proof:?}");
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_leaves_the_chain_to_another_and_goes_on_behind_it() {
    let mut scene = Scene::open().await;
    let engine = tamper::engine(scene.store());
    let ann = tamper::auditor(&engine);
    for name in ["Анвар", "Барно", "Вали"] {
        ann.contacts().create(person(name)).await.unwrap();
    }
    let workspace = Workspace::default();
    assert_eq!(engine.store().seal(&workspace, 1).await.unwrap(), 1);
    // Somebody else holds the end of the chain: he is about to seal.
    run(
        &mut scene.intruder,
        "BEGIN; SELECT position FROM checkpoints FOR UPDATE",
    )
    .await
    .unwrap();
    let store = scene.store.clone();
    assert_eq!(
        store.seal(&workspace, 1).await.unwrap(),
        0,
        "it does not wait"
    );
    run(&mut scene.intruder, "ROLLBACK").await.unwrap();
    let seals: Vec<_> = (0..4)
        .map(|_| {
            let (store, workspace) = (store.clone(), workspace.clone());
            tokio::spawn(async move { store.seal(&workspace, 1).await })
        })
        .collect();
    let mut sealed = 0;
    for seal in seals {
        sealed += seal.await.unwrap().unwrap();
    }
    // Those that met another did nothing.
    while let count @ 1.. = store.seal(&workspace, 1).await.unwrap() {
        sealed += count;
    }
    assert_eq!(sealed, 2, "each event once");
    let proof = ann.audit().verify(None).await.unwrap();
    assert!(proof.valid && proof.sealed == 3, "{proof:?}");
    scene.close().await;
}

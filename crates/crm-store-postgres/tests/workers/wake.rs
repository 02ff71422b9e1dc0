//! Notices wake a resting worker of another process; without them it finds everything by looking.

use std::time::{Duration, Instant};

use crm_core::message::decide::Seen;
use crm_core::message::{Message, Status};
use crm_core::worker::WorkerOptions;
use crm_core::{Actor, Role, Workspace};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgTransaction};

use crate::process::{Job, Process};
use crate::scene::Scene;
use crate::sink::Sink;

/// How long a resting worker does not look by itself.
const REST: Duration = Duration::from_secs(600);
/// Far below it.
const SOON: Duration = Duration::from_secs(60);

/// A worker that hears notices and hardly ever looks by itself.
fn resting(scene: &Scene, sink: &Sink) -> Process {
    Process::start(&Job {
        poll_ms: REST.as_millis().try_into().unwrap(),
        ..scene.job("resting", sink)
    })
}

#[test]
fn an_approval_wakes_a_worker_of_another_process() {
    let (scene, sink) = (Scene::shared(), Sink::start(0));
    let process = resting(&scene, &sink);
    for number in 1..=5 {
        let message = scene.approve();
        assert!(sink.reaches(number, SOON), "message {number} woke nobody");
        // Recorded, so that the worker has nothing left to do but to rest.
        scene.wait_for(message.id, Status::Sent);
    }
    process.end();
    assert_eq!(sink.count(), 5);
    scene.clear();
}

#[test]
fn a_worker_that_hears_nothing_finds_it_by_looking() {
    let (scene, sink) = (Scene::shared(), Sink::start(0));
    let mut job = scene.job("deaf", &sink);
    job.place.listen = false;
    let process = Process::start(&job);
    for number in 1..=3 {
        let message = scene.approve();
        sink.wait_for(number);
        scene.wait_for(message.id, Status::Sent);
    }
    process.end();
    assert_eq!(sink.count(), 3);
    scene.clear();
}

/// Approves in the host's transaction, beside a row of the host's own.
async fn approve_in(scene: &Scene, transaction: &mut PgTransaction<'_>, message: &Message) {
    let insert = format!("INSERT INTO \"{}\".orders VALUES (1)", scene.place.schema);
    let insert = sqlx::query(AssertSqlSafe(insert));
    insert.execute(&mut **transaction).await.unwrap();
    let (engine, deferred) = scene.engine.deferred();
    let olga = engine.act_as(Actor::new(Workspace::default(), "olga", Role::Manager));
    let approved = olga
        .approvals()
        .approve(message.id, Seen::of(message))
        .await;
    approved.unwrap();
    let sets = deferred.take();
    let written = scene.store.commit_in(transaction, &sets).await;
    written.unwrap();
}

#[test]
fn a_hosts_transaction_wakes_a_worker_when_it_commits_and_leaves_nothing_when_it_does_not() {
    let (scene, sink) = (Scene::shared(), Sink::start(0));
    let first = scene.approve();
    let process = resting(&scene, &sink);
    assert!(sink.reaches(1, SOON));
    scene.wait_for(first.id, Status::Sent);
    let message = scene.draft();
    let history = scene.history(message.id);
    scene.runtime.block_on(async {
        let mut connection = PgConnection::connect(&scene.place.url).await.unwrap();
        let table = format!("CREATE TABLE \"{}\".orders (id int)", scene.place.schema);
        let table = sqlx::query(AssertSqlSafe(table));
        table.execute(&mut connection).await.unwrap();
        let mut transaction = connection.begin().await.unwrap();
        approve_in(&scene, &mut transaction, &message).await;
        transaction.rollback().await.unwrap();
    });
    assert_eq!(scene.message(message.id), message);
    assert_eq!(scene.history(message.id), history);
    scene.runtime.block_on(async {
        let mut connection = PgConnection::connect(&scene.place.url).await.unwrap();
        let mut transaction = connection.begin().await.unwrap();
        approve_in(&scene, &mut transaction, &message).await;
        transaction.commit().await.unwrap();
        let count = format!("SELECT count(*) FROM \"{}\".orders", scene.place.schema);
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(count))
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(count, 1);
    });
    assert!(sink.reaches(2, SOON), "the commit woke nobody");
    scene.wait_for(message.id, Status::Sent);
    process.end();
    assert_eq!(sink.count(), 2, "what was rolled back never left");
    scene.clear();
}

/// A row of the host's table and of the intake, in one transaction; waits until the row is settled.
fn put_in_the_intake(scene: &Scene, key: &str) {
    scene.runtime.block_on(async {
        let mut connection = PgConnection::connect(&scene.place.url).await.unwrap();
        let mut transaction = connection.begin().await.unwrap();
        let schema = &scene.place.schema;
        for sql in [
            format!("INSERT INTO \"{schema}\".orders VALUES (2)"),
            format!(
                "INSERT INTO \"{schema}\".intake (key, kind, payload) \
                 VALUES ('{key}', 'cancel', '{{\"key\": \"nothing\"}}')"
            ),
        ] {
            let done = sqlx::query(AssertSqlSafe(sql));
            done.execute(&mut *transaction).await.unwrap();
        }
        transaction.commit().await.unwrap();
    });
    let begun = Instant::now();
    let sql = format!(
        "SELECT count(*) FROM \"{}\".intake WHERE state = 'waiting'",
        scene.place.schema
    );
    scene.runtime.block_on(async {
        let mut connection = PgConnection::connect(&scene.place.url).await.unwrap();
        loop {
            let waiting = sqlx::query_scalar(AssertSqlSafe(sql.clone()));
            let waiting: i64 = waiting.fetch_one(&mut connection).await.unwrap();
            if waiting == 0 {
                return;
            }
            assert!(begun.elapsed() < SOON, "nobody picked it up");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
}

/// A worker that hears looks by itself every ten minutes, one that does not looks as often as workers do
/// unless told otherwise. How soon that is on this machine is printed; what is judged is that a look comes
/// of a notice or of the poll, and that nothing is seen before the host commits.
#[test]
fn what_a_host_commits_is_picked_up_by_whoever_hears_and_by_whoever_looks() {
    let poll = WorkerOptions::default().poll;
    assert!(poll <= Duration::from_secs(1));
    for listen in [true, false] {
        let (scene, sink) = (Scene::shared(), Sink::start(0));
        let every = if listen { REST } else { poll };
        let mut job = Job {
            poll_ms: every.as_millis().try_into().unwrap(),
            ..scene.job("picks up", &sink)
        };
        job.place.listen = listen;
        let process = Process::start(&job);
        let first = scene.approve();
        sink.wait_for(1);
        scene.wait_for(first.id, Status::Sent);
        let message = scene.draft();
        let committed = scene.runtime.block_on(async {
            let mut connection = PgConnection::connect(&scene.place.url).await.unwrap();
            let table = format!("CREATE TABLE \"{}\".orders (id int)", scene.place.schema);
            let table = sqlx::query(AssertSqlSafe(table));
            table.execute(&mut connection).await.unwrap();
            let mut transaction = connection.begin().await.unwrap();
            approve_in(&scene, &mut transaction, &message).await;
            assert_eq!(sink.count(), 1, "seen before the host committed");
            transaction.commit().await.unwrap();
            Instant::now()
        });
        assert!(sink.reaches(2, SOON), "nobody picked it up");
        let delivered = committed.elapsed();
        let committed = Instant::now();
        put_in_the_intake(&scene, "k");
        let how = if listen { "hears" } else { "looks" };
        println!(
            "who {how} had a host's approval delivered after {delivered:?}, a row of the intake settled \
             after {:?}",
            committed.elapsed()
        );
        process.end();
        scene.clear();
    }
}

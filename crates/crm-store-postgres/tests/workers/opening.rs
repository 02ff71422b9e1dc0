//! A process dies at any message between it and the server while it makes the schema in an empty database:
//! the next one makes it whole.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crm_core::Workspace;
use crm_core::message::Status;
use crm_postgres_testing::{Server, ServerOptions};
use crm_store_postgres::PgOptions;
use crm_store_testing::workers::process::Task;
use crm_store_testing::workers::setting;

use crate::process::{Job, Process};
use crate::scene::{Address, PATIENCE, Scene};
use crate::sink::Sink;
use crate::wire::Wire;

type Victim = Arc<Mutex<Option<Process>>>;

/// Waits until the process was killed, or has opened the database and ended.
fn wait_for_the_end(victim: &Victim) {
    let begun = Instant::now();
    loop {
        let mut alive = victim.lock().unwrap();
        match alive.take() {
            None => return,
            Some(mut process) => {
                if process.has_ended() {
                    return process.ends();
                }
                *alive = Some(process);
            }
        }
        drop(alive);
        assert!(begun.elapsed() < PATIENCE, "neither killed nor ended");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_process_that_ends_anywhere_in_the_opening_leaves_a_database_to_open() {
    let server = Server::start(ServerOptions {
        fsync: false,
        ..ServerOptions::default()
    });
    let server = server.unwrap();
    let direct = server.url("postgres");
    let first = Scene::open(Address::at(&direct, PgOptions::default()));
    let sink = Sink::start(0);
    let victim = Victim::default();
    let struck = Arc::clone(&victim);
    let kill = move || {
        let alive = struck.lock().unwrap().take();
        alive.unwrap().kill();
    };
    let wire = first.runtime.block_on(Wire::new(&server, kill));
    let all = setting("CRM_FAILPOINT_ROUNDS", 1) > 1;
    let (mut nth, mut killed) = (1, 0);
    loop {
        let options = PgOptions {
            schema: format!("opening_{nth}"),
            ..PgOptions::default()
        };
        let job = Job {
            place: Address::at(&wire.url(&direct), options.clone()),
            task: Task::Open,
            ..first.job(&format!("opener-{nth}"), &sink)
        };
        {
            // Whoever kills it waits until it is there.
            let mut alive = victim.lock().unwrap();
            wire.cut_at(nth);
            *alive = Some(Process::start(&job));
        }
        wait_for_the_end(&victim);
        let was_killed = first.runtime.block_on(wire.was_cut());
        // Whole: everything can be written in it.
        let scene = Scene::open(Address::at(&direct, options));
        let message = scene.approve();
        assert_eq!(scene.status(message.id), Status::Approved);
        let session = scene.session(&Workspace::default());
        let recount = session.analytics();
        assert_eq!(scene.runtime.block_on(recount.recount()).unwrap(), []);
        if !was_killed {
            break;
        }
        killed += 1;
        nth += if all { 1 } else { 9 };
    }
    println!("killed {killed} times, the opening has less than {nth} messages");
    assert!(killed > 5, "{killed}");
}

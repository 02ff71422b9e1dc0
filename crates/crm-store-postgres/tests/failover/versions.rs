//! A newer program changes the tables while workers of this one run: they take nothing any more, and go on
//! once their version is back.

use crm_core::ErrorKind;
use crm_core::message::Status;
use crm_store_postgres::{PgOptions, PgStore};

use crm_store_testing::workers::failpoint::{Blow, Failpoint};

use crate::cluster::Cluster;
use crate::process::{Job, Process};
use crate::scene::{Address, Scene};
use crate::sink::Sink;
use crate::team::{Team, WORKERS};

/// What a newer program leaves when it has migrated.
const NEWER: &str = "INSERT INTO crm.migrations VALUES (9999, '9999_later', now())";
/// As if it never had.
const BACK: &str = "DELETE FROM crm.migrations WHERE id = 9999";

#[test]
fn workers_take_nothing_from_tables_of_a_newer_program() {
    let cluster = Cluster::start();
    let scene = Scene::open(Address::at(&cluster.front.url(), PgOptions::default()));
    let mut team = Team::start(&scene);
    let first = scene.approve();
    scene.wait_for(first.id, Status::Sent);

    cluster.run(&cluster.primary, NEWER);
    let kept = scene.approve();
    cluster.refusals(&cluster.primary, WORKERS);
    assert_eq!(scene.message(kept.id), kept, "it was never touched");
    assert_eq!(team.sink.count(), 1);
    let url = cluster.front.url();
    let opened = PgStore::connect(&url, PgOptions::default());
    let refused = scene.runtime.block_on(opened).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Configuration);

    cluster.run(&cluster.primary, BACK);
    scene.wait_for(kept.id, Status::Sent);
    team.end();
    assert_eq!(team.sink.count(), 2);
}

/// The worker stands still with one answer in its hands and another message claimed, and wakes in tables
/// of a newer program.
#[test]
fn what_was_claimed_before_is_not_begun_and_what_was_learnt_is_recorded() {
    let cluster = Cluster::start();
    let scene = Scene::open(Address::at(&cluster.front.url(), PgOptions::default()));
    let sink = Sink::start(0);
    let (begun, claimed) = (scene.approve(), scene.approve());
    let worker = Process::start(&Job {
        fails: Some(Failpoint::new("after answer", 1, Blow::Stop, "old", &sink)),
        concurrency: 1,
        ..scene.job("old", &sink)
    });
    sink.wait_for(1);
    let claimed = scene.wait_for(claimed.id, Status::Claimed);

    cluster.run(&cluster.primary, NEWER);
    worker.thaw();
    scene.wait_for(begun.id, Status::Sent);
    cluster.refusals(&cluster.primary, 1);
    assert_eq!(scene.message(claimed.id), claimed);
    assert!(scene.attempts(claimed.id).is_empty());
    cluster.run(&cluster.primary, BACK);
    worker.end();
    assert_eq!(sink.count(), 1);
}

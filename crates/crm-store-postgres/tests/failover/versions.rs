//! A newer program changes the tables while workers of this one run: they take nothing any more, and go on
//! once their version is back.

use crm_core::ErrorKind;
use crm_core::message::Status;
use crm_store_postgres::{PgOptions, PgStore};

use crate::cluster::Cluster;
use crate::scene::Scene;
use crate::team::Team;

#[test]
fn workers_take_nothing_from_tables_of_a_newer_program() {
    let cluster = Cluster::start();
    let scene = Scene::open(&cluster.front.url(), PgOptions::default());
    let mut team = Team::start(&scene);
    let first = scene.approve();
    scene.wait_for(first.id, Status::Sent);

    let newer = "INSERT INTO crm.migrations VALUES (9999, '9999_later', now())";
    cluster.run(&cluster.primary, newer);
    let kept = scene.approve();
    cluster.refusals(&cluster.primary);
    assert_eq!(scene.message(kept.id), kept, "it was never touched");
    assert_eq!(team.sink.count(), 1);
    let url = cluster.front.url();
    let opened = scene
        .runtime
        .block_on(PgStore::connect(&url, PgOptions::default()));
    assert_eq!(opened.unwrap_err().kind(), ErrorKind::Configuration);

    // The update is taken back.
    cluster.run(
        &cluster.primary,
        "DELETE FROM crm.migrations WHERE id = 9999",
    );
    scene.wait_for(kept.id, Status::Sent);
    team.end();
    assert_eq!(team.sink.count(), 2);
}

//! The server crashes and recovers, again and again: it is the same one afterwards, so deliveries go on by
//! themselves.

use std::time::{Duration, Instant};

use crm_postgres_testing::Mode;
use crm_store_postgres::PgOptions;

use crate::cluster::Cluster;
use crate::faults::setting;
use crate::proof;
use crate::scene::{Address, Scene};
use crate::team::{self, Team};

/// Messages for each crash, in three workspaces.
const EACH: usize = 60;

#[test]
fn a_server_that_crashes_again_and_again_loses_nothing_and_repeats_nothing() {
    let restarts = setting("CRM_RESTARTS", 6);
    let began = Instant::now();
    let cluster = Cluster::start();
    let scene = Scene::open(Address::at(&cluster.front.url(), PgOptions::default()));
    let messages = restarts * EACH;
    let workspaces = team::drafted(&scene, 3, messages / 3);
    let approved = scene.approve_drafts(&workspaces);
    assert_eq!(approved.len(), messages);
    let mut team = Team::start(&scene);
    for number in 0..restarts {
        let left = messages - team.sink.count();
        let share = left / (restarts - number + 1);
        assert!(share > 0, "nothing was left to do before crash {number}");
        team.deliver(share);
        // Another moment each time, so that crashes meet all steps.
        std::thread::sleep(Duration::from_millis((number % 16).try_into().unwrap()));
        cluster.primary.restart(Mode::Immediate).unwrap();
    }
    Team::wait_until_quiet(&scene, &workspaces);
    team.end();
    let figures = proof::all(&scene, &workspaces, &approved, &team.sink, &[], restarts);
    let outcomes = cluster.outcomes();
    println!(
        "\n| crashes of the server | {restarts} |\n|---|---|\n| approved messages | {messages} |\n\
         {figures}{outcomes}\n| time | {:.1?} |",
        began.elapsed()
    );
}

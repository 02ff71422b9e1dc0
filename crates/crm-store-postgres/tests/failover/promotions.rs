//! A standby takes over while workers deliver: nothing more is begun until an operator has spoken.

use std::collections::BTreeSet;
use std::slice;
use std::time::Instant;

use crm_core::Workspace;
use crm_core::hold::{Acknowledgement, HoldReason};
use crm_core::message::Status;
use crm_store_postgres::PgOptions;

use crate::cluster::Cluster;
use crate::faults::setting;
use crate::held::{acknowledge, held};
use crate::scene::{Address, Scene};
use crate::team::{self, Team, WORKERS};
use crate::{loss, proof};

/// Messages for each promotion.
const EACH: usize = 150;

#[test]
fn a_synchronous_standby_takes_over_and_nothing_is_lost_or_repeated() {
    let rounds = setting("CRM_FAILOVER_ROUNDS", 1);
    let began = Instant::now();
    let mut cluster = Cluster::start();
    let scene = Scene::open(Address::at(&cluster.front.url(), PgOptions::default()));
    let workspaces = team::drafted(&scene, rounds, EACH);
    let (mut team, mut approved) = (Team::start(&scene), Vec::new());
    for (number, workspace) in workspaces.iter().enumerate() {
        let standby = cluster.standby(true);
        approved.extend(scene.approve_drafts(slice::from_ref(workspace)));
        team.deliver(EACH / 2);
        let dead = cluster.fail_over(standby, number % 2 == 1);
        dead.start_again().unwrap();
        let hold = held(&cluster, &scene, &cluster.attempts(&dead));
        assert_eq!(hold.reason, HoldReason::FailedOver);
        // Nothing can be missing, so nothing is in doubt.
        acknowledge(&scene, &hold, Acknowledgement::Continue);
    }
    Team::wait_until_quiet(&scene, &workspaces);
    team.end();
    let figures = proof::all(&scene, &workspaces, &approved, &team.sink, &[], rounds);
    let outcomes = cluster.outcomes();
    println!(
        "\n| synchronous standbys promoted | {rounds} |\n|---|---|\n| approved messages | {} |\n\
         {figures}{outcomes}\n| time | {:.1?} |",
        approved.len(),
        began.elapsed()
    );
}

/// Each standby had heard that the messages were approved, and nothing of what was sent then.
#[test]
fn an_asynchronous_standby_that_lags_repeats_nothing() {
    let rounds = setting("CRM_FAILOVER_ROUNDS", 1).div_ceil(2);
    let began = Instant::now();
    let mut cluster = Cluster::start();
    let scene = Scene::open(Address::at(&cluster.front.url(), PgOptions::default()));
    let mut workspaces = team::drafted(&scene, rounds, EACH);
    let (mut team, mut approved) = (Team::empty(), Vec::new());
    let mut forgotten = BTreeSet::new();
    for (number, workspace) in workspaces.iter().enumerate() {
        approved.extend(scene.approve_drafts(slice::from_ref(workspace)));
        let standby = cluster.standby(false);
        cluster.cut_off(&standby);
        team.join(&scene, number * WORKERS + 1);
        team.deliver(EACH / 2);
        let dead = cluster.fail_over(standby, number % 2 == 0);
        dead.start_again().unwrap();
        let before = cluster.attempts(&dead);
        let hold = held(&cluster, &scene, &before);
        assert_eq!(hold.reason, HoldReason::FailedOver);
        let known = cluster.attempts(&cluster.primary);
        forgotten.extend(before.difference(&known).cloned());
        let suspected = acknowledge(&scene, &hold, Acknowledgement::Doubt);
        assert_eq!(suspected, EACH as u64, "all were due, and look unsent");
        Team::wait_until_quiet(&scene, slice::from_ref(workspace));
        team.end();
    }
    // What is approved after the hold leaves as ever.
    team.join(&scene, rounds * WORKERS + 1);
    approved.push(scene.approve());
    scene.wait_for(approved[approved.len() - 1].id, Status::Sent);
    team.end();
    workspaces.push(Workspace::default());
    let attempts = cluster.attempts(&cluster.primary);
    let figures = loss::proven(
        &scene,
        &workspaces,
        &approved,
        &team.sink,
        &attempts,
        &forgotten,
    );
    println!(
        "\n| lagging standbys promoted | {rounds} |\n|---|---|\n| held before anything was sent | {rounds} |\n\
         | approved messages | {} |\n{figures}| time | {:.1?} |",
        approved.len(),
        began.elapsed()
    );
}

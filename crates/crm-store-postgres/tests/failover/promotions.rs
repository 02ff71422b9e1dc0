//! A standby takes over while workers deliver.

use std::collections::{BTreeMap, BTreeSet};
use std::slice;
use std::time::Instant;

use crm_core::Workspace;
use crm_core::message::Status;
use crm_store_postgres::PgOptions;

use crate::cluster::Cluster;
use crate::faults::setting;
use crate::proof;
use crate::scene::Scene;
use crate::team::{self, Team, WORKERS};

/// Messages for each promotion.
const EACH: usize = 150;

#[test]
fn a_synchronous_standby_takes_over_and_nothing_is_lost_or_repeated() {
    let rounds = setting("CRM_FAILOVER_ROUNDS", 1);
    let began = Instant::now();
    let mut cluster = Cluster::start();
    let scene = Scene::open(&cluster.front.url(), PgOptions::default());
    let workspaces = team::drafted(&scene, rounds, EACH);
    let (mut team, mut approved) = (Team::start(&scene), Vec::new());
    for (number, workspace) in workspaces.iter().enumerate() {
        let standby = cluster.standby(true);
        approved.extend(scene.approve_drafts(slice::from_ref(workspace)));
        team.deliver(EACH / 2);
        cluster.fail_over(standby, number % 2 == 1);
    }
    Team::wait_until_quiet(&scene, &workspaces);
    team.end();
    let figures = proof::all(&scene, &workspaces, &approved, &team.sink, &[], rounds);
    println!(
        "\n| synchronous standbys promoted | {rounds} |\n|---|---|\n| approved messages | {} |\n\
         {figures}| time | {:.1?} |",
        approved.len(),
        began.elapsed()
    );
}

#[test]
fn an_asynchronous_standby_that_lags_repeats_nothing() {
    let rounds = setting("CRM_FAILOVER_ROUNDS", 1);
    let mut cluster = Cluster::start();
    let scene = Scene::open(&cluster.front.url(), PgOptions::default());
    let mut team = Team::start(&scene);
    team.end();
    for number in 0..rounds {
        let workspace = Workspace::new(format!("round-{number}")).unwrap();
        scene.plan(&workspace, EACH);
        let approved = scene.approve_all(slice::from_ref(&workspace));
        let standby = cluster.standby(false);
        cluster.cut_off(&standby);
        team.join(&scene, number * WORKERS + 1);
        team.deliver(EACH / 2);
        let dead = cluster.fail_over(standby, number % 2 == 1);
        Team::wait_until_quiet(&scene, slice::from_ref(&workspace));
        team.end();
        let mut seen: BTreeMap<_, usize> = BTreeMap::new();
        for delivery in team.sink.deliveries() {
            *seen.entry(delivery.message_id).or_default() += 1;
        }
        println!(
            "twice {} of {} delivered {}",
            seen.values().filter(|n| **n > 1).count(),
            approved.len(),
            seen.len()
        );
    }
}

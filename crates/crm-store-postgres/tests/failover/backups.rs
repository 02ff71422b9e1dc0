//! A backup is taken while workers deliver, and put in the place of its server later on, under the same
//! workers.

use std::slice;
use std::time::Instant;

use crm_core::hold::Acknowledgement;
use crm_core::message::Status;
use crm_core::message::lifecycle::Event;
use crm_postgres_testing::Mode;
use crm_store_postgres::PgOptions;

use crate::cluster::Cluster;
use crate::faults::setting;
use crate::held::{acknowledge, held};
use crate::loss;
use crate::scene::Scene;
use crate::team::{self, Team};

/// Messages of each workspace.
const EACH: usize = 150;

#[test]
fn a_backup_taken_amid_deliveries_repeats_nothing_when_it_is_restored() {
    let each = EACH * setting("CRM_FAILOVER_ROUNDS", 1);
    let began = Instant::now();
    let mut cluster = Cluster::start();
    let scene = Scene::open(&cluster.front.url(), PgOptions::default());
    let workspaces = team::drafted(&scene, 3, each);
    let mut team = Team::start(&scene);
    let approve = |number: usize| scene.approve_drafts(slice::from_ref(&workspaces[number]));
    let mut approved = approve(0);
    team.deliver(each / 10);
    let backup = cluster.backup(|| {
        approved.extend(approve(1));
        team.deliver(each / 2);
        // What they had claimed and begun is in the backup, and so is what nobody has touched yet.
        team.kill();
        approved.extend(approve(2));
    });
    let taken = team.sink.count();
    team.join(&scene, 5);
    team.deliver(each / 2);

    cluster.primary.stop(Mode::Immediate).unwrap();
    cluster.restore(&backup);
    let dead = cluster.replace(backup);
    dead.start_again().unwrap();
    let before = cluster.attempts(&dead);
    let hold = held(&cluster, &scene, &before);
    let known = cluster.attempts(&cluster.primary);
    let forgotten = before.difference(&known).cloned().collect();
    let suspected = acknowledge(&scene, &hold, Acknowledgement::Doubt);
    Team::wait_until_quiet(&scene, &workspaces);
    team.end();
    let figures = loss::proven(
        &scene,
        &workspaces,
        &approved,
        &team.sink,
        &known,
        &forgotten,
    );
    println!(
        "\n| approved messages | {} |\n|---|---|\n| sent when the backup was taken | {taken} |\n\
         | in doubt for the hold | {suspected} |\n{figures}| time | {:.1?} |",
        approved.len(),
        began.elapsed()
    );

    // A person has one of them sent again, and that is all that leaves.
    let workspace = &workspaces[2];
    let unsure = scene.messages(workspace).into_iter();
    let mut unsure = unsure.filter(|message| message.status == Status::Uncertain);
    let again = unsure.next().unwrap();
    let count = team.sink.count();
    let (session, reason) = (scene.session(workspace), "asked them".to_owned());
    let (messages, resend) = (session.messages(), Event::ResolveResend);
    let resolved = messages.resolve(again.id, resend, Some(reason));
    scene.runtime.block_on(resolved).unwrap();
    team.join(&scene, 9);
    team.sink.wait_for(count + 1);
    team.end();
    assert_eq!(team.sink.count(), count + 1);
    assert_eq!(team.sink.deliveries()[count].message_id, again.id);
}

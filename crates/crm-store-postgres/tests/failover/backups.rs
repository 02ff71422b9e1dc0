//! A backup is taken while workers deliver, and put in the place of its server later on, under the same
//! workers.

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

#[test]
fn a_backup_taken_amid_deliveries_repeats_nothing_when_it_is_restored() {
    let messages = 300 * setting("CRM_FAILOVER_ROUNDS", 1);
    let began = Instant::now();
    let mut cluster = Cluster::start();
    let scene = Scene::open(&cluster.front.url(), PgOptions::default());
    let workspaces = team::drafted(&scene, 1, messages);
    let mut team = Team::start(&scene);
    let approved = scene.approve_drafts(&workspaces);
    team.deliver(messages / 10);
    let backup = cluster.backup();
    let (at_least, in_all) = (team.sink.count(), messages * 4 / 5);
    assert!(at_least < in_all, "everything was sent during the backup");
    team.sink.wait_for(in_all);

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
        "\n| approved messages | {messages} |\n|---|---|\n| sent before the backup was done, at most | {at_least} |\n\
         | in doubt for the hold | {suspected} |\n{figures}| time | {:.1?} |",
        began.elapsed()
    );

    // A person has one of them sent again, and that is all that leaves.
    let unsure = scene.messages(&workspaces[0]).into_iter();
    let unsure = unsure.filter(|message| message.status == Status::Uncertain);
    let again = unsure.last().unwrap();
    let count = team.sink.count();
    let (session, reason) = (scene.session(&workspaces[0]), Some("asked them".to_owned()));
    let (messages, resend) = (session.messages(), Event::ResolveResend);
    let resolved = scene
        .runtime
        .block_on(messages.resolve(again.id, resend, reason));
    resolved.unwrap();
    team.join(&scene, 5);
    team.sink.wait_for(count + 1);
    team.end();
    assert_eq!(team.sink.count(), count + 1);
    assert_eq!(team.sink.deliveries()[count].message_id, again.id);
}

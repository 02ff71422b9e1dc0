//! A backup is taken while workers deliver, and put in the place of its server later on, under the same
//! workers.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::slice;
use std::time::Instant;

use crm_core::hold::{Acknowledgement, HoldReason};
use crm_core::message::Status;
use crm_core::message::lifecycle::Event;
use crm_postgres_testing::{Mode, Server};
use crm_store_postgres::PgOptions;
use tempfile::TempDir;

use crate::cluster::Cluster;
use crate::held::{acknowledge, held};
use crate::loss;
use crate::scene::{Address, Scene};
use crate::team::{self, Team};

/// Messages of each workspace.
const EACH: usize = 150;

/// How a backup is taken and restored.
#[derive(Debug)]
enum Way {
    /// The server's files, which another server recovers from.
    Files,
    /// What `pg_dump` writes of our tables, put in their place by `psql`; both in this folder.
    Dump(PathBuf),
}

/// A backup that was taken.
enum Backup {
    Files(Box<Server>),
    Dump(TempDir),
}

impl Way {
    /// Takes it. `amid` is done before it is complete: it holds what that did.
    fn take(&self, cluster: &Cluster, amid: impl FnOnce()) -> Backup {
        let Self::Dump(programs) = self else {
            return Backup::Files(Box::new(cluster.backup(amid)));
        };
        amid();
        let folder = tempfile::tempdir().unwrap();
        let written = Command::new(programs.join("pg_dump"))
            .args(["--schema=crm", "--file"])
            .arg(folder.path().join("dump"))
            .arg(cluster.front.url())
            .status();
        assert!(written.unwrap().success());
        Backup::Dump(folder)
    }

    /// Puts it in the place of what is there. Returns what the hold is to be called and all attempts that
    /// were known until then.
    fn restore(
        &self,
        backup: Backup,
        cluster: &mut Cluster,
        scene: &Scene,
        team: &mut Team,
    ) -> (HoldReason, BTreeSet<String>) {
        match (self, backup) {
            (Self::Dump(programs), Backup::Dump(folder)) => {
                team.kill();
                let before = cluster.attempts(&cluster.primary);
                cluster.run(&cluster.primary, "DROP SCHEMA crm CASCADE");
                let read = Command::new(programs.join("psql"))
                    .args([
                        "--quiet",
                        "--single-transaction",
                        "--set=ON_ERROR_STOP=1",
                        "--file",
                    ])
                    .arg(folder.path().join("dump"))
                    .arg(cluster.front.url())
                    .stdout(Stdio::null())
                    .status();
                assert!(read.unwrap().success());
                team.join(scene, 9);
                (HoldReason::Restored, before)
            }
            (_, Backup::Files(copy)) => {
                cluster.primary.stop(Mode::Immediate).unwrap();
                cluster.restore(&copy);
                let dead = cluster.replace(*copy);
                dead.start_again().unwrap();
                (HoldReason::FailedOver, cluster.attempts(&dead))
            }
            (Self::Files, Backup::Dump(_)) => panic!("another way"),
        }
    }
}

#[test]
fn a_backup_taken_amid_deliveries_repeats_nothing_when_it_is_restored() {
    let programs = std::env::var_os("CRM_PG_CLIENT").map(PathBuf::from);
    for way in [Way::Files].into_iter().chain(programs.map(Way::Dump)) {
        repeats_nothing(&way);
    }
}

fn repeats_nothing(way: &Way) {
    let began = Instant::now();
    let mut cluster = Cluster::start();
    let scene = Scene::open(Address::at(&cluster.front.url(), PgOptions::default()));
    let workspaces = team::drafted(&scene, 3, EACH);
    let mut team = Team::start(&scene);
    let approve = |number: usize| scene.approve_drafts(slice::from_ref(&workspaces[number]));
    let mut approved = approve(0);
    team.deliver(EACH / 10);
    let backup = way.take(&cluster, || {
        approved.extend(approve(1));
        team.deliver(EACH / 2);
        // What they had claimed and begun is in the backup, and so is what nobody has touched yet.
        team.kill();
        approved.extend(approve(2));
    });
    let taken = team.sink.count();
    team.join(&scene, 5);
    team.deliver(EACH / 2);

    let (reason, before) = way.restore(backup, &mut cluster, &scene, &mut team);
    let hold = held(&cluster, &scene, &before);
    assert_eq!(hold.reason, reason);
    let known = cluster.attempts(&cluster.primary);
    let forgotten = before.difference(&known).cloned().collect();
    let suspected = acknowledge(&scene, &hold, Acknowledgement::Doubt);
    Team::wait_until_quiet(&scene, &workspaces);
    team.end();
    // What a worker learnt of a forgotten one may have been written anew.
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
        "\n| backup | {way:?} |\n|---|---|\n| approved messages | {} |\n| sent when the backup was taken | {taken} |\n\
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
    team.join(&scene, 13);
    team.sink.wait_for(count + 1);
    team.end();
    assert_eq!(team.sink.count(), count + 1);
    assert_eq!(team.sink.deliveries()[count].message_id, again.id);
}

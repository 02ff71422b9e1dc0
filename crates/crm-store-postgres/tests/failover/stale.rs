//! A worker whose claim the database forgot: versions are given a second time, and it must not take the row
//! of somebody else's decision for its own.

use std::sync::Arc;

use chrono::{Duration, Utc};
use crm_core::message::lifecycle::Event;
use crm_core::message::{Status, decide, dispatch};
use crm_core::port::store::{Claim, Store as _};
use crm_core::stamp::Stamp;
use crm_core::system::RandomIds;
use crm_core::{Actor, ErrorKind, Role, Workspace};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::scene::Scene;

#[test]
fn a_forgotten_claim_moves_no_row_that_has_its_version_again() {
    let scene = Scene::shared();
    let ids = Arc::new(RandomIds::default());
    let approved = scene.approve();
    let claim = scene.store.claim(Claim {
        workspace: Workspace::default(),
        worker: "old".to_owned(),
        limit: 1,
        now: Utc::now(),
        lease: Duration::minutes(1),
        parked: Vec::new(),
        ids: ids.clone(),
    });
    let claimed = scene.runtime.block_on(claim).unwrap().remove(0);
    // The database goes back to where the message was approved.
    let back = format!(
        "UPDATE \"{}\".messages SET version = {}, status = 'approved', epoch = 0, lease_owner = NULL, \
         lease_until = NULL",
        scene.place.schema, approved.version
    );
    scene.runtime.block_on(async {
        let mut connection = PgConnection::connect(&scene.place.url).await.unwrap();
        let back = sqlx::raw_sql(AssertSqlSafe(back));
        back.execute(&mut connection).await.unwrap();
    });
    // An operator doubts it.
    let admin = Actor::new(Workspace::default(), "adele", Role::Admin);
    let stamp = Stamp {
        actor: &admin,
        at: Utc::now(),
        ids: ids.as_ref(),
    };
    let (doubted, set) = decide::close(&approved, Event::Suspect, None, &stamp).unwrap();
    let done = scene.runtime.block_on(scene.store.commit(vec![set]));
    done.unwrap().remove(0).unwrap();
    assert_eq!(doubted.version, claimed.version, "given a second time");

    let system = Actor::system(Workspace::default());
    let stamp = Stamp {
        actor: &system,
        ..stamp
    };
    let (_, set) = dispatch::take_back(&claimed, None, "shutdown", &stamp).unwrap();
    let done = scene.runtime.block_on(scene.store.commit(vec![set]));
    let refused = done.unwrap().remove(0).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert_eq!(scene.status(approved.id), Status::Uncertain);
    scene.clear();
}

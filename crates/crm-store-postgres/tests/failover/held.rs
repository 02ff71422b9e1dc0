//! What must be so between a return to an older state and the word of an operator.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crm_core::hold::{Acknowledgement, Hold};
use crm_core::port::store::{Claim, Store as _};
use crm_core::system::RandomIds;
use crm_core::{Actor, ErrorKind, Role, Workspace};

use crate::cluster::Cluster;
use crate::scene::{PATIENCE, Scene};
use crate::team::WORKERS;

/// Waits until the hold is there and all workers have met it. Nothing was begun on this server since:
/// `before` are all attempts of the server before it.
pub(crate) fn held(cluster: &Cluster, scene: &Scene, before: &BTreeSet<String>) -> Hold {
    let begun = Instant::now();
    let hold = loop {
        match scene.runtime.block_on(scene.engine.hold()) {
            Ok(Some(hold)) => break hold,
            Ok(None) => panic!("the store went back and does not hold"),
            // The first look may meet connections to the dead server.
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable),
        }
        assert!(begun.elapsed() < PATIENCE, "the server does not answer");
        std::thread::sleep(Duration::from_millis(20));
    };
    cluster.refusals(&cluster.primary, WORKERS);
    let refused = scene.runtime.block_on(scene.store.claim(Claim {
        workspace: Workspace::default(),
        worker: "test".to_owned(),
        limit: 1,
        now: chrono::Utc::now(),
        lease: chrono::Duration::minutes(1),
        parked: Vec::new(),
        ids: Arc::new(RandomIds::default()),
    }));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::OnHold);
    let now = cluster.attempts(&cluster.primary);
    let begun: Vec<_> = now.difference(before).collect();
    assert_eq!(begun.len(), 0, "begun while on hold: {begun:?}");
    hold
}

/// An operator ends the hold. Returns how many messages are in doubt for it.
pub(crate) fn acknowledge(scene: &Scene, hold: &Hold, how: Acknowledgement) -> u64 {
    let admin = Actor::new(Workspace::default(), "adele", Role::Admin);
    let session = scene.engine.act_as(admin);
    let ended = session.acknowledge_hold(hold, how, "looked at by hand");
    let suspected = scene.runtime.block_on(ended).unwrap();
    let now = scene.runtime.block_on(scene.engine.hold()).unwrap();
    assert_eq!(now, None);
    suspected
}

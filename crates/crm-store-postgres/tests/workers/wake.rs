//! Notices wake a resting worker of another process; without them it finds everything by looking.

use std::time::Duration;

use crm_core::message::Status;

use crate::process::{Job, Process};
use crate::scene::Scene;
use crate::sink::Sink;

/// How long a resting worker does not look by itself.
const REST: Duration = Duration::from_secs(600);
/// Far below it.
const SOON: Duration = Duration::from_secs(60);

#[test]
fn an_approval_wakes_a_worker_of_another_process() {
    let (scene, sink) = (Scene::shared(), Sink::start(0));
    let process = Process::start(&Job {
        poll_ms: REST.as_millis().try_into().unwrap(),
        ..scene.job("resting", &sink)
    });
    for number in 1..=5 {
        let message = scene.approve();
        assert!(sink.reaches(number, SOON), "message {number} woke nobody");
        // Recorded, so that the worker has nothing left to do but to rest.
        scene.wait_for(message.id, Status::Sent);
    }
    process.end();
    assert_eq!(sink.count(), 5);
    scene.clear();
}

#[test]
fn a_worker_that_hears_nothing_finds_it_by_looking() {
    let (scene, sink) = (Scene::shared(), Sink::start(0));
    let process = Process::start(&Job {
        listen: false,
        ..scene.job("deaf", &sink)
    });
    for number in 1..=3 {
        let message = scene.approve();
        sink.wait_for(number);
        scene.wait_for(message.id, Status::Sent);
    }
    process.end();
    assert_eq!(sink.count(), 3);
    scene.clear();
}

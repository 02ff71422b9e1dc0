//! Whose turn it is: a frozen worker keeps its turn past its lease, and a killed one loses it at once.

use crm_core::message::Status;
use crm_store_testing::workers::failpoint::Blow;
use crm_store_testing::workers::sink::Sink;

use crate::case::{LEASE, job, stand_still, struck};
use crate::file::Scene;
use crate::process::Process;

/// A worker is frozen with an answer in its hands and another message claimed, and killed there.
#[test]
fn a_frozen_worker_keeps_its_turn_and_a_killed_one_loses_it() {
    let (scene, sink) = (Scene::shared(), Sink::start(0));
    // Claimed together; the channel has room for the first alone.
    let (begun, claimed) = (scene.approve(), scene.approve());
    let frozen = job(&scene, "frozen", &sink);
    let (mut frozen, failpoint) = struck(frozen, "after answer", Blow::Stop, &sink);
    stand_still(&mut frozen, &failpoint);
    assert_eq!(scene.status(begun.id), Status::Sending);
    assert_eq!(scene.status(claimed.id), Status::Claimed);
    let before = [begun.id, claimed.id].map(|id| scene.message(id));
    let next = Process::start(&job(&scene, "next", &sink));
    // How long that is allowed to last is what is tried here.
    std::thread::sleep(LEASE * 2);
    let after = [begun.id, claimed.id].map(|id| scene.message(id));
    assert_eq!(before, after, "taken over while frozen");
    assert_eq!(sink.count(), 1);

    frozen.kill();
    let doubted = scene.wait_for(begun.id, Status::Uncertain);
    assert_eq!(doubted.failure.as_deref(), Some("worker_died"));
    scene.wait_for(claimed.id, Status::Sent);
    next.end();
    let delivered: Vec<_> = sink.deliveries().iter().map(|d| d.message_id).collect();
    assert_eq!(delivered, [begun.id, claimed.id], "each once");
    assert_eq!(scene.attempts(claimed.id)[0].worker, "next");
}

//! A worker as a process of its own: this very program, started again with a job.

use crm_core::message::Status;
use crm_store_testing::workers::process;
pub(crate) use crm_store_testing::workers::process::Process;
use crm_store_testing::workers::sink::Sink;

use crate::file::{File, Scene};

pub(crate) type Job = process::Job<File>;

/// In a process with a job this is the worker; the other tests start it so. Without one, it sees that
/// such a process delivers and ends when it is told.
#[test]
fn a_worker_is_a_process() {
    if process::work_if_told::<File>() {
        return;
    }
    let (scene, sink) = (Scene::shared(), Sink::start(0));
    let message = scene.approve();
    let process = Process::start(&scene.job("one", &sink));
    sink.wait_for(1);
    process.end();
    assert_eq!(sink.deliveries()[0].message_id, message.id);
    assert_eq!(scene.status(message.id), Status::Sent);
}

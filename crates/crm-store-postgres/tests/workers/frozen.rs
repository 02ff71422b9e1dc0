//! A worker that is stopped past its lease and then goes on: it may have delivered, others took over,
//! and nothing it does afterwards counts twice.

use crm_core::message::lifecycle::Event;
use crm_core::message::{AttemptOutcome, Message, Status};

use crate::failpoint::{Blow, Failpoint};
use crate::process::{Job, Process};
use crate::scene::Scene;
use crate::sink::Sink;

/// A worker that stops itself after the first answer, holding that message alone.
fn freezing(scene: &Scene, sink: &Sink) -> Job {
    Job {
        fails: Some(Failpoint::new(
            "after answer",
            1,
            Blow::Stop,
            "frozen",
            sink,
        )),
        concurrency: 1,
        ..scene.job("frozen", sink)
    }
}

/// What happened to a message, as its history calls it.
fn actions(scene: &Scene, message: &Message) -> Vec<String> {
    let history = scene.history(message.id).into_iter();
    history.map(|event| event.action).collect()
}

/// One worker is frozen with an answer in its hands and another message claimed; the lease ends and
/// another worker takes over.
#[test]
fn a_frozen_worker_repeats_nothing_and_its_answer_still_counts() {
    let (scene, sink) = (Scene::shared(), Sink::start(0));
    // Claimed together; the channel has room for the first alone.
    let (begun, claimed) = (scene.approve(), scene.approve());
    let frozen = Process::start(&freezing(&scene, &sink));
    sink.wait_for(1);
    scene.wait_for(claimed.id, Status::Claimed);
    let other = Process::start(&scene.job("other", &sink));

    let doubted = scene.wait_for(begun.id, Status::Uncertain);
    assert_eq!(doubted.failure.as_deref(), Some("lease_expired"));
    assert_eq!(
        scene.attempts(begun.id)[0].outcome,
        Some(AttemptOutcome::Unknown)
    );
    // What was only claimed left through the other.
    let taken_over = scene.wait_for(claimed.id, Status::Sent);
    assert_eq!(taken_over.epoch, 2);

    frozen.thaw();
    // The answer it had is learnt after all.
    let late = scene.wait_for(begun.id, Status::Sent);
    assert_eq!(late.provider_id.as_deref(), Some("sink-1"));
    // It ends well, and so has tried all it would.
    frozen.end();
    other.end();
    let delivered: Vec<_> = sink.deliveries().iter().map(|d| d.message_id).collect();
    assert_eq!(delivered, [begun.id, claimed.id], "each once");
    assert_eq!(
        scene.message(claimed.id),
        taken_over,
        "nothing came over it"
    );
    let attempts = scene.attempts(claimed.id);
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].worker, "other");
    let told = actions(&scene, &begun);
    assert!(told.ends_with(&["uncertain".to_owned(), "confirmed_sent".to_owned()]));
    scene.clear();
}

/// As before, but a person had the doubtful message sent again before the frozen worker went on: what it
/// knows is evidence of a duplicate, and changes nothing.
#[test]
fn the_answer_of_a_frozen_worker_is_evidence_once_somebody_sent_again() {
    let (scene, sink) = (Scene::shared(), Sink::start(0));
    let message = scene.approve();
    let frozen = Process::start(&freezing(&scene, &sink));
    sink.wait_for(1);
    let other = Process::start(&scene.job("other", &sink));
    scene.wait_for(message.id, Status::Uncertain);
    assert_eq!(sink.count(), 1, "nobody repeats a doubtful delivery");

    let reason = Some("the person never got it".to_owned());
    scene.resolve(message.id, Event::ResolveResend, reason);
    let again = scene.wait_for(message.id, Status::Sent);
    frozen.thaw();
    frozen.end();
    other.end();
    assert_eq!(sink.count(), 2, "the second is the person's decision");
    assert_eq!(scene.message(message.id), again, "nothing came over it");
    let told = actions(&scene, &message);
    assert_eq!(told.last().unwrap(), "duplicate_detected");
    let attempts = scene.attempts(message.id);
    let ended: Vec<_> = attempts.iter().map(|attempt| attempt.outcome).collect();
    let wanted = [AttemptOutcome::Unknown, AttemptOutcome::Accepted].map(Some);
    assert_eq!(ended, wanted);
    scene.clear();
}

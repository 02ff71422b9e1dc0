//! A store that went back to an older state sends nothing until an admin has acknowledged it; what may have
//! been sent since is listed as uncertain.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;
#[path = "common/shared.rs"]
mod shared;

use std::sync::Arc;

use chrono::Duration;
use common::{World, seen, world_over};
use crm_core::contact::ContactFields;
use crm_core::engine::{Engine, NewDraft, Policy, Session};
use crm_core::hold::{Acknowledgement, Hold, HoldReason};
use crm_core::memory::MemoryStore;
use crm_core::message::history::{Subject, replay};
use crm_core::message::lifecycle::Event;
use crm_core::message::{Message, Occasion, Status};
use crm_core::port::store::EventQuery;
use crm_core::worker::{Worker, WorkerOptions};
use crm_core::{Actor, ErrorKind, Role, Workspace};
use shared::SharedStore;
use tokio::sync::watch;
use uuid::Uuid;

fn restored() -> Hold {
    Hold {
        reason: HoldReason::Restored,
        noted: "number 7".to_owned(),
        found: "number 3".to_owned(),
    }
}

fn over_memory() -> (World, Arc<MemoryStore>) {
    let store = Arc::new(MemoryStore::default());
    (world_over(store.clone(), Policy::default()), store)
}

async fn approved(session: &Session, email: &str, later: Option<Duration>) -> Message {
    let fields = ContactFields {
        name: "Дилноза Каримова".to_owned(),
        email: Some(email.to_owned()),
        ..ContactFields::default()
    };
    let contact = session.contacts().create(fields).await.unwrap();
    let now = common::world().engine.now();
    let draft = NewDraft {
        scheduled_for: later.map(|later| now + later),
        ..NewDraft::new(contact.id, Occasion::Custom, "Добрый день")
    };
    let message = session.messages().create(draft).await.unwrap();
    let approvals = session.approvals();
    approvals.approve(message.id, seen(&message)).await.unwrap()
}

fn elsewhere(engine: &Engine) -> Session {
    let other = Workspace::new("other").unwrap();
    engine.act_as(Actor::new(other, "their manager", Role::Manager))
}

async fn status(session: &Session, message: &Message) -> Status {
    session.messages().get(message.id).await.unwrap().status
}

/// What the history of the session's workspace says about holds: who, as what, what, and why.
async fn acknowledged(session: &Session) -> Vec<(String, Role, String, String)> {
    let query = EventQuery {
        subject: Some((Subject::Dispatch, Uuid::nil())),
        ..EventQuery::default()
    };
    let events = session.audit().events(query).await.unwrap().into_iter();
    events
        .map(|stored| stored.event)
        .map(|event| {
            let reason = event.reason.unwrap_or_default();
            (event.actor, event.role, event.action, reason)
        })
        .collect()
}

/// An admin ends the hold that there is.
async fn end(world: &World, how: Acknowledgement, reason: &str) -> crm_core::Result<u64> {
    world
        .admin()
        .acknowledge_hold(&restored(), how, reason)
        .await
}

async fn nothing_leaves(world: &World) {
    let worker = world.worker();
    let error = worker.run_until_idle().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OnHold);
    assert!(worker.is_on_hold());
    assert!(world.channel.delivered().is_empty());
}

#[tokio::test]
async fn nothing_leaves_until_it_is_acknowledged_and_what_is_in_doubt_is_listed() {
    let (world, store) = over_memory();
    let (here, there) = (world.manager(), elsewhere(&world.engine));
    let due = approved(&here, "a@mail.example", None).await;
    let theirs = approved(&there, "a@mail.example", None).await;
    let later = approved(&here, "b@mail.example", Some(Duration::hours(1))).await;
    let contact = world.contact("c@mail.example").await;
    let draft = world.draft(&contact, "not decided yet").await;
    store.put_on_hold(restored());
    assert_eq!(world.engine.hold().await.unwrap(), Some(restored()));
    nothing_leaves(&world).await;

    let doubt = Acknowledgement::Doubt;
    let suspected = end(&world, doubt, " backup of Monday ");
    assert_eq!(suspected.await.unwrap(), 2);
    assert_eq!(world.engine.hold().await.unwrap(), None);
    assert_eq!(status(&here, &due).await, Status::Uncertain);
    assert_eq!(status(&there, &theirs).await, Status::Uncertain);
    assert_eq!(status(&here, &later).await, Status::Approved);
    assert_eq!(status(&here, &draft).await, Status::Draft);
    let said = [(
        "admin".to_owned(),
        Role::Admin,
        "hold_acknowledged".to_owned(),
        "restored, doubt: backup of Monday".to_owned(),
    )];
    assert_eq!(acknowledged(&here).await, said);
    assert_eq!(acknowledged(&there).await, said);
    for (session, message) in [(&here, &due), (&there, &theirs)] {
        let query = EventQuery {
            subject: Some((Subject::Message, message.id.0)),
            ..EventQuery::default()
        };
        let events = session.audit().events(query).await.unwrap();
        let events: Vec<_> = events.into_iter().map(|stored| stored.event).collect();
        let last = events.last().unwrap();
        assert_eq!(
            (last.action.as_str(), last.actor.as_str()),
            ("suspected", "admin")
        );
        assert_eq!(last.reason.as_deref(), Some("restored"));
        assert_eq!(replay(&events).unwrap().unwrap().status, Status::Uncertain);
    }

    let worker = world.worker();
    worker.run_until_idle().await.unwrap();
    assert!(!worker.is_on_hold());
    assert!(
        world.channel.delivered().is_empty(),
        "what is in doubt waits for people"
    );
    world.clock.advance(Duration::hours(2));
    worker.run_until_idle().await.unwrap();
    assert_eq!(world.channel.delivered().len(), 1);
    assert_eq!(status(&here, &later).await, Status::Sent);
    let reason = Some("the provider has nothing".to_owned());
    let resend = Event::ResolveResend;
    let messages = here.messages();
    messages.resolve(due.id, resend, reason).await.unwrap();
    worker.run_until_idle().await.unwrap();
    assert_eq!(status(&here, &due).await, Status::Sent);
    assert!(here.audit().verify(None).await.unwrap().valid);
}

#[tokio::test]
async fn an_operator_who_knows_that_nothing_was_lost_goes_on() {
    let (world, store) = over_memory();
    let message = approved(&world.manager(), "a@mail.example", None).await;
    store.put_on_hold(restored());
    nothing_leaves(&world).await;
    let go_on = Acknowledgement::Continue;
    let suspected = end(&world, go_on, "moved while stopped");
    assert_eq!(suspected.await.unwrap(), 0);
    world.worker().run_until_idle().await.unwrap();
    assert_eq!(status(&world.manager(), &message).await, Status::Sent);
    assert_eq!(world.channel.delivered().len(), 1);
    let said = acknowledged(&world.viewer()).await;
    assert_eq!(said[0].3, "restored, continue: moved while stopped");
}

#[tokio::test]
async fn only_an_admin_with_a_reason_ends_the_hold_that_there_is() {
    let (world, store) = over_memory();
    let message = approved(&world.manager(), "a@mail.example", None).await;
    let doubt = Acknowledgement::Doubt;
    let refusal = async |session: Session, hold: &Hold, reason: &str| {
        let error = session
            .acknowledge_hold(hold, doubt, reason)
            .await
            .unwrap_err();
        assert_eq!(status(&world.manager(), &message).await, Status::Approved);
        assert!(acknowledged(&world.manager()).await.is_empty());
        error.kind()
    };
    assert_eq!(
        refusal(world.admin(), &restored(), "x").await,
        ErrorKind::Conflict
    );
    store.put_on_hold(restored());
    for session in [
        world.viewer(),
        world.manager(),
        world.act("w", Role::System),
    ] {
        assert_eq!(
            refusal(session, &restored(), "x").await,
            ErrorKind::Forbidden
        );
    }
    for reason in [" ", &"x".repeat(301)] {
        assert_eq!(
            refusal(world.admin(), &restored(), reason).await,
            ErrorKind::Invalid
        );
    }
    let another = Hold {
        found: "number 2".to_owned(),
        ..restored()
    };
    assert_eq!(
        refusal(world.admin(), &another, "x").await,
        ErrorKind::Conflict
    );
    let (deferred, collected) = world.engine.deferred();
    let admin = deferred.act_as(world.admin().actor().clone());
    assert_eq!(refusal(admin, &another, "x").await, ErrorKind::Conflict);
    let go_on = Acknowledgement::Continue;
    let admin = deferred.act_as(world.admin().actor().clone());
    let error = admin
        .acknowledge_hold(&restored(), go_on, "x")
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(collected.take().is_empty());
    assert_eq!(world.engine.hold().await.unwrap(), Some(restored()));
}

#[tokio::test]
async fn an_end_that_was_cut_off_is_made_up_for() {
    let store = Arc::new(SharedStore::default());
    let world = world_over(store.clone(), Policy::default());
    let mut messages = Vec::new();
    // More than one page.
    for number in 0..503 {
        messages.push(approved(&world.manager(), &format!("a{number}@mail.example"), None).await);
    }
    store.inner().put_on_hold(restored());
    // While the first page is written, the store goes back once more: nobody has seen this one.
    let again = Hold {
        reason: HoldReason::FailedOver,
        ..restored()
    };
    let (inner, hold) = (store.clone(), again.clone());
    store.before_next_commit(move || Box::pin(async move { inner.inner().put_on_hold(hold) }));
    let doubt = Acknowledgement::Doubt;
    let error = world
        .admin()
        .acknowledge_hold(&restored(), doubt, "first")
        .await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(world.engine.hold().await.unwrap(), Some(again.clone()));
    let late = approved(&world.manager(), "late@mail.example", None).await;
    let suspected = world
        .admin()
        .acknowledge_hold(&again, doubt, "second")
        .await;
    assert_eq!(suspected.unwrap(), 1, "the others are listed already");
    messages.push(late);
    for message in &messages {
        assert_eq!(status(&world.manager(), message).await, Status::Uncertain);
    }
    world.worker().run_until_idle().await.unwrap();
    assert!(world.channel.delivered().is_empty());
    assert_eq!(acknowledged(&world.manager()).await.len(), 1);
}

#[tokio::test]
async fn what_was_claimed_before_does_not_leave_either() {
    let store = Arc::new(SharedStore::default());
    let world = world_over(store.clone(), Policy::default());
    let message = approved(&world.manager(), "a@mail.example", None).await;
    let inner = store.clone();
    // The worker has claimed it and is about to look at it a last time.
    store.before_next_dispatch(move || {
        Box::pin(async move { inner.inner().put_on_hold(restored()) })
    });
    nothing_leaves(&world).await;
    assert_eq!(status(&world.manager(), &message).await, Status::Claimed);
    let doubt = Acknowledgement::Doubt;
    let suspected = end(&world, doubt, "standby promoted");
    assert_eq!(suspected.await.unwrap(), 1);
    let message = world.reload(&message).await;
    assert_eq!(message.status, Status::Uncertain);
    assert_eq!((message.lease_owner, message.lease_until), (None, None));
}

#[tokio::test(start_paused = true)]
async fn a_running_worker_waits_does_everything_else_and_goes_on() {
    let (world, store) = over_memory();
    let worker = Arc::new(Worker::new(world.engine.clone(), WorkerOptions::default()));
    let (stop, stopped) = watch::channel(false);
    let running = Arc::clone(&worker);
    let running = tokio::spawn(async move { running.run(stopped).await });
    let until = async |what: &dyn Fn() -> bool| {
        while !what() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    approved(&world.manager(), "a@mail.example", None).await;
    until(&|| world.channel.delivered().len() == 1).await;
    store.put_on_hold(restored());
    approved(&world.manager(), "b@mail.example", None).await;
    until(&|| worker.is_on_hold()).await;
    // Deadlines go on ending meanwhile.
    let contact = world.contact("c@mail.example").await;
    let draft = NewDraft {
        expires_at: Some(world.engine.now() + Duration::minutes(1)),
        ..NewDraft::new(contact.id, Occasion::Custom, "too late")
    };
    let late = world.manager().messages().create(draft).await.unwrap();
    world.clock.advance(Duration::minutes(2));
    while status(&world.manager(), &late).await != Status::Expired {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    assert_eq!(world.channel.delivered().len(), 1);
    let go_on = Acknowledgement::Continue;
    let ended = end(&world, go_on, "nothing was lost");
    ended.await.unwrap();
    until(&|| world.channel.delivered().len() == 2).await;
    assert!(!worker.is_on_hold());
    stop.send(true).unwrap();
    running.await.unwrap().unwrap();
}

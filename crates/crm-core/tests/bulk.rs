//! Decisions about many messages: exactly the previewed set, and each one that was left out is told.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use common::{World, world};
use crm_core::engine::{BulkAction, Engine, Session};
use crm_core::message::decide::Edit;
use crm_core::message::{Message, Status};
use crm_core::port::channel::Outcome;
use crm_core::port::store::MessageQuery;
use crm_core::testing::SequentialIds;
use crm_core::{Actor, ErrorKind, Role, Workspace};

async fn drafts(world: &World, count: usize) -> Vec<Message> {
    let contact = world.contact("a@mail.example").await;
    let mut drafts = Vec::new();
    for number in 0..count {
        drafts.push(
            world
                .draft(&contact, &format!("text number {number}"))
                .await,
        );
    }
    drafts
}

fn everything() -> MessageQuery {
    MessageQuery::default()
}

async fn edit(world: &World, message: &Message) -> Message {
    let edit = Edit {
        content: Some("other words".to_owned()),
        ..Edit::default()
    };
    let manager = world.act("bob", Role::Manager);
    manager
        .messages()
        .edit(message.id, None, edit)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_rejection_or_a_cancellation_skips_what_changed_since_the_preview() {
    for action in [BulkAction::Reject, BulkAction::Cancel] {
        let world = world();
        let drafts = drafts(&world, 3).await;
        let manager = world.manager();
        let approvals = manager.approvals();
        let preview = approvals.preview(action, everything()).await.unwrap();
        assert_eq!((preview.count, preview.sample.len()), (3, 3));
        edit(&world, &drafts[1]).await;
        let manifest = Some(preview.manifest);
        let done = approvals
            .bulk(action, everything(), manifest, None)
            .await
            .unwrap();
        assert_eq!((done.applied, done.skipped, done.failed), (2, 1, 0));
        assert_eq!(done.items[0].id, drafts[1].id);
        assert_eq!(done.items[0].outcome, "skipped");
        assert_eq!(world.reload(&drafts[1]).await.status, Status::Draft);
    }
}

#[tokio::test]
async fn only_what_the_action_is_for_is_previewed_and_counted() {
    let world = world();
    let drafts = drafts(&world, 3).await;
    world.approve(&drafts[0]).await;
    world.worker().run_until_idle().await.unwrap();
    world.approve(&drafts[1]).await;
    let manager = world.manager();
    let count = async |action| {
        let preview = manager.approvals().preview(action, everything()).await;
        preview.unwrap().count
    };
    assert_eq!(count(BulkAction::Approve).await, 1);
    assert_eq!(count(BulkAction::Reject).await, 2);
    assert_eq!(count(BulkAction::Cancel).await, 2);
    let viewer = world.viewer();
    let refused = viewer
        .approvals()
        .preview(BulkAction::Reject, everything())
        .await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Forbidden);
    let refused = viewer
        .approvals()
        .bulk(BulkAction::Cancel, everything(), None, None)
        .await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Forbidden);
}

/// The same store behind an engine that was started anew: it has kept no preview.
fn restarted(world: &World) -> Session {
    let store = world.engine.store().clone();
    let ids = std::sync::Arc::new(SequentialIds::starting_at(90_000));
    let engine = Engine::builder(store, world.clock.clone(), ids).build();
    engine.act_as(Actor::new(Workspace::default(), "manager", Role::Manager))
}

#[tokio::test]
async fn a_manifest_outlives_a_restart_only_while_nothing_changed() {
    let world = world();
    let drafts = drafts(&world, 2).await;
    let preview = async || {
        let manager = world.manager();
        let preview = manager
            .approvals()
            .preview(BulkAction::Approve, everything())
            .await;
        Some(preview.unwrap().manifest)
    };
    let apply = async |manifest| {
        let session = restarted(&world);
        let approvals = session.approvals();
        approvals
            .bulk(BulkAction::Approve, everything(), manifest, None)
            .await
    };
    let before = preview().await;
    let edited = edit(&world, &drafts[0]).await;
    let now = preview().await;
    assert_ne!(before, now, "a manifest binds versions and digests");
    assert_eq!(apply(before).await.unwrap_err().kind(), ErrorKind::Conflict);
    // The same text, and yet another version: somebody asked for a decision meanwhile.
    let manager = world.manager();
    let submitted = manager.messages().submit(drafts[1].id, None).await;
    assert_eq!(submitted.unwrap().digest, drafts[1].digest);
    let (submitted, now) = (now, preview().await);
    assert_eq!(
        apply(submitted).await.unwrap_err().kind(),
        ErrorKind::Conflict
    );
    assert_eq!(world.reload(&edited).await, edited);
    assert_eq!(apply(now).await.unwrap().applied, 2);
}

#[tokio::test]
async fn more_than_a_page_is_decided_to_the_last() {
    let world = world();
    let count = 1_003;
    drafts(&world, count).await;
    let manager = world.manager();
    let approvals = manager.approvals();
    let action = BulkAction::Approve;
    let preview = approvals.preview(action, everything()).await.unwrap();
    assert_eq!((preview.count, preview.sample.len()), (count as u64, 20));
    let manifest = Some(preview.manifest);
    let done = approvals
        .bulk(action, everything(), manifest, None)
        .await
        .unwrap();
    assert_eq!(
        (done.applied, done.skipped + done.failed),
        (count as u64, 0)
    );
    // Once more: everything is decided, and each is told.
    let again = approvals
        .bulk(action, everything(), manifest, None)
        .await
        .unwrap();
    assert_eq!(
        (again.applied, again.skipped, again.items.len()),
        (0, count as u64, 1_000)
    );
}

#[tokio::test]
async fn doubts_are_resolved_together() {
    let actions = [
        (BulkAction::ResolveSent, Status::Sent, false),
        (BulkAction::ResolveFailed, Status::Failed, false),
        (BulkAction::ResolveResend, Status::Approved, true),
    ];
    for (action, status, needs_manifest) in actions {
        let world = world();
        let mut drafts = drafts(&world, 4).await;
        let untouched = drafts.pop().unwrap();
        for draft in &drafts {
            world.approve(draft).await;
            let reason = "timeout".to_owned();
            world.channel.push(Outcome::Unknown { reason });
        }
        world.worker().run_until_idle().await.unwrap();
        let manager = world.manager();
        let approvals = manager.approvals();
        let preview = approvals.preview(action, everything()).await.unwrap();
        assert_eq!(preview.count, 3, "{action:?}");
        let unseen = approvals.bulk(action, everything(), None, None).await;
        if needs_manifest {
            let kind = unseen.unwrap_err().kind();
            assert_eq!(kind, ErrorKind::PreconditionRequired);
            let manifest = Some(preview.manifest);
            let done = approvals.bulk(action, everything(), manifest, None).await;
            assert_eq!(done.unwrap().applied, 3);
        } else {
            assert_eq!(unseen.unwrap().applied, 3);
        }
        for draft in &drafts {
            assert_eq!(world.reload(draft).await.status, status);
        }
        assert_eq!(world.reload(&untouched).await, untouched);
    }
}

//! The undo window: between an approval and the first claim everybody who may call a message off still can.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use chrono::Duration;
use common::{World, world_over};
use crm_core::ErrorKind;
use crm_core::engine::{BulkAction, Policy};
use crm_core::memory::MemoryStore;
use crm_core::message::decide::{Edit, Seen};
use crm_core::message::{Message, Status};
use crm_core::port::store::{Claim, MessageQuery};
use crm_core::testing::SequentialIds;

const WINDOW: i64 = 10;

fn undoable() -> World {
    let policy = Policy {
        undo_window: Duration::seconds(WINDOW),
        ..Policy::default()
    };
    world_over(Arc::new(MemoryStore::default()), policy)
}

async fn approved(world: &World) -> Message {
    let contact = world.contact("a@mail.example").await;
    let draft = world.draft(&contact, "Привет").await;
    world.approve(&draft).await
}

fn claim(world: &World) -> Claim {
    Claim {
        workspace: crm_core::Workspace::default(),
        worker: "worker".to_owned(),
        limit: 10,
        now: world.engine.now(),
        lease: Duration::minutes(1),
        parked: Vec::new(),
        ids: Arc::new(SequentialIds::default()),
    }
}

#[tokio::test]
async fn nothing_leaves_before_the_window_is_over() {
    let world = undoable();
    let message = approved(&world).await;
    assert_eq!(
        message.not_before,
        world.engine.now() + Duration::seconds(WINDOW)
    );
    // Asking for delivery does not shorten it.
    world.manager().messages().send(message.id).await.unwrap();
    for _ in 0..WINDOW {
        world.worker().run_until_idle().await.unwrap();
        assert_eq!(world.channel.calls().len(), 0);
        world.clock.advance(Duration::seconds(1));
    }
    world.worker().run_until_idle().await.unwrap();
    assert_eq!(world.channel.calls().len(), 1);
    assert_eq!(world.reload(&message).await.status, Status::Sent);
}

#[tokio::test]
async fn a_schedule_after_the_window_stands_and_one_inside_it_waits_for_its_end() {
    let world = undoable();
    let contact = world.contact("a@mail.example").await;
    for (later, waits) in [(3, WINDOW), (60, 60)] {
        let now = world.engine.now();
        let draft = world.draft(&contact, "Привет").await;
        let at = now + Duration::seconds(later);
        let edit = Edit {
            scheduled_for: Some(Some(at)),
            ..Edit::default()
        };
        let messages = world.manager();
        let draft = messages
            .messages()
            .edit(draft.id, None, edit)
            .await
            .unwrap();
        let approved = world.approve(&draft).await;
        assert_eq!(approved.not_before, now + Duration::seconds(waits));
    }
}

#[tokio::test]
async fn cancelling_wins_until_the_claim_commits() {
    // Inside the window, and after it as long as no worker has it.
    for waited in [0, WINDOW - 1, WINDOW, 10 * WINDOW] {
        let world = undoable();
        let message = approved(&world).await;
        world.clock.advance(Duration::seconds(waited));
        let messages = world.manager();
        let cancelled = messages.messages().cancel(message.id, None).await.unwrap();
        assert_eq!(cancelled.status, Status::Cancelled);
        let claimed = world.engine.store().claim(claim(&world)).await.unwrap();
        assert!(claimed.is_empty());
        world.clock.advance(Duration::seconds(10 * WINDOW));
        world.worker().run_until_idle().await.unwrap();
        assert_eq!(world.channel.calls().len(), 0);
        assert_eq!(world.reload(&message).await.status, Status::Cancelled);
    }
    // After the claim it is too late, and the answer says so.
    let world = undoable();
    let message = approved(&world).await;
    world.clock.advance(Duration::seconds(WINDOW));
    let claimed = world.engine.store().claim(claim(&world)).await.unwrap();
    assert_eq!(claimed.len(), 1);
    let messages = world.manager();
    let refused = messages.messages().cancel(message.id, None).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotAllowed);
    assert_eq!(world.reload(&message).await.status, Status::Claimed);
}

#[tokio::test]
async fn taking_an_approval_back_by_an_edit_asks_again_and_starts_the_window_anew() {
    let world = undoable();
    let message = approved(&world).await;
    world.clock.advance(Duration::seconds(WINDOW - 1));
    let edit = Edit {
        content: Some("Здравствуйте".to_owned()),
        ..Edit::default()
    };
    let messages = world.manager();
    let edited = messages
        .messages()
        .edit(message.id, None, edit)
        .await
        .unwrap();
    assert_ne!(edited.status, Status::Approved);
    world.clock.advance(Duration::seconds(WINDOW));
    world.worker().run_until_idle().await.unwrap();
    assert_eq!(world.channel.calls().len(), 0);
    let again = world.approve(&edited).await;
    assert_eq!(
        again.not_before,
        world.engine.now() + Duration::seconds(WINDOW)
    );
}

#[tokio::test]
async fn whoever_approves_may_ask_for_a_longer_window_and_never_for_a_shorter_one() {
    let world = undoable();
    for (asked, waits) in [(0, WINDOW), (WINDOW - 1, WINDOW), (60, 60)] {
        let window = Duration::seconds(asked);
        let contact = world.contact(&format!("a{asked}@mail.example")).await;
        let [one, many] = [
            world.draft(&contact, "Привет").await,
            world.draft(&contact, "Здравствуйте").await,
        ];
        let manager = world.manager();
        let approvals = manager.approvals().undoable_for(window);
        let alone = approvals.approve(one.id, Seen::of(&one)).await.unwrap();
        assert_eq!(
            alone.not_before,
            world.engine.now() + Duration::seconds(waits)
        );
        let query = MessageQuery {
            ids: vec![many.id],
            ..MessageQuery::default()
        };
        let action = BulkAction::Approve;
        let seen = approvals.preview(action, query.clone()).await.unwrap();
        let done = approvals
            .bulk(action, query, Some(seen.manifest), None)
            .await
            .unwrap();
        assert_eq!(done.applied, 1);
        assert_eq!(world.reload(&many).await.not_before, alone.not_before);
    }
}

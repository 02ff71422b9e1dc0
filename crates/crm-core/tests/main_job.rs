//! The product's main job on one message, and each promise about approval and delivery.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use chrono::Duration;
use common::{seen, world};
use crm_core::contact::ContactFields;
use crm_core::engine::BulkAction;
use crm_core::message::decide::{Edit, Seen};
use crm_core::message::lifecycle::Event;
use crm_core::message::{AttemptOutcome, Status};
use crm_core::port::channel::{Outcome, RetryScope};
use crm_core::port::store::{MessageQuery, SuppressionQuery};
use crm_core::{ErrorKind, Role};

const TEXT: &str = "Ассалому алайкум! Тугʻилган кунингиз билан.\n.\n  Hurmat bilan ";

#[tokio::test]
async fn what_was_approved_is_delivered_once_and_proven() {
    let world = world();
    let contact = world.contact("dilnoza@mail.example").await;
    let message = world.draft(&contact, TEXT).await;
    assert_eq!(message.status, Status::Draft);
    world.worker().run_until_idle().await.unwrap();
    assert!(
        world.channel.delivered().is_empty(),
        "nothing leaves without an approval"
    );
    let approved = world.approve(&message).await;
    for _ in 0..3 {
        world.worker().run_until_idle().await.unwrap();
    }
    let delivered = world.channel.delivered();
    assert_eq!(delivered.len(), 1);
    assert_eq!(delivered[0].content(), TEXT);
    assert_eq!(delivered[0].recipient(), "dilnoza@mail.example");
    assert_eq!(delivered[0].digest(), approved.digest);
    let message = world.reload(&message).await;
    assert_eq!(message.status, Status::Sent);
    let trail = world.viewer().messages().trail(message.id).await.unwrap();
    assert_eq!(trail.attempts.len(), 1);
    assert_eq!(trail.attempts[0].outcome, Some(AttemptOutcome::Accepted));
    assert_eq!(trail.approvals[0].digest, trail.attempts[0].digest);
    let actions: Vec<String> = world
        .viewer()
        .messages()
        .history(message.id)
        .await
        .unwrap()
        .into_iter()
        .map(|stored| stored.event.action)
        .collect();
    assert_eq!(actions, ["created", "approved", "claimed", "begun", "sent"]);
    let proof = world.viewer().audit().verify(None).await.unwrap();
    assert!(proof.valid && proof.sealed >= 6, "{proof:?}");
    assert_eq!(world.viewer().analytics().recount().await.unwrap(), []);
}

#[tokio::test]
async fn an_edit_a_new_address_or_a_new_time_voids_the_approval() {
    let world = world();
    let contact = world.contact("a@mail.example").await;
    for change in 0..3 {
        let message = world.draft(&contact, "first text here").await;
        let approved = world.approve(&message).await;
        let manager = world.manager();
        match change {
            0 => {
                let edit = Edit {
                    content: Some("second text".to_owned()),
                    ..Edit::default()
                };
                manager
                    .messages()
                    .edit(message.id, None, edit)
                    .await
                    .unwrap();
            }
            1 => {
                let later = world.engine.now() + Duration::hours(1);
                let edit = Edit {
                    scheduled_for: Some(Some(later)),
                    ..Edit::default()
                };
                manager
                    .messages()
                    .edit(message.id, None, edit)
                    .await
                    .unwrap();
            }
            _ => {
                let fields = ContactFields {
                    email: Some("b@mail.example".to_owned()),
                    ..contact.fields.clone()
                };
                manager
                    .contacts()
                    .update(contact.id, None, fields)
                    .await
                    .unwrap();
            }
        }
        let message = world.reload(&message).await;
        assert_eq!(message.status, Status::PendingApproval, "change {change}");
        assert_eq!(message.approved_by, None);
        assert_ne!(message.digest, approved.digest);
    }
    world.worker().run_until_idle().await.unwrap();
    assert!(world.channel.delivered().is_empty());
}

#[tokio::test]
async fn nobody_approves_what_they_did_not_see() {
    let world = world();
    let contact = world.contact("a@mail.example").await;
    let message = world.draft(&contact, "first text here").await;
    let edit = Edit {
        content: Some("changed behind your back".to_owned()),
        ..Edit::default()
    };
    world
        .act("bob", Role::Manager)
        .messages()
        .edit(message.id, None, edit)
        .await
        .unwrap();
    let error = world
        .manager()
        .approvals()
        .approve(message.id, seen(&message))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(
        error.detail().contains("bob") && error.detail().contains("edited"),
        "{error}"
    );
    let blind = Seen {
        version: message.version,
        digest: None,
    };
    let error = world
        .manager()
        .approvals()
        .approve(message.id, blind)
        .await
        .unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::Conflict,
        "the version alone is enough to refuse"
    );
    let now = world.reload(&message).await;
    let wrong = Seen {
        version: now.version,
        digest: Some(message.digest),
    };
    assert!(
        world
            .manager()
            .approvals()
            .approve(message.id, wrong)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn of_two_approvers_one_wins_and_the_other_is_told_who() {
    let world = world();
    let contact = world.contact("a@mail.example").await;
    let message = world.draft(&contact, "first text here").await;
    let (ann, bob) = (
        world.act("ann", Role::Manager),
        world.act("bob", Role::Manager),
    );
    ann.approvals()
        .approve(message.id, seen(&message))
        .await
        .unwrap();
    let error = bob
        .approvals()
        .approve(message.id, seen(&message))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.detail().contains("ann"), "{error}");
}

#[tokio::test]
async fn a_viewer_decides_nothing() {
    let world = world();
    let contact = world.contact("a@mail.example").await;
    let message = world.draft(&contact, "first text here").await;
    let viewer = world.viewer();
    let forbidden = |error: crm_core::Error| assert_eq!(error.kind(), ErrorKind::Forbidden);
    forbidden(
        viewer
            .approvals()
            .approve(message.id, seen(&message))
            .await
            .unwrap_err(),
    );
    forbidden(
        viewer
            .approvals()
            .reject(message.id, None, None)
            .await
            .unwrap_err(),
    );
    forbidden(viewer.messages().send(message.id).await.unwrap_err());
    forbidden(viewer.messages().delete(message.id).await.unwrap_err());
    forbidden(
        viewer
            .messages()
            .cancel(message.id, None)
            .await
            .unwrap_err(),
    );
    forbidden(
        viewer
            .contacts()
            .create(contact.fields.clone())
            .await
            .unwrap_err(),
    );
    forbidden(
        world
            .manager()
            .contacts()
            .erase(contact.id)
            .await
            .unwrap_err(),
    );
    assert_eq!(world.reload(&message).await, message);
}

#[tokio::test]
async fn a_sent_message_is_neither_edited_nor_rejected_nor_deleted() {
    let world = world();
    let contact = world.contact("a@mail.example").await;
    let message = world.draft(&contact, "first text here").await;
    world.approve(&message).await;
    world.worker().run_until_idle().await.unwrap();
    let manager = world.manager();
    let edit = Edit {
        content: Some("too late".to_owned()),
        ..Edit::default()
    };
    let errors = [
        manager
            .messages()
            .edit(message.id, None, edit)
            .await
            .unwrap_err(),
        manager
            .approvals()
            .reject(message.id, None, None)
            .await
            .unwrap_err(),
        manager.messages().delete(message.id).await.unwrap_err(),
        manager.messages().send(message.id).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::NotAllowed, "{error}");
    }
}

#[tokio::test]
async fn outcomes_lead_where_the_protocol_says() {
    let outcomes = [
        (
            Outcome::Dead {
                reason: "no_such_user".to_owned(),
            },
            Status::Failed,
        ),
        (
            Outcome::Rejected {
                reason: "content".to_owned(),
            },
            Status::Failed,
        ),
        (
            Outcome::Stop {
                reason: "credentials".to_owned(),
            },
            Status::Approved,
        ),
        (
            Outcome::RetryAfter {
                scope: RetryScope::Message,
                at_least: std::time::Duration::from_secs(60),
                reason: "busy".to_owned(),
            },
            Status::Approved,
        ),
        (
            Outcome::Unknown {
                reason: "reset".to_owned(),
            },
            Status::Uncertain,
        ),
    ];
    for (outcome, status) in outcomes {
        let world = world();
        let contact = world.contact("a@mail.example").await;
        let message = world.draft(&contact, "first text here").await;
        world.channel.push(outcome.clone());
        world.approve(&message).await;
        world.worker().run_until_idle().await.unwrap();
        let message = world.reload(&message).await;
        assert_eq!(message.status, status, "{outcome:?}");
        let list = world
            .manager()
            .suppressions()
            .list(SuppressionQuery::default())
            .await
            .unwrap();
        let dead = matches!(outcome, Outcome::Dead { .. });
        assert_eq!(list.items.len(), usize::from(dead));
        assert_eq!(world.viewer().analytics().recount().await.unwrap(), []);
    }
}

#[tokio::test]
async fn doubt_waits_for_a_person_and_is_frozen() {
    let world = world();
    let contact = world.contact("a@mail.example").await;
    let message = world.draft(&contact, "first text here").await;
    world.channel.push(Outcome::Unknown {
        reason: "reset".to_owned(),
    });
    world.approve(&message).await;
    for _ in 0..4 {
        world.worker().run_until_idle().await.unwrap();
        world.clock.advance(Duration::days(1));
    }
    assert_eq!(
        world.channel.calls().len(),
        1,
        "no second attempt by itself"
    );
    let edit = Edit {
        content: Some("corrected".to_owned()),
        ..Edit::default()
    };
    assert!(
        world
            .manager()
            .messages()
            .edit(message.id, None, edit)
            .await
            .is_err()
    );
    world
        .manager()
        .messages()
        .resolve(
            message.id,
            Event::ResolveResend,
            Some("they called".to_owned()),
        )
        .await
        .unwrap();
    world.worker().run_until_idle().await.unwrap();
    assert_eq!(world.reload(&message).await.status, Status::Sent);
    assert_eq!(world.channel.calls().len(), 2);
}

#[tokio::test]
async fn suppression_and_an_opt_out_stop_what_is_already_approved() {
    let world = world();
    let contact = world.contact("a@mail.example").await;
    let message = world.draft(&contact, "first text here").await;
    world.approve(&message).await;
    world
        .manager()
        .suppressions()
        .add("email", "a@mail.example", "asked")
        .await
        .unwrap();
    world.worker().run_until_idle().await.unwrap();
    let message = world.reload(&message).await;
    assert_eq!(message.status, Status::Cancelled);
    assert_eq!(message.failure.as_deref(), Some("suppressed"));
    assert!(world.channel.calls().is_empty());
}

#[tokio::test]
async fn an_erased_person_leaves_no_text_and_a_chain_that_verifies() {
    let world = world();
    let contact = world.contact("a@mail.example").await;
    let sent = world.draft(&contact, "secret words one").await;
    world.approve(&sent).await;
    world.worker().run_until_idle().await.unwrap();
    let open = world.draft(&contact, "secret words two").await;
    world.admin().contacts().erase(contact.id).await.unwrap();
    world.worker().run_until_idle().await.unwrap();
    for message in [&sent, &open] {
        let trail = world.viewer().messages().trail(message.id).await.unwrap();
        for revision in trail.revisions {
            assert!(revision.content.is_empty() && revision.salt == [0; 16]);
        }
        assert!(world.reload(message).await.recipient.is_empty());
    }
    assert_eq!(world.reload(&open).await.status, Status::Cancelled);
    assert!(world.viewer().contacts().get(contact.id).await.is_err());
    assert!(world.viewer().audit().verify(None).await.unwrap().valid);
    assert_eq!(world.viewer().analytics().recount().await.unwrap(), []);
}

#[tokio::test]
async fn a_bulk_decision_skips_what_changed_since_the_preview_and_takes_nothing_new() {
    let world = world();
    let contact = world.contact("a@mail.example").await;
    let (kept, changed) = (
        world.draft(&contact, "text number one").await,
        world.draft(&contact, "number two").await,
    );
    let manager = world.manager();
    for message in [&kept, &changed] {
        manager.messages().submit(message.id, None).await.unwrap();
    }
    let query = MessageQuery {
        statuses: vec![Status::PendingApproval],
        ..MessageQuery::default()
    };
    let approve = BulkAction::Approve;
    let preview = manager
        .approvals()
        .preview(approve, query.clone())
        .await
        .unwrap();
    assert_eq!(preview.count, 2);
    let edit = Edit {
        content: Some("other words".to_owned()),
        ..Edit::default()
    };
    manager
        .messages()
        .edit(changed.id, None, edit)
        .await
        .unwrap();
    let late = world.draft(&contact, "number three").await;
    manager.messages().submit(late.id, None).await.unwrap();

    let unseen = manager
        .approvals()
        .bulk(approve, query.clone(), None, None)
        .await
        .unwrap_err();
    assert_eq!(unseen.kind(), ErrorKind::PreconditionRequired);
    let other = Some(crm_core::message::Digest([7; 32]));
    let unknown = manager
        .approvals()
        .bulk(approve, query.clone(), other, None)
        .await
        .unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::Conflict);

    let manifest = Some(preview.manifest);
    let viewer = world
        .viewer()
        .approvals()
        .bulk(approve, query.clone(), manifest, None)
        .await;
    assert_eq!(viewer.unwrap_err().kind(), ErrorKind::Forbidden);
    let result = manager
        .approvals()
        .bulk(approve, query, manifest, None)
        .await
        .unwrap();
    assert_eq!((result.applied, result.skipped, result.failed), (1, 1, 0));
    assert_eq!(result.items[0].id, changed.id);
    assert_eq!(world.reload(&kept).await.status, Status::Approved);
    assert_eq!(world.reload(&changed).await.status, Status::PendingApproval);
    assert_eq!(
        world.reload(&late).await.status,
        Status::PendingApproval,
        "never previewed"
    );
}

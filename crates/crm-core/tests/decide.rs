//! The pure decisions of people: each check alone, and what each leaves behind.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use chrono::{DateTime, Duration, Utc};
use crm_core::change::{Change, ChangeSet};
use crm_core::message::decide::{self, Edit, NewMessage, Seen, Text};
use crm_core::message::lifecycle::Event;
use crm_core::message::{
    Digest, Format, GeneratedBy, Message, Occasion, Provenance, Status, digest,
};
use crm_core::stamp::Stamp;
use crm_core::testing::{SequentialIds, fixtures};
use crm_core::{Actor, ErrorKind, Result, Role, Workspace};

fn now() -> DateTime<Utc> {
    fixtures::noon() + Duration::seconds(1)
}

/// Calls `what` as somebody of this role, whose id is `ann`.
fn by<T>(role: Role, what: impl FnOnce(&Stamp<'_>) -> T) -> T {
    let actor = Actor::new(Workspace::default(), "ann", role);
    let ids = SequentialIds::starting_at(5_000);
    what(&Stamp {
        actor: &actor,
        at: now(),
        ids: &ids,
    })
}

fn new_message() -> NewMessage {
    NewMessage {
        contact_id: fixtures::contact(1).id,
        campaign: None,
        occasion: Occasion::Custom,
        channel: "email".to_owned(),
        recipient: "anna1@example.org".to_owned(),
        text: text("Ждём вас"),
        generated_by: GeneratedBy::Manual,
        metadata: Provenance::default(),
        findings: Vec::new(),
        scheduled_for: None,
        expires_at: None,
        test_mode: false,
        submitted: false,
    }
}

fn text(content: &str) -> Text {
    Text {
        subject: Some("Тема".to_owned()),
        content: content.to_owned(),
        format: Format::Text,
    }
}

fn create(new: NewMessage) -> Result<(Message, ChangeSet)> {
    by(Role::Manager, |stamp| decide::create(new, stamp))
}

#[test]
fn a_new_message_carries_its_digest_and_its_first_event() {
    let (message, set) = create(new_message()).unwrap();
    assert_eq!((message.status, message.version), (Status::Draft, 1));
    assert_eq!(message.digest, digest::digest(&message));
    assert_eq!(
        (message.created_by.as_str(), message.not_before),
        ("ann", now())
    );
    assert_eq!(set.events().len(), 1);
    assert_eq!(set.events()[0].action, "created");
    let later = now() + Duration::hours(1);
    let new = NewMessage {
        submitted: true,
        scheduled_for: Some(later),
        ..new_message()
    };
    let (message, _) = create(new).unwrap();
    assert_eq!(
        (message.status, message.not_before),
        (Status::PendingApproval, later)
    );
}

#[test]
fn a_text_that_cannot_be_sent_is_refused_on_creation_and_on_edit() {
    let subject = |subject: &str| Text {
        subject: Some(subject.to_owned()),
        ..text("Ждём вас")
    };
    let long = "я".repeat(10_001);
    let wrong = [
        (text(""), "content"),
        (text(" \n\t"), "content"),
        (text(&long), "content"),
        (text("a\0b"), "content"),
        (subject("a\r\nBcc: x@example.org"), "subject"),
        (subject("a\0"), "subject"),
        (subject(&"я".repeat(201)), "subject"),
    ];
    for (text, field) in wrong {
        let new = NewMessage {
            text: text.clone(),
            ..new_message()
        };
        let error = create(new).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert_eq!(error.fields()[0].field, field);
        let edit = Edit {
            content: Some(text.content),
            subject: Some(text.subject),
            ..Edit::default()
        };
        let draft = fixtures::message(1);
        let edited = by(Role::Manager, |stamp| {
            decide::edit(&draft, edit, Vec::new(), stamp)
        });
        assert_eq!(edited.unwrap_err().kind(), ErrorKind::Invalid);
    }
    for fine in [
        text(&"я".repeat(10_000)),
        text("."),
        subject(&"я".repeat(200)),
        subject(""),
    ] {
        let new = NewMessage {
            text: fine,
            ..new_message()
        };
        assert!(create(new).is_ok());
    }
}

#[test]
fn a_deadline_lies_behind_the_schedule() {
    let at = |minutes| Some(now() + Duration::minutes(minutes));
    for (scheduled_for, expires_at, fine) in [
        (at(5), at(6), true),
        (at(5), at(5), false),
        (at(5), at(4), false),
        (None, at(1), true),
        (at(5), None, true),
    ] {
        let new = NewMessage {
            scheduled_for,
            expires_at,
            ..new_message()
        };
        assert_eq!(create(new).is_ok(), fine);
        let mut message = fixtures::message(1);
        message.expires_at = expires_at;
        let edit = Edit {
            scheduled_for: Some(scheduled_for),
            ..Edit::default()
        };
        let edited = by(Role::Manager, |stamp| {
            decide::edit(&message, edit, Vec::new(), stamp)
        });
        assert_eq!(edited.is_ok(), fine);
    }
}

fn approve(message: &Message, seen: Seen, separate: bool) -> Result<(Message, ChangeSet)> {
    by(Role::Manager, |stamp| {
        decide::approve(message, seen, separate, Duration::zero(), stamp)
    })
}

#[test]
fn an_approval_binds_exactly_what_was_seen() {
    for status in [Status::Draft, Status::PendingApproval] {
        let mut message = fixtures::message(1);
        message.status = status;
        message.failure = Some("approval_void".to_owned());
        let (after, set) = approve(&message, Seen::of(&message), false).unwrap();
        assert_eq!((after.status, after.version), (Status::Approved, 2));
        assert_eq!(after.approved_by.as_deref(), Some("ann"));
        assert_eq!((after.approved_at, after.failure), (Some(now()), None));
        assert_eq!((after.digest, after.not_before), (message.digest, now()));
        let approvals: Vec<_> = set
            .changes()
            .iter()
            .filter_map(|change| match change {
                Change::InsertApproval(approval) => Some(approval),
                _ => None,
            })
            .collect();
        assert_eq!(approvals.len(), 1);
        assert_eq!(approvals[0].message_id, message.id);
        assert_eq!(
            (approvals[0].digest, approvals[0].revision),
            (message.digest, 1)
        );
        assert_eq!(
            (approvals[0].approver.as_str(), approvals[0].role),
            ("ann", Role::Manager)
        );
        assert_eq!(approvals[0].decided_at, now());
    }
}

#[test]
fn each_check_of_an_approval_alone_refuses() {
    let message = fixtures::message(1);
    let seen = Seen::of(&message);
    let refused = |message: &Message, seen: Seen, separate, kind| {
        assert_eq!(approve(message, seen, separate).unwrap_err().kind(), kind);
    };
    for version in [0, 2] {
        let seen = Seen { version, ..seen };
        refused(&message, seen, false, ErrorKind::Conflict);
        let seen = Seen {
            version,
            digest: None,
        };
        refused(&message, seen, false, ErrorKind::Conflict);
    }
    let other = Seen {
        digest: Some(Digest([7; 32])),
        ..seen
    };
    refused(&message, other, false, ErrorKind::Conflict);
    // The row does not hold what its digest says: somebody wrote past the engine.
    let mut forged = message.clone();
    forged.revision.content.push('!');
    refused(
        &forged,
        Seen {
            digest: None,
            ..seen
        },
        false,
        ErrorKind::Conflict,
    );
    refused(&forged, Seen::of(&forged), false, ErrorKind::Conflict);
    let mut own = message.clone();
    own.revision.created_by = "ann".to_owned();
    refused(&own, seen, true, ErrorKind::Forbidden);
    assert!(approve(&own, seen, false).is_ok() && approve(&message, seen, true).is_ok());
    let mut late = message.clone();
    late.expires_at = Some(now());
    let late = fixtures::with_digest(late);
    refused(&late, Seen::of(&late), false, ErrorKind::NotAllowed);
    for status in Status::ALL {
        let message = Message {
            status,
            ..message.clone()
        };
        let open = matches!(status, Status::Draft | Status::PendingApproval);
        assert_eq!(approve(&message, seen, false).is_ok(), open, "{status:?}");
        if !open {
            // Whoever looked at an old version learns that first.
            refused(&message, seen, false, ErrorKind::NotAllowed);
            refused(
                &message,
                Seen { version: 9, ..seen },
                false,
                ErrorKind::Conflict,
            );
        }
    }
    for role in [Role::Viewer, Role::System] {
        let result = by(role, |stamp| {
            decide::approve(&message, seen, false, Duration::zero(), stamp)
        });
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Forbidden);
    }
    let hidden = Message {
        deleted: true,
        ..message
    };
    refused(&hidden, seen, false, ErrorKind::NotFound);
}

#[test]
fn an_approved_message_waits_for_its_schedule_and_its_undo_window() {
    let window = Duration::seconds(10);
    for (scheduled, earliest) in [
        (None, now() + window),
        (Some(now() + Duration::seconds(4)), now() + window),
        (Some(now() + Duration::hours(1)), now() + Duration::hours(1)),
    ] {
        let mut message = fixtures::message(1);
        message.scheduled_for = scheduled;
        let message = fixtures::with_digest(message);
        let (after, _) = by(Role::Admin, |stamp| {
            decide::approve(&message, Seen::of(&message), false, window, stamp)
        })
        .unwrap();
        assert_eq!(after.not_before, earliest);
    }
}

fn edits() -> [(Edit, &'static str); 4] {
    [
        (
            Edit {
                content: Some("Другой текст".to_owned()),
                ..Edit::default()
            },
            "edited",
        ),
        (
            Edit {
                subject: Some(None),
                ..Edit::default()
            },
            "edited",
        ),
        (
            Edit {
                scheduled_for: Some(Some(now() + Duration::hours(1))),
                ..Edit::default()
            },
            "rescheduled",
        ),
        (Edit::default(), "rescheduled"),
    ]
}

#[test]
fn every_edit_is_a_new_revision_and_voids_the_approval() {
    for (edit, action) in edits() {
        let mut message = fixtures::approved_message(1);
        message.failure = Some("x".to_owned());
        let (after, set) = by(Role::Manager, |stamp| {
            decide::edit(&message, edit.clone(), Vec::new(), stamp)
        })
        .unwrap();
        assert_eq!(after.status, Status::PendingApproval);
        assert_eq!((after.approved_by, after.approved_at), (None, None));
        assert_eq!((after.revision.number, after.version), (2, 2));
        assert_eq!(after.revision.created_by, "ann");
        assert_ne!(after.digest, message.digest);
        assert_ne!(after.revision.salt, message.revision.salt);
        assert_eq!(after.failure, None);
        assert_eq!(after.not_before, after.scheduled_for.unwrap_or(now()));
        assert_eq!(set.events()[0].action, action);
        assert_eq!(set.events()[0].digest, Some(after.digest));
        let new = set.changes().iter().any(|change| {
            matches!(
                change,
                Change::UpdateMessage {
                    new_revision: true,
                    ..
                }
            )
        });
        assert!(new);
    }
    // What an edit does not name stays.
    let message = fixtures::message(1);
    let [(content, _), (subject, _), ..] = edits();
    let edit = |edit| {
        by(Role::Manager, |stamp| {
            decide::edit(&message, edit, Vec::new(), stamp)
        })
        .unwrap()
        .0
    };
    let (one, two) = (edit(content), edit(subject));
    assert_eq!(one.revision.subject, message.revision.subject);
    assert_eq!(
        (two.revision.subject, two.revision.content),
        (None, message.revision.content.clone())
    );
    let source = Edit {
        content: Some("Модель написала".to_owned()),
        source: Some((
            GeneratedBy::Ai,
            Provenance {
                input_tokens: 7,
                ..Provenance::default()
            },
        )),
        ..Edit::default()
    };
    let drafted = edit(source);
    assert_eq!(
        (drafted.generated_by, drafted.metadata.input_tokens),
        (GeneratedBy::Ai, 7)
    );
}

#[test]
fn what_may_have_left_is_not_edited() {
    for status in Status::ALL {
        for (edit, action) in edits() {
            let message = Message {
                status,
                ..fixtures::message(1)
            };
            let result = by(Role::Manager, |stamp| {
                decide::edit(&message, edit, Vec::new(), stamp)
            });
            let open = matches!(
                status,
                Status::Draft | Status::PendingApproval | Status::Approved
            ) || (status == Status::Rejected && action == "edited");
            assert_eq!(result.is_ok(), open, "{status:?} {action}");
        }
    }
}

#[test]
fn a_new_address_is_a_new_revision_of_the_same_text() {
    let message = fixtures::approved_message(1);
    let address = Some("new@example.org".to_owned());
    let (after, set) = by(Role::Manager, |stamp| {
        decide::invalidate(&message, address, "address_changed", stamp)
    })
    .unwrap();
    assert_eq!(after.status, Status::PendingApproval);
    assert_eq!(after.recipient, "new@example.org");
    assert_eq!(after.revision.content, message.revision.content);
    assert_eq!(
        (after.revision.number, after.approved_by.as_deref()),
        (2, None)
    );
    assert_eq!(after.digest, digest::digest(&after));
    assert_eq!(after.failure.as_deref(), Some("address_changed"));
    assert_eq!(set.events()[0].reason.as_deref(), Some("address_changed"));
    let (same, _) = by(Role::Manager, |stamp| {
        decide::invalidate(&message, None, "consent_changed", stamp)
    })
    .unwrap();
    assert_eq!(same.recipient, message.recipient);
    assert_ne!(same.digest, message.digest);
}

#[test]
fn closing_steps_keep_their_reason_or_clear_it() {
    let step = |from, event, reason: Option<&str>| {
        let message = Message {
            status: from,
            failure: Some("before".to_owned()),
            ..fixtures::approved_message(1)
        };
        by(
            if matches!(event, Event::Deliver) {
                Role::System
            } else {
                Role::Manager
            },
            |stamp| decide::close(&message, event, reason.map(str::to_owned), stamp),
        )
        .unwrap()
        .0
    };
    let rejected = step(Status::Approved, Event::Reject, Some("сухо"));
    assert_eq!(
        (rejected.failure.as_deref(), rejected.approved_by),
        (Some("сухо"), None)
    );
    assert_eq!(
        step(Status::Approved, Event::Cancel, None)
            .failure
            .as_deref(),
        Some("cancelled")
    );
    for (from, event) in [
        (Status::Failed, Event::Retry),
        (Status::Uncertain, Event::ResolveResend),
    ] {
        let again = step(from, event, Some("они просили"));
        assert_eq!((again.status, again.not_before), (Status::Approved, now()));
        assert_eq!(
            (again.failure, again.approved_by.as_deref()),
            (None, Some("olga"))
        );
    }
    let sent = step(Status::Uncertain, Event::ResolveSent, None);
    assert_eq!((sent.sent_at, sent.failure), (Some(now()), None));
    assert_eq!(step(Status::Sent, Event::Deliver, None).failure, None);
    let long = Some("я".repeat(501));
    let message = fixtures::message(1);
    let refused = by(Role::Manager, |stamp| {
        decide::close(&message, Event::Reject, long, stamp)
    });
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Invalid);
    let fits = Some("я".repeat(500));
    assert!(
        by(Role::Manager, |stamp| decide::close(
            &message,
            Event::Reject,
            fits,
            stamp
        ))
        .is_ok()
    );
}

#[test]
fn only_what_never_left_can_be_deleted() {
    for status in Status::ALL {
        for attempts in [0, 1] {
            for role in Role::ALL {
                let message = Message {
                    status,
                    attempts,
                    ..fixtures::message(1)
                };
                let result = by(role, |stamp| decide::delete(&message, stamp));
                let never = matches!(
                    status,
                    Status::Draft
                        | Status::PendingApproval
                        | Status::Approved
                        | Status::Rejected
                        | Status::Cancelled
                        | Status::Expired
                ) && attempts == 0;
                // The worker may call off what is claimed; people may not.
                let worker = role == Role::System && status == Status::Claimed && attempts == 0;
                let may = role != Role::Viewer && never || worker;
                assert_eq!(result.is_ok(), may, "{status:?} {attempts} {role:?}");
                match result {
                    Ok((after, set)) => {
                        assert!(after.deleted && after.version == 2);
                        assert_eq!(set.events().len(), 1);
                    }
                    Err(error) if role == Role::Viewer => {
                        assert_eq!(error.kind(), ErrorKind::Forbidden);
                    }
                    Err(_) => {}
                }
            }
        }
    }
    let hidden = Message {
        deleted: true,
        ..fixtures::message(1)
    };
    let again = by(Role::Manager, |stamp| decide::submit(&hidden, stamp));
    assert_eq!(again.unwrap_err().kind(), ErrorKind::NotFound);
}

//! Two things at the same instant, many rounds of each: one order or the other, never a mixture, and
//! whoever lost is told.

use std::sync::Arc;

use crm_core::ErrorKind;
use crm_core::audience::Audience;
use crm_core::campaign::CampaignFields;
use crm_core::consent::{Consent, ConsentStatus, Topic};
use crm_core::contact::ContactFields;
use crm_core::engine::BulkAction;
use crm_core::message::decide::{Edit, Seen};
use crm_core::message::{Occasion, Status};
use crm_core::port::store::MessageQuery;
use crm_core::worker::{Worker, WorkerOptions};

use crate::race::{Race, begin};

/// An approval never covers what was written after it was looked at.
///
/// # Panics
/// It did.
pub async fn approve_and_edit(world: &Race) {
    for round in 0..world.rounds {
        let message = world.draft(round).await;
        let (ann, bob, id) = (world.act("ann"), world.act("bob"), message.id);
        let seen = Seen::of(&message);
        let edit = Edit {
            content: Some("Совсем другой текст".to_owned()),
            ..Edit::default()
        };
        let approve = async move { ann.approvals().approve(id, seen).await };
        let edit = async move { bob.messages().edit(id, None, edit).await };
        let (approved, edited) = world.race(approve, edit).await;
        let now = world.get(&message).await;
        // Whatever the order, an approval never covers the new text.
        if edited.is_ok() {
            assert_ne!(now.status, Status::Approved);
            assert_eq!(now.revision.content, "Совсем другой текст");
        } else {
            assert_eq!(now.status, Status::Approved);
            assert_eq!(now.digest, message.digest);
        }
        assert!(approved.is_ok() || edited.is_ok());
        if let Err(error) = &approved {
            assert_eq!(error.kind(), ErrorKind::Conflict);
            assert!(error.detail().contains("edited by bob at 20"), "{error}");
        }
        world.hold(&message).await;
    }
    world.hold_all().await;
}

/// One of two decisions stands, and the other person is told which.
///
/// # Panics
/// Both stand, or none.
pub async fn approve_and_reject(world: &Race) {
    for round in 0..world.rounds {
        let message = world.draft(round).await;
        let (ann, bob, id) = (world.act("ann"), world.act("bob"), message.id);
        let seen = Seen::of(&message);
        let approve = async move { ann.approvals().approve(id, seen).await };
        let version = Some(message.version);
        let reject = async move { bob.approvals().reject(id, version, None).await };
        let (approved, rejected) = world.race(approve, reject).await;
        let now = world.get(&message).await;
        match (&approved, &rejected) {
            (Ok(_), Err(error)) => {
                assert_eq!(now.status, Status::Approved);
                assert!(error.detail().contains("approved by ann at 20"), "{error}");
            }
            (Err(error), Ok(_)) => {
                assert_eq!(now.status, Status::Rejected);
                assert!(error.detail().contains("rejected by bob at 20"), "{error}");
            }
            both => panic!("{both:?}"),
        }
        world.hold(&message).await;
    }
    world.hold_all().await;
}

/// One approves, and the other is told who was faster.
///
/// # Panics
/// Both did, or none.
pub async fn two_approvers(world: &Race) {
    for round in 0..world.rounds {
        let message = world.draft(round).await;
        let (ann, bob, id) = (world.act("ann"), world.act("bob"), message.id);
        let seen = Seen::of(&message);
        let one = async move { ann.approvals().approve(id, seen).await };
        let two = async move { bob.approvals().approve(id, seen).await };
        let (ann, bob) = world.race(one, two).await;
        let (winner, error) = match (ann, bob) {
            (Ok(_), Err(error)) => ("ann", error),
            (Err(error), Ok(_)) => ("bob", error),
            both => panic!("{both:?}"),
        };
        assert_eq!(error.kind(), ErrorKind::Conflict);
        let told = format!("approved by {winner} at 20");
        assert!(error.detail().contains(&told), "{error}");
        let trail = world.act("ann").messages().trail(id).await.unwrap();
        assert_eq!(trail.approvals.len(), 1);
        assert_eq!(trail.approvals[0].approver, winner);
        world.hold(&message).await;
    }
    world.hold_all().await;
}

/// What was cancelled does not leave, and what left is not cancelled.
///
/// # Panics
/// It was both.
pub async fn send_and_cancel(world: &Race) {
    let options = WorkerOptions {
        name: "racer".to_owned(),
        ..WorkerOptions::default()
    };
    let worker = Arc::new(Worker::new(world.engine().clone(), options));
    worker.start().await.unwrap();
    for round in 0..world.rounds {
        let message = world.approved(round).await;
        let (ann, id, worker) = (world.act("ann"), message.id, worker.clone());
        let send = async move {
            let (_sender, stop) = tokio::sync::watch::channel(false);
            worker.round(&stop).await.unwrap()
        };
        let cancel = async move { ann.messages().cancel(id, None).await };
        let (_, cancelled) = world.race(send, cancel).await;
        let now = world.get(&message).await;
        let delivered = world.channel.delivered();
        let left = delivered.iter().filter(|d| d.message_id() == id).count();
        if cancelled.is_ok() {
            assert_eq!((now.status, left), (Status::Cancelled, 0));
        } else {
            assert_eq!((now.status, left), (Status::Sent, 1));
        }
        world.hold(&message).await;
    }
    world.hold_all().await;
}

/// A claimed message begins or is cancelled, and whoever comes second is told.
///
/// # Panics
/// It was both, or neither.
pub async fn withdraw_and_begin(world: &Race) {
    for round in 0..world.rounds {
        let message = world.approved(round).await;
        let claimed = world.claim().await.remove(0);
        let (ann, id) = (world.act("ann"), message.id);
        let cancel = async move { ann.messages().cancel(id, None).await };
        let begin = begin(world.engine().clone(), claimed);
        let (begun, cancelled) = world.race(begin, cancel).await;
        let now = world.get(&message).await;
        assert_eq!(begun, cancelled.is_err(), "{cancelled:?}");
        let status = if begun {
            Status::Sending
        } else {
            Status::Cancelled
        };
        assert_eq!(now.status, status);
        if let Err(error) = &cancelled {
            assert_ne!(error.kind(), ErrorKind::Unavailable, "{error}");
        }
        world.hold(&message).await;
    }
    world.hold_all().await;
}

/// A delivery begins before its address is suppressed, or not at all.
///
/// # Panics
/// It began afterwards.
pub async fn suppress_and_begin(world: &Race) {
    for round in 0..world.rounds {
        let message = world.approved(round).await;
        let claimed = world.claim().await.remove(0);
        let (ann, address) = (world.act("ann"), message.recipient.clone());
        let end = world.end().await;
        let suppress = async move {
            ann.suppressions()
                .add("email", &address, "asked")
                .await
                .unwrap();
        };
        let (begun, ()) = world
            .race(begin(world.engine().clone(), claimed), suppress)
            .await;
        let now = world.get(&message).await;
        let since = world.since(end).await;
        let started = since.place(message.id.0, "begun");
        assert_eq!(begun, started.is_some());
        assert_eq!(begun, now.status == Status::Sending);
        // It began before the suppression was committed, or not at all.
        let suppressed = since.place_of("suppressed").unwrap();
        assert!(started.is_none_or(|started| started < suppressed));
        world.hold(&message).await;
    }
    world.hold_all().await;
}

/// What is suppressed before it is claimed never leaves, and what is suppressed before it begins does not
/// either: a worker claims, begins and delivers while the address is suppressed.
///
/// # Panics
/// It left.
pub async fn suppress_and_deliver(world: &Race) {
    let options = WorkerOptions {
        name: "racer".to_owned(),
        ..WorkerOptions::default()
    };
    let worker = Arc::new(Worker::new(world.engine().clone(), options));
    worker.start().await.unwrap();
    let (_sender, stop) = tokio::sync::watch::channel(false);
    let (mut unclaimed, mut unbegun, mut gone) = (Vec::new(), Vec::new(), 0);
    let left = |id| {
        let delivered = world.channel.delivered();
        delivered.iter().filter(|d| d.message_id() == id).count()
    };
    for round in 0..world.rounds {
        let message = world.approved(round).await;
        let (ann, address) = (world.act("ann"), message.recipient.clone());
        let end = world.end().await;
        let (racing, stop) = (worker.clone(), stop.clone());
        let deliver = async move {
            racing.round(&stop).await.unwrap();
        };
        let suppress = async move {
            ann.suppressions()
                .add("email", &address, "asked")
                .await
                .unwrap();
        };
        let ((), ()) = world.race(deliver, suppress).await;
        let since = world.since(end).await;
        let suppressed = since.place_of("suppressed").unwrap();
        let before = |action: &str| {
            let place = since.place(message.id.0, action);
            place.is_some_and(|place| place < suppressed)
        };
        if !before("claimed") {
            unclaimed.push(message.id);
        } else if !before("begun") {
            unbegun.push(message.id);
        } else {
            gone += 1;
        }
        assert_eq!(left(message.id), usize::from(before("begun")));
        world.hold(&message).await;
    }
    // Nor does it leave later.
    worker.round(&stop).await.unwrap();
    for id in unclaimed.iter().chain(&unbegun) {
        assert_eq!(left(*id), 0);
    }
    println!(
        "suppressed before the claim: {}; before the begin: {}; after it: {gone}",
        unclaimed.len(),
        unbegun.len()
    );
    world.hold_all().await;
}

/// A delivery begins before its recipient says no, or not at all.
///
/// # Panics
/// It began afterwards.
pub async fn opt_out_and_begin(world: &Race) {
    for round in 0..world.rounds {
        let message = world.approved(round).await;
        let claimed = world.claim().await.remove(0);
        let (ann, id) = (world.act("ann"), message.contact_id);
        let mut fields = ann.contacts().get(id).await.unwrap().fields;
        fields.consent.push(Consent {
            channel: "*".to_owned(),
            topic: Topic::Relationship,
            status: ConsentStatus::OptedOut,
            evidence: None,
            at: world.engine().now(),
        });
        let no = async move { ann.contacts().update(id, None, fields).await };
        let end = world.end().await;
        let (begun, no) = world.race(begin(world.engine().clone(), claimed), no).await;
        no.unwrap();
        let since = world.since(end).await;
        let started = since.place(message.id.0, "begun");
        let said = since.place(id.0, "edited").unwrap();
        assert_eq!(begun, started.is_some());
        assert!(started.is_none_or(|started| started < said), "after the no");
        world.hold(&message).await;
    }
    world.hold_all().await;
}

/// A delivery begins before its campaign is paused, or not at all.
///
/// # Panics
/// It began afterwards.
pub async fn pause_and_begin(world: &Race) {
    stop_and_begin(world, "paused").await;
}

/// A delivery begins before its campaign is cancelled, or not at all.
///
/// # Panics
/// It began afterwards.
pub async fn cancel_and_begin(world: &Race) {
    stop_and_begin(world, "cancelled").await;
}

async fn stop_and_begin(world: &Race, how: &str) {
    for round in 0..world.rounds {
        let ann = world.act("ann");
        let contact = ContactFields {
            name: "Дилноза".to_owned(),
            email: Some(format!("c{round}@example.org")),
            segment: format!("s{round}"),
            ..ContactFields::default()
        };
        ann.contacts().create(contact).await.unwrap();
        let fields = CampaignFields {
            audience: Audience::Segment(format!("s{round}")),
            ..CampaignFields::new("Навруз", Occasion::Holiday)
        };
        let campaign = ann.campaigns().create(fields).await.unwrap();
        ann.campaigns().execute(campaign.id, false).await.unwrap();
        let worker = Worker::new(world.engine().clone(), WorkerOptions::default());
        let (_sender, stop) = tokio::sync::watch::channel(false);
        let query = MessageQuery {
            campaign_id: Some(campaign.id),
            statuses: vec![Status::PendingApproval],
            ..MessageQuery::default()
        };
        // Planned and drafted, and still running: one round does not end it.
        while ann
            .messages()
            .list(query.clone())
            .await
            .unwrap()
            .items
            .is_empty()
        {
            worker.round(&stop).await.unwrap();
        }
        let (approvals, approve) = (ann.approvals(), BulkAction::Approve);
        let preview = approvals.preview(approve, query.clone()).await.unwrap();
        let manifest = Some(preview.manifest);
        let done = approvals
            .bulk(approve, query, manifest, None)
            .await
            .unwrap();
        assert_eq!(done.applied, 1);
        let claimed = world.claim().await.remove(0);
        let (message, id) = (claimed.clone(), campaign.id);
        let cancels = how == "cancelled";
        let stop = async move {
            match cancels {
                true => ann.campaigns().cancel(id).await,
                false => ann.campaigns().pause(id).await,
            }
        };
        let begin = begin(world.engine().clone(), claimed);
        let end = world.end().await;
        let (begun, stopped) = world.race(begin, stop).await;
        stopped.unwrap();
        let since = world.since(end).await;
        let started = since.place(message.id.0, "begun");
        let stopped = since.place(campaign.id.0, how).unwrap();
        assert_eq!(begun, started.is_some());
        assert!(
            started.is_none_or(|started| started < stopped),
            "after it was {how}"
        );
        world.hold(&message).await;
        if !cancels {
            // No later round meets it.
            world.act("ann").campaigns().cancel(id).await.unwrap();
        }
    }
    world.hold_all().await;
}

//! Claiming and beginning: each last check alone keeps a message from leaving, and the proof that it may.

use crm_core::campaign::CampaignStatus;
use crm_core::change::{Change, Precondition};
use crm_core::consent::{Consent, ConsentStatus, Topic};
use crm_core::message::{Approved, Attempt, Digest, Message};
use crm_core::port::store::Claim;
use crm_core::{ErrorKind, Role};

use super::*;

#[test]
fn what_holds_is_begun_with_one_attempt_and_its_preconditions() {
    let mut view = view();
    view.campaign = Some(fixtures::campaign(1));
    let begun = begin(&view).unwrap();
    let (proof, attempt) = begun.delivery.unwrap();
    assert_eq!(begun.message.status, Status::Sending);
    assert_eq!(
        (attempt.number, attempt.epoch, attempt.digest),
        (1, 1, view.message.digest)
    );
    assert_eq!(
        (proof.attempt_id(), proof.recipient()),
        (attempt.id, "anna1@example.org")
    );
    assert_eq!(proof.content(), view.message.revision.content);
    assert_eq!(
        begun.changes.preconditions(),
        [
            Precondition::NotOnHold,
            Precondition::Contact(view.contact.id, 1),
            Precondition::NotSuppressed {
                channel: "email".to_owned(),
                address: "anna1@example.org".to_owned()
            },
            Precondition::Campaign(view.campaign.unwrap().id, 1),
        ]
    );
    let attempts = begun.changes.changes().iter();
    let attempts = attempts.filter(|change| matches!(change, Change::InsertAttempt(_)));
    assert_eq!(attempts.count(), 1);
}

#[test]
fn a_message_that_is_not_this_workers_is_left_alone() {
    let not_mine: [fn(&mut Message); 6] = [
        |m| m.status = Status::Approved,
        |m| m.status = Status::Sending,
        |m| m.lease_owner = Some("worker-2".to_owned()),
        |m| m.lease_owner = None,
        |m| m.lease_until = Some(now()),
        |m| m.lease_until = None,
    ];
    for change in not_mine {
        let mut view = view();
        change(&mut view.message);
        assert_eq!(begin(&view).unwrap_err().kind(), ErrorKind::Conflict);
    }
}

#[test]
fn each_last_check_alone_keeps_it_from_leaving() {
    let opted_out = |topic, channel: &str| Consent {
        channel: channel.to_owned(),
        topic,
        status: ConsentStatus::OptedOut,
        evidence: None,
        at: now(),
    };
    type Break = Box<dyn Fn(&mut DispatchView)>;
    let other = fixtures::message(2);
    let checks: Vec<(&str, Break, Status, &str, Option<&str>)> = vec![
        (
            "deadline",
            Box::new(|v| v.message.expires_at = Some(now())),
            Status::Expired,
            "expired",
            None,
        ),
        (
            "erased",
            Box::new(|v| v.contact.erased = true),
            Status::Cancelled,
            "cancelled",
            Some("erased"),
        ),
        (
            "suppressed",
            Box::new(|v| v.suppressed = true),
            Status::Cancelled,
            "cancelled",
            Some("suppressed"),
        ),
        (
            "consent",
            Box::new(move |v| {
                v.contact.fields.consent = vec![opted_out(Topic::Relationship, "email")];
            }),
            Status::Cancelled,
            "cancelled",
            Some("no_consent"),
        ),
        (
            "campaign cancelled",
            Box::new(|v| {
                let mut campaign = fixtures::campaign(1);
                campaign.status = CampaignStatus::Cancelled;
                v.campaign = Some(campaign);
            }),
            Status::Cancelled,
            "cancelled",
            Some("campaign_cancelled"),
        ),
        (
            "campaign paused",
            Box::new(|v| {
                let mut campaign = fixtures::campaign(1);
                campaign.status = CampaignStatus::Paused;
                v.campaign = Some(campaign);
            }),
            Status::Approved,
            "postponed",
            Some("campaign_paused"),
        ),
        (
            "no address",
            Box::new(|v| v.contact.fields.email = None),
            Status::Cancelled,
            "cancelled",
            Some("no_address"),
        ),
        (
            "another address",
            Box::new(|v| v.contact.fields.email = Some("new@example.org".to_owned())),
            Status::PendingApproval,
            "invalidated",
            Some("address_changed"),
        ),
        (
            "no approval",
            Box::new(|v| v.approval = None),
            Status::PendingApproval,
            "invalidated",
            Some("approval_void"),
        ),
        (
            "approval of another text",
            Box::new(move |v| {
                v.approval.as_mut().unwrap().digest = other.digest;
            }),
            Status::PendingApproval,
            "invalidated",
            Some("approval_void"),
        ),
        (
            "approval of another revision",
            Box::new(|v| v.approval.as_mut().unwrap().revision += 1),
            Status::PendingApproval,
            "invalidated",
            Some("approval_void"),
        ),
        (
            "text changed in the table",
            Box::new(|v| v.message.revision.content.push('!')),
            Status::PendingApproval,
            "invalidated",
            Some("approval_void"),
        ),
        (
            "stored digest changed",
            Box::new(|v| v.message.digest = Digest::ZERO),
            Status::PendingApproval,
            "invalidated",
            Some("approval_void"),
        ),
    ];
    for (name, change, status, what, reason) in checks {
        let mut view = view();
        change(&mut view);
        let begun = begin(&view).unwrap();
        assert!(begun.delivery.is_none(), "{name}");
        assert_eq!(begun.message.status, status, "{name}");
        assert_eq!(action(&begun.changes), (what, reason), "{name}");
        assert_eq!(begun.message.lease_owner, None, "{name}");
        if status == Status::PendingApproval {
            assert_eq!(begun.message.approved_by, None, "{name}");
            assert_eq!(begun.message.revision.number, 2, "{name}");
            assert_ne!(begun.message.digest, view.message.digest, "{name}");
        }
    }
}

#[test]
fn an_opt_out_of_marketing_does_not_stop_a_greeting() {
    let mut view = view();
    view.contact.fields.consent = vec![Consent {
        channel: "*".to_owned(),
        topic: Topic::Marketing,
        status: ConsentStatus::OptedOut,
        evidence: None,
        at: now(),
    }];
    assert!(begin(&view).unwrap().delivery.is_some());
    view.message.occasion = crm_core::message::Occasion::Promotion;
    assert!(begin(&view).unwrap().delivery.is_none());
}

#[test]
fn a_proof_needs_every_part() {
    let mut message = fixtures::approved_message(1);
    message.status = Status::Sending;
    message.epoch = 4;
    let (approval, attempt) = (fixtures::approval(&message), fixtures::attempt(&message, 9));
    assert!(Approved::prove(&message, &approval, &attempt).is_ok());
    let other = fixtures::message(2);

    for status in Status::ALL.into_iter().filter(|s| *s != Status::Sending) {
        let message = Message {
            status,
            ..message.clone()
        };
        assert!(
            Approved::prove(&message, &approval, &attempt).is_err(),
            "{status:?}"
        );
    }
    let mut wrong = Vec::new();
    for role in [Role::Viewer, Role::System] {
        let mut a = approval.clone();
        a.role = role;
        wrong.push((a, attempt.clone()));
    }
    let approvals: [fn(&mut crm_core::message::Approval, &Message); 3] = [
        |a, other| a.message_id = other.id,
        |a, _| a.revision += 1,
        |a, other| a.digest = other.digest,
    ];
    for change in approvals {
        let mut a = approval.clone();
        change(&mut a, &other);
        wrong.push((a, attempt.clone()));
    }
    let attempts: [fn(&mut Attempt, &Message); 4] = [
        |a, other| a.message_id = other.id,
        |a, _| a.epoch -= 1,
        |a, _| a.finished_at = Some(now()),
        |a, other| a.digest = other.digest,
    ];
    for change in attempts {
        let mut a = attempt.clone();
        change(&mut a, &other);
        wrong.push((approval.clone(), a));
    }
    for (approval, attempt) in wrong {
        let error = Approved::prove(&message, &approval, &attempt).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotAllowed);
    }
}

#[test]
fn a_claim_takes_a_new_epoch_and_a_lease() {
    let claim = Claim {
        workspace: Workspace::default(),
        worker: "worker-1".to_owned(),
        limit: 1,
        now: now(),
        lease: Duration::minutes(2),
        parked: Vec::new(),
        ids: std::sync::Arc::new(SequentialIds::default()),
    };
    let (after, _) = dispatch::claim(&fixtures::approved_message(1), &claim, now()).unwrap();
    assert_eq!((after.status, after.epoch), (Status::Claimed, 1));
    assert_eq!(after.lease_owner.as_deref(), Some("worker-1"));
    assert_eq!(after.lease_until, Some(now() + Duration::minutes(2)));
    assert!(dispatch::claim(&fixtures::message(1), &claim, now()).is_err());
}

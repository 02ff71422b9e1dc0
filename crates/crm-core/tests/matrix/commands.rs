//! Everything that can be done to a message, each done through the engine.

use std::sync::Arc;

use chrono::Duration;
use crm_core::consent::{Consent, ConsentStatus, Topic};
use crm_core::engine::{BulkAction, Session};
use crm_core::hold::{Acknowledgement, Hold, HoldReason};
use crm_core::id::AttemptId;
use crm_core::message::decide::{self, Edit, Seen};
use crm_core::message::lifecycle::Event;
use crm_core::message::{Attempt, Message, Status, dispatch};
use crm_core::port::callback::{About, Fate, News, Receipt};
use crm_core::port::channel::{Outcome, RetryScope};
use crm_core::port::store::{Claim, DispatchView, MessageQuery};
use crm_core::stamp::Stamp;
use crm_core::system::RandomIds;
use crm_core::testing::fixtures;
use crm_core::testing::ids::nth;
use crm_core::{Actor, Error, ErrorKind, Result, Role, Workspace};

use super::common::World;
use super::{Matrix, WORKER};

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Command {
    Submit,
    Edit,
    Reschedule,
    Regenerate,
    Approve,
    Reject,
    Cancel,
    Delete,
    Send,
    ResolveSent,
    ResolveResend,
    ResolveFailed,
    BulkApprove,
    BulkReject,
    BulkCancel,
    BulkResolveSent,
    BulkResolveResend,
    BulkResolveFailed,
    ChangeAddress,
    OptOut,
    Suppress,
    Erase,
    AcknowledgeHold,
    Begin,
    BeginReaddressed,
    Repeat,
    Postpone,
    TakeBack,
    Expire,
    RecordAccepted,
    RecordRejected,
    RecordLater,
    RecordUnknown,
    Claim,
    ReceiptAccepted,
    ReceiptDelivered,
    ReceiptFailed,
}

/// Whether it was done, where nothing was refused.
#[derive(Debug, PartialEq, Eq)]
pub enum Done {
    Done,
    /// A bulk decision did not touch it.
    LeftOut,
}

impl Command {
    pub const ALL: [Self; 37] = [
        Self::Submit,
        Self::Edit,
        Self::Reschedule,
        Self::Regenerate,
        Self::Approve,
        Self::Reject,
        Self::Cancel,
        Self::Delete,
        Self::Send,
        Self::ResolveSent,
        Self::ResolveResend,
        Self::ResolveFailed,
        Self::BulkApprove,
        Self::BulkReject,
        Self::BulkCancel,
        Self::BulkResolveSent,
        Self::BulkResolveResend,
        Self::BulkResolveFailed,
        Self::ChangeAddress,
        Self::OptOut,
        Self::Suppress,
        Self::Erase,
        Self::AcknowledgeHold,
        Self::Begin,
        Self::BeginReaddressed,
        Self::Repeat,
        Self::Postpone,
        Self::TakeBack,
        Self::Expire,
        Self::RecordAccepted,
        Self::RecordRejected,
        Self::RecordLater,
        Self::RecordUnknown,
        Self::Claim,
        Self::ReceiptAccepted,
        Self::ReceiptDelivered,
        Self::ReceiptFailed,
    ];

    /// Its name in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::Edit => "edit",
            Self::Reschedule => "reschedule",
            Self::Regenerate => "regenerate",
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Cancel => "cancel",
            Self::Delete => "delete",
            Self::Send => "send",
            Self::ResolveSent => "resolve_sent",
            Self::ResolveResend => "resolve_resend",
            Self::ResolveFailed => "resolve_failed",
            Self::BulkApprove => "bulk_approve",
            Self::BulkReject => "bulk_reject",
            Self::BulkCancel => "bulk_cancel",
            Self::BulkResolveSent => "bulk_resolve_sent",
            Self::BulkResolveResend => "bulk_resolve_resend",
            Self::BulkResolveFailed => "bulk_resolve_failed",
            Self::ChangeAddress => "change_address",
            Self::OptOut => "opt_out",
            Self::Suppress => "suppress",
            Self::Erase => "erase",
            Self::AcknowledgeHold => "acknowledge_hold",
            Self::Begin => "begin",
            Self::BeginReaddressed => "begin_readdressed",
            Self::Repeat => "repeat",
            Self::Postpone => "postpone",
            Self::TakeBack => "take_back",
            Self::Expire => "expire",
            Self::RecordAccepted => "record_accepted",
            Self::RecordRejected => "record_rejected",
            Self::RecordLater => "record_later",
            Self::RecordUnknown => "record_unknown",
            Self::Claim => "claim",
            Self::ReceiptAccepted => "receipt_accepted",
            Self::ReceiptDelivered => "receipt_delivered",
            Self::ReceiptFailed => "receipt_failed",
        }
    }
}

impl Matrix {
    /// What has to be so before the command; it belongs to nobody's cell.
    pub async fn ready(&self, command: Command, message: &Message) {
        match command {
            Command::AcknowledgeHold => self.store.put_on_hold(restored()),
            // What a worker holds is not touched by the new address; it finds it at its last look.
            Command::BeginReaddressed if message.status == Status::Claimed => {
                let done = change_address(&self.world.manager(), message).await;
                assert_eq!(done, Ok(Done::Done));
            }
            // Long enough after the doubt for its repetition to be due.
            Command::Repeat => {
                self.world.clock.advance(Duration::hours(1));
            }
            _ => {}
        }
    }

    /// Does it.
    pub async fn run(&self, command: Command, message: &Message, role: Role) -> Result<Done> {
        use Command as C;
        let world = &self.world;
        let session = world.act("somebody", role);
        let (messages, approvals, id) = (session.messages(), session.approvals(), message.id);
        let version = Some(message.version);
        match command {
            C::Submit => done(messages.submit(id, version).await),
            C::Edit => {
                let edit = Edit {
                    content: Some("Другой текст".to_owned()),
                    ..Edit::default()
                };
                done(messages.edit(id, version, edit).await)
            }
            C::Reschedule => {
                let at = message.expires_at.unwrap() - Duration::minutes(1);
                let edit = Edit {
                    scheduled_for: Some(Some(at)),
                    ..Edit::default()
                };
                done(messages.edit(id, version, edit).await)
            }
            C::Regenerate => done(messages.regenerate(id, Some("короче")).await),
            C::Approve => done(approvals.approve(id, Seen::of(message)).await),
            C::Reject => done(approvals.reject(id, version, None).await),
            C::Cancel => done(messages.cancel(id, None).await),
            C::Delete => done(messages.delete(id).await),
            C::Send => done(messages.send(id).await),
            C::ResolveSent => done(messages.resolve(id, Event::ResolveSent, None).await),
            C::ResolveResend => done(messages.resolve(id, Event::ResolveResend, None).await),
            C::ResolveFailed => done(messages.resolve(id, Event::ResolveFailed, None).await),
            C::BulkApprove => bulk(&session, BulkAction::Approve, message).await,
            C::BulkReject => bulk(&session, BulkAction::Reject, message).await,
            C::BulkCancel => bulk(&session, BulkAction::Cancel, message).await,
            C::BulkResolveSent => bulk(&session, BulkAction::ResolveSent, message).await,
            C::BulkResolveResend => bulk(&session, BulkAction::ResolveResend, message).await,
            C::BulkResolveFailed => bulk(&session, BulkAction::ResolveFailed, message).await,
            C::ChangeAddress => change_address(&session, message).await,
            C::OptOut => opt_out(&session, message, world).await,
            C::Suppress => {
                let list = session.suppressions();
                done(list.add("email", &message.recipient, "asked").await)
            }
            C::Erase => done(session.contacts().erase(message.contact_id).await),
            C::AcknowledgeHold => {
                let doubt = Acknowledgement::Doubt;
                done(session.acknowledge_hold(&restored(), doubt, "tried").await)
            }
            C::Begin | C::BeginReaddressed => begin(world, message, role).await,
            C::Repeat => repeat(world, message, role).await,
            C::Postpone => {
                let until = world.engine.now() + Duration::hours(1);
                let decide = |stamp: &Stamp<'_>| dispatch::postpone(message, "later", until, stamp);
                self.commit(role, decide).await
            }
            C::TakeBack => {
                let attempt = view(world, message).await.attempt;
                self.commit(role, |stamp| {
                    dispatch::take_back(message, attempt.as_ref(), "lease_expired", stamp)
                })
                .await
            }
            C::Expire => {
                self.commit(role, |stamp| {
                    decide::close(message, Event::Expire, None, stamp)
                })
                .await
            }
            C::RecordAccepted => {
                let provider_id = "p-1".to_owned();
                let outcome = Outcome::Accepted { provider_id };
                self.record(message, &outcome, role).await
            }
            C::RecordRejected => {
                let reason = "refused".to_owned();
                let outcome = Outcome::Rejected { reason };
                self.record(message, &outcome, role).await
            }
            C::RecordLater => {
                let outcome = Outcome::RetryAfter {
                    scope: RetryScope::Message,
                    at_least: std::time::Duration::ZERO,
                    reason: "later".to_owned(),
                };
                self.record(message, &outcome, role).await
            }
            C::RecordUnknown => {
                let reason = "timeout".to_owned();
                let outcome = Outcome::Unknown { reason };
                self.record(message, &outcome, role).await
            }
            C::Claim => claim(world).await,
            C::ReceiptAccepted => self.hear(message, Fate::Accepted).await,
            C::ReceiptDelivered => self.hear(message, Fate::Delivered).await,
            C::ReceiptFailed => {
                let (reason, dead) = ("bounced".to_owned(), false);
                self.hear(message, Fate::Failed { reason, dead }).await
            }
        }
    }

    /// Decides as `role` and commits.
    async fn commit(
        &self,
        role: Role,
        decide: impl FnOnce(&Stamp<'_>) -> Result<(Message, crm_core::change::ChangeSet)>,
    ) -> Result<Done> {
        let actor = Actor::new(Workspace::default(), "somebody", role);
        let ids = RandomIds::default();
        let at = self.world.engine.now();
        let (_, set) = decide(&Stamp {
            actor: &actor,
            at,
            ids: &ids,
        })?;
        let results = self.world.engine.store().commit(vec![set]).await?;
        results.into_iter().collect::<Result<Vec<()>>>()?;
        Ok(Done::Done)
    }

    /// Records an answer to its last attempt; one that never was, where there is none.
    async fn record(&self, message: &Message, outcome: &Outcome, role: Role) -> Result<Done> {
        let known = view(&self.world, message).await.attempt;
        let attempt = known.unwrap_or_else(|| Attempt {
            id: AttemptId(nth(9_999)),
            message_id: message.id,
            number: 1,
            epoch: message.epoch + 1,
            worker: WORKER.to_owned(),
            digest: message.digest,
            started_at: self.world.engine.now(),
            finished_at: None,
            outcome: None,
            provider_id: None,
            reason: None,
            repeats: false,
        });
        let policy = self.world.engine.policy().retry;
        self.commit(role, |stamp| {
            dispatch::record(message, &attempt, outcome, policy, stamp)
        })
        .await
    }

    /// A provider speaks of its last attempt; of one that never was, where there is none.
    async fn hear(&self, message: &Message, fate: Fate) -> Result<Done> {
        let known = view(&self.world, message).await.attempt;
        let receipt = Receipt {
            about: About::Attempt(known.map_or(AttemptId(nth(9_999)), |attempt| attempt.id)),
            fate,
            at: None,
        };
        let (workspace, news) = (Workspace::default(), vec![News::Receipt(receipt)]);
        self.world.engine.hear(&workspace, "email", news).await?;
        let settled = self.world.engine.settle_receipts(&workspace, 10).await;
        done(settled)
    }
}

fn done<T>(result: Result<T>) -> Result<Done> {
    result.map(|_| Done::Done)
}

fn restored() -> Hold {
    Hold {
        reason: HoldReason::Restored,
        noted: "number 7".to_owned(),
        found: "number 3".to_owned(),
    }
}

async fn bulk(session: &Session, action: BulkAction, message: &Message) -> Result<Done> {
    let query = MessageQuery {
        ids: vec![message.id],
        ..MessageQuery::default()
    };
    let approvals = session.approvals();
    let preview = approvals.preview(action, query.clone()).await?;
    let manifest = Some(preview.manifest);
    let result = approvals.bulk(action, query, manifest, None).await?;
    assert_eq!(preview.count, result.applied, "{action:?}");
    assert_eq!((result.skipped, result.failed), (0, 0), "{action:?}");
    Ok(if result.applied == 1 {
        Done::Done
    } else {
        Done::LeftOut
    })
}

async fn change_address(session: &Session, message: &Message) -> Result<Done> {
    let contact = session.contacts().get(message.contact_id).await?;
    let mut fields = contact.fields;
    fields.email = Some("elsewhere@example.org".to_owned());
    done(session.contacts().update(contact.id, None, fields).await)
}

async fn opt_out(session: &Session, message: &Message, world: &World) -> Result<Done> {
    let contact = session.contacts().get(message.contact_id).await?;
    let mut fields = contact.fields;
    fields.consent.push(Consent {
        channel: "*".to_owned(),
        topic: Topic::Relationship,
        status: ConsentStatus::OptedOut,
        evidence: None,
        at: world.engine.now(),
    });
    done(session.contacts().update(contact.id, None, fields).await)
}

/// Claims what is due, as a worker.
pub async fn claim(world: &World) -> Result<Done> {
    let claim = Claim {
        workspace: Workspace::default(),
        worker: WORKER.to_owned(),
        limit: 10,
        now: world.engine.now(),
        lease: Duration::minutes(2),
        parked: Vec::new(),
        ids: Arc::new(RandomIds::default()),
    };
    done(world.engine.store().claim(claim).await)
}

async fn view(world: &World, message: &Message) -> DispatchView {
    let store = world.engine.store();
    let views = store.dispatch(&message.workspace, &[message.id]).await;
    views.unwrap().remove(0)
}

/// The last checks, and the attempt if they hold.
pub async fn begin(world: &World, message: &Message, role: Role) -> Result<Done> {
    let view = view(world, message).await;
    let actor = Actor::new(Workspace::default(), "somebody", role);
    let ids = RandomIds::default();
    let stamp = Stamp {
        actor: &actor,
        at: world.engine.now(),
        ids: &ids,
    };
    let begun = dispatch::begin(&view, fixtures::desk(WORKER), &stamp)?;
    let results = world.engine.store().commit(vec![begun.changes]).await?;
    results.into_iter().collect::<Result<Vec<()>>>()?;
    Ok(Done::Done)
}

/// Sends again what is in doubt, where the provider removes duplicates.
async fn repeat(world: &World, message: &Message, role: Role) -> Result<Done> {
    let view = view(world, message).await;
    let actor = Actor::new(Workspace::default(), "somebody", role);
    let ids = RandomIds::default();
    let stamp = Stamp {
        actor: &actor,
        at: world.engine.now(),
        ids: &ids,
    };
    let policy = world.engine.policy().retry;
    let desk = fixtures::desk(WORKER);
    let Some(begun) = dispatch::repeat(&view, true, policy, desk, &stamp)? else {
        return Ok(Done::LeftOut);
    };
    let results = world.engine.store().commit(vec![begun.changes]).await?;
    results.into_iter().collect::<Result<Vec<()>>>()?;
    Ok(Done::Done)
}

/// The cell's letter for a refusal.
pub fn letter(error: &Error) -> char {
    match error.kind() {
        ErrorKind::NotAllowed => '-',
        ErrorKind::Forbidden => 'f',
        ErrorKind::Conflict => 'c',
        other => panic!("{other:?}: {error}"),
    }
}

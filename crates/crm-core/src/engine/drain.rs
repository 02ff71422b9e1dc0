//! Working off the intake: each row and everything it leads to in one change set.
//!
//! A row is settled in the set that has its effect, so a crash leaves both or neither. Rows that have
//! nothing to do with each other are committed together, each with a set of its own; a row that meets
//! something before it waits for that to be committed.

use std::collections::BTreeSet;

use futures_util::future;

use super::{Engine, Session};
use crate::actor::{Actor, Workspace};
use crate::change::{Change, ChangeSet};
use crate::consent::{Consent, ConsentStatus, lower};
use crate::contact::normalise::normalise;
use crate::contact::{Contact, ContactFields};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{ContactId, MessageId};
use crate::intake::{
    IntakeRow, IntakeState, Order, Settlement, Submission, Withdrawal, merge, reason, subject_id,
};
use crate::message::decide::{self, NewMessage};
use crate::message::history::Subject;
use crate::message::lifecycle::Event;
use crate::message::{Message, Status};
use crate::port::store::{ContactQuery, IntakeQuery};

/// Rows that are committed together at most.
const TOGETHER: usize = 64;
/// How often a row is decided anew when others changed what it is about.
const ATTEMPTS: usize = 4;

/// What working off the intake did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drained {
    /// Rows that were done.
    pub applied: u64,
    /// Rows that repeat a key.
    pub duplicates: u64,
    /// Rows that cannot be done.
    pub rejected: u64,
}

impl Drained {
    /// How many rows were settled.
    #[must_use]
    pub const fn settled(&self) -> u64 {
        self.applied + self.duplicates + self.rejected
    }

    const fn count(&mut self, state: IntakeState) {
        match state {
            IntakeState::Waiting => {}
            IntakeState::Applied => self.applied += 1,
            IntakeState::Duplicate => self.duplicates += 1,
            IntakeState::Rejected => self.rejected += 1,
        }
    }
}

/// What a row leads to.
struct Effect {
    set: ChangeSet,
    message: Option<MessageId>,
    contact: Option<ContactId>,
}

/// A row, decided.
struct Decided {
    state: IntakeState,
    set: ChangeSet,
}

impl Engine {
    /// Works off up to `limit` (1 to 1,000) waiting rows of the workspace's intake, oldest first. The
    /// worker does this by itself; several may do it at once, and no row is done twice.
    ///
    /// Nothing is approved by it: messages wait for a person.
    ///
    /// # Errors
    /// As the store; rows that were settled before stay so. What is wrong with a row is no error: the
    /// row is rejected.
    pub async fn drain_intake(&self, workspace: &Workspace, limit: u32) -> Result<Drained> {
        let session = self.act_as(Actor::intake(workspace.clone()));
        let query = IntakeQuery {
            state: Some(IntakeState::Waiting),
            oldest_first: true,
            limit: limit.clamp(1, 1_000),
            ..IntakeQuery::default()
        };
        let rows = self.store().intake(workspace, query).await?;
        let mut done = Drained::default();
        let mut rest = rows.as_slice();
        while !rest.is_empty() {
            let (together, behind) = rest.split_at(apart(rest));
            rest = behind;
            if !session.settle(together, &mut done).await? {
                break;
            }
        }
        Ok(done)
    }
}

/// How many of the first rows have nothing to do with each other: at least one.
fn apart(rows: &[IntakeRow]) -> usize {
    let mut seen = BTreeSet::new();
    let free = rows.iter().take(TOGETHER).take_while(|row| {
        let mut touched = BTreeSet::from([("key", row.key.clone())]);
        if let Ok(order) = Order::parse(&row.kind, &row.payload) {
            let contact = order.external_id().map(|id| ("contact", id.to_owned()));
            touched.extend(contact);
            if let Order::Cancel { key, .. } = order {
                touched.insert(("key", key));
            }
        }
        let free = touched.is_disjoint(&seen);
        seen.extend(touched);
        free
    });
    free.count().max(1)
}

/// Whether an error says something about the row, rather than about the moment.
fn is_refusal(error: &Error) -> bool {
    !matches!(
        error.kind(),
        ErrorKind::Conflict | ErrorKind::Unavailable | ErrorKind::Configuration
    )
}

impl Session {
    /// Settles rows that have nothing to do with each other; `false` when one has to wait.
    async fn settle(&self, rows: &[IntakeRow], done: &mut Drained) -> Result<bool> {
        let decided =
            future::try_join_all(rows.iter().map(|row| self.decide_row(row, None))).await?;
        let (states, sets): (Vec<_>, Vec<_>) = decided
            .into_iter()
            .map(|decided| (decided.state, decided.set))
            .unzip();
        let results = self.engine.commit(sets).await?;
        let mut failed = Vec::new();
        for ((row, state), result) in rows.iter().zip(states).zip(results) {
            match result {
                Ok(()) => done.count(state),
                Err(error) => failed.push((row, error)),
            }
        }
        for (row, error) in failed {
            if !self.settle_alone(row, error, done).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Settles a row whose commit failed; `false` when it has to wait.
    async fn settle_alone(
        &self,
        row: &IntakeRow,
        mut error: Error,
        done: &mut Drained,
    ) -> Result<bool> {
        for _ in 0..ATTEMPTS {
            let refusal = match error.kind() {
                ErrorKind::Conflict => None,
                _ if is_refusal(&error) => Some(error),
                _ => return Err(error),
            };
            if !self.is_waiting(row).await? {
                return Ok(true);
            }
            let decided = self.decide_row(row, refusal).await?;
            match self.engine.commit_one(decided.set).await {
                Ok(()) => {
                    done.count(decided.state);
                    return Ok(true);
                }
                Err(again) => error = again,
            }
        }
        Ok(false)
    }

    /// Whether nobody else settled it meanwhile.
    async fn is_waiting(&self, row: &IntakeRow) -> Result<bool> {
        let query = IntakeQuery {
            state: Some(IntakeState::Waiting),
            after: Some(row.seq.saturating_sub(1)),
            oldest_first: true,
            limit: 1,
            ..IntakeQuery::default()
        };
        let first = self.store().intake(self.workspace(), query).await?;
        Ok(first.first().is_some_and(|first| first.seq == row.seq))
    }

    /// What the row leads to; with a `refusal`, which its commit met, that it is rejected.
    async fn decide_row(&self, row: &IntakeRow, refusal: Option<Error>) -> Result<Decided> {
        if let Some(first) = self.applied(&row.key).await? {
            let effect = Effect {
                set: ChangeSet::new(self.workspace().clone()),
                message: first.message_id,
                contact: first.contact_id,
            };
            let told = Some(format!("row {} of this key was applied", first.seq));
            return Ok(self.settled(row, IntakeState::Duplicate, told, effect));
        }
        let effect = match refusal {
            Some(error) => Err(error),
            None => self.effect(row).await,
        };
        match effect {
            Ok(effect) => Ok(self.settled(row, IntakeState::Applied, None, effect)),
            Err(error) if is_refusal(&error) => {
                let effect = Effect {
                    set: ChangeSet::new(self.workspace().clone()),
                    message: None,
                    contact: None,
                };
                let told = Some(reason(&error));
                Ok(self.settled(row, IntakeState::Rejected, told, effect))
            }
            Err(error) => Err(error),
        }
    }

    /// The effect with the row's settlement, and an event that names the row.
    fn settled(
        &self,
        row: &IntakeRow,
        state: IntakeState,
        told: Option<String>,
        effect: Effect,
    ) -> Decided {
        let stamp = self.stamp();
        let mut set = effect.set;
        if set.events().is_empty() {
            let id = subject_id(self.workspace(), &row.key);
            let mut event = stamp.event(Subject::Intake, id, 2, state.as_str());
            event.reason.clone_from(&told);
            set.event(event);
        }
        let origin = format!("intake {}", row.seq);
        set.originate(&origin).explain(&origin);
        set.push(Change::FinishIntake(Settlement {
            workspace: self.workspace().clone(),
            seq: row.seq,
            state,
            reason: told,
            message_id: effect.message,
            contact_id: effect.contact,
            settled_at: stamp.at,
        }));
        Decided { state, set }
    }

    /// The row of this key that was applied.
    async fn applied(&self, key: &str) -> Result<Option<IntakeRow>> {
        let query = IntakeQuery {
            state: Some(IntakeState::Applied),
            key: Some(key.to_owned()),
            limit: 1,
            ..IntakeQuery::default()
        };
        let rows = self.store().intake(self.workspace(), query).await?;
        Ok(rows.into_iter().next())
    }

    async fn effect(&self, row: &IntakeRow) -> Result<Effect> {
        match Order::parse(&row.kind, &row.payload)? {
            Order::Submit(submission) => self.submit(*submission).await,
            Order::Contact {
                external_id,
                fields,
            } => {
                let known = self.known(&external_id).await?;
                let stored = known.as_ref().map(|contact| &contact.fields);
                let kept = stored.map(|stored| &stored.custom_fields);
                let mut merged = self.normal(merge(stored, &fields)?, kept).await?;
                if let Some(known) = &known {
                    // They may be known by the id of a contact that was merged into theirs.
                    merged.external_id.clone_from(&known.external_id);
                }
                match known {
                    Some(contact) => self.replace(&contact, merged, "edited").await,
                    None => Ok(self.introduce(merged)),
                }
            }
            Order::Cancel { key, reason } => self.call_off(&key, reason).await,
            Order::Consent(withdrawal) => self.withdraw(row, withdrawal).await,
        }
    }

    /// The contact of the host's id, or the one that this was merged into.
    async fn known(&self, external_id: &str) -> Result<Option<Contact>> {
        let query = ContactQuery {
            external_id: Some(external_id.to_owned()),
            ..ContactQuery::default()
        };
        let page = self.store().contacts(self.workspace(), query).await?;
        Ok(page.items.into_iter().next())
    }

    async fn expect(&self, external_id: &str) -> Result<Contact> {
        self.known(external_id)
            .await?
            .ok_or_else(|| Error::field("external_id", "no contact of this workspace has it"))
    }

    async fn submit(&self, submission: Submission) -> Result<Effect> {
        let contact = self.expect(&submission.external_id).await?;
        let (channel, recipient) = self.route(&contact, submission.channel.as_deref())?;
        let by = submission.generated_by;
        let engine = &self.engine;
        let new = NewMessage {
            findings: engine.findings_of_own(&contact, &submission.text, &channel, by),
            contact_id: contact.id,
            campaign: None,
            occasion: submission.occasion,
            channel,
            recipient,
            text: submission.text,
            generated_by: submission.generated_by,
            metadata: submission.metadata,
            scheduled_for: submission.scheduled_for,
            expires_at: submission.expires_at,
            test_mode: false,
            submitted: !submission.draft,
        };
        let (message, set) = decide::create(new, &self.stamp())?;
        Ok(Effect {
            set,
            message: Some(message.id),
            contact: Some(contact.id),
        })
    }

    fn introduce(&self, fields: ContactFields) -> Effect {
        let id = ContactId(self.engine.ids().next());
        let (contact, set) = self.contacts().decide_create(id, fields, None);
        Effect {
            set,
            message: None,
            contact: Some(contact.id),
        }
    }

    /// Changes a contact, and voids approvals with it: all in one set, so that a crash leaves no old
    /// approval beside a new address.
    async fn replace(
        &self,
        before: &Contact,
        fields: ContactFields,
        action: &str,
    ) -> Result<Effect> {
        let mut all = ChangeSet::new(self.workspace().clone());
        if before.fields != fields {
            let (_, sets) = self
                .contacts()
                .decide_update(before, fields, action)
                .await?;
            for set in sets {
                all.absorb(set);
            }
        }
        Ok(Effect {
            set: all,
            message: None,
            contact: Some(before.id),
        })
    }

    async fn withdraw(&self, row: &IntakeRow, withdrawal: Withdrawal) -> Result<Effect> {
        let contact = self.expect(&withdrawal.external_id).await?;
        let no = Consent {
            channel: withdrawal.channel,
            topic: withdrawal.topic,
            status: ConsentStatus::OptedOut,
            evidence: withdrawal.evidence,
            at: withdrawal.at.unwrap_or(row.created_at),
        };
        let fields = normalise(ContactFields {
            consent: lower(&contact.consent, &[no]),
            ..contact.fields.clone()
        })?;
        self.replace(&contact, fields, "consent_withdrawn").await
    }

    async fn call_off(&self, key: &str, reason: Option<String>) -> Result<Effect> {
        let made = self.applied(key).await?.and_then(|row| row.message_id);
        let Some(id) = made else {
            let detail = "no message was submitted under this key";
            return Err(Error::field("key", detail));
        };
        let message = self.message(id).await?;
        let set = match message.status {
            // What was asked for is so already.
            Status::Cancelled => ChangeSet::new(self.workspace().clone()),
            // The worker may call off what it holds, but this is not the worker that holds it.
            Status::Claimed => return Err(under_way(&message)),
            _ => decide::close(&message, Event::Cancel, reason, &self.stamp())?.1,
        };
        Ok(Effect {
            set,
            message: Some(id),
            contact: Some(message.contact_id),
        })
    }
}

fn under_way(message: &Message) -> Error {
    Error::new(
        ErrorKind::NotAllowed,
        format!(
            "a message that is {} cannot be changed by cancel",
            message.status.as_str()
        ),
    )
}

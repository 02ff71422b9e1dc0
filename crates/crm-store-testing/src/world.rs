//! One engine over one store, what people, workers and the provider do to it, and what must hold after.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::Duration;
use crm_core::campaign::{Campaign, CampaignFields};
use crm_core::consent::{Consent, ConsentStatus, Topic};
use crm_core::contact::{Contact, ContactFields};
use crm_core::engine::{BulkAction, Engine, MergeOptions, NewDraft, Session};
use crm_core::guardrail::Severity;
use crm_core::id::MessageId;
use crm_core::message::decide::{Edit, Seen};
use crm_core::message::lifecycle::Event;
use crm_core::message::{Approved, Message, Occasion, Status};
use crm_core::port::store::MessageQuery;
use crm_core::testing::{FakeClock, RecordingChannel, SequentialIds};
use crm_core::worker::{Worker, WorkerOptions};
use crm_core::{Actor, Error, ErrorKind, Role, Workspace};

use crate::crash::CrashingStore;

mod command;
mod compare;
mod frozen;
mod intake;
mod promises;
mod receipts;
mod spend;

pub(crate) use command::{Asked, Command, NEWEST, Step};
pub(crate) use spend::Spend;

pub(crate) fn address(number: u8) -> String {
    format!("person{number}@mail.example")
}

/// The host's own id of a person.
pub(crate) fn person(number: usize) -> String {
    format!("person-{number}")
}

/// One engine and what it has done.
pub(crate) struct World {
    pub(crate) engine: Engine,
    store: Arc<CrashingStore>,
    workspace: Workspace,
    channel: Arc<RecordingChannel>,
    clock: Arc<FakeClock>,
    ids: Arc<SequentialIds>,
    worker: Worker,
    contacts: Vec<Contact>,
    /// All that are not deleted, oldest first, when they were looked at last.
    pub(crate) messages: Vec<Message>,
    /// Those that were different then.
    touched: BTreeSet<MessageId>,
    /// How far the history was looked at.
    position: u64,
    /// How often the store had been asked to write by then.
    writes: usize,
    /// How many deliveries, of either kind, were found approved.
    judged: (usize, usize),
    campaign: Campaign,
    resends: BTreeMap<String, usize>,
    /// What the second worker took and has not begun.
    claimed: Vec<MessageId>,
    frozen: Vec<frozen::Frozen>,
    /// What the provider took from workers that froze.
    taken: Vec<Approved>,
}

/// A text with a number; guardrails hold every eighth one.
fn words(text: &str, number: u8) -> String {
    match number % 8 {
        7 => format!("{text} {number}, [Имя]"),
        _ => format!("{text} {number}"),
    }
}

fn show(result: Result<Message, Error>) -> String {
    match result {
        Ok(message) => format!("{message:?} {:?}", message.digest),
        Err(error) => format!("{error:?}"),
    }
}

impl World {
    /// A world in `workspace`, of which the store holds nothing yet.
    pub(crate) async fn new(store: CrashingStore, workspace: &Workspace) -> Self {
        let store = Arc::new(store);
        let channel = Arc::new(RecordingChannel::default());
        let clock = Arc::new(FakeClock::default());
        let ids = Arc::new(SequentialIds::default());
        let engine = Engine::builder(store.clone(), clock.clone(), ids.clone())
            .channel("email", channel.clone())
            .build();
        let worker = Worker::new(engine.clone(), WorkerOptions::default());
        let manager = engine.act_as(Actor::new(workspace.clone(), "manager", Role::Manager));
        let fields = CampaignFields {
            ..CampaignFields::new("Навруз", Occasion::Holiday)
        };
        let campaign = manager.campaigns().create(fields).await.unwrap();
        let mut contacts = Vec::new();
        for number in 0..3 {
            let fields = ContactFields {
                name: format!("Человек {number}"),
                external_id: Some(person(usize::from(number))),
                email: Some(address(number)),
                ..ContactFields::default()
            };
            contacts.push(manager.contacts().create(fields).await.unwrap());
        }
        Self {
            engine,
            store,
            workspace: workspace.clone(),
            channel,
            clock,
            ids,
            worker,
            contacts,
            messages: Vec::new(),
            touched: BTreeSet::new(),
            position: 0,
            writes: 0,
            judged: (0, 0),
            campaign,
            resends: BTreeMap::new(),
            claimed: Vec::new(),
            frozen: Vec::new(),
            taken: Vec::new(),
        }
    }

    pub(crate) fn act(&self, role: Role) -> Session {
        self.engine
            .act_as(Actor::new(self.workspace.clone(), role.as_str(), role))
    }

    /// Rounds until nothing is left to do now. Unlike a start, this leaves the leases of others alone.
    pub(crate) async fn work(&self) -> String {
        let (_sender, stop) = tokio::sync::watch::channel(false);
        let mut rounds = vec![self.drain(u32::MAX).await];
        loop {
            let mut round = self.worker.round(&stop).await.unwrap();
            // One store seals as it commits and leaves nothing for the round.
            round.sealed = 0;
            rounds.push(format!("{round:?}"));
            if round.is_idle() {
                return rounds.concat();
            }
            assert!(rounds.len() < 100, "it never rests");
        }
    }

    /// Does one thing; the text of the answer is what the stores must agree on. What it changed is found
    /// out by [`look`](Self::look).
    pub(crate) async fn step(&mut self, command: &Command) -> String {
        let manager = self.act(Role::Manager);
        match command {
            Command::Create {
                contact,
                text,
                expires,
            } => {
                let draft = NewDraft {
                    channel: Some("email".to_owned()),
                    expires_at: expires.then(|| self.engine.now() + Duration::hours(1)),
                    ..NewDraft::new(
                        self.contacts[*contact].id,
                        Occasion::Custom,
                        words("Текст номер", *text),
                    )
                };
                show(manager.messages().create(draft).await)
            }
            Command::Outcome { outcome } => {
                self.channel.push(outcome.clone());
                String::new()
            }
            Command::Advance { minutes } => {
                self.clock.advance(Duration::minutes(*minutes));
                String::new()
            }
            Command::Work => self.work().await,
            Command::Restart => {
                let drained = self.drain(u32::MAX).await;
                format!("{drained} {:?}", self.worker.run_until_idle().await)
            }
            Command::Readdress {
                contact,
                address: number,
            } => {
                let before = self.current(*contact).await;
                let fields = ContactFields {
                    email: Some(address(*number)),
                    ..before.fields
                };
                let result = manager.contacts().update(before.id, None, fields).await;
                format!("{:?}", result.map_err(|error| error.kind()))
            }
            Command::Consent { contact, yes } => {
                let before = self.current(*contact).await;
                let status = if *yes {
                    ConsentStatus::OptedIn
                } else {
                    ConsentStatus::OptedOut
                };
                let consent = Consent {
                    channel: "*".to_owned(),
                    topic: Topic::Relationship,
                    status,
                    evidence: None,
                    at: self.engine.now(),
                };
                let fields = ContactFields {
                    consent: vec![consent],
                    ..before.fields
                };
                let result = manager.contacts().update(before.id, None, fields).await;
                format!("{:?}", result.map_err(|error| error.kind()))
            }
            Command::Suppress { address: number } => {
                let list = manager.suppressions();
                format!("{:?}", list.add("email", &address(*number), "x").await)
            }
            Command::Lift { address: number } => {
                let admin = self.act(Role::Admin);
                let list = admin.suppressions();
                format!("{:?}", list.lift("email", &address(*number)).await)
            }
            Command::Erase { contact } => {
                let id = self.contacts[*contact].id;
                format!("{:?}", self.act(Role::Admin).contacts().erase(id).await)
            }
            Command::Merge { keep, gone } => {
                let (keep, gone) = (self.contacts[*keep].id, self.contacts[*gone].id);
                let options = MergeOptions::default();
                let result = manager.contacts().merge(keep, gone, &options).await;
                format!("{:?}", result.map_err(|error| error.kind()))
            }
            Command::Campaign { step } => {
                let (campaigns, id) = (manager.campaigns(), self.campaign.id);
                let result = match step {
                    Step::Execute => campaigns.execute(id, false).await,
                    Step::Pause => campaigns.pause(id).await,
                    Step::Resume => campaigns.resume(id).await,
                    Step::Cancel => campaigns.cancel(id).await,
                };
                format!(
                    "{:?}",
                    result.map(|c| (c.status, c.version)).map_err(|e| e.kind())
                )
            }
            Command::ApproveAll => {
                let query = MessageQuery {
                    statuses: vec![Status::PendingApproval],
                    ..MessageQuery::default()
                };
                let (approvals, approve) = (manager.approvals(), BulkAction::Approve);
                let preview = approvals.preview(approve, query.clone()).await.unwrap();
                let manifest = Some(preview.manifest);
                let result = approvals.bulk(approve, query, manifest, None).await;
                format!("{} {result:?}", preview.count)
            }
            Command::Claim => self.claim().await,
            Command::Begin { taken } => self.begin(*taken).await,
            Command::Wake { again } => self.wake(*again).await,
            Command::Ask { key, what } => self.ask(*key, *what).await,
            Command::Drain { limit } => self.drain(*limit).await,
            Command::Hear {
                message,
                attempt,
                fate,
                by_provider,
            } => self.hear(*message, *attempt, fate, *by_provider).await,
            Command::Opt { address, out } => self.opt(*address, *out).await,
            Command::Spend { what } => self.spend(*what).await,
            Command::Compare => String::new(),
            about => self.decide(about).await,
        }
    }

    /// What is done to one message.
    async fn decide(&mut self, command: &Command) -> String {
        let index = match command {
            Command::Submit { message, .. }
            | Command::Edit { message, .. }
            | Command::Reschedule { message, .. }
            | Command::Approve { message, .. }
            | Command::TwoApprovers { message }
            | Command::Reject { message, .. }
            | Command::Cancel { message }
            | Command::Delete { message, .. }
            | Command::Send { message }
            | Command::Resolve { message, .. } => *message,
            other => panic!("{other:?}"),
        };
        // A doubt is resolved where there is one.
        let doubt = |message: &&Message| message.status == Status::Uncertain;
        let doubtful: Vec<&Message> = self.messages.iter().filter(doubt).collect();
        let chosen = match command {
            Command::Resolve { .. } if !doubtful.is_empty() => {
                doubtful.get(index % doubtful.len()).copied()
            }
            _ if index == NEWEST => self.messages.last(),
            _ => self.messages.get(index % self.messages.len().max(1)),
        };
        let Some(now) = chosen.cloned() else {
            return String::new();
        };
        let (id, manager) = (now.id, self.act(Role::Manager));
        match command {
            Command::Submit { role, .. } => show(self.act(*role).messages().submit(id, None).await),
            Command::Edit { text, role, .. } => {
                let edit = Edit {
                    content: Some(words("Новый текст", *text)),
                    ..Edit::default()
                };
                let result = self.act(*role).messages().edit(id, None, edit).await;
                self.void(&now, &result);
                show(result)
            }
            Command::Reschedule { minutes, .. } => {
                let edit = Edit {
                    scheduled_for: Some(Some(self.engine.now() + Duration::minutes(*minutes))),
                    ..Edit::default()
                };
                let result = manager.messages().edit(id, None, edit).await;
                self.void(&now, &result);
                show(result)
            }
            Command::Approve { role, stale, .. } => {
                let seen = Seen {
                    version: now.version - u64::from(*stale),
                    digest: Some(now.digest),
                };
                // What guardrails hold an admin lets go.
                let reason = (*role == Role::Admin).then_some("так и задумано");
                let session = self.act(*role);
                let approvals = session.approvals();
                let result = approvals.approve_despite(id, seen, reason).await;
                let held = now.risk() == Severity::Blocking.risk() && reason.is_none();
                assert!(!held || result.is_err(), "guardrails hold it");
                assert!(!(*stale || *role == Role::Viewer) || result.is_err());
                show(result)
            }
            Command::TwoApprovers { .. } => {
                let seen = Seen::of(&now);
                let first = manager.approvals().approve(id, seen).await;
                let admin = self.act(Role::Admin);
                let second = admin.approvals().approve(id, seen).await;
                if first.is_ok() {
                    let error = second.as_ref().unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::Conflict);
                    assert!(
                        error.detail().contains("approved by manager at 20"),
                        "{error}"
                    );
                }
                show(first) + &show(second)
            }
            Command::Reject { role, .. } => {
                show(self.act(*role).approvals().reject(id, None, None).await)
            }
            Command::Cancel { .. } => show(manager.messages().cancel(id, None).await),
            Command::Delete { role, .. } => {
                let result = self.act(*role).messages().delete(id).await;
                assert!(result.is_err() || now.attempts == 0, "it may have left");
                format!("{result:?}")
            }
            Command::Send { .. } => {
                let result = manager.messages().send(id).await;
                if result.is_ok() && now.status == Status::Failed {
                    *self.resends.entry(id.to_string()).or_default() += 1;
                }
                show(result)
            }
            Command::Resolve { event, .. } => {
                let result = manager.messages().resolve(id, *event, None).await;
                if result.is_ok() && *event == Event::ResolveResend {
                    *self.resends.entry(id.to_string()).or_default() += 1;
                }
                show(result)
            }
            other => panic!("{other:?}"),
        }
    }

    /// A change of what was approved voids the approval; what may have left is not changed.
    fn void(&self, before: &Message, after: &Result<Message, Error>) {
        if let Ok(after) = after {
            assert!(after.approved_by.is_none() && after.digest != before.digest);
            assert!(after.status != Status::Approved);
            let open = [
                Status::Draft,
                Status::PendingApproval,
                Status::Approved,
                Status::Rejected,
            ];
            assert!(open.contains(&before.status), "{before:?}");
        }
    }

    async fn current(&self, contact: usize) -> Contact {
        let id = self.contacts[contact].id;
        let found = self.act(Role::Viewer).contacts().get(id).await;
        found.unwrap_or_else(|_| self.contacts[contact].clone())
    }
}

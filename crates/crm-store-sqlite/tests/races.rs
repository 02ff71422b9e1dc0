//! Two things at the same instant, 200 rounds of each on memory and on SQLite: one order or the other,
//! never a mixture, and whoever lost is told.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::sync::Arc;

use chrono::Duration;
use crm_core::audience::Audience;
use crm_core::campaign::{CampaignFields, Schedule};
use crm_core::consent::{Consent, ConsentStatus, Topic};
use crm_core::contact::{AddressKind, ContactFields};
use crm_core::engine::{BulkAction, Engine, NewDraft, Session};
use crm_core::memory::MemoryStore;
use crm_core::message::decide::{Edit, Seen};
use crm_core::message::history::replay;
use crm_core::message::{Format, Message, Occasion, Status, dispatch};
use crm_core::port::store::{Claim, MessageQuery, Store};
use crm_core::stamp::Stamp;
use crm_core::system::{RandomIds, SystemClock};
use crm_core::testing::RecordingChannel;
use crm_core::worker::{Worker, WorkerOptions};
use crm_core::{Actor, ErrorKind, Role, Workspace};
use crm_store_sqlite::{SqliteOptions, SqliteStore};
use tokio::sync::Barrier;

const ROUNDS: usize = 200;

struct World {
    engine: Engine,
    channel: Arc<RecordingChannel>,
    /// Two at the start line.
    line: Arc<Barrier>,
    _folder: tempfile::TempDir,
}

impl World {
    fn new(store: Arc<dyn Store>, folder: tempfile::TempDir) -> Self {
        let channel = Arc::new(RecordingChannel::default());
        let ids = Arc::new(RandomIds::default());
        let engine = Engine::builder(store, Arc::new(SystemClock), ids)
            .channel("email", channel.clone())
            .build();
        let line = Arc::new(Barrier::new(2));
        Self {
            engine,
            channel,
            line,
            _folder: folder,
        }
    }

    fn both() -> [Self; 2] {
        let folder = || tempfile::tempdir().unwrap();
        let file = folder();
        let sqlite = SqliteStore::open(file.path().join("crm.db"), SqliteOptions::default());
        [
            Self::new(Arc::new(MemoryStore::default()), folder()),
            Self::new(Arc::new(sqlite.unwrap()), file),
        ]
    }

    fn act(&self, id: &str) -> Session {
        self.engine
            .act_as(Actor::new(Workspace::default(), id, Role::Manager))
    }

    async fn draft(&self, round: usize) -> Message {
        let ann = self.act("ann");
        let fields = ContactFields {
            name: "Дилноза".to_owned(),
            email: Some(format!("c{round}@example.org")),
            ..ContactFields::default()
        };
        let contact = ann.contacts().create(fields).await.unwrap();
        let draft = NewDraft {
            contact_id: contact.id,
            occasion_type: Occasion::Custom,
            content: "Ждём вас в салоне".to_owned(),
            subject: None,
            channel: Some("email".to_owned()),
            format: Format::Text,
            scheduled_for: None,
            expires_at: None,
        };
        ann.messages().create(draft).await.unwrap()
    }

    async fn approved(&self, round: usize) -> Message {
        let message = self.draft(round).await;
        let seen = Seen::of(&message);
        self.act("ann")
            .approvals()
            .approve(message.id, seen)
            .await
            .unwrap()
    }

    async fn get(&self, message: &Message) -> Message {
        self.act("ann").messages().get(message.id).await.unwrap()
    }

    /// Runs both from one start line.
    async fn race<A, B>(
        &self,
        first: impl Future<Output = A> + Send + 'static,
        second: impl Future<Output = B> + Send + 'static,
    ) -> (A, B)
    where
        A: Send + 'static,
        B: Send + 'static,
    {
        let (one, two) = (self.line.clone(), self.line.clone());
        let first = tokio::spawn(async move {
            one.wait().await;
            first.await
        });
        let second = tokio::spawn(async move {
            two.wait().await;
            second.await
        });
        (first.await.unwrap(), second.await.unwrap())
    }

    /// The history leads to the row and the counters to a count, whoever won.
    async fn hold(&self, message: &Message) {
        let ann = self.act("ann");
        let now = self.get(message).await;
        let history = ann.messages().history(message.id).await.unwrap();
        let state = replay(history.iter().map(|stored| &stored.event)).unwrap();
        let state = state.unwrap();
        assert_eq!((state.status, state.version), (now.status, now.version));
    }

    async fn hold_all(&self) {
        let ann = self.act("ann");
        assert_eq!(ann.analytics().recount().await.unwrap(), []);
        while self
            .engine
            .store()
            .seal(&Workspace::default(), 1_000)
            .await
            .unwrap()
            > 0
        {}
        assert!(ann.audit().verify(None).await.unwrap().valid);
    }

    /// Claims everything that is due.
    async fn claim(&self) -> Vec<Message> {
        let claim = Claim {
            workspace: Workspace::default(),
            worker: "racer".to_owned(),
            limit: 1_000,
            now: self.engine.now(),
            lease: Duration::minutes(2),
            parked: Vec::new(),
            ids: Arc::new(RandomIds::default()),
        };
        self.engine.store().claim(claim).await.unwrap()
    }
}

/// Reads, decides and commits the begin of `message`. Whether an attempt was begun.
async fn begin(engine: Engine, message: Message) -> bool {
    let (store, workspace) = (engine.store(), Workspace::default());
    let views = store.dispatch(&workspace, &[message.id]).await.unwrap();
    let (actor, ids) = (Actor::system(workspace), RandomIds::default());
    let stamp = Stamp {
        actor: &actor,
        at: engine.now(),
        ids: &ids,
    };
    let begun = dispatch::begin(&views[0], "racer", AddressKind::Email, &stamp).unwrap();
    let done = store.commit(vec![begun.changes]).await.unwrap();
    begun.delivery.is_some() && done[0].is_ok()
}

/// Position of an action in the commit order of the whole history.
async fn position(world: &World, subject: uuid::Uuid, action: &str) -> Option<usize> {
    let query = crm_core::port::store::EventQuery {
        limit: 10_000,
        ..Default::default()
    };
    let events = world.act("ann").audit().events(query).await.unwrap();
    events
        .iter()
        .position(|e| e.event.subject_id == subject && e.event.action == action)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn approve_and_edit() {
    for world in World::both() {
        for round in 0..ROUNDS {
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
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn approve_and_reject() {
    for world in World::both() {
        for round in 0..ROUNDS {
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
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_approvers() {
    for world in World::both() {
        for round in 0..ROUNDS {
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
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn send_and_cancel() {
    for world in World::both() {
        let options = WorkerOptions {
            name: "racer".to_owned(),
            ..WorkerOptions::default()
        };
        let worker = Arc::new(Worker::new(world.engine.clone(), options));
        worker.start().await.unwrap();
        for round in 0..ROUNDS {
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
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn suppress_and_begin() {
    for world in World::both() {
        for round in 0..ROUNDS {
            let message = world.approved(round).await;
            let claimed = world.claim().await.remove(0);
            let (ann, address) = (world.act("ann"), message.recipient.clone());
            let suppress = async move {
                ann.suppressions()
                    .add("email", &address, "asked")
                    .await
                    .unwrap();
            };
            let (begun, ()) = world
                .race(begin(world.engine.clone(), claimed), suppress)
                .await;
            let now = world.get(&message).await;
            let started = position(&world, message.id.0, "begun").await;
            assert_eq!(begun, started.is_some());
            assert_eq!(begun, now.status == Status::Sending);
            if let Some(started) = started {
                // It began before the suppression was committed, or not at all.
                let query = crm_core::port::store::EventQuery {
                    limit: 10_000,
                    ..Default::default()
                };
                let events = world.act("ann").audit().events(query).await.unwrap();
                let last = events.iter().rposition(|e| e.event.action == "suppressed");
                assert!(started < last.unwrap());
            }
            world.hold(&message).await;
        }
        world.hold_all().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opt_out_and_begin() {
    for world in World::both() {
        for round in 0..ROUNDS {
            let message = world.approved(round).await;
            let claimed = world.claim().await.remove(0);
            let (ann, id) = (world.act("ann"), message.contact_id);
            let mut fields = ann.contacts().get(id).await.unwrap().fields;
            fields.consent.push(Consent {
                channel: "*".to_owned(),
                topic: Topic::Relationship,
                status: ConsentStatus::OptedOut,
                evidence: None,
                at: world.engine.now(),
            });
            let no = async move { ann.contacts().update(id, None, fields).await };
            let (begun, no) = world.race(begin(world.engine.clone(), claimed), no).await;
            no.unwrap();
            let started = position(&world, message.id.0, "begun").await;
            let said = position(&world, id.0, "edited").await.unwrap();
            assert_eq!(begun, started.is_some());
            assert!(started.is_none_or(|started| started < said), "after the no");
            world.hold(&message).await;
        }
        world.hold_all().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pause_and_begin() {
    for world in World::both() {
        for round in 0..ROUNDS {
            let ann = world.act("ann");
            let contact = ContactFields {
                name: "Дилноза".to_owned(),
                email: Some(format!("c{round}@example.org")),
                segment: format!("s{round}"),
                ..ContactFields::default()
            };
            ann.contacts().create(contact).await.unwrap();
            let fields = CampaignFields {
                name: "Навруз".to_owned(),
                description: None,
                occasion_type: Occasion::Holiday,
                audience: Audience::Segment(format!("s{round}")),
                schedule: Schedule::Immediate,
                channel: "email".to_owned(),
                time_zone: "Asia/Tashkent".to_owned(),
                template_id: None,
                tone: None,
                custom_context: None,
            };
            let campaign = ann.campaigns().create(fields).await.unwrap();
            ann.campaigns().execute(campaign.id, false).await.unwrap();
            let worker = Worker::new(world.engine.clone(), WorkerOptions::default());
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
            let pause = async move { ann.campaigns().pause(id).await };
            let (begun, paused) = world
                .race(begin(world.engine.clone(), claimed), pause)
                .await;
            paused.unwrap();
            let started = position(&world, message.id.0, "begun").await;
            let stopped = position(&world, campaign.id.0, "paused").await.unwrap();
            assert_eq!(begun, started.is_some());
            assert!(
                started.is_none_or(|started| started < stopped),
                "after the pause"
            );
            world.hold(&message).await;
            world
                .act("ann")
                .campaigns()
                .cancel(campaign.id)
                .await
                .unwrap();
        }
        world.hold_all().await;
    }
}

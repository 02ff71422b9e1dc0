//! A store that went back to an older state: nothing of what it sent since leaves a second time.

use std::sync::Arc;

use chrono::Duration;
use crm_core::contact::ContactFields;
use crm_core::engine::{Engine, NewDraft, Session};
use crm_core::hold::{Acknowledgement, HoldReason};
use crm_core::message::decide::Seen;
use crm_core::message::history::replay;
use crm_core::message::{Message, Occasion, Status};
use crm_core::port::store::{EventQuery, MessageQuery, PageRequest, Store};
use crm_core::system::{RandomIds, SystemClock};
use crm_core::testing::RecordingChannel;
use crm_core::worker::{Worker, WorkerOptions};
use crm_core::{Actor, ErrorKind, Result, Role, Workspace};

/// An engine over a store, and what it has delivered.
#[derive(Debug)]
pub struct Office {
    engine: Engine,
    channel: Arc<RecordingChannel>,
}

impl Office {
    /// In real time, with random ids.
    #[must_use]
    pub fn over(store: Arc<dyn Store>) -> Self {
        let channel = Arc::new(RecordingChannel::default());
        let ids = Arc::new(RandomIds::default());
        let engine = Engine::builder(store, Arc::new(SystemClock), ids)
            .channel("email", channel.clone())
            .build();
        Self { engine, channel }
    }

    fn act(&self, workspace: &str, role: Role) -> Session {
        let workspace = Workspace::new(workspace).unwrap();
        self.engine.act_as(Actor::new(workspace, "gulnora", role))
    }

    /// Approves two messages that are due and one for tomorrow in `default`, and one that is due in
    /// `other`.
    ///
    /// # Panics
    /// The store fails.
    pub async fn approve(&self) {
        let tomorrow = Some(Duration::days(1));
        for (workspace, later) in [
            ("default", None),
            ("default", None),
            ("default", tomorrow),
            ("other", None),
        ] {
            let session = self.act(workspace, Role::Manager);
            let fields = ContactFields {
                name: "Дилноза".to_owned(),
                email: Some(format!("{}@example.org", uuid::Uuid::now_v7())),
                ..ContactFields::default()
            };
            let contact = session.contacts().create(fields).await.unwrap();
            let draft = NewDraft {
                scheduled_for: later.map(|later| self.engine.now() + later),
                ..NewDraft::new(contact.id, Occasion::Custom, "Ждём вас в салоне")
            };
            let message = session.messages().create(draft).await.unwrap();
            let approvals = session.approvals();
            approvals
                .approve(message.id, Seen::of(&message))
                .await
                .unwrap();
        }
    }

    /// Delivers what is due.
    ///
    /// # Errors
    /// As the worker.
    pub async fn deliver(&self) -> Result<()> {
        Worker::new(self.engine.clone(), WorkerOptions::default())
            .run_until_idle()
            .await
    }

    /// How many messages have left.
    #[must_use]
    pub fn delivered(&self) -> usize {
        self.channel.delivered().len()
    }

    /// The reason of the hold.
    ///
    /// # Panics
    /// The store fails.
    pub async fn held(&self) -> Option<HoldReason> {
        self.engine.hold().await.unwrap().map(|hold| hold.reason)
    }

    async fn messages(&self, workspace: &str) -> Vec<Message> {
        let query = MessageQuery {
            page: PageRequest {
                limit: 1_000,
                oldest_first: true,
                ..PageRequest::default()
            },
            ..MessageQuery::default()
        };
        let workspace = Workspace::new(workspace).unwrap();
        let store = self.engine.store();
        store.messages(&workspace, query).await.unwrap().items
    }

    async fn statuses(&self) -> Vec<(Status, bool)> {
        let now = self.engine.now();
        let mut all = self.messages("default").await;
        all.extend(self.messages("other").await);
        all.iter()
            .map(|message| (message.status, message.not_before <= now))
            .collect()
    }

    /// Nothing leaves, nobody but an admin ends that, and afterwards what may have left is uncertain.
    ///
    /// # Panics
    /// Something of it does not hold. The store has to be what [`Office::approve`] made.
    pub async fn nothing_leaves_again(&self, reason: HoldReason) {
        assert_eq!(self.held().await, Some(reason));
        for _ in 0..2 {
            let error = self.deliver().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::OnHold, "{error}");
        }
        assert_eq!(self.delivered(), 0);
        let hold = self.engine.hold().await.unwrap().unwrap();
        let doubt = Acknowledgement::Doubt;
        let manager = self.act("default", Role::Manager);
        let error = manager.acknowledge_hold(&hold, doubt, "no").await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Forbidden);
        assert_eq!(self.held().await, Some(reason));

        let admin = self.act("default", Role::Admin);
        let words = "the provider's log goes on after our backup";
        let suspected = admin.acknowledge_hold(&hold, doubt, words).await;
        assert_eq!(suspected.unwrap(), 3);
        assert_eq!(self.held().await, None);
        for (status, due) in self.statuses().await {
            let wanted = if due {
                Status::Uncertain
            } else {
                Status::Approved
            };
            assert_eq!(status, wanted);
        }
        self.deliver().await.unwrap();
        assert_eq!(self.delivered(), 0);
        for workspace in ["default", "other"] {
            self.history_holds(workspace).await;
        }
    }

    async fn history_holds(&self, workspace: &str) {
        let session = self.act(workspace, Role::Viewer);
        let audit = session.audit();
        assert!(audit.verify(None).await.unwrap().valid);
        let events = audit.events(EventQuery::default()).await.unwrap();
        let of = |id| {
            events
                .iter()
                .map(|stored| &stored.event)
                .filter(move |event| event.subject_id == id)
        };
        for message in self.messages(workspace).await {
            let told = replay(of(message.id.0)).unwrap().unwrap();
            assert_eq!(
                (told.status, told.version),
                (message.status, message.version)
            );
        }
        let ends: Vec<_> = of(uuid::Uuid::nil()).collect();
        assert_eq!(ends.len(), 1);
        assert_eq!(
            (ends[0].actor.as_str(), ends[0].role),
            ("gulnora", Role::Admin)
        );
    }
}

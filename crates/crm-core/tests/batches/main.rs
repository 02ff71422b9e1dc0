//! Campaigns drafted in batches of a provider: handed over once, paid for once, and whatever comes back is stored or
//! written one by one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/shared.rs"]
mod shared;

mod course;
mod crashes;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::Duration;
use crm_core::Workspace;
use crm_core::audience::Audience;
use crm_core::budget::LedgerEntry;
use crm_core::campaign::{CampaignFields, Drafting};
use crm_core::contact::ContactFields;
use crm_core::draft_batch::DraftBatch;
use crm_core::engine::Engine;
use crm_core::id::CampaignId;
use crm_core::message::{Message, Occasion};
use crm_core::port::llm::{Draft, DraftRequest, Llm, LlmError};
use crm_core::port::llm_batch::*;
use crm_core::port::store::{LedgerQuery, MessageQuery, PageRequest, Store as _};
use crm_core::testing::llm::draft;
use crm_core::testing::llm_batch::RequestEnd;
use crm_core::testing::{FakeClock, MemoryBatches, RecordingChannel, SequentialIds};
use crm_core::worker::{Worker, WorkerOptions};

use common::World;
use shared::{Fuse, SharedStore};

/// A provider of batches that the program may die at, and which remembers what it was handed.
#[derive(Debug)]
struct Provider {
    inner: MemoryBatches,
    fuse: Arc<Fuse>,
    /// How many requests a batch holds.
    most: AtomicUsize,
    /// The requests of each submission that was called, whether it made a batch or not.
    handed: Mutex<Vec<Vec<RequestId>>>,
    /// Those of each batch that was made.
    made: Mutex<Vec<Vec<RequestId>>>,
    cancelled: AtomicUsize,
    polled: AtomicUsize,
    /// How the next submission is refused, which makes no batch.
    refusal: Mutex<Option<SubmitError>>,
}

#[async_trait]
impl LlmBatch for Provider {
    fn limits(&self) -> BatchLimits {
        BatchLimits {
            requests: self.most.load(Ordering::SeqCst),
            ..self.inner.limits()
        }
    }

    fn model(&self) -> String {
        self.inner.model()
    }

    fn worst_cost(&self, request: &DraftRequest) -> Result<u64, LlmError> {
        self.inner.worst_cost(request)
    }

    async fn submit(
        &self,
        marker: &BatchMarker,
        requests: &[BatchRequest],
    ) -> Result<Batch, SubmitError> {
        self.fuse.burn().await;
        let ids: Vec<RequestId> = requests.iter().map(|request| request.id.clone()).collect();
        self.handed.lock().unwrap().push(ids.clone());
        if let Some(refusal) = self.refusal.lock().unwrap().take() {
            return Err(refusal);
        }
        let before = self.inner.count();
        let answer = self.inner.submit(marker, requests).await;
        if self.inner.count() > before {
            self.made.lock().unwrap().push(ids);
        }
        self.fuse.burn().await;
        answer
    }

    async fn find(&self, lost: &Lost) -> Result<Found, LlmError> {
        self.fuse.burn().await;
        self.inner.find(lost).await
    }

    async fn poll(&self, id: &str) -> Result<Batch, LlmError> {
        self.fuse.burn().await;
        self.polled.fetch_add(1, Ordering::SeqCst);
        self.inner.poll(id).await
    }

    async fn results(
        &self,
        id: &str,
        marker: &BatchMarker,
    ) -> Result<Box<dyn BatchLines>, LlmError> {
        self.fuse.burn().await;
        self.inner.results(id, marker).await
    }

    async fn cancel(&self, id: &str) -> Result<Batch, LlmError> {
        self.cancelled.fetch_add(1, Ordering::SeqCst);
        self.inner.cancel(id).await
    }
}

/// A model that writes one text after the other, and what it was paid for.
#[derive(Debug)]
struct Model {
    fuse: Arc<Fuse>,
    calls: AtomicUsize,
}

/// What the model writes; a batch writes "Hello".
const ONE_BY_ONE: &str = "Здравствуйте! Поздравляем вас.";

#[async_trait]
impl Llm for Model {
    async fn draft(&self, _request: &DraftRequest) -> Result<Draft, LlmError> {
        self.fuse.burn().await;
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.fuse.burn().await;
        Ok(draft(ONE_BY_ONE))
    }

    fn worst_cost(&self, _request: &DraftRequest) -> Result<u64, LlmError> {
        Ok(draft("").cost_picodollars)
    }
}

/// An engine with a provider of batches and a model beside it.
struct House {
    world: World,
    store: Arc<SharedStore>,
    provider: Arc<Provider>,
    model: Arc<Model>,
    fuse: Arc<Fuse>,
}

fn house() -> House {
    let clock = Arc::new(FakeClock::default());
    let store = Arc::new(SharedStore::default());
    let fuse = Arc::clone(&store.fuse);
    let provider = Arc::new(Provider {
        inner: MemoryBatches::new(clock.clone()),
        fuse: Arc::clone(&fuse),
        most: AtomicUsize::new(1_000),
        handed: Mutex::default(),
        made: Mutex::default(),
        cancelled: AtomicUsize::new(0),
        polled: AtomicUsize::new(0),
        refusal: Mutex::default(),
    });
    let model = Arc::new(Model {
        fuse: Arc::clone(&fuse),
        calls: AtomicUsize::new(0),
    });
    let channel = Arc::new(RecordingChannel::default());
    let ids = Arc::new(SequentialIds::default());
    let engine = Engine::builder(store.clone(), clock.clone(), ids)
        .channel("email", channel.clone())
        .llm(model.clone())
        .llm_batch(provider.clone())
        .build();
    House {
        world: World {
            engine,
            channel,
            clock,
        },
        store,
        provider,
        model,
        fuse,
    }
}

fn fields() -> CampaignFields {
    CampaignFields {
        audience: Audience::Segment("clients".to_owned()),
        drafting: Drafting::Batch,
        ..CampaignFields::new("Навруз", Occasion::Holiday)
    }
}

impl House {
    /// So many people, and a campaign for them that runs.
    async fn campaign(&self, people: usize, fields: CampaignFields) -> CampaignId {
        for number in 0..people {
            let fields = ContactFields {
                name: "Дилноза".to_owned(),
                email: Some(format!("p{number}@example.org")),
                segment: "clients".to_owned(),
                language: "ru".to_owned(),
                ..ContactFields::default()
            };
            let manager = self.world.manager();
            manager.contacts().create(fields).await.unwrap();
        }
        let campaigns = self.world.manager();
        let campaigns = campaigns.campaigns();
        let id = campaigns.create(fields).await.unwrap().id;
        campaigns.execute(id, false).await.unwrap();
        id
    }

    /// A worker, as another process would be.
    fn worker(&self) -> Worker {
        let options = WorkerOptions {
            drafts: 1,
            ..WorkerOptions::default()
        };
        Worker::new(self.world.engine.clone(), options)
    }

    async fn run(&self) {
        self.worker().run_until_idle().await.unwrap();
    }

    /// Some time goes by, and a worker does what is due.
    async fn later(&self, time: Duration) {
        self.world.clock.advance(time);
        self.run().await;
    }

    async fn messages(&self) -> Vec<Message> {
        let query = MessageQuery {
            page: PageRequest {
                limit: 1_000,
                ..PageRequest::default()
            },
            ..MessageQuery::default()
        };
        let found = self.store.messages(&Workspace::default(), query).await;
        found.unwrap().items
    }

    async fn batches(&self, campaign: CampaignId) -> Vec<DraftBatch> {
        let viewer = self.world.viewer();
        viewer.campaigns().batches(campaign).await.unwrap()
    }

    async fn ledger(&self) -> Vec<LedgerEntry> {
        let query = LedgerQuery {
            page: PageRequest {
                limit: 1_000,
                ..PageRequest::default()
            },
            ..LedgerQuery::default()
        };
        let found = self.store.ledger(&Workspace::default(), query).await;
        found.unwrap().items
    }

    /// What entries of this kind cost, and how many there are.
    async fn spent(&self, batch: bool) -> (usize, u64) {
        let entries = self.ledger().await;
        let cost = |entry: &LedgerEntry| entry.cost_picodollars;
        let paid = entries
            .iter()
            .filter(|it| it.batch == batch && cost(it) > 0);
        (paid.clone().count(), paid.map(cost).sum())
    }

    /// All batches end; requests by number in their batch as these say, with "Hello" otherwise.
    fn end(&self, ends: &[(usize, RequestEnd)]) {
        let made = self.provider.made.lock().unwrap().clone();
        let ends: Vec<(RequestId, RequestEnd)> = made
            .iter()
            .flat_map(|ids| {
                let of = |(number, end): &(usize, RequestEnd)| {
                    Some((ids.get(*number)?.clone(), end.clone()))
                };
                ends.iter().filter_map(of)
            })
            .collect();
        self.provider.inner.end(&ends);
    }
}

/// How many messages have each text.
fn texts(messages: &[Message]) -> BTreeMap<&str, usize> {
    let mut texts = BTreeMap::new();
    for message in messages {
        *texts.entry(message.revision.content.as_str()).or_default() += 1;
    }
    texts
}

/// What one draft costs.
fn price() -> u64 {
    draft("").cost_picodollars
}

//! How texts come to be: the chain of models, the voice of the house, what a model is told, what of its answers is
//! believed, and the stream of drafts of campaigns.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cloned_ref_to_slice_refs,
    clippy::type_complexity
)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/shared.rs"]
mod shared;

mod attacks;
mod chain;
mod hostile;
mod prompt;
mod stream;
mod voice;
mod waiting;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use crm_core::audience::Audience;
use crm_core::campaign::{CampaignFields, WhenUnavailable};
use crm_core::contact::{Contact, ContactFields};
use crm_core::engine::Engine;
use crm_core::id::CampaignId;
use crm_core::memory::MemoryStore;
use crm_core::message::{Message, Occasion};
use crm_core::port::llm::{Draft, DraftRequest, Llm, LlmError};
use crm_core::port::store::{MessageQuery, PageRequest, Store};
use crm_core::testing::llm::draft;
use crm_core::testing::{FakeClock, RecordingChannel, SequentialIds};
use crm_core::worker::{Worker, WorkerOptions};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use common::World;

/// An engine that asks these models, in this order.
fn house(models: &[Arc<dyn Llm>]) -> World {
    house_over(Arc::new(MemoryStore::default()), models)
}

/// The same over this store.
fn house_over(store: Arc<dyn Store>, models: &[Arc<dyn Llm>]) -> World {
    let channel = Arc::new(RecordingChannel::default());
    let clock = Arc::new(FakeClock::default());
    let ids = Arc::new(SequentialIds::default());
    let mut builder = Engine::builder(store, clock.clone(), ids).channel("email", channel.clone());
    for (number, model) in models.iter().enumerate() {
        builder = if number == 0 {
            builder.llm(Arc::clone(model))
        } else {
            builder.fallback_llm(Arc::clone(model))
        };
    }
    World {
        engine: builder.build(),
        channel,
        clock,
    }
}

type Answer = dyn Fn(usize, &DraftRequest) -> Result<Draft, LlmError> + Send + Sync;

/// Answers each call, by its number, after a time of its own; notes when each began.
struct Timed {
    takes: Duration,
    answer: Box<Answer>,
    /// When each call began, whom it was about, and in what words.
    calls: Mutex<Vec<(Instant, DraftRequest)>>,
    now: AtomicUsize,
    most: AtomicUsize,
}

impl std::fmt::Debug for Timed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Timed(..)")
    }
}

impl Timed {
    fn new(
        takes: Duration,
        answer: impl Fn(usize, &DraftRequest) -> Result<Draft, LlmError> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            takes,
            answer: Box::new(answer),
            calls: Mutex::default(),
            now: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        })
    }

    /// Writes the same good text for everybody.
    fn good(takes: Duration) -> Arc<Self> {
        Self::new(takes, |_, _| Ok(draft("Здравствуйте! Поздравляем вас.")))
    }

    fn calls(&self) -> Vec<(Instant, DraftRequest)> {
        self.calls.lock().unwrap().clone()
    }

    fn count(&self) -> usize {
        self.calls.lock().unwrap().len()
    }
}

#[async_trait]
impl Llm for Timed {
    async fn draft(&self, request: &DraftRequest) -> Result<Draft, LlmError> {
        let number = {
            let mut calls = self.calls.lock().unwrap();
            calls.push((Instant::now(), request.clone()));
            calls.len() - 1
        };
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        let leave = Leave(&self.now);
        if !self.takes.is_zero() {
            tokio::time::sleep(self.takes).await;
        }
        drop(leave);
        (self.answer)(number, request)
    }
}

/// Counts down however a call ends.
struct Leave<'a>(&'a AtomicUsize);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// This many people of one segment.
async fn people(world: &World, segment: &str, count: usize) -> Vec<Contact> {
    let mut people = Vec::with_capacity(count);
    for number in 0..count {
        let fields = ContactFields {
            name: "Анна".to_owned(),
            email: Some(format!("{segment}{number}@example.org")),
            segment: segment.to_owned(),
            language: "ru".to_owned(),
            ..ContactFields::default()
        };
        people.push(world.manager().contacts().create(fields).await.unwrap());
    }
    people
}

/// A campaign for a segment that runs at once.
async fn campaign(world: &World, segment: &str, when_unavailable: WhenUnavailable) -> CampaignId {
    let fields = CampaignFields {
        audience: Audience::Segment(segment.to_owned()),
        custom_context: Some("Наш склад переехал.".to_owned()),
        when_unavailable,
        ..CampaignFields::new(segment, Occasion::Holiday)
    };
    let manager = world.manager();
    let id = manager.campaigns().create(fields).await.unwrap().id;
    manager.campaigns().execute(id, false).await.unwrap();
    id
}

async fn messages(world: &World) -> Vec<Message> {
    let mut all = Vec::new();
    loop {
        let query = MessageQuery {
            page: PageRequest {
                limit: 1_000,
                after: all.last().map(|message: &Message| message.id.0),
                oldest_first: true,
                ..PageRequest::default()
            },
            ..MessageQuery::default()
        };
        let page = world.viewer().messages().list(query).await.unwrap();
        all.extend(page.items);
        if page.next.is_none() {
            return all;
        }
    }
}

async fn drafted(world: &World, campaign: CampaignId) -> usize {
    let stats = world.viewer().campaigns().stats(campaign).await.unwrap();
    usize::try_from(stats.generated_count).unwrap()
}

/// A worker that runs until it is told to stop.
struct Running {
    stop: watch::Sender<bool>,
    task: JoinHandle<crm_core::Result<()>>,
}

impl Running {
    fn start(world: &World, drafts: usize) -> Self {
        let options = WorkerOptions {
            drafts,
            ..WorkerOptions::default()
        };
        Self::with(world, options)
    }

    fn with(world: &World, options: WorkerOptions) -> Self {
        let (stop, stopped) = watch::channel(false);
        let worker = Worker::new(world.engine.clone(), options);
        let task = tokio::spawn(async move { worker.run(stopped).await });
        Self { stop, task }
    }

    async fn stop(self) {
        self.stop.send(true).unwrap();
        self.task.await.unwrap().unwrap();
    }
}

/// Lets time pass until so many messages of the campaign are drafted.
async fn until_drafted(world: &World, campaign: CampaignId, count: usize) {
    let reached = async {
        while drafted(world, campaign).await < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let day = Duration::from_secs(86_400);
    let in_time = tokio::time::timeout(day, reached).await;
    assert!(
        in_time.is_ok(),
        "{} drafted",
        drafted(world, campaign).await
    );
}

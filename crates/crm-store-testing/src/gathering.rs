//! Two workers gather the lines of one campaign into batches of drafts at the same instant: each line is handed over once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use crm_core::campaign::{CampaignFields, Drafting};
use crm_core::contact::ContactFields;
use crm_core::engine::Engine;
use crm_core::message::Occasion;
use crm_core::port::llm::{DraftRequest, LlmError};
use crm_core::port::llm_batch::{
    Batch, BatchLimits, BatchLines, BatchMarker, BatchRequest, Found, LlmBatch, Lost, SubmitError,
};
use crm_core::port::store::PlanQuery;
use crm_core::system::{RandomIds, SystemClock};
use crm_core::testing::{MemoryBatches, RecordingChannel, ScriptedLlm};
use crm_core::worker::{Worker, WorkerOptions};
use crm_core::{Actor, Role, Workspace};
use tokio::sync::watch;

use crate::race::Race;

/// Lines of a campaign; three batches and a half.
const LINES: usize = 35;
/// Lines of a batch.
const MOST: usize = 10;

/// A provider of small batches that remembers for whom it was handed requests.
#[derive(Debug)]
struct Provider {
    inner: MemoryBatches,
    handed: Mutex<Vec<String>>,
}

#[async_trait]
impl LlmBatch for Provider {
    fn limits(&self) -> BatchLimits {
        BatchLimits {
            requests: MOST,
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
        let about = requests.iter().filter_map(|one| one.request.about.clone());
        self.handed.lock().unwrap().extend(about);
        self.inner.submit(marker, requests).await
    }

    async fn find(&self, lost: &Lost) -> Result<Found, LlmError> {
        self.inner.find(lost).await
    }

    async fn poll(&self, id: &str) -> Result<Batch, LlmError> {
        self.inner.poll(id).await
    }

    async fn results(
        &self,
        id: &str,
        marker: &BatchMarker,
    ) -> Result<Box<dyn BatchLines>, LlmError> {
        self.inner.results(id, marker).await
    }

    async fn cancel(&self, id: &str) -> Result<Batch, LlmError> {
        self.inner.cancel(id).await
    }
}

/// Works until it finds nothing to do.
async fn work(worker: Worker) {
    let (_stop, stop) = watch::channel(false);
    while !worker.round(&stop).await.unwrap().is_idle() {}
}

fn fields() -> CampaignFields {
    CampaignFields {
        drafting: Drafting::Batch,
        ..CampaignFields::new("Навруз", Occasion::Holiday)
    }
}

/// Each line is in one batch, and each batch holds the lines that name it.
///
/// # Panics
/// A line was handed over twice, or never.
pub async fn two_workers_gather(world: &Race) {
    let provider = Arc::new(Provider {
        inner: MemoryBatches::new(Arc::new(SystemClock)),
        handed: Mutex::default(),
    });
    let engine = |of: &Engine| {
        let ids = Arc::new(RandomIds::default());
        Engine::builder(of.store().clone(), Arc::new(SystemClock), ids)
            .channel("email", Arc::new(RecordingChannel::default()))
            .llm(Arc::new(ScriptedLlm::default()))
            .llm_batch(provider.clone())
            .build()
    };
    let engines = [engine(world.nth(0)), engine(world.nth(1))];
    let ann = engines[0].act_as(Actor::new(Workspace::default(), "ann", Role::Manager));
    for number in 0..LINES {
        let person = ContactFields {
            name: "Дилноза".to_owned(),
            email: Some(format!("g{number}@example.org")),
            ..ContactFields::default()
        };
        ann.contacts().create(person).await.unwrap();
    }
    for round in 0..world.meetings() {
        let id = ann.campaigns().create(fields()).await.unwrap().id;
        ann.campaigns().execute(id, false).await.unwrap();
        let worker = |name: &str, engine: &Engine| {
            let options = WorkerOptions {
                name: format!("{name}-{round}"),
                ..WorkerOptions::default()
            };
            Worker::new(engine.clone(), options)
        };
        let (first, second) = (worker("a", &engines[0]), worker("b", &engines[1]));
        world.race(work(first), work(second)).await;

        let mut handed = BTreeMap::new();
        for about in std::mem::take(&mut *provider.handed.lock().unwrap()) {
            *handed.entry(about).or_insert(0) += 1;
        }
        assert_eq!(handed.len(), LINES, "round {round}");
        assert!(
            handed.values().all(|times| *times == 1),
            "round {round}: {handed:?}"
        );
        let mut query = PlanQuery {
            campaign_id: id,
            occurrence: None,
            excluded: None,
            undrafted: false,
            batch: None,
            page: crm_core::port::store::PageRequest::default(),
        };
        query.page.limit = 1_000;
        let plan = ann.campaigns().plan(query).await.unwrap().items;
        let mut named = BTreeMap::new();
        for row in plan {
            *named.entry(row.batch_id.unwrap()).or_insert(0) += 1;
        }
        let batches = ann.campaigns().batches(id).await.unwrap();
        let made = batches.iter().map(|batch| (batch.id, batch.requests));
        assert_eq!(made.collect::<BTreeMap<_, u32>>(), named, "round {round}");
        assert_eq!(batches.len(), LINES.div_ceil(MOST));
    }
    world.hold_all().await;
}

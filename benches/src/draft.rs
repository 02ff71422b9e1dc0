//! T11: drafting with a model that takes its time for each text and any number of them at once. The peer is what the
//! places of the drafting would give if they were always busy with the model, so the ratio is the share of the time
//! that they are. The rest is what the engine takes to plan, to read, to store and to begin.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use crm_core::campaign::{CampaignFields, WhenUnavailable};
use crm_core::message::{Occasion, Status};
use crm_core::port::llm::{Draft, DraftRequest, Llm, LlmError, Usage};
use crm_core::worker::{Worker, WorkerOptions};
use tokio::sync::watch;

use crate::measure::{Better, Figure, Names, rate};
use crate::site::Site;
use crate::world::{self, World};
use crate::{Outcome, seed};

/// Drafts under way at once.
const PLACES: usize = 64;
/// How long the model takes.
pub const TAKES: Duration = Duration::from_secs(2);
/// How often the end is looked for.
const LOOK: Duration = Duration::from_millis(50);

/// Takes its time, and counts it.
#[derive(Debug)]
struct Slow {
    takes: Duration,
    answers: AtomicU64,
    busy_micros: AtomicU64,
    now: AtomicU64,
    most: AtomicU64,
}

#[async_trait]
impl Llm for Slow {
    async fn draft(&self, _request: &DraftRequest) -> Result<Draft, LlmError> {
        let begun = Instant::now();
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(now, Ordering::Relaxed);
        tokio::time::sleep(self.takes).await;
        self.now.fetch_sub(1, Ordering::Relaxed);
        let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.busy_micros.fetch_add(micros, Ordering::Relaxed);
        self.answers.fetch_add(1, Ordering::Relaxed);
        Ok(Draft {
            subject: None,
            content: "Здравствуйте! Поздравляем вас и желаем всего самого доброго.".to_owned(),
            language: Some("ru".to_owned()),
            facts_used: Vec::new(),
            model: "slow".to_owned(),
            usage: Usage {
                input_tokens: 600,
                output_tokens: 60,
                ..Usage::default()
            },
            cost_picodollars: 900_000_000,
            request_id: None,
        })
    }
}

/// Drafts `count` messages of one campaign with a model that takes this long.
///
/// # Errors
/// When the run fails or its result is wrong.
pub async fn measure(site: &Site, count: usize, takes: Duration) -> Outcome<Figure> {
    let name = "draft_run";
    site.create(name).await?;
    let world = site.world(name).await?;
    seed::contacts(&world, count).await?;
    let model = Arc::new(Slow {
        takes,
        answers: AtomicU64::default(),
        busy_micros: AtomicU64::default(),
        now: AtomicU64::default(),
        most: AtomicU64::default(),
    });
    let engine = world::engine_with(
        Arc::clone(&world.store),
        Arc::clone(&world.ids),
        Arc::clone(&world.channel) as Arc<dyn crm_core::port::channel::Channel>,
        Some(Arc::clone(&model) as Arc<dyn Llm>),
    );
    let session = engine.act_as(World::actor());
    let fields = CampaignFields {
        when_unavailable: WhenUnavailable::Wait,
        ..CampaignFields::new("drafts", Occasion::Holiday)
    };
    let campaign = session.campaigns().create(fields).await?.id;
    let options = WorkerOptions {
        name: "worker".to_owned(),
        drafts: PLACES,
        ..WorkerOptions::default()
    };
    let worker = Worker::new(engine.clone(), options);
    let (sender, stop) = watch::channel(false);
    let start = Instant::now();
    session.campaigns().execute(campaign, false).await?;
    let drafted = async {
        loop {
            let stats = session.campaigns().stats(campaign).await;
            let done = stats.map(|stats| usize::try_from(stats.generated_count).unwrap_or(0));
            if done.is_err() || done.as_ref().is_ok_and(|done| *done >= count) {
                let took = start.elapsed();
                // Nobody is left to be told when the worker failed.
                let _ = sender.send(true);
                return done.map(|_| took);
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    let (ran, took) = tokio::join!(worker.run(stop), drafted);
    ran?;
    let took = took?;
    let answers = usize::try_from(model.answers.load(Ordering::Relaxed))?;
    if answers != count {
        return Err(format!("the model wrote {answers} texts for {count} messages").into());
    }
    if model.most.load(Ordering::Relaxed) > u64::try_from(PLACES)? {
        return Err("more drafts were under way than there are places".into());
    }
    crate::proof::counted(&session, Status::PendingApproval, count).await?;
    site.remove(name).await?;
    let busy = Duration::from_micros(model.busy_micros.load(Ordering::Relaxed));
    let always = rate(PLACES * count, busy);
    let names = Names {
        id: "T11",
        work: "draft".to_owned(),
        peer_work: format!("a model of {takes:?}, {PLACES} at once"),
        better: Better::More,
    };
    Ok(Figure::new(
        names,
        count,
        vec![(rate(count, took), always)],
        0.95,
    ))
}

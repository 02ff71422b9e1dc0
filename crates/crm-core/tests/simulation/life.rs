//! One life: a house, its workers and its provider, faults everywhere, then quiet, then the judgement.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crm_core::engine::Engine;
use crm_core::message::Digest;
use crm_core::port::channel::Channel as _;
use crm_core::port::store::Store as _;
use crm_core::testing::SequentialIds;
use crm_core::{Result, Workspace};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::end;
use crate::people::People;
use crate::process::{Process, Setup};
use crate::provider::{Ledger, Provider};
use crate::rng::{Dice, LeapingClock, Skewed};
use crate::store::FaultyStore;
use crate::witness::Witness;

/// What a life was.
pub(crate) struct Life {
    /// Of its history, its rows and its deliveries.
    pub(crate) hash: Digest,
    /// What happened how often.
    pub(crate) counts: BTreeMap<&'static str, u64>,
    /// What must not have happened.
    pub(crate) wrong: Vec<String>,
}

/// Lives it on this thread, with time that passes when nobody has anything to do.
pub(crate) fn live(seed: u64) -> Life {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(House::build(seed))
}

struct House {
    dice: Dice,
    clock: Arc<LeapingClock>,
    store: Arc<FaultyStore>,
    ids: Arc<SequentialIds>,
    provider: Provider,
    ledger: Arc<Mutex<Ledger>>,
    setup: Setup,
    workers: Vec<Process>,
    /// Those that were told to end.
    ending: Vec<tokio::task::JoinHandle<()>>,
    killed: BTreeSet<String>,
}

impl House {
    async fn build(seed: u64) -> Life {
        let dice = Dice::new(seed, 1);
        let clock = Arc::new(LeapingClock::new(Instant::now()));
        let ledger = Arc::new(Mutex::new(Ledger::default()));
        let witness = Arc::new(Witness::new(ledger.clone()));
        let workers = usize::try_from(1 + dice.below(3)).unwrap();
        let alone = workers == 1 && dice.percent(50);
        let store = Arc::new(FaultyStore::new(
            Dice::new(seed, 2),
            clock.clone(),
            witness.clone(),
            alone,
        ));
        let (news, heard) = mpsc::unbounded_channel();
        let provider = Provider::new(Dice::new(seed, 3), ledger.clone(), witness.clone(), news);
        let setup = Setup {
            batch: u32::try_from(1 + dice.below(5)).unwrap(),
            poll: Duration::from_millis(500 + dice.below(2_500)),
            margin: chrono::Duration::seconds(i64::try_from(dice.below(6)).unwrap()),
        };
        let mut house = Self {
            dice,
            clock,
            store,
            ids: Arc::default(),
            provider,
            ledger,
            setup,
            workers: Vec::new(),
            ending: Vec::new(),
            killed: BTreeSet::new(),
        };
        let engine = house.engine(0);
        tokio::spawn(post(engine.clone(), heard));
        let dice = Dice::new(seed, 4);
        let memory = house.store.inner.clone();
        let people = People::new(engine, memory, witness, dice).await;
        for place in 0..workers {
            let engine = house.somewhere();
            let process = Process::start(place, 0, &engine, &house.setup);
            house.workers.push(process);
        }
        house.live(people).await
    }

    /// An engine on a machine whose clock is so many milliseconds ahead.
    fn engine(&self, ahead: i64) -> Engine {
        let clock = Arc::new(Skewed {
            house: self.clock.clone(),
            ahead: chrono::Duration::milliseconds(ahead),
        });
        Engine::builder(self.store.clone(), clock, self.ids.clone())
            .channel("email", Arc::new(self.provider.clone()))
            .build()
    }

    /// An engine on a machine with whatever clock.
    fn somewhere(&self) -> Engine {
        let ahead = match self.dice.below(3) {
            0 => i64::try_from(self.dice.below(10_000)).unwrap() - 5_000,
            _ => 0,
        };
        self.engine(ahead)
    }

    async fn live(mut self, people: People) -> Life {
        let faults = [0, 2, 8][usize::try_from(self.dice.below(3)).unwrap()];
        let steps = 15 + self.dice.below(30);
        for _ in 0..steps {
            self.store.fail(faults);
            self.step(&people).await;
            // Most things happen close to each other.
            let pause = match self.dice.below(4) {
                0 => 4_000,
                1 => 1_000,
                _ => 200,
            };
            sleep(self.dice.millis(pause)).await;
            if !people.witness.wrong().is_empty() {
                break;
            }
        }
        self.quiet(&people).await;
        let looks_up = self.provider.capabilities().look_up;
        let still = std::mem::take(&mut self.workers).into_iter();
        let told = still.map(Process::end);
        for ending in std::mem::take(&mut self.ending).into_iter().chain(told) {
            let ended = tokio::time::timeout(Duration::from_secs(600), ending).await;
            people.witness.demand(matches!(ended, Ok(Ok(()))), || {
                format!("a worker did not end in order: {ended:?}")
            });
        }
        let ledger = std::mem::take(&mut *self.ledger.lock().unwrap());
        let hash = end::judge(&people, &ledger, &self.killed, looks_up).await;
        Life {
            hash,
            counts: people.witness.counts(),
            wrong: people.witness.wrong(),
        }
    }

    async fn step(&mut self, people: &People) {
        let place = usize::try_from(self.dice.below(self.workers.len() as u64)).unwrap();
        let seconds = |dice: &Dice, most: u64| i64::try_from(dice.below(most)).unwrap();
        match self.dice.below(100) {
            0..6 => {
                people.witness.count("kills");
                let engine = self.somewhere();
                let process = &mut self.workers[place];
                let killed = process.kill(&engine, &self.setup, &mut self.killed);
                let calm = killed.await;
                people
                    .witness
                    .demand(calm, || "a worker panicked".to_owned());
            }
            6..9 => {
                people.witness.count("replaced");
                let engine = self.somewhere();
                let alone = self.store.capabilities().exclusive_dispatcher;
                let process = &mut self.workers[place];
                let ended = process.replace(&engine, &self.setup, alone).await;
                self.ending.push(ended);
            }
            9..15 => {
                people.witness.count("frozen");
                self.workers[place].freeze(self.dice.millis(30_000));
            }
            // The whole machine stood still.
            15..18 => tokio::time::advance(self.dice.millis(120_000)).await,
            18..20 => {
                let leap = seconds(&self.dice, 120) - 30;
                self.clock.leap(chrono::Duration::seconds(leap));
            }
            20..22 => self.store.fail(60),
            22..24 => people.hold(),
            _ => people.something().await,
        }
    }

    /// No more faults; time passes until nothing can happen any more.
    async fn quiet(&self, people: &People) {
        self.store.fail(0);
        self.provider.calm();
        // What still stands still, and what people still do.
        sleep(Duration::from_secs(60)).await;
        people.let_everything_go().await;
        for _ in 0..3 {
            sleep(Duration::from_secs(8)).await;
        }
        for minutes in [1, 2, 5, 10, 30, 60, 60, 120, 240, 480, 720, 1_440] {
            tokio::time::advance(Duration::from_secs(minutes * 60)).await;
            sleep(Duration::from_secs(7)).await;
        }
    }
}

/// Brings the host what the provider says, again and again until the host has it.
async fn post(
    engine: Engine,
    mut heard: mpsc::UnboundedReceiver<(Duration, crm_core::port::callback::News)>,
) {
    while let Some((delay, news)) = heard.recv().await {
        let engine = engine.clone();
        tokio::spawn(async move {
            sleep(delay).await;
            loop {
                let heard: Result<_> = engine
                    .hear(&Workspace::default(), "email", vec![news.clone()])
                    .await;
                if heard.is_ok() {
                    return;
                }
                sleep(Duration::from_millis(700)).await;
            }
        });
    }
}

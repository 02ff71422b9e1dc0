//! Many drafters at once, a model that fails in every way, budgets that bite: what the ledger must show then.
//!
//! A test makes a [`Scene`] over its store, runs [`Scene::drafter`] some sixty times at once, as parallel as it
//! can, and then asks [`Scene::check`].

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use async_trait::async_trait;
use chrono::{Duration, NaiveDate};
use futures_util::future::{Either, select};

use super::clock::FakeClock;
use super::ids::{SequentialIds, nth};
use super::llm::draft;
use crate::actor::{Actor, Role, Workspace};
use crate::budget::{Amounts, BudgetState, EntryState, LedgerEntry, Period, UsageGroup, UsageKey};
use crate::change::ChangeSet;
use crate::engine::{Engine, NoDraft, Purpose, SetBudget};
use crate::error::Error;
use crate::id::CampaignId;
use crate::port::clock::Clock as _;
use crate::port::llm::{Draft, DraftRequest, Llm, LlmError, LlmFailure};
use crate::port::store::{BudgetQuery, LedgerQuery, PageRequest, Store, UsageQuery};

/// Numbers that look random and are the same for the same seed (SplitMix64, public domain).
#[derive(Debug)]
struct Dice(AtomicU64);

impl Dice {
    fn below(&self, bound: u64) -> u64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound.max(1)
    }
}

/// Lets everybody else go on so many times.
async fn pause(times: u64) {
    let mut left = times;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// What the model does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Draft,
    Refused,
    Truncated,
    NotReached,
    Lost,
    Hangs,
}

/// A model that fails in every way, and keeps the bill.
#[derive(Debug)]
struct Moody {
    dice: Arc<Dice>,
    store: Arc<dyn Store>,
    clock: Arc<FakeClock>,
    /// What it charged, by request id.
    bill: Mutex<BTreeMap<String, u64>>,
    calls: AtomicU64,
    /// Requests that nobody will answer.
    hung: Mutex<BTreeSet<String>>,
    /// What was wrong with the ledger during a call.
    wrong: Mutex<Vec<String>>,
}

/// Most of a request: what it may cost is in its longest answer.
fn most(request: &DraftRequest) -> u64 {
    u64::from(request.max_tokens) * 1_000_003
}

#[async_trait]
impl Llm for Moody {
    async fn draft(&self, request: &DraftRequest) -> Result<Draft, LlmError> {
        // The entry is open now: reserved and spent are at their height.
        self.look().await;
        pause(self.dice.below(6)).await;
        let fate = match self.dice.below(12) {
            0 => Fate::Refused,
            1 => Fate::Truncated,
            2 => Fate::NotReached,
            3 => Fate::Lost,
            4 => Fate::Hangs,
            _ => Fate::Draft,
        };
        let cost = self.dice.below(most(request) + 1);
        let id = format!("req_{}", self.calls.fetch_add(1, Ordering::Relaxed));
        let billed = || {
            let mut bill = self.bill.lock().unwrap_or_else(PoisonError::into_inner);
            bill.insert(id.clone(), cost);
        };
        let failed = |failure: LlmFailure, cost_picodollars| LlmError {
            cost_picodollars,
            usage: draft("").usage,
            request_id: Some(id.as_str().into()),
            ..failure.into()
        };
        let away = |reason: &str| LlmFailure::Unavailable {
            reason: reason.to_owned(),
            retry_after_s: None,
        };
        match fate {
            Fate::Draft => {
                billed();
                Ok(Draft {
                    cost_picodollars: cost,
                    request_id: Some(id),
                    ..draft("Hello")
                })
            }
            Fate::Refused | Fate::Truncated => {
                let failure = if fate == Fate::Refused {
                    LlmFailure::Refused
                } else {
                    LlmFailure::Truncated
                };
                billed();
                Err(failed(failure, cost.max(1)))
            }
            Fate::NotReached => Err(away("connect").into()),
            Fate::Lost => Err(away("timeout").into()),
            Fate::Hangs => {
                self.hang(request);
                std::future::pending().await
            }
        }
    }

    fn worst_cost(&self, request: &DraftRequest) -> Result<u64, LlmError> {
        if request.max_tokens == 0 {
            let reason = "unknown_price".to_owned();
            return Err(LlmFailure::Configuration { reason }.into());
        }
        Ok(most(request))
    }

    fn model(&self) -> String {
        "moody".to_owned()
    }
}

impl Moody {
    fn hang(&self, request: &DraftRequest) {
        let hung = self.hung.lock();
        hung.unwrap_or_else(PoisonError::into_inner)
            .extend(request.about.clone());
    }

    async fn look(&self) {
        let day = self.clock.now().date_naive();
        let found = over(&self.store, day).await;
        if let Err(wrong) = found {
            let mut all = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
            all.push(wrong);
        }
    }
}

fn told(error: Error) -> String {
    format!("{error:?}")
}

async fn states(store: &Arc<dyn Store>, day: NaiveDate) -> Result<Vec<BudgetState>, String> {
    let query = BudgetQuery {
        of: None,
        day,
        limit: 0,
        skip: 0,
    };
    let found = store.budgets(&Workspace::default(), query).await;
    found.map_err(told)
}

/// Whether no budget is exceeded now.
async fn over(store: &Arc<dyn Store>, day: NaiveDate) -> Result<(), String> {
    for state in states(store, day).await? {
        let used = u128::from(state.spent_picodollars) + u128::from(state.reserved_picodollars);
        if used > u128::from(state.budget.limit_picodollars) {
            return Err(format!("a budget is exceeded: {state:?}"));
        }
    }
    Ok(())
}

/// How often what happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Texts.
    pub drafts: u64,
    /// Answers of the model that were none.
    pub refused: u64,
    /// Calls that no budget let through.
    pub over_budget: u64,
    /// Calls whose price was not known.
    pub unknown_price: u64,
    /// Calls for something that somebody else was drafting.
    pub taken: u64,
    /// Callers who gave up.
    pub dropped: u64,
}

/// A store, budgets and a model.
#[derive(Debug)]
pub struct Scene {
    store: Arc<dyn Store>,
    engine: Engine,
    clock: Arc<FakeClock>,
    dice: Arc<Dice>,
    moody: Arc<Moody>,
    llm: Arc<dyn Llm>,
    tally: Mutex<Tally>,
    /// How often somebody wanted a draft.
    asked: AtomicU64,
    /// The requests that were drafted for each key.
    drafted: Mutex<BTreeMap<String, u64>>,
}

/// The campaigns that draft.
fn campaign(number: u64) -> CampaignId {
    CampaignId(nth(90_000 + number))
}

fn admin() -> Actor {
    Actor::new(Workspace::default(), "ada", Role::Admin)
}

impl Scene {
    /// A scene over an empty store, with budgets made from the seed.
    ///
    /// # Errors
    /// Text: what the store said.
    pub async fn new(store: Arc<dyn Store>, seed: u64) -> Result<Arc<Self>, String> {
        let dice = Arc::new(Dice(AtomicU64::new(seed)));
        let clock = Arc::new(FakeClock::default());
        let ids = Arc::new(SequentialIds::default());
        let moody = Arc::new(Moody {
            dice: Arc::clone(&dice),
            store: Arc::clone(&store),
            clock: Arc::clone(&clock),
            bill: Mutex::default(),
            calls: AtomicU64::new(0),
            hung: Mutex::default(),
            wrong: Mutex::default(),
        });
        let engine = Engine::builder(Arc::clone(&store), Arc::clone(&clock) as _, ids);
        let policy = crate::engine::Policy {
            time_zone: chrono_tz::UTC,
            ..crate::engine::Policy::default()
        };
        let engine = engine.policy(policy).build();
        let mut set = ChangeSet::new(Workspace::default());
        for number in 0..2 {
            set.insert_campaign(super::fixtures::campaign(90_000 + number));
        }
        for result in store.commit(vec![set]).await.map_err(told)? {
            result.map_err(told)?;
        }
        let session = engine.act_as(admin());
        for (campaign_id, period) in [
            (None, Period::Total),
            (None, Period::Day),
            (Some(campaign(0)), Period::Total),
            (Some(campaign(1)), Period::Day),
        ] {
            let budget = SetBudget {
                campaign_id,
                period,
                // About what a third to all of the calls can cost.
                limit_picodollars: 20_000_000_000 + dice.below(60_000_000_000),
                version: None,
            };
            let set = session.budgets().set(budget).await;
            set.map_err(told)?;
        }
        Ok(Arc::new(Self {
            store,
            engine,
            clock,
            dice,
            llm: Arc::clone(&moody) as _,
            moody,
            tally: Mutex::default(),
            asked: AtomicU64::new(0),
            drafted: Mutex::default(),
        }))
    }

    /// Asks for so many drafts, one after the other.
    pub async fn drafter(self: Arc<Self>, rounds: u32) {
        for _ in 0..rounds {
            self.once().await;
            if self.dice.below(40) == 0 {
                self.clock.advance(Duration::hours(3));
            }
        }
    }

    async fn once(&self) {
        let actor = Actor::new(
            Workspace::default(),
            format!("actor-{}", self.dice.below(3)),
            Role::Manager,
        );
        let request = DraftRequest {
            system: String::new(),
            user: "x".to_owned(),
            language: "en".to_owned(),
            subject: false,
            max_length: 100,
            max_tokens: u32::try_from(self.dice.below(2_000)).unwrap_or(0)
                * u32::from(self.dice.below(30) > 0),
            about: Some(self.asked.fetch_add(1, Ordering::Relaxed).to_string()),
        };
        let purpose = Purpose {
            actor: &actor,
            campaign: Some(self.dice.below(3)).filter(|n| *n < 2).map(campaign),
            key: Some(self.dice.below(60))
                .filter(|n| *n < 40)
                .map(|n| format!("line-{n}")),
        };
        let patience = Some(self.dice.below(30)).filter(|_| self.dice.below(10) == 0);
        let asked = pin!(self.engine.ask(&self.llm, &request, &purpose));
        let gives_up = pin!(self.patience(patience, request.about.as_ref()));
        let answer = match select(asked, gives_up).await {
            Either::Left((answer, _)) => Some(answer),
            // What was asked is dropped here, wherever it was.
            Either::Right(((), _)) => None,
        };
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            None => tally.dropped += 1,
            Some(Ok(_)) => {
                tally.drafts += 1;
                if let Some(key) = purpose.key.clone() {
                    let drafted = self.drafted.lock();
                    let mut drafted = drafted.unwrap_or_else(PoisonError::into_inner);
                    *drafted.entry(key).or_default() += 1;
                }
            }
            Some(Err(why)) => match why {
                NoDraft::Refused(_) => tally.refused += 1,
                NoDraft::OverBudget => tally.over_budget += 1,
                NoDraft::UnknownPrice => tally.unknown_price += 1,
                NoDraft::Taken => tally.taken += 1,
                NoDraft::Store(error) => self.note(format!("the store said {error:?}")),
            },
        }
    }

    /// Until the caller gives up: at any point of a call if they have little patience, else when the model hangs.
    async fn patience(&self, little: Option<u64>, request: Option<&String>) {
        if let Some(times) = little {
            return pause(times).await;
        }
        // Looked at whenever the call itself is: nothing else can make it hang.
        poll_fn(|_| {
            let hung = self.moody.hung.lock();
            let hung = hung.unwrap_or_else(PoisonError::into_inner);
            if request.is_some_and(|request| hung.contains(request)) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    fn note(&self, wrong: String) {
        let mut all = self
            .moody
            .wrong
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all.push(wrong);
    }

    /// After all drafters ended: sweeps, and holds the ledger against the model's bill, the accounts and sums
    /// against the ledger, and the drafts against their keys.
    ///
    /// # Errors
    /// Text: what is wrong.
    pub async fn check(&self) -> Result<Tally, String> {
        let workspace = Workspace::default();
        let now = self.store.now(self.clock.now()).await.map_err(told)?;
        let later = now.max(self.clock.now()) + Duration::days(1);
        let swept = self.engine.sweep_spending(&workspace, later, false).await;
        swept.map_err(told)?;
        let wrong = self.moody.wrong.lock();
        if let Some(wrong) = wrong.unwrap_or_else(PoisonError::into_inner).first() {
            return Err(wrong.clone());
        }
        let entries = self.entries().await?;
        self.against_bill(&entries)?;
        self.against_accounts(&entries).await?;
        self.against_sums(&entries).await?;
        let tally = *self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(tally)
    }

    async fn entries(&self) -> Result<Vec<LedgerEntry>, String> {
        let mut all = Vec::new();
        let mut page = PageRequest {
            limit: 1_000,
            ..PageRequest::default()
        };
        loop {
            let query = LedgerQuery {
                page,
                ..LedgerQuery::default()
            };
            let found = self.store.ledger(&Workspace::default(), query).await;
            let found = found.map_err(told)?;
            all.extend(found.items);
            page.after = found.next;
            if page.after.is_none() {
                return Ok(all);
            }
        }
    }

    /// Each entry says what the model charged for it, or what was reserved when nobody knows.
    fn against_bill(&self, entries: &[LedgerEntry]) -> Result<(), String> {
        let bill = self.moody.bill.lock();
        let bill = bill.unwrap_or_else(PoisonError::into_inner);
        let mut charged = 0;
        for entry in entries {
            let wanted = match entry.state {
                EntryState::Reserved => return Err(format!("{} is still open", entry.id)),
                EntryState::Released => Some(0),
                EntryState::Assumed => entry.reserved_picodollars,
                EntryState::Settled => {
                    charged += 1;
                    let id = entry.request_id.as_ref();
                    id.and_then(|id| bill.get(id)).copied()
                }
            };
            // A failure that the model billed with nothing is billed with the least there is.
            let least = entry.failure.is_some() && wanted == Some(0) && entry.cost_picodollars == 1;
            if wanted != Some(entry.cost_picodollars) && !least {
                return Err(format!("{} cost {wanted:?}: {entry:?}", entry.id));
            }
            if entry.held {
                return Err(format!("{} still holds its key", entry.id));
            }
        }
        let tally = *self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever gave up may have done so just before or after the entry was closed.
        let known = bill.len() as u64;
        if charged > known || charged + tally.dropped < known {
            return Err(format!("{charged} entries for {known} charges"));
        }
        // A draft that was not saved may be drafted again after its time; the clock went on for hours.
        let hours = self.clock.now() - super::fixtures::noon();
        let again = self.drafted.lock();
        let again = again.unwrap_or_else(PoisonError::into_inner);
        if hours < Duration::minutes(5) && again.values().any(|count| *count > 1) {
            return Err("a key was drafted twice".to_owned());
        }
        Ok(())
    }

    async fn against_accounts(&self, entries: &[LedgerEntry]) -> Result<(), String> {
        let days: BTreeSet<NaiveDate> = entries.iter().map(|entry| entry.day).collect();
        for day in days {
            over(&self.store, day).await?;
            for state in states(&self.store, day).await? {
                let budget = &state.budget;
                let counts = |entry: &&LedgerEntry| {
                    (budget.campaign_id.is_none() || budget.campaign_id == entry.campaign_id)
                        && (budget.period == Period::Total || entry.day == day)
                };
                let costs = entries.iter().filter(counts);
                let spent: u64 = costs.map(|entry| entry.cost_picodollars).sum();
                if (state.spent_picodollars, state.reserved_picodollars) != (spent, 0) {
                    return Err(format!("{spent} is the sum of the entries of {state:?}"));
                }
            }
        }
        Ok(())
    }

    async fn against_sums(&self, entries: &[LedgerEntry]) -> Result<(), String> {
        for group in UsageGroup::ALL {
            let mut wanted: BTreeMap<String, Amounts> = BTreeMap::new();
            for entry in entries {
                let sum = wanted.entry(group.of(&UsageKey::of(entry))).or_default();
                *sum = sum.plus(Amounts::of(entry), 1);
            }
            wanted.retain(|_, amounts| !amounts.is_zero());
            let query = UsageQuery {
                group,
                limit: 1_000,
                ..UsageQuery::default()
            };
            let found = self.store.usage(&Workspace::default(), query).await;
            let found = found.map_err(told)?;
            let found: BTreeMap<String, Amounts> = found
                .into_iter()
                .map(|line| (line.name, line.amounts))
                .collect();
            if found != wanted {
                return Err(format!("by {}: {found:?}, not {wanted:?}", group.as_str()));
            }
        }
        Ok(())
    }
}

/// How a call of [`one`] ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With a text, at this cost.
    Draft(u64),
    /// With a refusal, at this cost.
    Refused(u64),
    /// Nobody was reached.
    NotReached,
    /// The answer is lost.
    Lost,
    /// The caller gives up while the model thinks.
    GivesUp,
}

/// A model that answers once, as told.
#[derive(Debug)]
struct Told {
    worst: Option<u64>,
    ending: Ending,
    asked: std::sync::atomic::AtomicBool,
}

#[async_trait]
impl Llm for Told {
    async fn draft(&self, _request: &DraftRequest) -> Result<Draft, LlmError> {
        self.asked.store(true, Ordering::SeqCst);
        let away = |reason: &str| LlmFailure::Unavailable {
            reason: reason.to_owned(),
            retry_after_s: None,
        };
        match self.ending {
            Ending::Draft(cost_picodollars) => Ok(Draft {
                cost_picodollars,
                ..draft("Hello")
            }),
            Ending::Refused(cost_picodollars) => Err(LlmError {
                cost_picodollars,
                usage: draft("").usage,
                ..LlmFailure::Refused.into()
            }),
            Ending::NotReached => Err(away("connect").into()),
            Ending::Lost => Err(away("timeout").into()),
            Ending::GivesUp => std::future::pending().await,
        }
    }

    fn worst_cost(&self, _request: &DraftRequest) -> Result<u64, LlmError> {
        let reason = "unknown_price".to_owned();
        let failure = LlmFailure::Configuration { reason };
        self.worst.ok_or_else(|| failure.into())
    }
}

/// Asks for one draft, which can cost `worst` at most and ends so; what came of it, as text.
pub async fn one(
    engine: &Engine,
    actor: &Actor,
    campaign: Option<CampaignId>,
    key: Option<String>,
    worst: Option<u64>,
    ending: Ending,
) -> String {
    let told = Arc::new(Told {
        worst,
        ending,
        asked: false.into(),
    });
    let llm: Arc<dyn Llm> = Arc::clone(&told) as _;
    let request = DraftRequest {
        system: String::new(),
        user: "x".to_owned(),
        language: "en".to_owned(),
        subject: false,
        max_length: 100,
        max_tokens: 100,
        about: None,
    };
    let purpose = Purpose {
        actor,
        campaign,
        key,
    };
    let asked = pin!(engine.ask(&llm, &request, &purpose));
    let gives_up = poll_fn(|_| {
        let now = ending == Ending::GivesUp && told.asked.load(Ordering::SeqCst);
        if now { Poll::Ready(()) } else { Poll::Pending }
    });
    match select(asked, gives_up).await {
        Either::Left((answer, _)) => format!("{answer:?}"),
        Either::Right(((), _)) => "given up".to_owned(),
    }
}

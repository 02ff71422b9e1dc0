//! A provider that answers in every way a provider can, and keeps a ledger of what it took.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use crm_core::id::AttemptId;
use crm_core::message::{Approved, AttemptOutcome};
use crm_core::port::callback::{About, Doubt, Fate, LookUp, News, Receipt};
use crm_core::port::channel::{Channel, ChannelCapabilities, Outcome, Rate, RetryScope};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::sleep;

use crate::rng::Dice;
use crate::witness::Witness;

/// How long a worker waits for an answer.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(2);

/// What it remembers, whatever becomes of the callers.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// What it took, in order, by attempt.
    pub(crate) taken: Vec<Approved>,
    /// Requests under way that it may still take.
    under_way: BTreeMap<AttemptId, usize>,
    /// Answers that were given to somebody who was there to hear them.
    pub(crate) answered: Vec<(AttemptId, AttemptOutcome)>,
    /// Of these it said that they failed.
    failed: BTreeSet<AttemptId>,
}

impl Ledger {
    /// Whether it has this attempt, or may still get it.
    pub(crate) fn may_have(&self, attempt: AttemptId) -> bool {
        self.has(attempt) || self.under_way.contains_key(&attempt)
    }

    pub(crate) fn has(&self, attempt: AttemptId) -> bool {
        self.taken.iter().any(|it| it.attempt_id() == attempt)
    }

    pub(crate) fn said_failed(&self, attempt: AttemptId) -> bool {
        self.failed.contains(&attempt)
    }
}

struct Inner {
    dice: Dice,
    ledger: Arc<Mutex<Ledger>>,
    witness: Arc<Witness>,
    news: UnboundedSender<(Duration, News)>,
    capabilities: ChannelCapabilities,
    /// Takes and answers everything at once.
    calm: AtomicBool,
}

#[derive(Clone)]
pub(crate) struct Provider(Arc<Inner>);

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Provider")
    }
}

/// A request under way. Dropped with its caller or with its answer.
struct Request(Arc<Mutex<Ledger>>, AttemptId);

impl Request {
    fn new(ledger: &Arc<Mutex<Ledger>>, attempt: AttemptId) -> Self {
        let mut open = ledger.lock().unwrap();
        *open.under_way.entry(attempt).or_default() += 1;
        Self(ledger.clone(), attempt)
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        let mut open = self.0.lock().unwrap();
        if let Some(count) = open.under_way.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                open.under_way.remove(&self.1);
            }
        }
    }
}

/// Whether and how a request is taken.
enum Taking {
    No,
    Here,
    /// It is on the wire: whatever becomes of the caller, it arrives so much later.
    Later(Duration),
}

/// What the caller gets to see.
enum Seen {
    Answer(Outcome),
    Nothing,
    Panic,
}

impl Provider {
    pub(crate) fn new(
        dice: Dice,
        ledger: Arc<Mutex<Ledger>>,
        witness: Arc<Witness>,
        news: UnboundedSender<(Duration, News)>,
    ) -> Self {
        let rate = Rate {
            units: 2,
            per: Duration::from_secs(1),
        };
        let capabilities = ChannelCapabilities {
            look_up: dice.percent(60),
            receipts: true,
            concurrency: 1 + usize::try_from(dice.below(4)).unwrap(),
            rate: dice.percent(25).then_some(rate),
            timeout: TIMEOUT,
            ..ChannelCapabilities::default()
        };
        Self(Arc::new(Inner {
            dice,
            ledger,
            witness,
            news,
            capabilities,
            calm: AtomicBool::new(false),
        }))
    }

    pub(crate) fn calm(&self) {
        self.0.calm.store(true, Ordering::SeqCst);
    }

    fn is_calm(&self) -> bool {
        self.0.calm.load(Ordering::SeqCst)
    }

    fn plan(&self, attempt: AttemptId) -> (Taking, Duration, Seen) {
        let dice = &self.0.dice;
        let accepted = || Seen::Answer(accepted(attempt));
        let reason = |text: &str| text.to_owned();
        let half = |dice: &Dice| match dice.below(3) {
            0 => Taking::No,
            1 => Taking::Here,
            _ => Taking::Later(dice.millis(15_000)),
        };
        let soon = dice.millis(600);
        if self.is_calm() {
            return (Taking::Here, soon, accepted());
        }
        let wait = dice.millis(90_000);
        let no = |seen: Outcome| (Taking::No, soon, Seen::Answer(seen));
        match dice.below(100) {
            0..48 => (Taking::Here, soon, accepted()),
            48..54 => (Taking::Here, TIMEOUT * 4, accepted()),
            54..60 => no(Outcome::RetryAfter {
                scope: RetryScope::Message,
                at_least: wait,
                reason: reason("busy"),
            }),
            60..63 => no(Outcome::RetryAfter {
                scope: RetryScope::Channel,
                at_least: wait,
                reason: reason("busy"),
            }),
            63..65 => no(Outcome::RetryAfter {
                scope: RetryScope::Recipient,
                at_least: wait,
                reason: reason("busy"),
            }),
            65..70 => no(Outcome::Rejected {
                reason: reason("spam"),
            }),
            70..73 => no(Outcome::Dead {
                reason: reason("gone"),
            }),
            73..76 => no(Outcome::Stop {
                reason: reason("balance"),
            }),
            76..86 => {
                let seen = Outcome::Unknown {
                    reason: reason("reset"),
                };
                (half(dice), soon, Seen::Answer(seen))
            }
            86..92 => (half(dice), soon, Seen::Panic),
            _ => (half(dice), soon, Seen::Nothing),
        }
    }

    /// Takes it now, and says so afterwards: early or late, twice, in any order.
    fn take(&self, approved: &Approved) {
        self.0.witness.left(approved);
        self.0.ledger.lock().unwrap().taken.push(approved.clone());
        let dice = &self.0.dice;
        for _ in 0..dice.below(4) {
            let fate = match dice.below(10) {
                0..4 => Fate::Accepted,
                4..7 => Fate::Delivered,
                7..8 => Fate::Read,
                other => Fate::Failed {
                    reason: "bounced".to_owned(),
                    dead: other == 9,
                },
            };
            self.say(approved.attempt_id(), fate);
        }
        if dice.percent(3) {
            self.tell(News::OptOut {
                address: approved.recipient().to_owned(),
                reason: "reply".to_owned(),
            });
        }
        if dice.percent(2) {
            self.tell(News::OptIn {
                address: approved.recipient().to_owned(),
            });
        }
    }

    fn say(&self, attempt: AttemptId, fate: Fate) {
        let dice = &self.0.dice;
        let about = match dice.below(3) {
            0 => About::ProviderId(provider_id(attempt)),
            _ => About::Attempt(attempt),
        };
        if matches!(fate, Fate::Failed { .. }) {
            self.0.ledger.lock().unwrap().failed.insert(attempt);
        }
        let at = None;
        let news = News::Receipt(Receipt { about, fate, at });
        if dice.percent(30) {
            self.tell(news.clone());
        }
        self.tell(news);
    }

    fn tell(&self, news: News) {
        let delay = self.0.dice.millis(match self.0.dice.below(3) {
            0 => 0,
            1 => 2_000,
            _ => 60_000,
        });
        // Nobody listens when the life is over.
        let _ = self.0.news.send((delay, news));
    }
}

fn provider_id(attempt: AttemptId) -> String {
    format!("p-{attempt}")
}

fn accepted(attempt: AttemptId) -> Outcome {
    Outcome::Accepted {
        provider_id: provider_id(attempt),
    }
}

#[async_trait]
impl Channel for Provider {
    fn capabilities(&self) -> ChannelCapabilities {
        self.0.capabilities.clone()
    }

    async fn send(&self, approved: &Approved) -> Outcome {
        let attempt = approved.attempt_id();
        let (taking, after, seen) = self.plan(attempt);
        let request = Request::new(&self.0.ledger, attempt);
        sleep(self.0.dice.millis(300)).await;
        match taking {
            Taking::No => {
                if self.0.dice.percent(10) {
                    let reason = "never_came".to_owned();
                    self.say(
                        attempt,
                        Fate::Failed {
                            reason,
                            dead: false,
                        },
                    );
                }
            }
            Taking::Here => self.take(approved),
            Taking::Later(after) => {
                let on_the_wire = Request::new(&self.0.ledger, attempt);
                let (provider, approved) = (self.clone(), approved.clone());
                tokio::spawn(async move {
                    sleep(after).await;
                    provider.take(&approved);
                    drop(on_the_wire);
                });
            }
        }
        sleep(after).await;
        drop(request);
        match seen {
            Seen::Answer(outcome) => {
                let mut ledger = self.0.ledger.lock().unwrap();
                ledger.answered.push((attempt, outcome.kind()));
                self.0.witness.count(outcome.kind().as_str());
                outcome
            }
            Seen::Nothing => std::future::pending().await,
            // Without the hook that prints every panic.
            Seen::Panic => resume_unwind(Box::new("a provider's library panics")),
        }
    }

    async fn look_up(&self, doubt: &Doubt) -> LookUp {
        let dice = &self.0.dice;
        sleep(dice.millis(400)).await;
        if !self.is_calm() {
            match dice.below(10) {
                0 => resume_unwind(Box::new("a provider's library panics")),
                1 => return std::future::pending().await,
                2 => {
                    let reason = "busy".to_owned();
                    return LookUp::Unknown { reason };
                }
                _ => {}
            }
        }
        self.0.witness.count("looked up");
        let ledger = self.0.ledger.lock().unwrap();
        if ledger.has(doubt.attempt_id) {
            let provider_id = provider_id(doubt.attempt_id);
            LookUp::Taken { provider_id }
        } else if ledger.may_have(doubt.attempt_id) {
            let reason = "not_yet".to_owned();
            LookUp::Unknown { reason }
        } else {
            LookUp::NotTaken
        }
    }
}

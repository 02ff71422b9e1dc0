//! A worker whose store lies on a disk that fills up.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use crm_core::contact::ContactFields;
use crm_core::engine::{Engine, NewDraft, Session};
use crm_core::id::MessageId;
use crm_core::message::decide::Seen;
use crm_core::message::{Approved, Occasion, Status};
use crm_core::port::channel::{Channel, ChannelCapabilities, Outcome};
use crm_core::port::store::{MessageQuery, PageRequest, Store};
use crm_core::system::{RandomIds, SystemClock};
use crm_core::worker::{Worker, WorkerOptions};
use crm_core::{Actor, ErrorKind, Role, Workspace};
use tokio::sync::{Notify, watch};

use crate::crash::CrashingStore;
use crate::disk::Disk;

/// A small disk for a server, which cannot run in a namespace where everybody is root.
///
/// # Panics
/// This user may mount none, and none is named: the text says what is needed.
#[must_use]
pub fn disk(size: &str) -> Disk {
    Disk::mount(size).unwrap_or_else(|| {
        panic!(
            "this test fills a disk, and this user may mount none: run it as root (in a container with --cap-add \
             SYS_ADMIN), or make a file system of {size} and name a folder on it in CRM_SMALL_DISK"
        )
    })
}

/// Who is written to.
const PEOPLE: usize = 24;
/// Messages claimed at once.
const BATCH: u32 = 4;
/// Deliveries under way at once.
const PLACES: usize = 2;
/// Writes that have to fail before the worker is believed to stand still.
const REFUSALS: usize = 20;
/// No figure: what takes longer never comes.
const PATIENCE: Duration = Duration::from_secs(120);

/// What happened, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Wrote(String),
    Refused(String, ErrorKind),
    Sent(MessageId),
}

/// Notes what happens and wakes whoever waits for it.
#[derive(Debug, Default)]
struct Log {
    steps: Mutex<Vec<Step>>,
    more: Notify,
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, Vec<Step>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, step: Step) {
        self.lock().push(step);
        self.more.notify_waiters();
    }

    /// Waits until this is so of the steps from `place` on.
    async fn until(&self, place: usize, so: impl Fn(&[Step]) -> bool) {
        let wait = async {
            loop {
                let more = self.more.notified();
                tokio::pin!(more);
                more.as_mut().enable();
                if so(&self.lock()[place..]) {
                    return;
                }
                more.await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        assert!(waited.is_ok(), "it never came: {:#?}", self.lock());
    }
}

/// Takes everything, but waits until it is told that it may.
#[derive(Debug)]
struct Provider {
    log: Arc<Log>,
    open: watch::Receiver<bool>,
}

#[async_trait]
impl Channel for Provider {
    fn capabilities(&self) -> ChannelCapabilities {
        ChannelCapabilities {
            concurrency: PLACES,
            // Leases that are lost to the full disk end soon after it.
            timeout: Duration::from_secs(1),
            ..ChannelCapabilities::default()
        }
    }

    async fn send(&self, approved: &Approved) -> Outcome {
        self.log.add(Step::Sent(approved.message_id()));
        let mut open = self.open.clone();
        let _ = open.wait_for(|open| *open).await;
        Outcome::Accepted {
            provider_id: approved.attempt_id().to_string(),
        }
    }
}

fn ann(engine: &Engine) -> Session {
    engine.act_as(Actor::new(Workspace::default(), "ann", Role::Manager))
}

/// Writes and approves what the worker is to deliver.
///
/// # Panics
/// The store does not take it.
pub async fn prepare(store: Arc<dyn Store>) {
    let ids = Arc::new(RandomIds::default());
    let builder = Engine::builder(store, Arc::new(SystemClock), ids);
    let (_sender, open) = watch::channel(true);
    let log = Arc::default();
    let engine = builder
        .channel("email", Arc::new(Provider { log, open }))
        .build();
    let ann = ann(&engine);
    for number in 0..PEOPLE {
        let fields = ContactFields {
            name: "Дилноза".to_owned(),
            email: Some(format!("c{number}@example.org")),
            ..ContactFields::default()
        };
        let contact = ann.contacts().create(fields).await.unwrap();
        let draft = NewDraft {
            channel: Some("email".to_owned()),
            ..NewDraft::new(contact.id, Occasion::Custom, "Ждём вас в салоне")
        };
        let message = ann.messages().create(draft).await.unwrap();
        let seen = Seen::of(&message);
        ann.approvals().approve(message.id, seen).await.unwrap();
    }
}

/// A worker delivers what [`prepare`] wrote while the disk under its store is full, and after that.
///
/// # Panics
/// It does not stand still, does not go on afterwards, or a message is lost or leaves twice.
pub async fn fills_up_under_a_worker(store: Arc<dyn Store>, disk: &Disk) {
    let log = Arc::new(Log::default());
    let noted = log.clone();
    let store = CrashingStore {
        told: Box::new(move |what, failed| {
            let what = what.to_owned();
            noted.add(match failed {
                None => Step::Wrote(what),
                Some(kind) => Step::Refused(what, kind),
            });
        }),
        ..CrashingStore::over(store)
    };
    let (opens, open) = watch::channel(false);
    let provider = Provider {
        log: log.clone(),
        open,
    };
    let ids = Arc::new(RandomIds::default());
    let engine = Engine::builder(Arc::new(store), Arc::new(SystemClock), ids)
        .channel("email", Arc::new(provider))
        .build();
    let options = WorkerOptions {
        batch: BATCH,
        lease: chrono::Duration::zero(),
        margin: chrono::Duration::seconds(1),
        poll: Duration::from_millis(20),
        ..WorkerOptions::default()
    };
    let worker = Worker::new(engine.clone(), options);
    let (stops, stop) = watch::channel(false);
    let running = tokio::spawn(async move { worker.run(stop).await });

    // All places are taken, and nothing is written until the provider answers.
    let sent = |steps: &[Step]| steps.iter().filter(|s| matches!(s, Step::Sent(_))).count();
    log.until(0, |steps| sent(steps) == PLACES).await;
    let filling = disk.fill();
    let full = log.lock().len();
    opens.send(true).unwrap();
    let refused = |s: &Step| matches!(s, Step::Refused(_, ErrorKind::Unavailable));
    let refusals = |steps: &[Step]| steps.iter().filter(|step| refused(step)).count();
    log.until(full, |steps| refusals(steps) >= REFUSALS).await;
    let ann = ann(&engine);
    let contact = ContactFields {
        name: "Камила".to_owned(),
        ..ContactFields::default()
    };
    // One small write may find room on a page that a refused one made.
    let mut fitting = 0;
    let told = loop {
        match ann.contacts().create(contact.clone()).await {
            Err(told) => break told,
            Ok(_) => fitting += 1,
        }
        assert!(fitting < 100, "the disk is not full");
    };
    assert_eq!(told.kind(), ErrorKind::Unavailable, "{told}");
    assert!(told.detail().contains("disk"), "{told}");
    {
        let steps = log.lock();
        let claims = steps[full..]
            .iter()
            .filter(|step| **step == Step::Wrote("claim".to_owned()));
        assert!(claims.count() <= 1, "it goes on claiming: {steps:#?}");
        assert!(sent(&steps[full..]) <= PLACES, "it goes on: {steps:#?}");
    }

    let free = log.lock().len();
    let start = Instant::now();
    std::fs::remove_file(filling).unwrap();
    let claim = Step::Wrote("claim".to_owned());
    log.until(free, |steps| steps.contains(&claim)).await;
    println!("claims again {:?} after there was room", start.elapsed());
    log.until(0, |steps| sent(steps) >= PEOPLE).await;
    println!("all left {:?} after there was room", start.elapsed());
    let last = Step::Wrote("record".to_owned());
    let recorded = log
        .lock()
        .iter()
        .rposition(|step| matches!(step, Step::Sent(_)));
    log.until(recorded.unwrap(), |steps| steps.contains(&last))
        .await;
    stops.send(true).unwrap();
    running.await.unwrap().unwrap();

    let steps = log.lock().clone();
    let mut left = BTreeSet::new();
    for step in &steps {
        if let Step::Sent(id) = step {
            assert!(left.insert(*id), "left twice: {id}");
        }
    }
    let query = MessageQuery {
        page: PageRequest {
            limit: 1_000,
            ..PageRequest::default()
        },
        ..MessageQuery::default()
    };
    let messages = ann.messages().list(query).await.unwrap().items;
    assert_eq!(messages.len(), PEOPLE);
    for message in messages {
        assert!(left.contains(&message.id), "lost: {}", message.id);
        // What had left when the disk was full was recorded afterwards, or is listed as a doubt.
        let fine = matches!(message.status, Status::Sent | Status::Uncertain);
        assert!(fine, "{} is {}", message.id, message.status.as_str());
    }
    ann.contacts().create(contact).await.unwrap();
    assert_eq!(ann.analytics().recount().await.unwrap(), []);
    assert!(ann.audit().verify(None).await.unwrap().valid);
}

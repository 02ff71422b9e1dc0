//! The store in memory keeps the contract of stores, and the fakes keep theirs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use crm_core::hold::{Hold, HoldReason};
use crm_core::memory::MemoryStore;
use crm_core::port::channel::{Channel, ChannelCapabilities, Outcome};
use crm_core::port::clock::Clock;
use crm_core::port::ids::Ids;
use crm_core::port::llm::{Llm, LlmFailure};
use crm_core::port::store::Store;
use crm_core::testing::channel_suite::{ChannelHarness, Delivered, Trouble};
use crm_core::testing::llm_suite::{Behaviour, LlmHarness};
use crm_core::testing::store_suite::HoldHarness;
use crm_core::testing::{
    FakeClock, RecordingChannel, ScriptedLlm, SequentialIds, channel_suite, llm_suite, store_suite,
};

#[tokio::test]
async fn memory_store_conforms() {
    assert!(store_suite::cases().len() >= 45);
    let report =
        store_suite::run_all(|| async { Arc::new(MemoryStore::default()) as Arc<dyn Store> }).await;
    assert!(report.is_ok(), "{report}");
    assert_eq!(report.skipped(), [""; 0]);
}

struct Recorded(Arc<RecordingChannel>);

#[async_trait]
impl ChannelHarness for Recorded {
    fn channel(&self) -> Arc<dyn Channel> {
        self.0.clone()
    }

    async fn delivered(&self) -> Vec<Delivered> {
        let all = self.0.delivered().into_iter();
        all.map(|approved| Delivered {
            recipient: approved.recipient().to_owned(),
            subject: approved.subject().map(str::to_owned),
            content: approved.content().to_owned(),
        })
        .collect()
    }

    async fn trouble(&self, trouble: Trouble) -> bool {
        let reason = "acted_out".to_owned();
        self.0.push(match trouble {
            Trouble::NoSuchAddress => Outcome::Dead { reason },
            Trouble::BadCredentials => Outcome::Stop { reason },
            Trouble::SilentAfterBody => Outcome::Unknown { reason },
            Trouble::Unreachable | Trouble::Busy => return false,
        });
        true
    }
}

#[tokio::test]
async fn recording_channel_conforms() {
    for idempotent in [false, true] {
        let report = channel_suite::run_all(|| async {
            Arc::new(Recorded(Arc::new(RecordingChannel::new(
                ChannelCapabilities {
                    idempotent,
                    ..ChannelCapabilities::default()
                },
            )))) as Arc<dyn ChannelHarness>
        })
        .await;
        assert!(report.is_ok(), "{report}");
    }
}

/// Finds itself elsewhere whenever it is told to.
#[derive(Default)]
struct Forgetful {
    store: Arc<MemoryStore>,
    times: AtomicU32,
}

#[async_trait]
impl HoldHarness for Forgetful {
    fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    async fn lose_place(&self) {
        let times = self.times.fetch_add(1, Ordering::Relaxed);
        self.store.put_on_hold(Hold {
            reason: HoldReason::Restored,
            noted: "here".to_owned(),
            found: format!("elsewhere {times}"),
        });
    }
}

#[tokio::test]
async fn memory_store_keeps_the_hold() {
    let report =
        store_suite::run_holds(|| async { Arc::new(Forgetful::default()) as Arc<dyn HoldHarness> })
            .await;
    assert!(report.is_ok(), "{report}");
}

#[derive(Default)]
struct Scripted(Arc<ScriptedLlm>);

#[async_trait]
impl LlmHarness for Scripted {
    fn llm(&self) -> Arc<dyn Llm> {
        self.0.clone()
    }

    async fn behave(&self, behaviour: Behaviour) -> bool {
        let reason = "acted_out".to_owned();
        let failure = match behaviour {
            Behaviour::Answer(text) => {
                (0..8).for_each(|_| drop(self.0.push_text(&text).requests()));
                return true;
            }
            Behaviour::Refuse => LlmFailure::Refused,
            Behaviour::CutOff => LlmFailure::Truncated,
            Behaviour::Malformed | Behaviour::Empty => LlmFailure::BadOutput { reason },
            Behaviour::Overloaded | Behaviour::Unreachable => LlmFailure::Unavailable {
                reason,
                retry_after_s: Some(1),
            },
            Behaviour::BadKey => LlmFailure::Configuration { reason },
        };
        self.0.push_failure(failure);
        true
    }

    async fn requests(&self) -> Option<usize> {
        Some(self.0.requests().len())
    }
}

#[tokio::test]
async fn scripted_llm_conforms() {
    let report =
        llm_suite::run_all(|| async { Arc::new(Scripted::default()) as Arc<dyn LlmHarness> }).await;
    assert!(report.is_ok(), "{report}");
}

#[test]
fn a_suite_tells_a_bad_adapter() {
    let report = crm_core::testing::Report::default();
    assert!(!report.is_ok(), "nothing checked is not well");
}

#[test]
fn sequential_ids_grow_and_repeat() {
    let (one, two) = (SequentialIds::default(), SequentialIds::default());
    let ids: Vec<_> = (0..100).map(|_| one.next()).collect();
    assert!(ids.is_sorted());
    assert!(ids.iter().all(|id| id.get_version_num() == 7));
    assert_eq!(ids, (0..100).map(|_| two.next()).collect::<Vec<_>>());
    assert_eq!(one.salt(), two.salt());
    assert_ne!(one.salt(), two.next().into_bytes());
}

#[test]
fn random_ids_grow() {
    let ids = crm_core::system::RandomIds::default();
    let list: Vec<_> = (0..10_000).map(|_| ids.next()).collect();
    assert!(list.is_sorted_by(|a, b| a < b));
    assert!(list.iter().all(|id| id.get_version_num() == 7));
    assert_ne!(ids.salt(), ids.salt());
}

#[test]
fn fake_clock_moves_when_told() {
    let clock = FakeClock::default();
    let start = clock.now();
    assert_eq!(clock.now(), start);
    assert_eq!(
        clock.advance(chrono::Duration::minutes(1)),
        start + chrono::Duration::minutes(1)
    );
    clock.set(start);
    assert_eq!(clock.now(), start);
}

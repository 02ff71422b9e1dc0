//! The batches in memory keep the contract of the batch port.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use crm_core::port::clock::Clock as _;
use crm_core::port::llm_batch::{LlmBatch, RequestId};
use crm_core::testing::llm_batch_suite::{self, BatchHarness, RequestEnd, Submission};
use crm_core::testing::{FakeClock, MemoryBatches};

struct Memory {
    clock: Arc<FakeClock>,
    batches: Arc<MemoryBatches>,
}

#[async_trait]
impl BatchHarness for Memory {
    fn batches(&self) -> Arc<dyn LlmBatch> {
        self.batches.clone()
    }

    async fn next_submission(&self, how: Submission) {
        self.batches.next_submission(how);
    }

    async fn end(&self, ends: &[(RequestId, RequestEnd)]) {
        self.batches.end(ends);
    }

    async fn count(&self) -> usize {
        self.batches.count()
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn wait_until(&self, moment: DateTime<Utc>) {
        self.clock.set(moment);
    }
}

#[tokio::test]
async fn memory_batches_conform() {
    let make = || async {
        let clock = Arc::new(FakeClock::default());
        let batches = Arc::new(MemoryBatches::new(clock.clone()));
        Arc::new(Memory { clock, batches }) as Arc<dyn BatchHarness>
    };
    let report = llm_batch_suite::run_all(make).await;
    assert!(report.is_ok(), "{report}");
    assert_eq!(report.skipped(), [""; 0]);
}

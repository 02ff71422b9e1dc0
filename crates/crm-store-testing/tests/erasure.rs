//! The life of an erased person on the store in memory.

use std::sync::Arc;

use crm_core::memory::MemoryStore;
use crm_store_testing::erasure::Life;

#[tokio::test]
async fn an_erased_person_is_not_written_to_again() {
    let life = Life::begin(Arc::new(MemoryStore::default())).await;
    life.erase().await;
    life.is_whole().await;
    life.comes_back().await;
    life.is_whole().await;
}

//! A process that works on a database whose disk fails.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crm_core::Result;
use crm_store_sqlite::{SqliteOptions, SqliteStore};
use crm_store_testing::storage::sequence::{self, Persistence, Steps};

/// Tells the re-executed test that its disk fails: the folder.
pub(crate) const FOLDER: &str = "CRM_STORAGE_FAULT_FOLDER";
/// How often a step is tried.
const TRIES: usize = 3;

pub(crate) fn database(folder: &Path) -> PathBuf {
    folder.join("crm.db")
}

/// Opens the database below `folder`.
pub(crate) fn open(folder: &Path) -> Result<Arc<SqliteStore>> {
    let opened = SqliteStore::open(database(folder), SqliteOptions::default());
    opened.map(Arc::new)
}

async fn work(folder: &Path) -> Result<()> {
    let opened = open(folder);
    let failed = opened.as_ref().err().map(crm_core::Error::kind);
    Steps::of(folder).ended("open", failed);
    // A worker waits for its store for ever.
    let persistence = Persistence::new(TRIES, Duration::ZERO, || std::process::exit(0));
    sequence::work(opened?, folder, Arc::new(persistence), None).await;
    Ok(())
}

/// Does all of it, if this process was started to. Whether it was.
pub(crate) fn run_if_child() -> bool {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return false;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // What failed is among the steps.
    let _ = runtime.block_on(work(Path::new(&folder)));
    true
}

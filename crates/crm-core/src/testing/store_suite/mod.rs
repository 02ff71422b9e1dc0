//! Conformance of stores: the contract of [`Store`] as named cases.

mod audiences;
mod changes;
mod claims;
mod history;
mod kit;
mod lists;
mod sets;
mod texts;
mod views;

use std::future::Future;
use std::sync::Arc;

use super::report::{Report, Running};
use crate::port::store::Store;

/// A named case. It needs a store that holds nothing.
#[derive(Clone, Copy)]
pub struct Case {
    /// Its name.
    pub name: &'static str,
    run: fn(Arc<dyn Store>) -> Running,
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Case {
    /// Runs it.
    ///
    /// # Errors
    /// One sentence that says what was wrong.
    pub async fn run(&self, store: Arc<dyn Store>) -> Result<(), String> {
        (self.run)(store).await
    }
}

/// All cases.
#[must_use]
pub fn cases() -> Vec<Case> {
    let mut all = changes::cases();
    all.extend(sets::cases());
    all.extend(texts::cases());
    all.extend(lists::cases());
    all.extend(audiences::cases());
    all.extend(claims::cases());
    all.extend(history::cases());
    all.extend(views::cases());
    all
}

/// Runs all cases, each with a new store.
pub async fn run_all<F, Fut>(make: F) -> Report
where
    F: Fn() -> Fut,
    Fut: Future<Output = Arc<dyn Store>>,
{
    let mut report = Report::default();
    for case in cases() {
        let verdict = case.run(make().await).await;
        report.add(case.name, verdict);
    }
    report
}

//! Conformance of stores: the contract of [`Store`] as named cases.

mod audience_messages;
mod audience_samples;
mod audiences;
mod audiences_saved;
mod changes;
mod claims;
mod draft_batches;
mod erasure;
mod fields;
mod filters;
mod history;
mod holds;
mod imports;
mod inbound;
mod intake;
mod kit;
mod lists;
mod merges;
mod message_lists;
mod receipts;
mod search;
mod sets;
mod spend;
mod subscriptions;
mod texts;
mod upserts;
mod usage;
mod views;
mod voices;

use std::future::Future;
use std::sync::Arc;

use super::report::Report;
use super::suite;

/// A case over a store that holds nothing.
pub type Case = suite::Case<Arc<dyn Store>>;
use crate::port::store::Store;

pub use holds::{HoldHarness, hold_cases, run_holds};

/// All cases.
#[must_use]
pub fn cases() -> Vec<Case> {
    let mut all = changes::cases();
    all.extend(sets::cases());
    all.extend(texts::cases());
    all.extend(lists::cases());
    all.extend(search::cases());
    all.extend(message_lists::cases());
    all.extend(filters::cases());
    all.extend(audiences::cases());
    all.extend(audience_messages::cases());
    all.extend(claims::cases());
    all.extend(history::cases());
    all.extend(views::cases());
    all.extend(intake::cases());
    all.extend(receipts::cases());
    all.extend(imports::cases());
    all.extend(upserts::cases());
    all.extend(merges::cases());
    all.extend(inbound::cases());
    all.extend(subscriptions::cases());
    all.extend(draft_batches::cases());
    all.extend(voices::cases());
    all.extend(erasure::cases());
    all.extend(fields::cases());
    all.extend(audiences_saved::cases());
    all.extend(spend::cases());
    all.extend(usage::cases());
    all
}

/// Runs all cases, each with a new store.
pub async fn run_all<F, Fut>(make: F) -> Report
where
    F: Fn() -> Fut,
    Fut: Future<Output = Arc<dyn Store>>,
{
    suite::run_all(cases(), make).await
}

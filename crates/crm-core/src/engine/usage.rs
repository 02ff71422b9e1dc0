//! Usage: what was spent on drafts, by model, campaign, actor and day, and call by call.

use std::collections::BTreeMap;

use super::Session;
use crate::actor::Action;
use crate::budget::{Amounts, LedgerEntry, UsageGroup, UsageKey, UsageLine};
use crate::error::{Error, Result};
use crate::port::store::{LedgerQuery, Page, PageRequest, UsageQuery};

/// Use cases of usage.
#[derive(Debug, Clone, Copy)]
pub struct Usage<'a>(pub(super) &'a Session);

impl Usage<'_> {
    /// Sums up what was spent, from rows that are kept with each call: constant time, whatever the number of
    /// calls.
    ///
    /// # Errors
    /// `Invalid` when the first day is behind the last one.
    pub async fn sums(&self, query: UsageQuery) -> Result<Vec<UsageLine>> {
        self.0.require(Action::Read)?;
        if query.from.zip(query.to).is_some_and(|(from, to)| from > to) {
            return Err(Error::field("from", "use a day that is not behind `to`"));
        }
        self.0.store().usage(self.0.workspace(), query).await
    }

    /// Lists calls, newest first.
    ///
    /// # Errors
    /// As [`sums`](Self::sums).
    pub async fn entries(&self, query: LedgerQuery) -> Result<Page<LedgerEntry>> {
        self.0.require(Action::Read)?;
        if query.from.zip(query.to).is_some_and(|(from, to)| from > to) {
            return Err(Error::field("from", "use a day that is not behind `to`"));
        }
        self.0.store().ledger(self.0.workspace(), query).await
    }

    /// The same for a file of all of them.
    ///
    /// # Errors
    /// `Forbidden` without the right to export; as [`entries`](Self::entries).
    pub async fn export(&self, query: LedgerQuery) -> Result<Page<LedgerEntry>> {
        self.0.require(Action::Export)?;
        self.entries(query).await
    }

    /// Adds up all entries and returns the sums that differ from them: what is summed up, the kept sum, and the
    /// entries' own. Empty means that they agree. Reads everything; meant for checks, not for screens.
    ///
    /// # Errors
    /// As the store.
    pub async fn recount(&self) -> Result<Vec<(String, Amounts, Amounts)>> {
        self.0.require(Action::Read)?;
        let mut entries: BTreeMap<String, Amounts> = BTreeMap::new();
        let name = |group: UsageGroup, name: &str| format!("{}.{name}", group.as_str());
        let mut page = PageRequest {
            limit: 1_000,
            ..PageRequest::default()
        };
        loop {
            let query = LedgerQuery {
                page,
                ..LedgerQuery::default()
            };
            let found = self.0.store().ledger(self.0.workspace(), query).await?;
            for entry in &found.items {
                for group in UsageGroup::ALL {
                    let key = group.of(&UsageKey::of(entry));
                    let sum = entries.entry(name(group, &key)).or_default();
                    *sum = sum.plus(Amounts::of(entry), 1);
                }
            }
            page.after = found.next;
            if page.after.is_none() {
                break;
            }
        }
        let mut kept: BTreeMap<String, Amounts> = BTreeMap::new();
        for group in UsageGroup::ALL {
            let mut after = None;
            loop {
                let query = UsageQuery {
                    group,
                    after: after.take(),
                    limit: 1_000,
                    ..UsageQuery::default()
                };
                let found = self.0.store().usage(self.0.workspace(), query).await?;
                after = found.last().map(|line| line.name.clone());
                for line in found {
                    kept.insert(name(group, &line.name), line.amounts);
                }
                if after.is_none() {
                    break;
                }
            }
        }
        let names: std::collections::BTreeSet<&String> =
            kept.keys().chain(entries.keys()).collect();
        let get = |map: &BTreeMap<String, Amounts>, name: &String| {
            map.get(name).copied().unwrap_or_default()
        };
        Ok(names
            .into_iter()
            .map(|name| (name.clone(), get(&kept, name), get(&entries, name)))
            .filter(|(_, kept, entries)| kept != entries)
            .collect())
    }
}

//! Figures, from counters: constant time, whatever the number of messages.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Duration, NaiveDate, NaiveDateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::Session;
use crate::actor::Action;
use crate::campaign::{Campaign, CampaignStatus};
use crate::counter;
use crate::error::{Error, Result};
use crate::message::{Occasion, Status};
use crate::port::store::{CampaignQuery, ContactQuery, MessageQuery, PageRequest};
use crate::zone;

/// Counters of messages by the quarter of an hour they were created in.
const CREATED: &str = "message.created.";

/// Use cases of figures.
#[derive(Debug, Clone, Copy)]
pub struct Analytics<'a>(pub(super) &'a Session);

/// The first look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dashboard {
    /// Contacts that are not erased.
    pub total_contacts: i64,
    /// Messages that are not deleted.
    pub total_messages: i64,
    /// Waiting for a decision.
    pub pending_approval: i64,
    /// Approved and not yet on their way.
    pub approved: i64,
    /// Sent, delivered ones included.
    pub sent: i64,
    /// Running campaigns.
    pub active_campaigns: i64,
    /// Created since the first of the month, in the workspace's zone.
    pub messages_this_month: i64,
    /// When this was read.
    pub generated_at: DateTime<Utc>,
}

/// What drafting cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AiUsage {
    /// Messages a model wrote.
    pub ai_generated: i64,
    /// All others.
    pub manual: i64,
    /// Tokens of all drafts.
    pub total_tokens_used: i64,
    /// Price of all drafts in 10^-12 US dollars.
    pub total_cost_picodollars: i64,
}

/// How a campaign goes.
#[derive(Debug, Clone, PartialEq)]
pub struct CampaignPerformance {
    /// The campaign.
    pub campaign: Campaign,
    /// Its figures.
    pub stats: super::CampaignStats,
}

impl Analytics<'_> {
    async fn counters(&self, prefixes: &[&str]) -> Result<BTreeMap<String, i64>> {
        self.0.require(Action::Read)?;
        self.0.store().counters(self.0.workspace(), prefixes).await
    }

    /// The first look.
    ///
    /// # Errors
    /// As the store.
    pub async fn dashboard(&self) -> Result<Dashboard> {
        let zone = self.0.engine.policy().time_zone;
        let now = self.0.engine.now();
        let today = zone::date(now, zone);
        let first = today.with_day(1).unwrap_or(today);
        let mut prefixes = self.months_since(first, zone);
        let totals = [
            "contact.total",
            "message.total",
            "message.status.",
            "campaign.status.",
        ];
        prefixes.extend(totals.map(str::to_owned));
        let prefixes: Vec<&str> = prefixes.iter().map(String::as_str).collect();
        let counters = self.counters(&prefixes).await?;
        let month = created(&counters, first, zone);
        let get = |name: &str| counters.get(name).copied().unwrap_or(0);
        let of = |wanted: Status| get(&format!("message.status.{}", wanted.as_str()));
        Ok(Dashboard {
            total_contacts: get("contact.total"),
            total_messages: get("message.total"),
            pending_approval: of(Status::PendingApproval),
            approved: of(Status::Approved) + of(Status::Claimed) + of(Status::Sending),
            sent: of(Status::Sent) + of(Status::Delivered),
            active_campaigns: get(&format!(
                "campaign.status.{}",
                CampaignStatus::Active.as_str()
            )),
            messages_this_month: month.values().sum(),
            generated_at: now,
        })
    }

    /// Messages by status; every status is named.
    ///
    /// # Errors
    /// As the store.
    pub async fn messages_by_status(&self) -> Result<Vec<(Status, i64)>> {
        let counters = self.counters(&["message.status."]).await?;
        let get = |status: Status| {
            counters
                .get(&format!("message.status.{}", status.as_str()))
                .copied()
                .unwrap_or(0)
        };
        Ok(Status::ALL
            .into_iter()
            .map(|status| (status, get(status)))
            .collect())
    }

    /// Messages by occasion; every occasion is named.
    ///
    /// # Errors
    /// As the store.
    pub async fn messages_by_occasion(&self) -> Result<Vec<(Occasion, i64)>> {
        let counters = self.counters(&["message.occasion."]).await?;
        let get = |occasion: Occasion| {
            counters
                .get(&format!("message.occasion.{}", occasion.as_str()))
                .copied()
                .unwrap_or(0)
        };
        Ok(Occasion::ALL
            .into_iter()
            .map(|occasion| (occasion, get(occasion)))
            .collect())
    }

    /// Contacts by segment, most first.
    ///
    /// # Errors
    /// As the store.
    pub async fn contacts_by_segment(&self) -> Result<Vec<(String, i64)>> {
        let prefix = "contact.segment.";
        let mut list: Vec<(String, i64)> = self
            .counters(&[prefix])
            .await?
            .into_iter()
            .filter_map(|(name, count)| Some((name.strip_prefix(prefix)?.to_owned(), count)))
            .collect();
        list.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        Ok(list)
    }

    /// What drafting cost, over all messages.
    ///
    /// # Errors
    /// As the store.
    pub async fn ai_usage(&self) -> Result<AiUsage> {
        let counters = self.counters(&["message.generated_by.", "ai."]).await?;
        let get = |name: &str| counters.get(name).copied().unwrap_or(0);
        Ok(AiUsage {
            ai_generated: get("message.generated_by.AI"),
            manual: get("message.generated_by.manual"),
            total_tokens_used: get("ai.tokens"),
            total_cost_picodollars: get("ai.cost"),
        })
    }

    /// All campaigns with their figures, newest first.
    ///
    /// # Errors
    /// As the store.
    pub async fn campaign_performance(
        &self,
        page: PageRequest,
    ) -> Result<Vec<CampaignPerformance>> {
        self.0.require(Action::Read)?;
        let query = CampaignQuery {
            page,
            ..CampaignQuery::default()
        };
        let page = self.0.store().campaigns(self.0.workspace(), query).await?;
        let prefixes: Vec<String> = page
            .items
            .iter()
            .map(|campaign| format!("campaign.{}.", campaign.id))
            .collect();
        let prefixes: Vec<&str> = prefixes.iter().map(String::as_str).collect();
        let counters = self.counters(&prefixes).await?;
        let stats = |campaign: &Campaign| super::campaigns::stats(&counters, campaign.id);
        Ok(page
            .items
            .into_iter()
            .map(|campaign| CampaignPerformance {
                stats: stats(&campaign),
                campaign,
            })
            .collect())
    }

    /// Messages created on each of the last `days` days (1 to 366) in `zone` (or the workspace's).
    ///
    /// # Errors
    /// `Invalid` for another number of days.
    pub async fn messages_timeline(
        &self,
        days: u32,
        zone: Option<Tz>,
    ) -> Result<Vec<(NaiveDate, i64)>> {
        if !(1..=366).contains(&days) {
            return Err(Error::field("days", "use 1 to 366"));
        }
        let zone = zone.unwrap_or(self.0.engine.policy().time_zone);
        let today = zone::date(self.0.engine.now(), zone);
        let first = today - Duration::days(i64::from(days) - 1);
        let counts = self.created_since(first, zone).await?;
        Ok(first
            .iter_days()
            .take(days as usize)
            .map(|date| (date, counts.get(&date).copied().unwrap_or(0)))
            .collect())
    }

    async fn created_since(&self, first: NaiveDate, zone: Tz) -> Result<BTreeMap<NaiveDate, i64>> {
        let prefixes = self.months_since(first, zone);
        let prefixes: Vec<&str> = prefixes.iter().map(String::as_str).collect();
        Ok(created(&self.counters(&prefixes).await?, first, zone))
    }

    /// One prefix per month keeps the read as small as the span asked for.
    fn months_since(&self, first: NaiveDate, zone: Tz) -> Vec<String> {
        let mut months = Vec::new();
        let mut month = first - Duration::days(1);
        let last = zone::date(self.0.engine.now(), zone) + Duration::days(1);
        while (month.year(), month.month()) <= (last.year(), last.month()) {
            months.push(format!("{CREATED}{}", month.format("%Y-%m-")));
            month = month
                .with_day(1)
                .and_then(|first| first.checked_add_months(chrono::Months::new(1)))
                .unwrap_or(last + Duration::days(40));
        }
        months
    }

    /// Adds up all rows and returns the counters that differ from them: name, counter, rows. Empty
    /// means that they agree. Reads everything; meant for checks, not for screens.
    ///
    /// # Errors
    /// As the store.
    pub async fn recount(&self) -> Result<Vec<(String, i64, i64)>> {
        self.0.require(Action::Read)?;
        let (store, workspace) = (self.0.store(), self.0.workspace());
        let mut rows = BTreeMap::new();
        let mut page = PageRequest {
            limit: 1_000,
            ..PageRequest::default()
        };
        loop {
            let query = MessageQuery {
                page,
                ..MessageQuery::default()
            };
            let found = store.messages(workspace, query).await?;
            for message in &found.items {
                counter::add(&mut rows, &counter::of_message(message), 1);
            }
            page.after = found.next;
            if page.after.is_none() {
                break;
            }
        }
        loop {
            let query = ContactQuery {
                page,
                ..ContactQuery::default()
            };
            let found = store.contacts(workspace, query).await?;
            for contact in &found.items {
                counter::add(&mut rows, &counter::of_contact(contact), 1);
            }
            page.after = found.next;
            if page.after.is_none() {
                break;
            }
        }
        loop {
            let query = CampaignQuery {
                page,
                ..CampaignQuery::default()
            };
            let found = store.campaigns(workspace, query).await?;
            for campaign in &found.items {
                counter::add(&mut rows, &counter::of_campaign(campaign), 1);
            }
            page.after = found.next;
            if page.after.is_none() {
                break;
            }
        }
        let mut counters = store.counters(workspace, &[""]).await?;
        // Deleted messages are in no list but their drafts were paid for.
        for name in ["ai.cost", "ai.tokens"] {
            rows.remove(name);
            counters.remove(name);
        }
        let names: std::collections::BTreeSet<&String> =
            rows.keys().chain(counters.keys()).collect();
        let get = |map: &BTreeMap<String, i64>, name: &String| map.get(name).copied().unwrap_or(0);
        Ok(names
            .into_iter()
            .map(|name| (name.clone(), get(&counters, name), get(&rows, name)))
            .filter(|(_, counter, row)| counter != row)
            .collect())
    }
}

/// Messages created on each day of `zone`, from `first` on.
fn created(
    counters: &BTreeMap<String, i64>,
    first: NaiveDate,
    zone: Tz,
) -> BTreeMap<NaiveDate, i64> {
    let mut days = BTreeMap::new();
    for (name, count) in counters {
        let Some(quarter) = name.strip_prefix(CREATED) else {
            continue;
        };
        let Ok(at) = NaiveDateTime::parse_from_str(&format!("{quarter}:00"), "%Y-%m-%dT%H:%M:%S")
        else {
            continue;
        };
        let date = zone::date(at.and_utc(), zone);
        if date >= first {
            *days.entry(date).or_insert(0) += count;
        }
    }
    days
}

//! Counters: what dashboards show without counting rows.
//!
//! Each row contributes a fixed set of amounts. A change set carries the difference between the row's
//! contribution before and after, so counters move in the transaction that moves the row, and adding up
//! the contributions of all rows (`recount`) must give the same figures.

use std::collections::BTreeMap;

use chrono::{DateTime, Timelike, Utc};

use crate::campaign::Campaign;
use crate::contact::Contact;
use crate::message::{GeneratedBy, Message, Status};

/// A row's contribution: counter name and amount.
pub type Contribution = Vec<(String, i64)>;

/// What a contact adds.
#[must_use]
pub fn of_contact(contact: &Contact) -> Contribution {
    if contact.erased {
        return Vec::new();
    }
    vec![
        ("contact.total".to_owned(), 1),
        (format!("contact.segment.{}", contact.segment), 1),
    ]
}

/// What a message adds. A deleted message counts for nothing but what its draft cost.
#[must_use]
pub fn of_message(message: &Message) -> Contribution {
    let mut list = Vec::with_capacity(10);
    let meta = &message.metadata;
    if meta.cost_picodollars > 0 {
        list.push((
            "ai.cost".to_owned(),
            i64::try_from(meta.cost_picodollars).unwrap_or(i64::MAX),
        ));
    }
    let tokens = meta.input_tokens.saturating_add(meta.output_tokens);
    if tokens > 0 {
        list.push((
            "ai.tokens".to_owned(),
            i64::try_from(tokens).unwrap_or(i64::MAX),
        ));
    }
    if message.deleted {
        return list;
    }
    list.push(("message.total".to_owned(), 1));
    list.push((format!("message.occasion.{}", message.occasion.as_str()), 1));
    list.push((
        format!("message.generated_by.{}", message.generated_by.as_str()),
        1,
    ));
    list.push((
        format!("message.created.{}", quarter(message.created_at)),
        1,
    ));
    if message.generated_by == GeneratedBy::Manual
        && let Some(template) = meta.template_id
    {
        list.push((format!("template.{template}.used"), 1));
    }
    if let Some(campaign) = message.campaign_id {
        list.push((format!("campaign.{campaign}.generated"), 1));
        if let Some(variant) = &meta.variant {
            list.push((format!("campaign.{campaign}.generated.{variant}"), 1));
        }
    }
    list.extend(of_status(message));
    list
}

/// The part of [`of_message`] that depends on the status.
pub(crate) fn of_status(message: &Message) -> Contribution {
    if message.deleted {
        return Vec::new();
    }
    let status = format!("message.status.{}", message.status.as_str());
    let mut list = vec![(status, 1)];
    let Some(campaign) = message.campaign_id else {
        return list;
    };
    let ended = match message.status {
        Status::Sent | Status::Delivered => Some("sent"),
        Status::Failed => Some("failed"),
        Status::Rejected | Status::Cancelled | Status::Expired => Some("ended"),
        _ => None,
    };
    if let Some(ended) = ended {
        list.push((format!("campaign.{campaign}.{ended}"), 1));
    }
    if let Some(variant) = &message.metadata.variant {
        let mut count = |what| list.push((format!("campaign.{campaign}.{what}.{variant}"), 1));
        let rejected = message.status == Status::Rejected;
        if rejected || message.approved_at.is_some() {
            count("decided");
            // What people rejected is counted as that, whatever they tried before.
            if rejected {
                count("rejected");
            } else if message.revision.number > 1 {
                count("edited");
            }
        }
        if let Some(ended) = ended {
            count(ended);
        }
    }
    list
}

/// What a campaign adds.
#[must_use]
pub fn of_campaign(campaign: &Campaign) -> Contribution {
    vec![(format!("campaign.status.{}", campaign.status.as_str()), 1)]
}

/// The quarter of an hour `at` falls into, UTC: every zone's day is made of whole quarters.
#[must_use]
pub fn quarter(at: DateTime<Utc>) -> String {
    let (hour, quarter) = (at.hour(), at.minute() / 15 * 15);
    format!("{}T{hour:02}:{quarter:02}", at.date_naive())
}

/// Adds `sign` times a contribution; amounts that cancel out disappear.
pub fn add(counters: &mut BTreeMap<String, i64>, contribution: &Contribution, sign: i64) {
    for (name, amount) in contribution {
        let value = counters.entry(name.clone()).or_default();
        // A plugin may say that a draft cost more than there is.
        *value = value.saturating_add(sign.saturating_mul(*amount));
        if *value == 0 {
            counters.remove(name);
        }
    }
}

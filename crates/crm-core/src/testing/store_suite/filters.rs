//! Conditions of message lists together: every combination, page by page, in both orders.

use chrono::Duration;
use uuid::Uuid;

use super::Case;
use super::kit::{S, put, told, ws};
use super::lists::people;
use crate::message::{GeneratedBy, Message, Occasion, Status};
use crate::port::store::{MessageQuery, PageRequest};
use crate::testing::fixtures::{campaign, contact, message, noon};
use crate::testing::suite::{Verdict, list, same};

pub(super) fn cases() -> Vec<Case> {
    list![
        message_filters_together,
        message_filters_beyond_a_page_of_the_index
    ]
}

const STATUSES: [Status; 4] = [
    Status::Draft,
    Status::Claimed,
    Status::Approved,
    Status::Sent,
];

/// Varied in all that can be asked for, in steps that do not run together.
fn varied(number: u64) -> Message {
    let pick = |list: &[Status], step: u64| {
        let index = usize::try_from(number / step).unwrap_or(0) % list.len().max(1);
        list.get(index).copied().unwrap_or(Status::Draft)
    };
    let mut row = message(number);
    row.contact_id = contact(number % 3 + 1).id;
    row.status = pick(&STATUSES, 1);
    row.occasion = match number % 5 {
        0 | 1 => Occasion::NewYear,
        2 => Occasion::Birthday,
        _ => Occasion::Custom,
    };
    row.generated_by = if number % 7 < 3 {
        GeneratedBy::Ai
    } else {
        GeneratedBy::Manual
    };
    if !number.is_multiple_of(3) {
        row.campaign_id = Some(campaign(number % 3).id);
        row.occurrence = Some(format!("run {number}"));
    } else {
        row.campaign_id = None;
        row.occurrence = None;
    }
    if row.status == Status::Claimed {
        row.lease_owner = Some("worker".to_owned());
        row.lease_until = Some(noon() + Duration::minutes((number % 11).cast_signed()));
    }
    if number.is_multiple_of(4) {
        row.revision.content.push_str(" Ҳурмат билан");
    }
    row.deleted = number.is_multiple_of(13);
    row
}

/// Whether `row` is asked for, spelt out once more.
fn wanted(row: &Message, query: &MessageQuery) -> bool {
    !row.deleted
        && (query.statuses.is_empty() || query.statuses.contains(&row.status))
        && query.occasion.is_none_or(|one| row.occasion == one)
        && query.generated_by.is_none_or(|by| row.generated_by == by)
        && query.contact_id.is_none_or(|id| row.contact_id == id)
        && query
            .campaign_id
            .is_none_or(|id| row.campaign_id == Some(id))
        && query
            .lease_before
            .is_none_or(|at| row.lease_until.is_some_and(|until| until < at))
        && query
            .search
            .as_ref()
            .is_none_or(|text| row.revision.content.to_lowercase().contains(text.as_str()))
}

/// Every combination of the conditions.
fn queries() -> Vec<MessageQuery> {
    let mut all = vec![MessageQuery::default()];
    let mut with = |conditions: &[&dyn Fn(&mut MessageQuery)]| {
        let mut more = Vec::new();
        for query in &all {
            for condition in conditions {
                let mut query = query.clone();
                condition(&mut query);
                more.push(query);
            }
        }
        all.append(&mut more);
    };
    with(&[
        &|query| query.statuses = vec![Status::Draft],
        // One that nothing has is among them, and one twice.
        &|query| {
            query.statuses = vec![
                Status::Sent,
                Status::Claimed,
                Status::Rejected,
                Status::Sent,
            ];
        },
    ]);
    with(&[&|query| query.occasion = Some(Occasion::NewYear)]);
    with(&[&|query| query.generated_by = Some(GeneratedBy::Ai)]);
    with(&[&|query| query.campaign_id = Some(campaign(1).id)]);
    with(&[&|query| query.contact_id = Some(contact(2).id)]);
    with(&[&|query| query.lease_before = Some(noon() + Duration::minutes(6))]);
    with(&[&|query| query.search = Some("ҳурмат".to_owned())]);
    all
}

/// Reads the list to its end, page by page; skips the first page instead of reading it when told to.
async fn read(store: &S, query: &MessageQuery, limit: u32, skip: u32) -> Result<Vec<Uuid>, String> {
    let mut query = query.clone();
    query.page.limit = limit;
    query.page.skip = skip;
    let mut all = Vec::new();
    loop {
        let page = store.messages(&ws(), query.clone()).await.map_err(told)?;
        all.extend(page.items.iter().map(|row| row.id.0));
        query.page.after = page.next;
        query.page.skip = 0;
        if page.next.is_none() {
            return Ok(all);
        }
    }
}

async fn agree(store: &S, rows: &[Message], query: &MessageQuery, limit: u32) -> Verdict {
    for oldest_first in [false, true] {
        let query = MessageQuery {
            page: PageRequest {
                oldest_first,
                ..PageRequest::default()
            },
            ..query.clone()
        };
        let chosen = rows.iter().filter(|row| wanted(row, &query));
        let mut right: Vec<Uuid> = chosen.map(|row| row.id.0).collect();
        right.sort_unstable();
        if !oldest_first {
            right.reverse();
        }
        let what = format!("{query:?}");
        same(read(store, &query, limit, 0).await?, right.clone(), &what)?;
        let skipped: Vec<Uuid> = right.iter().copied().skip(3).collect();
        same(read(store, &query, limit, 3).await?, skipped, &what)?;
        let mut counted = query.clone();
        counted.page.count = true;
        let page = store.messages(&ws(), counted).await.map_err(told)?;
        same(page.total, Some(right.len() as u64), &what)?;
    }
    Ok(())
}

async fn fill(store: &S, count: u64) -> Result<Vec<Message>, String> {
    people(store, 3).await.map_err(|_| "people were refused")?;
    let rows: Vec<Message> = (1..=count).map(varied).collect();
    for campaign in [campaign(1), campaign(2)] {
        put(store, |s| s.insert_campaign(campaign))
            .await
            .map_err(|_| "a campaign was refused")?;
    }
    for chunk in rows.chunks(500) {
        put(store, |s| {
            for row in chunk {
                s.insert_message(row.clone());
            }
            s
        })
        .await
        .map_err(|_| "messages were refused")?;
    }
    Ok(rows)
}

async fn message_filters_together(store: S) -> Verdict {
    let rows = fill(&store, 120).await?;
    for query in queries() {
        agree(&store, &rows, &query, 4).await?;
    }
    Ok(())
}

/// A text that few have among many of the same status: more is gone through than one page shows.
async fn message_filters_beyond_a_page_of_the_index(store: S) -> Verdict {
    let rows = fill(&store, 2_600).await?;
    let query = MessageQuery {
        statuses: vec![Status::Draft, Status::Sent],
        search: Some("ҳурмат".to_owned()),
        ..MessageQuery::default()
    };
    agree(&store, &rows, &query, 150).await
}

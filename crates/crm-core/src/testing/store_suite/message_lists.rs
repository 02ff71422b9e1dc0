//! Lists of messages: paging, filters, the riskiest first.

use uuid::Uuid;

use super::Case;
use super::kit::{S, put, told, ws};
use super::lists::people;
use crate::guardrail::{Finding, Part, Rule, Severity};
use crate::id::MessageId;
use crate::message::{GeneratedBy, Message, Occasion, Status};
use crate::port::store::{MessageQuery, PageRequest};
use crate::testing::fixtures::{campaign, contact, message, noon};
use crate::testing::ids::nth;
use crate::testing::suite::{Verdict, ensure, list, same};

pub(super) fn cases() -> Vec<Case> {
    list![
        message_pages_by_after,
        message_filters,
        the_riskiest_first_page_by_page,
    ]
}

async fn message_pages_by_after(store: S) -> Verdict {
    people(&store, 5).await?;
    for number in 1..=5 {
        let status = if number == 3 {
            Status::Sent
        } else {
            Status::Draft
        };
        let row = Message {
            status,
            ..message(number)
        };
        put(&store, |s| s.insert_message(row)).await?;
    }
    let (mut after, mut all) = (None, Vec::new());
    for _ in 0..9 {
        let query = MessageQuery {
            statuses: vec![Status::Draft],
            page: PageRequest {
                limit: 2,
                after,
                count: true,
                ..PageRequest::default()
            },
            ..MessageQuery::default()
        };
        let found = store.messages(&ws(), query).await.map_err(told)?;
        same(found.total, Some(4), "total")?;
        all.extend(found.items.iter().map(|row| row.id.0));
        after = found.next;
        if after.is_none() {
            break;
        }
    }
    same(all, [5, 4, 2, 1].map(nth).to_vec(), "all pages")
}

/// A message with a finding of this severity.
fn risky(number: u64, severity: Option<Severity>) -> Message {
    let finding = severity.map(|severity| Finding {
        rule: Rule::Name,
        severity,
        part: Part::Content,
        span: Some(0..1),
        message: "a name".to_owned(),
    });
    Message {
        findings: finding.into_iter().collect(),
        ..message(number)
    }
}

/// Every severity in turn, in some statuses and kinds; the seventh is hidden.
fn risks() -> Vec<Message> {
    let severities = [
        None,
        Some(Severity::Blocking),
        Some(Severity::Notice),
        Some(Severity::Warning),
        None,
    ];
    let statuses = [Status::Draft, Status::PendingApproval, Status::Sent];
    (1..=24)
        .zip(severities.iter().cycle())
        .zip(statuses.iter().cycle())
        .map(|((number, severity), status)| Message {
            status: *status,
            deleted: number == 7,
            occasion: if number % 4 == 0 {
                Occasion::Holiday
            } else {
                Occasion::Custom
            },
            ..risky(number, *severity)
        })
        .collect()
}

async fn the_riskiest_first_page_by_page(store: S) -> Verdict {
    people(&store, 24).await?;
    let all = risks();
    for row in &all {
        put(&store, |s| s.insert_message(row.clone())).await?;
    }
    let selections = [
        vec![],
        vec![Status::PendingApproval],
        vec![Status::Draft, Status::PendingApproval],
        vec![Status::Sent],
        vec![Status::PendingApproval, Status::Sent],
    ];
    let severities = [None, Some(Severity::Notice), Some(Severity::Blocking)];
    for statuses in selections {
        for severity in severities {
            for (gravest_first, oldest_first) in
                [(true, false), (true, true), (false, false), (false, true)]
            {
                for occasion in [None, Some(Occasion::Holiday)] {
                    let query = MessageQuery {
                        statuses: statuses.clone(),
                        severity,
                        occasion,
                        gravest_first,
                        page: PageRequest {
                            oldest_first,
                            ..PageRequest::default()
                        },
                        ..MessageQuery::default()
                    };
                    let wanted = in_order(&all, &query);
                    walk(&store, &query, &wanted).await?;
                }
            }
        }
    }
    let unknown = MessageQuery {
        gravest_first: true,
        page: PageRequest {
            after: Some(nth(999)),
            ..PageRequest::default()
        },
        ..MessageQuery::default()
    };
    let found = store.messages(&ws(), unknown).await.map_err(told)?;
    same(found.items.len(), 0, "what is behind nothing")
}

/// The ids that a query means, in the order of the list.
fn in_order(all: &[Message], query: &MessageQuery) -> Vec<Uuid> {
    let mut rows: Vec<&Message> = all
        .iter()
        .filter(|row| !row.deleted)
        .filter(|row| query.statuses.is_empty() || query.statuses.contains(&row.status))
        .filter(|row| query.occasion.is_none_or(|one| one == row.occasion))
        .filter(|row| {
            query
                .severity
                .is_none_or(|least| row.risk() >= least.risk())
        })
        .collect();
    rows.sort_by_key(|row| row.id);
    if !query.page.oldest_first {
        rows.reverse();
    }
    if query.gravest_first {
        rows.sort_by_key(|row| std::cmp::Reverse(row.risk()));
    }
    rows.into_iter().map(|row| row.id.0).collect()
}

/// Reads the list as a whole, by pages behind ids, and by a page that skips.
async fn walk(store: &S, query: &MessageQuery, wanted: &[Uuid]) -> Verdict {
    let read = async |page: PageRequest| {
        let query = MessageQuery {
            page,
            ..query.clone()
        };
        store.messages(&ws(), query).await.map_err(told)
    };
    let ids = |rows: &[Message]| rows.iter().map(|row| row.id.0).collect::<Vec<_>>();
    let counted = read(PageRequest {
        count: true,
        ..query.page
    })
    .await?;
    same(
        counted.total,
        Some(wanted.len() as u64),
        &format!("count of {query:?}"),
    )?;
    same(
        ids(&counted.items),
        wanted.to_vec(),
        &format!("whole of {query:?}"),
    )?;
    let mut page = PageRequest {
        limit: 2,
        ..query.page
    };
    let mut all = Vec::new();
    for _ in 0..30 {
        let found = read(page).await?;
        ensure(found.items.len() <= 2, "more than the limit")?;
        all.extend(ids(&found.items));
        page.after = found.next;
        if found.next.is_none() {
            break;
        }
    }
    same(all, wanted.to_vec(), &format!("pages of {query:?}"))?;
    let skipped = read(PageRequest {
        limit: 3,
        skip: 2,
        ..query.page
    })
    .await?;
    let rest: Vec<Uuid> = wanted.iter().skip(2).take(3).copied().collect();
    same(ids(&skipped.items), rest, &format!("skipped of {query:?}"))?;
    // A page may begin behind what is not in the list: only its place counts.
    let some = MessageId(nth(8));
    let behind = read(PageRequest {
        after: Some(some.0),
        ..query.page
    })
    .await?;
    ensure(
        behind
            .items
            .iter()
            .all(|row| wanted.contains(&row.id.0) && row.id != some),
        "what is behind an id is no part of the list",
    )
}

async fn message_filters(store: S) -> Verdict {
    let special = Message {
        occasion: Occasion::Promotion,
        status: Status::Sent,
        generated_by: GeneratedBy::Ai,
        campaign_id: Some(campaign(1).id),
        occurrence: Some("2026".to_owned()),
        provider_id: Some("<2@example.org>".to_owned()),
        expires_at: Some(noon()),
        ..message(2)
    };
    let deleted = Message {
        deleted: true,
        ..message(3)
    };
    people(&store, 3).await?;
    put(&store, |s| {
        s.insert_campaign(campaign(1))
            .insert_message(message(1))
            .insert_message(special)
            .insert_message(deleted)
    })
    .await?;
    let d = MessageQuery::default;
    let two = vec![nth(2)];
    let queries = [
        (
            MessageQuery {
                statuses: vec![Status::Sent, Status::Failed],
                ..d()
            },
            two.clone(),
        ),
        (
            MessageQuery {
                occasion: Some(Occasion::Promotion),
                ..d()
            },
            two.clone(),
        ),
        (
            MessageQuery {
                contact_id: Some(contact(2).id),
                ..d()
            },
            two.clone(),
        ),
        (
            MessageQuery {
                contact_id: Some(contact(3).id),
                with_deleted: true,
                ..d()
            },
            vec![nth(3)],
        ),
        (
            MessageQuery {
                contact_id: Some(contact(3).id),
                with_deleted: true,
                page: PageRequest {
                    oldest_first: true,
                    count: true,
                    after: Some(nth(2)),
                    ..PageRequest::default()
                },
                ..d()
            },
            vec![nth(3)],
        ),
        // Without a contact it says nothing.
        (
            MessageQuery {
                with_deleted: true,
                ..d()
            },
            vec![nth(2), nth(1)],
        ),
        (
            MessageQuery {
                campaign_id: Some(campaign(1).id),
                ..d()
            },
            two.clone(),
        ),
        (
            MessageQuery {
                generated_by: Some(GeneratedBy::Ai),
                ..d()
            },
            two.clone(),
        ),
        (
            MessageQuery {
                provider_id: Some("<2@example.org>".to_owned()),
                ..d()
            },
            two.clone(),
        ),
        (
            MessageQuery {
                expires_before: Some(noon()),
                ..d()
            },
            two,
        ),
        (
            MessageQuery {
                contact_id: Some(contact(3).id),
                ..d()
            },
            vec![],
        ),
        (
            MessageQuery {
                ids: vec![message(3).id],
                ..d()
            },
            vec![nth(3)],
        ),
        (d(), vec![nth(2), nth(1)]),
    ];
    for (number, (query, wanted)) in queries.into_iter().enumerate() {
        let found = store.messages(&ws(), query).await.map_err(told)?;
        let found: Vec<Uuid> = found.items.iter().map(|row| row.id.0).collect();
        same(found, wanted, &format!("messages of filter {number}"))?;
    }
    Ok(())
}

//! Lists: paging, filters, audiences.

use uuid::Uuid;

use super::Case;
use super::changes::plan_query;
use super::kit::{S, everything, put, told, ws};
use crate::campaign::CampaignStatus;
use crate::change::Change;
use crate::guardrail::{Finding, Part, Rule, Severity};
use crate::id::{ContactId, MessageId};
use crate::message::{GeneratedBy, Message, Occasion, Status};
use crate::port::store::{
    CampaignQuery, ContactQuery, MessageQuery, PageRequest, SuppressionQuery, TemplateQuery,
};
use crate::testing::fixtures::{campaign, contact, message, noon, plan_row, suppression, template};
use crate::testing::ids::nth;
use crate::testing::suite::{Verdict, ensure, list, same};

pub(super) fn cases() -> Vec<Case> {
    list![
        newest_first_by_default,
        pages_by_after_in_both_orders,
        pages_by_skip_with_totals,
        message_pages_by_after,
        contact_filters,
        template_filters,
        message_filters,
        the_riskiest_first_page_by_page,
        campaign_filters,
        plan_filters_and_pages,
        suppression_filters,
    ]
}

pub(super) async fn people(store: &S, count: u64) -> Verdict {
    for number in 1..=count {
        put(store, |s| s.insert_contact(contact(number))).await?;
    }
    Ok(())
}

pub(super) async fn ids(store: &S, query: ContactQuery) -> Result<Vec<Uuid>, String> {
    let page = store.contacts(&ws(), query).await.map_err(told)?;
    Ok(page.items.iter().map(|row| row.id.0).collect())
}

fn paged(page: PageRequest) -> ContactQuery {
    ContactQuery {
        page,
        ..ContactQuery::default()
    }
}

async fn newest_first_by_default(store: S) -> Verdict {
    people(&store, 3).await?;
    let found = ids(&store, ContactQuery::default()).await?;
    same(found, vec![nth(3), nth(2), nth(1)], "order")
}

async fn pages_by_after_in_both_orders(store: S) -> Verdict {
    people(&store, 7).await?;
    for oldest_first in [false, true] {
        let mut page = PageRequest {
            limit: 3,
            oldest_first,
            ..PageRequest::default()
        };
        let mut all = Vec::new();
        for _ in 0..9 {
            let found = store.contacts(&ws(), paged(page)).await.map_err(told)?;
            same(found.total, None, "total that was not asked for")?;
            ensure(found.items.len() <= 3, "more than the limit")?;
            all.extend(found.items.iter().map(|row| row.id.0));
            page.after = found.next;
            if found.next.is_none() {
                break;
            }
        }
        let mut wanted: Vec<Uuid> = (1..=7).map(nth).collect();
        if !oldest_first {
            wanted.reverse();
        }
        same(all, wanted, "all pages")?;
    }
    Ok(())
}

async fn pages_by_skip_with_totals(store: S) -> Verdict {
    people(&store, 7).await?;
    for (skip, wanted) in [
        (0, vec![7, 6, 5]),
        (3, vec![4, 3, 2]),
        (6, vec![1]),
        (9, vec![]),
    ] {
        let page = PageRequest {
            limit: 3,
            skip,
            count: true,
            ..PageRequest::default()
        };
        let found = store.contacts(&ws(), paged(page)).await.map_err(told)?;
        same(found.total, Some(7), "total")?;
        let numbers: Vec<Uuid> = found.items.iter().map(|row| row.id.0).collect();
        same(numbers, wanted.into_iter().map(nth).collect(), "page")?;
    }
    let page = PageRequest {
        after: Some(nth(3)),
        ..everything()
    };
    let found = store.contacts(&ws(), paged(page)).await.map_err(told)?;
    same(
        (found.items.len(), found.total),
        (2, Some(7)),
        "total behind an id",
    )
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

async fn contact_filters(store: S) -> Verdict {
    let mut row = contact(2);
    row.fields.phone = Some("+998901234567".to_owned());
    put(&store, |s| s.insert_contact(contact(1)).insert_contact(row)).await?;
    let default = ContactQuery::default;
    let one = vec![nth(2)];
    let email = Some("anna2@example.org".to_owned());
    same(
        ids(&store, ContactQuery { email, ..default() }).await?,
        one.clone(),
        "by e-mail",
    )?;
    let external_id = Some("crm-2".to_owned());
    same(
        ids(
            &store,
            ContactQuery {
                external_id,
                ..default()
            },
        )
        .await?,
        one.clone(),
        "by external id",
    )?;
    let phone = Some("+998901234567".to_owned());
    same(
        ids(&store, ContactQuery { phone, ..default() }).await?,
        one.clone(),
        "by phone",
    )?;
    let some = vec![ContactId(nth(2)), ContactId(nth(99))];
    same(
        ids(
            &store,
            ContactQuery {
                ids: some.clone(),
                ..default()
            },
        )
        .await?,
        one,
        "by ids",
    )?;
    let both = ContactQuery {
        ids: some,
        email: Some("anna1@example.org".to_owned()),
        ..default()
    };
    same(
        ids(&store, both).await?,
        Vec::new(),
        "conditions hold together",
    )
}

async fn template_filters(store: S) -> Verdict {
    let mut row = template(2);
    row.fields.occasion_type = Occasion::Promotion;
    row.fields.is_active = false;
    put(&store, |s| {
        s.push(Change::InsertTemplate(Box::new(template(1))))
            .push(Change::InsertTemplate(Box::new(row)))
    })
    .await?;
    let promotion = TemplateQuery {
        occasion: Some(Occasion::Promotion),
        ..Default::default()
    };
    let active = TemplateQuery {
        active: Some(true),
        ..Default::default()
    };
    let by_id = TemplateQuery {
        ids: vec![template(1).id],
        ..Default::default()
    };
    for (query, wanted) in [(promotion, 2), (active, 1), (by_id, 1)] {
        let found = store.templates(&ws(), query).await.map_err(told)?;
        let found: Vec<Uuid> = found.items.iter().map(|row| row.id.0).collect();
        same(found, vec![nth(wanted)], "templates")?;
    }
    Ok(())
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

async fn campaign_filters(store: S) -> Verdict {
    let mut row = campaign(2);
    row.status = CampaignStatus::Paused;
    row.fields.occasion_type = Occasion::Promotion;
    put(&store, |s| {
        s.insert_campaign(campaign(1)).insert_campaign(row)
    })
    .await?;
    let d = CampaignQuery::default;
    let queries = [
        CampaignQuery {
            statuses: vec![CampaignStatus::Paused],
            ..d()
        },
        CampaignQuery {
            occasion: Some(Occasion::Promotion),
            ..d()
        },
        CampaignQuery {
            ids: vec![campaign(2).id],
            ..d()
        },
    ];
    for query in queries {
        let found = store.campaigns(&ws(), query).await.map_err(told)?;
        let found: Vec<Uuid> = found.items.iter().map(|row| row.id.0).collect();
        same(found, vec![nth(2)], "campaigns")?;
    }
    Ok(())
}

async fn plan_filters_and_pages(store: S) -> Verdict {
    let run = campaign(1);
    people(&store, 4).await?;
    put(&store, |s| {
        s.insert_campaign(run.clone()).insert_message(message(1))
    })
    .await?;
    for number in [4, 2, 1, 3] {
        let mut row = plan_row(&run, number);
        row.excluded = (number == 2).then(|| "no_address".to_owned());
        row.message_id = (number == 1).then(|| message(1).id);
        put(&store, |s| s.push(Change::InsertPlanRow(row))).await?;
    }
    let mut next_run = plan_row(&run, 1);
    "2027-03-21".clone_into(&mut next_run.occurrence);
    put(&store, |s| s.push(Change::InsertPlanRow(next_run))).await?;
    let this = || {
        let mut query = plan_query(1);
        query.occurrence = Some("2026-03-21".to_owned());
        query
    };
    let (mut all, mut excluded, mut undrafted, mut page) = (this(), this(), this(), this());
    excluded.excluded = Some(true);
    undrafted.undrafted = true;
    undrafted.excluded = Some(false);
    page.page.after = Some(nth(1));
    page.page.limit = 2;
    all.page.count = true;
    for (query, wanted) in [
        (all, vec![1, 2, 3, 4]),
        (excluded, vec![2]),
        (undrafted, vec![3, 4]),
        (page, vec![2, 3]),
    ] {
        let found = store.plan(&ws(), query).await.map_err(told)?;
        let found: Vec<Uuid> = found.items.iter().map(|row| row.contact_id.0).collect();
        same(
            found,
            wanted.into_iter().map(nth).collect(),
            "lines of the plan",
        )?;
    }
    let every = store.plan(&ws(), plan_query(1)).await.map_err(told)?;
    same(
        (every.items.len(), every.total),
        (5, Some(5)),
        "lines of all runs",
    )
}

async fn suppression_filters(store: S) -> Verdict {
    for address in ["b@example.org", "a@example.org", "c@example.org"] {
        put(&store, |s| {
            s.push(Change::InsertSuppression(suppression(address)))
        })
        .await?;
    }
    let mut sms = suppression("+998901234567");
    "sms".clone_into(&mut sms.channel);
    put(&store, |s| s.push(Change::InsertSuppression(sms))).await?;
    let d = SuppressionQuery::default;
    let of = |addresses: &[&str]| SuppressionQuery {
        addresses: addresses
            .iter()
            .map(|&address| address.to_owned())
            .collect(),
        ..d()
    };
    let queries = [
        (
            d(),
            "a@example.org b@example.org c@example.org +998901234567",
        ),
        (
            SuppressionQuery {
                channel: Some("sms".to_owned()),
                ..d()
            },
            "+998901234567",
        ),
        (of(&["b@example.org"]), "b@example.org"),
        (
            of(&["c@example.org", "nobody@example.org", "a@example.org"]),
            "a@example.org c@example.org",
        ),
        (of(&["nobody@example.org"]), ""),
        (
            SuppressionQuery {
                limit: 2,
                skip: 1,
                ..d()
            },
            "b@example.org c@example.org",
        ),
    ];
    for (query, wanted) in queries {
        let found = store.suppressions(&ws(), query).await.map_err(told)?;
        let found: Vec<&str> = found.items.iter().map(|row| row.address.as_str()).collect();
        same(found.join(" ").as_str(), wanted, "suppressions")?;
    }
    Ok(())
}

//! Lists of everything but messages: paging and filters.

use uuid::Uuid;

use super::Case;
use super::changes::plan_query;
use super::kit::{S, everything, put, told, ws};
use crate::campaign::CampaignStatus;
use crate::change::Change;
use crate::id::ContactId;
use crate::message::Occasion;
use crate::port::store::{
    CampaignQuery, ContactQuery, PageRequest, SuppressionQuery, TemplateQuery,
};
use crate::testing::fixtures::{campaign, contact, message, plan_row, suppression, template};
use crate::testing::ids::nth;
use crate::testing::suite::{Verdict, ensure, list, same};

pub(super) fn cases() -> Vec<Case> {
    list![
        newest_first_by_default,
        pages_by_after_in_both_orders,
        pages_by_skip_with_totals,
        contact_filters,
        template_filters,
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

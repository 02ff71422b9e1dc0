//! Lines of campaign plans.

use crm_core::campaign::PlanRow;
use crm_core::id::{CampaignId, ContactId, DraftBatchId, MessageId};
use crm_core::port::store::{Page, PlanQuery};
use sqlx::SqlStr;
use sqlx::postgres::PgRow;

use crate::bulk::{Table, all};
use crate::fault::Outcome;
use crate::query::{Db, Filter, List};
use crate::rows::{column, get};

const COLUMNS: &str = "p.campaign, p.occurrence, p.contact, p.channel, p.send_at, p.local_time, \
    p.time_zone, p.excluded, p.message, p.draft_batch, p.variant";

const TABLE: Table = Table {
    name: "plan_rows",
    columns: &[
        ("campaign", "uuid"),
        ("contact", "uuid"),
        ("occurrence", "text"),
        ("channel", "text"),
        ("send_at", "timestamptz"),
        ("local_time", "text"),
        ("time_zone", "text"),
        ("excluded", "text"),
        ("message", "uuid"),
        ("draft_batch", "uuid"),
        ("variant", "text"),
    ],
};

/// Writes lines; the same one again is ignored.
pub(crate) async fn insert(db: &mut Db<'_>, rows: &[&PlanRow]) -> Outcome<()> {
    if !rows.is_empty() {
        let sql = TABLE.insert_missing(db);
        write(db, sql, rows).await?;
    }
    Ok(())
}

/// Changes lines, each at most once; `false` when one of them is not there: roll back.
pub(crate) async fn update(db: &mut Db<'_>, rows: &[&PlanRow]) -> Outcome<bool> {
    if rows.is_empty() {
        return Ok(true);
    }
    let sql = TABLE.update(
        db,
        "t.campaign = n.campaign AND t.contact = n.contact AND t.occurrence = n.occurrence",
    );
    Ok(all(write(db, sql, rows).await?, rows))
}

/// Binds the rows; how many were written.
async fn write(db: &mut Db<'_>, sql: SqlStr, rows: &[&PlanRow]) -> Outcome<u64> {
    let text = |of: fn(&PlanRow) -> &String| -> Vec<&str> {
        rows.iter().map(|row| of(row).as_str()).collect()
    };
    let opt = |of: fn(&PlanRow) -> &Option<String>| -> Vec<Option<&str>> {
        rows.iter().map(|row| of(row).as_deref()).collect()
    };
    let done = sqlx::query(sql)
        .bind(db.key)
        .bind(column(rows, |row| row.campaign_id.0))
        .bind(column(rows, |row| row.contact_id.0))
        .bind(text(|row| &row.occurrence))
        .bind(text(|row| &row.channel))
        .bind(column(rows, |row| row.send_at))
        .bind(opt(|row| &row.local_time))
        .bind(text(|row| &row.time_zone))
        .bind(opt(|row| &row.excluded))
        .bind(column(rows, |row| row.message_id.map(|id| id.0)))
        .bind(column(rows, |row| row.batch_id.map(|id| id.0)))
        .bind(opt(|row| &row.variant))
        .execute(&mut *db.connection)
        .await?;
    Ok(done.rows_affected())
}

fn read(row: &PgRow) -> Outcome<PlanRow> {
    Ok(PlanRow {
        campaign_id: CampaignId(get(row, "campaign")?),
        occurrence: get(row, "occurrence")?,
        contact_id: ContactId(get(row, "contact")?),
        channel: get(row, "channel")?,
        send_at: get(row, "send_at")?,
        local_time: get(row, "local_time")?,
        time_zone: get(row, "time_zone")?,
        excluded: get(row, "excluded")?,
        message_id: get::<Option<_>>(row, "message")?.map(MessageId),
        batch_id: get::<Option<_>>(row, "draft_batch")?.map(DraftBatchId),
        variant: get(row, "variant")?,
    })
}

const LIST: List<'_> = List {
    columns: COLUMNS,
    from: "crm.plan_rows p",
    workspace: "p.workspace",
    key: "p.contact",
    ids: Vec::new(),
};

fn conditions(filter: &mut Filter, query: &PlanQuery) {
    filter
        .and("p.campaign = ")
        .bind(query.campaign_id.0)
        .sought("p.occurrence = ", query.occurrence.as_deref());
    match query.excluded {
        Some(true) => {
            filter.and("p.excluded IS NOT NULL");
        }
        Some(false) => {
            filter.and("p.excluded IS NULL");
        }
        None => {}
    }
    if query.undrafted {
        filter.and("p.message IS NULL").and("p.draft_batch IS NULL");
    }
    if let Some(id) = query.batch {
        filter
            .and("p.message IS NULL")
            .and("p.draft_batch = ")
            .bind(id.0);
    }
}

/// Lists lines by contact, oldest first; the lines of one contact by run.
pub(crate) async fn list(db: &mut Db<'_>, query: &PlanQuery) -> Outcome<Page<PlanRow>> {
    let total = if query.page.count {
        let given = |filter: &mut Filter| {
            conditions(filter, query);
            Ok(())
        };
        Some(LIST.count(db, given).await?)
    } else {
        None
    };
    let mut filter = Filter::new(LIST.columns, LIST.from, LIST.workspace, db.key);
    conditions(&mut filter, query);
    let limit = query.page.limit.clamp(1, 1_000);
    // The order of the key, so that nothing is sorted. One more shows whether there is a next page.
    filter
        .given("p.contact > ", query.page.after)
        .raw(" ORDER BY p.contact, p.occurrence LIMIT ")
        .bind(i64::from(limit) + 1)
        .raw(" OFFSET ")
        .bind(i64::from(query.page.skip));
    let rows = filter.fetch(db).await?;
    let items: Outcome<Vec<PlanRow>> = rows.iter().map(read).collect();
    let mut items = items?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    let last = items.last().map(|row| row.contact_id.0);
    Ok(Page {
        items,
        total,
        next: last.filter(|_| more),
    })
}

#[cfg(test)]
mod tests {
    use crm_core::port::store::PageRequest;
    use crm_core::testing::fixtures::{campaign, contact, message, plan_row};

    use super::*;
    use crate::testing::{Place, done};

    fn all() -> PlanQuery {
        PlanQuery {
            campaign_id: campaign(1).id,
            occurrence: None,
            excluded: None,
            undrafted: false,
            batch: None,
            page: PageRequest {
                count: true,
                ..PageRequest::default()
            },
        }
    }

    /// Contacts 1 to 4: the second is excluded and bare, the third is planned for two runs.
    fn lines() -> Vec<PlanRow> {
        let mut rows: Vec<PlanRow> = [1, 2, 3, 3, 4]
            .map(|number| plan_row(&campaign(1), number))
            .into();
        let mut bare = rows.remove(1);
        (bare.send_at, bare.local_time) = (None, None);
        bare.excluded = Some("no_address".to_owned());
        rows.insert(1, bare);
        if let Some(next) = rows.get_mut(3) {
            "2027-03-21 oʻ".clone_into(&mut next.occurrence);
        }
        rows
    }

    #[tokio::test]
    async fn comes_back_as_written_once() {
        let mut place = Place::open("plan").await;
        let mut rows = lines();
        let again = PlanRow {
            channel: "sms".to_owned(),
            ..plan_row(&campaign(1), 1)
        };
        let other = plan_row(&campaign(2), 1);
        let mut twice: Vec<&PlanRow> = rows.iter().rev().collect();
        twice.extend([&again, &other]);
        done(insert(&mut place.db(), &twice).await);
        done(insert(&mut place.db(), &[&again]).await);
        let found = done(list(&mut place.db(), &all()).await);
        assert_eq!((found.items, found.total), (rows.clone(), Some(5)));

        for (number, row) in (1..).zip(rows.iter_mut().skip(2)) {
            row.message_id = Some(message(number).id);
        }
        let changed: Vec<&PlanRow> = rows.iter().skip(2).collect();
        assert!(done(update(&mut place.db(), &changed).await));
        assert_eq!(done(list(&mut place.db(), &all()).await).items, rows);
        let unknown = plan_row(&campaign(1), 5);
        let [known, ..] = changed.as_slice() else {
            unreachable!()
        };
        assert!(!done(update(&mut place.db(), &[known, &unknown]).await));
        assert!(!done(update(&mut place.stranger(), &changed).await));
        place.close().await;
    }

    #[tokio::test]
    async fn lists_page_by_contact() {
        let mut place = Place::open("lines").await;
        let mut rows = lines();
        if let Some(first) = rows.first_mut() {
            first.message_id = Some(message(1).id);
        }
        done(insert(&mut place.db(), &rows.iter().collect::<Vec<_>>()).await);
        let paged = |limit, skip, after: Option<u64>| PlanQuery {
            page: PageRequest {
                limit,
                skip,
                after: after.map(|number| contact(number).id.0),
                ..all().page
            },
            ..all()
        };
        let run = PlanQuery {
            occurrence: Some("2026-03-21".to_owned()),
            ..paged(3, 0, None)
        };
        let excluded = PlanQuery {
            excluded: Some(true),
            ..all()
        };
        let undrafted = PlanQuery {
            excluded: Some(false),
            undrafted: true,
            batch: None,
            ..all()
        };
        let cases: [(PlanQuery, &[u64], u64, Option<u64>); 6] = [
            (paged(3, 0, None), &[1, 2, 3], 5, Some(3)),
            (paged(3, 0, Some(2)), &[3, 3, 4], 5, None),
            (paged(2, 2, Some(1)), &[3, 4], 5, None),
            (run, &[1, 2, 3], 4, Some(3)),
            (excluded, &[2], 1, None),
            (undrafted, &[3, 3, 4], 3, None),
        ];
        for (query, wanted, total, further) in cases {
            let found = done(list(&mut place.db(), &query).await);
            let id = |number: &u64| contact(*number).id;
            let ids: Vec<ContactId> = found.items.iter().map(|row| row.contact_id).collect();
            assert_eq!(ids, wanted.iter().map(id).collect::<Vec<_>>(), "{query:?}");
            assert_eq!(found.next, further.map(|number| id(&number).0), "{query:?}");
            assert_eq!(found.total, Some(total), "{query:?}");
            let strange = done(list(&mut place.stranger(), &query).await);
            assert_eq!((strange.items, strange.total), (Vec::new(), Some(0)));
        }
        place.close().await;
    }

    #[tokio::test]
    async fn reads_what_it_needs_in_a_large_plan_without_statistics() {
        let mut place = Place::open("large").await;
        let one = plan_row(&campaign(1), 1);
        done(insert(&mut place.db(), &[&one]).await);
        place
            .run(
                "INSERT INTO crm.plan_rows SELECT workspace, campaign, \
                     (left(contact::text, 24) || lpad(to_hex(n), 12, '0'))::uuid, occurrence, channel, \
                     send_at, local_time, time_zone, excluded, message, draft_batch \
                 FROM crm.plan_rows, generate_series(10000, 29999) n",
            )
            .await;
        let query = PlanQuery {
            excluded: Some(false),
            undrafted: true,
            batch: None,
            page: PageRequest {
                after: Some(one.contact_id.0),
                ..PageRequest::default()
            },
            ..all()
        };
        place.run("BEGIN").await;
        let before = place.rows_read("plan_rows").await;
        let found = done(list(&mut place.db(), &query).await).items;
        assert_eq!(found.len(), 100);
        assert_eq!(place.rows_read("plan_rows").await - before, 101);
        let every = PlanQuery {
            excluded: None,
            undrafted: false,
            batch: None,
            ..query
        };
        assert_eq!(done(list(&mut place.db(), &every).await).items, found);
        assert_eq!(place.rows_read("plan_rows").await - before, 202);
        let rows: Vec<&PlanRow> = found.iter().collect();
        assert!(done(update(&mut place.db(), &rows).await));
        assert_eq!(place.rows_read("plan_rows").await - before, 302);
        place.run("ROLLBACK").await;
        place.close().await;
    }
}

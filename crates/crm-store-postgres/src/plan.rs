//! Lines of campaign plans.

use crm_core::campaign::PlanRow;
use crm_core::id::{CampaignId, ContactId, MessageId};
use crm_core::port::store::{Page, PlanQuery};
use sqlx::SqlStr;
use sqlx::postgres::PgRow;

use crate::bulk::{Table, all};
use crate::fault::Outcome;
use crate::query::{Db, Filter, List};
use crate::rows::{column, get};

const COLUMNS: &str = "p.campaign, p.occurrence, p.contact, p.channel, p.send_at, p.local_time, \
    p.time_zone, p.excluded, p.message";

const TABLE: Table = Table {
    name: "plan_rows",
    columns: "campaign, contact, occurrence, channel, send_at, local_time, time_zone, excluded, \
        message",
    arrays: "$2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[], $7::text[], \
        $8::text[], $9::text[], $10::uuid[]",
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
    let sql = TABLE.update_where(
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
    })
}

const LIST: List<'_> = List {
    columns: COLUMNS,
    from: "crm.plan_rows p",
    workspace: "p.workspace",
    key: "p.contact",
};

fn conditions(filter: &mut Filter, query: &PlanQuery) {
    filter
        .and("p.campaign = ")
        .bind(query.campaign_id.0)
        .given("p.occurrence = ", query.occurrence.clone());
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
        filter.and("p.message IS NULL");
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

//! Lines of campaign plans.

use crm_core::campaign::PlanRow;
use crm_core::id::{CampaignId, ContactId, DraftBatchId, MessageId};
use crm_core::port::store::{Page, PageRequest, PlanQuery};
use rusqlite::{Connection, Row, named_params};

use crate::fault::Outcome;
use crate::query::{Filter, List, blob};
use crate::rows::{opt_instant, opt_micros};

const COLUMNS: &str = "p.campaign, p.occurrence, p.contact, p.channel, p.send_at, p.local_time, \
    p.time_zone, p.excluded, p.message, p.draft_batch, p.variant";

const INSERT: &str = "INSERT INTO plan_rows (workspace, campaign, occurrence, contact, channel, \
    send_at, local_time, time_zone, excluded, message, draft_batch, variant) VALUES (:workspace, :campaign, :occurrence, \
    :contact, :channel, :send_at, :local_time, :time_zone, :excluded, :message, :batch, :variant) \
    ON CONFLICT (workspace, campaign, occurrence, contact) DO NOTHING";

const UPDATE: &str = "UPDATE plan_rows SET channel = :channel, send_at = :send_at, \
    local_time = :local_time, time_zone = :time_zone, excluded = :excluded, message = :message, \
    draft_batch = :batch, variant = :variant \
    WHERE workspace = :workspace AND campaign = :campaign AND occurrence = :occurrence \
    AND contact = :contact";

/// Writes a line; the same one again is ignored.
pub(crate) fn insert(connection: &Connection, workspace: i64, row: &PlanRow) -> Outcome<()> {
    write(connection, INSERT, workspace, row).map(drop)
}

/// Changes a line; `false` when there is none.
pub(crate) fn update(connection: &Connection, workspace: i64, row: &PlanRow) -> Outcome<bool> {
    write(connection, UPDATE, workspace, row).map(|rows| rows > 0)
}

fn write(connection: &Connection, sql: &str, workspace: i64, row: &PlanRow) -> Outcome<usize> {
    Ok(connection.prepare_cached(sql)?.execute(named_params! {
        ":workspace": workspace,
        ":campaign": row.campaign_id.0,
        ":occurrence": row.occurrence,
        ":contact": row.contact_id.0,
        ":channel": row.channel,
        ":send_at": opt_micros(row.send_at),
        ":local_time": row.local_time,
        ":time_zone": row.time_zone,
        ":excluded": row.excluded,
        ":message": row.message_id.map(|id| id.0),
        ":batch": row.batch_id.map(|id| id.0),
        ":variant": row.variant,
    })?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<PlanRow> {
    Ok(PlanRow {
        campaign_id: CampaignId(row.get(0)?),
        occurrence: row.get(1)?,
        contact_id: ContactId(row.get(2)?),
        channel: row.get(3)?,
        send_at: opt_instant(row, 4)?,
        local_time: row.get(5)?,
        time_zone: row.get(6)?,
        excluded: row.get(7)?,
        message_id: row.get::<_, Option<_>>(8)?.map(MessageId),
        batch_id: row.get::<_, Option<_>>(9)?.map(DraftBatchId),
        variant: row.get(10)?,
    })
}

/// Lists lines by contact, oldest first.
pub(crate) fn list(connection: &Connection, key: i64, query: &PlanQuery) -> Outcome<Page<PlanRow>> {
    let mut filter = Filter::new("p.workspace = ?", key);
    filter.and("p.campaign = ?").bind(blob(query.campaign_id.0));
    filter.given("p.occurrence = ?", query.occurrence.clone());
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
            .and("p.draft_batch = ?")
            .bind(blob(id.0));
    }
    let page = PageRequest {
        oldest_first: true,
        ..query.page
    };
    List {
        columns: COLUMNS,
        from: "plan_rows p",
        key: "p.contact",
    }
    .page(connection, filter, &page, read, |row| row.contact_id.0)
}

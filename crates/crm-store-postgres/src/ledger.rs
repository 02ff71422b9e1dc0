//! The usage ledger: entries, and what they count in accounts and sums.

use chrono::{DateTime, Datelike as _, NaiveDate};
use crm_core::budget::{EntryState, LedgerEntry, check, closed};
use crm_core::id::{CampaignId, LedgerId};
use crm_core::port::llm::Usage;
use crm_core::port::store::{LedgerQuery, Page};
use crm_core::{Error, Workspace};
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::budgets::{self, day};
use crate::fault::{Outcome, unreadable};
use crate::query::{Db, Filter, List};
use crate::rows::{get, named, signed, unsigned};
use crate::usage;

const COLUMNS: &str = "l.id, l.at, l.day, l.actor, l.campaign, l.model, l.key, l.held, l.reserved, \
    l.state, l.cost, l.input_tokens, l.output_tokens, l.cache_write_5m_tokens, \
    l.cache_write_1h_tokens, l.cache_read_tokens, l.batch, l.answered, l.request_id, l.failure, \
    l.expires_at, l.closed_at";

/// Opens an entry, if every budget that applies has room for it. Its accounts are locked first, so the
/// budgets are those of this moment and nobody else counts until the transaction ends.
pub(crate) async fn reserve(db: &mut Db<'_>, row: &LedgerEntry) -> Outcome<()> {
    let totals = usage::lock(db, row).await?;
    sqlx::query(db.sql(
        "INSERT INTO crm.ledger (workspace, id, at, day, actor, campaign, model, key, held, \
             reserved, state, cost, input_tokens, output_tokens, cache_write_5m_tokens, \
             cache_write_1h_tokens, cache_read_tokens, batch, answered, request_id, failure, \
             expires_at, closed_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, \
             $19, $20, $21, $22, $23)",
    ))
    .bind(db.key)
    .bind(row.id.0)
    .bind(row.at)
    .bind(day(row.day))
    .bind(&row.actor)
    .bind(row.campaign_id.map(|id| id.0))
    .bind(&row.model)
    .bind(&row.key)
    .bind(row.held)
    .bind(row.reserved_picodollars.map(signed))
    .bind(row.state.as_str())
    .bind(signed(row.cost_picodollars))
    .bind(signed(row.usage.input_tokens))
    .bind(signed(row.usage.output_tokens))
    .bind(signed(row.usage.cache_write_5m_tokens))
    .bind(signed(row.usage.cache_write_1h_tokens))
    .bind(signed(row.usage.cache_read_tokens))
    .bind(row.batch)
    .bind(&row.answered)
    .bind(&row.request_id)
    .bind(&row.failure)
    .bind(row.expires_at)
    .bind(row.closed_at)
    .execute(&mut *db.connection)
    .await?;
    // Behind the key: whoever drafts the same already does so within the budgets.
    let budgets = budgets::applying(db, row.campaign_id).await?;
    check(row, &budgets, &totals)?;
    usage::post(db, &totals, None, row).await
}

/// Closes an entry.
pub(crate) async fn settle(db: &mut Db<'_>, row: &LedgerEntry) -> Outcome<()> {
    // Whoever closes it too waits here, and then finds it closed: accounts are locked before entries, by all.
    let totals = usage::lock(db, row).await?;
    let mut filter = Filter::new(COLUMNS, "crm.ledger l", "l.workspace", db.key);
    filter.and("l.id = ").bind(row.id.0);
    let found = filter.fetch(db).await?;
    let stored = match found.first() {
        Some(found) => read(db.workspace, found)?,
        None => return Err(Error::not_found("entry of the ledger").into()),
    };
    let row = closed(&stored, row)?;
    sqlx::query(db.sql(
        "UPDATE crm.ledger SET held = $3, state = $4, cost = $5, input_tokens = $6, \
             output_tokens = $7, cache_write_5m_tokens = $8, cache_write_1h_tokens = $9, \
             cache_read_tokens = $10, answered = $11, request_id = $12, failure = $13, \
             closed_at = $14 \
         WHERE workspace = $1 AND id = $2",
    ))
    .bind(db.key)
    .bind(row.id.0)
    .bind(row.held)
    .bind(row.state.as_str())
    .bind(signed(row.cost_picodollars))
    .bind(signed(row.usage.input_tokens))
    .bind(signed(row.usage.output_tokens))
    .bind(signed(row.usage.cache_write_5m_tokens))
    .bind(signed(row.usage.cache_write_1h_tokens))
    .bind(signed(row.usage.cache_read_tokens))
    .bind(&row.answered)
    .bind(&row.request_id)
    .bind(&row.failure)
    .bind(row.closed_at)
    .execute(&mut *db.connection)
    .await?;
    usage::post(db, &totals, Some(&stored), &row).await
}

fn read(workspace: &Workspace, row: &PgRow) -> Outcome<LedgerEntry> {
    let reserved = get::<Option<i64>>(row, "reserved")?;
    Ok(LedgerEntry {
        workspace: workspace.clone(),
        id: LedgerId(get(row, "id")?),
        at: get(row, "at")?,
        day: named(row, "day", |day| day.parse::<NaiveDate>().ok())?,
        actor: get(row, "actor")?,
        campaign_id: get::<Option<Uuid>>(row, "campaign")?.map(CampaignId),
        model: get(row, "model")?,
        key: get(row, "key")?,
        held: get(row, "held")?,
        reserved_picodollars: reserved
            .map(|amount| u64::try_from(amount).map_err(|_| unreadable("reserved")))
            .transpose()?,
        state: named(row, "state", EntryState::parse)?,
        cost_picodollars: unsigned(row, "cost")?,
        usage: Usage {
            input_tokens: unsigned(row, "input_tokens")?,
            output_tokens: unsigned(row, "output_tokens")?,
            cache_write_5m_tokens: unsigned(row, "cache_write_5m_tokens")?,
            cache_write_1h_tokens: unsigned(row, "cache_write_1h_tokens")?,
            cache_read_tokens: unsigned(row, "cache_read_tokens")?,
        },
        batch: get(row, "batch")?,
        answered: get(row, "answered")?,
        request_id: get(row, "request_id")?,
        failure: get(row, "failure")?,
        expires_at: get(row, "expires_at")?,
        closed_at: get(row, "closed_at")?,
    })
}

/// A condition that all entries in question meet. To the hour, so that the statement stays the same for one; an
/// instant that no clock shows asks for all that are held.
fn expired(query: &LedgerQuery) -> String {
    const HOUR: i64 = 3_600;
    let known = query.held_before.filter(|before| before.year() < 9_999);
    let next = known.map(|before| before.timestamp().div_euclid(HOUR) * HOUR + HOUR);
    let next = next.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    next.map_or_else(String::new, |until| {
        format!(" AND expires_at <= '{}'", until.to_rfc3339())
    })
}

/// Lists entries.
pub(crate) async fn list(db: &mut Db<'_>, query: &LedgerQuery) -> Outcome<Page<LedgerEntry>> {
    let conditions = |filter: &mut Filter| {
        filter
            .given("l.state = ", query.state.map(EntryState::as_str))
            .given("l.campaign = ", query.campaign_id.map(|id| id.0))
            .sought("l.actor = ", query.actor.as_deref());
        if query.from.is_some() && query.from == query.to {
            filter.given("l.day = ", query.from.map(day));
        } else {
            filter
                .given("l.day >= ", query.from.map(day))
                .given("l.day <= ", query.to.map(day));
        }
        if let Some(before) = query.held_before {
            filter.and("l.held AND l.expires_at <= ").bind(before);
        }
        Ok(())
    };
    // The few that are held and expired are found first, whatever the planner guesses of them: requests of
    // batches are held for days, in any number.
    let held = format!(
        "(SELECT * FROM crm.ledger WHERE workspace = {} AND held{} OFFSET 0) AS l",
        db.key,
        expired(query)
    );
    let from = match query.held_before {
        Some(_) if query.ids.is_empty() => held.as_str(),
        _ => "crm.ledger l",
    };
    List {
        columns: COLUMNS,
        from,
        workspace: "l.workspace",
        key: "l.id",
        ids: query.ids.iter().map(|id| id.0).collect(),
    }
    .page(db, &query.page, conditions, read, |row| row.id.0)
    .await
}

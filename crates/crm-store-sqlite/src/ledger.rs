//! The usage ledger: entries, and what they count in accounts and sums.

use chrono::NaiveDate;
use crm_core::budget::{EntryState, LedgerEntry, check, closed};
use crm_core::id::{CampaignId, LedgerId};
use crm_core::port::llm::Usage;
use crm_core::port::store::{LedgerQuery, Page};
use crm_core::{Error, Workspace};
use rusqlite::types::{Type, Value};
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use crate::budgets::{self, day};
use crate::fault::{Outcome, unreadable};
use crate::query::{Filter, List, blob};
use crate::rows::{instant, micros, named, opt_instant, opt_micros, signed, unsigned};
use crate::usage;

const COLUMNS: &str = "l.id, l.at, l.day, l.actor, l.campaign, l.model, l.key, l.held, l.reserved, \
    l.state, l.cost, l.input_tokens, l.output_tokens, l.cache_write_5m_tokens, \
    l.cache_write_1h_tokens, l.cache_read_tokens, l.batch, l.answered, l.request_id, l.failure, \
    l.expires_at, l.closed_at";

/// Opens an entry, if every budget that applies has room for it.
pub(crate) fn reserve(
    connection: &Connection,
    workspace: &Workspace,
    key: i64,
    row: &LedgerEntry,
) -> Outcome<()> {
    let totals = usage::totals(connection, key, row)?;
    connection
        .prepare_cached(
            "INSERT INTO ledger (workspace, id, at, day, actor, campaign, model, key, held, \
                 reserved, state, cost, input_tokens, output_tokens, cache_write_5m_tokens, \
                 cache_write_1h_tokens, cache_read_tokens, batch, answered, request_id, failure, \
                 expires_at, closed_at) \
             VALUES (:workspace, :id, :at, :day, :actor, :campaign, :model, :key, :held, \
                 :reserved, :state, :cost, :input_tokens, :output_tokens, :cache_write_5m_tokens, \
                 :cache_write_1h_tokens, :cache_read_tokens, :batch, :answered, :request_id, \
                 :failure, :expires_at, :closed_at)",
        )?
        .execute(named_params! {
            ":workspace": key,
            ":id": row.id.0,
            ":at": micros(row.at),
            ":day": day(row.day),
            ":actor": row.actor,
            ":campaign": row.campaign_id.map(|id| id.0),
            ":model": row.model,
            ":key": row.key,
            ":held": row.held,
            ":reserved": row.reserved_picodollars.map(signed),
            ":state": row.state.as_str(),
            ":cost": signed(row.cost_picodollars),
            ":input_tokens": signed(row.usage.input_tokens),
            ":output_tokens": signed(row.usage.output_tokens),
            ":cache_write_5m_tokens": signed(row.usage.cache_write_5m_tokens),
            ":cache_write_1h_tokens": signed(row.usage.cache_write_1h_tokens),
            ":cache_read_tokens": signed(row.usage.cache_read_tokens),
            ":batch": row.batch,
            ":answered": row.answered,
            ":request_id": row.request_id,
            ":failure": row.failure,
            ":expires_at": micros(row.expires_at),
            ":closed_at": opt_micros(row.closed_at),
        })?;
    // Behind the key: whoever drafts the same already does so within the budgets.
    let budgets = budgets::applying(connection, workspace, key, row.campaign_id)?;
    check(row, &budgets, &totals)?;
    usage::post(connection, key, &totals, None, row)
}

/// Closes an entry.
pub(crate) fn settle(
    connection: &Connection,
    workspace: &Workspace,
    key: i64,
    row: &LedgerEntry,
) -> Outcome<()> {
    let stored = connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM ledger l WHERE l.workspace = ?1 AND l.id = ?2"
        ))?
        .query_row((key, row.id.0), |row| read(workspace, row))
        .optional()?
        .ok_or_else(|| Error::not_found("entry of the ledger"))?;
    let row = closed(&stored, row)?;
    connection
        .prepare_cached(
            "UPDATE ledger SET held = :held, state = :state, cost = :cost, \
                 input_tokens = :input_tokens, output_tokens = :output_tokens, \
                 cache_write_5m_tokens = :cache_write_5m_tokens, \
                 cache_write_1h_tokens = :cache_write_1h_tokens, \
                 cache_read_tokens = :cache_read_tokens, answered = :answered, \
                 request_id = :request_id, failure = :failure, closed_at = :closed_at \
             WHERE workspace = :workspace AND id = :id",
        )?
        .execute(named_params! {
            ":workspace": key,
            ":id": row.id.0,
            ":held": row.held,
            ":state": row.state.as_str(),
            ":cost": signed(row.cost_picodollars),
            ":input_tokens": signed(row.usage.input_tokens),
            ":output_tokens": signed(row.usage.output_tokens),
            ":cache_write_5m_tokens": signed(row.usage.cache_write_5m_tokens),
            ":cache_write_1h_tokens": signed(row.usage.cache_write_1h_tokens),
            ":cache_read_tokens": signed(row.usage.cache_read_tokens),
            ":answered": row.answered,
            ":request_id": row.request_id,
            ":failure": row.failure,
            ":closed_at": opt_micros(row.closed_at),
        })?;
    let totals = usage::totals(connection, key, &row)?;
    usage::post(connection, key, &totals, Some(&stored), &row)
}

fn read(workspace: &Workspace, row: &Row<'_>) -> rusqlite::Result<LedgerEntry> {
    let reserved: Option<i64> = row.get(8)?;
    Ok(LedgerEntry {
        workspace: workspace.clone(),
        id: LedgerId(row.get(0)?),
        at: instant(row, 1)?,
        day: named(row, 2, |day| day.parse::<NaiveDate>().ok())?,
        actor: row.get(3)?,
        campaign_id: row.get::<_, Option<_>>(4)?.map(CampaignId),
        model: row.get(5)?,
        key: row.get(6)?,
        held: row.get(7)?,
        reserved_picodollars: reserved
            .map(|amount| u64::try_from(amount).map_err(|_| unreadable(8, Type::Integer)))
            .transpose()?,
        state: named(row, 9, EntryState::parse)?,
        cost_picodollars: unsigned(row, 10)?,
        usage: Usage {
            input_tokens: unsigned(row, 11)?,
            output_tokens: unsigned(row, 12)?,
            cache_write_5m_tokens: unsigned(row, 13)?,
            cache_write_1h_tokens: unsigned(row, 14)?,
            cache_read_tokens: unsigned(row, 15)?,
        },
        batch: row.get(16)?,
        answered: row.get(17)?,
        request_id: row.get(18)?,
        failure: row.get(19)?,
        expires_at: instant(row, 20)?,
        closed_at: opt_instant(row, 21)?,
    })
}

/// Where entries are found in order of id. Left alone, SQLite walks all of them for the sake of that order.
fn from(query: &LedgerQuery) -> &'static str {
    if !query.ids.is_empty() {
        "ledger l"
    } else if query.held_before.is_some() {
        "ledger l INDEXED BY ledger_held"
    } else if query.campaign_id.is_some() {
        "ledger l INDEXED BY ledger_campaign"
    } else if query.actor.is_some() {
        "ledger l INDEXED BY ledger_actor"
    } else if query.from.is_some() && query.from == query.to {
        "ledger l INDEXED BY ledger_day"
    } else {
        "ledger l"
    }
}

/// Lists entries.
pub(crate) fn list(
    connection: &Connection,
    workspace: &Workspace,
    key: i64,
    query: &LedgerQuery,
) -> Outcome<Page<LedgerEntry>> {
    let mut filter = Filter::new("l.workspace = ?", key);
    filter.ids(
        "l.id IN (SELECT unhex(value) FROM json_each(?))",
        query.ids.iter().map(|id| id.0),
    );
    filter.given(
        "l.state = ?",
        query.state.map(|state| state.as_str().to_owned()),
    );
    filter.given("l.campaign = ?", query.campaign_id.map(|id| blob(id.0)));
    filter.given("l.actor = ?", query.actor.clone());
    if query.from.is_some() && query.from == query.to {
        filter.given("l.day = ?", query.from.map(day));
    } else {
        filter.given("l.day >= ?", query.from.map(day));
        filter.given("l.day <= ?", query.to.map(day));
    }
    if let Some(before) = query.held_before {
        filter
            .and("l.held AND l.expires_at <= ?")
            .bind(Value::Integer(micros(before)));
    }
    List {
        columns: COLUMNS,
        from: from(query),
        key: "l.id",
    }
    .page(
        connection,
        filter,
        &query.page,
        |row| read(workspace, row),
        |row| row.id.0,
    )
}

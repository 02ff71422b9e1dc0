//! Budgets: what may be spent.

use chrono::NaiveDate;
use crm_core::budget::{Budget, BudgetState, Period, of_scope, scope};
use crm_core::id::CampaignId;
use crm_core::port::store::BudgetQuery;
use crm_core::{Error, ErrorKind, Workspace};
use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};

use crate::fault::{Outcome, unreadable};
use crate::rows::{named, signed, unsigned};

const COLUMNS: &str = "b.scope, b.period, b.version, b.amount";

/// Writes a new budget.
pub(crate) fn insert(connection: &Connection, workspace: i64, row: &Budget) -> Outcome<()> {
    connection
        .prepare_cached(
            "INSERT INTO budgets (workspace, scope, period, version, amount) \
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            workspace,
            scope(row.campaign_id),
            row.period.as_str(),
            signed(row.version),
            signed(row.limit_picodollars),
        ])?;
    Ok(())
}

/// Writes a changed budget.
pub(crate) fn update(connection: &Connection, workspace: i64, row: &Budget) -> Outcome<()> {
    let (scope, period) = (scope(row.campaign_id), row.period.as_str());
    let done = connection
        .prepare_cached(
            "UPDATE budgets SET version = ?4, amount = ?5 \
             WHERE workspace = ?1 AND scope = ?2 AND period = ?3 AND version = ?4 - 1",
        )?
        .execute(params![
            workspace,
            scope,
            period,
            signed(row.version),
            signed(row.limit_picodollars),
        ])?;
    if done > 0 {
        return Ok(());
    }
    let there = connection
        .prepare_cached(
            "SELECT 1 FROM budgets WHERE workspace = ?1 AND scope = ?2 AND period = ?3",
        )?
        .exists(params![workspace, scope, period])?;
    Err(if there {
        Error::new(
            ErrorKind::Conflict,
            "the budget was changed meanwhile; load it again",
        )
    } else {
        Error::not_found("budget")
    }
    .into())
}

/// Removes a budget; whether there was one.
pub(crate) fn delete(
    connection: &Connection,
    workspace: i64,
    campaign: Option<CampaignId>,
    period: Period,
) -> Outcome<bool> {
    Ok(connection
        .prepare_cached("DELETE FROM budgets WHERE workspace = ?1 AND scope = ?2 AND period = ?3")?
        .execute(params![workspace, scope(campaign), period.as_str()])?
        > 0)
}

fn read(workspace: &Workspace, row: &Row<'_>) -> rusqlite::Result<Budget> {
    let scope = row.get_ref(0)?.as_str()?;
    Ok(Budget {
        workspace: workspace.clone(),
        campaign_id: of_scope(scope).ok_or_else(|| unreadable(0, Type::Text))?,
        period: named(row, 1, Period::parse)?,
        version: unsigned(row, 2)?,
        limit_picodollars: unsigned(row, 3)?,
    })
}

/// The budgets of the workspace itself and of the campaign.
pub(crate) fn applying(
    connection: &Connection,
    workspace: &Workspace,
    key: i64,
    campaign: Option<CampaignId>,
) -> Outcome<Vec<Budget>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM budgets b WHERE b.workspace = ?1 AND b.scope IN ('', ?2)"
    ))?;
    let rows = statement.query_map((key, scope(campaign)), |row| read(workspace, row))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Lists budgets and what is used of them.
pub(crate) fn list(
    connection: &Connection,
    workspace: &Workspace,
    key: i64,
    query: &BudgetQuery,
) -> Outcome<Vec<BudgetState>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, coalesce(s.spent, 0), coalesce(s.reserved, 0) FROM budgets b \
         LEFT JOIN spent s ON s.workspace = b.workspace AND s.scope = b.scope \
             AND s.day = iif(b.period = 'day', ?2, '') \
         WHERE b.workspace = ?1 AND (?3 IS NULL OR b.scope = ?3) \
         ORDER BY b.scope, b.period DESC LIMIT ?4 OFFSET ?5"
    ))?;
    let limit = match query.limit {
        0 => 100,
        limit => limit.min(1_000),
    };
    let values = params![key, day(query.day), query.of.map(scope), limit, query.skip];
    let rows = statement.query_map(values, |row| {
        Ok(BudgetState {
            budget: read(workspace, row)?,
            spent_picodollars: unsigned(row, 4)?,
            reserved_picodollars: unsigned(row, 5)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// A day as stored.
pub(crate) fn day(day: NaiveDate) -> String {
    day.to_string()
}

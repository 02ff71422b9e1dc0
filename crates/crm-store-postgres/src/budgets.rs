//! Budgets: what may be spent.

use chrono::NaiveDate;
use crm_core::budget::{Budget, BudgetState, Period, of_scope, scope};
use crm_core::id::CampaignId;
use crm_core::port::store::BudgetQuery;
use crm_core::{Error, ErrorKind, Workspace};
use sqlx::postgres::PgRow;

use crate::fault::{Outcome, unreadable};
use crate::query::{Db, Filter};
use crate::rows::{get, named, signed, unsigned};

const COLUMNS: &str = "b.scope, b.period, b.version, b.amount";

/// Writes a new budget.
pub(crate) async fn insert(db: &mut Db<'_>, row: &Budget) -> Outcome<()> {
    sqlx::query(db.sql(
        "INSERT INTO crm.budgets (workspace, scope, period, version, amount) \
         VALUES ($1, $2, $3, $4, $5)",
    ))
    .bind(db.key)
    .bind(scope(row.campaign_id))
    .bind(row.period.as_str())
    .bind(signed(row.version))
    .bind(signed(row.limit_picodollars))
    .execute(&mut *db.connection)
    .await?;
    Ok(())
}

/// Writes a changed budget.
pub(crate) async fn update(db: &mut Db<'_>, row: &Budget) -> Outcome<()> {
    let (scope, period) = (scope(row.campaign_id), row.period.as_str());
    let done = sqlx::query(db.sql(
        "UPDATE crm.budgets SET version = $4, amount = $5 \
         WHERE workspace = $1 AND scope = $2 AND period = $3 AND version = $4 - 1",
    ))
    .bind(db.key)
    .bind(&scope)
    .bind(period)
    .bind(signed(row.version))
    .bind(signed(row.limit_picodollars))
    .execute(&mut *db.connection)
    .await?
    .rows_affected();
    if done > 0 {
        return Ok(());
    }
    let there: bool = sqlx::query_scalar(db.sql(
        "SELECT EXISTS (SELECT 1 FROM crm.budgets \
         WHERE workspace = $1 AND scope = $2 AND period = $3)",
    ))
    .bind(db.key)
    .bind(&scope)
    .bind(period)
    .fetch_one(&mut *db.connection)
    .await?;
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
pub(crate) async fn delete(
    db: &mut Db<'_>,
    campaign: Option<CampaignId>,
    period: Period,
) -> Outcome<bool> {
    let done = sqlx::query(
        db.sql("DELETE FROM crm.budgets WHERE workspace = $1 AND scope = $2 AND period = $3"),
    )
    .bind(db.key)
    .bind(scope(campaign))
    .bind(period.as_str())
    .execute(&mut *db.connection)
    .await?
    .rows_affected();
    Ok(done > 0)
}

fn read(workspace: &Workspace, row: &PgRow) -> Outcome<Budget> {
    Ok(Budget {
        workspace: workspace.clone(),
        campaign_id: of_scope(get(row, "scope")?).ok_or_else(|| unreadable("scope"))?,
        period: named(row, "period", Period::parse)?,
        version: unsigned(row, "version")?,
        limit_picodollars: unsigned(row, "amount")?,
    })
}

/// The budgets of the workspace itself and of the campaign.
pub(crate) async fn applying(
    db: &mut Db<'_>,
    campaign: Option<CampaignId>,
) -> Outcome<Vec<Budget>> {
    let mut filter = Filter::new(COLUMNS, "crm.budgets b", "b.workspace", db.key);
    filter
        .and("b.scope IN ('', ")
        .bind(scope(campaign))
        .raw(")");
    let rows = filter.fetch(db).await?;
    rows.iter().map(|row| read(db.workspace, row)).collect()
}

/// Lists budgets and what is used of them.
pub(crate) async fn list(db: &mut Db<'_>, query: &BudgetQuery) -> Outcome<Vec<BudgetState>> {
    let mut filter = Filter::begin("SELECT ");
    filter
        .raw(COLUMNS)
        .raw(
            ", coalesce(s.spent, 0) AS spent, coalesce(s.reserved, 0) AS reserved \
             FROM crm.budgets b LEFT JOIN crm.spent s ON s.workspace = b.workspace \
             AND s.scope = b.scope AND s.day = CASE b.period WHEN 'day' THEN ",
        )
        .bind(day(query.day))
        .raw(" ELSE '' END WHERE b.workspace = ")
        .bind(db.key);
    filter.given("b.scope = ", query.of.map(scope));
    let limit = match query.limit {
        0 => 100,
        limit => limit.min(1_000),
    };
    filter
        .raw(" ORDER BY b.scope, b.period DESC LIMIT ")
        .bind(i64::from(limit))
        .raw(" OFFSET ")
        .bind(i64::from(query.skip));
    let rows = filter.fetch(db).await?;
    rows.iter()
        .map(|row| {
            Ok(BudgetState {
                budget: read(db.workspace, row)?,
                spent_picodollars: unsigned(row, "spent")?,
                reserved_picodollars: unsigned(row, "reserved")?,
            })
        })
        .collect()
}

/// A day as stored.
pub(crate) fn day(day: NaiveDate) -> String {
    day.to_string()
}

//! What was spent on drafts: sums, call by call, and as CSV. Amounts are exact decimal numbers of US dollars.

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, NaiveDate, Utc};
use crm_core::Action;
use crm_core::budget::{EntryState, LedgerEntry, UsageGroup, UsageLine};
use crm_core::engine::Session;
use crm_core::id::CampaignId;
use crm_core::money::dollars;
use crm_core::port::store::{LedgerQuery, PageRequest, UsageQuery};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::Answer;
use crate::auth::extract::User;
use crate::csv;
use crate::error::Problem;
use crate::extract::Query;
use crate::names::{EntryStateName, UsageGroupName};
use crate::paging::{self, List};
use crate::state::App;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(sums))
        .routes(routes!(calls))
        .routes(routes!(export))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SumsOf {
    /// What is summed up.
    #[param(value_type = Option<UsageGroupName>, default = "model")]
    group: Option<UsageGroup>,
    /// From this day on, in the workspace's zone.
    from: Option<NaiveDate>,
    /// Up to this day.
    to: Option<NaiveDate>,
    campaign_id: Option<Uuid>,
    actor: Option<String>,
    model: Option<String>,
    #[param(minimum = 1, maximum = 100, default = 100)]
    limit: Option<u32>,
    /// The last `name` of the page before.
    after: Option<String>,
}

/// One sum.
#[derive(Serialize, ToSchema)]
struct UsageSum {
    /// The model, the campaign's id (empty for none), the actor or the day.
    #[schema(example = "claude-haiku-4-5")]
    name: String,
    /// Calls that ended and may have cost something.
    calls: i64,
    #[schema(example = "1.25")]
    cost_usd: String,
    /// What calls under way can cost at most.
    #[schema(example = "0.00")]
    reserved_usd: String,
    /// Not cached.
    input_tokens: i64,
    output_tokens: i64,
    /// Written to the provider's cache for five minutes.
    cache_write_5m_tokens: i64,
    /// The same for an hour.
    cache_write_1h_tokens: i64,
    cache_read_tokens: i64,
}

impl UsageSum {
    fn of(line: &UsageLine) -> Self {
        let sums = &line.amounts;
        Self {
            name: line.name.clone(),
            calls: sums.calls,
            cost_usd: dollars(sums.cost_picodollars.into()),
            reserved_usd: dollars(sums.reserved_picodollars.into()),
            input_tokens: sums.input_tokens,
            output_tokens: sums.output_tokens,
            cache_write_5m_tokens: sums.cache_write_5m_tokens,
            cache_write_1h_tokens: sums.cache_write_1h_tokens,
            cache_read_tokens: sums.cache_read_tokens,
        }
    }
}

/// Sums of usage.
#[derive(Serialize, ToSchema)]
struct UsageSums {
    items: Vec<UsageSum>,
}

/// Sums up what was spent on drafts, by model, campaign, actor or day.
#[utoipa::path(get, path = "/api/usage", tag = "budgets", params(SumsOf),
    responses((status = 200, body = UsageSums)))]
async fn sums(user: User, Query(of): Query<SumsOf>) -> Answer<UsageSums> {
    let limit = of.limit.unwrap_or(100);
    if !(1..=100).contains(&limit) {
        return Err(Problem::invalid("limit", "use 1 to 100"));
    }
    let query = UsageQuery {
        group: of.group.unwrap_or_default(),
        from: of.from,
        to: of.to,
        campaign: of.campaign_id.map(|id| Some(CampaignId(id))),
        actor: of.actor,
        model: of.model,
        after: of.after,
        limit,
    };
    let found = user.usage().sums(query).await?;
    let items = found.iter().map(UsageSum::of).collect();
    Ok(axum::Json(UsageSums { items }))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Calls {
    #[param(value_type = Option<EntryStateName>)]
    state: Option<EntryState>,
    campaign_id: Option<Uuid>,
    actor: Option<String>,
    /// That count for this day or a later one, in the workspace's zone.
    from: Option<NaiveDate>,
    /// That count for this day or an earlier one.
    to: Option<NaiveDate>,
    skip: Option<u32>,
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
    /// `next_cursor` of the page before; not together with `skip`.
    cursor: Option<Uuid>,
}

impl Calls {
    fn query(self, page: PageRequest) -> LedgerQuery {
        LedgerQuery {
            state: self.state,
            campaign_id: self.campaign_id.map(CampaignId),
            actor: self.actor,
            from: self.from,
            to: self.to,
            page,
            ..LedgerQuery::default()
        }
    }
}

/// One call of a model.
#[derive(Serialize, ToSchema)]
struct UsageCall {
    id: Uuid,
    /// When it was reserved.
    at: DateTime<Utc>,
    /// The day it counts for, in the workspace's zone.
    day: NaiveDate,
    actor: String,
    campaign_id: Option<Uuid>,
    /// The model that was asked; empty when it has no name.
    model: String,
    /// The model that answered.
    answered: Option<String>,
    /// `reserved` (under way), `settled`, `released` (cost nothing) or `assumed` (the answer was lost: counted as
    /// much as was reserved).
    #[schema(value_type = EntryStateName)]
    state: EntryState,
    /// The most it could cost; null when the price was not known.
    reserved_usd: Option<String>,
    cost_usd: String,
    input_tokens: u64,
    output_tokens: u64,
    cache_write_5m_tokens: u64,
    cache_write_1h_tokens: u64,
    cache_read_tokens: u64,
    batch: bool,
    request_id: Option<String>,
    /// Code, when there was no draft.
    failure: Option<String>,
    closed_at: Option<DateTime<Utc>>,
}

impl UsageCall {
    fn of(entry: &LedgerEntry) -> Self {
        let usd = |pico: u64| dollars(pico.into());
        let usage = &entry.usage;
        Self {
            id: entry.id.0,
            at: entry.at,
            day: entry.day,
            actor: entry.actor.clone(),
            campaign_id: entry.campaign_id.map(|id| id.0),
            model: entry.model.clone(),
            answered: entry.answered.clone(),
            state: entry.state,
            reserved_usd: entry.reserved_picodollars.map(usd),
            cost_usd: usd(entry.cost_picodollars),
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            cache_write_5m_tokens: usage.cache_write_5m_tokens,
            cache_write_1h_tokens: usage.cache_write_1h_tokens,
            cache_read_tokens: usage.cache_read_tokens,
            batch: entry.batch,
            request_id: entry.request_id.clone(),
            failure: entry.failure.clone(),
            closed_at: entry.closed_at,
        }
    }
}

/// Lists calls of models, newest first.
#[utoipa::path(get, path = "/api/usage/calls", tag = "budgets", params(Calls),
    responses((status = 200, body = List<UsageCall>)))]
async fn calls(user: User, Query(calls): Query<Calls>) -> Answer<List<UsageCall>> {
    let page = paging::request(calls.skip, calls.limit, calls.cursor)?;
    let found = user.usage().entries(calls.query(page)).await?;
    Ok(axum::Json(List::of(page, &found, UsageCall::of)))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Exported {
    campaign_id: Option<Uuid>,
    actor: Option<String>,
    /// That count for this day or a later one, in the workspace's zone.
    from: Option<NaiveDate>,
    /// That count for this day or an earlier one.
    to: Option<NaiveDate>,
}

/// Columns of the export.
const COLUMNS: [&str; 19] = [
    "id",
    "at",
    "day",
    "actor",
    "campaign_id",
    "model",
    "answered",
    "state",
    "reserved_usd",
    "cost_usd",
    "input_tokens",
    "output_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "cache_read_tokens",
    "batch",
    "request_id",
    "failure",
    "closed_at",
];

fn cells(entry: &LedgerEntry) -> [String; 19] {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let usd = |pico: u64| dollars(pico.into());
    let usage = &entry.usage;
    [
        entry.id.to_string(),
        entry.at.to_rfc3339(),
        entry.day.to_string(),
        entry.actor.clone(),
        entry
            .campaign_id
            .map(|id| id.to_string())
            .unwrap_or_default(),
        entry.model.clone(),
        text(&entry.answered),
        entry.state.as_str().to_owned(),
        entry.reserved_picodollars.map(usd).unwrap_or_default(),
        usd(entry.cost_picodollars),
        usage.input_tokens.to_string(),
        usage.output_tokens.to_string(),
        usage.cache_write_5m_tokens.to_string(),
        usage.cache_write_1h_tokens.to_string(),
        usage.cache_read_tokens.to_string(),
        entry.batch.to_string(),
        text(&entry.request_id),
        text(&entry.failure),
        entry
            .closed_at
            .map(|at| at.to_rfc3339())
            .unwrap_or_default(),
    ]
}

/// All calls of models as CSV, oldest first. Cells that a spreadsheet would run as a formula begin with an
/// apostrophe.
#[utoipa::path(get, path = "/api/usage.csv", tag = "budgets", params(Exported),
    responses((status = 200, content_type = "text/csv", body = String)))]
async fn export(user: User, Query(exported): Query<Exported>) -> Result<Response, Problem> {
    user.actor().require(Action::Export)?;
    let session = user.session();
    let query = LedgerQuery {
        campaign_id: exported.campaign_id.map(CampaignId),
        actor: exported.actor,
        from: exported.from,
        to: exported.to,
        page: PageRequest {
            limit: 1_000,
            oldest_first: true,
            ..PageRequest::default()
        },
        ..LedgerQuery::default()
    };
    let first = chunk(&session, &query, None).await?;
    let start = (
        (session, query),
        Some((csv::line(&COLUMNS, ",") + &first.0, first.1)),
    );
    let stream = futures_util::stream::unfold(start, |(what, part)| async move {
        let (text, next) = part?;
        let following = match next {
            None => None,
            Some(after) => match chunk(&what.0, &what.1, Some(after)).await {
                Ok(part) => Some(part),
                Err(_) => {
                    return Some((Err(std::io::Error::other("interrupted")), (what, None)));
                }
            },
        };
        Some((Ok(Bytes::from(text)), (what, following)))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"usage.csv\"",
        ),
    ];
    Ok((headers, Body::from_stream(stream)).into_response())
}

async fn chunk(
    session: &Session,
    query: &LedgerQuery,
    after: Option<Uuid>,
) -> Result<(String, Option<Uuid>), Problem> {
    let mut query = query.clone();
    query.page.after = after;
    let found = session.usage().export(query).await?;
    let text = found
        .items
        .iter()
        .map(|entry| csv::line(&cells(entry), ","))
        .collect();
    Ok((text, found.next))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crm_core::Workspace;
    use crm_core::id::LedgerId;

    #[test]
    fn a_file_is_exact_and_runs_nothing() {
        let at = DateTime::<Utc>::UNIX_EPOCH;
        let entry = LedgerEntry {
            workspace: Workspace::default(),
            id: LedgerId(Uuid::nil()),
            at,
            day: at.date_naive(),
            actor: "=HYPERLINK(1)".to_owned(),
            campaign_id: None,
            model: "@model".to_owned(),
            key: None,
            held: false,
            reserved_picodollars: None,
            state: EntryState::Settled,
            cost_picodollars: 9_007_199_254_740_993,
            usage: crm_core::port::llm::Usage::default(),
            batch: false,
            answered: Some("-2+3".to_owned()),
            request_id: Some("r-1".to_owned()),
            failure: Some("declined".to_owned()),
            expires_at: at,
            closed_at: Some(at),
        };
        let line = csv::line(&cells(&entry), ",");
        assert!(
            line.ends_with(",false,r-1,declined,1970-01-01T00:00:00+00:00\r\n"),
            "{line}"
        );
        assert!(
            line.contains(",\"'=HYPERLINK(1)\",,\"'@model\",\"'-2+3\",settled,,9007.199254740993,")
        );
        assert_eq!(COLUMNS.len(), cells(&entry).len());
    }
}

//! Lists of messages by risk.
//!
//! The index `messages_risk` holds the ids of what is not decided yet in order, a run for each status and risk. The
//! riskiest first is one run after the other, and "at least this grave" in order of id is their merge: each is asked
//! from where the page begins, for no more than the page.

use crm_core::guardrail::Severity;
use crm_core::message::{Message, Status};
use crm_core::port::store::{MessageQuery, Page};
use uuid::Uuid;

use crate::fault::Outcome;
use crate::lists::{Lower, TEXT, conditions, narrow, rows_of};
use crate::query::{Db, Filter};

/// The number in the column `risk`.
pub(crate) fn number(severity: Severity) -> i32 {
    i32::from(severity.risk())
}

/// A run of the index, from this id on.
struct Run {
    status: &'static str,
    risk: i32,
    after: Option<Uuid>,
}

/// The page, when it is asked for by risk and this is the way to it.
pub(crate) async fn list(
    db: &mut Db<'_>,
    query: &MessageQuery,
    lower: Lower,
) -> Outcome<Option<Page<Message>>> {
    let by_runs = undecided(query) && (query.gravest_first || query.severity.is_some());
    if !by_runs && !query.gravest_first {
        return Ok(None);
    }
    let behind = match query.page.after {
        Some(id) if query.gravest_first => match risk_of(db, id).await? {
            Some(risk) => Some(risk),
            None => {
                return Ok(Some(Page {
                    items: Vec::new(),
                    total: None,
                    next: None,
                }));
            }
        },
        _ => None,
    };
    let (order, nulls, beyond) = if query.page.oldest_first {
        ("ASC", " NULLS FIRST", ">")
    } else {
        ("DESC", " NULLS LAST", "<")
    };
    let limit = query.page.limit.clamp(1, 1_000);
    let wanted = i64::from(limit) + 1;
    let mut filter = Filter::begin("SELECT m.* FROM (SELECT k.id, k.risk FROM (");
    if by_runs {
        let rest = MessageQuery {
            statuses: Vec::new(),
            severity: None,
            ..query.clone()
        };
        // There may be no run at all: nothing is so grave and behind what is less grave.
        filter.raw("(SELECT m.id, m.risk FROM crm.messages m WHERE false)");
        for run in runs(query, behind) {
            filter.raw(" UNION ALL (");
            begin(&mut filter, query, db.key);
            filter
                .and("NOT m.deleted AND m.status = '")
                .raw(run.status)
                .raw("' AND m.risk = ")
                .raw(&run.risk.to_string());
            conditions(&mut filter, &rest, lower);
            if let Some(after) = run.after {
                filter.and("m.id ").raw(beyond).raw(" ").bind(after);
            }
            filter
                .raw(" ORDER BY m.id ")
                .raw(order)
                .raw(nulls)
                .raw(" LIMIT ")
                .bind(wanted + i64::from(query.page.skip))
                .raw(")");
        }
    } else {
        begin(&mut filter, query, db.key);
        conditions(&mut filter, query, lower);
        if let (Some(risk), Some(after)) = (behind, query.page.after) {
            filter.and("(m.risk < ").bind(risk);
            filter.raw(" OR (m.risk = ").bind(risk);
            filter
                .and("m.id ")
                .raw(beyond)
                .raw(" ")
                .bind(after)
                .raw("))");
        }
    }
    let grave = |alias: &str| match query.gravest_first {
        true => format!("{alias}.risk DESC, {alias}.id {order}"),
        false => format!("{alias}.id {order}"),
    };
    filter
        .raw(") AS k ORDER BY ")
        .raw(&grave("k"))
        .raw(" LIMIT ")
        .bind(wanted)
        .raw(" OFFSET ")
        .bind(i64::from(query.page.skip));
    rows_of(db, filter, &grave("i"), limit).await.map(Some)
}

/// Begins the look for messages of the workspace, with their texts if those are asked for.
fn begin(filter: &mut Filter, query: &MessageQuery, key: i64) {
    filter.raw("SELECT m.id, m.risk FROM crm.messages m");
    if query.search.is_some() {
        filter.raw(TEXT);
    }
    filter.raw(" WHERE m.workspace = ").bind(key);
}

/// Whether only what is not decided yet is asked for, of the whole workspace.
fn undecided(query: &MessageQuery) -> bool {
    let open = |status: &Status| matches!(status, Status::Draft | Status::PendingApproval);
    !query.statuses.is_empty()
        && query.statuses.iter().all(open)
        && query.campaign_id.is_none()
        && !narrow(query)
}

/// The runs that the page may have a part of; `behind` is the risk of what it is behind.
fn runs(query: &MessageQuery, behind: Option<i32>) -> Vec<Run> {
    let least = query.severity.map_or(0, number);
    let mut runs = Vec::new();
    for risk in (least..=3)
        .rev()
        .filter(|risk| behind.is_none_or(|most| *risk <= most))
    {
        let here = !query.gravest_first || behind == Some(risk);
        for status in &query.statuses {
            runs.push(Run {
                status: status.as_str(),
                risk,
                after: query.page.after.filter(|_| here),
            });
        }
    }
    runs
}

/// The risk of a message.
async fn risk_of(db: &mut Db<'_>, id: Uuid) -> Outcome<Option<i32>> {
    Ok(
        sqlx::query_scalar(
            db.sql("SELECT risk FROM crm.messages WHERE workspace = $1 AND id = $2"),
        )
        .bind(db.key)
        .bind(id)
        .fetch_optional(&mut *db.connection)
        .await?,
    )
}

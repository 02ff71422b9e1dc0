//! Lists of messages by risk.
//!
//! The index `messages_risk` holds the ids of what is not decided yet in order, a run for each status and risk. The
//! riskiest first is one run after the other, and "at least this grave" in order of id is their merge: each is asked
//! from where the page begins, for no more than the page.

use crm_core::Workspace;
use crm_core::guardrail::Severity;
use crm_core::message::{Message, Status};
use crm_core::port::store::{MessageQuery, Page};
use rusqlite::{Connection, OptionalExtension};
use uuid::Uuid;

use crate::fault::Outcome;
use crate::lists::{filter, narrow};
use crate::messages::{FROM, one};
use crate::query::blob;

/// What is walked in order of `messages_risk`.
const BY_RISK: &str = "messages m INDEXED BY messages_risk";
const BY_RISK_WITH_TEXT: &str = "messages m INDEXED BY messages_risk JOIN revisions r \
    ON r.workspace = m.workspace AND r.message = m.id AND r.number = m.revision";

/// The number in the column `risk`.
pub(crate) fn number(severity: Severity) -> i64 {
    i64::from(severity.risk())
}

/// The page, when it is asked for by risk and this is the way to it.
pub(crate) fn list(
    connection: &Connection,
    workspace: &Workspace,
    key: i64,
    query: &MessageQuery,
) -> Outcome<Option<Page<Message>>> {
    let by_runs = undecided(query) && (query.gravest_first || query.severity.is_some());
    if !by_runs && !query.gravest_first {
        return Ok(None);
    }
    let mut page = Page {
        items: Vec::new(),
        total: None,
        next: None,
    };
    let behind = match query.page.after {
        Some(id) if query.gravest_first => match risk_of(connection, key, id)? {
            Some(risk) => Some(risk),
            None => return Ok(Some(page)),
        },
        _ => None,
    };
    let limit = usize::try_from(query.page.limit.clamp(1, 1_000)).unwrap_or(usize::MAX);
    let skip = usize::try_from(query.page.skip).unwrap_or(usize::MAX);
    // One more shows whether there is a next page.
    let wanted = limit.saturating_add(1).saturating_add(skip);
    let ids = if by_runs {
        of_runs(connection, key, query, behind, wanted)?
    } else {
        sorted(connection, key, query, behind, wanted)?
    };
    let more = ids.len() == wanted;
    for id in ids.into_iter().skip(skip).take(limit) {
        page.items.extend(one(
            connection,
            workspace,
            key,
            crm_core::id::MessageId(id),
        )?);
    }
    page.next = page.items.last().filter(|_| more).map(|last| last.id.0);
    Ok(Some(page))
}

/// Whether only what is not decided yet is asked for, of the whole workspace.
fn undecided(query: &MessageQuery) -> bool {
    let open = |status: &Status| matches!(status, Status::Draft | Status::PendingApproval);
    !query.statuses.is_empty()
        && query.statuses.iter().all(open)
        && query.campaign_id.is_none()
        && query.lease_before.is_none()
        && !narrow(query)
}

/// The order of ids, and what is behind one in it.
const fn direction(query: &MessageQuery) -> (&'static str, &'static str) {
    if query.page.oldest_first {
        ("ASC", "m.id > ?")
    } else {
        ("DESC", "m.id < ?")
    }
}

/// The first ids of the page from the runs that it may have a part of.
fn of_runs(
    connection: &Connection,
    key: i64,
    query: &MessageQuery,
    behind: Option<i64>,
    wanted: usize,
) -> Outcome<Vec<Uuid>> {
    let rest = MessageQuery {
        statuses: Vec::new(),
        severity: None,
        ..query.clone()
    };
    let (order, beyond) = direction(query);
    let end = format!(" ORDER BY m.id {order} LIMIT ?");
    let limit = i64::try_from(wanted).unwrap_or(i64::MAX);
    let from = if query.search.is_some() {
        BY_RISK_WITH_TEXT
    } else {
        BY_RISK
    };
    let in_order = |ids: &mut Vec<Uuid>| {
        ids.sort_unstable();
        if !query.page.oldest_first {
            ids.reverse();
        }
        ids.truncate(wanted);
    };
    let least = query.severity.map_or(0, number);
    let mut all: Vec<Uuid> = Vec::new();
    for risk in (least..=3).rev() {
        if behind.is_some_and(|most| risk > most) || (query.gravest_first && all.len() >= wanted) {
            continue;
        }
        let here = !query.gravest_first || behind == Some(risk);
        let mut found = Vec::new();
        for status in &query.statuses {
            let mut conditions = filter(key, &rest);
            // The second is there to be recognised by the index.
            conditions
                .and("m.status = ? AND m.status IN ('draft', 'pending_approval')")
                .bind(status.as_str().to_owned());
            conditions.and("m.risk = ?").bind(risk);
            conditions.given(beyond, query.page.after.filter(|_| here).map(blob));
            conditions.bind(limit);
            found.extend(conditions.found(connection, "m.id", from, &end)?);
        }
        in_order(&mut found);
        all.extend(found);
    }
    if !query.gravest_first {
        in_order(&mut all);
    }
    all.truncate(wanted);
    Ok(all)
}

/// The first ids of the page, of all that match.
fn sorted(
    connection: &Connection,
    key: i64,
    query: &MessageQuery,
    behind: Option<i64>,
    wanted: usize,
) -> Outcome<Vec<Uuid>> {
    let (order, _) = direction(query);
    let mut conditions = filter(key, query);
    if let (Some(risk), Some(after)) = (behind, query.page.after) {
        let beyond = if query.page.oldest_first {
            "(m.risk < ? OR (m.risk = ? AND m.id > ?))"
        } else {
            "(m.risk < ? OR (m.risk = ? AND m.id < ?))"
        };
        conditions
            .and(beyond)
            .bind(risk)
            .bind(risk)
            .bind(blob(after));
    }
    conditions.bind(i64::try_from(wanted).unwrap_or(i64::MAX));
    let end = format!(" ORDER BY m.risk DESC, m.id {order} LIMIT ?");
    let from = if query.search.is_some() {
        FROM
    } else {
        "messages m"
    };
    conditions.found(connection, "m.id", from, &end)
}

/// The risk of a message.
fn risk_of(connection: &Connection, key: i64, id: Uuid) -> Outcome<Option<i64>> {
    Ok(connection
        .prepare_cached("SELECT risk FROM messages WHERE workspace = ?1 AND id = ?2")?
        .query_row((key, id), |row| row.get(0))
        .optional()?)
}

//! Lists of messages: which way is short, and how far to go on it.
//!
//! Messages are listed in order of id. The index `messages_kind` holds the ids of every combination of
//! status, occasion and author in that order, `messages_campaign` those of every campaign and status. A
//! list is the merge of the combinations that a query allows: few are asked, each from where the page
//! begins, and each for no more than the page. So the cost depends neither on the depth nor on how many
//! messages meet one condition and miss the other.

use crm_core::Workspace;
use crm_core::id::CampaignId;
use crm_core::message::{GeneratedBy, Message, Occasion, Status};
use crm_core::port::store::{MessageQuery, Page};
use rusqlite::types::Value;
use rusqlite::{Connection, Statement, ToSql, params_from_iter};
use uuid::Uuid;

use crate::counters;
use crate::fault::Outcome;
use crate::messages::{COLUMNS, FROM, read};
use crate::query::{Filter, List, blob};
use crate::risk;
use crate::rows::{micros, named, opt_micros};

/// Skipping more than this many walks row by row: nobody reads on by skipping so far.
const SKIPPED: u32 = 1_000;

/// Ids taken from the index at once when the rows have conditions of their own.
const STRIDE: usize = 1_000;

/// Lists messages.
pub(crate) fn list(
    connection: &Connection,
    workspace: &Workspace,
    key: i64,
    query: &MessageQuery,
) -> Outcome<Page<Message>> {
    let total = counted(connection, key, query)?;
    let mut query = query.clone();
    query.page.count &= total.is_none();
    query.statuses.sort_unstable();
    query.statuses.dedup();
    if let Some(mut page) = risk::list(connection, workspace, key, &query)? {
        page.total = match total {
            Some(total) => Some(total),
            None => count(connection, key, &query)?,
        };
        return Ok(page);
    }
    let mut page = match branches(connection, key, &query)? {
        Some(branches) => {
            let counted = count(connection, key, &query)?;
            let mut page = merged(connection, workspace, key, &query, &branches)?;
            page.total = counted;
            page
        }
        None => one_list(connection, workspace, key, &query)?,
    };
    if total.is_some() {
        page.total = total;
    }
    Ok(page)
}

/// The number of matching messages, when a counter holds it.
fn counted(connection: &Connection, key: i64, query: &MessageQuery) -> Outcome<Option<u64>> {
    if !query.page.count {
        return Ok(None);
    }
    let plain = MessageQuery {
        page: query.page,
        ..MessageQuery::default()
    };
    let name = match (
        query.statuses.as_slice(),
        query.occasion,
        query.generated_by,
    ) {
        ([], None, None) => "message.total".to_owned(),
        ([status], None, None) => format!("message.status.{}", status.as_str()),
        ([], Some(occasion), None) => format!("message.occasion.{}", occasion.as_str()),
        ([], None, Some(by)) => format!("message.generated_by.{}", by.as_str()),
        _ => return Ok(None),
    };
    let rest = MessageQuery {
        statuses: Vec::new(),
        occasion: None,
        generated_by: None,
        gravest_first: false,
        ..query.clone()
    };
    if rest != plain {
        return Ok(None);
    }
    let value = counters::one(connection, key, &name)?;
    Ok(Some(u64::try_from(value).unwrap_or(0)))
}

/// A run of ids in an index.
#[derive(Debug, Clone, Copy)]
enum Branch {
    Kind(Status, Occasion, GeneratedBy),
    Campaign(CampaignId, Status),
}

impl Branch {
    /// The ids of one branch between two others, in the order of the list.
    const fn sql(self, oldest_first: bool) -> &'static str {
        match (self, oldest_first) {
            (Self::Kind(..), false) => {
                "SELECT id FROM messages INDEXED BY messages_kind WHERE workspace = ?1 \
                 AND status = ?2 AND occasion = ?3 AND generated_by = ?4 AND deleted = 0 \
                 AND id < ?5 AND id > ?6 ORDER BY id DESC LIMIT ?7"
            }
            (Self::Kind(..), true) => {
                "SELECT id FROM messages INDEXED BY messages_kind WHERE workspace = ?1 \
                 AND status = ?2 AND occasion = ?3 AND generated_by = ?4 AND deleted = 0 \
                 AND id > ?5 AND id < ?6 ORDER BY id LIMIT ?7"
            }
            (Self::Campaign(..), false) => {
                "SELECT id FROM messages INDEXED BY messages_campaign WHERE workspace = ?1 \
                 AND campaign = ?2 AND status = ?3 AND deleted = 0 \
                 AND id < ?4 AND id > ?5 ORDER BY id DESC LIMIT ?6"
            }
            (Self::Campaign(..), true) => {
                "SELECT id FROM messages INDEXED BY messages_campaign WHERE workspace = ?1 \
                 AND campaign = ?2 AND status = ?3 AND deleted = 0 \
                 AND id > ?4 AND id < ?5 ORDER BY id LIMIT ?6"
            }
        }
    }
}

/// Whether a condition leads to few messages by an index of its own.
pub(crate) const fn narrow(query: &MessageQuery) -> bool {
    !query.ids.is_empty()
        || query.contact_id.is_some()
        || query.expires_before.is_some()
        || query.queued_before.is_some()
        || query.provider_id.is_some()
}

/// The branches to merge; `None` when something narrower leads, or everything is asked for.
fn branches(
    connection: &Connection,
    key: i64,
    query: &MessageQuery,
) -> Outcome<Option<Vec<Branch>>> {
    let everything = query.statuses.is_empty()
        && query.lease_before.is_none()
        && query.campaign_id.is_none()
        && query.occasion.is_none()
        && query.generated_by.is_none();
    if narrow(query) || everything || query.page.skip > SKIPPED {
        return Ok(None);
    }
    let statuses = match (query.statuses.as_slice(), query.lease_before) {
        // Nothing else has a lease, and few have these.
        ([], Some(_)) => vec![Status::Claimed, Status::Sending],
        ([], None) => present(connection, key, query.campaign_id)?,
        (given, _) => given.to_vec(),
    };
    if let Some(campaign) = query.campaign_id {
        let one = |status: &Status| Branch::Campaign(campaign, *status);
        return Ok(Some(statuses.iter().map(one).collect()));
    }
    let occasions = query
        .occasion
        .map_or(Occasion::ALL.to_vec(), |one| vec![one]);
    let authors = query
        .generated_by
        .map_or(GeneratedBy::ALL.to_vec(), |one| vec![one]);
    let mut all = Vec::with_capacity(statuses.len() * occasions.len() * authors.len());
    for status in &statuses {
        for occasion in &occasions {
            all.extend(
                authors
                    .iter()
                    .map(|by| Branch::Kind(*status, *occasion, *by)),
            );
        }
    }
    Ok(Some(all))
}

/// The statuses that messages have now, of one campaign or at all: one step in the index for each.
fn present(
    connection: &Connection,
    key: i64,
    campaign: Option<CampaignId>,
) -> Outcome<Vec<Status>> {
    let sql = match campaign {
        None => {
            "SELECT status FROM messages INDEXED BY messages_kind WHERE workspace = ?1 \
             AND ?2 IS NULL AND deleted = 0 AND status > ?3 ORDER BY status LIMIT 1"
        }
        Some(_) => {
            "SELECT status FROM messages INDEXED BY messages_campaign WHERE workspace = ?1 \
             AND campaign = ?2 AND deleted = 0 AND status > ?3 ORDER BY status LIMIT 1"
        }
    };
    let mut statement = connection.prepare_cached(sql)?;
    let campaign = campaign.map(|id| id.0);
    let mut found = Vec::new();
    let mut last = String::new();
    loop {
        let mut rows = statement.query((key, campaign, &last))?;
        let Some(row) = rows.next()? else {
            return Ok(found);
        };
        found.push(named(row, 0, Status::parse)?);
        last = row.get(0)?;
    }
}

/// The next ids of all branches together, behind `after`, in the order of the list: at most `wanted`.
fn ids(
    connection: &Connection,
    key: i64,
    branches: &[Branch],
    oldest_first: bool,
    after: Option<Uuid>,
    wanted: usize,
) -> Outcome<Vec<Uuid>> {
    // Before every id, and behind every one.
    let (least, most) = (Vec::new(), vec![0xff_u8; 17]);
    let (begin, end) = if oldest_first {
        (least, most)
    } else {
        (most, least)
    };
    let begin = after.map_or(begin, |id| id.as_bytes().to_vec());
    let mut end = end;
    let mut all: Vec<Uuid> = Vec::new();
    let Some(first) = branches.first() else {
        return Ok(all);
    };
    // All branches of one list lie in the same index.
    let mut statement = connection.prepare_cached(first.sql(oldest_first))?;
    let limit = i64::try_from(wanted).unwrap_or(i64::MAX);
    for branch in branches {
        let before = all.len();
        let mut rows = match branch {
            Branch::Kind(status, occasion, by) => statement.query((
                key,
                status.as_str(),
                occasion.as_str(),
                by.as_str(),
                &begin,
                &end,
                limit,
            )),
            Branch::Campaign(id, status) => {
                statement.query((key, id.0, status.as_str(), &begin, &end, limit))
            }
        }?;
        while let Some(row) = rows.next()? {
            all.push(row.get(0)?);
        }
        if all.len() == before {
            continue;
        }
        all.sort_unstable();
        if !oldest_first {
            all.reverse();
        }
        // What lies behind the last wanted one is not wanted of the other branches either.
        all.truncate(wanted);
        if all.len() == wanted
            && let Some(last) = all.last()
        {
            end = last.as_bytes().to_vec();
        }
    }
    Ok(all)
}

/// The page that the branches hold together.
fn merged(
    connection: &Connection,
    workspace: &Workspace,
    key: i64,
    query: &MessageQuery,
    branches: &[Branch],
) -> Outcome<Page<Message>> {
    let (conditions, values) = of_rows(query);
    let sql =
        format!("SELECT {COLUMNS} FROM {FROM} WHERE m.workspace = ?1 AND m.id = ?2{conditions}");
    let mut row = connection.prepare_cached(&sql)?;
    let limit = usize::try_from(query.page.limit.clamp(1, 1_000)).unwrap_or(usize::MAX);
    let mut skip = usize::try_from(query.page.skip).unwrap_or(usize::MAX);
    // One more shows whether there is a next page.
    let mut wanted = limit.saturating_add(1).saturating_add(skip);
    let mut after = query.page.after;
    let mut items = Vec::with_capacity(limit);
    let mut more = false;
    loop {
        let found = ids(
            connection,
            key,
            branches,
            query.page.oldest_first,
            after,
            wanted,
        )?;
        let last = found.len() < wanted;
        after = found.last().copied();
        let passed = if conditions.is_empty() { skip } else { 0 };
        for id in found.into_iter().skip(passed) {
            if items.len() == limit && conditions.is_empty() {
                more = true;
                break;
            }
            let Some(message) = one(&mut row, workspace, key, id, &values)? else {
                continue;
            };
            if passed == 0 && skip > 0 {
                skip -= 1;
            } else if items.len() == limit {
                more = true;
                break;
            } else {
                items.push(message);
            }
        }
        if last || more || conditions.is_empty() {
            break;
        }
        wanted = STRIDE;
    }
    let next = items
        .last()
        .filter(|_| more)
        .map(|last: &Message| last.id.0);
    Ok(Page {
        items,
        total: None,
        next,
    })
}

fn one(
    statement: &mut Statement<'_>,
    workspace: &Workspace,
    key: i64,
    id: Uuid,
    values: &[Value],
) -> Outcome<Option<Message>> {
    let ends: [&dyn ToSql; 2] = [&key, &id];
    let values = values.iter().map(|value| value as &dyn ToSql);
    let mut rows = statement.query(params_from_iter(ends.into_iter().chain(values)))?;
    match rows.next()? {
        Some(row) => Ok(Some(read(workspace, row)?)),
        None => Ok(None),
    }
}

/// The conditions that no branch answers, with their values.
fn of_rows(query: &MessageQuery) -> (String, Vec<Value>) {
    let mut sql = String::new();
    let mut values = Vec::new();
    let mut given = |condition: &str, value: Option<Value>| {
        if let Some(value) = value {
            sql.push_str(" AND ");
            sql.push_str(condition);
            values.push(value);
        }
    };
    if query.campaign_id.is_some() {
        let name = |name: &str| Value::Text(name.to_owned());
        given(
            "m.occasion = ?",
            query.occasion.map(|one| name(one.as_str())),
        );
        given(
            "m.generated_by = ?",
            query.generated_by.map(|one| name(one.as_str())),
        );
    }
    given(
        "m.lease_until < ?",
        opt_micros(query.lease_before).map(Value::Integer),
    );
    given(
        "m.risk >= ?",
        query
            .severity
            .map(|severity| Value::Integer(risk::number(severity))),
    );
    if let Some(text) = &query.search {
        let text = Value::Text(text.to_lowercase());
        given("(crm_contains(r.content, ?)", Some(text.clone()));
        sql.push_str(" OR crm_contains(r.subject, ?))");
        values.push(text);
    }
    (sql, values)
}

/// All conditions of a query.
pub(crate) fn filter(key: i64, query: &MessageQuery) -> Filter {
    let mut filter = Filter::new("m.workspace = ?", key);
    filter.ids(
        "m.id IN (SELECT unhex(value) FROM json_each(?))",
        query.ids.iter().map(|id| id.0),
    );
    if !query.finds_deleted() {
        filter.and("m.deleted = 0");
    }
    let statuses: Vec<&str> = query
        .statuses
        .iter()
        .map(|status| status.as_str())
        .collect();
    let occasion = query.occasion.map(|one| one.as_str().to_owned());
    let by = query.generated_by.map(|by| by.as_str().to_owned());
    if narrow(query) {
        // The plus keeps SQLite from the longer way through the index of these.
        filter.one_of("+m.status IN (SELECT value FROM json_each(?))", &statuses);
        filter.given("+m.occasion = ?", occasion);
        filter.given("+m.generated_by = ?", by);
    } else {
        filter.one_of("m.status IN (SELECT value FROM json_each(?))", &statuses);
        filter.given("m.occasion = ?", occasion);
        filter.given("m.generated_by = ?", by);
    }
    filter.given("m.contact = ?", query.contact_id.map(|id| blob(id.0)));
    filter.given("m.campaign = ?", query.campaign_id.map(|id| blob(id.0)));
    if let Some(text) = &query.search {
        let text = text.to_lowercase();
        filter
            .and("(crm_contains(r.content, ?) OR crm_contains(r.subject, ?))")
            .bind(text.clone())
            .bind(text);
    }
    filter.given("m.lease_until < ?", opt_micros(query.lease_before));
    filter.given("m.expires_at <= ?", opt_micros(query.expires_before));
    if let Some(at) = query.queued_before {
        // In the words of the index of what waits.
        filter
            .and("m.status = 'approved' AND m.deleted = 0 AND m.test_mode = 0 AND m.queued_at <= ?")
            .bind(micros(at));
    }
    filter.given("m.provider_id = ?", query.provider_id.clone());
    filter.given("m.risk >= ?", query.severity.map(risk::number));
    filter
}

/// How many match, when it is asked for.
fn count(connection: &Connection, key: i64, query: &MessageQuery) -> Outcome<Option<u64>> {
    if !query.page.count {
        return Ok(None);
    }
    let mut query = query.clone();
    if query.statuses.is_empty() && query.campaign_id.is_none() {
        // The index begins with the status.
        query.statuses = Status::ALL.to_vec();
    }
    let from = match query.search {
        Some(_) => FROM,
        None => "messages m",
    };
    filter(key, &query).count(connection, from).map(Some)
}

fn one_list(
    connection: &Connection,
    workspace: &Workspace,
    key: i64,
    query: &MessageQuery,
) -> Outcome<Page<Message>> {
    List {
        columns: COLUMNS,
        from: FROM,
        key: "m.id",
    }
    .page(
        connection,
        filter(key, query),
        &query.page,
        |row| read(workspace, row),
        |row| row.id.0,
    )
}

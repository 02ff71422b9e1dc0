//! Lists of messages: which way is short, and how far to go on it.
//!
//! Messages are listed in order of id. The index `messages_kind` holds the ids of every combination of
//! status, occasion and author in that order, `messages_campaign` those of every campaign and status. A
//! list is the merge of the combinations that a query allows: few are asked, each from where the page
//! begins, and each for no more than the page. So the cost depends neither on the depth nor on how many
//! messages meet one condition and miss the other.

use crm_core::message::{GeneratedBy, Message, Occasion, Status};
use crm_core::port::store::{MessageQuery, Page};

use crate::counters;
use crate::fault::Outcome;
use crate::messages::{COLUMNS, FROM, read};
use crate::query::{Db, Filter, List, sought};
use crate::risk;
use crate::rows::named;

/// How this server makes letters small in every script: an expression with `{}` in place of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lower(pub(crate) &'static str);

impl Lower {
    fn of(self, text: &str) -> String {
        self.0.replace("{}", text)
    }
}

/// Lists messages.
pub(crate) async fn list(
    db: &mut Db<'_>,
    query: &MessageQuery,
    lower: Lower,
) -> Outcome<Page<Message>> {
    let mut query = query.clone();
    query.statuses.sort_unstable();
    query.statuses.dedup();
    let total = if query.page.count {
        Some(match counted(&query) {
            Some(name) => u64::try_from(counters::one(db, &name).await?).unwrap_or(0),
            None => count(db, &query, lower).await?,
        })
    } else {
        None
    };
    query.page.count = false;
    if let Some(mut page) = risk::list(db, &query, lower).await? {
        page.total = total;
        return Ok(page);
    }
    let mut page = match branches(db, &query).await? {
        Some(branches) => merged(db, &query, &branches, lower).await?,
        None if ends(&query) => ending(db, &query, lower).await?,
        None => one_list(db, &query, lower).await?,
    };
    page.total = total;
    Ok(page)
}

/// The counter that holds the number of matching messages, when there is one.
fn counted(query: &MessageQuery) -> Option<String> {
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
        _ => return None,
    };
    let rest = MessageQuery {
        statuses: Vec::new(),
        occasion: None,
        generated_by: None,
        gravest_first: false,
        ..query.clone()
    };
    (rest == plain).then_some(name)
}

/// Runs of ids in an index: one for each line of these columns.
#[derive(Debug, Default, PartialEq, Eq)]
struct Branches {
    statuses: Vec<&'static str>,
    occasions: Vec<&'static str>,
    authors: Vec<&'static str>,
}

/// Whether a condition leads to few messages by an index of its own.
pub(crate) const fn narrow(query: &MessageQuery) -> bool {
    !query.ids.is_empty()
        || query.contact_id.is_some()
        || query.provider_id.is_some()
        || ends(query)
}

/// Whether those are asked for whose lease or time is over, or that wait for too long.
const fn ends(query: &MessageQuery) -> bool {
    query.ids.is_empty()
        && (query.expires_before.is_some()
            || query.lease_before.is_some()
            || query.queued_before.is_some())
}

/// Whether all messages are asked for, or those with a text.
fn everything(query: &MessageQuery) -> bool {
    query.statuses.is_empty()
        && query.campaign_id.is_none()
        && query.occasion.is_none()
        && query.generated_by.is_none()
        && !narrow(query)
}

/// The branches to merge; `None` when something narrower leads, or everything is asked for.
async fn branches(db: &mut Db<'_>, query: &MessageQuery) -> Outcome<Option<Branches>> {
    if narrow(query) || everything(query) {
        return Ok(None);
    }
    let statuses = match query.statuses.as_slice() {
        [] => present(db, query).await?,
        given => given.to_vec(),
    };
    let mut branches = Branches::default();
    if query.campaign_id.is_some() {
        branches.statuses = statuses.iter().map(|status| status.as_str()).collect();
        return Ok(Some(branches));
    }
    let occasions = query
        .occasion
        .map_or(Occasion::ALL.to_vec(), |one| vec![one]);
    let authors = query
        .generated_by
        .map_or(GeneratedBy::ALL.to_vec(), |one| vec![one]);
    for status in &statuses {
        for occasion in &occasions {
            for by in &authors {
                branches.statuses.push(status.as_str());
                branches.occasions.push(occasion.as_str());
                branches.authors.push(by.as_str());
            }
        }
    }
    Ok(Some(branches))
}

/// The statuses that messages have now, of the campaign or at all: one step in the index for each.
async fn present(db: &mut Db<'_>, query: &MessageQuery) -> Outcome<Vec<Status>> {
    let sql = match query.campaign_id {
        None => {
            "WITH RECURSIVE s(status) AS ( \
                 (SELECT status FROM crm.messages WHERE workspace = $1 AND $2::uuid IS NULL \
                     AND NOT deleted ORDER BY status LIMIT 1) \
                 UNION ALL \
                 SELECT (SELECT m.status FROM crm.messages m WHERE m.workspace = $1 \
                     AND NOT m.deleted AND m.status > s.status ORDER BY m.status LIMIT 1) \
                 FROM s WHERE s.status IS NOT NULL) \
             SELECT status FROM s WHERE status IS NOT NULL"
        }
        Some(_) => {
            "WITH RECURSIVE s(status) AS ( \
                 (SELECT status FROM crm.messages WHERE workspace = $1 AND campaign = $2 \
                     AND NOT deleted ORDER BY status LIMIT 1) \
                 UNION ALL \
                 SELECT (SELECT m.status FROM crm.messages m WHERE m.workspace = $1 \
                     AND m.campaign = $2 AND NOT m.deleted AND m.status > s.status \
                     ORDER BY m.status LIMIT 1) \
                 FROM s WHERE s.status IS NOT NULL) \
             SELECT status FROM s WHERE status IS NOT NULL"
        }
    };
    let rows = sqlx::query(db.sql(sql))
        .bind(db.key)
        .bind(query.campaign_id.map(|id| id.0))
        .fetch_all(&mut *db.connection)
        .await?;
    rows.iter()
        .map(|row| named(row, "status", Status::parse))
        .collect()
}

/// The page that the branches hold together.
async fn merged(
    db: &mut Db<'_>,
    query: &MessageQuery,
    branches: &Branches,
    lower: Lower,
) -> Outcome<Page<Message>> {
    let (order, behind, nulls) = if query.page.oldest_first {
        ("ASC", ">", " NULLS FIRST")
    } else {
        ("DESC", "<", " NULLS LAST")
    };
    let limit = query.page.limit.clamp(1, 1_000);
    // One more shows whether there is a next page.
    let wanted = i64::from(limit) + 1;
    let mut filter = Filter::begin("SELECT m.* FROM (SELECT k.id FROM unnest(");
    filter.bind(owned(&branches.statuses));
    let of_campaign = query.campaign_id.is_some();
    if of_campaign {
        filter.raw("::text[]) AS b(status)");
    } else {
        filter
            .raw("::text[], ")
            .bind(owned(&branches.occasions))
            .raw("::text[], ")
            .bind(owned(&branches.authors))
            .raw("::text[]) AS b(status, occasion, author)");
    }
    filter.raw(" CROSS JOIN LATERAL (SELECT x.id FROM ");
    filter.raw(match query.search {
        Some(_) => {
            "crm.messages x JOIN crm.revisions r ON r.workspace = x.workspace \
             AND r.message = x.id AND r.number = x.revision"
        }
        None => "crm.messages x",
    });
    filter
        .raw(" WHERE x.workspace = ")
        .bind(db.key)
        .and("NOT x.deleted");
    match query.campaign_id {
        Some(id) => {
            filter
                .and("x.campaign = ")
                .bind(id.0)
                .and("x.status = b.status");
            filter.given("x.occasion = ", query.occasion.map(Occasion::as_str));
            filter.given(
                "x.generated_by = ",
                query.generated_by.map(GeneratedBy::as_str),
            );
        }
        None => {
            filter.and(
                "x.status = b.status AND x.occasion = b.occasion AND x.generated_by = b.author",
            );
        }
    }
    filter.given("x.risk >= ", query.severity.map(risk::number));
    search(&mut filter, query, lower);
    if let Some(after) = query.page.after {
        filter.and("x.id ").raw(behind).raw(" ").bind(after);
    }
    // No id is NULL; but only the indexes that hold runs put NULL there. So the order is theirs alone, and
    // the planner does not walk all ids instead when its statistics say that most messages are of one kind.
    filter
        .raw(" ORDER BY x.id ")
        .raw(order)
        .raw(nulls)
        .raw(" LIMIT ")
        .bind(wanted + i64::from(query.page.skip))
        .raw(") AS k ORDER BY k.id ")
        .raw(order)
        .raw(" LIMIT ")
        .bind(wanted)
        .raw(" OFFSET ")
        .bind(i64::from(query.page.skip));
    rows_of(db, filter, &format!("i.id {order}"), limit).await
}

/// Ends a statement whose subquery gives the ids, and reads the page in this order.
pub(crate) async fn rows_of(
    db: &mut Db<'_>,
    mut filter: Filter,
    order: &str,
    limit: u32,
) -> Outcome<Page<Message>> {
    filter
        .raw(") AS i CROSS JOIN LATERAL (SELECT ")
        .raw(COLUMNS)
        .raw(" FROM ")
        .raw(FROM)
        .raw(" WHERE m.workspace = ")
        .bind(db.key)
        .raw(" AND m.id = i.id OFFSET 0) AS m ORDER BY ")
        .raw(order);
    read_page(db, filter, limit).await
}

/// Reads the page, of which the statement gives one row more when there is a next one.
async fn read_page(db: &mut Db<'_>, filter: Filter, limit: u32) -> Outcome<Page<Message>> {
    let rows = filter.fetch(db).await?;
    let items: Outcome<Vec<Message>> = rows.iter().map(|row| read(db.workspace, row)).collect();
    let mut items = items?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
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

fn owned(names: &[&'static str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// The current text of `m`.
pub(crate) const TEXT: &str = " JOIN crm.revisions r ON r.workspace = m.workspace AND r.message = m.id \
    AND r.number = m.revision";

/// The condition on the text, `r` being the current revision.
fn search(filter: &mut Filter, query: &MessageQuery, lower: Lower) {
    if let Some(text) = &query.search {
        let text = sought(&text.to_lowercase());
        filter
            .and("(strpos(")
            .raw(&lower.of("r.content"))
            .raw(", ")
            .bind(text.clone())
            .raw(") > 0 OR coalesce(strpos(")
            .raw(&lower.of("r.subject"))
            .raw(", ")
            .bind(text)
            .raw(") > 0, false))");
    }
}

/// All conditions of a query on `m` and its revision `r`.
pub(crate) fn conditions(filter: &mut Filter, query: &MessageQuery, lower: Lower) {
    filter.ids("m.id", query.ids.iter().map(|id| id.0));
    let of_contact = query.ids.is_empty() && query.contact_id.is_some() && !ends(query);
    if query.finds_deleted() {
        // By id or by contact: no index leaves those out.
    } else if everything(query) || of_contact {
        // The same as below, but no index of kinds answers it: all ids, or the few of a contact, are walked
        // in order, where an index that holds them in another one would have to be read as a whole.
        filter.and("m.deleted IS NOT TRUE");
    } else {
        filter.and("NOT m.deleted");
    }
    let statuses: Vec<&str> = query
        .statuses
        .iter()
        .map(|status| status.as_str())
        .collect();
    filter.one_of("m.status", &statuses);
    filter.given("m.occasion = ", query.occasion.map(Occasion::as_str));
    filter.given(
        "m.generated_by = ",
        query.generated_by.map(GeneratedBy::as_str),
    );
    filter.given("m.contact = ", query.contact_id.map(|id| id.0));
    filter.given("m.campaign = ", query.campaign_id.map(|id| id.0));
    filter.given("m.lease_until < ", query.lease_before);
    filter.given("m.expires_at <= ", query.expires_before);
    if let Some(at) = query.queued_before {
        // In the words of the index of what waits.
        filter
            .and("m.status = 'approved' AND NOT m.deleted AND NOT m.test_mode AND m.queued_at <= ")
            .bind(at);
    }
    filter.sought("m.provider_id = ", query.provider_id.as_deref());
    filter.given("m.risk >= ", query.severity.map(risk::number));
    search(filter, query, lower);
}

/// How many match.
async fn count(db: &mut Db<'_>, query: &MessageQuery, lower: Lower) -> Outcome<u64> {
    let mut query = query.clone();
    if query.statuses.is_empty() && query.campaign_id.is_none() && !narrow(&query) {
        // The index begins with the status.
        query.statuses = Status::ALL.to_vec();
    }
    let from = match query.search {
        Some(_) => FROM,
        None => "crm.messages m",
    };
    List {
        columns: "",
        from,
        workspace: "m.workspace",
        key: "m.id",
        ids: Vec::new(),
    }
    .count(db, |filter| {
        conditions(filter, &query, lower);
        Ok(())
    })
    .await
}

/// What is leased or has a deadline: few are late at a time, so all of them are found and then put in
/// order. Walking the ids in order instead would pass every message that is not late. The statuses are
/// written into the statement, so that the planner sees in its statistics that they are rare.
async fn ending(db: &mut Db<'_>, query: &MessageQuery, lower: Lower) -> Outcome<Page<Message>> {
    let (order, behind) = if query.page.oldest_first {
        ("ASC", ">")
    } else {
        ("DESC", "<")
    };
    let statuses = match query.statuses.as_slice() {
        // The indexes begin with the status. Nothing else has a lease.
        [] if query.queued_before.is_some() => [Status::Approved].as_slice(),
        [] if query.lease_before.is_some() => &[Status::Claimed, Status::Sending],
        [] => Status::ALL.as_slice(),
        given => given,
    };
    let rest = MessageQuery {
        statuses: Vec::new(),
        ..query.clone()
    };
    let limit = query.page.limit.clamp(1, 1_000);
    let mut filter = Filter::begin("WITH late AS MATERIALIZED (");
    for (number, status) in statuses.iter().enumerate() {
        let joined = if number == 0 { "" } else { " UNION ALL " };
        filter.raw(joined).raw("SELECT m.id FROM crm.messages m");
        if query.search.is_some() {
            filter.raw(TEXT);
        }
        filter
            .raw(" WHERE m.workspace = ")
            .bind(db.key)
            .and("m.status = '")
            .raw(status.as_str())
            .raw("'");
        conditions(&mut filter, &rest, lower);
        if let Some(after) = query.page.after {
            filter.and("m.id ").raw(behind).raw(" ").bind(after);
        }
    }
    filter
        .raw(") SELECT m.* FROM (SELECT late.id FROM late ORDER BY late.id ")
        .raw(order)
        .raw(" LIMIT ")
        .bind(i64::from(limit) + 1)
        .raw(" OFFSET ")
        .bind(i64::from(query.page.skip));
    rows_of(db, filter, &format!("i.id {order}"), limit).await
}

/// What one index leads to, or everything. The page is chosen first and its texts are read then: a text
/// that is not shown is not read.
async fn one_list(db: &mut Db<'_>, query: &MessageQuery, lower: Lower) -> Outcome<Page<Message>> {
    let (order, behind) = if query.page.oldest_first {
        ("ASC", ">")
    } else {
        ("DESC", "<")
    };
    let limit = query.page.limit.clamp(1, 1_000);
    let mut filter = Filter::begin("SELECT ");
    filter.raw(COLUMNS).raw(" FROM (SELECT m.* FROM ");
    if query.ids.is_empty() {
        filter.raw("crm.messages m");
    } else {
        let ids = query.ids.iter().map(|id| id.0);
        filter.looked_up("crm.messages", "m", db.key, ids);
    }
    if query.search.is_some() {
        filter.raw(TEXT);
    }
    filter.raw(" WHERE m.workspace = ").bind(db.key);
    conditions(&mut filter, query, lower);
    if let Some(after) = query.page.after {
        filter.and("m.id ").raw(behind).raw(" ").bind(after);
    }
    filter
        .raw(" ORDER BY m.id ")
        .raw(order)
        .raw(" LIMIT ")
        .bind(i64::from(limit) + 1)
        .raw(" OFFSET ")
        .bind(i64::from(query.page.skip))
        .raw(") AS m CROSS JOIN LATERAL (SELECT r.* FROM crm.revisions r ")
        .raw("WHERE r.workspace = m.workspace AND r.message = m.id AND r.number = m.revision ")
        .raw("OFFSET 0) AS r ORDER BY m.id ")
        .raw(order);
    read_page(db, filter, limit).await
}

//! Search of contacts by an index of marks (see [`crm_core::contact::search`]): a GIN index over an array of
//! numbers.
//!
//! Trigrams of `pg_trgm` would do for parts of words, but the extension needs rights that the account may not have,
//! and words that differ by one letter may have no trigram in common, or only those half of all names end in. An
//! index over an array is part of every PostgreSQL, and the column is written with the row.
//!
//! GIN does not know the order of a list. So it is asked first for a few of the contacts it has. When these are all,
//! they are compared here and sorted. When there are more, matches lie so close that walking the list in its order
//! soon fills a page; the server compares them then, by the same definition written as conditions.

use std::cmp::Reverse;

use crm_core::contact::Contact;
use crm_core::contact::search::{FEW, Query, Word, may_err};
use crm_core::id::ContactId;
use crm_core::port::store::{ContactQuery, Page};
use uuid::Uuid;

use crate::fault::Outcome;
use crate::query::{Db, Filter, List};
use crate::rows::get;

/// The marks of a contact, as the text of an array.
pub(crate) fn marks(workspace: i64, key: &str) -> String {
    let marks = crm_core::contact::search::marks(workspace, key);
    let marks: Vec<String> = marks
        .into_iter()
        .map(|mark| signed(mark).to_string())
        .collect();
    format!("{{{}}}", marks.join(","))
}

/// The same 32 bits as the server's type of numbers.
const fn signed(mark: u32) -> i32 {
    i32::from_le_bytes(mark.to_le_bytes())
}

/// The ids of all contacts that a query finds, if they are few. `others` writes the other conditions.
pub(crate) async fn few(
    db: &mut Db<'_>,
    list: &List<'_>,
    query: &Query,
    others: impl Fn(&mut Filter) -> Outcome<()>,
) -> Outcome<Option<Vec<Uuid>>> {
    if query.finds_none() {
        return Ok(Some(Vec::new()));
    }
    let list = List {
        // No index fits this, so that the server does not walk a workspace it takes for a small one.
        workspace: "c.workspace + 0",
        columns: "c.id, c.search_key",
        ids: list.ids.clone(),
        ..*list
    };
    let mut filter = list.begin(list.columns, db.key);
    others(&mut filter)?;
    indexed(&mut filter, db.key, query);
    filter.raw(" LIMIT ").bind(i64::from(FEW) + 1);
    bitmaps(db, true).await?;
    let rows = filter.fetch(db).await;
    let reset = bitmaps(db, false).await;
    let rows = rows?;
    reset?;
    if rows.len() > usize::from(FEW) {
        return Ok(None);
    }
    let mut found = Vec::new();
    for row in &rows {
        if query.finds(get(row, "search_key")?) {
            found.push(get(row, "id")?);
        }
    }
    Ok(Some(found))
}

/// How many contacts there are, all of which are to be looked at.
pub(crate) async fn count(
    db: &mut Db<'_>,
    list: &List<'_>,
    conditions: impl Fn(&mut Filter) -> Outcome<()>,
) -> Outcome<u64> {
    bitmaps(db, true).await?;
    let count = list.count(db, conditions).await;
    let reset = bitmaps(db, false).await;
    let count = count?;
    reset?;
    Ok(count)
}

/// Lets the server read a GIN index, which it does by bitmaps alone; all other statements do without.
async fn bitmaps(db: &mut Db<'_>, on: bool) -> Outcome<()> {
    let sql = if on {
        "SET enable_bitmapscan = on"
    } else {
        "SET enable_bitmapscan = off"
    };
    sqlx::raw_sql(sql).execute(&mut *db.connection).await?;
    Ok(())
}

/// One page of these contacts: which to read, how many there are, and behind which a next page begins.
pub(crate) fn page(mut found: Vec<Uuid>, query: &ContactQuery) -> Page<ContactId> {
    let page = &query.page;
    let total = page.count.then_some(found.len() as u64);
    if page.oldest_first {
        found.sort_unstable();
        found.retain(|id| page.after.is_none_or(|after| *id > after));
    } else {
        found.sort_unstable_by_key(|id| Reverse(*id));
        found.retain(|id| page.after.is_none_or(|after| *id < after));
    }
    let skip = usize::try_from(page.skip).unwrap_or(usize::MAX);
    let limit = usize::try_from(page.limit.clamp(1, 1_000)).unwrap_or(1_000);
    let more = found.len().saturating_sub(skip) > limit;
    let items: Vec<ContactId> = found
        .into_iter()
        .skip(skip)
        .take(limit)
        .map(ContactId)
        .collect();
    let next = items.last().filter(|_| more).map(|id| id.0);
    Page { items, total, next }
}

/// Puts contacts into the order of their list.
pub(crate) fn sort(contacts: &mut [Contact], oldest_first: bool) {
    contacts.sort_unstable_by_key(|contact| contact.id);
    if !oldest_first {
        contacts.reverse();
    }
}

/// Has all marks that the query's words ask for.
pub(crate) fn indexed(filter: &mut Filter, workspace: i64, query: &Query) {
    let numbers = |marks: &[u32]| -> Vec<i32> { marks.iter().copied().map(signed).collect() };
    for word in query.words() {
        let wanted = word.wanted(workspace);
        let mut begin = " AND (";
        for all in &wanted.all {
            filter
                .raw(begin)
                .raw("c.search_marks @> ")
                .bind(numbers(all));
            begin = " OR ";
        }
        if !wanted.any.is_empty() {
            filter
                .raw(begin)
                .raw("c.search_marks && ")
                .bind(numbers(&wanted.any));
        }
        filter.raw(")");
    }
}

/// Is found by the query, exactly.
pub(crate) fn exact(filter: &mut Filter, query: &Query) {
    for word in query.words() {
        let mut begin = " AND (";
        for form in word.forms() {
            let part = match form.chars().count() {
                0..=2 => format!("\n{form}"),
                _ => form.clone(),
            };
            filter
                .raw(begin)
                .raw("strpos(c.search_key, ")
                .bind(part)
                .raw(") > 0");
            begin = " OR ";
        }
        if let Some(pattern) = mistyped(word) {
            filter.raw(" OR c.search_key ~ ").bind(pattern);
        }
        filter.raw(")");
    }
}

/// A pattern of the lines that are the word with one typo.
fn mistyped(word: &Word) -> Option<String> {
    let forms = word.forms().iter().filter(|form| may_err(form));
    let ways: Vec<String> = forms.flat_map(|form| typos(form)).collect();
    (!ways.is_empty()).then(|| format!("\n(?:{})\n", ways.join("|")))
}

fn typos(form: &str) -> Vec<String> {
    let letters: Vec<String> = form.chars().map(letter).collect();
    let length = letters.len();
    let mut ways = Vec::new();
    for at in 0..=length {
        let (front, back) = letters.split_at(at);
        let front = front.concat();
        let rest = |skipped: usize| back.get(skipped..).unwrap_or_default().concat();
        if length < crm_core::contact::search::LONGEST_FORGIVEN {
            ways.push(format!("{front}[^\n@]{}", rest(0)));
        }
        // What has three letters is all that was typed of four.
        if length > 3 && at < length {
            ways.push(format!("{front}[^\n@]?{}", rest(1)));
        }
        if let (true, [one, two, ..]) = (length > 3, back) {
            ways.push(format!("{front}{two}{one}{}", rest(2)));
        }
    }
    ways
}

/// A letter that stands for itself in a pattern.
fn letter(c: char) -> String {
    if c.is_ascii_punctuation() {
        format!("\\{c}")
    } else {
        c.to_string()
    }
}

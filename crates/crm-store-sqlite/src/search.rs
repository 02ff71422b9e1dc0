//! Search of contacts by an index of marks (see [`crm_core::contact::search`]), FTS5 without the texts.
//!
//! The index is kept in step in the transaction of the contact. It holds numbers only and forgets what is erased at
//! once (`secure-delete`). FTS5's own trigrams would do for parts of words, not for typos: words that differ by one
//! letter may have none in common, and those they have in common half of all names end in.
//!
//! The index knows contacts by `place`, in the order in which they came; lists go by id. So it is asked first for a few
//! of those it has. When these are all, they alone are compared and sorted. When there are more, matches lie so
//! close that walking the list in its order soon fills a page.

use crm_core::contact::search::{FEW, Query, Wanted, marks};
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, OptionalExtension};
use uuid::Uuid;

use crate::fault::Outcome;
use crate::query::Filter;

/// Compares a contact with what was typed: `crm_finds(search_key, text)`.
pub(crate) fn define(connection: &Connection) -> Outcome<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("crm_finds", 2, flags, |context| {
        let query = context.get_or_create_aux(1, |text| {
            Ok::<_, rusqlite::types::FromSqlError>(Query::parse(text.as_str()?))
        })?;
        Ok(query.finds(context.get_raw(0).as_str()?))
    })?;
    Ok(())
}

/// Where a contact stands in the index, and what it is found by.
pub(crate) struct Entry {
    place: i64,
    key: String,
}

/// What the index has of a contact, if there is one.
pub(crate) fn entry(connection: &Connection, workspace: i64, id: Uuid) -> Outcome<Option<Entry>> {
    Ok(connection
        .prepare_cached("SELECT place, search_key FROM contacts WHERE workspace = ?1 AND id = ?2")?
        .query_row((workspace, id), |row| {
            Ok(Entry {
                place: row.get(0)?,
                key: row.get(1)?,
            })
        })
        .optional()?)
}

/// Adds the contact that was just written at `place`.
pub(crate) fn add(connection: &Connection, workspace: i64, place: i64, key: &str) -> Outcome<()> {
    let sql = "INSERT INTO contacts_search (rowid, marks) VALUES (?1, ?2)";
    connection
        .prepare_cached(sql)?
        .execute((place, text(&marks(workspace, key), " ")))?;
    Ok(())
}

/// Puts the contact's new key in the place of the old one.
pub(crate) fn change(
    connection: &Connection,
    workspace: i64,
    old: &Entry,
    key: &str,
) -> Outcome<()> {
    if old.key == key {
        return Ok(());
    }
    let sql =
        "INSERT INTO contacts_search (contacts_search, rowid, marks) VALUES ('delete', ?1, ?2)";
    connection
        .prepare_cached(sql)?
        .execute((old.place, text(&marks(workspace, &old.key), " ")))?;
    add(connection, workspace, old.place, key)
}

/// How contacts are looked up that a search finds.
pub(crate) enum Way {
    /// They are these, or some of these.
    Few(Vec<i64>),
    /// There are many; the index finds them by this.
    Many(String),
    /// All of them.
    All,
}

/// Asks the index.
pub(crate) fn way(connection: &Connection, workspace: i64, query: &Query) -> Outcome<Way> {
    if query.finds_none() {
        return Ok(Way::Few(Vec::new()));
    }
    if query.words().is_empty() {
        return Ok(Way::All);
    }
    let words = query
        .words()
        .iter()
        .map(|word| sought(&word.wanted(workspace)));
    let sought = words.collect::<Vec<_>>().join(" AND ");
    let places: Vec<i64> = connection
        .prepare_cached(
            "SELECT rowid FROM contacts_search WHERE contacts_search MATCH ?1 LIMIT ?2",
        )?
        .query_map((&sought, FEW + 1), |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(if places.len() > usize::from(FEW) {
        Way::Many(sought)
    } else {
        Way::Few(places)
    })
}

/// The condition under which a contact is found.
pub(crate) fn condition(filter: &mut Filter, way: &Way, text: &str) {
    match way {
        Way::All => return,
        Way::Many(_) => {}
        Way::Few(places) => {
            filter
                .and("c.place IN (SELECT value FROM json_each(?))")
                .bind(serde_json::Value::from(places.as_slice()).to_string());
        }
    }
    filter
        .and("crm_finds(c.search_key, ?)")
        .bind(text.to_owned());
}

/// A word in the language of FTS5.
fn sought(wanted: &Wanted) -> String {
    let all = wanted
        .all
        .iter()
        .map(|all| format!("({})", text(all, " AND ")));
    let any = (!wanted.any.is_empty()).then(|| text(&wanted.any, " OR "));
    let ways: Vec<String> = all.chain(any).collect();
    format!("({})", ways.join(" OR "))
}

/// Marks as words of a text: eight digits of sixteen each.
fn text(marks: &[u32], between: &str) -> String {
    let mut text = String::with_capacity(marks.len() * (8 + between.len()));
    for mark in marks {
        if !text.is_empty() {
            text.push_str(between);
        }
        // A contact has a hundred of them, so not by the formatter.
        let digits = (0..8).rev().map(|place| mark >> (4 * place) & 0xf);
        text.extend(digits.filter_map(|digit| char::from_digit(digit, 16)));
    }
    text
}

#[cfg(test)]
mod tests {
    use crm_core::testing::fixtures::contact;
    use rusqlite::Connection;

    use super::*;
    use crate::{connection, contacts, migrations};

    #[test]
    fn marks_are_words_of_eight_digits() {
        let marks = [0, 0xab, u32::MAX, 0x1234_5678];
        assert_eq!(text(&marks, " "), "00000000 000000ab ffffffff 12345678");
        assert_eq!(text(&marks[..1], " OR "), "00000000");
        assert_eq!(text(&[], " "), "");
    }

    /// Whether the index's pages hold the end of one of these marks anywhere.
    fn held(connection: &Connection, marks: &[u32]) -> bool {
        let sql =
            "SELECT count(*) FROM contacts_search_data WHERE instr(block, CAST(?1 AS BLOB)) > 0";
        marks.iter().any(|mark| {
            let text = format!("{mark:08x}");
            let found: i64 = connection
                .query_row(sql, [text.get(3..)], |row| row.get(0))
                .unwrap();
            found > 0
        })
    }

    #[test]
    fn the_index_forgets_what_is_erased_and_survives_vacuum() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("crm.db");
        let mut writer = connection::writer(&path, std::time::Duration::ZERO)
            .ok()
            .unwrap();
        migrations::run(&mut writer).ok().unwrap();
        writer
            .execute_batch("INSERT INTO workspaces (key, name) VALUES (7, 'seven')")
            .unwrap();
        for number in 1..=3 {
            contacts::insert(&writer, 7, &contact(number)).ok().unwrap();
        }
        let name = "Zuhra Tayna";
        let mut known = contact(2);
        known.version = 2;
        name.clone_into(&mut known.fields.name);
        assert!(contacts::update(&writer, 7, &known).ok().unwrap());
        let own = marks(7, "\ntayna\nzuhra\n");
        assert!(held(&writer, &own));

        let mut gone = known.clone();
        gone.version = 3;
        "erased".clone_into(&mut gone.fields.name);
        assert!(contacts::update(&writer, 7, &gone).ok().unwrap());
        assert!(!held(&writer, &own));

        // Nothing left of the first two but numbers that still mean the third.
        writer
            .execute_batch("DELETE FROM contacts WHERE place = 1; VACUUM")
            .unwrap();
        let found = way(&writer, 7, &Query::parse("ivanova 3")).ok().unwrap();
        assert!(matches!(found, Way::Few(places) if places == [3]));
        let third = entry(&writer, 7, contact(3).id.0).ok().unwrap().unwrap();
        assert_eq!(third.place, 3);
        writer
            .execute_batch(
                "INSERT INTO contacts_search (contacts_search) VALUES ('integrity-check')",
            )
            .unwrap();
    }
}

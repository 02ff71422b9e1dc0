//! What a new file really holds is what every SQL store has: migrations, tables, columns.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use crm_core::port::schema;
use crm_store_sqlite::{SqliteOptions, SqliteStore};
use rusqlite::Connection;

#[test]
fn a_new_file_has_the_tables_and_columns_of_every_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crm.db");
    drop(SqliteStore::open(&path, SqliteOptions::default()).unwrap());
    let database = Connection::open(&path).unwrap();

    let mut statement = database
        .prepare("SELECT id, name FROM crm_migrations ORDER BY id")
        .unwrap();
    let applied: Vec<(i32, String)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<rusqlite::Result<_>>()
        .unwrap();
    let released = schema::MIGRATIONS.map(|(id, name)| (id, name.to_owned()));
    assert_eq!(applied, released);
    assert_eq!(schema::MIGRATIONS.last().unwrap().0, schema::NEWEST);

    let mut statement = database
        .prepare(
            "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c \
             WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'",
        )
        .unwrap();
    let rows = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in rows {
        let (table, column): (String, String) = row.unwrap();
        found.entry(table).or_default().insert(column);
    }
    // Its own: the steps, and how far it has come.
    for table in ["crm_migrations", "crm_place"] {
        assert!(found.remove(table).is_some(), "{table}");
    }
    // The index of the search, with what FTS5 makes for it, and the places it knows contacts by.
    found.retain(|table, _| !table.starts_with("contacts_search"));
    assert!(found.get_mut("contacts").unwrap().remove("place"));
    let wanted: BTreeMap<String, BTreeSet<String>> = schema::TABLES
        .iter()
        .map(|(table, columns)| {
            let columns = columns.split_whitespace().map(str::to_owned);
            ((*table).to_owned(), columns.collect())
        })
        .collect();
    assert_eq!(found, wanted);
}

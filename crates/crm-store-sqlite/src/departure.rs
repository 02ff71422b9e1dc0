//! Everything the file holds, read out for another store.

use crm_core::port::schema::TABLES;
use crm_core::port::transfer::{Batch, Kind, Value, kind};
use crm_core::{Error, ErrorKind, Result};
use rusqlite::types::{Type, ValueRef};
use rusqlite::{Connection, Row};

use crate::fault::{Outcome, unreadable};
use crate::{SqliteStore, connection};

/// How many rows a batch has at most, and about how many bytes.
const ROWS: usize = 1_000;
const BYTES: usize = 4 << 20;

/// The file while it is read out. Nobody writes to it meanwhile: others who try wait and then fail as at a
/// busy database. The file itself is only read.
pub struct Departure {
    connection: Connection,
}

impl std::fmt::Debug for Departure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Departure").finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Begins to read everything out, and keeps all writers away until the answer is dropped. Blocks.
    ///
    /// # Errors
    /// `Unavailable` while a worker delivers from the file or somebody writes to it.
    pub fn depart(&self) -> Result<Departure> {
        self.lock_dispatcher()?;
        self.begin_departure()
            .map_err(|fault| Error::from(fault).during("depart"))
    }

    fn begin_departure(&self) -> Outcome<Departure> {
        let connection = connection::writer(&self.path, std::time::Duration::from_secs(5))?;
        connection.execute_batch("BEGIN IMMEDIATE; PRAGMA query_only = ON")?;
        Ok(Departure { connection })
    }
}

impl Departure {
    /// How many rows each table has, in the order of [`TABLES`].
    ///
    /// # Errors
    /// `Corrupt` for a damaged file.
    pub fn counts(&self) -> Result<Vec<u64>> {
        let count = |table: &str| -> Outcome<u64> {
            let sql = format!("SELECT count(*) FROM {table}");
            let rows: i64 = self.connection.query_row(&sql, [], |row| row.get(0))?;
            Ok(u64::try_from(rows).unwrap_or(0))
        };
        let counts: Outcome<Vec<u64>> = TABLES.iter().map(|(table, _)| count(table)).collect();
        counts.map_err(Error::from)
    }

    /// What tells this state of this file from any other: how many rows there are, how often they were
    /// changed, and the ends of all chains. Holds nothing personal.
    ///
    /// # Errors
    /// `Corrupt` for a damaged file.
    pub fn state(&self) -> Result<String> {
        const STATE: &str = "SELECT concat_ws(' ', \
            (SELECT max(seq) FROM events), (SELECT sum(version) FROM contacts), \
            (SELECT sum(version) FROM messages), (SELECT sum(version) FROM campaigns), \
            (SELECT sum(version) FROM templates), (SELECT sum(version) FROM import_updates), \
            (SELECT sum(version) FROM subscriptions), (SELECT sum(version) FROM voices), \
            (SELECT sum(version) FROM field_definitions), \
            (SELECT sum(version) FROM saved_audiences), \
            (SELECT sum(version) FROM draft_batches), (SELECT sum(version) FROM budgets), \
            (SELECT sum(spent) FROM spent), (SELECT count(*) FROM ledger WHERE held), \
            (SELECT count(*) FROM intake WHERE state = 'waiting'), \
            (SELECT count(*) FROM plan_rows WHERE message IS NOT NULL), \
            (SELECT group_concat(workspace || ':' || hex(hash)) FROM checkpoints))";
        let state: rusqlite::Result<String> =
            self.connection.query_row(STATE, [], |row| row.get(0));
        let state = state.map_err(|error| Error::from(crate::fault::Fault::from(error)))?;
        let counts = self.counts()?;
        Ok(format!("sqlite {counts:?} {state}"))
    }

    /// Reads the table's rows behind the first `skip` ones, always in the same order, and gives them to
    /// `take` in batches, until it answers `false`. Blocks.
    ///
    /// # Errors
    /// `Corrupt` for a damaged file or a value that this version cannot read.
    pub fn read(&self, table: usize, skip: u64, take: &mut dyn FnMut(Batch) -> bool) -> Result<()> {
        self.read_rows(table, skip, take)
            .map_err(|fault| Error::from(fault).during("read"))
    }

    fn read_rows(
        &self,
        table: usize,
        skip: u64,
        take: &mut dyn FnMut(Batch) -> bool,
    ) -> Outcome<()> {
        let Some((name, columns)) = TABLES.get(table) else {
            return Err(Error::new(ErrorKind::Invalid, "there is no such table").into());
        };
        let columns: Vec<&str> = columns.split_whitespace().collect();
        let sql = format!(
            "SELECT {} FROM {name} ORDER BY {} LIMIT -1 OFFSET ?1",
            columns.join(", "),
            order(name),
        );
        let mut statement = self.connection.prepare(&sql)?;
        let mut found = statement.query([i64::try_from(skip).unwrap_or(i64::MAX)])?;
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while let Some(row) = found.next()? {
            let mut values = Vec::with_capacity(columns.len());
            for (index, column) in columns.iter().enumerate() {
                let value = value(row, index, kind(column))?;
                bytes += value.size();
                values.push(value);
            }
            rows.push(values);
            if rows.len() >= ROWS || bytes >= BYTES {
                bytes = 0;
                let rows = std::mem::take(&mut rows);
                if !take(Batch { table, rows }) {
                    return Ok(());
                }
            }
        }
        if !rows.is_empty() {
            take(Batch { table, rows });
        }
        Ok(())
    }
}

/// The order in which the table lies there.
fn order(table: &str) -> &'static str {
    match table {
        "import_updates" => "workspace, import, contact",
        "plan_rows" => "workspace, campaign, contact, occurrence",
        "attempts" => "workspace, message, epoch",
        "receipts" => "workspace, channel, about_kind, about, fate",
        "subscriptions" | "field_definitions" => "workspace, name",
        "draft_batches" => "workspace, id",
        "suppressions" => "workspace, channel, address",
        "inbound" => "workspace, address, channel",
        "counters" => "workspace, name",
        "budgets" => "workspace, scope, period",
        "ledger" => "workspace, id",
        "spent" => "workspace, scope, day",
        "usage" => "workspace, day, scope, actor, model",
        _ => "rowid",
    }
}

fn value(row: &Row<'_>, index: usize, kind: Kind) -> rusqlite::Result<Value> {
    let found = row.get_ref(index)?;
    Ok(match (kind, found) {
        (_, ValueRef::Null) => Value::Null,
        (Kind::Plain, ValueRef::Integer(number)) => Value::Int(number),
        (Kind::Plain, ValueRef::Text(_)) => Value::Text(row.get(index)?),
        (Kind::Json, ValueRef::Text(_)) => Value::Json(row.get(index)?),
        (Kind::Bool, ValueRef::Integer(number)) => Value::Bool(number != 0),
        (Kind::Instant, ValueRef::Integer(micros)) => Value::Instant(micros),
        (Kind::Id, ValueRef::Blob(_)) => Value::Id(row.get(index)?),
        (Kind::Bytes, ValueRef::Blob(bytes)) => Value::Bytes(bytes.to_vec()),
        _ => return Err(unreadable(index, Type::Null)),
    })
}

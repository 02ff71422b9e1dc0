//! Everything another store held, written into an empty schema.
//!
//! While a move goes on, the table `moving` tells where from and how far. A batch and its mark are one
//! transaction, so a move that was cut off anywhere goes on behind the last batch. No program works on a
//! schema that has this table; the end of the move drops it.

use chrono::{DateTime, SecondsFormat};
use crm_core::port::schema::TABLES;
use crm_core::port::transfer::{Batch, Kind, Value, kind};
use crm_core::{Error, ErrorKind, Result};
use sqlx::{ConnectOptions, Connection, PgConnection};

use crate::connection;
use crate::fault::{Fault, Outcome};
use crate::query::Names;
use crate::rows::json_text;
use crate::search;
use crate::{PgOptions, PgStore};

/// Columns of numbers that the database gives itself from now on.
const NUMBERED: [(&str, &str); 4] = [
    ("workspaces", "key"),
    ("approvals", "seq"),
    ("events", "seq"),
    ("intake", "seq"),
];

/// One move at a time into a schema. The number is ours alone.
const LOCK: &str = "SELECT pg_advisory_lock(6517361, hashtext($1))";

/// A schema into which everything is moved.
#[derive(Debug)]
pub struct Arrival {
    connection: PgConnection,
    store: PgStore,
    moved: Vec<u64>,
}

impl Arrival {
    /// Begins a move into an empty schema, or goes on with one that was cut off. `source` names the state
    /// of the other store: a move goes on only from the same.
    ///
    /// # Errors
    /// As [`PgStore::connect`]; `Configuration` when the schema holds anything else, or a move from
    /// another state; `Unavailable` while another program moves into it.
    pub async fn begin(url: &str, options: PgOptions, source: &str) -> Result<Self> {
        let settings = connection::settings(url)?;
        let store = PgStore::open(url, options, true).await?;
        let failed = |error: sqlx::Error| Error::from(Fault::Sql(error)).during("move");
        let mut connection = settings.connect().await.map_err(failed)?;
        let names = &store.inner.names;
        let moved = begin(&mut connection, names, source)
            .await
            .map_err(|fault| Error::from(fault).during("move"))?;
        Ok(Self {
            connection,
            store,
            moved,
        })
    }

    /// How many rows of each table are here, in the order of [`TABLES`].
    #[must_use]
    pub fn moved(&self) -> &[u64] {
        &self.moved
    }

    /// The store as it is: to look at, not to work on.
    #[must_use]
    pub const fn store(&self) -> &PgStore {
        &self.store
    }

    /// Writes rows and how far the move is, both or neither.
    ///
    /// # Errors
    /// `Invalid` for a value that PostgreSQL cannot keep (a NUL character), `Unavailable` as a commit.
    pub async fn write(&mut self, batch: &Batch) -> Result<()> {
        let names = &self.store.inner.names;
        let Some((table, columns)) = TABLES.get(batch.table) else {
            return Err(Error::new(ErrorKind::Invalid, "there is no such table"));
        };
        write(&mut self.connection, names, table, columns, batch)
            .await
            .map_err(|fault| Error::from(fault).during(table))?;
        if let Some(moved) = self.moved.get_mut(batch.table) {
            *moved += batch.rows.len() as u64;
        }
        Ok(())
    }

    /// Counts the rows of each table, in the order of [`TABLES`].
    ///
    /// # Errors
    /// `Unavailable` as a read.
    pub async fn counts(&mut self) -> Result<Vec<u64>> {
        let mut counts = Vec::with_capacity(TABLES.len());
        for (table, _) in TABLES {
            let count = count(&mut self.connection, &self.store.inner.names, table).await;
            counts.push(count.map_err(Error::from)?);
        }
        Ok(counts)
    }

    /// Ends the move: from now on programs work on the schema. Call it when everything was found right.
    ///
    /// # Errors
    /// `Unavailable` as a commit; then the move is not over.
    pub async fn finish(mut self) -> Result<()> {
        let sequences: String = NUMBERED
            .iter()
            .map(|(table, column)| {
                format!(
                    "SELECT setval(pg_get_serial_sequence('crm.{table}', '{column}'), \
                         greatest(max({column}), 1), max({column}) IS NOT NULL) FROM crm.{table}; "
                )
            })
            .collect();
        let sql = format!("BEGIN; {sequences} DROP TABLE crm.moving; COMMIT");
        sqlx::raw_sql(self.store.inner.names.dynamic(&sql))
            .execute(&mut self.connection)
            .await
            .map_err(|error| Error::from(Fault::Sql(error)).during("finish"))?;
        self.store.close().await;
        Ok(())
    }
}

async fn begin(connection: &mut PgConnection, names: &Names, source: &str) -> Outcome<Vec<u64>> {
    // The server may need a moment to notice that the program before was killed.
    sqlx::raw_sql("SET lock_timeout = '10s'")
        .execute(&mut *connection)
        .await?;
    sqlx::query(LOCK)
        .bind(names.schema())
        .execute(&mut *connection)
        .await?;
    sqlx::raw_sql("SET lock_timeout = 0")
        .execute(&mut *connection)
        .await?;
    if !is_moving(connection, names).await? {
        mark_begin(connection, names, source).await?;
    }
    let marks: Vec<(String, i64, String)> =
        sqlx::query_as(names.sql("SELECT name, moved, source FROM crm.moving"))
            .fetch_all(&mut *connection)
            .await?;
    if marks.iter().any(|(_, _, from)| from != source) {
        return Err(configuration(
            "the target is half moved from another database, or the source was changed since; drop \
             the target's schemas and move into an empty database",
        ));
    }
    let moved = |table: &str| {
        let mark = marks.iter().find(|(name, _, _)| name == table);
        mark.map_or(0, |(_, moved, _)| u64::try_from(*moved).unwrap_or(0))
    };
    Ok(TABLES.iter().map(|(table, _)| moved(table)).collect())
}

/// Makes the marks, in a schema that holds nothing.
async fn mark_begin(connection: &mut PgConnection, names: &Names, source: &str) -> Outcome<()> {
    for (table, _) in TABLES {
        if count(connection, names, table).await? > 0 {
            return Err(configuration(
                "the target holds data already; move into an empty database",
            ));
        }
    }
    let mut tx = connection.begin().await?;
    sqlx::raw_sql(names.sql(
        "CREATE TABLE crm.moving (name text PRIMARY KEY, moved bigint NOT NULL, source text NOT NULL)",
    ))
    .execute(&mut *tx)
    .await?;
    let tables: Vec<&str> = TABLES.iter().map(|(table, _)| *table).collect();
    sqlx::query(names.sql("INSERT INTO crm.moving SELECT t, 0, $2 FROM unnest($1::text[]) AS t"))
        .bind(tables)
        .bind(source)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(())
}

fn configuration(detail: &str) -> Fault {
    Error::new(ErrorKind::Configuration, detail).into()
}

/// Whether a move into the schema is under way.
async fn is_moving(connection: &mut PgConnection, names: &Names) -> Outcome<bool> {
    Ok(sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
        .bind(format!("\"{}\".moving", names.schema()))
        .fetch_one(connection)
        .await?)
}

/// Refuses a schema into which a move is under way.
pub(crate) async fn refuse(connection: &mut PgConnection, names: &Names) -> Outcome<()> {
    if is_moving(connection, names).await? {
        return Err(configuration(
            "the database is half moved; run migrate-store again until it says that all is moved",
        ));
    }
    Ok(())
}

async fn count(connection: &mut PgConnection, names: &Names, table: &str) -> Outcome<u64> {
    // A counter may lie in several slots; every row of another store is one counter.
    let what = match table {
        "counters" => "count(DISTINCT (workspace, name))",
        _ => "count(*)",
    };
    let sql = names.dynamic(&format!("SELECT {what} FROM crm.{table}"));
    let rows: i64 = sqlx::query_scalar(sql).fetch_one(connection).await?;
    Ok(u64::try_from(rows).unwrap_or(0))
}

async fn write(
    connection: &mut PgConnection,
    names: &Names,
    table: &str,
    columns: &str,
    batch: &Batch,
) -> Outcome<()> {
    let columns: Vec<&str> = columns.split_whitespace().collect();
    let marked;
    let (columns, rows) = match search_marks(&columns, &batch.rows) {
        Some(rows) => {
            marked = rows;
            ([columns.as_slice(), &["search_marks"]].concat(), &marked)
        }
        None => (columns, &batch.rows),
    };
    let rows = to_json(&columns, rows)?;
    // All of a counter goes into one slot.
    let (slot, zero) = match table {
        "counters" => (", slot", ", 0"),
        _ => ("", ""),
    };
    let values: Vec<String> = columns
        .iter()
        .map(|column| match kind(column) {
            // No column of JSON may be NULL, but its value may be JSON's own null.
            Kind::Json => format!("coalesce(r.{column}, 'null')"),
            _ => format!("r.{column}"),
        })
        .collect();
    let sql = format!(
        "INSERT INTO crm.{table} ({}{slot}) SELECT {}{zero} \
         FROM json_populate_recordset(NULL::crm.{table}, $1::text::json) AS r",
        columns.join(", "),
        values.join(", "),
    );
    let mut tx = connection.begin().await?;
    sqlx::query(names.dynamic(&sql))
        .bind(rows)
        .execute(&mut *tx)
        .await?;
    sqlx::query(names.sql("UPDATE crm.moving SET moved = moved + $2 WHERE name = $1"))
        .bind(table)
        .bind(i64::try_from(batch.rows.len()).unwrap_or(i64::MAX))
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(())
}

/// Contacts with the marks by which they are found here, if the rows are contacts.
fn search_marks(columns: &[&str], rows: &[Vec<Value>]) -> Option<Vec<Vec<Value>>> {
    let place = |name: &str| columns.iter().position(|column| *column == name);
    let (workspace, key) = (place("workspace")?, place("search_key")?);
    let marked = |row: &Vec<Value>| {
        let mut row = row.clone();
        if let (Some(Value::Int(workspace)), Some(Value::Text(key))) =
            (row.get(workspace), row.get(key))
        {
            row.push(Value::Text(search::marks(*workspace, key)));
        }
        row
    };
    Some(rows.iter().map(marked).collect())
}

/// The rows as JSON, from which the database makes values of its columns' types.
fn to_json(columns: &[&str], rows: &[Vec<Value>]) -> Outcome<String> {
    let mut text = String::from("[");
    for (number, row) in rows.iter().enumerate() {
        text.push_str(if number == 0 { "{" } else { ",{" });
        for (place, (column, value)) in columns.iter().zip(row).enumerate() {
            if place > 0 {
                text.push(',');
            }
            text.push('"');
            text.push_str(column);
            text.push_str("\":");
            push(&mut text, column, value)?;
        }
        text.push('}');
    }
    text.push(']');
    Ok(text)
}

fn push(text: &mut String, column: &str, value: &Value) -> Outcome<()> {
    match value {
        Value::Null => text.push_str("null"),
        Value::Int(number) => text.push_str(&number.to_string()),
        Value::Bool(yes) => text.push_str(&yes.to_string()),
        Value::Text(plain) => text.push_str(&serde_json::to_string(plain)?),
        Value::Id(id) => text.push_str(&format!("\"{id}\"")),
        Value::Bytes(bytes) => {
            text.push_str("\"\\\\x");
            for byte in bytes {
                text.push_str(&format!("{byte:02x}"));
            }
            text.push('"');
        }
        Value::Instant(micros) => {
            let at = DateTime::from_timestamp_micros(*micros)
                .ok_or_else(|| Error::new(ErrorKind::Corrupt, "an instant is out of range"))?;
            let at = at.to_rfc3339_opts(SecondsFormat::Micros, true);
            text.push_str(&format!("\"{at}\""));
        }
        Value::Json(json) => match serde_json::from_str::<serde_json::Value>(json) {
            // A host writes what it likes into the intake. What cannot be read or kept is rejected when
            // its turn comes, here as there.
            _ if column == "payload" && json.contains("\\u0000") => text.push_str("null"),
            Ok(value) => text.push_str(&json_text(&value)?),
            Err(_) if column == "payload" => text.push_str("null"),
            Err(error) => return Err(error.into()),
        },
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_the_database_reads_them() {
        let values = vec![
            Value::Null,
            Value::Int(-7),
            Value::Text("Oʻtkir \"\\ Ғ\n".to_owned()),
            Value::Bool(true),
            Value::Bytes(vec![0, 255]),
            Value::Instant(1),
            Value::Json("{\"a\":1e16}".to_owned()),
        ];
        let columns = ["a", "b", "c", "d", "e", "f", "g"];
        let text = to_json(&columns, &[values]).ok().unwrap();
        assert_eq!(
            text,
            "[{\"a\":null,\"b\":-7,\"c\":\"Oʻtkir \\\"\\\\ Ғ\\n\",\"d\":true,\"e\":\"\\\\x00ff\",\
             \"f\":\"1970-01-01T00:00:00.000001Z\",\"g\":{\"a\":10000000000000000.0}}]"
        );
    }

    #[test]
    fn a_payload_that_cannot_be_read_is_left_out_and_anything_else_is_an_error() {
        let json = |text: &str| vec![vec![Value::Json(text.to_owned())]];
        for bad in ["1e999", "\"\\ud800\"", "\"\\u0000\""] {
            let text = to_json(&["payload"], &json(bad)).ok().unwrap();
            assert_eq!(text, "[{\"payload\":null}]");
        }
        assert!(to_json(&["metadata"], &json("1e999")).is_err());
    }
}

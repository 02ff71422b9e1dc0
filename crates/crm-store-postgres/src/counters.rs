//! Counters: one addition per counter and transaction, into the slot of the connection.

use std::collections::BTreeMap;

use sqlx::PgConnection;

use crate::fault::Outcome;
use crate::query::{Db, Names};
use crate::rows::get;

/// Additions by workspace and name.
pub(crate) type Deltas = BTreeMap<(i64, String), i64>;

/// Adds what a transaction gathered. Once in a transaction and last in it: the rows are held until its
/// end, and another connection of the same slot waits for them.
pub(crate) async fn add(
    connection: &mut PgConnection,
    names: &Names,
    deltas: &Deltas,
) -> Outcome<()> {
    let mut workspaces = Vec::new();
    let mut counters = Vec::new();
    let mut values = Vec::new();
    for ((workspace, name), delta) in deltas.iter().filter(|(_, delta)| **delta != 0) {
        workspaces.push(*workspace);
        counters.push(name.as_str());
        values.push(*delta);
    }
    if workspaces.is_empty() {
        return Ok(());
    }
    // In one order for everybody, so that two writers of one slot never wait for each other.
    sqlx::query(names.sql(
        "INSERT INTO crm.counters AS c (workspace, name, slot, value) \
         SELECT v.workspace, v.name, pg_backend_pid() % 16, v.value \
         FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS v(workspace, name, value) \
         ORDER BY v.workspace, v.name COLLATE \"C\" \
         ON CONFLICT (workspace, name, slot) DO UPDATE SET value = c.value + excluded.value",
    ))
    .bind(workspaces)
    .bind(counters)
    .bind(values)
    .execute(connection)
    .await?;
    Ok(())
}

/// The counters whose name begins with one of `prefixes`, without zero ones.
pub(crate) async fn list(db: &mut Db<'_>, prefixes: &[String]) -> Outcome<BTreeMap<String, i64>> {
    let rows = sqlx::query(db.sql(
        "SELECT c.name, c.value FROM unnest($2::text[]) AS p(prefix) CROSS JOIN LATERAL ( \
             SELECT name, sum(value)::bigint AS value FROM crm.counters \
             WHERE workspace = $1 AND name >= p.prefix AND name < p.prefix || chr(1114111) \
             GROUP BY name) AS c \
         WHERE c.value <> 0",
    ))
    .bind(db.key)
    .bind(prefixes)
    .fetch_all(&mut *db.connection)
    .await?;
    rows.iter()
        .map(|row| Ok((get(row, "name")?, get(row, "value")?)))
        .collect()
}

/// One counter; 0 when there is none.
pub(crate) async fn one(db: &mut Db<'_>, name: &str) -> Outcome<i64> {
    Ok(sqlx::query_scalar(db.sql(
        "SELECT coalesce(sum(value), 0)::bigint FROM crm.counters \
         WHERE workspace = $1 AND name = $2",
    ))
    .bind(db.key)
    .bind(name)
    .fetch_one(&mut *db.connection)
    .await?)
}

//! When people last wrote.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use crm_core::consent::window::Inbound;

use crate::erasure;
use crate::fault::Outcome;
use crate::query::{Db, sought};
use crate::rows::{column, get};

/// Keeps the later of what is known and these, of which no two are about the same person; nothing of erased people.
pub(crate) async fn record(db: &mut Db<'_>, rows: &[&Inbound]) -> Outcome<()> {
    let addresses: Vec<&str> = rows.iter().map(|row| row.address.as_str()).collect();
    let erased = erasure::erased(db, &addresses).await?;
    let rows = rows.iter().zip(erased).filter(|(_, erased)| !erased);
    let rows: Vec<&Inbound> = rows.map(|(row, _)| *row).collect();
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(db.sql(
        "INSERT INTO crm.inbound AS i (workspace, channel, address, at) \
         SELECT $1, v.* FROM unnest($2::text[], $3::text[], $4::timestamptz[]) AS v \
         ON CONFLICT (workspace, address, channel) DO UPDATE SET at = excluded.at \
         WHERE excluded.at > i.at",
    ))
    .bind(db.key)
    .bind(column(&rows, |row| row.channel.clone()))
    .bind(column(&rows, |row| row.address.clone()))
    .bind(column(&rows, |row| row.at))
    .execute(&mut *db.connection)
    .await?;
    Ok(())
}

/// Forgets when an address wrote.
pub(crate) async fn forget(db: &mut Db<'_>, address: &str) -> Outcome<()> {
    sqlx::query(db.sql("DELETE FROM crm.inbound WHERE workspace = $1 AND address = $2"))
        .bind(db.key)
        .bind(sought(address))
        .execute(&mut *db.connection)
        .await?;
    Ok(())
}

/// When the people behind these addresses last wrote on the channel.
pub(crate) async fn last(
    db: &mut Db<'_>,
    channel: &str,
    addresses: &[String],
) -> Outcome<BTreeMap<String, DateTime<Utc>>> {
    let addresses: Vec<String> = addresses.iter().map(|text| sought(text)).collect();
    // Each is looked up, whatever the planner guesses of the table's size.
    let rows = sqlx::query(db.sql(
        "SELECT i.address, i.at FROM unnest($3::text[]) AS n(address) \
         CROSS JOIN LATERAL (SELECT i.address, i.at FROM crm.inbound i \
             WHERE i.workspace = $1 AND i.channel = $2 AND i.address = n.address OFFSET 0) AS i",
    ))
    .bind(db.key)
    .bind(sought(channel))
    .bind(addresses)
    .fetch_all(&mut *db.connection)
    .await?;
    rows.iter()
        .map(|row| Ok((get(row, "address")?, get(row, "at")?)))
        .collect()
}

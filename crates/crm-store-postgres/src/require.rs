//! Preconditions: checked and held until the transaction ends, before anything is written.

use std::collections::BTreeMap;

use crm_core::change::{ChangeSet, Precondition};
use crm_core::consent::erasure::plain;
use crm_core::{Error, ErrorKind};
use sqlx::Row;
use uuid::Uuid;

use crate::fault::{Fault, Outcome};
use crate::query::Db;
use crate::{place, suppressions};

/// Into how many locks the addresses of a workspace fall.
const GUARDS: u32 = 64;

/// What marks our locks among all advisory locks of the database ("crmg").
const CLASS: i32 = 0x6372_6d67;

/// Checks what the sets require. Somebody else who would change it waits until we have ended.
pub(crate) async fn hold(db: &mut Db<'_>, sets: &[&ChangeSet]) -> Outcome<()> {
    let all = || sets.iter().flat_map(|set| set.preconditions());
    let mut contacts = BTreeMap::new();
    let mut campaigns = BTreeMap::new();
    let mut addresses = Vec::new();
    let mut begins = false;
    for precondition in all() {
        match precondition {
            Precondition::Contact(id, version) => {
                if *contacts.entry(id.0).or_insert(*version) != *version {
                    return Err(changed("the contact was changed meanwhile; load it again"));
                }
            }
            Precondition::Campaign(id, version) => {
                if *campaigns.entry(id.0).or_insert(*version) != *version {
                    return Err(changed("the campaign was changed meanwhile; load it again"));
                }
            }
            Precondition::NotSuppressed { channel, address } => {
                addresses.push((channel.as_str(), address.as_str()));
            }
            Precondition::NotOnHold => begins = true,
        }
    }
    if begins {
        place::look(db.connection, db.names).await?.check()?;
    }
    // In one order for everybody: campaigns, contacts, addresses; each by id.
    let good = versions(
        db,
        "SELECT id, version FROM crm.campaigns WHERE workspace = $1 AND id = ANY ($2) \
         ORDER BY id FOR SHARE",
        &campaigns,
    )
    .await?;
    if !good {
        return Err(changed("the campaign was changed meanwhile; load it again"));
    }
    let good = versions(
        db,
        "SELECT id, version FROM crm.contacts WHERE workspace = $1 AND id = ANY ($2) \
         ORDER BY id FOR SHARE",
        &contacts,
    )
    .await?;
    if !good {
        return Err(changed("the contact was changed meanwhile; load it again"));
    }
    not_suppressed(db, &addresses).await
}

fn changed(detail: &str) -> Fault {
    Error::new(ErrorKind::Conflict, detail).into()
}

/// Whether all rows have the version asked for.
async fn versions(
    db: &mut Db<'_>,
    sql: &'static str,
    wanted: &BTreeMap<Uuid, u64>,
) -> Outcome<bool> {
    if wanted.is_empty() {
        return Ok(true);
    }
    let ids: Vec<Uuid> = wanted.keys().copied().collect();
    let rows = sqlx::query(db.sql(sql))
        .bind(db.key)
        .bind(ids)
        .fetch_all(&mut *db.connection)
        .await?;
    let mut good = 0;
    for row in rows {
        let (id, version): (Uuid, i64) = (row.try_get(0)?, row.try_get(1)?);
        if wanted.get(&id).copied() == u64::try_from(version).ok() {
            good += 1;
        }
    }
    Ok(good == wanted.len())
}

async fn not_suppressed(db: &mut Db<'_>, addresses: &[(&str, &str)]) -> Outcome<()> {
    if addresses.is_empty() {
        return Ok(());
    }
    let only: Vec<&str> = addresses.iter().map(|(_, address)| *address).collect();
    lock(
        db,
        &only,
        "SELECT pg_advisory_xact_lock_shared($1, g) FROM unnest($2::integer[]) AS g",
    )
    .await?;
    // A statement of its own, begun after the lock was given: it sees what was committed before.
    if suppressions::suppressed(db, addresses)
        .await?
        .contains(&true)
    {
        return Err(changed(
            "the address was suppressed meanwhile; load the message again",
        ));
    }
    Ok(())
}

/// Waits until every delivery that is about to begin to one of these addresses, on whichever channel, has begun,
/// and keeps later ones waiting: so a suppression and a delivery come one after the other.
pub(crate) async fn hold_addresses(db: &mut Db<'_>, addresses: &[&str]) -> Outcome<()> {
    lock(
        db,
        addresses,
        "SELECT pg_advisory_xact_lock($1, g) FROM unnest($2::integer[]) AS g",
    )
    .await
}

async fn lock(db: &mut Db<'_>, addresses: &[&str], sql: &'static str) -> Outcome<()> {
    let of_workspace = db.key.to_string();
    let schema = db.names.schema();
    let mut guards: Vec<i32> = addresses
        .iter()
        .map(|address| {
            let guard = hash(&[&plain(address)]) % GUARDS;
            // Two guards that meet by chance only wait for each other.
            hash(&[schema, &of_workspace, &guard.to_string()]).cast_signed()
        })
        .collect();
    guards.sort_unstable();
    guards.dedup();
    sqlx::query(db.sql(sql))
        .bind(CLASS)
        .bind(guards)
        .execute(&mut *db.connection)
        .await?;
    Ok(())
}

/// FNV-1a (draft-eastlake-fnv), the same in every version of the program: several share the locks.
pub(crate) fn hash(parts: &[&str]) -> u32 {
    let mut hash: u32 = 0x811c_9dc5;
    for part in parts {
        for byte in part.bytes().chain([0xff]) {
            hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
    }
    hash
}

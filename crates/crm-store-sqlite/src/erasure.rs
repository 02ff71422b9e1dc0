//! What is emptied and suppressed when a person is erased.

use std::collections::BTreeSet;

use crm_core::consent::erasure::{ERASED, EVERY_CHANNEL, ErasedAddresses, mark, plain};
use crm_core::id::ContactId;
use rusqlite::{Connection, OptionalExtension, params};

use crate::events;
use crate::fault::Outcome;
use crate::rows::micros;

/// Suppresses the addresses of the person by their marks; plain suppressions of them go.
pub(crate) fn suppress(
    connection: &Connection,
    workspace: i64,
    row: &ErasedAddresses,
) -> Outcome<()> {
    connection
        .prepare_cached("UPDATE workspaces SET salt = ?2 WHERE key = ?1 AND salt IS NULL")?
        .execute((workspace, row.salt))?;
    let addresses = addresses(connection, workspace, row.contact_id)?;
    forget(connection, workspace, Table::Suppressions, &addresses)?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO suppressions (workspace, channel, address, reason, created_by, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
    )?;
    for mark in marks(connection, workspace, addresses.iter().map(String::as_str))? {
        insert.execute(params![
            workspace,
            EVERY_CHANNEL,
            mark,
            ERASED,
            row.created_by,
            micros(row.created_at),
        ])?;
    }
    Ok(())
}

/// The marks of these addresses, in their order; none in a workspace in which nobody was erased.
pub(crate) fn marks<'a>(
    connection: &Connection,
    workspace: i64,
    addresses: impl Iterator<Item = &'a str>,
) -> Outcome<Vec<String>> {
    let salt: Option<Vec<u8>> = connection
        .prepare_cached("SELECT salt FROM workspaces WHERE key = ?1")?
        .query_row([workspace], |row| row.get(0))
        .optional()?
        .flatten();
    Ok(salt.map_or_else(Vec::new, |salt| {
        addresses.map(|address| mark(&salt, address)).collect()
    }))
}

/// Whether the address is that of an erased person.
pub(crate) fn is_erased(connection: &Connection, workspace: i64, address: &str) -> Outcome<bool> {
    let Some(mark) = marks(connection, workspace, std::iter::once(address))?.pop() else {
        return Ok(false);
    };
    Ok(connection
        .prepare_cached(
            "SELECT 1 FROM suppressions WHERE workspace = ?1 AND channel = ?2 AND address = ?3",
        )?
        .exists((workspace, EVERY_CHANNEL, mark))?)
}

/// Every address of the person that is known, as it is written and in its plain form.
fn addresses(
    connection: &Connection,
    workspace: i64,
    contact: ContactId,
) -> Outcome<BTreeSet<String>> {
    let mut statement = connection.prepare_cached(
        "SELECT recipient FROM messages WHERE workspace = ?1 AND contact = ?2 \
         UNION SELECT a.value FROM contacts c, json_each(json_array( \
             c.email, c.phone, c.telegram_chat_id, c.whatsapp, c.external_id)) a \
         WHERE c.workspace = ?1 AND c.id = ?2 AND a.value IS NOT NULL \
         UNION SELECT external_id FROM contacts \
         WHERE workspace = ?1 AND merged_into = ?2 AND external_id IS NOT NULL",
    )?;
    let rows = statement.query_map((workspace, contact.0), |row| row.get::<_, String>(0))?;
    let mut all = BTreeSet::new();
    for address in rows {
        let address = address?;
        if !address.is_empty() {
            all.insert(plain(&address));
            all.insert(address);
        }
    }
    Ok(all)
}

#[derive(Clone, Copy)]
enum Table {
    Suppressions,
    Inbound,
}

/// Removes the rows of these addresses. A suppression may have been written by hand, in another case than the
/// contact's. (SQLite's own `lower` knows ASCII only.)
fn forget(
    connection: &Connection,
    workspace: i64,
    table: Table,
    addresses: &BTreeSet<String>,
) -> Outcome<()> {
    let sql = match table {
        Table::Suppressions => {
            "DELETE FROM suppressions WHERE workspace = ?1 AND channel <> '*' AND \
             (address IN (SELECT value FROM json_each(?2)) \
              OR lower(address) IN (SELECT value FROM json_each(?2) WHERE instr(value, '@')))"
        }
        Table::Inbound => {
            "DELETE FROM inbound WHERE workspace = ?1 \
             AND address IN (SELECT value FROM json_each(?2))"
        }
    };
    connection
        .prepare_cached(sql)?
        .execute((workspace, serde_json::to_string(addresses)?))?;
    Ok(())
}

/// Empties what is written of the person outside their own row.
pub(crate) fn texts(connection: &Connection, workspace: i64, contact: ContactId) -> Outcome<()> {
    // Receipts first: they are found by what the messages lose.
    const STATEMENTS: [&str; 9] = [
        "DELETE FROM receipts WHERE workspace = ?1 AND message IN \
             (SELECT id FROM messages WHERE workspace = ?1 AND contact = ?2) \
         AND NOT (about_kind = 'attempt' AND state = 'waiting')",
        "DELETE FROM receipts WHERE workspace = ?1 AND about_kind = 'provider_id' \
         AND (channel, about) IN \
             (SELECT channel, provider_id FROM messages WHERE workspace = ?1 AND contact = ?2 \
              UNION SELECT m.channel, a.provider_id FROM messages m JOIN attempts a \
                  ON a.workspace = m.workspace AND a.message = m.id \
              WHERE m.workspace = ?1 AND m.contact = ?2)",
        // An id as it is written.
        "UPDATE receipts SET reason = '' WHERE workspace = ?1 AND about_kind = 'attempt' \
         AND state = 'waiting' AND reason IS NOT NULL AND (channel, about) IN \
             (SELECT m.channel, lower(substr(hex(a.id), 1, 8) || '-' || substr(hex(a.id), 9, 4) || '-' || \
                  substr(hex(a.id), 13, 4) || '-' || substr(hex(a.id), 17, 4) || '-' || \
                  substr(hex(a.id), 21)) \
              FROM messages m JOIN attempts a ON a.workspace = m.workspace AND a.message = m.id \
              WHERE m.workspace = ?1 AND m.contact = ?2)",
        "DELETE FROM import_updates WHERE workspace = ?1 AND contact = ?2",
        // Those that were merged into it are known by these alone.
        "UPDATE contacts SET external_id = NULL WHERE workspace = ?1 AND merged_into = ?2",
        "UPDATE approvals SET override_reason = NULL WHERE workspace = ?1 AND message IN \
             (SELECT id FROM messages WHERE workspace = ?1 AND contact = ?2) \
         AND override_reason IS NOT NULL",
        "UPDATE attempts SET provider_id = NULL, reason = NULL WHERE workspace = ?1 AND message IN \
             (SELECT id FROM messages WHERE workspace = ?1 AND contact = ?2)",
        "UPDATE revisions SET subject = NULL, content = '', salt = zeroblob(16) \
         WHERE workspace = ?1 AND message IN \
             (SELECT id FROM messages WHERE workspace = ?1 AND contact = ?2)",
        "UPDATE messages SET recipient = '', metadata = json_remove(metadata, '$.context'), \
         findings = '[]', risk = 0, failure = NULL, provider_id = NULL \
         WHERE workspace = ?1 AND contact = ?2",
    ];
    let addresses = addresses(connection, workspace, contact)?;
    forget(connection, workspace, Table::Inbound, &addresses)?;
    events::forget_words(connection, workspace, contact)?;
    for sql in STATEMENTS {
        connection
            .prepare_cached(sql)?
            .execute((workspace, contact.0))?;
    }
    Ok(())
}

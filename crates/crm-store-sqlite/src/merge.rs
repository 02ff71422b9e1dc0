//! Everything of one contact becomes another's.

use crm_core::id::ContactId;
use rusqlite::Connection;

use crate::fault::Outcome;

/// In this order: a line is left out by what the messages' lines say before they move.
const STATEMENTS: [&str; 5] = [
    // A line without a message makes way for one with a message.
    "DELETE FROM plan_rows WHERE workspace = ?1 AND contact = ?3 AND message IS NULL \
     AND campaign IN (SELECT id FROM campaigns WHERE workspace = ?1) AND EXISTS ( \
         SELECT 1 FROM plan_rows f WHERE f.workspace = ?1 AND f.campaign = plan_rows.campaign \
         AND f.contact = ?2 AND f.occurrence = plan_rows.occurrence AND f.message IS NOT NULL)",
    "DELETE FROM plan_rows WHERE workspace = ?1 AND contact = ?2 \
     AND campaign IN (SELECT id FROM campaigns WHERE workspace = ?1) AND EXISTS ( \
         SELECT 1 FROM plan_rows t WHERE t.workspace = ?1 AND t.campaign = plan_rows.campaign \
         AND t.contact = ?3 AND t.occurrence = plan_rows.occurrence)",
    "UPDATE plan_rows SET contact = ?3 WHERE workspace = ?1 AND contact = ?2 \
     AND campaign IN (SELECT id FROM campaigns WHERE workspace = ?1)",
    "UPDATE messages SET written_for = coalesce(written_for, contact), contact = ?3, \
     doubled = doubled OR (campaign IS NOT NULL AND occurrence IS NOT NULL AND EXISTS ( \
         SELECT 1 FROM messages t WHERE t.workspace = ?1 AND t.campaign = messages.campaign \
         AND t.occurrence = messages.occurrence AND t.contact = ?3 AND t.doubled = 0)) \
     WHERE workspace = ?1 AND contact = ?2",
    "UPDATE contacts SET merged_into = ?3 WHERE workspace = ?1 AND merged_into = ?2",
];

const FORGET: &str = "DELETE FROM import_updates WHERE workspace = ?1 AND contact = ?2";

/// Makes messages, lines of plans and merged contacts of `from` those of `to`; what imports keep of it goes.
pub(crate) fn history(
    connection: &Connection,
    workspace: i64,
    from: ContactId,
    to: ContactId,
) -> Outcome<()> {
    for sql in STATEMENTS {
        connection
            .prepare_cached(sql)?
            .execute((workspace, from.0, to.0))?;
    }
    connection
        .prepare_cached(FORGET)?
        .execute((workspace, from.0))?;
    Ok(())
}

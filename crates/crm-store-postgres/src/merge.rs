//! Everything of one contact becomes another's.

use crm_core::id::ContactId;

use crate::fault::Outcome;
use crate::query::Db;

/// In this order: a line is left out by what the messages' lines say before they move.
const STATEMENTS: [&str; 5] = [
    // A line without a message makes way for one with a message.
    "DELETE FROM crm.plan_rows t USING crm.plan_rows f WHERE t.workspace = $1 AND t.contact = $3 \
     AND t.message IS NULL AND t.campaign = ANY (ARRAY(SELECT id FROM crm.campaigns WHERE workspace = $1)) \
     AND f.workspace = $1 AND f.campaign = t.campaign AND f.contact = $2 AND f.occurrence = t.occurrence \
     AND f.message IS NOT NULL",
    "DELETE FROM crm.plan_rows f USING crm.plan_rows t WHERE f.workspace = $1 AND f.contact = $2 \
     AND f.campaign = ANY (ARRAY(SELECT id FROM crm.campaigns WHERE workspace = $1)) \
     AND t.workspace = $1 AND t.campaign = f.campaign AND t.contact = $3 AND t.occurrence = f.occurrence",
    "UPDATE crm.plan_rows SET contact = $3 WHERE workspace = $1 AND contact = $2 \
     AND campaign = ANY (ARRAY(SELECT id FROM crm.campaigns WHERE workspace = $1))",
    "UPDATE crm.messages m SET written_for = coalesce(m.written_for, m.contact), contact = $3, \
     doubled = m.doubled OR (m.campaign IS NOT NULL AND m.occurrence IS NOT NULL AND EXISTS ( \
         SELECT 1 FROM crm.messages t WHERE t.workspace = $1 AND t.campaign = m.campaign \
         AND t.occurrence = m.occurrence AND t.contact = $3 AND NOT t.doubled)) \
     WHERE m.workspace = $1 AND m.contact = $2",
    "UPDATE crm.contacts SET merged_into = $3 WHERE workspace = $1 AND merged_into = $2",
];

const FORGET: &str = "DELETE FROM crm.import_updates WHERE workspace = $1 AND contact = $2";

/// Makes messages, lines of plans and merged contacts of `from` those of `to`; what imports keep of it goes.
pub(crate) async fn history(db: &mut Db<'_>, from: ContactId, to: ContactId) -> Outcome<()> {
    for sql in STATEMENTS {
        sqlx::query(db.sql(sql))
            .bind(db.key)
            .bind(from.0)
            .bind(to.0)
            .execute(&mut *db.connection)
            .await?;
    }
    sqlx::query(db.sql(FORGET))
        .bind(db.key)
        .bind(from.0)
        .execute(&mut *db.connection)
        .await?;
    Ok(())
}

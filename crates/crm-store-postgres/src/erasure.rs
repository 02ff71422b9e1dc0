//! What is emptied and suppressed when a person is erased.

use std::collections::BTreeSet;

use crm_core::consent::erasure::{ERASED, EVERY_CHANNEL, ErasedAddresses, mark, plain};
use crm_core::id::ContactId;

use crate::fault::Outcome;
use crate::query::{Db, sought};
use crate::{events, require};

/// Suppresses the addresses of the person by their marks; plain suppressions of them go.
///
/// The contact is held first and then its addresses, as a delivery that begins holds them: it is over before, or
/// sees what is written here.
pub(crate) async fn suppress(db: &mut Db<'_>, row: &ErasedAddresses) -> Outcome<()> {
    sqlx::query(db.sql("SELECT 1 FROM crm.contacts WHERE workspace = $1 AND id = $2 FOR UPDATE"))
        .bind(db.key)
        .bind(row.contact_id.0)
        .execute(&mut *db.connection)
        .await?;
    let addresses = addresses(db, row.contact_id).await?;
    let all: Vec<&str> = addresses.iter().map(String::as_str).collect();
    require::hold_addresses(db, &all).await?;
    let salt: Vec<u8> = sqlx::query_scalar(
        db.sql("UPDATE crm.workspaces SET salt = coalesce(salt, $2) WHERE key = $1 RETURNING salt"),
    )
    .bind(db.key)
    .bind(row.salt.to_vec())
    .fetch_one(&mut *db.connection)
    .await?;
    forget_suppressions(db, &all).await?;
    // Two ways to write one address have one mark.
    let marks: BTreeSet<String> = all.iter().map(|address| mark(&salt, address)).collect();
    sqlx::query(db.sql(
        "INSERT INTO crm.suppressions (workspace, channel, address, reason, created_by, created_at) \
         SELECT $1, $2, v.mark, $4, $5, $6 FROM unnest($3::text[]) AS v(mark) \
         ON CONFLICT DO NOTHING",
    ))
    .bind(db.key)
    .bind(EVERY_CHANNEL)
    .bind(marks.into_iter().collect::<Vec<_>>())
    .bind(ERASED)
    .bind(row.created_by.clone())
    .bind(row.created_at)
    .execute(&mut *db.connection)
    .await?;
    Ok(())
}

/// The marks of these addresses, in their order; none in a workspace in which nobody was erased.
///
/// The salt is read each time: a database that went back to an older state may get another one.
pub(crate) async fn marks(db: &mut Db<'_>, addresses: &[&str]) -> Outcome<Vec<String>> {
    let salt: Option<Vec<u8>> =
        sqlx::query_scalar(db.sql("SELECT salt FROM crm.workspaces WHERE key = $1"))
            .bind(db.key)
            .fetch_optional(&mut *db.connection)
            .await?
            .flatten();
    Ok(salt.map_or_else(Vec::new, |salt| {
        let marks = addresses.iter().map(|address| mark(&salt, address));
        marks.collect()
    }))
}

/// Whether each address is that of an erased person.
pub(crate) async fn erased(db: &mut Db<'_>, addresses: &[&str]) -> Outcome<Vec<bool>> {
    if addresses.is_empty() {
        return Ok(Vec::new());
    }
    let marks = marks(db, addresses).await?;
    if marks.is_empty() {
        return Ok(vec![false; addresses.len()]);
    }
    // The limit keeps the planner at looking up each, whatever it guesses of the table's size.
    Ok(sqlx::query_scalar(db.sql(
        "SELECT s.found IS NOT NULL FROM unnest($3::text[]) WITH ORDINALITY AS n(mark, place) \
         LEFT JOIN LATERAL (SELECT true AS found FROM crm.suppressions s \
             WHERE s.workspace = $1 AND s.channel = $2 AND s.address = n.mark LIMIT 1 \
         ) s ON true ORDER BY n.place",
    ))
    .bind(db.key)
    .bind(EVERY_CHANNEL)
    .bind(marks)
    .fetch_all(&mut *db.connection)
    .await?)
}

/// Every address of the person that is known, as it is written and in its plain form.
async fn addresses(db: &mut Db<'_>, contact: ContactId) -> Outcome<BTreeSet<String>> {
    let found: Vec<String> = sqlx::query_scalar(db.sql(
        "SELECT recipient FROM crm.messages WHERE workspace = $1 AND contact = $2 \
         UNION SELECT a.value FROM crm.contacts c CROSS JOIN LATERAL unnest(ARRAY[ \
             c.email, c.phone, c.telegram_chat_id, c.whatsapp, c.external_id]) AS a(value) \
         WHERE c.workspace = $1 AND c.id = $2 AND a.value IS NOT NULL \
         UNION SELECT external_id FROM crm.contacts \
         WHERE workspace = $1 AND merged_into = $2 AND external_id IS NOT NULL",
    ))
    .bind(db.key)
    .bind(contact.0)
    .fetch_all(&mut *db.connection)
    .await?;
    let plain: Vec<String> = found.iter().map(|address| plain(address)).collect();
    let all = found.into_iter().chain(plain);
    Ok(all.filter(|address| !address.is_empty()).collect())
}

/// Removes plain suppressions of these addresses. One may have been written by hand, in another case than the
/// contact's.
async fn forget_suppressions(db: &mut Db<'_>, addresses: &[&str]) -> Outcome<()> {
    let caseless = addresses.iter().filter(|address| address.contains('@'));
    let caseless: Vec<String> = caseless.map(|address| sought(address)).collect();
    let exact: Vec<String> = addresses.iter().map(|address| sought(address)).collect();
    sqlx::query(db.sql(
        "DELETE FROM crm.suppressions WHERE workspace = $1 AND channel <> '*' \
         AND (address = ANY ($2) OR lower(address) = ANY ($3))",
    ))
    .bind(db.key)
    .bind(exact)
    .bind(caseless)
    .execute(&mut *db.connection)
    .await?;
    Ok(())
}

/// Forgets when these addresses wrote.
async fn forget_inbound(db: &mut Db<'_>, addresses: &[&str]) -> Outcome<()> {
    let exact: Vec<String> = addresses.iter().map(|address| sought(address)).collect();
    sqlx::query(db.sql("DELETE FROM crm.inbound WHERE workspace = $1 AND address = ANY ($2)"))
        .bind(db.key)
        .bind(exact)
        .execute(&mut *db.connection)
        .await?;
    Ok(())
}

/// Empties what is written of the person outside their own row.
pub(crate) async fn texts(db: &mut Db<'_>, contact: ContactId) -> Outcome<()> {
    // Messages are held first, as who records an answer does. Receipts come before them: they are found by what
    // messages and attempts lose.
    const STATEMENTS: [&str; 10] = [
        "SELECT 1 FROM crm.messages WHERE workspace = $1 AND contact = $2 ORDER BY id FOR UPDATE",
        "DELETE FROM crm.receipts WHERE workspace = $1 AND message = ANY (ARRAY( \
             SELECT id FROM crm.messages WHERE workspace = $1 AND contact = $2)) \
         AND NOT (about_kind = 'attempt' AND state = 'waiting')",
        "DELETE FROM crm.receipts AS r USING ( \
             SELECT channel, provider_id FROM crm.messages WHERE workspace = $1 AND contact = $2 \
             UNION SELECT m.channel, a.provider_id FROM crm.messages m JOIN crm.attempts a \
                 ON a.workspace = m.workspace AND a.message = m.id \
             WHERE m.workspace = $1 AND m.contact = $2) AS n \
         WHERE r.workspace = $1 AND r.channel = n.channel AND r.about_kind = 'provider_id' \
             AND r.about = n.provider_id",
        "UPDATE crm.receipts AS r SET reason = '' FROM ( \
             SELECT m.channel, a.id::text AS id FROM crm.messages m JOIN crm.attempts a \
                 ON a.workspace = m.workspace AND a.message = m.id \
             WHERE m.workspace = $1 AND m.contact = $2) AS n \
         WHERE r.workspace = $1 AND r.channel = n.channel AND r.about_kind = 'attempt' \
             AND r.about = n.id AND r.state = 'waiting' AND r.reason IS NOT NULL",
        "DELETE FROM crm.import_updates WHERE workspace = $1 AND contact = $2",
        // Those that were merged into it are known by these alone.
        "UPDATE crm.contacts SET external_id = NULL WHERE workspace = $1 AND merged_into = $2",
        "UPDATE crm.approvals SET override_reason = NULL WHERE workspace = $1 \
         AND message = ANY (ARRAY( \
             SELECT id FROM crm.messages WHERE workspace = $1 AND contact = $2)) \
         AND override_reason IS NOT NULL",
        "UPDATE crm.attempts SET provider_id = NULL, reason = NULL WHERE workspace = $1 \
         AND message = ANY (ARRAY( \
             SELECT id FROM crm.messages WHERE workspace = $1 AND contact = $2))",
        "UPDATE crm.revisions SET subject = NULL, content = '', \
         salt = decode('00000000000000000000000000000000', 'hex') \
         WHERE workspace = $1 AND message = ANY (ARRAY( \
             SELECT id FROM crm.messages WHERE workspace = $1 AND contact = $2))",
        "UPDATE crm.messages SET recipient = '', metadata = metadata - 'context', \
         findings = '[]', risk = 0, failure = NULL, provider_id = NULL \
         WHERE workspace = $1 AND contact = $2",
    ];
    let addresses = addresses(db, contact).await?;
    let all: Vec<&str> = addresses.iter().map(String::as_str).collect();
    forget_inbound(db, &all).await?;
    for sql in STATEMENTS {
        sqlx::query(db.sql(sql))
            .bind(db.key)
            .bind(contact.0)
            .execute(&mut *db.connection)
            .await?;
    }
    events::forget_words(db, contact).await
}

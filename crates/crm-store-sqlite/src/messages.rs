//! Messages and their revisions.

use crm_core::Workspace;
use crm_core::id::{CampaignId, ContactId, MessageId};
use crm_core::message::{GeneratedBy, Message, Occasion, Revision, Status};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params, params_from_iter};

use crate::fault::Outcome;
use crate::rows::{
    digest, format, instant, json, micros, named, opt_instant, opt_micros, signed, unsigned,
};

pub(crate) const COLUMNS: &str = "m.id, m.contact, m.campaign, m.occurrence, m.occasion, m.channel, \
    m.recipient, m.sender, m.status, m.version, m.digest, m.generated_by, m.metadata, \
    m.created_by, m.approved_by, m.approved_at, m.scheduled_for, m.expires_at, m.not_before, \
    m.epoch, m.lease_owner, m.lease_until, m.attempts, m.failure, m.provider_id, m.sent_at, \
    m.test_mode, m.deleted, m.created_at, m.updated_at, m.queued_at, m.decided_epoch, m.findings, \
    r.number, r.subject, r.content, r.format, r.salt, r.created_by, r.created_at, m.written_for";

/// Messages with their current text.
pub(crate) const FROM: &str = "messages m JOIN revisions r \
    ON r.workspace = m.workspace AND r.message = m.id AND r.number = m.revision";

const INSERT: &str = "INSERT INTO messages (workspace, id, contact, campaign, occurrence, \
    occasion, channel, recipient, sender, status, version, revision, digest, generated_by, \
    metadata, created_by, approved_by, approved_at, scheduled_for, expires_at, not_before, epoch, \
    lease_owner, lease_until, attempts, failure, provider_id, sent_at, test_mode, deleted, \
    created_at, updated_at, queued_at, decided_epoch, findings, risk) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, \
    ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, \
    ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36)";

/// With a new text. Where a message came from (contact, campaign, occurrence, occasion, channel,
/// creation) never changes, nor is what was erased written anew; an index on a column that is named here would be written again.
const REVISE: &str = "UPDATE messages SET version = ?3, status = ?4, approved_by = ?5, \
    approved_at = ?6, not_before = ?7, epoch = ?8, lease_owner = ?9, lease_until = ?10, \
    attempts = ?11, failure = ?12, provider_id = ?13, sent_at = ?14, deleted = ?15, \
    updated_at = ?16, queued_at = ?17, decided_epoch = ?18, recipient = ?19, sender = ?20, \
    revision = ?21, digest = ?22, scheduled_for = ?23, expires_at = ?24, generated_by = ?25, \
    metadata = ?26, findings = ?27, risk = ?28 \
    WHERE workspace = ?1 AND id = ?2 AND version = ?3 - 1 AND recipient <> '' \
    AND epoch = ?8 - (?4 = 'claimed' OR (?4 = 'sending' AND status = 'uncertain'))";

/// Without a new text: the address stays as it is too, so an erased one stays erased. So does what providers say
/// about one.
///
/// The version alone does not tell the row that a decision was made on: in a database that went back to an
/// older state versions are given a second time. A claim that was forgotten has an epoch that no row has.
const MOVE: &str = "UPDATE messages SET version = ?3, status = ?4, approved_by = ?5, \
    approved_at = ?6, not_before = ?7, epoch = ?8, lease_owner = ?9, lease_until = ?10, \
    attempts = ?11, failure = iif(recipient = '', NULL, ?12), \
    provider_id = iif(recipient = '', NULL, ?13), sent_at = ?14, deleted = ?15, \
    updated_at = ?16, queued_at = ?17, decided_epoch = ?18 \
    WHERE workspace = ?1 AND id = ?2 AND version = ?3 - 1 \
    AND epoch = ?8 - (?4 = 'claimed' OR (?4 = 'sending' AND status = 'uncertain'))";

/// Writes a new message with its first revision.
pub(crate) fn insert(connection: &Connection, workspace: i64, row: &Message) -> Outcome<()> {
    connection.prepare_cached(INSERT)?.execute(params![
        workspace,
        row.id.0,
        row.contact_id.0,
        row.campaign_id.map(|id| id.0),
        row.occurrence,
        row.occasion.as_str(),
        row.channel,
        row.recipient,
        row.sender,
        row.status.as_str(),
        signed(row.version),
        row.revision.number,
        row.digest.0,
        row.generated_by.as_str(),
        serde_json::to_string(&row.metadata)?,
        row.created_by,
        row.approved_by,
        opt_micros(row.approved_at),
        opt_micros(row.scheduled_for),
        opt_micros(row.expires_at),
        micros(row.not_before),
        signed(row.epoch),
        row.lease_owner,
        opt_micros(row.lease_until),
        row.attempts,
        row.failure,
        row.provider_id,
        opt_micros(row.sent_at),
        row.test_mode,
        row.deleted,
        micros(row.created_at),
        micros(row.updated_at),
        opt_micros(row.queued_at),
        signed(row.decided_epoch),
        serde_json::to_string(&row.findings)?,
        row.risk(),
    ])?;
    insert_revision(connection, workspace, row)
}

/// Writes a changed message; `false` when no row has the version before.
pub(crate) fn update(
    connection: &Connection,
    workspace: i64,
    row: &Message,
    new_revision: bool,
) -> Outcome<bool> {
    let values: [&dyn ToSql; 18] = [
        &workspace,
        &row.id.0,
        &signed(row.version),
        &row.status.as_str(),
        &row.approved_by,
        &opt_micros(row.approved_at),
        &micros(row.not_before),
        &signed(row.epoch),
        &row.lease_owner,
        &opt_micros(row.lease_until),
        &row.attempts,
        &row.failure,
        &row.provider_id,
        &opt_micros(row.sent_at),
        &row.deleted,
        &micros(row.updated_at),
        &opt_micros(row.queued_at),
        &signed(row.decided_epoch),
    ];
    if !new_revision {
        return Ok(connection
            .prepare_cached(MOVE)?
            .execute(values.as_slice())?
            > 0);
    }
    let text: [&dyn ToSql; 10] = [
        &row.recipient,
        &row.sender,
        &row.revision.number,
        &row.digest.0,
        &opt_micros(row.scheduled_for),
        &opt_micros(row.expires_at),
        &row.generated_by.as_str(),
        &serde_json::to_string(&row.metadata)?,
        &serde_json::to_string(&row.findings)?,
        &row.risk(),
    ];
    let changed = connection
        .prepare_cached(REVISE)?
        .execute(params_from_iter(values.iter().chain(&text)))?;
    if changed > 0 {
        insert_revision(connection, workspace, row)?;
    }
    Ok(changed > 0)
}

fn insert_revision(connection: &Connection, workspace: i64, message: &Message) -> Outcome<()> {
    let revision = &message.revision;
    connection
        .prepare_cached(
            "INSERT INTO revisions (workspace, message, number, subject, content, format, salt, \
             created_by, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            workspace,
            message.id.0,
            revision.number,
            revision.subject,
            revision.content,
            revision.format.as_str(),
            revision.salt,
            revision.created_by,
            micros(revision.created_at),
        ])?;
    Ok(())
}

/// A revision whose columns begin at `first`.
fn read_revision(row: &Row<'_>, id: MessageId, first: usize) -> rusqlite::Result<Revision> {
    Ok(Revision {
        message_id: id,
        number: row.get(first)?,
        subject: row.get(first + 1)?,
        content: row.get(first + 2)?,
        format: named(row, first + 3, format)?,
        salt: row.get(first + 4)?,
        created_by: row.get(first + 5)?,
        created_at: instant(row, first + 6)?,
    })
}

/// All versions of a message's text, oldest first.
pub(crate) fn revisions(
    connection: &Connection,
    key: i64,
    id: MessageId,
) -> Outcome<Vec<Revision>> {
    let mut statement = connection.prepare_cached(
        "SELECT number, subject, content, format, salt, created_by, created_at FROM revisions \
         WHERE workspace = ?1 AND message = ?2 ORDER BY number",
    )?;
    let rows = statement.query_map((key, id.0), |row| read_revision(row, id, 0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(crate) fn read(workspace: &Workspace, row: &Row<'_>) -> rusqlite::Result<Message> {
    let id = MessageId(row.get(0)?);
    Ok(Message {
        workspace: workspace.clone(),
        id,
        contact_id: ContactId(row.get(1)?),
        written_for: row.get::<_, Option<_>>(40)?.map(ContactId),
        campaign_id: row.get::<_, Option<_>>(2)?.map(CampaignId),
        occurrence: row.get(3)?,
        occasion: named(row, 4, Occasion::parse)?,
        channel: row.get(5)?,
        recipient: row.get(6)?,
        sender: row.get(7)?,
        status: named(row, 8, Status::parse)?,
        version: unsigned(row, 9)?,
        revision: read_revision(row, id, 33)?,
        digest: digest(row, 10)?,
        generated_by: named(row, 11, GeneratedBy::parse)?,
        metadata: json(row, 12)?,
        created_by: row.get(13)?,
        approved_by: row.get(14)?,
        approved_at: opt_instant(row, 15)?,
        scheduled_for: opt_instant(row, 16)?,
        expires_at: opt_instant(row, 17)?,
        not_before: instant(row, 18)?,
        epoch: unsigned(row, 19)?,
        lease_owner: row.get(20)?,
        lease_until: opt_instant(row, 21)?,
        attempts: row.get(22)?,
        failure: row.get(23)?,
        provider_id: row.get(24)?,
        sent_at: opt_instant(row, 25)?,
        test_mode: row.get(26)?,
        deleted: row.get(27)?,
        created_at: instant(row, 28)?,
        updated_at: instant(row, 29)?,
        queued_at: opt_instant(row, 30)?,
        decided_epoch: unsigned(row, 31)?,
        findings: json(row, 32)?,
    })
}

/// One message.
pub(crate) fn one(
    connection: &Connection,
    workspace: &Workspace,
    key: i64,
    id: MessageId,
) -> Outcome<Option<Message>> {
    Ok(connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM {FROM} WHERE m.workspace = ?1 AND m.id = ?2"
        ))?
        .query_row((key, id.0), |row| read(workspace, row))
        .optional()?)
}

/// Approved messages that may leave now, earliest first.
pub(crate) fn due(
    connection: &Connection,
    workspace: &Workspace,
    key: i64,
    now: i64,
    parked: &str,
    limit: u32,
) -> Outcome<Vec<Message>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM {FROM} \
         WHERE m.workspace = ?1 AND m.status = 'approved' AND m.deleted = 0 AND m.test_mode = 0 \
         AND m.not_before <= ?2 AND m.channel NOT IN (SELECT value FROM json_each(?3)) \
         AND NOT EXISTS (SELECT 1 FROM campaigns k WHERE k.workspace = m.workspace \
             AND k.id = m.campaign AND k.status = 'paused') \
         ORDER BY m.not_before, m.id LIMIT ?4"
    ))?;
    let rows = statement.query_map((key, now, parked, limit), |row| read(workspace, row))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

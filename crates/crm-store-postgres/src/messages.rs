//! Messages and their revisions.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use crm_core::Workspace;
use crm_core::id::{CampaignId, ContactId, MessageId};
use crm_core::message::{GeneratedBy, Message, Occasion, Revision, Status};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{Postgres, SqlStr};
use uuid::Uuid;

use crate::fault::Outcome;
use crate::query::Db;
use crate::rows::{
    column, count, digest, format, get, json, named, signed, small, to_json, unsigned,
};

pub(crate) const COLUMNS: &str = "m.id, m.contact, m.campaign, m.occurrence, m.occasion, m.channel, \
    m.recipient, m.sender, m.status, m.version, m.digest, m.generated_by, m.metadata, \
    m.created_by, m.approved_by, m.approved_at, m.scheduled_for, m.expires_at, m.not_before, \
    m.epoch, m.lease_owner, m.lease_until, m.attempts, m.failure, m.provider_id, m.sent_at, \
    m.test_mode, m.deleted, m.created_at, m.updated_at, m.queued_at, m.decided_epoch, m.findings, m.written_for, \
    r.number AS r_number, \
    r.subject AS r_subject, r.content AS r_content, r.format AS r_format, r.salt AS r_salt, \
    r.created_by AS r_created_by, r.created_at AS r_created_at";

/// Messages `m` with their current text, which is looked up for each: what is left out of a page has none
/// read, and no plan reads all texts.
pub(crate) const WITH_TEXT: &str = "crm.messages m CROSS JOIN LATERAL (SELECT r.* FROM crm.revisions r \
    WHERE r.workspace = m.workspace AND r.message = m.id AND r.number = m.revision OFFSET 0) AS r";

/// Messages with their current text.
pub(crate) const FROM: &str = "crm.messages m JOIN crm.revisions r \
    ON r.workspace = m.workspace AND r.message = m.id AND r.number = m.revision";

/// Writes new messages with their first revisions.
pub(crate) async fn insert(db: &mut Db<'_>, rows: &[&Message]) -> Outcome<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let metadata: Outcome<Vec<_>> = rows.iter().map(|row| to_json(&row.metadata)).collect();
    let findings: Outcome<Vec<_>> = rows.iter().map(|row| to_json(&row.findings)).collect();
    sqlx::query(db.sql(
        "INSERT INTO crm.messages (workspace, id, contact, campaign, occurrence, occasion, \
             channel, recipient, sender, status, version, revision, digest, generated_by, \
             metadata, created_by, approved_by, approved_at, scheduled_for, expires_at, \
             not_before, epoch, lease_owner, lease_until, attempts, failure, provider_id, sent_at, \
             test_mode, deleted, created_at, updated_at, queued_at, decided_epoch, findings, risk) \
         SELECT $1, v.* FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], \
             $7::text[], $8::text[], $9::text[], $10::text[], $11::bigint[], $12::integer[], \
             $13::bytea[], $14::text[], $15::jsonb[], $16::text[], $17::text[], \
             $18::timestamptz[], $19::timestamptz[], $20::timestamptz[], $21::timestamptz[], \
             $22::bigint[], $23::text[], $24::timestamptz[], $25::integer[], $26::text[], \
             $27::text[], $28::timestamptz[], $29::boolean[], $30::boolean[], \
             $31::timestamptz[], $32::timestamptz[], $33::timestamptz[], $34::bigint[], $35::jsonb[], \
             $36::integer[]) AS v",
    ))
    .bind(db.key)
    .bind(column(rows, |row| row.id.0))
    .bind(column(rows, |row| row.contact_id.0))
    .bind(column(rows, |row| row.campaign_id.map(|id| id.0)))
    .bind(column(rows, |row| row.occurrence.clone()))
    .bind(column(rows, |row| row.occasion.as_str()))
    .bind(column(rows, |row| row.channel.clone()))
    .bind(column(rows, |row| row.recipient.clone()))
    .bind(column(rows, |row| row.sender.clone()))
    .bind(column(rows, |row| row.status.as_str()))
    .bind(column(rows, |row| signed(row.version)))
    .bind(column(rows, |row| small(row.revision.number)))
    .bind(column(rows, |row| row.digest.0.to_vec()))
    .bind(column(rows, |row| row.generated_by.as_str()))
    .bind(metadata?)
    .bind(column(rows, |row| row.created_by.clone()))
    .bind(column(rows, |row| row.approved_by.clone()))
    .bind(column(rows, |row| row.approved_at))
    .bind(column(rows, |row| row.scheduled_for))
    .bind(column(rows, |row| row.expires_at))
    .bind(column(rows, |row| row.not_before))
    .bind(column(rows, |row| signed(row.epoch)))
    .bind(column(rows, |row| row.lease_owner.clone()))
    .bind(column(rows, |row| row.lease_until))
    .bind(column(rows, |row| small(row.attempts)))
    .bind(column(rows, |row| row.failure.clone()))
    .bind(column(rows, |row| row.provider_id.clone()))
    .bind(column(rows, |row| row.sent_at))
    .bind(column(rows, |row| row.test_mode))
    .bind(column(rows, |row| row.deleted))
    .bind(column(rows, |row| row.created_at))
    .bind(column(rows, |row| row.updated_at))
    .bind(column(rows, |row| row.queued_at))
    .bind(column(rows, |row| signed(row.decided_epoch)))
    .bind(findings?)
    .bind(column(rows, |row| i32::from(row.risk())))
    .execute(&mut *db.connection)
    .await?;
    insert_revisions(db, rows).await
}

/// Without a new text: the address stays as it is too, so an erased one stays erased. So does what providers say
/// about one.
///
/// The version alone does not tell the row that a decision was made on: in a database that went back to an
/// older state versions are given a second time. A claim that was forgotten has an epoch that no row has.
const MOVE: &str = "UPDATE crm.messages AS m SET version = v.version, status = v.status, \
    approved_by = v.approved_by, approved_at = v.approved_at, not_before = v.not_before, \
    epoch = v.epoch, lease_owner = v.lease_owner, lease_until = v.lease_until, \
    attempts = v.attempts, failure = CASE WHEN m.recipient <> '' THEN v.failure END, \
    provider_id = CASE WHEN m.recipient <> '' THEN v.provider_id END, \
    sent_at = v.sent_at, deleted = v.deleted, updated_at = v.updated_at, \
    queued_at = v.queued_at, decided_epoch = v.decided_epoch \
    FROM unnest($2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::timestamptz[], \
    $7::timestamptz[], $8::bigint[], $9::text[], $10::timestamptz[], $11::integer[], $12::text[], \
    $13::text[], $14::timestamptz[], $15::boolean[], $16::timestamptz[], $17::timestamptz[], \
    $18::bigint[]) AS v(id, version, status, approved_by, approved_at, not_before, epoch, \
    lease_owner, lease_until, attempts, failure, provider_id, sent_at, deleted, updated_at, \
    queued_at, decided_epoch) \
    WHERE m.workspace = $1 AND m.id = ANY ((SELECT $2::uuid[])::uuid[]) AND m.id = v.id AND m.version = v.version - 1 \
    AND m.epoch = v.epoch - (v.status = 'claimed' OR (v.status = 'sending' AND m.status = 'uncertain'))::integer";

/// With a new text. Where a message came from (contact, campaign, occurrence, occasion, channel,
/// creation) never changes, nor is what was erased written anew; an index on a column that is named here would be written again.
const REVISE: &str = "UPDATE crm.messages AS m SET version = v.version, status = v.status, \
    approved_by = v.approved_by, approved_at = v.approved_at, not_before = v.not_before, \
    epoch = v.epoch, lease_owner = v.lease_owner, lease_until = v.lease_until, \
    attempts = v.attempts, failure = v.failure, provider_id = v.provider_id, \
    sent_at = v.sent_at, deleted = v.deleted, updated_at = v.updated_at, \
    queued_at = v.queued_at, decided_epoch = v.decided_epoch, recipient = v.recipient, sender = v.sender, revision = v.revision, digest = v.digest, \
    scheduled_for = v.scheduled_for, expires_at = v.expires_at, generated_by = v.generated_by, \
    metadata = v.metadata, findings = v.findings, risk = v.risk \
    FROM unnest($2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::timestamptz[], \
    $7::timestamptz[], $8::bigint[], $9::text[], $10::timestamptz[], $11::integer[], $12::text[], \
    $13::text[], $14::timestamptz[], $15::boolean[], $16::timestamptz[], $17::timestamptz[], \
    $18::bigint[], $19::text[], $20::text[], $21::integer[], $22::bytea[], $23::timestamptz[], \
    $24::timestamptz[], $25::text[], $26::jsonb[], $27::jsonb[], $28::integer[]) AS v(id, version, status, approved_by, approved_at, not_before, \
    epoch, lease_owner, lease_until, attempts, failure, provider_id, sent_at, deleted, \
    updated_at, queued_at, decided_epoch, recipient, sender, revision, digest, scheduled_for, expires_at, generated_by, \
    metadata, findings, risk) \
    WHERE m.workspace = $1 AND m.id = ANY ((SELECT $2::uuid[])::uuid[]) AND m.id = v.id AND m.version = v.version - 1 \
    AND m.recipient <> '' \
    AND m.epoch = v.epoch - (v.status = 'claimed' OR (v.status = 'sending' AND m.status = 'uncertain'))::integer";

/// What both kinds of change write.
fn moved(sql: SqlStr, key: i64, rows: &[&Message]) -> Query<'static, Postgres, PgArguments> {
    sqlx::query(sql)
        .bind(key)
        .bind(column(rows, |row| row.id.0))
        .bind(column(rows, |row| signed(row.version)))
        .bind(column(rows, |row| row.status.as_str()))
        .bind(column(rows, |row| row.approved_by.clone()))
        .bind(column(rows, |row| row.approved_at))
        .bind(column(rows, |row| row.not_before))
        .bind(column(rows, |row| signed(row.epoch)))
        .bind(column(rows, |row| row.lease_owner.clone()))
        .bind(column(rows, |row| row.lease_until))
        .bind(column(rows, |row| small(row.attempts)))
        .bind(column(rows, |row| row.failure.clone()))
        .bind(column(rows, |row| row.provider_id.clone()))
        .bind(column(rows, |row| row.sent_at))
        .bind(column(rows, |row| row.deleted))
        .bind(column(rows, |row| row.updated_at))
        .bind(column(rows, |row| row.queued_at))
        .bind(column(rows, |row| signed(row.decided_epoch)))
}

/// Writes changed messages without new texts, each at most once; `false` when one has not the version
/// before (others may be written: go back then).
pub(crate) async fn update(db: &mut Db<'_>, rows: &[&Message]) -> Outcome<bool> {
    if rows.is_empty() {
        return Ok(true);
    }
    let changed = moved(db.sql(MOVE), db.key, rows)
        .execute(&mut *db.connection)
        .await?
        .rows_affected();
    Ok(usize::try_from(changed).is_ok_and(|changed| changed == rows.len()))
}

/// Writes changed messages with new texts, like [`update`].
pub(crate) async fn revise(db: &mut Db<'_>, rows: &[&Message]) -> Outcome<bool> {
    if rows.is_empty() {
        return Ok(true);
    }
    let metadata: Outcome<Vec<_>> = rows.iter().map(|row| to_json(&row.metadata)).collect();
    let findings: Outcome<Vec<_>> = rows.iter().map(|row| to_json(&row.findings)).collect();
    let changed = moved(db.sql(REVISE), db.key, rows)
        .bind(column(rows, |row| row.recipient.clone()))
        .bind(column(rows, |row| row.sender.clone()))
        .bind(column(rows, |row| small(row.revision.number)))
        .bind(column(rows, |row| row.digest.0.to_vec()))
        .bind(column(rows, |row| row.scheduled_for))
        .bind(column(rows, |row| row.expires_at))
        .bind(column(rows, |row| row.generated_by.as_str()))
        .bind(metadata?)
        .bind(findings?)
        .bind(column(rows, |row| i32::from(row.risk())))
        .execute(&mut *db.connection)
        .await?
        .rows_affected();
    if usize::try_from(changed).is_ok_and(|changed| changed == rows.len()) {
        insert_revisions(db, rows).await?;
        return Ok(true);
    }
    Ok(false)
}

async fn insert_revisions(db: &mut Db<'_>, rows: &[&Message]) -> Outcome<()> {
    sqlx::query(db.sql(
        "INSERT INTO crm.revisions (workspace, message, number, subject, content, format, salt, \
             created_by, created_at) \
         SELECT $1, v.* FROM unnest($2::uuid[], $3::integer[], $4::text[], $5::text[], \
             $6::text[], $7::bytea[], $8::text[], $9::timestamptz[]) AS v",
    ))
    .bind(db.key)
    .bind(column(rows, |row| row.id.0))
    .bind(column(rows, |row| small(row.revision.number)))
    .bind(column(rows, |row| row.revision.subject.clone()))
    .bind(column(rows, |row| row.revision.content.clone()))
    .bind(column(rows, |row| row.revision.format.as_str()))
    .bind(column(rows, |row| row.revision.salt.to_vec()))
    .bind(column(rows, |row| row.revision.created_by.clone()))
    .bind(column(rows, |row| row.revision.created_at))
    .execute(&mut *db.connection)
    .await?;
    Ok(())
}

/// Which of these messages are there, and at which version.
pub(crate) async fn versions(db: &mut Db<'_>, ids: &[Uuid]) -> Outcome<BTreeMap<Uuid, u64>> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = sqlx::query(
        db.sql("SELECT id, version FROM crm.messages WHERE workspace = $1 AND id = ANY ($2)"),
    )
    .bind(db.key)
    .bind(ids)
    .fetch_all(&mut *db.connection)
    .await?;
    rows.iter()
        .map(|row| Ok((get(row, "id")?, unsigned(row, "version")?)))
        .collect()
}

/// All versions of a message's text, oldest first.
pub(crate) async fn revisions(db: &mut Db<'_>, id: MessageId) -> Outcome<Vec<Revision>> {
    let rows = sqlx::query(db.sql(
        "SELECT number AS r_number, subject AS r_subject, content AS r_content, \
             format AS r_format, salt AS r_salt, created_by AS r_created_by, \
             created_at AS r_created_at \
         FROM crm.revisions WHERE workspace = $1 AND message = $2 ORDER BY number",
    ))
    .bind(db.key)
    .bind(id.0)
    .fetch_all(&mut *db.connection)
    .await?;
    rows.iter().map(|row| read_revision(row, id)).collect()
}

fn read_revision(row: &PgRow, id: MessageId) -> Outcome<Revision> {
    let salt: &[u8] = get(row, "r_salt")?;
    Ok(Revision {
        message_id: id,
        number: count(row, "r_number")?,
        subject: get(row, "r_subject")?,
        content: get(row, "r_content")?,
        format: named(row, "r_format", format)?,
        salt: salt
            .try_into()
            .map_err(|_| crate::fault::unreadable("salt"))?,
        created_by: get(row, "r_created_by")?,
        created_at: get(row, "r_created_at")?,
    })
}

pub(crate) fn read(workspace: &Workspace, row: &PgRow) -> Outcome<Message> {
    let id = MessageId(get(row, "id")?);
    Ok(Message {
        workspace: workspace.clone(),
        id,
        contact_id: ContactId(get(row, "contact")?),
        written_for: get::<Option<Uuid>>(row, "written_for")?.map(ContactId),
        campaign_id: get::<Option<Uuid>>(row, "campaign")?.map(CampaignId),
        occurrence: get(row, "occurrence")?,
        occasion: named(row, "occasion", Occasion::parse)?,
        channel: get(row, "channel")?,
        recipient: get(row, "recipient")?,
        sender: get(row, "sender")?,
        status: named(row, "status", Status::parse)?,
        version: unsigned(row, "version")?,
        revision: read_revision(row, id)?,
        digest: digest(row, "digest")?,
        generated_by: named(row, "generated_by", GeneratedBy::parse)?,
        metadata: json(row, "metadata")?,
        created_by: get(row, "created_by")?,
        approved_by: get(row, "approved_by")?,
        approved_at: get(row, "approved_at")?,
        scheduled_for: get(row, "scheduled_for")?,
        expires_at: get(row, "expires_at")?,
        not_before: get(row, "not_before")?,
        epoch: unsigned(row, "epoch")?,
        lease_owner: get(row, "lease_owner")?,
        lease_until: get(row, "lease_until")?,
        attempts: count(row, "attempts")?,
        failure: get(row, "failure")?,
        provider_id: get(row, "provider_id")?,
        sent_at: get(row, "sent_at")?,
        test_mode: get(row, "test_mode")?,
        deleted: get(row, "deleted")?,
        created_at: get(row, "created_at")?,
        updated_at: get(row, "updated_at")?,
        queued_at: get(row, "queued_at")?,
        decided_epoch: unsigned(row, "decided_epoch")?,
        findings: json(row, "findings")?,
    })
}

/// The messages of these ids, in any order; unknown ones are left out.
pub(crate) async fn many(db: &mut Db<'_>, ids: &[Uuid]) -> Outcome<Vec<Message>> {
    let sql = format!(
        "SELECT m.* FROM unnest($2::uuid[]) AS v(id) CROSS JOIN LATERAL ( \
             SELECT {COLUMNS} FROM {WITH_TEXT} WHERE m.workspace = $1 AND m.id = v.id OFFSET 0) AS m"
    );
    let rows = sqlx::query(db.names.dynamic(&sql))
        .bind(db.key)
        .bind(ids)
        .fetch_all(&mut *db.connection)
        .await?;
    rows.iter().map(|row| read(db.workspace, row)).collect()
}

/// What may leave, in the words of `messages_due`, in those of `messages_lane`, and in some that lead to no
/// index.
const READY: &str = "m.status = 'approved' AND NOT m.deleted AND NOT m.test_mode";
const READY_LANE: &str =
    "m.status = 'approved' AND m.deleted IS NOT TRUE AND m.test_mode IS NOT TRUE";
const READY_STILL: &str = "ROW(m.status, m.deleted, m.test_mode) \
    IS NOT DISTINCT FROM ROW('approved', false, false)";

/// And does not wait for something else than its time.
const FREE: &str = "m.not_before <= $2 AND m.channel <> ALL ($3) \
    AND NOT EXISTS (SELECT 1 FROM crm.campaigns k WHERE k.workspace = m.workspace \
        AND k.id = m.campaign AND k.status = 'paused')";

/// Which of them come next when some may not leave: each channel and campaign that has any is looked up
/// one by one, and those that rest are left out, whatever waits in them. (No campaign is the zero one.)
const BY_LANE: &str = "WITH RECURSIVE lane(channel, campaign) AS ( \
    (SELECT m.channel, coalesce(m.campaign, ZERO) FROM crm.messages m \
        WHERE m.workspace = $1 AND READY ORDER BY m.channel, coalesce(m.campaign, ZERO) LIMIT 1) \
    UNION ALL \
    SELECT n.channel, n.campaign FROM lane CROSS JOIN LATERAL ( \
        SELECT m.channel, coalesce(m.campaign, ZERO) AS campaign FROM crm.messages m \
        WHERE m.workspace = $1 AND READY \
            AND (m.channel, coalesce(m.campaign, ZERO)) > (lane.channel, lane.campaign) \
        ORDER BY m.channel, coalesce(m.campaign, ZERO) LIMIT 1) AS n) \
    SELECT d.id FROM lane CROSS JOIN LATERAL ( \
        SELECT m.id, m.not_before FROM crm.messages m \
        WHERE m.workspace = $1 AND READY AND m.channel = lane.channel \
            AND coalesce(m.campaign, ZERO) = lane.campaign AND m.not_before <= $2 \
        ORDER BY m.not_before, m.id LIMIT $4) AS d \
    WHERE lane.channel <> ALL ($3) AND NOT EXISTS (SELECT 1 FROM crm.campaigns k \
        WHERE k.workspace = $1 AND k.id = lane.campaign AND k.status = 'paused') \
    ORDER BY d.not_before, d.id LIMIT $4";

/// Approved messages that may leave now, earliest first, held for this transaction. What somebody else
/// holds is passed over.
pub(crate) async fn due(
    db: &mut Db<'_>,
    now: DateTime<Utc>,
    parked: &[String],
    limit: u32,
) -> Outcome<Vec<Message>> {
    let (chosen, ready, end) = if parked.is_empty() && !paused(db).await? {
        (String::new(), READY, "LIMIT $4")
    } else {
        // Walking in order of time would pass everything that rests, each time.
        let lanes = BY_LANE
            .replace("READY", READY_LANE)
            .replace("ZERO", "'00000000-0000-0000-0000-000000000000'::uuid");
        let chosen = format!("AND m.id = ANY (ARRAY({lanes}))");
        (chosen, READY_STILL, "")
    };
    // A message that was changed meanwhile is looked at again when it is locked, its text is not: the two
    // must still belong together.
    let sql = format!(
        "SELECT {COLUMNS} FROM {WITH_TEXT} \
         WHERE m.workspace = $1 {chosen} AND {ready} AND {FREE} AND r.number = m.revision \
         ORDER BY m.not_before, m.id {end} FOR UPDATE OF m SKIP LOCKED"
    );
    let rows = sqlx::query(db.names.dynamic(&sql))
        .bind(db.key)
        .bind(now)
        .bind(parked)
        .bind(i64::from(limit))
        .fetch_all(&mut *db.connection)
        .await?;
    rows.iter().map(|row| read(db.workspace, row)).collect()
}

/// Whether a campaign rests.
async fn paused(db: &mut Db<'_>) -> Outcome<bool> {
    Ok(sqlx::query_scalar(db.sql(
        "SELECT EXISTS (SELECT 1 FROM crm.campaigns WHERE workspace = $1 AND status = 'paused')",
    ))
    .bind(db.key)
    .fetch_one(&mut *db.connection)
    .await?)
}

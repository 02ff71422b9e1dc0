//! The audit history: appended with its change, sealed in batches afterwards.
//!
//! Sealing while committing would make every writer wait for the end of the chain. So a commit leaves
//! its events without a place, and [`seal`] gives them one: whoever seals holds the row of the chain's
//! end. Only a commit of many events that finds the end free seals them itself ([`free_end`]): writing
//! them once is cheaper than twice. Such commits of one store come one after the other here, so that they
//! find it free.

use crm_core::Role;
use crm_core::Workspace;
use crm_core::id::{ContactId, EventId};
use crm_core::message::history::{self, AuditEvent, Checkpoint, Seal, StoredEvent, Subject};
use crm_core::message::{Digest, Status};
use crm_core::port::store::EventQuery;
use sqlx::postgres::PgRow;

use crate::fault::Outcome;
use crate::query::{Db, Filter};
use crate::rows::{
    column, count, digest, get, named, opt_digest, opt_named, signed, small, unsigned,
};

const COLUMNS: &str = "e.seq, e.id, e.at, e.actor, e.role, e.subject, e.subject_id, e.action, \
    e.status, e.version, e.revision, e.digest, e.reason, e.reason_salt, e.reason_digest, e.position, e.prev_hash, \
    e.hash";

/// From how many events on a commit seals them itself, if it can.
pub(crate) const MANY: usize = 16;

/// How many events of others a commit seals first.
const LEFT: u32 = 1_000;

/// Appends events in this order, behind `end` or without a place; the new end.
pub(crate) async fn append(
    db: &mut Db<'_>,
    events: &[&AuditEvent],
    end: Option<Checkpoint>,
) -> Outcome<Option<Checkpoint>> {
    if events.is_empty() {
        return Ok(end);
    }
    let (seals, end) = match end {
        None => (vec![None; events.len()], None),
        Some(end) => {
            let (seals, end) = history::seal(end, events.iter().copied());
            (seals.into_iter().map(Some).collect(), Some(end))
        }
    };
    let digests = |of: fn(&Seal) -> Digest| -> Vec<Option<Vec<u8>>> {
        let one = |seal: &Option<Seal>| seal.as_ref().map(|seal| of(seal).0.to_vec());
        seals.iter().map(one).collect()
    };
    let positions: Vec<Option<i64>> = seals
        .iter()
        .map(|seal| seal.map(|seal| signed(seal.position)))
        .collect();
    sqlx::query(db.sql(
        "INSERT INTO crm.events (workspace, id, at, actor, role, subject, subject_id, action, \
             status, version, revision, digest, reason, position, prev_hash, hash, reason_salt, \
             reason_digest) \
         SELECT $1, v.id, v.at, v.actor, v.role, v.subject, v.subject_id, v.action, v.status, \
             v.version, v.revision, v.digest, v.reason, v.position, v.prev_hash, v.hash, \
             v.reason_salt, v.reason_digest \
         FROM unnest($2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], \
             $7::uuid[], $8::text[], $9::text[], $10::bigint[], $11::integer[], $12::bytea[], \
             $13::text[], $14::bigint[], $15::bytea[], $16::bytea[], $17::bytea[], $18::bytea[]) \
             WITH ORDINALITY AS v(id, \
             at, actor, role, subject, subject_id, action, status, version, revision, digest, \
             reason, position, prev_hash, hash, reason_salt, reason_digest, number) \
         ORDER BY v.number",
    ))
    .bind(db.key)
    .bind(column(events, |event| event.id.0))
    .bind(column(events, |event| event.at))
    .bind(column(events, |event| event.actor.clone()))
    .bind(column(events, |event| event.role.as_str()))
    .bind(column(events, |event| event.subject.as_str()))
    .bind(column(events, |event| event.subject_id))
    .bind(column(events, |event| event.action.clone()))
    .bind(column(events, |event| event.status.map(Status::as_str)))
    .bind(column(events, |event| signed(event.version)))
    .bind(column(events, |event| event.revision.map(small)))
    .bind(column(events, |event| {
        event.digest.map(|digest| digest.0.to_vec())
    }))
    .bind(column(events, |event| event.reason.clone()))
    .bind(positions)
    .bind(digests(|seal| seal.prev_hash))
    .bind(digests(|seal| seal.hash))
    .bind(column(events, |event| {
        event.kept().reason_salt.map(|salt| salt.to_vec())
    }))
    .bind(column(events, |event| {
        event.reason_digest().map(|digest| digest.0.to_vec())
    }))
    .execute(&mut *db.connection)
    .await?;
    Ok(end)
}

/// Empties the words of people about a contact and its messages. What the chain binds of them stays.
pub(crate) async fn forget_words(db: &mut Db<'_>, contact: ContactId) -> Outcome<()> {
    sqlx::query(db.sql(
        "UPDATE crm.events SET reason = NULL, reason_salt = NULL \
         WHERE workspace = $1 AND subject_id = ANY (array_append(ARRAY( \
             SELECT id FROM crm.messages WHERE workspace = $1 AND contact = $2 \
             UNION ALL SELECT id FROM crm.contacts WHERE workspace = $1 AND merged_into = $2), $2)) \
         AND subject IN ('contact', 'message') AND reason_salt IS NOT NULL",
    ))
    .bind(db.key)
    .bind(contact.0)
    .execute(&mut *db.connection)
    .await?;
    Ok(())
}

/// The end of the chain, held until the transaction ends; `None` while somebody else holds it or more
/// events wait than are sealed beside a commit. The few that others left are: else nobody would seal with
/// its commit again while there is something to write.
pub(crate) async fn free_end(db: &mut Db<'_>) -> Outcome<Option<Checkpoint>> {
    let Some(head) = hold_checkpoint(db).await? else {
        return Ok(None);
    };
    if !waiting(db).await? {
        return Ok(Some(head));
    }
    let (_, end) = seal_behind(db, head, LEFT).await?;
    if !waiting(db).await? {
        return Ok(Some(end));
    }
    keep(db, end).await?;
    Ok(None)
}

/// Whether events wait for their place.
async fn waiting(db: &mut Db<'_>) -> Outcome<bool> {
    Ok(sqlx::query_scalar(
        db.sql(
            "SELECT EXISTS (SELECT 1 FROM crm.events WHERE workspace = $1 AND position IS NULL)",
        ),
    )
    .bind(db.key)
    .fetch_one(&mut *db.connection)
    .await?)
}

/// Writes the end of the chain, which this transaction holds.
pub(crate) async fn keep(db: &mut Db<'_>, end: Checkpoint) -> Outcome<()> {
    sqlx::query(db.sql("UPDATE crm.checkpoints SET position = $2, hash = $3 WHERE workspace = $1"))
        .bind(db.key)
        .bind(signed(end.position))
        .bind(end.hash.0.to_vec())
        .execute(&mut *db.connection)
        .await?;
    Ok(())
}

fn read(workspace: &Workspace, row: &PgRow) -> Outcome<StoredEvent> {
    let seal = match get::<Option<i64>>(row, "position")? {
        None => None,
        Some(_) => Some(Seal {
            position: unsigned(row, "position")?,
            prev_hash: digest(row, "prev_hash")?,
            hash: digest(row, "hash")?,
        }),
    };
    let revision = match get::<Option<i32>>(row, "revision")? {
        None => None,
        Some(_) => Some(count(row, "revision")?),
    };
    Ok(StoredEvent {
        event: AuditEvent {
            id: EventId(get(row, "id")?),
            workspace: workspace.clone(),
            at: get(row, "at")?,
            actor: get(row, "actor")?,
            role: named(row, "role", Role::parse)?,
            subject: named(row, "subject", Subject::parse)?,
            subject_id: get(row, "subject_id")?,
            action: get(row, "action")?,
            status: opt_named(row, "status", Status::parse)?,
            version: unsigned(row, "version")?,
            revision,
            digest: opt_digest(row, "digest")?,
            reason: get(row, "reason")?,
            reason_salt: get::<Option<&[u8]>>(row, "reason_salt")?
                .map(|salt| {
                    let salt = salt.try_into();
                    salt.map_err(|_| crate::fault::unreadable("reason_salt"))
                })
                .transpose()?,
            reason_digest: opt_digest(row, "reason_digest")?,
        },
        seal,
    })
}

/// Lists events in commit order.
pub(crate) async fn list(db: &mut Db<'_>, query: &EventQuery) -> Outcome<Vec<StoredEvent>> {
    let mut filter = Filter::new(COLUMNS, "crm.events e", "e.workspace", db.key);
    if let Some((subject, id)) = query.subject {
        filter
            .and("e.subject_id = ")
            .bind(id)
            .and("e.subject = ")
            .bind(subject.as_str());
    }
    match query.sealed_after {
        // Positions are given in commit order, so this order is the same.
        Some(position) => filter
            .and("e.position > ")
            .bind(signed(position))
            .raw(" ORDER BY e.position"),
        None => filter.raw(" ORDER BY e.seq"),
    };
    let limit = match query.limit {
        0 => 1_000,
        limit => limit.min(10_000),
    };
    filter.raw(" LIMIT ").bind(i64::from(limit));
    let rows = filter.fetch(db).await?;
    rows.iter().map(|row| read(db.workspace, row)).collect()
}

/// The end of the chain.
pub(crate) async fn checkpoint(db: &mut Db<'_>) -> Outcome<Checkpoint> {
    let row =
        sqlx::query(db.sql("SELECT position, hash FROM crm.checkpoints WHERE workspace = $1"))
            .bind(db.key)
            .fetch_optional(&mut *db.connection)
            .await?;
    row.map_or(Ok(Checkpoint::default()), |row| read_checkpoint(&row))
}

fn read_checkpoint(row: &PgRow) -> Outcome<Checkpoint> {
    Ok(Checkpoint {
        position: unsigned(row, "position")?,
        hash: digest(row, "hash")?,
    })
}

/// Holds the end of the chain until the transaction ends, and reads it; `None` while somebody else
/// holds it.
async fn hold_checkpoint(db: &mut Db<'_>) -> Outcome<Option<Checkpoint>> {
    sqlx::query(db.sql(
        "INSERT INTO crm.checkpoints (workspace, position, hash) SELECT $1, 0, $2 \
         WHERE NOT EXISTS (SELECT 1 FROM crm.checkpoints WHERE workspace = $1) \
         ON CONFLICT (workspace) DO NOTHING",
    ))
    .bind(db.key)
    .bind(Digest::ZERO.0.to_vec())
    .execute(&mut *db.connection)
    .await?;
    let row = sqlx::query(db.sql(
        "SELECT position, hash FROM crm.checkpoints WHERE workspace = $1 \
         FOR UPDATE SKIP LOCKED",
    ))
    .bind(db.key)
    .fetch_optional(&mut *db.connection)
    .await?;
    row.map(|row| read_checkpoint(&row)).transpose()
}

/// Seals up to `limit` waiting events; how many: none while somebody else seals. Runs inside a
/// transaction.
pub(crate) async fn seal(db: &mut Db<'_>, limit: u32) -> Outcome<u32> {
    // Most looks find nothing: they hold up nobody.
    if !waiting(db).await? {
        return Ok(0);
    }
    // Who waits here would find little left to seal, and hold a connection meanwhile.
    let Some(head) = hold_checkpoint(db).await? else {
        return Ok(0);
    };
    let (sealed, end) = seal_behind(db, head, limit).await?;
    if sealed > 0 {
        keep(db, end).await?;
    }
    Ok(sealed)
}

/// Seals up to `limit` waiting events behind the end of the chain, which this transaction holds; how many,
/// and the new end, which is not written yet.
async fn seal_behind(db: &mut Db<'_>, head: Checkpoint, limit: u32) -> Outcome<(u32, Checkpoint)> {
    let mut filter = Filter::new(COLUMNS, "crm.events e", "e.workspace", db.key);
    filter
        .and("e.position IS NULL ORDER BY e.seq LIMIT ")
        .bind(i64::from(limit));
    let rows = filter.fetch(db).await?;
    let mut numbers: Vec<i64> = Vec::with_capacity(rows.len());
    let mut events = Vec::with_capacity(rows.len());
    for row in &rows {
        numbers.push(get(row, "seq")?);
        events.push(read(db.workspace, row)?.event);
    }
    let (seals, end) = history::seal(head, &events);
    if seals.is_empty() {
        return Ok((0, head));
    }
    let bytes = |digest: Digest| digest.0.to_vec();
    sqlx::query(db.sql(
        "UPDATE crm.events AS e SET position = v.position, prev_hash = v.prev_hash, hash = v.hash \
         FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[]) \
             AS v(seq, position, prev_hash, hash) \
         WHERE e.workspace = $1 AND e.seq = ANY ((SELECT $2::bigint[])::bigint[]) AND e.seq = v.seq",
    ))
    .bind(db.key)
    .bind(numbers)
    .bind(
        seals
            .iter()
            .map(|seal| signed(seal.position))
            .collect::<Vec<_>>(),
    )
    .bind(
        seals
            .iter()
            .map(|seal| bytes(seal.prev_hash))
            .collect::<Vec<_>>(),
    )
    .bind(
        seals
            .iter()
            .map(|seal| bytes(seal.hash))
            .collect::<Vec<_>>(),
    )
    .execute(&mut *db.connection)
    .await?;
    Ok((u32::try_from(seals.len()).unwrap_or(u32::MAX), end))
}

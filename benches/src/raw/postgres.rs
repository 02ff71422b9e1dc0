//! Raw statements for PostgreSQL: set-based, as it likes them.

use std::time::{Duration, Instant};

use crm_core::id::MessageId;
use sqlx::{Connection, PgConnection, Row as _};
use uuid::Uuid;

use super::contacts::{self, Row};
use super::{CHUNK, METADATA, TEXT};
use crate::Outcome;

/// Connects to a server that keeps every commit.
pub(super) async fn open(url: &str) -> Outcome<PgConnection> {
    let mut connection = PgConnection::connect(url).await?;
    let (fsync, commit): (String, String) =
        sqlx::query_as("SELECT current_setting('fsync'), current_setting('synchronous_commit')")
            .fetch_one(&mut connection)
            .await?;
    if fsync != "on" || commit != "on" {
        return Err("the raw connection is not durable".into());
    }
    Ok(connection)
}

/// Inserts messages with text and event, one statement a table and thousand.
pub(super) async fn insert_messages(connection: &mut PgConnection, count: usize) -> Outcome<()> {
    let mut number = 0_usize;
    while number < count {
        let rows = CHUNK.min(count - number);
        let numbers: Vec<i64> = (number..number + rows)
            .map(i64::try_from)
            .collect::<Result<_, _>>()?;
        // Ids that grow, as the engine's do.
        let ids: Vec<Uuid> = (number..number + rows)
            .map(|number| {
                let number = u128::try_from(number)?;
                Ok(Uuid::from_u128((0x019a_bcde_u128 << 96) | number))
            })
            .collect::<Outcome<_>>()?;
        number += rows;
        let mut transaction = connection.begin().await?;
        sqlx::query(
            "INSERT INTO crm.messages (workspace, id, contact, campaign, occurrence, occasion, \
             channel, recipient, sender, status, version, revision, digest, generated_by, \
             metadata, created_by, scheduled_for, not_before, epoch, attempts, test_mode, \
             deleted, created_at, updated_at, decided_epoch, findings, risk) \
             SELECT 1, v.id, v.id, '07070707-0707-0707-0707-070707070707', '2026-12-31T09:00Z', \
             'new_year', 'email', 'person' || v.n || '@example.uz', '', 'pending_approval', 1, 1, \
             decode(repeat('09', 32), 'hex'), 'manual', $3::jsonb, 'system', v.at, v.at, 0, 0, \
             false, false, v.at, v.at, 0, '[]', 0 \
             FROM (SELECT id, n, to_timestamp(1795000000 + n / 1e6) AS at \
                 FROM unnest($1::uuid[], $2::bigint[]) AS u(id, n)) AS v",
        )
        .bind(&ids)
        .bind(&numbers)
        .bind(METADATA)
        .execute(&mut *transaction)
        .await?;
        sqlx::query(
            "INSERT INTO crm.revisions (workspace, message, number, subject, content, format, \
             salt, created_by, created_at) \
             SELECT 1, u.id, 1, 'С Новым годом!', $2, 'text', decode(repeat('05', 16), 'hex'), \
             'system', now() FROM unnest($1::uuid[]) AS u(id)",
        )
        .bind(&ids)
        .bind(TEXT)
        .execute(&mut *transaction)
        .await?;
        // Past every position the seed has given.
        sqlx::query(
            "INSERT INTO crm.events (workspace, id, at, actor, role, subject, subject_id, action, \
             status, version, revision, digest, position, prev_hash, hash) \
             SELECT 1, u.id, now(), 'system', 'system', 'message', u.id, 'created', \
             'pending_approval', 1, 1, d.d, (1::bigint << 40) + u.n, d.d, d.d \
             FROM unnest($1::uuid[], $2::bigint[]) AS u(id, n), \
             (SELECT decode(repeat('09', 32), 'hex') AS d) AS d",
        )
        .bind(&ids)
        .bind(&numbers)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
    }
    Ok(())
}

/// Inserts the contacts of the first `count` rows of T9's file with their marks, one statement a thousand; how long that
/// took.
pub(super) async fn insert_contacts(
    connection: &mut PgConnection,
    count: usize,
) -> Outcome<Duration> {
    let mut took = Duration::ZERO;
    let mut number = 0_usize;
    while number < count {
        let next = count.min(number + CHUNK);
        let rows = contacts::rows(number..next)?;
        number = next;
        let texts = |of: fn(&Row) -> &String| -> Vec<&str> {
            rows.iter().map(|row| of(row).as_str()).collect()
        };
        let marks: Vec<String> = rows.iter().map(|row| array(&row.marks)).collect();
        let query = sqlx::query(
            "INSERT INTO crm.contacts (workspace, id, version, external_id, name, email, email_key, phone, segment, \
             birthday_year, birthday_day, company, position, language, tags, custom_fields, preferred_channels, \
             consent, erased, created_by, created_at, updated_at, search_key, search_marks) \
             SELECT 1, v.id, 1, v.external_id, v.name, v.email, v.email, v.phone, 'regular', v.year, v.day, v.company, \
             'Директор', 'ru', '[\"gold\",\"vip\"]', '{}', '[]', '[]', false, 'bench', now(), now(), v.key, \
             v.marks::integer[] \
             FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::integer[], $7::integer[], \
                 $8::text[], $9::text[], $10::text[]) \
                 AS v(id, external_id, name, email, phone, year, day, company, key, marks)",
        )
        .bind(rows.iter().map(|row| row.id).collect::<Vec<Uuid>>())
        .bind(texts(|row| &row.external_id))
        .bind(texts(|row| &row.name))
        .bind(texts(|row| &row.email))
        .bind(texts(|row| &row.phone))
        .bind(rows.iter().map(|row| row.birthday_year).collect::<Vec<i32>>())
        .bind(rows.iter().map(|row| row.birthday_day).collect::<Vec<i32>>())
        .bind(texts(|row| &row.company))
        .bind(texts(|row| &row.search_key))
        .bind(&marks);
        let start = Instant::now();
        query.execute(&mut *connection).await?;
        took += start.elapsed();
    }
    Ok(took)
}

/// Marks as the text of an array of the server's numbers.
fn array(marks: &[u32]) -> String {
    let numbers = marks
        .iter()
        .map(|mark| i32::from_le_bytes(mark.to_le_bytes()).to_string());
    format!("{{{}}}", numbers.collect::<Vec<_>>().join(","))
}

/// Three statements for each batch, two commits.
pub(super) async fn deliver(connection: &mut PgConnection, batch: usize) -> Outcome<usize> {
    let batch = i64::try_from(batch)?;
    let mut delivered = 0;
    loop {
        let mut transaction = connection.begin().await?;
        let claimed: Vec<Uuid> = sqlx::query_scalar(
            "UPDATE crm.messages SET status = 'claimed', version = version + 1, \
             epoch = epoch + 1, lease_owner = 'worker', \
             lease_until = clock_timestamp() + interval '2 minutes', updated_at = now() \
             WHERE workspace = 1 AND id IN (SELECT id FROM crm.messages WHERE workspace = 1 \
                 AND status = 'approved' AND NOT deleted AND NOT test_mode \
                 AND not_before <= clock_timestamp() \
                 ORDER BY not_before, id LIMIT $1 FOR UPDATE SKIP LOCKED) RETURNING id",
        )
        .bind(batch)
        .fetch_all(&mut *transaction)
        .await?;
        if claimed.is_empty() {
            return Ok(delivered);
        }
        sqlx::query(
            "INSERT INTO crm.attempts (workspace, id, message, number, epoch, worker, digest, \
             started_at, repeats) SELECT 1, gen_random_uuid(), id, 1, epoch, 'worker', digest, now(), \
             false \
             FROM crm.messages WHERE workspace = 1 AND id = ANY ($1)",
        )
        .bind(&claimed)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        let mut transaction = connection.begin().await?;
        let sent = sqlx::query(
            "UPDATE crm.messages SET status = 'sent', version = version + 1, attempts = 1, \
             provider_id = gen_random_uuid()::text, sent_at = now(), lease_owner = NULL, \
             lease_until = NULL, updated_at = now() WHERE workspace = 1 AND id = ANY ($1)",
        )
        .bind(&claimed)
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        transaction.commit().await?;
        delivered += usize::try_from(sent)?;
    }
}

/// Two statements, one commit.
pub(super) async fn approve(connection: &mut PgConnection) -> Outcome<usize> {
    let mut transaction = connection.begin().await?;
    sqlx::query(
        "INSERT INTO crm.events (workspace, id, at, actor, role, subject, subject_id, action, \
         status, version, revision, digest, position, prev_hash, hash) \
         SELECT 1, gen_random_uuid(), now(), 'bench', 'admin', 'message', id, 'approved', \
         'approved', version + 1, revision, digest, \
         (1::bigint << 40) + row_number() OVER (), digest, digest \
         FROM crm.messages WHERE workspace = 1 AND status = 'pending_approval' AND NOT deleted",
    )
    .execute(&mut *transaction)
    .await?;
    let approved = sqlx::query(
        "UPDATE crm.messages SET status = 'approved', version = version + 1, \
         approved_by = 'bench', approved_at = now(), not_before = now(), updated_at = now() \
         WHERE workspace = 1 AND status = 'pending_approval' AND NOT deleted",
    )
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    transaction.commit().await?;
    Ok(usize::try_from(approved)?)
}

/// One prepared read.
pub(super) async fn read(connection: &mut PgConnection, id: MessageId) -> Outcome<usize> {
    let row = sqlx::query(
        "SELECT m.*, r.* FROM crm.messages m JOIN crm.revisions r \
         ON r.workspace = m.workspace AND r.message = m.id AND r.number = m.revision \
         WHERE m.workspace = 1 AND m.id = $1",
    )
    .bind(id.0)
    .fetch_one(connection)
    .await?;
    Ok(row.try_get::<&str, _>("content")?.len())
}

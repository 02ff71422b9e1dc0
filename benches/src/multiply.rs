//! Copies within a database of PostgreSQL: many rows in minutes instead of an hour.
//!
//! Every row that hangs on a message or a contact is copied with ids that lie before the originals', each
//! copy before the last, so that the rows lie as if they had been written one after another. Counters are
//! multiplied. Not what they would be are the hashes of events, so the chain is not verified here, and the
//! digests of messages, so the copies are not due; those that are to be approved get theirs by [`redigest`].

use crm_core::id::MessageId;
use crm_core::message::{Message, digest};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

use crate::Outcome;

/// What hangs on a message or a contact.
const TABLES: [&str; 5] = ["contacts", "messages", "revisions", "approvals", "events"];

/// Makes `times` as many messages, contacts and events of what is there; the ids of some messages of every
/// part, oldest first, and of the last originals.
///
/// # Errors
/// As the database.
pub async fn multiply(url: &str, times: usize, ids: &[MessageId]) -> Outcome<Vec<MessageId>> {
    let mut connection = PgConnection::connect(url).await?;
    // UUIDs of version 7 begin with milliseconds. A copy lies this many before what it is a copy of: further
    // than all the originals reach.
    let span: i64 = sqlx::query_scalar(
        "SELECT max(t) - min(t) + 1000 FROM (SELECT ('x' || left(translate(id::text, '-', ''), 12)) \
         ::bit(48)::bigint AS t FROM (SELECT id FROM crm.contacts UNION ALL SELECT id FROM crm.messages) i) x",
    )
    .fetch_one(&mut connection)
    .await?;
    run(&mut connection, &format!(
        "CREATE FUNCTION pg_temp.before(id uuid, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ \
         SELECT (lpad(to_hex(('x' || left(translate(id::text, '-', ''), 12))::bit(48)::bigint - n * {span}), \
         12, '0') || right(translate(id::text, '-', ''), 20))::uuid $$",
    ))
    .await?;
    for table in TABLES {
        run(
            &mut connection,
            &format!(
                "CREATE TEMP TABLE {table} AS SELECT * FROM crm.{table} ORDER BY {}",
                match table {
                    "contacts" | "messages" => "id",
                    "events" => "seq",
                    _ => "message",
                },
            ),
        )
        .await?;
    }
    // Writing once is enough here; the originals were committed.
    run(
        &mut connection,
        "SET synchronous_commit = off; SET maintenance_work_mem = '1GB'",
    )
    .await?;
    let indexes = indexes(&mut connection).await?;
    for index in &indexes {
        run(&mut connection, &index.drop).await?;
    }
    for n in (1..times).rev() {
        let own = format!("pg_temp.before(id, {n})");
        let of = |column: &str| format!("pg_temp.before({column}, {n})");
        let text = |column: &str| format!("'{n}.' || {column}");
        let next = |table: &str| format!("nextval('crm.{table}_seq_seq')");
        let position = format!("position + {n} * (SELECT position FROM crm.checkpoints)");
        let copies = [
            (
                "contacts",
                vec![
                    ("id", own.clone()),
                    ("external_id", text("external_id")),
                    ("email", text("email")),
                    ("email_key", text("email_key")),
                ],
            ),
            (
                "messages",
                vec![
                    ("id", own.clone()),
                    ("contact", of("contact")),
                    ("recipient", text("recipient")),
                    // Not due: their digests are not their own, so they would not leave.
                    ("not_before", "not_before + interval '10 years'".to_owned()),
                    ("queued_at", "queued_at + interval '10 years'".to_owned()),
                ],
            ),
            ("revisions", vec![("message", of("message"))]),
            (
                "approvals",
                vec![("message", of("message")), ("seq", next("approvals"))],
            ),
            (
                "events",
                vec![
                    ("id", own),
                    ("subject_id", of("subject_id")),
                    ("seq", next("events")),
                    ("position", position),
                ],
            ),
        ];
        for (table, changes) in copies {
            let copy = copy(&mut connection, table, &changes).await?;
            run(&mut connection, &copy).await?;
        }
    }
    for index in &indexes {
        run(&mut connection, &index.create).await?;
    }
    run(&mut connection, "SET synchronous_commit = on").await?;
    for sql in [
        // Those of campaigns are few.
        format!(
            "UPDATE crm.counters SET value = value * {times} WHERE name NOT LIKE 'campaign.status.%'"
        ),
        format!("UPDATE crm.checkpoints SET position = position * {times}"),
    ] {
        run(&mut connection, &sql).await?;
    }
    let mut some = Vec::new();
    let step = (ids.len() / 1_000).max(1);
    for n in (0..times).rev() {
        let shift = u128::try_from(n)? * u128::try_from(span)?;
        // The last page of a list begins among the very oldest.
        let first = if n + 1 == times {
            100.min(ids.len())
        } else {
            0
        };
        let (all, rest) = ids.split_at(first);
        let part = all.iter().chain(rest.iter().step_by(step));
        some.extend(part.map(|id| before(*id, shift)));
    }
    connection.close().await?;
    Ok(some)
}

/// How to drop an index, or the constraint it belongs to, and how to make it anew.
struct Index {
    drop: String,
    create: String,
}

/// The indexes of the tables that are copied. Sorting ten million keys once takes minutes, finding the place
/// of each by itself an hour.
async fn indexes(connection: &mut PgConnection) -> Outcome<Vec<Index>> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT CASE WHEN c.oid IS NULL THEN format('DROP INDEX %s', i.indexrelid::regclass) \
         ELSE format('ALTER TABLE %s DROP CONSTRAINT %I', i.indrelid::regclass, c.conname) END, \
         CASE WHEN c.oid IS NULL THEN pg_get_indexdef(i.indexrelid) \
         ELSE format('ALTER TABLE %s ADD CONSTRAINT %I %s', i.indrelid::regclass, c.conname, \
             pg_get_constraintdef(c.oid)) END \
         FROM pg_index i LEFT JOIN pg_constraint c \
             ON c.conindid = i.indexrelid AND c.conrelid = i.indrelid \
         WHERE i.indrelid IN (SELECT ('crm.' || t)::regclass FROM unnest($1::text[]) t) \
         ORDER BY i.indexrelid",
    )
    .bind(TABLES.as_slice())
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(drop, create)| Index { drop, create })
        .collect())
}

/// Gives copies the digests that they would have been written with.
///
/// # Errors
/// As the database.
pub async fn redigest(url: &str, messages: &[Message]) -> Outcome<()> {
    let (ids, digests): (Vec<Uuid>, Vec<Vec<u8>>) = messages
        .iter()
        .map(|message| (message.id.0, digest::digest(message).0.to_vec()))
        .unzip();
    let mut connection = PgConnection::connect(url).await?;
    sqlx::query(
        "UPDATE crm.messages AS m SET digest = v.digest \
         FROM unnest($1::uuid[], $2::bytea[]) AS v(id, digest) \
         WHERE m.workspace = 1 AND m.id = v.id AND m.digest <> v.digest",
    )
    .bind(ids)
    .bind(digests)
    .execute(&mut connection)
    .await?;
    connection.close().await?;
    Ok(())
}

/// As the function of the same name.
fn before(id: MessageId, milliseconds: u128) -> MessageId {
    MessageId(Uuid::from_u128(id.0.as_u128() - (milliseconds << 80)))
}

/// The statement that copies the rows of a table with these columns changed.
async fn copy(
    connection: &mut PgConnection,
    table: &str,
    changes: &[(&str, String)],
) -> Outcome<String> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT attname::text FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 \
         AND NOT attisdropped ORDER BY attnum",
    )
    .bind(format!("crm.{table}"))
    .fetch_all(connection)
    .await?;
    let values: Vec<&str> = names
        .iter()
        .map(|name| {
            let change = changes.iter().find(|(column, _)| column == name);
            change.map_or(name.as_str(), |(_, value)| value.as_str())
        })
        .collect();
    Ok(format!(
        "INSERT INTO crm.{table} ({}) SELECT {} FROM pg_temp.{table}",
        names.join(", "),
        values.join(", "),
    ))
}

async fn run(connection: &mut PgConnection, sql: &str) -> Outcome<()> {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await?;
    Ok(())
}

//! Idempotency keys.

use chrono::Utc;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use crate::idempotency::{Answer, Known};
use crate::records::KEPT;

pub(super) fn begin(
    connection: &mut Connection,
    user: &str,
    key: &str,
    hash: &[u8],
) -> rusqlite::Result<Known> {
    let now = Utc::now().timestamp();
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute("DELETE FROM idempotency WHERE at < ?1", [now - KEPT])?;
    let known = tx
        .query_row(
            "SELECT hash, status, content_type, body FROM idempotency
             WHERE user_id = ?1 AND key = ?2",
            [user, key],
            |row| {
                let hash = row.get(0)?;
                Ok(match row.get::<_, Option<u16>>(1)? {
                    None => Known::Pending { hash },
                    Some(status) => Known::Answered {
                        hash,
                        answer: Answer {
                            status,
                            content_type: row.get(2)?,
                            body: row.get::<_, Option<Vec<u8>>>(3)?.unwrap_or_default(),
                        },
                    },
                })
            },
        )
        .optional()?;
    if let Some(known) = known {
        return Ok(known);
    }
    tx.execute(
        "INSERT INTO idempotency (user_id, key, hash, at) VALUES (?1, ?2, ?3, ?4)",
        params![user, key, hash, now],
    )?;
    tx.commit()?;
    Ok(Known::New)
}

pub(super) fn end(
    connection: &Connection,
    user: &str,
    key: &str,
    answer: Option<&Answer>,
) -> rusqlite::Result<()> {
    let Some(answer) = answer else {
        let sql = "DELETE FROM idempotency WHERE user_id = ?1 AND key = ?2";
        return connection.execute(sql, [user, key]).map(drop);
    };
    connection.execute(
        "UPDATE idempotency SET status = ?3, content_type = ?4, body = ?5
         WHERE user_id = ?1 AND key = ?2",
        params![user, key, answer.status, answer.content_type, answer.body],
    )?;
    Ok(())
}

/// Empties the answers that users of the workspace were given.
pub(super) fn forget(connection: &Connection, workspace: &str) -> rusqlite::Result<()> {
    let answer = Answer::erased();
    connection.execute(
        "UPDATE idempotency SET status = ?2, content_type = ?3, body = ?4
         WHERE status IS NOT NULL AND length(body) > 0
         AND user_id IN (SELECT id FROM users WHERE workspace = ?1)",
        params![workspace, answer.status, answer.content_type, answer.body],
    )?;
    Ok(())
}

//! Users, their logins, and the record of sign-ins.

use chrono::{SecondsFormat, Utc};
use crm_core::Workspace;
use rusqlite::{Connection, OptionalExtension as _, Row, TransactionBehavior, params};
use uuid::Uuid;

use crate::auth::accounts::{Account, LIFETIME, NewAccount, Registered, role};
use crate::auth::journal::{Action, SignIn};
use crate::records::NewSession;

const COLUMNS: &str = "u.id, u.email, u.full_name, u.role, u.created_at, u.updated_at, u.workspace";

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    let workspace: String = row.get(6)?;
    let workspace = Workspace::new(workspace).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(6, rusqlite::types::Type::Text, Box::new(error))
    })?;
    Ok(Account {
        workspace,
        id: row.get(0)?,
        email: row.get(1)?,
        full_name: row.get(2)?,
        role: role(&row.get::<_, String>(3)?),
        created_at: row.get(4)?,
        updated_at: row.get(5)?,
    })
}

fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true)
}

pub(super) fn count(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT count(*) FROM users", [], |row| row.get(0))
}

pub(super) fn register(
    connection: &mut Connection,
    new: NewAccount,
    first: bool,
) -> rusqlite::Result<Registered> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if first && count(&tx)? > 0 {
        return Ok(Registered::NotFirst);
    }
    let now = now();
    let id = Uuid::now_v7().to_string();
    let added = tx.execute(
        "INSERT INTO users (id, email, full_name, password_hash, role, created_at, updated_at,
             workspace) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7)
         ON CONFLICT (email) DO NOTHING",
        params![
            id,
            new.email,
            new.full_name,
            new.password_hash,
            new.role.as_str(),
            now,
            new.workspace.as_str()
        ],
    )?;
    if added == 0 {
        return Ok(Registered::Duplicate);
    }
    record(&tx, Action::Registered, Some(&id), None)?;
    tx.commit()?;
    Ok(Registered::Done(Account {
        id,
        workspace: new.workspace,
        email: new.email,
        full_name: new.full_name,
        role: new.role,
        created_at: now.clone(),
        updated_at: now,
    }))
}

pub(super) fn by_email(
    connection: &Connection,
    email: &str,
) -> rusqlite::Result<Option<(Account, String)>> {
    let query = format!("SELECT {COLUMNS}, u.password_hash FROM users u WHERE u.email = ?1");
    connection
        .query_row(&query, [email], |row| Ok((account(row)?, row.get(7)?)))
        .optional()
}

pub(super) fn of_session(
    connection: &Connection,
    user: &str,
    session: &str,
) -> rusqlite::Result<Option<Account>> {
    let query = format!(
        "SELECT {COLUMNS} FROM users u JOIN families f ON f.user_id = u.id
         WHERE u.id = ?1 AND f.id = ?2 AND f.revoked = 0"
    );
    connection
        .query_row(&query, [user, session], account)
        .optional()
}

pub(super) fn colleagues(
    connection: &Connection,
    workspace: &Workspace,
) -> rusqlite::Result<Vec<Account>> {
    let query = format!(
        "SELECT {COLUMNS} FROM users u WHERE u.workspace = ?1 ORDER BY u.full_name, u.id LIMIT 1000"
    );
    connection
        .prepare(&query)?
        .query_map([workspace.as_str()], account)?
        .collect()
}

pub(super) fn begin_session(connection: &mut Connection, new: &NewSession) -> rusqlite::Result<()> {
    let now = Utc::now().timestamp();
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute("DELETE FROM families WHERE expires_at < ?1", [now])?;
    tx.execute(
        "INSERT INTO families VALUES (?1, ?2, 0, ?3)",
        params![new.id, new.user, now + LIFETIME],
    )?;
    tx.execute(
        "INSERT INTO refresh_tokens VALUES (?1, ?2, 0, ?3)",
        params![new.token, new.id, now + LIFETIME],
    )?;
    record(&tx, Action::SignedIn, Some(&new.user), Some(&new.id))?;
    tx.commit()
}

pub(super) fn rotate(
    connection: &mut Connection,
    old: &[u8],
    new: &[u8],
) -> rusqlite::Result<Option<(Account, String)>> {
    let now = Utc::now().timestamp();
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let row: Option<(String, bool, bool, i64)> = tx
        .query_row(
            "SELECT t.family, t.used, f.revoked, t.expires_at FROM refresh_tokens t
             JOIN families f ON f.id = t.family WHERE t.hash = ?1",
            [old],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )
        .optional()?;
    let Some((family, used, revoked, expires)) = row else {
        return Ok(None);
    };
    if used {
        let user: String = tx.query_row(
            "UPDATE families SET revoked = 1 WHERE id = ?1 RETURNING user_id",
            [&family],
            |row| row.get(0),
        )?;
        record(&tx, Action::Reused, Some(&user), Some(&family))?;
        tx.commit()?;
        return Ok(None);
    }
    if revoked || expires <= now {
        return Ok(None);
    }
    tx.execute("UPDATE refresh_tokens SET used = 1 WHERE hash = ?1", [old])?;
    tx.execute(
        "INSERT INTO refresh_tokens VALUES (?1, ?2, 0, ?3)",
        params![new, family, now + LIFETIME],
    )?;
    tx.execute(
        "UPDATE families SET expires_at = ?2 WHERE id = ?1",
        params![family, now + LIFETIME],
    )?;
    let query = format!(
        "SELECT {COLUMNS} FROM users u JOIN families f ON f.user_id = u.id WHERE f.id = ?1"
    );
    let user = tx.query_row(&query, [&family], account)?;
    tx.commit()?;
    Ok(Some((user, family)))
}

pub(super) fn end_sessions(
    connection: &mut Connection,
    user: &str,
    session: Option<&str>,
) -> rusqlite::Result<()> {
    let tx = connection.transaction()?;
    tx.execute(
        "UPDATE families SET revoked = 1 WHERE user_id = ?1 AND (?2 IS NULL OR id = ?2)",
        params![user, session],
    )?;
    record(&tx, Action::SignedOut, Some(user), session)?;
    tx.commit()
}

/// Adds a line within the caller's transaction.
pub(super) fn record(
    connection: &Connection,
    action: Action,
    user: Option<&str>,
    session: Option<&str>,
) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO sign_ins (at, action, user_id, session) VALUES (?1, ?2, ?3, ?4)",
        params![now(), action.as_str(), user, session],
    )?;
    Ok(())
}

pub(super) fn sign_ins(
    connection: &Connection,
    workspace: &Workspace,
    after: i64,
    limit: u32,
) -> rusqlite::Result<Vec<SignIn>> {
    let mut query = connection.prepare(
        "SELECT position, at, action, user_id, session FROM sign_ins
         WHERE position > ?1 AND (user_id IS NULL
             OR user_id IN (SELECT id FROM users WHERE workspace = ?3))
         ORDER BY position LIMIT ?2",
    )?;
    let rows = query.query_map(params![after, limit, workspace.as_str()], |row| {
        Ok(SignIn {
            position: row.get(0)?,
            at: row.get(1)?,
            action: row.get(2)?,
            user_id: row.get(3)?,
            session: row.get(4)?,
        })
    })?;
    rows.collect()
}

//! The peer: plain SQL on the same tables with the same indexes and the same durability, written as
//! well as the database allows and doing only the writes: no checks, no digests, no chain.

mod contacts;
mod postgres;
mod sqlite;

use std::path::Path;
use std::time::Duration;

use crm_core::id::MessageId;
use rusqlite::Connection;
use sqlx::{Connection as _, PgConnection};

use crate::Outcome;

/// Rows in one transaction of the raw insert.
const CHUNK: usize = 1_000;

/// A text as long as the template's.
const TEXT: &str = "Уважаемый Алишер 0000001! Поздравляем вас с Новым годом и желаем здоровья, \
    радости и успехов во всех начинаниях. Спасибо, что вы с нами. С уважением, команда.";

const METADATA: &str = "{\"input_tokens\":0,\"output_tokens\":0,\"cost_picodollars\":0,\
    \"tone\":\"professional_friendly\",\"language\":\"ru\",\
    \"generated_at\":\"2026-11-25T02:00:00.000000Z\",\"fallback_used\":false,\
    \"template_id\":\"019abcde-f012-7345-8678-9abcdef01234\"}";

/// A connection to a database of the store, as durable as the store's own.
pub enum Raw {
    /// To a file.
    Sqlite(Connection),
    /// To a server.
    Postgres(PgConnection),
}

impl std::fmt::Debug for Raw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Raw")
    }
}

impl Raw {
    /// Opens a file as the store does: WAL, every commit on the disk.
    ///
    /// # Errors
    /// When it cannot be opened or does not accept the durability.
    pub fn sqlite(path: &Path) -> Outcome<Self> {
        Ok(Self::Sqlite(sqlite::open(path)?))
    }

    /// Connects to a server that keeps every commit.
    ///
    /// # Errors
    /// When it cannot be reached or may lose commits.
    pub async fn postgres(url: &str) -> Outcome<Self> {
        Ok(Self::Postgres(postgres::open(url).await?))
    }

    /// Inserts `count` messages with text and audit event, equally wide as the engine's.
    ///
    /// # Errors
    /// As the database.
    pub async fn insert_messages(&mut self, count: usize) -> Outcome<()> {
        match self {
            Self::Sqlite(connection) => sqlite::insert_messages(connection, count),
            Self::Postgres(connection) => postgres::insert_messages(connection, count).await,
        }
    }

    /// Inserts the contacts of the first `count` rows of T9's file, with the marks of their search; how long that took
    /// without making them.
    ///
    /// # Errors
    /// As the database.
    pub async fn insert_contacts(&mut self, count: usize) -> Outcome<Duration> {
        match self {
            Self::Sqlite(connection) => sqlite::insert_contacts(connection, count),
            Self::Postgres(connection) => postgres::insert_contacts(connection, count).await,
        }
    }

    /// Claims, records attempts and marks as sent, `batch` messages at a time, until none is left. Claim
    /// and attempt share a transaction; the answer has its own, as the provider would be called between.
    ///
    /// # Errors
    /// As the database.
    pub async fn deliver(&mut self, batch: usize) -> Outcome<usize> {
        match self {
            Self::Sqlite(connection) => sqlite::deliver(connection, batch),
            Self::Postgres(connection) => postgres::deliver(connection, batch).await,
        }
    }

    /// Approves everything that waits, with one event each, in one transaction of two statements.
    ///
    /// # Errors
    /// As the database.
    pub async fn approve(&mut self) -> Outcome<usize> {
        match self {
            Self::Sqlite(connection) => sqlite::approve(connection),
            Self::Postgres(connection) => postgres::approve(connection).await,
        }
    }

    /// Reads one message with its text by primary key; how long the text is.
    ///
    /// # Errors
    /// As the database; when there is no such message.
    pub async fn read(&mut self, id: MessageId) -> Outcome<usize> {
        match self {
            Self::Sqlite(connection) => sqlite::read(connection, id),
            Self::Postgres(connection) => postgres::read(connection, id).await,
        }
    }

    /// Ends the connection, so that its database can be copied or dropped.
    ///
    /// # Errors
    /// As the database.
    pub async fn close(self) -> Outcome<()> {
        match self {
            Self::Sqlite(connection) => connection.close().map_err(|(_, error)| error.into()),
            Self::Postgres(connection) => Ok(connection.close().await?),
        }
    }
}

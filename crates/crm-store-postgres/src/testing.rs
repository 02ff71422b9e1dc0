//! A schema of its own on the test server, for tests of single tables.

use crm_core::{Error, Workspace};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::fault::Outcome;
use crate::migrations;
use crate::query::{self, Db, Names};

/// One connection, and a schema that no other test uses.
pub(crate) struct Place {
    connection: PgConnection,
    names: Names,
    workspace: Workspace,
    key: i64,
}

impl Place {
    /// A new schema for the test `name`.
    pub(crate) async fn open(name: &str) -> Self {
        let mut connection = Self::connect().await;
        let schema = format!("crm_test_{name}_{}", std::process::id());
        drop_schema(&mut connection, &schema).await;
        let names = Names::new(&schema).unwrap();
        done(migrations::run(&mut connection, &names, 0).await);
        let key = query::workspace_for_write(&mut connection, &names, "default").await;
        Self {
            connection,
            names,
            workspace: Workspace::default(),
            key: done(key),
        }
    }

    /// Another connection to the server.
    pub(crate) async fn connect() -> PgConnection {
        let url = crm_postgres_testing::shared().unwrap();
        PgConnection::connect(url).await.unwrap()
    }

    pub(crate) const fn names(&self) -> &Names {
        &self.names
    }

    pub(crate) fn db(&mut self) -> Db<'_> {
        Db {
            connection: &mut self.connection,
            names: &self.names,
            workspace: &self.workspace,
            key: self.key,
        }
    }

    /// The same tables, as another workspace sees them.
    pub(crate) fn stranger(&mut self) -> Db<'_> {
        Db {
            key: self.key + 1,
            ..self.db()
        }
    }

    /// Runs a statement as it is.
    pub(crate) async fn run(&mut self, sql: &str) {
        let sql = self.names.dynamic(sql);
        sqlx::raw_sql(sql)
            .execute(&mut self.connection)
            .await
            .unwrap();
    }

    /// How many rows of the table were read; only the difference within one transaction means anything.
    pub(crate) async fn rows_read(&mut self, table: &str) -> i64 {
        sqlx::query_scalar(
            "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables \
             WHERE schemaname = $1 AND relname = $2",
        )
        .bind(self.names.schema())
        .bind(table)
        .fetch_one(&mut self.connection)
        .await
        .unwrap()
    }

    pub(crate) async fn close(mut self) {
        drop_schema(&mut self.connection, self.names.schema()).await;
    }
}

async fn drop_schema(connection: &mut PgConnection, schema: &str) {
    let sql = format!("DROP SCHEMA IF EXISTS \"{schema}\" CASCADE");
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(connection)
        .await
        .unwrap();
}

/// What came out; it must have worked.
#[track_caller]
pub(crate) fn done<T>(outcome: Outcome<T>) -> T {
    outcome.map_err(Error::from).unwrap()
}

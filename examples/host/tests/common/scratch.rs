//! For tests: an empty PostgreSQL database on the test server, dropped at the end.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

pub struct Scratch {
    pub url: String,
    name: String,
}

impl Scratch {
    pub async fn new() -> Self {
        let server = crm_postgres_testing::shared().unwrap();
        let name = format!("crm_test_{}", uuid::Uuid::new_v4().simple());
        run(server, format!("CREATE DATABASE {name}")).await;
        Self {
            url: within(server, &name),
            name,
        }
    }

    /// Does something to it as another program would: one statement; how many rows it changed.
    pub async fn execute(&self, sql: &str) -> sqlx::Result<u64> {
        let mut connection = PgConnection::connect(&self.url).await?;
        let done = sqlx::query(AssertSqlSafe(sql.to_owned()))
            .execute(&mut connection)
            .await?;
        connection.close().await?;
        Ok(done.rows_affected())
    }

    /// Makes it allow reading alone, or writing too, and breaks all connections to it.
    pub async fn allow_writing(&self, allowed: bool) {
        let server = crm_postgres_testing::shared().unwrap();
        let (name, only) = (&self.name, !allowed);
        let set = format!("ALTER DATABASE {name} SET default_transaction_read_only = {only}");
        run(server, set).await;
        let cut = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        );
        run(server, cut).await;
    }

    /// Names and numbers that a query answers.
    pub async fn counts(&self, sql: &str) -> Vec<(String, i64)> {
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        let rows = sqlx::query_as(AssertSqlSafe(sql.to_owned()))
            .fetch_all(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
        rows
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // A runtime of its own: this may be dropped in one, outside of any, or while it ends.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime
                .unwrap()
                .block_on(run(crm_postgres_testing::shared().unwrap(), sql));
        });
        let _ = dropping.join();
    }
}

async fn run(server: &str, sql: String) {
    let mut connection = PgConnection::connect(server).await.unwrap();
    let done = sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut connection)
        .await;
    done.unwrap();
    connection.close().await.unwrap();
}

/// The server's address with another database.
fn within(server: &str, name: &str) -> String {
    let (before, parameters) = server.split_once('?').unwrap_or((server, ""));
    let (scheme, rest) = before.split_once("://").unwrap();
    let host = rest.split('/').next().unwrap();
    let mut url = format!("{scheme}://{host}/{name}");
    if !parameters.is_empty() {
        url.push('?');
        url.push_str(parameters);
    }
    url
}

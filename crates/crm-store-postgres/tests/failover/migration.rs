//! Making the tables is cut off, or the server dies, at any message of the protocol: the next program
//! finds nothing or everything, and finishes.

use std::sync::Arc;

use crm_core::{ErrorKind, Result};
use crm_postgres_testing::{Mode, Server, ServerOptions};
use crm_store_postgres::{PgOptions, PgStore};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::faults::setting;
use crate::wire::Wire;

fn options(schema: &str) -> PgOptions {
    PgOptions {
        schema: schema.to_owned(),
        listen: false,
        ..PgOptions::default()
    }
}

/// Everything in a schema: columns, indexes, constraints, triggers and functions, and the steps applied.
async fn catalogue(connection: &mut PgConnection, schema: &str) -> Vec<String> {
    let sql = "SELECT replace(line, $1, 'SCHEMA') FROM ( \
            SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type || ' ' \
                || is_nullable || coalesce(' ' || column_default, '') \
            FROM information_schema.columns WHERE table_schema = $1 \
        UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = $1 \
        UNION ALL SELECT 'constraint ' || conrelid::regclass || ' ' || pg_get_constraintdef(oid) \
            FROM pg_constraint WHERE connamespace = to_regnamespace($1) \
        UNION ALL SELECT 'trigger ' || pg_get_triggerdef(t.oid) FROM pg_trigger t \
            JOIN pg_class c ON c.oid = tgrelid \
            WHERE relnamespace = to_regnamespace($1) AND NOT tgisinternal \
        UNION ALL SELECT 'function ' || pg_get_functiondef(oid) FROM pg_proc \
            WHERE pronamespace = to_regnamespace($1)) AS lines(line) ORDER BY 1";
    let mut lines: Vec<String> = sqlx::query_scalar(sql)
        .bind(schema)
        .fetch_all(&mut *connection)
        .await
        .unwrap();
    if !lines.is_empty() {
        let steps = format!("SELECT id || ' ' || name FROM \"{schema}\".migrations ORDER BY id");
        let steps = sqlx::query_scalar(AssertSqlSafe(steps));
        let steps: Vec<String> = steps.fetch_all(connection).await.unwrap();
        lines.extend(steps);
    }
    lines
}

async fn open(url: &str, schema: &str) -> Result<()> {
    let store = PgStore::connect(url, options(schema)).await?;
    store.close().await;
    Ok(())
}

/// Cuts the making of a schema of its own at each `step`th message; `kills` the server with it. Returns
/// how often.
async fn cut_everywhere(kills: bool, step: usize) -> usize {
    let server = Arc::new(Server::start(ServerOptions::default()).unwrap());
    let killed = server.clone();
    let also = move || {
        if kills {
            killed.restart(Mode::Immediate).unwrap();
        }
    };
    let wire = Wire::new(&server, also).await;
    let direct = server.url("postgres");
    let way = wire.url(&direct);
    open(&direct, "whole").await.unwrap();
    let mut connection = PgConnection::connect(&direct).await.unwrap();
    let whole = catalogue(&mut connection, "whole").await;
    assert!(whole.len() > 200, "{}", whole.len());

    let mut cuts = 0;
    for nth in (1..).step_by(step) {
        let schema = format!("cut_{nth}");
        wire.cut_at(nth);
        let opened = open(&way, &schema).await;
        if !wire.was_cut().await {
            opened.unwrap();
            break;
        }
        cuts += 1;
        // The last messages say good-bye; nobody needs their answer.
        if let Err(error) = opened {
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{nth}: {error}");
        }
        let mut connection = PgConnection::connect(&direct).await.unwrap();
        let found = catalogue(&mut connection, &schema).await;
        assert!(found.is_empty() || found == whole, "{nth}: half is there");
        open(&way, &schema).await.unwrap();
        assert_eq!(catalogue(&mut connection, &schema).await, whole, "{nth}");
        // A server that died flushes every file it has before it is there again: it is to have few.
        let drop = format!("DROP SCHEMA {schema} CASCADE");
        sqlx::query(AssertSqlSafe(drop))
            .execute(&mut connection)
            .await
            .unwrap();
    }
    cuts
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_made_wholly_or_not_at_all_wherever_it_is_cut() {
    let long = setting("CRM_FAILOVER_ROUNDS", 1) > 1;
    let cuts = cut_everywhere(false, if long { 1 } else { 7 }).await;
    let kills = cut_everywhere(true, if long { 1 } else { 29 }).await;
    println!("\n| migrations cut off | {cuts} |\n|---|---|\n| with the server killed | {kills} |");
    assert!(kills >= 3);
}

//! Opening a database: the schema is made once, is what core says, and a newer one is refused.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use crm_core::ErrorKind;
use crm_core::port::schema;
use crm_core::port::transfer::{Kind, kind};
use crm_postgres_testing::{Mode, Server, ServerOptions};
use crm_store_postgres::{PgOptions, PgStore};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// A schema of its own in the test server's database, and the way to both.
async fn fresh() -> (&'static str, PgOptions, PgConnection) {
    let url = crm_postgres_testing::shared().unwrap();
    let options = PgOptions {
        schema: format!("crm_test_{}", uuid::Uuid::from_u128(rand()).simple()),
        ..PgOptions::default()
    };
    (url, options, PgConnection::connect(url).await.unwrap())
}

/// Different in every call of every process.
fn rand() -> u128 {
    use std::hash::{BuildHasher, RandomState};
    let half = || u128::from(RandomState::new().hash_one(0));
    (half() << 64) | half()
}

async fn drop_schema(connection: &mut PgConnection, schema: &str) {
    let sql = format!("DROP SCHEMA \"{schema}\" CASCADE");
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(connection)
        .await
        .unwrap();
}

async fn tables(connection: &mut PgConnection, schema: &str) -> BTreeMap<String, BTreeSet<String>> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT table_name::text, column_name::text FROM information_schema.columns \
         WHERE table_schema = $1",
    )
    .bind(schema)
    .fetch_all(connection)
    .await
    .unwrap();
    let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (table, column) in rows {
        tables.entry(table).or_default().insert(column);
    }
    tables
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_that_start_together_make_the_schema_once() {
    let (url, options, mut connection) = fresh().await;
    let mut starts = Vec::new();
    for _ in 0..10 {
        let options = options.clone();
        starts.push(tokio::spawn(PgStore::connect(url, options)));
    }
    for start in starts {
        start.await.unwrap().unwrap().close().await;
    }
    let found = tables(&mut connection, &options.schema).await;
    for (table, columns) in schema::TABLES {
        let wanted: BTreeSet<String> = columns.split_whitespace().map(str::to_owned).collect();
        let mut has = found.get(table).cloned().unwrap_or_default();
        if table == "counters" {
            assert!(has.remove("slot"));
        }
        if table == "contacts" {
            assert!(has.remove("search_marks"));
        }
        assert_eq!(has, wanted, "{table}");
    }
    let names: BTreeSet<&str> = schema::TABLES.iter().map(|(table, _)| *table).collect();
    let more: Vec<&String> = found
        .keys()
        .filter(|name| !names.contains(name.as_str()))
        .collect();
    assert_eq!(more, ["migrations", "place"]);
    drop_schema(&mut connection, &options.schema).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_is_refused() {
    let (url, options, mut connection) = fresh().await;
    let store = PgStore::connect(url, options.clone()).await.unwrap();
    store.close().await;
    let newer = format!(
        "INSERT INTO \"{}\".migrations VALUES (9999, '9999_later', now())",
        options.schema
    );
    sqlx::raw_sql(AssertSqlSafe(newer))
        .execute(&mut connection)
        .await
        .unwrap();
    let error = PgStore::connect(url, options.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().contains("9999"), "{error}");
    drop_schema(&mut connection, &options.schema).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_can_be_split_by_workspace() {
    let (url, mut options, mut connection) = fresh().await;
    options.partitions = 4;
    let store = PgStore::connect(url, options.clone()).await.unwrap();
    store.close().await;
    let found = tables(&mut connection, &options.schema).await;
    for leaf in ["messages_p0", "messages_p3", "events_p2", "attempts_p1"] {
        assert!(found.contains_key(leaf), "{leaf}");
    }
    drop_schema(&mut connection, &options.schema).await;
}

/// The kind of error that opening `url` ends in.
async fn refusal(url: &str, options: PgOptions) -> (ErrorKind, String) {
    let error = PgStore::connect(url, options).await.unwrap_err();
    (error.kind(), error.to_string())
}

#[tokio::test]
async fn a_name_that_is_no_schema_is_refused_before_anything_is_asked() {
    let url = crm_postgres_testing::shared().unwrap();
    for schema in [
        "",
        "CRM",
        "1crm",
        "pg_crm",
        "a\"; DROP SCHEMA public; --",
        "crm-1",
        "срм",
    ] {
        let options = PgOptions {
            schema: schema.to_owned(),
            ..PgOptions::default()
        };
        let (kind, _) = refusal(url, options).await;
        assert_eq!(kind, ErrorKind::Configuration, "{schema}");
    }
}

#[tokio::test]
async fn a_database_that_may_lose_commits_is_refused() {
    let url = crm_postgres_testing::shared().unwrap();
    let join = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{join}options[synchronous_commit]=off");
    let (kind, text) = refusal(&url, PgOptions::default()).await;
    assert_eq!(kind, ErrorKind::Configuration);
    assert!(text.contains("synchronous_commit"), "{text}");
}

#[tokio::test]
async fn a_database_of_another_encoding_is_refused() {
    let server = Server::start(ServerOptions {
        fsync: false,
        ..ServerOptions::default()
    })
    .unwrap();
    let mut connection = PgConnection::connect(&server.url("postgres"))
        .await
        .unwrap();
    sqlx::raw_sql("CREATE DATABASE old ENCODING 'SQL_ASCII' TEMPLATE template0")
        .execute(&mut connection)
        .await
        .unwrap();
    let (kind, text) = refusal(&server.url("old"), PgOptions::default()).await;
    assert_eq!(kind, ErrorKind::Configuration);
    assert!(text.contains("UTF-8"), "{text}");
    let (kind, _) = refusal(&server.url("missing"), PgOptions::default()).await;
    assert_eq!(kind, ErrorKind::Configuration);
}

#[tokio::test]
async fn a_wrong_password_and_a_stopped_server_are_told_without_the_password() {
    let server = Server::start(ServerOptions {
        fsync: false,
        tcp: true,
        password: Some("right-one".to_owned()),
        ..ServerOptions::default()
    })
    .unwrap();
    let right = server.tcp_url("postgres").unwrap();
    PgStore::connect(&right, PgOptions::default())
        .await
        .unwrap()
        .close()
        .await;
    let wrong = right.replace("right-one", "wrong-one");
    assert_ne!(right, wrong);
    let (kind, text) = refusal(&wrong, PgOptions::default()).await;
    assert_eq!(kind, ErrorKind::Configuration);
    assert!(!text.contains("wrong-one"), "{text}");
    server.stop(Mode::Fast).unwrap();
    let (kind, text) = refusal(&right, PgOptions::default()).await;
    assert_eq!(kind, ErrorKind::Unavailable);
    assert!(!text.contains("right-one"), "{text}");
}

#[tokio::test]
async fn a_wrong_address_is_told() {
    for url in ["mysql://localhost/crm", "crm.db", "postgres://[/crm"] {
        let error = PgStore::connect(url, PgOptions::default())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{url}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_value_is_of_the_kind_of_its_column() {
    let (url, options, mut connection) = fresh().await;
    let name = options.schema.clone();
    PgStore::connect(url, options).await.unwrap().close().await;
    for (table, columns) in schema::TABLES {
        for column in columns.split_whitespace() {
            let (of, nullable): (String, String) = sqlx::query_as(
                "SELECT data_type::text, is_nullable::text FROM information_schema.columns \
                 WHERE table_schema = $1 AND table_name = $2 AND column_name = $3",
            )
            .bind(&name)
            .bind(table)
            .bind(column)
            .fetch_one(&mut connection)
            .await
            .unwrap();
            let wanted = match of.as_str() {
                "uuid" => Kind::Id,
                "bytea" => Kind::Bytes,
                "boolean" => Kind::Bool,
                "jsonb" => Kind::Json,
                "timestamp with time zone" => Kind::Instant,
                "bigint" | "integer" | "text" => Kind::Plain,
                other => unreachable!("{other}"),
            };
            assert_eq!(kind(column), wanted, "{table}.{column}");
            assert!(of != "jsonb" || nullable == "NO", "{table}.{column}");
        }
    }
    drop_schema(&mut connection, &name).await;
}

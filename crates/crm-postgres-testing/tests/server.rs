//! A real server: started, spoken to, stopped, started again and gone without a trace.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, unreachable_pub)]

mod common;

use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use common::Connection;
use crm_postgres_testing::{Mode, Server, ServerOptions};

fn fast() -> ServerOptions {
    ServerOptions {
        fsync: false,
        ..ServerOptions::default()
    }
}

/// The one value a statement answers with.
fn ask(server: &Server, sql: &str) -> String {
    let mut connection = Connection::open(&server.socket(), "postgres").unwrap();
    let rows = connection.query(sql).unwrap();
    assert_eq!(rows.len(), 1, "{sql}: {rows:?}");
    rows[0].clone()
}

#[test]
fn it_speaks_over_a_private_socket_alone_and_leaves_nothing_behind() {
    let server = Server::start(ServerOptions::default()).unwrap();
    for (setting, expected) in [
        ("server_encoding", "UTF8"),
        ("lc_collate", "C"),
        ("timezone", "UTC"),
        ("listen_addresses", ""),
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("synchronous_commit", "on"),
    ] {
        // Version 16 has no setting for the collation any more.
        let sql = match setting {
            "lc_collate" => {
                "SELECT datcollate FROM pg_database WHERE datname = 'postgres'".to_owned()
            }
            _ => format!("SHOW {setting}"),
        };
        assert_eq!(ask(&server, &sql), expected, "{setting}");
    }
    let home = server.socket().parent().unwrap().to_owned();
    assert_eq!(home.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    assert!(server.pid().is_some() && server.tcp_url("postgres").is_none());
    let url = server.url("postgres");
    assert!(
        url.ends_with(&home.display().to_string().replace('/', "%2F")),
        "{url}"
    );

    let mut open = Connection::open(&server.socket(), "postgres").unwrap();
    let data = server.data().to_owned();
    drop(server);
    open.wait_for_end();
    assert!(!home.exists() && !data.exists());
}

#[test]
fn what_was_committed_outlives_a_crash_of_the_server() {
    let server = Server::start(fast()).unwrap();
    assert_eq!(ask(&server, "SHOW fsync"), "off");
    let mut connection = Connection::open(&server.socket(), "postgres").unwrap();
    connection.query("CREATE TABLE kept (word text)").unwrap();
    connection
        .query("INSERT INTO kept VALUES ('so‘z')")
        .unwrap();
    let (url, first) = (server.url("postgres"), server.pid());

    server.restart(Mode::Immediate).unwrap();
    connection.wait_for_end();
    assert_eq!(ask(&server, "SELECT word FROM kept"), "so‘z");
    assert_eq!(server.url("postgres"), url);
    assert_ne!(server.pid(), first);
    assert!(
        server.log_tail().contains("automatic recovery"),
        "{}",
        server.log_tail()
    );

    for mode in [Mode::Fast, Mode::Immediate] {
        server.stop(mode).unwrap();
        assert!(Connection::open(&server.socket(), "postgres").is_err());
        assert_eq!(server.pid(), None);
    }
    server.start_again().unwrap();
    assert_eq!(ask(&server, "SELECT word FROM kept"), "so‘z");
    let twice = server.start_again().unwrap_err();
    assert!(twice.contains("`start` failed"), "{twice}");
    assert_eq!(ask(&server, "SELECT word FROM kept"), "so‘z");
}

#[test]
fn over_tcp_it_asks_for_the_password() {
    let server = Server::start(ServerOptions {
        tcp: true,
        password: Some("p@ss'word".into()),
        ..fast()
    })
    .unwrap();
    let port = server.port().unwrap();
    assert_eq!(ask(&server, "SHOW listen_addresses"), "127.0.0.1");
    assert_eq!(
        server.tcp_url("x").unwrap(),
        format!("postgres://crm:p%40ss%27word@127.0.0.1:{port}/x")
    );
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let (kind, body, _connection) = Connection::greet(stream, "postgres").unwrap();
    // AuthenticationSASL.
    assert_eq!((kind, &body[..4]), (b'R', &[0, 0, 0, 10][..]));
    assert!(body[4..].starts_with(b"SCRAM-SHA-256"));
    let stored = "SELECT left(rolpassword, 13) FROM pg_authid WHERE rolname = 'crm'";
    assert_eq!(ask(&server, stored), "SCRAM-SHA-256");
    let home = server.socket().parent().unwrap().to_owned();
    assert!(!home.join("password").exists());

    server.restart(Mode::Fast).unwrap();
    TcpStream::connect(("127.0.0.1", port)).unwrap();
}

#[test]
fn a_random_password_is_made_when_none_is_given() {
    let options = || ServerOptions {
        tcp: true,
        ..fast()
    };
    let (one, two) = (
        Server::start(options()).unwrap(),
        Server::start(options()).unwrap(),
    );
    let secret = |server: &Server| {
        let url = server.tcp_url("postgres").unwrap();
        let (_, after) = url.split_once("crm:").unwrap();
        after.split_once('@').unwrap().0.to_owned()
    };
    assert_eq!(secret(&one).len(), 32);
    assert_ne!(secret(&one), secret(&two));
    assert_ne!(one.port(), two.port());
    let shown = format!("{one:?}");
    assert!(!shown.contains(&secret(&one)), "{shown}");
}

#[test]
fn the_data_may_lie_elsewhere_with_settings_of_the_caller() {
    let root = std::env::temp_dir().join(format!("crm-pg-root-{}", std::process::id()));
    std::fs::create_dir(&root).unwrap();
    std::fs::set_permissions(&root, std::fs::Permissions::from_mode(0o755)).unwrap();
    let server = Server::start(ServerOptions {
        root: Some(root.clone()),
        settings: vec![
            ("max_connections".into(), "7".into()),
            ("application_name".into(), "it's".into()),
        ],
        ..fast()
    })
    .unwrap();
    assert_eq!(ask(&server, "SHOW max_connections"), "7");
    assert_eq!(ask(&server, "SHOW application_name"), "it's");
    let data = PathBuf::from(ask(&server, "SHOW data_directory"));
    assert_eq!(data, server.data());
    assert!(data.starts_with(root.canonicalize().unwrap()));
    assert!(!server.socket().starts_with(&root));
    drop(server);
    assert!(!data.exists() && root.exists());
    std::fs::remove_dir_all(root).unwrap();
}

#[test]
fn a_server_that_does_not_start_says_why_and_leaves_nothing() {
    let root = std::env::temp_dir().join(format!("crm-pg-bad-{}", std::process::id()));
    std::fs::create_dir(&root).unwrap();
    std::fs::set_permissions(&root, std::fs::Permissions::from_mode(0o755)).unwrap();
    let problem = Server::start(ServerOptions {
        root: Some(root.clone()),
        settings: vec![("shared_buffers".into(), "plenty".into())],
        ..fast()
    })
    .unwrap_err();
    assert!(problem.contains("`start` failed"), "{problem}");
    assert!(
        problem.contains("invalid value for parameter \"shared_buffers\""),
        "{problem}"
    );
    assert_eq!(std::fs::read_dir(&root).unwrap().count(), 0);
    std::fs::remove_dir_all(root).unwrap();
}

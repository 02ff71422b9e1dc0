//! A copy of a running server: restored as a backup, or following as a standby until it is promoted.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, unreachable_pub)]

mod common;

use std::time::{Duration, Instant};

use common::Connection;
use crm_postgres_testing::{Mode, Server, ServerOptions};

/// Whatever should happen soon has happened by then.
const PATIENCE: Duration = Duration::from_secs(60);

fn options() -> ServerOptions {
    ServerOptions {
        fsync: false,
        settings: vec![("wal_keep_size".into(), "256MB".into())],
        ..ServerOptions::default()
    }
}

fn open(server: &Server) -> Connection<std::os::unix::net::UnixStream> {
    Connection::open(&server.socket(), "postgres").unwrap()
}

fn words(server: &Server) -> Vec<String> {
    let sql = "SELECT word FROM said ORDER BY word";
    open(server).query(sql).unwrap()
}

fn say(server: &Server, word: &str) {
    let sql = format!("INSERT INTO said VALUES ('{word}')");
    open(server).query(&sql).unwrap();
}

fn timeline(server: &Server) -> String {
    let sql = "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)";
    open(server).query(sql).unwrap().remove(0)
}

/// A running server with a table, and a copy that was taken while somebody wrote.
fn pair() -> (Server, Server) {
    let server = Server::start(options()).unwrap();
    open(&server)
        .query("CREATE TABLE said (word text)")
        .unwrap();
    say(&server, "before");
    let mut backup = open(&server);
    backup
        .query("SELECT pg_backup_start('copy', true)")
        .unwrap();
    let end = || {
        say(&server, "meanwhile");
        let label = backup.query("SELECT labelfile FROM pg_backup_stop(false)");
        Ok(Some(label.unwrap().remove(0)))
    };
    let copy = server.copy(options(), end).unwrap();
    (server, copy)
}

#[test]
fn a_backup_of_a_running_server_is_restored_as_it_was() {
    let (server, copy) = pair();
    assert_eq!(copy.pid(), None);
    say(&server, "later");
    assert_eq!(words(&server), ["before", "later", "meanwhile"]);
    let data = copy.data().to_owned();
    copy.start_again().unwrap();
    assert_eq!(words(&copy), ["before", "meanwhile"]);
    assert_eq!(timeline(&copy), timeline(&server));
    drop(copy);
    assert!(!data.exists());
}

#[test]
fn a_backup_that_is_recovered_goes_on_by_itself() {
    let (server, copy) = pair();
    copy.recover().unwrap();
    copy.start_again().unwrap();
    let begun = Instant::now();
    while open(&copy).query("SELECT pg_is_in_recovery()").unwrap() != ["f"] {
        assert!(begun.elapsed() < PATIENCE, "{}", copy.log_tail());
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(words(&copy), ["before", "meanwhile"]);
    assert_ne!(timeline(&copy), timeline(&server));
}

#[test]
fn a_stopped_server_is_copied_without_a_label() {
    let (server, _) = pair();
    server.stop(Mode::Fast).unwrap();
    let copy = server.copy(options(), || Ok(None)).unwrap();
    copy.start_again().unwrap();
    assert_eq!(words(&copy), ["before", "meanwhile"]);
}

#[test]
fn a_standby_follows_and_takes_over_on_a_new_timeline() {
    let (primary, standby) = pair();
    standby.follow(&primary, "the one").unwrap();
    standby.start_again().unwrap();
    let recovering = "SELECT pg_is_in_recovery()";
    assert_eq!(open(&standby).query(recovering).unwrap(), ["t"]);
    say(&primary, "later");
    let begun = Instant::now();
    while words(&standby).len() < 3 {
        assert!(begun.elapsed() < PATIENCE, "{}", standby.log_tail());
        std::thread::sleep(Duration::from_millis(10));
    }
    let known = "SELECT application_name FROM pg_stat_replication";
    let mut connection = open(&primary);
    assert_eq!(connection.query(known).unwrap(), ["the one"]);

    primary.stop(Mode::Immediate).unwrap();
    connection.wait_for_end();
    standby.promote().unwrap();
    assert_eq!(open(&standby).query(recovering).unwrap(), ["f"]);
    say(&standby, "after");
    assert_eq!(words(&standby), ["after", "before", "later", "meanwhile"]);
    assert_eq!(timeline(&standby), "00000002");
    let twice = standby.promote().unwrap_err();
    assert!(twice.contains("`promote` failed"), "{twice}");
}

#[test]
fn what_cannot_be_copied_is_refused_and_leaves_nothing() {
    let server = Server::start(options()).unwrap();
    let tcp = ServerOptions {
        tcp: true,
        ..options()
    };
    let refused = server.copy(tcp, || Ok(None)).unwrap_err();
    assert!(refused.contains("socket alone"), "{refused}");
    let refused = server.copy(options(), || Err("no label".to_owned()));
    assert_eq!(refused.unwrap_err(), "no label");
}

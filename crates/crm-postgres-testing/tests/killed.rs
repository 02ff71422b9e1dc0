//! A process that is killed leaves no server behind.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, unreachable_pub)]

mod common;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::Connection;

/// A process that holds a shared server, and the URL it printed.
fn holder(database_url: Option<&str>) -> (Child, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crm-postgres-testing"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    match database_url {
        Some(url) => command.env("DATABASE_URL", url),
        None => command.env_remove("DATABASE_URL"),
    };
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let url = line.trim_end().strip_prefix("DATABASE_URL=").unwrap();
    let url = url.to_owned();
    (child, url)
}

/// The socket's folder in a URL.
fn folder(url: &str) -> PathBuf {
    let (_, folder) = url.split_once("?host=").unwrap();
    folder.replace("%2F", "/").into()
}

/// The end of the guard cannot be waited for from here: look until it has come.
fn wait_until_gone(folder: &Path) {
    let start = Instant::now();
    while folder.exists() {
        assert!(
            start.elapsed() < Duration::from_secs(120),
            "{} is still there",
            folder.display()
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_killed_holder_leaves_neither_server_nor_folder() {
    let (mut child, url) = holder(None);
    let folder = folder(&url);
    let socket = folder.join(".s.PGSQL.5432");
    let mut connection = Connection::open(&socket, "postgres").unwrap();
    assert_eq!(connection.query("SHOW fsync").unwrap(), ["off"]);

    // SIGKILL: nothing of its own runs any more.
    child.kill().unwrap();
    child.wait().unwrap();
    // Ends when the server closes it, and hangs if it never does.
    connection.wait_for_end();
    wait_until_gone(&folder);
    assert!(Connection::open(&socket, "postgres").is_err());
}

#[test]
fn a_holder_that_is_killed_amid_an_order_leaves_nothing() {
    use std::os::unix::fs::PermissionsExt as _;
    let parent = std::env::temp_dir().join(format!("crm-killed-{}", std::process::id()));
    std::fs::create_dir(&parent).unwrap();
    // The server runs as another user when this one is root, who makes and removes folders there.
    std::fs::set_permissions(&parent, std::fs::Permissions::from_mode(0o777)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_crm-postgres-testing"));
    command.env("TMPDIR", &parent).env_remove("DATABASE_URL");
    command.stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    let below = |folder: &Path| -> Vec<PathBuf> {
        let names = std::fs::read_dir(folder).into_iter().flatten();
        names.flatten().map(|entry| entry.path()).collect()
    };
    // The data are being made: the order is under way.
    let start = Instant::now();
    let begun = |home: &PathBuf| below(home).iter().any(|data| data.join("base").exists());
    while !below(&parent).iter().any(begun) {
        assert!(start.elapsed() < Duration::from_secs(120), "it never began");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    for home in below(&parent) {
        wait_until_gone(&home);
    }
    std::fs::remove_dir(&parent).unwrap();
}

#[test]
fn a_holder_that_ends_takes_the_shared_server_along() {
    let (mut child, url) = holder(None);
    let mut connection = Connection::open(&folder(&url).join(".s.PGSQL.5432"), "postgres").unwrap();
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    connection.wait_for_end();
    wait_until_gone(&folder(&url));
}

#[test]
fn a_server_the_developer_chose_is_taken_as_it_is() {
    let chosen = "postgres://me@db.example/mine";
    let (mut child, url) = holder(Some(chosen));
    assert_eq!(url, chosen);
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

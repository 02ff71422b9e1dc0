//! How the host is set up, and what it tells its operator: settings, readiness, a database that fails.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod common;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Output};
use std::time::Duration;

use common::place::{Place, Tables};
use common::{Host, Reply};
use serde_json::{Value, json};

/// What the host says when it cannot start.
fn refused(flags: &[&str], variables: &[(&str, &str)], file: Option<&str>) -> String {
    let directory = Place::sqlite();
    let mut command = directory.command();
    if let Some(text) = file {
        let path = directory.path().join("host.toml");
        std::fs::write(&path, text).unwrap();
        command.arg("--config").arg(path);
    }
    let Output { status, stderr, .. } = command
        .args(flags)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    assert!(!status.success(), "{flags:?} {file:?} was accepted");
    String::from_utf8(stderr).unwrap()
}

/// What the host says of a database that it cannot use.
fn nowhere(database: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_crm-host"))
        .args(["--database", database])
        .env("CRM_SECRET", "very very secret very very secret")
        .output()
        .unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn wrong_settings_say_what_to_do() {
    let short = "x".repeat(31);
    for (said, hint) in [
        (
            refused(&[], &[("CRM_SECRET", &short)], None),
            "at least 32 bytes",
        ),
        (
            refused(&[], &[], Some("secret = 'short'")),
            "at least 32 bytes",
        ),
        (refused(&[], &[], Some("databse = 'sqlite:x'")), "databse"),
        (refused(&[], &[], Some("demo = 'perhaps'")), "demo"),
        (
            refused(&[], &[], Some("[channels]\nemail = 'http://x'")),
            "smtp://",
        ),
        (
            refused(
                &[],
                &[],
                Some("\n[channels.sms]\ntype = 'eskiz'\npasword = 'hunter2'"),
            ),
            "host.toml: line 4: channels.sms.pasword: unknown field",
        ),
        (
            refused(
                &[],
                &[],
                Some("[channels.t]\ntype = 'telegram'\ntoken = 'hunter2'"),
            ),
            "host.toml: line 1: channels.t: the Telegram token must be",
        ),
        (
            refused(&[], &[], Some("unsubscribe_keys = ['hunter2']")),
            "unsubscribe_keys (CRM_UNSUBSCRIBE_KEYS) must hold at least 32 bytes",
        ),
        (
            refused(&["--public-url", "http://hunter2.example"], &[], None),
            "public_url must be the https address",
        ),
        (refused(&["--channel", "email=smtp://h"], &[], None), "from"),
        (
            refused(&["--config", "/no/such/file"], &[], None),
            "cannot be read",
        ),
        (refused(&["--nonsense"], &[], None), "--nonsense"),
        (
            nowhere("sqlite:/no/such/directory/crm.db"),
            "the directory /no/such/directory of the database does not exist",
        ),
        (nowhere("crm.db"), "sqlite:PATH"),
        (nowhere("mysql://anna:hunter2@db/crm"), "postgres://USER"),
        (
            nowhere("postgres://anna:hunter2@127.0.0.1:1/crm"),
            "cannot be reached",
        ),
    ] {
        assert!(said.contains(hint), "{said}");
        assert!(
            ["hunter2", "anna", "panicked", &short]
                .iter()
                .all(|word| !said.contains(word)),
            "{said}"
        );
    }
    let help = Command::new(env!("CARGO_BIN_EXE_crm-host"))
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for name in [
        "--config",
        "--database",
        "--listen",
        "--demo",
        "--outbox",
        "--public-url",
        "--channel",
        "--no-worker",
        "CRM_CONFIG",
        "CRM_DATABASE",
        "CRM_LISTEN",
        "CRM_DEMO",
        "CRM_DEMO_PASSWORD",
        "CRM_SECRET",
        "CRM_PUBLIC_URL",
        "CRM_UNSUBSCRIBE_KEYS",
        "CRM_OUTBOX",
        "CRM_CHANNEL_<NAME>",
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_BASE_URL",
        "CRM_MODEL",
        "CRM_NO_WORKER",
        "worker",
    ] {
        assert!(help.contains(name), "{name} is not in --help");
    }
}

#[test]
fn a_settings_file_is_used_and_its_secrets_are_not_logged() {
    let directory = Place::new();
    let config = directory.path().join("host.toml");
    let text = "demo = true\nno_worker = true\ndemo_password = 'from the file'\n\
        secret = 'very very secret very very secret'\n\
        [channels]\nemail = 'smtp://anna:hunter2@127.0.0.1:9?tls=none&from=a@b.example&allow_insecure_auth=true'\n";
    std::fs::write(&config, text).unwrap();
    let flags = ["--config", config.to_str().unwrap()];
    // The environment wins over the file: an empty variable is none.
    let variables = [("CRM_DEMO_PASSWORD", ""), ("RUST_LOG", "info")];
    let host = Host::start_with(directory, &flags, &variables);
    host.login("admin@example.com", "from the file");
    assert_eq!(host.get("", "/readyz").expect(200)["worker"], "off");
    let log = std::fs::read_to_string(host.directory.path().join("log")).unwrap();
    assert!(
        log.contains("no_worker=true") && log.contains("channel.email="),
        "{log}"
    );
    for secret in ["hunter2", "anna", "very secret", "from the file"] {
        assert!(!log.contains(secret), "{secret}");
    }
    assert!(!host.directory.path().join("crm.db.secret").exists());
}

#[test]
fn readiness_tells_the_state_of_the_worker_and_the_database() {
    let first = Host::start(&[]);
    first.until("", "/readyz", |state| state["worker"] == "running");
    let metrics = String::from_utf8(first.get("", "/metrics").body).unwrap();
    assert!(metrics.contains("\ncrm_worker_running 1\n"), "{metrics}");
    assert!(metrics.contains("crm_http_responses_total{class=\"2xx\"}"));
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        let (_, value) = line.rsplit_once(' ').unwrap();
        value.parse::<u64>().unwrap();
    }
    let state = first.get("", "/readyz").expect(200);
    assert_eq!(
        (&state["status"], &state["database"]),
        (&json!("ready"), &json!("writable"))
    );
    // Another process on the same file stands by, and takes over when the first one ends; on a server
    // it works beside it.
    let many = first.directory.postgres.is_some();
    let second = first
        .directory
        .command()
        .env("RUST_LOG", "error")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut second = Killed(second);
    let mut line = String::new();
    let mut output = BufReader::new(second.0.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on http://").unwrap();
    let mut seen = Vec::new();
    let mut first = Some(first);
    let mut directory = None;
    let begun = std::time::Instant::now();
    while seen.last().map(String::as_str) != Some("running") {
        assert!(begun.elapsed() < Duration::from_secs(60), "{seen:?}");
        let state = ready(address);
        if seen.last() != Some(&state) {
            seen.push(state);
        }
        if seen.last().map(String::as_str) == Some("standby") {
            // Ends with its directory kept for the second one.
            directory = first.take().map(|host| host.stop().1).or(directory);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    // It says `off` until its worker has begun.
    seen.retain(|state| state != "off");
    let wanted: &[&str] = if many {
        &["running"]
    } else {
        &["standby", "running"]
    };
    assert_eq!(seen, wanted);
    drop((second, directory));
}

#[test]
fn a_database_that_cannot_be_written_is_told_and_nothing_faults() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    for tables in [Tables::Engine, Tables::Host] {
        let held = Held::begin(&host.directory, tables);
        let state = becomes(&host, "read_only");
        assert_eq!(
            (state.status, &state.json()["status"]),
            (503, &json!("not_ready")),
            "{tables:?}"
        );
        host.get("", "/healthz").expect(200);
        // What needs no writing goes on.
        host.get(&admin, "/api/contacts").expect(200);
        let refused = match tables {
            Tables::Engine => host.post(&admin, "/api/contacts", json!({"name": "Anna"})),
            Tables::Host => {
                let body = json!({"email": "a@salon.example", "password": "long enough"});
                host.post("", "/api/auth/login", body)
            }
        };
        assert!(refused.head.to_lowercase().contains("retry-after: "));
        assert_eq!(refused.expect(503)["code"], "unavailable", "{tables:?}");
        held.end(&host.directory);
        assert_eq!(becomes(&host, "writable").status, 200);
    }
    assert_eq!(host.get(&admin, "/api/contacts").expect(200)["total"], 0);
}

/// Asks until the database is said to be so: connections that broke are noticed when they are used.
fn becomes(host: &Host, wanted: &str) -> Reply {
    let begun = std::time::Instant::now();
    loop {
        let reply = host.get("", "/readyz");
        if reply.json()["database"] == wanted {
            return reply;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "never {wanted}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What keeps a database from being written: somebody else's lock on a file; a server that only allows
/// reading, all tables alike.
enum Held {
    File(rusqlite::Connection),
    Server,
}

impl Held {
    fn begin(place: &Place, tables: Tables) -> Self {
        if place.postgres.is_some() {
            place.allow_writing(false);
            return Self::Server;
        }
        let file = place.file(tables);
        file.execute_batch("BEGIN IMMEDIATE").unwrap();
        Self::File(file)
    }

    fn end(self, place: &Place) {
        match self {
            Self::File(file) => file.execute_batch("ROLLBACK").unwrap(),
            Self::Server => place.allow_writing(true),
        }
    }
}

/// A process that does not outlive its test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a host says of its worker.
fn ready(address: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let body = BufReader::new(stream).lines().map_while(Result::ok).last();
    let state: Value = serde_json::from_str(&body.unwrap()).unwrap();
    state["worker"].as_str().unwrap().to_owned()
}

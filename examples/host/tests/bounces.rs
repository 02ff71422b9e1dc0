//! Bounces that arrive in a folder: what they say of a mail is taken in, and each is marked as done.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;
#[path = "common/mail.rs"]
mod mail;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::Host;
use common::place::Place;
use mail::Server;
use serde_json::json;

fn start(server: &Server) -> (Host, PathBuf) {
    let place = Place::new();
    let folder = place.path().join("bounces");
    for name in ["new", "cur", "tmp"] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    let file = place.path().join("host.toml");
    let settings = format!(
        "{}
[channels.email]
type = 'smtp'
host = '127.0.0.1'
port = {}
tls = 'none'
from = 'news@salon.example'
return_path = 'bounce@salon.example'
bounces = '{}'
rate = {{ units = 1000, per = 1 }}
",
        place.settings(),
        server.port,
        folder.display(),
    );
    fs::write(&file, settings).unwrap();
    (Host::start_by(place, &file), folder)
}

/// A report as mail servers send it (RFC 3464).
fn report(to: &str, action: &str, status: &str) -> String {
    [
        "From: MAILER-DAEMON@mx.example.org",
        &format!("To: {to}"),
        "Subject: Undelivered Mail",
        "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=x",
        "",
        "--x",
        "Content-Type: text/plain",
        "",
        "It did not work.",
        "--x",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; mx.example.org",
        "",
        "Final-Recipient: rfc822; anna@example.com",
        &format!("Action: {action}"),
        &format!("Status: {status}"),
        "",
        "--x--",
        "",
    ]
    .join("\r\n")
}

fn arrive(folder: &Path, name: &str, mail: &str) {
    // As a mail server delivers: written aside, then moved.
    let aside = folder.join("tmp").join(name);
    fs::write(&aside, mail).unwrap();
    fs::rename(aside, folder.join("new").join(name)).unwrap();
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn names(folder: &Path, of: &str) -> Vec<String> {
    let files = fs::read_dir(folder.join(of)).unwrap();
    let mut names: Vec<_> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_bounce_fails_its_message_and_a_dead_address_gets_no_more() {
    let server = Server::start();
    let (host, folder) = start(&server);
    let token = host.admin();
    let message = host.draft(&token);
    let id = message["id"].as_str().unwrap().to_owned();
    let seen = json!({"version": message["version"], "digest": message["digest"]});
    let approve = format!("/api/messages/{id}/approve");
    host.post(&token, &approve, seen).expect(200);
    let letter = server.next();
    let attempt = letter["headers"]["X-Crm-Attempt"].as_str().unwrap();
    let back = format!("bounce+{}@salon.example", attempt.replace('-', ""));
    let path = format!("/api/messages/{id}");
    host.until(&token, &path, |now| now["status"] == "sent");

    arrive(
        &folder,
        "1.out-of-office",
        "From: anna@example.com\r\n\r\nBack on Monday.\r\n",
    );
    let parts = "--x\r\nContent-Type: text/plain\r\n\r\na\r\n".repeat(200);
    let parts = format!("Content-Type: multipart/mixed; boundary=x\r\n\r\n{parts}--x--\r\n");
    arrive(&folder, "2.two-hundred-parts", &parts);
    arrive(&folder, "3.bounce", &report(&back, "failed", "5.1.1"));
    until("the mails are done", || names(&folder, "new").is_empty());
    let failed = host.get(&token, &path).expect(200);
    assert_eq!(failed["status"], "failed", "{failed}");
    assert!(
        failed["failure"].as_str().unwrap().contains("5.1.1"),
        "{failed}"
    );
    let done = names(&folder, "cur");
    assert_eq!(done.len(), 3);
    assert!(
        done[0].starts_with("1.out-of-office") && done[0].ends_with('S'),
        "{done:?}"
    );
    assert!(
        done[1].contains(".unreadable") && done[1].ends_with('F'),
        "{done:?}"
    );
    assert!(
        done[2].starts_with("3.bounce") && done[2].ends_with('S'),
        "{done:?}"
    );
    let attempts = host.get(&token, &format!("{path}/attempts")).expect(200);
    assert_eq!(attempts[0]["receipts"][0]["fate"], "failed");
    // Nothing more goes there.
    let contact = message["contact_id"].as_str().unwrap();
    let next = json!({"contact_id": contact, "occasion_type": "custom", "channel": "email",
        "content": "Ещё одно письмо для Анны", "subject": "Привет"});
    let next = host.post(&token, "/api/messages", next).expect(201);
    let seen = json!({"version": next["version"], "digest": next["digest"]});
    let next = format!("/api/messages/{}", next["id"].as_str().unwrap());
    host.post(&token, &format!("{next}/approve"), seen)
        .expect(200);
    host.until(&token, &next, |now| now["status"] == "cancelled");
}

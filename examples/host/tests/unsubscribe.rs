//! The link to unsubscribe, from the header of a mail that was delivered to the next message, which is not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod common;
#[path = "common/mail.rs"]
mod mail;

use common::place::Place;
use common::{Host, Reply};
use mail::Server;
use serde_json::{Value, json};

const PUBLIC: &str = "https://crm.salon.example/mail";

/// A host that sends mails which say where to unsubscribe, and those mails.
fn start(server: &Server) -> Host {
    let place = Place::new();
    let file = place.path().join("host.toml");
    let port = server.port;
    let settings = format!(
        "{}public_url = '{PUBLIC}/'
unsubscribe_keys = ['the-key-that-signs-thirty-two-bytes']
[channels.email]
type = 'smtp'
host = '127.0.0.1'
port = {port}
tls = 'none'
from = 'news@salon.example'
",
        place.settings()
    );
    std::fs::write(&file, settings).unwrap();
    Host::start_by(place, &file)
}

/// Approves what a preview showed.
fn approve(host: &Host, token: &str, message: &Value) -> Reply {
    let id = message["id"].as_str().unwrap();
    let now = host.get(token, &format!("/api/messages/{id}")).expect(200);
    let body = json!({"version": now["version"], "digest": now["digest"]});
    host.post(token, &format!("/api/messages/{id}/approve"), body)
}

fn draft(host: &Host, token: &str, contact: &str, occasion: &str) -> Value {
    let body = json!({"contact_id": contact, "occasion_type": occasion,
        "content": "Дорогая Анна, ждём вас!", "subject": "Привет"});
    let message = host.post(token, "/api/messages", body).expect(201);
    let id = message["id"].as_str().unwrap();
    host.post(token, &format!("/api/messages/{id}/submit"), json!({}))
        .expect(200)
}

fn status(host: &Host, token: &str, message: &Value) -> String {
    let path = format!("/api/messages/{}", message["id"].as_str().unwrap());
    let message = host.get(token, &path).expect(200);
    message["status"].as_str().unwrap().to_owned()
}

/// Sends a mail and takes the path of its link out of its headers.
fn link(host: &Host, token: &str, contact: &str, server: &Server) -> String {
    let message = draft(host, token, contact, "promotion");
    approve(host, token, &message).expect(200);
    let letter = server.next();
    let headers = &letter["headers"];
    assert_eq!(headers["X-Crm-Message"], message["id"]);
    assert_eq!(
        headers["List-Unsubscribe-Post"],
        "List-Unsubscribe=One-Click"
    );
    let link = headers["List-Unsubscribe"].as_str().unwrap();
    let link = link.strip_prefix('<').unwrap().strip_suffix('>').unwrap();
    link.strip_prefix(PUBLIC).unwrap().to_owned()
}

fn page(reply: &Reply) -> String {
    let head = reply.head.to_lowercase();
    for header in [
        "content-type: text/html; charset=utf-8",
        "content-security-policy: default-src 'none'; form-action 'self'",
        "referrer-policy: no-referrer",
        "x-robots-tag: noindex",
        "cache-control: no-store",
        "x-content-type-options: nosniff",
        "x-frame-options: deny",
    ] {
        assert!(head.contains(header), "{header} is not in {head}");
    }
    assert!(!head.contains("set-cookie"), "{head}");
    assert!(!head.contains("location:"), "{head}");
    let page = String::from_utf8(reply.body.clone()).unwrap();
    for never in ["script", "Anna", "anna@", "Анна", "http", "/u/"] {
        assert!(!page.contains(never), "{never} is in {page}");
    }
    page
}

fn consent(host: &Host, token: &str, contact: &str) -> Value {
    let path = format!("/api/contacts/{contact}");
    host.get(token, &path).expect(200)["consent"].clone()
}

#[test]
fn from_the_header_of_a_mail_to_the_next_one_that_does_not_leave() {
    let server = Server::start();
    let host = start(&server);
    let admin = host.admin();
    let contact = host.contact(&admin);
    let link = link(&host, &admin, &contact, &server);
    // Approved before the person says no, for later.
    let waiting = draft(&host, &admin, &contact, "promotion");
    let path = format!("/api/messages/{}", waiting["id"].as_str().unwrap());
    let later = json!({"scheduled_for": "2999-01-01T00:00:00Z"});
    host.call(&admin, "PATCH", &path, &later).expect(200);
    approve(&host, &admin, &waiting).expect(200);

    // Whoever only looks changes nothing, however often and however asked.
    for method in ["GET", "HEAD", "GET"] {
        let seen = host.raw(method, &link, &[("Accept-Language", "ru,en;q=0.5")], b"");
        assert_eq!(seen.status, 200);
        if method == "GET" {
            let text = page(&seen);
            assert!(text.contains("<html lang=\"ru\">") && text.contains("<form method=\"post\">"));
        }
    }
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS"] {
        assert_eq!(host.raw(method, &link, &[], b"").status, 405, "{method}");
    }
    assert_eq!(consent(&host, &admin, &contact), json!([]));
    assert_eq!(status(&host, &admin, &waiting), "approved");

    // What a mail program posts.
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let done = host.raw("POST", &link, &form, b"List-Unsubscribe=One-Click");
    assert_eq!(done.status, 200);
    assert!(!page(&done).contains("<form"));
    let after = consent(&host, &admin, &contact);
    assert_eq!(after.as_array().unwrap().len(), 1, "{after}");
    assert_eq!(
        (
            &after[0]["channel"],
            &after[0]["topic"],
            &after[0]["status"]
        ),
        (&json!("email"), &json!("marketing"), &json!("opted_out"))
    );
    // Again, as a form in parts, with the button, and with nothing at all: nothing more happens.
    let parts = [("Content-Type", "multipart/form-data; boundary=x")];
    let body = b"--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n";
    assert_eq!(host.raw("POST", &link, &parts, body).status, 200);
    assert_eq!(host.raw("POST", &link, &form, b"").status, 200);
    assert_eq!(host.raw("POST", &link, &[], b"").status, 200);
    assert_eq!(consent(&host, &admin, &contact), after);

    // The approval is gone; given anew, the last check stops the message. Others about something else go.
    assert_eq!(status(&host, &admin, &waiting), "pending_approval");
    let now = json!({"scheduled_for": null});
    host.call(&admin, "PATCH", &path, &now).expect(200);
    approve(&host, &admin, &waiting).expect(200);
    host.until(&admin, &path, |message| message["status"] == "cancelled");
    let greeting = draft(&host, &admin, &contact, "birthday");
    approve(&host, &admin, &greeting).expect(200);
    assert_eq!(server.next()["headers"]["X-Crm-Message"], greeting["id"]);
}

#[test]
fn a_wrong_link_tells_nothing_and_does_nothing() {
    let server = Server::start();
    let host = start(&server);
    let admin = host.admin();
    let contact = host.contact(&admin);
    let link = link(&host, &admin, &contact, &server);
    let last = if link.ends_with('0') { "1" } else { "0" };
    let forged = format!("{}{last}", &link[..link.len() - 1]);
    let mut pages = Vec::new();
    for path in [
        forged.as_str(),
        &link[..link.len() - 2],
        &format!("{link}00"),
        "/u/x",
        "/u/%00%ff",
        "/u/%3Cscript%3E",
        &format!("/u/{}", "0".repeat(4_000)),
    ] {
        for method in ["GET", "POST"] {
            let reply = host.raw(method, path, &[], b"List-Unsubscribe=One-Click");
            assert_eq!(reply.status, 404, "{method} {path}");
            pages.push(page(&reply));
        }
    }
    pages.dedup();
    assert_eq!(pages.len(), 1, "one page for all that is wrong");
    assert_eq!(consent(&host, &admin, &contact), json!([]));
    // Who guesses is stopped; who has a link is not, for many people share an address.
    let guess = || host.raw("POST", &forged, &[], b"");
    let stopped = (0..200).map(|_| guess()).find(|reply| reply.status != 404);
    let stopped = stopped.unwrap();
    assert_eq!(stopped.status, 429);
    assert!(stopped.head.to_lowercase().contains("retry-after: "));
    page(&stopped);
    assert_eq!(host.get("", &link).status, 200);
    assert_eq!(host.raw("POST", &link, &[], b"").status, 200);
    assert_eq!(consent(&host, &admin, &contact)[0]["status"], "opted_out");
}

#[test]
fn a_key_that_was_replaced_still_reads() {
    let server = Server::start();
    let host = start(&server);
    let admin = host.admin();
    let contact = host.contact(&admin);
    let first = link(&host, &admin, &contact, &server);
    let file = host.directory.path().join("host.toml");
    let settings = std::fs::read_to_string(&file).unwrap();
    let with = |keys: &str| {
        let old = "unsubscribe_keys = ['the-key-that-signs-thirty-two-bytes']";
        assert!(settings.contains(old));
        settings.replace(old, keys)
    };
    let again = |host: Host, keys: &str| {
        let directory = host.kill();
        std::fs::write(&file, with(keys)).unwrap();
        Host::start_by(directory, &file)
    };
    let host = again(
        host,
        "unsubscribe_keys = ['another-key-of-thirty-two-bytes-']",
    );
    assert_eq!(host.get("", &first).status, 404);
    // Kept in a file: one key a line, the one that signs first.
    let keys = "another-key-of-thirty-two-bytes-\nthe-key-that-signs-thirty-two-bytes\n";
    std::fs::write(file.with_file_name("keys"), keys).unwrap();
    let host = again(host, "unsubscribe_keys_file = 'keys'");
    assert_eq!(host.get("", &first).status, 200);
    let admin = host.sign_in("a@salon.example");
    let second = link(&host, &admin, &contact, &server);
    assert_eq!(host.get("", &second).status, 200);
    let host = again(
        host,
        "unsubscribe_keys = ['another-key-of-thirty-two-bytes-']",
    );
    assert_eq!(host.get("", &first).status, 404);
    assert_eq!(host.get("", &second).status, 200);
}

#[cfg(unix)]
#[test]
fn keys_are_made_once_and_kept_where_their_owner_alone_reads_them() {
    use std::os::unix::fs::PermissionsExt as _;

    let host = Host::start_in(Place::sqlite(), &["--no-worker"]);
    let file = host.directory.path().join("crm.db.unsubscribe");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let key = std::fs::read_to_string(&file).unwrap();
    assert!(key.len() >= 64);
    let directory = host.kill();
    let host = Host::start_in(directory, &["--no-worker"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), key);
    drop(host);
}

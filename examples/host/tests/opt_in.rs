//! Double opt-in over HTTP: from the request, by an approved mail, to the first offer that may leave.
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

fn start(server: &Server) -> Host {
    let place = Place::new();
    let file = place.path().join("host.toml");
    let port = server.port;
    let settings = format!(
        "{}public_url = '{PUBLIC}/'
unsubscribe_keys = ['the-key-that-signs-thirty-two-bytes']
marketing_needs_opt_in = true
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

fn approve(host: &Host, token: &str, id: &str) {
    let now = host.get(token, &format!("/api/messages/{id}")).expect(200);
    let body = json!({"version": now["version"], "digest": now["digest"]});
    host.post(token, &format!("/api/messages/{id}/approve"), body)
        .expect(200);
}

/// An approved offer and how it ends.
fn offer(host: &Host, token: &str, contact: &str) -> String {
    let body = json!({"contact_id": contact, "occasion_type": "promotion",
        "content": "Скидка для вас, Анна", "subject": "Скидка"});
    let message = host.post(token, "/api/messages", body).expect(201);
    let id = message["id"].as_str().unwrap();
    host.post(token, &format!("/api/messages/{id}/submit"), json!({}))
        .expect(200);
    approve(host, token, id);
    let ended = |message: &Value| message["status"] == "cancelled" || message["status"] == "sent";
    let path = format!("/api/messages/{id}");
    host.until(token, &path, ended)["status"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn page(reply: &Reply) -> String {
    let head = reply.head.to_lowercase();
    for header in [
        "content-type: text/html; charset=utf-8",
        "content-security-policy: default-src 'none'; form-action 'self'",
        "style-src 'sha256-",
        "referrer-policy: no-referrer",
        "x-robots-tag: noindex",
        "cache-control: no-store",
    ] {
        assert!(head.contains(header), "{header} is not in {head}");
    }
    assert!(
        !head.contains("set-cookie") && !head.contains("location:"),
        "{head}"
    );
    let page = String::from_utf8(reply.body.clone()).unwrap();
    for never in ["script", "Anna", "anna@", "http", "/o/"] {
        assert!(!page.contains(never), "{never} is in {page}");
    }
    page
}

#[test]
fn from_the_request_to_the_first_offer() {
    let server = Server::start();
    let host = start(&server);
    let admin = host.admin();
    let contact = host.contact(&admin);
    let consent = || {
        let contact = host.get(&admin, &format!("/api/contacts/{contact}"));
        contact.expect(200)["consent"].clone()
    };
    assert_eq!(offer(&host, &admin, &contact), "cancelled");

    let request = format!("/api/contacts/{contact}/opt-in-request");
    let asked = host.post(&admin, &request, json!({})).expect(201);
    assert_eq!(asked["status"], "pending_approval");
    let id = asked["id"].as_str().unwrap();
    approve(&host, &admin, id);
    let letter = server.next();
    assert_eq!(letter["headers"]["X-Crm-Message"], asked["id"]);
    // The link is in the approved text; that is what arrives (campaign_smtp.rs compares bytes).
    let content = asked["content"].as_str().unwrap();
    let link = content.lines().find_map(|line| line.strip_prefix(PUBLIC));
    let link = link.unwrap();

    let russian = [("Accept-Language", "ru")];
    for _ in 0..2 {
        let seen = host.raw("GET", link, &russian, b"");
        assert_eq!(seen.status, 200);
        let text = page(&seen);
        assert!(
            text.contains("<form method=\"post\">") && text.contains("предложения"),
            "{text}"
        );
    }
    assert_eq!(consent(), json!([]));
    for method in ["PUT", "DELETE", "PATCH"] {
        assert_eq!(host.raw(method, link, &[], b"").status, 405, "{method}");
    }
    let done = host.raw("POST", link, &russian, b"");
    assert_eq!(done.status, 200);
    assert!(!page(&done).contains("<form"));
    let after = consent();
    assert_eq!(
        (
            &after[0]["channel"],
            &after[0]["topic"],
            &after[0]["status"]
        ),
        (&json!("email"), &json!("marketing"), &json!("opted_in"))
    );
    let evidence = after[0]["evidence"].as_str().unwrap();
    assert!(
        evidence.starts_with("double_opt_in; requested "),
        "{evidence}"
    );
    assert_eq!(host.raw("POST", link, &[], b"").status, 200);
    assert_eq!(consent(), after);
    assert_eq!(offer(&host, &admin, &contact), "sent");

    // Where the address is another one by now, the link is told to be old.
    let moved = json!({"email": "anna.new@example.com"});
    host.call(&admin, "PUT", &format!("/api/contacts/{contact}"), &moved)
        .expect(200);
    let old = host.raw("POST", link, &[], b"");
    assert_eq!(old.status, 410);
    assert!(!page(&old).contains("<form"));

    // One page for all that is wrong; a link to unsubscribe opens nothing here, nor this one there.
    let unsubscribe = letter["headers"]["List-Unsubscribe"].as_str().unwrap();
    let unsubscribe = unsubscribe.strip_suffix('>').unwrap();
    let (_, unsubscribe) = unsubscribe.rsplit_once('/').unwrap();
    let last = if link.ends_with('0') { "1" } else { "0" };
    let forged = format!("{}{last}", &link[..link.len() - 1]);
    let mut pages = Vec::new();
    for path in [
        forged.as_str(),
        "/o/x",
        "/o/%00%ff",
        &format!("/o/{unsubscribe}"),
        &link.replacen("/o/", "/u/", 1),
    ] {
        let reply = host.raw("POST", path, &[], b"");
        assert_eq!(reply.status, 404, "{path}");
        pages.push(page(&reply));
    }
    pages.dedup();
    assert_eq!(pages.len(), 1);
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let server = Server::start();
    let host = start(&server);
    let admin = host.admin();
    let contact = host.contact(&admin);
    let path = format!("/api/contacts/{contact}");
    let request = format!("{path}/opt-in-request");
    let mut noes = Vec::new();
    // What was said before stays: an edit takes no no back.
    let mut said = |channel: &str, topic: &str| {
        noes.push(
            json!({"channel": channel, "topic": topic, "status": "opted_out",
            "at": "2026-01-01T00:00:00Z"}),
        );
        host.call(&admin, "PUT", &path, &json!({"consent": noes}))
            .expect(200);
        let last = noes.len() - 1;
        host.call(&admin, "PUT", &path, &json!({"consent": &noes[..last]}))
            .expect(422);
    };
    for wrong in [
        json!({"topic": "weather"}),
        json!({"channel": "fax"}),
        json!({"to": "x"}),
    ] {
        host.post(&admin, &request, wrong).expect(422);
    }
    said("email", "marketing");
    let refused = host.post(&admin, &request, json!({})).expect(422);
    assert_eq!(refused["errors"][0]["field"], "evidence");
    let why = json!({"evidence": "form 17"});
    host.post(&admin, &request, why.clone()).expect(201);
    said("*", "relationship");
    let refused = host.post(&admin, &request, why).expect(400);
    assert_eq!(refused["code"], "not_allowed");
    // Without an address for links there is nothing to ask with.
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let contact = host.contact(&admin);
    let request = format!("/api/contacts/{contact}/opt-in-request");
    let refused = host.post(&admin, &request, json!({})).expect(400);
    assert_eq!(refused["code"], "unsupported");
}

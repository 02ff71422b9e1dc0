//! A campaign to two hundred people, end to end: imported, drafted, approved in bulk over HTTP, delivered
//! by the host to a real SMTP server, and read back equal to what was approved, byte for byte.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod common;
#[path = "common/mail.rs"]
mod mail;

use std::collections::BTreeMap;
use std::time::Duration;

use common::{Host, sample_contacts};
use mail::Server;
use serde_json::{Value, json};

/// All pages of a list.
fn all(host: &Host, token: &str, path: &str) -> Vec<Value> {
    let mut items = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = host
            .get(token, &format!("{path}limit=100{cursor}"))
            .expect(200);
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

/// Whether every line has its place in the sealed chain.
fn sealed(history: &[Value]) -> bool {
    history
        .iter()
        .all(|line| line["hash"].is_string() && line["prev_hash"].is_string())
}

#[test]
fn two_hundred_people_read_what_was_approved() {
    let server = Server::start();
    let channel = format!(
        "email=smtp://127.0.0.1:{}?tls=none&from=%D0%A1%D0%B0%D0%BB%D0%BE%D0%BD%20%3Cnews%40salon.example%3E",
        server.port
    );
    let host = Host::start(&["--channel", &channel]);
    let admin = host.admin();
    let manager = host.user(&admin, "m@salon.example", "manager");

    let import = host.upload(&manager, &sample_contacts()).expect(202);
    let import = format!(
        "/api/contacts/imports/{}",
        import["import_id"].as_str().unwrap()
    );
    let report = host.until(&manager, &import, |report| report["status"] == "completed");
    assert_eq!(report["created"], 200, "{report}");
    let people: BTreeMap<String, Value> = all(&host, &manager, "/api/contacts?")
        .into_iter()
        .map(|person| (person["id"].as_str().unwrap().to_owned(), person))
        .collect();
    assert_eq!(people.len(), 200);

    let campaign = json!({"name": "Новый год", "occasion_type": "new_year"});
    let campaign = host.post(&manager, "/api/campaigns", campaign).expect(201);
    let id = campaign["id"].as_str().unwrap();
    host.post(&manager, &format!("/api/campaigns/{id}/execute"), json!({}))
        .expect(202);
    let waiting = format!("/api/messages?campaign_id={id}&status=pending_approval");
    host.until(&manager, &format!("/api/campaigns/{id}"), |campaign| {
        campaign["stats"]["generated_count"] == 200
    });
    let plan = all(&host, &manager, &format!("/api/campaigns/{id}/plan?"));
    assert_eq!(plan.len(), 200);
    for line in &plan {
        assert_eq!(line["variant"], "A");
        assert_eq!(line["estimated_cost"], "0.00");
        assert_eq!(line["channel"], "email");
    }

    // Each text is read before it is approved, and these are the bytes that must arrive.
    let drafted = all(&host, &manager, &format!("{waiting}&"));
    assert_eq!(drafted.len(), 200);
    let mut decision = json!({"action": "approve",
        "filter": {"campaign_id": id, "status": "pending_approval"}});
    let preview = host
        .post(&manager, "/api/messages/bulk/preview", decision.clone())
        .expect(200);
    assert_eq!(preview["count"], 200);
    decision["manifest"] = preview["manifest"].clone();
    let done = host
        .post(&manager, "/api/messages/bulk", decision)
        .expect(200);
    assert_eq!(done["applied"], 200, "{done}");

    let mut arrived: BTreeMap<String, Value> = BTreeMap::new();
    while arrived.len() < 200 {
        let line = server
            .lines
            .recv_timeout(Duration::from_secs(60))
            .unwrap_or_else(|_| panic!("only {} arrived", arrived.len()));
        let letter: Value = serde_json::from_str(&line).unwrap();
        let id = letter["headers"]["X-Crm-Message"].as_str().unwrap();
        let again = arrived.insert(id.to_owned(), letter.clone());
        assert!(again.is_none(), "{id} arrived twice");
    }
    host.until(&manager, &format!("/api/campaigns/{id}"), |campaign| {
        campaign["status"] == "completed" && campaign["stats"]["sent_count"] == 200
    });
    // Every event is sealed by then, so that the history shows hashes.
    host.until(&manager, "/api/audit/verify", |proof| {
        proof["valid"] == true && proof["sealed"].as_u64().unwrap() >= 200 * 6
    });

    let mut languages = BTreeMap::new();
    for message in &drafted {
        let id = message["id"].as_str().unwrap();
        let letter = arrived.remove(id).unwrap();
        let person = &people[message["contact_id"].as_str().unwrap()];
        let language = person["language"].as_str().unwrap();
        *languages.entry(language.to_owned()).or_insert(0) += 1;
        assert_eq!(letter["text"], message["content"], "{id}");
        assert_eq!(letter["headers"]["Subject"], message["subject"], "{id}");
        assert_eq!(letter["to"], json!([person["email"]]), "{id}");
        assert_eq!(letter["from"], "news@salon.example");
        assert_eq!(letter["from_name"], "Салон");
        assert_eq!(letter["defects"], json!([]), "{id}");

        let now = host
            .get(&manager, &format!("/api/messages/{id}"))
            .expect(200);
        assert_eq!(now["status"], "sent", "{id}");
        assert_eq!(now["digest"], message["digest"], "{id}");
        let history = host
            .get(&manager, &format!("/api/messages/{id}/history"))
            .expect(200);
        let history = history.as_array().unwrap();
        let actions: Vec<&str> = history
            .iter()
            .map(|line| line["action"].as_str().unwrap())
            .collect();
        assert_eq!(
            actions,
            ["sent", "begun", "claimed", "approved", "created"],
            "{id}"
        );
        assert!(
            history
                .iter()
                .all(|line| line["digest"] == message["digest"])
        );
        assert_eq!(history[4]["new_content"], letter["text"], "{id}");
        assert!(sealed(history), "{id}");
    }
    assert!(arrived.is_empty());
    for language in ["ru", "en", "uz", "uz-Cyrl"] {
        assert!(languages.contains_key(language), "{languages:?}");
    }
    // Nothing more comes, and the outbox of the other channels has nothing.
    assert!(
        server
            .lines
            .recv_timeout(Duration::from_millis(500))
            .is_err()
    );
    assert!(std::fs::read_dir(host.outbox()).unwrap().next().is_none());
}

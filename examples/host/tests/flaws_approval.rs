//! Flaws of the system this replaces, which must not come back: approval and delivery (3 to 11).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;
#[path = "common/engine.rs"]
mod engine;

use common::Host;
use serde_json::{Value, json};

fn path(message: &Value) -> String {
    format!("/api/messages/{}", message["id"].as_str().unwrap())
}

fn approve(host: &Host, token: &str, message: &Value) -> Value {
    let seen = json!({"version": message["version"], "digest": message["digest"]});
    let approve = format!("{}/approve", path(message));
    host.post(token, &approve, seen).expect(200)
}

/// A draft to a new contact.
fn draft_to(host: &Host, token: &str, contact: Value) -> Value {
    let contact = host.post(token, "/api/contacts", contact).expect(201);
    let body = json!({"contact_id": contact["id"], "occasion_type": "custom",
        "content": "Дорогая Анна, ждём вас!"});
    host.post(token, "/api/messages", body).expect(201)
}

fn outbox(host: &Host) -> Vec<String> {
    let files = std::fs::read_dir(host.outbox()).unwrap();
    files
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect()
}

fn actions(host: &Host, token: &str, message: &Value) -> Vec<String> {
    let history = host.get(token, &format!("{}/history", path(message)));
    let lines = history.expect(200);
    let lines = lines.as_array().unwrap().iter().rev();
    lines
        .map(|line| line["action"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn flaw_03_an_edit_after_the_approval_voids_it() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let message = host.draft(&admin);
    let changes = [
        json!({"content": "Совсем другой текст"}),
        json!({"subject": "Другая тема"}),
        json!({"subject": null}),
        json!({"scheduled_for": "2030-01-01T09:00:00Z"}),
    ];
    for change in changes {
        let now = host.get(&admin, &path(&message)).expect(200);
        assert_eq!(approve(&host, &admin, &now)["status"], "approved");
        let edited = host.call(&admin, "PATCH", &path(&message), &change);
        let edited = edited.expect(200);
        assert_eq!(edited["status"], "pending_approval", "{change}");
        assert!(edited["approved_by"].is_null() && edited["approved_at"].is_null());
        assert_ne!(edited["digest"], now["digest"]);
    }
    // The recipient's address is a part of it.
    let now = host.get(&admin, &path(&message)).expect(200);
    approve(&host, &admin, &now);
    let contact = format!("/api/contacts/{}", message["contact_id"].as_str().unwrap());
    let address = json!({"email": "anna.new@example.com"});
    host.call(&admin, "PUT", &contact, &address).expect(200);
    let now = host.get(&admin, &path(&message)).expect(200);
    assert_eq!(now["status"], "pending_approval");
    assert_eq!(now["recipient"], "anna.new@example.com");
    // And nothing of it leaves when a worker comes.
    let later = json!({"scheduled_for": null});
    host.call(&admin, "PATCH", &path(&message), &later)
        .expect(200);
    let other = draft_to(
        &host,
        &admin,
        json!({"name": "B", "email": "b@example.com"}),
    );
    approve(&host, &admin, &other);
    let host = Host::start_in(host.stop().1, &[]);
    let admin = host.sign_in("a@salon.example");
    host.until(&admin, &path(&other), |m| m["status"] == "sent");
    let left = outbox(&host);
    assert_eq!(left.len(), 1);
    assert!(left[0].contains("b@example.com"));
}

#[test]
fn flaw_04_an_approval_is_tied_to_what_was_seen() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let bob = host.user(&admin, "bob@salon.example", "manager");
    let seen = host.draft(&admin);
    let approve = format!("{}/approve", path(&seen));
    let change = json!({"content": "Подменённый текст"});
    host.call(&bob, "PATCH", &path(&seen), &change).expect(200);
    // Between the look and the click it was changed: refused, and by whom it was.
    let stale = json!({"version": seen["version"], "digest": seen["digest"]});
    let refused = host.post(&admin, &approve, stale).expect(409);
    let bob_id = host.get(&bob, "/api/auth/me").expect(200)["id"].clone();
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains(bob_id.as_str().unwrap()), "{detail}");
    let mixed = json!({"version": 2, "digest": seen["digest"]});
    host.post(&admin, &approve, mixed).expect(409);
    let version = json!({"version": seen["version"]});
    host.post(&admin, &approve, version).expect(409);
    host.post(&admin, &approve, json!({})).expect(428);
    host.post(&admin, &approve, json!({"version": null}))
        .expect(428);
    let now = host.get(&admin, &path(&seen)).expect(200);
    assert_eq!(
        (&now["status"], &now["version"]),
        (&json!("draft"), &json!(2))
    );
}

#[test]
fn flaw_05_parallel_decisions_and_sends_act_once() {
    let host = Host::start(&[]);
    let admin = host.admin();
    let rounds = 10;
    for round in 0..rounds {
        let email = format!("c{round}@example.com");
        let message = draft_to(&host, &admin, json!({"name": "C", "email": email}));
        let seen = json!({"version": message["version"], "digest": message["digest"]});
        let answers: Vec<u16> = std::thread::scope(|scope| {
            let approvals: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        let path = format!("{}/approve", path(&message));
                        host.post(&admin, &path, seen.clone()).status
                    })
                })
                .collect();
            let sends: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        let path = format!("{}/send?wait=true", path(&message));
                        host.post(&admin, &path, json!(null)).status
                    })
                })
                .collect();
            for send in sends {
                assert!([200, 400].contains(&send.join().unwrap()));
            }
            approvals.into_iter().map(|a| a.join().unwrap()).collect()
        });
        let won = answers.iter().filter(|status| **status == 200).count();
        assert_eq!(won, 1, "{answers:?}");
        assert!(answers.iter().all(|status| [200, 409].contains(status)));
        host.until(&admin, &path(&message), |m| m["status"] == "sent");
        let expected = ["created", "approved", "claimed", "begun", "sent"];
        assert_eq!(actions(&host, &admin, &message), expected);
    }
    assert_eq!(outbox(&host).len(), rounds);
}

#[test]
fn flaw_06_a_sent_message_cannot_be_rejected() {
    let host = Host::start(&[]);
    let admin = host.admin();
    let message = host.draft(&admin);
    approve(&host, &admin, &message);
    let sent = host.until(&admin, &path(&message), |m| m["status"] == "sent");
    let before = actions(&host, &admin, &message);
    let no = json!({"reason": "no"});
    let refused = host.post(&admin, &format!("{}/reject", path(&message)), no);
    assert_eq!(refused.expect(400)["code"], "not_allowed");
    let text = json!({"content": "Слишком поздно"});
    host.call(&admin, "PATCH", &path(&message), &text)
        .expect(400);
    host.call(&admin, "DELETE", &path(&message), &json!(null))
        .expect(400);
    assert_eq!(host.get(&admin, &path(&message)).expect(200), sent);
    assert_eq!(actions(&host, &admin, &message), before);
}

#[test]
fn flaw_07_sent_means_that_it_left_and_nothing_leaves_against_a_schedule_or_a_no() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let message = host.draft(&admin);
    approve(&host, &admin, &message);
    let queued = host.post(&admin, &format!("{}/send", path(&message)), json!(null));
    let queued = queued.expect(200);
    assert_eq!(queued["status"], "approved", "no worker: nothing was sent");
    assert!(queued["sent_at"].is_null());
    assert!(outbox(&host).is_empty());

    let later = draft_to(
        &host,
        &admin,
        json!({"name": "L", "email": "l@example.com"}),
    );
    let time = json!({"scheduled_for": "2035-01-01T09:00:00Z"});
    let later = host.call(&admin, "PATCH", &path(&later), &time).expect(200);
    approve(&host, &admin, &later);
    let early = host.post(&admin, &format!("{}/send", path(&later)), json!(null));
    early.expect(400);
    let no = json!([{"channel": "*", "topic": "relationship", "status": "opted_out",
        "at": "2026-01-01T00:00:00Z"}]);
    let opted_out = json!({"name": "O", "email": "o@example.com", "consent": no});
    let opted_out = draft_to(&host, &admin, opted_out);
    approve(&host, &admin, &opted_out);
    let suppressed = draft_to(
        &host,
        &admin,
        json!({"name": "S", "email": "s@example.com"}),
    );
    approve(&host, &admin, &suppressed);
    let directory = host.stop().1;
    engine::run(&directory, async |_, manager| {
        let list = manager.suppressions();
        list.add("email", "s@example.com", "asked").await.unwrap();
    });

    let host = Host::start_in(directory, &[]);
    let admin = host.sign_in("a@salon.example");
    host.until(&admin, &path(&message), |m| m["status"] == "sent");
    for (message, why) in [(&opted_out, "no_consent"), (&suppressed, "suppressed")] {
        let ended = host.until(&admin, &path(message), |m| m["status"] == "cancelled");
        assert_eq!(ended["failure"], why);
    }
    let left = outbox(&host);
    assert_eq!(left.len(), 1);
    assert!(left[0].contains("anna@example.com"));
    let waits = host.get(&admin, &path(&later)).expect(200);
    assert_eq!(waits["status"], "approved");
}

#[test]
fn flaw_08_a_message_is_created_with_its_history() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let written = host.draft(&admin);
    let wanted = json!({"contact_id": written["contact_id"], "occasion_type": "birthday"});
    let generated = host
        .post(&admin, "/api/messages/generate", wanted)
        .expect(201);
    for message in [&written, &generated] {
        assert_eq!(host.get(&admin, &path(message)).expect(200), *message);
        let history = host.get(&admin, &format!("{}/history", path(message)));
        let history = history.expect(200);
        assert_eq!(history.as_array().unwrap().len(), 1);
        assert_eq!(history[0]["action"], "created");
        assert_eq!(history[0]["message_id"], message["id"]);
        assert_eq!(history[0]["new_content"], message["content"]);
    }
    let seeded = Host::start(&["--demo"]);
    let token = seeded.login("manager@example.com", "demo-password");
    let token = token["access_token"].as_str().unwrap();
    let page = seeded.until(token, "/api/messages", |page| page["total"] == 7);
    for message in page["items"].as_array().unwrap() {
        let first = actions(&seeded, token, message)[0].clone();
        assert_eq!(first, "created");
    }
}

#[test]
fn flaw_09_metadata_is_kept_and_what_is_answered_is_what_was_committed() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let contact = host.contact(&admin);
    let wanted = json!({"contact_id": contact, "occasion_type": "birthday", "tone": "warm"});
    let message = host
        .post(&admin, "/api/messages/generate", wanted)
        .expect(201);
    let about = &message["metadata"];
    assert_eq!(about["tone"], "warm");
    assert_eq!(
        (&about["fallback_used"], &about["error"]),
        (&json!(true), &json!("no_model"))
    );
    let id = path(&message);
    // Each answer is the row that the next request reads.
    let text = json!({"content": "Другой, хороший текст"});
    let edited = host.call(&admin, "PATCH", &id, &text).expect(200);
    assert_eq!(host.get(&admin, &id).expect(200), edited);
    assert_eq!(edited["metadata"]["tone"], "warm");
    let approved = approve(&host, &admin, &edited);
    assert_eq!(host.get(&admin, &id).expect(200), approved);
    let sent = host
        .post(&admin, &format!("{id}/send"), json!(null))
        .expect(200);
    assert_eq!(host.get(&admin, &id).expect(200), sent);
    let rejected = host
        .post(&admin, &format!("{id}/reject"), json!(null))
        .expect(200);
    assert_eq!(host.get(&admin, &id).expect(200), rejected);
    assert_eq!(rejected["status"], "rejected");
    assert!(rejected["approved_by"].is_null());
    let usage = host
        .get(&admin, "/api/analytics/ai-usage-stats")
        .expect(200);
    assert_eq!(
        (&usage["ai_generated"], &usage["manual"]),
        (&json!(0), &json!(1))
    );
}

#[test]
fn flaw_10_the_reason_of_a_rejection_is_kept_in_the_history() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let message = host.draft(&admin);
    let reason = "Слишком сухо — «перепишите», please; oʻzgartiring";
    let reject = format!("{}/reject", path(&message));
    let too_long = json!({"reason": "я".repeat(501)});
    host.post(&admin, &reject, too_long).expect(422);
    let rejected = host
        .post(&admin, &reject, json!({"reason": reason}))
        .expect(200);
    assert_eq!(
        (&rejected["status"], &rejected["failure"]),
        (&json!("rejected"), &json!(reason))
    );
    let history = host
        .get(&admin, &format!("{}/history", path(&message)))
        .expect(200);
    assert_eq!(
        (&history[0]["action"], &history[0]["reason"]),
        (&json!("rejected"), &json!(reason))
    );
    // It is sealed with the rest.
    let (status, directory) = host.stop();
    assert!(status.success());
    engine::run(&directory, async |engine, _| {
        let workspace = crm_core::Workspace::default();
        // The store may have sealed it in its own commit.
        let sealed = engine.store().seal(&workspace, 1_000);
        sealed.await.unwrap();
    });
    let host = Host::start_in(directory, &["--no-worker"]);
    let admin = host.sign_in("a@salon.example");
    let path = format!("/api/audit?message_id={}", message["id"].as_str().unwrap());
    let sealed = host.get(&admin, &path).expect(200);
    assert_eq!(sealed["items"][1]["reason"], reason);
}

//! What an inbox needs of the API: how long an approval can be taken back, whom a message is for, what its channel
//! counts it as, who decided, and drafts to try it with.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::Host;
use serde_json::{Value, json};

fn path(message: &Value) -> String {
    format!("/api/messages/{}", message["id"].as_str().unwrap())
}

/// Seconds from one instant of the API to another.
fn between(from: &Value, to: &Value) -> i64 {
    let instant = |value: &Value| chrono::DateTime::parse_from_rfc3339(value.as_str().unwrap());
    (instant(to).unwrap() - instant(from).unwrap()).num_seconds()
}

#[test]
fn whoever_approves_says_how_long_it_can_be_taken_back() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let contact = host.contact(&admin);
    let draft = || {
        let body =
            json!({"contact_id": contact, "occasion_type": "custom", "content": "Анна, ждём вас!"});
        host.post(&admin, "/api/messages", body).expect(201)
    };
    for (asked, waits) in [
        (None, 0),
        (Some(0), 0),
        (Some(30), 30),
        (Some(86_400), 86_400),
    ] {
        let message = draft();
        let seen = json!({"version": message["version"], "undo_window_s": asked});
        let approve = format!("{}/approve", path(&message));
        let approved = host.post(&admin, &approve, seen).expect(200);
        assert_eq!(
            between(&approved["approved_at"], &approved["not_before"]),
            waits
        );
        // Taken back by the schedule it has, it waits for a decision again with the text that was seen.
        let back = json!({"scheduled_for": null, "version": approved["version"]});
        let back = host
            .call(&admin, "PATCH", &path(&message), &back)
            .expect(200);
        assert_eq!(back["status"], "pending_approval");
        assert_eq!(back["content"], message["content"]);
    }
    let message = draft();
    let seen = json!({"version": message["version"], "undo_window_s": 86_401});
    let approve = format!("{}/approve", path(&message));
    let refused = host.post(&admin, &approve, seen).expect(422);
    assert_eq!(refused["errors"][0]["field"], "undo_window_s");

    let ids = json!([message["id"]]);
    let mut body = json!({"action": "approve", "ids": ids});
    let preview = host.post(&admin, "/api/messages/bulk/preview", body.clone());
    body["manifest"] = preview.expect(200)["manifest"].clone();
    body["undo_window_s"] = json!(86_401);
    host.post(&admin, "/api/messages/bulk", body.clone())
        .expect(422);
    body["undo_window_s"] = json!(45);
    let done = host.post(&admin, "/api/messages/bulk", body).expect(200);
    assert_eq!(done["applied"], 1);
    let approved = host.get(&admin, &path(&message)).expect(200);
    assert_eq!(
        between(&approved["approved_at"], &approved["not_before"]),
        45
    );
}

#[test]
fn a_list_says_whom_each_message_is_for_and_what_its_channel_counts_it_as() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let contact = json!({"name": "Анна", "email": "a@example.com", "phone": "+998901234567", "language": "ru"});
    let contact = host.post(&admin, "/api/contacts", contact).expect(201);
    let text = "Анна, ждём вас в четверг: ваш мастер снова на месте и очень вас ждёт, приходите!";
    for channel in ["sms", "email"] {
        let body = json!({"contact_id": contact["id"], "occasion_type": "custom", "content": text,
            "channel": channel});
        host.post(&admin, "/api/messages", body).expect(201);
    }
    let list = host.get(&admin, "/api/messages").expect(200);
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    for item in items {
        assert_eq!(item["contact"]["name"], "Анна");
        assert_eq!(item["contact"]["language"], "ru");
        // By the phone number, where nobody has said.
        assert_eq!(item["contact"]["time_zone"], "Asia/Tashkent");
        let units = match item["channel"].as_str().unwrap() {
            "sms" => json!({"count": 2, "unit": "part", "encoding": "ucs-2", "forced_by": "А"}),
            _ => json!({"count": 1, "unit": "message", "encoding": null, "forced_by": null}),
        };
        assert_eq!(item["units"], units);
    }
    let preview = json!({"contact_id": contact["id"], "occasion_type": "custom",
        "content": "In Latin letters it is one part.", "channel": "sms"});
    let preview = host.post(&admin, "/api/messages/preview", preview);
    assert_eq!(preview.expect(200)["units"]["count"], 1);
}

#[test]
fn everybody_of_a_workspace_is_told_by_name_and_nobodys_address_is() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let viewer = host.user(&admin, "v@salon.example", "viewer");
    host.get("", "/api/auth/users").expect(401);
    let told = host.get(&viewer, "/api/auth/users").expect(200);
    let me = host.get(&admin, "/api/auth/me").expect(200);
    let people = told.as_array().unwrap();
    assert_eq!(people.len(), 2);
    let found = people.iter().find(|one| one["id"] == me["id"]).unwrap();
    assert_eq!(found["full_name"], me["full_name"]);
    assert_eq!(found["role"], "admin");
    assert!(!told.to_string().contains("salon.example"));
}

#[test]
fn a_demo_has_as_many_drafts_more_as_were_asked_for() {
    let waiting = |flags: &[&str]| {
        let host = Host::start(flags);
        let token = host.login("manager@example.com", "demo-password");
        let token = token["access_token"].as_str().unwrap();
        let list = "/api/messages?status=pending_approval&order=risk&limit=100";
        host.get(token, list).expect(200)
    };
    let usual = waiting(&["--no-worker", "--demo"])["total"]
        .as_u64()
        .unwrap();
    let list = waiting(&["--no-worker", "--demo", "--demo-drafts", "40"]);
    assert_eq!(list["total"].as_u64().unwrap(), usual + 40);
    let items = list["items"].as_array().unwrap();
    let distinct = |of: &dyn Fn(&Value) -> Value| {
        let all: std::collections::BTreeSet<String> =
            items.iter().map(|item| of(item).to_string()).collect();
        all.len()
    };
    assert_eq!(distinct(&|item| item["channel"].clone()), 2);
    assert_eq!(distinct(&|item| item["contact"]["language"].clone()), 4);
    assert!(distinct(&|item| item["scheduled_for"].clone()) > 10);
    // Nothing, a warning, and what may not be approved.
    let gravest = |item: &Value| item["findings"][0]["severity"].clone();
    assert_eq!(distinct(&gravest), 3);
    // Some were changed after they were submitted, by somebody else.
    assert!(items.iter().any(|item| item["version"].as_u64() == Some(3)));
}

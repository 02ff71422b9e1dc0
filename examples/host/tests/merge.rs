//! Merges over HTTP: what is kept, what is left, and what the CRM reaches afterwards.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use common::Host;
use serde_json::{Value, json};

fn create(host: &Host, token: &str, body: Value) -> (String, String) {
    let made = host.post(token, "/api/contacts", body).expect(201);
    let id = made["id"].as_str().unwrap().to_owned();
    (format!("/api/contacts/{id}"), id)
}

#[test]
fn two_contacts_become_one() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let manager = host.user(&admin, "m@salon.example", "manager");
    let (keep, _) = create(
        &host,
        &manager,
        json!({"name": "Anna", "external_id": "1", "email": "a@mail.example"}),
    );
    let (old, gone) = create(
        &host,
        &manager,
        json!({"name": "Anna P", "external_id": "2", "email": "b@mail.example",
        "company": "Chinor"}),
    );
    let draft = json!({"contact_id": gone, "occasion_type": "holiday", "content": "Dear Anna, come and see us on Friday."});
    let draft = host.post(&manager, "/api/messages", draft).expect(201);
    let message = format!("/api/messages/{}", draft["id"].as_str().unwrap());
    let approve = json!({"version": draft["version"], "digest": draft["digest"]});
    host.post(&manager, &format!("{message}/approve"), approve)
        .expect(200);

    let merge = format!("{keep}/merge");
    for (body, status) in [
        (json!({"contact_id": gone, "take": ["eyes"]}), 422),
        (json!({"contact_id": gone, "version": 7}), 409),
        (json!({"contact_id": keep.rsplit('/').next().unwrap()}), 422),
        (
            json!({"contact_id": "01a21082-116d-74ff-ab75-248a1043d834"}),
            404,
        ),
        (json!({}), 422),
    ] {
        host.post(&manager, &merge, body.clone()).expect(status);
    }
    let viewer = host.user(&admin, "v@salon.example", "viewer");
    let body = json!({"contact_id": gone, "take": ["name"], "version": 1, "contact_version": 1});
    host.post(&viewer, &merge, body.clone()).expect(403);
    let kept = host
        .keyed(&manager, "POST", &merge, &body, Some("m1"))
        .expect(200);
    assert_eq!(
        (
            &kept["name"],
            &kept["email"],
            &kept["company"],
            &kept["external_id"]
        ),
        (
            &json!("Anna P"),
            &json!("a@mail.example"),
            &json!("Chinor"),
            &json!("1")
        )
    );
    assert_eq!(
        host.keyed(&manager, "POST", &merge, &body, Some("m1"))
            .expect(200),
        kept
    );
    assert_eq!(host.get(&manager, &keep).expect(200), kept);
    assert_eq!(kept["merged_into"], Value::Null);
    let left = host.get(&manager, &old).expect(200);
    assert_eq!(
        (&left["merged_into"], &left["email"]),
        (&kept["id"], &Value::Null)
    );
    assert_eq!(host.get(&manager, "/api/contacts").expect(200)["total"], 1);
    let now = host.get(&manager, &message).expect(200);
    assert_eq!(
        (&now["contact_id"], &now["status"], &now["recipient"]),
        (
            &kept["id"],
            &json!("pending_approval"),
            &json!("a@mail.example")
        )
    );

    let refused = host
        .post(&manager, &merge, json!({"contact_id": gone}))
        .expect(400);
    assert!(
        refused["detail"]
            .as_str()
            .unwrap()
            .contains(kept["id"].as_str().unwrap()),
        "{refused}"
    );
    host.call(&manager, "PUT", &old, &json!({"name": "Anna"}))
        .expect(400);
    let rows = json!([{"external_id": "2", "position": "Head"}]);
    let done = host
        .post(&manager, "/api/contacts/upsert", rows)
        .expect(200);
    assert_eq!(
        (&done[0]["outcome"], &done[0]["id"]),
        (&json!("updated"), &kept["id"])
    );
    let whole = host.get(&admin, &format!("{keep}/everything")).expect(200);
    assert_eq!(
        (
            &whole["merged"][0]["id"],
            &whole["messages"][0]["message"]["id"]
        ),
        (&left["id"], &draft["id"])
    );
    let verified = host.get(&admin, "/api/audit/verify").expect(200);
    assert_eq!(verified["valid"], true, "{verified}");
}

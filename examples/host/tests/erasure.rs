//! Erasing a person over HTTP: nothing of them is left in what the host keeps, and they are not written to again.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use common::Host;
use serde_json::{Value, json};

/// Stands in everything that is written about the person.
const MARK: &str = "zqxanna";

fn imported(host: &Host, token: &str, file: &str) -> String {
    let begun = host.upload(token, file.as_bytes()).expect(202);
    let path = format!(
        "/api/contacts/imports/{}",
        begun["import_id"].as_str().unwrap()
    );
    let report = host.until(token, &path, |report| report["status"] == "completed");
    assert_eq!(
        (&report["created"], &report["rejected"]),
        (&json!(1), &json!(1))
    );
    path
}

fn send(host: &Host, token: &str, contact: &Value) -> Value {
    let body = json!({"contact_id": contact, "occasion_type": "custom", "subject": format!("{MARK} hello"),
        "content": format!("{MARK}, we wait")});
    let message = host.post(token, "/api/messages", body).expect(201);
    let path = format!("/api/messages/{}", message["id"].as_str().unwrap());
    let seen = json!({"version": 1, "digest": message["digest"]});
    host.post(token, &format!("{path}/approve"), seen)
        .expect(200);
    host.until(token, &path, |message| {
        message["status"] == "sent" || message["status"] == "cancelled"
    })
}

#[test]
fn an_erased_person_is_nowhere_and_is_not_written_to_again() {
    let host = Host::start(&[]);
    let admin = host.admin();
    let body = json!({"name": format!("{MARK} Karimova"), "email": format!("{MARK}@mail.example"),
        "custom_fields": {"note": format!("{MARK} likes tea")}});
    let create = |key| host.keyed(&admin, "POST", "/api/contacts", &body, Some(key));
    let person = create("first").expect(201);
    assert_eq!(create("first").expect(201), person);
    let path = format!("/api/contacts/{}", person["id"].as_str().unwrap());
    assert_eq!(send(&host, &admin, &person["id"])["status"], "sent");
    let draft = json!({"contact_id": person["id"], "occasion_type": "custom", "content": format!("{MARK} again")});
    let draft = host.post(&admin, "/api/messages", draft).expect(201);
    let draft = format!("/api/messages/{}", draft["id"].as_str().unwrap());
    let why = json!({"reason": format!("{MARK} moved away")});
    host.post(&admin, &format!("{draft}/reject"), why)
        .expect(200);
    // Their row cannot be read, and the file of rejected rows keeps it; somebody else's file does not.
    let import = imported(
        &host,
        &admin,
        &format!("name,email\nBoris,boris@mail.example\n{MARK},{MARK}-at-mail\n"),
    );
    let rejects = format!("{import}/rejects");
    let text = |path: &str| String::from_utf8(host.get(&admin, path).body).unwrap();
    assert!(text(&rejects).contains(MARK));

    host.call(&admin, "DELETE", &path, &Value::Null).expect(204);
    host.call(&admin, "DELETE", &path, &Value::Null).expect(204);
    host.get(&admin, &path).expect(404);
    assert_eq!(text(&rejects), "");
    // The request was answered and is not done again, whatever its answer was.
    assert_eq!(create("first").expect(409)["code"], "idempotency_erased");
    let left = host.get(&admin, &draft).expect(200);
    assert_eq!(
        (&left["status"], &left["content"]),
        (&json!("rejected"), &json!(""))
    );
    let boris = host.get(&admin, "/api/contacts?search=boris").expect(200);
    assert_eq!(boris["items"].as_array().unwrap().len(), 1);
    host.until(&admin, "/api/audit/verify", |proof| {
        proof["sealed"].as_u64().unwrap() > 8 && proof["valid"] == true
    });
    let (status, directory) = host.stop();
    assert!(status.success());
    for (name, bytes) in directory.bytes() {
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        assert!(!text.contains(MARK), "{name} has {MARK}");
    }

    // They come back by an import.
    let host = Host::start_in(directory, &[]);
    let admin = host.sign_in("a@salon.example");
    imported(
        &host,
        &admin,
        &format!("name,email\nAnna,{MARK}@mail.example\nVera,no\n"),
    );
    let back = host
        .get(&admin, &format!("/api/contacts?search={MARK}"))
        .expect(200);
    let closed = |id: &str| {
        let path = format!("/api/contacts/{id}/suppressions");
        host.get(&admin, &path).expect(200)["items"].clone()
    };
    let found = closed(back["items"][0]["id"].as_str().unwrap());
    assert_eq!(
        (&found[0]["channel"], &found[0]["reason"]),
        (&json!("*"), &json!("erased"))
    );
    let boris = host.get(&admin, "/api/contacts?search=boris").expect(200);
    assert_eq!(closed(boris["items"][0]["id"].as_str().unwrap()), json!([]));
    let message = send(&host, &admin, &back["items"][0]["id"]);
    assert_eq!(
        (&message["status"], &message["failure"]),
        (&json!("cancelled"), &json!("suppressed"))
    );
}

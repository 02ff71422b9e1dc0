//! Upserts over HTTP: one outcome a row, a key that acts once, and what is refused as a whole.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use common::Host;
use serde_json::{Value, json};

const PAGE: &str = include_str!("../../../docs/contacts.md");
const UPSERT: &str = "/api/contacts/upsert";

fn outcomes(answer: &Value) -> Vec<(&str, Vec<&str>)> {
    let names = |row: &Value| -> Vec<String> {
        let changed = row["changed"].as_array().unwrap().iter();
        let errors = row["errors"].as_array().unwrap().iter();
        let errors = errors.map(|error| &error["field"]);
        changed
            .chain(errors)
            .map(|name| name.as_str().unwrap().to_owned())
            .collect()
    };
    let rows = answer.as_array().unwrap().iter();
    rows.map(|row| {
        let names = names(row).into_iter();
        let names = names.map(|name| &*name.leak()).collect();
        (row["outcome"].as_str().unwrap(), names)
    })
    .collect()
}

#[test]
fn every_row_has_its_outcome_and_the_crm_has_its_way() {
    let host = Host::start(&[]);
    let admin = host.admin();
    let manager = host.user(&admin, "m@salon.example", "manager");
    let rows = json!([
        {"external_id": "7", "name": "Anna", "email": "anna@mail.example", "custom_fields": {"level": 3}},
        {"external_id": "8", "name": "Boris", "birthday": "1990-02-30"},
        {"external_id": "7", "company": "Chinor"},
        {"name": "Vera"},
        {"external_id": "9", "name": "Gleb", "email": "ANNA@mail.example", "version": 1},
        {"external_id": "9", "name": "Gleb", "email": "ANNA@mail.example"},
        "SECRET",
    ]);
    let done = host.post(&manager, UPSERT, rows.clone()).expect(200);
    assert_eq!(
        outcomes(&done),
        [
            ("created", vec![]),
            ("refused", vec!["birthday"]),
            ("updated", vec!["company"]),
            ("refused", vec!["external_id"]),
            ("refused", vec!["version"]),
            ("refused", vec!["email"]),
            ("refused", vec!["row"]),
        ]
    );
    assert_eq!(done[0]["id"], done[2]["id"]);
    assert_eq!(
        (&done[1]["code"], &done[5]["code"]),
        (&json!("invalid"), &json!("duplicate"))
    );
    assert!(!done.to_string().contains("SECRET"));
    let anna = format!("/api/contacts/{}", done[0]["id"].as_str().unwrap());
    assert_eq!(host.get(&manager, &anna).expect(200)["company"], "Chinor");

    let row = json!([{"external_id": "7", "name": "Anna"}]);
    for (mode, changed) in [
        ("?mode=merge", vec![]),
        (
            "?mode=replace",
            vec!["email", "company", "custom_fields.level"],
        ),
    ] {
        let done = host
            .post(&manager, &format!("{UPSERT}{mode}"), row.clone())
            .expect(200);
        let outcome = if changed.is_empty() {
            "unchanged"
        } else {
            "updated"
        };
        assert_eq!(outcomes(&done), [(outcome, changed)]);
    }
    assert_eq!(
        host.post(&manager, UPSERT, json!([])).expect(200),
        json!([])
    );
    // Once it is sealed.
    host.until(&admin, "/api/audit?limit=100", |history| {
        let history = history.to_string();
        history.contains("upsert: email, company, custom_fields.level")
    });
}

#[test]
fn the_page_tells_what_can_be_sent() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let known = json!({"external_id": "8", "name": "Boris", "company": "Chinor"});
    host.post(&admin, "/api/contacts", known).expect(201);
    let (_, body) = PAGE.split_once("-d '").unwrap();
    let (body, _) = body.split_once("'\n```").unwrap();
    let rows: Value = serde_json::from_str(body).unwrap();
    let done = host.post(&admin, UPSERT, rows).expect(200);
    assert_eq!(
        outcomes(&done),
        [("created", vec![]), ("updated", vec!["company"])]
    );
}

#[test]
fn the_same_key_acts_once() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let row = |company: &str| json!([{"external_id": "7", "name": "Anna", "company": company}]);
    let first = host
        .keyed(&admin, "POST", UPSERT, &row("A"), Some("night-1"))
        .expect(200);
    host.post(&admin, UPSERT, row("B")).expect(200);
    let again = host
        .keyed(&admin, "POST", UPSERT, &row("A"), Some("night-1"))
        .expect(200);
    assert_eq!(first, again);
    let anna = format!("/api/contacts/{}", first[0]["id"].as_str().unwrap());
    assert_eq!(host.get(&admin, &anna).expect(200)["company"], "B");
    let other = host.keyed(&admin, "POST", UPSERT, &row("C"), Some("night-1"));
    assert_eq!(other.expect(409)["code"], "idempotency_key_reused");
}

#[test]
fn what_is_no_list_of_rows_is_refused_as_a_whole() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let many: Vec<Value> = (0..1_001)
        .map(|n| json!({"external_id": n.to_string(), "name": "A"}))
        .collect();
    host.post(&admin, UPSERT, many.clone().into()).expect(422);
    host.post(&admin, UPSERT, json!({"external_id": "7", "name": "Anna"}))
        .expect(422);
    host.post(&admin, &format!("{UPSERT}?mode=both"), json!([]))
        .expect(422);
    host.post(
        &admin,
        UPSERT,
        json!([{"external_id": "7", "name": "x".repeat(1_100_000)}]),
    )
    .expect(413);
    let bearer = format!("Bearer {admin}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
    ];
    let twice = br#"[{"external_id": "7", "name": "Anna", "name": "Boris"}]"#;
    assert_eq!(host.raw("POST", UPSERT, &headers, twice).status, 422);
    assert_eq!(host.get(&admin, "/api/contacts").expect(200)["total"], 0);
    let done = host.post(&admin, UPSERT, many[..1_000].into()).expect(200);
    assert_eq!(done.as_array().unwrap().len(), 1_000);
    assert_eq!(
        host.get(&admin, "/api/contacts").expect(200)["total"],
        1_000
    );
    let viewer = host.user(&admin, "v@salon.example", "viewer");
    host.post(&viewer, UPSERT, json!([])).expect(403);
}

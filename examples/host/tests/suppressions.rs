//! The suppression list over HTTP: who may close and open an address, and that one is found however it is written.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::Host;
use serde_json::{Value, json};

const ALL: &str = "/api/suppressions";
const LIFT: &str = "/api/suppressions/lift";

fn addresses(list: &Value) -> Vec<(&str, &str)> {
    let items = list["items"].as_array().unwrap().iter();
    items
        .inspect(|one| assert!(one["reason"].is_string() && one["created_by"].is_string()))
        .map(|one| {
            (
                one["channel"].as_str().unwrap(),
                one["address"].as_str().unwrap(),
            )
        })
        .collect()
}

fn entry(channel: &str, address: &str) -> Value {
    json!({"channel": channel, "address": address, "reason": "asked by telephone"})
}

#[test]
fn an_address_is_closed_found_and_opened_again() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let manager = host.user(&admin, "m@salon.example", "manager");
    let viewer = host.user(&admin, "v@salon.example", "viewer");
    for (channel, address) in [
        ("sms", "90 123 45 67"),
        ("email", " Anna@X.example "),
        ("email", "boris@x.example"),
        ("email", "boris@x.example"),
    ] {
        host.post(&manager, ALL, entry(channel, address))
            .expect(204);
    }
    let list = host.get(&viewer, ALL).expect(200);
    let all = [
        ("email", "anna@x.example"),
        ("email", "boris@x.example"),
        ("sms", "+998901234567"),
    ];
    assert_eq!(addresses(&list), all);
    let found = |query: &str| {
        let list = host.get(&viewer, &format!("{ALL}?{query}")).expect(200);
        addresses(&list)
            .iter()
            .map(|(_, address)| (*address).to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(found("address=ANNA@x.example"), ["anna@x.example"]);
    assert_eq!(
        found("address=%2B998%20(90)%20123-45-67"),
        ["+998901234567"]
    );
    assert_eq!(found("address=anna@x.example&channel=sms"), [""; 0]);
    assert_eq!(found("address=anna"), [""; 0]);
    assert_eq!(found("channel=sms"), ["+998901234567"]);
    assert_eq!(found("skip=1&limit=1"), ["boris@x.example"]);
    // A contact with the address is closed, too.
    let anna = json!({"name": "Anna", "email": "anna@x.example"});
    let anna = host.post(&admin, "/api/contacts", anna).expect(201);
    let closed = format!(
        "/api/contacts/{}/suppressions",
        anna["id"].as_str().unwrap()
    );
    let closed = host.get(&viewer, &closed).expect(200);
    assert_eq!(addresses(&closed), [("email", "anna@x.example")]);

    let lift = entry_of("email", "Anna@x.example");
    for token in [&viewer, &manager] {
        host.post(token, LIFT, lift.clone()).expect(403);
    }
    host.post(&viewer, ALL, entry("email", "c@x.example"))
        .expect(403);
    assert_eq!(found("").len(), 3);
    host.post(&admin, LIFT, entry_of("sms", "anna@x.example"))
        .expect(404);
    host.post(&admin, LIFT, lift.clone()).expect(204);
    assert_eq!(found(""), ["boris@x.example", "+998901234567"]);
    host.post(&admin, LIFT, lift).expect(404);
}

fn entry_of(channel: &str, address: &str) -> Value {
    json!({"channel": channel, "address": address})
}

#[test]
fn what_is_no_address_is_refused_by_its_field() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    for (field, body) in [
        ("address", entry("email", "anna")),
        ("address", entry("sms", "anna@x.example")),
        ("address", entry("push", "  ")),
        ("address", entry("push", &"x".repeat(600))),
        ("channel", entry("*", "anna@x.example")),
        ("channel", entry("E-mail", "anna@x.example")),
        (
            "reason",
            json!({"channel": "email", "address": "anna@x.example", "reason": " "}),
        ),
    ] {
        let refused = host.post(&admin, ALL, body).expect(422);
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
    }
    host.get(&admin, &format!("{ALL}?limit=101")).expect(422);
    let long = format!("{ALL}?address={}", "x".repeat(600));
    host.get(&admin, &long).expect(422);
    host.post(&admin, LIFT, entry_of("email", " ")).expect(422);
    let list = host.get(&admin, ALL).expect(200);
    assert_eq!(addresses(&list), []);
}

#[test]
fn that_of_an_erased_person_is_shown_without_it_and_opened_by_it_alone() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let anna = json!({"name": "Anna", "email": "anna@x.example"});
    let anna = host.post(&admin, "/api/contacts", anna).expect(201);
    let path = format!("/api/contacts/{}", anna["id"].as_str().unwrap());
    host.call(&admin, "DELETE", &path, &json!(null)).expect(204);
    let list = host.get(&admin, &format!("{ALL}?channel=*")).expect(200);
    assert_eq!(addresses(&list), [("*", "")]);
    let asked = format!("{ALL}?address=anna@x.example");
    let list = host.get(&admin, &asked).expect(200);
    assert_eq!(addresses(&list), [("*", "anna@x.example")]);
    host.post(&admin, LIFT, entry_of("*", "boris@x.example"))
        .expect(404);
    host.post(&admin, LIFT, entry_of("*", "Anna@x.example"))
        .expect(204);
    for path in [ALL, asked.as_str()] {
        let list = host.get(&admin, path).expect(200);
        assert_eq!(addresses(&list), [], "{path}");
    }
}

#[test]
fn the_end_of_the_chain_is_told_without_checking_it() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let viewer = host.user(&admin, "v@salon.example", "viewer");
    host.draft(&admin);
    // What was sealed by then is what the check goes through.
    let end = host.get(&viewer, "/api/audit/checkpoint").expect(200);
    let verified = host.get(&viewer, "/api/audit/verify").expect(200);
    let position = |of: &Value| of["position"].as_u64().unwrap();
    assert!(position(&end) <= position(&verified["checkpoint"]));
    assert_eq!(end["hash"].as_str().unwrap().len(), 64);
}

//! A campaign over several channels: each person is written to once, where they can and would like to be.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod common;

use std::collections::BTreeMap;

use common::Host;
use serde_json::{Value, json};

fn person(host: &Host, token: &str, fields: Value) -> String {
    let person = host.post(token, "/api/contacts", fields).expect(201);
    person["id"].as_str().unwrap().to_owned()
}

#[test]
fn each_person_is_written_to_once_on_the_first_channel_that_may_be_used() {
    let host = Host::start(&[]);
    let admin = host.admin();
    let mail = person(
        &host,
        &admin,
        json!({"name": "Mail", "email": "mail@salon.example", "phone": "+998901234501"}),
    );
    let wish = person(
        &host,
        &admin,
        json!({"name": "Wish", "email": "wish@salon.example", "phone": "+998901234502",
            "preferred_channels": ["sms"]}),
    );
    let phone = person(
        &host,
        &admin,
        json!({"name": "Phone", "phone": "+998901234503"}),
    );
    let nobody = person(
        &host,
        &admin,
        json!({"name": "Nobody", "telegram_chat_id": "42"}),
    );

    let wrong =
        json!({"name": "Навруз", "occasion_type": "holiday", "fallback_channels": ["email"]});
    let refused = host.post(&admin, "/api/campaigns", wrong);
    assert_eq!(
        refused.expect(422)["errors"][0]["field"],
        "fallback_channels"
    );
    let campaign = json!({"name": "Навруз", "occasion_type": "holiday"});
    let campaign = host.post(&admin, "/api/campaigns", campaign).expect(201);
    assert_eq!(campaign["fallback_channels"], json!([]));
    let path = format!("/api/campaigns/{}", campaign["id"].as_str().unwrap());
    let change = json!({"fallback_channels": ["sms"]});
    let campaign = host.call(&admin, "PUT", &path, &change).expect(200);
    assert_eq!(
        (&campaign["channel"], &campaign["fallback_channels"]),
        (&json!("email"), &json!(["sms"]))
    );
    host.post(&admin, &format!("{path}/execute"), json!({}))
        .expect(202);
    host.until(&admin, &path, |campaign| {
        campaign["stats"]["generated_count"] == 3
    });

    let plan = host.get(&admin, &format!("{path}/plan")).expect(200);
    let lines = plan["items"].as_array().unwrap().iter();
    let lines: BTreeMap<&str, (&str, Option<&str>)> = lines
        .map(|line| {
            let text = |name: &str| line[name].as_str();
            (
                text("contact_id").unwrap(),
                (text("channel").unwrap(), text("reason")),
            )
        })
        .collect();
    let expected = BTreeMap::from([
        (mail.as_str(), ("email", None)),
        (wish.as_str(), ("sms", None)),
        (phone.as_str(), ("sms", None)),
        (nobody.as_str(), ("email", Some("no_address"))),
    ]);
    assert_eq!(lines, expected);
    let drafted = host.get(&admin, "/api/messages").expect(200);
    assert_eq!(drafted["items"].as_array().unwrap().len(), 3);
    for message in drafted["items"].as_array().unwrap() {
        let contact = message["contact_id"].as_str().unwrap();
        assert_eq!(message["channel"], lines[contact].0);
    }
}

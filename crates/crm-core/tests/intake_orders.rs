//! Payloads of the intake are read strictly, and what is said about them holds none of their values.
#![allow(clippy::unwrap_used, clippy::panic)]

use crm_core::intake::{Kind, Order, reason};
use serde_json::{Value, json};

/// What is wrong with it.
fn wrong(kind: Kind, payload: Value) -> String {
    match Order::parse(kind.as_str(), &payload) {
        Ok(_) => panic!("taken: {payload}"),
        Err(error) => reason(&error),
    }
}

#[test]
fn unknown_fields_are_refused() {
    let submit =
        json!({"external_id": "c", "occasion_type": "custom", "content": "x", "approve": true});
    assert_eq!(wrong(Kind::Submit, submit), "approve: is an unknown field");
    let metadata = json!({"external_id": "c", "occasion_type": "custom", "content": "x",
        "metadata": {"cost_picodollars": 5}});
    let told = "metadata.cost_picodollars: is an unknown field";
    assert_eq!(wrong(Kind::Submit, metadata), told);
    let contact = json!({"external_id": "c", "name": "x", "e_mail": "x"});
    assert_eq!(wrong(Kind::Contact, contact), "e_mail: is an unknown field");
    let cancel = json!({"key": "k", "keys": []});
    assert_eq!(wrong(Kind::Cancel, cancel), "keys: is an unknown field");
    let consent = json!({"external_id": "c", "channel": "*", "topic": "marketing",
        "status": "opted_in"});
    assert_eq!(wrong(Kind::Consent, consent), "status: is an unknown field");
}

#[test]
fn all_faults_are_told_at_once() {
    assert_eq!(
        wrong(
            Kind::Submit,
            json!({"subject": 5, "draft": "yes", "scheduled_for": "tomorrow"})
        ),
        "external_id: is missing; occasion_type: is missing; content: is missing; \
         subject: use a text; \
         scheduled_for: use an instant with its offset, for example 2026-11-25T09:00:00+05:00; \
         draft: use true or false"
    );
    assert_eq!(
        wrong(
            Kind::Consent,
            json!({"external_id": null, "topic": "everything"})
        ),
        "external_id: is missing; channel: is missing; topic: use relationship or marketing"
    );
}

#[test]
fn no_value_is_repeated() {
    let secret = "anna@example.org";
    let payloads = [
        json!(secret),
        json!([secret]),
        json!({secret: secret}),
        json!({"external_id": [secret], "occasion_type": secret, "content": {secret: secret},
            "subject": [secret], "channel": {secret: 1}, "format": secret, "language": secret,
            "scheduled_for": secret, "expires_at": secret, "metadata": {secret: secret, "model": [secret]},
            "draft": secret, "key": [secret], "reason": {secret: 1}, "topic": secret, "at": secret,
            "evidence": [secret], "name": [secret], "email": [secret], "birthday": secret,
            "tags": secret, "consent": [{"channel": secret, "topic": secret}],
            "last_interaction_date": secret, "preferred_channels": [[secret]]}),
    ];
    for payload in payloads {
        for kind in Kind::ALL {
            let told = wrong(kind, payload.clone());
            assert!(
                !told.is_empty() && !told.contains("anna"),
                "{kind:?}: {told}"
            );
        }
    }
    let error = Order::parse(secret, &json!({})).unwrap_err();
    assert_eq!(
        reason(&error),
        "kind: use submit, contact, cancel or consent"
    );
}

#[test]
fn a_null_is_as_good_as_nothing_but_clears_a_contacts_field() {
    let payload = json!({"external_id": "c", "occasion_type": "custom", "content": "x",
        "subject": null, "metadata": null, "draft": null});
    let Order::Submit(read) = Order::parse("submit", &payload).unwrap() else {
        panic!("not what was asked for");
    };
    assert!(!read.draft && read.text.subject.is_none());
    let payload = json!({"external_id": "c", "email": null});
    let Order::Contact { fields, .. } = Order::parse("contact", &payload).unwrap() else {
        panic!("not what was asked for");
    };
    assert_eq!(fields.get("email"), Some(&Value::Null));
}

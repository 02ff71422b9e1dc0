//! The handle: what a defect, a closed engine and a second worker look like from outside.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{ACCEPTED, DRAFT, Does, Kit, call};
use crm_bindings::OPERATIONS;
use serde_json::{Value, json};

fn state(sms: Does) -> (Value, Value) {
    let kit = Kit::new(sms, DRAFT);
    let message = kit.approved();
    kit.ok("run_until_idle", json!({}));
    let mut after = kit.ok("get_message", json!({"id": message["id"]}));
    assert_eq!(kit.ok("verify_audit", json!({}))["valid"], true);
    (after["status"].take(), after["failure"].take())
}

#[test]
fn only_what_did_not_begin_is_tried_again() {
    assert_eq!(state(ACCEPTED).0, "sent");
    assert_eq!(
        state(Does::Raise),
        (json!("uncertain"), json!("plugin_raised"))
    );
    assert_eq!(
        state(Does::Panic),
        (json!("uncertain"), json!("channel_panicked"))
    );
    let (status, failure) = state(Does::NotBegin);
    assert_eq!(
        (status, failure),
        (json!("approved"), json!("plugin_not_reachable"))
    );
}

#[test]
fn a_panic_is_an_internal_failure_and_the_engine_goes_on() {
    let kit = Kit::new(ACCEPTED, Does::Panic);
    let person = kit.ok(
        "create_contact",
        json!({"name": "Ann", "phone": "+998901234567"}),
    );
    let wanted = json!({"contact_id": person["id"], "occasion_type": "custom", "channel": "sms"});
    let failure = kit.call("generate_message", wanted).unwrap_err();
    assert_eq!(
        (&failure["code"], &failure["retryable"]),
        (&json!("internal"), &json!(false))
    );
    assert_eq!(kit.ok("dashboard", json!({}))["total_contacts"], 1);
}

#[test]
fn every_operation_is_known_and_refuses_what_it_does_not_know() {
    let kit = Kit::new(ACCEPTED, DRAFT);
    for operation in OPERATIONS.iter().filter(|name| **name != "close") {
        let failure = kit
            .call(operation, json!({"no_such_field": 1}))
            .unwrap_err();
        assert_eq!(failure["code"], "invalid", "{operation}: {failure}");
    }
    assert_eq!(
        kit.call("no_such_operation", json!({})).unwrap_err()["code"],
        "unsupported"
    );
}

#[test]
fn a_closed_engine_refuses_everything_but_closing() {
    let kit = Kit::new(ACCEPTED, DRAFT);
    let viewer = kit
        .handle
        .act_as(r#"{"actor":"v","role":"viewer"}"#)
        .unwrap();
    kit.ok("close", json!({}));
    kit.ok("close", json!({}));
    for operation in OPERATIONS.iter().filter(|name| **name != "close") {
        let failure = call(&viewer, operation, json!({})).unwrap_err();
        assert_eq!(failure["code"], "closed", "{operation}");
    }
    kit.handle.stop_worker().unwrap();
}

#[test]
fn a_second_worker_is_refused_and_the_place_is_given_back() {
    let kit = Kit::new(ACCEPTED, DRAFT);
    let (sender, receiver) = std::sync::mpsc::channel();
    kit.handle.start("run_worker", "{}", None, move |text| {
        sender.send(text).unwrap()
    });
    for operation in ["run_worker", "run_until_idle"] {
        assert_eq!(
            kit.call(operation, json!({})).unwrap_err()["code"],
            "not_allowed"
        );
    }
    kit.handle.stop_worker().unwrap();
    let minute = std::time::Duration::from_secs(60);
    assert_eq!(receiver.recv_timeout(minute).unwrap(), r#"{"ok":null}"#);
    // A refused input gives it back as well.
    kit.call("run_until_idle", json!({"x": 1})).unwrap_err();
    kit.ok("run_until_idle", json!({}));
}

#[test]
fn a_file_that_is_behind_its_marker_is_held_until_an_admin_acknowledges_it() {
    let kit = Kit::new(ACCEPTED, DRAFT);
    let message = kit.approved();
    assert_eq!(kit.ok("hold", json!({})), Value::Null);
    // As if the file had come further before.
    let marker = kit.folder.path().join("crm.db.place");
    let text = std::fs::read_to_string(&marker).unwrap();
    let (id, _) = text.split_once(' ').unwrap();
    std::fs::write(&marker, format!("{id} 1000\n")).unwrap();
    let failure = kit.call("run_until_idle", json!({})).unwrap_err();
    assert_eq!(
        (&failure["code"], &failure["retryable"]),
        (&json!("on_hold"), &json!(false))
    );
    let hold = kit.ok("hold", json!({}));
    assert_eq!(hold["reason"], "restored");
    let end = json!({"hold": hold, "messages": "doubt", "reason": "Monday's backup"});
    let manager = r#"{"actor":"m","role":"manager"}"#;
    let manager = kit.handle.act_as(manager).unwrap();
    let failure = call(&manager, "acknowledge_hold", end.clone()).unwrap_err();
    assert_eq!(failure["code"], "forbidden");
    assert_eq!(kit.ok("acknowledge_hold", end), 1);
    assert_eq!(kit.ok("hold", json!({})), Value::Null);
    kit.ok("run_until_idle", json!({}));
    let after = kit.ok("get_message", json!({"id": message["id"]}));
    assert_eq!(after["status"], "uncertain");
}

#[test]
fn nobody_acts_as_the_system() {
    let kit = Kit::new(ACCEPTED, DRAFT);
    for who in [
        r#"{"actor":"x","role":"system"}"#,
        r#"{"actor":"x"}"#,
        r#"{"actor":"","role":"admin"}"#,
        "[]",
        "",
        r#"{"actor":"x","role":"admin","workspace":"a b"}"#,
    ] {
        assert_eq!(kit.handle.act_as(who).unwrap_err().code, "invalid", "{who}");
    }
}

//! Exports part by part, and all that is kept about one person.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use common::{ACCEPTED, DRAFT, Kit, call};
use serde_json::{Value, json};

fn text(part: &Value) -> String {
    let bytes = BASE64_STANDARD
        .decode(part["part"].as_str().unwrap())
        .unwrap();
    String::from_utf8(bytes).unwrap()
}

fn people(kit: &Kit, count: usize) {
    let rows: String = (0..count)
        .map(|number| format!("Person {number},p{number}@mail.example\n"))
        .collect();
    let file = format!("name,email\n{rows}").into_bytes();
    let (sender, receiver) = std::sync::mpsc::channel();
    kit.handle
        .start("import_contacts", "{}", Some(file), move |answer| {
            sender.send(answer).unwrap()
        });
    let answer: Value = serde_json::from_str(&receiver.recv().unwrap()).unwrap();
    assert_eq!(answer["ok"]["created"], count);
}

#[test]
fn a_file_comes_in_parts_and_ends_once() {
    let kit = Kit::new(ACCEPTED, DRAFT);
    people(&kit, 1_100);
    let mut answer = kit.ok("export_contacts", json!({"format": "json_lines"}));
    let id = answer["export_id"].clone();
    let (mut lines, mut parts) = (Vec::new(), 0);
    while !answer["part"].is_null() {
        parts += 1;
        lines.extend(text(&answer).lines().map(str::to_owned));
        answer = kit.ok("export_contacts", json!({"export_id": id}));
        assert_eq!(answer["export_id"], id);
    }
    assert_eq!((parts, lines.len()), (3, 1_100));
    let first: Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(first["name"], "Person 0");
    assert_eq!(
        answer["report"],
        json!({"contacts": 1_100, "lossy_cells": 0, "left_out": 0})
    );
    let failure = kit
        .call("export_contacts", json!({"export_id": id}))
        .unwrap_err();
    assert_eq!(failure["code"], "not_found");
}

#[test]
fn an_export_goes_on_for_whoever_began_it_alone() {
    let kit = Kit::new(ACCEPTED, DRAFT);
    people(&kit, 1);
    let begun = kit.ok("export_contacts", json!({"excel": true}));
    assert!(text(&begun).starts_with("\u{feff}id;"));
    let input = json!({"export_id": begun["export_id"]});
    let other = kit.act_as(&json!({"actor": "boris", "role": "admin"}));
    let failure = call(&other, "export_contacts", input.clone()).unwrap_err();
    assert_eq!(failure["code"], "not_found");
    assert!(kit.ok("export_contacts", input)["part"].is_null());
    let viewer = kit.act_as(&json!({"actor": "vera", "role": "viewer"}));
    let failure = call(&viewer, "export_contacts", json!({})).unwrap_err();
    assert_eq!(failure["code"], "forbidden");
}

#[test]
fn exports_that_nobody_reads_give_way() {
    let kit = Kit::new(ACCEPTED, DRAFT);
    people(&kit, 1);
    let begin = || kit.ok("export_contacts", json!({"format": "vcard"}))["export_id"].clone();
    let first = begin();
    let second = begin();
    for _ in 0..99 {
        begin();
    }
    let failure = kit
        .call("export_contacts", json!({"export_id": first}))
        .unwrap_err();
    assert_eq!(failure["code"], "not_found");
    assert!(kit.ok("export_contacts", json!({"export_id": second}))["part"].is_null());
}

#[test]
fn wrong_wishes_are_refused_by_name() {
    let kit = Kit::new(ACCEPTED, DRAFT);
    for (input, field) in [
        (json!({"separator": "x"}), "separator"),
        (json!({"separator": "xx"}), "separator"),
        (json!({"encoding": "klingon"}), "encoding"),
        (json!({"format": "xlsx"}), "format"),
        (json!({"format": "json_lines", "excel": true}), "excel"),
        (json!({"search": "x".repeat(201)}), "search"),
        (json!({"vcard_version": "2.1"}), "vcard_version"),
    ] {
        let failure = kit.call("export_contacts", input.clone()).unwrap_err();
        assert_eq!(failure["fields"][0]["field"], field, "{input}: {failure}");
    }
}

#[test]
fn everything_about_one_person() {
    let kit = Kit::new(ACCEPTED, DRAFT);
    let person = kit.person(1);
    let document = kit.ok("subject_access", json!({"id": person["id"]}));
    assert_eq!(document["contact"]["phone"], "+998901234501");
    assert_eq!(document["history"][0]["action"], "created");
    kit.ok("erase_contact", json!({"id": person["id"]}));
    let document = kit.ok("subject_access", json!({"id": person["id"]}));
    assert!(!document.to_string().contains("+998"));
}

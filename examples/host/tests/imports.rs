//! Imports over HTTP: looked at first, into a base with people in it, cut off by a kill and gone on with, from workbooks.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use common::Host;
use common::place::Place;
use serde_json::{Value, json};

const IMPORT: &str = "/api/contacts/import";
const PREVIEW: &str = "/api/contacts/import/preview";

fn path(begun: &Value) -> String {
    let id = begun["import_id"].as_str().unwrap();
    format!("/api/contacts/imports/{id}")
}

fn ended(host: &Host, token: &str, begun: &Value) -> Value {
    host.until(token, &path(begun), |report| {
        report["status"] != "queued" && report["status"] != "running"
    })
}

fn counts(report: &Value) -> Value {
    json!([
        report["created"],
        report["updated"],
        report["skipped"],
        report["rejected"]
    ])
}

#[test]
fn a_file_is_looked_at_first_and_then_does_what_was_told() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let known = json!({"external_id": "7", "name": "Anna", "email": "anna@mail.example", "company": "Chinor"});
    host.post(&admin, "/api/contacts", known).expect(201);
    let file = "id,name,email,company,position\n7,Anna P,,Bank,Head\n8,Boris,boris@mail.example,,\n9,Vera,no,,\n";
    let form = |path: &str, how: &str| {
        let options = json!({"duplicates": how}).to_string();
        host.upload_to(&admin, path, file.as_bytes(), &[("options", &options)])
    };
    for (how, wanted, changed) in [
        ("skip", json!([1, 0, 1, 1]), json!([])),
        (
            "update",
            json!([1, 1, 0, 1]),
            json!(["name", "company", "position"]),
        ),
        ("fill", json!([1, 1, 0, 1]), json!(["position"])),
    ] {
        let looked = form(PREVIEW, how).expect(200);
        assert_eq!(counts(&looked), wanted, "{how}");
        assert_eq!(
            (&looked["rows"], &looked["exact"]),
            (&json!(3), &json!(true))
        );
        assert_eq!(looked["samples"][0]["changed"], changed, "{how}");
        assert_eq!(looked["rejects"][0]["line"], 4);
    }
    assert_eq!(host.get(&admin, "/api/contacts").expect(200)["total"], 1);

    let report = ended(&host, &admin, &form(IMPORT, "update").expect(202));
    assert_eq!(
        (&report["status"], &report["done"]),
        (&json!("completed"), &json!(3))
    );
    assert_eq!(
        (counts(&report), &report["duplicates"]),
        (json!([1, 1, 0, 1]), &json!("update"))
    );
    let anna = || host.get(&admin, "/api/contacts?search=anna").expect(200)["items"][0].clone();
    assert_eq!(
        (&anna()["name"], &anna()["company"]),
        (&json!("Anna P"), &json!("Bank"))
    );
    let revert = format!("{}/revert", path(&report));
    let done = host.post(&admin, &revert, json!(null)).expect(200);
    assert_eq!(
        done["revert"],
        json!({"removed": 1, "restored": 1, "kept": 0, "items": []})
    );
    assert_eq!(
        (&anna()["name"], &anna()["company"]),
        (&json!("Anna"), &json!("Chinor"))
    );

    for options in [
        r#"{"duplicates": "both"}"#,
        r#"{"region": "Mars"}"#,
        r#"{"sheet": 7}"#,
    ] {
        for path in [PREVIEW, IMPORT] {
            host.upload_to(&admin, path, file.as_bytes(), &[("options", options)])
                .expect(422);
        }
    }
    let viewer = host.user(&admin, "v@salon.example", "viewer");
    host.upload_to(&viewer, PREVIEW, file.as_bytes(), &[])
        .expect(403);
}

#[test]
fn imports_are_listed_newest_first_and_page_by_page() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let list = "/api/contacts/imports";
    assert_eq!(
        host.get(&admin, list).expect(200),
        json!({"items": [], "next_cursor": null})
    );
    let reports: Vec<Value> = (0..3)
        .map(|number| {
            let file = format!("name,email\nAnna,a{number}@mail.example\nBoris,no\n");
            ended(
                &host,
                &admin,
                &host.upload(&admin, file.as_bytes()).expect(202),
            )
        })
        .collect();
    let first = host.get(&admin, &format!("{list}?limit=2")).expect(200);
    let ids = |page: &Value| -> Vec<Value> {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|line| line["import_id"].clone()).collect()
    };
    let id = |number: usize| reports[number]["import_id"].clone();
    assert_eq!(ids(&first), [id(2), id(1)]);
    let line = &first["items"][0];
    assert_eq!(
        (
            &line["status"],
            &line["rows"],
            &line["created"],
            &line["rejected"]
        ),
        (&json!("completed"), &json!(2), &json!(1), &json!(1))
    );
    assert!(
        line["started_at"].as_str().unwrap().starts_with("20"),
        "{line}"
    );
    let cursor = first["next_cursor"].as_str().unwrap();
    let last = host
        .get(&admin, &format!("{list}?limit=2&cursor={cursor}"))
        .expect(200);
    assert_eq!(
        (ids(&last), &last["next_cursor"]),
        (vec![id(0)], &json!(null))
    );
    let viewer = host.user(&admin, "v@salon.example", "viewer");
    assert_eq!(ids(&host.get(&viewer, list).expect(200)).len(), 3);
    host.get(&admin, &format!("{list}?limit=0")).expect(422);
}

#[test]
fn an_import_that_was_killed_goes_on_and_takes_no_row_twice() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    // Every tenth row is a bad one, and every seventh about the person before it.
    let rows: String = (0..20_000)
        .map(|number| match number {
            number if number % 10 == 9 => format!("Person {number},nobody,\n"),
            number if number % 7 == 6 => {
                format!("Person {number},p{}@mail.example,B{number}\n", number - 1)
            }
            number => format!("Person {number},p{number}@mail.example,\n"),
        })
        .collect();
    let file = format!("name,email,company\n{rows}");
    let options = r#"{"duplicates": "update"}"#;
    let begun = host.upload_as(&admin, file.as_bytes(), options).expect(202);
    host.until(&admin, "/api/contacts?limit=1", |page| {
        page["total"].as_u64().unwrap() > 1
    });
    let host = Host::start_in(host.kill(), &["--no-worker"]);
    let report = host.until(&admin, &path(&begun), |report| report["status"] == "failed");
    assert!(
        report["detail"].as_str().unwrap().contains("`resume`"),
        "{report}"
    );
    assert!(
        report["done"].as_u64().unwrap() < 20_000,
        "it was killed too late"
    );

    let id = begun["import_id"].as_str().unwrap();
    let again = |file: &str, id: &str| {
        host.upload_to(
            &admin,
            IMPORT,
            file.as_bytes(),
            &[("options", options), ("resume", id)],
        )
    };
    again("name\nAnna\n", id).expect(422);
    again(&file, "7").expect(422);
    again(&file, "01a00000-0000-7000-8000-000000000001").expect(404);
    let gone_on = again(&file, id).expect(202);
    assert_eq!(gone_on["import_id"], begun["import_id"]);
    let report = ended(&host, &admin, &gone_on);
    assert_eq!(
        (&report["status"], &report["done"]),
        (&json!("completed"), &json!(20_000))
    );

    let bad = (0..20_000).filter(|number| number % 10 == 9).count();
    let known = (0..20_000)
        .filter(|number| number % 10 != 9 && number % 7 == 6 && (number - 1) % 10 != 9)
        .count();
    let wanted = json!([20_000 - bad - known, known, 0, bad]);
    assert_eq!(counts(&report), wanted);
    let total = host.get(&admin, "/api/contacts?limit=1").expect(200)["total"].clone();
    assert_eq!(total, json!(20_000 - bad - known));
    let rejects = host.get(&admin, &format!("{}/rejects", path(&begun))).body;
    assert_eq!(String::from_utf8(rejects).unwrap().lines().count(), bad + 1);
    again(&file, id).expect(400);
}

#[test]
fn a_workbook_is_imported_and_its_rejects_open_in_a_spreadsheet() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let mut book = rust_xlsxwriter::Workbook::new();
    for (name, person) in [("Клиенты", "Анна"), ("Old", "Zoya")] {
        let sheet = book.add_worksheet().set_name(name).unwrap();
        for (column, text) in (0..).zip(["ФИО", "Телефон", "E-mail"]) {
            sheet.write(0, column, text).unwrap();
        }
        sheet.write(1, 0, person).unwrap();
        sheet.write(1, 1, 901_234_567).unwrap();
        sheet.write(2, 0, "Юрий").unwrap();
        sheet.write(2, 2, "нет").unwrap();
    }
    let file = book.save_to_buffer().unwrap();
    let report = ended(&host, &admin, &host.upload(&admin, &file).expect(202));
    let detected = &report["detected"];
    assert_eq!(
        (&detected["format"], &detected["sheet"]),
        (&json!("xlsx"), &json!("Клиенты"))
    );
    assert_eq!(detected["warnings"][0]["code"], "more_sheets");
    assert_eq!(counts(&report), json!([1, 0, 0, 1]));
    let people = host.get(&admin, "/api/contacts").expect(200);
    assert_eq!(people["items"][0]["name"], "Анна");
    assert_eq!(people["items"][0]["phone"], "+998901234567");
    let rejects = host.get(&admin, &format!("{}/rejects", path(&report))).body;
    let rejects = String::from_utf8(rejects).unwrap();
    assert!(
        rejects.starts_with("\u{feff}ФИО,Телефон,E-mail,reject_reason"),
        "{rejects}"
    );
    assert!(rejects.contains("Юрий,,нет,\"line 3: email: "), "{rejects}");
    let other = host.upload_as(&admin, &file, r#"{"sheet": "Old", "duplicates": "create"}"#);
    let report = ended(&host, &admin, &other.expect(202));
    assert_eq!(
        (&report["detected"]["sheet"], &report["created"]),
        (&json!("Old"), &json!(1))
    );
    host.upload_as(&admin, &file, r#"{"sheet": "None"}"#)
        .expect(422);
}

/// People with notes of some ten kilobytes each, which nobody wants.
fn wordy(rows: usize) -> (String, String) {
    let notes = "слово ".repeat(1_000);
    let rows = (0..rows).map(|number| format!("Person {number},p{number}@mail.example,{notes}\n"));
    let file = format!("name,email,notes\n{}", rows.collect::<String>());
    (file, json!({"mapping": {"notes": null}}).to_string())
}

#[test]
fn a_large_file_is_taken_without_a_key_for_it() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let (file, options) = wordy(1_300);
    assert!(file.len() > 12 * 1024 * 1024);
    let form = |path: &str| host.upload_to(&admin, path, file.as_bytes(), &[("options", &options)]);
    assert_eq!(counts(&form(PREVIEW).expect(200)), json!([1_300, 0, 0, 0]));
    let report = ended(&host, &admin, &form(IMPORT).expect(202));
    assert_eq!(counts(&report), json!([1_300, 0, 0, 0]));
    // What comes under a key is compared as a whole when it comes again.
    let bearer = format!("Bearer {admin}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "multipart/form-data; boundary=line"),
        ("Idempotency-Key", "one"),
    ];
    let reply = host.raw("POST", IMPORT, &headers, file.as_bytes());
    assert_eq!(reply.status, 413);
}

#[test]
fn a_file_that_is_too_large_is_refused_however_it_comes() {
    let variables = [("CRM_LARGEST_IMPORT", "1")];
    let host = Host::start_with(Place::new(), &["--no-worker"], &variables);
    let admin = host.admin();
    let (file, options) = wordy(150);
    assert!(file.len() > 1024 * 1024 + 64 * 1024);
    let fields = [("options", options.as_str())];
    for path in [PREVIEW, IMPORT] {
        let reply = host.upload_to(&admin, path, file.as_bytes(), &fields);
        assert_eq!(reply.status, 413, "it says how long it is");
        let reply = host.upload_in_chunks(&admin, path, file.as_bytes(), &fields);
        assert_eq!(reply.status, 413, "it does not say how long it is");
    }
    let short = wordy(2).0;
    let reply = host.upload_in_chunks(&admin, IMPORT, short.as_bytes(), &fields);
    assert_eq!(reply.status, 202);
    assert_eq!(counts(&ended(&host, &admin, &reply.expect(202)))[0], 2);
}

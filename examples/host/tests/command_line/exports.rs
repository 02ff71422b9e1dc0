//! Exports come back the same by `crm export | crm import`.

use std::process::{Child, Stdio};

use serde_json::json;

use crate::common::place::Place;
use crate::common::sample_contacts;
use crate::program::{command, contacts, crm, fed, file, names, shown};

fn piped(from: &Place, to: &Place, args: &[&str]) -> (Child, Child) {
    let all: Vec<&str> = ["export"].iter().chain(args).copied().collect();
    let mut export = command(from, &all).spawn().unwrap();
    let out = export.stdout.take().unwrap();
    let import = command(to, &["import"])
        .stdin(Stdio::from(out))
        .spawn()
        .unwrap();
    (export, import)
}

fn filled() -> Place {
    let place = Place::new();
    fed(&place, &["import", "-"], &sample_contacts()).expect(1);
    // What a CSV file of others has not: texts in custom fields, signs that mean something, a word of no.
    let odd = json!({"name": "Қодир \"Ғ\"", "phone": "+998901112233", "company": "=1+1; \"Чинор\"",
        "custom_fields": {"note": "a\nb;c", "level": "7"}, "tags": ["gold", "клуб, зал"], "time_zone": "Asia/Tashkent",
        "consent": [{"channel": "sms", "topic": "marketing", "status": "opted_out", "evidence": "form 12",
            "at": "2026-01-31T09:00:00Z"}]});
    fed(&place, &["import"], odd.to_string().as_bytes()).expect(0);
    place
}

#[test]
fn an_export_piped_into_an_import_comes_back_the_same() {
    let from = filled();
    let wanted = contacts(&from);
    assert_eq!(wanted.len(), 201);
    for args in [
        &["--format", "jsonl"][..],
        &[],
        &["--excel"],
        &[
            "--encoding",
            "utf-16le",
            "--separator",
            "tab",
            "--line-end",
            "lf",
        ],
        &["--format", "vcard"],
        &["--format", "vcard", "--vcard-version", "3.0"],
    ] {
        let to = Place::new();
        let (export, import) = piped(&from, &to, args);
        let import = import.wait_with_output().unwrap();
        assert!(import.status.success(), "{args:?}: {import:?}");
        assert!(export.wait_with_output().unwrap().status.success());
        assert_eq!(contacts(&to), wanted, "{args:?}");
    }
}

#[test]
fn an_export_takes_those_who_are_asked_for() {
    let from = filled();
    let count = |expression: &str| {
        let args = ["audience", "count", expression, "--json", "--sample", "2"];
        let found = crm(&from, &args).expect(0).json();
        let items = found["items"].as_array().unwrap();
        assert!(items.len() <= 2 && names(&items[0]).contains(&"custom_fields".to_owned()));
        assert_eq!(found["audience"], expression);
        found["count"].as_u64().unwrap()
    };
    let wanted = count("segment = VIP and has email");
    assert!(wanted > 5 && wanted < 100, "{wanted}");
    let args = [
        "export",
        "--audience",
        r#"{"and": [{"segment": "VIP"}, {"has": "email"}]}"#,
        "--custom-fields",
        "",
    ];
    let file = crm(&from, &args).expect(0);
    let lines = file.text().lines().count() as u64;
    assert_eq!(lines, wanted + 1);
    assert!(
        file.err.contains(&format!("{wanted} contacts")),
        "{}",
        file.err
    );
    let one = crm(&from, &["export", "--search", "Қодир", "--format", "jsonl"]).expect(0);
    let found = one.lines();
    // A search is lenient with letters.
    assert!(found.len() < 50, "{}", found.len());
    assert!(found.iter().any(|contact| contact["name"] == "Қодир \"Ғ\""));
}

#[test]
fn a_file_is_there_once_it_is_whole() {
    let from = filled();
    let path = from.path().join("out.csv");
    let args = [
        "export",
        "--output",
        shown(&path),
        "--encoding",
        "windows-1251",
        "--json",
    ];
    let report = crm(&from, &args).expect(0).json();
    assert_eq!(report["contacts"], 201);
    assert!(report["lossy_cells"].as_u64().unwrap() > 0);
    assert!(report["export_id"].is_string());
    assert!(!from.path().join("out.csv.part").exists());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let about = std::fs::metadata(&path).unwrap();
        assert_eq!(about.permissions().mode() & 0o777, 0o600);
    }
    let before = std::fs::read(&path).unwrap();
    // One that cannot be written leaves what was there.
    let args = [
        "export",
        "--output",
        shown(&path),
        "--format",
        "vcard",
        "--separator",
        ";",
    ];
    let refused = crm(&from, &args).expect(2);
    assert_eq!(
        refused.err,
        "crm: separator: only CSV files have a choice of it\n"
    );
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[cfg(unix)]
#[test]
fn a_reader_that_stops_ends_it_without_a_word() {
    let from = filled();
    let mut export = command(&from, &["export"]).spawn().unwrap();
    // Nobody ever reads it.
    drop(export.stdout.take());
    let output = export.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    let table = file(&from, "x.csv", "name\nAnna\n");
    crm(&from, &["import", shown(&table)]).expect(0);
}

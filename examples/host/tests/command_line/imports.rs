//! Imports: looked at first, told how to read a file, into a base with people in it, mended, taken back.

use serde_json::{Value, json};

use crate::common::Host;
use crate::common::place::Place;
use crate::program::{command, contacts, crm, fed, file, names, ran, shown};

fn id(report: &Value) -> String {
    report["import_id"].as_str().unwrap().to_owned()
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
    let place = Place::new();
    let known = "id,name,email,company\n7,Anna,anna@post.example,Chinor\n";
    fed(&place, &["import"], known.as_bytes()).expect(0);
    let text = "id,name,email,company,position\n7,Anna P,,Bank,Head\n8,Boris,boris@post.example,,\n9,Vera,no,,\n";
    let path = file(&place, "a.csv", text);
    for (how, wanted, company, position) in [
        ("skip", json!([1, 0, 1, 1]), json!("Chinor"), Value::Null),
        ("fill", json!([1, 1, 0, 1]), json!("Chinor"), json!("Head")),
        ("update", json!([1, 1, 0, 1]), json!("Bank"), json!("Head")),
        ("create", json!([1, 0, 0, 2]), json!("Chinor"), Value::Null),
    ] {
        let args = ["import", shown(&path), "--duplicates", how, "--json"];
        let looked = crm(&place, &[&args[..], &["--dry-run"]].concat())
            .expect(1)
            .json();
        assert_eq!(counts(&looked), wanted, "{how}");
        assert_eq!(contacts(&place).len(), 1, "{how}");
        let report = crm(&place, &args).expect(1).json();
        assert_eq!(counts(&report), wanted, "{how}");
        assert_eq!(report["duplicates"], how);
        let anna = contacts(&place).remove(0);
        assert_eq!(
            (&anna["company"], &anna["position"]),
            (&company, &position),
            "{how}"
        );
        let done = crm(&place, &["import", "revert", &id(&report), "--json"])
            .expect(0)
            .json();
        assert_eq!(done["status"], "reverted");
        assert_eq!(done["revert"]["removed"], 1);
        let anna = contacts(&place).remove(0);
        assert_eq!(
            (&anna["company"], &anna["position"]),
            (&json!("Chinor"), &Value::Null)
        );
        let twice = crm(&place, &["import", "revert", &id(&report)]).expect(1);
        assert!(twice.err.contains("was reverted before"), "{}", twice.err);
    }
    let told = crm(
        &place,
        &[
            "import",
            shown(&path),
            "--dry-run",
            "--duplicates",
            "update",
        ],
    )
    .expect(1);
    let told = told.text();
    for part in [
        "nothing is written: of 3 rows 1 would be created, 1 updated, 0 skipped, 1 rejected",
        "line 2: updated Anna P (name, company, position)",
        "line 3: created Boris",
        "line 4: rejected, email: ",
    ] {
        assert!(told.contains(part), "{told}");
    }
}

#[test]
fn a_file_is_read_as_it_was_said() {
    let place = Place::new();
    let text = "Кто;Тел;День;Заметка\nАнна;07911 123456;03/04/1985;x\n";
    let path = file(&place, "a.csv", text);
    let args = [
        "import",
        shown(&path),
        "--mapping",
        "Кто=name",
        "--mapping",
        "Тел=phone",
        "--mapping",
        "День=birthday",
        "--mapping",
        "Заметка=",
        "--region",
        "GB",
        "--dates",
        "month_first",
        "--encoding",
        "utf-8",
        "--separator",
        ";",
    ];
    let told = crm(&place, &args).expect(0).text();
    for part in [
        "Заметка is left out",
        "Тел -> phone",
        "phone numbers as of GB",
    ] {
        assert!(told.contains(part), "{told}");
    }
    let anna = contacts(&place).remove(0);
    assert_eq!(
        (&anna["phone"], &anna["birthday"], &anna["custom_fields"]),
        (&json!("+447911123456"), &json!("1985-03-04"), &json!({}))
    );
}

#[test]
fn rejected_rows_can_be_mended_and_imported() {
    let place = Place::new();
    let encoding = crm_core::import::encoding::Encoding::named("windows-1251").unwrap();
    let text = "ФИО;Телефон;E-mail\r\nИванова Анна Петровна;901234567;anna@post.example\r\n\
        Щукин Юрий Ильич;901234568;нет\r\nПетрова Ольга Сергеевна;9,98901E+11;olga@post.example\r\n";
    let path = file(&place, "russian.csv", encoding.encode(text).0);
    let rejects = place.path().join("rejects.csv");
    let args = ["import", shown(&path), "--rejects", shown(&rejects)];
    let done = crm(&place, &args).expect(1).text();
    assert!(
        done.contains("2 created, 0 updated, 0 skipped, 1 rejected"),
        "{done}"
    );
    assert!(done.contains("  line 3: email: "), "{done}");
    let bytes = std::fs::read(&rejects).unwrap();
    let begin = encoding
        .encode("ФИО;Телефон;E-mail;reject_reason\r\nЩукин Юрий Ильич;901234568;нет;")
        .0;
    assert!(
        bytes.starts_with(&begin),
        "{}",
        String::from_utf8_lossy(&bytes)
    );
    // As kept with the report, and as HTTP gives them.
    let of = done
        .lines()
        .find_map(|line| line.strip_prefix("import "))
        .unwrap();
    let id = of.split(':').next().unwrap();
    let kept = crm(&place, &["import", "rejects", id]).expect(0);
    assert_eq!(kept.out, bytes);
    let no = encoding.encode("нет").0;
    let at = bytes.windows(no.len()).position(|part| part == no).unwrap();
    let mended = [&bytes[..at], b"yuri@post.example", &bytes[at + no.len()..]].concat();
    std::fs::write(&rejects, mended).unwrap();
    let done = crm(&place, &["import", shown(&rejects)]).expect(0).text();
    assert!(done.contains("1 created"), "{done}");
    assert_eq!(contacts(&place)[2]["name"], "Юрий Ильич Щукин");
}

#[test]
fn the_host_and_the_command_line_know_each_others_imports() {
    let place = Place::new();
    let path = file(
        &place,
        "a.csv",
        "name,email\nAnna,anna@post.example\nB,no\n",
    );
    let report = crm(&place, &["import", shown(&path), "--json"])
        .expect(1)
        .json();
    let host = Host::start_in(place, &["--no-worker"]);
    let admin = host.admin();
    let at = format!("/api/contacts/imports/{}", id(&report));
    assert_eq!(host.get(&admin, &at).expect(200), report);
    let show = ["import", "show", &id(&report), "--json"];
    assert_eq!(crm(&host.directory, &show).expect(0).json(), report);
    let rejects = host.get(&admin, &format!("{at}/rejects")).body;
    assert_eq!(
        crm(&host.directory, &["import", "rejects", &id(&report)])
            .expect(0)
            .out,
        rejects
    );
    let preview = host.upload_to(
        &admin,
        "/api/contacts/import/preview",
        &std::fs::read(&path).unwrap(),
        &[],
    );
    let looked = crm(
        &host.directory,
        &["import", shown(&path), "--dry-run", "--json"],
    )
    .expect(1);
    assert_eq!(looked.json(), preview.expect(200));

    let begun = host
        .upload(&admin, b"name,email\nZoya,zoya@post.example\n")
        .expect(202);
    let at = format!("/api/contacts/imports/{}", id(&begun));
    host.until(&admin, &at, |report| report["status"] == "completed");
    let done = crm(
        &host.directory,
        &["import", "revert", &id(&begun), "--json"],
    )
    .expect(0);
    assert_eq!(host.get(&admin, &at).expect(200), done.json());
    let left = host.get(&admin, "/api/contacts").expect(200);
    assert_eq!(
        (&left["total"], &left["items"][0]["name"]),
        (&json!(1), &json!("Anna"))
    );
    assert_eq!(left["items"][0]["created_by"], "crm:tester");
}

#[test]
fn who_did_it_and_where_stands_in_the_history() {
    let place = Place::new();
    let path = file(&place, "a.csv", "name\nAnna\n");
    let args = [
        "import",
        shown(&path),
        "--actor",
        "Анна из поддержки",
        "--workspace",
        "other",
    ];
    crm(&place, &args).expect(0);
    assert_eq!(contacts(&place), [] as [Value; 0]);
    let list = crm(
        &place,
        &["export", "--format", "jsonl", "--workspace", "other"],
    )
    .expect(0)
    .lines();
    assert_eq!(list[0]["created_by"], "Анна из поддержки");
    let mut by = command(&place, &["import", shown(&path)]);
    by.env("CRM_ACTOR", "night job");
    ran(by).expect(0);
    let list = crm(&place, &["export", "--format", "jsonl"])
        .expect(0)
        .lines();
    assert_eq!(list[0]["created_by"], "night job");
    let refused = crm(&place, &["import", shown(&path), "--actor", "system"]).expect(2);
    assert!(refused.err.starts_with("crm: --actor: "), "{}", refused.err);
    let report = crm(&place, &["import", shown(&path), "--json"])
        .expect(0)
        .json();
    assert!(names(&report).contains(&"digest".to_owned()));
    // An import is its workspace's alone.
    let other = crm(
        &place,
        &["import", "revert", &id(&report), "--workspace", "other"],
    )
    .expect(1);
    assert_eq!(
        other.err,
        "crm: there is no such import in this workspace\n"
    );
}

//! Files as people have them come in by one command without a flag.

use serde_json::Value;

use crate::common::place::Place;
use crate::files::{self, Sheet};
use crate::people::{Letters, Somebody, people};
use crate::program::{bare, command, contacts, file, ran, shown};

/// A file, whom it holds and what it is found to be.
struct Fixture {
    name: &'static str,
    bytes: Vec<u8>,
    people: Vec<Somebody>,
    told: &'static str,
}

fn sheet(people: &[Somebody], profile: &str) -> Sheet {
    let mut sheets = files::all(people).into_iter();
    sheets.find(|sheet| sheet.profile == profile).unwrap()
}

fn windows_1251(text: &str) -> Vec<u8> {
    let encoding = crm_core::import::encoding::Encoding::named("windows-1251").unwrap();
    let (bytes, lost) = encoding.encode(text);
    assert!(!lost);
    bytes
}

fn fixtures() -> Vec<Fixture> {
    let (russian, all) = (people(Letters::Russian), people(Letters::All));
    let csv = |profile: &str, separator, end| sheet(&all, profile).text(separator, end);
    let mut book = rust_xlsxwriter::Workbook::new();
    let page = book.add_worksheet().set_name("Клиенты").unwrap();
    let plain = sheet(&all, "plain");
    let rows = std::iter::once(&plain.header).chain(&plain.rows);
    for (row, cells) in (0..).zip(rows) {
        for (column, cell) in (0..).zip(cells) {
            page.write(row, column, cell).unwrap();
        }
    }
    vec![
        Fixture {
            name: "русский.csv",
            bytes: windows_1251(&sheet(&russian, "plain").text(';', "\r\n")),
            people: russian.clone(),
            told: "csv, windows-1251, separator ;; read as plain, phone numbers as of UZ",
        },
        Fixture {
            name: "bitrix24.csv",
            bytes: format!("\u{feff}{}", csv("bitrix24", ';', "\n")).into(),
            people: all.clone(),
            told: "csv, utf-8-bom, separator ;; read as bitrix24",
        },
        Fixture {
            name: "google contacts.csv",
            bytes: csv("google", ',', "\n").into(),
            people: all.clone(),
            told: "csv, utf-8, separator ,; read as google",
        },
        Fixture {
            name: "three.vcf",
            bytes: files::cards(&all, "3.0", "\r\n").into(),
            people: all.clone(),
            told: "vcard, utf-8; read as vcard",
        },
        Fixture {
            name: "four.vcf",
            bytes: files::cards(&all, "4.0", "\r\n").into(),
            people: all.clone(),
            told: "vcard, utf-8; read as vcard",
        },
        Fixture {
            name: "book.xlsx",
            bytes: book.save_to_buffer().unwrap(),
            people: all.clone(),
            told: "sheet Клиенты; read as plain",
        },
        Fixture {
            name: "lines.jsonl",
            bytes: files::json_lines(&all, "\n").into(),
            people: all,
            told: "json_lines, utf-8; read as json_lines",
        },
    ]
}

fn wanted(people: &[Somebody]) -> Vec<[String; 6]> {
    let text = str::to_owned;
    people
        .iter()
        .map(|person| {
            [
                person.name(),
                person.email.clone(),
                person.phone.clone(),
                text(person.birthday),
                text(person.company),
                text(person.position),
            ]
        })
        .collect()
}

fn found(contacts: &[Value]) -> Vec<[String; 6]> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    contacts
        .iter()
        .map(|contact| {
            ["name", "email", "phone", "birthday", "company", "position"]
                .map(|field| text(&contact[field]))
        })
        .collect()
}

#[test]
fn files_come_in_by_one_command_without_a_flag() {
    for fixture in fixtures() {
        let name = fixture.name;
        let place = Place::new();
        let path = file(&place, name, &fixture.bytes);
        let done = ran(command(&place, &["import", shown(&path)])).expect(0);
        let text = done.text();
        let told = format!("{}: ", path.display());
        assert!(
            text.starts_with(&told) && text.contains(fixture.told),
            "{name}: {text}"
        );
        let counts = "completed, 20 of 20 rows: 20 created, 0 updated, 0 skipped, 0 rejected";
        assert!(text.contains(counts), "{name}: {text}");
        assert_eq!(found(&contacts(&place)), wanted(&fixture.people), "{name}");
        // Nobody looks at it: there is no bar, and nothing of anybody's.
        if place.postgres.is_none() {
            let new = format!(
                "crm: the database {} is new\n",
                place.path().join("crm.db").display()
            );
            assert_eq!(done.err, new, "{name}");
        } else {
            assert_eq!(done.err, "", "{name}");
        }
        // Once more, nobody is there twice.
        let again = ran(command(&place, &["import", shown(&path)])).expect(0);
        assert!(
            again.text().contains("0 created, 0 updated, 20 skipped"),
            "{name}: {}",
            again.text()
        );
    }
}

#[test]
fn what_is_not_said_is_the_file_in_this_folder() {
    let place = Place::sqlite();
    file(&place, "a.csv", "name,email\nAnna,anna@post.example\n");
    ran(bare(&place, &["import", "a.csv"])).expect(0);
    let count = ran(bare(&place, &["audience", "count", "everybody"])).expect(0);
    assert_eq!(count.text(), "1\n");
    assert!(place.path().join("crm.db").is_file());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let about = std::fs::metadata(place.path().join("crm.db")).unwrap();
        assert_eq!(about.permissions().mode() & 0o777, 0o600);
    }
    // A settings file of the host says it, too.
    let text = "database = 'sqlite:other.db'\nlisten = '127.0.0.1:9'\n";
    let settings = file(&place, "crm-host.toml", text);
    let args = ["import", "a.csv", "--config", shown(&settings)];
    ran(bare(&place, &args)).expect(0);
    assert!(place.path().join("other.db").is_file());
}

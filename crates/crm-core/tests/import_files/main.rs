//! Files of contacts as people have them: the same twenty people through every program, encoding, separator and line
//! end, and files that are broken in every way.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod files;
mod people;
mod traps;
mod workbooks;

use std::io::Cursor;

use crm_core::contact::normalise::normalise;
use crm_core::import::encoding::Encoding;
use crm_core::import::{Detected, Options, Row, Rows, inspect};

use people::{Letters, Somebody, people};

fn read(file: &[u8], options: &Options) -> (Detected, Vec<Row>) {
    let mut file = Cursor::new(file);
    let found = inspect(&mut file, options).unwrap();
    let rows = Rows::new(&mut file, &found).unwrap();
    (found, rows.map(Result::unwrap).collect())
}

/// The people of a file, as contacts are stored.
fn found(rows: Vec<Row>) -> Vec<[String; 6]> {
    rows.into_iter()
        .map(|row| {
            let line = row.line;
            let person = row
                .person
                .unwrap_or_else(|error| panic!("line {line}: {error}"));
            let fields =
                normalise(person.fields).unwrap_or_else(|error| panic!("line {line}: {error}"));
            let text = |text: Option<String>| text.unwrap_or_default();
            let birthday = fields
                .birthday
                .map(|date| date.to_string())
                .unwrap_or_default();
            [
                fields.name,
                text(fields.email),
                text(fields.phone),
                birthday,
                text(fields.company),
                text(fields.position),
            ]
        })
        .collect()
}

fn wanted(people: &[Somebody]) -> Vec<[String; 6]> {
    people
        .iter()
        .map(|person| {
            let company = person.company.to_owned();
            [
                person.name(),
                person.email.clone(),
                person.phone.clone(),
                person.birthday.to_owned(),
                company,
                person.position.to_owned(),
            ]
        })
        .collect()
}

const ENCODINGS: [(&str, &str, Letters); 9] = [
    ("utf-8", "", Letters::All),
    ("utf-8-bom", "\u{feff}", Letters::All),
    ("utf-16le", "\u{feff}", Letters::All),
    ("utf-16be", "\u{feff}", Letters::All),
    ("windows-1251", "", Letters::Russian),
    ("ibm866", "", Letters::Russian),
    ("koi8-r", "", Letters::Russian),
    ("windows-1252", "", Letters::Western),
    ("utf-8", "", Letters::Western),
];

#[test]
fn the_same_people_come_out_of_every_file() {
    let mut files = 0;
    for (encoding, mark, letters) in ENCODINGS {
        let people = people(letters);
        let into = Encoding::named(encoding).unwrap();
        for sheet in files::all(&people) {
            for separator in [',', ';', '\t', '|'] {
                for end in ["\n", "\r\n", "\r"] {
                    let text = sheet.text(separator, end);
                    let (bytes, lost) = into.encode(&format!("{mark}{text}"));
                    // Names of columns and signs that an encoding has not: such a file is not written.
                    if lost {
                        continue;
                    }
                    files += 1;
                    let what = format!("{} in {encoding}, {separator:?}, {end:?}", sheet.profile);
                    let (detected, rows) = read(&bytes, &Options::default());
                    assert_eq!(detected.encoding, encoding, "{what}");
                    assert_eq!(detected.separator, separator.to_string(), "{what}");
                    assert_eq!(detected.profile, sheet.profile, "{what}");
                    let mut wanted = wanted(&people);
                    if sheet.profile == "salesforce" {
                        // Its contacts name the company by a number alone.
                        wanted.iter_mut().for_each(|person| person[4].clear());
                    }
                    assert_eq!(found(rows), wanted, "{what}");
                    assert_eq!(detected.rows, 20);
                }
            }
        }
        for end in ["\n", "\r\n", "\r"] {
            let mut texts = vec![files::json_lines(&people, end)];
            texts.extend(["2.1", "3.0", "4.0"].map(|version| files::cards(&people, version, end)));
            for (number, text) in texts.into_iter().enumerate() {
                let (bytes, lost) = into.encode(&format!("{mark}{text}"));
                if lost {
                    continue;
                }
                files += 1;
                let (detected, rows) = read(&bytes, &Options::default());
                assert_eq!(detected.encoding, encoding, "{end:?} {number}");
                assert_eq!(
                    found(rows),
                    wanted(&people),
                    "{} in {encoding}, {end:?} {number}",
                    detected.profile
                );
            }
        }
        if letters == Letters::All {
            let (_, rows) = read(files::quoted_cards(&people).as_bytes(), &Options::default());
            assert_eq!(found(rows), wanted(&people));
        }
    }
    println!("{files} files");
    assert!(files > 700, "{files}");
}

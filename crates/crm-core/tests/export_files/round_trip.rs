//! Random contacts, written and read again.

use std::collections::BTreeSet;

use crm_core::consent::ConsentStatus;
use crm_core::contact::ContactFields;
use crm_core::contact::normalise::normalise;
use crm_core::export::{Format, LineEnd, Options, VcardVersion};
use crm_core::import;
use crm_core::import::encoding::Encoding;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

use super::anybody::anybody;
use super::{custom_fields, read, written};

const ENCODINGS: [&str; 8] = [
    "utf-8",
    "utf-8-bom",
    "utf-16le",
    "utf-16be",
    "windows-1251",
    "windows-1252",
    "ibm866",
    "koi8-r",
];

/// What no file brings back: that somebody agreed. An import only takes a no.
fn without_yes(mut fields: ContactFields) -> ContactFields {
    fields
        .consent
        .retain(|consent| consent.status == ConsentStatus::OptedOut);
    fields
}

/// What CSV cannot hold besides: whether a custom field was a number, and that it was empty.
fn in_csv(fields: &ContactFields) -> ContactFields {
    let mut fields = without_yes(fields.clone());
    for value in fields.custom_fields.values_mut() {
        if !value.is_string() {
            *value = Value::String(value.to_string());
        }
    }
    fields.custom_fields.retain(|_, value| value != "");
    fields
}

/// What vCards cannot hold besides: which kind of line end a text has.
fn in_vcard(fields: &ContactFields) -> ContactFields {
    let mut fields = without_yes(fields.clone());
    for value in fields.custom_fields.values_mut() {
        if let Value::String(text) = value {
            *text = text.replace("\r\n", "\n").replace('\r', "\n");
        }
    }
    fields
}

/// The same person with nothing but characters that the encoding has.
fn held_by(encoding: Encoding, fields: &ContactFields) -> Option<ContactFields> {
    let held = |text: &str| -> String {
        let has = |letter: &char| !encoding.encode(letter.encode_utf8(&mut [0; 4])).1;
        text.chars().filter(has).collect()
    };
    let mut fields = fields.clone();
    let texts = [
        &mut fields.external_id,
        &mut fields.company,
        &mut fields.position,
    ];
    for text in texts.into_iter().flatten() {
        *text = held(text);
    }
    for text in [&mut fields.name, &mut fields.segment] {
        *text = format!("{}x", held(text));
    }
    fields.tags = fields.tags.iter().map(|tag| held(tag)).collect();
    for value in fields.custom_fields.values_mut() {
        if let Value::String(text) = value {
            *text = held(text);
        }
    }
    for consent in &mut fields.consent {
        consent.channel = format!("x{}x", held(&consent.channel));
        consent.evidence = consent.evidence.as_deref().map(held);
    }
    normalise(fields).ok()
}

fn csv(encoding: &str, separator: char, line_end: LineEnd, people: &[ContactFields]) -> Options {
    Options {
        encoding: Some(encoding.to_owned()),
        separator: Some(separator),
        line_end: Some(line_end),
        custom_fields: Some(custom_fields(people)),
        ..Options::default()
    }
}

/// How many cells a spreadsheet would run, and all cells, of a file in UTF-8.
fn cells(file: &[u8], separator: char) -> Vec<Vec<String>> {
    let mut reader = ::csv::ReaderBuilder::new()
        .delimiter(u8::try_from(separator).unwrap())
        .has_headers(false)
        .from_reader(file);
    let records = reader.records().map(Result::unwrap);
    records
        .map(|record| record.iter().map(str::to_owned).collect())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn csv_brings_everybody_back(
        people in vec(anybody(), 0..5),
        separator in prop::sample::select(&[',', ';', '\t', '|'][..]),
        line_end in prop::sample::select(&[LineEnd::Lf, LineEnd::Crlf][..]),
    ) {
        for encoding in ENCODINGS {
            let one_byte = !encoding.starts_with("utf");
            let of = Encoding::named(encoding).unwrap();
            let people: Vec<ContactFields> = if one_byte {
                people.iter().filter_map(|fields| held_by(of, fields)).collect()
            } else {
                people.clone()
            };
            let options = csv(encoding, separator, line_end, &people);
            let (file, report) = written(&people, &options);
            prop_assert_eq!((report.contacts, report.lossy_cells, report.left_out), (people.len() as u64, 0, 0));
            // What is in UTF-8 or UTF-16 says so itself.
            let (found, again) = read(&file, one_byte.then_some(encoding));
            prop_assert_eq!(found.profile.as_str(), "crm_engine");
            prop_assert_eq!(found.encoding.as_str(), encoding);
            prop_assert_eq!(found.separator, separator.to_string());
            prop_assert!(found.warnings.is_empty(), "{:?}", found.warnings);
            same(&again, &people.iter().map(in_csv).collect::<Vec<_>>())?;
        }
    }

    #[test]
    fn json_lines_bring_everybody_back(people in vec(anybody(), 1..6)) {
        let options = Options { format: Format::JsonLines, ..Options::default() };
        let (file, report) = written(&people, &options);
        prop_assert_eq!((report.contacts, report.left_out), (people.len() as u64, 0));
        let (found, again) = read(&file, None);
        prop_assert_eq!((found.format, found.profile.as_str()), (import::Format::JsonLines, "crm_engine"));
        same(&again, &people.iter().cloned().map(without_yes).collect::<Vec<_>>())?;
    }

    #[test]
    fn vcards_bring_everybody_back(
        people in vec(anybody(), 1..6),
        version in prop::sample::select(&[VcardVersion::V3, VcardVersion::V4][..]),
    ) {
        let options = Options {
            format: Format::Vcard,
            vcard_version: Some(version),
            ..Options::default()
        };
        let (file, report) = written(&people, &options);
        prop_assert_eq!((report.contacts, report.left_out), (people.len() as u64, 0));
        let longest = file.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line).len()).max();
        prop_assert!(longest <= Some(75));
        let (found, again) = read(&file, None);
        prop_assert_eq!((found.format, found.profile.as_str()), (import::Format::Vcard, "crm_engine"));
        same(&again, &people.iter().map(in_vcard).collect::<Vec<_>>())?;
    }

    #[test]
    fn no_cell_is_run_and_what_is_lost_is_counted(
        people in vec(anybody(), 1..5),
        encoding in prop::sample::select(&ENCODINGS[4..]),
        separator in prop::sample::select(&[',', ';', '\t', '|'][..]),
    ) {
        let whole = cells(&written(&people, &csv("utf-8", separator, LineEnd::Lf, &people)).0, separator);
        for cell in whole.iter().flatten() {
            let run = cell.starts_with(['\t', '\r', '\n']) || cell.trim_start().starts_with(['=', '+', '-', '@']);
            prop_assert!(!run, "{:?}", cell);
        }
        let (file, report) = written(&people, &csv(encoding, separator, LineEnd::Lf, &people));
        let decoded = decode(&file, encoding);
        let less = cells(decoded.as_bytes(), separator);
        prop_assert_eq!(less.len(), whole.len());
        let differ = whole.iter().flatten().zip(less.iter().flatten()).filter(|(a, b)| a != b);
        prop_assert_eq!(differ.count() as u64, report.lossy_cells);
    }

    #[test]
    fn only_the_custom_fields_that_are_named_are_written(people in vec(anybody(), 1..5), format in prop::sample::select(&[Format::Csv, Format::Vcard][..])) {
        let all = custom_fields(&people);
        let (named, others) = all.split_at(all.len() / 2);
        let options = Options { format, custom_fields: Some(named.to_vec()), ..Options::default() };
        let (file, report) = written(&people, &options);
        let unnamed = |fields: &ContactFields| fields.custom_fields.keys().filter(|name| others.contains(name)).count();
        prop_assert_eq!(report.left_out, people.iter().map(unnamed).sum::<usize>() as u64);
        let (_, again) = read(&file, None);
        let found: BTreeSet<String> = custom_fields(&again).into_iter().collect();
        prop_assert!(found.iter().all(|name| named.contains(name)), "{:?}", found);
    }
}

/// A text in an encoding of one byte to a character.
fn decode(file: &[u8], encoding: &str) -> String {
    let of = Encoding::named(encoding).unwrap();
    let mut letters = std::collections::HashMap::new();
    for letter in ('\0'..='\u{ffff}').filter(|letter| *letter != '\u{fffd}') {
        let (bytes, lost) = of.encode(letter.encode_utf8(&mut [0; 4]));
        if !lost {
            letters.insert(bytes[0], letter);
        }
    }
    file.iter().map(|byte| letters[byte]).collect()
}

fn same(again: &[ContactFields], wanted: &[ContactFields]) -> Result<(), TestCaseError> {
    prop_assert_eq!(again.len(), wanted.len());
    for (again, wanted) in again.iter().zip(wanted) {
        // Contacts show nothing of themselves; invented ones may.
        let shown = |fields: &ContactFields| serde_json::to_string_pretty(fields).unwrap();
        prop_assert_eq!(shown(again), shown(wanted));
    }
    Ok(())
}

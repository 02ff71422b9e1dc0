//! Files that can be seen here as they are, and what no file brings back.

use crm_core::ErrorKind;
use crm_core::consent::{Consent, ConsentStatus, Topic};
use crm_core::contact::normalise::normalise;
use crm_core::contact::{Birthday, ContactFields};
use crm_core::export::{
    ExportReport, Format, LineEnd, MOST_CUSTOM_FIELDS, Options, VcardVersion, Writer,
};
use crm_core::import::{self, Rows, inspect};
use serde_json::{Value, json};

use super::{contact, read, written};

fn anna() -> ContactFields {
    let consent = |channel: &str, status, evidence: Option<&str>| Consent {
        channel: channel.to_owned(),
        topic: Topic::Marketing,
        status,
        evidence: evidence.map(str::to_owned),
        at: chrono::DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
    };
    ContactFields {
        external_id: Some("crm-17".to_owned()),
        name: "Анна Петрова".to_owned(),
        email: Some("anna@post.example".to_owned()),
        phone: Some("+998901234567".to_owned()),
        telegram_chat_id: Some("-100123".to_owned()),
        whatsapp: Some("+998901234568".to_owned()),
        segment: "VIP".to_owned(),
        birthday: Birthday::parse("--03-07"),
        company: Some("ООО \"Чинор\"; сад".to_owned()),
        position: Some("=директор".to_owned()),
        language: "uz-Cyrl".to_owned(),
        time_zone: Some("Asia/Tashkent".to_owned()),
        tags: ["gold".to_owned(), "клуб, зал".to_owned()].into(),
        custom_fields: [
            ("level".to_owned(), json!(7)),
            ("note".to_owned(), json!("a\nb")),
        ]
        .into(),
        preferred_channels: vec!["telegram".to_owned(), "email".to_owned()],
        consent: vec![
            consent("email", ConsentStatus::OptedOut, Some("form 12")),
            consent("*", ConsentStatus::OptedIn, None),
        ],
        last_interaction_date: chrono::DateTime::from_timestamp(1_750_000_000, 0),
    }
}

const ANNA_IN_EXCEL: &str = "\u{feff}id;external_id;name;email;phone;telegram_chat_id;whatsapp;segment;birthday;company;\
    position;language;time_zone;tags;preferred_channels;consent;last_interaction_date;custom_fields.level;custom_fields.note\r\n\
    00000000-0000-0000-0000-000000000000;crm-17;Анна Петрова;anna@post.example;'+998901234567;'-100123;'+998901234568;VIP;\
    '--03-07;\"ООО \"\"Чинор\"\"; сад\";'=директор;uz-Cyrl;Asia/Tashkent;\"[\"\"gold\"\",\"\"клуб, зал\"\"]\";\"telegram;email\";\
    \"email marketing opted_out 2023-11-14T22:13:20Z form 12;* marketing opted_in 2023-11-14T22:13:20Z\";2025-06-15T15:06:40Z;7;\"a\nb\"\r\n";

#[test]
fn a_file_for_excel() {
    let options = Options {
        excel: true,
        custom_fields: Some(vec!["level".to_owned(), "note".to_owned()]),
        ..Options::default()
    };
    let (file, report) = written(&[anna()], &options);
    assert_eq!(String::from_utf8(file).unwrap(), ANNA_IN_EXCEL);
    assert_eq!(
        report,
        ExportReport {
            contacts: 1,
            lossy_cells: 0,
            left_out: 0
        }
    );
    assert_eq!(
        options.media_type(),
        "text/csv; charset=utf-8; header=present"
    );
}

#[test]
fn what_is_said_wins_over_excels_ways() {
    let options = Options {
        excel: true,
        encoding: Some("cp1251".to_owned()),
        separator: Some('\t'),
        line_end: Some(LineEnd::Lf),
        ..Options::default()
    };
    let (file, report) = written(&[anna()], &options);
    assert!(file.starts_with(b"id\texternal_id\tname\t"));
    assert!(file.ends_with(b"\n") && !file.contains(&b'\r'));
    assert_eq!((report.lossy_cells, report.left_out), (0, 2));
    assert_eq!(
        options.media_type(),
        "text/csv; charset=windows-1251; header=present"
    );
    // Long enough a text in Russian says its encoding itself.
    let (found, again) = read(&file, None);
    assert_eq!(found.encoding, "windows-1251");
    assert_eq!(again[0].company, anna().company);
}

#[test]
fn what_an_encoding_has_not_is_a_question_mark_and_counted() {
    let mut somebody = anna();
    somebody.name = "Қодир 李 Ўғли".to_owned();
    somebody.position = Some("🎉".to_owned());
    let options = Options {
        encoding: Some("windows-1251".to_owned()),
        ..Options::default()
    };
    let (file, report) = written(&[somebody, anna()], &options);
    assert_eq!(report.lossy_cells, 2);
    let (_, again) = read(&file, Some("windows-1251"));
    assert_eq!(again[0].name, "?одир ? Ў?ли");
    assert_eq!(again[0].position.as_deref(), Some("?"));
    assert_eq!(again[1].name, anna().name);
}

#[test]
fn a_json_line_is_the_contact() {
    let options = Options {
        format: Format::JsonLines,
        ..Options::default()
    };
    let (file, _) = written(&[anna()], &options);
    let line: Value = serde_json::from_slice(&file).unwrap();
    let mut whole = serde_json::to_value(contact(0, anna())).unwrap();
    let object = whole.as_object_mut().unwrap();
    object.remove("workspace");
    object.remove("erased");
    object.insert("guessed_time_zone".to_owned(), Value::Null);
    object["consent"][1]["evidence"] = Value::Null;
    assert_eq!(line, whole);
    assert_eq!(
        (options.media_type().as_str(), options.extension()),
        ("application/jsonl", "jsonl")
    );
}

#[test]
fn nobody_is_said_to_have_agreed_by_a_file() {
    for format in [Format::Csv, Format::JsonLines, Format::Vcard] {
        let options = Options {
            format,
            ..Options::default()
        };
        let (_, again) = read(&written(&[anna()], &options).0, None);
        assert_eq!(again[0].consent, anna().consent[..1], "{format:?}");
    }
}

#[test]
fn a_word_on_consent_that_cannot_be_read_stops_its_row_alone() {
    let (file, _) = written(&[anna(), anna()], &Options::default());
    let file = String::from_utf8(file)
        .unwrap()
        .replacen("opted_out", "opted-out", 1);
    let mut file = std::io::Cursor::new(file.into_bytes());
    let found = inspect(&mut file, &Default::default()).unwrap();
    let rows: Vec<_> = Rows::new(file, &found)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let error = rows[0].person.as_ref().unwrap_err();
    assert_eq!(error.fields()[0].field, "consent");
    assert!(rows[1].person.is_ok());
}

/// U+FFFD says that bytes were no text; an import takes no row with it, though a store may hold it.
#[test]
fn a_replacement_character_does_not_come_back() {
    let mut somebody = anna();
    somebody.name = "Anna \u{fffd}".to_owned();
    for format in [Format::Csv, Format::JsonLines, Format::Vcard] {
        let options = Options {
            format,
            ..Options::default()
        };
        let (file, _) = written(&[somebody.clone(), anna()], &options);
        let mut file = std::io::Cursor::new(file);
        let found = inspect(&mut file, &Default::default()).unwrap();
        let rows: Vec<_> = Rows::new(file, &found)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert!(
            rows[0].person.is_err() && rows[1].person.is_ok(),
            "{format:?}"
        );
    }
}

/// A file of ours that went through a spreadsheet has its dates and numbers.
#[test]
fn what_a_spreadsheet_did_to_a_file_of_ours_is_understood() {
    let (file, _) = written(&[anna()], &Options::default());
    let file = String::from_utf8(file).unwrap();
    let file = file
        .replace("'--03-07", "07.03.1985")
        .replace("'+998901234567", "\"9,98901E+11\"");
    let mut file = std::io::Cursor::new(file.into_bytes());
    let found = inspect(&mut file, &Default::default()).unwrap();
    let row = Rows::new(file, &found).unwrap().next().unwrap().unwrap();
    let person = row.person.unwrap();
    assert_eq!(person.fields.birthday, Birthday::parse("1985-03-07"));
    assert_eq!((person.fields.phone, person.lost.len()), (None, 1));
    assert_eq!(person.lost[0].column, "phone");
}

/// The most that a contact may hold comes back, too.
#[test]
fn a_contact_of_the_greatest_size_comes_back() {
    let mut somebody = anna();
    somebody.tags = (0..100)
        .map(|n| format!("{n:03}{}", "🎉".repeat(61)))
        .collect();
    somebody.consent = (0..100)
        .map(|n| Consent {
            channel: format!("{n:03}{}", "ы;".repeat(30)),
            topic: Topic::Relationship,
            status: ConsentStatus::OptedOut,
            evidence: Some("🎉".repeat(200)),
            at: chrono::DateTime::UNIX_EPOCH,
        })
        .collect();
    somebody.custom_fields = [("note".to_owned(), json!("ы".repeat(8_000)))].into();
    for format in [Format::Csv, Format::JsonLines, Format::Vcard] {
        let custom = (format != Format::JsonLines).then(|| vec!["note".to_owned()]);
        let options = Options {
            format,
            custom_fields: custom,
            ..Options::default()
        };
        let (_, again) = read(&written(&[somebody.clone()], &options).0, None);
        assert!(again[0] == somebody, "{format:?}");
    }
}

#[test]
fn a_card_is_not_ended_by_what_a_text_says() {
    // Folded so that one line is nothing but the end of a card.
    for before in 0..80 {
        let mut somebody = anna();
        somebody.custom_fields = [(
            "note".to_owned(),
            json!(format!("{}{}", "a".repeat(before), "END:VCARD".repeat(9))),
        )]
        .into();
        let options = Options {
            format: Format::Vcard,
            ..Options::default()
        };
        let (_, again) = read(&written(&[somebody.clone(), anna()], &options).0, None);
        assert_eq!(again.len(), 2, "{before}");
        assert_eq!(again[0].custom_fields, somebody.custom_fields, "{before}");
    }
}

#[test]
fn cards_of_ours_are_cards_for_everybody() {
    for version in [VcardVersion::V3, VcardVersion::V4] {
        let options = Options {
            format: Format::Vcard,
            vcard_version: Some(version),
            ..Options::default()
        };
        let (file, _) = written(&[anna()], &options);
        // Who does not know us reads what is common.
        let file = String::from_utf8(file)
            .unwrap()
            .replace("PRODID", "X-PRODID");
        let (found, again) = read(file.as_bytes(), None);
        assert_eq!(found.profile, "vcard");
        let (again, anna) = (&again[0], anna());
        assert_eq!(again.name, anna.name);
        assert_eq!((&again.email, &again.phone), (&anna.email, &anna.phone));
        assert_eq!(
            (again.birthday, &again.time_zone),
            (anna.birthday, &anna.time_zone)
        );
        assert_eq!(
            (&again.company, &again.position),
            (&anna.company, &anna.position)
        );
        assert_eq!(again.telegram_chat_id, anna.telegram_chat_id);
        assert_eq!(again.tags.len(), 3, "{:?}", again.tags);
    }
}

#[test]
fn an_erased_contact_is_left_out() {
    let mut writer = Writer::new(&Options::default()).unwrap();
    let mut erased = contact(1, anna());
    erased.erased = true;
    let mut file = Vec::new();
    writer.contact(&erased, &mut file);
    assert!(file.is_empty());
    assert_eq!(writer.report(), ExportReport::default());
}

#[test]
fn wishes_that_do_not_go_together_are_refused() {
    let text = |text: &str| Some(text.to_owned());
    let json = || Options {
        format: Format::JsonLines,
        ..Options::default()
    };
    let fields = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    let many: Vec<String> = (0..=MOST_CUSTOM_FIELDS).map(|n| format!("f{n}")).collect();
    for (options, field) in [
        (
            Options {
                encoding: text("klingon"),
                ..Options::default()
            },
            "encoding",
        ),
        (
            Options {
                encoding: text("shift_jis"),
                ..Options::default()
            },
            "encoding",
        ),
        (
            Options {
                separator: Some('x'),
                ..Options::default()
            },
            "separator",
        ),
        (
            Options {
                line_end: Some(LineEnd::Cr),
                ..Options::default()
            },
            "line_end",
        ),
        (
            Options {
                line_end: Some(LineEnd::Mixed),
                ..Options::default()
            },
            "line_end",
        ),
        (
            Options {
                vcard_version: Some(VcardVersion::V3),
                ..Options::default()
            },
            "vcard_version",
        ),
        (
            Options {
                custom_fields: fields(&["Level"]),
                ..Options::default()
            },
            "custom_fields",
        ),
        (
            Options {
                custom_fields: fields(&["a", "b", "a"]),
                ..Options::default()
            },
            "custom_fields",
        ),
        (
            Options {
                custom_fields: Some(many),
                ..Options::default()
            },
            "custom_fields",
        ),
        (
            Options {
                encoding: text("windows-1251"),
                ..json()
            },
            "encoding",
        ),
        (
            Options {
                encoding: text("utf-8-bom"),
                ..json()
            },
            "encoding",
        ),
        (
            Options {
                separator: Some(';'),
                ..json()
            },
            "separator",
        ),
        (
            Options {
                line_end: Some(LineEnd::Lf),
                ..json()
            },
            "line_end",
        ),
        (
            Options {
                excel: true,
                ..json()
            },
            "excel",
        ),
        (
            Options {
                custom_fields: fields(&["a"]),
                ..json()
            },
            "custom_fields",
        ),
        (
            Options {
                vcard_version: Some(VcardVersion::V4),
                ..json()
            },
            "vcard_version",
        ),
    ] {
        let error = Writer::new(&options).unwrap_err();
        assert_eq!(
            (error.kind(), error.fields()[0].field.as_str()),
            (ErrorKind::Invalid, field),
            "{options:?}"
        );
    }
    for encoding in ["UTF8", "cp866", "utf-16", "latin1", "windows-1252"] {
        let options = Options {
            encoding: text(encoding),
            ..Options::default()
        };
        assert!(Writer::new(&options).is_ok(), "{encoding}");
    }
    assert!(
        Writer::new(&Options {
            encoding: text("utf-8"),
            ..json()
        })
        .is_ok()
    );
}

/// Whoever says what a column fills has the file read as one of another program; a no stays a no.
#[test]
fn a_mapping_wins_over_what_a_file_of_ours_says() {
    let (file, _) = written(&[anna()], &Options::default());
    let read = |mapping: &[(&str, Option<&str>)]| {
        let mapping = mapping.iter().map(|(name, target)| {
            let target = target.map(str::to_owned);
            ((*name).to_owned(), target)
        });
        let options = import::Options {
            mapping: mapping.collect(),
            ..import::Options::default()
        };
        let mut file = std::io::Cursor::new(&file);
        let found = inspect(&mut file, &options).unwrap();
        let row = Rows::new(file, &found).unwrap().next().unwrap();
        normalise(row.unwrap().person.unwrap().fields).unwrap()
    };
    let less = read(&[("company", None), ("id", Some("external_id"))]);
    assert_eq!((less.company, less.consent.len()), (None, 1));
    assert_ne!(less.external_id, anna().external_id);
    let other = read(&[("segment", Some("middle_name"))]);
    assert_eq!(
        (other.phone, other.position),
        (anna().phone, anna().position)
    );
    assert_eq!(other.consent, anna().consent[..1]);
    assert_eq!(other.preferred_channels, anna().preferred_channels);
    assert_eq!(other.last_interaction_date, anna().last_interaction_date);
    assert_eq!(other.tags, anna().tags);
}

/// What other files call consent may be anything: it is kept as it is, unless somebody says what it means.
#[test]
fn a_column_of_that_name_in_another_file_is_its_own_affair() {
    let file = b"name,email,consent,last_interaction_date\nAnna,anna@post.example,yes,12.03.2024\n\
        Vera,vera@post.example,email marketing opted_out 2026-01-31T09:00:00Z,2026-01-31T09:00:00+05:00\n";
    let (_, people) = read(file, None);
    assert_eq!(people[0].custom_fields["consent"], "yes");
    assert_eq!(
        people[0].custom_fields["last_interaction_date"],
        "12.03.2024"
    );
    assert_eq!(people[0].last_interaction_date, None);
    assert!(people[1].consent.is_empty());
    let at = people[1].last_interaction_date.unwrap();
    assert_eq!(at.to_rfc3339(), "2026-01-31T04:00:00+00:00");
    let options = import::Options {
        mapping: [("consent".to_owned(), Some("consent".to_owned()))].into(),
        ..import::Options::default()
    };
    let mut file = std::io::Cursor::new(file);
    let found = inspect(&mut file, &options).unwrap();
    let rows: Vec<_> = Rows::new(file, &found)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(
        rows[0].person.as_ref().unwrap_err().fields()[0].field,
        "consent"
    );
    let vera = rows[1].person.as_ref().unwrap();
    assert_eq!(vera.fields.consent[0].status, ConsentStatus::OptedOut);
}

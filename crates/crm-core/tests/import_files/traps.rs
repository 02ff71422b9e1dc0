//! What programs do to contacts, and files that are broken.

use std::io::Cursor;

use crm_core::contact::AddressKind;
use crm_core::import::{Detected, Format, LineEnd, Options, Order, Row, Rows, inspect};
use crm_core::{Error, ErrorKind};

use crate::read;

fn plain(file: &str) -> (Detected, Vec<Row>) {
    read(file.as_bytes(), &Options::default())
}

fn refused(file: &[u8]) -> Error {
    inspect(&mut Cursor::new(file), &Options::default()).unwrap_err()
}

fn codes(found: &Detected) -> Vec<String> {
    let column = |column: &Option<String>| {
        column
            .as_ref()
            .map_or(String::new(), |column| format!(" {column}"))
    };
    found
        .warnings
        .iter()
        .map(|warning| warning.code.clone() + &column(&warning.column))
        .collect()
}

/// What is wrong with a row, by the names of its columns.
fn wrong(row: &Row) -> String {
    match &row.person {
        Ok(_) => String::new(),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Invalid);
            let fields = error.fields().iter().map(|field| field.field.as_str());
            fields.collect::<Vec<_>>().join(",")
        }
    }
}

#[test]
fn further_addresses_and_unknown_columns_become_custom_fields() {
    let file = "First Name,Last Name,Labels,E-mail 1 - Label,E-mail 1 - Value,E-mail 2 - Label,E-mail 2 - Value,Phone 1 - Value,Notes\n\
        Anna,Smith,* myContacts ::: Gold ::: VIP,Home,home@post.example,* Work,work@post.example ::: third@post.example,901234567,\"a\nb\"\n";
    let (found, rows) = plain(file);
    assert_eq!(
        (found.profile.as_str(), found.format),
        ("google", Format::Csv)
    );
    let fields = &rows[0].person.as_ref().unwrap().fields;
    assert_eq!(fields.email.as_deref(), Some("work@post.example"));
    assert_eq!(fields.custom_fields["e_mail_2_value"], "third@post.example");
    assert_eq!(fields.custom_fields["e_mail_1_value"], "home@post.example");
    assert_eq!(fields.custom_fields["notes"], "a\nb");
    assert_eq!(
        fields.tags.iter().map(String::as_str).collect::<Vec<_>>(),
        ["Gold", "VIP"]
    );
}

#[test]
fn who_opted_out_bounced_or_was_deleted_at_salesforce_stays_so() {
    let file = "\"Id\",\"IsDeleted\",\"AccountId\",\"LastName\",\"FirstName\",\"Email\",\"HasOptedOutOfEmail\",\"DoNotCall\",\"EmailBouncedReason\"\n\
        \"1\",\"0\",\"\",\"A\",\"Ann\",\"a@post.example\",\"1\",\"0\",\"\"\n\
        \"2\",\"0\",\"\",\"B\",\"Bob\",\"b@post.example\",\"0\",\"1\",\"550 no such user\"\n\
        \"3\",\"1\",\"\",\"C\",\"Cid\",\"c@post.example\",\"0\",\"0\",\"\"\n";
    let (_, rows) = plain(file);
    let person = |row: usize| rows[row].person.as_ref().unwrap();
    assert_eq!(
        (person(0).opted_out.clone(), person(0).bounced),
        (vec![AddressKind::Email], false)
    );
    assert_eq!(
        (person(1).opted_out.clone(), person(1).bounced),
        (vec![AddressKind::Phone], true)
    );
    assert_eq!(wrong(&rows[2]), "IsDeleted");
}

#[test]
fn a_number_that_excel_cut_short_is_lost_and_said() {
    let file = "Имя;Телефон;E-mail\nАнна;9,98901E+11;anna@post.example\nЮрий;9,98901E+11;\n";
    let (_, rows) = plain(file);
    let anna = rows[0].person.as_ref().unwrap();
    assert_eq!(
        (anna.fields.phone.as_deref(), anna.lost[0].column.as_str()),
        (None, "Телефон")
    );
    // Nothing is left to reach him at.
    assert_eq!(wrong(&rows[1]), "Телефон");
}

#[test]
fn a_name_and_a_patronymic_alone_are_a_name() {
    let (_, rows) = plain("Имя;Отчество\nАнна;Петровна\nИванова Анна;\n");
    let name = |row: usize| rows[row].person.as_ref().unwrap().fields.name.clone();
    assert_eq!(
        (name(0), name(1)),
        ("Анна Петровна".to_owned(), "Иванова Анна".to_owned())
    );
}

#[test]
fn a_column_says_how_its_dates_are_written() {
    let dates = |cells: &[&str], options: &Options| {
        let file = format!(
            "name,birthday\n{}",
            cells
                .iter()
                .map(|cell| format!("A,{cell}\n"))
                .collect::<String>()
        );
        let (found, rows) = read(file.as_bytes(), options);
        let dates: Vec<String> = rows
            .iter()
            .map(|row| {
                row.person
                    .as_ref()
                    .map_or("!".into(), |p| p.fields.birthday.unwrap().to_string())
            })
            .collect();
        (dates.join(" "), codes(&found).join(" "))
    };
    let auto = Options::default();
    let months = Options {
        dates: Some(Order::MonthFirst),
        ..Options::default()
    };
    let (read, warned) = dates(&["3/7/1985", "12/31/1990"], &auto);
    assert_eq!(
        (read.as_str(), warned.as_str()),
        ("1985-03-07 1990-12-31", "")
    );
    let (read, warned) = dates(&["3/7/1985", "31/12/1990"], &months);
    assert_eq!(
        (read.as_str(), warned.as_str()),
        ("1985-07-03 1990-12-31", ""),
        "the values know better"
    );
    let (read, warned) = dates(&["3/7/1985", "5/5/1990"], &auto);
    assert_eq!(
        (read.as_str(), warned.as_str()),
        ("1985-07-03 1990-05-05", "ambiguous_dates birthday")
    );
    let (read, warned) = dates(&["3/7/1985"], &months);
    assert_eq!((read.as_str(), warned.as_str()), ("1985-03-07", ""));
}

#[test]
fn a_person_may_say_it_better() {
    let file = "\u{41a}\u{442}\u{43e}|почта|level\nАнна|a@post.example|7\n";
    let options: Options = serde_json::from_str(
        r#"{"separator": "|", "mapping": {"Кто": "name", "почта": "custom_fields.mail", "level": null}}"#,
    )
    .unwrap();
    let (found, rows) = read(file.as_bytes(), &options);
    let fields = &rows[0].person.as_ref().unwrap().fields;
    assert_eq!(
        (fields.name.as_str(), fields.custom_fields.len()),
        ("Анна", 1)
    );
    assert_eq!(fields.custom_fields["mail"], "a@post.example");
    assert_eq!(found.mapping["level"], None);
    // The same decisions, kept and read again.
    let kept: Detected = serde_json::from_str(&serde_json::to_string(&found).unwrap()).unwrap();
    assert_eq!(kept, found);
    let again = Rows::new(Cursor::new(file), &kept)
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    assert_eq!(again.person.unwrap().fields, *fields);
    for options in [
        r#"{"encoding": "klingon"}"#,
        r#"{"separator": "x"}"#,
        r#"{"mapping": {"Nobody": "name"}}"#,
    ] {
        let options: Options = serde_json::from_str(options).unwrap();
        assert!(inspect(&mut Cursor::new("name\nAnna\n"), &options).is_err());
    }
    // Bytes of Windows-1251 that a person takes for what they are, against all appearances.
    let bytes = b"name,note\n\xc0\xed\xed\xe0,x\n";
    let options: Options = serde_json::from_str(r#"{"encoding": "cp1251"}"#).unwrap();
    let (found, rows) = read(bytes, &options);
    assert_eq!(
        (found.encoding.as_str(), found.encoding_confidence),
        ("windows-1251", 1.0)
    );
    assert_eq!(rows[0].person.as_ref().unwrap().fields.name, "Анна");
}

#[test]
fn bad_rows_leave_the_others_alone_and_keep_their_cells() {
    let file = b"name,email\r\nAnna,a@post.example\r\nBob\r\n\"Eve,e@post.example\r\nNul\0,n@post.example\r\nBad \xff,b@post.example\r\n\
        Gus,g@post.example,x\r\nLast,l@post.example\r\n";
    let options: Options = serde_json::from_str(r#"{"encoding": "utf-8"}"#).unwrap();
    let (found, rows) = read(file, &options);
    let good: Vec<bool> = rows.iter().map(|row| row.person.is_ok()).collect();
    assert_eq!(good, [true, false, false, false, false, false, true]);
    assert_eq!(
        rows.iter().map(|row| row.line).collect::<Vec<_>>(),
        [2, 3, 4, 5, 6, 7, 8]
    );
    assert_eq!(found.rows, 7);
    assert_eq!(rows[1].cells, ["Bob"]);
    assert_eq!(rows[2].cells, ["\"Eve", "e@post.example"]);
    let shown = format!("{rows:?} {:?}", rows[0].person);
    assert!(!shown.contains("Anna") && !shown.contains("Bob"), "{shown}");
}

#[test]
fn files_with_a_word_of_their_own_are_understood() {
    let (found, rows) = plain("sep=|\r\nname|note\r\nAnna|a,b;c\r\n");
    assert_eq!(
        (found.separator.as_str(), found.line_end, rows[0].line),
        ("|", LineEnd::Crlf, 3)
    );
    assert_eq!(
        rows[0].person.as_ref().unwrap().fields.custom_fields["note"],
        "a,b;c"
    );
    let (found, _) = plain("name\nAnna; 901234567\n");
    assert_eq!(codes(&found), ["one_column"]);
    let (found, rows) = plain("name,phone,reject_reason\n'=Anna,'+998 90 123-45-67,line 2: bad\n");
    let fields = &rows[0].person.as_ref().unwrap().fields;
    assert_eq!(
        (fields.name.as_str(), fields.phone.as_deref()),
        ("=Anna", Some("+998 90 123-45-67"))
    );
    assert!(fields.custom_fields.is_empty() && found.mapping["reject_reason"].is_none());
    let (found, rows) = plain("name,email\n");
    assert_eq!((found.rows, rows.len()), (0, 0));
}

#[test]
fn what_is_no_file_of_contacts_is_refused_with_a_way_out() {
    for (file, hint) in [
        (&b""[..], "empty"),
        (b" \r\n\n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"PK\x03\x04 a workbook", "CSV UTF-8"),
        (b"\xd0\xcf\x11\xe0", "CSV UTF-8"),
        (b"%PDF-1.7", "PDF"),
        (b"\x89PNG\r\n\x1a\n\0\0", "picture"),
        (b"a,b\n1,2\n", "for example name,email,phone"),
        (b"phone,email\n1,2\n", "mapping"),
        (b"na\0me,email\nAnna,a@post.example\n", ""),
        (b"\"name,email\nAnna,a@post.example\n", "quotation mark"),
    ] {
        let error = refused(file);
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(
            error.fields()[0].message.contains(hint),
            "{:?}: {}",
            String::from_utf8_lossy(file),
            error.fields()[0].message
        );
    }
    let many = format!("name{}\nx\n", ",a".repeat(600));
    assert!(
        refused(many.as_bytes()).fields()[0]
            .message
            .contains("500 columns")
    );
}

#[test]
fn json_lines_may_name_fields_as_columns_do() {
    let file = "{\"ФИО\": \"Иванова Анна Петровна\", \"Телефон\": 901234567}\n{\"name\": \"Bob\", \"tags\": [\"a\", \"b\"]}\nnot json\n";
    let (found, rows) = plain(file);
    assert_eq!((found.format, found.rows), (Format::JsonLines, 3));
    let anna = &rows[0].person.as_ref().unwrap().fields;
    assert_eq!(
        (anna.name.as_str(), anna.phone.as_deref()),
        ("Анна Петровна Иванова", Some("901234567"))
    );
    assert_eq!(rows[1].person.as_ref().unwrap().fields.tags.len(), 2);
    assert_eq!(
        (rows[2].person.is_ok(), rows[2].cells[0].as_str()),
        (false, "not json")
    );
}

/// Any bytes at all: it is refused or read, and every row is there twice alike.
#[test]
fn any_bytes_are_refused_or_read() {
    let pieces: [&[u8]; 16] = [
        b"name,email\n",
        b"\"",
        b",",
        b"\r",
        b"\n",
        b"\r\n",
        b"\0",
        b"\xff",
        b"Anna",
        b"\xd0\x90",
        b"BEGIN:VCARD\n",
        b"END:VCARD\n",
        b"FN;QUOTED-PRINTABLE:=D0=",
        b"{\"name\":\"x\"}",
        b"sep=;\n",
        b"\xef\xbb\xbf",
    ];
    // A fixed sequence of pseudo-random numbers (Knuth's MMIX constants).
    let mut state = 1_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    let mut opened = 0;
    for _ in 0..3_000 {
        let mut file = if next() % 2 == 0 {
            b"name,email\n".to_vec()
        } else {
            Vec::new()
        };
        for _ in 0..next() % 24 {
            file.extend_from_slice(pieces[next() % pieces.len()]);
        }
        let mut file = Cursor::new(file);
        let Ok(found) = inspect(&mut file, &Options::default()) else {
            continue;
        };
        opened += 1;
        let lines = |file: &mut Cursor<Vec<u8>>| -> Vec<(u64, Vec<String>)> {
            let rows = Rows::new(file, &found).unwrap();
            rows.map(Result::unwrap)
                .map(|row| (row.line, row.cells))
                .collect()
        };
        let first = lines(&mut file);
        assert_eq!(first.len() as u64, found.rows);
        assert_eq!(lines(&mut file), first);
        assert!(
            first.windows(2).all(|pair| pair[0].0 < pair[1].0),
            "lines go up"
        );
    }
    assert!(opened > 500, "{opened}");
}

//! The same people in workbooks, and workbooks that are broken or meant to break something.

use std::io::{Cursor, Write};

use crm_core::import::{Format, Options, Rows, inspect};
use proptest::prelude::*;
use rust_xlsxwriter::{ExcelDateTime, Format as CellFormat, Workbook, Worksheet};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::people::{Letters, people};
use crate::{files, found, read, wanted};

/// How cells are typed into a workbook.
#[derive(Clone, Copy, PartialEq)]
enum Typed {
    /// Everything is text.
    Text,
    /// Numbers are numbers and dates are dates, as a spreadsheet makes them.
    Values,
}

fn fill(sheet: &mut Worksheet, rows: &[Vec<String>], typed: Typed) {
    let day = CellFormat::new().set_num_format("dd.mm.yyyy");
    for (row, cells) in (0_u32..).zip(rows) {
        for (column, cell) in (0_u16..).zip(cells) {
            let is_number = !cell.is_empty()
                && cell.bytes().all(|byte| byte.is_ascii_digit())
                && cell.len() < 15;
            let date = (cell.len() == 10).then(|| ExcelDateTime::parse_from_str(cell));
            match date {
                Some(Ok(date)) if typed == Typed::Values => {
                    sheet.write_with_format(row, column, &date, &day).unwrap();
                }
                _ if is_number && typed == Typed::Values => {
                    let number: f64 = cell.parse().unwrap();
                    sheet.write(row, column, number).unwrap();
                }
                _ => {
                    sheet.write(row, column, cell).unwrap();
                }
            }
        }
    }
}

fn book(rows: &[Vec<String>], typed: Typed) -> Vec<u8> {
    let mut book = Workbook::new();
    fill(book.add_worksheet(), rows, typed);
    book.save_to_buffer().unwrap()
}

fn rows(text: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| line.split('|').map(str::to_owned).collect();
    text.lines().map(cells).collect()
}

#[test]
fn the_same_people_come_out_of_every_workbook() {
    for letters in [Letters::All, Letters::Russian, Letters::Western] {
        let people = people(letters);
        for sheet in files::all(&people) {
            let mut rows = vec![sheet.header];
            rows.extend(sheet.rows);
            for typed in [Typed::Text, Typed::Values] {
                let (detected, rows) = read(&book(&rows, typed), &Options::default());
                assert_eq!(detected.format, Format::Xlsx);
                assert_eq!(detected.profile, sheet.profile);
                assert_eq!((detected.rows, detected.sheet.as_str()), (20, "Sheet1"));
                assert_eq!(detected.warnings, []);
                let mut wanted = wanted(&people);
                if sheet.profile == "salesforce" {
                    wanted.iter_mut().for_each(|person| person[4].clear());
                }
                assert_eq!(found(rows), wanted, "{}", sheet.profile);
            }
        }
    }
}

#[test]
fn the_first_sheet_that_can_be_seen_is_read_or_the_one_that_is_named() {
    let mut book = Workbook::new();
    let named = |name: &str| rows(&format!("name|phone\n{name}|901234567"));
    let hidden = book.add_worksheet().set_name("old").unwrap();
    hidden.set_hidden(true);
    fill(hidden, &named("Zoya"), Typed::Text);
    let first = book.add_worksheet().set_name("Клиенты").unwrap();
    first.set_active(true);
    fill(first, &named("Anna"), Typed::Text);
    fill(
        book.add_worksheet().set_name("More").unwrap(),
        &named("Boris"),
        Typed::Text,
    );
    let file = book.save_to_buffer().unwrap();

    let (detected, rows) = read(&file, &Options::default());
    assert_eq!(detected.sheet, "Клиенты");
    assert_eq!(detected.warnings[0].code, "more_sheets");
    assert_eq!(found(rows)[0][0], "Anna");

    let of = |sheet: &str| Options {
        sheet: Some(sheet.to_owned()),
        ..Options::default()
    };
    let (detected, rows) = read(&file, &of("More"));
    assert_eq!(found(rows)[0][0], "Boris");
    assert_eq!(detected.warnings, []);
    for sheet in ["old", "none", ""] {
        let error = inspect(&mut Cursor::new(&file), &of(sheet)).unwrap_err();
        let fault = &error.fields()[0];
        assert_eq!(fault.field, "sheet");
        assert!(fault.message.contains("\"Клиенты\", \"More\""), "{fault:?}");
    }
}

#[test]
fn rows_keep_their_numbers_and_odd_ones_are_told() {
    let text = "\n|name|phone\n\n|Anna|901234567\n|Boris|901234568|more\n|Vera";
    let (detected, rows) = read(&book(&rows(text), Typed::Text), &Options::default());
    assert_eq!(detected.rows, 3);
    let lines: Vec<u64> = rows.iter().map(|row| row.line).collect();
    assert_eq!(lines, [4, 5, 6]);
    assert_eq!(rows[0].person.as_ref().unwrap().fields.name, "Anna");
    let error = rows[1].person.as_ref().unwrap_err().fields()[0].clone();
    assert_eq!(error.message, "it has 4 cells instead of 3");
    assert_eq!(rows[1].cells, ["", "Boris", "901234568", "more"]);
    assert_eq!(rows[2].person.as_ref().unwrap().fields.name, "Vera");
}

#[test]
fn values_are_what_a_person_sees() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    fill(
        sheet,
        &rows("id|name|phone|vip|seen|level|rate|none"),
        Typed::Text,
    );
    let day = CellFormat::new().set_num_format("yyyy-mm-dd hh:mm");
    let noon = ExcelDateTime::parse_from_str("2026-03-04T12:30:00").unwrap();
    sheet.write(1, 0, 123_456_789_012_345_f64).unwrap();
    sheet.write(1, 1, "  Анна\u{a0} ").unwrap();
    sheet.write(1, 2, 998_901_234_567.0).unwrap();
    sheet.write(1, 3, true).unwrap();
    sheet.write_with_format(1, 4, &noon, &day).unwrap();
    sheet.write(1, 5, 1.5).unwrap();
    sheet.write(1, 6, 0.1 + 0.2).unwrap();
    sheet.write(1, 7, "").unwrap();
    // A card number typed as one: its last digits are gone in the file already.
    sheet.write(2, 0, 1_234_567_890_123_456_789.0).unwrap();
    sheet.write(2, 1, "Boris").unwrap();
    sheet.write(2, 2, 1e21).unwrap();
    sheet
        .write_formula(
            3,
            1,
            rust_xlsxwriter::Formula::new("=\"Ve\"&\"ra\"").set_result("Vera"),
        )
        .unwrap();
    sheet.write(3, 2, 901_234_568).unwrap();
    let file = book.save_to_buffer().unwrap();
    let (_, rows) = read(&file, &Options::default());
    let person = rows[0].person.as_ref().unwrap();
    let fields = &person.fields;
    assert_eq!(fields.external_id.as_deref(), Some("123456789012345"));
    assert_eq!(fields.name.trim(), "Анна");
    assert_eq!(fields.phone.as_deref(), Some("998901234567"));
    let custom = |name: &str| fields.custom_fields[name].as_str().unwrap();
    assert_eq!(custom("vip"), "true");
    assert_eq!(custom("seen"), "2026-03-04 12:30:00");
    assert_eq!(custom("level"), "1.5");
    assert_eq!(custom("rate"), "0.30000000000000004");
    assert!(!fields.custom_fields.contains_key("none"));
    // Neither an id nor a phone is left: the row says nothing usable.
    let faults = rows[1].person.as_ref().unwrap_err().fields().to_vec();
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(
        faults
            .iter()
            .all(|fault| fault.message.contains("cut its last digits off"))
    );
    assert_eq!(rows[2].person.as_ref().unwrap().fields.name, "Vera");
}

#[test]
fn what_a_formula_could_not_work_out_is_lost_and_told() {
    let text =
        "name|phone|email|company\nAnna|901234567|#N/A|#REF!\n#VALUE!|901234568||\nVera|#DIV/0!||";
    for file in [
        book(&rows(text), Typed::Text),
        text.replace('|', ",").into_bytes(),
    ] {
        let (_, rows) = read(&file, &Options::default());
        let person = rows[0].person.as_ref().unwrap();
        assert_eq!(person.fields.email, None);
        assert_eq!(person.fields.company, None);
        let lost: Vec<&str> = person
            .lost
            .iter()
            .map(|lost| lost.column.as_str())
            .collect();
        assert_eq!(lost, ["email", "company"]);
        assert_eq!(rows[1].person.as_ref().unwrap().fields.name, "");
        assert!(rows[2].person.is_err());
    }
}

fn refusal(file: &[u8]) -> String {
    let error = inspect(&mut Cursor::new(file), &Options::default()).unwrap_err();
    error.fields()[0].message.clone()
}

/// A workbook of these parts, which are packed as they are.
fn packed(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        archive
            .start_file(*name, SimpleFileOptions::default())
            .unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn what_is_no_workbook_is_refused_with_what_to_do() {
    let good = book(&rows("name|phone\nAnna|901234567"), Typed::Text);
    assert!(refusal(&good[..good.len() / 2]).contains("damaged"));
    assert!(refusal(b"PK\x03\x04").contains("damaged"));
    assert!(refusal(&packed(&[("letter.txt", b"Dear Anna")])).contains("an archive"));
    assert!(refusal(&book(&[], Typed::Text)).contains("\"Sheet1\" is empty"));
    assert!(refusal(&book(&rows("901234567|Anna"), Typed::Text)).contains("must name the columns"));
    // What Excel writes with a password, and what it wrote before 2007.
    assert!(refusal(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1").contains("old workbook"));
}

/// The parts of a small workbook, and one sheet of this text.
fn with_sheet(sheet: &[u8], strings: &[u8]) -> Vec<u8> {
    let types = b"<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>";
    let relations = b"<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
        <Relationship Id=\"rId1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>";
    let workbook = b"<workbook xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\" \
        xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\"><sheets><sheet name=\"S\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>";
    let sheets = b"<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
        <Relationship Id=\"rId1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet\" Target=\"worksheets/sheet1.xml\"/></Relationships>";
    packed(&[
        ("[Content_Types].xml", types),
        ("_rels/.rels", relations),
        ("xl/workbook.xml", workbook),
        ("xl/_rels/workbook.xml.rels", sheets),
        ("xl/sharedStrings.xml", strings),
        ("xl/worksheets/sheet1.xml", sheet),
    ])
}

fn sheet_of(cells: &str) -> Vec<u8> {
    format!(
        "<worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData>{cells}</sheetData></worksheet>"
    )
    .into_bytes()
}

const HEADER: &str = "<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>name</t></is></c></row>";

#[test]
fn a_workbook_that_unpacks_to_more_than_fits_is_refused() {
    let strings = b"<sst/>";
    let small = sheet_of(&format!(
        "{HEADER}<row r=\"2\"><c r=\"A2\" t=\"inlineStr\"><is><t>Anna</t></is></c></row>"
    ));
    let (_, rows) = read(&with_sheet(&small, strings), &Options::default());
    assert_eq!(found(rows)[0][0], "Anna");
    // One cell of two million letters.
    let long = format!(
        "{HEADER}<row r=\"2\"><c r=\"A2\" t=\"inlineStr\"><is><t>{}</t></is></c></row>",
        "a".repeat(2_000_000)
    );
    assert!(refusal(&with_sheet(&sheet_of(&long), strings)).contains("too large"));
    // Seventy megabytes of texts beside the sheet pack into less than one.
    let many = [b"<si><t>a</t></si>".repeat(4_200_000)].concat();
    assert!(refusal(&with_sheet(&small, &many)).contains("too large"));
    drop(many);
    // Few cells that all show the longest text there may be.
    let text = format!("<sst><si><t>{}</t></si></sst>", "a".repeat(32_767));
    let cells: String = (2..2_200)
        .map(|row| format!("<row r=\"{row}\"><c r=\"A{row}\" t=\"s\"><v>0</v></c></row>"))
        .collect();
    let file = with_sheet(&sheet_of(&(HEADER.to_owned() + &cells)), text.as_bytes());
    assert!(refusal(&file).contains("too large"));
}

#[test]
fn cells_far_away_cost_nothing() {
    // Every row has a cell in the last column of Excel.
    let cells: String = (2..3_000)
        .map(|row| {
            format!(
                "<row r=\"{row}\"><c r=\"XFD{row}\" t=\"inlineStr\"><is><t>x</t></is></c></row>"
            )
        })
        .collect();
    let file = with_sheet(&sheet_of(&(HEADER.to_owned() + &cells)), b"<sst/>");
    let (detected, rows) = read(&file, &Options::default());
    assert_eq!(detected.rows, 2_998);
    assert!(
        rows.iter()
            .all(|row| row.person.is_err() && row.cells.len() == 501)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever bytes are changed in whichever part: rows or a refusal, never a panic.
    #[test]
    fn a_damaged_workbook_is_read_or_refused(
        part in 0_usize..6,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let sheet = sheet_of(&format!(
            "<dimension ref=\"A1:B3\"/>{HEADER}<row r=\"2\" spans=\"1:2\"><c r=\"A2\" t=\"s\"><v>0</v></c>\
            <c r=\"B2\" s=\"0\"><v>45000.5</v></c></row><row r=\"3\"><c r=\"A3\" t=\"b\"><v>1</v></c><c t=\"e\"><v>#N/A</v></c></row>"
        ));
        let file = with_sheet(&sheet, b"<sst count=\"1\"><si><t>Anna</t></si></sst>");
        let mut archive = zip::ZipArchive::new(Cursor::new(file)).unwrap();
        let mut parts = Vec::new();
        for number in 0..archive.len() {
            let mut entry = archive.by_index(number).unwrap();
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
            parts.push((entry.name().unwrap().into_owned(), bytes));
        }
        for (index, byte) in changes {
            let bytes = &mut parts[part].1;
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        let parts: Vec<(&str, &[u8])> =
            parts.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        let mut file = Cursor::new(packed(&parts));
        if let Ok(found) = inspect(&mut file, &Options::default()) {
            let rows = Rows::new(&mut file, &found).unwrap();
            prop_assert_eq!(rows.map(Result::unwrap).count() as u64, found.rows);
        }
    }
}

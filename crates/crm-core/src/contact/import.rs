//! Reads a plain CSV of contacts: one header row, UTF-8, columns by name.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::rows::{Cells, Rows};
use super::{Birthday, ContactFields};
use crate::error::{Error, Result};

/// A file that was recognised.
pub struct File<'a> {
    /// What was found out about it.
    pub detected: Detected,
    /// Its rows below the header.
    pub rows: Box<dyn Iterator<Item = Row> + Send + 'a>,
}

/// What was found out about a file before its rows are read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Detected {
    /// `utf-8`, or `utf-8-bom` when it begins with a byte order mark.
    pub encoding: String,
    /// What stands between the cells: `,` `;` tab or `|`.
    pub separator: String,
    /// `plain`: the columns are found by their names, in English or Russian.
    pub profile: String,
    /// Share of the columns whose name is known, 0 to 1; the others become custom fields.
    pub confidence: f64,
    /// The names of the columns as they stand in the file, in order.
    pub columns: Vec<String>,
    /// The field each column fills; `custom_fields.NAME` for unknown ones, `null` for one left out.
    pub mapping: BTreeMap<String, Option<String>>,
}

/// One row.
pub struct Row {
    /// Line in the file; the header is line 1.
    pub line: u64,
    /// The cells as they stand in the file.
    pub cells: Vec<String>,
    /// What they say, or why they say nothing usable.
    pub fields: Result<ContactFields>,
}

// Rows hold personal data.
impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Row(line {})", self.line)
    }
}

impl fmt::Debug for File<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("File").field(&self.detected).finish()
    }
}

/// The column that a file of rejected rows has behind its own; an import leaves it out, so that such a
/// file can be mended and imported as it is.
pub const REASON: &str = "reject_reason";

/// Most columns of a file.
const MOST_COLUMNS: usize = 500;
/// Longest cell that is read, in bytes.
const LONGEST_CELL: usize = 16 * 1024;
/// Longest name of a column, in bytes.
const LONGEST_NAME: usize = 200;
/// Longest name of a custom field made from one, in characters.
const LONGEST_FIELD_NAME: usize = 40;

/// Column names (lower case) and the field they fill.
const COLUMNS: &[(&str, &str)] = &[
    ("name", "name"),
    ("full_name", "name"),
    ("имя", "name"),
    ("фио", "name"),
    ("email", "email"),
    ("e-mail", "email"),
    ("почта", "email"),
    ("phone", "phone"),
    ("телефон", "phone"),
    ("segment", "segment"),
    ("сегмент", "segment"),
    ("birthday", "birthday"),
    ("дата рождения", "birthday"),
    ("company", "company"),
    ("компания", "company"),
    ("position", "position"),
    ("должность", "position"),
    ("language", "language"),
    ("язык", "language"),
    ("tags", "tags"),
    ("теги", "tags"),
    ("external_id", "external_id"),
    ("id", "external_id"),
    ("time_zone", "time_zone"),
    ("telegram_chat_id", "telegram_chat_id"),
    ("whatsapp", "whatsapp"),
];

/// What the column of this name fills; `None` for one that is left out.
fn target(name: &str) -> Option<String> {
    let name = name.to_lowercase();
    if name == REASON || name.is_empty() {
        return None;
    }
    let known = COLUMNS.iter().find(|(column, _)| *column == name);
    Some(match known {
        Some((_, field)) => (*field).to_owned(),
        None => format!("custom_fields.{}", field_name(&name)),
    })
}

/// What each column fills. Columns that differ stay apart as custom fields.
fn targets(columns: &[String]) -> Vec<Option<String>> {
    let mut all: Vec<Option<String>> = Vec::with_capacity(columns.len());
    for column in columns {
        let mut found = target(column);
        if let Some(name) = found.as_ref().filter(|name| name.contains('.')).cloned() {
            let mut number = 2;
            while all.contains(&found) {
                found = Some(format!("{name}_{number}"));
                number += 1;
            }
        }
        all.push(found);
    }
    all
}

/// The name of a custom field for a column of any name: Latin letters, digits and `_`.
fn field_name(column: &str) -> String {
    let mut name = String::new();
    for letter in column.chars() {
        match letter {
            'a'..='z' | '0'..='9' => name.push(letter),
            // Uzbek oʻ and gʻ, and Cyrillic signs without a sound.
            '\'' | '`' | 'ʻ' | 'ʼ' | '‘' | '’' | 'ь' | 'ъ' => {}
            other => match LATIN.iter().find(|(cyrillic, _)| *cyrillic == other) {
                Some((_, latin)) => name.push_str(latin),
                None if name.ends_with('_') => {}
                None => name.push('_'),
            },
        }
    }
    let name = name.trim_matches('_');
    let name: String = name.chars().take(LONGEST_FIELD_NAME).collect();
    match name.chars().next() {
        None => "column".to_owned(),
        Some('0'..='9') => format!("c_{name}"),
        Some(_) => name,
    }
}

/// Cyrillic letters of Russian and Uzbek in Latin ones.
#[rustfmt::skip]
const LATIN: [(char, &str); 35] = [
    ('а', "a"), ('б', "b"), ('в', "v"), ('г', "g"), ('д', "d"), ('е', "e"), ('ё', "yo"),
    ('ж', "zh"), ('з', "z"), ('и', "i"), ('й', "y"), ('к', "k"), ('л', "l"), ('м', "m"),
    ('н', "n"), ('о', "o"), ('п', "p"), ('р', "r"), ('с', "s"), ('т', "t"), ('у', "u"),
    ('ф', "f"), ('х', "kh"), ('ц', "ts"), ('ч', "ch"), ('ш', "sh"), ('щ', "shch"), ('ы', "y"),
    ('э', "e"), ('ю', "yu"), ('я', "ya"), ('ў', "o"), ('қ', "q"), ('ғ', "g"), ('ҳ', "h"),
];

/// Opens a file.
///
/// # Errors
/// `Invalid` when it is not UTF-8, holds NUL bytes, or its first row names no column of a contact.
pub fn read(file: &[u8]) -> Result<File<'_>> {
    let (encoding, file) = match file.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) => ("utf-8-bom", rest),
        None => ("utf-8", file),
    };
    let text = std::str::from_utf8(file)
        .map_err(|_| Error::field("file", "this is no UTF-8 text; save it as \"CSV UTF-8\""))?;
    if text.trim().is_empty() {
        return Err(Error::field("file", "the file is empty"));
    }
    if text.contains('\0') {
        return Err(Error::field(
            "file",
            "this is no text file: it holds NUL bytes",
        ));
    }
    let (separator, columns) = header(text)?;
    let targets = targets(&columns);
    let known = targets
        .iter()
        .flatten()
        .filter(|target| !target.starts_with("custom_fields."))
        .count();
    if !targets.iter().flatten().any(|target| target == "name") {
        let hint = if known > 0 {
            "the first row names no column \"name\""
        } else {
            "the first row must name the columns, for example name,email,phone"
        };
        return Err(Error::field("file", hint));
    }
    let named = targets.iter().flatten().count().max(1);
    let detected = Detected {
        encoding: encoding.to_owned(),
        separator: char::from(separator).to_string(),
        profile: "plain".to_owned(),
        // Two decimals say enough.
        confidence: (known * 100 / named) as f64 / 100.0,
        mapping: columns.iter().cloned().zip(targets.clone()).collect(),
        columns,
    };
    let rows = Rows::new(text, separator, targets.len()).map(move |(line, cells)| {
        let wrong = |what: String| Err(Error::field("row", what));
        let (cells, fields) = match cells {
            Cells::Whole(cells) => {
                let fields = fields(&targets, &cells);
                (cells, fields)
            }
            Cells::Odd(cells) => {
                let (found, wanted) = (cells.len(), targets.len());
                (
                    cells,
                    wrong(format!("it has {found} cells instead of {wanted}")),
                )
            }
            Cells::Unclosed(cells) => {
                let what = "a quotation mark in it is not closed".to_owned();
                (cells, wrong(what))
            }
        };
        Row {
            line,
            cells,
            fields,
        }
    });
    Ok(File {
        detected,
        rows: Box::new(rows),
    })
}

/// The separator under which most columns have a known name, and the names.
fn header(text: &str) -> Result<(u8, Vec<String>)> {
    let mut best: Option<(usize, u8, Vec<String>)> = None;
    for separator in *b",;\t|" {
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(separator)
            .from_reader(text.as_bytes());
        let Ok(record) = reader.headers() else {
            continue;
        };
        let names: Vec<String> = record.iter().map(|name| name.trim().to_owned()).collect();
        let is_known = |name: &&String| {
            let name = name.to_lowercase();
            COLUMNS.iter().any(|(column, _)| *column == name)
        };
        // Known names count most; then the separator that cuts the row at all.
        let score = names.iter().filter(is_known).count() * (MOST_COLUMNS + 1)
            + names.len().min(MOST_COLUMNS);
        if best.as_ref().is_none_or(|(found, ..)| score > *found) {
            best = Some((score, separator, names));
        }
    }
    let (_, separator, names) =
        best.ok_or_else(|| Error::field("file", "the first row cannot be read as CSV"))?;
    if names.len() > MOST_COLUMNS || names.iter().any(|name| name.len() > LONGEST_NAME) {
        return Err(Error::field(
            "file",
            "the first row must name at most 500 columns, each in at most 200 bytes",
        ));
    }
    Ok((separator, names))
}

/// A cell as it was meant: without the apostrophe that keeps spreadsheets from running it.
fn plain(cell: &str) -> &str {
    let cell = cell.trim();
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@']) => rest,
        _ => cell,
    }
}

fn fields(targets: &[Option<String>], cells: &[String]) -> Result<ContactFields> {
    let mut fields = ContactFields::default();
    for (target, cell) in targets.iter().zip(cells) {
        let Some(name) = target.as_deref() else {
            continue;
        };
        let cell = plain(cell);
        if cell.is_empty() {
            continue;
        }
        if cell.len() > LONGEST_CELL {
            return Err(Error::field(name, "the cell is longer than 16 KiB"));
        }
        let text = || Some(cell.to_owned());
        match name {
            "name" => fields.name = cell.to_owned(),
            "email" => fields.email = text(),
            "phone" => fields.phone = text(),
            "segment" => fields.segment = cell.to_owned(),
            "birthday" => fields.birthday = Some(birthday(cell)?),
            "company" => fields.company = text(),
            "position" => fields.position = text(),
            "language" => fields.language = cell.to_owned(),
            "tags" => {
                let tags = cell.split(';').map(str::trim).filter(|tag| !tag.is_empty());
                fields.tags = tags.map(str::to_owned).collect();
            }
            "external_id" => fields.external_id = text(),
            "time_zone" => fields.time_zone = text(),
            "telegram_chat_id" => fields.telegram_chat_id = text(),
            "whatsapp" => fields.whatsapp = text(),
            _ => {
                let name = name.strip_prefix("custom_fields.").unwrap_or(name);
                let value = Value::String(cell.to_owned());
                fields.custom_fields.insert(name.to_owned(), value);
            }
        }
    }
    Ok(fields)
}

/// `YYYY-MM-DD`, `--MM-DD` or `DD.MM.YYYY`.
fn birthday(cell: &str) -> Result<Birthday> {
    let mut parts = cell.split('.');
    let iso = match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(day), Some(month), Some(year), None) => format!("{year}-{month:0>2}-{day:0>2}"),
        _ => cell.to_owned(),
    };
    Birthday::parse(&iso)
        .ok_or_else(|| Error::field("birthday", "use a real date as YYYY-MM-DD or DD.MM.YYYY"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(file: &str) -> Vec<Row> {
        read(file.as_bytes()).unwrap().rows.collect()
    }

    #[test]
    fn reads_russian_headers_and_dates() {
        let rows = rows("Имя;Телефон;Дата рождения\nОʻткир Каримов;901234567;29.02.2000\n");
        assert_eq!(rows.len(), 1);
        let fields = rows[0].fields.as_ref().unwrap();
        assert_eq!(fields.name, "Оʻткир Каримов");
        assert_eq!(fields.birthday.unwrap().to_string(), "2000-02-29");
    }

    #[test]
    fn a_bad_row_leaves_the_others_alone_and_keeps_its_cells() {
        let rows = rows("name,birthday\nAnna,31.02.1990\nBob\nEve,1990-01-02\n");
        let good: Vec<bool> = rows.iter().map(|row| row.fields.is_ok()).collect();
        assert_eq!(good, [false, false, true]);
        let lines: Vec<u64> = rows.iter().map(|row| row.line).collect();
        assert_eq!(lines, [2, 3, 4]);
        assert_eq!(rows[0].cells, ["Anna", "31.02.1990"]);
        assert_eq!(rows[1].cells, ["Bob"]);
        assert!(!format!("{rows:?}").contains("Anna"));
    }

    #[test]
    fn says_what_it_found_out() {
        let file = "\u{feff}\"Имя, Фамилия\";ФИО;E-mail;Loyalty card;reject_reason\n";
        let found = read(file.as_bytes()).unwrap().detected;
        assert_eq!(found.encoding, "utf-8-bom");
        assert_eq!(found.separator, ";");
        assert_eq!(found.confidence, 0.5);
        assert_eq!(found.columns.len(), 5);
        let field = |column: &str| found.mapping[column].as_deref();
        assert_eq!(field("ФИО"), Some("name"));
        assert_eq!(field("E-mail"), Some("email"));
        assert_eq!(field("Loyalty card"), Some("custom_fields.loyalty_card"));
        assert_eq!(field("reject_reason"), None);
        let one = read(b"name\nAnna\n").unwrap().detected;
        assert_eq!((one.separator.as_str(), one.confidence), (",", 1.0));
    }

    #[test]
    fn columns_of_like_names_stay_apart() {
        let rows = rows("name,Цвет,tsvet,ЦВЕТ\nAnna,a,b,c\n");
        let fields = rows[0].fields.as_ref().unwrap();
        let found: Vec<_> = fields.custom_fields.keys().map(String::as_str).collect();
        assert_eq!(found, ["tsvet", "tsvet_2", "tsvet_3"]);
    }

    #[test]
    fn any_column_gets_a_name_that_a_custom_field_may_have() {
        for (column, name) in [
            ("Loyalty card #", "loyalty_card"),
            ("Любимый цвет", "lyubimyy_tsvet"),
            ("Oʻlchami (sm)", "olchami_sm"),
            ("Қўшимча маълумот", "qoshimcha_malumot"),
            ("2025", "c_2025"),
            ("住所", "column"),
            ("E-mail 2 - Value", "e_mail_2_value"),
        ] {
            let target = target(column).unwrap();
            assert_eq!(target, format!("custom_fields.{name}"), "{column}");
            let file = format!("name,{column}\nAnna,x\n");
            let fields = rows(&file).remove(0).fields.unwrap();
            assert!(
                crate::contact::normalise::normalise(fields).is_ok(),
                "{column}"
            );
        }
    }

    #[test]
    fn reads_what_was_made_safe_for_spreadsheets() {
        let rows = rows("name,phone,reject_reason\n'=Anna,'+998 90 123-45-67,line 2: bad\n");
        let fields = rows[0].fields.as_ref().unwrap();
        assert_eq!(fields.name, "=Anna");
        assert_eq!(fields.phone.as_deref(), Some("+998 90 123-45-67"));
        assert!(fields.custom_fields.is_empty());
    }

    #[test]
    fn refuses_what_is_no_csv_of_contacts() {
        for file in [
            &b"\x89PNG\r\n\x1a\n\0\0"[..],
            b"",
            b"a,b\n1,2\n",
            b"name\0\n",
            b"\xff\xfe",
        ] {
            assert!(read(file).is_err());
        }
    }
}

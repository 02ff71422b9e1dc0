//! Reads a plain CSV of contacts: one header row, UTF-8, columns by name.

use serde_json::Value;

use super::{Birthday, ContactFields};
use crate::error::{Error, Result};

/// The rows of a file: line number and what it says, or why it says nothing usable.
pub type Rows<'a> = Box<dyn Iterator<Item = (u64, Result<ContactFields>)> + Send + 'a>;

/// Longest cell that is read, in bytes.
const LONGEST_CELL: usize = 16 * 1024;

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

/// Opens a file.
///
/// # Errors
/// `Invalid` when it is not UTF-8, holds NUL bytes, or its first row names no column of a contact.
pub fn read(file: &[u8]) -> Result<Rows<'_>> {
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let text = std::str::from_utf8(file)
        .map_err(|_| Error::field("file", "this is no UTF-8 text; save it as \"CSV UTF-8\""))?;
    if text.contains('\0') {
        return Err(Error::field(
            "file",
            "this is no text file: it holds NUL bytes",
        ));
    }
    let header = text.lines().next().unwrap_or_default();
    let separator = [b',', b';', b'\t']
        .into_iter()
        .max_by_key(|separator| header.bytes().filter(|byte| byte == separator).count())
        .unwrap_or(b',');
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator)
        .flexible(true)
        .has_headers(true)
        .from_reader(text.as_bytes());
    let names: Vec<String> = reader
        .headers()
        .map_err(|_| Error::field("file", "the first row cannot be read as CSV"))?
        .iter()
        .map(|name| name.trim().to_lowercase())
        .collect();
    let known = |name: &String| COLUMNS.iter().any(|(column, _)| column == name);
    if !names
        .iter()
        .any(|name| COLUMNS.contains(&(name.as_str(), "name")))
    {
        let hint = if names.iter().any(known) {
            "the first row names no column \"name\""
        } else {
            "the first row must name the columns, for example name,email,phone"
        };
        return Err(Error::field("file", hint));
    }
    let width = names.len();
    Ok(Box::new(reader.into_records().map(
        move |record| match record {
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                (line, Err(Error::field("row", "it cannot be read as CSV")))
            }
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                if record.len() != width {
                    let problem = format!("it has {} cells instead of {width}", record.len());
                    return (line, Err(Error::field("row", problem)));
                }
                (line, fields(&names, &record))
            }
        },
    )))
}

fn fields(names: &[String], record: &csv::StringRecord) -> Result<ContactFields> {
    let mut fields = ContactFields::default();
    for (name, cell) in names.iter().zip(record) {
        let cell = cell.trim();
        if cell.is_empty() {
            continue;
        }
        if cell.len() > LONGEST_CELL {
            return Err(Error::field(
                name.as_str(),
                "the cell is longer than 16 KiB",
            ));
        }
        let text = || Some(cell.to_owned());
        match COLUMNS
            .iter()
            .find(|(column, _)| column == name)
            .map(|(_, field)| *field)
        {
            Some("name") => fields.name = cell.to_owned(),
            Some("email") => fields.email = text(),
            Some("phone") => fields.phone = text(),
            Some("segment") => fields.segment = cell.to_owned(),
            Some("birthday") => fields.birthday = Some(birthday(cell)?),
            Some("company") => fields.company = text(),
            Some("position") => fields.position = text(),
            Some("language") => fields.language = cell.to_owned(),
            Some("tags") => {
                let tags = cell.split(';').map(str::trim).filter(|tag| !tag.is_empty());
                fields.tags = tags.map(str::to_owned).collect();
            }
            Some("external_id") => fields.external_id = text(),
            Some("time_zone") => fields.time_zone = text(),
            Some("telegram_chat_id") => fields.telegram_chat_id = text(),
            Some("whatsapp") => fields.whatsapp = text(),
            _ => {
                let name = name.replace([' ', '-'], "_");
                fields
                    .custom_fields
                    .insert(name, Value::String(cell.to_owned()));
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

    #[test]
    fn reads_russian_headers_and_dates() {
        let file = "Имя;Телефон;Дата рождения\nОʻткир Каримов;901234567;29.02.2000\n";
        let rows: Vec<_> = read(file.as_bytes()).unwrap().collect();
        assert_eq!(rows.len(), 1);
        let fields = rows[0].1.as_ref().unwrap();
        assert_eq!(fields.name, "Оʻткир Каримов");
        assert_eq!(fields.birthday.unwrap().to_string(), "2000-02-29");
    }

    #[test]
    fn a_bad_row_leaves_the_others_alone() {
        let file = "name,birthday\nAnna,31.02.1990\nBob\nEve,1990-01-02\n";
        let rows: Vec<_> = read(file.as_bytes()).unwrap().collect();
        let good: Vec<bool> = rows.iter().map(|(_, row)| row.is_ok()).collect();
        assert_eq!(good, [false, false, true]);
        assert_eq!(
            rows.iter().map(|(line, _)| *line).collect::<Vec<_>>(),
            [2, 3, 4]
        );
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

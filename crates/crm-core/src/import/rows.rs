//! The rows of a file that was looked at.

use std::fmt;
use std::io::{Read, Seek, SeekFrom};

use serde_json::Value;

use super::columns::Column;
use super::encoding::Encoding;
use super::json_lines::{JsonLines, Line};
use super::look::{Detected, Format};
use super::own;
use super::person::{Person, person};
use super::records::{Cells, Records};
use super::target::Target;
use super::text::Text;
use super::vcard::{Card, Cards};
use crate::error::{Error, ErrorKind, Result};

/// One row.
pub struct Row {
    /// The line it begins on; the header of a CSV file is on line 1.
    pub line: u64,
    /// The cells as they stand in the file.
    pub cells: Vec<String>,
    /// What they say, or why they say nothing usable.
    pub person: Result<Person>,
}

// Rows hold personal data.
impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Row(line {})", self.line)
    }
}

/// The rows of a file, from its beginning.
pub struct Rows<R> {
    source: Source<R>,
    columns: Vec<Column>,
    encoding: String,
}

impl<R> fmt::Debug for Rows<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rows(..)")
    }
}

impl<R: Read + Seek> Rows<R> {
    /// The rows of a file that was found to be such a one.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be read; `Invalid` when `found` was changed and does not fit any more.
    pub fn new(mut file: R, found: &Detected) -> Result<Self> {
        let start = file.seek(SeekFrom::Start(0));
        start.map_err(|_| {
            Error::new(
                ErrorKind::Unavailable,
                "the file cannot be read from its beginning",
            )
        })?;
        Ok(Self {
            source: Source::open(file, found)?,
            columns: found.columns()?,
            encoding: found.encoding.clone(),
        })
    }

    /// Gives custom fields the values that their cells are the text of.
    fn restore(&self, person: &mut Person, typed: Vec<(String, Value)>) {
        for (name, value) in typed {
            let column = self.columns.iter().find(|column| column.name == name);
            let Some(Target::Custom(field)) = column.and_then(|column| column.target.as_ref())
            else {
                continue;
            };
            let fields = &mut person.fields.custom_fields;
            match (fields.get(field), &value) {
                // An empty cell says nothing; an empty text in these formats is one.
                (None, Value::String(_)) => {}
                (Some(Value::String(_)), Value::Number(_) | Value::Bool(_)) => {}
                _ => continue,
            }
            fields.insert(field.clone(), value);
        }
    }

    fn person(&self, cells: &Cells) -> Result<Person> {
        let wrong = |what: String| Err(Error::field("row", what));
        let (Cells::Whole(all) | Cells::Odd(all) | Cells::Unclosed(all)) = cells;
        if all.iter().any(|cell| cell.contains('\u{fffd}')) {
            return wrong(format!(
                "it holds bytes that are no text in {}",
                self.encoding
            ));
        }
        if all.iter().any(|cell| cell.contains('\0')) {
            return wrong("it holds NUL bytes".to_owned());
        }
        match cells {
            Cells::Whole(cells) => person(&self.columns, cells),
            Cells::Odd(cells) => {
                let (found, wanted) = (cells.len(), self.columns.len());
                wrong(format!("it has {found} cells instead of {wanted}"))
            }
            Cells::Unclosed(_) => wrong("a quotation mark in it is not closed".to_owned()),
        }
    }
}

impl<R: Read + Seek> Iterator for Rows<R> {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        let (line, cells) = match self.source.next() {
            Ok(next) => next?,
            Err(error) => return Some(Err(error)),
        };
        let person = match self.source.unreadable.take() {
            Some(why) => Err(Error::field("row", why)),
            None => self.person(&cells),
        };
        let typed = std::mem::take(&mut self.source.typed);
        let person = person.map(|mut person| {
            self.restore(&mut person, typed);
            person
        });
        let (Cells::Whole(cells) | Cells::Odd(cells) | Cells::Unclosed(cells)) = cells;
        Some(Ok(Row {
            line,
            cells,
            person,
        }))
    }
}

/// The records of a file of any format.
pub(super) struct Source<R> {
    of: Of<R>,
    /// How many lines stand before those that are counted.
    before: u64,
    /// Names of the columns, for formats whose records name them.
    columns: Vec<String>,
    /// Why the last record cannot be read, when its cells do not say it.
    unreadable: Option<&'static str>,
    /// Values of the last record that are more than the text in their cells, by the names of the columns.
    typed: Vec<(String, Value)>,
}

enum Of<R> {
    Csv(Box<Records<R>>),
    Vcard(Cards<R>),
    JsonLines(JsonLines<R>),
    #[cfg(feature = "xlsx")]
    Xlsx(super::xlsx::Sheet),
}

impl<R: Read + Seek> Source<R> {
    /// The records behind the header; the file is read on from where it is.
    pub(super) fn open(file: R, found: &Detected) -> Result<Self> {
        let encoding = Encoding::named(&found.encoding)?;
        let mut before = 0;
        let of = match found.format {
            Format::Xlsx => Self::of_workbook(file, found)?,
            Format::Vcard if found.profile == own::NAME => {
                Of::Vcard(Cards::own(Text::new(file, encoding)))
            }
            Format::Vcard => Of::Vcard(Cards::new(Text::new(file, encoding))),
            Format::JsonLines => Of::JsonLines(JsonLines::new(Text::new(file, encoding))),
            Format::Csv => {
                let mut text = Text::new(file, encoding);
                if found.says_separator {
                    text.at_least(16)?;
                    let (_, taken) = super::records::first_line(text.rest());
                    text.leave(taken);
                    before = 1;
                }
                let separator = found.separator.bytes().next().unwrap_or(b',');
                let mut records = Records::new(text, separator);
                records.next()?;
                Of::Csv(Box::new(records))
            }
        };
        Ok(Self {
            of,
            before,
            columns: found.columns.clone(),
            unreadable: None,
            typed: Vec::new(),
        })
    }

    #[cfg(feature = "xlsx")]
    fn of_workbook(file: R, found: &Detected) -> Result<Of<R>> {
        let mut sheet = super::xlsx::Sheet::open(file, Some(&found.sheet))?;
        sheet.next();
        Ok(Of::Xlsx(sheet))
    }

    #[cfg(not(feature = "xlsx"))]
    fn of_workbook(_: R, _: &Detected) -> Result<Of<R>> {
        let what = "workbooks are not read here; save the sheet as \"CSV UTF-8\"";
        Err(Error::field("file", what))
    }

    /// The next record and its line.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Cells)>> {
        let next = match &mut self.of {
            Of::Csv(records) => records.next()?,
            Of::Vcard(cards) => cards.next()?.map(|(line, card)| match card {
                Card::Read(cells) => (line, Cells::Whole(cells)),
                Card::Own(card) => {
                    self.typed = card.typed;
                    (line, Cells::Whole(in_order(&self.columns, &card.cells)))
                }
                Card::Unreadable(why) => {
                    self.unreadable = Some(why);
                    (line, Cells::Odd(Vec::new()))
                }
            }),
            #[cfg(feature = "xlsx")]
            Of::Xlsx(sheet) => sheet.next_of(self.columns.len()),
            Of::JsonLines(lines) => lines.next()?.map(|(number, line)| match line {
                Line::Object(cells) => {
                    self.typed = std::mem::take(&mut lines.typed);
                    (number, Cells::Whole(in_order(&self.columns, &cells)))
                }
                Line::Unreadable(line) => {
                    self.unreadable = Some("the line is no JSON object, or longer than 256 KiB");
                    (number, Cells::Odd(vec![line]))
                }
            }),
        };
        Ok(next.map(|(line, cells)| (line + self.before, cells)))
    }
}

/// The cells in the order of the columns; empty where the record has none of that name.
fn in_order(columns: &[String], cells: &[(String, String)]) -> Vec<String> {
    let cell = |name: &String| cells.iter().find(|(key, _)| key == name);
    let cells = columns
        .iter()
        .map(|name| cell(name).map(|(_, cell)| cell.clone()));
    cells.map(Option::unwrap_or_default).collect()
}

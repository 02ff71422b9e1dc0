//! What a file is.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};

use serde::{Deserialize, Serialize};

use super::columns::{self, Column, MOST_COLUMNS};
use super::dates::{Evidence, Order};
use super::dialect::{self, LineEnd};
use super::duplicates::Duplicates;
use super::encoding::{Encoding, Guess, Guesser};
use super::json_lines::{JsonLines, Line};
use super::own;
use super::profile::{self, Profile};
use super::records::{Cells, Records, first_line};
use super::rows::Source;
use super::target::Target;
use super::text::Text;
use super::typed::Orders;
use super::vcard::{self, Card, Cards};
use crate::contact::definition::{Definitions, FieldType};
use crate::contact::normalise::Region;
use crate::error::{Error, ErrorKind, Result};
use crate::export::COLUMNS;
use crate::export::vcard::WRITER;

/// How much of a text its dialect is found out from, in bytes.
const HEAD: usize = 256 * 1024;
/// Below this an encoding is doubtful.
const SURE: f64 = 0.75;

/// What is known of a file beforehand; everything else is found out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The encoding, by any label of the WHATWG's Encoding Standard: `utf-8`, `windows-1251`, `cp866`.
    pub encoding: Option<String>,
    /// What stands between cells: `,` `;` `|` or a tab.
    pub separator: Option<char>,
    /// The sheet of a workbook, by its name. The first one unless said.
    pub sheet: Option<String>,
    /// The country that phone numbers without a country code are of, as two letters (ISO 3166-1): `KZ`. `UZ` unless said.
    pub region: Option<String>,
    /// What comes first in dates that can be read in two ways, such as `03/04/1985`.
    pub dates: Option<Order>,
    /// What columns fill, by their names: `name`, `email`, `custom_fields.level`, ...; `null` leaves one out. A name that
    /// stands twice has a number the second time: `Email (2)`. Columns that are not named fill what was found out.
    pub mapping: BTreeMap<String, Option<String>>,
    /// What becomes of people who are there already.
    pub duplicates: Duplicates,
}

/// What kind of file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Values between separators.
    #[default]
    Csv,
    /// vCards.
    Vcard,
    /// A JSON object in each line.
    JsonLines,
    /// A workbook of Excel: read with the feature `xlsx`.
    Xlsx,
}

/// Something a person should look at before the import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// `one_column`: no separator divides the file. `ambiguous_dates`: no value of the column says whether days or
    /// months come first. `doubtful_encoding`: another encoding may be the right one. `more_sheets`: the workbook has
    /// sheets beside the one that is read.
    pub code: String,
    /// The column, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
}

/// What was found out about a file: all that reading its rows takes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Detected {
    /// What kind of file it is.
    pub format: Format,
    /// The encoding: `utf-8`, `utf-8-bom`, `utf-16le`, `utf-16be`, `windows-1251`, `windows-1252`, `ibm866`, `koi8-r`, or the
    /// one that was asked for.
    pub encoding: String,
    /// How sure that is, 0 to 1.
    pub encoding_confidence: f64,
    /// The sheet that is read; empty where there are none.
    pub sheet: String,
    /// What stands between the cells: `,` `;` tab or `|`; empty where there are none.
    pub separator: String,
    /// What ends the lines.
    pub line_end: LineEnd,
    /// Whether the first line says the separator (`sep=;`) and the header is the second.
    pub says_separator: bool,
    /// The country that phone numbers without a country code are of.
    pub region: Region,
    /// Which program wrote it: `google`, `google_old`, `hubspot`, `salesforce`, `outlook`, `bitrix24`, `amocrm`; `crm_engine`
    /// for an export of ours in any format; `plain` when the columns are found by names that people give them, in English,
    /// Russian or Uzbek; `vcard`; `json_lines`.
    pub profile: String,
    /// Share of the columns whose meaning is known, 0 to 1; the others become custom fields.
    pub confidence: f64,
    /// The names of the columns as they stand in the file, in order.
    pub columns: Vec<String>,
    /// The field each column fills; `custom_fields.NAME` for unknown ones, `null` for one left out.
    pub mapping: BTreeMap<String, Option<String>>,
    /// What comes first in the dates of each column that holds some.
    pub dates: BTreeMap<String, Order>,
    /// Rows below the header, good and bad ones.
    pub rows: u64,
    /// What a person should look at.
    pub warnings: Vec<Warning>,
}

impl Detected {
    /// The columns as they are read.
    pub(super) fn columns(&self) -> Result<Vec<Column>> {
        let mut columns = columns::columns(&self.columns, self.program(), &self.mapping)?;
        for column in &mut columns {
            if let Some(order) = self.dates.get(&column.name) {
                column.order = *order;
            }
            column.own = (self.profile == own::NAME).then_some(self.format);
        }
        Ok(columns)
    }

    /// The columns that fill a custom field: their places, their names, and those of the fields.
    pub(crate) fn custom_columns(&self) -> Result<Vec<(usize, String, String)>> {
        let columns = self.columns()?.into_iter().enumerate();
        let custom = columns.filter_map(|(place, column)| match column.target {
            Some(Target::Custom(field)) => Some((place, column.name, field)),
            _ => None,
        });
        Ok(custom.collect())
    }

    /// What comes first in the dates of each custom field that a column of dates fills.
    pub(crate) fn orders(&self) -> Orders {
        let custom = |column: &String| {
            let target = self.mapping.get(column)?.as_deref()?;
            target.strip_prefix("custom_fields.").map(str::to_owned)
        };
        let dates = self.dates.iter();
        dates
            .filter_map(|(column, order)| Some((custom(column)?, *order)))
            .collect()
    }

    fn program(&self) -> Option<&'static Profile> {
        profile::profile(&folded(&self.columns)).filter(|profile| profile.name == self.profile)
    }

    fn warn(&mut self, code: &str, column: Option<&str>) {
        self.warnings.push(Warning {
            code: code.to_owned(),
            column: column.map(str::to_owned),
        });
    }
}

/// Looks at a whole file, twice, from its beginning, and leaves it there.
///
/// # Errors
/// `Invalid` when it is empty, no text, or holds no contacts, with what to do; also for options that do not fit it.
/// `Unavailable` when it cannot be read.
pub fn inspect(file: &mut (impl Read + Seek), options: &Options) -> Result<Detected> {
    inspect_for(file, options, &Definitions::default())
}

/// As [`inspect`], for a workspace with these custom fields: columns that fill one of dates are looked through for the
/// order of their parts, too.
///
/// # Errors
/// As [`inspect`].
pub fn inspect_for(
    file: &mut (impl Read + Seek),
    options: &Options,
    definitions: &Definitions,
) -> Result<Detected> {
    #[cfg(feature = "xlsx")]
    if begins_with(file, super::xlsx::ARCHIVE)? {
        return workbook(file, options, definitions);
    }
    rewind(file)?;
    let guess = encoding(file, options)?;
    rewind(file)?;
    let mut text = Text::new(&mut *file, guess.encoding);
    text.at_least(HEAD)?;
    let head = text.rest().to_owned();
    if head.trim().is_empty() {
        return Err(Error::field("file", "the file is empty"));
    }
    let mut found = Detected {
        encoding: guess.encoding.name(),
        encoding_confidence: guess.confidence,
        line_end: dialect::line_end(&head),
        ..Detected::default()
    };
    let start = head.trim_start();
    if start
        .get(..11)
        .is_some_and(|start| start.eq_ignore_ascii_case("BEGIN:VCARD"))
    {
        found.format = Format::Vcard;
        found.profile = "vcard".to_owned();
        found.columns = vcard::COLUMNS.iter().map(|&name| name.to_owned()).collect();
        if head.contains(WRITER) {
            rewind(file)?;
            if let Some(columns) = own_columns(Text::new(&mut *file, guess.encoding))? {
                found.columns = columns;
                found.profile = own::NAME.to_owned();
            }
        }
    } else if start.starts_with('{') {
        found.format = Format::JsonLines;
        found.profile = "json_lines".to_owned();
        rewind(file)?;
        found.columns = keys(Text::new(&mut *file, guess.encoding))?;
        let is_own = profile::profile(&folded(&found.columns))
            .is_some_and(|profile| profile.name == own::NAME);
        if is_own {
            found.profile = own::NAME.to_owned();
        }
    } else {
        csv(&mut found, &head, options)?;
    }
    if guess.confidence < SURE {
        found.warn("doubtful_encoding", None);
    }
    understand(found, file, options, definitions)
}

/// What the columns mean and how their dates are written.
fn understand(
    mut found: Detected,
    file: &mut (impl Read + Seek),
    options: &Options,
    definitions: &Definitions,
) -> Result<Detected> {
    found.region = options
        .region
        .as_deref()
        .map_or(Ok(Region::default()), Region::parse)?;
    let mut columns = columns::columns(&found.columns, found.program(), &options.mapping)?;
    for column in &mut columns {
        column.fills_dates = match &column.target {
            Some(Target::Custom(name)) => definitions
                .get(name)
                .is_some_and(|field| field.kind == FieldType::Date),
            _ => false,
        };
    }
    found.confidence = columns::known_share(&columns);
    let shown = |column: &Column| column.target.as_ref().map(ToString::to_string);
    found.mapping = columns
        .iter()
        .map(|column| (column.name.clone(), shown(column)))
        .collect();
    rewind(file)?;
    read_through(&mut found, &mut columns, file, options)?;
    rewind(file)?;
    Ok(found)
}

/// Looks at a workbook.
#[cfg(feature = "xlsx")]
fn workbook(
    file: &mut (impl Read + Seek),
    options: &Options,
    definitions: &Definitions,
) -> Result<Detected> {
    let mut sheet = super::xlsx::Sheet::open(&mut *file, options.sheet.as_deref())?;
    let (_, header) = sheet
        .next()
        .ok_or_else(|| Error::field("file", format!("the sheet \"{}\" is empty", sheet.name)))?;
    let mut found = Detected {
        format: Format::Xlsx,
        // What a file of its rejected rows is written in: Excel knows it by its mark.
        encoding: "utf-8-bom".to_owned(),
        encoding_confidence: 1.0,
        ..Detected::default()
    };
    if sheet.names.len() > 1 && options.sheet.is_none() {
        found.warn("more_sheets", None);
    }
    found.sheet = sheet.name;
    name_columns(&mut found, header)?;
    understand(found, file, options, definitions)
}

#[cfg(feature = "xlsx")]
fn begins_with(file: &mut (impl Read + Seek), start: &[u8]) -> Result<bool> {
    rewind(file)?;
    let mut first = Vec::new();
    let read = file
        .by_ref()
        .take(start.len() as u64)
        .read_to_end(&mut first);
    read.map_err(|_| {
        Error::new(
            ErrorKind::Unavailable,
            "the file cannot be read to its end; send it again",
        )
    })?;
    Ok(first == start)
}

fn folded(names: &[String]) -> Vec<String> {
    names.iter().map(|name| profile::folded(name)).collect()
}

fn rewind(file: &mut impl Seek) -> Result<()> {
    let moved = file.seek(SeekFrom::Start(0));
    moved.map(|_| ()).map_err(|_| {
        Error::new(
            ErrorKind::Unavailable,
            "the file cannot be read from its beginning",
        )
    })
}

/// Files that are no text, by their first bytes.
const NO_TEXT: [(&[u8], &str); 6] = [
    (
        b"PK\x03\x04",
        "this is a workbook or an archive; save the sheet as \"CSV UTF-8\"",
    ),
    (
        b"\xd0\xcf\x11\xe0",
        "this is an old workbook; save the sheet as \"CSV UTF-8\"",
    ),
    (
        b"%PDF",
        "this is a PDF; export the contacts as CSV or vCard",
    ),
    (b"\x89PNG", "this is a picture"),
    (b"\xff\xd8\xff", "this is a picture"),
    (b"\x1f\x8b", "this is a packed file; unpack it first"),
];

fn encoding(file: &mut impl Read, options: &Options) -> Result<Guess> {
    let mut guesser = Guesser::new();
    let mut piece = vec![0; 64 * 1024];
    let mut first = true;
    loop {
        let read = match file.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => {
                return Err(Error::new(
                    ErrorKind::Unavailable,
                    "the file cannot be read to its end; send it again",
                ));
            }
        };
        let bytes = piece.get(..read).unwrap_or_default();
        if std::mem::take(&mut first)
            && let Some((_, what)) = NO_TEXT.iter().find(|(start, _)| bytes.starts_with(start))
        {
            return Err(Error::field("file", *what));
        }
        guesser.feed(bytes);
    }
    let guess = guesser.finish();
    let Some(name) = &options.encoding else {
        return Ok(guess);
    };
    let named = Encoding::named(name)?;
    // The mark is in the file or not, whatever a person says.
    let same =
        guess.encoding.name().trim_end_matches("-bom") == named.name().trim_end_matches("-bom");
    Ok(Guess {
        encoding: if same { guess.encoding } else { named },
        confidence: 1.0,
    })
}

fn csv(found: &mut Detected, head: &str, options: &Options) -> Result<()> {
    let said = dialect::said_separator(head);
    found.says_separator = said.is_some();
    let (_, first) = first_line(head);
    let head = if said.is_some() {
        head.get(first..).unwrap_or_default()
    } else {
        head
    };
    let separator = match options.separator.or(said) {
        Some(separator) if matches!(separator, ',' | ';' | '\t' | '|') => separator,
        Some(_) => return Err(Error::field("separator", "use , ; | or a tab")),
        None => dialect::separator(head)?,
    };
    found.separator = separator.to_string();
    let text = Text::new(head.as_bytes(), Encoding::named("utf-8")?);
    let mut records = Records::new(text, u8::try_from(separator).unwrap_or(b','));
    let header = match records.next()? {
        Some((_, Cells::Whole(cells) | Cells::Odd(cells))) => cells,
        Some((_, Cells::Unclosed(_))) => {
            return Err(Error::field(
                "file",
                "a quotation mark in the first row is not closed",
            ));
        }
        None => return Err(Error::field("file", "the file is empty")),
    };
    name_columns(found, header)
}

/// Takes the names of the columns, and the program they tell of.
fn name_columns(found: &mut Detected, header: Vec<String>) -> Result<()> {
    found.columns = header
        .into_iter()
        .map(|name| name.trim().to_owned())
        .collect();
    if found.columns.iter().any(|name| name.contains('\0')) {
        return Err(Error::field(
            "file",
            "this is no text file: its first row holds NUL bytes",
        ));
    }
    if found.columns.len() == 1 {
        found.warn("one_column", None);
    }
    let program = profile::profile(&folded(&found.columns));
    found.profile = program
        .map_or(profile::PLAIN_NAME, |program| program.name)
        .to_owned();
    Ok(())
}

/// The keys of all lines, in the order in which they come.
fn keys<R: Read>(text: Text<R>) -> Result<Vec<String>> {
    let mut lines = JsonLines::new(text);
    let mut names: Vec<String> = Vec::new();
    while let Some((_, line)) = lines.next()? {
        let Line::Object(cells) = line else { continue };
        for (key, _) in cells {
            // One more says that there are too many.
            if names.len() <= MOST_COLUMNS && !names.contains(&key) {
                names.push(key);
            }
        }
    }
    Ok(names)
}

/// The columns of vCards of ours, or nothing where another program wrote one of them.
fn own_columns<R: Read>(text: Text<R>) -> Result<Option<Vec<String>>> {
    let mut cards = Cards::own(text);
    let mut names: Vec<String> = COLUMNS.iter().map(|&name| name.to_owned()).collect();
    while let Some((_, card)) = cards.next()? {
        match card {
            Card::Read(_) => return Ok(None),
            Card::Unreadable(_) => {}
            Card::Own(card) => {
                for (name, _) in card.cells {
                    if names.len() <= MOST_COLUMNS && !names.contains(&name) {
                        names.push(name);
                    }
                }
            }
        }
    }
    Ok(Some(names))
}

/// Counts the rows and looks at all dates.
fn read_through(
    found: &mut Detected,
    columns: &mut [Column],
    file: &mut (impl Read + Seek),
    options: &Options,
) -> Result<()> {
    let mut source = Source::open(file, found)?;
    let mut evidence = vec![Evidence::default(); columns.len()];
    while let Some((_, cells)) = source.next()? {
        found.rows += 1;
        if let Cells::Whole(cells) = cells {
            for ((column, seen), cell) in columns.iter().zip(&mut evidence).zip(&cells) {
                if columns::holds_dates(column) {
                    seen.see(cell);
                }
            }
        }
    }
    for (column, seen) in columns.iter_mut().zip(evidence) {
        if !columns::holds_dates(column) {
            continue;
        }
        if let Some(order) = seen.order().or(options.dates) {
            column.order = order;
        } else if seen.is_open() {
            found.warn("ambiguous_dates", Some(&column.name));
        }
        found.dates.insert(column.name.clone(), column.order);
    }
    Ok(())
}

//! Workbooks of Excel and of other programs that write its format (Office Open XML, ECMA-376), by `calamine`.
//!
//! A workbook cannot be read row by row in constant memory: its texts stand apart from its cells. So the chosen sheet is
//! unpacked as a whole, packed closely, and within limits that hold whatever the archive claims. What is larger is
//! refused with the advice to save the sheet as CSV, which has no limit.

use std::io::{Read, Seek, SeekFrom};

use calamine::{DataRef, Reader, SheetType, SheetVisible, Xlsx, XlsxError};
use zip::ZipArchive;

use super::columns::MOST_COLUMNS;
use super::records::Cells;
use crate::error::{Error, ErrorKind, Result};

/// What an archive begins with.
pub(super) const ARCHIVE: &[u8] = b"PK\x03\x04";
/// Most bytes of all parts unpacked.
const MOST_UNPACKED: u64 = 512 * 1024 * 1024;
/// Most bytes of all parts but the sheets: these are held in memory.
const MOST_HELD: u64 = 64 * 1024 * 1024;
/// Most bytes of the cells of a sheet, as texts.
const MOST_TEXT: usize = 64 * 1024 * 1024;
/// Most bytes without a mark of XML. Excel's longest cell has 32,767 characters.
const LONGEST_PIECE: usize = 1024 * 1024;
/// Most parts; each sheet is one.
const MOST_PARTS: usize = 10_000;
/// A double has no more exact digits behind this.
const EXACT: f64 = 1e15;

/// A sheet whose cells are texts.
#[derive(Default)]
pub(super) struct Sheet {
    /// Its name.
    pub(super) name: String,
    /// The names of all sheets with cells that a person can see.
    pub(super) names: Vec<String>,
    text: String,
    /// Where each cell ends in the text.
    ends: Vec<usize>,
    /// The number of each row, from 1, and how many cells there are up to its end.
    rows: Vec<(u64, usize)>,
    /// The next row to be read.
    next: usize,
}

impl Sheet {
    /// Unpacks the sheet of this name, or the first that can be seen.
    ///
    /// # Errors
    /// `Invalid` when it is no workbook, a damaged, an encrypted or a very large one, or has no such sheet.
    pub(super) fn open(mut file: impl Read + Seek, wanted: Option<&str>) -> Result<Self> {
        measure(&mut file)?;
        let mut book = Xlsx::new(file).map_err(refused)?;
        let names: Vec<String> = book
            .sheets_metadata()
            .iter()
            .filter(|sheet| sheet.typ == SheetType::WorkSheet)
            .filter(|sheet| sheet.visible == SheetVisible::Visible)
            .map(|sheet| sheet.name.clone())
            .collect();
        let name = match wanted {
            Some(wanted) => names.iter().find(|name| name.as_str() == wanted),
            None => names.first(),
        };
        let name = name.cloned().ok_or_else(|| match wanted {
            Some(_) => Error::field(
                "sheet",
                format!("the workbook has these sheets: {}", listed(&names)),
            ),
            None => Error::field("file", "the workbook has no sheet that can be seen"),
        })?;
        let mut sheet = Self {
            name,
            names,
            ..Self::default()
        };
        sheet.fill(&mut book)?;
        Ok(sheet)
    }

    fn fill<R: Read + Seek>(&mut self, book: &mut Xlsx<R>) -> Result<()> {
        let mut cells = book.worksheet_cells_reader(&self.name).map_err(refused)?;
        // The row that is being read, and how many cells came before it.
        let (mut row, mut before) = (None, 0);
        while let Some(cell) = cells.next_cell().map_err(refused)? {
            let (at, column) = cell.get_position();
            if row != Some(at) {
                self.end_row(row, before);
                (row, before) = (Some(at), self.ends.len());
            }
            let text = text(cell.get_value());
            // An empty cell that has a colour is in the file, too.
            if text.is_empty() {
                continue;
            }
            let column = usize::try_from(column).unwrap_or(usize::MAX);
            // Behind the last column that a file may have, a cell only makes its row too long.
            for _ in (self.ends.len() - before)..column.min(MOST_COLUMNS) {
                self.ends.push(self.text.len());
            }
            self.text.push_str(&text);
            self.ends.push(self.text.len());
            if self.text.len() > MOST_TEXT || self.ends.len() > MOST_TEXT / 4 {
                return Err(too_large());
            }
        }
        self.end_row(row, before);
        Ok(())
    }

    fn end_row(&mut self, row: Option<u32>, before: usize) {
        if let Some(row) = row
            && self.ends.len() > before
        {
            self.rows.push((u64::from(row) + 1, self.ends.len()));
        }
    }

    /// The next row that holds anything, as wide as its last filled cell, and its number.
    pub(super) fn next(&mut self) -> Option<(u64, Vec<String>)> {
        let (number, end) = *self.rows.get(self.next)?;
        let begin = match self.next.checked_sub(1) {
            Some(last) => self.rows.get(last)?.1,
            None => 0,
        };
        self.next += 1;
        let mut from = match begin.checked_sub(1) {
            Some(last) => *self.ends.get(last)?,
            None => 0,
        };
        let mut cells = Vec::with_capacity(end - begin);
        for &to in self.ends.get(begin..end)? {
            cells.push(self.text.get(from..to)?.to_owned());
            from = to;
        }
        Some((number, cells))
    }

    /// The next row below a header of this width.
    pub(super) fn next_of(&mut self, width: usize) -> Option<(u64, Cells)> {
        let (number, mut cells) = self.next()?;
        if cells.len() > width {
            return Some((number, Cells::Odd(cells)));
        }
        // Cells are left out at the end of a row, not lost.
        cells.resize(width, String::new());
        Some((number, Cells::Whole(cells)))
    }
}

/// Unpacks everything once without keeping it: sizes that an archive tells may be lies.
fn measure(file: &mut (impl Read + Seek)) -> Result<()> {
    file.seek(SeekFrom::Start(0)).map_err(|_| unreadable())?;
    let mut archive = ZipArchive::new(&mut *file).map_err(|_| damaged())?;
    if archive.len() > MOST_PARTS {
        return Err(too_large());
    }
    let (mut all, mut held) = (0_u64, 0_u64);
    let mut piece = vec![0; 64 * 1024];
    for number in 0..archive.len() {
        let mut part = archive.by_index(number).map_err(|_| damaged())?;
        let is_sheet = part.name().is_ok_and(|name| name.contains("/worksheets/"));
        let mut since_mark = 0;
        loop {
            let read = part.read(&mut piece).map_err(|_| damaged())?;
            if read == 0 {
                break;
            }
            let bytes = piece.get(..read).unwrap_or_default();
            for run in bytes.split_inclusive(|&byte| byte == b'<') {
                since_mark += run.len();
                if since_mark > LONGEST_PIECE {
                    return Err(too_large());
                }
                if run.ends_with(b"<") {
                    since_mark = 0;
                }
            }
            all += read as u64;
            held += if is_sheet { 0 } else { read as u64 };
            if all > MOST_UNPACKED || held > MOST_HELD {
                return Err(too_large());
            }
        }
    }
    drop(archive);
    file.seek(SeekFrom::Start(0)).map_err(|_| unreadable())?;
    Ok(())
}

/// What a person sees in a cell, as a text that reads the same everywhere.
fn text(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Empty => String::new(),
        DataRef::String(text) => text.trim().to_owned(),
        DataRef::SharedString(text) => text.trim().to_owned(),
        DataRef::Bool(value) => value.to_string(),
        DataRef::Int(value) => value.to_string(),
        DataRef::Float(value) => number(*value),
        DataRef::DateTimeIso(text) => text.trim_end_matches("T00:00:00").to_owned(),
        DataRef::DurationIso(text) => text.clone(),
        DataRef::DateTime(at) if at.is_datetime() && at.as_f64() >= 1.0 => {
            let (year, month, day, hour, minute, second, _) = at.to_ymd_hms_milli();
            let date = format!("{year:04}-{month:02}-{day:02}");
            if (hour, minute, second) == (0, 0, 0) {
                date
            } else {
                format!("{date} {hour:02}:{minute:02}:{second:02}")
            }
        }
        // A time of day or a span: no field holds one.
        DataRef::DateTime(at) => number(at.as_f64()),
        DataRef::Error(error) => error.to_string(),
    }
}

/// A number as it is written by hand. Digits that a double does not hold are not made up: such a number is written with
/// a power, as Excel shows it, and known to be cut short.
fn number(value: f64) -> String {
    if value.abs() >= EXACT {
        let text = format!("{value:E}");
        return text.replacen('E', "E+", usize::from(!text.contains("E-")));
    }
    value.to_string()
}

fn listed(names: &[String]) -> String {
    let names: Vec<String> = names
        .iter()
        .take(20)
        .map(|name| format!("\"{name}\""))
        .collect();
    names.join(", ")
}

fn too_large() -> Error {
    Error::field(
        "file",
        "the workbook is too large to be unpacked; save the sheet as \"CSV UTF-8\", which may have any size",
    )
}

fn damaged() -> Error {
    Error::field(
        "file",
        "this is no workbook, or a damaged one; save the sheet as \"CSV UTF-8\"",
    )
}

fn unreadable() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "the file cannot be read to its end; send it again",
    )
}

// What calamine says may repeat what stands in the file.
fn refused(error: XlsxError) -> Error {
    match error {
        XlsxError::Password => Error::field(
            "file",
            "the workbook is encrypted; save it without protection",
        ),
        XlsxError::FileNotFound(_) | XlsxError::RelationshipNotFound => Error::field(
            "file",
            "this is an archive, not a workbook; unpack it first",
        ),
        _ => damaged(),
    }
}

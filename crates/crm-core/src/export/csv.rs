//! CSV (RFC 4180) that no spreadsheet runs, in the encoding that was asked for.

use csv_core::{Terminator, WriteResult, WriterBuilder};

use super::cells::{self, COLUMNS};
use super::options::Options;
use crate::contact::Contact;
use crate::error::Result;
use crate::import::encoding::Encoding;

/// How the lines of a file are written.
#[derive(Debug)]
pub(super) struct Lines {
    encoding: Encoding,
    separator: u8,
    line_end: &'static str,
    /// The custom fields that have a column.
    custom_fields: Vec<String>,
}

impl Lines {
    pub(super) fn new(options: &Options) -> Result<Self> {
        Ok(Self {
            encoding: options.csv_encoding()?,
            separator: options.csv_separator()?,
            line_end: options.csv_line_end()?,
            custom_fields: options.custom_fields.clone().unwrap_or_default(),
        })
    }

    /// Writes the mark and the names of the columns.
    pub(super) fn head(&self, out: &mut Vec<u8>) {
        let custom = self.custom_fields.iter();
        let custom = custom.map(|name| format!("custom_fields.{name}"));
        let names: Vec<String> = COLUMNS
            .iter()
            .map(|name| (*name).to_owned())
            .chain(custom)
            .collect();
        out.extend(self.encoding.mark());
        out.extend(self.encoding.encode(&self.line(&names)).0);
    }

    /// Writes the line of a contact; how many of its cells lost a character, and how many custom fields have no column.
    pub(super) fn contact(&self, contact: &Contact, out: &mut Vec<u8>) -> (u64, u64) {
        let mut cells: Vec<String> = cells::cells(contact).into();
        let mut written = 0;
        for name in &self.custom_fields {
            let value = contact.custom_fields.get(name);
            written += usize::from(value.is_some());
            cells.push(value.map(cells::custom).unwrap_or_default());
        }
        for cell in &mut cells {
            if is_run(cell) {
                cell.insert(0, '\'');
            }
        }
        let (bytes, lossy) = self.encoding.encode(&self.line(&cells));
        out.extend(bytes);
        let lost = |cell: &&String| self.encoding.encode(cell).1;
        let lossy = if lossy {
            cells.iter().filter(lost).count()
        } else {
            0
        };
        (lossy as u64, (contact.custom_fields.len() - written) as u64)
    }

    fn line(&self, cells: &[String]) -> String {
        let mut writer = WriterBuilder::new()
            .delimiter(self.separator)
            .terminator(Terminator::Any(b'\n'))
            .build();
        let mut line: Vec<u8> = Vec::new();
        for (number, cell) in cells.iter().enumerate() {
            if number > 0 {
                put(&mut line, |_, room| {
                    let (result, written) = writer.delimiter(room);
                    (result, 0, written)
                });
            }
            let mut rest = cell.as_bytes();
            put(&mut line, |read, room| {
                rest = rest.get(read..).unwrap_or_default();
                let (result, read, written) = writer.field(rest, room);
                (result, read, written)
            });
        }
        put(&mut line, |_, room| {
            let (result, written) = writer.finish(room);
            (result, 0, written)
        });
        // The writer copies text and puts ASCII between: it stays text.
        let mut line = String::from_utf8_lossy(&line).into_owned();
        line.push_str(self.line_end);
        line
    }
}

/// Has `write` put something behind `line`, with more room as often as it wants. It is told how much of its input the
/// call before took.
fn put(line: &mut Vec<u8>, mut write: impl FnMut(usize, &mut [u8]) -> (WriteResult, usize, usize)) {
    let mut taken = 0;
    loop {
        let from = line.len();
        line.resize(from + 256, 0);
        let (result, read, written) = write(taken, line.get_mut(from..).unwrap_or_default());
        line.truncate(from + written);
        taken = read;
        if result == WriteResult::InputEmpty {
            return;
        }
    }
}

/// Whether some spreadsheet would run this cell as a formula, or one that only apostrophes keep from it: those get one
/// more, so that taking one off gives back what was there.
fn is_run(cell: &str) -> bool {
    let bare = cell.trim_start_matches('\'');
    bare.starts_with(['\t', '\r', '\n'])
        || bare
            .trim_start()
            .starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
}

/// The cell that was written so.
pub(crate) fn unescaped(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(bare) if is_run(bare) => bare,
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(options: &Options) -> Lines {
        Lines::new(options).unwrap()
    }

    fn line(cells: &[&str]) -> String {
        let cells: Vec<String> = cells.iter().map(|cell| (*cell).to_owned()).collect();
        lines(&Options::default()).line(&cells)
    }

    #[test]
    fn cells_are_quoted_where_they_have_to_be() {
        let long = "x\"".repeat(1_000);
        let quoted = format!("\"{}\"", "x\"\"".repeat(1_000));
        assert_eq!(line(&["a", "", "b c", ""]), "a,,b c,\r\n");
        assert_eq!(line(&["", ""]), ",\r\n");
        assert_eq!(
            line(&["a,b", "a;b", "a\"b", "a\nb", "a\rb", &long]),
            format!("\"a,b\",a;b,\"a\"\"b\",\"a\nb\",\"a\rb\",{quoted}\r\n")
        );
    }

    #[test]
    fn what_a_spreadsheet_would_run_begins_with_an_apostrophe() {
        for cell in [
            "=1+1",
            "+998901234567",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            " =1",
            "'=1",
            "''+1",
            "＝1",
            "\u{a0}=1",
            "' =1",
        ] {
            assert!(is_run(cell), "{cell:?}");
            assert_eq!(unescaped(&format!("'{cell}")), cell);
        }
        for cell in [
            "",
            "'",
            "''",
            "a=1",
            "'a",
            "O'zbek",
            "'s-Gravenhage",
            "1-1",
            " a",
            "?=1",
        ] {
            assert!(!is_run(cell), "{cell:?}");
            assert_eq!(unescaped(cell), cell);
        }
    }
}

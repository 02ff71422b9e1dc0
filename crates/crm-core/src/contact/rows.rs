//! The rows of a CSV text, each on its own: a quotation mark that is never closed spoils one line, not
//! the rest of the file.
//!
//! A quoted cell may hold line breaks, so a stray quotation mark makes a reader take everything behind it
//! for one cell. Such a row has several lines, and the wrong number of cells or a mark that closes a cell
//! and is followed by more of it. Only its first line is then given up, and reading begins again behind it.

use std::io::Cursor;

use csv::{Position, Reader, ReaderBuilder, StringRecord};

/// How often the whole text may be read again because of unclosed quotation marks; behind that every line
/// is a row. Keeps the time linear, whatever the file holds.
const AGAIN: usize = 8;

/// What stands in one row.
pub(super) enum Cells {
    /// As many cells as the header has.
    Whole(Vec<String>),
    /// Another number of cells.
    Odd(Vec<String>),
    /// A quotation mark is not closed on the row's line; the line is only cut at its separators.
    Unclosed(Vec<String>),
}

/// See the module's text.
pub(super) struct Rows<'a> {
    text: &'a str,
    separator: u8,
    width: usize,
    reader: Reader<Cursor<&'a [u8]>>,
    record: StringRecord,
    /// Bytes that were read again.
    again: usize,
    /// Every line is a row.
    lines: bool,
}

impl<'a> Rows<'a> {
    /// The rows below the header of `text`, whose header has `width` cells.
    pub(super) fn new(text: &'a str, separator: u8, width: usize) -> Self {
        Self {
            text,
            separator,
            width,
            reader: ReaderBuilder::new()
                .delimiter(separator)
                .flexible(true)
                .has_headers(true)
                .from_reader(Cursor::new(text.as_bytes())),
            record: StringRecord::new(),
            again: 0,
            lines: false,
        }
    }

    /// Reads the next row as CSV has it: where it begins (byte and line), and its text.
    fn read(&mut self) -> Option<(usize, u64, &'a str)> {
        // Text in memory that is UTF-8 cannot fail to be read.
        if !self.reader.read_record(&mut self.record).unwrap_or(false) {
            return None;
        }
        let byte = |position: &Position| usize::try_from(position.byte()).unwrap_or(usize::MAX);
        let position = self.record.position()?;
        let (first, end) = (byte(position), byte(self.reader.position()));
        let end = end.min(self.text.len());
        let read = self.text.get(first..end).unwrap_or_default();
        let (skipped, ends) = empty_lines(read);
        let read = read.get(skipped..).unwrap_or_default();
        Some((first + skipped, position.line() + ends, read))
    }

    /// Reads on from this byte, which stands on this line.
    fn seek(&mut self, byte: usize, line: u64) {
        let mut position = Position::new();
        position.set_byte(byte as u64).set_line(line);
        // Memory can be read from anywhere.
        let _ = self.reader.seek(position);
    }

    /// The row that was read last, which stands in `row`.
    fn cells(&self, row: &str) -> Cells {
        let cells = || self.record.iter().map(str::to_owned).collect();
        match quotes(row, self.separator) {
            Quotes::Open => self.unclosed(row),
            _ if self.record.len() == self.width => Cells::Whole(cells()),
            _ => Cells::Odd(cells()),
        }
    }

    /// The next line, when a quotation mark is not closed on it.
    fn unclosed_line(&mut self) -> Option<(u64, Cells)> {
        let position = self.reader.position();
        let (byte, number) = (usize::try_from(position.byte()).ok()?, position.line());
        let rest = self.text.get(byte..)?;
        let (skipped, ends) = empty_lines(rest);
        let (line, taken) = first_line(rest.get(skipped..)?);
        if quotes(line, self.separator) != Quotes::Open {
            return None;
        }
        let number = number + ends;
        self.seek(byte + skipped + taken, number + 1);
        Some((number, self.unclosed(line)))
    }

    fn unclosed(&self, line: &str) -> Cells {
        let cells = line.split(char::from(self.separator));
        Cells::Unclosed(cells.map(str::to_owned).collect())
    }
}

impl Iterator for Rows<'_> {
    type Item = (u64, Cells);

    fn next(&mut self) -> Option<Self::Item> {
        if self.lines
            && let Some(unclosed) = self.unclosed_line()
        {
            return Some(unclosed);
        }
        let (first, number, read) = self.read()?;
        let (top, taken) = first_line(read);
        let several = taken < read.len();
        let meant =
            || self.record.len() == self.width && quotes(read, self.separator) == Quotes::Closed;
        if !several || meant() {
            return Some((number, self.cells(read.trim_end_matches(['\n', '\r']))));
        }
        // It took more than its line: give up that line and begin again behind it.
        self.again = self.again.saturating_add(read.len());
        self.lines = self.again > self.text.len().saturating_mul(AGAIN);
        self.seek(first + taken, number + 1);
        Some((number, self.unclosed(top)))
    }
}

/// How the quotation marks of a row stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quotes {
    /// Each quoted cell is closed where it ends.
    Closed,
    /// A closing mark is followed by more of its cell, as in `"Chinor" LLC`.
    Loose,
    /// A quoted cell is not closed.
    Open,
}

/// RFC 4180, section 2: a cell that begins with a quotation mark ends with one, and holds them doubled.
fn quotes(row: &str, separator: u8) -> Quotes {
    let mut loose = false;
    let mut bytes = row.bytes().peekable();
    while let Some(first) = bytes.next() {
        let ends = |byte: u8| byte == separator || byte == b'\n' || byte == b'\r';
        if first == b'"' {
            loop {
                match bytes.next() {
                    None => return Quotes::Open,
                    Some(b'"') if bytes.next_if_eq(&b'"').is_none() => break,
                    Some(_) => {}
                }
            }
            loose |= bytes.peek().is_some_and(|next| !ends(*next));
        }
        if !ends(first) {
            while bytes.next().is_some_and(|byte| !ends(byte)) {}
        }
    }
    if loose { Quotes::Loose } else { Quotes::Closed }
}

/// The first line of `text`, and how many bytes it takes with its end.
fn first_line(text: &str) -> (&str, usize) {
    let (line, rest) = text.split_at(text.find(['\n', '\r']).unwrap_or(text.len()));
    let end = if rest.starts_with("\r\n") {
        2
    } else {
        usize::from(!rest.is_empty())
    };
    (line, line.len() + end)
}

/// How many bytes of line ends `text` begins with, and how many line ends that are.
fn empty_lines(text: &str) -> (usize, u64) {
    let (mut bytes, mut ends) = (0, 0);
    while let Some(("", taken)) = text.get(bytes..).map(first_line)
        && taken > 0
    {
        bytes += taken;
        ends += 1;
    }
    (bytes, ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, width: usize) -> Vec<String> {
        let rows = Rows::new(text, b',', width);
        rows.map(|(line, cells)| match cells {
            Cells::Whole(cells) => format!("{line}:{}", cells.join("|")),
            Cells::Odd(cells) => format!("{line}?{}", cells.len()),
            Cells::Unclosed(cells) => format!("{line}!{}", cells.join("|")),
        })
        .collect()
    }

    #[test]
    fn rows_are_numbered_by_their_lines_whatever_ends_them() {
        for end in ["\n", "\r\n"] {
            let text = "a,b\n1,2\n\n\n3,\"x\ny\"\n4\n5,6".replace('\n', end);
            let inside = format!("5:3|x{end}y");
            assert_eq!(
                shown(&text, 2),
                ["2:1|2", &inside, "7?1", "8:5|6"],
                "{end:?}"
            );
        }
    }

    #[test]
    fn an_unclosed_quotation_mark_spoils_its_line_alone() {
        for end in ["\n", "\r\n"] {
            let text = "a,b\n1,\"2\n3,4\n5,6\n\"7,8\n9,10\n11,\"12".replace('\n', end);
            let wanted = [
                "2!1|\"2",
                "3:3|4",
                "4:5|6",
                "5!\"7|8",
                "6:9|10",
                "7!11|\"12",
            ];
            assert_eq!(shown(&text, 2), wanted, "{end:?}");
        }
    }

    #[test]
    fn a_file_of_nothing_but_quotation_marks_takes_no_longer_than_its_length_allows() {
        let bad = "\"x,y\n1,2\n".repeat(50_000);
        let all = shown(&format!("a,b\n{bad}"), 2);
        assert_eq!(all.len(), 100_000);
        assert_eq!(
            all.iter().filter(|row| row.ends_with(":1|2")).count(),
            50_000
        );
    }

    #[test]
    fn marks_that_reach_to_the_end_each_time_take_linear_time() {
        // Read from any of its lines, such a text is one row to the end.
        let all = shown(&format!("a,b\n{}1,2\n", "a\",b,\"\n".repeat(20_000)), 2);
        assert_eq!(all.len(), 20_001);
        assert_eq!(all.last().map(String::as_str), Some("20002:1|2"));
    }

    #[test]
    fn loose_quotation_marks_on_one_line_are_taken_as_they_are_meant() {
        let text = "a,b\n\"Chinor\" LLC,1\n5\" pipe,2\n\"say \"\"hi\"\"\",3\n";
        let wanted = ["2:Chinor LLC|1", "3:5\" pipe|2", "4:say \"hi\"|3"];
        assert_eq!(shown(text, 2), wanted);
    }

    #[test]
    fn nothing_is_nothing() {
        for text in ["a,b", "a,b\n", "a,b\r\n\r\n", ""] {
            assert_eq!(shown(text, 2), [""; 0], "{text:?}");
        }
    }
}

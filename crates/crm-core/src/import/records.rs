//! The records of a CSV text, each on its own: a quotation mark that is never closed spoils one line, not the rest
//! of the file. Memory is bounded, whatever the file holds.
//!
//! A quoted cell may hold line breaks, so a stray quotation mark makes a reader take everything behind it for one
//! cell. Such a record has several lines, and the wrong number of cells or a mark that closes a cell and is followed
//! by more of it, or it has no end. Only its first line is then given up, and reading begins again behind it.

use std::io::Read;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::text::Text;
use crate::error::Result;

/// Longest record in bytes of UTF-8; one that is longer has a quotation mark that is not closed, or is given up like
/// one that has. A cell of ten megabytes is still one cell.
const LONGEST: usize = 12 * 1024 * 1024;
/// How many times the bytes read so far may be read again because of unclosed quotation marks, with [`FREE`] more;
/// behind that every line with one is a record. Keeps the time linear.
const AGAIN: usize = 4;
const FREE: usize = 64 * 1024 * 1024;

/// What stands in one record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cells {
    /// As many cells as the header has.
    Whole(Vec<String>),
    /// Another number of cells.
    Odd(Vec<String>),
    /// A quotation mark is not closed; the line is only cut at its separators.
    Unclosed(Vec<String>),
}

/// See the module's text.
pub(super) struct Records<R> {
    text: Text<R>,
    reader: Reader,
    separator: u8,
    /// Cells of the header; none until it was read.
    width: Option<usize>,
    /// The line that is read next, from 1.
    line: u64,
    taken: usize,
    again: usize,
    cells: Vec<u8>,
    ends: Vec<usize>,
}

/// How one attempt at a record ended.
enum Attempt {
    /// It takes this many bytes.
    Record(usize),
    /// There is none.
    Nothing,
    /// It does not end where it may.
    Endless,
}

impl<R: Read> Records<R> {
    /// The records of `text` between `separator`s.
    pub(super) fn new(text: Text<R>, separator: u8) -> Self {
        Self {
            text,
            reader: ReaderBuilder::new().delimiter(separator).build(),
            separator,
            width: None,
            line: 1,
            taken: 0,
            again: 0,
            cells: vec![0; 4096],
            ends: vec![0; 64],
        }
    }

    /// The next record and the line it begins on. The first one is the header; its width is what the others are
    /// held to.
    ///
    /// # Errors
    /// `Unavailable` when the file cannot be read.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Cells)>> {
        self.skip_empty_lines()?;
        if self.only_lines()
            && let Some(unclosed) = self.unclosed_line()?
        {
            return Ok(Some(unclosed));
        }
        let length = match self.read()? {
            Attempt::Nothing => return Ok(None),
            Attempt::Record(length) => Some(length),
            Attempt::Endless => None,
        };
        let rest = self.text.rest();
        let record = length
            .and_then(|length| rest.get(..length))
            .map(without_end);
        let number = self.line;
        if let (Some(record), Some(length)) = (record, length) {
            let (_, first) = first_line(rest);
            let several = first < length;
            let count = self.ends.len();
            let filled = filled(&self.cells, &self.ends);
            let width = *self.width.get_or_insert(filled);
            // Empty cells too many at the end mean nothing.
            let fits = count == width || count > width && filled <= width;
            let quotes = quotes(record, self.separator);
            if !several || fits && quotes == Quotes::Closed {
                let lines = count_lines(rest.get(..length).unwrap_or_default());
                let cells = if quotes == Quotes::Open {
                    Cells::Unclosed(self.cut(record))
                } else if fits {
                    Cells::Whole(self.cells(width))
                } else {
                    Cells::Odd(self.cells(count))
                };
                self.leave(length, lines);
                return Ok(Some((number, cells)));
            }
            self.again = self.again.saturating_add(length);
        } else {
            self.again = self.again.saturating_add(LONGEST);
        }
        // It took more than its line: give up that line and begin again behind it.
        let (line, first) = first_line(self.text.rest());
        let cells = Cells::Unclosed(self.cut(line));
        self.leave(first, 1);
        Ok(Some((number, cells)))
    }

    fn only_lines(&self) -> bool {
        self.again > self.taken.saturating_mul(AGAIN).saturating_add(FREE)
    }

    fn leave(&mut self, bytes: usize, lines: u64) {
        self.text.leave(bytes);
        self.taken += bytes;
        self.line += lines;
    }

    fn skip_empty_lines(&mut self) -> Result<()> {
        loop {
            // A line end of two characters may be cut in two.
            self.text.at_least(2)?;
            let (line, taken) = first_line(self.text.rest());
            if taken == 0 || !line.is_empty() {
                return Ok(());
            }
            self.leave(taken, 1);
        }
    }

    /// Reads one record into `cells` and `ends`, without leaving it behind.
    fn read(&mut self) -> Result<Attempt> {
        self.reader.reset();
        let (mut from, mut to, mut end) = (0, 0, 0);
        self.ends.resize(self.ends.capacity().max(64), 0);
        loop {
            let input = self.text.rest().as_bytes().get(from..).unwrap_or_default();
            // An empty input says that the text has ended.
            if input.is_empty() && !self.text.has_ended() {
                if self.text.rest().len() > LONGEST {
                    return Ok(Attempt::Endless);
                }
                self.text.more()?;
                continue;
            }
            let (cells, ends) = (self.cells.get_mut(to..), self.ends.get_mut(end..));
            let (result, read, written, ended) =
                self.reader
                    .read_record(input, cells.unwrap_or_default(), ends.unwrap_or_default());
            from += read;
            to += written;
            end += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.cells.resize(self.cells.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::End => return Ok(Attempt::Nothing),
                ReadRecordResult::Record => {
                    self.ends.truncate(end);
                    // The reader leaves the second character of a line end for the next record.
                    self.text.at_least(from + 1)?;
                    let rest = self.text.rest().as_bytes();
                    let behind = rest.get(from) == Some(&b'\n')
                        && from > 0
                        && rest.get(from - 1) == Some(&b'\r');
                    return Ok(Attempt::Record(from + usize::from(behind)));
                }
            }
        }
    }

    /// The first cells of those that were read last.
    fn cells(&self, count: usize) -> Vec<String> {
        let mut from = 0;
        let cell = |end: &usize| {
            let cell = self.cells.get(from..*end).unwrap_or_default();
            from = *end;
            // Cells of a text are cut at ASCII characters.
            String::from_utf8_lossy(cell).into_owned()
        };
        self.ends.iter().take(count).map(cell).collect()
    }

    /// The next line, when a quotation mark is not closed on it.
    fn unclosed_line(&mut self) -> Result<Option<(u64, Cells)>> {
        while !self.text.rest().contains(['\n', '\r'])
            && self.text.rest().len() < LONGEST
            && self.text.more()?
        {}
        self.text
            .at_least(self.text.rest().find(['\n', '\r']).map_or(0, |end| end + 2))?;
        let (line, taken) = first_line(self.text.rest());
        if quotes(line, self.separator) != Quotes::Open {
            return Ok(None);
        }
        let (number, cells) = (self.line, Cells::Unclosed(self.cut(line)));
        self.leave(taken, 1);
        Ok(Some((number, cells)))
    }

    fn cut(&self, line: &str) -> Vec<String> {
        line.split(char::from(self.separator))
            .map(str::to_owned)
            .collect()
    }
}

/// How many cells there are without the empty ones at the end.
fn filled(cells: &[u8], ends: &[usize]) -> usize {
    let mut from = 0;
    let mut filled = 0;
    for (number, end) in ends.iter().enumerate() {
        let cell = cells.get(from..*end).unwrap_or_default();
        if !cell.trim_ascii().is_empty() {
            filled = number + 1;
        }
        from = *end;
    }
    filled
}

/// How the quotation marks of a record stand.
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
fn quotes(record: &str, separator: u8) -> Quotes {
    let mut loose = false;
    let mut bytes = record.bytes().peekable();
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
pub(super) fn first_line(text: &str) -> (&str, usize) {
    let (line, rest) = text.split_at(text.find(['\n', '\r']).unwrap_or(text.len()));
    let end = if rest.starts_with("\r\n") {
        2
    } else {
        usize::from(!rest.is_empty())
    };
    (line, line.len() + end)
}

/// How many line ends a text has.
fn count_lines(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let ends = bytes.iter().enumerate().filter(|(place, byte)| match byte {
        b'\n' => true,
        b'\r' => bytes.get(place + 1) != Some(&b'\n'),
        _ => false,
    });
    ends.count() as u64
}

fn without_end(record: &str) -> &str {
    record.trim_end_matches(['\n', '\r'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::encoding::Encoding;

    /// Gives a file out in pieces of this many bytes.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let count = self.1.min(buffer.len()).min(self.0.len());
            let (piece, rest) = self.0.split_at(count);
            buffer[..count].copy_from_slice(piece);
            self.0 = rest;
            Ok(count)
        }
    }

    fn shown_in(text: &str, piece: usize) -> Vec<String> {
        let text = Text::new(
            Slow(text.as_bytes(), piece),
            Encoding::named("utf-8").unwrap(),
        );
        let mut records = Records::new(text, b',');
        let mut shown = Vec::new();
        while let Some((line, cells)) = records.next().unwrap() {
            shown.push(match cells {
                Cells::Whole(cells) => format!("{line}:{}", cells.join("|")),
                Cells::Odd(cells) => format!("{line}?{}", cells.len()),
                Cells::Unclosed(cells) => format!("{line}!{}", cells.join("|")),
            });
        }
        shown
    }

    /// The records below the header, which are the same in pieces of any size.
    fn shown(text: &str) -> Vec<String> {
        let whole = shown_in(text, usize::MAX);
        if text.len() < 1_000 {
            for piece in 1..8 {
                assert_eq!(shown_in(text, piece), whole, "in pieces of {piece}");
            }
        }
        whole.into_iter().skip(1).collect()
    }

    #[test]
    fn records_are_numbered_by_their_lines_whatever_ends_them() {
        for end in ["\n", "\r\n", "\r"] {
            let text = "a,b\n1,2\n\n\n3,\"x\ny\"\n4\n5,6".replace('\n', end);
            let inside = format!("5:3|x{end}y");
            assert_eq!(shown(&text), ["2:1|2", &inside, "7?1", "8:5|6"], "{end:?}");
        }
    }

    #[test]
    fn an_unclosed_quotation_mark_spoils_its_line_alone() {
        for end in ["\n", "\r\n", "\r"] {
            let text = "a,b\n1,\"2\n3,4\n5,6\n\"7,8\n9,10\n11,\"12".replace('\n', end);
            let wanted = [
                "2!1|\"2",
                "3:3|4",
                "4:5|6",
                "5!\"7|8",
                "6:9|10",
                "7!11|\"12",
            ];
            assert_eq!(shown(&text), wanted, "{end:?}");
        }
    }

    #[test]
    fn an_unclosed_header_is_one_line() {
        assert_eq!(shown("a,\"b\n1,2\n3,4\n"), ["2:1|2", "3:3|4"]);
    }

    #[test]
    fn a_file_of_nothing_but_quotation_marks_takes_no_longer_than_its_length_allows() {
        let bad = "\"x,y\n1,2\n".repeat(50_000);
        let all = shown(&format!("a,b\n{bad}"));
        assert_eq!(all.len(), 100_000);
        assert_eq!(
            all.iter().filter(|row| row.ends_with(":1|2")).count(),
            50_000
        );
    }

    #[test]
    fn marks_that_reach_to_the_end_each_time_take_linear_time() {
        // Read from any of its lines, such a text is one record to the end.
        let all = shown(&format!("a,b\n{}1,2\n", "a\",b,\"\n".repeat(20_000)));
        assert_eq!(all.len(), 20_001);
        assert_eq!(all.last().map(String::as_str), Some("20002:1|2"));
    }

    #[test]
    fn a_cell_of_ten_megabytes_is_one_cell() {
        let long = "x\n".repeat(5 * 1024 * 1024);
        let text = format!("a,b\n1,\"{long}\"\n3,4\n");
        let all = shown(&text);
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].len(), "2:1|".len() + long.len());
        assert_eq!(all[1], format!("{}:3|4", 3 + 5 * 1024 * 1024));
    }

    #[test]
    fn loose_quotation_marks_on_one_line_are_taken_as_they_are_meant() {
        let text = "a,b\n\"Chinor\" LLC,1\n5\" pipe,2\n\"say \"\"hi\"\"\",3\n";
        assert_eq!(
            shown(text),
            ["2:Chinor LLC|1", "3:5\" pipe|2", "4:say \"hi\"|3"]
        );
    }

    #[test]
    fn empty_cells_too_many_at_the_end_mean_nothing() {
        for header in ["a,b", "a,b,", "a,b, ,"] {
            let text = format!("{header}\n1,2,\n3,4,, \n5,6,7\n8\n\"9\n\",10,\n");
            let wanted = ["2:1|2", "3:3|4", "4?3", "5?1", "6:9\n|10"];
            assert_eq!(shown(&text), wanted, "{header}");
        }
    }

    #[test]
    fn nothing_is_nothing() {
        for text in ["a,b", "a,b\n", "a,b\r\n\r\n", "", "\n\n"] {
            assert_eq!(shown(text), [""; 0], "{text:?}");
        }
    }
}

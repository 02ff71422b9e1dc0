//! How the records of a CSV text are separated, found out from its beginning.

use serde::{Deserialize, Serialize};

use super::encoding::Encoding;
use super::profile;
use super::records::{Cells, Records, first_line};
use super::text::Text;
use crate::error::Result;

/// Records that are looked at.
const SAMPLE: usize = 100;

/// What ends the lines of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineEnd {
    /// A line feed.
    #[default]
    Lf,
    /// A carriage return and a line feed.
    Crlf,
    /// A carriage return alone.
    Cr,
    /// Several of them.
    Mixed,
}

/// What a file's own word for its separator is, as Excel writes and reads it in the first line: `sep=;`.
pub(super) fn said_separator(head: &str) -> Option<char> {
    let (line, _) = first_line(head.trim_start_matches('\u{feff}'));
    let said = line
        .get(..4)
        .filter(|said| said.eq_ignore_ascii_case("sep="))
        .and(line.get(4..))?;
    let mut letters = said.chars();
    letters
        .next()
        .filter(|letter| matches!(letter, ',' | ';' | '\t' | '|') && letters.next().is_none())
}

/// The separator under which most columns have a known name, then the one under which most records are as wide as the
/// header.
pub(super) fn separator(head: &str) -> Result<char> {
    let mut best = (0, ',');
    for separator in [',', ';', '\t', '|'] {
        let score = score(head, separator)?;
        if score > best.0 {
            best = (score, separator);
        }
    }
    Ok(best.1)
}

fn score(head: &str, separator: char) -> Result<usize> {
    let text = Text::new(head.as_bytes(), Encoding::named("utf-8")?);
    let mut records = Records::new(text, u8::try_from(separator).unwrap_or(b','));
    let Some((_, Cells::Whole(header))) = records.next()? else {
        return Ok(0);
    };
    let known = header
        .iter()
        .filter(|name| profile::is_known(&profile::folded(name)))
        .count();
    let (mut seen, mut fitting) = (0, 0);
    while seen < SAMPLE
        && let Some((_, cells)) = records.next()?
    {
        seen += 1;
        fitting += usize::from(matches!(cells, Cells::Whole(_)));
    }
    let width = header.len().min(500);
    let share = if width > 1 {
        fitting * 100 / seen.max(1)
    } else {
        0
    };
    Ok(known * 100_000 + share * 501 + width)
}

/// What ends the lines of a text, by its beginning.
pub(super) fn line_end(head: &str) -> LineEnd {
    let crlf = head.matches("\r\n").count();
    let lf = head.matches('\n').count() - crlf;
    let cr = head.matches('\r').count() - crlf;
    // Cells may hold line ends of another kind.
    match (lf, crlf, cr) {
        (lf, crlf, cr) if crlf > 0 && crlf >= 4 * (lf + cr) => LineEnd::Crlf,
        (lf, crlf, cr) if cr > 0 && cr >= 4 * (lf + crlf) => LineEnd::Cr,
        (lf, crlf, cr) if lf >= 4 * (cr + crlf) => LineEnd::Lf,
        _ => LineEnd::Mixed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_separator() {
        for (head, wanted) in [
            ("name,email\nAnna,a@post.example\n", ','),
            ("Имя;Телефон;\"Имя, Фамилия\"\nАнна;90;\"Анна, П\"\n", ';'),
            ("a|b|c\n1|2|3\n4|5|6\n", '|'),
            ("who\tborn\nAnna, Eve\t1, 2\n", '\t'),
            ("name\nAnna; Eve\n", ','),
            ("\"a;b\",c\n\"1;2\",3\n\"4;5;6\",7\n", ','),
            ("", ','),
        ] {
            assert_eq!(separator(head).unwrap(), wanted, "{head}");
        }
        assert_eq!(said_separator("\u{feff}sep=;\r\nname"), Some(';'));
        assert_eq!(said_separator("SEP=\t\nname"), Some('\t'));
        for head in ["sep=x\n", "sep=;;\n", "separator\n", ""] {
            assert_eq!(said_separator(head), None);
        }
    }

    #[test]
    fn finds_what_ends_lines() {
        for (head, wanted) in [
            ("a\nb\n", LineEnd::Lf),
            ("a\r\nb\r\n", LineEnd::Crlf),
            ("a\rb\r", LineEnd::Cr),
            ("a\nb\r\nc\r", LineEnd::Mixed),
            ("a\r\nb\r\nc\r\nd\r\n\"x\ny\"\r\n", LineEnd::Crlf),
            ("a", LineEnd::Lf),
        ] {
            assert_eq!(line_end(head), wanted, "{head:?}");
        }
    }
}

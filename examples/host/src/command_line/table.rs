//! Tables for people: columns that line up on a terminal, whatever script the cells are in.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// What stands between two columns.
const GAP: &str = "  ";

/// Rows of cells, the first of which may be a header.
#[derive(Default)]
pub(super) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Adds a row. Its cells are in the order of the columns and have no line breaks.
    pub(super) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The lines, without spaces at their ends.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut widths = Vec::<usize>::new();
        for row in &self.rows {
            for (column, cell) in row.iter().enumerate() {
                match widths.get_mut(column) {
                    Some(width) => *width = cell.width().max(*width),
                    None => widths.push(cell.width()),
                }
            }
        }
        self.rows.iter().map(|row| line(row, &widths)).collect()
    }
}

fn line(row: &[String], widths: &[usize]) -> String {
    let cells = row.iter().zip(widths).map(|(cell, width)| {
        let left = width.saturating_sub(cell.width());
        format!("{cell}{}", " ".repeat(left))
    });
    let cells: Vec<String> = cells.collect();
    cells.join(GAP).trim_end().to_owned()
}

/// A text on one line and at most so many columns wide.
pub(super) fn fit(text: &str, most: usize) -> String {
    let one_line = |sign: char| if sign.is_control() { ' ' } else { sign };
    let text: String = text.chars().map(one_line).collect();
    if text.width() <= most {
        return text;
    }
    let mut left = most.saturating_sub(1);
    let mut fitting = String::new();
    for sign in text.chars() {
        let Some(rest) = left.checked_sub(sign.width().unwrap_or(0)) else {
            break;
        };
        left = rest;
        fitting.push(sign);
    }
    fitting.push('…');
    fitting
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_in_every_script() {
        let mut table = Table::default();
        table.row(vec!["Name".to_owned(), "When".to_owned()]);
        table.row(vec!["Анна".to_owned(), "today".to_owned()]);
        table.row(vec!["山田太郎".to_owned(), "tomorrow".to_owned()]);
        table.row(vec!["Jose\u{301}".to_owned(), String::new()]);
        table.row(vec!["Oʻtkir".to_owned(), "-".to_owned()]);
        let lines = table.lines();
        assert_eq!(
            lines,
            [
                "Name      When",
                "Анна      today",
                "山田太郎  tomorrow",
                "Jose\u{301}",
                "Oʻtkir    -",
            ]
        );
    }

    #[test]
    fn what_is_too_wide_is_cut_by_columns() {
        assert_eq!(fit("Анна", 4), "Анна");
        assert_eq!(fit("Анна К", 5), "Анна…");
        assert_eq!(fit("山田太郎", 8), "山田太郎");
        // Four columns are left: two wide signs.
        assert_eq!(fit("山田太郎", 5), "山田…");
        assert_eq!(fit("山田太郎", 6), "山田…");
        assert_eq!(fit("a\u{1b}[2J\nb", 20), "a [2J b");
        assert_eq!(fit("ab", 0), "…");
    }
}

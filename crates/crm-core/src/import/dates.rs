//! Dates as files have them.
//!
//! `03/04/1985` is March or April: which one, a column says by its other values. Dots always stand behind days
//! (`04.03.1985`), and four digits that come first are a year.

use serde::{Deserialize, Serialize};

use crate::contact::Birthday;

/// What comes first in a date that could be read in two ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// `31/12/1985`.
    DayFirst,
    /// `12/31/1985`.
    MonthFirst,
}

/// What the values of a column say about their order.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Evidence {
    day_first: u64,
    month_first: u64,
    /// Values that are a date either way.
    open: u64,
}

impl Evidence {
    pub(super) fn see(&mut self, cell: &str) {
        let Some((first, second)) = parts(date_of(cell)).and_then(|parts| match parts.as_slice() {
            // Whatever has a dot, or its year first, is clear.
            [first, second, _] if first.len() < 3 && !cell.contains('.') => {
                Some((first.parse::<u32>().ok()?, second.parse::<u32>().ok()?))
            }
            _ => None,
        }) else {
            return;
        };
        match (first, second) {
            (0, _) | (_, 0) => {}
            (13..=31, 1..=12) => self.day_first += 1,
            (1..=12, 13..=31) => self.month_first += 1,
            (1..=12, 1..=12) if first != second => self.open += 1,
            _ => {}
        }
    }

    /// The order of the column, when its values say one; whoever disagrees is read by its own value.
    pub(super) const fn order(self) -> Option<Order> {
        if self.day_first > self.month_first {
            Some(Order::DayFirst)
        } else if self.month_first > self.day_first {
            Some(Order::MonthFirst)
        } else {
            None
        }
    }

    /// Whether some values can be read in two ways and none says which.
    pub(super) const fn is_open(self) -> bool {
        self.open > 0 && self.order().is_none()
    }
}

const WRONG: &str =
    "use a real date as YYYY-MM-DD or DD.MM.YYYY, or as --MM-DD or DD.MM without a year";

/// The birthday a cell says, in whatever form; none where it says that there is none.
pub(super) fn birthday(cell: &str, order: Order) -> Result<Option<Birthday>, &'static str> {
    let text = date_of(cell);
    if text.is_empty() || !text.bytes().any(|byte| matches!(byte, b'1'..=b'9')) {
        // An empty date may be 0/0/00.
        return if text
            .bytes()
            .all(|byte| matches!(byte, b'0' | b'/' | b'.' | b'-'))
        {
            Ok(None)
        } else {
            Err(WRONG)
        };
    }
    if let Some(rest) = text.strip_prefix("--") {
        let digits: String = rest.chars().filter(|letter| *letter != '-').collect();
        return match (digits.get(..2), digits.get(2..)) {
            (Some(month), Some(day)) => real(None, month, day),
            _ => Err(WRONG),
        };
    }
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if let (true, 8, Some(year), Some(month), Some(day)) = (
        digits,
        text.len(),
        text.get(..4),
        text.get(4..6),
        text.get(6..),
    ) {
        return real(Some(year), month, day);
    }
    let parts = parts(text).ok_or(WRONG)?;
    match parts.as_slice() {
        [year, month, day] if year.len() == 4 => real(Some(year), month, day),
        [first, second, year] if (1..=2).contains(&first.len()) => {
            let is_month = |text: &str| text.parse::<u32>().is_ok_and(|number| number <= 12);
            let month_first = match (is_month(first), is_month(second)) {
                (false, _) => false,
                (true, false) => true,
                (true, true) => order == Order::MonthFirst,
            };
            if month_first && !text.contains('.') {
                real(Some(year), first, second)
            } else {
                real(Some(year), second, first)
            }
        }
        [day, month] if text.contains('.') => real(None, month, day),
        _ => Err(WRONG),
    }
}

/// The cell without a time of the day behind its date.
fn date_of(cell: &str) -> &str {
    let cell = cell.trim();
    let digits = |text: &str| text.bytes().any(|byte| byte.is_ascii_digit());
    match cell.split_once(['T', ' ', '\u{a0}']) {
        Some((date, time))
            if digits(date) && time.starts_with(|first: char| first.is_ascii_digit()) =>
        {
            date
        }
        _ => cell.strip_suffix('.').unwrap_or(cell),
    }
}

/// Numbers between one kind of separator.
fn parts(text: &str) -> Option<Vec<&str>> {
    let separator = text
        .chars()
        .find(|letter| matches!(letter, '.' | '/' | '-'))?;
    let parts: Vec<&str> = text.split(separator).map(str::trim).collect();
    let number = |part: &&str| {
        (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    parts.iter().all(number).then_some(parts)
}

fn real(year: Option<&str>, month: &str, day: &str) -> Result<Option<Birthday>, &'static str> {
    let year = match year.map(|year| (year.len(), year.parse::<i32>())) {
        // Apple writes the year 1604 where there is none.
        None | Some((_, Ok(0 | 1604))) => None,
        // Nobody who is written to was born before 1930 and nobody will be after 2029 for some time.
        Some((2, Ok(year))) => Some(if year < 30 { 2000 + year } else { 1900 + year }),
        Some((4, Ok(year))) => Some(year),
        Some(_) => return Err(WRONG),
    };
    let (month, day) = (
        month.parse().map_err(|_| WRONG)?,
        day.parse().map_err(|_| WRONG)?,
    );
    let date = Birthday { year, month, day };
    if Birthday::parse(&date.to_string()) == Some(date) {
        Ok(Some(date))
    } else {
        Err(WRONG)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cell: &str, order: Order) -> String {
        match birthday(cell, order) {
            Ok(Some(date)) => date.to_string(),
            Ok(None) => "none".to_owned(),
            Err(_) => "wrong".to_owned(),
        }
    }

    #[test]
    fn dates_are_read_in_the_forms_that_files_have() {
        for (cell, wanted) in [
            ("1985-03-07", "1985-03-07"),
            ("1985-03-07T00:00:00Z", "1985-03-07"),
            ("19850307", "1985-03-07"),
            ("19850307T000000Z", "1985-03-07"),
            ("1604-03-07", "--03-07"),
            ("1985/3/7", "1985-03-07"),
            ("07.03.1985", "1985-03-07"),
            ("7.3.85", "1985-03-07"),
            ("07.03.1985 00:00:00", "1985-03-07"),
            ("07.03.1985.", "1985-03-07"),
            ("7.3.05", "2005-03-07"),
            ("25/03/1985", "1985-03-25"),
            ("3/25/1985", "1985-03-25"),
            ("--03-07", "--03-07"),
            ("--0307", "--03-07"),
            ("07.03", "--03-07"),
            ("29.02.2000", "2000-02-29"),
            ("--02-29", "--02-29"),
            ("0/0/00", "none"),
            ("0000-00-00", "none"),
            ("00.00.0000", "none"),
            ("", "none"),
            ("31.02.1990", "wrong"),
            ("29.02.1999", "wrong"),
            ("03.13.1990", "wrong"),
            ("soon", "wrong"),
            ("12345", "wrong"),
            ("1985-03", "wrong"),
            ("7/3", "wrong"),
            ("１.２.1990", "wrong"),
        ] {
            assert_eq!(read(cell, Order::DayFirst), wanted, "{cell}");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_follows_the_column() {
        assert_eq!(read("3/7/1985", Order::MonthFirst), "1985-03-07");
        assert_eq!(read("3/7/1985", Order::DayFirst), "1985-07-03");
        assert_eq!(read("3.7.1985", Order::MonthFirst), "1985-07-03");
        let seen = |cells: &[&str]| {
            let mut evidence = Evidence::default();
            cells.iter().for_each(|cell| evidence.see(cell));
            (evidence.order(), evidence.is_open())
        };
        assert_eq!(
            seen(&["1/2/1990", "1/31/1990", ""]),
            (Some(Order::MonthFirst), false)
        );
        assert_eq!(
            seen(&["1/2/1990", "31/1/1990"]),
            (Some(Order::DayFirst), false)
        );
        assert_eq!(seen(&["1/2/1990", "5/5/1990"]), (None, true));
        assert_eq!(
            seen(&["5/5/1990", "01.02.1990", "1990-01-02", "0/0/00"]),
            (None, false)
        );
        assert_eq!(seen(&["1/31/1990", "31/1/1990", "1/2/1990"]), (None, true));
    }
}

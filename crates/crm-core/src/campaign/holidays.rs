//! Days on which nothing leaves: public holidays of Uzbekistan and Russia as data, and what a workspace adds to
//! them or works on.
//!
//! Only the holidays themselves are data. Days off that governments move from year to year (Uzbekistan by decree of
//! the President, Russia by decree of the Government) are not: a workspace adds those of its year, as it adds the
//! second and third day of a feast when it keeps them.

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

mod moving;

pub use moving::{Feast, MOVING, MovingDay};

/// The most days that a calendar may list, and the most that it may list as worked.
pub const DAYS: usize = 1_000;

/// A calendar that is built in, by the name that rules and calendars of workspaces call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BuiltIn {
    /// Uzbekistan: Labour Code of 28 October 2022 (in force since 30 April 2023), article 208: 1 January, 8 March,
    /// 21 March (Navruz), 9 May, 1 September, 1 October, 8 December, and the first days of Ramazon hayiti and Qurbon
    /// hayiti, which move ([`MOVING`]).
    Uz,
    /// Russia: Labour Code, article 112: 1 to 8 January, 23 February, 8 March, 1 May, 9 May, 12 June, 4 November.
    Ru,
}

impl BuiltIn {
    /// All calendars that are built in.
    pub const ALL: [Self; 2] = [Self::Uz, Self::Ru];

    /// The name used in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Uz => "uz",
            Self::Ru => "ru",
        }
    }

    /// The calendar of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|calendar| calendar.as_str() == name)
    }

    /// The holidays that come every year, as month and day.
    #[must_use]
    pub const fn fixed(self) -> &'static [(u32, u32)] {
        match self {
            Self::Uz => &[(1, 1), (3, 8), (3, 21), (5, 9), (9, 1), (10, 1), (12, 8)],
            Self::Ru => &[
                (1, 1),
                (1, 2),
                (1, 3),
                (1, 4),
                (1, 5),
                (1, 6),
                (1, 7),
                (1, 8),
                (2, 23),
                (3, 8),
                (5, 1),
                (5, 9),
                (6, 12),
                (11, 4),
            ],
        }
    }

    /// The holidays that move, oldest first; empty when none does.
    #[must_use]
    pub const fn moving(self) -> &'static [MovingDay] {
        match self {
            Self::Uz => MOVING,
            Self::Ru => &[],
        }
    }

    /// The first and the last year whose moving holidays are known; `None` when none moves, so that every year is.
    #[must_use]
    pub fn reach(self) -> Option<(i32, i32)> {
        let (first, last) = (self.moving().first()?, self.moving().last()?);
        Some((first.date().year(), last.date().year()))
    }

    fn is_holiday(self, date: NaiveDate) -> bool {
        self.fixed().contains(&(date.month(), date.day()))
            || self.moving().iter().any(|day| day.date() == date)
    }
}

/// A day of a calendar: `2027-03-10`, or `--03-08` for every year. `--02-29` comes in leap years alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum CalendarDay {
    /// One date.
    On(NaiveDate),
    /// The day of every year.
    Yearly {
        /// Month, 1 to 12.
        month: u32,
        /// Day of the month, 1 to 31.
        day: u32,
    },
}

impl CalendarDay {
    /// Reads `yyyy-mm-dd` or `--mm-dd`.
    ///
    /// # Errors
    /// `Invalid` for anything else, and for days that no year has.
    pub fn parse(text: &str) -> Result<Self> {
        let refuse = || {
            Error::field(
                "days",
                "use a date (2027-03-10) or a day of every year (--03-08)",
            )
        };
        let form = |form: &str| {
            text.len() == form.len()
                && text
                    .bytes()
                    .zip(form.bytes())
                    .all(|(byte, expected)| match expected {
                        b'0' => byte.is_ascii_digit(),
                        other => byte == other,
                    })
        };
        // A leap year stands for every year.
        let leap = |rest: &str| format!("2000-{rest}").parse::<NaiveDate>().ok();
        match text.strip_prefix("--") {
            Some(rest) if form("--00-00") => {
                let date = leap(rest).ok_or_else(refuse)?;
                Ok(Self::Yearly {
                    month: date.month(),
                    day: date.day(),
                })
            }
            None if form("0000-00-00") => {
                let date: NaiveDate = text.parse().map_err(|_| refuse())?;
                if date.year() < 1 {
                    return Err(refuse());
                }
                Ok(Self::On(date))
            }
            _ => Err(refuse()),
        }
    }
}

impl std::fmt::Display for CalendarDay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::On(date) => date.fmt(f),
            Self::Yearly { month, day } => write!(f, "--{month:02}-{day:02}"),
        }
    }
}

impl TryFrom<String> for CalendarDay {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<CalendarDay> for String {
    fn from(day: CalendarDay) -> Self {
        day.to_string()
    }
}

/// A calendar of a workspace. What names the date itself wins over what names the day of every year, and both win
/// over the calendar it is based on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    /// Name, 1 to 50 characters; none of those that are built in.
    pub name: String,
    /// The calendar that is built in and whose holidays are holidays here, too.
    #[serde(default)]
    pub based_on: Option<BuiltIn>,
    /// Days on which nothing leaves; at most [`DAYS`].
    #[serde(default)]
    pub days: Vec<CalendarDay>,
    /// Days that are worked although `based_on` or a day of every year says otherwise; at most [`DAYS`].
    #[serde(default)]
    pub worked: Vec<CalendarDay>,
}

impl Calendar {
    /// Checks what the types cannot.
    ///
    /// # Errors
    /// `Invalid` for a bad name, too many days, or a day that is listed as a holiday and as worked.
    pub fn validate(&self) -> Result<()> {
        let length = self.name.chars().count();
        let shown = self.name.trim() == self.name && !self.name.chars().any(char::is_control);
        if !(1..=50).contains(&length) || !shown || BuiltIn::parse(&self.name).is_some() {
            return Err(Error::field(
                "name",
                "use 1 to 50 characters, and another name than uz and ru",
            ));
        }
        if self.days.len() > DAYS || self.worked.len() > DAYS {
            return Err(Error::field("days", "list at most 1,000 days"));
        }
        if self.worked.iter().any(|day| self.days.contains(day)) {
            return Err(Error::field(
                "worked",
                "list each day as a holiday or as worked, not as both",
            ));
        }
        Ok(())
    }

    /// Whether nothing leaves on `date`.
    #[must_use]
    pub fn is_holiday(&self, date: NaiveDate) -> bool {
        let yearly = CalendarDay::Yearly {
            month: date.month(),
            day: date.day(),
        };
        let listed = [CalendarDay::On(date), yearly].into_iter().find_map(|day| {
            let holiday = self.days.contains(&day);
            (holiday || self.worked.contains(&day)).then_some(holiday)
        });
        listed.unwrap_or_else(|| self.based_on.is_some_and(|base| base.is_holiday(date)))
    }
}

/// The calendars that one campaign keeps: what is a holiday in any of them is one.
///
/// A day that one calendar lists as worked is still a holiday when another one has it. So a workspace that works on
/// a public holiday names its own calendar, which is based on the public one, and not both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holidays<'a> {
    built_in: Vec<BuiltIn>,
    own: Vec<&'a Calendar>,
}

impl<'a> Holidays<'a> {
    /// The calendars of these names: those that are built in, and those of the workspace.
    ///
    /// # Errors
    /// `Invalid` for a name that neither has.
    pub fn of(names: &[String], own: &'a [Calendar]) -> Result<Self> {
        let mut found = Self {
            built_in: Vec::new(),
            own: Vec::new(),
        };
        for name in names {
            match (BuiltIn::parse(name), own.iter().find(|c| c.name == *name)) {
                (Some(calendar), _) => found.built_in.push(calendar),
                (None, Some(calendar)) => found.own.push(calendar),
                (None, None) => {
                    return Err(Error::field(
                        "holidays",
                        "use uz, ru or the name of a calendar of this workspace",
                    ));
                }
            }
        }
        Ok(found)
    }

    /// Whether nothing leaves on `date`. In a year that [`reach`](Self::reach) does not name, holidays that move are
    /// not known: ask [`check`](Self::check) first.
    #[must_use]
    pub fn is_holiday(&self, date: NaiveDate) -> bool {
        self.built_in
            .iter()
            .any(|calendar| calendar.is_holiday(date))
            || self.own.iter().any(|calendar| calendar.is_holiday(date))
    }

    /// The first and the last year that all its calendars know; `None` when they know every year.
    #[must_use]
    pub fn reach(&self) -> Option<(i32, i32)> {
        let bases = self.own.iter().filter_map(|calendar| calendar.based_on);
        let known = self
            .built_in
            .iter()
            .copied()
            .chain(bases)
            .filter_map(BuiltIn::reach);
        known.reduce(|(first, last), (other_first, other_last)| {
            (first.max(other_first), last.min(other_last))
        })
    }

    /// Refuses a date whose holidays are not all known, so that nobody is written to on one of them.
    ///
    /// # Errors
    /// `Configuration`, with the years that are known.
    pub fn check(&self, date: NaiveDate) -> Result<()> {
        match self.reach() {
            Some((first, last)) if !(first..=last).contains(&date.year()) => Err(Error::new(
                crate::ErrorKind::Configuration,
                format!(
                    "the holidays that move are known from {first} to {last} only; update the program, or use a \
                     calendar of this workspace that lists them and is based on none"
                ),
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;

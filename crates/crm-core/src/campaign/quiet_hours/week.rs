//! Times of day and days of the week, as rules write them.

use chrono::{NaiveTime, Weekday};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A time of day to the minute, as a wall clock shows it: `00:00` to `23:59`, written with five characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WallTime(pub(super) u16);

impl WallTime {
    /// Reads `HH:MM`.
    ///
    /// # Errors
    /// `Invalid` for anything else, `24:00` among it.
    pub fn parse(text: &str) -> Result<Self> {
        let refuse = || Error::field("quiet_hours", "use a time of day from 00:00 to 23:59");
        let (hour, minute) = text.split_once(':').ok_or_else(refuse)?;
        let number = |digits: &str, below: u16| -> Option<u16> {
            let two = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse().ok().filter(|value| two && *value < below)
        };
        let hour = number(hour, 24).ok_or_else(refuse)?;
        let minute = number(minute, 60).ok_or_else(refuse)?;
        Ok(Self(hour * 60 + minute))
    }

    /// Minutes since midnight, 0 to 1,439.
    #[must_use]
    pub const fn minutes(self) -> u16 {
        self.0
    }

    pub(super) fn time(self) -> NaiveTime {
        let seconds = u32::from(self.0) * 60;
        NaiveTime::from_num_seconds_from_midnight_opt(seconds, 0).unwrap_or(NaiveTime::MIN)
    }
}

impl std::fmt::Display for WallTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl TryFrom<String> for WallTime {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<WallTime> for String {
    fn from(time: WallTime) -> Self {
        time.to_string()
    }
}

/// A day of the week, as it is written in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Day {
    /// Monday.
    Monday,
    /// Tuesday.
    Tuesday,
    /// Wednesday.
    Wednesday,
    /// Thursday.
    Thursday,
    /// Friday.
    Friday,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
}

impl Day {
    /// All days, Monday first.
    pub const ALL: [Self; 7] = [
        Self::Monday,
        Self::Tuesday,
        Self::Wednesday,
        Self::Thursday,
        Self::Friday,
        Self::Saturday,
        Self::Sunday,
    ];

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl From<Weekday> for Day {
    fn from(day: Weekday) -> Self {
        match day {
            Weekday::Mon => Self::Monday,
            Weekday::Tue => Self::Tuesday,
            Weekday::Wed => Self::Wednesday,
            Weekday::Thu => Self::Thursday,
            Weekday::Fri => Self::Friday,
            Weekday::Sat => Self::Saturday,
            Weekday::Sun => Self::Sunday,
        }
    }
}

/// The days of the week on which something may leave: at least one. In JSON a list of [days](Day).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<Day>", into = "Vec<Day>")]
pub struct WorkingDays(pub(super) u8);

impl WorkingDays {
    /// Every day of the week.
    pub const ALL: Self = Self(0b111_1111);

    /// These days. One that is named twice counts once.
    ///
    /// # Errors
    /// `Invalid` without any: nothing could ever leave.
    pub fn new(days: &[Day]) -> Result<Self> {
        if days.is_empty() {
            return Err(Error::field(
                "working_days",
                "name at least one day of the week, or leave the field out for all of them",
            ));
        }
        Ok(Self(days.iter().fold(0, |bits, day| bits | day.bit())))
    }

    /// Whether `day` is one of them.
    #[must_use]
    pub const fn contain(self, day: Day) -> bool {
        self.0 & day.bit() != 0
    }
}

impl Default for WorkingDays {
    fn default() -> Self {
        Self::ALL
    }
}

impl TryFrom<Vec<Day>> for WorkingDays {
    type Error = Error;

    fn try_from(days: Vec<Day>) -> Result<Self> {
        Self::new(&days)
    }
}

impl From<WorkingDays> for Vec<Day> {
    fn from(days: WorkingDays) -> Self {
        let all = Day::ALL.into_iter();
        all.filter(|day| days.contain(*day)).collect()
    }
}

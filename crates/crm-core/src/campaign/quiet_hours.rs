//! When a message may leave by the recipient's own clock: not in quiet hours, on working days alone, not on
//! holidays.
//!
//! An instant is judged by what the recipient's clock shows at that instant, and by nothing else. So an hour that
//! the clock shows twice is judged twice, and one that it skips is never waited for: when the clock jumps over the
//! end of the quiet hours, they end with the jump.

use chrono::{DateTime, Datelike, Duration, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::zone;

mod week;

pub use week::{Day, WallTime, WorkingDays};

/// How far [`next_allowed`] looks, in days.
pub const HORIZON_DAYS: i64 = 366;

/// The most calendars of holidays that one set of rules may name.
const CALENDARS: usize = 10;

/// The part of each day in which nothing leaves: `from` belongs to it, `until` no longer does. It may span midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Hours", into = "Hours")]
pub struct QuietHours {
    from: WallTime,
    until: WallTime,
}

/// How quiet hours are written in JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hours {
    from: WallTime,
    until: WallTime,
}

impl QuietHours {
    /// Quiet from `from` until `until`, by the recipient's clock.
    ///
    /// # Errors
    /// `Invalid` when both are the same: nobody could say whether that means always or never.
    pub fn new(from: WallTime, until: WallTime) -> Result<Self> {
        if from == until {
            return Err(Error::field(
                "quiet_hours",
                "let quiet hours end at another time than they begin at",
            ));
        }
        Ok(Self { from, until })
    }

    /// The first minute that is quiet.
    #[must_use]
    pub const fn from(self) -> WallTime {
        self.from
    }

    /// The first minute that is no longer quiet.
    #[must_use]
    pub const fn until(self) -> WallTime {
        self.until
    }

    /// Whether a clock that shows `time` shows quiet hours.
    #[must_use]
    pub fn contain(self, time: NaiveTime) -> bool {
        let minute = time.hour() * 60 + time.minute();
        let (from, until) = (
            u32::from(self.from.minutes()),
            u32::from(self.until.minutes()),
        );
        if from < until {
            from <= minute && minute < until
        } else {
            from <= minute || minute < until
        }
    }
}

impl TryFrom<Hours> for QuietHours {
    type Error = Error;

    fn try_from(hours: Hours) -> Result<Self> {
        Self::new(hours.from, hours.until)
    }
}

impl From<QuietHours> for Hours {
    fn from(hours: QuietHours) -> Self {
        Self {
            from: hours.from,
            until: hours.until,
        }
    }
}

/// What becomes of a message whose moment is not allowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Otherwise {
    /// It waits for the next moment that is.
    #[default]
    Hold,
    /// It is not sent in this run.
    Skip,
}

/// When messages may leave by the recipient's clock. Without any field: always.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendingTimes {
    /// The part of each day in which nothing leaves.
    #[serde(default)]
    pub quiet_hours: Option<QuietHours>,
    /// The days of the week on which something may leave.
    #[serde(default)]
    pub working_days: WorkingDays,
    /// Names of [calendars](super::holidays) on whose days nothing leaves: at most ten.
    #[serde(default)]
    pub holidays: Vec<String>,
    /// What becomes of a message at any other time.
    #[serde(default)]
    pub otherwise: Otherwise,
}

impl SendingTimes {
    /// Checks what the types cannot: how many calendars are named.
    ///
    /// # Errors
    /// `Invalid` for more than ten calendars, or one that is named twice.
    pub fn validate(&self) -> Result<()> {
        let twice = |(at, name): (usize, &String)| self.holidays.iter().take(at).any(|n| n == name);
        if self.holidays.len() > CALENDARS || self.holidays.iter().enumerate().any(twice) {
            return Err(Error::field(
                "holidays",
                "name at most ten calendars, each once",
            ));
        }
        Ok(())
    }

    fn allow_day(&self, date: NaiveDate, is_holiday: &dyn Fn(NaiveDate) -> bool) -> bool {
        self.working_days.contain(date.weekday().into()) && !is_holiday(date)
    }

    fn allow(&self, local: NaiveDateTime, is_holiday: &dyn Fn(NaiveDate) -> bool) -> bool {
        let quiet = |hours: QuietHours| hours.contain(local.time());
        !self.quiet_hours.is_some_and(quiet) && self.allow_day(local.date(), is_holiday)
    }
}

/// Whether something may leave at `at` for somebody in `zone`. `is_holiday` says it of a date there.
#[must_use]
pub fn is_allowed(
    at: DateTime<Utc>,
    zone: Tz,
    rules: &SendingTimes,
    is_holiday: &dyn Fn(NaiveDate) -> bool,
) -> bool {
    rules.allow(zone::local(at, zone), is_holiday)
}

/// The first instant from `at` on (`at` itself, when it is allowed) at which something may leave for somebody in
/// `zone`. `None` when there is none within [`HORIZON_DAYS`] days: rules that close a whole year.
#[must_use]
pub fn next_allowed(
    at: DateTime<Utc>,
    zone: Tz,
    rules: &SendingTimes,
    is_holiday: &dyn Fn(NaiveDate) -> bool,
) -> Option<DateTime<Utc>> {
    let limit = at.checked_add_signed(Duration::days(HORIZON_DAYS))?;
    let mut here = at;
    while here <= limit {
        let local = zone::local(here, zone);
        if rules.allow(local, is_holiday) {
            return Some(here);
        }
        // Until there nothing is allowed, unless somebody touches the clock before.
        let closed = end_of_closure(local, rules, is_holiday)?.signed_duration_since(local);
        let there = here.checked_add_signed(closed)?;
        here = first_change(here, there, zone).unwrap_or(there);
    }
    None
}

/// What a clock that goes on evenly from `local`, where nothing is allowed, shows when that may be over.
fn end_of_closure(
    local: NaiveDateTime,
    rules: &SendingTimes,
    is_holiday: &dyn Fn(NaiveDate) -> bool,
) -> Option<NaiveDateTime> {
    let date = local.date();
    let tomorrow = date.succ_opt()?;
    let until = rules.quiet_hours.map(|hours| hours.until.time());
    match until {
        Some(until) if rules.allow_day(date, is_holiday) => {
            let today = date.and_time(until);
            Some(if today > local {
                today
            } else {
                tomorrow.and_time(until)
            })
        }
        _ => Some(tomorrow.and_time(NaiveTime::MIN)),
    }
}

/// The first instant behind `from`, up to `until`, at which the clocks of `zone` are set to another offset.
fn first_change(from: DateTime<Utc>, until: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
    // No zone was ever set twice within six hours, and clocks are set at whole seconds.
    const STEP: i64 = 6 * 3_600;
    let offset = |second: i64| {
        let at = DateTime::from_timestamp(second, 0)?;
        Some(zone::local(at, zone) - at.naive_utc())
    };
    let (mut same, end) = (from.timestamp(), until.timestamp());
    let before = offset(same);
    while same < end {
        let mut other = (same + STEP).min(end);
        if offset(other) == before {
            same = other;
            continue;
        }
        while other - same > 1 {
            let middle = same + (other - same) / 2;
            if offset(middle) == before {
                same = middle;
            } else {
                other = middle;
            }
        }
        return DateTime::from_timestamp(other, 0);
    }
    None
}

/// What the rules make of a message that was to leave at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// It leaves when it was to.
    OnTime,
    /// It waits until then.
    Held(DateTime<Utc>),
    /// It is not sent in this run, as [`Otherwise::Skip`] says.
    Skipped,
    /// There is nothing to wait for within [`HORIZON_DAYS`] days.
    Never,
}

/// What becomes of a message for somebody in `zone` that is to leave at `at`.
#[must_use]
pub fn departure(
    at: DateTime<Utc>,
    zone: Tz,
    rules: &SendingTimes,
    is_holiday: &dyn Fn(NaiveDate) -> bool,
) -> Departure {
    if is_allowed(at, zone, rules, is_holiday) {
        return Departure::OnTime;
    }
    match rules.otherwise {
        Otherwise::Skip => Departure::Skipped,
        Otherwise::Hold => match next_allowed(at, zone, rules, is_holiday) {
            Some(later) => Departure::Held(later),
            None => Departure::Never,
        },
    }
}

#[cfg(test)]
mod tests;

//! Recurrence rules of RFC 5545 (`RRULE`), as calendars write them: `FREQ=MONTHLY;BYDAY=-1FR`.
//!
//! What campaigns need of them is here: days, weeks, months and years, counted and limited. The time of day is that
//! of the start, so parts that change it are refused by name, as are the few that nobody writes by hand. No library is
//! used: those there are bring the clock of the machine into a core that has none.
//!
//! A wall time that the clock skips means the first instant after the gap, one that it shows twice the first, as
//! everywhere ([`zone::instant`]). (RFC 5545 leaves out what does not exist; a campaign that leaves out a day because
//! clocks are set would surprise more.) A day that a month has not, such as the 31st, is left out, as the RFC says.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::zone;

mod parts;

use parts::{Frequency, Parts, Until};

/// How many years a rule may stay silent before it is taken for one that never comes due.
pub const SILENT_YEARS: i32 = 100;

/// A rule, as it was written. In JSON a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rule {
    text: String,
    parts: Parts,
}

impl Rule {
    /// Reads a rule, with or without `RRULE:` before it, in upper or lower case.
    ///
    /// Taken are `FREQ` (`DAILY`, `WEEKLY`, `MONTHLY`, `YEARLY`), `INTERVAL` (1 to 1,000), `BYDAY` (with numbers such
    /// as `-1FR` in months and years), `BYMONTHDAY` (-31 to 31, not in weeks), `BYMONTH`, `COUNT` (1 to 10,000),
    /// `UNTIL` (a day, the last one by the local calendar, or an instant in UTC) and `WKST`.
    ///
    /// # Errors
    /// `Invalid`, which names the part that is not taken or not well written.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim().to_ascii_uppercase();
        let text = text.strip_prefix("RRULE:").unwrap_or(&text).to_owned();
        let parts = Parts::parse(&text)?;
        Ok(Self { text, parts })
    }

    /// The rule in upper case, without `RRULE:`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl TryFrom<String> for Rule {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<Rule> for String {
    fn from(rule: Rule) -> Self {
        rule.text
    }
}

/// The first time behind `after` at which a rule comes due that starts at the wall time `start` in `zone`; `None` when
/// `COUNT` or `UNTIL` has ended it.
///
/// Nothing is due before the start, and the start itself only when the rule says so: a rule for Mondays that starts on
/// a Tuesday comes due six days later. `COUNT` counts what came due from the start on.
///
/// # Errors
/// `Invalid` for a start or an `after` outside the years 1 to 9999, and for a rule that stays silent for
/// [`SILENT_YEARS`] years, such as `FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30`.
pub fn next(
    rule: &Rule,
    start: NaiveDateTime,
    zone: Tz,
    after: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>> {
    zone::check("start", Some(start.and_utc()))?;
    zone::check("after", Some(after))?;
    let silent = || Error::field("recurrence_rule", "this rule never comes due");
    let parts = &rule.parts;
    let mut left = parts.count;
    // Without a count nothing has to be counted from the start on, and the search begins the day before what is asked
    // for, so that it need not be thought through what clocks that are set at midnight do.
    let soon = zone::date(after, zone).checked_sub_days(Days::new(1));
    let from = match (left, soon) {
        (None, Some(soon)) => soon.max(start.date()),
        _ => start.date(),
    };
    let mut heard = from;
    let mut period = parts.periods_between(start.date(), from);
    loop {
        let Some(first) = parts.period(start.date(), period) else {
            // The calendar is at its end.
            return Err(silent());
        };
        if parts.is_over_on(first, zone) {
            return Ok(None);
        }
        if first.year() > heard.year().saturating_add(SILENT_YEARS) {
            return Err(silent());
        }
        for date in parts.days_of(first) {
            if date < start.date() || !parts.allow(date, start.date()) {
                continue;
            }
            heard = date;
            let due = zone::instant(date.and_time(start.time()), zone);
            if parts.is_over(date, due) || left == Some(0) {
                return Ok(None);
            }
            if due > after {
                return Ok(Some(due));
            }
            left = left.map(|left| left - 1);
        }
        period += 1;
    }
}

impl Parts {
    /// Which period behind that of `start`, counted in intervals, `date` is in or just behind.
    fn periods_between(&self, start: NaiveDate, date: NaiveDate) -> u32 {
        let months = |date: NaiveDate| i64::from(date.year()) * 12 + i64::from(date.month0());
        let weeks = |date: NaiveDate| {
            (date.week(self.week_start).first_day() - NaiveDate::default()).num_days() / 7
        };
        let units = match self.frequency {
            Frequency::Daily => (date - start).num_days(),
            Frequency::Weekly => weeks(date) - weeks(start),
            Frequency::Monthly => months(date) - months(start),
            Frequency::Yearly => i64::from(date.year()) - i64::from(start.year()),
        };
        u32::try_from(units / i64::from(self.interval)).unwrap_or(0)
    }

    /// The first day of the period that many intervals behind that of `start`; `None` beyond the calendar.
    fn period(&self, start: NaiveDate, intervals: u32) -> Option<NaiveDate> {
        let units = intervals.checked_mul(self.interval)?;
        let first = match self.frequency {
            Frequency::Daily => start.checked_add_days(Days::new(u64::from(units))),
            Frequency::Weekly => {
                let week = start.week(self.week_start).checked_first_day()?;
                week.checked_add_days(Days::new(u64::from(units) * 7))
            }
            Frequency::Monthly => start.with_day(1)?.checked_add_months(Months::new(units)),
            Frequency::Yearly => {
                let year = start.year().checked_add(i32::try_from(units).ok()?)?;
                NaiveDate::from_ymd_opt(year, 1, 1)
            }
        };
        first.filter(|first| first.year() <= 9_999)
    }

    /// All days of the period that begins with `first`.
    fn days_of(&self, first: NaiveDate) -> impl Iterator<Item = NaiveDate> {
        let frequency = self.frequency;
        first.iter_days().take_while(move |date| match frequency {
            Frequency::Daily => *date == first,
            Frequency::Weekly => (*date - first).num_days() < 7,
            Frequency::Monthly => (date.year(), date.month()) == (first.year(), first.month()),
            Frequency::Yearly => date.year() == first.year(),
        })
    }

    /// Whether the rule gives `date`, which is in one of its periods. What it does not say is as it was on `start`.
    fn allow(&self, date: NaiveDate, start: NaiveDate) -> bool {
        if !self.months.is_empty() && !self.months.contains(&date.month()) {
            return false;
        }
        let days_said = !self.month_days.is_empty() || !self.week_days.is_empty();
        let as_on_start = match self.frequency {
            _ if days_said => true,
            Frequency::Daily => true,
            Frequency::Weekly => date.weekday() == start.weekday(),
            Frequency::Monthly => date.day() == start.day(),
            Frequency::Yearly => {
                date.day() == start.day()
                    && (!self.months.is_empty() || date.month() == start.month())
            }
        };
        let month_day = self.month_days.is_empty()
            || self.month_days.iter().any(|day| is_month_day(date, *day));
        let week_day = self.week_days.is_empty() || self.is_week_day(date);
        as_on_start && month_day && week_day
    }

    /// Whether `date` is one of the days of the week, counted in its year when the rule is about years and names no
    /// months, else in its month.
    fn is_week_day(&self, date: NaiveDate) -> bool {
        let in_year = self.frequency == Frequency::Yearly && self.months.is_empty();
        let (before, behind) = if in_year {
            let length = if date.leap_year() { 366 } else { 365 };
            (date.ordinal0(), length - date.ordinal())
        } else {
            (
                date.day0(),
                u32::from(date.num_days_in_month()) - date.day(),
            )
        };
        let (nth, nth_last) = (before / 7 + 1, behind / 7 + 1);
        self.week_days.iter().any(|(number, day)| {
            *day == date.weekday()
                && match number {
                    0 => true,
                    1.. => number.unsigned_abs() == nth,
                    _ => number.unsigned_abs() == nth_last,
                }
        })
    }

    /// Whether the rule ended before an occurrence on `date` that is due at `due`.
    fn is_over(&self, date: NaiveDate, due: DateTime<Utc>) -> bool {
        match self.until {
            None => false,
            Some(Until::Day(last)) => date > last,
            Some(Until::Instant(last)) => due > last,
        }
    }

    /// Whether the rule ended before all days from `first` on.
    fn is_over_on(&self, first: NaiveDate, zone: Tz) -> bool {
        self.is_over(first, zone::instant(first.into(), zone))
    }
}

/// Whether `date` is that day of its month, counted from the end when the number is negative.
fn is_month_day(date: NaiveDate, number: i32) -> bool {
    let length = u32::from(date.num_days_in_month());
    let day = if number < 0 {
        length + 1 - date.day()
    } else {
        date.day()
    };
    number.unsigned_abs() == day
}

#[cfg(test)]
mod tests;

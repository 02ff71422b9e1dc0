//! Reading the parts of a recurrence rule, and refusing by name what is not taken.

use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc, Weekday};

use crate::error::{Error, Result};

/// The longest rule, in bytes.
const LENGTH: usize = 500;

/// What a rule counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frequency {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// Where a rule ends; what is due then still is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// With this day of the local calendar.
    Day(NaiveDate),
    /// With this instant.
    Instant(DateTime<Utc>),
}

/// What a rule says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) frequency: Frequency,
    /// Every so many periods, 1 to 1,000.
    pub(super) interval: u32,
    /// 1 to 10,000.
    pub(super) count: Option<u32>,
    pub(super) until: Option<Until>,
    /// 1 to 12.
    pub(super) months: Vec<u32>,
    /// -31 to 31, without 0.
    pub(super) month_days: Vec<i32>,
    /// With the number before each, 0 for none.
    pub(super) week_days: Vec<(i32, Weekday)>,
    pub(super) week_start: Weekday,
}

fn refuse(message: impl Into<String>) -> Error {
    Error::field("recurrence_rule", message)
}

impl Parts {
    /// Reads the parts of a rule in upper case.
    pub(super) fn parse(text: &str) -> Result<Self> {
        if text.len() > LENGTH {
            return Err(refuse("use at most 500 characters"));
        }
        let mut parts = Self {
            frequency: Frequency::Daily,
            interval: 1,
            count: None,
            until: None,
            months: Vec::new(),
            month_days: Vec::new(),
            week_days: Vec::new(),
            week_start: Weekday::Mon,
        };
        let mut seen: Vec<&str> = Vec::new();
        for part in text.split(';') {
            let (name, value) = part
                .split_once('=')
                .ok_or_else(|| refuse("use parts such as FREQ=WEEKLY, with ; between them"))?;
            parts.read(name, value)?;
            if seen.contains(&name) {
                return Err(refuse(format!("say {name} once")));
            }
            seen.push(name);
        }
        if !seen.contains(&"FREQ") {
            return Err(refuse("say FREQ: DAILY, WEEKLY, MONTHLY or YEARLY"));
        }
        parts.check()?;
        Ok(parts)
    }

    fn read(&mut self, name: &str, value: &str) -> Result<()> {
        match name {
            "FREQ" => self.frequency = frequency(value)?,
            "INTERVAL" => self.interval = number(value, 1, 1_000, "INTERVAL takes 1 to 1,000")?,
            "COUNT" => self.count = Some(number(value, 1, 10_000, "COUNT takes 1 to 10,000")?),
            "UNTIL" => self.until = Some(until(value)?),
            "BYMONTH" => {
                let month = |value| number(value, 1, 12, "BYMONTH takes 1 to 12");
                self.months = value.split(',').map(month).collect::<Result<_>>()?;
            }
            "BYMONTHDAY" => {
                let day = |value| month_day(value);
                self.month_days = value.split(',').map(day).collect::<Result<_>>()?;
            }
            "BYDAY" => self.week_days = value.split(',').map(week_day).collect::<Result<_>>()?,
            "WKST" => {
                self.week_start = weekday(value)
                    .ok_or_else(|| refuse("WKST takes MO, TU, WE, TH, FR, SA or SU"))?;
            }
            "BYHOUR" | "BYMINUTE" | "BYSECOND" => {
                return Err(refuse(format!(
                    "{name} is not taken: the time of day is that of the start"
                )));
            }
            "BYSETPOS" | "BYWEEKNO" | "BYYEARDAY" | "RSCALE" | "SKIP" => {
                return Err(refuse(format!(
                    "{name} is not taken; use BYMONTH, BYMONTHDAY and BYDAY"
                )));
            }
            _ => {
                return Err(refuse(
                    "use FREQ, INTERVAL, BYDAY, BYMONTHDAY, BYMONTH, COUNT, UNTIL and WKST only",
                ));
            }
        }
        Ok(())
    }

    /// What RFC 5545 forbids.
    fn check(&self) -> Result<()> {
        if self.count.is_some() && self.until.is_some() {
            return Err(refuse("say COUNT or UNTIL, not both"));
        }
        if self.frequency == Frequency::Weekly && !self.month_days.is_empty() {
            return Err(refuse("BYMONTHDAY is not taken with FREQ=WEEKLY"));
        }
        let short = matches!(self.frequency, Frequency::Daily | Frequency::Weekly);
        let in_year = self.frequency == Frequency::Yearly && self.months.is_empty();
        let most = if in_year { 53 } else { 5 };
        for (number, _) in &self.week_days {
            if short && *number != 0 {
                return Err(refuse(
                    "BYDAY takes numbers with FREQ=MONTHLY and FREQ=YEARLY only",
                ));
            }
            if number.abs() > most {
                return Err(refuse(
                    "BYDAY takes numbers from -5 to 5 in months and from -53 to 53 in years",
                ));
            }
        }
        Ok(())
    }
}

fn frequency(value: &str) -> Result<Frequency> {
    match value {
        "DAILY" => Ok(Frequency::Daily),
        "WEEKLY" => Ok(Frequency::Weekly),
        "MONTHLY" => Ok(Frequency::Monthly),
        "YEARLY" => Ok(Frequency::Yearly),
        "SECONDLY" | "MINUTELY" | "HOURLY" => Err(refuse(format!(
            "FREQ={value} is not taken: use DAILY, WEEKLY, MONTHLY or YEARLY"
        ))),
        _ => Err(refuse("FREQ takes DAILY, WEEKLY, MONTHLY or YEARLY")),
    }
}

/// A number of digits alone.
fn number<N: FromStr + PartialOrd>(value: &str, least: N, most: N, message: &str) -> Result<N> {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    let number = value
        .parse()
        .ok()
        .filter(|number| digits && *number >= least && *number <= most);
    number.ok_or_else(|| refuse(message))
}

/// A sign, if there is one, and what follows.
fn signed(value: &str) -> (i32, &str) {
    match (value.strip_prefix('-'), value.strip_prefix('+')) {
        (Some(rest), _) => (-1, rest),
        (None, Some(rest)) => (1, rest),
        (None, None) => (1, value),
    }
}

fn month_day(value: &str) -> Result<i32> {
    let (sign, digits) = signed(value);
    let day = number(digits, 1, 31, "BYMONTHDAY takes 1 to 31 and -31 to -1")?;
    Ok(sign * day)
}

fn week_day(value: &str) -> Result<(i32, Weekday)> {
    let message = "BYDAY takes days such as MO, 1MO and -1FR";
    let split = value
        .len()
        .checked_sub(2)
        .and_then(|at| value.split_at_checked(at));
    let (before, day) = split.ok_or_else(|| refuse(message))?;
    let day = weekday(day).ok_or_else(|| refuse(message))?;
    if before.is_empty() {
        return Ok((0, day));
    }
    let (sign, digits) = signed(before);
    Ok((sign * number(digits, 1, 53, message)?, day))
}

fn weekday(value: &str) -> Option<Weekday> {
    match value {
        "MO" => Some(Weekday::Mon),
        "TU" => Some(Weekday::Tue),
        "WE" => Some(Weekday::Wed),
        "TH" => Some(Weekday::Thu),
        "FR" => Some(Weekday::Fri),
        "SA" => Some(Weekday::Sat),
        "SU" => Some(Weekday::Sun),
        _ => None,
    }
}

fn until(value: &str) -> Result<Until> {
    let message = "UNTIL takes a day (20271231) or an instant in UTC (20271231T235959Z)";
    let form = |form: &str| {
        let fits = |(byte, expected): (u8, u8)| match expected {
            b'0' => byte.is_ascii_digit(),
            other => byte == other,
        };
        value.len() == form.len() && value.bytes().zip(form.bytes()).all(fits)
    };
    let read = if form("00000000") {
        NaiveDate::parse_from_str(value, "%Y%m%d")
            .ok()
            .map(Until::Day)
    } else if form("00000000T000000Z") {
        let at = NaiveDateTime::parse_from_str(value, "%Y%m%dT%H%M%SZ").ok();
        at.map(|at| Until::Instant(at.and_utc()))
    } else {
        None
    };
    read.ok_or_else(|| refuse(message))
}

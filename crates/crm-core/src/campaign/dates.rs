//! Automations by a date of each contact: birthdays, anniversaries, and days before or after them.
//!
//! Everybody has a day of their own, on their own calendar. A run looks at the days from today to as far ahead as texts
//! are drafted, so a worker that was down for hours, or for that many days, still finds everybody; whoever was planned
//! for a day stays planned once, for the day names the run of their line.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, Days, Duration, NaiveDate, NaiveDateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::schedule;
use crate::audience::compare;
use crate::contact::{Birthday, Contact};
use crate::error::{Error, Result};
use crate::zone;

/// The name by which `field` asks for the contact's birthday.
pub const BIRTHDAY: &str = "birthday";
/// Furthest a message may be from the date, in days.
pub const MOST_OFFSET: i32 = 366;
/// Furthest ahead that texts may be drafted, in days.
pub const MOST_AHEAD: u32 = 60;

/// When somebody born on 29 February is congratulated in a year that has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LeapDay {
    /// The day before.
    #[default]
    #[serde(rename = "feb_28")]
    February28,
    /// The day after.
    #[serde(rename = "mar_1")]
    March1,
}

impl LeapDay {
    /// The name used in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::February28 => "feb_28",
            Self::March1 => "mar_1",
        }
    }
}

/// How often a date comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repeat {
    /// Every year: a birthday, an anniversary.
    #[default]
    Yearly,
    /// On the very date: a contract that ends.
    Once,
}

impl Repeat {
    /// The name used in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yearly => "yearly",
            Self::Once => "once",
        }
    }
}

/// Which of a contact's dates, and how far from it a message leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DateRule {
    /// `birthday`, or the name of a custom field that holds days (`YYYY-MM-DD`, or `--MM-DD` without a year).
    #[serde(default = "birthday")]
    pub field: String,
    /// How often it comes. A date without a year comes every year.
    #[serde(default)]
    pub repeat: Repeat,
    /// Days from the date to the message: negative before it, -366 to 366.
    #[serde(default)]
    pub offset_days: i32,
    /// Local hour it leaves, 0 to 23.
    pub hour: u32,
    /// What stands in for 29 February.
    #[serde(default)]
    pub leap_day: LeapDay,
    /// How many days before it leaves a message is drafted, so that people can approve it; 0 to 60.
    #[serde(default = "one_day")]
    pub ahead_days: u32,
}

fn birthday() -> String {
    BIRTHDAY.to_owned()
}

const fn one_day() -> u32 {
    1
}

impl DateRule {
    /// Birthdays at this local hour, drafted the day before.
    #[must_use]
    pub fn birthday(hour: u32) -> Self {
        Self {
            field: birthday(),
            repeat: Repeat::Yearly,
            offset_days: 0,
            hour,
            leap_day: LeapDay::default(),
            ahead_days: one_day(),
        }
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// `Invalid`, with the field.
    pub fn validate(&self) -> Result<()> {
        if self.hour > 23 {
            return Err(Error::field("hour", "use an hour from 0 to 23"));
        }
        if self.offset_days.abs() > MOST_OFFSET {
            let text = "use -366 to 366 days; negative ones are before the date";
            return Err(Error::field("offset_days", text));
        }
        if self.ahead_days > MOST_AHEAD {
            return Err(Error::field("ahead_days", "use 0 to 60 days"));
        }
        let length = self.field.chars().count();
        if !(1..=100).contains(&length) || self.field.chars().any(char::is_control) {
            let text = "use birthday or the name of a custom field";
            return Err(Error::field("date_field", text));
        }
        if self.field == BIRTHDAY && self.repeat == Repeat::Once {
            let text = "a birthday comes every year";
            return Err(Error::field("date_repeat", text));
        }
        Ok(())
    }

    /// The day the contact is written to, if that is from `today`, on their own calendar, to `ahead_days` later. The
    /// nearest, should there be several.
    #[must_use]
    pub fn due(&self, contact: &Contact, today: NaiveDate) -> Option<NaiveDate> {
        let date = self.date_of(contact)?;
        let days = today.iter_days().take(self.ahead_days as usize + 1);
        let mut of_event = days.filter_map(|day| Some((day, shift(day, -self.offset_days)?)));
        of_event.find_map(|(day, event)| self.falls_on(date, event).then_some(day))
    }

    /// When a message that leaves on `day` leaves.
    #[must_use]
    pub fn leaves(&self, day: NaiveDate, zone: Tz) -> DateTime<Utc> {
        let wall = NaiveDateTime::new(day, schedule::hour(self.hour));
        zone::instant(wall, zone)
    }

    /// The birthdays, as month times 100 plus day, of all who may be due anywhere on earth at `now`; `None` when it is
    /// not about birthdays.
    #[must_use]
    pub fn birthdays(&self, now: DateTime<Utc>) -> Option<BTreeSet<u32>> {
        if self.field != BIRTHDAY {
            return None;
        }
        let mut list = BTreeSet::new();
        // Calendars are up to a day apart from that of UTC.
        let first = shift(now.date_naive(), -1 - self.offset_days)?;
        for day in first.iter_days().take(self.ahead_days as usize + 3) {
            list.insert(day.month() * 100 + day.day());
            if matches!((day.month(), day.day()), (2, 28) | (3, 1)) {
                list.insert(229);
            }
        }
        Some(list)
    }

    /// The contact's date.
    fn date_of(&self, contact: &Contact) -> Option<Birthday> {
        if self.field == BIRTHDAY {
            return contact.birthday;
        }
        let value = contact.custom_fields.get(&self.field)?.as_str()?.trim();
        match compare::date(value) {
            Some(date) => Some(Birthday {
                year: Some(date.year()),
                month: date.month(),
                day: date.day(),
            }),
            None => Birthday::parse(value),
        }
    }

    /// Whether the event of this date is on `day`.
    fn falls_on(&self, date: Birthday, day: NaiveDate) -> bool {
        match (self.repeat, date.year) {
            (Repeat::Once, Some(year)) => {
                day.year() == year && (day.month(), day.day()) == (date.month, date.day)
            }
            // Nobody is congratulated before they were born.
            (_, year) => {
                year.is_none_or(|year| day.year() >= year) && falls_on(date, day, self.leap_day)
            }
        }
    }
}

/// Whether a yearly date is kept on `day`; 29 February as `leap_day` says in common years.
#[must_use]
pub fn falls_on(date: Birthday, day: NaiveDate, leap_day: LeapDay) -> bool {
    if (date.month, date.day) != (2, 29) || day.leap_year() {
        return (date.month, date.day) == (day.month(), day.day());
    }
    let kept = match leap_day {
        LeapDay::February28 => (2, 28),
        LeapDay::March1 => (3, 1),
    };
    kept == (day.month(), day.day())
}

/// The instant at which `day` is over in `zone`. A day that the zone left out is kept on the one after it.
#[must_use]
pub fn end_of(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let begin = |day: NaiveDate| zone::instant(NaiveDateTime::new(day, schedule::hour(0)), zone);
    let next = |day: NaiveDate| day.succ_opt().unwrap_or(day);
    let over = begin(next(day));
    if over > begin(day) {
        over
    } else {
        begin(next(next(day)))
    }
}

fn shift(day: NaiveDate, days: i32) -> Option<NaiveDate> {
    let many = Days::new(u64::from(days.unsigned_abs()));
    if days < 0 {
        day.checked_sub_days(many)
    } else {
        day.checked_add_days(many)
    }
}

/// How long before a whole hour a rule's next run begins anew: they begin every hour, so that each zone's day is met.
pub(super) fn next_hour(after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let begun = after.timestamp() - after.timestamp().rem_euclid(3_600);
    DateTime::from_timestamp(begun, 0).map(|begun| begun + Duration::hours(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fixtures;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn with(field: &str, value: &str) -> Contact {
        let mut contact = fixtures::contact(1);
        contact.fields.birthday = None;
        if field == BIRTHDAY {
            contact.fields.birthday = Birthday::parse(value);
        } else {
            let value = serde_json::Value::from(value);
            contact.fields.custom_fields.insert(field.to_owned(), value);
        }
        contact
    }

    #[test]
    fn leap_day_is_kept_every_year_once() {
        let birthday = Birthday::parse("--02-29").unwrap();
        for leap_day in [LeapDay::February28, LeapDay::March1] {
            for year in 1999..2110 {
                let first = NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
                let days = first.iter_days().take_while(|day| day.year() == year);
                let kept: Vec<_> = days
                    .filter(|day| falls_on(birthday, *day, leap_day))
                    .collect();
                assert_eq!(kept.len(), 1, "{year}");
                let march = kept[0].month() == 3;
                assert_eq!(march, leap_day == LeapDay::March1 && !kept[0].leap_year());
            }
        }
    }

    #[test]
    fn days_before_and_after_a_date_are_counted_on_the_calendar() {
        let rule = |offset_days, ahead_days| DateRule {
            offset_days,
            ahead_days,
            ..DateRule::birthday(9)
        };
        let contact = with(BIRTHDAY, "1990-01-02");
        for (offset, today, due) in [
            (0, "2027-01-02", Some("2027-01-02")),
            (0, "2027-01-01", None),
            (-3, "2026-12-30", Some("2026-12-30")),
            (-3, "2026-12-31", None),
            (5, "2027-01-07", Some("2027-01-07")),
            (-366, "2026-01-01", Some("2026-01-01")),
            // Nobody is congratulated before they were born.
            (0, "1989-01-02", None),
        ] {
            let found = rule(offset, 0).due(&contact, day(today));
            assert_eq!(found, due.map(day), "{offset} {today}");
        }
        // Drafted ahead, also over the end of the year.
        for (today, due) in [
            ("2026-12-28", None),
            ("2026-12-30", Some("2027-01-02")),
            ("2027-01-02", Some("2027-01-02")),
            ("2027-01-03", None),
        ] {
            assert_eq!(
                rule(0, 3).due(&contact, day(today)),
                due.map(day),
                "{today}"
            );
        }
    }

    #[test]
    fn a_custom_date_comes_once_or_every_year() {
        let rule = |repeat| DateRule {
            field: "ends_on".to_owned(),
            repeat,
            offset_days: -30,
            ..DateRule::birthday(9)
        };
        let contact = with("ends_on", "2027-03-15");
        let (before, next) = (day("2027-02-13"), day("2028-02-14"));
        assert_eq!(rule(Repeat::Once).due(&contact, before), Some(before));
        assert_eq!(rule(Repeat::Once).due(&contact, next), None);
        assert_eq!(rule(Repeat::Yearly).due(&contact, next), Some(next));
        for bad in ["soon", "2027-02-30", "", "1.2.2027"] {
            assert_eq!(rule(Repeat::Once).due(&with("ends_on", bad), before), None);
        }
        assert_eq!(
            rule(Repeat::Once).due(&with("other", "2027-03-15"), before),
            None
        );
    }

    #[test]
    fn whoever_is_due_anywhere_is_among_the_birthdays_looked_for() {
        let start: DateTime<Utc> = "2027-01-01T00:30:00Z".parse().unwrap();
        for name in ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Tashkent"] {
            let zone = zone::parse(name).unwrap();
            for (offset_days, leap_day) in [
                (0, LeapDay::March1),
                (-40, LeapDay::February28),
                (3, LeapDay::March1),
            ] {
                let rule = DateRule {
                    offset_days,
                    leap_day,
                    ..DateRule::birthday(9)
                };
                for hours in (0..(24 * 370)).step_by(7) {
                    let now = start + Duration::hours(hours);
                    let today = zone::date(now, zone);
                    let looked_for = rule.birthdays(now).unwrap();
                    for ahead in 0..=1 {
                        let event = shift(today, ahead - offset_days).unwrap();
                        let birthday = event.month() * 100 + event.day();
                        assert!(looked_for.contains(&birthday), "{name} {now}");
                    }
                    let leap = with(BIRTHDAY, "--02-29");
                    assert!(rule.due(&leap, today).is_none() || looked_for.contains(&229));
                }
            }
        }
    }

    #[test]
    fn ranges_are_checked() {
        let good = DateRule::birthday(9);
        good.validate().unwrap();
        for bad in [
            DateRule {
                hour: 24,
                ..good.clone()
            },
            DateRule {
                offset_days: 367,
                ..good.clone()
            },
            DateRule {
                offset_days: i32::MIN + 1,
                ..good.clone()
            },
            DateRule {
                ahead_days: 61,
                ..good.clone()
            },
            DateRule {
                field: String::new(),
                ..good.clone()
            },
            DateRule {
                repeat: Repeat::Once,
                ..good.clone()
            },
        ] {
            assert!(bad.validate().is_err(), "{bad:?}");
        }
    }
}

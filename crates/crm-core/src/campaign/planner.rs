//! The planner: one contact and a campaign in, one line of the plan out. Pure.

use chrono::{DateTime, Datelike, Duration, NaiveDate, NaiveDateTime, Utc};

use super::{Campaign, PlanRow, Schedule, schedule};
use crate::consent;
use crate::contact::{AddressKind, Birthday, Contact};
use crate::error::Result;
use crate::zone;

/// What the planner has to know about the channel and the address.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// Which address the channel uses.
    pub address: AddressKind,
    /// Whether an address has the right form.
    pub accepts: &'a dyn Fn(&str) -> bool,
    /// Whether the contact's address is suppressed.
    pub suppressed: bool,
}

impl std::fmt::Debug for Target<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Target({:?})", self.address)
    }
}

/// The contact's line in the run `occurrence`; `None` when this run is not about them (their birthday
/// is on another day).
///
/// # Errors
/// `Invalid` when the campaign's own zone is unknown.
pub fn plan(
    contact: &Contact,
    campaign: &Campaign,
    occurrence: &str,
    now: DateTime<Utc>,
    target: &Target<'_>,
) -> Result<Option<PlanRow>> {
    let fallback = zone::parse(&campaign.fields.time_zone)?;
    let zone = contact
        .time_zone
        .as_deref()
        .and_then(|name| zone::parse(name).ok())
        .unwrap_or(fallback);
    let (send_at, occurrence) = match &campaign.fields.schedule {
        Schedule::Immediate | Schedule::Recurring { .. } => (now, occurrence.to_owned()),
        Schedule::Scheduled {
            at,
            local_time: false,
        } => ((*at).max(now), occurrence.to_owned()),
        Schedule::Scheduled {
            at,
            local_time: true,
        } => {
            // Nobody before the start: where the wall time has passed, it leaves at once.
            (
                zone::instant(at.naive_utc(), zone).max(now),
                occurrence.to_owned(),
            )
        }
        Schedule::Birthday { hour } => {
            let today = zone::date(now, zone);
            let is_today = contact
                .birthday
                .is_some_and(|birthday| falls_on(birthday, today));
            if !is_today {
                return Ok(None);
            }
            let wall = NaiveDateTime::new(today, schedule::hour(*hour));
            (zone::instant(wall, zone).max(now), today.to_string())
        }
    };
    let excluded = exclusion(contact, campaign, target);
    let included = excluded.is_none();
    let local = zone::local(send_at, zone)
        .format("%Y-%m-%dT%H:%M:%S")
        .to_string();
    Ok(Some(PlanRow {
        campaign_id: campaign.id,
        occurrence,
        contact_id: contact.id,
        channel: campaign.fields.channel.clone(),
        send_at: included.then_some(send_at),
        local_time: included.then_some(local),
        time_zone: zone.name().to_owned(),
        excluded: excluded.map(str::to_owned),
        message_id: None,
    }))
}

fn exclusion(contact: &Contact, campaign: &Campaign, target: &Target<'_>) -> Option<&'static str> {
    if contact.erased {
        return Some("erased");
    }
    let Some(address) = contact.address(target.address) else {
        return Some("no_address");
    };
    if !(target.accepts)(address) {
        return Some("bad_address");
    }
    if target.suppressed {
        return Some("suppressed");
    }
    let topic = campaign.fields.occasion_type.topic();
    if !consent::allows(contact, &campaign.fields.channel, topic) {
        return Some("no_consent");
    }
    None
}

/// Whether a birthday is celebrated on `date`: 29 February on the 28th in common years.
#[must_use]
pub fn falls_on(birthday: Birthday, date: NaiveDate) -> bool {
    let exact = birthday.month == date.month() && birthday.day == date.day();
    let leap_day = birthday.month == 2 && birthday.day == 29;
    let tomorrow = date + Duration::days(1);
    exact || (leap_day && (date.month(), date.day()) == (2, 28) && tomorrow.month() == 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leap_day_birthdays_come_every_year_once() {
        let birthday = Birthday::parse("--02-29").unwrap();
        for year in 1999..2110 {
            let first = NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
            let days = first.iter_days().take_while(|day| day.year() == year);
            assert_eq!(
                days.filter(|day| falls_on(birthday, *day)).count(),
                1,
                "{year}"
            );
        }
    }
}

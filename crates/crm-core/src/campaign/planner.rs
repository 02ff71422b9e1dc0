//! The planner: one contact and a campaign in, one line of the plan out. Pure.

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;

use super::holidays::{Calendar, Holidays};
use super::quiet_hours::{self, Departure, SendingTimes};
use super::{Campaign, PlanRow, Schedule, dates, split};
use crate::consent::window::Window;
use crate::consent::{Rules, Topic};
use crate::contact::Contact;
use crate::error::{Error, Result};
use crate::id::ContactId;
use crate::message::digest::Encoder;
use crate::zone;

/// The reason of [`leaves`] that somebody can mend: a calendar is not there, or does not reach so far.
pub const HOLIDAYS_UNKNOWN: &str = "holidays_unknown";

/// One of a campaign's channels, and what the planner has to know of it for one contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// Channel name.
    pub channel: &'a str,
    /// Whether the contact can be reached there at all.
    pub address: Reach,
    /// Whether the contact's address is suppressed.
    pub suppressed: bool,
    /// Until when the contact may be written to there.
    pub window: Window,
}

/// Whether a contact has an address that a channel can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// There is none.
    Missing,
    /// It has not the form the channel needs.
    Malformed,
    /// It has.
    Good,
}

/// The contact's line in the run `occurrence`; `None` when this run is not about them (their day
/// is another one). `targets` are the campaign's channels in its own order, `calendars` those of the house.
///
/// # Errors
/// `Invalid` when the campaign's own zone is unknown, or without a target.
pub fn plan(
    contact: &Contact,
    campaign: &Campaign,
    occurrence: &str,
    now: DateTime<Utc>,
    targets: &[Target<'_>],
    rules: Rules,
    calendars: &[Calendar],
) -> Result<Option<PlanRow>> {
    let fallback = zone::parse(&campaign.fields.time_zone)?;
    let zone = contact.zone_or(fallback);
    let (send_at, occurrence) = match &campaign.fields.schedule {
        Schedule::Immediate | Schedule::Recurring { .. } | Schedule::Rule { .. } => {
            (now, occurrence.to_owned())
        }
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
        Schedule::Date(rule) => {
            let Some(day) = rule.due(contact, zone::date(now, zone)) else {
                return Ok(None);
            };
            (rule.leaves(day, zone).max(now), day.to_string())
        }
    };
    // Where nothing may leave, the line still says when it would have.
    let times = leaves(contact, campaign, calendars, send_at);
    // Whoever waits for the same morning is spread over it, too.
    let later = spread(campaign, contact.id);
    let times = match times {
        Ok(at) if !later.is_zero() => leaves(contact, campaign, calendars, at + later),
        times => times,
    };
    let send_at = times.unwrap_or(send_at);
    let topic = campaign.fields.occasion_type.topic();
    let Some((channel, excluded)) = choose(contact, topic, targets, rules, send_at) else {
        return Err(Error::field("channel", "a campaign needs a channel"));
    };
    let over = expires_at(campaign, &occurrence, zone).is_some_and(|over| over <= send_at);
    let excluded = excluded.or(times.err()).or(over.then_some("too_late"));
    // Drawn among those who would get something: the others are no measure for them.
    let variant = match &campaign.fields.variants {
        Some(variants) if excluded.is_none() => {
            Some(variants.name(variants.assign(campaign.id.0.as_bytes(), contact.id)))
        }
        _ => None,
    };
    let held_back = variant == Some(split::HOLDOUT);
    let excluded = excluded.or(held_back.then_some(split::HOLDOUT));
    let included = excluded.is_none();
    let local = zone::local(send_at, zone)
        .format("%Y-%m-%dT%H:%M:%S")
        .to_string();
    Ok(Some(PlanRow {
        campaign_id: campaign.id,
        occurrence,
        contact_id: contact.id,
        channel: channel.to_owned(),
        send_at: included.then_some(send_at),
        local_time: included.then_some(local),
        time_zone: zone.name().to_owned(),
        excluded: excluded.map(str::to_owned),
        variant: variant.filter(|_| included).map(str::to_owned),
        message_id: None,
        batch_id: None,
    }))
}

/// The channel a contact is written to on at `send_at`, of a campaign's in its own order: the first that may be
/// used, the contact's preferred ones before the others. When none may be, the first of the campaign's, and why not. `None`
/// without targets.
///
/// Whether the text fits the channel is not asked here: somebody who wants to be written to on one channel is not
/// written to on another because the house's text is too long.
#[must_use]
pub fn choose<'a>(
    contact: &Contact,
    topic: Topic,
    targets: &[Target<'a>],
    rules: Rules,
    send_at: DateTime<Utc>,
) -> Option<(&'a str, Option<&'static str>)> {
    let first = targets.first()?;
    let preferred = contact.preferred_channels.iter();
    let preferred =
        preferred.filter_map(|name| targets.iter().find(|target| target.channel == name));
    let mut in_order = preferred.chain(targets);
    let excluded = |target: &Target<'_>| exclusion(contact, topic, target, rules, send_at);
    match in_order.find(|target| excluded(target).is_none()) {
        Some(target) => Some((target.channel, None)),
        None => Some((first.channel, excluded(first))),
    }
}

fn exclusion(
    contact: &Contact,
    topic: Topic,
    target: &Target<'_>,
    rules: Rules,
    send_at: DateTime<Utc>,
) -> Option<&'static str> {
    if contact.erased {
        return Some("erased");
    }
    match target.address {
        Reach::Missing => return Some("no_address"),
        Reach::Malformed => return Some("bad_address"),
        Reach::Good => {}
    }
    if target.suppressed {
        return Some("suppressed");
    }
    if !rules.allow(contact, target.channel, topic) {
        return Some("no_consent");
    }
    if !target.window.is_open(send_at) {
        return Some("window_closed");
    }
    None
}

/// How long after the others' moment this contact's is: below the campaign's `spread_minutes`, to the second, drawn from a
/// hash, so that every plan says the same.
#[must_use]
pub fn spread(campaign: &Campaign, contact: ContactId) -> Duration {
    let seconds = u64::from(campaign.fields.spread_minutes) * 60;
    if seconds == 0 {
        return Duration::zero();
    }
    let mut encoder = Encoder::new("crm/spread/v1");
    encoder
        .bytes(campaign.id.0.as_bytes())
        .bytes(contact.0.as_bytes());
    let hash = encoder.finish().0;
    let bits = hash.first_chunk().copied().unwrap_or_default();
    let drawn = (u128::from(u64::from_be_bytes(bits)) * u128::from(seconds)) >> 64;
    Duration::seconds(i64::try_from(drawn).unwrap_or(0))
}

/// When a message of this run is of no use any more: the day it is for is over where the recipient is. `None` for
/// campaigns that are not about a day.
#[must_use]
pub fn expires_at(campaign: &Campaign, occurrence: &str, zone: Tz) -> Option<DateTime<Utc>> {
    if !matches!(campaign.fields.schedule, Schedule::Date(_)) {
        return None;
    }
    Some(dates::end_of(occurrence.parse().ok()?, zone))
}

/// When a message that could leave at `at` leaves by the campaign's [sending times](SendingTimes), or the reason why it
/// does not: `quiet_hours` (the campaign rather sends nothing), `no_sending_time` (none within a year) or `holidays_unknown`
/// (a calendar is not there any more, or does not reach so far).
///
/// # Errors
/// The reason.
pub fn leaves(
    contact: &Contact,
    campaign: &Campaign,
    calendars: &[Calendar],
    at: DateTime<Utc>,
) -> std::result::Result<DateTime<Utc>, &'static str> {
    let rules = &campaign.fields.sending_times;
    if *rules == SendingTimes::default() {
        return Ok(at);
    }
    let fallback = zone::parse(&campaign.fields.time_zone).map_err(|_| "no_sending_time")?;
    let zone = contact.zone_or(fallback);
    let holidays = Holidays::of(&rules.holidays, calendars).map_err(|_| HOLIDAYS_UNKNOWN)?;
    let is_holiday = |date| holidays.is_holiday(date);
    let leaves = match quiet_hours::departure(at, zone, rules, &is_holiday) {
        Departure::OnTime => at,
        Departure::Held(until) => until,
        Departure::Skipped => return Err("quiet_hours"),
        Departure::Never => return Err("no_sending_time"),
    };
    // What lies between was looked at, too, and is known when both ends are.
    for end in [at, leaves] {
        holidays
            .check(zone::date(end, zone))
            .map_err(|_| HOLIDAYS_UNKNOWN)?;
    }
    Ok(leaves)
}

//! Everybody's day comes once a year, wherever they live and whatever the calendar does, and is drafted ahead.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Duration, NaiveDate, Utc};
use crm_core::campaign::dates::{DateRule, LeapDay};
use crm_core::campaign::planner::{self, Reach, Target};
use crm_core::campaign::{Campaign, PlanRow, Schedule};
use crm_core::consent::Rules;
use crm_core::consent::window::Window;
use crm_core::contact::{Birthday, Contact};
use crm_core::testing::fixtures;
use crm_core::zone;

/// Forty zones: both ends of the date line, half hours and quarters, jumps at midnight, of half an hour and of two,
/// a day that was left out, and many without any jump.
const ZONES: [&str; 40] = [
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/Lagos",
    "America/Anchorage",
    "America/Argentina/Buenos_Aires",
    "America/Caracas",
    "America/Halifax",
    "America/Havana",
    "America/Los_Angeles",
    "America/Mexico_City",
    "America/New_York",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/St_Johns",
    "America/Vancouver",
    "Antarctica/Troll",
    "Asia/Almaty",
    "Asia/Beirut",
    "Asia/Dubai",
    "Asia/Gaza",
    "Asia/Jerusalem",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Samarkand",
    "Asia/Shanghai",
    "Asia/Tashkent",
    "Asia/Tehran",
    "Asia/Vladivostok",
    "Atlantic/Azores",
    "Australia/Adelaide",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Europe/Chisinau",
    "Europe/London",
    "Europe/Moscow",
    "Pacific/Apia",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
];

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn campaign(rule: DateRule) -> Campaign {
    let mut campaign = fixtures::campaign(1);
    campaign.fields.schedule = Schedule::Date(rule);
    campaign.fields.channel = "email".to_owned();
    campaign
}

fn born(birthday: &str, zone: &str) -> Contact {
    let mut contact = fixtures::contact(1);
    contact.fields.birthday = Birthday::parse(birthday);
    contact.fields.time_zone = Some(zone.to_owned());
    contact
}

fn plan(contact: &Contact, campaign: &Campaign, now: DateTime<Utc>) -> Option<PlanRow> {
    let target = Target {
        channel: "email",
        address: Reach::Good,
        suppressed: false,
        window: Window::Always,
    };
    planner::plan(
        contact,
        campaign,
        "run",
        now,
        &[target],
        Rules::default(),
        &[],
    )
    .unwrap()
}

/// Runs around the days on which it may be, every few hours, as a worker would that is now and then late; the lines as a
/// store keeps them, the first of each run.
fn year(contact: &Contact, campaign: &Campaign, year: i32, step: i64) -> BTreeMap<String, PlanRow> {
    let birthday = contact.birthday.unwrap();
    let near = NaiveDate::from_ymd_opt(year, birthday.month, birthday.day.min(28)).unwrap();
    let mut now = near.and_hms_opt(0, 0, 0).unwrap().and_utc() - Duration::days(4);
    let until = now + Duration::days(9);
    let mut lines = BTreeMap::new();
    while now < until {
        if let Some(row) = plan(contact, campaign, now) {
            lines.entry(row.occurrence.clone()).or_insert(row);
        }
        now += Duration::minutes(step);
    }
    lines
}

#[test]
fn each_occasion_comes_once_a_year_in_four_hundred_years() {
    for (number, name) in ZONES.into_iter().enumerate() {
        let zone = zone::parse(name).unwrap();
        for leap_day in [LeapDay::February28, LeapDay::March1] {
            let rule = DateRule {
                leap_day,
                ..DateRule::birthday(u32::try_from(number).unwrap() % 24)
            };
            let campaign = campaign(rule);
            for birthday in ["--02-29", "--12-31"] {
                let contact = born(birthday, name);
                for when in 2000..2400 {
                    // Never the same minute twice, and at most eleven hours apart.
                    let step = 601 + i64::from(when % 7) * 11;
                    let lines = year(&contact, &campaign, when, step);
                    let lines: Vec<_> = lines.values().collect();
                    assert_eq!(lines.len(), 1, "{name} {leap_day:?} {birthday} {when}");
                    let row = lines[0];
                    let day: NaiveDate = row.occurrence.parse().unwrap();
                    let leaves = row.send_at.unwrap();
                    // What is stored beside the instant is the wall time and its zone.
                    let wall = zone::local(leaves, zone);
                    assert_eq!(
                        row.local_time.as_deref(),
                        Some(wall.format("%Y-%m-%dT%H:%M:%S").to_string().as_str())
                    );
                    assert_eq!(row.time_zone, name);
                    // Apia had no 30 December 2011, and its 31st was there.
                    assert_eq!(wall.date(), day, "{name} {when}");
                    assert_eq!(day.year(), when);
                    let kept = match (birthday, leap_day, day.leap_year()) {
                        ("--12-31", ..) => (12, 31),
                        (_, _, true) => (2, 29),
                        (_, LeapDay::February28, _) => (2, 28),
                        (_, LeapDay::March1, _) => (3, 1),
                    };
                    assert_eq!((day.month(), day.day()), kept, "{name} {when}");
                    let over = planner::expires_at(&campaign, &row.occurrence, zone).unwrap();
                    assert!(leaves < over && over - leaves <= Duration::hours(26));
                }
            }
        }
    }
}

#[test]
fn a_day_that_a_zone_left_out_is_kept_when_it_would_have_begun() {
    let campaign = campaign(DateRule::birthday(9));
    let lines = year(&born("--12-30", "Pacific/Apia"), &campaign, 2011, 60);
    let row = lines.values().next().unwrap();
    assert_eq!(lines.len(), 1);
    // The clocks went from the 29th to the 31st.
    assert_eq!(row.send_at, Some(at("2011-12-30T10:00:00Z")));
    assert_eq!(row.local_time.as_deref(), Some("2011-12-31T00:00:00"));
}

#[test]
fn tomorrows_greetings_are_drafted_today_and_leave_tomorrow() {
    let campaign = campaign(DateRule::birthday(9));
    let contact = born("1990-11-25", "Asia/Tashkent");
    // Still the 23rd in Tashkent; then the 24th begins.
    assert_eq!(plan(&contact, &campaign, at("2026-11-23T18:59:00Z")), None);
    let row = plan(&contact, &campaign, at("2026-11-23T19:00:00Z")).unwrap();
    assert_eq!(row.occurrence, "2026-11-25");
    assert_eq!(row.send_at, Some(at("2026-11-25T04:00:00Z")));
    let zone = zone::parse("Asia/Tashkent").unwrap();
    let over = planner::expires_at(&campaign, &row.occurrence, zone);
    assert_eq!(over, Some(at("2026-11-25T19:00:00Z")));
    // A worker that was down until the afternoon still writes; one that was down for the day does not.
    let late = plan(&contact, &campaign, at("2026-11-25T10:00:00Z")).unwrap();
    assert_eq!(late.send_at, Some(at("2026-11-25T10:00:00Z")));
    assert_eq!(plan(&contact, &campaign, at("2026-11-25T19:00:00Z")), None);
}

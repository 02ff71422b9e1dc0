//! Nothing leaves in quiet hours, on days off and on holidays of the recipient: not by the plan, and not later either.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use common::{World, world};
use crm_core::campaign::dates::DateRule;
use crm_core::campaign::holidays::{Calendar, Holidays};
use crm_core::campaign::planner::{self, Reach, Target};
use crm_core::campaign::quiet_hours::{
    Day, Otherwise, QuietHours, SendingTimes, WallTime, WorkingDays, is_allowed,
};
use crm_core::campaign::{Campaign, CampaignFields, Schedule};
use crm_core::consent::Rules;
use crm_core::consent::window::Window;
use crm_core::contact::{Birthday, Contact};
use crm_core::engine::Engine;
use crm_core::message::{Message, Occasion, Status};
use crm_core::port::store::MessageQuery;
use crm_core::testing::{SequentialIds, fixtures};
use crm_core::{ErrorKind, zone};
use proptest::prelude::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn hours(from: &str, until: &str) -> Option<QuietHours> {
    let time = |text| WallTime::parse(text).unwrap();
    Some(QuietHours::new(time(from), time(until)).unwrap())
}

/// From nine in the evening to nine in the morning, and on the holidays of Uzbekistan.
fn nights() -> SendingTimes {
    SendingTimes {
        quiet_hours: hours("21:00", "09:00"),
        holidays: vec!["uz".to_owned()],
        ..SendingTimes::default()
    }
}

fn weekdays() -> WorkingDays {
    let days = Day::ALL.into_iter().take(5).collect::<Vec<_>>();
    WorkingDays::try_from(days).unwrap()
}

fn plan(
    contact: &Contact,
    campaign: &Campaign,
    now: DateTime<Utc>,
    calendars: &[Calendar],
) -> Option<(Option<DateTime<Utc>>, Option<String>)> {
    let target = Target {
        channel: "email",
        address: Reach::Good,
        suppressed: false,
        window: Window::Always,
    };
    let rules = Rules::default();
    let row = planner::plan(contact, campaign, "run", now, &[target], rules, calendars);
    row.unwrap().map(|row| (row.send_at, row.excluded))
}

fn campaign(schedule: Schedule, sending_times: SendingTimes) -> Campaign {
    let mut campaign = fixtures::campaign(1);
    campaign.fields.channel = "email".to_owned();
    campaign.fields.schedule = schedule;
    campaign.fields.sending_times = sending_times;
    campaign
}

#[test]
fn a_plan_waits_for_the_recipients_morning_or_leaves_them_out() {
    let contact = fixtures::contact(1);
    let held = campaign(Schedule::Immediate, nights());
    let skipped = campaign(
        Schedule::Immediate,
        SendingTimes {
            otherwise: Otherwise::Skip,
            ..nights()
        },
    );
    // Tashkent is five hours ahead.
    for (now, leaves) in [
        ("2026-11-24T15:59:00Z", "2026-11-24T15:59:00Z"),
        ("2026-11-24T16:00:00Z", "2026-11-25T04:00:00Z"),
        ("2026-11-25T03:59:00Z", "2026-11-25T04:00:00Z"),
        // Navruz is a holiday; the day after is none.
        ("2027-03-20T20:00:00Z", "2027-03-22T04:00:00Z"),
    ] {
        let found = plan(&contact, &held, at(now), &[]).unwrap();
        assert_eq!(found, (Some(at(leaves)), None), "{now}");
        let found = plan(&contact, &skipped, at(now), &[]).unwrap();
        let on_time = (now == leaves).then(|| at(now));
        let why = on_time.is_none().then(|| "quiet_hours".to_owned());
        assert_eq!(found, (on_time, why), "{now}");
    }
}

#[test]
fn what_cannot_be_known_or_never_comes_is_said() {
    let contact = fixtures::contact(1);
    let why = |sending_times, now, calendars: &[Calendar]| {
        let campaign = campaign(Schedule::Immediate, sending_times);
        plan(&contact, &campaign, at(now), calendars).unwrap().1
    };
    // The moving holidays of so late a year are not known, whatever day it is.
    let late = Some("holidays_unknown".to_owned());
    assert_eq!(why(nights(), "2090-06-01T06:00:00Z", &[]), late);
    let own = |name: &str| SendingTimes {
        holidays: vec![name.to_owned()],
        ..SendingTimes::default()
    };
    let calendar = |days: &[&str]| Calendar {
        name: "shop".to_owned(),
        based_on: None,
        days: days
            .iter()
            .map(|day| serde_json::from_value((*day).into()).unwrap())
            .collect(),
        worked: Vec::new(),
    };
    // A calendar that was taken out of the settings stops its campaigns and nobody is written to on its days.
    assert_eq!(why(own("shop"), "2026-11-24T06:00:00Z", &[]), late);
    assert_eq!(
        why(own("shop"), "2026-11-24T06:00:00Z", &[calendar(&[])]),
        None
    );
    let always: Vec<String> = NaiveDate::from_ymd_opt(2024, 1, 1)
        .unwrap()
        .iter_days()
        .take(366)
        .map(|day| day.format("--%m-%d").to_string())
        .collect();
    let always: Vec<&str> = always.iter().map(String::as_str).collect();
    let never = Some("no_sending_time".to_owned());
    let closed = [calendar(&always)];
    assert_eq!(why(own("shop"), "2026-11-24T06:00:00Z", &closed), never);
}

#[test]
fn a_birthday_on_a_day_off_is_not_kept_after_it() {
    let mut contact = fixtures::contact(1);
    // A Saturday.
    contact.fields.birthday = Birthday::parse("--11-28");
    let times = SendingTimes {
        working_days: weekdays(),
        ..SendingTimes::default()
    };
    let campaign = campaign(Schedule::Date(DateRule::birthday(9)), times);
    let found = plan(&contact, &campaign, at("2026-11-27T06:00:00Z"), &[]).unwrap();
    assert_eq!(found, (None, Some("too_late".to_owned())));
    let found = plan(&contact, &campaign, at("2027-11-27T06:00:00Z"), &[])
        .unwrap()
        .1;
    assert_eq!(found, Some("too_late".to_owned()), "a Sunday");
    let found = plan(&contact, &campaign, at("2028-11-27T06:00:00Z"), &[]).unwrap();
    assert_eq!(found, (Some(at("2028-11-28T04:00:00Z")), None));
}

proptest! {
    /// No plan violates quiet hours, days off or holidays, nor the start; what leaves on time by itself is not moved.
    #[test]
    fn no_plan_violates_the_sending_times(
        from in 0_u32..1_440,
        length in 1_u32..1_440,
        first in 0_usize..7,
        days in 1_usize..=7,
        uz in any::<bool>(),
        skip in any::<bool>(),
        place in 0_usize..8,
        start in 0_i64..(366 * 24 * 60),
        wait in 0_i64..(40 * 24 * 60),
        local_time in any::<bool>(),
    ) {
        let text = |minute: u32| format!("{:02}:{:02}", minute / 60 % 24, minute % 60);
        let sending_times = SendingTimes {
            quiet_hours: hours(&text(from), &text(from + length)),
            working_days: WorkingDays::try_from(
                Day::ALL.into_iter().cycle().skip(first).take(days).collect::<Vec<_>>(),
            ).unwrap(),
            holidays: if uz { vec!["uz".to_owned()] } else { Vec::new() },
            otherwise: if skip { Otherwise::Skip } else { Otherwise::Hold },
        };
        let name = [
            "Asia/Tashkent", "America/New_York", "Africa/Cairo", "Australia/Lord_Howe", "Pacific/Kiritimati",
            "Pacific/Pago_Pago", "Asia/Kathmandu", "Africa/Casablanca",
        ][place];
        let zone = zone::parse(name).unwrap();
        let now = at("2026-01-05T00:00:00Z") + Duration::minutes(start);
        let begins = now + Duration::minutes(wait);
        let mut contact = fixtures::contact(1);
        contact.fields.time_zone = Some(name.to_owned());
        let schedule = Schedule::Scheduled { at: begins, local_time };
        let campaign = campaign(schedule, sending_times.clone());
        let (leaves, why) = plan(&contact, &campaign, now, &[]).unwrap();
        let names = sending_times.holidays.clone();
        let holidays = Holidays::of(&names, &[]).unwrap();
        let is_holiday = |date| holidays.is_holiday(date);
        let wanted = if local_time {
            zone::instant(begins.naive_utc(), zone).max(now)
        } else {
            begins
        };
        match leaves {
            Some(leaves) => {
                prop_assert!(is_allowed(leaves, zone, &sending_times, &is_holiday));
                prop_assert!(leaves >= wanted && leaves >= now && why.is_none());
                prop_assert!(!skip || leaves == wanted);
                if is_allowed(wanted, zone, &sending_times, &is_holiday) {
                    prop_assert_eq!(leaves, wanted);
                }
            }
            None => {
                prop_assert!(!is_allowed(wanted, zone, &sending_times, &is_holiday));
                prop_assert_eq!(why.as_deref(), Some(if skip { "quiet_hours" } else { "no_sending_time" }));
            }
        }
    }
}

#[test]
fn a_spread_gives_everybody_a_moment_of_their_own_that_stays() {
    let now = at("2026-11-24T10:00:00Z");
    let late = at("2026-11-24T16:30:00Z");
    let mut spread = campaign(Schedule::Immediate, nights());
    spread.fields.spread_minutes = 120;
    let mut moments = std::collections::BTreeSet::new();
    for number in 1..=200 {
        let contact = fixtures::contact(number);
        for (now, begins) in [(now, now), (late, at("2026-11-25T04:00:00Z"))] {
            let (leaves, why) = plan(&contact, &spread, now, &[]).unwrap();
            let leaves = leaves.unwrap();
            assert_eq!(
                (Some(leaves), why),
                plan(&contact, &spread, now, &[]).unwrap()
            );
            assert!(leaves >= begins && leaves < begins + Duration::hours(2));
            moments.insert(leaves);
        }
        // Not into the night that follows.
        let evening = at("2026-11-24T15:30:00Z");
        let leaves = plan(&contact, &spread, evening, &[]).unwrap().0.unwrap();
        assert!(leaves < at("2026-11-24T16:00:00Z") || leaves >= at("2026-11-25T04:00:00Z"));
    }
    assert!(moments.len() > 380, "{}", moments.len());
}

impl World {
    /// A campaign to one person in Tashkent, drafted.
    async fn drafted(&self, sending_times: SendingTimes) -> Message {
        self.contact("ann@mail.example").await;
        let fields = CampaignFields {
            sending_times,
            ..CampaignFields::new("Navruz", Occasion::Holiday)
        };
        let manager = self.manager();
        let campaign = manager.campaigns().create(fields).await.unwrap();
        manager
            .campaigns()
            .execute(campaign.id, false)
            .await
            .unwrap();
        self.worker().run_until_idle().await.unwrap();
        let messages = manager.messages().list(MessageQuery::default()).await;
        messages.unwrap().items.remove(0)
    }
}

#[tokio::test]
async fn what_is_approved_at_night_leaves_in_the_morning() {
    let world = world();
    world.clock.set(at("2026-11-24T10:00:00Z"));
    let message = world.drafted(nights()).await;
    // People go home before they agree to it.
    world.clock.set(at("2026-11-24T18:00:00Z"));
    let message = world.approve(&message).await;
    for hour in 18..28 {
        world.worker().run_until_idle().await.unwrap();
        let now = world.reload(&message).await;
        assert_eq!(now.status, Status::Approved, "{hour}");
        assert_eq!(now.not_before, at("2026-11-25T04:00:00Z"));
        assert_eq!(now.failure.as_deref(), Some("quiet_hours"));
        world.clock.advance(Duration::hours(1));
    }
    world.worker().run_until_idle().await.unwrap();
    let sent = world.reload(&message).await;
    assert_eq!(sent.status, Status::Sent);
    assert_eq!(
        (sent.sent_at, sent.failure),
        (Some(at("2026-11-25T04:00:00Z")), None)
    );
    assert_eq!(world.channel.calls().len(), 1);
}

#[tokio::test]
async fn a_campaign_that_skips_calls_off_what_comes_at_night() {
    let world = world();
    world.clock.set(at("2026-11-24T10:00:00Z"));
    let skips = SendingTimes {
        otherwise: Otherwise::Skip,
        ..nights()
    };
    let message = world.drafted(skips).await;
    world.clock.set(at("2026-11-24T18:00:00Z"));
    let message = world.approve(&message).await;
    world.worker().run_until_idle().await.unwrap();
    let ended = world.reload(&message).await;
    assert_eq!(ended.status, Status::Cancelled);
    assert_eq!(ended.failure.as_deref(), Some("quiet_hours"));
    assert_eq!(world.channel.calls().len(), 0);
}

#[tokio::test]
async fn long_holidays_do_not_make_a_message_late() {
    let world = world();
    world.clock.set(at("2026-11-24T10:00:00Z"));
    let days = (25..=30).map(|day| format!("2026-11-{day}"));
    let calendar = serde_json::json!({"name": "shop", "days": days.collect::<Vec<_>>()});
    let calendar: Calendar = serde_json::from_value(calendar).unwrap();
    let mut world = world;
    let store = std::sync::Arc::clone(world.engine.store());
    world.engine = Engine::builder(
        store,
        world.clock.clone(),
        std::sync::Arc::new(SequentialIds::default()),
    )
    .channel("email", std::sync::Arc::clone(&world.channel) as _)
    .calendars(vec![calendar])
    .build();
    let closed = SendingTimes {
        holidays: vec!["shop".to_owned()],
        ..SendingTimes::default()
    };
    let message = world.drafted(closed).await;
    world.clock.set(at("2026-11-24T20:00:00Z"));
    let message = world.approve(&message).await;
    world.worker().run_until_idle().await.unwrap();
    // The 24th is over in Tashkent; six days later is longer than a message may usually wait.
    assert_eq!(
        world.reload(&message).await.not_before,
        at("2026-11-30T19:00:00Z")
    );
    world.clock.set(at("2026-11-30T19:00:00Z"));
    world.worker().run_until_idle().await.unwrap();
    assert_eq!(world.reload(&message).await.status, Status::Sent);
}

#[tokio::test]
async fn calendars_nobody_has_are_refused() {
    let world = world();
    let manager = world.manager();
    for holidays in [vec!["de"], vec!["uz", "uz"], vec!["shop"]] {
        let fields = CampaignFields {
            sending_times: SendingTimes {
                holidays: holidays.into_iter().map(str::to_owned).collect(),
                ..SendingTimes::default()
            },
            ..CampaignFields::new("c", Occasion::Holiday)
        };
        let refused = manager.campaigns().create(fields).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid);
    }
}

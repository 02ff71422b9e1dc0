//! A plan is the same in pages of any size, whatever dies between them, and two schedulers begin a run once.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;
#[path = "common/shared.rs"]
mod shared;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use common::{World, world_over};
use crm_core::campaign::dates::DateRule;
use crm_core::campaign::quiet_hours::{QuietHours, SendingTimes, WallTime};
use crm_core::campaign::split::{Arm, Variants};
use crm_core::campaign::{Campaign, CampaignFields, PlanRow, Schedule};
use crm_core::contact::{Birthday, ContactFields};
use crm_core::engine::Policy;
use crm_core::message::Occasion;
use crm_core::message::history::Subject;
use crm_core::port::store::{EventQuery, PageRequest, PlanQuery};
use crm_core::worker::{Worker, WorkerOptions};
use futures_util::FutureExt as _;
use proptest::prelude::*;
use shared::SharedStore;
use tokio::sync::watch;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn worker(world: &World, name: &str, plan_page: u32) -> Worker {
    let options = WorkerOptions {
        name: name.to_owned(),
        plan_page,
        ..WorkerOptions::default()
    };
    Worker::new(world.engine.clone(), options)
}

async fn round(worker: &Worker) {
    let (_sender, stop) = watch::channel(false);
    worker.round(&stop).await.unwrap();
}

/// People everywhere, some of whom cannot be written to.
async fn people(world: &World, count: usize) {
    const ZONES: [&str; 4] = [
        "Asia/Tashkent",
        "America/New_York",
        "Pacific/Kiritimati",
        "Asia/Kathmandu",
    ];
    for number in 0..count {
        let fields = ContactFields {
            name: format!("P {number}"),
            email: (number % 7 > 0).then(|| format!("p{number}@mail.example")),
            time_zone: Some(ZONES[number % ZONES.len()].to_owned()),
            birthday: Birthday::parse(&format!("--11-{:02}", 24 + number % 3)),
            ..ContactFields::default()
        };
        world.manager().contacts().create(fields).await.unwrap();
    }
}

fn fields(schedule: Schedule) -> CampaignFields {
    let time = |text| WallTime::parse(text).unwrap();
    CampaignFields {
        schedule,
        sending_times: SendingTimes {
            quiet_hours: Some(QuietHours::new(time("21:00"), time("09:30")).unwrap()),
            ..SendingTimes::default()
        },
        variants: Some(Variants {
            arms: vec![Arm::new("a", 1), Arm::new("b", 2)],
            holdout_permille: 150,
        }),
        ..CampaignFields::new("Навруз", Occasion::Holiday)
    }
}

async fn start(world: &World, schedule: Schedule) -> Campaign {
    let manager = world.manager();
    let campaign = manager.campaigns().create(fields(schedule)).await.unwrap();
    manager
        .campaigns()
        .execute(campaign.id, false)
        .await
        .unwrap()
}

/// The lines, without the ids of messages, which differ from life to life; each has one unless it says why not.
async fn lines(world: &World, campaign: &Campaign) -> BTreeMap<String, PlanRow> {
    let query = PlanQuery {
        campaign_id: campaign.id,
        occurrence: None,
        excluded: None,
        undrafted: false,
        batch: None,
        page: PageRequest {
            limit: 1_000,
            ..PageRequest::default()
        },
    };
    let rows = world.viewer().campaigns().plan(query).await.unwrap().items;
    let mut lines = BTreeMap::new();
    for mut row in rows {
        assert_eq!(row.message_id.is_none(), row.excluded.is_some());
        row.message_id = None;
        let contact = world.viewer().contacts().get(row.contact_id).await.unwrap();
        let key = format!("{} {}", row.occurrence, contact.fields.name);
        assert!(lines.insert(key, row).is_none());
    }
    lines
}

fn schedules() -> [Schedule; 2] {
    [
        Schedule::Scheduled {
            at: at("2026-11-25T09:00:00Z"),
            local_time: true,
        },
        Schedule::Date(DateRule {
            ahead_days: 2,
            ..DateRule::birthday(10)
        }),
    ]
}

fn a_world() -> (World, Arc<SharedStore>) {
    let store = Arc::new(SharedStore::default());
    let world = world_over(store.clone(), Policy::default());
    world.clock.set(at("2026-11-23T06:00:00Z"));
    (world, store)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn pages_of_any_size_and_crashes_between_them_make_the_same_plan(
        count in 0_usize..60,
        which in 0_usize..2,
        lives in proptest::collection::vec((1_u32..40, 0_usize..12), 0..6),
        last in 1_u32..70,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let schedule = schedules()[which].clone();
            let (calm, _) = a_world();
            people(&calm, count).await;
            let campaign = start(&calm, schedule.clone()).await;
            worker(&calm, "one", 500).run_until_idle().await.unwrap();
            let expected = lines(&calm, &campaign).await;

            let (world, store) = a_world();
            people(&world, count).await;
            let campaign = start(&world, schedule).await;
            for (number, (page, moment)) in lives.into_iter().enumerate() {
                let worker = worker(&world, &format!("life {number}"), page);
                store.fuse.light(moment);
                tokio::select! {
                    biased;
                    () = store.fuse.blown.notified() => {}
                    () = round(&worker) => {}
                }
                store.fuse.put_out();
            }
            worker(&world, "last", last).run_until_idle().await.unwrap();
            assert_eq!(lines(&world, &campaign).await, expected);
            assert_eq!(world.viewer().analytics().recount().await.unwrap(), []);
        });
    }
}

/// How often each campaign's run was begun.
async fn runs(world: &World, campaign: &Campaign) -> usize {
    let query = EventQuery {
        subject: Some((Subject::Campaign, campaign.id.0)),
        limit: 10_000,
        ..EventQuery::default()
    };
    let events = world.viewer().audit().events(query).await.unwrap();
    let begun = events.iter().filter(|it| it.event.action == "run_begun");
    begun.count()
}

#[tokio::test]
async fn two_schedulers_begin_each_run_once() {
    let (world, store) = a_world();
    people(&world, 5).await;
    let daily = Schedule::Recurring {
        cron: "0 9 * * *".to_owned(),
        time_zone: "Asia/Tashkent".to_owned(),
    };
    let campaign = start(&world, daily).await;
    let world = Arc::new(world);
    for day in 1..=10_usize {
        world
            .clock
            .set(at("2026-11-24T04:00:00Z") + Duration::days(i64::try_from(day).unwrap() - 1));
        // The second one looks and begins between the look of the first and its commit.
        let other = world.clone();
        store.before_next_commit(move || {
            async move { round(&worker(&other, "second", 2)).await }.boxed()
        });
        let first = worker(&world, "first", 3);
        round(&first).await;
        first.run_until_idle().await.unwrap();
        assert_eq!(runs(&world, &campaign).await, day);
    }
    let lines = lines(&world, &campaign).await;
    assert_eq!(lines.len(), 50);
    let drafted = lines.values().filter(|row| row.excluded.is_none()).count();
    let dashboard = world.viewer().analytics().dashboard().await.unwrap();
    assert_eq!(usize::try_from(dashboard.total_messages).unwrap(), drafted);
}

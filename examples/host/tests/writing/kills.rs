//! The host is killed with SIGKILL at random moments of campaigns drafted in batches, and started again. The stand-in
//! counts what it was asked: no line is in two batches, no draft is lost, and the ledger ends exact.
//!
//! `CRM_KILLS` says how often, `CRM_KILL_SEED` repeats a run's moments as far as the machine allows; it is printed when
//! the test fails.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crm_claude_testing::job::End;
use crm_core::Workspace;
use serde_json::{Value, json};

use super::claude::{Claude, all, campaign, execute, leases_end, people, pico, time_passes, until};
use super::common::Host;
use super::common::place::Place;
use super::engine;

const NAMES: [&str; 8] = [
    "Анна", "Вера", "Инга", "Лола", "Нина", "Рита", "Дина", "Зоя",
];
/// For whom the batch brings no text.
const ONE_BY_ONE: [&str; 2] = ["Анна", "Зоя"];

fn setting(name: &str, standard: u64) -> u64 {
    std::env::var(name).map_or(standard, |text| text.parse().unwrap())
}

/// Numbers of a fixed sequence (a linear congruential generator).
struct Dice(u64);

impl Dice {
    fn millis(&mut self, highest: u64) -> Duration {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        Duration::from_millis((self.0 >> 33) % (highest + 1))
    }
}

/// How often each line of each campaign was in a batch: by the campaign's context and the person's name.
fn in_batches(claude: &Claude) -> BTreeMap<(String, String), usize> {
    let mut counts = BTreeMap::new();
    for job in claude.provider.jobs() {
        for (_, asked) in job.requests {
            let context = asked.task["context"].as_str().unwrap().to_owned();
            *counts
                .entry((context, asked.name().to_owned()))
                .or_default() += 1;
        }
    }
    counts
}

/// The calls of the ledger in this state, of batches or not.
fn calls<'a>(entries: &'a [Value], state: &str, batch: bool) -> Vec<&'a Value> {
    let wanted = |call: &&Value| call["state"] == state && call["batch"] == batch;
    entries.iter().filter(wanted).collect()
}

fn cost(calls: &[&Value]) -> u64 {
    calls.iter().map(|call| pico(&call["cost_usd"])).sum()
}

#[test]
fn killing_the_host_pays_for_no_batch_twice_and_loses_no_draft() {
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = setting("CRM_KILL_SEED", clock.as_secs());
    let kills = setting("CRM_KILLS", 12);
    println!("CRM_KILL_SEED={seed} CRM_KILLS={kills}");
    let mut dice = Dice(seed);
    // Answers take a while, so that kills find calls under way.
    let claude = Claude::slow(Duration::from_millis(15));
    claude.provider.end_by(|asked| {
        if ONE_BY_ONE.contains(&asked.name()) {
            End::Expired
        } else {
            End::Good
        }
    });
    let host = Host::start_with(Place::new(), &["--no-worker"], &claude.variables());
    let admin = host.admin();
    people(&host, &admin, &NAMES);
    let campaigns: Vec<String> = (0..kills.div_ceil(2))
        .map(|number| {
            let context = format!("Кампания {number}");
            campaign(
                &host,
                &admin,
                &json!({"drafting": "batch", "custom_context": context}),
            )
        })
        .collect();
    let mut place = host.kill();
    for kill in 0..kills {
        leases_end(&place);
        let host = Host::start_with(place, &[], &claude.variables());
        // One more to plan and hand over every second time; what was begun before goes on meanwhile.
        if kill % 2 == 0 {
            execute(
                &host,
                &admin,
                &campaigns[usize::try_from(kill / 2).unwrap()],
            );
        }
        time_passes(&host.directory);
        sleep(dice.millis(700));
        place = host.kill();
    }
    leases_end(&place);
    let host = Host::start_with(place, &[], &claude.variables());
    for campaign in &campaigns {
        until(&host, &admin, &format!("{campaign}/cost"), |cost| {
            cost["drafted"] == NAMES.len() && cost["to_draft"] == 0
        });
        until(&host, &admin, &format!("{campaign}/batches"), |page| {
            let batches = page["items"].as_array().unwrap();
            batches.iter().all(|batch| batch["state"] == "closed")
        });
    }

    // Each line was in one batch that was made, and has one message, by the model.
    let counts = in_batches(&claude);
    assert_eq!(counts.len(), campaigns.len() * NAMES.len());
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    let messages = all(&host, &admin, "/api/messages");
    assert_eq!(messages.len(), campaigns.len() * NAMES.len());
    let mut lines = BTreeMap::new();
    for message in &messages {
        assert_eq!(message["metadata"]["fallback_used"], false, "{message}");
        let line = (
            message["campaign_id"].to_string(),
            message["contact_id"].to_string(),
        );
        *lines.entry(line).or_insert(0) += 1;
    }
    assert!(lines.values().all(|count| *count == 1));

    // What batches cost is exact. Of the rest a call that a kill cut off counts for what was reserved, no more.
    let entries = all(&host, &admin, "/api/usage/calls");
    let billed_alone: u64 = claude.provider.drafts().iter().map(|(_, cost)| cost).sum();
    let in_batch = calls(&entries, "settled", true);
    assert_eq!(
        in_batch.len(),
        campaigns.len() * (NAMES.len() - ONE_BY_ONE.len())
    );
    assert_eq!(cost(&in_batch), claude.provider.billed() - billed_alone);
    assert_eq!(calls(&entries, "assumed", true).len(), 0);
    let (alone, assumed) = (
        calls(&entries, "settled", false),
        calls(&entries, "assumed", false),
    );
    let asked = claude.provider.drafts().len();
    assert!(alone.len() <= asked && asked <= alone.len() + assumed.len());
    assert!(cost(&alone) <= billed_alone && billed_alone <= cost(&alone) + cost(&assumed));
    let wanted = campaigns.len() * ONE_BY_ONE.len();
    assert!(alone.len() >= wanted, "{} of {wanted}", alone.len());
    let open = entries.iter().filter(|call| call["state"] == "reserved");
    assert_eq!(open.count(), 0);
    let sums = host.get(&admin, "/api/usage?group=model").expect(200);
    let spent = pico(&sums["items"][0]["cost_usd"]);
    assert_eq!(spent, cost(&entries.iter().collect::<Vec<_>>()));
    println!(
        "{kills} kills, {} batches, {} drafts alone ({} assumed), {spent} picodollars",
        claude.provider.count(),
        asked,
        assumed.len()
    );

    let (status, place) = host.stop();
    assert!(status.success());
    engine::run(&place, async |engine, session| {
        assert_eq!(session.usage().recount().await.unwrap(), []);
        assert_eq!(session.analytics().recount().await.unwrap(), []);
        assert_eq!(
            engine
                .store()
                .seal(&Workspace::default(), 1_000)
                .await
                .unwrap(),
            0
        );
        assert!(session.audit().verify(None).await.unwrap().valid);
    });
}

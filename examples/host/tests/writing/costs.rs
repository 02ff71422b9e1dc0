//! What a campaign costs before it runs, while it runs and after agrees with itself, with the sums of the ledger and with
//! what the provider billed, to the last digit.

use std::sync::Arc;

use crm_claude_testing::job::End;
use crm_claude_testing::server::Answer;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::claude::{Claude, all, campaign, execute, people, pico, until};
use super::common::Host;
use super::common::place::Place;

/// Names as long as each other: what a draft can cost is the same for all of them.
const NAMES: [&str; 6] = ["Анна", "Вера", "Инга", "Лола", "Нина", "Рита"];

/// What the campaign's page and the ledger's sums say, which is the same: spent and reserved.
fn agreed(host: &Host, token: &str, campaign: &str) -> (Value, u64, u64) {
    let id = campaign.rsplit('/').next().unwrap();
    let sums = format!("/api/usage?group=campaign&campaign_id={id}");
    loop {
        let cost = host.get(token, &format!("{campaign}/cost")).expect(200);
        let sums = host.get(token, &sums).expect(200);
        if host.get(token, &format!("{campaign}/cost")).expect(200) != cost {
            // It went on between the two.
            continue;
        }
        let amount = |name: &str| sums["items"][0].get(name).map_or(0, pico);
        let (spent, reserved) = (pico(&cost["spent_usd"]), pico(&cost["reserved_usd"]));
        assert_eq!(
            (spent, reserved),
            (amount("cost_usd"), amount("reserved_usd"))
        );
        let by_call = all(host, token, &format!("/api/usage/calls?campaign_id={id}"));
        let by_call: u64 = by_call.iter().map(|call| pico(&call["cost_usd"])).sum();
        if host.get(token, &format!("{campaign}/cost")).expect(200) == cost {
            assert_eq!(spent, by_call);
            return (cost, spent, reserved);
        }
    }
}

/// Before a run: nothing but the most that each can cost, which is answered.
fn before(host: &Host, token: &str, campaign: &str) -> u64 {
    let (cost, spent, reserved) = agreed(host, token, campaign);
    let count = u64::try_from(NAMES.len()).unwrap();
    assert_eq!((spent, reserved), (0, 0));
    assert_eq!(
        (&cost["to_draft"], &cost["drafted"]),
        (&json!(count), &json!(0))
    );
    assert_eq!(cost["basis"], "bound");
    assert_eq!(cost["expected_total_usd"], cost["at_most_usd"]);
    let most = pico(&cost["at_most_usd"]);
    assert_eq!(most, pico(&cost["typical_usd"]) * count);
    most / count
}

/// After it: what it cost is what it was to cost and what was billed.
fn after(host: &Host, token: &str, campaign: &str, claude: &Claude) {
    let (cost, spent, reserved) = agreed(host, token, campaign);
    assert_eq!((&cost["to_draft"], reserved), (&json!(0), 0));
    assert_eq!(spent, claude.provider.billed());
    assert!(spent > 0);
    assert_eq!(cost["expected_total_usd"], cost["spent_usd"]);
    assert_eq!(cost["at_most_usd"], cost["spent_usd"]);
}

#[test]
fn drafted_now_the_cost_agrees_at_every_stage() {
    let claude = Claude::start();
    let places = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&places);
    claude.provider.draft_by(move |asked, _| {
        let answer = Answer::json(200, &asked.message());
        Answer::Held(Arc::clone(&held), Box::new(answer))
    });
    let host = Host::start_with(Place::new(), &[], &claude.variables());
    let admin = host.admin();
    people(&host, &admin, &NAMES);
    let campaign = campaign(&host, &admin, &json!({"drafting": "now"}));
    let bound = before(&host, &admin, &campaign);

    execute(&host, &admin, &campaign);
    // All are asked at once, and none has answered.
    host.until(&admin, &format!("{campaign}/cost"), |cost| {
        pico(&cost["reserved_usd"]) == 6 * bound
    });
    let (cost, spent, _) = agreed(&host, &admin, &campaign);
    assert_eq!((spent, &cost["to_draft"]), (0, &json!(6)));
    assert_eq!(pico(&cost["at_most_usd"]), 6 * bound);

    places.add_permits(2);
    host.until(&admin, &format!("{campaign}/cost"), |cost| {
        cost["drafted"] == 2
    });
    let (cost, spent, reserved) = agreed(&host, &admin, &campaign);
    assert_eq!(reserved, 4 * bound);
    let drafted = all(&host, &admin, "/api/messages");
    let paid: u64 = drafted
        .iter()
        .map(|one| pico(&one["metadata"]["cost_usd"]))
        .sum();
    assert_eq!((drafted.len(), spent), (2, paid));
    assert_eq!(
        (&cost["to_draft"], &cost["basis"]),
        (&json!(4), &json!("campaign"))
    );
    assert_eq!(pico(&cost["typical_usd"]), spent / 2);
    assert_eq!(pico(&cost["expected_total_usd"]), spent + 4 * (spent / 2));
    assert_eq!(pico(&cost["at_most_usd"]), spent + 4 * bound);

    places.add_permits(4);
    host.until(&admin, &format!("{campaign}/cost"), |cost| {
        cost["drafted"] == 6
    });
    after(&host, &admin, &campaign, &claude);
    assert_eq!(claude.provider.drafts().len(), 6);
    let drafted = all(&host, &admin, "/api/messages");
    let paid: u64 = drafted
        .iter()
        .map(|one| pico(&one["metadata"]["cost_usd"]))
        .sum();
    assert_eq!(paid, claude.provider.billed());
}

#[test]
fn drafted_in_a_batch_the_cost_agrees_at_every_stage() {
    let claude = Claude::start();
    let host = Host::start_with(Place::new(), &[], &claude.variables());
    let admin = host.admin();
    people(&host, &admin, &NAMES);
    let now = campaign(&host, &admin, &json!({"drafting": "now"}));
    let campaign = campaign(&host, &admin, &json!({"drafting": "batch"}));
    let bound = before(&host, &admin, &campaign);
    assert_eq!(before(&host, &admin, &now), 2 * bound, "half the price");

    execute(&host, &admin, &campaign);
    let batches = format!("{campaign}/batches");
    host.until(&admin, &batches, |page| {
        page["items"][0]["state"] == "running"
    });
    let (cost, spent, reserved) = agreed(&host, &admin, &campaign);
    assert_eq!((spent, reserved), (0, 6 * bound));
    assert_eq!(pico(&cost["at_most_usd"]), 6 * bound);
    assert_eq!(claude.provider.jobs()[0].requests.len(), 6);
    assert_eq!(claude.provider.drafts().len(), 0);

    // Three texts, and three for which the batch brings none: two are billed all the same.
    claude.provider.end_by(|asked| match asked.name() {
        "Анна" => End::Refused,
        "Вера" => End::CutOff,
        "Инга" => End::Expired,
        _ => End::Good,
    });
    let places = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&places);
    claude.provider.draft_by(move |asked, _| {
        let answer = Answer::json(200, &asked.message());
        Answer::Held(Arc::clone(&held), Box::new(answer))
    });
    // The rest is drafted one by one, at the full price, which is reserved for them.
    until(&host, &admin, &format!("{campaign}/cost"), |cost| {
        cost["drafted"] == 3 && pico(&cost["reserved_usd"]) == 3 * 2 * bound
    });
    let (cost, spent, _) = agreed(&host, &admin, &campaign);
    assert_eq!(
        (&cost["drafted"], &cost["to_draft"]),
        (&json!(3), &json!(3))
    );
    let of_texts = all(&host, &admin, "/api/messages");
    let of_texts: u64 = of_texts
        .iter()
        .map(|one| pico(&one["metadata"]["cost_usd"]))
        .sum();
    assert!(spent > of_texts, "what was declined and cut off is billed");

    places.add_permits(3);
    until(&host, &admin, &format!("{campaign}/cost"), |cost| {
        cost["drafted"] == 6
    });
    until(&host, &admin, &batches, |page| {
        page["items"][0]["state"] == "closed"
    });
    after(&host, &admin, &campaign, &claude);
    assert_eq!(claude.provider.drafts().len(), 3);
    assert_eq!(claude.provider.count(), 1);
}

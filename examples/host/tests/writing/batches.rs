//! Batches over real HTTP: handed over once, cancelled with their campaign, found again after a lost answer, and shown to
//! everybody who may see the campaign.

use crm_claude_testing::job::End;
use crm_claude_testing::provider::Submission;
use serde_json::json;

use super::claude::{Claude, all, campaign, execute, people, pico, until};
use super::common::Host;
use super::common::place::Place;

const NAMES: [&str; 4] = ["Анна", "Вера", "Инга", "Лола"];

/// A host over a stand-in, with people and a campaign in batches that runs.
fn running(claude: &Claude) -> (Host, String, String) {
    let host = Host::start_with(Place::new(), &[], &claude.variables());
    let admin = host.admin();
    people(&host, &admin, &NAMES);
    let campaign = campaign(&host, &admin, &json!({"drafting": "batch"}));
    execute(&host, &admin, &campaign);
    (host, admin, campaign)
}

#[test]
fn everybody_sees_how_far_the_batches_are_and_nobody_the_providers_names() {
    let claude = Claude::start();
    let (host, admin, campaign) = running(&claude);
    let viewer = host.user(&admin, "v@salon.example", "viewer");
    let batches = format!("{campaign}/batches");
    let page = host.until(&viewer, &batches, |page| {
        page["items"][0]["state"] == "running"
    });
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    let batch = &page["items"][0];
    assert_eq!(
        (&batch["requests"], &batch["attempt"], &batch["failures"]),
        (&json!(4), &json!(0), &json!(0))
    );
    assert!(batch["submitted_at"].is_string() && batch["closed_at"].is_null());
    let told = page.to_string();
    assert!(
        !told.contains("msgbatch_") && !told.contains("host-"),
        "{told}"
    );
    let lines = all(&host, &viewer, &format!("{campaign}/plan"));
    assert!(lines.iter().all(|line| line["batch_id"] == batch["id"]));

    claude.provider.end_by(|_| End::Good);
    let page = until(&host, &viewer, &batches, |page| {
        page["items"][0]["state"] == "closed"
    });
    assert!(page["items"][0]["closed_at"].is_string());
    for message in all(&host, &viewer, "/api/messages") {
        assert_eq!(message["generated_by"], "AI");
        assert_eq!(message["metadata"]["fallback_used"], false);
    }
    assert_eq!(claude.provider.drafts().len(), 0);

    // A campaign that is drafted at once has none, and one that is not there is not found.
    let now = super::claude::campaign(&host, &admin, &json!({"drafting": "now"}));
    let none = host.get(&viewer, &format!("{now}/batches")).expect(200);
    assert_eq!(none, json!({"items": []}));
    let nowhere = "/api/campaigns/01900000-0000-7000-8000-000000000001/batches";
    host.get(&viewer, nowhere).expect(404);
    host.get("", &batches).expect(401);
}

#[test]
fn a_cancelled_campaign_cancels_its_batch_and_pays_for_what_was_begun() {
    let claude = Claude::start();
    let (host, admin, campaign) = running(&claude);
    let batches = format!("{campaign}/batches");
    host.until(&admin, &batches, |page| {
        page["items"][0]["state"] == "running"
    });
    host.post(&admin, &format!("{campaign}/cancel"), json!({}))
        .expect(200);
    until(&host, &admin, &batches, |_| {
        claude.provider.jobs()[0].cancelling
    });
    claude.provider.end_by(|asked| match asked.name() {
        "Анна" => End::Good,
        _ => End::Cancelled,
    });
    until(&host, &admin, &batches, |page| {
        page["items"][0]["state"] == "closed"
    });
    assert_eq!(all(&host, &admin, "/api/messages").len(), 0);
    let cost = host.get(&admin, &format!("{campaign}/cost")).expect(200);
    let billed = claude.provider.billed();
    assert!(billed > 0);
    assert_eq!(pico(&cost["spent_usd"]), billed);
    assert_eq!(pico(&cost["reserved_usd"]), 0);
    assert_eq!(cost["to_draft"], 0);
    assert_eq!(
        (claude.provider.count(), claude.provider.drafts().len()),
        (1, 0)
    );
}

#[test]
fn a_lost_answer_makes_no_second_batch() {
    let claude = Claude::start();
    claude.provider.next_submission(Submission::AnswerLost);
    let (host, admin, campaign) = running(&claude);
    let batches = format!("{campaign}/batches");
    let lost = host.until(&admin, &batches, |page| page["items"][0]["failures"] == 1);
    assert_eq!(lost["items"][0]["state"], "submitting");
    assert_eq!(lost["items"][0]["last_error"], "connection_lost");
    claude.provider.end_by(|_| End::Good);
    until(&host, &admin, &batches, |page| {
        page["items"][0]["state"] == "closed"
    });
    assert_eq!(
        (claude.provider.count(), claude.provider.drafts().len()),
        (1, 0)
    );
    assert_eq!(all(&host, &admin, "/api/messages").len(), NAMES.len());
    let cost = host.get(&admin, &format!("{campaign}/cost")).expect(200);
    assert_eq!(pico(&cost["spent_usd"]), claude.provider.billed());
}

#[test]
fn a_lost_request_and_a_limit_are_handed_over_again() {
    for (first, state, error) in [
        (Submission::RequestLost, "submitting", "connection_lost"),
        (Submission::Limited, "planned", "rate_limited"),
    ] {
        let claude = Claude::start();
        claude.provider.next_submission(first);
        let (host, admin, campaign) = running(&claude);
        let batches = format!("{campaign}/batches");
        let failed = host.until(&admin, &batches, |page| page["items"][0]["failures"] == 1);
        assert_eq!(failed["items"][0]["state"], state);
        assert_eq!(failed["items"][0]["last_error"], error);
        assert_eq!(claude.provider.count(), 0);
        claude.provider.end_by(|_| End::Good);
        until(&host, &admin, &batches, |page| {
            page["items"][0]["state"] == "closed"
        });
        assert_eq!(
            (claude.provider.count(), claude.provider.drafts().len()),
            (1, 0)
        );
        assert_eq!(all(&host, &admin, "/api/messages").len(), NAMES.len());
        let cost = host.get(&admin, &format!("{campaign}/cost")).expect(200);
        assert_eq!(pico(&cost["spent_usd"]), claude.provider.billed());
    }
}

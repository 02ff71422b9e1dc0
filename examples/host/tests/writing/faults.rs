//! Whatever the provider answers, a draft ends as docs/writing.md says, and costs what it cost.

use std::time::Duration;

use crm_claude_testing::server::Answer;
use crm_claude_testing::wire::{Asked, error, fixture};
use serde_json::{Value, json};

use super::claude::{Claude, all, campaign, execute, people, pico, until};
use super::common::Host;
use super::common::place::Place;

/// How a draft ends that a person waits for.
#[derive(Clone, Copy)]
struct Case {
    /// Whom it is for; the stand-in knows the case by it.
    name: &'static str,
    /// How often the first model is asked.
    calls: usize,
    /// Why the first model did not write it; `None` when it did.
    error: Option<&'static str>,
    /// What wrote it when there is a second model.
    second: &'static str,
    /// The entry of the first model's last call in the ledger.
    entry: &'static str,
}

const fn fails(name: &'static str, error: &'static str, entry: &'static str) -> Case {
    let (calls, error, second) = (1, Some(error), "other_model");
    Case {
        name,
        calls,
        error,
        second,
        entry,
    }
}

const fn writes(name: &'static str, calls: usize) -> Case {
    let (error, second, entry) = (None, "model", "settled");
    Case {
        name,
        calls,
        error,
        second,
        entry,
    }
}

const CASES: [Case; 19] = [
    writes("fine", 1),
    writes("slow", 1),
    // Asked once more after the second that it named.
    writes("limited for a second", 2),
    // Too long for somebody who waits.
    fails("error-429-rate-limit", "rate_limited", "released"),
    fails("error-429-no-retry-after", "rate_limited", "released"),
    fails("error-529-overloaded", "http_529", "released"),
    fails("error-529-should-not-retry", "http_529", "released"),
    fails("error-500-api-error", "http_500", "released"),
    fails("error-502-html", "http_502", "released"),
    fails("error-401-authentication", "authentication", "released"),
    fails("error-429-spend-cap", "spend_limit", "released"),
    // Nobody knows what these cost.
    fails("cut", "connection_lost", "assumed"),
    fails("reset", "connection_lost", "assumed"),
    // These are billed.
    fails("success-malformed-json", "malformed_json", "settled"),
    fails("success-blank-text", "empty", "settled"),
    fails("stop-max-tokens", "truncated", "settled"),
    fails("broken schema", "malformed_json", "settled"),
    Case {
        // No other model is asked what one declined.
        second: "greeting",
        ..fails("stop-refusal", "refused", "settled")
    },
    Case {
        second: "greeting",
        ..fails("stop-refusal-null-category", "refused", "settled")
    },
];

fn answer(asked: &Asked, before: usize) -> Answer {
    let good = Answer::json(200, &asked.message());
    if asked.model != "claude-haiku-5-5" {
        let mut message = asked.message();
        message["model"] = asked.model.clone().into();
        return Answer::json(200, &message);
    }
    match asked.name() {
        "fine" => good,
        "slow" => Answer::Slow(Duration::from_secs(2), Box::new(good)),
        "limited for a second" if before == 0 => {
            error(429, "rate_limit_error").with("retry-after", "1")
        }
        "limited for a second" => good,
        "cut" => {
            let body = asked.message().to_string().into_bytes();
            let half = body.len() / 2;
            Answer::Cut(200, body, half)
        }
        "reset" => Answer::Reset,
        "broken schema" => Answer::json(200, &asked.message_of("{\"text\":7}", "end_turn")),
        name => fixture(name),
    }
}

/// The calls for a draft of a person, the oldest first.
fn entries(host: &Host, token: &str, already: usize) -> Vec<Value> {
    let mut calls = all(host, token, "/api/usage/calls");
    calls.truncate(calls.len() - already);
    calls.reverse();
    calls
}

fn every_fault(more: &[(&str, &str)], has_second: bool) {
    let claude = Claude::start();
    claude.provider.draft_by(answer);
    let variables = [&claude.variables()[..], more].concat();
    let host = Host::start_with(Place::new(), &["--no-worker"], &variables);
    let admin = host.admin();
    let mut made = 0;
    for (number, case) in CASES.into_iter().enumerate() {
        let name = case.name;
        let person = json!({"name": name, "email": format!("p{number}@salon.example")});
        let person = host.post(&admin, "/api/contacts", person).expect(201);
        let wanted = json!({"contact_id": person["id"], "occasion_type": "birthday"});
        let message = host
            .post(&admin, "/api/messages/generate", wanted)
            .expect(201);
        let about = &message["metadata"];
        let by_first = claude.provider.drafts();
        let mine = by_first.iter().filter(|(asked, _)| asked.name() == name);
        let mine: Vec<&str> = mine.map(|(asked, _)| asked.model.as_str()).collect();
        let first = mine.iter().filter(|model| **model == "claude-haiku-5-5");
        assert_eq!(first.count(), case.calls, "{name}");

        let step = if case.error.is_none() {
            Value::Null
        } else if has_second {
            case.second.into()
        } else {
            "greeting".into()
        };
        assert_eq!(about["fallback_step"], step, "{name}: {about}");
        assert_eq!(about["fallback_used"], case.error.is_some(), "{name}");
        assert_eq!(about["error"], json!(case.error), "{name}");
        let by_model = step != "greeting";
        assert_eq!(
            message["generated_by"],
            if by_model { "AI" } else { "manual" },
            "{name}"
        );
        assert_eq!(message["status"], "pending_approval");

        let calls = entries(&host, &admin, made);
        made += calls.len();
        assert_eq!(calls.len(), mine.len(), "{name}: {calls:?}");
        let last = &calls[case.calls - 1];
        assert_eq!(last["state"], case.entry, "{name}: {last}");
        assert_eq!(last["failure"], json!(case.error), "{name}");
        match case.entry {
            "released" => assert_eq!(last["cost_usd"], "0.00", "{name}"),
            "assumed" => assert_eq!(last["cost_usd"], last["reserved_usd"], "{name}"),
            _ => assert_ne!(last["cost_usd"], "0.00", "{name}"),
        }
        // What is known of the cost stands with the draft.
        let known = calls.iter().filter(|call| call["state"] == "settled");
        let known: u64 = known.map(|call| pico(&call["cost_usd"])).sum();
        assert_eq!(pico(&about["cost_usd"]), known, "{name}");
    }
    let sums = host.get(&admin, "/api/usage?group=model").expect(200);
    let sums = sums["items"].as_array().unwrap();
    let spent: u64 = sums.iter().map(|sum| pico(&sum["cost_usd"])).sum();
    let calls = all(&host, &admin, "/api/usage/calls");
    assert_eq!(
        spent,
        calls
            .iter()
            .map(|call| pico(&call["cost_usd"]))
            .sum::<u64>()
    );
    assert!(sums.iter().all(|sum| sum["reserved_usd"] == "0.00"));
}

#[test]
fn every_fault_ends_in_a_marked_stand_in() {
    every_fault(&[], false);
}

#[test]
fn every_fault_but_a_refusal_ends_with_the_second_model() {
    every_fault(&[("CRM_FALLBACK_MODELS", "claude-sonnet-5-5")], true);
}

const NAMES: [&str; 5] = ["Анна", "Вера", "Инга", "Лола", "Нина"];

/// A campaign for everybody that meets a burst of this fault, so many for each person, before all is well.
fn burst(fault: Answer, times: usize, more: &Value) -> (Claude, Host, String, String) {
    let claude = Claude::start();
    claude.provider.draft_by(move |asked, before| {
        if before < times {
            fault.clone()
        } else {
            Answer::json(200, &asked.message())
        }
    });
    let host = Host::start_with(Place::new(), &[], &claude.variables());
    let admin = host.admin();
    people(&host, &admin, &NAMES);
    let campaign = campaign(&host, &admin, more);
    execute(&host, &admin, &campaign);
    (claude, host, admin, campaign)
}

#[test]
fn a_campaign_sits_out_a_short_burst() {
    for fault in [
        error(529, "overloaded_error"),
        error(429, "rate_limit_error").with("retry-after", "1"),
    ] {
        let (claude, host, admin, campaign) = burst(fault, 1, &json!({}));
        until(&host, &admin, &format!("{campaign}/cost"), |cost| {
            cost["drafted"] == 5
        });
        for message in all(&host, &admin, "/api/messages") {
            assert_eq!(message["metadata"]["fallback_used"], false, "{message}");
        }
        let cost = host.get(&admin, &format!("{campaign}/cost")).expect(200);
        assert_eq!(pico(&cost["spent_usd"]), claude.provider.billed());
        let asked = claude.provider.drafts().len();
        assert!(
            (6..=10).contains(&asked),
            "{asked}: all hear of it, none is asked a third time"
        );
    }
}

#[test]
fn a_campaign_in_a_long_burst_falls_back_or_waits_as_it_was_told() {
    // Longer than any campaign sits out.
    let (claude, host, admin, campaign) = burst(error(529, "overloaded_error"), 100, &json!({}));
    until(&host, &admin, &format!("{campaign}/cost"), |cost| {
        cost["drafted"] == 5
    });
    for message in all(&host, &admin, "/api/messages") {
        assert_eq!(
            message["metadata"]["fallback_step"], "greeting",
            "{message}"
        );
        assert_eq!(message["metadata"]["error"], "http_529");
    }
    let cost = host.get(&admin, &format!("{campaign}/cost")).expect(200);
    assert_eq!((pico(&cost["spent_usd"]), claude.provider.billed()), (0, 0));

    let waits = json!({"when_unavailable": "wait"});
    let (claude, host, admin, campaign) = burst(error(529, "overloaded_error"), 100, &waits);
    let state = until(&host, &admin, &campaign, |campaign| {
        campaign["waiting"].is_object()
    });
    assert_eq!(state["waiting"]["reason"], "http_529");
    assert_eq!(state["stats"]["generated_count"], 0);
    claude
        .provider
        .draft_by(|asked, _| Answer::json(200, &asked.message()));
    let state = until(&host, &admin, &campaign, |campaign| {
        campaign["stats"]["generated_count"] == 5 && campaign["waiting"].is_null()
    });
    assert_eq!(state["status"], "active");
    for message in all(&host, &admin, "/api/messages") {
        assert_eq!(message["metadata"]["fallback_used"], false, "{message}");
    }
    let cost = host.get(&admin, &format!("{campaign}/cost")).expect(200);
    assert_eq!(pico(&cost["spent_usd"]), claude.provider.billed());
}

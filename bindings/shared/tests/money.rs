//! Budgets, usage and the cost of campaigns as another language sees them: every field, every filter, every refusal.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{ACCEPTED, Does, Kit, call};
use serde_json::{Value, json};

/// 0.0127 dollars, of a draft that can cost 0.05 at most.
const DEAR: Does = Does::Answer(
    r#"{"content":"A text for Ann, all the best.","model":"writer-1","input_tokens":30,
        "output_tokens":12,"cost_picodollars":12700000000,"request_id":"r-1"}"#,
);
const NOWHERE: &str = "01900000-0000-7000-8000-000000000001";

fn kit() -> Kit {
    Kit::with(ACCEPTED, DEAR, &json!({"llm": {"worst_cost_usd": "0.05"}}))
}

fn draft(kit: &Kit, number: u32) -> Value {
    let person = kit.person(number);
    let wanted = json!({"contact_id": person["id"], "occasion_type": "birthday", "channel": "sms"});
    kit.ok("generate_message", wanted)
}

/// The field that a refusal is about, and what is said of it.
fn refused(kit: &Kit, operation: &str, input: Value) -> (String, String) {
    let failure = kit.call(operation, input).unwrap_err();
    assert_eq!(failure["code"], "invalid", "{failure}");
    let first = &failure["fields"][0];
    let text = |name: &str| first[name].as_str().unwrap().to_owned();
    (text("field"), text("message"))
}

#[test]
fn a_budget_shows_its_limit_and_what_is_used_of_it_and_holds() {
    let kit = kit();
    assert_eq!(draft(&kit, 1)["metadata"]["cost_usd"], "0.0127");
    let wanted = json!({"period": "day", "limit_usd": "0.0628", "version": 0});
    let set = kit.ok("set_budget", wanted.clone());
    let row = json!({"campaign_id": null, "period": "day", "limit_usd": "0.0628", "spent_usd": "0.0127",
        "reserved_usd": "0.00", "left_usd": "0.0501", "version": 1});
    assert_eq!(set, row);
    assert_eq!(
        kit.call("set_budget", wanted).unwrap_err()["code"],
        "conflict"
    );
    // There is room for one more, and then for none.
    assert_eq!(draft(&kit, 2)["generated_by"], "AI");
    let held = draft(&kit, 3);
    assert_eq!(
        (&held["generated_by"], &held["metadata"]["error"]),
        (&json!("manual"), &json!("over_budget"))
    );
    let total = kit.ok("set_budget", json!({"period": "total", "limit_usd": "1"}));
    let listed = kit.ok("list_budgets", json!({}));
    assert_eq!(listed.as_array().unwrap().len(), 2);
    let part = kit.ok("list_budgets", json!({"limit": 1, "skip": 1}));
    assert_eq!(part, json!([listed[1]]));
    assert!(listed.as_array().unwrap().contains(&total), "{listed}");
    kit.ok("remove_budget", json!({"period": "day"}));
    assert_eq!(kit.ok("list_budgets", json!({})), json!([total]));
    let again = kit.call("remove_budget", json!({"period": "day"}));
    assert_eq!(again.unwrap_err()["code"], "not_found");
}

#[test]
fn a_budget_of_a_campaign_is_told_from_the_workspaces_own() {
    let kit = kit();
    let campaign = campaign(&kit);
    let own = json!({"campaign_id": campaign["id"], "period": "total", "limit_usd": "2"});
    let set = kit.ok("set_budget", own);
    assert_eq!(set["campaign_id"], campaign["id"]);
    kit.ok("set_budget", json!({"period": "total", "limit_usd": "3"}));
    let which = json!({"campaign_id": campaign["id"], "period": "total"});
    kit.ok("remove_budget", which);
    let left = kit.ok("list_budgets", json!({}));
    assert_eq!(
        (&left[0]["campaign_id"], &left[0]["limit_usd"]),
        (&Value::Null, &json!("3.00"))
    );
    let nowhere = json!({"campaign_id": NOWHERE, "period": "total", "limit_usd": "2"});
    assert_eq!(
        kit.call("set_budget", nowhere).unwrap_err()["code"],
        "not_found"
    );
}

#[test]
fn refusals_name_the_field_that_was_given() {
    let kit = kit();
    for bad in [
        "-1",
        "1e3",
        "",
        "0.0000000000001",
        "9223372.036854775808",
        "10000000",
        "18446745",
    ] {
        let (field, said) = refused(
            &kit,
            "set_budget",
            json!({"period": "day", "limit_usd": bad}),
        );
        assert_eq!(field, "limit_usd", "{bad}");
        assert!(said.contains("at most 9223372"), "{bad}: {said}");
    }
    assert_eq!(kit.ok("list_budgets", json!({})), json!([]));
    let days = json!({"from_day": "2026-02-02", "to_day": "2026-02-01"});
    for operation in ["usage", "usage_calls"] {
        let (field, said) = refused(&kit, operation, days.clone());
        assert_eq!(field, "from_day");
        assert!(said.contains("to_day"), "{said}");
        assert_eq!(refused(&kit, operation, json!({"limit": 0})).0, "limit");
        assert_eq!(refused(&kit, operation, json!({"limit": 1_001})).0, "limit");
    }
    for limit in [0, 1_001] {
        assert_eq!(
            refused(&kit, "list_budgets", json!({"limit": limit})).0,
            "limit"
        );
    }
    let cost = kit.call("campaign_cost", json!({"id": NOWHERE}));
    assert_eq!(cost.unwrap_err()["code"], "not_found");
}

#[test]
fn only_an_admin_sets_budgets_and_another_workspace_sees_none_of_it() {
    let kit = kit();
    draft(&kit, 1);
    kit.ok("set_budget", json!({"period": "day", "limit_usd": "1"}));
    let limit = json!({"period": "day", "limit_usd": "2"});
    for role in ["viewer", "manager"] {
        let them = kit.act_as(&json!({"actor": "v", "role": role}));
        for (operation, input) in [
            ("set_budget", limit.clone()),
            ("remove_budget", json!({"period": "day"})),
        ] {
            let failure = call(&them, operation, input).unwrap_err();
            assert_eq!(failure["code"], "forbidden", "{role} {operation}");
        }
        for operation in ["list_budgets", "usage"] {
            let rows = call(&them, operation, json!({})).unwrap();
            assert_eq!(rows.as_array().unwrap().len(), 1, "{role} {operation}");
        }
    }
    let stranger = kit.act_as(&json!({"actor": "s", "role": "admin", "workspace": "other"}));
    for operation in ["list_budgets", "usage"] {
        assert_eq!(
            call(&stranger, operation, json!({})).unwrap(),
            json!([]),
            "{operation}"
        );
    }
    let calls = call(&stranger, "usage_calls", json!({})).unwrap();
    assert_eq!(calls["items"], json!([]));
    let campaign = campaign(&kit);
    let cost = call(&stranger, "campaign_cost", json!({"id": campaign["id"]}));
    assert_eq!(cost.unwrap_err()["code"], "not_found");
}

fn campaign(kit: &Kit) -> Value {
    let fields = json!({"name": "All", "occasion_type": "custom", "audience": {"and": []},
        "schedule": {"type": "immediate"}, "channel": "sms"});
    kit.ok("create_campaign", fields)
}

#[test]
fn usage_is_summed_up_and_listed_by_everything_that_narrows_it_down() {
    let kit = kit();
    draft(&kit, 1);
    let campaign = campaign(&kit);
    kit.ok(
        "execute_campaign",
        json!({"id": campaign["id"], "test_mode": true}),
    );
    kit.ok("run_until_idle", json!({}));
    let id = &campaign["id"];
    let sum = |name: &Value, calls: i64, cost: &str, tokens: [i64; 2]| {
        json!({"name": name, "calls": calls, "cost_usd": cost, "reserved_usd": "0.00",
            "input_tokens": tokens[0], "output_tokens": tokens[1], "cache_write_5m_tokens": 0,
            "cache_write_1h_tokens": 0, "cache_read_tokens": 0})
    };
    let usage = |more: Value| kit.ok("usage", more);
    let both = usage(json!({}));
    assert_eq!(
        both,
        json!([sum(&json!("writer-1"), 2, "0.0254", [60, 24])])
    );
    let one = |name: &Value| sum(name, 1, "0.0127", [30, 12]);
    assert_eq!(
        usage(json!({"group": "campaign"})),
        json!([one(&json!("")), one(id)])
    );
    assert_eq!(
        usage(json!({"group": "campaign", "limit": 1})),
        json!([one(&json!(""))])
    );
    assert_eq!(
        usage(json!({"group": "campaign", "after": ""})),
        json!([one(id)])
    );
    assert_eq!(
        usage(json!({"group": "campaign", "campaign_id": id})),
        json!([one(id)])
    );
    assert_eq!(
        usage(json!({"actor": "anna"})),
        json!([one(&json!("writer-1"))])
    );
    for nothing in [
        json!({"actor": "boris"}),
        json!({"model": "writer-2"}),
        json!({"from_day": "2999-01-01"}),
        json!({"to_day": "1999-01-01"}),
        json!({"campaign_id": NOWHERE}),
    ] {
        assert_eq!(usage(nothing.clone()), json!([]), "{nothing}");
        if nothing.get("model").is_none() {
            let calls = kit.ok("usage_calls", nothing.clone());
            assert_eq!(calls["items"], json!([]), "{nothing}");
        }
    }
    let calls = |more: Value| kit.ok("usage_calls", more);
    let all = calls(json!({"count": true}));
    assert_eq!((&all["total"], &all["next"]), (&json!(2), &Value::Null));
    let [newest, oldest] = [&all["items"][0], &all["items"][1]];
    assert_eq!(
        (&newest["campaign_id"], &oldest["campaign_id"]),
        (id, &Value::Null)
    );
    let expected = json!({"id": oldest["id"], "at": oldest["at"], "day": oldest["day"], "actor": "anna",
        "campaign_id": null, "model": "plugin", "answered": "writer-1", "state": "settled", "reserved_usd": "0.05",
        "cost_usd": "0.0127", "input_tokens": 30, "output_tokens": 12, "cache_write_5m_tokens": 0,
        "cache_write_1h_tokens": 0, "cache_read_tokens": 0, "batch": false, "request_id": "r-1",
        "failure": null, "closed_at": oldest["closed_at"]});
    assert_eq!(oldest, &expected);
    let items = |more: Value| calls(more)["items"].clone();
    assert_eq!(items(json!({"campaign_id": id})), json!([newest]));
    assert_eq!(items(json!({"actor": "anna"})), json!([oldest]));
    assert_eq!(
        items(json!({"oldest_first": true})),
        json!([oldest, newest])
    );
    assert_eq!(items(json!({"skip": 1})), json!([oldest]));
    assert_eq!(
        items(json!({"state": "settled", "limit": 1})),
        json!([newest])
    );
    assert_eq!(items(json!({"state": "assumed"})), json!([]));
    assert_eq!(items(json!({"after": newest["id"]})), json!([oldest]));
}

#[test]
fn a_campaign_says_what_it_costs_before_and_after() {
    let kit = kit();
    for number in 1..=3 {
        kit.person(number);
    }
    let campaign = campaign(&kit);
    let which = json!({"id": campaign["id"]});
    assert_eq!(
        kit.ok("campaign_cost", which.clone()),
        json!({"drafted": 0, "to_draft": 3, "spent_usd": "0.00", "reserved_usd": "0.00", "typical_usd": "0.05",
            "basis": "bound", "expected_total_usd": "0.15", "at_most_usd": "0.15"})
    );
    kit.ok(
        "execute_campaign",
        json!({"id": campaign["id"], "test_mode": true}),
    );
    kit.ok("run_until_idle", json!({}));
    assert_eq!(
        kit.ok("campaign_cost", which),
        json!({"drafted": 3, "to_draft": 0, "spent_usd": "0.0381", "reserved_usd": "0.00",
            "typical_usd": "0.0127", "basis": "campaign", "expected_total_usd": "0.0381",
            "at_most_usd": "0.0381"})
    );
}

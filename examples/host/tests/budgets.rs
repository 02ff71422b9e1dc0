//! Money over HTTP: what an admin allows, what drafts cost, and what a campaign costs before, while and after.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;
#[path = "common/model.rs"]
mod model;

use common::Host;
use common::place::{Place, Tables};
use model::Model;
use serde_json::{Value, json};

/// What a draft of the scripted model costs: 412 tokens in at 0.10 USD and 64 out at 0.50 USD per million.
const DRAFT: &str = "0.0000732";

fn generate(host: &Host, token: &str, contact: &Value) -> Value {
    let wanted = json!({"contact_id": contact, "occasion_type": "birthday"});
    host.post(token, "/api/messages/generate", wanted)
        .expect(201)
}

#[test]
fn an_admin_limits_what_drafts_cost_and_everybody_sees_it() {
    let model = Model::start(model::draft("Дорогая Анна, поздравляем с праздником!"));
    let host = Host::start_with(Place::new(), &["--no-worker"], &model.variables());
    let admin = host.admin();
    let viewer = host.user(&admin, "v@salon.example", "viewer");
    let manager = host.user(&admin, "m@salon.example", "manager");
    let contact = host.draft(&admin)["contact_id"].clone();
    let set = |token: &str, body: Value| host.call(token, "PUT", "/api/budgets", &body);

    let drafted = generate(&host, &manager, &contact);
    assert_eq!(drafted["generated_by"], "AI");
    assert_eq!(drafted["metadata"]["cost_usd"], DRAFT);
    let day = json!({"period": "day", "limit_usd": "0.0000733"});
    set(&manager, day.clone()).expect(403);
    let budget = set(&admin, day).expect(200);
    assert_eq!(budget["spent_usd"], DRAFT, "what was spent before counts");
    assert_eq!(budget["left_usd"], "0.0000001");
    let refused = generate(&host, &manager, &contact);
    assert_eq!(refused["generated_by"], "manual");
    assert_eq!(refused["metadata"]["error"], "over_budget");
    for (field, wrong) in [
        ("limit_usd", json!({"period": "day", "limit_usd": "1e3"})),
        (
            "limit_usd",
            json!({"period": "day", "limit_usd": "10000000"}),
        ),
        (
            "limit_usd",
            json!({"period": "day", "limit_usd": "18446745"}),
        ),
        ("limit_usd", json!({"period": "day"})),
        ("period", json!({"period": "week", "limit_usd": "1"})),
        (
            "version",
            json!({"period": "day", "limit_usd": "1", "version": -1}),
        ),
    ] {
        let refused = set(&admin, wrong).expect(422);
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
    }
    let stale = json!({"period": "day", "limit_usd": "1", "version": 7});
    set(&admin, stale).expect(409);
    let nowhere = json!({"period": "day", "limit_usd": "1",
        "campaign_id": "01900000-0000-7000-8000-000000000001"});
    set(&admin, nowhere).expect(404);

    let all = host.get(&viewer, "/api/budgets").expect(200);
    assert_eq!(all["items"].as_array().unwrap().len(), 1);
    assert_eq!(all["items"][0]["reserved_usd"], "0.00");
    let sums = host.get(&viewer, "/api/usage?group=model").expect(200);
    assert_eq!(sums["items"][0]["cost_usd"], DRAFT);
    assert_eq!(sums["items"][0]["input_tokens"], 412);
    let calls = host.get(&viewer, "/api/usage/calls").expect(200);
    assert_eq!(calls["total"], 1, "nothing was asked without room");
    assert_eq!(calls["items"][0]["state"], "settled");
    assert_eq!(calls["items"][0]["failure"], Value::Null);
    host.get(&viewer, "/api/usage?from=2026-02-01&to=2026-01-01")
        .expect(422);
    host.get(&viewer, "/api/usage.csv").expect(403);
    let file = host.get(&manager, "/api/usage.csv");
    assert_eq!(file.status, 200);
    let text = String::from_utf8(file.body.clone()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[1].contains(",settled,") && lines[1].contains(DRAFT));

    host.call(&manager, "DELETE", "/api/budgets/day", &json!(null))
        .expect(403);
    host.call(&admin, "DELETE", "/api/budgets/week", &json!(null))
        .expect(422);
    let gone = host.call(&admin, "DELETE", "/api/budgets/day", &json!(null));
    assert_eq!(gone.status, 204);
    assert_eq!(generate(&host, &manager, &contact)["generated_by"], "AI");
}

#[test]
fn a_campaign_page_shows_its_cost_before_while_and_after() {
    let model = Model::start(model::draft("Дорогая Анна, поздравляем с праздником!"));
    let host = Host::start_with(Place::new(), &[], &model.variables());
    let admin = host.admin();
    for number in 0..5 {
        let body = json!({"name": "Анна", "email": format!("p{number}@salon.example")});
        host.post(&admin, "/api/contacts", body).expect(201);
    }
    let campaign = json!({"name": "Навруз", "occasion_type": "holiday"});
    let campaign = host.post(&admin, "/api/campaigns", campaign).expect(201);
    let path = format!("/api/campaigns/{}", campaign["id"].as_str().unwrap());
    let cost = format!("{path}/cost");
    let before = host.get(&admin, &cost).expect(200);
    assert_eq!(
        (&before["to_draft"], &before["spent_usd"]),
        (&json!(5), &json!("0.00"))
    );
    assert_eq!(before["basis"], "bound");
    host.post(
        &admin,
        &format!("{path}/execute"),
        json!({"test_mode": true}),
    )
    .expect(202);
    let after = host.until(&admin, &cost, |cost| cost["drafted"] == 5);
    assert_eq!(after["to_draft"], 0);
    assert_eq!(after["spent_usd"], "0.000366");
    assert_eq!(after["expected_total_usd"], after["spent_usd"]);
    assert_eq!(after["at_most_usd"], after["spent_usd"]);
    let sums = format!(
        "/api/usage?group=campaign&campaign_id={}",
        campaign["id"].as_str().unwrap()
    );
    let sums = host.get(&admin, &sums).expect(200);
    assert_eq!(sums["items"][0]["cost_usd"], after["spent_usd"]);
}

/// An admin of another workspace.
fn stranger(host: &Host, admin: &str) -> String {
    let token = host.user(admin, "s@salon.example", "admin");
    let sql = "UPDATE {}users SET workspace = 'other' WHERE email = 's@salon.example'";
    assert_eq!(host.directory.change(Tables::Host, sql), Ok(1));
    token
}

#[test]
fn usage_says_of_each_call_what_the_packages_say_and_is_narrowed_down() {
    let model = Model::start(model::draft("Дорогая Анна, поздравляем с праздником!"));
    let host = Host::start_with(Place::new(), &["--no-worker"], &model.variables());
    let admin = host.admin();
    let viewer = host.user(&admin, "v@salon.example", "viewer");
    let other = stranger(&host, &admin);
    let contact = host.draft(&admin)["contact_id"].clone();
    generate(&host, &admin, &contact);
    generate(&host, &admin, &contact);
    let get = |query: &str| host.get(&viewer, &format!("/api/usage{query}")).expect(200);
    let sum = |name: &str| {
        json!({"items": [{"name": name, "calls": 2, "cost_usd": "0.0001464", "reserved_usd": "0.00",
            "input_tokens": 824, "output_tokens": 128, "cache_write_5m_tokens": 0,
            "cache_write_1h_tokens": 0, "cache_read_tokens": 0}]})
    };
    let calls = get("/calls");
    assert_eq!(
        (&calls["total"], &calls["limit"], &calls["skip"]),
        (&json!(2), &json!(20), &json!(0))
    );
    let newest = &calls["items"][0];
    let model_name = newest["answered"].as_str().unwrap();
    let call = json!({"id": newest["id"], "at": newest["at"], "day": newest["day"], "actor": newest["actor"],
        "campaign_id": null, "model": newest["model"], "answered": model_name, "state": "settled",
        "reserved_usd": newest["reserved_usd"], "cost_usd": DRAFT, "input_tokens": 412, "output_tokens": 64,
        "cache_write_5m_tokens": 0, "cache_write_1h_tokens": 0, "cache_read_tokens": 0, "batch": false,
        "request_id": newest["request_id"], "failure": null, "closed_at": newest["closed_at"]});
    assert_eq!(newest, &call);
    assert!(newest["closed_at"].as_str() >= newest["at"].as_str());
    let (actor, day) = (
        newest["actor"].as_str().unwrap(),
        newest["day"].as_str().unwrap(),
    );
    assert_eq!(get(""), sum(model_name));
    assert_eq!(get("?group=day"), sum(day));
    assert_eq!(get("?group=campaign"), sum(""));
    assert_eq!(
        get(&format!("?group=actor&actor={actor}&from={day}&to={day}")),
        sum(actor)
    );
    assert_eq!(get(&format!("?model={model_name}")), sum(model_name));
    let nowhere = "01900000-0000-7000-8000-000000000001";
    for nothing in [
        "from=2999-01-01",
        "to=1999-01-01",
        "actor=nobody",
        &format!("campaign_id={nowhere}"),
    ] {
        assert_eq!(get(&format!("?{nothing}"))["items"], json!([]), "{nothing}");
        assert_eq!(get(&format!("/calls?{nothing}"))["total"], 0, "{nothing}");
        let file = host.get(&admin, &format!("/api/usage.csv?{nothing}"));
        assert_eq!(
            String::from_utf8(file.body).unwrap().lines().count(),
            1,
            "{nothing}"
        );
    }
    assert_eq!(get("?model=another")["items"], json!([]));
    assert_eq!(get(&format!("?after={model_name}"))["items"], json!([]));
    assert_eq!(get("/calls?state=assumed")["total"], 0);
    assert_eq!(get("/calls?state=settled")["total"], 2);
    let first = get("/calls?limit=1");
    let next = first["next_cursor"].as_str().unwrap();
    assert_eq!(
        get(&format!("/calls?limit=1&cursor={next}"))["items"],
        json!([calls["items"][1]])
    );
    assert_eq!(get("/calls?skip=1")["items"], json!([calls["items"][1]]));

    let file = host.get(&admin, "/api/usage.csv");
    let text = String::from_utf8(file.body).unwrap();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    // Oldest first, and each column holds what the field of that name does.
    for (line, call) in lines[1..].iter().zip([&calls["items"][1], newest]) {
        for (column, cell) in lines[0].iter().zip(line) {
            let value = match &call[*column] {
                Value::String(text) => text.clone(),
                Value::Null => String::new(),
                other => other.to_string(),
            };
            let same = *cell == value || cell.replace("+00:00", "Z") == value;
            assert!(same, "{column}: {cell} is not {value}");
        }
    }
    let fields = call.as_object().unwrap();
    assert_eq!(lines[0].len(), fields.len());
    assert!(lines[0].iter().all(|column| fields.contains_key(*column)));

    for (path, empty) in [
        ("/api/usage", json!([])),
        ("/api/usage/calls", json!([])),
        ("/api/budgets", json!([])),
    ] {
        assert_eq!(host.get(&other, path).expect(200)["items"], empty, "{path}");
        host.get("", path).expect(401);
    }
    for odd in ["from=", "from=2026-02-30", "to=tomorrow"] {
        let refused = host.get(&viewer, &format!("/api/usage?{odd}")).expect(422);
        let said = refused["errors"][0]["message"].as_str().unwrap();
        assert!(said.starts_with("use a date such as"), "{odd}: {said}");
    }
}

#[test]
fn budgets_of_campaigns_stand_beside_the_workspaces_own() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let manager = host.user(&admin, "m@salon.example", "manager");
    let other = stranger(&host, &admin);
    let campaign = json!({"name": "Навруз", "occasion_type": "holiday"});
    let campaign = host.post(&manager, "/api/campaigns", campaign).expect(201)["id"].clone();
    let id = campaign.as_str().unwrap();
    let set = |token: &str, body: Value| host.call(token, "PUT", "/api/budgets", &body);
    let own = json!({"campaign_id": id, "period": "total", "limit_usd": "2.5", "version": 0});
    set(&manager, own.clone()).expect(403);
    set(&other, own.clone()).expect(404);
    let of_campaign = set(&admin, own.clone()).expect(200);
    assert_eq!(
        of_campaign,
        json!({"campaign_id": id, "period": "total", "limit_usd": "2.50", "spent_usd": "0.00",
            "reserved_usd": "0.00", "left_usd": "2.50", "version": 1})
    );
    set(&admin, own).expect(409);
    let all = set(&admin, json!({"period": "total", "limit_usd": "7"})).expect(200);
    let list = |query: &str| {
        host.get(&manager, &format!("/api/budgets{query}"))
            .expect(200)
    };
    assert_eq!(list(""), json!({"items": [all, of_campaign]}));
    assert_eq!(list("?limit=1"), json!({"items": [all]}));
    assert_eq!(list("?limit=1&skip=1"), json!({"items": [of_campaign]}));

    let remove = |token: &str, path: &str| {
        host.call(
            token,
            "DELETE",
            &format!("/api/budgets/{path}"),
            &Value::Null,
        )
        .status
    };
    let path = format!("total?campaign_id={id}");
    assert_eq!(remove(&manager, &path), 403);
    assert_eq!(remove(&other, &path), 404);
    assert_eq!(remove(&admin, "day"), 404);
    assert_eq!(remove(&admin, &path), 204);
    assert_eq!(list(""), json!({"items": [all]}), "the other one stays");

    let cost = format!("/api/campaigns/{id}/cost");
    host.get(&other, &cost).expect(404);
    assert_eq!(
        host.get(&manager, &cost).expect(200),
        json!({"drafted": 0, "to_draft": 0, "spent_usd": "0.00", "reserved_usd": "0.00",
            "typical_usd": "0.00", "basis": "no_model", "expected_total_usd": "0.00", "at_most_usd": "0.00"})
    );
}

#[test]
fn a_campaign_page_finds_what_it_shows() {
    let host = Host::start(&[]);
    let admin = host.admin();
    let viewer = host.user(&admin, "v@salon.example", "viewer");
    let contact = host.contact(&admin);
    let campaign = |name: &str| {
        let body = json!({"name": name, "occasion_type": "holiday"});
        let made = host.post(&admin, "/api/campaigns", body).expect(201);
        made["id"].as_str().unwrap().to_owned()
    };
    let (mine, other) = (campaign("Mine"), campaign("Other"));

    let limits = [
        (json!(null), "day"),
        (json!(mine), "total"),
        (json!(other), "day"),
    ];
    for (campaign_id, period) in limits {
        let body = json!({"campaign_id": campaign_id, "period": period, "limit_usd": "1.00"});
        host.call(&admin, "PUT", "/api/budgets", &body).expect(200);
    }
    let applying = format!("/api/budgets?campaign_id={mine}");
    let applying = host.get(&viewer, &applying).expect(200);
    let of = |budget: &Value| budget["campaign_id"].clone();
    let found: Vec<Value> = applying["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(of)
        .collect();
    assert_eq!(found, [json!(null), json!(mine)]);
    let nobody = "/api/budgets?campaign_id=01900000-0000-7000-8000-000000000001";
    host.get(&viewer, nobody).expect(404);

    let path = format!("/api/campaigns/{mine}");
    let allowed = |token: &str| host.get(token, &path).expect(200)["allowed_actions"].clone();
    assert_eq!(
        allowed(&admin),
        json!(["edit", "execute", "cancel", "delete"])
    );
    assert_eq!(allowed(&viewer), json!([]));
    let does = |action: &str| host.post(&admin, &format!("{path}/{action}"), json!(null));
    does("execute").expect(202);
    assert_eq!(allowed(&admin), json!(["pause", "cancel"]));
    let plan = format!("{path}/plan");
    let line = host.until(&viewer, &plan, |plan| plan["total"] == 1)["items"][0].clone();
    assert_eq!(line["contact_id"], json!(contact));
    assert_eq!(line["contact_name"], "Anna");
    does("pause").expect(200);
    assert_eq!(allowed(&admin), json!(["resume", "cancel"]));
    let contact = format!("/api/contacts/{contact}");
    host.call(&admin, "DELETE", &contact, &json!(null))
        .expect(204);
    let line = host.get(&viewer, &plan).expect(200)["items"][0].clone();
    assert_eq!(line["contact_name"], json!(null));
    does("cancel").expect(200);
    assert_eq!(allowed(&admin), json!([]));
}

//! Custom fields over HTTP: an admin says what they are, contacts and files are held to it, audiences know of it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::Host;
use serde_json::{Value, json};

const LEVEL: &str = "/api/contacts/fields/level";

#[test]
fn an_admin_says_what_a_field_is_and_values_are_held_to_it() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let manager = host.user(&admin, "m@salon.example", "manager");
    let viewer = host.user(&admin, "v@salon.example", "viewer");
    let put = |token: &str, path: &str, body: Value| host.call(token, "PUT", path, &body);
    let contact = |custom: Value| json!({"name": "Anna", "custom_fields": custom});
    let old = contact(json!({"level": "GOLD", "free": [1]}));
    host.post(&manager, "/api/contacts", old).expect(422);
    let old = contact(json!({"level": "GOLD", "free": "x"}));
    let old = host.post(&manager, "/api/contacts", old).expect(201);

    let choice =
        json!({"label": "Уровень", "type": "choice", "options": ["Gold", "Silver"], "version": 0});
    put(&manager, LEVEL, choice.clone()).expect(403);
    let set = put(&admin, LEVEL, choice.clone()).expect(200);
    assert_eq!(
        (&set["version"], &set["options"]),
        (&json!(1), &json!(["Gold", "Silver"]))
    );
    put(&admin, LEVEL, choice).expect(409);
    for (field, wrong) in [
        ("options", json!({"type": "choice"})),
        ("options", json!({"type": "choice", "options": ["a", "A"]})),
        ("options", json!({"type": "number", "options": ["a"]})),
        ("label", json!({"type": "number", "label": "a\nb"})),
        ("type", json!({"type": "money"})),
        ("type", json!({})),
        ("required", json!({"type": "number", "required": true})),
    ] {
        let refused = put(&admin, LEVEL, wrong).expect(422);
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
    }
    let path = "/api/contacts/fields/Level%20of%20it";
    let refused = put(&admin, path, json!({"type": "text"})).expect(422);
    assert_eq!(refused["errors"][0]["field"], "name");
    let sum = "/api/contacts/fields/sum";
    put(&admin, sum, json!({"type": "number"})).expect(200);
    let all = host.get(&viewer, "/api/contacts/fields").expect(200);
    let names: Vec<&Value> = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["name"])
        .collect();
    assert_eq!(json!(names), json!(["level", "sum"]));
    assert_eq!(host.get(&viewer, LEVEL).expect(200)["unfitting"], 1);

    let kept = contact(json!({"level": "silver", "sum": "12.50"}));
    let kept = host.post(&manager, "/api/contacts", kept).expect(201);
    assert_eq!(
        kept["custom_fields"],
        json!({"level": "Silver", "sum": 12.5})
    );
    let wrong = contact(json!({"level": "tin", "sum": "much"}));
    let refused = host.post(&manager, "/api/contacts", wrong).expect(422);
    let faults: Vec<&Value> = refused["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["field"])
        .collect();
    assert_eq!(
        json!(faults),
        json!(["custom_fields.level", "custom_fields.sum"])
    );
    assert_eq!(refused["errors"][0]["message"], "use one of: Gold, Silver");

    // What was there before stays, also when something else is changed.
    let path = format!("/api/contacts/{}", old["id"].as_str().unwrap());
    let changed = put(&manager, &path, json!({"company": "Chinor"})).expect(200);
    assert_eq!(
        changed["custom_fields"],
        json!({"level": "GOLD", "free": "x"})
    );
    put(&manager, &path, json!({"custom_fields": {"level": "gold"}})).expect(200);
    assert_eq!(host.get(&viewer, LEVEL).expect(200)["unfitting"], 0);

    let delete = |token: &str| host.call(token, "DELETE", LEVEL, &Value::Null);
    delete(&manager).expect(403);
    delete(&admin).expect(204);
    delete(&admin).expect(404);
    host.get(&viewer, LEVEL).expect(404);
    put(&manager, &path, json!({"custom_fields": {"level": "tin"}})).expect(200);
}

#[test]
fn a_file_and_an_audience_know_the_fields() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let define = |name: &str, body: Value| {
        let path = format!("/api/contacts/fields/{name}");
        host.call(&admin, "PUT", &path, &body).expect(200);
    };
    define("since", json!({"type": "date"}));
    define("sum", json!({"type": "number", "label": "Сумма"}));
    let file = "name,since,sum\nAnna,3/25/2024,\"1 234,5\"\nBoris,3/7/2024,many\n";
    let preview = host
        .upload_to(&admin, "/api/contacts/import/preview", file.as_bytes(), &[])
        .expect(200);
    assert_eq!(
        (&preview["created"], &preview["rejected"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        preview["samples"][0]["contact"]["custom_fields"],
        json!({"since": "2024-03-25", "sum": 1234.5})
    );
    let wanted = json!([
        {"column": "since", "field": "since", "label": null, "type": "date", "options": [], "refused": 0, "samples": []},
        {"column": "sum", "field": "sum", "label": "Сумма", "type": "number", "options": [], "refused": 1, "samples": ["many"]},
    ]);
    assert_eq!(preview["fields"], wanted);
    let import = host.upload(&admin, file.as_bytes()).expect(202);
    let path = format!(
        "/api/contacts/imports/{}",
        import["import_id"].as_str().unwrap()
    );
    let report = host.until(&admin, &path, |report| report["status"] == "completed");
    assert_eq!(
        (&report["created"], &report["rejected"]),
        (&json!(1), &json!(1))
    );
    let rejects = host.raw(
        "GET",
        &format!("{path}/rejects"),
        &[("authorization", &format!("Bearer {admin}"))],
        &[],
    );
    let rejects = String::from_utf8(rejects.body).unwrap();
    assert!(
        rejects.contains("custom_fields.sum: use a number"),
        "{rejects}"
    );

    let schema = host.get(&admin, "/api/audiences/schema").expect(200);
    let fields = &schema["$defs"]["audience"]["properties"]["custom_field"]["anyOf"];
    assert_eq!(
        (
            &fields[1]["title"],
            &fields[1]["properties"]["name"]["const"]
        ),
        (&json!("Сумма"), &json!("sum"))
    );
    let campaign = |filter: &str| {
        let body = json!({"name": "All", "occasion_type": "custom", "segment_filter": filter});
        host.post(&admin, "/api/campaigns", body)
    };
    campaign("field.sum > 1000 and field.since < 2025-01-01").expect(201);
    let refused = campaign("field.since > 5").expect(422);
    assert_eq!(
        refused["errors"][0]["message"],
        "field.since holds dates; write one as YYYY-MM-DD"
    );
}

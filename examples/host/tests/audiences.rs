//! Audiences over HTTP that are saved under names: written by managers, meant by lists, exports and campaigns.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::Host;
use serde_json::{Value, json};

#[test]
fn a_saved_audience_is_written_once_and_meant_anywhere() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let manager = host.user(&admin, "m@salon.example", "manager");
    let viewer = host.user(&admin, "v@salon.example", "viewer");
    for (name, segment) in [("Anna", "VIP"), ("Boris", "VIP"), ("Vera", "regular")] {
        let body = json!({"name": name, "segment": segment});
        host.post(&manager, "/api/contacts", body).expect(201);
    }
    let body =
        json!({"name": "Big clients", "description": "Who spends", "audience": "segment = VIP"});
    host.post(&viewer, "/api/audiences", body.clone())
        .expect(403);
    let saved = host
        .post(&manager, "/api/audiences", body.clone())
        .expect(201);
    assert_eq!(
        (&saved["version"], &saved["audience"]),
        (&json!(1), &json!("segment = VIP"))
    );
    assert_eq!(saved["expression"], json!({"segment": "VIP"}));
    let path = format!("/api/audiences/{}", saved["id"].as_str().unwrap());
    assert_eq!(host.get(&viewer, &path).expect(200), saved);
    assert_eq!(
        host.get(&viewer, "/api/audiences").expect(200)["items"],
        json!([saved])
    );
    host.post(
        &manager,
        "/api/audiences",
        json!({"name": "BIG clients", "audience": {"and": []}}),
    )
    .expect(409);
    for (field, wrong) in [
        ("name", json!({"audience": "everybody"})),
        ("name", json!({"name": " ", "audience": "everybody"})),
        ("audience", json!({"name": "a"})),
        ("audience", json!({"name": "a", "audience": "segmnt = VIP"})),
        (
            "audience",
            json!({"name": "a", "audience": {"colour": "red"}}),
        ),
        (
            "audience",
            json!({"name": "a", "audience": "saved \"Big clients\""}),
        ),
        (
            "version",
            json!({"name": "a", "audience": "everybody", "version": 1}),
        ),
    ] {
        let refused = host.post(&manager, "/api/audiences", wrong).expect(422);
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
    }

    // By its name in any case, or by its id: + stands for a space.
    let id = saved["id"].as_str().unwrap();
    let sample =
        |asked: &str| host.get(&viewer, &format!("/api/audiences/sample?audience={asked}"));
    assert_eq!(sample("saved+%22big+clients%22").expect(200)["count"], 2);
    let others = sample(&format!("not+saved+{id}&limit=5")).expect(200);
    assert_eq!(
        (&others["count"], &others["items"][0]["name"]),
        (&json!(1), &json!("Vera"))
    );
    assert_eq!(
        sample("saved+nobody").expect(422)["errors"][0]["field"],
        "audience"
    );
    assert_eq!(
        sample("everybody&limit=0").expect(422)["errors"][0]["field"],
        "limit"
    );
    let listed = |asked: &str| host.get(&viewer, &format!("/api/contacts?audience={asked}"));
    assert_eq!(listed("saved+%22big+clients%22").expect(200)["total"], 2);
    listed("saved+nobody").expect(422);
    listed("nonsense").expect(422);
    let exported = host.raw(
        "GET",
        "/api/contacts/export?format=jsonl&audience=saved+%22big+clients%22",
        &[("Authorization", &format!("Bearer {manager}"))],
        &[],
    );
    assert_eq!(
        (
            exported.status,
            String::from_utf8(exported.body).unwrap().lines().count()
        ),
        (200, 2)
    );
    let body = json!({"name": "All", "occasion_type": "custom", "segment_filter": "saved \"Big clients\""});
    let campaign = host.post(&manager, "/api/campaigns", body).expect(201);
    assert_eq!(campaign["audience"], "segment = VIP", "a copy");

    let put = |token: &str, body: Value| host.call(token, "PUT", &path, &body);
    put(&viewer, json!({"name": "a"})).expect(403);
    put(&manager, json!({"name": "a", "version": 7})).expect(409);
    let change = json!({"audience": {"tag": "big"}, "description": null, "version": 1});
    let changed = put(&manager, change).expect(200);
    assert_eq!(
        (&changed["name"], &changed["audience"]),
        (&json!("Big clients"), &json!("tag = big"))
    );
    assert_eq!(
        (&changed["version"], &changed["description"]),
        (&json!(2), &Value::Null)
    );
    let kept = format!("/api/campaigns/{}", campaign["id"].as_str().unwrap());
    assert_eq!(
        host.get(&viewer, &kept).expect(200)["audience"],
        "segment = VIP"
    );
    let delete = |token: &str| host.call(token, "DELETE", &path, &Value::Null);
    delete(&viewer).expect(403);
    delete(&manager).expect(204);
    delete(&manager).expect(404);
    host.get(&viewer, &path).expect(404);
}

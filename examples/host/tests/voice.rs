//! The house's own words over HTTP, texts to choose from, and a campaign that waits for a model.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod common;

use common::Host;
use serde_json::{Value, json};

#[test]
fn an_admin_sets_the_voice_and_everybody_reads_it() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let manager = host.user(&admin, "m@salon.example", "manager");
    let none = host.get(&manager, "/api/voice").expect(200);
    assert_eq!(
        (&none["version"], &none["updated_by"]),
        (&json!(0), &Value::Null)
    );
    let voice = json!({"about": "«Вектор», склад.", "style": "", "do_not": ["обещать скидки"], "version": 0,
        "examples": [{"occasion": "birthday", "language": "ru", "content": "Пётр, с днём рождения!"}]});
    host.call(&manager, "PUT", "/api/voice", &voice).expect(403);
    let set = host.call(&admin, "PUT", "/api/voice", &voice).expect(200);
    assert_eq!(
        (&set["version"], &set["about"]),
        (&json!(1), &voice["about"])
    );
    host.call(&admin, "PUT", "/api/voice", &voice).expect(409);
    let long = json!({"about": "x".repeat(1_001), "style": "", "do_not": [], "examples": []});
    host.call(&admin, "PUT", "/api/voice", &long).expect(422);
    // What is left out would be lost, so a part alone is refused.
    host.call(&admin, "PUT", "/api/voice", &json!({"about": "a"}))
        .expect(422);
    assert_eq!(host.get(&manager, "/api/voice").expect(200), set);
}

#[test]
fn texts_to_choose_from_are_not_saved() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let contact = host.contact(&admin);
    let wanted =
        json!({"count": 3, "wanted": {"contact_id": contact, "occasion_type": "birthday"}});
    let texts = host
        .post(&admin, "/api/messages/variants", wanted.clone())
        .expect(200);
    // Without a model all three are the same greeting.
    let texts = texts.as_array().unwrap();
    assert_eq!(texts.len(), 1);
    assert_eq!(texts[0]["metadata"]["fallback_step"], "greeting");
    assert_eq!(texts[0]["metadata"]["error"], "no_model");
    let all = host.get(&admin, "/api/messages").expect(200);
    assert_eq!(all["items"], json!([]));
    let mut many = wanted;
    many["count"] = json!(6);
    host.post(&admin, "/api/messages/variants", many)
        .expect(422);
}

#[test]
fn a_campaign_that_waits_for_a_model_says_so() {
    let host = Host::start(&[]);
    let admin = host.admin();
    host.contact(&admin);
    let campaign = json!({"name": "c", "occasion_type": "holiday", "when_unavailable": "wait"});
    let campaign = host.post(&admin, "/api/campaigns", campaign).expect(201);
    assert_eq!(campaign["when_unavailable"], "wait");
    let path = format!("/api/campaigns/{}", campaign["id"].as_str().unwrap());
    host.post(&admin, &format!("{path}/execute"), json!({}))
        .expect(202);
    let waits = host.until(&admin, &path, |campaign| !campaign["waiting"].is_null());
    assert_eq!(waits["waiting"]["reason"], "no_model");
    assert_eq!(waits["stats"]["generated_count"], 0);
}

//! Audiences as another language gives them: the JSON form or a text.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{ACCEPTED, DRAFT, Kit};
use serde_json::{Value, json};

/// Ids of the contacts that it selects.
fn found(kit: &Kit, audience: Value) -> Vec<Value> {
    let input = json!({"audience": audience, "oldest_first": true});
    let page = kit.ok("list_contacts", input);
    let items = page["items"].as_array().unwrap().iter();
    items.map(|row| row["id"].clone()).collect()
}

#[test]
fn a_text_selects_what_the_json_does() {
    let kit = Kit::with(ACCEPTED, DRAFT, &json!({}));
    let ids = [1, 2, 3].map(|number| kit.person(number)["id"].clone());
    let texts = [
        (
            format!("contact = {}", ids[1].as_str().unwrap()),
            json!({"contact": ids[1]}),
        ),
        ("everybody".to_owned(), json!({"and": []})),
        (
            "has field.unknown".to_owned(),
            json!({"custom_field": {"name": "unknown", "exists": true}}),
        ),
    ];
    for ((text, expression), count) in texts.into_iter().zip([1, 3, 0]) {
        let by_text = found(&kit, json!(text));
        assert_eq!(by_text.len(), count, "{text}");
        assert_eq!(by_text, found(&kit, expression), "{text}");
    }
}

#[test]
fn a_campaign_keeps_the_expression_that_its_text_means() {
    let kit = Kit::with(ACCEPTED, DRAFT, &json!({}));
    let fields = json!({"name": "All", "occasion_type": "custom", "audience": "tag != gold",
        "schedule": {"type": "immediate"}, "channel": "sms"});
    let campaign = kit.ok("create_campaign", fields);
    assert_eq!(campaign["audience"], json!({"not": {"tag": "gold"}}));
}

#[test]
fn a_text_that_cannot_be_read_says_where() {
    let kit = Kit::with(ACCEPTED, DRAFT, &json!({}));
    for (audience, told) in [
        (
            json!("tag = "),
            "at character 7: expected a value, found the end",
        ),
        (
            json!("Karimova"),
            "at character 1: no condition begins with this word",
        ),
        (json!(7), "an audience: an object, or a text"),
    ] {
        let failure = kit
            .call("list_contacts", json!({"audience": audience}))
            .unwrap_err();
        let field = &failure["fields"][0];
        assert_eq!(failure["code"], "invalid", "{failure}");
        assert_eq!(field["field"], "audience", "{failure}");
        assert!(
            field["message"].as_str().unwrap().contains(told),
            "{failure}"
        );
        assert!(!failure.to_string().contains("Karimova"), "{failure}");
    }
}

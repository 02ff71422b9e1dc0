//! The voice, texts to choose from, findings and decisions about many messages, as another language sees them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{ACCEPTED, DRAFT, Kit, call};
use serde_json::{Value, json};

fn kit() -> Kit {
    let rules = json!({"banned_terms": ["lottery"], "levels": {"name": "off"}});
    Kit::with(ACCEPTED, DRAFT, &json!({"guardrails": rules}))
}

fn written(kit: &Kit, number: u32, content: &str) -> Value {
    let person = kit.person(number);
    let draft = json!({"contact_id": person["id"], "occasion_type": "custom", "channel": "sms", "content": content});
    kit.ok("create_message", draft)
}

/// The field that a refusal is about.
fn refused(kit: &Kit, operation: &str, input: Value) -> String {
    let failure = kit.call(operation, input).unwrap_err();
    assert_eq!(failure["code"], "invalid", "{failure}");
    failure["fields"][0]["field"].as_str().unwrap().to_owned()
}

#[test]
fn the_voice_is_an_admins_and_everybody_reads_it() {
    let kit = kit();
    assert_eq!(kit.ok("get_voice", json!({}))["version"], 0);
    let fields = json!({"about": "A salon.", "style": "Short.", "do_not": ["promise"], "signature": "Lola",
        "examples": [{"occasion": "birthday", "language": "en", "subject": "Hi", "content": "All the best!"}]});
    let new = json!({"version": 0, "fields": fields});
    for role in ["viewer", "manager"] {
        let them = kit.act_as(&json!({"actor": "v", "role": role}));
        assert_eq!(
            call(&them, "set_voice", new.clone()).unwrap_err()["code"],
            "forbidden"
        );
    }
    let set = kit.ok("set_voice", new.clone());
    for (name, value) in fields.as_object().unwrap() {
        assert_eq!(&set[name], value, "{name}");
    }
    assert_eq!(
        (&set["version"], &set["updated_by"]),
        (&json!(1), &json!("anna"))
    );
    assert_eq!(kit.call("set_voice", new).unwrap_err()["code"], "conflict");
    let viewer = kit.act_as(&json!({"actor": "v", "role": "viewer"}));
    assert_eq!(call(&viewer, "get_voice", json!({})).unwrap(), set);
    let stranger = kit.act_as(&json!({"actor": "s", "role": "viewer", "workspace": "other"}));
    assert_eq!(
        call(&stranger, "get_voice", json!({})).unwrap()["about"],
        ""
    );
    let long = json!({"fields": {"about": "x".repeat(1_001)}});
    assert_eq!(refused(&kit, "set_voice", long), "about");
}

#[test]
fn texts_to_choose_from_are_not_saved() {
    let kit = kit();
    let person = kit.person(1);
    let wanted = json!({"contact_id": person["id"], "occasion_type": "birthday", "channel": "sms"});
    let texts = kit.ok("generate_variants", json!({"count": 2, "wanted": wanted}));
    assert_eq!(
        texts.as_array().unwrap().len(),
        1,
        "the same text is there once"
    );
    assert_eq!(
        (&texts[0]["content"], &texts[0]["generated_by"]),
        (&json!("A text for Ann."), &json!("AI"))
    );
    assert_eq!(kit.ok("list_messages", json!({}))["items"], json!([]));
    for count in [0, 6] {
        let many = json!({"count": count, "wanted": wanted});
        assert_eq!(refused(&kit, "generate_variants", many), "count");
    }
}

#[test]
fn what_people_write_beside_a_message_is_text() {
    let kit = kit();
    let person = kit.person(1);
    for (odd, field) in [("\u{0}", "custom_context"), ("\u{1b}[2J", "custom_context")] {
        let wanted = json!({"contact_id": person["id"], "occasion_type": "birthday", "channel": "sms",
            "custom_context": odd});
        assert_eq!(refused(&kit, "generate_message", wanted), field);
    }
    let message = written(&kit, 2, "Hello Ann, see you soon!");
    for operation in ["reject_message", "cancel_message"] {
        let reason = json!({"id": message["id"], "reason": "no\u{0}"});
        assert_eq!(refused(&kit, operation, reason), "reason", "{operation}");
    }
    let seen = json!({"id": message["id"], "version": 1, "digest": message["digest"], "override_reason": "\u{7}x"});
    assert_eq!(refused(&kit, "approve_message", seen), "override_reason");
}

#[test]
fn findings_are_shown_hold_a_message_and_order_the_list() {
    let kit = kit();
    let good = written(&kit, 1, "Hello Ann, see you soon!");
    let bad = written(&kit, 2, "Hello Ann, win the lottery with us!");
    assert_eq!(good["findings"], json!([]));
    assert_eq!(
        bad["findings"],
        json!([{"rule": "banned_term", "severity": "blocking", "part": "content",
            "span": {"start": 19, "end": 26}, "message": "a term the house does not use"}])
    );
    let ids = |more: Value| -> Vec<Value> {
        let found = kit.ok("list_messages", more);
        let items = found["items"].as_array().unwrap().iter();
        items.map(|item| item["id"].clone()).collect()
    };
    let [good, bad] = [&good, &bad];
    assert_eq!(ids(json!({"severity": "warning"})), [bad["id"].clone()]);
    let third = written(&kit, 3, "Hello Ann, see you on Friday!");
    let [first, second, last] = [&bad["id"], &third["id"], &good["id"]].map(Clone::clone);
    assert_eq!(
        ids(json!({"status": "draft", "gravest_first": true})),
        [&first, &second, &last].map(Clone::clone)
    );
    assert_eq!(ids(json!({"status": "draft"})), [second, first, last]);

    let mut seen = json!({"id": bad["id"], "version": 1, "digest": bad["digest"]});
    let held = kit.call("approve_message", seen.clone()).unwrap_err();
    assert_eq!(held["code"], "not_allowed");
    seen["override_reason"] = json!("It is agreed.");
    let manager = kit.act_as(&json!({"actor": "m", "role": "manager"}));
    assert_eq!(
        call(&manager, "approve_message", seen.clone()).unwrap_err()["code"],
        "forbidden"
    );
    assert_eq!(kit.ok("approve_message", seen)["status"], "approved");
    let events = kit
        .ok("message_history", json!({"id": bad["id"]}))
        .to_string();
    assert!(events.contains("It is agreed."), "{events}");
}

#[test]
fn a_decision_about_many_says_what_it_is_about_and_never_means_all_by_mistake() {
    let kit = kit();
    let good = written(&kit, 1, "Hello Ann, see you soon!");
    let bad = written(&kit, 2, "Hello Ann, win the lottery with us!");
    let all = json!({"action": "approve", "which": {"status": "draft"}});
    let seen = kit.ok("preview_bulk", all);
    assert_eq!((&seen["count"], &seen["blocked"]), (&json!(2), &json!(1)));
    assert_eq!(
        seen["findings"],
        json!([{"rule": "banned_term", "severity": "blocking", "messages": 1}])
    );
    // A list that happens to be empty names nobody.
    for operation in ["preview_bulk", "decide_bulk"] {
        let nobody = json!({"action": "cancel", "which": {"ids": []}});
        assert_eq!(refused(&kit, operation, nobody), "which.ids");
        let long = json!({"action": "cancel", "which": {"search": "x".repeat(201)}});
        assert_eq!(refused(&kit, operation, long), "which.search");
    }
    let many: Vec<String> = (0..10_001)
        .map(|n| format!("01900000-0000-7000-8000-{n:012}"))
        .collect();
    let many = json!({"action": "cancel", "which": {"ids": many}});
    assert_eq!(refused(&kit, "decide_bulk", many), "which.ids");
    assert_eq!(
        refused(&kit, "list_messages", json!({"search": "x".repeat(201)})),
        "search"
    );
    assert_eq!(
        refused(&kit, "list_contacts", json!({"search": "x".repeat(201)})),
        "search"
    );

    for (which, count) in [
        (json!({"ids": [good["id"], good["id"]]}), 1),
        (json!({"severity": "blocking"}), 1),
        (json!({"search": "LOTTERY"}), 1),
        (json!({"contact_id": bad["contact_id"]}), 1),
        (json!({"generated_by": "AI"}), 0),
        (json!({"occasion_type": "holiday"}), 0),
        (
            json!({"campaign_id": "01900000-0000-7000-8000-000000000001"}),
            0,
        ),
        (json!({"status": "approved"}), 0),
        (json!({}), 2),
    ] {
        let seen = kit.ok("preview_bulk", json!({"action": "cancel", "which": which}));
        assert_eq!(seen["count"], count, "{which}");
    }
    let viewer = kit.act_as(&json!({"actor": "v", "role": "viewer"}));
    let cancel = json!({"action": "cancel", "which": {"ids": [good["id"]]}, "reason": "later"});
    assert_eq!(
        call(&viewer, "decide_bulk", cancel.clone()).unwrap_err()["code"],
        "forbidden"
    );
    let stranger = kit.act_as(&json!({"actor": "s", "role": "admin", "workspace": "other"}));
    let nothing = call(&stranger, "decide_bulk", cancel.clone()).unwrap();
    assert_eq!(nothing["applied"], 0);
    let done = kit.ok("decide_bulk", cancel);
    assert_eq!((&done["applied"], &done["failed"]), (&json!(1), &json!(0)));
    let after = kit.ok("get_message", json!({"id": good["id"]}));
    assert_eq!(
        (&after["status"], &after["failure"]),
        (&json!("cancelled"), &json!("later"))
    );
}

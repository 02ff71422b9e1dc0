//! What guardrails find, over HTTP: shown, listed by risk, held back, overridden; and the house's rules in its file.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use common::Host;
use common::place::Place;
use serde_json::{Value, json};

const RULES: &str =
    "\n[guardrails]\nbanned_terms = ['бесплатно']\nlevels = { banned_term = 'blocking' }\n";

fn host() -> Host {
    let place = Place::sqlite();
    let file = place.path().join("host.toml");
    let text = format!(
        "database = 'sqlite:{}'\nlisten = '127.0.0.1:0'\nno_worker = true\n\
         secret = 'very very secret very very secret'\n{RULES}",
        place.path().join("crm.db").display()
    );
    std::fs::write(&file, text).unwrap();
    Host::start_by(place, &file)
}

fn draft(host: &Host, token: &str, contact: &str, content: &str) -> Value {
    let body = json!({"contact_id": contact, "occasion_type": "custom", "content": content});
    host.post(token, "/api/messages", body).expect(201)
}

fn id(message: &Value) -> &str {
    message["id"].as_str().unwrap()
}

#[test]
fn findings_are_shown_order_the_list_and_hold_a_message_until_an_admin_says_why() {
    let host = host();
    let admin = host.admin();
    let manager = host.user(&admin, "m@salon.example", "manager");
    let contact = host.contact(&admin);
    let bad = draft(&host, &manager, &contact, "Анна, кофе для вас бесплатно!");
    assert_eq!(
        bad["findings"],
        json!([{"rule": "banned_term", "severity": "blocking", "part": "content",
            "span": {"start": 19, "end": 28}, "message": "a term the house does not use"}])
    );
    let odd = draft(
        &host,
        &manager,
        &contact,
        "Dear Anna, we are waiting for you on Friday morning, as ever!",
    );
    assert_eq!(odd["findings"][0]["rule"], "language");
    let good = draft(&host, &manager, &contact, "Анна, ждём вас как всегда!");
    assert_eq!(good["findings"], json!([]));

    let listed = |query: &str| -> Vec<String> {
        let found = host
            .get(&manager, &format!("/api/messages?{query}"))
            .expect(200);
        let items = found["items"].as_array().unwrap().iter();
        items.map(|item| id(item).to_owned()).collect()
    };
    let ids = [id(&bad), id(&odd), id(&good)];
    assert_eq!(listed("status=draft&order=risk"), ids);
    assert_eq!(
        listed("status=draft&order=newest"),
        [ids[2], ids[1], ids[0]]
    );
    assert_eq!(listed("status=draft&severity=warning"), [ids[1], ids[0]]);
    assert_eq!(listed("severity=blocking"), [ids[0]]);
    host.get(&manager, "/api/messages?severity=grave")
        .expect(422);
    host.get(&manager, "/api/messages?order=best").expect(422);
    let first = host
        .get(&manager, "/api/messages?status=draft&order=risk&limit=1")
        .expect(200);
    let next = first["next_cursor"].as_str().unwrap();
    let rest = listed(&format!("status=draft&order=risk&cursor={next}"));
    assert_eq!(rest, ids[1..]);

    let all = json!({"action": "approve", "filter": {"status": "draft"}});
    let seen = host
        .post(&manager, "/api/messages/bulk/preview", all)
        .expect(200);
    assert_eq!((&seen["count"], &seen["blocked"]), (&json!(3), &json!(1)));
    assert_eq!(
        seen["findings"],
        json!([{"rule": "banned_term", "severity": "blocking", "messages": 1},
            {"rule": "language", "severity": "warning", "messages": 1}])
    );

    let approve = format!("/api/messages/{}/approve", id(&bad));
    let plain = json!({"version": 1, "digest": bad["digest"]});
    let refused = host.post(&manager, &approve, plain.clone()).expect(400);
    assert!(refused.to_string().contains("banned_term"), "{refused}");
    assert!(!refused.to_string().contains("кофе"), "{refused}");
    host.post(&admin, &approve, plain.clone()).expect(400);
    let mut over = plain;
    over["override_reason"] = json!("Акция согласована.");
    host.post(&manager, &approve, over.clone()).expect(403);
    let done = host.post(&admin, &approve, over).expect(200);
    assert_eq!(done["status"], "approved");
    let history = host
        .get(&manager, &format!("/api/messages/{}/history", id(&bad)))
        .expect(200);
    assert!(
        history.to_string().contains("Акция согласована."),
        "{history}"
    );
}

#[test]
fn a_preview_is_checked_and_alike_drafts_of_a_campaign_are_asked_for_by_its_id() {
    let host = host();
    let admin = host.admin();
    let contact = host.contact(&admin);
    let body =
        json!({"contact_id": contact, "occasion_type": "custom", "content": "Бесплатно для вас!"});
    let seen = host.post(&admin, "/api/messages/preview", body).expect(200);
    assert_eq!(seen["findings"][0]["rule"], "banned_term");
    let campaign = json!({"name": "c", "occasion_type": "custom", "schedule_type": "immediate"});
    let campaign = host.post(&admin, "/api/campaigns", campaign).expect(201);
    let path = format!("/api/campaigns/{}/duplicates", id(&campaign));
    assert_eq!(host.get(&admin, &path).expect(200), json!({"groups": []}));
    let path = format!("/api/campaigns/{contact}/duplicates");
    host.get(&admin, &path).expect(404);
}

#[test]
fn a_bulk_decision_takes_conditions_and_no_part_of_a_list() {
    let host = host();
    let admin = host.admin();
    let manager = host.user(&admin, "m@salon.example", "manager");
    let viewer = host.user(&admin, "v@salon.example", "viewer");
    let contact = host.contact(&admin);
    let bad = draft(&host, &manager, &contact, "Анна, кофе для вас бесплатно!");
    draft(&host, &manager, &contact, "Анна, ждём вас как всегда!");
    let seen = |filter: Value| {
        let wanted = json!({"action": "cancel", "filter": filter});
        host.post(&manager, "/api/messages/bulk/preview", wanted)
    };
    // Of the first page alone, as it would seem, everything would be cancelled.
    for part in [
        json!({"limit": 1}),
        json!({"skip": 1}),
        json!({"cursor": id(&bad)}),
        json!({"order": "risk"}),
    ] {
        let refused = seen(part.clone()).expect(422);
        assert_eq!(refused["errors"][0]["message"], "unknown field", "{part}");
    }
    let nowhere = "01900000-0000-7000-8000-000000000001";
    for (filter, count) in [
        (json!({}), 2),
        (json!({"status": "draft"}), 2),
        (json!({"status": "approved"}), 0),
        (json!({"severity": "blocking"}), 1),
        (json!({"search": "БЕСПЛАТНО"}), 1),
        (json!({"contact_id": contact}), 2),
        (json!({"contact_id": nowhere}), 0),
        (json!({"campaign_id": nowhere}), 0),
        (json!({"generated_by": "AI"}), 0),
        (json!({"occasion_type": "holiday"}), 0),
    ] {
        assert_eq!(seen(filter.clone()).expect(200)["count"], count, "{filter}");
    }
    seen(json!({"search": "x".repeat(201)})).expect(422);
    let none = json!({"action": "cancel", "ids": []});
    for path in ["/api/messages/bulk/preview", "/api/messages/bulk"] {
        host.post(&manager, path, none.clone()).expect(422);
        let all = json!({"action": "cancel", "filter": {}});
        host.post(&viewer, path, all).expect(403);
    }
    let one = json!({"action": "cancel", "filter": {"severity": "blocking"}, "reason": "later"});
    let done = host.post(&manager, "/api/messages/bulk", one).expect(200);
    assert_eq!(
        done,
        json!({"applied": 1, "skipped": 0, "failed": 0, "items": []})
    );
    let after = host
        .get(&viewer, &format!("/api/messages/{}", id(&bad)))
        .expect(200);
    assert_eq!(
        (&after["status"], &after["failure"]),
        (&json!("cancelled"), &json!("later"))
    );
}

#[test]
fn what_no_calendar_shows_and_what_is_no_text_is_refused_and_ends_nothing() {
    let host = host();
    let admin = host.admin();
    let contact = host.contact(&admin);
    let field = |reply: common::Reply| reply.expect(422)["errors"][0]["field"].clone();
    let template = json!({"name": "t", "occasion_type": "birthday", "language": "RU", "segment": " VIP ",
        "content": "{{greeting}} Вам {{age}}"});
    let template = host.post(&admin, "/api/templates", template).expect(201);
    // As contacts have them: a template of another spelling would be for nobody.
    assert_eq!(
        (&template["language"], &template["segment"]),
        (&json!("ru"), &json!("VIP"))
    );
    let preview = format!("/api/templates/{}/preview", id(&template));
    let text = "Анна, ждём вас как всегда!";
    for at in [
        "+262142-12-31T23:59:59Z",
        "-262143-01-01T00:00:00Z",
        "+10000-01-01T00:00:00Z",
    ] {
        let sample = json!({"sample": {"name": "Анна"}, "at": at});
        assert_eq!(field(host.post(&admin, &preview, sample)), "at", "{at}");
        for name in ["scheduled_for", "expires_at"] {
            let mut message =
                json!({"contact_id": contact, "occasion_type": "custom", "content": text});
            message[name] = json!(at);
            assert_eq!(
                field(host.post(&admin, "/api/messages", message)),
                name,
                "{at}"
            );
        }
        for local_time in [true, false] {
            let campaign = json!({"name": "c", "occasion_type": "holiday", "schedule_type": "scheduled",
                "scheduled_at": at, "local_time": local_time});
            assert_eq!(
                field(host.post(&admin, "/api/campaigns", campaign)),
                "scheduled_at",
                "{at}"
            );
        }
    }
    let made = draft(&host, &admin, &contact, text);
    let of = |what: &str| format!("/api/messages/{}/{what}", id(&made));
    for odd in ["\u{0}", "\u{1b}[2J", "a\u{7}b"] {
        let approve = json!({"version": 1, "override_reason": odd});
        assert_eq!(
            field(host.post(&admin, &of("approve"), approve)),
            "override_reason"
        );
        assert_eq!(
            field(host.post(&admin, &of("reject"), json!({"reason": odd}))),
            "reason"
        );
        let wish = json!({"instruction": odd});
        assert_eq!(
            field(host.post(&admin, &of("regenerate"), wish)),
            "instruction"
        );
        let wanted =
            json!({"contact_id": contact, "occasion_type": "birthday", "custom_context": odd});
        assert_eq!(
            field(host.post(&admin, "/api/messages/generate", wanted)),
            "custom_context"
        );
        for name in ["description", "custom_context"] {
            let mut campaign = json!({"name": "c", "occasion_type": "holiday"});
            campaign[name] = json!(odd);
            assert_eq!(field(host.post(&admin, "/api/campaigns", campaign)), name);
        }
        for name in ["segment", "channel", "language"] {
            let mut body = json!({"name": "u", "occasion_type": "custom", "language": "ru", "content": "Привет"});
            body[name] = json!(odd);
            assert_eq!(field(host.post(&admin, "/api/templates", body)), name);
        }
    }
    assert_eq!(host.get(&admin, "/healthz").status, 200);
}

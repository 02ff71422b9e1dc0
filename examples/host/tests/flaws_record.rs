//! Flaws of the system this replaces, which must not come back: what is recorded and what is promised
//! (11, 21 to 23).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;
#[path = "common/model.rs"]
mod model;

use common::Host;
use common::place::{Place, Tables};
use model::Model;
use serde_json::{Value, json};

fn path(message: &Value) -> String {
    format!("/api/messages/{}", message["id"].as_str().unwrap())
}

/// Actions of the sealed history about this row, in order.
fn audited(host: &Host, token: &str, id: &Value, wanted: usize) -> Vec<String> {
    let of_row = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap().iter();
        let items = items.filter(|item| item["subject_id"] == *id);
        items
            .map(|item| item["action"].as_str().unwrap().to_owned())
            .collect()
    };
    of_row(&host.until(token, "/api/audit", |page| of_row(page).len() >= wanted))
}

#[test]
fn flaw_11_everything_is_recorded_and_the_record_cannot_be_changed() {
    let host = Host::start(&[]);
    let admin = host.admin();
    let message = host.draft(&admin);
    let later = json!({"scheduled_for": "2035-01-01T09:00:00Z"});
    host.call(&admin, "PATCH", &path(&message), &later)
        .expect(200);
    let contact = format!("/api/contacts/{}", message["contact_id"].as_str().unwrap());
    let company = json!({"company": "Чинор"});
    host.call(&admin, "PUT", &contact, &company).expect(200);
    let campaign = json!({"name": "c", "occasion_type": "custom",
        "segment_filter": {"segment": "nobody"}});
    let campaign = host.post(&admin, "/api/campaigns", campaign).expect(201);
    let at = format!("/api/campaigns/{}", campaign["id"].as_str().unwrap());
    host.call(&admin, "PUT", &at, &json!({"name": "d"}))
        .expect(200);
    host.post(&admin, &format!("{at}/cancel"), json!(null))
        .expect(200);
    // A draft that the model could not write says why.
    let wanted = json!({"contact_id": message["contact_id"], "occasion_type": "birthday"});
    let drafted = host
        .post(&admin, "/api/messages/generate", wanted)
        .expect(201);
    assert_eq!(drafted["metadata"]["error"], "no_model");
    let seen = json!({"version": drafted["version"]});
    host.post(&admin, &format!("{}/approve", path(&drafted)), seen)
        .expect(200);
    // Deleting hides it; what happened stays.
    host.call(&admin, "DELETE", &path(&message), &json!(null))
        .expect(204);
    host.get(&admin, &path(&message)).expect(404);
    let of = |id: &Value, wanted: usize| audited(&host, &admin, id, wanted);
    assert_eq!(
        of(&message["id"], 3),
        ["created", "rescheduled", "cancelled"]
    );
    assert_eq!(of(&message["contact_id"], 2), ["created", "edited"]);
    assert_eq!(of(&campaign["id"], 3), ["created", "edited", "cancelled"]);

    // Sign-ins, also those that failed, and their ends.
    for email in ["a@salon.example", "nobody@salon.example"] {
        let body = json!({"email": email, "password": "wrong"});
        host.post("", "/api/auth/login", body).expect(401);
    }
    let other = host.sign_in("a@salon.example");
    host.post(&other, "/api/auth/logout", json!(null))
        .expect(204);
    let lines = host.get(&admin, "/api/auth/sign-ins").expect(200);
    let lines = lines.as_array().unwrap();
    let actions: Vec<_> = lines
        .iter()
        .map(|l| l["action"].as_str().unwrap())
        .collect();
    let expected = [
        "registered",
        "signed_in",
        "sign_in_failed",
        "sign_in_failed",
        "signed_in",
        "signed_out",
    ];
    assert_eq!(actions, expected);
    assert!(lines[3]["user_id"].is_null() && lines[2]["user_id"] == lines[0]["user_id"]);

    let (status, directory) = host.stop();
    assert!(status.success());
    for (tables, change) in [
        (Tables::Engine, "UPDATE {}events SET action = 'sent'"),
        (Tables::Engine, "UPDATE {}events SET actor = 'somebody'"),
        (Tables::Engine, "DELETE FROM {}events"),
        (
            Tables::Engine,
            "UPDATE {}approvals SET approver = 'somebody'",
        ),
        (Tables::Host, "UPDATE {}sign_ins SET action = 'signed_in'"),
        (Tables::Host, "DELETE FROM {}sign_ins"),
    ] {
        let refused = directory.change(tables, change).unwrap_err();
        assert!(
            refused.contains("kept") || refused.contains("never changed"),
            "{change}: {refused}"
        );
    }
    // Whoever owns the database can take the lock off; the chain tells.
    directory.unlock_events();
    let forged = "UPDATE {}events SET actor = 'somebody' WHERE position = 4";
    assert_eq!(directory.change(Tables::Engine, forged), Ok(1));
    let host = Host::start_in(directory, &["--no-worker"]);
    let admin = host.sign_in("a@salon.example");
    let proof = host.get(&admin, "/api/audit/verify").expect(200);
    assert_eq!(
        (&proof["valid"], &proof["first_bad"]),
        (&json!(false), &json!(4))
    );
}

#[test]
fn flaw_21_a_providers_words_stay_inside_and_stand_ins_are_called_so() {
    let canary = "canary-of-the-provider";
    for status in [400, 401, 429, 500, 529] {
        let body = json!({"type": "error", "error": {"type": "x", "message": canary}});
        let model = Model::start((status, body));
        let directory = Place::new();
        let host = Host::start_with(directory, &["--no-worker"], &model.variables());
        let admin = host.admin();
        let contact = host.contact(&admin);
        let wanted = json!({"contact_id": contact, "occasion_type": "birthday"});
        let message = host
            .post(&admin, "/api/messages/generate", wanted)
            .expect(201);
        model.asked();
        assert_eq!(message["generated_by"], "manual");
        let about = &message["metadata"];
        assert_eq!(about["fallback_used"], true, "{status}");
        assert!(about["error"].is_string() && about["model"].is_null());
        let history = host.get(&admin, &format!("{}/history", path(&message)));
        for text in [message.to_string(), history.expect(200).to_string()] {
            assert!(!text.contains(canary));
        }
        let directory = host.stop().1;
        for (file, bytes) in directory.bytes() {
            let found = bytes
                .windows(canary.len())
                .any(|part| part == canary.as_bytes());
            assert!(!found, "{status} {file}");
        }
    }
}

#[test]
fn flaw_22_what_is_reported_done_was_done() {
    let host = Host::start(&[]);
    let admin = host.admin();
    let file = "name,email\nАнна,anna@example.com\nБорис,not an address\nВера,vera@example.com\n";
    let import = host.upload(&admin, file.as_bytes()).expect(202);
    let at = format!(
        "/api/contacts/imports/{}",
        import["import_id"].as_str().unwrap()
    );
    let report = host.until(&admin, &at, |report| report["status"] == "completed");
    assert_eq!(
        (&report["rows"], &report["created"]),
        (&json!(3), &json!(2))
    );
    assert_eq!(report["rejected"], 1);
    assert_eq!(host.get(&admin, "/api/contacts").expect(200)["total"], 2);
    let rejects = host.get(&admin, &format!("{at}/rejects")).body;
    assert!(String::from_utf8(rejects).unwrap().contains("line 3: "));

    let campaign = json!({"name": "c", "occasion_type": "holiday"});
    let campaign = host.post(&admin, "/api/campaigns", campaign).expect(201);
    let id = campaign["id"].as_str().unwrap();
    host.post(&admin, &format!("/api/campaigns/{id}/execute"), json!({}))
        .expect(202);
    let drafted = format!("/api/messages?campaign_id={id}&status=pending_approval");
    host.until(&admin, &drafted, |page| page["total"] == 2);

    // Readiness is found out, not claimed.
    host.get("", "/readyz").expect(200);
    let rename = |sql| host.directory.change(Tables::Engine, sql).unwrap();
    rename("ALTER TABLE {}checkpoints RENAME TO gone");
    host.get("", "/readyz").expect(503);
    host.get("", "/healthz").expect(200);
    rename("ALTER TABLE {}gone RENAME TO checkpoints");
    host.get("", "/readyz").expect(200);
}

#[test]
fn flaw_23_campaigns_move_along_their_states_only() {
    let host = Host::start(&[]);
    let admin = host.admin();
    let create = |body: Value| host.post(&admin, "/api/campaigns", body);
    let body = json!({"name": "c", "occasion_type": "custom",
        "segment_filter": {"segment": "nobody"}});
    let campaign = create(body.clone()).expect(201);
    let at = format!("/api/campaigns/{}", campaign["id"].as_str().unwrap());
    let go = |at: &str, step: &str| {
        host.post(&admin, &format!("{at}/{step}"), json!(null))
            .status
    };
    for status in ["active", "completed", "paused"] {
        host.call(&admin, "PUT", &at, &json!({"status": status}))
            .expect(422);
    }
    assert_eq!((go(&at, "resume"), go(&at, "pause")), (400, 400), "a draft");
    assert_eq!(go(&at, "execute"), 202);
    host.until(&admin, &at, |campaign| campaign["status"] == "completed");
    for step in ["execute", "resume", "pause", "cancel"] {
        assert_eq!(go(&at, step), 400, "completed: {step}");
    }
    host.call(&admin, "PUT", &at, &json!({"name": "d"}))
        .expect(400);
    host.call(&admin, "DELETE", &at, &json!(null)).expect(400);
    let late = json!({"name": "l", "occasion_type": "custom", "schedule_type": "recurring",
        "recurrence_rule": "0 9 * * 1"});
    let weekly = create(late).expect(201);
    let at = format!("/api/campaigns/{}", weekly["id"].as_str().unwrap());
    assert_eq!(go(&at, "execute"), 202);
    assert_eq!((go(&at, "pause"), go(&at, "pause")), (200, 400));
    assert_eq!((go(&at, "resume"), go(&at, "resume")), (200, 400));
    assert_eq!((go(&at, "cancel"), go(&at, "cancel")), (200, 400));
    assert_eq!(go(&at, "resume"), 400);
    let mut by_text = body.clone();
    by_text["segment_filter"] = json!("segment = nobody and not has email");
    let by_text = create(by_text).expect(201);
    assert_eq!(by_text["audience"], "segment = nobody and not has email");
    let expression = json!({"and": [{"segment": "nobody"}, {"not": {"has": "email"}}]});
    assert_eq!(by_text["segment_filter"], expression);
    for wrong in [
        json!({"schedule_type": "recurring", "recurrence_rule": "not a cron"}),
        json!({"schedule_type": "recurring", "recurrence_rule": "61 9 * * *"}),
        json!({"schedule_type": "recurring"}),
        json!({"schedule_type": "scheduled"}),
        json!({"schedule_type": "sometimes"}),
        json!({"segment_filter": {"colour": "red"}}),
        json!({"segment_filter": "VIP"}),
        json!({"segment_filter": "segmnt = VIP"}),
        json!({"time_zone": "Mars/One"}),
        json!({"channel": "pigeon"}),
    ] {
        let mut body = body.clone();
        body.as_object_mut()
            .unwrap()
            .extend(wrong.as_object().unwrap().clone());
        assert_eq!(create(body).status, 422, "{wrong}");
    }
}

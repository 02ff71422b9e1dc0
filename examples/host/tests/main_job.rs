//! The main job end to end: people in, text drafted, a person approves, exactly that text leaves.

mod common;

use chrono::{DateTime, Duration, Utc};
use common::{Host, sample_contacts};
use serde_json::json;

#[test]
fn imports_drafts_approves_delivers_and_proves_it() {
    let host = Host::start(&[]);
    let admin = host.admin();
    let import = host.upload(&admin, &sample_contacts()).expect(202);
    let path = format!(
        "/api/contacts/imports/{}",
        import["import_id"].as_str().unwrap()
    );
    let report = host.until(&admin, &path, |report| report["status"] == "completed");
    assert_eq!(report["rows"], 210, "{report}");
    assert_eq!(
        report["created"].as_u64().unwrap() + report["skipped"].as_u64().unwrap(),
        202
    );
    assert_eq!(report["rejected"], 8);
    let rejects = host.get(&admin, &format!("{path}/rejects"));
    let rejects = String::from_utf8(rejects.body).unwrap();
    let mut lines = rejects.lines();
    let head = lines.next().unwrap();
    assert!(head.starts_with("name,email,phone,") && head.ends_with(",reject_reason"));
    assert_eq!(lines.count(), 8);
    let detected = &report["detected"];
    assert_eq!(
        (
            &detected["encoding"],
            &detected["separator"],
            &detected["profile"]
        ),
        (&json!("utf-8"), &json!(","), &json!("plain"))
    );
    assert_eq!(detected["confidence"], 1.0);
    assert_eq!(detected["mapping"]["phone"], "phone");

    let contacts = host.get(&admin, "/api/contacts?limit=100").expect(200);
    let contact = contacts["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|contact| contact["email"].is_string())
        .unwrap();
    let wanted = json!({"contact_id": contact["id"], "occasion_type": "birthday"});
    let message = host
        .post(&admin, "/api/messages/generate", wanted)
        .expect(201);
    assert_eq!(message["status"], "pending_approval");
    assert_eq!(message["metadata"]["fallback_used"], true);
    assert_eq!(message["metadata"]["cost_usd"], "0.00");

    let path = format!("/api/messages/{}", message["id"].as_str().unwrap());
    let seen = json!({"version": message["version"], "digest": message["digest"]});
    host.post(&admin, &format!("{path}/approve"), seen)
        .expect(200);
    let sent = host
        .post(&admin, &format!("{path}/send?wait=true"), json!(null))
        .expect(200);
    assert_eq!(sent["status"], "sent", "{sent}");
    let files: Vec<_> = std::fs::read_dir(host.outbox())
        .unwrap()
        .map(|f| f.unwrap())
        .collect();
    assert_eq!(files.len(), 1);
    let file = std::fs::read_to_string(files[0].path()).unwrap();
    let (head, body) = file
        .split_once("\n\n")
        .or_else(|| file.split_once("\r\n\r\n"))
        .unwrap();
    assert_eq!(body, message["content"].as_str().unwrap());
    assert!(head.contains(contact["email"].as_str().unwrap()));

    let history = host.get(&admin, &format!("{path}/history")).expect(200);
    let actions: Vec<_> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions, ["sent", "begun", "claimed", "approved", "created"]);
    assert_eq!(history[4]["new_content"], message["content"]);
    let proof = host.until(&admin, "/api/audit/verify", |proof| {
        proof["sealed"].as_u64().unwrap() > 4
    });
    assert_eq!(proof["valid"], true, "{proof}");
    let usage = host
        .get(&admin, "/api/analytics/ai-usage-stats")
        .expect(200);
    assert_eq!(usage["total_cost_usd"], "0.00");
    let (status, _) = host.stop();
    assert!(status.success());
}

#[test]
fn approval_needs_the_right_person_and_the_seen_version() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let viewer = host.user(&admin, "v@salon.example", "viewer");
    let message = host.draft(&admin);
    let path = format!("/api/messages/{}", message["id"].as_str().unwrap());
    let approve = format!("{path}/approve");

    host.post(&viewer, &approve, json!({"version": 1}))
        .expect(403);
    host.post(&viewer, &approve, json!({})).expect(403);
    host.post(&viewer, &format!("{path}/send"), json!(null))
        .expect(403);
    let refused = host.post(&admin, &approve, json!(null)).expect(428);
    assert_eq!(refused["code"], "precondition_required");
    let edited = host
        .call(
            &admin,
            "PATCH",
            &path,
            &json!({"content": "Другой текст письма"}),
        )
        .expect(200);
    assert_eq!(edited["version"], 2);
    let stale = host
        .post(&admin, &approve, json!({"version": 1}))
        .expect(409);
    assert_eq!(stale["code"], "conflict");
    host.post(
        &admin,
        &approve,
        json!({"version": 2, "digest": message["digest"]}),
    )
    .expect(409);
    let approved = host
        .post(&admin, &approve, json!({"version": 2}))
        .expect(200);
    assert_eq!(approved["status"], "approved");
    let edited = host
        .call(
            &admin,
            "PATCH",
            &path,
            &json!({"content": "И снова другой текст"}),
        )
        .expect(200);
    assert_eq!(edited["status"], "pending_approval");
    assert!(edited["approved_by"].is_null());
    host.post(&admin, &format!("{path}/send"), json!(null))
        .expect(400);
    let unseen = json!({"action": "approve", "filter": {}});
    host.post(&admin, "/api/messages/bulk", unseen).expect(428);
    let preview = json!({"action": "approve", "filter": {"status": "pending_approval"}});
    let preview = host
        .post(&admin, "/api/messages/bulk/preview", preview)
        .expect(200);
    assert_eq!(preview["count"], 1);
    let bulk = json!({"action": "approve", "filter": {"status": "pending_approval"},
        "manifest": preview["manifest"]});
    assert_eq!(
        host.post(&admin, "/api/messages/bulk", bulk).expect(200)["applied"],
        1
    );
}

#[test]
fn demo_data_is_there_once() {
    let host = Host::start(&["--demo"]);
    let token = host.login("manager@example.com", "demo-password");
    let token = token["access_token"].as_str().unwrap();
    let board = host.until(token, "/api/analytics/dashboard", |board| {
        board["total_messages"] == 7 && board["sent"] == 1
    });
    assert_eq!(board["total_contacts"], 11);
    assert_eq!(host.get(token, "/api/campaigns").expect(200)["total"], 3);
    assert_eq!(host.get(token, "/api/templates").expect(200)["total"], 5);
    let (_, directory) = host.stop();
    let host = Host::start_in(directory, &["--demo"]);
    let token = host.login("viewer@example.com", "demo-password");
    let token = token["access_token"].as_str().unwrap();
    assert_eq!(host.get(token, "/api/contacts").expect(200)["total"], 11);
}

#[test]
fn the_demo_drafts_tomorrows_greeting_today() {
    let host = Host::start(&["--demo"]);
    let token = host.login("manager@example.com", "demo-password");
    let token = token["access_token"].as_str().unwrap();
    let campaigns = host.get(token, "/api/campaigns").expect(200);
    let campaigns = campaigns["items"].as_array().unwrap();
    let birthdays = campaigns.iter().find(|one| one["name"] == "Birthdays");
    let path = format!(
        "/api/campaigns/{}",
        birthdays.unwrap()["id"].as_str().unwrap()
    );
    // Its first run is over, and it waits for the next hour.
    let birthdays = host.until(token, &path, |one| {
        one["status"] == "scheduled" && one["stats"]["generated_count"] == 1
    });
    assert_eq!(birthdays["schedule_type"], "date");
    assert_eq!(
        (&birthdays["hour"], &birthdays["ahead_days"]),
        (&json!(10), &json!(1))
    );
    assert_eq!(
        birthdays["sending_times"]["quiet_hours"],
        json!({"from": "21:00", "until": "09:00"})
    );
    let plan = host.get(token, &format!("{path}/plan")).expect(200);
    assert_eq!(plan["total"], 1);
    let line = &plan["items"][0];
    let contact = line["contact_id"].as_str().unwrap();
    let contact = host
        .get(token, &format!("/api/contacts/{contact}"))
        .expect(200);
    let written: DateTime<Utc> = contact["created_at"].as_str().unwrap().parse().unwrap();
    // Tomorrow by the clock of Tashkent, which is five hours ahead.
    let tomorrow = (written + Duration::hours(5 + 24)).date_naive();
    assert_eq!(line["occurrence"], tomorrow.to_string());
    assert_eq!(line["local_time"], format!("{tomorrow}T10:00:00"));
    let birthday = contact["birthday"].as_str().unwrap();
    assert!(
        birthday.ends_with(&tomorrow.format("-%m-%d").to_string()),
        "{birthday}"
    );
    let message = line["message_id"].as_str().unwrap();
    let message = host
        .get(token, &format!("/api/messages/{message}"))
        .expect(200);
    assert_eq!(message["status"], "pending_approval");
    assert_eq!(message["occasion_type"], "birthday");
    assert_eq!(message["scheduled_for"], line["send_at"]);
}

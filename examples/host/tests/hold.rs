//! A backup that is put back sends nothing a second time: operators see why, and an admin ends it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use common::Host;
use common::place::{Place, Tables};
use serde_json::{Value, json};

fn files(host: &Host) -> usize {
    std::fs::read_dir(host.outbox()).map_or(0, Iterator::count)
}

fn approved(host: &Host, token: &str) -> String {
    let message = host.draft(token);
    let path = format!("/api/messages/{}", message["id"].as_str().unwrap());
    let seen = json!({"version": message["version"], "digest": message["digest"]});
    host.post(token, &format!("{path}/approve"), seen)
        .expect(200);
    path
}

#[test]
fn a_restored_backup_is_held_until_an_admin_acknowledges_it() {
    // A file is what can be put back here; both ends of the hold are alike.
    let host = Host::start_in(Place::sqlite(), &["--no-worker"]);
    let admin = host.admin();
    let path = approved(&host, &admin);
    let manager = host.user(&admin, "m@salon.example", "manager");
    assert_eq!(
        host.get(&admin, "/api/hold").expect(200),
        json!({"hold": null})
    );
    let (_, directory) = host.stop();
    let file = directory.path().join("crm.db");
    let backup = directory.path().join("backup.db");
    std::fs::copy(&file, &backup).unwrap();

    let host = Host::start_in(directory, &[]);
    host.until(&admin, &path, |message| message["status"] == "sent");
    assert_eq!(files(&host), 1);
    let (_, directory) = host.stop();
    std::fs::copy(&backup, &file).unwrap();

    let host = Host::start_in(directory, &[]);
    let state = host.get("", "/readyz").expect(503);
    assert_eq!(
        (&state["status"], &state["database"], &state["hold"]),
        (&json!("held"), &json!("writable"), &json!("restored"))
    );
    host.get("", "/healthz").expect(200);
    let metrics = String::from_utf8(host.get("", "/metrics").body).unwrap();
    assert!(metrics.contains("\ncrm_on_hold 1\n"), "{metrics}");
    // Everything but sending goes on.
    assert_eq!(host.get(&admin, &path).expect(200)["status"], "approved");

    host.get(&manager, "/api/hold").expect(403);
    let hold = host.get(&admin, "/api/hold").expect(200)["hold"].clone();
    assert_eq!(hold["reason"], "restored");
    let body = |hold: &Value, messages: &str| json!({"hold": hold, "messages": messages, "reason": "Monday's backup"});
    let end = "/api/hold/acknowledge";
    host.post(&manager, end, body(&hold, "doubt")).expect(403);
    let mut another = hold.clone();
    another["found"] = json!("elsewhere");
    host.post(&admin, end, body(&another, "doubt")).expect(409);
    let mut silent = body(&hold, "doubt");
    silent["reason"] = json!(" ");
    host.post(&admin, end, silent).expect(422);
    host.post(&admin, end, body(&hold, "perhaps")).expect(422);
    assert_eq!(host.get(&admin, &path).expect(200)["status"], "approved");
    assert_eq!(files(&host), 1);

    let ended = host.post(&admin, end, body(&hold, "doubt")).expect(200);
    assert_eq!(ended, json!({"suspected": 1}));
    host.post(&admin, end, body(&hold, "doubt")).expect(409);
    let state = host.get("", "/readyz").expect(200);
    assert_eq!(
        (&state["status"], &state["hold"]),
        (&json!("ready"), &Value::Null)
    );
    let message = host.get(&admin, &path).expect(200);
    assert_eq!(message["status"], "uncertain");
    assert_eq!(message["failure"], "restored");
    let events = host.get(&admin, "/api/audit").expect(200);
    let last = events["items"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&last["subject"], &last["action"], &last["role"]),
        (
            &json!("dispatch"),
            &json!("hold_acknowledged"),
            &json!("admin")
        )
    );
    assert_eq!(last["reason"], "restored, doubt: Monday's backup");

    // It got lost with the folder: a person who has looked has it sent after all.
    std::fs::remove_dir_all(host.outbox()).unwrap();
    std::fs::create_dir(host.outbox()).unwrap();
    let resolve = format!("{path}/resolve");
    let resend = json!({"outcome": "resend", "reason": "nothing in the outbox"});
    host.post(&admin, &resolve, resend).expect(200);
    host.until(&admin, &path, |message| message["status"] == "sent");
    assert_eq!(files(&host), 1);
}

#[test]
fn an_admin_who_knows_that_nothing_was_lost_has_it_go_on() {
    let host = Host::start(&[]);
    let admin = host.admin();
    let sql = match host.directory.postgres {
        Some(_) => "UPDATE {}place SET timeline = '0000000F'",
        // The marker beside it knows another one.
        None => "UPDATE {}crm_place SET id = 'another', number = number + 1",
    };
    let reason = match host.directory.postgres {
        Some(_) => "failed_over",
        None => "restored",
    };
    host.directory.change(Tables::Engine, sql).unwrap();
    let path = approved(&host, &admin);
    let state = host.get("", "/readyz").expect(503);
    assert_eq!(
        (&state["status"], &state["hold"]),
        (&json!("held"), &json!(reason))
    );
    let hold = host.get(&admin, "/api/hold").expect(200)["hold"].clone();
    let body = json!({"hold": hold, "messages": "continue", "reason": "synchronous standby"});
    let ended = host.post(&admin, "/api/hold/acknowledge", body).expect(200);
    assert_eq!(ended, json!({"suspected": 0}));
    host.until(&admin, &path, |message| message["status"] == "sent");
    assert_eq!(files(&host), 1);
    host.get("", "/readyz").expect(200);
}

//! A host whose disk fills up says so, lives on and goes on by itself once there is room.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;
// Shared as text: what the stores are tried with is a part of no host.
#[path = "../../../crates/crm-store-testing/src/disk.rs"]
#[allow(unreachable_pub)]
mod disk;

use std::time::{Duration, Instant};

use common::Host;
use common::place::Place;
use disk::Disk;
use serde_json::{Value, json};

/// No figure: what takes longer never comes.
const PATIENCE: Duration = Duration::from_secs(60);

fn files(host: &Host) -> usize {
    std::fs::read_dir(host.outbox()).map_or(0, Iterator::count)
}

/// Asks until the answer is this; how long that took.
fn until_ready(host: &Host, status: u16) -> (Value, Duration) {
    let begun = Instant::now();
    loop {
        let reply = host.get("", "/readyz");
        if reply.status == status {
            return (reply.json(), begun.elapsed());
        }
        assert!(begun.elapsed() < PATIENCE, "{}", reply.json());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn approve(host: &Host, token: &str, message: &Value) -> common::Reply {
    let path = format!("/api/messages/{}", message["id"].as_str().unwrap());
    let seen = json!({"version": message["version"], "digest": message["digest"]});
    host.post(token, &format!("{path}/approve"), seen)
}

/// A refusal that says what to do and nothing else.
fn told(reply: &common::Reply) {
    let body = reply.expect(503);
    assert_eq!(body["code"], "unavailable", "{body}");
    let detail = body["detail"].as_str().unwrap();
    assert!(detail.contains("disk"), "{detail}");
    assert!(!detail.contains("INSERT"), "{detail}");
}

#[test]
fn a_full_disk_is_told_and_the_host_goes_on_once_there_is_room() {
    let me = "a_full_disk_is_told_and_the_host_goes_on_once_there_is_room";
    Disk::with(me, "16m", |disk| {
        let host = Host::start_in(Place::sqlite_in(disk.path()), &[]);
        let admin = host.admin();
        let message = host.draft(&admin);
        let path = format!("/api/messages/{}", message["id"].as_str().unwrap());
        until_ready(&host, 200);

        let filling = disk.fill();
        // A page or two may be left of what the files have already.
        let begun = Instant::now();
        let refused = loop {
            let body = json!({"name": "Камила"});
            let reply = host.post(&admin, "/api/contacts", body);
            if reply.status != 201 {
                break reply;
            }
            assert!(begun.elapsed() < PATIENCE, "the disk never filled");
        };
        told(&refused);
        told(&approve(&host, &admin, &message));
        let (state, _) = until_ready(&host, 503);
        assert_eq!(
            (&state["status"], &state["database"], &state["worker"]),
            (&json!("not_ready"), &json!("read_only"), &json!("running"))
        );
        // It stays so, answers what it is asked and sends nothing.
        for _ in 0..5 {
            host.get("", "/readyz").expect(503);
            host.get("", "/healthz").expect(200);
            let seen = host.get(&admin, &path).expect(200);
            assert_eq!(seen["status"], "draft");
            told(&approve(&host, &admin, &message));
        }
        assert_eq!(files(&host), 0);

        std::fs::remove_file(filling).unwrap();
        let (_, took) = until_ready(&host, 200);
        println!("ready {took:?} after there was room");
        approve(&host, &admin, &message).expect(200);
        host.until(&admin, &path, |message| message["status"] == "sent");
        assert_eq!(files(&host), 1);
        let (status, _place) = host.stop();
        assert!(status.success());
    });
}

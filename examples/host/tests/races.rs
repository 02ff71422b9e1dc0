//! Two requests or many at the same instant, of which the host decides: who may act, and which request
//! was there already. What the engine decides is tried in the tests of the stores.
//!
//! `CRM_RACE_ROUNDS` says how often each is tried.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::sync::Barrier;

use common::Host;
use common::place::Tables;
use serde_json::{Value, json};

fn rounds() -> usize {
    std::env::var("CRM_RACE_ROUNDS").map_or(200, |text| text.parse().unwrap())
}

/// Does both at the same instant.
fn race<A: Send, B: Send>(
    first: impl FnOnce() -> A + Send,
    second: impl FnOnce() -> B + Send,
) -> (A, B) {
    let line = Barrier::new(2);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| {
            line.wait();
            first()
        });
        line.wait();
        let second = second();
        (first.join().unwrap(), second)
    })
}

#[test]
fn a_demotion_comes_before_an_approval_or_after_it() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let manager = host.user(&admin, "m@salon.example", "manager");
    let role = |role: &str| {
        let sql = format!("UPDATE {{}}users SET role = '{role}' WHERE email = 'm@salon.example'");
        assert_eq!(host.directory.change(Tables::Host, &sql), Ok(1));
    };
    let contact = host.contact(&admin);
    let mut won = [0, 0];
    for _ in 0..rounds() {
        role("manager");
        let draft = json!({"contact_id": contact, "occasion_type": "custom",
            "content": "Дорогая Анна, ждём вас!"});
        let message = host.post(&manager, "/api/messages", draft).expect(201);
        let path = format!("/api/messages/{}", message["id"].as_str().unwrap());
        let seen = json!({"version": message["version"], "digest": message["digest"]});
        let approve = || {
            let answer = host.post(&manager, &format!("{path}/approve"), seen.clone());
            answer.status
        };
        let (status, ()) = race(approve, || role("viewer"));
        let now = host.get(&admin, &path).expect(200);
        match status {
            200 => assert_eq!(now["status"], "approved"),
            403 => assert_eq!(now["status"], message["status"]),
            other => panic!("{other}"),
        }
        won[usize::from(status == 403)] += 1;
        // Whoever was first: what is asked afterwards is asked by a viewer.
        assert_eq!(approve(), 403);
        assert_eq!(
            host.get(&admin, &path).expect(200)["version"],
            now["version"]
        );
    }
    println!("{} approved in time, {} refused", won[0], won[1]);
}

#[test]
fn twenty_requests_with_one_key_are_one() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    for round in 0..rounds() {
        let body = json!({"name": "Anna", "email": format!("c{round}@example.com")});
        let (key, line) = (format!("key {round}"), Barrier::new(20));
        let answers: Vec<Value> = std::thread::scope(|scope| {
            let send = || {
                line.wait();
                let answer = host.keyed(&admin, "POST", "/api/contacts", &body, Some(&key));
                answer.expect(201)
            };
            let all: Vec<_> = (0..20).map(|_| scope.spawn(send)).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!(answers.iter().all(|answer| answer == &answers[0]));
    }
    let found = host.get(&admin, "/api/contacts").expect(200);
    assert_eq!(found["total"], rounds());
}

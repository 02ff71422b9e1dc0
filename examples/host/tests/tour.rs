//! The five-minute tour of README.md: its commands run to the letter against the demo, and each step has to
//! print what the text says.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod common;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::Host;
use common::place::Place;
use serde_json::Value;

/// The steps of the tour: every `sh` block of its section, in order.
fn steps(readme: &str) -> Vec<&str> {
    let tour = readme
        .split("## Five-minute tour")
        .nth(1)
        .and_then(|rest| rest.split("\n## ").next())
        .expect("README.md has the section");
    tour.split("```sh\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect()
}

/// The JSON documents of a step's output, one per line.
fn documents(output: &str) -> Vec<Value> {
    output
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// What a command prints, if it ends well within two minutes and complains about nothing: a step that
/// waits for what never comes must not wait for ever.
fn run(command: &mut Command, directory: &Path) -> String {
    let file = |name: &str| directory.join(name);
    let create = |name: &str| std::fs::File::create(file(name)).unwrap();
    let read = |name: &str| std::fs::read_to_string(file(name)).unwrap();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(create("said"))
        .stderr(create("complaints"))
        .spawn()
        .expect("sh runs");
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > Duration::from_secs(120) {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("a step does not end:\n{}", read("said"));
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(read("complaints"), "", "no curl? run cargo xtask setup");
    assert!(status.success());
    read("said")
}

#[test]
fn every_step_does_what_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let steps = steps(&readme);
    assert_eq!(steps.len(), 8);
    // The password is the one that the text starts the demo with.
    let password = readme
        .split("CRM_DEMO_PASSWORD=")
        .nth(1)
        .and_then(|rest| rest.split(' ').next())
        .unwrap();
    let host = Host::start_with(
        Place::new(),
        &["--demo"],
        &[("CRM_DEMO_PASSWORD", password)],
    );
    // One shell for all steps, as in a terminal; a marker tells their outputs apart.
    let script: String = steps
        .iter()
        .map(|step| format!("{step}\necho '=== end of step'\n"))
        .collect();
    let output = run(
        Command::new("sh")
            .args(["-u", "-c", &script])
            .current_dir(&root)
            .env("CRM_API", format!("http://{}/api", host.address()))
            .env("CRM_OUTBOX", host.outbox()),
        host.directory.path(),
    );
    let said: Vec<&str> = output.split("=== end of step\n").collect();
    assert_eq!(said.len(), 9, "{output}");
    let json: Vec<Vec<Value>> = said.iter().map(|text| documents(text)).collect();

    assert_eq!(json[0][0]["role"], "manager");

    let report = &json[1][0];
    let count = |name: &str| report[name].as_u64().unwrap();
    assert_eq!(
        (
            count("rows"),
            count("created"),
            count("skipped"),
            count("rejected")
        ),
        (210, 200, 2, 8)
    );
    assert_eq!(report["detected"]["mapping"]["name"], "name");
    assert!(said[1].contains("31.02.1990"), "the rejected cells");
    assert!(said[1].contains("line 130: birthday: use a real date"));

    assert_eq!(json[2][0]["status"], "active");

    let (campaign, plan, message) = (&json[3][0], &json[3][1], &json[3][2]);
    assert_eq!(campaign["stats"]["sent_count"], 0);
    assert_eq!(plan["total"], 15);
    assert_eq!(plan["items"].as_array().unwrap().len(), 2);
    assert_eq!(message["status"], "pending_approval");
    let content = message["content"].as_str().unwrap();
    assert!(content.ends_with("приглашаем вас на день открытых дверей!"));

    let done = &json[4][0];
    assert_eq!((&done["applied"], &done["failed"]), (&15.into(), &0.into()));

    assert_eq!(json[5][0]["stats"]["sent_count"], 15);
    let file = said[5].split("To: ").nth(1).unwrap();
    assert!(file.starts_with(message["recipient"].as_str().unwrap()));
    assert!(file.contains(&format!(
        "Subject: {}\n",
        message["subject"].as_str().unwrap()
    )));
    let (_, body) = file.split_once("\n\n").unwrap();
    assert_eq!(body.trim_end_matches('\n'), content);

    let history = json[6][0].as_array().unwrap();
    let actions: Vec<&str> = history
        .iter()
        .map(|line| line["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions, ["sent", "begun", "claimed", "approved", "created"]);
    assert!(
        history
            .iter()
            .all(|line| line["digest"] == message["digest"])
    );
    assert_eq!(json[6][1]["valid"], true);

    let reverted = &json[7][0];
    assert_eq!(reverted["status"], "reverted");
    assert_eq!(reverted["revert"]["removed"], 187);
    assert_eq!(reverted["revert"]["kept"], 13);
}

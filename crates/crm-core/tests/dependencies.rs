//! The core without features does no I/O, reads no clock and has no randomness: its dependency tree is
//! held to a list, and the crates on it are built without the features that would.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::process::Command;

/// Every crate the core may link, directly or not. Add one only after reading what it does.
const ALLOWED: &[&str] = include!("allowed_crates.in");

fn tree(args: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--package",
            "crm-core",
            "--no-default-features",
            "--edges",
            "normal",
        ])
        .args(["--prefix", "none", "--locked"])
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines.dedup();
    lines
}

#[test]
fn the_dependency_tree_is_the_allowed_one() {
    let mut names: Vec<String> = tree(&["--format", "{p}"])
        .iter()
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .filter(|name| name != "crm-core")
        .collect();
    names.sort();
    names.dedup();
    assert!(names.len() > 5, "the tree was not read: {names:?}");
    let foreign: Vec<&String> = names
        .iter()
        .filter(|name| !ALLOWED.contains(&name.as_str()))
        .collect();
    assert!(foreign.is_empty(), "not on the list: {foreign:?}");
}

#[test]
fn no_clock_and_no_randomness_are_switched_on() {
    for line in tree(&["--format", "{p} {f}"]) {
        let mut words = line.split_whitespace();
        let name = words.next().unwrap_or_default();
        let features = words.last().unwrap_or_default().to_owned();
        let has = |feature: &str| features.split(',').any(|f| f == feature);
        match name {
            "chrono" => assert!(!has("clock") && !has("now"), "{line}"),
            "uuid" => {
                for feature in ["v1", "v4", "v6", "v7", "rng", "fast-rng"] {
                    assert!(!has(feature), "{line}");
                }
            }
            "getrandom" | "rand" | "tokio" | "mio" | "socket2" | "reqwest" | "rusqlite" => {
                panic!("{line}")
            }
            _ => {}
        }
    }
}

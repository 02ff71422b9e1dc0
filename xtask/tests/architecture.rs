//! The absences ARCHITECTURE.md promises: who may name what.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                files.push((path, text));
            }
        }
    }
    assert!(!files.is_empty(), "{folder} holds no sources");
    files
}

/// The lines of code of `folder` (comments aside) that hold one of `words`.
fn naming(folder: &str, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in sources(folder) {
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if words.iter().any(|word| code.contains(word)) {
                found.push(format!("{}:{}: {line}", path.display(), number + 1));
            }
        }
    }
    found
}

/// The folders of all packages.
fn members() -> Vec<String> {
    let workspace = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let members = workspace.split("members = [").nth(1).unwrap();
    let members = members.split(']').next().unwrap();
    let names = members.split('"').skip(1).step_by(2);
    names.map(str::to_owned).collect()
}

#[test]
fn adapters_see_the_core_and_not_each_other() {
    let adapters = [
        ("crates/crm-store-sqlite/src", "crm_store_sqlite"),
        ("crates/crm-store-postgres/src", "crm_store_postgres"),
        ("crates/crm-ai-claude/src", "crm_ai_claude"),
        ("examples/openai-compatible/src", "crm_openai_compatible"),
        ("crates/crm-channels/src", "crm_channels"),
    ];
    for (folder, own) in adapters {
        let others: Vec<&str> = adapters
            .iter()
            .map(|(_, name)| *name)
            .filter(|name| *name != own)
            .collect();
        assert_eq!(naming(folder, &others), [] as [&str; 0]);
    }
}

#[test]
fn the_core_names_no_adapter_no_database_and_no_account() {
    let words = [
        "crm_store",
        "crm_ai",
        "crm_channels",
        "rusqlite",
        "sqlx",
        "reqwest",
        "lettre",
        "axum",
        "argon2",
        "password",
    ];
    assert_eq!(naming("crates/crm-core/src", &words), [] as [&str; 0]);
}

#[test]
fn the_core_reads_clock_and_environment_only_in_the_system_module() {
    let words = [
        "SystemTime::now",
        "Utc::now",
        "Instant::now",
        "std::env",
        "std::fs",
        "std::net",
    ];
    let found: Vec<String> = naming("crates/crm-core/src", &words)
        .into_iter()
        .filter(|line| !line.contains("src/system.rs") && !line.contains("src/worker/"))
        .collect();
    assert_eq!(found, [] as [&str; 0]);
}

#[test]
fn the_domain_names_no_engine_and_no_worker() {
    let modules = [
        "message", "contact", "audience", "template", "campaign", "intake",
    ];
    for module in modules {
        let folder = format!("crates/crm-core/src/{module}");
        assert_eq!(
            naming(&folder, &["crate::engine", "crate::worker"]),
            [] as [&str; 0]
        );
    }
}

#[test]
fn a_model_is_asked_in_one_place_alone() {
    let mut found = naming("crates/crm-core/src", &[".draft("]);
    // The suites of adapters call them; what a worker drafts goes through `engine/spend.rs` like all else.
    found.retain(|line| !line.contains("/testing/") && !line.contains("self.draft("));
    let spend = |line: &String| line.contains("/engine/spend.rs:");
    assert!(found.iter().all(spend) && found.len() == 1, "{found:#?}");
}

#[test]
fn sql_stands_in_stores_and_axum_in_the_host_alone() {
    let sql = ["INSERT INTO", "SELECT ", "DELETE FROM"];
    for folder in [
        "crates/crm-core/src",
        "crates/crm-channels/src",
        "crates/crm-ai-claude/src",
    ] {
        assert_eq!(naming(folder, &sql), [] as [&str; 0]);
        assert_eq!(naming(folder, &["axum::"]), [] as [&str; 0]);
    }
    for folder in [
        "crates/crm-store-sqlite/src",
        "crates/crm-store-postgres/src",
    ] {
        assert_eq!(naming(folder, &["axum::"]), [] as [&str; 0]);
    }
}

#[test]
fn the_bindings_for_languages_see_the_shared_crate_alone() {
    let words = [
        "crm_core",
        "crm_store",
        "crm_ai",
        "crm_channels",
        "crm_host",
    ];
    for folder in ["bindings/python/src", "bindings/node/src"] {
        assert_eq!(naming(folder, &words), [] as [&str; 0]);
    }
    let above = ["crm_bindings", "crm_python", "crm_node"];
    for folder in [
        "crates/crm-core/src",
        "crates/crm-store-sqlite/src",
        "crates/crm-store-postgres/src",
        "crates/crm-ai-claude/src",
        "crates/crm-channels/src",
        "examples/host/src",
    ] {
        assert_eq!(naming(folder, &above), [] as [&str; 0]);
    }
}

#[test]
fn the_bindings_decide_nothing_and_write_nothing_themselves() {
    // Use cases alone: no change set, no transition, no store.
    let words = [
        "ChangeSet",
        "lifecycle::apply",
        "decide::approve",
        "decide::close",
        "decide::create",
        "dispatch::",
        "planner",
        ".commit(",
        ".store()",
        "SELECT ",
        "axum",
    ];
    for folder in [
        "bindings/shared/src",
        "bindings/python/src",
        "bindings/node/src",
    ] {
        assert_eq!(naming(folder, &words), [] as [&str; 0]);
    }
}

#[test]
fn unsafe_code_is_forbidden_but_for_what_binding_macros_expand_to() {
    let workspace = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(workspace.contains("unsafe_code = \"forbid\""));
    let mut own_table = Vec::new();
    for member in members() {
        let manifest = fs::read_to_string(root().join(&member).join("Cargo.toml")).unwrap();
        if !manifest.contains("[lints]\nworkspace = true") {
            own_table.push(member);
        }
    }
    assert_eq!(own_table, ["bindings/python", "bindings/node"]);
    for folder in ["bindings/python/src", "bindings/node/src"] {
        assert_eq!(naming(folder, &["unsafe"]), [] as [&str; 0]);
    }
}

/// What `member` names in a table `[dependencies]` of any kind but those of tests: it goes to users.
fn shipped(member: &str) -> String {
    let manifest = fs::read_to_string(root().join(member).join("Cargo.toml")).unwrap();
    let tables = manifest.split("\n[").filter(|table| {
        let head = table.split(']').next().unwrap();
        head.ends_with("dependencies") && !head.ends_with("dev-dependencies")
    });
    tables.collect()
}

#[test]
fn what_stores_are_tried_with_is_shipped_with_nothing() {
    let name = "crm-store-testing";
    let mut tried = Vec::new();
    for member in members() {
        assert!(!shipped(&member).contains(name), "{member}");
        let manifest = fs::read_to_string(root().join(&member).join("Cargo.toml")).unwrap();
        if manifest.contains(&format!("\n{name}")) {
            tried.push(member);
        }
    }
    // Both stores, by the same suites; it knows neither.
    assert_eq!(
        tried,
        ["crates/crm-store-sqlite", "crates/crm-store-postgres"]
    );
    let stores = ["crm_store_sqlite", "crm_store_postgres", "sqlx", "rusqlite"];
    assert_eq!(
        naming("crates/crm-store-testing/src", &stores),
        [] as [&str; 0]
    );
}

#[test]
fn the_stand_in_for_the_models_api_is_shipped_with_nothing_and_knows_nothing_of_ours() {
    let name = "crm-claude-testing";
    let mut tried = Vec::new();
    for member in members() {
        assert!(!shipped(&member).contains(name), "{member}");
        let manifest = fs::read_to_string(root().join(&member).join("Cargo.toml")).unwrap();
        if manifest.contains(&format!("\n{name}")) {
            tried.push(member);
        }
    }
    assert_eq!(tried, ["crates/crm-ai-claude", "examples/host"]);
    // It says once more what the API is like, and takes nothing over from what it checks.
    assert!(!shipped("crates/crm-claude-testing").contains("crm-"));
}

#[test]
fn the_model_of_the_protocol_is_shipped_with_nothing_and_knows_the_core_alone() {
    let name = "crm-protocol-model";
    for member in members() {
        let manifest = fs::read_to_string(root().join(&member).join("Cargo.toml")).unwrap();
        assert!(!manifest.contains(&format!("\n{name}")), "{member}");
    }
    let needed = shipped("crates/crm-protocol-model");
    let ours: Vec<&str> = needed
        .lines()
        .filter(|line| line.starts_with("crm-"))
        .collect();
    assert_eq!(ours, ["crm-core.workspace = true"]);
}

#[test]
fn the_server_for_tests_is_shipped_with_nothing_and_needs_nothing() {
    let name = "crm-postgres-testing";
    // Only tools of development, which are run from here, have it among what they are built with.
    let tools = ["crates/crm-postgres-testing", "benches", "xtask"];
    let mut seen = 0;
    for member in members() {
        let table = shipped(&member);
        seen += usize::from(!table.is_empty());
        if !tools.contains(&member.as_str()) {
            assert!(!table.contains(name), "{member}");
        }
    }
    assert!(seen > 5, "{seen}");
    for (folder, expected) in [
        ("crates/crm-postgres-testing", vec![]),
        ("xtask", vec!["crm-postgres-testing.workspace = true"]),
    ] {
        let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        let needed: Vec<&str> = manifest
            .split("\n[")
            .filter(|table| table.split(']').next().unwrap().ends_with("dependencies"))
            .flat_map(|table| table.lines().skip(1).filter(|line| !line.is_empty()))
            .collect();
        assert_eq!(needed, expected, "{folder}");
    }
}

#[test]
fn every_export_to_node_catches_panics() {
    let mut exports = 0;
    for (path, text) in sources("bindings/node/src") {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for (number, line) in lines.iter().enumerate() {
            if !line.starts_with("#[napi") {
                continue;
            }
            let item = lines[number + 1..]
                .iter()
                .find(|line| !line.starts_with("#["))
                .unwrap();
            if item.contains("fn ") {
                exports += 1;
                let place = format!("{}:{}", path.display(), number + 1);
                assert!(line.contains("catch_unwind"), "{place}");
            }
        }
    }
    assert!(exports >= 6, "{exports}");
}

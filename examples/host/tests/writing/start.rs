//! With a key Claude writes; without one, or with a wrong one, it is said at the start, by `/readyz` and by each draft.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crm_claude_testing::wire::fixture;
use serde_json::json;

use super::claude::{Claude, all};
use super::common::Host;
use super::common::place::Place;

/// What a host over this place prints until it says what writes drafts. It is killed then.
fn said(place: &Place, flags: &[&str], variables: &[(&str, &str)]) -> String {
    let mut child = place
        .command()
        .args(flags)
        .env("CRM_DEMO_PASSWORD", "demo-password")
        .env("RUST_LOG", "warn")
        .envs(variables.iter().copied())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = String::new();
    let mut found = false;
    // The demo's word on it may take two lines.
    for line in lines.by_ref() {
        let line = line.unwrap();
        found |= line.contains("drafts come from");
        let ends = found && !line.trim_end().ends_with(',');
        said.push_str(&line);
        said.push('\n');
        if ends {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(found, "{said}");
    said
}

#[test]
fn the_demo_with_a_key_writes_real_drafts() {
    let claude = Claude::start();
    let place = Place::new();
    let first = said(&place, &["--demo"], &claude.variables());
    assert!(
        first.contains("drafts come from           Claude (claude-haiku-5-5)\n"),
        "{first}"
    );
    let asked = claude.provider.drafts().len();
    assert!(asked >= 3, "{asked}: the demo shows drafts of the model");

    let host = Host::start_with(place, &["--demo"], &claude.variables());
    let manager = host.login("manager@example.com", "demo-password");
    let manager = manager["access_token"].as_str().unwrap();
    assert_eq!(host.get("", "/readyz").expect(200)["drafts"], "model");
    // A draft of each campaign that runs, and those of the start.
    host.until(manager, "/api/campaigns", |page| {
        let items = page["items"].as_array().unwrap().iter();
        let drafted = items.filter(|one| one["stats"]["generated_count"] == 1);
        drafted.count() == 2
    });
    let drafted = all(&host, manager, "/api/messages?generated_by=AI");
    assert_eq!(drafted.len(), 5);
    for message in drafted {
        let text = message["content"].as_str().unwrap();
        assert!(text.ends_with(", поздравляем вас с праздником!"), "{text}");
        assert_eq!(message["metadata"]["fallback_used"], false);
        assert_eq!(message["metadata"]["model"], "claude-haiku-5-5");
        assert_ne!(message["metadata"]["cost_usd"], "0.00");
    }
}

#[test]
fn without_a_key_it_degrades_visibly() {
    let place = Place::new();
    let plain = said(&place, &[], &[]);
    let why = "templates and built-in greetings; set ANTHROPIC_API_KEY for Claude";
    assert!(
        plain.contains(&format!("drafts come from {why}\n")),
        "{plain}"
    );
    let host = Host::start_in(place, &[]);
    assert_eq!(host.get("", "/readyz").expect(200)["drafts"], "templates");
    let admin = host.admin();
    let wanted = json!({"contact_id": host.contact(&admin), "occasion_type": "birthday"});
    let message = host
        .post(&admin, "/api/messages/generate", wanted)
        .expect(201);
    let about = &message["metadata"];
    assert_eq!(
        (
            &about["fallback_used"],
            &about["fallback_step"],
            &about["error"]
        ),
        (&json!(true), &json!("greeting"), &json!("no_model"))
    );
    assert_eq!(about["cost_usd"], "0.00");
}

#[test]
fn a_wrong_key_is_said_when_the_demo_starts() {
    let claude = Claude::start();
    let refused = fixture("error-401-authentication");
    claude.provider.draft_by(move |_, _| refused.clone());
    let first = said(&Place::new(), &["--demo"], &claude.variables());
    assert!(
        first.contains("which did not write those of the demo (authentication)"),
        "{first}"
    );
}

#[test]
fn the_further_models_are_named_in_their_order() {
    let claude = Claude::start();
    let [key, url] = claude.variables();
    let more = ("CRM_FALLBACK_MODELS", "claude-sonnet-5-5 claude-opus-5-5");
    let plain = said(&Place::new(), &[], &[key, url, more]);
    let all = "drafts come from Claude (claude-haiku-5-5, then claude-sonnet-5-5, then claude-opus-5-5)\n";
    assert!(plain.contains(all), "{plain}");
}

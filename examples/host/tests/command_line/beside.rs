//! `crm` beside a host that runs over the same database: it sees what the host does, and the host what it does.

use serde_json::{Value, json};

use crate::common::Host;
use crate::program::{crm, fed, names};

/// A host with a campaign whose drafts wait, for two of three people.
fn waiting() -> (Host, String, String) {
    let host = Host::start(&[]);
    let admin = host.admin();
    let people =
        "name,email,segment\nAnna,anna@post.example,VIP\nBoris,boris@post.example,VIP\nVera,,VIP\n";
    fed(&host.directory, &["import"], people.as_bytes()).expect(0);
    let template = json!({"name": "t", "occasion_type": "custom", "language": "ru", "subject": "Привет",
        "content": "Здравствуйте, {{name}}!"});
    let template = host.post(&admin, "/api/templates", template).expect(201);
    let campaign = json!({"name": "Весна", "occasion_type": "custom", "template_id": template["id"],
        "segment_filter": "segment = VIP"});
    let campaign = host.post(&admin, "/api/campaigns", campaign).expect(201);
    let id = campaign["id"].as_str().unwrap().to_owned();
    let early = crm(&host.directory, &["plan", "Весна"]).expect(0).text();
    assert!(
        early.contains("not planned yet: it is a draft, and runs once it is executed\n"),
        "{early}"
    );
    assert!(
        early.contains("audience: segment = VIP\n  audience now: 3\n"),
        "{early}"
    );
    host.post(&admin, &format!("/api/campaigns/{id}/execute"), json!({}))
        .expect(202);
    host.until(&admin, &format!("/api/campaigns/{id}"), |campaign| {
        campaign["stats"]["generated_count"] == 2
    });
    (host, admin, id)
}

fn items(page: &Value) -> Vec<Value> {
    page["items"].as_array().unwrap().clone()
}

#[test]
fn a_plan_is_shown_and_exactly_what_was_shown_is_approved() {
    let (host, admin, id) = waiting();
    let place = &host.directory;
    let told = crm(place, &["plan", "Весна"]).expect(0).text();
    for part in [
        &format!("Весна ({id}): active"),
        "planned: 3, of whom 2 get a message and 1 do not",
        "    1 no address for this channel\n",
        "cost: 0.00 USD spent, 0.00 USD expected in all, 0.00 USD at most (no model is asked)\n",
        "nothing: no address for this channel",
        "channels: email\n",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let plan = crm(place, &["plan", &id, "--json"]).expect(0).json();
    let api = |path: &str| host.get(&admin, path).expect(200);
    assert_eq!(plan["campaign"], api(&format!("/api/campaigns/{id}")));
    assert_eq!(plan["cost"], api(&format!("/api/campaigns/{id}/cost")));
    assert_eq!(
        items(&plan),
        items(&api(&format!("/api/campaigns/{id}/plan")))
    );
    assert_eq!(
        (
            &plan["total"],
            &plan["included"],
            &plan["excluded"],
            &plan["reasons"]
        ),
        (&json!(3), &json!(2), &json!(1), &json!({"no_address": 1}))
    );
    let out = crm(place, &["plan", &id, "--json", "--excluded", "true"])
        .expect(0)
        .json();
    assert_eq!(items(&out).len(), 1);
    let one = crm(place, &["plan", &id, "--json", "--lines", "1"])
        .expect(0)
        .json();
    assert_eq!(items(&one).len(), 1);

    let shown = crm(place, &["approve", "--campaign", &id]).expect(0).text();
    assert!(
        shown.starts_with("2 would be approved, 0 of them have blocking findings"),
        "{shown}"
    );
    assert!(
        shown.contains("email to anna@post.example: Привет / Здравствуйте, Anna!"),
        "{shown}"
    );
    let manifest = shown.rsplit("--manifest ").next().unwrap();
    let manifest = manifest.split(' ').next().unwrap().to_owned();
    let preview = crm(place, &["approve", "--campaign", &id, "--json"])
        .expect(0)
        .json();
    assert_eq!(preview["manifest"], manifest);
    let body = json!({"action": "approve", "filter": {"campaign_id": id}});
    let mut over_http = host
        .post(&admin, "/api/messages/bulk/preview", body)
        .expect(200);
    // What a manager may do, not an admin.
    assert_eq!(names(&preview), names(&over_http));
    assert_eq!(names(&preview["sample"][0]), names(&over_http["sample"][0]));
    assert_eq!(over_http["manifest"].take(), preview["manifest"]);

    // Somebody edits one of them: that is not what was shown.
    let message = &preview["sample"][0];
    let at = format!("/api/messages/{}", message["id"].as_str().unwrap());
    let edit = json!({"content": "Здравствуйте! Ждём вас.", "version": message["version"]});
    host.call(&admin, "PATCH", &at, &edit).expect(200);
    let args = [
        "approve",
        "--campaign",
        &id,
        "--yes",
        "--manifest",
        &manifest,
    ];
    let refused = crm(place, &args).expect(1);
    assert!(
        refused.err.contains("not what was shown"),
        "{}",
        refused.err
    );
    let left = crm(place, &["approve", "--all", "--json"]).expect(0).json();
    assert_eq!(left["count"], 2, "nothing was approved");

    // One by its id, the rest by the filter; the host's worker delivers both.
    let first = message["id"].as_str().unwrap();
    let done = crm(place, &["approve", first, "--yes"]).expect(0).text();
    assert_eq!(done, "1 of 1 approved, 0 skipped, 0 refused\n");
    let done = crm(place, &["approve", "--campaign", &id, "--yes", "--json"])
        .expect(0)
        .json();
    assert_eq!(
        done,
        json!({"applied": 1, "skipped": 0, "failed": 0, "items": []})
    );
    host.until(&admin, &format!("/api/campaigns/{id}"), |campaign| {
        campaign["stats"]["sent_count"] == 2
    });
    let message = host.get(&admin, &at).expect(200);
    assert_eq!(message["approved_by"], "crm:tester");
    let none = crm(place, &["approve", "--all", "--yes"]).expect(0).text();
    assert_eq!(none, "0 of 0 approved, 0 skipped, 0 refused\n");
    crm(place, &["verify-history"]).expect(0);
}

#[test]
fn what_guardrails_hold_is_refused_and_told() {
    let (host, admin, id) = waiting();
    let path = format!("/api/messages?campaign_id={id}");
    let message = items(&host.get(&admin, &path).expect(200)).remove(0);
    let at = format!("/api/messages/{}", message["id"].as_str().unwrap());
    // A place that was never filled in.
    let edit = json!({"content": "Здравствуйте, {{name}}!", "version": message["version"]});
    host.call(&admin, "PATCH", &at, &edit).expect(200);
    let shown = crm(&host.directory, &["approve", "--campaign", &id])
        .expect(0)
        .text();
    assert!(
        shown.starts_with("2 would be approved, 1 of them have blocking"),
        "{shown}"
    );
    assert!(shown.contains("  blocking "), "{shown}");
    let done = crm(&host.directory, &["approve", "--campaign", &id, "--yes"])
        .expect(1)
        .text();
    assert!(
        done.starts_with("1 of 2 approved, 0 skipped, 1 refused\n"),
        "{done}"
    );
    assert!(done.contains(message["id"].as_str().unwrap()), "{done}");
}

#[test]
fn the_host_sees_what_comes_in_and_goes_on_with_its_own() {
    let host = Host::start(&[]);
    let admin = host.admin();
    // An import of the host's runs meanwhile: nobody calls it interrupted.
    let rows: String = (0..4_000)
        .map(|number| format!("P{number},p{number}@post.example\n"))
        .collect();
    let begun = host
        .upload(&admin, format!("name,email\n{rows}").as_bytes())
        .expect(202);
    let at = format!(
        "/api/contacts/imports/{}",
        begun["import_id"].as_str().unwrap()
    );
    fed(
        &host.directory,
        &["import"],
        b"name,email\nAnna,anna@post.example\n",
    )
    .expect(0);
    let done = host.until(&admin, &at, |report| {
        assert_ne!(report["status"], "failed", "{report}");
        report["status"] == "completed"
    });
    assert_eq!(done["created"], 4_000);
    let found = host.get(&admin, "/api/contacts?search=anna").expect(200);
    assert_eq!(found["items"][0]["email"], "anna@post.example");
    // An eraser of the host, an audience of ours.
    let one = format!(
        "/api/contacts/{}",
        found["items"][0]["id"].as_str().unwrap()
    );
    host.call(&admin, "DELETE", &one, &json!(null)).expect(204);
    let left = crm(&host.directory, &["audience", "count", "everybody"])
        .expect(0)
        .text();
    assert_eq!(left, "4000\n");
    crm(&host.directory, &["verify-history"]).expect(0);
}

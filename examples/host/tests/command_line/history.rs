//! `crm verify-history`: whole chains, and broken ones.

use crm_core::Workspace;
use serde_json::json;

use crate::common::Host;
use crate::common::place::{Place, Tables};
use crate::engine;
use crate::program::{crm, fed};

/// Two workspaces with a few sealed events each.
fn place() -> Place {
    let place = Place::new();
    let people = "name\nAnna\nBoris\nVera\nGleb\n";
    fed(&place, &["import"], people.as_bytes()).expect(0);
    fed(
        &place,
        &["import", "--workspace", "other"],
        people.as_bytes(),
    )
    .expect(0);
    engine::run(&place, async |engine, _| {
        // On PostgreSQL a worker does that.
        for name in ["default", "other"] {
            let workspace = Workspace::new(name).unwrap();
            engine.store().seal(&workspace, 1_000).await.unwrap();
        }
    });
    place
}

#[test]
fn a_chain_that_somebody_changed_is_found() {
    let place = place();
    let whole = crm(&place, &["verify-history"]).expect(0).text();
    let lines: Vec<_> = whole.lines().collect();
    assert_eq!(lines.len(), 2, "{whole}");
    assert!(lines[0].starts_with("workspace default: 4 events, the chain is whole; checkpoint 4:"));
    assert!(lines[1].starts_with("workspace other: 4 events, the chain is whole"));
    let kept = lines[0].rsplit(' ').next().unwrap();
    let with = |kept: &str| {
        crm(
            &place,
            &[
                "verify-history",
                "--workspace",
                "default",
                "--checkpoint",
                kept,
            ],
        )
    };
    with(kept).expect(0);
    // Of a chain that was longer, or was another one.
    let longer = kept.replacen("4:", "9:", 1);
    assert!(
        with(&longer)
            .expect(1)
            .text()
            .contains("broken at position 9 of 4 (the end is missing)")
    );
    let other = format!("4:{}", "0".repeat(64));
    assert!(
        with(&other)
            .expect(1)
            .text()
            .contains("broken at position 4 of 4 (contact ")
    );

    place.unlock_events();
    let forged = "UPDATE {}events SET actor = 'somebody' WHERE position = 3 AND workspace = \
        (SELECT key FROM {}workspaces WHERE name = 'other')";
    assert_eq!(place.change(Tables::Engine, forged), Ok(1));
    let told = crm(&place, &["verify-history"]).expect(1).text();
    assert!(
        told.contains("workspace default: 4 events, the chain is whole"),
        "{told}"
    );
    assert!(
        told.contains("workspace other: broken at position 3 of 4 (contact "),
        "{told}"
    );
    assert!(told.contains(" created, "), "{told}");
    crm(&place, &["verify-history", "--workspace", "default"]).expect(0);
    let lines = crm(&place, &["verify-history", "--json"]).expect(1).lines();
    assert_eq!(
        (
            &lines[1]["workspace"],
            &lines[1]["valid"],
            &lines[1]["first_bad"]
        ),
        (&json!("other"), &json!(false), &json!(3))
    );
    let nothing = crm(&place, &["verify-history", "--workspace", "x"]).expect(1);
    assert_eq!(nothing.err, "crm: there is nothing in workspace x\n");
    let wrong = crm(&place, &["verify-history", "--checkpoint", kept]).expect(2);
    assert!(wrong.err.contains("--workspace"), "{}", wrong.err);
    let missing = "DELETE FROM {}events WHERE position = 2 AND workspace = \
        (SELECT key FROM {}workspaces WHERE name = 'default')";
    assert_eq!(place.change(Tables::Engine, missing), Ok(1));
    let told = crm(&place, &["verify-history", "--workspace", "default"])
        .expect(1)
        .text();
    assert!(
        told.contains("broken at position 2 of 4 (the event is missing)"),
        "{told}"
    );
}

#[test]
fn its_json_is_what_http_answers() {
    let host = Host::start_in(place(), &["--no-worker"]);
    let admin = host.admin();
    let mut line = crm(
        &host.directory,
        &["verify-history", "--workspace", "default", "--json"],
    )
    .expect(0)
    .json();
    let workspace = line.as_object_mut().unwrap().remove("workspace");
    assert_eq!(workspace, Some(json!("default")));
    assert_eq!(host.get(&admin, "/api/audit/verify").expect(200), line);
}

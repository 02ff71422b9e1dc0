//! Upserts: any rows at once come to what they come to one by one, beside others who change the same contacts, too.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

mod common;
#[path = "common/shared.rs"]
mod shared;

use std::sync::Arc;

use common::{World, world, world_over};
use crm_core::contact::definition::Definitions;
use crm_core::contact::{ContactFields, ContactPatch, PatchMode};
use crm_core::engine::{Policy, UpsertOptions, UpsertOutcome, Upserted};
use crm_core::port::store::ContactQuery;
use crm_core::{ErrorKind, Role};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use shared::SharedStore;

fn patches(rows: &[Value]) -> Vec<ContactPatch> {
    rows.iter().cloned().map(ContactPatch::from).collect()
}

async fn upsert(world: &World, rows: &[Value], mode: PatchMode) -> Vec<UpsertOutcome> {
    let manager = world.manager();
    let contacts = manager.contacts();
    let options = UpsertOptions { mode };
    contacts.upsert(patches(rows), options).await.unwrap()
}

/// All contacts by their external ids.
async fn people(world: &World) -> Vec<ContactFields> {
    let page = world
        .manager()
        .contacts()
        .list(ContactQuery::default())
        .await
        .unwrap();
    let mut all: Vec<ContactFields> = page.items.into_iter().map(|one| one.fields).collect();
    all.sort_by(|a, b| a.external_id.cmp(&b.external_id));
    all
}

/// Outcomes without the ids, which differ from world to world.
fn bare(outcomes: Vec<UpsertOutcome>) -> Vec<UpsertOutcome> {
    let without = |one| UpsertOutcome { id: None, ..one };
    outcomes.into_iter().map(without).collect()
}

fn value() -> impl Strategy<Value = (&'static str, Value)> {
    let email = prop::sample::select(vec!["a@x.uz", "B@x.uz", "c@x.uz", "d@x.uz", "none"]);
    let consent =
        ("opted_in|opted_out", prop::option::of("f"), 0..9).prop_map(|(status, evidence, hour)| {
            let status = if status.len() > 8 {
                "opted_out"
            } else {
                "opted_in"
            };
            json!([{"channel": "sms", "topic": "marketing", "status": status, "evidence": evidence,
            "at": format!("2026-01-0{}T00:00:00Z", hour + 1)}])
        });
    prop_oneof![
        4 => email.prop_map(|email| ("email", json!(email))),
        1 => Just(("email", Value::Null)),
        2 => "[A-C]".prop_map(|name| ("name", json!(name))),
        1 => Just(("name", Value::Null)),
        1 => Just(("company", Value::Null)),
        2 => "[A-C]".prop_map(|company| ("company", json!(company))),
        1 => (0..3).prop_map(|level| ("custom_fields", json!({"level": level}))),
        1 => Just(("tags", json!(["x"]))),
        1 => Just(("tags", json!("x"))),
        2 => consent.prop_map(|consent| ("consent", consent)),
    ]
}

fn row() -> impl Strategy<Value = Value> {
    let id = prop::sample::select(vec![
        json!("1"),
        json!("2"),
        json!(" 2"),
        json!("3"),
        json!("4"),
        json!(7),
    ]);
    (id, any::<bool>(), prop::collection::vec(value(), 0..4)).prop_map(|(id, named, values)| {
        let mut row = Map::from_iter([("external_id".to_owned(), id)]);
        if named {
            row.insert("name".to_owned(), json!("N"));
        }
        row.extend(
            values
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value)),
        );
        row.into()
    })
}

fn mode() -> impl Strategy<Value = PatchMode> {
    prop::sample::select(vec![PatchMode::Merge, PatchMode::Replace])
}

/// One row, by the calls that there are for one contact.
async fn one_by_one(world: &World, row: &Value, mode: PatchMode) -> Upserted {
    let manager = world.manager();
    let contacts = manager.contacts();
    let patch = ContactPatch::from(row.clone());
    let Some(id) = patch.external_id() else {
        return Upserted::Refused;
    };
    let query = ContactQuery {
        external_id: Some(id.to_owned()),
        ..ContactQuery::default()
    };
    let known = contacts.list(query).await.unwrap().items.pop();
    let Ok(fields) = patch.over(
        known.as_ref().map(|known| &known.fields),
        mode,
        &Definitions::default(),
    ) else {
        return Upserted::Refused;
    };
    let done = match &known {
        None => contacts.create(fields).await.map(|_| Upserted::Created),
        Some(known) if known.fields == fields => Ok(Upserted::Unchanged),
        Some(known) => contacts
            .update(known.id, None, fields)
            .await
            .map(|_| Upserted::Updated),
    };
    done.unwrap_or_else(|error| {
        assert_eq!(error.kind(), ErrorKind::Duplicate);
        Upserted::Refused
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn rows_at_once_come_to_what_they_come_to_one_by_one(
        rows in prop::collection::vec(row(), 1..25), mode in mode(), cut in 0_usize..25,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (together, calls, apart) = (world(), world(), world());
            let at_once = upsert(&together, &rows, mode).await;
            prop_assert_eq!(at_once.len(), rows.len());
            let (first, second) = rows.split_at(cut.min(rows.len()));
            let mut in_two = upsert(&calls, first, mode).await;
            in_two.extend(upsert(&calls, second, mode).await);
            let mut reference = Vec::new();
            for row in &rows {
                reference.push(one_by_one(&apart, row, mode).await);
            }
            let outcomes: Vec<Upserted> = at_once.iter().map(|one| one.outcome).collect();
            prop_assert_eq!(outcomes, reference);
            prop_assert_eq!(people(&together).await, people(&apart).await);
            prop_assert_eq!(people(&together).await, people(&calls).await);
            prop_assert_eq!(bare(at_once), bare(in_two));
            Ok(())
        })?;
    }
}

fn anna(company: &str) -> Value {
    json!({"external_id": "1", "name": "Anna", "company": company})
}

#[tokio::test]
async fn a_contact_that_changes_under_it_is_decided_on_again() {
    let store = Arc::new(SharedStore::default());
    let world = world_over(store.clone(), Policy::default());
    upsert(&world, &[anna("A")], PatchMode::Merge).await;
    let id = world
        .manager()
        .contacts()
        .list(ContactQuery::default())
        .await
        .unwrap()
        .items[0]
        .id;
    let other = world.act("other", Role::Manager);
    store.before_next_commit(move || {
        Box::pin(async move {
            let fields = other.contacts().get(id).await.unwrap().fields;
            let fields = ContactFields {
                position: Some("Head".to_owned()),
                ..fields
            };
            other.contacts().update(id, None, fields).await.unwrap();
        })
    });
    let done = upsert(
        &world,
        &[anna("B"), json!({"external_id": "2", "name": "Boris"})],
        PatchMode::Merge,
    )
    .await;
    let outcomes: Vec<Upserted> = done.iter().map(|one| one.outcome).collect();
    assert_eq!(outcomes, [Upserted::Updated, Upserted::Created]);
    let now = world.manager().contacts().get(id).await.unwrap();
    assert_eq!(
        (now.company.as_deref(), now.position.as_deref()),
        (Some("B"), Some("Head"))
    );
    assert_eq!(now.version, 3);
}

#[tokio::test]
async fn a_contact_that_somebody_makes_meanwhile_is_the_one_that_is_changed() {
    let store = Arc::new(SharedStore::default());
    let world = world_over(store.clone(), Policy::default());
    let other = world.act("other", Role::Manager);
    store.before_next_commit(move || {
        Box::pin(async move {
            let fields = ContactFields {
                external_id: Some("1".to_owned()),
                name: "Anna P".to_owned(),
                ..ContactFields::default()
            };
            other.contacts().create(fields).await.unwrap();
        })
    });
    let done = upsert(&world, &[anna("B"), anna("C")], PatchMode::Merge).await;
    let changed: Vec<_> = done
        .iter()
        .map(|one| (one.outcome, one.changed.join(" ")))
        .collect();
    let wanted = ["name company", "company"].map(|names| (Upserted::Updated, names.to_owned()));
    assert_eq!(changed, wanted);
}

#[tokio::test]
async fn who_may_not_write_contacts_may_not_upsert() {
    let world = world();
    let viewer = world.viewer();
    let refused = viewer
        .contacts()
        .upsert(patches(&[anna("A")]), UpsertOptions::default())
        .await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Forbidden);
    assert!(upsert(&world, &[], PatchMode::Merge).await.is_empty());
    assert!(world.engine.store().workspaces().await.unwrap().is_empty());
}

#[tokio::test]
async fn neither_rows_nor_outcomes_show_what_a_person_is_known_by() {
    let world = world();
    let secret = json!({"external_id": "SECRET", "name": "SECRET\u{7}", "email": "SECRET", "company": ["SECRET"]});
    let shown = format!("{:?}", patches(std::slice::from_ref(&secret)));
    let done = upsert(&world, &[secret], PatchMode::Merge).await;
    let told = serde_json::to_string(&done).unwrap();
    assert!(
        !format!("{shown}{done:?}{told}").contains("SECRET"),
        "{told}"
    );
}

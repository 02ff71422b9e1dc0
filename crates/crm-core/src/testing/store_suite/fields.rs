//! What a workspace says about its custom fields, and finding the values that do not fit that.

use serde_json::{Value, json};
use uuid::Uuid;

use super::Case;
use super::kit::{S, everything, other_ws, put, refuse, told, ws};
use super::lists::ids;
use crate::change::Change;
use crate::contact::Contact;
use crate::contact::definition::{DefinitionFields, FieldDefinition, FieldType};
use crate::error::ErrorKind::{Conflict, Invalid, NotFound};
use crate::port::store::{ContactQuery, PageRequest};
use crate::testing::fixtures::{contact, noon};
use crate::testing::suite::{Verdict, ensure, list, same};

pub(super) fn cases() -> Vec<Case> {
    list![
        a_definition_comes_back_as_it_was_written,
        a_definition_follows_its_version,
        a_definition_goes_and_may_come_again,
        definitions_of_another_workspace_are_apart,
        values_that_do_not_fit_are_found,
    ]
}

fn definition(name: &str, version: u64) -> FieldDefinition {
    FieldDefinition {
        workspace: ws(),
        name: name.to_owned(),
        version,
        fields: DefinitionFields {
            label: Some(format!("Уровень «{version}» \\ \" \u{1f382}")),
            ..DefinitionFields::choice(["золото", "oʻrta", "\\ \" '"])
        },
        created_by: "olga".to_owned(),
        created_at: noon(),
        updated_at: noon() + chrono::Duration::microseconds(1),
    }
}

fn set(definition: &FieldDefinition) -> Change {
    Change::PutFieldDefinition(Box::new(definition.clone()))
}

fn remove(name: &str) -> Change {
    Change::DeleteFieldDefinition(name.to_owned())
}

async fn all(store: &S) -> Result<Vec<FieldDefinition>, String> {
    store.field_definitions(&ws()).await.map_err(told)
}

async fn a_definition_comes_back_as_it_was_written(store: S) -> Verdict {
    same(all(&store).await?, Vec::new(), "definitions of nobody")?;
    let plain = FieldDefinition {
        fields: DefinitionFields::of(FieldType::Number),
        ..definition("a_2", 1)
    };
    // By name, wherever they were put: `_` stands before letters.
    let wanted = vec![plain, definition("a__", 1), definition("ab", 1)];
    for row in wanted.iter().rev() {
        put(&store, |s| s.push(set(row))).await?;
    }
    same(all(&store).await?, wanted, "definitions")?;
    let spaces = store.workspaces().await.map_err(told)?;
    ensure(spaces == [ws()], "their workspace is not there")
}

async fn a_definition_follows_its_version(store: S) -> Verdict {
    refuse(&store, Conflict, |s| s.push(set(&definition("a", 2)))).await?;
    put(&store, |s| s.push(set(&definition("a", 1)))).await?;
    for wrong in [1, 3] {
        refuse(&store, Conflict, |s| s.push(set(&definition("a", wrong)))).await?;
    }
    put(&store, |s| s.push(set(&definition("b", 1)))).await?;
    put(&store, |s| s.push(set(&definition("a", 2)))).await?;
    let wanted = vec![definition("a", 2), definition("b", 1)];
    same(all(&store).await?, wanted, "definitions")
}

async fn a_definition_goes_and_may_come_again(store: S) -> Verdict {
    put(&store, |s| s.push(set(&definition("a", 1)))).await?;
    put(&store, |s| s.push(set(&definition("a", 2)))).await?;
    put(&store, |s| s.push(set(&definition("b", 1)))).await?;
    put(&store, |s| s.push(remove("a"))).await?;
    same(all(&store).await?, vec![definition("b", 1)], "what is left")?;
    refuse(&store, NotFound, |s| s.push(remove("a"))).await?;
    // Nothing of a set that fails stays.
    refuse(&store, NotFound, |s| s.push(remove("b")).push(remove("a"))).await?;
    put(&store, |s| s.push(set(&definition("a", 1)))).await?;
    let wanted = vec![definition("a", 1), definition("b", 1)];
    same(all(&store).await?, wanted, "definitions")
}

async fn definitions_of_another_workspace_are_apart(store: S) -> Verdict {
    let theirs = FieldDefinition {
        workspace: other_ws()?,
        ..definition("a", 1)
    };
    refuse(&store, Invalid, |s| s.push(set(&theirs))).await?;
    put(&store, |s| s.push(set(&definition("a", 1)))).await?;
    let found = store.field_definitions(&other_ws()?).await;
    same(found.map_err(told)?, Vec::new(), "of another workspace")
}

/// A value of each kind, and some that only look like one.
fn values() -> Vec<Value> {
    vec![
        json!(0),
        json!(-7),
        json!(12.5),
        json!(u64::MAX),
        json!(1e300),
        json!(true),
        json!(false),
        json!(""),
        json!("0"),
        json!("true"),
        json!("золото"),
        json!("ЗОЛОТО"),
        json!("42"),
        json!(42),
        json!("2024-02-29"),
        json!("2023-02-29"),
        json!("0001-01-01"),
        json!("9999-12-31"),
        json!("2024-02-29T00:00:00Z"),
        json!("soon"),
    ]
}

/// Whether a stored value is of the type, which is less than whether it would be taken: `"0"` is no number yet.
fn fits(definition: &DefinitionFields, value: &Value) -> bool {
    let read = definition.read(value) == Ok(Some(value.clone()));
    // Numbers that are too long to come in now are numbers all the same.
    read || (definition.kind == FieldType::Number && value.is_number())
}

async fn values_that_do_not_fit_are_found(store: S) -> Verdict {
    let crowd: Vec<Contact> = (1..)
        .zip(values())
        .map(|(number, value)| {
            let mut row = contact(number);
            row.fields.custom_fields = [("f".to_owned(), value)].into();
            row
        })
        .collect();
    let without = contact(1_000);
    put(&store, |s| {
        crowd
            .iter()
            .chain([&without])
            .fold(s, |s, row| s.insert_contact(row.clone()))
    })
    .await?;
    let kinds = FieldType::ALL.map(DefinitionFields::of).into_iter();
    let choice = DefinitionFields::choice(["золото", "42"]);
    for definition in kinds
        .filter(|one| one.kind != FieldType::Choice)
        .chain([choice])
    {
        let value = |row: &Contact| row.custom_fields.get("f").cloned().unwrap_or_default();
        let wanted: Vec<Uuid> = crowd
            .iter()
            .filter(|row| !fits(&definition, &value(row)))
            .map(|row| row.id.0)
            .collect();
        ensure(!wanted.is_empty(), "a case without a case")?;
        let query = ContactQuery {
            audience: Some(definition.unfitting("f")),
            page: PageRequest {
                oldest_first: true,
                ..everything()
            },
            ..ContactQuery::default()
        };
        let found = ids(&store, query).await?;
        same(
            found,
            wanted,
            &format!("what is no {}", definition.kind.as_str()),
        )?;
    }
    Ok(())
}

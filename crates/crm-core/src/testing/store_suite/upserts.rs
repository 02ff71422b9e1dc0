//! Contacts as a host's CRM knows them, many at a time, by an engine over the store.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Case;
use super::kit::{S, at, other_ws, told, ws};
use crate::actor::{Actor, Role, Workspace};
use crate::contact::{Contact, ContactPatch, PatchMode};
use crate::engine::{NewDraft, UpsertOptions, UpsertOutcome, Upserted};
use crate::message::decide::Seen;
use crate::message::history::Subject;
use crate::message::{Occasion, Status};
use crate::port::store::{ContactQuery, EventQuery, PageRequest};
use crate::testing::office::Office;
use crate::testing::suite::{Verdict, ensure, list, same};

pub(super) fn cases() -> Vec<Case> {
    list![
        upserts_create_change_and_leave_alone_in_order,
        upserts_find_by_the_external_id_alone,
        an_upsert_gives_one_e_mail_up_and_another_takes_it,
        an_upsert_of_many_rows_is_taken_in_parts,
        an_upsert_voids_what_was_approved_for_an_address,
        upserts_are_told_in_the_history,
    ]
}

async fn upsert(
    office: &Office,
    rows: Value,
    mode: PatchMode,
) -> Result<Vec<UpsertOutcome>, String> {
    let rows = rows.as_array().cloned().unwrap_or_default();
    let rows = rows.into_iter().map(ContactPatch::from).collect();
    let manager = office.manager();
    let options = UpsertOptions { mode };
    manager.contacts().upsert(rows, options).await.map_err(told)
}

/// What became of each row, with the fields that changed or were refused.
fn short(outcomes: &[UpsertOutcome]) -> Vec<(Upserted, String)> {
    let names = |one: &UpsertOutcome| {
        let refused = one.errors.iter().map(|error| error.field.clone());
        let names: Vec<String> = one.changed.iter().cloned().chain(refused).collect();
        names.join(" ")
    };
    outcomes
        .iter()
        .map(|one| (one.outcome, names(one)))
        .collect()
}

fn wanted(rows: &[(Upserted, &str)]) -> Vec<(Upserted, String)> {
    rows.iter()
        .map(|(outcome, names)| (*outcome, (*names).to_owned()))
        .collect()
}

async fn people(store: &S, workspace: &Workspace) -> Result<Vec<Contact>, String> {
    let query = ContactQuery {
        page: PageRequest {
            limit: 1_000,
            oldest_first: true,
            ..PageRequest::default()
        },
        ..ContactQuery::default()
    };
    Ok(store.contacts(workspace, query).await.map_err(told)?.items)
}

async fn upserts_create_change_and_leave_alone_in_order(store: S) -> Verdict {
    let office = Office::new(&store);
    let rows = json!([
        {"external_id": "Ў-1", "name": "Анна", "email": "ANNA@example.org", "custom_fields": {"level": 3}},
        {"external_id": "2", "name": "Boris", "phone": "901234567"},
        {"name": "Nobody"},
        {"external_id": " Ў-1 ", "company": "Chinor"},
        {"external_id": "2"},
        {"external_id": "3", "email": "no address"},
        {"external_id": "4", "name": "\u{0}", "tags": 7},
        {"external_id": "\u{0}", "name": "Zero"},
        [1, 2],
    ]);
    use Upserted::{Created, Refused, Unchanged, Updated};
    let done = upsert(&office, rows.clone(), PatchMode::Merge).await?;
    let first = wanted(&[
        (Created, ""),
        (Created, ""),
        (Refused, "external_id"),
        (Updated, "company"),
        (Unchanged, ""),
        (Refused, "name email"),
        (Refused, "tags"),
        (Refused, "external_id"),
        (Refused, "row"),
    ]);
    same(short(&done), first, "outcomes")?;
    let there = people(&store, &ws()).await?;
    same(there.len(), 2, "contacts")?;
    let ids: Vec<_> = there.iter().map(|one| Some(one.id)).collect();
    same(
        vec![at(&done, 0)?.id, at(&done, 1)?.id],
        ids.clone(),
        "ids in the order of the rows",
    )?;
    same(
        (at(&done, 3)?.id, at(&done, 4)?.id),
        (at(&done, 0)?.id, at(&done, 1)?.id),
        "ids of further rows",
    )?;
    let anna = at(&there, 0)?;
    same(
        (anna.version, anna.email.as_deref(), anna.company.as_deref()),
        (1, Some("anna@example.org"), Some("Chinor")),
        "the contact, written once",
    )?;
    same(
        at(&there, 1)?.phone.as_deref(),
        Some("+998901234567"),
        "a number of the country",
    )?;

    // The same again changes nothing.
    let again = upsert(&office, rows, PatchMode::Merge).await?;
    let outcomes: Vec<Upserted> = again.iter().map(|one| one.outcome).collect();
    same(
        outcomes,
        vec![
            Unchanged, Unchanged, Refused, Unchanged, Unchanged, Refused, Refused, Refused, Refused,
        ],
        "the second time",
    )?;
    same(people(&store, &ws()).await?, there, "contacts as they were")?;

    let replaced = json!([{"external_id": "Ў-1", "name": "Анна", "email": null}, {"external_id": "2", "name": "Boris", "phone": "+998901234567"}]);
    let done = upsert(&office, replaced, PatchMode::Replace).await?;
    same(
        short(&done),
        wanted(&[
            (Updated, "email company custom_fields.level"),
            (Unchanged, ""),
        ]),
        "replacing",
    )
}

async fn upserts_find_by_the_external_id_alone(store: S) -> Verdict {
    let office = Office::new(&store);
    let rows = json!([
        {"external_id": "1", "name": "Anna", "email": "anna@example.org", "phone": "901234567"},
        {"external_id": "2", "name": "Boris", "email": "boris@example.org"},
    ]);
    upsert(&office, rows, PatchMode::Merge).await?;
    let before = people(&store, &ws()).await?;
    let rows = json!([
        {"external_id": "3", "name": "Vera", "email": "Anna@Example.org"},
        {"external_id": "2", "email": "anna@example.org", "company": "Chinor"},
        {"external_id": "4", "name": "Gleb", "phone": "901234567"},
        {"external_id": "2", "company": "Bank"},
    ]);
    use Upserted::{Created, Refused, Updated};
    let done = upsert(&office, rows, PatchMode::Merge).await?;
    same(
        short(&done),
        wanted(&[
            (Refused, "email"),
            (Refused, "email"),
            (Created, ""),
            (Updated, "company"),
        ]),
        "outcomes",
    )?;
    same(
        (
            at(&done, 0)?.code.as_deref(),
            at(&done, 0)?.id,
            at(&done, 1)?.id,
        ),
        (Some("duplicate"), None, Some(at(&before, 1)?.id)),
        "whom refused rows are about",
    )?;
    let now = people(&store, &ws()).await?;
    same(
        (
            now.len(),
            at(&now, 0)?,
            at(&now, 1)?.company.as_deref(),
            at(&now, 1)?.email.as_deref(),
        ),
        (3, at(&before, 0)?, Some("Bank"), Some("boris@example.org")),
        "contacts",
    )?;
    // Keys are of a workspace.
    let theirs = Actor::new(other_ws()?, "olga", Role::Manager);
    let row =
        ContactPatch::from(json!({"external_id": "1", "name": "Ada", "email": "anna@example.org"}));
    let done = office
        .engine()
        .act_as(theirs)
        .contacts()
        .upsert(vec![row], UpsertOptions::default())
        .await
        .map_err(told)?;
    same(at(&done, 0)?.outcome, Created, "in another workspace")?;
    same(people(&store, &ws()).await?, now, "contacts of this one")
}

async fn an_upsert_gives_one_e_mail_up_and_another_takes_it(store: S) -> Verdict {
    let office = Office::new(&store);
    let rows = json!([
        {"external_id": "1", "name": "Anna", "email": "a@example.org"},
        {"external_id": "2", "name": "Boris", "email": "b@example.org"},
        {"external_id": "3", "name": "Vera", "email": "c@example.org"},
    ]);
    upsert(&office, rows, PatchMode::Merge).await?;
    // Two swap, by a third address; what is taken is refused until it is given up.
    let rows = json!([
        {"external_id": "1", "email": "b@example.org"},
        {"external_id": "1", "email": "t@example.org"},
        {"external_id": "2", "email": "a@example.org"},
        {"external_id": "1", "email": "b@example.org"},
        {"external_id": "3", "email": "t@example.org"},
        {"external_id": "3", "email": "c@example.org"},
        {"external_id": "4", "name": "Gleb", "email": "t@example.org"},
    ]);
    use Upserted::{Created, Refused, Updated};
    let done = upsert(&office, rows, PatchMode::Merge).await?;
    let email = (Updated, "email");
    same(
        short(&done),
        wanted(&[
            (Refused, "email"),
            email,
            email,
            email,
            email,
            email,
            (Created, ""),
        ]),
        "outcomes",
    )?;
    let emails: Vec<_> = people(&store, &ws())
        .await?
        .iter()
        .map(|one| one.email.clone())
        .collect();
    let wanted = ["b", "a", "c", "t"].map(|name| Some(format!("{name}@example.org")));
    same(emails, wanted.to_vec(), "addresses")
}

async fn an_upsert_of_many_rows_is_taken_in_parts(store: S) -> Verdict {
    let office = Office::new(&store);
    let row = |number: usize, company: &str| {
        let id = number % 1_100;
        json!({"external_id": format!("k{id}"), "name": format!("Person {id}"), "company": company})
    };
    let rows: Vec<Value> = (0..1_100)
        .map(|n| row(n, "A"))
        .chain((0..1_100).map(|n| row(n, "B")))
        .collect();
    let done = upsert(&office, rows.into(), PatchMode::Merge).await?;
    let created = done
        .iter()
        .take_while(|one| one.outcome == Upserted::Created)
        .count();
    let updated = done
        .iter()
        .skip(created)
        .filter(|one| one.changed == ["company"])
        .count();
    same((created, updated), (1_100, 1_100), "outcomes")?;
    let (first, second) = done.split_at(1_100);
    ensure(
        first.iter().zip(second).all(|(a, b)| a.id == b.id),
        "rows with the same key are of one contact",
    )
}

async fn an_upsert_voids_what_was_approved_for_an_address(store: S) -> Verdict {
    let office = Office::new(&store);
    let manager = office.manager();
    let row =
        json!({"external_id": "1", "name": "Anna", "email": "a@example.org", "company": "Chinor"});
    let made = upsert(&office, json!([row]), PatchMode::Merge).await?;
    let id = at(&made, 0)?.id.ok_or("a created contact has an id")?;
    let draft = NewDraft::new(
        id,
        Occasion::Custom,
        "Приходите к нам в пятницу, будем рады.",
    );
    let draft = manager.messages().create(draft).await.map_err(told)?;
    let approved = manager
        .approvals()
        .approve(draft.id, Seen::of(&draft))
        .await
        .map_err(told)?;
    let row = |field: &str, value: &str| {
        let said = [("external_id", "1"), (field, value)];
        json!(BTreeMap::from(said))
    };
    for (row, status, recipient) in [
        (row("company", "Bank"), Status::Approved, "a@example.org"),
        (
            row("email", "A@example.org"),
            Status::Approved,
            "a@example.org",
        ),
        (
            row("email", "b@example.org"),
            Status::PendingApproval,
            "b@example.org",
        ),
    ] {
        upsert(&office, json!([row]), PatchMode::Merge).await?;
        let now = manager.messages().get(approved.id).await.map_err(told)?;
        same(
            (now.status, now.recipient.as_str()),
            (status, recipient),
            "the message",
        )?;
    }
    Ok(())
}

async fn upserts_are_told_in_the_history(store: S) -> Verdict {
    let office = Office::new(&store);
    let row = |company: &str| json!([{"external_id": "1", "name": "Anna", "company": company}]);
    let made = upsert(&office, row("A"), PatchMode::Merge).await?;
    for company in ["A", "B"] {
        upsert(&office, row(company), PatchMode::Merge).await?;
    }
    let id = at(&made, 0)?.id.ok_or("a created contact has an id")?;
    let query = EventQuery {
        subject: Some((Subject::Contact, id.0)),
        ..EventQuery::default()
    };
    let events = store.events(&ws(), query).await.map_err(told)?;
    let told: Vec<_> = events
        .iter()
        .map(|stored| {
            (
                stored.event.action.as_str(),
                stored.event.reason.as_deref(),
                stored.event.version,
            )
        })
        .collect();
    same(
        told,
        vec![
            ("created", Some("upsert"), 1),
            ("edited", Some("upsert: company"), 2),
        ],
        "events",
    )
}

//! Contacts by what they are known by, and what imports changed of them.

use std::collections::BTreeSet;

use super::Case;
use super::kit::{S, other_ws, put, refuse, told, ws};
use crate::change::{Change, ChangeSet};
use crate::contact::{Contact, ContactFields};
use crate::error::ErrorKind::Invalid;
use crate::id::{ContactId, ImportId};
use crate::import::ImportUpdate;
use crate::port::store::{ContactKeys, SHARED_PHONE};
use crate::testing::fixtures::contact;
use crate::testing::ids::nth;
use crate::testing::suite::{Verdict, ensure, list, same};

pub(super) fn cases() -> Vec<Case> {
    list![
        contacts_are_found_by_any_of_their_keys,
        of_many_keys_those_that_are_there_are_found,
        of_a_shared_phone_the_first_are_found,
        what_an_import_changed_comes_back_as_it_was_written,
        what_an_import_changed_goes_with_the_person,
    ]
}

fn person(number: u64, fields: impl FnOnce(&mut ContactFields)) -> Contact {
    let mut row = contact(number);
    row.fields.external_id = None;
    row.fields.email = None;
    row.fields.phone = None;
    fields(&mut row.fields);
    row
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

async fn found(store: &S, keys: ContactKeys) -> Result<BTreeSet<ContactId>, String> {
    let rows = store.contacts_by_keys(&ws(), keys).await.map_err(told)?;
    let ids: BTreeSet<ContactId> = rows.iter().map(|row| row.id).collect();
    if ids.len() == rows.len() {
        Ok(ids)
    } else {
        Err("a contact is there twice".to_owned())
    }
}

fn ids(numbers: &[u64]) -> BTreeSet<ContactId> {
    numbers.iter().map(|number| contact(*number).id).collect()
}

async fn contacts_are_found_by_any_of_their_keys(store: S) -> Verdict {
    let nothing = ContactKeys {
        ids: vec![contact(1).id],
        emails: vec!["a@example.org".to_owned()],
        ..ContactKeys::default()
    };
    same(found(&store, nothing).await?, ids(&[]), "of an empty store")?;
    let people = [
        person(1, |f| f.external_id = text("ID-1")),
        person(2, |f| f.email = text("анна@почта.рф")),
        person(3, |f| f.phone = text("+998901234567")),
        person(4, |f| {
            f.external_id = text("Ў-4");
            f.email = text("b@example.org");
            f.phone = text("+998901234568");
        }),
        person(5, |f| f.phone = text("+998901234567")),
    ];
    for row in &people {
        put(&store, |s| s.insert_contact(row.clone())).await?;
    }
    let mut erased = people[4].erased(people[4].updated_at);
    erased.version = 2;
    put(&store, |s| s.update_contact(&people[4], erased)).await?;

    let keys = ContactKeys {
        ids: vec![contact(3).id, contact(5).id, contact(77).id],
        external_ids: vec!["Ў-4".to_owned(), "id-1".to_owned(), String::new()],
        emails: vec!["АННА@почта.рф".to_owned(), "B@EXAMPLE.org".to_owned()],
        phones: vec!["+998901234567".to_owned(), "%".to_owned(), "\0".to_owned()],
    };
    same(found(&store, keys).await?, ids(&[2, 3, 4, 5]), "by keys")?;
    let exact = ContactKeys {
        external_ids: vec!["ID-1".to_owned(), "ID-1".to_owned()],
        phones: vec!["+998901234568".to_owned(), "901234567".to_owned()],
        ..ContactKeys::default()
    };
    same(found(&store, exact).await?, ids(&[1, 4]), "by exact keys")?;
    let none = found(&store, ContactKeys::default()).await?;
    same(none, ids(&[]), "without a key")?;
    let theirs = ContactKeys {
        ids: vec![contact(1).id],
        phones: vec!["+998901234567".to_owned()],
        ..ContactKeys::default()
    };
    let theirs = store
        .contacts_by_keys(&other_ws()?, theirs)
        .await
        .map_err(told)?;
    ensure(theirs.is_empty(), "another workspace's contacts are found")?;
    // Whole rows come, not ids alone.
    let one = ContactKeys {
        ids: vec![contact(4).id],
        ..ContactKeys::default()
    };
    let rows = store.contacts_by_keys(&ws(), one).await.map_err(told)?;
    same(rows, vec![people[3].clone()], "row")
}

async fn of_many_keys_those_that_are_there_are_found(store: S) -> Verdict {
    let there: Vec<u64> = (1..=9).chain([12, 13, 20, 21, 37]).collect();
    for &number in &there {
        let row = person(number, |f| {
            f.external_id = Some(format!("key-{number}"));
            f.email = Some(format!("key{number}@example.org"));
            f.phone = Some(format!("+9989000000{number:02}"));
        });
        put(&store, |s| s.insert_contact(row)).await?;
    }
    // Before the first, between the others and behind the last; in no order, some twice.
    let asked: Vec<u64> = (0..60).map(|at| at * 37 % 50).collect();
    let keys = |of: fn(u64) -> String| asked.iter().map(|number| of(*number)).collect();
    let all = ids(&there);
    let by_id = ContactKeys {
        ids: asked.iter().map(|number| contact(*number).id).collect(),
        ..ContactKeys::default()
    };
    same(found(&store, by_id).await?, all.clone(), "by id")?;
    let by_external_id = ContactKeys {
        external_ids: keys(|number| format!("key-{number}")),
        ..ContactKeys::default()
    };
    same(
        found(&store, by_external_id).await?,
        all.clone(),
        "by external id",
    )?;
    let by_email = ContactKeys {
        emails: keys(|number| format!("KEY{number}@example.org")),
        ..ContactKeys::default()
    };
    same(found(&store, by_email).await?, all.clone(), "by e-mail")?;
    let by_phone = ContactKeys {
        phones: keys(|number| format!("+9989000000{number:02}")),
        ..ContactKeys::default()
    };
    same(found(&store, by_phone).await?, all, "by phone")
}

async fn of_a_shared_phone_the_first_are_found(store: S) -> Verdict {
    let many = u64::from(SHARED_PHONE) + 5;
    for number in (1..=many).rev() {
        let row = person(number, |f| f.phone = text("+998712000000"));
        put(&store, |s| s.insert_contact(row)).await?;
    }
    let keys = ContactKeys {
        phones: vec!["+998712000000".to_owned()],
        ..ContactKeys::default()
    };
    let first: Vec<u64> = (1..=u64::from(SHARED_PHONE)).collect();
    same(found(&store, keys).await?, ids(&first), "of a shared phone")
}

fn update(import: u64, number: u64, version: u64) -> ImportUpdate {
    let mut before = contact(number).fields;
    before.company = text("Oʻzbekiston \"Ёқилғи\"");
    ImportUpdate {
        workspace: ws(),
        import_id: ImportId(nth(import)),
        contact_id: contact(number).id,
        version,
        before,
    }
}

fn kept(update: &ImportUpdate) -> Change {
    Change::PutImportUpdate(Box::new(update.clone()))
}

async fn listed(
    store: &S,
    import: u64,
    after: Option<ContactId>,
    limit: u32,
) -> Result<Vec<ImportUpdate>, String> {
    let import = ImportId(nth(import));
    store
        .import_updates(&ws(), import, after, limit)
        .await
        .map_err(told)
}

async fn what_an_import_changed_comes_back_as_it_was_written(store: S) -> Verdict {
    same(
        listed(&store, 900, None, 0).await?,
        vec![],
        "of an empty store",
    )?;
    let (a, b, c) = (update(900, 1, 2), update(900, 2, 5), update(901, 1, 3));
    put(&store, |s| s.push(kept(&b)).push(kept(&a))).await?;
    put(&store, |s| s.push(kept(&c))).await?;
    same(
        store.workspaces().await.map_err(told)?,
        vec![ws()],
        "workspaces",
    )?;
    same(
        listed(&store, 900, None, 10).await?,
        vec![a.clone(), b.clone()],
        "rows",
    )?;
    same(
        listed(&store, 900, None, 1).await?,
        vec![a.clone()],
        "the first",
    )?;
    same(
        listed(&store, 900, Some(a.contact_id), 1).await?,
        vec![b.clone()],
        "the next",
    )?;
    same(
        listed(&store, 900, Some(b.contact_id), 1).await?,
        vec![],
        "behind the last",
    )?;
    same(
        listed(&store, 902, None, 1).await?,
        vec![],
        "of another import",
    )?;

    // Of a further change of the same contact only the version counts, in one set, too.
    let mut later = update(900, 1, 7);
    later.before.company = None;
    let mut last = later.clone();
    last.version = 8;
    put(&store, |s| s.push(kept(&later)).push(kept(&last))).await?;
    let merged = ImportUpdate { version: 8, ..a };
    same(
        listed(&store, 900, None, 10).await?,
        vec![merged, b.clone()],
        "after a further change",
    )?;

    let gone = |import: u64, number: u64| Change::DeleteImportUpdate {
        import_id: ImportId(nth(import)),
        contact_id: contact(number).id,
    };
    put(&store, |s| s.push(gone(900, 1)).push(gone(900, 77))).await?;
    same(
        listed(&store, 900, None, 10).await?,
        vec![b],
        "after one was forgotten",
    )?;
    same(
        listed(&store, 901, None, 10).await?,
        vec![c],
        "of the other import",
    )?;
    let theirs = ImportUpdate {
        workspace: other_ws()?,
        ..update(900, 3, 2)
    };
    refuse(&store, Invalid, |s| s.push(kept(&theirs))).await
}

async fn what_an_import_changed_goes_with_the_person(store: S) -> Verdict {
    for number in [1, 2] {
        put(&store, |s| s.insert_contact(contact(number))).await?;
    }
    let mut set = ChangeSet::new(ws());
    for (import, number) in [(900, 1), (901, 1), (900, 2)] {
        set.push(kept(&update(import, number, 2)));
    }
    for result in store.commit(vec![set]).await.map_err(told)? {
        result.map_err(told)?;
    }
    put(&store, |s| s.push(Change::EraseTexts(contact(1).id))).await?;
    same(
        listed(&store, 900, None, 10).await?,
        vec![update(900, 2, 2)],
        "what is left",
    )?;
    same(
        listed(&store, 901, None, 10).await?,
        vec![],
        "of the other import",
    )
}

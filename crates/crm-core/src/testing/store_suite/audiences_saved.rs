//! Audiences that are saved under names.

use uuid::Uuid;

use super::Case;
use super::kit::{S, other_ws, put, refuse, told, ws};
use crate::audience::Audience;
use crate::audience::saved::{SavedAudience, SavedAudienceFields};
use crate::change::Change;
use crate::error::ErrorKind::{Conflict, Duplicate, Invalid, NotFound};
use crate::id::SavedAudienceId;
use crate::port::store::ContactQuery;
use crate::testing::fixtures::noon;
use crate::testing::suite::{Verdict, ensure, list, same};

pub(super) fn cases() -> Vec<Case> {
    list![
        a_saved_audience_comes_back_as_it_was_written,
        a_saved_audience_follows_its_version,
        a_name_is_taken_in_any_case,
        a_saved_audience_goes,
        saved_audiences_of_another_workspace_are_apart,
        a_store_looks_none_up,
    ]
}

fn id(number: u128) -> SavedAudienceId {
    SavedAudienceId(Uuid::from_u128(number))
}

fn saved(number: u128, name: &str, version: u64) -> SavedAudience {
    let text = "tag = \"oʻrta \\\" 'x\" and field.sum >= 1e16 and not message sent within 30d";
    SavedAudience {
        workspace: ws(),
        id: id(number),
        version,
        fields: SavedAudienceFields {
            name: name.to_owned(),
            description: (version > 1).then(|| format!("Кто «тратит» \\ \" \u{1f382} {version}")),
            audience: Audience::from_text(text).unwrap_or_else(|_| Audience::nobody()),
        },
        created_by: "olga".to_owned(),
        created_at: noon(),
        updated_at: noon() + chrono::Duration::microseconds(1),
    }
}

fn insert(row: &SavedAudience) -> Change {
    Change::InsertSavedAudience(Box::new(row.clone()))
}

fn update(row: &SavedAudience) -> Change {
    Change::UpdateSavedAudience(Box::new(row.clone()))
}

async fn all(store: &S) -> Result<Vec<SavedAudience>, String> {
    store.saved_audiences(&ws()).await.map_err(told)
}

async fn a_saved_audience_comes_back_as_it_was_written(store: S) -> Verdict {
    same(all(&store).await?, Vec::new(), "saved by nobody")?;
    // By name without case, whatever their ids are.
    let wanted = vec![
        saved(3, "a b", 1),
        saved(1, "AB", 2),
        saved(2, "Ёлка", 1),
        saved(4, "ўзбек", 1),
    ];
    let mut sorted = wanted.clone();
    sorted.sort_by_key(SavedAudience::name_key);
    for row in wanted.iter().rev() {
        put(&store, |s| s.push(insert(row))).await?;
    }
    same(all(&store).await?, sorted, "saved audiences")?;
    let spaces = store.workspaces().await.map_err(told)?;
    ensure(spaces == [ws()], "their workspace is not there")
}

async fn a_saved_audience_follows_its_version(store: S) -> Verdict {
    refuse(&store, NotFound, |s| s.push(update(&saved(1, "a", 2)))).await?;
    put(&store, |s| s.push(insert(&saved(1, "a", 1)))).await?;
    for wrong in [1, 3] {
        let row = saved(1, "a", wrong);
        refuse(&store, Conflict, |s| s.push(update(&row))).await?;
    }
    put(&store, |s| s.push(insert(&saved(2, "b", 1)))).await?;
    put(&store, |s| s.push(update(&saved(1, "c", 2)))).await?;
    let wanted = vec![saved(2, "b", 1), saved(1, "c", 2)];
    same(all(&store).await?, wanted, "saved audiences")
}

async fn a_name_is_taken_in_any_case(store: S) -> Verdict {
    put(&store, |s| s.push(insert(&saved(1, "Большие  Клиенты", 1)))).await?;
    put(&store, |s| s.push(insert(&saved(2, "b", 1)))).await?;
    for taken in ["Большие  Клиенты", "БОЛЬШИЕ клиенты"] {
        let (new, other) = (saved(3, taken, 1), saved(2, taken, 2));
        refuse(&store, Duplicate, |s| s.push(insert(&new))).await?;
        refuse(&store, Duplicate, |s| s.push(update(&other))).await?;
    }
    refuse(&store, Duplicate, |s| s.push(insert(&saved(1, "z", 1)))).await?;
    // Its own name it may write in another case, and a name that was given up is free.
    put(&store, |s| s.push(update(&saved(1, "большие клиенты", 2)))).await?;
    put(&store, |s| s.push(update(&saved(1, "y", 3)))).await?;
    put(&store, |s| s.push(update(&saved(2, "Большие клиенты", 2)))).await?;
    let wanted = vec![saved(1, "y", 3), saved(2, "Большие клиенты", 2)];
    same(all(&store).await?, wanted, "saved audiences")
}

async fn a_saved_audience_goes(store: S) -> Verdict {
    put(&store, |s| s.push(insert(&saved(1, "a", 1)))).await?;
    put(&store, |s| s.push(insert(&saved(2, "b", 1)))).await?;
    let remove = |number| Change::DeleteSavedAudience(id(number));
    put(&store, |s| s.push(remove(1))).await?;
    refuse(&store, NotFound, |s| s.push(remove(1))).await?;
    refuse(&store, NotFound, |s| s.push(remove(2)).push(remove(1))).await?;
    same(all(&store).await?, vec![saved(2, "b", 1)], "what is left")?;
    put(&store, |s| s.push(insert(&saved(3, "A", 1)))).await
}

async fn saved_audiences_of_another_workspace_are_apart(store: S) -> Verdict {
    let theirs = SavedAudience {
        workspace: other_ws()?,
        ..saved(1, "a", 1)
    };
    refuse(&store, Invalid, |s| s.push(insert(&theirs))).await?;
    put(&store, |s| s.push(insert(&saved(1, "a", 1)))).await?;
    let found = store.saved_audiences(&other_ws()?).await;
    same(found.map_err(told)?, Vec::new(), "of another workspace")
}

async fn a_store_looks_none_up(store: S) -> Verdict {
    put(&store, |s| s.push(insert(&saved(1, "a", 1)))).await?;
    let named = Audience::Saved("a".to_owned());
    for audience in [named.clone(), Audience::Not(Box::new(named))] {
        let query = ContactQuery {
            audience: Some(audience),
            ..ContactQuery::default()
        };
        let refused = store.contacts(&ws(), query).await.err();
        same(refused.map(|error| error.kind()), Some(Invalid), "refusal")?;
    }
    Ok(())
}

//! The intake: kept in order, settled once, a key applied once.

use serde_json::{Value, json};

use super::Case;
use super::kit::{S, commit, contact_of, other_ws, put, refuse, told, ws};
use crate::actor::Workspace;
use crate::change::{Change, ChangeSet};
use crate::error::ErrorKind::{Conflict, Duplicate, Invalid, NotFound};
use crate::id::{ContactId, MessageId};
use crate::intake::{IntakeRow, IntakeState, NewIntake, Settlement};
use crate::port::store::IntakeQuery;
use crate::testing::fixtures::{contact, noon};
use crate::testing::ids::nth;
use crate::testing::suite::{Verdict, ensure, list, same};

pub(super) fn cases() -> Vec<Case> {
    list![
        intake_comes_back_as_it_was_put_in,
        intake_is_listed_in_order,
        intake_is_found_by_key_and_state,
        an_intake_key_may_repeat,
        intake_is_settled_and_emptied,
        intake_is_settled_once,
        settling_an_unknown_row_is_not_found,
        an_applied_key_is_not_applied_again,
        a_rejected_key_may_be_applied,
        intake_keys_of_workspaces_are_apart,
        a_refused_settlement_leaves_nothing,
        intake_of_another_workspace_is_refused,
        a_workspace_that_holds_only_intake_is_listed,
    ]
}

fn new(key: &str) -> NewIntake {
    NewIntake {
        workspace: ws(),
        key: key.to_owned(),
        kind: "submit".to_owned(),
        payload: json!({"external_id": "crm-1", "content": format!("Анна, ура! 🎉 {key}")}),
        created_at: noon(),
    }
}

fn insert(new: NewIntake) -> Change {
    Change::InsertIntake(Box::new(new))
}

fn finish(seq: u64, state: IntakeState) -> Change {
    Change::FinishIntake(Settlement {
        workspace: ws(),
        seq,
        state,
        reason: None,
        message_id: None,
        contact_id: None,
        settled_at: noon(),
    })
}

async fn rows(
    store: &S,
    workspace: &Workspace,
    query: IntakeQuery,
) -> Result<Vec<IntakeRow>, String> {
    store.intake(workspace, query).await.map_err(told)
}

/// Puts rows of these keys in; their places.
async fn filled<const N: usize>(store: &S, keys: [&str; N]) -> Result<[u64; N], String> {
    for key in keys {
        let mut set = ChangeSet::new(ws());
        set.push(insert(new(key)));
        commit(store, set).await?.map_err(told)?;
    }
    let query = IntakeQuery {
        oldest_first: true,
        ..IntakeQuery::default()
    };
    let found: Vec<u64> = rows(store, &ws(), query)
        .await?
        .iter()
        .map(|row| row.seq)
        .collect();
    found
        .try_into()
        .map_err(|found| format!("found {found:?} for {N} rows"))
}

fn places(rows: &[IntakeRow]) -> Vec<u64> {
    rows.iter().map(|row| row.seq).collect()
}

async fn intake_comes_back_as_it_was_put_in(store: S) -> Verdict {
    let mut row = new("order-17/Ёж");
    row.kind = "what nobody knows".to_owned();
    row.payload = json!({
        "deep": [{"a": null, "b": [true, -1, 0.5, 9_007_199_254_740_993_u64]}], "text": "a\"b\\\n'",
    });
    put(&store, |s| s.push(insert(row.clone()))).await?;
    let found = rows(&store, &ws(), IntakeQuery::default()).await?;
    let [found] = found.as_slice() else {
        return Err(format!("found {} rows", found.len()).into());
    };
    let wanted = IntakeRow {
        workspace: ws(),
        seq: found.seq,
        key: row.key,
        kind: row.kind,
        payload: row.payload,
        created_at: noon(),
        state: IntakeState::Waiting,
        reason: None,
        message_id: None,
        contact_id: None,
        settled_at: None,
    };
    ensure(*found == wanted, "the row is not what was put in")
}

async fn intake_is_listed_in_order(store: S) -> Verdict {
    let [a, b, c, d] = filled(&store, ["d", "c", "b", "a"]).await?;
    ensure(a < b && b < c && c < d, "places do not grow")?;
    let page = |oldest_first, after, limit| IntakeQuery {
        after,
        oldest_first,
        limit,
        ..IntakeQuery::default()
    };
    let found = rows(&store, &ws(), page(true, None, 2)).await?;
    same(places(&found), vec![a, b], "the first two")?;
    let found = rows(&store, &ws(), page(true, Some(b), 10)).await?;
    same(places(&found), vec![c, d], "behind them")?;
    let found = rows(&store, &ws(), page(false, None, 3)).await?;
    same(places(&found), vec![d, c, b], "the last three")?;
    let found = rows(&store, &ws(), page(false, Some(b), 10)).await?;
    same(places(&found), vec![a], "before them")?;
    let found = rows(&store, &other_ws()?, page(true, None, 10)).await?;
    same(places(&found), vec![], "of another workspace")
}

async fn intake_is_found_by_key_and_state(store: S) -> Verdict {
    let [a, b, c] = filled(&store, ["one", "two", "one"]).await?;
    put(&store, |s| s.push(finish(a, IntakeState::Applied))).await?;
    let query = |key: Option<&str>, state| IntakeQuery {
        state,
        key: key.map(str::to_owned),
        oldest_first: true,
        ..IntakeQuery::default()
    };
    for (key, state, wanted) in [
        (Some("one"), None, vec![a, c]),
        (Some("one"), Some(IntakeState::Applied), vec![a]),
        (Some("two"), Some(IntakeState::Applied), vec![]),
        (None, Some(IntakeState::Waiting), vec![b, c]),
        (Some("on"), None, vec![]),
        (Some("ONE"), None, vec![]),
    ] {
        let found = rows(&store, &ws(), query(key, state)).await?;
        same(places(&found), wanted, &format!("{key:?} {state:?}"))?;
    }
    Ok(())
}

async fn an_intake_key_may_repeat(store: S) -> Verdict {
    put(&store, |s| s.push(insert(new("a"))).push(insert(new("a")))).await?;
    put(&store, |s| s.push(insert(new("a")))).await?;
    let found = rows(&store, &ws(), IntakeQuery::default()).await?;
    same(found.len(), 3, "rows of one key")
}

async fn intake_is_settled_and_emptied(store: S) -> Verdict {
    let [a, b] = filled(&store, ["a", "b"]).await?;
    let settlement = Settlement {
        workspace: ws(),
        seq: a,
        state: IntakeState::Rejected,
        reason: Some("content: is missing".to_owned()),
        message_id: Some(MessageId(nth(1))),
        contact_id: Some(ContactId(nth(2))),
        settled_at: noon(),
    };
    let change = Change::FinishIntake(settlement.clone());
    put(&store, |s| s.push(change)).await?;
    let found = rows(&store, &ws(), IntakeQuery::default()).await?;
    let [other, row] = found.as_slice() else {
        return Err(format!("found {} rows", found.len()).into());
    };
    same(
        (other.seq, other.state, &other.payload),
        (b, IntakeState::Waiting, &new("b").payload),
        "the other row",
    )?;
    let wanted = IntakeRow {
        workspace: ws(),
        seq: a,
        key: "a".to_owned(),
        kind: "submit".to_owned(),
        payload: Value::Null,
        created_at: noon(),
        state: settlement.state,
        reason: settlement.reason,
        message_id: settlement.message_id,
        contact_id: settlement.contact_id,
        settled_at: Some(noon()),
    };
    ensure(*row == wanted, "the row is not as it was settled")
}

async fn intake_is_settled_once(store: S) -> Verdict {
    let [a] = filled(&store, ["a"]).await?;
    put(&store, |s| s.push(finish(a, IntakeState::Rejected))).await?;
    for state in [IntakeState::Applied, IntakeState::Rejected] {
        refuse(&store, Conflict, |s| s.push(finish(a, state))).await?;
    }
    let found = rows(&store, &ws(), IntakeQuery::default()).await?;
    let states: Vec<_> = found.iter().map(|row| row.state).collect();
    same(states, vec![IntakeState::Rejected], "states")
}

async fn settling_an_unknown_row_is_not_found(store: S) -> Verdict {
    let [a] = filled(&store, ["a"]).await?;
    let unknown = finish(a + 1, IntakeState::Applied);
    refuse(&store, NotFound, |s| s.push(unknown)).await?;
    let mut foreign = ChangeSet::new(other_ws()?);
    foreign.push(Change::FinishIntake(Settlement {
        workspace: other_ws()?,
        seq: a,
        state: IntakeState::Applied,
        reason: None,
        message_id: None,
        contact_id: None,
        settled_at: noon(),
    }));
    let Err(error) = commit(&store, foreign).await? else {
        return Err("a row of another workspace was settled".into());
    };
    same(error.kind(), NotFound, "kind of refusal")
}

async fn an_applied_key_is_not_applied_again(store: S) -> Verdict {
    let [a, b, c] = filled(&store, ["a", "a", "a"]).await?;
    put(&store, |s| s.push(finish(a, IntakeState::Applied))).await?;
    refuse(&store, Duplicate, |s| {
        s.push(finish(b, IntakeState::Applied))
    })
    .await?;
    put(&store, |s| {
        s.push(finish(b, IntakeState::Duplicate))
            .push(finish(c, IntakeState::Duplicate))
    })
    .await
}

async fn a_rejected_key_may_be_applied(store: S) -> Verdict {
    let [a, b, c] = filled(&store, ["a", "a", "a"]).await?;
    put(&store, |s| s.push(finish(a, IntakeState::Rejected))).await?;
    put(&store, |s| s.push(finish(b, IntakeState::Rejected))).await?;
    put(&store, |s| s.push(finish(c, IntakeState::Applied))).await
}

async fn intake_keys_of_workspaces_are_apart(store: S) -> Verdict {
    let [a] = filled(&store, ["a"]).await?;
    put(&store, |s| s.push(finish(a, IntakeState::Applied))).await?;
    let other = other_ws()?;
    let mut set = ChangeSet::new(other.clone());
    set.push(insert(NewIntake {
        workspace: other.clone(),
        ..new("a")
    }));
    commit(&store, set).await?.map_err(told)?;
    let found = rows(&store, &other, IntakeQuery::default()).await?;
    let [row] = found.as_slice() else {
        return Err(format!("found {} rows", found.len()).into());
    };
    let mut set = ChangeSet::new(other.clone());
    set.push(Change::FinishIntake(Settlement {
        workspace: other,
        seq: row.seq,
        state: IntakeState::Applied,
        reason: None,
        message_id: None,
        contact_id: None,
        settled_at: noon(),
    }));
    Ok(commit(&store, set).await?.map_err(told)?)
}

async fn a_refused_settlement_leaves_nothing(store: S) -> Verdict {
    let [a] = filled(&store, ["a"]).await?;
    put(&store, |s| s.push(finish(a, IntakeState::Rejected))).await?;
    let person = contact(1);
    refuse(&store, Conflict, |s| {
        s.insert_contact(person.clone())
            .push(insert(new("b")))
            .push(finish(a, IntakeState::Applied))
    })
    .await?;
    same(contact_of(&store, person.id).await?, None, "the contact")?;
    let found = rows(&store, &ws(), IntakeQuery::default()).await?;
    same(places(&found), vec![a], "rows")
}

async fn intake_of_another_workspace_is_refused(store: S) -> Verdict {
    let foreign = NewIntake {
        workspace: other_ws()?,
        ..new("a")
    };
    refuse(&store, Invalid, |s| s.push(insert(foreign))).await?;
    let found = rows(&store, &other_ws()?, IntakeQuery::default()).await?;
    same(places(&found), vec![], "rows")
}

async fn a_workspace_that_holds_only_intake_is_listed(store: S) -> Verdict {
    for name in ["zeta", "other", "eta", "other"] {
        let workspace = Workspace::new(name).map_err(told)?;
        let mut set = ChangeSet::new(workspace.clone());
        set.push(insert(NewIntake {
            workspace,
            ..new("a")
        }));
        commit(&store, set).await?.map_err(told)?;
    }
    put(&store, |s| s.insert_contact(contact(1))).await?;
    let found = store.workspaces().await.map_err(told)?;
    let names: Vec<&str> = found.iter().map(Workspace::as_str).collect();
    same(names, vec!["default", "eta", "other", "zeta"], "workspaces")
}

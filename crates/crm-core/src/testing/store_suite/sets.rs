//! Change sets as wholes: preconditions, atomicity, independence, order.

use super::Case;
use super::changes::{bare, plan_query};
use super::kit::{
    S, commit, contact_of, message_of, next_contact, other_ws, put, refuse, set, told, ws,
};
use crate::change::{Change, ChangeSet, Precondition};
use crate::error::ErrorKind::{Conflict, Duplicate, NotFound};
use crate::id::ContactId;
use crate::message::history::Subject;
use crate::port::store::{CampaignQuery, EventQuery, SuppressionQuery, TemplateQuery};
use crate::testing::fixtures::{
    approval, attempt, campaign, contact, event, message, plan_row, suppression, template,
};
use crate::testing::ids::nth;
use crate::testing::suite::{Verdict, ensure, list, same};

pub(super) fn cases() -> Vec<Case> {
    list![
        precondition_on_contact,
        precondition_on_campaign,
        precondition_on_suppression,
        a_failed_set_leaves_nothing,
        a_failed_update_set_restores_rows,
        sets_of_one_commit_are_independent,
        sets_are_applied_in_order,
        concurrent_updates_have_one_winner,
        an_empty_commit_is_fine,
    ]
}

async fn guarded(store: &S, held: Precondition, broken: Precondition) -> Verdict {
    refuse(store, Conflict, |s| {
        s.require(held.clone())
            .require(broken)
            .insert_contact(contact(8))
    })
    .await?;
    same(
        contact_of(store, ContactId(nth(8))).await?,
        None,
        "contact behind a broken precondition",
    )?;
    put(store, |s| s.require(held).insert_contact(contact(8))).await
}

async fn precondition_on_contact(store: S) -> Verdict {
    let row = contact(1);
    put(&store, |s| s.insert_contact(row.clone())).await?;
    let require = |version| Precondition::Contact(row.id, version);
    guarded(&store, require(1), require(2)).await
}

async fn precondition_on_campaign(store: S) -> Verdict {
    let row = campaign(1);
    put(&store, |s| s.insert_campaign(row.clone())).await?;
    let require = |version| Precondition::Campaign(row.id, version);
    guarded(&store, require(1), require(2)).await
}

async fn precondition_on_suppression(store: S) -> Verdict {
    let row = suppression("anna@example.org");
    put(&store, |s| s.push(Change::InsertSuppression(row))).await?;
    let require = |channel: &str| Precondition::NotSuppressed {
        channel: channel.to_owned(),
        address: "anna@example.org".to_owned(),
    };
    guarded(&store, require("telegram"), require("email")).await
}

async fn a_failed_set_leaves_nothing(store: S) -> Verdict {
    let run = campaign(1);
    refuse(&store, NotFound, |s| {
        s.insert_contact(contact(1))
            .insert_message(message(1))
            .insert_campaign(run.clone())
            .push(Change::InsertTemplate(Box::new(template(1))))
            .push(Change::InsertApproval(approval(&message(1))))
            .push(Change::InsertAttempt(attempt(&message(1), 1)))
            .push(Change::InsertSuppression(suppression("a@example.org")))
            .push(Change::InsertPlanRow(plan_row(&run, 1)))
            .event(event(1, Subject::Contact, 1))
            .update_contact(&contact(9), next_contact(&contact(9)))
    })
    .await?;
    same(contact_of(&store, contact(1).id).await?, None, "contact")?;
    same(message_of(&store, message(1).id).await?, None, "message")?;
    let trail = store.trail(&ws(), message(1).id).await.map_err(told)?;
    same(trail, crate::port::store::Trail::default(), "trail")?;
    let found = store
        .campaigns(&ws(), CampaignQuery::default())
        .await
        .map_err(told)?;
    same(found.items.len(), 0, "campaigns")?;
    let found = store
        .templates(&ws(), TemplateQuery::default())
        .await
        .map_err(told)?;
    same(found.items.len(), 0, "templates")?;
    let found = store
        .suppressions(&ws(), SuppressionQuery::default())
        .await
        .map_err(told)?;
    same(found.items.len(), 0, "suppressions")?;
    let plan = store.plan(&ws(), plan_query(1)).await.map_err(told)?;
    same(plan.items.len(), 0, "plan")?;
    let events = store
        .events(&ws(), EventQuery::default())
        .await
        .map_err(told)?;
    same(events.len(), 0, "events")?;
    let counters = store.counters(&ws(), &[""]).await.map_err(told)?;
    ensure(counters.is_empty(), "counters moved")?;
    // What the failed set would have made unique is still free.
    put(&store, |s| {
        s.insert_contact(contact(1)).insert_message(message(1))
    })
    .await
}

async fn a_failed_update_set_restores_rows(store: S) -> Verdict {
    let (row, text) = (contact(1), message(1));
    put(&store, |s| {
        s.insert_contact(row.clone()).insert_message(text.clone())
    })
    .await?;
    refuse(&store, Conflict, |s| {
        s.update_contact(&row, bare(next_contact(&row)))
            .push(Change::EraseTexts(row.id))
            .update_message(&text, text.clone())
    })
    .await?;
    same(contact_of(&store, row.id).await?, Some(row), "contact")?;
    same(message_of(&store, text.id).await?, Some(text), "message")
}

async fn sets_of_one_commit_are_independent(store: S) -> Verdict {
    let mut twin = contact(2);
    twin.fields.email = contact(1).fields.email;
    let good = |number| set(|s| s.insert_contact(contact(number)));
    let sets = vec![good(1), set(|s| s.insert_contact(twin)), good(3)];
    let results = store.commit(sets).await.map_err(told)?;
    let kinds: Vec<_> = results
        .iter()
        .map(|r| r.as_ref().err().map(|e| e.kind()))
        .collect();
    same(kinds, vec![None, Some(Duplicate), None], "results")?;
    for (number, there) in [(1, true), (2, false), (3, true)] {
        let found = contact_of(&store, ContactId(nth(number))).await?;
        same(found.is_some(), there, "presence of a contact")?;
    }
    Ok(())
}

async fn sets_are_applied_in_order(store: S) -> Verdict {
    let row = contact(1);
    let after = next_contact(&row);
    let sets = vec![
        set(|s| s.insert_contact(row.clone())),
        set(|s| s.update_contact(&row, after.clone())),
        set(|s| s.update_contact(&after, next_contact(&after))),
    ];
    let results = store.commit(sets).await.map_err(told)?;
    same(results.iter().filter(|r| r.is_ok()).count(), 3, "good sets")
}

async fn concurrent_updates_have_one_winner(store: S) -> Verdict {
    let row = contact(1);
    put(&store, |s| s.insert_contact(row.clone())).await?;
    let race = (0..8).map(|_| {
        let after = next_contact(&row);
        commit(&store, set(|s| s.update_contact(&row, after)))
    });
    let mut winners = 0;
    for result in futures_util::future::join_all(race).await {
        match result? {
            Ok(()) => winners += 1,
            Err(error) => same(error.kind(), Conflict, "a loser's error")?,
        }
    }
    same(winners, 1, "winners")
}

async fn an_empty_commit_is_fine(store: S) -> Verdict {
    let results = store.commit(Vec::new()).await.map_err(told)?;
    same(results.len(), 0, "results")?;
    let empty = ChangeSet::new(other_ws()?);
    Ok(commit(&store, empty).await?.map_err(told)?)
}

//! Trail, dispatch view, workspaces, capabilities.

use super::Case;
use super::kit::{S, commit, contact_of, message_of, next_message, other_ws, put, told, ws};
use crate::change::{Change, ChangeSet};
use crate::id::MessageId;
use crate::message::{Message, Status};
use crate::port::store::{
    CampaignQuery, ContactQuery, EventQuery, MessageQuery, PlanQuery, SuppressionQuery,
    TemplateQuery, Trail,
};
use crate::testing::fixtures::{
    approval, attempt, campaign, contact, event, message, plan_row, suppression, template,
};
use crate::testing::ids::nth;
use crate::testing::suite::{Verdict, ensure, list, same};

pub(super) fn cases() -> Vec<Case> {
    list![
        capabilities_are_constant,
        become_dispatcher_again_is_fine,
        an_empty_store_answers,
        trail_of_an_unknown_message_is_empty,
        dispatch_view_reads_everything,
        dispatch_view_has_the_latest_approval,
        dispatch_view_has_the_current_attempt,
        dispatch_view_knows_suppression_by_channel,
        dispatch_keeps_the_order_of_ids,
        workspaces_are_listed_sorted,
        workspaces_are_isolated,
        workspaces_have_their_own_unique_values,
    ]
}

async fn capabilities_are_constant(store: S) -> Verdict {
    let can = store.capabilities();
    ensure(!can.name.is_empty(), "the store has no name")?;
    same(store.capabilities(), can, "capabilities again")
}

async fn become_dispatcher_again_is_fine(store: S) -> Verdict {
    store.become_dispatcher().await.map_err(told)?;
    Ok(store.become_dispatcher().await.map_err(told)?)
}

async fn an_empty_store_answers(store: S) -> Verdict {
    let page = super::kit::everything();
    let query = ContactQuery {
        page,
        ..ContactQuery::default()
    };
    let found = store.contacts(&ws(), query).await.map_err(told)?;
    same(
        (found.items.len(), found.total, found.next),
        (0, Some(0), None),
        "contacts",
    )?;
    same(
        store.workspaces().await.map_err(told)?,
        Vec::new(),
        "workspaces",
    )?;
    let views = store
        .dispatch(&ws(), &[MessageId(nth(1))])
        .await
        .map_err(told)?;
    same(views.len(), 0, "views")
}

async fn trail_of_an_unknown_message_is_empty(store: S) -> Verdict {
    let trail = store.trail(&ws(), message(1).id).await.map_err(told)?;
    same(trail, Trail::default(), "trail")
}

async fn dispatch_view_reads_everything(store: S) -> Verdict {
    let run = campaign(1);
    let mut row = message(1);
    row.campaign_id = Some(run.id);
    row.occurrence = Some("2026".to_owned());
    let (yes, begun) = (approval(&row), attempt(&row, 1));
    put(&store, |s| {
        s.insert_contact(contact(1))
            .insert_campaign(run.clone())
            .insert_message(row.clone())
            .push(Change::InsertApproval(yes.clone()))
            .push(Change::InsertAttempt(begun.clone()))
    })
    .await?;
    let mut views = store.dispatch(&ws(), &[row.id]).await.map_err(told)?;
    let view = views.pop().ok_or("there is no view")?;
    same(view.message, row, "message")?;
    same(view.contact, contact(1), "contact")?;
    same(view.campaign, Some(run), "campaign")?;
    same(view.approval, Some(yes), "approval")?;
    same(view.attempt, Some(begun), "attempt")?;
    same(view.suppressed, false, "suppressed")
}

async fn dispatch_view_has_the_latest_approval(store: S) -> Verdict {
    let row = message(1);
    put(&store, |s| {
        s.insert_contact(contact(1)).insert_message(row.clone())
    })
    .await?;
    // The same instant and revision: only the order of writing tells them apart.
    for approver in ["zoya", "anna", "olga"] {
        let mut yes = approval(&row);
        approver.clone_into(&mut yes.approver);
        put(&store, |s| s.push(Change::InsertApproval(yes))).await?;
        let views = store.dispatch(&ws(), &[row.id]).await.map_err(told)?;
        let found = views.first().and_then(|view| view.approval.as_ref());
        same(
            found.map(|yes| yes.approver.as_str()),
            Some(approver),
            "approver",
        )?;
    }
    Ok(())
}

async fn dispatch_view_has_the_current_attempt(store: S) -> Verdict {
    let row = message(1);
    let first = attempt(&row, 1);
    put(&store, |s| {
        s.insert_contact(contact(1))
            .insert_message(row.clone())
            .push(Change::InsertAttempt(first))
    })
    .await?;
    let later = Message {
        epoch: 1,
        status: Status::Claimed,
        ..next_message(&row)
    };
    put(&store, |s| s.update_message(&row, later.clone())).await?;
    let views = store.dispatch(&ws(), &[row.id]).await.map_err(told)?;
    same(
        views.first().map(|v| v.attempt.clone()),
        Some(None),
        "attempt of an older epoch",
    )?;
    let second = attempt(&later, 2);
    put(&store, |s| s.push(Change::InsertAttempt(second.clone()))).await?;
    let views = store.dispatch(&ws(), &[row.id]).await.map_err(told)?;
    same(
        views.first().map(|v| v.attempt.clone()),
        Some(Some(second)),
        "attempt",
    )
}

async fn dispatch_view_knows_suppression_by_channel(store: S) -> Verdict {
    let row = message(1);
    put(&store, |s| {
        s.insert_contact(contact(1)).insert_message(row.clone())
    })
    .await?;
    for (channel, wanted) in [("sms", false), ("email", true)] {
        let mut stop = suppression(&row.recipient);
        channel.clone_into(&mut stop.channel);
        put(&store, |s| s.push(Change::InsertSuppression(stop))).await?;
        let views = store.dispatch(&ws(), &[row.id]).await.map_err(told)?;
        same(
            views.first().map(|view| view.suppressed),
            Some(wanted),
            channel,
        )?;
    }
    Ok(())
}

async fn dispatch_keeps_the_order_of_ids(store: S) -> Verdict {
    for number in 1..=3 {
        put(&store, |s| {
            s.insert_contact(contact(number))
                .insert_message(message(number))
        })
        .await?;
    }
    let ids = [2, 9, 3, 1].map(|number| message(number).id);
    let views = store.dispatch(&ws(), &ids).await.map_err(told)?;
    let found: Vec<_> = views.iter().map(|view| view.message.id.0).collect();
    same(found, [2, 3, 1].map(nth).to_vec(), "order")?;
    same(
        store.dispatch(&ws(), &[]).await.map_err(told)?.len(),
        0,
        "views of nothing",
    )
}

async fn workspaces_are_listed_sorted(store: S) -> Verdict {
    for name in ["zeta", "alpha", "mid_1"] {
        let workspace = crate::actor::Workspace::new(name).map_err(told)?;
        let mut row = contact(1);
        row.workspace = workspace.clone();
        row.id = crate::id::ContactId(uuid::Uuid::from_u128(
            name.len() as u128 + u128::from(name.starts_with('z')),
        ));
        let mut set = ChangeSet::new(workspace);
        set.insert_contact(row);
        commit(&store, set).await?.map_err(told)?;
    }
    let found = store.workspaces().await.map_err(told)?;
    let found: Vec<&str> = found.iter().map(crate::actor::Workspace::as_str).collect();
    same(found, vec!["alpha", "mid_1", "zeta"], "workspaces")
}

async fn workspaces_are_isolated(store: S) -> Verdict {
    let (other, run, row) = (other_ws()?, campaign(1), message(1));
    put(&store, |s| {
        s.insert_contact(contact(1))
            .insert_campaign(run.clone())
            .insert_message(row.clone())
            .push(Change::InsertTemplate(Box::new(template(1))))
            .push(Change::InsertApproval(approval(&row)))
            .push(Change::InsertSuppression(suppression("a@example.org")))
            .push(Change::InsertPlanRow(plan_row(&run, 1)))
            .event(event(1, crate::message::history::Subject::Contact, 1))
    })
    .await?;
    let found = store.contacts(
        &other,
        ContactQuery {
            ids: vec![contact(1).id],
            ..Default::default()
        },
    );
    same(found.await.map_err(told)?.items.len(), 0, "contacts")?;
    let found = store.messages(
        &other,
        MessageQuery {
            ids: vec![row.id],
            ..Default::default()
        },
    );
    same(found.await.map_err(told)?.items.len(), 0, "messages")?;
    let found = store.campaigns(
        &other,
        CampaignQuery {
            ids: vec![run.id],
            ..Default::default()
        },
    );
    same(found.await.map_err(told)?.items.len(), 0, "campaigns")?;
    let found = store
        .templates(&other, TemplateQuery::default())
        .await
        .map_err(told)?;
    same(found.items.len(), 0, "templates")?;
    let query = PlanQuery {
        campaign_id: run.id,
        ..super::changes::plan_query(1)
    };
    same(
        store.plan(&other, query).await.map_err(told)?.items.len(),
        0,
        "plan",
    )?;
    let found = store
        .suppressions(&other, SuppressionQuery::default())
        .await
        .map_err(told)?;
    same(found.items.len(), 0, "suppressions")?;
    let found = store
        .events(&other, EventQuery::default())
        .await
        .map_err(told)?;
    same(found.len(), 0, "events")?;
    let trail = store.trail(&other, row.id).await.map_err(told)?;
    same(trail, Trail::default(), "trail")?;
    same(
        store.dispatch(&other, &[row.id]).await.map_err(told)?.len(),
        0,
        "views",
    )?;
    same(
        store.counters(&other, &[""]).await.map_err(told)?.len(),
        0,
        "counters",
    )?;
    // Nor can it be changed from there.
    let mut set = ChangeSet::new(other);
    let mut foreign = next_message(&row);
    foreign.workspace = set.workspace().clone();
    set.update_message(&row, foreign);
    ensure(
        commit(&store, set).await?.is_err(),
        "changed from another workspace",
    )?;
    let mut set = ChangeSet::new(other_ws()?);
    set.push(Change::EraseTexts(contact(1).id));
    let _ = commit(&store, set).await?;
    ensure(
        message_of(&store, row.id).await? == Some(row),
        "the message changed",
    )?;
    ensure(
        contact_of(&store, contact(1).id).await?.is_some(),
        "the contact is gone",
    )
}

async fn workspaces_have_their_own_unique_values(store: S) -> Verdict {
    put(&store, |s| s.insert_contact(contact(1))).await?;
    let mut twin = contact(2);
    twin.workspace = other_ws()?;
    twin.fields.email = contact(1).fields.email;
    twin.fields.external_id = contact(1).fields.external_id;
    let mut set = ChangeSet::new(other_ws()?);
    set.insert_contact(twin);
    Ok(commit(&store, set).await?.map_err(told)?)
}

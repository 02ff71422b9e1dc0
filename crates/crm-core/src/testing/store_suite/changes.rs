//! Every kind of change, good and bad; versions, preconditions, atomicity.

use super::Case;
use super::kit::{
    S, commit, contact_of, list, message_of, next_contact, next_message, other_ws, put, refuse,
    set, told, ws,
};
use crate::campaign::CampaignStatus;
use crate::change::{Change, ChangeSet, Precondition};
use crate::contact::Contact;
use crate::error::ErrorKind::{Conflict, Duplicate, NotFound};
use crate::id::{AttemptId, ContactId, MessageId};
use crate::message::history::Subject;
use crate::message::{Attempt, AttemptOutcome, Status};
use crate::port::store::{CampaignQuery, EventQuery, PlanQuery, SuppressionQuery, TemplateQuery};
use crate::testing::fixtures::{
    approval, attempt, campaign, contact, event, message, noon, plan_row, suppression, template,
};
use crate::testing::ids::nth;
use crate::testing::report::{Verdict, ensure, same};

pub(super) fn cases() -> Vec<Case> {
    list![
        insert_contact_twice_is_duplicate,
        email_is_unique,
        external_id_is_unique,
        a_freed_email_can_be_used_again,
        update_contact_needs_the_next_version,
        update_of_an_unknown_contact_is_not_found,
        update_contact_to_a_taken_email_is_duplicate,
        template_changes,
        template_name_is_unique_per_language,
        delete_template_removes_it,
        insert_message_twice_is_duplicate,
        message_of_an_occurrence_is_unique,
        update_message_needs_the_next_version,
        update_of_an_unknown_message_is_not_found,
        approvals_are_kept,
        attempt_is_unique_per_epoch,
        finish_attempt_once,
        suppression_repeat_changes_nothing,
        delete_suppression,
        campaign_changes,
        delete_campaign_removes_its_plan,
        plan_row_repeat_is_ignored,
        update_plan_row,
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

async fn insert_contact_twice_is_duplicate(store: S) -> Verdict {
    let row = contact(1);
    put(&store, |s| s.insert_contact(row.clone())).await?;
    same(
        contact_of(&store, row.id).await?,
        Some(row.clone()),
        "contact",
    )?;
    let again = bare(Contact {
        id: row.id,
        ..contact(2)
    });
    refuse(&store, Duplicate, |s| s.insert_contact(again)).await
}

/// Without the values that are unique.
fn bare(mut row: Contact) -> Contact {
    row.fields.email = None;
    row.fields.external_id = None;
    row
}

async fn email_is_unique(store: S) -> Verdict {
    put(&store, |s| s.insert_contact(contact(1))).await?;
    let mut twin = contact(2);
    twin.fields.email = contact(1).fields.email;
    refuse(&store, Duplicate, |s| s.insert_contact(twin)).await?;
    same(
        contact_of(&store, ContactId(nth(2))).await?,
        None,
        "the twin",
    )
}

async fn external_id_is_unique(store: S) -> Verdict {
    put(&store, |s| s.insert_contact(contact(1))).await?;
    let mut twin = contact(2);
    twin.fields.external_id = contact(1).fields.external_id;
    refuse(&store, Duplicate, |s| s.insert_contact(twin)).await?;
    put(&store, |s| {
        s.insert_contact(bare(contact(3)))
            .insert_contact(bare(contact(4)))
    })
    .await
}

async fn a_freed_email_can_be_used_again(store: S) -> Verdict {
    let row = contact(1);
    put(&store, |s| s.insert_contact(row.clone())).await?;
    let after = bare(next_contact(&row));
    put(&store, |s| s.update_contact(&row, after)).await?;
    let mut heir = contact(2);
    heir.fields.email = row.fields.email.clone();
    put(&store, |s| s.insert_contact(heir)).await
}

async fn update_contact_needs_the_next_version(store: S) -> Verdict {
    let row = contact(1);
    put(&store, |s| s.insert_contact(row.clone())).await?;
    let mut after = next_contact(&row);
    "Пётр".clone_into(&mut after.fields.name);
    put(&store, |s| s.update_contact(&row, after.clone())).await?;
    same(
        contact_of(&store, row.id).await?,
        Some(after.clone()),
        "contact",
    )?;
    for version in [0, 1, 2, 4] {
        let wrong = Contact {
            version,
            ..after.clone()
        };
        refuse(&store, Conflict, |s| s.update_contact(&after, wrong)).await?;
    }
    same(
        contact_of(&store, row.id).await?,
        Some(after),
        "contact after conflicts",
    )
}

async fn update_of_an_unknown_contact_is_not_found(store: S) -> Verdict {
    let row = contact(1);
    refuse(&store, NotFound, |s| {
        s.update_contact(&row, next_contact(&row))
    })
    .await
}

async fn update_contact_to_a_taken_email_is_duplicate(store: S) -> Verdict {
    let row = contact(2);
    put(&store, |s| {
        s.insert_contact(contact(1)).insert_contact(row.clone())
    })
    .await?;
    let mut after = next_contact(&row);
    after.fields.email = contact(1).fields.email;
    refuse(&store, Duplicate, |s| s.update_contact(&row, after)).await?;
    same(contact_of(&store, row.id).await?, Some(row), "contact")
}

async fn template_changes(store: S) -> Verdict {
    let row = template(1);
    put(&store, |s| {
        s.push(Change::InsertTemplate(Box::new(row.clone())))
    })
    .await?;
    let mut after = row.clone();
    after.version = 2;
    "{{name}}, ура!".clone_into(&mut after.fields.content);
    let change = Change::UpdateTemplate(Box::new(after.clone()));
    put(&store, |s| s.push(change.clone())).await?;
    refuse(&store, Conflict, |s| s.push(change)).await?;
    let mut unknown = template(9);
    unknown.version = 2;
    let change = Change::UpdateTemplate(Box::new(unknown));
    refuse(&store, NotFound, |s| s.push(change)).await?;
    let found = store
        .templates(&ws(), TemplateQuery::default())
        .await
        .map_err(told)?;
    same(found.items, vec![after], "templates")
}

async fn template_name_is_unique_per_language(store: S) -> Verdict {
    put(&store, |s| {
        s.push(Change::InsertTemplate(Box::new(template(1))))
    })
    .await?;
    let mut twin = template(2);
    twin.fields.name = template(1).fields.name;
    let change = Change::InsertTemplate(Box::new(twin.clone()));
    refuse(&store, Duplicate, |s| s.push(change)).await?;
    "uz".clone_into(&mut twin.fields.language);
    put(&store, |s| s.push(Change::InsertTemplate(Box::new(twin)))).await
}

async fn delete_template_removes_it(store: S) -> Verdict {
    let row = template(1);
    put(&store, |s| {
        s.push(Change::InsertTemplate(Box::new(row.clone())))
    })
    .await?;
    put(&store, |s| s.push(Change::DeleteTemplate(row.id))).await?;
    let found = store
        .templates(&ws(), TemplateQuery::default())
        .await
        .map_err(told)?;
    same(found.items, Vec::new(), "templates")?;
    refuse(&store, NotFound, |s| s.push(Change::DeleteTemplate(row.id))).await
}

async fn insert_message_twice_is_duplicate(store: S) -> Verdict {
    let row = message(1);
    put(&store, |s| {
        s.insert_contact(contact(1)).insert_message(row.clone())
    })
    .await?;
    same(
        message_of(&store, row.id).await?,
        Some(row.clone()),
        "message",
    )?;
    refuse(&store, Duplicate, |s| s.insert_message(row)).await
}

async fn message_of_an_occurrence_is_unique(store: S) -> Verdict {
    let run = campaign(1);
    let mut row = message(1);
    row.campaign_id = Some(run.id);
    row.occurrence = Some("2026-03-21".to_owned());
    put(&store, |s| {
        s.insert_contact(contact(1))
            .insert_campaign(run)
            .insert_message(row.clone())
    })
    .await?;
    let mut twin = row.clone();
    twin.id = MessageId(nth(2));
    twin.revision.message_id = twin.id;
    refuse(&store, Duplicate, |s| s.insert_message(twin.clone())).await?;
    "telegram".clone_into(&mut twin.channel);
    put(&store, |s| s.insert_message(twin)).await?;
    let mut next = row;
    next.id = MessageId(nth(3));
    next.revision.message_id = next.id;
    next.occurrence = Some("2027-03-21".to_owned());
    put(&store, |s| s.insert_message(next)).await
}

async fn update_message_needs_the_next_version(store: S) -> Verdict {
    let row = message(1);
    put(&store, |s| {
        s.insert_contact(contact(1)).insert_message(row.clone())
    })
    .await?;
    let mut after = next_message(&row);
    after.status = Status::PendingApproval;
    put(&store, |s| s.update_message(&row, after.clone())).await?;
    refuse(&store, Conflict, |s| s.update_message(&row, after.clone())).await?;
    same(message_of(&store, row.id).await?, Some(after), "message")
}

async fn update_of_an_unknown_message_is_not_found(store: S) -> Verdict {
    let row = message(1);
    refuse(&store, NotFound, |s| {
        s.update_message(&row, next_message(&row))
    })
    .await
}

async fn approvals_are_kept(store: S) -> Verdict {
    let row = message(1);
    let (first, mut second) = (approval(&row), approval(&row));
    "pavel".clone_into(&mut second.approver);
    put(&store, |s| {
        s.insert_contact(contact(1))
            .insert_message(row.clone())
            .push(Change::InsertApproval(first.clone()))
            .push(Change::InsertApproval(second.clone()))
    })
    .await?;
    let trail = store.trail(&ws(), row.id).await.map_err(told)?;
    same(trail.approvals, vec![first, second], "approvals")
}

async fn attempt_is_unique_per_epoch(store: S) -> Verdict {
    let row = message(1);
    let first = attempt(&row, 1);
    put(&store, |s| {
        s.insert_contact(contact(1))
            .insert_message(row.clone())
            .push(Change::InsertAttempt(first.clone()))
    })
    .await?;
    let second = Attempt {
        id: AttemptId(nth(2)),
        ..first.clone()
    };
    let change = Change::InsertAttempt(second.clone());
    refuse(&store, Duplicate, |s| s.push(change)).await?;
    let third = Attempt {
        epoch: 1,
        number: 2,
        ..second
    };
    put(&store, |s| s.push(Change::InsertAttempt(third.clone()))).await?;
    let trail = store.trail(&ws(), row.id).await.map_err(told)?;
    same(trail.attempts, vec![first, third], "attempts")
}

async fn finish_attempt_once(store: S) -> Verdict {
    let row = message(1);
    let open = attempt(&row, 1);
    let ended = Attempt {
        finished_at: Some(noon()),
        outcome: Some(AttemptOutcome::Accepted),
        provider_id: Some("<1@example.org>".to_owned()),
        ..open.clone()
    };
    put(&store, |s| {
        s.insert_contact(contact(1)).insert_message(row.clone())
    })
    .await?;
    let change = Change::FinishAttempt(ended.clone());
    refuse(&store, NotFound, |s| s.push(change.clone())).await?;
    put(&store, |s| s.push(Change::InsertAttempt(open))).await?;
    put(&store, |s| s.push(change.clone())).await?;
    refuse(&store, Conflict, |s| s.push(change)).await?;
    let trail = store.trail(&ws(), row.id).await.map_err(told)?;
    same(trail.attempts, vec![ended], "attempts")
}

async fn suppression_repeat_changes_nothing(store: S) -> Verdict {
    let first = suppression("anna@example.org");
    let mut second = first.clone();
    "manual".clone_into(&mut second.reason);
    put(&store, |s| s.push(Change::InsertSuppression(first.clone()))).await?;
    put(&store, |s| s.push(Change::InsertSuppression(second))).await?;
    let found = store
        .suppressions(&ws(), SuppressionQuery::default())
        .await
        .map_err(told)?;
    same(found.items, vec![first], "suppressions")
}

async fn delete_suppression(store: S) -> Verdict {
    let lift = Change::DeleteSuppression {
        channel: "email".to_owned(),
        address: "anna@example.org".to_owned(),
    };
    put(&store, |s| s.push(lift.clone())).await?;
    let row = suppression("anna@example.org");
    put(&store, |s| s.push(Change::InsertSuppression(row))).await?;
    put(&store, |s| s.push(lift)).await?;
    let found = store
        .suppressions(&ws(), SuppressionQuery::default())
        .await
        .map_err(told)?;
    same(found.items, Vec::new(), "suppressions")
}

async fn campaign_changes(store: S) -> Verdict {
    let row = campaign(1);
    put(&store, |s| s.insert_campaign(row.clone())).await?;
    refuse(&store, Duplicate, |s| s.insert_campaign(row.clone())).await?;
    let mut after = row.clone();
    after.version = 2;
    after.status = CampaignStatus::Paused;
    after.plan_cursor = Some(ContactId(nth(5)));
    put(&store, |s| s.update_campaign(&row, after.clone())).await?;
    refuse(&store, Conflict, |s| s.update_campaign(&row, after.clone())).await?;
    let mut unknown = campaign(2);
    unknown.version = 2;
    refuse(&store, NotFound, |s| {
        s.update_campaign(&campaign(2), unknown)
    })
    .await?;
    let found = store
        .campaigns(&ws(), CampaignQuery::default())
        .await
        .map_err(told)?;
    same(found.items, vec![after], "campaigns")
}

pub(super) fn plan_query(number: u64) -> PlanQuery {
    PlanQuery {
        campaign_id: campaign(number).id,
        occurrence: None,
        excluded: None,
        undrafted: false,
        page: super::kit::everything(),
    }
}

async fn delete_campaign_removes_its_plan(store: S) -> Verdict {
    let (gone, stays) = (campaign(1), campaign(2));
    put(&store, |s| {
        s.insert_contact(contact(1))
            .insert_campaign(gone.clone())
            .insert_campaign(stays.clone())
            .push(Change::InsertPlanRow(plan_row(&gone, 1)))
            .push(Change::InsertPlanRow(plan_row(&stays, 1)))
    })
    .await?;
    put(&store, |s| s.delete_campaign(&gone)).await?;
    let plan = store.plan(&ws(), plan_query(1)).await.map_err(told)?;
    same(plan.items, Vec::new(), "plan of the removed one")?;
    let plan = store.plan(&ws(), plan_query(2)).await.map_err(told)?;
    same(plan.items.len(), 1, "plan of the other one")?;
    let left = store
        .campaigns(&ws(), CampaignQuery::default())
        .await
        .map_err(told)?;
    same(left.items, vec![stays], "campaigns")?;
    let counters = store
        .counters(&ws(), "campaign.status.")
        .await
        .map_err(told)?;
    same(
        counters.get("campaign.status.active"),
        Some(&1),
        "active campaigns",
    )
}

async fn plan_row_repeat_is_ignored(store: S) -> Verdict {
    let run = campaign(1);
    let row = plan_row(&run, 1);
    let mut again = row.clone();
    again.excluded = Some("no_address".to_owned());
    put(&store, |s| {
        s.insert_contact(contact(1))
            .insert_campaign(run)
            .push(Change::InsertPlanRow(row.clone()))
    })
    .await?;
    put(&store, |s| s.push(Change::InsertPlanRow(again))).await?;
    let plan = store.plan(&ws(), plan_query(1)).await.map_err(told)?;
    same(plan.items, vec![row], "plan")
}

async fn update_plan_row(store: S) -> Verdict {
    let run = campaign(1);
    let mut row = plan_row(&run, 1);
    put(&store, |s| {
        s.insert_contact(contact(1))
            .insert_campaign(run)
            .insert_message(message(1))
            .push(Change::InsertPlanRow(row.clone()))
    })
    .await?;
    row.message_id = Some(message(1).id);
    put(&store, |s| s.push(Change::UpdatePlanRow(row.clone()))).await?;
    let plan = store.plan(&ws(), plan_query(1)).await.map_err(told)?;
    same(plan.items, vec![row], "plan")
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
    let counters = store.counters(&ws(), "").await.map_err(told)?;
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
    commit(&store, empty).await?.map_err(told)
}

//! Every kind of change, good and bad; versions, preconditions, atomicity.

use super::Case;
use super::kit::{S, contact_of, message_of, next_contact, next_message, put, refuse, told, ws};
use crate::campaign::CampaignStatus;
use crate::change::Change;
use crate::contact::Contact;
use crate::error::ErrorKind::{Conflict, Duplicate, NotFound};
use crate::id::{AttemptId, ContactId, MessageId};
use crate::message::{Attempt, AttemptOutcome, Message, Status};
use crate::port::store::{CampaignQuery, PlanQuery, SuppressionQuery, TemplateQuery};
use crate::testing::fixtures::{
    approval, attempt, campaign, contact, message, noon, plan_row, suppression, template,
};
use crate::testing::ids::nth;
use crate::testing::suite::{Verdict, list, same};

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
        update_message_needs_the_epoch_it_was_decided_on,
        a_repeat_of_what_is_in_doubt_is_a_new_epoch,
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
pub(super) fn bare(mut row: Contact) -> Contact {
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
    // On another channel it is a second message all the same.
    "telegram".clone_into(&mut twin.channel);
    refuse(&store, Duplicate, |s| s.insert_message(twin)).await?;
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

/// In a store that went back to an older state versions are given a second time.
async fn update_message_needs_the_epoch_it_was_decided_on(store: S) -> Verdict {
    let row = message(1);
    put(&store, |s| {
        s.insert_contact(contact(1)).insert_message(row.clone())
    })
    .await?;
    let of = |status, epoch| Message {
        status,
        epoch,
        ..next_message(&row)
    };
    for (status, epoch) in [
        (Status::Approved, 1),
        (Status::Uncertain, 1),
        (Status::Claimed, 0),
        (Status::Claimed, 2),
    ] {
        refuse(&store, Conflict, |s| {
            s.update_message(&row, of(status, epoch))
        })
        .await?;
    }
    same(message_of(&store, row.id).await?, Some(row.clone()), "row")?;
    put(&store, |s| s.update_message(&row, of(Status::Claimed, 1))).await?;
    let claimed = of(Status::Claimed, 1);
    let mut later = next_message(&claimed);
    later.status = Status::Approved;
    put(&store, |s| s.update_message(&claimed, later.clone())).await?;
    same(message_of(&store, row.id).await?, Some(later), "message")
}

/// What is in doubt is sent again in one step, which is a new epoch; what is claimed is begun in its own.
async fn a_repeat_of_what_is_in_doubt_is_a_new_epoch(store: S) -> Verdict {
    let row = Message {
        status: Status::Uncertain,
        epoch: 2,
        queued_at: Some(noon()),
        ..message(1)
    };
    let claimed = Message {
        status: Status::Claimed,
        epoch: 2,
        ..message(2)
    };
    put(&store, |s| {
        s.insert_contact(contact(1))
            .insert_contact(contact(2))
            .insert_message(row.clone())
            .insert_message(claimed.clone())
    })
    .await?;
    let sending = |row: &Message, epoch| Message {
        status: Status::Sending,
        epoch,
        queued_at: Some(noon() + chrono::Duration::seconds(1)),
        decided_epoch: 1,
        ..next_message(row)
    };
    for (row, right) in [(&row, 3), (&claimed, 2)] {
        for epoch in 1..=4 {
            let after = sending(row, epoch);
            if epoch != right {
                refuse(&store, Conflict, |s| s.update_message(row, after)).await?;
            }
        }
        let after = sending(row, right);
        put(&store, |s| s.update_message(row, after.clone())).await?;
        same(message_of(&store, row.id).await?, Some(after), "sending")?;
    }
    Ok(())
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
    second.override_reason = Some("так и задумано".to_owned());
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
        repeats: true,
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
    let lift = |reason: Option<&str>| Change::DeleteSuppression {
        channel: "email".to_owned(),
        address: "anna@example.org".to_owned(),
        reason: reason.map(str::to_owned),
    };
    put(&store, |s| s.push(lift(None))).await?;
    let row = suppression("anna@example.org");
    let reason = row.reason.clone();
    put(&store, |s| s.push(Change::InsertSuppression(row.clone()))).await?;
    put(&store, |s| s.push(lift(Some("another")))).await?;
    let found = store
        .suppressions(&ws(), SuppressionQuery::default())
        .await
        .map_err(told)?;
    same(
        found.items,
        vec![row.clone()],
        "suppressions of another reason",
    )?;
    put(&store, |s| s.push(lift(Some(&reason)))).await?;
    put(&store, |s| s.push(Change::InsertSuppression(row))).await?;
    put(&store, |s| s.push(lift(None))).await?;
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
        batch: None,
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
        .counters(&ws(), &["campaign.status."])
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
    // A channel chosen otherwise makes it no other line.
    "telegram".clone_into(&mut again.channel);
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

//! The sealed history and the counters.

use std::collections::BTreeMap;

use super::Case;
use super::kit::{S, next_contact, next_message, other_ws, put, refuse, told, ws};
use crate::change::Change;
use crate::counter;
use crate::error::ErrorKind::NotFound;
use crate::message::history::{AuditEvent, Checkpoint, Seal, Subject, verify};
use crate::message::{GeneratedBy, Message, Status};
use crate::port::store::EventQuery;
use crate::testing::fixtures::{campaign, contact, event, message};
use crate::testing::ids::nth;
use crate::testing::suite::{Verdict, ensure, list, same};

pub(super) fn cases() -> Vec<Case> {
    list![
        events_come_back_in_commit_order,
        events_of_one_row,
        seal_gives_positions_without_gaps,
        seal_respects_its_limit,
        seal_of_nothing_is_nothing,
        seal_keeps_workspaces_apart,
        events_behind_a_position,
        a_failed_set_leaves_no_gap,
        erasure_keeps_the_chain,
        counters_add_up,
        counters_equal_a_recount,
        counters_by_prefix,
    ]
}

/// Commits events with these ids, one set each; ids need not grow.
async fn record(store: &S, ids: &[u64]) -> Verdict {
    for id in ids {
        put(store, |s| s.event(event(*id, Subject::Contact, *id % 3))).await?;
    }
    Ok(())
}

async fn sealed(store: &S) -> Result<Vec<(AuditEvent, Seal)>, String> {
    let all = store
        .events(&ws(), EventQuery::default())
        .await
        .map_err(told)?;
    Ok(all
        .into_iter()
        .filter_map(|e| Some((e.event, e.seal?)))
        .collect())
}

async fn intact(store: &S, wanted: usize) -> Verdict {
    let chain = sealed(store).await?;
    same(chain.len(), wanted, "sealed events")?;
    let positions: Vec<u64> = chain.iter().map(|(_, seal)| seal.position).collect();
    let counted: Vec<u64> = (1..).take(wanted).collect();
    same(positions, counted, "positions")?;
    let end = store.checkpoint(&ws()).await.map_err(told)?;
    same(verify(&chain, end), None, "first fault of the chain")
}

async fn events_come_back_in_commit_order(store: S) -> Verdict {
    let mut first = event(9, Subject::Message, 1);
    first.status = Some(Status::Approved);
    first.revision = Some(2);
    first.digest = Some(message(1).digest);
    first.reason = Some("так решили".to_owned());
    let second = event(3, Subject::Contact, 2);
    put(&store, |s| s.event(first.clone()).event(second.clone())).await?;
    let third = event(5, Subject::Campaign, 2);
    put(&store, |s| s.event(third.clone())).await?;
    let found = store
        .events(&ws(), EventQuery::default())
        .await
        .map_err(told)?;
    let at_once = store.capabilities().seals_on_commit;
    let as_said = found.iter().all(|e| e.seal.is_some() == at_once);
    ensure(as_said, "sealed otherwise than the capabilities say")?;
    let events: Vec<AuditEvent> = found.into_iter().map(|e| e.event).collect();
    same(events, vec![first, second, third], "events")
}

async fn events_of_one_row(store: S) -> Verdict {
    put(&store, |s| {
        s.event(event(1, Subject::Contact, 1))
            .event(event(2, Subject::Message, 1))
            .event(event(3, Subject::Contact, 2))
            .event(event(4, Subject::Contact, 1))
    })
    .await?;
    for (limit, wanted) in [(0, vec![nth(1), nth(4)]), (1, vec![nth(1)])] {
        let query = EventQuery {
            subject: Some((Subject::Contact, nth(1))),
            limit,
            ..EventQuery::default()
        };
        let found = store.events(&ws(), query).await.map_err(told)?;
        let ids: Vec<_> = found.iter().map(|e| e.event.id.0).collect();
        same(ids, wanted, "events of the row")?;
    }
    Ok(())
}

/// Seals at most `limit` events, of which `waiting` wait unless commits seal.
async fn seal(store: &S, limit: u32, waiting: u32) -> Verdict {
    let at_once = store.capabilities().seals_on_commit;
    let wanted = if at_once { 0 } else { waiting };
    same(
        store.seal(&ws(), limit).await.map_err(told)?,
        wanted,
        "sealed",
    )
}

async fn seal_gives_positions_without_gaps(store: S) -> Verdict {
    record(&store, &[5, 2, 9, 1]).await?;
    seal(&store, 100, 4).await?;
    intact(&store, 4).await?;
    record(&store, &[3, 8]).await?;
    seal(&store, 100, 2).await?;
    intact(&store, 6).await
}

async fn seal_respects_its_limit(store: S) -> Verdict {
    record(&store, &[5, 2, 9, 1, 7]).await?;
    let at_once = store.capabilities().seals_on_commit;
    for (waiting, total) in [(2, 2), (2, 4), (1, 5), (0, 5)] {
        seal(&store, 2, waiting).await?;
        intact(&store, if at_once { 5 } else { total }).await?;
    }
    Ok(())
}

async fn seal_of_nothing_is_nothing(store: S) -> Verdict {
    same(store.seal(&ws(), 9).await.map_err(told)?, 0, "sealed")?;
    let end = store.checkpoint(&ws()).await.map_err(told)?;
    same(end, Checkpoint::default(), "checkpoint")
}

async fn seal_keeps_workspaces_apart(store: S) -> Verdict {
    record(&store, &[1, 2]).await?;
    let mut foreign = event(3, Subject::Contact, 1);
    foreign.workspace = other_ws()?;
    let mut set = crate::change::ChangeSet::new(other_ws()?);
    set.event(foreign);
    super::kit::commit(&store, set).await?.map_err(told)?;
    let at_once = store.capabilities().seals_on_commit;
    let waiting = u32::from(!at_once);
    let elsewhere = store.seal(&other_ws()?, 9).await.map_err(told)?;
    same(elsewhere, waiting, "sealed elsewhere")?;
    let here = if at_once { 2 } else { 0 };
    same(sealed(&store).await?.len(), here, "sealed here")?;
    seal(&store, 9, 2).await?;
    intact(&store, 2).await?;
    let end = store.checkpoint(&other_ws()?).await.map_err(told)?;
    same(end.position, 1, "the other chain's end")
}

async fn events_behind_a_position(store: S) -> Verdict {
    record(&store, &[5, 2, 9, 1]).await?;
    seal(&store, 3, 3).await?;
    let at_once = store.capabilities().seals_on_commit;
    let last = if at_once { vec![4] } else { vec![] };
    let all = if at_once {
        vec![1, 2, 3, 4]
    } else {
        vec![1, 2, 3]
    };
    for (after, limit, wanted) in [(0, 0, all), (1, 1, vec![2]), (3, 9, last)] {
        let query = EventQuery {
            sealed_after: Some(after),
            limit,
            ..EventQuery::default()
        };
        let found = store.events(&ws(), query).await.map_err(told)?;
        let positions: Vec<u64> = found
            .iter()
            .filter_map(|e| Some(e.seal?.position))
            .collect();
        same(found.len(), positions.len(), "only sealed ones")?;
        same(positions, wanted, "positions")?;
    }
    Ok(())
}

async fn a_failed_set_leaves_no_gap(store: S) -> Verdict {
    record(&store, &[1]).await?;
    refuse(&store, NotFound, |s| {
        s.event(event(2, Subject::Contact, 1))
            .update_contact(&contact(1), next_contact(&contact(1)))
    })
    .await?;
    record(&store, &[3]).await?;
    store.seal(&ws(), 9).await.map_err(told)?;
    intact(&store, 2).await
}

async fn erasure_keeps_the_chain(store: S) -> Verdict {
    let mut about = event(1, Subject::Message, 1);
    about.digest = Some(message(1).digest);
    put(&store, |s| {
        s.insert_contact(contact(1))
            .insert_message(message(1))
            .event(about)
    })
    .await?;
    store.seal(&ws(), 9).await.map_err(told)?;
    put(&store, |s| {
        s.push(Change::EraseTexts(contact(1).id))
            .event(event(2, Subject::Contact, 1))
    })
    .await?;
    store.seal(&ws(), 9).await.map_err(told)?;
    intact(&store, 2).await
}

async fn counters_add_up(store: S) -> Verdict {
    let row = contact(1);
    let mut vip = next_contact(&row);
    "VIP".clone_into(&mut vip.fields.segment);
    put(&store, |s| {
        s.insert_contact(row.clone()).insert_contact(contact(2))
    })
    .await?;
    put(&store, |s| s.update_contact(&row, vip.clone())).await?;
    let found = store.counters(&ws(), &["contact."]).await.map_err(told)?;
    let wanted = [
        ("contact.segment.VIP", 1),
        ("contact.segment.regular", 1),
        ("contact.total", 2),
    ];
    let wanted: BTreeMap<_, _> = wanted.map(|(name, n)| (name.to_owned(), n)).into();
    same(found, wanted, "counters")?;
    let mut back = next_contact(&vip);
    "regular".clone_into(&mut back.fields.segment);
    put(&store, |s| s.update_contact(&vip, back)).await?;
    let found = store
        .counters(&ws(), &["contact.segment."])
        .await
        .map_err(told)?;
    ensure(
        !found.contains_key("contact.segment.VIP"),
        "a zero counter is shown",
    )
}

async fn counters_equal_a_recount(store: S) -> Verdict {
    let mut wanted = BTreeMap::new();
    for (number, status) in (1_u64..).zip(Status::ALL) {
        let (to, run, before) = (contact(number), campaign(number), message(number));
        let mut after = next_message(&before);
        after.status = status;
        after.epoch += u64::from(status == Status::Claimed);
        after.campaign_id = before.campaign_id;
        after.deleted = number == 3;
        after.generated_by = GeneratedBy::Ai;
        after.metadata.cost_picodollars = number;
        after.metadata.input_tokens = 10;
        after.revision.number += 1;
        put(&store, |s| {
            s.insert_contact(to.clone())
                .insert_campaign(run.clone())
                .insert_message(before.clone())
        })
        .await?;
        put(&store, |s| s.update_message(&before, after.clone())).await?;
        counter::add(&mut wanted, &counter::of_contact(&to), 1);
        counter::add(&mut wanted, &counter::of_campaign(&run), 1);
        counter::add(&mut wanted, &counter::of_message(&after), 1);
    }
    let found = store.counters(&ws(), &[""]).await.map_err(told)?;
    same(found, wanted, "counters")
}

async fn counters_by_prefix(store: S) -> Verdict {
    let sent = Message {
        status: Status::Sent,
        ..message(1)
    };
    put(&store, |s| {
        s.insert_contact(contact(1)).insert_message(sent)
    })
    .await?;
    for (prefix, wanted) in [
        ("message.status.", 1),
        ("message.status.sent", 1),
        ("message_status", 0),
        ("%", 0),
        ("contact.", 2),
        ("zzz", 0),
    ] {
        let found = store.counters(&ws(), &[prefix]).await.map_err(told)?;
        same(found.len(), wanted, prefix)?;
    }
    same(
        store
            .counters(&other_ws()?, &[""])
            .await
            .map_err(told)?
            .len(),
        0,
        "elsewhere",
    )
}

//! Claiming: which messages, in which order, and never one for two callers.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::Duration;
use futures_util::future::join_all;

use super::Case;
use super::kit::{S, message_of, other_ws, put, told, ws};
use crate::campaign::CampaignStatus;
use crate::id::MessageId;
use crate::message::{Message, Status};
use crate::port::store::{Claim, MessageQuery, PageRequest};
use crate::testing::SequentialIds;
use crate::testing::fixtures::{approved_message, campaign, contact, message, noon};
use crate::testing::suite::{Verdict, ensure, list, same};

pub(super) fn cases() -> Vec<Case> {
    list![
        claim_takes_the_earliest_first,
        claim_respects_the_limit,
        claim_leaves_what_is_not_due,
        claim_takes_approved_ones_only,
        claim_leaves_parked_channels,
        claim_leaves_paused_campaigns,
        claim_leaves_test_mode_and_deleted,
        claim_keeps_to_its_workspace,
        claim_is_written_down,
        concurrent_claims_never_overlap,
        epoch_grows_with_every_claim,
        leases_that_ran_out_are_listed,
        what_waits_for_too_long_is_listed,
    ]
}

pub(super) fn claim(limit: u32) -> Claim {
    Claim {
        workspace: ws(),
        worker: "worker-1".to_owned(),
        limit,
        now: noon(),
        lease: Duration::minutes(2),
        parked: Vec::new(),
        ids: Arc::new(SequentialIds::starting_at(5_000_000)),
    }
}

pub(super) async fn fill(store: &S, rows: &[Message]) -> Verdict {
    for (number, row) in (1..).zip(rows) {
        let mut to = contact(number);
        to.id = row.contact_id;
        put(store, |s| s.insert_contact(to).insert_message(row.clone())).await?;
    }
    Ok(())
}

pub(super) async fn take(store: &S, claim: Claim) -> Result<Vec<MessageId>, String> {
    let taken = store.claim(claim).await.map_err(told)?;
    Ok(taken.into_iter().map(|row| row.id).collect())
}

pub(super) fn due(number: u64, minutes_ago: i64) -> Message {
    Message {
        not_before: noon() - Duration::minutes(minutes_ago),
        ..approved_message(number)
    }
}

async fn claim_takes_the_earliest_first(store: S) -> Verdict {
    let rows = [due(1, 5), due(2, 50), due(3, 0), due(4, 20)];
    fill(&store, &rows).await?;
    let wanted = [2, 4, 1, 3].map(|number| message(number).id).to_vec();
    same(take(&store, claim(100)).await?, wanted, "order")
}

async fn claim_respects_the_limit(store: S) -> Verdict {
    fill(&store, &[due(1, 3), due(2, 2), due(3, 1)]).await?;
    same(
        take(&store, claim(2)).await?,
        vec![message(1).id, message(2).id],
        "first two",
    )?;
    same(take(&store, claim(2)).await?, vec![message(3).id], "rest")?;
    same(take(&store, claim(2)).await?, Vec::new(), "nothing left")
}

async fn claim_leaves_what_is_not_due(store: S) -> Verdict {
    let mut later = due(1, 0);
    later.not_before = noon() + Duration::microseconds(1);
    fill(&store, &[later, due(2, 0)]).await?;
    same(
        take(&store, claim(9)).await?,
        vec![message(2).id],
        "due at this instant",
    )
}

async fn claim_takes_approved_ones_only(store: S) -> Verdict {
    let rows: Vec<Message> = (1..)
        .zip(Status::ALL)
        .map(|(number, status)| Message {
            status,
            ..due(number, 1)
        })
        .collect();
    fill(&store, &rows).await?;
    let wanted: Vec<MessageId> = rows
        .iter()
        .filter(|row| row.status == Status::Approved)
        .map(|row| row.id)
        .collect();
    same(take(&store, claim(99)).await?, wanted, "claimed")
}

async fn claim_leaves_parked_channels(store: S) -> Verdict {
    let mut sms = due(1, 9);
    "sms".clone_into(&mut sms.channel);
    fill(&store, &[sms, due(2, 1)]).await?;
    let parked = Claim {
        parked: vec!["sms".to_owned()],
        ..claim(1)
    };
    same(
        take(&store, parked).await?,
        vec![message(2).id],
        "while parked",
    )?;
    same(
        take(&store, claim(9)).await?,
        vec![message(1).id],
        "afterwards",
    )
}

async fn claim_leaves_paused_campaigns(store: S) -> Verdict {
    let mut rows = Vec::new();
    let mut wanted = Vec::new();
    for (number, status) in (1..).zip(CampaignStatus::ALL) {
        let mut run = campaign(number);
        run.status = status;
        let row = Message {
            campaign_id: Some(run.id),
            occurrence: Some("2026".to_owned()),
            ..due(number, 1)
        };
        put(&store, |s| s.insert_campaign(run)).await?;
        // A cancelled campaign's message is taken, so that the last check calls it off.
        if status != CampaignStatus::Paused {
            wanted.push(row.id);
        }
        rows.push(row);
    }
    fill(&store, &rows).await?;
    let mut taken = take(&store, claim(99)).await?;
    taken.sort();
    same(taken, wanted, "claimed")
}

async fn claim_leaves_test_mode_and_deleted(store: S) -> Verdict {
    let test = Message {
        test_mode: true,
        ..due(1, 9)
    };
    let deleted = Message {
        deleted: true,
        ..due(2, 9)
    };
    fill(&store, &[test, deleted, due(3, 1)]).await?;
    same(
        take(&store, claim(1)).await?,
        vec![message(3).id],
        "claimed",
    )
}

async fn claim_keeps_to_its_workspace(store: S) -> Verdict {
    fill(&store, &[due(1, 1)]).await?;
    let elsewhere = Claim {
        workspace: other_ws()?,
        ..claim(9)
    };
    same(
        take(&store, elsewhere).await?,
        Vec::new(),
        "claimed elsewhere",
    )?;
    same(take(&store, claim(9)).await?.len(), 1, "claimed here")
}

async fn claim_is_written_down(store: S) -> Verdict {
    let before = due(1, 1);
    fill(&store, std::slice::from_ref(&before)).await?;
    let taken = store.claim(claim(9)).await.map_err(told)?;
    let row = message_of(&store, before.id)
        .await?
        .ok_or("the message is gone")?;
    ensure(
        taken == vec![row.clone()],
        "what was given is not what is stored",
    )?;
    same(row.status, Status::Claimed, "status")?;
    same(row.version, before.version + 1, "version")?;
    same(
        row.lease_owner.as_deref(),
        Some("worker-1"),
        "owner of the lease",
    )?;
    same(
        row.lease_until,
        Some(noon() + Duration::minutes(2)),
        "end of the lease",
    )?;
    let counters = store
        .counters(&ws(), &["message.status."])
        .await
        .map_err(told)?;
    same(
        counters.into_iter().collect::<Vec<_>>(),
        vec![("message.status.claimed".to_owned(), 1)],
        "counters",
    )
}

async fn concurrent_claims_never_overlap(store: S) -> Verdict {
    let rows: Vec<Message> = (1..=60).map(|number| due(number, 1)).collect();
    fill(&store, &rows).await?;
    let claims = (0..10).map(|worker| {
        store.claim(Claim {
            worker: format!("worker-{worker}"),
            ids: Arc::new(SequentialIds::starting_at(6_000_000 + worker * 1_000)),
            ..claim(10)
        })
    });
    let (mut seen, mut count) = (BTreeSet::new(), 0);
    for taken in join_all(claims).await {
        for row in taken.map_err(told)? {
            count += 1;
            ensure(seen.insert(row.id), "one message was given twice")?;
        }
    }
    same(count, 60, "claimed")
}

async fn epoch_grows_with_every_claim(store: S) -> Verdict {
    fill(&store, &[due(1, 1)]).await?;
    for epoch in 1..=3 {
        let taken = store.claim(claim(1)).await.map_err(told)?;
        let row = taken.into_iter().next().ok_or("nothing was claimed")?;
        same(row.epoch, epoch, "epoch")?;
        let released = Message {
            status: Status::Approved,
            version: row.version + 1,
            lease_owner: None,
            lease_until: None,
            ..row.clone()
        };
        put(&store, |s| s.update_message(&row, released)).await?;
    }
    Ok(())
}

async fn leases_that_ran_out_are_listed(store: S) -> Verdict {
    fill(&store, &[due(1, 1)]).await?;
    take(&store, claim(1)).await?;
    for (minutes, wanted) in [(1, 0), (2, 0), (3, 1)] {
        let query = MessageQuery {
            statuses: vec![Status::Claimed],
            lease_before: Some(noon() + Duration::minutes(minutes)),
            ..MessageQuery::default()
        };
        let page = store.messages(&ws(), query).await.map_err(told)?;
        same(page.items.len(), wanted, "leases that ran out")?;
    }
    Ok(())
}

/// Approved, not in test mode, not deleted, and due since then or longer: nothing else, whatever its channel or
/// campaign, oldest id first, a page at a time.
async fn what_waits_for_too_long_is_listed(store: S) -> Verdict {
    let since = |number, minutes_ago, status| Message {
        queued_at: Some(noon() - Duration::minutes(minutes_ago)),
        // When it may be claimed next does not matter.
        not_before: noon() + Duration::days(1),
        status,
        ..approved_message(number)
    };
    let mut rows = vec![
        since(1, 10, Status::Approved),
        since(2, 9, Status::Approved),
        since(3, 30, Status::Approved),
    ];
    for (number, status) in (4..).zip(Status::ALL) {
        if status != Status::Approved {
            rows.push(since(number, 60, status));
        }
    }
    rows.push(Message {
        test_mode: true,
        ..since(21, 60, Status::Approved)
    });
    rows.push(Message {
        deleted: true,
        ..since(22, 60, Status::Approved)
    });
    rows.push(Message {
        queued_at: None,
        ..since(23, 60, Status::Approved)
    });
    rows.push(Message {
        campaign_id: Some(campaign(1).id),
        occurrence: Some("2026".to_owned()),
        channel: "sms".to_owned(),
        ..since(24, 11, Status::Approved)
    });
    let mut paused = campaign(1);
    paused.status = CampaignStatus::Paused;
    put(&store, |s| s.insert_campaign(paused)).await?;
    fill(&store, &rows).await?;
    let list = |limit, statuses| {
        let page = PageRequest {
            limit,
            oldest_first: true,
            ..PageRequest::default()
        };
        let query = MessageQuery {
            statuses,
            queued_before: Some(noon() - Duration::minutes(10)),
            page,
            ..MessageQuery::default()
        };
        async { store.messages(&ws(), query).await.map_err(told) }
    };
    let ids = |numbers: &[u64]| -> Vec<MessageId> {
        numbers.iter().map(|number| message(*number).id).collect()
    };
    for statuses in [vec![], vec![Status::Approved]] {
        for (limit, wanted) in [(10, ids(&[1, 3, 24])), (2, ids(&[1, 3]))] {
            let page = list(limit, statuses.clone()).await?;
            let found: Vec<MessageId> = page.items.iter().map(|row| row.id).collect();
            same(found, wanted, "what waits for too long")?;
        }
    }
    let none = list(10, vec![Status::Sent]).await?;
    same(none.items.len(), 0, "what is approved and sent")
}

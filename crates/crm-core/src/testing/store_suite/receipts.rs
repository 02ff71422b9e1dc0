//! Receipts: kept once, looked at until they are settled; and the attempts they speak of.

use chrono::{DateTime, Duration, Utc};

use super::Case;
use super::kit::{S, next_message, other_ws, put, refuse, told, ws};
use crate::change::Change;
use crate::error::ErrorKind::{Conflict, Invalid, NotFound};
use crate::id::{AttemptId, MessageId};
use crate::message::{Attempt, AttemptOutcome, Message, Status};
use crate::port::callback::{About, Fate, Receipt};
use crate::port::store::ReceiptQuery;
use crate::receipt::{KeptReceipt, ReceiptState};
use crate::testing::fixtures::{approved_message, attempt, noon};
use crate::testing::ids::nth;
use crate::testing::suite::{Verdict, ensure, list, same};

pub(super) fn cases() -> Vec<Case> {
    list![
        receipts_come_back_as_they_were_kept,
        a_receipt_is_kept_once,
        receipts_are_listed_by_what_is_due,
        a_receipt_is_settled_once,
        a_receipt_waits_on,
        an_unknown_receipt_is_not_found,
        receipts_of_another_workspace_are_refused,
        a_workspace_that_holds_only_receipts_has_its_own,
        attempts_are_found_by_their_id,
        attempts_are_found_by_the_id_their_message_has,
        attempts_of_messages_that_learnt_an_id_afterwards_are_found,
    ]
}

fn kept(about: About, fate: Fate) -> KeptReceipt {
    let receipt = Receipt {
        about,
        fate,
        at: None,
    };
    KeptReceipt::new(ws(), "sms".to_owned(), receipt, noon())
}

fn provider(id: &str) -> About {
    About::ProviderId(id.to_owned())
}

fn failed(reason: &str, dead: bool) -> Fate {
    let reason = reason.to_owned();
    Fate::Failed { reason, dead }
}

fn insert(row: &KeptReceipt) -> Change {
    Change::InsertReceipt(Box::new(row.clone()))
}

fn update(row: &KeptReceipt) -> Change {
    Change::UpdateReceipt(Box::new(row.clone()))
}

fn later(seconds: i64) -> DateTime<Utc> {
    noon() + Duration::seconds(seconds)
}

async fn all(store: &S) -> Result<Vec<KeptReceipt>, String> {
    found(store, ReceiptQuery::default()).await
}

async fn found(store: &S, query: ReceiptQuery) -> Result<Vec<KeptReceipt>, String> {
    store.receipts(&ws(), query).await.map_err(told)
}

async fn receipts_come_back_as_they_were_kept(store: S) -> Verdict {
    let mut one = kept(provider("SM-Ёж:1"), failed("30005 ‹yoʻq›", true));
    one.receipt.at = Some(later(-7));
    let rows = [
        one,
        kept(provider("SM-Ёж:1"), Fate::Accepted),
        kept(About::Attempt(AttemptId(nth(5))), Fate::Read),
        KeptReceipt {
            due_at: later(1),
            ..kept(About::Attempt(AttemptId(nth(5))), Fate::Delivered)
        },
        KeptReceipt {
            channel: "whatsapp".to_owned(),
            due_at: later(2),
            ..kept(provider("SM-Ёж:1"), failed("", false))
        },
    ];
    for row in &rows {
        put(&store, |s| s.push(insert(row))).await?;
    }
    let found = all(&store).await?;
    same(found.len(), rows.len(), "number of receipts")?;
    for row in &rows {
        ensure(found.contains(row), "a receipt is not what was kept")?;
    }
    Ok(())
}

async fn a_receipt_is_kept_once(store: S) -> Verdict {
    let first = kept(provider("SM1"), failed("30003", false));
    let again = KeptReceipt {
        received_at: later(9),
        due_at: later(9),
        ..kept(provider("SM1"), failed("30005", true))
    };
    put(&store, |s| s.push(insert(&first))).await?;
    put(&store, |s| s.push(insert(&again))).await?;
    put(&store, |s| s.push(insert(&first)).push(insert(&again))).await?;
    ensure(all(&store).await? == [first.clone()], "it was kept again")?;
    // Once it is settled, too.
    let settled = first.settled(MessageId(nth(1)), later(1));
    put(&store, |s| s.push(update(&settled))).await?;
    put(&store, |s| s.push(insert(&again))).await?;
    ensure(all(&store).await? == [settled], "it was kept anew")
}

async fn receipts_are_listed_by_what_is_due(store: S) -> Verdict {
    let due = |id: &str, seconds: i64| KeptReceipt {
        due_at: later(seconds),
        ..kept(provider(id), Fate::Delivered)
    };
    let (late, soon, now) = (due("a", 60), due("b", 5), due("c", 0));
    for row in [&late, &soon, &now] {
        put(&store, |s| s.push(insert(row))).await?;
    }
    let done = now.settled(MessageId(nth(7)), later(1));
    put(&store, |s| s.push(update(&done))).await?;
    let query = ReceiptQuery::default;
    let waiting = Some(ReceiptState::Waiting);
    let until = |at: i64| ReceiptQuery {
        state: waiting,
        due_before: Some(later(at)),
        ..query()
    };
    let of = |number: u64| ReceiptQuery {
        message_id: Some(MessageId(nth(number))),
        ..query()
    };
    let part = |limit: u32, skip: u32| ReceiptQuery {
        limit,
        skip,
        ..query()
    };
    let cases: [(ReceiptQuery, &[&KeptReceipt]); 8] = [
        (query(), &[&done, &soon, &late]),
        (until(4), &[]),
        (until(5), &[&soon]),
        (until(60), &[&soon, &late]),
        (of(7), &[&done]),
        (of(8), &[]),
        (part(2, 0), &[&done, &soon]),
        (part(2, 2), &[&late]),
    ];
    for (query, wanted) in cases {
        let text = format!("{query:?}");
        let rows = found(&store, query).await?;
        ensure(rows.iter().eq(wanted.iter().copied()), &text)?;
    }
    Ok(())
}

async fn a_receipt_is_settled_once(store: S) -> Verdict {
    let row = kept(provider("SM1"), Fate::Delivered);
    put(&store, |s| s.push(insert(&row))).await?;
    let settled = row.settled(MessageId(nth(1)), later(1));
    // Another set wrote first: whoever read it before decides anew.
    let two_ahead = KeptReceipt {
        tries: settled.tries + 1,
        ..settled.clone()
    };
    refuse(&store, Conflict, |s| s.push(update(&two_ahead))).await?;
    put(&store, |s| s.push(update(&settled))).await?;
    refuse(&store, Conflict, |s| s.push(update(&settled))).await?;
    refuse(&store, Conflict, |s| s.push(update(&two_ahead))).await?;
    ensure(all(&store).await? == [settled], "the receipt moved on")
}

async fn a_receipt_waits_on(store: S) -> Verdict {
    let row = kept(provider("SM1"), Fate::Delivered);
    put(&store, |s| s.push(insert(&row))).await?;
    let next = row.postponed(later(0));
    // What was said, and when it came, stays.
    let told = KeptReceipt {
        received_at: later(-50),
        receipt: Receipt {
            at: Some(later(3)),
            ..row.receipt.clone()
        },
        ..next.clone()
    };
    put(&store, |s| s.push(update(&told))).await?;
    ensure(
        all(&store).await? == [next.clone()],
        "it is not the next look",
    )?;
    let over = next.postponed(later(4 * 24 * 3600));
    same(over.state, ReceiptState::Unmatched, "state after four days")?;
    put(&store, |s| s.push(update(&over))).await?;
    ensure(all(&store).await? == [over.clone()], "it is not given up")?;
    refuse(&store, Conflict, |s| {
        s.push(update(&over.settled(MessageId(nth(1)), noon())))
    })
    .await
}

async fn an_unknown_receipt_is_not_found(store: S) -> Verdict {
    let row = kept(provider("SM1"), Fate::Delivered);
    put(&store, |s| s.push(insert(&row))).await?;
    let strangers = [
        kept(provider("SM1"), Fate::Read),
        kept(provider("SM2"), Fate::Delivered),
        kept(About::Attempt(AttemptId(nth(1))), Fate::Delivered),
        KeptReceipt {
            channel: "whatsapp".to_owned(),
            ..row
        },
    ];
    for stranger in strangers {
        let next = stranger.postponed(noon());
        refuse(&store, NotFound, |s| s.push(update(&next))).await?;
    }
    Ok(())
}

async fn receipts_of_another_workspace_are_refused(store: S) -> Verdict {
    let foreign = KeptReceipt {
        workspace: other_ws()?,
        ..kept(provider("SM1"), Fate::Delivered)
    };
    refuse(&store, Invalid, |s| s.push(insert(&foreign))).await?;
    let next = foreign.postponed(noon());
    refuse(&store, Invalid, |s| s.push(update(&next))).await
}

async fn a_workspace_that_holds_only_receipts_has_its_own(store: S) -> Verdict {
    let row = kept(provider("SM1"), Fate::Delivered);
    put(&store, |s| s.push(insert(&row))).await?;
    let other = other_ws()?;
    let query = ReceiptQuery::default();
    let strange = store.receipts(&other, query).await.map_err(told)?;
    ensure(strange.is_empty(), "a stranger reads it")?;
    let spaces = store.workspaces().await.map_err(told)?;
    same(spaces, vec![ws()], "workspaces")
}

/// A message that was sent, and its attempt, which got this provider's id.
async fn sent(store: &S, number: u64, id: Option<&str>) -> Result<(Message, Attempt), String> {
    let message = Message {
        epoch: 1,
        status: Status::Sending,
        provider_id: id.map(str::to_owned),
        ..approved_message(number)
    };
    let attempt = Attempt {
        provider_id: id.map(str::to_owned),
        ..attempt(&message, number + 100)
    };
    let kept = put(store, |s| {
        s.insert_message(message.clone())
            .push(Change::InsertAttempt(attempt.clone()))
    });
    kept.await.map_err(|failure| format!("{failure:?}"))?;
    Ok((message, attempt))
}

async fn attempts(store: &S, about: &[About]) -> Result<Vec<AttemptId>, String> {
    let found = store.attempts(&ws(), about).await.map_err(told)?;
    let mut ids: Vec<_> = found.into_iter().map(|attempt| attempt.id).collect();
    ids.sort_unstable();
    Ok(ids)
}

async fn attempts_are_found_by_their_id(store: S) -> Verdict {
    let (_, one) = sent(&store, 1, None).await?;
    let (_, two) = sent(&store, 2, None).await?;
    let about = [
        About::Attempt(two.id),
        About::Attempt(AttemptId(nth(999))),
        About::Attempt(one.id),
        About::Attempt(two.id),
    ];
    same(
        attempts(&store, &about).await?,
        vec![one.id, two.id],
        "attempts",
    )?;
    let found = store.attempts(&ws(), &about[..1]).await.map_err(told)?;
    same(found, vec![two.clone()], "the attempt")?;
    let strange = store.attempts(&other_ws()?, &about).await.map_err(told)?;
    same(strange, Vec::new(), "attempts a stranger finds")?;
    same(
        attempts(&store, &[]).await?,
        Vec::new(),
        "attempts of no name",
    )
}

async fn attempts_are_found_by_the_id_their_message_has(store: S) -> Verdict {
    let (_, one) = sent(&store, 1, Some("SM1")).await?;
    // The same id in two messages of two channels.
    let (_, two) = sent(&store, 2, Some("SM2")).await?;
    let (_, three) = sent(&store, 3, Some("SM2")).await?;
    let (message, old) = sent(&store, 4, Some("SM4")).await?;
    let (_, none) = sent(&store, 5, None).await?;
    let after = Message {
        provider_id: None,
        ..next_message(&message)
    };
    put(&store, |s| s.update_message(&message, after)).await?;
    let both = [provider("SM1"), About::Attempt(one.id), provider("SM1")];
    same(
        attempts(&store, &both).await?,
        vec![one.id],
        "one by two names",
    )?;
    let found = attempts(&store, &[provider("SM2"), About::Attempt(none.id)]).await?;
    same(
        found,
        vec![two.id, three.id, none.id],
        "attempts of SM2 and one more",
    )?;
    let found = attempts(&store, &[provider("SM4"), provider(""), provider("sm1")]).await?;
    same(found, Vec::new(), "attempts of an id that is out of date")?;
    same(
        attempts(&store, &[About::Attempt(old.id)]).await?,
        vec![old.id],
        "the old one",
    )
}

async fn attempts_of_messages_that_learnt_an_id_afterwards_are_found(store: S) -> Verdict {
    for (number, outcome, wanted) in [
        (1, AttemptOutcome::Unknown, true),
        (2, AttemptOutcome::Rejected, false),
    ] {
        let (message, attempt) = sent(&store, number, None).await?;
        let finished = Attempt {
            finished_at: Some(noon()),
            outcome: Some(outcome),
            ..attempt.clone()
        };
        let id = format!("SM{number}");
        let after = Message {
            provider_id: Some(id.clone()),
            ..next_message(&message)
        };
        put(&store, |s| {
            s.update_message(&message, after)
                .push(Change::FinishAttempt(finished))
        })
        .await?;
        let found = attempts(&store, &[provider(&id)]).await?;
        same(
            found,
            if wanted { vec![attempt.id] } else { Vec::new() },
            "attempts",
        )?;
    }
    Ok(())
}

//! What is left of an erased person: nothing that says who it was, and marks of addresses that nothing is sent to.

use super::Case;
use super::kit::{
    S, commit, message_of, next_contact, next_message, other_ws, put, refuse, set, told, ws,
};
use crate::change::{Change, ChangeSet, Precondition};
use crate::consent::Suppression;
use crate::consent::erasure::{ERASED, EVERY_CHANNEL, ErasedAddresses};
use crate::consent::window::Inbound;
use crate::contact::Contact;
use crate::error::ErrorKind::{Conflict, Invalid};
use crate::id::ContactId;
use crate::message::history::{Subject, Verifier};
use crate::message::{AttemptOutcome, Message, Status};
use crate::port::callback::{About, Fate, Receipt};
use crate::port::store::{EventQuery, ReceiptQuery, SuppressionQuery};
use crate::receipt::KeptReceipt;
use crate::testing::fixtures::{
    approval, approved_message, attempt, contact, event, message, noon, suppression, with_digest,
};
use crate::testing::suite::{Verdict, ensure, list, same};

pub(super) fn cases() -> Vec<Case> {
    list![
        an_erased_address_is_suppressed_on_every_channel,
        nobody_keeps_an_erased_address,
        the_address_itself_finds_its_mark,
        an_erased_address_is_not_written_down_again,
        a_mark_is_lifted_by_the_address,
        erasing_again_changes_nothing,
        an_erasure_that_fails_leaves_no_mark,
        an_erased_address_is_one_of_its_workspace,
        words_about_an_erased_person_go,
        what_comes_in_later_brings_nothing_back,
    ]
}

/// With addresses of every kind.
fn person() -> Contact {
    let mut row = contact(1);
    row.fields.email = Some("anna1@example.org".to_owned());
    row.fields.phone = Some("+998901234567".to_owned());
    row.fields.whatsapp = Some("+998901234568".to_owned());
    row.fields.telegram_chat_id = Some("@Anna_Uz".to_owned());
    row.fields.external_id = Some("C-1".to_owned());
    row
}

/// A message that went to an address the person has no more.
fn moved() -> Message {
    with_digest(Message {
        recipient: "old@example.org".to_owned(),
        ..message(1)
    })
}

const ADDRESSES: [&str; 6] = [
    "anna1@example.org",
    "+998901234567",
    "+998901234568",
    "@Anna_Uz",
    "C-1",
    "old@example.org",
];

fn marks(id: ContactId, salt: u8) -> Change {
    Change::SuppressErased(Box::new(ErasedAddresses {
        workspace: ws(),
        contact_id: id,
        salt: [salt; 16],
        created_by: "root".to_owned(),
        created_at: noon(),
    }))
}

/// As the engine erases.
fn erase<'s>(set: &'s mut ChangeSet, before: &Contact, salt: u8) -> &'s mut ChangeSet {
    set.push(marks(before.id, salt))
        .push(Change::EraseTexts(before.id))
        .update_contact(before, before.erased(noon()))
}

async fn erased(store: &S) -> Verdict {
    let row = person();
    put(store, |s| {
        s.insert_contact(row.clone()).insert_message(moved())
    })
    .await?;
    put(store, |s| erase(s, &row, 7)).await
}

fn not_suppressed(channel: &str, address: &str) -> ChangeSet {
    set(|s| {
        s.require(Precondition::NotSuppressed {
            channel: channel.to_owned(),
            address: address.to_owned(),
        })
    })
}

async fn is_free(store: &S, channel: &str, address: &str) -> Result<bool, String> {
    match commit(store, not_suppressed(channel, address)).await? {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == Conflict => Ok(false),
        Err(error) => Err(told(error)),
    }
}

async fn listed(store: &S, query: SuppressionQuery) -> Result<Vec<Suppression>, String> {
    let found = store.suppressions(&ws(), query).await.map_err(told)?;
    Ok(found.items)
}

fn of(channel: Option<&str>, addresses: &[&str]) -> SuppressionQuery {
    SuppressionQuery {
        channel: channel.map(str::to_owned),
        addresses: addresses.iter().map(|&one| one.to_owned()).collect(),
        ..SuppressionQuery::default()
    }
}

async fn an_erased_address_is_suppressed_on_every_channel(store: S) -> Verdict {
    // Who has the same addresses, before and afterwards.
    let mut other = message(2);
    other.recipient = "+998901234567".to_owned();
    "sms".clone_into(&mut other.channel);
    let other = with_digest(other);
    put(&store, |s| {
        s.insert_contact(contact(2)).insert_message(other.clone())
    })
    .await?;
    for address in ADDRESSES {
        ensure(
            is_free(&store, "sms", address).await?,
            "suppressed too early",
        )?;
    }
    let seen = async || -> Result<bool, String> {
        let views = store.dispatch(&ws(), &[other.id]).await.map_err(told)?;
        views
            .first()
            .map(|view| view.suppressed)
            .ok_or_else(|| "no view".to_owned())
    };
    ensure(!seen().await?, "a view is suppressed too early")?;
    erased(&store).await?;
    for address in ADDRESSES {
        for channel in ["email", "sms", "never heard of"] {
            ensure(
                !is_free(&store, channel, address).await?,
                "an erased address is not suppressed",
            )?;
        }
    }
    ensure(
        !is_free(&store, "email", " ANNA1@Example.org").await?,
        "an erased address is not suppressed in another spelling",
    )?;
    for address in ["anna2@example.org", "c-1", "+99890123456", ""] {
        ensure(
            is_free(&store, "sms", address).await?,
            "another address is suppressed",
        )?;
    }
    ensure(seen().await?, "a view is not suppressed")
}

async fn nobody_keeps_an_erased_address(store: S) -> Verdict {
    let (row, mut by_hand) = (person(), suppression("ANNA1@example.org"));
    "sms".clone_into(&mut by_hand.channel);
    let bystander = suppression("anna2@example.org");
    put(&store, |s| {
        s.insert_contact(row.clone())
            .insert_message(moved())
            .push(Change::InsertSuppression(suppression("old@example.org")))
            .push(Change::InsertSuppression(suppression("C-1")))
            .push(Change::InsertSuppression(by_hand))
            .push(Change::InsertSuppression(bystander.clone()))
    })
    .await?;
    put(&store, |s| erase(s, &row, 7)).await?;
    let all = listed(&store, SuppressionQuery::default()).await?;
    let mark = Suppression {
        channel: EVERY_CHANNEL.to_owned(),
        address: String::new(),
        reason: ERASED.to_owned(),
        created_by: "root".to_owned(),
        ..bystander.clone()
    };
    let mut wanted = vec![mark; ADDRESSES.len()];
    wanted.push(bystander);
    same(all, wanted.clone(), "suppressions")?;
    same(
        listed(&store, of(Some(EVERY_CHANNEL), &[])).await?,
        wanted
            .split_off(0)
            .into_iter()
            .take(ADDRESSES.len())
            .collect(),
        "suppressions of erased people",
    )?;
    same(
        listed(&store, of(Some("sms"), &[])).await?.len(),
        0,
        "suppressions of a channel",
    )
}

async fn the_address_itself_finds_its_mark(store: S) -> Verdict {
    erased(&store).await?;
    put(&store, |s| {
        s.push(Change::InsertSuppression(suppression("z@example.org")))
    })
    .await?;
    let asked = [
        "z@example.org",
        "C-1",
        "Anna1@example.org",
        "nobody",
        "anna1@example.org",
    ];
    let found = |rows: Vec<Suppression>| -> Vec<String> {
        let told = |row: Suppression| format!("{} {} {}", row.channel, row.address, row.reason);
        rows.into_iter().map(told).collect()
    };
    let wanted = [
        "* Anna1@example.org erased",
        "* C-1 erased",
        "* anna1@example.org erased",
        "email z@example.org unsubscribed",
    ];
    let wanted: Vec<String> = wanted.map(str::to_owned).into();
    for channel in [None, Some("email")] {
        same(
            found(listed(&store, of(channel, &asked)).await?),
            wanted.clone(),
            "found",
        )?;
    }
    let cut = |rows: std::ops::Range<usize>| wanted.get(rows).map(<[String]>::to_vec);
    same(
        Some(found(listed(&store, of(Some("sms"), &asked)).await?)),
        cut(0..3),
        "found on another channel",
    )?;
    for (skip, limit) in [(0, 2), (2, 2), (1, 1), (3, 5), (4, 5)] {
        let query = SuppressionQuery {
            skip,
            limit,
            ..of(None, &asked)
        };
        let (from, to) = (skip as usize, 4.min((skip + limit) as usize));
        same(
            Some(found(listed(&store, query).await?)),
            cut(from..to),
            "a part",
        )?;
    }
    // A mark is no address.
    let hidden = crate::consent::erasure::mark(&[7; 16], "C-1");
    same(
        listed(&store, of(None, &[&hidden])).await?.len(),
        0,
        "found by a mark",
    )
}

async fn an_erased_address_is_not_written_down_again(store: S) -> Verdict {
    erased(&store).await?;
    let before = listed(&store, SuppressionQuery::default()).await?;
    let wrote = |address: &str| {
        Change::RecordInbound(Inbound {
            workspace: ws(),
            channel: "chat".to_owned(),
            address: address.to_owned(),
            at: noon(),
        })
    };
    put(&store, |s| {
        s.push(Change::InsertSuppression(suppression("old@example.org")))
            .push(wrote("+998901234567"))
            .push(wrote("+998900000000"))
    })
    .await?;
    same(
        listed(&store, SuppressionQuery::default()).await?,
        before,
        "suppressions",
    )?;
    let asked = ["+998901234567", "+998900000000"].map(str::to_owned);
    let found = store.inbound(&ws(), "chat", &asked).await.map_err(told)?;
    same(
        found.keys().map(String::as_str).collect::<Vec<_>>(),
        vec!["+998900000000"],
        "who wrote",
    )
}

async fn a_mark_is_lifted_by_the_address(store: S) -> Verdict {
    erased(&store).await?;
    let lift = |address: &str, reason: Option<&str>| Change::DeleteSuppression {
        channel: "email".to_owned(),
        address: address.to_owned(),
        reason: reason.map(str::to_owned),
    };
    put(&store, |s| {
        s.push(lift("nobody@example.org", None))
            .push(lift("old@example.org", Some("reply")))
    })
    .await?;
    ensure(
        !is_free(&store, "sms", "old@example.org").await?,
        "lifted by another reason",
    )?;
    put(&store, |s| s.push(lift("OLD@example.org", None))).await?;
    ensure(
        is_free(&store, "sms", "old@example.org").await?,
        "not lifted",
    )?;
    put(&store, |s| s.push(lift("C-1", Some(ERASED)))).await?;
    ensure(
        is_free(&store, "sms", "C-1").await?,
        "not lifted by its reason",
    )?;
    let left = listed(&store, SuppressionQuery::default()).await?;
    same(
        left.len(),
        ADDRESSES.len() - 2,
        "suppressions that are left",
    )?;
    // From then on it is an address like any other.
    put(&store, |s| {
        s.push(Change::InsertSuppression(suppression("old@example.org")))
    })
    .await?;
    let found = listed(&store, of(None, &["old@example.org"])).await?;
    same(found, vec![suppression("old@example.org")], "suppressions")
}

async fn erasing_again_changes_nothing(store: S) -> Verdict {
    erased(&store).await?;
    let before = listed(&store, SuppressionQuery::default()).await?;
    // The salt that is there stays: marks made with another one would not be found.
    put(&store, |s| {
        s.push(marks(person().id, 8))
            .push(Change::EraseTexts(person().id))
    })
    .await?;
    same(
        listed(&store, SuppressionQuery::default()).await?,
        before,
        "suppressions",
    )?;
    for address in ADDRESSES {
        ensure(
            !is_free(&store, "sms", address).await?,
            "an address is free again",
        )?;
    }
    // So it is when another person is erased, and when one has an address that was erased before.
    let mut twin = contact(2);
    twin.fields.phone = Some("+998901234567".to_owned());
    put(&store, |s| s.insert_contact(twin.clone())).await?;
    put(&store, |s| erase(s, &twin, 9)).await?;
    for address in ADDRESSES.into_iter().chain(["anna2@example.org"]) {
        ensure(
            !is_free(&store, "sms", address).await?,
            "an address is free again",
        )?;
    }
    let all = listed(&store, SuppressionQuery::default()).await?;
    same(all.len(), ADDRESSES.len() + 2, "suppressions")
}

async fn an_erasure_that_fails_leaves_no_mark(store: S) -> Verdict {
    let row = person();
    let known = suppression("C-1");
    put(&store, |s| {
        s.insert_contact(row.clone())
            .insert_message(moved())
            .push(Change::InsertSuppression(known.clone()))
    })
    .await?;
    let stale = next_contact(&row);
    refuse(&store, Conflict, |s| erase(s, &stale, 7)).await?;
    same(
        listed(&store, SuppressionQuery::default()).await?,
        vec![known],
        "suppressions",
    )?;
    same(
        message_of(&store, moved().id).await?,
        Some(moved()),
        "message",
    )?;
    ensure(
        is_free(&store, "sms", "old@example.org").await?,
        "a mark was left",
    )?;
    // The salt of what failed is not kept either.
    put(&store, |s| erase(s, &row, 8)).await?;
    ensure(
        !is_free(&store, "sms", "old@example.org").await?,
        "not suppressed",
    )
}

async fn an_erased_address_is_one_of_its_workspace(store: S) -> Verdict {
    let mut set = ChangeSet::new(other_ws()?);
    set.push(marks(person().id, 1));
    match commit(&store, set).await? {
        Err(error) => same(error.kind(), Invalid, "kind of refusal")?,
        Ok(()) => return Err("a row of another workspace was written".into()),
    }
    erased(&store).await?;
    let mut set = ChangeSet::new(other_ws()?);
    set.require(Precondition::NotSuppressed {
        channel: "email".to_owned(),
        address: "old@example.org".to_owned(),
    });
    commit(&store, set).await?.map_err(told)?;
    let other = other_ws()?;
    let found = store.suppressions(&other, of(None, &["old@example.org"]));
    same(
        found.await.map_err(told)?.items.len(),
        0,
        "suppressions of another workspace",
    )
}

fn receipt(about: About, reason: &str) -> KeptReceipt {
    let fate = Fate::Failed {
        reason: reason.to_owned(),
        dead: false,
    };
    let receipt = Receipt {
        about,
        fate,
        at: None,
    };
    KeptReceipt::new(ws(), "email".to_owned(), receipt, noon())
}

fn provider(id: &str) -> About {
    About::ProviderId(id.to_owned())
}

/// All receipts.
async fn receipts(store: &S) -> Result<Vec<KeptReceipt>, String> {
    store
        .receipts(&ws(), ReceiptQuery::default())
        .await
        .map_err(told)
}

/// Whether the chain verifies, and the reasons that are left.
async fn history(store: &S) -> Result<Vec<Option<String>>, String> {
    store.seal(&ws(), 99).await.map_err(told)?;
    let query = EventQuery {
        sealed_after: Some(0),
        ..EventQuery::default()
    };
    let events = store.events(&ws(), query).await.map_err(told)?;
    let mut verifier = Verifier::default();
    for stored in &events {
        verifier.push(&stored.event, stored.seal.ok_or("an event is not sealed")?);
        if stored.event.reason.is_none() && stored.event.reason_salt.is_some() {
            return Err("a salt is left without its reason".to_owned());
        }
    }
    let end = store.checkpoint(&ws()).await.map_err(told)?;
    match verifier.finish(end) {
        None => Ok(events
            .into_iter()
            .map(|stored| stored.event.reason)
            .collect()),
        Some(bad) => Err(format!("the chain breaks at {bad}")),
    }
}

async fn words_about_an_erased_person_go(store: S) -> Verdict {
    let row = contact(1);
    let mut words = 0;
    let mut said = |subject, number: u64, reason: &str| {
        words += 1;
        let mut event = event(words, subject, number);
        event.reason = Some(reason.to_owned());
        event.reason_salt =
            matches!(subject, Subject::Contact | Subject::Message).then_some([5; 16]);
        event
    };
    let events = [
        said(Subject::Contact, 1, "Anna asked"),
        said(Subject::Message, 1, "Anna moved"),
        said(Subject::Message, 2, "Boris moved"),
        said(Subject::Contact, 2, "Boris asked"),
        said(Subject::Campaign, 1, "active"),
    ];
    let (mut mine, mut other) = (approved_message(1), approved_message(2));
    for (message, id) in [(&mut mine, "chat-1:55"), (&mut other, "chat-2:55")] {
        message.provider_id = Some(id.to_owned());
        message.failure = Some(format!("{id} is full"));
    }
    put(&store, |s| {
        s.insert_contact(row.clone())
            .insert_contact(contact(2))
            .insert_message(mine.clone())
            .insert_message(other.clone());
        for (number, message) in [(1, &mine), (2, &other)] {
            let mut approval = approval(message);
            approval.override_reason = Some("she insists".to_owned());
            let mut attempt = attempt(message, number);
            attempt.finished_at = Some(noon());
            attempt.outcome = Some(AttemptOutcome::Rejected);
            attempt.provider_id = Some(format!("chat-{number}:54"));
            attempt.reason = Some("no such person".to_owned());
            s.push(Change::InsertApproval(approval));
            let by_attempt = About::Attempt(attempt.id);
            s.push(Change::InsertAttempt(attempt));
            let mut settled = receipt(provider(&format!("told-{number}")), "gone");
            settled.message_id = Some(message.id);
            let about = [
                provider(&format!("chat-{number}:55")),
                provider(&format!("chat-{number}:54")),
            ];
            let waiting = about.map(|about| receipt(about, "gone"));
            let all = [settled, receipt(by_attempt, "gone")]
                .into_iter()
                .chain(waiting);
            for one in all {
                s.push(Change::InsertReceipt(Box::new(one)));
            }
        }
        for event in events {
            s.event(event);
        }
        s
    })
    .await?;
    history(&store).await?;
    let others = |rows: Vec<KeptReceipt>| -> Vec<KeptReceipt> {
        let theirs = |row: &KeptReceipt| {
            row.message_id == Some(other.id)
                || row.provider_id().is_some_and(|id| id.starts_with("chat-2"))
                || row.receipt.about == About::Attempt(attempt(&other, 2).id)
        };
        rows.into_iter().filter(theirs).collect()
    };
    let all = receipts(&store).await?;
    same(all.len(), 8, "receipts")?;
    let kept = others(all);
    let trail = store.trail(&ws(), other.id).await.map_err(told)?;

    put(&store, |s| erase(s, &row, 7)).await?;
    same(
        history(&store).await?,
        [
            None,
            None,
            Some("Boris moved"),
            Some("Boris asked"),
            Some("active"),
        ]
        .map(|reason| reason.map(str::to_owned))
        .into(),
        "reasons",
    )?;
    let found = message_of(&store, mine.id).await?.ok_or("no message")?;
    same(
        (found.provider_id, found.failure),
        (None, None),
        "what a provider said",
    )?;
    let found = store.trail(&ws(), mine.id).await.map_err(told)?;
    same(
        (found.approvals.len(), found.attempts.len()),
        (1, 1),
        "what happened",
    )?;
    let silent = found
        .approvals
        .iter()
        .all(|row| row.override_reason.is_none())
        && found
            .attempts
            .iter()
            .all(|row| row.provider_id.is_none() && row.reason.is_none());
    ensure(silent, "words are left in the trail")?;
    ensure(
        found
            .attempts
            .iter()
            .all(|row| row.outcome == Some(AttemptOutcome::Rejected)),
        "what came out is gone",
    )?;
    // What waits under an attempt's id is still to be decided on.
    let left = receipts(&store).await?;
    same(others(left.clone()), kept, "receipts of another person")?;
    let left: Vec<KeptReceipt> = left
        .into_iter()
        .filter(|row| !others(vec![row.clone()]).contains(row))
        .collect();
    same(
        left,
        vec![receipt(About::Attempt(attempt(&mine, 1).id), "")],
        "receipts",
    )?;
    same(
        message_of(&store, other.id).await?,
        Some(other.clone()),
        "another message",
    )?;
    same(
        store.trail(&ws(), other.id).await.map_err(told)?,
        trail,
        "another trail",
    )
}

async fn what_comes_in_later_brings_nothing_back(store: S) -> Verdict {
    let row = contact(1);
    let mut sending = approved_message(1);
    sending.status = Status::Sending;
    let open = attempt(&sending, 1);
    put(&store, |s| {
        s.insert_contact(row.clone())
            .insert_message(sending.clone())
            .push(Change::InsertAttempt(open.clone()))
    })
    .await?;
    put(&store, |s| erase(s, &row, 7)).await?;
    // Decided on the message as it was before.
    let mut sent = next_message(&sending);
    sent.status = Status::Sent;
    sent.provider_id = Some("chat-1:55".to_owned());
    sent.failure = Some("anna is slow".to_owned());
    let mut done = open;
    done.finished_at = Some(noon());
    done.outcome = Some(AttemptOutcome::Accepted);
    done.provider_id.clone_from(&sent.provider_id);
    done.reason = Some("anna has it".to_owned());
    put(&store, |s| {
        s.update_message(&sending, sent.clone())
            .push(Change::FinishAttempt(done))
    })
    .await?;
    let found = message_of(&store, sent.id).await?.ok_or("no message")?;
    same(found.status, Status::Sent, "status")?;
    same(
        (&found.provider_id, &found.failure),
        (&None, &None),
        "what the provider said",
    )?;
    let trail = store.trail(&ws(), sent.id).await.map_err(told)?;
    let told_of = trail.attempts.first().ok_or("no attempt")?;
    same(told_of.outcome, Some(AttemptOutcome::Accepted), "outcome")?;
    same(
        (&told_of.provider_id, &told_of.reason),
        (&None, &None),
        "what the attempt says",
    )?;
    let mut edited = next_message(&sent);
    edited.revision.number += 1;
    edited.revision.content = "Anna, hello".to_owned();
    let edited = with_digest(edited);
    refuse(&store, Conflict, |s| s.update_message(&sent, edited)).await
}

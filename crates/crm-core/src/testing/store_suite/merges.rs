//! Two contacts become one: what the store moves, and what an engine over it makes of that.

use std::collections::BTreeSet;

use serde_json::json;

use super::Case;
use super::kit::{
    S, at, contact_of, everything, message_of, next_message, other_ws, put, refuse, told, ws,
};
use crate::audience::Audience;
use crate::campaign::{Campaign, PlanRow};
use crate::change::Change;
use crate::contact::{Contact, ContactFields, ContactPatch};
use crate::engine::{MergeOptions, NewDraft, UpsertOptions, Upserted};
use crate::error::ErrorKind;
use crate::id::{ContactId, MessageId};
use crate::intake::Kind;
use crate::message::decide::Seen;
use crate::message::history::Subject;
use crate::message::{Message, Occasion, Status, digest};
use crate::port::store::{ContactKeys, ContactQuery, EventQuery, MessageQuery, PlanQuery};
use crate::testing::fixtures::{
    approval, approved_message, campaign, contact, message, plan_row, with_digest,
};
use crate::testing::office::Office;
use crate::testing::suite::{Verdict, ensure, list, same};

pub(super) fn cases() -> Vec<Case> {
    list![
        messages_move_and_keep_their_digests,
        of_a_run_there_is_one_message_as_before,
        of_two_lines_that_with_a_message_stays,
        a_merged_contact_is_found_by_its_old_id_alone,
        contacts_that_were_merged_before_come_along,
        a_merge_joins_what_is_known,
        what_has_not_left_is_approved_anew,
        a_merge_that_cannot_be_is_refused,
        the_host_reaches_who_was_merged,
        erasing_reaches_what_was_merged,
    ]
}

fn id(number: u64) -> ContactId {
    contact(number).id
}

fn moved(from: u64, to: u64) -> Change {
    Change::MoveHistory {
        from: id(from),
        to: id(to),
    }
}

/// The second contact without a name of its own, merged into the first.
fn tombstone(of: &Contact, kept: &Contact) -> Contact {
    of.merged(kept, of.updated_at)
}

async fn two(store: &S) -> Verdict {
    for number in [1, 2] {
        put(store, |s| s.insert_contact(contact(number))).await?;
    }
    Ok(())
}

async fn messages_of(store: &S, number: u64) -> Result<Vec<Message>, String> {
    let query = MessageQuery {
        contact_id: Some(id(number)),
        with_deleted: true,
        page: everything(),
        ..MessageQuery::default()
    };
    let mut rows = store.messages(&ws(), query).await.map_err(told)?.items;
    rows.sort_by_key(|row| row.id);
    Ok(rows)
}

async fn messages_move_and_keep_their_digests(store: S) -> Verdict {
    two(&store).await?;
    let (mut first, second) = (approved_message(2), message(1));
    first.status = Status::Approved;
    let deleted = Message {
        id: message(3).id,
        deleted: true,
        ..message(2)
    };
    let deleted = with_digest(Message {
        revision: crate::message::Revision {
            message_id: deleted.id,
            ..deleted.revision.clone()
        },
        ..deleted
    });
    for row in [&first, &second, &deleted] {
        put(&store, |s| s.insert_message(row.clone())).await?;
    }
    put(&store, |s| s.push(Change::InsertApproval(approval(&first)))).await?;
    put(&store, |s| s.push(moved(2, 1))).await?;
    let now = messages_of(&store, 1).await?;
    let of = |row: &Message| Message {
        contact_id: id(1),
        written_for: Some(id(2)),
        ..row.clone()
    };
    same(
        now.clone(),
        vec![second, of(&first), of(&deleted)],
        "messages",
    )?;
    same(
        messages_of(&store, 2).await?,
        vec![],
        "messages of the other",
    )?;
    for row in &now {
        same(digest::digest(row), row.digest, "digest")?;
    }
    let view = store.dispatch(&ws(), &[first.id]).await.map_err(told)?;
    let view = at(&view, 0)?;
    same(
        (
            view.contact.id,
            &view.message,
            view.approval.as_ref().map(|one| one.digest),
        ),
        (id(1), &of(&first), Some(first.digest)),
        "what is looked at before delivery",
    )?;
    // Nobody who changes the message later takes it back, whatever they read before.
    let mut later = next_message(&first);
    later.status = Status::Cancelled;
    put(&store, |s| s.update_message(&first, later.clone())).await?;
    same(
        message_of(&store, first.id).await?,
        Some(of(&later)),
        "a later change",
    )?;
    put(&store, |s| s.insert_contact(contact(4)).push(moved(1, 4))).await?;
    let again = messages_of(&store, 4).await?;
    let written: Vec<_> = again.iter().map(|row| row.written_for).collect();
    same(
        written,
        vec![Some(id(1)), Some(id(2)), Some(id(2))],
        "whom they were written for",
    )?;
    ensure(
        again.iter().all(|row| row.digest == digest::digest(row)),
        "digests after a second merge",
    )
}

/// A message of the campaign's run to the contact.
fn of_run(campaign: &Campaign, number: u64, to: u64) -> Message {
    let mut row = message(number);
    row.contact_id = id(to);
    row.campaign_id = Some(campaign.id);
    row.occurrence.clone_from(&campaign.occurrence);
    with_digest(row)
}

async fn of_a_run_there_is_one_message_as_before(store: S) -> Verdict {
    two(&store).await?;
    let (both, theirs) = (campaign(900), campaign(901));
    for row in [&both, &theirs] {
        put(&store, |s| s.insert_campaign(row.clone())).await?;
    }
    let rows = [
        of_run(&both, 11, 1),
        of_run(&both, 12, 2),
        of_run(&theirs, 13, 2),
    ];
    for row in &rows {
        put(&store, |s| s.insert_message(row.clone())).await?;
    }
    put(&store, |s| s.push(moved(2, 1))).await?;
    same(messages_of(&store, 1).await?.len(), 3, "messages")?;
    for run in [&both, &theirs] {
        refuse(&store, ErrorKind::Duplicate, |s| {
            s.insert_message(of_run(run, 14, 1))
        })
        .await?;
    }
    // And so it stays when that contact is merged, with one that has a message of its own or none.
    for number in [3, 4] {
        put(&store, |s| s.insert_contact(contact(number))).await?;
    }
    put(&store, |s| s.insert_message(of_run(&theirs, 15, 3))).await?;
    put(&store, |s| s.push(moved(1, 3)).push(moved(3, 4))).await?;
    same(
        messages_of(&store, 4).await?.len(),
        4,
        "messages after further merges",
    )?;
    for run in [&both, &theirs] {
        refuse(&store, ErrorKind::Duplicate, |s| {
            s.insert_message(of_run(run, 16, 4))
        })
        .await?;
    }
    // Whom nothing was merged into gets theirs.
    put(&store, |s| s.insert_message(of_run(&both, 17, 5))).await
}

async fn lines(store: &S, run: &Campaign) -> Result<Vec<PlanRow>, String> {
    let query = PlanQuery {
        campaign_id: run.id,
        occurrence: None,
        excluded: None,
        undrafted: false,
        batch: None,
        page: everything(),
    };
    Ok(store.plan(&ws(), query).await.map_err(told)?.items)
}

async fn of_two_lines_that_with_a_message_stays(store: S) -> Verdict {
    two(&store).await?;
    let line = |run: &Campaign, to: u64, message: Option<u64>, excluded: bool| PlanRow {
        message_id: message.map(|number| MessageId(crate::testing::ids::nth(number))),
        excluded: excluded.then(|| "no_consent".to_owned()),
        ..plan_row(run, to)
    };
    // What the kept contact has, what the other has, and what is left.
    let cases = [
        (None, Some((Some(1), false)), Some((Some(1), false))),
        (Some((Some(2), false)), None, Some((Some(2), false))),
        (
            Some((Some(3), false)),
            Some((Some(4), false)),
            Some((Some(3), false)),
        ),
        (
            Some((None, false)),
            Some((Some(5), false)),
            Some((Some(5), false)),
        ),
        (
            Some((None, true)),
            Some((Some(6), false)),
            Some((Some(6), false)),
        ),
        (Some((None, true)), Some((None, false)), Some((None, true))),
        (Some((None, false)), Some((None, true)), Some((None, false))),
        (None, None, None),
    ];
    let campaigns: Vec<Campaign> = (900..)
        .zip(&cases)
        .map(|(number, _)| campaign(number))
        .collect();
    for (run, (kept, gone, _)) in campaigns.iter().zip(&cases) {
        put(&store, |s| {
            s.insert_campaign(run.clone());
            for (number, there) in [(1, kept), (2, gone)] {
                if let Some((message, excluded)) = *there {
                    s.push(Change::InsertPlanRow(line(run, number, message, excluded)));
                }
            }
            s
        })
        .await?;
    }
    put(&store, |s| s.push(moved(2, 1))).await?;
    for (run, (_, _, left)) in campaigns.iter().zip(&cases) {
        let wanted = left.map(|(message, excluded)| line(run, 1, message, excluded));
        same(
            lines(&store, run).await?,
            wanted.into_iter().collect(),
            "lines",
        )?;
    }
    // Conditions about campaigns see them.
    let first = at(&campaigns, 0)?;
    let query = ContactQuery {
        audience: Some(Audience::InCampaign(first.id)),
        ..ContactQuery::default()
    };
    let found = store.contacts(&ws(), query).await.map_err(told)?.items;
    let found: Vec<_> = found.iter().map(|one| one.id).collect();
    same(found, vec![id(1)], "of the campaign")
}

async fn found(store: &S, query: ContactQuery) -> Result<Vec<ContactId>, String> {
    let page = store.contacts(&ws(), query).await.map_err(told)?;
    Ok(page.items.iter().map(|one| one.id).collect())
}

async fn a_merged_contact_is_found_by_its_old_id_alone(store: S) -> Verdict {
    two(&store).await?;
    let left = tombstone(&contact(2), &contact(1));
    put(&store, |s| {
        s.update_contact(&contact(2), left.clone())
            .push(moved(2, 1))
    })
    .await?;
    same(
        contact_of(&store, id(2)).await?,
        Some(left.clone()),
        "by id",
    )?;
    let all = ContactQuery {
        page: everything(),
        ..ContactQuery::default()
    };
    let page = store.contacts(&ws(), all).await.map_err(told)?;
    same((page.items.len(), page.total), (1, Some(1)), "the list")?;
    let everybody = || Some(Audience::everybody());
    for (query, wanted) in [
        (
            ContactQuery {
                audience: everybody(),
                ..ContactQuery::default()
            },
            vec![id(1)],
        ),
        (
            ContactQuery {
                search: Some("merged".to_owned()),
                ..ContactQuery::default()
            },
            vec![],
        ),
        (
            ContactQuery {
                email: Some("anna2@example.org".to_owned()),
                ..ContactQuery::default()
            },
            vec![],
        ),
        (
            ContactQuery {
                external_id: Some("crm-2".to_owned()),
                ..ContactQuery::default()
            },
            vec![id(1)],
        ),
        (
            ContactQuery {
                external_id: Some("crm-1".to_owned()),
                ..ContactQuery::default()
            },
            vec![id(1)],
        ),
        (
            ContactQuery {
                external_id: Some("crm-3".to_owned()),
                ..ContactQuery::default()
            },
            vec![],
        ),
        (
            ContactQuery {
                merged_into: Some(id(1)),
                ..ContactQuery::default()
            },
            vec![id(2)],
        ),
        (
            ContactQuery {
                merged_into: Some(id(2)),
                ..ContactQuery::default()
            },
            vec![],
        ),
    ] {
        same(
            found(&store, query.clone()).await?,
            wanted,
            &format!("{query:?}"),
        )?;
    }
    let keys = ContactKeys {
        external_ids: vec!["crm-2".to_owned()],
        ..ContactKeys::default()
    };
    let rows = store
        .contacts_by_keys(&ws(), keys.clone())
        .await
        .map_err(told)?;
    same(rows, vec![left], "by keys")?;
    let theirs = store
        .contacts_by_keys(&other_ws()?, keys)
        .await
        .map_err(told)?;
    ensure(theirs.is_empty(), "found from another workspace")?;
    // The id is taken, the e-mail is free.
    let mut new = contact(3);
    new.fields.external_id = Some("crm-2".to_owned());
    refuse(&store, ErrorKind::Duplicate, |s| s.insert_contact(new)).await?;
    let mut new = contact(3);
    new.fields.email = Some("anna2@example.org".to_owned());
    put(&store, |s| s.insert_contact(new)).await
}

async fn contacts_that_were_merged_before_come_along(store: S) -> Verdict {
    for number in 1..=4 {
        put(&store, |s| s.insert_contact(contact(number))).await?;
    }
    for (from, to) in [(1, 2), (4, 3), (2, 3)] {
        let left = tombstone(&contact(from), &contact(to));
        put(&store, |s| {
            s.update_contact(&contact(from), left).push(moved(from, to))
        })
        .await?;
    }
    for number in [1, 2, 4] {
        let row = contact_of(&store, id(number)).await?;
        same(
            row.and_then(|row| row.merged_into),
            Some(id(3)),
            "where it went",
        )?;
        let query = ContactQuery {
            external_id: Some(format!("crm-{number}")),
            ..ContactQuery::default()
        };
        same(
            found(&store, query).await?,
            vec![id(3)],
            "by its external id",
        )?;
    }
    Ok(())
}

async fn person(office: &Office, fields: serde_json::Value) -> Result<Contact, String> {
    let fields: ContactFields =
        serde_json::from_value(fields).map_err(|error| error.to_string())?;
    let manager = office.manager();
    manager.contacts().create(fields).await.map_err(told)
}

async fn merge(office: &Office, keep: ContactId, gone: ContactId) -> Result<Contact, String> {
    let manager = office.manager();
    let done = manager
        .contacts()
        .merge(keep, gone, &MergeOptions::default())
        .await;
    done.map_err(told)
}

async fn a_merge_joins_what_is_known(store: S) -> Verdict {
    let office = Office::new(&store);
    let manager = office.manager();
    let keep = person(&office, json!({"name": "Anna", "email": "a@x.uz", "tags": ["a"],
        "consent": [{"channel": "email", "topic": "marketing", "status": "opted_in", "at": "2026-01-01T00:00:00Z"}]})).await?;
    let gone = person(&office, json!({"name": "Anna P", "email": "b@x.uz", "phone": "+998901234567", "tags": ["b"],
        "external_id": "7", "segment": "VIP",
        "consent": [{"channel": "email", "topic": "marketing", "status": "opted_out", "at": "2025-01-01T00:00:00Z"}]})).await?;
    let options = MergeOptions {
        take: BTreeSet::from(["email".to_owned(), "segment".to_owned()]),
        version: Some(1),
        contact_version: Some(1),
    };
    let after = manager
        .contacts()
        .merge(keep.id, gone.id, &options)
        .await
        .map_err(told)?;
    same(
        manager.contacts().get(keep.id).await.map_err(told)?,
        after.clone(),
        "what is stored",
    )?;
    same(
        (
            after.version,
            after.name.as_str(),
            after.email.as_deref(),
            after.phone.as_deref(),
            after.segment.as_str(),
        ),
        (2, "Anna", Some("b@x.uz"), Some("+998901234567"), "VIP"),
        "fields",
    )?;
    same(
        (after.external_id.as_deref(), after.tags.len()),
        (Some("7"), 2),
        "what is filled",
    )?;
    ensure(after.consent == gone.consent, "a no wins")?;
    let left = manager.contacts().get(gone.id).await.map_err(told)?;
    same(
        (
            left.merged_into,
            left.version,
            left.external_id.clone(),
            left.email.clone(),
        ),
        (Some(keep.id), 2, None, None),
        "what is left",
    )?;
    let mut told_of = Vec::new();
    for id in [keep.id, gone.id] {
        let query = EventQuery {
            subject: Some((Subject::Contact, id.0)),
            ..EventQuery::default()
        };
        let events = store.events(&ws(), query).await.map_err(told)?;
        let last = events.last().ok_or("no event")?;
        told_of.push((
            last.event.action.clone(),
            last.event.reason.clone(),
            last.event.version,
        ));
    }
    let fields = "external_id, email, phone, segment, tags, consent";
    let wanted = vec![
        (
            "merged".to_owned(),
            Some(format!("{}: {fields}", gone.id)),
            2,
        ),
        ("merged_into".to_owned(), Some(keep.id.to_string()), 2),
    ];
    same(told_of, wanted, "events")?;
    store.seal(&ws(), 1_000).await.map_err(told)?;
    let verified = office.admin().audit().verify(None).await.map_err(told)?;
    ensure(verified.valid, format!("{verified:?}"))?;
    let counters = store.counters(&ws(), &["contact."]).await.map_err(told)?;
    let counters: Vec<_> = counters.into_iter().collect();
    let wanted = [("contact.segment.VIP", 1), ("contact.total", 1)];
    same(
        counters,
        wanted
            .map(|(name, count)| (name.to_owned(), count))
            .to_vec(),
        "counters",
    )
}

async fn what_has_not_left_is_approved_anew(store: S) -> Verdict {
    let office = Office::new(&store);
    let manager = office.manager();
    let keep = person(&office, json!({"name": "Anna", "email": "a@x.uz"})).await?;
    let gone = person(&office, json!({"name": "Anna P", "email": "b@x.uz"})).await?;
    let draft = NewDraft::new(
        gone.id,
        Occasion::Custom,
        "Приходите к нам в пятницу, будем рады.",
    );
    let draft = manager.messages().create(draft).await.map_err(told)?;
    let approved = manager
        .approvals()
        .approve(draft.id, Seen::of(&draft))
        .await
        .map_err(told)?;
    let run = campaign(900);
    let doubled = |number, to: &Contact, status| {
        let mut row = of_run(&run, number, 1);
        (row.contact_id, row.status) = (to.id, status);
        with_digest(row)
    };
    let (ours, theirs) = (
        doubled(11, &keep, Status::Sent),
        doubled(12, &gone, Status::PendingApproval),
    );
    put(&store, |s| {
        s.insert_campaign(run.clone())
            .insert_message(ours.clone())
            .insert_message(theirs.clone())
    })
    .await?;
    merge(&office, keep.id, gone.id).await?;
    let now = manager.messages().get(approved.id).await.map_err(told)?;
    same(
        (
            now.contact_id,
            now.status,
            now.recipient.as_str(),
            now.approved_by.clone(),
        ),
        (keep.id, Status::PendingApproval, "a@x.uz", None),
        "what was approved for the other record",
    )?;
    same(digest::digest(&now), now.digest, "its digest")?;
    let again = manager
        .approvals()
        .approve(now.id, Seen::of(&now))
        .await
        .map_err(told)?;
    same(again.status, Status::Approved, "approved anew")?;
    for (row, status) in [(&ours, Status::Sent), (&theirs, Status::Cancelled)] {
        let now = message_of(&store, row.id)
            .await?
            .ok_or("a message is gone")?;
        same(
            (now.contact_id, now.status),
            (keep.id, status),
            "messages of one run",
        )?;
    }
    Ok(())
}

async fn a_merge_that_cannot_be_is_refused(store: S) -> Verdict {
    let office = Office::new(&store);
    let manager = office.manager();
    let mut ids = Vec::new();
    for number in 1..=5 {
        let fields = json!({"name": format!("Person {number}"), "external_id": number.to_string()});
        ids.push(person(&office, fields).await?.id);
    }
    let (a, b, c, d, gone) = (
        *at(&ids, 0)?,
        *at(&ids, 1)?,
        *at(&ids, 2)?,
        *at(&ids, 3)?,
        *at(&ids, 4)?,
    );
    office.admin().contacts().erase(gone).await.map_err(told)?;
    merge(&office, b, a).await?;
    let stale = MergeOptions {
        version: Some(7),
        ..MergeOptions::default()
    };
    let gone_stale = MergeOptions {
        contact_version: Some(7),
        ..MergeOptions::default()
    };
    let none = MergeOptions::default();
    use ErrorKind::{Conflict, Invalid, NotAllowed, NotFound};
    for (keep, other, options, kind) in [
        (c, c, &none, Invalid),
        (c, gone, &none, NotFound),
        (gone, c, &none, NotFound),
        (c, id(777), &none, NotFound),
        (c, a, &none, NotAllowed),
        (a, c, &none, NotAllowed),
        (a, b, &none, NotAllowed),
        (c, d, &stale, Conflict),
        (c, d, &gone_stale, Conflict),
    ] {
        let refused = manager.contacts().merge(keep, other, options).await;
        let error = refused.err().ok_or("merged instead of refused")?;
        same(error.kind(), kind, error.detail())?;
        let names = kind != NotAllowed || error.detail().contains(&b.to_string());
        ensure(
            names,
            format!("does not name the contact that is kept: {error:?}"),
        )?;
    }
    let fields = manager.contacts().get(a).await.map_err(told)?.fields;
    for refused in [
        manager.contacts().update(a, None, fields).await.map(drop),
        office.admin().contacts().erase(a).await,
        manager
            .messages()
            .create(NewDraft::new(
                a,
                Occasion::Custom,
                "Приходите к нам в пятницу.",
            ))
            .await
            .map(drop),
    ] {
        let kind = refused.err().map(|error| error.kind());
        same(kind, Some(NotAllowed), "using one that was merged")?;
    }
    let other = crate::actor::Actor::new(other_ws()?, "olga", crate::actor::Role::Manager);
    let theirs = office.engine().act_as(other);
    let refused = theirs.contacts().merge(c, d, &none).await;
    same(
        refused.err().map(|error| error.kind()),
        Some(NotFound),
        "of another workspace",
    )?;
    // A chain ends where it should.
    merge(&office, c, b).await?;
    let first = manager.contacts().get(a).await.map_err(told)?;
    same(first.merged_into, Some(c), "where the first went")
}

async fn the_host_reaches_who_was_merged(store: S) -> Verdict {
    let office = Office::new(&store);
    let manager = office.manager();
    let contacts = manager.contacts();
    let keep = person(
        &office,
        json!({"name": "Anna", "email": "a@x.uz", "external_id": "1"}),
    )
    .await?;
    let gone = person(&office, json!({"name": "Anna P", "external_id": "2"})).await?;
    merge(&office, keep.id, gone.id).await?;
    let row = |id: &str, company: &str| {
        ContactPatch::from(json!({"external_id": id, "company": company}))
    };
    let rows = vec![row("2", "A"), row("1", "A"), row("2", "B")];
    let done = contacts
        .upsert(rows, UpsertOptions::default())
        .await
        .map_err(told)?;
    let outcomes: Vec<_> = done.iter().map(|one| (one.outcome, one.id)).collect();
    let of_keep = |outcome| (outcome, Some(keep.id));
    same(
        outcomes,
        [Upserted::Updated, Upserted::Unchanged, Upserted::Updated]
            .map(of_keep)
            .to_vec(),
        "upserts",
    )?;
    let payload = json!({"external_id": "2", "position": "Head"});
    office
        .admin()
        .intake()
        .put("k1", Kind::Contact, payload)
        .await
        .map_err(told)?;
    office
        .engine()
        .drain_intake(&ws(), 10)
        .await
        .map_err(told)?;
    let file = "external_id,name,phone\n2,Anna P,901234567\n";
    let options = crate::import::Options {
        duplicates: crate::import::Duplicates::Update,
        ..crate::import::Options::default()
    };
    let report = contacts
        .import_file(file.as_bytes(), &options)
        .await
        .map_err(told)?;
    same(
        (report.updated, report.created, report.rejected),
        (1, 0, vec![]),
        "import",
    )?;
    let now = contacts.get(keep.id).await.map_err(told)?;
    same(
        (
            now.external_id.as_deref(),
            now.company.as_deref(),
            now.position.as_deref(),
            now.phone.as_deref(),
        ),
        (Some("1"), Some("B"), Some("Head"), Some("+998901234567")),
        "the contact",
    )?;
    let query = ContactQuery {
        page: everything(),
        ..ContactQuery::default()
    };
    same(found(&store, query).await?, vec![keep.id], "contacts")
}

async fn erasing_reaches_what_was_merged(store: S) -> Verdict {
    let office = Office::new(&store);
    let manager = office.manager();
    let keep = person(
        &office,
        json!({"name": "Anna", "email": "a@x.uz", "external_id": "1"}),
    )
    .await?;
    let gone = person(
        &office,
        json!({"name": "Anna P", "email": "b@x.uz", "external_id": "2"}),
    )
    .await?;
    let draft = NewDraft::new(
        gone.id,
        Occasion::Custom,
        "Приходите к нам в пятницу, будем рады.",
    );
    let draft = manager.messages().create(draft).await.map_err(told)?;
    merge(&office, keep.id, gone.id).await?;
    office
        .admin()
        .contacts()
        .erase(keep.id)
        .await
        .map_err(told)?;
    let trail = store.trail(&ws(), draft.id).await.map_err(told)?;
    ensure(
        !trail.revisions.is_empty() && trail.revisions.iter().all(|one| one.content.is_empty()),
        "texts of what was merged",
    )?;
    let left = contact_of(&store, gone.id).await?.ok_or("the id is gone")?;
    same(
        (left.merged_into, left.external_id.clone()),
        (Some(keep.id), None),
        "what is left",
    )?;
    // To the host this is somebody new, as after any erasure.
    let row = ContactPatch::from(json!({"external_id": "2", "name": "Anna"}));
    let done = manager
        .contacts()
        .upsert(vec![row], UpsertOptions::default())
        .await
        .map_err(told)?;
    same(at(&done, 0)?.outcome, Upserted::Created, "an upsert")
}

//! Whatever imports, edits, upserts, merges, orders of the intake and reverts do to contacts, in any order: a no stays a no until a later
//! yes with its evidence.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeMap;
use std::io::Cursor;

use chrono::{DateTime, Duration, Utc};
use common::{World, world};
use crm_core::consent::{Consent, ConsentStatus, Topic};
use crm_core::contact::{ContactFields, ContactPatch, PatchMode};
use crm_core::engine::{MergeOptions, UpsertOptions, Upserted};
use crm_core::id::{ContactId, ImportId};
use crm_core::import::{Duplicates, Options, inspect};
use crm_core::port::store::ContactQuery;
use crm_core::{ErrorKind, Workspace};
use proptest::prelude::*;

/// One thing somebody does to one of five people.
#[derive(Debug, Clone)]
enum Step {
    Import(Duplicates, Vec<(u8, bool)>),
    Edit(u8, Vec<Consent>),
    Order(u8, Vec<Consent>),
    Upsert(PatchMode, Vec<(u8, Vec<Consent>)>),
    Merge(u8, u8),
    Revert(u8),
}

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn word() -> impl Strategy<Value = Consent> {
    let channel = prop::sample::select(vec!["email", "sms", "*"]);
    let topic = prop::sample::select(vec![Topic::Relationship, Topic::Marketing]);
    let status = prop::sample::select(vec![ConsentStatus::OptedIn, ConsentStatus::OptedOut]);
    let evidence = prop::option::of(Just("form 7".to_owned()));
    (channel, topic, status, evidence, 0_i64..20).prop_map(
        |(channel, topic, status, evidence, at)| Consent {
            channel: channel.to_owned(),
            topic,
            status,
            evidence,
            at: start() + Duration::hours(at),
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let how = prop::sample::select(vec![
        Duplicates::Skip,
        Duplicates::Update,
        Duplicates::Fill,
        Duplicates::Create,
    ]);
    let rows = prop::collection::vec((0_u8..5, any::<bool>()), 1..6);
    let words = || prop::collection::vec(word(), 0..4);
    let mode = prop::sample::select(vec![PatchMode::Merge, PatchMode::Replace]);
    let many = prop::collection::vec((0_u8..5, words()), 1..4);
    prop_oneof![
        (how, rows).prop_map(|(how, rows)| Step::Import(how, rows)),
        (0_u8..5, words()).prop_map(|(who, words)| Step::Edit(who, words)),
        (0_u8..5, words()).prop_map(|(who, words)| Step::Order(who, words)),
        (mode, many).prop_map(|(mode, rows)| Step::Upsert(mode, rows)),
        (0_u8..5, 0_u8..5).prop_map(|(keep, gone)| Step::Merge(keep, gone)),
        (0_u8..4).prop_map(Step::Revert),
    ]
}

fn import(number: u8) -> ImportId {
    let text = format!("01a00000-0000-7000-8000-0000000000{number:02}");
    ImportId(text.parse().unwrap())
}

type Words = BTreeMap<(ContactId, String, Topic), Consent>;

/// What everybody said last, by channel and topic: a no before a yes.
async fn said(world: &World) -> Words {
    let page = world
        .manager()
        .contacts()
        .list(ContactQuery::default())
        .await
        .unwrap();
    let mut words = Words::new();
    for contact in page.items {
        for consent in &contact.consent {
            let key = (contact.id, consent.channel.clone(), consent.topic);
            let known = words.entry(key).or_insert_with(|| consent.clone());
            let said_no = known.status == ConsentStatus::OptedOut;
            // Of several words a no counts, and of several yeses the latest that has evidence.
            let weight = |word: &Consent| (word.evidence.is_some(), word.at);
            if consent.status == ConsentStatus::OptedOut
                || (!said_no && weight(consent) > weight(known))
            {
                *known = consent.clone();
            }
        }
    }
    words
}

async fn there(world: &World) -> Vec<ContactId> {
    let page = world
        .manager()
        .contacts()
        .list(ContactQuery::default())
        .await
        .unwrap();
    page.items.iter().map(|contact| contact.id).collect()
}

async fn take(world: &World, number: usize, step: &Step, imports: &mut u8) {
    let manager = world.manager();
    let contacts = manager.contacts();
    match step {
        Step::Import(how, rows) => {
            let mut file = "Id,IsDeleted,AccountId,FirstName,LastName,Email,HasOptedOutOfEmail,DoNotCall,Phone\n".to_owned();
            for (who, no) in rows {
                let no = u8::from(*no);
                file += &format!(
                    "{who},0,1,Person,{who},p{who}@mail.example,{no},{no},90123456{who}\n"
                );
            }
            let found = inspect(&mut Cursor::new(&file), &Options::default()).unwrap();
            let id = import(*imports);
            *imports = (*imports + 1) % 4;
            let mut taking = contacts
                .import(id, Cursor::new(&file), &found, *how)
                .unwrap();
            while taking.step().await.unwrap().is_some() {}
        }
        Step::Edit(who, words) => {
            let all = there(world).await;
            let Some(id) = all.get(usize::from(*who) % all.len().max(1)) else {
                return;
            };
            let fields = ContactFields {
                consent: words.clone(),
                ..contacts.get(*id).await.unwrap().fields
            };
            if let Err(error) = contacts.update(*id, None, fields).await {
                assert_eq!(error.kind(), ErrorKind::Invalid);
            }
        }
        Step::Order(who, words) => {
            let who = who.to_string();
            let payload =
                serde_json::json!({"external_id": who, "name": "Person", "consent": words});
            let kind = crm_core::intake::Kind::Contact;
            manager
                .intake()
                .put(&format!("k{number}"), kind, payload)
                .await
                .unwrap();
            world
                .engine
                .drain_intake(&Workspace::default(), 100)
                .await
                .unwrap();
        }
        Step::Upsert(mode, rows) => {
            let row = |(who, words): &(u8, Vec<Consent>)| {
                let who = who.to_string();
                serde_json::json!({"external_id": who, "name": "Person", "consent": words})
            };
            let rows = rows.iter().map(row).map(ContactPatch::from).collect();
            let options = UpsertOptions { mode: *mode };
            for outcome in contacts.upsert(rows, options).await.unwrap() {
                assert!(outcome.outcome != Upserted::Refused, "{outcome:?}");
            }
        }
        Step::Merge(keep, gone) => {
            let all = there(world).await;
            let of = |who: &u8| all.get(usize::from(*who) % all.len().max(1)).copied();
            let (Some(keep), Some(gone)) = (of(keep), of(gone)) else {
                return;
            };
            let options = MergeOptions::default();
            if let Err(error) = contacts.merge(keep, gone, &options).await {
                assert_eq!((error.kind(), keep), (ErrorKind::Invalid, gone));
            }
        }
        Step::Revert(number) => {
            contacts.revert_import(import(*number), 5).await.unwrap();
        }
    }
}

/// Whether a row of the step brings the yes that ends this no and a later one of the same step may, as the word of
/// whoever keeps the contacts, take that yes away.
fn yes_then_nothing(step: &Step, no: &Consent) -> bool {
    let Step::Upsert(PatchMode::Replace, rows) = step else {
        return false;
    };
    let ends = |yes: &Consent| {
        (yes.channel == no.channel && yes.topic == no.topic)
            && (yes.status == ConsentStatus::OptedIn && yes.evidence.is_some() && yes.at > no.at)
    };
    let first = rows.iter().position(|(_, said)| said.iter().any(ends));
    first.is_some_and(|first| first + 1 < rows.len())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_no_stays_until_a_later_yes_with_its_evidence(
        steps in prop::collection::vec(step(), 1..14),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (world, mut imports) = (world(), 0);
            for (number, step) in steps.iter().enumerate() {
                let before = said(&world).await;
                take(&world, number, step, &mut imports).await;
                let (after, there) = (said(&world).await, there(&world).await);
                let mut words: Vec<_> = before.into_iter().collect();
                // What a contact said that was merged is what the other says now.
                for (key, _) in &mut words {
                    if !there.contains(&key.0)
                        && let Ok(left) = world.manager().contacts().get(key.0).await
                    {
                        key.0 = left.merged_into.unwrap_or(key.0);
                    }
                }
                for (key, word) in words {
                    if word.status != ConsentStatus::OptedOut || !there.contains(&key.0) {
                        continue;
                    }
                    let now = after.get(&key);
                    let kept = now.is_some_and(|now| match now.status {
                        ConsentStatus::OptedOut => true,
                        ConsentStatus::OptedIn => now.evidence.is_some() && now.at > word.at,
                    });
                    let replaced = now.is_none() && yes_then_nothing(step, &word);
                    prop_assert!(kept || replaced, "{key:?} was {word:?}, is {now:?} after {step:?}");
                }
            }
            Ok(())
        })?;
    }
}

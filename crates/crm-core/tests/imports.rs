//! Imports into a base that has people in it: each way to meet them again, cut off anywhere, looked at before.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use std::io::Cursor;
use std::sync::Arc;

use common::{World, seen, world};
use crm_core::consent::ConsentStatus;
use crm_core::contact::{Contact, ContactFields};
use crm_core::engine::{ImportReport, RowOutcome, Session};
use crm_core::id::ImportId;
use crm_core::import::{Detected, Duplicates, Options, inspect};
use crm_core::message::Status;
use crm_core::message::history::Subject;
use crm_core::port::store::{ContactQuery, EventQuery, PageRequest, SuppressionQuery};
use proptest::prelude::*;

const ALL: [Duplicates; 4] = [
    Duplicates::Skip,
    Duplicates::Update,
    Duplicates::Fill,
    Duplicates::Create,
];

fn import() -> ImportId {
    ImportId("01a00000-0000-7000-8000-000000000001".parse().unwrap())
}

fn look(file: &str) -> Detected {
    inspect(&mut Cursor::new(file), &Options::default()).unwrap()
}

/// Imports at most so many parts of a file.
async fn parts(session: &Session, file: &str, how: Duplicates, most: usize) -> ImportReport {
    let contacts = session.contacts();
    let mut report = ImportReport::new(import(), look(file));
    let mut taking = contacts
        .import(import(), Cursor::new(file), &look(file), how)
        .unwrap();
    for _ in 0..most {
        match taking.step().await.unwrap() {
            Some(part) => report.add(part),
            None => break,
        }
    }
    report
}

async fn take(session: &Session, file: &str, how: Duplicates) -> ImportReport {
    parts(session, file, how, usize::MAX).await
}

fn counts(report: &ImportReport) -> [u64; 4] {
    let rejected = report.rejected.len() as u64;
    assert_eq!(
        report.rows,
        report.created + report.updated + report.skipped + rejected
    );
    [report.created, report.updated, report.skipped, rejected]
}

async fn people(session: &Session) -> Vec<Contact> {
    let mut page = PageRequest {
        limit: 1_000,
        oldest_first: true,
        ..PageRequest::default()
    };
    let mut all = Vec::new();
    loop {
        let query = ContactQuery {
            page,
            ..ContactQuery::default()
        };
        let found = session.contacts().list(query).await.unwrap();
        all.extend(found.items);
        match found.next {
            Some(next) => page.after = Some(next),
            None => return all,
        }
    }
}

async fn known(world: &World) -> Contact {
    let fields = ContactFields {
        external_id: Some("7".to_owned()),
        name: "Anna".to_owned(),
        email: Some("anna@mail.example".to_owned()),
        phone: Some("+998901234567".to_owned()),
        company: Some("Chinor".to_owned()),
        segment: "VIP".to_owned(),
        ..ContactFields::default()
    };
    world.manager().contacts().create(fields).await.unwrap()
}

#[tokio::test]
async fn who_is_there_is_met_as_was_chosen() {
    // By the id, by the e-mail in other letters, by the phone of one without either; and somebody else.
    let file = "id,name,email,phone,company,position\n\
        7,Anna P,,,Bank,\n\
        ,Anna P,ANNA@mail.example,,,Head\n\
        ,Anna P,,901234567,,Head\n\
        8,Boris,boris@mail.example,,,\n";
    for (how, wanted, company, position, number) in [
        (Duplicates::Skip, [1, 0, 3, 0], "Chinor", None, 2),
        (Duplicates::Update, [1, 3, 0, 0], "Bank", Some("Head"), 2),
        (Duplicates::Fill, [1, 3, 0, 0], "Chinor", Some("Head"), 2),
        // Two share what must be unique; the phone may be shared.
        (Duplicates::Create, [2, 0, 0, 2], "Chinor", None, 3),
    ] {
        let world = world();
        let (anna, manager) = (known(&world).await, world.manager());
        let report = take(&manager, file, how).await;
        assert_eq!(counts(&report), wanted, "{how:?}");
        let now = manager.contacts().get(anna.id).await.unwrap();
        assert_eq!(now.company.as_deref(), Some(company), "{how:?}");
        assert_eq!(now.position.as_deref(), position, "{how:?}");
        assert_eq!(now.segment, "VIP");
        // One change, however many rows.
        let changed = how == Duplicates::Update || how == Duplicates::Fill;
        assert_eq!(now.version, if changed { 2 } else { 1 });
        assert_eq!(people(&manager).await.len(), number, "{how:?}");
        if how == Duplicates::Create {
            assert!(
                report.rejected[0]
                    .reason
                    .contains("another contact has this")
            );
        }
    }
}

#[tokio::test]
async fn two_who_share_a_phone_stay_two() {
    let world = world();
    let (_, manager) = (known(&world).await, world.manager());
    let file = "name,email,phone\nVera,vera@mail.example,901234567\nVera,,901234567\n";
    let report = take(&manager, file, Duplicates::Update).await;
    // The second row may be either; it is who was there first.
    assert_eq!(counts(&report), [1, 1, 0, 0]);
    let names: Vec<String> = people(&manager)
        .await
        .iter()
        .map(|p| p.name.clone())
        .collect();
    assert_eq!(names, ["Vera", "Vera"]);
}

#[tokio::test]
async fn a_person_who_stands_in_a_file_twice_is_one() {
    let file = "name,email,phone,company\n\
        Anna,anna@mail.example,,Chinor\n\
        Anna P,anna@mail.example,901234567,\n\
        Anna P,,901234567,Bank\n";
    for (how, wanted, company) in [
        (Duplicates::Skip, [1, 0, 2, 0], "Chinor"),
        (Duplicates::Update, [1, 2, 0, 0], "Bank"),
        (Duplicates::Fill, [1, 2, 0, 0], "Chinor"),
    ] {
        let world = world();
        let manager = world.manager();
        let report = take(&manager, file, how).await;
        assert_eq!(
            counts(&report),
            if how == Duplicates::Skip {
                [2, 0, 1, 0]
            } else {
                wanted
            }
        );
        let all = people(&manager).await;
        let anna = &all[0];
        assert_eq!(
            (anna.version, anna.company.as_deref()),
            (1, Some(company)),
            "{how:?}"
        );
        // Skipped rows teach nothing: a phone alone is then somebody new.
        assert_eq!(all.len(), if how == Duplicates::Skip { 2 } else { 1 });
    }
}

#[tokio::test]
async fn whoever_says_no_in_a_file_is_believed() {
    let file = "Id,IsDeleted,AccountId,FirstName,LastName,Email,HasOptedOutOfEmail,EmailBouncedDate\n\
        7,0,1,Anna,P,anna@mail.example,1,2026-01-01\n";
    for how in [Duplicates::Skip, Duplicates::Update, Duplicates::Fill] {
        let world = world();
        let (anna, manager) = (known(&world).await, world.manager());
        let draft = world.draft(&anna, "Hello").await;
        let pending = manager.messages().submit(draft.id, None).await.unwrap();
        let approved = world.approve(&pending).await;
        take(&manager, file, how).await;
        let now = manager.contacts().get(anna.id).await.unwrap();
        assert_eq!(now.consent[0].status, ConsentStatus::OptedOut, "{how:?}");
        let list = manager
            .suppressions()
            .list(SuppressionQuery::default())
            .await
            .unwrap();
        assert_eq!(list.items[0].address, "anna@mail.example");
        // What was approved before is asked about again.
        assert_ne!(
            world.reload(&approved).await.status,
            Status::Approved,
            "{how:?}"
        );
        // And nothing else of a person who is skipped.
        assert_eq!(
            now.name,
            if how == Duplicates::Update {
                "Anna P"
            } else {
                "Anna"
            }
        );
        let _ = seen(&approved);
    }
}

#[tokio::test]
async fn an_external_id_says_more_than_an_email() {
    let file = "Id,IsDeleted,AccountId,FirstName,LastName,Email,HasOptedOutOfEmail\n\
        7,0,1,Anna,P,boris@mail.example,1\n";
    let world = world();
    let (anna, manager) = (known(&world).await, world.manager());
    let boris = world.contact("boris@mail.example").await;
    let report = take(&manager, file, Duplicates::Skip).await;
    assert_eq!(counts(&report), [0, 0, 1, 0]);
    let words = async |contact: &Contact| {
        let now = manager.contacts().get(contact.id).await.unwrap();
        now.consent.len()
    };
    assert_eq!((words(&anna).await, words(&boris).await), (1, 0));
    // Who takes an address that somebody else has is told.
    let report = take(&manager, file, Duplicates::Update).await;
    assert_eq!(counts(&report), [0, 0, 0, 1]);
}

#[tokio::test]
async fn what_an_import_changed_is_told_and_taken_back() {
    let world = world();
    let (anna, manager) = (known(&world).await, world.manager());
    let file =
        "id,name,email,phone,company\n7,Anna P,new@mail.example,,Bank\n8,Boris,,901234568,\n";
    let report = take(&manager, file, Duplicates::Update).await;
    assert_eq!(counts(&report), [1, 1, 0, 0]);
    let query = EventQuery {
        subject: Some((Subject::Contact, anna.id.0)),
        ..EventQuery::default()
    };
    let events = world
        .engine
        .store()
        .events(&crm_core::Workspace::default(), query)
        .await
        .unwrap();
    let last = &events.last().unwrap().event;
    assert_eq!(last.action, "imported");
    assert_eq!(
        last.reason.as_deref(),
        Some("import 01a00000-0000-7000-8000-000000000001: name, email, company")
    );

    let reverted = manager.contacts().revert_import(import(), 2).await.unwrap();
    assert_eq!(
        (reverted.removed, reverted.restored, reverted.kept),
        (1, 1, 0)
    );
    let now = manager.contacts().get(anna.id).await.unwrap();
    assert!(now.fields == anna.fields);
    assert_eq!(people(&manager).await.len(), 1);
    let again = manager.contacts().revert_import(import(), 2).await.unwrap();
    assert_eq!((again.removed, again.restored, again.kept), (0, 0, 0));
}

#[tokio::test]
async fn what_somebody_edited_since_stays_and_a_no_is_not_taken_back() {
    let world = world();
    let (anna, manager) = (known(&world).await, world.manager());
    let file = "Id,IsDeleted,AccountId,FirstName,LastName,Email,HasOptedOutOfEmail\n\
        7,0,1,Anna,P,anna@mail.example,1\n";
    take(&manager, file, Duplicates::Update).await;
    let reverted = manager.contacts().revert_import(import(), 1).await.unwrap();
    assert_eq!((reverted.restored, reverted.kept), (1, 0));
    let now = manager.contacts().get(anna.id).await.unwrap();
    assert_eq!((now.name.as_str(), now.consent.len()), ("Anna", 1));

    take(&manager, file, Duplicates::Update).await;
    let edited = ContactFields {
        company: Some("Other".to_owned()),
        ..manager.contacts().get(anna.id).await.unwrap().fields
    };
    manager
        .contacts()
        .update(anna.id, None, edited)
        .await
        .unwrap();
    let reverted = manager.contacts().revert_import(import(), 1).await.unwrap();
    assert_eq!((reverted.restored, reverted.kept), (0, 1));
    assert_eq!(reverted.items[0].reason, "edited");
    // An address that somebody else has by now cannot come back.
    let moved = "id,name,email\n7,Anna,moved@mail.example\n";
    let fields = |email: &str| ContactFields {
        name: "Zoya".to_owned(),
        email: Some(email.to_owned()),
        ..ContactFields::default()
    };
    let world = self::world();
    let (_, manager) = (known(&world).await, world.manager());
    take(&manager, moved, Duplicates::Update).await;
    manager
        .contacts()
        .create(fields("anna@mail.example"))
        .await
        .unwrap();
    let reverted = manager.contacts().revert_import(import(), 1).await.unwrap();
    assert_eq!((reverted.restored, reverted.kept), (0, 1));
    assert_eq!(reverted.items[0].reason, "taken");
}

/// Rows of which some are about the same people, some are bad and some about people who are there.
fn rows(numbers: &[u16]) -> String {
    let mut file = "id,name,email,phone,company\n".to_owned();
    for (line, number) in numbers.iter().enumerate() {
        let id = number % 700;
        file += &match number % 7 {
            0 => format!("{id},Person {id},p{id}@mail.example,,Company {line}\n"),
            1 => format!(
                ",Person {id},P{id}@mail.example,90{:07},Company {line}\n",
                id
            ),
            2 => format!(",Person {id},,90{:07},Company {line}\n", id),
            3 => format!("{id},Person {id},not an address,,\n"),
            4 => format!("{id},Person {id},p{}@mail.example,,\n", id + 1),
            5 => format!(",Person {line},,,\n"),
            _ => format!("{id},Person {id},,,Company {line}\n"),
        };
    }
    file
}

/// Everything that is known of everybody, without ids and versions.
async fn state(session: &Session) -> Vec<ContactFields> {
    people(session)
        .await
        .into_iter()
        .map(|contact| contact.fields)
        .collect()
}

async fn crowd(world: &World) {
    for number in (0..700_u16).step_by(9) {
        let fields = ContactFields {
            external_id: (number % 2 == 0).then(|| number.to_string()),
            name: format!("Known {number}"),
            email: (number % 3 != 0).then(|| format!("p{number}@mail.example")),
            phone: Some(format!("+99890{number:07}")),
            ..ContactFields::default()
        };
        world.manager().contacts().create(fields).await.unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Cut off behind any row, and begun again from the first one or from where the report left off: the contacts are
    /// those of an import that was not cut off, and every row is accounted for.
    #[test]
    fn an_import_that_was_cut_off_ends_as_one_that_was_not(
        numbers in prop::collection::vec(any::<u16>(), 1_200..2_600),
        cut in any::<prop::sample::Index>(),
        how in prop::sample::select(&ALL),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let file = rows(&numbers);
            let whole = self::world();
            crowd(&whole).await;
            let wanted = take(&whole.manager(), &file, how).await;
            counts(&wanted);
            prop_assert_eq!(wanted.rows as usize, numbers.len());

            // The store keeps a part of a part: as if it stopped between two of its commits.
            let half = self::world();
            crowd(&half).await;
            let lines: Vec<&str> = file.lines().collect();
            let cut = cut.index(lines.len() - 1) + 2;
            let short = lines[..cut].join("\n") + "\n";
            take(&half.manager(), &short, how).await;
            let again = take(&half.manager(), &file, how).await;
            prop_assert_eq!(counts(&again), counts(&wanted));
            prop_assert!(state(&half.manager()).await == state(&whole.manager()).await);

            // The first part is known to be there.
            let kept = self::world();
            crowd(&kept).await;
            let manager = kept.manager();
            let mut report = parts(&manager, &file, how, 1).await;
            let contacts = manager.contacts();
            let mut rest =
                contacts.import(import(), Cursor::new(&file), &look(&file), how).unwrap();
            rest.skip(report.rows).unwrap();
            while let Some(part) = rest.step().await.unwrap() {
                report.add(part);
            }
            prop_assert_eq!(counts(&report), counts(&wanted));
            prop_assert_eq!(&report.rejected, &wanted.rejected);
            prop_assert!(state(&manager).await == state(&whole.manager()).await);
            Ok(())
        })?;
    }

    /// What a look before says is what the import then does.
    #[test]
    fn a_preview_tells_what_the_import_does(
        numbers in prop::collection::vec(any::<u16>(), 1..2_200),
        how in prop::sample::select(&ALL),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (file, world) = (rows(&numbers), self::world());
            crowd(&world).await;
            let manager = world.manager();
            let before = people(&manager).await;
            let found = look(&file);
            let contacts = manager.contacts();
            let preview = contacts.preview_import(Cursor::new(&file), &found, how).await.unwrap();
            prop_assert!(people(&manager).await == before, "something was written");
            prop_assert!(preview.exact);
            let sum = preview.created + preview.updated + preview.skipped + preview.rejected;
            prop_assert_eq!(preview.rows, sum);
            let done = take(&manager, &file, how).await;
            let told = [preview.created, preview.updated, preview.skipped, preview.rejected];
            if numbers.len() <= 1_000 {
                prop_assert_eq!(told, counts(&done));
            }
            prop_assert_eq!(preview.rows, done.rows);
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_preview_shows_samples_of_each_kind() {
    let world = world();
    let (_, manager) = (known(&world).await, world.manager());
    let file = "id,name,email,phone,company\n7,Anna P,,,Bank\n8,Boris,,9E+11,\n9,Vera,no,,\n";
    let preview = manager
        .contacts()
        .preview_import(Cursor::new(file), &look(file), Duplicates::Update)
        .await
        .unwrap();
    let kinds: Vec<(u64, RowOutcome)> = preview
        .samples
        .iter()
        .map(|sample| (sample.line, sample.outcome))
        .collect();
    assert_eq!(kinds, [(2, RowOutcome::Updated), (3, RowOutcome::Created)]);
    assert_eq!(preview.samples[0].changed, ["name", "company"]);
    assert_eq!(
        preview.samples[0].contact.email.as_deref(),
        Some("anna@mail.example")
    );
    assert_eq!((preview.rejects[0].line, preview.lost[0].line), (4, 3));
    assert!(!format!("{preview:?}").contains("Anna"));
    let viewer = world.viewer();
    let refused = viewer
        .contacts()
        .preview_import(Cursor::new(file), &look(file), Duplicates::Update)
        .await;
    assert!(refused.is_err());
    let _ = Arc::new(());
}

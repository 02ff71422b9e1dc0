//! The voice of the house: set by admins while everything runs, the same for every contact.

use std::collections::BTreeSet;
use std::time::Duration;

use crm_core::campaign::WhenUnavailable::Fallback;
use crm_core::engine::GenerateMessage;
use crm_core::generation::{Example, VoiceFields};
use crm_core::message::Occasion;
use crm_core::message::history::Subject;
use crm_core::port::store::EventQuery;
use crm_core::{Actor, ErrorKind, Role, Workspace};

use super::{Timed, campaign, house, people};

fn voice() -> VoiceFields {
    VoiceFields {
        about: "«Вектор»: склад и доставка.".to_owned(),
        style: "Коротко и без канцелярита.".to_owned(),
        do_not: vec!["обещать скидки".to_owned()],
        signature: Some("Команда «Вектора»".to_owned()),
        examples: vec![Example {
            occasion: Occasion::Birthday,
            language: "ru".to_owned(),
            subject: None,
            content: "Пётр Ильич, с днём рождения! Пусть всё доезжает вовремя.".to_owned(),
        }],
    }
}

#[tokio::test]
async fn admins_set_it_and_it_is_in_the_next_draft() {
    let model = Timed::good(Duration::ZERO);
    let world = house(&[model.clone()]);
    let contact = people(&world, "a", 1).await.remove(0);
    let wanted = GenerateMessage::new(contact.id, Occasion::Birthday);
    let manager = world.manager();
    let none = manager.voice().get().await.unwrap();
    assert_eq!((none.version, &none.fields), (0, &VoiceFields::default()));
    let before = manager.messages().generate(wanted.clone()).await.unwrap();

    let refused = manager.voice().set(None, voice()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
    let admin = world.admin();
    let set = admin.voice().set(Some(0), voice()).await.unwrap();
    assert_eq!((set.version, set.updated_by.as_str()), (1, "admin"));
    assert_eq!(manager.voice().get().await.unwrap(), set);
    let late = admin.voice().set(Some(0), voice()).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Conflict);
    let mut long = voice();
    long.about = "x".repeat(1_001);
    let long = admin.voice().set(None, long).await.unwrap_err();
    assert_eq!(long.kind(), ErrorKind::Invalid);

    let after = manager.messages().generate(wanted).await.unwrap();
    assert_ne!(
        before.metadata.prompt_version,
        after.metadata.prompt_version
    );
    let [first, second] = [0, 1].map(|number| model.calls()[number].1.system.clone());
    for words in ["Вектор", "канцелярита", "скидки", "доезжает"] {
        assert!(!first.contains(words) && second.contains(words), "{words}");
    }
    let space = Workspace::default();
    let events = world.engine.store().events(&space, EventQuery::default());
    let events = events.await.unwrap();
    let edited: Vec<_> = events
        .iter()
        .filter(|stored| stored.event.subject == Subject::Voice)
        .map(|stored| (stored.event.actor.as_str(), stored.event.version))
        .collect();
    assert_eq!(edited, [("admin", 1)]);

    // Another workspace has its own.
    let theirs = Workspace::new("other").unwrap();
    let theirs = world.engine.act_as(Actor::new(theirs, "boss", Role::Admin));
    assert_eq!(theirs.voice().get().await.unwrap().version, 0);
}

#[tokio::test(start_paused = true)]
async fn the_part_that_a_provider_caches_is_the_same_to_the_byte_for_everybody() {
    let model = Timed::good(Duration::ZERO);
    let world = house(&[model.clone()]);
    world.admin().voice().set(None, voice()).await.unwrap();
    for (number, language) in ["ru", "en", "uz", "uz-Cyrl"].into_iter().enumerate() {
        let fields = crm_core::contact::ContactFields {
            name: format!("Person {number}"),
            email: Some(format!("p{number}@example.org")),
            segment: "a".to_owned(),
            company: Some(format!("Company {number}")),
            language: language.to_owned(),
            ..crm_core::contact::ContactFields::default()
        };
        world.manager().contacts().create(fields).await.unwrap();
    }
    campaign(&world, "a", Fallback).await;
    world.worker().run_until_idle().await.unwrap();
    assert_eq!(model.count(), 4);
    let systems: BTreeSet<_> = model
        .calls()
        .into_iter()
        .map(|call| call.1.system)
        .collect();
    assert_eq!(systems.len(), 1);
    let users: BTreeSet<_> = model.calls().into_iter().map(|call| call.1.user).collect();
    assert_eq!(users.len(), 4);
}

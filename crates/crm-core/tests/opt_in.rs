//! Double opt-in: the question goes through approval like every message, and a click on its link is a yes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;
#[path = "common/shared.rs"]
mod shared;

use std::sync::Arc;

use chrono::Duration;
use common::{World, world, world_over};
use crm_core::consent::opt_in::OptInWish;
use crm_core::consent::token::{TokenKeys, Unsubscription};
use crm_core::consent::{Consent, ConsentStatus, Rules, Topic};
use crm_core::contact::{Contact, ContactFields};
use crm_core::engine::{Engine, NewDraft, Policy, Session};
use crm_core::id::ContactId;
use crm_core::message::history::Subject;
use crm_core::message::{Message, Occasion, Status};
use crm_core::port::callback::News;
use crm_core::port::store::{EventQuery, SuppressionQuery};
use crm_core::testing::SequentialIds;
use crm_core::{ErrorKind, Role, Workspace};
use shared::SharedStore;

const URL: &str = "https://crm.example/o/";

/// The same world with keys and an address to opt in at, in which marketing needs a yes.
fn asking(mut world: World) -> World {
    let keys = TokenKeys::new(vec![7; 32], Vec::new()).unwrap();
    let store = Arc::clone(world.engine.store());
    let ids = Arc::new(SequentialIds::starting_at(90_000));
    let consent = Rules {
        marketing_needs_opt_in: true,
    };
    world.engine = Engine::builder(store, world.clock.clone(), ids)
        .channel("email", world.channel.clone())
        .token_keys(keys)
        .opt_in_url(URL)
        .policy(Policy {
            consent,
            ..Policy::default()
        })
        .build();
    world
}

fn offers(evidence: Option<&str>) -> OptInWish {
    OptInWish {
        channel: "email".to_owned(),
        topic: Topic::Marketing,
        evidence: evidence.map(str::to_owned),
    }
}

async fn ask_as(session: Session, id: ContactId, wish: OptInWish) -> crm_core::Result<Message> {
    session.contacts().request_opt_in(id, wish).await
}

async fn ask(world: &World, contact: &Contact) -> Message {
    let asked = ask_as(world.manager(), contact.id, offers(None)).await;
    asked.unwrap()
}

/// The token in the text.
fn token(message: &Message) -> String {
    let mut lines = message.revision.content.lines();
    let link = lines.find_map(|line| line.strip_prefix(URL));
    link.unwrap().to_owned()
}

async fn now(world: &World, id: ContactId) -> Contact {
    world.manager().contacts().get(id).await.unwrap()
}

async fn offer(world: &World, contact: &Contact) -> Message {
    let draft = NewDraft::new(contact.id, Occasion::Promotion, "Скидка для вас");
    let draft = world.manager().messages().create(draft).await.unwrap();
    world.approve(&draft).await
}

async fn send(world: &World, message: &Message) -> Message {
    world.worker().run_until_idle().await.unwrap();
    world.reload(message).await
}

async fn refused(world: &World, token: &str) {
    let before = world.engine.opt_in(token).ok().map(|it| it.contact_id);
    let before = match before {
        Some(id) => world.manager().contacts().get(id).await.ok(),
        None => None,
    };
    let error = world.engine.confirm_opt_in(token).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotAllowed);
    if let Some(before) = before {
        assert_eq!(now(world, before.id).await, before);
    }
}

#[tokio::test]
async fn from_the_question_to_the_first_offer_that_may_go() {
    let world = asking(world());
    let contact = world.contact("dilnoza@example.org").await;
    // Without a yes no offer leaves, approved or not.
    let first = offer(&world, &contact).await;
    let first = send(&world, &first).await;
    assert_eq!(
        (first.status, first.failure.as_deref()),
        (Status::Cancelled, Some("no_consent"))
    );

    // The question waits for approval like every message, and may go where offers may not.
    let question = ask(&world, &contact).await;
    assert_eq!(question.status, Status::PendingApproval);
    assert_eq!(question.recipient, "dilnoza@example.org");
    assert_eq!(
        question.expires_at,
        Some(world.engine.now() + Duration::days(7))
    );
    assert_eq!(
        send(&world, &question).await.status,
        Status::PendingApproval
    );
    world.approve(&question).await;
    assert_eq!(send(&world, &question).await.status, Status::Sent);
    let delivered = world.channel.delivered();
    assert_eq!(delivered.len(), 1);

    let token = token(&question);
    // Looking changes nothing.
    let asked = world.engine.opt_in(&token).unwrap();
    assert_eq!(
        (asked.contact_id, asked.topic),
        (contact.id, Topic::Marketing)
    );
    assert_eq!(now(&world, contact.id).await, contact);
    let greeting = world.draft(&contact, "Здравствуйте!").await;
    let greeting = world.approve(&greeting).await;
    world.clock.advance(Duration::hours(1));
    world.engine.confirm_opt_in(&token).await.unwrap();
    let after = now(&world, contact.id).await;
    let [yes] = after.consent.as_slice() else {
        unreachable!("one word")
    };
    assert_eq!(
        (yes.channel.as_str(), yes.topic),
        ("email", Topic::Marketing)
    );
    assert_eq!(yes.status, ConsentStatus::OptedIn);
    let evidence = yes.evidence.as_deref().unwrap();
    assert!(
        evidence.starts_with("double_opt_in; requested 2"),
        "{evidence}"
    );
    assert!(!evidence.contains("dilnoza"), "{evidence}");
    // A yes takes no approval back.
    assert_eq!(world.reload(&greeting).await, greeting);
    // Twice is once, also later.
    world.clock.advance(Duration::hours(1));
    world.engine.confirm_opt_in(&token).await.unwrap();
    assert_eq!(now(&world, contact.id).await, after);

    let second = offer(&world, &after).await;
    assert_eq!(send(&world, &second).await.status, Status::Sent);
}

#[tokio::test]
async fn a_link_ends_with_its_time_the_address_and_the_person() {
    let world = asking(world());
    let contact = world.contact("dilnoza@example.org").await;
    let question = ask(&world, &contact).await;
    let link = token(&question);
    for wrong in ["", "zz", &link[2..], &format!("{link}ab")] {
        let error = world.engine.confirm_opt_in(wrong).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{wrong}");
    }
    let mut fields = contact.fields.clone();
    let manager = world.manager();
    let contacts = manager.contacts();
    fields.email = Some("other@example.org".to_owned());
    contacts
        .update(contact.id, None, fields.clone())
        .await
        .unwrap();
    refused(&world, &link).await;
    fields.email = None;
    contacts.update(contact.id, None, fields).await.unwrap();
    refused(&world, &link).await;
    contacts
        .update(contact.id, None, contact.fields.clone())
        .await
        .unwrap();

    world
        .clock
        .advance(Duration::days(7) - Duration::seconds(1));
    assert!(world.engine.opt_in(&link).is_ok());
    world.clock.advance(Duration::seconds(1));
    let error = world.engine.opt_in(&link).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotAllowed);
    refused(&world, &link).await;
    // One that nobody approved in time does not leave any more.
    let question = world.reload(&question).await;
    let seen = common::seen(&question);
    let late = manager.approvals().approve(question.id, seen).await;
    assert_eq!(late.unwrap_err().kind(), ErrorKind::NotAllowed);

    let question = ask(&world, &contact).await;
    world.admin().contacts().erase(contact.id).await.unwrap();
    refused(&world, &token(&question)).await;
}

#[tokio::test]
async fn a_link_never_undoes_a_no_that_came_after_it() {
    let world = asking(world());
    let contact = world.contact("dilnoza@example.org").await;
    let old = token(&ask(&world, &contact).await);
    world.clock.advance(Duration::minutes(1));
    let no = world.engine.unsubscribe_token(&Unsubscription {
        workspace: Workspace::default(),
        contact_id: contact.id,
        channel: "email".to_owned(),
        topic: Topic::Marketing,
    });
    let no = no.unwrap();
    world.engine.unsubscribe(&no).await.unwrap();
    refused(&world, &old).await;
    // To be asked again takes a reason, which the history keeps; then the yes takes the place of the no.
    world.clock.advance(Duration::minutes(1));
    let manager = world.manager();
    let contacts = manager.contacts();
    let error = contacts.request_opt_in(contact.id, offers(None)).await;
    assert_eq!(error.unwrap_err().fields()[0].field, "evidence");
    let why = offers(Some("form 17 of 2026-11-20"));
    let question = contacts.request_opt_in(contact.id, why).await.unwrap();
    let query = EventQuery {
        subject: Some((Subject::Contact, contact.id.0)),
        ..EventQuery::default()
    };
    let own = Workspace::default();
    let events = world.engine.store().events(&own, query).await.unwrap();
    let last = &events.last().unwrap().event;
    assert_eq!(last.action, "opt_in_requested");
    assert_eq!(last.reason.as_deref(), Some("form 17 of 2026-11-20"));
    let fresh = token(&question);
    refused(&world, &old).await;
    world.engine.confirm_opt_in(&fresh).await.unwrap();
    let after = now(&world, contact.id).await;
    assert_eq!(after.consent.len(), 1);
    assert_eq!(after.consent[0].status, ConsentStatus::OptedIn);
    // And no link undoes the next no, used before or not.
    world.clock.advance(Duration::minutes(1));
    world.engine.unsubscribe(&no).await.unwrap();
    refused(&world, &fresh).await;
}

#[tokio::test]
async fn of_what_is_suppressed_a_click_lifts_only_the_dead() {
    let world = asking(world());
    let address = "dilnoza@example.org";
    let contact = world.contact(address).await;
    let own = Workspace::default();
    let store = world.engine.store();
    let list = || async {
        let found = store.suppressions(&own, SuppressionQuery::default()).await;
        let found = found.unwrap().items.into_iter();
        found.map(|row| row.reason).collect::<Vec<_>>()
    };
    let hear = |reason: &str| {
        let stop = News::OptOut {
            address: address.to_owned(),
            reason: reason.to_owned(),
        };
        world.engine.hear(&own, "email", vec![stop])
    };
    let link = token(&ask(&world, &contact).await);
    for reason in ["reply", "blocked", "complaint"] {
        hear(reason).await.unwrap();
        refused(&world, &link).await;
        let asked = ask_as(world.manager(), contact.id, offers(Some("form")));
        assert_eq!(asked.await.unwrap_err().kind(), ErrorKind::NotAllowed);
        assert_eq!(list().await, [reason]);
        let admin = world.admin();
        admin.suppressions().lift("email", address).await.unwrap();
    }
    hear("dead").await.unwrap();
    world.engine.confirm_opt_in(&link).await.unwrap();
    assert_eq!(list().await, [""; 0]);
    assert_eq!(now(&world, contact.id).await.consent.len(), 1);
    // What dies later stays so, whoever follows an old link.
    hear("dead").await.unwrap();
    world.engine.confirm_opt_in(&link).await.unwrap();
    assert_eq!(list().await, ["dead"]);
}

#[tokio::test]
async fn only_who_writes_messages_asks_and_only_what_can_be_answered() {
    let plain = world();
    let contact = plain.contact("dilnoza@example.org").await;
    let error = ask_as(plain.manager(), contact.id, offers(None)).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Unsupported);
    let world = asking(world());
    let contact = world.contact("dilnoza@example.org").await;
    let viewer = world.act("viewer", Role::Viewer);
    let asked = ask_as(viewer, contact.id, offers(None));
    assert_eq!(asked.await.unwrap_err().kind(), ErrorKind::Forbidden);
    let manager = world.manager();
    let unknown = ContactId(uuid::Uuid::from_u128(404));
    let asked = ask_as(world.manager(), unknown, offers(None));
    assert_eq!(asked.await.unwrap_err().kind(), ErrorKind::NotFound);
    let nowhere = ContactFields {
        name: "Nobody".to_owned(),
        ..ContactFields::default()
    };
    let nowhere = manager.contacts().create(nowhere).await.unwrap();
    let asked = ask_as(world.manager(), nowhere.id, offers(None));
    assert_eq!(asked.await.unwrap_err().kind(), ErrorKind::Invalid);
    let mut fields = contact.fields.clone();
    fields.consent = vec![Consent {
        channel: "*".to_owned(),
        topic: Topic::Relationship,
        status: ConsentStatus::OptedOut,
        evidence: None,
        at: world.engine.now(),
    }];
    manager
        .contacts()
        .update(contact.id, None, fields)
        .await
        .unwrap();
    let asked = ask_as(world.manager(), contact.id, offers(Some("form")));
    assert_eq!(asked.await.unwrap_err().kind(), ErrorKind::NotAllowed);
}

#[tokio::test]
async fn a_no_in_the_same_moment_is_not_overlooked() {
    let store = Arc::new(SharedStore::default());
    let world = Arc::new(asking(world_over(store.clone(), Policy::default())));
    let contact = world.contact("dilnoza@example.org").await;
    let question = ask(&world, &contact).await;
    let no = world.engine.unsubscribe_token(&Unsubscription {
        workspace: Workspace::default(),
        contact_id: contact.id,
        channel: "email".to_owned(),
        topic: Topic::Marketing,
    });
    let no = no.unwrap();
    world.clock.advance(Duration::minutes(1));
    let meanwhile = Arc::clone(&world);
    store.before_next_commit(move || {
        Box::pin(async move { meanwhile.engine.unsubscribe(&no).await.unwrap() })
    });
    refused_after(&world, &token(&question), contact.id).await;
}

async fn refused_after(world: &World, token: &str, id: ContactId) {
    let error = world.engine.confirm_opt_in(token).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotAllowed);
    let after = now(world, id).await;
    assert_eq!(after.consent[0].status, ConsentStatus::OptedOut);
}

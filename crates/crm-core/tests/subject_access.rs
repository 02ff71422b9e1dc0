//! What is kept about one person: all of it, nothing of anybody else, and nothing personal once they are erased.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::Duration;
use common::{World, seen, world};
use crm_core::audience::Audience;
use crm_core::campaign::{CampaignFields, Schedule};
use crm_core::consent::{Consent, ConsentStatus, Topic};
use crm_core::contact::{Birthday, Contact, ContactFields};
use crm_core::engine::{Engine, NewDraft, SubjectAccess};
use crm_core::id::ContactId;
use crm_core::message::decide::Edit;
use crm_core::message::lifecycle::Event;
use crm_core::message::{Message, Occasion, Status};
use crm_core::port::callback::{About, Fate, News, Receipt};
use crm_core::port::channel::{ChannelCapabilities, Outcome};
use crm_core::port::store::EventQuery;
use crm_core::testing::{RecordingChannel, SequentialIds};
use crm_core::{ErrorKind, Workspace};
use serde_json::{Value, json};

/// One person's life in the engine. Everything that is written about them has their name in it.
struct Life<'a> {
    world: &'a World,
    /// Small letters, as addresses are kept.
    name: &'a str,
    /// What must be told of them.
    marks: BTreeSet<String>,
    contact: Contact,
}

fn chatting() -> World {
    let mut world = world();
    let channel = |window| {
        Arc::new(RecordingChannel::new(ChannelCapabilities {
            window,
            ..ChannelCapabilities::default()
        }))
    };
    let day = std::time::Duration::from_secs(86_400);
    world.channel = channel(None);
    let store = Arc::clone(world.engine.store());
    world.engine = Engine::builder(
        store,
        world.clock.clone(),
        Arc::new(SequentialIds::default()),
    )
    .channel("email", Arc::clone(&world.channel) as _)
    .channel("chat", channel(Some(day)))
    .build();
    world
}

impl<'a> Life<'a> {
    async fn begin(world: &'a World, name: &'a str, phone: &str) -> Self {
        let mark = |what: &str| format!("{name}-{what}");
        let consent = Consent {
            channel: "sms".to_owned(),
            topic: Topic::Marketing,
            status: ConsentStatus::OptedOut,
            evidence: Some(mark("evidence")),
            at: chrono::DateTime::UNIX_EPOCH,
        };
        let fields = ContactFields {
            external_id: Some(mark("external")),
            name: mark("name"),
            email: Some(mark("first@mail.example")),
            phone: Some(phone.to_owned()),
            company: Some(mark("company")),
            position: Some(mark("position")),
            segment: mark("segment"),
            birthday: Birthday::parse("1985-03-07"),
            tags: [mark("tag")].into(),
            custom_fields: [("note".to_owned(), json!(mark("custom")))].into(),
            preferred_channels: vec![mark("channel")],
            consent: vec![consent],
            ..ContactFields::default()
        };
        let contact = world.manager().contacts().create(fields).await.unwrap();
        let marks = [
            "evidence", "external", "name", "company", "position", "segment", "tag", "custom",
            "channel",
        ];
        let mut life = Self {
            world,
            name,
            marks: marks.iter().map(|what| mark(what)).collect(),
            contact,
        };
        life.marks.insert(phone.to_owned());
        life
    }

    fn mark(&mut self, what: &str) -> String {
        let mark = format!("{}-{what}", self.name);
        self.marks.insert(mark.clone());
        mark
    }

    async fn draft(&mut self, what: &str, channel: &str) -> Message {
        let draft = NewDraft {
            channel: Some(channel.to_owned()),
            subject: Some(self.mark(&format!("{what}-subject"))),
            ..NewDraft::new(self.contact.id, Occasion::Custom, self.mark(what))
        };
        self.world.manager().messages().create(draft).await.unwrap()
    }

    /// Written, changed, approved, delivered and heard of.
    async fn delivered(&mut self) {
        let message = self.draft("before", "email").await;
        let edit = Edit {
            content: Some(self.mark("after")),
            ..Edit::default()
        };
        let manager = self.world.manager();
        let message = manager
            .messages()
            .edit(message.id, None, edit)
            .await
            .unwrap();
        manager
            .approvals()
            .approve(message.id, seen(&message))
            .await
            .unwrap();
        let provider_id = self.mark("provider");
        self.world.channel.push(Outcome::Accepted {
            provider_id: provider_id.clone(),
        });
        self.world.worker().run_until_idle().await.unwrap();
        assert_eq!(self.world.reload(&message).await.status, Status::Sent);
        let receipt = Receipt {
            about: About::ProviderId(provider_id),
            fate: Fate::Failed {
                reason: self.mark("bounced"),
                dead: false,
            },
            at: None,
        };
        let engine = &self.world.engine;
        engine
            .hear(&Workspace::default(), "email", vec![News::Receipt(receipt)])
            .await
            .unwrap();
        self.world.worker().run_until_idle().await.unwrap();
    }

    /// In doubt, and decided by a person.
    async fn doubted(&mut self) {
        let message = self.draft("doubted", "email").await;
        self.world.approve(&message).await;
        self.world.channel.push(Outcome::Unknown {
            reason: self.mark("timeout"),
        });
        self.world.worker().run_until_idle().await.unwrap();
        let manager = self.world.manager();
        let why = Some(self.mark("resolved"));
        manager
            .messages()
            .resolve(message.id, Event::ResolveFailed, why)
            .await
            .unwrap();
    }

    async fn live(&mut self) {
        self.delivered().await;
        self.doubted().await;
        let manager = self.world.manager();
        let rejected = self.draft("rejected", "email").await;
        let why = Some(self.mark("reason"));
        manager
            .approvals()
            .reject(rejected.id, None, why)
            .await
            .unwrap();
        // In no list any more, and still kept.
        let deleted = self.draft("deleted", "email").await;
        manager.messages().delete(deleted.id).await.unwrap();
        // They wrote.
        let address = self.contact.email.clone().unwrap();
        let news = News::Inbound {
            address: address.clone(),
            at: None,
        };
        self.world
            .engine
            .hear(&Workspace::default(), "chat", vec![news])
            .await
            .unwrap();
        let why = self.mark("suppressed");
        manager
            .suppressions()
            .add("chat", &address, &why)
            .await
            .unwrap();
        // They move: what went to the old address stays known.
        self.marks.insert(address);
        let moved = self.mark("second@mail.example");
        let fields = ContactFields {
            email: Some(moved.clone()),
            ..self.contact.fields.clone()
        };
        let contacts = manager.contacts();
        self.contact = contacts
            .update(self.contact.id, None, fields)
            .await
            .unwrap();
        let why = self.mark("moved");
        manager
            .suppressions()
            .add("email", &moved, &why)
            .await
            .unwrap();
    }

    async fn document(&self) -> SubjectAccess {
        document(self.world, self.contact.id).await
    }
}

async fn document(world: &World, id: ContactId) -> SubjectAccess {
    world.manager().contacts().subject_access(id).await.unwrap()
}

fn text(document: &SubjectAccess) -> String {
    serde_json::to_string(document).unwrap()
}

/// Ids of all events about these rows.
async fn events(world: &World, rows: &BTreeSet<uuid::Uuid>) -> BTreeSet<String> {
    let query = EventQuery {
        limit: 10_000,
        ..EventQuery::default()
    };
    let all = world.viewer().audit().events(query).await.unwrap();
    assert!(all.len() < 10_000);
    let about = all
        .into_iter()
        .filter(|stored| rows.contains(&stored.event.subject_id));
    about.map(|stored| stored.event.id.to_string()).collect()
}

fn told_events(document: &SubjectAccess) -> BTreeSet<String> {
    let of_messages = document.messages.iter().flat_map(|one| &one.history);
    let all = document.history.iter().chain(of_messages);
    all.map(|stored| stored.event.id.to_string()).collect()
}

async fn campaign(world: &World) {
    let at = world.engine.now() + Duration::hours(2);
    let fields = json!({
        "name": "House",
        "occasion_type": "holiday",
        "audience": Audience::everybody(),
        "schedule": Schedule::Scheduled { at, local_time: false },
        "channel": "email",
    });
    let fields: CampaignFields = serde_json::from_value(fields).unwrap();
    let manager = world.manager();
    let campaign = manager.campaigns().create(fields).await.unwrap();
    manager
        .campaigns()
        .execute(campaign.id, false)
        .await
        .unwrap();
    world.worker().run_until_idle().await.unwrap();
}

#[tokio::test]
async fn everything_of_one_person_and_nothing_of_another() {
    let world = chatting();
    let mut anna = Life::begin(&world, "anna", "+998901234567").await;
    let mut boris = Life::begin(&world, "boris", "+998901234568").await;
    anna.live().await;
    boris.live().await;
    campaign(&world).await;

    for (one, other) in [(&anna, &boris), (&boris, &anna)] {
        let document = one.document().await;
        let text = text(&document);
        for mark in &one.marks {
            assert!(text.contains(mark.as_str()), "{mark} is missing");
        }
        for strange in [
            other.name,
            other.contact.phone.as_deref().unwrap(),
            &other.contact.id.to_string(),
        ] {
            assert!(!text.contains(strange), "{strange} is told");
        }
        assert_eq!(document.messages.len(), 4);
        assert_eq!(
            document
                .messages
                .iter()
                .filter(|one| one.message.deleted)
                .count(),
            1
        );
        assert_eq!(document.messages[0].revisions.len(), 2);
        // The campaign left them out, and says why.
        assert_eq!(
            (document.plans.len(), document.plans[0].contact_id),
            (1, one.contact.id)
        );
        assert_eq!(document.plans[0].excluded.as_deref(), Some("suppressed"));
        assert_eq!(document.messages[0].approvals.len(), 1);
        assert_eq!(document.messages[0].attempts.len(), 1);
        assert_eq!(document.messages[0].receipts.len(), 1);
        assert_eq!(document.inbound.len(), 1);
        assert_eq!(document.suppressions.len(), 2);
        assert!(!text.contains("salt"), "{text}");
        // Each event about them, and no other.
        let mut rows: BTreeSet<uuid::Uuid> = document
            .messages
            .iter()
            .map(|one| one.message.id.0)
            .collect();
        rows.insert(one.contact.id.0);
        let wanted = events(&world, &rows).await;
        let told = told_events(&document);
        // That this document was made is in the next one.
        let missing: Vec<_> = wanted.difference(&told).collect();
        assert_eq!(missing.len(), 1, "{missing:?}");
        assert!(told.is_subset(&wanted));
        assert_eq!(
            format!("{document:?}"),
            format!("SubjectAccess({})", one.contact.id)
        );
    }
    let again = anna.document().await;
    let last = &again.history.last().unwrap().event;
    assert_eq!(
        (last.action.as_str(), last.actor.as_str()),
        ("disclosed", "manager")
    );
    assert!(world.viewer().audit().verify(None).await.unwrap().valid);
}

#[tokio::test]
async fn a_former_address_that_somebody_else_has_by_now_tells_nothing_of_them() {
    let world = chatting();
    let mut anna = Life::begin(&world, "anna", "+998901234567").await;
    anna.live().await;
    let former = "anna-first@mail.example";
    let other = world.contact(former).await;
    let document = document(&world, anna.contact.id).await;
    assert!(document.inbound.is_empty());
    assert!(
        document
            .suppressions
            .iter()
            .all(|row| row.address != former)
    );
    let document = self::document(&world, other.id).await;
    assert_eq!(
        (document.inbound.len(), document.suppressions.len()),
        (1, 1)
    );
}

#[tokio::test]
async fn an_erased_persons_document_holds_nothing_personal() {
    let world = chatting();
    let mut anna = Life::begin(&world, "anna", "+998901234567").await;
    anna.live().await;
    campaign(&world).await;
    let before = anna.document().await;
    world
        .admin()
        .contacts()
        .erase(anna.contact.id)
        .await
        .unwrap();
    let after = anna.document().await;
    let text = text(&after).to_lowercase();
    for mark in anna
        .marks
        .iter()
        .map(String::as_str)
        .chain(["anna", "1985"])
    {
        assert!(!text.contains(mark), "{mark} is still told");
    }
    // What happened stays known, without its words.
    assert!(after.contact.erased);
    assert_eq!(after.messages.len(), before.messages.len());
    assert!(told_events(&after).is_superset(&told_events(&before)));
    let actions: Vec<&str> = after
        .history
        .iter()
        .map(|stored| stored.event.action.as_str())
        .collect();
    assert_eq!(actions, ["created", "edited", "disclosed", "erased"]);
}

#[tokio::test]
async fn nothing_is_cut_at_a_page() {
    let world = world();
    let anna = world.contact("anna@mail.example").await;
    let other = world.contact("other@mail.example").await;
    for number in 0..1_005 {
        world.draft(&anna, &format!("text {number}.")).await;
    }
    world.draft(&other, "of another").await;
    let document = document(&world, anna.id).await;
    assert_eq!(document.messages.len(), 1_005);
    let texts = document.messages.iter().enumerate();
    let is = |(number, one): (usize, &crm_core::engine::MessageAccess)| {
        one.message.revision.content == format!("text {number}.")
            && one.revisions.len() == 1
            && one.history.len() == 1
    };
    assert!(texts.into_iter().all(is));
}

#[tokio::test]
async fn only_who_may_export_gets_it() {
    let world = world();
    let anna = world.contact("anna@mail.example").await;
    let refused = world.viewer().contacts().subject_access(anna.id).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Forbidden);
    let nobody = ContactId(uuid::Uuid::from_u128(1));
    let refused = world.manager().contacts().subject_access(nobody).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotFound);
    let document: Value = serde_json::to_value(document(&world, anna.id).await).unwrap();
    let fields: Vec<&String> = document.as_object().unwrap().keys().collect();
    assert_eq!(
        fields,
        [
            "at",
            "contact",
            "history",
            "inbound",
            "merged",
            "messages",
            "plans",
            "suppressions"
        ]
    );
}

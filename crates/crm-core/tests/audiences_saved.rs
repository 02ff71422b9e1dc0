//! Audiences that are saved under names: who saves them, what lists and campaigns mean by the name, and that a campaign
//! keeps what it was written with.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{World, world};
use crm_core::audience::Audience;
use crm_core::audience::saved::{SavedAudience, SavedAudienceFields};
use crm_core::campaign::CampaignFields;
use crm_core::contact::ContactFields;
use crm_core::contact::definition::{DefinitionFields, FieldType};
use crm_core::engine::SetField;
use crm_core::export::{Format, Options};
use crm_core::message::history::Subject;
use crm_core::port::store::{ContactQuery, EventQuery, PlanQuery};
use crm_core::{ErrorKind, Workspace};
use serde_json::json;

fn fields(name: &str, text: &str) -> SavedAudienceFields {
    serde_json::from_value(json!({"name": name, "audience": text})).unwrap()
}

async fn save(world: &World, name: &str, text: &str) -> SavedAudience {
    let saved = world.manager().audiences().create(fields(name, text)).await;
    saved.unwrap()
}

fn campaign(text: &str) -> CampaignFields {
    let fields = json!({"name": "All", "occasion_type": "custom", "audience": text,
        "schedule": {"type": "immediate"}, "channel": "email"});
    serde_json::from_value(fields).unwrap()
}

/// People of these segments, with an address each.
async fn people(world: &World, segments: &[&str]) {
    for (number, segment) in segments.iter().enumerate() {
        let fields = ContactFields {
            name: format!("Анна {number}"),
            email: Some(format!("anna{number}@mail.example")),
            segment: (*segment).to_owned(),
            ..ContactFields::default()
        };
        world.manager().contacts().create(fields).await.unwrap();
    }
}

async fn count(world: &World, text: &str) -> u64 {
    let audience = Audience::from_text(text).unwrap();
    let found = world.viewer().audiences().sample(audience, 1).await;
    found.unwrap().count
}

#[tokio::test]
async fn managers_save_audiences_and_everybody_sees_them() {
    let world = world();
    let refused = world
        .viewer()
        .audiences()
        .create(fields("VIP", "segment = VIP"))
        .await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Forbidden);
    let vip = save(&world, " VIP ", "segment = VIP").await;
    assert_eq!((vip.version, vip.fields.name.as_str()), (1, "VIP"));
    let big = save(&world, "big", "tag = big").await;
    assert_eq!(
        world.viewer().audiences().list().await.unwrap(),
        [big.clone(), vip.clone()]
    );
    let session = world.manager();
    let audiences = session.audiences();
    let taken = audiences
        .create(fields("vip", "everybody"))
        .await
        .unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::Duplicate);
    let taken = audiences
        .update(big.id, None, fields("Vip", "everybody"))
        .await
        .unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::Duplicate);
    let changed = audiences
        .update(vip.id, Some(1), fields("vip", "segment = ВИП"))
        .await
        .unwrap();
    assert_eq!((changed.version, changed.fields.name.as_str()), (2, "vip"));
    assert_eq!(audiences.get(vip.id).await.unwrap(), changed);
    let stale = audiences
        .update(vip.id, Some(1), fields("vip", "everybody"))
        .await
        .unwrap_err();
    assert_eq!(stale.kind(), ErrorKind::Conflict);
    for refused in [
        world
            .viewer()
            .audiences()
            .update(vip.id, None, fields("a", "everybody"))
            .await
            .err(),
        world.viewer().audiences().remove(vip.id).await.err(),
    ] {
        assert_eq!(refused.unwrap().kind(), ErrorKind::Forbidden);
    }
    audiences.remove(vip.id).await.unwrap();
    for gone in [
        audiences.get(vip.id).await.err(),
        audiences.remove(vip.id).await.err(),
        audiences
            .update(vip.id, None, fields("a", "everybody"))
            .await
            .err(),
    ] {
        assert_eq!(gone.unwrap().kind(), ErrorKind::NotFound);
    }
    let space = Workspace::default();
    let events = world.engine.store().events(&space, EventQuery::default());
    let told: Vec<String> = events
        .await
        .unwrap()
        .into_iter()
        .map(|stored| stored.event)
        .filter(|event| event.subject == Subject::SavedAudience && event.subject_id == vip.id.0)
        .map(|event| format!("{} {} {:?}", event.version, event.action, event.reason))
        .collect();
    assert_eq!(told, ["1 created None", "2 edited None", "3 deleted None"]);
}

#[tokio::test]
async fn what_cannot_be_saved_is_refused() {
    let world = world();
    let number = SetField {
        name: "sum".to_owned(),
        version: None,
        fields: DefinitionFields::of(FieldType::Number),
    };
    world.admin().fields().set(number).await.unwrap();
    save(&world, "a", "everybody").await;
    let session = world.manager();
    for (wrong, field) in [
        (fields(" ", "everybody"), "name"),
        (fields("b", "saved a"), "audience"),
        (fields("b", "not (tag = x or saved a)"), "audience"),
        (fields("b", "field.sum = much"), "audience"),
    ] {
        let error = session.audiences().create(wrong.clone()).await.unwrap_err();
        assert_eq!(error.fields()[0].field, field);
        let id = session.audiences().list().await.unwrap()[0].id;
        let error = session
            .audiences()
            .update(id, None, wrong)
            .await
            .unwrap_err();
        assert_eq!(error.fields()[0].field, field);
    }
    for number in 1..500 {
        save(&world, &format!("a {number}"), "everybody").await;
    }
    let error = session
        .audiences()
        .create(fields("one more", "everybody"))
        .await
        .unwrap_err();
    assert_eq!(error.fields()[0].field, "name");
}

#[tokio::test]
async fn lists_exports_and_samples_mean_what_is_saved_now() {
    let world = world();
    people(&world, &["VIP", "VIP", "regular"]).await;
    let saved = save(&world, "Big clients", "segment = VIP").await;
    assert_eq!(count(&world, "saved \"BIG  clients\"").await, 2);
    assert_eq!(count(&world, &format!("not saved {}", saved.id)).await, 1);
    let named = || Some(Audience::from_text("saved \"big clients\" or has phone").unwrap());
    let query = || ContactQuery {
        audience: named(),
        ..ContactQuery::default()
    };
    let session = world.viewer();
    assert_eq!(
        session.contacts().list(query()).await.unwrap().items.len(),
        2
    );
    assert_eq!(
        session
            .campaigns()
            .audience_count(named().unwrap())
            .await
            .unwrap(),
        2
    );
    let sample = session
        .audiences()
        .sample(named().unwrap(), 1)
        .await
        .unwrap();
    assert_eq!((sample.count, sample.items.len()), (2, 1));
    assert_eq!(sample.items[0].name, "Анна 1", "the newest");

    let options = Options {
        format: Format::JsonLines,
        ..Options::default()
    };
    let mut export = world
        .manager()
        .contacts()
        .export(query(), &options)
        .await
        .unwrap();
    // An export goes on with what was asked for when it began.
    let session = world.manager();
    session
        .audiences()
        .update(saved.id, None, fields("Big clients", "segment = regular"))
        .await
        .unwrap();
    let mut file = Vec::new();
    while let Some(part) = export.next().await.unwrap() {
        file.extend(part);
    }
    assert_eq!(file.iter().filter(|byte| **byte == b'\n').count(), 2);
    assert_eq!(count(&world, "saved \"big clients\"").await, 1);
    session.audiences().remove(saved.id).await.unwrap();
    let error = session.contacts().list(query()).await.unwrap_err();
    assert_eq!(error.fields()[0].field, "audience");
}

#[tokio::test]
async fn a_campaign_keeps_what_was_saved_when_it_was_written() {
    let world = world();
    people(&world, &["VIP", "VIP", "regular"]).await;
    let saved = save(&world, "Big clients", "segment = VIP").await;
    let session = world.manager();
    let made = session
        .campaigns()
        .create(campaign("saved \"big clients\" and has email"))
        .await
        .unwrap();
    assert_eq!(
        made.fields.audience.to_text(),
        "segment = VIP and has email"
    );
    session
        .audiences()
        .update(saved.id, None, fields("Big clients", "everybody"))
        .await
        .unwrap();
    assert_eq!(session.campaigns().cost(made.id).await.unwrap().to_draft, 2);
    session.campaigns().execute(made.id, false).await.unwrap();
    session.audiences().remove(saved.id).await.unwrap();
    world.worker().run_until_idle().await.unwrap();
    let plan = PlanQuery {
        campaign_id: made.id,
        occurrence: None,
        excluded: None,
        undrafted: false,
        batch: None,
        page: Default::default(),
    };
    let plan = session.campaigns().plan(plan).await.unwrap();
    assert_eq!(plan.items.len(), 2);

    let error = session
        .campaigns()
        .create(campaign("saved \"big clients\""))
        .await
        .unwrap_err();
    assert_eq!(error.fields()[0].field, "audience");
    let draft = session
        .campaigns()
        .create(campaign("everybody"))
        .await
        .unwrap();
    save(&world, "Others", "segment = regular").await;
    let changed = session
        .campaigns()
        .update(draft.id, None, campaign("saved others"))
        .await
        .unwrap();
    assert_eq!(changed.fields.audience.to_text(), "segment = regular");
}

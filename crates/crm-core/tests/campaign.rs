//! A campaign over the example contacts, from the file to the last delivery.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use common::{World, world};
use crm_core::campaign::dates::DateRule;
use crm_core::campaign::{Campaign, CampaignFields, CampaignStatus, Schedule};
use crm_core::contact::{AddressKind, Birthday, ContactFields};
use crm_core::engine::{BulkAction, Engine};
use crm_core::message::decide::Edit;
use crm_core::message::{Format, Message, Occasion, Status};
use crm_core::port::channel::ChannelCapabilities;
use crm_core::port::store::{MessageQuery, PageRequest, PlanQuery};
use crm_core::template::TemplateFields;
use crm_core::testing::{RecordingChannel, SequentialIds};
use crm_core::{ErrorKind, Role};

const CONTACTS: &[u8] = include_bytes!("../../../examples/data/contacts.csv");

fn fields(schedule: Schedule) -> CampaignFields {
    CampaignFields {
        schedule,
        ..CampaignFields::new("Навруз", Occasion::Holiday)
    }
}

async fn start(world: &World, fields: CampaignFields, test_mode: bool) -> Campaign {
    let manager = world.manager();
    let campaign = manager.campaigns().create(fields).await.unwrap();
    manager
        .campaigns()
        .execute(campaign.id, test_mode)
        .await
        .unwrap()
}

async fn messages(world: &World) -> Vec<Message> {
    let query = MessageQuery {
        page: PageRequest {
            limit: 1_000,
            ..PageRequest::default()
        },
        ..MessageQuery::default()
    };
    world.viewer().messages().list(query).await.unwrap().items
}

async fn approve_all(world: &World) -> u64 {
    let manager = world.act("reviewer", Role::Manager);
    let query = MessageQuery {
        statuses: vec![Status::PendingApproval],
        ..MessageQuery::default()
    };
    let preview = manager
        .approvals()
        .preview(BulkAction::Approve, query.clone())
        .await
        .unwrap();
    let manifest = Some(preview.manifest);
    let result = manager
        .approvals()
        .bulk(BulkAction::Approve, query, manifest, None)
        .await
        .unwrap();
    assert_eq!(
        (result.applied, result.failed, result.skipped),
        (preview.count, 0, 0)
    );
    result.applied
}

#[tokio::test]
async fn two_hundred_people_get_exactly_what_was_approved_once() {
    let world = world();
    let report = world
        .manager()
        .contacts()
        .import_file(CONTACTS, &crm_core::import::Options::default())
        .await
        .unwrap();
    assert_eq!(
        (report.rows, report.created, report.skipped),
        (210, 200, 2),
        "{report:?}"
    );
    let lines: Vec<u64> = report.rejected.iter().map(|row| row.line).collect();
    assert_eq!(lines, [19, 34, 52, 89, 108, 130, 173, 197]);
    for row in &report.rejected {
        assert!(
            !row.reason.contains(".example"),
            "a reject repeats the value"
        );
    }

    let campaign = start(&world, fields(Schedule::Immediate), false).await;
    world.worker().run_until_idle().await.unwrap();
    let drafted = messages(&world).await;
    assert_eq!(drafted.len(), 200);
    assert!(world.channel.calls().is_empty());
    assert_eq!(approve_all(&world).await, 200);
    let approved: BTreeMap<_, _> = messages(&world)
        .await
        .into_iter()
        .map(|message| (message.id, message))
        .collect();
    world.worker().run_until_idle().await.unwrap();

    let delivered = world.channel.delivered();
    assert_eq!(delivered.len(), 200);
    let recipients: BTreeSet<&str> = delivered.iter().map(|d| d.recipient()).collect();
    assert_eq!(recipients.len(), 200, "nobody twice");
    for delivery in &delivered {
        let message = &approved[&delivery.message_id()];
        assert_eq!(delivery.content(), message.revision.content);
        assert_eq!(delivery.subject(), message.revision.subject.as_deref());
        assert_eq!(delivery.digest(), message.digest);
    }
    let campaign = world.viewer().campaigns().get(campaign.id).await.unwrap();
    assert_eq!(campaign.status, CampaignStatus::Completed);
    let stats = world.viewer().campaigns().stats(campaign.id).await.unwrap();
    assert_eq!((stats.generated_count, stats.sent_count), (200, 200));
    assert_eq!(world.viewer().analytics().recount().await.unwrap(), []);
    assert!(world.viewer().audit().verify(None).await.unwrap().valid);

    // What it did can be done again, and drafts everybody anew.
    let manager = world.manager();
    let copy = manager
        .campaigns()
        .copy(campaign.id, "Again")
        .await
        .unwrap();
    assert_eq!((copy.status, copy.version), (CampaignStatus::Draft, 1));
    let mut expected = campaign.fields.clone();
    "Again".clone_into(&mut expected.name);
    assert_eq!(copy.fields, expected);
    let viewer = world.viewer();
    let refused = viewer.campaigns().copy(campaign.id, "Again").await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Forbidden);
    let nameless = manager.campaigns().copy(campaign.id, " ").await;
    assert_eq!(nameless.unwrap_err().kind(), ErrorKind::Invalid);
    manager.campaigns().execute(copy.id, true).await.unwrap();
    world.worker().run_until_idle().await.unwrap();
    assert_eq!(messages(&world).await.len(), 400);
}

#[tokio::test]
async fn importing_the_same_file_again_creates_nobody() {
    let world = world();
    world
        .manager()
        .contacts()
        .import_file(CONTACTS, &crm_core::import::Options::default())
        .await
        .unwrap();
    let again = world
        .manager()
        .contacts()
        .import_file(CONTACTS, &crm_core::import::Options::default())
        .await
        .unwrap();
    assert_eq!((again.created, again.skipped), (0, 202));
}

#[tokio::test]
async fn a_paused_or_cancelled_campaign_sends_nothing_more() {
    let world = world();
    for number in 0..5 {
        world.contact(&format!("p{number}@mail.example")).await;
    }
    let campaign = start(&world, fields(Schedule::Immediate), false).await;
    world.worker().run_until_idle().await.unwrap();
    approve_all(&world).await;
    let manager = world.manager();
    manager.campaigns().pause(campaign.id).await.unwrap();
    world.worker().run_until_idle().await.unwrap();
    assert!(world.channel.calls().is_empty(), "paused");
    manager.campaigns().resume(campaign.id).await.unwrap();
    // One waits for a decision again when the campaign is called off.
    let edited = messages(&world).await.remove(0);
    let edit = Edit {
        content: Some("Another text.".to_owned()),
        ..Edit::default()
    };
    manager
        .messages()
        .edit(edited.id, None, edit)
        .await
        .unwrap();
    manager.campaigns().cancel(campaign.id).await.unwrap();
    world.worker().run_until_idle().await.unwrap();
    assert!(world.channel.calls().is_empty(), "cancelled");
    for message in messages(&world).await {
        assert_eq!(message.status, Status::Cancelled, "nothing waits for ever");
        assert_eq!(message.failure.as_deref(), Some("campaign_cancelled"));
    }
    let error = manager.campaigns().resume(campaign.id).await.unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::NotAllowed,
        "a cancelled campaign stays cancelled"
    );
}

#[tokio::test]
async fn a_test_run_drafts_and_never_sends() {
    let world = world();
    world.contact("a@mail.example").await;
    start(&world, fields(Schedule::Immediate), true).await;
    world.worker().run_until_idle().await.unwrap();
    assert_eq!(approve_all(&world).await, 1);
    world.worker().run_until_idle().await.unwrap();
    assert!(world.channel.calls().is_empty());
    assert_eq!(messages(&world).await[0].status, Status::Approved);
}

#[tokio::test]
async fn a_local_time_is_each_recipients_own() {
    let world = world();
    world.clock.set("2026-11-24T00:00:00Z".parse().unwrap());
    for (number, zone) in ["Asia/Tashkent", "Europe/Moscow", "America/New_York"]
        .iter()
        .enumerate()
    {
        let fields = ContactFields {
            name: "Ann".to_owned(),
            email: Some(format!("z{number}@mail.example")),
            time_zone: Some((*zone).to_owned()),
            ..ContactFields::default()
        };
        world.manager().contacts().create(fields).await.unwrap();
    }
    let at: DateTime<Utc> = "2026-11-24T10:00:00Z".parse().unwrap();
    let campaign = start(
        &world,
        fields(Schedule::Scheduled {
            at,
            local_time: true,
        }),
        false,
    )
    .await;
    world.worker().run_until_idle().await.unwrap();
    let query = PlanQuery {
        campaign_id: campaign.id,
        occurrence: None,
        excluded: None,
        undrafted: false,
        batch: None,
        page: PageRequest::default(),
    };
    let plan = world.viewer().campaigns().plan(query).await.unwrap().items;
    let sends: Vec<String> = plan
        .iter()
        .map(|row| row.send_at.unwrap().to_rfc3339())
        .collect();
    assert_eq!(
        sends,
        [
            "2026-11-24T05:00:00+00:00",
            "2026-11-24T07:00:00+00:00",
            "2026-11-24T15:00:00+00:00"
        ]
    );
    approve_all(&world).await;
    world.clock.set("2026-11-24T07:30:00Z".parse().unwrap());
    world.worker().run_until_idle().await.unwrap();
    assert_eq!(world.channel.calls().len(), 2, "New York still sleeps");
}

#[tokio::test]
async fn a_birthday_is_greeted_once_a_year() {
    let world = world();
    world.clock.set("2026-11-20T00:00:00Z".parse().unwrap());
    let contact = ContactFields {
        name: "Ann".to_owned(),
        email: Some("ann@mail.example".to_owned()),
        birthday: Birthday::parse("1990-11-24"),
        ..ContactFields::default()
    };
    world.manager().contacts().create(contact).await.unwrap();
    start(&world, fields(Schedule::Date(DateRule::birthday(9))), false).await;
    let worker = world.worker();
    for _ in 0..(10 * 24) {
        worker.run_until_idle().await.unwrap();
        approve_all(&world).await;
        world.clock.advance(Duration::hours(1));
    }
    let drafted = messages(&world).await;
    assert_eq!(drafted.len(), 1);
    let sent = drafted[0].sent_at.unwrap();
    assert_eq!(
        sent.to_rfc3339(),
        "2026-11-24T04:00:00+00:00",
        "nine in Tashkent"
    );
    assert_eq!(world.channel.calls().len(), 1);
    // It was there for people to read the day before, and would not have arrived a day late.
    assert_eq!(
        drafted[0].created_at.to_rfc3339(),
        "2026-11-22T19:00:00+00:00"
    );
    let over = drafted[0].expires_at.unwrap();
    assert_eq!(over.to_rfc3339(), "2026-11-24T19:00:00+00:00");
}

#[tokio::test]
async fn a_greeting_nobody_approved_in_time_ends_with_its_day() {
    let world = world();
    world.clock.set("2026-11-23T06:00:00Z".parse().unwrap());
    let contact = ContactFields {
        name: "Ann".to_owned(),
        email: Some("ann@mail.example".to_owned()),
        birthday: Birthday::parse("--11-24"),
        ..ContactFields::default()
    };
    world.manager().contacts().create(contact).await.unwrap();
    start(&world, fields(Schedule::Date(DateRule::birthday(9))), false).await;
    let worker = world.worker();
    worker.run_until_idle().await.unwrap();
    // Those whose day is tomorrow are drafted by the first run, which does not wait for a full hour.
    let drafted = messages(&world).await;
    assert_eq!(drafted.len(), 1);
    assert_eq!(drafted[0].status, Status::PendingApproval);
    world.clock.advance(Duration::hours(40));
    worker.run_until_idle().await.unwrap();
    assert_eq!(messages(&world).await[0].status, Status::Expired);
    assert_eq!(approve_all(&world).await, 0);
}

#[tokio::test]
async fn a_contact_without_an_address_is_excluded_with_the_reason() {
    let world = world();
    let nobody = ContactFields {
        name: "No Address".to_owned(),
        phone: Some("+998901234567".to_owned()),
        ..ContactFields::default()
    };
    world.manager().contacts().create(nobody).await.unwrap();
    world.contact("ok@mail.example").await;
    world
        .manager()
        .suppressions()
        .add("email", "ok@mail.example", "asked")
        .await
        .unwrap();
    let campaign = start(&world, fields(Schedule::Immediate), false).await;
    world.worker().run_until_idle().await.unwrap();
    let query = PlanQuery {
        campaign_id: campaign.id,
        occurrence: None,
        excluded: Some(true),
        undrafted: false,
        batch: None,
        page: PageRequest::default(),
    };
    let plan = world.viewer().campaigns().plan(query).await.unwrap().items;
    let reasons: Vec<&str> = plan
        .iter()
        .filter_map(|row| row.excluded.as_deref())
        .collect();
    assert_eq!(reasons, ["no_address", "suppressed"]);
    assert!(messages(&world).await.is_empty());
}

#[tokio::test]
async fn a_text_that_one_person_makes_too_long_stops_nobody_else() {
    let world = world();
    let manager = world.manager();
    let named = |name: String, email: &str| ContactFields {
        name,
        email: Some(email.to_owned()),
        ..ContactFields::default()
    };
    let contacts = manager.contacts();
    // With what stands around it the subject is over its 200 characters.
    let long = named("Ў".repeat(200), "long@mail.example");
    let long = contacts.create(long).await.unwrap();
    let short = named("Anna".to_owned(), "anna@mail.example");
    contacts.create(short).await.unwrap();
    let template = TemplateFields {
        name: "Navruz".to_owned(),
        occasion_type: Occasion::Holiday,
        segment: None,
        channel: None,
        language: "ru".to_owned(),
        subject: Some("{{name}}, с праздником!".to_owned()),
        content: "{{name}}, с праздником!".to_owned(),
        format: Format::Text,
        is_active: true,
    };
    let template = manager.templates().create(template).await.unwrap();
    for template_id in [Some(template.id), None] {
        let run = CampaignFields {
            template_id,
            ..fields(Schedule::Immediate)
        };
        let campaign = start(&world, run, false).await;
        world.worker().run_until_idle().await.unwrap();
        let stats = manager.campaigns().stats(campaign.id).await.unwrap();
        assert_eq!(stats.generated_count, 1, "{template_id:?}");
        let query = PlanQuery {
            campaign_id: campaign.id,
            occurrence: None,
            excluded: Some(true),
            undrafted: false,
            batch: None,
            page: PageRequest::default(),
        };
        let excluded = manager.campaigns().plan(query).await.unwrap().items;
        assert_eq!(excluded.len(), 1);
        assert_eq!(excluded[0].contact_id, long.id);
        assert_eq!(excluded[0].excluded.as_deref(), Some("text_not_sendable"));
    }
}

/// The world with a second channel, for short plain texts to phones.
fn with_sms(mut world: World, sms: &Arc<RecordingChannel>) -> World {
    let ids = Arc::new(SequentialIds::starting_at(500_000));
    let store = Arc::clone(world.engine.store());
    world.engine = Engine::builder(store, world.clock.clone(), ids)
        .channel("email", world.channel.clone())
        .channel("sms", sms.clone())
        .build();
    world
}

fn sms() -> Arc<RecordingChannel> {
    let capabilities = ChannelCapabilities {
        address: AddressKind::Phone,
        subject: false,
        max_length: Some(40),
        ..ChannelCapabilities::default()
    };
    Arc::new(RecordingChannel::new(capabilities))
}

fn person(name: &str, email: Option<&str>, phone: Option<&str>, prefers: &[&str]) -> ContactFields {
    ContactFields {
        name: name.to_owned(),
        email: email.map(str::to_owned),
        phone: phone.map(str::to_owned),
        preferred_channels: prefers.iter().map(|&name| name.to_owned()).collect(),
        ..ContactFields::default()
    }
}

fn greeting(content: &str, format: Format) -> TemplateFields {
    TemplateFields {
        name: "Navruz".to_owned(),
        occasion_type: Occasion::Holiday,
        segment: None,
        channel: None,
        language: "ru".to_owned(),
        subject: Some("С праздником!".to_owned()),
        content: content.to_owned(),
        format,
        is_active: true,
    }
}

async fn plan(world: &World, campaign: &Campaign) -> Vec<(String, String, Option<String>)> {
    let query = PlanQuery {
        campaign_id: campaign.id,
        occurrence: None,
        excluded: None,
        undrafted: false,
        batch: None,
        page: PageRequest::default(),
    };
    let rows = world.viewer().campaigns().plan(query).await.unwrap().items;
    let mut lines = Vec::new();
    for row in rows {
        let contact = world.viewer().contacts().get(row.contact_id).await.unwrap();
        lines.push((contact.fields.name, row.channel, row.excluded));
    }
    lines
}

#[tokio::test]
async fn who_cannot_be_reached_on_one_channel_is_written_to_on_another() {
    let phones = sms();
    let world = with_sms(world(), &phones);
    let manager = world.manager();
    let both = (Some("a@mail.example"), Some("+998901234501"));
    let people = [
        person("both", both.0, both.1, &[]),
        person(
            "wishes",
            Some("b@mail.example"),
            Some("+998901234502"),
            &["telegram", "sms"],
        ),
        person("phone", None, Some("+998901234503"), &["email"]),
        person(
            "stopped",
            Some("c@mail.example"),
            Some("+998901234504"),
            &[],
        ),
        person("nobody", None, None, &["sms"]),
        // What is written to a phone gets too long with this name.
        person(&"Ў".repeat(60), None, Some("+998901234505"), &[]),
    ];
    for fields in people {
        manager.contacts().create(fields).await.unwrap();
    }
    let stop = manager.suppressions();
    stop.add("email", "c@mail.example", "asked").await.unwrap();
    let html = greeting("<p>{{name}}, с праздником!</p>", Format::Html);
    let html = manager.templates().create(html).await.unwrap();
    let text = greeting("{{name}}, с праздником!", Format::Text);
    let text = TemplateFields {
        name: "plain".to_owned(),
        ..text
    };
    let text = manager.templates().create(text).await.unwrap();
    let fields = CampaignFields {
        fallback_channels: vec!["sms".to_owned()],
        template_id: Some(html.id),
        ..fields(Schedule::Immediate)
    };
    // Each channel of the campaign has to deliver its text.
    let campaigns = manager.campaigns();
    let refused = campaigns.create(fields.clone()).await.unwrap();
    let error = campaigns.execute(refused.id, false).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(error.fields()[0].field, "template_id");
    for wrong in [vec!["fax"], vec!["email"], vec!["sms", "sms"]] {
        let wrong = CampaignFields {
            fallback_channels: wrong.into_iter().map(str::to_owned).collect(),
            ..fields.clone()
        };
        let error = campaigns.create(wrong).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }

    let fields = CampaignFields {
        template_id: Some(text.id),
        ..fields
    };
    let campaign = start(&world, fields, false).await;
    world.worker().run_until_idle().await.unwrap();
    let of = |name: &str, channel: &str, excluded: Option<&str>| {
        let excluded = excluded.map(str::to_owned);
        (name.to_owned(), channel.to_owned(), excluded)
    };
    assert_eq!(
        plan(&world, &campaign).await,
        [
            of("both", "email", None),
            of("wishes", "sms", None),
            of("phone", "sms", None),
            of("stopped", "sms", None),
            of("nobody", "email", Some("no_address")),
            of(&"Ў".repeat(60), "sms", Some("text_not_sendable")),
        ]
    );
    let drafted = messages(&world).await;
    for message in &drafted {
        let subject = message.revision.subject.as_deref();
        let is_mail = message.channel == "email";
        assert_eq!(subject, is_mail.then_some("С праздником!"));
        assert_eq!(message.recipient.starts_with('+'), !is_mail);
    }
    assert_eq!(approve_all(&world).await, 4);
    world.worker().run_until_idle().await.unwrap();
    assert_eq!((world.channel.calls().len(), phones.calls().len()), (1, 3));
}

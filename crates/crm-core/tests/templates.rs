//! Templates through the engine: a preview with everything that is missing, and what a campaign makes of a value that
//! a helper cannot use.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use chrono::{Datelike as _, Duration, NaiveDate};
use common::{World, world};
use crm_core::ErrorKind;
use crm_core::campaign::CampaignFields;
use crm_core::contact::normalise::normalise;
use crm_core::contact::{Birthday, ContactFields};
use crm_core::engine::{NewDraft, PreviewFor};
use crm_core::id::ContactId;
use crm_core::message::{Format, Occasion};
use crm_core::port::clock::Clock as _;
use crm_core::port::store::{PageRequest, PlanQuery};
use crm_core::template::render::{self, Problem};
use crm_core::template::{Template, TemplateFields};
use serde_json::json;

async fn template(world: &World, content: &str) -> Template {
    let fields = TemplateFields {
        name: "Продление".to_owned(),
        occasion_type: Occasion::Custom,
        segment: None,
        channel: None,
        language: "ru".to_owned(),
        subject: Some("{{company}}".to_owned()),
        content: content.to_owned(),
        format: Format::Text,
        is_active: true,
    };
    world.manager().templates().create(fields).await.unwrap()
}

fn sample() -> ContactFields {
    ContactFields {
        name: "Иванова Анна Петровна".to_owned(),
        email: Some("anna@mail.example".to_owned()),
        birthday: Birthday::parse("1990-03-08"),
        custom_fields: [("renewal".to_owned(), json!("2026-12-05"))].into(),
        time_zone: Some("Asia/Tashkent".to_owned()),
        ..ContactFields::default()
    }
}

#[tokio::test]
async fn a_preview_shows_the_text_its_gaps_and_its_size() {
    let world = world();
    let text = "{{greeting}} Договор до {{date custom.renewal}}, {{position}}.";
    let template = template(&world, text).await;
    let whom = PreviewFor::Sample(Box::new(sample()));
    let session = world.viewer();
    let seen = session.templates().preview(template.id, whom, None).await;
    let seen = seen.unwrap();
    let shown = "Уважаемая Анна Петровна! Договор до 5 декабря 2026 года, {{position}}.";
    assert_eq!(seen.content, shown);
    assert_eq!(seen.subject.as_deref(), Some("{{company}}"));
    assert_eq!((seen.template_id, seen.template_version), (template.id, 1));
    assert_eq!(
        (seen.language.as_str(), seen.contact_language.as_str()),
        ("ru", "ru")
    );
    let gaps: Vec<_> = seen
        .missing
        .iter()
        .map(|gap| gap.variable.as_str())
        .collect();
    assert_eq!(gaps, ["position", "company"]);
    assert!(
        seen.missing
            .iter()
            .all(|gap| gap.problem == Problem::Missing)
    );
    let email = seen
        .channels
        .iter()
        .find(|one| one.channel == "email")
        .unwrap();
    assert!(email.reachable && email.sendable && email.subject);
    assert_eq!(email.characters, shown.chars().count());
    // The same for a contact that is saved, and the strict rendering refuses it.
    let contact = world.manager().contacts().create(sample()).await.unwrap();
    let saved = PreviewFor::Contact(contact.id);
    let again = session.templates().preview(template.id, saved, None).await;
    assert_eq!(again.unwrap(), seen);
    let error = session.templates().render(template.id, contact.id).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Invalid);
    let silent = ContactFields {
        email: None,
        ..sample()
    };
    let silent = PreviewFor::Sample(Box::new(silent));
    let seen = session.templates().preview(template.id, silent, None).await;
    assert!(!seen.unwrap().channels.iter().any(|one| one.reachable));
    let nobody = PreviewFor::Contact(ContactId(uuid::Uuid::from_u128(7)));
    let error = session.templates().preview(template.id, nobody, None).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::NotFound);
    let odd = PreviewFor::Sample(Box::default());
    let error = session.templates().preview(template.id, odd, None).await;
    assert_eq!(error.unwrap_err().fields()[0].field, "name");
}

#[tokio::test]
async fn years_are_those_of_the_day_the_text_leaves_where_the_person_lives() {
    let world = world();
    let template = template(&world, "Вам {{turns}} {{plural turns 'год' 'года' 'лет'}}").await;
    let session = world.viewer();
    for (at, wanted) in [
        ("2031-03-07T18:59:00Z", "Вам 41 год"),
        // In Tashkent it is the 8th; the next birthday is still today's.
        ("2031-03-07T19:00:00Z", "Вам 41 год"),
        ("2031-03-08T18:59:00Z", "Вам 41 год"),
        ("2031-03-08T19:00:00Z", "Вам 42 года"),
    ] {
        let whom = PreviewFor::Sample(Box::new(sample()));
        let at = Some(at.parse().unwrap());
        let seen = session.templates().preview(template.id, whom, at).await;
        assert_eq!(seen.unwrap().content, wanted, "{at:?}");
    }
}

#[tokio::test]
async fn a_text_written_anew_counts_for_the_day_it_leaves() {
    let world = world();
    let template = template(&world, "Вам {{age}}").await;
    let mut fields = template.fields;
    fields.subject = None;
    let manager = world.manager();
    let changed = manager.templates().update(template.id, None, fields).await;
    changed.unwrap();
    let now = world.clock.now();
    let born = (now + Duration::days(3)).format("1990-%m-%d").to_string();
    let person = ContactFields {
        birthday: Birthday::parse(&born),
        ..sample()
    };
    let person = manager.contacts().create(person).await.unwrap();
    let years = (now + Duration::days(3)).year() - 1990;
    for (days, wanted) in [(0, years - 1), (6, years)] {
        let draft = NewDraft {
            scheduled_for: Some(now + Duration::days(days) + Duration::minutes(1)),
            ..NewDraft::new(person.id, Occasion::Custom, "a text of one's own")
        };
        let message = manager.messages().create(draft).await.unwrap();
        let anew = manager.messages().regenerate(message.id, None).await;
        assert_eq!(anew.unwrap().revision.content, format!("Вам {wanted}"));
    }
}

#[tokio::test]
async fn a_campaign_leaves_out_whose_value_is_no_date_and_goes_on() {
    let world = world();
    let manager = world.manager();
    let template = template(&world, "{{greeting}} До {{date custom.renewal}}.").await;
    let mut fields = template.fields.clone();
    fields.subject = None;
    let updated = manager.templates().update(template.id, None, fields).await;
    assert_eq!(updated.unwrap().version, 2);
    let good = manager.contacts().create(sample()).await.unwrap();
    let bad = ContactFields {
        email: Some("olga@mail.example".to_owned()),
        custom_fields: [("renewal".to_owned(), json!("весной"))].into(),
        ..sample()
    };
    let bad = manager.contacts().create(bad).await.unwrap();
    let campaign = CampaignFields {
        template_id: Some(template.id),
        ..CampaignFields::new("Продление", Occasion::Custom)
    };
    let campaigns = manager.campaigns();
    let campaign = campaigns.create(campaign).await.unwrap();
    campaigns.execute(campaign.id, false).await.unwrap();
    world.worker().run_until_idle().await.unwrap();
    let query = |excluded| PlanQuery {
        campaign_id: campaign.id,
        occurrence: None,
        excluded: Some(excluded),
        undrafted: false,
        batch: None,
        page: PageRequest::default(),
    };
    let out = campaigns.plan(query(true)).await.unwrap().items;
    assert_eq!((out.len(), out[0].contact_id), (1, bad.id));
    assert_eq!(out[0].excluded.as_deref(), Some("template_value_missing"));
    let planned = campaigns.plan(query(false)).await.unwrap().items;
    assert_eq!((planned.len(), planned[0].contact_id), (1, good.id));
    let message = manager.messages().get(planned[0].message_id.unwrap()).await;
    assert_eq!(
        message.unwrap().revision.content,
        "Уважаемая Анна Петровна! До 5 декабря 2026 года."
    );
}

/// Every example of the page, for the contact and the day it names.
#[test]
fn the_examples_of_the_page_are_true() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/templates.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, contact) = page.split_once("```json\n").unwrap();
    let (contact, rest) = contact.split_once("```").unwrap();
    let contact: ContactFields = serde_json::from_str(contact).unwrap();
    let contact = normalise(contact).unwrap();
    let day = NaiveDate::from_ymd_opt(2026, 3, 5).unwrap();
    let mut examples = 0;
    for line in rest.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [language, template, text] = cells[..] else {
            continue;
        };
        let Some(content) = template.strip_prefix('`').and_then(|t| t.strip_suffix('`')) else {
            continue;
        };
        let fields = TemplateFields {
            name: "example".to_owned(),
            occasion_type: Occasion::Custom,
            segment: None,
            channel: None,
            language: language.to_owned(),
            subject: None,
            content: content.to_owned(),
            format: Format::Text,
            is_active: true,
        };
        let rendered = render::render(&fields, &contact, day).unwrap();
        assert_eq!(rendered.content, text, "{line}");
        examples += 1;
    }
    assert_eq!(examples, 27);
    for variable in render::variables() {
        assert!(page.contains(&format!("`{variable}`")), "{variable}");
    }
}

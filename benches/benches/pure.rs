//! The pure parts, without a store: what one decision costs.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use crm_core::audience::Audience;
use crm_core::campaign::{Campaign, CampaignFields, CampaignStatus, Schedule, planner};
use crm_core::consent::Rules;
use crm_core::consent::window::Window;
use crm_core::contact::normalise::normalise;
use crm_core::contact::{Birthday, Contact, ContactFields};
use crm_core::guardrail;
use crm_core::id::{CampaignId, ContactId, EventId};
use crm_core::import::{Rows, inspect};
use crm_core::message::decide::{self, NewMessage, Text};
use crm_core::message::guard::{self, House};
use crm_core::message::history::{AuditEvent, Checkpoint, Subject, seal, verify};
use crm_core::message::lifecycle::{self, Event};
use crm_core::message::{
    Digest, Format, GeneratedBy, Message, Occasion, Provenance, Status, digest,
};
use crm_core::port::ids::Ids;
use crm_core::stamp::Stamp;
use crm_core::system::RandomIds;
use crm_core::template::{TemplateFields, render};
use crm_core::{Actor, Role, Workspace};
use uuid::Uuid;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).unwrap()
}

fn fields() -> ContactFields {
    ContactFields {
        external_id: Some("c42".to_owned()),
        name: "Алишер Усмонов".to_owned(),
        email: Some("Alisher.Usmonov@Example.UZ".to_owned()),
        phone: Some("+998 90 123-45-67".to_owned()),
        segment: "VIP".to_owned(),
        birthday: Birthday::parse("1985-03-21"),
        company: Some("ООО «Ташкент»".to_owned()),
        time_zone: Some("Asia/Tashkent".to_owned()),
        tags: ["gold", "tashkent"].map(str::to_owned).into(),
        ..ContactFields::default()
    }
}

fn contact() -> Contact {
    Contact {
        workspace: Workspace::default(),
        id: ContactId(Uuid::from_u128(42)),
        version: 1,
        fields: normalise(fields()).unwrap(),
        erased: false,
        merged_into: None,
        created_by: "bench".to_owned(),
        created_at: now(),
        updated_at: now(),
    }
}

fn template() -> TemplateFields {
    TemplateFields {
        name: "new year".to_owned(),
        occasion_type: Occasion::NewYear,
        segment: None,
        channel: None,
        language: "ru".to_owned(),
        subject: Some("С Новым годом, {{name}}!".to_owned()),
        content: "Уважаемый {{name}}! Поздравляем вас с Новым годом и желаем здоровья, радости и \
            успехов во всех начинаниях. Спасибо, что вы с нами. С уважением, команда."
            .to_owned(),
        format: Format::Text,
        is_active: true,
    }
}

fn campaign() -> Campaign {
    Campaign {
        workspace: Workspace::default(),
        id: CampaignId(Uuid::from_u128(7)),
        version: 1,
        fields: CampaignFields {
            schedule: Schedule::Scheduled {
                at: now() + Duration::days(3),
                local_time: true,
            },
            ..CampaignFields::new("new year", Occasion::NewYear)
        },
        status: CampaignStatus::Active,
        test_mode: false,
        occurrence: Some("2026-12-31T09:00Z".to_owned()),
        plan_cursor: None,
        planned: false,
        waiting: None,
        next_run_at: None,
        created_by: "bench".to_owned(),
        created_at: now(),
        updated_at: now(),
    }
}

fn new_message() -> NewMessage {
    let rendered = render::render(&template(), &contact(), now().date_naive()).unwrap();
    NewMessage {
        contact_id: contact().id,
        campaign: Some((campaign().id, "2026-12-31T09:00Z".to_owned())),
        occasion: Occasion::NewYear,
        channel: "email".to_owned(),
        recipient: "alisher.usmonov@example.uz".to_owned(),
        text: Text {
            subject: rendered.subject,
            content: rendered.content,
            format: rendered.format,
        },
        generated_by: GeneratedBy::Manual,
        metadata: Provenance::default(),
        findings: Vec::new(),
        scheduled_for: Some(now()),
        expires_at: None,
        test_mode: false,
        submitted: true,
    }
}

fn message() -> Message {
    let actor = Actor::new(Workspace::default(), "bench", Role::Admin);
    let ids = RandomIds::default();
    let stamp = Stamp {
        actor: &actor,
        at: now(),
        ids: &ids,
    };
    decide::create(new_message(), &stamp).unwrap().0
}

fn event(number: u128) -> AuditEvent {
    AuditEvent {
        id: EventId(Uuid::from_u128(number)),
        workspace: Workspace::default(),
        at: now(),
        actor: "bench".to_owned(),
        role: Role::Admin,
        subject: Subject::Message,
        subject_id: Uuid::from_u128(number),
        action: "approved".to_owned(),
        status: Some(Status::Approved),
        version: 2,
        revision: Some(1),
        digest: Some(Digest::of(b"text")),
        reason: None,
        reason_salt: None,
        reason_digest: None,
    }
}

fn messages(c: &mut Criterion) {
    let message = message();
    c.bench_function("digest of a message", |b| {
        b.iter(|| digest::digest(black_box(&message)));
    });
    c.bench_function("lifecycle apply", |b| {
        b.iter(|| {
            lifecycle::apply(
                black_box(Status::PendingApproval),
                Event::Approve,
                Role::Admin,
            )
        });
    });
    let actor = Actor::new(Workspace::default(), "bench", Role::Admin);
    let ids: Arc<dyn Ids> = Arc::new(RandomIds::default());
    let stamp = Stamp {
        actor: &actor,
        at: now(),
        ids: ids.as_ref(),
    };
    let new = new_message();
    c.bench_function("create a message", |b| {
        b.iter(|| decide::create(black_box(new.clone()), &stamp));
    });
}

/// What checking a text costs when it is written, and before it leaves.
fn guardrails(c: &mut Criterion) {
    let mut group = c.benchmark_group("guardrails");
    let contact = contact();
    let banning = guardrail::Rulebook::new(guardrail::Rules {
        banned_terms: (0..50).map(|n| format!("слово{n} и ещё")).collect(),
        allowed_hosts: vec!["shop.example".to_owned()],
        facts: vec!["Салон «Лола», Ташкент, Навои 10, +998 71 200 00 00".to_owned()],
        ..guardrail::Rules::default()
    });
    let short = message();
    let mut long = message();
    long.revision.content = short.revision.content.repeat(6);
    for (name, message) in [("short", &short), ("1000 characters", &long)] {
        for (house, rules) in [("usual", &guardrail::STANDARD), ("50 terms", &banning)] {
            let house_rules = House {
                rules,
                max_length: None,
                parts: None,
            };
            group.bench_function(format!("before it leaves, {name}, {house}"), |b| {
                b.iter(|| guard::objections(black_box(message), &contact, house_rules));
            });
            let template = template();
            let context = guardrail::Context {
                rules,
                contact: &contact,
                language: "ru",
                max_length: None,
                sources: &[&template.content],
                prompt: &[],
                others: &guardrail::Others::default(),
                today: None,
            };
            let draft = guardrail::Draft {
                subject: message.revision.subject.as_deref(),
                content: &message.revision.content,
                parts: None,
            };
            group.bench_function(format!("when written, {name}, {house}"), |b| {
                b.iter(|| guardrail::check(black_box(&draft), &context));
            });
        }
    }
    group.finish();
}

fn texts(c: &mut Criterion) {
    let (template, contact, day) = (template(), contact(), now().date_naive());
    c.bench_function("template render", |b| {
        b.iter(|| render::render(black_box(&template), black_box(&contact), day));
    });
    // As many tags as a text may have, each a helper.
    let tag = "{{plural turns 'год' 'года' 'лет'}}";
    let dear = TemplateFields {
        content: tag.repeat(280),
        ..template
    };
    c.bench_function("template render, 280 helpers", |b| {
        b.iter(|| render::render(black_box(&dear), black_box(&contact), day));
    });
}

fn plans(c: &mut Criterion) {
    let (contact, campaign) = (contact(), campaign());
    let audience = Audience::And(vec![
        Audience::Segment("VIP".to_owned()),
        Audience::Or(vec![
            Audience::Tag("gold".to_owned()),
            Audience::BirthdayWithin(7),
        ]),
        Audience::Not(Box::new(Audience::Language("en".to_owned()))),
    ]);
    let today = now().date_naive();
    c.bench_function("audience evaluate", |b| {
        b.iter(|| audience.matches(black_box(&contact), today));
    });
    let rules = Rules::default();
    let targets = [planner::Target {
        channel: "email",
        address: planner::Reach::Good,
        suppressed: false,
        window: Window::Always,
    }];
    c.bench_function("planner", |b| {
        b.iter(|| {
            planner::plan(
                black_box(&contact),
                &campaign,
                "run",
                now(),
                &targets,
                rules,
                &[],
            )
        });
    });
}

fn chain(c: &mut Criterion) {
    let events: Vec<AuditEvent> = (0..1_000).map(event).collect();
    let mut group = c.benchmark_group("chain of 1,000 events");
    group.throughput(Throughput::Elements(1_000));
    group.bench_function("seal", |b| {
        b.iter(|| seal(Checkpoint::default(), black_box(&events)));
    });
    let (seals, end) = seal(Checkpoint::default(), &events);
    let sealed: Vec<_> = events.into_iter().zip(seals).collect();
    assert_eq!(verify(&sealed, end), None);
    group.bench_function("verify", |b| {
        b.iter(|| verify(black_box(&sealed), end));
    });
    group.finish();
}

fn contacts(c: &mut Criterion) {
    let fields = fields();
    c.bench_function("contact normalise", |b| {
        b.iter(|| normalise(black_box(fields.clone())));
    });
    let file = crm_benches::seed::people(0, 1_000);
    let mut group = c.benchmark_group("CSV of 1,000 rows");
    group.throughput(Throughput::Elements(1_000));
    let mut file = std::io::Cursor::new(file.as_bytes());
    let options = crm_core::import::Options::default();
    group.bench_function("look", |b| {
        b.iter(|| inspect(black_box(&mut file), &options).unwrap());
    });
    let found = inspect(&mut file, &options).unwrap();
    group.bench_function("read", |b| {
        b.iter(|| {
            let rows = Rows::new(black_box(&mut file), &found).unwrap();
            rows.filter(|row| row.as_ref().is_ok_and(|row| row.person.is_ok()))
                .count()
        });
    });
    group.finish();
}

criterion_group!(pure, messages, guardrails, texts, plans, chain, contacts);
criterion_main!(pure);

//! Texts tried against each other: who gets which, who gets none, and what people make of them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::collections::BTreeMap;

use common::{World, world};
use crm_core::ErrorKind;
use crm_core::campaign::experiment::Verdict;
use crm_core::campaign::split::{Arm, Variants};
use crm_core::campaign::{Campaign, CampaignFields, PlanRow};
use crm_core::id::TemplateId;
use crm_core::message::decide::Edit;
use crm_core::message::{Format, Message, Occasion, Status};
use crm_core::port::store::{MessageQuery, PageRequest, PlanQuery};
use crm_core::template::TemplateFields;

const PEOPLE: usize = 120;

fn everything() -> PageRequest {
    PageRequest {
        limit: 1_000,
        ..PageRequest::default()
    }
}

impl World {
    async fn template(&self, name: &str, content: &str) -> TemplateId {
        let fields = TemplateFields {
            name: name.to_owned(),
            occasion_type: Occasion::Holiday,
            segment: None,
            channel: None,
            language: "ru".to_owned(),
            subject: None,
            content: content.to_owned(),
            format: Format::Text,
            is_active: true,
        };
        self.manager().templates().create(fields).await.unwrap().id
    }

    /// Two texts for the same people, and a tenth of them who get none.
    async fn split(&self, test_mode: bool) -> Campaign {
        for number in 0..PEOPLE {
            self.contact(&format!("p{number}@mail.example")).await;
        }
        let (short, long) = (
            self.template("short", "Навруз!").await,
            self.template("long", "Поздравляем вас с Наврузом!").await,
        );
        let arm = |name, weight, template_id| Arm {
            template_id: Some(template_id),
            ..Arm::new(name, weight)
        };
        let variants = Variants {
            arms: vec![arm("short", 1, short), arm("long", 1, long)],
            holdout_permille: 100,
        };
        let fields = CampaignFields {
            variants: Some(variants),
            ..CampaignFields::new("Навруз", Occasion::Holiday)
        };
        let manager = self.manager();
        let campaign = manager.campaigns().create(fields).await.unwrap();
        let id = campaign.id;
        let campaign = manager.campaigns().execute(id, test_mode).await.unwrap();
        self.worker().run_until_idle().await.unwrap();
        campaign
    }

    async fn lines(&self, campaign: &Campaign) -> Vec<PlanRow> {
        let query = PlanQuery {
            campaign_id: campaign.id,
            occurrence: None,
            excluded: None,
            undrafted: false,
            batch: None,
            page: everything(),
        };
        self.viewer().campaigns().plan(query).await.unwrap().items
    }

    async fn all(&self) -> Vec<Message> {
        let query = MessageQuery {
            page: everything(),
            ..MessageQuery::default()
        };
        self.viewer().messages().list(query).await.unwrap().items
    }

    async fn counters_hold(&self) {
        assert_eq!(self.viewer().analytics().recount().await.unwrap(), []);
    }
}

#[tokio::test]
async fn everybody_gets_one_text_and_the_holdout_none() {
    let world = world();
    let campaign = world.split(false).await;
    let lines = world.lines(&campaign).await;
    assert_eq!(lines.len(), PEOPLE);
    let messages = world.all().await;
    let by_id: BTreeMap<_, _> = messages.iter().map(|it| (it.id, it)).collect();
    let mut counts = BTreeMap::<&str, u64>::new();
    for line in &lines {
        let name = line.variant.as_deref().unwrap_or("holdout");
        *counts.entry(name).or_default() += 1;
        let message = line.message_id.map(|id| by_id[&id]);
        match message {
            None => {
                assert_eq!(line.excluded.as_deref(), Some("holdout"));
                assert_eq!((line.send_at, line.local_time.as_deref()), (None, None));
            }
            Some(message) => {
                assert!(["short", "long"].contains(&name), "{name} was written to");
                assert_eq!(message.metadata.variant, line.variant);
                let content = message.revision.content.as_str();
                assert_eq!(name == "short", content == "Навруз!", "{content}");
            }
        }
    }
    assert_eq!(counts.len(), 3);
    assert!((4..=24).contains(&counts["holdout"]), "{counts:?}");
    assert!(counts["short"] > 30 && counts["long"] > 30, "{counts:?}");
    let result = world
        .viewer()
        .campaigns()
        .experiment(campaign.id)
        .await
        .unwrap();
    assert_eq!(result.holdout_permille, 100);
    for variant in &result.variants {
        assert_eq!(variant.generated_count, counts[variant.name.as_str()]);
        assert_eq!((variant.decided_count, variant.sent_count), (0, 0));
    }
    assert_eq!(result.edited.unwrap().verdict, Verdict::GoOn);
    world.counters_hold().await;
}

#[tokio::test]
async fn what_people_do_with_a_text_is_counted_for_its_variant() {
    let world = world();
    let campaign = world.split(false).await;
    let manager = world.manager();
    // Everybody edits the short text and leaves the long one; every fifth is rejected.
    for (number, message) in world.all().await.into_iter().enumerate() {
        let variant = message.metadata.variant.clone().unwrap();
        if number % 5 == 0 {
            let approvals = manager.approvals();
            let why = Some("too dull".to_owned());
            approvals.reject(message.id, None, why).await.unwrap();
            continue;
        }
        let message = if variant == "short" {
            let edit = Edit {
                content: Some("С праздником Навруз!".to_owned()),
                ..Edit::default()
            };
            let messages = manager.messages();
            messages.edit(message.id, None, edit).await.unwrap()
        } else {
            message
        };
        world.approve(&message).await;
    }
    world.counters_hold().await;
    world.worker().run_until_idle().await.unwrap();
    world.counters_hold().await;
    let result = world
        .viewer()
        .campaigns()
        .experiment(campaign.id)
        .await
        .unwrap();
    let messages = world.all().await;
    for variant in &result.variants {
        let of = |status: Status| {
            let own = messages
                .iter()
                .filter(|it| it.metadata.variant.as_ref() == Some(&variant.name));
            u64::try_from(own.filter(|it| it.status == status).count()).unwrap()
        };
        assert_eq!(variant.rejected_count, of(Status::Rejected));
        assert_eq!(variant.sent_count, of(Status::Sent));
        assert_eq!(variant.decided_count, variant.generated_count);
        let edited = if variant.name == "short" {
            variant.sent_count
        } else {
            0
        };
        assert_eq!(variant.edited_count, edited);
    }
    // The long text is the second one.
    assert_eq!(
        result.edited.unwrap().verdict,
        Verdict::SuggestStop { winner: 1 }
    );
    assert_eq!(result.rejected.unwrap().verdict, Verdict::GoOn);
}

#[tokio::test]
async fn a_campaign_without_variants_has_nothing_to_compare() {
    let world = world();
    world.contact("ann@mail.example").await;
    let manager = world.manager();
    let fields = CampaignFields::new("c", Occasion::Holiday);
    let campaign = manager.campaigns().create(fields).await.unwrap();
    let result = manager.campaigns().experiment(campaign.id).await.unwrap();
    assert!(result.variants.is_empty() && result.edited.is_none() && result.rejected.is_none());
}

#[tokio::test]
async fn bad_variants_are_refused() {
    let world = world();
    let manager = world.manager();
    let bad_tone = Arm {
        tone: Some("rude".to_owned()),
        ..Arm::new("a", 1)
    };
    let no_template = Arm {
        template_id: Some(TemplateId(uuid::Uuid::nil())),
        ..Arm::new("a", 1)
    };
    for (arms, kind) in [
        (vec![], ErrorKind::Invalid),
        (vec![Arm::new("a", 0)], ErrorKind::Invalid),
        (vec![Arm::new("a", 1), Arm::new("A", 1)], ErrorKind::Invalid),
        (vec![bad_tone], ErrorKind::Invalid),
        (vec![no_template], ErrorKind::NotFound),
    ] {
        let variants = Variants {
            arms,
            holdout_permille: 0,
        };
        let fields = CampaignFields {
            variants: Some(variants),
            ..CampaignFields::new("c", Occasion::Holiday)
        };
        let refused = manager.campaigns().create(fields).await.unwrap_err();
        assert_eq!(refused.kind(), kind);
    }
}

//! One text on request: which model, what stands in, and what is remembered of it.

use std::sync::Arc;
use std::time::Duration;

use crm_core::ErrorKind;
use crm_core::engine::GenerateMessage;
use crm_core::message::{GeneratedBy, Message, Occasion, StandIn};
use crm_core::port::llm::{LlmError, LlmFailure};
use crm_core::template::TemplateFields;
use crm_core::testing::ScriptedLlm;
use crm_core::testing::llm::draft;
use tokio::time::Instant;

use super::{Timed, house, messages, people};
use crate::common::World;

const FIRST: &str = "Здравствуйте! Это первая модель.";
const SECOND: &str = "Здравствуйте! Это вторая модель.";

fn away(retry_after_s: Option<u64>) -> LlmFailure {
    LlmFailure::Unavailable {
        reason: "http_529".to_owned(),
        retry_after_s,
    }
}

fn failed(failure: LlmFailure, cost_picodollars: u64) -> LlmError {
    LlmError {
        cost_picodollars,
        ..failure.into()
    }
}

async fn two(world: &World) -> GenerateMessage {
    let contact = people(world, "a", 1).await.remove(0);
    GenerateMessage::new(contact.id, Occasion::Birthday)
}

async fn generate(first: &Arc<ScriptedLlm>, second: &Arc<ScriptedLlm>) -> (World, Message) {
    let world = house(&[first.clone(), second.clone()]);
    let wanted = two(&world).await;
    let message = world.manager().messages().generate(wanted).await.unwrap();
    (world, message)
}

#[tokio::test]
async fn another_model_writes_what_the_first_one_cannot() {
    let reason = || "code".to_owned();
    let until = None;
    for failure in [
        away(None),
        LlmFailure::Truncated,
        LlmFailure::BadOutput { reason: reason() },
        LlmFailure::Configuration { reason: reason() },
        LlmFailure::Stopped {
            reason: reason(),
            until,
        },
    ] {
        let (first, second) = (Arc::<ScriptedLlm>::default(), Arc::<ScriptedLlm>::default());
        let code = failure.code().to_owned();
        first.push(Err(failed(failure, 7)));
        second.push_text(SECOND);
        let (_, message) = generate(&first, &second).await;
        assert_eq!(message.revision.content, SECOND, "{code}");
        let metadata = &message.metadata;
        assert_eq!(message.generated_by, GeneratedBy::Ai);
        assert!(metadata.fallback_used);
        assert_eq!(metadata.fallback_step, Some(StandIn::OtherModel));
        assert_eq!(metadata.error.as_ref(), Some(&code));
        assert_eq!(
            metadata.cost_picodollars,
            draft(SECOND).cost_picodollars + 7
        );
        assert_eq!(first.requests(), second.requests(), "the same is asked");
    }
}

#[tokio::test]
async fn a_text_that_cannot_be_shown_is_written_by_another_model() {
    let (first, second) = (Arc::<ScriptedLlm>::default(), Arc::<ScriptedLlm>::default());
    first.push_text("Здравствуйте, [Имя]!");
    second.push_text(SECOND);
    let (_, message) = generate(&first, &second).await;
    assert_eq!(message.revision.content, SECOND);
    assert_eq!(message.metadata.error.as_deref(), Some("placeholder"));
}

#[tokio::test]
async fn the_first_model_is_enough_when_it_writes() {
    let (first, second) = (Arc::<ScriptedLlm>::default(), Arc::<ScriptedLlm>::default());
    first.push_text(FIRST);
    let (_, message) = generate(&first, &second).await;
    assert_eq!(message.revision.content, FIRST);
    let metadata = &message.metadata;
    assert!(
        !metadata.fallback_used && metadata.fallback_step.is_none() && metadata.error.is_none()
    );
    assert!(metadata.prompt_version.as_deref().unwrap().ends_with(".0"));
    assert_eq!(second.requests(), []);
}

#[tokio::test]
async fn what_one_model_declines_no_other_is_asked_and_a_template_stands_in() {
    let (first, second) = (Arc::<ScriptedLlm>::default(), Arc::<ScriptedLlm>::default());
    first.push(Err(failed(LlmFailure::Refused, 11)));
    let world = house(&[first.clone(), second.clone()]);
    let wanted = two(&world).await;
    for (language, content) in [("en", "Dear {{name}}!"), ("ru", "Дорогая {{name}}!")] {
        let fields = TemplateFields {
            name: "birthday".to_owned(),
            occasion_type: Occasion::Birthday,
            segment: None,
            channel: None,
            language: language.to_owned(),
            subject: None,
            content: content.to_owned(),
            format: crm_core::message::Format::Text,
            is_active: true,
        };
        world.manager().templates().create(fields).await.unwrap();
    }
    let message = world
        .manager()
        .messages()
        .generate(wanted.clone())
        .await
        .unwrap();
    assert_eq!(message.revision.content, "Дорогая Анна!");
    assert_eq!(second.requests(), []);
    let metadata = &message.metadata;
    assert_eq!(metadata.fallback_step, Some(StandIn::Template));
    assert_eq!(metadata.error.as_deref(), Some("refused"));
    assert_eq!(metadata.template_version, Some(1));
    assert_eq!(metadata.cost_picodollars, 11);
    assert_eq!(metadata.prompt_version, None, "no model wrote it");
}

#[tokio::test(start_paused = true)]
async fn a_person_waits_seconds_for_a_model_and_no_longer() {
    for (wait, calls, content) in [(Some(2), 2, FIRST), (Some(4), 1, SECOND), (None, 1, SECOND)] {
        let first = Timed::new(Duration::ZERO, move |number, _| match number {
            0 => Err(away(wait).into()),
            _ => Ok(draft(FIRST)),
        });
        let second = Timed::new(Duration::ZERO, |_, _| Ok(draft(SECOND)));
        let world = house(&[first.clone(), second]);
        let wanted = two(&world).await;
        let begun = Instant::now();
        let message = world.manager().messages().generate(wanted).await.unwrap();
        assert_eq!(
            (first.count(), message.revision.content.as_str()),
            (calls, content)
        );
        let waited = if calls == 2 {
            Duration::from_secs(2)
        } else {
            Duration::ZERO
        };
        assert_eq!(begun.elapsed(), waited);
        assert_eq!(
            message.metadata.fallback_used,
            calls == 1,
            "a repeat is no fallback"
        );
    }
}

#[tokio::test]
async fn several_texts_are_written_side_by_side_and_none_is_stored() {
    let model = Timed::new(Duration::ZERO, |number, _| {
        Ok(draft(&format!(
            "Здравствуйте! Текст {}.",
            number.min(1) + 1
        )))
    });
    let world = house(&[model.clone()]);
    let wanted = two(&world).await;
    let manager = world.manager();
    let texts = manager
        .messages()
        .variants(wanted.clone(), 3)
        .await
        .unwrap();
    // Two came out the same: they are shown once, and both are counted.
    assert_eq!(texts.len(), 2);
    assert_eq!(
        texts[1].metadata.cost_picodollars,
        2 * draft("").cost_picodollars
    );
    assert_eq!(messages(&world).await, []);
    let asked: Vec<serde_json::Value> = model
        .calls()
        .iter()
        .map(|call| serde_json::from_str(&call.1.user).unwrap())
        .collect();
    assert_eq!(
        asked[1]["variant"],
        serde_json::json!({ "number": 2, "of": 3 })
    );
    let one = manager
        .messages()
        .variants(wanted.clone(), 1)
        .await
        .unwrap();
    assert_eq!(one.len(), 1);
    assert!(!model.calls()[3].1.user.contains("variant"));
    for count in [0, 6] {
        let refused = manager.messages().variants(wanted.clone(), count).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Invalid);
    }
    let viewer = world.viewer();
    let refused = viewer.messages().variants(wanted, 2).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
}

#[tokio::test]
async fn a_text_drafted_anew_is_about_what_it_was_about() {
    let model = Timed::good(Duration::ZERO);
    let world = house(&[model.clone()]);
    let mut wanted = two(&world).await;
    wanted.custom_context = Some("десять лет вместе".to_owned());
    let manager = world.manager();
    let message = manager.messages().generate(wanted).await.unwrap();
    assert_eq!(
        message.metadata.context.as_deref(),
        Some("десять лет вместе")
    );
    for wish in ["короче", "теплее"] {
        let anew = manager
            .messages()
            .regenerate(message.id, Some(wish))
            .await
            .unwrap();
        assert_eq!(anew.metadata.context, message.metadata.context);
        let asked = model.calls().last().unwrap().1.user.clone();
        let asked: serde_json::Value = serde_json::from_str(&asked).unwrap();
        assert_eq!(asked["context"], "десять лет вместе");
        assert_eq!(asked["instruction"], wish);
    }
    // Nothing of it is left when the person is erased.
    world
        .admin()
        .contacts()
        .erase(message.contact_id)
        .await
        .unwrap();
    let erased = manager.messages().get(message.id).await.unwrap();
    assert_eq!(erased.metadata.context, None);
}

#[tokio::test(start_paused = true)]
async fn a_campaigns_text_drafted_anew_is_about_what_the_campaign_is_about() {
    let model = Timed::good(Duration::ZERO);
    let world = house(&[model.clone()]);
    people(&world, "a", 1).await;
    super::campaign(&world, "a", crm_core::campaign::WhenUnavailable::Fallback).await;
    world.worker().run_until_idle().await.unwrap();
    let message = messages(&world).await.remove(0);
    assert_eq!(message.metadata.context, None, "it stands in the campaign");
    let manager = world.manager();
    manager
        .messages()
        .regenerate(message.id, None)
        .await
        .unwrap();
    for (_, asked) in model.calls() {
        let asked: serde_json::Value = serde_json::from_str(&asked.user).unwrap();
        assert_eq!(asked["context"], "Наш склад переехал.");
    }
    assert_eq!(model.count(), 2);
}

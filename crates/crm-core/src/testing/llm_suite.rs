//! Conformance of language models: what every adapter of [`Llm`] must show.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;

use super::report::Report;
use super::suite::{self, Stop, Verdict, ensure, list, same};
use crate::port::llm::{Draft, DraftRequest, Llm, LlmError, LlmFailure};

/// What the provider is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    /// Answer with this text, well-formed, with plausible usage.
    Answer(String),
    /// Decline.
    Refuse,
    /// Stop in the middle because of a limit.
    CutOff,
    /// Answer in another form than agreed.
    Malformed,
    /// Answer with an empty text.
    Empty,
    /// Say that it is overloaded or that the rate is exceeded.
    Overloaded,
    /// Not accept the key.
    BadKey,
    /// Not answer the connection.
    Unreachable,
}

/// One model and the provider behind it. Each case gets a new one.
#[async_trait]
pub trait LlmHarness: Send + Sync {
    /// The model under test.
    fn llm(&self) -> Arc<dyn Llm>;

    /// Lets the provider behave so from now on; false when this harness cannot, which skips the case.
    async fn behave(&self, behaviour: Behaviour) -> bool;

    /// How many requests the provider saw; `None` when the harness does not count.
    async fn requests(&self) -> Option<usize> {
        None
    }
}

const NOT_ACTED_OUT: Stop = Stop::Skipped("the harness cannot act it out");

type Harness = Arc<dyn LlmHarness>;

/// A case over one model.
pub type Case = suite::Case<Harness>;

/// All cases.
#[must_use]
pub fn cases() -> Vec<Case> {
    list![
        returns_the_text,
        returns_cyrillic_and_emoji,
        returns_a_long_text_whole,
        reports_usage_and_cost,
        a_draft_costs_no_more_than_was_said,
        concurrent_calls_do_not_mix,
        debug_hides_prompt_and_text,
        a_refusal_is_refused,
        a_cut_off_text_is_truncated,
        a_malformed_answer_is_bad_output,
        an_empty_text_is_bad_output,
        overload_is_unavailable,
        an_overload_may_be_tried_again_and_a_refusal_may_not,
        a_bad_key_is_configuration,
        no_connection_is_unavailable,
        one_call_is_one_request,
        failures_hide_the_prompt,
    ]
}

/// Runs all cases, each with a new harness.
pub async fn run_all<F, Fut>(make: F) -> Report
where
    F: Fn() -> Fut,
    Fut: Future<Output = Arc<dyn LlmHarness>>,
{
    suite::run_all(cases(), make).await
}

/// A request as the engine makes it.
#[must_use]
pub fn request() -> DraftRequest {
    DraftRequest {
        system: "You write short greetings. SECRET-SYSTEM".to_owned(),
        user: r#"{"name":"SECRET-NAME","occasion":"birthday"}"#.to_owned(),
        language: "ru".to_owned(),
        subject: false,
        max_length: 1_000,
        max_tokens: 500,
        about: Some("SECRET-ID".to_owned()),
    }
}

/// One call under this behaviour; `None` when the harness cannot act it out.
async fn call(harness: &Harness, behaviour: Behaviour) -> Option<Result<Draft, LlmError>> {
    if !harness.behave(behaviour).await {
        return None;
    }
    Some(harness.llm().draft(&request()).await)
}

async fn text_comes_back(harness: Harness, text: &str) -> Verdict {
    match call(&harness, Behaviour::Answer(text.to_owned())).await {
        None => Err(NOT_ACTED_OUT),
        Some(Ok(draft)) => same(draft.content, text.to_owned(), "text"),
        Some(Err(error)) => Err(format!("failed as {}", error.failure.code()).into()),
    }
}

async fn returns_the_text(harness: Harness) -> Verdict {
    text_comes_back(harness, "Dear Ann,\n\nhappy birthday!").await
}

async fn returns_cyrillic_and_emoji(harness: Harness) -> Verdict {
    text_comes_back(
        harness,
        "Анна, с днём рождения! Tugʻilgan kuningiz bilan, ўртоқ 🎂 \"«»\\",
    )
    .await
}

async fn returns_a_long_text_whole(harness: Harness) -> Verdict {
    let text: Vec<String> = (0..400)
        .map(|number| format!("Строка {number}: «oʻn»."))
        .collect();
    text_comes_back(harness, &text.join("\n")).await
}

async fn reports_usage_and_cost(harness: Harness) -> Verdict {
    match call(&harness, Behaviour::Answer("Hello".to_owned())).await {
        None => Err(NOT_ACTED_OUT),
        Some(Ok(draft)) => {
            ensure(draft.usage.prompt_tokens() > 0, "no input tokens")?;
            ensure(draft.usage.output_tokens > 0, "no output tokens")?;
            ensure(draft.cost_picodollars > 0, "no cost")?;
            ensure(!draft.model.is_empty(), "no model")
        }
        Some(Err(error)) => Err(format!("failed as {}", error.failure.code()).into()),
    }
}

async fn a_draft_costs_no_more_than_was_said(harness: Harness) -> Verdict {
    let llm = harness.llm();
    let worst = match llm.worst_cost(&request()) {
        Ok(worst) => worst,
        Err(error) => {
            same(
                error.failure.code(),
                "unknown_price",
                "why there is no bound",
            )?;
            return Err(Stop::Skipped("it has no prices"));
        }
    };
    let longer = DraftRequest {
        max_tokens: request().max_tokens * 10,
        ..request()
    };
    let more = llm.worst_cost(&longer);
    ensure(
        more.is_ok_and(|more| more >= worst),
        "a longer answer costs less",
    )?;
    for how in [Behaviour::Answer("Hello".to_owned()), Behaviour::CutOff] {
        let cost = match call(&harness, how).await {
            None => return Err(NOT_ACTED_OUT),
            Some(Ok(draft)) => draft.cost_picodollars,
            Some(Err(error)) => error.cost_picodollars,
        };
        ensure(cost <= worst, format!("{cost} of at most {worst}"))?;
    }
    Ok(())
}

async fn concurrent_calls_do_not_mix(harness: Harness) -> Verdict {
    if !harness.behave(Behaviour::Answer("Hello".to_owned())).await {
        return Err(NOT_ACTED_OUT);
    }
    let (llm, request) = (harness.llm(), request());
    let drafts = join_all((0..8).map(|_| llm.draft(&request))).await;
    let good = |draft: &&Result<Draft, LlmError>| {
        draft.as_ref().is_ok_and(|draft| draft.content == "Hello")
    };
    same(drafts.iter().filter(good).count(), 8, "good drafts")
}

async fn debug_hides_prompt_and_text(harness: Harness) -> Verdict {
    let answer = call(&harness, Behaviour::Answer("HIDDEN-TEXT".to_owned())).await;
    let shown = format!("{:?} {answer:?} {:?}", harness.llm(), request());
    ensure(!shown.contains("SECRET"), "Debug shows the prompt")?;
    ensure(!shown.contains("HIDDEN"), "Debug shows the text")
}

async fn fails(harness: Harness, how: Behaviour, wanted: fn(&LlmFailure) -> bool) -> Verdict {
    match call(&harness, how).await {
        None => Err(NOT_ACTED_OUT),
        Some(Ok(_)) => Err("gave a draft".to_owned().into()),
        Some(Err(error)) => ensure(
            wanted(&error.failure),
            format!("failed as {}", error.failure.code()),
        ),
    }
}

async fn a_refusal_is_refused(harness: Harness) -> Verdict {
    fails(harness, Behaviour::Refuse, |f| {
        matches!(f, LlmFailure::Refused)
    })
    .await
}

async fn a_cut_off_text_is_truncated(harness: Harness) -> Verdict {
    fails(harness, Behaviour::CutOff, |f| {
        matches!(f, LlmFailure::Truncated)
    })
    .await
}

async fn a_malformed_answer_is_bad_output(harness: Harness) -> Verdict {
    let wanted = |f: &LlmFailure| matches!(f, LlmFailure::BadOutput { .. });
    fails(harness, Behaviour::Malformed, wanted).await
}

async fn an_empty_text_is_bad_output(harness: Harness) -> Verdict {
    let wanted = |f: &LlmFailure| matches!(f, LlmFailure::BadOutput { .. });
    fails(harness, Behaviour::Empty, wanted).await
}

async fn overload_is_unavailable(harness: Harness) -> Verdict {
    let wanted = |f: &LlmFailure| matches!(f, LlmFailure::Unavailable { .. });
    fails(harness, Behaviour::Overloaded, wanted).await
}

async fn an_overload_may_be_tried_again_and_a_refusal_may_not(harness: Harness) -> Verdict {
    for (how, wanted) in [(Behaviour::Overloaded, true), (Behaviour::Refuse, false)] {
        match call(&harness, how.clone()).await {
            None => return Err(NOT_ACTED_OUT),
            Some(Ok(_)) => return Err("gave a draft".to_owned().into()),
            Some(Err(error)) => same(
                error.may_retry(),
                wanted,
                &format!("{how:?} may be repeated"),
            )?,
        }
    }
    Ok(())
}

async fn a_bad_key_is_configuration(harness: Harness) -> Verdict {
    let wanted = |f: &LlmFailure| matches!(f, LlmFailure::Configuration { .. });
    fails(harness, Behaviour::BadKey, wanted).await
}

async fn no_connection_is_unavailable(harness: Harness) -> Verdict {
    let wanted = |f: &LlmFailure| matches!(f, LlmFailure::Unavailable { .. });
    fails(harness, Behaviour::Unreachable, wanted).await
}

async fn one_call_is_one_request(harness: Harness) -> Verdict {
    let answer = call(&harness, Behaviour::Overloaded).await;
    match (answer, harness.requests().await) {
        (Some(_), Some(requests)) => same(requests, 1, "requests after an overload"),
        _ => Err(NOT_ACTED_OUT),
    }
}

async fn failures_hide_the_prompt(harness: Harness) -> Verdict {
    for how in [Behaviour::Malformed, Behaviour::Refuse, Behaviour::BadKey] {
        let shown = format!("{:?}", call(&harness, how).await);
        ensure(!shown.contains("SECRET"), "a failure shows the prompt")?;
    }
    Ok(())
}

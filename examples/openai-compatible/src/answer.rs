//! From the body of a 200 to a draft, or to the reason why there is none. Either way it says what was used and what that
//! costs: a refusal or a cut-off text is billed, too.

use crm_core::port::llm::{Draft, LlmError, LlmFailure, Usage};
use serde::Deserialize;

use crate::failure::{bad_output, configuration};
use crate::settings::Settings;

/// Most facts that are believed, and the longest name of one in characters.
const MOST_FACTS: usize = 32;
const LONGEST_FACT: usize = 100;

#[derive(Deserialize)]
struct Completion {
    model: String,
    choices: Vec<Choice>,
    usage: WireUsage,
}

#[derive(Deserialize)]
struct Choice {
    finish_reason: Option<String>,
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
}

#[derive(Deserialize)]
struct WireUsage {
    prompt_tokens: u64,
    completion_tokens: u64,
    #[serde(default)]
    prompt_tokens_details: Option<PromptDetails>,
}

#[derive(Deserialize)]
struct PromptDetails {
    #[serde(default)]
    cached_tokens: Option<u64>,
}

impl WireUsage {
    /// The core's form: cached tokens are a part of the prompt here, and apart from it there.
    fn usage(&self) -> Usage {
        let details = self.prompt_tokens_details.as_ref();
        let cached = details.and_then(|it| it.cached_tokens).unwrap_or(0);
        let cached = cached.min(self.prompt_tokens);
        Usage {
            input_tokens: self.prompt_tokens - cached,
            output_tokens: self.completion_tokens,
            cache_read_tokens: cached,
            ..Usage::default()
        }
    }
}

/// The agreed form of the text.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    facts_used: Vec<String>,
    language: String,
    #[serde(default)]
    subject: Option<String>,
    text: String,
}

/// Reads the body. `subject` says whether one was asked for.
pub(crate) fn read(
    settings: &Settings,
    body: &[u8],
    subject: bool,
    request_id: Option<Box<str>>,
) -> Result<Draft, LlmError> {
    let failed = |failure, usage, cost_picodollars| LlmError {
        usage,
        cost_picodollars,
        request_id: request_id.clone(),
        ..LlmError::from(failure)
    };
    let Ok(completion) = serde_json::from_slice::<Completion>(body) else {
        let failure = bad_output("malformed_response");
        return Err(failed(failure, Usage::default(), 0));
    };
    let usage = completion.usage.usage();
    let price = settings.price(&completion.model);
    let Some(cost_picodollars) = price.and_then(|price| price.cost(&usage)) else {
        return Err(failed(configuration("unknown_price"), usage, 0));
    };
    let answer =
        answer(completion.choices, subject).map_err(|why| failed(why, usage, cost_picodollars))?;
    Ok(Draft {
        subject: answer.subject.filter(|_| subject),
        content: answer.text,
        language: Some(answer.language).filter(|tag| !tag.trim().is_empty()),
        facts_used: answer.facts_used,
        model: completion.model,
        usage,
        cost_picodollars,
        request_id: request_id.map(String::from),
    })
}

/// The text, if the model ended by itself and kept to the form.
fn answer(choices: Vec<Choice>, subject: bool) -> Result<Answer, LlmFailure> {
    let mut choices = choices.into_iter();
    let (Some(choice), None) = (choices.next(), choices.next()) else {
        return Err(bad_output("malformed_response"));
    };
    if choice.message.refusal.is_some_and(|text| !text.is_empty()) {
        return Err(LlmFailure::Refused);
    }
    match choice.finish_reason.as_deref() {
        Some("stop") => {}
        Some("length") => return Err(LlmFailure::Truncated),
        Some("content_filter") => return Err(LlmFailure::Refused),
        Some("tool_calls" | "function_call") => return Err(bad_output("unexpected_tool_use")),
        Some(_) | None => return Err(bad_output("unknown_stop_reason")),
    }
    let text = choice.message.content.unwrap_or_default();
    if text.trim().is_empty() {
        return Err(bad_output("empty"));
    }
    // A struct would also be read from a JSON array.
    if !text.trim_start().starts_with('{') {
        return Err(bad_output("malformed_json"));
    }
    let answer: Answer = serde_json::from_str(&text).map_err(|_| bad_output("malformed_json"))?;
    if answer.text.trim().is_empty() {
        return Err(bad_output("empty"));
    }
    let line = answer.subject.as_deref().unwrap_or_default();
    if subject && line.trim().is_empty() {
        return Err(bad_output("subject_missing"));
    }
    let honest = |fact: &String| (1..=LONGEST_FACT).contains(&fact.chars().count());
    if answer.facts_used.len() > MOST_FACTS || !answer.facts_used.iter().all(honest) {
        return Err(bad_output("bad_facts"));
    }
    Ok(answer)
}

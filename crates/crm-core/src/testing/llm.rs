//! A language model that says what the test told it to say.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::port::llm::{Draft, DraftRequest, Llm, LlmError, LlmFailure, Usage};

/// Answers from a queue and keeps the requests. With an empty queue it is unavailable.
#[derive(Default)]
pub struct ScriptedLlm {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    answers: VecDeque<Result<Draft, LlmError>>,
    always: Option<Result<Draft, LlmError>>,
    requests: Vec<DraftRequest>,
}

impl std::fmt::Debug for ScriptedLlm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ScriptedLlm(..)")
    }
}

impl ScriptedLlm {
    /// A model that always writes `content`.
    #[must_use]
    pub fn always(content: &str) -> Self {
        let model = Self::default();
        model.lock().always = Some(Ok(draft(content)));
        model
    }

    /// Queues a text.
    pub fn push_text(&self, content: &str) -> &Self {
        self.push(Ok(draft(content)))
    }

    /// Queues a failure that cost nothing.
    pub fn push_failure(&self, failure: LlmFailure) -> &Self {
        self.push(Err(failure.into()))
    }

    /// Queues an answer.
    pub fn push(&self, answer: Result<Draft, LlmError>) -> &Self {
        self.lock().answers.push_back(answer);
        self
    }

    /// All requests so far, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<DraftRequest> {
        self.lock().requests.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a call of a [`ScriptedLlm`] can cost at most: somewhat more than [`draft`] does.
pub const WORST_COST: u64 = 1_000_000_000;

/// A draft as a model would give it, with small fixed usage and cost.
#[must_use]
pub fn draft(content: &str) -> Draft {
    Draft {
        subject: None,
        content: content.to_owned(),
        language: None,
        facts_used: Vec::new(),
        model: "scripted".to_owned(),
        usage: Usage {
            input_tokens: 100,
            output_tokens: 20,
            ..Usage::default()
        },
        cost_picodollars: 400_000_000,
        request_id: Some("scripted-1".to_owned()),
    }
}

#[async_trait]
impl Llm for ScriptedLlm {
    async fn draft(&self, request: &DraftRequest) -> Result<Draft, LlmError> {
        let mut state = self.lock();
        state.requests.push(request.clone());
        let answer = state.answers.pop_front().or_else(|| state.always.clone());
        answer.unwrap_or_else(|| {
            Err(LlmFailure::Unavailable {
                reason: "script_ended".to_owned(),
                retry_after_s: None,
            }
            .into())
        })
    }

    fn worst_cost(&self, _request: &DraftRequest) -> Result<u64, LlmError> {
        Ok(WORST_COST)
    }

    fn model(&self) -> String {
        "scripted".to_owned()
    }
}

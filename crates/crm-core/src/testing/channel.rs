//! A channel that delivers into a list.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::error::{Error, ErrorKind, Result};
use crate::message::Approved;
use crate::port::callback::{Callback, Doubt, LookUp, News};
use crate::port::channel::{Channel, ChannelCapabilities, Outcome};

/// Keeps what it is given. Accepts everything unless told otherwise.
pub struct RecordingChannel {
    capabilities: ChannelCapabilities,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    script: VecDeque<Step>,
    calls: Vec<Approved>,
    look_ups: VecDeque<LookUp>,
    doubts: Vec<Doubt>,
    delivered: Vec<Approved>,
}

enum Step {
    End(Outcome),
    Hang { taken: bool },
}

impl std::fmt::Debug for RecordingChannel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecordingChannel(..)")
    }
}

impl Default for RecordingChannel {
    fn default() -> Self {
        Self::new(ChannelCapabilities::default())
    }
}

impl RecordingChannel {
    /// A channel with these capabilities. With `idempotent`, one key is delivered once only.
    #[must_use]
    pub fn new(capabilities: ChannelCapabilities) -> Self {
        Self {
            capabilities,
            state: Mutex::new(State::default()),
        }
    }

    /// Ends the next unscripted delivery so. `Accepted` delivers, everything else does not.
    pub fn push(&self, outcome: Outcome) -> &Self {
        self.lock().script.push_back(Step::End(outcome));
        self
    }

    /// Lets the next unscripted delivery hang for ever; with `taken` after the message has left.
    pub fn push_hang(&self, taken: bool) -> &Self {
        self.lock().script.push_back(Step::Hang { taken });
        self
    }

    /// Answers the next look-up so. What is not scripted is unknown.
    pub fn push_look_up(&self, found: LookUp) -> &Self {
        self.lock().look_ups.push_back(found);
        self
    }

    /// Every look-up, oldest first.
    #[must_use]
    pub fn doubts(&self) -> Vec<Doubt> {
        self.lock().doubts.clone()
    }

    /// A callback that [`read`](Channel::read) understands: news as JSON, signed with a word.
    #[must_use]
    pub fn callback(news: &[News]) -> Callback {
        Callback {
            headers: vec![("Signature".to_owned(), SIGNATURE.to_owned())],
            // News are plain data: they always have a JSON.
            body: serde_json::to_vec(news).unwrap_or_default(),
            ..Callback::default()
        }
    }

    /// Everything that was delivered, oldest first.
    #[must_use]
    pub fn delivered(&self) -> Vec<Approved> {
        self.lock().delivered.clone()
    }

    /// Every call of `send`, whatever became of it, oldest first.
    #[must_use]
    pub fn calls(&self) -> Vec<Approved> {
        self.lock().calls.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What happens to this delivery; `None` when it hangs.
    fn step(&self, approved: &Approved) -> Option<Outcome> {
        let mut state = self.lock();
        state.calls.push(approved.clone());
        let step = state.script.pop_front().unwrap_or_else(|| {
            Step::End(Outcome::Accepted {
                provider_id: format!("recorded-{}", approved.attempt_id()),
            })
        });
        let (delivers, outcome) = match step {
            Step::End(_) if !self.accepts_address(approved.recipient()) => (
                false,
                Some(Outcome::Rejected {
                    reason: "bad_address".to_owned(),
                }),
            ),
            Step::End(_) if approved.subject().is_some_and(has_control) => (
                false,
                Some(Outcome::Rejected {
                    reason: "bad_subject".to_owned(),
                }),
            ),
            Step::End(outcome) => (matches!(outcome, Outcome::Accepted { .. }), Some(outcome)),
            Step::Hang { taken } => (taken, None),
        };
        let known = state
            .delivered
            .iter()
            .any(|old| old.key() == approved.key());
        if delivers && !(known && self.capabilities.idempotent) {
            state.delivered.push(approved.clone());
        }
        outcome
    }
}

fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

/// What stands for a signature.
const SIGNATURE: &str = "recorded";

#[async_trait]
impl Channel for RecordingChannel {
    fn capabilities(&self) -> ChannelCapabilities {
        self.capabilities.clone()
    }

    async fn send(&self, approved: &Approved) -> Outcome {
        match self.step(approved) {
            Some(outcome) => outcome,
            None => std::future::pending().await,
        }
    }

    async fn read(&self, callback: &Callback) -> Result<Vec<News>> {
        if callback.header("signature") != Some(SIGNATURE) {
            let text = "the signature is wrong";
            return Err(Error::new(ErrorKind::Forbidden, text));
        }
        serde_json::from_slice(&callback.body)
            .map_err(|_| Error::field("body", "send a list of news as JSON"))
    }

    async fn look_up(&self, doubt: &Doubt) -> LookUp {
        let mut state = self.lock();
        state.doubts.push(doubt.clone());
        let unknown = || LookUp::Unknown {
            reason: "not_scripted".to_owned(),
        };
        state.look_ups.pop_front().unwrap_or_else(unknown)
    }
}

//! What happens when a model wrote nothing that can be used: ask it once more, ask another one, or let a template
//! or a built-in greeting stand in. Decided here and nowhere else.

use std::time::Duration;

use crate::port::llm::{LlmError, LlmFailure};

/// Why a model wrote nothing that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setback {
    /// It declined because of what was asked.
    Refused,
    /// It answered, but with nothing usable: cut off, malformed, or not fit to be shown.
    Unusable,
    /// It could not be reached, is overloaded or wants fewer calls.
    Unavailable {
        /// How long it asked to be left alone.
        wait: Option<Duration>,
        /// Whether the same call may succeed later at all.
        may_retry: bool,
    },
    /// It answers nobody until an operator changes something, or until a limit is raised: a wrong key, a spend
    /// limit of the provider, a budget of the house, an unknown price.
    Stopped,
}

impl Setback {
    /// What this failure of a model is.
    #[must_use]
    pub fn of(error: &LlmError) -> Self {
        match &error.failure {
            LlmFailure::Refused => Self::Refused,
            LlmFailure::Truncated | LlmFailure::BadOutput { .. } => Self::Unusable,
            LlmFailure::Unavailable { retry_after_s, .. } => Self::Unavailable {
                wait: retry_after_s.map(Duration::from_secs),
                may_retry: error.may_retry(),
            },
            LlmFailure::Configuration { .. } | LlmFailure::Stopped { .. } => Self::Stopped,
        }
    }

    /// Whether it is the model's trouble, which passes, and not this text's: a campaign that rather waits than
    /// sends a template waits for these. A text that a model declines or spoils it would decline or spoil again,
    /// and each time is paid for.
    #[must_use]
    pub const fn passes(self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Stopped)
    }
}

/// How long somebody waits for a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// The longest wait before the one repeat.
    pub longest: Duration,
    /// The wait when the model says nothing about it; `None` for no repeat then.
    pub unsaid: Option<Duration>,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The same model once more, after this time.
    Again(Duration),
    /// The next model of the list.
    Other,
    /// No model: a template in the contact's language, else a built-in greeting.
    StandIn,
}

/// What comes after a setback of one model. `repeated` tells that this model was asked again already, `others`
/// that the list has a further one.
///
/// What a model declined no other one is asked: it is declined for what it says, and looking for a model that
/// does it all the same is not the engine's business. A person may change the context and ask again.
#[must_use]
pub fn next_step(setback: Setback, repeated: bool, others: bool, patience: Patience) -> Step {
    let further = if others { Step::Other } else { Step::StandIn };
    match setback {
        Setback::Refused => Step::StandIn,
        Setback::Unusable | Setback::Stopped => further,
        Setback::Unavailable { wait, may_retry } => {
            let wait = wait.or(patience.unsaid);
            match wait.filter(|wait| may_retry && !repeated && *wait <= patience.longest) {
                Some(wait) => Step::Again(wait),
                None => further,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const CALM: Patience = Patience {
        longest: seconds(60),
        unsaid: Some(seconds(2)),
    };
    const HURRIED: Patience = Patience {
        longest: seconds(3),
        unsaid: None,
    };

    const fn away(wait: Option<u64>, may_retry: bool) -> Setback {
        let wait = match wait {
            Some(wait) => Some(seconds(wait)),
            None => None,
        };
        Setback::Unavailable { wait, may_retry }
    }

    #[test]
    fn the_table() {
        use Setback::{Refused, Stopped, Unusable};
        use Step::{Again, Other, StandIn};
        let table = [
            // setback, repeated, patience, with others, without others
            (Refused, false, CALM, StandIn, StandIn),
            (Refused, true, CALM, StandIn, StandIn),
            (Unusable, false, CALM, Other, StandIn),
            (Unusable, true, HURRIED, Other, StandIn),
            (Stopped, false, CALM, Other, StandIn),
            (
                away(Some(7), true),
                false,
                CALM,
                Again(seconds(7)),
                Again(seconds(7)),
            ),
            (
                away(Some(60), true),
                false,
                CALM,
                Again(seconds(60)),
                Again(seconds(60)),
            ),
            (away(Some(61), true), false, CALM, Other, StandIn),
            (away(Some(7), true), true, CALM, Other, StandIn),
            (away(Some(7), false), false, CALM, Other, StandIn),
            (
                away(None, true),
                false,
                CALM,
                Again(seconds(2)),
                Again(seconds(2)),
            ),
            (away(None, true), true, CALM, Other, StandIn),
            (away(Some(7), true), false, HURRIED, Other, StandIn),
            (
                away(Some(0), true),
                false,
                HURRIED,
                Again(seconds(0)),
                Again(seconds(0)),
            ),
            (away(None, true), false, HURRIED, Other, StandIn),
        ];
        for (setback, repeated, patience, with, without) in table {
            let step = |others| next_step(setback, repeated, others, patience);
            let said = format!("{setback:?} {repeated} {patience:?}");
            assert_eq!(step(true), with, "{said}");
            assert_eq!(step(false), without, "{said}");
        }
    }

    #[test]
    fn each_failure_of_a_model_is_one_setback() {
        let reason = || "code".to_owned();
        let retry_after_s = Some(4);
        let of = |failure: LlmFailure| Setback::of(&failure.into());
        assert_eq!(of(LlmFailure::Refused), Setback::Refused);
        assert_eq!(of(LlmFailure::Truncated), Setback::Unusable);
        let bad = LlmFailure::BadOutput { reason: reason() };
        assert_eq!(of(bad), Setback::Unusable);
        let wrong = LlmFailure::Configuration { reason: reason() };
        assert_eq!(of(wrong), Setback::Stopped);
        let (reason, until) = (reason(), None);
        assert_eq!(of(LlmFailure::Stopped { reason, until }), Setback::Stopped);
        let reason = "code".to_owned();
        let busy = LlmFailure::Unavailable {
            reason,
            retry_after_s,
        };
        assert_eq!(of(busy.clone()), away(Some(4), true));
        let mut said = LlmError::from(busy);
        said.should_retry = Some(false);
        assert_eq!(Setback::of(&said), away(Some(4), false));
    }

    #[test]
    fn only_what_passes_is_waited_for() {
        assert!(away(None, true).passes() && Setback::Stopped.passes());
        assert!(!Setback::Refused.passes() && !Setback::Unusable.passes());
    }
}

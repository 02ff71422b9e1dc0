//! What each model understands: how to switch thinking off and whether it takes an effort.
//!
//! Thinking is billed as output and counts towards `max_tokens`; a short text does not need it. The
//! switches differ by model, and a wrong one is refused with status 400
//! (<https://docs.claude.com/en/docs/build-with-claude/extended-thinking>, state of 2026-11-22).

use serde::Serialize;

/// How a request says that the model should not think before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Thinking {
    /// `{"type": "disabled"}`.
    Disabled,
    /// `{"type": "between_tools"}`: only between tool calls, of which there are none.
    BetweenTools,
}

/// What to put into a request for one model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// The thinking switch; `None` where thinking is off already or cannot be switched off.
    pub thinking: Option<Thinking>,
    /// Whether `output_config.effort` is known.
    pub effort: bool,
}

/// The capabilities of `model`. For a model that is not listed, nothing optional is sent.
#[must_use]
pub fn capabilities(model: &str) -> Capabilities {
    let (thinking, effort) = match model {
        "claude-haiku-5-5" | "claude-sonnet-5" | "claude-opus-5" => {
            (Some(Thinking::Disabled), true)
        }
        "claude-sonnet-5-5" => (Some(Thinking::BetweenTools), true),
        // Always on: only the effort can be lowered.
        "claude-opus-5-5" | "claude-fable-5" | "claude-fable-5-1" | "claude-fable-5-2"
        | "claude-mythos-5" | "claude-mythos-5-1" | "claude-mythos-5-2" => (None, true),
        // Off unless asked for.
        "claude-opus-4-8"
        | "claude-opus-4-7"
        | "claude-opus-4-6"
        | "claude-sonnet-4-6"
        | "claude-opus-4-5"
        | "claude-opus-4-5-20251101" => (None, true),
        // Off unless asked for, and without an effort: Sonnet 4.5, Haiku 4.5 and strangers.
        _ => (None, false),
    };
    Capabilities { thinking, effort }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinking_is_switched_off_the_way_the_model_accepts() {
        let thinking = |model| capabilities(model).thinking;
        assert_eq!(thinking("claude-haiku-5-5"), Some(Thinking::Disabled));
        assert_eq!(thinking("claude-sonnet-5-5"), Some(Thinking::BetweenTools));
        // A 400 on these models.
        assert_eq!(thinking("claude-opus-5-5"), None);
        assert_eq!(thinking("claude-fable-5-2"), None);
    }

    #[test]
    fn effort_is_sent_only_where_known() {
        assert!(capabilities("claude-opus-4-5").effort);
        assert!(!capabilities("claude-haiku-4-5").effort);
        assert_eq!(capabilities("some-other-model"), Capabilities::default());
    }
}

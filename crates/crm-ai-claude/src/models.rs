//! What each model understands and how much it holds.
//!
//! Thinking is billed as output and counts towards `max_tokens`; a short text does not need it. The
//! switches differ by model, and a wrong one is refused with status 400
//! (<https://docs.claude.com/en/docs/build-with-claude/extended-thinking>, state of 2026-11-22).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How a request says that the model should not think before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Thinking {
    /// `{"type": "disabled"}`.
    Disabled,
    /// `{"type": "between_tools"}`: only between tool calls, of which there are none.
    BetweenTools,
}

/// How hard the model tries; also a price in output tokens. The two highest efforts of the API are
/// left out: most models refuse them while thinking is off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effort {
    /// Enough for a short text.
    #[default]
    Low,
    /// More.
    Medium,
    /// The API's own default of most models.
    High,
}

/// Whether a model thinks when a request does not say anything about it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThinkingDefault {
    /// It does not.
    #[default]
    Off,
    /// It does, unless switched off.
    On,
    /// It does, whatever a request says: leave room for it in `max_tokens`.
    Always,
}

/// What to put into a request for one model, and what it holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Capabilities {
    /// Whether it thinks when nothing is said.
    pub thinking_default: ThinkingDefault,
    /// The switch that ends thinking; `None` where it is off already or cannot be switched off.
    pub thinking_off: Option<Thinking>,
    /// Whether `output_config.effort` is known.
    pub effort: bool,
    /// Whether `inference_geo` is known.
    pub inference_geo: bool,
    /// Shorter rules, in tokens, are not cached, though nothing says so.
    pub min_cacheable_tokens: Option<u32>,
    /// Prompt and answer together, in tokens.
    pub context_tokens: Option<u32>,
    /// Longest answer, in tokens.
    pub max_output_tokens: Option<u32>,
}

/// Capabilities by model id. A model that is not listed gets nothing optional.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ModelTable(BTreeMap<String, Capabilities>);

impl ModelTable {
    /// Adds or replaces the capabilities of `model`.
    #[must_use]
    pub fn with(mut self, model: impl Into<String>, capabilities: Capabilities) -> Self {
        self.0.insert(model.into(), capabilities);
        self
    }

    /// The capabilities of `model`.
    #[must_use]
    pub fn get(&self, model: &str) -> Capabilities {
        self.0.get(model).copied().unwrap_or_default()
    }
}

impl Default for ModelTable {
    fn default() -> Self {
        use Thinking::{BetweenTools, Disabled};
        use ThinkingDefault::{Always, Off, On};

        /// A million tokens of context and answers of 128,000.
        const LARGE: Option<(u32, u32)> = Some((1_000_000, 128_000));
        const SMALL: Option<(u32, u32)> = Some((200_000, 64_000));
        // Model, thinking when omitted, its switch, effort, shortest cached rules, size.
        let rows = [
            ("haiku-5-5", On, Some(Disabled), true, Some(512), LARGE),
            ("sonnet-5-5", On, Some(BetweenTools), true, Some(512), LARGE),
            ("opus-5-5", Always, None, true, Some(512), LARGE),
            ("sonnet-5", On, Some(Disabled), true, Some(1024), LARGE),
            ("opus-5", On, Some(Disabled), true, Some(512), LARGE),
            ("fable-5", Always, None, true, Some(512), None),
            ("fable-5-1", Always, None, true, Some(512), LARGE),
            ("fable-5-2", Always, None, true, Some(512), LARGE),
            ("mythos-5", Always, None, true, None, None),
            ("mythos-5-1", Always, None, true, None, None),
            ("mythos-5-2", Always, None, true, None, None),
            ("opus-4-8", Off, None, true, Some(1024), LARGE),
            ("opus-4-7", Off, None, true, Some(2048), LARGE),
            ("opus-4-6", Off, None, true, Some(4096), LARGE),
            ("sonnet-4-6", Off, None, true, Some(1024), LARGE),
            ("opus-4-5", Off, None, true, Some(4096), SMALL),
            ("opus-4-5-20251101", Off, None, true, Some(4096), SMALL),
            ("sonnet-4-5", Off, None, false, Some(1024), SMALL),
            ("sonnet-4-5-20250929", Off, None, false, Some(1024), SMALL),
            ("haiku-4-5", Off, None, false, Some(4096), SMALL),
            ("haiku-4-5-20251001", Off, None, false, Some(4096), SMALL),
        ];
        let mut table = Self(BTreeMap::new());
        for (name, thinking_default, thinking_off, effort, min_cacheable_tokens, size) in rows {
            let capabilities = Capabilities {
                thinking_default,
                thinking_off,
                effort,
                // From Claude 4.6 on.
                inference_geo: !name.contains("4-5"),
                min_cacheable_tokens,
                context_tokens: size.map(|(context, _)| context),
                max_output_tokens: size.map(|(_, output)| output),
            };
            table = table.with(format!("claude-{name}"), capabilities);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinking_is_switched_off_the_way_the_model_accepts() {
        let table = ModelTable::default();
        let off = |model| table.get(model).thinking_off;
        assert_eq!(off("claude-haiku-5-5"), Some(Thinking::Disabled));
        assert_eq!(off("claude-sonnet-5-5"), Some(Thinking::BetweenTools));
        // A 400 on these models.
        assert_eq!(off("claude-opus-5-5"), None);
        assert_eq!(off("claude-fable-5-2"), None);
    }

    #[test]
    fn whoever_thinks_unasked_is_switched_off_or_cannot_be() {
        for (model, row) in ModelTable::default().0 {
            let on = row.thinking_default == ThinkingDefault::On;
            assert_eq!(on, row.thinking_off.is_some(), "{model}");
        }
    }

    #[test]
    fn options_are_sent_only_where_known() {
        let table = ModelTable::default();
        assert!(table.get("claude-opus-4-5").effort);
        assert!(!table.get("claude-haiku-4-5").effort);
        assert!(table.get("claude-sonnet-4-6").inference_geo);
        assert!(!table.get("claude-sonnet-4-5-20250929").inference_geo);
        assert_eq!(table.get("some-other-model"), Capabilities::default());
    }

    #[test]
    fn sizes_are_those_of_the_model_pages() {
        let table = ModelTable::default();
        let row = table.get("claude-haiku-5-5");
        assert_eq!(row.min_cacheable_tokens, Some(512));
        assert_eq!(row.context_tokens, Some(1_000_000));
        assert_eq!(row.max_output_tokens, Some(128_000));
        let row = table.get("claude-haiku-4-5-20251001");
        assert_eq!(row.min_cacheable_tokens, Some(4096));
        assert_eq!(row.max_output_tokens, Some(64_000));
    }

    #[test]
    fn a_host_can_add_a_model_as_data() {
        let json = r#"{"claude-new":{"thinking_off":{"type":"disabled"},"effort":true}}"#;
        let table: ModelTable = serde_json::from_str(json).expect("table");
        let new = table.get("claude-new");
        assert_eq!(new.thinking_off, Some(Thinking::Disabled));
        assert!(new.effort && !new.inference_geo);
        let table = ModelTable::default().with("claude-haiku-5-5", new);
        assert_eq!(table.get("claude-haiku-5-5").max_output_tokens, None);
    }
}

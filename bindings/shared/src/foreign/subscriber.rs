//! A subscriber written in the host's language.
//!
//! Only what it says in so many words counts as taken: whatever else it does, the same changes come again later.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use crm_core::port::subscriber::{
    Selection, StateChange, Subscriber, SubscriberCapabilities, Told,
};
use crm_core::subscription::check_name;
use crm_core::{Error, Result};
use serde::Deserialize;

use super::{CallError, Plugins, code};
use crate::options::timeout;

/// What is known of a subscriber that is written in the host's language.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SubscriberOptions {
    /// Kinds it is told of, such as `message.sent` or `message.*`; all of them without any.
    pub actions: Vec<String>,
    /// What it can do.
    pub capabilities: Calls,
}

/// How a subscriber is called. What is not given has the default of [`SubscriberCapabilities`].
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Calls {
    /// Changes in one call, 1 to 1,000. Default 100.
    pub batch: Option<u32>,
    /// Milliseconds one call may take, 1 to 600,000. Default 30,000.
    pub timeout_ms: Option<u64>,
}

impl Calls {
    fn check(self, place: &str) -> Result<SubscriberCapabilities> {
        let base = SubscriberCapabilities::default();
        let batch = self.batch.unwrap_or(base.batch);
        if !(1..=1_000).contains(&batch) {
            let field = format!("{place}.capabilities.batch");
            return Err(Error::field(field, "use 1 to 1,000"));
        }
        let field = format!("{place}.capabilities.timeout_ms");
        let timeout = timeout(self.timeout_ms, base.timeout, &field)?;
        Ok(SubscriberCapabilities { batch, timeout })
    }
}

/// A subscriber whose `deliver` is the host's code.
pub struct ForeignSubscriber {
    plugin: String,
    capabilities: SubscriberCapabilities,
    selection: Selection,
    plugins: Arc<dyn Plugins>,
}

impl fmt::Debug for ForeignSubscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ForeignSubscriber({})", self.plugin)
    }
}

impl ForeignSubscriber {
    /// The subscriber `name`, which `plugins` know as `subscriber:NAME`.
    ///
    /// # Errors
    /// `Invalid` for what can be no name, kinds or capabilities.
    pub fn new(name: &str, options: &SubscriberOptions, plugins: Arc<dyn Plugins>) -> Result<Self> {
        if check_name(name).is_err() {
            let message =
                "name a subscriber with 1 to 64 lower-case ASCII letters, digits, '-' or '_'";
            return Err(Error::field("subscribers", message));
        }
        let place = format!("subscribers.{name}");
        let kinds = options.actions.iter().map(String::as_str);
        let selection = Selection::parse(kinds).map_err(|_| {
            let message = "use kinds such as message.sent, or message.* for all of a kind of row";
            Error::field(format!("{place}.actions"), message)
        })?;
        Ok(Self {
            plugin: format!("subscriber:{name}"),
            capabilities: options.capabilities.check(&place)?,
            selection,
            plugins,
        })
    }
}

#[async_trait]
impl Subscriber for ForeignSubscriber {
    fn capabilities(&self) -> SubscriberCapabilities {
        self.capabilities
    }

    fn wants(&self, change: &StateChange) -> bool {
        self.selection.holds(change)
    }

    async fn deliver(&self, changes: &[StateChange]) -> Told {
        // The worker stops waiting by itself.
        let Ok(request) = serde_json::to_string(changes) else {
            return failed("not_serialisable");
        };
        match self.plugins.call(&self.plugin, request).await {
            Ok(answer) => told(&answer),
            Err(CallError::Raised) => failed("plugin_raised"),
            Err(CallError::NotBegun) => failed("plugin_not_reachable"),
        }
    }
}

/// An answer as the host's code gives it; fields that an answer does not use must be absent.
#[derive(Deserialize)]
#[serde(tag = "told", rename_all = "snake_case", deny_unknown_fields)]
enum Answer {
    Taken {},
    Later {
        at_least_ms: Option<u64>,
        reason: Option<String>,
    },
    Closed {
        reason: Option<String>,
    },
}

/// What an answer stands for; anything unreadable is a failure.
fn told(answer: &str) -> Told {
    match serde_json::from_str(answer) {
        Ok(Answer::Taken {}) => Told::Taken,
        Ok(Answer::Later {
            at_least_ms,
            reason,
        }) => Told::Later {
            at_least: at_least_ms.map(Duration::from_millis),
            reason: code(reason),
        },
        Ok(Answer::Closed { reason }) => Told::Closed {
            reason: code(reason),
        },
        Err(_) => failed("bad_answer"),
    }
}

fn failed(reason: &str) -> Told {
    Told::Later {
        at_least: None,
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_what_became_of_the_call() {
        let later = |ms: Option<u64>, reason: &str| Told::Later {
            at_least: ms.map(Duration::from_millis),
            reason: reason.to_owned(),
        };
        assert_eq!(told(r#"{"told":"taken"}"#), Told::Taken);
        for (answer, wanted) in [
            (r#"{"told":"later"}"#, later(None, "no_reason")),
            (
                r#"{"told":"later","reason":"busy","at_least_ms":null}"#,
                later(None, "busy"),
            ),
            (
                r#"{"told":"later","reason":"busy","at_least_ms":1500}"#,
                later(Some(1_500), "busy"),
            ),
            (
                r#"{"told":"later","reason":"Ann is away"}"#,
                later(None, "reason_is_no_code"),
            ),
        ] {
            assert_eq!(told(answer), wanted, "{answer}");
        }
        let reason = "moved".to_owned();
        let closed = r#"{"told":"closed","reason":"moved"}"#;
        assert_eq!(told(closed), Told::Closed { reason });
    }

    #[test]
    fn nothing_else_counts_as_taken() {
        for answer in [
            "",
            "null",
            "true",
            "200",
            "\"taken\"",
            "[]",
            "{}",
            r#"{"told":"yes"}"#,
            r#"{"told":"taken","reason":"x"}"#,
            r#"{"told":"later","at_least_ms":-1}"#,
            r#"{"told":"later","at_least_ms":1.5}"#,
            r#"{"told":"closed","at_least_ms":1}"#,
        ] {
            assert_eq!(told(answer), failed("bad_answer"), "{answer}");
        }
    }
}

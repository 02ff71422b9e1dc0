//! A channel written in the host's language.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use crm_core::Result;
use crm_core::message::Approved;
use crm_core::port::callback::{Callback, Doubt, LookUp, News};
use crm_core::port::channel::{Channel, ChannelCapabilities, Outcome, RetryScope};
use crm_core::port::units::Units;
use serde::Deserialize;

use super::after::{self, Counter};
use super::{CallError, Plugins, code};
use crate::options::{Capabilities, Method};
use crate::view;

/// The longest wait a plugin can ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(30 * 24 * 3_600);

/// A channel whose `send` is the host's code, and whose `look_up`, `read` and `units` may be.
pub struct ForeignChannel {
    name: String,
    capabilities: ChannelCapabilities,
    counter: Option<Counter>,
    plugins: Arc<dyn Plugins>,
}

impl fmt::Debug for ForeignChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ForeignChannel({})", self.name)
    }
}

impl ForeignChannel {
    /// The channel that `plugins` know as `name`; its other methods as `name/look_up`, `name/read` and
    /// `name/units`.
    ///
    /// # Errors
    /// `Invalid` for capabilities that cannot be.
    pub fn new(name: &str, capabilities: &Capabilities, plugins: Arc<dyn Plugins>) -> Result<Self> {
        let counts = capabilities.methods.contains(&Method::Units);
        Ok(Self {
            name: name.to_owned(),
            capabilities: capabilities.check()?,
            counter: counts.then(Counter::default),
            plugins,
        })
    }

    fn method(&self, method: &str) -> String {
        format!("{}/{method}", self.name)
    }
}

#[async_trait]
impl Channel for ForeignChannel {
    fn capabilities(&self) -> ChannelCapabilities {
        self.capabilities.clone()
    }

    fn units(&self, subject: Option<&str>, content: &str) -> Units {
        match &self.counter {
            Some(counter) => {
                let plugin = self.method("units");
                counter.count(&self.plugins, &plugin, subject, content)
            }
            None => Units::MESSAGE,
        }
    }

    async fn read(&self, callback: &Callback) -> Result<Vec<News>> {
        if !self.capabilities.receipts {
            return Err(after::reads_nothing());
        }
        let (plugin, limit) = (self.method("read"), self.capabilities.timeout);
        after::read(&*self.plugins, &plugin, limit, callback).await
    }

    async fn look_up(&self, doubt: &Doubt) -> LookUp {
        // The worker stops waiting by itself.
        after::look_up(&*self.plugins, &self.method("look_up"), doubt).await
    }

    async fn send(&self, approved: &Approved) -> Outcome {
        // What could break out of a header never reaches code that may not expect it.
        let broken = |text: &str| text.chars().any(char::is_control);
        if !self.accepts_address(approved.recipient()) {
            let reason = "bad_recipient".to_owned();
            return Outcome::Rejected { reason };
        }
        if approved.subject().is_some_and(broken) {
            let reason = "bad_subject".to_owned();
            return Outcome::Rejected { reason };
        }
        let request = match serde_json::to_string(&view::Delivery::of(approved)) {
            Ok(request) => request,
            Err(_) => return rejected("not_serialisable"),
        };
        match self.plugins.call(&self.name, request).await {
            Ok(answer) => outcome(&answer),
            Err(CallError::Raised) => unknown("plugin_raised"),
            Err(CallError::NotBegun) => Outcome::RetryAfter {
                scope: RetryScope::Channel,
                at_least: Duration::from_secs(5),
                reason: "plugin_not_reachable".to_owned(),
            },
        }
    }
}

/// An answer as the host's code gives it; fields that an outcome does not use must be absent.
#[derive(Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case", deny_unknown_fields)]
enum Answer {
    Accepted {
        provider_id: String,
    },
    Dead {
        reason: Option<String>,
    },
    Rejected {
        reason: Option<String>,
    },
    RetryAfter {
        scope: RetryScope,
        at_least_ms: u64,
        reason: Option<String>,
    },
    Stop {
        reason: Option<String>,
    },
    Unknown {
        reason: Option<String>,
    },
}

/// The outcome an answer stands for; anything unreadable is unknown.
fn outcome(answer: &str) -> Outcome {
    let Ok(answer) = serde_json::from_str::<Answer>(answer) else {
        return unknown("bad_answer");
    };
    match answer {
        Answer::Accepted { provider_id } if is_id(&provider_id) => {
            Outcome::Accepted { provider_id }
        }
        Answer::Accepted { .. } => unknown("bad_provider_id"),
        Answer::Dead { reason } => Outcome::Dead {
            reason: code(reason),
        },
        Answer::Rejected { reason } => Outcome::Rejected {
            reason: code(reason),
        },
        Answer::RetryAfter {
            scope,
            at_least_ms,
            reason,
        } => Outcome::RetryAfter {
            scope,
            at_least: Duration::from_millis(at_least_ms).min(LONGEST_WAIT),
            reason: code(reason),
        },
        Answer::Stop { reason } => Outcome::Stop {
            reason: code(reason),
        },
        Answer::Unknown { reason } => Outcome::Unknown {
            reason: code(reason),
        },
    }
}

/// Whether a provider may call a delivery so.
pub(super) fn is_id(provider_id: &str) -> bool {
    (1..=500).contains(&provider_id.chars().count()) && !provider_id.chars().any(char::is_control)
}

fn unknown(reason: &str) -> Outcome {
    Outcome::Unknown {
        reason: reason.to_owned(),
    }
}

fn rejected(reason: &str) -> Outcome {
    Outcome::Rejected {
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreadable_answer_is_unknown() {
        for answer in [
            "",
            "null",
            "true",
            "\"accepted\"",
            "[]",
            "{}",
            r#"{"outcome":"sent"}"#,
            r#"{"outcome":"accepted"}"#,
            r#"{"outcome":"accepted","provider_id":7}"#,
            r#"{"outcome":"accepted","provider_id":""}"#,
            r#"{"outcome":"accepted","provider_id":"a\nb"}"#,
            r#"{"outcome":"accepted","provider_id":"x","extra":1}"#,
            r#"{"outcome":"retry_after","scope":"world","at_least_ms":1}"#,
            r#"{"outcome":"retry_after","scope":"message","at_least_ms":-1}"#,
        ] {
            assert!(
                matches!(outcome(answer), Outcome::Unknown { .. }),
                "{answer}"
            );
        }
    }

    #[test]
    fn a_reason_is_a_code_or_nothing_and_a_wait_has_an_end() {
        let long = r#"{"outcome":"retry_after","scope":"message","at_least_ms":18446744073709551615,"reason":"busy"}"#;
        let wanted = Outcome::RetryAfter {
            scope: RetryScope::Message,
            at_least: LONGEST_WAIT,
            reason: "busy".to_owned(),
        };
        assert_eq!(outcome(long), wanted);
        let leaky = r#"{"outcome":"dead","reason":"no such user anna@mail.example"}"#;
        assert_eq!(outcome(leaky).reason(), Some("reason_is_no_code"));
    }
}

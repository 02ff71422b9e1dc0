//! The core's conformance suites against adapters written in another language.
//!
//! The adapter is the plugin `adapter` (a channel) or `llm`. The provider it talks to is acted by the
//! plugin `provider`, which answers JSON: `{"ask": "reset"}`, `{"ask": "delivered"}`,
//! `{"ask": "trouble", "trouble": ..}`, `{"ask": "behave", "behaviour": .., "text": ..}`,
//! `{"ask": "requests"}`. Names are those of the suites in `snake_case`; `false` says that it cannot.

use std::sync::Arc;

use async_trait::async_trait;
use crm_core::port::channel::Channel;
use crm_core::port::llm::Llm;
use crm_core::testing::Ending;
use crm_core::testing::channel_suite::{self, ChannelHarness, Delivered, Trouble};
use crm_core::testing::llm_suite::{self, Behaviour, LlmHarness};
use crm_core::{Error, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::foreign::{ForeignChannel, ForeignLlm, Plugins};
use crate::input::read;
use crate::options::{Capabilities, LlmOptions};

/// One case and how it ended: well, with something that was wrong, or showing nothing.
#[derive(Debug, Serialize)]
pub struct CaseResult {
    /// The case.
    pub name: &'static str,
    /// What was wrong.
    pub failure: Option<String>,
    /// Why it showed nothing.
    pub skipped: Option<&'static str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    suite: String,
    #[serde(default)]
    capabilities: Capabilities,
    #[serde(default)]
    llm: LlmOptions,
}

/// Runs the suite that `wanted` (`{"suite": "channel" | "llm", "capabilities": .., "llm": ..}`) names.
///
/// # Errors
/// `invalid` for another suite and for settings out of range.
pub fn conformance(
    wanted: &str,
    plugins: Arc<dyn Plugins>,
) -> std::result::Result<Vec<CaseResult>, Failure> {
    let wanted: Wanted = read(wanted)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|_| Failure::internal())?;
    let adapter = adapter(&wanted.capabilities, &plugins)?;
    let llm = ForeignLlm::new(wanted.llm.timeout()?, plugins.clone());
    let llm: Arc<dyn Llm> = Arc::new(llm.worst_cost(wanted.llm.worst_cost()?));
    let far = || Far::new(&plugins, &adapter, &llm);
    let report = match wanted.suite.as_str() {
        "channel" => runtime.block_on(channel_suite::run_all(|| async {
            let made: Arc<dyn ChannelHarness> = Arc::new(far().await);
            made
        })),
        "llm" => runtime.block_on(llm_suite::run_all(|| async {
            let made: Arc<dyn LlmHarness> = Arc::new(far().await);
            made
        })),
        _ => return Err(Error::field("suite", "use channel or llm").into()),
    };
    Ok(report
        .results
        .into_iter()
        .map(|case| {
            let (failure, skipped) = match case.ending {
                Ending::Passed => (None, None),
                Ending::Failed(wrong) => (Some(wrong), None),
                Ending::Skipped(why) => (None, Some(why)),
            };
            CaseResult {
                name: case.name,
                failure,
                skipped,
            }
        })
        .collect())
}

fn adapter(can: &Capabilities, plugins: &Arc<dyn Plugins>) -> Result<Arc<dyn Channel>> {
    let channel = ForeignChannel::new("adapter", can, plugins.clone())?;
    Ok(Arc::new(channel))
}

/// The provider in the other language.
struct Far {
    plugins: Arc<dyn Plugins>,
    adapter: Arc<dyn Channel>,
    llm: Arc<dyn Llm>,
}

impl Far {
    async fn new(
        plugins: &Arc<dyn Plugins>,
        adapter: &Arc<dyn Channel>,
        llm: &Arc<dyn Llm>,
    ) -> Self {
        let far = Self {
            plugins: plugins.clone(),
            adapter: adapter.clone(),
            llm: llm.clone(),
        };
        // A provider that cannot be reset fails the cases that look at what arrived.
        let _ = far.ask::<Value>(json!({"ask": "reset"})).await;
        far
    }

    async fn ask<T: DeserializeOwned>(&self, question: Value) -> Result<T> {
        let unusable = |what: &str| Error::field("provider", what);
        let answer = self.plugins.call("provider", question.to_string()).await;
        let answer = answer.map_err(|_| unusable("it raised"))?;
        serde_json::from_str(&answer).map_err(|_| unusable("its answer has another form"))
    }
}

#[derive(Deserialize)]
struct Arrived {
    recipient: String,
    subject: Option<String>,
    content: String,
}

#[async_trait]
impl ChannelHarness for Far {
    fn channel(&self) -> Arc<dyn Channel> {
        self.adapter.clone()
    }

    async fn delivered(&self) -> Vec<Delivered> {
        let arrived: Result<Vec<Arrived>> = self.ask(json!({"ask": "delivered"})).await;
        arrived
            .unwrap_or_default()
            .into_iter()
            .map(|item| Delivered {
                recipient: item.recipient,
                subject: item.subject,
                content: item.content,
            })
            .collect()
    }

    async fn trouble(&self, trouble: Trouble) -> bool {
        let name = match trouble {
            Trouble::Unreachable => "unreachable",
            Trouble::Busy => "busy",
            Trouble::SilentAfterBody => "silent_after_body",
            Trouble::NoSuchAddress => "no_such_address",
            Trouble::BadCredentials => "bad_credentials",
        };
        let question = json!({"ask": "trouble", "trouble": name});
        self.ask(question).await.unwrap_or(false)
    }
}

#[async_trait]
impl LlmHarness for Far {
    fn llm(&self) -> Arc<dyn Llm> {
        self.llm.clone()
    }

    async fn behave(&self, behaviour: Behaviour) -> bool {
        let (name, text) = match behaviour {
            Behaviour::Answer(text) => ("answer", Some(text)),
            Behaviour::Refuse => ("refuse", None),
            Behaviour::CutOff => ("cut_off", None),
            Behaviour::Malformed => ("malformed", None),
            Behaviour::Empty => ("empty", None),
            Behaviour::Overloaded => ("overloaded", None),
            Behaviour::BadKey => ("bad_key", None),
            Behaviour::Unreachable => ("unreachable", None),
        };
        let question = json!({"ask": "behave", "behaviour": name, "text": text});
        self.ask(question).await.unwrap_or(false)
    }

    async fn requests(&self) -> Option<usize> {
        self.ask(json!({"ask": "requests"})).await.ok()
    }
}

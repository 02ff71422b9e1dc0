//! What a channel in the host's language does besides sending: it looks doubts up, reads callbacks, counts units.
//!
//! None of it decides anything by going wrong: a look-up that fails settles nothing, a callback that is not read
//! is not kept and comes again, a count that fails is one message.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crm_core::port::callback::{Callback, Doubt, LookUp, News};
use crm_core::port::units::Units;
use crm_core::{Error, ErrorKind, Result};
use futures_util::FutureExt as _;
use serde::{Deserialize, Serialize};
use tokio::runtime::{Handle, RuntimeFlavor};

use super::channel::is_id;
use super::{CallError, Plugins, code};
use crate::news::Said;

/// How long a count may take: the worker stands still meanwhile.
const COUNT: Duration = Duration::from_secs(1);
/// The most units of one text. More would silence the channel for a long time.
const MOST_UNITS: u32 = 1_000;

/// What a look-up says; anything unreadable settles nothing.
pub(super) async fn look_up(plugins: &dyn Plugins, plugin: &str, doubt: &Doubt) -> LookUp {
    #[derive(Deserialize)]
    #[serde(tag = "found", rename_all = "snake_case", deny_unknown_fields)]
    enum Found {
        Taken { provider_id: String },
        NotTaken {},
        Unknown { reason: Option<String> },
    }
    let unknown = |reason: &str| LookUp::Unknown {
        reason: reason.to_owned(),
    };
    let Ok(request) = serde_json::to_string(doubt) else {
        return unknown("not_serialisable");
    };
    let answer = match plugins.call(plugin, request).await {
        Ok(answer) => answer,
        Err(CallError::Raised) => return unknown("plugin_raised"),
        Err(CallError::NotBegun) => return unknown("plugin_not_reachable"),
    };
    match serde_json::from_str(&answer) {
        Ok(Found::Taken { provider_id }) if is_id(&provider_id) => LookUp::Taken { provider_id },
        Ok(Found::Taken { .. }) => unknown("bad_provider_id"),
        Ok(Found::NotTaken {}) => LookUp::NotTaken,
        Ok(Found::Unknown { reason }) => LookUp::Unknown {
            reason: code(reason),
        },
        Err(_) => unknown("bad_answer"),
    }
}

/// The error of a channel that reads no callbacks.
pub(super) fn reads_nothing() -> Error {
    let message = "this channel's provider sends no callbacks";
    Error::new(ErrorKind::Unsupported, message)
}

/// What a callback says.
///
/// # Errors
/// `Forbidden` and `Invalid` when the plugin says so; `Unavailable` for whatever goes wrong with it, so that the
/// provider is asked to come again.
pub(super) async fn read(
    plugins: &dyn Plugins,
    plugin: &str,
    limit: Duration,
    callback: &Callback,
) -> Result<Vec<News>> {
    #[derive(Serialize)]
    struct Request<'a> {
        url: &'a str,
        headers: &'a [(String, String)],
        /// Each byte as the character of its number; the packages make bytes of it again.
        body: String,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Refusal {
        Forbidden,
        Invalid,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Refused {
        refused: Refusal,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Answer {
        News(Vec<Said>),
        Refused(Refused),
    }
    let failed = |message: &str| Error::new(ErrorKind::Unavailable, message);
    let request = serde_json::to_string(&Request {
        url: &callback.url,
        headers: &callback.headers,
        body: callback.body.iter().copied().map(char::from).collect(),
    });
    let request = request.map_err(|_| failed("the callback is no JSON"))?;
    let answer = match tokio::time::timeout(limit, plugins.call(plugin, request)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(CallError::Raised)) => return Err(failed("the channel's read() raised")),
        Ok(Err(CallError::NotBegun)) => return Err(failed("the channel cannot be reached")),
        Err(_) => return Err(failed("the channel's read() took too long")),
    };
    let nonsense = || failed("the channel's read() answered something else than news");
    match serde_json::from_str(&answer) {
        Ok(Answer::News(said)) => {
            let news = said.into_iter().map(Said::news);
            news.collect::<Result<_>>().map_err(|_| nonsense())
        }
        Ok(Answer::Refused(Refused { refused })) => Err(match refused {
            Refusal::Forbidden => {
                Error::new(ErrorKind::Forbidden, "the callback's signature is wrong")
            }
            Refusal::Invalid => Error::new(ErrorKind::Invalid, "the callback cannot be read"),
        }),
        Err(_) => Err(nonsense()),
    }
}

/// Asks a plugin what texts cost, as long as it answers in time.
#[derive(Default)]
pub(super) struct Counter {
    given_up: AtomicBool,
}

impl Counter {
    /// The units of a text. The port wants them at once, so this thread waits; a plugin that does not answer in
    /// time is not asked again.
    pub(super) fn count(
        &self,
        plugins: &Arc<dyn Plugins>,
        plugin: &str,
        subject: Option<&str>,
        content: &str,
    ) -> Units {
        #[derive(Serialize)]
        struct Request<'a> {
            subject: Option<&'a str>,
            content: &'a str,
        }
        let Ok(runtime) = Handle::try_current() else {
            return Units::MESSAGE;
        };
        let waits = runtime.runtime_flavor() == RuntimeFlavor::MultiThread;
        if !waits || self.given_up.load(Ordering::Relaxed) {
            return Units::MESSAGE;
        }
        let Ok(request) = serde_json::to_string(&Request { subject, content }) else {
            return Units::MESSAGE;
        };
        let call = AssertUnwindSafe(plugins.call(plugin, request)).catch_unwind();
        let call = async { tokio::time::timeout(COUNT, call).await };
        let Ok(answer) = tokio::task::block_in_place(|| runtime.block_on(call)) else {
            self.given_up.store(true, Ordering::Relaxed);
            return Units::MESSAGE;
        };
        let count = answer.ok().and_then(std::result::Result::ok);
        let count = count.and_then(|answer| serde_json::from_str::<u32>(&answer).ok());
        match count {
            Some(count @ 1..=MOST_UNITS) => Units {
                count,
                ..Units::MESSAGE
            },
            _ => Units::MESSAGE,
        }
    }
}

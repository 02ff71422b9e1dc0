//! State changes as signed requests (Standard Webhooks 1.0.0): one request for each, in order.
//!
//! The `webhook-id` is the event's id, the same however often it is told, so that the receiver knows what it has.
//! No second request begins before the first was taken, which keeps the order.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::SecondsFormat;
use crm_core::Result;
use crm_core::port::clock::Clock;
use crm_core::port::subscriber::{
    Selection, StateChange, Subscriber, SubscriberCapabilities, Told,
};
use secrecy::SecretString;
use serde::Serialize;

use super::endpoint::{Endpoint, Given};
use crate::http::{Answer, Failure, HttpOptions};

/// Settings of one receiver of state changes. `Debug` shows neither its address, which may hold a key, nor a
/// secret.
#[derive(Clone)]
pub struct SubscriberConfig {
    /// Where to post, with path and query. Plain `http` is taken for allowed networks only.
    pub url: SecretString,
    /// Shared secrets, `whsec_...`; the receiver needs to know one. Two while they change.
    pub secrets: Vec<SecretString>,
    /// What the receiver is told of; everything by default.
    pub selection: Selection,
    /// Networks and addresses (`10.1.0.0/16`, `127.0.0.1`, `fd00::/8`) that may be called though they are
    /// private. None by default. Do not let a tenant choose them.
    pub allowed: Vec<String>,
    /// The clock of the timestamps; the system's when there is none.
    pub clock: Option<Arc<dyn Clock>>,
    /// Limits and trust. Its `base` must be empty. Proxies of the environment are not used.
    pub http: HttpOptions,
}

impl SubscriberConfig {
    /// A receiver on the public internet that is told of everything.
    #[must_use]
    pub fn new(url: SecretString, secrets: Vec<SecretString>) -> Self {
        Self {
            url,
            secrets,
            selection: Selection::default(),
            allowed: Vec::new(),
            clock: None,
            http: HttpOptions::default(),
        }
    }
}

impl fmt::Debug for SubscriberConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubscriberConfig")
            .field("secrets", &self.secrets.len())
            .field("selection", &self.selection)
            .field("allowed", &self.allowed.len())
            .field("http", &self.http)
            .finish_non_exhaustive()
    }
}

/// Posts state changes to a receiver.
#[derive(Debug)]
pub struct WebhookSubscriber {
    endpoint: Endpoint,
    selection: Selection,
    timeout: Duration,
}

/// What is posted.
#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    /// When it happened.
    timestamp: String,
    data: &'a StateChange,
}

impl WebhookSubscriber {
    /// A subscriber for this receiver. Connects only when there is something to tell.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crm_core::ErrorKind::Configuration) for settings that cannot work, among
    /// them an address of a private network that is not allowed.
    pub fn new(config: SubscriberConfig) -> Result<Self> {
        let endpoint = Endpoint::new(Given {
            url: &config.url,
            secrets: &config.secrets,
            allowed: &config.allowed,
            clock: config.clock,
            http: &config.http,
        })?;
        Ok(Self {
            endpoint,
            selection: config.selection,
            timeout: config.http.timeout,
        })
    }

    async fn post(&self, change: &StateChange) -> Told {
        let body = Body {
            r#type: change.kind(),
            timestamp: change.at.to_rfc3339_opts(SecondsFormat::Micros, true),
            data: change,
        };
        let Ok(body) = serde_json::to_vec(&body) else {
            return later(None, "not_sendable");
        };
        let id = change.id.to_string();
        match self.endpoint.post(&id, self.endpoint.now(), body).await {
            Ok(answer) => judge(&answer),
            Err(failure) => later(None, lost(failure)),
        }
    }
}

#[async_trait]
impl Subscriber for WebhookSubscriber {
    fn capabilities(&self) -> SubscriberCapabilities {
        SubscriberCapabilities {
            // Each is a request of its own: what was taken needs no second one when the next one fails.
            batch: 1,
            timeout: self.timeout.saturating_add(Duration::from_secs(2)),
        }
    }

    fn wants(&self, change: &StateChange) -> bool {
        self.selection.holds(change)
    }

    async fn deliver(&self, changes: &[StateChange]) -> Told {
        for change in changes {
            match self.post(change).await {
                Told::Taken => {}
                other => return other,
            }
        }
        Told::Taken
    }
}

fn later(at_least: Option<Duration>, reason: impl Into<String>) -> Told {
    Told::Later {
        at_least,
        reason: reason.into(),
    }
}

/// What an answer means. Its body is not looked at: Standard Webhooks gives it no meaning. Whatever is not taken
/// is told again for days, a redirect and a refusal, too: the receiver may be mended meanwhile.
fn judge(answer: &Answer) -> Told {
    match answer.status {
        200..=299 => Told::Taken,
        410 => Told::Closed {
            reason: answer.reason(),
        },
        429 | 503 => later(answer.retry_after, answer.reason()),
        _ => later(None, answer.reason()),
    }
}

/// Why there is no answer. Whether the request arrived does not matter: the receiver knows it by its id.
const fn lost(failure: Failure) -> &'static str {
    match failure {
        Failure::NotConnected => "not_connected",
        Failure::NotTrusted => "certificate_not_trusted",
        Failure::NotBuilt => "not_sendable",
        Failure::NotPermitted => "address_not_permitted",
        Failure::Lost(reason) => reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status() {
        let of = |status, seconds: Option<u64>| {
            judge(&Answer {
                status,
                retry_after: seconds.map(Duration::from_secs),
                body: b"{\"error\":\"what it says\"}".to_vec(),
            })
        };
        let minute = Some(Duration::from_secs(60));
        for status in 0..=1000_u16 {
            let reason = format!("http_{status}");
            let (plain, advised) = match status {
                200..=299 => (Told::Taken, Told::Taken),
                410 => {
                    let closed = Told::Closed { reason };
                    (closed.clone(), closed)
                }
                429 | 503 => (later(None, reason.clone()), later(minute, reason)),
                _ => (later(None, reason.clone()), later(None, reason)),
            };
            assert_eq!((of(status, None), of(status, Some(60))), (plain, advised));
        }
    }
}

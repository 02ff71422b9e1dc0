//! Messages to a service of the host's own, as signed requests (Standard Webhooks 1.0.0), and state changes
//! to whoever [subscribes](WebhookSubscriber).
//!
//! The receiver removes duplicates by `webhook-id`, so a repeat does no harm and the channel declares itself
//! idempotent. That id is the delivery's key ([`Approved::key`]): all attempts that follow from one decision of a
//! person share it, and whoever sends a message again at the risk of a duplicate sends it under another one. A
//! lost answer is `Unknown` all the same, as on every channel: whether to repeat is the engine's decision, which
//! it takes by that capability.

mod classify;
mod config;
mod endpoint;
mod guard;
pub mod sign;
mod subscriber;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use crm_core::Result;
use crm_core::message::{Approved, Format};
use crm_core::port::channel::{Channel, ChannelCapabilities, Outcome};
use serde::Serialize;

pub use config::{Gone, WebhookConfig};
pub use subscriber::{SubscriberConfig, WebhookSubscriber};

use crate::outcome::rejected;
use endpoint::{Endpoint, Given};

/// The largest body that Standard Webhooks advises, in bytes.
const LARGEST: usize = 20_000;
/// A text of so many characters fits whatever its letters are (four bytes at most), with everything around it.
const LONGEST: usize = 4_000;

/// The webhook channel.
pub struct Webhook {
    config: WebhookConfig,
    endpoint: Endpoint,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// What is posted.
#[derive(Serialize)]
struct Body<'a> {
    r#type: &'a str,
    /// Of this attempt, as in the header.
    timestamp: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    message_id: String,
    attempt_id: String,
    attempt: u32,
    contact_id: String,
    channel: &'a str,
    recipient: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    sender: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    format: Format,
    content: &'a str,
}

impl Webhook {
    /// A channel for this receiver. Connects only when the first message is sent.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crm_core::ErrorKind::Configuration) for settings that cannot work, among
    /// them an address of a private network that is not allowed.
    pub fn new(config: WebhookConfig) -> Result<Self> {
        config.check()?;
        let endpoint = Endpoint::new(Given {
            url: &config.url,
            secrets: &config.secrets,
            allowed: &config.allowed,
            clock: config.clock.clone(),
            http: &config.http,
        })?;
        Ok(Self { config, endpoint })
    }

    fn body(&self, approved: &Approved, now: DateTime<Utc>) -> Option<Vec<u8>> {
        let body = Body {
            r#type: &self.config.event,
            timestamp: now.to_rfc3339_opts(SecondsFormat::Secs, true),
            data: Data {
                message_id: approved.message_id().to_string(),
                attempt_id: approved.attempt_id().to_string(),
                attempt: approved.attempt(),
                contact_id: approved.contact_id().to_string(),
                channel: approved.channel(),
                recipient: approved.recipient(),
                sender: approved.sender(),
                subject: approved.subject(),
                format: approved.format(),
                content: approved.content(),
            },
        };
        let body = serde_json::to_vec(&body).ok()?;
        (body.len() <= LARGEST).then_some(body)
    }
}

#[async_trait]
impl Channel for Webhook {
    fn capabilities(&self) -> ChannelCapabilities {
        ChannelCapabilities {
            address: self.config.address,
            subject: true,
            html: true,
            max_length: Some(LONGEST),
            idempotent: true,
            look_up: false,
            receipts: false,
            concurrency: 8,
            window: None,
            rate: None,
            timeout: self
                .config
                .http
                .timeout
                .saturating_add(Duration::from_secs(2)),
        }
    }

    async fn send(&self, approved: &Approved) -> Outcome {
        if !self.accepts_address(approved.recipient()) {
            return rejected("recipient_invalid");
        }
        let now = self.endpoint.now();
        let Some(body) = self.body(approved, now) else {
            return rejected("body_too_large");
        };
        let id = approved.key().to_string();
        match self.endpoint.post(&id, now, body).await {
            Ok(answer) => classify::classify(&answer, &id, approved.attempt(), self.config.gone),
            Err(failure) => failure.outcome(),
        }
    }
}

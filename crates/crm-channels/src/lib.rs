//! Delivery channels of the outreach engine.
//!
//! - [`outbox`]: one readable file per delivered message, for development, tests and air-gapped hosts.
//! - [`smtp`]: e-mail through a relay, with a client that knows at which stage a delivery failed; reads bounces.
//! - `telegram`: a bot that writes to chats (Bot API).
//! - `whatsapp`: free text and approved templates (Cloud API).
//! - `webhook`: a signed request to a service of the host's own (Standard Webhooks); state changes, too.
//! - `twilio`: text messages and WhatsApp through Twilio.
//! - `eskiz`: text messages in Uzbekistan through Eskiz.
//!
//! Each stands behind the feature of its name. `sms`, which comes with the outbox and the last two, counts
//! the parts of a text message. `settings` makes all of them from keys and values.
//!
//! All implement [`Channel`](crm_core::port::channel::Channel): they deliver exactly what was approved,
//! never retry on their own, and answer "unknown" whenever the provider may have taken the message.

#[cfg(feature = "eskiz")]
pub mod eskiz;
#[cfg(feature = "http")]
#[allow(dead_code, reason = "each channel uses a part of it")]
mod http;
#[cfg(feature = "outbox")]
pub mod outbox;
#[cfg(any(feature = "telegram", feature = "whatsapp", feature = "webhook"))]
mod outcome;
#[cfg(feature = "settings")]
pub mod settings;
#[cfg(feature = "http")]
#[allow(dead_code, reason = "each channel uses a part of it")]
mod signature;
#[cfg(any(feature = "outbox", feature = "twilio", feature = "eskiz"))]
pub mod sms;
#[cfg(feature = "smtp")]
pub mod smtp;
#[cfg(feature = "telegram")]
pub mod telegram;
#[cfg(any(feature = "smtp", feature = "http"))]
mod tls;
#[cfg(feature = "twilio")]
pub mod twilio;
#[cfg(feature = "webhook")]
pub mod webhook;
#[cfg(feature = "whatsapp")]
pub mod whatsapp;
#[cfg(any(feature = "telegram", feature = "twilio", feature = "whatsapp"))]
mod words;

#[cfg(feature = "eskiz")]
pub use eskiz::{Eskiz, EskizConfig};
#[cfg(feature = "http")]
pub use http::HttpOptions;
#[cfg(feature = "outbox")]
pub use outbox::Outbox;
#[cfg(feature = "smtp")]
pub use smtp::{Smtp, SmtpConfig};
#[cfg(feature = "telegram")]
pub use telegram::{Telegram, TelegramConfig};
#[cfg(feature = "twilio")]
pub use twilio::{Twilio, TwilioConfig};
#[cfg(feature = "webhook")]
pub use webhook::{SubscriberConfig, Webhook, WebhookConfig, WebhookSubscriber};
#[cfg(feature = "whatsapp")]
pub use whatsapp::{WhatsApp, WhatsAppConfig};

/// Whether a header value could break out of its line (CR, LF) or confuse a reader (any other control).
#[cfg(any(feature = "outbox", feature = "smtp"))]
fn has_control(value: &str) -> bool {
    value.chars().any(char::is_control)
}

/// Compiles and runs the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

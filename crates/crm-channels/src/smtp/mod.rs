//! E-mail through an SMTP relay (RFC 5321), one recipient per message.
//!
//! The client drives the dialogue command by command, because the outcome of a failure depends on its
//! stage: before the final dot nothing was taken and the message may be tried again; once the dot has
//! been handed to the socket only a complete reply tells. Every step has its own time limit, and a
//! connection that saw a timeout, an error or a dropped future is never used again.
//!
//! What comes of a message after that arrives as mail of its own: [`bounce::read`] understands it and says
//! which attempt it is about, [`Maildir`] takes it out of a mailbox.

pub mod bounce;
mod classify;
mod config;
mod connection;
mod dkim;
mod html;
mod mailbox;
mod maildir;
mod mime;
mod pool;
mod reply;
mod return_path;
mod session;
mod tls;
mod transaction;
mod url;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use crm_core::Result;
use crm_core::contact::AddressKind;
use crm_core::message::Approved;
use crm_core::port::channel::{Channel, ChannelCapabilities, Outcome, RetryScope};
use tokio::sync::Semaphore;
use tokio::time::timeout;

pub use classify::{Enhanced, Loss, Stage, classify, lost};
pub use config::{SmtpConfig, Timeouts, Tls, UnsubscribeLinks};
pub use dkim::Dkim;
pub use mailbox::{Mailbox, is_address};
pub use maildir::{Mail, Maildir};
pub use return_path::ReturnPath;

use mime::Wire;
use pool::Pool;
use tls::TlsSettings;
use transaction::Stale;

/// The SMTP channel.
pub struct Smtp {
    config: SmtpConfig,
    tls: TlsSettings,
    pool: Pool,
    slots: Semaphore,
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smtp")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Smtp {
    /// A channel for this relay. Connects only when the first message is sent.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crm_core::ErrorKind::Configuration) for settings that cannot work.
    pub fn new(config: SmtpConfig) -> Result<Self> {
        config.check()?;
        Ok(Self {
            tls: TlsSettings::new(&config)?,
            pool: Pool::default(),
            slots: Semaphore::new(config.max_connections),
            config,
        })
    }

    async fn deliver(&self, wire: &Wire) -> Outcome {
        let connect = self.config.timeouts.connect;
        if let Some(connection) = self.pool.take().await {
            match self.transaction(connection, wire).await {
                // The server closed the parked connection; nothing was begun, so open a new one.
                Err(Stale) => {}
                Ok(outcome) => return outcome,
            }
        }
        let opened = match timeout(connect, session::open(&self.config, &self.tls)).await {
            Ok(opened) => opened,
            Err(_) => return lost(Stage::Connect, Loss::Timeout),
        };
        match opened {
            Ok(connection) => self
                .transaction(connection, wire)
                .await
                .unwrap_or_else(|Stale| lost(Stage::Mail, Loss::Closed)),
            Err(outcome) => outcome,
        }
    }
}

#[async_trait]
impl Channel for Smtp {
    fn capabilities(&self) -> ChannelCapabilities {
        let times = self.config.timeouts;
        ChannelCapabilities {
            address: AddressKind::Email,
            subject: true,
            html: true,
            max_length: None,
            idempotent: false,
            look_up: false,
            receipts: false,
            concurrency: self.config.attempts_at_once(),
            window: None,
            rate: None,
            // A slot, a connection, every command with RSET and a stale connection, content, dot, and
            // a second to spare: the channel's own limits always end first.
            timeout: times
                .connect
                .saturating_mul(2)
                .saturating_add(times.command.saturating_mul(6))
                .saturating_add(times.data)
                .saturating_add(Duration::from_secs(2)),
        }
    }

    fn accepts_address(&self, address: &str) -> bool {
        is_address(address)
    }

    async fn send(&self, approved: &Approved) -> Outcome {
        let connect = self.config.timeouts.connect;
        let Ok(Ok(_slot)) = timeout(connect, self.slots.acquire()).await else {
            return classify::retry(RetryScope::Message, Duration::from_secs(1), "no_connection");
        };
        // Not before: what waits for a connection takes no memory for it.
        match mime::build(approved, &self.config) {
            Ok(wire) => self.deliver(&wire).await,
            Err(reason) => classify::rejected(reason),
        }
    }
}

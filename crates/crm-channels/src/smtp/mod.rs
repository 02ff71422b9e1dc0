//! E-mail through an SMTP relay (RFC 5321), one recipient per message.
//!
//! The client drives the dialogue command by command, because the outcome of a failure depends on its
//! stage: before the final dot nothing was taken and the message may be tried again; once the dot has
//! been handed to the socket only a complete reply tells. Every step has its own time limit, and a
//! connection that saw a timeout, an error or a dropped future is never used again.

mod classify;
mod config;
mod connection;
mod mailbox;
mod mime;
mod pool;
mod reply;
mod session;
mod tls;
mod url;

use std::fmt;
use std::future::Future;
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
pub use mailbox::{Mailbox, is_address};

use connection::Connection;
use mime::Wire;
use pool::Pool;
use reply::Reply;
use tls::TlsSettings;

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
        let Ok(Ok(_slot)) = timeout(connect, self.slots.acquire()).await else {
            return classify::retry(RetryScope::Message, Duration::from_secs(1), "no_connection");
        };
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

    /// One message over one connection, which is parked again only after a settled dialogue.
    async fn transaction(
        &self,
        mut connection: Connection,
        wire: &Wire,
    ) -> std::result::Result<Outcome, Stale> {
        let limit = connection.offers.size.unwrap_or(0);
        let size = u64::try_from(wire.content.len()).unwrap_or(u64::MAX);
        if limit > 0 && size > limit {
            self.pool.park(connection).await;
            return Ok(classify::rejected("size_exceeded"));
        }
        let reused = connection.used > 0;
        connection.used = connection.used.saturating_add(1);

        let mut mail = format!("MAIL FROM:<{}>", wire.from);
        let mut rcpt = format!("RCPT TO:<{}>", wire.to);
        if connection.offers.size.is_some() {
            mail.push_str(&format!(" SIZE={size}"));
        }
        if connection.offers.dsn {
            mail.push_str(&format!(" RET=HDRS ENVID={}", wire.envelope_id));
            rcpt.push_str(" NOTIFY=FAILURE,DELAY");
        }
        for (stage, line, wanted) in [
            (Stage::Mail, mail.as_str(), [250, 250]),
            (Stage::Rcpt, rcpt.as_str(), [250, 251]),
            (Stage::Data, "DATA", [354, 354]),
        ] {
            let reply = self.step(connection.command(line)).await;
            let gone = match &reply {
                Ok(reply) => reply.code == 421,
                Err(loss) => *loss == Loss::Closed,
            };
            if reused && gone && stage == Stage::Mail {
                return Err(Stale);
            }
            match reply {
                Ok(reply) if wanted.contains(&reply.code) => {}
                Ok(reply) => return Ok(self.refused(connection, stage, &reply).await),
                Err(loss) => return Ok(lost(stage, loss)),
            }
        }
        // Without its dot the content is nothing to the server, so a failure here is still before it.
        if let Err(loss) = self.step(connection.write(&wire.content)).await {
            return Ok(lost(Stage::Data, loss));
        }
        Ok(self.finish(connection, wire).await)
    }

    /// Hands over the final dot; from its first byte on everything but a reply is unknown.
    async fn finish(&self, mut connection: Connection, wire: &Wire) -> Outcome {
        let reply = match timeout(self.config.timeouts.data, connection.command(".")).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(loss)) => return lost(Stage::Dot, loss),
            Err(_) => return lost(Stage::Dot, Loss::Timeout),
        };
        let outcome = classify(Stage::Dot, reply.code, reply.enhanced(), &reply.text());
        if reply.code != 421 && !matches!(outcome, Outcome::Unknown { .. }) {
            self.pool.park(connection).await;
        }
        match outcome {
            Outcome::Accepted { provider_id } if provider_id.is_empty() => Outcome::Accepted {
                provider_id: wire.message_id.clone(),
            },
            outcome => outcome,
        }
    }

    /// The outcome of a refused command; `RSET` makes the connection fit for the next message.
    async fn refused(&self, mut connection: Connection, stage: Stage, reply: &Reply) -> Outcome {
        if reply.code != 421 && reply.code >= 400 {
            let reset = self.step(connection.command("RSET")).await;
            if reset.is_ok_and(|reply| reply.code == 250) {
                self.pool.park(connection).await;
            }
        }
        classify(stage, reply.code, reply.enhanced(), &reply.text())
    }

    async fn step<T>(
        &self,
        work: impl Future<Output = std::result::Result<T, Loss>>,
    ) -> std::result::Result<T, Loss> {
        timeout(self.config.timeouts.command, work)
            .await
            .unwrap_or(Err(Loss::Timeout))
    }
}

/// A parked connection turned out to be closed before anything was begun on it.
struct Stale;

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
            concurrency: self.config.max_connections,
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
        match mime::build(approved, &self.config) {
            Ok(wire) => self.deliver(&wire).await,
            Err(reason) => classify::rejected(reason),
        }
    }
}

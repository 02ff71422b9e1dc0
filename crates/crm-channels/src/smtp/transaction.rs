//! One message over one connection: `MAIL`, `RCPT`, `DATA`, the content, the final dot.
//!
//! Where the server offers PIPELINING (RFC 2920) the three commands go in one write, which saves two round
//! trips. All replies are read even so, for each belongs to its command; and a server that asks for the content
//! although it took no recipient gets an empty one, never the message.

use std::future::Future;

use crm_core::port::channel::Outcome;
use tokio::time::timeout;

use super::Smtp;
use super::classify::{self, Loss, Stage, classify, lost};
use super::connection::Connection;
use super::mime::Wire;
use super::reply::{Offers, Reply};
use super::return_path::to_xtext;

/// A parked connection turned out to be closed before anything was begun on it.
pub(super) struct Stale;

/// The commands before the content.
struct Commands {
    mail: String,
    rcpt: String,
}

impl Commands {
    /// With the parameters that the server offers to take, and no others.
    fn of(wire: &Wire, offers: &Offers) -> Self {
        let mut mail = format!("MAIL FROM:<{}>", wire.from);
        let mut rcpt = format!("RCPT TO:<{}>", wire.to);
        if offers.size.is_some() {
            mail.push_str(&format!(" SIZE={}", wire.before_dot()));
        }
        if offers.dsn {
            let (id, to) = (to_xtext(&wire.envelope_id), to_xtext(&wire.to));
            mail.push_str(&format!(" RET=HDRS ENVID={id}"));
            rcpt.push_str(&format!(" NOTIFY=FAILURE,DELAY ORCPT=rfc822;{to}"));
        }
        Self { mail, rcpt }
    }

    /// In their order.
    fn lines(&self) -> [(Stage, &str); 3] {
        [
            (Stage::Mail, &self.mail),
            (Stage::Rcpt, &self.rcpt),
            (Stage::Data, "DATA"),
        ]
    }
}

/// Whether a reply is the one that the command asks for.
const fn is_wanted(stage: Stage, code: u16) -> bool {
    match stage {
        Stage::Rcpt => matches!(code, 250 | 251),
        Stage::Data => code == 354,
        _ => code == 250,
    }
}

/// Why the server is not given the message.
enum No {
    /// It said so.
    Refused(Stage, Reply),
    /// It said nothing of use, so its connection is of none.
    Lost(Stage, Loss),
}

impl No {
    /// Whether the connection was closed before the first command.
    fn is_stale(&self) -> bool {
        match self {
            Self::Refused(stage, reply) => *stage == Stage::Mail && reply.code == 421,
            Self::Lost(stage, loss) => *stage == Stage::Mail && *loss == Loss::Closed,
        }
    }
}

impl Smtp {
    /// Delivers over this connection, which is parked again only after a settled dialogue.
    pub(super) async fn transaction(
        &self,
        mut connection: Connection,
        wire: &Wire,
    ) -> Result<Outcome, Stale> {
        let limit = connection.offers.size.unwrap_or(0);
        let size = u64::try_from(wire.before_dot()).unwrap_or(u64::MAX);
        if limit > 0 && size > limit {
            self.pool.park(connection).await;
            return Ok(classify::rejected("size_exceeded"));
        }
        let reused = connection.used > 0;
        connection.used = connection.used.saturating_add(1);

        let commands = Commands::of(wire, &connection.offers);
        let (asked, fit) = if connection.offers.pipelining {
            self.at_once(&mut connection, &commands).await
        } else {
            (self.one_by_one(&mut connection, &commands).await, true)
        };
        match asked {
            Ok(()) => {}
            Err(no) if reused && no.is_stale() => return Err(Stale),
            Err(No::Lost(stage, loss)) => return Ok(lost(stage, loss)),
            Err(No::Refused(stage, reply)) => {
                if fit {
                    self.reset(connection, &reply).await;
                }
                return Ok(classify(stage, reply.code, reply.enhanced(), &reply.text()));
            }
        }
        let mut handed = 0;
        let writing = connection.write_counted(&wire.content, &mut handed);
        if let Err(loss) = self.step(writing).await {
            return Ok(lost(wire.lost_at(handed), loss));
        }
        Ok(self.finish(connection, wire).await)
    }

    /// Each command after the reply to the one before.
    async fn one_by_one(&self, connection: &mut Connection, commands: &Commands) -> Result<(), No> {
        for (stage, line) in commands.lines() {
            match self.step(connection.command(line)).await {
                Ok(reply) if is_wanted(stage, reply.code) => {}
                Ok(reply) => return Err(No::Refused(stage, reply)),
                Err(loss) => return Err(No::Lost(stage, loss)),
            }
        }
        Ok(())
    }

    /// All commands, then all replies. The first that is not the wanted one decides; the others only tell
    /// whether the connection is fit for another message, the second of the two answers.
    async fn at_once(
        &self,
        connection: &mut Connection,
        commands: &Commands,
    ) -> (Result<(), No>, bool) {
        let group = commands.lines().map(|(_, line)| line).join("\r\n");
        let mut no = None;
        // Whether the server certainly has no recipient, and whether it waits for the content.
        let (mut nobody, mut waits) = (false, false);
        let mut over = false;
        for (stage, _) in commands.lines() {
            let reply = if stage == Stage::Mail {
                self.step(connection.command(&group)).await
            } else {
                self.step(connection.read()).await
            };
            let reply = match reply {
                Ok(reply) => reply,
                Err(loss) => return (Err(no.unwrap_or(No::Lost(stage, loss))), false),
            };
            let code = reply.code;
            nobody |= stage == Stage::Rcpt && code >= 400;
            waits |= stage == Stage::Data && code == 354;
            if !is_wanted(stage, code) {
                no.get_or_insert(No::Refused(stage, reply));
            }
            // It closes the connection, or nobody knows what it waits for.
            over = code == 421 || (stage == Stage::Data && !waits && code < 400);
            if over {
                break;
            }
        }
        let Some(no) = no else {
            return (Ok(()), true);
        };
        let fit = if over || !waits {
            !over
        } else if nobody {
            // RFC 2920 section 3.1: a single dot ends what nobody will get.
            let reply = self.step(connection.command(".")).await;
            reply.is_ok_and(|reply| reply.code != 421)
        } else {
            // Somebody would get an empty message. Without a dot the server throws it away.
            false
        };
        (Err(no), fit)
    }

    /// Waits for the answer to the final dot; from its first byte on everything but a reply is unknown.
    async fn finish(&self, mut connection: Connection, wire: &Wire) -> Outcome {
        let reply = match timeout(self.config.timeouts.data, connection.read()).await {
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

    /// `RSET` makes the connection fit for the next message after a command was refused.
    async fn reset(&self, mut connection: Connection, refusal: &Reply) {
        if refusal.code != 421 && refusal.code >= 400 {
            let reset = self.step(connection.command("RSET")).await;
            if reset.is_ok_and(|reply| reply.code == 250) {
                self.pool.park(connection).await;
            }
        }
    }

    async fn step<T>(&self, work: impl Future<Output = Result<T, Loss>>) -> Result<T, Loss> {
        timeout(self.config.timeouts.command, work)
            .await
            .unwrap_or(Err(Loss::Timeout))
    }
}

//! What a server's reply, or the lack of one, means for the message.
//!
//! Stage first, code second: until the final dot has been handed to the socket nothing can have been
//! taken, and from then on only a complete reply settles the matter. Codes are those of RFC 5321
//! section 4.2 and the enhanced ones of RFC 3463; the texts of servers never leave this module.

use std::fmt;
use std::time::Duration;

use crm_core::port::channel::{Outcome, RetryScope};

/// Where in the dialogue something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Name lookup, TCP, TLS from the start, greeting and EHLO.
    Connect,
    /// `STARTTLS` and its handshake (RFC 3207).
    StartTls,
    /// `AUTH` (RFC 4954).
    Auth,
    /// `MAIL FROM`.
    Mail,
    /// `RCPT TO`.
    Rcpt,
    /// `DATA`, and the content before its final dot.
    Data,
    /// The final dot has been handed to the socket.
    Dot,
}

impl Stage {
    /// The name used in reason codes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::StartTls => "starttls",
            Self::Auth => "auth",
            Self::Mail => "mail",
            Self::Rcpt => "rcpt",
            Self::Data => "data",
            Self::Dot => "dot",
        }
    }
}

/// An enhanced status code (RFC 3463): class, subject, detail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enhanced(pub u16, pub u16, pub u16);

impl Enhanced {
    /// Reads `5.1.1` from the first word of a reply's text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split_ascii_whitespace().next()?.split('.');
        let mut part = |longest: usize| {
            parts
                .next()
                .filter(|p| (1..=longest).contains(&p.len()))
                .filter(|p| p.bytes().all(|b| b.is_ascii_digit()))
                .and_then(|p| p.parse::<u16>().ok())
        };
        let found = Self(part(1)?, part(3)?, part(3)?);
        (parts.next().is_none() && matches!(found.0, 2 | 4 | 5)).then_some(found)
    }
}

impl fmt::Display for Enhanced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// How an exchange ended without a usable reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The configured time ran out.
    Timeout,
    /// The connection was closed or reset.
    Closed,
    /// The reply was not SMTP.
    Malformed,
}

impl Loss {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Closed => "closed",
            Self::Malformed => "malformed",
        }
    }
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

pub(super) fn retry(scope: RetryScope, at_least: Duration, reason: impl Into<String>) -> Outcome {
    Outcome::RetryAfter {
        scope,
        at_least,
        reason: reason.into(),
    }
}

pub(super) fn stop(reason: impl Into<String>) -> Outcome {
    Outcome::Stop {
        reason: reason.into(),
    }
}

pub(super) fn rejected(reason: impl Into<String>) -> Outcome {
    Outcome::Rejected {
        reason: reason.into(),
    }
}

/// The outcome when no usable reply came: unknown after the final dot, safe to repeat before it. A
/// recipient's lookup may be slow on its own, so from `RCPT` on only the message waits.
#[must_use]
pub fn lost(stage: Stage, loss: Loss) -> Outcome {
    let reason = format!("{}_{}", stage.as_str(), loss.as_str());
    match stage {
        Stage::Dot => Outcome::Unknown { reason },
        Stage::Rcpt | Stage::Data => retry(RetryScope::Message, MINUTE, reason),
        Stage::Connect | Stage::StartTls | Stage::Auth | Stage::Mail => {
            retry(RetryScope::Channel, MINUTE, reason)
        }
    }
}

/// The outcome of a complete reply that is not the one the stage asks for, and of any reply to the
/// final dot. `Accepted` carries the queue id from the text, empty when it names none.
#[must_use]
pub fn classify(stage: Stage, code: u16, enhanced: Option<Enhanced>, text: &str) -> Outcome {
    let reason = match enhanced {
        Some(enhanced) => format!("{}_{code}_{enhanced}", stage.as_str()),
        None => format!("{}_{code}", stage.as_str()),
    };
    match code {
        // Only 250 hands the responsibility over (RFC 5321 section 4.2.5).
        250 if stage == Stage::Dot => Outcome::Accepted {
            provider_id: queue_id(text).unwrap_or_default(),
        },
        400..=499 => transient(stage, code, enhanced, reason),
        500..=599 => permanent(stage, code, enhanced, text, reason),
        _ if stage == Stage::Dot => Outcome::Unknown { reason },
        _ => retry(RetryScope::Message, MINUTE, reason),
    }
}

fn transient(stage: Stage, code: u16, enhanced: Option<Enhanced>, reason: String) -> Outcome {
    if stage < Stage::Mail {
        return retry(RetryScope::Channel, MINUTE, reason);
    }
    let detail = enhanced.map(|e| (e.1, e.2));
    let (scope, at_least) = match (code, detail) {
        (452, Some((5, 3))) => (RetryScope::Message, Duration::ZERO),
        (_, Some((2, 1 | 2))) => (RetryScope::Recipient, HOUR),
        (450 | 451, Some((7, 1))) => (RetryScope::Recipient, 5 * MINUTE),
        // The recipient's host asks for a lower rate; the port's nearest scope is the recipient.
        (_, Some((7, 28))) | (421 | 450, Some((7, 0))) if stage > Stage::Mail => {
            (RetryScope::Recipient, 15 * MINUTE)
        }
        (_, Some((7, 28))) | (421 | 450, Some((7, 0))) => (RetryScope::Channel, 15 * MINUTE),
        (454, Some((7, 0))) | (421, _) | (_, Some((3, _))) => (RetryScope::Channel, MINUTE),
        // Without a better word a refusal of the recipient "for now" is greylisting.
        _ if stage == Stage::Rcpt => (RetryScope::Recipient, 5 * MINUTE),
        _ if stage == Stage::Mail => (RetryScope::Channel, MINUTE),
        _ => (RetryScope::Message, MINUTE),
    };
    // After the dot the refusal is about this message, whatever its words.
    let scope = if stage == Stage::Dot {
        RetryScope::Message
    } else {
        scope
    };
    retry(scope, at_least, reason)
}

fn permanent(
    stage: Stage,
    code: u16,
    enhanced: Option<Enhanced>,
    text: &str,
    reason: String,
) -> Outcome {
    let text = text.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let detail = enhanced.map(|e| (e.1, e.2));
    let relay = says(&["relay", "not authorized", "not authorised", "unauthorized"]);
    match (code, detail) {
        _ if stage < Stage::Mail => stop(reason),
        (530 | 534 | 535 | 538, _) | (_, Some((7, 8 | 9 | 26..=32))) => stop(reason),
        (_, Some((7, 1))) if relay => stop(reason),
        (552, Some((3, 4)) | None) | (_, Some((6, _) | (3, 4))) => rejected(reason),
        (_, Some((2, 2))) => rejected(reason),
        (554, Some((7, 1))) => rejected(reason),
        // The sender is refused: no message of this channel can go.
        _ if stage == Stage::Mail => stop(reason),
        (550 | 551 | 553, Some((1, 1 | 2 | 3 | 6 | 10) | (2, 1))) | (556, _) => {
            Outcome::Dead { reason }
        }
        (550, None) if says(&["unknown", "no such", "not exist", "doesn't exist"]) => {
            Outcome::Dead { reason }
        }
        (550 | 553 | 554, None) if stage == Stage::Rcpt && relay => stop(reason),
        _ => rejected(reason),
    }
}

/// The queue id in texts such as `2.0.0 Ok: queued as 4XyZ` (Postfix) or `OK id=1abc-0002` (Exim).
fn queue_id(text: &str) -> Option<String> {
    let rest = ["queued as ", "id="]
        .iter()
        .find_map(|mark| text.split_once(mark).map(|(_, rest)| rest))?;
    let id: String = rest
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        .take(64)
        .collect();
    (!id.is_empty()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(stage: Stage, line: &str) -> Outcome {
        let (code, text) = line.split_once(' ').unwrap_or((line, ""));
        classify(stage, code.parse().unwrap(), Enhanced::parse(text), text)
    }

    fn retry_of(outcome: &Outcome) -> (RetryScope, u64) {
        match outcome {
            Outcome::RetryAfter {
                scope, at_least, ..
            } => (*scope, at_least.as_secs()),
            other => panic!("not a retry: {other:?}"),
        }
    }

    #[track_caller]
    fn all(stage: Stage, lines: &[&str], expected: fn(&Outcome) -> bool) {
        for line in lines {
            let outcome = of(stage, line);
            assert!(expected(&outcome), "{stage:?} {line}: {outcome:?}");
        }
    }

    const fn is_stop(o: &Outcome) -> bool {
        matches!(o, Outcome::Stop { .. })
    }
    const fn is_dead(o: &Outcome) -> bool {
        matches!(o, Outcome::Dead { .. })
    }
    const fn is_rejected(o: &Outcome) -> bool {
        matches!(o, Outcome::Rejected { .. })
    }

    #[test]
    fn the_session_cannot_be_opened_now() {
        for (stage, line) in [
            (Stage::Connect, "421 4.3.2 shutting down"),
            (Stage::Connect, "450 busy"),
            (Stage::StartTls, "454 4.7.0 TLS not available"),
            (Stage::Auth, "454 4.7.0 Temporary authentication failure"),
            (Stage::Mail, "421 bye"),
            (Stage::Rcpt, "421 bye"),
            (Stage::Data, "421 bye"),
            (Stage::Mail, "452 4.3.1 insufficient storage"),
        ] {
            assert_eq!(
                retry_of(&of(stage, line)),
                (RetryScope::Channel, 60),
                "{stage:?} {line}"
            );
        }
    }

    #[test]
    fn credentials_stop_the_channel() {
        all(Stage::Connect, &["554 no service here"], is_stop);
        all(Stage::StartTls, &["502 no", "501 no"], is_stop);
        all(
            Stage::Auth,
            &["535 5.7.8 bad", "534 weak", "538 tls", "504 no"],
            is_stop,
        );
        all(
            Stage::Mail,
            &["530 5.7.0 auth", "550 5.7.8 x", "553 5.7.9 x"],
            is_stop,
        );
        all(Stage::Rcpt, &["530 auth first", "554 5.7.8 x"], is_stop);
    }

    #[test]
    fn addresses_that_can_never_work() {
        let lines = [
            "550 5.1.1 x",
            "550 5.1.2 x",
            "553 5.1.3 x",
            "551 5.1.6 x",
            "550 5.1.10 x",
            "550 5.2.1 x",
            "556 x",
            "550 no such user",
            "550 User unknown",
            "550 mailbox does not exist",
        ];
        all(Stage::Rcpt, &lines, is_dead);
        all(Stage::Dot, &lines, is_dead);
        all(
            Stage::Rcpt,
            &["550 go away", "550 5.2.0 x", "554 x", "501 x"],
            is_rejected,
        );
    }

    #[test]
    fn mailboxes_that_are_full_or_busy() {
        for line in ["452 4.2.2 full", "450 4.2.1 too fast"] {
            assert_eq!(
                retry_of(&of(Stage::Rcpt, line)),
                (RetryScope::Recipient, 3600)
            );
        }
        all(
            Stage::Rcpt,
            &["552 5.2.2 full", "550 5.2.2 full", "552 full"],
            is_rejected,
        );
    }

    #[test]
    fn greylisting_and_rates() {
        for line in ["450 4.7.1 greylisted", "451 4.7.1 later", "450 later"] {
            assert_eq!(
                retry_of(&of(Stage::Rcpt, line)),
                (RetryScope::Recipient, 300)
            );
        }
        for line in [
            "421 4.7.0 rate",
            "450 4.7.0 rate",
            "421 4.7.28 rate",
            "450 4.7.28 rate",
        ] {
            assert_eq!(
                retry_of(&of(Stage::Rcpt, line)),
                (RetryScope::Recipient, 900)
            );
            assert_eq!(retry_of(&of(Stage::Mail, line)), (RetryScope::Channel, 900));
        }
        assert_eq!(
            retry_of(&of(Stage::Rcpt, "452 4.5.3 too many recipients")),
            (RetryScope::Message, 0)
        );
    }

    #[test]
    fn senders_that_may_not_send() {
        for stage in [Stage::Mail, Stage::Rcpt, Stage::Dot] {
            all(
                stage,
                &[
                    "550 5.7.1 relaying denied",
                    "550 5.7.26 x",
                    "550 5.7.32 x",
                    "554 5.7.1 not authorized",
                ],
                is_stop,
            );
        }
        all(
            Stage::Mail,
            &["553 5.1.8 bad sender", "550 sender refused"],
            is_stop,
        );
        all(Stage::Rcpt, &["554 Relay access denied"], is_stop);
    }

    #[test]
    fn messages_that_are_refused() {
        let lines = [
            "552 5.3.4 size",
            "554 5.6.0 x",
            "554 5.7.1 spam",
            "552 too big",
        ];
        for stage in [Stage::Mail, Stage::Rcpt, Stage::Data, Stage::Dot] {
            all(stage, &lines, is_rejected);
        }
        all(Stage::Dot, &["550 content refused", "554 no"], is_rejected);
    }

    #[test]
    fn after_the_dot() {
        let accepted = |id: &str| Outcome::Accepted {
            provider_id: id.to_owned(),
        };
        assert_eq!(
            of(Stage::Dot, "250 2.0.0 Ok: queued as 4XyZ"),
            accepted("4XyZ")
        );
        assert_eq!(
            of(Stage::Dot, "250 OK id=1a-0002-Bc"),
            accepted("1a-0002-Bc")
        );
        assert_eq!(of(Stage::Dot, "250 fine"), accepted(""));
        for line in ["354 go on", "251 x", "252 x", "220 x"] {
            assert!(
                matches!(of(Stage::Dot, line), Outcome::Unknown { .. }),
                "{line}"
            );
        }
        assert_eq!(
            retry_of(&of(Stage::Dot, "451 4.3.0 later")).0,
            RetryScope::Message
        );
        assert_eq!(
            retry_of(&of(Stage::Dot, "421 4.7.0 rate")),
            (RetryScope::Message, 900)
        );
        for loss in [Loss::Timeout, Loss::Closed, Loss::Malformed] {
            assert!(matches!(lost(Stage::Dot, loss), Outcome::Unknown { .. }));
            for stage in [Stage::Connect, Stage::StartTls, Stage::Auth, Stage::Mail] {
                assert_eq!(retry_of(&lost(stage, loss)).0, RetryScope::Channel);
            }
            for stage in [Stage::Rcpt, Stage::Data] {
                assert_eq!(retry_of(&lost(stage, loss)).0, RetryScope::Message);
            }
        }
    }

    #[test]
    fn reasons_are_codes() {
        let reason = |stage, line| of(stage, line).reason().unwrap().to_owned();
        assert_eq!(
            reason(Stage::Rcpt, "550 5.1.1 <ann@example.org> unknown"),
            "rcpt_550_5.1.1"
        );
        assert_eq!(reason(Stage::Auth, "535 no"), "auth_535");
        assert_eq!(lost(Stage::Dot, Loss::Closed).reason(), Some("dot_closed"));
        for text in ["5.1", "5.1.1.1", "5.1.1x", "9.1.1", "5..1", "", "5.1111.1"] {
            assert_eq!(Enhanced::parse(text), None, "{text}");
        }
    }
}

//! A circuit breaker: a provider that refuses everybody rests, instead of using up everybody's attempts.

use chrono::{DateTime, Duration, Utc};

use crate::port::channel::{Outcome, RetryScope};

/// How long a provider rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerOptions {
    /// After its first refusal of everybody. Doubles with each one that follows. Default 30 s.
    pub rest: Duration,
    /// At most, unless the provider itself asks for more. Default 30 min.
    pub most: Duration,
}

impl Default for BreakerOptions {
    fn default() -> Self {
        Self {
            rest: Duration::seconds(30),
            most: Duration::minutes(30),
        }
    }
}

/// Whether a delivery may go to the provider now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// It may.
    Free,
    /// It may, as the only one: it shows whether the provider is back.
    Probe,
    /// Not before then.
    Closed(DateTime<Utc>),
}

/// The breaker of one provider. Plain data: whoever holds it tells it the time.
///
/// Closed to everybody after an answer that concerns everybody ([`Outcome::Stop`], or
/// [`Outcome::RetryAfter`] for the whole channel); after its rest one delivery probes it; any other answer
/// opens it again, for a provider that refuses one message works.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Breaker {
    options: BreakerOptions,
    /// Refusals of everybody in a row.
    refusals: u32,
    until: Option<DateTime<Utc>>,
    probing: bool,
}

impl Breaker {
    /// One that lets through.
    #[must_use]
    pub const fn new(options: BreakerOptions) -> Self {
        Self {
            options,
            refusals: 0,
            until: None,
            probing: false,
        }
    }

    /// Whether a delivery may pass; a probe is under way from here until [`ended`](Self::ended) or
    /// [`gave_up`](Self::gave_up).
    pub fn pass(&mut self, now: DateTime<Utc>) -> Passage {
        let passage = self.look(now);
        self.probing |= passage == Passage::Probe;
        passage
    }

    /// As [`pass`](Self::pass), without passing.
    #[must_use]
    pub fn look(&self, now: DateTime<Utc>) -> Passage {
        match self.until {
            None => Passage::Free,
            Some(until) if until > now => Passage::Closed(until),
            Some(_) if self.probing => Passage::Closed(now + Duration::seconds(1)),
            Some(_) => Passage::Probe,
        }
    }

    /// A delivery that passed has ended so.
    pub fn ended(&mut self, outcome: &Outcome, now: DateTime<Utc>) {
        self.probing = false;
        let asked = match outcome {
            Outcome::Stop { .. } => Duration::zero(),
            Outcome::RetryAfter {
                scope: RetryScope::Channel,
                at_least,
                ..
            } => Duration::from_std(*at_least).unwrap_or(Duration::days(1)),
            // Silence says nothing about the provider: it may be the message's own.
            Outcome::Unknown { .. } => return,
            // A rest is not cut short by one that was under way when it began.
            _ => {
                if !self.rests(now) {
                    self.refusals = 0;
                    self.until = None;
                }
                return;
            }
        };
        // Many deliveries that were under way together learn of one refusal.
        if !self.rests(now) {
            self.refusals = self.refusals.saturating_add(1);
        }
        let doublings = self.refusals.saturating_sub(1).min(16);
        let rest = (self.options.rest * 2_i32.pow(doublings)).min(self.options.most);
        let until = now + rest.max(asked);
        self.until = Some(self.until.map_or(until, |known| known.max(until)));
    }

    fn rests(&self, now: DateTime<Utc>) -> bool {
        self.until.is_some_and(|until| until > now)
    }

    /// A delivery that passed was broken off: nothing was learnt.
    pub const fn gave_up(&mut self) {
        self.probing = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap_or_default()
    }

    fn busy(at_least: u64) -> Outcome {
        Outcome::RetryAfter {
            scope: RetryScope::Channel,
            at_least: std::time::Duration::from_secs(at_least),
            reason: "busy".to_owned(),
        }
    }

    fn accepted() -> Outcome {
        Outcome::Accepted {
            provider_id: "p".to_owned(),
        }
    }

    #[test]
    fn it_rests_longer_each_time_and_one_probes() {
        let mut breaker = Breaker::default();
        let mut now = 0;
        for rest in [30, 60, 120, 240, 480, 960, 1_800, 1_800] {
            assert!(matches!(
                breaker.pass(at(now)),
                Passage::Free | Passage::Probe
            ));
            breaker.ended(&busy(0), at(now));
            assert_eq!(breaker.pass(at(now)), Passage::Closed(at(now + rest)));
            assert_eq!(
                breaker.pass(at(now + rest - 1)),
                Passage::Closed(at(now + rest))
            );
            now += rest;
        }
        assert_eq!(breaker.pass(at(now)), Passage::Probe);
        assert!(matches!(breaker.pass(at(now)), Passage::Closed(_)));
        breaker.ended(&accepted(), at(now));
        assert_eq!(breaker.pass(at(now)), Passage::Free);
        assert_eq!(breaker.pass(at(now)), Passage::Free);
        // And begins anew.
        breaker.ended(&busy(0), at(now));
        assert_eq!(breaker.look(at(now)), Passage::Closed(at(now + 30)));
    }

    #[test]
    fn what_the_provider_asks_for_is_never_shortened() {
        let mut breaker = Breaker::default();
        breaker.ended(&busy(7_200), at(0));
        // Others that were under way say less, or went through.
        breaker.ended(&busy(0), at(1));
        breaker.ended(&accepted(), at(1));
        assert_eq!(breaker.look(at(2)), Passage::Closed(at(7_200)));
    }

    #[test]
    fn refusals_of_one_burst_count_once() {
        let mut breaker = Breaker::default();
        for _ in 0..16 {
            breaker.ended(&busy(0), at(0));
        }
        assert_eq!(breaker.look(at(0)), Passage::Closed(at(30)));
    }

    #[test]
    fn what_concerns_one_message_closes_nothing() {
        let mut breaker = Breaker::default();
        let reason = || "code".to_owned();
        let recipient = Outcome::RetryAfter {
            scope: RetryScope::Recipient,
            at_least: std::time::Duration::from_secs(60),
            reason: reason(),
        };
        for outcome in [
            recipient,
            Outcome::Dead { reason: reason() },
            Outcome::Rejected { reason: reason() },
            Outcome::Unknown { reason: reason() },
        ] {
            breaker.ended(&outcome, at(0));
            assert_eq!(breaker.look(at(0)), Passage::Free);
        }
        breaker.ended(&Outcome::Stop { reason: reason() }, at(0));
        assert_eq!(breaker.look(at(0)), Passage::Closed(at(30)));
    }

    #[test]
    fn a_probe_without_an_answer_makes_room_for_the_next() {
        let mut breaker = Breaker::default();
        breaker.ended(&busy(0), at(0));
        assert_eq!(breaker.pass(at(30)), Passage::Probe);
        breaker.gave_up();
        assert_eq!(breaker.pass(at(30)), Passage::Probe);
        breaker.ended(
            &Outcome::Unknown {
                reason: "timeout".to_owned(),
            },
            at(30),
        );
        assert_eq!(breaker.look(at(30)), Passage::Probe);
    }
}

//! How fast a channel's provider may be called: spaced evenly, by the units its texts count in.
//!
//! The generic cell rate algorithm (ITU-T I.371, annex A): one instant per channel says when the next unit
//! may go, and each delivery moves it on by what it costs.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::port::channel::Rate;

/// Instants by channel.
#[derive(Debug, Default)]
pub(super) struct Pace(BTreeMap<String, Instant>);

impl Pace {
    /// From when on this channel may be called; `None` when it may be called now.
    pub(super) fn until(&self, channel: &str, rate: Rate, now: Instant) -> Option<Instant> {
        let next = *self.0.get(channel)?;
        // A little early is on time: timers are coarse, and what is due together may go together.
        let until = next.checked_sub(tolerance(rate))?;
        (until > now).then_some(until)
    }

    /// Notes a delivery of so many units.
    pub(super) fn spend(&mut self, channel: &str, rate: Rate, units: u32, now: Instant) {
        let next = self.0.entry(channel.to_owned()).or_insert(now);
        *next = (*next).max(now) + spacing(rate) * units.max(1);
    }
}

/// The time one unit takes.
fn spacing(rate: Rate) -> Duration {
    rate.per / rate.units.max(1)
}

/// A tenth of the period, and less than a unit's time for slow channels.
fn tolerance(rate: Rate) -> Duration {
    (rate.per / 10).max(spacing(rate)) - spacing(rate)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Sends as soon as it may, for so long; when each unit went.
    fn sent(rate: Rate, costs: &[u32], start: Instant) -> Vec<Duration> {
        let mut pace = Pace::default();
        let mut now = start;
        let mut times = Vec::new();
        for cost in costs {
            if let Some(until) = pace.until("sms", rate, now) {
                assert!(until > now);
                now = until;
            }
            pace.spend("sms", rate, *cost, now);
            times.extend(std::iter::repeat_n(now - start, *cost as usize));
        }
        times
    }

    proptest! {
        /// In no window go more units than the rate allows, a tenth and one message more.
        #[test]
        fn a_window_holds_no_more_than_the_rate(
            units in 1..200_u32,
            millis in 100..60_000_u64,
            costs in prop::collection::vec(1..12_u32, 1..150),
        ) {
            let rate = Rate { units, per: Duration::from_millis(millis) };
            let times = sent(rate, &costs, Instant::now());
            let most = units + units / 10 + 12 + 1;
            for (at, time) in times.iter().enumerate() {
                let end = *time + rate.per;
                let inside = times[at..].iter().take_while(|time| **time < end).count();
                prop_assert!(inside <= most as usize, "{inside} of {most}");
            }
            // And nearly as many as it allows.
            let last = *times.last().unwrap();
            let all: u32 = costs.iter().sum();
            prop_assert!(last <= spacing(rate) * all);
        }
    }

    #[test]
    fn channels_are_apart_and_time_that_passed_is_not_saved_up() {
        let rate = Rate {
            units: 10,
            per: Duration::from_secs(1),
        };
        let start = Instant::now();
        let mut pace = Pace::default();
        pace.spend("sms", rate, 5, start);
        assert_eq!(pace.until("email", rate, start), None);
        let half = start + Duration::from_millis(500);
        assert_eq!(pace.until("sms", rate, start), Some(half));
        assert_eq!(pace.until("sms", rate, half), None);
        // After an hour of rest: one, and then its time again.
        let later = start + Duration::from_secs(3_600);
        pace.spend("sms", rate, 1, later);
        let next = later + Duration::from_millis(100);
        assert_eq!(pace.until("sms", rate, later), Some(next));
    }
}

//! Repeating, and what is told of the repetitions.

use std::time::Duration;

use serde::Serialize;

/// Several measurements of one thing.
#[derive(Debug, Clone, Serialize)]
pub struct Series {
    /// The middle one (the lower of two).
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The most.
    pub most: f64,
    /// All, in the order they were taken.
    pub runs: Vec<f64>,
}

impl Series {
    /// Sums up `runs`; zeros without any.
    #[must_use]
    pub fn of(runs: Vec<f64>) -> Self {
        let mut sorted = runs.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
        Self {
            median: at(sorted.len().saturating_sub(1) / 2),
            least: at(0),
            most: at(sorted.len().saturating_sub(1)),
            runs,
        }
    }
}

/// Whether more is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// Rates: the ratio should be at least the goal.
    More,
    /// Times: the ratio should be at most the goal.
    Less,
}

/// Our figure beside its peer's.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// `T1`, `T2`, ...
    pub id: &'static str,
    /// What was done.
    pub work: String,
    /// What it is held against.
    pub peer_work: String,
    /// Rows, messages or calls in one run.
    pub size: usize,
    /// `per second` or `microseconds`.
    pub unit: &'static str,
    /// Ours.
    pub ours: Series,
    /// The peer's.
    pub peer: Series,
    /// Median of ours over median of the peer's.
    pub ratio: f64,
    /// What the ratio should be.
    pub goal: f64,
    /// Whether the goal is a floor or a ceiling.
    pub better: Better,
    /// Whether it is reached.
    pub reached: bool,
}

impl Figure {
    /// A figure from alternating runs.
    #[must_use]
    pub fn new(names: Names, size: usize, pairs: Vec<(f64, f64)>, goal: f64) -> Self {
        let (ours, peer): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        let (ours, peer) = (Series::of(ours), Series::of(peer));
        let ratio = ours.median / peer.median;
        Self {
            id: names.id,
            work: names.work,
            peer_work: names.peer_work,
            size,
            unit: match names.better {
                Better::More => "per second",
                Better::Less => "microseconds",
            },
            ours,
            peer,
            ratio,
            goal,
            better: names.better,
            reached: match names.better {
                Better::More => ratio >= goal,
                Better::Less => ratio <= goal,
            },
        }
    }
}

/// What a figure is called.
#[derive(Debug, Clone)]
pub struct Names {
    /// `T1`, `T2`, ...
    pub id: &'static str,
    /// What was done.
    pub work: String,
    /// What it is held against.
    pub peer_work: String,
    /// Whether more is better.
    pub better: Better,
}

/// So many things in so much time, as things per second.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
pub fn rate(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

/// The time of one of `count` calls, in microseconds.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
pub fn each(count: usize, took: Duration) -> f64 {
    took.as_secs_f64() * 1e6 / count as f64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)]
    use super::*;

    fn figure(better: Better, pairs: &[(f64, f64)], goal: f64) -> Figure {
        let names = Names {
            id: "T0",
            work: String::new(),
            peer_work: String::new(),
            better,
        };
        Figure::new(names, 1, pairs.to_vec(), goal)
    }

    #[test]
    fn the_ratio_is_that_of_the_medians() {
        let pairs = [(3.0, 10.0), (1.0, 2.0), (100.0, 4.0)];
        let rate = figure(Better::More, &pairs, 0.7);
        assert_eq!((rate.ours.median, rate.peer.median), (3.0, 4.0));
        assert_eq!((rate.ours.least, rate.ours.most), (1.0, 100.0));
        assert!(rate.reached);
        assert!(!figure(Better::More, &pairs, 0.8).reached);
        assert!(figure(Better::Less, &pairs, 0.8).reached);
        assert!(!figure(Better::Less, &pairs, 0.7).reached);
    }

    #[test]
    fn rates_and_times_of_one() {
        let took = Duration::from_millis(500);
        assert_eq!(rate(1_000, took), 2_000.0);
        assert_eq!(each(1_000, took), 500.0);
    }
}

//! The numbers behind an experiment: beta-binomial mixtures, and where they stay below a bound.
//!
//! Everything is done with logarithms, and each of them is split into what the counts lose by the mixture (of the size
//! of a logarithm) and how far a rate is from what was seen (zero at what was seen). So nothing of the size of the
//! counts is ever subtracted from another such number, and counts of any size keep their digits.

use super::{Counts, Interval};

/// Halvings of an interval of length 1 until it is at the end of floating point.
const HALVINGS: usize = 70;

/// Where the rate of an arm is, at all looks together with a probability of at least `1 - alpha`.
pub(super) fn rate(counts: Counts, alpha: f64) -> Interval {
    let flipped = Counts {
        n: counts.n,
        successes: counts.failures(),
    };
    Interval {
        low: lowest_rate(counts, alpha),
        high: 1.0 - lowest_rate(flipped, alpha),
    }
}

fn lowest_rate(counts: Counts, alpha: f64) -> f64 {
    let bound = -alpha.ln();
    if counts.successes == 0 {
        return 0.0;
    }
    // Below what was seen the mixture grows the further a rate is away.
    edge(middle(counts), 0.0, |p| log_mixture(counts, p) < bound)
}

/// Where the rate of `other` less that of `first` is, at all looks together with a probability of at least `1 -
/// alpha`.
pub(super) fn difference(first: Counts, other: Counts, alpha: f64) -> Interval {
    let bound = -alpha.ln();
    let seen = middle(other) - middle(first);
    // The smallest product is convex in the difference: both factors are in their rates.
    let inside = |difference: f64| smallest_product(first, other, difference) < bound;
    Interval {
        low: edge(seen, -1.0, inside),
        high: edge(seen, 1.0, inside),
    }
}

/// The logarithm of the evidence against "both arms have the same rate": the smallest product for a difference of
/// zero, which is at the rate of both together.
pub(super) fn log_evidence(first: Counts, other: Counts) -> f64 {
    let both = Counts {
        n: first.n.saturating_add(other.n),
        successes: first.successes.saturating_add(other.successes),
    };
    let p = middle(both);
    log_mixture(first, p) + log_mixture(other, p)
}

/// The logarithm of the smallest product of both mixtures over all pairs of rates with that difference.
pub(super) fn smallest_product(first: Counts, other: Counts, difference: f64) -> f64 {
    let (mut low, mut high) = ((-difference).max(0.0), (1.0 - difference).min(1.0));
    let second = |p: f64| (p + difference).clamp(0.0, 1.0);
    for _ in 0..HALVINGS {
        let p = f64::midpoint(low, high);
        if slope(first, p) + slope(other, second(p)) < 0.0 {
            low = p;
        } else {
            high = p;
        }
    }
    let at = |p: f64| log_mixture(first, p) + log_mixture(other, second(p));
    at(low).min(at(high))
}

/// The value furthest from `inside` towards `end` that belongs to an interval, to within rounding and rather too far.
fn edge(inside: f64, end: f64, belongs: impl Fn(f64) -> bool) -> f64 {
    if belongs(end) {
        return end;
    }
    let (mut inner, mut outer) = (inside, end);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(inner, outer);
        if belongs(middle) {
            inner = middle;
        } else {
            outer = middle;
        }
    }
    outer
}

/// The rate that was seen, or one half while nobody was.
fn middle(counts: Counts) -> f64 {
    counts.rate().unwrap_or(0.5)
}

/// The logarithm of `M(p)`.
pub(super) fn log_mixture(counts: Counts, p: f64) -> f64 {
    loss(counts) + distance(counts, p)
}

/// The logarithm of the mixture at the rate that was seen; never over 0.
fn loss(counts: Counts) -> f64 {
    rest(counts.successes) + rest(counts.failures()) - rest(counts.n) - (counts.n as f64).ln_1p()
}

/// How much likelier what was seen is under the rate that was seen than under `p`, as a logarithm; never below 0.
fn distance(counts: Counts, p: f64) -> f64 {
    let seen = middle(counts);
    let part = |count: u64, seen: f64, p: f64| match count {
        0 => 0.0,
        _ if p <= 0.0 => f64::INFINITY,
        _ => -(count as f64) * ((p - seen) / seen).ln_1p(),
    };
    let sum = part(counts.successes, seen, p) + part(counts.failures(), 1.0 - seen, 1.0 - p);
    sum.max(0.0)
}

/// How fast [`distance`] grows with `p`.
fn slope(counts: Counts, p: f64) -> f64 {
    let part = |count: u64, p: f64| if count == 0 { 0.0 } else { count as f64 / p };
    part(counts.failures(), 1.0 - p) - part(counts.successes, p)
}

/// `ln(k!) - k ln(k) + k`: Stirling's series, and its sum for small numbers.
fn rest(k: u64) -> f64 {
    let number = k as f64;
    match k {
        0 => 0.0,
        1..16 => {
            let factorial: f64 = (1..=k).map(|factor| (factor as f64).ln()).sum();
            factorial - number * number.ln() + number
        }
        _ => {
            let inverse = 1.0 / number;
            let series = inverse / 12.0 - inverse.powi(3) / 360.0 + inverse.powi(5) / 1_260.0;
            0.5 * (std::f64::consts::TAU * number).ln() + series
        }
    }
}

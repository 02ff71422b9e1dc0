//! What an experiment shows so far, in numbers that one may look at as often as one likes.
//!
//! The usual p-value is right for one look at a size that was fixed before. Who looks every day and stops when it is
//! small finds differences that are not there, in the end always. What is computed here is *always valid*: over all
//! looks together, however many, the chance that there is one false alarm in a comparison is at most `alpha`.
//!
//! # Method
//! For one arm with `s` successes among `n`, and a rate `p` that it might have, let `M(p)` be the likelihood of what
//! was seen, averaged over all rates evenly, divided by its likelihood under `p`: `B(s + 1, n - s + 1) / (p^s (1 -
//! p)^(n - s))`. If `p` is the true rate, `M(p)` is a martingale that begins at 1, and by Ville's inequality it ever
//! reaches `1 / alpha` with a probability of at most `alpha`. The rates for which it did not are a confidence
//! sequence (H. Robbins, *Statistical methods related to the law of the iterated logarithm*, 1970; S. R. Howard,
//! A. Ramdas, J. McAuliffe, J. Sekhon, *Time-uniform, nonparametric, nonasymptotic confidence sequences*, Annals of
//! Statistics 49, 2021, the beta-binomial mixture).
//!
//! Two arms are compared by the product `M1(p) M2(p + d)`, which is such a martingale, too, in whatever order and
//! proportion the arms are filled, as long as nobody decides that by looking ahead. A difference `d` is in the
//! confidence sequence while the product is below `1 / alpha` for some `p`; the p-value is the inverse of the
//! smallest product for `d = 0` (L. Wasserman, A. Ramdas, S. Balakrishnan, *Universal inference*, PNAS 117, 2020;
//! always-valid p-values: R. Johari, P. Koomen, L. Pekelis, D. Walsh, *Always valid inference*, Operations Research
//! 70, 2022). Nothing is approximated but by the rounding of floating point: it is right for small counts, too. The
//! price is patience: on average a difference is found with two to four times the contacts that a test with one look
//! plans for a power of 80 per cent, more the smaller the difference is.
//!
//! # What it takes
//! Outcomes are independent, and each arm's rate stays the same. A contact is counted **once, when the outcome is
//! final** (for instance after the week in which a click counts); somebody who is counted as a failure first and as a
//! success later breaks the guarantee.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

mod martingale;

use martingale::{difference, log_evidence, rate};

/// The most that can be counted in an arm: whole numbers up to here are exact in floating point.
pub const MOST: u64 = 1 << 53;

/// What was counted in one arm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Contacts whose outcome is final.
    pub n: u64,
    /// Those of them with the outcome that is counted; at most `n`.
    pub successes: u64,
}

/// Which rate is the better one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// The higher one: answers, purchases.
    #[default]
    Higher,
    /// The lower one: texts that people had to edit or rejected.
    Lower,
}

/// How an experiment is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judgement {
    /// The chance of a false alarm that one puts up with over the whole life of the experiment, in thousandths, 1 to
    /// 200; 50, which is 5 per cent, when left out.
    #[serde(default = "five_per_cent")]
    pub alpha_permille: u16,
    /// Which rate is the better one.
    #[serde(default)]
    pub better: Better,
}

const fn five_per_cent() -> u16 {
    50
}

impl Default for Judgement {
    fn default() -> Self {
        Self {
            alpha_permille: five_per_cent(),
            better: Better::Higher,
        }
    }
}

/// All values from `low` to `high`, both among them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The smallest.
    pub low: f64,
    /// The largest.
    pub high: f64,
}

/// What is known of one arm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ArmResult {
    /// What was counted.
    pub counts: Counts,
    /// Successes by contacts, 0 to 1; `None` while nobody was counted.
    pub rate: Option<f64>,
    /// Where the true rate is, at all looks together with a probability of at least 1 - `alpha`.
    pub interval: Interval,
}

/// One arm against the first one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Comparison {
    /// Index of the arm, 1 or more.
    pub arm: usize,
    /// Its rate less that of the first arm, -1 to 1; `None` while one of them has nobody.
    pub difference: Option<f64>,
    /// Where the true difference is: all comparisons at all looks together, with a probability of at least 1 -
    /// `alpha`.
    pub interval: Interval,
    /// The always-valid p-value of "there is no difference", 0 to 1, already multiplied by the number of comparisons
    /// (Bonferroni): at most `alpha` is an alarm.
    pub p_value: f64,
}

/// What may be done. It is a suggestion: people stop experiments, and going on spoils nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing is certain enough.
    GoOn,
    /// One arm is better: stop, and send that one.
    SuggestStop {
        /// Index of the arm. When several are better than the first one, it is the one with the best rate so far;
        /// that it is better than the others is not shown.
        winner: usize,
    },
}

/// What an experiment shows so far.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Each arm.
    pub arms: Vec<ArmResult>,
    /// Each arm but the first one, against the first one.
    pub comparisons: Vec<Comparison>,
    /// What may be done.
    pub verdict: Verdict,
}

/// Judges what was counted in each arm; the first one is what the others are compared with.
///
/// # Errors
/// `Invalid` for fewer than 2 or more than 26 arms, more successes than contacts, more than [`MOST`] contacts, and
/// `alpha` out of range.
pub fn judge(judgement: Judgement, arms: &[Counts]) -> Result<Report> {
    check(judgement, arms)?;
    let alpha = f64::from(judgement.alpha_permille) / 1_000.0;
    let comparisons = arms.len().saturating_sub(1);
    let results = arms.iter().map(|counts| ArmResult {
        counts: *counts,
        rate: counts.rate(),
        interval: rate(*counts, alpha),
    });
    let first = arms.first().copied().unwrap_or_default();
    let share = u32::try_from(comparisons).map_or(1.0, f64::from);
    let compare = |(arm, counts): (usize, &Counts)| Comparison {
        arm,
        difference: counts
            .rate()
            .zip(first.rate())
            .map(|(rate, first)| rate - first),
        interval: difference(first, *counts, alpha / share),
        p_value: (share * (-log_evidence(first, *counts)).exp()).min(1.0),
    };
    let compared: Vec<Comparison> = arms.iter().enumerate().skip(1).map(compare).collect();
    let verdict = verdict(judgement.better, alpha, &compared);
    Ok(Report {
        arms: results.collect(),
        comparisons: compared,
        verdict,
    })
}

fn verdict(better: Better, alpha: f64, comparisons: &[Comparison]) -> Verdict {
    let sign = match better {
        Better::Higher => 1.0,
        Better::Lower => -1.0,
    };
    let gain = |comparison: &Comparison| sign * comparison.difference.unwrap_or_default();
    let certain = |comparison: &Comparison| comparison.p_value <= alpha;
    let ahead = comparisons
        .iter()
        .filter(|comparison| certain(comparison) && gain(comparison) > 0.0);
    let best = ahead.reduce(|best, other| {
        if gain(other) > gain(best) {
            other
        } else {
            best
        }
    });
    match best {
        Some(best) => Verdict::SuggestStop { winner: best.arm },
        None if comparisons.iter().all(certain) => Verdict::SuggestStop { winner: 0 },
        None => Verdict::GoOn,
    }
}

fn check(judgement: Judgement, arms: &[Counts]) -> Result<()> {
    if !(1..=200).contains(&judgement.alpha_permille) {
        return Err(Error::field("alpha_permille", "use 1 to 200 thousandths"));
    }
    if !(2..=super::split::ARMS).contains(&arms.len()) {
        return Err(Error::field("arms", "compare 2 to 26 arms"));
    }
    if arms.iter().any(|arm| arm.successes > arm.n || arm.n > MOST) {
        return Err(Error::field(
            "arms",
            "count at most as many successes as contacts, and at most 2^53 contacts",
        ));
    }
    Ok(())
}

impl Counts {
    const fn failures(self) -> u64 {
        self.n.saturating_sub(self.successes)
    }

    /// Successes by contacts; `None` while nobody was counted.
    #[must_use]
    pub fn rate(self) -> Option<f64> {
        (self.n > 0).then(|| self.successes as f64 / self.n as f64)
    }
}

#[cfg(test)]
mod tests;

//! Approving many messages after reading some of them: how many have to be read, which ones, and what follows.
//!
//! A batch is a manifest, the list of messages that one decision is about. A sample of it is drawn at random and
//! read. If nothing in it is severely wrong, the batch passes; **one severe defect sends the whole batch back**. The
//! size of the sample is the smallest with which a batch that has more severe defects than are tolerated passes with
//! at most the given risk. That is acceptance sampling with an acceptance number of zero, computed by the
//! hypergeometric distribution, because what is read is not put back (E. G. Schilling, D. V. Neubauer, *Acceptance
//! Sampling in Quality Control*).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::id::MessageId;
use crate::message::digest::{Digest, Encoder};

/// The most messages of one batch.
pub const BATCH: u32 = 10_000_000;

/// What is tolerated, and how sure one wants to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sampling {
    /// How many messages of a thousand may be severely wrong, 0 to 999. With 0 one wants to find a single one.
    pub tolerated_permille: u16,
    /// The risk that a batch with more than that passes, in thousandths, 1 to 500.
    #[serde(default = "five_per_cent")]
    pub risk_permille: u16,
}

const fn five_per_cent() -> u16 {
    50
}

impl Sampling {
    /// Checks the ranges.
    ///
    /// # Errors
    /// `Invalid`, with the field.
    pub fn validate(&self) -> Result<()> {
        if self.tolerated_permille > 999 {
            return Err(Error::field(
                "tolerated_permille",
                "use 0 to 999 of a thousand",
            ));
        }
        if !(1..=500).contains(&self.risk_permille) {
            return Err(Error::field("risk_permille", "use 1 to 500 thousandths"));
        }
        Ok(())
    }

    /// How many of `batch` messages have to be read: 1 to `batch`.
    ///
    /// # Errors
    /// As [`validate`](Self::validate); `Invalid` for an empty batch and one of more than [`BATCH`].
    pub fn size(&self, batch: u32) -> Result<u32> {
        self.validate()?;
        if !(1..=BATCH).contains(&batch) {
            return Err(Error::field("batch", "use 1 to 10,000,000 messages"));
        }
        let tolerated = u64::from(batch) * u64::from(self.tolerated_permille) / 1_000;
        // The best of the batches that must not pass.
        let defects = u32::try_from(tolerated + 1).unwrap_or(batch).min(batch);
        let risk = f64::from(self.risk_permille) / 1_000.0;
        // Reading all but the defects and one more finds one for certain.
        let (mut too_few, mut enough) = (0, batch - defects + 1);
        while enough - too_few > 1 {
            let size = too_few + (enough - too_few) / 2;
            if passes(batch, defects, size, risk) {
                too_few = size;
            } else {
                enough = size;
            }
        }
        Ok(enough)
    }
}

/// Whether `size` of `batch` messages, `defects` of them bad, are all good with a probability over `risk`.
fn passes(batch: u32, defects: u32, size: u32, risk: f64) -> bool {
    // Among `size` none of `defects` is the same as among `defects` none of `size`: the shorter product is taken.
    // It has at most some 12,000 factors, so rounding stays far below the tolerance, which is there for equality.
    let (few, many) = (defects.min(size), defects.max(size));
    let mut probability = 1.0;
    for drawn in 0..few {
        let left = batch - drawn;
        probability *= f64::from(left.saturating_sub(many)) / f64::from(left);
        if probability <= risk * (1.0 + 1e-11) {
            return false;
        }
    }
    true
}

/// The `size` messages of `ids` that are read, in the order in which they are; fewer when there are fewer.
///
/// Each set of that size is as likely as any other one to whoever does not know `seed`. So a seed is drawn at random
/// when the batch is put together, stored with it before anybody reads, and never drawn again for the same
/// `manifest`: else one could draw until the sample pleases. The same seed, manifest and ids give the same sample, in
/// whatever order the ids come. It holds `size` ids in memory, however many there are.
#[must_use]
pub fn choose(
    seed: &[u8],
    manifest: &Digest,
    ids: impl IntoIterator<Item = MessageId>,
    size: u32,
) -> Vec<MessageId> {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let mut smallest = BTreeSet::new();
    for id in ids {
        let mut encoder = Encoder::new("crm/sample/v1");
        encoder
            .bytes(seed)
            .bytes(&manifest.0)
            .bytes(id.0.as_bytes());
        smallest.insert((encoder.finish(), id));
        if smallest.len() > size {
            smallest.pop_last();
        }
    }
    smallest.into_iter().map(|(_, id)| id).collect()
}

/// What somebody found in one message that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Defect {
    /// Nothing.
    None,
    /// Something that may stay, or that was put right in that message alone.
    Minor,
    /// Something that must not leave.
    Severe,
}

/// What becomes of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// So many messages of the sample are still to be read.
    Open(usize),
    /// All of the sample was read and nothing severe found: the batch may be approved.
    Passed,
    /// Something severe was found: no message of the batch may be approved with it.
    SentBack,
}

/// The verdict on a batch from what was found so far. A severe defect counts wherever it was found, in the sample or
/// not. A message that was read twice counts with the worse finding. A batch without a sample stays open.
#[must_use]
pub fn verdict(sample: &[MessageId], found: &[(MessageId, Defect)]) -> Verdict {
    if found.iter().any(|(_, defect)| *defect == Defect::Severe) {
        return Verdict::SentBack;
    }
    let read: BTreeSet<MessageId> = found.iter().map(|(id, _)| *id).collect();
    let left = sample.iter().filter(|id| !read.contains(id)).count();
    if left == 0 && !sample.is_empty() {
        Verdict::Passed
    } else {
        Verdict::Open(left)
    }
}

#[cfg(test)]
mod tests;

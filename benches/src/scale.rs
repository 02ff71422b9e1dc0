//! How much data a run has.

use clap::ValueEnum;

/// A named size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scale {
    /// Seconds; shows that everything works, says nothing about speed.
    Smoke,
    /// 10,000.
    #[value(name = "10k")]
    TenThousand,
    /// 100,000.
    #[value(name = "100k")]
    HundredThousand,
    /// 1,000,000.
    #[value(name = "1m")]
    Million,
    /// 10,000,000: hours and tens of gigabytes.
    #[value(name = "10m")]
    TenMillion,
}

impl Scale {
    /// Contacts of a campaign (T1), messages in the lists (T7, T8).
    #[must_use]
    pub const fn rows(self) -> usize {
        match self {
            Self::Smoke => 1_000,
            Self::TenThousand => 10_000,
            Self::HundredThousand => 100_000,
            Self::Million => 1_000_000,
            Self::TenMillion => 10_000_000,
        }
    }

    /// Messages to deliver (T2): 200,000 from a million on.
    #[must_use]
    pub fn deliveries(self) -> usize {
        self.rows().min(200_000)
    }

    /// Mails to deliver (T3, T4): 200,000 from a million on, and tens at the scale `smoke`.
    #[must_use]
    pub fn mails(self) -> usize {
        match self {
            Self::Smoke => 50,
            _ => self.deliveries(),
        }
    }

    /// Messages to draft (T11): 10,000 from there on, and hundreds at the scale `smoke`.
    #[must_use]
    pub const fn drafts(self) -> usize {
        match self {
            Self::Smoke => 300,
            _ => 10_000,
        }
    }

    /// Messages to approve (T6): 100,000 from there on.
    #[must_use]
    pub fn approvals(self) -> usize {
        self.rows().min(100_000)
    }
}

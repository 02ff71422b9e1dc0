//! Ramazon hayiti and Qurbon hayiti: their first days, which are public holidays of Uzbekistan.
//!
//! The days follow the moon. The Muslim Board of Uzbekistan names each of them some days before, and a
//! resolution of the President makes it the public holiday. What was announced when this was written is marked so.
//! The rest is computed by the tabular (arithmetical, "civil") Islamic calendar, in which the feasts are 1 Shawwal
//! and 10 Dhu al-Hijja. **An announcement may differ from it by a day**: of the five announced days two are the
//! tabular ones and three came a day earlier. A workspace that wants to be safe lists the day before, too.
//!
//! Announced: resolutions of the President of 8 April 2024 (10 April 2024), of June 2024 (16 June 2024), of March
//! 2025 (30 March 2025), of May 2025 (6 June 2025), and No. PQ-106 of 17 March 2026 (20 March 2026).

use chrono::NaiveDate;

/// A feast that moves through the year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Feast {
    /// Ramazon hayiti (Eid al-Fitr), 1 Shawwal.
    RamazonHayiti,
    /// Qurbon hayiti (Eid al-Adha), 10 Dhu al-Hijja.
    QurbonHayiti,
}

/// The first day of a feast in one year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MovingDay {
    year: i32,
    month: u32,
    day: u32,
    /// Which feast.
    pub feast: Feast,
    /// Whether the day was announced; else it is computed and may be off by a day.
    pub announced: bool,
}

impl MovingDay {
    /// The day.
    #[must_use]
    pub fn date(&self) -> NaiveDate {
        NaiveDate::from_ymd_opt(self.year, self.month, self.day).unwrap_or(NaiveDate::MIN)
    }
}

const fn announced(year: i32, month: u32, day: u32, feast: Feast) -> MovingDay {
    MovingDay {
        year,
        month,
        day,
        feast,
        announced: true,
    }
}

const fn computed(year: i32, month: u32, day: u32, feast: Feast) -> MovingDay {
    MovingDay {
        announced: false,
        ..announced(year, month, day, feast)
    }
}

use Feast::{QurbonHayiti, RamazonHayiti};

/// The first days of both feasts in the years 2024 to 2035, in order. In 2033 Ramazon hayiti comes twice.
pub const MOVING: &[MovingDay] = &[
    announced(2024, 4, 10, RamazonHayiti),
    announced(2024, 6, 16, QurbonHayiti),
    announced(2025, 3, 30, RamazonHayiti),
    announced(2025, 6, 6, QurbonHayiti),
    announced(2026, 3, 20, RamazonHayiti),
    computed(2026, 5, 27, QurbonHayiti),
    computed(2027, 3, 10, RamazonHayiti),
    computed(2027, 5, 17, QurbonHayiti),
    computed(2028, 2, 27, RamazonHayiti),
    computed(2028, 5, 5, QurbonHayiti),
    computed(2029, 2, 15, RamazonHayiti),
    computed(2029, 4, 24, QurbonHayiti),
    computed(2030, 2, 5, RamazonHayiti),
    computed(2030, 4, 14, QurbonHayiti),
    computed(2031, 1, 25, RamazonHayiti),
    computed(2031, 4, 3, QurbonHayiti),
    computed(2032, 1, 14, RamazonHayiti),
    computed(2032, 3, 22, QurbonHayiti),
    computed(2033, 1, 3, RamazonHayiti),
    computed(2033, 3, 12, QurbonHayiti),
    computed(2033, 12, 23, RamazonHayiti),
    computed(2034, 3, 1, QurbonHayiti),
    computed(2034, 12, 12, RamazonHayiti),
    computed(2035, 2, 18, QurbonHayiti),
    computed(2035, 12, 2, RamazonHayiti),
];

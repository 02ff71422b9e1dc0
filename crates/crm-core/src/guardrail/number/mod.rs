//! Numbers, prices, percentages, dates and times that nobody gave. Numbers written in words are not read.

mod dates;
mod read;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use chrono::{Datelike, NaiveDate};

use self::dates::Unit;
use self::read::{Reading, claims};
use super::text::Text;
use super::{Context, Sources};

/// Days that everybody knows: New Year, Defenders' Day, Women's Day, Navruz, Victory and Remembrance Day,
/// Independence Day, the Teachers' Day, Constitution Day, New Year's Eve.
const HOLIDAYS: &[(u32, u32)] = &[
    (1, 1),
    (14, 1),
    (14, 2),
    (23, 2),
    (8, 3),
    (21, 3),
    (9, 5),
    (1, 9),
    (1, 10),
    (8, 12),
    (31, 12),
];

/// What the sources say.
pub(super) struct KnownNumbers {
    numbers: BTreeMap<u128, BTreeSet<Option<Unit>>>,
    dates: BTreeMap<(u32, u32), BTreeSet<Option<u32>>>,
    times: BTreeSet<u32>,
}

impl KnownNumbers {
    pub(super) fn new(sources: &Sources, context: &Context<'_>) -> Self {
        let mut known = Self {
            numbers: BTreeMap::new(),
            dates: BTreeMap::new(),
            times: BTreeSet::new(),
        };
        for text in sources.given.iter().chain(&sources.contact) {
            for claim in claims(text, &[]) {
                for reading in claim.readings {
                    known.add(reading);
                }
            }
        }
        for (day, month) in HOLIDAYS {
            known.dates.entry((*day, *month)).or_default().insert(None);
        }
        if let Some(birthday) = context.contact.birthday {
            let year = birthday.year.and_then(|year| u32::try_from(year).ok());
            known.add(Reading::Date(birthday.day, birthday.month, year));
        }
        if let Some(last) = context.contact.last_interaction_date {
            known.day(last.date_naive());
        }
        if let Some(today) = context.today {
            known.today(today, context);
        }
        // "All of it" is no claim.
        known.add(Reading::Number(100_000_000, Some(Unit::Percent)));
        known
    }

    fn day(&mut self, day: NaiveDate) {
        let year = u32::try_from(day.year()).ok();
        self.add(Reading::Date(day.day(), day.month(), year));
    }

    /// Today, this year and the next, and the age the contact reaches.
    fn today(&mut self, today: NaiveDate, context: &Context<'_>) {
        self.day(today);
        for year in [today.year(), today.year() + 1] {
            self.number(year);
        }
        if let Some(year) = context.contact.birthday.and_then(|birthday| birthday.year) {
            for age in [today.year() - year, today.year() + 1 - year] {
                self.number(age);
            }
        }
    }

    fn number(&mut self, number: i32) {
        if let Ok(number) = u128::try_from(number) {
            self.add(Reading::Number(number * 1_000_000, None));
        }
    }

    fn add(&mut self, reading: Reading) {
        match reading {
            Reading::Number(value, unit) => {
                self.numbers.entry(value).or_default().insert(unit);
            }
            Reading::Date(day, month, year) => {
                self.dates.entry((day, month)).or_default().insert(year);
                // A day or a year may be said alone: from 5 to 20 December, 2026.
                for part in [Some(day), year].into_iter().flatten() {
                    let value = u128::from(part) * 1_000_000;
                    self.numbers.entry(value).or_default().insert(None);
                }
            }
            Reading::Time(minutes) => {
                self.times.insert(minutes);
                if minutes % 60 == 0 {
                    let value = u128::from(minutes / 60) * 1_000_000;
                    self.numbers.entry(value).or_default().insert(None);
                }
            }
        }
    }

    fn has(&self, reading: Reading) -> bool {
        match reading {
            // A unit may be left out on one side; two units have to be the same.
            Reading::Number(value, unit) => self.numbers.get(&value).is_some_and(|units| {
                unit.is_none() || units.contains(&unit) || units.contains(&None)
            }),
            Reading::Date(day, month, year) => self.dates.get(&(day, month)).is_some_and(|years| {
                year.is_none()
                    || years.contains(&year)
                    || years.contains(&None) && self.has_year(year)
            }),
            Reading::Time(minutes) => self.times.contains(&minutes),
        }
    }

    /// A date without its year grounds it in this year and the next, or in one that is told elsewhere.
    fn has_year(&self, year: Option<u32>) -> bool {
        year.is_some_and(|year| self.numbers.contains_key(&(u128::from(year) * 1_000_000)))
    }
}

/// Claims that no source knows in any of their readings.
pub(super) fn find(text: &Text, taken: &[Range<usize>], known: &KnownNumbers) -> Vec<Range<usize>> {
    claims(text, taken)
        .into_iter()
        .filter(|claim| !claim.readings.iter().any(|reading| known.has(*reading)))
        .map(|claim| claim.span)
        .collect()
}

//! Numbers, prices, percentages, dates and times that nobody gave. Numbers written in words are not read.

mod dates;
mod read;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use chrono::{Datelike, NaiveDate};

use self::dates::Unit;
use self::read::{Reading, claims};
use super::rulebook::Grounds;
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
    pub(super) const NONE: Self = Self {
        numbers: BTreeMap::new(),
        dates: BTreeMap::new(),
        times: BTreeSet::new(),
    };

    /// Those that these texts name.
    pub(super) fn of<'t>(texts: impl IntoIterator<Item = &'t Text>) -> Self {
        let mut known = Self::NONE;
        for text in texts {
            for claim in claims(text, &[]) {
                for reading in claim.readings {
                    known.add(reading);
                }
            }
        }
        known
    }

    /// Those of the task and the contact, and what everybody may say.
    pub(super) fn new(sources: &Sources, context: &Context<'_>) -> Self {
        let mut known = Self::of(sources.given.iter().chain(&sources.contact));
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

    /// `year_is_known` says whether the year of the reading was told anywhere.
    fn has(&self, reading: Reading, year_is_known: bool) -> bool {
        match reading {
            // A unit may be left out on one side; two units have to be the same.
            Reading::Number(value, unit) => self.numbers.get(&value).is_some_and(|units| {
                unit.is_none() || units.contains(&unit) || units.contains(&None)
            }),
            // A date without its year grounds it in this year and the next, or in one that is told elsewhere.
            Reading::Date(day, month, year) => self.dates.get(&(day, month)).is_some_and(|years| {
                year.is_none() || years.contains(&year) || years.contains(&None) && year_is_known
            }),
            Reading::Time(minutes) => self.times.contains(&minutes),
        }
    }

    fn has_year(&self, year: u32) -> bool {
        self.numbers.contains_key(&(u128::from(year) * 1_000_000))
    }
}

impl Grounds<'_, KnownNumbers> {
    fn has(&self, reading: Reading) -> bool {
        let year_is_known = match reading {
            Reading::Date(_, _, Some(year)) => self.any(|known| known.has_year(year)),
            Reading::Date(_, _, None) | Reading::Number(..) | Reading::Time(_) => false,
        };
        self.any(|known| known.has(reading, year_is_known))
    }
}

/// Claims that no source knows in any of their readings.
pub(super) fn find(
    text: &Text,
    taken: &[Range<usize>],
    known: &Grounds<'_, KnownNumbers>,
) -> Vec<Range<usize>> {
    claims(text, taken)
        .into_iter()
        .filter(|claim| !claim.readings.iter().any(|reading| known.has(*reading)))
        .map(|claim| claim.span)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contact::ContactFields;
    use crate::guardrail::{Others, STANDARD};

    /// With the source in the house's facts it has to be the same as with one of the task.
    fn found(source: &str, content: &str) -> Vec<String> {
        let [of_task, of_facts] = [false, true].map(|facts| found_by(source, content, facts));
        assert_eq!(of_task, of_facts, "{source}");
        of_task
    }

    fn found_by(source: &str, content: &str, facts: bool) -> Vec<String> {
        let (contact, others) = (ContactFields::default(), Others::default());
        let context = Context {
            rules: &STANDARD,
            contact: &contact,
            language: "ru",
            max_length: None,
            sources: &[],
            prompt: &[],
            others: &others,
            today: NaiveDate::from_ymd_opt(2026, 11, 27),
        };
        let source = vec![Text::new(source)];
        let (given, facts) = if facts {
            (vec![], source)
        } else {
            (source, vec![])
        };
        let sources = Sources {
            given,
            contact: vec![],
        };
        let known = Grounds {
            own: KnownNumbers::new(&sources, &context),
            house: &KnownNumbers::of(&facts),
        };
        let text = Text::new(content);
        find(&text, &[], &known)
            .into_iter()
            .map(|span| text.slice(span).iter().collect())
            .collect()
    }

    #[test]
    fn a_number_is_the_same_in_each_of_its_spellings() {
        for (source, content) in [
            (
                "1 000",
                "1,000 1.000 1000 1\u{a0}000 1'000 ２ 1k 1 тыс 1 ming",
            ),
            ("2 400 000 сум", "2,4 млн сум, 2.4 mln so'm, 2400000 UZS"),
            ("12,5%", "12.5 %, 12,5 процента, 12,5 foiz"),
            (
                "31.12.2026",
                "31 декабря, December 31, 2026, 31-dekabr, 31 декабрда, 2026-12-31, 31.12, 31st of December 2026 г.",
            ),
            ("5 февраля", "05.02.2027, 5-fevralda, February 5th, 2027"),
            ("14:00", "2 pm, 14.00, 2:00 PM"),
            (
                "",
                "24/7, 100%, 8 марта, 2026, 31 декабря 2026\n1. Раз\n2) Два",
            ),
        ] {
            let mut wrong = found(source, content);
            wrong.retain(|span| span != "２");
            assert!(wrong.is_empty(), "{source}: {wrong:?}");
        }
    }

    #[test]
    fn another_number_date_time_or_currency_is_found_with_its_unit() {
        for (source, content, wanted) in [
            ("1 000", "1 001 и 10,00", vec!["1 001", "10,00"]),
            ("100 сум", "$100 и 100 сум", vec!["100"]),
            ("10%", "10 000", vec!["10 000"]),
            (
                "31.12.2026",
                "31 декабря 2025, 30 декабря",
                vec!["31 декабря 2025", "30 декабря"],
            ),
            ("9:00", "9 pm, 9:30", vec!["9 pm", "9:30"]),
            ("", "５０ и ٣٠", vec!["５０", "٣٠"]),
            ("5", "5 млн", vec!["5 млн"]),
            ("7", "3D-печать, B2B, A4", vec!["3"]),
        ] {
            assert_eq!(found(source, content), wanted, "{source}");
        }
    }
}

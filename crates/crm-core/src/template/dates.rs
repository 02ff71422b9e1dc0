//! Dates as each language writes them, in forms that no preposition or ending has to be fitted to.

use chrono::{DateTime, Datelike as _, NaiveDate};
use chrono_tz::Tz;

use super::tongue::Tongue;
use crate::contact::Birthday;
use crate::zone;

/// How much of a date is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Day, month as a word, year.
    Long,
    /// Day, month and year as short as they are clear.
    Short,
    /// Day and month as a word.
    Day,
}

impl Style {
    /// The style of that name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        match name {
            "long" => Some(Self::Long),
            "short" => Some(Self::Short),
            "day" => Some(Self::Day),
            _ => None,
        }
    }
}

/// A date out of a field: `YYYY-MM-DD`, `--MM-DD`, or an instant (RFC 3339), which falls on the date it has in `zone`,
/// else at its own offset.
pub(super) fn read(text: &str, zone: Option<Tz>) -> Option<Birthday> {
    let text = text.trim();
    if text.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
        return Birthday::parse(text);
    }
    let at = DateTime::parse_from_rfc3339(text).ok()?;
    let date = zone.map_or_else(
        || at.date_naive(),
        |zone| zone::date(at.with_timezone(&chrono::Utc), zone),
    );
    Some(Birthday {
        year: Some(date.year()),
        month: date.month(),
        day: date.day(),
    })
}

/// The date in the language; figures with dots in a language this crate does not write. `None` when the style shows the
/// year and there is none.
pub(super) fn write(date: Birthday, style: Style, language: &str) -> Option<String> {
    if style == Style::Day {
        return Some(day_and_month(date, language));
    }
    let (year, day) = (date.year?, date.day);
    let figures = || format!("{day:02}.{:02}.{year:04}", date.month);
    let Some(tongue) = Tongue::of(language) else {
        return Some(figures());
    };
    Some(match (style, tongue) {
        (Style::Short, Tongue::En) => {
            let month: String = month(date, tongue).chars().take(3).collect();
            format!("{day} {month} {year}")
        }
        (Style::Short, _) => figures(),
        (_, Tongue::En) => format!("{day} {} {year}", month(date, tongue)),
        (_, Tongue::Ru) => format!("{day} {} {year} года", month(date, tongue)),
        (_, Tongue::Uz) => format!("{year}-yil {day}-{}", month(date, tongue)),
        (_, Tongue::UzCyrl) => format!("{year} йил {day} {}", month(date, tongue)),
    })
}

/// Day and month as the language writes them; `DD.MM` in others.
#[must_use]
pub fn day_and_month(date: Birthday, language: &str) -> String {
    match Tongue::of(language) {
        None => format!("{:02}.{:02}", date.day, date.month),
        Some(Tongue::Uz) => format!("{}-{}", date.day, month(date, Tongue::Uz)),
        Some(tongue) => format!("{} {}", date.day, month(date, tongue)),
    }
}

/// The month's name as it stands behind a day.
fn month(date: Birthday, tongue: Tongue) -> &'static str {
    let names = match tongue {
        Tongue::Ru => {
            "января февраля марта апреля мая июня июля августа сентября октября ноября декабря"
        }
        Tongue::En => {
            "January February March April May June July August September October November December"
        }
        Tongue::Uz => "yanvar fevral mart aprel may iyun iyul avgust sentabr oktabr noyabr dekabr",
        Tongue::UzCyrl => {
            "январь февраль март апрель май июнь июль август сентябрь октябрь ноябрь декабрь"
        }
    };
    let index = usize::try_from(date.month)
        .unwrap_or_default()
        .wrapping_sub(1);
    names.split(' ').nth(index).unwrap_or_default()
}

/// The date of the birthday in that year: 29 February falls on the 28th where there is none.
fn in_year(birthday: Birthday, year: i32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(year, birthday.month, birthday.day)
        .or_else(|| NaiveDate::from_ymd_opt(year, birthday.month, birthday.day.checked_sub(1)?))
}

/// Full years on that day; `None` when the year of birth is not known or lies ahead.
pub(super) fn age(birthday: Birthday, day: NaiveDate) -> Option<i32> {
    let years = day.year() - birthday.year?;
    let had = in_year(birthday, day.year())? <= day;
    Some(if had { years } else { years - 1 }).filter(|years| *years >= 0)
}

/// The years reached at the next birthday, that day's included.
pub(super) fn turns(birthday: Birthday, day: NaiveDate) -> Option<i32> {
    let years = day.year() - birthday.year?;
    let ahead = in_year(birthday, day.year())? >= day;
    Some(if ahead { years } else { years + 1 }).filter(|years| *years >= 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAGS: [&str; 5] = ["ru", "en-GB", "uz", "uz-Cyrl", "de"];

    fn shown(text: &str, style: Style) -> [Option<String>; 5] {
        let date = read(text, None).unwrap();
        TAGS.map(|tag| write(date, style, tag))
    }

    #[test]
    fn dates_follow_the_language() {
        let some = |texts: [&str; 5]| texts.map(|text| Some(text.to_owned()));
        let long = [
            "5 декабря 2026 года",
            "5 December 2026",
            "2026-yil 5-dekabr",
            "2026 йил 5 декабрь",
            "05.12.2026",
        ];
        let short = [
            "05.12.2026",
            "5 Dec 2026",
            "05.12.2026",
            "05.12.2026",
            "05.12.2026",
        ];
        let day = ["5 декабря", "5 December", "5-dekabr", "5 декабрь", "05.12"];
        assert_eq!(shown("2026-12-05", Style::Long), some(long));
        assert_eq!(shown("2026-12-05", Style::Short), some(short));
        assert_eq!(shown(" 2026-12-05 ", Style::Day), some(day));
        assert_eq!(shown("--12-05", Style::Day), some(day));
        assert_eq!(shown("--12-05", Style::Long), [const { None }; 5]);
    }

    #[test]
    fn every_month_has_a_name_in_every_language() {
        let mut seen = std::collections::BTreeSet::new();
        for number in 1..=12 {
            for tag in &TAGS[..4] {
                let date = read(&format!("2026-{number:02}-01"), None).unwrap();
                let text = write(date, Style::Day, tag).unwrap();
                assert!(text.chars().filter(|c| c.is_alphabetic()).count() >= 3);
                assert!(seen.insert((*tag, text)));
            }
        }
    }

    #[test]
    fn an_instant_falls_on_a_date_where_the_contact_lives() {
        let day = |text: &str, zone| read(text, zone).map(|date| date.to_string());
        let late = "2026-12-05T22:30:00Z";
        assert_eq!(day(late, None).as_deref(), Some("2026-12-05"));
        let tashkent = Some(chrono_tz::Asia::Tashkent);
        assert_eq!(day(late, tashkent).as_deref(), Some("2026-12-06"));
        for odd in [
            "",
            "soon",
            "2026-13-01",
            "2026-02-30",
            "05.12.2026",
            "2026-12",
            "20261205",
            "2026-+1-05",
            "2026-12-05T25:00:00Z",
            "+999999-01-01",
            "-",
            "٢٠٢٦-١٢-٠٥",
        ] {
            assert_eq!(day(odd, None), None, "{odd}");
        }
    }

    #[test]
    fn years_are_counted_from_birthday_to_birthday() {
        let count = |birthday: &str, day: &str| {
            let birthday = Birthday::parse(birthday).unwrap();
            let day = day.parse().unwrap();
            (age(birthday, day), turns(birthday, day))
        };
        assert_eq!(count("1990-03-08", "2026-03-07"), (Some(35), Some(36)));
        assert_eq!(count("1990-03-08", "2026-03-08"), (Some(36), Some(36)));
        assert_eq!(count("1990-03-08", "2026-03-09"), (Some(36), Some(37)));
        assert_eq!(count("2000-02-29", "2026-02-28"), (Some(26), Some(26)));
        assert_eq!(count("2000-02-29", "2028-02-28"), (Some(27), Some(28)));
        assert_eq!(count("--03-08", "2026-03-08"), (None, None));
        assert_eq!(count("2026-03-08", "2026-03-08"), (Some(0), None));
        assert_eq!(count("2030-03-08", "2026-03-08"), (None, None));
    }
}

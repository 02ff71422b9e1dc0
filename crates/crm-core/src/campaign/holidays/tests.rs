use chrono::Duration;
use proptest::prelude::*;

use super::*;

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn calendar(json: &str) -> Calendar {
    let calendar: Calendar = serde_json::from_str(json).unwrap();
    calendar.validate().unwrap();
    calendar
}

/// The tabular Islamic calendar with leap years 2, 5, 7, 10, 13, 16, 18, 21, 24, 26 and 29 of thirty, from
/// 16 July 622 of the Julian calendar on. Counted month by month, so that it shares no formula with anybody.
fn tabular(year: i32, month: u32, day: u32) -> NaiveDate {
    let leap = |year: i32| [2, 5, 7, 10, 13, 16, 18, 21, 24, 26, 29].contains(&year.rem_euclid(30));
    let years: i64 = (1..year)
        .map(|year| if leap(year) { 355 } else { 354 })
        .sum();
    let months: i64 = (1..month)
        .map(|month| if month % 2 == 1 { 30 } else { 29 })
        .sum();
    date("0622-07-19") + Duration::days(years + months + i64::from(day) - 1)
}

#[test]
fn moving_days_are_the_tabular_ones_or_announced_within_a_day_of_them() {
    assert_eq!(tabular(1445, 1, 1), date("2023-07-19"));
    let mut days = Vec::new();
    for year in 1440..1470 {
        days.push((Feast::RamazonHayiti, tabular(year, 10, 1)));
        days.push((Feast::QurbonHayiti, tabular(year, 12, 10)));
    }
    let (first, last) = BuiltIn::Uz.reach().unwrap();
    assert_eq!((first, last), (2024, 2035));
    // Whole years: nothing is missing between the first and the last, nothing is there twice.
    days.retain(|(_, day)| (first..=last).contains(&day.year()));
    assert_eq!(days.len(), MOVING.len());
    let mut off = Vec::new();
    for ((feast, tabular), day) in days.into_iter().zip(MOVING) {
        assert_eq!(day.feast, feast);
        let days = (day.date() - tabular).num_days();
        if day.announced {
            off.push(days);
        } else {
            assert_eq!(days, 0, "{tabular}");
        }
    }
    assert_eq!(off, [0, -1, -1, -1, 0]);
}

#[test]
fn years_of_both_countries_have_their_holidays_and_no_more() {
    let count = |calendar: BuiltIn, year: i32| {
        let days = NaiveDate::from_ymd_opt(year, 1, 1).unwrap().iter_days();
        days.take_while(|day| day.year() == year)
            .filter(|day| calendar.is_holiday(*day))
            .count()
    };
    assert_eq!(count(BuiltIn::Ru, 2026), 14);
    assert_eq!(count(BuiltIn::Uz, 2026), 9);
    assert_eq!(count(BuiltIn::Uz, 2033), 10);
    for (calendar, day, holiday) in [
        (BuiltIn::Uz, "2027-03-21", true),
        (BuiltIn::Uz, "2027-03-20", false),
        (BuiltIn::Uz, "2024-06-16", true),
        (BuiltIn::Uz, "2024-06-17", false),
        (BuiltIn::Uz, "2026-03-20", true),
        (BuiltIn::Uz, "2026-12-08", true),
        (BuiltIn::Uz, "2026-05-01", false),
        (BuiltIn::Ru, "2030-01-08", true),
        (BuiltIn::Ru, "2030-01-09", false),
        (BuiltIn::Ru, "2026-11-04", true),
        (BuiltIn::Ru, "2026-11-07", false),
        (BuiltIn::Ru, "2026-03-20", false),
    ] {
        assert_eq!(
            calendar.is_holiday(date(day)),
            holiday,
            "{calendar:?} {day}"
        );
    }
}

#[test]
fn a_workspace_adds_days_and_works_on_others() {
    let own = calendar(
        r#"{"name":"Тошкент office","based_on":"uz","days":["2026-03-23","--07-15","2028-03-08"],
            "worked":["--03-08","2026-12-08","2027-07-15"]}"#,
    );
    for (day, holiday) in [
        ("2026-03-23", true),  // added
        ("2027-03-23", false), // for that year alone
        ("2026-07-15", true),  // every year
        ("2027-07-15", false), // but this one
        ("2026-03-08", false), // worked every year
        ("2028-03-08", true),  // but this one
        ("2026-12-08", false), // worked once
        ("2027-12-08", true),
        ("2026-03-21", true), // of the calendar it is based on
    ] {
        assert_eq!(own.is_holiday(date(day)), holiday, "{day}");
    }
    let leap = calendar(r#"{"name":"leap","days":["--02-29"]}"#);
    assert!(leap.is_holiday(date("2028-02-29")));
    assert!(!leap.is_holiday(date("2027-02-28")) && !leap.is_holiday(date("2027-03-01")));
}

#[test]
fn years_that_are_not_known_are_refused_loudly() {
    let own = [
        calendar(r#"{"name":"based","based_on":"uz"}"#),
        calendar(r#"{"name":"free","days":["2040-01-01"]}"#),
    ];
    let names =
        |names: &[&str]| -> Vec<String> { names.iter().map(|name| (*name).to_owned()).collect() };
    for (kept, reach) in [
        (names(&["uz"]), Some((2024, 2035))),
        (names(&["ru", "based"]), Some((2024, 2035))),
        (names(&["ru", "free"]), None),
        (names(&[]), None),
    ] {
        let holidays = Holidays::of(&kept, &own).unwrap();
        assert_eq!(holidays.reach(), reach);
        for (day, known) in [
            ("2023-12-31", false),
            ("2024-01-01", true),
            ("2035-12-31", true),
            ("2036-01-01", false),
        ] {
            let checked = holidays.check(date(day));
            assert_eq!(checked.is_ok(), known || reach.is_none(), "{kept:?} {day}");
            if let Err(error) = checked {
                assert!(error.detail().contains("2024 to 2035"));
            }
        }
    }
    assert!(Holidays::of(&names(&["de"]), &own).is_err());
    let both = names(&["ru", "free"]);
    let both = Holidays::of(&both, &own).unwrap();
    assert!(both.is_holiday(date("2040-01-01")) && both.is_holiday(date("2040-11-04")));
    assert!(!both.is_holiday(date("2040-11-05")));
}

#[test]
fn nonsense_is_refused() {
    for text in [
        "2027-02-29",
        "2027-13-01",
        "27-01-01",
        "2027-1-01",
        "0000-01-01",
        "--02-30",
        "--13-01",
        "---1-01",
        "",
        "--",
        "2027-01-01T00:00",
        "2027/01/01",
        "+2027-01-1",
        "--3-8",
    ] {
        assert!(CalendarDay::parse(text).is_err(), "{text}");
    }
    for json in [
        r#"{"name":"uz"}"#,
        r#"{"name":""}"#,
        r#"{"name":" a"}"#,
        r#"{"name":"a\u0007b"}"#,
        r#"{"name":"a","days":["--03-08"],"worked":["--03-08"]}"#,
        r#"{"name":"a","based_on":"de"}"#,
        r#"{"name":"a","removed":[]}"#,
        r#"{"days":[]}"#,
    ] {
        let read: Result<Calendar, _> = serde_json::from_str(json);
        assert!(
            read.map_or(true, |calendar| calendar.validate().is_err()),
            "{json}"
        );
    }
    let mut long = calendar(r#"{"name":"a"}"#);
    long.name = "ў".repeat(50);
    assert!(long.validate().is_ok());
    long.name.push('ў');
    assert!(long.validate().is_err());
    let mut many = calendar(r#"{"name":"a"}"#);
    many.days = date("2026-01-01")
        .iter_days()
        .take(DAYS + 1)
        .map(CalendarDay::On)
        .collect();
    assert!(many.validate().is_err());
    many.days.pop();
    assert!(many.validate().is_ok());
}

proptest! {
    #[test]
    fn days_are_read_back_and_mean_themselves(days in 0_i64..3_650_000, yearly: bool) {
        let date = date("0001-01-01") + Duration::days(days);
        let day = match yearly {
            true => CalendarDay::Yearly { month: date.month(), day: date.day() },
            false => CalendarDay::On(date),
        };
        prop_assume!(date.year() <= 9_999);
        prop_assert_eq!(CalendarDay::parse(&day.to_string()).unwrap(), day);
        let calendar = Calendar { name: "a".to_owned(), based_on: None, days: vec![day], worked: Vec::new() };
        prop_assert!(calendar.is_holiday(date));
        prop_assert!(!calendar.is_holiday(date + Duration::days(1)));
        let text = serde_json::to_string(&calendar).unwrap();
        prop_assert_eq!(serde_json::from_str::<Calendar>(&text).unwrap(), calendar);
    }
}

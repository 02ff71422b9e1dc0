use chrono::Duration;
use proptest::prelude::*;

use super::*;

mod rfc5545;

fn rule(text: &str) -> Rule {
    Rule::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn new_york() -> Tz {
    zone::parse("America/New_York").unwrap()
}

fn wall(text: &str) -> NaiveDateTime {
    text.parse().unwrap()
}

/// The first `most` occurrences.
fn occurrences(rule: &Rule, start: NaiveDateTime, zone: Tz, most: usize) -> Vec<DateTime<Utc>> {
    let before = zone::instant(start, zone) - Duration::seconds(1);
    let mut found: Vec<DateTime<Utc>> = Vec::new();
    while found.len() < most {
        let after = found.last().copied().unwrap_or(before);
        match next(rule, start, zone, after).unwrap() {
            Some(at) => found.push(at),
            None => break,
        }
    }
    found
}

/// Starts as the examples of RFC 5545 do, at nine in New York.
fn dates(text: &str, start: &str, most: usize) -> Vec<String> {
    let start = wall(&format!("{start}T09:00:00"));
    let found = occurrences(&rule(text), start, new_york(), most);
    let shown = found.iter().map(|at| {
        let local = zone::local(*at, new_york());
        assert_eq!(local.time(), start.time(), "{text}");
        local.date().to_string()
    });
    shown.collect()
}

#[test]
fn what_a_month_has_not_is_left_out_and_an_end_belongs_to_it() {
    for (text, start, expected) in [
        (
            "FREQ=MONTHLY;COUNT=4",
            "2026-10-31",
            &["2026-10-31", "2026-12-31", "2027-01-31", "2027-03-31"][..],
        ),
        (
            "FREQ=YEARLY;COUNT=3",
            "2024-02-29",
            &["2024-02-29", "2028-02-29", "2032-02-29"],
        ),
        (
            "FREQ=YEARLY;BYDAY=-1SU;COUNT=2",
            "2026-01-01",
            &["2026-12-27", "2027-12-26"],
        ),
        (
            "FREQ=YEARLY;BYDAY=53MO;COUNT=2",
            "2026-01-01",
            &["2029-12-31", "2035-12-31"],
        ),
        (
            "FREQ=MONTHLY;BYDAY=5TH;COUNT=2",
            "2026-11-01",
            &["2026-12-31", "2027-04-29"],
        ),
        // Counted in the month when the rule names months.
        (
            "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH;COUNT=3",
            "1997-11-27",
            &["1997-11-27", "1998-11-26", "1999-11-25"],
        ),
        (
            "FREQ=YEARLY;BYMONTH=3,10;BYDAY=-1SU;COUNT=3",
            "2026-01-01",
            &["2026-03-29", "2026-10-25", "2027-03-28"],
        ),
        // The start is none when the rule does not say so, and is not counted.
        (
            "FREQ=WEEKLY;BYDAY=MO;COUNT=2",
            "2026-11-24",
            &["2026-11-30", "2026-12-07"],
        ),
        (
            "RRULE:freq=daily;until=20261126",
            "2026-11-25",
            &["2026-11-25", "2026-11-26"],
        ),
        (
            "FREQ=DAILY;UNTIL=20261126T140000Z",
            "2026-11-25",
            &["2026-11-25", "2026-11-26"],
        ),
        (
            "FREQ=DAILY;UNTIL=20261126T135959Z",
            "2026-11-25",
            &["2026-11-25"],
        ),
        ("FREQ=DAILY;UNTIL=20261101", "2026-11-25", &[]),
    ] {
        assert_eq!(dates(text, start, 9), expected, "{text}");
    }
}

#[test]
fn clocks_that_are_set_move_no_occurrence_to_another_day() {
    let at = |text: &str| -> DateTime<Utc> { text.parse().unwrap() };
    for (name, start, expected) in [
        // The gap: the first instant after it. The fold: the first of both.
        (
            "America/New_York",
            "2027-03-13T02:30:00",
            &[
                "2027-03-13T07:30:00Z",
                "2027-03-14T07:00:00Z",
                "2027-03-15T06:30:00Z",
            ],
        ),
        (
            "America/New_York",
            "2026-10-31T01:30:00",
            &[
                "2026-10-31T05:30:00Z",
                "2026-11-01T05:30:00Z",
                "2026-11-02T06:30:00Z",
            ],
        ),
        (
            "Australia/Lord_Howe",
            "2026-10-03T02:15:00",
            &[
                "2026-10-02T15:45:00Z",
                "2026-10-03T15:30:00Z",
                "2026-10-04T15:15:00Z",
            ],
        ),
        // Samoa had no 30 December 2011: that occurrence comes due with the 31st, and that one at its own hour.
        (
            "Pacific/Apia",
            "2011-12-29T09:00:00",
            &[
                "2011-12-29T19:00:00Z",
                "2011-12-30T10:00:00Z",
                "2011-12-30T19:00:00Z",
            ],
        ),
        (
            "Asia/Tashkent",
            "2026-11-24T09:00:00",
            &[
                "2026-11-24T04:00:00Z",
                "2026-11-25T04:00:00Z",
                "2026-11-26T04:00:00Z",
            ],
        ),
    ] {
        let found = occurrences(
            &rule("FREQ=DAILY"),
            wall(start),
            zone::parse(name).unwrap(),
            3,
        );
        assert_eq!(found, expected.map(at), "{name}");
    }
    // At midnight the skipped day of Samoa and the next one are the same instant, which comes once.
    let found = occurrences(
        &rule("FREQ=DAILY;COUNT=4"),
        wall("2011-12-29T00:00:00"),
        zone::parse("Pacific/Apia").unwrap(),
        9,
    );
    assert_eq!(
        found,
        [
            "2011-12-29T10:00:00Z",
            "2011-12-30T10:00:00Z",
            "2011-12-31T10:00:00Z"
        ]
        .map(at)
    );
}

#[test]
fn a_rule_that_never_comes_due_is_an_error_and_no_hang() {
    let (start, after) = (
        wall("2026-11-24T09:00:00"),
        "2026-11-24T00:00:00Z".parse().unwrap(),
    );
    for text in [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;INTERVAL=7;BYDAY=MO",
        "FREQ=MONTHLY;BYMONTHDAY=1;BYDAY=-1MO",
        "FREQ=MONTHLY;INTERVAL=12;BYMONTH=12",
        "FREQ=YEARLY;INTERVAL=1000;BYMONTH=2;BYMONTHDAY=29;COUNT=10000",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;UNTIL=99991231",
    ] {
        let found = next(&rule(text), start, new_york(), after);
        assert!(found.is_err(), "{text} {found:?}");
    }
    // Rare is not never, and an end that comes first is an end.
    assert!(
        next(
            &rule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO"),
            start,
            new_york(),
            after
        )
        .unwrap()
        .is_some()
    );
    assert_eq!(
        next(
            &rule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;UNTIL=20301231"),
            start,
            new_york(),
            after
        )
        .unwrap(),
        None
    );
    // Silence begins with the last occurrence, not with the start.
    let found = next(
        &rule("FREQ=YEARLY;COUNT=200"),
        wall("1900-06-10T09:00:00"),
        new_york(),
        after,
    );
    assert_eq!(found.unwrap(), "2027-06-10T13:00:00Z".parse().ok());
    // At the end of the calendar and before its beginning.
    let last: DateTime<Utc> = "9999-12-31T23:00:00Z".parse().unwrap();
    assert!(next(&rule("FREQ=DAILY"), start, new_york(), last).is_err());
    assert_eq!(
        next(&rule("FREQ=DAILY;COUNT=10000"), start, new_york(), last).unwrap(),
        None
    );
    assert!(
        next(
            &rule("FREQ=DAILY"),
            start,
            new_york(),
            DateTime::<Utc>::MAX_UTC
        )
        .is_err()
    );
    assert!(next(&rule("FREQ=DAILY"), NaiveDateTime::MIN, new_york(), after).is_err());
    let early = "0001-01-01T00:00:00Z".parse().unwrap();
    assert!(
        next(
            &rule("FREQ=WEEKLY"),
            wall("0001-01-01T00:00:00"),
            new_york(),
            early
        )
        .unwrap()
        .is_some()
    );
}

#[test]
fn what_is_not_taken_is_refused_by_name() {
    for (text, named) in [
        ("FREQ=HOURLY", "HOURLY"),
        ("FREQ=DAILY;BYHOUR=9", "BYHOUR"),
        ("FREQ=DAILY;BYMINUTE=9", "BYMINUTE"),
        ("FREQ=DAILY;BYSECOND=9", "BYSECOND"),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=1", "BYSETPOS"),
        ("FREQ=YEARLY;BYWEEKNO=20", "BYWEEKNO"),
        ("FREQ=YEARLY;BYYEARDAY=100", "BYYEARDAY"),
        ("RSCALE=HEBREW;FREQ=YEARLY", "RSCALE"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=1001", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=+1", "INTERVAL"),
        ("FREQ=DAILY;COUNT=0", "COUNT"),
        ("FREQ=DAILY;COUNT=10001", "COUNT"),
        ("FREQ=DAILY;COUNT=1;UNTIL=20271231", "COUNT"),
        ("FREQ=DAILY;UNTIL=20271231T235959", "UNTIL"),
        ("FREQ=DAILY;UNTIL=20270229", "UNTIL"),
        ("FREQ=DAILY;BYMONTH=13", "BYMONTH"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY"),
        ("FREQ=MONTHLY;BYMONTHDAY=-32", "BYMONTHDAY"),
        ("FREQ=MONTHLY;BYMONTHDAY=", "BYMONTHDAY"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY"),
        ("FREQ=WEEKLY;BYDAY=1MO", "BYDAY"),
        ("FREQ=MONTHLY;BYDAY=6MO", "BYDAY"),
        ("FREQ=YEARLY;BYMONTH=1;BYDAY=6MO", "BYDAY"),
        ("FREQ=YEARLY;BYDAY=54MO", "BYDAY"),
        ("FREQ=YEARLY;BYDAY=0MO", "BYDAY"),
        ("FREQ=WEEKLY;BYDAY=M", "BYDAY"),
        ("FREQ=WEEKLY;BYDAY=ПН", "BYDAY"),
        ("FREQ=WEEKLY;BYDAY=1Н", "BYDAY"),
        ("FREQ=DAILY;WKST=1", "WKST"),
        ("FREQ=DAILY;FREQ=DAILY", "FREQ"),
        ("INTERVAL=2", "FREQ"),
        ("FREQ=DAILY;", "FREQ"),
        ("", "FREQ"),
        ("FREQ=DAILY;X=1", "FREQ"),
    ] {
        let error = Rule::parse(text).expect_err(text);
        assert!(error.detail().contains(named), "{text}: {error}");
    }
    assert!(Rule::parse(&format!("FREQ=DAILY;BYMONTH=1{}", ",1".repeat(300))).is_err());
    assert_eq!(
        rule("RRULE:freq=weekly;byday=mo").as_str(),
        "FREQ=WEEKLY;BYDAY=MO"
    );
}

/// Rules of every kind without an end.
fn rules() -> impl Strategy<Value = String> {
    let list = |values: &[&str], most: usize| {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        prop::sample::subsequence(values, 1..=most).prop_map(|values| values.join(","))
    };
    let days = list(&["MO", "TU", "WE", "TH", "FR", "SA", "SU"], 3);
    let numbered = list(&["1MO", "-1FR", "2SU", "TH", "-3WE", "5TU", "-5SA"], 3);
    let month_days = list(&["1", "2", "13", "28", "29", "31", "-1", "-2", "-30"], 5);
    let months = list(&["1", "2", "3", "6", "10", "12"], 4);
    let starts = prop::sample::select(vec!["MO", "SU", "TH"]);
    let frequency = prop::sample::select(vec!["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]);
    let maybe = |part: BoxedStrategy<String>| prop::option::of(part);
    (
        frequency,
        1_u32..5,
        maybe(days.boxed()),
        maybe(numbered.boxed()),
        maybe(month_days.boxed()),
        maybe(months.boxed()),
        starts,
    )
        .prop_map(
            |(frequency, interval, days, numbered, month_days, months, start)| {
                let long = matches!(frequency, "MONTHLY" | "YEARLY");
                let mut text = format!("FREQ={frequency};INTERVAL={interval};WKST={start}");
                let mut say = |name: &str, value: Option<String>| {
                    text.extend(value.map(|value| format!(";{name}={value}")));
                };
                say("BYDAY", if long { numbered } else { days });
                say("BYMONTHDAY", month_days.filter(|_| frequency != "WEEKLY"));
                say("BYMONTH", months);
                text
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn a_search_from_the_middle_finds_what_counting_from_the_start_does(
        text in rules(),
        day in 0_i64..3_000,
        hour in 0_u32..24,
        later in 0_i64..4_000,
        name in prop::sample::select(vec!["America/New_York", "Pacific/Apia", "Asia/Tashkent", "Africa/Cairo", "Australia/Lord_Howe"]),
    ) {
        let zone = zone::parse(name).unwrap();
        let start = (wall("2009-01-01T00:00:00") + Duration::days(day)).date().and_hms_opt(hour, 30, 0).unwrap();
        let after = zone::instant(start, zone) + Duration::days(later) + Duration::hours(later % 24);
        let endless = rule(&text);
        let found = next(&endless, start, zone, after);
        // A count that is never reached makes it count from the start on.
        let counted = next(&rule(&format!("{text};COUNT=10000")), start, zone, after);
        match (&found, &counted) {
            (Ok(found), Ok(counted)) => prop_assert_eq!(found, counted),
            (found, counted) => prop_assert_eq!(found.is_err(), counted.is_err()),
        }
        if let Ok(Some(found)) = found {
            prop_assert!(found > after);
            // It is still the next one just before it, and no longer the next one at it.
            let again = next(&endless, start, zone, found - Duration::seconds(1)).unwrap();
            prop_assert_eq!(again, Some(found));
            let behind = next(&endless, start, zone, found);
            prop_assert!(behind.is_err() || behind.unwrap() > Some(found));
            // An end at the instant keeps it, one just before it does not.
            for (back, kept) in [(0, true), (1, false)] {
                let until = (found - Duration::seconds(back)).format("%Y%m%dT%H%M%SZ");
                let ending = next(&rule(&format!("{text};UNTIL={until}")), start, zone, after).unwrap();
                prop_assert_eq!(ending, kept.then_some(found));
            }
        }
    }

    #[test]
    fn nothing_that_is_read_panics(text in "(FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY|HOURLY)|(COUNT|INTERVAL|BYMONTH|BYMONTHDAY)=[-+0-9,]{0,6}|BYDAY=[-0-9MOTUWEHFRSAШ,]{0,8}|UNTIL=[0-9TZ]{7,17}|WKST=(SU|MO|X)|;){1,8}") {
        if let Ok(rule) = Rule::parse(&text) {
            let after = "2026-11-24T00:00:00Z".parse().unwrap();
            let _ = next(&rule, wall("2026-01-31T09:00:00"), new_york(), after);
            let json = serde_json::to_string(&rule).unwrap();
            prop_assert_eq!(serde_json::from_str::<Rule>(&json).unwrap(), rule);
        }
    }
}

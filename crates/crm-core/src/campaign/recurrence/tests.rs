use chrono::Duration;
use proptest::prelude::*;

use super::*;

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
fn examples_of_rfc_5545() {
    // Section 3.8.5.3, all that this module takes. The number before is how many are listed; an end is where the
    // list has to end by itself.
    let table: &[(&str, &str, bool, &[&str])] = &[
        (
            "FREQ=DAILY;COUNT=10",
            "1997-09-02",
            true,
            &[
                "1997-09-02",
                "1997-09-03",
                "1997-09-04",
                "1997-09-05",
                "1997-09-06",
                "1997-09-07",
                "1997-09-08",
                "1997-09-09",
                "1997-09-10",
                "1997-09-11",
            ],
        ),
        (
            "FREQ=DAILY;INTERVAL=10;COUNT=5",
            "1997-09-02",
            true,
            &[
                "1997-09-02",
                "1997-09-12",
                "1997-09-22",
                "1997-10-02",
                "1997-10-12",
            ],
        ),
        (
            "FREQ=DAILY;INTERVAL=2",
            "1997-09-02",
            false,
            &["1997-09-02", "1997-09-04", "1997-09-06"],
        ),
        (
            "FREQ=WEEKLY;COUNT=10",
            "1997-09-02",
            true,
            &[
                "1997-09-02",
                "1997-09-09",
                "1997-09-16",
                "1997-09-23",
                "1997-09-30",
                "1997-10-07",
                "1997-10-14",
                "1997-10-21",
                "1997-10-28",
                "1997-11-04",
            ],
        ),
        (
            "FREQ=WEEKLY;INTERVAL=2;WKST=SU",
            "1997-09-02",
            false,
            &[
                "1997-09-02",
                "1997-09-16",
                "1997-09-30",
                "1997-10-14",
                "1997-10-28",
                "1997-11-11",
                "1997-11-25",
            ],
        ),
        (
            "FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH",
            "1997-09-02",
            true,
            &[
                "1997-09-02",
                "1997-09-04",
                "1997-09-09",
                "1997-09-11",
                "1997-09-16",
                "1997-09-18",
                "1997-09-23",
                "1997-09-25",
                "1997-09-30",
                "1997-10-02",
            ],
        ),
        (
            "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR",
            "1997-09-01",
            true,
            &[
                "1997-09-01",
                "1997-09-03",
                "1997-09-05",
                "1997-09-15",
                "1997-09-17",
                "1997-09-19",
                "1997-09-29",
                "1997-10-01",
                "1997-10-03",
                "1997-10-13",
                "1997-10-15",
                "1997-10-17",
                "1997-10-27",
                "1997-10-29",
                "1997-10-31",
                "1997-11-10",
                "1997-11-12",
                "1997-11-14",
                "1997-11-24",
                "1997-11-26",
                "1997-11-28",
                "1997-12-08",
                "1997-12-10",
                "1997-12-12",
                "1997-12-22",
            ],
        ),
        (
            "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH",
            "1997-09-02",
            true,
            &[
                "1997-09-02",
                "1997-09-04",
                "1997-09-16",
                "1997-09-18",
                "1997-09-30",
                "1997-10-02",
                "1997-10-14",
                "1997-10-16",
            ],
        ),
        (
            "FREQ=MONTHLY;COUNT=10;BYDAY=1FR",
            "1997-09-05",
            true,
            &[
                "1997-09-05",
                "1997-10-03",
                "1997-11-07",
                "1997-12-05",
                "1998-01-02",
                "1998-02-06",
                "1998-03-06",
                "1998-04-03",
                "1998-05-01",
                "1998-06-05",
            ],
        ),
        (
            "FREQ=MONTHLY;UNTIL=19971224T000000Z;BYDAY=1FR",
            "1997-09-05",
            true,
            &["1997-09-05", "1997-10-03", "1997-11-07", "1997-12-05"],
        ),
        (
            "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
            "1997-09-07",
            true,
            &[
                "1997-09-07",
                "1997-09-28",
                "1997-11-02",
                "1997-11-30",
                "1998-01-04",
                "1998-01-25",
                "1998-03-01",
                "1998-03-29",
                "1998-05-03",
                "1998-05-31",
            ],
        ),
        (
            "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO",
            "1997-09-22",
            true,
            &[
                "1997-09-22",
                "1997-10-20",
                "1997-11-17",
                "1997-12-22",
                "1998-01-19",
                "1998-02-16",
            ],
        ),
        (
            "FREQ=MONTHLY;BYMONTHDAY=-3",
            "1997-09-28",
            false,
            &[
                "1997-09-28",
                "1997-10-29",
                "1997-11-28",
                "1997-12-29",
                "1998-01-29",
                "1998-02-26",
            ],
        ),
        (
            "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15",
            "1997-09-02",
            true,
            &[
                "1997-09-02",
                "1997-09-15",
                "1997-10-02",
                "1997-10-15",
                "1997-11-02",
                "1997-11-15",
                "1997-12-02",
                "1997-12-15",
                "1998-01-02",
                "1998-01-15",
            ],
        ),
        (
            "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1",
            "1997-09-30",
            true,
            &[
                "1997-09-30",
                "1997-10-01",
                "1997-10-31",
                "1997-11-01",
                "1997-11-30",
                "1997-12-01",
                "1997-12-31",
                "1998-01-01",
                "1998-01-31",
                "1998-02-01",
            ],
        ),
        (
            "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15",
            "1997-09-10",
            true,
            &[
                "1997-09-10",
                "1997-09-11",
                "1997-09-12",
                "1997-09-13",
                "1997-09-14",
                "1997-09-15",
                "1999-03-10",
                "1999-03-11",
                "1999-03-12",
                "1999-03-13",
            ],
        ),
        (
            "FREQ=MONTHLY;INTERVAL=2;BYDAY=TU",
            "1997-09-02",
            false,
            &[
                "1997-09-02",
                "1997-09-09",
                "1997-09-16",
                "1997-09-23",
                "1997-09-30",
                "1997-11-04",
                "1997-11-11",
                "1997-11-18",
                "1997-11-25",
                "1998-01-06",
            ],
        ),
        (
            "FREQ=YEARLY;COUNT=10;BYMONTH=6,7",
            "1997-06-10",
            true,
            &[
                "1997-06-10",
                "1997-07-10",
                "1998-06-10",
                "1998-07-10",
                "1999-06-10",
                "1999-07-10",
                "2000-06-10",
                "2000-07-10",
                "2001-06-10",
                "2001-07-10",
            ],
        ),
        (
            "FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3",
            "1997-03-10",
            true,
            &[
                "1997-03-10",
                "1999-01-10",
                "1999-02-10",
                "1999-03-10",
                "2001-01-10",
                "2001-02-10",
                "2001-03-10",
                "2003-01-10",
                "2003-02-10",
                "2003-03-10",
            ],
        ),
        (
            "FREQ=YEARLY;BYDAY=20MO",
            "1997-05-19",
            false,
            &["1997-05-19", "1998-05-18", "1999-05-17"],
        ),
        (
            "FREQ=YEARLY;BYMONTH=3;BYDAY=TH",
            "1997-03-13",
            false,
            &[
                "1997-03-13",
                "1997-03-20",
                "1997-03-27",
                "1998-03-05",
                "1998-03-12",
                "1998-03-19",
                "1998-03-26",
                "1999-03-04",
            ],
        ),
        (
            "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
            "1998-02-13",
            false,
            &[
                "1998-02-13",
                "1998-03-13",
                "1998-11-13",
                "1999-08-13",
                "2000-10-13",
            ],
        ),
        (
            "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13",
            "1997-09-13",
            false,
            &[
                "1997-09-13",
                "1997-10-11",
                "1997-11-08",
                "1997-12-13",
                "1998-01-10",
                "1998-02-07",
                "1998-03-07",
                "1998-04-11",
                "1998-05-09",
                "1998-06-13",
            ],
        ),
        (
            "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
            "1996-11-05",
            false,
            &["1996-11-05", "2000-11-07", "2004-11-02"],
        ),
        (
            "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
            "1997-08-05",
            true,
            &["1997-08-05", "1997-08-10", "1997-08-19", "1997-08-24"],
        ),
        (
            "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
            "1997-08-05",
            true,
            &["1997-08-05", "1997-08-17", "1997-08-19", "1997-08-31"],
        ),
        (
            "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5",
            "2007-01-15",
            true,
            &[
                "2007-01-15",
                "2007-01-30",
                "2007-02-15",
                "2007-03-15",
                "2007-03-30",
            ],
        ),
        (
            "FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=MO",
            "1998-01-01",
            true,
            &[
                "1998-01-05",
                "1998-01-12",
                "1998-01-19",
                "1998-01-26",
                "1999-01-04",
                "1999-01-11",
                "1999-01-18",
                "1999-01-25",
                "2000-01-03",
                "2000-01-10",
                "2000-01-17",
                "2000-01-24",
                "2000-01-31",
            ],
        ),
    ];
    for (text, start, ends, expected) in table {
        let most = expected.len() + usize::from(*ends);
        assert_eq!(dates(text, start, most), *expected, "{text}");
    }
    // Every day of January for three years, said in two ways.
    let yearly = dates(
        "FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA",
        "1998-01-01",
        1_000,
    );
    assert_eq!(yearly.len(), 93);
    assert_eq!(
        yearly,
        dates(
            "FREQ=DAILY;UNTIL=20000131T140000Z;BYMONTH=1",
            "1998-01-01",
            1_000
        )
    );
    // Every day until Christmas of 1997: the last one is the 23rd.
    let daily = dates("FREQ=DAILY;UNTIL=19971224T000000Z", "1997-09-02", 1_000);
    assert_eq!(
        (daily.len(), daily.last().unwrap().as_str()),
        (113, "1997-12-23")
    );
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

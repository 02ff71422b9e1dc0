use proptest::prelude::*;

use super::*;

/// Zones that do everything a zone can do, each with the days around one or two of its changes.
const CHANGES: [(&str, &[&str]); 12] = [
    ("America/New_York", &["2026-11-01", "2027-03-14"]),
    ("Europe/Berlin", &["2026-10-25", "2027-03-28"]),
    ("Australia/Lord_Howe", &["2026-04-05", "2026-10-04"]),
    ("Africa/Cairo", &["2026-04-24", "2026-10-30"]),
    ("Pacific/Apia", &["2011-12-30", "2011-09-24"]),
    ("Africa/Casablanca", &["2026-02-15", "2026-03-22"]),
    ("Antarctica/Troll", &["2026-03-29", "2026-10-25"]),
    ("Asia/Kathmandu", &["1986-01-01", "2026-11-24"]),
    ("Asia/Tashkent", &["2026-03-21", "1991-09-01"]),
    ("America/Sao_Paulo", &["2018-11-04", "2018-02-18"]),
    ("Asia/Almaty", &["2024-03-01"]),
    ("America/Havana", &["2026-03-08", "2026-11-01"]),
];

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn zone(name: &str) -> Tz {
    zone::parse(name).unwrap()
}

fn quiet(from: &str, until: &str) -> SendingTimes {
    let hours = QuietHours::new(
        WallTime::parse(from).unwrap(),
        WallTime::parse(until).unwrap(),
    );
    SendingTimes {
        quiet_hours: Some(hours.unwrap()),
        ..SendingTimes::default()
    }
}

fn no_holiday(_: NaiveDate) -> bool {
    false
}

/// Says it once more, in other words than the code: the wall clock read as text.
fn by_the_text(at: DateTime<Utc>, zone: Tz, rules: &SendingTimes, holidays: &[NaiveDate]) -> bool {
    let shown = zone::local(at, zone);
    let time = shown.format("%H:%M").to_string();
    let quiet = rules.quiet_hours.is_some_and(|hours| {
        let (from, until) = (hours.from().to_string(), hours.until().to_string());
        match from < until {
            true => from <= time && time < until,
            false => !(until <= time && time < from),
        }
    });
    let day: Day =
        serde_json::from_value(shown.format("%A").to_string().to_lowercase().into()).unwrap();
    let working = Vec::from(rules.working_days).contains(&day);
    !quiet && working && !holidays.contains(&shown.date())
}

fn rules() -> impl Strategy<Value = SendingTimes> {
    // Ends of quiet hours are often where clocks change.
    let minute = prop_oneof![
        0_u16..1_440,
        prop::sample::select(vec![
            0_u16, 30, 60, 90, 105, 120, 135, 150, 180, 185, 1_380, 1_439
        ]),
    ];
    let hours = (minute.clone(), minute)
        .prop_map(|(from, until)| QuietHours::new(WallTime(from), WallTime(until)).ok());
    let days = prop_oneof![2 => Just(0b111_1111_u8), 1 => 1_u8..0b1000_0000];
    (hours, days).prop_map(|(quiet_hours, days)| SendingTimes {
        quiet_hours,
        working_days: WorkingDays(days),
        ..SendingTimes::default()
    })
}

/// Zones and instants within three days of a change of theirs.
fn moments() -> impl Strategy<Value = (Tz, DateTime<Utc>)> {
    let place = (0..CHANGES.len(), any::<prop::sample::Index>());
    (
        place,
        -3 * 86_400_i64..3 * 86_400,
        prop::sample::select(vec![0_u32, 1, 999_999_999]),
    )
        .prop_map(|((which, day), away, nanos)| {
            let (name, days) = CHANGES[which];
            let noon = at(&format!("{}T12:00:00Z", days[day.index(days.len())]));
            let near = noon + Duration::seconds(away) + Duration::nanoseconds(i64::from(nanos));
            (zone(name), near)
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 700, ..ProptestConfig::default() })]

    #[test]
    fn the_next_allowed_instant_is_the_first_one(
        (zone, at) in moments(),
        rules in rules(),
        away in prop::collection::vec(-2_i64..4, 0..4),
    ) {
        let holidays: Vec<NaiveDate> = away.iter().map(|days| zone::date(at, zone) + Duration::days(*days)).collect();
        let is_holiday = |date: NaiveDate| holidays.contains(&date);
        let found = next_allowed(at, zone, &rules, &is_holiday).unwrap();
        prop_assert!(found >= at);
        prop_assert!(is_allowed(found, zone, &rules, &is_holiday));
        prop_assert!(by_the_text(found, zone, &rules, &holidays));
        // Nothing on the way is allowed: at the start, at each whole minute, and in the last instant before.
        let first_minute = DateTime::from_timestamp(at.timestamp().div_euclid(60) * 60 + 60, 0).unwrap();
        let minutes = std::iter::successors(Some(first_minute), |minute| Some(*minute + Duration::minutes(1)));
        let last = found - Duration::nanoseconds(1);
        for on_the_way in minutes.chain([at]).take_while(|minute| *minute < found).chain([last.max(at)]) {
            if on_the_way < found {
                prop_assert!(!by_the_text(on_the_way, zone, &rules, &holidays), "{on_the_way}");
                prop_assert!(!is_allowed(on_the_way, zone, &rules, &is_holiday), "{on_the_way}");
            }
        }
    }

    #[test]
    fn what_is_allowed_is_what_the_clock_shows((zone, at) in moments(), rules in rules()) {
        prop_assert_eq!(is_allowed(at, zone, &rules, &no_holiday), by_the_text(at, zone, &rules, &[]));
    }

    #[test]
    fn what_is_written_is_read_back(rules in rules()) {
        let text = serde_json::to_string(&rules).unwrap();
        prop_assert_eq!(serde_json::from_str::<SendingTimes>(&text).unwrap(), rules);
    }
}

#[test]
fn gaps_and_folds_are_judged_by_what_the_clock_shows() {
    let table = [
        // The gap jumps over the end of the quiet hours: they end with it.
        (
            "America/New_York",
            quiet("21:00", "02:30"),
            "2027-03-14T05:00:00Z",
            "2027-03-14T07:00:00Z",
        ),
        // 01:30 comes twice: from the second 01:10 one waits for the second 01:30.
        (
            "America/New_York",
            quiet("21:00", "01:30"),
            "2026-11-01T04:00:00Z",
            "2026-11-01T05:30:00Z",
        ),
        (
            "America/New_York",
            quiet("21:00", "01:30"),
            "2026-11-01T06:10:00Z",
            "2026-11-01T06:30:00Z",
        ),
        // Half an hour is skipped, and the quiet hours would have ended in it.
        (
            "Australia/Lord_Howe",
            quiet("22:00", "02:15"),
            "2026-10-03T13:00:00Z",
            "2026-10-03T15:30:00Z",
        ),
        // Samoa had no 30 December 2011: quiet until nine in the morning of the 31st.
        (
            "Pacific/Apia",
            quiet("21:00", "09:00"),
            "2011-12-30T08:00:00Z",
            "2011-12-30T19:00:00Z",
        ),
        // Midnight does not exist on that day.
        (
            "America/Sao_Paulo",
            quiet("20:00", "00:00"),
            "2018-11-03T23:30:00Z",
            "2018-11-04T03:00:00Z",
        ),
        (
            "Asia/Kathmandu",
            quiet("21:00", "09:00"),
            "2026-11-24T20:00:00.5Z",
            "2026-11-25T03:15:00Z",
        ),
        (
            "Asia/Tashkent",
            quiet("13:00", "14:00"),
            "2026-11-24T08:59:59.999Z",
            "2026-11-24T09:00:00Z",
        ),
        (
            "Asia/Tashkent",
            quiet("13:00", "14:00"),
            "2026-11-24T09:00:00.001Z",
            "2026-11-24T09:00:00.001Z",
        ),
    ];
    for (name, rules, from, expected) in table {
        let found = next_allowed(at(from), zone(name), &rules, &no_holiday);
        assert_eq!(found, Some(at(expected)), "{name} {from}");
    }
}

#[test]
fn weekends_and_holidays_are_passed_over() {
    let days = WorkingDays::new(&Day::ALL[..5]).unwrap();
    let rules = SendingTimes {
        working_days: days,
        ..quiet("18:00", "09:00")
    };
    let tashkent = zone("Asia/Tashkent");
    let friday_evening = at("2026-11-27T13:00:00Z");
    assert_eq!(
        next_allowed(friday_evening, tashkent, &rules, &no_holiday),
        Some(at("2026-11-30T04:00:00Z"))
    );
    let monday = NaiveDate::from_ymd_opt(2026, 11, 30).unwrap();
    let found = next_allowed(friday_evening, tashkent, &rules, &|date| date == monday);
    assert_eq!(found, Some(at("2026-12-01T04:00:00Z")));
}

#[test]
fn a_year_without_an_open_moment_has_no_next_one() {
    let tashkent = zone("Asia/Tashkent");
    let start = at("2026-11-24T09:00:00Z");
    assert_eq!(
        next_allowed(start, tashkent, &SendingTimes::default(), &|_| true),
        None
    );
    // The last day that is looked at is still found.
    let last = zone::date(start + Duration::days(HORIZON_DAYS), tashkent);
    let found = next_allowed(start, tashkent, &SendingTimes::default(), &|date| {
        date != last
    });
    assert_eq!(found.map(|found| zone::date(found, tashkent)), Some(last));
    let beyond = last.succ_opt().unwrap();
    assert_eq!(
        next_allowed(start, tashkent, &SendingTimes::default(), &|date| date
            != beyond),
        None
    );
    // To the instant: this is when that day begins, and the search goes so far and no further.
    let opens = at("2027-11-24T19:00:00Z");
    let day = zone::date(opens, tashkent);
    for (late, found) in [(0, Some(opens)), (1, None)] {
        let start = opens - Duration::days(HORIZON_DAYS) - Duration::nanoseconds(late);
        let next = next_allowed(start, tashkent, &SendingTimes::default(), &|date| {
            date != day
        });
        assert_eq!(next, found);
    }
    // Nothing panics at the end of all time.
    assert_eq!(
        next_allowed(
            DateTime::<Utc>::MAX_UTC,
            tashkent,
            &SendingTimes::default(),
            &|_| true
        ),
        None
    );
}

#[test]
fn held_or_skipped_as_the_rules_say() {
    let (tashkent, night) = (zone("Asia/Tashkent"), at("2026-11-24T20:00:00Z"));
    let mut rules = quiet("21:00", "09:00");
    let morning = at("2026-11-25T04:00:00Z");
    assert_eq!(
        departure(night, tashkent, &rules, &no_holiday),
        Departure::Held(morning)
    );
    assert_eq!(
        departure(morning, tashkent, &rules, &no_holiday),
        Departure::OnTime
    );
    assert_eq!(
        departure(morning, tashkent, &rules, &|_| true),
        Departure::Never
    );
    rules.otherwise = Otherwise::Skip;
    assert_eq!(
        departure(night, tashkent, &rules, &no_holiday),
        Departure::Skipped
    );
    assert_eq!(
        departure(morning, tashkent, &rules, &no_holiday),
        Departure::OnTime
    );
}

#[test]
fn no_clock_was_ever_set_twice_within_six_hours() {
    // What `first_change` relies on. Around each change that a coarse look finds, a fine one finds no second.
    for tz in chrono_tz::TZ_VARIANTS {
        let offset = |second: i64| {
            let at = DateTime::from_timestamp(second, 0).unwrap();
            zone::local(at, tz) - at.naive_utc()
        };
        let (start, end) = ("2024-01-01T00:00:00Z", "2030-01-01T00:00:00Z");
        let (start, end) = (at(start).timestamp(), at(end).timestamp());
        let step = 12 * 3_600;
        for from in (start..end).step_by(step as usize) {
            if offset(from) != offset(from + step) {
                let looks = (from..from + step).step_by(900);
                let changes = looks
                    .filter(|second| offset(*second) != offset(second + 900))
                    .count();
                assert_eq!(changes, 1, "{tz} {from}");
            }
        }
    }
}

#[test]
fn nonsense_is_refused() {
    for text in [
        "9:00",
        "24:00",
        "12:60",
        "",
        "12",
        "12:00:00",
        "+1:00",
        "１２:00",
        "12:0a",
    ] {
        assert!(WallTime::parse(text).is_err(), "{text}");
    }
    for json in [
        r#"{"quiet_hours":{"from":"09:00","until":"09:00"}}"#,
        r#"{"quiet_hours":{"from":"09:00"}}"#,
        r#"{"quiet_hours":{"from":"09:00","until":"10:00","zone":"UTC"}}"#,
        r#"{"working_days":[]}"#,
        r#"{"working_days":["mon"]}"#,
        r#"{"otherwise":"wait"}"#,
        r#"{"quiet":null}"#,
    ] {
        assert!(
            serde_json::from_str::<SendingTimes>(json).is_err(),
            "{json}"
        );
    }
    let all: SendingTimes = serde_json::from_str("{}").unwrap();
    assert_eq!(all, SendingTimes::default());
    let names = |names: &[&str]| SendingTimes {
        holidays: names.iter().map(|name| (*name).to_owned()).collect(),
        ..SendingTimes::default()
    };
    assert!(names(&["uz", "ru", "office"]).validate().is_ok());
    assert!(names(&["uz", "ru", "uz"]).validate().is_err());
    let many: Vec<String> = (0..11).map(|number| number.to_string()).collect();
    assert!(
        names(&many.iter().map(String::as_str).collect::<Vec<_>>())
            .validate()
            .is_err()
    );
}

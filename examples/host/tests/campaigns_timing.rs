//! When campaigns write, over HTTP: dates, recurrence rules, sending times, holidays, variants and their results.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use common::Host;
use common::place::Place;
use serde_json::{Value, json};

/// A campaign of this name with these fields.
fn body(fields: &Value) -> Value {
    let mut body = json!({"name": "c", "occasion_type": "holiday"});
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn create(host: &Host, token: &str, fields: &Value) -> Value {
    host.post(token, "/api/campaigns", body(fields)).expect(201)
}

fn path(campaign: &Value) -> String {
    format!("/api/campaigns/{}", campaign["id"].as_str().unwrap())
}

/// The fields of `wanted` are so in `got`.
fn has(got: &Value, wanted: &Value) {
    for (name, value) in wanted.as_object().unwrap() {
        assert_eq!(&got[name], value, "{name}: {got}");
    }
}

fn every_day() -> Value {
    json!([
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday"
    ])
}

fn unlimited() -> Value {
    json!({"quiet_hours": null, "working_days": every_day(), "holidays": [], "otherwise": "hold"})
}

#[test]
fn schedules_by_dates_and_rules_go_both_ways() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let change = |campaign: &Value, fields: Value| {
        let changed = host.call(&admin, "PUT", &path(campaign), &fields);
        let changed = changed.expect(200);
        assert_eq!(host.get(&admin, &path(campaign)).expect(200), changed);
        changed
    };
    let plain = create(&host, &admin, &json!({}));
    let none = json!({"schedule_type": "immediate", "hour": null, "date_field": null, "date_repeat": null,
        "offset_days": null, "leap_day": null, "ahead_days": null, "recurrence_rule": null,
        "scheduled_at": null, "local_time": false});
    has(&plain, &none);

    // What is left out is a birthday at nine, drafted the day before.
    let usual = json!({"schedule_type": "date", "date_field": "birthday", "date_repeat": "yearly",
        "offset_days": 0, "hour": 9, "leap_day": "feb_28", "ahead_days": 1});
    has(
        &create(&host, &admin, &json!({"schedule_type": "date"})),
        &usual,
    );
    let dated = json!({"schedule_type": "date", "date_field": "ends_on", "date_repeat": "once",
        "offset_days": -30, "hour": 0, "leap_day": "mar_1", "ahead_days": 60});
    let campaign = create(&host, &admin, &dated);
    has(&campaign, &dated);
    assert_eq!(host.get(&admin, &path(&campaign)).expect(200), campaign);
    // Of several fields one alone is changed.
    for (name, value) in [
        ("hour", json!(23)),
        ("offset_days", json!(366)),
        ("ahead_days", json!(0)),
        ("leap_day", json!("feb_28")),
        ("date_repeat", json!("yearly")),
        ("date_field", json!("birthday")),
    ] {
        let before = host.get(&admin, &path(&campaign)).expect(200);
        let after = change(&campaign, json!({name: value}));
        assert_eq!(after[name], value);
        for other in dated.as_object().unwrap().keys() {
            assert!(
                other == name || after[other] == before[other],
                "{name} {other}"
            );
        }
    }
    // Another kind of schedule knows nothing of dates any more.
    has(
        &change(&campaign, json!({"schedule_type": "immediate"})),
        &none,
    );

    let rule = json!({"schedule_type": "recurring", "recurrence_rule": "RRULE:freq=monthly;byday=-1fr",
        "scheduled_at": "2099-01-01T04:00:00Z", "time_zone": "Asia/Tashkent"});
    let campaign = create(&host, &admin, &rule);
    let shown = json!({"schedule_type": "recurring", "recurrence_rule": "FREQ=MONTHLY;BYDAY=-1FR",
        "scheduled_at": "2099-01-01T04:00:00Z"});
    has(&campaign, &shown);
    // The rule starts at nine in Tashkent: the last Friday of January 2099 is the 30th.
    let run = host.post(&admin, &format!("{}/execute", path(&campaign)), json!({}));
    assert_eq!(run.expect(202)["next_run_at"], "2099-01-30T04:00:00Z");
    let cron = json!({"schedule_type": "recurring", "recurrence_rule": "0 9 * * 1"});
    let campaign = create(&host, &admin, &cron);
    has(&campaign, &cron);
    assert_eq!(campaign["scheduled_at"], Value::Null);
    has(&change(&campaign, shown.clone()), &shown);
    // The rule needs its start: clearing it alone is refused, and changes nothing.
    let refused = host.call(
        &admin,
        "PUT",
        &path(&campaign),
        &json!({"scheduled_at": null}),
    );
    assert_eq!(refused.expect(422)["errors"][0]["field"], "scheduled_at");
    has(&host.get(&admin, &path(&campaign)).expect(200), &shown);
}

#[test]
fn sending_times_and_variants_go_both_ways() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let template = json!({"name": "t", "occasion_type": "holiday", "language": "en",
        "content": "Good holidays"});
    let template = host.post(&admin, "/api/templates", template).expect(201);
    let times = json!({"quiet_hours": {"from": "21:30", "until": "09:00"},
        "working_days": ["monday", "saturday"], "holidays": ["ru", "uz"], "otherwise": "skip"});
    let variants = json!({"holdout_permille": 999, "arms": [
        {"name": "A", "weight": 1000, "template_id": template["id"], "tone": "warm", "custom_context": "Navruz"},
        {"name": "Второй", "weight": 1, "template_id": null, "tone": null, "custom_context": null},
    ]});
    let both = json!({"sending_times": times, "variants": variants, "spread_minutes": 90});
    let campaign = create(&host, &admin, &both);
    has(&campaign, &both);
    assert_eq!(host.get(&admin, &path(&campaign)).expect(200), campaign);
    let change = |fields: Value| {
        let changed = host.call(&admin, "PUT", &path(&campaign), &fields);
        let changed = changed.expect(200);
        assert_eq!(host.get(&admin, &path(&campaign)).expect(200), changed);
        changed
    };
    // What is left out of a change stays; null clears.
    has(&change(json!({"description": "d"})), &both);
    has(
        &change(json!({"sending_times": null})),
        &json!({"sending_times": unlimited(), "variants": variants}),
    );
    has(
        &change(json!({"variants": null})),
        &json!({"sending_times": unlimited(), "variants": null}),
    );
    // What is left out of them is as usual.
    let sparse = json!({"sending_times": {"quiet_hours": {"from": "00:00", "until": "23:59"}},
        "variants": {"arms": [{"name": "A"}]}});
    let after = change(sparse);
    let mut usual = unlimited();
    usual["quiet_hours"] = json!({"from": "00:00", "until": "23:59"});
    let arm = json!({"name": "A", "weight": 1, "template_id": null, "tone": null, "custom_context": null});
    has(
        &after,
        &json!({"sending_times": usual, "variants": {"arms": [arm], "holdout_permille": 0}}),
    );
    has(
        &create(&host, &admin, &json!({})),
        &json!({"sending_times": unlimited(), "variants": null, "spread_minutes": 0}),
    );
}

#[test]
fn a_copy_is_a_draft_that_is_to_do_the_same() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let wanted = json!({"spread_minutes": 15, "schedule_type": "date", "hour": 7, "segment_filter": {"tags": ["gold"]}});
    let campaign = create(&host, &admin, &wanted);
    let copy = format!("{}/copy", path(&campaign));
    let copied = host
        .post(&admin, &copy, json!({"name": "Ещё раз"}))
        .expect(201);
    has(&copied, &wanted);
    has(
        &copied,
        &json!({"name": "Ещё раз", "status": "draft", "version": 1}),
    );
    assert_ne!(copied["id"], campaign["id"]);
    host.post(&admin, &copy, json!({"name": ""})).expect(422);
    host.post(&admin, &copy, json!({})).expect(422);
    let nobody = "/api/campaigns/01900000-0000-7000-8000-000000000001/copy";
    host.post(&admin, nobody, json!({"name": "x"})).expect(404);
}

/// A bad value, and the field it is refused by.
fn bad() -> Vec<(Value, &'static str)> {
    let times = |times: Value| json!({ "sending_times": times });
    let quiet =
        |from: &str, until: &str| times(json!({"quiet_hours": {"from": from, "until": until}}));
    let arms = |arms: Value| json!({"variants": {"arms": arms}});
    let date = |field: &str, value: Value| json!({"schedule_type": "date", field: value});
    let rule = |rule: &str| {
        json!({"schedule_type": "recurring", "recurrence_rule": rule,
            "scheduled_at": "2099-01-01T04:00:00Z"})
    };
    vec![
        (quiet("24:00", "09:00"), "sending_times.quiet_hours.from"),
        (quiet("21:00", "9:00"), "sending_times.quiet_hours.until"),
        (quiet("09:00", "09:00"), "quiet_hours"),
        (
            times(json!({"quiet_hours": {"from": "21:00"}})),
            "sending_times.quiet_hours.until",
        ),
        (times(json!({"working_days": []})), "working_days"),
        (
            times(json!({"working_days": ["someday"]})),
            "sending_times.working_days[0]",
        ),
        (times(json!({"holidays": ["fr"]})), "holidays"),
        (times(json!({"holidays": ["uz", "uz"]})), "holidays"),
        (
            times(json!({"otherwise": "drop"})),
            "sending_times.otherwise",
        ),
        (times(json!({"quiet": true})), "sending_times.quiet"),
        (date("offset_days", json!(367)), "offset_days"),
        (date("offset_days", json!(-367)), "offset_days"),
        (date("hour", json!(24)), "hour"),
        (date("ahead_days", json!(61)), "ahead_days"),
        (date("date_field", json!("")), "date_field"),
        (date("date_repeat", json!("once")), "date_repeat"),
        (date("date_repeat", json!("monthly")), "date_repeat"),
        (date("leap_day", json!("mar_2")), "leap_day"),
        (
            rule("FREQ=MONTHLY;BYDAY=MO,FR;BYSETPOS=-1"),
            "recurrence_rule",
        ),
        (rule("FREQ=HOURLY"), "recurrence_rule"),
        (rule("FREQ=DAILY;UNTIL=20981231"), "recurrence_rule"),
        (
            json!({"schedule_type": "recurring", "recurrence_rule": "FREQ=DAILY"}),
            "scheduled_at",
        ),
        (json!({"schedule_type": "recurring"}), "recurrence_rule"),
        (json!({"schedule_type": "sometimes"}), "schedule_type"),
        (arms(json!([])), "arms"),
        (arms(json!([{"name": "A", "weight": 0}])), "arms"),
        (arms(json!([{"name": "A", "weight": 1001}])), "arms"),
        (arms(json!([{"name": "A"}, {"name": "a"}])), "arms"),
        (arms(json!([{"name": "Holdout"}])), "arms"),
        (arms(json!([{"name": ""}])), "arms"),
        (arms(json!([{"weight": 1}])), "variants.arms[0].name"),
        (
            arms(json!([{"name": "A", "tone": "rude"}])),
            "variants.arms[0].tone",
        ),
        (
            arms(json!([{"name": "A", "custom_context": "x".repeat(501)}])),
            "custom_context",
        ),
        (
            json!({"variants": {"arms": [{"name": "A"}], "holdout_permille": 1000}}),
            "holdout_permille",
        ),
    ]
}

#[test]
fn bad_values_are_refused_by_their_field() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let campaign = create(&host, &admin, &json!({}));
    for (fields, field) in bad() {
        let created = host.post(&admin, "/api/campaigns", body(&fields));
        let changed = host.call(&admin, "PUT", &path(&campaign), &fields);
        for reply in [created, changed] {
            let refused = reply.expect(422);
            let error = &refused["errors"][0];
            assert_eq!(error["field"], field, "{fields}: {refused}");
            // A word about what to do, not only that it is wrong.
            assert!(error["message"].as_str().unwrap().len() > 5, "{refused}");
        }
    }
    let all = host.get(&admin, "/api/campaigns").expect(200);
    assert_eq!(all["items"], json!([campaign]), "nothing was kept");
    let nowhere = json!({"variants": {"arms": [{"name": "A",
        "template_id": "01900000-0000-7000-8000-00000000dead"}]}});
    host.post(&admin, "/api/campaigns", body(&nowhere))
        .expect(404);
}

/// So many contacts, whose birthdays are the fifteenth of January, February and so on; and the campaign, planned.
fn planned(host: &Host, admin: &str, people: usize, fields: &Value) -> (Value, Vec<Value>) {
    for number in 0..people {
        let month = number % 12 + 1;
        let person = json!({"name": format!("P{number}"), "email": format!("p{number}@salon.example"),
            "birthday": format!("--{month:02}-15"), "time_zone": "Asia/Tashkent"});
        host.post(admin, "/api/contacts", person).expect(201);
    }
    run(host, admin, people, fields)
}

/// Executes a campaign with a template in test mode; its plan, once that has so many lines and all their messages.
fn run(host: &Host, admin: &str, lines: usize, fields: &Value) -> (Value, Vec<Value>) {
    let others = host.get(admin, "/api/templates").expect(200);
    let name = format!("t{}", others["total"]);
    let template = json!({"name": name, "occasion_type": "holiday", "language": "ru",
        "content": "Поздравляем с праздником!"});
    let template = host.post(admin, "/api/templates", template).expect(201);
    let mut fields = fields.clone();
    fields["template_id"] = template["id"].clone();
    let campaign = create(host, admin, &fields);
    let execute = json!({"test_mode": true});
    host.post(admin, &format!("{}/execute", path(&campaign)), execute)
        .expect(202);
    let plan = format!("{}/plan?limit=100", path(&campaign));
    let plan = host.until(admin, &plan, |plan| {
        let items = plan["items"].as_array().unwrap();
        let drafted = |line: &Value| line["excluded"] == true || !line["message_id"].is_null();
        items.len() >= lines && items.iter().all(drafted)
    });
    (campaign, plan["items"].as_array().unwrap().clone())
}

/// One wall time of a far summer, a Monday.
const LATE: &str = "2099-06-01T23:00:00Z";

#[test]
fn the_plan_says_what_waits_what_is_skipped_and_what_is_too_late() {
    let host = Host::start(&[]);
    let admin = host.admin();
    let quiet = json!({"from": "21:00", "until": "09:00"});
    let at = |times: Value| {
        json!({"schedule_type": "scheduled", "scheduled_at": LATE, "local_time": true,
        "sending_times": times})
    };
    let skip = at(json!({"quiet_hours": quiet, "otherwise": "skip"}));
    let (_, lines) = planned(&host, &admin, 12, &skip);
    assert_eq!(lines.len(), 12);
    for line in &lines {
        has(
            line,
            &json!({"excluded": true, "reason": "quiet_hours", "variant": null, "send_at": null,
                "local_time": null, "time_zone": "Asia/Tashkent", "message_id": null}),
        );
    }
    // Held until the morning; the next day is a Tuesday, on which this house does not work.
    let hold = at(json!({"quiet_hours": quiet, "working_days": ["monday", "wednesday"]}));
    let (_, lines) = run(&host, &admin, 12, &hold);
    assert_eq!(lines.len(), 12);
    for line in &lines {
        has(
            line,
            &json!({"excluded": false, "reason": null, "variant": "A",
                "local_time": "2099-06-03T09:00:00", "send_at": "2099-06-03T04:00:00Z"}),
        );
    }
    // No calendar with moving holidays reaches so far: nobody is written to on a feast by mistake.
    let (_, lines) = run(&host, &admin, 12, &at(json!({"holidays": ["uz"]})));
    for line in &lines {
        has(
            line,
            &json!({"excluded": true, "reason": "holidays_unknown"}),
        );
    }
    // What is held until the day is over is of no use on the next one. In any 60 days there is a 15th.
    let birthday = json!({"occasion_type": "birthday", "schedule_type": "date", "hour": 22, "ahead_days": 60,
        "sending_times": {"quiet_hours": quiet}});
    let (campaign, lines) = run(&host, &admin, 1, &birthday);
    assert!((1..=3).contains(&lines.len()), "{lines:?}");
    for line in &lines {
        has(
            line,
            &json!({"excluded": true, "reason": "too_late", "send_at": null}),
        );
        assert!(line["occurrence"].as_str().unwrap().ends_with("-15"));
    }
    let left = host.get(&admin, &path(&campaign)).expect(200);
    assert_eq!(left["stats"]["generated_count"], 0);
}

#[test]
fn variants_are_planned_counted_and_compared() {
    let host = Host::start(&[]);
    let admin = host.admin();
    let plain = create(&host, &admin, &json!({}));
    let empty = host
        .get(&admin, &format!("{}/experiment", path(&plain)))
        .expect(200);
    assert_eq!(
        empty,
        json!({"variants": [], "holdout_permille": 0, "edited": null, "rejected": null})
    );
    let fields = json!({"variants": {"holdout_permille": 400,
        "arms": [{"name": "short"}, {"name": "long", "weight": 2}]}});
    let (campaign, lines) = planned(&host, &admin, 60, &fields);
    assert_eq!(lines.len(), 60);
    let mut groups = BTreeMap::<&str, Vec<&Value>>::new();
    for line in &lines {
        if let Some(name) = line["variant"].as_str() {
            assert_eq!(line["excluded"], false);
            groups.entry(name).or_default().push(&line["message_id"]);
        } else {
            has(line, &json!({"excluded": true, "reason": "holdout"}));
            groups.entry("holdout").or_default().push(line);
        }
    }
    // Drawn by a hash of random ids: each is missing once in a thousand million.
    let names: Vec<&str> = groups.keys().copied().collect();
    assert_eq!(names, ["holdout", "long", "short"]);

    // Two of the short ones are rejected; of the long ones one is approved as it is, one after an edit.
    let message = |id: &Value| format!("/api/messages/{}", id.as_str().unwrap());
    let approve = |id: &Value| {
        let seen = host.get(&admin, &message(id)).expect(200);
        let body = json!({"version": seen["version"], "digest": seen["digest"]});
        host.post(&admin, &format!("{}/approve", message(id)), body)
            .expect(200);
    };
    for id in &groups["short"][..2] {
        host.post(
            &admin,
            &format!("{}/reject", message(id)),
            json!({"reason": "dull"}),
        )
        .expect(200);
    }
    approve(groups["long"][0]);
    let text = json!({"content": "С праздником! Ждём вас."});
    host.call(&admin, "PATCH", &message(groups["long"][1]), &text)
        .expect(200);
    approve(groups["long"][1]);

    let viewer = host.user(&admin, "v@salon.example", "viewer");
    let found = host
        .get(&viewer, &format!("{}/experiment", path(&campaign)))
        .expect(200);
    assert_eq!(found["holdout_permille"], 400);
    let counts = |index: usize, decided: u64, edited: u64, rejected: u64| {
        let name = ["short", "long"][index];
        let wanted = json!({"name": name, "generated_count": groups[name].len(), "decided_count": decided,
            "edited_count": edited, "rejected_count": rejected, "sent_count": 0, "failed_count": 0});
        assert_eq!(found["variants"][index], wanted);
    };
    counts(0, 2, 0, 2);
    counts(1, 2, 1, 0);
    for (what, short, long) in [("edited", 0.0, 0.5), ("rejected", 1.0, 0.0)] {
        let compared = &found[what];
        assert_eq!(compared["rates"][0]["variant"], "short");
        assert_eq!(compared["rates"][0]["rate"], short);
        assert_eq!(compared["rates"][1]["rate"], long);
        let difference = &compared["differences"][0];
        assert_eq!(difference["variant"], "long");
        assert_eq!(difference["difference"], long - short);
        let number = |value: &Value| value.as_f64().unwrap();
        assert!(number(&difference["low"]) <= number(&difference["difference"]));
        assert!(number(&difference["low"]) < number(&difference["high"]));
        // Four decisions show nothing.
        assert_eq!(compared["winner"], Value::Null);
        assert!(number(&difference["p_value"]) > 0.05);
    }
    host.get(
        &viewer,
        "/api/campaigns/01900000-0000-7000-8000-00000000dead/experiment",
    )
    .expect(404);
    host.get("", &format!("{}/experiment", path(&campaign)))
        .expect(401);
}

/// A host with these calendars in its settings file.
fn with_calendars(text: &str) -> Host {
    let place = Place::new();
    let config = place.path().join("host.toml");
    std::fs::write(&config, text).unwrap();
    Host::start_in(place, &["--config", config.to_str().unwrap()])
}

#[test]
fn calendars_of_the_settings_are_kept() {
    let host = with_calendars(
        "[[calendars]]\nname = 'salon'\ndays = ['2099-06-02', '--06-03']\n\n\
         [[calendars]]\nname = 'Навруз'\nbased_on = 'ru'\nworked = ['--06-12']\n",
    );
    let admin = host.admin();
    let times = json!({"quiet_hours": {"from": "21:00", "until": "09:00"}, "holidays": ["salon", "Навруз"]});
    let fields = json!({"schedule_type": "scheduled", "scheduled_at": LATE, "local_time": true,
        "sending_times": times});
    let (campaign, lines) = planned(&host, &admin, 1, &fields);
    has(
        &campaign,
        &json!({"sending_times": {"quiet_hours": times["quiet_hours"],
        "working_days": every_day(), "holidays": ["salon", "Навруз"], "otherwise": "hold"}}),
    );
    assert_eq!(lines[0]["local_time"], "2099-06-04T09:00:00");
    // A holiday of Russia that is worked here is no holiday.
    let mut fields = fields;
    fields["scheduled_at"] = json!("2099-06-12T12:00:00Z");
    let (_, lines) = run(&host, &admin, 1, &fields);
    assert_eq!(lines[0]["local_time"], "2099-06-12T12:00:00");
}

#[test]
fn calendars_that_cannot_be_used_are_told_with_their_place() {
    for (text, hint) in [
        (
            "\n[[calendars]]\nname = 'uz'\n",
            "host.toml: line 2: calendars: name: use 1 to 50 characters",
        ),
        (
            "[[calendars]]\nname = 'a'\ndays = ['--02-30']\n",
            "host.toml: line 3: calendars[0].days[0]",
        ),
        (
            "[[calendars]]\nname = 'a'\ndays = ['--06-01']\nworked = ['--06-01']\n",
            "as a holiday or as worked",
        ),
        (
            "[[calendars]]\nname = 'a'\nbased_on = 'fr'\n",
            "calendars[0].based_on",
        ),
        ("[[calendars]]\ndays = []\n", "name"),
        ("[[calendars]]\nname = 'a'\ncolour = 'red'\n", "colour"),
        ("calendars = 'uz'\n", "calendars"),
    ] {
        let place = Place::sqlite();
        let config = place.path().join("host.toml");
        std::fs::write(&config, text).unwrap();
        let mut command = place.command();
        command.arg("--config").arg(&config);
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = child.unwrap();
        // A host that takes it says where it listens, and goes on.
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let _ = child.kill();
        let output = child.wait_with_output().unwrap();
        assert_eq!(line, "", "{text} was accepted");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.contains(hint) && !said.contains("panicked"),
            "{text}: {said}"
        );
    }
}

/// What docs/campaigns.md shows is taken as it stands there.
#[test]
fn the_examples_of_the_page_are_true() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/campaigns.md");
    let page = std::fs::read_to_string(page).unwrap();
    let blocks = |language: &str| -> Vec<String> {
        let fence = format!("```{language}\n");
        let parts = page.split(&fence).skip(1);
        parts
            .map(|part| part.split("```").next().unwrap().to_owned())
            .collect()
    };
    let settings = blocks("toml");
    assert_eq!(settings.len(), 1);
    let host = with_calendars(&settings[0]);
    let admin = host.admin();
    let bodies = blocks("json");
    assert_eq!(bodies.len(), 9);
    for text in bodies {
        let body: Value = serde_json::from_str(&text).unwrap();
        let campaign = host.post(&admin, "/api/campaigns", body.clone());
        let campaign = campaign.expect(201);
        let path = path(&campaign);
        for (name, value) in body.as_object().unwrap() {
            match name.as_str() {
                // What is left out of its parts is shown as it is usual.
                "segment_filter" | "variants" => assert!(!campaign[name].is_null()),
                _ => assert_eq!(&campaign[name], value, "{text}"),
            }
        }
        host.post(
            &admin,
            &format!("{path}/execute"),
            json!({"test_mode": true}),
        )
        .expect(202);
    }
    let calendar = json!({"sending_times": {"holidays": ["salon"]}});
    create(&host, &admin, &calendar);
    // Every reason of the planner is told.
    for reason in [
        "no_address",
        "bad_address",
        "no_consent",
        "suppressed",
        "erased",
        "window_closed",
        "quiet_hours",
        "no_sending_time",
        "holidays_unknown",
        "too_late",
        "holdout",
        "template_value_missing",
        "text_not_sendable",
    ] {
        assert!(page.contains(&format!("\n| `{reason}` | ")), "{reason}");
    }
    let release = format!("`{}` at the time of writing", crm_core::zone::database());
    assert!(page.contains(&release), "{release}");
}

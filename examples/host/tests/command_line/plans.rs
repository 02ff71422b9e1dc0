//! `crm plan`, as a manager reads it.

use serde_json::{Value, json};

use crate::common::Host;
use crate::program::{crm, fed};

const PEOPLE: &str = "name,email,language,time_zone\n\
    Анна Каримова,anna@post.example,ru,Asia/Tashkent\n\
    山田太郎,taro@post.example,en,Asia/Tokyo\n\
    Vera,,en,\n";

/// A host with three people, and the campaign of these fields; executed when it is so wanted.
fn host_with(fields: &Value, execute: bool) -> Host {
    let host = Host::start(&[]);
    let admin = host.admin();
    fed(&host.directory, &["import"], PEOPLE.as_bytes()).expect(0);
    let template = json!({"name": "t", "occasion_type": "custom", "language": "en", "subject": "Hello",
        "content": "Hello, {{name}}!"});
    let template = host.post(&admin, "/api/templates", template).expect(201);
    let mut body =
        json!({"name": "Лето", "occasion_type": "custom", "template_id": template["id"]});
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    let campaign = host.post(&admin, "/api/campaigns", body).expect(201);
    if execute {
        let path = format!("/api/campaigns/{}", campaign["id"].as_str().unwrap());
        host.post(&admin, &format!("{path}/execute"), json!({}))
            .expect(202);
    }
    host
}

fn told(host: &Host) -> String {
    crm(&host.directory, &["plan", "Лето"]).expect(0).text()
}

/// What is printed once the plan has three lines, each written or left out.
fn planned(host: &Host) -> String {
    let admin = host.sign_in("a@salon.example");
    let campaigns = host.get(&admin, "/api/campaigns").expect(200);
    let id = campaigns["items"][0]["id"].as_str().unwrap();
    host.until(&admin, &format!("/api/campaigns/{id}/plan"), |plan| {
        let items = plan["items"].as_array().unwrap();
        let done = |line: &Value| line["excluded"] == true || !line["message_id"].is_null();
        items.len() == 3 && items.iter().all(done)
    });
    told(host)
}

/// The table of an output: its header, and its rows in the order of the alphabet.
fn table(told: &str) -> (&str, Vec<&str>) {
    let (_, table) = told.split_once("\n\n").unwrap();
    let (header, rows) = table.split_once('\n').unwrap();
    let mut rows: Vec<&str> = rows.lines().collect();
    rows.sort_unstable();
    (header, rows)
}

#[test]
fn a_plan_is_a_table_that_a_manager_reads() {
    let at = json!({"schedule_type": "scheduled", "scheduled_at": "2099-06-01T23:30:00Z", "local_time": true,
        "sending_times": {"quiet_hours": {"from": "21:00", "until": "09:00"}}});
    let host = host_with(&at, true);
    let told = planned(&host);
    assert!(
        told.contains("  planned: 3, of whom 2 get a message and 1 do not\n"),
        "{told}"
    );
    assert!(
        told.contains("    1 no address for this channel\n"),
        "{told}"
    );
    assert!(
        !told.contains("next run") && !told.contains("test run"),
        "{told}"
    );
    let (header, rows) = table(&told);
    assert_eq!(
        header,
        "  Name           When                  Time zone      Channel  State                                 Cost"
    );
    assert_eq!(
        rows,
        [
            "  Vera           -                     Asia/Tashkent  email    nothing: no address for this channel  -",
            "  Анна Каримова  Tue 2 Jun 2099 09:00  Asia/Tashkent  email    waits for approval                    0.00",
            "  山田太郎       Tue 2 Jun 2099 09:00  Asia/Tokyo     email    waits for approval                    0.00",
        ]
    );
    let none = crm(&host.directory, &["plan", "Лето", "--lines", "0"]);
    let none = none.expect(0).text();
    assert!(!none.contains("Name") && !none.contains("\n\n"), "{none}");
}

#[test]
fn variants_and_what_is_left_out_are_told_in_words() {
    let fields = json!({"schedule_type": "scheduled", "scheduled_at": "2099-06-01T23:30:00Z", "local_time": true,
        "sending_times": {"quiet_hours": {"from": "21:00", "until": "09:00"}, "otherwise": "skip"},
        "variants": {"arms": [{"name": "short"}, {"name": "long"}]}});
    let told = planned(&host_with(&fields, true));
    assert!(
        told.contains("    1 no address for this channel\n"),
        "{told}"
    );
    assert!(
        told.contains("    2 would come outside the sending times\n"),
        "{told}"
    );
    let (header, rows) = table(&told);
    assert!(header.contains("  Channel  Variant  State "), "{told}");
    assert!(
        rows[2].contains("  email    -        nothing: would come outside the sending times"),
        "{told}"
    );
    let mut fields = fields;
    fields["sending_times"]["otherwise"] = json!("hold");
    let told = planned(&host_with(&fields, true));
    let (_, rows) = table(&told);
    for row in &rows[1..] {
        let drawn = ["  short    waits", "  long     waits"];
        assert!(drawn.iter().any(|drawn| row.contains(drawn)), "{told}");
    }
}

#[test]
fn before_it_is_planned_it_says_when_it_runs() {
    let weekly = json!({"schedule_type": "recurring", "recurrence_rule": "FREQ=WEEKLY;BYDAY=MO",
        "scheduled_at": "2099-01-01T04:00:00Z"});
    let host = host_with(&weekly, false);
    let told_before = told(&host);
    assert!(
        told_before.contains("  not planned yet: it is a draft, and runs once it is executed\n"),
        "{told_before}"
    );
    let admin = host.sign_in("a@salon.example");
    let campaigns = host.get(&admin, "/api/campaigns").expect(200);
    let path = format!(
        "/api/campaigns/{}",
        campaigns["items"][0]["id"].as_str().unwrap()
    );
    let step = |step: &str| {
        host.post(&admin, &format!("{path}/{step}"), json!(null));
        told(&host)
    };
    let next = "  not planned yet: the next run is at Mon 5 Jan 2099 09:00 Asia/Tashkent\n";
    let after = step("execute");
    assert!(after.contains(next), "{after}");
    let after = step("pause");
    assert!(
        after.contains("  not planned yet: it is paused, and goes on once it is resumed\n"),
        "{after}"
    );
    let after = step("resume");
    assert!(after.contains(next), "{after}");
    let after = step("cancel");
    assert!(
        after.contains("  not planned yet: it was called off\n"),
        "{after}"
    );

    // Nobody has a birthday here.
    let host = host_with(&json!({"schedule_type": "date"}), true);
    let after = told(&host);
    let words = "  not planned yet: it looks every hour whose birthday comes, next at ";
    assert!(
        after.contains(words) && after.contains(" Asia/Tashkent\n"),
        "{after}"
    );
}

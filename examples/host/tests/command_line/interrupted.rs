//! Imports that are cut off, by a signal that can be heeded and by one that cannot, go on and end as if nothing had
//! happened.
#![cfg(unix)]

use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::common::Host;
use crate::common::place::Place;
use crate::program::{command, contacts, count, crm, fed, file, shown};

const ROWS: usize = 12_000;

/// Every tenth row is a bad one, and every seventh about the person before it.
fn rows() -> String {
    some_rows(ROWS)
}

fn some_rows(rows: usize) -> String {
    let rows = (0..rows).map(|number| match number {
        number if number % 10 == 9 => format!("Person {number},nobody,\n"),
        number if number % 7 == 6 => {
            format!("Person {number},p{}@post.example,B{number}\n", number - 1)
        }
        number => format!("Person {number},p{number}@post.example,\n"),
    });
    format!("name,email,company\n{}", rows.collect::<String>())
}

/// An empty database with its tables, and the file.
fn place() -> Place {
    let place = Place::new();
    fed(&place, &["import"], b"name\nnobody\n").expect(0);
    place
}

fn begun(place: &Place, args: &[&str], rows: i64) -> Child {
    let began = Instant::now();
    let mut child = command(place, args).spawn().unwrap();
    while count(place) < rows {
        assert_eq!(child.try_wait().unwrap(), None, "it ended by itself");
        assert!(
            began.elapsed() < Duration::from_secs(120),
            "nothing comes in"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
    child
}

/// What Ctrl-C does.
fn interrupt(child: &Child) {
    let done = std::process::Command::new("sh")
        .args(["-c", &format!("kill -INT {}", child.id())])
        .status();
    assert!(done.unwrap().success());
}

/// A report without what only this import has.
fn alike(mut report: Value) -> Value {
    report["import_id"] = json!(null);
    report
}

#[test]
fn what_was_cut_off_goes_on_and_ends_as_if_it_had_not_been() {
    let undisturbed = place();
    let path = file(&undisturbed, "a.csv", rows());
    let rejects = undisturbed.path().join("rejects.csv");
    let flags = [
        "--duplicates",
        "update",
        "--rejects",
        "rejects.csv",
        "--json",
    ];
    let args = [&["import", shown(&path)][..], &flags].concat();
    let wanted = crm(&undisturbed, &args).expect(1).json();
    assert_eq!(wanted["rejected"], ROWS / 10);

    let place = place();
    let path = file(&place, "a.csv", rows());
    let args = [&["import", shown(&path)][..], &flags].concat();
    let mut child = begun(&place, &args, 1_500);
    interrupt(&child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["status"], "failed");
    let id = report["import_id"].as_str().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.starts_with("crm: stopped after "), "{told}");
    assert!(told.contains(&format!("--resume={id}")), "{told}");
    let reached = count(&place);
    assert!(reached < 8_000, "{reached}");

    // One more would be another import.
    let other = crm(&place, &["import", shown(&path), "--dry-run"]).expect(1);
    assert_eq!(other.err, "");
    let resume = format!("--resume={id}");
    child = begun(&place, &[&args[..], &[&resume]].concat(), reached + 1_500);
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    let reached = count(&place);
    assert!(reached < 9_000, "{reached}");

    // Other flags are no way to go on.
    let other = crm(
        &place,
        &["import", shown(&path), "--resume", "--duplicates", "fill"],
    )
    .expect(2);
    assert!(
        other.err.contains("the same flags as before"),
        "{}",
        other.err
    );
    let other = crm(
        &place,
        &["import", shown(&path), "--resume", "--region", "KZ"],
    )
    .expect(2);
    assert!(
        other.err.contains("the same flags as before"),
        "{}",
        other.err
    );
    let done = crm(&place, &[&args[..], &["--resume"]].concat())
        .expect(1)
        .json();
    assert_eq!(done["import_id"], id);
    assert_eq!(alike(done), alike(wanted));
    assert_eq!(contacts(&place), contacts(&undisturbed));
    let written = std::fs::read(place.path().join("rejects.csv")).unwrap();
    assert_eq!(written, std::fs::read(rejects).unwrap());

    // It has ended.
    let none = crm(&place, &[&args[..], &["--resume"]].concat()).expect(1);
    assert_eq!(
        none.err,
        "crm: no import of this file was cut off; leave --resume out\n"
    );
    let none = crm(&place, &[&args[..], &[&resume]].concat()).expect(1);
    assert!(none.err.contains("was not cut off"), "{}", none.err);
    let done = crm(&place, &["import", "revert", id, "--json"])
        .expect(0)
        .json();
    assert_eq!(done["revert"]["kept"], 0);
    assert_eq!(contacts(&place).len(), 1);
}

#[test]
fn another_file_is_no_way_to_go_on() {
    let place = place();
    let path = file(&place, "a.csv", rows());
    let mut child = begun(&place, &["import", shown(&path)], 1_000);
    child.kill().unwrap();
    child.wait().unwrap();
    let other = file(&place, "b.csv", "name\nZoya\n");
    let none = crm(&place, &["import", shown(&other), "--resume"]).expect(1);
    assert!(none.err.contains("no import of this file"), "{}", none.err);
    // It is found again, and whoever begins anew is told.
    let one_more = command(&place, &["import", shown(&path)]).spawn().unwrap();
    let output = one_more.wait_with_output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    let id = told.split("--resume=").nth(1).unwrap();
    let id = id.split(' ').next().unwrap();
    let resume = format!("--resume={id}");
    let wrong = crm(&place, &["import", shown(&other), &resume]).expect(2);
    assert!(
        wrong.err.contains("it is another file than before"),
        "{}",
        wrong.err
    );
    let done = crm(&place, &["import", shown(&path), &resume, "--json"])
        .expect(1)
        .json();
    assert_eq!(
        (&done["import_id"], &done["status"]),
        (&json!(id), &json!("completed"))
    );
}

/// The database goes away half way: what was done and how to go on is said, and it goes on.
#[test]
fn a_database_that_breaks_half_way_leaves_what_can_be_gone_on_with() {
    let place = place();
    let Some(_) = &place.postgres else {
        // A file is held by somebody who writes: nobody can write to it for longer than anybody waits.
        let path = file(&place, "a.csv", rows());
        let child = begun(&place, &["import", shown(&path)], 1_000);
        let held = place.file(crate::common::place::Tables::Engine);
        held.busy_timeout(Duration::from_secs(60)).unwrap();
        held.execute_batch("BEGIN IMMEDIATE").unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.starts_with("crm: the database is busy"), "{told}");
        assert!(
            told.contains("--resume=") && told.lines().count() == 1,
            "{told}"
        );
        let refused = crm(&place, &["import", shown(&path), "--resume"]).expect(1);
        assert!(refused.err.contains("busy"), "{}", refused.err);
        held.execute_batch("ROLLBACK").unwrap();
        let done = crm(&place, &["import", shown(&path), "--resume", "--json"])
            .expect(1)
            .json();
        assert_eq!(
            (&done["status"], &done["done"]),
            (&json!("completed"), &json!(ROWS))
        );
        return;
    };
    let path = file(&place, "a.csv", rows());
    let child = begun(&place, &["import", shown(&path)], 1_000);
    place.allow_writing(false);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("--resume=") && told.lines().count() == 1,
        "{told}"
    );
    place.allow_writing(true);
    let done = crm(&place, &["import", shown(&path), "--resume", "--json"])
        .expect(1)
        .json();
    assert_eq!(
        (&done["status"], &done["done"]),
        (&json!("completed"), &json!(ROWS))
    );
}

#[test]
fn a_file_that_grows_comes_in_as_it_was() {
    let place = place();
    let path = file(&place, "a.csv", rows());
    let child = begun(&place, &["import", shown(&path)], 1_000);
    let mut more = std::fs::OpenOptions::new()
        .append(true)
        .open(&path)
        .unwrap();
    writeln!(more, "Late,late@post.example,").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    let wanted = format!(
        "crm: {}: it was changed while it was imported; what was added is not in, import it again\n",
        path.display()
    );
    assert_eq!(told, wanted);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains(&format!("completed, {ROWS} of {ROWS} rows")),
        "{said}"
    );
    let late = crm(
        &place,
        &[
            "export",
            "--search",
            "late@post.example",
            "--format",
            "jsonl",
        ],
    );
    assert_eq!(late.expect(0).lines(), [] as [Value; 0]);
}

#[test]
fn the_host_and_the_command_line_go_on_with_each_others_imports() {
    const FEW: usize = 6_000;
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let text = some_rows(FEW);
    let path = file(&host.directory, "a.csv", &text);
    let begun_there = host.upload(&admin, text.as_bytes()).expect(202);
    let id = begun_there["import_id"].as_str().unwrap();
    host.until(&admin, "/api/contacts?limit=1", |page| {
        page["total"].as_u64().unwrap() > 500
    });
    let place = host.kill();
    let reached = count(&place);
    let resume = format!("--resume={id}");
    let child = begun(&place, &["import", shown(&path), &resume], reached + 800);
    interrupt(&child);
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));

    let host = Host::start_in(place, &["--no-worker"]);
    let admin = host.sign_in("a@salon.example");
    let to = "/api/contacts/import";
    host.upload_to(&admin, to, text.as_bytes(), &[("resume", id)])
        .expect(202);
    let began = Instant::now();
    let at = format!("/api/contacts/imports/{id}");
    let report = loop {
        let report = host.get(&admin, &at).expect(200);
        if report["status"] == "completed" {
            break report;
        }
        assert!(began.elapsed() < Duration::from_secs(240), "{report}");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(
        (&report["done"], &report["rejected"]),
        (&json!(FEW), &json!(FEW / 10))
    );
    let created = report["created"].as_i64().unwrap();
    assert_eq!(count(&host.directory), created);
    let rejects = crm(&host.directory, &["import", "rejects", id]).expect(0);
    assert_eq!(rejects.text().lines().count(), FEW / 10 + 1);
}

//! What cannot be used is told on one line that says what to do, without what it held.

use crate::common::place::Place;
use crate::program::{address, bare, crm, fed, file, ran, shown};

#[test]
fn help_is_complete_and_the_version_is_told() {
    let place = Place::sqlite();
    let help = ran(bare(&place, &["--help"])).expect(0).text();
    for part in [
        "import",
        "export",
        "audience",
        "plan",
        "approve",
        "verify-history",
        "--database",
        "--workspace",
        "--actor",
        "--json",
        "--config",
        "Exit codes",
    ] {
        assert!(help.contains(part), "{part}: {help}");
    }
    let help = ran(bare(&place, &["import", "--help"])).expect(0).text();
    for part in [
        "--dry-run",
        "--mapping",
        "--duplicates",
        "--region",
        "--rejects",
        "--resume",
        "revert",
        "show",
        "rejects",
        "[default: UZ]",
        "skip",
        "update",
        "fill",
        "create",
    ] {
        assert!(help.contains(part), "{part}: {help}");
    }
    let version = ran(bare(&place, &["--version"])).expect(0).text();
    assert_eq!(version, format!("crm {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn what_is_wrong_is_told_on_one_line() {
    let place = Place::new();
    fed(&place, &["import"], b"name\nAnna\n").expect(0);
    let empty = file(&place, "empty.csv", "");
    let picture = file(
        &place,
        "a.png",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\0\0\0\x01\0\x08\x06\0\0\0",
    );
    let table = file(&place, "a.csv", "name\nBoris\n");
    let id = "01932b00-0000-7000-8000-000000000001";
    let folder = place.path().to_str().unwrap();
    let beyond = place.path().join("no").join("out.csv");
    for (args, code, hint) in [
        (
            &["import", "missing.csv"][..],
            2,
            "missing.csv: there is no such file",
        ),
        (&["import", folder], 2, "it is a folder"),
        (
            &["import", shown(&empty)],
            2,
            "empty.csv: the file is empty",
        ),
        (&["import", shown(&picture)], 2, "a.png: "),
        (&["import"], 2, "standard input: the file is empty"),
        (
            &["import", shown(&table), "--encoding", "klingon"],
            2,
            "encoding",
        ),
        (&["import", shown(&table), "--region", "Mars"], 2, "region"),
        (
            &["import", shown(&table), "--mapping", "name=nonsense"],
            2,
            "mapping",
        ),
        (
            &["import", shown(&table), "--rejects", shown(&table)],
            2,
            "it is the file that is imported",
        ),
        (
            &["import", shown(&table), "--rejects", shown(&beyond)],
            2,
            "cannot be written",
        ),
        (
            &["import", shown(&table), "--workspace", "a b"],
            2,
            "workspace",
        ),
        (&["import", "revert", id], 1, "no such import"),
        (&["import", "show", id], 1, "no such import"),
        (&["import", "rejects", id], 1, "no such import"),
        (
            &[
                "import",
                shown(&table),
                "--resume=01932b00-0000-7000-8000-000000000001",
            ],
            1,
            "no such import",
        ),
        (&["export", "--format", "pdf"], 2, "use csv, jsonl or vcard"),
        (&["export", "--json"], 2, "--output"),
        (&["export", "--output", folder], 2, "it is a folder"),
        (
            &["export", "--output", shown(&beyond)],
            2,
            "cannot be written",
        ),
        (
            &["audience", "count", "segmnt = VIP"],
            2,
            "did you mean segment?",
        ),
        (
            &["audience", "count", r#"{"segmnt": "VIP"}"#],
            2,
            "docs/audiences.md",
        ),
        (&["plan", id], 1, "no such campaign"),
        (&["plan", "Весна"], 1, "no campaign of this id or name"),
        (&["approve"], 2, "say which messages"),
        (
            &["approve", "--all", "--yes", "--manifest", "00"],
            2,
            "64 hexadecimal digits",
        ),
        (
            &[
                "verify-history",
                "--workspace",
                "default",
                "--checkpoint",
                "x",
            ],
            2,
            "POSITION:HASH",
        ),
        (
            &["verify-history", "--config", "missing.toml"],
            2,
            "missing.toml",
        ),
        (
            &[
                "verify-history",
                "--database",
                "mysql://anna:hunter2@db/crm",
            ],
            2,
            "sqlite:PATH",
        ),
    ] {
        let done = crm(&place, args).expect(code);
        assert!(done.err.contains(hint), "{args:?}: {}", done.err);
        assert!(
            done.err.starts_with("crm: ") && done.err.lines().count() == 1,
            "{}",
            done.err
        );
        assert!(!done.err.contains("hunter2"), "{}", done.err);
        assert_eq!(done.text(), "", "{args:?}");
    }
    let left = std::fs::read_to_string(&table).unwrap();
    assert_eq!(left, "name\nBoris\n");
    assert_eq!(
        crm(&place, &["audience", "count", "everybody"])
            .expect(0)
            .text(),
        "1\n"
    );
    for (args, said) in [
        (
            &["import", "a.csv", "--duplicates", "merge"][..],
            "invalid value 'merge' for '--duplicates <HOW>' [possible values: skip, update, fill, create]",
        ),
        (
            &["plan"],
            "the following required arguments were not provided: <CAMPAIGN>",
        ),
        (
            &["import", "--colour"],
            "unexpected argument '--colour' found",
        ),
        (
            &["approve", "--severity", "grave"],
            "invalid value 'grave' for '--severity <SEVERITY>': use one of notice, warning, blocking",
        ),
    ] {
        let usage = crm(&place, args).expect(2);
        assert_eq!(usage.err, format!("crm: {said}\n"));
    }
    let nothing = crm(&place, &[]).expect(2);
    assert!(
        nothing.err.starts_with("crm: 'crm' requires a subcommand"),
        "{}",
        nothing.err
    );
    let nothing = ran(bare(&place, &[])).expect(2);
    assert!(nothing.err.contains("Usage: crm "), "{}", nothing.err);
}

#[test]
fn a_database_that_is_not_there_is_made_by_an_import_alone() {
    let place = Place::sqlite();
    for args in [
        &["export"][..],
        &["audience", "count", "everybody"],
        &["plan", "x"],
        &["approve", "--all"],
        &["verify-history"],
        &["import", "revert", "01932b00-0000-7000-8000-000000000001"],
        &["import", "show", "01932b00-0000-7000-8000-000000000001"],
    ] {
        let done = crm(&place, args).expect(2);
        assert!(done.err.contains("there is no database"), "{}", done.err);
    }
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
    let table = file(&place, "a.csv", "name\nAnna\n");
    let nowhere = ran(bare(
        &place,
        &["import", shown(&table), "--database", "sqlite:no/crm.db"],
    ))
    .expect(2);
    assert!(nowhere.err.contains("does not exist"), "{}", nowhere.err);
    let text = file(
        &place,
        "text.db",
        "this is no database, this is no database, this is none",
    );
    let flag = format!("sqlite:{}", text.display());
    let none = ran(bare(&place, &["export", "--database", &flag])).expect(1);
    assert!(none.err.contains("cannot be opened"), "{}", none.err);
    assert_eq!(none.err.lines().count(), 1, "{}", none.err);
    crm(&place, &["import", shown(&table)]).expect(0);
    assert!(address(&place).ends_with("crm.db"));
}

#[cfg(unix)]
#[test]
fn what_comes_from_a_pipe_is_a_file_too() {
    let place = Place::new();
    let mut piped = bare(&place, &["import", "/dev/stdin"]);
    piped.env("CRM_DATABASE", address(&place));
    piped.stdin(std::process::Stdio::piped());
    let mut child = piped.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, b"name\nAnna\n").unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        crm(&place, &["audience", "count", "everybody"])
            .expect(0)
            .text(),
        "1\n"
    );
}

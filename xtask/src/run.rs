//! Running other programs: what is run is shown first, and a failure says which command it was.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// `cargo` in `root`: the one that started us, so that the toolchain stays the same.
pub(crate) fn cargo(root: &Path) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.current_dir(root);
    command
}

/// Runs `command` with our own standard streams.
pub(crate) fn inherit(command: &mut Command) -> Result<(), String> {
    let shown = show(command);
    let status = command
        .status()
        .map_err(|error| format!("`{shown}` did not start: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{shown}` failed ({status})"))
    }
}

/// Runs `command`, copies its two output streams to `out` as they come and hands every line to `each`.
///
/// Both streams share one pipe: the order of lines is the order in which they were written.
pub(crate) fn tee(
    command: &mut Command,
    mut out: impl Write,
    mut each: impl FnMut(&str),
) -> Result<(), String> {
    let shown = show(command);
    let broken = |error: std::io::Error| format!("`{shown}`: {error}");
    let (reader, writer) = std::io::pipe().map_err(broken)?;
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone().map_err(broken)?)
        .stderr(writer);
    let mut child = command
        .spawn()
        .map_err(|error| format!("`{shown}` did not start: {error}"))?;
    // The command still holds the writing ends: the pipe would never end.
    command.stdout(Stdio::null()).stderr(Stdio::null());

    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line).map_err(broken)? == 0 {
            break;
        }
        // A closed terminal must not stop the child half-way.
        let _ = out.write_all(&line).and_then(|()| out.flush());
        each(String::from_utf8_lossy(&line).trim_end());
    }
    let status = child.wait().map_err(broken)?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{shown}` failed ({status})"))
    }
}

/// The trimmed output of `command` when it exists and succeeds; nothing is printed.
pub(crate) fn probe(command: &mut Command) -> Option<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

/// Prints the heading of a step.
pub(crate) fn heading(text: &str) {
    if std::io::stdout().is_terminal() {
        println!("\n\u{1b}[1m==> {text}\u{1b}[0m");
    } else {
        println!("\n==> {text}");
    }
}

/// Program and arguments on one line, without the program's folder.
fn show(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut shown = program
        .file_name()
        .unwrap_or(command.get_program())
        .to_string_lossy()
        .into_owned();
    for argument in command.get_args() {
        shown.push(' ');
        shown.push_str(&argument.to_string_lossy());
    }
    shown
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn tee_keeps_the_order_of_both_streams_and_survives_bad_utf8() {
        let mut lines = Vec::new();
        let script = r"echo one; echo two >&2; echo three; printf '\377\n'; printf last";
        let mut copy = Vec::new();
        tee(&mut shell(script), &mut copy, |line| {
            lines.push(line.to_owned())
        })
        .unwrap();
        assert_eq!(copy, b"one\ntwo\nthree\n\xff\nlast");
        assert_eq!(lines, ["one", "two", "three", "\u{fffd}", "last"]);
    }

    #[test]
    fn a_failing_command_is_an_error_that_names_it() {
        let problem = tee(&mut shell("exit 3"), std::io::sink(), |_| ()).unwrap_err();
        assert!(
            problem.contains("sh -c exit 3") && problem.contains('3'),
            "{problem}"
        );
        assert!(inherit(&mut shell("exit 1")).is_err());
        assert!(inherit(&mut Command::new("no-such-program-here")).is_err());
    }

    #[test]
    fn a_probe_answers_only_for_a_program_that_succeeds() {
        assert_eq!(probe(&mut shell("echo 7")).as_deref(), Some("7"));
        assert_eq!(probe(&mut shell("echo 7; exit 1")), None);
        assert_eq!(probe(&mut Command::new("no-such-program-here")), None);
    }
}

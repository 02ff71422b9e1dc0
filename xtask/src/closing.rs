//! The closing lines of pytest and of `node --test`: how many tests ran and how they ended.

use crate::counts::Suite;

fn suite(name: &str, [passed, failed, ignored]: [u64; 3]) -> Result<Suite, String> {
    if passed + failed == 0 {
        return Err(format!("{name}: no test was run"));
    }
    Ok(Suite {
        name: name.to_owned(),
        passed,
        failed,
        ignored,
        finished: true,
    })
}

/// Reads pytest's output for its last line: `186 passed, 1 failed, 2 errors in 25.29s`.
#[derive(Debug, Default)]
pub(crate) struct Pytest {
    counts: Option<[u64; 3]>,
}

impl Pytest {
    /// Reads the next line.
    pub(crate) fn line(&mut self, line: &str) {
        let line = line.trim().trim_matches('=').trim();
        let Some((figures, time)) = line.rsplit_once(" in ") else {
            return;
        };
        if !time.starts_with(|c: char| c.is_ascii_digit()) {
            return;
        }
        let mut counts = [0; 3];
        for figure in figures.split(", ") {
            let Some((number, word)) = figure.split_once(' ') else {
                return;
            };
            let Ok(number) = number.parse::<u64>() else {
                return;
            };
            let place = match word {
                "passed" | "xpassed" => &mut counts[0],
                "failed" | "error" | "errors" => &mut counts[1],
                "skipped" | "xfailed" | "deselected" => &mut counts[2],
                "warning" | "warnings" => continue,
                _ => return,
            };
            *place += number;
        }
        self.counts = Some(counts);
    }

    /// What was read.
    pub(crate) fn finish(self, name: &str) -> Result<Suite, String> {
        let counts = self
            .counts
            .ok_or_else(|| format!("{name}: ended without a result"))?;
        suite(name, counts)
    }
}

/// Reads the end of TAP as Node.js writes it: `# pass 25`, `# fail 0`, ...
#[derive(Debug, Default)]
pub(crate) struct Tap {
    passed: Option<u64>,
    failed: Option<u64>,
    cancelled: u64,
    ignored: u64,
}

impl Tap {
    /// Reads the next line.
    pub(crate) fn line(&mut self, line: &str) {
        // At the left edge only: a test's own output is indented or quoted, a comment of it too.
        let Some((word, number)) = line
            .strip_prefix("# ")
            .and_then(|rest| rest.split_once(' '))
        else {
            return;
        };
        let Ok(number) = number.parse::<u64>() else {
            return;
        };
        match word {
            "pass" => self.passed = Some(number),
            "fail" => self.failed = Some(number),
            "cancelled" => self.cancelled = number,
            "skipped" => self.ignored += number,
            "todo" => self.ignored += number,
            _ => {}
        }
    }

    /// What was read.
    pub(crate) fn finish(self, name: &str) -> Result<Suite, String> {
        let (Some(passed), Some(failed)) = (self.passed, self.failed) else {
            return Err(format!("{name}: ended without a result"));
        };
        suite(name, [passed, failed + self.cancelled, self.ignored])
    }
}

/// Reads TAP that has no closing lines, as vitest writes it: `ok 1 - ...`, `not ok 2 - ...`.
#[derive(Debug, Default)]
pub(crate) struct TapLines {
    counts: [u64; 3],
}

impl TapLines {
    /// Reads the next line.
    pub(crate) fn line(&mut self, line: &str) {
        let left_out = line.contains("# SKIP") || line.contains("# TODO");
        let [passed, failed, ignored] = &mut self.counts;
        // At the left edge only, as above.
        if line.starts_with("not ok ") {
            *failed += 1;
        } else if line.starts_with("ok ") {
            *(if left_out { ignored } else { passed }) += 1;
        }
    }

    /// What was read.
    pub(crate) fn finish(self, name: &str) -> Result<Suite, String> {
        suite(name, self.counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pytest(text: &str) -> Result<[u64; 3], String> {
        let mut counter = Pytest::default();
        text.lines().for_each(|line| counter.line(line));
        counter.finish("x").map(|s| [s.passed, s.failed, s.ignored])
    }

    fn tap(text: &str) -> Result<[u64; 3], String> {
        let mut counter = Tap::default();
        text.lines().for_each(|line| counter.line(line));
        counter.finish("x").map(|s| [s.passed, s.failed, s.ignored])
    }

    #[test]
    fn the_closing_line_of_pytest_is_read() {
        assert_eq!(pytest("....\n3 passed in 0.12s"), Ok([3, 0, 0]));
        let text = "== 2 failed, 5 passed, 1 skipped, 3 warnings, 4 errors in 61.00s (0:01:01) ==";
        assert_eq!(pytest(text), Ok([5, 6, 1]));
        for nothing in [
            "",
            "no tests ran in 0.01s",
            "5 passed",
            "12 tests in a file",
            "7 deselected in 0.1s",
        ] {
            assert!(pytest(nothing).is_err(), "{nothing}");
        }
    }

    #[test]
    fn lines_of_tap_are_counted() {
        let lines = |text: &str| {
            let mut counter = TapLines::default();
            text.lines().for_each(|line| counter.line(line));
            counter.finish("x").map(|s| [s.passed, s.failed, s.ignored])
        };
        let text = "TAP version 13\n1..4\nok 1 - a\nnot ok 2 - b\n    ---\n    ok 9\n    ...\n\
                    ok 3 - c # SKIP\nok 4 - d # time=1ms";
        assert_eq!(lines(text), Ok([2, 1, 1]));
        assert!(lines("TAP version 13\n1..0").is_err());
    }

    #[test]
    fn the_end_of_tap_is_read() {
        let text = "ok 1 - x\n# tests 7\n# pass 3\n# fail 1\n# cancelled 2\n# skipped 1\n# todo 0";
        assert_eq!(tap(text), Ok([3, 3, 1]));
        for nothing in [
            "",
            "# pass 3",
            "# pass 0\n# fail 0",
            "    # pass 3\n    # fail 0",
        ] {
            assert!(tap(nothing).is_err(), "{nothing}");
        }
    }
}

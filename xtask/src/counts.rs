//! Counting tests: reads the output of `cargo test` line by line.

/// One test binary or one crate's doc tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Suite {
    /// What was run, e.g. `crm_core (src/lib.rs)`.
    pub(crate) name: String,
    /// Tests that passed.
    pub(crate) passed: u64,
    /// Tests that failed.
    pub(crate) failed: u64,
    /// Tests marked `#[ignore]`.
    pub(crate) ignored: u64,
    /// Whether it ended with a result line. A binary that crashes or exits early has none.
    pub(crate) finished: bool,
}

/// Most lines of one failed test that are repeated at the end.
const LINES: usize = 30;

/// Collects suites from the lines of `cargo test`, and what failed tests said.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    suites: Vec<Suite>,
    said: Vec<String>,
    /// Whether the lines that come are those of the last failed test.
    telling: bool,
}

impl Counter {
    /// Reads the next line.
    pub(crate) fn line(&mut self, line: &str) {
        self.listen(line);
        let line = line.trim();
        if let Some(name) = suite_name(line) {
            self.suites.push(Suite {
                name,
                passed: 0,
                failed: 0,
                ignored: 0,
                finished: false,
            });
        } else if let Some([passed, failed, ignored]) = result(line) {
            // Doc tests print one line for each way they are compiled: all belong to one suite.
            if let Some(suite) = self.suites.last_mut() {
                suite.passed += passed;
                suite.failed += failed;
                suite.ignored += ignored;
                suite.finished = true;
            } else {
                let name = "tests".to_owned();
                self.suites.push(Suite {
                    name,
                    passed,
                    failed,
                    ignored,
                    finished: true,
                });
            }
        }
    }

    /// Keeps what a failed test printed, up to its backtrace.
    fn listen(&mut self, line: &str) {
        if line.starts_with("---- ") && line.ends_with(" stdout ----") {
            self.said.push(String::new());
            self.telling = true;
        } else if line == "failures:" || line.starts_with("stack backtrace") {
            self.telling = false;
        }
        if let Some(told) = self.said.last_mut().filter(|_| self.telling)
            && !line.trim().is_empty()
            && told.lines().count() < LINES
        {
            told.push_str(line);
            told.push('\n');
        }
    }

    /// What failed tests said, one text each.
    pub(crate) fn said(&mut self) -> Vec<String> {
        std::mem::take(&mut self.said)
    }

    /// What was read: the suites, and what is wrong with them apart from failed tests.
    pub(crate) fn finish(self) -> (Vec<Suite>, Option<String>) {
        let unfinished: Vec<&str> = self
            .suites
            .iter()
            .filter(|s| !s.finished)
            .map(|s| s.name.as_str())
            .collect();
        let problem = if !unfinished.is_empty() {
            Some(format!("ended without a result: {}", unfinished.join(", ")))
        } else if self.suites.iter().all(|s| s.passed + s.failed == 0) {
            Some("no test was run".to_owned())
        } else {
            None
        };
        (self.suites, problem)
    }
}

/// The suite a line of cargo announces.
///
/// `Running unittests src/lib.rs (target/debug/deps/crm_core-0f3a)` or `Doc-tests crm_core`.
fn suite_name(line: &str) -> Option<String> {
    if let Some(name) = line.strip_prefix("Doc-tests ") {
        return Some(format!("{name} (doc tests)"));
    }
    let (source, binary) = line
        .strip_prefix("Running ")?
        .strip_suffix(')')?
        .split_once(" (")?;
    let source = source.strip_prefix("unittests ").unwrap_or(source);
    let file = binary.rsplit(['/', '\\']).next().unwrap_or(binary);
    let name = file.rsplit_once('-').map_or(file, |(name, _hash)| name);
    Some(format!("{name} ({source})"))
}

/// Passed, failed and ignored from `test result: ok. 3 passed; 0 failed; 1 ignored; ...`.
fn result(line: &str) -> Option<[u64; 3]> {
    let (_verdict, figures) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut counts = [0; 3];
    let mut figures = figures.split("; ");
    for (count, word) in counts.iter_mut().zip(["passed", "failed", "ignored"]) {
        let (number, found) = figures.next()?.split_once(' ')?;
        if found != word {
            return None;
        }
        *count = number.parse().ok()?;
    }
    Some(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "
   Compiling crm-core v0.1.0 (crates/crm-core)
    Finished `test` profile [unoptimized] target(s) in 1.20s
     Running unittests src/lib.rs (target/debug/deps/crm_core-0f3a9c)

running 3 tests
test a ... ok
test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s

     Running tests/all_pairs.rs (target/debug/deps/all_pairs-77aa)
test result: FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.50s
   Doc-tests crm_core
test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
";

    fn read(text: &str) -> (Vec<Suite>, Option<String>) {
        let mut counter = Counter::default();
        text.lines().for_each(|line| counter.line(line));
        counter.finish()
    }

    #[test]
    fn suites_and_their_counts_are_read() {
        let (suites, problem) = read(OUTPUT);
        let seen: Vec<_> = suites
            .iter()
            .map(|s| (s.name.as_str(), s.passed, s.failed, s.ignored))
            .collect();
        assert_eq!(
            seen,
            [
                ("crm_core (src/lib.rs)", 2, 0, 1),
                ("all_pairs (tests/all_pairs.rs)", 12, 3, 0),
                ("crm_core (doc tests)", 5, 0, 0),
            ]
        );
        assert_eq!(problem, None);
    }

    #[test]
    fn a_crashed_suite_is_a_problem() {
        let text = "Running tests/x.rs (target/debug/deps/x-1)\nrunning 2 tests\n\
                    Running tests/y.rs (target/debug/deps/y-1)\n\
                    test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured";
        let (suites, problem) = read(text);
        assert_eq!(suites.len(), 2);
        assert_eq!(problem.unwrap(), "ended without a result: x (tests/x.rs)");
    }

    #[test]
    fn nothing_run_is_a_problem() {
        assert_eq!(read("").1.unwrap(), "no test was run");
        let empty = "Running tests/x.rs (d/x-1)\ntest result: ok. 0 passed; 0 failed; 5 ignored; 0 measured";
        assert_eq!(read(empty).1.unwrap(), "no test was run");
    }

    #[test]
    fn what_failed_tests_say_is_kept() {
        let mut counter = Counter::default();
        let long = "more\n".repeat(LINES);
        let text = format!(
            "test a ... FAILED\n\nfailures:\n\n---- a stdout ----\n\nthread 'a' panicked at x.rs:1:\nseed 1: wrong\n\
             stack backtrace:\n   0: main\n\n---- b stdout ----\n{long}\nfailures:\n    a\n    b\n\n\
             test result: FAILED. 0 passed; 2 failed; 0 ignored; 0 measured\n"
        );
        text.lines().for_each(|line| counter.line(line));
        let said = counter.said();
        let first = "---- a stdout ----\nthread 'a' panicked at x.rs:1:\nseed 1: wrong\n";
        assert_eq!(said.first().map(String::as_str), Some(first));
        assert_eq!(said.get(1).map(|told| told.lines().count()), Some(LINES));
        assert_eq!(said.len(), 2);
    }

    #[test]
    fn other_lines_do_not_count() {
        for line in [
            "test result: ok",
            "test result: ok. many passed; 0 failed; 0 ignored",
            "test result: ok. 1 failed; 1 passed; 0 ignored",
            "the test result: ok. 1 passed; 0 failed; 0 ignored",
            "Running late",
        ] {
            assert_eq!((result(line), suite_name(line)), (None, None), "{line}");
        }
    }
}

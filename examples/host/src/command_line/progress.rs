//! How far it is: a bar on standard error when that is a terminal, and nothing otherwise.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use crate::migrate::bar;

/// How often the bar is drawn anew.
const PAUSE: Duration = Duration::from_millis(100);

/// Shows rows and how many of them come in a second.
pub(super) struct Progress {
    terminal: bool,
    of: Option<u64>,
    began: Instant,
    drawn: Option<Instant>,
}

impl Progress {
    /// Of so many rows, when that is known.
    pub(super) fn new(of: Option<u64>) -> Self {
        Self {
            terminal: std::io::stderr().is_terminal(),
            of,
            began: Instant::now(),
            drawn: None,
        }
    }

    /// So many rows are done.
    pub(super) fn at(&mut self, done: u64) {
        let fresh = self.drawn.is_some_and(|drawn| drawn.elapsed() < PAUSE);
        if !self.terminal || fresh {
            return;
        }
        self.drawn = Some(Instant::now());
        let line = line(done, self.of, self.began.elapsed());
        let mut out = std::io::stderr();
        let _ = write!(out, "\r{line}").and_then(|()| out.flush());
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        if self.drawn.is_some() {
            let mut out = std::io::stderr();
            let _ = write!(out, "\r\x1b[K").and_then(|()| out.flush());
        }
    }
}

fn line(done: u64, of: Option<u64>, took: Duration) -> String {
    let millis = took.as_millis().max(1);
    let speed = u128::from(done).saturating_mul(1_000) / millis;
    match of {
        Some(of) => bar(done, of, &format!("{speed} a second")),
        None => format!("{done} rows, {speed} a second"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_their_speed_are_shown() {
        let second = Duration::from_secs(2);
        assert_eq!(line(3_000, None, second), "3000 rows, 1500 a second");
        let bar = line(50, Some(100), second);
        assert!(
            bar.ends_with(" 50 %  50 of 100 rows, 25 a second   "),
            "{bar}"
        );
        assert!(line(0, None, Duration::ZERO).contains("0 a second"));
    }
}

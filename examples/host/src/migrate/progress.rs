//! How far the move is: a bar on a terminal, else a line when a table is done.

use std::io::{IsTerminal as _, Write as _};

use crm_core::port::schema::TABLES;

/// How many characters the bar has.
const WIDTH: u64 = 30;

/// Counts rows and shows them.
pub(super) struct Progress {
    counts: Vec<u64>,
    moved: Vec<u64>,
    terminal: bool,
}

impl Progress {
    /// `moved` of the `counts` rows of each table are there already.
    pub(super) fn new(counts: &[u64], moved: &[u64]) -> Self {
        let new = Self {
            counts: counts.to_vec(),
            moved: moved.to_vec(),
            terminal: std::io::stdout().is_terminal(),
        };
        let there: u64 = moved.iter().sum();
        if there > 0 {
            crate::say(&format!("{there} rows are there already; going on"));
        }
        new
    }

    /// So many more rows of the table are there.
    pub(super) fn add(&mut self, table: usize, rows: u64) {
        let Some(((moved, count), (name, _))) = self
            .moved
            .get_mut(table)
            .zip(self.counts.get(table))
            .zip(TABLES.get(table))
        else {
            return;
        };
        *moved += rows;
        if self.terminal {
            let line = bar(self.moved.iter().sum(), self.counts.iter().sum(), name);
            let mut out = std::io::stdout();
            let _ = write!(out, "\r{line}").and_then(|()| out.flush());
        } else if moved == count {
            crate::say(&format!("{name}: {moved} rows"));
        }
    }

    /// Leaves the bar's line.
    pub(super) fn end(&self) {
        if self.terminal {
            crate::say("");
        }
    }
}

pub(crate) fn bar(moved: u64, of: u64, table: &str) -> String {
    let full = (moved.saturating_mul(WIDTH) / of.max(1)).min(WIDTH);
    let bar: String = (0..WIDTH)
        .map(|place| if place < full { '#' } else { '.' })
        .collect();
    let percent = (moved.saturating_mul(100) / of.max(1)).min(100);
    format!("[{bar}] {percent:>3} %  {moved} of {of} rows, {table:<14}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_grows_with_the_rows() {
        assert!(bar(0, 0, "contacts").starts_with("[..............................]   0 %"));
        assert!(bar(50, 100, "contacts").starts_with("[###############...............]  50 %"));
        assert!(bar(100, 100, "contacts").starts_with("[##############################] 100 %"));
    }
}

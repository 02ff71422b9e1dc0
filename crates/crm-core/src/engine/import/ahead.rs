//! Rows that are read while the rows before them are written: a store that carries a commit out on another core keeps
//! both busy.
//!
//! What was read ahead is as good as what is read when its turn comes. It holds nothing that depends on who is known or
//! what time it is, and when the definitions of custom fields change before its turn, its rows are looked at again.

use std::future::{Future, poll_fn};
use std::io::{Read, Seek};
use std::pin::pin;
use std::task::Poll;

use super::chunk::Taken;
use super::{CHUNK, Contacts, Import, Reading, read_row};
use crate::contact::definition::Definitions;
use crate::error::{Error, Result};
use crate::import::Row;

/// Rows that were read and are still to be taken, at most 1,000.
pub(super) struct Ahead {
    /// What the workspace says about its custom fields, as the rows were looked at.
    definitions: Definitions,
    pub(super) rows: Vec<ReadRow>,
    /// Why the file cannot be read on behind them.
    pub(super) failed: Option<Error>,
}

/// One of them.
pub(super) struct ReadRow {
    /// Its number in the file, from 0.
    pub(super) number: u64,
    pub(super) row: Row,
    /// What it says, normalised, or why it cannot be taken.
    pub(super) taken: Result<Taken>,
}

impl<R: Read + Seek> Import<'_, R> {
    /// Reads on.
    pub(super) fn read(&mut self, definitions: &Definitions) -> Ahead {
        let reading = Reading {
            import: self.id,
            region: self.region,
            orders: &self.orders,
            definitions,
        };
        let mut ahead = Ahead {
            definitions: definitions.clone(),
            rows: Vec::with_capacity(CHUNK),
            failed: None,
        };
        for row in self.rows.by_ref().take(CHUNK) {
            match row {
                Ok(row) => {
                    ahead.rows.push(ReadRow {
                        number: self.read,
                        taken: read_row(self.read, &row, &reading),
                        row,
                    });
                    self.read += 1;
                }
                Err(error) => {
                    ahead.failed = Some(error);
                    break;
                }
            }
        }
        ahead
    }

    /// The next part of the file, by these definitions: what was read ahead, or is read now.
    pub(super) fn next_part(&mut self, definitions: &Definitions) -> Ahead {
        match self.ahead.take() {
            Some(ahead) if ahead.definitions == *definitions => ahead,
            Some(mut ahead) => {
                let reading = Reading {
                    import: self.id,
                    region: self.region,
                    orders: &self.orders,
                    definitions,
                };
                for read in &mut ahead.rows {
                    read.taken = read_row(read.number, &read.row, &reading);
                }
                ahead
            }
            None => self.read(definitions),
        }
    }
}

impl Contacts<'_> {
    /// Says of rows what their people do not want, in words of the channels there are.
    pub(super) fn hear(&self, rows: &mut [Taken]) {
        let silent = |row: &&mut Taken| row.opt_outs.is_empty() && !row.person.opted_out.is_empty();
        for row in rows.iter_mut().filter(silent) {
            row.opt_outs = self.opt_outs(&row.person.opted_out);
        }
    }
}

/// Begins something that others carry out, does `work` meanwhile, and waits for it.
pub(super) async fn beside<T>(begun: impl Future<Output = T>, work: impl FnOnce()) -> T {
    let mut begun = pin!(begun);
    let first = poll_fn(|context| Poll::Ready(begun.as_mut().poll(context))).await;
    work();
    match first {
        Poll::Ready(done) => done,
        Poll::Pending => begun.await,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn work_is_done_between_the_beginning_and_the_end() {
        let order = RefCell::new(Vec::new());
        let mut polls = 0;
        let begun = poll_fn(|context| {
            polls += 1;
            order.borrow_mut().push("polled");
            context.waker().wake_by_ref();
            if polls < 2 {
                Poll::Pending
            } else {
                Poll::Ready(7)
            }
        });
        let done = beside(begun, || order.borrow_mut().push("worked"));
        assert_eq!(done.now_or_never(), Some(7));
        assert_eq!(order.into_inner(), ["polled", "worked", "polled"]);
    }

    #[test]
    fn what_is_done_at_once_is_not_asked_again() {
        let mut worked = false;
        let done = beside(std::future::ready(7), || worked = true);
        assert_eq!(done.now_or_never(), Some(7));
        assert!(worked);
    }
}

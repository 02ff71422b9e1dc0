//! Where a worker's process ends or freezes: chosen passings of named points around its store and its
//! channel. Nothing of it is in the product.
//!
//! Sixteen names. Before and after a claim (T1), a begin (T2) and a record (T3); on the way of a delivery,
//! connected, half of it written, all of it written, the answer read; the expansion of a campaign, an
//! approval, a suppression, a sweep and a seal, each before and after its commit; and the making of the
//! schema, which each store has ended where it can be.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::sink::Sink;

/// On the way of a delivery, and beside it.
pub const DELIVERY: [&str; 12] = [
    "before claim",
    "after claim",
    "before begin",
    "after begin",
    "after connect",
    "after half",
    "after body",
    "after answer",
    "before record",
    "after record",
    "before seal",
    "after seal",
];

/// What happens at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Blow {
    /// SIGKILL: nothing is unwound, nothing is told.
    Kill,
    /// SIGSTOP, until somebody continues the process.
    Stop,
}

/// A point at which a process is struck.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failpoint {
    /// As [`Point`](crate::crash::Point) is written.
    pub point: String,
    blow: Blow,
    /// Written just before the blow.
    mark: PathBuf,
}

impl Failpoint {
    /// The `nth` passing of `point` by the process `name`.
    #[must_use]
    pub fn new(point: &str, nth: usize, blow: Blow, name: &str, sink: &Sink) -> Self {
        Self {
            point: format!("{point} {nth}"),
            blow,
            mark: sink.path().with_file_name(format!("reached-{name}")),
        }
    }

    /// Strikes this process.
    ///
    /// # Panics
    /// It could not.
    pub fn strike(&self) {
        std::fs::write(&self.mark, &self.point).unwrap();
        match self.blow {
            Blow::Kill => signal("KILL", std::process::id()),
            Blow::Stop => {
                signal("STOP", std::process::id());
                // A stop comes to the threads of a process one after the other, and the one that asked
                // for it may run on for a while: it must not pass the point.
                while !self.released().exists() {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        }
    }

    /// Lets a process pass that was stopped here, once it is continued.
    ///
    /// # Panics
    /// It could not.
    pub fn release(&self) {
        std::fs::write(self.released(), "").unwrap();
    }

    fn released(&self) -> PathBuf {
        self.mark.with_extension("released")
    }

    /// Whether the process got there.
    #[must_use]
    pub fn was_reached(&self) -> bool {
        read(&self.mark).is_some_and(|point| point == self.point)
    }
}

fn read(mark: &Path) -> Option<String> {
    std::fs::read_to_string(mark).ok()
}

/// Sends a process a signal.
///
/// # Panics
/// It is not there.
pub fn signal(name: &str, process: u32) {
    let sent = Command::new("sh")
        .args(["-c", "kill -\"$1\" \"$2\"", "sh", name])
        .arg(process.to_string())
        .status();
    assert!(sent.unwrap().success());
}

//! An observer that keeps what it is told.

use std::sync::{Mutex, PoisonError};

use crate::port::observer::{Notice, Observer};

/// Keeps all notices.
#[derive(Debug, Default)]
pub struct RecordingObserver(Mutex<Vec<Notice>>);

impl RecordingObserver {
    /// All notices so far, oldest first.
    #[must_use]
    pub fn notices(&self) -> Vec<Notice> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Observer for RecordingObserver {
    fn notice(&self, notices: &[Notice]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(notices);
    }
}

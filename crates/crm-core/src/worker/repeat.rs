//! Sending again what is in doubt, where the provider removes duplicates by their key.
//!
//! The look for doubts finds what is due and leaves it here; the flow of deliveries takes it as places become
//! free, and begins it like what it claimed. Until then nothing is written: a message in doubt stays there,
//! where neither an edit nor a deadline can touch it, and a person may settle it at any time.

use std::collections::BTreeMap;
use std::sync::{MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use super::Worker;
use crate::actor::Workspace;
use crate::id::MessageId;
use crate::message::{Message, dispatch};
use crate::port::store::DispatchView;

/// Remembered at most; the next look finds the others.
const MOST: usize = 1_000;

/// What may be sent again now.
#[derive(Debug, Default)]
pub(super) struct Repeats(BTreeMap<MessageId, Message>);

impl Worker {
    /// Forgets what was found before: a new look begins.
    pub(super) fn forget_repeats(&self, workspace: &Workspace) {
        let mut repeats = self.repeats();
        repeats
            .0
            .retain(|_, message| message.workspace != *workspace);
    }

    /// Notes the message if it is to be sent again now.
    pub(super) fn note_repeat(&self, view: &DispatchView, now: DateTime<Utc>) {
        let Some(channel) = self.engine.channels().get(&view.message.channel) else {
            return;
        };
        let keyed = channel.capabilities().idempotent;
        let at = dispatch::repeats_at(view, keyed, self.engine.policy().retry);
        let mut repeats = self.repeats();
        if at.is_some_and(|at| at <= now) && repeats.0.len() < MOST {
            repeats.0.insert(view.message.id, view.message.clone());
        }
    }

    /// Takes the oldest one that `may` go.
    pub(super) fn next_repeat(&self, mut may: impl FnMut(&Message) -> bool) -> Option<Message> {
        let mut repeats = self.repeats();
        let id = *repeats.0.iter().find(|(_, message)| may(message))?.0;
        repeats.0.remove(&id)
    }

    fn repeats(&self) -> MutexGuard<'_, Repeats> {
        // A poisoned lock still holds a usable map: it is written in one call.
        self.repeats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

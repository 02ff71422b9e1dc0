//! The sets that were previewed for bulk decisions, kept for a while.
//!
//! A manifest names a set of (message, version, digest). As long as the set is kept, a decision acts on
//! exactly it and skips what changed; afterwards (or after a restart) the selection is read again and
//! has to give the same manifest.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::BulkAction;
use crate::actor::Workspace;
use crate::id::MessageId;
use crate::message::Digest;
use crate::message::decide::Seen;

/// How many sets are kept.
const KEPT: usize = 32;
/// How many messages all kept sets hold together at most.
const KEPT_MESSAGES: usize = 1_000_000;

/// A previewed set.
pub(super) type Set = Arc<Vec<(MessageId, Seen)>>;

#[derive(Debug)]
struct Preview {
    workspace: Workspace,
    action: BulkAction,
    manifest: Digest,
    set: Set,
}

/// The kept sets, newest last.
#[derive(Debug, Default)]
pub(super) struct Previews(Mutex<VecDeque<Preview>>);

impl Previews {
    pub(super) fn keep(
        &self,
        workspace: &Workspace,
        action: BulkAction,
        manifest: Digest,
        set: Vec<(MessageId, Seen)>,
    ) {
        // A poisoned lock still holds whole entries: each is pushed in one call.
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let workspace = workspace.clone();
        kept.push_back(Preview {
            workspace,
            action,
            manifest,
            set: Arc::new(set),
        });
        let total = |kept: &VecDeque<Preview>| kept.iter().map(|p| p.set.len()).sum::<usize>();
        while kept.len() > KEPT || (kept.len() > 1 && total(&kept) > KEPT_MESSAGES) {
            kept.pop_front();
        }
    }

    pub(super) fn find(
        &self,
        workspace: &Workspace,
        action: BulkAction,
        manifest: Digest,
    ) -> Option<Set> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().rev().find(|preview| {
            preview.manifest == manifest
                && preview.action == action
                && preview.workspace == *workspace
        });
        found.map(|preview| preview.set.clone())
    }
}

//! The intake as people see it: looking at it, and putting something in.

use serde_json::Value;

use super::Session;
use crate::actor::Action;
use crate::change::{Change, ChangeSet};
use crate::error::Result;
use crate::intake::{IntakeRow, Kind, NewIntake, subject_id};
use crate::message::history::Subject;
use crate::port::store::IntakeQuery;

/// Use cases of the intake.
#[derive(Debug, Clone, Copy)]
pub struct Intake<'a>(pub(super) &'a Session);

impl Intake<'_> {
    /// Lists rows, newest first unless asked otherwise.
    ///
    /// # Errors
    /// `Forbidden` for anyone but managers and admins; as the store.
    pub async fn list(&self, query: IntakeQuery) -> Result<Vec<IntakeRow>> {
        self.0.require(Action::Intake)?;
        self.0.store().intake(self.0.workspace(), query).await
    }

    /// Puts a row in, as a host does by SQL: it is worked off later, and judged then. See
    /// [`Order`](crate::intake::Order) for the payloads.
    ///
    /// # Errors
    /// `Forbidden` for anyone but managers and admins; `Invalid` for a key that is empty or too long.
    pub async fn put(&self, key: &str, kind: Kind, payload: Value) -> Result<()> {
        self.0.require(Action::Intake)?;
        let stamp = self.0.stamp();
        let workspace = self.0.workspace();
        let new = NewIntake {
            workspace: workspace.clone(),
            key: key.to_owned(),
            kind: kind.as_str().to_owned(),
            payload,
            created_at: stamp.at,
        };
        new.check()?;
        let mut set = ChangeSet::new(workspace.clone());
        set.event(stamp.event(Subject::Intake, subject_id(workspace, key), 1, "put"))
            .push(Change::InsertIntake(Box::new(new)));
        self.0.engine.commit_one(set).await
    }
}

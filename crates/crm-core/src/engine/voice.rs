//! The voice of the house: read by everybody, set by admins.

use super::{Engine, Session};
use crate::actor::{Action, Workspace};
use crate::change::{Change, ChangeSet};
use crate::error::{Error, ErrorKind, Result};
use crate::generation::voice::{Voice, VoiceFields, subject_id};
use crate::message::history::Subject;

/// Use cases of the voice.
#[derive(Debug, Clone, Copy)]
pub struct Voices<'a>(pub(super) &'a Session);

impl Engine {
    /// The voice of a workspace; an empty one of version 0 if none was set.
    pub(crate) async fn voice(&self, workspace: &Workspace) -> Result<Voice> {
        let voice = self.store().voice(workspace).await?;
        Ok(voice.unwrap_or_else(|| Voice::none(workspace.clone())))
    }
}

impl Voices<'_> {
    /// The voice of the workspace; an empty one of version 0 if none was set.
    ///
    /// # Errors
    /// As the store.
    pub async fn get(&self) -> Result<Voice> {
        self.0.require(Action::Read)?;
        self.0.engine.voice(self.0.workspace()).await
    }

    /// Sets it. Drafts that are asked for from now on are written in it; nothing has to be restarted. `version` is
    /// the one that was seen; without it whatever is there is replaced.
    ///
    /// # Errors
    /// `Forbidden` unless the actor is an admin; `Invalid` for what is too long or no text; `Conflict` when it was
    /// changed meanwhile.
    pub async fn set(&self, version: Option<u64>, fields: VoiceFields) -> Result<Voice> {
        self.0.require(Action::SetVoice)?;
        fields.validate()?;
        let workspace = self.0.workspace();
        let before = self.0.engine.voice(workspace).await?;
        if version.is_some_and(|seen| seen != before.version) {
            return Err(Error::new(
                ErrorKind::Conflict,
                "the voice was changed meanwhile",
            ));
        }
        let stamp = self.0.stamp();
        let after = Voice {
            workspace: workspace.clone(),
            version: before.version + 1,
            fields,
            updated_by: stamp.actor.id.clone(),
            updated_at: stamp.at,
        };
        let mut set = ChangeSet::new(workspace.clone());
        set.push(Change::PutVoice(Box::new(after.clone())));
        set.event(stamp.event(
            Subject::Voice,
            subject_id(workspace),
            after.version,
            "edited",
        ));
        self.0.engine.commit_one(set).await?;
        Ok(after)
    }
}

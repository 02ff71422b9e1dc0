//! Audiences that are saved under names: saved by managers, used by everybody.

use serde::{Deserialize, Serialize};

use super::Session;
use crate::actor::Action;
use crate::audience::Audience;
use crate::audience::saved::{MOST_SAVED, SavedAudience, SavedAudienceFields};
use crate::change::{Change, ChangeSet};
use crate::contact::Contact;
use crate::error::{Error, ErrorKind, Result};
use crate::id::SavedAudienceId;
use crate::message::history::Subject;
use crate::port::store::{ContactQuery, PageRequest};

/// Use cases of saved audiences.
#[derive(Debug, Clone, Copy)]
pub struct Audiences<'a>(pub(super) &'a Session);

/// Whom an audience has now.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct AudienceSample {
    /// How many contacts.
    pub count: u64,
    /// The newest of them.
    pub items: Vec<Contact>,
}

// Contacts are personal data.
impl std::fmt::Debug for AudienceSample {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AudienceSample({} contacts)", self.count)
    }
}

impl Audiences<'_> {
    /// All saved audiences, by name.
    ///
    /// # Errors
    /// As the store.
    pub async fn list(&self) -> Result<Vec<SavedAudience>> {
        self.0.require(Action::Read)?;
        self.0.store().saved_audiences(self.0.workspace()).await
    }

    /// One saved audience.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get(&self, id: SavedAudienceId) -> Result<SavedAudience> {
        let all = self.list().await?;
        let found = all.into_iter().find(|one| one.id == id);
        found.ok_or_else(|| Error::not_found("saved audience"))
    }

    /// Saves an audience under a name.
    ///
    /// # Errors
    /// `Forbidden` for viewers; `Invalid` for what cannot be saved, for a question that the type of a custom field does not
    /// allow, and for one more than 500; `Duplicate` name.
    pub async fn create(&self, fields: SavedAudienceFields) -> Result<SavedAudience> {
        self.0.require(Action::SaveAudiences)?;
        let fields = self.normal(fields).await?;
        if self.list().await?.len() >= MOST_SAVED {
            let what = "500 audiences are saved; remove one that nobody needs";
            return Err(Error::field("name", what));
        }
        let stamp = self.0.stamp();
        let saved = SavedAudience {
            workspace: self.0.workspace().clone(),
            id: SavedAudienceId(stamp.ids.next()),
            version: 1,
            fields,
            created_by: stamp.actor.id.clone(),
            created_at: stamp.at,
            updated_at: stamp.at,
        };
        let mut set = ChangeSet::new(saved.workspace.clone());
        set.push(Change::InsertSavedAudience(Box::new(saved.clone())));
        set.event(stamp.event(Subject::SavedAudience, saved.id.0, 1, "created"));
        self.0.engine.commit_one(set).await?;
        Ok(saved)
    }

    /// Replaces a saved audience. With `version`, only if it is still the current one. Lists mean what it says from now on;
    /// campaigns that were written before keep what it said then.
    ///
    /// # Errors
    /// As [`create`](Self::create); `NotFound`, `Conflict`.
    pub async fn update(
        &self,
        id: SavedAudienceId,
        version: Option<u64>,
        fields: SavedAudienceFields,
    ) -> Result<SavedAudience> {
        self.0.require(Action::SaveAudiences)?;
        let fields = self.normal(fields).await?;
        let mut saved = self.get(id).await?;
        if version.is_some_and(|seen| seen != saved.version) {
            let what = "the saved audience was changed meanwhile";
            return Err(Error::new(ErrorKind::Conflict, what));
        }
        let stamp = self.0.stamp();
        saved.fields = fields;
        saved.version += 1;
        saved.updated_at = stamp.at;
        let mut set = ChangeSet::new(saved.workspace.clone());
        set.push(Change::UpdateSavedAudience(Box::new(saved.clone())));
        set.event(stamp.event(Subject::SavedAudience, id.0, saved.version, "edited"));
        self.0.engine.commit_one(set).await?;
        Ok(saved)
    }

    /// Removes a saved audience. Campaigns have copies, so none stands in the way.
    ///
    /// # Errors
    /// `Forbidden` for viewers; `NotFound`.
    pub async fn remove(&self, id: SavedAudienceId) -> Result<()> {
        self.0.require(Action::SaveAudiences)?;
        let saved = self.get(id).await?;
        let stamp = self.0.stamp();
        let mut set = ChangeSet::new(saved.workspace.clone());
        set.push(Change::DeleteSavedAudience(id));
        set.event(stamp.event(Subject::SavedAudience, id.0, saved.version + 1, "deleted"));
        self.0.engine.commit_one(set).await
    }

    /// Whom an audience has now, saved or not: how many, and the newest `limit` of them, 1 to 100.
    ///
    /// # Errors
    /// As [`Contacts::list`](super::Contacts::list).
    pub async fn sample(&self, audience: Audience, limit: u32) -> Result<AudienceSample> {
        let query = ContactQuery {
            audience: Some(audience),
            page: PageRequest {
                limit: limit.clamp(1, 100),
                count: true,
                ..PageRequest::default()
            },
            ..ContactQuery::default()
        };
        let found = self.0.contacts().list(query).await?;
        Ok(AudienceSample {
            count: found.total.unwrap_or(0),
            items: found.items,
        })
    }

    async fn normal(&self, fields: SavedAudienceFields) -> Result<SavedAudienceFields> {
        let mut fields = fields.normal()?;
        fields.audience = self.0.typed(fields.audience).await?;
        Ok(fields)
    }
}

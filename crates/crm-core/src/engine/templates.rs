//! Templates: write, list.

use super::Session;
use crate::actor::Action;
use crate::change::{Change, ChangeSet};
use crate::contact::normalise;
use crate::error::{Error, ErrorKind, Result};
use crate::id::TemplateId;
use crate::message::history::Subject;
use crate::port::store::{Page, TemplateQuery};
use crate::template::render;
use crate::template::{Template, TemplateFields};

/// Use cases of templates.
#[derive(Debug, Clone, Copy)]
pub struct Templates<'a>(pub(super) &'a Session);

/// The fields as they are kept: segment and language in the form that contacts have them in, without which the
/// template would be found for nobody.
fn normal(mut fields: TemplateFields) -> Result<TemplateFields> {
    render::check(&fields)?;
    fields.language = normalise::language(fields.language.trim()).ok_or_else(|| {
        let text = "use a language tag, for example ru, en, uz or uz-Cyrl";
        Error::field("language", text)
    })?;
    if let Some(segment) = &mut fields.segment {
        *segment = segment.trim().to_owned();
        if !is_line(segment, normalise::LONGEST_WORD) {
            return Err(Error::field(
                "segment",
                "use 1 to 64 characters on one line",
            ));
        }
    }
    if fields
        .channel
        .as_deref()
        .is_some_and(|name| !is_line(name, 50))
    {
        return Err(Error::field(
            "channel",
            "use 1 to 50 characters on one line",
        ));
    }
    Ok(fields)
}

fn is_line(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

impl Templates<'_> {
    /// Lists templates.
    ///
    /// # Errors
    /// As the store.
    pub async fn list(&self, query: TemplateQuery) -> Result<Page<Template>> {
        self.0.require(Action::Read)?;
        self.0.store().templates(self.0.workspace(), query).await
    }

    /// One template.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get(&self, id: TemplateId) -> Result<Template> {
        self.0.require(Action::Read)?;
        self.0.template(id).await
    }

    /// Saves a new template.
    ///
    /// # Errors
    /// `Forbidden`; `Invalid` with the unknown variable, and for a language that is no tag or a segment or channel
    /// that none can be; `Duplicate` name and language.
    pub async fn create(&self, fields: TemplateFields) -> Result<Template> {
        self.0.require(Action::WriteTemplates)?;
        let fields = normal(fields)?;
        let stamp = self.0.stamp();
        let template = Template {
            workspace: self.0.workspace().clone(),
            id: TemplateId(stamp.ids.next()),
            version: 1,
            fields,
            created_by: stamp.actor.id.clone(),
            created_at: stamp.at,
            updated_at: stamp.at,
        };
        let mut set = ChangeSet::new(template.workspace.clone());
        set.push(Change::InsertTemplate(Box::new(template.clone())));
        set.event(stamp.event(Subject::Template, template.id.0, 1, "created"));
        self.0.engine.commit_one(set).await?;
        Ok(template)
    }

    /// Replaces a template. With `version`, only if it is still the current one.
    ///
    /// # Errors
    /// As [`create`](Self::create); `Conflict`.
    pub async fn update(
        &self,
        id: TemplateId,
        version: Option<u64>,
        fields: TemplateFields,
    ) -> Result<Template> {
        self.0.require(Action::WriteTemplates)?;
        let fields = normal(fields)?;
        let mut template = self.0.template(id).await?;
        if version.is_some_and(|seen| seen != template.version) {
            return Err(Error::new(
                ErrorKind::Conflict,
                "the template was changed meanwhile",
            ));
        }
        let stamp = self.0.stamp();
        template.fields = fields;
        template.version += 1;
        template.updated_at = stamp.at;
        let mut set = ChangeSet::new(template.workspace.clone());
        set.push(Change::UpdateTemplate(Box::new(template.clone())));
        set.event(stamp.event(Subject::Template, id.0, template.version, "edited"));
        self.0.engine.commit_one(set).await?;
        Ok(template)
    }

    /// Removes a template. Messages made from it keep their text.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound`.
    pub async fn delete(&self, id: TemplateId) -> Result<()> {
        self.0.require(Action::WriteTemplates)?;
        let template = self.0.template(id).await?;
        let stamp = self.0.stamp();
        let mut set = ChangeSet::new(template.workspace.clone());
        set.push(Change::DeleteTemplate(id));
        set.event(stamp.event(Subject::Template, id.0, template.version + 1, "deleted"));
        self.0.engine.commit_one(set).await
    }

    /// In how many messages the template was used.
    ///
    /// # Errors
    /// As the store.
    pub async fn usage_count(&self, id: TemplateId) -> Result<u64> {
        let name = format!("template.{id}.used");
        let counters = self
            .0
            .store()
            .counters(self.0.workspace(), &[&name])
            .await?;
        Ok(counters
            .get(&name)
            .copied()
            .unwrap_or(0)
            .try_into()
            .unwrap_or(0))
    }
}

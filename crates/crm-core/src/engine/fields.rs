//! Custom fields: what a workspace says about them, and what follows from that for contacts and audiences.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Engine, Session};
use crate::actor::{Action, Workspace};
use crate::audience::Audience;
use crate::change::{Change, ChangeSet};
use crate::contact::ContactFields;
use crate::contact::definition::{
    DefinedField, DefinitionFields, Definitions, FieldDefinition, MOST_DEFINITIONS, check_name,
    subject_id,
};
use crate::contact::normalise::{Rules, normalise_by};
use crate::error::{Error, ErrorKind, Result};
use crate::message::history::Subject;

/// Use cases of custom fields.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a>(pub(super) &'a Session);

/// What is to be said about a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetField {
    /// The field; `[a-z_][a-z0-9_]{0,63}`.
    pub name: String,
    /// The version that was seen: 0 for a field that has no definition yet. Without it whatever is there is replaced.
    pub version: Option<u64>,
    /// Its definition.
    pub fields: DefinitionFields,
}

impl Engine {
    /// What a workspace says about its custom fields.
    pub(crate) async fn definitions(&self, workspace: &Workspace) -> Result<Definitions> {
        let all = self.store().field_definitions(workspace).await?;
        Ok(all.into_iter().collect())
    }
}

impl Session {
    /// The fields as they are kept in this workspace. Every way in goes through here. `kept` are the custom fields
    /// that the contact has: what stays as it is need not fit.
    pub(crate) async fn normal(
        &self,
        fields: ContactFields,
        kept: Option<&BTreeMap<String, Value>>,
    ) -> Result<ContactFields> {
        let definitions = if fields.custom_fields.is_empty() {
            Definitions::default()
        } else {
            self.engine.definitions(self.workspace()).await?
        };
        let rules = Rules {
            definitions: Some(&definitions),
            kept,
            ..Rules::default()
        };
        normalise_by(fields, &rules)
    }

    /// The audience as it is asked for now: as the types of the custom fields have it, and with what saved audiences say
    /// in place of their names.
    pub(crate) async fn asked(&self, audience: Audience) -> Result<Audience> {
        let audience = self.typed(audience).await?;
        if !audience.names_saved() {
            return Ok(audience);
        }
        let saved = self.store().saved_audiences(self.workspace()).await?;
        audience.resolved(&saved)
    }

    /// The audience as the types of the custom fields have it, if it can be evaluated everywhere.
    pub(crate) async fn typed(&self, audience: Audience) -> Result<Audience> {
        audience.validate()?;
        if !audience.needs_definitions() {
            return Ok(audience);
        }
        audience.typed(&self.engine.definitions(self.workspace()).await?)
    }
}

impl Fields<'_> {
    /// All definitions, by name.
    ///
    /// # Errors
    /// As the store.
    pub async fn list(&self) -> Result<Vec<FieldDefinition>> {
        self.0.require(Action::Read)?;
        self.0.store().field_definitions(self.0.workspace()).await
    }

    /// All definitions, as values are checked by them.
    ///
    /// # Errors
    /// As the store.
    pub async fn definitions(&self) -> Result<Definitions> {
        self.0.require(Action::Read)?;
        self.0.engine.definitions(self.0.workspace()).await
    }

    /// The definition of one field, and how many contacts have a value in it that does not fit. Looks at all contacts;
    /// which of them it counts, [`DefinitionFields::unfitting`] says.
    ///
    /// # Errors
    /// `NotFound`; as the store.
    pub async fn get(&self, name: &str) -> Result<DefinedField> {
        let definition = self.one(name).await?;
        let wanted = definition.fields.unfitting(name);
        let unfitting = self.0.campaigns().count(wanted).await?;
        Ok(DefinedField {
            definition,
            unfitting,
        })
    }

    async fn one(&self, name: &str) -> Result<FieldDefinition> {
        let known = named(self.list().await?, name);
        known.ok_or_else(|| Error::not_found("definition of the field"))
    }

    /// Defines a field, or defines it anew. Values that come in from now on are checked; those that are stored stay as
    /// they are, also where they do not fit: [`get`](Self::get) counts them.
    ///
    /// # Errors
    /// `Forbidden` unless the actor is an admin; `Invalid` for what cannot be a definition, and for one more than 200;
    /// `Conflict` when it was changed meanwhile.
    pub async fn set(&self, wanted: SetField) -> Result<FieldDefinition> {
        self.0.require(Action::DefineFields)?;
        check_name(&wanted.name)?;
        let fields = wanted.fields.normal()?;
        let workspace = self.0.workspace();
        let all = self.0.store().field_definitions(workspace).await?;
        let count = all.len();
        let before = named(all, &wanted.name);
        if before.is_none() && count >= MOST_DEFINITIONS {
            let what = "200 fields are defined; remove a definition that nobody needs";
            return Err(Error::field("name", what));
        }
        let version = before.as_ref().map_or(0, |before| before.version);
        if wanted.version.is_some_and(|seen| seen != version) {
            return Err(changed());
        }
        let stamp = self.0.stamp();
        let (created_by, created_at) = match before {
            Some(before) => (before.created_by, before.created_at),
            None => (stamp.actor.id.clone(), stamp.at),
        };
        let after = FieldDefinition {
            workspace: workspace.clone(),
            name: wanted.name,
            version: version + 1,
            fields,
            created_by,
            created_at,
            updated_at: stamp.at,
        };
        let action = if version == 0 { "created" } else { "edited" };
        let id = subject_id(workspace, &after.name);
        let mut event = stamp.event(Subject::FieldDefinition, id, after.version, action);
        event.reason = Some(format!("{} {}", after.name, after.fields.kind.as_str()));
        let mut set = ChangeSet::new(workspace.clone());
        set.push(Change::PutFieldDefinition(Box::new(after.clone())));
        set.event(event);
        self.0.engine.commit_one(set).await?;
        Ok(after)
    }

    /// Forgets a definition. Values of the field stay as they are, and any may come in.
    ///
    /// # Errors
    /// `Forbidden` unless the actor is an admin; `NotFound`.
    pub async fn remove(&self, name: &str) -> Result<()> {
        self.0.require(Action::DefineFields)?;
        let before = self.one(name).await?;
        let (workspace, stamp) = (self.0.workspace(), self.0.stamp());
        let id = subject_id(workspace, name);
        let mut event = stamp.event(Subject::FieldDefinition, id, before.version + 1, "deleted");
        event.reason = Some(name.to_owned());
        let mut set = ChangeSet::new(workspace.clone());
        set.push(Change::DeleteFieldDefinition(name.to_owned()));
        set.event(event);
        self.0.engine.commit_one(set).await
    }

    /// The JSON Schema of an audience in this workspace: with the fields that are defined.
    ///
    /// # Errors
    /// As the store.
    pub async fn audience_schema(&self) -> Result<Value> {
        self.0.require(Action::Read)?;
        let definitions = self.0.engine.definitions(self.0.workspace()).await?;
        Ok(crate::audience::schema_of(&definitions))
    }
}

fn named(all: Vec<FieldDefinition>, name: &str) -> Option<FieldDefinition> {
    all.into_iter().find(|one| one.name == name)
}

fn changed() -> Error {
    let what = "the definition of the field was changed meanwhile; load it again";
    Error::new(ErrorKind::Conflict, what)
}

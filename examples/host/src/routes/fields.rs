//! Custom fields: what the workspace says about them.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use crm_core::Action;
use crm_core::contact::definition::{DefinedField, DefinitionFields, FieldDefinition, FieldType};
use crm_core::engine::SetField;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Answer;
use crate::auth::extract::User;
use crate::error::Problem;
use crate::extract::Json;
use crate::names::FieldTypeName;
use crate::state::App;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_fields))
        .routes(routes!(get_field, set_field, remove_field))
}

/// What a custom field is.
#[derive(Serialize, ToSchema)]
#[schema(as = FieldDefinition)]
struct FieldView {
    name: String,
    /// What people call it; null where that is its name.
    label: Option<String>,
    #[serde(rename = "type")]
    #[schema(value_type = FieldTypeName)]
    kind: FieldType,
    /// For a choice the texts it is between.
    options: Vec<String>,
    version: u64,
    created_by: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// What a custom field is, and how that fits what is stored.
#[derive(Serialize, ToSchema)]
#[schema(as = DefinedField)]
struct DefinedView {
    name: String,
    /// What people call it; null where that is its name.
    label: Option<String>,
    #[serde(rename = "type")]
    #[schema(value_type = FieldTypeName)]
    kind: FieldType,
    /// For a choice the texts it is between.
    options: Vec<String>,
    version: u64,
    created_by: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// How many contacts have a value in it that does not fit: one from before. It stays until somebody changes it.
    unfitting: u64,
}

impl From<FieldDefinition> for FieldView {
    fn from(definition: FieldDefinition) -> Self {
        Self {
            name: definition.name,
            label: definition.fields.label,
            kind: definition.fields.kind,
            options: definition.fields.options,
            version: definition.version,
            created_by: definition.created_by,
            created_at: definition.created_at,
            updated_at: definition.updated_at,
        }
    }
}

/// All definitions, by name.
#[derive(Serialize, ToSchema)]
struct FieldList {
    items: Vec<FieldView>,
}

/// What a custom field is to be: all of it, for what is left out would be lost.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FieldBody {
    /// What people call it; null for its name.
    #[serde(default)]
    #[schema(max_length = 200)]
    label: Option<String>,
    #[serde(rename = "type")]
    #[schema(value_type = FieldTypeName)]
    kind: FieldType,
    /// For a choice the texts it is between, different in more than their case; empty for other types.
    #[serde(default)]
    #[schema(max_items = 100)]
    options: Vec<String>,
    /// The version that was seen, 0 for a field that has no definition yet; null to define it whatever there is.
    #[serde(default)]
    version: Option<u64>,
}

/// The definitions of custom fields. A field that has none may hold any text, number, true or false.
#[utoipa::path(get, path = "/api/contacts/fields", tag = "contacts",
    responses((status = 200, body = FieldList)))]
async fn list_fields(user: User) -> Answer<FieldList> {
    let all = user.fields().list().await?.into_iter();
    let items = all.map(FieldView::from).collect();
    Ok(axum::Json(FieldList { items }))
}

/// One definition, and how many contacts have a value that does not fit it. Looks at all contacts.
#[utoipa::path(get, path = "/api/contacts/fields/{name}", tag = "contacts",
    params(("name" = String, Path)), responses((status = 200, body = DefinedView)))]
async fn get_field(user: User, name: Result<Path<String>, PathRejection>) -> Answer<DefinedView> {
    let DefinedField {
        definition,
        unfitting,
    } = user.fields().get(&named(name)).await?;
    let field = FieldView::from(definition);
    Ok(axum::Json(DefinedView {
        name: field.name,
        label: field.label,
        kind: field.kind,
        options: field.options,
        version: field.version,
        created_by: field.created_by,
        created_at: field.created_at,
        updated_at: field.updated_at,
        unfitting,
    }))
}

/// Defines a custom field, as an admin. Values that come in from now on are checked; those that are stored stay.
#[utoipa::path(put, path = "/api/contacts/fields/{name}", tag = "contacts",
    params(("name" = String, Path)), request_body = FieldBody,
    responses((status = 200, body = FieldView)))]
async fn set_field(
    user: User,
    name: Result<Path<String>, PathRejection>,
    Json(body): Json<FieldBody>,
) -> Answer<FieldView> {
    user.actor().require(Action::DefineFields)?;
    let wanted = SetField {
        name: named(name),
        version: body.version,
        fields: DefinitionFields {
            label: body.label,
            kind: body.kind,
            options: body.options,
        },
    };
    Ok(axum::Json(user.fields().set(wanted).await?.into()))
}

/// Forgets the definition, as an admin: any value may come in again. What is stored stays.
#[utoipa::path(delete, path = "/api/contacts/fields/{name}", tag = "contacts",
    params(("name" = String, Path)), responses((status = 204)))]
async fn remove_field(
    user: User,
    name: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Problem> {
    user.fields().remove(&named(name)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A name that cannot be read is none that a field has.
fn named(name: Result<Path<String>, PathRejection>) -> String {
    name.map(|Path(name)| name).unwrap_or_default()
}

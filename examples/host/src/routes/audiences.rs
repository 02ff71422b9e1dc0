//! Audiences: what one is, for programs that write one, those that are saved under names, and whom one has now.

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use crm_core::Action;
use crm_core::audience::Audience;
use crm_core::audience::saved::{SavedAudience, SavedAudienceFields};
use crm_core::id::SavedAudienceId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::Answer;
use super::campaign_body::audience_in;
use crate::auth::extract::User;
use crate::error::Problem;
use crate::extract::{Given, Id, Json, Query, given};
use crate::state::App;
use crate::views::ContactView;

/// Contacts that a sample shows unless it is said.
const SHOWN: u32 = 10;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(audience_schema))
        .routes(routes!(sample_audience))
        .routes(routes!(list_audiences, save_audience))
        .routes(routes!(get_audience, update_audience, remove_audience))
}

/// A JSON Schema (draft 2020-12).
#[derive(ToSchema)]
#[expect(dead_code, reason = "described here, answered by the core")]
struct AudienceSchema {
    /// The dialect.
    #[schema(rename = "$schema")]
    dialect: String,
    title: String,
    description: String,
    /// Where the definition of an audience is.
    #[schema(rename = "$ref")]
    root: String,
    #[schema(rename = "$defs", value_type = Object)]
    definitions: Value,
}

/// The JSON Schema of an audience: what `segment_filter` of a campaign may be besides its short form and a text. It names
/// the custom fields that are defined, and what each may be asked for.
#[utoipa::path(get, path = "/api/audiences/schema", tag = "campaigns",
    responses((status = 200, body = AudienceSchema)))]
async fn audience_schema(user: User) -> Answer<Value> {
    Ok(axum::Json(user.fields().audience_schema().await?))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// The audience as a text, such as `segment = VIP and not has email`; a saved one is `saved "Its name"`, or `saved` and
    /// its id. Everybody unless set.
    audience: Option<String>,
    /// How many contacts are shown.
    #[param(minimum = 1, maximum = 100, default = 10)]
    limit: Option<u32>,
}

/// Whom an audience has now.
#[derive(Serialize, ToSchema)]
#[schema(as = AudienceSample)]
struct SampleView {
    count: u64,
    /// The newest of them.
    items: Vec<ContactView>,
}

/// How many contacts an audience has now, saved or not, and the newest of them.
#[utoipa::path(get, path = "/api/audiences/sample", tag = "campaigns", params(Asked),
    responses((status = 200, body = SampleView)))]
async fn sample_audience(user: User, Query(asked): Query<Asked>) -> Answer<SampleView> {
    let limit = asked.limit.unwrap_or(SHOWN);
    if !(1..=100).contains(&limit) {
        return Err(Problem::invalid("limit", "use 1 to 100"));
    }
    let audience = match asked.audience {
        Some(text) => Audience::from_text(&text)?,
        None => Audience::everybody(),
    };
    let found = user.audiences().sample(audience, limit).await?;
    Ok(axum::Json(SampleView {
        count: found.count,
        items: found.items.iter().map(ContactView::from).collect(),
    }))
}

/// An audience that is saved under a name.
#[derive(Serialize, ToSchema)]
#[schema(as = SavedAudience)]
struct SavedView {
    id: Uuid,
    version: u64,
    name: String,
    description: Option<String>,
    /// The audience as text, as people write it.
    audience: String,
    /// The same as an expression, for programs.
    #[schema(value_type = Object)]
    expression: Value,
    created_by: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<SavedAudience> for SavedView {
    fn from(saved: SavedAudience) -> Self {
        Self {
            id: saved.id.0,
            version: saved.version,
            name: saved.fields.name,
            description: saved.fields.description,
            audience: saved.fields.audience.to_text(),
            expression: json!(saved.fields.audience),
            created_by: saved.created_by,
            created_at: saved.created_at,
            updated_at: saved.updated_at,
        }
    }
}

/// All saved audiences, by name.
#[derive(Serialize, ToSchema)]
struct SavedList {
    items: Vec<SavedView>,
}

/// An audience and the name it is saved under. Of a change, what is left out stays; `null` clears the description.
#[derive(Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
struct SavedBody {
    /// 1 to 200 characters on one line, unique whatever the case; a new one needs it.
    name: Option<String>,
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 2000)]
    description: Given<String>,
    /// A text such as `segment = VIP and not has email`, or an expression (`GET /api/audiences/schema` describes it); a new
    /// one needs it. It may not name another saved audience.
    #[schema(value_type = Option<Value>)]
    audience: Option<Value>,
    /// Only for a change: the version it was made for; any other is refused.
    version: Option<u64>,
}

impl SavedBody {
    fn fields(self) -> Result<SavedAudienceFields, Problem> {
        if self.version.is_some() {
            return Err(Problem::invalid("version", "a new audience has none"));
        }
        let missing = |field: &str| Problem::invalid(field, "missing field");
        Ok(SavedAudienceFields {
            name: self.name.ok_or_else(|| missing("name"))?,
            description: self.description.flatten(),
            audience: match self.audience {
                Some(audience) => audience_in("audience", Some(audience))?,
                None => return Err(missing("audience")),
            },
        })
    }

    fn put_into(self, fields: &mut SavedAudienceFields) -> Result<(), Problem> {
        if let Some(name) = self.name {
            fields.name = name;
        }
        if let Some(description) = self.description {
            fields.description = description;
        }
        if let Some(audience) = self.audience {
            fields.audience = audience_in("audience", Some(audience))?;
        }
        Ok(())
    }
}

/// The saved audiences (also called saved segments).
#[utoipa::path(get, path = "/api/audiences", tag = "campaigns",
    responses((status = 200, body = SavedList)))]
async fn list_audiences(user: User) -> Answer<SavedList> {
    let all = user.audiences().list().await?.into_iter();
    let items = all.map(SavedView::from).collect();
    Ok(axum::Json(SavedList { items }))
}

/// Saves an audience under a name. Lists and campaigns mean it by `saved "Its name"`.
#[utoipa::path(post, path = "/api/audiences", tag = "campaigns", request_body = SavedBody,
    responses((status = 201, body = SavedView)))]
async fn save_audience(
    user: User,
    Json(body): Json<SavedBody>,
) -> Result<(StatusCode, axum::Json<SavedView>), Problem> {
    user.actor().require(Action::SaveAudiences)?;
    let saved = user.audiences().create(body.fields()?).await?;
    Ok((StatusCode::CREATED, axum::Json(saved.into())))
}

/// One saved audience.
#[utoipa::path(get, path = "/api/audiences/{id}", tag = "campaigns", params(("id" = Uuid, Path)),
    responses((status = 200, body = SavedView)))]
async fn get_audience(user: User, Id(id): Id<SavedAudienceId>) -> Answer<SavedView> {
    Ok(axum::Json(user.audiences().get(id).await?.into()))
}

/// Changes a saved audience. Lists mean what it says from now on; campaigns keep what it said when they were written.
#[utoipa::path(put, path = "/api/audiences/{id}", tag = "campaigns", params(("id" = Uuid, Path)),
    request_body = SavedBody, responses((status = 200, body = SavedView)))]
async fn update_audience(
    user: User,
    Id(id): Id<SavedAudienceId>,
    Json(body): Json<SavedBody>,
) -> Answer<SavedView> {
    user.actor().require(Action::SaveAudiences)?;
    let before = user.audiences().get(id).await?;
    // What was merged is only right for the version it was merged with.
    let version = body.version.or(Some(before.version));
    let mut fields = before.fields;
    body.put_into(&mut fields)?;
    let saved = user.audiences().update(id, version, fields).await?;
    Ok(axum::Json(saved.into()))
}

/// Removes a saved audience. Campaigns have copies of what it said.
#[utoipa::path(delete, path = "/api/audiences/{id}", tag = "campaigns",
    params(("id" = Uuid, Path)), responses((status = 204)))]
async fn remove_audience(user: User, Id(id): Id<SavedAudienceId>) -> Result<StatusCode, Problem> {
    user.audiences().remove(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

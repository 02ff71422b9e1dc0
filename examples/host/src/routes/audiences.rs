//! What an audience is, for programs that write one.

use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Answer;
use crate::auth::extract::User;
use crate::state::App;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(audience_schema))
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

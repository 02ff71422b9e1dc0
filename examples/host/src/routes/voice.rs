//! The house's own words, which every draft is written in.

use chrono::{DateTime, Utc};
use crm_core::generation::{Example, Voice, VoiceFields};
use crm_core::message::Occasion;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Answer;
use crate::auth::extract::User;
use crate::extract::Json;
use crate::names::OccasionName;
use crate::state::App;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(voice, set_voice))
}

/// A text that the house likes, written for this purpose: names in it are invented.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct VoiceExample {
    #[schema(value_type = OccasionName)]
    occasion: Occasion,
    /// BCP 47.
    #[schema(example = "ru")]
    language: String,
    #[schema(max_length = 200)]
    subject: Option<String>,
    #[schema(max_length = 2000)]
    content: String,
}

/// Who the house is, how it writes, what it never says, how it signs, and texts it likes: all of it, for what is
/// left out would be lost.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct VoiceBody {
    #[schema(max_length = 1000)]
    about: String,
    #[schema(max_length = 1000)]
    style: String,
    #[schema(max_items = 30)]
    do_not: Vec<String>,
    #[schema(max_length = 200)]
    signature: Option<String>,
    #[schema(max_items = 12)]
    examples: Vec<VoiceExample>,
    /// The version the change was made for; any other is refused.
    version: Option<u64>,
}

/// The voice; of version 0, by nobody, while none was set.
#[derive(Serialize, ToSchema)]
#[schema(as = Voice)]
struct VoiceView {
    version: u64,
    about: String,
    style: String,
    do_not: Vec<String>,
    signature: Option<String>,
    examples: Vec<VoiceExample>,
    updated_by: Option<String>,
    updated_at: Option<DateTime<Utc>>,
}

impl VoiceView {
    fn of(voice: Voice) -> Self {
        let is_set = voice.version > 0;
        let examples = voice.fields.examples.into_iter();
        let examples = examples.map(|example| VoiceExample {
            occasion: example.occasion,
            language: example.language,
            subject: example.subject,
            content: example.content,
        });
        Self {
            version: voice.version,
            about: voice.fields.about,
            style: voice.fields.style,
            do_not: voice.fields.do_not,
            signature: voice.fields.signature,
            examples: examples.collect(),
            updated_by: is_set.then_some(voice.updated_by),
            updated_at: is_set.then_some(voice.updated_at),
        }
    }
}

/// The house's own words.
#[utoipa::path(get, path = "/api/voice", tag = "messages", responses((status = 200, body = VoiceView)))]
async fn voice(user: User) -> Answer<VoiceView> {
    Ok(axum::Json(VoiceView::of(user.voice().get().await?)))
}

/// Sets the house's own words, as an admin. Drafts are written in them from now on.
#[utoipa::path(put, path = "/api/voice", tag = "messages", request_body = VoiceBody,
    responses((status = 200, body = VoiceView)))]
async fn set_voice(user: User, Json(body): Json<VoiceBody>) -> Answer<VoiceView> {
    let examples = body.examples.into_iter().map(|example| Example {
        occasion: example.occasion,
        language: example.language,
        subject: example.subject,
        content: example.content,
    });
    let fields = VoiceFields {
        about: body.about,
        style: body.style,
        do_not: body.do_not,
        signature: body.signature,
        examples: examples.collect(),
    };
    let voice = user.voice().set(body.version, fields).await?;
    Ok(axum::Json(VoiceView::of(voice)))
}

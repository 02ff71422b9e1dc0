//! Templates.

use chrono::{DateTime, Utc};
use crm_core::message::{Format, Occasion};
use crm_core::template::Template;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::names::{FormatName, OccasionName};

/// A text with variables, for one language and occasion.
#[derive(Serialize, ToSchema)]
#[schema(as = Template)]
pub(crate) struct TemplateView {
    id: Uuid,
    name: String,
    #[schema(value_type = OccasionName)]
    occasion_type: Occasion,
    segment: Option<String>,
    channel: Option<String>,
    language: String,
    subject: Option<String>,
    content: String,
    #[schema(value_type = FormatName)]
    format: Format,
    is_active: bool,
    /// In how many messages it was used.
    usage_count: u64,
    version: u64,
    created_by: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TemplateView {
    pub(crate) fn of(template: &Template, usage_count: u64) -> Self {
        let fields = template.fields.clone();
        Self {
            id: template.id.0,
            name: fields.name,
            occasion_type: fields.occasion_type,
            segment: fields.segment,
            channel: fields.channel,
            language: fields.language,
            subject: fields.subject,
            content: fields.content,
            format: fields.format,
            is_active: fields.is_active,
            usage_count,
            version: template.version,
            created_by: template.created_by.clone(),
            created_at: template.created_at,
            updated_at: template.updated_at,
        }
    }
}

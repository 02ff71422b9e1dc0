//! Templates: texts with variables, one per language and occasion.

mod dates;
pub mod fallback;
mod greeting;
pub(crate) mod names;
mod plural;
pub mod question;
pub mod render;
mod tongue;

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::actor::Workspace;
use crate::id::TemplateId;
use crate::message::{Format, Occasion};

/// What a person writes into a template.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateFields {
    /// Name, 1 to 200 characters. Templates of the same name are the same text in several languages.
    pub name: String,
    /// Occasion it is for.
    pub occasion_type: Occasion,
    /// Segment it is for; `None` for all.
    #[serde(default)]
    pub segment: Option<String>,
    /// Channel it is for; `None` for all.
    #[serde(default)]
    pub channel: Option<String>,
    /// Language, BCP 47.
    pub language: String,
    /// Subject with variables.
    #[serde(default)]
    pub subject: Option<String>,
    /// Text with variables.
    pub content: String,
    /// How the text is to be read; only HTML is escaped.
    #[serde(default)]
    pub format: Format,
    /// Whether it is offered.
    #[serde(default = "yes")]
    pub is_active: bool,
}

const fn yes() -> bool {
    true
}

impl fmt::Debug for TemplateFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TemplateFields(..)")
    }
}

/// A stored template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// Tenant.
    pub workspace: Workspace,
    /// Id.
    pub id: TemplateId,
    /// Grows by one with every change.
    pub version: u64,
    /// What was written.
    #[serde(flatten)]
    pub fields: TemplateFields,
    /// Actor who created it.
    pub created_by: String,
    /// Creation.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}

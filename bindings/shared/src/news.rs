//! What a provider says after the call, as other languages write it.

use chrono::{DateTime, Utc};
use crm_core::id::AttemptId;
use crm_core::port::callback::{About, Fate, News, Receipt};
use crm_core::{Error, Result};
use serde::Deserialize;

use crate::foreign::code;

/// One thing a provider says.
#[derive(Deserialize)]
#[serde(tag = "news", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Said {
    Receipt {
        /// The delivery, by this id or by the other one.
        #[serde(default)]
        provider_id: Option<String>,
        #[serde(default)]
        attempt_id: Option<AttemptId>,
        fate: FateName,
        /// Code, of a failed one.
        #[serde(default)]
        reason: Option<String>,
        /// Whether the address of a failed one can never work.
        #[serde(default)]
        dead: Option<bool>,
        #[serde(default)]
        at: Option<DateTime<Utc>>,
    },
    OptOut {
        address: String,
        reason: Option<String>,
    },
    OptIn {
        address: String,
    },
    Inbound {
        address: String,
        #[serde(default)]
        at: Option<DateTime<Utc>>,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FateName {
    Accepted,
    Failed,
    Delivered,
    Read,
}

impl Said {
    /// As the engine takes it.
    ///
    /// # Errors
    /// `Invalid`, for a receipt about none or two deliveries, and for a reason without a failure.
    pub(crate) fn news(self) -> Result<News> {
        Ok(match self {
            Self::Receipt {
                provider_id,
                attempt_id,
                fate,
                reason,
                dead,
                at,
            } => {
                let about = match (provider_id, attempt_id) {
                    (Some(id), None) => About::ProviderId(id),
                    (None, Some(id)) => About::Attempt(id),
                    _ => return Err(Error::field("news", "give provider_id or attempt_id")),
                };
                if fate != FateName::Failed && (reason.is_some() || dead.is_some()) {
                    let message = "only what failed has a reason and may be dead";
                    return Err(Error::field("news", message));
                }
                let fate = match fate {
                    FateName::Accepted => Fate::Accepted,
                    FateName::Delivered => Fate::Delivered,
                    FateName::Read => Fate::Read,
                    FateName::Failed => Fate::Failed {
                        reason: code(reason),
                        dead: dead.unwrap_or(false),
                    },
                };
                News::Receipt(Receipt { about, fate, at })
            }
            Self::OptOut { address, reason } => News::OptOut {
                address,
                reason: reason.map_or_else(|| "reply".to_owned(), |reason| code(Some(reason))),
            },
            Self::OptIn { address } => News::OptIn { address },
            Self::Inbound { address, at } => News::Inbound { address, at },
        })
    }
}

//! For operators: why nothing is sent after a return to an older state, and ending that.

use crm_core::hold::{Acknowledgement, Hold, HoldReason};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Answer;
use crate::auth::extract::User;
use crate::extract::Json;
use crate::state::App;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get))
        .routes(routes!(acknowledge))
}

/// What happened to the database, as far as can be told.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reason {
    /// A standby was promoted, or the database was recovered to a point in time.
    FailedOver,
    /// A backup was restored, or a copy took its place.
    Restored,
    /// Another server or folder, or the marker file beside the database is gone.
    Moved,
}

impl Reason {
    pub(crate) const fn of(reason: HoldReason) -> Self {
        match reason {
            HoldReason::FailedOver => Self::FailedOver,
            HoldReason::Restored => Self::Restored,
            HoldReason::Moved => Self::Moved,
        }
    }

    const fn read(self) -> HoldReason {
        match self {
            Self::FailedOver => HoldReason::FailedOver,
            Self::Restored => HoldReason::Restored,
            Self::Moved => HoldReason::Moved,
        }
    }
}

/// Why nothing is sent.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct HoldView {
    reason: Reason,
    /// Where the database was when it was last known that nothing had been lost.
    noted: String,
    /// Where it is now.
    found: String,
}

/// Whether anything is sent.
#[derive(Serialize, ToSchema)]
struct Held {
    /// `null` when all is well.
    hold: Option<HoldView>,
}

/// Shows the hold that there is.
#[utoipa::path(get, path = "/api/hold", tag = "operations",
    responses((status = 200, body = Held)))]
async fn get(user: User) -> Answer<Held> {
    let hold = user.hold().await?.map(|hold| HoldView {
        reason: Reason::of(hold.reason),
        noted: hold.noted,
        found: hold.found,
    });
    Ok(axum::Json(Held { hold }))
}

/// What becomes of the messages that may have been sent.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Choice {
    /// Whatever is approved and due becomes `uncertain`, for people to settle one by one.
    Doubt,
    /// Nothing was lost: they are sent.
    Continue,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Acknowledge {
    /// What was shown: if it is another one by now, nothing is done.
    hold: HoldView,
    messages: Choice,
    /// Kept in the history.
    #[schema(min_length = 1, max_length = 300)]
    reason: String,
}

/// How it ended.
#[derive(Serialize, ToSchema)]
struct Acknowledged {
    /// How many messages became `uncertain`.
    suspected: u64,
}

/// Ends the hold. When it is cut off half way the hold stands: call again.
#[utoipa::path(post, path = "/api/hold/acknowledge", tag = "operations", request_body = Acknowledge,
    responses((status = 200, body = Acknowledged)))]
async fn acknowledge(user: User, Json(body): Json<Acknowledge>) -> Answer<Acknowledged> {
    let seen = Hold {
        reason: body.hold.reason.read(),
        noted: body.hold.noted,
        found: body.hold.found,
    };
    let how = match body.messages {
        Choice::Doubt => Acknowledgement::Doubt,
        Choice::Continue => Acknowledgement::Continue,
    };
    let suspected = user.acknowledge_hold(&seen, how, &body.reason).await?;
    Ok(axum::Json(Acknowledged { suspected }))
}

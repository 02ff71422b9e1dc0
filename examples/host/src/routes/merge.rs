//! Two contacts that are one person become one.

use std::collections::BTreeSet;

use crm_core::engine::MergeOptions;
use crm_core::id::ContactId;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::Answer;
use crate::auth::extract::User;
use crate::error::Problem;
use crate::extract::{Id, Json};
use crate::state::App;
use crate::views::ContactView;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(merge))
}

/// Which contact is the same person, and what of it is right.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ContactMerge)]
struct Merge {
    /// The contact that goes: what is known of it and all its messages become those of the other.
    contact_id: Uuid,
    /// Fields that come from the contact that goes, where it has them: any but `external_id`, `tags` and `consent`. Others
    /// only fill what the other one lacks.
    #[serde(default)]
    #[schema(example = json!(["email", "company"]))]
    take: BTreeSet<String>,
    /// The version of the contact that is kept: any other is refused.
    version: Option<u64>,
    /// The version of the contact that goes: any other is refused.
    contact_version: Option<u64>,
}

/// Merges another contact into this one, the same person. It cannot be undone.
///
/// Messages of the other that have not left need a new approval; its id is left and says where it went, and its
/// `external_id` leads here.
#[utoipa::path(post, path = "/api/contacts/{id}/merge", tag = "contacts", params(("id" = Uuid, Path)),
    request_body = Merge, responses((status = 200, body = ContactView),
        (status = 400, description = "One of the two was merged before; the detail names into which.")))]
async fn merge(user: User, Id(id): Id<ContactId>, Json(body): Json<Merge>) -> Answer<ContactView> {
    let options = MergeOptions {
        take: body.take,
        version: body.version,
        contact_version: body.contact_version,
    };
    let gone = ContactId(body.contact_id);
    let contact = user.contacts().merge(id, gone, &options).await;
    let contact = contact.map_err(Problem::of_contact)?;
    Ok(axum::Json(ContactView::from(&contact)))
}

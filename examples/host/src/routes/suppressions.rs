//! Addresses nothing is ever sent to, whoever they belong to.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use crm_core::consent::Suppression;
use crm_core::contact::ContactFields;
use crm_core::contact::normalise::normalise;
use crm_core::port::store::SuppressionQuery;
use crm_core::{Action, Error};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Answer;
use crate::auth::extract::User;
use crate::error::Problem;
use crate::extract::{Json, Query};
use crate::state::App;

/// Longer than any address of any channel.
const LONGEST: usize = 512;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(lift))
}

/// An address that nothing is sent to.
#[derive(Serialize, ToSchema)]
#[schema(as = Suppression)]
pub(super) struct SuppressionView {
    /// Channel name; `*` on every channel, after whoever had the address was erased.
    channel: String,
    /// Empty for that of an erased person in a list: nobody keeps it. The address itself finds it.
    address: String,
    /// Why: `dead`, `reply`, `blocked`, `complaint`, `erased`, or in the words of whoever put it.
    reason: String,
    created_by: String,
    created_at: DateTime<Utc>,
}

impl From<Suppression> for SuppressionView {
    fn from(one: Suppression) -> Self {
        Self {
            channel: one.channel,
            address: one.address,
            reason: one.reason,
            created_by: one.created_by,
            created_at: one.created_at,
        }
    }
}

/// Addresses that nothing is sent to.
#[derive(Serialize, ToSchema)]
pub(super) struct SuppressionList {
    pub(super) items: Vec<SuppressionView>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Exactly this address, in any form in which a contact's could be written; on any channel.
    #[param(max_length = 512)]
    address: Option<String>,
    /// Only those of this channel; `*` for those of erased people.
    #[param(example = "email")]
    channel: Option<String>,
    skip: Option<u32>,
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
}

/// Lists addresses that nothing is sent to, by channel and address. As long as `limit` of them come, there may be
/// more behind them.
#[utoipa::path(get, path = "/api/suppressions", tag = "suppressions", params(Which),
    responses((status = 200, body = SuppressionList)))]
async fn list(user: User, Query(which): Query<Which>) -> Answer<SuppressionList> {
    let page = crate::paging::request(which.skip, which.limit, None)?;
    let address = which.address.filter(|text| !text.trim().is_empty());
    if address.as_ref().is_some_and(|text| text.len() > LONGEST) {
        return Err(Problem::invalid("address", "it is too long"));
    }
    let query = SuppressionQuery {
        channel: which.channel,
        addresses: address.map(|text| forms(&text)).unwrap_or_default(),
        limit: page.limit,
        skip: page.skip,
    };
    let found = user.suppressions().list(query).await?.items;
    let items = found.into_iter().map(SuppressionView::from).collect();
    Ok(axum::Json(SuppressionList { items }))
}

/// An address on a channel, and why nothing may be sent there.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SuppressionBody {
    #[schema(example = "email")]
    channel: String,
    #[schema(max_length = 512)]
    address: String,
    #[schema(min_length = 1, max_length = 500, example = "asked by telephone")]
    reason: String,
}

/// Has nothing sent to an address any more, whoever it belongs to. Repeating it changes nothing.
#[utoipa::path(post, path = "/api/suppressions", tag = "suppressions",
    request_body = SuppressionBody, responses((status = 204)))]
async fn add(user: User, Json(body): Json<SuppressionBody>) -> Result<StatusCode, Problem> {
    user.actor().require(Action::Suppress)?;
    let address = as_kept(&body.channel, &body.address)?;
    let reason = body.reason.trim();
    user.suppressions()
        .add(&body.channel, &address, reason)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An address on a channel.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LiftBody {
    /// As the list has it; `*` for that of an erased person.
    #[schema(example = "email")]
    channel: String,
    #[schema(max_length = 512)]
    address: String,
}

/// Lets messages go to an address again. If it was an erased person's, it is open on every channel then.
#[utoipa::path(post, path = "/api/suppressions/lift", tag = "suppressions",
    request_body = LiftBody, responses((status = 204),
        (status = 404, description = "The address is not on the list.")))]
async fn lift(user: User, Json(body): Json<LiftBody>) -> Result<StatusCode, Problem> {
    user.actor().require(Action::LiftSuppression)?;
    if body.address.len() > LONGEST || body.address.trim().is_empty() {
        return Err(Problem::invalid("address", "give the address to open"));
    }
    let query = SuppressionQuery {
        addresses: forms(&body.address),
        limit: 1_000,
        ..SuppressionQuery::default()
    };
    let found = user.suppressions().list(query).await?.items;
    let known = found
        .into_iter()
        .find(|one| one.channel == body.channel || one.of_erased())
        .ok_or_else(|| Error::not_found("suppression"))?;
    user.suppressions()
        .lift(&body.channel, &known.address)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The address as contacts of that channel have it, so that it is found when one is written to.
fn as_kept(channel: &str, address: &str) -> Result<String, Problem> {
    let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    if !(1..=64).contains(&channel.len()) || !channel.bytes().all(fine) {
        let what = "use lower-case letters, digits and _, for example email";
        return Err(Problem::invalid("channel", what));
    }
    if address.len() > LONGEST || address.trim().is_empty() {
        return Err(Problem::invalid("address", "give the address to suppress"));
    }
    let kept = match channel {
        "email" => normal(|fields, text| fields.email = text, address).map(|f| f.email),
        "sms" => normal(|fields, text| fields.phone = text, address).map(|f| f.phone),
        "whatsapp" => normal(|fields, text| fields.whatsapp = text, address).map(|f| f.whatsapp),
        "telegram" => normal(|fields, text| fields.telegram_chat_id = text, address)
            .map(|f| f.telegram_chat_id),
        _ => return Ok(address.trim().to_owned()),
    };
    let wrong = "this is no address of that channel";
    kept.ok()
        .flatten()
        .ok_or_else(|| Problem::invalid("address", wrong))
}

fn normal(
    put: impl FnOnce(&mut ContactFields, Option<String>),
    address: &str,
) -> Result<ContactFields, Error> {
    let mut fields = ContactFields {
        name: "-".to_owned(),
        ..ContactFields::default()
    };
    put(&mut fields, Some(address.to_owned()));
    normalise(fields)
}

/// What the list may have the address as.
fn forms(address: &str) -> Vec<String> {
    let known = ["email", "sms", "telegram"];
    let kept = known.iter().filter_map(|name| as_kept(name, address).ok());
    let all: BTreeSet<String> = kept.chain([address.trim().to_owned()]).collect();
    all.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_however_it_is_written() {
        assert_eq!(
            forms(" Anna@X.example "),
            ["Anna@X.example", "anna@x.example"]
        );
        assert_eq!(forms("90 123 45 67"), ["+998901234567", "90 123 45 67"]);
        assert_eq!(forms("42"), ["42"]);
    }

    #[test]
    fn an_address_is_kept_as_contacts_have_it() {
        let kept = |channel, address| as_kept(channel, address).ok();
        assert_eq!(
            kept("email", " Anna@X.example").as_deref(),
            Some("anna@x.example")
        );
        assert_eq!(
            kept("whatsapp", "90 123 45 67").as_deref(),
            Some("+998901234567")
        );
        assert_eq!(kept("push", " Device 7 ").as_deref(), Some("Device 7"));
        for (channel, address) in [
            ("email", "anna"),
            ("sms", "anna@x.example"),
            ("*", "anna@x.example"),
            ("", "anna@x.example"),
            ("push", " "),
        ] {
            assert_eq!(kept(channel, address), None, "{channel} {address}");
        }
    }
}

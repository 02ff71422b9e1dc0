//! Contacts: list, write, erase.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use chrono::{DateTime, Datelike, Utc};
use crm_core::Action;
use crm_core::audience::Audience;
use crm_core::contact::{Birthday, ContactFields};
use crm_core::id::ContactId;
use crm_core::port::store::{ContactQuery, SuppressionQuery};
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::Answer;
use super::suppressions::{SuppressionList, SuppressionView};
use crate::auth::extract::User;
use crate::error::Problem;
use crate::extract::{Given, Id, Json, Query, given};
use crate::paging::{self, List};
use crate::state::App;
use crate::views::{ConsentBody, ContactView};

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, put, delete))
        .routes(routes!(suppressions))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filter {
    segment: Option<String>,
    /// A language and its variants: `uz` also finds `uz-Cyrl`.
    language: Option<String>,
    tag: Option<String>,
    has_birthday_this_month: Option<bool>,
    /// An audience as a text, such as `field.level = gold and not has email`; a saved one is `saved "Its name"`.
    audience: Option<String>,
    /// Words of name, company, e-mail or phones, in any case and alphabet, also with a typo.
    #[param(max_length = 200)]
    search: Option<String>,
    skip: Option<u32>,
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
    /// `next_cursor` of the page before; not together with `skip`.
    cursor: Option<Uuid>,
}

/// Whose birthday is in this month, or is not.
pub(super) fn birthday_this_month(user: &User, wanted: Option<bool>) -> Option<Audience> {
    let month = Audience::BirthdayMonth(user.app.engine.today().month());
    Some(if wanted? {
        month
    } else {
        Audience::Not(Box::new(month))
    })
}

/// Lists contacts, newest first.
#[utoipa::path(get, path = "/api/contacts", tag = "contacts", params(Filter),
    responses((status = 200, body = List<ContactView>)))]
async fn list(user: User, Query(filter): Query<Filter>) -> Answer<List<ContactView>> {
    let page = paging::request(filter.skip, filter.limit, filter.cursor)?;
    let mut all = Vec::new();
    all.extend(filter.segment.map(Audience::Segment));
    all.extend(filter.language.map(Audience::Language));
    all.extend(filter.tag.map(Audience::Tag));
    all.extend(birthday_this_month(&user, filter.has_birthday_this_month));
    if let Some(text) = filter.audience {
        all.push(Audience::from_text(&text)?);
    }
    let query = ContactQuery {
        audience: (!all.is_empty()).then_some(Audience::And(all)),
        search: paging::search(filter.search)?,
        page,
        ..ContactQuery::default()
    };
    let found = user.contacts().list(query).await?;
    Ok(axum::Json(List::of(page, &found, |contact| {
        ContactView::from(contact)
    })))
}

/// What is known about a person. A field that is left out stays as it is, or as usual in a new contact;
/// `null` clears it.
#[derive(Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
pub(super) struct ContactBody {
    /// 1 to 200 characters; a new contact needs it.
    name: Option<String>,
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    external_id: Given<String>,
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    email: Given<String>,
    /// International, or national of Uzbekistan.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = "+998901234567")]
    phone: Given<String>,
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    telegram_chat_id: Given<String>,
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    whatsapp: Given<String>,
    /// `VIP`, `regular`, `new_client`, `partner` or any other; `regular` unless set.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = "regular")]
    segment: Given<String>,
    /// `YYYY-MM-DD`, or `--MM-DD` when the year is not known.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = "1990-05-21")]
    birthday: Given<Birthday>,
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    company: Given<String>,
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    position: Given<String>,
    /// BCP 47; `ru` unless set.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = "uz")]
    language: Given<String>,
    /// IANA zone.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = "Asia/Tashkent")]
    time_zone: Given<String>,
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<Vec<String>>)]
    tags: Given<BTreeSet<String>>,
    /// At most 16 KiB together.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<BTreeMap<String, Value>>)]
    custom_fields: Given<BTreeMap<String, Value>>,
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<Vec<String>>)]
    preferred_channels: Given<Vec<String>>,
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<Vec<ConsentBody>>)]
    consent: Given<Vec<ConsentBody>>,
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<DateTime<Utc>>)]
    last_interaction_date: Given<DateTime<Utc>>,
    /// Only for a change: the version it was made for; any other is refused.
    version: Option<u64>,
}

impl ContactBody {
    /// A new contact: a name is needed.
    pub(super) fn fields(self) -> Result<ContactFields, Problem> {
        if self.version.is_some() {
            return Err(Problem::invalid("version", "a new contact has none"));
        }
        if self.name.is_none() {
            return Err(Problem::invalid("name", "missing field"));
        }
        let mut fields = ContactFields::default();
        self.put_into(&mut fields);
        Ok(fields)
    }

    fn put_into(self, fields: &mut ContactFields) {
        let usual = ContactFields::default();
        set(&mut fields.name, self.name);
        set(&mut fields.external_id, self.external_id);
        set(&mut fields.email, self.email);
        set(&mut fields.phone, self.phone);
        set(&mut fields.telegram_chat_id, self.telegram_chat_id);
        set(&mut fields.whatsapp, self.whatsapp);
        set(&mut fields.birthday, self.birthday);
        set(&mut fields.company, self.company);
        set(&mut fields.position, self.position);
        set(&mut fields.time_zone, self.time_zone);
        set(
            &mut fields.last_interaction_date,
            self.last_interaction_date,
        );
        let segment = self.segment.map(|value| value.unwrap_or(usual.segment));
        set(&mut fields.segment, segment);
        let language = self.language.map(|value| value.unwrap_or(usual.language));
        set(&mut fields.language, language);
        set(&mut fields.tags, self.tags.map(Option::unwrap_or_default));
        set(
            &mut fields.custom_fields,
            self.custom_fields.map(Option::unwrap_or_default),
        );
        set(
            &mut fields.preferred_channels,
            self.preferred_channels.map(Option::unwrap_or_default),
        );
        let consent = self.consent.map(Option::unwrap_or_default);
        let consent = consent.map(|list| list.into_iter().map(Into::into).collect());
        set(&mut fields.consent, consent);
    }
}

/// Changes `field` when there is something to change it to.
pub(super) fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

/// Saves a new contact.
#[utoipa::path(post, path = "/api/contacts", tag = "contacts", request_body = ContactBody,
    responses((status = 201, body = ContactView)))]
async fn create(
    user: User,
    Json(body): Json<ContactBody>,
) -> Result<(StatusCode, axum::Json<ContactView>), Problem> {
    user.actor().require(Action::WriteContacts)?;
    let contact = user.contacts().create(body.fields()?).await;
    let contact = contact.map_err(Problem::of_contact)?;
    Ok((StatusCode::CREATED, axum::Json(ContactView::from(&contact))))
}

/// One contact.
#[utoipa::path(get, path = "/api/contacts/{id}", tag = "contacts", params(("id" = Uuid, Path)),
    responses((status = 200, body = ContactView)))]
async fn get(user: User, Id(id): Id<ContactId>) -> Answer<ContactView> {
    let contact = user.contacts().get(id).await?;
    Ok(axum::Json(ContactView::from(&contact)))
}

/// Which of the contact's addresses are on the suppression list.
#[utoipa::path(get, path = "/api/contacts/{id}/suppressions", tag = "contacts",
    params(("id" = Uuid, Path)), responses((status = 200, body = SuppressionList)))]
async fn suppressions(user: User, Id(id): Id<ContactId>) -> Answer<SuppressionList> {
    let contact = user.contacts().get(id).await?;
    let fields = contact.fields;
    let addresses = [
        fields.email,
        fields.phone,
        fields.telegram_chat_id,
        fields.whatsapp,
    ];
    let addresses: BTreeSet<String> = addresses.into_iter().flatten().collect();
    let mut items = Vec::new();
    if !addresses.is_empty() {
        let query = SuppressionQuery {
            addresses: addresses.into_iter().collect(),
            ..SuppressionQuery::default()
        };
        let found = user.suppressions().list(query).await?.items.into_iter();
        items = found.map(SuppressionView::from).collect();
    }
    Ok(axum::Json(SuppressionList { items }))
}

/// Changes the given fields; with `version`, only if it is still the current one.
#[utoipa::path(put, path = "/api/contacts/{id}", tag = "contacts", params(("id" = Uuid, Path)),
    request_body = ContactBody, responses((status = 200, body = ContactView)))]
async fn put(
    user: User,
    Id(id): Id<ContactId>,
    Json(body): Json<ContactBody>,
) -> Answer<ContactView> {
    user.actor().require(Action::WriteContacts)?;
    let before = user.contacts().get(id).await?;
    // What was merged is only right for the version it was merged with.
    let version = body.version.or(Some(before.version));
    let mut fields = before.fields;
    body.put_into(&mut fields);
    let contact = user.contacts().update(id, version, fields).await;
    let contact = contact.map_err(Problem::of_contact)?;
    Ok(axum::Json(ContactView::from(&contact)))
}

/// Erases the person: personal data, texts and the words of people about them go, what has not left is cancelled, the
/// history stays and still verifies. Nothing is sent to their addresses any more, on any channel, whoever has them
/// later: a salted hash of each stays on the suppression list. Files of rejected rows of all imports, and answers kept
/// for `Idempotency-Key`, are emptied for the whole workspace. May be repeated, and finishes then what was interrupted.
#[utoipa::path(delete, path = "/api/contacts/{id}", tag = "contacts",
    params(("id" = Uuid, Path)), responses((status = 204)))]
async fn delete(user: User, Id(id): Id<ContactId>) -> Result<StatusCode, Problem> {
    user.contacts().erase(id).await?;
    let workspace = user.actor().workspace.clone();
    user.app.records.forget_people(workspace).await?;
    Ok(StatusCode::NO_CONTENT)
}

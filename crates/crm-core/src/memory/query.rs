//! Which rows a query means, and which part of the list.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use uuid::Uuid;

use super::tables::Tables;
use crate::audience::Audience;
use crate::audience::messages::{Facts, MessageFact};
use crate::campaign::{Campaign, PlanRow};
use crate::consent::Suppression;
use crate::contact::{Contact, search};
use crate::draft_batch::DraftBatch;
use crate::error::{Error, Result};
use crate::id::ContactId;
use crate::intake::IntakeRow;
use crate::message::{Message, Status};
use crate::port::store::{
    CampaignQuery, ContactKeys, ContactQuery, DraftBatchQuery, IntakeQuery, MessageQuery, Page,
    PageRequest, PlanQuery, ReceiptQuery, SHARED_PHONE, SuppressionQuery, TemplateQuery,
};
use crate::receipt::KeptReceipt;
use crate::template::Template;

/// The suppressions that are meant, in order.
pub(super) fn suppressions(tables: &Tables, query: &SuppressionQuery) -> Vec<Suppression> {
    let asked: BTreeSet<&str> = query.addresses.iter().map(String::as_str).collect();
    let rows = tables.suppressions.values();
    let mut found: Vec<Suppression> = if asked.is_empty() {
        let of_channel =
            |row: &&Suppression| query.channel.as_ref().is_none_or(|c| *c == row.channel);
        rows.filter(of_channel).cloned().collect()
    } else {
        let plain = rows.filter(|row| {
            !row.of_erased()
                && query.channel.as_ref().is_none_or(|c| *c == row.channel)
                && asked.contains(row.address.as_str())
        });
        let erased = asked.iter().filter_map(|address| {
            let row = tables.suppressions.get(&tables.mark_of(address)?)?;
            Some(Suppression {
                address: (*address).to_owned(),
                ..row.clone()
            })
        });
        erased.chain(plain.cloned()).collect()
    };
    let skip = usize::try_from(query.skip).unwrap_or(usize::MAX);
    let limit = if query.limit == 0 {
        100
    } else {
        query.limit.min(1_000)
    };
    found.drain(..skip.min(found.len()));
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    found
}

/// Cuts one page out of rows that come in ascending order of `id`.
pub(super) fn page<'a, T: Clone + 'a>(
    rows: impl DoubleEndedIterator<Item = &'a T>,
    request: &PageRequest,
    id: impl Fn(&T) -> Uuid,
    matches: impl Fn(&T) -> bool,
) -> Page<T> {
    let limit = usize::try_from(request.limit.clamp(1, 1_000)).unwrap_or(1_000);
    let mut skip = request.skip;
    let (mut items, mut total, mut more) = (Vec::new(), 0_u64, false);
    let mut take = |row: &T| {
        if !matches(row) {
            return true;
        }
        total += 1;
        let behind = request.after.is_none_or(|after| {
            if request.oldest_first {
                id(row) > after
            } else {
                id(row) < after
            }
        });
        if !behind {
            return true;
        }
        if skip > 0 {
            skip -= 1;
        } else if items.len() < limit {
            items.push(row.clone());
        } else {
            more = true;
        }
        request.count || !more
    };
    if request.oldest_first {
        let _ = rows.into_iter().all(&mut take);
    } else {
        let _ = rows.rev().all(&mut take);
    }
    let next = items.last().filter(|_| more).map(id);
    Page {
        items,
        total: request.count.then_some(total),
        next,
    }
}

/// One page of messages, the riskiest first. `rows` come in ascending order of id; `behind` is the risk of the
/// message that the page is behind, if it is behind one.
pub(super) fn gravest<'a>(
    rows: impl Iterator<Item = &'a Message>,
    query: &MessageQuery,
    behind: Option<Option<u8>>,
) -> Page<Message> {
    let request = &query.page;
    let limit = usize::try_from(request.limit.clamp(1, 1_000)).unwrap_or(1_000);
    let skip = usize::try_from(request.skip).unwrap_or(usize::MAX);
    let mut found: Vec<&Message> = rows.filter(|row| message(query)(row)).collect();
    let total = found.len() as u64;
    let later = |a: Uuid, b: Uuid| if request.oldest_first { a > b } else { a < b };
    found.retain(|row| match (request.after, behind) {
        (Some(after), Some(Some(risk))) => {
            row.risk() < risk || (row.risk() == risk && later(row.id.0, after))
        }
        (Some(_), _) => false,
        (None, _) => true,
    });
    if !request.oldest_first {
        found.reverse();
    }
    found.sort_by_key(|row| std::cmp::Reverse(row.risk()));
    let more = found.len() > limit.saturating_add(skip);
    let items: Vec<Message> = found.into_iter().skip(skip).take(limit).cloned().collect();
    let next = items.last().filter(|_| more).map(|row| row.id.0);
    Page {
        items,
        total: request.count.then_some(total),
        next,
    }
}

/// A filter over contacts.
pub(super) fn contact<'a>(
    query: &'a ContactQuery,
    tables: &'a Tables,
) -> Result<impl Fn(&Contact) -> bool + 'a> {
    if query.audience.as_ref().is_some_and(Audience::names_saved) {
        return Err(Audience::unresolved());
    }
    let today = match (query.today, &query.audience) {
        (None, Some(audience)) if audience.needs_today() => {
            return Err(Error::field(
                "today",
                "give the date that the audience is compared with",
            ));
        }
        (today, _) => today.unwrap_or(NaiveDate::MIN),
    };
    let search = query.search.as_deref().map(search::Query::parse);
    let asks = query
        .audience
        .as_ref()
        .is_some_and(Audience::needs_messages);
    let planned = asks.then(|| tables.planned());
    let known = query.external_id.as_ref();
    let known = known.and_then(|id| tables.by_external_id.get(id));
    let known = known.and_then(|id| tables.contacts.get(id));
    let known = known.map(|row| row.merged_into.unwrap_or(row.id));
    Ok(move |row: &Contact| {
        among(&query.ids, &row.id)
            && (!row.erased || !query.ids.is_empty() || query.merged_into.is_some())
            && (query.merged_into.is_none() || query.merged_into == row.merged_into)
            && equal(query.email.as_ref(), row.email.as_ref())
            && (query.external_id.is_none() || known == Some(row.id))
            && equal(query.phone.as_ref(), row.phone.as_ref())
            && born_on(query.birthdays.as_ref(), row)
            && query
                .audience
                .as_ref()
                .is_none_or(|audience| match &planned {
                    None => audience.matches(row, today),
                    Some(planned) => audience.matches_with(
                        row,
                        &Facts {
                            today,
                            messages: tables
                                .messages_to(row.id)
                                .map(|message| {
                                    MessageFact::of(message, tables.last_inbound(message))
                                })
                                .collect(),
                            campaigns: planned.get(&row.id).cloned().unwrap_or_default(),
                        },
                    ),
                })
            && search
                .as_ref()
                .is_none_or(|search| search::matches(row, search))
    })
}

/// The contacts that have any of the keys, by id.
pub(super) fn by_keys(tables: &Tables, keys: &ContactKeys) -> Vec<Contact> {
    let mut found: BTreeSet<ContactId> = keys.ids.iter().copied().collect();
    let external = keys.external_ids.iter();
    found.extend(external.filter_map(|key| tables.by_external_id.get(key)));
    let emails = keys.emails.iter().map(|email| email.to_lowercase());
    found.extend(emails.filter_map(|email| tables.by_email.get(&email)));
    let wanted: BTreeSet<&String> = keys.phones.iter().collect();
    let mut shared: BTreeMap<&String, u32> = BTreeMap::new();
    for (id, row) in &tables.contacts {
        if let Some(phone) = row.phone.as_ref().filter(|phone| wanted.contains(phone)) {
            let count = shared.entry(phone).or_default();
            *count += 1;
            if *count <= SHARED_PHONE {
                found.insert(*id);
            }
        }
    }
    let rows = found.iter().filter_map(|id| tables.contacts.get(id));
    rows.map(|row| (**row).clone()).collect()
}

/// A filter over templates.
pub(super) fn template(query: &TemplateQuery) -> impl Fn(&Template) -> bool {
    move |row| {
        among(&query.ids, &row.id)
            && query.occasion.is_none_or(|o| o == row.fields.occasion_type)
            && query.active.is_none_or(|a| a == row.fields.is_active)
    }
}

/// A filter over messages.
pub(super) fn message(query: &MessageQuery) -> impl Fn(&Message) -> bool {
    let search = query.search.as_ref().map(|text| text.to_lowercase());
    move |row| {
        among(&query.ids, &row.id)
            && (!row.deleted || query.finds_deleted())
            && among(&query.statuses, &row.status)
            && query.occasion.is_none_or(|o| o == row.occasion)
            && query.contact_id.is_none_or(|id| id == row.contact_id)
            && equal(query.campaign_id.as_ref(), row.campaign_id.as_ref())
            && query.generated_by.is_none_or(|by| by == row.generated_by)
            && query
                .lease_before
                .is_none_or(|at| row.lease_until.is_some_and(|until| until < at))
            && query
                .expires_before
                .is_none_or(|at| row.expires_at.is_some_and(|end| end <= at))
            && query.queued_before.is_none_or(|at| {
                row.status == Status::Approved
                    && !row.test_mode
                    && row.queued_at.is_some_and(|since| since <= at)
            })
            && equal(query.provider_id.as_ref(), row.provider_id.as_ref())
            && query
                .severity
                .is_none_or(|least| row.risk() >= least.risk())
            && search.as_ref().is_none_or(|part| {
                contains(&row.revision.content, part)
                    || row
                        .revision
                        .subject
                        .as_ref()
                        .is_some_and(|text| contains(text, part))
            })
    }
}

/// A filter over campaigns.
pub(super) fn campaign(query: &CampaignQuery) -> impl Fn(&Campaign) -> bool {
    move |row| {
        among(&query.ids, &row.id)
            && among(&query.statuses, &row.status)
            && query.occasion.is_none_or(|o| o == row.fields.occasion_type)
    }
}

/// A filter over lines of a plan.
pub(super) fn plan(query: &PlanQuery) -> impl Fn(&PlanRow) -> bool {
    move |row| {
        row.campaign_id == query.campaign_id
            && query
                .occurrence
                .as_ref()
                .is_none_or(|o| *o == row.occurrence)
            && query.excluded.is_none_or(|e| e == row.excluded.is_some())
            && (!query.undrafted || row.message_id.is_none() && row.batch_id.is_none())
            && query
                .batch
                .is_none_or(|id| row.message_id.is_none() && row.batch_id == Some(id))
    }
}

/// A filter over batches of drafts.
pub(super) fn draft_batch(query: &DraftBatchQuery) -> impl Fn(&&DraftBatch) -> bool {
    move |row| {
        let open = query.open || query.due_before.is_some();
        query.campaign_id.is_none_or(|id| id == row.campaign_id)
            && (!open || row.closed_at.is_none())
            && query.due_before.is_none_or(|until| row.due_at <= until)
    }
}

/// A filter over rows of the intake.
pub(super) fn intake(query: &IntakeQuery) -> impl Fn(&&IntakeRow) -> bool {
    move |row| {
        query.state.is_none_or(|state| state == row.state)
            && query.key.as_ref().is_none_or(|key| *key == row.key)
            && query.after.is_none_or(|after| {
                if query.oldest_first {
                    row.seq > after
                } else {
                    row.seq < after
                }
            })
    }
}

/// A filter over receipts.
pub(super) fn receipt(query: &ReceiptQuery) -> impl Fn(&&KeptReceipt) -> bool {
    move |row| {
        query.state.is_none_or(|state| state == row.state)
            && (query.message_id.is_none() || query.message_id == row.message_id)
            && query.due_before.is_none_or(|until| row.due_at <= until)
    }
}

fn among<T: PartialEq>(wanted: &[T], value: &T) -> bool {
    wanted.is_empty() || wanted.contains(value)
}

fn equal<T: PartialEq>(wanted: Option<&T>, value: Option<&T>) -> bool {
    wanted.is_none_or(|wanted| value == Some(wanted))
}

/// `part` is in lower case already.
fn contains(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(part)
}

/// Whether the birthday is one of these days, if any are asked for.
fn born_on(days: Option<&BTreeSet<u32>>, contact: &Contact) -> bool {
    days.is_none_or(|days| {
        contact
            .birthday
            .is_some_and(|birthday| days.contains(&(birthday.month * 100 + birthday.day)))
    })
}

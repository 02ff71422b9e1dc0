//! Exports of contacts: all that a query finds as a file, page by page, so that any number of them takes the same memory.
//!
//! That an export took place stands in the history: that it began and with which filter before anything is given out,
//! and how many it gave out at its end. Whoever reads a file half way leaves the first of the two.

use std::collections::BTreeSet;

use serde_json::Value;
use uuid::Uuid;

use super::Session;
use super::contacts::Contacts;
use crate::actor::Action;
use crate::change::ChangeSet;
use crate::contact::Contact;
use crate::error::{Error, ErrorKind, Result};
use crate::export::{ExportReport, Format, MOST_CUSTOM_FIELDS, Options, Writer};
use crate::message::history::Subject;
use crate::port::store::{ContactQuery, Page, PageRequest};

/// Contacts that are read together.
const PAGE: u32 = 500;

/// An export that is under way. Dropping it ends it.
#[derive(Debug)]
pub struct Export {
    session: Session,
    id: Uuid,
    query: ContactQuery,
    writer: Writer,
    place: Place,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Beginning,
    Behind(Uuid),
    /// Everything was read; the history does not know yet.
    Read,
    End,
}

impl Contacts<'_> {
    /// Begins an export of the contacts that `query` finds, oldest first; which page it asks for does not matter. For CSV
    /// files whose custom fields are not named all contacts are read once more beforehand, to find the names.
    ///
    /// # Errors
    /// `Forbidden` unless the actor may export; `Invalid` for options that do not fit each other, and when CSV would have
    /// more than 480 columns for custom fields; as the store.
    pub async fn export(&self, query: ContactQuery, options: &Options) -> Result<Export> {
        self.0.require(Action::Export)?;
        let mut options = options.clone();
        Writer::new(&options)?;
        let query = self.asked(query).await?;
        if options.format == Format::Csv && options.custom_fields.is_none() {
            options.custom_fields = Some(names(self.0, &query).await?);
        }
        let export = Export {
            session: self.0.clone(),
            id: self.0.engine.ids().next(),
            writer: Writer::new(&options)?,
            place: Place::Beginning,
            query,
        };
        let about = format!("{} {}", options.extension(), filter(&export.query));
        export.tell("started", 1, about).await?;
        Ok(export)
    }

    /// The names of all custom fields that the contacts of `query` have, in order.
    ///
    /// # Errors
    /// `Forbidden` unless the actor may export; `Invalid` when there are more than 480; as the store.
    pub async fn custom_fields(&self, query: ContactQuery) -> Result<Vec<String>> {
        self.0.require(Action::Export)?;
        names(self.0, &self.asked(query).await?).await
    }

    /// What is asked, as this moment has it: what people define meanwhile does not stop a file half way.
    async fn asked(&self, mut query: ContactQuery) -> Result<ContactQuery> {
        if let Some(audience) = query.audience.take() {
            query.audience = Some(self.0.asked(audience).await?);
        }
        query.today.get_or_insert_with(|| self.0.engine.today());
        Ok(query)
    }
}

async fn names(session: &Session, query: &ContactQuery) -> Result<Vec<String>> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    let mut after = None;
    loop {
        let page = page(session, query, after).await?;
        for contact in &page.items {
            for name in contact.custom_fields.keys() {
                if !names.contains(name) {
                    names.insert(name.clone());
                }
            }
        }
        if names.len() > MOST_CUSTOM_FIELDS {
            let what = "the contacts have more than 480 of them: name those you want, or use JSON lines, which hold all";
            return Err(Error::field("custom_fields", what));
        }
        after = page.next;
        if after.is_none() {
            return Ok(names.into_iter().collect());
        }
    }
}

async fn page(
    session: &Session,
    query: &ContactQuery,
    after: Option<Uuid>,
) -> Result<Page<Contact>> {
    let mut query = query.clone();
    query.page = PageRequest {
        limit: PAGE,
        after,
        oldest_first: true,
        ..PageRequest::default()
    };
    session.store().contacts(session.workspace(), query).await
}

impl Export {
    /// The next part of the file; nothing behind its end. After an error the same part can be asked for again, as often
    /// as it takes.
    ///
    /// # Errors
    /// As the store.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let mut part = Vec::new();
        let after = match self.place {
            Place::Beginning => None,
            Place::Behind(id) => Some(id),
            Place::Read | Place::End => return self.end().await,
        };
        let page = page(&self.session, &self.query, after).await?;
        if after.is_none() {
            self.writer.begin(&mut part);
        }
        for contact in &page.items {
            self.writer.contact(contact, &mut part);
        }
        self.place = page.next.map_or(Place::Read, Place::Behind);
        // A reader takes an empty part for the end.
        if part.is_empty() && self.place == Place::Read {
            return self.end().await;
        }
        Ok(Some(part))
    }

    async fn end(&mut self) -> Result<Option<Vec<u8>>> {
        if self.place == Place::Read {
            let report = self.writer.report().to_string();
            self.tell("finished", 2, report).await?;
            self.place = Place::End;
        }
        Ok(None)
    }

    /// The id that the history knows the export by.
    #[must_use]
    pub const fn id(&self) -> Uuid {
        self.id
    }

    /// What was written up to now; of the whole file once [`next`](Self::next) found nothing more.
    #[must_use]
    pub const fn report(&self) -> ExportReport {
        self.writer.report()
    }

    /// The rest of the file at once. It is as large as the file.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn to_end(mut self) -> Result<(Vec<u8>, ExportReport)> {
        let mut file = Vec::new();
        while let Some(part) = self.next().await? {
            file.extend(part);
        }
        Ok((file, self.report()))
    }

    async fn tell(&self, action: &str, version: u64, reason: String) -> Result<()> {
        let stamp = self.session.stamp();
        let mut event = stamp.event(Subject::Export, self.id, version, action);
        event.reason = Some(reason);
        let mut set = ChangeSet::new(self.session.workspace().clone());
        set.event(event);
        let done = self.session.engine.commit_one(set).await;
        done.map_err(|error| match error.kind() {
            ErrorKind::Unavailable => error.during("export"),
            _ => error,
        })
    }
}

/// What a query asks for, without its values: those may be somebody's address, and nothing is ever taken out of the
/// history.
fn filter(query: &ContactQuery) -> String {
    let mut all = String::from("filter=");
    let asked = [
        (!query.ids.is_empty(), "ids"),
        (query.email.is_some(), "email"),
        (query.external_id.is_some(), "external_id"),
        (query.phone.is_some(), "phone"),
        (query.search.is_some(), "search"),
    ];
    let mut words: Vec<String> = asked
        .into_iter()
        .filter(|(asked, _)| *asked)
        .map(|(_, word)| word.to_owned())
        .collect();
    if let Some(audience) = &query.audience {
        let mut shape = String::new();
        // Plain data: this cannot fail.
        write_shape(
            &serde_json::to_value(audience).unwrap_or_default(),
            &mut shape,
        );
        words.push(shape);
    }
    if words.is_empty() {
        words.push("none".to_owned());
    }
    all.push_str(&words.join(","));
    // A filter of a hundred conditions says no more than its beginning.
    all.chars().take(LONGEST_FILTER).collect()
}

/// Longest filter in the history, in characters.
const LONGEST_FILTER: usize = 200;

/// The kinds of conditions of an audience: `and(segment,not(tag))`. Read off its JSON, in which the name of a condition is
/// a key and what somebody filled in is a value.
fn write_shape(audience: &Value, out: &mut String) {
    if out.len() > LONGEST_FILTER {
        return;
    }
    let condition = match audience {
        Value::Object(condition) => condition.iter().next(),
        // A condition that takes nothing is a word.
        Value::String(name) => return out.push_str(name),
        _ => None,
    };
    let Some((name, value)) = condition else {
        return;
    };
    out.push_str(name);
    if !matches!(name.as_str(), "and" | "or" | "not") {
        return;
    }
    out.push('(');
    let parts = value
        .as_array()
        .map_or(std::slice::from_ref(value), Vec::as_slice);
    for (number, part) in parts.iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        write_shape(part, out);
    }
    out.push(')');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audience::Audience;

    #[test]
    fn a_filter_is_told_without_its_values() {
        let all: Audience = serde_json::from_str(
            r#"{"and": [{"or": [{"segment": "Anna"}, {"custom_field": {"name": "Anna", "equals": "Anna"}}]},
                {"not": {"birthday_within": 7}}, {"and": []}]}"#,
        )
        .unwrap();
        let query = ContactQuery {
            audience: Some(all),
            email: Some("anna@post.example".to_owned()),
            search: Some("Anna".to_owned()),
            ..ContactQuery::default()
        };
        let shape = "and(or(segment,custom_field),not(birthday_within),and())";
        assert_eq!(filter(&query), format!("filter=email,search,{shape}"));
        assert_eq!(filter(&ContactQuery::default()), "filter=none");
        let many = ContactQuery {
            audience: Some(Audience::And(vec![Audience::everybody(); 1_000])),
            ..ContactQuery::default()
        };
        assert_eq!(filter(&many).len(), LONGEST_FILTER);
    }
}

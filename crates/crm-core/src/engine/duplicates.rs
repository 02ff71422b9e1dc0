//! Texts of one campaign that are alike: a model that writes the same to everybody writes to nobody.

use std::collections::BTreeMap;

use super::Campaigns;
use crate::error::Result;
use crate::guardrail::Rule;
use crate::guardrail::duplicate::{Letter, groups};
use crate::id::{CampaignId, ContactId, MessageId};
use crate::message::guard::seen;
use crate::message::{GeneratedBy, Message, Status};
use crate::port::store::{ContactQuery, MessageQuery, PageRequest};

/// Messages that are compared: the newest ones.
const MOST: usize = 2_000;
/// Share of three-word shingles from which on two texts are alike.
const LIKENESS: f64 = 0.8;
/// Rows of one page.
const PAGE: usize = 1_000;

/// Messages whose texts are alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicates {
    /// Two or more, newest first.
    pub messages: Vec<MessageId>,
    /// Whether all are the same but for the name.
    pub exact: bool,
}

impl Campaigns<'_> {
    /// The groups of texts that are alike among what a model wrote for this campaign and nobody has decided yet: of
    /// the newest 2,000 at most. None where the guardrail `duplicate` is off.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn duplicates(&self, id: CampaignId) -> Result<Vec<Duplicates>> {
        let session = self.0;
        self.get(id).await?;
        if session
            .engine
            .guardrails()
            .severity(Rule::Duplicate)
            .is_none()
        {
            return Ok(Vec::new());
        }
        let mut messages: Vec<Message> = Vec::new();
        let mut query = MessageQuery {
            campaign_id: Some(id),
            statuses: vec![Status::Draft, Status::PendingApproval],
            generated_by: Some(GeneratedBy::Ai),
            page: PageRequest {
                limit: 1_000,
                ..PageRequest::default()
            },
            ..MessageQuery::default()
        };
        while messages.len() < MOST {
            let page = session.store().messages(session.workspace(), query.clone());
            let page = page.await?;
            messages.extend(page.items);
            query.page.after = page.next;
            if page.next.is_none() {
                break;
            }
        }
        let names = self.names(&messages).await?;
        let texts: Vec<_> = messages
            .iter()
            .map(|message| {
                let revision = &message.revision;
                let name = names.get(&message.contact_id).map_or("", String::as_str);
                (name, seen(&revision.content, revision.format))
            })
            .collect();
        let letters: Vec<Letter<'_>> = texts
            .iter()
            .map(|(name, content)| Letter { name, content })
            .collect();
        let found = groups(&letters, LIKENESS).into_iter().map(|group| {
            let members = group.members.iter();
            let members = members.filter_map(|at| messages.get(*at));
            Duplicates {
                messages: members.map(|message| message.id).collect(),
                exact: group.exact,
            }
        });
        Ok(found.collect())
    }

    async fn names(&self, messages: &[Message]) -> Result<BTreeMap<ContactId, String>> {
        let session = self.0;
        let mut names = BTreeMap::new();
        for part in messages.chunks(PAGE) {
            let query = ContactQuery {
                ids: part.iter().map(|message| message.contact_id).collect(),
                page: PageRequest {
                    limit: 1_000,
                    ..PageRequest::default()
                },
                ..ContactQuery::default()
            };
            let page = session.store().contacts(session.workspace(), query).await?;
            names.extend(page.items.into_iter().map(|row| (row.id, row.fields.name)));
        }
        Ok(names)
    }
}

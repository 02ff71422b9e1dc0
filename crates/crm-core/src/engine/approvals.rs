//! Decisions: one by one with the version that was seen, or in bulk over exactly a previewed set.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use chrono::Duration;
use futures_util::future;
use serde::{Deserialize, Serialize};

use super::Session;
use crate::actor::Action;
use crate::change::ChangeSet;
use crate::error::{Error, ErrorKind, Result};
use crate::guardrail::{Rule, Severity};
use crate::id::MessageId;
use crate::message::decide::{self, Seen};
use crate::message::digest::Encoder;
use crate::message::history::Subject;
use crate::message::lifecycle::{self, Event};
use crate::message::{Digest, Message, Status};
use crate::port::store::{EventQuery, MessageQuery, PageRequest};

/// Use cases of decisions.
#[derive(Debug, Clone, Copy)]
pub struct Approvals<'a>(pub(super) &'a Session, pub(super) Duration);

/// What is done to many messages at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkAction {
    /// Approve.
    Approve,
    /// Reject.
    Reject,
    /// Cancel.
    Cancel,
    /// Say of uncertain ones that they were sent.
    ResolveSent,
    /// Send uncertain ones again; duplicates are acceptable.
    ResolveResend,
    /// Give up on uncertain ones.
    ResolveFailed,
}

impl BulkAction {
    const fn event(self) -> Event {
        match self {
            Self::Approve => Event::Approve,
            Self::Reject => Event::Reject,
            Self::Cancel => Event::Cancel,
            Self::ResolveSent => Event::ResolveSent,
            Self::ResolveResend => Event::ResolveResend,
            Self::ResolveFailed => Event::ResolveFailed,
        }
    }

    /// Whether it makes something leave, or leave again: then exactly what was previewed.
    const fn sends(self) -> bool {
        matches!(self, Self::Approve | Self::ResolveResend)
    }
}

/// What a guardrail found among many messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkFinding {
    /// Which guardrail.
    pub rule: Rule,
    /// How much it weighs.
    pub severity: Severity,
    /// How many messages have such a finding.
    pub messages: u64,
}

/// What a bulk decision would touch.
#[derive(Debug, Clone, PartialEq)]
pub struct BulkPreview {
    /// How many.
    pub count: u64,
    /// Binds exactly these messages at exactly these versions and digests.
    pub manifest: Digest,
    /// How many of them have blocking findings: approving refuses these, each in the result.
    pub blocked: u64,
    /// What guardrails found in how many of them, the gravest first.
    pub findings: Vec<BulkFinding>,
    /// The first ones.
    pub sample: Vec<Message>,
}

/// One message of a bulk decision that was not applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkItem {
    /// The message.
    pub id: MessageId,
    /// `skipped` (changed since the preview) or `failed`.
    pub outcome: String,
    /// Why.
    pub detail: String,
}

/// What a bulk decision did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkResult {
    /// Decided.
    pub applied: u64,
    /// Changed meanwhile, left alone.
    pub skipped: u64,
    /// Refused.
    pub failed: u64,
    /// What was not applied, at most 1,000.
    pub items: Vec<BulkItem>,
}

/// A chunk of a bulk decision, not yet written.
#[derive(Default)]
struct Decided {
    /// The messages of `sets`, in order.
    ids: Vec<MessageId>,
    sets: Vec<ChangeSet>,
    refused: Vec<(MessageId, Error)>,
}

impl BulkResult {
    fn refuse(&mut self, id: MessageId, error: &Error) {
        let outcome = if error.kind() == ErrorKind::Conflict {
            self.skipped += 1;
            "skipped"
        } else {
            self.failed += 1;
            "failed"
        };
        if self.items.len() < 1_000 {
            self.items.push(BulkItem {
                id,
                outcome: outcome.to_owned(),
                detail: error.detail().to_owned(),
            });
        }
    }
}

impl Approvals<'_> {
    /// What is approved waits at least `window` before it leaves, and as long as the house's own undo window where
    /// that is longer: a screen that offers to take a slip back needs time for it.
    #[must_use]
    pub fn undoable_for(self, window: Duration) -> Self {
        Self(self.0, self.1.max(window))
    }

    /// Approves exactly what was seen.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound`; `NotAllowed`, also while it has blocking findings; `Conflict` naming who decided
    /// what and when.
    pub async fn approve(&self, id: MessageId, seen: Seen) -> Result<Message> {
        self.approve_despite(id, seen, None).await
    }

    /// As [`approve`](Self::approve); with a reason (1 to 500 characters) an admin approves in spite of blocking
    /// findings. The approval and the history keep it.
    ///
    /// # Errors
    /// As [`approve`](Self::approve); `Forbidden` for a reason of anybody but an admin, `Invalid` for one that is
    /// blank or too long.
    pub async fn approve_despite(
        &self,
        id: MessageId,
        seen: Seen,
        override_reason: Option<&str>,
    ) -> Result<Message> {
        let separate = self.0.engine.policy().separate_approver;
        let result = self
            .0
            .change(id, None, |message, stamp| {
                decide::approve_despite(message, seen, separate, self.1, override_reason, stamp)
            })
            .await;
        self.explain(id, result).await
    }

    /// Declines a message.
    ///
    /// # Errors
    /// As [`approve`](Self::approve).
    pub async fn reject(
        &self,
        id: MessageId,
        version: Option<u64>,
        reason: Option<String>,
    ) -> Result<Message> {
        let result = self
            .0
            .change(id, version, |message, stamp| {
                decide::close(message, Event::Reject, reason, stamp)
            })
            .await;
        self.explain(id, result).await
    }

    /// Adds to a lost race who won it and when.
    async fn explain(&self, id: MessageId, result: Result<Message>) -> Result<Message> {
        let Err(error) = result else { return result };
        if error.kind() != ErrorKind::Conflict {
            return Err(error);
        }
        let query = EventQuery {
            subject: Some((Subject::Message, id.0)),
            sealed_after: None,
            limit: 10_000,
        };
        let events = self.0.store().events(self.0.workspace(), query).await?;
        let Some(last) = events.last().map(|stored| &stored.event) else {
            return Err(error);
        };
        Err(Error::new(
            ErrorKind::Conflict,
            format!(
                "message {id} was {} by {} at {}; it is now version {}",
                last.action,
                last.actor,
                last.at.format("%Y-%m-%dT%H:%M:%SZ"),
                last.version
            ),
        ))
    }

    /// What a bulk decision over this selection would touch: those whose status allows it.
    ///
    /// # Errors
    /// `Forbidden`; as the store.
    pub async fn preview(&self, action: BulkAction, query: MessageQuery) -> Result<BulkPreview> {
        let mut sample = Vec::new();
        let mut blocked = 0;
        let mut found: BTreeMap<(Reverse<Severity>, Rule), u64> = BTreeMap::new();
        let (manifest, set) = self
            .select(action, query, |message| {
                if !decide::blocking(message).is_empty() {
                    blocked += 1;
                }
                let kinds: BTreeSet<_> = message
                    .findings
                    .iter()
                    .map(|finding| (Reverse(finding.severity), finding.rule))
                    .collect();
                for kind in kinds {
                    *found.entry(kind).or_default() += 1;
                }
                if sample.len() < 20 {
                    sample.push(message.clone());
                }
            })
            .await?;
        let count = set.len() as u64;
        self.0
            .engine
            .previews
            .keep(self.0.workspace(), action, manifest, set);
        Ok(BulkPreview {
            count,
            manifest,
            blocked,
            findings: found
                .into_iter()
                .map(|((Reverse(severity), rule), messages)| BulkFinding {
                    rule,
                    severity,
                    messages,
                })
                .collect(),
            sample,
        })
    }

    async fn select(
        &self,
        action: BulkAction,
        query: MessageQuery,
        mut visit: impl FnMut(&Message),
    ) -> Result<(Digest, Vec<(MessageId, Seen)>)> {
        let mut manifest = Encoder::new("crm/manifest/v1");
        let mut set = Vec::new();
        self.each(action, query, |message| {
            put(&mut manifest, message);
            set.push((message.id, Seen::of(message)));
            visit(message);
        })
        .await?;
        Ok((manifest.finish(), set))
    }

    async fn each(
        &self,
        action: BulkAction,
        mut query: MessageQuery,
        mut visit: impl FnMut(&Message),
    ) -> Result<()> {
        self.0.require(Action::WriteMessages)?;
        query.page = PageRequest {
            limit: 1_000,
            ..PageRequest::default()
        };
        loop {
            let page = self
                .0
                .store()
                .messages(self.0.workspace(), query.clone())
                .await?;
            for message in page.items.iter().filter(|message| !message.deleted) {
                let role = self.0.actor().role;
                if lifecycle::apply(message.status, action.event(), role).is_ok() {
                    visit(message);
                }
            }
            let Some(next) = page.next else { return Ok(()) };
            query.page.after = Some(next);
        }
    }

    /// Decides over exactly the previewed set; what changed since is skipped and said.
    ///
    /// # Errors
    /// `PreconditionRequired` to approve or resend without a manifest; `Conflict` when the preview is no longer
    /// kept (the last 32 are) and the selection is not what it was.
    pub async fn bulk(
        &self,
        action: BulkAction,
        query: MessageQuery,
        manifest: Option<Digest>,
        reason: Option<String>,
    ) -> Result<BulkResult> {
        self.0.require(Action::WriteMessages)?;
        let set = match manifest {
            None if action.sends() => {
                return Err(Error::new(
                    ErrorKind::PreconditionRequired,
                    "preview first and give the manifest it returned: nobody sends unseen",
                ));
            }
            None => self.select(action, query, |_| {}).await?.1.into(),
            Some(manifest) => {
                match self
                    .0
                    .engine
                    .previews
                    .find(self.0.workspace(), action, manifest)
                {
                    Some(set) => set,
                    None => {
                        let (now, set) = self.select(action, query, |_| {}).await?;
                        if now != manifest {
                            return Err(Error::new(
                                ErrorKind::Conflict,
                                "the selection changed since the preview; look at it again",
                            ));
                        }
                        set.into()
                    }
                }
            }
        };
        // While one chunk is written, the next is read and decided.
        let mut result = BulkResult::default();
        let mut chunks = set.chunks(1_000);
        let mut next = match chunks.next() {
            Some(chunk) => Some(self.decide(action, chunk, reason.as_deref()).await?),
            None => None,
        };
        while let Some(Decided { ids, sets, refused }) = next {
            let ahead = async {
                match chunks.next() {
                    Some(chunk) => self
                        .decide(action, chunk, reason.as_deref())
                        .await
                        .map(Some),
                    None => Ok(None),
                }
            };
            let (results, ahead) = future::join(self.0.engine.commit(sets), ahead).await;
            for (id, error) in refused {
                result.refuse(id, &error);
            }
            for (id, committed) in ids.into_iter().zip(results?) {
                match committed {
                    Ok(()) => result.applied += 1,
                    Err(error) => result.refuse(id, &error),
                }
            }
            next = ahead?;
        }
        Ok(result)
    }

    /// Decides over at most 1,000 messages.
    async fn decide(
        &self,
        action: BulkAction,
        chunk: &[(MessageId, Seen)],
        reason: Option<&str>,
    ) -> Result<Decided> {
        let separate = self.0.engine.policy().separate_approver;
        let stamp = self.0.stamp();
        let query = MessageQuery {
            ids: chunk.iter().map(|(id, _)| *id).collect(),
            page: PageRequest {
                limit: 1_000,
                ..PageRequest::default()
            },
            ..MessageQuery::default()
        };
        let page = self.0.store().messages(self.0.workspace(), query).await?;
        let seen: std::collections::BTreeMap<MessageId, Seen> = chunk.iter().copied().collect();
        let mut all = Decided::default();
        for message in &page.items {
            let Some(seen) = seen.get(&message.id) else {
                continue;
            };
            let decided =
                decide::check_version(message, seen.version).and_then(|()| match action {
                    BulkAction::Approve => {
                        decide::approve(message, *seen, separate, self.1, &stamp)
                    }
                    other => {
                        decide::close(message, other.event(), reason.map(str::to_owned), &stamp)
                    }
                });
            match decided {
                Ok((_, set)) => {
                    all.ids.push(message.id);
                    all.sets.push(set);
                }
                Err(error) => all.refused.push((message.id, error)),
            }
        }
        Ok(all)
    }

    /// How many messages wait for a decision.
    ///
    /// # Errors
    /// As the store.
    pub async fn waiting(&self) -> Result<u64> {
        let name = format!("message.status.{}", Status::PendingApproval.as_str());
        let counters = self
            .0
            .store()
            .counters(self.0.workspace(), &[&name])
            .await?;
        Ok(counters
            .get(&name)
            .copied()
            .unwrap_or(0)
            .try_into()
            .unwrap_or(0))
    }
}

fn put(manifest: &mut Encoder, message: &Message) {
    manifest
        .bytes(message.id.0.as_bytes())
        .number(message.version)
        .bytes(&message.digest.0);
}

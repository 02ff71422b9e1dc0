//! What a batch of drafts brought: each line's cost is settled and its text stored, and the lines that got none are
//! drafted one by one. Reading the results again does the same again, which changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _};
use uuid::Uuid;

use super::Worker;
use super::batches::Held;
use super::draft::Ended;
use super::line::{Line, LineText, Texts};
use crate::budget::{EntryState, LedgerEntry, Outcome};
use crate::change::{Change, ChangeSet};
use crate::draft_batch::DraftBatch;
use crate::engine::{self, Drafted};
use crate::error::{ErrorKind, Result};
use crate::id::LedgerId;
use crate::port::llm::{Draft, LlmError, LlmFailure};
use crate::port::llm_batch::{BatchLine, BatchOutcome};
use crate::port::store::{LedgerQuery, PageRequest};

/// Results stored together.
const GROUP: usize = 100;

impl Worker {
    /// Reads all results; settles what each cost and stores the texts.
    pub(super) async fn take_in(
        &self,
        held: &Held<'_>,
    ) -> Result<std::result::Result<(), LlmError>> {
        let batch = &held.batch;
        let lines = self.lines_of(batch).await?;
        let lines: BTreeMap<Uuid, Line> = lines
            .into_iter()
            .map(|line| (batch.entry_of(&line.row).0, line))
            .collect();
        let texts = match held.wanted() {
            Some(campaign) => Some(self.texts(&campaign.workspace, campaign).await?),
            None => None,
        };
        let marker = batch.marker()?;
        let id = batch.provider_id.as_deref().unwrap_or_default();
        let mut results = match held.provider.results(id, &marker).await {
            Ok(results) => results,
            Err(error) => return Ok(Err(error)),
        };
        let (mut group, mut unreadable) = (Vec::new(), false);
        loop {
            match results.next().await {
                Ok(Some(line)) => group.push(line),
                Ok(None) => break,
                Err(error) if matches!(error.failure, LlmFailure::BadOutput { .. }) => {
                    unreadable = true;
                }
                Err(error) => return Ok(Err(error)),
            }
            if group.len() >= GROUP {
                let group = std::mem::take(&mut group);
                self.take_group(held, &lines, texts.as_ref(), group).await?;
            }
        }
        self.take_group(held, &lines, texts.as_ref(), group).await?;
        // A line that could not be read may have been paid for; one that is not there was not.
        let ids: Vec<LedgerId> = lines.keys().copied().map(LedgerId).collect();
        let left = self.open_entries(batch, ids).await?;
        let outcome = || match unreadable {
            true => Outcome::Assumed {
                failure: "malformed_line".to_owned(),
            },
            false => Outcome::Released {
                failure: "not_begun".to_owned(),
            },
        };
        self.close_entries(left.iter().map(|entry| (entry, outcome())))
            .await?;
        Ok(Ok(()))
    }

    async fn take_group(
        &self,
        held: &Held<'_>,
        lines: &BTreeMap<Uuid, Line>,
        texts: Option<&Texts>,
        group: Vec<BatchLine>,
    ) -> Result<()> {
        let ids = group.iter().filter_map(|line| entry_id(line.id.as_str()));
        let entries = self.open_entries(&held.batch, ids.collect()).await?;
        let entries: BTreeMap<Uuid, &LedgerEntry> =
            entries.iter().map(|entry| (entry.id.0, entry)).collect();
        let (mut closed, mut ended) = (Vec::new(), Vec::new());
        for BatchLine { id, outcome } in group {
            let Some(LedgerId(id)) = entry_id(id.as_str()) else {
                continue;
            };
            if let Some(entry) = entries.get(&id) {
                closed.push((*entry, cost_of(&outcome)));
            }
            let draft = match outcome {
                BatchOutcome::Done(Ok(draft)) => draft,
                BatchOutcome::Done(Err(_)) | BatchOutcome::Cancelled | BatchOutcome::Expired => {
                    continue;
                }
            };
            let (Some(line), Some(texts), Some(campaign)) = (lines.get(&id), texts, held.wanted())
            else {
                continue;
            };
            if let Some(text) = self.text_of(held, line, texts, draft)? {
                ended.push(Ended {
                    campaign: Arc::new(campaign.clone()),
                    line: line.clone(),
                    text,
                });
            }
        }
        // The cost first: a crash between the two reads the results again and finds the line without a message.
        self.close_entries(closed.into_iter()).await?;
        self.keep_all(ended).await.map(drop)
    }

    /// The text of a line, if it can be used.
    fn text_of(
        &self,
        held: &Held<'_>,
        line: &Line,
        texts: &Texts,
        draft: Draft,
    ) -> Result<Option<LineText>> {
        let Some(campaign) = held.wanted() else {
            return Ok(None);
        };
        let Some(prompt) = self.prompt_of(campaign, line, texts)? else {
            return Ok(Some(Err("no_address")));
        };
        let mut written = match self.written_of(campaign, line, texts, draft, prompt)? {
            Some(written) => written,
            None => return Ok(None),
        };
        // The voice may have changed since it was asked for.
        if held.batch.prompt_version.is_some() {
            written
                .metadata
                .prompt_version
                .clone_from(&held.batch.prompt_version);
        }
        let written = Drafted::Written(Box::new(written));
        Ok(Some(Ok(written)))
    }

    /// Drafts what the batch brought no text for one by one, and closes the batch once every line is done with.
    pub(super) async fn draft_rest(&self, held: &Held<'_>, texts: &Texts) -> Result<DraftBatch> {
        let Some(campaign) = held.wanted() else {
            return Ok(held.batch.closed(self.time().await?));
        };
        let campaign = Arc::new(campaign.clone());
        let lines = self.lines_of(&held.batch).await?;
        let mut texts = stream::iter(lines)
            .map(|line| {
                let campaign = Arc::clone(&campaign);
                async move {
                    let text = self.write_line(&campaign, &line, texts).await;
                    (campaign, line, text)
                }
            })
            .buffer_unordered(self.options.drafts);
        let mut waits = None;
        // Each is stored at once: what a crash loses of these was paid for.
        while let Some((campaign, line, text)) = texts.next().await {
            let text = match text {
                Ok(text) => text,
                Err(error) if error.kind() == ErrorKind::Unavailable => return Err(error),
                Err(error) => {
                    tracing::warn!(campaign = %campaign.id, kind = error.kind().code(),
                        "a message could not be drafted");
                    continue;
                }
            };
            if let Ok(Drafted::Waits { reason, wait }) = &text {
                waits = Some((reason.clone(), *wait));
            }
            let ended = Ended {
                campaign,
                line,
                text,
            };
            self.keep_all(vec![ended]).await?;
        }
        let now = self.time().await?;
        if self.lines_of(&held.batch).await?.is_empty() {
            return Ok(held.batch.closed(now));
        }
        let (reason, wait) = waits.unwrap_or_else(|| ("taken".to_owned(), None));
        Ok(held.batch.failed(&reason, wait, now))
    }

    async fn keep_all(&self, ended: Vec<Ended>) -> Result<u64> {
        if ended.is_empty() {
            return Ok(0);
        }
        let kept = self.keep(ended).await;
        kept.failure.map_or(Ok(kept.count), Err)
    }

    /// The open entries among these; also those that the sweep took for spent meanwhile.
    async fn open_entries(
        &self,
        batch: &DraftBatch,
        ids: Vec<LedgerId>,
    ) -> Result<Vec<LedgerEntry>> {
        let mut open = Vec::with_capacity(ids.len());
        for ids in ids.chunks(1_000) {
            let query = LedgerQuery {
                ids: ids.to_vec(),
                page: PageRequest {
                    limit: 1_000,
                    ..PageRequest::default()
                },
                ..LedgerQuery::default()
            };
            let found = self.engine.store().ledger(&batch.workspace, query).await?;
            let is_open = |entry: &LedgerEntry| {
                matches!(entry.state, EntryState::Reserved | EntryState::Assumed)
            };
            open.extend(found.items.into_iter().filter(is_open));
        }
        Ok(open)
    }

    async fn close_entries<'e>(
        &self,
        ended: impl Iterator<Item = (&'e LedgerEntry, Outcome)>,
    ) -> Result<()> {
        let now = self.time().await?;
        let sets = ended
            // What is assumed already stays so unless more is known.
            .filter(|(entry, outcome)| {
                entry.state == EntryState::Reserved || !matches!(outcome, Outcome::Assumed { .. })
            })
            .map(|(entry, outcome)| {
                // The line itself keeps anybody else away until its text is stored.
                let row = LedgerEntry {
                    held: false,
                    ..entry.end(outcome, now)
                };
                let mut set = ChangeSet::new(entry.workspace.clone());
                set.push(Change::Settle(Box::new(row)));
                set
            })
            .collect::<Vec<_>>();
        if !sets.is_empty() {
            self.commit(sets).await?;
        }
        Ok(())
    }

    /// Releases what was reserved for these requests.
    pub(super) async fn release_lines(
        &self,
        batch: &DraftBatch,
        ids: &[&str],
        failure: &str,
    ) -> Result<()> {
        let ids = ids.iter().filter_map(|id| entry_id(id)).collect();
        let open = self.open_entries(batch, ids).await?;
        let released = open.iter().map(|entry| {
            let failure = failure.to_owned();
            (entry, Outcome::Released { failure })
        });
        self.close_entries(released).await
    }

    /// Releases what is reserved for the lines of a batch that the provider surely never had.
    pub(super) async fn release_open(&self, batch: &DraftBatch, failure: &str) -> Result<()> {
        let lines = self.lines_of(batch).await?;
        let ids: Vec<String> = lines
            .iter()
            .map(|line| batch.entry_of(&line.row).to_string())
            .collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        self.release_lines(batch, &ids, failure).await
    }
}

fn entry_id(request: &str) -> Option<LedgerId> {
    Uuid::try_parse(request).ok().map(LedgerId)
}

/// What a request of a batch cost.
fn cost_of(outcome: &BatchOutcome) -> Outcome {
    match outcome {
        BatchOutcome::Done(answer) => engine::outcome(answer, None),
        BatchOutcome::Cancelled => Outcome::Released {
            failure: "cancelled".to_owned(),
        },
        BatchOutcome::Expired => Outcome::Released {
            failure: "expired".to_owned(),
        },
    }
}

//! Looking for a batch whose answer was lost.
//!
//! The list tells times and numbers of requests and no `custom_id`; those stand in the results, which
//! there are when a batch ended. So every batch that is young enough and of the right size is looked into,
//! and while one of them runs, or the submission may still arrive, nothing is decided.

use chrono::TimeDelta;
use crm_core::port::llm::LlmError;
use crm_core::port::llm_batch::{Batch, BatchMarker, BatchPhase, Found, Lost};

use super::split::{Piece, Split};
use super::{PATH, ids, wire};
use crate::client::Claude;
use crate::errors::bad_output;

/// How far the provider's clock may be behind ours.
const SKEW: TimeDelta = TimeDelta::minutes(5);
/// Batches on a page; a page of more could be longer than what is read of an answer.
const PAGE: &str = "100";
/// More pages than an account fills in a day; an end for a list that has none.
const MOST_PAGES: usize = 1_000;

pub(super) async fn find(claude: &Claude, lost: &Lost) -> Result<Found, LlmError> {
    let wait = TimeDelta::from_std(claude.config.batch_timeout).unwrap_or(TimeDelta::days(1));
    let arrived = lost.since + wait;
    let oldest = lost.since - SKEW;
    // Asked before the list is read: what arrives later is not on it.
    let mut undecided = (claude.now() < arrived).then_some(arrived);
    let mut after: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let page = page(claude, after.as_deref()).await?;
        let mut reached_older = false;
        for batch in page.data {
            let batch = batch.read()?;
            reached_older = batch.created_at < oldest;
            let fits = u64::try_from(lost.requests) == Ok(batch.counts.total());
            if reached_older || !fits {
                continue;
            }
            if batch.phase != BatchPhase::Ended {
                undecided = undecided.max(Some(batch.expires_at));
            } else if is_it(claude, &batch, &lost.marker).await? {
                return Ok(Found::Batch(batch));
            }
        }
        // The newest come first.
        if reached_older || !page.has_more {
            return Ok(undecided.map_or(Found::Absent, |until| Found::Undecided { until }));
        }
        if page.last_id.is_none() || page.last_id == after {
            break;
        }
        after = page.last_id;
    }
    Err(bad_output("endless_list").into())
}

async fn page(claude: &Claude, after: Option<&str>) -> Result<wire::Page, LlmError> {
    let mut query = vec![("limit", PAGE)];
    query.extend(after.map(|id| ("after_id", id)));
    let (body, request_id) = claude.exchange(claude.http.get(PATH, &query)).await?;
    serde_json::from_slice(&body).map_err(|_| LlmError {
        request_id,
        ..bad_output("malformed_response").into()
    })
}

/// All requests of a batch have its marker, so the first line that can be read decides.
async fn is_it(claude: &Claude, batch: &Batch, marker: &BatchMarker) -> Result<bool, LlmError> {
    let mut lines = Split::open(claude, &batch.id).await?;
    while let Some(piece) = lines.next().await? {
        if let Piece::Line(line) = piece
            && let Ok(line) = serde_json::from_slice::<wire::Line>(&line)
        {
            return Ok(ids::read(&line.custom_id, marker).is_some());
        }
    }
    Err(bad_output("malformed_line").into())
}

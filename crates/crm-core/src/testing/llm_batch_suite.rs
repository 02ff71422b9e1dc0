//! Conformance of batches: what every adapter of [`LlmBatch`] must show.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

pub use super::llm_batch::{RequestEnd, Submission};
use super::llm_suite;
use super::report::Report;
use super::suite::{self, Stop, Verdict, ensure, list, same};
use crate::port::llm::{LlmError, LlmFailure};
use crate::port::llm_batch::{
    Batch, BatchLine, BatchMarker, BatchOutcome, BatchPhase, BatchRequest, Created, Found,
    LlmBatch, Lost, RequestId, SubmitError,
};

/// One adapter and the provider behind it. Each case gets a new one.
#[async_trait]
pub trait BatchHarness: Send + Sync {
    /// The adapter under test.
    fn batches(&self) -> Arc<dyn LlmBatch>;

    /// Says what becomes of the next submission.
    async fn next_submission(&self, how: Submission);

    /// Ends every batch that runs; the requests of these ids end so, all others with the text "Hello". The provider
    /// gives the results in another order than the requests came.
    async fn end(&self, ends: &[(RequestId, RequestEnd)]);

    /// How many batches the provider has.
    async fn count(&self) -> usize;

    /// The adapter's time.
    fn now(&self) -> DateTime<Utc>;

    /// Moves the adapter's and the provider's clock on to this moment.
    fn wait_until(&self, moment: DateTime<Utc>);
}

type Harness = Arc<dyn BatchHarness>;

/// A case over one adapter.
pub type Case = suite::Case<Harness>;

/// All cases.
#[must_use]
pub fn cases() -> Vec<Case> {
    list![
        a_batch_runs_and_ends,
        every_line_has_our_id_and_its_own_text,
        each_way_to_end_is_told,
        a_broken_line_hides_no_other,
        results_are_read_again,
        results_wait_for_the_end,
        lines_of_another_marker_are_not_ours,
        a_cancelled_batch_ends_with_lines,
        an_unknown_batch_is_configuration,
        a_limit_makes_no_batch,
        a_lost_answer_may_have_made_one,
        a_lost_batch_is_found_by_its_marker,
        a_lost_batch_is_undecided_while_it_runs,
        what_never_arrived_is_absent_in_the_end,
        others_of_the_same_size_are_not_taken_for_it,
        unusable_jobs_make_no_batch,
        one_submission_is_one_batch,
        debug_hides_the_prompt,
    ]
}

/// Runs all cases, each with a new harness.
pub async fn run_all<F, Fut>(make: F) -> Report
where
    F: Fn() -> Fut,
    Fut: Future<Output = Harness>,
{
    suite::run_all(cases(), make).await
}

fn wrong(what: &str) -> Stop {
    Stop::Failed(what.to_owned())
}

fn failed(error: &LlmError) -> Stop {
    Stop::Failed(format!("failed as {}", error.failure.code()))
}

fn marker(name: &str) -> Result<BatchMarker, Stop> {
    BatchMarker::new(name).map_err(|_| wrong("no marker"))
}

fn id(name: &str) -> Result<RequestId, Stop> {
    RequestId::new(name).map_err(|_| wrong("no id"))
}

fn requests(names: &[&str]) -> Result<Vec<BatchRequest>, Stop> {
    let request = |name: &&str| {
        Ok(BatchRequest {
            id: id(name)?,
            request: llm_suite::request(),
        })
    };
    names.iter().map(request).collect()
}

async fn submit(harness: &Harness, name: &str, names: &[&str]) -> Result<Batch, Stop> {
    let (batches, marker, requests) = (harness.batches(), marker(name)?, requests(names)?);
    let batch = batches.submit(&marker, &requests).await;
    batch.map_err(|error| failed(&error.error))
}

async fn refused(harness: &Harness, name: &str, names: &[&str]) -> Result<SubmitError, Stop> {
    let (batches, marker, requests) = (harness.batches(), marker(name)?, requests(names)?);
    match batches.submit(&marker, &requests).await {
        Ok(_) => Err(wrong("was taken")),
        Err(error) => Ok(error),
    }
}

/// All lines, by id, and how many could not be read.
async fn read(
    harness: &Harness,
    batch: &Batch,
    name: &str,
) -> Result<(BTreeMap<RequestId, BatchOutcome>, usize), Stop> {
    let lines = harness.batches().results(&batch.id, &marker(name)?).await;
    let mut lines = lines.map_err(|error| failed(&error))?;
    let (mut found, mut broken) = (BTreeMap::new(), 0);
    loop {
        match lines.next().await {
            Ok(None) => return Ok((found, broken)),
            Ok(Some(BatchLine { id, outcome })) => {
                if found.insert(id, outcome).is_some() {
                    return Err(wrong("an id comes twice"));
                }
            }
            Err(error) if matches!(error.failure, LlmFailure::BadOutput { .. }) => broken += 1,
            Err(error) => return Err(failed(&error)),
        }
    }
}

async fn find(harness: &Harness, lost: &Lost) -> Result<Found, Stop> {
    let found = harness.batches().find(lost).await;
    found.map_err(|error| failed(&error))
}

/// Loses the answer of a submission, or the submission.
async fn lose(harness: &Harness, how: Submission, name: &str) -> Result<Lost, Stop> {
    harness.next_submission(how).await;
    let since = harness.now();
    let error = refused(harness, name, &["a", "b"]).await?;
    same(error.created, Created::Unknown, "created")?;
    Ok(Lost {
        marker: marker(name)?,
        requests: 2,
        since,
    })
}

async fn a_batch_runs_and_ends(harness: Harness) -> Verdict {
    let batch = submit(&harness, "m1", &["a", "b", "c"]).await?;
    same(batch.phase, BatchPhase::Running, "phase at first")?;
    same(batch.counts.total(), 3, "requests")?;
    ensure(batch.expires_at > batch.created_at, "expires before it is")?;
    harness.end(&[]).await;
    let polled = harness.batches().poll(&batch.id).await;
    let batch = polled.map_err(|error| failed(&error))?;
    same(batch.phase, BatchPhase::Ended, "phase at last")?;
    ensure(batch.ended_at.is_some(), "no end")?;
    same(batch.counts.succeeded, 3, "succeeded")
}

async fn every_line_has_our_id_and_its_own_text(harness: Harness) -> Verdict {
    let names = ["a-1", "b_2", "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"];
    let batch = submit(&harness, "m1", &names).await?;
    let mut ends = Vec::new();
    for name in names {
        ends.push((id(name)?, RequestEnd::Text(format!("Анна, привет! {name}"))));
    }
    harness.end(&ends).await;
    let (lines, broken) = read(&harness, &batch, "m1").await?;
    same(broken, 0, "broken lines")?;
    same(lines.len(), 3, "lines")?;
    for (id, end) in ends {
        let text = match lines.get(&id) {
            Some(BatchOutcome::Done(Ok(draft))) => RequestEnd::Text(draft.content.clone()),
            other => return Err(Stop::Failed(format!("{id:?}: {other:?}"))),
        };
        same(text, end, "text")?;
    }
    Ok(())
}

async fn each_way_to_end_is_told(harness: Harness) -> Verdict {
    type Wanted = fn(&BatchOutcome) -> bool;
    let ways: [(&str, RequestEnd, Wanted); 8] = [
        (
            "text",
            RequestEnd::Text("Hi".to_owned()),
            |o| matches!(o, BatchOutcome::Done(Ok(draft)) if draft.cost_picodollars > 0),
        ),
        (
            "refused",
            RequestEnd::Refused,
            |o| matches!(o, BatchOutcome::Done(Err(e)) if e.failure == LlmFailure::Refused),
        ),
        (
            "cut",
            RequestEnd::CutOff,
            |o| matches!(o, BatchOutcome::Done(Err(e)) if e.failure == LlmFailure::Truncated),
        ),
        (
            "malformed",
            RequestEnd::Malformed,
            |o| matches!(o, BatchOutcome::Done(Err(e)) if matches!(e.failure, LlmFailure::BadOutput { .. })),
        ),
        (
            "rejected",
            RequestEnd::Rejected,
            |o| matches!(o, BatchOutcome::Done(Err(e)) if matches!(e.failure, LlmFailure::Configuration { .. })),
        ),
        (
            "fault",
            RequestEnd::Fault,
            |o| matches!(o, BatchOutcome::Done(Err(e)) if matches!(e.failure, LlmFailure::Unavailable { .. })),
        ),
        ("cancelled", RequestEnd::Cancelled, |o| {
            matches!(o, BatchOutcome::Cancelled)
        }),
        ("expired", RequestEnd::Expired, |o| {
            matches!(o, BatchOutcome::Expired)
        }),
    ];
    let names: Vec<&str> = ways.iter().map(|(name, ..)| *name).collect();
    let batch = submit(&harness, "m1", &names).await?;
    let mut ends = Vec::new();
    for (name, end, _) in &ways {
        ends.push((id(name)?, end.clone()));
    }
    harness.end(&ends).await;
    let (lines, broken) = read(&harness, &batch, "m1").await?;
    same((lines.len(), broken), (8, 0), "lines")?;
    for (name, _, wanted) in ways {
        let outcome = lines.get(&id(name)?);
        let shown = format!("{name}: {outcome:?}");
        ensure(outcome.is_some_and(wanted), shown)?;
    }
    Ok(())
}

async fn a_broken_line_hides_no_other(harness: Harness) -> Verdict {
    let batch = submit(&harness, "m1", &["a", "b", "c"]).await?;
    harness.end(&[(id("b")?, RequestEnd::Garbage)]).await;
    let (lines, broken) = read(&harness, &batch, "m1").await?;
    let found: Vec<&str> = lines.keys().map(RequestId::as_str).collect();
    same((found, broken), (vec!["a", "c"], 1), "lines")
}

async fn results_are_read_again(harness: Harness) -> Verdict {
    let batch = submit(&harness, "m1", &["a", "b"]).await?;
    harness.end(&[(id("a")?, RequestEnd::Expired)]).await;
    let first = read(&harness, &batch, "m1").await?;
    same(first.0.len(), 2, "lines")?;
    same(read(&harness, &batch, "m1").await?, first, "second reading")
}

async fn results_wait_for_the_end(harness: Harness) -> Verdict {
    let batch = submit(&harness, "m1", &["a"]).await?;
    match harness.batches().results(&batch.id, &marker("m1")?).await {
        Ok(_) => Err(wrong("gave results of a batch that runs")),
        Err(error) => same(error.failure.code(), "not_ended", "code"),
    }
}

async fn lines_of_another_marker_are_not_ours(harness: Harness) -> Verdict {
    let batch = submit(&harness, "m1", &["a", "b"]).await?;
    harness.end(&[]).await;
    let (lines, broken) = read(&harness, &batch, "m").await?;
    same((lines.len(), broken), (0, 2), "lines")
}

async fn a_cancelled_batch_ends_with_lines(harness: Harness) -> Verdict {
    let batch = submit(&harness, "m1", &["a", "b"]).await?;
    let cancelled = harness.batches().cancel(&batch.id).await;
    let cancelled = cancelled.map_err(|error| failed(&error))?;
    same(cancelled.phase, BatchPhase::Cancelling, "phase")?;
    harness.end(&[(id("b")?, RequestEnd::Cancelled)]).await;
    let (lines, _) = read(&harness, &batch, "m1").await?;
    let begun = lines.get(&id("a")?);
    ensure(
        matches!(begun, Some(BatchOutcome::Done(Ok(_)))),
        "what was begun is lost",
    )?;
    let rest = lines.get(&id("b")?);
    same(rest, Some(&BatchOutcome::Cancelled), "what was not begun")?;
    // Whoever cancels may come too late, and hears that.
    let again = harness.batches().cancel(&batch.id).await;
    let again = again.map_err(|error| failed(&error))?;
    same(again.phase, BatchPhase::Ended, "phase of one that ended")
}

async fn an_unknown_batch_is_configuration(harness: Harness) -> Verdict {
    let batches = harness.batches();
    let wanted = |error: LlmError| {
        let fits = matches!(error.failure, LlmFailure::Configuration { .. });
        ensure(fits, format!("failed as {}", error.failure.code()))
    };
    for id in ["nobody", "../messages", "", "a/b?c=d"] {
        match batches.poll(id).await {
            Ok(_) => return Err(wrong("polled a batch that is not there")),
            Err(error) => wanted(error)?,
        }
        match batches.cancel(id).await {
            Ok(_) => return Err(wrong("cancelled a batch that is not there")),
            Err(error) => wanted(error)?,
        }
        match batches.results(id, &marker("m1")?).await {
            Ok(_) => return Err(wrong("results of a batch that is not there")),
            Err(error) => wanted(error)?,
        }
    }
    Ok(())
}

async fn a_limit_makes_no_batch(harness: Harness) -> Verdict {
    harness.next_submission(Submission::Limited).await;
    let error = refused(&harness, "m1", &["a"]).await?;
    same(error.created, Created::No, "created")?;
    let limited = matches!(error.error.failure, LlmFailure::Unavailable { .. });
    ensure(limited, "a limit is not unavailable")?;
    same(harness.count().await, 0, "batches")
}

async fn a_lost_answer_may_have_made_one(harness: Harness) -> Verdict {
    lose(&harness, Submission::AnswerLost, "m1").await?;
    same(harness.count().await, 1, "batches")?;
    lose(&harness, Submission::RequestLost, "m2").await?;
    same(harness.count().await, 1, "batches")
}

async fn a_lost_batch_is_found_by_its_marker(harness: Harness) -> Verdict {
    let before = submit(&harness, "m0", &["a", "b"]).await?;
    let lost = lose(&harness, Submission::AnswerLost, "m1").await?;
    let after = submit(&harness, "m2", &["a", "b"]).await?;
    harness
        .end(&[(id("a")?, RequestEnd::Text("found".to_owned()))])
        .await;
    match find(&harness, &lost).await? {
        Found::Batch(batch) => {
            ensure(
                batch.id != before.id && batch.id != after.id,
                "another batch",
            )?;
            let (lines, _) = read(&harness, &batch, "m1").await?;
            same(lines.len(), 2, "lines")
        }
        other => Err(Stop::Failed(format!("{other:?}"))),
    }
}

async fn a_lost_batch_is_undecided_while_it_runs(harness: Harness) -> Verdict {
    let lost = lose(&harness, Submission::AnswerLost, "m1").await?;
    // Longer than any submission is on its way.
    harness.wait_until(lost.since + TimeDelta::hours(2));
    let found = find(&harness, &lost).await?;
    ensure(
        matches!(found, Found::Undecided { until } if until > harness.now()),
        format!("{found:?}"),
    )?;
    harness.end(&[]).await;
    let found = find(&harness, &lost).await?;
    ensure(matches!(found, Found::Batch(_)), format!("{found:?}"))
}

async fn what_never_arrived_is_absent_in_the_end(harness: Harness) -> Verdict {
    let lost = lose(&harness, Submission::RequestLost, "m1").await?;
    let Found::Undecided { until } = find(&harness, &lost).await? else {
        return Err(wrong("decided while it may be on its way"));
    };
    harness.wait_until(until);
    same(find(&harness, &lost).await?, Found::Absent, "found")?;
    submit(&harness, "m1", &["a", "b"]).await?;
    same(harness.count().await, 1, "batches")
}

async fn others_of_the_same_size_are_not_taken_for_it(harness: Harness) -> Verdict {
    let lost = lose(&harness, Submission::RequestLost, "m1").await?;
    // A marker that begins as the lost one does, and one of another size that still runs.
    submit(&harness, "m12", &["a", "b"]).await?;
    submit(&harness, "x", &["a", "b"]).await?;
    harness.end(&[]).await;
    submit(&harness, "m3", &["a", "b", "c"]).await?;
    harness.wait_until(lost.since + TimeDelta::hours(2));
    same(find(&harness, &lost).await?, Found::Absent, "found")
}

async fn unusable_jobs_make_no_batch(harness: Harness) -> Verdict {
    let mut blank = requests(&["a", "b"])?;
    if let Some(last) = blank.last_mut() {
        last.request.user = "  ".to_owned();
    }
    let limit = harness.batches().limits().requests;
    let one = requests(&["a"])?;
    let mut many = Vec::new();
    for number in 0..=limit {
        let id = id(&number.to_string())?;
        many.extend(one.iter().cloned().map(|mut request| {
            request.id = id.clone();
            request
        }));
    }
    let jobs = [
        (Vec::new(), None, "empty"),
        (requests(&["a", "b", "a"])?, Some("a"), "a repeated id"),
        (blank, Some("b"), "a blank request"),
        (many, None, "too many"),
    ];
    for (job, blamed, what) in jobs {
        match harness.batches().submit(&marker("m1")?, &job).await {
            Ok(_) => return Err(Stop::Failed(format!("{what} was taken"))),
            Err(error) => {
                same(error.created, Created::No, what)?;
                let request = error.request.as_ref().map(RequestId::as_str);
                same(request, blamed, what)?;
                let fits = matches!(error.error.failure, LlmFailure::Configuration { .. });
                ensure(fits, format!("{what}: {}", error.error.failure.code()))?;
            }
        }
    }
    same(harness.count().await, 0, "batches")
}

async fn one_submission_is_one_batch(harness: Harness) -> Verdict {
    submit(&harness, "m1", &["a"]).await?;
    same(harness.count().await, 1, "batches")?;
    harness.next_submission(Submission::Limited).await;
    refused(&harness, "m2", &["a"]).await?;
    same(harness.count().await, 1, "batches after a limit")
}

async fn debug_hides_the_prompt(harness: Harness) -> Verdict {
    let batch = submit(&harness, "m1", &["a"]).await?;
    harness
        .end(&[(id("a")?, RequestEnd::Text("HIDDEN-TEXT".to_owned()))])
        .await;
    let lines = read(&harness, &batch, "m1").await?;
    harness.next_submission(Submission::Limited).await;
    let error = refused(&harness, "m2", &["b"]).await?;
    let requests = requests(&["a"])?;
    let shown = format!("{:?} {lines:?} {error:?} {requests:?}", harness.batches());
    ensure(
        !shown.contains("SECRET") && !shown.contains("HIDDEN"),
        "Debug shows a prompt or a text",
    )
}

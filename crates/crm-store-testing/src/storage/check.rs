//! What has to be so whatever failed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crm_core::message::Status;
use crm_core::message::history::replay;
use crm_core::port::store::{Store, SuppressionQuery};

use super::OPERATIONS;
use super::sequence::{self, PEOPLE, PLACES, Persistence, SUPPRESSED, Steps};

/// The line that says that the disk is sound again.
pub const REPAIRED: &str = "repaired";

/// What else than the steps tells what to expect.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    /// Whether any call failed.
    pub hit: bool,
    /// Whether calls go on failing until somebody repairs the disk.
    pub sticky: bool,
    /// Whether nothing can be written without them.
    pub stops: bool,
    /// Messages that may be in doubt.
    pub doubts: usize,
}

/// Finishes over a sound disk what is left, and looks at everything. Which operation noticed the fault
/// first, or `nothing`.
///
/// # Errors
/// What is not as it has to be.
///
/// # Panics
/// The store cannot be read.
pub async fn all(
    store: Arc<dyn Store>,
    folder: &Path,
    expected: Expected,
) -> Result<String, String> {
    let steps = Steps::of(folder).lines();
    let noticed = noticed(&steps);
    kinds(&steps)?;
    if !expected.hit {
        if noticed.is_some() || sends(&steps).len() != PEOPLE - 1 {
            return Err(format!("no call failed, and yet: {steps:#?}"));
        }
    } else if let Some((place, _)) = noticed.filter(|_| expected.sticky) {
        stands_still(&steps, place, expected.stops)?;
    }
    // What waits for another attempt is due.
    let engine = sequence::engine(store, folder, chrono::Duration::days(1));
    let ann = sequence::ann(&engine);
    for message in sequence::messages(&ann).await {
        let trail = ann.messages().trail(message.id).await.unwrap();
        let id = message.id.to_string();
        was_told(
            &steps,
            &format!("approved {id}"),
            &id,
            trail.approvals.len(),
        )?;
    }
    let listed = ann.suppressions().list(SuppressionQuery::default()).await;
    let listed = listed.unwrap().items.len();
    was_told(&steps, "suppressed", "suppression", listed)?;
    let again = Steps::of(folder);
    let persistence = Persistence::new(1, Duration::ZERO, || ());
    sequence::approve(&ann, &again, &persistence).await;
    sequence::suppress(&ann, &again, &persistence).await;
    let worked = sequence::worker(&engine).run_until_idle().await;
    worked.map_err(|error| format!("does not go on: {error}"))?;

    let sends = sends(&again.lines());
    let mut uncertain = 0;
    let messages = sequence::messages(&ann).await;
    if messages.len() != PEOPLE {
        return Err(format!("{} messages are left", messages.len()));
    }
    for message in &messages {
        let id = message.id.to_string();
        let sent = sends.get(&id).copied().unwrap_or(0);
        match (message.status, sent) {
            (Status::Cancelled, 0) if message.recipient == SUPPRESSED => {}
            (Status::Sent, 1) if message.recipient != SUPPRESSED => {}
            (Status::Uncertain, 0 | 1) if message.recipient != SUPPRESSED => uncertain += 1,
            (status, sent) => {
                let status = status.as_str();
                return Err(format!(
                    "{id} is {status} and left {sent} times: {steps:#?}"
                ));
            }
        }
        let history = ann.messages().history(message.id).await.unwrap();
        let state = replay(history.iter().map(|stored| &stored.event)).unwrap();
        let state = state.unwrap();
        if (state.status, state.version) != (message.status, message.version) {
            return Err(format!("the history says otherwise: {id}"));
        }
    }
    if uncertain > expected.doubts {
        return Err(format!("{uncertain} in doubt: {steps:#?}"));
    }
    assert_eq!(ann.analytics().recount().await.unwrap(), []);
    let chain = ann.audit().verify(None).await.unwrap();
    assert!(chain.valid, "{chain:?}");
    Ok(noticed.map_or("nothing", |(_, what)| what).to_owned())
}

/// What was answered with success is there, once; what is there and was not answered so was called unknown,
/// or whoever asked ended before the answer.
fn was_told(steps: &[String], success: &str, what: &str, there: usize) -> Result<(), String> {
    let count = |line: &str| steps.iter().filter(|step| *step == line).count();
    let asked = count(&format!("asked {what}"));
    let refused = count(&format!("refused {what} certain"));
    match (count(success), there) {
        (1, 1) | (0, 0) => Ok(()),
        (0, 1) if asked > refused => Ok(()),
        (0, 1) => Err(format!(
            "{what} is there, and each answer was that it is not: {steps:#?}"
        )),
        (_, there) => Err(format!("{what} is there {there} times: {steps:#?}")),
    }
}

/// A failing disk is no mistake of whoever asks, of the configuration or in the data.
fn kinds(steps: &[String]) -> Result<(), String> {
    const OTHERS: [&str; 5] = [
        "configuration",
        "corrupt",
        "invalid",
        "not_allowed",
        "duplicate",
    ];
    let other = |step: &&String| {
        step.split_once(' ')
            .is_some_and(|(_, how)| OTHERS.contains(&how))
    };
    steps.iter().find(other).map_or(Ok(()), |step| {
        Err(format!("of the wrong kind: {step} in {steps:#?}"))
    })
}

/// Where a write failed first, and what it was about.
fn noticed(steps: &[String]) -> Option<(usize, &str)> {
    steps.iter().enumerate().find_map(|(place, step)| {
        let (what, how) = step.split_once(' ')?;
        (how == "unavailable").then_some((place, what))
    })
}

/// On a disk that does not recover nothing is claimed or sent any more, but for what had begun.
fn stands_still(steps: &[String], place: usize, stops: bool) -> Result<(), String> {
    let (before, after) = steps.split_at(place);
    let end = after.iter().position(|step| step == REPAIRED);
    let after = &after[..end.unwrap_or(after.len())];
    let count = |steps: &[String], what: &str| {
        let lines = steps.iter().filter(|step| step.starts_with(what));
        lines.count()
    };
    for operation in OPERATIONS.iter().filter(|_| stops) {
        if count(after, &format!("{operation} ok")) > 0 {
            return Err(format!("{operation} went on: {steps:#?}"));
        }
    }
    let left = count(after, "send ");
    if left > PLACES || (left > 0 && count(before, "begin ok") == 0) {
        return Err(format!("{left} left on a failed disk: {steps:#?}"));
    }
    Ok(())
}

/// How often each message left.
fn sends(steps: &[String]) -> BTreeMap<String, usize> {
    let mut sends = BTreeMap::new();
    for id in steps.iter().filter_map(|step| step.strip_prefix("send ")) {
        *sends.entry(id.to_owned()).or_default() += 1;
    }
    sends
}

//! What has to be so whatever failed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crm_core::message::Status;
use crm_core::message::history::replay;
use crm_core::port::store::SuppressionQuery;
use crm_store_sqlite::{SqliteOptions, SqliteStore};

use super::OPERATIONS;
use super::sequence::{self, PEOPLE, PLACES, SUPPRESSED, Steps};
use super::tracer::{Fault, Target};

/// Opens the database on a sound disk, finishes what is left and looks at everything. Which operation
/// noticed the fault first, or `nothing`.
pub(crate) async fn all(folder: &Path, fault: &Fault, hit: bool) -> Result<String, String> {
    let steps = Steps::of(folder).lines();
    let noticed = noticed(&steps);
    if hit {
        stands_still(&steps, fault)?;
    } else if noticed.is_some() || sends(&steps).len() != PEOPLE - 1 {
        return Err(format!("no call failed, and yet: {steps:#?}"));
    }
    let store = SqliteStore::open(sequence::database(folder), SqliteOptions::default());
    let store = store.map_err(|error| format!("does not open any more: {error}"))?;
    // What waits for another attempt is due.
    let engine = sequence::engine(Arc::new(store), folder, chrono::Duration::days(1));
    let ann = sequence::ann(&engine);
    for message in sequence::messages(&ann).await {
        let trail = ann.messages().trail(message.id).await.unwrap();
        let told = steps.contains(&format!("approved {}", message.id));
        if told && trail.approvals.len() != 1 {
            return Err(format!("the approval of {} is lost", message.id));
        }
    }
    let listed = ann.suppressions().list(SuppressionQuery::default()).await;
    let listed = listed.unwrap().items.len();
    if steps.iter().any(|step| step == "suppressed") && listed != 1 {
        return Err("the suppression is lost".to_owned());
    }
    let again = Steps::of(folder);
    sequence::approve(&ann, &again).await;
    sequence::suppress(&ann, &again).await;
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
    if uncertain > PLACES {
        return Err(format!("{uncertain} in doubt: {steps:#?}"));
    }
    assert_eq!(ann.analytics().recount().await.unwrap(), []);
    let chain = ann.audit().verify(None).await.unwrap();
    assert!(chain.valid, "{chain:?}");
    Ok(noticed.map_or("nothing", |(_, what)| what).to_owned())
}

/// Where a write failed first, and what it was about.
fn noticed(steps: &[String]) -> Option<(usize, &str)> {
    steps.iter().enumerate().find_map(|(place, step)| {
        let (what, how) = step.split_once(' ')?;
        (how == "unavailable").then_some((place, what))
    })
}

/// On a disk that does not recover nothing is claimed or sent any more, but for what had begun.
fn stands_still(steps: &[String], fault: &Fault) -> Result<(), String> {
    let Some((place, _)) = noticed(steps).filter(|_| fault.sticky) else {
        return Ok(());
    };
    let (before, after) = steps.split_at(place);
    let count = |steps: &[String], what: &str| {
        let lines = steps.iter().filter(|step| step.starts_with(what));
        lines.count()
    };
    if fault.target != Target::Marker {
        for operation in OPERATIONS {
            if count(after, &format!("{operation} ok")) > 0 {
                return Err(format!("{operation} went on: {steps:#?}"));
            }
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

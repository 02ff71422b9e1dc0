//! `crm verify-history`: whether anybody changed the history, and where.

use crm_core::Workspace;
use crm_core::engine::{Engine, Session, Verification};
use crm_core::message::Digest;
use crm_core::message::history::Checkpoint;
use crm_core::port::store::EventQuery;
use serde::Serialize;

use super::flags::HistoryFlags;
use super::output::{Done, Failure, Output};
use super::past;
use super::place::Place;
use crate::routes::audit::Verified;

/// One line of the output.
#[derive(Serialize)]
struct Line {
    workspace: String,
    #[serde(flatten)]
    verified: Verified,
}

/// Checks the chain of every workspace, or of the one that was named.
pub(super) async fn verify(
    place: &Place,
    flags: HistoryFlags,
    output: Output,
) -> Result<Done, Failure> {
    let kept = flags.checkpoint.as_deref().map(checkpoint).transpose()?;
    if kept.is_some() && place.named.is_none() {
        let text = "--checkpoint: it is of one workspace; give --workspace, too";
        return Err(Failure::Usage(text.to_owned()));
    }
    let engine = place.engine().await?;
    let known = engine.store().workspaces().await?;
    let workspaces = match &place.named {
        None => known,
        Some(named) if known.contains(named) || kept.is_some() => vec![named.clone()],
        Some(named) => {
            return Err(Failure::Failed(format!(
                "there is nothing in workspace {named}"
            )));
        }
    };
    let mut done = Done::Well;
    for workspace in workspaces {
        if !one(place, &engine, workspace, kept, output).await? {
            done = Done::Partly;
        }
    }
    Ok(done)
}

async fn one(
    place: &Place,
    engine: &Engine,
    workspace: Workspace,
    kept: Option<Checkpoint>,
    output: Output,
) -> Result<bool, Failure> {
    let session = place.session_in(engine, workspace.clone());
    let found = session.audit().verify(kept).await?;
    if output.json {
        output.document(&Line {
            workspace: workspace.as_str().to_owned(),
            verified: Verified::of(&found),
        })?;
        return Ok(found.valid);
    }
    let end = format!("{}:{}", found.checkpoint.position, found.checkpoint.hash);
    match found.first_bad {
        None => output.line(&format!(
            "workspace {workspace}: {} events, the chain is whole; checkpoint {end}",
            found.sealed
        ))?,
        Some(position) => output.line(&format!(
            "workspace {workspace}: broken at position {position} of {}{}; checkpoint {end}",
            found.sealed,
            about(&session, &found, position).await?
        ))?,
    }
    Ok(found.valid)
}

/// What stands where the chain is broken.
async fn about(session: &Session, found: &Verification, position: u64) -> Result<String, Failure> {
    if position > found.sealed {
        return Ok(" (the end is missing)".to_owned());
    }
    let query = EventQuery {
        subject: None,
        sealed_after: Some(position.saturating_sub(1)),
        limit: 1,
    };
    let events = session.audit().events(query).await?;
    let event = events.first().filter(|stored| {
        let seal = stored.seal.as_ref();
        seal.is_some_and(|seal| seal.position == position)
    });
    Ok(event.map_or_else(
        || " (the event is missing)".to_owned(),
        |stored| {
            let event = &stored.event;
            format!(
                " ({} {} {}, {})",
                past::name(&event.subject),
                event.subject_id,
                event.action,
                event.at.format("%Y-%m-%dT%H:%M:%SZ")
            )
        },
    ))
}

fn checkpoint(text: &str) -> Result<Checkpoint, Failure> {
    let read = text.split_once(':').and_then(|(position, hash)| {
        Some(Checkpoint {
            position: position.parse().ok()?,
            hash: Digest::from_hex(hash)?,
        })
    });
    read.ok_or_else(|| {
        let text = "--checkpoint: use POSITION:HASH, the hash as 64 hexadecimal digits";
        Failure::Usage(text.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_read_as_it_is_shown() {
        let kept = Checkpoint {
            position: 7,
            hash: Digest::from_hex(&"0a".repeat(32)).unwrap(),
        };
        let text = format!("{}:{}", kept.position, kept.hash);
        assert_eq!(checkpoint(&text), Ok(kept));
        for wrong in ["", "7", "7:0a", "-1:00"] {
            assert!(checkpoint(wrong).is_err(), "{wrong}");
        }
    }
}

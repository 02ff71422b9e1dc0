//! T6: approving everything that waits, by filter: previewed, then decided with the manifest; a digest,
//! an approval and an event each. The peer updates the same rows and inserts events, in two statements.

use std::path::Path;
use std::time::Instant;

use crm_core::engine::BulkAction;
use crm_core::message::Status;
use crm_core::port::store::{MessageQuery, Store as _};

use crate::measure::{Better, Figure, Names, rate};
use crate::world::{World, copy, remove};
use crate::{Outcome, proof, raw, seed};

/// Measures `runs` times in turn.
///
/// # Errors
/// When a run fails or its result is wrong.
pub async fn measure(folder: &Path, count: usize, runs: usize) -> Outcome<Figure> {
    let (base, file) = (folder.join("approve.base"), folder.join("approve.db"));
    {
        let world = World::open(&base)?;
        seed::contacts(&world, count).await?;
        let contacts = seed::recipients(&world, count).await?;
        seed::messages(&world, &contacts, count, |_| seed::WAITING).await?;
    }
    let mut pairs = Vec::with_capacity(runs);
    for run in 0..runs {
        let ours = ours(&copy(&base, &file)?, count, run + 1 == runs).await?;
        let mut connection = raw::open(&copy(&base, &file)?)?;
        let start = Instant::now();
        let approved = raw::approve(&mut connection)?;
        let took = start.elapsed();
        if approved != count {
            return Err(format!("the raw update approved {approved} of {count}").into());
        }
        pairs.push((ours, rate(count, took)));
    }
    remove(&base)?;
    remove(&file)?;
    let names = Names {
        id: "T6",
        work: "preview and approve by filter".to_owned(),
        peer_work: "raw update and event insert".to_owned(),
        better: Better::More,
    };
    Ok(Figure::new(names, count, pairs, 0.5))
}

async fn ours(file: &Path, count: usize, prove: bool) -> Outcome<f64> {
    let world = World::open(file)?;
    let session = world.session();
    let query = || MessageQuery {
        statuses: vec![Status::PendingApproval],
        ..MessageQuery::default()
    };
    let start = Instant::now();
    let preview = session
        .approvals()
        .preview(BulkAction::Approve, query())
        .await?;
    let result = session
        .approvals()
        .bulk(BulkAction::Approve, query(), Some(preview.manifest), None)
        .await?;
    let took = start.elapsed();
    if usize::try_from(result.applied)? != count {
        return Err(format!("{} of {count} were approved", result.applied).into());
    }
    proof::counted(&session, Status::Approved, count).await?;
    if prove {
        let workspace = World::actor().workspace;
        while world.store.seal(&workspace, 1_000).await? > 0 {}
        proof::sound(&session, 3 * count).await?;
    }
    Ok(rate(count, took))
}

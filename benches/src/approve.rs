//! T6: approving everything that waits, by filter: previewed, then decided with the manifest; a digest,
//! an approval and an event each. The peer updates the same rows and inserts events, in two statements.

use std::time::Instant;

use crm_core::engine::BulkAction;
use crm_core::message::Status;
use crm_core::port::store::MessageQuery;

use crate::measure::{Better, Figure, Names, rate};
use crate::site::Site;
use crate::world::World;
use crate::{Outcome, proof, seed};

/// Measures `runs` times in turn.
///
/// # Errors
/// When a run fails or its result is wrong.
pub async fn measure(site: &Site, count: usize, runs: usize) -> Outcome<Figure> {
    let (base, copy) = ("approve_base", "approve_run");
    site.create(base).await?;
    {
        let world = site.world(base).await?;
        seed::contacts(&world, count).await?;
        let contacts = seed::recipients(&world, count).await?;
        seed::messages(&world, &contacts, count, |_| seed::WAITING).await?;
    }
    site.settle(base).await?;
    let mut pairs = Vec::with_capacity(runs);
    for run in 0..runs {
        site.copy(base, copy).await?;
        let ours = ours(site, copy, count, run + 1 == runs).await?;
        site.copy(base, copy).await?;
        let mut raw = site.raw(copy).await?;
        let start = Instant::now();
        let approved = raw.approve().await?;
        let took = start.elapsed();
        if approved != count {
            return Err(format!("the raw update approved {approved} of {count}").into());
        }
        raw.close().await?;
        pairs.push((ours, rate(count, took)));
    }
    site.remove(base).await?;
    site.remove(copy).await?;
    let names = Names {
        id: "T6",
        work: "preview and approve by filter".to_owned(),
        peer_work: "raw update and event insert".to_owned(),
        better: Better::More,
    };
    Ok(Figure::new(names, count, pairs, 0.5))
}

async fn ours(site: &Site, name: &str, count: usize, prove: bool) -> Outcome<f64> {
    let world = site.world(name).await?;
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
    site.tell(name).await?;
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

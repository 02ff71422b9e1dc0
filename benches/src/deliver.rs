//! T2: delivering approved messages to a channel that accepts at once: claim, checks, attempt, call,
//! outcome, audit, counters. The peer claims, inserts attempts and marks as sent, set by set.

use std::time::Instant;

use crm_core::message::Status;

use crate::measure::{Better, Figure, Names, rate};
use crate::site::Site;
use crate::world::AT_ONCE;
use crate::{Outcome, proof, seed};

/// Measures `runs` times in turn.
///
/// # Errors
/// When a run fails or its result is wrong.
pub async fn measure(site: &Site, count: usize, runs: usize) -> Outcome<Figure> {
    let (base, copy) = ("deliver_base", "deliver_run");
    prepare(site, base, count).await?;
    let mut pairs = Vec::with_capacity(runs);
    for run in 0..runs {
        site.copy(base, copy).await?;
        let ours = ours(site, copy, count, run + 1 == runs).await?;
        site.copy(base, copy).await?;
        let mut raw = site.raw(copy).await?;
        let start = Instant::now();
        let delivered = raw.deliver(AT_ONCE).await?;
        let took = start.elapsed();
        if delivered != count {
            return Err(format!("the raw loop delivered {delivered} of {count}").into());
        }
        raw.close().await?;
        pairs.push((ours, rate(count, took)));
    }
    site.remove(base).await?;
    site.remove(copy).await?;
    let names = Names {
        id: "T2",
        work: "deliver".to_owned(),
        peer_work: "raw claim, attempt, mark by 500".to_owned(),
        better: Better::More,
    };
    Ok(Figure::new(names, count, pairs, 0.6))
}

/// A database with `count` approved messages that are due.
///
/// # Errors
/// As the store.
pub async fn prepare(site: &Site, base: &str, count: usize) -> Outcome<()> {
    site.create(base).await?;
    {
        let world = site.world(base).await?;
        seed::contacts(&world, count).await?;
        let contacts = seed::recipients(&world, count).await?;
        let approved = seed::Kind {
            approved: true,
            ..seed::WAITING
        };
        seed::messages(&world, &contacts, count, |_| approved).await?;
    }
    site.settle(base).await
}

async fn ours(site: &Site, name: &str, count: usize, prove: bool) -> Outcome<f64> {
    let world = site.world(name).await?;
    let session = world.session();
    let worker = world.worker();
    worker.start().await?;
    let start = Instant::now();
    worker.run_until_idle().await?;
    let took = start.elapsed();
    site.tell(name).await?;
    proof::counted(&session, Status::Sent, count).await?;
    if usize::try_from(world.channel.taken())? != count {
        return Err("the channel was not called once for each message".into());
    }
    if prove {
        // Created, approved, claimed, begun, accepted; and the contact's own.
        proof::sound(&session, 6 * count).await?;
    }
    Ok(rate(count, took))
}

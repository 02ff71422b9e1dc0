//! T2: delivering approved messages to a channel that accepts at once: claim, checks, attempt, call,
//! outcome, audit, counters. The peer claims, inserts attempts and marks as sent, set by set.

use std::path::Path;
use std::time::Instant;

use crm_core::message::Status;

use crate::measure::{Better, Figure, Names, rate};
use crate::world::{AT_ONCE, World, copy, remove};
use crate::{Outcome, proof, raw, seed};

/// Measures `runs` times in turn.
///
/// # Errors
/// When a run fails or its result is wrong.
pub async fn measure(folder: &Path, count: usize, runs: usize) -> Outcome<Figure> {
    let (base, file) = (folder.join("deliver.base"), folder.join("deliver.db"));
    {
        let world = World::open(&base)?;
        seed::contacts(&world, count).await?;
        let contacts = seed::recipients(&world, count).await?;
        let approved = seed::Kind {
            approved: true,
            ..seed::WAITING
        };
        seed::messages(&world, &contacts, count, |_| approved).await?;
    }
    let mut pairs = Vec::with_capacity(runs);
    for run in 0..runs {
        let ours = ours(&copy(&base, &file)?, count, run + 1 == runs).await?;
        let mut connection = raw::open(&copy(&base, &file)?)?;
        let start = Instant::now();
        let delivered = raw::deliver(&mut connection, AT_ONCE)?;
        let took = start.elapsed();
        if delivered != count {
            return Err(format!("the raw loop delivered {delivered} of {count}").into());
        }
        pairs.push((ours, rate(count, took)));
    }
    remove(&base)?;
    remove(&file)?;
    let names = Names {
        id: "T2",
        work: "deliver".to_owned(),
        peer_work: "raw claim, attempt, mark by 500".to_owned(),
        better: Better::More,
    };
    Ok(Figure::new(names, count, pairs, 0.6))
}

async fn ours(file: &Path, count: usize, prove: bool) -> Outcome<f64> {
    let world = World::open(file)?;
    let session = world.session();
    let worker = world.worker();
    worker.start().await?;
    let start = Instant::now();
    worker.run_until_idle().await?;
    let took = start.elapsed();
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

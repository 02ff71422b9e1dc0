//! T3 and T4: delivering approved messages over SMTP with the whole ledger, into `smtp-sink` and into a Postfix
//! that delivers to a Maildir. The peer is `smtp-source`, which keeps no record of anything.

mod guard;
mod postfix;
mod sink;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crm_channels::smtp::{Mailbox, Tls};
use crm_channels::{Smtp, SmtpConfig};
use crm_core::id::MessageId;
use crm_core::message::Status;
use crm_core::port::channel::Channel;

use crate::measure::{Better, Figure, Names, rate};
use crate::site::Site;
use crate::world::{self, World};
use crate::{Outcome, memory, proof, seed};

use postfix::Postfix;
use sink::Sink;

/// Who sends, ours and the peer's.
const SENDER: &str = "bench@sender.example";

/// Octets of text that are [`OCTETS`](sink::OCTETS) on the wire: our bodies go in base64.
const TEXT: usize = 1_500;

/// Connections of ours to the sink.
const CONNECTIONS: usize = 30;

/// Attempts of ours open at once, so that connections need not wait for commits.
const OPEN: usize = 1_000;

/// Connections of the peer to the sink.
const SESSIONS: usize = 20;

/// What a host may need at most while it delivers, in MB (T16).
const ALLOWANCE: f64 = 150.0;

/// T3, `runs` times in turn, and what memory it took (T16).
///
/// # Errors
/// When a run fails or its result is wrong.
pub async fn into_sink(
    site: &Site,
    folder: &Path,
    count: usize,
    runs: usize,
) -> Outcome<Vec<Figure>> {
    let (base, copy) = ("sink_base", "sink_run");
    prepare(site, base, count).await?;
    let (mut pairs, mut peaks) = (Vec::new(), Vec::new());
    for run in 0..runs {
        site.copy(base, copy).await?;
        let last = run + 1 == runs;
        let sink = Sink::start(folder, last).await?;
        let forgotten = memory::forget();
        let took = ours(site, copy, sink.port, CONNECTIONS, count, last).await?;
        if let Ok(peak) = forgotten.and_then(|()| memory::peak()) {
            peaks.push((peak, ALLOWANCE));
        }
        if last {
            sink.took(count).await?;
        }
        drop(sink);
        let sink = Sink::start(folder, false).await?;
        let peer = sink::source(sink.port, SESSIONS, count).await?;
        pairs.push((rate(count, took), rate(count, peer)));
    }
    clear(site, base, copy).await?;
    let names = Names {
        id: "T3",
        work: "deliver over SMTP into smtp-sink".to_owned(),
        peer_work: format!("smtp-source, {SESSIONS} sessions"),
        better: Better::More,
    };
    let mut figures = vec![Figure::new(names, count, pairs, 0.35)];
    if !peaks.is_empty() {
        let names = Names {
            id: "T16",
            work: "resident at most during T3".to_owned(),
            peer_work: "allowance".to_owned(),
            better: Better::Less,
        };
        figures.push(Figure {
            unit: "MB",
            ..Figure::new(names, count, peaks, 1.0)
        });
    }
    Ok(figures)
}

/// T4, `runs` times in turn with each number of connections, the same for both.
///
/// What is timed ends when everything is handed over. Postfix goes on delivering; the next run waits until it
/// has done that.
///
/// # Errors
/// When a run fails or its result is wrong.
pub async fn into_postfix(
    site: &Site,
    folder: &Path,
    sessions: &[usize],
    count: usize,
    runs: usize,
) -> Outcome<Vec<Figure>> {
    let (base, copy) = ("postfix_base", "postfix_run");
    let postfix = Postfix::start(folder).await?;
    let ids = prepare(site, base, count).await?;
    let domain = SENDER.rsplit('@').next().unwrap_or_default();
    let wanted: BTreeSet<String> = ids.iter().map(|id| format!("{id}@{domain}")).collect();
    let mut figures = Vec::new();
    for &sessions in sessions {
        let mut pairs = Vec::with_capacity(runs);
        for run in 0..runs {
            site.copy(base, copy).await?;
            let last = run + 1 == runs;
            let took = ours(site, copy, postfix.port, sessions, count, last).await?;
            postfix.settled(count).await?;
            postfix.holds(wanted.clone())?;
            postfix.empty()?;
            let peer = sink::source(postfix.port, sessions, count).await?;
            postfix.settled(count).await?;
            postfix.empty()?;
            pairs.push((rate(count, took), rate(count, peer)));
        }
        let names = Names {
            id: "T4",
            work: format!("deliver over SMTP into Postfix, {sessions} connections"),
            peer_work: format!("smtp-source, {sessions} sessions"),
            better: Better::More,
        };
        figures.push(Figure::new(names, count, pairs, 0.9));
    }
    clear(site, base, copy).await?;
    Ok(figures)
}

/// A database with `count` approved messages that are due; their ids.
async fn prepare(site: &Site, base: &str, count: usize) -> Outcome<Vec<MessageId>> {
    site.create(base).await?;
    let world = site.world(base).await?;
    seed::contacts(&world, count).await?;
    let kind = seed::Kind {
        approved: true,
        octets: TEXT,
        ..seed::WAITING
    };
    let ids = seed::one_each(&world, count, kind).await?;
    drop(world);
    site.settle(base).await?;
    Ok(ids)
}

async fn clear(site: &Site, base: &str, copy: &str) -> Outcome<()> {
    site.remove(base).await?;
    site.remove(copy).await
}

async fn ours(
    site: &Site,
    name: &str,
    port: u16,
    connections: usize,
    count: usize,
    prove: bool,
) -> Outcome<Duration> {
    let from = Mailbox::parse(SENDER).ok_or("the sender is no mailbox")?;
    let channel: Arc<dyn Channel> = Arc::new(Smtp::new(SmtpConfig {
        port,
        max_connections: connections,
        concurrency: Some(OPEN),
        ..SmtpConfig::new("127.0.0.1", Tls::None, from)
    })?);
    let engine = world::engine(site.store(name).await?, Arc::default(), channel);
    let worker = world::worker(&engine, "worker");
    worker.start().await?;
    let start = Instant::now();
    // On a thread of the runtime, as a host runs it.
    tokio::spawn(async move { worker.run_until_idle().await }).await??;
    let took = start.elapsed();
    site.tell(name).await?;
    let session = engine.act_as(World::actor());
    proof::counted(&session, Status::Sent, count).await?;
    if prove {
        // Created, approved, claimed, begun, accepted; and the contact's own.
        proof::sound(&session, 6 * count).await?;
    }
    Ok(took)
}

//! T5: four workers on one server against one, with T2's work. Each worker has connections of its own,
//! as on a machine of its own.

use std::time::Instant;

use crm_core::message::Status;
use crm_postgres_testing::Server;
use sqlx::{Connection, PgConnection};

use crate::measure::{Better, Figure, Names, rate};
use crate::site::Site;
use crate::{Outcome, deliver, proof};

/// How many work side by side.
const WORKERS: usize = 4;

/// Measures `runs` times in turn.
///
/// # Errors
/// When a run fails, its result is wrong, or somebody waited for a lock for more than 50 ms.
pub async fn measure(site: &Site, server: &Server, count: usize, runs: usize) -> Outcome<Figure> {
    let (base, copy) = ("workers_base", "workers_run");
    deliver::prepare(site, base, count).await?;
    let mut pairs = Vec::with_capacity(runs);
    for run in 0..runs {
        site.copy(base, copy).await?;
        let four = together(site, copy, WORKERS, count, run + 1 == runs).await?;
        // Few messages are no measurement: a busy machine makes anybody wait.
        if count >= 10_000 {
            quiet(server, copy).await?;
        }
        site.copy(base, copy).await?;
        let one = together(site, copy, 1, count, false).await?;
        pairs.push((four, one));
    }
    site.remove(base).await?;
    site.remove(copy).await?;
    let names = Names {
        id: "T5",
        work: "deliver with four workers".to_owned(),
        peer_work: "with one".to_owned(),
        better: Better::More,
    };
    Ok(Figure::new(names, count, pairs, 1.0))
}

async fn together(
    site: &Site,
    name: &str,
    workers: usize,
    count: usize,
    prove: bool,
) -> Outcome<f64> {
    let mut worlds = Vec::with_capacity(workers);
    for _ in 0..workers {
        worlds.push(site.world(name).await?);
    }
    let start = Instant::now();
    let mut tasks = Vec::with_capacity(workers);
    for (number, world) in worlds.iter().enumerate() {
        let worker = world.worker_named(&format!("worker {number}"));
        tasks.push(tokio::spawn(async move { worker.run_until_idle().await }));
    }
    for task in tasks {
        task.await??;
    }
    let took = start.elapsed();
    let Some(first) = worlds.first() else {
        return Err("nobody worked".into());
    };
    let session = first.session();
    proof::counted(&session, Status::Sent, count).await?;
    let taken: u64 = worlds.iter().map(|world| world.channel.taken()).sum();
    if usize::try_from(taken)? != count {
        return Err("the channel was not called once for each message".into());
    }
    if prove {
        proof::sound(&session, 6 * count).await?;
    }
    Ok(rate(count, took))
}

/// Nobody waited long, nobody was broken off.
async fn quiet(server: &Server, database: &str) -> Outcome<()> {
    let mut connection = PgConnection::connect(&server.url(database)).await?;
    let deadlocks: i64 = sqlx::query_scalar(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()",
    )
    .fetch_one(&mut connection)
    .await?;
    connection.close().await?;
    if deadlocks > 0 {
        return Err(format!("{deadlocks} transactions waited for each other").into());
    }
    let log = server.log_tail();
    let waited: Vec<&str> = log
        .lines()
        // Of database 0: whoever connects while a database of ours is dropped.
        .filter(|line| line.contains("still waiting for") && !line.contains("of database 0"))
        .collect();
    if waited.is_empty() {
        return Ok(());
    }
    Err(format!(
        "somebody waited for a lock for more than 50 ms:\n{}",
        waited.join("\n")
    )
    .into())
}

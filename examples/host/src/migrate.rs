//! `migrate-store`: everything of an SQLite database into an empty PostgreSQL one, looked at before it is
//! called done. Whatever fails, the source is as it was and the same command goes on where it was.

mod progress;

use std::collections::BTreeMap;
use std::sync::Arc;

use crm_core::engine::Engine;
use crm_core::port::schema::TABLES;
use crm_core::port::store::Store;
use crm_core::port::transfer::Batch;
use crm_core::system::{RandomIds, SystemClock};
use crm_core::{Actor, Role, Workspace};
use crm_store_postgres::{Arrival, PgOptions, PgStore};
use crm_store_sqlite::{Departure, SqliteOptions, SqliteStore};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::mpsc;

use self::progress::Progress;
pub(crate) use self::progress::bar;
use crate::assemble::beside;
use crate::config::Database;
use crate::records::{self, Moved};
use crate::say;

/// How many batches are read ahead of the writing.
const AHEAD: usize = 2;

/// Moves everything; the text of an error says what to do.
pub(crate) async fn run(from: &SecretString, to: &SecretString) -> Result<(), String> {
    const FORMS: &str = "migrate-store moves --from sqlite:PATH --to \
        postgres://USER:PASSWORD@HOST/DATABASE";
    let parse =
        |url: &SecretString| Database::parse(url.expose_secret()).map_err(|_| FORMS.to_owned());
    let (source, target) = (parse(from)?, parse(to)?);
    let (Database::Sqlite(path), Database::Postgres(url)) = (&source, &target) else {
        return Err(FORMS.to_owned());
    };
    if !path.is_file() {
        return Err(format!("there is no database {}", path.display()));
    }
    say(&format!("moving {source} to {target}"));
    let at_source = |error: crm_core::Error| format!("the source: {error}");
    let at_target = |error: crm_core::Error| format!("the target: {error}");
    let store = SqliteStore::open(path, SqliteOptions::default()).map_err(at_source)?;
    let departure = store.depart().map_err(at_source)?;
    let (counts, state) = departure
        .counts()
        .and_then(|counts| Ok((counts, departure.state()?)))
        .map_err(at_source)?;
    records::refuse_used(url).await?;
    let mut arrival = Arrival::begin(url.expose_secret(), PgOptions::default(), &state)
        .await
        .map_err(at_target)?;
    let accounts = beside(path, ".accounts");
    let mut moved = if accounts.is_file() {
        records::move_over(&accounts, url).await?
    } else {
        Vec::new()
    };
    compare(&moved)?;
    let departure = copy(departure, &counts, &mut arrival).await?;
    let there = arrival.counts().await.map_err(at_target)?;
    let rows = counts.into_iter().zip(there);
    moved.extend(
        TABLES
            .iter()
            .zip(rows)
            .map(|((table, _), (source, target))| Moved {
                table: (*table).to_owned(),
                source,
                target,
            }),
    );
    compare(&moved)?;
    verify(&store, arrival.store()).await?;
    arrival.finish().await.map_err(at_target)?;
    // Only now may others write there.
    drop(departure);
    say(&format!(
        "{:<24} {:>12} {:>12}",
        "table", "source", "target"
    ));
    for row in &moved {
        say(&format!(
            "{:<24} {:>12} {:>12}",
            row.table, row.source, row.target
        ));
    }
    say(
        "all is moved and verified; start the hosts with the new database and do not use the old one again",
    );
    Ok(())
}

/// Copies what is not there yet; the source is held until the answer is dropped.
async fn copy(
    departure: Departure,
    counts: &[u64],
    arrival: &mut Arrival,
) -> Result<Departure, String> {
    let mut progress = Progress::new(counts, arrival.moved());
    let (sender, mut batches) = mpsc::channel::<Batch>(AHEAD);
    let moved = arrival.moved().to_vec();
    let reading = tokio::task::spawn_blocking(move || {
        for (table, skip) in moved.into_iter().enumerate() {
            departure.read(table, skip, &mut |batch| {
                sender.blocking_send(batch).is_ok()
            })?;
        }
        Ok::<_, crm_core::Error>(departure)
    });
    while let Some(batch) = batches.recv().await {
        arrival
            .write(&batch)
            .await
            .map_err(|error| format!("the target: {error}; run the same command again to go on"))?;
        progress.add(batch.table, batch.rows.len() as u64);
    }
    progress.end();
    reading
        .await
        .map_err(|_| "the source could not be read".to_owned())?
        .map_err(|error| format!("the source: {error}"))
}

fn compare(moved: &[Moved]) -> Result<(), String> {
    let wrong = moved.iter().find(|row| row.source != row.target);
    wrong.map_or(Ok(()), |row| {
        Err(format!(
            "{}: {} rows in the source and {} in the target; somebody else wrote to the target: empty it \
             and move again",
            row.table, row.source, row.target
        ))
    })
}

/// Every chain is intact there and ends as here; every counter is the same and agrees with the rows.
async fn verify(source: &SqliteStore, target: &PgStore) -> Result<(), String> {
    let told = |error: crm_core::Error| error.to_string();
    let engine = Engine::builder(
        Arc::new(target.clone()),
        Arc::new(SystemClock),
        Arc::new(RandomIds::default()),
    )
    .build();
    let workspaces = source.workspaces().await.map_err(told)?;
    if target.workspaces().await.map_err(told)? != workspaces {
        return Err("the workspaces of the target are others than the source's".to_owned());
    }
    for workspace in workspaces {
        verify_one(source, target, &engine, &workspace)
            .await
            .map_err(|why| format!("workspace {}: {why}", workspace.as_str()))?;
    }
    Ok(())
}

async fn verify_one(
    source: &SqliteStore,
    target: &PgStore,
    engine: &Engine,
    workspace: &Workspace,
) -> Result<(), String> {
    let told = |error: crm_core::Error| error.to_string();
    let session = engine.act_as(Actor::new(workspace.clone(), "migrate-store", Role::Viewer));
    let chain = session.audit().verify(None).await.map_err(told)?;
    if let Some(position) = chain.first_bad {
        return Err(format!(
            "the history does not verify at position {position}; look whether the source's does \
             (/api/audit/verify). The move is not complete"
        ));
    }
    if source.checkpoint(workspace).await.map_err(told)? != chain.checkpoint {
        return Err("the history ends elsewhere than the source's".to_owned());
    }
    let here: BTreeMap<String, i64> = source.counters(workspace, &[""]).await.map_err(told)?;
    if target.counters(workspace, &[""]).await.map_err(told)? != here {
        return Err("the counters are others than the source's".to_owned());
    }
    let differ = session.analytics().recount().await.map_err(told)?;
    if let Some((name, counter, rows)) = differ.first() {
        return Err(format!(
            "the counter {name} is {counter} and the rows make {rows}"
        ));
    }
    say(&format!(
        "workspace {}: {} sealed events verified, counters agree",
        workspace.as_str(),
        chain.sealed
    ));
    Ok(())
}

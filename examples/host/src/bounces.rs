//! Bounces that arrive in a folder: read, taken in, and marked as done, in this order, so that a crash repeats
//! one and loses none.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crm_channels::settings::Provider;
use crm_channels::smtp::{Maildir, ReturnPath, bounce};
use crm_core::engine::Engine;
use crm_core::{Result, Workspace};
use tokio::sync::watch;

use crate::config::{ChannelSettings, Config};

/// How often the folders are looked at.
const EVERY: Duration = Duration::from_secs(5);
/// Mails read at once; each may hold a mebibyte.
const AT_ONCE: usize = 20;

/// A channel's folder, and the addresses that its bounces come back to.
struct Mailbox {
    channel: String,
    folder: PathBuf,
    return_paths: Vec<ReturnPath>,
}

/// Begins to read the folders of all channels that have one, until `stop`.
pub(crate) fn start(config: &Config, engine: &Engine, stop: &watch::Receiver<bool>) {
    for (name, settings) in &config.channels {
        let ChannelSettings::Table(table) = settings else {
            continue;
        };
        let Some(folder) = table.layers.bounces.clone() else {
            continue;
        };
        let paths = table.providers.iter().filter_map(|provider| {
            let Provider::Smtp { config, .. } = &provider.settings else {
                return None;
            };
            config.return_path.clone()
        });
        let mailbox = Mailbox {
            channel: name.clone(),
            folder,
            return_paths: paths.collect(),
        };
        tokio::spawn(watch(engine.clone(), mailbox, stop.clone()));
    }
}

async fn watch(engine: Engine, mailbox: Mailbox, mut stop: watch::Receiver<bool>) {
    let mut failed = false;
    loop {
        let done = round(&engine, &mailbox).await;
        if let (Err(error), false) = (&done, failed) {
            tracing::error!(
                code = error.kind().code(),
                channel = mailbox.channel,
                "bounces cannot be read: {error}"
            );
        }
        // Said once, however long it lasts.
        failed = done.is_err();
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// Takes in what is there. What cannot be taken in now stays for the next round.
async fn round(engine: &Engine, mailbox: &Mailbox) -> Result<()> {
    let maildir = Maildir::open(Path::new(&mailbox.folder)).await?;
    loop {
        let mails = maildir.next(AT_ONCE).await?;
        if mails.is_empty() {
            return Ok(());
        }
        for mail in mails {
            let Ok(news) = bounce::read_any(mail.raw(), &mailbox.return_paths) else {
                maildir.set_aside(&mail).await?;
                continue;
            };
            let workspace = Workspace::default();
            engine.hear(&workspace, &mailbox.channel, news).await?;
            maildir.taken(&mail).await?;
        }
    }
}

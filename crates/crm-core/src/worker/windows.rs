//! When the people a worker is about to write to wrote last, on channels where that matters.
//!
//! It is read beside what else the last checks need: a person's word only ever opens a window, so one that comes
//! in meanwhile is missed at worst.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::Worker;
use crate::actor::Workspace;
use crate::consent::window::Window;
use crate::error::Result;

/// Addresses asked about at once.
const PAGE: usize = 1_000;

/// The windows of some people, on all channels that have any.
#[derive(Debug, Default)]
pub(super) struct Windows(BTreeMap<String, Channel>);

struct Channel {
    span: Duration,
    /// By address.
    last: BTreeMap<String, DateTime<Utc>>,
}

/// Shows no address.
impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Channel({:?}, {} people)", self.span, self.last.len())
    }
}

impl Windows {
    /// The window of the person behind `address`, who was asked about.
    pub(super) fn of(&self, channel: &str, address: &str) -> Window {
        match self.0.get(channel) {
            None => Window::Always,
            Some(it) => Window::of(Some(it.span), it.last.get(address).copied()),
        }
    }
}

/// Whom to ask about, by channel with a window.
#[derive(Default)]
pub(super) struct Asked(BTreeMap<String, (Duration, Vec<String>)>);

impl Worker {
    /// Those of these people, each a channel and an address, who are on channels with windows.
    pub(super) fn with_windows<'a>(
        &self,
        people: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Asked {
        let mut asked = Asked::default();
        for (name, address) in people {
            let channel = self.engine.channels().get(name);
            let Some(span) = channel.and_then(|channel| channel.capabilities().window) else {
                continue;
            };
            let channel = asked.0.entry(name.to_owned());
            let (_, addresses) = channel.or_insert((span, Vec::new()));
            addresses.push(address.to_owned());
        }
        asked
    }

    /// Their windows.
    pub(super) async fn windows(&self, workspace: &Workspace, asked: Asked) -> Result<Windows> {
        let mut windows = Windows::default();
        for (name, (span, addresses)) in asked.0 {
            let mut last = BTreeMap::new();
            for page in addresses.chunks(PAGE) {
                last.extend(self.engine.store().inbound(workspace, &name, page).await?);
            }
            windows.0.insert(name, Channel { span, last });
        }
        Ok(windows)
    }
}

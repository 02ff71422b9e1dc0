//! An observer that any number of readers listen to, for live screens.

use futures_util::{Stream, stream};
use tokio::sync::broadcast::{self, error::RecvError};

use super::observer::{Notice, Observer};

/// Passes notices on to whoever listens. Set up as the engine's observer; cheap to clone.
///
/// Nothing waits for a reader: one that falls behind by more than the capacity misses the oldest notices, and
/// is told so.
#[derive(Debug, Clone)]
pub struct Broadcast(broadcast::Sender<Notice>);

/// What a reader hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Something was committed.
    Notice(Notice),
    /// It was too slow, and missed so many: what it shows is to be read again.
    Lagged(u64),
}

/// One reader's end.
#[derive(Debug)]
pub struct Notices(broadcast::Receiver<Notice>);

impl Broadcast {
    /// One that keeps about so many notices for slow readers (at least 1).
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        // A channel of tokio's refuses more than this.
        Self(broadcast::Sender::new(capacity.clamp(1, usize::MAX / 2)))
    }

    /// Begins to listen: whatever is committed from now on is heard.
    #[must_use]
    pub fn subscribe(&self) -> Notices {
        Notices(self.0.subscribe())
    }
}

impl Observer for Broadcast {
    fn notice(&self, notices: &[Notice]) {
        for notice in notices {
            // Nobody listening is fine.
            let _ = self.0.send(notice.clone());
        }
    }
}

impl Notices {
    /// The next thing heard; `None` once the engine and all clones of the broadcast are gone. Dropping the
    /// future loses nothing.
    pub async fn next(&mut self) -> Option<Heard> {
        match self.0.recv().await {
            Ok(notice) => Some(Heard::Notice(notice)),
            Err(RecvError::Lagged(missed)) => Some(Heard::Lagged(missed)),
            Err(RecvError::Closed) => None,
        }
    }

    /// The same as a stream.
    pub fn into_stream(self) -> impl Stream<Item = Heard> + Send {
        stream::unfold(self, |mut notices| async {
            let heard = notices.next().await?;
            Some((heard, notices))
        })
    }
}

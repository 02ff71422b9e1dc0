//! Connections kept for the next message. A delivery takes one out and owns it; only a delivery that
//! ended in a known state puts it back, so a dropped future drops its connection.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::connection::Connection;

/// Longest rest of a parked connection; servers close them at their own pleasure.
const IDLE: Duration = Duration::from_secs(60);
/// Messages after which a connection is replaced.
const MESSAGES: u32 = 100;

/// Parked connections, the most recent last.
#[derive(Debug, Default)]
pub(super) struct Pool {
    parked: Mutex<Vec<(Connection, Instant)>>,
}

impl Pool {
    /// A connection that is still open, if one is parked.
    pub(super) async fn take(&self) -> Option<Connection> {
        loop {
            let mut connection = self.pop()?;
            if connection.is_quiet().await {
                return Some(connection);
            }
        }
    }

    fn pop(&self) -> Option<Connection> {
        let mut parked = self.parked.lock().unwrap_or_else(PoisonError::into_inner);
        parked.retain(|(_, since)| since.elapsed() < IDLE);
        parked.pop().map(|(connection, _)| connection)
    }

    /// Parks a connection between two transactions, or closes one that has served enough.
    pub(super) async fn park(&self, connection: Connection) {
        if connection.used >= MESSAGES {
            connection.quit().await;
            return;
        }
        self.parked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((connection, Instant::now()));
    }
}

//! The clock port: core never reads the system's clock itself.

use std::fmt::Debug;

use chrono::{DateTime, Utc};

/// Tells the time. Implementations must not go backwards by more than the system's own clock does.
pub trait Clock: Send + Sync + Debug {
    /// Now, in UTC.
    fn now(&self) -> DateTime<Utc>;
}

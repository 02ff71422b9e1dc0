//! The hold: after the store went back to an older state, nothing leaves until an operator says so.
//!
//! A restored backup, a promoted standby or a copied file does not know what was sent after it was made:
//! a message that has left long ago still waits in it to be sent. So every store notes the place it writes
//! in, looks whether it is still there each time a message is claimed or begun, and refuses both
//! ([`ErrorKind::OnHold`]) when it is not. Everything else goes on.
//!
//! An admin ends the hold ([`Session::acknowledge_hold`](crate::engine::Session::acknowledge_hold)) in one
//! of two ways ([`Acknowledgement`]), and the history of each workspace keeps who did and why.

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};

/// What happened to the place a store writes in, as far as the store can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldReason {
    /// The same database on another timeline: a standby was promoted, or it was recovered to a point in
    /// time.
    FailedOver,
    /// The same server or folder, but not the tables or the state last written there: a backup was
    /// restored, or a copy took its place.
    Restored,
    /// Another server, another folder, or one that lost its marker.
    Moved,
}

impl HoldReason {
    /// The name used in JSON and in the history.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FailedOver => "failed_over",
            Self::Restored => "restored",
            Self::Moved => "moved",
        }
    }
}

/// Why nothing may leave now. It is found by comparing, so it is there as long as the two places differ;
/// nobody can tell since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// What happened.
    pub reason: HoldReason,
    /// The place the store has noted, in words of the store; no secrets.
    pub noted: String,
    /// The place it finds itself in.
    pub found: String,
}

impl Hold {
    /// What a store answers to a claim and to [`Precondition::NotOnHold`](crate::change::Precondition)
    /// while it is on this hold.
    #[must_use]
    pub fn refuse(&self) -> Error {
        Error::new(
            ErrorKind::OnHold,
            format!(
                "nothing is sent: the database went back to an older state ({}); an operator has to \
                 acknowledge it",
                self.reason.as_str()
            ),
        )
    }

    /// What a store answers to the end of a hold it is not on.
    #[must_use]
    pub fn another() -> Error {
        Error::new(
            ErrorKind::Conflict,
            "the database is not on this hold, or on another one by now; look at it again",
        )
    }
}

/// How an operator ends a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Acknowledgement {
    /// Something may have been sent since: whatever waits and is due becomes `uncertain`, for people to
    /// settle one by one. When in doubt, this.
    Doubt,
    /// Nothing was lost (the standby was synchronous, the database was stopped and moved): go on.
    Continue,
}

impl Acknowledgement {
    /// The name used in JSON and in the history.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Doubt => "doubt",
            Self::Continue => "continue",
        }
    }
}

//! The record of sign-ins: who registered, signed in, failed to, or signed out, and when. Rows are only
//! ever added; each is written in the transaction of what it records.

use serde::Serialize;
use utoipa::ToSchema;

/// What happened.
#[derive(Clone, Copy)]
pub(crate) enum Action {
    Registered,
    SignedIn,
    Failed,
    /// A refresh token came a second time: somebody else has it, and its login was ended.
    Reused,
    SignedOut,
}

impl Action {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::SignedIn => "signed_in",
            Self::Failed => "sign_in_failed",
            Self::Reused => "refresh_reused",
            Self::SignedOut => "signed_out",
        }
    }
}

/// One line of the record.
#[derive(Serialize, ToSchema)]
pub(crate) struct SignIn {
    /// Grows with time.
    pub(crate) position: i64,
    /// When, RFC 3339.
    pub(crate) at: String,
    /// `registered`, `signed_in`, `sign_in_failed`, `refresh_reused` or `signed_out`.
    pub(crate) action: String,
    /// The account; null when a sign-in failed for an address nobody has.
    pub(crate) user_id: Option<String>,
    /// The login; null when all of the user's logins were ended.
    pub(crate) session: Option<String>,
}

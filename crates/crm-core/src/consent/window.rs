//! Windows: on some channels a person is written to only for a while after they wrote themselves.
//!
//! WhatsApp takes free text for 24 hours after the person's last message (its customer service window) and
//! only templates later. What a channel refuses after that is known here beforehand: so a campaign plans such
//! a person for its next channel, and what was approved too late is called off instead of being refused.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::actor::Workspace;

/// When somebody last wrote on a channel. Of the message itself nothing is kept. It opens the
/// [`window`](crate::port::channel::ChannelCapabilities::window) of channels that have one, and answers audiences that
/// ask who [replied](crate::audience::messages::MessageState::Replied).
#[derive(Clone, PartialEq, Eq)]
pub struct Inbound {
    /// Tenant.
    pub workspace: Workspace,
    /// Channel name.
    pub channel: String,
    /// The address that wrote, normalised as the channel's contacts are.
    pub address: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// Shows no address.
impl std::fmt::Debug for Inbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Inbound({} at {})", self.channel, self.at)
    }
}

/// Until when one person may be written to on one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// At any time: the channel has no windows.
    Always,
    /// Before this instant.
    Until(DateTime<Utc>),
    /// Not at all: the person never wrote.
    Never,
}

impl Window {
    /// The window on a channel where it lasts `span` (on one without windows, when `None`), for a person who last
    /// wrote at `last`.
    #[must_use]
    pub fn of(span: Option<Duration>, last: Option<DateTime<Utc>>) -> Self {
        let Some(span) = span else {
            return Self::Always;
        };
        let end = last.map(|last| {
            let span = chrono::Duration::from_std(span).unwrap_or(chrono::Duration::MAX);
            last.checked_add_signed(span)
                .unwrap_or(DateTime::<Utc>::MAX_UTC)
        });
        end.map_or(Self::Never, Self::Until)
    }

    /// Whether it is open at `at`.
    #[must_use]
    pub fn is_open(self, at: DateTime<Utc>) -> bool {
        match self {
            Self::Always => true,
            Self::Until(end) => at < end,
            Self::Never => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_for_its_span_after_the_persons_word() {
        let day = Some(Duration::from_secs(24 * 60 * 60));
        let wrote = DateTime::UNIX_EPOCH;
        let end = wrote + chrono::Duration::days(1);
        let window = Window::of(day, Some(wrote));
        assert_eq!(window, Window::Until(end));
        let before = end - chrono::Duration::microseconds(1);
        assert!(window.is_open(wrote) && window.is_open(before));
        assert!(!window.is_open(end));
        assert!(!Window::of(day, None).is_open(wrote));
        for last in [None, Some(wrote)] {
            assert!(Window::of(None, last).is_open(DateTime::<Utc>::MAX_UTC));
        }
        // A host's own channel may say anything.
        let ever = Window::of(Some(Duration::MAX), Some(wrote));
        assert!(ever.is_open(end));
    }
}

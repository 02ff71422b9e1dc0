//! The rules of the protocol that can be taken away.

/// One rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// An attempt begins only under one's own live claim, on the message as it was read.
    BeginUnderOwnClaim,
    /// An answer moves the message only if it is that of its last attempt.
    RecordAsksEpoch,
    /// What is sent is compared with what was approved when the attempt begins.
    BeginAsksDigest,
    /// What was begun and has no answer when its lease ends is in doubt, not in the queue.
    SweepDoubts,
    /// A person approves the text that was read, not whatever is there.
    ApproveWhatWasRead,
    /// Suppression is looked at when the attempt begins, not only when the message is claimed.
    BeginAsksSuppression,
    /// A campaign's pause is looked at when the attempt begins, not only when the message is claimed.
    BeginAsksPause,
    /// The attempt is written before anything is sent.
    BeginBeforeSend,
    /// An answer that nobody waits for is kept.
    KeepLateAnswers,
    /// No answer is a doubt, not a failure.
    SilenceIsDoubt,
    /// An answer moves the message only while it waits for one.
    RecordAsksStatus,
    /// An edit takes the approval away.
    EditVoidsApproval,
    /// What is sent again by itself has the key it was sent with.
    RepeatKeepsKey,
    /// What is said of a repeat, unless it is taken, leaves the doubt about the attempt before.
    RepeatDoubts,
    /// What a person has sent again has another key.
    ResendHasNewKey,
}

impl Rule {
    /// Those that a channel without keys needs.
    pub const ALL: [Self; 12] = [
        Self::BeginUnderOwnClaim,
        Self::RecordAsksEpoch,
        Self::BeginAsksDigest,
        Self::SweepDoubts,
        Self::ApproveWhatWasRead,
        Self::BeginAsksSuppression,
        Self::BeginAsksPause,
        Self::BeginBeforeSend,
        Self::KeepLateAnswers,
        Self::SilenceIsDoubt,
        Self::RecordAsksStatus,
        Self::EditVoidsApproval,
    ];
}

/// Which rules hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    without: Vec<Rule>,
}

impl Rules {
    /// All but these.
    #[must_use]
    pub fn without(rules: &[Rule]) -> Self {
        Self {
            without: rules.to_vec(),
        }
    }

    /// Whether the rule holds.
    #[must_use]
    pub fn hold(&self, rule: Rule) -> bool {
        !self.without.contains(&rule)
    }
}

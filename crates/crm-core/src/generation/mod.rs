//! How a draft comes to be. Pure.
//!
//! [`prompt`](fn@prompt) says what a model is asked, in the house's [`voice`]; [`check`](mod@check) whether its answer can
//! be shown to a person; [`chain`] what happens when there is none. A draft is a proposal that a person
//! decides about.

pub mod chain;
pub mod check;
pub mod prompt;
pub mod voice;

use serde::{Deserialize, Serialize};

pub use chain::{Patience, Setback, Step, next_step};
pub use check::check;
pub(crate) use prompt::RULES;
pub use prompt::{Prompt, Task, prompt, version as prompt_version};
pub use voice::{Example, Voice, VoiceFields};

/// How a text sounds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// Professional and friendly.
    #[default]
    ProfessionalFriendly,
    /// Formal.
    Formal,
    /// Casual.
    Casual,
    /// Warm.
    Warm,
}

impl Tone {
    /// All tones.
    pub const ALL: [Self; 4] = [
        Self::ProfessionalFriendly,
        Self::Formal,
        Self::Casual,
        Self::Warm,
    ];

    /// The name used in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ProfessionalFriendly => "professional_friendly",
            Self::Formal => "formal",
            Self::Casual => "casual",
            Self::Warm => "warm",
        }
    }

    /// The tone of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tone| tone.as_str() == name)
    }
}

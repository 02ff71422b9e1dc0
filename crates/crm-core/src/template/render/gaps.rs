//! Values that a contact lacks, or that are not what a helper needs: an error, or a list for a preview.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use handlebars::{RenderError, RenderErrorReason};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is wrong with a value that a template names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// The contact has none.
    Missing,
    /// `date` was given something that is no date, or a date without the year it should show.
    NotADate,
    /// `plural` was given something that is no number.
    NotANumber,
}

impl Problem {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Missing, Self::NotADate, Self::NotANumber];

    /// Its code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::NotADate => "not_a_date",
            Self::NotANumber => "not_a_number",
        }
    }
}

/// A value that a template names and the contact does not give. Never holds the value itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gap {
    /// The variable, as the template names it.
    pub variable: String,
    /// What is wrong.
    pub problem: Problem,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variable = &self.variable;
        match self.problem {
            Problem::Missing => write!(f, "the contact has no value for {variable}"),
            Problem::NotADate => write!(
                f,
                "{variable} of the contact is no date such as 2026-12-05, or lacks the year"
            ),
            Problem::NotANumber => write!(f, "{variable} of the contact is no number"),
        }
    }
}

impl std::error::Error for Gap {}

/// What becomes of a gap: without a list it ends the rendering.
#[derive(Clone, Default)]
pub(super) struct Gaps(Option<Arc<Mutex<Vec<Gap>>>>);

impl Gaps {
    /// Gaps that are listed; the text goes on with the variable's name in its place.
    pub(super) fn listed() -> Self {
        Self(Some(Arc::default()))
    }

    pub(super) const fn end_it(&self) -> bool {
        self.0.is_none()
    }

    /// What was listed, in the order of the text, each once.
    pub(super) fn take(&self) -> Vec<Gap> {
        let Some(list) = &self.0 else {
            return Vec::new();
        };
        std::mem::take(&mut *list.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What stands in for the value.
    pub(super) fn mark(&self, variable: &str, problem: Problem) -> Result<Value, RenderError> {
        let gap = Gap {
            variable: variable.to_owned(),
            problem,
        };
        let Some(list) = &self.0 else {
            return Err(RenderErrorReason::NestedError(Box::new(gap)).into());
        };
        let mut list = list.lock().unwrap_or_else(PoisonError::into_inner);
        if !list.contains(&gap) {
            list.push(gap);
        }
        Ok(Value::String(format!("{{{{{variable}}}}}")))
    }
}

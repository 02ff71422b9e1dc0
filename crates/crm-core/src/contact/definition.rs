//! What a workspace says about its custom fields: which type each has, and how it is called.
//!
//! A workspace without definitions is as free as ever: any text, number, true or false under any name. Where a field is
//! defined, its values are [checked](Definitions::read) on every way in and kept in one form, so that the same level is
//! not `Gold` here and `gold` there. What is stored already is never changed by a definition: values that do not fit one
//! stay until somebody changes them, and [`unfitting`](DefinitionFields::unfitting) finds them.

mod check;
mod decimal;
#[cfg(test)]
mod properties;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::normalise::custom_name;
use crate::actor::Workspace;
use crate::audience::Audience;
use crate::audience::condition::{FieldCondition, FieldTest};
use crate::error::{Error, Result};
use crate::id;

/// Most definitions of one workspace.
pub const MOST_DEFINITIONS: usize = 200;
/// Most options of a choice.
const MOST_OPTIONS: usize = 100;
/// Longest option in characters: no longer than what an audience can ask for.
const LONGEST_OPTION: usize = 200;
/// Longest label in characters.
const LONGEST_LABEL: usize = 200;

/// What the values of a field are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// Texts. Numbers, true and false become texts.
    Text,
    /// Numbers, exactly as they are written: whole ones up to 20 digits, others of at most 15 digits.
    Number,
    /// True and false.
    Boolean,
    /// Days, `YYYY-MM-DD`.
    Date,
    /// One of a few texts, whose case does not matter.
    Choice,
}

impl FieldType {
    /// All types.
    pub const ALL: [Self; 5] = [
        Self::Text,
        Self::Number,
        Self::Boolean,
        Self::Date,
        Self::Choice,
    ];

    /// The name used in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Choice => "choice",
        }
    }
}

/// What an admin says about a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DefinitionFields {
    /// What people call it, 1 to 200 characters on one line; its name unless said.
    #[serde(default)]
    pub label: Option<String>,
    /// What its values are.
    #[serde(rename = "type")]
    pub kind: FieldType,
    /// For a choice the texts it is between: 1 to 100, each 1 to 200 characters on one line, different in more than
    /// their case. Empty for other types.
    #[serde(default)]
    pub options: Vec<String>,
}

/// The definition of a custom field as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldDefinition {
    /// Tenant.
    pub workspace: Workspace,
    /// The field; `[a-z_][a-z0-9_]{0,63}`.
    pub name: String,
    /// Grows by one with every change.
    pub version: u64,
    /// What was said.
    #[serde(flatten)]
    pub fields: DefinitionFields,
    /// Actor who defined it first.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

/// The definition of a field and how it fits what is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefinedField {
    /// The definition.
    #[serde(flatten)]
    pub definition: FieldDefinition,
    /// How many contacts have a value in the field that does not fit: one from before the definition.
    pub unfitting: u64,
}

impl DefinitionFields {
    /// A field of this type, without a label.
    #[must_use]
    pub const fn of(kind: FieldType) -> Self {
        Self {
            label: None,
            kind,
            options: Vec::new(),
        }
    }

    /// A choice between these texts, without a label.
    #[must_use]
    pub fn choice<T: Into<String>>(options: impl IntoIterator<Item = T>) -> Self {
        Self {
            options: options.into_iter().map(Into::into).collect(),
            ..Self::of(FieldType::Choice)
        }
    }

    /// Trims label and options, and refuses what cannot be a definition. An empty label is none.
    ///
    /// # Errors
    /// `Invalid`, with the field.
    pub fn normal(self) -> Result<Self> {
        let label = self.label.map(|label| label.trim().to_owned());
        let label = label.filter(|label| !label.is_empty());
        if let Some(label) = &label
            && !is_line(label, LONGEST_LABEL)
        {
            return Err(Error::field(
                "label",
                "use at most 200 characters on one line",
            ));
        }
        let options = self.options.iter().map(|option| option.trim().to_owned());
        let options: Vec<String> = options.collect();
        if (self.kind == FieldType::Choice) == options.is_empty() {
            let what = "name the options of a choice, and none for any other type";
            return Err(Error::field("options", what));
        }
        if options.len() > MOST_OPTIONS {
            return Err(Error::field("options", "use at most 100 options"));
        }
        let mut known = BTreeSet::new();
        for option in &options {
            if !is_line(option, LONGEST_OPTION) {
                let what = "use 1 to 200 characters on one line for each option";
                return Err(Error::field("options", what));
            }
            if !known.insert(check::folded(option)) {
                let what = "name each option once; their case does not matter";
                return Err(Error::field("options", what));
            }
        }
        Ok(Self {
            label,
            kind: self.kind,
            options,
        })
    }

    /// The contacts whose field `name` has a value that does not fit: of another type, no real date, none of the options.
    #[must_use]
    pub fn unfitting(&self, name: &str) -> Audience {
        let ask = |test: FieldTest| {
            Audience::CustomField(FieldCondition {
                name: name.to_owned(),
                test,
            })
        };
        let equals = |value: Value| ask(FieldTest::Equals(value));
        let booleans = || vec![equals(Value::Bool(true)), equals(Value::Bool(false))];
        // Every number is one or the other, and nothing else is.
        let numbers = || {
            let zero = || Value::from(0);
            vec![
                ask(FieldTest::LessThan(zero())),
                ask(FieldTest::AtLeast(zero())),
            ]
        };
        let fitting = match self.kind {
            FieldType::Text => {
                let others = booleans().into_iter().chain(numbers()).collect();
                return Audience::Or(others);
            }
            FieldType::Number => Audience::Or(numbers()),
            FieldType::Boolean => Audience::Or(booleans()),
            // Of texts only dates compare with a date, and this is the first.
            FieldType::Date => ask(FieldTest::AtLeast(Value::from("0001-01-01"))),
            FieldType::Choice => {
                let options = self.options.iter();
                Audience::Or(
                    options
                        .map(|one| equals(Value::from(one.as_str())))
                        .collect(),
                )
            }
        };
        Audience::And(vec![
            ask(FieldTest::Exists),
            Audience::Not(Box::new(fitting)),
        ])
    }
}

fn is_line(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

/// Refuses a name that no custom field may have.
///
/// # Errors
/// `Invalid`.
pub(crate) fn check_name(name: &str) -> Result<()> {
    if custom_name(name) {
        return Ok(());
    }
    let what = "name fields with a-z, 0-9 and _, for example loyalty_level";
    Err(Error::field("name", what))
}

/// The id that the history knows the definition of a field by.
#[must_use]
pub(crate) fn subject_id(workspace: &Workspace, name: &str) -> Uuid {
    id::derived("crm/field/v1", &[workspace.as_str(), name])
}

/// All definitions of a workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Definitions(BTreeMap<String, DefinitionFields>);

impl Definitions {
    /// What is said about the field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&DefinitionFields> {
        self.0.get(name)
    }

    /// Whether nothing is defined.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &DefinitionFields)> {
        self.0.iter().map(|(name, fields)| (name.as_str(), fields))
    }

    /// The value of the field as it is kept; none when there is nothing to keep. A field that is not defined keeps any.
    ///
    /// # Errors
    /// What to write instead; the value is not repeated.
    pub fn read(&self, name: &str, value: Value) -> std::result::Result<Option<Value>, String> {
        match self.get(name) {
            Some(definition) => definition.read(&value),
            None => Ok(Some(value)),
        }
    }
}

impl FromIterator<FieldDefinition> for Definitions {
    fn from_iter<T: IntoIterator<Item = FieldDefinition>>(all: T) -> Self {
        let named = all.into_iter().map(|one| (one.name, one.fields));
        Self(named.collect())
    }
}

impl FromIterator<(String, DefinitionFields)> for Definitions {
    fn from_iter<T: IntoIterator<Item = (String, DefinitionFields)>>(all: T) -> Self {
        Self(all.into_iter().collect())
    }
}

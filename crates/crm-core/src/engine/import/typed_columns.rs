//! What a preview says of columns that fill a custom field with a type.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::contact::definition::{Definitions, FieldType};
use crate::error::{Error, Result};
use crate::import::{Detected, Row};

/// Most samples of refused values of each column.
const SAMPLES: usize = 5;
/// Longest sample in characters.
const LONGEST_SAMPLE: usize = 100;

/// A column that fills a custom field with a type.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypedColumn {
    /// The name of the column.
    pub column: String,
    /// The name of the custom field.
    pub field: String,
    /// What people call the field, if they call it otherwise.
    pub label: Option<String>,
    /// What its values are.
    #[serde(rename = "type")]
    pub kind: FieldType,
    /// For a choice the texts it is between.
    pub options: Vec<String>,
    /// Rows that could not be taken because of what stands here.
    pub refused: u64,
    /// What stands in the first of them: at most five different values, cut after 100 characters.
    pub samples: Vec<String>,
}

// Samples are personal data.
impl fmt::Debug for TypedColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, kind, .. } = self;
        write!(
            f,
            "TypedColumn({field}: {}, {} refused)",
            kind.as_str(),
            self.refused
        )
    }
}

/// Such columns of a file, with their places in a row.
pub(super) struct TypedColumns(Vec<(usize, TypedColumn)>);

impl TypedColumns {
    pub(super) fn of(found: &Detected, definitions: &Definitions) -> Result<Self> {
        let custom = found.custom_columns()?.into_iter();
        let typed = custom.filter_map(|(place, column, field)| {
            let definition = definitions.get(&field)?.clone();
            let column = TypedColumn {
                column,
                field,
                label: definition.label,
                kind: definition.kind,
                options: definition.options,
                refused: 0,
                samples: Vec::new(),
            };
            Some((place, column))
        });
        Ok(Self(typed.collect()))
    }

    /// Notes what could not be taken of a row, and why.
    pub(super) fn see(&mut self, row: &Row, error: &Error) {
        for fault in error.fields() {
            let Some(field) = fault.field.strip_prefix("custom_fields.") else {
                continue;
            };
            for (place, column) in &mut self.0 {
                let cell = row.cells.get(*place).filter(|cell| !cell.is_empty());
                let Some(cell) = cell.filter(|_| column.field == field) else {
                    continue;
                };
                column.refused += 1;
                let sample: String = cell.chars().take(LONGEST_SAMPLE).collect();
                if column.samples.len() < SAMPLES && !column.samples.contains(&sample) {
                    column.samples.push(sample);
                }
            }
        }
    }

    pub(super) fn finish(self) -> Vec<TypedColumn> {
        self.0.into_iter().map(|(_, column)| column).collect()
    }
}

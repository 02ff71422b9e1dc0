//! Reads files of contacts as people have them: CSV in any encoding and dialect, from Google, HubSpot, Salesforce,
//! Outlook, Bitrix24, amoCRM and spreadsheets; vCards; JSON lines; with the feature `xlsx` workbooks of Excel.
//!
//! A file is looked at first ([`inspect`]): what it is, in which encoding, from which program, which column fills which
//! field and how its dates are written. All of that is in [`Detected`], can be shown to a person, and overridden by
//! [`Options`]. Then its rows are read ([`Rows`]) by what was found, one by one and in memory of a bounded size, so that
//! the same file gives the same rows whenever it is read. A row that cannot be taken is one of them, with its cells and
//! the reason; nothing in a file stops the rest of it.
//!
//! ```
//! use std::io::Cursor;
//! use crm_core::import::{Options, Rows, inspect};
//!
//! // As a Russian Excel saves it.
//! let file = b"\xd4\xc8\xce;\xd2\xe5\xeb\xe5\xf4\xee\xed\r\n\xcf\xe5\xf2\xf0\xee\xe2\xe0 \xc0\xed\xed\xe0;901234567\r\n";
//! let mut file = Cursor::new(file);
//! let found = inspect(&mut file, &Options::default())?;
//! assert_eq!((found.encoding.as_str(), found.separator.as_str()), ("windows-1251", ";"));
//! let mut rows = Rows::new(&mut file, &found)?;
//! let row = rows.next().transpose()?.expect("one row");
//! assert_eq!(row.person?.fields.name, "Анна Петрова");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod columns;
mod dates;
mod dialect;
mod duplicates;
pub mod encoding;
mod json_lines;
mod look;
mod names;
mod own;
mod own_cards;
mod person;
mod profile;
mod records;
mod rows;
mod target;
mod text;
mod typed;
mod values;
mod vcard;
#[cfg(feature = "xlsx")]
mod xlsx;

pub use dates::Order;
pub use dialect::LineEnd;
pub use duplicates::{Duplicates, ImportUpdate};
pub(crate) use duplicates::{combined, may_be_one};
pub use look::{Detected, Format, Options, Warning, inspect, inspect_for};
pub use person::{LostCell, Person};
pub use rows::{Row, Rows};
pub use target::{Field, Target};
pub(crate) use typed::{Orders, typed};

/// The column that a file of rejected rows has behind its own; an import leaves it out, so that such a
/// file can be mended and imported as it is.
pub const REASON: &str = "reject_reason";

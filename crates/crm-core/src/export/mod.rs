//! Writes contacts to files: CSV in the encodings and dialects that people's programs want, JSON lines, vCards. The
//! counterpart of [`import`](crate::import), which reads each of them back.
//!
//! A [`Writer`] turns contacts into bytes one by one and keeps nothing but counts, so that any number of them takes the
//! same memory. It does no I/O: whoever calls it says where the bytes go.
//!
//! ```
//! use crm_core::export::{Options, Writer};
//!
//! let mut writer = Writer::new(&Options { excel: true, ..Options::default() })?;
//! let mut file = Vec::new();
//! writer.begin(&mut file);
//! // For each contact: writer.contact(&contact, &mut file);
//! assert!(file.starts_with("\u{feff}id;external_id;name;email;phone;".as_bytes()));
//! assert_eq!(writer.report().contacts, 0);
//! # Ok::<(), crm_core::Error>(())
//! ```

mod cells;
mod csv;
mod json_lines;
pub(crate) mod list;
mod options;
pub(crate) mod vcard;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::contact::Contact;
use crate::error::Result;
pub use crate::import::LineEnd;
pub use cells::COLUMNS;
pub(crate) use csv::unescaped;
pub use options::{Format, MOST_CUSTOM_FIELDS, Options, VcardVersion};

/// What an export wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportReport {
    /// Contacts.
    pub contacts: u64,
    /// Cells with a character that the encoding has not; `?` stands in its place. None in UTF-8 and UTF-16.
    pub lossy_cells: u64,
    /// Custom fields of contacts that no column was written for.
    pub left_out: u64,
}

/// Turns contacts into the bytes of a file. Holds no contact between two calls.
#[derive(Debug)]
pub struct Writer {
    of: Of,
    report: ExportReport,
}

#[derive(Debug)]
enum Of {
    Csv(Box<csv::Lines>),
    Vcard(vcard::Cards),
    JsonLines,
}

impl Writer {
    /// A writer of files as `options` say.
    ///
    /// # Errors
    /// `Invalid` for options that do not fit each other or that no file can have, with what to use instead.
    pub fn new(options: &Options) -> Result<Self> {
        options.check()?;
        let of = match options.format {
            Format::Csv => Of::Csv(Box::new(csv::Lines::new(options)?)),
            Format::Vcard => Of::Vcard(vcard::Cards::new(options)),
            Format::JsonLines => Of::JsonLines,
        };
        Ok(Self {
            of,
            report: ExportReport::default(),
        })
    }

    /// Writes what stands before the first contact: a byte order mark and the names of the columns, if the format has
    /// them.
    pub fn begin(&self, out: &mut Vec<u8>) {
        if let Of::Csv(lines) = &self.of {
            lines.head(out);
        }
    }

    /// Writes one contact behind what is in `out`. One that was erased is left out: there is nothing to say of it.
    pub fn contact(&mut self, contact: &Contact, out: &mut Vec<u8>) {
        if contact.erased {
            return;
        }
        self.report.contacts += 1;
        match &self.of {
            Of::Csv(lines) => {
                let (lossy, left_out) = lines.contact(contact, out);
                self.report.lossy_cells += lossy;
                self.report.left_out += left_out;
            }
            Of::Vcard(cards) => self.report.left_out += cards.contact(contact, out),
            Of::JsonLines => json_lines::contact(contact, out),
        }
    }

    /// What was written up to now.
    #[must_use]
    pub const fn report(&self) -> ExportReport {
        self.report
    }
}

impl fmt::Display for ExportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "contacts={} lossy_cells={} left_out={}",
            self.contacts, self.lossy_cells, self.left_out
        )
    }
}

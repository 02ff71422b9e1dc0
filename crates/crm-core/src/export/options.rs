//! How a file is to be written, and which of these wishes go together.

use serde::{Deserialize, Serialize};

use crate::contact::normalise::custom_name;
use crate::error::{Error, Result};
use crate::import::LineEnd;
use crate::import::encoding::Encoding;

/// Most custom fields that get a column: with the other columns an import still takes the file.
pub const MOST_CUSTOM_FIELDS: usize = 480;

/// Encodings that files are written in, by the names that [`Encoding::name`] gives them.
const ENCODINGS: [&str; 8] = [
    "utf-8",
    "utf-8-bom",
    "utf-16le",
    "utf-16be",
    "windows-1251",
    "windows-1252",
    "ibm866",
    "koi8-r",
];

/// What kind of file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Values between separators.
    #[default]
    Csv,
    /// vCards.
    Vcard,
    /// A JSON object in each line.
    JsonLines,
}

/// The version of a vCard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum VcardVersion {
    /// RFC 2426.
    #[serde(rename = "3.0")]
    V3,
    /// RFC 6350.
    #[default]
    #[serde(rename = "4.0")]
    V4,
}

/// How a file is written. What is not said is as usual for the format.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// CSV unless set.
    pub format: Format,
    /// CSV alone: as spreadsheets of most countries open it by a double click. UTF-8 with a byte order mark, `;` between
    /// cells and CRLF behind lines, each unless it is set here.
    pub excel: bool,
    /// CSV alone, `utf-8` unless set: `utf-8`, `utf-8-bom`, `utf-16le` and `utf-16be` (both with a byte order mark),
    /// `windows-1251`, `windows-1252`, `ibm866`, `koi8-r`, or another label of these. The other formats are always UTF-8.
    pub encoding: Option<String>,
    /// CSV alone: what stands between cells, `,` unless set, else `;` `|` or a tab.
    pub separator: Option<char>,
    /// CSV alone: what ends a line, CRLF (as RFC 4180 wants it) unless set, or LF.
    pub line_end: Option<LineEnd>,
    /// vCards alone: 4.0 unless set.
    pub vcard_version: Option<VcardVersion>,
    /// The custom fields that are written, at most 480. Unless set, CSV has a column for each that some contact has, and
    /// vCards hold all. JSON lines always hold all.
    pub custom_fields: Option<Vec<String>>,
}

impl Options {
    /// Refuses what does not go together.
    pub(super) fn check(&self) -> Result<()> {
        if self.format != Format::Csv {
            let only_csv =
                |field: &str| Err(Error::field(field, "only CSV files have a choice of it"));
            let utf_8 = |label: &String| {
                Encoding::named(label).is_ok_and(|encoding| encoding.name() == "utf-8")
            };
            if self.excel {
                return only_csv("excel");
            }
            if self.separator.is_some() {
                return only_csv("separator");
            }
            if self.line_end.is_some() {
                return only_csv("line_end");
            }
            if !self.encoding.iter().all(utf_8) {
                let what = "JSON lines and vCards are always utf-8; leave it out or use format csv";
                return Err(Error::field("encoding", what));
            }
        }
        if self.format != Format::Vcard && self.vcard_version.is_some() {
            return Err(Error::field("vcard_version", "only vCards have one"));
        }
        if self.format == Format::JsonLines && self.custom_fields.is_some() {
            let what = "JSON lines always hold all custom fields; leave it out";
            return Err(Error::field("custom_fields", what));
        }
        self.check_custom_fields()
    }

    fn check_custom_fields(&self) -> Result<()> {
        let names = self.custom_fields.as_deref().unwrap_or_default();
        if names.len() > MOST_CUSTOM_FIELDS {
            let what = "name at most 480 of them, or use JSON lines, which hold all";
            return Err(Error::field("custom_fields", what));
        }
        if !names.iter().all(|name| custom_name(name)) {
            let what = "name fields with a-z, 0-9 and _, for example loyalty_level";
            return Err(Error::field("custom_fields", what));
        }
        let twice =
            |(place, name): (usize, &String)| names.iter().skip(place + 1).any(|n| n == name);
        if names.iter().enumerate().any(twice) {
            return Err(Error::field("custom_fields", "name each of them once"));
        }
        Ok(())
    }

    /// The encoding of a CSV file.
    pub(super) fn csv_encoding(&self) -> Result<Encoding> {
        let usual = if self.excel { "utf-8-bom" } else { "utf-8" };
        let name = self.encoding.as_deref().unwrap_or(usual);
        let known = Encoding::named(name).ok();
        let found = known.filter(|encoding| ENCODINGS.contains(&encoding.name().as_str()));
        let encoding = found.ok_or_else(|| {
            let what = format!("use one of {}", ENCODINGS.join(", "));
            Error::field("encoding", what)
        })?;
        // Without its mark nothing says for sure that a file is UTF-16, nor in which order its bytes are.
        Ok(if encoding.name().starts_with("utf-16") {
            encoding.with_mark()
        } else {
            encoding
        })
    }

    /// What stands between the cells of a CSV file: one character of ASCII.
    pub(super) fn csv_separator(&self) -> Result<u8> {
        let usual = if self.excel { ';' } else { ',' };
        match self.separator.unwrap_or(usual) {
            ',' => Ok(b','),
            ';' => Ok(b';'),
            '|' => Ok(b'|'),
            '\t' => Ok(b'\t'),
            _ => Err(Error::field("separator", "use , ; | or a tab")),
        }
    }

    /// What ends the lines of a CSV file.
    pub(super) fn csv_line_end(&self) -> Result<&'static str> {
        match self.line_end.unwrap_or(LineEnd::Crlf) {
            LineEnd::Crlf => Ok("\r\n"),
            LineEnd::Lf => Ok("\n"),
            LineEnd::Cr | LineEnd::Mixed => Err(Error::field("line_end", "use crlf or lf")),
        }
    }

    /// The type of the file for HTTP and MIME.
    #[must_use]
    pub fn media_type(&self) -> String {
        match self.format {
            Format::Csv => {
                let label = self.csv_encoding().map(Encoding::label).unwrap_or_default();
                format!("text/csv; charset={label}; header=present")
            }
            Format::Vcard => "text/vcard; charset=utf-8".to_owned(),
            Format::JsonLines => "application/jsonl".to_owned(),
        }
    }

    /// How the name of such a file ends, without the dot: `csv`, `vcf` or `jsonl`.
    #[must_use]
    pub const fn extension(&self) -> &'static str {
        match self.format {
            Format::Csv => "csv",
            Format::Vcard => "vcf",
            Format::JsonLines => "jsonl",
        }
    }
}

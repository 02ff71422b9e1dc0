//! Checks templates, picks the one for a person, and renders it.
//!
//! Templates are Handlebars, cut down to what a message needs: variables, `if`, `unless`, `else`, `eq`, and
//! the helpers `date`, `plural` and `default` (`docs/templates.md`). There are no loops, partials, lookups or
//! raw blocks, so rendering takes time in proportion to the template, and a value of a contact is never read
//! as a template.

mod calls;
mod gaps;
mod grammar;
mod helpers;
#[cfg(test)]
mod tests;
mod values;

use std::io::{self, Write};

use chrono::NaiveDate;
use handlebars::{Handlebars, RenderErrorReason, Template as Compiled, no_escape};
use serde_json::Value;

use self::gaps::Gaps;
pub use self::gaps::{Gap, Problem};
pub use super::dates::day_and_month;
use super::{Template, TemplateFields};
use crate::contact::{Contact, ContactFields};
use crate::error::{Error, Result};
use crate::message::{Format, Occasion};

/// The name of the one template in each engine.
const TEXT: &str = "text";
/// Longest rendered text in bytes.
const LONGEST_OUTPUT: usize = 64 * 1024;
/// Longest template text in characters.
const LONGEST_CONTENT: usize = 10_000;
/// Longest subject of a template in characters.
const LONGEST_SUBJECT: usize = 500;
/// A text for one person.
#[derive(Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Subject on one line, never escaped.
    pub subject: Option<String>,
    /// The text.
    pub content: String,
    /// How to read it.
    pub format: Format,
}

impl std::fmt::Debug for Rendered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rendered({})", self.format.as_str())
    }
}

/// The variables a template may name, besides `custom.<field>`.
///
/// `docs/templates.md` says what each stands for.
#[must_use]
pub const fn variables() -> &'static [&'static str] {
    values::VARIABLES
}

/// Checks what is saved.
///
/// # Errors
/// `Invalid` for a name, subject or text that is missing or too long, and for a text that cannot be
/// read, uses an unknown variable or helper, or gives a helper other arguments than it takes: `plural` as many
/// forms as the template's language has.
pub fn check(fields: &TemplateFields) -> Result<()> {
    read(fields).map(drop)
}

/// Content and subject, read.
fn read(fields: &TemplateFields) -> Result<(Compiled, Option<Compiled>)> {
    let name = fields.name.trim().chars().count();
    if !(1..=200).contains(&name) || fields.name.chars().any(char::is_control) {
        return Err(Error::field("name", "use 1 to 200 characters on one line"));
    }
    let odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    if fields.content.trim().is_empty() || fields.content.chars().count() > LONGEST_CONTENT {
        return Err(Error::field("content", "use 1 to 10,000 characters"));
    }
    if fields.content.chars().any(odd) {
        return Err(Error::field(
            "content",
            "it must not hold control characters",
        ));
    }
    let content = compile("content", &fields.content, &fields.language)?;
    let mut line = None;
    if let Some(subject) = &fields.subject {
        if subject.trim().is_empty()
            || subject.chars().count() > LONGEST_SUBJECT
            || subject.chars().any(char::is_control)
        {
            return Err(Error::field(
                "subject",
                "use 1 to 500 characters on one line, or none",
            ));
        }
        line = Some(compile("subject", subject, &fields.language)?);
    }
    Ok((content, line))
}

/// Renders a template for a contact. `day` is the day the text is for, where the contact lives: `age` and
/// `turns` are counted from it.
///
/// # Errors
/// `Invalid` as [`check`], when the text names something the contact does not have (outside the
/// condition of an `if` or `unless`) or that is not what a helper needs, when nothing remains, and when it
/// grows over 64 KiB.
pub fn render(
    fields: &TemplateFields,
    contact: &ContactFields,
    day: NaiveDate,
) -> Result<Rendered> {
    Prepared::new(fields)?.render(contact, day)
}

/// Renders a template for a contact and lists what the contact does not give; the name of the variable in
/// double braces stands in its place.
///
/// # Errors
/// `Invalid` as [`check`], when nothing remains, and when it grows over 64 KiB.
pub fn preview(
    fields: &TemplateFields,
    contact: &ContactFields,
    day: NaiveDate,
) -> Result<(Rendered, Vec<Gap>)> {
    let gaps = Gaps::listed();
    let rendered = Prepared::with(fields, &gaps)?.render(contact, day)?;
    Ok((rendered, gaps.take()))
}

/// A template that was read once, to be rendered for many.
pub struct Prepared {
    content: Handlebars<'static>,
    subject: Option<Handlebars<'static>>,
    language: String,
    format: Format,
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Prepared({})", self.format.as_str())
    }
}

impl Prepared {
    /// Reads a template.
    ///
    /// # Errors
    /// As [`check`].
    pub fn new(fields: &TemplateFields) -> Result<Self> {
        Self::with(fields, &Gaps::default())
    }

    fn with(fields: &TemplateFields, gaps: &Gaps) -> Result<Self> {
        let (content, subject) = read(fields)?;
        let engine = |text, escape| engine(text, escape, &fields.language, gaps);
        Ok(Self {
            content: engine(content, fields.format == Format::Html),
            subject: subject.map(|subject| engine(subject, false)),
            language: fields.language.clone(),
            format: fields.format,
        })
    }

    /// Renders it for a contact, on that day.
    ///
    /// # Errors
    /// As [`render()`], except for what [`new`](Self::new) has refused.
    pub fn render(&self, contact: &ContactFields, day: NaiveDate) -> Result<Rendered> {
        let values = values::of(contact, &self.language, day);
        let content = one("content", &self.content, &values)?;
        if content.trim().is_empty() {
            return Err(Error::field(
                "content",
                "nothing remains of it for this contact",
            ));
        }
        let subject = match &self.subject {
            None => None,
            Some(subject) => {
                let line = one("subject", subject, &values)?;
                let line: String = line
                    .chars()
                    .map(|c| if c.is_control() { ' ' } else { c })
                    .collect();
                Some(line.trim().to_owned()).filter(|line| !line.is_empty())
            }
        };
        Ok(Rendered {
            subject,
            content,
            format: self.format,
        })
    }
}

/// The best template for a person: active, for the occasion, and for this segment and channel or for
/// all of them.
///
/// The language counts most, because it decides whether the text can be read: exactly the contact's,
/// else its primary subtag (`uz` for `uz-Cyrl`); others are never chosen. Then a template for the
/// segment goes before one for all, then one for the channel; of equal ones the first.
#[must_use]
pub fn choose<'a>(
    templates: impl IntoIterator<Item = &'a Template>,
    contact: &Contact,
    occasion: Occasion,
    channel: &str,
) -> Option<&'a Template> {
    let mut best: Option<(&Template, (bool, bool, bool))> = None;
    for template in templates {
        let fields = &template.fields;
        let exact = fields.language.eq_ignore_ascii_case(&contact.language);
        let primary = contact.language.split('-').next().unwrap_or_default();
        if !fields.is_active
            || fields.occasion_type != occasion
            || !(exact || fields.language.eq_ignore_ascii_case(primary))
            || fields
                .segment
                .as_ref()
                .is_some_and(|segment| *segment != contact.segment)
            || fields
                .channel
                .as_ref()
                .is_some_and(|wanted| wanted != channel)
        {
            continue;
        }
        let rank = (exact, fields.segment.is_some(), fields.channel.is_some());
        if best.is_none_or(|(_, known)| rank > known) {
            best = Some((template, rank));
        }
    }
    best.map(|(template, _)| template)
}

/// Reads a text after making sure that it holds nothing but the tags this module knows. That also
/// bounds the recursion of the parser behind.
fn compile(field: &str, text: &str, language: &str) -> Result<Compiled> {
    grammar::check(text, language).map_err(|message| Error::field(field, message))?;
    Compiled::compile(text)
        .map_err(|_| Error::field(field, "the {{tags}} of this text cannot be read"))
}

fn engine(template: Compiled, escape: bool, language: &str, gaps: &Gaps) -> Handlebars<'static> {
    let mut engine = Handlebars::new();
    engine.register_template(TEXT, template);
    engine.set_strict_mode(gaps.end_it());
    helpers::register(&mut engine, language, gaps);
    if !escape {
        engine.register_escape_fn(no_escape);
    }
    engine
}

fn one(field: &str, engine: &Handlebars<'_>, values: &Value) -> Result<String> {
    let mut output = Capped(Vec::new());
    engine
        .render_to_write(TEXT, values, &mut output)
        .map_err(|error| {
            let message = match error.reason() {
                RenderErrorReason::MissingVariable(Some(name)) => Gap {
                    variable: name.clone(),
                    problem: Problem::Missing,
                }
                .to_string(),
                RenderErrorReason::NestedError(cause) => match cause.downcast_ref::<Gap>() {
                    Some(gap) => gap.to_string(),
                    None => "it cannot be rendered for this contact".to_owned(),
                },
                RenderErrorReason::IOError(_) => "it grows longer than 64 KiB".to_owned(),
                _ => "it cannot be rendered for this contact".to_owned(),
            };
            Error::field(field, message)
        })?;
    String::from_utf8(output.0).map_err(|_| Error::field(field, "it cannot be rendered"))
}

/// Takes no more than the longest output.
struct Capped(Vec<u8>);

impl Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len().saturating_add(bytes.len()) > LONGEST_OUTPUT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

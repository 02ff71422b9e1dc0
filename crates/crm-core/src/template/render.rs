//! Checks templates, picks the one for a person, and renders it.
//!
//! Templates are Handlebars, cut down to what a greeting needs: variables, `if`, `unless`, `else` and
//! `eq`. There are no loops, partials, lookups or raw blocks, so rendering takes time in proportion to
//! the template, and a value of a contact is never read as a template.

mod grammar;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

use handlebars::{Handlebars, RenderErrorReason, Template as Compiled, no_escape};
use serde_json::{Map, Value};

use super::names::first_name;
use super::{Template, TemplateFields};
use crate::contact::{Birthday, Contact};
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
/// The variables of every workspace; `custom.<field>` comes on top.
const VARIABLES: &[&str] = &[
    "name",
    "first_name",
    "company",
    "position",
    "segment",
    "language",
    "birthday",
];

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
/// `birthday` is day and month in the template's language; `first_name` the first word of the name.
#[must_use]
pub const fn variables() -> &'static [&'static str] {
    VARIABLES
}

/// Checks what is saved.
///
/// # Errors
/// `Invalid` for a name, subject or text that is missing or too long, and for a text that cannot be
/// read or uses an unknown variable or helper.
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
    let content = compile("content", &fields.content)?;
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
        line = Some(compile("subject", subject)?);
    }
    Ok((content, line))
}

/// Renders a template for a contact.
///
/// # Errors
/// `Invalid` as [`check`], when the text names something the contact does not have (outside the
/// condition of an `if` or `unless`), when nothing remains, and when it grows over 64 KiB.
pub fn render(fields: &TemplateFields, contact: &Contact) -> Result<Rendered> {
    Prepared::new(fields)?.render(contact)
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
        let (content, subject) = read(fields)?;
        Ok(Self {
            content: engine(content, fields.format == Format::Html),
            subject: subject.map(|subject| engine(subject, false)),
            language: fields.language.clone(),
            format: fields.format,
        })
    }

    /// Renders it for a contact.
    ///
    /// # Errors
    /// As [`render`], except for what [`new`](Self::new) has refused.
    pub fn render(&self, contact: &Contact) -> Result<Rendered> {
        let values = values(contact, &self.language);
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

fn values(contact: &Contact, language: &str) -> Value {
    let mut values = Map::new();
    let mut put = |name: &str, value: Option<&str>| {
        if let Some(value) = value.map(str::trim).filter(|value| !value.is_empty()) {
            values.insert(name.to_owned(), Value::String(value.to_owned()));
        }
    };
    put("name", Some(&contact.name));
    put("first_name", Some(first_name(&contact.name)));
    put("company", contact.company.as_deref());
    put("position", contact.position.as_deref());
    put("segment", Some(&contact.segment));
    put("language", Some(&contact.language));
    let birthday = contact
        .birthday
        .map(|birthday| day_and_month(birthday, language));
    put("birthday", birthday.as_deref());
    let custom = contact
        .custom_fields
        .iter()
        .filter(|(_, value)| match value {
            Value::String(text) => !text.is_empty(),
            Value::Number(_) | Value::Bool(_) => true,
            _ => false,
        });
    let custom = custom
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    values.insert("custom".to_owned(), Value::Object(custom));
    Value::Object(values)
}

/// Day and month as the language writes them; `DD.MM` in others.
#[must_use]
pub fn day_and_month(birthday: Birthday, language: &str) -> String {
    const RU: &str =
        "января февраля марта апреля мая июня июля августа сентября октября ноября декабря";
    const EN: &str =
        "January February March April May June July August September October November December";
    const UZ: &str = "yanvar fevral mart aprel may iyun iyul avgust sentabr oktabr noyabr dekabr";
    const UZ_CYRL: &str =
        "январь февраль март апрель май июнь июль август сентябрь октябрь ноябрь декабрь";
    let lower = language.to_ascii_lowercase();
    let (months, joint) = match lower.split('-').next().unwrap_or_default() {
        "ru" => (RU, " "),
        "en" => (EN, " "),
        "uz" if lower.contains("-cyrl") => (UZ_CYRL, " "),
        "uz" => (UZ, "-"),
        _ => ("", "."),
    };
    let index = usize::try_from(birthday.month)
        .unwrap_or_default()
        .wrapping_sub(1);
    match months
        .split(' ')
        .nth(index)
        .filter(|month| !month.is_empty())
    {
        Some(month) => format!("{}{joint}{month}", birthday.day),
        None => format!("{:02}.{:02}", birthday.day, birthday.month),
    }
}

/// Reads a text after making sure that it holds nothing but the tags this module knows. That also
/// bounds the recursion of the parser behind.
fn compile(field: &str, text: &str) -> Result<Compiled> {
    grammar::check(text).map_err(|message| Error::field(field, message))?;
    Compiled::compile(text)
        .map_err(|_| Error::field(field, "the {{tags}} of this text cannot be read"))
}

fn engine(template: Compiled, escape: bool) -> Handlebars<'static> {
    let mut engine = Handlebars::new();
    engine.register_template(TEXT, template);
    engine.set_strict_mode(true);
    for helper in [
        "each", "with", "lookup", "raw", "log", "ne", "gt", "gte", "lt", "lte", "and", "or", "not",
        "len",
    ] {
        engine.unregister_helper(helper);
    }
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
                RenderErrorReason::MissingVariable(Some(name)) => {
                    format!("the contact has no value for {name}")
                }
                RenderErrorReason::ParamNotFoundForIndex(..) => {
                    "the contact has no value for a variable compared with eq".to_owned()
                }
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

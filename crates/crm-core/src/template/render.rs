//! Checks templates, picks the one for a person, and renders it.
//!
//! Templates are Handlebars, cut down to what a greeting needs: variables, `if`, `unless`, `else` and
//! `eq`. There are no loops, partials, lookups or raw blocks, so rendering takes time in proportion to
//! the template, and a value of a contact is never read as a template.

use std::io::{self, Write};

use handlebars::{Handlebars, RenderErrorReason, Template as Compiled, no_escape};
use serde_json::{Map, Value};

use super::{Template, TemplateFields};
use crate::contact::normalise::custom_name;
use crate::contact::{Birthday, Contact};
use crate::error::{Error, Result};
use crate::message::{Format, Occasion};

/// Longest rendered text in bytes.
const LONGEST_OUTPUT: usize = 64 * 1024;
/// Longest template text in characters.
const LONGEST_CONTENT: usize = 10_000;
/// Longest subject of a template in characters.
const LONGEST_SUBJECT: usize = 500;
/// Most tags in one text.
const TAGS: usize = 300;
/// Deepest nesting of blocks.
const DEPTH: usize = 32;
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
    compile("content", &fields.content)?;
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
        compile("subject", subject)?;
    }
    Ok(())
}

/// Renders a template for a contact.
///
/// # Errors
/// `Invalid` as [`check`], when the text names something the contact does not have (outside the
/// condition of an `if` or `unless`), when nothing remains, and when it grows over 64 KiB.
pub fn render(fields: &TemplateFields, contact: &Contact) -> Result<Rendered> {
    check(fields)?;
    let values = values(contact, &fields.language);
    let content = one(
        "content",
        &fields.content,
        &values,
        fields.format == Format::Html,
    )?;
    if content.trim().is_empty() {
        return Err(Error::field(
            "content",
            "nothing remains of it for this contact",
        ));
    }
    let subject = match &fields.subject {
        None => None,
        Some(subject) => {
            let line = one("subject", subject, &values, false)?;
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
        format: fields.format,
    })
}

/// The best template for a person: active, for the occasion, and for this segment and channel or for
/// all of them.
///
/// The language counts most, because it decides whether the text can be read: exactly the contact's,
/// else its primary subtag (`uz` for `uz-Cyrl`); others are never chosen. Then a template for the
/// segment goes before one for all, then one for the channel; of equal ones the first.
#[must_use]
pub fn choose<'a>(
    templates: &'a [Template],
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

/// The first word of a name.
#[must_use]
pub(crate) fn first_name(name: &str) -> &str {
    name.split_whitespace().next().unwrap_or_default()
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
    grammar(text).map_err(|message| Error::field(field, message))?;
    Compiled::compile(text)
        .map_err(|_| Error::field(field, "the {{tags}} of this text cannot be read"))
}

fn grammar(text: &str) -> Result<(), String> {
    let (mut rest, mut tags) = (text, 0);
    let mut open: Vec<(&str, bool)> = Vec::new();
    while let Some((before, after)) = rest.split_once("{{") {
        if before.ends_with('\\') {
            return Err("a backslash must not stand before {{".to_owned());
        }
        tags += 1;
        if tags > TAGS {
            return Err("use at most 300 tags".to_owned());
        }
        let end = if after.starts_with("!--") {
            "--}}"
        } else {
            "}}"
        };
        let (tag, behind) = after
            .split_once(end)
            .ok_or_else(|| format!("a tag is not closed with {end}"))?;
        rest = behind;
        if tag.starts_with('!') {
            continue;
        }
        let tag = tag.strip_prefix('~').unwrap_or(tag);
        let tag = tag.strip_suffix('~').unwrap_or(tag).trim();
        if let Some(block) = tag.strip_prefix('#') {
            let (helper, condition) = block.split_once(char::is_whitespace).unwrap_or((block, ""));
            if !matches!(helper, "if" | "unless") {
                return Err("only the blocks #if and #unless are offered".to_owned());
            }
            self::condition(condition)?;
            open.push((helper, false));
            if open.len() > DEPTH {
                return Err("blocks are nested deeper than 32".to_owned());
            }
        } else if let Some(helper) = tag.strip_prefix('/') {
            match open.pop() {
                Some((opened, _)) if opened == helper.trim() => {}
                _ => return Err("a block is closed that was not opened".to_owned()),
            }
        } else if tag == "else" {
            match open.last_mut() {
                Some((_, closed)) if !*closed => *closed = true,
                _ => return Err("an else stands outside its block".to_owned()),
            }
        } else if let Some(chained) = tag.strip_prefix("else ") {
            match (open.last(), chained.trim().strip_prefix("if ")) {
                (Some((_, false)), Some(condition)) => self::condition(condition)?,
                _ => return Err("after else only if is offered".to_owned()),
            }
        } else {
            variable(tag)?;
        }
    }
    if open.is_empty() {
        Ok(())
    } else {
        Err("a block is not closed".to_owned())
    }
}

fn condition(text: &str) -> Result<(), String> {
    let text = text.trim();
    let Some(inner) = text.strip_prefix('(') else {
        return variable(text);
    };
    let words = "use (eq variable \"text\") to compare";
    let inner = inner
        .strip_suffix(')')
        .and_then(|inner| inner.trim().strip_prefix("eq "));
    let (left, right) = inner
        .and_then(|two| two.trim().split_once(' '))
        .ok_or(words)?;
    variable(left)?;
    let right = right.trim();
    let quoted = ['"', '\'']
        .into_iter()
        .find_map(|quote| right.strip_prefix(quote)?.strip_suffix(quote));
    let odd = |c: char| matches!(c, '"' | '\'' | '\\' | '{' | '}' | '(' | ')') || c.is_control();
    match quoted {
        Some(text) if text.contains(odd) => Err(words.to_owned()),
        Some(_) => Ok(()),
        None if !right.is_empty()
            && right.len() <= 15
            && right.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            Ok(())
        }
        None if matches!(right, "true" | "false") => Ok(()),
        None => variable(right),
    }
}

fn variable(name: &str) -> Result<(), String> {
    let custom = name.strip_prefix("custom.").is_some_and(custom_name);
    if custom || VARIABLES.contains(&name) {
        return Ok(());
    }
    let plain = name.len() <= 80
        && !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'));
    let known = VARIABLES.join(", ");
    Err(if plain {
        format!("there is no variable {name}; use {known} or custom.<field>")
    } else {
        format!("a tag is not understood; use {known}, custom.<field>, #if, #unless and else")
    })
}

fn engine(escape: bool) -> Handlebars<'static> {
    let mut engine = Handlebars::new();
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

fn one(field: &str, text: &str, values: &Value, escape: bool) -> Result<String> {
    let mut engine = engine(escape);
    engine.register_template("text", compile(field, text)?);
    let mut output = Capped(Vec::new());
    engine
        .render_to_write("text", values, &mut output)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::contact::normalise::tests::contact;
    use crate::id::TemplateId;

    fn text(content: &str) -> TemplateFields {
        TemplateFields {
            name: "Текст".to_owned(),
            occasion_type: Occasion::Birthday,
            segment: None,
            channel: None,
            language: "ru".to_owned(),
            subject: None,
            content: content.to_owned(),
            format: Format::Text,
            is_active: true,
        }
    }

    fn written(content: &str, contact: &Contact) -> Result<String, String> {
        let rendered = render(&text(content), contact);
        rendered
            .map(|r| r.content)
            .map_err(|error| error.detail().to_owned())
    }

    #[test]
    fn values_are_put_in_and_conditions_hold() {
        let mut anna = contact("Анна Иванова");
        anna.fields.birthday = Birthday::parse("1990-03-08");
        anna.fields.custom_fields = [("level".to_owned(), json!("gold"))].into();
        let show = |content: &str| written(content, &anna).unwrap();
        assert_eq!(show("{{first_name}}, {{~ name }}!"), "Анна,Анна Иванова!");
        assert_eq!(show("{{birthday}} {{custom.level}}"), "8 марта gold");
        assert_eq!(
            show("a{{#if company}} из {{company}}{{else}}!{{/if}}"),
            "a!"
        );
        assert_eq!(
            show("{{#unless company}}без{{/unless}}{{! note }}{{!-- a }} b --}}"),
            "без"
        );
        let chain =
            "{{#if (eq segment \"VIP\")}}1{{else if (eq custom.level 'gold')}}2{{else}}3{{/if}}";
        assert_eq!(show(chain), "2");
    }

    #[test]
    fn absent_values_are_errors_that_name_the_variable() {
        let anna = contact("Анна");
        assert!(
            written("{{company}}", &anna)
                .unwrap_err()
                .contains("company")
        );
        assert!(
            written("{{custom.level}}", &anna)
                .unwrap_err()
                .contains("custom.level")
        );
        assert!(written("{{#if (eq company \"x\")}}a{{/if}}", &anna).is_err());
        assert!(
            written("{{#if company}}a{{/if}}", &anna)
                .unwrap_err()
                .contains("nothing remains")
        );
    }

    #[test]
    fn what_is_not_offered_is_refused_on_save() {
        for content in [
            "{{email}}",
            "{{{name}}}",
            "{{&name}}",
            "{{> x}}",
            "{{#each tags}}a{{/each}}",
            "{{lookup a b}}",
            "{{#with this}}a{{/with}}",
            "{{log name}}",
            "{{this}}",
            "{{../name}}",
            "{{@root.name}}",
            "{{#*inline \"a\"}}b{{/inline}}",
            "{{{{raw}}}}a{{{{/raw}}}}",
            "{{name",
            "{{/if}}",
            "{{else}}",
            "{{#if name}}a",
            "{{#if}}a{{/if}}",
            "\\{{name}}",
            "{{custom.A}}",
            "{{custom}}",
            "{{}}",
            "",
            " ",
            "{{#if (eq name)}}a{{/if}}",
            "{{#if (eq (eq name name) name)}}a{{/if}}",
            "{{#if a}}{{/unless}}",
            "{{#if name}}a{{else}}b{{else}}c{{/if}}",
            "{{name name}}",
            "a\0",
            "{{name}} {{\"a\"}}",
        ] {
            assert!(check(&text(content)).is_err(), "{content}");
        }
        let unknown = check(&text("{{email}}")).unwrap_err();
        assert!(unknown.detail().contains("no variable email"), "{unknown}");
        assert!(check(&text(&"(".repeat(10_000))).is_ok());
        assert!(check(&text(&"a".repeat(10_001))).is_err());
        assert!(check(&text(&format!("{{{{{}", "(eq ".repeat(2_000)))).is_err());
        let nested = |n| format!("{}a{}", "{{#if name}}".repeat(n), "{{/if}}".repeat(n));
        assert!(check(&text(&nested(32))).is_ok());
        assert!(check(&text(&nested(33))).is_err());
        let named = TemplateFields {
            name: " ".to_owned(),
            ..text("a")
        };
        assert!(check(&named).is_err());
    }

    #[test]
    fn only_html_is_escaped_and_never_the_subject() {
        let mut anna = contact("Анна");
        anna.fields.company = Some("<b>\"R&D\" {{name}}</b>\nX: y".to_owned());
        let mut fields = text("<p>{{company}}</p>");
        fields.subject = Some("{{company}}".to_owned());
        let plain = render(&fields, &anna).unwrap();
        assert_eq!(plain.content, "<p><b>\"R&D\" {{name}}</b>\nX: y</p>");
        fields.format = Format::Html;
        let html = render(&fields, &anna).unwrap();
        assert!(
            html.content.starts_with("<p>&lt;b&gt;&quot;R&amp;D"),
            "{}",
            html.content
        );
        assert_eq!(
            html.subject.as_deref(),
            Some("<b>\"R&D\" {{name}}</b> X: y")
        );
    }

    #[test]
    fn the_output_is_capped() {
        let mut anna = contact("Анна");
        anna.fields.custom_fields = [("a".to_owned(), json!("x".repeat(1_000)))].into();
        assert!(written(&"{{custom.a}}".repeat(65), &anna).is_ok());
        assert!(
            written(&"{{custom.a}}".repeat(66), &anna)
                .unwrap_err()
                .contains("64 KiB")
        );
    }

    fn stored(change: impl FnOnce(&mut TemplateFields)) -> Template {
        let mut fields = text("a");
        change(&mut fields);
        Template {
            workspace: crate::Workspace::default(),
            id: TemplateId(uuid::Uuid::from_u128(1)),
            version: 1,
            fields,
            created_by: "olga".to_owned(),
            created_at: chrono::DateTime::UNIX_EPOCH,
            updated_at: chrono::DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn the_closest_template_is_chosen() {
        let mut anna = contact("Анна");
        anna.fields.segment = "VIP".to_owned();
        anna.fields.language = "uz-Cyrl".to_owned();
        let all = [
            stored(|_| ()),
            stored(|t| t.language = "uz".to_owned()),
            stored(|t| {
                t.language = "uz".to_owned();
                t.segment = Some("VIP".to_owned());
            }),
            stored(|t| t.language = "uz-Cyrl".to_owned()),
            stored(|t| {
                t.language = "uz-Cyrl".to_owned();
                t.channel = Some("email".to_owned());
            }),
            stored(|t| {
                t.language = "uz-Cyrl".to_owned();
                t.segment = Some("VIP".to_owned());
                t.is_active = false;
            }),
        ];
        let pick = |all: &[Template], channel| {
            let chosen = choose(all, &anna, Occasion::Birthday, channel);
            chosen.and_then(|chosen| all.iter().position(|one| std::ptr::eq(one, chosen)))
        };
        assert_eq!(pick(&all, "email"), Some(4));
        assert_eq!(pick(&all, "sms"), Some(3));
        assert_eq!(pick(&all[..3], "sms"), Some(2));
        assert_eq!(pick(&all[..2], "sms"), Some(1));
        assert_eq!(pick(&all[..1], "sms"), None);
        assert!(choose(&all, &anna, Occasion::NewYear, "email").is_none());
    }

    #[test]
    fn dates_follow_the_language() {
        let date = Birthday::parse("--12-01").unwrap();
        let shown = ["ru", "en-GB", "uz", "uz-Cyrl", "de"].map(|tag| day_and_month(date, tag));
        assert_eq!(
            shown,
            ["1 декабря", "1 December", "1-dekabr", "1 декабрь", "01.12"]
        );
    }

    proptest! {
        #[test]
        fn whatever_is_written_never_panics(
            parts in prop::collection::vec(prop_oneof![
                Just("{{"), Just("}}"), Just("#if "), Just("name"), Just("/if"), Just("else"), Just(" "),
                Just("(eq "), Just(")"), Just("\"x\""), Just("~"), Just("!--"), Just("\\"), Just("{"),
                Just("{{#if name}}"), Just("{{else}}"), Just("{{/if}}"), Just("{{name}}"), Just("как"),
            ], 0..12),
            name in "\\PC{1,12}",
        ) {
            let fields = text(&parts.concat());
            let checked = check(&fields).is_ok();
            prop_assert!(checked || render(&fields, &contact(&name)).is_err());
        }

        #[test]
        fn names_come_out_as_they_are(name in "[^\\s\\p{C}]{1,20}") {
            prop_assert_eq!(written("{{name}}", &contact(&name)), Ok(name));
        }
    }
}

//! Brings what a host says about a person into one form, or says everything that is wrong with it.

use std::collections::{BTreeMap, BTreeSet};

use email_address::{EmailAddress, Options};
use phonenumber::metadata::DATABASE;
use phonenumber::{Mode, country};
use serde_json::Value;

use super::definition::Definitions;
use super::{Birthday, ContactFields};
use crate::error::{Error, FieldError, Result};

/// Longest serialized form of all custom fields together, in bytes.
const CUSTOM_FIELDS_BYTES: usize = 16 * 1024;
/// Most tags, and most consent decisions, of one contact.
const MANY: usize = 100;
/// Most preferred channels of one contact.
const MANY_CHANNELS: usize = 20;
/// Longest segment, tag, channel or zone name in characters.
pub(crate) const LONGEST_WORD: usize = 64;
/// Longest free text of one line in characters.
const LONGEST_LINE: usize = 200;

/// The country whose phone numbers may be written without its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region(country::Id);

impl Region {
    /// Reads two letters of ISO 3166-1, in any case: `UZ`.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) when no country with phone numbers is called so.
    pub fn parse(text: &str) -> Result<Self> {
        let country = text.trim().to_ascii_uppercase().parse().map(Self);
        country.map_err(|_| Error::field("region", "use two letters of a country, for example UZ"))
    }
}

impl Default for Region {
    fn default() -> Self {
        Self(country::UZ)
    }
}

impl std::fmt::Display for Region {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_ref())
    }
}

impl serde::Serialize for Region {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Region {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|_| serde::de::Error::custom("a region is two letters"))
    }
}

#[derive(Default)]
struct Problems(Vec<FieldError>);

impl Problems {
    fn add(&mut self, field: &str, message: &str) {
        self.0.push(FieldError {
            field: field.to_owned(),
            message: message.to_owned(),
        });
    }

    /// The trimmed text when there is one; `read` says what it becomes or what is wrong with it.
    fn optional(
        &mut self,
        field: &str,
        text: Option<String>,
        read: impl FnOnce(&str) -> Result<String, &'static str>,
    ) -> Option<String> {
        let text = text?;
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        read(text).map_err(|message| self.add(field, message)).ok()
    }
}

/// Trims, checks and normalises the fields; all problems are reported together.
///
/// Empty optional texts become `None`, the e-mail becomes lower case, phone numbers become E.164 (a
/// number without a country code is read as one of Uzbekistan), the language gets the case of BCP 47 and
/// custom fields that are `null` are dropped. Normalising twice changes nothing.
///
/// # Errors
/// [`Invalid`](crate::ErrorKind::Invalid) with one entry per refused field; values are never repeated.
pub fn normalise(fields: ContactFields) -> Result<ContactFields> {
    normalise_of(fields, Region::default())
}

/// As [`normalise`]; a phone number without a country code is read as one of `region`.
///
/// # Errors
/// As [`normalise`].
pub fn normalise_of(fields: ContactFields, region: Region) -> Result<ContactFields> {
    let rules = Rules {
        region,
        ..Rules::default()
    };
    normalise_by(fields, &rules)
}

/// What values are read by.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rules<'a> {
    /// The country of phone numbers without a country code.
    pub region: Region,
    /// What the workspace says about its custom fields.
    pub definitions: Option<&'a Definitions>,
    /// The custom fields that the contact has already: a value that stays as it is needs no definition to fit.
    pub kept: Option<&'a BTreeMap<String, Value>>,
}

/// As [`normalise`], by the rules of a workspace: values of custom fields that are defined are
/// [read](super::definition::DefinitionFields::read) as one of their type.
///
/// # Errors
/// As [`normalise`]; a value that does not fit its definition is told as `custom_fields.` and the name of the field.
pub fn normalise_by(fields: ContactFields, rules: &Rules<'_>) -> Result<ContactFields> {
    let region = rules.region;
    let mut problems = Problems::default();
    let name = fields.name.trim().to_owned();
    if line(&name, LONGEST_LINE).is_err() || name.is_empty() {
        problems.add("name", "use 1 to 200 characters on one line");
    }
    let segment = fields.segment.trim().to_owned();
    if line(&segment, LONGEST_WORD).is_err() || segment.is_empty() {
        problems.add("segment", "use 1 to 64 characters on one line");
    }
    let language = language(fields.language.trim()).unwrap_or_else(|| {
        problems.add(
            "language",
            "use a language tag, for example ru, en, uz or uz-Cyrl",
        );
        String::new()
    });
    let text = |text: &str| line(text, LONGEST_LINE);
    let normal = ContactFields {
        name,
        segment,
        language,
        external_id: problems.optional("external_id", fields.external_id, text),
        email: problems.optional("email", fields.email, email),
        phone: problems.optional("phone", fields.phone, |text| phone(text, region)),
        telegram_chat_id: problems.optional("telegram_chat_id", fields.telegram_chat_id, telegram),
        whatsapp: problems.optional("whatsapp", fields.whatsapp, |text| phone(text, region)),
        company: problems.optional("company", fields.company, text),
        position: problems.optional("position", fields.position, text),
        time_zone: problems.optional("time_zone", fields.time_zone, |name| {
            crate::zone::parse(name)
                .map(|zone| zone.name().to_owned())
                .map_err(|_| "use an IANA time zone name, for example Asia/Tashkent")
        }),
        birthday: fields.birthday,
        tags: tags(fields.tags, &mut problems),
        custom_fields: custom_fields(fields.custom_fields, rules, &mut problems),
        preferred_channels: channels(fields.preferred_channels, &mut problems),
        consent: fields.consent,
        last_interaction_date: fields.last_interaction_date,
    };
    // The fields of a birthday are open, so that one can be made that no calendar knows.
    if normal
        .birthday
        .is_some_and(|date| Birthday::parse(&date.to_string()) != Some(date))
    {
        problems.add("birthday", "use a real date as YYYY-MM-DD or --MM-DD");
    }
    let refused = normal.consent.iter().any(|consent| {
        let evidence = consent.evidence.as_deref().unwrap_or_default();
        consent.channel.trim() != consent.channel
            || consent.channel.is_empty()
            || line(&consent.channel, LONGEST_WORD).is_err()
            || line(evidence, LONGEST_LINE).is_err()
    });
    if refused || normal.consent.len() > MANY {
        problems.add(
            "consent",
            "name a channel or * and keep the evidence to 200 characters",
        );
    }
    if problems.0.is_empty() {
        Ok(normal)
    } else {
        Err(Error::fields_invalid(problems.0))
    }
}

fn line(text: &str, longest: usize) -> Result<String, &'static str> {
    if text.chars().any(char::is_control) {
        return Err("use one line without control characters");
    }
    if text.chars().count() > longest {
        return Err("it is too long");
    }
    Ok(text.to_owned())
}

/// The e-mail in lower case, if mail can be delivered to it on the public internet.
fn email(text: &str) -> Result<String, &'static str> {
    const REFUSED: &str = "use an e-mail address, for example anna@example.org";
    let text = text.to_lowercase();
    let options = Options::default()
        .without_display_text()
        .without_domain_literal();
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '(' | ')' | '\\');
    if text.len() > 254 || text.chars().any(odd) || text.starts_with('-') {
        return Err(REFUSED);
    }
    EmailAddress::parse_with_options(&text, options).map_err(|_| REFUSED)?;
    let (_, domain) = text.rsplit_once('@').ok_or(REFUSED)?;
    let (_, last) = domain.rsplit_once('.').ok_or(REFUSED)?;
    let label = |label: &str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
    // A last label of digits is an IP address, not a name.
    if !domain.split('.').all(label) || last.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(REFUSED);
    }
    Ok(text)
}

/// The number in E.164.
fn phone(text: &str, region: Region) -> Result<String, &'static str> {
    const REFUSED: &str = "use a phone number with its country code, for example +998901234567";
    let known =
        |c: char| c.is_ascii_digit() || matches!(c, '+' | '(' | ')' | '-' | '.' | '/' | ' ');
    let text = text.replace('\u{a0}', " ");
    if text.len() > 40 || !text.chars().all(known) {
        return Err(REFUSED);
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let international = text.starts_with('+') && !text.get(1..).is_some_and(|t| t.contains('+'));
    if !international && text.contains('+') {
        return Err(REFUSED);
    }
    // Written in Uzbekistan with the trunk prefix 8 or with the country code and no plus.
    let number = match (international, digits.len()) {
        (true, _) => format!("+{digits}"),
        (false, 10) if region.0 == country::UZ && digits.starts_with('8') => format!("+99{digits}"),
        (false, 12) if digits.starts_with("998") => format!("+{digits}"),
        _ => digits,
    };
    let valid = |text: &str| {
        let number = phonenumber::parse(Some(region.0), text).ok()?;
        phonenumber::is_valid(&number).then_some(number)
    };
    // Where numbers begin like the country's own code (7 012... in Kazakhstan), that may have been taken for it.
    let inside = || {
        let id: &str = region.0.as_ref();
        let country = DATABASE.by_id(id)?;
        valid(&format!("+{}{number}", country.country_code())).filter(|_| !international)
    };
    let number = valid(&number).or_else(inside).ok_or(REFUSED)?;
    Ok(number.format().mode(Mode::E164).to_string())
}

/// A chat id (negative for groups) or a public name with its `@`.
fn telegram(text: &str) -> Result<String, &'static str> {
    let id = text.strip_prefix('-').unwrap_or(text);
    let number = id.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<i64>().is_ok();
    let named = text.strip_prefix('@').is_some_and(|name| {
        (4..=32).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    });
    if number || named {
        Ok(text.to_owned())
    } else {
        Err("use a chat id of digits or a public name, for example @example")
    }
}

/// The language tag in the case BCP 47 recommends.
pub(crate) fn language(text: &str) -> Option<String> {
    if text.len() > LONGEST_WORD {
        return None;
    }
    let mut parts = text.split('-');
    let first = parts.next()?;
    if !(2..=3).contains(&first.len()) || !first.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return None;
    }
    let mut tag = first.to_ascii_lowercase();
    for part in parts {
        if !(2..=8).contains(&part.len()) || !part.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return None;
        }
        let letters = part.bytes().all(|byte| byte.is_ascii_alphabetic());
        let lower = part.to_ascii_lowercase();
        tag.push('-');
        match part.len() {
            2 if letters => tag.push_str(&part.to_ascii_uppercase()),
            4 if letters => {
                let mut chars = lower.chars();
                tag.extend(chars.next().map(|c| c.to_ascii_uppercase()));
                tag.push_str(chars.as_str());
            }
            _ => tag.push_str(&lower),
        }
    }
    Some(tag)
}

fn tags(tags: BTreeSet<String>, problems: &mut Problems) -> BTreeSet<String> {
    let trimmed = tags.iter().map(|tag| tag.trim().to_owned());
    let tags: BTreeSet<String> = trimmed.filter(|tag| !tag.is_empty()).collect();
    if tags.len() > MANY || tags.iter().any(|tag| line(tag, LONGEST_WORD).is_err()) {
        problems.add(
            "tags",
            "use at most 100 tags of at most 64 characters on one line",
        );
    }
    tags
}

fn channels(channels: Vec<String>, problems: &mut Problems) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in channels {
        let name = name.trim();
        if !name.is_empty() && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    if names.len() > MANY_CHANNELS || names.iter().any(|name| line(name, LONGEST_WORD).is_err()) {
        problems.add("preferred_channels", "use at most 20 channel names");
    }
    names
}

/// Whether a custom field may have this name: `[a-z_][a-z0-9_]{0,63}`.
#[must_use]
pub(crate) fn custom_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn custom_fields(
    fields: BTreeMap<String, Value>,
    rules: &Rules<'_>,
    problems: &mut Problems,
) -> BTreeMap<String, Value> {
    let fields: BTreeMap<String, Value> = fields
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .filter_map(|(name, value)| fitted(name, value, rules, problems))
        .collect();
    let odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    if !fields.keys().all(|name| custom_name(name)) {
        problems.add(
            "custom_fields",
            "name fields with a-z, 0-9 and _, for example loyalty_level",
        );
    }
    for value in fields.values() {
        match value {
            Value::String(text) if text.chars().any(odd) => {
                problems.add("custom_fields", "values must not hold control characters");
            }
            Value::Array(_) | Value::Object(_) => {
                problems.add("custom_fields", "values are texts, numbers, true or false");
            }
            _ => {}
        }
    }
    let bytes = serde_json::to_vec(&fields).map_or(usize::MAX, |json| json.len());
    if bytes > CUSTOM_FIELDS_BYTES {
        problems.add("custom_fields", "together they are longer than 16 KiB");
    }
    fields
}

/// The value as its definition has it, or as it is when there is none, or when it was there before.
fn fitted(
    name: String,
    value: Value,
    rules: &Rules<'_>,
    problems: &mut Problems,
) -> Option<(String, Value)> {
    let definition = rules.definitions.and_then(|all| all.get(&name));
    let kept = rules.kept.and_then(|kept| kept.get(&name));
    let Some(definition) = definition.filter(|_| kept != Some(&value)) else {
        return Some((name, value));
    };
    match definition.read(&value) {
        Ok(value) => value.map(|value| (name, value)),
        Err(message) => {
            problems.add(&format!("custom_fields.{name}"), &message);
            None
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;

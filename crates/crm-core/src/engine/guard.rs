//! What the guardrails find in a text when it is written: the house's rules, the contact and what the text was made
//! from, put together for the pure checks.

use std::cmp::Reverse;
use std::collections::HashSet;

use super::Engine;
use super::write::{House, Wanted, Written};
use crate::contact::{Contact, ContactFields};
use crate::generation;
use crate::guardrail::{self, Context, Draft, Finding, Others, Part, Rule, Rules, injection};
use crate::message::decide::Text;
use crate::message::guard::seen;
use crate::message::{GeneratedBy, Message};
use crate::port::units::Unit;
use crate::template::fallback;
use crate::zone;

/// Most findings of one text that are kept: a person reads no more.
const MOST: usize = 100;

/// What a text was made from.
#[derive(Default)]
struct Origin<'a> {
    /// What may be said.
    sources: Vec<&'a str>,
    /// The language it was to be in, if it is not the contact's.
    language: Option<&'a str>,
    /// Whether a model wrote it, so that it may leak its rules or obey a field of the contact.
    model: bool,
}

impl Engine {
    /// In a text from the model, a template or a greeting.
    pub(crate) fn findings_of_written(
        &self,
        contact: &Contact,
        written: &Written,
        wanted: &Wanted<'_>,
        house: House<'_>,
    ) -> Vec<Finding> {
        let model = written.generated_by == GeneratedBy::Ai;
        let mut origin = Origin {
            sources: wanted
                .task
                .context
                .into_iter()
                .chain(wanted.task.instruction)
                .collect(),
            model,
            ..Origin::default()
        };
        let id = written.metadata.template_id;
        let template = house
            .templates
            .iter()
            .find(|template| Some(template.id) == id);
        // What a person without a name would be greeted with is what is built in.
        let greeting = (!model && id.is_none())
            .then(|| fallback::greeting(wanted.task.occasion, &nameless(contact)));
        // What the house says of itself may be said.
        let voice = &house.voice.fields;
        if model {
            origin.sources.push(&voice.about);
            origin.sources.extend(voice.signature.as_deref());
        }
        if let Some(template) = template {
            origin.language = Some(&template.fields.language);
            origin.sources.push(&template.fields.content);
            origin.sources.extend(template.fields.subject.as_deref());
        } else if let Some(greeting) = &greeting {
            origin.language = Some(fallback::language(&contact.language));
            origin.sources.push(&greeting.content);
            origin.sources.extend(greeting.subject.as_deref());
        }
        self.findings(contact, &written.text, wanted.channel, &origin)
    }

    /// In a text that a person or the host wrote, or a model of the host's: what they say of their own they may say.
    pub(crate) fn findings_of_own(
        &self,
        contact: &Contact,
        text: &Text,
        channel: &str,
        by: GeneratedBy,
    ) -> Vec<Finding> {
        let content = seen(&text.content, text.format);
        let sources = text.subject.as_deref().into_iter().chain([&*content]);
        let origin = Origin {
            sources: sources.collect(),
            model: by == GeneratedBy::Ai,
            ..Origin::default()
        };
        self.findings(contact, text, channel, &origin)
    }

    /// In a text that a person changed. Whatever was in the text before and was no finding had its source, and
    /// what they add is their own; so only what was found before, and still stands there, is found again.
    pub(crate) fn findings_of_edited(
        &self,
        contact: &Contact,
        before: &Message,
        text: &Text,
    ) -> Vec<Finding> {
        let revision = &before.revision;
        let old = seen(&revision.content, revision.format);
        let new = seen(&text.content, text.format);
        let old_subject = revision.subject.as_deref().unwrap_or_default();
        let new_subject = text.subject.as_deref().unwrap_or_default();
        let of = |part| before.findings.iter().filter(move |it| it.part == part);
        let mut sources = vec![
            without(&old, of(Part::Content)),
            without(old_subject, of(Part::Subject)),
        ];
        let known: HashSet<&str> = old
            .split_whitespace()
            .chain(old_subject.split_whitespace())
            .collect();
        sources.extend(added(&new, &known));
        sources.extend(added(new_subject, &known));
        let origin = Origin {
            sources: sources.iter().map(String::as_str).collect(),
            language: None,
            model: before.generated_by == GeneratedBy::Ai,
        };
        self.findings(contact, text, &before.channel, &origin)
    }

    fn findings(
        &self,
        contact: &Contact,
        text: &Text,
        channel: &str,
        origin: &Origin<'_>,
    ) -> Vec<Finding> {
        // It will not be saved.
        if text.check().is_err() {
            return Vec::new();
        }
        let (max_length, parts) = match self.channel(channel) {
            Ok((channel, capabilities)) => {
                let units = channel.units(text.subject.as_deref(), &text.content);
                let parts = (units.unit == Unit::Part).then_some(units.count);
                (capabilities.max_length, parts)
            }
            Err(_) => (None, None),
        };
        let zone = contact.zone_or(self.policy().time_zone);
        let content = seen(&text.content, text.format);
        let prompt: &[&str] = if origin.model {
            &[generation::RULES]
        } else {
            &[]
        };
        let context = Context {
            rules: self.guardrails(),
            contact,
            language: origin.language.unwrap_or(&contact.language),
            max_length,
            sources: &origin.sources,
            prompt,
            others: &Others::default(),
            today: Some(zone::date(self.now(), zone)),
        };
        let draft = Draft {
            subject: text.subject.as_deref(),
            content: &content,
            parts,
        };
        let mut found = guardrail::check(&draft, &context);
        if origin.model {
            found.extend(orders(contact, self.guardrails()));
        }
        if found.len() > MOST {
            found.sort_by_key(|finding| Reverse(finding.severity));
            found.truncate(MOST);
            guardrail::sort(&mut found);
        }
        found
    }
}

/// Fields of the contact that read like orders to the model that was given them.
fn orders(contact: &ContactFields, rules: &Rules) -> Vec<Finding> {
    let Some(severity) = rules.severity(Rule::Injection) else {
        return Vec::new();
    };
    let named = [
        ("name", Some(contact.name.as_str())),
        ("segment", Some(&contact.segment)),
        ("company", contact.company.as_deref()),
        ("position", contact.position.as_deref()),
        ("external_id", contact.external_id.as_deref()),
    ];
    let named = named
        .into_iter()
        .filter_map(|(name, field)| Some((name, field?)));
    let tags = contact.tags.iter().map(|tag| ("tags", tag.as_str()));
    let custom = contact.custom_fields.values();
    let custom = custom.filter_map(|value| Some(("custom_fields", value.as_str()?)));
    let fields = named.chain(tags).chain(custom);
    let found = fields.filter_map(|(name, field)| {
        let finding = injection::looks_like_instruction(field)?;
        Some(Finding {
            severity,
            message: format!("{} in the field {name}", finding.message),
            ..finding
        })
    });
    found.take(MOST).collect()
}

fn nameless(contact: &Contact) -> Contact {
    Contact {
        fields: ContactFields {
            language: contact.language.clone(),
            ..ContactFields::default()
        },
        ..contact.clone()
    }
}

/// The text without what was found in it.
fn without<'f>(text: &str, findings: impl Iterator<Item = &'f Finding>) -> String {
    let spans: Vec<_> = findings
        .filter_map(|finding| finding.span.clone())
        .collect();
    let kept = text.chars().enumerate().map(|(at, c)| {
        let found = spans.iter().any(|span| span.contains(&at));
        if found { ' ' } else { c }
    });
    kept.collect()
}

/// The runs of words that are not `known`.
fn added(text: &str, known: &HashSet<&str>) -> Vec<String> {
    let mut runs: Vec<String> = Vec::new();
    let mut open = false;
    for word in text.split_whitespace() {
        if known.contains(word) {
            open = false;
            continue;
        }
        match runs.last_mut().filter(|_| open) {
            Some(run) => {
                run.push(' ');
                run.push_str(word);
            }
            None => runs.push(word.to_owned()),
        }
        open = true;
    }
    runs
}

/// The house's rules, with the host where people say yes among the allowed ones: the engine itself sends them
/// there.
pub(super) fn completed(mut rules: Rules, opt_in_url: Option<&str>) -> Rules {
    let host = opt_in_url
        .and_then(|url| url.split_once("://"))
        .and_then(|(_, rest)| rest.split(['/', '?', '#']).next())
        .and_then(|authority| authority.rsplit('@').next())
        .and_then(|host| host.split(':').next());
    if let Some(host) = host.filter(|_| !rules.allowed_hosts.is_empty()) {
        rules.allowed_hosts.push(host.to_owned());
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_that_were_not_there_are_somebodys_own() {
        let known: HashSet<&str> = "Анна, ждём вас в среду".split_whitespace().collect();
        assert_eq!(
            added("Анна, мы ждём Петра Ли в среду, 5 мая", &known),
            ["мы", "Петра Ли", "среду, 5 мая"]
        );
    }

    #[test]
    fn the_host_of_our_own_links_joins_a_list_and_makes_none() {
        let url = Some("https://crm.example.org:8443/o/");
        assert_eq!(completed(Rules::default(), url), Rules::default());
        let rules = Rules {
            allowed_hosts: vec!["shop.uz".to_owned()],
            ..Rules::default()
        };
        let hosts = completed(rules.clone(), url).allowed_hosts;
        assert_eq!(hosts, ["shop.uz", "crm.example.org"]);
        assert_eq!(completed(rules.clone(), None), rules);
    }
}

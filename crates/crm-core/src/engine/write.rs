//! Writing one text: a model, else another one, else a template in the contact's language, else a built-in
//! greeting. What comes after a setback is decided by [`next_step`].

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};

use super::Engine;
use super::spend::{NoDraft, Purpose};
use crate::contact::Contact;
use crate::error::Result;
use crate::generation::{self, Patience, Prompt, Setback, Step, Task, Voice, check, next_step};
use crate::guardrail::Finding;
use crate::id::TemplateId;
use crate::message::decide::Text;
use crate::message::{Format, GeneratedBy, Provenance, StandIn};
use crate::port::channel::ChannelCapabilities;
use crate::port::llm::{Draft, Usage};
use crate::template::{Template, fallback, render};

/// What a text is wanted for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) task: Task<'a>,
    pub(crate) channel: &'a str,
    /// When it is meant to leave; `None` for now. Ages in templates are counted on that day.
    pub(crate) leaves: Option<DateTime<Utc>>,
    /// The one template to use: its id, its version and its text.
    pub(crate) template: Option<(TemplateId, u64, &'a render::Prepared)>,
    /// Whether to go without a text for now rather than have something stand in for the models.
    pub(crate) rather_wait: bool,
}

/// What of the house's own goes into texts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct House<'a> {
    pub(crate) voice: &'a Voice,
    pub(crate) templates: &'a [Template],
}

/// A text and where it came from.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) text: Text,
    pub(crate) generated_by: GeneratedBy,
    pub(crate) metadata: Provenance,
    /// What the guardrails find in it.
    pub(crate) findings: Vec<Finding>,
}

/// What became of it.
#[derive(Debug)]
pub(crate) enum Drafted {
    /// There is a text.
    Written(Box<Written>),
    /// No model writes now, and it was to be waited for.
    Waits {
        /// Why, as a stable code.
        reason: String,
        /// How long, if the model said.
        wait: Option<Duration>,
    },
    /// Somebody else drafts it.
    Taken,
}

/// How somebody waits for models.
#[async_trait]
pub(crate) trait Waits: Send + Sync {
    /// How long.
    fn patience(&self) -> Patience;

    /// Waits until the model of this number may be asked; why not, and for how long, if that takes too long.
    async fn ready(&self, model: usize) -> Result<(), (String, Duration)>;

    /// Notes what a model was set back by.
    fn note(&self, model: usize, setback: Setback, code: &str);

    /// Waits before the same model is asked again.
    async fn pause(&self, model: usize, wait: Duration);
}

/// A person who sits and waits: for seconds, where the program can wait at all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hurried;

#[async_trait]
impl Waits for Hurried {
    fn patience(&self) -> Patience {
        let longest = if cfg!(feature = "worker") { 3 } else { 0 };
        Patience {
            longest: Duration::from_secs(longest),
            unsaid: None,
        }
    }

    async fn ready(&self, _model: usize) -> Result<(), (String, Duration)> {
        Ok(())
    }

    fn note(&self, _model: usize, _setback: Setback, _code: &str) {}

    async fn pause(&self, _model: usize, wait: Duration) {
        #[cfg(feature = "worker")]
        tokio::time::sleep(wait).await;
        #[cfg(not(feature = "worker"))]
        let _ = wait;
    }
}

/// What the calls for one text cost together.
#[derive(Debug, Clone, Copy, Default)]
struct Spent {
    input: u64,
    output: u64,
    picodollars: u64,
}

/// The most that is believed of one call: a milliard of tokens, and ten thousand dollars.
const MANY_TOKENS: u64 = 1_000_000_000;
const MUCH_MONEY: u64 = 10_000_000_000_000_000;

impl Spent {
    fn add(&mut self, usage: &Usage, picodollars: u64) {
        self.input += usage.prompt_tokens().min(MANY_TOKENS);
        self.output += usage.output_tokens.min(MANY_TOKENS);
        self.picodollars += picodollars.min(MUCH_MONEY);
    }
}

/// What the models came to.
enum Models {
    Wrote(Box<Draft>, usize),
    None(Setback, Option<Duration>),
    Taken,
}

/// The course of one text.
struct Course {
    spent: Spent,
    /// Why the first model did not write it.
    error: Option<String>,
}

impl Engine {
    /// Writes a text for one contact. Never fails for want of a model: what stood in says why it did.
    pub(crate) async fn write_text(
        &self,
        contact: &Contact,
        wanted: &Wanted<'_>,
        house: House<'_>,
        capabilities: &ChannelCapabilities,
        purpose: &Purpose<'_>,
        waits: &dyn Waits,
    ) -> Result<Drafted> {
        let composed = self.compose(contact, wanted, house, capabilities, purpose, waits);
        let mut drafted = composed.await?;
        if let Drafted::Written(written) = &mut drafted {
            written.findings = self.findings_of_written(contact, written, wanted, house);
        }
        Ok(drafted)
    }

    async fn compose(
        &self,
        contact: &Contact,
        wanted: &Wanted<'_>,
        house: House<'_>,
        capabilities: &ChannelCapabilities,
        purpose: &Purpose<'_>,
        waits: &dyn Waits,
    ) -> Result<Drafted> {
        if let Some((id, version, template)) = wanted.template {
            let rendered = template.render(contact, self.day_of(contact, wanted))?;
            let mut written = self.rendered(contact, rendered, wanted, capabilities);
            written.metadata.template_id = Some(id);
            written.metadata.template_version = Some(version);
            return Ok(Drafted::Written(Box::new(written)));
        }
        let prompt = generation::prompt(contact, &wanted.task, house.voice, capabilities);
        let mut course = Course {
            spent: Spent::default(),
            error: None,
        };
        let models = self.models();
        let (setback, wait) = if models.is_empty() {
            course.error = Some("no_model".to_owned());
            (Setback::Stopped, None)
        } else {
            match self
                .ask_models(&prompt, purpose, waits, &mut course)
                .await?
            {
                Models::Taken => return Ok(Drafted::Taken),
                Models::None(setback, wait) => (setback, wait),
                Models::Wrote(draft, number) => {
                    let written =
                        self.by_model(*draft, number, prompt, wanted, capabilities, course);
                    return Ok(Drafted::Written(Box::new(written)));
                }
            }
        };
        if wanted.rather_wait && setback.passes() {
            let reason = course.error.unwrap_or_default();
            return Ok(Drafted::Waits { reason, wait });
        }
        let mut written = self.stand_in(contact, wanted, house.templates, capabilities);
        let metadata = &mut written.metadata;
        metadata.fallback_used = true;
        metadata.error = course.error;
        metadata.input_tokens = course.spent.input;
        metadata.output_tokens = course.spent.output;
        metadata.cost_picodollars = course.spent.picodollars;
        Ok(Drafted::Written(Box::new(written)))
    }

    /// Asks one model after the other, as [`next_step`] says.
    async fn ask_models(
        &self,
        prompt: &Prompt,
        purpose: &Purpose<'_>,
        waits: &dyn Waits,
        course: &mut Course,
    ) -> Result<Models> {
        let models = self.models();
        let (mut number, mut repeated) = (0, false);
        let mut end = (Setback::Stopped, None);
        while let Some(model) = models.get(number) {
            let (setback, code) = match waits.ready(number).await {
                Err((code, wait)) => {
                    let wait = Some(wait);
                    let may_retry = false;
                    (Setback::Unavailable { wait, may_retry }, code)
                }
                Ok(()) => match self.ask(model, &prompt.request, purpose).await {
                    Ok(draft) => {
                        course.spent.add(&draft.usage, draft.cost_picodollars);
                        match generation::check(&draft, &prompt.request) {
                            Ok(()) => return Ok(Models::Wrote(Box::new(draft), number)),
                            Err(code) => (Setback::Unusable, code.to_owned()),
                        }
                    }
                    Err(NoDraft::Refused(error)) => {
                        course.spent.add(&error.usage, error.cost_picodollars);
                        let code = check::code(error.failure.code()).to_owned();
                        let setback = Setback::of(&error);
                        waits.note(number, setback, &code);
                        (setback, code)
                    }
                    Err(NoDraft::OverBudget) => (Setback::Stopped, "over_budget".to_owned()),
                    Err(NoDraft::UnknownPrice) => (Setback::Stopped, "unknown_price".to_owned()),
                    Err(NoDraft::Taken) => return Ok(Models::Taken),
                    Err(NoDraft::Store(error)) => return Err(error),
                },
            };
            course.error.get_or_insert(code);
            let wait = match setback {
                Setback::Unavailable { wait, .. } => wait,
                _ => None,
            };
            end = (setback, wait);
            let others = number + 1 < models.len();
            match next_step(setback, repeated, others, waits.patience()) {
                Step::Again(wait) => {
                    waits.pause(number, wait).await;
                    repeated = true;
                }
                Step::Other => (number, repeated) = (number + 1, false),
                Step::StandIn => break,
            }
        }
        Ok(Models::None(end.0, end.1))
    }

    /// The text of a draft that came without a course of calls; nothing when it cannot be used.
    #[cfg(feature = "worker")]
    pub(crate) fn by_first_model(
        &self,
        draft: Draft,
        prompt: Prompt,
        contact: &Contact,
        wanted: &Wanted<'_>,
        house: House<'_>,
        capabilities: &ChannelCapabilities,
    ) -> Option<Written> {
        generation::check(&draft, &prompt.request).ok()?;
        let mut course = Course {
            spent: Spent::default(),
            error: None,
        };
        course.spent.add(&draft.usage, draft.cost_picodollars);
        let mut written = self.by_model(draft, 0, prompt, wanted, capabilities, course);
        written.findings = self.findings_of_written(contact, &written, wanted, house);
        Some(written)
    }

    fn by_model(
        &self,
        draft: Draft,
        number: usize,
        prompt: Prompt,
        wanted: &Wanted<'_>,
        capabilities: &ChannelCapabilities,
        course: Course,
    ) -> Written {
        let other = number > 0;
        let model = check::name(&draft.model);
        let language = check::language(draft.language);
        let request_id = draft.request_id;
        Written {
            text: Text {
                subject: draft.subject.filter(|_| capabilities.subject),
                content: draft.content,
                format: Format::Text,
            },
            generated_by: GeneratedBy::Ai,
            findings: Vec::new(),
            metadata: Provenance {
                model: Some(model.unwrap_or_else(|| "unnamed".to_owned())),
                input_tokens: course.spent.input,
                output_tokens: course.spent.output,
                cost_picodollars: course.spent.picodollars,
                tone: Some(wanted.task.tone.as_str().to_owned()),
                language: language.or(Some(prompt.request.language)),
                generated_at: Some(self.now()),
                fallback_used: other,
                fallback_step: other.then_some(StandIn::OtherModel),
                error: course.error.filter(|_| other),
                request_id: request_id.and_then(|id| check::name(&id)),
                prompt_version: Some(prompt.version),
                flagged: prompt.flagged,
                ..Provenance::default()
            },
        }
    }

    /// The day it leaves, where the contact lives.
    fn day_of(&self, contact: &Contact, wanted: &Wanted<'_>) -> NaiveDate {
        self.day_for(contact, wanted.leaves.unwrap_or_else(|| self.now()))
    }

    /// The best template that can be rendered for this person, else a built-in greeting.
    fn stand_in(
        &self,
        contact: &Contact,
        wanted: &Wanted<'_>,
        templates: &[Template],
        capabilities: &ChannelCapabilities,
    ) -> Written {
        let deliverable =
            |template: &&Template| capabilities.html || template.fields.format == Format::Text;
        let offered = templates.iter().filter(deliverable);
        let occasion = wanted.task.occasion;
        let chosen = render::choose(offered, contact, occasion, wanted.channel);
        // A template that cannot be rendered for this person must not stop the draft.
        let day = self.day_of(contact, wanted);
        let rendered = chosen.and_then(|template| {
            let rendered = render::render(&template.fields, contact, day).ok()?;
            Some((rendered, template))
        });
        match rendered {
            Some((rendered, template)) => {
                let mut written = self.rendered(contact, rendered, wanted, capabilities);
                written.metadata.template_id = Some(template.id);
                written.metadata.template_version = Some(template.version);
                written.metadata.fallback_step = Some(StandIn::Template);
                written
            }
            None => {
                let greeting = fallback::greeting(occasion, contact);
                let mut written = self.rendered(contact, greeting, wanted, capabilities);
                written.metadata.fallback_step = Some(StandIn::Greeting);
                written
            }
        }
    }

    fn rendered(
        &self,
        contact: &Contact,
        rendered: render::Rendered,
        wanted: &Wanted<'_>,
        capabilities: &ChannelCapabilities,
    ) -> Written {
        Written {
            text: Text {
                subject: rendered.subject.filter(|_| capabilities.subject),
                content: rendered.content,
                format: rendered.format,
            },
            generated_by: GeneratedBy::Manual,
            findings: Vec::new(),
            metadata: Provenance {
                tone: Some(wanted.task.tone.as_str().to_owned()),
                language: Some(contact.language.clone()),
                generated_at: Some(self.now()),
                ..Provenance::default()
            },
        }
    }
}

//! The operations by name: reads the input, calls the engine, shows the result.

use std::collections::BTreeSet;
use std::io::Cursor;

use chrono::{DateTime, Utc};
use crm_core::audience::Audience;
use crm_core::consent::Topic;
use crm_core::consent::opt_in::OptInWish;
use crm_core::contact::{ContactFields, ContactPatch, PatchMode};
use crm_core::engine::{
    GenerateMessage, MergeOptions, NewDraft, PreviewFor, SubjectAccess, UpsertOptions,
};
use crm_core::generation::VoiceFields;
use crm_core::guardrail::Severity;
use crm_core::hold::{Acknowledgement, Hold};
use crm_core::id::{CampaignId, ContactId, ImportId, MessageId, TemplateId};
use crm_core::import::Options as ImportOptions;
use crm_core::message::decide::{Edit, Seen};
use crm_core::message::history::Checkpoint;
use crm_core::message::lifecycle::Event as Transition;
use crm_core::message::{Digest, GeneratedBy, Occasion, Status};
use crm_core::port::store::{ContactQuery, MessageQuery, TemplateQuery};
use crm_core::template::TemplateFields;
use crm_core::{Error, ErrorKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::Failure;
use crate::handle::Call;
use crate::input::{given, read, search};
use crate::query::{Id, query};
use crate::view::{Event, List, Message, Person, Variant, Work};
use crate::{
    audiences, budgets, bulk, campaigns, exports, fields, receipts, subscriptions, unsubscribe,
};

/// All operations, in the order of the documentation. Each binding has a method for each of them.
pub const OPERATIONS: [&str; 84] = [
    "import_contacts",
    "preview_import",
    "revert_import",
    "export_contacts",
    "create_contact",
    "update_contact",
    "upsert_contacts",
    "merge_contacts",
    "get_contact",
    "list_contacts",
    "erase_contact",
    "subject_access",
    "list_fields",
    "get_field",
    "set_field",
    "remove_field",
    "list_audiences",
    "get_audience",
    "save_audience",
    "update_audience",
    "remove_audience",
    "sample_audience",
    "request_opt_in",
    "confirm_opt_in",
    "create_template",
    "get_template",
    "list_templates",
    "preview_template",
    "generate_message",
    "generate_variants",
    "get_voice",
    "set_voice",
    "create_message",
    "edit_message",
    "submit_message",
    "get_message",
    "list_messages",
    "message_history",
    "message_attempts",
    "receive",
    "challenge",
    "hear",
    "hear_bounce",
    "unsubscribe_token",
    "unsubscribe_link",
    "unsubscription",
    "unsubscribe",
    "approve_message",
    "reject_message",
    "cancel_message",
    "send_message",
    "resolve_message",
    "preview_bulk",
    "decide_bulk",
    "create_campaign",
    "get_campaign",
    "list_campaigns",
    "copy_campaign",
    "execute_campaign",
    "pause_campaign",
    "resume_campaign",
    "cancel_campaign",
    "campaign_stats",
    "campaign_plan",
    "campaign_batches",
    "campaign_duplicates",
    "campaign_cost",
    "campaign_experiment",
    "list_budgets",
    "set_budget",
    "remove_budget",
    "usage",
    "usage_calls",
    "dashboard",
    "ai_usage",
    "verify_audit",
    "subscribe",
    "list_subscriptions",
    "enable_subscription",
    "hold",
    "acknowledge_hold",
    "run_until_idle",
    "run_worker",
    "close",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RevertImport {
    import_id: ImportId,
    rows: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UpdateContact {
    id: ContactId,
    version: Option<u64>,
    fields: ContactFields,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UpsertContacts {
    rows: Vec<ContactPatch>,
    #[serde(default)]
    mode: PatchMode,
}

/// The fields of [`MergeOptions`], and which two.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MergeContacts {
    id: ContactId,
    contact_id: ContactId,
    #[serde(default)]
    take: BTreeSet<String>,
    version: Option<u64>,
    contact_version: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PreviewTemplate {
    id: TemplateId,
    contact_id: Option<ContactId>,
    sample: Option<ContactFields>,
    at: Option<DateTime<Utc>>,
}

/// The fields of [`OptInWish`], and of whom.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestOptIn {
    id: ContactId,
    channel: String,
    topic: Topic,
    evidence: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    token: String,
}

/// An audience, as JSON or as text.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Written(
    #[serde(deserialize_with = "crm_core::audience::read")] pub(crate) Audience,
);

query!(ListContacts {
    email: String,
    external_id: String,
    phone: String,
    search: String,
    audience: Written
});
query!(ListTemplates {
    occasion_type: Occasion,
    is_active: bool
});
query!(ListMessages {
    status: Status,
    occasion_type: Occasion,
    contact_id: ContactId,
    campaign_id: CampaignId,
    generated_by: GeneratedBy,
    search: String,
    severity: Severity,
    gravest_first: bool,
});

/// How many texts of what is wanted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Variants {
    count: u32,
    wanted: GenerateMessage,
}

/// A new voice, and the version that was seen.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetVoice {
    version: Option<u64>,
    fields: VoiceFields,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EditMessage {
    id: MessageId,
    version: Option<u64>,
    content: Option<String>,
    #[serde(default, deserialize_with = "given")]
    subject: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    scheduled_for: Option<Option<DateTime<Utc>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decide {
    id: MessageId,
    version: Option<u64>,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Approve {
    id: MessageId,
    version: Option<u64>,
    digest: Option<Digest>,
    override_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CancelMessage {
    id: MessageId,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Resolution {
    Sent,
    Resend,
    Failed,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resolve {
    id: MessageId,
    outcome: Resolution,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VerifyAudit {
    checkpoint: Option<Checkpoint>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AcknowledgeHold {
    hold: Hold,
    messages: Acknowledgement,
    reason: String,
}

/// Runs one operation.
pub(crate) async fn perform(
    call: &Call<'_>,
    operation: &str,
    input: &str,
    file: Option<Vec<u8>>,
) -> Result<Value, Failure> {
    match operation {
        "import_contacts" | "preview_import" | "revert_import" | "create_contact"
        | "update_contact" | "upsert_contacts" | "merge_contacts" | "get_contact"
        | "list_contacts" | "erase_contact" | "subject_access" | "request_opt_in" => {
            contacts(call, operation, input, file).await
        }
        "list_fields" | "get_field" | "set_field" | "remove_field" => {
            fields::perform(call, operation, input).await
        }
        "list_audiences" | "get_audience" | "save_audience" | "update_audience"
        | "remove_audience" | "sample_audience" => audiences::perform(call, operation, input).await,
        "export_contacts" => exports::perform(call, input).await,
        "create_template" | "get_template" | "list_templates" | "preview_template" => {
            templates(call, operation, input).await
        }
        "approve_message" | "reject_message" | "cancel_message" | "send_message"
        | "resolve_message" => decisions(call, operation, input).await,
        "preview_bulk" => bulk::preview(call, input).await,
        "decide_bulk" => bulk::decide(call, input).await,
        "create_campaign"
        | "get_campaign"
        | "list_campaigns"
        | "copy_campaign"
        | "execute_campaign"
        | "pause_campaign"
        | "resume_campaign"
        | "cancel_campaign"
        | "campaign_stats"
        | "campaign_plan"
        | "campaign_batches"
        | "campaign_duplicates" => campaigns::perform(call, operation, input).await,
        "message_attempts" | "receive" | "challenge" | "hear" | "hear_bounce" => {
            receipts::perform(call, operation, input, file).await
        }
        "unsubscribe_token" | "unsubscribe_link" | "unsubscription" | "unsubscribe" => {
            unsubscribe::perform(call, operation, input).await
        }
        "subscribe" | "list_subscriptions" | "enable_subscription" => {
            subscriptions::perform(call, operation, input).await
        }
        "get_voice" => {
            let session = call.session()?;
            let Nothing {} = read(input)?;
            show(&session.voice().get().await?)
        }
        "set_voice" => {
            let session = call.session()?;
            let SetVoice { version, fields } = read(input)?;
            show(&session.voice().set(version, fields).await?)
        }
        "list_budgets"
        | "set_budget"
        | "remove_budget"
        | "usage"
        | "usage_calls"
        | "campaign_cost"
        | "campaign_experiment" => budgets::perform(call, operation, input).await,
        "run_until_idle" | "run_worker" => work(call, operation, input).await,
        "dashboard" => {
            let Nothing {} = read(input)?;
            show(&call.session()?.analytics().dashboard().await?)
        }
        "ai_usage" => {
            let Nothing {} = read(input)?;
            show(&crate::view::AiUsage::of(
                &call.session()?.analytics().ai_usage().await?,
            ))
        }
        // Whoever has the token may: the person themselves, whose actor the session is not.
        "confirm_opt_in" => {
            let Token { token } = read(input)?;
            call.open()?.engine.confirm_opt_in(&token).await?;
            Ok(Value::Null)
        }
        "verify_audit" => {
            let VerifyAudit { checkpoint } = read(input)?;
            show(&call.session()?.audit().verify(checkpoint).await?)
        }
        "hold" => {
            let Nothing {} = read(input)?;
            show(&call.open()?.engine.hold().await?)
        }
        "acknowledge_hold" => {
            let session = call.session()?;
            let wanted: AcknowledgeHold = read(input)?;
            let (seen, how) = (&wanted.hold, wanted.messages);
            show(&session.acknowledge_hold(seen, how, &wanted.reason).await?)
        }
        _ => messages(call, operation, input).await,
    }
}

async fn contacts(
    call: &Call<'_>,
    operation: &str,
    input: &str,
    file: Option<Vec<u8>>,
) -> Result<Value, Failure> {
    let session = call.session()?;
    let contacts = session.contacts();
    match operation {
        "import_contacts" => {
            let options: ImportOptions = read(input)?;
            let file = file.ok_or_else(|| Error::field("file", "give the bytes of the file"))?;
            show(&contacts.import_file(&file, &options).await?)
        }
        "preview_import" => {
            let options: ImportOptions = read(input)?;
            let file = file.ok_or_else(|| Error::field("file", "give the bytes of the file"))?;
            let mut file = Cursor::new(file);
            let found = contacts.inspect(&mut file, &options).await?;
            let preview = contacts.preview_import(file, &found, options.duplicates);
            show(&preview.await?)
        }
        "revert_import" => {
            let RevertImport { import_id, rows } = read(input)?;
            show(&contacts.revert_import(import_id, rows).await?)
        }
        "create_contact" => show(&Person::of(contacts.create(read(input)?).await?)),
        "update_contact" => {
            let UpdateContact {
                id,
                version,
                fields,
            } = read(input)?;
            show(&Person::of(contacts.update(id, version, fields).await?))
        }
        "get_contact" => {
            let id = read::<Id<ContactId>>(input)?.id;
            show(&Person::of(contacts.get(id).await?))
        }
        "upsert_contacts" => {
            let UpsertContacts { rows, mode } = read(input)?;
            show(&contacts.upsert(rows, UpsertOptions { mode }).await?)
        }
        "merge_contacts" => {
            let MergeContacts {
                id,
                contact_id,
                take,
                version,
                contact_version,
            } = read(input)?;
            let options = MergeOptions {
                take,
                version,
                contact_version,
            };
            show(&Person::of(contacts.merge(id, contact_id, &options).await?))
        }
        "erase_contact" => {
            contacts.erase(read::<Id<ContactId>>(input)?.id).await?;
            Ok(Value::Null)
        }
        "subject_access" => {
            let id = read::<Id<ContactId>>(input)?.id;
            whole(&contacts.subject_access(id).await?)
        }
        "request_opt_in" => {
            let RequestOptIn {
                id,
                channel,
                topic,
                evidence,
            } = read(input)?;
            let wish = OptInWish {
                channel,
                topic,
                evidence,
            };
            let message = contacts.request_opt_in(id, wish).await?;
            show(&Message::of(message, call.actor().role))
        }
        _ => {
            let wanted: ListContacts = read(input)?;
            let page = wanted.page()?;
            let audience = wanted.audience.map(|written| written.0);
            if let Some(audience) = &audience {
                audience.validate()?;
            }
            let query = ContactQuery {
                email: wanted.email,
                external_id: wanted.external_id,
                phone: wanted.phone,
                search: search("search", wanted.search)?,
                audience,
                page,
                ..ContactQuery::default()
            };
            show(&List::of(contacts.list(query).await?, Person::of))
        }
    }
}

async fn templates(call: &Call<'_>, operation: &str, input: &str) -> Result<Value, Failure> {
    let session = call.session()?;
    let templates = session.templates();
    match operation {
        "create_template" => show(&templates.create(read::<TemplateFields>(input)?).await?),
        "get_template" => show(&templates.get(read::<Id<TemplateId>>(input)?.id).await?),
        "preview_template" => {
            let wanted: PreviewTemplate = read(input)?;
            let whom = PreviewFor::one_of(wanted.contact_id, wanted.sample)?;
            show(&templates.preview(wanted.id, whom, wanted.at).await?)
        }
        _ => {
            let wanted: ListTemplates = read(input)?;
            let query = TemplateQuery {
                page: wanted.page()?,
                occasion: wanted.occasion_type,
                active: wanted.is_active,
                ..TemplateQuery::default()
            };
            show(&List::of(templates.list(query).await?, |row| row))
        }
    }
}

async fn messages(call: &Call<'_>, operation: &str, input: &str) -> Result<Value, Failure> {
    let session = call.session()?;
    let messages = session.messages();
    let role = call.actor().role;
    let message = match operation {
        "generate_message" => messages.generate(read::<GenerateMessage>(input)?).await?,
        "generate_variants" => {
            let Variants { count, wanted } = read(input)?;
            let texts = messages.variants(wanted, count).await?;
            return show(&texts.into_iter().map(Variant::from).collect::<Vec<_>>());
        }
        "create_message" => messages.create(read::<NewDraft>(input)?).await?,
        "edit_message" => {
            let edit: EditMessage = read(input)?;
            let change = Edit {
                content: edit.content,
                subject: edit.subject,
                scheduled_for: edit.scheduled_for,
                source: None,
            };
            messages.edit(edit.id, edit.version, change).await?
        }
        "submit_message" => {
            let Decide { id, version, .. } = read(input)?;
            messages.submit(id, version).await?
        }
        "get_message" => messages.get(read::<Id<MessageId>>(input)?.id).await?,
        "list_messages" => {
            let wanted: ListMessages = read(input)?;
            let query = MessageQuery {
                page: wanted.page()?,
                statuses: wanted.status.into_iter().collect(),
                occasion: wanted.occasion_type,
                contact_id: wanted.contact_id,
                campaign_id: wanted.campaign_id,
                generated_by: wanted.generated_by,
                search: search("search", wanted.search)?,
                severity: wanted.severity,
                gravest_first: wanted.gravest_first.unwrap_or(false),
                ..MessageQuery::default()
            };
            let found = messages.list(query).await?;
            return show(&List::of(found, |row| Message::of(row, role)));
        }
        "message_history" => {
            let events = messages.history(read::<Id<MessageId>>(input)?.id).await?;
            return show(&events.into_iter().map(Event::of).collect::<Vec<_>>());
        }
        _ => {
            let message = "there is no such operation";
            return Err(Error::new(ErrorKind::Unsupported, message).into());
        }
    };
    show(&Message::of(message, role))
}

async fn decisions(call: &Call<'_>, operation: &str, input: &str) -> Result<Value, Failure> {
    let session = call.session()?;
    let message = match operation {
        "approve_message" => {
            let wanted: Approve = read(input)?;
            let (Some(version), digest @ Some(_)) = (wanted.version, wanted.digest) else {
                return Err(Error::new(
                    ErrorKind::PreconditionRequired,
                    "say what you saw: give the message's version and digest",
                )
                .into());
            };
            let seen = Seen { version, digest };
            let reason = wanted.override_reason.as_deref();
            let approvals = session.approvals();
            approvals.approve_despite(wanted.id, seen, reason).await?
        }
        "reject_message" => {
            let Decide {
                id,
                version,
                reason,
            } = read(input)?;
            session.approvals().reject(id, version, reason).await?
        }
        "cancel_message" => {
            let CancelMessage { id, reason } = read(input)?;
            session.messages().cancel(id, reason).await?
        }
        "send_message" => {
            let Id { id } = read(input)?;
            session.messages().send(id).await?
        }
        _ => {
            let Resolve {
                id,
                outcome,
                reason,
            } = read(input)?;
            let outcome = match outcome {
                Resolution::Sent => Transition::ResolveSent,
                Resolution::Resend => Transition::ResolveResend,
                Resolution::Failed => Transition::ResolveFailed,
            };
            session.messages().resolve(id, outcome, reason).await?
        }
    };
    show(&Message::of(message, call.actor().role))
}

/// The worker, until nothing is left to do now or until it is stopped.
async fn work(call: &Call<'_>, operation: &str, input: &str) -> Result<Value, Failure> {
    let Nothing {} = read(input)?;
    let worker = &call.open()?.worker;
    let stop = call.stop.clone().ok_or_else(Failure::internal)?;
    if operation == "run_worker" {
        worker.run(stop).await?;
        return Ok(Value::Null);
    }
    worker.start().await?;
    let mut sum = Work::default();
    loop {
        let round = worker.round(&stop).await?;
        sum.add(round);
        if round.is_idle() || *stop.borrow() {
            return show(&sum);
        }
    }
}

/// Everything about a person, who is shown as elsewhere.
fn whole(found: &SubjectAccess) -> Result<Value, Failure> {
    let person = show(&Person::of(found.contact.clone()))?;
    let merged: Vec<Person> = found.merged.iter().cloned().map(Person::of).collect();
    let merged = show(&merged)?;
    let mut all = show(found)?;
    if let Some(all) = all.as_object_mut() {
        all.insert("contact".to_owned(), person);
        all.insert("merged".to_owned(), merged);
    }
    Ok(all)
}

pub(crate) fn show<T: Serialize>(value: &T) -> Result<Value, Failure> {
    serde_json::to_value(value).map_err(|_| Failure::internal())
}

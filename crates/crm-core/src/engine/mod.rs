//! Use cases: what a host calls.
//!
//! An [`Engine`] holds the adapters; [`Engine::act_as`] gives a [`Session`] in which one actor works.
//! Each use case loads, decides purely and commits once.

mod analytics;
mod approvals;
mod audiences;
mod audit;
mod budgets;
mod campaigns;
mod contacts;
mod cost;
mod deferred;
mod drain;
mod duplicates;
mod erase;
mod experiments;
mod export;
mod fields;
mod generate;
mod guard;
mod hold;
mod import;
mod intake;
mod merge;
mod messages;
mod opt_in;
mod previews;
mod receive;
mod spend;
mod subject_access;
mod subscriptions;
mod suppressions;
mod template_preview;
mod templates;
mod unsubscribe;
mod upsert;
mod usage;
mod voice;
mod write;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use chrono_tz::Tz;

use crate::actor::{Action, Actor, Workspace};
use crate::campaign::holidays::Calendar;
use crate::change::{ChangeSet, Precondition};
use crate::consent::{self, token::TokenKeys};
use crate::contact::{Contact, ContactFields};
use crate::error::{Error, ErrorKind, Result};
use crate::guardrail::{Rulebook, Rules};
use crate::id::{CampaignId, ContactId, MessageId, TemplateId};
use crate::message::dispatch::RetryPolicy;
use crate::port::channel::{Channel, ChannelCapabilities};
use crate::port::clock::Clock;
use crate::port::ids::Ids;
use crate::port::llm::Llm;
use crate::port::llm_batch::LlmBatch;
use crate::port::observer::{Notice, Observer, Silent};
use crate::port::store::{CampaignQuery, ContactQuery, MessageQuery, Store, TemplateQuery};
use crate::port::subscriber::Subscriber;
use crate::stamp::Stamp;

pub use analytics::{AiUsage, Analytics, CampaignPerformance, Dashboard};
pub use approvals::{Approvals, BulkAction, BulkFinding, BulkItem, BulkPreview, BulkResult};
pub use audiences::{AudienceSample, Audiences};
pub use audit::{Audit, Verification};
pub use budgets::{Budgets, SetBudget};
pub use campaigns::{CampaignStats, Campaigns};
pub use contacts::Contacts;
pub use cost::{CampaignCost, CostBasis};
pub use deferred::Deferred;
pub use drain::Drained;
pub use duplicates::Duplicates;
pub use experiments::{Experiment, VariantStats};
pub use export::Export;
pub use fields::{Fields, SetField};
pub use generate::{GenerateMessage, Variant};
pub use import::{
    Import, ImportPreview, ImportReport, ImportSample, KeptContact, LostValue, RejectedRow,
    RevertReport, RowOutcome, TypedColumn,
};
pub use intake::Intake;
pub use merge::MergeOptions;
pub use messages::{Delivery, Messages, NewDraft};
pub use receive::Received;
#[cfg(feature = "testing")]
pub(crate) use spend::NoDraft;
#[cfg(any(feature = "testing", feature = "worker"))]
pub(crate) use spend::Purpose;
pub use subject_access::{LastInbound, MessageAccess, SubjectAccess};
pub use subscriptions::{Subscribed, Subscriptions};
pub use suppressions::Suppressions;
pub use template_preview::{ChannelPreview, PreviewFor, TemplatePreview};
pub use templates::Templates;
pub use upsert::{UpsertOptions, UpsertOutcome, Upserted};
pub use usage::Usage;
pub use voice::Voices;
#[cfg(feature = "worker")]
pub(crate) use {
    spend::outcome,
    write::{Drafted, House, Waits, Wanted, Written},
};

/// Rules of the house, the same for all workspaces of an engine.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// How long an approved message waits, so that a slip can be taken back.
    pub undo_window: Duration,
    /// Whether somebody other than the last editor has to approve.
    pub separate_approver: bool,
    /// How failed attempts are repeated.
    pub retry: RetryPolicy,
    /// Zone of the workspace's own calendar.
    pub time_zone: Tz,
    /// What is demanded of consent, when campaigns are planned and before each delivery.
    pub consent: consent::Rules,
    /// How long a person has to say yes by a link; from when they are asked, so approval is part of it.
    pub opt_in_lifetime: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            undo_window: Duration::zero(),
            separate_approver: false,
            retry: RetryPolicy::default(),
            time_zone: chrono_tz::Asia::Tashkent,
            consent: consent::Rules::default(),
            opt_in_lifetime: Duration::days(7),
        }
    }
}

/// Puts an engine together.
#[derive(Debug)]
pub struct EngineBuilder {
    store: Arc<dyn Store>,
    /// Where spending is written when `store` only collects.
    ledger: Option<Arc<dyn Store>>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    models: Vec<Arc<dyn Llm>>,
    batches: Option<Arc<dyn LlmBatch>>,
    channels: BTreeMap<String, Arc<dyn Channel>>,
    observer: Arc<dyn Observer>,
    subscribers: BTreeMap<String, Arc<dyn Subscriber>>,
    policy: Policy,
    guardrails: Rules,
    calendars: Vec<Calendar>,
    token_keys: Option<TokenKeys>,
    opt_in_url: Option<String>,
}

impl EngineBuilder {
    /// Uses this model for drafts, before all others. Without one, templates and built-in greetings are used.
    #[must_use]
    pub fn llm(mut self, llm: Arc<dyn Llm>) -> Self {
        self.models.insert(0, llm);
        self
    }

    /// Asks this model when those before it do not answer; see
    /// [`generation::next_step`](crate::generation::next_step). May be called again for a further one.
    #[must_use]
    pub fn fallback_llm(mut self, llm: Arc<dyn Llm>) -> Self {
        self.models.push(llm);
        self
    }

    /// Drafts campaigns that want it so ([`Drafting::Batch`](crate::campaign::Drafting::Batch)) in jobs of this
    /// provider. Without one they are drafted as any other.
    #[must_use]
    pub fn llm_batch(mut self, batches: Arc<dyn LlmBatch>) -> Self {
        self.batches = Some(batches);
        self
    }

    /// Delivers messages of channel `name` (`email`, `sms`, ...) through `channel`.
    #[must_use]
    pub fn channel(mut self, name: impl Into<String>, channel: Arc<dyn Channel>) -> Self {
        self.channels.insert(name.into(), channel);
        self
    }

    /// Tells `observer` about every commit.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = observer;
        self
    }

    /// Has the worker tell `subscriber` of state changes under this name, in each workspace that
    /// [`Engine::subscribe`] was called for.
    #[must_use]
    pub fn subscriber(mut self, name: impl Into<String>, subscriber: Arc<dyn Subscriber>) -> Self {
        self.subscribers.insert(name.into(), subscriber);
        self
    }

    /// Sets the rules of the house.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets the calendars of holidays that campaigns may name beside those that are built in; check them
    /// [before](Calendar::validate).
    #[must_use]
    pub fn calendars(mut self, calendars: Vec<Calendar>) -> Self {
        self.calendars = calendars;
        self
    }

    /// Sets what texts are checked by: when they are written, when they are changed, and before they leave.
    #[must_use]
    pub fn guardrails(mut self, rules: Rules) -> Self {
        self.guardrails = rules;
        self
    }

    /// Where people say yes by a link: the address to which a token is appended, for instance
    /// `https://crm.example.org/o/`. A `GET` of it shows a page ([`Engine::opt_in`]), a `POST` says yes
    /// ([`Engine::confirm_opt_in`]).
    #[must_use]
    pub fn opt_in_url(mut self, url: impl Into<String>) -> Self {
        self.opt_in_url = Some(url.into());
        self
    }

    /// Signs links to unsubscribe and to opt in with these keys, and reads them.
    #[must_use]
    pub fn token_keys(mut self, keys: TokenKeys) -> Self {
        self.token_keys = Some(keys);
        self
    }

    /// The engine.
    #[must_use]
    pub fn build(mut self) -> Engine {
        let rules = std::mem::take(&mut self.guardrails);
        let rules = guard::completed(rules, self.opt_in_url.as_deref());
        Engine {
            guardrails: Arc::new(Rulebook::new(rules)),
            inner: Arc::new(self),
            previews: Arc::default(),
        }
    }
}

/// The engine. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine {
    inner: Arc<EngineBuilder>,
    /// Read once: every text that is written, changed or sent is checked by it.
    guardrails: Arc<Rulebook>,
    previews: Arc<previews::Previews>,
}

impl Engine {
    /// Begins an engine over `store`. Clock and ids of a running program are
    /// `SystemClock` and `RandomIds` (feature `worker`).
    pub fn builder(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> EngineBuilder {
        EngineBuilder {
            store,
            ledger: None,
            clock,
            ids,
            models: Vec::new(),
            batches: None,
            channels: BTreeMap::new(),
            observer: Arc::new(Silent),
            subscribers: BTreeMap::new(),
            policy: Policy::default(),
            guardrails: Rules::default(),
            calendars: Vec::new(),
            token_keys: None,
            opt_in_url: None,
        }
    }

    /// What `actor` may do, in the actor's workspace.
    #[must_use]
    pub fn act_as(&self, actor: Actor) -> Session {
        Session {
            engine: self.clone(),
            actor,
        }
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.inner.store
    }

    /// The rules of the house.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.inner.policy
    }

    /// What texts are checked by.
    #[must_use]
    pub fn guardrails(&self) -> &Rulebook {
        &self.guardrails
    }

    /// The calendars of the house.
    #[must_use]
    pub fn calendars(&self) -> &[Calendar] {
        &self.inner.calendars
    }

    /// The channels by name.
    #[must_use]
    pub fn channels(&self) -> &BTreeMap<String, Arc<dyn Channel>> {
        &self.inner.channels
    }

    /// The subscribers by name.
    #[must_use]
    pub fn subscribers(&self) -> &BTreeMap<String, Arc<dyn Subscriber>> {
        &self.inner.subscribers
    }

    /// Now, by the engine's clock.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        // Stores keep microseconds; a finer instant would not compare equal after reading it back.
        let now = self.inner.clock.now();
        DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
    }

    /// Today in the workspace's own zone.
    #[must_use]
    pub fn today(&self) -> NaiveDate {
        crate::zone::date(self.now(), self.inner.policy.time_zone)
    }

    /// The day it is at that instant where the person lives; in the workspace's own zone when that is not known.
    pub(crate) fn day_for(&self, contact: &ContactFields, at: DateTime<Utc>) -> NaiveDate {
        crate::zone::date(at, contact.zone_or(self.inner.policy.time_zone))
    }

    pub(crate) fn ids(&self) -> &Arc<dyn Ids> {
        &self.inner.ids
    }

    /// The models, in the order they are asked in.
    pub(crate) fn llm_batch(&self) -> Option<&Arc<dyn LlmBatch>> {
        self.inner.batches.as_ref()
    }

    pub(crate) fn models(&self) -> &[Arc<dyn Llm>] {
        &self.inner.models
    }

    pub(crate) fn channel(&self, name: &str) -> Result<(&Arc<dyn Channel>, ChannelCapabilities)> {
        self.inner
            .channels
            .get(name)
            .map(|c| (c, c.capabilities()))
            .ok_or_else(|| {
                let known: Vec<&str> = self.inner.channels.keys().map(String::as_str).collect();
                Error::field(
                    "channel",
                    format!("use one of the set-up channels: {}", known.join(", ")),
                )
            })
    }

    /// Commits independent change sets and tells the observer about those that succeeded.
    pub(crate) async fn commit(&self, sets: Vec<ChangeSet>) -> Result<Vec<Result<()>>> {
        let notices: Vec<Vec<Notice>> = sets.iter().map(notices).collect();
        let results = self.inner.store.commit(sets).await?;
        let told: Vec<Notice> = notices
            .into_iter()
            .zip(&results)
            .filter(|(_, result)| result.is_ok())
            .flat_map(|(notices, _)| notices)
            .collect();
        if !told.is_empty() {
            self.inner.observer.notice(&told);
        }
        Ok(results)
    }

    /// Commits one change set.
    pub(crate) async fn commit_one(&self, set: ChangeSet) -> Result<()> {
        self.commit(vec![set]).await?.pop().unwrap_or_else(|| {
            Err(Error::new(
                ErrorKind::Corrupt,
                "the store answered a commit with nothing",
            ))
        })
    }
}

fn notices(set: &ChangeSet) -> Vec<Notice> {
    set.events()
        .iter()
        .map(|event| Notice {
            workspace: event.workspace.clone(),
            subject: event.subject,
            id: event.subject_id,
            action: event.action.clone(),
            status: event.status,
            version: event.version,
        })
        .collect()
}

/// One actor at work.
#[derive(Debug, Clone)]
pub struct Session {
    engine: Engine,
    actor: Actor,
}

impl Session {
    /// Contacts.
    #[must_use]
    pub const fn contacts(&self) -> Contacts<'_> {
        Contacts(self)
    }

    /// Templates.
    #[must_use]
    pub const fn templates(&self) -> Templates<'_> {
        Templates(self)
    }

    /// Messages.
    #[must_use]
    pub const fn messages(&self) -> Messages<'_> {
        Messages(self)
    }

    /// Decisions about messages.
    #[must_use]
    pub fn approvals(&self) -> Approvals<'_> {
        Approvals(self, self.engine.policy().undo_window)
    }

    /// Campaigns.
    #[must_use]
    pub const fn campaigns(&self) -> Campaigns<'_> {
        Campaigns(self)
    }

    /// Figures.
    #[must_use]
    pub const fn analytics(&self) -> Analytics<'_> {
        Analytics(self)
    }

    /// The history.
    #[must_use]
    pub const fn audit(&self) -> Audit<'_> {
        Audit(self)
    }

    /// Addresses nothing is sent to.
    #[must_use]
    pub const fn suppressions(&self) -> Suppressions<'_> {
        Suppressions(self)
    }

    /// How those fare that are told of state changes.
    #[must_use]
    pub const fn subscriptions(&self) -> Subscriptions<'_> {
        Subscriptions(self)
    }

    /// How much may be spent.
    #[must_use]
    pub const fn budgets(&self) -> Budgets<'_> {
        Budgets(self)
    }

    /// What was spent.
    #[must_use]
    pub const fn usage(&self) -> Usage<'_> {
        Usage(self)
    }

    /// What the host asks for by inserting rows.
    #[must_use]
    pub const fn intake(&self) -> Intake<'_> {
        Intake(self)
    }

    /// Audiences that are saved under names.
    #[must_use]
    pub const fn audiences(&self) -> Audiences<'_> {
        Audiences(self)
    }

    /// What the workspace says about its custom fields.
    #[must_use]
    pub const fn fields(&self) -> Fields<'_> {
        Fields(self)
    }

    /// The house's own words.
    #[must_use]
    pub const fn voice(&self) -> Voices<'_> {
        Voices(self)
    }

    /// The actor.
    #[must_use]
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }

    pub(crate) fn require(&self, action: Action) -> Result<()> {
        self.actor.require(action)
    }

    pub(crate) const fn workspace(&self) -> &Workspace {
        &self.actor.workspace
    }

    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        self.engine.store()
    }

    pub(crate) fn stamp(&self) -> Stamp<'_> {
        Stamp {
            actor: &self.actor,
            at: self.engine.now(),
            ids: self.engine.ids().as_ref(),
        }
    }

    pub(crate) async fn contact(&self, id: ContactId) -> Result<crate::contact::Contact> {
        let query = ContactQuery {
            ids: vec![id],
            ..ContactQuery::default()
        };
        let page = self.store().contacts(self.workspace(), query).await?;
        page.items
            .into_iter()
            .next()
            .ok_or_else(|| Error::not_found("contact"))
    }

    /// Commits something about the contact that took its time, unless the person was erased meanwhile.
    ///
    /// # Errors
    /// `NotFound` then; `Conflict` when others keep changing the contact.
    pub(crate) async fn commit_to(&self, contact: &Contact, set: ChangeSet) -> Result<()> {
        let mut version = contact.version;
        for _ in 1..unsubscribe::TRIES {
            let mut now = set.clone();
            now.require(Precondition::Contact(contact.id, version));
            match self.engine.commit_one(now).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {
                    let known = self.contacts().get(contact.id).await?;
                    version = known.version;
                }
                done => return done,
            }
        }
        let mut now = set;
        now.require(Precondition::Contact(contact.id, version));
        self.engine.commit_one(now).await
    }

    pub(crate) async fn message(&self, id: MessageId) -> Result<crate::message::Message> {
        let query = MessageQuery {
            ids: vec![id],
            ..MessageQuery::default()
        };
        let page = self.store().messages(self.workspace(), query).await?;
        page.items
            .into_iter()
            .find(|message| !message.deleted)
            .ok_or_else(|| Error::not_found("message"))
    }

    pub(crate) async fn template(&self, id: TemplateId) -> Result<crate::template::Template> {
        let query = TemplateQuery {
            ids: vec![id],
            ..TemplateQuery::default()
        };
        let page = self.store().templates(self.workspace(), query).await?;
        page.items
            .into_iter()
            .next()
            .ok_or_else(|| Error::not_found("template"))
    }

    pub(crate) async fn campaign(&self, id: CampaignId) -> Result<crate::campaign::Campaign> {
        let query = CampaignQuery {
            ids: vec![id],
            ..CampaignQuery::default()
        };
        let page = self.store().campaigns(self.workspace(), query).await?;
        page.items
            .into_iter()
            .next()
            .ok_or_else(|| Error::not_found("campaign"))
    }
}

//! The store port: keeps everything, applies change sets, answers queries.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Duration, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::callback::About;
use super::ids::Ids;
use crate::actor::Workspace;
use crate::audience::Audience;
use crate::audience::saved::SavedAudience;
use crate::budget::{BudgetState, EntryState, LedgerEntry, UsageGroup, UsageLine};
use crate::campaign::{Campaign, CampaignStatus, PlanRow};
use crate::change::ChangeSet;
use crate::consent::Suppression;
use crate::contact::Contact;
use crate::contact::definition::FieldDefinition;
use crate::draft_batch::DraftBatch;
use crate::error::Result;
use crate::generation::Voice;
use crate::guardrail::Severity;
use crate::hold::Hold;
use crate::id::{CampaignId, ContactId, DraftBatchId, ImportId, LedgerId, MessageId, TemplateId};
use crate::import::ImportUpdate;
use crate::intake::{IntakeRow, IntakeState};
use crate::message::history::{Checkpoint, StoredEvent, Subject};
use crate::message::{Approval, Attempt, GeneratedBy, Message, Occasion, Revision, Status};
use crate::receipt::{KeptReceipt, ReceiptState};
use crate::subscription::Subscription;
use crate::template::Template;

/// What a store can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreCapabilities {
    /// `memory`, `sqlite`, `postgres`, ...
    pub name: String,
    /// Whether a commit survives power loss.
    pub durable: bool,
    /// Whether the store lets only one dispatcher in at a time. Then a starting worker may take back
    /// every lease at once: its owner cannot be alive.
    pub exclusive_dispatcher: bool,
    /// Whether a commit seals the events it writes, because only one commit runs at a time. Then
    /// [`Store::seal`] finds nothing waiting. Where many commit at once, sealing there would queue them
    /// all on the end of the chain.
    pub seals_on_commit: bool,
}

/// Which part of a list. Lists are ordered by id, newest first unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// At most this many items; 1 to 1,000.
    pub limit: u32,
    /// Skip this many first; costs what it skips. Use `after` for long lists.
    pub skip: u32,
    /// Only items behind this id in list order (keyset paging; constant cost at any depth).
    pub after: Option<Uuid>,
    /// Oldest first instead.
    pub oldest_first: bool,
    /// Whether to count all matching rows.
    pub count: bool,
}

impl Default for PageRequest {
    fn default() -> Self {
        Self {
            limit: 100,
            skip: 0,
            after: None,
            oldest_first: false,
            count: false,
        }
    }
}

/// One page.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// How many rows match, when it was asked for.
    pub total: Option<u64>,
    /// The last item's id when there may be more: give it as `after`.
    pub next: Option<Uuid>,
}

/// Which contacts. All conditions hold together. Erased contacts, and those that were merged into others, appear only when
/// asked for by id or by [`merged_into`](Self::merged_into).
#[derive(Debug, Clone, Default)]
pub struct ContactQuery {
    /// Only these ids, if any are given.
    pub ids: Vec<ContactId>,
    /// Exactly this e-mail (normalised).
    pub email: Option<String>,
    /// Exactly this external id, or merged with the contact that had it.
    pub external_id: Option<String>,
    /// Only those that were merged into this contact, of whom no more is left than an id.
    pub merged_into: Option<ContactId>,
    /// Exactly this phone (E.164).
    pub phone: Option<String>,
    /// Matches this expression.
    pub audience: Option<Audience>,
    /// Today, for birthdays in `audience`. Required when it names one.
    pub today: Option<NaiveDate>,
    /// Only those with one of these birthdays, each as month times 100 plus day; whatever the year is.
    pub birthdays: Option<BTreeSet<u32>>,
    /// Words of name, company, e-mail and phones, in any case and alphabet, with one typo, as
    /// [`contact::search`](crate::contact::search) says; no wildcards. Two words that many contacts have each and few
    /// have together cost more than others.
    pub search: Option<String>,
    /// Which part of the list.
    pub page: PageRequest,
}

/// Contacts by what they are known by: those with any of these keys. At most 1,000 of each kind.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ContactKeys {
    /// Ids.
    pub ids: Vec<ContactId>,
    /// The host's own ids.
    pub external_ids: Vec<String>,
    /// E-mails, in any case.
    pub emails: Vec<String>,
    /// Phones (E.164).
    pub phones: Vec<String>,
}

// Addresses are personal data.
impl std::fmt::Debug for ContactKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all = [
            self.ids.len(),
            self.external_ids.len(),
            self.emails.len(),
            self.phones.len(),
        ];
        write!(f, "ContactKeys({all:?})")
    }
}

/// Most contacts of one phone that [`Store::contacts_by_keys`] looks at.
pub const SHARED_PHONE: u32 = 10;

/// Which templates.
#[derive(Debug, Clone, Default)]
pub struct TemplateQuery {
    /// Only these ids, if any are given.
    pub ids: Vec<TemplateId>,
    /// For this occasion.
    pub occasion: Option<Occasion>,
    /// Only offered ones.
    pub active: Option<bool>,
    /// Which part of the list.
    pub page: PageRequest,
}

/// Which messages. Deleted ones appear only when asked for by id, or [with](Self::with_deleted) all of a contact.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageQuery {
    /// Only these ids, if any are given.
    pub ids: Vec<MessageId>,
    /// One of these statuses, if any are given.
    pub statuses: Vec<Status>,
    /// This occasion.
    pub occasion: Option<Occasion>,
    /// To this contact.
    pub contact_id: Option<ContactId>,
    /// Together with `contact_id`: deleted ones, too.
    pub with_deleted: bool,
    /// Of this campaign.
    pub campaign_id: Option<CampaignId>,
    /// Written so.
    pub generated_by: Option<GeneratedBy>,
    /// Part of the text or subject in any case, Cyrillic too; no wildcards.
    pub search: Option<String>,
    /// Whose lease ran out before this instant.
    pub lease_before: Option<DateTime<Utc>>,
    /// Which expire at or before this instant.
    pub expires_before: Option<DateTime<Utc>>,
    /// Which are approved, not in test mode, and due since this instant or longer
    /// ([`queued_at`](Message::queued_at)).
    pub queued_before: Option<DateTime<Utc>>,
    /// Provider's id.
    pub provider_id: Option<String>,
    /// With a finding at least as grave.
    pub severity: Option<Severity>,
    /// The riskiest first ([`Message::risk`]), and those of one risk in order of id as `page` says. `page.after`
    /// is an id as ever: what is behind it is judged by the risk that message has now, so what changed its risk
    /// between two pages may be met twice or not at all, and nothing is behind an id that is not there. The cost
    /// is constant at any depth, and so is that of `severity` in either order, for one or both of the statuses
    /// `draft` and `pending_approval` of the whole workspace; any other list is sorted as a whole.
    pub gravest_first: bool,
    /// Which part of the list.
    pub page: PageRequest,
}

impl MessageQuery {
    /// Whether deleted messages are among those that are meant.
    #[must_use]
    pub const fn finds_deleted(&self) -> bool {
        !self.ids.is_empty() || (self.with_deleted && self.contact_id.is_some())
    }
}

/// Which campaigns.
#[derive(Debug, Clone, Default)]
pub struct CampaignQuery {
    /// Only these ids, if any are given.
    pub ids: Vec<CampaignId>,
    /// One of these statuses, if any are given.
    pub statuses: Vec<CampaignStatus>,
    /// For this occasion.
    pub occasion: Option<Occasion>,
    /// Which part of the list.
    pub page: PageRequest,
}

/// Which lines of a plan. Ordered by contact id, oldest first; `page.after` is a contact id.
#[derive(Debug, Clone)]
pub struct PlanQuery {
    /// The campaign.
    pub campaign_id: CampaignId,
    /// One run; all runs when `None`.
    pub occurrence: Option<String>,
    /// Only excluded (true) or only included (false) ones.
    pub excluded: Option<bool>,
    /// Only those without (true) a message yet that no batch holds.
    pub undrafted: bool,
    /// Only those without a message yet that this batch holds.
    pub batch: Option<DraftBatchId>,
    /// Which part of the list.
    pub page: PageRequest,
}

/// Which suppressions. Ordered by channel and address. Those of erased people, whose channel is `*`, come without
/// an address in a list; one that is asked for by its address is found whatever the channel, and comes with it.
#[derive(Debug, Clone, Default)]
pub struct SuppressionQuery {
    /// Channel name; `*` for those of erased people.
    pub channel: Option<String>,
    /// Exactly one of these addresses (at most 1,000), if any are given.
    pub addresses: Vec<String>,
    /// At most this many; 1 to 1,000; 0 means 100.
    pub limit: u32,
    /// Skip this many first.
    pub skip: u32,
}

/// Which events, in commit order, oldest first.
#[derive(Debug, Clone, Default)]
pub struct EventQuery {
    /// About this row.
    pub subject: Option<(Subject, Uuid)>,
    /// Only sealed events behind this position.
    pub sealed_after: Option<u64>,
    /// At most this many; 1 to 10,000; 0 means 1,000.
    pub limit: u32,
}

/// Which rows of the intake, newest first unless said otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IntakeQuery {
    /// In this state.
    pub state: Option<IntakeState>,
    /// Under exactly this key of the host.
    pub key: Option<String>,
    /// Only rows behind this place in list order.
    pub after: Option<u64>,
    /// Oldest first instead.
    pub oldest_first: bool,
    /// At most this many; 1 to 1,000; 0 means 100.
    pub limit: u32,
}

/// Which receipts, earliest [`due_at`](KeptReceipt::due_at) first. All of a workspace are walked through when
/// settled ones are asked for, or any, and no message is named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReceiptQuery {
    /// In this state.
    pub state: Option<ReceiptState>,
    /// About this message.
    pub message_id: Option<MessageId>,
    /// Due at or before this instant.
    pub due_before: Option<DateTime<Utc>>,
    /// At most this many; 1 to 1,000; 0 means 100.
    pub limit: u32,
    /// Skip this many first.
    pub skip: u32,
}

/// Which batches of drafts, by id; with `due_before` by [`due_at`](DraftBatch::due_at), then by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DraftBatchQuery {
    /// Of this campaign.
    pub campaign_id: Option<CampaignId>,
    /// Only open ones that are due at or before this instant.
    pub due_before: Option<DateTime<Utc>>,
    /// Only open ones.
    pub open: bool,
    /// At most this many; 1 to 1,000; 0 means 100.
    pub limit: u32,
}

/// Which budgets: the workspace's own first, then by campaign, each with `total` before `day`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetQuery {
    /// Those of this campaign, or with `Some(None)` of the workspace itself; all when `None`.
    pub of: Option<Option<CampaignId>>,
    /// The day that budgets of days are shown for.
    pub day: NaiveDate,
    /// At most this many; 1 to 1,000; 0 means 100.
    pub limit: u32,
    /// Skip this many first.
    pub skip: u32,
}

/// Which entries of the usage ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LedgerQuery {
    /// Only these ids, if any are given.
    pub ids: Vec<LedgerId>,
    /// In this state.
    pub state: Option<EntryState>,
    /// For this campaign.
    pub campaign_id: Option<CampaignId>,
    /// Wanted by this actor.
    pub actor: Option<String>,
    /// That count for this day or a later one.
    pub from: Option<NaiveDate>,
    /// That count for this day or an earlier one.
    pub to: Option<NaiveDate>,
    /// That are held and expire at or before this instant.
    pub held_before: Option<DateTime<Utc>>,
    /// Which part of the list.
    pub page: PageRequest,
}

/// Which sums of the usage ledger, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsageQuery {
    /// What is summed up.
    pub group: UsageGroup,
    /// From this day on.
    pub from: Option<NaiveDate>,
    /// Up to this day.
    pub to: Option<NaiveDate>,
    /// For this campaign, or with `Some(None)` for none.
    pub campaign: Option<Option<CampaignId>>,
    /// Wanted by this actor.
    pub actor: Option<String>,
    /// Of this model.
    pub model: Option<String>,
    /// Only sums behind this name.
    pub after: Option<String>,
    /// At most this many; 1 to 1,000; 0 means 100.
    pub limit: u32,
}

/// Everything written about one message, oldest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trail {
    /// All versions of the text.
    pub revisions: Vec<Revision>,
    /// All approvals.
    pub approvals: Vec<Approval>,
    /// All attempts.
    pub attempts: Vec<Attempt>,
}

/// What the last check before delivery needs, read together.
#[derive(Debug, Clone, PartialEq)]
pub struct DispatchView {
    /// The message.
    pub message: Message,
    /// Its latest approval.
    pub approval: Option<Approval>,
    /// Its recipient.
    pub contact: Contact,
    /// Its campaign.
    pub campaign: Option<Campaign>,
    /// Whether its recipient address is suppressed on its channel, or is that of an erased person.
    pub suppressed: bool,
    /// Its attempt of the current epoch, if one was begun.
    pub attempt: Option<Attempt>,
}

/// A request for messages to deliver.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Tenant.
    pub workspace: Workspace,
    /// Worker's name.
    pub worker: String,
    /// At most this many; 1 to 1,000.
    pub limit: u32,
    /// Now. A store with a clock of its own uses that instead.
    pub now: DateTime<Utc>,
    /// How long the lease lasts.
    pub lease: Duration,
    /// Channels that are parked: their messages are left alone.
    pub parked: Vec<String>,
    /// Source of event ids.
    pub ids: Arc<dyn Ids>,
}

impl Claim {
    /// What claiming `message` writes. The store calls it for each due message it has locked and
    /// applies the result in the same transaction; the message it then returns is in the change set.
    ///
    /// # Errors
    /// [`NotAllowed`](crate::ErrorKind::NotAllowed) when the message is not approved.
    pub fn decide(&self, message: &Message, now: DateTime<Utc>) -> Result<(Message, ChangeSet)> {
        crate::message::dispatch::claim(message, self, now)
    }
}

/// Keeps contacts, templates, messages, campaigns, consent, history and counters of all workspaces.
///
/// # What an implementer must guarantee
/// - **Atomic**: a change set is applied wholly or not at all, with its events and counters, and is
///   durable before `commit` returns (if the capabilities say so). The sets of one `commit` call are
///   independent: one may fail and the others stand. Sets are applied in the order given.
/// - **Versions**: see [`Change`](crate::change::Change). Preconditions hold at the commit itself.
/// - **Isolation of workspaces**: nothing of another workspace is ever read, changed or revealed.
/// - **Text** comes back byte for byte, instants to the microsecond.
/// - **Cancellation**: dropping a `commit` future may leave it committed or not, never half.
/// - Unknown ids are absent from answers or [`NotFound`](crate::ErrorKind::NotFound) on updates; an
///   unreachable store is [`Unavailable`](crate::ErrorKind::Unavailable).
#[async_trait]
pub trait Store: Send + Sync + Debug {
    /// What it can do.
    fn capabilities(&self) -> StoreCapabilities;

    /// Applies change sets; the answer has one result for each, in order. The outer error means that
    /// nothing was applied, but for [`Unavailable`](crate::ErrorKind::Unavailable): a commit whose answer
    /// was lost may have taken place.
    async fn commit(&self, sets: Vec<ChangeSet>) -> Result<Vec<Result<()>>>;

    /// The time that due messages and leases are judged by. A store that several machines share answers
    /// with its own clock, whatever theirs say; one without a clock answers with `local`, the caller's.
    async fn now(&self, local: DateTime<Utc>) -> Result<DateTime<Utc>> {
        Ok(local)
    }

    /// Resolves when something was written, by this program or another, that a worker had better look at
    /// at once; may resolve for nothing. `seen` is what the last call returned (0 at first), so that what
    /// happens between two calls is not missed. A store that cannot tell never resolves, and every worker
    /// looks again by itself before long: this only saves time.
    async fn changed(&self, seen: u64) -> u64 {
        let _ = seen;
        std::future::pending().await
    }

    /// Takes due messages: approved, not deleted, not in test mode, `not_before <= now`, not of a
    /// paused campaign, not on a parked channel, earliest `not_before` first. (Those of a cancelled
    /// campaign are taken: the last check calls them off.) No message is given to two callers. Each is
    /// changed through [`Claim::decide`].
    ///
    /// # Errors
    /// [`OnHold`](crate::ErrorKind::OnHold) while on hold, whether anything is due or not. That is looked
    /// at in the transaction of the claim: a standby may be promoted under a running program.
    async fn claim(&self, claim: Claim) -> Result<Vec<Message>>;

    /// Why nothing may be claimed or begun now, in any workspace; `None` when all is well. A store that
    /// cannot go back to an older state never is on hold. See [`hold`](crate::hold).
    async fn hold(&self) -> Result<Option<Hold>>;

    /// Ends the hold `seen`: notes the place the store is in now and applies `sets`, all in one
    /// transaction.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) when the store is not on hold, or on another one by now:
    /// nothing is written.
    async fn lift_hold(&self, seen: &Hold, sets: Vec<ChangeSet>) -> Result<()>;

    /// Becomes the dispatcher, if only one may be. Held until the store is dropped; again is fine.
    ///
    /// # Errors
    /// `Unavailable` when another process holds it.
    async fn become_dispatcher(&self) -> Result<()>;

    /// Seals up to `limit` waiting events (none, if commits seal) of the workspace in commit order with
    /// [`seal`](crate::message::history::seal), in one transaction with the new checkpoint. Returns how
    /// many; none while another program seals them.
    async fn seal(&self, workspace: &Workspace, limit: u32) -> Result<u32>;

    /// The end of the workspace's chain.
    async fn checkpoint(&self, workspace: &Workspace) -> Result<Checkpoint>;

    /// All workspaces that hold anything, sorted.
    async fn workspaces(&self) -> Result<Vec<Workspace>>;

    /// Lists contacts.
    async fn contacts(&self, workspace: &Workspace, query: ContactQuery) -> Result<Page<Contact>>;

    /// The contacts that have any of these keys, each once, in any order; erased ones only by id, those that were merged
    /// into others by external id, too. Of those who share
    /// a phone, the [`SHARED_PHONE`] with the lowest ids. The cost is that of the keys, however many contacts there are.
    async fn contacts_by_keys(
        &self,
        workspace: &Workspace,
        keys: ContactKeys,
    ) -> Result<Vec<Contact>>;

    /// What an import changed, by contact id, behind `after`; at most `limit` (1 to 1,000; 0 means 100).
    async fn import_updates(
        &self,
        workspace: &Workspace,
        import: ImportId,
        after: Option<ContactId>,
        limit: u32,
    ) -> Result<Vec<ImportUpdate>>;

    /// Lists templates.
    async fn templates(
        &self,
        workspace: &Workspace,
        query: TemplateQuery,
    ) -> Result<Page<Template>>;

    /// Lists messages.
    async fn messages(&self, workspace: &Workspace, query: MessageQuery) -> Result<Page<Message>>;

    /// Lists campaigns.
    async fn campaigns(
        &self,
        workspace: &Workspace,
        query: CampaignQuery,
    ) -> Result<Page<Campaign>>;

    /// Lists lines of a plan.
    async fn plan(&self, workspace: &Workspace, query: PlanQuery) -> Result<Page<PlanRow>>;

    /// Lists suppressions.
    async fn suppressions(
        &self,
        workspace: &Workspace,
        query: SuppressionQuery,
    ) -> Result<Page<Suppression>>;

    /// When the people behind these addresses (at most 1,000) last wrote on the channel, by address; those who
    /// did not are left out.
    async fn inbound(
        &self,
        workspace: &Workspace,
        channel: &str,
        addresses: &[String],
    ) -> Result<BTreeMap<String, DateTime<Utc>>>;

    /// Lists events.
    async fn events(&self, workspace: &Workspace, query: EventQuery) -> Result<Vec<StoredEvent>>;

    /// Everything written about one message; empty for an unknown id.
    async fn trail(&self, workspace: &Workspace, message: MessageId) -> Result<Trail>;

    /// The views of these messages, in the order of the ids; unknown ids are left out.
    async fn dispatch(
        &self,
        workspace: &Workspace,
        messages: &[MessageId],
    ) -> Result<Vec<DispatchView>>;

    /// The attempts that these names stand for, in any order, each once. An attempt's id stands for it. A
    /// provider's id stands, in each message that has it now, for the attempts that got it, and for the last
    /// one if its outcome is unknown: such a message learnt the id afterwards.
    async fn attempts(&self, workspace: &Workspace, about: &[About]) -> Result<Vec<Attempt>>;

    /// Lists receipts.
    async fn receipts(
        &self,
        workspace: &Workspace,
        query: ReceiptQuery,
    ) -> Result<Vec<KeptReceipt>>;

    /// All subscriptions of the workspace, by name.
    async fn subscriptions(&self, workspace: &Workspace) -> Result<Vec<Subscription>>;

    /// Lists batches of drafts.
    async fn draft_batches(
        &self,
        workspace: &Workspace,
        query: DraftBatchQuery,
    ) -> Result<Vec<DraftBatch>>;

    /// The voice of the workspace, if one was set.
    async fn voice(&self, workspace: &Workspace) -> Result<Option<Voice>>;

    /// All saved audiences of the workspace, by what their [names](crate::audience::saved::name_key) are told apart by.
    async fn saved_audiences(&self, workspace: &Workspace) -> Result<Vec<SavedAudience>>;

    /// The definitions of all custom fields of the workspace that have one, by name.
    async fn field_definitions(&self, workspace: &Workspace) -> Result<Vec<FieldDefinition>>;

    /// Lists rows of the intake. A row whose payload cannot be read has `null` in its place: it is
    /// worked off, and rejected, like any other.
    async fn intake(&self, workspace: &Workspace, query: IntakeQuery) -> Result<Vec<IntakeRow>>;

    /// Lists budgets and what is used of them.
    async fn budgets(&self, workspace: &Workspace, query: BudgetQuery) -> Result<Vec<BudgetState>>;

    /// Lists entries of the usage ledger.
    async fn ledger(&self, workspace: &Workspace, query: LedgerQuery) -> Result<Page<LedgerEntry>>;

    /// Sums up usage, from rows that are kept with the ledger: what it costs does not grow with the number of
    /// entries. Sums that are nothing in every respect are left out.
    async fn usage(&self, workspace: &Workspace, query: UsageQuery) -> Result<Vec<UsageLine>>;

    /// The counters whose name begins with one of `prefixes`, all of one state; zero ones are left out.
    async fn counters(
        &self,
        workspace: &Workspace,
        prefixes: &[&str],
    ) -> Result<BTreeMap<String, i64>>;
}

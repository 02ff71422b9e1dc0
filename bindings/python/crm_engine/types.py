"""The shapes of what goes in and comes out: plain dictionaries with the engine's own field names.

Instants are text in RFC 3339 and UTC (``2026-11-24T09:00:00Z``), ids are UUIDs as text, money is exact
decimal text. Where an instant or date goes in, a ``datetime`` with a zone or a ``date`` does as well.
"""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import date, datetime
from typing import Any, Generic, Literal, NotRequired, Protocol, TypeAlias, TypedDict, TypeVar

Instant: TypeAlias = str | datetime
Occasion: TypeAlias = Literal["birthday", "new_year", "holiday", "promotion", "custom"]
Role: TypeAlias = Literal["viewer", "manager", "admin"]
Format: TypeAlias = Literal["text", "html"]
AddressKind: TypeAlias = Literal["email", "phone", "telegram", "whatsapp", "external_id"]
Tone: TypeAlias = Literal["professional_friendly", "formal", "casual", "warm"]
MessageStatus: TypeAlias = Literal[
    "draft",
    "pending_approval",
    "approved",
    "claimed",
    "sending",
    "sent",
    "delivered",
    "failed",
    "uncertain",
    "rejected",
    "cancelled",
    "expired",
]
CampaignStatus: TypeAlias = Literal[
    "draft", "scheduled", "active", "paused", "completed", "cancelled"
]
Audience: TypeAlias = dict[str, Any]
"""``{"and": [..]}``, ``{"or": [..]}``, ``{"not": ..}``, ``{"segment": "vip"}``, ``{"tag": ..}``,
``{"language": ..}``, ``{"birthday_within": days}``, ``{"birthday_month": 1..12}``,
``{"custom_field": {"name": .., "equals": ..}}``, ``{"contact": id}``; everybody is ``{"and": []}``."""
Schedule: TypeAlias = dict[str, Any]
"""``{"type": "immediate"}``, ``{"type": "scheduled", "at": instant, "local_time": bool}``,
``{"type": "recurring", "cron": "0 9 * * 1", "time_zone": ..}`` or ``{"type": "birthday", "hour": 9}``."""

T = TypeVar("T")


class Page(TypedDict, Generic[T]):
    """Part of a list. Give ``next`` as ``after`` to get the part behind it."""

    items: list[T]
    total: int | None
    next: str | None


class PageQuery(TypedDict, total=False):
    """Which part of a list: at most ``limit`` (1 to 1,000, usually 100), newest first."""

    limit: int
    skip: int
    after: str | None
    oldest_first: bool
    count: bool


class Consent(TypedDict):
    """What a person agreed to hear about on a channel (``*`` for all)."""

    channel: str
    topic: Literal["relationship", "marketing"]
    status: Literal["opted_in", "opted_out"]
    evidence: NotRequired[str]
    at: Instant


class OptInWish(TypedDict):
    """What a person is asked to say yes to. ``evidence`` says where they asked for it, after a no."""

    channel: str
    topic: Literal["relationship", "marketing"]
    evidence: NotRequired[str | None]


class ContactFields(TypedDict, total=False):
    """What a host knows about a person. A contact needs a name."""

    external_id: str | None
    name: str
    email: str | None
    phone: str | None
    telegram_chat_id: str | None
    whatsapp: str | None
    segment: str
    birthday: str | date | None
    company: str | None
    position: str | None
    language: str
    time_zone: str | None
    tags: list[str]
    custom_fields: dict[str, Any]
    preferred_channels: list[str]
    consent: list[Consent]
    last_interaction_date: Instant | None


class Contact(TypedDict):
    """A person."""

    workspace: str
    id: str
    version: int
    external_id: str | None
    name: str
    email: str | None
    phone: str | None
    telegram_chat_id: str | None
    whatsapp: str | None
    segment: str
    birthday: str | None
    company: str | None
    position: str | None
    language: str
    time_zone: str | None
    tags: list[str]
    custom_fields: dict[str, Any]
    preferred_channels: list[str]
    consent: list[Consent]
    last_interaction_date: str | None
    erased: bool
    created_by: str
    created_at: str
    updated_at: str


class ContactQuery(PageQuery, total=False):
    """Which contacts; all conditions hold together."""

    email: str
    external_id: str
    phone: str
    search: str
    audience: Audience


class RejectedRow(TypedDict):
    """A row of an import that could not be taken."""

    line: int
    cells: list[str]
    reason: str


class Detected(TypedDict):
    """What was found out about an imported file."""

    encoding: str
    separator: str
    profile: str
    confidence: float
    columns: list[str]
    mapping: dict[str, str | None]


class ImportReport(TypedDict):
    """What an import did."""

    detected: Detected
    rows: int
    created: int
    skipped: int
    rejected: list[RejectedRow]


class TemplateFields(TypedDict):
    """What a person writes into a template."""

    name: str
    occasion_type: Occasion
    segment: NotRequired[str | None]
    channel: NotRequired[str | None]
    language: str
    subject: NotRequired[str | None]
    content: str
    format: NotRequired[Format]
    is_active: NotRequired[bool]


class Template(TypedDict):
    """A stored template."""

    workspace: str
    id: str
    version: int
    name: str
    occasion_type: Occasion
    segment: str | None
    channel: str | None
    language: str
    subject: str | None
    content: str
    format: Format
    is_active: bool
    created_by: str
    created_at: str
    updated_at: str


class TemplateQuery(PageQuery, total=False):
    """Which templates."""

    occasion_type: Occasion
    is_active: bool


class GenerateMessage(TypedDict):
    """A request for a draft."""

    contact_id: str
    occasion_type: Occasion
    custom_context: NotRequired[str | None]
    tone: NotRequired[Tone]
    channel: NotRequired[str | None]


class NewDraft(TypedDict):
    """A text a person wrote."""

    contact_id: str
    occasion_type: Occasion
    content: str
    subject: NotRequired[str | None]
    channel: NotRequired[str | None]
    format: NotRequired[Format]
    scheduled_for: NotRequired[Instant | None]
    expires_at: NotRequired[Instant | None]


class MessageEdit(TypedDict, total=False):
    """A change; what is not given stays, ``None`` removes."""

    version: int | None
    content: str
    subject: str | None
    scheduled_for: Instant | None


class Provenance(TypedDict):
    """Where a text came from."""

    model: str | None
    input_tokens: int
    output_tokens: int
    cost_usd: str
    tone: str | None
    language: str | None
    generated_at: str | None
    fallback_used: bool
    error: str | None
    template_id: str | None
    request_id: str | None


class Message(TypedDict):
    """A message and its current text."""

    id: str
    contact_id: str
    campaign_id: str | None
    occasion_type: Occasion
    channel: str
    recipient: str
    subject: str | None
    content: str
    format: Format
    status: MessageStatus
    version: int
    revision: int
    digest: str
    generated_by: Literal["AI", "manual"]
    metadata: Provenance
    created_by: str
    approved_by: str | None
    approved_at: str | None
    scheduled_for: str | None
    expires_at: str | None
    not_before: str
    attempts: int
    failure: str | None
    provider_id: str | None
    sent_at: str | None
    test_mode: bool
    allowed_actions: list[str]
    created_at: str
    updated_at: str


class MessageQuery(PageQuery, total=False):
    """Which messages."""

    status: MessageStatus
    occasion_type: Occasion
    contact_id: str
    campaign_id: str
    generated_by: Literal["AI", "manual"]
    search: str


class Event(TypedDict):
    """One event of the history. ``position`` and hashes come with the seal, within about a second."""

    id: str
    at: str
    actor: str
    role: str
    subject: str
    subject_id: str
    action: str
    status: MessageStatus | None
    version: int
    revision: int | None
    digest: str | None
    reason: str | None
    position: int | None
    prev_hash: str | None
    hash: str | None


class CampaignFields(TypedDict):
    """What a person sets in a campaign."""

    name: str
    description: NotRequired[str | None]
    occasion_type: Occasion
    audience: Audience
    schedule: Schedule
    channel: str
    fallback_channels: NotRequired[list[str]]
    time_zone: NotRequired[str]
    template_id: NotRequired[str | None]
    tone: NotRequired[Tone | None]
    custom_context: NotRequired[str | None]


class Campaign(TypedDict):
    """A stored campaign."""

    workspace: str
    id: str
    version: int
    name: str
    description: str | None
    occasion_type: Occasion
    audience: Audience
    schedule: Schedule
    channel: str
    fallback_channels: list[str]
    time_zone: str
    template_id: str | None
    tone: Tone | None
    custom_context: str | None
    status: CampaignStatus
    test_mode: bool
    occurrence: str | None
    plan_cursor: str | None
    planned: bool
    next_run_at: str | None
    created_by: str
    created_at: str
    updated_at: str


class CampaignQuery(PageQuery, total=False):
    """Which campaigns."""

    status: CampaignStatus
    occasion_type: Occasion


BulkAction = Literal[
    "approve", "reject", "cancel", "resolve_sent", "resolve_resend", "resolve_failed"
]


class BulkSelection(TypedDict, total=False):
    """Which messages a decision is about; all conditions hold together."""

    ids: list[str]
    status: MessageStatus
    occasion_type: Occasion
    contact_id: str
    campaign_id: str
    generated_by: Literal["AI", "manual"]
    search: str


class BulkPreview(TypedDict):
    """What a decision over many messages would touch, and the first of them."""

    count: int
    manifest: str
    sample: list[Message]


class BulkItem(TypedDict):
    """One message that was not decided: ``skipped`` because it changed, or ``failed``."""

    id: str
    outcome: Literal["skipped", "failed"]
    detail: str


class BulkResult(TypedDict):
    """What a decision over many messages did; at most 1,000 items."""

    applied: int
    skipped: int
    failed: int
    items: list[BulkItem]


class CampaignStats(TypedDict):
    """A campaign's figures."""

    generated_count: int
    sent_count: int
    failed_count: int
    ended_count: int


class PlanQuery(PageQuery, total=False):
    """Which lines of a plan."""

    occurrence: str
    excluded: bool


class PlanRow(TypedDict):
    """One line of a plan: who, when, how, or why not."""

    campaign_id: str
    occurrence: str
    contact_id: str
    channel: str
    send_at: str | None
    local_time: str | None
    time_zone: str
    excluded: str | None
    message_id: str | None


class Dashboard(TypedDict):
    """The first look."""

    total_contacts: int
    total_messages: int
    pending_approval: int
    approved: int
    sent: int
    active_campaigns: int
    messages_this_month: int
    generated_at: str


class AiUsage(TypedDict):
    """What drafting cost."""

    ai_generated: int
    manual: int
    total_tokens_used: int
    total_cost_usd: str


class Checkpoint(TypedDict):
    """The end of the sealed history; keep copies elsewhere."""

    position: int
    hash: str


class Hold(TypedDict):
    """Why nothing is sent until an admin acknowledges it."""

    reason: Literal["failed_over", "restored", "moved"]
    noted: str
    found: str


class Verification(TypedDict):
    """What checking the history found."""

    valid: bool
    sealed: int
    first_bad: int | None
    checkpoint: Checkpoint


class Work(TypedDict):
    """What the worker did; ``drained`` counts the rows of the intake that were worked off."""

    drained: int
    planned: int
    drafted: int
    begun: int
    swept: int
    sealed: int


class Capabilities(TypedDict, total=False):
    """What a channel can do. Usually: ``email``, with a subject, 16 at once, 30,000 ms."""

    address: AddressKind
    subject: bool
    html: bool
    max_length: int | None
    idempotent: bool
    concurrency: int
    timeout_ms: int


class Delivery(TypedDict):
    """An approved message as a channel gets it."""

    message_id: str
    contact_id: str
    attempt_id: str
    attempt: int
    channel: str
    recipient: str
    sender: str
    subject: str | None
    content: str
    format: Format
    digest: str


class Outcome(TypedDict):
    """How a delivery ended; made by the functions in ``crm_engine.outcome``."""

    outcome: Literal["accepted", "dead", "rejected", "retry_after", "stop", "unknown"]
    provider_id: NotRequired[str]
    reason: NotRequired[str]
    scope: NotRequired[Literal["message", "recipient", "channel"]]
    at_least_ms: NotRequired[int]


class DraftRequest(TypedDict):
    """What a model is asked. ``user`` is JSON: data about the task, never instructions."""

    system: str
    user: str
    language: str
    subject: bool
    max_length: int
    max_tokens: int


class Draft(TypedDict):
    """A draft. ``cost_picodollars`` is 10^-12 US dollars."""

    content: str
    subject: NotRequired[str | None]
    language: NotRequired[str | None]
    model: NotRequired[str]
    input_tokens: NotRequired[int]
    output_tokens: NotRequired[int]
    cost_picodollars: NotRequired[int]
    request_id: NotRequired[str | None]


class DraftFailure(TypedDict):
    """Why there is no draft; ``reason`` is a short code."""

    failure: Literal["refused", "truncated", "bad_output", "unavailable", "configuration"]
    reason: NotRequired[str]
    retry_after_s: NotRequired[int]
    input_tokens: NotRequired[int]
    output_tokens: NotRequired[int]
    cost_picodollars: NotRequired[int]


class Channel(Protocol):
    """A channel of your own: any object with ``send``, which may be ``async``.

    An attribute ``capabilities`` (:class:`Capabilities`) says what it can do. ``send`` delivers exactly
    ``message["content"]`` to ``message["recipient"]``, once, and says how it ended
    (:mod:`crm_engine.outcome`). ``retry_after`` and ``stop`` are for when the message provably was not
    taken. An exception, a timeout or any other answer counts as ``unknown``: a person decides.
    """

    def send(self, message: Delivery, /) -> Outcome | Awaitable[Outcome]:
        """Delivers one message. A plain method runs on a thread of its own."""
        ...


class Llm(Protocol):
    """A model of your own: any object with ``draft``, which may be ``async``.

    An attribute ``timeout_ms`` (usually 60,000) says how long one draft may take. An exception, a
    timeout or an unusable answer counts as a failure: a template or a built-in greeting stands in.
    """

    def draft(
        self, request: DraftRequest, /
    ) -> str | Draft | DraftFailure | Awaitable[str | Draft | DraftFailure]:
        """Writes one draft. A plain method runs on a thread of its own."""
        ...

"""The shapes of what goes in and comes out: plain dictionaries with the engine's own field names.

Instants are text in RFC 3339 and UTC (``2026-11-24T09:00:00Z``), ids are UUIDs as text, money is exact
decimal text. Where an instant or date goes in, a ``datetime`` with a zone or a ``date`` does as well.
"""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import date, datetime
from os import PathLike
from typing import Any, Generic, Literal, NotRequired, Protocol, TypeAlias, TypedDict, TypeVar

from .errors import FieldError

Instant: TypeAlias = str | datetime
Occasion: TypeAlias = Literal["birthday", "new_year", "holiday", "promotion", "custom"]
Role: TypeAlias = Literal["viewer", "manager", "admin"]
Format: TypeAlias = Literal["text", "html"]
AddressKind: TypeAlias = Literal["email", "phone", "telegram", "whatsapp", "external_id"]
Tone: TypeAlias = Literal["professional_friendly", "formal", "casual", "warm"]
FieldType: TypeAlias = Literal["text", "number", "boolean", "date", "choice"]
Severity: TypeAlias = Literal["notice", "warning", "blocking"]
Guardrail: TypeAlias = Literal[
    "length",
    "parts",
    "placeholder",
    "language",
    "number",
    "name",
    "link",
    "banned_term",
    "personal_data",
    "instructions",
    "greeting",
    "duplicate",
    "injection",
]
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
``{"custom_field": {"name": .., "equals": ..}}`` (or ``less_than``, ``at_most``, ``greater_than``,
``at_least`` a number, a date or an instant; or ``"exists": True``), ``{"has": "email"}``,
``{"consent": {"channel": .., "topic": .., "status": "opted_in"}}`` (or ``"opted_out"``, ``"none"``),
``{"last_interaction_before": {"days": 90}}`` (or ``{"date": "2026-01-31"}``),
``{"saved": name_or_id}``, ``{"in_campaign": id}``, ``{"message": {"state": "sent"}}`` (or ``"delivered"``, ``"failed"``; perhaps
with ``"campaign": id`` and ``"within_days": 30``), ``{"contact": id}``; everybody is ``{"and": []}``.

Where one goes in, a text does as well: ``"segment = vip and not has email"``."""
Schedule: TypeAlias = dict[str, Any]
"""``{"type": "immediate"}``, ``{"type": "scheduled", "at": instant, "local_time": bool}``,
``{"type": "recurring", "cron": "0 9 * * 1", "time_zone": ..}`` ``{"type": "rule", "rule": "FREQ=MONTHLY;BYDAY=-1FR", "starts": "2026-12-01T09:00:00", "time_zone": ..}``
or ``{"type": "date", "hour": 9}`` (perhaps with
``"field"``: ``"birthday"`` or a custom field, ``"repeat"``: ``"yearly"`` or ``"once"``, ``"offset_days"``: -366 to 366, negative
before the date, ``"leap_day"``: ``"feb_28"`` or ``"mar_1"``, ``"ahead_days"``: how long before it leaves a message is drafted)."""

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


class ContactPatch(TypedDict, total=False):
    """What is said of a contact. A field that is left out is not spoken of, ``None`` clears it."""

    external_id: str | None
    name: str | None
    email: str | None
    phone: str | None
    telegram_chat_id: str | None
    whatsapp: str | None
    segment: str | None
    birthday: str | date | None
    company: str | None
    position: str | None
    language: str | None
    time_zone: str | None
    tags: list[str] | None
    custom_fields: dict[str, Any] | None
    preferred_channels: list[str] | None
    consent: list[Consent] | None
    last_interaction_date: Instant | None


class MergeOptions(TypedDict, total=False):
    """How two contacts become one. ``take`` names fields that come from the one that goes, where it has them."""

    take: list[str]
    version: int | None
    contact_version: int | None


class UpsertOutcome(TypedDict):
    """What became of one row; the last three say why it was refused."""

    outcome: Literal["created", "updated", "unchanged", "refused"]
    id: str | None
    changed: list[str]
    code: str | None
    reason: str | None
    errors: list[FieldError]


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
    guessed_time_zone: str | None
    """The zone that the phone number tells while ``time_zone`` is not known."""
    tags: list[str]
    custom_fields: dict[str, Any]
    preferred_channels: list[str]
    consent: list[Consent]
    last_interaction_date: str | None
    erased: bool
    merged_into: str | None
    created_by: str
    created_at: str
    updated_at: str


class ContactQuery(PageQuery, total=False):
    """Which contacts; all conditions hold together."""

    email: str
    external_id: str
    phone: str
    search: str
    audience: Audience | str


class RejectedRow(TypedDict):
    """A row of an import that could not be taken."""

    line: int
    cells: list[str]
    reason: str


DateOrder = Literal["day_first", "month_first"]
"""What comes first in dates that can be read in two ways."""


ImportDuplicates: TypeAlias = Literal["skip", "update", "fill", "create"]
"""What becomes of people who are already there, by external id, e-mail or phone: nothing; what the file says replaces what is
known; it fills what is empty; one more contact."""


class ImportOptions(TypedDict, total=False):
    """What is known of a file of contacts beforehand; the rest is found out."""

    encoding: str | None
    separator: str | None
    sheet: str | None
    region: str | None
    dates: DateOrder | None
    mapping: dict[str, str | None]
    duplicates: ImportDuplicates


class ImportWarning(TypedDict):
    """Something a person should look at: ``one_column``, ``ambiguous_dates``, ``doubtful_encoding``, ``more_sheets``."""

    code: str
    column: NotRequired[str]


class Detected(TypedDict):
    """What was found out about an imported file."""

    format: Literal["csv", "vcard", "json_lines", "xlsx"]
    encoding: str
    encoding_confidence: float
    sheet: str
    separator: str
    line_end: Literal["lf", "crlf", "cr", "mixed"]
    says_separator: bool
    region: str
    profile: str
    confidence: float
    columns: list[str]
    mapping: dict[str, str | None]
    dates: dict[str, DateOrder]
    rows: int
    warnings: list[ImportWarning]


class LostValue(TypedDict):
    """A cell that says nothing usable, in a row that was taken without it."""

    line: int
    column: str
    reason: str


class ImportReport(TypedDict):
    """What an import did."""

    import_id: str
    detected: Detected
    rows: int
    created: int
    updated: int
    skipped: int
    rejected: list[RejectedRow]
    lost: list[LostValue]


class ImportSample(TypedDict):
    """What would become of one row, and the contact as it would be."""

    line: int
    outcome: Literal["created", "updated", "skipped"]
    contact: ContactFields
    changed: list[str]


class SavedAudienceFields(TypedDict):
    """An audience, as JSON or as a text, and the name it is saved under."""

    name: str
    description: NotRequired[str | None]
    audience: Audience | str


class SavedAudience(TypedDict):
    """An audience that is saved under a name."""

    workspace: str
    id: str
    version: int
    name: str
    description: str | None
    audience: Audience
    created_by: str
    created_at: str
    updated_at: str


class AudienceSample(TypedDict):
    """Whom an audience has now: how many, and the newest of them."""

    count: int
    items: list[Contact]


class DefinitionFields(TypedDict):
    """What a custom field is: its type, for a ``choice`` the texts it is between, and what people call it."""

    label: NotRequired[str | None]
    type: FieldType
    options: NotRequired[list[str]]


class FieldDefinition(TypedDict):
    """The definition of a custom field."""

    workspace: str
    name: str
    version: int
    label: str | None
    type: FieldType
    options: list[str]
    created_by: str
    created_at: str
    updated_at: str


class DefinedField(FieldDefinition):
    """The definition of a custom field, and how many contacts have a value in it that does not fit."""

    unfitting: int


class TypedColumn(TypedDict):
    """A column that fills a custom field with a type, and what in it could not be taken."""

    column: str
    field: str
    label: str | None
    type: FieldType
    options: list[str]
    refused: int
    samples: list[str]


class ImportPreview(TypedDict):
    """What an import would do."""

    detected: Detected
    rows: int
    created: int
    updated: int
    skipped: int
    rejected: int
    exact: bool
    samples: list[ImportSample]
    rejects: list[RejectedRow]
    lost: list[LostValue]
    fields: list[TypedColumn]


class KeptContact(TypedDict):
    """A contact that an import made or changed and that stays: ``edited``, ``has_messages`` or ``taken``."""

    id: str
    reason: str


class RevertReport(TypedDict):
    """What taking an import back did."""

    removed: int
    restored: int
    kept: int
    items: list[KeptContact]


class ExportOptions(TypedDict, total=False):
    """How a file of contacts is written, and whom it holds; what is not said is as usual for the format."""

    format: Literal["csv", "vcard", "json_lines"]
    excel: bool
    encoding: str | None
    separator: str | None
    line_end: Literal["lf", "crlf"] | None
    vcard_version: Literal["3.0", "4.0"] | None
    custom_fields: list[str] | None
    audience: Audience | None
    search: str | None


class ExportReport(TypedDict):
    """What an export wrote."""

    contacts: int
    lossy_cells: int
    left_out: int


class SubjectAccess(TypedDict):
    """All that is kept about one person: a document for them."""

    at: str
    contact: Contact
    merged: list[Contact]
    messages: list[dict[str, Any]]
    plans: list[dict[str, Any]]
    suppressions: list[dict[str, Any]]
    inbound: list[dict[str, Any]]
    history: list[dict[str, Any]]


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


class TemplatePreviewFor(TypedDict, total=False):
    """Whom a template is previewed for: a contact or made-up fields of one; and when it would leave, now unless
    set."""

    contact_id: str
    sample: ContactFields
    at: Instant | None


class TemplateGap(TypedDict):
    """A value that a template names and the person does not give."""

    variable: str
    problem: Literal["missing", "not_a_date", "not_a_number"]


class TextUnits(TypedDict):
    """What a text is in the provider's units; ``forced_by`` is the first character that rules the cheaper
    encoding out."""

    count: int
    unit: Literal["message", "part"]
    encoding: NotRequired[Literal["gsm-7", "ucs-2"]]
    forced_by: NotRequired[str]


class ChannelPreview(TypedDict):
    """A text on one channel."""

    channel: str
    reachable: bool
    subject: bool
    characters: int
    max_length: int | None
    sendable: bool
    units: TextUnits


class TemplatePreview(TypedDict):
    """A template as somebody would get it. With anything ``missing`` no message would be made."""

    template_id: str
    template_version: int
    language: str
    contact_language: str
    subject: str | None
    content: str
    format: Format
    missing: list[TemplateGap]
    channels: list[ChannelPreview]


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
    variant: str | None
    language: str | None
    generated_at: str | None
    fallback_used: bool
    fallback_step: Literal["other_model", "template", "greeting"] | None
    error: str | None
    template_id: str | None
    template_version: int | None
    request_id: str | None
    prompt_version: str | None
    context: str | None
    flagged: list[str]


class Variant(TypedDict):
    """One of several texts to choose from; nothing of it is stored."""

    subject: str | None
    content: str
    format: Format
    generated_by: Literal["AI", "manual"]
    metadata: Provenance


class VoiceExample(TypedDict):
    """A text that the house likes, written for this purpose."""

    occasion: Occasion
    language: str
    subject: NotRequired[str | None]
    content: str


class VoiceFields(TypedDict, total=False):
    """Who the house is, how it writes, what it never says, how it signs, and texts it likes."""

    about: str
    style: str
    do_not: list[str]
    signature: str | None
    examples: list[VoiceExample]


class Voice(TypedDict):
    """The voice of a workspace; of version 0 while none was set."""

    workspace: str
    version: int
    about: str
    style: str
    do_not: list[str]
    signature: str | None
    examples: list[VoiceExample]
    updated_by: str
    updated_at: str


class Span(TypedDict):
    """From ``start`` to before ``end``, in characters (Unicode scalar values)."""

    start: int
    end: int


class Finding(TypedDict):
    """One thing that is wrong with a text, or may be. It never repeats the text."""

    rule: Guardrail
    severity: Severity
    #: ``content`` is the text as its reader sees it; ``field`` one of the contact's.
    part: Literal["subject", "content", "field"]
    span: Span | None
    message: str


class GuardrailRules(TypedDict, total=False):
    """What texts are checked by; see ``docs/guardrails.md``."""

    levels: dict[Guardrail, Literal["off", "notice", "warning", "blocking"]]
    max_length: int | None
    max_parts: int
    banned_terms: list[str]
    allowed_hosts: list[str]
    facts: list[str]


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
    #: Since when it is due; ``None`` unless it waits to leave, is about to, or is in doubt.
    queued_at: str | None
    attempts: int
    failure: str | None
    provider_id: str | None
    sent_at: str | None
    #: What guardrails found in the current text.
    findings: list[Finding]
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
    #: With a finding at least as grave.
    severity: Severity
    #: The gravest findings first.
    gravest_first: bool


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


# Named after a word of the language.
_From = TypedDict("_From", {"from": str})


class QuietHours(_From):
    """The part of each day in which nothing leaves, as wall times ``HH:MM``; it may span midnight."""

    until: str


Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class SendingTimes(TypedDict, total=False):
    """When messages may leave by the recipient's clock. What is left out limits nothing."""

    quiet_hours: QuietHours | None
    working_days: list[Day]
    holidays: list[str]
    otherwise: Literal["hold", "skip"]


class Calendar(TypedDict):
    """A calendar of holidays: ``YYYY-MM-DD``, or ``--MM-DD`` for every year."""

    name: str
    based_on: NotRequired[Literal["uz", "ru"] | None]
    days: NotRequired[list[str]]
    worked: NotRequired[list[str]]


class DateRule(TypedDict):
    """Which of a contact's dates, and how far from it a message leaves."""

    field: NotRequired[str]
    repeat: NotRequired[Literal["yearly", "once"]]
    offset_days: NotRequired[int]
    hour: int
    leap_day: NotRequired[Literal["feb_28", "mar_1"]]
    ahead_days: NotRequired[int]


class Arm(TypedDict):
    """One of several texts. What it leaves out is as the campaign has it."""

    name: str
    weight: int
    template_id: NotRequired[str | None]
    tone: NotRequired[Tone | None]
    custom_context: NotRequired[str | None]


class Variants(TypedDict):
    """Texts that are tried against each other. Who gets which is drawn for each contact, and stays."""

    arms: list[Arm]
    holdout_permille: NotRequired[int]


class VariantStats(TypedDict):
    """The figures of one variant."""

    name: str
    generated_count: int
    decided_count: int
    edited_count: int
    rejected_count: int
    sent_count: int
    failed_count: int


class Interval(TypedDict):
    """All values from ``low`` to ``high``."""

    low: float
    high: float


class Counts(TypedDict):
    """What was counted in one variant."""

    n: int
    successes: int


class ArmResult(TypedDict):
    """What is known of one variant."""

    counts: Counts
    rate: float | None
    interval: Interval


class Comparison(TypedDict):
    """One variant against the first one."""

    arm: int
    difference: float | None
    interval: Interval
    p_value: float


class Report(TypedDict):
    """The variants against each other. ``verdict`` is ``{"type": "go_on"}`` or
    ``{"type": "suggest_stop", "winner": place}``."""

    arms: list[ArmResult]
    comparisons: list[Comparison]
    verdict: dict[str, Any]


class Experiment(TypedDict):
    """What a campaign's variants show so far."""

    variants: list[VariantStats]
    holdout_permille: int
    edited: Report | None
    rejected: Report | None


class CampaignFields(TypedDict):
    """What a person sets in a campaign."""

    name: str
    description: NotRequired[str | None]
    occasion_type: Occasion
    audience: Audience | str
    schedule: Schedule
    channel: str
    fallback_channels: NotRequired[list[str]]
    time_zone: NotRequired[str]
    template_id: NotRequired[str | None]
    tone: NotRequired[Tone | None]
    custom_context: NotRequired[str | None]
    when_unavailable: NotRequired[Literal["fallback", "wait"]]
    drafting: NotRequired[Literal["now", "batch"]]
    sending_times: NotRequired[SendingTimes]
    spread_minutes: NotRequired[int]
    variants: NotRequired[Variants | None]


class CampaignWaiting(TypedDict):
    """Why nothing of a campaign is drafted for now."""

    reason: str
    since: str


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
    when_unavailable: Literal["fallback", "wait"]
    drafting: Literal["now", "batch"]
    sending_times: SendingTimes
    spread_minutes: int
    variants: Variants | None
    status: CampaignStatus
    test_mode: bool
    occurrence: str | None
    plan_cursor: str | None
    planned: bool
    waiting: CampaignWaiting | None
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
    severity: Severity


class BulkFinding(TypedDict):
    """What a guardrail found among many messages."""

    rule: Guardrail
    severity: Severity
    messages: int


class Duplicates(TypedDict):
    """Messages of a campaign whose texts are alike; ``exact``: the same but for the name."""

    messages: list[str]
    exact: bool


class BulkPreview(TypedDict):
    """What a decision over many messages would touch, and the first of them."""

    count: int
    #: How many have blocking findings: approving refuses these.
    blocked: int
    #: What guardrails found in how many of them, the gravest first.
    findings: list[BulkFinding]
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


Period: TypeAlias = Literal["total", "day"]


class Budget(TypedDict):
    """A limit on what drafts cost, and how much of it is used. Amounts are US dollars as exact text."""

    #: ``None`` for the whole workspace, its campaigns included.
    campaign_id: str | None
    period: Period
    limit_usd: str
    #: In all, or today; calls whose answer was lost are assumed to have cost what was reserved.
    spent_usd: str
    #: What calls under way can cost at most.
    reserved_usd: str
    left_usd: str
    version: int


class UsageQuery(TypedDict, total=False):
    """Which sums, by name: give the last ``name`` as ``after`` to get the part behind it. Days are those of the
    workspace, ``YYYY-MM-DD``."""

    group: Literal["model", "campaign", "actor", "day"]
    from_day: str
    to_day: str
    campaign_id: str
    actor: str
    model: str
    limit: int
    after: str


class UsageSum(TypedDict):
    """What was spent on one model, by one campaign (its id; empty for none), by one actor or on one day."""

    name: str
    calls: int
    cost_usd: str
    reserved_usd: str
    input_tokens: int
    output_tokens: int
    cache_write_5m_tokens: int
    cache_write_1h_tokens: int
    cache_read_tokens: int


class UsageCallQuery(PageQuery, total=False):
    """Which calls of models."""

    state: Literal["reserved", "settled", "released", "assumed"]
    from_day: str
    to_day: str
    campaign_id: str
    actor: str


class UsageCall(TypedDict):
    """One call of a model: under way (``reserved``), ended (``settled``), without cost (``released``), or with its
    answer lost (``assumed``: it counts as much as was reserved)."""

    id: str
    at: str
    day: str
    actor: str
    campaign_id: str | None
    model: str
    answered: str | None
    state: Literal["reserved", "settled", "released", "assumed"]
    reserved_usd: str | None
    cost_usd: str
    input_tokens: int
    output_tokens: int
    cache_write_5m_tokens: int
    cache_write_1h_tokens: int
    cache_read_tokens: int
    batch: bool
    request_id: str | None
    failure: str | None
    closed_at: str | None


class CampaignCost(TypedDict):
    """What a campaign costs: before it runs an estimate, while it runs what was spent and what is to come, after
    it what was spent."""

    drafted: int
    to_draft: int
    spent_usd: str
    reserved_usd: str
    #: What one draft usually costs; ``None`` when nobody knows.
    typical_usd: str | None
    #: Where that is taken from.
    basis: Literal["campaign", "workspace", "bound", "no_model", "unknown"]
    expected_total_usd: str | None
    at_most_usd: str | None


class DraftBatch(TypedDict):
    """How far a batch of drafts is at the provider."""

    #: ``batch_id`` of the plan's lines in it.
    id: str
    #: ``submitting`` while it is not known whether the provider has it.
    state: Literal["planned", "submitting", "running", "closed"]
    #: How many lines it was made of; once it is handed over, how many requests.
    requests: int
    #: How often the provider surely did not take it.
    attempt: int
    submitted_at: str | None
    #: Not looked at before.
    due_at: str
    #: Failed calls since the last one that brought an answer.
    failures: int
    #: Code of the last failure, until a call brings an answer.
    last_error: str | None
    created_at: str
    closed_at: str | None


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
    variant: str | None
    message_id: str | None
    batch_id: str | None


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


class StateChange(TypedDict):
    """One event of the history, as a subscriber is told of it: ids and codes, nothing that a person wrote.

    ``id`` is the same however often it is told; ``position`` counts 1, 2, 3, ... in the workspace. What happened
    is ``action``, in the past tense, to the row ``subject_id`` of the kind ``subject``.
    """

    id: str
    position: int
    workspace: str
    at: str
    subject: str
    subject_id: str
    action: str
    status: MessageStatus | None
    version: int
    actor: str
    role: str
    code: str | None


class Notice(TypedDict):
    """Something that was committed, as an observer is told of it."""

    workspace: str
    subject: str
    id: str
    action: str
    status: MessageStatus | None
    version: int


class Told(TypedDict):
    """What became of a call of a subscriber; made by the functions in ``crm_engine.told``."""

    told: Literal["taken", "later", "closed"]
    at_least_ms: NotRequired[int | None]
    reason: NotRequired[str]


class SubscriberCapabilities(TypedDict, total=False):
    """How a subscriber is called: with up to ``batch`` changes (usually 100), for 30,000 ms at most."""

    batch: int
    timeout_ms: int


class Subscription(TypedDict):
    """How far a subscriber was told of the history.

    ``failing`` ones are called again at ``due_at``, ``disabled`` ones not until they are enabled. ``last_error``
    is a code: of your own, ``plugin_raised``, ``plugin_not_reachable``, ``timeout`` or ``bad_answer``.
    """

    name: str
    state: Literal["active", "failing", "disabled"]
    position: int
    #: Sealed events behind it.
    lag: int
    failures: int
    failing_since: str | None
    last_error: str | None
    due_at: str
    disabled_at: str | None
    created_at: str
    #: Whether this engine has a subscriber of this name.
    set_up: bool


class Work(TypedDict):
    """What the worker did; ``drained`` counts the rows of the intake that were worked off, ``told`` the state
    changes that subscribers took."""

    drained: int
    planned: int
    drafted: int
    begun: int
    swept: int
    sealed: int
    told: int


class Rate(TypedDict):
    """So many units (parts of text messages, or messages) in so many seconds."""

    units: int
    per: int


class Http(TypedDict, total=False):
    """How a provider over HTTP is reached. ``base`` is another server than the provider's own. Seconds."""

    base: str
    connect_timeout: int
    timeout: int
    extra_roots_pem: str


class Layers(TypedDict, total=False):
    """Keys of a channel, whoever its provider is: one that takes nothing rests for ``rest`` seconds (usually
    30), longer each time up to ``most`` (usually 1,800)."""

    rest: int
    most: int
    rate: Rate


class OutboxSettings(Layers):
    """Files, in ``directory`` or in the outbox of ``open``."""

    type: Literal["outbox"]
    name: NotRequired[str]
    directory: NotRequired[str | PathLike[str]]
    address: NotRequired[AddressKind]


class Dkim(TypedDict):
    """Signs mails, for relays that do not. The key is PEM: RSA of 2,048 bits or more, or Ed25519."""

    domain: str
    selector: str
    private_key: str


_MaybeFrom = TypedDict("_MaybeFrom", {"from": NotRequired[str]})


class SmtpSettings(Layers, _From):
    """A mail relay. ``unsubscribe`` (usually true): mails say where to, once ``open`` knows."""

    type: Literal["smtp"]
    name: NotRequired[str]
    host: str
    port: NotRequired[int]
    tls: NotRequired[Literal["none", "starttls", "implicit"]]
    user: NotRequired[str]
    password: NotRequired[str]
    hello: NotRequired[str]
    connect_timeout: NotRequired[int]
    command_timeout: NotRequired[int]
    data_timeout: NotRequired[int]
    max_connections: NotRequired[int]
    concurrency: NotRequired[int]
    extra_roots_pem: NotRequired[str]
    allow_insecure_auth: NotRequired[bool]
    unsubscribe: NotRequired[bool]
    return_path: NotRequired[str]
    html_alternative: NotRequired[bool]
    dkim: NotRequired[Dkim]


class TwilioSettings(Layers, _From):
    """Text messages, or WhatsApp, through Twilio."""

    type: Literal["twilio"]
    name: NotRequired[str]
    kind: NotRequired[Literal["sms", "whatsapp"]]
    account_sid: str
    auth_token: str
    api_key_sid: NotRequired[str]
    api_key_secret: NotRequired[str]
    status_callback: NotRequired[str]
    #: WhatsApp: whether only people who wrote within 24 hours are written to.
    window: NotRequired[bool]
    validity: NotRequired[int]
    concurrency: NotRequired[int]
    http: NotRequired[Http]


class EskizSettings(Layers, _MaybeFrom):
    """Text messages in Uzbekistan through Eskiz."""

    type: Literal["eskiz"]
    name: NotRequired[str]
    email: str
    password: str
    callback_url: NotRequired[str]
    callback_token: NotRequired[str]
    concurrency: NotRequired[int]
    http: NotRequired[Http]


class TelegramSettings(Layers):
    """A bot. ``webhook_secret`` is what ``setWebhook`` was given as ``secret_token``."""

    type: Literal["telegram"]
    name: NotRequired[str]
    token: str
    webhook_secret: NotRequired[str]
    link_previews: NotRequired[bool]
    silent: NotRequired[bool]
    http: NotRequired[Http]


class WhatsAppTemplate(TypedDict):
    """An approved template; ``{{1}}`` in its body is where the text goes."""

    name: str
    language: str
    body: str


class WhatsAppSettings(Layers):
    """The Cloud API: free text, or with a ``template``."""

    type: Literal["whatsapp"]
    name: NotRequired[str]
    phone_number_id: str
    access_token: str
    app_secret: NotRequired[str]
    verify_token: NotRequired[str]
    preview_links: NotRequired[bool]
    #: Free text: whether only people who wrote within 24 hours are written to. Usual with ``app_secret``.
    window: NotRequired[bool]
    template: NotRequired[WhatsAppTemplate]
    version: NotRequired[str]
    http: NotRequired[Http]


class WebhookSettings(Layers):
    """A signed request (Standard Webhooks) to a service of your own."""

    type: Literal["webhook"]
    name: NotRequired[str]
    url: str
    secrets: list[str]
    event: NotRequired[str]
    address: NotRequired[AddressKind]
    gone: NotRequired[Literal["address", "endpoint"]]
    allowed: NotRequired[list[str]]
    http: NotRequired[Http]


ProviderSettings: TypeAlias = (
    OutboxSettings
    | SmtpSettings
    | TwilioSettings
    | EskizSettings
    | TelegramSettings
    | WhatsAppSettings
    | WebhookSettings
)
"""A provider, under the keys of the settings file of the host in ``examples/host``."""


class Providers(Layers):
    """Several providers behind one channel, the preferred one first. One that takes none rests, and the next
    one has the messages, but never one that the first may have taken."""

    providers: list[ProviderSettings | Channel]


class RateLimit(TypedDict):
    """So many units (parts of text messages, or messages) in so many milliseconds."""

    units: int
    per_ms: int


class Capabilities(TypedDict, total=False):
    """What a channel can do. Usually: ``email``, with a subject, 16 at once, 30,000 ms.

    ``look_up`` and ``receipts`` are true when the channel has the methods ``look_up`` and ``read``, unless
    said otherwise.
    """

    address: AddressKind
    subject: bool
    html: bool
    max_length: int | None
    #: Whether the provider removes duplicates by ``key``: ``unknown`` is then repeated by itself.
    idempotent: bool
    look_up: bool
    receipts: bool
    #: Milliseconds after a person's last message (``inbound``) in which they may be written to; usually always.
    window_ms: int
    rate: RateLimit
    concurrency: int
    timeout_ms: int


class Delivery(TypedDict):
    """An approved message as a channel gets it."""

    message_id: str
    contact_id: str
    #: Idempotency key: the same for all attempts that follow from one decision of a person.
    key: str
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


class Doubt(TypedDict):
    """A delivery of which nobody knows whether the provider took it."""

    attempt_id: str
    started_at: str
    recipient: str
    subject: str | None
    content: str


class LookUp(TypedDict):
    """What a look-up found. ``not_taken`` is for when the provider proves it; ``taken`` has a ``provider_id``."""

    found: Literal["taken", "not_taken", "unknown"]
    provider_id: NotRequired[str]
    reason: NotRequired[str]


class Callback(TypedDict):
    """A request that a provider made to the host, as it arrived. Signatures cover ``url`` and ``body``."""

    url: str
    headers: list[tuple[str, str]]
    body: bytes


class ReceiptNews(TypedDict):
    """How a delivery went, named by ``provider_id`` or by ``attempt_id``. What failed has a code as ``reason``
    and is ``dead`` when its address can never work."""

    news: Literal["receipt"]
    provider_id: NotRequired[str | None]
    attempt_id: NotRequired[str | None]
    fate: Literal["accepted", "failed", "delivered", "read"]
    reason: NotRequired[str | None]
    dead: NotRequired[bool | None]
    at: NotRequired[Instant | None]


class OptOutNews(TypedDict):
    """A person wants nothing more on this channel. ``reason``: ``reply`` (usually), ``blocked``,
    ``complaint``."""

    news: Literal["opt_out"]
    address: str
    reason: NotRequired[str | None]


class OptInNews(TypedDict):
    """A person came back."""

    news: Literal["opt_in"]
    address: str


class InboundNews(TypedDict):
    """A person wrote something else."""

    news: Literal["inbound"]
    address: str
    at: NotRequired[Instant | None]


News: TypeAlias = ReceiptNews | OptOutNews | OptInNews | InboundNews
"""One thing a provider says after the call."""


class Refused(TypedDict):
    """A callback that is not taken: its signature is wrong, or it is signed and cannot be read."""

    refused: Literal["forbidden", "invalid"]


class Received(TypedDict):
    """What a callback said, known things included."""

    receipts: int
    opt_outs: int
    opt_ins: int
    inbound: int


class Receipt(TypedDict):
    """What a provider said of a delivery; ``at`` is by its own clock."""

    fate: Literal["accepted", "failed", "delivered", "read"]
    reason: str | None
    at: str | None
    received_at: str


class Attempt(TypedDict):
    """One call of a provider. ``outcome`` is ``None`` while it is awaited."""

    id: str
    number: int
    started_at: str
    finished_at: str | None
    outcome: Literal["accepted", "dead", "rejected", "retry_after", "stop", "unknown"] | None
    provider_id: str | None
    reason: str | None
    receipts: list[Receipt]


class Unsubscription(TypedDict):
    """What the bearer of a link wants: nothing more about ``topic`` on ``channel``."""

    workspace: str
    contact_id: str
    channel: str
    topic: Literal["relationship", "marketing"]


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

    It may have these methods besides, plain or ``async``:

    - ``look_up(doubt)`` (:class:`Doubt`, :class:`LookUp`) asks the provider about what is ``unknown``. An
      exception, a timeout or any other answer settles nothing.
    - ``read(callback)`` (:class:`Callback`) checks the signature of what the provider posted and returns a
      list of :data:`News`, or :class:`Refused`. An exception, a timeout or any other answer raises
      ``UnavailableError`` out of ``receive``, and nothing is kept: let the provider come again.
    - ``units(subject, content)`` says what a text costs of ``rate``, 1 to 1,000, without waiting for
      anything: deliveries stand still meanwhile. An exception or any other answer counts as 1; when it takes
      more than a second it is not asked again.

    In a list of ``providers`` an attribute ``name`` is the provider's name, usually ``plugin``.
    """

    def send(self, message: Delivery, /) -> Outcome | Awaitable[Outcome]:
        """Delivers one message. A plain method runs on a thread of its own."""
        ...


class Llm(Protocol):
    """A model of your own: any object with ``draft``, which may be ``async``.

    An attribute ``timeout_ms`` (usually 60,000) says how long one draft may take. An attribute
    ``worst_cost_usd`` (exact text such as ``"0.02"``) says what one can cost at most; without it no budget lets
    a draft through. An exception, a timeout or an unusable answer counts as a failure: a template or a built-in
    greeting stands in.
    """

    def draft(
        self, request: DraftRequest, /
    ) -> str | Draft | DraftFailure | Awaitable[str | Draft | DraftFailure]:
        """Writes one draft. A plain method runs on a thread of its own."""
        ...


class Subscriber(Protocol):
    """A subscriber of your own: any object with ``deliver``, which may be ``async``.

    It is told of every state change of the workspaces that ``subscribe`` was called for, whichever process did
    it, at least once and in order, one call at a time for each workspace. An attribute ``actions`` says which:
    ``["message.sent", "contact.*"]``, usually all; what is passed over does not come again. An attribute
    ``capabilities`` (:class:`SubscriberCapabilities`) says how it is called.

    Do what ``changes`` ask for durably, then return ``told.taken()`` (:mod:`crm_engine.told`). An exception, a
    timeout or any other answer, ``None`` as well, counts as ``later``: the same changes come again, with the
    same ids, and nothing behind them before. After three days of failures it is disabled.
    """

    def deliver(self, changes: list[StateChange], /) -> Told | Awaitable[Told]:
        """Takes these changes, oldest first. A plain method runs on a thread of its own."""
        ...


class Observer(Protocol):
    """An observer of your own: any object with ``notice``, which may be ``async``.

    It is told at once of what this engine commits, in all workspaces, but for claims, and of nothing that other
    processes do; nothing comes again. For a program that has to hear of everything there is :class:`Subscriber`. What it
    returns or raises means nothing. When it is called for longer than 30 seconds, or thousands of notices
    behind, it misses some; a method ``lagged(missed)``, if it has one, is then told how many.
    """

    def notice(self, notices: list[Notice], /) -> object:
        """Takes notices, oldest first. A plain method runs on a thread of its own."""
        ...

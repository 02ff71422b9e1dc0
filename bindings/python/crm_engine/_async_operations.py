"""The operations of the engine, as coroutines. ``_operations.py`` is derived from this file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, Unpack, cast

from . import types as t
from ._export import AsyncExport
from ._json import file_bytes, header_pairs


class AsyncOperations:
    """One method for each operation. Ids are text; all other values are named."""

    async def _call(self, operation: str, values: object, file: bytes | None = None) -> Any:
        raise NotImplementedError

    async def import_contacts(
        self, file: bytes | str, **options: Unpack[t.ImportOptions]
    ) -> t.ImportReport:
        """Imports a file of contacts: CSV in any encoding and dialect, .xlsx, vCards or JSON lines.

        What it is, and what its columns mean, is found out; ``options`` say it better. A bad row is reported,
        the rest goes on.
        """
        return cast(t.ImportReport, await self._call("import_contacts", options, file_bytes(file)))

    async def preview_import(
        self, file: bytes | str, **options: Unpack[t.ImportOptions]
    ) -> t.ImportPreview:
        """What an import of this file would do now. Nothing is written."""
        return cast(t.ImportPreview, await self._call("preview_import", options, file_bytes(file)))

    async def revert_import(self, import_id: str, *, rows: int) -> t.RevertReport:
        """Takes an import of so many rows back.

        Contacts it made are removed and contacts it changed restored, unless somebody used them since.
        """
        values = {"import_id": import_id, "rows": rows}
        return cast(t.RevertReport, await self._call("revert_import", values))

    def export_contacts(self, **wanted: Unpack[t.ExportOptions]) -> AsyncExport:
        """Contacts as a file, oldest first: CSV, JSON lines or vCards, all of which an import reads back.

        Nothing is read before the first part is asked for. That it took place stands in the history.
        """
        return AsyncExport(self._call, wanted)

    async def create_contact(self, **fields: Unpack[t.ContactFields]) -> t.Contact:
        """Saves a new contact."""
        return cast(t.Contact, await self._call("create_contact", fields))

    async def update_contact(
        self, id: str, fields: t.ContactFields, *, version: int | None = None
    ) -> t.Contact:
        """Replaces what is known about a contact; with ``version``, only if it is still the current one."""
        values = {"id": id, "fields": fields, "version": version}
        return cast(t.Contact, await self._call("update_contact", values))

    async def upsert_contacts(
        self, rows: Iterable[t.ContactPatch], *, mode: Literal["merge", "replace"] = "merge"
    ) -> list[t.UpsertOutcome]:
        """Makes the contacts with these external ids say what the rows say; who is not there yet is created.

        One outcome for each row, in order: a row that cannot be taken is refused, the others go on. What a row
        does not name stays, or is cleared with ``mode="replace"``.
        """
        values = {"rows": list(rows), "mode": mode}
        return cast("list[t.UpsertOutcome]", await self._call("upsert_contacts", values))

    async def merge_contacts(
        self, id: str, contact_id: str, **options: Unpack[t.MergeOptions]
    ) -> t.Contact:
        """Merges the contact ``contact_id``, which goes, into the contact ``id``, the same person; returns that.

        Messages that have not left need a new approval. It cannot be undone.
        """
        values = {**options, "id": id, "contact_id": contact_id}
        return cast(t.Contact, await self._call("merge_contacts", values))

    async def get_contact(self, id: str) -> t.Contact:
        """One contact."""
        return cast(t.Contact, await self._call("get_contact", {"id": id}))

    async def list_contacts(self, **query: Unpack[t.ContactQuery]) -> t.Page[t.Contact]:
        """Lists contacts, newest first."""
        return cast("t.Page[t.Contact]", await self._call("list_contacts", query))

    async def erase_contact(self, id: str) -> None:
        """Erases a person, for good. Personal data, texts and the words of people about them go, what has not left is
        cancelled, the history stays and still verifies. Nothing is sent to their addresses any more, on any channel,
        whoever has them later. Once more, it finishes what was interrupted."""
        await self._call("erase_contact", {"id": id})

    async def subject_access(self, id: str) -> t.SubjectAccess:
        """Everything that is kept about one person, for whoever asks what that is; also of an erased one."""
        return cast(t.SubjectAccess, await self._call("subject_access", {"id": id}))

    async def list_fields(self) -> list[t.FieldDefinition]:
        """The definitions of custom fields, by name."""
        return cast("list[t.FieldDefinition]", await self._call("list_fields", {}))

    async def get_field(self, name: str) -> t.DefinedField:
        """One definition, and how many contacts have a value that does not fit it; looks at all contacts."""
        return cast(t.DefinedField, await self._call("get_field", {"name": name}))

    async def set_field(
        self, name: str, fields: t.DefinitionFields, *, version: int | None = None
    ) -> t.FieldDefinition:
        """Defines a custom field; for admins. Values that come in are checked, stored ones stay as they are."""
        values = {"name": name, "fields": fields, "version": version}
        return cast(t.FieldDefinition, await self._call("set_field", values))

    async def remove_field(self, name: str) -> None:
        """Forgets the definition of a custom field; for admins. Stored values stay as they are."""
        await self._call("remove_field", {"name": name})

    async def list_audiences(self) -> list[t.SavedAudience]:
        """The audiences that are saved under names, by name."""
        return cast("list[t.SavedAudience]", await self._call("list_audiences", {}))

    async def get_audience(self, id: str) -> t.SavedAudience:
        """One saved audience."""
        return cast(t.SavedAudience, await self._call("get_audience", {"id": id}))

    async def save_audience(self, **fields: Unpack[t.SavedAudienceFields]) -> t.SavedAudience:
        """Saves an audience under a name. Lists and campaigns mean it by ``saved "Its name"``."""
        return cast(t.SavedAudience, await self._call("save_audience", fields))

    async def update_audience(
        self, id: str, fields: t.SavedAudienceFields, *, version: int | None = None
    ) -> t.SavedAudience:
        """Replaces a saved audience; campaigns keep what it said when they were written."""
        values = {"id": id, "fields": fields, "version": version}
        return cast(t.SavedAudience, await self._call("update_audience", values))

    async def remove_audience(self, id: str) -> None:
        """Removes a saved audience; campaigns have copies of what it said."""
        await self._call("remove_audience", {"id": id})

    async def sample_audience(
        self, audience: t.Audience | str, *, limit: int | None = None
    ) -> t.AudienceSample:
        """How many contacts an audience has now, saved or not, and the newest of them, ten unless said."""
        values = {"audience": audience, "limit": limit}
        return cast(t.AudienceSample, await self._call("sample_audience", values))

    async def request_opt_in(self, id: str, **wish: Unpack[t.OptInWish]) -> t.Message:
        """Drafts a message with a link by which the person says yes, and asks for its approval. The engine
        needs ``opt_in_url`` and ``unsubscribe_keys``."""
        values = {"id": id, **wish}
        return cast(t.Message, await self._call("request_opt_in", values))

    async def confirm_opt_in(self, token: str) -> None:
        """Takes the person's yes: for the page behind the link, when its button is pressed."""
        await self._call("confirm_opt_in", {"token": token})

    async def create_template(self, **fields: Unpack[t.TemplateFields]) -> t.Template:
        """Saves a new template."""
        return cast(t.Template, await self._call("create_template", fields))

    async def get_template(self, id: str) -> t.Template:
        """One template."""
        return cast(t.Template, await self._call("get_template", {"id": id}))

    async def list_templates(self, **query: Unpack[t.TemplateQuery]) -> t.Page[t.Template]:
        """Lists templates, newest first."""
        return cast("t.Page[t.Template]", await self._call("list_templates", query))

    async def preview_template(
        self, id: str, **whom: Unpack[t.TemplatePreviewFor]
    ) -> t.TemplatePreview:
        """What a contact or made-up person would get, with all that is missing for it. Nothing is saved."""
        values = {"id": id, **whom}
        return cast(t.TemplatePreview, await self._call("preview_template", values))

    async def generate_message(self, **wanted: Unpack[t.GenerateMessage]) -> t.Message:
        """Drafts a text for one contact and submits it for approval."""
        return cast(t.Message, await self._call("generate_message", wanted))

    async def generate_variants(
        self, count: int, **wanted: Unpack[t.GenerateMessage]
    ) -> list[t.Variant]:
        """Drafts 1 to 5 texts side by side, to choose from; what is chosen is saved with ``create_message``."""
        values = {"count": count, "wanted": wanted}
        return cast("list[t.Variant]", await self._call("generate_variants", values))

    async def get_voice(self) -> t.Voice:
        """The house's own words, which every draft is written in."""
        return cast(t.Voice, await self._call("get_voice", {}))

    async def set_voice(
        self, fields: t.VoiceFields, *, version: int | None = None
    ) -> t.Voice:
        """Sets the house's own words; for admins. Drafts are written in them from now on."""
        values = {"fields": fields, "version": version}
        return cast(t.Voice, await self._call("set_voice", values))

    async def create_message(self, **draft: Unpack[t.NewDraft]) -> t.Message:
        """Saves a text somebody wrote, as a draft."""
        return cast(t.Message, await self._call("create_message", draft))

    async def edit_message(self, id: str, **edit: Unpack[t.MessageEdit]) -> t.Message:
        """Changes text or schedule; an approval that was given is void."""
        return cast(t.Message, await self._call("edit_message", {"id": id, **edit}))

    async def submit_message(self, id: str, *, version: int | None = None) -> t.Message:
        """Asks for a decision about a draft."""
        return cast(t.Message, await self._call("submit_message", {"id": id, "version": version}))

    async def get_message(self, id: str) -> t.Message:
        """One message."""
        return cast(t.Message, await self._call("get_message", {"id": id}))

    async def list_messages(self, **query: Unpack[t.MessageQuery]) -> t.Page[t.Message]:
        """Lists messages, newest first, or the riskiest first."""
        return cast("t.Page[t.Message]", await self._call("list_messages", query))

    async def message_history(self, id: str) -> list[t.Event]:
        """What happened to a message, oldest first."""
        return cast("list[t.Event]", await self._call("message_history", {"id": id}))

    async def message_attempts(self, id: str) -> list[t.Attempt]:
        """Each call of a provider for a message, oldest first, with what the provider said of it since."""
        return cast("list[t.Attempt]", await self._call("message_attempts", {"id": id}))

    async def receive(
        self,
        channel: str,
        *,
        url: str,
        headers: Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]],
        body: bytes | str,
    ) -> t.Received:
        """Takes what a provider posted to you, as it arrived: the channel checks the signature and reads it.

        ``url`` is the whole address the provider was told to call. Answer the provider with success only when
        this returns: by then all of it is kept. ``ForbiddenError`` when the signature is missing or wrong.
        """
        values = {"channel": channel, "url": url, "headers": header_pairs(headers)}
        return cast(t.Received, await self._call("receive", values, file_bytes(body, "body")))

    async def challenge(self, channel: str, *, url: str) -> str:
        """What to answer, as plain text, to a provider that asks with GET whether the address is yours."""
        return cast(str, await self._call("challenge", {"channel": channel, "url": url}))

    async def hear(self, channel: str, news: Iterable[t.News]) -> t.Received:
        """Takes in what you read from a provider yourself. It is believed as it stands."""
        values = {"channel": channel, "news": list(news)}
        return cast(t.Received, await self._call("hear", values))

    async def hear_bounce(self, channel: str, mail: bytes) -> t.Received:
        """Takes in a mail that came back to a channel's ``return_path``: a bounce or a complaint."""
        values = {"channel": channel}
        return cast(t.Received, await self._call("hear_bounce", values, file_bytes(mail, "mail")))

    async def unsubscribe_token(
        self, *, contact_id: str, channel: str, topic: Literal["relationship", "marketing"]
    ) -> str:
        """A token for a link to unsubscribe."""
        values = {"contact_id": contact_id, "channel": channel, "topic": topic}
        return cast(str, await self._call("unsubscribe_token", values))

    async def unsubscribe_link(
        self, *, contact_id: str, channel: str, topic: Literal["relationship", "marketing"]
    ) -> str:
        """The same as a link, below ``unsubscribe_url``."""
        values = {"contact_id": contact_id, "channel": channel, "topic": topic}
        return cast(str, await self._call("unsubscribe_link", values))

    async def unsubscription(self, token: str) -> t.Unsubscription:
        """What a token stands for, for the page behind a link. Changes nothing: programs follow links."""
        return cast(t.Unsubscription, await self._call("unsubscription", {"token": token}))

    async def unsubscribe(self, token: str) -> None:
        """Takes the consent away that the token names, once the person has said so (``POST``)."""
        await self._call("unsubscribe", {"token": token})

    async def approve_message(
        self, id: str, *, version: int, digest: str, override_reason: str | None = None
    ) -> t.Message:
        """Approves exactly what was seen: the version and digest of the message that was shown.

        What has a blocking finding is refused, unless an admin says why it may leave in spite of it.
        """
        values = {
            "id": id,
            "version": version,
            "digest": digest,
            "override_reason": override_reason,
        }
        return cast(t.Message, await self._call("approve_message", values))

    async def reject_message(
        self, id: str, *, version: int | None = None, reason: str | None = None
    ) -> t.Message:
        """Declines a message."""
        values = {"id": id, "version": version, "reason": reason}
        return cast(t.Message, await self._call("reject_message", values))

    async def cancel_message(self, id: str, *, reason: str | None = None) -> t.Message:
        """Calls a message off."""
        return cast(t.Message, await self._call("cancel_message", {"id": id, "reason": reason}))

    async def send_message(self, id: str) -> t.Message:
        """Queues an approved message now, or a failed one again."""
        return cast(t.Message, await self._call("send_message", {"id": id}))

    async def resolve_message(
        self,
        id: str,
        *,
        outcome: Literal["sent", "resend", "failed"],
        reason: str | None = None,
    ) -> t.Message:
        """A person's word on an uncertain message."""
        values = {"id": id, "outcome": outcome, "reason": reason}
        return cast(t.Message, await self._call("resolve_message", values))

    async def preview_bulk(
        self, action: t.BulkAction, which: t.BulkSelection
    ) -> t.BulkPreview:
        """What deciding over all these messages would touch. The manifest names exactly them."""
        values = {"action": action, "which": which}
        return cast(t.BulkPreview, await self._call("preview_bulk", values))

    async def decide_bulk(
        self,
        action: t.BulkAction,
        which: t.BulkSelection,
        *,
        manifest: str | None = None,
        reason: str | None = None,
    ) -> t.BulkResult:
        """Decides over exactly what was previewed; what changed since is skipped and said.

        Approving needs the manifest of the preview, with the same selection.
        """
        values = {"action": action, "which": which, "manifest": manifest, "reason": reason}
        return cast(t.BulkResult, await self._call("decide_bulk", values))

    async def create_campaign(self, **fields: Unpack[t.CampaignFields]) -> t.Campaign:
        """Saves a new campaign as a draft."""
        return cast(t.Campaign, await self._call("create_campaign", fields))

    async def get_campaign(self, id: str) -> t.Campaign:
        """One campaign."""
        return cast(t.Campaign, await self._call("get_campaign", {"id": id}))

    async def list_campaigns(self, **query: Unpack[t.CampaignQuery]) -> t.Page[t.Campaign]:
        """Lists campaigns, newest first."""
        return cast("t.Page[t.Campaign]", await self._call("list_campaigns", query))

    async def copy_campaign(self, id: str, name: str) -> t.Campaign:
        """A new draft that is to do what another campaign does, or did."""
        return cast(t.Campaign, await self._call("copy_campaign", {"id": id, "name": name}))

    async def execute_campaign(self, id: str, *, test_mode: bool = False) -> t.Campaign:
        """Runs a campaign: at once, or when its schedule says. In test mode nothing is ever sent."""
        values = {"id": id, "test_mode": test_mode}
        return cast(t.Campaign, await self._call("execute_campaign", values))

    async def pause_campaign(self, id: str) -> t.Campaign:
        """Stops a campaign for now; nothing of it leaves."""
        return cast(t.Campaign, await self._call("pause_campaign", {"id": id}))

    async def resume_campaign(self, id: str) -> t.Campaign:
        """Goes on with a paused campaign."""
        return cast(t.Campaign, await self._call("resume_campaign", {"id": id}))

    async def cancel_campaign(self, id: str) -> t.Campaign:
        """Calls a campaign off; what has not left is cancelled."""
        return cast(t.Campaign, await self._call("cancel_campaign", {"id": id}))

    async def campaign_stats(self, id: str) -> t.CampaignStats:
        """A campaign's figures."""
        return cast(t.CampaignStats, await self._call("campaign_stats", {"id": id}))

    async def campaign_plan(self, id: str, **query: Unpack[t.PlanQuery]) -> t.Page[t.PlanRow]:
        """Lines of a campaign's plan: who, when, how, or why not."""
        return cast("t.Page[t.PlanRow]", await self._call("campaign_plan", {"id": id, **query}))

    async def campaign_batches(self, id: str) -> list[t.DraftBatch]:
        """Batches in which the provider drafts a campaign, the oldest first; none for one drafted ``now``."""
        return cast("list[t.DraftBatch]", await self._call("campaign_batches", {"id": id}))

    async def campaign_cost(self, id: str) -> t.CampaignCost:
        """What a campaign costs: before it runs, while it runs and after."""
        return cast(t.CampaignCost, await self._call("campaign_cost", {"id": id}))

    async def campaign_experiment(self, id: str) -> t.Experiment:
        """What a campaign's variants show so far; it may be looked at as often as one likes."""
        return cast(t.Experiment, await self._call("campaign_experiment", {"id": id}))

    async def list_budgets(self, *, limit: int = 100, skip: int = 0) -> list[t.Budget]:
        """Limits on what drafts cost, the workspace's own first, and how much of them is used."""
        values = {"limit": limit, "skip": skip}
        return cast("list[t.Budget]", await self._call("list_budgets", values))

    async def set_budget(
        self,
        period: t.Period,
        limit_usd: str,
        *,
        campaign_id: str | None = None,
        version: int | None = None,
    ) -> t.Budget:
        """Limits what drafts cost, as an admin: of the workspace or a campaign, in all or each day. ``limit_usd``
        is exact text such as ``"25.00"``. What was spent before counts."""
        values = {
            "period": period,
            "limit_usd": limit_usd,
            "campaign_id": campaign_id,
            "version": version,
        }
        return cast(t.Budget, await self._call("set_budget", values))

    async def remove_budget(self, period: t.Period, *, campaign_id: str | None = None) -> None:
        """Removes a budget, as an admin: nothing limits what it did."""
        await self._call("remove_budget", {"period": period, "campaign_id": campaign_id})

    async def usage(self, **query: Unpack[t.UsageQuery]) -> list[t.UsageSum]:
        """What was spent on drafts, by model, campaign, actor or day, in constant time."""
        return cast("list[t.UsageSum]", await self._call("usage", query))

    async def usage_calls(self, **query: Unpack[t.UsageCallQuery]) -> t.Page[t.UsageCall]:
        """Calls of models, newest first."""
        return cast("t.Page[t.UsageCall]", await self._call("usage_calls", query))
    async def campaign_duplicates(self, id: str) -> list[t.Duplicates]:
        """Drafts of a model for this campaign that are alike: of the newest 2,000 not decided yet."""
        return cast("list[t.Duplicates]", await self._call("campaign_duplicates", {"id": id}))

    async def dashboard(self) -> t.Dashboard:
        """The first look, in constant time."""
        return cast(t.Dashboard, await self._call("dashboard", {}))

    async def ai_usage(self) -> t.AiUsage:
        """What drafting cost."""
        return cast(t.AiUsage, await self._call("ai_usage", {}))

    async def verify_audit(self, checkpoint: t.Checkpoint | None = None) -> t.Verification:
        """Checks the whole history, also against a checkpoint that was kept elsewhere."""
        values = {"checkpoint": checkpoint}
        return cast(t.Verification, await self._call("verify_audit", values))

    async def subscribe(
        self, name: str, *, start: Literal["now", "beginning"] = "now"
    ) -> None:
        """Begins the subscription ``name`` in this workspace, if it has none: the worker tells the subscriber of
        this name of every event from now on, or of all there ever were. What was begun stays where it is, so
        this is for each start of your program. (Consent is taken away by ``unsubscribe``.)"""
        await self._call("subscribe", {"name": name, "start": start})

    async def list_subscriptions(self) -> list[t.Subscription]:
        """How far each subscriber was told, and what it failed with; for admins."""
        return cast("list[t.Subscription]", await self._call("list_subscriptions", {}))

    async def enable_subscription(self, name: str) -> None:
        """Has a subscriber that failed or was disabled called again at once, where it was; for admins."""
        await self._call("enable_subscription", {"name": name})

    async def hold(self) -> t.Hold | None:
        """Why nothing is sent: the database went back to an older state. ``None`` when all is well."""
        return cast("t.Hold | None", await self._call("hold", {}))

    async def acknowledge_hold(
        self, hold: t.Hold, *, messages: Literal["doubt", "continue"], reason: str
    ) -> int:
        """Ends the hold that was shown, as an admin. With ``doubt`` whatever is approved and due becomes
        ``uncertain``; returns how many. ``continue`` is for when nothing was lost."""
        values = {"hold": hold, "messages": messages, "reason": reason}
        return cast(int, await self._call("acknowledge_hold", values))

    async def run_until_idle(self) -> t.Work:
        """Runs the worker until nothing is left to do now."""
        return cast(t.Work, await self._call("run_until_idle", {}))

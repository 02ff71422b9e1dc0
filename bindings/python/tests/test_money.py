"""Budgets, usage, the voice, texts to choose from and findings, as they are documented."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from conftest import Place, Sms, Writer

from crm_engine import Engine, ForbiddenError, InvalidError, types


class Priced(Writer):
    """A model that says what a draft can cost."""

    worst_cost_usd = "10000"


@pytest.fixture
def admin(place: Place, sms: Sms) -> Iterator[Engine]:
    rules: types.GuardrailRules = {"banned_terms": ["lottery"]}
    with Engine.open(
        **place, actor="anna", role="admin", channels={"sms": sms}, llm=Priced(), guardrails=rules
    ) as engine:
        yield engine


def written(engine: Engine, content: str) -> types.Message:
    person = engine.create_contact(name="Ann", phone="+998901234599", language="en")
    return engine.create_message(
        contact_id=person["id"], occasion_type="custom", channel="sms", content=content
    )


def test_what_the_page_about_budgets_says_runs(admin: Engine) -> None:
    page = Path(os.environ["CRM_README"]).parent / "docs" / "budgets.md"
    row = next(
        line for line in page.read_text(encoding="utf-8").splitlines() if "| Python |" in line
    )
    calls = re.findall(r"`([^`]+)`", row)
    assert len(calls) == 3
    # Set, list, remove; the page leaves out of whom.
    done = [eval(f"admin.{call.removeprefix('admin.')}", {"admin": admin}) for call in calls]
    assert (done[0]["limit_usd"], done[1]) == ("25.00", [done[0]])
    assert (done[2], admin.list_budgets()) == (None, [])


def test_rows_of_money_and_of_findings_have_exactly_the_documented_fields(admin: Engine) -> None:
    message = written(admin, "Ann, win the lottery with us today, as ever!")
    whom = message["contact_id"]
    wanted: Any = {"contact_id": whom, "occasion_type": "birthday", "channel": "sms"}
    admin.generate_message(**wanted)
    campaign = admin.create_campaign(
        name="All",
        occasion_type="custom",
        audience={"and": []},
        schedule={"type": "immediate"},
        channel="sms",
    )
    example: types.VoiceExample = {
        "occasion": "custom",
        "language": "en",
        "subject": "Hi",
        "content": "Hi!",
    }
    voice = admin.set_voice({"about": "A", "examples": [example]})
    preview = admin.preview_bulk("approve", {"status": "draft"})
    # It is held by its finding.
    refused = admin.decide_bulk(
        "approve", {"status": "draft"}, manifest=preview["manifest"]
    )
    for value, shape in [
        (admin.set_budget("total", "20000.5"), types.Budget),
        (admin.list_budgets()[0], types.Budget),
        (admin.usage()[0], types.UsageSum),
        (admin.usage_calls()["items"][0], types.UsageCall),
        (admin.campaign_cost(campaign["id"]), types.CampaignCost),
        (admin.generate_variants(1, **wanted)[0], types.Variant),
        (voice, types.Voice),
        (voice["examples"][0], types.VoiceExample),
        (message["findings"][0], types.Finding),
        (message["findings"][0]["span"], types.Span),
        (preview, types.BulkPreview),
        (preview["findings"][0], types.BulkFinding),
        (refused, types.BulkResult),
        (refused["items"][0], types.BulkItem),
    ]:
        assert value is not None
        assert set(value) == set(get_type_hints(shape)), shape
    assert admin.usage()[0]["cost_usd"] == "18014.398509481986"
    assert refused["failed"] == 1


def test_an_empty_list_of_ids_is_nobody_and_not_everybody(admin: Engine) -> None:
    message = written(admin, "Ann, see you soon!")
    for refused in (admin.preview_bulk, admin.decide_bulk):
        with pytest.raises(InvalidError) as caught:
            refused("cancel", {"ids": []})
        assert [one["field"] for one in caught.value.fields] == ["which.ids"]
    assert admin.get_message(message["id"])["status"] == "draft"


def test_what_is_refused_is_named_as_it_was_given(admin: Engine) -> None:
    calls: list[tuple[Callable[[], object], str]] = [
        (lambda: admin.set_budget("day", "10000000"), "limit_usd"),
        (lambda: admin.usage(from_day="2026-02-02", to_day="2026-02-01"), "from_day"),
        (lambda: admin.usage_calls(from_day="2026-02-02", to_day="2026-02-01"), "from_day"),
    ]
    for call, field in calls:
        with pytest.raises(InvalidError) as caught:
            call()
        assert [one["field"] for one in caught.value.fields] == [field]
    manager = admin.act_as("boris", "manager")
    forbidden_calls: list[Callable[[], object]] = [
        lambda: manager.set_budget("day", "1"),
        lambda: manager.remove_budget("day"),
        lambda: manager.set_voice({"about": "A"}),
    ]
    for forbidden in forbidden_calls:
        with pytest.raises(ForbiddenError):
            forbidden()

"""The main job from end to end, blocking and with coroutines."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from conftest import CSV, Place, Sms, Writer

from crm_engine import (
    AsyncEngine,
    ConflictError,
    Engine,
    InvalidError,
    NotFoundError,
    PreconditionRequiredError,
    types,
)


def keys(value: Any) -> set[str]:
    return set(value)


def fields(shape: Any) -> set[str]:
    return set(get_type_hints(shape))


def test_contacts_in_approved_texts_out_and_the_history_proves_it(
    engine: Engine, sms: Sms
) -> None:
    report = engine.import_contacts(CSV)
    assert (report["rows"], report["created"], report["skipped"]) == (4, 3, 0)
    assert [row["line"] for row in report["rejected"]] == [5]
    assert engine.import_contacts(CSV.encode())["skipped"] == 3

    campaign = engine.create_campaign(
        name="Yangi yil",
        occasion_type="new_year",
        audience={"segment": "vip"},
        schedule={"type": "immediate"},
        channel="sms",
    )
    engine.execute_campaign(campaign["id"])
    work = engine.run_until_idle()
    assert (work["drafted"], work["begun"]) == (2, 0)
    assert sms.delivered == []

    waiting = engine.list_messages(status="pending_approval", campaign_id=campaign["id"])["items"]
    assert len(waiting) == 2
    for message in waiting:
        assert message["metadata"]["cost_usd"] == "9007.199254740993"
        assert message["metadata"]["model"] == "writer-1"
        engine.approve_message(
            message["id"], version=message["version"], digest=message["digest"]
        )
    assert engine.run_until_idle()["begun"] == 2
    assert sorted(m["recipient"] for m in sms.delivered) == ["+998901234501", "+998901234503"]
    assert {m["content"] for m in sms.delivered} == {waiting[0]["content"]}
    assert {m["digest"] for m in sms.delivered} == {m["digest"] for m in waiting}

    # A second run of the worker finds nothing to do.
    assert engine.run_until_idle()["begun"] == 0
    assert len(sms.delivered) == 2
    for message in waiting:
        sent = engine.get_message(message["id"])
        assert sent["status"] == "sent"
        assert sent["provider_id"] in {f"sms-{m['attempt_id']}" for m in sms.delivered}
        history = engine.message_history(message["id"])
        assert [event["action"] for event in history][-1] == "sent"
        assert "approved" in [event["action"] for event in history]
        assert all(event["position"] is not None for event in history)
    stats = engine.campaign_stats(campaign["id"])
    assert stats == {
        "generated_count": 2,
        "sent_count": 2,
        "failed_count": 0,
        "ended_count": 0,
    }
    audit = engine.verify_audit()
    assert audit["valid"] and audit["sealed"] > 10
    assert engine.verify_audit(audit["checkpoint"])["valid"]
    forged: types.Checkpoint = {"position": audit["sealed"], "hash": "0" * 64}
    assert not engine.verify_audit(forged)["valid"]
    assert engine.dashboard()["sent"] == 2
    assert engine.ai_usage()["total_cost_usd"] == "18014.398509481986"


def test_a_file_is_imported_as_it_is_or_as_it_is_said_to_be(engine: Engine) -> None:
    file = "ФИО;Телефон;E-mail\r\nПетрова Анна Ивановна;9,98901E+11;anna@mail.example\r\n"
    report = engine.import_contacts(file.encode("cp1251"))
    detected = report["detected"]
    assert (detected["encoding"], detected["separator"]) == ("windows-1251", ";")
    assert (report["created"], report["lost"][0]["column"]) == (1, "Телефон")
    report = engine.import_contacts(
        "who|born\nEve|3/7/1985\n",
        separator="|",
        dates="month_first",
        mapping={"who": "name", "born": "birthday"},
    )
    names = {person["name"]: person["birthday"] for person in engine.list_contacts()["items"]}
    assert names == {"Анна Ивановна Петрова": None, "Eve": "1985-03-07"}
    # Looked at first, then again with people who are there by now, and taken back.
    again = "name,email,company\nАнна,anna@mail.example,Chinor\nZoya,zoya@mail.example,\n"
    preview = engine.preview_import(again, duplicates="fill")
    assert (preview["created"], preview["updated"], preview["samples"][0]["changed"]) == (1, 1, ["company"])
    assert len(engine.list_contacts()["items"]) == 2
    report = engine.import_contacts(again, duplicates="fill", region="KZ")
    assert (report["created"], report["updated"], report["detected"]["region"]) == (1, 1, "KZ")
    reverted = engine.revert_import(report["import_id"], rows=report["rows"])
    assert reverted == {"removed": 1, "restored": 1, "kept": 0, "items": []}
    assert [person["company"] for person in engine.list_contacts()["items"]] == [None, None]
    with pytest.raises(InvalidError):
        engine.import_contacts("name\nx\n", encoding="klingon")
    with pytest.raises(InvalidError):
        engine.import_contacts("name\nx\n", mapping={"nobody": "name"})


def test_a_bulk_decision_covers_exactly_what_was_previewed(engine: Engine, sms: Sms) -> None:
    engine.import_contacts(CSV)
    campaign = engine.create_campaign(
        name="Yangi yil",
        occasion_type="new_year",
        audience={"and": []},
        schedule={"type": "immediate"},
        channel="sms",
    )
    engine.execute_campaign(campaign["id"])
    engine.run_until_idle()
    # Somebody's own draft, which no selection below is about.
    person = engine.create_contact(name="Ann", phone="+998901234599")
    other = engine.generate_message(
        contact_id=person["id"], occasion_type="custom", channel="sms"
    )
    which: types.BulkSelection = {"campaign_id": campaign["id"], "status": "pending_approval"}
    preview = engine.preview_bulk("approve", which)
    assert keys(preview) == fields(types.BulkPreview)
    assert (preview["count"], len(preview["sample"])) == (3, 3)
    with pytest.raises(PreconditionRequiredError):
        engine.decide_bulk("approve", which)
    changed = preview["sample"][0]["id"]
    engine.edit_message(changed, content="Another text, which nobody has seen.")
    done = engine.decide_bulk("approve", which, manifest=preview["manifest"])
    assert keys(done) == fields(types.BulkResult)
    assert (done["applied"], done["skipped"], done["failed"]) == (2, 1, 0)
    assert [(row["id"], row["outcome"]) for row in done["items"]] == [(changed, "skipped")]
    assert keys(done["items"][0]) == fields(types.BulkItem)
    engine.run_until_idle()
    assert len(sms.delivered) == 2
    called_off = engine.decide_bulk("cancel", {"ids": [changed]}, reason="too late")
    assert called_off["applied"] == 1
    assert engine.get_message(changed)["failure"] == "too late"
    assert engine.preview_bulk("cancel", {"contact_id": person["id"]})["count"] == 1
    assert engine.get_message(other["id"])["status"] == "pending_approval"


def test_rows_have_exactly_the_documented_fields(engine: Engine) -> None:
    person = engine.create_contact(
        name="Ann",
        phone="+998901234599",
        consent=[
            {
                "channel": "sms",
                "topic": "marketing",
                "status": "opted_out",
                "evidence": "form 7",
                "at": "2026-01-01T00:00:00Z",
            }
        ],
    )
    template = engine.create_template(
        name="Hi", occasion_type="custom", language="en", content="Dear {{name}}, hello!"
    )
    preview = engine.preview_template(template["id"], contact_id=person["id"])
    gap = engine.create_template(
        name="Gap", occasion_type="custom", language="en", content="{{greeting}} {{company}}"
    )
    sample = engine.preview_template(gap["id"], sample={"name": "Ann Lee", "phone": "+998901234599"})
    assert sample["content"] == "Dear Ann, {{company}}"
    assert sample["missing"] == [{"variable": "company", "problem": "missing"}]
    campaign = engine.create_campaign(
        name="All",
        occasion_type="custom",
        audience={"and": []},
        schedule={"type": "immediate"},
        channel="sms",
        template_id=template["id"],
    )
    engine.execute_campaign(campaign["id"], test_mode=True)
    work = engine.run_until_idle()
    listed = engine.list_messages(count=True)
    message = listed["items"][0]
    audit = engine.verify_audit()
    for value, shape in [
        (person, types.Contact),
        (person["consent"][0], types.Consent),
        (template, types.Template),
        (engine.get_template(template["id"]), types.Template),
        (preview, types.TemplatePreview),
        (preview["channels"][0], types.ChannelPreview),
        (sample["missing"][0], types.TemplateGap),
        (campaign, types.Campaign),
        (engine.campaign_plan(campaign["id"])["items"][0], types.PlanRow),
        (engine.campaign_stats(campaign["id"]), types.CampaignStats),
        (message, types.Message),
        (message["metadata"], types.Provenance),
        (engine.get_voice(), types.Voice),
        (engine.message_history(message["id"])[0], types.Event),
        (listed, types.Page),
        (engine.dashboard(), types.Dashboard),
        (engine.ai_usage(), types.AiUsage),
        (audit, types.Verification),
        (audit["checkpoint"], types.Checkpoint),
        (work, types.Work),
        (engine.import_contacts(CSV), types.ImportReport),
        (looked := engine.preview_import(CSV, duplicates="update"), types.ImportPreview),
        (looked["samples"][0], types.ImportSample),
        (engine.revert_import(person["id"], rows=1), types.RevertReport),
    ]:
        assert keys(value) == fields(shape), shape
    assert listed["total"] == 1
    # Only Claude's own batches make any.
    assert engine.campaign_batches(campaign["id"]) == []
    with pytest.raises(NotFoundError):
        engine.campaign_batches(person["id"])


def test_an_approval_binds_what_was_seen(engine: Engine, sms: Sms) -> None:
    person = engine.create_contact(name="Ann", phone="+998901234599")
    seen = engine.generate_message(
        contact_id=person["id"], occasion_type="birthday", channel="sms"
    )
    edited = engine.edit_message(seen["id"], content="Another text for Ann.")
    with pytest.raises(ConflictError) as caught:
        engine.approve_message(seen["id"], version=seen["version"], digest=seen["digest"])
    assert caught.value.retryable
    with pytest.raises(ConflictError):
        engine.approve_message(seen["id"], version=edited["version"], digest=seen["digest"])
    engine.approve_message(seen["id"], version=edited["version"], digest=edited["digest"])
    # Editing after the approval makes it void: nothing leaves.
    assert engine.edit_message(seen["id"], content="A third text.")["status"] == "pending_approval"
    engine.run_until_idle()
    assert sms.delivered == []
    rejected = engine.reject_message(seen["id"], reason="ёлки")
    assert (rejected["status"], rejected["failure"]) == ("rejected", "ёлки")


def test_campaigns_pause_resume_and_cancel(engine: Engine, sms: Sms) -> None:
    engine.import_contacts(CSV)
    campaign = engine.create_campaign(
        name="All",
        occasion_type="custom",
        audience={"and": []},
        schedule={"type": "immediate"},
        channel="sms",
    )
    engine.execute_campaign(campaign["id"])
    engine.run_until_idle()
    for m in engine.list_messages()["items"]:
        engine.approve_message(m["id"], version=m["version"], digest=m["digest"])
    assert engine.pause_campaign(campaign["id"])["status"] == "paused"
    # Not run while paused: what is put back then waits for some minutes.
    assert engine.resume_campaign(campaign["id"])["status"] == "active"
    assert engine.cancel_campaign(campaign["id"])["status"] == "cancelled"
    engine.run_until_idle()
    assert sms.delivered == []
    assert {m["status"] for m in engine.list_messages()["items"]} == {"cancelled"}
    assert [c["id"] for c in engine.list_campaigns()["items"]] == [campaign["id"]]


def test_pages_follow_each_other(engine: Engine) -> None:
    for number in range(5):
        engine.create_contact(name=f"P{number}")
    seen: list[str] = []
    page = engine.list_contacts(limit=2, oldest_first=True, count=True)
    assert page["total"] == 5
    while True:
        seen += [row["name"] for row in page["items"]]
        if page["next"] is None:
            break
        page = engine.list_contacts(limit=2, oldest_first=True, after=page["next"])
    assert seen == ["P0", "P1", "P2", "P3", "P4"]
    assert [r["name"] for r in engine.list_contacts(search="p3")["items"]] == ["P3"]


def test_the_outbox_gets_a_file_for_each_message(place: Place, tmp_path: Path) -> None:
    outbox = tmp_path / "outbox"
    with Engine.open(**place, actor="anna", role="manager", outbox=outbox) as engine:
        person = engine.create_contact(name="Ann", email="ann@mail.example", language="en")
        m = engine.generate_message(contact_id=person["id"], occasion_type="birthday")
        assert m["metadata"]["fallback_used"] and m["metadata"]["error"] == "no_model"
        engine.approve_message(m["id"], version=m["version"], digest=m["digest"])
        engine.run_until_idle()
        assert engine.get_message(m["id"])["status"] == "sent"
    assert len(list(outbox.iterdir())) == 1


async def test_the_main_job_with_coroutines(place: Place, sms: Sms) -> None:
    writer = Writer()
    async with await AsyncEngine.open(
        **place, actor="anna", role="manager", channels={"sms": sms}, llm=writer
    ) as engine:
        await engine.import_contacts(CSV)
        worker = asyncio.create_task(engine.run_worker())
        people = (await engine.list_contacts())["items"]
        messages = await asyncio.gather(
            *(
                engine.generate_message(
                    contact_id=p["id"], occasion_type="holiday", channel="sms"
                )
                for p in people
            )
        )
        for m in messages:
            await engine.approve_message(m["id"], version=m["version"], digest=m["digest"])
        async with asyncio.timeout(20):
            while (await engine.dashboard())["sent"] < 3:
                await asyncio.sleep(0.01)
        engine.stop_worker()
        await worker
        assert (await engine.verify_audit())["valid"]
    assert len(writer.requests) == len(sms.delivered) == 3
    assert "Анна Ким" in "".join(r["user"] for r in writer.requests)

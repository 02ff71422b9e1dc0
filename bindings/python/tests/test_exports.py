"""Contacts as files, part by part, and all that is kept about one person."""

from __future__ import annotations

import json

import pytest
from conftest import CSV, Place

from crm_engine import AsyncEngine, Engine, ForbiddenError, InvalidError, types


def test_a_file_comes_back_by_an_import(engine: Engine) -> None:
    engine.import_contacts(CSV)
    anna = engine.list_contacts(search="anna@")["items"][0]
    fields: types.ContactFields = {
        "name": '=Anna, "A"',
        "phone": "+998901234501",
        "tags": ["a, b", "c"],
    }
    engine.update_contact(anna["id"], fields)

    export = engine.export_contacts(format="csv", excel=True, audience={"and": []})
    assert export.report["contacts"] == 0
    parts = list(export)
    text = b"".join(parts).decode()
    assert text.startswith("\ufeffid;external_id;name;")
    assert ";\"'=Anna, \"\"A\"\"\";" in text
    assert export.report == {"contacts": 3, "lossy_cells": 0, "left_out": 0}
    assert list(export) == [] and export.read() == b""

    other = engine.act_as("boris", "manager", "other")
    assert other.import_contacts(text.encode())["created"] == 3
    again = other.list_contacts(phone="+998901234501")["items"][0]
    assert (again["name"], again["tags"]) == ('=Anna, "A"', ["a, b", "c"])


def test_what_is_wanted_is_said_by_name(engine: Engine) -> None:
    engine.import_contacts(CSV)
    lines = engine.export_contacts(format="json_lines", search="ann@").read().decode().splitlines()
    assert [json.loads(line)["name"] for line in lines] == ["Ann Lee"]
    cards = engine.export_contacts(format="vcard", vcard_version="3.0").read()
    assert cards.count(b"BEGIN:VCARD\r\nVERSION:3.0\r\n") == 3
    export = engine.export_contacts(encoding="windows-1251", separator="\t", line_end="lf")
    assert "Анна Ким".encode("cp1251") in export.read()
    # The two letters that the encoding has not stand in one cell.
    assert export.report["lossy_cells"] == 1
    with pytest.raises(InvalidError) as error:
        engine.export_contacts(encoding="klingon").read()
    assert error.value.fields[0]["field"] == "encoding"
    viewer = engine.act_as("vera", "viewer")
    with pytest.raises(ForbiddenError):
        next(viewer.export_contacts())
    with pytest.raises(ForbiddenError):
        viewer.subject_access("01a21082-116d-74ff-ab75-248a1043d834")


def test_everything_about_one_person(engine: Engine) -> None:
    engine.import_contacts(CSV)
    ann = engine.list_contacts(search="ann@")["items"][0]
    engine.create_message(contact_id=ann["id"], occasion_type="custom", content="Dear Ann, hello.")
    document = engine.subject_access(ann["id"])
    assert set(document) == set(types.SubjectAccess.__annotations__)
    assert document["messages"][0]["message"]["revision"]["content"] == "Dear Ann, hello."
    assert "anna@" not in json.dumps(document)
    engine.act_as("olga", "admin").erase_contact(ann["id"])
    erased = json.dumps(engine.subject_access(ann["id"]))
    assert "Ann" not in erased and "hello" not in erased


async def test_coroutines_read_parts_too(place: Place) -> None:
    async with await AsyncEngine.open(**place, actor="anna", role="admin") as engine:
        await engine.import_contacts(CSV)
        export = engine.export_contacts()
        parts = [part async for part in export]
        assert b"".join(parts).startswith(b"id,external_id,name,")
        assert export.report["contacts"] == 3
        assert await export.read() == b""
        whole = await engine.export_contacts(format="vcard").read()
        assert whole.count(b"END:VCARD") == 3

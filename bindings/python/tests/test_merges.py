"""Two contacts that are one person."""

from __future__ import annotations

import pytest
from conftest import Place

from crm_engine import AsyncEngine, CrmError, Engine, InvalidError


def test_two_contacts_become_one(engine: Engine) -> None:
    keep = engine.create_contact(name="Anna", external_id="1", phone="+998901234501")
    gone = engine.create_contact(name="Anna P", external_id="2", email="anna@mail.example")
    text = "Dear Anna, come and see us."
    message = engine.create_message(contact_id=keep["id"], occasion_type="custom", content=text)
    kept = engine.merge_contacts(gone["id"], keep["id"], take=["phone", "name"], version=1)
    assert (kept["id"], kept["name"], kept["external_id"]) == (gone["id"], "Anna", "2")
    assert (kept["email"], kept["phone"]) == ("anna@mail.example", "+998901234501")
    assert kept["merged_into"] is None
    left = engine.get_contact(keep["id"])
    assert (left["merged_into"], left["external_id"], left["phone"]) == (gone["id"], "1", None)
    assert engine.get_message(message["id"])["contact_id"] == gone["id"]
    assert engine.list_contacts(external_id="1")["items"] == [kept]
    assert engine.subject_access(gone["id"])["merged"] == [left]
    assert engine.upsert_contacts([{"external_id": "1", "company": "Chinor"}])[0]["id"] == gone["id"]
    with pytest.raises(CrmError) as error:
        engine.merge_contacts(gone["id"], keep["id"])
    assert (error.value.code, gone["id"] in str(error.value)) == ("not_allowed", True)
    with pytest.raises(InvalidError) as refused:
        engine.merge_contacts(gone["id"], gone["id"])
    assert refused.value.fields[0]["field"] == "contact_id"


async def test_with_coroutines(place: Place) -> None:
    async with await AsyncEngine.open(**place, actor="anna", role="manager") as engine:
        keep = await engine.create_contact(name="Anna")
        gone = await engine.create_contact(name="Anna P", company="Chinor")
        kept = await engine.merge_contacts(keep["id"], gone["id"])
        assert kept["company"] == "Chinor"

"""Contacts as the host's CRM knows them, many at a time."""

from __future__ import annotations

from datetime import date, datetime, timezone
from typing import get_type_hints

import pytest
from conftest import Place

from crm_engine import AsyncEngine, Engine, ForbiddenError, InvalidError, types


def test_every_row_has_its_outcome(engine: Engine) -> None:
    done = engine.upsert_contacts(
        [
            {"external_id": "7", "name": "Anna", "birthday": date(1990, 5, 21), "company": "Chinor"},
            {"external_id": "7", "company": None, "last_interaction_date": datetime.now(timezone.utc)},
            {"external_id": "8", "name": "Boris", "email": "none"},
            {"name": "Vera"},
        ]
    )
    assert [row["outcome"] for row in done] == ["created", "updated", "refused", "refused"]
    assert set(done[0]) == set(get_type_hints(types.UpsertOutcome))
    assert done[1]["changed"] == ["company", "last_interaction_date"]
    assert (done[2]["code"], done[2]["errors"][0]["field"]) == ("invalid", "email")
    assert done[3]["id"] is None
    identity = done[0]["id"]
    assert identity is not None and identity == done[1]["id"]
    assert engine.get_contact(identity)["birthday"] == "1990-05-21"

    row: types.ContactPatch = {"external_id": "7", "name": "Anna"}
    assert engine.upsert_contacts([row])[0]["outcome"] == "unchanged"
    replaced = engine.upsert_contacts(iter([row]), mode="replace")[0]
    assert replaced["changed"] == ["birthday", "last_interaction_date"]
    assert engine.upsert_contacts([]) == []


def test_what_is_refused_as_a_whole(engine: Engine) -> None:
    with pytest.raises(InvalidError) as error:
        engine.upsert_contacts([], mode="both")  # type: ignore[arg-type]
    assert error.value.fields[0]["field"] == "mode"
    with pytest.raises(ForbiddenError):
        engine.act_as("vera", "viewer").upsert_contacts([])


async def test_with_coroutines(place: Place) -> None:
    async with await AsyncEngine.open(**place, actor="anna", role="manager") as engine:
        done = await engine.upsert_contacts([{"external_id": "7", "name": "Anna"}])
        assert done[0]["outcome"] == "created"

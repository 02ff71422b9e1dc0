"""Contacts as the host's CRM knows them, many at a time."""

from __future__ import annotations

import os
from datetime import date, datetime, timezone
from pathlib import Path
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


def test_the_page_about_contacts_runs(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    page = Path(os.environ["CRM_README"]).with_name("docs") / "contacts.md"
    blocks = page.read_text(encoding="utf-8").split("```python\n")[1:]
    upsert, merge = (block.split("```")[0] for block in blocks)
    rows = [{"external_id": "7", "name": "Anna"}, {"external_id": "8", "name": "A", "email": "x"}]
    exec(upsert, {"manager": engine, "rows": rows})
    assert capsys.readouterr().out.startswith("8 ")
    names: dict[str, object] = {"manager": engine}
    for name in ("keep", "gone"):
        names[name] = engine.create_contact(name=name, email=f"{name}@mail.example")["id"]
    exec(merge, names)
    assert engine.list_contacts(email="gone@mail.example")["items"] == [names["kept"]]


async def test_with_coroutines(place: Place) -> None:
    async with await AsyncEngine.open(**place, actor="anna", role="manager") as engine:
        done = await engine.upsert_contacts([{"external_id": "7", "name": "Anna"}])
        assert done[0]["outcome"] == "created"

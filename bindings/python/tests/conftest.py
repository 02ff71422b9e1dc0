"""Engines on SQLite and on PostgreSQL, and plugins as a host would write them.

``DATABASE_URL`` names a PostgreSQL server whose password is in the address. Each test has a schema of its
own there, which stays: ``cargo xtask test`` starts a server that is gone afterwards.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import crm_engine
from crm_engine import Engine, outcome
from crm_engine.types import Capabilities, Delivery, Draft, DraftRequest, Outcome

# Scripts that tests start find the same package.
os.environ["PYTHONPATH"] = str(Path(crm_engine.__file__).parent.parent)

CSV = (
    "name,phone,email,segment,language,birthday\n"
    "Анна Ким,+998901234501,anna@mail.example,vip,ru,1990-02-28\n"
    "Oʻtkir Gʻaniyev,+998901234502,otkir@mail.example,regular,uz,\n"
    "Ann Lee,+998901234503,ann@mail.example,vip,en,--11-24\n"
    "Nobody,not-a-phone,bad@@mail,vip,en,1990-31-31\n"
)


class Sms:
    """An asynchronous channel that remembers what it delivered."""

    capabilities: Capabilities = {"address": "phone", "subject": False, "concurrency": 50}

    def __init__(self) -> None:
        self.delivered: list[Delivery] = []

    async def send(self, message: Delivery) -> Outcome:
        await asyncio.sleep(0)
        self.delivered.append(message)
        return outcome.accepted(f"sms-{message['attempt_id']}")


class Writer:
    """A model that writes one line."""

    def __init__(self) -> None:
        self.requests: list[DraftRequest] = []

    def draft(self, request: DraftRequest) -> Draft:
        self.requests.append(request)
        return {
            "content": "Tugʻilgan kuningiz bilan! 🎂 С праздником!",
            "model": "writer-1",
            "input_tokens": 30,
            "output_tokens": 12,
            "cost_picodollars": 9_007_199_254_740_993,
        }


Place = dict[str, Any]
"""Where a test's database is: arguments of ``open``."""


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A database of the test's own, on each of the two."""
    return new_place(request.param, tmp_path)


def new_place(kind: str, folder: Path) -> Place:
    """An empty database."""
    if kind == "sqlite":
        return {"path": str(folder / "crm.db")}
    return {"path": database_url(), "schema": f"crm_test_{uuid4().hex}", "connections": 4}


def database_url() -> str:
    """The address of the PostgreSQL server for tests."""
    return os.environ["DATABASE_URL"]


def on_sqlite(place: Place) -> bool:
    """Which of the two it is."""
    return "schema" not in place


@pytest.fixture
def sms() -> Sms:
    return Sms()


@pytest.fixture
def engine(place: Place, sms: Sms) -> Iterator[Engine]:
    with Engine.open(
        **place, actor="anna", role="manager", channels={"sms": sms}, llm=Writer()
    ) as engine:
        yield engine


def wait_until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Polls until something holds; fails after a generous bound."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.01)


def approved(engine: Engine, channel: str = "sms", **contact: Any) -> str:
    """An approved message to a new contact."""
    fields = {"name": "Ann", "phone": "+998901234599", **contact}
    person = engine.create_contact(**fields)
    message = engine.generate_message(
        contact_id=person["id"], occasion_type="birthday", channel=channel
    )
    engine.approve_message(message["id"], version=message["version"], digest=message["digest"])
    return message["id"]

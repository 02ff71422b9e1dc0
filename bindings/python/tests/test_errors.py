"""Every failure is an exception of its kind; no input gets further than that."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from conftest import Place, Sms, approved, on_sqlite

import crm_engine
from crm_engine import (
    AsyncEngine,
    ConfigurationError,
    CrmError,
    DuplicateError,
    Engine,
    ForbiddenError,
    InvalidError,
    NotAllowedError,
    NotFoundError,
    PreconditionRequiredError,
    UnavailableError,
)

UNKNOWN = "01a21082-116d-74ff-ab75-248a1043d834"


def test_kinds_become_classes(engine: Engine, place: Place) -> None:
    with pytest.raises(NotFoundError) as missing:
        engine.get_message(UNKNOWN)
    assert missing.value.code == "not_found" and not missing.value.retryable
    engine.create_contact(name="Ann", external_id="7")
    with pytest.raises(DuplicateError):
        engine.create_contact(name="Bob", external_id="7")
    campaign = engine.create_campaign(
        name="x",
        occasion_type="custom",
        audience={"and": []},
        schedule={"type": "immediate"},
        channel="sms",
    )
    with pytest.raises(NotAllowedError):
        engine.resume_campaign(campaign["id"])
    with pytest.raises(InvalidError) as refused:
        engine.create_contact(name="")
    assert [f["field"] for f in refused.value.fields] == ["name"]
    with pytest.raises(ConfigurationError):
        Engine.open(**place, actor="a", role="admin", llm=_Llm(), anthropic_api_key="k")
    # One worker holds one database file; on PostgreSQL any number may work.
    engine.run_until_idle()
    with Engine.open(**place, actor="a", role="admin") as second:
        if on_sqlite(place):
            with pytest.raises(UnavailableError) as busy:
                second.run_until_idle()
            assert busy.value.retryable
        else:
            second.run_until_idle()


class _Llm:
    def draft(self, request: object) -> str:
        return "Hello there"


def test_an_exception_can_be_pickled_and_shows_no_input(engine: Engine) -> None:
    with pytest.raises(InvalidError) as caught:
        engine.create_contact(name="Ann", email="SECRET at nowhere", birthday="SECRET")
    assert "SECRET" not in repr(caught.value) + repr(caught.value.fields)
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is InvalidError
    assert (str(again), again.fields) == (str(caught.value), caught.value.fields)


def test_a_viewer_reads_and_nothing_else(engine: Engine, sms: Sms) -> None:
    message = approved(engine)
    viewer = engine.act_as("vera", "viewer")
    m = viewer.get_message(message)
    assert m["allowed_actions"] == []
    seen = {"version": m["version"], "digest": m["digest"]}
    attempts: list[Callable[[], object]] = [
        lambda: viewer.create_contact(name="x"),
        lambda: viewer.import_contacts("name\nx\n"),
        lambda: viewer.generate_message(contact_id=m["contact_id"], occasion_type="custom"),
        lambda: viewer.edit_message(message, content="Another text."),
        lambda: viewer.approve_message(message, **seen),  # type: ignore[arg-type]
        lambda: viewer.reject_message(message),
        lambda: viewer.send_message(message),
        lambda: viewer.erase_contact(m["contact_id"]),
        lambda: viewer.create_campaign(
            name="x",
            occasion_type="custom",
            audience={"and": []},
            schedule={"type": "immediate"},
            channel="sms",
        ),
    ]
    for attempt in attempts:
        with pytest.raises(ForbiddenError):
            attempt()
    assert viewer.get_message(message)["version"] == m["version"]
    # Another workspace sees nothing of it.
    with pytest.raises(NotFoundError):
        engine.act_as("eve", "admin", "other").get_message(message)


@pytest.mark.parametrize("role", ["system", "root", "", "Manager", None, 7, ["manager"]])
def test_a_role_is_one_of_three(engine: Engine, role: Any) -> None:
    with pytest.raises(InvalidError):
        engine.act_as("x", role)


def test_separate_approver(place: Place, sms: Sms) -> None:
    with Engine.open(
        **place, actor="anna", role="manager", channels={"sms": sms}, separate_approver=True
    ) as engine:
        with pytest.raises(ForbiddenError):
            approved(engine)
        m = engine.list_messages()["items"][0]
        boss = engine.act_as("boss", "manager")
        done = boss.approve_message(m["id"], version=m["version"], digest=m["digest"])
        assert done["approved_by"] == "boss"


def test_approving_without_having_seen_is_refused(engine: Engine) -> None:
    person = engine.create_contact(name="Ann", phone="+998901234599")
    m = engine.generate_message(contact_id=person["id"], occasion_type="custom", channel="sms")
    none: Any = None
    for version, digest in [(none, none), (m["version"], none), (none, m["digest"])]:
        with pytest.raises(PreconditionRequiredError):
            engine.approve_message(m["id"], version=version, digest=digest)
    with pytest.raises(TypeError):
        engine.approve_message(m["id"])  # type: ignore[call-arg]
    with pytest.raises(InvalidError):
        engine.approve_message(m["id"], version=m["version"], digest="zz")
    assert engine.get_message(m["id"])["status"] == "pending_approval"


circle: list[Any] = []
circle.append(circle)
deep: Any = []
for _ in range(sys.getrecursionlimit() + 100):
    deep = [deep]

JUNK: list[Any] = [
    None,
    True,
    7,
    -1,
    2**63,
    2**70,
    10**400,
    1.5,
    float("nan"),
    float("inf"),
    "",
    "x",
    "\0",
    "a\0b",
    "\ud800",
    "\udfff\ud800",
    "ў" * 100_000,
    b"bytes",
    bytearray(b"x"),
    [],
    [[]],
    {},
    {"id": 1},
    {1: 2},
    {("a",): 1},
    set(),
    object(),
    lambda: 1,
    datetime(2026, 1, 1),
    circle,
    deep,
]


@pytest.mark.parametrize("junk", JUNK, ids=lambda junk: type(junk).__name__)
def test_junk_is_refused_as_an_engine_error(engine: Engine, junk: Any) -> None:
    before = engine.dashboard()["total_messages"], len(engine.list_contacts()["items"])
    unknown: Any = {"name": "Ann", "no_such_field": junk}
    calls: list[Callable[[], object]] = [
        lambda: engine.get_contact(junk),
        lambda: engine.get_message(junk),
        lambda: engine.message_history(junk),
        lambda: engine.edit_message(junk, content="Long enough a text."),
        lambda: engine.edit_message(UNKNOWN, version=junk, content="Long enough a text."),
        lambda: engine.approve_message(junk, version=junk, digest=junk),
        lambda: engine.reject_message(UNKNOWN, reason=junk),
        lambda: engine.resolve_message(UNKNOWN, outcome=junk),
        lambda: engine.create_contact(name=junk, birthday=junk),
        lambda: engine.create_contact(name=junk, consent=junk, tags=junk),
        lambda: engine.create_contact(**unknown),
        lambda: engine.update_contact(UNKNOWN, junk),
        lambda: engine.create_template(
            name=junk, occasion_type=junk, language=junk, content=junk
        ),
        lambda: engine.generate_message(contact_id=UNKNOWN, occasion_type=junk),
        lambda: engine.create_message(
            contact_id=UNKNOWN, occasion_type="custom", content=junk, scheduled_for=junk
        ),
        lambda: engine.create_campaign(
            name="x", occasion_type="custom", audience=junk, schedule=junk, channel=junk
        ),
        lambda: engine.execute_campaign(UNKNOWN, test_mode=junk),
        lambda: engine.list_contacts(limit=0, search=junk),
        lambda: engine.list_messages(limit=1001, status=junk),
        lambda: engine.verify_audit({"position": junk, "hash": junk}),
    ]
    for call in calls:
        with pytest.raises(CrmError) as caught:
            call()
        assert caught.value.code in {"invalid", "not_found", "precondition_required"}
    if not isinstance(junk, (str, bytes, bytearray)):
        with pytest.raises(InvalidError):
            engine.import_contacts(junk)
    after = engine.dashboard()["total_messages"], len(engine.list_contacts()["items"])
    assert before == after


@pytest.mark.parametrize(
    "content",
    ["", "\0", "\ud800", b"\xff\xfe", b"\x89PNG\r\n\x1a\n\0", "a,b\n1,2\n"],
    ids=ascii,
)
def test_a_file_that_is_no_csv_of_contacts_is_refused(
    engine: Engine, content: Any
) -> None:
    with pytest.raises(InvalidError) as caught:
        engine.import_contacts(content)
    assert caught.value.fields[0]["field"] == "file"


@pytest.mark.parametrize(
    "options",
    [
        {"path": ""},
        {"path": "a\0b"},
        {"path": "\ud800"},
        {"path": 7},
        {"path": None},
        {"actor": ""},
        {"actor": "a\nb"},
        {"actor": None},
        {"workspace": "../other"},
        {"outbox": 7},
        {"smtp": "http://nowhere"},
        {"smtp": "smtp://user:SECRET@"},
        {"anthropic_api_key": "SECRET\n"},
        {"undo_window_s": -1},
        {"undo_window_s": 2**70},
        {"undo_window_s": "1"},
        {"separate_approver": "yes"},
        {"time_zone": "Mars/Olympus"},
        {"channels": []},
        {"channels": {"sms": object()}},
        {"channels": {"sms": Sms}},
        {"channels": {"s m s": Sms()}},
        {"channels": {7: Sms()}},
        {"channels": {"llm": Sms()}},
        {"llm": object()},
        {"llm": "gpt"},
    ],
    ids=lambda options: "-".join(f"{k}={type(v).__name__}" for k, v in options.items()),
)
def test_bad_options_are_refused_and_leave_no_file(tmp_path: Path, options: Any) -> None:
    given = {"path": tmp_path / "new.db", "actor": "a", "role": "manager", **options}
    path = given.pop("path")
    with pytest.raises(CrmError) as caught:
        Engine.open(path, **given)
    assert caught.value.code in {"invalid", "configuration"}
    assert "SECRET" not in repr(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "capabilities",
    [
        None,
        7,
        [],
        {"address": "pigeon"},
        {"timeout_ms": 0},
        {"timeout_ms": 10**9},
        {"concurrency": 0},
        {"concurrency": -1},
        {"max_length": 0},
        {"no_such": 1},
    ],
)
def test_bad_capabilities_are_refused(place: Place, capabilities: Any) -> None:
    channel: Any = Sms()
    channel.capabilities = capabilities
    with pytest.raises(InvalidError):
        Engine.open(**place, actor="a", role="manager", channels={"sms": channel})


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(b"this is no database, but it is long enough to be looked at" * 100)
    for open_it in (tmp_path, path, tmp_path / "no" / "such" / "folder.db"):
        with pytest.raises(CrmError) as caught:
            Engine.open(open_it, actor="a", role="manager")
        assert caught.value.code != "internal"


def test_dates_instants_and_uuids_go_in_as_python_values(engine: Engine) -> None:
    person = engine.create_contact(
        name="Ann", phone="+998901234599", birthday=date(1990, 2, 28)
    )
    assert person["birthday"] == "1990-02-28"
    later = datetime(2030, 1, 1, 12, tzinfo=UTC)
    identifier: Any = UUID(person["id"])
    m = engine.create_message(
        contact_id=identifier,
        occasion_type="custom",
        content="Long enough a text.",
        channel="sms",
        scheduled_for=later,
    )
    assert m["scheduled_for"] is not None
    assert datetime.fromisoformat(m["scheduled_for"]) == later
    assert engine.edit_message(m["id"], scheduled_for=None)["scheduled_for"] is None


async def test_errors_reach_coroutines_the_same_way(place: Place) -> None:
    async with await AsyncEngine.open(**place, actor="a", role="viewer") as engine:
        with pytest.raises(ForbiddenError):
            await engine.create_contact(name="x")
        with pytest.raises(InvalidError):
            await engine.get_contact("\ud800")
    with pytest.raises(crm_engine.ClosedError):
        await engine.dashboard()
    with pytest.raises(InvalidError):
        await AsyncEngine.open("", actor="a", role="viewer")

"""Who is told of state changes: subscribers miss nothing, whatever they do, and observers hear at once."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import Place, Sms, approved, new_place, wait_until
from test_main_job import fields, keys

from crm_engine import (
    AsyncEngine,
    Channel,
    CrmError,
    Engine,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    told,
    types,
)
from crm_engine.types import Notice, StateChange, Subscription, Told


class Crm:
    """Keeps what it was told, call by call; ``answers`` are for the first calls."""

    def __init__(self, *answers: Callable[[], Any], actions: tuple[str, ...] = ()) -> None:
        self.capabilities: types.SubscriberCapabilities = {"batch": 3, "timeout_ms": 20_000}
        self.actions = list(actions)
        self.calls: list[list[StateChange]] = []
        self._answers = list(answers)

    def deliver(self, changes: list[StateChange], /) -> Any:
        self.calls.append(changes)
        return self._answers.pop(0)() if self._answers else told.taken()

    @property
    def changes(self) -> list[StateChange]:
        """All it was told, in that order."""
        return [change for call in self.calls for change in call]

    @property
    def positions(self) -> list[int]:
        """Their places."""
        return [change["position"] for change in self.changes]


class AsyncCrm(Crm):
    async def deliver(self, changes: list[StateChange], /) -> Any:
        await asyncio.sleep(0)
        answer = Crm.deliver(self, changes)
        return await answer if asyncio.iscoroutine(answer) else answer


def opened(place: Place, crm: Any, **more: Any) -> Engine:
    """An engine of an admin with this subscriber."""
    channels: dict[str, Channel] = {"sms": Sms()}
    return Engine.open(
        **place, actor="anna", role="admin", channels=channels, subscribers={"crm": crm}, **more
    )


def the_one(engine: Engine) -> Subscription:
    """The only subscription there is."""
    (found,) = engine.list_subscriptions()
    return found


def raising(error: BaseException) -> Callable[[], Any]:
    def answer() -> Any:
        raise error

    return answer


@pytest.mark.parametrize("kind", [Crm, AsyncCrm])
def test_every_event_comes_once_in_order_over_restarts(place: Place, kind: type[Crm]) -> None:
    crm = kind()
    sealed = 0
    message = ""
    history: dict[str, types.Event] = {}
    for _ in range(3):
        with opened(place, crm) as engine:
            # At each start: what was begun stays where it is.
            engine.subscribe("crm", start="beginning")
            message = approved(engine, phone=f"+9989012345{sealed:02}")
            assert engine.run_until_idle()["told"] > 0
            assert engine.get_message(message)["status"] == "sent"
            sealed = engine.verify_audit()["sealed"]
            assert crm.positions == list(range(1, sealed + 1))
            found = the_one(engine)
            assert (found["position"], found["lag"], found["state"]) == (sealed, 0, "active")
            assert keys(found) == fields(Subscription)
            history = {event["id"]: event for event in engine.message_history(message)}
    assert len(crm.changes) == len({change["id"] for change in crm.changes})
    assert all(len(call) <= 3 for call in crm.calls)
    assert keys(crm.changes[0]) == fields(StateChange)
    about = [change for change in crm.changes if change["subject_id"] == message]
    assert [change["action"] for change in about][-1] == "sent"
    for change in about:
        event = history[change["id"]]
        assert (event["position"], event["at"]) == (change["position"], change["at"])
        assert (event["status"], event["actor"]) == (change["status"], change["actor"])
    # Nothing that a person wrote, and nobody's address.
    assert "+9989" not in repr(crm.changes) and "Ann" not in repr(crm.changes)


KILLED = """
import os, sys
from crm_engine import Engine, told

class Crm:
    capabilities = {"batch": 3}
    calls = 0
    def deliver(self, changes):
        self.calls += 1
        print(*(change["id"] for change in changes), flush=True)
        if self.calls == 2:
            os._exit(9)
        return told.taken()

engine = Engine.open(sys.argv[1], actor="a", role="admin", subscribers={"crm": Crm()})
engine.subscribe("crm")
for number in range(10):
    engine.create_contact(name=f"P{number}")
engine.run_until_idle()
"""


def test_what_a_killed_program_did_not_take_is_told_again(tmp_path: Path) -> None:
    place = new_place("sqlite", tmp_path)
    died = subprocess.run(
        [sys.executable, "-c", KILLED, place["path"]],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert died.returncode == 9, died.stderr
    before = died.stdout.split()
    assert len(before) == 6
    crm = Crm()
    with opened(place, crm) as engine:
        engine.subscribe("crm")
        engine.run_until_idle()
        sealed = engine.verify_audit()["sealed"]
    # It goes on at a call that had not ended, or at one before: nothing is left out.
    assert crm.positions[0] in (1, 4)
    assert crm.positions == list(range(crm.positions[0], sealed + 1))
    again = [change["id"] for change in crm.changes]
    assert again[: len(before)] == before or again[:3] == before[3:]


async def test_coroutines_are_told_while_the_worker_works(place: Place) -> None:
    crm = AsyncCrm()
    channels: dict[str, Channel] = {"sms": Sms()}
    async with await AsyncEngine.open(
        **place, actor="a", role="admin", channels=channels, subscribers={"crm": crm}
    ) as engine:
        await engine.subscribe("crm")
        worker = asyncio.create_task(engine.run_worker())
        for number in range(20):
            await engine.create_contact(name=f"P{number}")
        async with asyncio.timeout(60):
            while sum(change["subject"] == "contact" for change in crm.changes) < 20:
                await asyncio.sleep(0.01)
        engine.stop_worker()
        await worker
        (found,) = await engine.list_subscriptions()
        assert found["position"] == crm.positions[-1]
    assert crm.positions == list(range(1, len(crm.positions) + 1))


@pytest.mark.parametrize("kind", [Crm, AsyncCrm])
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (raising(ValueError("Anna's number is secret")), "plugin_raised"),
        (raising(KeyboardInterrupt()), "plugin_raised"),
        (raising(SystemExit(3)), "plugin_raised"),
        (raising(asyncio.CancelledError()), "plugin_raised"),
        (lambda: None, "bad_answer"),
        (lambda: True, "bad_answer"),
        (lambda: "taken", "bad_answer"),
        (lambda: {"told": "yes"}, "bad_answer"),
        (lambda: {"told": "taken", "reason": "x"}, "bad_answer"),
        (lambda: object(), "bad_answer"),
        (lambda: told.later("busy"), "busy"),
        (lambda: told.later("Anna is away"), "reason_is_no_code"),
    ],
)
def test_what_is_not_taken_is_told_again(
    tmp_path: Path, kind: type[Crm], answer: Callable[[], Any], error: str
) -> None:
    crm = kind(answer, actions=("contact.*",))
    with opened(new_place("sqlite", tmp_path), crm) as engine:
        engine.subscribe("crm")
        first = engine.create_contact(name="Ann")["id"]
        engine.run_until_idle()
        found = the_one(engine)
        assert (found["state"], found["last_error"], found["failures"]) == ("failing", error, 1)
        second = engine.create_contact(name="Bob")["id"]
        engine.enable_subscription("crm")
        engine.run_until_idle()
        assert [[c["subject_id"] for c in call] for call in crm.calls] == [[first], [first, second]]
        assert crm.calls[0][0] == crm.calls[1][0]
        assert the_one(engine)["state"] == "active"


def test_it_is_told_again_by_itself(place: Place) -> None:
    crm = Crm(raising(OSError()), lambda: told.later("busy", 1_000))
    with opened(place, crm) as engine:
        engine.subscribe("crm")
        worker = threading.Thread(target=engine.run_worker)
        worker.start()
        engine.create_contact(name="Ann")
        # In five seconds, and again in one.
        wait_until(lambda: len(crm.calls) >= 3, 120)
        wait_until(lambda: the_one(engine)["state"] == "active")
        engine.stop_worker()
        worker.join()
        assert crm.calls[0][0] == crm.calls[1][0] == crm.calls[2][0]


def test_it_may_say_when_and_that_it_wants_no_more(place: Place) -> None:
    crm = Crm(lambda: told.later("night", 3_600_000), lambda: told.closed("moved"))
    with opened(place, crm) as engine:
        engine.subscribe("crm")
        engine.run_until_idle()
        found = the_one(engine)
        begun = datetime.fromisoformat(found["created_at"])
        assert datetime.fromisoformat(found["due_at"]) >= begun + timedelta(hours=1)
        engine.enable_subscription("crm")
        engine.run_until_idle()
        found = the_one(engine)
        assert (found["state"], found["last_error"]) == ("disabled", "moved")
        assert found["disabled_at"] is not None
        engine.create_contact(name="Ann")
        engine.run_until_idle()
        assert len(crm.calls) == 2
        engine.enable_subscription("crm")
        engine.run_until_idle()
        taken = [change["position"] for call in crm.calls[2:] for change in call]
        assert taken == list(range(1, engine.verify_audit()["sealed"] + 1))


def test_a_hanging_coroutine_fails_and_is_cancelled(place: Place) -> None:
    cancelled = threading.Event()

    async def hang() -> Told:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return told.taken()

    crm = AsyncCrm(hang)
    crm.capabilities["timeout_ms"] = 200
    with opened(place, crm) as engine:
        engine.subscribe("crm")
        engine.run_until_idle()
        assert the_one(engine)["last_error"] == "timeout"
        assert cancelled.wait(20)


def test_a_subscriber_may_call_the_engine(place: Place) -> None:
    seen: list[str] = []
    holder: list[Engine] = []

    class Fetches(Crm):
        def deliver(self, changes: list[StateChange], /) -> Any:
            for change in changes:
                if change["subject"] == "message":
                    seen.append(holder[0].get_message(change["subject_id"])["status"])
            return Crm.deliver(self, changes)

    with opened(place, Fetches()) as engine:
        holder.append(engine)
        engine.subscribe("crm")
        approved(engine)
        engine.run_until_idle()
    assert seen and set(seen) == {"sent"}


def test_only_what_is_asked_for_is_told(place: Place) -> None:
    crm = Crm(actions=("message.sent", "contact.*"))
    with opened(place, crm) as engine:
        engine.subscribe("crm")
        approved(engine)
        engine.run_until_idle()
        kinds = [(change["subject"], change["action"]) for change in crm.changes]
        assert kinds == [("contact", "created"), ("message", "sent")]
        assert the_one(engine)["lag"] == 0


def test_only_admins_look_and_a_name_without_a_subscriber_waits(place: Place) -> None:
    with Engine.open(**place, actor="a", role="admin") as engine:
        engine.subscribe("crm")
        engine.create_contact(name="Ann")
        assert engine.run_until_idle()["told"] == 0
        found = the_one(engine)
        assert not found["set_up"] and found["lag"] > 0
        manager = engine.act_as("m", "manager")
        with pytest.raises(ForbiddenError):
            manager.list_subscriptions()
        with pytest.raises(ForbiddenError):
            manager.enable_subscription("crm")
        with pytest.raises(NotFoundError):
            engine.enable_subscription("crn")
        with pytest.raises(InvalidError):
            engine.subscribe("C R M")
        odd: Any = "soon"
        with pytest.raises(InvalidError):
            engine.subscribe("crm", start=odd)
        # Another tenant's history is another one.
        assert engine.act_as("b", "admin", "other").list_subscriptions() == []


class Odd:
    """A subscriber with odd attributes."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)

    def deliver(self, changes: list[StateChange], /) -> Told:
        return told.taken()


@pytest.mark.parametrize(
    ("subscribers", "field", "words"),
    [
        ([Odd()], "subscribers", "dictionary"),
        ({7: Odd()}, "subscribers", "text"),
        ({"C R M": Odd()}, "subscribers", "lower-case"),
        ({"crm": None}, "subscribers.crm", "a method deliver()"),
        ({"crm": Sms()}, "subscribers.crm", "a method deliver()"),
        ({"crm": Odd}, "subscribers.crm", "a method deliver()"),
        ({"crm": Odd(deliver=5)}, "subscribers.crm", "a method deliver()"),
        ({"crm": Odd(capabilities=5)}, "subscribers.crm.capabilities", "dictionary"),
        ({"crm": Odd(capabilities={"batch": 0})}, "subscribers.crm.capabilities.batch", "1 to"),
        ({"crm": Odd(capabilities={"timeout_ms": 0})}, "subscribers.crm.capabilities.timeout_ms", "1 to"),
        ({"crm": Odd(capabilities={"speed": 1})}, "subscribers.crm.capabilities.speed", "no such"),
        ({"crm": Odd(actions="message.*")}, "subscribers.crm.actions", "use a"),
        ({"crm": Odd(actions=["sent"])}, "subscribers.crm.actions", "message.sent"),
        ({"crm": Odd(actions=["letter.*"])}, "subscribers.crm.actions", "message.sent"),
    ],
)
def test_a_bad_subscriber_is_refused(place: Place, subscribers: Any, field: str, words: str) -> None:
    with pytest.raises(InvalidError) as refused:
        Engine.open(**place, actor="a", role="admin", subscribers=subscribers)
    (wrong,) = refused.value.fields
    assert wrong["field"] == field
    assert words in wrong["message"]


class Screen:
    """Keeps what it heard, and fails at it."""

    def __init__(self) -> None:
        self.heard: list[Notice] = []

    def notice(self, notices: list[Notice], /) -> object:
        self.heard += notices
        raise ValueError("a screen that is gone")


class AsyncScreen(Screen):
    async def notice(self, notices: list[Notice], /) -> object:
        await asyncio.sleep(0)
        return Screen.notice(self, notices)


@pytest.mark.parametrize("kind", [Screen, AsyncScreen])
def test_an_observer_hears_of_what_this_engine_commits(place: Place, kind: type[Screen]) -> None:
    screen = kind()
    with Engine.open(
        **place, actor="a", role="manager", channels={"sms": Sms()}, observer=screen
    ) as engine:
        person = engine.create_contact(name="Ann")
        # At once, without a worker.
        wait_until(lambda: len(screen.heard) == 1)
        assert screen.heard[0]["id"] == person["id"]
        assert keys(screen.heard[0]) == fields(Notice)
        message = approved(engine)
        engine.run_until_idle()
        with Engine.open(**place, actor="b", role="manager") as other:
            elsewhere = other.create_contact(name="Bob")["id"]
        assert engine.get_contact(elsewhere)["name"] == "Bob"
        wait_until(lambda: screen.heard[-1]["action"] == "sent")
        history = engine.message_history(message)
    # In order. Claims are the store's own.
    heard = [notice["action"] for notice in screen.heard if notice["id"] == message]
    assert heard == [event["action"] for event in history if event["action"] != "claimed"]
    assert elsewhere not in {notice["id"] for notice in screen.heard}


def test_an_observer_may_hang_or_close_the_engine(tmp_path: Path) -> None:
    place = new_place("sqlite", tmp_path)
    release = threading.Event()
    entered = threading.Event()

    class Hangs:
        def notice(self, notices: list[Notice], /) -> object:
            entered.set()
            return release.wait(60)

    engine = Engine.open(**place, actor="a", role="manager", observer=Hangs())
    engine.create_contact(name="Ann")
    assert entered.wait(20)
    engine.create_contact(name="Bob")
    engine.close()
    release.set()

    closed = threading.Event()
    holder: list[Engine] = []

    class Closes:
        def notice(self, notices: list[Notice], /) -> object:
            holder[0].close()
            closed.set()
            return None

    other = Engine.open(**place, actor="a", role="manager", observer=Closes())
    holder.append(other)
    other.create_contact(name="Cid")
    assert closed.wait(60)


def test_one_that_is_too_slow_is_told_how_many_it_missed(tmp_path: Path) -> None:
    release = threading.Event()
    entered = threading.Event()
    missed: list[int] = []

    class Slow(Screen):
        def notice(self, notices: list[Notice], /) -> object:
            self.heard += notices
            entered.set()
            return release.wait(60)

        def lagged(self, count: int, /) -> object:
            missed.append(count)
            return None

    slow = Slow()
    place = new_place("sqlite", tmp_path)
    with Engine.open(**place, actor="a", role="manager", observer=slow) as engine:
        engine.create_contact(name="Ann")
        assert entered.wait(20)
        rows = "".join(f"P{n},p{n}@mail.example\n" for n in range(6_000))
        assert engine.import_contacts("name,email\n" + rows)["created"] == 6_000
        release.set()
        wait_until(lambda: len(slow.heard) + sum(missed) == 6_001)
    assert sum(missed) > 0


@pytest.mark.parametrize("observer", [7, object(), Screen, Sms()])
def test_a_bad_observer_is_refused(place: Place, observer: Any) -> None:
    with pytest.raises(InvalidError, match=r"a method notice\(\)"):
        Engine.open(**place, actor="a", role="manager", observer=observer)


@pytest.mark.parametrize("seconds", [0, 59, 31_536_001, -60, 90.5, "3 days", True, [60]])
def test_late_after_has_its_limits(place: Place, seconds: Any) -> None:
    with pytest.raises(CrmError) as refused:
        Engine.open(**place, actor="a", role="manager", late_after=seconds)
    assert refused.value.code == "invalid"
    assert refused.value.fields[0]["field"] == "late_after"


@pytest.mark.parametrize(
    ("late_after", "status"), [(3_600, "expired"), (10_800, "sent"), (None, "sent")]
)
def test_what_is_late_does_not_leave(
    tmp_path: Path, late_after: int | None, status: str
) -> None:
    place = new_place("sqlite", tmp_path)
    sms = Sms()
    with Engine.open(**place, actor="a", role="manager", channels={"sms": sms}) as engine:
        message = approved(engine)
        assert engine.get_message(message)["queued_at"] is not None
    # As if it had waited for two hours.
    database = sqlite3.connect(place["path"])
    database.execute("UPDATE messages SET queued_at = queued_at - 7200000000")
    database.commit()
    database.close()
    with Engine.open(
        **place, actor="a", role="manager", channels={"sms": sms}, late_after=late_after
    ) as engine:
        engine.run_until_idle()
        found = engine.get_message(message)
    assert (found["status"], found["queued_at"]) == (status, None)
    assert len(sms.delivered) == (status == "sent")

"""Whatever a plugin does, the port's contract holds and the engine goes on."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from conftest import Place, Sms, approved, wait_until

from crm_engine import (
    AsyncEngine,
    Channel,
    Engine,
    PreconditionRequiredError,
    _plugins,
    outcome,
)

PHONE = {"address": "phone", "subject": False, "timeout_ms": 1_000}


class Custom:
    """A channel that runs a function."""

    def __init__(self, send: Callable[[Any], Any], **capabilities: Any) -> None:
        self.capabilities: Any = {**PHONE, **capabilities}
        self._send = send

    def send(self, message: Any, /) -> Any:
        return self._send(message)


class AsyncCustom(Custom):
    async def send(self, message: Any, /) -> Any:
        answer = self._send(message)
        return await answer if asyncio.iscoroutine(answer) else answer


def raising(error: BaseException) -> Callable[[Any], Any]:
    def send(message: Any) -> Any:
        raise error

    return send


def state(place: Place, channel: Any) -> tuple[str, str | None]:
    """Status and failure of one message that went through ``channel``."""
    with Engine.open(**place, actor="a", role="manager", channels={"sms": channel}) as engine:
        message = approved(engine)
        engine.run_until_idle()
        found = engine.get_message(message)
        return found["status"], found["failure"]


@pytest.mark.parametrize("kind", [Custom, AsyncCustom])
@pytest.mark.parametrize(
    ("answer", "status", "failure"),
    [
        (outcome.accepted("id-1"), "sent", None),
        (outcome.dead("no_such_number"), "failed", "no_such_number"),
        (outcome.rejected("spam"), "failed", "spam"),
        (outcome.retry_after(60_000, "busy"), "approved", "busy"),
        (outcome.retry_after(2**63, "busy", "channel"), "approved", "busy"),
        (outcome.stop("no_balance"), "approved", "no_balance"),
        (outcome.unknown("lost"), "uncertain", "lost"),
        (outcome.dead("call Anna at +998 90"), "failed", "reason_is_no_code"),
    ],
)
def test_outcomes_lead_where_they_should(
    place: Place, kind: type[Custom], answer: Any, status: str, failure: str | None
) -> None:
    assert state(place, kind(lambda _: answer)) == (status, failure)


@pytest.mark.parametrize("kind", [Custom, AsyncCustom])
@pytest.mark.parametrize(
    "send",
    [
        raising(ValueError("Anna's number is secret")),
        raising(KeyboardInterrupt()),
        raising(SystemExit(3)),
        raising(asyncio.CancelledError()),
        raising(GeneratorExit()),
        raising(RecursionError()),
        lambda _: None,
        lambda _: "accepted",
        lambda _: True,
        lambda _: {},
        lambda _: {"outcome": "sent"},
        lambda _: {"outcome": "accepted"},
        lambda _: {"outcome": "accepted", "provider_id": 7},
        lambda _: {"outcome": "accepted", "provider_id": ""},
        lambda _: {"outcome": "accepted", "provider_id": "\ud800"},
        lambda _: {"outcome": "retry_after", "at_least_ms": -1, "scope": "message"},
        lambda _: {"outcome": "retry_after", "at_least_ms": float("nan"), "scope": "message"},
        lambda _: object(),
        lambda _: {1, 2},
        lambda message: message.no_such_attribute,
        lambda message: message.clear(),
    ],
)
def test_what_is_no_answer_is_unknown(
    place: Place, kind: type[Custom], send: Callable[[Any], Any]
) -> None:
    status, failure = state(place, kind(send))
    assert status == "uncertain"
    assert failure in {"plugin_raised", "bad_answer", "bad_provider_id"}


def test_a_method_with_other_arguments_is_unknown(place: Place) -> None:
    class Odd:
        capabilities: Any = PHONE

        def send(self) -> Any:
            return outcome.accepted("x")

    assert state(place, Odd()) == ("uncertain", "plugin_raised")


def test_a_hanging_coroutine_is_unknown_and_cancelled(place: Place) -> None:
    cancelled = threading.Event()

    async def hang(_: Any) -> Any:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    assert state(place, AsyncCustom(hang, timeout_ms=200)) == ("uncertain", "timeout")
    assert cancelled.wait(20)


def test_a_blocking_method_holds_up_nothing_else(place: Place) -> None:
    release = threading.Event()
    entered = threading.Event()

    def block(_: Any) -> Any:
        entered.set()
        release.wait(60)
        return outcome.accepted("late")

    blocking = Custom(block, timeout_ms=30_000)
    quick = Sms()
    channels: dict[str, Channel] = {"slow": blocking, "sms": quick}
    with Engine.open(**place, actor="a", role="manager", channels=channels) as engine:
        slow = approved(engine, "slow")
        fast = approved(engine, phone="+998901234598")
        worker = threading.Thread(target=engine.run_until_idle)
        worker.start()
        assert entered.wait(20)
        wait_until(lambda: engine.get_message(fast)["status"] == "sent")
        assert engine.get_message(slow)["status"] == "sending"
        assert engine.dashboard()["total_messages"] == 2
        release.set()
        worker.join(20)
        assert engine.get_message(slow)["status"] == "sent"


def test_hanging_methods_do_not_pile_up_threads(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_plugins, "MOST_THREADS", 2)
    release = threading.Event()
    hanging = Custom(lambda _: release.wait(60), timeout_ms=200)
    with Engine.open(**place, actor="a", role="manager", channels={"sms": hanging}) as engine:
        first = [approved(engine), approved(engine, phone="+998901234598")]
        engine.run_until_idle()
        third = approved(engine, phone="+998901234597")
        engine.run_until_idle()
        assert [engine.get_message(m)["status"] for m in first] == ["uncertain"] * 2
        # Not begun, so it can be tried again.
        found = engine.get_message(third)
        assert (found["status"], found["failure"]) == ("approved", "plugin_not_reachable")
        release.set()


def test_an_answer_after_the_timeout_changes_nothing(place: Place) -> None:
    release = threading.Event()
    answered = threading.Event()

    def late(_: Any) -> Any:
        release.wait(60)
        answered.set()
        return outcome.rejected("late")

    channel = Custom(late, timeout_ms=100)
    with Engine.open(**place, actor="a", role="manager", channels={"sms": channel}) as engine:
        message = approved(engine)
        engine.run_until_idle()
        assert engine.get_message(message)["status"] == "uncertain"
        release.set()
        assert answered.wait(20)
        assert engine.get_message(message)["status"] == "uncertain"
        resolved = engine.resolve_message(message, outcome="sent", reason="asked the person")
        assert resolved["status"] == "sent"


def test_many_doubts_are_settled_at_once(place: Place) -> None:
    channel = Custom(lambda _: outcome.unknown("lost"))
    with Engine.open(**place, actor="a", role="manager", channels={"sms": channel}) as engine:
        messages = [approved(engine, phone=f"+99890123459{n}") for n in range(4)]
        engine.run_until_idle()
        sent = engine.decide_bulk("resolve_sent", {"ids": messages[:1]}, reason="asked them")
        failed = engine.decide_bulk("resolve_failed", {"ids": messages[1:2]})
        assert (sent["applied"], failed["applied"]) == (1, 1)
        # Sending again, like approving, is for what was seen.
        with pytest.raises(PreconditionRequiredError):
            engine.decide_bulk("resolve_resend", {"status": "uncertain"})
        preview = engine.preview_bulk("resolve_resend", {"status": "uncertain"})
        assert preview["count"] == 2
        again = engine.decide_bulk(
            "resolve_resend", {"status": "uncertain"}, manifest=preview["manifest"]
        )
        assert again["applied"] == 2
        found = [engine.get_message(m)["status"] for m in messages]
        assert found == ["sent", "failed", "approved", "approved"]


@pytest.mark.parametrize("kind", [Custom, AsyncCustom])
def test_a_plugin_may_call_the_engine(place: Place, kind: type[Custom]) -> None:
    seen: list[str] = []
    holder: list[Engine] = []

    def send(message: Any) -> Any:
        engine = holder[0]
        seen.append(engine.get_message(message["message_id"])["status"])
        engine.create_contact(name="From inside")
        with pytest.raises(Exception, match="already running"):
            engine.run_until_idle()
        return outcome.accepted("x")

    channel = kind(send, timeout_ms=20_000)
    with Engine.open(**place, actor="a", role="manager", channels={"sms": channel}) as engine:
        holder.append(engine)
        message = approved(engine)
        engine.run_until_idle()
        assert engine.get_message(message)["status"] == "sent"
        assert engine.list_contacts(search="inside")["items"]
    assert seen == ["sending"]


async def test_fifty_sends_run_at_once(place: Place) -> None:
    together = 0
    most = 0
    everybody = asyncio.Event()

    class Meeting:
        capabilities: Any = {**PHONE, "concurrency": 50, "timeout_ms": 20_000}

        async def send(self, message: Any, /) -> Any:
            nonlocal together, most
            together += 1
            most = max(most, together)
            if together == 50:
                everybody.set()
            await everybody.wait()
            together -= 1
            return outcome.accepted(message["attempt_id"])

    async with await AsyncEngine.open(
        **place, actor="a", role="manager", channels={"sms": Meeting()}
    ) as engine:
        rows = "".join(f"P{n},+9989012345{n:02}\n" for n in range(50))
        await engine.import_contacts("name,phone\n" + rows)
        campaign = await engine.create_campaign(
            name="x",
            occasion_type="custom",
            audience={"and": []},
            schedule={"type": "immediate"},
            channel="sms",
        )
        await engine.execute_campaign(campaign["id"])
        await engine.run_until_idle()
        for m in (await engine.list_messages())["items"]:
            await engine.approve_message(m["id"], version=m["version"], digest=m["digest"])
        assert (await engine.run_until_idle())["begun"] == 50
        assert (await engine.campaign_stats(campaign["id"]))["sent_count"] == 50
    assert most == 50


def llm(place: Place, draft: Callable[[Any], Any], timeout_ms: int = 10_000) -> Any:
    """The message a model's answer leads to."""

    class Model:
        def draft(self, request: Any, /) -> Any:
            return draft(request)

    model: Any = Model()
    model.timeout_ms = timeout_ms
    with Engine.open(
        **place, actor="a", role="manager", channels={"sms": Sms()}, llm=model
    ) as engine:
        person = engine.create_contact(name="Ann", phone="+998901234599")
        return engine.generate_message(
            contact_id=person["id"], occasion_type="birthday", channel="sms"
        )


async def later(value: Any) -> Any:
    await asyncio.sleep(0)
    return value


@pytest.mark.parametrize("wrap", [lambda value: value, later])
def test_a_text_becomes_a_draft(place: Place, wrap: Callable[[Any], Any]) -> None:
    message = llm(place, lambda _: wrap("Just the text for Ann."))
    assert message["content"] == "Just the text for Ann."
    assert message["generated_by"] == "AI" and message["metadata"]["model"] == "plugin"


@pytest.mark.parametrize(
    ("draft", "code"),
    [
        (raising(ValueError("secret")), "plugin_raised"),
        (raising(SystemExit()), "plugin_raised"),
        (lambda _: None, "bad_answer"),
        (lambda _: b"bytes", "bad_answer"),
        (lambda _: {"content": 7}, "bad_answer"),
        (lambda _: {"content": "x", "input_tokens": -1}, "bad_answer"),
        (lambda _: {"content": "x", "cost_picodollars": 2**80}, "bad_answer"),
        (lambda _: "\ud800", "bad_answer"),
        (lambda _: " ", "blank"),
        (lambda _: "Dear [name]!", "placeholder"),
        (lambda _: "x" * 100_000, "too_long"),
        (lambda _: "a\0b", "control_character"),
        (lambda _: {"failure": "refused"}, "refused"),
        (lambda _: {"failure": "unavailable", "reason": "overloaded"}, "overloaded"),
    ],
)
def test_a_failed_draft_falls_back_and_says_so(
    place: Place, draft: Callable[[Any], Any], code: str
) -> None:
    message = llm(place, draft)
    assert message["generated_by"] == "manual"
    assert message["metadata"]["fallback_used"]
    assert message["metadata"]["error"] == code
    assert message["content"]


def test_a_hanging_model_falls_back(place: Place) -> None:
    release = threading.Event()
    message = llm(place, lambda _: release.wait(60), timeout_ms=100)
    release.set()
    assert message["metadata"]["error"] == "timeout"


def test_a_plugin_runs_though_the_callers_loop_changed(place: Place) -> None:
    sms = Sms()

    async def first() -> AsyncEngine:
        engine = await AsyncEngine.open(
            **place, actor="a", role="manager", channels={"sms": sms}
        )
        person = await engine.create_contact(name="Ann", phone="+998901234599")
        m = await engine.generate_message(
            contact_id=person["id"], occasion_type="custom", channel="sms"
        )
        await engine.approve_message(m["id"], version=m["version"], digest=m["digest"])
        return engine

    async def second(engine: AsyncEngine) -> None:
        await engine.run_until_idle()
        await engine.close()

    asyncio.run(second(asyncio.run(first())))
    assert len(sms.delivered) == 1


def test_a_busy_interpreter_does_not_stop_the_engine(place: Place) -> None:
    def busy(_: Any) -> Any:
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            pass
        return outcome.accepted("x")

    assert state(place, Custom(busy, timeout_ms=20_000))[0] == "sent"

"""What a channel may do besides sending: look doubts up, read callbacks, count units."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from conftest import Place, approved, new_place, wait_until

from crm_engine import (
    AsyncEngine,
    CrmError,
    Engine,
    ForbiddenError,
    InvalidError,
    UnavailableError,
    outcome,
)
from crm_engine.types import Callback, Capabilities, Delivery, Doubt, LookUp, News, Outcome, Refused

HOOK = "https://crm.example/receipts/sms?a=b"


class Gateway:
    """Takes a message and gives no answer; can be asked about it, and posts what came of it."""

    capabilities: Capabilities = {
        "address": "phone",
        "subject": False,
        "idempotent": False,
        "rate": {"units": 100, "per_ms": 1_000},
    }

    def __init__(self) -> None:
        self.taken: list[Delivery] = []
        self.asked: list[Doubt] = []
        self.read_of: list[Callback] = []
        self.counted: list[tuple[str | None, str]] = []

    def send(self, message: Delivery) -> Outcome:
        self.taken.append(message)
        raise TimeoutError

    def look_up(self, doubt: Doubt) -> LookUp:
        self.asked.append(doubt)
        return {"found": "taken", "provider_id": f"g-{doubt['attempt_id']}"}

    def read(self, callback: Callback) -> list[News] | Refused:
        self.read_of.append(callback)
        if dict(callback["headers"]).get("x-secret") != "ours":
            return {"refused": "forbidden"}
        if not callback["body"].isascii():
            return {"refused": "invalid"}
        attempt = callback["body"].decode()
        return [{"news": "receipt", "attempt_id": attempt, "fate": "delivered"}]

    def units(self, subject: str | None, content: str) -> int:
        self.counted.append((subject, content))
        return 2


class AsyncGateway(Gateway):
    async def look_up(self, doubt: Doubt) -> LookUp:  # type: ignore[override]
        await asyncio.sleep(0)
        return Gateway.look_up(self, doubt)

    async def read(self, callback: Callback) -> list[News] | Refused:  # type: ignore[override]
        await asyncio.sleep(0)
        return Gateway.read(self, callback)

    async def units(self, subject: str | None, content: str) -> int:  # type: ignore[override]
        await asyncio.sleep(0)
        return Gateway.units(self, subject, content)


@pytest.mark.parametrize("kind", [Gateway, AsyncGateway])
def test_callbacks_are_read_by_the_plugin(place: Place, kind: type[Gateway]) -> None:
    gateway: Any = kind()
    with Engine.open(**place, actor="a", role="manager", channels={"sms": gateway}) as engine:
        message = approved(engine)
        engine.run_until_idle()
        assert engine.get_message(message)["status"] == "uncertain"
        attempt = gateway.taken[0]["attempt_id"]
        ours = [("x-secret", "ours")]
        with pytest.raises(ForbiddenError):
            engine.receive("sms", url=HOOK, headers={}, body=attempt)
        every = bytes(range(256))
        with pytest.raises(InvalidError):
            engine.receive("sms", url=HOOK, headers=ours, body=every)
        assert gateway.read_of[-1] == {"url": HOOK, "headers": ours, "body": every}
        received = engine.receive("sms", url=HOOK, headers=ours, body=attempt)
        assert received["receipts"] == 1
        # A receipt settles a doubt.
        assert engine.get_message(message)["status"] == "delivered"
        assert engine.message_attempts(message)[0]["receipts"][0]["fate"] == "delivered"


@pytest.mark.parametrize("kind", [Gateway, AsyncGateway])
def test_units_are_counted_by_the_plugin(place: Place, kind: type[Gateway]) -> None:
    gateway: Any = kind()
    with Engine.open(**place, actor="a", role="manager", channels={"sms": gateway}) as engine:
        message = engine.get_message(approved(engine))
        engine.run_until_idle()
    # When it is written, and when it leaves.
    assert gateway.counted == [(message["subject"], message["content"])] * 2


def test_coroutines_of_a_plugin_run_while_a_coroutine_works(place: Place) -> None:
    gateway: Any = AsyncGateway()

    async def work() -> None:
        async with await AsyncEngine.open(
            **place, actor="a", role="manager", channels={"sms": gateway}
        ) as engine:
            person = await engine.create_contact(name="Ann", phone="+998901234599")
            m = await engine.generate_message(
                contact_id=person["id"], occasion_type="birthday", channel="sms"
            )
            await engine.approve_message(m["id"], version=m["version"], digest=m["digest"])
            await engine.run_until_idle()

    asyncio.run(work())
    assert (len(gateway.counted), len(gateway.taken)) == (2, 1)


@pytest.mark.parametrize("kind", [Gateway, AsyncGateway])
def test_a_doubt_is_looked_up(tmp_path: Path, kind: type[Gateway]) -> None:
    gateway: Any = kind()
    place = new_place("sqlite", tmp_path)
    with Engine.open(**place, actor="a", role="manager", channels={"sms": gateway}) as engine:
        message = approved(engine)
        engine.run_until_idle()
        assert engine.get_message(message)["status"] == "uncertain"

        def settled() -> bool:
            # A provider is first asked ten seconds after the doubt.
            engine.run_until_idle()
            return engine.get_message(message)["status"] == "sent"

        wait_until(settled, 120)
        found = engine.get_message(message)
        (taken,) = gateway.taken
        assert found["provider_id"] == f"g-{taken['attempt_id']}"
        (doubt,) = gateway.asked
        assert doubt["attempt_id"] == taken["attempt_id"]
        assert (doubt["recipient"], doubt["content"]) == (taken["recipient"], taken["content"])


@pytest.mark.parametrize(
    "answer",
    [None, {}, "news", [{"news": "gossip"}], [1], {"refused": "perhaps"}, ValueError("secret")],
)
def test_what_is_no_news_is_not_kept(place: Place, answer: Any) -> None:
    class Odd(Gateway):
        def read(self, callback: Callback) -> Any:
            if isinstance(answer, Exception):
                raise answer
            return answer

    odd: Any = Odd()
    with Engine.open(**place, actor="a", role="manager", channels={"sms": odd}) as engine:
        with pytest.raises(UnavailableError) as refused:
            engine.receive("sms", url=HOOK, headers={}, body=b"")
        assert refused.value.retryable and "secret" not in repr(refused.value)


@pytest.mark.parametrize("answer", [None, 0, -1, 1.5, 10**9, "2", ValueError()])
def test_what_is_no_count_delivers_all_the_same(place: Place, answer: Any) -> None:
    class Odd(Gateway):
        def send(self, message: Delivery) -> Outcome:
            return outcome.accepted(message["attempt_id"])

        def units(self, subject: str | None, content: str) -> Any:
            if isinstance(answer, Exception):
                raise answer
            return answer

    odd: Any = Odd()
    with Engine.open(**place, actor="a", role="manager", channels={"sms": odd}) as engine:
        messages = [approved(engine), approved(engine, phone="+998901234598")]
        engine.run_until_idle()
        # A billion units would have silenced the channel.
        assert [engine.get_message(m)["status"] for m in messages] == ["sent"] * 2


@pytest.mark.parametrize(
    "capabilities",
    [
        {"look_up": True},
        {"receipts": True},
        {"rate": {"units": 0, "per_ms": 1}},
        {"rate": {"units": 1, "per_ms": 0}},
        {"rate": {"units": 1}},
        {"window_ms": 0},
        {"window_ms": 31_536_000_001},
        {"rate": 5},
    ],
)
def test_what_a_channel_cannot_do_is_no_capability(place: Place, capabilities: Any) -> None:
    class Plain:
        def __init__(self) -> None:
            self.capabilities = capabilities

        def send(self, message: Delivery) -> Outcome:
            return outcome.unknown("never")

    with pytest.raises(CrmError) as refused:
        Engine.open(**place, actor="a", role="manager", channels={"sms": Plain()})
    assert refused.value.code == "invalid"

"""The core's conformance suites against adapters written in Python.

Needs the library built with the feature ``testing``; ``cargo xtask test`` does that.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from crm_engine import _native, outcome
from crm_engine._plugins import Dispatcher
from crm_engine.types import Delivery, Draft, DraftFailure, DraftRequest, Outcome


class Refused(Exception):
    """The provider said no, before taking the message."""


class Provider:
    """The far end: takes messages, or gets into the trouble that a case asks for."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.arrived: list[dict[str, Any]] = []
        self.keys: set[str] = set()
        self.trouble: str | None = None
        self.behaviour = "answer"
        self.text: str | None = "Hello"
        self.requests = 0

    async def submit(self, key: str, recipient: str, subject: str | None, content: str) -> str:
        await asyncio.sleep(0)
        match self.trouble:
            case "unreachable":
                raise ConnectionRefusedError
            case "busy" | "no_such_address" | "bad_credentials":
                raise Refused(self.trouble)
        if key not in self.keys:
            self.keys.add(key)
            self.arrived.append({"recipient": recipient, "subject": subject, "content": content})
        if self.trouble == "silent_after_body":
            raise TimeoutError
        return f"id-{key}"

    def complete(self, request: DraftRequest) -> dict[str, Any]:
        self.requests += 1
        match self.behaviour:
            case "overloaded" | "bad_key":
                raise Refused(self.behaviour)
            case "unreachable":
                raise ConnectionRefusedError
            case "malformed":
                return {"no": "text"}
            case "refuse":
                return {"stop": "refusal", "text": ""}
            case "cut_off":
                return {"stop": "length", "text": "Dear An"}
            case "empty":
                return {"stop": "end", "text": ""}
        return {"stop": "end", "text": self.text}

    def send(self, question: Any) -> Any:
        """What the suite asks of it."""
        match question["ask"]:
            case "reset":
                self.reset()
                return True
            case "delivered":
                return self.arrived
            case "requests":
                return self.requests
            case "trouble":
                self.trouble = question["trouble"]
                return True
            case "behave":
                self.behaviour, self.text = question["behaviour"], question["text"]
                return True
        return False


class Adapter:
    """A channel as a host would write it."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    async def send(self, message: Delivery) -> Outcome:
        try:
            taken = await self._provider.submit(
                message["key"],
                message["recipient"],
                message["subject"],
                message["content"],
            )
        except ConnectionRefusedError:
            return outcome.retry_after(1_000, "connection_refused")
        except Refused as error:
            match str(error):
                case "busy":
                    return outcome.retry_after(1_000, "busy")
                case "no_such_address":
                    return outcome.dead("no_such_address")
                case reason:
                    return outcome.stop(reason)
        # A TimeoutError goes on: the engine takes it for unknown, which it is.
        return outcome.accepted(taken)


class BlockingAdapter(Adapter):
    """The same with a plain method."""

    def send(self, message: Delivery) -> Outcome:  # type: ignore[override]
        return asyncio.run(super().send(message))


class Model:
    """A model as a host would write it."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def draft(self, request: DraftRequest) -> Draft | DraftFailure:
        try:
            answer = self._provider.complete(request)
        except Refused as error:
            if str(error) == "bad_key":
                return {"failure": "configuration", "reason": "bad_key"}
            return {"failure": "unavailable", "reason": "overloaded"}
        match answer.get("stop"):
            case "refusal":
                return {"failure": "refused"}
            case "length":
                return {"failure": "truncated"}
            case "end":
                pass
            case _:
                return {"failure": "bad_output", "reason": "no_text"}
        return {
            "content": answer["text"],
            "model": "model-1",
            "input_tokens": 10,
            "output_tokens": 5,
            "cost_picodollars": 15_000,
        }


def run(
    suite: str,
    adapter: Any,
    provider: Any,
    capabilities: Any = None,
    options: Any = None,
) -> list[Any]:
    channels: Any = {"adapter": adapter, "provider": provider}
    llm = Model(provider)
    dispatcher = Dispatcher(channels, llm)
    wanted = {
        "suite": suite,
        "capabilities": capabilities or {},
        "llm": options or {},
    }
    # Not in the stub: published builds do not have it.
    conformance: Callable[[str, Dispatcher], str] = getattr(_native, "conformance")
    text = conformance(json.dumps(wanted), dispatcher)
    dispatcher.close()
    cases: list[Any] = json.loads(text)["ok"]
    return cases


def skipped(cases: list[Any]) -> list[str]:
    return [case["name"] for case in cases if case["skipped"] is not None]


def failures(cases: list[Any]) -> list[Any]:
    return [case for case in cases if case["failure"] is not None]


@pytest.mark.parametrize("kind", [Adapter, BlockingAdapter])
@pytest.mark.parametrize(
    ("capabilities", "without"),
    [
        ({}, ["an_attempt_is_delivered_once_if_idempotent"]),
        ({"idempotent": True}, []),
        (
            {"subject": False, "max_length": 100, "idempotent": True},
            [
                "delivers_the_subject",
                "delivers_a_long_subject",
                "refuses_header_injection_in_the_subject",
            ],
        ),
    ],
    ids=["plain", "idempotent", "short"],
)
def test_a_channel_in_python_conforms(
    kind: Callable[[Provider], Any], capabilities: Any, without: list[str]
) -> None:
    provider = Provider()
    cases = run("channel", kind(provider), provider, capabilities)
    assert failures(cases) == []
    assert skipped(cases) == without
    assert len(cases) >= 27


@pytest.mark.parametrize(
    ("options", "without"),
    [
        ({}, ["a_draft_costs_no_more_than_was_said"]),
        ({"worst_cost_usd": "0.000000015"}, []),
    ],
    ids=["no price", "a price"],
)
def test_a_model_in_python_conforms(options: Any, without: list[str]) -> None:
    provider = Provider()
    cases = run("llm", Adapter(provider), provider, options=options)
    assert failures(cases) == []
    assert skipped(cases) == without
    assert len(cases) >= 17


def test_a_model_that_costs_more_than_was_said_is_found_out() -> None:
    provider = Provider()
    options = {"worst_cost_usd": "0.000000014"}
    failed = failures(run("llm", Adapter(provider), provider, options=options))
    assert [case["name"] for case in failed] == ["a_draft_costs_no_more_than_was_said"]


def test_a_channel_that_guesses_is_found_out() -> None:
    class Guessing(Adapter):
        async def send(self, message: Delivery) -> Outcome:
            try:
                return await super().send(message)
            except TimeoutError:
                return outcome.retry_after(1_000, "timeout")

    provider = Provider()
    failed = failures(run("channel", Guessing(provider), provider))
    assert [case["name"] for case in failed] == ["silence_after_the_body_is_unknown"]

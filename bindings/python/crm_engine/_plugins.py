"""Runs plugins: coroutines on an event loop, plain functions on threads of their own."""

from __future__ import annotations

import asyncio
import inspect
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any, cast

from ._json import encode_answer
from ._native import Reply
from .errors import invalid

LLM = "llm"

MOST_THREADS = 256
"""How many calls of plain functions may be under way: those that hang for good add up."""


class Dispatcher:
    """Knows the plugins of one engine by name. Called by the engine from its own threads.

    An exception out of it means that no line of a plugin ran.
    """

    def __init__(self, channels: object, llm: object | None) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        """The loop for coroutines; without one, a loop on a thread of its own."""
        self._own: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()
        self._threads = threading.BoundedSemaphore(MOST_THREADS)
        self._methods: dict[str, Callable[[Any], Any]] = {}
        self.options: dict[str, object] = {"channels": {}}
        described: dict[str, object] = {}
        if not isinstance(channels, Mapping):
            raise invalid("channels", "give a dictionary of channels by name")
        for name, channel in cast("Mapping[object, object]", channels).items():
            if not isinstance(name, str):
                raise invalid("channels", "the name of a channel is text")
            if name == LLM:
                raise invalid("channels", "no channel can be named llm")
            self._methods[name] = _method(channel, "send", f"channels.{name}")
            capabilities: object = getattr(channel, "capabilities", {})
            if not isinstance(capabilities, Mapping):
                raise invalid(f"channels.{name}.capabilities", "give a dictionary")
            described[name] = dict(cast("Mapping[object, object]", capabilities))
        self.options["channels"] = described
        if llm is not None:
            self._methods[LLM] = _method(llm, "draft", "llm")
            timeout = getattr(llm, "timeout_ms", None)
            self.options["llm"] = {} if timeout is None else {"timeout_ms": timeout}

    def __call__(self, plugin: str, request: str, reply: Reply) -> Callable[[], object] | None:
        method = self._methods[plugin]
        argument = json.loads(request)
        if inspect.iscoroutinefunction(method):
            return self._schedule(method(argument), reply)
        if not self._threads.acquire(blocking=False):
            raise RuntimeError("too many calls of plugins hang")
        try:
            threading.Thread(
                target=self._run, args=(method, argument, reply), name=f"crm-{plugin}", daemon=True
            ).start()
        except BaseException:
            self._threads.release()
            raise
        return None

    def _schedule(self, coroutine: Any, reply: Reply) -> Callable[[], object]:
        try:
            loop = self._running_loop()
            return asyncio.run_coroutine_threadsafe(_answer(coroutine, reply), loop).cancel
        except BaseException:
            coroutine.close()
            raise

    def _run(self, method: Callable[[Any], Any], argument: object, reply: Reply) -> None:
        try:
            answer = method(argument)
            if inspect.isawaitable(answer):
                # A plain function that returned an awaitable: its first part ran here already.
                self._schedule(_awaited(answer), reply)
                return
        except BaseException:
            reply.raised()
        else:
            reply.answered(encode_answer(answer))
        finally:
            self._threads.release()

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        loop = self.loop
        if loop is not None:
            if loop.is_closed() or not loop.is_running():
                raise RuntimeError("the event loop has ended")
            return loop
        with self._lock:
            if self._own is None:
                self._own = asyncio.new_event_loop()
                threading.Thread(
                    target=self._own.run_forever, name="crm-plugins", daemon=True
                ).start()
            return self._own

    def close(self) -> None:
        """Ends the own loop; called once no plugin runs any more."""
        with self._lock:
            own, self._own = self._own, None
        if own is not None:
            own.call_soon_threadsafe(own.stop)


async def _awaited(answer: Any) -> Any:
    return await answer


async def _answer(coroutine: Any, reply: Reply) -> None:
    try:
        answer = await coroutine
    except asyncio.CancelledError:
        reply.raised()
        raise
    except BaseException:
        # Not even SystemExit may end the loop that other plugins share.
        reply.raised()
        return
    reply.answered(encode_answer(answer))


def _method(plugin: object, name: str, where: str) -> Callable[[Any], Any]:
    method = getattr(plugin, name, None)
    if isinstance(plugin, type) or not callable(method):
        raise invalid(where, f"give an object with a method {name}()")
    return method  # type: ignore[no-any-return]

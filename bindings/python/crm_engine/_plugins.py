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

PLUGIN = "plugin"
"""The type of a provider of one's own, in a list of providers."""

Arguments = Callable[[Any], tuple[Any, ...]]
"""Makes a method's arguments of a request."""

MOST_THREADS = 256
"""How many calls of plain functions may be under way: those that hang for good add up."""


class Dispatcher:
    """Knows the plugins of one engine by name. Called by the engine from its own threads.

    An exception out of it means that no line of a plugin ran.
    """

    def __init__(
        self,
        channels: object,
        llm: object | None,
        subscribers: object | None = None,
        observer: object | None = None,
    ) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        """The loop for coroutines; without one, a loop on a thread of its own."""
        self._own: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()
        self._threads = threading.BoundedSemaphore(MOST_THREADS)
        self._methods: dict[str, tuple[Callable[..., Any], Arguments]] = {}
        self.options: dict[str, object] = {}
        described: dict[str, object] = {}
        settings: dict[str, object] = {}
        if not isinstance(channels, Mapping):
            raise invalid("channels", "give a dictionary of channels by name")
        for name, channel in cast("Mapping[object, object]", channels).items():
            if not isinstance(name, str):
                raise invalid("channels", "the name of a channel is text")
            if name == LLM:
                raise invalid("channels", "no channel can be named llm")
            where = f"channels.{name}"
            if _is_settings(channel):
                settings[name] = self._settings(name, channel, where)
            else:
                described[name] = self._plugin(name, channel, where)
        self.options["channels"] = described
        self.options["settings"] = settings
        if llm is not None:
            self._methods[LLM] = (_method(llm, "draft", "llm"), _whole)
            timeout = getattr(llm, "timeout_ms", None)
            worst = getattr(llm, "worst_cost_usd", None)
            given = {"timeout_ms": timeout, "worst_cost_usd": worst}
            self.options["llm"] = {name: value for name, value in given.items() if value is not None}
        if subscribers is not None:
            self.options["subscribers"] = self._subscribers(subscribers)
        if observer is not None:
            self._methods["observer:notice"] = (_method(observer, "notice", "observer"), _whole)
            self._methods["observer:lagged"] = (getattr(observer, "lagged", _nothing), _whole)
            self.options["observer"] = True

    def _plugin(self, key: str, plugin: object, where: str) -> dict[object, object]:
        """What the engine has to know of a channel of one's own."""
        self._methods[key] = (_method(plugin, "send", where), _whole)
        capabilities: object = getattr(plugin, "capabilities", {})
        if not isinstance(capabilities, Mapping):
            raise invalid(f"{where}.capabilities", "give a dictionary")
        methods: list[str] = []
        for name, arguments in _OPTIONAL.items():
            method = getattr(plugin, name, None)
            if callable(method):
                self._methods[f"{key}/{name}"] = (method, arguments)
                methods.append(name)
        return {**cast("Mapping[object, object]", capabilities), "methods": methods}

    def _subscribers(self, subscribers: object) -> dict[str, object]:
        """What the engine has to know of each subscriber."""
        if not isinstance(subscribers, Mapping):
            raise invalid("subscribers", "give a dictionary of subscribers by name")
        described: dict[str, object] = {}
        for name, subscriber in cast("Mapping[object, object]", subscribers).items():
            if not isinstance(name, str):
                raise invalid("subscribers", "the name of a subscriber is text")
            where = f"subscribers.{name}"
            self._methods[f"subscriber:{name}"] = (_method(subscriber, "deliver", where), _whole)
            capabilities: object = getattr(subscriber, "capabilities", {})
            if not isinstance(capabilities, Mapping):
                raise invalid(f"{where}.capabilities", "give a dictionary")
            described[name] = {
                "actions": getattr(subscriber, "actions", ()),
                "capabilities": dict(cast("Mapping[object, object]", capabilities)),
            }
        return described

    def _settings(self, name: str, given: object, where: str) -> object:
        """Settings, with plugins among the providers as what the engine has to know of them."""
        if isinstance(given, str):
            return given
        table = _table(given, where)
        providers = table.get("providers")
        if not isinstance(providers, (list, tuple)):
            return table
        known: list[object] = []
        for index, provider in enumerate(cast("list[object]", providers)):
            place = f"{where}.providers[{index}]"
            if _is_settings(provider):
                known.append(provider if isinstance(provider, str) else _table(provider, place))
                continue
            described = self._plugin(f"{name}.{index}", provider, place)
            own = getattr(provider, "name", None)
            if own is not None:
                described["name"] = own
            described["type"] = PLUGIN
            known.append(described)
        table["providers"] = known
        return table

    def __call__(self, plugin: str, request: str, reply: Reply) -> Callable[[], object] | None:
        method, arguments_of = self._methods[plugin]
        arguments = arguments_of(json.loads(request))
        if inspect.iscoroutinefunction(method):
            return self._schedule(method(*arguments), reply)
        if not self._threads.acquire(blocking=False):
            raise RuntimeError("too many calls of plugins hang")
        try:
            threading.Thread(
                target=self._run, args=(method, arguments, reply), name=f"crm-{plugin}", daemon=True
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

    def _run(
        self, method: Callable[..., Any], arguments: tuple[Any, ...], reply: Reply
    ) -> None:
        try:
            answer = method(*arguments)
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


def _method(plugin: object, name: str, where: str) -> Callable[..., Any]:
    method = getattr(plugin, name, None)
    if isinstance(plugin, type) or not callable(method):
        raise invalid(where, f"give an object with a method {name}()")
    return method  # type: ignore[no-any-return]


def _is_settings(channel: object) -> bool:
    return not hasattr(channel, "send") and isinstance(channel, (str, Mapping))


def _table(given: object, where: str) -> dict[object, object]:
    table = dict(cast("Mapping[object, object]", given))
    if table.get("type") == PLUGIN:
        raise invalid(where, "give the object itself")
    return table


def _nothing(request: Any) -> None:
    pass


def _whole(request: Any) -> tuple[Any, ...]:
    return (request,)


def _callback(request: Any) -> tuple[Any, ...]:
    # Each byte came as the character of its number.
    headers = [tuple(pair) for pair in request["headers"]]
    body = request["body"].encode("latin-1")
    return ({"url": request["url"], "headers": headers, "body": body},)


def _text(request: Any) -> tuple[Any, ...]:
    return (request["subject"], request["content"])


_OPTIONAL: dict[str, Arguments] = {"look_up": _whole, "read": _callback, "units": _text}
"""What a channel may have besides ``send``."""

"""The engine, for coroutines and for blocking code."""

from __future__ import annotations

import asyncio
import atexit
import os
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

from ._async_operations import AsyncOperations
from ._json import decode, encode
from ._native import Native
from ._operations import Operations
from ._plugins import Dispatcher
from .errors import InternalError
from .types import (
    Calendar,
    Channel,
    GuardrailRules,
    Llm,
    Observer,
    Providers,
    ProviderSettings,
    Role,
    Subscriber,
)

AnyChannel: TypeAlias = Channel | ProviderSettings | Providers | str
"""A channel of your own, settings, or a mail relay in one line (``smtp://...``)."""


class _Core:
    """One open engine, shared by the handles of all its actors."""

    def __init__(self, native: Native, dispatcher: Dispatcher) -> None:
        self.native = native
        self.dispatcher = dispatcher
        self.process = os.getpid()
        _OPEN.add(self)


_OPEN: weakref.WeakSet[_Core] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    # Before the interpreter goes down: afterwards no plugin can be called any more.
    for core in list(_OPEN):
        if core.process == os.getpid():
            core.native.close_at_exit(5.0)


def _open(
    path: str | os.PathLike[str],
    schema: str | None,
    connections: int | None,
    actor: str,
    role: Role,
    workspace: str,
    outbox: str | os.PathLike[str] | None,
    smtp: str | None,
    anthropic_api_key: str | None,
    model: str | None,
    fallback_models: Sequence[str],
    channels: Mapping[str, AnyChannel] | None,
    unsubscribe_keys: Sequence[str] | None,
    unsubscribe_url: str | None,
    llm: Llm | None,
    subscribers: Mapping[str, Subscriber] | None,
    observer: Observer | None,
    undo_window_s: int,
    late_after: int | None,
    separate_approver: bool,
    marketing_needs_opt_in: bool,
    guardrails: GuardrailRules | None,
    calendars: Sequence[Calendar] | None,
    opt_in_url: str | None,
    time_zone: str | None,
    loop: asyncio.AbstractEventLoop | None,
) -> tuple[Native, _Core]:
    dispatcher = Dispatcher(
        {} if channels is None else channels, llm, subscribers, observer
    )
    dispatcher.loop = loop
    values: dict[str, object] = {
        "path": str(path) if isinstance(path, Path) else path,
        "schema": schema,
        "connections": connections,
        "actor": actor,
        "role": role,
        "workspace": workspace,
        "outbox": str(outbox) if isinstance(outbox, Path) else outbox,
        "smtp": smtp,
        "anthropic_api_key": anthropic_api_key,
        "model": model,
        "fallback_models": list(fallback_models),
        "unsubscribe_keys": unsubscribe_keys or (),
        "unsubscribe_url": unsubscribe_url,
        "undo_window_s": undo_window_s,
        "late_after": late_after,
        "separate_approver": separate_approver,
        "marketing_needs_opt_in": marketing_needs_opt_in,
        "guardrails": guardrails or {},
        "calendars": list(calendars or ()),
        "opt_in_url": opt_in_url,
        "time_zone": time_zone,
        **dispatcher.options,
    }
    native = _opened(Native.open(encode(values), dispatcher))
    return native, _Core(native, dispatcher)


def _opened(result: tuple[Native | None, str]) -> Native:
    native, envelope = result
    decode(envelope)
    if native is None:
        raise InternalError("the engine did not open")
    return native


def _who(actor: str, role: str, workspace: str | None) -> str:
    return encode({"actor": actor, "role": role, "workspace": workspace})


class Engine(Operations):
    """The engine for blocking code. Every method releases the GIL while it waits.

    Threads may share it. Coroutines of plugins run on a thread of their own.
    """

    def __init__(self, native: Native, core: _Core) -> None:
        self._native = native
        self._core = core

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        actor: str,
        role: Role,
        workspace: str = "default",
        schema: str | None = None,
        connections: int | None = None,
        outbox: str | os.PathLike[str] | None = None,
        smtp: str | None = None,
        anthropic_api_key: str | None = None,
        model: str | None = None,
        fallback_models: Sequence[str] = (),
        channels: Mapping[str, AnyChannel] | None = None,
        unsubscribe_keys: Sequence[str] | None = None,
        unsubscribe_url: str | None = None,
        llm: Llm | None = None,
        subscribers: Mapping[str, Subscriber] | None = None,
        observer: Observer | None = None,
        undo_window_s: int = 0,
        late_after: int | None = None,
        separate_approver: bool = False,
        marketing_needs_opt_in: bool = False,
        guardrails: GuardrailRules | None = None,
        calendars: Sequence[Calendar] | None = None,
        opt_in_url: str | None = None,
        time_zone: str | None = None,
    ) -> Self:
        """Opens an engine on the SQLite file at ``path``, which is made when it is not there, or on
        PostgreSQL at an address (``"postgres://user:password@host/database"``). There the tables are
        in a ``schema`` of their own, usually ``crm``; the engine uses up to ``connections`` (usually
        10) and one more to listen, and any number of engines may work on one database.

        ``actor`` is your own id of the user who works, ``role`` what that user may do. Messages of
        channel ``email`` go as files into the folder ``outbox``, through an SMTP relay
        (``smtp="smtp://user:password@host:587?tls=starttls&from=a@b.example"``) or through one of the
        ``channels``: a name for each, and an object of your own (:class:`Channel`) or the settings of a
        provider (:data:`crm_engine.types.ProviderSettings`), or of several
        (:class:`crm_engine.types.Providers`). They have the keys of the settings file in
        ``examples/host/crm-host.example.toml``, without ``bounces`` and the forms ``KEY_env`` and
        ``KEY_file``. ``unsubscribe_keys`` (32 bytes or more each) sign links to unsubscribe, the first one;
        the others are still read. With ``unsubscribe_url``, the ``https`` address that a token is put behind,
        mails say where to unsubscribe, also by one click (``POST``).

        Drafts come from your own ``llm``, from Claude when there is an ``anthropic_api_key`` (and from its
        ``fallback_models`` when the ``model`` does not answer), otherwise from
        templates and built-in greetings. An approved message waits ``undo_window_s`` seconds; with
        ``separate_approver`` the last editor cannot approve. What was due ``late_after`` seconds ago (60 to
        31,536,000, usually three days) does not leave any more and expires.
        ``subscribers`` (:class:`Subscriber`, by name) are told of every state change once :meth:`subscribe` was
        called for their names, an ``observer`` (:class:`Observer`) of what this engine commits.
        With ``marketing_needs_opt_in`` offers go only to people who said yes to them, otherwise to all who
        did not say no. Texts are checked by the ``guardrails``
        (:class:`crm_engine.types.GuardrailRules`). Campaigns may name the ``calendars``
        (:class:`crm_engine.types.Calendar`) beside ``uz`` and ``ru``. People are asked by a link that begins with ``opt_in_url`` and ends with a token,
        which the same keys sign.
        """
        return cls(
            *_open(
                path,
                schema,
                connections,
                actor,
                role,
                workspace,
                outbox,
                smtp,
                anthropic_api_key,
                model,
                fallback_models,
                channels,
                unsubscribe_keys,
                unsubscribe_url,
                llm,
                subscribers,
                observer,
                undo_window_s,
                late_after,
                separate_approver,
                marketing_needs_opt_in,
                guardrails,
                calendars,
                opt_in_url,
                time_zone,
                None,
            )
        )

    def act_as(self, actor: str, role: Role, workspace: str | None = None) -> Self:
        """The same engine for another actor; closing one closes all."""
        native = _opened(self._native.act_as(_who(actor, role, workspace)))
        return type(self)(native, self._core)

    def _call(self, operation: str, values: object, file: bytes | None = None) -> Any:
        return decode(self._native.call(operation, encode(values), file))

    def run_worker(self) -> None:
        """Works until ``stop_worker()``, ``close()`` or Ctrl-C, then finishes what is under way."""
        self._call("run_worker", {})

    def stop_worker(self) -> None:
        """Lets the running worker finish what is under way and return; from any thread."""
        decode(self._native.stop_worker())

    def close(self) -> None:
        """Stops the worker, waits for calls under way and closes the database. May be repeated."""
        self._call("close", {})
        self._core.dispatcher.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class AsyncEngine(AsyncOperations):
    """The engine for coroutines.

    Coroutines of plugins run on the event loop of the latest call; a plugin's plain methods run on
    threads of their own. Cancelling an awaited call stops the waiting; what was begun is finished.
    """

    def __init__(self, native: Native, core: _Core) -> None:
        self._native = native
        self._core = core

    @classmethod
    async def open(
        cls,
        path: str | os.PathLike[str],
        *,
        actor: str,
        role: Role,
        workspace: str = "default",
        schema: str | None = None,
        connections: int | None = None,
        outbox: str | os.PathLike[str] | None = None,
        smtp: str | None = None,
        anthropic_api_key: str | None = None,
        model: str | None = None,
        fallback_models: Sequence[str] = (),
        channels: Mapping[str, AnyChannel] | None = None,
        unsubscribe_keys: Sequence[str] | None = None,
        unsubscribe_url: str | None = None,
        llm: Llm | None = None,
        subscribers: Mapping[str, Subscriber] | None = None,
        observer: Observer | None = None,
        undo_window_s: int = 0,
        late_after: int | None = None,
        separate_approver: bool = False,
        marketing_needs_opt_in: bool = False,
        guardrails: GuardrailRules | None = None,
        calendars: Sequence[Calendar] | None = None,
        opt_in_url: str | None = None,
        time_zone: str | None = None,
    ) -> Self:
        """Opens an engine; the arguments are those of :meth:`Engine.open`."""
        return cls(
            *await asyncio.to_thread(
                _open,
                path,
                schema,
                connections,
                actor,
                role,
                workspace,
                outbox,
                smtp,
                anthropic_api_key,
                model,
                fallback_models,
                channels,
                unsubscribe_keys,
                unsubscribe_url,
                llm,
                subscribers,
                observer,
                undo_window_s,
                late_after,
                separate_approver,
                marketing_needs_opt_in,
                guardrails,
                calendars,
                opt_in_url,
                time_zone,
                asyncio.get_running_loop(),
            )
        )

    def act_as(self, actor: str, role: Role, workspace: str | None = None) -> Self:
        """The same engine for another actor; closing one closes all."""
        native = _opened(self._native.act_as(_who(actor, role, workspace)))
        return type(self)(native, self._core)

    async def _call(self, operation: str, values: object, file: bytes | None = None) -> Any:
        loop = asyncio.get_running_loop()
        self._core.dispatcher.loop = loop
        future: asyncio.Future[str] = loop.create_future()

        def done(envelope: str) -> None:
            try:
                loop.call_soon_threadsafe(_resolve, future, envelope)
            except RuntimeError:
                # The loop was closed meanwhile: nobody waits.
                pass

        self._native.start(operation, encode(values), file, done)
        return decode(await future)

    async def run_worker(self) -> None:
        """Works until ``stop_worker()`` or ``close()``, then finishes what is under way.

        Cancelling it does the same: the cancellation is raised once the worker has stopped.
        """
        working = asyncio.ensure_future(self._call("run_worker", {}))
        try:
            await asyncio.shield(working)
        except asyncio.CancelledError:
            self.stop_worker()
            await working
            raise

    def stop_worker(self) -> None:
        """Lets the running worker finish what is under way and return; from any thread."""
        decode(self._native.stop_worker())

    async def close(self) -> None:
        """Stops the worker, waits for calls under way and closes the database. May be repeated."""
        await self._call("close", {})
        self._core.dispatcher.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


def _resolve(future: asyncio.Future[str], envelope: str) -> None:
    if not future.done():
        future.set_result(envelope)

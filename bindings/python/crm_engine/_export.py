"""A file that is being exported, part by part."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any, cast

from . import types as t


class _State:
    """How far the file is."""

    def __init__(self, wanted: Mapping[str, object]) -> None:
        self.values: dict[str, object] = dict(wanted)
        self.report: t.ExportReport = {"contacts": 0, "lossy_cells": 0, "left_out": 0}
        self.ended = False

    def take(self, answer: Any) -> bytes | None:
        self.values = {"export_id": answer["export_id"]}
        self.report = cast(t.ExportReport, answer["report"])
        part = answer["part"]
        self.ended = part is None
        return None if part is None else b64decode(part)


class Export:
    """The file as an iterator of its parts: ``for part in export: file.write(part)``."""

    def __init__(self, call: Callable[[str, object], Any], wanted: Mapping[str, object]) -> None:
        self._call = call
        self._state = _State(wanted)

    @property
    def report(self) -> t.ExportReport:
        """What was written up to now; of the whole file once it was read to its end."""
        return self._state.report

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._state.ended:
            raise StopIteration
        part = self._state.take(self._call("export_contacts", self._state.values))
        if part is None:
            raise StopIteration
        return part

    def read(self) -> bytes:
        """The rest of the file at once."""
        return b"".join(self)


class AsyncExport:
    """The file as an iterator of its parts: ``async for part in export: ...``."""

    def __init__(
        self, call: Callable[[str, object], Awaitable[Any]], wanted: Mapping[str, object]
    ) -> None:
        self._call = call
        self._state = _State(wanted)

    @property
    def report(self) -> t.ExportReport:
        """What was written up to now; of the whole file once it was read to its end."""
        return self._state.report

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._state.ended:
            raise StopAsyncIteration
        part = self._state.take(await self._call("export_contacts", self._state.values))
        if part is None:
            raise StopAsyncIteration
        return part

    async def read(self) -> bytes:
        """The rest of the file at once."""
        return b"".join([part async for part in self])

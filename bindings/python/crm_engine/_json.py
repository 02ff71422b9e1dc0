"""What crosses between Python and the engine: JSON text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import PurePath
from typing import Any, cast
from uuid import UUID

from .errors import from_failure, invalid


def _other(value: object) -> str:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise TypeError("a datetime needs a time zone")
        return value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (UUID, PurePath)):
        return str(value)
    raise TypeError(f"a {type(value).__name__} cannot be handed to the engine")


def encode(values: object) -> str:
    """The JSON of ``values``; :class:`InvalidError` for what has none."""
    try:
        return json.dumps(values, default=_other, allow_nan=False)
    except TypeError as error:
        raise invalid("input", str(error)) from None
    except (ValueError, RecursionError):
        raise invalid("input", "use finite numbers and no circular or very deep values") from None


def encode_answer(value: object) -> str:
    """The JSON of a plugin's answer; what has none becomes an answer nobody can read."""
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return "null"


def decode(envelope: str) -> Any:
    """The value in an envelope; raises the error in it."""
    content = json.loads(envelope)
    if "error" in content:
        raise from_failure(content["error"])
    return content["ok"]


def file_bytes(file: object, field: str = "file") -> bytes:
    """The bytes of a file given as bytes or text."""
    if isinstance(file, str):
        try:
            return file.encode()
        except UnicodeEncodeError:
            raise invalid(field, "the text holds half a surrogate pair") from None
    if isinstance(file, (bytes, bytearray)):
        return bytes(file)
    raise invalid(field, f"give bytes or text, not {type(file).__name__}")


def header_pairs(headers: object) -> list[list[str]]:
    """Headers given as a mapping or as pairs; what a server has as bytes becomes text."""
    if isinstance(headers, Mapping):
        headers = cast("Mapping[object, object]", headers).items()
    try:
        pairs = [tuple(pair) for pair in cast("Iterable[Iterable[object]]", headers)]
    except TypeError:
        pairs = [()]
    if any(len(pair) != 2 for pair in pairs):
        raise invalid("headers", "give a dictionary, or pairs of name and value")
    return [[_header(part) for part in pair] for pair in pairs]


def _header(part: object) -> str:
    if isinstance(part, bytes):
        return part.decode("latin-1")
    if isinstance(part, str):
        return part
    raise invalid("headers", "names and values are text")

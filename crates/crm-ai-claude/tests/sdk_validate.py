"""Validates bodies of requests against the types of the provider's own SDK (anthropic on PyPI).

Reads JSON from standard input: a list of {"kind", "body"}. Writes one JSON line: for each a list of what is wrong.
Every typed dictionary of the SDK is closed and strict here; as shipped, pydantic lets unknown keys pass.
"""

import importlib
import json
import pkgutil
import sys
from collections.abc import Iterator, Mapping

import anthropic.types
import pydantic
from anthropic.types import MessageCountTokensParams, message_create_params
from anthropic.types.messages import BatchCreateParams, BatchListParams
from typing_extensions import is_typeddict

# Files in images and documents are of types pydantic does not know; we send none.
CLOSED = pydantic.ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True)


def close(package):
    """Closes every typed dictionary, before any validator is made of it."""
    closed = 0
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        for value in vars(importlib.import_module(found.name)).values():
            if is_typeddict(value):
                value.__pydantic_config__ = CLOSED
                closed += 1
    assert closed > 100, f"only {closed} typed dictionaries"


close(anthropic.types)
KINDS = {
    "message": pydantic.TypeAdapter(message_create_params.MessageCreateParamsNonStreaming),
    "count": pydantic.TypeAdapter(MessageCountTokensParams),
    "batch": pydantic.TypeAdapter(BatchCreateParams),
    "list": pydantic.TypeAdapter(BatchListParams),
}


def read(value):
    """Reads to the end what pydantic checks only when it is read.

    The types of blocks end with the open models of answers, which take anything that is no typed dictionary.
    """
    if isinstance(value, pydantic.BaseModel):
        raise ValueError(f"fits only the answer's {type(value).__name__}")
    if isinstance(value, Mapping):
        for inner in value.values():
            read(inner)
    elif isinstance(value, list) or isinstance(value, Iterator):
        for inner in value:
            read(inner)


def problems(kind, body):
    try:
        read(KINDS[kind].validate_python(body))
    except pydantic.ValidationError as error:
        return [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
    except ValueError as error:
        return [str(error)]
    return []


print(json.dumps([problems(one["kind"], one["body"]) for one in json.load(sys.stdin)]))

"""Derives the blocking operations from the coroutines: ``python derive_blocking.py``."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent / "crm_engine"
_CHANGES = [
    (
        '"""The operations of the engine, as coroutines. ``_operations.py`` is derived from this file."""',
        '"""The operations of the engine, blocking. Derived from ``_async_operations.py``: edit that one."""',
    ),
    ("class AsyncOperations", "class Operations"),
    ("AsyncExport", "Export"),
    ("async def ", "def "),
    ("await ", ""),
]


def derived() -> str:
    """The text of ``_operations.py``."""
    text = (_HERE / "_async_operations.py").read_text(encoding="utf-8")
    for old, new in _CHANGES:
        text = text.replace(old, new)
    return text


if __name__ == "__main__":
    (_HERE / "_operations.py").write_text(derived(), encoding="utf-8")

"""What became of a call: what ``deliver`` of a subscriber returns.

A ``reason`` is a short code of ASCII letters, digits and ``_-.:``.
"""

from __future__ import annotations

from .types import Told


def taken() -> Told:
    """All of them were taken, durably: they are not told again, but for a crash."""
    return {"told": "taken"}


def later(reason: str, at_least_ms: int | None = None) -> Told:
    """Not all of them were taken: all are told again, after this time (a second to a day). Usually it is from
    five seconds to five hours, by the number of failures."""
    return {"told": "later", "reason": reason, "at_least_ms": at_least_ms}


def closed(reason: str) -> Told:
    """It wants to be called no more, until an admin enables it. Nothing is lost meanwhile."""
    return {"told": "closed", "reason": reason}

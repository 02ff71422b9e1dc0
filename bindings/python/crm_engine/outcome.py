"""How a delivery ended: what ``send`` of a channel returns.

A ``reason`` is a short code of ASCII letters, digits and ``_-.:``, never the provider's own text, a
message or an address: it stays in the history for good.
"""

from __future__ import annotations

from typing import Literal

from .types import Outcome


def accepted(provider_id: str) -> Outcome:
    """The provider took responsibility; ``provider_id`` is its id, for receipts."""
    return {"outcome": "accepted", "provider_id": provider_id}


def dead(reason: str) -> Outcome:
    """This address can never work: the message fails and the address is suppressed."""
    return {"outcome": "dead", "reason": reason}


def rejected(reason: str) -> Outcome:
    """This message is refused; the address may be fine."""
    return {"outcome": "rejected", "reason": reason}


def retry_after(
    at_least_ms: int,
    reason: str,
    scope: Literal["message", "recipient", "channel"] = "message",
) -> Outcome:
    """Provably not taken; may be tried again after this time."""
    return {
        "outcome": "retry_after",
        "scope": scope,
        "at_least_ms": at_least_ms,
        "reason": reason,
    }


def stop(reason: str) -> Outcome:
    """Nothing of this channel can go (credentials, balance); the message is put back unsent."""
    return {"outcome": "stop", "reason": reason}


def unknown(reason: str) -> Outcome:
    """The provider may have taken it; it is never repeated blindly."""
    return {"outcome": "unknown", "reason": reason}

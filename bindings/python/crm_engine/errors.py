"""Exceptions: one class for each kind of failure, all with ``code``, ``retryable`` and ``fields``."""

from __future__ import annotations

from typing import Any, TypedDict


class FieldError(TypedDict):
    """A field that was refused and why."""

    field: str
    message: str


class CrmError(Exception):
    """What the engine refused or could not do. The text is one sentence for a person."""

    code: str
    """Stable code, such as ``conflict``."""
    message: str
    """The sentence."""
    retryable: bool
    """Whether the same call may succeed later: after loading fresh data, or after a pause."""
    fields: list[FieldError]
    """The refused fields, when the input was invalid."""

    def __init__(
        self,
        message: str,
        code: str = "internal",
        retryable: bool = False,
        fields: list[FieldError] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.retryable = retryable
        self.fields = fields if fields is not None else []

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.message, self.code, self.retryable, self.fields))


class InvalidError(CrmError):
    """The input cannot be accepted; ``fields`` says which fields."""


class ForbiddenError(CrmError):
    """The actor's role does not allow it."""


class NotFoundError(CrmError):
    """There is no such row in the actor's workspace."""


class ConflictError(CrmError):
    """Somebody else changed the row first: load it again and decide again."""


class NotAllowedError(CrmError):
    """The row's status does not allow it."""


class PreconditionRequiredError(CrmError):
    """The caller did not say what it saw."""


class DuplicateError(CrmError):
    """A unique value is taken."""


class UnsupportedError(CrmError):
    """The adapter does not offer this."""


class UnavailableError(CrmError):
    """The database, provider or model cannot be reached; try again after a pause."""


class OnHoldError(CrmError):
    """The database went back to an older state: nothing is sent until an admin acknowledges it."""


class OverBudgetError(CrmError):
    """A budget has not enough left."""


class ConfigurationError(CrmError):
    """A setting is wrong; an operator has to act."""


class CorruptError(CrmError):
    """Stored data contradicts itself."""


class ClosedError(CrmError):
    """The engine was closed."""


class ForkedError(CrmError):
    """The engine was opened before the process was forked; open a new one in the child."""


class InternalError(CrmError):
    """The engine met a defect and gave up the call; please report it."""


_CLASSES: dict[str, type[CrmError]] = {
    "invalid": InvalidError,
    "forbidden": ForbiddenError,
    "not_found": NotFoundError,
    "conflict": ConflictError,
    "not_allowed": NotAllowedError,
    "precondition_required": PreconditionRequiredError,
    "duplicate": DuplicateError,
    "unsupported": UnsupportedError,
    "unavailable": UnavailableError,
    "on_hold": OnHoldError,
    "over_budget": OverBudgetError,
    "configuration": ConfigurationError,
    "corrupt": CorruptError,
    "closed": ClosedError,
    "forked": ForkedError,
    "internal": InternalError,
}


def from_failure(failure: dict[str, Any]) -> CrmError:
    """The exception for a failure as the engine reports it."""
    code = failure["code"]
    return _CLASSES.get(code, CrmError)(
        failure["message"], code, failure["retryable"], failure["fields"]
    )


def invalid(field: str, message: str) -> InvalidError:
    """The exception for an argument that cannot even be handed to the engine."""
    return InvalidError(
        f"{field}: {message}", "invalid", False, [{"field": field, "message": message}]
    )

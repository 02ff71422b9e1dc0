"""An outreach engine for the CRM you already have: drafts, approvals, delivery at most once.

Open :class:`Engine` (blocking) or :class:`AsyncEngine` on a SQLite file. Rows are plain dictionaries
(:mod:`crm_engine.types`), failures are exceptions (:class:`CrmError`), and channels, models and subscribers
of your own are plain classes (:class:`Channel`, :class:`Llm`, :class:`Subscriber`).
"""

from . import outcome, told, types
from ._engine import AsyncEngine, Engine
from ._export import AsyncExport, Export
from .errors import (
    ClosedError,
    ConfigurationError,
    ConflictError,
    CorruptError,
    CrmError,
    DuplicateError,
    FieldError,
    ForbiddenError,
    ForkedError,
    InternalError,
    InvalidError,
    NotAllowedError,
    NotFoundError,
    OnHoldError,
    OverBudgetError,
    PreconditionRequiredError,
    UnavailableError,
    UnsupportedError,
)
from .types import Channel, Llm, Observer, Subscriber

__all__ = [
    "AsyncEngine",
    "AsyncExport",
    "Channel",
    "ClosedError",
    "ConfigurationError",
    "ConflictError",
    "CorruptError",
    "CrmError",
    "DuplicateError",
    "Engine",
    "Export",
    "FieldError",
    "ForbiddenError",
    "ForkedError",
    "InternalError",
    "InvalidError",
    "Llm",
    "NotAllowedError",
    "NotFoundError",
    "Observer",
    "OnHoldError",
    "OverBudgetError",
    "PreconditionRequiredError",
    "Subscriber",
    "UnavailableError",
    "UnsupportedError",
    "outcome",
    "told",
    "types",
]

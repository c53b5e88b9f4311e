"""Budgets: money is reserved before a call, and settled at what the call truly cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from routelab.runtime.budgets.account import Balance, Hold, Line, Store
from routelab.runtime.budgets.alert import Alert
from routelab.runtime.budgets.memory import MemoryStore
from routelab.runtime.budgets.rules import Budgets, Rule, read

if TYPE_CHECKING:
    from routelab.runtime.budgets.sqlite import SqliteStore

__all__ = [
    "Alert",
    "Balance",
    "Budgets",
    "Hold",
    "Line",
    "MemoryStore",
    "Rule",
    "SqliteStore",
    "Store",
    "read",
]


def __getattr__(name: str) -> Any:
    """SQLite is imported by who asks for it, so that importing the runtime stays quick."""
    if name == "SqliteStore":
        from routelab.runtime.budgets.sqlite import SqliteStore

        return SqliteStore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

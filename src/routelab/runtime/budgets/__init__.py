"""Budgets: money is reserved before a call, and settled at what the call truly cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach
from routelab.runtime.budgets.account import Balance, BudgetLine, Reservation, Store
from routelab.runtime.budgets.alert import Alert
from routelab.runtime.budgets.memory import MemoryStore
from routelab.runtime.budgets.rules import BudgetRule, Budgets, read

if TYPE_CHECKING:
    from routelab.runtime.budgets.sqlite import SqliteStore
else:
    __getattr__, __dir__ = attach(__name__, {"SqliteStore": "sqlite"})

__all__ = [
    "Alert",
    "Balance",
    "BudgetLine",
    "BudgetRule",
    "Budgets",
    "MemoryStore",
    "Reservation",
    "SqliteStore",
    "Store",
    "read",
]

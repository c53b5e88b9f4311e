"""Budgets: money is reserved before a call, and settled at what the call truly cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.runtime.budgets.account import Balance, BudgetLine, Reservation, Store
    from routelab.runtime.budgets.alert import Alert
    from routelab.runtime.budgets.cost_ceiling import unpriced, upper_usd
    from routelab.runtime.budgets.guard import BudgetGuard
    from routelab.runtime.budgets.keeper import BudgetBalance, BudgetKeeper, OverBudgetError
    from routelab.runtime.budgets.memory import MemoryStore
    from routelab.runtime.budgets.rules import BudgetRule, Budgets, read
    from routelab.runtime.budgets.sqlite import SqliteStore
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "Alert": "alert",
            "Balance": "account",
            "BudgetBalance": "keeper",
            "BudgetGuard": "guard",
            "BudgetKeeper": "keeper",
            "BudgetLine": "account",
            "BudgetRule": "rules",
            "Budgets": "rules",
            "MemoryStore": "memory",
            "OverBudgetError": "keeper",
            "Reservation": "account",
            "SqliteStore": "sqlite",
            "Store": "account",
            "read": "rules",
            "unpriced": "cost_ceiling",
            "upper_usd": "cost_ceiling",
        },
    )

__all__ = [
    "Alert",
    "Balance",
    "BudgetBalance",
    "BudgetGuard",
    "BudgetKeeper",
    "BudgetLine",
    "BudgetRule",
    "Budgets",
    "MemoryStore",
    "OverBudgetError",
    "Reservation",
    "SqliteStore",
    "Store",
    "read",
    "unpriced",
    "upper_usd",
]

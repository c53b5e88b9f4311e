"""Budgets: money is reserved before a call, and settled at what the call truly cost."""

from routelab.runtime.budgets.account import Balance, Hold, Line, Store
from routelab.runtime.budgets.alert import Alert
from routelab.runtime.budgets.memory import MemoryStore
from routelab.runtime.budgets.rules import Budgets, Rule, read
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

"""Accounts of a budget store: for each account and period, money spent and money reserved.

Amounts are whole nano-dollars (1e-9 USD), so that sums are exact in any order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, Protocol

NANO = 1_000_000_000
NO_LIMIT = 1 << 62


def nano(usd: float) -> int:
    """Nano-dollars, to the nearest; an amount without bound is larger than any other."""
    return NO_LIMIT if math.isinf(usd) else min(NO_LIMIT, round(usd * NANO))


class BudgetLine(NamedTuple):
    """One account that a reservation is charged to; amounts in nano-dollars (1e-9 USD).

    Attributes:
        account: "all", or "tenant" and the tenant's name.
        period: "2026-11-24", "2026-11" or "total".
        ceiling: spent and reserved together never go above it.
        marks: amounts spent, ascending; reaching one is reported once.
        streams: the answer is given while it comes, so that a process that dies may have given of
            it what it never settled: a store that outlives it charges what was reserved.
    """

    account: str
    period: str
    ceiling: int
    marks: tuple[int, ...] = ()
    streams: bool = False


class Reservation(NamedTuple):
    """Money reserved under every account that a call is charged to.

    Attributes:
        id: of the reservation, in its store.
        lines: accounts, each with its period.
        amount: nano-dollars (1e-9 USD), reserved under each line.
    """

    id: int
    lines: tuple[BudgetLine, ...]
    amount: int


class Balance(NamedTuple):
    """An account in a period; amounts in nano-dollars (1e-9 USD).

    Attributes:
        account: "all", or "tenant" and the tenant's name.
        period: "2026-11-24", "2026-11" or "total".
        spent: settled.
        reserved: for calls under way.
        told: how many marks were reached and reported.
    """

    account: str
    period: str
    spent: int = 0
    reserved: int = 0
    told: int = 0


Tell = Callable[[Balance, int, int], None]
"""Hears of a mark: the account as it stands, the mark's number, and how many there are."""


class Store(Protocol):
    """Keeps accounts. For one event loop; several stores may share what they keep."""

    def listen(self, tell: Tell) -> None:
        """Have `tell` called, in the event loop, for each mark that this store saw reached."""
        ...

    async def reserve(self, lines: tuple[BudgetLine, ...], amount: int) -> Reservation | Balance:
        """Reserve under every line, or under none: then the first account without room.

        Cancelling the wait reserves nothing.

        Args:
            lines: accounts to charge.
            amount: nano-dollars (1e-9 USD).
        Raises:
            BudgetError: the store cannot be used.
        """
        ...

    def settle(self, hold: Reservation, amount: int) -> None:
        """Give the reservation back and charge what was spent, in nano-dollars; never waits."""
        ...

    async def kept(self) -> None:
        """Once all that was settled before would survive the end of this process.

        Raises:
            BudgetError: the store cannot be used for now; what was settled waits.
        """
        ...

    async def balances(self, periods: tuple[str, ...]) -> tuple[Balance, ...]:
        """Every account of these periods, once what was settled before is in it."""
        ...

    async def aclose(self) -> None:
        """Keep what was settled."""
        ...


def reached(marks: tuple[int, ...], spent: int, told: int, refused: bool = False) -> int:
    """How many marks are reached: those that are spent, or by a refusal all of them."""
    count = sum(spent >= mark for mark in marks)
    return max(told, len(marks) if refused else count)

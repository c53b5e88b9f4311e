"""The money of a collection: reserved before a cell is asked, settled when it is over."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from routelab.core import Admission, Call, Feedback, Request
from routelab.core.catalogue import Catalogue
from routelab.errors import BudgetError, CollectError
from routelab.runtime.attempts import ServedPrices
from routelab.runtime.budgets import (
    BudgetGuard,
    BudgetKeeper,
    BudgetRule,
    Budgets,
    MemoryStore,
    upper_usd,
)
from routelab.runtime.calls import Caller, Sending
from routelab.runtime.engine import SampleAttempt

Reserve = Callable[[float], Awaitable[None]]
"""Called with the most that a call may cost, before it is made."""


class CollectionBudget:
    """Makes calls that there is money for.

    Args:
        caller: that makes them.
        catalogue: prices of the models.
        prices: that say which day it is.
        max_usd: that all calls may cost, with what was spent before; infinite for no limit.
        spent_usd: before, unknown bills included.
        wall_clock: Unix seconds.
    Raises:
        CollectError: all of it is spent.
    """

    def __init__(
        self,
        caller: Caller,
        catalogue: Catalogue,
        prices: ServedPrices,
        *,
        max_usd: float,
        spent_usd: float,
        wall_clock: Callable[[], float],
    ) -> None:
        self._caller = caller
        self._prices = prices
        self._admission = Admission(tuple(catalogue.models), catalogue)
        self._keeper: BudgetKeeper | None = None
        if max_usd - spent_usd <= 0.0 < spent_usd:
            raise CollectError(
                f"`max_usd` is {max_usd:.6g}, and {spent_usd:.6g} USD are spent or reserved for"
                " bills that are not known; give more"
            )
        if not math.isinf(max_usd):
            rule = BudgetRule(max_usd - spent_usd, period="total")
            budgets = Budgets(all=rule, alerts=(), unanswered="reserved")
            self._keeper = BudgetKeeper(budgets, MemoryStore(), wall_clock, lambda _: None)

    def call_usd(self, call: Call, request: Request, fields: Mapping[str, Any]) -> float:
        """The most that one answer of a call may cost; NaN where the model has no prices.

        Args:
            call: that is to be made.
            request: for which.
            fields: of its body, with the bound of the answer.
        """
        return upper_usd(self._admission, call, request, fields, 0, self._prices.day())

    async def make(
        self, call: Call, sending: Sending, attempts: list[SampleAttempt], reserve: Reserve
    ) -> Feedback | BudgetError:
        """Make a call for which there is money; else the refusal, and nothing was sent.

        Args:
            call: to make.
            sending: the request, and the fields of its body.
            attempts: every attempt is added when it ends.
            reserve: is waited for between the reservation and the first attempt.
        """
        samples, _ = self._caller.charged(call)
        each = self.call_usd(call, sending.request, sending.fields)
        told = _Told(self._caller, 0.0 if math.isnan(each) else each * samples, reserve)
        if self._keeper is None:
            return await told.call(call, sending, attempts)
        guard = BudgetGuard(
            told, self._keeper, lambda *_: each * samples, lambda _: samples, degraded=False
        )
        feedback = await guard.call(call, sending, attempts)
        return guard.refusal or feedback


class _Told:
    """Calls that are told of, on the disk, before they are made."""

    def __init__(self, caller: Caller, most_usd: float, reserve: Reserve) -> None:
        self._caller = caller
        self._most_usd = most_usd
        self._reserve = reserve

    async def call(self, call: Call, sending: Sending, attempts: list[SampleAttempt]) -> Feedback:
        await self._reserve(self._most_usd)
        return await self._caller.call(call, sending, attempts)

    def cancelled(self, call: Call, attempts: Sequence[SampleAttempt]) -> Feedback:
        return self._caller.cancelled(call, attempts)


class MoneyWait:
    """Waits for money that calls under way may leave over."""

    def __init__(self) -> None:
        self._under_way = 0
        self._changed = asyncio.Event()

    def begun(self) -> None:
        """A call is about to reserve money."""
        self._under_way += 1

    def ended(self, *, refused: bool) -> None:
        """A call is over, and what it did not need is free.

        One that got no money leaves none, so that it wakes nobody: those who wait would refuse and
        wake each other until the next answer. But for the last one, after which no money comes.

        Args:
            refused: there was no money for it.
        """
        self._under_way -= 1
        if not refused or not self._under_way:
            self._changed.set()

    async def wait(self) -> bool:
        """Once a call is over; False where none is under way, so that none will leave any."""
        if not self._under_way:
            return False
        self._changed.clear()
        await self._changed.wait()
        return True

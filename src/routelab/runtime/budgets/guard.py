"""A request's calls, each of which has to be paid for first."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

from routelab.core.protocol import Call, Feedback
from routelab.errors import BudgetError
from routelab.runtime.budgets.keeper import Keeper
from routelab.runtime.caller import Sending


class Calls(Protocol):
    """Answers calls."""

    async def call(self, call: Call, sending: Sending) -> Feedback: ...


class Guard:
    """Answers calls that the budgets have room for; the others fail without being made.

    Attributes:
        refusal: of the first call there was no room for.
    """

    def __init__(
        self,
        calls: Calls,
        keeper: Keeper,
        upper_usd: Callable[[Call, Sending], float],
        degraded: bool,
    ) -> None:
        self.refusal: BudgetError | None = None
        self._calls = calls
        self._keeper = keeper
        self._upper_usd = upper_usd
        self._degraded = degraded

    async def call(self, call: Call, sending: Sending) -> Feedback:
        """The answer, for money that was reserved before and is settled after.

        A call that was cancelled is charged nothing: what it had cost is not known.
        """
        try:
            hold = await self._keeper.reserve(
                sending.request.tenant, self._upper_usd(call, sending), self._degraded
            )
        except BudgetError as refusal:
            self.refusal = self.refusal or refusal
            return Feedback(call.model, dict.fromkeys(call.need, math.nan), error=str(refusal))
        spent_usd = 0.0
        try:
            feedback = await self._calls.call(call, sending)
            spent_usd = feedback.cost_usd
        finally:
            self._keeper.settle(hold, spent_usd)
        return feedback

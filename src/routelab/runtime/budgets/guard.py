"""A request's calls, each of which has to be paid for first."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol

import anyio

from routelab.core.protocol import Call, Feedback
from routelab.errors import BudgetError
from routelab.runtime.budgets.account import Hold
from routelab.runtime.budgets.keeper import Keeper
from routelab.runtime.caller import Sending
from routelab.runtime.engine import Try


class Calls(Protocol):
    """Answers calls."""

    async def call(self, call: Call, sending: Sending, tries: list[Try]) -> Feedback: ...

    def cancelled(self, call: Call, tries: Sequence[Try]) -> Feedback: ...


class Guard:
    """Answers calls that the budgets have room for; the others fail without being made.

    Attributes:
        refusal: of the first call there was no room for.

    Args:
        upper_usd: of a call, given the tokens to assume of an answer without a limit.
        degraded: the request is decided by the cheaper policy already.
    """

    def __init__(
        self,
        calls: Calls,
        keeper: Keeper,
        upper_usd: Callable[[Call, Sending, int], float],
        degraded: bool,
    ) -> None:
        self.refusal: BudgetError | None = None
        self._calls = calls
        self._keeper = keeper
        self._upper_usd = upper_usd
        self._degraded = degraded

    async def call(self, call: Call, sending: Sending, tries: list[Try]) -> Feedback:
        """The answer, for money that was reserved before and is settled after.

        A call that is cancelled is charged what its tries are known to have cost.
        """
        try:
            hold = await self._reserved(call, sending)
        except BudgetError as refusal:
            self.refusal = self.refusal or refusal
            return Feedback(call.model, dict.fromkeys(call.need, math.nan), error=str(refusal))
        try:
            feedback = await self._calls.call(call, sending, tries)
        except BaseException:
            self._keeper.settle(hold, self.cancelled(call, tries).cost_usd)
            raise
        self._keeper.settle(hold, feedback.cost_usd)
        return feedback

    async def _reserved(self, call: Call, sending: Sending) -> Hold:
        """The money of a call, waited for no longer than the request's deadline."""
        most_usd = self._upper_usd(call, sending, self._keeper.budgets.output_tokens)
        with anyio.CancelScope(deadline=sending.deadline):
            return await self._keeper.reserve(sending.request.tenant, most_usd, self._degraded)
        raise BudgetError("the budgets could not be read before the request's deadline")

    def cancelled(self, call: Call, tries: Sequence[Try]) -> Feedback:
        return self._calls.cancelled(call, tries)

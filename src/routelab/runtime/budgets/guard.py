"""A request's calls, each of which has to be paid for first."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence

import anyio
import msgspec

from routelab.core import Call, Feedback
from routelab.errors import BudgetError
from routelab.runtime.budgets.account import Reservation
from routelab.runtime.budgets.keeper import BudgetKeeper
from routelab.runtime.calls import Calls, Sending
from routelab.runtime.engine import SampleAttempt


class BudgetGuard:
    """Answers calls that the budgets have room for; the others fail without being made.

    Attributes:
        refusal: of the first call there was no room for.

    Args:
        upper_usd: of a call, given the tokens to assume of an answer without a limit.
        samples: how many answers a call takes.
        degraded: the request is decided by the cheaper policy already.
    """

    def __init__(
        self,
        calls: Calls,
        budget_keeper: BudgetKeeper,
        upper_usd: Callable[[Call, Sending, int], float],
        samples: Callable[[Call], int],
        degraded: bool,
    ) -> None:
        self.refusal: BudgetError | None = None
        self._calls = calls
        self._budget_keeper = budget_keeper
        self._upper_usd = upper_usd
        self._samples = samples
        self._degraded = degraded

    async def call(self, call: Call, sending: Sending, attempts: list[SampleAttempt]) -> Feedback:
        """The answer, for money that was reserved before and is settled after.

        What is reserved is enough for one attempt of each sample. One that failed and cost money is
        charged before the next is made, so that it never spends what is reserved for that one.
        A call that is cancelled is charged what its attempts are known to have cost. An attempt
        that nobody answered is charged besides as the budgets' `unanswered` says.

        Args:
            call: that the policy asks for.
            sending: the request, and what goes to every model with it.
            attempts: every attempt is added when it ends, for those who cancel the call.
        """
        charged: list[float] = []
        try:
            most_usd = self._upper_usd(call, sending, self._budget_keeper.budgets.output_tokens)
            streams = call.final and sending.sink is not None
            hold = await self._reserved(sending, most_usd, streams)
        except BudgetError as refusal:
            self.refusal = self.refusal or refusal
            return Feedback(call.model, dict.fromkeys(call.need, math.nan), error=str(refusal))
        attempt_usd = most_usd / self._samples(call)
        silence_usd = attempt_usd if self._budget_keeper.budgets.unanswered == "reserved" else 0.0
        room = functools.partial(self._charged, sending, charged, attempt_usd, silence_usd)
        try:
            feedback = await self._calls.call(
                call, msgspec.structs.replace(sending, room=room), attempts
            )
        except BaseException:
            spent_usd = self.cancelled(call, attempts).cost_usd + silence_usd * _unanswered(
                attempts
            )
            self._budget_keeper.settle(hold, spent_usd - math.fsum(charged))
            raise
        spent_usd = feedback.cost_usd + silence_usd * _unanswered(attempts)
        self._budget_keeper.settle(hold, spent_usd - math.fsum(charged))
        return feedback

    async def kept(self, deadline: float) -> None:
        """Once what the calls cost would survive the end of this process, or time is up.

        Args:
            deadline: of the event loop's time, in seconds.
        """
        if math.isinf(deadline):
            await self._budget_keeper.kept()
            return
        with anyio.CancelScope(deadline=deadline):
            await self._budget_keeper.kept()

    async def _charged(
        self,
        sending: Sending,
        charged: list[float],
        attempt_usd: float,
        silence_usd: float,
        failed: SampleAttempt,
        usd: float,
    ) -> str | None:
        """Charge an attempt that failed, or say why there is no room for it and another one.

        Args:
            attempt_usd: what was reserved for one attempt.
            silence_usd: the charge of one without a reply.
            usd: NaN for an attempt that cost nobody knows what, which is charged as reserved.
        """
        usd = attempt_usd if math.isnan(usd) else usd + silence_usd * failed.unanswered
        if usd == 0.0:
            return None
        try:
            hold = await self._reserved(sending, usd)
        except BudgetError as refusal:
            return f"an attempt that failed cost money, and no other is made: {refusal}"
        self._budget_keeper.settle(hold, usd)
        charged.append(usd)
        return None

    async def _reserved(
        self, sending: Sending, most_usd: float, streams: bool = False
    ) -> Reservation:
        """Money, waited for no longer than the request's deadline."""
        reserved = self._budget_keeper.reserve(
            sending.request.tenant, most_usd, self._degraded, streams=streams
        )
        if math.isinf(sending.deadline):  # a scope takes longer than the keeper in memory
            return await reserved
        with anyio.CancelScope(deadline=sending.deadline):
            return await reserved
        raise BudgetError("the budgets could not be read before the request's deadline")

    def cancelled(self, call: Call, attempts: Sequence[SampleAttempt]) -> Feedback:
        return self._calls.cancelled(call, attempts)


def _unanswered(attempts: Sequence[SampleAttempt]) -> int:
    return sum(it.unanswered for it in attempts)

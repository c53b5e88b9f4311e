"""See requests through: by which policy, for what money, and to the observers."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

import msgspec

from routelab.core import Decision
from routelab.errors import RouteError
from routelab.runtime.budgets import BudgetBalance, BudgetGuard, BudgetKeeper, OverBudgetError
from routelab.runtime.calls import Sending
from routelab.runtime.pacing import FEW, Pacing
from routelab.runtime.requests.active_policy import ActivePolicy
from routelab.runtime.requests.decide import decide
from routelab.runtime.requests.delivery import Delivery
from routelab.runtime.requests.observers import Observers
from routelab.runtime.routed_answer import RoutedAnswer
from routelab.signals import answer_text


class RequestHandler:
    """Carries a router's requests from the policy's decision to the answer, budgets included.

    Attributes:
        closed: no request is taken any more.

    Args:
        active: the policy that decides requests.
        spare: decides those that a budget degrades, if it may.
        budget_keeper: of the budgets, if there are any.
        observers: told of every request, however it ends.
        clock: seconds of the event loop's time.
        pacing: lets requests begin a few at a time; None where no event loop has to breathe.
    """

    def __init__(
        self,
        active: ActivePolicy,
        spare: ActivePolicy | None,
        budget_keeper: BudgetKeeper | None,
        observers: Observers,
        clock: Callable[[], float],
        pacing: Pacing | None = None,
    ) -> None:
        self.active = active
        self.closed = False
        self._spare = spare
        self._budget_keeper = budget_keeper
        self._observers = observers
        self._clock = clock
        self._behind: set[asyncio.Task[RoutedAnswer]] = set()
        self._pacing = pacing

    async def answer(
        self, asked: Callable[[], Sending], delivery: Delivery | None = None
    ) -> RoutedAnswer:
        """Answer one request.

        Args:
            asked: gives the request, or says what is wrong with it.
            delivery: takes the answer as it comes, if that is wanted.
        Raises:
            RouteError: as `AsyncRouter.route` says, or the router is closed.
        """
        if self.closed:
            raise RouteError("the router is closed, and sends nothing: make another")
        started, pacing = self._clock(), self._pacing
        if pacing is None:
            return await self._answered(asked(), delivery, started)
        if pacing.under_way >= FEW:
            await pacing.start()
        pacing.under_way += 1
        try:
            return await self._answered(asked(), delivery, started)
        finally:
            pacing.under_way -= 1

    async def _answered(
        self, asked: Sending, delivery: Delivery | None, started: float
    ) -> RoutedAnswer:
        limit_usd = self._limit_usd(asked.request.max_cost_usd)
        request = asked.request
        if limit_usd != request.max_cost_usd:
            request = msgspec.structs.replace(request, max_cost_usd=limit_usd)
        deadline = started + _seconds(request.deadline_s)
        active, degraded = self.active, False
        for one in (active, self._spare):
            if one is not None:
                one.check_fields(asked.fields)
        x = active.context(request)
        trace = self._observers.begun(request, asked.context)
        sent = Sending(request, asked.fields, asked.headers, delivery, deadline, trace=trace)
        try:
            try:
                decision = await decide(active, x, sent, self._guard(active, degraded), delivery)
            except OverBudgetError as refusal:
                if self._spare is None or not refusal.degrades:
                    raise
                active, degraded = self._spare, True
                x = active.context(request)
                decision = await decide(active, x, sent, self._guard(active, degraded), delivery)
        except BaseException as error:
            self._observers.ended(error, x, active.digest, self._clock() - started, degraded)
            raise
        latency_s = self._clock() - started
        self._observers.answered(decision, request, active.digest, latency_s, degraded)
        return _routed(decision, latency_s)

    def settle_behind(self, task: asyncio.Task[RoutedAnswer]) -> None:
        """See a request to its end whose caller has the answer, and not its usage."""
        self._behind.add(task)
        task.add_done_callback(self._settled)

    async def settled(self) -> None:
        """Once every such request has ended, which is soon: a reader gives its usage up."""
        if self._behind:
            await asyncio.wait(self._behind)

    def _settled(self, task: asyncio.Task[RoutedAnswer]) -> None:
        self._behind.discard(task)
        if not task.cancelled():
            task.exception()  # the observers were told

    async def left(self) -> tuple[BudgetBalance, ...]:
        """What is left of the budgets."""
        return () if self._budget_keeper is None else await self._budget_keeper.left()

    async def aclose(self) -> None:
        """Keep what was spent, and write what the log still holds, also when cancelled."""
        try:
            if self._budget_keeper is not None:
                await self._budget_keeper.aclose()
        finally:
            self._observers.close()

    def _limit_usd(self, own_usd: float | None) -> float | None:
        """What a request may cost: the lower of its own bound and everybody's."""
        if self._budget_keeper is None:
            return own_usd
        general = self._budget_keeper.budgets.request_usd
        return min((it for it in (own_usd, general) if it is not None), default=None)

    def _guard(self, active: ActivePolicy, degraded: bool) -> BudgetGuard | None:
        """Of a request's calls, where there are budgets."""
        if self._budget_keeper is None:
            return None
        return BudgetGuard(
            active.caller, self._budget_keeper, active.upper_usd, active.samples, degraded
        )


def _routed(decision: Decision, latency_s: float) -> RoutedAnswer:
    answer = decision.answer
    return RoutedAnswer(
        answer=(answer.text if answer.raw is None else answer_text(answer.raw)) or "",
        model=answer.model,
        cost_usd=decision.cost_usd,
        latency_s=latency_s,
        raw=answer.raw or {},
        decision=decision,
    )


def _seconds(limit_s: float | None) -> float:
    return math.inf if limit_s is None else limit_s

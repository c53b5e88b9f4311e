"""The deployments of one model, and the calls that wait for a free one."""

from __future__ import annotations

import asyncio
import math
import random
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence

import msgspec

from routelab.core.catalogue import EngineRules
from routelab.runtime.engine.asker import Asker
from routelab.runtime.engine.balancing import BALANCERS
from routelab.runtime.engine.demand import TokenDemand
from routelab.runtime.engine.deployment_state import UNSENT, DeploymentState, Permit
from routelab.runtime.engine.retry_budget import RetryBudget

_TICK_S = 1e-6
"""An alarm that rounding lets ring too early rings again after this, so that time goes on."""


class PoolRefusal(msgspec.Struct, frozen=True):
    """There is no permit for a call.

    Attributes:
        reason: for whoever asked.
        trouble: what the deployments said last, for operators: it may be of other callers.
    """

    reason: str
    trouble: str = ""


class WaitingCall:
    """A call that waits for a permit.

    Attributes:
        tokens: it is expected to use.
        avoid: deployments it does not go to.
        patient: it also waits for deployments that asked not to be called for a while.
        until: when it gives up.
        asker: whose it is.
        answer: the permit, or why there is none.
    """

    __slots__ = ("answer", "asker", "avoid", "patient", "tokens", "until")

    def __init__(
        self,
        tokens: float,
        avoid: Collection[DeploymentState],
        until: float,
        *,
        patient: bool,
        asker: Asker | None,
    ) -> None:
        self.tokens = tokens
        self.avoid = avoid
        self.patient = patient
        self.until = until
        self.asker = asker
        self.answer: asyncio.Future[Permit | PoolRefusal] = (
            asyncio.get_running_loop().create_future()
        )


class Pool:
    """Gives calls permits for a model's deployments, first come first served.

    Attributes:
        retries: how many of this model's calls may still be retried.
        demand: how many tokens its calls use.
    """

    def __init__(
        self,
        model: str,
        states: Sequence[DeploymentState],
        rules: EngineRules,
        clock: Callable[[], float],
        rng: random.Random,
    ) -> None:
        self.model = model
        self.states = tuple(states)
        self.retries = RetryBudget(rules.retry)
        self.demand = TokenDemand()
        self.counts_tokens = any(state.counts_tokens for state in states)
        self._rules = rules
        self._clock = clock
        self._balancer = BALANCERS[rules.balancing](rng)
        self._queue: OrderedDict[WaitingCall, None] = OrderedDict()  # a dict is slow in front
        self._alarm: asyncio.TimerHandle | None = None
        self._latest = -math.inf
        for state in states:
            state.freed.append(self.serve)

    @property
    def waiting(self) -> int:
        """Calls in the queue."""
        return len(self._queue)

    async def take(
        self,
        tokens: float,
        deadline: float,
        avoid: Collection[DeploymentState] = (),
        *,
        patient: bool = True,
        asker: Asker | None = None,
    ) -> Permit | PoolRefusal:
        """A permit, waited for if need be; a refusal if there will be none in time."""
        now = self._clock()
        if now < self._latest:
            for state in self.states:
                state.stepped_back(now)
        self._latest = now
        until = min(deadline, now + self._rules.queue_s)
        if not self._queue:
            found = self._find(tokens, now, avoid, until, patient=patient, asker=asker)
            if found is not None:
                return found
        if len(self._queue) >= self._rules.queue:
            return PoolRefusal(
                f"{len(self._queue)} calls of model {self.model!r} wait already for a free"
                " deployment; raise `max_concurrency`, add deployments, or allow a longer `queue`"
            )
        return await self._wait(WaitingCall(tokens, avoid, until, patient=patient, asker=asker))

    async def _wait(self, one: WaitingCall) -> Permit | PoolRefusal:
        self._queue[one] = None
        expiry: asyncio.TimerHandle | None = None
        try:
            self.serve()
            if not one.answer.done():
                left = max(0.0, one.until - self._clock())
                expiry = asyncio.get_running_loop().call_later(left, self._expire, one)
            return await one.answer
        except asyncio.CancelledError:
            if one.answer.done() and not one.answer.cancelled():
                given = one.answer.result()
                if isinstance(given, Permit):  # given at the very moment it was cancelled
                    given.state.give_back(given, UNSENT, self._clock())
            raise
        finally:
            if expiry is not None:
                expiry.cancel()
            if one in self._queue:
                del self._queue[one]
                self.serve()  # those behind may need less

    def back_in_s(self) -> float:
        """After how long a deployment may be called again; not positive if one may already."""
        now = self._clock()
        return min(self._back_at(state, now) for state in self.states) - now

    def serve(self) -> None:
        """Answer the calls that can be answered now, in the order they came."""
        if not self._queue:
            return
        now, answered = self._clock(), []
        for one in self._queue:
            if one.answer.done():
                continue  # cancelled, and not yet gone
            found = self._find(
                one.tokens, now, one.avoid, one.until, patient=one.patient, asker=one.asker
            )
            if found is not None:
                one.answer.set_result(found)
                answered.append(one)
            elif not one.avoid:
                break  # it takes any, so those behind get none before it
        for one in answered:
            del self._queue[one]
        self._set_alarm(now)

    def _find(
        self,
        tokens: float,
        now: float,
        avoid: Collection[DeploymentState],
        until: float,
        *,
        patient: bool,
        asker: Asker | None,
    ) -> Permit | PoolRefusal | None:
        """A permit, a refusal where waiting is in vain, or None."""
        free, soonest = [], math.inf
        for state in self.states:
            if (avoid and state in avoid) or state.breaker.closed_until(now, asker) > now:
                continue
            if (rested := state.resting_until(asker)) > now:
                at = rested if patient else math.inf
            elif (at := state.free_at(tokens, now)) <= now:
                free.append(state)
            elif at == math.inf:
                at = now  # a call under way may end at any moment
            soonest = min(soonest, at)
        if free:
            # one on trial goes first: who balances by latency would not ask it for minutes
            trial = next((it for it in free if it.breaker.state(now, asker) != "closed"), None)
            chosen = trial or (free[0] if len(free) == 1 else self._balancer.choose(free, now))
            return chosen.take(tokens, now, asker)
        return None if soonest <= until else self._refusal(avoid, late=soonest < math.inf)

    def _refusal(self, avoid: Collection[DeploymentState], *, late: bool) -> PoolRefusal:
        left = [state for state in self.states if state not in avoid]
        if not left:
            return PoolRefusal(f"model {self.model!r} has no other deployment to ask")
        trouble = "; ".join(f"{it.name}: {it.trouble}" for it in left if it.trouble)
        if late:
            reason = f"no deployment of model {self.model!r} will be free in time"
        else:  # by their breakers, or as they asked
            every = "every" if len(left) == len(self.states) else "every other"
            reason = f"{every} deployment of model {self.model!r} is left alone for now"
        return PoolRefusal(reason, trouble)

    def _back_at(self, state: DeploymentState, now: float) -> float:
        until = state.breaker.closed_until(now)
        if math.isinf(until):  # on trial, which ends nobody knows when
            until = now + self._rules.breaker.open_s
        return max(until, state.rest_until)

    def _expire(self, one: WaitingCall) -> None:
        if one.answer.done():
            return
        del self._queue[one]
        reason = f"no deployment of model {self.model!r} became free in time"
        one.answer.set_result(PoolRefusal(reason))
        self.serve()

    def _set_alarm(self, now: float) -> None:
        """Serve again when the next place becomes free by time alone."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if not self._queue:
            return
        first = next(iter(self._queue))
        coming = (state.ready_at(first.tokens, now, first.asker) for state in self.states)
        soonest = min((at for at in coming if at > now), default=math.inf)
        if soonest < math.inf:
            loop, delay_s = asyncio.get_running_loop(), max(soonest - now, _TICK_S)
            self._alarm = loop.call_later(delay_s, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self.serve()

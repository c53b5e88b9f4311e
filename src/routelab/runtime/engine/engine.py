"""Ask a model: over its deployments and its fallbacks, until one answers or time is up."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterable, Mapping

import msgspec

from routelab.core.catalogue import Catalogue, EngineRules, Timeouts
from routelab.runtime.attempts import (
    STREAM_OPTIONS,
    AttemptResult,
    attempt,
    failure_classes,
    refused_fields,
    used_tokens,
)
from routelab.runtime.engine import outcome
from routelab.runtime.engine.asker import Asker
from routelab.runtime.engine.breaker import State
from routelab.runtime.engine.build import pools
from routelab.runtime.engine.deployment_state import AttemptReport, DeploymentState, Permit
from routelab.runtime.engine.limit_share import LimitShare
from routelab.runtime.engine.pool import Pool
from routelab.runtime.engine.sample import SampleAttempt, SampleRequest, SampleResult
from routelab.runtime.upstream import Upstream

_FLOOR = 0.2
"""Of the base of pauses, the part that each of them has."""

_NOTHING, _UNTOLD = frozenset[str](), AttemptReport()

_LONG_S = 0.5
"""From which on a failure says how long its call had waited to be sent."""


class Engine:
    """Balancing, limits, retries, breakers and fallbacks below one call, whatever its answer says.

    Attributes:
        pools: deployments at work, by model.
        closed: nothing is sent any more.

    Args:
        timeouts: of deployments that name none.
        clock: seconds of the running event loop's time.
        wall_clock: Unix seconds, for dates in replies.
        sleep: waits so many seconds of `clock`.
        rng: for balancing and for pauses before retries.
        share: of the deployments' limits; all of them unless given.
    Raises:
        CatalogueError: the rules name no way of balancing.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        upstream: Upstream,
        *,
        timeouts: Timeouts,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        rng: random.Random,
        share: LimitShare | None = None,
    ) -> None:
        rules = catalogue.engine or EngineRules()
        self.pools = pools(catalogue, rules, clock, rng, share or LimitShare())
        self.closed = False
        self._catalogue = catalogue
        self._rules = rules.retry
        self._upstream = upstream
        self._timeouts = timeouts
        self._clock = clock
        self._wall_clock = wall_clock
        self._sleep = sleep
        self._rng = rng

    async def ask(self, question: SampleRequest, attempts: list[SampleAttempt]) -> SampleResult:
        """The first answer of the model or, where it has none, of its fallbacks.

        Args:
            question: model, body and deadline.
            attempts: every attempt is added when it ends, also when the caller cancels.
        """
        fallbacks = self._catalogue.model(question.model).fallbacks
        pool = self.pools[question.model]
        if not fallbacks:
            return await self._ask(pool, question, attempts, patient=True)
        able = [name for name in fallbacks if question.able(name)]
        reasons = [
            f"fallback {it!r} may not serve this, or has answered it"
            for it in fallbacks
            if it not in able
        ]
        asked = await self._ask(pool, question, attempts, patient=not able)
        for name in able:
            if asked.over:
                return asked
            last = name == able[-1]
            next_one = await self._ask(self.pools[name], question, attempts, patient=last)
            asked = _joined(asked, next_one)
        return (
            asked
            if asked.last
            else msgspec.structs.replace(asked, reasons=(*asked.reasons, *reasons))
        )

    def states(self) -> dict[str, State]:
        """The breaker of every deployment; of one that serves several models, the worst."""
        now, worst = self._clock(), ("closed", "half-open", "open").index
        found: dict[str, State] = {}
        for pool in self.pools.values():
            for state in pool.states:
                here = state.breaker.state(now)
                found[state.name] = max(found.get(state.name, here), here, key=worst)
        return found

    # Long: one loop over all that may come of an attempt, read in order.
    async def _ask(
        self, pool: Pool, question: SampleRequest, attempts: list[SampleAttempt], *, patient: bool
    ) -> SampleResult:
        """Each deployment once, then those whose failure may have passed once more.

        Args:
            patient: deployments that asked not to be called for a while are waited for, which
                is not worth it where there is a fallback.
        """
        pool.retries.earn()
        parameters = self._catalogue.model(pool.model).parameters
        if parameters is not None:
            body = parameters.merged(question.body)
            question = msgspec.structs.replace(question, body=body)
        tokens = pool.demand.of(question.body) if pool.counts_tokens else 0.0
        failed: dict[DeploymentState, AttemptResult] = {}
        omit: dict[DeploymentState, frozenset[str]] = {}
        hopeless: set[DeploymentState] = set()
        asker = Asker(question.tenant, question.body)
        retries = 0
        while True:
            began = self._clock()
            if began >= question.deadline:
                return _given_up(pool, "the request's deadline has passed", over=True)
            if self.closed:
                return _given_up(pool, "the router was closed", over=True)
            permit = await pool.take(
                tokens,
                question.deadline,
                hopeless.union(failed) if failed or hopeless else (),
                patient=patient and not failed,
                asker=asker,
            )
            if isinstance(permit, Permit):
                state = permit.state
                made = await self._attempt(
                    pool, permit, began, question, attempts, omit.get(state, _NOTHING)
                )
                if made.result.error is None:
                    return SampleResult(made, over=True)
                last = not (made.result.failure.elsewhere or made.objected)
                if made.result.delivered or last:
                    return SampleResult(over=True)
                if question.room is not None and (why := await question.room(made)):
                    return _given_up(pool, why, over=True)
                if made.objected:  # again without them, which takes something away each time
                    omit[state] = omit.get(state, _NOTHING) | made.objected
                elif made.result.failure.again:
                    failed[state] = made.result
                else:
                    hopeless.add(state)
            elif not failed:
                return _given_up(pool, permit.reason, trouble=permit.trouble)
            elif retries == self._rules.most:
                return _given_up(pool)
            elif not pool.retries.spend():
                return _given_up(pool, f"model {pool.model!r} is retried too often already")
            else:
                retries += 1
                pause = self._pause(retries, failed.values())
                if self._clock() + pause >= question.deadline:
                    return _given_up(pool, "the request's deadline leaves no time for a retry")
                if pause:
                    await self._sleep(pause)
                failed.clear()

    def _pause(self, retry: int, failed: Iterable[AttemptResult]) -> float:
        """Seconds before a retry: jitter over a floor, unless all said when to come back.

        What they say shortens nothing: a deployment that names no time, or a moment that is past,
        would be asked again and again by everybody at once.

        Source: M. Brooker, Exponential Backoff and Jitter, AWS Architecture Blog, 2015.
        """
        least_s = self._least_s
        most_s = _doubled(self._rules.base_s, retry, self._rules.max_s)
        asked = [it.retry_after_s if it.failure.rests else None for it in failed]
        if all(it is not None and it >= least_s for it in asked):
            return 0.0  # they rest until then
        return least_s + self._rng.random() * (most_s - least_s)

    @property
    def _least_s(self) -> float:
        """Seconds between a failure and a retry, whatever the deployment says."""
        return min(_FLOOR * self._rules.base_s, self._rules.max_s)

    # Long: an attempt, and all that is noted of it however it ends.
    async def _attempt(
        self,
        pool: Pool,
        permit: Permit,
        began: float,
        question: SampleRequest,
        attempts: list[SampleAttempt],
        omit: frozenset[str],
    ) -> SampleAttempt:
        state, sent = permit.state, self._clock()
        timeouts, left = state.deployment.timeouts or self._timeouts, question.deadline - sent
        hurried = left < timeouts.total_s
        if hurried:
            timeouts = msgspec.structs.replace(timeouts, total_s=max(0.0, left))
        result, report = (
            AttemptResult(state.name, error="cancelled", kind="stopped"),
            _UNTOLD,
        )
        objected = _NOTHING
        try:
            result = await attempt(
                self._upstream,
                state.deployment,
                question.body,
                _headers(question, state, sent),
                timeouts,
                clock=self._clock,
                wall_clock=self._wall_clock,
                sink=question.sink,
                omit=omit | state.refused if omit else state.refused,
            )
            if result.objection and not result.delivered:
                objected = _ours_refused(result, question, omit | state.refused)
            if objected:  # what we added says nothing of the deployment
                result = msgspec.structs.replace(result, failure=failure_classes()["unsupported"])
            used = None
            if pool.counts_tokens:
                prompt, answer = used_tokens(result.body, result.exchange)
                used = prompt + answer
                if result.error is None:
                    pool.demand.learn(answer)
            if result.error is not None and sent - began >= _LONG_S:
                waited = f"{result.error} (it had waited {sent - began:.1f} s for its turn here)"
                result = msgspec.structs.replace(result, error=waited)
            report = outcome.report(result, hurried=hurried, tokens=used)
            self._note(state, result, permit.asker)
        except BaseException:
            result = msgspec.structs.replace(result, latency_s=self._clock() - sent)
            raise
        finally:
            state.give_back(permit, report, self._clock())
            provider = state.deployment.provider
            learned = omit - state.refused if omit and result.error is None else _NOTHING
            if learned:
                state.refused |= learned
            waited_s = sent - began
            done = SampleAttempt(
                pool.model, provider, question.sample, waited_s, result, learned, objected, sent
            )
            attempts.append(done)
        return done

    def _note(self, state: DeploymentState, result: AttemptResult, asker: Asker | None) -> None:
        """Remember what the next calls should know."""
        if result.error is None:
            state.refusals, state.trouble = 0, ""
            return
        state.trouble = result.error
        if not result.failure.rests:
            return  # one request's own trouble keeps the deployment from no other
        asked_s = result.retry_after_s
        if result.failure.name == "rate":
            state.refusals += 1
            least_s = _doubled(self._rules.base_s, state.refusals, self._rules.max_s)
            if asked_s is None or asked_s < self._least_s:
                asked_s = least_s  # nought, or a moment that is past, is no leave to storm
        if asked_s is not None:
            state.rest(asked_s, self._clock(), asker if result.failure.doubtful else None)


def _headers(question: SampleRequest, state: DeploymentState, sent_s: float) -> Mapping[str, str]:
    """Of an attempt: those of its sample, and where it stands in a trace."""
    if question.trace is None:
        return question.headers
    told = question.trace.sending(state.name, question.sample, sent_s)
    return {**question.headers, **told} if state.deployment.trace_headers else question.headers


def _ours_refused(
    result: AttemptResult, question: SampleRequest, known: frozenset[str]
) -> frozenset[str]:
    """Fields of ours that a refusal names; all there are left where it names one that was not sent.

    Some say the name of another field that goes with the one that they refuse.
    """
    ours = question.ours if question.sink is None else question.ours | {STREAM_OPTIONS}
    named = refused_fields(result, ours)
    return (named - known) or (ours - known if named else named)


def _doubled(base_s: float, times: int, most_s: float) -> float:
    return float(min(most_s, base_s * 2.0 ** min(times - 1, 64)))


def _given_up(pool: Pool, *reasons: str, over: bool = False, trouble: str = "") -> SampleResult:
    back_in_s = pool.back_in_s()
    troubles = (trouble,) if trouble else ()
    return SampleResult(None, reasons, back_in_s if back_in_s > 0.0 else None, over, troubles)


def _joined(one: SampleResult, other: SampleResult) -> SampleResult:
    """What came of a model and then of its fallback; the sooner one may be asked again."""
    both = one.retry_after_s, other.retry_after_s
    soonest = None if None in both else min(it for it in both if it is not None)
    reasons, troubles = one.reasons + other.reasons, one.troubles + other.troubles
    return SampleResult(other.last, reasons, soonest, other.over, troubles)

"""Ask a model: over its deployments and its fallbacks, until one answers or time is up."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterable

import msgspec

from routelab.core.catalogue import Catalogue, EngineRules, Timeouts
from routelab.runtime.attempts import STREAM_OPTIONS, AttemptResult, attempt, refused_fields
from routelab.runtime.attempts import reported_tokens as used_tokens
from routelab.runtime.engine import outcome
from routelab.runtime.engine.asker import Asker
from routelab.runtime.engine.breaker import State
from routelab.runtime.engine.build import pools
from routelab.runtime.engine.deployment_state import AttemptReport, DeploymentState, Permit
from routelab.runtime.engine.pool import Pool
from routelab.runtime.engine.sample import SampleAttempt, SampleRequest, SampleResult
from routelab.runtime.upstream import Upstream

_LONG_S = 0.5
"""From which on a failure says how long its call had waited to be sent."""


class Engine:
    """Balancing, limits, retries, breakers and fallbacks below one call, whatever its answer says.

    Attributes:
        pools: deployments at work, by model.

    Args:
        timeouts: of deployments that name none.
        clock: seconds of the running event loop's time.
        wall_clock: Unix seconds, for dates in replies.
        sleep: waits so many seconds of `clock`.
        rng: for balancing and for pauses before retries.
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
    ) -> None:
        rules = catalogue.engine or EngineRules()
        self.pools = pools(catalogue, rules, clock, rng)
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
                    pool, permit, began, question, attempts, omit.get(state, frozenset())
                )
                if made.result.error is None:
                    return SampleResult(made, over=True)
                named = _ours_refused(made.result, question, omit.get(state, state.refused))
                last = not (made.result.failure.elsewhere or named)
                if made.result.delivered or last:
                    return SampleResult(over=True)
                if question.room is not None and (why := await question.room(made)):
                    return _given_up(pool, why, over=True)
                if named and state not in omit:
                    omit[state] = named  # once without them
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
        """Seconds before a retry: full jitter, unless all deployments said when to come back.

        Source: M. Brooker, Exponential Backoff and Jitter, AWS Architecture Blog, 2015.
        """
        if all(it.retry_after_s is not None and it.failure.rests for it in failed):
            return 0.0  # they rest until then
        return self._rng.random() * _doubled(self._rules.base_s, retry, self._rules.max_s)

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
            AttemptReport(),
        )
        try:
            result = await attempt(
                self._upstream,
                state.deployment,
                question.body,
                question.headers,
                timeouts,
                clock=self._clock,
                wall_clock=self._wall_clock,
                sink=question.sink,
                omit=omit | state.refused if omit else state.refused,
            )
            used = None
            if pool.counts_tokens:
                prompt, answer = used_tokens(result.body)
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
            learned = omit - state.refused if result.error is None else frozenset[str]()
            state.refused |= learned
            done = SampleAttempt(
                pool.model, provider, question.sample, sent - began, result, learned
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
            asked_s = asked_s or least_s  # nought, or a moment that is past, is no leave to storm
        if asked_s is not None:
            state.rest(asked_s, self._clock(), asker if result.failure.doubtful else None)


def _ours_refused(
    result: AttemptResult, question: SampleRequest, known: frozenset[str]
) -> frozenset[str]:
    """Fields of ours that a refusal names, and that the deployment was not known to refuse."""
    if not result.objection:
        return frozenset()
    ours = question.ours if question.sink is None else question.ours | {STREAM_OPTIONS}
    return refused_fields(result, ours - known)


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

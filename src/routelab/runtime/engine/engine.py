"""Ask a model: over its deployments and its fallbacks, until one answers or time is up."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterable

import msgspec

from routelab.core.catalogue import Catalogue, EngineRules, Timeouts
from routelab.runtime.attempts import AttemptResult, attempt
from routelab.runtime.attempts import reported_tokens as used_tokens
from routelab.runtime.engine import outcome
from routelab.runtime.engine.breaker import State
from routelab.runtime.engine.build import pools
from routelab.runtime.engine.deployment_state import AttemptReport, DeploymentState, Permit
from routelab.runtime.engine.pool import Pool
from routelab.runtime.engine.sample import SampleAttempt, SampleRequest, SampleResult
from routelab.runtime.upstream import Upstream


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

    async def ask(self, question: SampleRequest, tries: list[SampleAttempt]) -> SampleResult:
        """The first answer of the model or, where it has none, of its fallbacks.

        Args:
            question: model, body and deadline.
            tries: every try is added when it ends, also when the caller cancels.
        """
        fallbacks = self._catalogue.model(question.model).fallbacks
        pool = self.pools[question.model]
        if not fallbacks:
            return await self._ask(pool, question, tries, patient=True)
        able = [name for name in fallbacks if question.able(name)]
        told = [
            f"fallback {it!r} may not serve this, or has answered it"
            for it in fallbacks
            if it not in able
        ]
        asked = await self._ask(pool, question, tries, patient=not able)
        for name in able:
            if asked.over:
                return asked
            last = name == able[-1]
            next_one = await self._ask(self.pools[name], question, tries, patient=last)
            asked = _joined(asked, next_one)
        return (
            asked if asked.last else msgspec.structs.replace(asked, reasons=(*asked.reasons, *told))
        )

    def states(self) -> dict[str, State]:
        """The breaker of every deployment; of one that serves several models, the worst."""
        now, worst = self._clock(), ("closed", "half-open", "open").index
        found: dict[str, State] = {}
        for pool in self.pools.values():
            for station in pool.stations:
                state = station.breaker.state(now)
                found[station.name] = max(found.get(station.name, state), state, key=worst)
        return found

    async def _ask(
        self, pool: Pool, question: SampleRequest, tries: list[SampleAttempt], *, patient: bool
    ) -> SampleResult:
        """Each deployment once, then those whose failure may have passed once more.

        Args:
            patient: deployments that asked not to be called for a while are waited for, which
                is not worth it where there is a fallback.
        """
        pool.retries.earn()
        tokens = pool.demand.of(question.body) if pool.counts_tokens else 0.0
        failed: dict[DeploymentState, AttemptResult] = {}
        hopeless: set[DeploymentState] = set()
        retries = 0
        while True:
            began = self._clock()
            if began >= question.deadline:
                return _given_up(pool, "the request's deadline has passed", over=True)
            place = await pool.take(
                tokens,
                question.deadline,
                hopeless.union(failed) if failed or hopeless else (),
                patient=patient and not failed,
            )
            if isinstance(place, Permit):
                tried = await self._try(pool, place, began, question, tries)
                if tried.attempt.error is None:
                    return SampleResult(tried, over=True)
                if tried.attempt.delivered or not tried.attempt.elsewhere:
                    return SampleResult(over=True)
                if question.room is not None and (why := await question.room(tried)):
                    return _given_up(pool, why, over=True)
                if outcome.may_pass(tried.attempt):
                    failed[place.station] = tried.attempt
                else:
                    hopeless.add(place.station)
            elif not failed:
                return _given_up(pool, place.reason)
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
        if all(tried.retry_after_s is not None for tried in failed):
            return 0.0  # their stations rest until then
        return self._rng.random() * _doubled(self._rules.base_s, retry, self._rules.max_s)

    async def _try(
        self,
        pool: Pool,
        place: Permit,
        began: float,
        question: SampleRequest,
        tries: list[SampleAttempt],
    ) -> SampleAttempt:
        station, sent = place.station, self._clock()
        timeouts, left = station.deployment.timeouts or self._timeouts, question.deadline - sent
        hurried = left < timeouts.total_s
        if hurried:
            timeouts = msgspec.structs.replace(timeouts, total_s=max(0.0, left))
        tried, report = (
            AttemptResult(station.name, error="cancelled", kind="stopped"),
            AttemptReport(),
        )
        try:
            tried = await attempt(
                self._upstream,
                station.deployment,
                question.body,
                question.headers,
                timeouts,
                clock=self._clock,
                wall_clock=self._wall_clock,
                sink=question.sink,
            )
            used = None
            if pool.counts_tokens:
                prompt, answer = used_tokens(tried.body)
                used = prompt + answer
                if tried.error is None:
                    pool.demand.learn(answer)
            report = outcome.report(tried, hurried=hurried, tokens=used)
            self._note(station, tried)
        except BaseException:
            tried = msgspec.structs.replace(tried, latency_s=self._clock() - sent)
            raise
        finally:
            station.give_back(place, report, self._clock())
            provider = station.deployment.provider
            done = SampleAttempt(pool.model, provider, question.sample, sent - began, tried)
            tries.append(done)
        return done

    def _note(self, station: DeploymentState, tried: AttemptResult) -> None:
        """Remember what the next calls should know."""
        if tried.error is None:
            station.refusals, station.trouble = 0, ""
            return
        station.trouble = tried.error
        if tried.retry_after_s is not None:
            station.rest(tried.retry_after_s, self._clock())
        elif tried.status == outcome.TOO_MANY:
            station.refusals += 1
            rest_s = _doubled(self._rules.base_s, station.refusals, self._rules.max_s)
            station.rest(rest_s, self._clock())


def _doubled(base_s: float, times: int, most_s: float) -> float:
    return float(min(most_s, base_s * 2.0 ** min(times - 1, 64)))


def _given_up(pool: Pool, *reasons: str, over: bool = False) -> SampleResult:
    back_in_s = pool.back_in_s()
    return SampleResult(None, reasons, back_in_s if back_in_s > 0.0 else None, over)


def _joined(one: SampleResult, other: SampleResult) -> SampleResult:
    """What came of a model and then of its fallback; the sooner one may be asked again."""
    both = one.retry_after_s, other.retry_after_s
    soonest = None if None in both else min(it for it in both if it is not None)
    return SampleResult(other.last, one.reasons + other.reasons, soonest, other.over)

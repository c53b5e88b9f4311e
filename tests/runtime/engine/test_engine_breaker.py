"""The breaker against a model of it that keeps every call and counts anew each time."""

from __future__ import annotations

import asyncio
import math

import pytest
from engine_world import Scripted, deployment_states, engine, idle, question, run, world
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from routelab.core.catalogue.catalogue import Timeouts
from routelab.core.catalogue.engine_rules import BreakerRules, EngineRules, RetryRules
from routelab.runtime import UpstreamError
from routelab.runtime.engine.breaker import Breaker

RULES = BreakerRules(
    window_calls=8,
    window_s=20.0,
    min_calls=4,
    failure_rate=0.5,
    slow_s=2.0,
    slow_rate=0.75,
    open_s=3.0,
    max_open_s=10.0,
    probes=2,
)


class Reference:
    """Says it slowly: the state is worked out from the whole history."""

    def __init__(self):
        self.state, self.calls, self.since = "closed", [], 0
        self.period = self.until = 0.0
        self.out, self.passed = 0, 0

    def admits(self, now):
        if self.state == "open":
            return now >= self.until
        return self.state == "closed" or self.out + self.passed < RULES.probes

    def enter(self):
        if self.state == "open":
            self.change("half-open")
        if self.state == "half-open":
            self.out += 1
        return self.since

    def leave(self, since, now, ok, latency):
        if since != self.since:
            return
        slow = latency >= RULES.slow_s
        if self.state == "half-open":
            self.out -= 1
            if ok is not None and (not ok or slow):
                self.open(now, min(2 * self.period, RULES.max_open_s))
            elif ok:
                self.passed += 1
                if self.passed == RULES.probes:
                    self.change("closed")
        elif ok is not None:
            self.calls.append((now, not ok, slow))
            recent = [it for it in self.calls[-RULES.window_calls :] if it[0] >= now - 20.0]
            failed, slows = sum(it[1] for it in recent), sum(it[2] for it in recent)
            bad = failed / len(recent) >= 0.5 or slows / len(recent) >= 0.75
            if len(recent) >= RULES.min_calls and bad and (not ok or slow):
                self.open(now, RULES.open_s)

    def open(self, now, period):
        self.period, self.until = period, now + period
        self.change("open")

    def change(self, state):
        self.state, self.calls = state, []
        self.since += 1
        self.out = self.passed = 0


class BreakerMachine(RuleBasedStateMachine):
    under_way = Bundle("under_way")

    def __init__(self):
        super().__init__()
        self.now = 0.0
        self.breaker, self.reference = Breaker(RULES), Reference()

    @rule(seconds=st.sampled_from([0.0, 0.25, 1.0, 2.5, 3.0, 10.0, 25.0]))
    def time_passes(self, seconds):
        self.now += seconds

    @rule(target=under_way)
    def call(self):
        admitted = self.breaker.closed_until(self.now) <= self.now
        assert admitted == self.reference.admits(self.now)
        return (self.breaker.enter(self.now), self.reference.enter()) if admitted else None

    @rule(
        call=consumes(under_way),
        ok=st.sampled_from([True, True, False, False, None]),
        latency=st.sampled_from([0.5, 1.9, 2.0, math.nan]),
    )
    def end(self, call, ok, latency):
        if call is not None:
            self.breaker.leave(call[0], self.now, ok=ok, latency_s=latency)
            self.reference.leave(call[1], self.now, ok, latency)

    @invariant()
    def states_agree(self):
        known = self.reference.state
        if known == "open" and self.now >= self.reference.until:
            known = "half-open"
        assert self.breaker.state(self.now) == known
        assert self.breaker.on_trial == self.reference.out <= RULES.probes
        if self.reference.state == "open":
            assert self.breaker.closed_until(self.now) == self.reference.until


TestBreaker = BreakerMachine.TestCase
TestBreaker.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)

ONE_BY_ONE = EngineRules(
    balancing="in_order",
    retry=RetryRules(most=0),
    breaker=BreakerRules(min_calls=4, window_calls=4, open_s=5.0, max_open_s=12.0),
)


@pytest.mark.parametrize(
    "told",
    [500, 401, 402, UpstreamError("gone", "connect"), UpstreamError("cut", "cut"), (200, 40.0)],
)
def test_it_opens_for_a_deployment_that_fails(told):
    async def main(loop):
        upstream = Scripted(loop, a=told, b=200)
        made = engine(
            loop, world("a", "b", rules=ONE_BY_ONE), upstream, timeouts=Timeouts(total_s=9)
        )
        for _ in range(10):
            assert (await made.ask(question(), [])).last is not None
        return upstream

    assert run(main).names.count("a") == 4


@pytest.mark.parametrize("told", [400, 422, 429, 409, (503, {"x-should-retry": "false"})])
def test_it_stays_closed_for_what_is_the_requests_own_fault(told):
    async def main(loop):
        upstream = Scripted(loop, a=told)
        made = engine(loop, world("a", rules=ONE_BY_ONE), upstream)
        for _ in range(20):
            await made.ask(question(deadline=loop.time() + 0.15), [])
            await asyncio.sleep(60)
        return deployment_states(made)["a"].breaker.state(loop.time())

    assert run(main) == "closed"


def test_when_every_deployment_is_open_the_error_says_when_to_come_back():
    """Open for 5 s, then 10, then 12 while trials fail; closed again when two succeed."""

    async def main(loop):
        upstream = Scripted(loop, a=lambda count, now: 500 if now < 39 else 200)
        made = engine(loop, world("a", rules=ONE_BY_ONE), upstream)
        for _ in range(4):
            await made.ask(question(), [])
        waits = []
        while (result := await made.ask(question(), [])).last is None:
            if not result.reasons or "left alone" not in result.reasons[-1]:
                continue
            assert "a at http://upstream.test/v1: answered 500: a is 500" in result.troubles[-1]
            assert "upstream.test" not in "".join(result.reasons)
            waits.append(result.retry_after_s)
            before = len(upstream.seen)
            assert (await made.ask(question(), [])).last is None
            assert len(upstream.seen) == before
            await asyncio.sleep(result.retry_after_s)
        assert idle(made)
        return waits, deployment_states(made)["a"].breaker

    waits, breaker = run(main)
    assert waits == pytest.approx([5.0, 10.0, 12.0, 12.0])
    assert breaker.on_trial == 0


def test_only_so_many_calls_are_let_through_on_trial():
    async def main(loop):
        upstream = Scripted(loop, a=lambda count, now: 500 if now < 3 else (200, 1.0))
        made = engine(loop, world("a", rules=ONE_BY_ONE), upstream)
        for _ in range(4):
            await made.ask(question(), [])
        await asyncio.sleep(6)
        before = len(upstream.seen)
        results = await asyncio.gather(*(made.ask(question(), []) for _ in range(50)))
        answered = [it for it in results if it.last is not None]
        assert len(upstream.seen) - before == len(answered) == ONE_BY_ONE.breaker.probes
        return all(it.retry_after_s > 0 for it in results if it.last is None)

    assert run(main)

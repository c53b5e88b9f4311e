"""Slots, rate limits and the queue, against what they promise and a plain model of a pool."""

from __future__ import annotations

import asyncio
import random

import pytest
from engine_world import (
    Scripted,
    VirtualLoop,
    deployment_states,
    engine,
    idle,
    question,
    run,
    world,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from routelab.core.catalogue.engine_rules import BreakerRules, EngineRules
from routelab.runtime.engine.bucket import Bucket
from routelab.runtime.engine.deployment_state import AttemptReport, DeploymentState
from routelab.runtime.engine.pool import Pool, PoolRefusal

steps = st.lists(st.tuples(st.floats(0.0, 30.0), st.floats(0.1, 40.0)), max_size=40)


@given(st.floats(1.0, 600.0), st.floats(0.0, 60.0), steps)
@settings(deadline=None)
def test_a_bucket_grants_no_more_than_its_rate_and_one_burst(per_minute, burst_s, asked):
    """In any stretch of t seconds: at most capacity + rate * t + the largest single amount."""
    bucket, now, grants = Bucket(per_minute, burst_s), 0.0, []
    for pause, amount in asked:
        now += pause
        if bucket.ready_at(amount, now) <= now:
            bucket.take(amount, now)
            grants.append((now, amount))
    largest = max((amount for _, amount in grants), default=0.0)
    for first in range(len(grants)):
        for last in range(first, len(grants)):
            taken = sum(amount for _, amount in grants[first : last + 1])
            lasted = grants[last][0] - grants[first][0]
            room = bucket.capacity + lasted * per_minute / 60.0
            assert taken <= room + max(0.0, largest - bucket.capacity) + 1e-3


@given(st.floats(1.0, 600.0), steps)
@settings(deadline=None)
def test_a_bucket_is_ready_when_it_said_and_not_before(per_minute, asked):
    bucket, now = Bucket(per_minute, 6.0), 0.0
    for pause, amount in asked:
        now += pause
        ready = bucket.ready_at(amount, now)
        if ready > now + 1e-3:
            assert bucket.ready_at(amount, (now + ready) / 2) > (now + ready) / 2
        assert bucket.ready_at(amount, ready) <= ready
        bucket.take(amount, ready)
        now = ready


LIMITS = {"max_concurrency": 2, "requests_per_minute": 60.0}
RULES = EngineRules(
    balancing="in_order",
    queue=6,
    queue_s=20.0,
    burst_s=3.0,
    breaker=BreakerRules(min_calls=3, window_calls=3, open_s=4.0, probes=1),
)


class PoolMachine(RuleBasedStateMachine):
    """Calls come, end, fail, are cancelled; time passes. Two deployments, two slots each."""

    @initialize(seed=st.integers(0, 3))
    def start(self, seed):
        self.loop = VirtualLoop()
        catalogue = world("a", "b", **LIMITS)
        self.states = [DeploymentState(it, RULES) for it in catalogue.model("m").deployments]
        self.pool = Pool("m", self.states, RULES, self.loop.time, random.Random(seed))
        self.queued, self.held, self.served, self.came = [], [], [], 0
        self.starts = {state: [] for state in self.states}

    def teardown(self):
        if hasattr(self, "loop"):
            while self.queued:
                self.cancel(0)
            for _ in list(self.held):
                self.end(0, True)
            assert [it.in_flight for it in self.states] == [0, 0]
            assert self.pool.waiting == 0
            assert [it.breaker.on_trial for it in self.states] == [0, 0]
            self.loop.close()

    def give_back(self, at, ok):
        permit = self.held.pop(at % len(self.held))
        report = AttemptReport(ok, 0.1, used=0.0)
        self.loop.call_soon(lambda: permit.state.give_back(permit, report, self.loop.time()))

    def settle(self):
        for _ in range(6):
            self.loop.run_until_complete(asyncio.sleep(0))
        for number, task in list(self.queued):
            if task.done():
                self.queued.remove((number, task))
                permit, begun = task.result()
                if not isinstance(permit, PoolRefusal):
                    self.held.append(permit)
                    self.served.append(number)
                    self.starts[permit.state].append(begun)

    async def take(self):
        """A permit, and when it was given: while time passes, that is before `settle` hears."""
        return await self.pool.take(0.0, float("inf")), self.loop.time()

    @rule()
    def come(self):
        full = self.pool.waiting >= RULES.queue
        task = self.loop.create_task(self.take())
        self.came += 1
        self.queued.append((self.came, task))
        self.settle()
        if full:
            refusal, _ = task.result()
            assert isinstance(refusal, PoolRefusal)
            assert "wait already" in refusal.reason

    @precondition(lambda self: self.held)
    @rule(at=st.integers(0, 9), ok=st.sampled_from([True, True, False, None]))
    def end(self, at, ok):
        self.give_back(at, ok)
        self.settle()

    @precondition(lambda self: self.queued)
    @rule(at=st.integers(0, 9))
    def cancel(self, at):
        """Also one to which a permit was given this very moment."""
        _, task = self.queued.pop(at % len(self.queued))
        if self.held and at % 2:
            self.give_back(at, True)
        self.loop.call_soon(task.cancel)
        self.settle()
        assert task.cancelled()

    @precondition(lambda self: len(self.held) > 0)
    @rule(seconds=st.sampled_from([1.0, 30.0]))
    def rest(self, seconds):
        self.held[0].state.rest(seconds, self.loop.time())

    @rule(seconds=st.sampled_from([0.1, 0.5, 1.0, 4.0, 25.0]))
    def time_passes(self, seconds):
        self.loop.run_until_complete(asyncio.sleep(seconds))
        self.settle()

    @invariant()
    def limits_hold(self):
        if not hasattr(self, "loop"):
            return
        for state in self.states:
            mine = sum(permit.state is state for permit in self.held)
            assert state.in_flight == mine <= LIMITS["max_concurrency"]
            starts = self.starts[state]
            for first, begun in enumerate(starts):
                for last in range(first, len(starts)):
                    granted = 3 + (starts[last] - begun) + 1e-3
                    assert last - first + 1 <= granted

    @invariant()
    def nobody_waits_beside_a_free_place(self):
        if not hasattr(self, "loop") or not self.queued:
            return
        now = self.loop.time()
        assert all(state.ready_at(0.0, now) > now for state in self.states)

    @invariant()
    def first_come_first_served(self):
        if hasattr(self, "loop"):
            assert self.served == sorted(self.served)


TestPool = PoolMachine.TestCase
TestPool.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_a_full_queue_and_a_long_wait_are_refused_with_what_to_do():
    rules = EngineRules(queue=3, queue_s=2.0)

    async def main(loop):
        upstream = Scripted(loop, a=(200, 5.0))
        made = engine(loop, world("a", rules=rules, max_concurrency=1), upstream)
        results = await asyncio.gather(*(made.ask(question(), []) for _ in range(6)))
        assert idle(made)
        return results

    answered, *waited, shed, shed_too = run(main)
    assert answered.last is not None
    assert [it.reasons for it in waited] == [
        ("no deployment of model 'm' became free in time",)
    ] * 3
    assert shed.reasons == shed_too.reasons
    assert "3 calls of model 'm' wait already" in shed.reasons[0]
    assert "raise `max_concurrency`" in shed.reasons[0]


def test_a_wait_ends_at_the_deadline():
    async def main(loop):
        made = engine(loop, world("a", max_concurrency=1), Scripted(loop, a=(200, 5.0)))
        first = asyncio.ensure_future(made.ask(question(), []))
        await asyncio.sleep(0)
        result = await made.ask(question(deadline=1.25), [])
        assert (result.last, loop.time()) == (None, 1.25)
        assert (await first).last is not None

    run(main)


def test_tokens_are_taken_before_and_settled_after():
    """100 estimated tokens and 256 for an answer are taken; 120 were used, which is learned."""

    async def main(loop):
        upstream = Scripted(loop, a=200)
        made = engine(loop, world("a", tokens_per_minute=60_000.0), upstream)
        bucket = deployment_states(made)["a"]._tokens
        asking = question(body={"messages": [{"role": "user", "content": "x" * 400}]})
        task = asyncio.ensure_future(made.ask(asking, []))
        await asyncio.sleep(0)
        assert bucket.level(loop.time()) == pytest.approx(6000 - 356)
        await task
        assert bucket.level(loop.time()) == pytest.approx(min(6000, 6000 - 120 + 100))
        assert made.pools["m"].demand.of(asking.body) == pytest.approx(100 + 256 - 0.1 * 236)

    run(main)


def test_a_token_limit_is_kept_over_a_minute():
    """Calls of 120 tokens at 6,000 a minute: one every 1.2 s beside the first burst."""

    async def main(loop):
        upstream = Scripted(loop, a=200)
        rules = EngineRules(queue_s=600.0, burst_s=6.0)
        made = engine(loop, world("a", tokens_per_minute=6000.0, rules=rules), upstream)
        await asyncio.gather(*(made.ask(question(), []) for _ in range(100)))
        assert idle(made)
        return len(upstream.seen), loop.time()

    sent, took = run(main)
    assert sent == 100
    assert took == pytest.approx((100 * 120 - 600) / 100.0, rel=0.05)


def test_two_models_that_list_the_same_deployment_share_its_limits():
    one = world("a", max_concurrency=2)
    both = type(one)({"m": one.model("m"), "n": one.model("m")}, one.engine)

    async def main(loop):
        upstream = Scripted(loop, a=(200, 1.0))
        made = engine(loop, both, upstream)
        asked = (made.ask(question(model=name), []) for name in "mnmnmn")
        results = await asyncio.gather(*asked)
        assert all(it.last is not None for it in results)
        assert idle(made)
        return upstream.most["a"], loop.time()

    assert run(main) == (2, 3.0)


def test_a_thousand_requests_at_once_keep_every_limit_and_leave_nothing_behind():
    async def main(loop):
        rng = random.Random(3)
        upstream = Scripted(
            loop,
            a=lambda count, now: (rng.choice([200, 200, 200, 500, 429]), rng.uniform(0.01, 0.3)),
            b=lambda count, now: (200, rng.uniform(0.01, 0.3)),
            c=lambda count, now: (200, rng.uniform(0.01, 0.3)),
        )
        catalogue = world("a", "b", "c", rules=EngineRules(), max_concurrency=16)
        made = engine(loop, catalogue, upstream)
        results = await asyncio.gather(*(made.ask(question(), []) for _ in range(1000)))
        assert all(it.last is not None for it in results)
        assert max(upstream.most.values()) <= 16
        assert idle(made)
        return upstream.names

    assert run(main) == run(main)

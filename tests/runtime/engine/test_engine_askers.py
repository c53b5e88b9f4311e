"""Failures that may lie in what one caller asks: a deployment is closed to whoever repeats them."""

from __future__ import annotations

import math

import pytest
from engine_world import Scripted, deployment_states, engine, question, run, world
from hypothesis import given, settings
from hypothesis import strategies as st

from routelab.core.catalogue.engine_rules import BreakerRules, EngineRules, RetryRules
from routelab.runtime.engine.asker import Asker
from routelab.runtime.engine.breaker import Breaker

RULES = BreakerRules(window_calls=20, min_calls=4, failure_rate=0.5, open_s=3.0, probes=2)
ALICE, BOB, CAROL = (Asker(name, {}) for name in ("alice", "bob", "carol"))


def called(breaker, asker, now=0.0, *, ok=False, doubtful=True):
    """One call, if it is let through."""
    if breaker.closed_until(now, asker) > now:
        return False
    epoch = breaker.enter(now, asker)
    breaker.leave(epoch, now, ok=ok, latency_s=0.1, asker=asker, doubtful=doubtful)
    return True


def shut_by(asker):
    breaker = Breaker(RULES)
    while called(breaker, asker):
        pass
    return breaker


def test_who_alone_fails_is_left_out_alone():
    breaker = shut_by(ALICE)
    assert breaker.closed_until(1.0, ALICE) == 3.0
    assert breaker.state(1.0) == breaker.state(1.0, ALICE) == "open"
    assert breaker.state(1.0, BOB) == "closed"
    assert called(breaker, BOB, 1.0, ok=True)
    assert breaker.state(1.0) == "closed"


def test_one_failure_of_another_does_not_leave_out_the_other():
    breaker = shut_by(ALICE)
    assert called(breaker, BOB)
    assert breaker.closed_until(0.0, BOB) == 0.0
    assert breaker.closed_until(0.0, ALICE) == 3.0


def test_different_callers_who_fail_close_it_to_all():
    breaker = Breaker(RULES)
    for n in range(4):
        assert called(breaker, Asker("", {"messages": [{"content": str(n)}]}))
    assert breaker.closed_until(0.0, BOB) == 3.0
    after = shut_by(ALICE)
    for n in range(3):
        assert called(after, Asker("", {"messages": [{"content": str(n)}]}))
    assert after.closed_until(0.0, BOB) == 3.0


def test_what_is_surely_the_deployments_closes_it_to_all_whoever_asks():
    breaker = Breaker(RULES)
    while called(breaker, ALICE, doubtful=False):
        pass
    assert breaker.closed_until(0.0, BOB) == 3.0


def test_who_was_left_out_is_tried_again_while_others_go_on():
    breaker = shut_by(ALICE)
    trial = breaker.enter(3.0, ALICE)
    assert breaker.enter(3.0, ALICE) == trial
    assert breaker.closed_until(3.0, ALICE) == math.inf
    assert breaker.closed_until(3.0, BOB) == 3.0
    breaker.leave(trial, 3.5, ok=False, latency_s=0.5, asker=ALICE, doubtful=True)
    assert breaker.closed_until(3.5, ALICE) == 9.5
    assert breaker.closed_until(3.5, BOB) == 3.5
    for _ in range(RULES.probes):
        trial = breaker.enter(9.5, ALICE)
        breaker.leave(trial, 9.6, ok=True, latency_s=0.1, asker=ALICE)
    assert breaker.state(9.6) == "closed"


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3), st.sampled_from([0.0, 0.5, 2.0, 5.0]), st.sampled_from([1, 2, 3])
        ),
        max_size=120,
    )
)
@settings(max_examples=200, deadline=None)
def test_fewer_callers_than_say_anything_never_close_it_to_another(steps):
    """Three who always fail, with calls that overlap, and one who never does."""
    rules = BreakerRules(window_calls=20, min_calls=8, failure_rate=0.5, open_s=3.0, probes=2)
    breaker, now, under_way = Breaker(rules), 0.0, []
    askers = [Asker(str(n), {}) for n in range(4)]
    for who, pause_s, kept in steps:
        now += pause_s
        if breaker.closed_until(now, askers[who]) <= now:
            under_way.append((breaker.enter(now, askers[who]), who))
        else:
            assert who < 3
        while len(under_way) >= kept:
            epoch, one = under_way.pop(0)
            breaker.leave(
                epoch, now, ok=one == 3, latency_s=0.1, asker=askers[one], doubtful=one < 3
            )
        assert 0 <= breaker.on_trial <= RULES.probes


NO_RETRY = EngineRules(
    retry=RetryRules(most=0), breaker=BreakerRules(min_calls=4, window_calls=4, open_s=5.0)
)


def asked(content, tenant=""):
    return question(body={"messages": [{"role": "user", "content": content}]}, tenant=tenant)


@pytest.mark.parametrize("tenants", [("", ""), ("one", "other")])
def test_the_engine_tells_callers_apart_by_tenant_or_else_by_content(tenants):
    """With a tenant, whatever it asks is one caller's."""

    async def main(loop):
        upstream = Scripted(loop, a=500)
        made = engine(loop, world("a", rules=NO_RETRY), upstream)
        for n in range(8):
            await made.ask(asked(f"bad {n}" if tenants[0] else "bad", tenants[0]), [])
        assert len(upstream.seen) == 4
        upstream.behaviours["a"] = 200
        assert (await made.ask(asked("bad 9", tenants[1]), [])).last is not None
        return deployment_states(made)["a"].breaker.state(loop.time())

    assert run(main) == "closed"


def test_a_doubtful_failure_rests_a_deployment_for_its_caller_alone():
    async def main(loop):
        upstream = Scripted(loop, a=(500, {"retry-after": "30"}))
        made = engine(loop, world("a", rules=NO_RETRY), upstream)
        await made.ask(asked("bad"), [])
        upstream.behaviours["a"] = 200
        began = loop.time()
        assert (await made.ask(asked("fine"), [])).last is not None
        took_s = loop.time() - began
        assert (await made.ask(asked("bad"), [])).last is not None
        return took_s, loop.time() - began

    took_s, waited_s = run(main)
    assert took_s < 1.0
    assert waited_s == pytest.approx(30.0, abs=0.5)

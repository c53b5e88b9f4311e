"""GatewayLimits over time: never more than the rate and the burst, and refusals are not counted."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routelab.serve import GatewayLimits, Identity, LimitRule, RefusedError
from routelab.serve.limits import LimitKeeper


class Clock:
    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        return self.now


def keeper(limits):
    clock = Clock()
    return LimitKeeper(limits, clock, clock), clock


ANN = Identity(key="ann", tenant="north")


@given(
    rate=st.floats(1.0, 600.0),
    burst=st.integers(1, 20),
    waits=st.lists(st.floats(0.0, 30.0), min_size=1, max_size=60),
)
def test_no_span_of_time_lets_in_more_than_its_rate_and_the_burst(rate, burst, waits):
    rule = LimitRule(requests_per_minute=rate, burst=burst)
    limits, clock = keeper(GatewayLimits(key=rule))
    let_in = []
    for wait_s in waits:
        clock.now += wait_s
        try:
            limits.enter(ANN, "")
        except RefusedError as refusal:
            clock.now += refusal.retry_after_s * 1.0001 + 1e-6
            limits.enter(ANN, "")  # who waits as told is let in
        let_in.append(clock.now)
    for first in range(len(let_in)):
        for last in range(first, len(let_in)):
            span_s = let_in[last] - let_in[first]
            assert last - first + 1 <= burst + rate * span_s / 60.0 + 1e-6


def test_what_one_limit_refuses_takes_nothing_of_another():
    every = LimitRule(requests_per_minute=60.0, burst=2)
    limits, clock = keeper(GatewayLimits(all=every, key=LimitRule(at_once=1)))
    entered = limits.enter(ANN, "")
    for _ in range(5):
        with pytest.raises(RefusedError, match="key 'ann' has 1 requests under way"):
            limits.enter(ANN, "")
    bob = limits.enter(Identity(key="bob"), "")
    with pytest.raises(RefusedError, match="everybody together"):
        limits.enter(Identity(key="eve"), "")
    limits.leave(entered, 0.0)
    limits.leave(bob, 0.0)
    clock.now += 1.0
    limits.enter(ANN, "")


def test_money_is_counted_by_the_day_and_a_keys_own_limits_go_first():
    own = Identity(key="own", limits=LimitRule(usd_per_day=10.0))
    limits, clock = keeper(GatewayLimits(key=LimitRule(usd_per_day=1.0), tenant=LimitRule()))
    clock.now = 86_400.0 * 20_000 + 86_000.0
    for who, usd in ((ANN, 0.7), (ANN, math.nan), (ANN, 0.7), (own, 5.0), (own, 4.0)):
        limits.leave(limits.enter(who, ""), usd)
    with pytest.raises(RefusedError, match=r"spent 1.4 of 1 USD") as refused:
        limits.enter(ANN, "")
    assert refused.value.retry_after_s == 400.0
    limits.leave(limits.enter(own, ""), 1.0)
    with pytest.raises(RefusedError, match=r"spent 10 of 10 USD"):
        limits.enter(own, "")
    clock.now += 400.0
    limits.enter(ANN, "")


def test_who_was_not_seen_for_long_is_forgotten_unless_they_still_ask():
    limits, _ = keeper(GatewayLimits(tenant=LimitRule(at_once=1)))
    waiting = limits.enter(Identity(tenant="first"), "")
    for number in range(20_100):
        limits.leave(limits.enter(Identity(tenant=f"t{number}"), ""), 0.0)
    assert len(limits._uses) <= 20_002
    with pytest.raises(RefusedError, match="'first' has 1 requests"):
        limits.enter(Identity(tenant="first"), "")
    limits.leave(waiting, 0.0)
    limits.enter(Identity(tenant="first"), "")

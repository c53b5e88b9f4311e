"""Every way of balancing: only the free, by weight, and what each promises besides."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest
from engine_world import Scripted, deployments, engine, idle, question, run, world
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from routelab.core.catalogue.catalogue import Catalogue, Model
from routelab.core.catalogue.engine_rules import BreakerRules, EngineRules
from routelab.errors import CatalogueError
from routelab.runtime.engine.balancing import BALANCERS
from routelab.runtime.engine.balancing.power_of_two import load
from routelab.runtime.engine.deployment_state import DeploymentState
from routelab.runtime.engine.latency import DECAY_S, FAILED_TIMES, UNKNOWN_S, PeakEwma


def stationed(weights):
    return [
        DeploymentState(replace(it, weight=weight), EngineRules())
        for it, weight in zip(deployments(*map(str, range(len(weights)))), weights, strict=True)
    ]


@pytest.mark.parametrize("name", BALANCERS)
@given(st.lists(st.floats(0.01, 100.0), min_size=2, max_size=6), st.data())
@settings(max_examples=40, deadline=None)
def test_a_free_one_is_chosen_and_the_same_seed_chooses_the_same(name, weights, data):
    all_of_them = stationed(weights)
    for state in all_of_them:
        state.in_flight = data.draw(st.integers(0, 5))
    twice = [BALANCERS[name](random.Random(7)) for _ in range(2)]
    for _ in range(10):
        free = data.draw(st.lists(st.sampled_from(all_of_them), min_size=2, unique=True))
        one, other = (balancer.choose(free, 1.0) for balancer in twice)
        assert one is other
        assert one in free


@pytest.mark.parametrize("name", ["weighted_random", "round_robin", "least_busy"])
def test_idle_deployments_are_asked_in_proportion_to_their_weights(name):
    weights = [1.0, 2.0, 5.0]
    free, balancer = stationed(weights), BALANCERS[name](random.Random(0))
    counts = Counter(free.index(balancer.choose(free, 0.0)) for _ in range(8000))
    for index, weight in enumerate(weights):
        assert counts[index] == pytest.approx(
            1000 * weight, abs=1 if name == "round_robin" else 150
        )


def test_round_robin_spreads_the_heavier_evenly():
    free, balancer = stationed([5.0, 1.0, 1.0]), BALANCERS["round_robin"](random.Random(0))
    turns = "".join(str(free.index(balancer.choose(free, 0.0))) for _ in range(14))
    assert turns == "00102000010200"


def test_least_busy_counts_calls_by_weight():
    free, balancer = stationed([1.0, 2.0]), BALANCERS["least_busy"](random.Random(0))
    free[0].in_flight, free[1].in_flight = 2, 3
    assert balancer.choose(free, 0.0) is free[1]


def test_power_of_two_never_takes_the_worst_of_three():
    free, balancer = stationed([1.0, 1.0, 1.0]), BALANCERS["power_of_two"](random.Random(0))
    for state, latency in zip(free, (0.1, 0.5, 2.0), strict=True):
        state.latency.observe(latency, 0.0)
    counts = Counter(free.index(balancer.choose(free, 0.0)) for _ in range(3000))
    assert counts[2] == 0
    assert counts[0] == pytest.approx(2000, abs=120)


def test_latency_peaks_at_once_and_fades_slowly():
    seen = PeakEwma()
    assert seen.at(5.0) == 0.0
    seen.observe(1.0, 0.0)
    seen.observe(4.0, 1.0)
    assert seen.at(1.0) == 4.0
    assert seen.at(1.0 + DECAY_S) == pytest.approx(4.0 / 2.718281828)
    seen.observe(0.1, 2.0)
    assert 3.8 < seen.at(2.0) < 4.0


def test_a_failure_is_felt_at_once_in_proportion_and_forgotten_sooner():
    quick, slow = PeakEwma(), PeakEwma()
    for seen, usual_s in ((quick, 0.05), (slow, 8.0)):
        seen.observe(usual_s, 0.0)
        seen.failed(0.001, 0.0)
        assert seen.at(0.0) == pytest.approx((1.0 + FAILED_TIMES) * usual_s)
        assert seen.at(30.0) == pytest.approx(usual_s / 2.718281828, rel=0.05)
    slow.failed(60.0, 30.0)  # a time limit, which is as slow as it was
    assert slow.at(60.0) == pytest.approx(60.0 / 2.718281828, rel=0.05)


def test_a_deployment_that_only_ever_failed_is_tried_again():
    new = PeakEwma()
    new.failed(0.001, 0.0)
    assert new.at(0.0) == FAILED_TIMES * UNKNOWN_S
    assert new.at(30.0) < 0.05


def shares(usual_s, fails, seconds=80):
    """Of two alike but for failures: the first one's share of each 10 s and failed attempts."""
    failed = []

    def first(_count, now):
        if fails(now, len(failed)):
            failed.append(now)
            return 500, 0.002
        return 200, usual_s

    async def main(loop):
        upstream = Scripted(loop, first=first, second=(200, usual_s))
        made = engine(loop, world("first", "second", rules=EngineRules()), upstream)

        async def one(at):
            await asyncio.sleep(at)
            assert (await made.ask(question(), [])).last is not None

        await asyncio.gather(*(one(0.1 * k) for k in range(10 * seconds)))
        return upstream.seen

    seen = run(main)
    of_each = [
        Counter(name for name, at in seen if lo <= at < lo + 10) for lo in range(0, seconds, 10)
    ]
    return [it["first"] / it.total() for it in of_each], len(failed)


@pytest.mark.parametrize("usual_s", [0.05, 1.0, 8.0])
def test_one_failure_costs_a_deployment_seconds_of_its_traffic_and_not_minutes(usual_s):
    found, failed = shares(usual_s, lambda now, n: now > 10.0 and not n)
    assert failed == 1
    assert found[1] < 0.45
    assert min(found[4:]) > 0.35


@pytest.mark.parametrize("usual_s", [0.05, 1.0, 8.0])
def test_who_refuses_fast_is_asked_less_however_slow_the_others_are(usual_s):
    draws = random.Random(0)
    found, failed = shares(usual_s, lambda now, n: draws.random() < 0.3)
    assert max(found[1:]) < 0.4
    assert failed < 0.1 * 800


def test_whoever_has_its_first_call_under_way_is_not_taken_for_idle():
    one, other = stationed([1.0, 1.0])
    one.in_flight = 1
    assert load(one, 0.0) > load(other, 0.0) == 0.0


def slow_and_fast(name):
    async def main(loop):
        upstream = Scripted(loop, slow=(200, 1.0), fast=(200, 0.1), failing=500)
        rules = EngineRules(balancing=name)
        made = engine(loop, world("slow", "fast", "failing", rules=rules), upstream)

        async def one(at):
            await asyncio.sleep(at)
            assert (await made.ask(question(), [])).last is not None

        await asyncio.gather(*(one(0.02 * k) for k in range(500)))
        assert idle(made)
        return Counter(upstream.names)

    return run(main)


def test_the_default_sends_the_most_where_it_is_fastest_and_not_where_it_fails():
    """At random every deployment gets a third; here the slow one gets under a tenth."""
    counts = slow_and_fast(EngineRules().balancing)
    assert counts["fast"] > 0.85 * 500
    assert counts["failing"] <= 30
    assert slow_and_fast("weighted_random")["slow"] > 100


def test_a_deployment_without_weight_takes_no_calls():
    none, some = deployments("none", weight=0.0) + deployments("some")
    catalogue = Catalogue({"m": Model(deployments=(none, some))})

    async def main(loop):
        upstream = Scripted(loop, some=200)
        made = engine(loop, catalogue, upstream)
        for _ in range(20):
            await made.ask(question(), [])
        return set(upstream.names)

    assert run(main) == {"some"}


@pytest.mark.parametrize(
    ("catalogue", "said"),
    [
        (world("a", rules=EngineRules(balancing="fair")), "no balancing 'fair'; there is power"),
        (world("a", rules=EngineRules(queue=-1)), "queue is -1"),
        (world("a", weight=0.0), "models.m: no deployment has a weight above 0"),
        (world("a", max_concurrency=0), "models.m: deployment 1: max_concurrency is 0"),
        (Catalogue({"m": Model(input_usd_per_mtok=-1.0)}), "models.m: input_usd_per_mtok is -1"),
    ],
)
def test_rules_that_make_no_sense_are_refused(catalogue, said):
    async def main(loop):
        engine(loop, catalogue, Scripted(loop))

    with pytest.raises(CatalogueError, match=said):
        run(main)


def test_a_deployment_that_is_well_again_is_asked_at_once_and_shares_the_traffic():
    """Its latency while it was ill would keep it waiting for minutes."""
    breaker = BreakerRules(min_calls=1, open_s=5.0, probes=1)

    async def main(loop):
        ill = {"a": lambda count, now: 500 if now < 1.0 else (200, 0.01), "b": (200, 0.01)}
        upstream = Scripted(loop, **ill)
        made = engine(loop, world("a", "b", rules=EngineRules(breaker=breaker)), upstream)
        while not upstream.times("a"):
            await made.ask(question(), [])
        opened = loop.time()
        while loop.time() < opened + 4.9:
            await made.ask(question(), [])
        assert len(upstream.times("a")) == 1
        while loop.time() < opened + 6.0:
            await made.ask(question(), [])
        return opened, upstream.times("a")

    opened, asked = run(main)
    assert asked[1] == pytest.approx(opened + 5.0, abs=0.05)
    assert len(asked) > 10

"""A model that may not serve a request earns nothing by it: baselines can be run as they stand."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from replay_world import CASCADE, MODELS, logged, whole

from routelab.core.admission import CallEstimate
from routelab.core.catalogue.catalogue import Catalogue, Model
from routelab.policies import Fixed
from routelab.replay import NamedPolicy, evaluate

some = settings(deadline=None, max_examples=20)
seeds = st.integers(0, 2**32 - 1)
NEEDS = ((), ("tools",), ("vision",), ("tools", "vision"), ("sound",))
CAPABILITIES = list(product([(), ("tools",), ("vision",), ("tools", "vision")], repeat=3))


def comparison_of(seed, capabilities, needs=NEEDS, n=60):
    """Requests with needs, some of which nobody may meet, and models that lack some."""
    log = logged(n, seed=seed, task=True)
    rng = np.random.default_rng(seed)
    needed = np.empty(n, dtype=object)
    needed[:] = [needs[i] for i in rng.integers(len(needs), size=n)]
    here = whole(replace(log, requests=replace(log.requests, needs=needed)))
    models = zip(MODELS, capabilities, strict=True)
    return replace(here, catalogue=Catalogue({name: Model(capabilities=c) for name, c in models}))


def allowed(here):
    """(n, m) by comparing needs and capabilities one by one."""
    able = [set(here.catalogue.model(name).capabilities) for name in MODELS]
    return np.array([[set(needs) <= it for it in able] for needs in here.log.requests.needs])


def by_hand(here, column):
    """Quality and cost of one model alone, with its stand-ins, request by request."""
    may, mean_cost = allowed(here), here.log.cost_usd.mean(axis=0)
    quality, cost = [], []
    for row in range(len(may)):
        able = [c for c in range(3) if may[row, c]]
        dearer = [c for c in able if mean_cost[c] >= mean_cost[column]]
        if not able:
            quality.append(0.0)
            cost.append(0.0)
            continue
        served = (
            min(dearer, key=mean_cost.__getitem__)
            if dearer
            else max(able, key=mean_cost.__getitem__)
        )
        quality.append(here.log.quality[row, served])
        cost.append(here.log.cost_usd[row, served])
    return np.array(quality), np.array(cost)


def found_on(here, policy=CASCADE):
    (figures,) = evaluate(here, [NamedPolicy("it", policy)])
    return figures, {it.name: it for it in figures.baselines}


@some
@given(seeds, st.sampled_from(CAPABILITIES))
def test_a_model_alone_is_helped_out_by_the_next_dearer_one(seed, capabilities):
    here = comparison_of(seed, capabilities)
    for column, replay in enumerate(here.fixed()):
        quality, cost = by_hand(here, column)
        assert np.array_equal(replay.quality, quality)
        assert np.array_equal(replay.cost_usd, cost)
        served = replay.answered >= 0
        assert np.array_equal(served, allowed(here).any(axis=1))
        assert allowed(here)[np.flatnonzero(served), replay.answered[served]].all()


@some
@given(seeds, st.sampled_from(CAPABILITIES))
def test_the_oracle_chooses_among_allowed_models_and_no_baseline_beats_it(seed, capabilities):
    here = comparison_of(seed, capabilities)
    may, best, cost = allowed(here), [], []
    for row in range(len(may)):
        able = [(here.log.quality[row, c], -here.log.cost_usd[row, c]) for c in range(3)]
        able = [it for it, fits in zip(able, may[row], strict=True) if fits]
        quality, less = max(able, default=(0.0, 0.0))
        best.append(quality)
        cost.append(-less)
    _, them = found_on(here)
    assert them["oracle"].quality == math.fsum(best) / len(best)
    assert them["oracle"].usd_per_1k == pytest.approx(1000 * np.mean(cost))
    for it in them.values():
        assert it.quality <= them["oracle"].quality + 1e-12


@some
@given(seeds, st.sampled_from(CAPABILITIES))
def test_the_zero_router_and_the_random_mix_are_mixtures_of_what_can_be_run(seed, capabilities):
    figures, them = found_on(comparison_of(seed, capabilities))
    alone = [by_hand(comparison_of(seed, capabilities), column) for column in range(3)]
    points = [(1000 * cost.mean(), quality.mean()) for quality, cost in alone]
    at = max(figures.usd_per_1k, min(points)[0])
    reached = max(
        q + (r - q) * (at - c) / (d - c) if c < d else max(q, r)
        for c, q in points
        for d, r in points
        if c <= at <= d or (c == d and c <= at)
    )
    assert them["zero_router"].quality == pytest.approx(reached)
    assert them["random_mix"].quality <= reached + 1e-12


def test_being_ruled_out_earns_no_gain():
    """Only the best model may serve half of the requests; the policy always asks that model."""
    here = comparison_of(0, [(), (), ("tools",)], needs=((), ("tools",)), n=200)
    figures, them = found_on(here, Fixed(model="large"))
    assert figures.gain_vs_zero_router == 0.0
    small, large = them["fixed:small"], them["fixed:large"]
    assert small.usd_per_1k > large.usd_per_1k / 4
    assert figures.aiq == figures.aiq_zero_router


def test_the_policy_of_one_model_still_refuses():
    here = comparison_of(0, [(), (), ("tools",)], needs=(("tools",),))
    assert (here.replay(Fixed(model="small")).answered == -1).all()
    assert (here.fixed()[0].answered == 2).all()


def test_a_budget_that_rules_a_model_out_sends_its_requests_to_a_cheaper_one():
    here = whole(logged(30))
    requests = replace(here.log.requests, max_cost_usd=np.full(30, 2e-3))
    estimates = {
        name: CallEstimate(cost_usd=c) for name, c in zip(MODELS, (1e-4, 1e-3, 1), strict=True)
    }
    here = replace(here, log=replace(here.log, requests=requests), estimates=estimates)
    answered = [replay.answered.tolist() for replay in here.fixed()]
    assert answered == [[0] * 30, [1] * 30, [1] * 30]

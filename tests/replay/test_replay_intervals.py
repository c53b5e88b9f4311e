"""A 95 % interval holds the truth 95 times of 100, on requests drawn from a known world."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.stats import binom

from routelab.core.catalogue.catalogue import Catalogue
from routelab.logs import Log, Requests
from routelab.logs.model.splits import split
from routelab.metrics import aiq_among
from routelab.metrics.hull import zero_router_at
from routelab.policies import Cascade
from routelab.replay import NamedPolicy, comparison_set, evaluate, run
from routelab.synthetic import world

MODELS = ("small-8b", "medium-70b", "large", "frontier")
POLICIES = {
    "gains": Cascade(models=("medium-70b", "large"), thresholds=(0.45,), signal="confidence"),
    "gains a little": Cascade(
        models=("small-8b", "frontier"), thresholds=(0.6,), signal="confidence"
    ),
    "loses": Cascade(models=("medium-70b", "frontier"), thresholds=(0.5,), signal="verbosity"),
}
N = 1000
"""Requests in a draw."""

FEW, SMALL = 200, 300
"""Draws of the quick check, and requests in each."""

FEWEST = binom.ppf(5e-4, FEW, 0.95) / FEW
"""Least rate of the quick check: see `test_the_quick_check_tells_95_from_85`."""


@cache
def truth():
    """Gain, and quality above each model, of every policy in the whole world."""
    log = world("before").only(MODELS)
    cost, quality = log.cost_usd.mean(axis=0), log.quality.mean(axis=0)
    found = {}
    for name, policy in POLICIES.items():
        done = run(policy, log)
        at, reached = done.cost_usd.mean(), done.quality.mean()
        zero = float(zero_router_at(cost[None], quality[None], [at])[0])
        found[name] = (reached - zero, dict(zip(MODELS, reached - quality, strict=True)))
    return found


@cache
def areas():
    """AIQ of every policy among the models in the whole world."""
    log = world("before").only(MODELS)
    cost, quality = log.cost_usd.mean(axis=0), log.quality.mean(axis=0)
    done = {name: run(policy, log) for name, policy in POLICIES.items()}
    return {
        name: aiq_among(cost, quality, it.cost_usd.mean(), it.quality.mean())
        for name, it in done.items()
    }


@cache
def draw(seed):
    log = world.__wrapped__("before", n=N, seed=1000 + seed)
    return judged(log)


@cache
def small_draw(seed):
    whole = world("before")
    return judged(whole.take(np.random.default_rng(seed).choice(len(whole), SMALL, replace=False)))


def judged(log):
    here = comparison_set(
        log, split(log, group="id"), "all", MODELS, catalogue=Catalogue(), seed=0, learn=False
    )
    return evaluate(here, [NamedPolicy(name, policy) for name, policy in POLICIES.items()])


def covers(interval, value):
    return interval[0] <= value <= interval[1]


def rates(draws):
    """Share of draws whose intervals hold the truth, by policy and question."""
    held = {}
    for figures in (figures for drawn in draws for figures in drawn):
        held.setdefault((figures.policy, "aiq"), []).append(
            covers(figures.aiq_ci, areas()[figures.policy])
        )
        gain, above = truth()[figures.policy]
        held.setdefault((figures.policy, "gain"), []).append(covers(figures.gain_ci, gain))
        for baseline in figures.baselines:
            model = baseline.name.removeprefix("fixed:")
            if model in MODELS:
                inside = covers(baseline.quality_gain_ci, above[model])
                held.setdefault((figures.policy, model), []).append(inside)
    return {key: float(np.mean(values)) for key, values in held.items()}


@pytest.mark.slow
def test_intervals_hold_the_truth_about_as_often_as_they_say():
    for key, rate in rates(small_draw(seed) for seed in range(FEW)).items():
        assert rate >= FEWEST, key


def test_the_quick_check_tells_95_from_85():
    least = round(FEWEST * FEW)
    assert binom.sf(least - 1, FEW, 0.95) > 0.999
    assert binom.cdf(least - 1, FEW, 0.85) > 0.9


def test_intervals_are_no_wider_than_estimates_scatter():
    drawn = [small_draw(seed) for seed in range(40)]
    for index in range(len(POLICIES)):
        gains = [figures[index].gain_vs_zero_router for figures in drawn]
        widths = [np.ptp(figures[index].gain_ci) for figures in drawn]
        assert 0.6 < np.mean(widths) / (2 * 1.96 * np.std(gains)) < 1.6


@pytest.mark.slow
def test_intervals_hold_the_truth_95_times_of_100():
    found = rates(draw(seed) for seed in range(1000))
    for (policy, question), rate in found.items():
        print(f"{policy:15} {question:12} {rate:.3f}")  # noqa: T201  (the rates are the result)
    assert min(found.values()) > 0.92
    assert max(found.values()) < 0.98


def on_one_line(n, seed):
    """Six models whose qualities rise with their costs on one straight line."""
    rng = np.random.default_rng(seed)
    steps = np.arange(6)
    skill = rng.random((n, 1))
    quality = (skill + 0.3 * rng.standard_normal((n, 6)) < 0.3 + 0.1 * steps).astype(float)
    cost = (1.0 + steps) * rng.gamma(4.0, 0.25e-3, (n, 6))
    confidence = 1.2 - skill + 0.4 * rng.standard_normal((n, 6))
    nothing = np.full((n, 6), np.nan)
    return Log(
        requests=Requests(np.array([f"r{i}" for i in range(n)], dtype=object)),
        models=tuple(f"m{i}" for i in steps),
        quality=np.asfortranarray(quality),
        cost_usd=np.asfortranarray(cost),
        latency_s=nothing,
        prompt_tokens=nothing,
        completion_tokens=nothing,
        error=np.zeros((n, 6), dtype=bool),
        signals={"confidence": np.asfortranarray(confidence)},
    )


@pytest.mark.slow
def test_the_gain_is_held_where_many_models_lie_on_one_line_of_the_hull():
    policy = Cascade(models=("m0", "m5"), thresholds=(0.7,), signal="confidence")
    large = on_one_line(200_000, 10**6)
    done = run(policy, large)
    at = done.cost_usd.mean()
    zero = zero_router_at(large.cost_usd.mean(axis=0)[None], large.quality.mean(axis=0)[None], [at])
    gain, held = done.quality.mean() - float(zero[0]), []
    for seed in range(500):
        log = on_one_line(N, seed)
        cut = split(log, group="id")
        here = comparison_set(
            log, cut, "all", log.models, catalogue=Catalogue(), seed=0, learn=False
        )
        held.append(covers(evaluate(here, [NamedPolicy("p", policy)])[0].gain_ci, gain))
    print(f"six models on one line: {np.mean(held):.3f}")  # noqa: T201
    assert 0.92 < np.mean(held) < 0.98

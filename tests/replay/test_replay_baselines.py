"""Every baseline against the slow way to it, over logs as odd as logs are."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from replay_world import objects

from routelab.core.catalogue import Catalogue
from routelab.logs.formats.texts import TextsInMemory
from routelab.logs.model import split
from routelab.logs.model.log import Log, Requests
from routelab.metrics import random_mix_of
from routelab.policies import Fixed
from routelab.replay import ROUTERS, NamedPolicy, comparison_set, evaluate
from routelab.replay.baselines import prompt_length, random_mix
from routelab.replay.measure import Measure, OutcomeSums
from routelab.tuning.partitions.measure import random_mix as random_mix_of_measures

some = settings(deadline=None, max_examples=60)

NAMES = ("a", "b", "c", "d")
PRICES = {
    "flat": (0.0003, 0.005, 0.001, 0.0001),
    "equal": (0.002,) * 4,
    "free": (0.0,) * 4,
    "one free": (0.001, 0.0, 0.003, 0.003),
    "one very dear": (1e-6, 2e-6, 1e-6, 40.0),
    "apart by rounding": (0.1 + 0.2, 0.3, 0.3, 0.5),
}


def log_of(quality, cost, task, prompts=None):
    """A log of these arrays (n, m), texts (n,) and tasks (n,)."""
    n, m = quality.shape
    return Log(
        requests=Requests(id=objects(f"r{row}" for row in range(n)), task=objects(task)),
        models=NAMES[:m],
        quality=quality,
        cost_usd=cost,
        latency_s=np.full((n, m), np.nan),
        prompt_tokens=np.full((n, m), np.nan),
        completion_tokens=np.full((n, m), np.nan),
        error=np.zeros((n, m), dtype=bool),
        texts=None if prompts is None else TextsInMemory(prompts),
    )


@st.composite
def odd_comparisons(draw):
    """Rows of a part of an odd log, with a train part to learn from."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, m = draw(st.integers(40, 120)), draw(st.integers(2, 4))
    kind = draw(st.sampled_from([*PRICES, "varying"]))
    cost = np.array(PRICES.get(kind, PRICES["flat"])[:m]) * np.ones((n, 1))
    if kind == "varying":
        cost = cost * rng.lognormal(size=(n, m))
    quality = (rng.random((n, m)) < rng.random(m)).astype(float)
    if draw(st.booleans()):
        quality = np.round(rng.random((n, m)), 1)
    if draw(st.integers(0, 5)) == 0:
        quality[:] = draw(st.sampled_from([0.0, 0.5, 1.0]))
    holes = rng.random((n, m)) < draw(st.sampled_from([0.0, 0.02]))
    quality[holes] = cost[holes] = np.nan
    names = [f"t{it}" for it in rng.integers(0, draw(st.sampled_from([1, 3, n])), n)]
    log = log_of(quality, cost, names, ["x" * int(it) for it in rng.integers(1, 30, n)])
    return part_of(log, draw(st.sampled_from(["train", "test"])))


def part_of(log, part):
    cut = split(log, seed=0, need_all_parts=False, group="id")
    return comparison_set(
        log, cut, part, log.models, catalogue=Catalogue(), seed=0, allow_missing=True
    )


def task_mean(here, cost):
    """The router by task means, at this cost a request."""
    return here.learned.by_name["task_mean"].at(cost)


def costs_to_try(here):
    """Costs a request below, at, between and above those of the models."""
    means = sorted(here.log.cost_usd.mean(axis=0).tolist())
    return [0.5 * means[0], *means, *((a + b) / 2 for a, b in pairwise(means)), 2 * means[-1]]


def best_by_task(here):
    """Quality that routing by task reaches at a cost, by trying every pair of trade-offs.

    Args:
        here: rows that the means are of.
    """
    task = here.log.requests.task
    means = {
        name: [
            (here.log.cost_usd[task == name, j].mean(), here.log.quality[task == name, j].mean())
            for j in range(len(here.models))
        ]
        for name in set(task)
    }
    slopes = sorted(
        (r - q) / (d - c) for it in means.values() for c, q in it for d, r in it if d > c and r > q
    )
    prices = [0.0, *slopes, 4 * slopes[-1] if slopes else 1.0]
    points = set()
    for low, high in pairwise(prices):
        price = (low + high) / 2
        chosen = {
            name: max(it, key=lambda one: one[1] - price * one[0]) for name, it in means.items()
        }
        weight = [(chosen[name], np.mean(task == name)) for name in means]
        points.add(tuple(sum(one[axis] * w for one, w in weight) for axis in (0, 1)))
    return lambda at: mixture_value(points, at)


def mixture_value(points, at):
    """Best quality that one point, or two mixed, reach at this cost."""
    best = max((q for c, q in points if c <= at), default=-math.inf)
    for c, q in points:
        for d, r in points:
            if c < at < d:
                best = max(best, q + (r - q) * (at - c) / (d - c))
    return best


@some
@given(odd_comparisons())
def test_task_means_are_as_good_as_any_routing_by_task_where_the_means_are_known(here):
    if here.part != "train":
        here = replace(here, reference=here.log)
    best = best_by_task(here)
    for cost in costs_to_try(here):
        cost *= 1 + 1e-6  # a little off every point, so that rounding decides nothing
        found = task_mean(here, cost)
        if (reached := best(cost)) > -math.inf:
            assert reached - 0.02 <= found.quality.mean() <= reached + 1e-6
            assert found.cost_usd.mean() <= cost * (1 + 1e-9)


@some
@given(odd_comparisons())
def test_task_means_spend_what_is_asked_where_tasks_can(here):
    for cost in costs_to_try(here):
        found = task_mean(here, cost)
        spent = found.cost_usd.mean()
        if spent != pytest.approx(cost, rel=1e-9):
            least = task_mean(here, 0.0).cost_usd.mean()
            most = task_mean(here, math.inf).cost_usd.mean()
            assert spent == (least if cost < least else most)


@some
@given(odd_comparisons())
def test_the_random_mix_is_the_line_between_the_cheapest_and_the_best_and_below_the_zero_router(
    here,
):
    models = list(zip(*means_of(here), strict=True))
    weak = min(models, key=lambda it: (it[0], -it[1]))
    strong = max(models, key=lambda it: (it[1], -it[0]))
    for at in costs_to_try(here):
        share = 0.0
        if strong[0] > weak[0]:
            share = min(1.0, max(0.0, (at - weak[0]) / (strong[0] - weak[0])))
        found = random_mix(here.fixed(), at).quality.mean()
        assert found == pytest.approx(weak[1] + share * (strong[1] - weak[1]), abs=1e-9)
        assert found <= max(mixture_value(models, at * (1 + 1e-9)), weak[1]) + 1e-6


@some
@given(odd_comparisons())
def test_the_longest_prompts_get_the_best_model_while_money_lasts(here):
    fixed = here.fixed()
    at = random_mix_of(*means_of(here), 0.0)
    weak, strong = here.log.cost_usd[:, at.weak], here.log.cost_usd[:, at.strong]
    order = sorted(
        range(len(weak)), key=lambda row: -len(here.log.texts.prompts(np.array([row]))[0])
    )
    for cost in costs_to_try(here):
        cost *= 1 + 1e-6
        room, quality = cost * len(weak) - weak.sum(), here.log.quality[:, at.weak].copy()
        for row in order if room > 0 else []:
            extra = strong[row] - weak[row]
            share = 1.0 if extra <= room else min(1.0, room / extra)
            step = here.log.quality[row, at.strong] - here.log.quality[row, at.weak]
            quality[row] += share * step
            room -= extra
            if room < 0:
                break
        found = prompt_length(here.log, fixed, cost)
        assert found.quality.mean() == pytest.approx(quality.mean(), abs=1e-5)


def means_of(here):
    """Mean costs and mean qualities of the models, rounded once."""
    n = len(here.log)
    return [
        [math.fsum(column) / n for column in values.T]
        for values in (here.log.cost_usd, here.log.quality)
    ]


@settings(some, max_examples=25)
@given(odd_comparisons(), st.integers(0, 3))
def test_every_baseline_stands_beside_a_policy_and_none_beats_the_oracle(here, which):
    model = here.models[which % len(here.models)]
    (found,) = evaluate(here, [NamedPolicy("it", Fixed(model))])
    names = [it.name for it in found.baselines]
    learned = ["task_mean", *(["ridge", "task_ridge", "knn"] if here.part == "test" else [])]
    others = ["oracle", "random_mix", "prompt_length", *learned, "zero_router"]
    assert names == [*(f"fixed:{name}" for name in here.models), *others]
    routers = [them for them in found.baselines if them.name in (*ROUTERS, "zero_router")]
    assert found.best_router == max(routers, key=lambda it: it.quality)
    assert not found.baselines_left_out
    them = {it.name: it for it in found.baselines}
    oracle = [
        max((q, -c) for q, c in zip(*row, strict=True))
        for row in zip(here.log.quality.tolist(), here.log.cost_usd.tolist(), strict=True)
    ]
    assert them["oracle"].quality == pytest.approx(np.mean([q for q, _ in oracle]))
    assert them["oracle"].usd_per_1k == pytest.approx(1000 * np.mean([-c for _, c in oracle]))
    assert all(it.quality <= them["oracle"].quality + 1e-12 for it in found.baselines)
    assert all(np.isfinite([it.quality, it.usd_per_1k]).all() for it in found.baselines)
    assert them["random_mix"].quality <= them["zero_router"].quality + 1e-9


def test_with_flat_prices_task_means_mix_tasks_and_beat_the_random_mix():
    rng = np.random.default_rng(0)
    n = 3000
    task = rng.integers(0, 2, n)
    right = np.array([[0.9, 0.9, 0.2], [0.2, 0.9, 0.85]])[task]
    quality = (rng.random((n, 3)) < right).astype(float)
    cost = np.ones((n, 1)) * (0.0001, 0.003, 0.0003)
    log = log_of(quality, cost, [f"t{it}" for it in task])
    here = part_of(log, "test")
    found = task_mean(here, 0.0004)
    assert found.cost_usd.mean() == pytest.approx(0.0004)
    assert found.quality.mean() > random_mix(here.fixed(), 0.0004).quality.mean() + 0.2


def test_thirty_thousand_tasks_take_no_time():
    rng = np.random.default_rng(0)
    n = 60_000
    quality = (rng.random((n, 4)) < (0.4, 0.5, 0.6, 0.7)).astype(float)
    cost = rng.lognormal(size=(n, 4)) * (1e-5, 1e-4, 1e-3, 1e-2)
    log = log_of(quality, cost, [f"t{it}" for it in rng.integers(0, 30_000, n)])
    here = part_of(log, "test")
    start = time.process_time()
    found = task_mean(here, 1e-3)
    assert time.process_time() - start < 1.0
    assert found.cost_usd.mean() == pytest.approx(1e-3, rel=1e-9)


def measured(quality, cost, rng):
    sums = OutcomeSums(rng.random(3), rng.random(3), np.ones(3))
    return Measure(quality, cost, rng.random(5), rng.random(5), sums)


def test_a_log_in_batches_has_the_same_random_mix():
    rng = np.random.default_rng(3)
    means = [(0.001, 0.4), (0.001, 0.6), (0.004, 0.6), (0.01, 0.9)]
    alone = [measured(q, c, rng) for c, q in means]
    for at in (0.0, 0.001, 0.005, 0.01, 0.02):
        mix = random_mix_of([c for c, _ in means], [q for _, q in means], at)
        found = random_mix_of_measures(alone, measured(0.7, at, rng))
        assert (mix.weak, mix.strong) == (1, 3)
        assert found.quality == pytest.approx(0.6 + 0.3 * min(1, max(0, (at - 0.001) / 0.009)))

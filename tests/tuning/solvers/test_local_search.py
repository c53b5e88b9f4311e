"""The solvers for two models and for many, against trying every threshold and every chain."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tuning_world import NAMES, between, every_cascade, failing, means, random_log, thresholds_of

from routelab.errors import TuningError
from routelab.metrics.hull import hull, pareto, value_at
from routelab.replay.cells import Chain, Levels, Spec
from routelab.tuning.solvers import grid, local_search, two_models

SEEDS = st.integers(0, 10**6)


def rounded(points):
    return sorted((round(cost, 9), round(quality, 9)) for cost, quality in points)


@given(seed=SEEDS, n=st.integers(3, 40), levels=st.sampled_from([4, 1000]))
@settings(max_examples=40, deadline=None)
def test_the_front_of_two_models_is_that_of_all_their_thresholds(seed, n, levels):
    log = failing(random_log(n, 2, seed, levels=levels, multiplier=3.0), seed)
    first = thresholds_of(log)["small"]
    if not first:
        return
    found = two_models.front(log, "confidence", log.models, first)
    cuts = [between(log.signals["confidence"][:, 0])]
    scores = [means(policy, log) for policy in every_cascade(log.models, cuts)]
    kept = pareto([it.usd_per_1k for it in scores], [it.quality for it in scores])
    expected = [scores[at] for at in np.flatnonzero(kept)]
    mine = zip(1000 * found.cost_usd / n, found.quality / n, strict=True)
    assert rounded(mine) == rounded((it.usd_per_1k, it.quality) for it in expected)
    assert np.all(np.diff(found.cost_usd) > 0)


@given(seed=SEEDS, m=st.integers(2, 4))
@settings(max_examples=25, deadline=None)
def test_sums_along_lines_are_those_of_replaying_them(seed, m):
    log = failing(random_log(60, m, seed, multiplier=2.0), seed, 0.1)
    found = local_search.found(log, "confidence", thresholds_of(log))
    for one in found[:: max(1, len(found) // 6)]:
        score = means(one.policy, log)
        assert 1000 * one.cost / 60 == pytest.approx(score.usd_per_1k, rel=1e-9)
        assert one.quality / 60 == pytest.approx(score.quality, rel=1e-9, abs=1e-12)


def area(log, scores):
    """Mean quality that mixing these policies and the models reaches, over the models' costs."""
    cost, quality = 1000 * log.cost_usd.mean(axis=0), log.quality.mean(axis=0)
    costs = [*cost, *(it.usd_per_1k for it in scores)]
    qualities = [*quality, *(it.quality for it in scores)]
    at = np.linspace(cost.min(), cost.max(), 500)
    return float(value_at(at, hull(costs, qualities)).mean() - quality[cost.argmin()])


@pytest.mark.parametrize("seed", range(4))
def test_chains_that_grow_and_shrink_come_near_all_of_them(seed):
    log = random_log(60, 4, seed, levels=8)
    chains = [chain for k in (2, 3, 4) for chain in combinations(NAMES, k)]
    every = [
        means(policy, log)
        for chain in chains
        for policy in every_cascade(
            chain, [between(log.signals["confidence"][:, log.column(n)]) for n in chain[:-1]]
        )
    ]
    thresholds = thresholds_of(log)
    mine = [means(policy, log) for policy in local_search.cascades(log, "confidence", thresholds)]
    assert area(log, mine) >= 0.98 * area(log, every)
    both = [*mine, *(means(policy, log) for policy in grid.cascades(log, "confidence", thresholds))]
    assert area(log, both) >= 0.995 * area(log, every)


def test_a_grid_too_large_for_memory_says_what_would_fit():
    levels = Levels(np.arange(1000.0))
    spec = Spec("confidence", (Chain(NAMES, (levels,) * 3),))
    with pytest.raises(TuningError, match="1,000 levels for each of 3 thresholds") as caught:
        grid.checked(spec)
    fits = int(str(caught.value).split(":")[1].split()[0].replace(",", ""))
    smaller = Levels(np.arange(float(fits)))
    assert grid.checked(Spec("confidence", (Chain(NAMES, (smaller,) * 3),)))

"""Which models scorers that see an answer are fitted for: few, however many there are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tuning_world import log_of

from routelab.logs import Log
from routelab.tuning.kinds.scorer_fits import MAX_FRONTIER, MOST_AFTER, few, frontier


def many(models: int, seed: int = 0, n: int = 300) -> Log:
    """The dearer the better; one of them, of no use on the whole, is the best on one task."""
    rng = np.random.default_rng(seed)
    chance = np.linspace(0.3, 0.9, models)
    task = rng.integers(3, size=n)
    quality = (rng.random((n, models)) < chance).astype(float)
    quality[:, models - 2] = task == 1
    log = log_of(quality, 1e-4 * 1.3 ** np.arange(models), rng.random((n, models)))
    names = tuple(f"m{at:02d}" for at in range(models))
    of_task = np.array([f"t{at}" for at in task], dtype=object)
    return replace(log, models=names, requests=replace(log.requests, task=of_task))


def test_all_of_eight_models_are_kept() -> None:
    log = many(8)
    assert few(log, log.models) == log.models


def test_of_many_models_the_frontier_and_the_best_of_tasks_are_kept_in_order() -> None:
    log = many(20)
    kept = few(log, log.models)
    assert len(kept) == MOST_AFTER
    assert list(kept) == sorted(kept)
    assert set(frontier(log, log.models)) <= set(kept)
    assert len(frontier(log, log.models)) <= MAX_FRONTIER


def test_a_log_without_tasks_has_a_frontier_too() -> None:
    log = many(12)
    bare = replace(log, requests=replace(log.requests, task=None))
    assert len(few(bare, bare.models)) == MOST_AFTER

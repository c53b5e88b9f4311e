"""Intervals of a P95 latency and of what a group loses hold the truth as often as they say."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from coverage_world import STRONG, WEAK, draw, log_of, often_enough, shown, truth, whole
from scipy.stats import norm

from routelab.policies import Cascade, Fixed
from routelab.tuning import Bounds, Floor
from routelab.tuning.objectives.bound_checks import judge
from routelab.tuning.objectives.feasibility import demands

POLICY = Cascade((WEAK, STRONG), (0.5,), "confidence")
ONLY = Fixed(STRONG)
FLOOR = Bounds(floors=(Floor("task", 0.1),))
SIGMA = 0.7
"""Latency of the strong model is lognormal; part of it is shared by the requests of a group."""


def judged(seed: int, n: int, size: int):
    """The bounds on a latency and on one task, judged on one log in groups of a size.

    Half of the requests are of a task, by lot, so the task loses what all requests lose.
    """
    rng = np.random.default_rng(100_000 + seed)
    log = log_of(draw(n, 200_000 + seed))
    groups = np.arange(n) // size
    shared = rng.standard_normal(n)[groups]
    noise = SIGMA * (0.6 * shared + 0.8 * rng.standard_normal(n))
    latency = np.exp(np.column_stack([noise, noise]))
    task = np.where(rng.random(n) < 0.5, "asked", "other").astype(object)
    log = replace(log, latency_s=latency, requests=replace(log.requests, task=task))
    on = replace(whole(log), groups=groups)
    return [
        next(judge(policy, on, on, wanted, wanted)).test_ci
        for policy, bounds in ((ONLY, Bounds(max_p95_s=3.0)), (POLICY, FLOOR))
        for wanted in [demands(bounds, on, ONLY, 1.0)]
    ]


def covered(times: int, n: int = 800, size: int = 4) -> dict[str, int]:
    longest, loss = float(np.exp(SIGMA * norm.ppf(0.95))), truth().regret(POLICY)
    counts: Counter[str] = Counter()
    for seed in range(times):
        latency, lost = judged(seed, n, size)
        counts["P95 latency"] += latency[0] <= longest <= latency[1]
        counts["loss of a task"] += lost[0] <= loss <= lost[1]
    return shown(counts, times)


def test_intervals_hold_the_truth_as_often_as_they_say():
    times = 40
    assert often_enough(covered(times), times)


@pytest.mark.slow
def test_intervals_hold_the_truth_93_to_97_times_of_100():
    times = 1000
    assert all(0.93 <= count / times <= 0.97 for count in covered(times, 2000).values())

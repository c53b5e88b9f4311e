"""Tuned on a world whose truth is known: near the best there, and honest where there is nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from routelab.logs.model.log import Log
from routelab.replay import run as replay
from routelab.synthetic import best, world
from routelab.tuning import Bounds, Options, tune

POINT = 0.01
USD_PER_1K = (1.0, 3.0)


def missed(policy, period):
    """How far a policy's quality is below the best at its own true cost."""
    done = replay(policy, world(period))
    cost = 1000 * float(done.cost_usd.mean())
    return best(period, cost + 1e-9).quality - float(done.quality.mean())


@pytest.fixture(scope="module")
def bounded(sample_log):
    """Policies by the bound on their cost."""
    options = {
        usd: Options(name="x", trials=60, bounds=Bounds(max_usd_per_1k=usd), policy="cascade")
        for usd in USD_PER_1K
    }
    return {usd: tune(sample_log, it).policy for usd, it in options.items()}


@pytest.mark.parametrize("usd", USD_PER_1K)
def test_tuned_policies_are_within_a_point_of_the_best(bounded, usd):
    assert missed(bounded[usd], "before") <= POINT


def test_at_three_dollars_the_world_after_the_drift_is_another(bounded):
    assert missed(bounded[3.0], "after") > missed(bounded[3.0], "before") + 2 * POINT


def test_the_exported_policy_misses_more_in_the_second_half_of_test(tuned):
    study = tuned.study
    late = study.test.log.requests.timestamp_s >= np.median(study.test.log.requests.timestamp_s)
    done = study.test.replay(study.policy)
    fall = done.quality[~late].mean() - done.quality[late].mean()
    assert fall > 5 * POINT


def worthless(seed: int, n: int) -> Log:
    """The synthetic world with its confidences dealt out anew, so that they know nothing."""
    log = world("before", n, seed)
    rng = np.random.default_rng(seed)
    shuffled = {
        name: np.asfortranarray(np.column_stack([rng.permutation(it) for it in values.T]))
        for name, values in log.signals.items()
    }
    return replace(log, signals=shuffled)


def shipped(times: int, n: int, trials: int) -> int:
    """How often a worthless signal gets the verdict "ship"."""
    options = [
        Options(name="x", trials=trials, seed=seed, policy="cascade") for seed in range(times)
    ]
    studies = (tune(worthless(100 + i, n), it) for i, it in enumerate(options))
    return sum(study.verdict.word == "ship" for study in studies)


def test_a_worthless_signal_hardly_ever_ships():
    # At a rate of .05, 3 or more of 8 come up with probability .006.
    assert shipped(8, 1000, 1) < 3


@pytest.mark.slow
def test_a_worthless_signal_ships_at_most_one_time_in_twenty():
    # At a rate of .05, over 25 of 300 come up with probability .004.
    assert shipped(300, 1500, 100) <= 25

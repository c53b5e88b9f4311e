"""Where test has too few groups, every group is judged once, by a search that had not seen it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from tuning_world import log_of

from routelab.policies import Mixture
from routelab.replay import run
from routelab.tuning import Options, tune
from routelab.tuning.certify import CertificateDemand
from routelab.tuning.study.cross_fit import FOLDS, folds

N = 480


def conversations(size: int = 12, *, knows: float = 1.0, **columns):
    """Two models, and a confidence that knows how hard a request is, in conversations."""
    rng = np.random.default_rng(4)
    hard = rng.random(N)
    quality = rng.random((N, 2)) < np.column_stack([1.0 - hard**2, np.full(N, 0.95)])
    confidence = np.full((N, 2), np.nan)
    confidence[:, 0] = 1.0 - (knows * hard + (1.0 - knows) * rng.random(N))
    log = log_of(quality, [[1e-3, 1e-2]], confidence)
    # A few long conversations, so that test counts as few.
    lengths = np.resize([1, 3, 4 * size, 2, size], N)
    group = np.repeat(np.arange(N), lengths)[:N]
    labels = np.array([f"g{it}" for it in group], dtype=object)
    return replace(log, requests=replace(log.requests, group=labels, **columns))


def asked(**changes) -> Options:
    fields = {"name": "p", "policy": "cascade", "trials": 1, "group": "group", "seed": 1}
    return Options(**{**fields, **changes})


@pytest.fixture(scope="module")
def study():
    return tune(conversations(), asked())


def test_the_verdict_is_on_all_requests_and_says_so(study):
    assert study.figures.refusal  # of the test part alone
    crossed = study.crossed.figures
    assert (crossed.n_requests, crossed.split, crossed.refusal) == (N, "cross-fitted", "")
    assert study.verdict.word == "ship"
    assert "on 480 test requests" in study.verdict.reasons[0]
    assert study.crossed.text in study.verdict.reasons
    assert "every one of" in study.crossed.text


def test_each_request_is_judged_by_a_study_that_had_it_as_test(study):
    log, fold = study.log, folds(study.split)
    quality, cost = np.empty(N), np.empty(N)
    for at in range(FOLDS):
        searched = np.where(study.split.groups % 2, "tune", "train")
        words = np.where(fold == at, "test", searched).astype(object)
        marked = replace(log, requests=replace(log.requests, split=words))
        there = tune(marked, asked())
        done = run(there.policy, log)
        quality[fold == at], cost[fold == at] = (
            column[fold == at] for column in (done.quality, done.cost_usd)
        )
    assert there.policy == study.policy  # the last fold is test
    assert study.crossed.figures.quality == math.fsum(quality) / N
    assert study.crossed.figures.usd_per_1k == pytest.approx(1000 * math.fsum(cost) / N)


def test_folds_keep_groups_whole_and_are_about_alike(study):
    fold, groups = folds(study.split), study.split.groups
    assert all(len(np.unique(fold[groups == it])) == 1 for it in np.unique(groups))
    np.testing.assert_array_equal(np.flatnonzero(fold == FOLDS - 1), study.split.rows("test"))
    sizes = np.bincount(fold)[:-1]
    assert np.ptp(sizes) <= np.bincount(groups).max()


@pytest.mark.parametrize(
    ("log", "options"),
    [
        (conversations(1), {}),  # groups enough
        (conversations(timestamp_s=np.arange(float(N))), {}),
        (conversations(), {"certify": (CertificateDemand("regret", 0.1),)}),
    ],
    ids=["many groups", "cut in time", "certified"],
)
def test_nothing_is_crossed_where_test_is_enough_or_means_something_else(log, options):
    assert tune(log, asked(**options)).crossed is None


def test_a_signal_of_noise_does_not_ship():
    for seed in range(3):
        found = tune(conversations(knows=0.0), asked(seed=seed))
        assert found.verdict.word != "ship"
        assert found.crossed is not None or isinstance(found.policy, Mixture)


def test_a_budget_that_has_no_room_is_told():
    found = tune(conversations(), asked(policy="auto", budget_s=8.0, account=False))
    assert found.crossed is None
    assert any("by cross-fitting takes some" in it for it in found.verdict.reasons)

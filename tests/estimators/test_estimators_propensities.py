"""Estimated propensities: right where the features tell, refused where they do not come true."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from benchmarks.estimators.worlds import logged, truth
from routelab.estimators import (
    IPS,
    SNDR,
    CrossFit,
    LoggedDecisions,
    PrefixDR,
    PropensityFit,
    Ridge,
)

N = 2000


def estimated(name, seed, **how):
    log, target = logged(name, N, seed)
    made, audit = PropensityFit(seed=seed, **how).estimated(log)
    return log, target, made, audit


def test_they_are_close_to_the_true_ones_and_say_what_they_are():
    log, target, made, audit = estimated("softmax log", 0)
    assert made.source == "estimated"
    assert not audit.refusal
    assert np.corrcoef(np.log(made.propensity), np.log(log.propensity))[0, 1] > 0.9
    assert 0.1 < audit.explained < 0.6
    assert audit.smallest == made.propensity.min() > 0
    found = SNDR(CrossFit(Ridge())).value(made, target)
    assert any("estimated" in note for note in found.notes)
    assert found.ci[0] < truth("softmax log") < found.ci[1]


def covered(times):
    hits = given = 0
    for seed in range(times):
        _, target, made, _ = estimated("two models", seed)
        found = SNDR(CrossFit(Ridge(), seed=seed)).value(made, target)
        given += found.value is not None
        if found.ci is not None:
            hits += found.ci[0] <= truth("two models") <= found.ci[1]
    assert given == times
    return binomtest(hits, times).proportion_ci(0.998)


def test_intervals_hold_the_truth():
    assert covered(15).high > 0.93


@pytest.mark.slow
def test_intervals_hold_the_truth_at_length():
    share = covered(500)
    assert share.high > 0.93
    assert share.low < 0.97


class Halves:
    """Shares apart for answers below and above a confidence of .5, by who gave them."""

    def fit(self, known, taken, options):
        shares = {}
        cells = self.cells(known)
        for cell in np.unique(cells):
            counts = np.bincount(taken[cells == cell], minlength=options) + 0.1
            shares[cell] = counts / counts.sum()
        return lambda asked: np.array([shares[it] for it in self.cells(asked)])

    def cells(self, known):
        if known.numbers.shape[1] == 1:  # before any call
            return np.zeros(len(known.task), dtype=int)
        return known.numbers[:, 1:4].argmax(axis=1) * 2 + (known.numbers[:, -1] < 0.5)


def test_along_cascades_calls_and_ends_are_estimated():
    log, target, made, audit = estimated("cascade of 3", 1, model=Halves())
    assert not audit.refusal
    for own, true in ((made.propensity, log.propensity), (made.ended, log.ended)):
        assert np.mean(np.abs(own - true)) < 0.03
    for kind in (IPS(), PrefixDR()):
        found = kind.value(made, target)
        assert found.ci[0] < truth("cascade of 3") < found.ci[1]


def test_a_fit_that_misses_a_threshold_is_refused_by_the_weights():
    """A smooth fit of a policy that goes by a threshold is wrong just where the target goes on."""
    _, target, made, _ = estimated("cascade of 3", 1)
    found = PrefixDR().value(made, target)
    assert found.value is None
    assert "Weights do not fit" in found.refusal


def test_what_is_not_among_the_features_is_found_where_it_bends_the_known_ones():
    """A straight line through a logging policy that goes up and down does not come true."""
    rng = np.random.default_rng(0)
    x = rng.random(N)
    chance = 0.5 + 0.45 * np.sin(12 * x)
    model = (rng.random(N) < chance).astype(int)
    log = LoggedDecisions.of_choices(
        ("a", "b"), model, np.ones(N), rng.random(N), features=x[:, None]
    )
    _, audit = PropensityFit().estimated(log)
    assert "do not come true" in audit.refusal
    assert "logged_by" in audit.refusal


def test_a_policy_that_leaves_nothing_to_chance_is_found_out_by_the_weights():
    rng = np.random.default_rng(1)
    x = rng.random(N)
    model = (x > 0.5).astype(int)
    log = LoggedDecisions.of_choices(
        ("a", "b"), model, np.ones(N), rng.random(N), features=x[:, None]
    )
    made, audit = PropensityFit().estimated(log)
    assert audit.explained > 0.8
    _, target = logged("two models", N, 0)
    assert SNDR().value(made, target).value is None


def test_sessions_are_not_split_and_seeds_repeat():
    log, _ = logged("sessions", 600, 0)
    one, again = (PropensityFit(seed=3).estimated(log)[0].propensity for _ in range(2))
    other = PropensityFit(seed=4).estimated(log)[0].propensity
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)

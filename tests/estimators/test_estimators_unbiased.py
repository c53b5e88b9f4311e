"""Unbiased means exactly that: over every log that may come about, the estimates' mean is the
truth. Nothing is simulated here."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_world import TinyWorld, tiny_world

from routelab.core import Floats
from routelab.estimators import (
    DR,
    IPS,
    CallFeatures,
    CrossFit,
    Estimator,
    PrefixDR,
    PrefixIPS,
    PrefixSNIPS,
    path_weights,
)
from routelab.estimators.outcome_models import Predict


class Guess:
    """An outcome model that learns nothing: wrong, and by how much the seed says."""

    def __init__(self, seed: int) -> None:
        self.value = float(np.random.default_rng(seed).normal())

    def fit(self, known: CallFeatures, values: Floats) -> Predict:
        return lambda asked: np.full(len(asked.task), self.value)


def expectation(world: TinyWorld, estimator: Estimator, outcome: str) -> float:
    total = 0.0
    for chance, log, target in world.logs():
        weights = path_weights(log, target)
        total += chance * float(estimator.scores(log, target, outcome, weights).each.mean())
    return total


@given(st.integers(0, 10**6), st.sampled_from(["quality", "cost_usd"]))
@settings(max_examples=10, deadline=None)
def test_cascades_are_valued_without_bias(seed: int, outcome: str) -> None:
    rng = np.random.default_rng(seed)
    world = tiny_world(rng, n=2, m=2, deepest=2)
    truth = world.truth(outcome)
    wrong = CrossFit(Guess(seed), folds=2)
    for estimator in (IPS(), PrefixIPS(), PrefixDR(wrong), PrefixDR(CrossFit(folds=2))):
        assert expectation(world, estimator, outcome) == pytest.approx(truth, abs=1e-10)


@given(st.integers(0, 10**6))
@settings(max_examples=5, deadline=None)
def test_chains_of_three_calls_are_valued_without_bias(seed: int) -> None:
    world = tiny_world(np.random.default_rng(seed), n=1, m=3, deepest=3)
    for estimator in (IPS(), PrefixIPS(), PrefixDR(CrossFit(Guess(seed), folds=2))):
        for outcome in ("quality", "cost_usd"):
            assert expectation(world, estimator, outcome) == pytest.approx(world.truth(outcome))


@given(st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_choices_are_valued_without_bias(seed: int) -> None:
    world = tiny_world(np.random.default_rng(seed), n=3, m=3, deepest=1)
    truth = world.truth("quality")
    for estimator in (IPS(), PrefixIPS(), PrefixDR(CrossFit(Guess(seed), folds=3))):
        assert expectation(world, estimator, "quality") == pytest.approx(truth, abs=1e-10)


def test_prefixes_have_mean_one_and_vary_no_more_than_whole_paths_of_a_sure_policy() -> None:
    for seed in range(20):
        world = tiny_world(np.random.default_rng(seed), n=1, m=2, deepest=2, sure=True)
        total, prefix, whole = 0.0, 0.0, 0.0
        for chance, log, target in world.logs():
            weights = path_weights(log, target)
            total += chance * float(weights.total[0])
            prefix += chance * float(weights.total[0]) ** 2
            last = float(weights.ends[log.ends[0]]) / float(log.ended[0])  # type: ignore[index]
            whole += chance * last**2
        assert total == pytest.approx(1.0)
        assert prefix <= whole + 1e-12


def test_a_wrong_outcome_model_and_a_missing_correction_are_biased_as_they_should_be() -> None:
    """The tests above would see a bias: self-normalising has one on so few requests."""
    world = tiny_world(np.random.default_rng(3), n=2, m=2, deepest=2)
    assert abs(expectation(world, PrefixSNIPS(), "quality") - world.truth("quality")) > 1e-3


def test_of_one_call_the_prefix_estimators_are_the_plain_ones() -> None:
    world = tiny_world(np.random.default_rng(5), n=4, m=3, deepest=1)
    fit = CrossFit(folds=2)
    for _, log, target in list(world.logs())[:20]:
        single = type(target)(target.first)
        weights = path_weights(log, single)
        pairs = ((PrefixIPS(), IPS()), (PrefixDR(fit), DR(fit)))
        for prefix, plain in pairs:
            one = prefix.scores(log, single, "quality", weights).each
            np.testing.assert_allclose(one, plain.scores(log, single, "quality", weights).each)
            along = prefix.scores(log, target, "quality", path_weights(log, target)).each
            if prefix == PrefixIPS():  # paths that end after one call, said at length
                np.testing.assert_allclose(along, one)

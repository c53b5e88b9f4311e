"""Exact sums, the oracle and the RouterArena score."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from routelab.metrics.arena import arena_score
from routelab.metrics.exact import exact_mean, exact_total
from routelab.metrics.oracle import oracle, regret

examples = settings(deadline=None, max_examples=200)
sane = st.floats(-1e300, 1e300)


@examples
@given(st.lists(sane | st.floats(-1.0, 1.0), max_size=60))
def test_a_total_is_rounded_once(values):
    assert exact_total(values) == math.fsum(values)


@pytest.mark.parametrize("spread", [0.0, 1.0, 10.0, 100.0])
@pytest.mark.parametrize("n", [16_384, 16_385, 60_000])
def test_a_total_of_many_is_rounded_once(n, spread):
    rng = np.random.default_rng(n)
    values = np.exp2(spread * rng.normal(size=n)) * rng.choice([-1.0, 1.0], size=n)
    assert exact_total(values) == math.fsum(values)
    assert exact_total(np.concatenate([values, -values[::-1]])) == 0.0
    assert exact_total(np.concatenate([values, [1e-30], -values])) == 1e-30


def test_the_largest_and_the_least_numbers_add_up():
    for values in ([1e308, 5e-324, -1e308], [5e-324] * 3, [2.0**1000, 2.0**-1074], [-0.0], []):
        assert exact_total(values) == math.fsum(values)


@examples
@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=50), st.randoms())
def test_a_mean_does_not_depend_on_order(values, random):
    first = exact_mean(values)
    random.shuffle(values)
    assert exact_mean(values) == first == math.fsum(values) / len(values)


grids = st.tuples(st.integers(1, 8), st.integers(1, 4)).flatmap(
    lambda shape: st.tuples(
        hnp.arrays(float, shape, elements=st.sampled_from([0.0, 0.5, 1.0])),
        hnp.arrays(float, shape, elements=st.sampled_from([0.1, 0.2, 0.3])),
        hnp.arrays(int, shape[0], elements=st.integers(0, shape[1] - 1)),
    )
)


@examples
@given(grids)
def test_the_oracle_takes_the_cheapest_of_the_best(grid):
    quality, cost, _ = grid
    for row, column in enumerate(oracle(quality, cost)):
        ranked = sorted(range(quality.shape[1]), key=lambda m: (-quality[row, m], cost[row, m], m))
        assert column == ranked[0]


@examples
@given(grids)
def test_no_choice_of_one_model_beats_the_oracle(grid):
    quality, cost, choice = grid
    each = np.arange(len(quality))
    left = regret(quality[each, choice], quality)
    assert np.all(left >= 0.0)
    assert np.all(regret(quality[each, oracle(quality, cost)], quality) == 0.0)
    perfect = left == 0.0
    spared = cost[each, choice] - cost[each, oracle(quality, cost)]
    assert np.all(spared[perfect] >= 0.0)


@given(st.floats(0.01, 1.0), st.floats(0.0044, 200.0))
def test_an_arena_score_is_a_weighted_harmonic_mean(quality, cost):
    thrift = (math.log2(200) - math.log2(cost)) / (math.log2(200) - math.log2(0.0044))
    score = arena_score(quality, cost)
    low, high = sorted([quality, max(thrift, 0.0)])
    assert low - 1e-9 <= score <= high + 1e-9
    if thrift > 1e-9:
        assert 1.1 / score == pytest.approx(1.0 / quality + 0.1 / thrift)


def test_an_arena_score_rewards_quality_and_thrift():
    assert arena_score(0.8, 1.0) < arena_score(0.9, 1.0)
    assert arena_score(0.8, 1.0) < arena_score(0.8, 0.5)
    assert arena_score(1.0, 0.0044) == pytest.approx(1.0)
    assert arena_score(0.9, 200.0) == arena_score(0.9, 500.0) == 0.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: exact_total([1.0, np.nan]), r"values\[1\] is nan"),
        (lambda: exact_total(np.ones((2, 2))), r"values has shape \(2, 2\)"),
        (lambda: exact_mean([]), r"values has shape \(0,\)"),
        (lambda: oracle([[1.0, np.nan]], [[0.1, 0.2]]), r"quality\[0, 1\] is nan"),
        (lambda: oracle([[1.0]], [[0.1, 0.2]]), r"cost has \(1, 2\)"),
        (lambda: oracle([1.0], [0.1]), r"quality has shape \(1,\)"),
        (lambda: regret([1.0, 1.0], [[1.0]]), "policy has 2, quality has 1"),
        (lambda: arena_score(1.1, 1.0), "quality is 1.1"),
        (lambda: arena_score(math.nan, 1.0), "quality is nan"),
        (lambda: arena_score(0.5, 0.0), "usd_per_1k is 0.0"),
        (lambda: arena_score(0.5, math.inf), "usd_per_1k is inf"),
    ],
)
def test_bad_values_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
